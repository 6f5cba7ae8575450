//! Errors drawn for people: a short title, what was expected and found, the declaration that it conflicts with, a hint,
//! and a stable code.
//!
//! PyTorch's sentences stay what exceptions say, because programs match on them. Here they are taken apart again, and
//! the source text is searched for the places that explain them; the compiler itself carries neither.

use flambeau_syntax::{self as ast, Diagnostic, Expr, FunctionDef, Kind, Span, Stmt, StmtKind};

use super::error::{CompileError, ErrorKind};

/// An explanation of one error.
struct Explained {
    code: &'static str,
    title: String,
    label: String,
    notes: Vec<(Span, String)>,
    hints: Vec<String>,
}

impl Explained {
    fn new(code: &'static str, title: impl Into<String>) -> Explained {
        Explained {
            code,
            title: title.into(),
            label: String::new(),
            notes: Vec::new(),
            hints: Vec::new(),
        }
    }
    fn label(mut self, label: impl Into<String>) -> Explained {
        self.label = label.into();
        self
    }
    fn note(mut self, span: Option<Span>, text: impl Into<String>) -> Explained {
        if let Some(span) = span {
            self.notes.push((span, text.into()));
        }
        self
    }
    fn hint(mut self, hint: impl Into<String>) -> Explained {
        self.hints.push(hint.into());
        self
    }
}

/// What the `{}` of a template stand for in a text that starts with it.
fn cut<'a>(text: &'a str, template: &str) -> Option<Vec<&'a str>> {
    let mut pieces = template.split("{}");
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut found = Vec::new();
    let pieces: Vec<&str> = pieces.collect();
    for (i, piece) in pieces.iter().enumerate() {
        let at = match (piece.is_empty(), i + 1 == pieces.len()) {
            (true, true) => rest.len(),
            _ => rest.find(piece)?,
        };
        found.push(&rest[..at]);
        rest = &rest[at + piece.len()..];
    }
    Some(found)
}

/// A type as programs write it: without addresses, modules and marks of inference.
fn shown(ty: &str) -> String {
    let mut out = String::new();
    let mut rest = ty;
    while let Some(at) = rest.find(" (of Python compilation unit at: 0x") {
        out.push_str(&rest[..at]);
        rest = rest[at..].split_once(')').map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    let out = out.replace(" (inferred)", "").replace("NoneType", "None");
    let mut short = String::new();
    let mut rest = out.as_str();
    while let Some(at) = rest.find("__torch__.") {
        short.push_str(&rest[..at]);
        let end = rest[at..]
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
            .map_or(rest.len(), |e| at + e);
        short.push_str(rest[at..end].rsplit('.').next().unwrap_or_default());
        rest = &rest[end..];
    }
    short.push_str(rest);
    short.trim_end_matches('.').to_string()
}

/// A type with its article.
fn a(ty: &str) -> String {
    let an = ty.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O']);
    format!("{} `{ty}`", if an { "an" } else { "a" })
}

fn article(count: &str, what: &str) -> String {
    match count {
        "1" => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// The text around an error, as far as it can be read.
struct Around {
    module: ast::Module,
    place: Span,
}

impl Around {
    fn functions<'a>(body: &'a [Stmt], found: &mut Vec<&'a FunctionDef>) {
        for stmt in body {
            match &stmt.kind {
                StmtKind::FunctionDef(function) => {
                    found.push(function);
                    Around::functions(&function.body, found);
                }
                StmtKind::ClassDef(class) => Around::functions(&class.body, found),
                // An indented cut-out is read under an `if`.
                StmtKind::If { body, .. } => Around::functions(body, found),
                _ => {}
            }
        }
    }

    fn all(&self) -> Vec<&FunctionDef> {
        let mut found = Vec::new();
        Around::functions(&self.module.body, &mut found);
        found
    }

    /// The function that the error is in.
    fn function(&self) -> Option<&FunctionDef> {
        let holds = |f: &&FunctionDef| f.span.start <= self.place.start && self.place.start < f.span.end;
        self.all().into_iter().filter(holds).min_by_key(|f| f.span.len())
    }

    /// A function of the text by its name.
    fn named(&self, name: &str) -> Option<&FunctionDef> {
        self.all().into_iter().find(|f| f.name.name == name)
    }

    /// Where a name gets a value: parameters, then assignments in order.
    fn bindings(&self, name: &str) -> Vec<Span> {
        let Some(function) = self.function() else {
            return Vec::new();
        };
        let mut found: Vec<Span> = function
            .params
            .iter()
            .filter(|p| p.name.name == name)
            .map(|p| p.span)
            .collect();
        assigned(&function.body, &mut |target, span| {
            if target == name {
                found.push(span);
            }
        });
        found
    }

    /// All names that the function may use.
    fn names(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        if let Some(function) = self.function() {
            found.extend(function.params.iter().map(|p| p.name.name.clone()));
            assigned(&function.body, &mut |name, _| found.push(name.to_string()));
        }
        found.extend(self.all().iter().map(|f| f.name.name.clone()));
        found.extend(["len", "range", "print", "sorted", "float", "int", "str", "torch"].map(String::from));
        found
    }

    fn returns(&self) -> Option<Span> {
        let function = self.function()?;
        let signature = || function.signature.as_ref().and_then(|s| s.returns.as_ref());
        function.returns.as_ref().or_else(signature).map(|r| r.span)
    }
}

fn assigned(body: &[Stmt], see: &mut dyn FnMut(&str, Span)) {
    fn targets(target: &Expr, see: &mut dyn FnMut(&str, Span)) {
        match &target.kind {
            ast::ExprKind::Name(name) => see(name, target.span),
            ast::ExprKind::Tuple(items) | ast::ExprKind::List(items) => {
                for item in items {
                    targets(item, see);
                }
            }
            _ => {}
        }
    }
    for stmt in body {
        match &stmt.kind {
            StmtKind::Assign { targets: all, .. } => all.iter().for_each(|t| targets(t, see)),
            StmtKind::AugAssign { target, .. } => targets(target, see),
            StmtKind::AnnAssign { target, .. } => targets(target, see),
            StmtKind::For {
                target, body, orelse, ..
            } => {
                targets(target, see);
                assigned(body, see);
                assigned(orelse, see);
            }
            StmtKind::If { body, orelse, .. } | StmtKind::While { body, orelse, .. } => {
                assigned(body, see);
                assigned(orelse, see);
            }
            StmtKind::With { items, body, .. } => {
                items
                    .iter()
                    .filter_map(|i| i.target.as_ref())
                    .for_each(|t| targets(t, see));
                assigned(body, see);
            }
            _ => {}
        }
    }
}

/// The error as shells draw it.
pub(super) fn diagnostic(error: &CompileError) -> Diagnostic {
    let kind = match error.kind {
        ErrorKind::Syntax => Kind::Syntax,
        ErrorKind::UnsupportedNode
        | ErrorKind::NotSupported
        | ErrorKind::Frontend
        | ErrorKind::NotImplemented
        | ErrorKind::Recursion => Kind::Unsupported,
        _ => Kind::Type,
    };
    let around = error.place.as_ref().map(|(text, span)| Around {
        module: ast::parse_module(&text.file).0,
        place: *span,
    });
    let explained = explain(error, around.as_ref());
    let mut diagnostic = Diagnostic::error(kind, explained.code, explained.title);
    if let Some((text, span)) = &error.place {
        diagnostic = diagnostic.at(&text.file, *span, explained.label);
        for (span, note) in explained.notes {
            diagnostic = diagnostic.with(&text.file, span, note);
        }
    }
    for (text, span, note) in &error.notes {
        diagnostic = diagnostic.with(&text.file, *span, note);
    }
    for hint in explained.hints.iter().chain(&error.hints) {
        diagnostic = diagnostic.hint(hint);
    }
    for frame in &error.frames {
        diagnostic = diagnostic.called_from(&frame.caller, &frame.text.file, frame.span);
    }
    diagnostic
}

fn explain(error: &CompileError, around: Option<&Around>) -> Explained {
    let message = error.message.trim();
    let frontend = match error.kind {
        ErrorKind::Syntax => Some(Explained::new("syntax", lower(first_line(message)))),
        ErrorKind::UnsupportedNode | ErrorKind::NotSupported | ErrorKind::Frontend => unsupported(message),
        _ => None,
    };
    frontend
        .or_else(|| calls(message, around))
        .or_else(|| variables(message, around))
        .or_else(|| names(message, around))
        .or_else(|| values(message))
        .unwrap_or_else(|| plain(error.kind, message))
}

fn first_line(message: &str) -> &str {
    message
        .lines()
        .find(|l| !l.trim().is_empty())
        .unwrap_or(message)
        .trim()
}

/// A sentence in the style of our own: no capital at its start, no full stop.
fn lower(sentence: &str) -> String {
    let sentence = sentence.trim().trim_end_matches(['.', ':']);
    let mut chars = sentence.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().collect::<String>() + &sentence[first.len_utf8()..]
        }
        _ => sentence.to_string(),
    }
}

/// Sentences that have no explanation of their own.
fn plain(kind: ErrorKind, message: &str) -> Explained {
    let code = match kind {
        ErrorKind::Syntax => "syntax",
        ErrorKind::UnsupportedNode => "unsupported.node",
        ErrorKind::NotSupported => "unsupported.form",
        ErrorKind::Frontend => "unsupported.frontend",
        ErrorKind::NotImplemented => "unsupported.operation",
        ErrorKind::Recursion => "unsupported.recursion",
        ErrorKind::Compile => "compile",
        ErrorKind::Value => "compile.value",
        ErrorKind::Type => "compile.type",
        ErrorKind::Attribute => "compile.attribute",
    };
    let mut lines = message.lines().map(str::trim).filter(|l| !l.is_empty());
    let first = lines.next().unwrap_or_default();
    // Several sentences in one line: the first says what is wrong, the others what to do.
    let (title, advice) = match first.split_once(". ") {
        Some((title, advice)) if title.len() > 8 => (title, Some(advice)),
        _ => (first, None),
    };
    let explained = Explained::new(code, lower(&shown(title)));
    let hints = advice.into_iter().chain(lines);
    hints.fold(explained, |e, line| e.hint(lower(&shown(line))))
}

fn unsupported(message: &str) -> Option<Explained> {
    let first = first_line(message);
    if first.starts_with("Compiled functions can't take variable number of arguments") {
        return Some(
            Explained::new(
                "unsupported.parameters",
                "compiled functions cannot take `*args`, `**kwargs`, or keyword-only arguments with defaults",
            )
            .label("not possible here")
            .hint("pass a list or a tuple instead of `*args`, and plain parameters instead of `**kwargs`"),
        );
    }
    let what = first
        .strip_suffix(" aren't supported")
        .or_else(|| first.strip_suffix(" aren't supported:"))?;
    let (name, instead) = match what {
        "Lambda" => (
            "lambda functions",
            "define a function with `def` and call it by its name",
        ),
        "Set" => ("sets", "use a list, or a dict whose values are not used"),
        "SetComp" => ("set comprehensions", "use a list comprehension"),
        "try blocks" => (
            "`try` statements",
            "test for the condition before, or let the error end the call",
        ),
        "Yield" | "YieldFrom" => ("generators", "collect the values in a list and return it"),
        "Await" => ("`await`", "use `torch.jit.fork` and `torch.jit.wait`"),
        "NamedExpr" => (
            "assignment expressions (`:=`)",
            "assign in a statement of its own",
        ),
        "global variables" | "Global" => (
            "`global` statements",
            "pass the value as an argument and return the new one",
        ),
        "nonlocal statements" | "Nonlocal" => (
            "`nonlocal` statements",
            "pass the value as an argument and return the new one",
        ),
        "import statements" => ("`import` inside of functions", "import at the top of the file"),
        "function definitions" => (
            "functions inside of functions",
            "define the function at the top of the file",
        ),
        "class definitions" => (
            "classes inside of functions",
            "define the class at the top of the file",
        ),
        "async function definitions" => ("`async` functions", "use `torch.jit.fork` and `torch.jit.wait`"),
        "Match" | "match statements" => ("`match` statements", "use `if` and `elif`"),
        "Starred" => ("a starred expression here", "name the items"),
        "else branches of for loops" => (
            "`else` behind a loop",
            "set a flag in the loop and test it behind",
        ),
        other => {
            return Some(Explained::new(
                "unsupported.syntax",
                format!("TorchScript has no {other}"),
            ));
        }
    };
    let verb = if name.ends_with('s') { "are" } else { "is" };
    Some(
        Explained::new("unsupported.syntax", format!("TorchScript has no {name}"))
            .label(format!("{verb} not part of the language"))
            .hint(instead),
    )
}

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

fn calls(message: &str, around: Option<&Around>) -> Option<Explained> {
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

fn variables(message: &str, around: Option<&Around>) -> Option<Explained> {
    let first = first_line(message);
    let binding = |name: &str, nth: usize| around.and_then(|a| a.bindings(name).get(nth).copied());
    let elsewhere = |span: Option<Span>| {
        span.filter(|s| around.is_some_and(|a| s.end <= a.place.start || s.start >= a.place.end))
    };
    if let Some(parts) = cut(
        first,
        "Variable '{}' previously had type {} but is now being assigned to a value of type {}",
    ) {
        let (name, before, now) = (parts[0], shown(parts[1]), shown(parts[2]));
        let explained = Explained::new(
            "type.variable",
            format!("`{name}` is {}, found {}", a(&before), a(&now)),
        )
        .label(format!("expected `{before}`, found `{now}`"))
        .note(
            elsewhere(binding(name, 0)),
            format!("`{name}` gets its type here"),
        );
        return Some(match message.contains("Empty lists default to") {
            true => explained.hint(format!(
                "an empty list is a `List[Tensor]`: annotate the first assignment, as in `{name}: {now} = []`"
            )),
            false => explained.hint(format!(
                "a variable keeps its type: use another name, or declare `{name}: {}`",
                match before == "None" {
                    true => format!("Optional[{now}]"),
                    false => format!("Union[{before}, {now}]"),
                }
            )),
        });
    }
    if let Some(parts) = cut(
        first,
        "Variable '{}' is annotated with type {} but is being assigned to a value of type {}",
    ) {
        let (name, want, have) = (parts[0], shown(parts[1]), shown(parts[2]));
        return Some(
            Explained::new(
                "type.annotation",
                format!("`{name}` is declared as `{want}`, found {}", a(&have)),
            )
            .label(format!("expected `{want}`, found `{have}`")),
        );
    }
    if let Some(parts) = cut(
        first,
        "Type mismatch: {} is set to type {} in the true branch and type {} in the false branch",
    ) {
        let (name, yes, no) = (parts[0], shown(parts[1]), shown(parts[2]));
        let mut explained = Explained::new(
            "type.branches",
            format!(
                "`{name}` is {} if the condition holds, and {} if not",
                a(&yes),
                a(&no)
            ),
        );
        for (i, ty) in [&yes, &no].into_iter().enumerate() {
            explained = explained.note(binding(name, i), format!("{} here", a(ty)));
        }
        return Some(explained.hint(format!(
            "declare `{name}: Union[{yes}, {no}]` before the `if`, or use two names"
        )));
    }
    if let Some(parts) = cut(
        first,
        "if-expression's true branch has type {} but false branch has type {}",
    ) {
        let (yes, no) = (
            shown(parts[0].trim_end_matches(':')),
            shown(parts[1].trim_end_matches(':')),
        );
        let title = format!(
            "the expression is {} if the condition holds, and {} if not",
            a(&yes),
            a(&no)
        );
        return Some(Explained::new("type.branches", title).label("both sides must have one type"));
    }
    if let Some(parts) = cut(
        first,
        "Return value was annotated as having type {} but is actually of type {}",
    ) {
        let (want, have) = (shown(parts[0]), shown(parts[1]));
        let explained = Explained::new(
            "type.return",
            format!("the function returns {}, found {}", a(&want), a(&have)),
        )
        .label(format!("expected `{want}`, found `{have}`"))
        .note(around.and_then(Around::returns), "the declared result");
        return Some(match have == format!("Optional[{want}]") {
            true => explained.hint("test for None first: `if value is not None:` makes the value usable"),
            false => explained,
        });
    }
    if let Some(parts) = cut(first, "{} is not defined in the {} branch") {
        let condition = if parts[1] == "true" {
            "holds"
        } else {
            "does not hold"
        };
        return Some(
            Explained::new(
                "name.branch",
                format!("`{}` has no value if the condition {condition}", parts[0]),
            )
            .note(binding(parts[0], 0), "only set here")
            .hint(format!(
                "give `{}` a value before the `if`, or in both branches",
                parts[0]
            )),
        );
    }
    None
}

fn names(message: &str, around: Option<&Around>) -> Option<Explained> {
    let first = first_line(message);
    if let Some(parts) = cut(first, "undefined value {}") {
        let name = parts[0].trim_end_matches(':');
        let mut explained = Explained::new("name.undefined", format!("`{name}` is not defined"))
            .label("not found in this scope");
        let near = around.map(Around::names).unwrap_or_default().into_iter();
        let near = near.filter(|n| n != name).filter_map(|n| {
            let distance = super::schema_match::edit_distance(name, &n, 2)?;
            (2 * distance < name.len()).then_some((distance, n))
        });
        if let Some((_, near)) = near.min() {
            explained = explained.hint(format!("did you mean `{near}`?"));
        } else if let Some(set) = around.and_then(|a| a.bindings(name).first().copied())
            && around.is_some_and(|a| set.end <= a.place.start)
        {
            explained = explained
                .note(Some(set), "set here, which need not have run")
                .hint(format!("give `{name}` a value on every path that leads here"));
        }
        return Some(explained);
    }
    if let Some(parts) = cut(first, "Unknown type name '{}'") {
        return Some(
            Explained::new("name.type", format!("`{}` is not a type", parts[0]))
                .label("unknown type")
                .hint("import it from `typing`, or define the class above"),
        );
    }
    if let Some(parts) = cut(first, "'{}' object has no attribute or method '{}'") {
        let (ty, name) = (shown(parts[0]), parts[1]);
        let explained = Explained::new(
            "name.attribute",
            format!("`{ty}` has no attribute or method `{name}`"),
        );
        return Some(if ty == "Tensor" {
            explained.hint(
                "a value without an annotation is a tensor: annotate the parameter if it is something else",
            )
        } else if ty.starts_with("Optional[") {
            explained.hint("test for None first: `if value is not None:` makes the value usable")
        } else if message.contains("Did you forget to initialize an attribute in __init__()") {
            explained.hint("attributes are made in `__init__`, by assignment to `self`")
        } else {
            explained
        });
    }
    if let Some(parts) = cut(first, "Module '{}' has no attribute '{}' {}") {
        let explained = Explained::new(
            "name.attribute",
            format!("module `{}` has no attribute `{}`", parts[0], parts[1]),
        );
        let why = parts[2].trim().trim_start_matches('(').trim_end_matches(')');
        return Some(match why.is_empty() {
            true => explained,
            false => explained.hint(lower(why)),
        });
    }
    if let Some(parts) = cut(first, "object has no attribute {}") {
        let name = parts[0].trim_end_matches(':');
        let explained = Explained::new("name.operator", format!("there is no `{name}` in this module"));
        let op = format!("aten::{name}");
        let all = flambeau_ops::table().all();
        let near = all.iter().filter_map(|row| {
            let distance = super::schema_match::edit_distance(&op, row.name(), 2)?;
            Some((distance, row.name().to_string()))
        });
        return Some(match near.min() {
            Some((_, near)) => {
                explained.hint(format!("did you mean `{}`?", near.trim_start_matches("aten::")))
            }
            None => explained,
        });
    }
    if let Some(parts) = cut(first, "cannot call a value of type '{}'") {
        let title = format!("{} cannot be called", a(&shown(parts[0])));
        return Some(Explained::new("call.not_callable", title).label("not a function"));
    }
    if let Some(parts) = cut(
        first,
        "Python builtin <built-in function {}> is currently not supported in Torchscript",
    ) {
        let title = format!("Python's `{}` has no meaning in compiled code", parts[0]);
        return Some(Explained::new("unsupported.builtin", title).label("not part of the language"));
    }
    if let Some(parts) = cut(first, "Unknown builtin op: {}.") {
        let op = parts[0].rsplit("::").next().unwrap_or(parts[0]);
        let mut explained = Explained::new("name.operator", format!("there is no operator `{op}`"));
        let near = message
            .lines()
            .filter(|l| l.starts_with('\t'))
            .map(|l| l.trim().rsplit("::").next().unwrap_or(l));
        let near: Vec<String> = near.filter(|n| *n != op).map(|n| format!("`{n}`")).collect();
        if !near.is_empty() {
            explained = explained.hint(format!("similar names: {}", near.join(", ")));
        }
        return Some(explained);
    }
    None
}

fn values(message: &str) -> Option<Explained> {
    let first = first_line(message);
    if let Some(parts) = cut(first, "Could not cast value of type {} to bool") {
        let ty = shown(parts[0].trim_end_matches(':'));
        return Some(
            Explained::new("type.condition", format!("{} is neither true nor false", a(&ty)))
                .label("expected a bool, a number, or a tensor of one element")
                .hint(if ty.starts_with("Optional") {
                    "compare with None: `if value is not None:`"
                } else {
                    "compare it: `len(x) > 0`, `x != 0`"
                }),
        );
    }
    if first.starts_with("python value of type ") {
        let parts = cut(first, "python value of type '{}' cannot be used as a value")?;
        return Some(
            Explained::new(
                "unsupported.python_value",
                format!(
                    "a global of the Python type `{}` cannot be used in compiled code",
                    parts[0]
                ),
            )
            .label("defined outside of the function")
            .hint("pass it as an argument, or make it a constant of a module (`Final`)"),
        );
    }
    let rows: [(&str, &'static str, &dyn Fn(&[&str]) -> Explained); 10] = [
        (
            "previous return statement returned a value of type {} but this return statement returns a value of type {}",
            "type.return",
            &|p| {
                let title = format!(
                    "the function returns {} before, and {} here",
                    a(&shown(p[0])),
                    a(&shown(p[1]))
                );
                Explained::new("", title).hint("declare the result, as in `-> Union[int, str]`")
            },
        ),
        (
            "Function was not annotated as having type None, but does not return along all paths",
            "return.missing",
            &|_| {
                Explained::new("", "the function ends without a result on some path")
                    .hint("end every path with `return` or `raise`")
            },
        ),
        ("'{}' object is not iterable", "type.iterate", &|p| {
            Explained::new("", format!("{} has no items to iterate over", a(&shown(p[0]))))
        }),
        (
            "Tried to set nonexistent attribute: {}. Did",
            "name.attribute",
            &|p| {
                Explained::new("", format!("there is no attribute `{}`", p[0]))
                    .hint(format!("make it in `__init__`: `self.{} = …`", p[0]))
            },
        ),
        (
            "Wrong type for attribute assignment. Expected {} but got {}",
            "type.attribute",
            &|p| {
                let (want, have) = (shown(p[0]), shown(p[1].trim_end_matches(':')));
                Explained::new("", format!("the attribute is {}, found {}", a(&want), a(&have)))
                    .label(format!("expected `{want}`, found `{have}`"))
            },
        ),
        (
            "Tuple index out of range. Tuple is length {} and index is {}",
            "tuple.index",
            &|p| {
                Explained::new(
                    "",
                    format!("the tuple has {} items, found the index {}", p[0], p[1]),
                )
            },
        ),
        (
            "Cannot index into a {} with a non-integer literal",
            "tuple.index",
            &|p| {
                Explained::new(
                    "",
                    format!("an index into {} must be a number in the text", a(&shown(p[0]))),
                )
                .hint("its items have types of their own, so that the index decides the type")
            },
        ),
        (
            "too many values to unpack: need {} but found {}",
            "tuple.unpack",
            &|p| {
                Explained::new(
                    "",
                    format!("expected {} values, found {}", p[0], p[1].trim_end_matches(':')),
                )
            },
        ),
        (
            "{} does not support subscripted assignment",
            "type.item_assignment",
            &|p| Explained::new("", format!("items of {} cannot be set", a(&shown(p[0])))),
        ),
        (
            "Mutable default parameters are not supported",
            "unsupported.default",
            &|_| {
                Explained::new("", "a default that can be changed would be shared by all calls")
                    .hint("make the default None, and the parameter an `Optional`")
            },
        ),
    ];
    for (template, code, explained) in rows {
        if let Some(parts) = cut(first, template) {
            let mut explained = explained(&parts);
            explained.code = code;
            return Some(explained);
        }
    }
    if first.starts_with("function cannot be used as a value") {
        return Some(
            Explained::new("type.function_value", "a function is not a value").label("call it: `name(…)`"),
        );
    }
    if first.starts_with("Expected integer literal for index") {
        return Some(
            Explained::new(
                "module.index",
                "a list of modules needs an index that is known while it is compiled",
            )
            .hint("iterate instead: `for i, layer in enumerate(self.layers):`"),
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{cut, lower, shown};

    #[test]
    fn templates() {
        let check = |text: &str, template: &str, expected: Option<&[&str]>| {
            assert_eq!(cut(text, template).as_deref(), expected, "{template}");
        };
        check("undefined value x", "undefined value {}", Some(&["x"]));
        check("a 'b' c 'd'.", "a '{}' c '{}'", Some(&["b", "d"]));
        check("a b", "c {}", None);
    }

    #[test]
    fn types() {
        let check = |ty: &str, expected: &str| assert_eq!(shown(ty), expected);
        check("__torch__.case.P (of Python compilation unit at: 0x7f)", "P");
        check(
            "Optional[__torch__.P (of Python compilation unit at: 0x7f)]",
            "Optional[P]",
        );
        check("Tensor (inferred)", "Tensor");
        check("Enum<__torch__.Color>", "Enum<Color>");
    }

    #[test]
    fn sentences() {
        assert_eq!(lower("Expected a thing."), "expected a thing");
        assert_eq!(lower("JIT is"), "JIT is");
    }
}
