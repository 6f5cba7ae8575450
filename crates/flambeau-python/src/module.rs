//! Objects of script classes, modules among them: attributes, methods, loading and saving.

use std::path::PathBuf;
use std::sync::Arc;

use flambeau_core::bind::bind;
use flambeau_core::load::{self, LoadOptions, Loaded};
use flambeau_core::lower::module::ConcreteModule;
use flambeau_core::module::{Module, call_function};
use flambeau_core::save::{self, SaveOptions};
use flambeau_ir::function::{Body, Function};
use flambeau_ir::schema::{Argument, Schema};
use flambeau_ir::types::{AttributeKind, ClassType, Type};
use flambeau_ir::value::{Device, IValue, Object};
use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::call::{PyFunction, call, guarded, runtime, wants_torch};
use crate::error;
use crate::script::PyConcrete;
use crate::types::PyType;
use crate::value::{Seen, to_ivalue, to_python};

/// An object of a script class or a module.
#[pyclass(name = "Object", module = "flambeau._flambeau", frozen, weakref)]
pub struct PyObject {
    pub object: Object,
    /// What the compiler knows of a module that was compiled here.
    concrete: Arc<ConcreteModule>,
    loaded: Option<Arc<Loaded>>,
}

/// Stores an attribute, converted to its declared type.
pub fn set(object: &Object, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let Some(attribute) = object.class().attribute(name) else {
        return Err(PyAttributeError::new_err(format!(
            "'{}' has no attribute '{name}'",
            object.class().short_name()
        )));
    };
    let ivalue = to_ivalue(value, &mut Seen::default())?;
    let fits = converted(ivalue.clone(), name, &attribute.ty);
    let ivalue = fits.map_err(|_| error::plain(misfit(name, &attribute.ty, value, &ivalue)))?;
    object.set(name, ivalue);
    Ok(())
}

fn misfit(name: &str, ty: &Type, value: &Bound<'_, PyAny>, ivalue: &IValue) -> String {
    let wanted = ty.annotation_str();
    let why = match ty {
        Type::Interface(_) => format!(
            "Object of type {} is not compatible with interface {wanted}",
            ivalue.ty().repr_str()
        ),
        _ => format!(
            "Unable to cast Python instance of type {} to `{wanted}`",
            value.get_type()
        ),
    };
    format!("Could not cast attribute '{name}' to type {wanted}: {why}")
}

fn converted(value: IValue, name: &str, ty: &Type) -> Result<IValue, String> {
    let schema = Schema {
        name: "__setattr__".into(),
        overload: String::new(),
        arguments: vec![Argument::new(name, ty.clone())],
        returns: Vec::new(),
        is_vararg: false,
        is_varret: false,
    };
    let mut bound = bind(&schema, vec![value], Vec::new())?;
    Ok(bound.pop().unwrap_or_default())
}

/// A value of Python as one of the type.
pub fn fitted(value: IValue, ty: &Type) -> Result<IValue, String> {
    converted(value, "value", ty)
}

impl PyObject {
    pub fn new(object: Object) -> PyObject {
        let concrete = ConcreteModule::of_class(object.class().clone());
        PyObject::with_concrete(object, concrete)
    }
    pub fn with_concrete(object: Object, concrete: Arc<ConcreteModule>) -> PyObject {
        PyObject {
            object,
            concrete,
            loaded: None,
        }
    }

    fn find(&self, name: &str) -> PyResult<Arc<Function>> {
        self.object.class().method(name).ok_or_else(|| {
            let class = self.object.class().short_name().to_string();
            PyAttributeError::new_err(format!("'{class}' object has no attribute or method '{name}'"))
        })
    }
}

#[pymethods]
impl PyObject {
    #[getter]
    fn class_name(&self) -> String {
        self.object.class().name.to_string()
    }
    #[getter]
    fn is_module(&self) -> bool {
        self.object.class().is_module
    }
    #[getter]
    fn concrete(&self) -> PyConcrete {
        PyConcrete(self.concrete.clone())
    }
    #[getter]
    fn type_(&self) -> PyType {
        PyType(IValue::Object(self.object.clone()).ty())
    }
    /// The same object has the same address.
    #[getter]
    fn address(&self) -> usize {
        self.object.address()
    }
    fn method_names(&self) -> Vec<String> {
        self.object
            .class()
            .methods()
            .iter()
            .map(|m| m.short_name().to_string())
            .collect()
    }
    fn method(&self, name: &str) -> PyResult<PyFunction> {
        self.find(name).map(PyFunction)
    }
    fn has_method(&self, name: &str) -> bool {
        self.object.class().method(name).is_some()
    }
    /// Names of properties, with whether they can be set.
    fn properties(&self) -> Vec<(String, String, Option<String>)> {
        let short = |f: &Arc<Function>| f.short_name().to_string();
        let rows = self.object.class().properties();
        rows.iter()
            .map(|p| (p.name.to_string(), short(&p.getter), p.setter.as_ref().map(short)))
            .collect()
    }
    /// Calls a method.
    #[pyo3(signature = (method, args, kwargs = None))]
    fn call<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        call(py, &self.find(method)?, Some(&self.object), args, kwargs)
    }
    /// `forward` between its hooks.
    #[pyo3(signature = (args, kwargs = None))]
    fn call_hooked<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let class = self.object.class();
        let (before, behind) = (class.forward_pre_hooks(), class.forward_hooks());
        if before.is_empty() && behind.is_empty() {
            return call(py, &self.find("forward")?, Some(&self.object), args, kwargs);
        }
        let mut seen = Seen::default();
        let (mut args, kwargs) = crate::call::arguments(args, kwargs, &mut seen)?;
        let forward = self.find("forward")?;
        let result = py.detach(|| {
            guarded(|| {
                let runtime = runtime();
                for hook in &before {
                    let given = vec![IValue::tuple(args.clone())];
                    match call_function(&runtime, hook, Some(&self.object), given, Vec::new())? {
                        IValue::None => {}
                        IValue::Tuple(items) => args = items.items.to_vec(),
                        single => args = vec![single],
                    }
                }
                let mut output = call_function(&runtime, &forward, Some(&self.object), args.clone(), kwargs)?;
                for hook in &behind {
                    let given = vec![IValue::tuple(args.clone()), output.clone()];
                    match call_function(&runtime, hook, Some(&self.object), given, Vec::new())? {
                        IValue::None => {}
                        other => output = other,
                    }
                }
                Ok(output)
            })
        });
        let value = result
            .map_err(error::plain)?
            .map_err(|e: flambeau_core::exec::Error| error::run(py, &e))?;
        to_python(py, &value, wants_torch(py, &seen)?)
    }

    /// Attributes: name, type, and `parameter`, `buffer` or `attribute`.
    fn attributes(&self) -> Vec<(String, PyType, &'static str)> {
        let kind = |kind| match kind {
            AttributeKind::Parameter => "parameter",
            AttributeKind::Buffer => "buffer",
            AttributeKind::Regular => "attribute",
        };
        let rows = self.object.class().attributes().into_iter();
        rows.map(|a| (a.name.to_string(), PyType(a.ty), kind(a.kind)))
            .collect()
    }
    fn has(&self, name: &str) -> bool {
        self.object.class().attribute(name).is_some()
    }
    #[pyo3(signature = (name, torch = None))]
    fn get<'py>(&self, py: Python<'py>, name: &str, torch: Option<bool>) -> PyResult<Bound<'py, PyAny>> {
        let Some(value) = self.object.get(name) else {
            let class = self.object.class().short_name().to_string();
            return Err(PyAttributeError::new_err(format!(
                "'{class}' object has no attribute '{name}'"
            )));
        };
        let torch = match torch {
            Some(torch) => torch,
            None => wants_torch(py, &Seen::default())?,
        };
        to_python(py, &value, torch)
    }
    fn set(&self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        set(&self.object, name, value)
    }
    fn constant<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let torch = wants_torch(py, &Seen::default())?;
        self.object
            .class()
            .constant(name)
            .map(|c| to_python(py, &c, torch))
            .transpose()
    }
    fn train(&self, on: bool) {
        Module::new(self.object.clone()).train(on);
    }
    /// A copy with its own tensors and containers.
    fn copy(&self, py: Python<'_>) -> PyResult<PyObject> {
        let copy = Module::new(self.object.clone())
            .with_own_state()
            .map_err(|e| error::operator(py, &e))?;
        Ok(PyObject {
            object: copy.object().clone(),
            concrete: self.concrete.clone(),
            loaded: self.loaded.clone(),
        })
    }

    /// Writes an archive to a file.
    fn save(&self, py: Python<'_>, path: PathBuf, extra_files: Vec<(String, Vec<u8>)>) -> PyResult<()> {
        let options = SaveOptions { extra_files };
        let saved = py.detach(|| guarded(|| save::save_to_path(&self.object, &path, &options, &run_method)));
        saved.map_err(error::plain)?.map_err(|e| error::save(py, e))
    }
    fn save_to_buffer<'py>(
        &self,
        py: Python<'py>,
        extra_files: Vec<(String, Vec<u8>)>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let options = SaveOptions { extra_files };
        let saved = py.detach(|| guarded(|| save::save_to_buffer(&self.object, &options, &run_method)));
        let bytes = saved.map_err(error::plain)?.map_err(|e| error::save(py, e))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// An extra file of the archive that the module comes from.
    fn extra_file<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let Some(loaded) = &self.loaded else {
            return Ok(None);
        };
        if !loaded.extra_files().iter().any(|n| n == name) {
            return Ok(None);
        }
        let bytes = loaded.extra_file(name).map_err(|e| error::load(py, e))?;
        Ok(Some(PyBytes::new(py, &bytes)))
    }
}

fn run_method(function: &Arc<Function>, args: Vec<IValue>) -> Result<IValue, String> {
    call_function(&runtime(), function, None, args, Vec::new()).map_err(|e| e.to_string())
}

fn options(map_location: Option<&str>) -> PyResult<LoadOptions> {
    let mut options = LoadOptions::default();
    if let Some(device) = map_location {
        let Some(device) = Device::parse(device) else {
            return Err(error::plain(format!("Invalid device string: '{device}'")));
        };
        options.map_location = device;
    }
    Ok(options)
}

fn loaded(py: Python<'_>, result: Result<Result<Module, load::LoadError>, String>) -> PyResult<PyObject> {
    let module = result.map_err(error::plain)?.map_err(|e| error::load(py, e))?;
    let object = module.object().clone();
    Ok(PyObject {
        concrete: ConcreteModule::of_class(object.class().clone()),
        object,
        loaded: module.origin().cloned(),
    })
}

#[pyfunction]
#[pyo3(signature = (path, map_location = None))]
fn load_path(py: Python<'_>, path: PathBuf, map_location: Option<&str>) -> PyResult<PyObject> {
    let options = options(map_location)?;
    loaded(py, py.detach(|| guarded(|| load::load(&path, &options))))
}

#[pyfunction]
#[pyo3(signature = (bytes, map_location = None))]
fn load_bytes(py: Python<'_>, bytes: Vec<u8>, map_location: Option<&str>) -> PyResult<PyObject> {
    let options = options(map_location)?;
    loaded(py, py.detach(|| guarded(|| load::load_bytes(bytes, &options))))
}

/// The module that PyTorch puts around a function to save it.
#[pyfunction]
fn module_around(py: Python<'_>, function: &PyFunction) -> PyResult<PyObject> {
    let fail = |e| error::define(py, &e);
    let class = ClassType::new("__torch__.PlaceholderModule", true);
    class.add_attribute("training", Type::Bool, AttributeKind::Regular);
    let mut graph = function.0.graph().map_err(fail)?.copy();
    let this = graph.insert_block_param(graph.block(), 0, Type::Class(class.clone()));
    graph.set_name(this, "self");
    // What the graph itself says: archives keep neither defaults nor wider annotations of a result.
    let own = function.0.schema().map_err(fail)?;
    let params = graph.params(graph.block());
    // A parameter called `_` is nameless.
    let name = |(i, a): (usize, &Argument)| match &*a.name {
        "_" => format!("argument_{}", i + 1),
        name => name.to_string(),
    };
    let names = std::iter::once("self".to_string()).chain(own.arguments.iter().enumerate().map(name));
    let arguments = names
        .zip(params)
        .map(|(name, &p)| Argument::new(name.as_str(), graph.ty(p).clone()));
    let returns = graph
        .returns(graph.block())
        .iter()
        .map(|&r| Argument::new("0", graph.ty(r).clone()));
    let schema = Schema {
        name: "forward".into(),
        overload: String::new(),
        arguments: arguments.collect(),
        returns: returns.collect(),
        is_vararg: false,
        is_varret: false,
    };
    class.add_method(Function::defined(
        "__torch__.PlaceholderModule.forward",
        Body { schema, graph },
    ));
    let object = Object::new(class);
    object.set("training", IValue::Bool(true));
    Ok(PyObject::new(object))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyObject>()?;
    m.add_function(wrap_pyfunction!(module_around, m)?)?;
    m.add_function(wrap_pyfunction!(load_path, m)?)?;
    m.add_function(wrap_pyfunction!(load_bytes, m)?)
}
