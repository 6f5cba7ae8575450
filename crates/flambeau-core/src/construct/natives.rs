//! The functions of PyTorch and of Python's standard modules that building modules needs.

use std::rc::Rc;
use std::sync::Arc;

use flambeau_ir::types::Type;
use flambeau_ir::value::{Device, IValue};
use flambeau_syntax::{BinOp, ExprKind, SourceFile, Span};
use flambeau_tensor::{DType, Scalar, Tensor};

use super::call::{Named, missing};
use super::value::Value;
use super::{Builder, Frame};
use crate::lower::error::{ErrorKind, Result};

/// Sequences that `range` and the like make are no longer than this.
pub(super) const MAX_LEN: i64 = 1 << 24;

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

impl Builder {
    pub(super) fn native_call(
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
            "collections.OrderedDict" => return self.builtin_call(frame, "dict", args, named, span),
            "math.prod" => {
                let start = keyword("start").unwrap_or(Value::int(1));
                return self.folded(frame, BinOp::Mult, start, &need(0)?, span);
            }
            "operator.mul" => {
                return self.binary(frame, BinOp::Mult, &need(0)?, &need(1)?, span);
            }
            "operator.add" => {
                return self.binary(frame, BinOp::Add, &need(0)?, &need(1)?, span);
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
                if arg(1).or(keyword("type")).is_none() {
                    return Err(missing(frame, span, "type"));
                }
                // The annotation is read again from the text, as the compiler reads it.
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
        let file = Arc::new(SourceFile::new("<annotation>", call));
        let parsed = flambeau_syntax::parse_expression(&file).0;
        let annotation = parsed.and_then(|parsed| match parsed.kind {
            ExprKind::Call { args, keywords, .. } => {
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
