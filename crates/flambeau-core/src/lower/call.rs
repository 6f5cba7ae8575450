//! What can be done with a name's meaning: use it as a value, call it, look up an attribute, iterate over it.

use std::sync::Arc;

use flambeau_ir::ir::{Attr, ValueId};
use flambeau_ir::schema::{Argument, Schema};
use flambeau_ir::types::{AttributeKind, EnumType, Type, TypeBindings, match_type_variables};
use flambeau_ir::value::{EnumValue, IValue};
use flambeau_syntax::Span;

use super::Emitter;
use super::error::{CompileError, ErrorKind, Result};
use super::host::HostValue;
use super::sugared::{Form, Given, IterableTree, NamedValue, Sugared};

impl Emitter<'_> {
    /// How messages call it.
    pub(super) fn kind_of(&self, sugared: &Sugared) -> String {
        match sugared {
            Sugared::Simple(value) => format!("value of type '{}'", self.g.ty(*value).annotation_str()),
            Sugared::None => "None".into(),
            Sugared::Print => "print".into(),
            Sugared::Form(form) => form.name().into(),
            Sugared::LegacyTensor(_) => "LegacyTypedConstructor".into(),
            Sugared::Builtin { .. } | Sugared::Cast { .. } => "builtin".into(),
            Sugared::Magic { method, .. } => (*method).into(),
            Sugared::TensorCast { .. } => "Cast".into(),
            Sugared::Tuple(_) => "Tuple".into(),
            Sugared::BuiltinModule(_) => "builtin module".into(),
            Sugared::Ops => "ops".into(),
            Sugared::Class(class) => class.name.to_string(),
            Sugared::NamedTuple(ty) | Sugared::Enum(ty) if matches!(ty, Type::Enum(_)) => "EnumClass".into(),
            Sugared::NamedTuple(ty) | Sugared::Enum(ty) => ty.to_string(),
            Sugared::Function(_) => "function".into(),
            Sugared::Closure(_) => "closure".into(),
            Sugared::Method { .. } => "method".into(),
            Sugared::Range(_) => "range".into(),
            Sugared::Iterables(_) => "iterabletree".into(),
            Sugared::Exception(_) => "exception".into(),
            Sugared::HostException(_) => "Python exception".into(),
            Sugared::ExceptionMessage { .. } => "exception message".into(),
            Sugared::SliceClass => "Python slice class".into(),
            Sugared::Slice { .. } => "Python slice value".into(),
            Sugared::Namespace(_) => "Class Namespace".into(),
            Sugared::Constants => "CONSTANTS".into(),
            Sugared::Module(..) => "module".into(),
            Sugared::ModuleDict(_) => "ModuleDict".into(),
            Sugared::ModuleDictMethod { name, .. } => name.to_string(),
            Sugared::Unused { .. } => "python value of type 'function'".into(),
            Sugared::Callback { .. } => "python value of type 'function'".into(),
            Sugared::TorchCheck => "torch._check".into(),
            Sugared::Host(value) => format!("python value of type '{}'", value.type_name()),
        }
    }

    pub(super) fn as_value(&mut self, sugared: &Sugared, loc: Span) -> Result<ValueId> {
        match sugared {
            Sugared::Simple(value) | Sugared::Closure(value) => Ok(*value),
            Sugared::Module(value, _) => Ok(*value),
            Sugared::Tuple(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    values.push(self.as_value(item, loc)?);
                }
                Ok(self.tuple(&values))
            }
            Sugared::Host(_) => {
                let kind = self.kind_of(sugared);
                self.fail(loc, format!(
                    "{kind} cannot be used as a value. Perhaps it is a closed over global variable? If so, please consider passing it in as an argument or use a local variable instead."
                ))
            }
            other => {
                let kind = self.kind_of(other);
                self.fail(loc, format!("{kind} cannot be used as a value"))
            }
        }
    }

    pub(super) fn as_tuple(
        &mut self,
        sugared: &Sugared,
        loc: Span,
        size: Option<usize>,
    ) -> Result<Vec<Sugared>> {
        match sugared {
            Sugared::Tuple(items) => Ok(items.clone()),
            Sugared::Simple(value) => match self.g.ty(*value).clone() {
                Type::Tuple(_) => Ok(self.unpack_tuple(*value).into_iter().map(Sugared::Simple).collect()),
                Type::List(element) => {
                    let Some(size) = size else {
                        return self.fail(loc, "cannot statically infer the expected size of a list in this context");
                    };
                    let node = self.g.create("prim::ListUnpack", &[*value], 0);
                    let items = (0..size).map(|_| self.g.add_output(node, (*element).clone())).collect::<Vec<_>>();
                    self.g.insert_node(node);
                    Ok(items.into_iter().map(Sugared::Simple).collect())
                }
                Type::AnyTuple => self.fail(
                    loc,
                    "Provided tuple is not fully defined/refined including its element types, please provide a value of type like Tuple[int, int]",
                ),
                other => {
                    if let Some(results) = size.and_then(|n| self.unknown_results(*value, n)) {
                        return Ok(results.into_iter().map(Sugared::Simple).collect());
                    }
                    self.fail(loc, format!("{} cannot be used as a tuple", other.repr_str()))
                }
            },
            Sugared::Module(..) => {
                let tuple = self.module_as_tuple(sugared, loc)?;
                self.as_tuple(&tuple, loc, size)
            }
            Sugared::ModuleDict(dict) => Ok(dict.values.clone()),
            other => {
                let kind = self.kind_of(other);
                self.fail(loc, format!("{kind} cannot be used as a tuple"))
            }
        }
    }

    pub(super) fn call(
        &mut self,
        callee: &Sugared,
        loc: Span,
        args: &[NamedValue],
        kwargs: &[NamedValue],
        binders: usize,
    ) -> Result<Sugared> {
        match callee {
            Sugared::Print => {
                if !kwargs.is_empty() {
                    return self.fail(loc, "print doesn't accept any keyword arguments");
                }
                let values = self.values(args);
                self.node("prim::Print", &values, 0, Some(loc));
                Ok(Sugared::None)
            }
            Sugared::Builtin { op, this } => Ok(Sugared::Simple(self.builtin(
                Some(loc),
                op,
                args,
                kwargs,
                this.as_ref(),
            )?)),
            Sugared::Cast { ty, op } => self.cast(loc, ty, op, args, kwargs),
            Sugared::Magic { method, base } => {
                if let Some(first) = args.first() {
                    let this = self.value(first);
                    if matches!(self.g.ty(this), Type::Class(_)) {
                        let method = self.attr(&Sugared::Simple(this), loc, method)?;
                        return self.call(&method, loc, &args[1..], kwargs, binders);
                    }
                }
                self.call(base, loc, args, kwargs, binders)
            }
            Sugared::TensorCast { dtype, this } => {
                let dtype = self.constant(IValue::Int(*dtype), Some(loc));
                let mut all = vec![NamedValue {
                    name: Some("self".into()),
                    ..this.clone()
                }];
                all.push(NamedValue::named(loc, "dtype", dtype));
                Ok(Sugared::Simple(self.builtin(
                    Some(loc),
                    "aten::to",
                    args,
                    &all,
                    None,
                )?))
            }
            Sugared::Class(class) => {
                let object = self.create_object(class, loc);
                if class.method("__init__").is_none() {
                    let name = class.short_name();
                    return self.fail(
                        loc,
                        format!("Class {name} does not have an __init__ function defined"),
                    );
                }
                self.call_method(loc, object, "__init__", args, kwargs)?;
                Ok(Sugared::Simple(object))
            }
            Sugared::Host(HostValue::Class { class, .. }) => {
                self.call(&Sugared::Class(class.clone()), loc, args, kwargs, binders)
            }
            Sugared::NamedTuple(ty) => {
                let Some(schema) = named_tuple_schema(ty) else {
                    return self.fail(loc, "expected a NamedTuple");
                };
                let matched = self.match_schema(&schema, Some(loc), args, kwargs, None)?;
                Ok(Sugared::Simple(self.typed(
                    "prim::TupleConstruct",
                    &matched.inputs,
                    ty.clone(),
                    Some(loc),
                )))
            }
            Sugared::Function(functions) => Ok(Sugared::Simple(
                self.call_functions(loc, functions, args, kwargs)?,
            )),
            Sugared::Method { this, names } => Ok(Sugared::Simple(
                self.call_methods(loc, *this, names, args, kwargs)?,
            )),
            Sugared::Exception(prefix) => {
                let mut message = self.constant(IValue::str(&format!("{prefix}: ")), Some(loc));
                for arg in args {
                    let mut text = self.value(arg);
                    if !self.g.ty(text).is_subtype_of(&Type::Str) {
                        text = self.call_op(Some(loc), "aten::str", &[text])?;
                    }
                    message = self.call_op(Some(loc), "aten::add", &[message, text])?;
                }
                Ok(Sugared::ExceptionMessage { message, class: None })
            }
            Sugared::HostException(name) => {
                let message = match args {
                    [] => self.constant(IValue::str(""), Some(loc)),
                    [only] => self.value(only),
                    several => {
                        let mut values = self.values(several);
                        values.extend(self.values(kwargs));
                        self.tuple(&values)
                    }
                };
                let class = self.constant(IValue::Str(name.clone()), Some(loc));
                Ok(Sugared::ExceptionMessage {
                    message,
                    class: Some(class),
                })
            }
            Sugared::SliceClass => self.slice_object(loc, args, kwargs),
            Sugared::Simple(value) if matches!(self.g.ty(*value), Type::Class(_)) => {
                let method = self.attr(callee, loc, "__call__")?;
                self.call(&method, loc, args, kwargs, binders)
            }
            Sugared::Module(value, module) => self.call_module(loc, *value, module, args, kwargs, binders),
            Sugared::ModuleDictMethod { name, iterable } => {
                if !args.is_empty() || !kwargs.is_empty() {
                    return self.fail(loc, format!("{name} method does not accept any arguments"));
                }
                Ok((**iterable).clone())
            }
            Sugared::Unused { this, function } => {
                let mut all: Vec<NamedValue> = this.iter().map(|v| (*v).into()).collect();
                all.extend_from_slice(args);
                let schema = self.schema_of(function, Some(loc))?.clone();
                let matched = self.match_schema(&schema, Some(loc), &all, kwargs, None)?;
                let message =
                    IValue::str("This Python function is annotated to be ignored and cannot be run");
                let message = self.constant(message, None);
                let class = NamedValue::constant(IValue::None);
                self.builtin(
                    Some(loc),
                    "prim::RaiseException",
                    &[message.into(), class],
                    &[],
                    None,
                )?;
                let ty = matched.returns.into_iter().next().unwrap_or(Type::None);
                Ok(Sugared::Simple(self.uninitialized(&ty, None)))
            }
            Sugared::Callback { this, callback } => {
                self.call_back(loc, *this, callback, args, kwargs, binders)
            }
            Sugared::TorchCheck => self.torch_check(loc, args, kwargs),
            Sugared::Host(HostValue::Dispatch(dispatch)) => {
                let named = kwargs.iter().find(|k| k.name.as_deref() == Some(&*dispatch.name));
                let flag = match args.get(dispatch.index).or(named) {
                    None => Some(dispatch.default),
                    Some(NamedValue {
                        value: Given::Constant(value),
                        ..
                    }) => value.as_bool(),
                    Some(NamedValue {
                        value: Given::Value(value),
                        ..
                    }) => self.g.constant(*value).and_then(|c| c.as_bool()),
                };
                let Some(flag) = flag else {
                    return self.fail(loc, "value for boolean dispatch must be constant");
                };
                let chosen = if flag {
                    &dispatch.if_true
                } else {
                    &dispatch.if_false
                };
                if let HostValue::Functions(functions) = chosen {
                    for function in functions.iter().filter(|f| !f.is_being_defined()) {
                        self.graph_of(function, None)?;
                    }
                }
                let chosen = self.from_host(chosen.clone(), loc, false)?;
                self.call(&chosen, loc, args, kwargs, binders)
            }
            Sugared::Host(HostValue::Opaque(name)) if name.starts_with("module class ") => {
                let name = &name["module class ".len()..];
                let message = format!("Cannot instantiate class '{name}' in a script function");
                Err(CompileError::at(ErrorKind::Frontend, &self.text, loc, message))
            }
            Sugared::Host(HostValue::Opaque(name)) if is_python_builtin_class(name) => {
                // Python's own classes count as functions of tensors.
                let arguments = (0..args.len())
                    .map(|i| Argument::new(i.to_string(), Type::TENSOR))
                    .collect();
                let schema = Schema {
                    name: name.to_string(),
                    overload: String::new(),
                    arguments,
                    returns: vec![Argument::new("0", Type::TENSOR)],
                    is_vararg: false,
                    is_varret: false,
                };
                self.match_schema(&schema, Some(loc), args, kwargs, None)?;
                self.fail(
                    loc,
                    format!("Python functions such as `{name}` cannot be called here"),
                )
            }
            other => {
                let kind = self.kind_of(other);
                self.fail(loc, format!("cannot call a {kind}"))
            }
        }
    }

    fn cast(
        &mut self,
        loc: Span,
        ty: &Type,
        op: &str,
        args: &[NamedValue],
        kwargs: &[NamedValue],
    ) -> Result<Sugared> {
        if let ([only], []) = (args, kwargs) {
            let zero = self.constant(IValue::Int(0), None);
            let value = self.value(only);
            let have = self.g.ty(value).clone();
            if have.is_subtype_of(ty) {
                return Ok(Sugared::Simple(value));
            }
            let container = have.is_subtype_of(&Type::AnyList)
                || have.is_subtype_of(&Type::Str)
                || matches!(have, Type::Dict(_));
            if *ty == Type::Bool && container {
                let len = self.call_op(Some(loc), "aten::len", &[value])?;
                return Ok(Sugared::Simple(self.call_op(
                    Some(loc),
                    "aten::gt",
                    &[len, zero],
                )?));
            }
        }
        Ok(Sugared::Simple(self.builtin(
            Some(loc),
            op,
            args,
            kwargs,
            None,
        )?))
    }

    fn slice_object(&mut self, loc: Span, args: &[NamedValue], kwargs: &[NamedValue]) -> Result<Sugared> {
        if !kwargs.is_empty() {
            return self.fail(loc, "Slice does not accept any keyword arguments");
        }
        let or_default = |e: &mut Self, given: Option<&NamedValue>, default: i64| {
            if let Some(given) = given {
                let value = e.value(given);
                if !e.g.ty(value).is_subtype_of(&Type::None) {
                    return value;
                }
            }
            e.constant(IValue::Int(default), Some(loc))
        };
        let (start, stop, step) = match args {
            [stop] => (None, stop, None),
            [start, stop] => (Some(start), stop, None),
            [start, stop, step] => (Some(start), stop, Some(step)),
            _ => {
                return self.fail(
                    loc,
                    format!("slice accepts exactly 1, 2 or 3 arguments, got: {}", args.len()),
                );
            }
        };
        let start = or_default(self, start, 0);
        let stop = or_default(self, Some(stop), i64::MAX);
        let step = or_default(self, step, 1);
        Ok(Sugared::Slice { start, stop, step })
    }

    fn torch_check(&mut self, loc: Span, args: &[NamedValue], kwargs: &[NamedValue]) -> Result<Sugared> {
        let count = args.len() + kwargs.len();
        if !(1..=2).contains(&count) {
            return self.fail(
                loc,
                format!("torch._check() expects 1 or 2 arguments, got {count}"),
            );
        }
        let mut parts: [Option<NamedValue>; 2] = [args.first().cloned(), args.get(1).cloned()];
        for kwarg in kwargs {
            let name = kwarg.name.as_deref().unwrap_or("");
            let slot = match name {
                "cond" => 0,
                "message" => 1,
                _ => {
                    return self.fail(
                        loc,
                        format!("torch._check() got unexpected keyword argument '{name}'"),
                    );
                }
            };
            if parts[slot].replace(kwarg.clone()).is_some() {
                return self.fail(
                    loc,
                    format!("torch._check() got multiple values for argument '{name}'"),
                );
            }
        }
        let [cond, message] = parts;
        let Some(cond) = cond else {
            return self.fail(loc, "torch._check() missing required argument 'cond'");
        };
        let message = match message {
            Some(message) => message,
            None => {
                let empty = self.constant(IValue::str(""), Some(loc));
                NamedValue::named(loc, "message", empty)
            }
        };
        self.builtin(Some(loc), "aten::_assert", &[cond, message], &[], None)?;
        Ok(Sugared::None)
    }

    /// A builtin method, if some overload takes such a value as `self`.
    fn builtin_method(&mut self, op: &str, this: ValueId, loc: Span) -> Option<Sugared> {
        let ty = self.g.ty(this).clone();
        for row in self.table.overloads(op) {
            let schema = row.schema();
            let Some(i) = schema.argument_index("self") else {
                continue;
            };
            let formal = &schema.arguments[i].ty;
            let mut bindings = TypeBindings::default();
            if match_type_variables(formal, &ty, &mut bindings).is_err() {
                continue;
            }
            if formal
                .substitute(&bindings)
                .is_some_and(|concrete| ty.is_subtype_of(&concrete))
            {
                return Some(Sugared::Builtin {
                    op: op.into(),
                    this: Some(NamedValue::named(loc, "self", this)),
                });
            }
        }
        None
    }

    pub(super) fn attr(&mut self, sugared: &Sugared, loc: Span, field: &str) -> Result<Sugared> {
        match sugared {
            Sugared::Simple(value) => self.value_attr(*value, loc, field),
            Sugared::BuiltinModule(name) => Ok(if field == "autograd" {
                Sugared::BuiltinModule("aten".into())
            } else {
                Sugared::builtin(&format!("{name}::{field}"))
            }),
            Sugared::Ops => Ok(Sugared::BuiltinModule(field.into())),
            Sugared::Class(class) => {
                let hooks = class.forward_hooks().into_iter().chain(class.forward_pre_hooks());
                for hook in hooks {
                    if hook.short_name() == field {
                        return Ok(Sugared::Function(vec![hook]));
                    }
                }
                if let Some(method) = class.static_method(field) {
                    return Ok(Sugared::Function(vec![method]));
                }
                if field != "__new__" {
                    let name = class.name.clone();
                    return self.fail(loc, format!("Tried to lookup unknown attribute on class {name}"));
                }
                Ok(Sugared::Form(Form::CreateObject))
            }
            Sugared::Enum(ty) => {
                let Type::Enum(class) = ty else {
                    return self.fail(loc, "expected an enum class");
                };
                let Some(value) = class.member(field).cloned() else {
                    return self.fail(loc, format!("{}' has no attribute '{field}'", ty.repr_str()));
                };
                let member = enum_member(class.clone(), field, value);
                Ok(Sugared::Simple(self.constant(member, Some(loc))))
            }
            Sugared::Namespace(_) | Sugared::Constants => {
                let resolver = self.resolver;
                resolver.archive_attr(sugared, field, self, loc)
            }
            Sugared::Module(value, module) => self.module_attr(*value, module, loc, field),
            Sugared::ModuleDict(dict) => self.module_dict_attr(dict, loc, field),
            Sugared::Host(HostValue::Module(scope)) => match scope.get(field)? {
                Some(value) => self.from_host(value, loc, true),
                None => self.fail(loc, format!("object has no attribute {field}")),
            },
            Sugared::Host(HostValue::Class { class, members }) => {
                if let Some(method) = class.static_method(field) {
                    return Ok(Sugared::Function(vec![method]));
                }
                if let Some(members) = members
                    && let Some(value) = members.get(field)?
                {
                    return self.from_host(value, loc, false);
                }
                self.attr(&Sugared::Class(class.clone()), loc, field)
            }
            other => {
                let kind = self.kind_of(other);
                self.fail(loc, format!("attribute lookup is not defined on {kind}"))
            }
        }
    }

    /// Something of the Python program. Plain values are constants only where they are members of a module.
    pub(super) fn from_host(&mut self, value: HostValue, loc: Span, is_member: bool) -> Result<Sugared> {
        Ok(match value {
            HostValue::Constant(value) if is_member => Sugared::Simple(self.host_constant(value, loc)),
            HostValue::EnumMember(value) => Sugared::Simple(self.constant(value, Some(loc))),
            HostValue::Constant(IValue::Double(f)) if f == f64::INFINITY => {
                Sugared::Simple(self.constant(IValue::Double(f), Some(loc)))
            }
            HostValue::Builtin(op) => Sugared::builtin(&op),
            HostValue::Form(form) => Sugared::Form(form),
            HostValue::LegacyTensor(dtype) => Sugared::LegacyTensor(dtype),
            HostValue::SliceClass => Sugared::SliceClass,
            HostValue::TorchCheck => Sugared::TorchCheck,
            HostValue::Functions(functions) => Sugared::Function(functions),
            HostValue::Class { class, members: None } => Sugared::Class(class),
            HostValue::NamedTuple(ty) => Sugared::NamedTuple(ty),
            HostValue::Enum(ty) => Sugared::Enum(ty),
            HostValue::Exception(name) => Sugared::HostException(name),
            HostValue::Unused(function) => Sugared::Unused { this: None, function },
            HostValue::Callback(callback) => Sugared::Callback { this: None, callback },
            HostValue::Opaque(name) if name.starts_with("builtin ") => {
                let name = &name[8..];
                return self.fail(
                    loc,
                    format!(
                        "Python builtin <built-in function {name}> is currently not supported in Torchscript"
                    ),
                );
            }
            other => Sugared::Host(other),
        })
    }

    fn host_constant(&mut self, value: IValue, loc: Span) -> ValueId {
        match &value {
            IValue::Tuple(items) => {
                let values: Vec<ValueId> = items
                    .items
                    .iter()
                    .map(|i| self.host_constant(i.clone(), loc))
                    .collect();
                self.tuple(&values)
            }
            IValue::Device(_) => self.constant(value, None),
            _ => self.constant(value, Some(loc)),
        }
    }

    fn value_attr(&mut self, value: ValueId, loc: Span, field: &str) -> Result<Sugared> {
        let ty = self.g.ty(value).clone();
        let this = NamedValue::named(loc, "self", value);
        if ty.is_subtype_of(&Type::TENSOR)
            && let Some(dtype) = cast_dtype(field)
        {
            return Ok(Sugared::TensorCast { dtype, this });
        }
        if let Some(namespace) = property_namespace(&ty, field) {
            let value = self.call_op(None, &format!("{namespace}::{field}"), &[value])?;
            return Ok(Sugared::Simple(value));
        }
        match &ty {
            Type::Tuple(tuple) => {
                if let Some(named) = &tuple.named
                    && let Some(i) = named.fields.iter().position(|f| &**f == field)
                {
                    let index = self.constant(IValue::Int(i as i64), None);
                    let ty = tuple.elements[i].clone();
                    return Ok(Sugared::Simple(self.typed(
                        "prim::TupleIndex",
                        &[value, index],
                        ty,
                        None,
                    )));
                }
            }
            Type::Await(_) => {
                let waited = self.call_op(Some(loc), "prim::awaitable_wait", &[value])?;
                return self.value_attr(waited, loc, field);
            }
            Type::Class(class) => {
                if class.method(field).is_some() {
                    return Ok(Sugared::Method {
                        this: value,
                        names: vec![field.into()],
                    });
                }
                if let Some(attribute) = class.attribute(field) {
                    return Ok(Sugared::Simple(self.get_attr(value, field, attribute.ty)));
                }
                if let Some(property) = class.property(field) {
                    let getter = property.getter.short_name().to_string();
                    return Ok(Sugared::Simple(self.call_method(
                        loc,
                        value,
                        &getter,
                        &[],
                        &[],
                    )?));
                }
            }
            Type::Interface(interface) => {
                if interface.method(field).is_some() {
                    return Ok(Sugared::Method {
                        this: value,
                        names: vec![field.into()],
                    });
                }
            }
            Type::Enum(class) => {
                let parts = match field {
                    "name" => Some(("prim::EnumName", Type::Str)),
                    "value" => Some(("prim::EnumValue", class.value_type.clone())),
                    _ => None,
                };
                if let Some((kind, ty)) = parts {
                    return Ok(Sugared::Simple(self.typed(kind, &[value], ty, None)));
                }
            }
            _ => {}
        }
        if field == "type"
            && let Some(method) = self.builtin_method("aten::to", value, loc)
        {
            return Ok(method);
        }
        if let Some(method) = self.builtin_method(&format!("aten::{field}"), value, loc) {
            return Ok(method);
        }
        if ty.is_subtype_of(&Type::TENSOR) {
            match field {
                "tolist" => return Ok(Sugared::Form(Form::ToList)),
                "__getitem__" => return Ok(Sugared::Form(Form::Index)),
                _ => {}
            }
        }
        let mut message = format!("'{}' object has no attribute or method '{field}'.", ty.repr_str());
        if let Type::Class(class) = &ty {
            message.push_str(&match class.unresolved(field) {
                Some(_) => format!(
                    " '{field}' is defined as a class attribute which currently is not supported. Consider converting this to an instance attribute."
                ),
                None => " Did you forget to initialize an attribute in __init__()?".into(),
            });
        }
        self.fail(loc, message)
    }

    pub(super) fn has_attr(&mut self, sugared: &Sugared, loc: Span, field: &str) -> Result<bool> {
        match sugared {
            Sugared::Simple(value) => match self.g.ty(*value).clone() {
                Type::Class(class) => Ok(class.method(field).is_some()
                    || class.attribute(field).is_some()
                    || class.constant(field).is_some()),
                ty @ Type::Tuple(_) => {
                    let Type::Tuple(tuple) = &ty else { return Ok(false) };
                    match &tuple.named {
                        Some(named) => Ok(named.fields.iter().any(|f| &**f == field)),
                        None => self.fail(loc, format!(
                            "hasattr's first argument must be a object or NamedTuple, but got a normal Tuple {} instead",
                            ty.repr_str()
                        )),
                    }
                }
                other => self.fail(
                    loc,
                    format!(
                        "hasattr's first argument must be an object or NamedTuple, got {} instead",
                        other.repr_str()
                    ),
                ),
            },
            Sugared::Module(value, module) => Ok(self.try_module_attr(*value, module, loc, field)?.is_some()),
            Sugared::Host(HostValue::Class {
                members: Some(members),
                ..
            }) => Ok(members.get(field)?.is_some()),
            other => {
                let kind = self.kind_of(other);
                self.fail(loc, format!("attribute lookup is not defined on {kind}"))
            }
        }
    }

    pub(super) fn set_attr(
        &mut self,
        sugared: &Sugared,
        loc: Span,
        field: &str,
        value: ValueId,
    ) -> Result<()> {
        let object = match sugared {
            Sugared::Simple(object) | Sugared::Module(object, _) => *object,
            other => {
                let kind = self.kind_of(other);
                return self.fail(loc, format!("attribute assignment is not defined on {kind}"));
            }
        };
        let ty = self.g.ty(object).clone();
        let Type::Class(class) = &ty else {
            let found = ty.repr_str();
            return self.fail(
                loc,
                format!("Tried to set an attribute: {field} on a non-class: {found}"),
            );
        };
        let given = self.g.ty(value).clone();
        let expected = match class.attribute(field) {
            Some(attribute) => attribute.ty,
            None => {
                // Only the class's own `__init__` may add attributes.
                let first = self.g.inputs().first().map(|v| self.g.ty(*v).clone());
                if self.name == "__init__" && first.as_ref() == Some(&ty) {
                    if contains_class(&ty, &given) {
                        let class = ty.repr_str();
                        return self.fail(loc, format!(
                            "Assignment to attribute '{field}' cannot be of a type that contains class '{class}'.\nClasses that recursively contain instances of themselves are not yet supported"
                        ));
                    }
                    class.add_attribute(field, given.clone(), AttributeKind::Regular);
                    if self.g.insert_block() != self.g.block() {
                        return self.fail(
                            loc,
                            "First assignment cannot be in a control-flow block. Initialize the field at the top level first",
                        );
                    }
                    given.clone()
                } else {
                    match class.property(field) {
                        Some(property) => match &property.setter {
                            Some(setter) => {
                                let setter = setter.short_name().to_string();
                                self.call_method(loc, object, &setter, &[value.into()], &[])?;
                                return Ok(());
                            }
                            None => {
                                return self.fail(loc, format!("Tried to set read-only attribute: {field}"));
                            }
                        },
                        None => {
                            return self.fail(loc, format!(
                                "Tried to set nonexistent attribute: {field}. Did you forget to initialize it in __init__()?"
                            ));
                        }
                    }
                }
            }
        };
        if !given.is_subtype_of(&expected) {
            return self.fail(
                loc,
                format!(
                    "Wrong type for attribute assignment. Expected {} but got {}",
                    expected.repr_str(),
                    given.repr_str()
                ),
            );
        }
        let node = self.node("prim::SetAttr", &[object, value], 0, None);
        self.g.set_attr(node, "name", Attr::Str(field.into()));
        Ok(())
    }

    pub(super) fn iter(&mut self, sugared: &Sugared, loc: Span) -> Result<Sugared> {
        match sugared {
            Sugared::Simple(value) => match self.g.ty(*value).clone() {
                Type::List(_) | Type::Str | Type::Tensor(_) => Ok(sugared.clone()),
                Type::Dict(_) => Ok(Sugared::Simple(self.call_op(
                    Some(loc),
                    "aten::keys",
                    &[*value],
                )?)),
                Type::Tuple(_) => Ok(Sugared::Tuple(
                    self.unpack_tuple(*value)
                        .into_iter()
                        .map(Sugared::Simple)
                        .collect(),
                )),
                other => self.fail(loc, format!("'{}' object is not iterable", other.repr_str())),
            },
            Sugared::Tuple(_) | Sugared::Range(_) | Sugared::Iterables(_) => Ok(sugared.clone()),
            Sugared::Enum(ty) => {
                let Type::Enum(class) = ty else {
                    return self.fail(loc, "expected an enum class");
                };
                let members = class
                    .members
                    .iter()
                    .map(|(name, value)| enum_member(class.clone(), name, value.clone()))
                    .collect();
                let list = IValue::list(ty.clone(), members);
                Ok(Sugared::Simple(self.constant(list, Some(loc))))
            }
            Sugared::Module(value, module) => self.module_iter(*value, module, loc),
            Sugared::ModuleDict(dict) => Ok(Sugared::Tuple(dict.keys.clone())),
            other => {
                let kind = self.kind_of(other);
                self.fail(loc, format!("{kind} cannot be used as an iterable"))
            }
        }
    }

    /// The number of items, where the loop over them is to be unrolled.
    pub(super) fn static_len(&self, sugared: &Sugared) -> Option<i64> {
        match sugared {
            Sugared::Tuple(items) => Some(items.len() as i64),
            Sugared::Range(range) => range.static_len,
            Sugared::Iterables(tree) => tree.unroll_length,
            _ => None,
        }
    }

    pub(super) fn len_of(&mut self, sugared: &Sugared, loc: Span) -> Result<ValueId> {
        match sugared {
            Sugared::Simple(value) => match self.g.ty(*value).clone() {
                Type::List(_) | Type::Str | Type::Tensor(_) => {
                    self.call_op(Some(loc), "aten::len", &[*value])
                }
                other => self.fail(loc, format!("'{}' object is not iterable", other.repr_str())),
            },
            Sugared::Range(range) => {
                if let Some(len) = range.static_len {
                    return Ok(self.constant(IValue::Int(len), Some(loc)));
                }
                if range.only_end {
                    return Ok(range.end);
                }
                self.call_op(
                    Some(loc),
                    "aten::__range_length",
                    &[range.start, range.end, range.step],
                )
            }
            Sugared::Iterables(tree) => {
                let mut leaves = Vec::new();
                collect_leaves(tree, &mut leaves);
                let mut lengths = Vec::with_capacity(leaves.len());
                for leaf in leaves {
                    lengths.push(self.len_of(&leaf, loc)?);
                }
                let lengths = self.list(&Type::Int, &lengths);
                self.call_op(Some(loc), "prim::min", &[lengths])
            }
            other => {
                let kind = self.kind_of(other);
                self.fail(loc, format!("'{kind}' object is not iterable"))
            }
        }
    }

    pub(super) fn getitem(
        &mut self,
        sugared: &Sugared,
        loc: Span,
        index: ValueId,
        hint: Option<&Type>,
    ) -> Result<Sugared> {
        match sugared {
            Sugared::Simple(value) => match self.g.ty(*value).clone() {
                Type::List(_) | Type::Str | Type::Dict(_) => Ok(Sugared::Simple(self.call_op(
                    Some(loc),
                    "aten::__getitem__",
                    &[*value, index],
                )?)),
                Type::Tensor(_) => {
                    let args = [
                        (*value).into(),
                        NamedValue::constant(IValue::Int(0)),
                        index.into(),
                    ];
                    Ok(Sugared::Simple(self.builtin(
                        Some(loc),
                        "aten::select",
                        &args,
                        &[],
                        None,
                    )?))
                }
                Type::Class(class) => {
                    if class.is_module
                        && let Some(hint) = hint
                    {
                        let inputs = [*value, index];
                        let item = self.typed("prim::ModuleContainerIndex", &inputs, hint.clone(), Some(loc));
                        return Ok(Sugared::Simple(item));
                    }
                    let method = self.attr(sugared, loc, "__getitem__")?;
                    self.call(&method, loc, &[index.into()], &[], 1)
                }
                other => self.fail(loc, format!("'{}' object is not subscriptable", other.repr_str())),
            },
            Sugared::Tuple(items) => self.sugared_item(items, loc, index),
            Sugared::Range(range) => {
                if range.only_end {
                    return Ok(Sugared::Simple(index));
                }
                let inputs = [index, range.start, range.step];
                Ok(Sugared::Simple(self.call_op(
                    Some(loc),
                    "aten::__derive_index",
                    &inputs,
                )?))
            }
            Sugared::Iterables(tree) => {
                let mut items = Vec::with_capacity(tree.children.len());
                for child in &tree.children {
                    items.push(self.getitem(child, loc, index, None)?);
                }
                Ok(Sugared::Tuple(items))
            }
            Sugared::Module(value, module) => self.module_item(*value, module, loc, index, hint),
            other => {
                let kind = self.kind_of(other);
                self.fail(loc, format!("'{kind}' object is not subscriptable"))
            }
        }
    }

    pub(super) fn sugared_item(&mut self, items: &[Sugared], loc: Span, index: ValueId) -> Result<Sugared> {
        let Some(IValue::Int(i)) = self
            .g
            .constant(index)
            .filter(|_| matches!(self.g.ty(index), Type::Int))
        else {
            return self.fail(
                loc,
                "Expected integer literal for index. ModuleList/Sequential indexing is only supported with integer literals. Enumeration is supported, e.g. 'for index, v in enumerate(self): ...'",
            );
        };
        let len = items.len() as i64;
        let at = if i < 0 { i + len } else { i };
        match usize::try_from(at).ok().and_then(|at| items.get(at)) {
            Some(item) => Ok(item.clone()),
            None => self.fail(loc, format!("Index {i} out of range of length {len}")),
        }
    }

    pub(super) fn add_iterable(
        &mut self,
        loc: Span,
        tree: &mut IterableTree,
        iterable: Sugared,
    ) -> Result<()> {
        let len = self.static_len(&iterable);
        if tree.children.is_empty() {
            tree.unroll_length = len;
        } else {
            tree.unroll_length = match (tree.unroll_length, len) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (None, None) => None,
                _ => {
                    return self.fail(
                        loc,
                        "Can not iterate over a module list or tuple with a value that does not have a statically determinable length\n",
                    );
                }
            };
        }
        tree.children.push(iterable);
        Ok(())
    }
}

fn is_python_builtin_class(name: &str) -> bool {
    matches!(
        name,
        "reversed"
            | "map"
            | "filter"
            | "set"
            | "frozenset"
            | "object"
            | "bytes"
            | "bytearray"
            | "type"
            | "super"
    )
}

fn collect_leaves(tree: &IterableTree, leaves: &mut Vec<Sugared>) {
    for child in &tree.children {
        match child {
            Sugared::Iterables(inner) => collect_leaves(inner, leaves),
            leaf => leaves.push(leaf.clone()),
        }
    }
}

fn contains_class(class: &Type, ty: &Type) -> bool {
    ty.is_subtype_of(class) || ty.children().iter().any(|t| contains_class(class, t))
}

/// `x.half()` and its like.
fn cast_dtype(field: &str) -> Option<i64> {
    Some(match field {
        "byte" => 0,
        "char" => 1,
        "short" => 2,
        "int" => 3,
        "long" => 4,
        "half" => 5,
        "float" => 6,
        "double" => 7,
        "cfloat" => 9,
        "cdouble" => 10,
        _ => return None,
    })
}

/// Properties that are operators.
fn property_namespace(ty: &Type, field: &str) -> Option<&'static str> {
    match (ty, field) {
        (Type::Optional(_), "unchecked_unwrap_optional") => Some("prim"),
        (
            Type::Tensor(_),
            "dtype" | "device" | "grad" | "data" | "shape" | "is_cuda" | "is_cpu" | "is_xla" | "is_xpu"
            | "is_sparse" | "is_sparse_csr" | "is_mkldnn" | "is_mps" | "is_mtia" | "is_quantized"
            | "is_vulkan" | "is_ipu" | "is_meta" | "is_nested" | "requires_grad" | "layout" | "T" | "H"
            | "is_maia" | "itemsize" | "nbytes" | "ndim" | "name",
        ) => Some("prim"),
        (Type::Tensor(_), "is_leaf" | "mT" | "mH" | "real" | "imag" | "retains_grad") => Some("aten"),
        (Type::Device, "type" | "index") => Some("prim"),
        _ => None,
    }
}

/// The constructor of a NamedTuple.
fn named_tuple_schema(ty: &Type) -> Option<Schema> {
    let Type::Tuple(tuple) = ty else { return None };
    let named = tuple.named.as_ref()?;
    let first_default = named.fields.len().saturating_sub(named.defaults.len());
    let arguments = named
        .fields
        .iter()
        .zip(&tuple.elements)
        .enumerate()
        .map(|(i, (field, ty))| {
            let mut argument = Argument::new(field.clone(), ty.clone());
            argument.default = i
                .checked_sub(first_default)
                .and_then(|d| named.defaults.get(d))
                .cloned();
            argument
        });
    Some(Schema {
        name: named.name.rsplit('.').next().unwrap_or("").to_string(),
        overload: String::new(),
        arguments: arguments.collect(),
        returns: Vec::new(),
        is_vararg: false,
        is_varret: false,
    })
}

pub(super) fn enum_member(class: Arc<EnumType>, name: &str, value: IValue) -> IValue {
    IValue::Enum(Arc::new(EnumValue {
        class,
        name: name.into(),
        value,
    }))
}
