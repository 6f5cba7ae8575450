//! Where values are while a program runs, and the operands that read them there.

use flambeau_ir::ir::{BlockId, NodeId, ValueId};
use flambeau_ir::value::IValue;

use super::super::liveness::Last;
use super::super::program::{NOWHERE, Operand, Operands, Register};
use super::{Builder, Place};

impl Builder<'_> {
    pub(super) fn allocate(&mut self) -> Register {
        let free = self.in_use.iter().position(|used| !used).unwrap_or_else(|| {
            self.in_use.push(false);
            self.in_use.len() - 1
        });
        self.in_use[free] = true;
        self.program.registers = self.program.registers.max(free + 1);
        free as Register
    }

    pub(super) fn release(&mut self, value: ValueId) {
        if let Place::Register(register) = self.places[value.index()]
            && register != NOWHERE
        {
            self.in_use[register as usize] = false;
        }
    }

    /// A register for a value, or none if nobody looks at it.
    pub(super) fn define(&mut self, value: ValueId) -> Register {
        let register = if self.g.has_uses(value) {
            self.allocate()
        } else {
            NOWHERE
        };
        self.places[value.index()] = Place::Register(register);
        register
    }

    pub(super) fn constant(&mut self, value: IValue) -> Operand {
        self.program.constants.push(value);
        Operand::constant(self.program.constants.len() - 1)
    }

    /// Where a value is read, without giving it up.
    pub(super) fn operand(&mut self, value: ValueId) -> Operand {
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

    pub(super) fn is_owned(&self, value: ValueId, block: BlockId, kill: &[ValueId]) -> bool {
        self.g.defining_block(value) == Some(block) || kill.contains(&value)
    }

    /// The inputs of a node from `from` on, each given up where nobody needs it afterwards.
    pub(super) fn inputs(&mut self, node: NodeId, from: usize, block: BlockId, kill: &[ValueId]) -> Operands {
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
    pub(super) fn returned(
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

    pub(super) fn list(&mut self, operands: Vec<Operand>) -> Operands {
        let start = self.program.operands.len() as u32;
        let len = operands.len() as u32;
        self.program.operands.extend(operands);
        Operands { start, len }
    }

    pub(super) fn registers(&mut self, registers: &[Register]) -> Operands {
        let list = registers.iter().map(|&r| Operand(r)).collect();
        self.list(list)
    }
}
