//! Python's own functions, and those of its and PyTorch's modules that building modules needs.

use flambeau_ir::types::Type;
use flambeau_ir::value::{Device, IValue};
use flambeau_syntax::Span;
use flambeau_tensor::{DType, Scalar, Tensor};
use std::cell::RefCell;
use std::rc::Rc;

use super::call::{Named, missing};
use super::expr::order;
use super::value::Value;
use super::{Builder, Frame};
use crate::lower::error::{ErrorKind, Result};
use crate::lower::host::HostValue;

/// Sequences that `range` and the like make are no longer than this.
const MAX_LEN: i64 = 1 << 24;

/// Functions by their dotted names.
pub(super) fn is_native(path: &str) -> bool {
    matches!(
        path,
        "torch.nn.Parameter"
            | "torch.nn.parameter.Parameter"
            | "torch.nn.Buffer"
            | "torch.nn.parameter.UninitializedParameter"
            | "torch.tensor"
            | "torch.as_tensor"
            | "torch.Tensor"
            | "torch.FloatTensor"
            | "torch.LongTensor"
            | "torch.Size"
            | "torch.device"
            | "torch.no_grad"
            | "torch.enable_grad"
            | "torch.inference_mode"
            | "torch.is_tensor"
            | "torch.get_default_dtype"
            | "torch.jit.Attribute"
            | "torch.jit.script"
            | "torch.jit.export"
            | "torch.jit.annotate"
            | "torch.jit.is_scripting"
            | "torch.jit.is_tracing"
            | "torch._assert"
            | "torch._check"
            | "collections.OrderedDict"
            | "collections.abc.Iterable"
            | "functools.partial"
            | "functools.reduce"
            | "itertools.chain"
            | "itertools.repeat"
            | "operator.mul"
            | "operator.add"
            | "copy.copy"
            | "copy.deepcopy"
            | "warnings.warn"
            | "typing.cast"
            | "math.prod"
            | "math.log2"
            | "math.floor"
            | "math.ceil"
            | "math.sqrt"
            | "math.isqrt"
            | "math.trunc"
    )
}

pub(super) fn constant(path: &str) -> Option<Value> {
    let float = |f| Some(Value::Plain(IValue::Double(f)));
    match path {
        "math.pi" => float(std::f64::consts::PI),
        "math.e" => float(std::f64::consts::E),
        "math.inf" => float(f64::INFINITY),
        "math.nan" => float(f64::NAN),
        _ => None,
    }
}

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
                        keyed.sort_by(|a, b| order(&a.0, &b.0).unwrap_or(std::cmp::Ordering::Equal));
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
            "dict" | "collections.OrderedDict" => {
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
                    let better = best.as_ref().is_none_or(|best| {
                        let order = order(&item, best);
                        order
                            == Some(if name == "min" {
                                std::cmp::Ordering::Less
                            } else {
                                std::cmp::Ordering::Greater
                            })
                    });
                    if better {
                        best = Some(item);
                    }
                }
                match best {
                    Some(best) => best,
                    None => return frame.raise(ErrorKind::Value, span, format!("{name}() of nothing")),
                }
            }
            "sum" | "math.prod" => {
                let is_sum = name == "sum";
                let mut total = arg(1)
                    .or(keyword("start"))
                    .unwrap_or(Value::int(i64::from(!is_sum)));
                let op = if is_sum {
                    flambeau_syntax::BinOp::Add
                } else {
                    flambeau_syntax::BinOp::Mult
                };
                for item in self.iterate(frame, &need(0)?, span)? {
                    total = self.binary(frame, op, &total, &item, span)?;
                }
                total
            }
            "operator.mul" => {
                return self.binary(frame, flambeau_syntax::BinOp::Mult, &need(0)?, &need(1)?, span);
            }
            "operator.add" => {
                return self.binary(frame, flambeau_syntax::BinOp::Add, &need(0)?, &need(1)?, span);
            }
            "functools.reduce" => {
                let function = need(0)?;
                let sequence = need(1)?;
                let mut items = self.iterate(frame, &sequence, span)?.into_iter();
                let mut total = match arg(2).or_else(|| items.next()) {
                    Some(first) => first,
                    None => return frame.raise(ErrorKind::Type, span, "reduce() of nothing"),
                };
                for item in items {
                    total = self.call(frame, function.clone(), vec![total, item], Vec::new(), span)?;
                }
                total
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
            "pow" => return self.binary(frame, flambeau_syntax::BinOp::Pow, &need(0)?, &need(1)?, span),
            "divmod" => {
                let (a, b) = (need(0)?, need(1)?);
                let quotient = self.binary(frame, flambeau_syntax::BinOp::FloorDiv, &a, &b, span)?;
                Value::tuple(vec![
                    quotient,
                    self.binary(frame, flambeau_syntax::BinOp::Mod, &a, &b, span)?,
                ])
            }
            "math.floor" | "math.ceil" | "math.trunc" | "math.sqrt" | "math.isqrt" | "math.log2" => {
                let number = match need(0)? {
                    Value::Plain(value) => value.as_scalar().map(|s| s.to_f64()),
                    _ => None,
                };
                let Some(x) = number else {
                    return frame.raise(ErrorKind::Type, span, format!("{name}() takes a number"));
                };
                match name {
                    "math.floor" => Value::int(x.floor() as i64),
                    "math.ceil" => Value::int(x.ceil() as i64),
                    "math.trunc" => Value::int(x.trunc() as i64),
                    _ if x < 0.0 => return frame.raise(ErrorKind::Value, span, "math domain error"),
                    "math.isqrt" => Value::int(x.sqrt() as i64),
                    "math.log2" => Value::Plain(IValue::Double(x.log2())),
                    _ => Value::Plain(IValue::Double(x.sqrt())),
                }
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
            "itertools.chain" => {
                let mut found = Vec::new();
                for value in &args {
                    found.extend(self.iterate(frame, value, span)?);
                }
                Value::list(found)
            }
            "itertools.repeat" => {
                let count = need(1)?.as_int().unwrap_or(0).clamp(0, MAX_LEN);
                Value::list(vec![need(0)?; count as usize])
            }
            "slice" => {
                let part = |i: usize| arg(i).unwrap_or(Value::NONE);
                let parts = if args.len() < 2 {
                    [Value::NONE, part(0), Value::NONE]
                } else {
                    [part(0), part(1), part(2)]
                };
                Value::Slice(Rc::new(parts))
            }
            "functools.partial" => {
                let mut args = args;
                if args.is_empty() {
                    return Err(missing(frame, span, name));
                }
                let function = args.remove(0);
                Value::Partial(Rc::new((function, args, named)))
            }
            "copy.copy" | "copy.deepcopy" => self.deep_copy(frame, &need(0)?, span)?,
            "typing.cast" | "torch.jit.annotate" => need(1)?,
            "torch.jit.script"
            | "torch.jit.export"
            | "torch.no_grad"
            | "torch.enable_grad"
            | "torch.inference_mode" => arg(0).unwrap_or(Value::NONE),
            "torch.jit.is_scripting" | "torch.jit.is_tracing" => Value::bool(false),
            "torch._assert" | "torch._check" => {
                let test = need(0)?;
                if !self.truth(frame, &test, span)? {
                    let message = arg(1).map_or(String::new(), |m| self.display(&m));
                    return frame.fail(span, format!("AssertionError: {message}"));
                }
                Value::NONE
            }
            "torch.is_tensor" => Value::bool(need(0)?.as_tensor().is_some()),
            "torch.get_default_dtype" => Value::int(DType::Float.code()),
            "torch.jit.Attribute" => {
                let Some(annotation) = arg(1).or(keyword("type")) else {
                    return Err(missing(frame, span, "type"));
                };
                // The annotation is read again from the text, as the compiler reads it.
                drop(annotation);
                let text = frame.text.slice(span);
                let ty = self.attribute_type(frame, text, span)?;
                Value::Attribute(Rc::new((need(0)?, ty)))
            }
            "torch.nn.Parameter" | "torch.nn.parameter.Parameter" => {
                let data = arg(0).or(keyword("data"));
                let Some(tensor) = data.as_ref().and_then(Value::as_tensor) else {
                    return frame.raise(ErrorKind::Type, span, "a parameter is made from a tensor");
                };
                let wanted = arg(1).or(keyword("requires_grad"));
                let tensor = tensor.detach();
                let on = match wanted {
                    Some(on) => self.truth(frame, &on, span)?,
                    None => true,
                };
                tensor.set_requires_grad(on);
                Value::Parameter(tensor)
            }
            "torch.nn.Buffer" => need(0)?,
            "torch.tensor" | "torch.as_tensor" | "torch.Tensor" | "torch.FloatTensor"
            | "torch.LongTensor" => {
                let dtype = match name {
                    "torch.Tensor" | "torch.FloatTensor" => Some(DType::Float),
                    "torch.LongTensor" => Some(DType::Long),
                    _ => arg(1)
                        .or(keyword("dtype"))
                        .and_then(|d| d.as_int())
                        .and_then(DType::from_code),
                };
                if matches!(name, "torch.Tensor") && args.iter().all(|a| a.as_int().is_some()) {
                    let sizes = Value::list(args.clone());
                    return self.operator(frame, "aten::empty", &[sizes], &[], span);
                }
                let tensor = self.tensor(frame, &need(0)?, dtype, span)?;
                if let Some(on) = keyword("requires_grad") {
                    tensor.set_requires_grad(self.truth(frame, &on, span)?);
                }
                Value::Plain(IValue::Tensor(tensor))
            }
            "torch.Size" => Value::tuple(self.iterate(frame, &need(0)?, span)?),
            "torch.device" => match need(0)?.as_str().and_then(Device::parse) {
                Some(device) => Value::Plain(IValue::Device(device)),
                None => return frame.fail(span, "Invalid device string"),
            },
            "warnings.warn" => {
                let message = args.first().map_or(String::new(), |m| self.display(m));
                (self.runtime.context.warn)(&message);
                Value::NONE
            }
            _ => return frame.unsupported(span, &format!("`{name}`")),
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
                matches!(value, Value::Plain(IValue::Object(o)) if std::sync::Arc::ptr_eq(o.class(), class))
            }
            Value::Host(HostValue::Builtin(op)) => &**op == "aten::Tensor" && value.as_tensor().is_some(),
            Value::Host(HostValue::Opaque(name)) => dtype == **name,
            Value::Path(path) => path.rsplit('.').next() == Some(&dtype),
            _ => false,
        }
    }

    /// `torch.tensor(data)`: nested sequences of numbers.
    fn tensor(
        &mut self,
        frame: &mut Frame,
        data: &Value,
        dtype: Option<DType>,
        span: Span,
    ) -> Result<Tensor> {
        if let Some(tensor) = data.as_tensor() {
            let copy = tensor.copy().and_then(|t| match dtype {
                Some(dtype) => t.to_dtype(dtype),
                None => Ok(t),
            });
            return copy.or_else(|e| frame.fail(span, e.to_string()));
        }
        let mut sizes = Vec::new();
        let mut numbers = Vec::new();
        self.flatten(frame, data, 0, &mut sizes, &mut numbers, span)?;
        let natural = numbers.iter().fold(None, |have: Option<DType>, n| {
            let this = match n {
                Scalar::Bool(_) => DType::Bool,
                Scalar::Int(_) => DType::Long,
                Scalar::Float(_) => DType::Float,
                Scalar::Complex(_) => DType::ComplexFloat,
            };
            let rank = |d: DType| match d {
                DType::Bool => 0,
                DType::Long => 1,
                DType::Float => 2,
                _ => 3,
            };
            Some(have.filter(|h| rank(*h) >= rank(this)).unwrap_or(this))
        });
        let dtype = dtype.or(natural).unwrap_or(DType::Float);
        Tensor::from_scalars(&numbers, &sizes, dtype).or_else(|e| frame.fail(span, e.to_string()))
    }

    fn flatten(
        &mut self,
        frame: &mut Frame,
        data: &Value,
        depth: usize,
        sizes: &mut Vec<i64>,
        numbers: &mut Vec<Scalar>,
        span: Span,
    ) -> Result<()> {
        if let Value::Plain(value) = data
            && let Some(number) = value.as_scalar()
        {
            if depth != sizes.len() {
                return frame.raise(ErrorKind::Value, span, "expected sequences of equal lengths");
            }
            numbers.push(number);
            return Ok(());
        }
        let items = match data.as_tensor() {
            Some(tensor) if tensor.dim() == 0 => {
                let scalar = tensor.item().or_else(|e| frame.fail(span, e.to_string()))?;
                numbers.push(scalar);
                return Ok(());
            }
            _ => self.iterate(frame, data, span)?,
        };
        let first = numbers.is_empty() && depth == sizes.len();
        if first {
            sizes.push(items.len() as i64);
        } else if sizes.get(depth) != Some(&(items.len() as i64)) {
            return frame.raise(ErrorKind::Value, span, "expected sequences of equal lengths");
        }
        for item in &items {
            self.flatten(frame, item, depth + 1, sizes, numbers, span)?;
        }
        Ok(())
    }

    /// The second argument of `torch.jit.Attribute(value, type)` as a type.
    fn attribute_type(&mut self, frame: &Frame, call: &str, span: Span) -> Result<Type> {
        let file = std::sync::Arc::new(flambeau_syntax::SourceFile::new("<annotation>", call));
        let parsed = flambeau_syntax::parse_expression(&file).0;
        let annotation = parsed.and_then(|parsed| match parsed.kind {
            flambeau_syntax::ExprKind::Call { args, keywords, .. } => {
                let keyword = keywords
                    .into_iter()
                    .find(|k| k.arg.as_ref().is_some_and(|a| a.name == "type"));
                args.into_iter().nth(1).or(keyword.map(|k| k.value))
            }
            _ => None,
        });
        match annotation {
            Some(annotation) => frame.program.annotation_in(&annotation, &file),
            None => frame.fail(span, "expected a type"),
        }
    }
}
