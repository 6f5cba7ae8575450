//! Statements, and assignment to names, attributes and items.

use flambeau_ir::value::IValue;
use flambeau_syntax::{Expr, ExprKind, Span, Stmt, StmtKind};
use std::rc::Rc;
use std::sync::Arc;

use super::value::{FunctionValue, Value};
use super::{Builder, Frame};
use crate::lower::error::{ErrorKind, Result};

/// How a block ended.
pub(super) enum Flow {
    Next,
    Break,
    Continue,
    Return(Value),
}

impl Builder {
    pub(super) fn block(&mut self, frame: &mut Frame, body: &[Stmt]) -> Result<Flow> {
        for stmt in body {
            match self.statement(frame, stmt)? {
                Flow::Next => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Next)
    }

    fn statement(&mut self, frame: &mut Frame, stmt: &Stmt) -> Result<Flow> {
        self.step(frame, stmt.span)?;
        match &stmt.kind {
            StmtKind::Assign { targets, value, .. } => {
                let value = self.eval(frame, value)?;
                for target in targets {
                    self.assign(frame, target, value.clone())?;
                }
            }
            StmtKind::AnnAssign {
                target,
                value: Some(value),
                ..
            } => {
                let value = self.eval(frame, value)?;
                self.assign(frame, target, value)?;
            }
            StmtKind::AugAssign { target, op, value } => {
                let current = self.eval(frame, target)?;
                let value = self.eval(frame, value)?;
                let result = match (&current, op) {
                    (Value::List(items), flambeau_syntax::BinOp::Add) => {
                        let more = self.iterate(frame, &value, stmt.span)?;
                        items.borrow_mut().extend(more);
                        current.clone()
                    }
                    _ => self.binary(frame, *op, &current, &value, stmt.span)?,
                };
                self.assign(frame, target, result)?;
            }
            StmtKind::Return { value } => {
                let value = match value {
                    Some(value) => self.eval(frame, value)?,
                    None => Value::NONE,
                };
                return Ok(Flow::Return(value));
            }
            StmtKind::If { test, body, orelse } => {
                let value = self.eval(frame, test)?;
                let taken = if self.truth(frame, &value, test.span)? {
                    body
                } else {
                    orelse
                };
                return self.block(frame, taken);
            }
            StmtKind::For {
                target,
                iter,
                body,
                orelse,
                ..
            } => {
                let iterable = self.eval(frame, iter)?;
                for item in self.iterate(frame, &iterable, iter.span)? {
                    self.assign(frame, target, item)?;
                    match self.block(frame, body)? {
                        Flow::Break => return Ok(Flow::Next),
                        Flow::Return(value) => return Ok(Flow::Return(value)),
                        Flow::Next | Flow::Continue => {}
                    }
                }
                return self.block(frame, orelse);
            }
            StmtKind::While { test, body, orelse } => {
                loop {
                    self.step(frame, stmt.span)?;
                    let value = self.eval(frame, test)?;
                    if !self.truth(frame, &value, test.span)? {
                        break;
                    }
                    match self.block(frame, body)? {
                        Flow::Break => return Ok(Flow::Next),
                        Flow::Return(value) => return Ok(Flow::Return(value)),
                        Flow::Next | Flow::Continue => {}
                    }
                }
                return self.block(frame, orelse);
            }
            // Context managers of PyTorch (`no_grad`) change nothing that building needs.
            StmtKind::With { items, body, .. } => {
                for item in items {
                    let manager = self.eval(frame, &item.context)?;
                    if let Some(target) = &item.target {
                        self.assign(frame, target, manager)?;
                    }
                }
                return self.block(frame, body);
            }
            StmtKind::Expr(expr) => {
                self.eval(frame, expr)?;
            }
            StmtKind::Assert { test, msg } => {
                let value = self.eval(frame, test)?;
                if !self.truth(frame, &value, test.span)? {
                    let message = match msg {
                        Some(msg) => {
                            let value = self.eval(frame, msg)?;
                            self.display(&value)
                        }
                        None => "the assertion does not hold".into(),
                    };
                    return frame.fail(stmt.span, format!("AssertionError: {message}"));
                }
            }
            StmtKind::Raise { exc, .. } => return self.raised(frame, exc.as_ref(), stmt.span),
            StmtKind::Break => return Ok(Flow::Break),
            StmtKind::Continue => return Ok(Flow::Continue),
            StmtKind::FunctionDef(def) => {
                let function = FunctionValue {
                    program: frame.program.clone(),
                    def: Arc::new((**def).clone()),
                    owner: None,
                    this: None,
                    closure: frame.locals.clone(),
                };
                frame
                    .locals
                    .insert(def.name.name.clone(), Value::Function(Rc::new(function)));
            }
            StmtKind::Import { names } => {
                for alias in names {
                    let path = &alias.name.name;
                    let (name, path) = match &alias.asname {
                        Some(name) => (name.name.clone(), path.clone()),
                        None => {
                            let root = path.split('.').next().unwrap_or_default().to_string();
                            (root.clone(), root)
                        }
                    };
                    let value = self.imported(&path)?;
                    frame.locals.insert(name, value);
                }
            }
            StmtKind::ImportFrom { module, names, .. } => {
                for alias in names {
                    let module = module.as_ref().map_or("", |m| m.name.as_str());
                    let value = self.imported(&format!("{module}.{}", alias.name.name))?;
                    let name = alias.asname.as_ref().unwrap_or(&alias.name);
                    frame.locals.insert(name.name.clone(), value);
                }
            }
            StmtKind::Delete { targets } => {
                for target in targets {
                    self.delete(frame, target)?;
                }
            }
            StmtKind::Pass | StmtKind::AnnAssign { .. } => {}
            StmtKind::ClassDef(_) => return frame.unsupported(stmt.span, "a class inside of a function"),
            StmtKind::Unsupported { what, keyword_len } => {
                return frame.unsupported(stmt.span.head(*keyword_len), what);
            }
        }
        Ok(Flow::Next)
    }

    fn raised(&mut self, frame: &mut Frame, exc: Option<&Expr>, span: Span) -> Result<Flow> {
        let Some(exc) = exc else {
            return frame.fail(span, "no active exception to raise again");
        };
        let (class, args) = match &exc.kind {
            ExprKind::Call { func, args, .. } => {
                (func.dotted().unwrap_or_default(), self.items(frame, args)?)
            }
            _ => (exc.dotted().unwrap_or_default(), Vec::new()),
        };
        let kind = match class.rsplit('.').next().unwrap_or_default() {
            "ValueError" => ErrorKind::Value,
            "TypeError" => ErrorKind::Type,
            "AttributeError" => ErrorKind::Attribute,
            "NotImplementedError" => ErrorKind::NotImplemented,
            _ => ErrorKind::Compile,
        };
        let message: Vec<String> = args.iter().map(|a| self.display(a)).collect();
        let message = match message.is_empty() {
            true => class,
            false => message.join(", "),
        };
        frame.raise(kind, span, message)
    }

    pub(super) fn assign(&mut self, frame: &mut Frame, target: &Expr, value: Value) -> Result<()> {
        match &target.kind {
            ExprKind::Name(name) => {
                frame.locals.insert(name.clone(), value);
                Ok(())
            }
            ExprKind::Attribute { value: object, attr } => {
                let object = self.eval(frame, object)?;
                self.set_attribute(frame, &object, &attr.name, value, target.span)
            }
            ExprKind::Subscript { value: object, index } => {
                let object = self.eval(frame, object)?;
                let index = self.eval(frame, index)?;
                self.set_item(frame, &object, index, value, target.span)
            }
            ExprKind::Tuple(targets) | ExprKind::List(targets) => {
                let items = self.iterate(frame, &value, target.span)?;
                let starred = targets
                    .iter()
                    .position(|t| matches!(t.kind, ExprKind::Starred(_)));
                let least = targets.len() - usize::from(starred.is_some());
                if items.len() < least || (starred.is_none() && items.len() > least) {
                    let message = format!("expected {least} values to unpack, found {}", items.len());
                    return frame.raise(ErrorKind::Value, target.span, message);
                }
                let extra = items.len() - least;
                let mut items = items.into_iter();
                for (i, target) in targets.iter().enumerate() {
                    match &target.kind {
                        ExprKind::Starred(inner) if Some(i) == starred => {
                            let middle = items.by_ref().take(extra).collect();
                            self.assign(frame, inner, Value::list(middle))?;
                        }
                        _ => {
                            let item = items.next().unwrap_or(Value::NONE);
                            self.assign(frame, target, item)?;
                        }
                    }
                }
                Ok(())
            }
            _ => frame.fail(target.span, "cannot assign to this"),
        }
    }

    fn delete(&mut self, frame: &mut Frame, target: &Expr) -> Result<()> {
        let gone = match &target.kind {
            ExprKind::Name(name) => frame.locals.remove(name).is_some(),
            ExprKind::Attribute { value, attr } => {
                let object = self.eval(frame, value)?;
                match &object {
                    Value::Instance(instance) => {
                        let tables = [
                            &instance.attributes,
                            &instance.parameters,
                            &instance.buffers,
                            &instance.modules,
                        ];
                        tables.iter().any(|t| t.remove(&attr.name))
                    }
                    _ => false,
                }
            }
            ExprKind::Subscript { value, index } => {
                let object = self.eval(frame, value)?;
                let index = self.eval(frame, index)?;
                match &object {
                    Value::Dict(pairs) => {
                        let count = pairs.borrow().len();
                        pairs.borrow_mut().retain(|(k, _)| !k.equals(&index));
                        pairs.borrow().len() < count
                    }
                    Value::List(items) => {
                        let at = position(&index, items.borrow().len());
                        at.map(|at| items.borrow_mut().remove(at)).is_some()
                    }
                    Value::Instance(_) => {
                        match self.find_attribute(frame, &object, "__delitem__", target.span)? {
                            Some(method) => {
                                self.call(frame, method, vec![index], Vec::new(), target.span)?;
                                true
                            }
                            None => false,
                        }
                    }
                    _ => false,
                }
            }
            _ => false,
        };
        match gone {
            true => Ok(()),
            false => frame.fail(target.span, "there is nothing to delete here"),
        }
    }

    pub(super) fn item(
        &mut self,
        frame: &mut Frame,
        value: &Value,
        index: &Value,
        span: Span,
    ) -> Result<Value> {
        let items: Vec<Value> = match value {
            Value::Dict(pairs) => {
                let found = pairs
                    .borrow()
                    .iter()
                    .find(|(k, _)| k.equals(index))
                    .map(|(_, v)| v.clone());
                return match found {
                    Some(value) => Ok(value),
                    None => frame.fail(span, format!("KeyError: {}", self.repr(index))),
                };
            }
            Value::List(items) => items.borrow().clone(),
            Value::Tuple(items) => items.to_vec(),
            Value::Plain(IValue::Str(s)) => s.chars().map(|c| Value::str(&c.to_string())).collect(),
            Value::Plain(IValue::Tuple(t)) => t.items.iter().cloned().map(Value::from_ivalue).collect(),
            Value::Plain(IValue::Tensor(_)) | Value::Parameter(_) => {
                return self.tensor_item(frame, value, index, span);
            }
            Value::Instance(_) => match self.find_attribute(frame, value, "__getitem__", span)? {
                Some(method) => return self.call(frame, method, vec![index.clone()], Vec::new(), span),
                None => {
                    let message = format!("'{}' object is not subscriptable", value.type_name());
                    return frame.raise(ErrorKind::Type, span, message);
                }
            },
            _ => {
                let message = format!("'{}' object is not subscriptable", value.type_name());
                return frame.raise(ErrorKind::Type, span, message);
            }
        };
        if let Value::Slice(parts) = index {
            let picked = slice_of(&items, parts);
            return Ok(match value {
                Value::Plain(IValue::Str(_)) => {
                    Value::str(&picked.iter().filter_map(Value::as_str).collect::<String>())
                }
                Value::List(_) => Value::list(picked),
                _ => Value::tuple(picked),
            });
        }
        match position(index, items.len()) {
            Some(at) => Ok(items[at].clone()),
            None => frame.fail(
                span,
                format!(
                    "index {} is out of range for {} items",
                    self.repr(index),
                    items.len()
                ),
            ),
        }
    }

    /// The view that an index of ints, slices and `...` picks from a tensor; other indices select elements.
    fn tensor_item(&mut self, frame: &mut Frame, tensor: &Value, index: &Value, span: Span) -> Result<Value> {
        let parts = match index {
            Value::Tuple(parts) => parts.to_vec(),
            other => vec![other.clone()],
        };
        let mut view = tensor.clone();
        let mut dim = 0;
        for (i, part) in parts.iter().enumerate() {
            match part {
                Value::Slice(bounds) => {
                    let mut args = vec![view, Value::int(dim)];
                    args.extend(bounds.iter().cloned());
                    if args[4].is_none() {
                        args[4] = Value::int(1);
                    }
                    view = self.operator(frame, "aten::slice", &args, &[], span)?;
                    dim += 1;
                }
                Value::Plain(IValue::None) => {
                    view = self.operator(frame, "aten::unsqueeze", &[view, Value::int(dim)], &[], span)?;
                    dim += 1;
                }
                Value::Plain(IValue::Int(_)) => {
                    let args = [view, Value::int(dim), part.clone()];
                    view = self.operator(frame, "aten::select", &args, &[], span)?;
                }
                Value::Host(_) => {
                    let rest = parts[i + 1..].iter().filter(|p| !p.is_none()).count();
                    let dims = view.as_tensor().map_or(0, |t| t.dim());
                    dim = dims.saturating_sub(rest) as i64;
                }
                _ if part.as_tensor().is_some() && parts.len() == 1 => {
                    let indices = Value::list(vec![part.clone()]);
                    view = self.operator(frame, "aten::index", &[view, indices], &[], span)?;
                }
                _ => return frame.unsupported(span, "this form of indexing"),
            }
        }
        Ok(view)
    }

    pub(super) fn set_item(
        &mut self,
        frame: &mut Frame,
        object: &Value,
        index: Value,
        value: Value,
        span: Span,
    ) -> Result<()> {
        match object {
            Value::Dict(pairs) => {
                let mut pairs = pairs.borrow_mut();
                match pairs.iter_mut().find(|(k, _)| k.equals(&index)) {
                    Some(pair) => pair.1 = value,
                    None => pairs.push((index, value)),
                }
                Ok(())
            }
            Value::List(items) => {
                let at = position(&index, items.borrow().len());
                match at {
                    Some(at) => {
                        items.borrow_mut()[at] = value;
                        Ok(())
                    }
                    None => frame.fail(span, "assignment index is out of range"),
                }
            }
            Value::Plain(IValue::Tensor(_)) | Value::Parameter(_) => {
                let view = self.tensor_item(frame, object, &index, span)?;
                let name = if value.as_tensor().is_some() {
                    "aten::copy_"
                } else {
                    "aten::fill_"
                };
                self.operator(frame, name, &[view, value], &[], span).map(|_| ())
            }
            Value::Instance(_) => match self.find_attribute(frame, object, "__setitem__", span)? {
                Some(method) => self
                    .call(frame, method, vec![index, value], Vec::new(), span)
                    .map(|_| ()),
                None => frame.raise(
                    ErrorKind::Type,
                    span,
                    format!("'{}' object does not support item assignment", object.type_name()),
                ),
            },
            _ => frame.raise(
                ErrorKind::Type,
                span,
                format!("'{}' object does not support item assignment", object.type_name()),
            ),
        }
    }
}

/// Where an index points to; negative ones count from the end.
pub(super) fn position(index: &Value, len: usize) -> Option<usize> {
    let index = index.as_int()?;
    let len = len as i64;
    let at = if index < 0 { index + len } else { index };
    usize::try_from(at).ok().filter(|at| (*at as i64) < len)
}

pub(super) fn slice_of(items: &[Value], parts: &[Value; 3]) -> Vec<Value> {
    let len = items.len() as i64;
    let step = parts[2].as_int().unwrap_or(1);
    if step == 0 {
        return Vec::new();
    }
    let clamp = |bound: &Value, default: i64| match bound.as_int() {
        None => default,
        Some(i) if i < 0 => i.saturating_add(len).max(if step < 0 { -1 } else { 0 }),
        Some(i) => i.min(if step < 0 { len - 1 } else { len }),
    };
    let (mut at, end) = match step > 0 {
        true => (clamp(&parts[0], 0), clamp(&parts[1], len)),
        false => (clamp(&parts[0], len - 1), clamp(&parts[1], -1)),
    };
    let mut picked = Vec::new();
    while (step > 0 && at < end) || (step < 0 && at > end) {
        if let Some(item) = usize::try_from(at).ok().and_then(|i| items.get(i)) {
            picked.push(item.clone());
        }
        at = at.saturating_add(step);
    }
    picked
}
