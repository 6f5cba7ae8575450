//! Runs a single node whose inputs are constants.

use flambeau_ir::ir::{Attr, Graph, NodeId};
use flambeau_ir::ops::Context;
use flambeau_ir::types::Type;
use flambeau_ir::value::{Dict, IValue, TupleValue};

/// The node's results, or `None` where an input is not constant or the node cannot run.
pub fn run_if_constant(g: &Graph, node: NodeId) -> Option<Vec<IValue>> {
    let inputs: Option<Vec<IValue>> = g.node_inputs(node).iter().map(|v| g.constant(*v)).collect();
    run(g, node, inputs?)
}

fn run(g: &Graph, node: NodeId, inputs: Vec<IValue>) -> Option<Vec<IValue>> {
    let outputs = g.node_outputs(node);
    let ty = outputs.first().map(|o| g.ty(*o).clone());
    match g.kind(node) {
        "prim::TupleConstruct" => {
            let Some(Type::Tuple(tuple)) = &ty else {
                return None;
            };
            let named = tuple.named.as_ref().filter(|n| !n.name.is_empty());
            let value = TupleValue {
                items: inputs.into(),
                ty: named.and(ty.clone()),
            };
            Some(vec![IValue::Tuple(value.into())])
        }
        "prim::TupleIndex" => {
            let items = inputs[0].as_tuple()?;
            let index = inputs[1].as_int()?;
            let index = if index < 0 {
                index + items.len() as i64
            } else {
                index
            };
            Some(vec![items.get(usize::try_from(index).ok()?)?.clone()])
        }
        "prim::TupleUnpack" => {
            let items = inputs[0].as_tuple()?;
            (items.len() == outputs.len()).then(|| items.to_vec())
        }
        "prim::ListConstruct" => {
            let Some(Type::List(element)) = ty else {
                return None;
            };
            Some(vec![IValue::list((*element).clone(), inputs)])
        }
        "prim::DictConstruct" => {
            let Some(Type::Dict(kv)) = ty else { return None };
            let pairs: Vec<(IValue, IValue)> = inputs
                .chunks_exact(2)
                .map(|pair| (pair[0].clone(), pair[1].clone()))
                .collect();
            Some(vec![IValue::Dict(Dict::from_pairs(
                kv.0.clone(),
                kv.1.clone(),
                pairs,
            ))])
        }
        "prim::ListUnpack" => {
            let items = inputs[0].as_list()?.to_vec();
            (items.len() == outputs.len()).then_some(items)
        }
        "prim::isinstance" => {
            let Some(Attr::Types(types)) = g.attr(node, "types") else {
                return None;
            };
            let have = inputs.first()?.ty();
            Some(vec![IValue::Bool(types.iter().any(|t| have.is_subtype_of(t)))])
        }
        "prim::unchecked_cast" => Some(inputs),
        "prim::EnumName" => match inputs.first()? {
            IValue::Enum(member) => Some(vec![IValue::Str(member.name.clone())]),
            _ => None,
        },
        "prim::EnumValue" => match inputs.first()? {
            IValue::Enum(member) => Some(vec![member.value.clone()]),
            _ => None,
        },
        "prim::CreateObject" | "prim::GetAttr" | "prim::Load" | "aten::percentFormat" | "aten::format" => {
            None
        }
        _ => {
            let op = g.node(node).op.as_ref()?;
            if op.schema().is_vararg {
                return None;
            }
            let kernel = op.kernel.as_ref()?;
            let result = (kernel.run)(&Context::new(), &inputs).ok()?;
            match (outputs.len(), result) {
                (0, _) => Some(Vec::new()),
                (1, value) => Some(vec![value]),
                (n, IValue::Tuple(items)) if items.items.len() == n => Some(items.items.to_vec()),
                _ => None,
            }
        }
    }
}
