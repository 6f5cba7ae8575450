//! The instruction of each structural node: the closed set of `prim::` kinds and what the interpreter does like them.

use std::sync::Arc;

use flambeau_ir::function::Function;
use flambeau_ir::ir::{Attr, NodeId, ValueId};
use flambeau_ir::types::Type;
use flambeau_ir::value::IValue;

use super::super::program::{Inst, NOWHERE, Operand, Operands, Register};
use super::{Builder, build};

impl Builder<'_> {
    /// The instruction of a structural node, or None when the node is an operator.
    pub(super) fn structural(
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
                    Some(function) => self.call(function, args, dst),
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
                    Some(function) => self.call(function, args, dst),
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

    fn call(&mut self, function: Arc<Function>, args: Operands, dst: Register) -> Inst {
        self.program.functions.push(function);
        Inst::Call {
            function: self.program.functions.len() as u32 - 1,
            args,
            dst,
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
}
