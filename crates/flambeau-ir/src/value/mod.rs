//! `IValue`: any value that TorchScript code can hold.
//!
//! Lists, dicts and objects are shared and mutable, as in Python; each guards its contents with a
//! lock so that a module can be used from several threads. Cloning an `IValue` clones the handle.

mod containers;
pub mod print;

pub use containers::{Dict, DictKey, EnumValue, Future, List, Object, TupleValue};

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use flambeau_tensor::{Scalar, Tensor};
use num_complex::Complex64;
use parking_lot::Mutex;

use crate::function::Function;
use crate::types::Type;

/// A device as programs name it. Everything runs on the CPU; the name is kept as data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Device {
    pub kind: Arc<str>,
    pub index: Option<i32>,
}

impl Device {
    pub fn cpu() -> Device {
        Device {
            kind: "cpu".into(),
            index: None,
        }
    }

    /// Reads `cpu`, `cuda` or `cuda:1`.
    pub fn parse(text: &str) -> Option<Device> {
        let (kind, index) = match text.split_once(':') {
            Some((kind, index)) => (kind, Some(index.parse().ok().filter(|i| *i >= 0)?)),
            None => (text, None),
        };
        const KINDS: [&str; 20] = [
            "cpu",
            "cuda",
            "ipu",
            "xpu",
            "mkldnn",
            "opengl",
            "opencl",
            "ideep",
            "hip",
            "ve",
            "fpga",
            "maia",
            "xla",
            "lazy",
            "vulkan",
            "mps",
            "meta",
            "hpu",
            "mtia",
            "privateuseone",
        ];
        KINDS.contains(&kind).then(|| Device {
            kind: kind.into(),
            index,
        })
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(i) => write!(f, "{}:{i}", self.kind),
            None => f.write_str(&self.kind),
        }
    }
}

/// The random generator that a program passes around.
pub type GeneratorHandle = Arc<Mutex<flambeau_tensor::random::Generator>>;

#[derive(Clone, Default)]
pub enum IValue {
    #[default]
    None,
    Bool(bool),
    Int(i64),
    Double(f64),
    Complex(Complex64),
    Str(Arc<str>),
    Tensor(Tensor),
    Tuple(Arc<TupleValue>),
    List(List),
    Dict(Dict),
    Object(Object),
    Enum(Arc<EnumValue>),
    Device(Device),
    Generator(GeneratorHandle),
    Future(Future),
    Function(Arc<Function>),
    /// A value of another host: packed weights, custom classes.
    Capsule(Arc<dyn Any + Send + Sync>),
    /// What a branch that cannot be reached leaves behind.
    Uninitialized,
}

impl IValue {
    pub fn str(text: &str) -> IValue {
        IValue::Str(text.into())
    }
    pub fn tuple(items: Vec<IValue>) -> IValue {
        IValue::Tuple(Arc::new(TupleValue {
            items: items.into(),
            ty: None,
        }))
    }
    pub fn list(element: Type, items: Vec<IValue>) -> IValue {
        IValue::List(List::new(element, items))
    }
    pub fn ints(items: impl IntoIterator<Item = i64>) -> IValue {
        IValue::list(Type::Int, items.into_iter().map(IValue::Int).collect())
    }
    pub fn tensors(items: impl IntoIterator<Item = Tensor>) -> IValue {
        IValue::list(Type::TENSOR, items.into_iter().map(IValue::Tensor).collect())
    }
    pub fn scalar(value: Scalar) -> IValue {
        match value {
            Scalar::Bool(b) => IValue::Bool(b),
            Scalar::Int(i) => IValue::Int(i),
            Scalar::Float(f) => IValue::Double(f),
            Scalar::Complex(c) => IValue::Complex(c),
        }
    }

    pub fn is_none(&self) -> bool {
        matches!(self, IValue::None)
    }
    pub fn as_int(&self) -> Option<i64> {
        match self {
            IValue::Int(i) => Some(*i),
            _ => None,
        }
    }
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            IValue::Bool(b) => Some(*b),
            _ => None,
        }
    }
    pub fn as_str(&self) -> Option<&str> {
        match self {
            IValue::Str(s) => Some(s),
            _ => None,
        }
    }
    pub fn as_tensor(&self) -> Option<&Tensor> {
        match self {
            IValue::Tensor(t) => Some(t),
            _ => None,
        }
    }
    pub fn as_list(&self) -> Option<&List> {
        match self {
            IValue::List(l) => Some(l),
            _ => None,
        }
    }
    pub fn as_tuple(&self) -> Option<&[IValue]> {
        match self {
            IValue::Tuple(t) => Some(&t.items),
            _ => None,
        }
    }
    pub fn as_dict(&self) -> Option<&Dict> {
        match self {
            IValue::Dict(d) => Some(d),
            _ => None,
        }
    }
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            IValue::Object(o) => Some(o),
            _ => None,
        }
    }
    /// Bool, int, float or complex as a tensor scalar.
    pub fn as_scalar(&self) -> Option<Scalar> {
        Some(match self {
            IValue::Bool(b) => Scalar::Bool(*b),
            IValue::Int(i) => Scalar::Int(*i),
            IValue::Double(f) => Scalar::Float(*f),
            IValue::Complex(c) => Scalar::Complex(*c),
            _ => return None,
        })
    }

    /// The type that the value has when nothing else is known of it. Lists and dicts know theirs.
    pub fn ty(&self) -> Type {
        match self {
            IValue::None | IValue::Uninitialized => Type::None,
            IValue::Bool(_) => Type::Bool,
            IValue::Int(_) => Type::Int,
            IValue::Double(_) => Type::Float,
            IValue::Complex(_) => Type::Complex,
            IValue::Str(_) => Type::Str,
            IValue::Tensor(_) => Type::TENSOR,
            IValue::Tuple(t) => {
                t.ty.clone()
                    .unwrap_or_else(|| Type::tuple(t.items.iter().map(IValue::ty).collect()))
            }
            IValue::List(l) => Type::list(l.element_type().clone()),
            IValue::Dict(d) => Type::dict(d.key_type().clone(), d.value_type().clone()),
            IValue::Object(o) => Type::Class(o.class().clone()),
            IValue::Enum(e) => Type::Enum(e.class.clone()),
            IValue::Device(_) => Type::Device,
            IValue::Generator(_) => Type::Generator,
            IValue::Future(f) => Type::future(f.element_type().clone()),
            IValue::Function(f) => Type::Function(f.clone()),
            IValue::Capsule(_) => Type::Capsule,
        }
    }

    /// The kind of value as error messages name it: `Tensor`, `int`, `List[int]`.
    pub fn type_name(&self) -> String {
        self.ty().annotation_str()
    }
}

/// Python's `is`: the same object, or equal plain values.
impl IValue {
    pub fn is(&self, other: &IValue) -> bool {
        match (self, other) {
            (IValue::Tensor(a), IValue::Tensor(b)) => a.is_same(b),
            (IValue::List(a), IValue::List(b)) => a.is_same(b),
            (IValue::Dict(a), IValue::Dict(b)) => a.is_same(b),
            (IValue::Object(a), IValue::Object(b)) => a.is_same(b),
            (IValue::Tuple(a), IValue::Tuple(b)) => Arc::ptr_eq(a, b),
            (IValue::Future(a), IValue::Future(b)) => a.is_same(b),
            (IValue::Capsule(a), IValue::Capsule(b)) => Arc::ptr_eq(a, b),
            (IValue::Function(a), IValue::Function(b)) => Arc::ptr_eq(a, b),
            _ => self == other,
        }
    }
}

/// Python's `==` on values without tensors; tensors and objects compare by identity.
impl PartialEq for IValue {
    fn eq(&self, other: &IValue) -> bool {
        use IValue::*;
        match (self, other) {
            (None, None) => true,
            (Bool(a), Bool(b)) => a == b,
            (Int(a), Int(b)) => a == b,
            (Double(a), Double(b)) => a == b,
            (Int(a), Double(b)) | (Double(b), Int(a)) => *a as f64 == *b,
            (Complex(a), Complex(b)) => a == b,
            (Str(a), Str(b)) => a == b,
            (Tuple(a), Tuple(b)) => a.items == b.items,
            (List(a), List(b)) => a.is_same(b) || a.to_vec() == b.to_vec(),
            (Dict(a), Dict(b)) => a.is_same(b) || a.equals(b),
            (Enum(a), Enum(b)) => a.class.name == b.class.name && a.name == b.name,
            (Device(a), Device(b)) => a == b,
            (Generator(a), Generator(b)) => Arc::ptr_eq(a, b),
            (Tensor(a), Tensor(b)) => a.is_same(b),
            (Object(a), Object(b)) => a.is_same(b),
            (Future(a), Future(b)) => a.is_same(b),
            (Function(a), Function(b)) => Arc::ptr_eq(a, b),
            (Capsule(a), Capsule(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl fmt::Debug for IValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print::repr(self))
    }
}

macro_rules! from_value {
    ($($t:ty => |$v:ident| $make:expr),* $(,)?) => { $(
        impl From<$t> for IValue {
            fn from($v: $t) -> IValue { $make }
        }
    )* };
}
from_value! {
    () => |_v| IValue::None,
    bool => |v| IValue::Bool(v),
    i64 => |v| IValue::Int(v),
    f64 => |v| IValue::Double(v),
    Complex64 => |v| IValue::Complex(v),
    &str => |v| IValue::str(v),
    String => |v| IValue::Str(v.into()),
    Tensor => |v| IValue::Tensor(v),
    Device => |v| IValue::Device(v),
    Scalar => |v| IValue::scalar(v),
    Vec<i64> => |v| IValue::ints(v),
    Vec<f64> => |v| IValue::list(Type::Float, v.into_iter().map(IValue::Double).collect()),
    Vec<bool> => |v| IValue::list(Type::Bool, v.into_iter().map(IValue::Bool).collect()),
    Vec<Tensor> => |v| IValue::tensors(v),
    Vec<String> => |v| IValue::list(Type::Str, v.into_iter().map(IValue::from).collect()),
}
impl<T: Into<IValue>> From<Option<T>> for IValue {
    fn from(value: Option<T>) -> IValue {
        value.map_or(IValue::None, Into::into)
    }
}
