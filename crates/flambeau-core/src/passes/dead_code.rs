//! Removes what nothing depends on: nodes whose results are not used and that have no effect that could be seen.

use std::collections::HashSet;

use flambeau_ir::ir::{Attr, BlockId, Graph, NodeId, ValueId};

use super::alias::AliasDb;

pub fn run(g: &mut Graph) {
    let top = g.block();
    dead_fork_inputs(g, top);
    let db = AliasDb::new(g);
    let mut live = Live {
        db,
        marked: HashSet::new(),
        values: HashSet::new(),
        returns: HashSet::new(),
    };
    live.values.extend(g.outputs().iter().copied());
    live.returns.insert(top);
    live.block(g, top);
    sweep(g, top, &live.marked);
}

/// Kinds that act on the world.
pub fn has_side_effects(kind: &str) -> bool {
    matches!(
        kind,
        "prim::PythonOp"
            | "prim::IgnoredPythonOp"
            | "prim::Print"
            | "prim::RaiseException"
            | "aten::warn"
            | "aten::save"
            | "aten::backward"
            | "profiler::_record_function_exit"
            | "aten::manual_seed"
            | "aten::set_grad_enabled"
            | "prim::AddStatValue"
            | "prim::TimePoint"
            | "prim::CallFunction"
            | "prim::CallMethod"
            | "prim::Enter"
            | "prim::Exit"
            | "prim::SetAttr"
            | "aten::wait"
            | "prim::rpc_async"
            | "prim::rpc_sync"
            | "prim::rpc_remote"
    )
}

struct Live {
    db: AliasDb,
    marked: HashSet<NodeId>,
    values: HashSet<ValueId>,
    returns: HashSet<BlockId>,
}

impl Live {
    fn effects(&self, g: &Graph, node: NodeId) -> bool {
        let kind = g.kind(node);
        // Setting an attribute of a local object shows only if the object is used.
        (has_side_effects(kind) && kind != "prim::SetAttr")
            || self.db.writes_to_wildcard(node)
            || g.node_blocks(node)
                .iter()
                .any(|b| g.block_nodes(*b).iter().any(|n| self.effects(g, *n)))
    }

    fn block(&mut self, g: &Graph, block: BlockId) -> bool {
        let mut any = false;
        let nodes = g.block_nodes(block);
        for &node in &nodes {
            if !self.marked.contains(&node) && self.effects(g, node) {
                any |= self.mark(g, node);
            }
        }
        any |= self.mark_return(g, block);
        for &node in nodes.iter().rev() {
            if g.kind(node) == "prim::Loop" {
                // What an iteration needs of the one before is found by going round again.
                while self.block(g, g.node_blocks(node)[0]) {
                    any = true;
                }
            } else {
                for &inner in g.node_blocks(node) {
                    any |= self.block(g, inner);
                }
            }
            any |= self.mark_if_live(g, node);
        }
        any
    }

    fn mark_return(&mut self, g: &Graph, block: BlockId) -> bool {
        if self.returns.contains(&block) {
            return false;
        }
        let Some(owner) = g.block_owner(block) else {
            return false;
        };
        let returns = g.returns(block);
        if g.kind(owner) == "prim::Loop" {
            for (i, &output) in g.node_outputs(owner).iter().enumerate() {
                if self.values.contains(&output) || g.has_uses(g.params(block)[i + 1]) {
                    self.values.insert(returns[i + 1]);
                }
            }
            self.values.insert(returns[0]);
        } else {
            for (output, inner) in g.node_outputs(owner).iter().zip(returns) {
                if self.values.contains(output) {
                    self.values.insert(*inner);
                }
            }
        }
        self.returns.insert(block);
        true
    }

    fn mark_if_live(&mut self, g: &Graph, node: NodeId) -> bool {
        if self.marked.contains(&node) {
            return false;
        }
        let used = g.node_outputs(node).iter().any(|o| self.values.contains(o));
        if used || self.db.writes_to(node, &self.values) {
            return self.mark(g, node);
        }
        false
    }

    fn mark(&mut self, g: &Graph, node: NodeId) -> bool {
        if !self.marked.insert(node) {
            return false;
        }
        if let Some(owner) = g.owning_block(node).and_then(|b| g.block_owner(b)) {
            self.mark(g, owner);
        }
        self.values.extend(g.node_inputs(node).iter().copied());
        true
    }
}

fn sweep(g: &mut Graph, block: BlockId, marked: &HashSet<NodeId>) {
    for node in g.block_nodes(block).into_iter().rev() {
        if g.kind(node) == "prim::If" {
            for i in (0..g.node_outputs(node).len()).rev() {
                if !g.has_uses(g.node_outputs(node)[i]) {
                    g.erase_output(node, i);
                    for inner in g.node_blocks(node).to_vec() {
                        g.erase_return(inner, i);
                    }
                }
            }
        }
        if g.kind(node) == "prim::Loop" {
            let body = g.node_blocks(node)[0];
            for i in (0..g.node_outputs(node).len()).rev() {
                if !g.has_uses(g.node_outputs(node)[i]) && !g.has_uses(g.params(body)[i + 1]) {
                    g.erase_output(node, i);
                    g.remove_input(node, i + 2);
                    g.erase_block_param(body, i + 1);
                    g.erase_return(body, i + 1);
                }
            }
        }
        for inner in g.node_blocks(node).to_vec() {
            sweep(g, inner, marked);
        }
        if !marked.contains(&node) && g.node_outputs(node).iter().all(|o| !g.has_uses(*o)) {
            g.destroy(node);
        }
    }
}

/// A forked body that does not use one of its inputs need not get it.
fn dead_fork_inputs(g: &mut Graph, block: BlockId) {
    for node in g.block_nodes(block) {
        for inner in g.node_blocks(node).to_vec() {
            dead_fork_inputs(g, inner);
        }
        if g.kind(node) != "prim::fork" {
            continue;
        }
        let Some(Attr::Graph(body)) = g.attr(node, "Subgraph") else {
            continue;
        };
        let unused: Vec<usize> = (0..body.inputs().len())
            .filter(|i| !body.has_uses(body.inputs()[*i]))
            .collect();
        if unused.is_empty() {
            continue;
        }
        let mut body = (**body).clone();
        let top = body.block();
        for i in unused.into_iter().rev() {
            body.erase_block_param(top, i);
            g.remove_input(node, i);
        }
        g.set_attr(node, "Subgraph", Attr::Graph(body.into()));
    }
}
