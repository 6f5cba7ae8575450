//! What can be done with a name's meaning: use it as a value, call it, iterate over it.

use std::sync::Arc;

use flambeau_ir::ir::ValueId;
use flambeau_ir::schema::{Argument, Schema};
use flambeau_ir::types::{EnumType, Type};
use flambeau_ir::value::{EnumValue, IValue};
use flambeau_syntax::Span;

use super::Emitter;
use super::error::{CompileError, ErrorKind, Result};
use super::host::HostValue;
use super::sugared::{Given, IterableTree, NamedValue, Sugared};

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
                    return self.fail(
                        loc,
                        format!(
                            "Argument for boolean dispatch at position {} was not constant",
                            dispatch.index
                        ),
                    );
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
            Sugared::Host(HostValue::ModuleClass { name, .. }) => {
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
                "Expected integer literal for index but got a variable or non-integer. ModuleList/Sequential indexing is only supported with integer literals. For example, 'i = 4; self.layers[i](x)' will fail because i is not a literal. Enumeration is supported, e.g. 'for index, v in enumerate(self): out = v(inp)'",
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
