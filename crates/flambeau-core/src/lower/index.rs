//! Subscripts: items of containers, and the indexing of tensors with ints, slices, None and tensors.

use flambeau_ir::ir::ValueId;
use flambeau_ir::types::{TupleType, Type};
use flambeau_ir::value::IValue;
use flambeau_syntax::Span;

use super::Emitter;
use super::error::Result;
use super::schema_match::convertible_to_list;
use super::sugared::{NamedValue, Sugared};
use super::tree::*;

impl Emitter<'_> {
    pub(super) fn subscript(
        &mut self,
        loc: Span,
        value: &Expr,
        indices: &[Expr],
        hint: Option<&Type>,
    ) -> Result<Sugared> {
        let sugared = self.sugared(value, 1, None)?;
        let value_loc = value.span;
        let [index] = indices else {
            let container = self.as_value(&sugared, value_loc)?;
            return Ok(Sugared::Simple(self.multidim_slicing(loc, container, indices)?));
        };
        if let ExprKind::Slice(slice) = &index.kind {
            if let Sugared::Module(..) = &sugared {
                let tuple = self.module_as_tuple(&sugared, value_loc)?;
                let tuple = self.as_value(&tuple, value_loc)?;
                let start = slice.start.as_ref().map(|e| self.expr(e, None)).transpose()?;
                let end = slice.end.as_ref().map(|e| self.expr(e, None)).transpose()?;
                let step = slice.step.as_ref().map(|e| self.expr(e, None)).transpose()?;
                return Ok(Sugared::Simple(
                    self.tuple_slice(value_loc, tuple, start, end, step)?,
                ));
            }
            let container = self.as_value(&sugared, value_loc)?;
            let dim = self.slice_dim(container, loc);
            return Ok(Sugared::Simple(self.slice(loc, container, dim, slice)?));
        }
        let container = self.as_value(&sugared, value_loc)?;
        let index_sugared = self.sugared(index, 1, None)?;
        if let Sugared::Slice { start, stop, step } = index_sugared {
            let dim = self.slice_dim(container, value_loc);
            let sliced = self.slice_op(value_loc, container, dim, Some(start), Some(stop), Some(step))?;
            return Ok(Sugared::Simple(sliced));
        }
        let index = self.as_value(&index_sugared, value_loc)?;
        let ty = self.g.ty(container).clone();
        if let Type::Tuple(tuple) = &ty {
            let container = self.as_value(&sugared, value_loc)?;
            Ok(Sugared::Simple(self.tuple_index(loc, container, tuple, index)?))
        } else if ty.is_subtype_of(&Type::TENSOR) {
            Ok(Sugared::Simple(self.multidim_slicing(loc, container, indices)?))
        } else {
            self.getitem(&sugared, loc, index, hint)
        }
    }

    /// A tensor is sliced along its first dimension.
    fn slice_dim(&mut self, container: ValueId, loc: Span) -> Option<ValueId> {
        self.g
            .ty(container)
            .is_subtype_of(&Type::TENSOR)
            .then(|| self.constant(IValue::Int(0), Some(loc)))
    }

    fn slice(
        &mut self,
        loc: Span,
        value: ValueId,
        dim: Option<ValueId>,
        slice: &SliceExpr,
    ) -> Result<ValueId> {
        let start = slice.start.as_ref().map(|e| self.expr(e, None)).transpose()?;
        let end = slice.end.as_ref().map(|e| self.expr(e, None)).transpose()?;
        let step = slice.step.as_ref().map(|e| self.expr(e, None)).transpose()?;
        self.slice_op(loc, value, dim, start, end, step)
    }

    fn slice_op(
        &mut self,
        loc: Span,
        value: ValueId,
        dim: Option<ValueId>,
        start: Option<ValueId>,
        end: Option<ValueId>,
        step: Option<ValueId>,
    ) -> Result<ValueId> {
        if matches!(self.g.ty(value), Type::Tuple(_)) {
            return self.tuple_slice(loc, value, start, end, step);
        }
        let step = match step {
            Some(step) => step,
            None => self.constant(IValue::Int(1), Some(loc)),
        };
        let mut args = vec![NamedValue::named(loc, "self", value)];
        args.extend(dim.map(NamedValue::from));
        let none = |bound: Option<ValueId>| match bound {
            Some(bound) => NamedValue::from(bound),
            None => NamedValue::constant(IValue::None),
        };
        args.push(NamedValue {
            name: Some("start".into()),
            ..none(start)
        });
        args.push(NamedValue {
            name: Some("end".into()),
            ..none(end)
        });
        args.push(NamedValue::named(loc, "step", step));
        self.builtin(Some(loc), "aten::slice", &args, &[], None)
    }

    /// The tensor after ints, slices and None were applied, and the tensors it is still to be indexed with.
    pub(super) fn int_and_slice_indexing(
        &mut self,
        loc: Span,
        mut value: ValueId,
        indices: &[Expr],
    ) -> Result<(ValueId, Vec<ValueId>)> {
        let mut dims = vec![0i64; indices.len()];
        let mut exprs: Vec<Option<ValueId>> = vec![None; indices.len()];
        let mut dim = 0;
        let mut at = 0;
        while at < indices.len() && !matches!(indices[at].kind, ExprKind::Dots) {
            dims[at] = dim;
            dim = self.index_dim(loc, &indices[at], dim, false, &mut exprs[at])?;
            at += 1;
        }
        let mut reverse_dim = -1;
        for i in (at + 1..indices.len()).rev() {
            if matches!(indices[i].kind, ExprKind::Dots) {
                return self.fail(loc, "An index can only have a single ellipsis ('...')");
            }
            dims[i] = reverse_dim;
            reverse_dim = self.index_dim(loc, &indices[i], reverse_dim, true, &mut exprs[i])?;
        }
        let mut tensors: Vec<Option<ValueId>> = Vec::new();
        for (i, index) in indices.iter().enumerate() {
            let Some(given) = exprs[i] else {
                if let ExprKind::Slice(slice) = &index.kind {
                    let dim = self.constant(IValue::Int(dims[i]), Some(loc));
                    value = self.slice(loc, value, Some(dim), slice)?;
                } else if !matches!(index.kind, ExprKind::Dots)
                    && let Sugared::Slice { start, stop, step } = self.sugared(index, 1, None)?
                {
                    let dim = self.constant(IValue::Int(dims[i]), Some(loc));
                    value = self.slice_op(loc, value, Some(dim), Some(start), Some(stop), Some(step))?;
                }
                continue;
            };
            let ty = self.g.ty(given).clone();
            if ty.is_subtype_of(&Type::None) {
                let dim = self.constant(IValue::Int(dims[i]), Some(loc));
                value = self.call_op(Some(loc), "aten::unsqueeze", &[value, dim])?;
            } else if ty == Type::Int {
                let dim = self.constant(IValue::Int(dims[i]), Some(loc));
                value = self.call_op(Some(loc), "aten::select", &[value, dim, given])?;
            } else {
                let slot = usize::try_from(dims[i]).unwrap_or(0);
                if tensors.len() <= slot {
                    tensors.resize(slot + 1, None);
                }
                tensors[slot] = Some(given);
            }
        }
        let mut result = Vec::with_capacity(tensors.len());
        for tensor in tensors {
            result.push(match tensor {
                Some(tensor) => tensor,
                None => self.constant(IValue::None, None),
            });
        }
        Ok((value, result))
    }

    /// The dimension that the next index applies to.
    fn index_dim(
        &mut self,
        loc: Span,
        index: &Expr,
        dim: i64,
        reverse: bool,
        out: &mut Option<ValueId>,
    ) -> Result<i64> {
        let next = if reverse { dim - 1 } else { dim + 1 };
        if matches!(index.kind, ExprKind::Slice(_)) {
            return Ok(next);
        }
        if let Sugared::Slice { .. } = self.sugared(index, 1, None)? {
            return Ok(next);
        }
        let hint = matches!(index.kind, ExprKind::None).then_some(Type::None);
        let mut value = self.expr(index, hint.as_ref())?;
        if matches!(self.g.ty(value), Type::List(_)) {
            // A list indexes like the tensor of its items.
            let kwargs = [NamedValue {
                name: Some("dtype".into()),
                ..NamedValue::constant(IValue::Int(4))
            }];
            value = self.builtin(None, "aten::tensor", &[value.into()], &kwargs, None)?;
        }
        *out = Some(value);
        let ty = self.g.ty(value).clone();
        if ty.is_subtype_of(&Type::None) {
            Ok(if reverse { dim } else { dim + 1 })
        } else if ty == Type::Int {
            Ok(if reverse { dim - 1 } else { dim })
        } else if ty.is_subtype_of(&Type::optional(Type::TENSOR)) {
            if reverse {
                return self.fail(
                    loc,
                    "Ellipses followed by tensor indexing is currently not supported",
                );
            }
            Ok(dim + 1)
        } else {
            self.fail(loc, format!(
                "Unsupported operation: indexing tensor with unsupported index type '{}'. Only ints, slices, lists and tensors are supported",
                ty.repr_str()
            ))
        }
    }

    fn multidim_slicing(&mut self, loc: Span, value: ValueId, indices: &[Expr]) -> Result<ValueId> {
        if !self.g.ty(value).is_subtype_of(&Type::TENSOR) {
            return self.fail(
                loc,
                "Unsupported operation: attempted to use multidimensional indexing on a non-tensor type",
            );
        }
        let (value, tensors) = self.int_and_slice_indexing(loc, value, indices)?;
        if tensors.is_empty() {
            return Ok(value);
        }
        self.index_op(loc, value, &tensors)
    }

    pub(super) fn index_op(&mut self, loc: Span, value: ValueId, indices: &[ValueId]) -> Result<ValueId> {
        let indices = self.list(&Type::optional(Type::TENSOR), indices);
        self.call_op(Some(loc), "aten::index", &[value, indices])
    }

    fn tuple_index(
        &mut self,
        loc: Span,
        value: ValueId,
        tuple: &TupleType,
        index: ValueId,
    ) -> Result<ValueId> {
        if *self.g.ty(index) != Type::Int {
            return self.fail(loc, "tuple index must be an integer");
        }
        let ty = match self.g.constant(index).and_then(|c| c.as_int()) {
            None => {
                let first = tuple.elements.first();
                let own = self.g.ty(value).clone();
                match first.filter(|f| convertible_to_list(&own, &Type::list((*f).clone()))) {
                    Some(first) => first.clone(),
                    None => {
                        return self.fail(loc, format!(
                            "Cannot index into a {} with a non-integer literal because we cannot resolve the output type",
                            own.repr_str()
                        ));
                    }
                }
            }
            Some(i) => {
                let len = tuple.elements.len() as i64;
                let at = if i < 0 { len + i } else { i };
                if at < 0 || at >= len {
                    return self.fail(
                        loc,
                        format!("Tuple index out of range. Tuple is length {len} and index is {i}"),
                    );
                }
                tuple.elements[at as usize].clone()
            }
        };
        Ok(self.typed("prim::TupleIndex", &[value, index], ty, None))
    }

    fn tuple_slice(
        &mut self,
        loc: Span,
        value: ValueId,
        start: Option<ValueId>,
        end: Option<ValueId>,
        step: Option<ValueId>,
    ) -> Result<ValueId> {
        let elements = self.g.ty(value).tuple_elements().unwrap_or(&[]).to_vec();
        let len = elements.len() as i64;
        let literal = |e: &Self, value: Option<ValueId>| -> Result<Option<i64>> {
            let Some(value) = value else { return Ok(None) };
            match e.g.constant(value) {
                Some(IValue::Int(i)) => Ok(Some(i)),
                _ => e.fail(loc, "tuple slice indices must be integer constants"),
            }
        };
        let step = match step.and_then(|s| self.g.constant(s)) {
            None => 1,
            Some(IValue::Int(i)) => i,
            Some(_) => return self.fail(loc, "Step size should always be an integer"),
        };
        if step == 0 {
            return self.fail(loc, "List slice should have non-zero step");
        }
        let adjust = |i: i64| if i < 0 { len + i } else { i };
        let mut begin = literal(self, start)?.map_or(i64::MAX, adjust);
        let mut stop = literal(self, end)?.map_or(i64::MAX, adjust);
        let count = adjust_slice(len, &mut begin, &mut stop, step);
        let mut picked = Vec::new();
        for i in 0..count {
            let at = begin + i * step;
            let Some(ty) = usize::try_from(at).ok().and_then(|at| elements.get(at)).cloned() else {
                return self.fail(loc, "tuple slice out of range");
            };
            let index = self.constant(IValue::Int(at), None);
            picked.push(self.typed("prim::TupleIndex", &[value, index], ty, None));
        }
        Ok(self.tuple(&picked))
    }
}

/// Python's clamping of slice bounds; gives the number of items.
fn adjust_slice(len: i64, start: &mut i64, stop: &mut i64, step: i64) -> i64 {
    if *start == i64::MAX {
        *start = if step < 0 { i64::MAX } else { 0 };
    }
    if *stop == i64::MAX {
        *stop = if step < 0 { i64::MIN } else { i64::MAX };
    }
    let clamp = |bound: i64, negative: i64, beyond: i64| {
        if bound < 0 {
            let shifted = bound.saturating_add(len);
            if shifted < 0 { negative } else { shifted }
        } else if bound >= len {
            beyond
        } else {
            bound
        }
    };
    let (low, high) = if step < 0 { (-1, len - 1) } else { (0, len) };
    *start = clamp(*start, low, high);
    *stop = if *stop == i64::MIN {
        -1
    } else {
        clamp(*stop, low, high)
    };
    if step < 0 {
        if *stop < *start {
            (*start - *stop - 1) / -step + 1
        } else {
            0
        }
    } else if *start < *stop {
        (*stop - *start - 1) / step + 1
    } else {
        0
    }
}
