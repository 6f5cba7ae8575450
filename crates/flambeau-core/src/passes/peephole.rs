//! Drops operations that their surroundings make needless: casts to a type that is there already, `is None` of what
//! cannot be None, conditions that only repeat another.
//!
//! Before: `%b : bool = aten::__is__(%tensor, %none)`; after: `%b : bool = prim::Constant[value=0]()`. Every change
//! removes the last use of a node, so the pass ends. It touches no arithmetic, so no rounding changes.

use flambeau_ir::ir::{BlockId, Graph, NodeId, ValueId};
use flambeau_ir::types::Type;
use flambeau_ir::value::IValue;

use super::dead_code;

pub fn run(g: &mut Graph) {
    let top = g.block();
    if block(g, top) {
        dead_code::run(g);
    }
}

fn block(g: &mut Graph, at: BlockId) -> bool {
    let mut changed = false;
    for node in g.block_nodes(at) {
        for inner in g.node_blocks(node).to_vec() {
            changed |= block(g, inner);
        }
        changed |= simplified(g, node);
    }
    changed
}

fn never_none(ty: &Type) -> bool {
    !matches!(
        ty,
        Type::None | Type::Optional(_) | Type::Any | Type::Union(_) | Type::Var(_)
    )
}

fn simplified(g: &mut Graph, node: NodeId) -> bool {
    let inputs = g.node_inputs(node).to_vec();
    let outputs = g.node_outputs(node).to_vec();
    match g.kind(node) {
        "prim::unchecked_cast" => {
            let needless = g.ty(inputs[0]).is_subtype_of(g.ty(outputs[0]));
            if needless {
                g.replace_all_uses(outputs[0], inputs[0]);
            }
            needless
        }
        "aten::_unwrap_optional" | "prim::unchecked_unwrap_optional" => {
            let needless = never_none(g.ty(inputs[0]));
            if needless {
                g.replace_all_uses(outputs[0], inputs[0]);
            }
            needless
        }
        kind @ ("aten::__is__" | "aten::__isnot__") if inputs.len() == 2 => {
            let differ = kind == "aten::__isnot__";
            let none = |g: &Graph, v: ValueId| *g.ty(v) == Type::None;
            let decided = [(0, 1), (1, 0)]
                .into_iter()
                .any(|(i, j)| none(g, inputs[i]) && never_none(g.ty(inputs[j])));
            if decided {
                let value = g.before(node, |g| g.insert_constant(IValue::Bool(differ)));
                g.replace_all_uses(outputs[0], value);
            }
            decided
        }
        "prim::If" => {
            let [yes, no] = [0, 1].map(|b| g.returns(g.node_blocks(node)[b]).to_vec());
            let known = |g: &Graph, v: ValueId| g.constant(v).and_then(|v| v.as_bool());
            let mut changed = false;
            for ((&output, yes), no) in outputs.iter().zip(yes).zip(no) {
                let repeats =
                    *g.ty(output) == Type::Bool && known(g, yes) == Some(true) && known(g, no) == Some(false);
                if repeats {
                    g.replace_all_uses(output, inputs[0]);
                    changed = true;
                }
            }
            changed
        }
        _ => false,
    }
}
