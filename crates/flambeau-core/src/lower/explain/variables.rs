//! Variables, returns and annotations whose types do not agree.

use super::*;

pub(super) fn variables(message: &str, around: Option<&Around>) -> Option<Explained> {
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
