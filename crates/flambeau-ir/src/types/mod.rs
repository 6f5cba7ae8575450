//! TorchScript types.
//!
//! A [`Type`] is a cheap, shareable value. Composite types compare by structure; classes and
//! interfaces compare by identity, as in PyTorch, since two archives may hold different classes of
//! one name. Inference and schema matching live with the compiler; what is here is what every
//! stage needs: printing, subtyping, unification and the class table entries themselves.

mod class;
mod name;
mod print;
mod relate;

pub use class::{Attribute, AttributeKind, ClassType, EnumType, InterfaceType, MethodSignature, Property};
pub use relate::{TypeBindings, match_type_variables};

use std::sync::Arc;

use flambeau_tensor::DType;

/// What is known about a tensor beyond being one. Only traced and shape-annotated graphs carry it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct TensorInfo {
    pub dtype: Option<DType>,
    /// One entry a dimension, `None` where the extent is unknown.
    pub sizes: Option<Vec<Option<i64>>>,
    pub strides: Option<Vec<Option<i64>>>,
    pub requires_grad: Option<bool>,
    pub device: Option<Arc<str>>,
    /// Assumed, because nothing was annotated. Only messages say so.
    pub inferred: bool,
}

/// A tuple or, with names, a NamedTuple.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TupleType {
    pub elements: Vec<Type>,
    pub named: Option<Arc<NamedTupleInfo>>,
}

#[derive(Clone, Debug)]
pub struct NamedTupleInfo {
    /// Qualified name such as `__torch__.case.Point`; empty for what operators return.
    pub name: Arc<str>,
    pub fields: Vec<Arc<str>>,
    /// Defaults of the last fields.
    pub defaults: Vec<crate::value::IValue>,
}

impl PartialEq for NamedTupleInfo {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.fields == other.fields
    }
}
impl Eq for NamedTupleInfo {}
impl std::hash::Hash for NamedTupleInfo {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

#[derive(Clone)]
pub enum Type {
    Any,
    /// A tensor; `None` is the plain `Tensor`.
    Tensor(Option<Arc<TensorInfo>>),
    None,
    Bool,
    Int,
    Float,
    Complex,
    /// `Scalar` in schemas, `number` in code: int, float or complex.
    Number,
    Str,
    Device,
    Generator,
    Stream,
    Storage,
    QScheme,
    Quantizer,
    Capsule,
    PyObject,
    /// These three are ints to the language and keep their names in printed schemas.
    ScalarType,
    Layout,
    MemoryFormat,
    /// Ints and bools that PyTorch may trace symbolically; plain here.
    SymInt,
    SymBool,
    AnyList,
    AnyTuple,
    AnyClass,
    AnyEnum,
    /// A schema's type variable such as `t`.
    Var(Arc<str>),
    List(Arc<Type>),
    Optional(Arc<Type>),
    Future(Arc<Type>),
    Await(Arc<Type>),
    RRef(Arc<Type>),
    Dict(Arc<(Type, Type)>),
    Tuple(Arc<TupleType>),
    /// Members flattened, unique, at least two, never all equal to one type and None (that is `Optional`).
    Union(Arc<[Type]>),
    Class(Arc<ClassType>),
    Interface(Arc<InterfaceType>),
    Enum(Arc<EnumType>),
    Function(Arc<crate::function::Function>),
    /// A custom class known by name only, as in schemas of quantised operators.
    Named(Arc<str>),
}

impl Type {
    pub const TENSOR: Type = Type::Tensor(None);

    /// The type of a parameter without annotation.
    pub fn inferred_tensor() -> Type {
        static INFERRED: std::sync::LazyLock<Arc<TensorInfo>> = std::sync::LazyLock::new(|| {
            Arc::new(TensorInfo {
                inferred: true,
                ..TensorInfo::default()
            })
        });
        Type::Tensor(Some(INFERRED.clone()))
    }
    /// Tells apart equal types that were made separately; clones have the same address.
    pub fn address(&self) -> usize {
        fn of<T: ?Sized>(arc: &Arc<T>) -> usize {
            Arc::as_ptr(arc) as *const () as usize
        }
        match self {
            Type::Tensor(Some(t)) => of(t),
            Type::List(t) | Type::Optional(t) | Type::Future(t) | Type::Await(t) | Type::RRef(t) => of(t),
            Type::Dict(t) => of(t),
            Type::Tuple(t) => of(t),
            Type::Union(t) => of(t),
            Type::Class(t) => of(t),
            Type::Interface(t) => of(t),
            Type::Enum(t) => of(t),
            Type::Function(t) => of(t),
            Type::Var(t) | Type::Named(t) => of(t),
            _ => 0,
        }
    }
    pub fn list(element: Type) -> Type {
        Type::List(Arc::new(element))
    }
    /// `Optional[inner]`; an optional of an optional, of None or of Any is what it already was.
    pub fn optional(inner: Type) -> Type {
        match inner {
            Type::Optional(_) | Type::None => inner,
            Type::Union(ref members) if members.iter().any(|m| matches!(m, Type::None)) => inner,
            Type::Union(ref members) => {
                Type::union(members.iter().cloned().chain([Type::None]).collect::<Vec<_>>())
            }
            inner => Type::Optional(Arc::new(inner)),
        }
    }
    pub fn dict(key: Type, value: Type) -> Type {
        Type::Dict(Arc::new((key, value)))
    }
    pub fn future(inner: Type) -> Type {
        Type::Future(Arc::new(inner))
    }
    pub fn tuple(elements: Vec<Type>) -> Type {
        Type::Tuple(Arc::new(TupleType {
            elements,
            named: None,
        }))
    }
    pub fn named_tuple(info: Arc<NamedTupleInfo>, elements: Vec<Type>) -> Type {
        Type::Tuple(Arc::new(TupleType {
            elements,
            named: Some(info),
        }))
    }
    pub fn var(name: &str) -> Type {
        Type::Var(name.into())
    }

    /// The elements of a tuple type.
    pub fn tuple_elements(&self) -> Option<&[Type]> {
        match self {
            Type::Tuple(t) => Some(&t.elements),
            _ => None,
        }
    }
    pub fn list_element(&self) -> Option<&Type> {
        match self {
            Type::List(e) => Some(e),
            _ => None,
        }
    }
    pub fn optional_inner(&self) -> Option<&Type> {
        match self {
            Type::Optional(e) => Some(e),
            _ => None,
        }
    }
    pub fn is_tensor(&self) -> bool {
        matches!(self, Type::Tensor(_))
    }
    pub fn as_class(&self) -> Option<&Arc<ClassType>> {
        match self {
            Type::Class(c) => Some(c),
            _ => None,
        }
    }

    /// The type that the language sees: `ScalarType`, `Layout`, `MemoryFormat` and `SymInt` are ints.
    pub fn language_type(&self) -> Type {
        match self {
            Type::ScalarType | Type::Layout | Type::MemoryFormat | Type::SymInt => Type::Int,
            Type::SymBool => Type::Bool,
            other => other.map_children(&mut |t| t.language_type()),
        }
    }

    /// Whether values of the type may be None.
    pub fn accepts_none(&self) -> bool {
        match self {
            Type::None | Type::Optional(_) | Type::Any => true,
            Type::Union(members) => members.iter().any(Type::accepts_none),
            _ => false,
        }
    }

    pub fn has_free_variables(&self) -> bool {
        match self {
            Type::Var(_) => true,
            other => other.children().iter().any(|t| t.has_free_variables()),
        }
    }

    /// The types that this one is made of, in order.
    pub fn children(&self) -> Vec<Type> {
        match self {
            Type::List(t) | Type::Optional(t) | Type::Future(t) | Type::Await(t) | Type::RRef(t) => {
                vec![(**t).clone()]
            }
            Type::Dict(kv) => vec![kv.0.clone(), kv.1.clone()],
            Type::Tuple(t) => t.elements.clone(),
            Type::Union(members) => members.to_vec(),
            _ => Vec::new(),
        }
    }

    /// The same composite with each child replaced.
    pub fn map_children(&self, f: &mut dyn FnMut(&Type) -> Type) -> Type {
        match self {
            Type::List(t) => Type::List(Arc::new(f(t))),
            Type::Optional(t) => Type::optional(f(t)),
            Type::Future(t) => Type::Future(Arc::new(f(t))),
            Type::Await(t) => Type::Await(Arc::new(f(t))),
            Type::RRef(t) => Type::RRef(Arc::new(f(t))),
            Type::Dict(kv) => Type::dict(f(&kv.0), f(&kv.1)),
            Type::Tuple(t) => Type::Tuple(Arc::new(TupleType {
                elements: t.elements.iter().map(f).collect(),
                named: t.named.clone(),
            })),
            Type::Union(members) => Type::union(members.iter().map(f).collect::<Vec<_>>()),
            other => other.clone(),
        }
    }

    /// PyTorch's order of the kinds of types, in which Unions list their members.
    fn rank(&self) -> u8 {
        match self {
            Type::Any => 0,
            Type::Enum(_) => 1,
            Type::AnyEnum => 2,
            Type::Tensor(_) => 3,
            Type::Storage => 4,
            Type::Tuple(_) => 5,
            Type::List(_) => 6,
            Type::Dict(_) => 7,
            Type::Number => 8,
            Type::Float => 9,
            Type::Complex => 10,
            Type::Future(_) => 11,
            Type::Await(_) => 12,
            Type::RRef(_) => 13,
            Type::Int => 14,
            Type::None => 15,
            Type::Str => 16,
            Type::Generator => 17,
            Type::Quantizer => 18,
            Type::Bool => 19,
            Type::Optional(_) => 20,
            Type::Var(_) => 21,
            Type::Device => 22,
            Type::Stream => 23,
            Type::Function(_) => 24,
            Type::Class(_) | Type::Named(_) => 25,
            Type::PyObject => 26,
            Type::Capsule => 27,
            Type::Interface(_) => 28,
            Type::QScheme => 29,
            Type::ScalarType => 30,
            Type::Layout => 31,
            Type::MemoryFormat => 32,
            Type::AnyList => 33,
            Type::AnyTuple => 34,
            Type::AnyClass => 35,
            Type::SymInt => 36,
            _ => 37,
        }
    }

    /// `Union[members…]`, flattened; members that are subtypes of others are absorbed, and a union
    /// of one type with None is an `Optional`.
    pub fn union(members: impl IntoIterator<Item = Type>) -> Type {
        fn flatten(t: Type, into: &mut Vec<Type>) {
            match t {
                Type::Union(members) => members.iter().for_each(|m| flatten(m.clone(), into)),
                Type::Optional(inner) => {
                    flatten((*inner).clone(), into);
                    flatten(Type::None, into);
                }
                Type::Number => [Type::Int, Type::Float, Type::Complex]
                    .into_iter()
                    .for_each(|m| flatten(m, into)),
                other => {
                    if into.iter().any(|have| other.is_subtype_of(have)) {
                        return;
                    }
                    into.retain(|have| !have.is_subtype_of(&other));
                    into.push(other);
                }
            }
        }
        let mut flat = Vec::new();
        members.into_iter().for_each(|m| flatten(m, &mut flat));
        match flat.as_slice() {
            [] => Type::None,
            [only] => only.clone(),
            [a, Type::None] | [Type::None, a] => Type::Optional(Arc::new(a.clone())),
            four if four.len() == 4
                && [Type::Int, Type::Float, Type::Complex, Type::None]
                    .iter()
                    .all(|t| four.contains(t)) =>
            {
                Type::Optional(Arc::new(Type::Number))
            }
            _ => {
                flat.sort_by_cached_key(|t| (t.rank(), t.schema_str()));
                Type::Union(flat.into())
            }
        }
    }
}

impl PartialEq for Type {
    fn eq(&self, other: &Type) -> bool {
        use Type::*;
        match (self, other) {
            // Refinements describe what was seen, not what is allowed, so they do not tell types apart.
            (Tensor(_), Tensor(_)) => true,
            (Var(a), Var(b)) | (Named(a), Named(b)) => a == b,
            (List(a), List(b))
            | (Optional(a), Optional(b))
            | (Future(a), Future(b))
            | (Await(a), Await(b))
            | (RRef(a), RRef(b)) => a == b,
            (Dict(a), Dict(b)) => a == b,
            (Tuple(a), Tuple(b)) => a == b,
            (Union(a), Union(b)) => a.len() == b.len() && a.iter().all(|t| b.contains(t)),
            (Class(a), Class(b)) => Arc::ptr_eq(a, b),
            (Interface(a), Interface(b)) => Arc::ptr_eq(a, b),
            (Enum(a), Enum(b)) => Arc::ptr_eq(a, b) || a.name == b.name,
            (Function(a), Function(b)) => Arc::ptr_eq(a, b),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}
impl Eq for Type {}

impl std::hash::Hash for Type {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Type::Var(n) | Type::Named(n) => n.hash(state),
            Type::Class(c) => Arc::as_ptr(c).hash(state),
            Type::Interface(c) => Arc::as_ptr(c).hash(state),
            Type::Enum(e) => e.name.hash(state),
            Type::Union(members) => members.len().hash(state),
            other => other.children().hash(state),
        }
    }
}
