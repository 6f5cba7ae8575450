//! Loads and stores of variables to values: blocks get inputs and outputs, `break` and `continue` get the values that
//! they carry, loops get their condition in place, and the loads and stores go away.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use flambeau_ir::ir::{Attr, BlockId, Graph, NodeId, ValueId};
use flambeau_ir::ops::OpTable;
use flambeau_ir::types::Type;
use flambeau_ir::value::IValue;

use super::{exits, loops, meaningful_name};

/// False: a `with` is left in a way that cannot be expressed.
#[must_use]
pub fn convert(g: &mut Graph, table: &OpTable) -> bool {
    let _ = table;
    let top = g.block();
    ControlFlow { frames: Vec::new() }.block(g, top);
    Continuations::run(g, top);
    loops::inline_conditions(g, top);
    Erase { frames: Vec::new() }.block(g, top);
    exits::transform(g)
}

fn variable(g: &Graph, node: NodeId) -> String {
    g.str_attr(node, "name").unwrap_or("").to_string()
}

fn create_load(g: &mut Graph, name: &str, ty: Type) -> NodeId {
    let node = g.create("prim::Load", &[], 1);
    let value = g.output(node);
    g.set_type(value, ty);
    g.set_attr(node, "name", Attr::Str(name.into()));
    node
}

fn create_store(g: &mut Graph, name: &str, value: ValueId) -> NodeId {
    let node = g.create("prim::Store", &[value], 0);
    g.set_attr(node, "name", Attr::Str(name.into()));
    node
}

type Types = BTreeMap<String, Type>;

/// Adds loads and stores around control flow for the variables that it changes.
struct ControlFlow {
    frames: Vec<Types>,
}

impl ControlFlow {
    fn find(&self, name: &str) -> Option<Type> {
        self.frames.iter().rev().find_map(|f| f.get(name).cloned())
    }

    fn set(&mut self, name: String, ty: Type) {
        if let Some(frame) = self.frames.last_mut() {
            frame.insert(name, ty);
        }
    }

    fn block(&mut self, g: &mut Graph, block: BlockId) -> Types {
        self.frames.push(Types::new());
        let mut at = g.first_node(block);
        while let Some(node) = at {
            match g.kind(node) {
                "prim::If" => self.branch(g, node),
                "prim::Loop" => self.looped(g, node),
                "prim::Closure" => {
                    for block in g.node_blocks(node).to_vec() {
                        self.block(g, block);
                    }
                }
                "prim::Store" => {
                    let name = variable(g, node);
                    let ty = g.ty(g.node_inputs(node)[0]).clone();
                    self.set(name, ty);
                }
                "prim::ComprehensionScope" => {
                    let inner = g.node_blocks(node)[0];
                    self.block(g, inner);
                }
                _ => {}
            }
            // The stores just added behind the node are met next.
            at = g.next_node(node);
        }
        self.frames.pop().unwrap_or_default()
    }

    fn block_output(g: &mut Graph, block: BlockId, ty: Type, name: &str) {
        let load = create_load(g, name, ty);
        g.append(block, load);
        let value = g.output(load);
        g.add_return(block, value);
    }

    fn node_output(g: &mut Graph, node: NodeId, ty: Type, name: &str) {
        let value = g.add_output(node, ty);
        if meaningful_name(name) {
            g.set_name(value, name);
        }
        let store = create_store(g, name, value);
        g.insert_after(store, node);
    }

    fn branch(&mut self, g: &mut Graph, node: NodeId) {
        let [yes, no] = [g.node_blocks(node)[0], g.node_blocks(node)[1]];
        let yes_vars = self.block(g, yes);
        let no_vars = self.block(g, no);
        let mut mutated = BTreeSet::new();
        for (vars, other) in [(&yes_vars, &no_vars), (&no_vars, &yes_vars)] {
            for name in vars.keys() {
                if other.contains_key(name) || self.find(name).is_some() {
                    mutated.insert(name.clone());
                }
            }
        }
        for name in mutated {
            let find = |vars: &Types| vars.get(&name).cloned().or_else(|| self.find(&name));
            let (Some(yes_ty), Some(no_ty)) = (find(&yes_vars), find(&no_vars)) else {
                continue;
            };
            let Some(unified) = yes_ty.unify(&no_ty, true) else {
                continue;
            };
            Self::block_output(g, yes, yes_ty, &name);
            Self::block_output(g, no, no_ty, &name);
            Self::node_output(g, node, unified, &name);
        }
    }

    fn looped(&mut self, g: &mut Graph, node: NodeId) {
        let body = g.node_blocks(node)[0];
        let vars = self.block(g, body);
        for (name, body_ty) in vars {
            // A variable of the body alone is not carried from one iteration to the next.
            let Some(outer_ty) = self.find(&name) else {
                continue;
            };
            let unified = outer_ty.unify(&body_ty, true).unwrap_or_else(|| outer_ty.clone());
            let load = create_load(g, &name, outer_ty);
            g.insert_before(load, node);
            let value = g.output(load);
            g.add_node_input(node, value);

            let param = g.add_block_param(body, unified.clone());
            g.set_name(param, &name);
            let store = create_store(g, &name, param);
            g.prepend(body, store);

            Self::block_output(g, body, body_ty, &name);
            Self::node_output(g, node, unified, &name);
        }
    }
}

/// Turns `break` and `continue` into jumps that carry the loop's condition and variables.
struct Continuations {
    false_value: ValueId,
    current: Option<NodeId>,
}

impl Continuations {
    fn run(g: &mut Graph, block: BlockId) {
        let node = g.create_constant(IValue::Bool(false));
        g.prepend(block, node);
        let false_value = g.output(node);
        Continuations {
            false_value,
            current: None,
        }
        .block(g, block);
    }

    fn block(&mut self, g: &mut Graph, block: BlockId) {
        for node in g.block_nodes(block) {
            match g.kind(node) {
                "prim::If" => {
                    for inner in g.node_blocks(node).to_vec() {
                        self.block(g, inner);
                    }
                }
                "prim::Closure" => Continuations::run(g, g.node_blocks(node)[0]),
                "prim::Loop" => {
                    let before = self.current.replace(node);
                    self.block(g, g.node_blocks(node)[0]);
                    self.current = before;
                }
                "prim::ContinueStmt" => {
                    let Some(current) = self.current else { continue };
                    let jump = g.create("prim::LoopContinuation", &[], 0);
                    g.insert_after(jump, node);
                    let header = g.node_blocks(current)[1];
                    let returns = loops::clone_block_before(g, header, node);
                    if let Some(&go_on) = returns.first() {
                        g.add_node_input(jump, go_on);
                    }
                    self.carry(g, jump, current);
                    g.destroy(node);
                }
                "prim::BreakStmt" => {
                    let Some(current) = self.current else { continue };
                    let jump = g.create("prim::LoopContinuation", &[self.false_value], 0);
                    g.insert_after(jump, node);
                    self.carry(g, jump, current);
                    g.destroy(node);
                }
                _ => {}
            }
        }
    }

    /// The variables as they are at the jump.
    fn carry(&self, g: &mut Graph, jump: NodeId, current: NodeId) {
        let body = g.node_blocks(current)[0];
        for value in g.returns(body).to_vec() {
            let Some(load) = g.defining_node(value) else {
                continue;
            };
            let copy = g.clone_node(load);
            g.insert_before(copy, jump);
            let value = g.output(copy);
            g.add_node_input(jump, value);
        }
    }
}

/// Replaces each load by what was last stored.
struct Erase {
    frames: Vec<HashMap<String, ValueId>>,
}

impl Erase {
    fn block(&mut self, g: &mut Graph, block: BlockId) {
        self.frames.push(HashMap::new());
        for node in g.block_nodes(block) {
            match g.kind(node) {
                "prim::Store" => {
                    let name = variable(g, node);
                    let value = g.node_inputs(node)[0];
                    if let Some(frame) = self.frames.last_mut() {
                        frame.insert(name, value);
                    }
                    g.destroy(node);
                }
                "prim::Load" => {
                    let name = variable(g, node);
                    let found = self.frames.iter().rev().find_map(|f| f.get(&name).copied());
                    if let Some(value) = found {
                        let load = g.output(node);
                        g.replace_all_uses(load, value);
                        g.destroy(node);
                    }
                }
                "prim::ComprehensionScope" => {
                    let inner = g.node_blocks(node)[0];
                    self.block(g, inner);
                    for moved in g.block_nodes(inner) {
                        g.move_before(moved, node);
                    }
                    g.destroy(node);
                }
                _ => {
                    for inner in g.node_blocks(node).to_vec() {
                        self.block(g, inner);
                    }
                }
            }
        }
        self.frames.pop();
    }
}
