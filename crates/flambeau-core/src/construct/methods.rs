//! Methods of text, lists, dicts and tensors.

use flambeau_ir::value::{Device, IValue, print};
use flambeau_syntax::Span;

use super::call::Named;
use super::expr::order;
use super::stmt::position;
use super::value::Value;
use super::{Builder, Frame};
use crate::lower::error::{ErrorKind, Result};

/// Whether a value of Python's own types has a method.
pub(super) fn has(value: &Value, name: &str) -> bool {
    let names: &[&str] = match value {
        Value::Plain(_) => &[
            "lower",
            "upper",
            "strip",
            "split",
            "join",
            "format",
            "replace",
            "startswith",
            "endswith",
            "title",
            "capitalize",
            "isdigit",
            "find",
            "count",
        ],
        Value::List(_) => &[
            "append", "extend", "insert", "pop", "index", "count", "copy", "reverse", "sort", "remove",
            "clear",
        ],
        Value::Dict(_) => &[
            "keys",
            "values",
            "items",
            "get",
            "pop",
            "update",
            "setdefault",
            "copy",
        ],
        Value::Set(_) => &["add", "update"],
        Value::Tuple(_) => &["index", "count", "numel"],
        _ => &[],
    };
    names.contains(&name)
}

impl Builder {
    pub(super) fn method(
        &mut self,
        frame: &mut Frame,
        this: Value,
        name: &str,
        args: Vec<Value>,
        named: Named,
        span: Span,
    ) -> Result<Value> {
        let arg = |i: usize| args.get(i).cloned().unwrap_or(Value::NONE);
        match &this {
            Value::Plain(IValue::Str(text)) => self.text_method(frame, text, name, &args, &named, span),
            Value::List(items) => {
                match name {
                    "append" => items.borrow_mut().push(arg(0)),
                    "extend" => {
                        let more = self.iterate(frame, &arg(0), span)?;
                        items.borrow_mut().extend(more);
                    }
                    "insert" => {
                        let len = items.borrow().len();
                        let at = position(&arg(0), len).unwrap_or(len);
                        items.borrow_mut().insert(at, arg(1));
                    }
                    "pop" => {
                        let len = items.borrow().len();
                        let index = args.first().cloned().unwrap_or(Value::int(-1));
                        return match position(&index, len) {
                            Some(at) => Ok(items.borrow_mut().remove(at)),
                            None => frame.fail(span, "pop index is out of range"),
                        };
                    }
                    "reverse" => items.borrow_mut().reverse(),
                    "clear" => items.borrow_mut().clear(),
                    "sort" => {
                        let unordered = std::cmp::Ordering::Equal;
                        items
                            .borrow_mut()
                            .sort_by(|a, b| order(a, b).unwrap_or(unordered));
                    }
                    "copy" => return Ok(Value::list(items.borrow().clone())),
                    "remove" => {
                        let at = items.borrow().iter().position(|i| i.equals(&arg(0)));
                        match at {
                            Some(at) => {
                                items.borrow_mut().remove(at);
                            }
                            None => {
                                return frame.raise(ErrorKind::Value, span, "list.remove(x): x not in list");
                            }
                        }
                    }
                    _ => {
                        let items = items.borrow().clone();
                        return self.sequence_method(frame, &items, name, &arg(0), span);
                    }
                }
                Ok(Value::NONE)
            }
            Value::Tuple(items) if name == "numel" => {
                Ok(Value::int(items.iter().filter_map(Value::as_int).product()))
            }
            Value::Tuple(items) => self.sequence_method(frame, items, name, &arg(0), span),
            Value::Set(items) => {
                let more = if name == "add" {
                    vec![arg(0)]
                } else {
                    self.iterate(frame, &arg(0), span)?
                };
                for item in more {
                    if !items.borrow().iter().any(|i| i.equals(&item)) {
                        items.borrow_mut().push(item);
                    }
                }
                Ok(Value::NONE)
            }
            Value::Dict(pairs) => {
                let find = |key: &Value| {
                    let pairs = pairs.borrow();
                    pairs.iter().find(|(k, _)| k.equals(key)).map(|(_, v)| v.clone())
                };
                match name {
                    "keys" => Ok(Value::list(
                        pairs.borrow().iter().map(|(k, _)| k.clone()).collect(),
                    )),
                    "values" => Ok(Value::list(
                        pairs.borrow().iter().map(|(_, v)| v.clone()).collect(),
                    )),
                    "items" => {
                        let row = |(k, v): &(Value, Value)| Value::tuple(vec![k.clone(), v.clone()]);
                        Ok(Value::list(pairs.borrow().iter().map(row).collect()))
                    }
                    "copy" => Ok(Value::dict(pairs.borrow().clone())),
                    "get" => Ok(find(&arg(0)).unwrap_or(arg(1))),
                    "setdefault" => match find(&arg(0)) {
                        Some(value) => Ok(value),
                        None => {
                            pairs.borrow_mut().push((arg(0), arg(1)));
                            Ok(arg(1))
                        }
                    },
                    "pop" => match find(&arg(0)) {
                        Some(value) => {
                            pairs.borrow_mut().retain(|(k, _)| !k.equals(&arg(0)));
                            Ok(value)
                        }
                        None if args.len() > 1 => Ok(arg(1)),
                        None => frame.fail(span, format!("KeyError: {}", self.repr(&arg(0)))),
                    },
                    _ => {
                        let more = self.builtin_call(frame, "dict", args, named, span)?;
                        if let Value::Dict(more) = &more {
                            let more = more.borrow().clone();
                            for (k, v) in more {
                                self.set_item(frame, &this, k, v, span)?;
                            }
                        }
                        Ok(Value::NONE)
                    }
                }
            }
            _ => frame.unsupported(span, &format!("`{name}`")),
        }
    }

    fn sequence_method(
        &self,
        frame: &Frame,
        items: &[Value],
        name: &str,
        value: &Value,
        span: Span,
    ) -> Result<Value> {
        let count = items.iter().filter(|i| i.equals(value)).count();
        if name == "count" {
            return Ok(Value::int(count as i64));
        }
        match items.iter().position(|i| i.equals(value)) {
            Some(at) => Ok(Value::int(at as i64)),
            None => frame.raise(
                ErrorKind::Value,
                span,
                format!("{} is not in the sequence", self.repr(value)),
            ),
        }
    }

    fn text_method(
        &mut self,
        frame: &mut Frame,
        text: &str,
        name: &str,
        args: &[Value],
        named: &Named,
        span: Span,
    ) -> Result<Value> {
        let first = args.first().and_then(Value::as_str).unwrap_or_default();
        Ok(match name {
            "lower" => Value::str(&text.to_lowercase()),
            "upper" => Value::str(&text.to_uppercase()),
            "strip" => Value::str(text.trim()),
            "replace" => {
                Value::str(&text.replace(first, args.get(1).and_then(Value::as_str).unwrap_or_default()))
            }
            "startswith" => Value::bool(text.starts_with(first)),
            "endswith" => Value::bool(text.ends_with(first)),
            "find" => Value::int(
                text.find(first)
                    .map_or(-1, |at| text[..at].chars().count() as i64),
            ),
            "count" => Value::int(text.matches(first).count() as i64),
            "isdigit" => Value::bool(!text.is_empty() && text.chars().all(|c| c.is_ascii_digit())),
            "title" | "capitalize" => {
                let mut start = true;
                let made: String = text
                    .chars()
                    .map(|c| {
                        let made = if start {
                            c.to_ascii_uppercase()
                        } else {
                            c.to_ascii_lowercase()
                        };
                        start = name == "title" && !c.is_alphanumeric();
                        made
                    })
                    .collect();
                Value::str(&made)
            }
            "split" => Value::list(match args.is_empty() {
                true => text.split_whitespace().map(Value::str).collect(),
                false => text.split(first).map(Value::str).collect(),
            }),
            "join" => {
                let items = self.iterate(frame, &args.first().cloned().unwrap_or(Value::NONE), span)?;
                let parts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                Value::str(&parts.join(text))
            }
            _ => {
                let mut made = String::new();
                let mut next = 0;
                let mut rest = text;
                while let Some(open) = rest.find('{') {
                    let Some(close) = rest[open..].find('}') else {
                        break;
                    };
                    made += &rest[..open];
                    let field = &rest[open + 1..open + close];
                    let value = match field.parse::<usize>() {
                        Ok(at) => args.get(at),
                        Err(_) if field.is_empty() => {
                            next += 1;
                            args.get(next - 1)
                        }
                        Err(_) => named.iter().find(|(n, _)| n == field).map(|(_, v)| v),
                    };
                    match value {
                        Some(value) => made += &self.display(value),
                        None => return frame.unsupported(span, "this format"),
                    }
                    rest = &rest[open + close + 1..];
                }
                made += rest;
                Value::str(&made)
            }
        })
    }

    /// `format % value`, for `%s`, `%d` and the like without widths.
    pub(super) fn percent(&self, format: &str, value: &Value) -> Option<String> {
        let args = match value {
            Value::Tuple(items) => items.to_vec(),
            other => vec![other.clone()],
        };
        let mut args = args.into_iter();
        let mut made = String::new();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                made.push(c);
                continue;
            }
            match chars.next()? {
                '%' => made.push('%'),
                's' | 'd' | 'i' => made += &self.display(&args.next()?),
                'r' => made += &self.repr(&args.next()?),
                _ => return None,
            }
        }
        Some(made)
    }

    /// `str(value)`
    pub(super) fn display(&self, value: &Value) -> String {
        match value {
            Value::Plain(IValue::Str(s)) => s.to_string(),
            _ => self.repr(value),
        }
    }

    pub(super) fn repr(&self, value: &Value) -> String {
        let all = |items: &[Value]| items.iter().map(|i| self.repr(i)).collect::<Vec<_>>().join(", ");
        match value {
            Value::Plain(IValue::Str(s)) => print::quoted(s).replace('"', "'"),
            Value::Plain(IValue::Double(f)) => flambeau_syntax::python_float(*f),
            Value::Plain(v) => print::display(v),
            Value::List(items) => format!("[{}]", all(&items.borrow())),
            Value::Tuple(items) if items.len() == 1 => format!("({},)", self.repr(&items[0])),
            Value::Tuple(items) => format!("({})", all(items)),
            Value::Dict(pairs) => {
                let pairs = pairs.borrow();
                let rows: Vec<String> = pairs
                    .iter()
                    .map(|(k, v)| format!("{}: {}", self.repr(k), self.repr(v)))
                    .collect();
                format!("{{{}}}", rows.join(", "))
            }
            Value::Instance(instance) => format!("{}()", instance.class.name),
            other => format!("<{}>", other.type_name()),
        }
    }

    // ---- tensors ----

    pub(super) fn tensor_attribute(&mut self, this: &Value, name: &str) -> Option<Value> {
        let tensor = this.as_tensor()?;
        Some(match name {
            "shape" => Value::tuple(tensor.sizes().iter().map(|s| Value::int(*s)).collect()),
            "ndim" => Value::int(tensor.dim() as i64),
            "dtype" => Value::int(tensor.dtype().code()),
            "device" => Value::Plain(IValue::Device(Device::cpu())),
            "requires_grad" => Value::bool(tensor.requires_grad()),
            "data" => Value::Plain(IValue::Tensor(tensor.detach())),
            "grad" => Value::NONE,
            "is_leaf" => Value::bool(true),
            _ => Value::bound(name, this.clone()),
        })
    }

    pub(super) fn tensor_method(
        &mut self,
        frame: &mut Frame,
        this: Value,
        name: &str,
        args: Vec<Value>,
        named: Named,
        span: Span,
    ) -> Result<Value> {
        let Some(tensor) = this.as_tensor().cloned() else {
            return frame.fail(span, "expected a tensor");
        };
        match name {
            "size" | "__len__" if args.is_empty() => {
                return Ok(Value::tuple(
                    tensor.sizes().iter().map(|s| Value::int(*s)).collect(),
                ));
            }
            "size" => {
                let at = position(&args[0], tensor.dim());
                return match at {
                    Some(at) => Ok(Value::int(tensor.sizes()[at])),
                    None => frame.fail(span, "the dimension is out of range"),
                };
            }
            "dim" => return Ok(Value::int(tensor.dim() as i64)),
            "numel" | "nelement" => return Ok(Value::int(tensor.numel())),
            "item" => {
                let item = tensor.item().or_else(|e| frame.fail(span, e.to_string()))?;
                return Ok(Value::Plain(IValue::scalar(item)));
            }
            "tolist" => {
                if tensor.dim() == 0 {
                    let item = tensor.item().or_else(|e| frame.fail(span, e.to_string()))?;
                    return Ok(Value::Plain(IValue::scalar(item)));
                }
                let mut rows = Vec::new();
                for row in self.iterate(frame, &this, span)? {
                    rows.push(self.tensor_method(frame, row, "tolist", Vec::new(), Vec::new(), span)?);
                }
                return Ok(Value::list(rows));
            }
            "requires_grad_" => {
                let on = match args.first() {
                    Some(on) => self.truth(frame, on, span)?,
                    None => true,
                };
                tensor.set_requires_grad(on);
                return Ok(this);
            }
            "float" | "double" | "long" | "int" | "half" | "bool" | "bfloat16" => {
                let code = crate::lower::library::dtype_code(name).unwrap_or(6);
                return self.operator(frame, "aten::to", &[this, Value::int(code)], &[], span);
            }
            "cpu" => return Ok(this),
            _ => {}
        }
        // Initialising a parameter in place is not recorded.
        let is_parameter = matches!(this, Value::Parameter(_));
        let mut all = vec![Value::Plain(IValue::Tensor(if is_parameter {
            tensor.detach()
        } else {
            tensor
        }))];
        all.extend(args);
        let result = self.operator(frame, &format!("aten::{name}"), &all, &named, span)?;
        match is_parameter && name.ends_with('_') && !name.ends_with("__") {
            true => Ok(this),
            false => Ok(result),
        }
    }

    /// `copy.deepcopy`
    pub(super) fn deep_copy(&mut self, frame: &mut Frame, value: &Value, span: Span) -> Result<Value> {
        let mut made = Vec::new();
        self.copy_value(frame, value, &mut made, span)
    }

    fn copy_value(
        &mut self,
        frame: &mut Frame,
        value: &Value,
        made: &mut Vec<(std::rc::Rc<super::value::Instance>, Value)>,
        span: Span,
    ) -> Result<Value> {
        use super::value::Instance;
        let copied = |t: &flambeau_tensor::Tensor| -> Result<flambeau_tensor::Tensor> {
            let copy = t.copy().or_else(|e| frame.fail(span, e.to_string()))?;
            copy.set_requires_grad(t.requires_grad());
            Ok(copy)
        };
        Ok(match value {
            Value::Plain(IValue::Tensor(t)) => Value::Plain(IValue::Tensor(copied(t)?)),
            Value::Parameter(t) => Value::Parameter(copied(t)?),
            Value::List(items) => {
                let items = items.borrow().clone();
                let copies: Result<Vec<Value>> = items
                    .iter()
                    .map(|i| self.copy_value(frame, i, made, span))
                    .collect();
                Value::list(copies?)
            }
            Value::Dict(pairs) => {
                let pairs = pairs.borrow().clone();
                let mut copies = Vec::new();
                for (k, v) in pairs {
                    copies.push((k, self.copy_value(frame, &v, made, span)?));
                }
                Value::dict(copies)
            }
            Value::Instance(instance) => {
                if let Some((_, copy)) = made.iter().find(|(i, _)| std::rc::Rc::ptr_eq(i, instance)) {
                    return Ok(copy.clone());
                }
                let copy = Instance::new(instance.class.clone());
                copy.is_initialized.set(instance.is_initialized.get());
                made.push((instance.clone(), Value::Instance(copy.clone())));
                let tables = [
                    (&instance.parameters, &copy.parameters),
                    (&instance.buffers, &copy.buffers),
                    (&instance.modules, &copy.modules),
                    (&instance.attributes, &copy.attributes),
                ];
                for (from, to) in tables {
                    for (name, value) in from.rows() {
                        let value = self.copy_value(frame, &value, made, span)?;
                        to.set(&name, value);
                    }
                }
                Value::Instance(copy)
            }
            other => other.clone(),
        })
    }
}
