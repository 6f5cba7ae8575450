//! `_foreach_*`: an operator over each tensor of a list. The schemas say how the other arguments are spread; the rows
//! are TorchScript made from them.

use flambeau_ir::ops::{Op, Rows};

pub fn declare(ops: &mut Rows) {
    for line in crate::SCHEMAS.lines() {
        if line.starts_with("aten::_foreach_")
            && let Some(script) = script(line)
        {
            let mut op = Op::new(line);
            op.doc = "The operator over each tensor of a list.";
            op.script = Some(script.into());
            ops.rows.push(op);
        }
    }
}

/// The body for a schema, where its arguments are of the known kinds.
fn script(schema: &'static str) -> Option<String> {
    let (full_name, rest) = schema.strip_prefix("aten::_foreach_")?.split_once('(')?;
    let (arguments, returns) = rest.rsplit_once(") -> ")?;
    // The last list of an `out` variant takes the results.
    let (arguments, to_lists) = match arguments.strip_suffix("Tensor(a!)[] out") {
        Some(rest) => (rest.trim_end_matches(", ").trim_end_matches(", *"), true),
        None => (arguments, false),
    };
    let in_place = returns == "()" && !to_lists;
    if !to_lists && (full_name.contains("out") || !in_place && !returns.starts_with("Tensor[]")) {
        return None;
    }
    let name = full_name.split('.').next()?.trim_end_matches('_');
    let (mut parameters, mut lists, mut passed) = (Vec::new(), Vec::new(), Vec::new());
    for argument in arguments.split(", ").filter(|a| *a != "*") {
        let (ty, own) = argument.rsplit_once(' ')?;
        let own = own.split('=').next()?;
        let (ty, element) = match ty {
            "Tensor[]" | "Tensor(a!)[]" => ("List[Tensor]", format!("{own}[i]")),
            "Scalar[]" => ("List[number]", format!("{own}[i]")),
            "Tensor" if own == "scalars" => ("Tensor", format!("{own}[i].item()")),
            "Tensor" => ("Tensor", own.to_string()),
            "Scalar" => ("number", own.to_string()),
            "bool" => ("bool", own.to_string()),
            "ScalarType?" | "MemoryFormat?" => ("Optional[int]", own.to_string()),
            _ => return None,
        };
        if ty.starts_with("List") {
            lists.push(own);
        }
        parameters.push(format!("{own}: {ty}"));
        // What the element's operator takes by name only.
        passed.push(match own {
            "alpha" | "value" => format!("{own}={element}"),
            "scalars" if name.starts_with("addc") => format!("value={element}"),
            _ => element,
        });
    }
    let (first, others) = passed.split_first()?;
    let others = others.join(", ");
    let separator = if others.is_empty() { "" } else { ", " };
    let element = match (name, in_place) {
        ("maximum", true) => format!("{first}.clamp_min_({others})"),
        ("minimum", true) => format!("{first}.clamp_max_({others})"),
        (_, true) => format!("{first}.{name}_({others})"),
        ("maximum", _) => format!("torch.clamp_min({first}, {others})"),
        ("minimum", _) => format!("torch.clamp_max({first}, {others})"),
        ("copy", _) => format!("torch.empty_like({first}).copy_({others})"),
        ("clone", _) => format!("torch.clone({first})"),
        ("zero", _) => format!("torch.zeros_like({first})"),
        ("norm", _) => format!("torch.linalg_vector_norm({first}, ord, None, False, dtype=dtype)"),
        ("powsum", _) => format!("torch.sum(torch.pow(torch.abs({first}), ord), dtype=dtype)"),
        _ => format!("torch.{name}({first}{separator}{others})"),
    };
    if to_lists {
        lists.push("out");
        parameters.push("out: List[Tensor]".into());
    }
    let (counted, more) = lists.split_first()?;
    let mut text = format!(
        "def foreach({}) -> {}:\n",
        parameters.join(", "),
        if in_place || to_lists {
            "None"
        } else {
            "List[Tensor]"
        }
    );
    for other in more {
        text.push_str(&format!(
            "    if len({counted}) != len({other}):\n        raise RuntimeError(\"Tensor lists must have the same \
             number of tensors, got \" + str(len({counted})) + \" and \" + str(len({other})))\n"
        ));
    }
    let body = if to_lists {
        format!(
            "    for i in range(len({counted})):\n        made = {element}\n        out[i].resize_(made.size()).copy_(made)\n"
        )
    } else if in_place {
        format!("    for i in range(len({counted})):\n        {element}\n")
    } else {
        format!(
            "    out: List[Tensor] = []\n    for i in range(len({counted})):\n        out.append({element})\n    return out\n"
        )
    };
    text.push_str(&body);
    Some(text)
}
