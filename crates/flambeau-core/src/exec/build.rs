//! Graph to program: registers, jumps and moves. One walk over the nodes in order; [`Liveness`] tells where each value
//! is used last, so that it is moved out of its register there and the register is used again.
//!
//! Building never fails. A node that cannot run becomes an instruction that says so when it is reached.

use std::sync::Arc;

use flambeau_ir::ir::{Attr, BlockId, Graph, NodeId, ValueId};
use flambeau_ir::ops::Op;
use flambeau_ir::types::Type;
use flambeau_ir::value::IValue;

use super::liveness::{Last, Liveness};
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
    // ---- registers -----------------------------------------------------------------------------

    fn allocate(&mut self) -> Register {
        let free = self.in_use.iter().position(|used| !used).unwrap_or_else(|| {
            self.in_use.push(false);
            self.in_use.len() - 1
        });
        self.in_use[free] = true;
        self.program.registers = self.program.registers.max(free + 1);
        free as Register
    }

    fn release(&mut self, value: ValueId) {
        if let Place::Register(register) = self.places[value.index()]
            && register != NOWHERE
        {
            self.in_use[register as usize] = false;
        }
    }

    /// A register for a value, or none if nobody looks at it.
    fn define(&mut self, value: ValueId) -> Register {
        let register = if self.g.has_uses(value) {
            self.allocate()
        } else {
            NOWHERE
        };
        self.places[value.index()] = Place::Register(register);
        register
    }

    fn constant(&mut self, value: IValue) -> Operand {
        self.program.constants.push(value);
        Operand::constant(self.program.constants.len() - 1)
    }

    /// Where a value is read, without giving it up.
    fn operand(&mut self, value: ValueId) -> Operand {
        match self.places[value.index()] {
            Place::Register(register) if register != NOWHERE => Operand::register(register),
            Place::Constant(index) => Operand::constant(index as usize),
            _ => {
                // Uninitialized values and constants get their place when first read.
                let constant = match self.g.constant(value) {
                    Some(constant) => constant,
                    None => IValue::Uninitialized,
                };
                let operand = self.constant(constant);
                self.places[value.index()] = Place::Constant(operand.index() as u32);
                operand
            }
        }
    }

    fn is_owned(&self, value: ValueId, block: BlockId, kill: &[ValueId]) -> bool {
        self.g.defining_block(value) == Some(block) || kill.contains(&value)
    }

    /// The inputs of a node from `from` on, each given up where nobody needs it afterwards.
    fn inputs(&mut self, node: NodeId, from: usize, block: BlockId, kill: &[ValueId]) -> Operands {
        let inputs: Vec<ValueId> = self.g.node_inputs(node).iter().skip(from).copied().collect();
        let mut operands = Vec::with_capacity(inputs.len());
        for (i, &value) in inputs.iter().enumerate() {
            let operand = self.operand(value);
            let dies = !operand.is_constant()
                && !inputs[i + 1..].contains(&value)
                && self.live.last(value, block) == Some(Last::Node(node))
                && self.is_owned(value, block, kill);
            operands.push(if dies { operand.moved() } else { operand });
        }
        self.list(operands)
    }

    /// What a block returns, from position `from` on and where `wanted` says so.
    fn returned(
        &mut self,
        block: BlockId,
        kill: &[ValueId],
        from: usize,
        wanted: impl Fn(usize) -> bool,
    ) -> Operands {
        let values: Vec<ValueId> = self
            .g
            .returns(block)
            .iter()
            .skip(from)
            .enumerate()
            .filter(|(i, _)| wanted(*i))
            .map(|(_, v)| *v)
            .collect();
        let mut operands = Vec::with_capacity(values.len());
        for (i, &value) in values.iter().enumerate() {
            let operand = self.operand(value);
            let dies = !operand.is_constant()
                && !values[i + 1..].contains(&value)
                && self.live.last(value, block) == Some(Last::Return)
                && self.is_owned(value, block, kill);
            operands.push(if dies { operand.moved() } else { operand });
        }
        self.list(operands)
    }

    fn list(&mut self, operands: Vec<Operand>) -> Operands {
        let start = self.program.operands.len() as u32;
        let len = operands.len() as u32;
        self.program.operands.extend(operands);
        Operands { start, len }
    }

    fn registers(&mut self, registers: &[Register]) -> Operands {
        let list = registers.iter().map(|&r| Operand(r)).collect();
        self.list(list)
    }

    // ---- code ----------------------------------------------------------------------------------

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

    fn attr_int(&self, node: NodeId, name: &str) -> Option<i64> {
        match self.g.attr(node, name) {
            Some(Attr::Int(i)) => Some(*i),
            _ => None,
        }
    }

    fn ty(&mut self, node: NodeId) -> u32 {
        let ty = self
            .g
            .node_outputs(node)
            .first()
            .map_or(Type::None, |&o| self.g.ty(o).clone());
        self.program.types.push(ty);
        self.program.types.len() as u32 - 1
    }

    /// The instruction of a structural node, or None when the node is an operator.
    fn structural(
        &mut self,
        node: NodeId,
        args: Operands,
        dsts: &[Register],
    ) -> Result<Option<Inst>, String> {
        let kind = self.g.kind(node).to_string();
        let dst = dsts.first().copied().unwrap_or(NOWHERE);
        let operands: Vec<Operand> = self.program.list(args).to_vec();
        let arg = |i: usize| -> Result<Operand, String> {
            operands
                .get(i)
                .copied()
                .ok_or_else(|| format!("`{kind}` lacks input {i}"))
        };
        let inputs: Vec<ValueId> = self.g.node_inputs(node).to_vec();
        let attribute = || {
            self.attr_str(node, "name")
                .ok_or_else(|| format!("`{kind}` lacks its name"))
        };
        Ok(Some(match &*kind {
            "prim::TupleConstruct" => Inst::Tuple {
                args,
                dst,
                ty: self.ty(node),
            },
            "prim::TupleUnpack" => Inst::TupleUnpack {
                tuple: arg(0)?,
                dsts: self.registers(dsts),
            },
            "prim::TupleSlice" => {
                let (start, end) = (self.attr_int(node, "beg"), self.attr_int(node, "end"));
                let (start, end) = (start.unwrap_or(0).max(0) as u32, end.unwrap_or(0).max(0) as u32);
                Inst::TupleSlice {
                    tuple: arg(0)?,
                    start,
                    end,
                    dst,
                }
            }
            "prim::ListConstruct" => Inst::List {
                args,
                dst,
                ty: self.ty(node),
            },
            "prim::ListUnpack" => Inst::ListUnpack {
                list: arg(0)?,
                dsts: self.registers(dsts),
            },
            "prim::DictConstruct" => Inst::Dict {
                args,
                dst,
                ty: self.ty(node),
            },
            "prim::CreateObject" => {
                let ty = self.g.node_outputs(node).first().map(|&o| self.g.ty(o).clone());
                let Some(Type::Class(class)) = ty else {
                    return Err("`prim::CreateObject` lacks its class".into());
                };
                self.program.classes.push(class);
                Inst::CreateObject {
                    class: self.program.classes.len() as u32 - 1,
                    dst,
                }
            }
            "prim::GetAttr" | "prim::isinstance" | "prim::TupleIndex" => {
                return Err(format!("`{kind}` is malformed"));
            }
            "prim::SetAttr" => {
                let attribute = attribute()?;
                let slot = inputs
                    .first()
                    .and_then(|&o| self.g.ty(o).as_class().and_then(|c| c.slot(&attribute)));
                let (object, value) = (arg(0)?, arg(1)?);
                match slot {
                    Some(slot) => Inst::SetSlot {
                        object,
                        slot: slot as u32,
                        value,
                    },
                    None => Inst::SetAttr {
                        object,
                        name: self.name(&attribute),
                        value,
                    },
                }
            }
            "prim::CallFunction" => {
                let callee = *inputs.first().ok_or("`prim::CallFunction` lacks its callee")?;
                let known = self
                    .g
                    .node(node)
                    .function
                    .clone()
                    .or_else(|| match self.g.constant(callee) {
                        Some(IValue::Function(f)) => Some(f),
                        _ => match self.g.ty(callee) {
                            Type::Function(f) => Some(f.clone()),
                            _ => None,
                        },
                    });
                match known {
                    Some(function) => {
                        self.program.functions.push(function);
                        Inst::Call {
                            function: self.program.functions.len() as u32 - 1,
                            args,
                            dst,
                        }
                    }
                    None => Inst::CallValue {
                        callee: self.operand(callee),
                        args,
                        dst,
                    },
                }
            }
            "prim::CallMethod" => {
                let attribute = attribute()?;
                let known = inputs
                    .first()
                    .and_then(|&o| self.g.ty(o).as_class().and_then(|c| c.method(&attribute)));
                match known {
                    Some(function) => {
                        self.program.functions.push(function);
                        Inst::Call {
                            function: self.program.functions.len() as u32 - 1,
                            args,
                            dst,
                        }
                    }
                    None => Inst::CallMethod {
                        name: self.name(&attribute),
                        args,
                        dst,
                    },
                }
            }
            "prim::Enter" => Inst::Enter { object: arg(0)?, dst },
            "prim::Exit" => Inst::Exit { object: arg(0)?, dst },
            "prim::fork" | "prim::awaitable" => {
                let Some(Attr::Graph(subgraph)) = self.g.attr(node, "Subgraph") else {
                    return Err(format!("`{kind}` lacks its subgraph"));
                };
                let program = build(subgraph, &self.program.name);
                self.program.programs.push(Arc::new(program));
                let program = self.program.programs.len() as u32 - 1;
                let ty = self.ty(node);
                if kind == "prim::fork" {
                    Inst::Fork {
                        program,
                        args,
                        dst,
                        ty,
                    }
                } else {
                    Inst::Awaitable {
                        program,
                        args,
                        dst,
                        ty,
                    }
                }
            }
            "aten::wait" | "prim::awaitable_wait" => Inst::Wait { future: arg(0)?, dst },
            "prim::Print" => Inst::Print { args },
            "prim::RaiseException" => {
                let class = match operands.get(1) {
                    Some(&class) => class,
                    None => self.constant(IValue::None),
                };
                Inst::Raise {
                    message: arg(0)?,
                    class,
                }
            }
            "prim::unchecked_cast" | "prim::unchecked_unwrap_optional" | "prim::awaitable_nowait" => {
                Inst::Move { dst, src: arg(0)? }
            }
            "aten::_unwrap_optional" => Inst::UnwrapOptional { value: arg(0)?, dst },
            "prim::ModuleContainerIndex" => Inst::ContainerIndex {
                module: arg(0)?,
                index: arg(1)?,
                dst,
            },
            "prim::tolist" => Inst::ToList {
                tensor: arg(0)?,
                dim: arg(1)?,
                element: arg(2)?,
                dst,
            },
            "prim::EnumName" => Inst::EnumName { value: arg(0)?, dst },
            "prim::EnumValue" => Inst::EnumValue { value: arg(0)?, dst },
            "aten::sort" | "aten::sorted"
                if inputs.first().is_some_and(|&l| {
                    self.g
                        .ty(l)
                        .list_element()
                        .is_some_and(|e| matches!(e, Type::Class(_) | Type::Interface(_)))
                }) =>
            {
                Inst::SortObjects {
                    args,
                    dst,
                    in_place: kind == "aten::sort",
                }
            }
            _ => return Ok(None),
        }))
    }

    // ---- control flow --------------------------------------------------------------------------

    fn branch(&mut self, node: NodeId, block: BlockId, kill: &[ValueId]) {
        self.locate(node);
        let place = self.current;
        let (blocks, outputs) = (
            self.g.node_blocks(node).to_vec(),
            self.g.node_outputs(node).to_vec(),
        );
        let &[yes, no] = blocks.as_slice() else {
            let message = self.name("`prim::If` has not two blocks");
            self.emit(Inst::Invalid { message });
            return;
        };
        let condition = match self.g.node_inputs(node).first() {
            Some(&condition) => self.operand(condition),
            None => self.constant(IValue::Bool(false)),
        };
        let dying = self.dying(node, block, kill);
        let dsts: Vec<Register> = outputs.iter().map(|&o| self.define(o)).collect();
        let used: Vec<Register> = dsts.iter().copied().filter(|&d| d != NOWHERE).collect();
        let wanted = |i: usize| dsts.get(i).is_some_and(|&d| d != NOWHERE);
        let inner: Vec<ValueId> = dying
            .iter()
            .copied()
            .filter(|&v| [yes, no].iter().any(|&b| self.live.last(v, b).is_some()))
            .collect();
        let jump = self.emit(Inst::JumpUnless { condition, target: 0 });
        let saved = self.in_use.clone();
        self.block(yes, &inner);
        let srcs = self.returned(yes, &inner, 0, wanted);
        self.current = place;
        self.moves(&used, srcs);
        self.restore(&saved);
        let no_is_empty = self.g.first_node(no).is_none() && used.is_empty() && inner.is_empty();
        let skip = (!no_is_empty).then(|| self.emit(Inst::Jump { target: 0 }));
        let here = self.here();
        if let Inst::JumpUnless { target, .. } = &mut self.program.code[jump] {
            *target = here;
        }
        if let Some(skip) = skip {
            self.block(no, &inner);
            let srcs = self.returned(no, &inner, 0, wanted);
            self.current = place;
            self.moves(&used, srcs);
            self.restore(&saved);
            let here = self.here();
            if let Inst::Jump { target } = &mut self.program.code[skip] {
                *target = here;
            }
        }
        for value in dying {
            self.release(value);
        }
    }

    /// Back to the registers in use before a block; more may exist by now.
    fn restore(&mut self, saved: &[bool]) {
        self.in_use.fill(false);
        self.in_use[..saved.len()].copy_from_slice(saved);
    }

    fn looped(&mut self, node: NodeId, block: BlockId, kill: &[ValueId]) {
        self.locate(node);
        let place = self.current;
        let (inputs, outputs) = (
            self.g.node_inputs(node).to_vec(),
            self.g.node_outputs(node).to_vec(),
        );
        let body = self.g.node_blocks(node).first().copied();
        let Some((body, (&max, &start))) = body.zip(inputs.first().zip(inputs.get(1))) else {
            let message = self.name("`prim::Loop` is malformed");
            self.emit(Inst::Invalid { message });
            return;
        };
        let params = self.g.params(body).to_vec();
        let dying = self.dying(node, block, kill);
        let trip = self.allocate();
        let counter = params.first().map_or(NOWHERE, |&p| self.define(p));
        // A carried value is in one register before, during and after.
        let mut carried = Vec::new();
        for (i, &param) in params.iter().skip(1).enumerate() {
            let output = outputs.get(i).copied();
            let used = self.g.has_uses(param) || output.is_some_and(|o| self.g.has_uses(o));
            let register = if used { self.allocate() } else { NOWHERE };
            self.places[param.index()] = Place::Register(register);
            if let Some(output) = output {
                self.places[output.index()] = Place::Register(register);
            }
            carried.push(register);
        }
        let next = self.g.returns(body).first().copied();
        let endless = |v: ValueId| matches!(self.g.constant(v), Some(IValue::Bool(true)));
        let conditional = !(endless(start) && next.is_some_and(endless));
        let condition = if conditional { self.allocate() } else { NOWHERE };

        let mut dsts: Vec<Register> = Vec::new();
        let mut srcs = Vec::new();
        if conditional {
            dsts.push(condition);
            srcs.push(self.operand(start));
        }
        for (i, &register) in carried.iter().enumerate() {
            let Some(&value) = inputs.get(i + 2) else { continue };
            if register == NOWHERE {
                continue;
            }
            let operand = self.operand(value);
            let dies = !operand.is_constant()
                && dying.contains(&value)
                && value != max
                && !inputs[i + 3..].contains(&value)
                && self.live.last(value, body).is_none();
            dsts.push(register);
            srcs.push(if dies { operand.moved() } else { operand });
        }
        let srcs = self.list(srcs);
        self.moves(&dsts, srcs);
        let zero = self.constant(IValue::Int(0));
        self.emit(Inst::Move { dst: trip, src: zero });
        let max = self.operand(max);
        let test = if conditional {
            Operand::register(condition)
        } else {
            self.constant(IValue::Bool(true))
        };
        let head = self.emit(Inst::LoopHead {
            trip,
            max,
            condition: test,
            counter,
            end: 0,
        });

        let saved = self.in_use.clone();
        self.block(body, &[]);
        let kept: Vec<Register> = if conditional { vec![condition] } else { Vec::new() };
        let kept: Vec<Register> = kept
            .into_iter()
            .chain(carried.iter().copied().filter(|&r| r != NOWHERE))
            .collect();
        let srcs = self.returned(body, &[], 0, |i| match i {
            0 => conditional,
            _ => carried.get(i - 1).is_some_and(|&r| r != NOWHERE),
        });
        self.current = place;
        self.moves(&kept, srcs);
        self.emit(Inst::LoopNext {
            trip,
            head: head as u32,
        });
        self.restore(&saved);
        let here = self.here();
        if let Inst::LoopHead { end, .. } = &mut self.program.code[head] {
            *end = here;
        }
        for value in dying {
            self.drop_value(value);
            self.release(value);
        }
        for register in [trip, counter, condition] {
            if register != NOWHERE {
                self.in_use[register as usize] = false;
            }
        }
        for (i, &register) in carried.iter().enumerate() {
            let used = outputs.get(i).is_some_and(|&o| self.g.has_uses(o));
            if register != NOWHERE && !used {
                self.emit(Inst::Drop { register });
                self.in_use[register as usize] = false;
            }
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
