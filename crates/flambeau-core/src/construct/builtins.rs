//! Python's own functions, and what a call of any function that is not written in Python does.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::rc::Rc;
use std::sync::Arc;

use flambeau_ir::value::IValue;
use flambeau_syntax::{BinOp, Span};
use flambeau_tensor::Scalar;

use super::call::{Named, missing};
use super::expr::order;
use super::natives::MAX_LEN;
use super::value::Value;
use super::{Builder, Frame};
use crate::lower::error::{ErrorKind, Result};
use crate::lower::host::HostValue;

pub(super) fn builtin(name: &str) -> Option<Value> {
    matches!(
        name,
        "len"
            | "range"
            | "enumerate"
            | "zip"
            | "int"
            | "float"
            | "bool"
            | "str"
            | "repr"
            | "complex"
            | "list"
            | "tuple"
            | "dict"
            | "set"
            | "frozenset"
            | "min"
            | "max"
            | "sum"
            | "abs"
            | "round"
            | "pow"
            | "divmod"
            | "isinstance"
            | "issubclass"
            | "hasattr"
            | "getattr"
            | "setattr"
            | "delattr"
            | "print"
            | "super"
            | "type"
            | "sorted"
            | "reversed"
            | "iter"
            | "next"
            | "any"
            | "all"
            | "map"
            | "filter"
            | "callable"
            | "id"
            | "object"
            | "slice"
    )
    .then(|| Value::native(name))
    .or_else(|| (name == "Ellipsis").then(|| Value::Host(HostValue::Opaque("ellipsis".into()))))
    .or_else(|| crate::lower::python_names::python_builtin(name).map(Value::Host))
}

impl Builder {
    pub(super) fn builtin_call(
        &mut self,
        frame: &mut Frame,
        name: &str,
        args: Vec<Value>,
        named: Named,
        span: Span,
    ) -> Result<Value> {
        let keyword = |key: &str| named.iter().find(|(n, _)| n == key).map(|(_, v)| v.clone());
        let arg = |i: usize| args.get(i).cloned();
        let need = |i: usize| arg(i).ok_or_else(|| missing(frame, span, name));
        Ok(match name {
            "len" => {
                let value = need(0)?;
                if let Value::Instance(_) = value
                    && let Some(method) = self.find_attribute(frame, &value, "__len__", span)?
                {
                    return self.call(frame, method, Vec::new(), Vec::new(), span);
                }
                let len = match value.as_tensor() {
                    Some(tensor) => tensor.sizes().first().copied().unwrap_or(0) as usize,
                    None => self.iterate(frame, &value, span)?.len(),
                };
                Value::int(len as i64)
            }
            "range" => {
                let ints: Option<Vec<i64>> = args.iter().map(Value::as_int).collect();
                let Some(ints) = ints else {
                    return frame.raise(ErrorKind::Type, span, "range() takes integers");
                };
                let (start, end, step) = match ints[..] {
                    [end] => (0, end, 1),
                    [start, end] => (start, end, 1),
                    [start, end, step] if step != 0 => (start, end, step),
                    _ => return frame.raise(ErrorKind::Value, span, "range() takes one to three integers"),
                };
                let len = (end.saturating_sub(start) / step).max(0);
                if len > MAX_LEN {
                    return frame.fail(span, "the range is too long");
                }
                let mut items = Vec::new();
                let mut at = start;
                while (step > 0 && at < end) || (step < 0 && at > end) {
                    items.push(Value::int(at));
                    at += step;
                }
                Value::list(items)
            }
            "enumerate" => {
                let start = arg(1).or(keyword("start")).and_then(|v| v.as_int()).unwrap_or(0);
                let items = self.iterate(frame, &need(0)?, span)?;
                let rows = items.into_iter().enumerate();
                Value::list(
                    rows.map(|(i, v)| Value::tuple(vec![Value::int(start + i as i64), v]))
                        .collect(),
                )
            }
            "zip" => {
                let mut columns = Vec::new();
                for value in &args {
                    columns.push(self.iterate(frame, value, span)?);
                }
                let len = columns.iter().map(Vec::len).min().unwrap_or(0);
                let row = |i: usize| Value::tuple(columns.iter().map(|c| c[i].clone()).collect());
                Value::list((0..len).map(row).collect())
            }
            "int" | "float" | "bool" | "complex" => return self.number(frame, name, arg(0), span),
            "str" => Value::str(&args.first().map_or(String::new(), |v| self.display(v))),
            "repr" => Value::str(&self.repr(&need(0)?)),
            "list" | "iter" | "tuple" | "sorted" | "reversed" | "set" | "frozenset" => {
                let mut items = match arg(0) {
                    Some(value) => self.iterate(frame, &value, span)?,
                    None => Vec::new(),
                };
                match name {
                    "reversed" => items.reverse(),
                    "sorted" => {
                        let mut keyed = Vec::new();
                        for item in items {
                            let key = match keyword("key").filter(|k| !k.is_none()) {
                                Some(key) => self.call(frame, key, vec![item.clone()], Vec::new(), span)?,
                                None => item.clone(),
                            };
                            keyed.push((key, item));
                        }
                        keyed.sort_by(|a, b| order(&a.0, &b.0).unwrap_or(Ordering::Equal));
                        items = keyed.into_iter().map(|(_, v)| v).collect();
                        if let Some(reverse) = keyword("reverse")
                            && self.truth(frame, &reverse, span)?
                        {
                            items.reverse();
                        }
                    }
                    "set" | "frozenset" => {
                        let mut unique: Vec<Value> = Vec::new();
                        for item in items {
                            if !unique.iter().any(|u| u.equals(&item)) {
                                unique.push(item);
                            }
                        }
                        return Ok(Value::Set(Rc::new(RefCell::new(unique))));
                    }
                    _ => {}
                }
                if name == "tuple" {
                    Value::tuple(items)
                } else {
                    Value::list(items)
                }
            }
            "dict" => {
                let made = Value::dict(Vec::new());
                if let Some(value) = arg(0) {
                    let pairs = match &value {
                        Value::Dict(pairs) => pairs.borrow().clone(),
                        _ => {
                            let mut pairs = Vec::new();
                            for item in self.iterate(frame, &value, span)? {
                                let mut parts = self.iterate(frame, &item, span)?.into_iter();
                                match (parts.next(), parts.next()) {
                                    (Some(k), Some(v)) => pairs.push((k, v)),
                                    _ => {
                                        return frame.raise(ErrorKind::Type, span, "a dict is made of pairs");
                                    }
                                }
                            }
                            pairs
                        }
                    };
                    for (k, v) in pairs {
                        self.set_item(frame, &made, k, v, span)?;
                    }
                }
                for (k, v) in named {
                    self.set_item(frame, &made, Value::str(&k), v, span)?;
                }
                made
            }
            "min" | "max" => {
                let items = match args.len() {
                    1 => self.iterate(frame, &args[0], span)?,
                    _ => args.clone(),
                };
                let mut best: Option<Value> = None;
                for item in items {
                    let wanted = if name == "min" {
                        Ordering::Less
                    } else {
                        Ordering::Greater
                    };
                    let better = best
                        .as_ref()
                        .is_none_or(|best| order(&item, best) == Some(wanted));
                    if better {
                        best = Some(item);
                    }
                }
                match best {
                    Some(best) => best,
                    None => return frame.raise(ErrorKind::Value, span, format!("{name}() of nothing")),
                }
            }
            "sum" => {
                let start = arg(1).or(keyword("start")).unwrap_or(Value::int(0));
                return self.folded(frame, BinOp::Add, start, &need(0)?, span);
            }
            "abs" => match need(0)? {
                Value::Plain(IValue::Int(i)) => Value::int(i.saturating_abs()),
                Value::Plain(IValue::Double(f)) => Value::Plain(IValue::Double(f.abs())),
                other => return self.operator(frame, "aten::abs", &[other], &[], span),
            },
            "round" => match (need(0)?, arg(1).and_then(|v| v.as_int())) {
                (Value::Plain(IValue::Double(f)), None) => Value::int(f.round_ties_even() as i64),
                (Value::Plain(IValue::Double(f)), Some(digits)) => {
                    let scale = 10f64.powi(digits.clamp(-300, 300) as i32);
                    Value::Plain(IValue::Double((f * scale).round_ties_even() / scale))
                }
                (other, _) => other,
            },
            "pow" => return self.binary(frame, BinOp::Pow, &need(0)?, &need(1)?, span),
            "divmod" => {
                let (a, b) = (need(0)?, need(1)?);
                let quotient = self.binary(frame, BinOp::FloorDiv, &a, &b, span)?;
                Value::tuple(vec![quotient, self.binary(frame, BinOp::Mod, &a, &b, span)?])
            }
            "isinstance" | "issubclass" => Value::bool(self.is_instance(&need(0)?, &need(1)?)),
            "hasattr" => {
                let (object, attribute) = (need(0)?, need(1)?);
                let attribute = attribute.as_str().unwrap_or_default().to_string();
                Value::bool(self.find_attribute(frame, &object, &attribute, span)?.is_some())
            }
            "getattr" => {
                let (object, attribute) = (need(0)?, need(1)?);
                let attribute = attribute.as_str().unwrap_or_default().to_string();
                match (self.find_attribute(frame, &object, &attribute, span)?, arg(2)) {
                    (Some(value), _) | (None, Some(value)) => value,
                    (None, None) => return self.attribute(frame, &object, &attribute, span),
                }
            }
            "setattr" => {
                let (object, attribute, value) = (need(0)?, need(1)?, need(2)?);
                let attribute = attribute.as_str().unwrap_or_default().to_string();
                self.set_attribute(frame, &object, &attribute, value, span)?;
                Value::NONE
            }
            "print" => {
                let parts: Vec<String> = args.iter().map(|a| self.display(a)).collect();
                (self.runtime.context.stdout)(&(parts.join(" ") + "\n"));
                Value::NONE
            }
            "super" => match (&frame.owner, &frame.this) {
                (Some(owner), Some(Value::Instance(this))) => Value::Super(owner.clone(), this.clone()),
                _ => match (arg(0), arg(1)) {
                    (Some(Value::Class(class)), Some(Value::Instance(this))) => Value::Super(class, this),
                    _ => return frame.fail(span, "super(): no arguments"),
                },
            },
            "type" => match need(0)? {
                Value::Instance(instance) => Value::Class(instance.class.clone()),
                other => Value::Host(HostValue::Opaque(other.type_name().into())),
            },
            "next" => match self
                .iterate(frame, &need(0)?, span)?
                .into_iter()
                .next()
                .or(arg(1))
            {
                Some(value) => value,
                None => return frame.fail(span, "StopIteration"),
            },
            "any" | "all" => {
                let mut found = name == "all";
                for item in self.iterate(frame, &need(0)?, span)? {
                    let truth = self.truth(frame, &item, span)?;
                    found = if name == "all" {
                        found && truth
                    } else {
                        found || truth
                    };
                }
                Value::bool(found)
            }
            "map" | "filter" => {
                let function = need(0)?;
                let mut found = Vec::new();
                for item in self.iterate(frame, &need(1)?, span)? {
                    let result = self.call(frame, function.clone(), vec![item.clone()], Vec::new(), span)?;
                    if name == "map" {
                        found.push(result);
                    } else if self.truth(frame, &result, span)? {
                        found.push(item);
                    }
                }
                Value::list(found)
            }
            "callable" => Value::bool(matches!(
                need(0)?,
                Value::Function(_)
                    | Value::Class(_)
                    | Value::Instance(_)
                    | Value::Native(..)
                    | Value::Partial(_)
                    | Value::Host(HostValue::Builtin(_) | HostValue::Functions(_) | HostValue::Class { .. })
            )),
            "slice" => {
                let part = |i: usize| arg(i).unwrap_or(Value::NONE);
                let parts = if args.len() < 2 {
                    [Value::NONE, part(0), Value::NONE]
                } else {
                    [part(0), part(1), part(2)]
                };
                Value::Slice(Rc::new(parts))
            }
            _ => return self.native_call(frame, name, args, named, span),
        })
    }

    fn number(&mut self, frame: &Frame, name: &str, value: Option<Value>, span: Span) -> Result<Value> {
        let value = value.unwrap_or(Value::int(0));
        if name == "bool" {
            return Ok(Value::bool(self.truth(frame, &value, span)?));
        }
        let scalar = match &value {
            Value::Plain(IValue::Str(text)) => {
                let text = text.trim().replace('_', "");
                match name {
                    "int" => text.parse().ok().map(Scalar::Int),
                    _ => text.parse().ok().map(Scalar::Float),
                }
            }
            Value::Plain(value) if value.as_scalar().is_some() => value.as_scalar(),
            other => other.as_tensor().and_then(|t| t.item().ok()),
        };
        let Some(scalar) = scalar else {
            let message = format!("{name}() cannot take a value of type {}", value.type_name());
            return frame.raise(ErrorKind::Type, span, message);
        };
        Ok(Value::Plain(match name {
            "int" => IValue::Int(scalar.to_i64()),
            "float" => IValue::Double(scalar.to_f64()),
            _ => IValue::Complex(scalar.to_complex()),
        }))
    }

    fn is_instance(&self, value: &Value, class: &Value) -> bool {
        let dtype = value.type_name();
        match class {
            Value::Tuple(classes) => classes.iter().any(|c| self.is_instance(value, c)),
            Value::Class(class) => match value {
                Value::Instance(instance) => instance.class.is_subclass(class),
                Value::Class(other) => other.is_subclass(class),
                _ => false,
            },
            Value::Native(name, _) => match &**name {
                "int" => dtype == "int" || dtype == "bool",
                "collections.OrderedDict" => dtype == "dict",
                "object" => true,
                "torch.nn.Parameter" | "torch.nn.parameter.Parameter" => dtype == "Parameter",
                "torch.Tensor" => value.as_tensor().is_some(),
                "collections.abc.Iterable" => {
                    matches!(
                        value,
                        Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Set(_)
                    ) || value.as_str().is_some()
                }
                other => dtype == *other,
            },
            Value::Host(HostValue::Class { class, .. }) => {
                matches!(value, Value::Plain(IValue::Object(o)) if Arc::ptr_eq(o.class(), class))
            }
            Value::Host(HostValue::Builtin(op)) => &**op == "aten::Tensor" && value.as_tensor().is_some(),
            Value::Host(HostValue::Opaque(name)) => dtype == **name,
            Value::Path(path) => path.rsplit('.').next() == Some(&dtype),
            _ => false,
        }
    }

    /// The items joined by an operator, from `start` on.
    pub(super) fn folded(
        &mut self,
        frame: &mut Frame,
        op: BinOp,
        start: Value,
        items: &Value,
        span: Span,
    ) -> Result<Value> {
        let mut total = start;
        for item in self.iterate(frame, items, span)? {
            total = self.binary(frame, op, &total, &item, span)?;
        }
        Ok(total)
    }
}
