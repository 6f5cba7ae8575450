//! Calls that evaluate their arguments their own way: `isinstance`, `range`, `dict`, `annotate`, `fork`, …

use flambeau_ir::ir::ValueId;
use flambeau_ir::types::Type;
use flambeau_ir::value::IValue;
use flambeau_syntax::Span;

use super::Emitter;
use super::error::Result;
use super::subtype;
use super::sugared::{Form, IterableTree, NamedValue, RangeValue, Sugared};
use super::tree::*;

impl Emitter<'_> {
    pub(super) fn apply(
        &mut self,
        expr: &Expr,
        apply: &Apply,
        binders: usize,
        hint: Option<&Type>,
    ) -> Result<Sugared> {
        let callee = self.sugared(&apply.callee, 1, None)?;
        match callee {
            Sugared::Form(form) => self.special_form(form, expr, apply, hint),
            Sugared::LegacyTensor(dtype) => self.legacy_tensor(expr.span, apply, dtype),
            callee => {
                let inputs: Vec<&Expr> = apply.inputs.iter().collect();
                let args = self.arguments(&inputs)?;
                let kwargs = self.keyword_arguments(&apply.attributes)?;
                self.call(&callee, apply.callee.span, &args, &kwargs, binders)
            }
        }
    }

    pub(super) fn check_inputs(&mut self, expr: &Expr, apply: &Apply, expected: usize) -> Result<()> {
        self.check_inputs_between(expr, apply, expected, expected)
    }

    fn check_inputs_between(&mut self, expr: &Expr, apply: &Apply, min: usize, max: usize) -> Result<()> {
        let name = apply.callee.as_var().unwrap_or("call").to_string();
        let found = apply.inputs.len();
        if found < min || found > max {
            return self.fail(expr.span, if min == max {
                format!("{name} expected exactly {min} arguments but found {found}")
            } else {
                format!("{name} expected to have number of arguments between {min} and {max} but found {found}")
            });
        }
        if !apply.attributes.is_empty() {
            return self.fail(expr.span, format!("{name} takes no keyword arguments"));
        }
        Ok(())
    }

    fn special_form(
        &mut self,
        form: Form,
        expr: &Expr,
        apply: &Apply,
        hint: Option<&Type>,
    ) -> Result<Sugared> {
        let loc = expr.span;
        let inputs = &apply.inputs;
        match form {
            Form::Fork | Form::Awaitable => {
                let Some(first) = inputs.first() else {
                    let name = if form == Form::Fork { "fork" } else { "awaitable" };
                    return self.fail(loc, format!("Expected at least one argument to {name}()"));
                };
                let callee = self.sugared(first, 1, None)?;
                let rest: Vec<&Expr> = inputs[1..].iter().collect();
                let args = self.arguments(&rest)?;
                let kwargs = self.keyword_arguments(&apply.attributes)?;
                self.fork(form, loc, &callee, &args, &kwargs)
            }
            Form::Annotate => {
                self.check_inputs(expr, apply, 2)?;
                let ty = self.annotation(&inputs[0])?;
                let value = self.expr(&inputs[1], Some(&ty))?;
                let mut value = self.try_convert(loc, &ty, value, true)?;
                let have = self.g.ty(value).clone();
                if let Err(why) = subtype(&have, &ty) {
                    let span = join(inputs[0].span, inputs);
                    return self.fail(
                        span,
                        format!(
                            "expected an expression of type {} but found {}\n{why}",
                            ty.repr_str(),
                            have.repr_str()
                        ),
                    );
                }
                // None is remembered with the annotated type.
                let optional = matches!(ty, Type::Optional(_) | Type::Union(_)) && ty.accepts_none();
                if optional && have.is_subtype_of(&Type::None) {
                    value = self.constant(IValue::None, None);
                    self.g.set_type(value, ty);
                }
                Ok(Sugared::Simple(value))
            }
            Form::UncheckedCast => {
                self.check_inputs(expr, apply, 2)?;
                let ty = self.annotation(&inputs[0])?;
                let value = self.expr(&inputs[1], None)?;
                // Saved code says again what the refinement already did.
                if self.kind_of_def(value) == "prim::unchecked_cast" && *self.g.ty(value) == ty {
                    return Ok(Sugared::Simple(value));
                }
                Ok(Sugared::Simple(self.unchecked_cast(value, &ty)))
            }
            Form::GetAttr => {
                self.check_inputs_between(expr, apply, 2, 3)?;
                let object = self.sugared(&inputs[0], 1, None)?;
                let ExprKind::Str(name) = &inputs[1].kind else {
                    return self.fail(loc, "getattr's second argument must be a string literal");
                };
                if let Some(default) = inputs.get(2)
                    && !self.has_attr(&object, loc, name)?
                {
                    return self.sugared(default, 1, None);
                }
                self.attr(&object, loc, name)
            }
            Form::HasAttr => {
                self.check_inputs(expr, apply, 2)?;
                Ok(Sugared::Simple(self.hasattr_cond(&inputs[0], &inputs[1])?.value))
            }
            Form::IsInstance => {
                self.check_inputs(expr, apply, 2)?;
                Ok(Sugared::Simple(self.isinstance(&inputs[0], &inputs[1])?.value))
            }
            Form::Uninitialized => {
                self.check_inputs(expr, apply, 1)?;
                let ty = self.annotation(&inputs[0])?;
                Ok(Sugared::Simple(self.uninitialized(&ty, Some(loc))))
            }
            Form::Tuple => {
                self.check_inputs(expr, apply, 1)?;
                let value = self.sugared(&inputs[0], 1, None)?;
                let mut items = Vec::new();
                for item in self.as_tuple(&value, loc, None)? {
                    items.push(self.as_value(&item, loc)?);
                }
                Ok(Sugared::Simple(self.tuple(&items)))
            }
            Form::ToList => {
                let ExprKind::Select(object, _) = &apply.callee.kind else {
                    return self.fail(loc, "tolist must be called on a tensor");
                };
                let value = self.expr(object, None)?;
                let Some(hint) = hint else {
                    return self.fail(loc, "Expected type hint for result of tolist()");
                };
                self.to_list(loc, value, hint)
            }
            Form::CreateObject => {
                if inputs.len() != 1 {
                    return self.fail(loc, "Only one argument to __new__ allowed");
                }
                match self.sugared(&inputs[0], 1, None)? {
                    Sugared::Class(class) => Ok(Sugared::Simple(self.create_object(&class, loc))),
                    other => {
                        let kind = self.kind_of(&other);
                        self.fail(
                            loc,
                            format!("Expected class value as argument to __new__, got {kind} instead"),
                        )
                    }
                }
            }
            Form::Range => {
                let inputs: Vec<&Expr> = inputs.iter().collect();
                let args = self.arguments(&inputs)?;
                let values = self.values(&args);
                self.range_value(loc, &values, None)
            }
            Form::Enumerate => self.enumerate(loc, apply),
            Form::Zip => {
                if inputs.is_empty() {
                    return self.fail(loc, "zip expected at least 1 arguments, got 0");
                }
                let mut tree = IterableTree::default();
                for input in inputs {
                    let value = self.sugared(input, 1, None)?;
                    let iterable = self.iter(&value, loc)?;
                    self.add_iterable(loc, &mut tree, iterable)?;
                }
                Ok(Sugared::Iterables(tree.into()))
            }
            Form::List => self.list_call(expr, apply, hint),
            Form::Dict => self.dict_call(expr, apply, hint),
            Form::Index => {
                let ExprKind::Select(object, _) = &apply.callee.kind else {
                    return self.fail(loc, "__getitem__ must be called on a tensor");
                };
                let this = self.sugared(object, 1, None)?;
                let this = self.as_value(&this, loc)?;
                if inputs.len() != 1 {
                    let found = inputs.len();
                    return self.fail(
                        loc,
                        format!("__getitem__ expected exactly 1 arguments, got {found}"),
                    );
                }
                let index = self.sugared(&inputs[0], 1, None)?;
                let index = self.as_value(&index, loc)?;
                let indices = if matches!(self.g.ty(index), Type::Tuple(_)) {
                    self.unpack_tuple(index)
                } else {
                    vec![index]
                };
                Ok(Sugared::Simple(self.index_op(loc, this, &indices)?))
            }
        }
    }

    /// A tensor as nested lists of the annotated type.
    fn to_list(&mut self, loc: Span, value: ValueId, hint: &Type) -> Result<Sugared> {
        let mut dims = 0;
        let mut element = hint;
        while let Type::List(inner) = element {
            dims += 1;
            element = inner;
        }
        let code =
            match element {
                Type::Int => 0,
                Type::Float => 1,
                Type::Bool => 2,
                Type::Complex => 3,
                other => {
                    return self.fail(loc, format!(
                    "{} is not one of the supported element types for tolist: int, float, complex, bool",
                    other.repr_str()
                ));
                }
            };
        let dims = self.constant(IValue::Int(dims), None);
        let code = self.constant(IValue::Int(code), None);
        Ok(Sugared::Simple(self.typed(
            "prim::tolist",
            &[value, dims, code],
            hint.clone(),
            None,
        )))
    }

    pub(super) fn range_value(
        &mut self,
        loc: Span,
        inputs: &[ValueId],
        static_len: Option<i64>,
    ) -> Result<Sugared> {
        for (i, &input) in inputs.iter().enumerate() {
            if !matches!(self.g.ty(input), Type::Int) {
                let found = self.g.ty(input).repr_str();
                return self.fail(
                    loc,
                    format!("all inputs of range must be ints, found {found} in argument {i}"),
                );
            }
        }
        let int = |e: &mut Self, i| e.constant(IValue::Int(i), Some(loc));
        let range = match *inputs {
            [end] => {
                let start = int(self, 0);
                let step = int(self, 1);
                RangeValue {
                    start,
                    end,
                    step,
                    only_end: true,
                    static_len,
                }
            }
            [start, end] => RangeValue {
                start,
                end,
                step: int(self, 1),
                only_end: false,
                static_len,
            },
            [start, end, step] => RangeValue {
                start,
                end,
                step,
                only_end: false,
                static_len,
            },
            [] => return self.fail(loc, "range expected at least 1 arguments, got 0"),
            _ => {
                return self.fail(
                    loc,
                    format!("range expected at most 3 arguments, got {}", inputs.len()),
                );
            }
        };
        Ok(Sugared::Range(range.into()))
    }

    fn enumerate(&mut self, loc: Span, apply: &Apply) -> Result<Sugared> {
        let mut start = None;
        match apply.inputs.len() {
            0 => return self.fail(loc, "enumerate expected at least 1 arguments, got 0"),
            2 => {
                let value = self.sugared(&apply.inputs[1], 1, None)?;
                start = Some(self.as_value(&value, loc)?);
            }
            _ => {}
        }
        let count = apply.inputs.len() + apply.attributes.len();
        if count > 2 {
            return self.fail(
                loc,
                format!("enumerate expected at most 2 arguments, got {count}"),
            );
        }
        if let [keyword] = &apply.attributes[..] {
            if keyword.name != "start" {
                return self.fail(
                    loc,
                    format!("enumerate expected kwarg name 'start', got '{}'", keyword.name),
                );
            }
            let value = self.sugared(&keyword.value, 1, None)?;
            start = Some(self.as_value(&value, loc)?);
        }
        let end = self.int_constant(i64::MAX, loc);
        let mut range_inputs: Vec<ValueId> = start.into_iter().collect();
        range_inputs.push(end);
        let value = self.sugared(&apply.inputs[0], 1, None)?;
        let iterable = self.iter(&value, loc)?;
        let static_len = self.static_len(&iterable);
        let range = self.range_value(loc, &range_inputs, static_len)?;
        let mut tree = IterableTree::default();
        self.add_iterable(loc, &mut tree, range)?;
        self.add_iterable(loc, &mut tree, iterable)?;
        Ok(Sugared::Iterables(tree.into()))
    }

    /// `list(xs)` is a copy, or a comprehension over what is not a list.
    fn list_call(&mut self, expr: &Expr, apply: &Apply, hint: Option<&Type>) -> Result<Sugared> {
        let loc = expr.span;
        if apply.inputs.is_empty() {
            let element = match hint {
                None => Type::TENSOR,
                Some(Type::List(element)) => (**element).clone(),
                Some(other) => {
                    let found = other.repr_str();
                    return self.fail(
                        loc,
                        format!("Expected list type annotation for list(), found {found}"),
                    );
                }
            };
            return Ok(Sugared::Simple(self.list(&element, &[])));
        }
        self.check_inputs(expr, apply, 1)?;
        let value = self.sugared(&apply.inputs[0], 1, None)?;
        if let Some(simple) = value.simple()
            && matches!(self.g.ty(simple), Type::List(_) | Type::Str)
        {
            return Ok(Sugared::Simple(self.call_op(
                Some(loc),
                "aten::list",
                &[simple],
            )?));
        }
        let iter = self.temp_name("$_iter");
        self.set_sugared_var(loc, &iter, value, None)?;
        let element = Expr::var(self.temp_name("$_elem"), loc);
        let comp = ListComp {
            elt: element.clone(),
            target: element,
            iter: Expr::var(iter, loc),
        };
        Ok(Sugared::Simple(self.list_comprehension(loc, &comp, hint)?))
    }

    fn dict_call(&mut self, expr: &Expr, apply: &Apply, hint: Option<&Type>) -> Result<Sugared> {
        let loc = expr.span;
        let mut apply = apply.clone();
        let is_dict = |t: &Type| matches!(t, Type::Dict(_));
        let refined = match hint {
            Some(hint) if !is_dict(hint) => self.refine_hint(Some(hint), "Dict", loc, is_dict, true)?,
            hint => super::literal::Refined {
                hint: hint.cloned(),
                candidates: Vec::new(),
                union: None,
            },
        };
        if !refined.candidates.is_empty() {
            return self.fail(loc, format!(
                "There are multiple candidate Dict types in the Union type annotation `{}`, and full type inference is not yet supported for the `dict()` constructor.",
                hint.map(Type::repr_str).unwrap_or_default()
            ));
        }
        if let Some(first) = apply.inputs.first().cloned() {
            // With the hint if that works, else without.
            let saved = (self.g.insert_point(), self.frames.len());
            let value = match self.sugared(&first, 1, hint) {
                Ok(value) => value,
                Err(_) => {
                    self.g.restore_insert_point(saved.0);
                    self.frames.truncate(saved.1);
                    self.sugared(&first, 1, None)?
                }
            };
            if let Some(simple) = value.simple()
                && matches!(self.g.ty(simple), Type::Dict(_))
            {
                let dict = self.call_op(Some(loc), "aten::dict", &[simple])?;
                self.add_keywords(loc, dict, &apply.attributes)?;
                if let Some(union) = &refined.union {
                    self.unchecked_cast(dict, union);
                }
                return Ok(Sugared::Simple(dict));
            }
        }
        let as_empty = match apply.inputs.first().map(|e| &e.kind) {
            None => !apply.attributes.is_empty(),
            Some(ExprKind::Dict(keys, _)) => keys.is_empty(),
            Some(ExprKind::List(items)) => items.is_empty(),
            _ => false,
        };
        if as_empty {
            apply.inputs.clear();
        }
        if apply.inputs.is_empty() && apply.attributes.is_empty() {
            let ty = refined
                .hint
                .unwrap_or_else(|| Type::dict(Type::Str, Type::TENSOR));
            if !is_dict(&ty) {
                let found = ty.repr_str();
                return self.fail(
                    loc,
                    format!("Expected a type annotation of Dict for dict constructor dict(), got {found}"),
                );
            }
            return Ok(Sugared::Simple(self.dict(ty, &[], &[])));
        }
        if let Some(ExprKind::DictComp(comp)) = apply.inputs.first().map(|e| &e.kind) {
            let dict = self.dict_comprehension(loc, comp, refined.hint.as_ref())?;
            self.add_keywords(loc, dict, &apply.attributes)?;
            return Ok(Sugared::Simple(dict));
        }
        let pair = |k: Expr, v: Expr| {
            let span = loc.to(k.span).to(v.span);
            Expr::new(ExprKind::Tuple(vec![k, v]), span)
        };
        if let Some(ExprKind::Dict(keys, values)) = apply.inputs.first().map(|e| e.kind.clone()) {
            let pairs = keys.into_iter().zip(values).map(|(k, v)| pair(k, v)).collect();
            apply.inputs = vec![Expr::new(ExprKind::List(pairs), loc)];
        }
        let literal = apply
            .inputs
            .first()
            .is_none_or(|e| matches!(e.kind, ExprKind::List(_)));
        if !apply.attributes.is_empty() && literal {
            let mut pairs = match apply.inputs.pop().map(|e| e.kind) {
                Some(ExprKind::List(items)) => items,
                _ => Vec::new(),
            };
            for attribute in std::mem::take(&mut apply.attributes) {
                let key = Expr::new(ExprKind::Str(attribute.name), loc);
                pairs.push(pair(key, attribute.value));
            }
            apply.inputs = vec![Expr::new(ExprKind::List(pairs), loc)];
        }
        if apply.inputs.len() != 1 {
            self.check_inputs(expr, &apply, 1)?;
        }
        let value = self.sugared(&apply.inputs[0], 1, None)?;
        let iter = self.temp_name("$_iter");
        let key = Expr::var(self.temp_name("$_key"), loc);
        let item = Expr::var(self.temp_name("$_value"), loc);
        let target = pair(key.clone(), item.clone());
        self.set_sugared_var(loc, &iter, value, None)?;
        let comp = DictComp {
            key,
            value: item,
            target,
            iter: Expr::var(iter, loc),
        };
        let dict = self.dict_comprehension(loc, &comp, refined.hint.as_ref())?;
        self.add_keywords(loc, dict, &apply.attributes)?;
        if let Some(union) = &refined.union {
            self.unchecked_cast(dict, union);
        }
        Ok(Sugared::Simple(dict))
    }

    fn add_keywords(&mut self, loc: Span, dict: ValueId, attributes: &[Attribute]) -> Result<()> {
        for attribute in attributes {
            let span = attribute.span;
            let key = self.constant(IValue::str(&attribute.name), Some(span));
            let value = self.expr(&attribute.value, None)?;
            if let Type::Dict(kv) = self.g.ty(dict).clone() {
                let (kt, vt) = (self.g.ty(key).clone(), self.g.ty(value).clone());
                let mut message = String::new();
                if kt != kv.0 {
                    message.push_str(&format!(
                        "Generated key type {} did not match the annotated key type, which was {}\n",
                        kt.repr_str(),
                        kv.0.repr_str()
                    ));
                }
                if !vt.is_subtype_of(&kv.1) {
                    message.push_str(&format!(
                        "Generated value type {} did not match the annotated value type, which was {}\n",
                        vt.repr_str(),
                        kv.1.repr_str()
                    ));
                }
                if !message.is_empty() {
                    return self.fail(loc, message);
                }
            }
            let args = [
                NamedValue::named(loc, "self", dict),
                NamedValue::named(span, "", key),
                NamedValue::named(span, "", value),
            ];
            self.builtin(Some(span), "aten::_set_item", &args, &[], None)?;
        }
        Ok(())
    }

    fn fork(
        &mut self,
        form: Form,
        loc: Span,
        callee: &Sugared,
        args: &[NamedValue],
        kwargs: &[NamedValue],
    ) -> Result<Sugared> {
        let kind = if form == Form::Fork {
            "prim::forkClosure"
        } else {
            "prim::awaitableClosure"
        };
        let node = self.node(kind, &[], 1, Some(loc));
        let saved = self.insert_before(node);
        let (closure, ty) = match callee {
            Sugared::Closure(closure) => {
                let block = self
                    .g
                    .defining_node(*closure)
                    .and_then(|n| self.g.node_blocks(n).first().copied());
                let ty = block
                    .and_then(|b| self.g.returns(b).first().copied())
                    .map(|v| self.g.ty(v).clone());
                (*closure, ty.unwrap_or(Type::None))
            }
            callee => {
                let mut ty = Type::None;
                let mut body = |e: &mut Emitter<'_>, block| {
                    let result = e.call(callee, loc, args, kwargs, 1)?;
                    let value = e.as_value(&result, loc)?;
                    e.g.add_return(block, value);
                    ty = e.g.ty(value).clone();
                    Ok(())
                };
                (self.closure(&mut body)?, ty)
            }
        };
        self.g.add_node_input(node, closure);
        self.g.restore_insert_point(saved);
        let value = self.g.output(node);
        let ty = if form == Form::Fork {
            Type::future(ty)
        } else {
            Type::Await(ty.into())
        };
        self.g.set_type(value, ty);
        Ok(Sugared::Simple(value))
    }

    /// `torch.LongTensor(…)`: sizes or data.
    fn legacy_tensor(&mut self, loc: Span, apply: &Apply, dtype: i64) -> Result<Sugared> {
        let inputs: Vec<&Expr> = apply.inputs.iter().collect();
        let args = self.arguments(&inputs)?;
        let args = self.values(&args);
        let kwargs = self.keyword_arguments(&apply.attributes)?;
        const BASE: &str = "Legacy Tensor Constructor only supports two schemas in TorchScript: \n'new(IntArrayRef size, *, Device? device=None)',\n'new(PyObject* data, *, Device? device=None)\n'";
        match &kwargs[..] {
            [] => {}
            [only] if only.name.as_deref() == Some("device") => {}
            [only] => {
                return self.fail(
                    loc,
                    format!("{BASE}Got kwarg {}", only.name.as_deref().unwrap_or("")),
                );
            }
            _ => return self.fail(loc, format!("{BASE}Got multiple kwargs\n")),
        }
        let dtype = self.constant(IValue::Int(dtype), None);
        let dtype = [NamedValue::named(loc, "dtype", dtype)];
        let all_ints = args.iter().all(|v| matches!(self.g.ty(*v), Type::Int));
        let (op, value) = match &args[..] {
            [] => ("aten::tensor", self.list(&Type::Int, &[])),
            _ if all_ints => ("aten::empty", self.list(&Type::Int, &args)),
            [only] => ("aten::tensor", *only),
            _ => {
                return self.fail(
                    loc,
                    format!("{BASE}Got multiple positional arguments that were not all integers"),
                );
            }
        };
        Ok(Sugared::Simple(self.builtin(
            None,
            op,
            &[value.into()],
            &dtype,
            None,
        )?))
    }
}
