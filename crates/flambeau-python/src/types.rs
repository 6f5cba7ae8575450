//! Types of the language as Python objects: made by name or from parts, compared, printed.

use std::sync::Arc;

use flambeau_ir::types::{ClassType, EnumType, NamedTupleInfo, Type};
use flambeau_ir::value::IValue;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::value::{Seen, to_ivalue};

#[pyclass(name = "Type", module = "flambeau._flambeau", frozen)]
#[derive(Clone)]
pub struct PyType(pub Type);

fn all(parts: Vec<PyRef<'_, PyType>>) -> Vec<Type> {
    parts.iter().map(|p| p.0.clone()).collect()
}

#[pymethods]
impl PyType {
    /// A type without parts, by its name in annotations.
    #[staticmethod]
    fn named(name: &str) -> PyResult<PyType> {
        Ok(PyType(match name {
            "Tensor" => Type::TENSOR,
            "int" => Type::Int,
            "float" => Type::Float,
            "bool" => Type::Bool,
            "complex" => Type::Complex,
            "number" => Type::Number,
            "str" => Type::Str,
            "None" => Type::None,
            "Any" => Type::Any,
            "Device" => Type::Device,
            "Generator" => Type::Generator,
            "Stream" => Type::Stream,
            _ => return Err(PyValueError::new_err(format!("no type is called `{name}`"))),
        }))
    }
    #[staticmethod]
    fn list(element: &PyType) -> PyType {
        PyType(Type::list(element.0.clone()))
    }
    #[staticmethod]
    fn dict(key: &PyType, value: &PyType) -> PyType {
        PyType(Type::dict(key.0.clone(), value.0.clone()))
    }
    #[staticmethod]
    fn tuple(elements: Vec<PyRef<'_, PyType>>) -> PyType {
        PyType(Type::tuple(all(elements)))
    }
    #[staticmethod]
    fn optional(inner: &PyType) -> PyType {
        PyType(Type::optional(inner.0.clone()))
    }
    #[staticmethod]
    fn future(inner: &PyType) -> PyType {
        PyType(Type::future(inner.0.clone()))
    }
    #[staticmethod]
    fn union(members: Vec<PyRef<'_, PyType>>) -> PyType {
        PyType(Type::union(all(members)))
    }
    #[staticmethod]
    fn named_tuple(
        name: &str,
        fields: Vec<String>,
        types: Vec<PyRef<'_, PyType>>,
        defaults: Vec<Bound<'_, PyAny>>,
    ) -> PyResult<PyType> {
        let defaults = defaults
            .iter()
            .map(|d| to_ivalue(d, &mut Seen::default()))
            .collect::<PyResult<Vec<IValue>>>()?;
        let fields: Vec<Arc<str>> = fields.iter().map(|f| f.as_str().into()).collect();
        Ok(PyType(Type::named_tuple(
            NamedTupleInfo {
                name: name.into(),
                fields,
                defaults,
            }
            .into(),
            all(types),
        )))
    }
    /// An enum type; `members` are pairs of name and value.
    #[staticmethod]
    fn enumeration(name: &str, value: &PyType, members: Vec<(String, Bound<'_, PyAny>)>) -> PyResult<PyType> {
        let members = members
            .iter()
            .map(|(n, v)| Ok((n.as_str().into(), to_ivalue(v, &mut Seen::default())?)))
            .collect::<PyResult<Vec<(Arc<str>, IValue)>>>()?;
        Ok(PyType(Type::Enum(Arc::new(EnumType {
            name: name.into(),
            value_type: value.0.clone(),
            members,
        }))))
    }
    /// A script class without contents; `compile_class` fills it.
    #[staticmethod]
    fn class_(name: &str) -> PyType {
        PyType(Type::Class(ClassType::new(name, false)))
    }

    /// As in annotations.
    #[getter]
    fn annotation_str(&self) -> String {
        self.0.annotation_str()
    }
    fn __str__(&self) -> String {
        self.0.schema_str()
    }
    fn __repr__(&self) -> String {
        self.0.repr_str()
    }
    fn __eq__(&self, other: &PyType) -> bool {
        self.0 == other.0
    }
    fn __hash__(&self) -> isize {
        // Equal types print alike.
        let text = self.0.annotation_str();
        text.bytes()
            .fold(7isize, |h, b| h.wrapping_mul(31).wrapping_add(isize::from(b)))
    }
    fn is_subtype_of(&self, other: &PyType) -> bool {
        self.0.is_subtype_of(&other.0)
    }
    fn unify(&self, other: &PyType) -> Option<PyType> {
        self.0.unify(&other.0, false).map(PyType)
    }
    /// Which sort of type it is: `list`, `class`, …
    #[getter]
    fn kind(&self) -> &'static str {
        match &self.0 {
            Type::List(_) => "list",
            Type::Dict(_) => "dict",
            Type::Tuple(t) if t.named.is_some() => "named_tuple",
            Type::Tuple(_) => "tuple",
            Type::Optional(_) => "optional",
            Type::Union(_) => "union",
            Type::Future(_) => "future",
            Type::Class(c) if c.is_module => "module",
            Type::Class(_) => "class",
            Type::Interface(i) if i.is_module => "module_interface",
            Type::Interface(_) => "interface",
            Type::Enum(_) => "enum",
            Type::Function(_) => "function",
            Type::Tensor(_) => "tensor",
            _ => "plain",
        }
    }
    #[getter]
    fn name(&self) -> Option<String> {
        Some(match &self.0 {
            Type::Class(c) => c.name.to_string(),
            Type::Interface(i) => i.name.to_string(),
            Type::Enum(e) => e.name.to_string(),
            Type::Tuple(t) => t.named.as_ref()?.name.to_string(),
            _ => return None,
        })
    }
    /// Names of a class's attributes.
    fn attributes(&self) -> Vec<(String, PyType)> {
        match &self.0 {
            Type::Class(c) => c
                .attributes()
                .into_iter()
                .map(|a| (a.name.to_string(), PyType(a.ty)))
                .collect(),
            _ => Vec::new(),
        }
    }
    fn children(&self) -> Vec<PyType> {
        self.0.children().into_iter().map(PyType).collect()
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyType>()
}
