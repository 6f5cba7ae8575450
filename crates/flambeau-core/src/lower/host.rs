//! What the surrounding Python program offers to the code being compiled: modules, functions, classes, constants.
//!
//! A shell describes its world with [`Scope`]s; [`super::program`] does so for a source text.

use std::sync::Arc;

use flambeau_ir::function::Function;
use flambeau_ir::ops::Op;
use flambeau_ir::types::{ClassType, Type};
use flambeau_ir::value::IValue;

use super::error::Result;
use super::sugared::Form;

/// A namespace: a Python module, or the static members of a class.
pub trait Scope: Send + Sync {
    /// `Ok(None)`: there is no such name. An error: what the name stands for cannot be compiled.
    fn get(&self, name: &str) -> Result<Option<HostValue>>;

    /// The type that an annotation stands for: a name, or a whole expression such as `typing.List[int]`.
    fn get_type(&self, annotation: &str) -> Result<Option<Type>> {
        Ok(match self.get(annotation)? {
            Some(HostValue::NamedTuple(ty) | HostValue::Enum(ty) | HostValue::Interface(ty)) => Some(ty),
            Some(HostValue::Class { class, .. }) => Some(Type::Class(class)),
            _ => None,
        })
    }
}

/// A value of the Python program.
#[derive(Clone)]
pub enum HostValue {
    /// A plain value. Usable where it is reached through a module (`math.pi`), not as a global of its own.
    Constant(IValue),
    Module(Arc<dyn Scope>),
    Builtin(Arc<str>),
    Form(Form),
    /// `torch.LongTensor` and its like, by the number of their dtype.
    LegacyTensor(i64),
    SliceClass,
    TorchCheck,
    /// One function, or the overloads of one.
    Functions(Vec<Arc<Function>>),
    Class {
        class: Arc<ClassType>,
        members: Option<Arc<dyn Scope>>,
    },
    /// A class of modules: it cannot be called, but has static methods.
    ModuleClass {
        name: Arc<str>,
        members: Option<Arc<dyn Scope>>,
    },
    NamedTuple(Type),
    Enum(Type),
    Interface(Type),
    /// A function that Python is told not to compile.
    Unused(Arc<Function>),
    /// A callable that stays Python's; compiled code calls back into it.
    Callback(Arc<Callback>),
    /// Two functions, of which the value of a constant argument chooses one.
    Dispatch(Arc<Dispatch>),
    /// A member of an enum class.
    EnumMember(IValue),
    /// An exception class, by qualified name.
    Exception(Arc<str>),
    /// Anything else, by the name of its Python type.
    Opaque(Arc<str>),
}

/// A function of the host program that compiled code calls: `@torch.jit.ignore`, `functools.partial` and the like.
pub struct Callback {
    /// How it prints: `^name()(x)`.
    pub name: Arc<str>,
    /// Names of the parameters; the first one takes the module where there is one. `None`: as many as are given.
    pub parameters: Option<Vec<String>>,
    /// The parameters' types without the module, and the result's; `None`: tensors.
    pub signature: Option<(Vec<Type>, Type)>,
    /// What runs.
    pub op: Arc<Op>,
}

/// `torch._jit_internal.boolean_dispatch`.
pub struct Dispatch {
    /// Where the argument is, by position and by name, and its value where it is not given.
    pub index: usize,
    pub name: String,
    pub default: bool,
    pub if_true: HostValue,
    pub if_false: HostValue,
}

impl HostValue {
    /// The Python type's name, for messages.
    pub fn type_name(&self) -> String {
        match self {
            HostValue::Constant(value) => match value {
                IValue::None => "NoneType".into(),
                IValue::Device(_) => "device".into(),
                IValue::Tensor(_) => "Tensor".into(),
                IValue::List(_) => "list".into(),
                IValue::Dict(_) => "dict".into(),
                IValue::Tuple(_) => "tuple".into(),
                other => other.type_name(),
            },
            HostValue::Module(_) => "module".into(),
            HostValue::Builtin(_) => "builtin_function_or_method".into(),
            HostValue::Form(_)
            | HostValue::TorchCheck
            | HostValue::Functions(_)
            | HostValue::Unused(_)
            | HostValue::Callback(_)
            | HostValue::Dispatch(_) => "function".into(),
            HostValue::Enum(_) => "EnumType".into(),
            HostValue::LegacyTensor(_) => "tensortype".into(),
            HostValue::SliceClass
            | HostValue::Class { .. }
            | HostValue::NamedTuple(_)
            | HostValue::Interface(_)
            | HostValue::Exception(_) => "type".into(),
            HostValue::EnumMember(value) => value.type_name(),
            HostValue::Opaque(name) if name.starts_with("builtin ") => "builtin_function_or_method".into(),
            HostValue::ModuleClass { .. } => "type".into(),
            HostValue::Opaque(name) => name.to_string(),
        }
    }
}
