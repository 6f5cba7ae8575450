//! Takes values out of tuples that were just made: `(a, b)[0]` is `a`.

use flambeau_ir::ir::{BlockId, Graph, NodeId};

use super::dead_code;

pub fn run(g: &mut Graph) {
    let top = g.block();
    block(g, top);
    dead_code::run(g);
}

fn block(g: &mut Graph, at: BlockId) {
    for node in g.block_nodes(at) {
        take(g, node);
        for inner in g.node_blocks(node).to_vec() {
            block(g, inner);
        }
    }
}

fn take(g: &mut Graph, node: NodeId) {
    if !matches!(g.kind(node), "prim::TupleUnpack" | "prim::TupleIndex") {
        return;
    }
    let Some(made) = g.defining_node(g.node_inputs(node)[0]) else {
        return;
    };
    if g.kind(made) != "prim::TupleConstruct" {
        return;
    }
    let items = g.node_inputs(made).to_vec();
    if g.kind(node) == "prim::TupleUnpack" {
        for (output, item) in g.node_outputs(node).to_vec().into_iter().zip(items) {
            g.replace_all_uses(output, item);
        }
        return;
    }
    let Some(index) = g.constant(g.node_inputs(node)[1]).and_then(|v| v.as_int()) else {
        return;
    };
    let index = if index < 0 {
        index + items.len() as i64
    } else {
        index
    };
    if let Some(&item) = usize::try_from(index).ok().and_then(|i| items.get(i)) {
        let output = g.output(node);
        g.replace_all_uses(output, item);
    }
}
