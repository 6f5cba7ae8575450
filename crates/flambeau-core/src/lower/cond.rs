//! Conditions: short circuits, `is None`, `isinstance`, and what they tell about types.
//!
//! A condition that is known while compiling makes a static `if`, of which only one branch is compiled.

use std::collections::BTreeSet;

use flambeau_ir::ir::{Attr, BlockId, ValueId};
use flambeau_ir::types::Type;
use flambeau_ir::value::IValue;
use flambeau_syntax::Span;

use super::Emitter;
use super::error::{CompileError, ErrorKind, Result};
use super::sugared::{Form, Sugared};
use super::tree::*;

/// In the branch at hand, the variable has this type.
#[derive(Clone, Debug)]
pub(super) struct Refinement {
    name: String,
    ty: Type,
}

/// What a condition tells when it holds, and when it does not.
#[derive(Clone, Debug, Default)]
pub(super) struct Refinements {
    pub yes: Vec<Refinement>,
    pub no: Vec<Refinement>,
}

impl Refinements {
    fn and(&self, other: &Refinements) -> Refinements {
        Refinements {
            yes: both(&self.yes, &other.yes),
            no: either(&self.no, &other.no),
        }
    }

    fn or(&self, other: &Refinements) -> Refinements {
        Refinements {
            yes: either(&self.yes, &other.yes),
            no: both(&self.no, &other.no),
        }
    }

    fn not(self) -> Refinements {
        Refinements {
            yes: self.no,
            no: self.yes,
        }
    }
}

/// Both hold. Two different types for one variable cancel.
fn both(a: &[Refinement], b: &[Refinement]) -> Vec<Refinement> {
    let mut result = a.to_vec();
    for r in b {
        match result.iter().position(|have| have.name == r.name) {
            None => result.push(r.clone()),
            Some(i) if result[i].ty != r.ty => {
                result.remove(i);
            }
            Some(_) => {}
        }
    }
    result
}

/// One of them holds.
fn either(a: &[Refinement], b: &[Refinement]) -> Vec<Refinement> {
    a.iter()
        .filter(|r| b.iter().any(|other| other.name == r.name && other.ty == r.ty))
        .cloned()
        .collect()
}

#[derive(Clone, Debug)]
pub(super) struct Cond {
    pub value: ValueId,
    pub refinements: Refinements,
    /// Known while compiling.
    pub known: Option<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum NoneStatus {
    Always,
    Maybe,
    Never,
}

impl Emitter<'_> {
    fn none_status(&self, value: ValueId) -> NoneStatus {
        if self.g.must_be_none(value) {
            NoneStatus::Always
        } else if self.g.ty(value).accepts_none() {
            match self.g.ty(value) {
                Type::Any => NoneStatus::Never,
                _ => NoneStatus::Maybe,
            }
        } else {
            NoneStatus::Never
        }
    }

    fn known_cond(&mut self, loc: Span, known: bool, refinements: Refinements) -> Cond {
        let value = self.constant(IValue::Bool(known), Some(loc));
        Cond {
            value,
            refinements,
            known: Some(known),
        }
    }

    pub(super) fn cond(&mut self, expr: &Expr) -> Result<Cond> {
        match &expr.kind {
            ExprKind::Bin(kind @ (BinKind::And | BinKind::Or), left, right) => {
                self.short_circuit(expr.span, left, right, *kind == BinKind::Or)
            }
            ExprKind::Unary(UnKind::Not, inner) => {
                let cond = self.cond(inner)?;
                let value = self.call_op(Some(expr.span), "aten::__not__", &[cond.value])?;
                Ok(Cond {
                    value,
                    refinements: cond.refinements.not(),
                    known: cond.known.map(|k| !k),
                })
            }
            ExprKind::Bin(kind @ (BinKind::Is | BinKind::IsNot), left, right) => {
                let is = *kind == BinKind::Is;
                let a = self.expr(left, None)?;
                let b = self.expr(right, None)?;
                let known = match (self.none_status(a), self.none_status(b)) {
                    (NoneStatus::Always, NoneStatus::Always) => Some(is),
                    (NoneStatus::Always, NoneStatus::Never) | (NoneStatus::Never, NoneStatus::Always) => {
                        Some(!is)
                    }
                    _ => None,
                };
                if let Some(known) = known {
                    return Ok(self.known_cond(expr.span, known, Refinements::default()));
                }
                let value = self.call_op(Some(expr.span), kind.op(), &[a, b])?;
                let refinements = self.none_refinements(left, a, right, b, is);
                Ok(Cond {
                    value,
                    refinements,
                    known: None,
                })
            }
            _ => {
                if let Some(apply) = expr.as_apply() {
                    if let Some(name) = apply.callee.as_var() {
                        if name == "isinstance" {
                            self.check_inputs(expr, apply, 2)?;
                            return self.isinstance(&apply.inputs[0], &apply.inputs[1]);
                        }
                        if name == "hasattr" {
                            self.check_inputs(expr, apply, 2)?;
                            return self.hasattr_cond(&apply.inputs[0], &apply.inputs[1]);
                        }
                    }
                    // Evaluated once more below, as in PyTorch.
                    let callee = self.sugared(&apply.callee, 1, None)?;
                    if matches!(callee, Sugared::Form(Form::IsInstance)) {
                        self.check_inputs(expr, apply, 2)?;
                        return self.isinstance(&apply.inputs[0], &apply.inputs[1]);
                    }
                }
                let value = self.expr(expr, None)?;
                let value = self.to_bool(expr.span, value)?;
                let mut known = match self.kind_of_def(value) {
                    "aten::is_scripting" => Some(true),
                    "aten::has_torch_function" => Some(false),
                    _ => None,
                };
                if let Some(constant) = self.g.constant(value) {
                    known = constant.as_bool();
                }
                Ok(Cond {
                    value,
                    refinements: Refinements::default(),
                    known,
                })
            }
        }
    }

    fn none_refinements(&self, left: &Expr, a: ValueId, right: &Expr, b: ValueId, is: bool) -> Refinements {
        let is_none = |e: &Expr| matches!(e.kind, ExprKind::None);
        if !is_none(right) && is_none(left) {
            return self.none_refinements(right, b, left, a, is);
        }
        let (true, Some(name)) = (is_none(right), left.as_var()) else {
            return Refinements::default();
        };
        let some = match self.g.ty(a) {
            Type::Optional(inner) => (**inner).clone(),
            Type::Union(members) => Type::union(
                members
                    .iter()
                    .filter(|m| !matches!(m, Type::None))
                    .cloned()
                    .collect::<Vec<_>>(),
            ),
            _ => return Refinements::default(),
        };
        let present = vec![Refinement {
            name: name.into(),
            ty: some,
        }];
        // PyTorch learns nothing from `x is None` itself: saved models depend on it.
        let nothing = Vec::new();
        if is {
            Refinements {
                yes: nothing,
                no: present,
            }
        } else {
            Refinements {
                yes: present,
                no: nothing,
            }
        }
    }

    fn short_circuit(&mut self, loc: Span, first: &Expr, second: &Expr, is_or: bool) -> Result<Cond> {
        let lhs = self.cond(first)?;
        let mut rhs: Option<Cond> = None;
        let mut constant = |e: &mut Emitter<'_>| Ok(e.constant(IValue::Bool(is_or), Some(loc)));
        let mut go_on = |e: &mut Emitter<'_>| {
            let cond = e.cond(second)?;
            let value = cond.value;
            rhs = Some(cond);
            Ok(value)
        };
        let value = if is_or {
            self.if_expr(loc, &lhs, &mut constant, &mut go_on)?
        } else {
            self.if_expr(loc, &lhs, &mut go_on, &mut constant)?
        };
        let Some(rhs) = rhs else {
            return Err(CompileError::new(
                ErrorKind::Compile,
                "the second operand was not compiled",
            ));
        };
        let refinements = if is_or {
            lhs.refinements.or(&rhs.refinements)
        } else {
            lhs.refinements.and(&rhs.refinements)
        };
        // `True or x` is known, `x or True` too.
        let known = if lhs.known == Some(is_or) || rhs.known == Some(is_or) {
            Some(is_or)
        } else {
            lhs.known
                .zip(rhs.known)
                .map(|(a, b)| if is_or { a || b } else { a && b })
        };
        Ok(Cond {
            value,
            refinements,
            known,
        })
    }

    pub(super) fn if_expr(
        &mut self,
        loc: Span,
        cond: &Cond,
        yes: &mut dyn FnMut(&mut Emitter<'_>) -> Result<ValueId>,
        no: &mut dyn FnMut(&mut Emitter<'_>) -> Result<ValueId>,
    ) -> Result<ValueId> {
        let node = self.node("prim::If", &[cond.value], 0, Some(loc));
        let blocks = [self.g.add_block(node), self.g.add_block(node)];
        let mut types = Vec::with_capacity(2);
        let branches: [(&[Refinement], &mut dyn FnMut(&mut Emitter<'_>) -> Result<ValueId>); 2] =
            [(&cond.refinements.yes, yes), (&cond.refinements.no, no)];
        for (block, (refinements, emit)) in blocks.into_iter().zip(branches) {
            self.push_frame(block);
            let saved = self.insert_at_end(block);
            self.insert_refinements(loc, refinements)?;
            let value = emit(self)?;
            self.g.add_return(block, value);
            self.g.restore_insert_point(saved);
            self.pop_frame();
            types.push(self.g.ty(value).clone());
        }
        match types[0].unify(&types[1], false) {
            Some(ty) => Ok(self.g.add_output(node, ty)),
            None => {
                let message = format!(
                    "if-expression's true branch has type {} but false branch has type {}",
                    types[0].repr_str(),
                    types[1].repr_str()
                );
                self.fail(loc, message)
            }
        }
    }

    pub(super) fn ternary(&mut self, loc: Span, ternary: &Ternary, hint: Option<&Type>) -> Result<ValueId> {
        let cond = self.cond(&ternary.cond)?;
        if let Some(known) = cond.known {
            return self.expr(if known { &ternary.yes } else { &ternary.no }, hint);
        }
        let mut yes = |e: &mut Emitter<'_>| e.expr(&ternary.yes, hint);
        let mut no = |e: &mut Emitter<'_>| e.expr(&ternary.no, hint);
        self.if_expr(loc, &cond, &mut yes, &mut no)
    }

    pub(super) fn to_bool(&mut self, loc: Span, value: ValueId) -> Result<ValueId> {
        let cannot = format!(
            "Could not cast value of type {} to bool",
            self.g.ty(value).repr_str()
        );
        let cast = self.get_sugared_var("bool", loc)?;
        let result = self.call(&cast, loc, &[value.into()], &[], 0);
        let Some(out) = result.ok().and_then(|r| r.simple()) else {
            return self.fail(loc, cannot);
        };
        if !self.g.ty(out).is_subtype_of(&Type::Bool) {
            let found = self.g.ty(out).repr_str();
            return self.fail(
                loc,
                format!("expected a bool expression for condition but found {found}"),
            );
        }
        Ok(out)
    }

    pub(super) fn insert_refinements(&mut self, loc: Span, refinements: &[Refinement]) -> Result<()> {
        for r in refinements {
            let value = self.get_var(&r.name, loc)?;
            let refined = self.unchecked_cast(value, &r.ty);
            self.set_var(loc, &r.name, refined)?;
        }
        Ok(())
    }

    pub(super) fn if_else(&mut self, loc: Span, cond: &Cond, body: &[Stmt], orelse: &[Stmt]) -> Result<()> {
        if let Some(known) = cond.known {
            let (refinements, taken) = if known {
                (&cond.refinements.yes, body)
            } else {
                (&cond.refinements.no, orelse)
            };
            self.insert_refinements(loc, refinements)?;
            return self.stmts(taken);
        }
        let node = self.node("prim::If", &[cond.value], 0, Some(loc));
        let yes = self.g.add_block(node);
        let no = self.g.add_block(node);
        let span_of = |stmts: &[Stmt]| stmts.iter().fold(loc, |s, b| s.to(b.span));
        let saved_yes = self.branch(yes, span_of(body), body, &cond.refinements.yes)?;
        let saved_no = self.branch(no, span_of(orelse), orelse, &cond.refinements.no)?;
        let yes_exits = self.exit_blocks.contains(&yes);
        let no_exits = self.exit_blocks.contains(&no);
        if yes_exits && no_exits {
            self.exit_blocks.insert(self.current_block());
        }

        // Variables set in both branches, or in one when the other leaves, are visible behind the `if`.
        let mut mutated = BTreeSet::new();
        let here = [
            (&saved_yes, no, &saved_no, no_exits, "false"),
            (&saved_no, yes, &saved_yes, yes_exits, "true"),
        ];
        for (frame, other_block, other, other_exits, other_name) in here {
            for name in frame.defined_variables() {
                let saved = self.insert_at_end(other_block);
                let found = self.find_from(other, &name).is_some();
                self.g.restore_insert_point(saved);
                if found || other_exits {
                    mutated.insert(name);
                } else {
                    let message = format!("{name} is not defined in the {other_name} branch");
                    let error = CompileError::at(ErrorKind::Compile, &self.text, loc, message);
                    self.set_variable_error(&name, error.to_string());
                }
            }
        }
        for name in mutated {
            let value_in = |e: &mut Self, block, frame, exits| -> Result<Option<ValueId>> {
                if exits {
                    return Ok(None);
                }
                let saved = e.insert_at_end(block);
                let value = match e.find_from(frame, &name) {
                    Some(value) => e.as_value(&value, loc)?,
                    None => return e.fail(loc, format!("undefined value {name}")),
                };
                e.g.restore_insert_point(saved);
                Ok(Some(value))
            };
            let yes_value = value_in(self, yes, &saved_yes, yes_exits)?;
            let no_value = value_in(self, no, &saved_no, no_exits)?;
            let (a, b) = match (yes_value, no_value) {
                (Some(a), Some(b)) => (a, b),
                (None, Some(b)) => (self.uninitialized_in(yes, &name, b), b),
                (Some(a), None) => (a, self.uninitialized_in(no, &name, a)),
                (None, None) => continue,
            };
            let outer = self.find_in_any_frame(&name).and_then(|s| s.simple());
            let to_union = outer
                .is_some_and(|v| matches!(self.g.ty(v), Type::Union(_) | Type::Optional(_) | Type::Number));
            let (ta, tb) = (self.g.ty(a).clone(), self.g.ty(b).clone());
            match ta.unify(&tb, to_union) {
                Some(ty) => self.top_frame().set_type(&name, ty),
                None => {
                    let message = format!(
                        "Type mismatch: {name} is set to type {} in the true branch and type {} in the false branch",
                        ta.repr_str(),
                        tb.repr_str()
                    );
                    let error = CompileError::at(ErrorKind::Compile, &self.text, loc, message);
                    if self.find_in_any_frame(&name).is_some() {
                        return Err(error);
                    }
                    self.set_variable_error(&name, error.to_string());
                }
            }
        }
        Ok(())
    }

    /// In a branch that leaves, the variable needs some value of the other branch's type.
    fn uninitialized_in(&mut self, block: BlockId, name: &str, like: ValueId) -> ValueId {
        let ty = self.g.ty(like).clone();
        let saved = self.insert_at_end(block);
        let value = self.uninitialized(&ty, None);
        self.store(name, value);
        self.g.restore_insert_point(saved);
        value
    }

    pub(super) fn hasattr_cond(&mut self, object: &Expr, attr: &Expr) -> Result<Cond> {
        let sugared = self.sugared(object, 1, None)?;
        let ExprKind::Str(name) = &attr.kind else {
            return self.fail(attr.span, "hasattr's second argument must be a string literal");
        };
        let has = self.has_attr(&sugared, object.span, name)?;
        Ok(self.known_cond(object.span, has, Refinements::default()))
    }

    pub(super) fn isinstance(&mut self, object: &Expr, classinfo: &Expr) -> Result<Cond> {
        let value = self.expr(object, None)?;
        let mut wanted = Vec::new();
        self.gather_types(classinfo, &mut wanted)?;
        let have = members(&[self.g.ty(value).clone()]);
        let wanted = members(&wanted);

        let mut yes = Vec::new();
        let mut no = Vec::new();
        let mut all_match = true;
        for ty in &have {
            if matches!(ty, Type::Any) {
                yes.extend(wanted.iter().cloned());
                no.push(Type::Any);
                if !matches!(yes[..], [Type::Any]) {
                    all_match = false;
                }
                break;
            }
            let mut found: Option<Type> = None;
            for want in &wanted {
                let smaller = if ty.is_subtype_of(want) {
                    ty
                } else if want.is_subtype_of(ty) {
                    want
                } else {
                    continue;
                };
                if smaller == ty {
                    found = Some(ty.clone());
                } else {
                    found = Some(match found {
                        Some(before) => before.unify(want, false).unwrap_or_else(|| want.clone()),
                        None => want.clone(),
                    });
                }
            }
            match found {
                Some(found) => yes.push(found),
                None => {
                    no.push(ty.clone());
                    all_match = false;
                }
            }
        }
        let mut refinements = Refinements::default();
        if let Some(name) = object.as_var() {
            let refine = |types: &[Type]| -> Vec<Refinement> {
                let mut types = types.iter().cloned();
                let Some(first) = types.next() else {
                    return Vec::new();
                };
                let ty = types.fold(first, |a, b| a.unify(&b, true).unwrap_or(a));
                vec![Refinement {
                    name: name.into(),
                    ty,
                }]
            };
            refinements = Refinements {
                yes: refine(&yes),
                no: refine(&no),
            };
        }
        if all_match {
            return Ok(self.known_cond(object.span, true, refinements));
        }
        if yes.is_empty() {
            return Ok(self.known_cond(object.span, false, refinements));
        }
        let node = self.node("prim::isinstance", &[value], 1, None);
        self.g.set_attr(node, "types", Attr::Types(wanted));
        let value = self.g.node_outputs(node)[0];
        self.g.set_type(value, Type::Bool);
        Ok(Cond {
            value,
            refinements,
            known: None,
        })
    }

    fn gather_types(&mut self, expr: &Expr, types: &mut Vec<Type>) -> Result<()> {
        if let ExprKind::Tuple(elements) = &expr.kind {
            for element in elements {
                self.gather_types(element, types)?;
            }
            return Ok(());
        }
        types.push(self.annotation(expr)?);
        Ok(())
    }
}

/// Unions taken apart, subtypes of others dropped.
fn members(types: &[Type]) -> Vec<Type> {
    match Type::union(types.iter().cloned()) {
        Type::Union(members) => members.to_vec(),
        Type::Optional(inner) => vec![(*inner).clone(), Type::None],
        other => vec![other],
    }
}
