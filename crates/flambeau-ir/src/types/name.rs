//! The names of the types that have no parts: what schemas and graphs print, and what both parsers read.

use super::Type;

/// What [`Type::from_plain_name`] can return, the commonest first.
static PLAIN: [Type; 26] = [
    Type::TENSOR,
    Type::Int,
    Type::Number,
    Type::Bool,
    Type::Float,
    Type::ScalarType,
    Type::Layout,
    Type::Device,
    Type::SymInt,
    Type::Str,
    Type::MemoryFormat,
    Type::Generator,
    Type::None,
    Type::Any,
    Type::Complex,
    Type::Stream,
    Type::Storage,
    Type::QScheme,
    Type::Quantizer,
    Type::Capsule,
    Type::PyObject,
    Type::SymBool,
    Type::AnyList,
    Type::AnyTuple,
    Type::AnyClass,
    Type::AnyEnum,
];

impl Type {
    /// The name of a type without parts; a tensor's is the same whatever is known about it.
    pub(super) fn plain_name(&self) -> Option<&'static str> {
        Some(match self {
            Type::Any => "Any",
            Type::Tensor(_) => "Tensor",
            Type::None => "NoneType",
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Float => "float",
            Type::Complex => "complex",
            Type::Number => "Scalar",
            Type::Str => "str",
            Type::Device => "Device",
            Type::Generator => "Generator",
            Type::Stream => "Stream",
            Type::Storage => "Storage",
            Type::QScheme => "QScheme",
            Type::Quantizer => "Quantizer",
            Type::Capsule => "Capsule",
            Type::PyObject => "PyObject",
            Type::ScalarType => "ScalarType",
            Type::Layout => "Layout",
            Type::MemoryFormat => "MemoryFormat",
            Type::SymInt => "SymInt",
            Type::SymBool => "SymBool",
            Type::AnyList => "list",
            Type::AnyTuple => "tuple",
            Type::AnyClass => "AnyClassType",
            Type::AnyEnum => "AnyEnumType",
            Type::Var(_)
            | Type::List(_)
            | Type::Optional(_)
            | Type::Future(_)
            | Type::Await(_)
            | Type::RRef(_)
            | Type::Dict(_)
            | Type::Tuple(_)
            | Type::Union(_)
            | Type::Class(_)
            | Type::Interface(_)
            | Type::Enum(_)
            | Type::Function(_)
            | Type::Named(_) => return None,
        })
    }

    /// The type without parts that a schema or a graph means by `name`.
    pub fn from_plain_name(name: &str) -> Option<Type> {
        // Two that code spells otherwise than schemas.
        let name = match name {
            "None" => "NoneType",
            "number" => "Scalar",
            name => name,
        };
        PLAIN.iter().find(|ty| ty.plain_name() == Some(name)).cloned()
    }
}
