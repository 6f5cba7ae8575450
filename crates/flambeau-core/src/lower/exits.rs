//! Early exits. `return`, `break` and `continue` leave blocks in the middle; a graph's blocks have one end. What
//! follows a possible exit is put under an `if` on whether the exit was taken, and the values to leave with are
//! passed outwards to the block that the exit is for.
//!
//! Whether a block exits: it will, it might, it will not, or it always raises. The last makes better graphs only.

use std::collections::HashMap;

use flambeau_ir::ir::{BlockId, Graph, NodeId, User, ValueId};
use flambeau_ir::types::Type;
use flambeau_ir::value::IValue;

use super::loops::clone_block_into;

/// False: a value is used after a `with` that a possible exit inside of it leaves undefined.
#[must_use]
pub fn transform(g: &mut Graph) -> bool {
    enter_exit_to_with(g);
    if escapes_from_with(g) {
        return false;
    }
    Exits::new(g, "prim::LoopContinuation").block(g, g.block());
    Exits::new(g, "prim::ReturnStmt").block(g, g.block());
    let top = g.block();
    inline_consecutive_ifs(g, top);
    with_to_enter_exit(g);
    true
}

/// Whether what stands in a `with` behind a possible exit defines a value that is used after the `with`. It would move
/// under an `if`, from which nothing leads out.
fn escapes_from_with(g: &Graph) -> bool {
    let may_exit = |node: NodeId| matches!(g.kind(node), "prim::If" | "prim::Loop") && exits(g, node, false);
    let inside = |user: User, body: BlockId| {
        let mut at = match user {
            User::Node(node) => g.owning_block(node),
            User::Return(block) => Some(block),
        };
        while let Some(block) = at.filter(|b| *b != body) {
            at = g.block_owner(block).and_then(|owner| g.owning_block(owner));
        }
        at.is_some()
    };
    for with in g.all_nodes() {
        if g.kind(with) != "prim::With" {
            continue;
        }
        let body = g.node_blocks(with)[0];
        let behind = g.block_nodes(body).into_iter().skip_while(|n| !may_exit(*n));
        let mut outputs = behind.flat_map(|node| g.node_outputs(node).to_vec());
        if outputs.any(|value| g.uses(value).iter().any(|u| !inside(u.user, body))) {
            return true;
        }
    }
    false
}

/// Whether a node leaves what stands around it.
fn exits(g: &Graph, node: NodeId, in_loop: bool) -> bool {
    let in_loop = in_loop || g.kind(node) == "prim::Loop";
    match g.kind(node) {
        "prim::ReturnStmt" => true,
        "prim::LoopContinuation" => !in_loop,
        "prim::Closure" => false,
        _ => g
            .node_blocks(node)
            .iter()
            .any(|b| g.block_nodes(*b).into_iter().any(|n| exits(g, n, in_loop))),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Will,
    Might,
    Wont,
    Throws,
}

/// Whether the exit was taken, as a value, and what to leave with.
#[derive(Clone)]
struct Exit {
    taken: ValueId,
    values: Vec<ValueId>,
}

struct Exits {
    kind: &'static str,
    yes: ValueId,
    no: ValueId,
    /// Never read: the code that would read it raises before.
    throws: ValueId,
    /// One uninitialised value a type. Equal types made in different places count as different, as in PyTorch.
    units: HashMap<(std::mem::Discriminant<Type>, usize), ValueId>,
    target: Option<BlockId>,
}

impl Exits {
    fn new(g: &mut Graph, kind: &'static str) -> Exits {
        let first = g.first_node(g.block());
        let mut constant = |value| {
            let node = g.create_constant(IValue::Bool(value));
            match first {
                Some(first) => g.insert_before(node, first),
                None => g.append(g.block(), node),
            }
            g.output(node)
        };
        let yes = constant(true);
        let no = constant(false);
        let mut exits = Exits {
            kind,
            yes,
            no,
            throws: no,
            units: HashMap::new(),
            target: None,
        };
        exits.throws = exits.unit(g, &Type::Bool);
        exits
    }

    fn unit(&mut self, g: &mut Graph, ty: &Type) -> ValueId {
        let key = (std::mem::discriminant(ty), ty.address());
        if let Some(&value) = self.units.get(&key) {
            return value;
        }
        let node = g.create("prim::Uninitialized", &[], 1);
        let value = g.output(node);
        g.set_type(value, ty.clone());
        g.prepend(g.block(), node);
        self.units.insert(key, value);
        value
    }

    fn wont(&self) -> Exit {
        Exit {
            taken: self.no,
            values: Vec::new(),
        }
    }

    fn status(&self, exit: &Exit) -> Status {
        match exit.taken {
            v if v == self.yes => Status::Will,
            v if v == self.no => Status::Wont,
            v if v == self.throws => Status::Throws,
            _ => Status::Might,
        }
    }

    fn is_target(&self, g: &Graph, block: BlockId) -> bool {
        let owner = g.block_owner(block).map(|n| g.kind(n));
        match self.kind {
            "prim::LoopContinuation" => owner == Some("prim::Loop"),
            _ => matches!(owner, None | Some("prim::Closure")),
        }
    }

    fn block(&mut self, g: &mut Graph, block: BlockId) -> Exit {
        let before = self.target;
        if self.is_target(g, block) {
            self.target = Some(block);
        }
        let mut exit = self.wont();
        let mut at = g.first_node(block);
        while let Some(node) = at {
            at = g.next_node(node);
            match g.kind(node) {
                "prim::RaiseException" => {
                    exit = Exit {
                        taken: self.throws,
                        values: Vec::new(),
                    }
                }
                "prim::ReturnStmt" | "prim::LoopContinuation" if g.kind(node) == self.kind => {
                    exit = Exit {
                        taken: self.yes,
                        values: g.node_inputs(node).to_vec(),
                    };
                    g.destroy(node);
                }
                "prim::If" => exit = self.branch(g, node),
                "prim::With" => exit = self.block(g, g.node_blocks(node)[0]),
                "prim::Closure" => {
                    // The exits of a closure's declaration stay inside it.
                    self.block(g, g.node_blocks(node)[0]);
                }
                "prim::Loop" => exit = self.looped(g, node),
                _ => {}
            }
            match self.status(&exit) {
                Status::Will | Status::Throws => {
                    self.delete_rest(g, block, at);
                    break;
                }
                Status::Might => {
                    if let Some(rest) = at {
                        exit = self.guard(g, block, &exit, rest);
                    }
                    break;
                }
                Status::Wont => {}
            }
        }
        if self.target == Some(block) {
            match self.status(&exit) {
                Status::Might => {
                    let node = g.create("prim::If", &[], 0);
                    g.append(block, node);
                    g.add_block(node);
                    g.add_block(node);
                    g.add_node_input(node, exit.taken);
                    let otherwise = g.returns(block).to_vec();
                    add_if_outputs(g, node, &exit.values, &otherwise);
                    replace_returns(g, block, &g.node_outputs(node).to_vec());
                }
                Status::Will => replace_returns(g, block, &exit.values),
                _ => {}
            }
            exit = self.wont();
        }
        self.target = before;
        exit
    }

    fn looped(&mut self, g: &mut Graph, node: NodeId) -> Exit {
        let body = g.node_blocks(node)[0];
        let exit = self.block(g, body);
        // The loop may not run at all, so that it raises says nothing.
        if matches!(self.status(&exit), Status::Wont | Status::Throws) {
            return self.wont();
        }
        let test = g.create("prim::If", &[], 0);
        g.append(body, test);
        g.add_node_input(test, exit.taken);
        let leave = g.add_block(test);
        g.add_return(leave, self.no);
        let stay = g.add_block(test);
        let next = g.returns(body)[0];
        g.add_return(stay, next);
        let condition = g.add_output(test, Type::Bool);
        g.erase_return(body, 0);
        g.insert_return(body, 0, condition);

        g.add_node_input(node, self.no);
        g.add_block_param(body, Type::Bool);
        g.add_return(body, exit.taken);
        let taken = g.add_output(node, Type::Bool);
        let mut values = Vec::with_capacity(exit.values.len());
        for value in exit.values {
            let ty = g.ty(value).clone();
            let unit = self.unit(g, &ty);
            g.add_node_input(node, unit);
            values.push(g.add_output(node, ty.clone()));
            g.add_block_param(body, ty);
            g.add_return(body, value);
        }
        Exit { taken, values }
    }

    fn branch(&mut self, g: &mut Graph, node: NodeId) -> Exit {
        let [yes, no] = [g.node_blocks(node)[0], g.node_blocks(node)[1]];
        let mut a = self.block(g, yes);
        let mut b = self.block(g, no);
        let (sa, sb) = (self.status(&a), self.status(&b));
        let status = match (sa, sb) {
            (Status::Throws, other) | (other, Status::Throws) => other,
            (Status::Wont, Status::Wont) => Status::Wont,
            (Status::Will, Status::Will) => Status::Will,
            _ => Status::Might,
        };
        match status {
            Status::Throws => {
                return Exit {
                    taken: self.throws,
                    values: Vec::new(),
                };
            }
            Status::Wont => return self.wont(),
            _ => {}
        }
        // The values of the branch that does not leave are not used.
        if matches!(sa, Status::Wont | Status::Throws) {
            a.values = self.match_units(g, &b.values);
        } else if matches!(sb, Status::Wont | Status::Throws) {
            b.values = self.match_units(g, &a.values);
        }
        let taken = if status == Status::Will {
            self.yes
        } else {
            add_if_outputs(g, node, &[a.taken], &[b.taken]);
            g.node_outputs(node)[g.node_outputs(node).len() - 1]
        };
        add_if_outputs(g, node, &a.values, &b.values);
        let outputs = g.node_outputs(node);
        Exit {
            taken,
            values: outputs[outputs.len() - a.values.len()..].to_vec(),
        }
    }

    fn match_units(&mut self, g: &mut Graph, values: &[ValueId]) -> Vec<ValueId> {
        values
            .iter()
            .map(|v| {
                let ty = g.ty(*v).clone();
                self.unit(g, &ty)
            })
            .collect()
    }

    /// Puts the rest of the block under an `if` that the exit was not taken.
    fn guard(&mut self, g: &mut Graph, block: BlockId, exit: &Exit, rest: NodeId) -> Exit {
        let node = g.create("prim::If", &[], 0);
        g.insert_before(node, rest);
        g.add_node_input(node, exit.taken);
        let exit_block = g.add_block(node);
        let guarded = g.add_block(node);
        let mut at = Some(rest);
        while let Some(moved) = at {
            at = g.next_node(moved);
            g.move_to_end(moved, guarded);
        }
        let returns = g.returns(block).to_vec();
        let units = self.match_units(g, &returns);
        for (value, unit) in returns.iter().zip(units) {
            g.add_return(exit_block, unit);
            g.add_return(guarded, *value);
            let ty = g.ty(*value).clone();
            g.add_output(node, ty);
        }
        replace_returns(g, block, &g.node_outputs(node).to_vec());
        let jump = g.create(self.kind, &exit.values, 0);
        g.append(exit_block, jump);
        self.branch(g, node)
    }

    /// Removes what follows an exit; what still uses it gets an uninitialised value.
    fn delete_rest(&mut self, g: &mut Graph, block: BlockId, rest: Option<NodeId>) {
        let Some(rest) = rest else { return };
        let mut nodes = Vec::new();
        let mut at = Some(rest);
        while let Some(node) = at {
            nodes.push(node);
            at = g.next_node(node);
        }
        let _ = block;
        for node in nodes.into_iter().rev() {
            for output in g.node_outputs(node).to_vec() {
                if g.has_uses(output) {
                    let ty = g.ty(output).clone();
                    let unit = self.unit(g, &ty);
                    g.replace_all_uses(output, unit);
                }
            }
            g.destroy(node);
        }
    }
}

fn replace_returns(g: &mut Graph, block: BlockId, values: &[ValueId]) {
    g.clear_returns(block);
    for &value in values {
        g.add_return(block, value);
    }
}

fn add_if_outputs(g: &mut Graph, node: NodeId, yes: &[ValueId], no: &[ValueId]) {
    let [a, b] = [g.node_blocks(node)[0], g.node_blocks(node)[1]];
    for &value in yes {
        g.add_return(a, value);
    }
    for &value in no {
        g.add_return(b, value);
    }
    for (x, y) in yes.iter().zip(no) {
        let (tx, ty) = (g.ty(*x).clone(), g.ty(*y).clone());
        let joined = tx.unify(&ty, true).unwrap_or(tx);
        g.add_output(node, joined);
    }
}

/// Merges an `if` into the one before it, when that one decides it: `if c: return 1` and the guard that follows.
fn inline_consecutive_ifs(g: &mut Graph, block: BlockId) {
    let mut at = g.first_node(block);
    while let Some(node) = at {
        for inner in g.node_blocks(node).to_vec() {
            inline_consecutive_ifs(g, inner);
        }
        // After a merge the node has a new neighbour.
        if !merge_next_if(g, node) {
            at = g.next_node(node);
        }
    }
}

fn merge_next_if(g: &mut Graph, first: NodeId) -> bool {
    let Some(second) = g.next_node(first) else {
        return false;
    };
    if g.kind(first) != "prim::If" || g.kind(second) != "prim::If" {
        return false;
    }
    let cond = g.node_inputs(second)[0];
    let Some(offset) = g.node_outputs(first).iter().position(|o| *o == cond) else {
        return false;
    };
    let blocks = g.node_blocks(first).to_vec();
    let known: Vec<Option<bool>> = blocks
        .iter()
        .map(|b| g.constant(g.returns(*b)[offset]).and_then(|v| v.as_bool()))
        .collect();
    let [Some(yes), Some(no)] = known[..] else {
        return false;
    };
    if yes == no {
        return false;
    }
    let outputs = g.node_outputs(first).to_vec();
    for (block, taken) in blocks.iter().zip([yes, no]) {
        let source = g.node_blocks(second)[usize::from(!taken)];
        let mut map: HashMap<ValueId, ValueId> = outputs
            .iter()
            .copied()
            .zip(g.returns(*block).iter().copied())
            .collect();
        clone_block_into(g, source, *block, &mut map);
    }
    for output in g.node_outputs(second).to_vec() {
        let ty = g.ty(output).clone();
        let new = g.add_output(first, ty);
        g.copy_metadata(new, output);
        g.replace_all_uses(output, new);
    }
    g.destroy(second);
    true
}

/// `Enter … Exit` become a node with blocks, so that an exit in between does not move the `Exit`.
fn enter_exit_to_with(g: &mut Graph) {
    let mut stack = Vec::new();
    let mut pairs = Vec::new();
    for node in g.all_nodes() {
        match g.kind(node) {
            "prim::Enter" => stack.push(node),
            "prim::Exit" => {
                if let Some(enter) = stack.pop() {
                    pairs.push((enter, node));
                }
            }
            _ => {}
        }
    }
    for (enter, exit) in pairs {
        // A `with` whose ends stand in different blocks was left by an exit that is known statically.
        if g.owning_block(enter) != g.owning_block(exit) {
            continue;
        }
        let with = g.create("prim::With", &[], 0);
        let body = g.add_block(with);
        let exit_block = g.add_block(with);
        let mut at = g.next_node(enter);
        while let Some(node) = at.filter(|n| *n != exit) {
            at = g.next_node(node);
            g.move_to_end(node, body);
        }
        g.move_to_end(exit, exit_block);
        g.insert_after(with, enter);
    }
}

fn with_to_enter_exit(g: &mut Graph) {
    for node in g.all_nodes() {
        if g.is_destroyed(node) || g.kind(node) != "prim::With" {
            continue;
        }
        for block in g.node_blocks(node).to_vec() {
            for moved in g.block_nodes(block) {
                g.move_before(moved, node);
            }
        }
        g.destroy(node);
    }
}
