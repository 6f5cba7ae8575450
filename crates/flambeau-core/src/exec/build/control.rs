//! `prim::If` and `prim::Loop` as jumps.

use flambeau_ir::ir::{BlockId, NodeId, ValueId};
use flambeau_ir::value::IValue;

use super::super::program::{Inst, NOWHERE, Operand, Register};
use super::{Builder, Place};

impl Builder<'_> {
    pub(super) fn branch(&mut self, node: NodeId, block: BlockId, kill: &[ValueId]) {
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

    pub(super) fn looped(&mut self, node: NodeId, block: BlockId, kill: &[ValueId]) {
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
