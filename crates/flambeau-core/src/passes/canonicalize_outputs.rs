//! Orders the outputs of ifs and loops by their first use, so that equal programs make equal graphs.

use std::cmp::Ordering;

use flambeau_ir::ir::{BlockId, Graph, NodeId, Use, User, ValueId};

pub fn run(g: &mut Graph) {
    let top = g.block();
    block(g, top);
}

fn block(g: &mut Graph, at: BlockId) {
    // From the end: the order of a node's outputs depends on what follows it.
    for node in g.block_nodes(at).into_iter().rev() {
        match g.kind(node) {
            "prim::Loop" => {
                let order = sorted(g, g.node_outputs(node));
                permute(g, node, &order, 2, 1);
            }
            "prim::If" => {
                let order = sorted(g, g.node_outputs(node));
                permute(g, node, &order, usize::MAX, 0);
            }
            _ => {}
        }
        for inner in g.node_blocks(node).to_vec() {
            block(g, inner);
        }
    }
}

/// Where a use stands: the path of positions from the top block. A block's return comes after its nodes.
fn path(g: &Graph, at: Use) -> Vec<usize> {
    let mut path = vec![at.index];
    let mut block = match at.user {
        User::Node(node) => {
            path.push(position(g, node));
            g.owning_block(node)
        }
        User::Return(block) => {
            path.push(usize::MAX);
            Some(block)
        }
    };
    while let Some(owner) = block.and_then(|b| g.block_owner(b)) {
        let number = g
            .node_blocks(owner)
            .iter()
            .position(|b| Some(*b) == block)
            .unwrap_or(0);
        // Behind the node's own inputs.
        path.push(number + 1_000_000);
        path.push(position(g, owner));
        block = g.owning_block(owner);
    }
    path.reverse();
    path
}

fn position(g: &Graph, node: NodeId) -> usize {
    let mut count = 0;
    let mut at = g.prev_node(node);
    while let Some(before) = at {
        count += 1;
        at = g.prev_node(before);
    }
    count
}

/// The order of values by first use; unused ones last, in the order they have.
fn sorted(g: &Graph, values: &[ValueId]) -> Vec<usize> {
    let first: Vec<Option<Vec<usize>>> = values
        .iter()
        .map(|v| g.uses(*v).iter().map(|u| path(g, *u)).min())
        .collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| match (&first[a], &first[b]) {
        (Some(x), Some(y)) => x.cmp(y),
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Greater,
        (_, None) => Ordering::Less,
    });
    order
}

/// Reorders outputs with the inputs (from `inputs_from`) and block values (from `block_from`) that belong to them.
fn permute(g: &mut Graph, node: NodeId, order: &[usize], inputs_from: usize, block_from: usize) {
    if order.iter().enumerate().all(|(i, o)| i == *o) {
        return;
    }
    g.permute_outputs(node, order);
    if inputs_from != usize::MAX {
        let inputs = g.node_inputs(node).to_vec();
        for (i, &o) in order.iter().enumerate() {
            g.replace_input(node, inputs_from + i, inputs[inputs_from + o]);
        }
    }
    for block in g.node_blocks(node).to_vec() {
        let returns = g.returns(block).to_vec();
        for (i, &o) in order.iter().enumerate() {
            g.replace_return(block, block_from + i, returns[block_from + o]);
        }
        if inputs_from != usize::MAX {
            g.permute_params(block, block_from, order);
        }
    }
}
