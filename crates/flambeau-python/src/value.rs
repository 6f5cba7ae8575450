//! Python values as values of the language and back. Tensors and objects are shared; containers are copied, but for
//! those of [`crate::containers`].
//!
//! What only Python knows (tensors of PyTorch, classes of NamedTuples and enums) is asked of `flambeau._hooks`.

use std::collections::HashMap;
use std::sync::Arc;

use flambeau_ir::types::{EnumType, Type};
use flambeau_ir::value::{Device, Dict, EnumValue, IValue};
use flambeau_tensor::Tensor;
use num_complex::Complex64;
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyComplex, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::call::PyFunction;
use crate::containers::{ScriptDict, ScriptList};
use crate::error;
use crate::module::PyObject;
use crate::tensor::{PyTensor, complex};
use crate::types::PyType;

/// What kinds of tensors were among the arguments, which decides the kind of the results.
#[derive(Default)]
pub struct Seen {
    pub own: bool,
    pub other: bool,
    /// PyTorch's tensors by address, kept alive so that no other takes it.
    tensors: HashMap<usize, (Py<PyAny>, Tensor)>,
}

/// A value that Python has no counterpart of: generators, futures, packed weights.
#[pyclass(name = "Value", module = "flambeau._flambeau", frozen)]
pub struct PyValue(pub IValue);

#[pymethods]
impl PyValue {
    fn __repr__(&self) -> String {
        format!("{:?}", self.0)
    }
    #[getter]
    fn type_(&self) -> PyType {
        PyType(self.0.ty())
    }
    #[staticmethod]
    fn device(text: &str) -> PyResult<PyValue> {
        match Device::parse(text) {
            Some(device) => Ok(PyValue(IValue::Device(device))),
            None => Err(error::plain(format!("Invalid device string: '{text}'"))),
        }
    }
    /// A member of an enum type.
    #[staticmethod]
    fn enum_member(ty: &PyType, name: &str) -> PyResult<PyValue> {
        let Type::Enum(class) = &ty.0 else {
            return Err(PyTypeError::new_err("expected an enum type"));
        };
        member(class, name)
    }
    /// Waits for a future and gives its result.
    #[pyo3(signature = (torch = false))]
    fn wait<'py>(&self, py: Python<'py>, torch: bool) -> PyResult<Bound<'py, PyAny>> {
        let IValue::Future(future) = &self.0 else {
            return Err(PyTypeError::new_err("expected a future"));
        };
        match py.detach(|| future.wait()) {
            Ok(value) => to_python(py, &value, torch),
            Err(error) => match error.downcast_ref::<flambeau_core::exec::Error>() {
                Some(error) => Err(error::run(py, error)),
                None => Err(error::plain("the forked call failed")),
            },
        }
    }
}

fn member(class: &Arc<EnumType>, name: &str) -> PyResult<PyValue> {
    match class.member(name) {
        Some(value) => {
            let member = EnumValue {
                class: class.clone(),
                name: name.into(),
                value: value.clone(),
            };
            Ok(PyValue(IValue::Enum(Arc::new(member))))
        }
        None => Err(error::plain(format!("`{}` has no member `{name}`", class.name))),
    }
}

pub fn hooks(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static HOOKS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    Ok(HOOKS
        .get_or_try_init(py, || py.import("flambeau._hooks").map(Bound::unbind))?
        .bind(py))
}

/// Containers of Python may contain themselves.
const MAX_DEPTH: usize = 200;

pub fn to_ivalue(value: &Bound<'_, PyAny>, seen: &mut Seen) -> PyResult<IValue> {
    convert(value, seen, 0)
}

fn convert(value: &Bound<'_, PyAny>, seen: &mut Seen, depth: usize) -> PyResult<IValue> {
    if depth > MAX_DEPTH {
        return Err(error::plain("the value is nested too deeply, or contains itself"));
    }
    if value.is_none() {
        return Ok(IValue::None);
    }
    if let Ok(tensor) = value.cast::<PyTensor>() {
        seen.own = true;
        return Ok(IValue::Tensor(tensor.get().0.clone()));
    }
    if let Ok(b) = value.cast_exact::<PyBool>() {
        return Ok(IValue::Bool(b.is_true()));
    }
    if value.cast_exact::<PyInt>().is_ok() {
        return value
            .extract::<i64>()
            .map(IValue::Int)
            .map_err(|_| PyOverflowError::new_err(format!("the number {value} does not fit into 64 bits")));
    }
    if value.cast_exact::<PyFloat>().is_ok() {
        return Ok(IValue::Double(value.extract()?));
    }
    if let Ok(text) = value.cast_exact::<PyString>() {
        return Ok(IValue::str(&text.to_string_lossy()));
    }
    if let Ok(c) = value.cast::<PyComplex>() {
        return Ok(IValue::Complex(Complex64::new(c.real(), c.imag())));
    }
    if let Ok(list) = value.cast::<PyList>() {
        let items = list
            .iter()
            .map(|v| convert(&v, seen, depth + 1))
            .collect::<PyResult<Vec<_>>>()?;
        let element = match items.is_empty() {
            true => Type::TENSOR,
            false => Type::union(items.iter().map(IValue::ty)),
        };
        return Ok(IValue::list(element, items));
    }
    if let Ok(tuple) = value.cast::<PyTuple>() {
        let items = tuple
            .iter()
            .map(|v| convert(&v, seen, depth + 1))
            .collect::<PyResult<Vec<_>>>()?;
        return Ok(IValue::tuple(items));
    }
    if let Ok(dict) = value.cast::<PyDict>() {
        let mut pairs = Vec::with_capacity(dict.len());
        for (k, v) in dict.iter() {
            pairs.push((convert(&k, seen, depth + 1)?, convert(&v, seen, depth + 1)?));
        }
        let (key, item) = match pairs.is_empty() {
            true => (Type::Str, Type::TENSOR),
            false => (
                Type::union(pairs.iter().map(|p| p.0.ty())),
                Type::union(pairs.iter().map(|p| p.1.ty())),
            ),
        };
        return Ok(IValue::Dict(Dict::from_pairs(key, item, pairs)));
    }
    if let Ok(list) = value.cast::<ScriptList>() {
        return Ok(IValue::List(list.get().list.clone()));
    }
    if let Ok(dict) = value.cast::<ScriptDict>() {
        return Ok(IValue::Dict(dict.get().dict.clone()));
    }
    if let Ok(object) = value.cast::<PyObject>() {
        return Ok(IValue::Object(object.get().object.clone()));
    }
    if let Ok(value) = value.cast::<PyValue>() {
        return Ok(value.get().0.clone());
    }
    if let Ok(function) = value.cast::<PyFunction>() {
        return Ok(IValue::Function(function.get().0.clone()));
    }
    let other = hooks(value.py())?.call_method1("to_value", (value,))?;
    if let Ok(tensor) = other.cast::<PyTensor>() {
        seen.other = true;
        // One object of PyTorch is one tensor of ours: `x is y` holds where it does in Python.
        let key = value.as_ptr() as usize;
        let made = || (value.clone().unbind(), tensor.get().0.clone());
        return Ok(IValue::Tensor(
            seen.tensors.entry(key).or_insert_with(made).1.clone(),
        ));
    }
    if other.is(value) {
        let name = value.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "a Python value of type `{name}` cannot be given to TorchScript"
        )));
    }
    convert(&other, seen, depth + 1)
}

/// `torch` asks for tensors of PyTorch.
pub fn to_python<'py>(py: Python<'py>, value: &IValue, torch: bool) -> PyResult<Bound<'py, PyAny>> {
    let hook = |name: &str, args: Bound<'py, PyTuple>| hooks(py)?.call_method1(name, args);
    Ok(match value {
        IValue::None | IValue::Uninitialized => py.None().into_bound(py),
        IValue::Bool(b) => b.into_pyobject(py)?.to_owned().into_any(),
        IValue::Int(i) => i.into_pyobject(py)?.into_any(),
        IValue::Double(f) => f.into_pyobject(py)?.into_any(),
        IValue::Complex(c) => complex(py, *c).into_any(),
        IValue::Str(s) => PyString::new(py, s).into_any(),
        IValue::Tensor(t) => {
            let tensor = Bound::new(py, PyTensor(t.clone()))?.into_any();
            match torch {
                true => hook("to_torch", (tensor,).into_pyobject(py)?)?,
                false => tensor,
            }
        }
        IValue::Tuple(t) => {
            let items = t
                .items
                .iter()
                .map(|v| to_python(py, v, torch))
                .collect::<PyResult<Vec<_>>>()?;
            let items = PyTuple::new(py, items)?;
            match &t.ty {
                Some(Type::Tuple(ty)) if ty.named.is_some() => {
                    let Some(info) = &ty.named else {
                        return Ok(items.into_any());
                    };
                    let fields: Vec<&str> = info.fields.iter().map(|f| &**f).collect();
                    hook("named_tuple", (&*info.name, fields, items).into_pyobject(py)?)?
                }
                _ => items.into_any(),
            }
        }
        IValue::List(l) => {
            let items = l.to_vec();
            let items = items
                .iter()
                .map(|v| to_python(py, v, torch))
                .collect::<PyResult<Vec<_>>>()?;
            PyList::new(py, items)?.into_any()
        }
        IValue::Dict(d) => {
            let dict = PyDict::new(py);
            for (k, v) in d.pairs() {
                dict.set_item(to_python(py, &k, torch)?, to_python(py, &v, torch)?)?;
            }
            dict.into_any()
        }
        IValue::Object(o) => {
            let object = Bound::new(py, PyObject::new(o.clone()))?.into_any();
            hook("wrap_object", (object,).into_pyobject(py)?)?
        }
        IValue::Enum(e) => {
            let value = to_python(py, &e.value, torch)?;
            hook(
                "enum_member",
                (&*e.class.name, &*e.name, value).into_pyobject(py)?,
            )?
        }
        IValue::Device(d) => hook("device", (d.to_string(),).into_pyobject(py)?)?,
        IValue::Function(f) => Bound::new(py, PyFunction(f.clone()))?.into_any(),
        IValue::Future(_) | IValue::Generator(_) | IValue::Capsule(_) => {
            let value = Bound::new(py, PyValue(value.clone()))?.into_any();
            hook("wrap_value", (value, torch).into_pyobject(py)?)?
        }
    })
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyValue>()
}
