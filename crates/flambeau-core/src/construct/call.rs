//! Names of a program, attributes, and calls of everything that can be called.

use flambeau_ir::types::Type;
use flambeau_ir::value::{EnumValue, IValue, Object};
use flambeau_syntax::{self as ast, ParamKind, Span};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::expr::named_tuple;
use super::stmt::Flow;
use super::value::{Class, FunctionValue, Instance, Value};
use super::{Builder, Frame, MAX_DEPTH, library};
use crate::lower::error::{CompileError, ErrorKind, Result};
use crate::lower::host::HostValue;
use crate::lower::program::{Binding, Program, decorated};
use crate::module::call_function;

pub(super) type Named = Vec<(String, Value)>;

impl Builder {
    /// What a module-level name of a program stands for.
    pub(super) fn global(&mut self, program: &Arc<Program>, name: &str) -> Result<Option<Value>> {
        let key = (Arc::as_ptr(program) as usize, name.to_string());
        if let Some(value) = self.globals.get(&key) {
            return Ok(Some(value.clone()));
        }
        let Some(binding) = program.binding(name).cloned() else {
            return Ok(super::builtins::builtin(name));
        };
        let value = match binding {
            Binding::Import(path) => self.imported(&path)?,
            Binding::Function(def) => Value::Function(Rc::new(FunctionValue {
                program: program.clone(),
                def,
                owner: None,
                this: None,
                closure: HashMap::new(),
            })),
            Binding::Class(def) => self.class(program, name, def)?,
            Binding::Refused(message) => return Err(CompileError::new(ErrorKind::Compile, message)),
            Binding::Value(expr) => {
                let mut frame = Frame::top(program, program.text());
                self.eval(&mut frame, &expr)?
            }
        };
        self.globals.insert(key, value.clone());
        Ok(Some(value))
    }

    fn class(&mut self, program: &Arc<Program>, name: &str, def: Arc<ast::ClassDef>) -> Result<Value> {
        let mut bases = Vec::new();
        let mut frame = Frame::top(program, program.text());
        for base in &def.bases {
            // Only modules matter; other bases may be anything.
            if base.dotted().is_some()
                && let Ok(Value::Class(base)) = self.eval(&mut frame, base)
            {
                bases.push(base);
            }
        }
        if bases.is_empty() {
            return Ok(match program.lookup(name)? {
                Some(value) => Value::Host(value),
                None => Value::NONE,
            });
        }
        Ok(Value::Class(Rc::new(Class {
            name: name.into(),
            program: program.clone(),
            def: Some(def),
            bases,
        })))
    }

    /// What a dotted path of Python's modules stands for.
    pub(super) fn imported(&mut self, path: &str) -> Result<Value> {
        if path == "torch.nn.Module" || path == "torch.nn.modules.module.Module" {
            return Ok(Value::Class(self.module.clone()));
        }
        if let Some((program, name)) = library::python(path, self.table) {
            if let Some(value) = self.global(&program, &name)? {
                return Ok(value);
            }
        }
        if super::natives::is_native(path) {
            return Ok(Value::native(path));
        }
        if let Some(constant) = super::natives::constant(path) {
            return Ok(constant);
        }
        let scope = |path: &str| crate::lower::library::module(path, self.table);
        if scope(path).is_some() || library::is_package(path) {
            return Ok(Value::Path(path.into()));
        }
        if let Some((module, name)) = path.rsplit_once('.')
            && let Some(scope) = scope(module)
            && let Some(value) = scope.get(name)?
        {
            return Ok(match value {
                HostValue::Constant(value) => Value::from_ivalue(value),
                value => Value::Host(value),
            });
        }
        // Libraries that are not there may still be named.
        Ok(Value::Path(path.into()))
    }

    // ---- attributes ----

    pub(super) fn attribute(
        &mut self,
        frame: &mut Frame,
        value: &Value,
        name: &str,
        span: Span,
    ) -> Result<Value> {
        match self.find_attribute(frame, value, name, span)? {
            Some(found) => Ok(found),
            None => frame.raise(
                ErrorKind::Attribute,
                span,
                match value {
                    Value::Path(path) => format!("module '{path}' has no attribute '{name}'"),
                    Value::Class(class) => format!("type object '{}' has no attribute '{name}'", class.name),
                    _ => format!("'{}' object has no attribute '{name}'", value.type_name()),
                },
            ),
        }
    }

    pub(super) fn find_attribute(
        &mut self,
        frame: &mut Frame,
        value: &Value,
        name: &str,
        span: Span,
    ) -> Result<Option<Value>> {
        Ok(match value {
            Value::Path(path) => match self.imported(&format!("{path}.{name}"))? {
                Value::Path(inner)
                    if !library::is_known(&inner, self.table) && library::is_known(path, self.table) =>
                {
                    None
                }
                found => Some(found),
            },
            Value::Instance(instance) => {
                if let Some(found) = instance.get(name) {
                    return Ok(Some(found));
                }
                match name {
                    "__class__" => return Ok(Some(Value::Class(instance.class.clone()))),
                    "_modules" => return Ok(Some(rows(&instance.modules))),
                    "_parameters" => return Ok(Some(rows(&instance.parameters))),
                    "_buffers" => return Ok(Some(rows(&instance.buffers))),
                    "__dict__" => return Ok(Some(rows(&instance.attributes))),
                    _ => {}
                }
                let mro = instance.class.mro();
                self.member(frame, &mro, name, Some(value), span)?
            }
            Value::Super(class, instance) => {
                let mro = instance.class.mro();
                let behind = mro.iter().position(|c| Rc::ptr_eq(c, class)).map_or(0, |i| i + 1);
                self.member(
                    frame,
                    &mro[behind..],
                    name,
                    Some(&Value::Instance(instance.clone())),
                    span,
                )?
            }
            Value::Class(class) => match name {
                "__name__" | "__qualname__" => Some(Value::str(&class.name)),
                _ => {
                    let mro = class.mro();
                    self.member(frame, &mro, name, None, span)?
                }
            },
            Value::Function(function) if name == "__name__" => Some(Value::str(&function.def.name.name)),
            Value::Host(HostValue::Module(scope)) => scope.get(name)?.map(Value::Host),
            Value::Host(HostValue::Enum(Type::Enum(class))) => class.member(name).map(|value| {
                Value::Plain(IValue::Enum(Arc::new(EnumValue {
                    class: class.clone(),
                    name: name.into(),
                    value: value.clone(),
                })))
            }),
            Value::Plain(IValue::Enum(member)) => match name {
                "name" => Some(Value::Plain(IValue::Str(member.name.clone()))),
                "value" => Some(Value::from_ivalue(member.value.clone())),
                _ => None,
            },
            Value::Plain(IValue::Tuple(tuple)) => {
                let named = match &tuple.ty {
                    Some(Type::Tuple(ty)) => ty.named.as_ref(),
                    _ => None,
                };
                let at = named.and_then(|n| n.fields.iter().position(|f| &**f == name));
                at.map(|at| Value::from_ivalue(tuple.items[at].clone()))
            }
            Value::Plain(IValue::Object(object)) => match object.get(name) {
                Some(value) => Some(Value::from_ivalue(value)),
                None => object
                    .class()
                    .method(name)
                    .map(|_| Value::bound(&format!("method {name}"), value.clone())),
            },
            Value::Plain(IValue::Tensor(_)) | Value::Parameter(_) => self.tensor_attribute(value, name),
            Value::Plain(IValue::Str(_))
            | Value::List(_)
            | Value::Dict(_)
            | Value::Set(_)
            | Value::Tuple(_) => super::methods::has(value, name).then(|| Value::bound(name, value.clone())),
            Value::Native(path, None) => super::natives::is_native(&format!("{path}.{name}"))
                .then(|| Value::native(&format!("{path}.{name}"))),
            _ => None,
        })
    }

    /// A name that a class or one of its bases defines.
    fn member(
        &mut self,
        frame: &mut Frame,
        mro: &[Rc<Class>],
        name: &str,
        this: Option<&Value>,
        span: Span,
    ) -> Result<Option<Value>> {
        for class in mro {
            if class.is_module() {
                if super::modules::has(name) {
                    return Ok(Some(match this {
                        Some(this) => Value::bound(&format!("Module.{name}"), this.clone()),
                        None => Value::native(&format!("Module.{name}")),
                    }));
                }
                continue;
            }
            if let Some(def) = class.own_function(name) {
                let is_static = decorated(&def.decorators, "staticmethod");
                let is_class = decorated(&def.decorators, "classmethod");
                let is_property = decorated(&def.decorators, "property");
                let function = Rc::new(FunctionValue {
                    program: class.program.clone(),
                    def,
                    owner: Some(class.clone()),
                    this: None,
                    closure: HashMap::new(),
                });
                let bound = match this {
                    _ if is_static => return Ok(Some(Value::Function(function))),
                    Some(Value::Instance(instance)) if is_class => Value::Class(instance.class.clone()),
                    None if is_class => Value::Class(mro[0].clone()),
                    Some(this) => this.clone(),
                    None => return Ok(Some(Value::Function(function))),
                };
                let method = Builder::bound(&function, bound);
                return match is_property {
                    true => self.call(frame, method, Vec::new(), Vec::new(), span).map(Some),
                    false => Ok(Some(method)),
                };
            }
            if let Some(value) = class.own_value(name) {
                let mut inner = Frame::top(&class.program, class.program.text());
                return self.eval(&mut inner, &value.clone()).map(Some);
            }
        }
        Ok(None)
    }

    // ---- calls ----

    pub(super) fn call(
        &mut self,
        frame: &mut Frame,
        callee: Value,
        mut args: Vec<Value>,
        mut named: Named,
        span: Span,
    ) -> Result<Value> {
        match callee {
            Value::Function(function) => self.call_python(frame, &function, args, named, span),
            Value::Class(class) => {
                let instance = Instance::new(class.clone());
                let this = Value::Instance(instance);
                match self.find_attribute(frame, &this, "__init__", span)? {
                    Some(init) => self.call(frame, init, args, named, span)?,
                    None => Value::NONE,
                };
                Ok(this)
            }
            Value::Instance(_) => {
                let forward = self.attribute(frame, &callee, "forward", span)?;
                self.call(frame, forward, args, named, span)
            }
            Value::Partial(parts) => {
                let mut all = parts.1.clone();
                all.append(&mut args);
                for (name, value) in &parts.2 {
                    if !named.iter().any(|(n, _)| n == name) {
                        named.push((name.clone(), value.clone()));
                    }
                }
                self.call(frame, parts.0.clone(), all, named, span)
            }
            Value::Native(name, this) => self.call_native(frame, &name, this.as_deref(), args, named, span),
            Value::Host(HostValue::Builtin(op)) => self.operator(frame, &op, &args, &named, span),
            Value::Host(HostValue::Functions(functions)) => {
                let (args, named) = self.plain_arguments(frame, &args, &named, span)?;
                let mut last = None;
                for function in &functions {
                    match call_function(&self.runtime, function, None, args.clone(), named.clone()) {
                        Ok(value) => return Ok(Value::from_ivalue(value)),
                        Err(error) => last = Some(error.message().trim().to_string()),
                    }
                }
                frame.fail(span, last.unwrap_or_default())
            }
            Value::Host(HostValue::Class { class, .. }) => {
                let (args, named) = self.plain_arguments(frame, &args, &named, span)?;
                let object = Object::new(class.clone());
                if let Some(init) = class.method("__init__") {
                    call_function(&self.runtime, &init, Some(&object), args, named)
                        .or_else(|e| frame.fail(span, e.message().trim()))?;
                }
                Ok(Value::Plain(IValue::Object(object)))
            }
            Value::Host(HostValue::NamedTuple(ty)) => {
                let (args, named) = self.plain_arguments(frame, &args, &named, span)?;
                self.make_named_tuple(frame, &ty, args, named, span)
            }
            Value::Host(HostValue::Enum(Type::Enum(class))) => {
                let wanted = args.first().and_then(Value::to_ivalue);
                match class.members.iter().find(|(_, v)| Some(v) == wanted.as_ref()) {
                    Some((name, value)) => Ok(Value::Plain(IValue::Enum(Arc::new(EnumValue {
                        class: class.clone(),
                        name: name.clone(),
                        value: value.clone(),
                    })))),
                    None => frame.raise(ErrorKind::Value, span, "this is no value of the enum"),
                }
            }
            Value::Path(path) => frame.unsupported(span, &format!("`{path}`")),
            Value::Host(HostValue::Opaque(what)) if &*what == "function" => {
                frame.unsupported(span, "a lambda")
            }
            other => frame.raise(
                ErrorKind::Type,
                span,
                format!("'{}' object is not callable", other.type_name()),
            ),
        }
    }

    #[allow(clippy::type_complexity)]
    fn plain_arguments(
        &self,
        frame: &Frame,
        args: &[Value],
        named: &Named,
        span: Span,
    ) -> Result<(Vec<IValue>, Vec<(String, IValue)>)> {
        let plain = |value: &Value| match value.to_ivalue() {
            Some(value) => Ok(value),
            None => frame.raise(
                ErrorKind::Type,
                span,
                format!(
                    "compiled functions cannot take a value of type {}",
                    value.type_name()
                ),
            ),
        };
        let args = args.iter().map(plain).collect::<Result<Vec<_>>>()?;
        let mut keywords = Vec::new();
        for (name, value) in named {
            keywords.push((name.clone(), plain(value)?));
        }
        Ok((args, keywords))
    }

    fn make_named_tuple(
        &self,
        frame: &Frame,
        ty: &Type,
        args: Vec<IValue>,
        named: Vec<(String, IValue)>,
        span: Span,
    ) -> Result<Value> {
        let Type::Tuple(tuple) = ty else {
            return frame.fail(span, "expected a NamedTuple");
        };
        let Some(info) = &tuple.named else {
            return frame.fail(span, "expected a NamedTuple");
        };
        let without_default = info.fields.len() - info.defaults.len().min(info.fields.len());
        let mut items = Vec::new();
        for (i, field) in info.fields.iter().enumerate() {
            let keyword = named.iter().find(|(n, _)| **n == **field).map(|(_, v)| v.clone());
            let default = i
                .checked_sub(without_default)
                .and_then(|i| info.defaults.get(i).cloned());
            match args.get(i).cloned().or(keyword).or(default) {
                Some(value) => {
                    items.push(crate::bind::convert_value(&value, &tuple.elements[i]).unwrap_or(value))
                }
                None => {
                    return frame.raise(
                        ErrorKind::Type,
                        span,
                        format!("missing value for field '{field}'"),
                    );
                }
            }
        }
        Ok(named_tuple(ty, items))
    }

    /// Calls a Python function by running its body.
    fn call_python(
        &mut self,
        frame: &mut Frame,
        function: &Rc<FunctionValue>,
        args: Vec<Value>,
        named: Named,
        span: Span,
    ) -> Result<Value> {
        if self.depth >= MAX_DEPTH {
            return frame.fail(span, "maximum recursion depth exceeded");
        }
        let is_library = library::is_library(&function.program);
        let this = function.this.clone();
        let all: Vec<Value> = this.iter().cloned().chain(args).collect();
        let mut inner = Frame {
            program: function.program.clone(),
            text: function.program.text().clone(),
            locals: function.closure.clone(),
            owner: function.owner.clone(),
            this: None,
            is_library,
        };
        self.bind(frame, &mut inner, function, all, named, span)?;
        // `super()` uses the first parameter, whatever its name.
        let first = function.def.params.first();
        inner.this = first.and_then(|p| inner.locals.get(&p.name.name).cloned());
        self.depth += 1;
        let flow = stacker::maybe_grow(128 << 10, 1 << 20, || self.block(&mut inner, &function.def.body));
        self.depth -= 1;
        match flow {
            Ok(Flow::Return(value)) => Ok(value),
            Ok(_) => Ok(Value::NONE),
            // What goes wrong inside of PyTorch's layers is wrong where the program calls them.
            Err(mut error) if is_library && !frame.is_library => {
                error.place = Some((frame.text.clone(), span));
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    fn bind(
        &mut self,
        frame: &Frame,
        inner: &mut Frame,
        function: &FunctionValue,
        args: Vec<Value>,
        mut named: Named,
        span: Span,
    ) -> Result<()> {
        let def = &function.def;
        let name = &def.name.name;
        let type_error = |message: String| -> Result<()> { frame.raise(ErrorKind::Type, span, message) };
        let given = args.len();
        let mut args = args.into_iter();
        for param in &def.params {
            let key = &param.name.name;
            let by_name = |named: &mut Named| {
                let at = named.iter().position(|(n, _)| n == key)?;
                Some(named.remove(at).1)
            };
            let value = match param.kind {
                ParamKind::VarArgs => Some(Value::tuple(args.by_ref().collect())),
                ParamKind::KwArgs => {
                    let rest = named.drain(..).map(|(n, v)| (Value::str(&n), v)).collect();
                    Some(Value::dict(rest))
                }
                ParamKind::KeywordOnly => by_name(&mut named),
                ParamKind::PositionalOnly => args.next(),
                ParamKind::Positional => match args.next() {
                    Some(value) => {
                        if by_name(&mut named).is_some() {
                            return type_error(format!("{name}() got multiple values for argument '{key}'"));
                        }
                        Some(value)
                    }
                    None => by_name(&mut named),
                },
            };
            let value = match (value, &param.default) {
                (Some(value), _) => value,
                (None, Some(default)) => {
                    let mut defining = Frame::top(&function.program, function.program.text());
                    defining.locals = function.closure.clone();
                    self.eval(&mut defining, default)?
                }
                (None, None) => {
                    return type_error(format!(
                        "{name}() missing 1 required positional argument: '{key}'"
                    ));
                }
            };
            inner.locals.insert(key.clone(), value);
        }
        if args.next().is_some() {
            let wanted = def
                .params
                .iter()
                .filter(|p| matches!(p.kind, ParamKind::Positional))
                .count();
            return type_error(format!(
                "{name}() takes {wanted} positional arguments but {given} were given"
            ));
        }
        if let Some((unknown, _)) = named.first() {
            return type_error(format!("{name}() got an unexpected keyword argument '{unknown}'"));
        }
        Ok(())
    }

    /// A function of Python or PyTorch that is done here.
    fn call_native(
        &mut self,
        frame: &mut Frame,
        name: &str,
        this: Option<&Value>,
        mut args: Vec<Value>,
        named: Named,
        span: Span,
    ) -> Result<Value> {
        if let Some(method) = name.strip_prefix("Module.") {
            let this = match this {
                Some(this) => this.clone(),
                // `nn.Module.__init__(self)`
                None if !args.is_empty() => args.remove(0),
                None => return frame.fail(span, format!("`{name}` needs a module")),
            };
            return match &this {
                Value::Instance(instance) => {
                    self.module_method(frame, &instance.clone(), method, args, named, span)
                }
                other => frame.raise(
                    ErrorKind::Type,
                    span,
                    format!("expected a module, found a value of type {}", other.type_name()),
                ),
            };
        }
        match this {
            Some(Value::Plain(IValue::Object(object))) if name.starts_with("method ") => {
                let (args, named) = self.plain_arguments(frame, &args, &named, span)?;
                let Some(method) = object.class().method(&name[7..]) else {
                    return frame.fail(span, "the method is gone");
                };
                call_function(&self.runtime, &method, Some(object), args, named)
                    .map(Value::from_ivalue)
                    .or_else(|e| frame.fail(span, e.message().trim()))
            }
            Some(this) if this.as_tensor().is_some() => {
                self.tensor_method(frame, this.clone(), name, args, named, span)
            }
            Some(this) => self.method(frame, this.clone(), name, args, named, span),
            None => self.builtin_call(frame, name, args, named, span),
        }
    }
}

fn rows(table: &super::value::Table) -> Value {
    Value::dict(
        table
            .rows()
            .into_iter()
            .map(|(n, v)| (Value::str(&n), v))
            .collect(),
    )
}

/// What a frame says where a value is missing.
pub(super) fn missing(frame: &Frame, span: Span, what: &str) -> Box<CompileError> {
    CompileError::at(
        ErrorKind::Type,
        &frame.text,
        span,
        format!("missing argument: {what}"),
    )
}
