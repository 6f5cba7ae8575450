//! Computes what depends on constants only, and removes branches and loops that are decided.
//!
//! Only values that cannot change take part, so that running the pass again changes nothing.

use flambeau_ir::ir::{BlockId, Graph, NodeId, ValueId};
use flambeau_ir::value::IValue;

use super::alias::is_mutable;
use super::{constant_pooling, dead_code, evaluate};

pub fn run_immutable(g: &mut Graph) {
    let mut pass = Propagation { changed: false };
    let top = g.block();
    pass.block(g, top);
    if pass.changed {
        dead_code::run(g);
    }
}

struct Propagation {
    changed: bool,
}

fn is_constant(g: &Graph, value: ValueId) -> bool {
    g.defining_node(value)
        .is_some_and(|n| g.kind(n) == "prim::Constant")
}

impl Propagation {
    fn block(&mut self, g: &mut Graph, block: BlockId) {
        for node in g.block_nodes(block) {
            if !g.is_destroyed(node) {
                self.node(g, node);
            }
        }
    }

    fn node(&mut self, g: &mut Graph, node: NodeId) {
        let constant = g.node_inputs(node).iter().all(|v| is_constant(g, *v));
        match g.kind(node) {
            "prim::If" => {
                let known = g.constant(g.node_inputs(node)[0]).and_then(|v| v.as_bool());
                match known {
                    Some(known) => self.inline_branch(g, node, known),
                    None => {
                        for inner in g.node_blocks(node).to_vec() {
                            self.block(g, inner);
                        }
                        self.extra_if_outputs(g, node);
                    }
                }
            }
            "prim::Loop" => {
                let count = g
                    .constant(g.node_inputs(node)[0])
                    .and_then(|v| v.as_int())
                    .unwrap_or(1);
                let start = g
                    .constant(g.node_inputs(node)[1])
                    .and_then(|v| v.as_bool())
                    .unwrap_or(true);
                if !start || count <= 0 {
                    for (i, output) in g.node_outputs(node).to_vec().into_iter().enumerate() {
                        let input = g.node_inputs(node)[i + 2];
                        g.replace_all_uses(output, input);
                    }
                    g.destroy(node);
                    self.changed = true;
                } else {
                    for inner in g.node_blocks(node).to_vec() {
                        self.block(g, inner);
                    }
                    self.extra_loop_outputs(g, node);
                }
            }
            _ if constant && supported(g, node) => self.fold(g, node),
            _ => {
                for inner in g.node_blocks(node).to_vec() {
                    self.block(g, inner);
                }
            }
        }
    }

    fn fold(&mut self, g: &mut Graph, node: NodeId) {
        let Some(values) = evaluate::run_if_constant(g, node) else {
            return;
        };
        let outputs = g.node_outputs(node).to_vec();
        for (output, value) in outputs.into_iter().zip(values) {
            if !insertable(&value) {
                continue;
            }
            let is_none = value.is_none();
            let ty = g.ty(output).clone();
            let new = g.before(node, |g| g.insert_constant(value));
            if is_none {
                g.set_type(new, ty);
            }
            g.replace_all_uses(output, new);
            self.changed = true;
        }
    }

    fn inline_branch(&mut self, g: &mut Graph, node: NodeId, known: bool) {
        let taken = g.node_blocks(node)[usize::from(!known)];
        self.block(g, taken);
        for moved in g.block_nodes(taken) {
            g.move_before(moved, node);
        }
        for (i, output) in g.node_outputs(node).to_vec().into_iter().enumerate() {
            let value = g.returns(taken)[i];
            g.replace_all_uses(output, value);
        }
        g.destroy(node);
        self.changed = true;
    }

    /// Outputs that are the same in both branches need not be outputs.
    fn extra_if_outputs(&mut self, g: &mut Graph, node: NodeId) {
        let [yes, no] = [g.node_blocks(node)[0], g.node_blocks(node)[1]];
        let mut i = 0;
        while i < g.returns(yes).len() {
            let (a, b) = (g.returns(yes)[i], g.returns(no)[i]);
            let replacement = if a == b {
                Some(a)
            } else {
                match (g.defining_node(a), g.defining_node(b), g.constant(a)) {
                    (Some(x), Some(y), Some(value))
                        if g.kind(y) == "prim::Constant" && constant_pooling::equal(g, x, y) =>
                    {
                        Some(g.before(node, |g| g.insert_constant(value)))
                    }
                    _ => None,
                }
            };
            let Some(replacement) = replacement else {
                i += 1;
                continue;
            };
            let output = g.node_outputs(node)[i];
            g.replace_all_uses(output, replacement);
            g.erase_output(node, i);
            g.erase_return(yes, i);
            g.erase_return(no, i);
            self.changed = true;
        }
    }

    /// Loop variables that the body hands on unchanged are not loop variables.
    fn extra_loop_outputs(&mut self, g: &mut Graph, node: NodeId) {
        let body = g.node_blocks(node)[0];
        for i in (0..g.node_outputs(node).len()).rev() {
            let param = g.params(body)[i + 1];
            if param != g.returns(body)[i + 1] {
                continue;
            }
            let input = g.node_inputs(node)[i + 2];
            let output = g.node_outputs(node)[i];
            g.replace_all_uses(output, input);
            g.replace_all_uses(param, input);
            g.erase_output(node, i);
            g.remove_input(node, i + 2);
            g.erase_return(body, i + 1);
            g.erase_block_param(body, i + 1);
            self.changed = true;
        }
    }
}

/// Values that a `prim::Constant` can hold.
fn insertable(value: &IValue) -> bool {
    match value {
        IValue::Object(_) | IValue::Future(_) | IValue::Generator(_) | IValue::Capsule(_) => false,
        IValue::Tuple(items) => items.items.iter().all(insertable),
        _ => true,
    }
}

fn supported(g: &Graph, node: NodeId) -> bool {
    let kind = g.kind(node);
    let skipped = matches!(
        kind,
        "prim::If"
            | "prim::Loop"
            | "prim::Closure"
            | "prim::Constant"
            | "prim::AutogradZero"
            | "prim::Uninitialized"
            | "prim::Guard"
            | "prim::profile"
            | "prim::unchecked_unwrap_optional"
            | "aten::dequantize"
    );
    let immutable = |values: &[ValueId]| values.iter().all(|v| !is_mutable(g.ty(*v)));
    !skipped
        && immutable(g.node_inputs(node))
        && immutable(g.node_outputs(node))
        && !dead_code::has_side_effects(kind)
        && !is_nondeterministic(kind)
        && g.node_blocks(node).is_empty()
}

fn is_nondeterministic(kind: &str) -> bool {
    matches!(
        kind,
        "aten::seed"
            | "aten::initial_seed"
            | "aten::is_grad_enabled"
            | "aten::is_autocast_enabled"
            | "aten::is_autocast_cpu_enabled"
            | "aten::rand"
            | "aten::randn"
            | "aten::randint"
    )
}
