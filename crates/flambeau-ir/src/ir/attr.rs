//! Attributes of nodes.

use std::sync::Arc;

use flambeau_tensor::Tensor;
use num_complex::Complex64;

use super::Graph;
use crate::types::Type;
use crate::value::IValue;

#[derive(Clone)]
pub enum Attr {
    Int(i64),
    Float(f64),
    Complex(Complex64),
    Str(Arc<str>),
    Tensor(Tensor),
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Complexes(Vec<Complex64>),
    Strs(Vec<Arc<str>>),
    Tensors(Vec<Tensor>),
    /// Constants of other types: tuples, dicts, enum members, devices, objects.
    Value(IValue),
    Type(Type),
    Types(Vec<Type>),
    Graph(Arc<Graph>),
}
