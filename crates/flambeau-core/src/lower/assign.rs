//! Assignments: variables, attributes, items, unpacking, and the augmented forms.

use flambeau_ir::ir::ValueId;
use flambeau_ir::types::Type;
use flambeau_syntax::Span;

use super::Emitter;
use super::error::Result;
use super::sugared::{NamedValue, Sugared};
use super::tree::*;

impl Emitter<'_> {
    pub(super) fn assign(
        &mut self,
        loc: Span,
        targets: &[Expr],
        value: &Expr,
        ty: Option<&Expr>,
    ) -> Result<()> {
        if let [target] = targets {
            return self.assign_one(loc, target, value, ty);
        }
        // `a = b = expr`: the expression once, then the targets from left to right.
        let temp = self.temp_name("$tmp_assign_");
        let sugared = self.sugared(value, 1, None)?;
        self.set_sugared_var(value.span, &temp, sugared, None)?;
        let temp = Expr::var(temp, value.span);
        for target in targets {
            self.assign_one(loc, target, &temp, None)?;
        }
        Ok(())
    }

    pub(super) fn temp_name(&mut self, prefix: &str) -> String {
        let name = format!("{prefix}{}", self.temp_names);
        self.temp_names += 1;
        name
    }

    fn assign_one(&mut self, loc: Span, target: &Expr, value: &Expr, ty: Option<&Expr>) -> Result<()> {
        match &target.kind {
            ExprKind::Var(name) => {
                let ty = ty.map(|ty| self.annotation(ty)).transpose()?;
                let sugared = self.sugared(value, 1, ty.as_ref())?;
                self.set_sugared_var(target.span, name, sugared, ty.as_ref())
            }
            ExprKind::Tuple(elements) => {
                let starred = self.check_targets(elements, target.span)?;
                let binders = elements.len() - usize::from(starred);
                let sugared = self.sugared(value, binders, None)?;
                self.assign_tuple(target, elements, &sugared, value.span, binders, starred)
            }
            ExprKind::Select(object, field) => {
                let ty = ty.map(|ty| self.annotation(ty)).transpose()?;
                let object = self.sugared(object, 1, None)?;
                let sugared = self.sugared(value, 1, ty.as_ref())?;
                let value = self.as_value(&sugared, value.span)?;
                self.set_attr(&object, loc, &field.name, value)
            }
            ExprKind::Subscript(base, indices) => {
                let given = self.expr(value, None)?;
                self.assign_item(loc, target, base, indices, NamedValue::at(value.span, given))
            }
            _ => self.fail(
                target.span,
                "unexpected expression on left-hand side of assignment",
            ),
        }
    }

    /// Whether one of the targets is starred.
    pub(super) fn check_targets(&mut self, targets: &[Expr], loc: Span) -> Result<bool> {
        let mut normal = 0;
        let mut starred = 0;
        for target in targets {
            match &target.kind {
                ExprKind::Var(_) | ExprKind::Subscript(..) | ExprKind::Tuple(_) | ExprKind::Select(..) => {
                    normal += 1
                }
                ExprKind::Starred(_) => starred += 1,
                _ => {
                    return self.fail(
                        target.span,
                        "lhs of assignment must be a variable, subscript, or starred expression",
                    );
                }
            }
        }
        if starred > 1 {
            return self.fail(loc, "Only one starred expression is allowed on the lhs");
        }
        if starred > 0 && normal == 0 {
            return self.fail(
                loc,
                "A Starred expression may only appear on the lhs within the presence of another non-starred expression",
            );
        }
        Ok(starred > 0)
    }

    fn assign_tuple(
        &mut self,
        target: &Expr,
        elements: &[Expr],
        value: &Sugared,
        value_loc: Span,
        binders: usize,
        starred: bool,
    ) -> Result<()> {
        let outputs = self.as_tuple(value, value_loc, (!starred).then_some(binders))?;
        if outputs.len() < binders {
            let at_least = if starred { "at least " } else { "" };
            let found = outputs.len();
            return self.fail(
                target.span,
                format!("need {at_least}{binders} values to unpack but found only {found}"),
            );
        }
        if outputs.len() > binders && !starred {
            let found = outputs.len();
            return self.fail(
                target.span,
                format!("too many values to unpack: need {binders} but found {found}"),
            );
        }
        self.assign_all(elements, &outputs, value_loc, binders)
    }

    pub(super) fn assign_all(
        &mut self,
        targets: &[Expr],
        values: &[Sugared],
        loc: Span,
        binders: usize,
    ) -> Result<()> {
        let mut i = 0;
        for target in targets {
            let value = values.get(i).cloned().unwrap_or(Sugared::None);
            match &target.kind {
                ExprKind::Subscript(base, indices) => {
                    let given = self.as_value(&value, loc)?;
                    self.assign_item(loc, target, base, indices, NamedValue::at(loc, given))?;
                }
                ExprKind::Var(name) => self.set_sugared_var(target.span, name, value, None)?,
                ExprKind::Starred(inner) => {
                    let Some(name) = inner.as_var() else {
                        return self.fail(inner.span, "Cannot pack a tuple into a non-variable");
                    };
                    let count = values.len().saturating_sub(binders);
                    let mut items = Vec::with_capacity(count);
                    for value in &values[i..i + count] {
                        items.push(self.as_value(value, target.span)?);
                    }
                    let tuple = self.tuple(&items);
                    self.set_var(inner.span, name, tuple)?;
                    i += count;
                    continue;
                }
                ExprKind::Tuple(elements) => {
                    let starred = self.check_targets(elements, target.span)?;
                    let binders = elements.len() - usize::from(starred);
                    self.assign_tuple(target, elements, &value, loc, binders, starred)?;
                }
                ExprKind::Select(object, field) => {
                    let object = self.sugared(object, 1, None)?;
                    let given = self.as_value(&value, loc)?;
                    self.set_attr(&object, loc, &field.name, given)?;
                }
                _ => return self.fail(target.span, "unexpected expression on the left-hand side"),
            }
            i += 1;
        }
        Ok(())
    }

    /// `base[indices] = value`
    fn assign_item(
        &mut self,
        loc: Span,
        target: &Expr,
        base: &Expr,
        indices: &[Expr],
        value: NamedValue,
    ) -> Result<()> {
        let container = self.expr(base, None)?;
        let ty = self.g.ty(container).clone();
        if ty.is_subtype_of(&Type::TENSOR) {
            let (sliced, tensors) = self.int_and_slice_indexing(target.span, container, indices)?;
            let sliced = NamedValue::at(target.span, sliced);
            let value = self.value_to_tensor(value, &sliced)?;
            if tensors.is_empty() {
                self.builtin(Some(loc), "aten::copy_", &[sliced, value], &[], None)?;
            } else {
                let indices = self.list(&Type::optional(Type::TENSOR), &tensors);
                self.builtin(
                    Some(loc),
                    "aten::index_put_",
                    &[sliced, indices.into(), value],
                    &[],
                    None,
                )?;
            }
            return Ok(());
        }
        let indices_span = join(base.span, indices);
        let [index] = indices else {
            return self.fail(indices_span, NO_SLICED_ASSIGNMENT);
        };
        if matches!(index.kind, ExprKind::Slice(_)) {
            return self.fail(indices_span, NO_SLICED_ASSIGNMENT);
        }
        if ty.is_subtype_of(&Type::AnyTuple) {
            return self.fail(
                target.span,
                format!("{} does not support subscripted assignment", ty.repr_str()),
            );
        }
        let this = NamedValue::named(base.span, "self", container);
        let index = self.expr(index, None)?;
        let index = NamedValue::named(indices_span, "idx", index);
        let magic = Sugared::magic_builtin("__setitem__", "aten::_set_item");
        self.call(&magic, loc, &[this, index, value], &[], 0)?;
        Ok(())
    }

    /// `x[i] = 2` stores a tensor made like `x`.
    fn value_to_tensor(&mut self, value: NamedValue, like: &NamedValue) -> Result<NamedValue> {
        let given = self.value(&value);
        if !matches!(
            self.g.ty(given),
            Type::Number | Type::Int | Type::Bool | Type::Float | Type::Complex
        ) {
            return Ok(value);
        }
        let dtype = self.builtin(None, "prim::dtype", std::slice::from_ref(like), &[], None)?;
        let device = self.builtin(None, "prim::device", std::slice::from_ref(like), &[], None)?;
        let kwargs = [named("dtype", dtype), named("device", device)];
        let tensor = self.builtin(None, "aten::tensor", &[value.clone()], &kwargs, None)?;
        Ok(NamedValue {
            loc: value.loc,
            ..tensor.into()
        })
    }

    pub(super) fn aug_assign(&mut self, loc: Span, target: &Expr, op: BinKind, value: &Expr) -> Result<()> {
        match &target.kind {
            ExprKind::Var(name) => {
                let before = self.expr(target, None)?;
                let after = self.augment(loc, op, before, value)?;
                self.set_var(target.span, name, after)
            }
            ExprKind::Select(object, field) => {
                let object = self.sugared(object, 1, None)?;
                let before = self.attr(&object, target.span, &field.name)?;
                let before = self.as_value(&before, target.span)?;
                let after = self.augment(loc, op, before, value)?;
                self.set_attr(&object, loc, &field.name, after)
            }
            ExprKind::Subscript(base, indices) => self.augment_item(loc, target, base, indices, op, value),
            _ => self.fail(
                target.span,
                "unexpected expression on left-hand side of augmented assignment",
            ),
        }
    }

    fn augment(&mut self, loc: Span, op: BinKind, before: ValueId, value: &Expr) -> Result<ValueId> {
        let ty = self.g.ty(before).clone();
        let Type::Class(class) = &ty else {
            let value = self.expr(value, None)?;
            let op = self.aug_op(loc, op, &ty)?;
            return self.call_op(Some(loc), op, &[before, value]);
        };
        let (in_place, plain) = match op {
            BinKind::Add => ("__iadd__", "__add__"),
            BinKind::Sub => ("__isub__", "__sub__"),
            BinKind::Div => ("__itruediv__", "__truediv__"),
            BinKind::Mul => ("__imul__", "__mul__"),
            BinKind::Mod => ("__imod__", "__mod__"),
            _ => return self.unknown_aug(loc, op),
        };
        let value = self.expr(value, None)?;
        let method =
            if class.method(in_place).is_some() {
                in_place
            } else if class.method(plain).is_some() {
                plain
            } else {
                return self.fail(loc, format!(
                "Cannot emit inplace op on {} since it does not define an {in_place} or {plain} method",
                ty.repr_str()
            ));
            };
        self.call_method(loc, before, method, &[value.into()], &[])
    }

    fn unknown_aug<T>(&self, loc: Span, op: BinKind) -> Result<T> {
        let token = match op {
            BinKind::Pow => "**",
            BinKind::LShift => "<<",
            BinKind::RShift => ">>",
            BinKind::BitAnd => "&",
            BinKind::BitOr => "|",
            BinKind::BitXor => "^",
            _ => "?",
        };
        self.fail(loc, format!("Unknown augmented assignment: {token}"))
    }

    fn aug_op(&self, loc: Span, op: BinKind, ty: &Type) -> Result<&'static str> {
        let in_place = ty.is_subtype_of(&Type::TENSOR) || matches!(ty, Type::List(_));
        let pick = |a: &'static str, b: &'static str| if in_place { a } else { b };
        Ok(match op {
            BinKind::Add => pick("aten::add_", "aten::add"),
            BinKind::Sub => pick("aten::sub_", "aten::sub"),
            BinKind::Div => pick("aten::div_", "aten::div"),
            BinKind::Mul => pick("aten::mul_", "aten::mul"),
            BinKind::Mod => pick("aten::fmod_", "aten::fmod"),
            BinKind::BitOr => pick("aten::bitwise_or", "aten::__or__"),
            BinKind::BitAnd => pick("aten::bitwise_and", "aten::__and__"),
            BinKind::BitXor => pick("aten::bitwise_xor", "aten::__xor__"),
            BinKind::LShift => pick("aten::__ilshift__", "aten::__lshift__"),
            BinKind::RShift => pick("aten::__irshift__", "aten::__rshift__"),
            BinKind::Pow => "aten::pow",
            _ => return self.unknown_aug(loc, op),
        })
    }

    fn augment_item(
        &mut self,
        loc: Span,
        target: &Expr,
        base: &Expr,
        indices: &[Expr],
        op: BinKind,
        value: &Expr,
    ) -> Result<()> {
        let container = self.expr(base, None)?;
        let ty = self.g.ty(container).clone();
        if ty.is_subtype_of(&Type::TENSOR) {
            let (sliced, tensors) = self.int_and_slice_indexing(target.span, container, indices)?;
            let sliced = NamedValue::named(target.span, "self", sliced);
            let given = self.expr(value, None)?;
            let given = NamedValue::at(value.span, given);
            let op = self.aug_op(loc, op, &ty)?;
            if tensors.is_empty() {
                self.builtin(Some(loc), op, &[given], &[], Some(&sliced))?;
            } else {
                let indices: NamedValue = self.list(&Type::optional(Type::TENSOR), &tensors).into();
                let indexed = self.builtin(
                    Some(loc),
                    "aten::index",
                    &[sliced.clone(), indices.clone()],
                    &[],
                    None,
                )?;
                let augmented = self.builtin(Some(loc), op, &[given], &[], Some(&indexed.into()))?;
                self.builtin(
                    Some(loc),
                    "aten::index_put_",
                    &[sliced, indices, augmented.into()],
                    &[],
                    None,
                )?;
            }
            return Ok(());
        }
        let indices_span = join(base.span, indices);
        let [index] = indices else {
            return self.fail(indices_span, format!(
                "Sliced expression not yet supported for {} augmented assignment. File a bug if you want this",
                ty.repr_str()
            ));
        };
        let element = match &ty {
            Type::List(element) => (**element).clone(),
            // The key's type, as in PyTorch; only tells tensors from the rest.
            Type::Dict(kv) => kv.0.clone(),
            _ => {
                return self.fail(
                    target.span,
                    format!("{} does not support augmented assignment.", ty.repr_str()),
                );
            }
        };
        let index = self.expr(index, None)?;
        let container = NamedValue::named(base.span, &ty.to_string(), container);
        let index = NamedValue::named(indices_span, "idx", index);
        let given = self.expr(value, None)?;
        let given = NamedValue::named(value.span, "value", given);
        let item = self.builtin(
            Some(loc),
            "aten::__getitem__",
            &[container.clone(), index.clone()],
            &[],
            None,
        )?;
        let op = self.aug_op(loc, op, &element)?;
        let item = self.builtin(Some(loc), op, &[item.into(), given], &[], None)?;
        self.builtin(
            Some(loc),
            "aten::_set_item",
            &[container, index, item.into()],
            &[],
            None,
        )?;
        Ok(())
    }
}

const NO_SLICED_ASSIGNMENT: &str =
    "Sliced expression not yet supported for subscripted assignment. File a bug if you want this";

pub(super) fn named(name: &str, value: ValueId) -> NamedValue {
    NamedValue {
        name: Some(name.into()),
        ..value.into()
    }
}
