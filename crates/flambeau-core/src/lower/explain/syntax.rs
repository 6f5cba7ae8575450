//! Constructs of Python that the language does not have.

use super::*;

pub(super) fn unsupported(message: &str) -> Option<Explained> {
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
