//! Operators that are other names of operators become those.

use flambeau_ir::ir::{BlockId, Graph, NodeId};
use flambeau_ir::ops::{OpTable, split_overload};
use flambeau_ir::types::Type;

/// Alias and operator; each pair stands for its in-place twin too.
const ALIASES: &[(&str, &str)] = &[
    ("absolute", "abs"),
    ("clip", "clamp"),
    ("linalg_det", "det"),
    ("ger", "outer"),
    ("arccos", "acos"),
    ("arcsin", "asin"),
    ("arctan", "atan"),
    ("arccosh", "acosh"),
    ("arcsinh", "asinh"),
    ("arctanh", "atanh"),
    ("fix", "trunc"),
    ("negative", "neg"),
    ("subtract", "sub"),
    ("greater_equal", "ge"),
    ("greater", "gt"),
    ("less_equal", "le"),
    ("less", "lt"),
    ("not_equal", "ne"),
    ("divide", "div"),
    ("multiply", "mul"),
    ("true_divide", "div"),
    ("row_stack", "vstack"),
    ("swapdims", "transpose"),
    ("swapaxes", "transpose"),
    ("moveaxis", "movedim"),
    ("degrees", "rad2deg"),
    ("radians", "deg2rad"),
];

pub fn run(g: &mut Graph, table: &OpTable) {
    let top = g.block();
    block(g, top, table);
}

fn target(kind: &str) -> Option<String> {
    let name = kind.strip_prefix("aten::")?;
    let (base, suffix) = name.strip_suffix('_').map_or((name, ""), |b| (b, "_"));
    let (_, to) = ALIASES.iter().find(|(from, _)| *from == base)?;
    Some(format!("aten::{to}{suffix}"))
}

fn block(g: &mut Graph, at: BlockId, table: &OpTable) {
    for node in g.block_nodes(at) {
        for inner in g.node_blocks(node).to_vec() {
            block(g, inner, table);
        }
        if let Some(to) = bool_identity(g, node) {
            replace(g, node, to, table);
            continue;
        }
        let reversed = g
            .node(node)
            .op
            .as_ref()
            .is_some_and(|op| op.full_name() == "aten::rsub.Tensor");
        if reversed {
            let inputs = g.node_inputs(node).to_vec();
            g.replace_input(node, 0, inputs[1]);
            g.replace_input(node, 1, inputs[0]);
            replace(g, node, "aten::sub", table);
            continue;
        }
        // Some of the names have overloads for numbers, which stay.
        let on_tensor = g.node_inputs(node).first().is_some_and(|v| g.ty(*v).is_tensor());
        if on_tensor && let Some(to) = target(g.kind(node)) {
            replace(g, node, &to, table);
        }
    }
}

/// `a is b` of bools compares them.
fn bool_identity(g: &Graph, node: NodeId) -> Option<&'static str> {
    let to = match g.kind(node) {
        "aten::__is__" => "aten::eq",
        "aten::__isnot__" => "aten::ne",
        _ => return None,
    };
    let bools = g.node_inputs(node).iter().all(|v| *g.ty(*v) == Type::Bool);
    (bools && g.node_inputs(node).len() == 2).then_some(to)
}

fn replace(g: &mut Graph, node: NodeId, kind: &str, table: &OpTable) {
    let inputs = g.node_inputs(node).to_vec();
    let new = g.create(kind, &inputs, 0);
    let overload = g
        .node(node)
        .op
        .as_ref()
        .map(|op| split_overload(op.full_name()).1.to_string());
    let full = match overload.as_deref() {
        _ if matches!(kind, "aten::eq" | "aten::ne") => format!("{kind}.bool"),
        None | Some("") => kind.to_string(),
        Some(overload) => format!("{kind}.{overload}"),
    };
    let (range, inlined) = (g.node(node).range.clone(), g.node(node).inlined.clone());
    let data = g.node_mut(new);
    (data.range, data.inlined) = (range, inlined);
    data.op = table.get(&full);
    g.insert_before(new, node);
    for output in g.node_outputs(node).to_vec() {
        let ty = g.ty(output).clone();
        let value = g.add_output(new, ty);
        g.copy_metadata(value, output);
        g.replace_all_uses(output, value);
    }
    g.destroy(node);
}
