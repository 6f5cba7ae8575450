//! Calls whose arguments fit no signature.

use super::*;

/// What is wrong with one argument of a schema, in one line.
fn argument(line: &str) -> Option<(&'static str, String, Option<String>)> {
    let line = line.trim();
    if let Some(parts) = cut(
        line,
        "Expected a value of type '{}' for argument '{}' but instead found type '{}'",
    ) {
        let (want, name, have) = (shown(parts[0]), parts[1], shown(parts[2]));
        return Some((
            "type.argument",
            format!("expected `{want}` for argument `{name}`, found `{have}`"),
            Some(name.to_string()),
        ));
    }
    if let Some(parts) = cut(line, "Could not match type {} to {} in argument '{}':{}") {
        let (have, want, name) = (shown(parts[0]), shown(parts[1]), parts[2]);
        return Some((
            "type.argument",
            format!("expected `{want}` for argument `{name}`, found `{have}`"),
            Some(name.to_string()),
        ));
    }
    if let Some(parts) = cut(line, "Argument {} not provided") {
        return Some((
            "call.missing",
            format!("argument `{}` is missing", parts[0]),
            Some(parts[0].to_string()),
        ));
    }
    if let Some(parts) = cut(
        line,
        "Expected at most {} arguments but found {} positional arguments",
    ) {
        let title = format!(
            "expected at most {}, found {}",
            article(parts[0], "argument"),
            parts[1]
        );
        return Some(("call.too_many", title, None));
    }
    if let Some(parts) = cut(line, "Keyword argument {} unknown") {
        return Some((
            "call.keyword",
            format!("there is no parameter `{}`", parts[0]),
            None,
        ));
    }
    if let Some(parts) = cut(line, "Keyword argument {} specified twice") {
        return Some((
            "call.keyword",
            format!("argument `{}` is given twice", parts[0]),
            None,
        ));
    }
    None
}

pub(super) fn calls(message: &str, around: Option<&Around>) -> Option<Explained> {
    let lines: Vec<&str> = message.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let is_schema = |line: &str| line.contains('(') && line.contains("->") && line.ends_with(':');
    let wrong: Vec<_> = lines.iter().filter_map(|l| argument(l)).collect();
    let schemas: Vec<&str> = lines.iter().copied().filter(|l| is_schema(l)).collect();
    if lines
        .iter()
        .any(|l| l.starts_with("Arguments for call are not valid"))
    {
        let name = schemas
            .first()
            .map_or("", |s| s.split(['(', '.']).next().unwrap_or_default());
        let name = name.rsplit("::").next().unwrap_or_default();
        let mut explained = Explained::new(
            "call.overload",
            format!("no variant of `{name}` takes these arguments"),
        );
        // The variants that took most of the arguments come first; those that write into an argument are not meant.
        let mut variants: Vec<(usize, String)> = Vec::new();
        for (schema, (code, reason, parameter)) in schemas.iter().zip(&wrong) {
            let parameters = schema.split_once('(').map_or("", |(_, rest)| rest);
            if parameters.contains(" out)") {
                continue;
            }
            let taken = match parameter {
                Some(name) => {
                    let before = parameters
                        .split([',', ')'])
                        .position(|p| p.split('=').next().unwrap_or(p).ends_with(name.as_str()));
                    before.unwrap_or(0)
                }
                None => usize::from(*code == "call.too_many"),
            };
            variants.push((
                taken,
                format!("`{}`: {reason}", shown(schema.trim_end_matches(':'))),
            ));
        }
        variants.sort_by_key(|(taken, _)| std::cmp::Reverse(*taken));
        let count = variants.len();
        for (_, variant) in variants.into_iter().take(3) {
            explained = explained.hint(variant);
        }
        if count > 3 {
            explained = explained.hint(format!("there are {} more variants", count - 3));
        }
        if wrong
            .iter()
            .any(|(_, reason, _)| reason.contains("found `Optional["))
        {
            explained =
                explained.hint("a value that may be None must be tested first: `if value is not None:`");
        }
        return Some(explained);
    }
    let (code, title, parameter) = wrong.into_iter().next()?;
    let mut explained = Explained::new(code, title);
    if let Some(schema) = schemas.first() {
        let callee = schema
            .split('(')
            .next()
            .unwrap_or_default()
            .rsplit(['.', ':'])
            .next()
            .unwrap_or_default();
        let declared = around.and_then(|a| a.named(callee));
        let span = declared.and_then(|f| match &parameter {
            Some(name) => f.params.iter().find(|p| p.name.name == *name).map(|p| p.span),
            None => Some(f.name.span),
        });
        if span.is_some() {
            explained = explained.note(span, "declared here");
        } else {
            explained = explained.hint(format!(
                "the declaration is `{}`",
                shown(schema.trim_end_matches(':'))
            ));
        }
    }
    let inferred = lines
        .iter()
        .any(|l| l.contains("because it was not annotated with an explicit type"));
    if inferred {
        explained = explained.hint("parameters without an annotation are tensors: annotate what is not");
    }
    if let Some(parts) = lines.iter().find_map(|l| {
        cut(
            l,
            "Expected a value of type '{}' for argument '{}' but instead found type '{}'",
        )
    }) && shown(parts[2]) == format!("Optional[{}]", shown(parts[0]))
    {
        explained = explained.hint("test for None first: `if value is not None:` makes the value usable");
    }
    if lines
        .iter()
        .any(|l| l.starts_with("Empty lists default to List[Tensor]"))
    {
        explained = explained
            .hint("an empty list is a `List[Tensor]`: annotate its variable, as in `xs: List[int] = []`");
    }
    Some(explained)
}
