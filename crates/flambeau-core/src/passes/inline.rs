//! Replaces calls by the bodies of what is called.

use std::sync::Arc;

use flambeau_ir::function::Function;
use flambeau_ir::ir::{BlockId, Graph, InlinedCall, NodeId, ValueId};

use super::{constant_pooling, constant_propagation, peephole};

/// Inlines every call of a function or a method that is known. Bodies are inlined before they are used, so that each
/// is done once a call.
pub fn run(g: &mut Graph) -> Result<(), flambeau_ir::function::DefineError> {
    let top = g.block();
    block(g, top)
}

fn callee(g: &Graph, node: NodeId) -> Option<(Arc<Function>, Vec<ValueId>)> {
    let inputs = g.node_inputs(node);
    match g.kind(node) {
        "prim::CallFunction" => {
            let constant = g.defining_node(*inputs.first()?)?;
            Some((g.node(constant).function.clone()?, inputs[1..].to_vec()))
        }
        "prim::CallMethod" => Some((g.node(node).function.clone()?, inputs.to_vec())),
        _ => None,
    }
}

fn block(g: &mut Graph, at: BlockId) -> Result<(), flambeau_ir::function::DefineError> {
    for node in g.block_nodes(at) {
        for inner in g.node_blocks(node).to_vec() {
            block(g, inner)?;
        }
        let Some((function, inputs)) = callee(g, node) else {
            continue;
        };
        let mut body = function.graph()?.copy();
        run(&mut body)?;
        // PyTorch inlines what it would run, which these have simplified.
        peephole::run(&mut body);
        constant_propagation::run_immutable(&mut body);
        constant_pooling::run(&mut body);
        let call = Arc::new(InlinedCall {
            function: function.name().clone(),
            range: g.node(node).range.clone(),
            caller: g.node(node).inlined.clone(),
        });
        let mut map = body.inputs().iter().copied().zip(inputs).collect();
        for inlined in body.block_nodes(body.block()) {
            let copy = g.copy_node(&body, inlined, &mut map);
            g.insert_before(copy, node);
            mark(g, copy, &call);
        }
        let outputs = g.node_outputs(node).to_vec();
        for (output, value) in outputs.into_iter().zip(body.outputs().to_vec()) {
            if let Some(&value) = map.get(&value) {
                if g.has_name(output) {
                    g.set_name(value, &g.name(output));
                }
                g.replace_all_uses(output, value);
            }
        }
        g.destroy(node);
    }
    Ok(())
}

/// Remembers through which call the nodes came here.
fn mark(g: &mut Graph, node: NodeId, call: &Arc<InlinedCall>) {
    let marked = match g.node(node).inlined.clone() {
        None => call.clone(),
        Some(inner) => append(&inner, call),
    };
    g.node_mut(node).inlined = Some(marked);
    for inner in g.node_blocks(node).to_vec() {
        for nested in g.block_nodes(inner) {
            mark(g, nested, call);
        }
    }
}

fn append(inner: &Arc<InlinedCall>, call: &Arc<InlinedCall>) -> Arc<InlinedCall> {
    let caller = match &inner.caller {
        None => call.clone(),
        Some(caller) => append(caller, call),
    };
    Arc::new(InlinedCall {
        function: inner.function.clone(),
        range: inner.range.clone(),
        caller: Some(caller),
    })
}
