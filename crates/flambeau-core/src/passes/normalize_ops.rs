//! Operators that are other names of operators become those.

use std::sync::Arc;

use flambeau_ir::ir::{BlockId, Graph, NodeId};
use flambeau_ir::ops::{Op, OpTable};
use flambeau_ir::types::Type;

/// Alias and operator; each pair stands for its in-place twin too.
const ALIASES: &[(&str, &str)] = &[
    ("absolute", "abs"),
    ("clip", "clamp"),
    ("det", "linalg_det"),
    ("matrix_power", "linalg_matrix_power"),
    ("matrix_exp", "linalg_matrix_exp"),
    ("ger", "outer"),
    ("arccos", "acos"),
    ("arcsin", "asin"),
    ("arctan", "atan"),
    ("arctan2", "atan2"),
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
    ("linalg_matmul", "matmul"),
    ("inverse", "linalg_inv"),
    ("true_divide", "div"),
    ("concat", "cat"),
    ("concatenate", "cat"),
    ("row_stack", "vstack"),
    ("swapdims", "transpose"),
    ("swapaxes", "transpose"),
    ("moveaxis", "movedim"),
    ("special_erf", "erf"),
    ("special_erfc", "erfc"),
    ("special_erfinv", "erfinv"),
    ("special_expit", "sigmoid"),
    ("special_exp2", "exp2"),
    ("special_expm1", "expm1"),
    ("special_logit", "logit"),
    ("special_logsumexp", "logsumexp"),
    ("special_round", "round"),
    ("special_log1p", "log1p"),
    ("special_sinc", "sinc"),
    ("special_digamma", "digamma"),
    ("special_psi", "digamma"),
    ("special_i0", "i0"),
    ("special_xlogy", "xlogy"),
    ("special_log_softmax", "log_softmax"),
    ("orgqr", "linalg_householder_product"),
    ("adjoint", "mH"),
    ("special_multigammaln", "mvlgamma"),
    ("special_polygamma", "polygamma"),
    ("special_softmax", "softmax"),
    ("special_gammainc", "igamma"),
    ("special_gammaincc", "igammac"),
    ("special_gammaln", "lgamma"),
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
        let on_tensor = g.node_inputs(node).first().is_some_and(|v| {
            let ty = g.ty(*v);
            ty.is_tensor() || ty.list_element().is_some_and(Type::is_tensor)
        });
        if on_tensor
            && let Some(to) = target(g.kind(node))
            && fitting(g, node, &to, table).is_some()
        {
            replace(g, node, &to, table);
        }
    }
}

/// The overload that takes a node's inputs.
fn fitting(g: &Graph, node: NodeId, kind: &str, table: &OpTable) -> Option<Arc<Op>> {
    let inputs = g.node_inputs(node);
    let fits = |op: &Arc<Op>| {
        let arguments = &op.schema().arguments;
        arguments.len() == inputs.len()
            && arguments
                .iter()
                .zip(inputs)
                .all(|(argument, input)| g.ty(*input).is_subtype_of(&argument.ty))
    };
    table.overloads(kind).into_iter().find(fits)
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
    let op = fitting(g, node, kind, table);
    let new = g.create(kind, &inputs, 0);
    let (range, inlined) = (g.node(node).range.clone(), g.node(node).inlined.clone());
    let data = g.node_mut(new);
    (data.range, data.inlined) = (range, inlined);
    data.op = op;
    g.insert_before(new, node);
    for output in g.node_outputs(node).to_vec() {
        let ty = g.ty(output).clone();
        let value = g.add_output(new, ty);
        g.copy_metadata(value, output);
        g.replace_all_uses(output, value);
    }
    g.destroy(node);
}
