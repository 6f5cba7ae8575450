//! Attributes: reading, writing and asking for them, on everything that a name can stand for.

use super::Emitter;
use super::call::enum_member;
use super::error::Result;
use super::host::HostValue;
use super::sugared::{Form, NamedValue, Sugared};
use flambeau_ir::ir::{Attr, ValueId};
use flambeau_ir::types::{AttributeKind, Type, TypeBindings, match_type_variables};
use flambeau_ir::value::IValue;
use flambeau_syntax::Span;

impl Emitter<'_> {
    /// A builtin method, if some overload takes such a value as `self`.
    pub(super) fn builtin_method(&mut self, op: &str, this: ValueId, loc: Span) -> Option<Sugared> {
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
            Sugared::Host(HostValue::Module(scope)) => {
                match scope.get(field).map_err(|error| match error.class.clone() {
                    Some(class) => self.called_from(error, &class, loc),
                    None => error,
                })? {
                    Some(value) => self.from_host(value, loc, true),
                    None => self.fail(loc, format!("object has no attribute {field}")),
                }
            }
            Sugared::Host(HostValue::ModuleClass {
                members: Some(members),
                ..
            }) => match members.get(field)? {
                Some(value) => self.from_host(value, loc, false),
                None => self.fail(loc, format!("object has no attribute {field}")),
            },
            Sugared::Host(HostValue::Class { class, members }) => {
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

    pub(super) fn host_constant(&mut self, value: IValue, loc: Span) -> ValueId {
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

    pub(super) fn value_attr(&mut self, value: ValueId, loc: Span, field: &str) -> Result<Sugared> {
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
                            "hasattr's first argument must be an object or NamedTuple, but got a normal Tuple {} instead",
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
