//! Conditions, indices, iterations and other uses of values of the wrong type.

use super::*;

pub(super) fn values(message: &str) -> Option<Explained> {
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
