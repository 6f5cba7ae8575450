//! When values die: for each value and each block in its scope, the last node of that block that uses it, itself or in
//! a block inside it. The builder moves a value out of its register there, so that memory is freed early.

use std::collections::HashMap;

use flambeau_ir::ir::{BlockId, Graph, NodeId, User, ValueId};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Last {
    Node(NodeId),
    /// The block returns it.
    Return,
}

pub struct Liveness {
    last: HashMap<(ValueId, BlockId), (u32, Last)>,
    /// The values whose last use in a block is this node.
    dying: HashMap<NodeId, Vec<ValueId>>,
}

impl Liveness {
    pub fn of(g: &Graph) -> Liveness {
        let order: HashMap<NodeId, u32> = g.all_nodes().into_iter().zip(0..).collect();
        let mut last: HashMap<(ValueId, BlockId), (u32, Last)> = HashMap::new();
        let mut note = |value: ValueId, block: BlockId, at: u32, what: Last| {
            let entry = last.entry((value, block)).or_insert((at, what));
            if at >= entry.0 {
                *entry = (at, what);
            }
        };
        let values = order.keys().flat_map(|&n| g.node_outputs(n).iter().copied());
        let params = order
            .keys()
            .flat_map(|&n| g.node_blocks(n).iter().copied())
            .chain([g.block()])
            .flat_map(|b| g.params(b).iter().copied());
        for value in values.chain(params) {
            let Some(home) = g.defining_block(value) else {
                continue;
            };
            for used in g.uses(value) {
                let mut user = match used.user {
                    User::Node(node) if order.contains_key(&node) => node,
                    User::Node(_) => continue,
                    User::Return(block) => {
                        note(value, block, u32::MAX, Last::Return);
                        match g.block_owner(block) {
                            Some(owner) if block != home => owner,
                            _ => continue,
                        }
                    }
                };
                // Every block on the way out to where the value was made sees a use.
                while let Some(block) = g.owning_block(user) {
                    note(
                        value,
                        block,
                        order.get(&user).copied().unwrap_or(0),
                        Last::Node(user),
                    );
                    if block == home {
                        break;
                    }
                    match g.block_owner(block) {
                        Some(owner) => user = owner,
                        None => break,
                    }
                }
            }
        }
        let mut dying: HashMap<NodeId, Vec<ValueId>> = HashMap::new();
        for (&(value, _), &(_, what)) in &last {
            if let Last::Node(node) = what {
                dying.entry(node).or_default().push(value);
            }
        }
        for values in dying.values_mut() {
            values.sort();
        }
        Liveness { last, dying }
    }

    /// Where `block` uses the value for the last time.
    pub fn last(&self, value: ValueId, block: BlockId) -> Option<Last> {
        self.last.get(&(value, block)).map(|(_, what)| *what)
    }

    /// The values that no later node of the node's block uses.
    pub fn dying_at(&self, node: NodeId) -> &[ValueId] {
        self.dying.get(&node).map_or(&[], Vec::as_slice)
    }
}
