//! What `torch.nn.Module` itself does: assignment of parameters, buffers and submodules, and its own methods.

use flambeau_ir::value::IValue;
use flambeau_syntax::Span;
use flambeau_tensor::{DType, Tensor};
use std::rc::Rc;

use super::call::{Named, missing};
use super::value::{Instance, Value, dotted};
use super::{Builder, Frame};
use crate::lower::error::{ErrorKind, Result};
use crate::lower::program::decorated;

/// Whether `torch.nn.Module` has a method.
pub(super) fn has(name: &str) -> bool {
    matches!(
        name,
        "__init__"
            | "register_buffer"
            | "register_parameter"
            | "register_module"
            | "add_module"
            | "train"
            | "eval"
            | "apply"
            | "parameters"
            | "named_parameters"
            | "buffers"
            | "named_buffers"
            | "children"
            | "named_children"
            | "modules"
            | "named_modules"
            | "requires_grad_"
            | "to"
            | "float"
            | "double"
            | "half"
            | "bfloat16"
            | "cpu"
            | "get_submodule"
            | "state_dict"
            | "zero_grad"
            | "__setattr__"
            | "__getattr__"
    )
}

impl Builder {
    pub(super) fn set_attribute(
        &mut self,
        frame: &mut Frame,
        object: &Value,
        name: &str,
        value: Value,
        span: Span,
    ) -> Result<()> {
        match object {
            Value::Instance(instance) => self.set_member(frame, &instance.clone(), name, value, span),
            Value::Plain(IValue::Tensor(tensor)) | Value::Parameter(tensor) => {
                match (name, value.as_tensor()) {
                    ("requires_grad", _) => {
                        let on = self.truth(frame, &value, span)?;
                        tensor.set_requires_grad(on);
                        Ok(())
                    }
                    ("data", Some(data)) => {
                        let args = [
                            Value::Plain(IValue::Tensor(tensor.detach())),
                            Value::Plain(IValue::Tensor(data.clone())),
                        ];
                        self.operator(frame, "aten::copy_", &args, &[], span).map(|_| ())
                    }
                    _ => frame.unsupported(span, "setting this attribute of a tensor"),
                }
            }
            Value::Plain(IValue::Object(object)) => match value.to_ivalue() {
                Some(value) if object.set(name, value.clone()) => Ok(()),
                _ => frame.raise(
                    ErrorKind::Attribute,
                    span,
                    format!("cannot set attribute '{name}'"),
                ),
            },
            other => frame.raise(
                ErrorKind::Attribute,
                span,
                format!(
                    "cannot set attribute '{name}' of a value of type {}",
                    other.type_name()
                ),
            ),
        }
    }

    fn set_member(
        &mut self,
        frame: &mut Frame,
        this: &Rc<Instance>,
        name: &str,
        value: Value,
        span: Span,
    ) -> Result<()> {
        // A property's setter goes first.
        for class in this.class.mro() {
            let setter = class
                .functions()
                .find(|f| f.name.name == name && decorated(&f.decorators, "setter"));
            if let Some(setter) = setter {
                let function = Rc::new(super::value::FunctionValue {
                    program: class.program.clone(),
                    def: std::sync::Arc::new(setter.clone()),
                    owner: Some(class.clone()),
                    this: None,
                    closure: Default::default(),
                });
                let setter = Builder::bound(&function, Value::Instance(this.clone()));
                return self
                    .call(frame, setter, vec![value], Vec::new(), span)
                    .map(|_| ());
            }
        }
        let too_early = |what: &str| {
            frame.raise(
                ErrorKind::Attribute,
                span,
                format!("cannot assign {what} before Module.__init__() call"),
            )
        };
        match &value {
            Value::Parameter(_) => {
                if !this.is_initialized.get() {
                    return too_early("parameters");
                }
                for table in [&this.attributes, &this.buffers, &this.modules] {
                    table.remove(name);
                }
                this.parameters.set(name, value);
            }
            _ if this.parameters.has(name) => {
                if !value.is_none() {
                    let message = format!(
                        "cannot assign '{}' as parameter '{name}' (torch.nn.Parameter or None expected)",
                        value.type_name()
                    );
                    return frame.raise(ErrorKind::Type, span, message);
                }
                this.parameters.set(name, value);
            }
            Value::Instance(_) => {
                if !this.is_initialized.get() {
                    return too_early("module");
                }
                for table in [&this.attributes, &this.parameters, &this.buffers] {
                    table.remove(name);
                }
                this.modules.set(name, value);
            }
            _ if this.modules.has(name) => {
                if !value.is_none() {
                    let message = format!(
                        "cannot assign '{}' as child module '{name}' (torch.nn.Module or None expected)",
                        value.type_name()
                    );
                    return frame.raise(ErrorKind::Type, span, message);
                }
                this.modules.set(name, value);
            }
            _ if this.buffers.has(name) && (value.is_none() || value.as_tensor().is_some()) => {
                this.buffers.set(name, value);
            }
            _ => this.attributes.set(name, value),
        }
        Ok(())
    }

    pub(super) fn module_method(
        &mut self,
        frame: &mut Frame,
        this: &Rc<Instance>,
        name: &str,
        args: Vec<Value>,
        named: Named,
        span: Span,
    ) -> Result<Value> {
        let keyword = |key: &str| named.iter().find(|(n, _)| n == key).map(|(_, v)| v.clone());
        let arg = |i: usize, key: &str| args.get(i).cloned().or_else(|| keyword(key));
        let need = |i: usize, key: &str| arg(i, key).ok_or_else(|| missing(frame, span, key));
        let itself = Value::Instance(this.clone());
        let recurse = |frame: &Frame, builder: &mut Builder, i: usize| match arg(i, "recurse") {
            Some(value) => builder.truth(frame, &value, span),
            None => Ok(true),
        };
        Ok(match name {
            "__init__" => {
                this.is_initialized.set(true);
                for table in [&this.parameters, &this.buffers, &this.modules] {
                    table.clear();
                }
                this.attributes.set("training", Value::bool(true));
                this.attributes.set("_is_full_backward_hook", Value::NONE);
                Value::NONE
            }
            "register_buffer" => {
                let buffer = need(0, "name")?;
                let tensor = need(1, "tensor")?;
                let buffer = buffer.as_str().unwrap_or_default();
                if !tensor.is_none() && tensor.as_tensor().is_none() {
                    let message = format!(
                        "cannot assign '{}' object to buffer '{buffer}' (torch Tensor or None required)",
                        tensor.type_name()
                    );
                    return frame.raise(ErrorKind::Type, span, message);
                }
                let tensor = match tensor.as_tensor() {
                    Some(tensor) => Value::Plain(IValue::Tensor(tensor.clone())),
                    None => Value::NONE,
                };
                this.attributes.remove(buffer);
                this.buffers.set(buffer, tensor);
                Value::NONE
            }
            "register_parameter" => {
                let parameter = need(0, "name")?;
                let parameter = parameter.as_str().unwrap_or_default();
                this.attributes.remove(parameter);
                this.parameters.set(parameter, need(1, "param")?);
                Value::NONE
            }
            "add_module" | "register_module" => {
                let child = need(0, "name")?;
                let child = child.as_str().unwrap_or_default();
                let module = need(1, "module")?;
                if !matches!(module, Value::Instance(_)) && !module.is_none() {
                    let message = format!("{} is not a Module subclass", module.type_name());
                    return frame.raise(ErrorKind::Type, span, message);
                }
                this.attributes.remove(child);
                this.modules.set(child, module);
                Value::NONE
            }
            "train" | "eval" => {
                let on = match (name, arg(0, "mode")) {
                    ("eval", _) => false,
                    (_, Some(mode)) => self.truth(frame, &mode, span)?,
                    _ => true,
                };
                for (_, module) in this.named_modules() {
                    module.attributes.set("training", Value::bool(on));
                }
                itself
            }
            "apply" => {
                let function = need(0, "fn")?;
                for (_, module) in this.named_modules().into_iter().rev() {
                    self.call(
                        frame,
                        function.clone(),
                        vec![Value::Instance(module)],
                        Vec::new(),
                        span,
                    )?;
                }
                itself
            }
            "parameters" | "named_parameters" | "buffers" | "named_buffers" | "state_dict" => {
                let is_named = name.starts_with("named_");
                let deep = recurse(frame, self, usize::from(is_named))?;
                let modules = if deep {
                    this.named_modules()
                } else {
                    vec![(String::new(), this.clone())]
                };
                let mut found: Vec<(String, Value)> = Vec::new();
                for (prefix, module) in modules {
                    let mut rows = Vec::new();
                    if !name.ends_with("buffers") {
                        rows.extend(module.parameters.rows());
                    }
                    if !name.ends_with("parameters") {
                        rows.extend(module.buffers.rows());
                    }
                    for (key, value) in rows {
                        let seen = found.iter().any(|(_, v)| v.is(&value));
                        if !value.is_none() && !seen {
                            found.push((dotted(&prefix, &key), value));
                        }
                    }
                }
                let pairs = found.into_iter().map(|(k, v)| (Value::str(&k), v));
                match name {
                    "state_dict" => Value::dict(pairs.collect()),
                    _ if is_named => Value::list(pairs.map(|(k, v)| Value::tuple(vec![k, v])).collect()),
                    _ => Value::list(pairs.map(|(_, v)| v).collect()),
                }
            }
            "children" | "modules" | "named_children" | "named_modules" => {
                let rows = if name.ends_with("children") {
                    this.children()
                } else {
                    this.named_modules()
                };
                let row = |(key, module): (String, Rc<Instance>)| match name.starts_with("named_") {
                    true => Value::tuple(vec![Value::str(&key), Value::Instance(module)]),
                    false => Value::Instance(module),
                };
                Value::list(rows.into_iter().map(row).collect())
            }
            "requires_grad_" => {
                let on = match arg(0, "requires_grad") {
                    Some(on) => self.truth(frame, &on, span)?,
                    None => true,
                };
                for (_, module) in this.named_modules() {
                    for (_, value) in module.parameters.rows() {
                        if let Some(tensor) = value.as_tensor() {
                            tensor.set_requires_grad(on);
                        }
                    }
                }
                itself
            }
            "float" | "double" | "half" | "bfloat16" | "to" => {
                let code = match name {
                    "to" => args.iter().chain(keyword("dtype").iter()).find_map(Value::as_int),
                    _ => crate::lower::library::dtype_code(name),
                };
                if let Some(dtype) = code.and_then(DType::from_code) {
                    for (_, module) in this.named_modules() {
                        self.convert(frame, &module, dtype, span)?;
                    }
                }
                itself
            }
            "get_submodule" => {
                let path = need(0, "target")?;
                let path = path.as_str().unwrap_or_default();
                match this.named_modules().into_iter().find(|(n, _)| n == path) {
                    Some((_, module)) => Value::Instance(module),
                    None => {
                        let message = format!("the module has no submodule '{path}'");
                        return frame.raise(ErrorKind::Attribute, span, message);
                    }
                }
            }
            "__setattr__" => {
                let attribute = need(0, "name")?;
                let value = need(1, "value")?;
                self.set_member(frame, this, attribute.as_str().unwrap_or_default(), value, span)?;
                Value::NONE
            }
            "cpu" | "zero_grad" => itself,
            _ => return frame.unsupported(span, &format!("`Module.{name}`")),
        })
    }

    fn convert(&self, frame: &Frame, module: &Instance, dtype: DType, span: Span) -> Result<()> {
        let converted = |t: &Tensor| -> Result<Tensor> {
            let made = t
                .detach()
                .to_dtype(dtype)
                .or_else(|e| frame.fail(span, e.to_string()))?;
            made.set_requires_grad(t.requires_grad());
            Ok(made)
        };
        for table in [&module.parameters, &module.buffers] {
            for (name, value) in table.rows() {
                let Some(tensor) = value.as_tensor().filter(|t| t.is_floating_point()) else {
                    continue;
                };
                let tensor = converted(tensor)?;
                table.set(
                    &name,
                    match value {
                        Value::Parameter(_) => Value::Parameter(tensor),
                        _ => Value::Plain(IValue::Tensor(tensor)),
                    },
                );
            }
        }
        Ok(())
    }
}
