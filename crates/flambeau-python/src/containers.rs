//! `ScriptList` and `ScriptDict`: containers that Python and compiled functions share, what `script` makes of a list
//! or dict. All others are copied on their way in and out ([`crate::value`]).

use flambeau_core::bind::convert_value;
use flambeau_ir::types::Type;
use flambeau_ir::value::{Dict, DictKey, IValue, List};
use pyo3::exceptions::{PyIndexError, PyKeyError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyList, PySlice, PyTuple};

use crate::call::wants_torch;
use crate::error;
use crate::value::{Seen, to_ivalue, to_python};

/// The one type of all values; `what` holds them.
fn one_type<'a>(py: Python<'_>, values: impl Iterator<Item = &'a IValue>, what: &str) -> PyResult<Type> {
    let mut found: Option<Type> = None;
    for value in values {
        let ty = value.ty();
        found = Some(match found {
            None => ty,
            Some(have) if have == ty => have,
            Some(Type::None) => Type::optional(ty),
            Some(have) if ty == Type::None => Type::optional(have),
            Some(Type::Optional(inner)) if *inner == ty => Type::Optional(inner),
            Some(have) => {
                let element = if what.starts_with("list") { "element " } else { "" };
                let message = format!(
                    "Unable to infer type of {what} inputs to traced functions must have consistent {element}type. \
                     Found {} and {}",
                    have.annotation_str(),
                    ty.annotation_str()
                );
                return Err(error::exception(py, "torch.jit.Error", &message));
            }
        });
    }
    Ok(found.unwrap_or(Type::TENSOR))
}

/// A value as an item of type `ty`.
fn item(value: &Bound<'_, PyAny>, ty: &Type, complaint: &str) -> PyResult<IValue> {
    let wrong = || PyTypeError::new_err(complaint.to_string());
    let value = to_ivalue(value, &mut Seen::default()).map_err(|_| wrong())?;
    let fits =
        value.ty().is_subtype_of(ty) || matches!(value, IValue::List(_) | IValue::Dict(_) | IValue::Tuple(_));
    match convert_value(&value, ty) {
        Some(converted) if fits => Ok(converted),
        _ => Err(wrong()),
    }
}

#[pyclass(name = "ScriptList", module = "flambeau.jit", frozen)]
pub struct ScriptList {
    pub list: List,
    /// Whether its tensors are PyTorch's in Python.
    torch: bool,
}

/// A position as Python counts it.
fn place(index: isize, len: usize) -> PyResult<usize> {
    let at = if index < 0 {
        index.checked_add_unsigned(len).unwrap_or(-1)
    } else {
        index
    };
    match usize::try_from(at) {
        Ok(at) if at < len => Ok(at),
        _ => Err(PyIndexError::new_err("list index out of range")),
    }
}

impl ScriptList {
    fn element(&self, value: &Bound<'_, PyAny>, method: &str, what: &str) -> PyResult<IValue> {
        let complaint = format!("list.{method}(): {what} is of the wrong type");
        item(value, self.list.element_type(), &complaint)
    }
    fn position(&self, value: &IValue) -> Option<usize> {
        self.list.read().iter().position(|v| v == value)
    }
}

#[pymethods]
impl ScriptList {
    #[new]
    fn new(items: &Bound<'_, PyList>) -> PyResult<ScriptList> {
        let py = items.py();
        let mut seen = Seen::default();
        let items = items
            .iter()
            .map(|v| to_ivalue(&v, &mut seen))
            .collect::<PyResult<Vec<_>>>()?;
        let element = one_type(py, items.iter(), "list: List")?;
        let torch = wants_torch(py, &seen)?;
        Ok(ScriptList {
            list: List::of_host(element, items),
            torch,
        })
    }
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        to_python(py, &IValue::List(self.list.clone()), self.torch)?
            .repr()
            .map(|r| r.to_string())
    }
    fn __len__(&self) -> usize {
        self.list.len()
    }
    fn __bool__(&self) -> bool {
        !self.list.is_empty()
    }
    fn __contains__(&self, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self
            .position(&self.element(value, "__contains__", "argument")?)
            .is_some())
    }
    fn __getitem__<'py>(&self, py: Python<'py>, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let items = self.list.to_vec();
        if let Ok(slice) = index.cast::<PySlice>() {
            let taken = positions(slice, items.len())?
                .into_iter()
                .map(|i| items[i].clone())
                .collect();
            let list = List::of_host(self.list.element_type().clone(), taken);
            return Ok(Bound::new(
                py,
                ScriptList {
                    list,
                    torch: self.torch,
                },
            )?
            .into_any());
        }
        to_python(py, &items[place(index.extract()?, items.len())?], self.torch)
    }
    fn __setitem__(&self, index: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Ok(slice) = index.cast::<PySlice>() {
            let values = self.elements(value, "__setitem__")?;
            let mut items = self.list.write();
            let at = positions(slice, items.len())?;
            if at.len() != values.len() {
                return Err(PyRuntimeError::new_err(
                    "Left and right hand size of slice assignment have different sizes",
                ));
            }
            for (i, value) in at.into_iter().zip(values) {
                items[i] = value;
            }
            return Ok(());
        }
        let value = self.element(value, "__setitem__", "value")?;
        let mut items = self.list.write();
        let at = place(index.extract()?, items.len())?;
        items[at] = value;
        Ok(())
    }
    fn __delitem__(&self, index: isize) -> PyResult<()> {
        let mut items = self.list.write();
        let at = place(index, items.len())?;
        items.remove(at);
        Ok(())
    }
    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        to_python(py, &IValue::List(self.list.clone()), self.torch)?.try_iter()
    }
    fn count(&self, value: &Bound<'_, PyAny>) -> PyResult<usize> {
        let value = self.element(value, "count", "argument")?;
        Ok(self.list.read().iter().filter(|v| **v == value).count())
    }
    fn remove(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = self.element(value, "remove", "argument")?;
        let at = self
            .position(&value)
            .ok_or_else(|| PyValueError::new_err("list.remove(x): x not in list"))?;
        self.list.write().remove(at);
        Ok(())
    }
    fn append(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = self.element(value, "append", "argument")?;
        self.list.write().push(value);
        Ok(())
    }
    fn insert(&self, index: isize, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = self.element(value, "insert", "argument")?;
        let mut items = self.list.write();
        let len = items.len();
        let at = if index < 0 {
            index.saturating_add_unsigned(len).max(0) as usize
        } else {
            index as usize
        };
        items.insert(at.min(len), value);
        Ok(())
    }
    fn extend(&self, values: &Bound<'_, PyAny>) -> PyResult<()> {
        let values = self.elements(values, "extend")?;
        self.list.write().extend(values);
        Ok(())
    }
    #[pyo3(signature = (index = -1))]
    fn pop<'py>(&self, py: Python<'py>, index: isize) -> PyResult<Bound<'py, PyAny>> {
        let value = {
            let mut items = self.list.write();
            let at = place(index, items.len())?;
            items.remove(at)
        };
        to_python(py, &value, self.torch)
    }
    fn clear(&self) {
        self.list.write().clear();
    }
}

impl ScriptList {
    fn elements(&self, values: &Bound<'_, PyAny>, method: &str) -> PyResult<Vec<IValue>> {
        values
            .try_iter()?
            .map(|v| self.element(&v?, method, "argument"))
            .collect()
    }
}

/// Which positions a slice takes.
fn positions(slice: &Bound<'_, PySlice>, len: usize) -> PyResult<Vec<usize>> {
    let taken = slice.indices(len as isize)?;
    Ok((0..taken.slicelength as isize)
        .map(|i| (taken.start + i * taken.step) as usize)
        .collect())
}

#[pyclass(name = "ScriptDict", module = "flambeau.jit", frozen)]
pub struct ScriptDict {
    pub dict: Dict,
    torch: bool,
}

impl ScriptDict {
    /// Its contents as a plain dict.
    fn plain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        Ok(to_python(py, &IValue::Dict(self.dict.clone()), self.torch)?.cast_into()?)
    }
    fn key(&self, key: &Bound<'_, PyAny>) -> PyResult<IValue> {
        let missing = || PyKeyError::new_err(key.clone().unbind());
        item(key, self.dict.key_type(), "").map_err(|_| missing())
    }
}

#[pymethods]
impl ScriptDict {
    #[new]
    fn new(items: &Bound<'_, PyDict>) -> PyResult<ScriptDict> {
        let py = items.py();
        let mut seen = Seen::default();
        let mut pairs = Vec::with_capacity(items.len());
        for (key, value) in items.iter() {
            pairs.push((to_ivalue(&key, &mut seen)?, to_ivalue(&value, &mut seen)?));
        }
        let key = match pairs.is_empty() {
            true => Type::Str,
            false => one_type(py, pairs.iter().map(|p| &p.0), "dictionary: Dictionary")?,
        };
        let value = one_type(py, pairs.iter().map(|p| &p.1), "dictionary: Dictionary")?;
        if !matches!(
            key,
            Type::Int | Type::Float | Type::Complex | Type::Str | Type::Bool | Type::Device | Type::Tensor(_)
        ) {
            return Err(PyRuntimeError::new_err(format!(
                "Cannot create dict for key type '{}', only int, float, complex, Tensor, device and string keys are \
                 supported",
                key.repr_str()
            )));
        }
        let dict = Dict::of_host(key, value);
        dict.write()
            .extend(pairs.into_iter().map(|(k, v)| (DictKey(k), v)));
        let torch = wants_torch(py, &seen)?;
        Ok(ScriptDict { dict, torch })
    }
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        self.plain(py)?.repr().map(|r| r.to_string())
    }
    fn __len__(&self) -> usize {
        self.dict.len()
    }
    fn __bool__(&self) -> bool {
        !self.dict.is_empty()
    }
    fn __contains__(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.dict.get(&self.key(key)?).is_some())
    }
    fn __getitem__<'py>(&self, py: Python<'py>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        match self.dict.get(&self.key(key)?) {
            Some(value) => to_python(py, &value, self.torch),
            None => Err(PyKeyError::new_err(key.clone().unbind())),
        }
    }
    fn __setitem__(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let key = item(key, self.dict.key_type(), "dict key is of the wrong type")?;
        let value = item(value, self.dict.value_type(), "dict value is of the wrong type")?;
        self.dict.insert(key, value);
        Ok(())
    }
    fn __delitem__(&self, key: &Bound<'_, PyAny>) -> PyResult<()> {
        let removed = self.dict.write().shift_remove(&DictKey(self.key(key)?));
        removed
            .map(drop)
            .ok_or_else(|| PyKeyError::new_err(key.clone().unbind()))
    }
    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.plain(py)?.try_iter()
    }
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.plain(py)?.try_iter()
    }
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        let pairs = self
            .plain(py)?
            .iter()
            .map(|(k, v)| PyTuple::new(py, [k, v]))
            .collect::<PyResult<Vec<_>>>()?;
        PyList::new(py, pairs)?.try_iter()
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<ScriptList>()?;
    m.add_class::<ScriptDict>()
}
