//! Which temporaries disappear into the expression that uses them.
//!
//! A value may be written in place when it is unnamed, is used once, and would be computed at the
//! same point when the text is compiled again. The compiler evaluates an expression tree left to
//! right, operands first; read backwards, that is the operator, then its operands right to left.
//! So the nodes of a block are walked backwards together with the operands of each node from right
//! to left, and as long as both agree the operand is inlined. Constants always may be, since they
//! have no order.

use std::collections::HashSet;

use flambeau_ir::ir::{BlockId, Graph, NodeId, User, ValueId};

pub(super) fn find(graph: &Graph, block: BlockId) -> HashSet<NodeId> {
    let mut scan = Scan {
        graph,
        inline: HashSet::new(),
    };
    scan.block(block);
    scan.inline
}

struct Scan<'g> {
    graph: &'g Graph,
    inline: HashSet<NodeId>,
}

impl Scan<'_> {
    fn block(&mut self, block: BlockId) {
        let last = self.skip_constants(self.graph.last_node(block));
        self.operands(last, self.graph.returns(block));
        let mut at = self.graph.last_node(block);
        while let Some(node) = at {
            self.node(node);
            at = self.graph.prev_node(node);
        }
    }

    /// The nearest node at or before `at` that is not a constant.
    fn skip_constants(&self, mut at: Option<NodeId>) -> Option<NodeId> {
        while let Some(node) = at {
            if self.graph.kind(node) != "prim::Constant" {
                break;
            }
            at = self.graph.prev_node(node);
        }
        at
    }

    /// Returns the node before everything that was inlined into this one.
    fn node(&mut self, node: NodeId) -> Option<NodeId> {
        if self.inline.contains(&node) {
            return Some(node);
        }
        for &block in self.graph.node_blocks(node) {
            self.block(block);
        }
        let before = self.skip_constants(self.graph.prev_node(node));
        self.operands(before, self.graph.node_inputs(node))
    }

    fn operands(&mut self, mut point: Option<NodeId>, operands: &[ValueId]) -> Option<NodeId> {
        for &value in operands.iter().rev() {
            let Some(node) = self.graph.defining_node(value) else {
                continue;
            };
            if point == Some(node) && self.can_inline(node, value) {
                point = self.node(node);
                self.inline.insert(node);
            } else if self.graph.kind(node) == "prim::Constant" {
                self.inline.insert(node);
            }
        }
        point
    }

    fn can_inline(&self, node: NodeId, value: ValueId) -> bool {
        let graph = self.graph;
        let [only] = graph.uses(value) else { return false };
        if graph.node_outputs(node).len() != 1 || !graph.node_blocks(node).is_empty() {
            return false;
        }
        let user = match only.user {
            User::Return(_) => return graph.kind(node) != "prim::isinstance",
            User::Node(user) => user,
        };
        // A name was written by somebody, so it is kept.
        if graph.has_name(value) {
            return false;
        }
        match graph.kind(user) {
            // A loop-carried operand would be computed after the condition.
            "prim::Loop" if only.index >= 2 => false,
            "prim::fork" | "prim::rpc_async" | "prim::rpc_sync" | "prim::rpc_remote" => false,
            // In a condition it would refine types, which has been done already.
            _ => graph.kind(node) != "prim::isinstance",
        }
    }
}
