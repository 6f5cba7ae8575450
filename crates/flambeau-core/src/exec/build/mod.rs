//! Graph to program: registers, jumps and moves. One walk over the nodes in order; [`Liveness`] tells where each value
//! is used last, so that it is moved out of its register there and the register is used again.
//!
//! [`registers`] is where values are, [`control`] the jumps of branches and loops, [`nodes`] the other structural nodes.
//!
//! Building never fails. A node that cannot run becomes an instruction that says so when it is reached.

mod control;
mod nodes;
mod registers;

use std::sync::Arc;

use flambeau_ir::ir::{Attr, BlockId, Graph, NodeId, ValueId};
use flambeau_ir::ops::Op;
use flambeau_ir::types::Type;

use super::liveness::Liveness;
use super::program::{Inst, Location, NOWHERE, Operand, Operands, Program, Register};
use super::scalar;

/// Operators of the table that the interpreter runs itself, without a row.
pub fn is_structural(name: &str) -> bool {
    matches!(
        name,
        "prim::RaiseException"
            | "prim::Print"
            | "prim::TupleIndex"
            | "prim::TupleUnpack"
            | "prim::Uninitialized"
            | "prim::EnumName"
            | "prim::EnumValue"
            | "prim::ModuleContainerIndex"
            | "prim::tolist"
            | "prim::unchecked_cast"
            | "prim::unchecked_unwrap_optional"
            | "prim::awaitable_wait"
            | "prim::awaitable_nowait"
            | "aten::wait"
            | "aten::_unwrap_optional"
    )
}

/// The program of a graph; `name` is what call stacks call it.
pub fn build(g: &Graph, name: &str) -> Program {
    let mut builder = Builder {
        g,
        live: Liveness::of(g),
        places: vec![Place::None; g.value_capacity()],
        in_use: Vec::new(),
        current: 0,
        program: Program {
            name: name.into(),
            code: Vec::new(),
            places: Vec::new(),
            locations: vec![Location::default()],
            operands: Vec::new(),
            registers: 0,
            inputs: g.inputs().len(),
            constants: Vec::new(),
            rows: Vec::new(),
            functions: Vec::new(),
            classes: Vec::new(),
            types: Vec::new(),
            type_lists: Vec::new(),
            names: Vec::new(),
            programs: Vec::new(),
        },
    };
    for &input in g.inputs() {
        let register = builder.allocate();
        builder.places[input.index()] = Place::Register(register);
    }
    builder.block(g.block(), &[]);
    let values = builder.returned(g.block(), &[], 0, |_| true);
    builder.current = 0;
    builder.emit(Inst::Return { values });
    builder.program
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    None,
    Register(Register),
    Constant(u32),
}

struct Builder<'a> {
    g: &'a Graph,
    live: Liveness,
    places: Vec<Place>,
    /// Which registers hold values that are still needed.
    in_use: Vec<bool>,
    /// The location of the node at hand.
    current: u32,
    program: Program,
}

/// Numbers and None are not worth forgetting early.
fn is_plain(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Int | Type::Float | Type::Bool | Type::None | Type::Complex | Type::Number
    )
}

impl Builder<'_> {
    fn emit(&mut self, inst: Inst) -> usize {
        self.program.code.push(inst);
        self.program.places.push(self.current);
        self.program.code.len() - 1
    }

    fn here(&self) -> u32 {
        self.program.code.len() as u32
    }

    fn moves(&mut self, dsts: &[Register], srcs: Operands) {
        match dsts {
            [] => {}
            [dst] => {
                let src = self.program.operands[srcs.start as usize];
                if src != Operand::register(*dst) && src != Operand::register(*dst).moved() {
                    self.emit(Inst::Move { dst: *dst, src });
                }
            }
            _ => {
                let dsts = self.registers(dsts);
                self.emit(Inst::MoveAll { dsts, srcs });
            }
        }
    }

    fn block(&mut self, block: BlockId, kill: &[ValueId]) {
        for &value in kill {
            if self.live.last(value, block).is_none() {
                self.drop_value(value);
                self.release(value);
            }
        }
        // Code may nest as deep as the parser allows, which is more than a small thread's stack.
        stacker::maybe_grow(32 << 10, 1 << 20, || {
            for node in self.g.block_nodes(block) {
                self.node(node, block, kill);
            }
        });
    }

    fn drop_value(&mut self, value: ValueId) {
        if let Place::Register(register) = self.places[value.index()]
            && register != NOWHERE
            && !is_plain(self.g.ty(value))
        {
            self.emit(Inst::Drop { register });
        }
    }

    fn locate(&mut self, node: NodeId) {
        let data = self.g.node(node);
        if data.range.is_none() && data.inlined.is_none() {
            self.current = 0;
            return;
        }
        self.program.locations.push(Location {
            range: data.range.clone(),
            inlined: data.inlined.clone(),
        });
        self.current = self.program.locations.len() as u32 - 1;
    }

    /// The values that nobody needs after the node and that this block may forget.
    fn dying(&self, node: NodeId, block: BlockId, kill: &[ValueId]) -> Vec<ValueId> {
        let dying = self.live.dying_at(node).iter().copied();
        dying.filter(|&v| self.is_owned(v, block, kill)).collect()
    }

    fn node(&mut self, node: NodeId, block: BlockId, kill: &[ValueId]) {
        match self.g.kind(node) {
            "prim::Constant" | "prim::Uninitialized" => return,
            "prim::If" => return self.branch(node, block, kill),
            "prim::Loop" => return self.looped(node, block, kill),
            _ => {}
        }
        self.locate(node);
        let dying = self.dying(node, block, kill);
        if self.by_reference(node, &dying) {
            return;
        }
        // From here on arguments are moved out, so their registers are free for the results.
        let first = usize::from(self.g.kind(node) == "prim::CallFunction");
        let args = self.inputs(node, first, block, kill);
        for &value in &dying {
            self.release(value);
        }
        let outputs: Vec<ValueId> = self.g.node_outputs(node).to_vec();
        let dsts: Vec<Register> = outputs.iter().map(|&o| self.define(o)).collect();
        let inst = match self.structural(node, args, &dsts) {
            Ok(Some(inst)) => inst,
            Ok(None) => self.operator(node, args, &dsts),
            Err(message) => {
                let message = self.name(&message);
                Inst::Invalid { message }
            }
        };
        self.emit(inst);
    }

    /// Instructions that only look at their operands. Their result must not go where an operand still is.
    fn by_reference(&mut self, node: NodeId, dying: &[ValueId]) -> bool {
        let inputs: Vec<ValueId> = self.g.node_inputs(node).to_vec();
        let outputs: Vec<ValueId> = self.g.node_outputs(node).to_vec();
        let row = self.g.node(node).op.clone();
        let name = row.as_ref().map(|op| op.full_name()).unwrap_or("");
        let kind = self.g.kind(node);
        let mut pending = None;
        match (kind, inputs.as_slice(), outputs.as_slice()) {
            ("prim::GetAttr", [object], [output]) => {
                let Some(attribute) = self.attr_str(node, "name") else {
                    return false;
                };
                let slot = self.g.ty(*object).as_class().and_then(|c| c.slot(&attribute));
                let (object, name) = (self.operand(*object), self.name(&attribute));
                let dst = self.define(*output);
                pending = Some(match slot {
                    Some(slot) => Inst::GetSlot {
                        object,
                        slot: slot as u32,
                        dst,
                        name,
                    },
                    None => Inst::GetAttr { object, name, dst },
                });
            }
            ("prim::isinstance", [value], [output]) => {
                let types = match self.g.attr(node, "types") {
                    Some(Attr::Types(types)) => types.clone(),
                    Some(Attr::Type(only)) => vec![only.clone()],
                    _ => return false,
                };
                self.program.type_lists.push(types);
                let types = self.program.type_lists.len() as u32 - 1;
                let value = self.operand(*value);
                let dst = self.define(*output);
                pending = Some(Inst::IsInstance { value, types, dst });
            }
            ("prim::TupleIndex", [tuple, index], [output]) => {
                let (tuple, index) = (self.operand(*tuple), self.operand(*index));
                let dst = self.define(*output);
                pending = Some(Inst::TupleIndex { tuple, index, dst });
            }
            (_, [a], [output]) if let Some(op) = scalar::unary(name) => {
                let a = self.operand(*a);
                let dst = self.define(*output);
                let row = self.row(&row);
                pending = Some(Inst::Unary { op, dst, a, row });
            }
            (_, [a, b], [output]) if let Some(op) = scalar::binary(name) => {
                let (a, b) = (self.operand(*a), self.operand(*b));
                let dst = self.define(*output);
                let row = self.row(&row);
                pending = Some(Inst::Binary { op, dst, a, b, row });
            }
            (_, [list, index], [output]) if name == "aten::__getitem__.t" => {
                let (list, index) = (self.operand(*list), self.operand(*index));
                let dst = self.define(*output);
                let row = self.row(&row);
                pending = Some(Inst::ListItem {
                    dst,
                    list,
                    index,
                    row,
                });
            }
            _ => {}
        }
        let Some(inst) = pending else { return false };
        self.emit(inst);
        for &value in dying {
            self.drop_value(value);
            self.release(value);
        }
        true
    }

    fn row(&mut self, row: &Option<Arc<Op>>) -> u32 {
        if let Some(op) = row {
            // A graph calls the same few operators again and again.
            if let Some(have) = self.program.rows.iter().rposition(|have| Arc::ptr_eq(have, op)) {
                return have as u32;
            }
            self.program.rows.push(op.clone());
        }
        self.program.rows.len() as u32 - 1
    }

    fn operator(&mut self, node: NodeId, args: Operands, dsts: &[Register]) -> Inst {
        let chosen = self.g.node(node).op.clone().or_else(|| choose(self.g, node));
        // The types of a call are all that is known of an operator without a schema.
        let op = chosen.unwrap_or_else(|| {
            let list = |values: &[ValueId]| {
                let types: Vec<String> = values.iter().map(|&v| self.g.ty(v).schema_str()).collect();
                types.join(", ")
            };
            let (inputs, outputs) = (list(self.g.node_inputs(node)), list(self.g.node_outputs(node)));
            Arc::new(Op::new(format!("{}({inputs}) -> ({outputs})", self.g.kind(node))))
        });
        let dsts = self.registers(dsts);
        let (has_kernel, has_script) = (op.kernel.is_some(), op.script.is_some());
        let row = self.row(&Some(op));
        if has_kernel {
            Inst::Operator { row, args, dsts }
        } else if has_script {
            Inst::Scripted { row, args, dsts }
        } else {
            Inst::Missing { row }
        }
    }

    fn name(&mut self, name: &str) -> u32 {
        self.program.names.push(name.into());
        self.program.names.len() as u32 - 1
    }

    fn attr_str(&self, node: NodeId, name: &str) -> Option<Arc<str>> {
        match self.g.attr(node, name) {
            Some(Attr::Str(s)) => Some(s.clone()),
            _ => None,
        }
    }
}

/// The overload that fits a node of a graph that was not compiled here, such as one read from text.
fn choose(g: &Graph, node: NodeId) -> Option<Arc<Op>> {
    let overloads = flambeau_ops::table().overloads(g.kind(node));
    if overloads.len() <= 1 {
        return overloads.into_iter().next();
    }
    let types: Vec<&Type> = g.node_inputs(node).iter().map(|&v| g.ty(v)).collect();
    let fits = |op: &&Arc<Op>| {
        let arguments = &op.schema().arguments;
        arguments.len() == types.len()
            && arguments
                .iter()
                .zip(&types)
                .all(|(formal, actual)| formal.ty.has_free_variables() || actual.is_subtype_of(&formal.ty))
    };
    let mut fitting = overloads.iter().filter(fits);
    let first = fitting.next().cloned();
    // One that can run is better than one that only fits.
    match first {
        Some(op) if op.is_runnable() => Some(op),
        first => overloads
            .iter()
            .filter(fits)
            .find(|op| op.is_runnable())
            .cloned()
            .or(first),
    }
}
