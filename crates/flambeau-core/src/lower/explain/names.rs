//! Names, attributes and methods that do not exist.

use super::*;

pub(super) fn names(message: &str, around: Option<&Around>) -> Option<Explained> {
    let first = first_line(message);
    if let Some(parts) = cut(first, "undefined value {}") {
        let name = parts[0].trim_end_matches(':');
        let mut explained = Explained::new("name.undefined", format!("`{name}` is not defined"))
            .label("not found in this scope");
        let near = around.map(Around::names).unwrap_or_default().into_iter();
        let near = near.filter(|n| n != name).filter_map(|n| {
            let distance = crate::lower::schema_match::edit_distance(name, &n, 2)?;
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
            let distance = crate::lower::schema_match::edit_distance(&op, row.name(), 2)?;
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
