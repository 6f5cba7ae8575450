//! Function schemas: `aten::leaky_relu(Tensor self, Scalar negative_slope=0.01) -> Tensor`.
//!
//! A schema prints back letter for letter what it was parsed from. Matching arguments against one
//! is the compiler's business.

mod parse;
mod print;

pub use parse::{ParseError, parse_schema, parse_type};

use std::sync::Arc;

use crate::types::Type;
use crate::value::IValue;

/// An alias annotation such as `(a!)` or `(a -> *)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasInfo {
    /// Alias sets before the arrow; `*` is the wildcard.
    pub before: Vec<Arc<str>>,
    /// Alias sets after the arrow, where they differ.
    pub after: Vec<Arc<str>>,
    pub is_write: bool,
}

#[derive(Clone, Debug)]
pub struct Argument {
    pub name: Arc<str>,
    /// As written: `ScalarType?`, `SymInt[]`. [`Argument::ty`] is what the language sees.
    pub declared: Type,
    pub ty: Type,
    /// The `2` of `int[2]`, which lets one int stand for the list.
    pub size: Option<u32>,
    pub default: Option<IValue>,
    pub keyword_only: bool,
    pub alias: Option<AliasInfo>,
    /// The annotation of a list's elements, as in `Tensor(a)[]`.
    pub element_alias: Option<AliasInfo>,
}

impl Argument {
    pub fn new(name: impl Into<Arc<str>>, ty: Type) -> Argument {
        Argument {
            name: name.into(),
            declared: ty.clone(),
            ty,
            size: None,
            default: None,
            keyword_only: false,
            alias: None,
            element_alias: None,
        }
    }

    pub fn is_written(&self) -> bool {
        self.alias.as_ref().is_some_and(|a| a.is_write)
            || self.element_alias.as_ref().is_some_and(|a| a.is_write)
    }
}

#[derive(Clone, Debug)]
pub struct Schema {
    /// With its namespace: `aten::add`.
    pub name: String,
    pub overload: String,
    pub arguments: Vec<Argument>,
    pub returns: Vec<Argument>,
    pub is_vararg: bool,
    pub is_varret: bool,
}

impl Schema {
    pub fn parse(text: &str) -> Result<Schema, ParseError> {
        parse_schema(text)
    }

    /// `aten::add.Tensor`, or `aten::relu` without an overload name.
    pub fn full_name(&self) -> String {
        if self.overload.is_empty() {
            self.name.clone()
        } else {
            format!("{}.{}", self.name, self.overload)
        }
    }

    pub fn argument_index(&self, name: &str) -> Option<usize> {
        self.arguments.iter().position(|a| &*a.name == name)
    }

    pub fn is_mutable(&self) -> bool {
        self.arguments.iter().any(Argument::is_written)
    }

    /// Whether a method with this schema can stand in for one with `other`'s, ignoring `self`.
    pub fn is_method_subtype_of(&self, other: &Schema) -> bool {
        self.arguments.len() == other.arguments.len()
            && self.returns.len() == other.returns.len()
            && self
                .arguments
                .iter()
                .zip(&other.arguments)
                .enumerate()
                .all(|(i, (mine, theirs))| {
                    i == 0
                        || (mine.name == theirs.name
                            && theirs.ty.is_subtype_of(&mine.ty)
                            && mine.keyword_only == theirs.keyword_only)
                })
            && self
                .returns
                .iter()
                .zip(&other.returns)
                .all(|(mine, theirs)| mine.ty.is_subtype_of(&theirs.ty))
    }
}
