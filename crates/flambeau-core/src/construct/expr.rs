//! Expressions.

use flambeau_ir::value::{EnumValue, IValue, TupleValue};
use flambeau_syntax::{self as ast, BinOp, BoolOp, CmpOp, Constant, Expr, ExprKind, Span, UnaryOp};
use num_complex::Complex64;
use std::rc::Rc;
use std::sync::Arc;

use super::value::{FunctionValue, Value};
use super::{Builder, Frame, operators};
use crate::lower::error::{ErrorKind, Result};
use crate::lower::host::HostValue;
use crate::lower::python_names::arithmetic;

impl Builder {
    pub(super) fn eval(&mut self, frame: &mut Frame, expr: &Expr) -> Result<Value> {
        self.step(frame, expr.span)?;
        stacker::maybe_grow(128 << 10, 1 << 20, || self.eval_inner(frame, expr))
    }

    fn eval_inner(&mut self, frame: &mut Frame, expr: &Expr) -> Result<Value> {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Name(name) => match self.name(frame, name)? {
                Some(value) => Ok(value),
                None => frame.raise(ErrorKind::Compile, span, format!("name '{name}' is not defined")),
            },
            ExprKind::Constant(constant) => Ok(Value::Plain(match constant {
                Constant::None => IValue::None,
                Constant::Bool(b) => IValue::Bool(*b),
                Constant::Int(i) => IValue::Int(*i),
                Constant::Float(f) => IValue::Double(*f),
                Constant::Complex(im) => IValue::Complex(Complex64::new(0.0, *im)),
                Constant::Str(s) => IValue::str(s),
                Constant::Ellipsis => return Ok(Value::Host(HostValue::Opaque("ellipsis".into()))),
                Constant::BigInt(_) => return frame.unsupported(span, "an integer beyond 64 bits"),
                Constant::Bytes(_) => return Ok(Value::Host(HostValue::Opaque("bytes".into()))),
            })),
            ExprKind::Attribute { value, attr } => {
                let value = self.eval(frame, value)?;
                self.attribute(frame, &value, &attr.name, span)
            }
            ExprKind::Subscript { value, index } => {
                let value = self.eval(frame, value)?;
                if let Value::Host(_) | Value::Path(_) | Value::Class(_) = value {
                    // `List[int]` is for the compiler.
                    return Ok(Value::Host(HostValue::Opaque("type".into())));
                }
                let index = self.eval(frame, index)?;
                self.item(frame, &value, &index, span)
            }
            ExprKind::Slice { lower, upper, step } => {
                let mut part = |e: &Option<Box<Expr>>| match e {
                    Some(e) => self.eval(frame, e),
                    None => Ok(Value::NONE),
                };
                Ok(Value::Slice(Rc::new([part(lower)?, part(upper)?, part(step)?])))
            }
            ExprKind::Call { func, args, keywords } => {
                let callee = self.eval(frame, func)?;
                let args = self.items(frame, args)?;
                let mut named = Vec::new();
                for keyword in keywords {
                    let value = self.eval(frame, &keyword.value)?;
                    match &keyword.arg {
                        Some(name) => named.push((name.name.clone(), value)),
                        None => {
                            let Value::Dict(pairs) = &value else {
                                return frame.fail(keyword.span, "argument after ** must be a dict");
                            };
                            for (key, value) in pairs.borrow().iter() {
                                named.push((key.as_str().unwrap_or_default().to_string(), value.clone()));
                            }
                        }
                    }
                }
                self.call(frame, callee, args, named, span)
            }
            ExprKind::BinOp { op, left, right } => {
                let (a, b) = (self.eval(frame, left)?, self.eval(frame, right)?);
                self.binary(frame, *op, &a, &b, span)
            }
            ExprKind::UnaryOp { op, operand } => {
                let value = self.eval(frame, operand)?;
                self.unary(frame, *op, value, span)
            }
            ExprKind::BoolOp { op, values } => {
                let mut last = Value::NONE;
                for value in values {
                    last = self.eval(frame, value)?;
                    if self.truth(frame, &last, value.span)? == (*op == BoolOp::Or) {
                        break;
                    }
                }
                Ok(last)
            }
            ExprKind::Compare {
                left,
                ops,
                comparators,
            } => {
                let mut a = self.eval(frame, left)?;
                let mut result = Value::bool(true);
                for (op, right) in ops.iter().zip(comparators) {
                    let b = self.eval(frame, right)?;
                    result = self.compare(frame, *op, &a, &b, span)?;
                    if ops.len() > 1 && !self.truth(frame, &result, span)? {
                        return Ok(Value::bool(false));
                    }
                    a = b;
                }
                Ok(result)
            }
            ExprKind::IfExp { test, body, orelse } => {
                let value = self.eval(frame, test)?;
                match self.truth(frame, &value, test.span)? {
                    true => self.eval(frame, body),
                    false => self.eval(frame, orelse),
                }
            }
            ExprKind::List(items) => Ok(Value::list(self.items(frame, items)?)),
            ExprKind::Tuple(items) => Ok(Value::tuple(self.items(frame, items)?)),
            ExprKind::Dict { keys, values } => {
                let made = Value::dict(Vec::new());
                for (key, value) in keys.iter().zip(values) {
                    let value_span = value.span;
                    match key {
                        Some(key) => {
                            let (key, value) = (self.eval(frame, key)?, self.eval(frame, value)?);
                            self.set_item(frame, &made, key, value, value_span)?;
                        }
                        None => {
                            let Value::Dict(pairs) = self.eval(frame, value)? else {
                                return frame.fail(value_span, "expected a dict behind `**`");
                            };
                            let pairs = pairs.borrow().clone();
                            for (key, value) in pairs {
                                self.set_item(frame, &made, key, value, value_span)?;
                            }
                        }
                    }
                }
                Ok(made)
            }
            ExprKind::ListComp { element, generators } | ExprKind::GeneratorExp { element, generators } => {
                let saved = frame.locals.clone();
                let mut found = Vec::new();
                let result = self.comprehension(frame, generators, &mut |builder, frame| {
                    found.push(builder.eval(frame, element)?);
                    Ok(())
                });
                frame.locals = saved;
                result.map(|()| Value::list(found))
            }
            ExprKind::DictComp {
                key,
                value,
                generators,
            } => {
                let saved = frame.locals.clone();
                let made = Value::dict(Vec::new());
                let result = self.comprehension(frame, generators, &mut |builder, frame| {
                    let (k, v) = (builder.eval(frame, key)?, builder.eval(frame, value)?);
                    builder.set_item(frame, &made, k, v, key.span)
                });
                frame.locals = saved;
                result.map(|()| made)
            }
            ExprKind::JoinedStr(parts) => {
                let mut text = String::new();
                for part in parts {
                    match part {
                        ast::FStringPart::Text(part, _) => text += part,
                        ast::FStringPart::Value {
                            value,
                            conversion,
                            format,
                            span,
                        } => {
                            if format.as_ref().is_some_and(|f| !f.is_empty()) {
                                return frame.unsupported(*span, "a format in an f-string");
                            }
                            let value = self.eval(frame, value)?;
                            text += &match conversion {
                                Some('r') => self.repr(&value),
                                _ => self.display(&value),
                            };
                        }
                    }
                }
                Ok(Value::str(&text))
            }
            ExprKind::Starred(_) => frame.fail(span, "can't use starred expression here"),
            // Such an attribute is only refused where a compiled method uses it.
            ExprKind::Unsupported {
                what: "Set" | "SetComp",
            } => Ok(Value::Host(HostValue::Opaque("set".into()))),
            ExprKind::Unsupported { what: "Lambda" } => Ok(Value::Host(HostValue::Opaque("function".into()))),
            ExprKind::Unsupported { what } => frame.unsupported(span, &format!("`{what}`")),
        }
    }

    /// Elements, with starred ones spread out.
    pub(super) fn items(&mut self, frame: &mut Frame, items: &[Expr]) -> Result<Vec<Value>> {
        let mut found = Vec::with_capacity(items.len());
        for item in items {
            match &item.kind {
                ExprKind::Starred(inner) => {
                    let value = self.eval(frame, inner)?;
                    found.extend(self.iterate(frame, &value, item.span)?);
                }
                _ => found.push(self.eval(frame, item)?),
            }
        }
        Ok(found)
    }

    fn comprehension(
        &mut self,
        frame: &mut Frame,
        generators: &[ast::Comprehension],
        body: &mut dyn FnMut(&mut Builder, &mut Frame) -> Result<()>,
    ) -> Result<()> {
        let Some((first, rest)) = generators.split_first() else {
            return body(self, frame);
        };
        let iterable = self.eval(frame, &first.iter)?;
        'items: for item in self.iterate(frame, &iterable, first.iter.span)? {
            self.assign(frame, &first.target, item)?;
            for test in &first.ifs {
                let value = self.eval(frame, test)?;
                if !self.truth(frame, &value, test.span)? {
                    continue 'items;
                }
            }
            self.comprehension(frame, rest, body)?;
        }
        Ok(())
    }

    /// What a name stands for: a local, a module-level name, a builtin.
    pub(super) fn name(&mut self, frame: &mut Frame, name: &str) -> Result<Option<Value>> {
        if let Some(value) = frame.locals.get(name) {
            return Ok(Some(value.clone()));
        }
        self.global(&frame.program.clone(), name)
    }

    pub(super) fn unary(&mut self, frame: &Frame, op: UnaryOp, value: Value, span: Span) -> Result<Value> {
        Ok(match (op, &value) {
            (UnaryOp::Not, _) => Value::bool(!self.truth(frame, &value, span)?),
            (UnaryOp::USub, Value::Plain(IValue::Int(i))) => match i.checked_neg() {
                Some(i) => Value::int(i),
                None => return frame.fail(span, "integer overflow"),
            },
            (UnaryOp::USub, Value::Plain(IValue::Double(f))) => Value::Plain(IValue::Double(-f)),
            (UnaryOp::USub, Value::Plain(IValue::Complex(c))) => Value::Plain(IValue::Complex(-c)),
            (UnaryOp::Invert, Value::Plain(IValue::Int(i))) => Value::int(!i),
            (UnaryOp::UAdd, Value::Plain(_)) => value,
            _ => match value.as_tensor() {
                Some(_) => {
                    let name = if op == UnaryOp::USub {
                        "aten::neg"
                    } else {
                        "aten::bitwise_not"
                    };
                    return self.operator(frame, name, &[value], &[], span);
                }
                None => {
                    let message = format!(
                        "bad operand type for unary {}: '{}'",
                        op.token(),
                        value.type_name()
                    );
                    return frame.raise(ErrorKind::Type, span, message);
                }
            },
        })
    }

    pub(super) fn binary(
        &mut self,
        frame: &Frame,
        op: BinOp,
        a: &Value,
        b: &Value,
        span: Span,
    ) -> Result<Value> {
        if a.as_tensor().is_some() || b.as_tensor().is_some() {
            let name = match op {
                BinOp::Add => "add",
                BinOp::Sub if a.as_tensor().is_none() => "rsub",
                BinOp::Sub => "sub",
                BinOp::Mult => "mul",
                BinOp::Div if a.as_tensor().is_none() => {
                    let inverse = self.operator(frame, "aten::reciprocal", &[b.clone()], &[], span)?;
                    return self.operator(frame, "aten::mul", &[inverse, a.clone()], &[], span);
                }
                BinOp::Div => "div",
                BinOp::FloorDiv => "floor_divide",
                BinOp::Mod => "remainder",
                BinOp::Pow => "pow",
                BinOp::MatMult => "matmul",
                BinOp::BitAnd => "__and__",
                BinOp::BitOr => "__or__",
                BinOp::BitXor => "__xor__",
                BinOp::LShift => "__lshift__",
                BinOp::RShift => "__rshift__",
            };
            let swap = a.as_tensor().is_none() && matches!(op, BinOp::Add | BinOp::Mult | BinOp::Sub);
            let args = if swap {
                [b.clone(), a.clone()]
            } else {
                [a.clone(), b.clone()]
            };
            return self.operator(frame, &format!("aten::{name}"), &args, &[], span);
        }
        let sizes = |a: &Value, b: &Value| match (a, b.as_int()) {
            (Value::Plain(IValue::Str(s)), Some(n)) => Some((s.len(), n)),
            (Value::List(l), Some(n)) => Some((l.borrow().len(), n)),
            (Value::Tuple(t), Some(n)) => Some((t.len(), n)),
            _ => None,
        };
        if op == BinOp::Mult
            && let Some((len, n)) = sizes(a, b).or_else(|| sizes(b, a))
        {
            let n = usize::try_from(n).unwrap_or(0);
            if len.saturating_mul(n) > 1 << 24 {
                return frame.fail(span, "the repeated sequence is too long");
            }
            let sequence = if sizes(a, b).is_some() { a } else { b };
            return Ok(match sequence {
                Value::Plain(IValue::Str(s)) => Value::str(&s.repeat(n)),
                Value::List(items) => Value::list(repeated(&items.borrow(), n)),
                Value::Tuple(items) => Value::tuple(repeated(items, n)),
                _ => Value::NONE,
            });
        }
        let number = |v: &Value| match v {
            Value::Plain(IValue::Bool(b)) => IValue::Int((*b).into()),
            Value::Plain(v) => v.clone(),
            _ => IValue::None,
        };
        let found = match (op, a, b) {
            (BinOp::Add, Value::List(a), Value::List(b)) => {
                let mut items = a.borrow().clone();
                items.extend(b.borrow().iter().cloned());
                Some(Value::list(items))
            }
            (BinOp::Add, Value::Tuple(a), Value::Tuple(b)) => {
                Some(Value::tuple(a.iter().chain(b.iter()).cloned().collect()))
            }
            (BinOp::Add, Value::Plain(IValue::Str(a)), Value::Plain(IValue::Str(b))) => {
                Some(Value::str(&format!("{a}{b}")))
            }
            (BinOp::Mod, Value::Plain(IValue::Str(format)), _) => {
                self.percent(format, b).map(|s| Value::str(&s))
            }
            (BinOp::BitOr, Value::Dict(a), Value::Dict(b)) => {
                let made = Value::dict(a.borrow().clone());
                if let Value::Dict(pairs) = &made {
                    let mut pairs = pairs.borrow_mut();
                    for (k, v) in b.borrow().iter() {
                        pairs.retain(|(have, _)| !have.equals(k));
                        pairs.push((k.clone(), v.clone()));
                    }
                }
                Some(made)
            }
            _ => {
                let (x, y) = (number(a), number(b));
                let zero = matches!(y, IValue::Int(0)) || matches!(y, IValue::Double(f) if f == 0.0);
                if zero && matches!(op, BinOp::Div | BinOp::FloorDiv | BinOp::Mod) {
                    return frame.fail(span, "division by zero");
                }
                integers(op, &x, &y)
                    .or_else(|| floats(op, &x, &y))
                    .or_else(|| arithmetic(op, &x, &y))
                    .map(Value::Plain)
            }
        };
        match found {
            Some(value) => Ok(value),
            None => frame.raise(
                ErrorKind::Type,
                span,
                format!(
                    "unsupported operand type(s) for {}: '{}' and '{}'",
                    op.token(),
                    a.type_name(),
                    b.type_name()
                ),
            ),
        }
    }

    fn compare(&mut self, frame: &mut Frame, op: CmpOp, a: &Value, b: &Value, span: Span) -> Result<Value> {
        let tensors = a.as_tensor().is_some() || b.as_tensor().is_some();
        let name = match op {
            CmpOp::Is => return Ok(Value::bool(a.is(b))),
            CmpOp::IsNot => return Ok(Value::bool(!a.is(b))),
            CmpOp::In | CmpOp::NotIn => {
                let found = match (a, b) {
                    (Value::Plain(IValue::Str(a)), Value::Plain(IValue::Str(b))) => b.contains(&**a),
                    _ => self.iterate(frame, b, span)?.iter().any(|item| item.equals(a)),
                };
                return Ok(Value::bool(found == (op == CmpOp::In)));
            }
            CmpOp::Eq if !tensors => return Ok(Value::bool(a.equals(b))),
            CmpOp::NotEq if !tensors => return Ok(Value::bool(!a.equals(b))),
            CmpOp::Eq => "eq",
            CmpOp::NotEq => "ne",
            CmpOp::Lt => "lt",
            CmpOp::LtE => "le",
            CmpOp::Gt => "gt",
            CmpOp::GtE => "ge",
        };
        if tensors {
            return self.operator(
                frame,
                &format!("aten::{name}"),
                &[a.clone(), b.clone()],
                &[],
                span,
            );
        }
        let Some(order) = order(a, b) else {
            return frame.raise(
                ErrorKind::Type,
                span,
                format!(
                    "'{}' not supported between instances of '{}' and '{}'",
                    op.token(),
                    a.type_name(),
                    b.type_name()
                ),
            );
        };
        Ok(Value::bool(match op {
            CmpOp::Lt => order.is_lt(),
            CmpOp::LtE => order.is_le(),
            CmpOp::Gt => order.is_gt(),
            _ => order.is_ge(),
        }))
    }

    pub(super) fn truth(&mut self, frame: &Frame, value: &Value, span: Span) -> Result<bool> {
        Ok(match value {
            Value::Plain(IValue::None) => false,
            Value::Plain(IValue::Str(s)) => !s.is_empty(),
            Value::Plain(IValue::Tensor(t)) | Value::Parameter(t) => match t.item() {
                Ok(scalar) => scalar.to_bool(),
                Err(error) => return frame.fail(span, error.to_string()),
            },
            Value::Plain(value) => value.as_scalar().is_none_or(|s| s.to_bool()),
            Value::List(items) | Value::Set(items) => !items.borrow().is_empty(),
            Value::Tuple(items) => !items.is_empty(),
            Value::Dict(items) => !items.borrow().is_empty(),
            _ => true,
        })
    }

    /// An operator on values, as Python would call it.
    pub(super) fn operator(
        &mut self,
        frame: &Frame,
        name: &str,
        args: &[Value],
        kwargs: &[(String, Value)],
        span: Span,
    ) -> Result<Value> {
        let plain = |value: &Value| match value.to_ivalue() {
            Some(value) => Ok(value),
            None => frame.raise(
                ErrorKind::Type,
                span,
                format!("`{name}` cannot take a value of type {}", value.type_name()),
            ),
        };
        let args = args.iter().map(plain).collect::<Result<Vec<_>>>()?;
        let mut named = Vec::new();
        for (key, value) in kwargs {
            named.push((key.clone(), plain(value)?));
        }
        // Made tensors may want a gradient; the operators themselves do not know that.
        let mut gradient = false;
        if !name.ends_with("::tensor")
            && let Some(at) = named.iter().position(|(k, _)| k == "requires_grad")
        {
            gradient = named.remove(at).1.as_bool().unwrap_or(false);
        }
        match operators::call(self.table, &self.runtime, name, &args, &named) {
            Ok(value) => {
                if let (true, IValue::Tensor(tensor)) = (gradient, &value) {
                    tensor.set_requires_grad(true);
                }
                Ok(Value::from_ivalue(value))
            }
            Err(message) => frame.fail(span, message.trim_end()),
        }
    }

    /// All items of something that can be iterated over.
    pub(super) fn iterate(&mut self, frame: &mut Frame, value: &Value, span: Span) -> Result<Vec<Value>> {
        Ok(match value {
            Value::List(items) | Value::Set(items) => items.borrow().clone(),
            Value::Tuple(items) => items.to_vec(),
            Value::Dict(pairs) => pairs.borrow().iter().map(|(k, _)| k.clone()).collect(),
            Value::Plain(IValue::Str(s)) => s.chars().map(|c| Value::str(&c.to_string())).collect(),
            Value::Plain(IValue::Tuple(t)) => t.items.iter().cloned().map(Value::from_ivalue).collect(),
            Value::Plain(IValue::Tensor(_)) | Value::Parameter(_) => {
                let parts = self.operator(frame, "aten::unbind", &[value.clone()], &[], span)?;
                return self.iterate(frame, &parts, span);
            }
            Value::Host(HostValue::Enum(flambeau_ir::types::Type::Enum(class))) => class
                .members
                .iter()
                .map(|(name, value)| {
                    Value::Plain(IValue::Enum(Arc::new(EnumValue {
                        class: class.clone(),
                        name: name.clone(),
                        value: value.clone(),
                    })))
                })
                .collect(),
            Value::Instance(_) => match self.find_attribute(frame, value, "__iter__", span)? {
                Some(method) => {
                    let items = self.call(frame, method, Vec::new(), Vec::new(), span)?;
                    return self.iterate(frame, &items, span);
                }
                None => return self.not_iterable(frame, value, span),
            },
            _ => return self.not_iterable(frame, value, span),
        })
    }

    fn not_iterable<T>(&self, frame: &Frame, value: &Value, span: Span) -> Result<T> {
        let message = format!("'{}' object is not iterable", value.type_name());
        frame.raise(ErrorKind::Type, span, message)
    }

    /// The methods of a function's owner, bound; also used for plain functions.
    pub(super) fn bound(function: &Rc<FunctionValue>, this: Value) -> Value {
        Value::Function(Rc::new(FunctionValue {
            program: function.program.clone(),
            def: function.def.clone(),
            owner: function.owner.clone(),
            this: Some(this),
            closure: function.closure.clone(),
        }))
    }
}

/// A NamedTuple of the program.
pub(super) fn named_tuple(ty: &flambeau_ir::types::Type, items: Vec<IValue>) -> Value {
    Value::Plain(IValue::Tuple(Arc::new(TupleValue {
        items: items.into(),
        ty: Some(ty.clone()),
    })))
}

fn repeated(items: &[Value], n: usize) -> Vec<Value> {
    std::iter::repeat_n(items, n).flatten().cloned().collect()
}

fn integers(op: BinOp, a: &IValue, b: &IValue) -> Option<IValue> {
    let (IValue::Int(a), IValue::Int(b)) = (a, b) else {
        return None;
    };
    let (a, b) = (*a, *b);
    let floor = |a: i64, b: i64| {
        let quotient = a.checked_div(b)?;
        Some(if a % b != 0 && (a < 0) != (b < 0) {
            quotient - 1
        } else {
            quotient
        })
    };
    Some(match op {
        BinOp::FloorDiv => IValue::Int(floor(a, b)?),
        BinOp::Mod => IValue::Int(a.checked_sub(floor(a, b)?.checked_mul(b)?)?),
        BinOp::Pow if b < 0 => IValue::Double((a as f64).powf(b as f64)),
        BinOp::BitAnd => IValue::Int(a & b),
        BinOp::BitOr => IValue::Int(a | b),
        BinOp::BitXor => IValue::Int(a ^ b),
        BinOp::RShift => IValue::Int(a.checked_shr(u32::try_from(b).ok()?)?),
        _ => return None,
    })
}

fn floats(op: BinOp, a: &IValue, b: &IValue) -> Option<IValue> {
    let number = |v: &IValue| match v {
        IValue::Int(i) => Some(*i as f64),
        IValue::Double(f) => Some(*f),
        _ => None,
    };
    let (x, y) = (number(a)?, number(b)?);
    let integral = matches!((a, b), (IValue::Int(_), IValue::Int(_)));
    match op {
        BinOp::FloorDiv if !integral => Some(IValue::Double((x / y).floor())),
        BinOp::Mod if !integral => {
            let rest = x % y;
            Some(IValue::Double(if rest != 0.0 && (rest < 0.0) != (y < 0.0) {
                rest + y
            } else {
                rest
            }))
        }
        _ => None,
    }
}

/// The order of two numbers, texts or sequences.
pub(super) fn order(a: &Value, b: &Value) -> Option<std::cmp::Ordering> {
    let sequence = |a: &[Value], b: &[Value]| {
        for (a, b) in a.iter().zip(b) {
            match order(a, b)? {
                std::cmp::Ordering::Equal => {}
                other => return Some(other),
            }
        }
        Some(a.len().cmp(&b.len()))
    };
    match (a, b) {
        (Value::Plain(IValue::Str(a)), Value::Plain(IValue::Str(b))) => Some(a.cmp(b)),
        (Value::Plain(a), Value::Plain(b)) => {
            if let (IValue::Int(a), IValue::Int(b)) = (a, b) {
                return Some(a.cmp(b));
            }
            let number = |v: &IValue| match v {
                IValue::Int(i) => Some(*i as f64),
                IValue::Double(f) => Some(*f),
                IValue::Bool(b) => Some(f64::from(u8::from(*b))),
                _ => None,
            };
            // NaN compares as neither; `partial_cmp` has no better word for it.
            number(a)?.partial_cmp(&number(b)?)
        }
        (Value::List(a), Value::List(b)) => sequence(&a.borrow(), &b.borrow()),
        (Value::Tuple(a), Value::Tuple(b)) => sequence(a, b),
        _ => None,
    }
}
