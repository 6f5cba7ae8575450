//! Compiling what Python holds as objects: its scopes answer the compiler's questions, its descriptions of functions,
//! classes and modules become compiled ones.

use std::collections::HashMap;
use std::sync::Arc;

use flambeau_core::lower::error::Result as CompileResult;
use flambeau_core::lower::host::{Callback, Dispatch, HostValue, Scope};
use flambeau_core::lower::module::{ConcreteModule, IterableKind};
use flambeau_core::lower::script::{
    self, ClassSource, FunctionSource, MethodLookup, ModuleSource, ModuleSpec, PropertySource,
};
use flambeau_core::lower::{library, sugared::Form, unit};
use flambeau_ir::ops::{Context, Op};
use flambeau_ir::types::{AttributeKind, Type};
use flambeau_ir::value::{IValue, Object};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::call::{PyFunction, guarded, wants_torch};
use crate::error;
use crate::module::PyObject;
use crate::types::PyType;
use crate::value::{PyValue, Seen, to_ivalue, to_python};

/// A name's meaning, where Rust knows it already.
#[pyclass(name = "Meaning", module = "flambeau._flambeau", frozen)]
pub struct PyMeaning(HostValue);

#[pymethods]
impl PyMeaning {
    /// The operator that it is.
    #[getter]
    fn builtin(&self) -> Option<String> {
        match &self.0 {
            HostValue::Builtin(name) => Some(name.to_string()),
            _ => None,
        }
    }
    #[getter]
    fn type_name(&self) -> String {
        self.0.type_name()
    }
    #[getter]
    fn is_module(&self) -> bool {
        matches!(self.0, HostValue::Module(_))
    }
    /// Whether it is a function of Flambeau's own, in TorchScript.
    #[getter]
    fn is_function(&self) -> bool {
        matches!(self.0, HostValue::Functions(_) | HostValue::Dispatch(_))
    }
    #[getter]
    fn is_opaque(&self) -> bool {
        matches!(self.0, HostValue::Opaque(_))
    }
}

/// What a module that the compiler knows has under a name: `library("torch.nn.functional", "linear")`.
#[pyfunction]
#[pyo3(name = "library")]
fn library_member(path: &str, name: &str) -> Option<PyMeaning> {
    library::module(path, flambeau_ops::table())?
        .get(name)
        .ok()
        .flatten()
        .map(PyMeaning)
}

/// A scope that is a Python object with the methods `get(name)` and `get_type(text)`.
struct PyScope(Py<PyAny>);

impl Scope for PyScope {
    fn get(&self, name: &str) -> CompileResult<Option<HostValue>> {
        Python::attach(|py| {
            let found = self
                .0
                .bind(py)
                .call_method1("get", (name,))
                .and_then(|v| meaning(&v));
            found.map_err(|e| error::from_python(py, e))
        })
    }
    fn get_type(&self, annotation: &str) -> CompileResult<Option<Type>> {
        Python::attach(|py| {
            let found = self.0.bind(py).call_method1("get_type", (annotation,));
            let ty = found.and_then(|v| Ok(v.extract::<Option<PyRef<'_, PyType>>>()?.map(|t| t.0.clone())));
            ty.map_err(|e| error::from_python(py, e))
        })
    }
}

fn form(name: &str) -> PyResult<Form> {
    Ok(match name {
        "fork" => Form::Fork,
        "awaitable" => Form::Awaitable,
        "annotate" => Form::Annotate,
        "isinstance" => Form::IsInstance,
        _ => return Err(PyTypeError::new_err(format!("no form is called `{name}`"))),
    })
}

/// A description by Python: `None`, or a tuple of a kind and what belongs to it.
fn meaning(value: &Bound<'_, PyAny>) -> PyResult<Option<HostValue>> {
    if value.is_none() {
        return Ok(None);
    }
    if let Ok(known) = value.cast::<PyMeaning>() {
        return Ok(Some(known.get().0.clone()));
    }
    let parts = value.cast::<PyTuple>()?;
    let kind: String = parts.get_item(0)?.extract()?;
    let part = |i: usize| parts.get_item(i);
    let text = |i: usize| -> PyResult<Arc<str>> { Ok(part(i)?.extract::<String>()?.into()) };
    let ty = || -> PyResult<Type> { Ok(part(1)?.extract::<PyRef<'_, PyType>>()?.0.clone()) };
    Ok(Some(match kind.as_str() {
        "constant" => HostValue::Constant(to_ivalue(&part(1)?, &mut Seen::default())?),
        "enum_member" => HostValue::EnumMember(to_ivalue(&part(1)?, &mut Seen::default())?),
        "module" => HostValue::Module(Arc::new(PyScope(part(1)?.unbind()))),
        "builtin" => HostValue::Builtin(text(1)?),
        "form" => HostValue::Form(form(&text(1)?)?),
        "legacy_tensor" => HostValue::LegacyTensor(part(1)?.extract()?),
        "slice" => HostValue::SliceClass,
        "check" => HostValue::TorchCheck,
        "functions" => {
            let functions: Vec<PyRef<'_, PyFunction>> = part(1)?.extract()?;
            HostValue::Functions(functions.iter().map(|f| f.0.clone()).collect())
        }
        "unused" => HostValue::Unused(part(1)?.extract::<PyRef<'_, PyFunction>>()?.0.clone()),
        "dispatch" => {
            let choice = |i: usize| -> PyResult<HostValue> {
                meaning(&part(i)?)?.ok_or_else(|| PyTypeError::new_err("expected a function to choose"))
            };
            HostValue::Dispatch(Arc::new(Dispatch {
                index: part(1)?.extract()?,
                name: part(2)?.extract()?,
                default: part(3)?.extract()?,
                if_true: choice(4)?,
                if_false: choice(5)?,
            }))
        }
        "class" => {
            let Type::Class(class) = ty()? else {
                return Err(PyTypeError::new_err("expected a class type"));
            };
            let members = part(2)?;
            let members = (!members.is_none()).then(|| Arc::new(PyScope(members.unbind())) as Arc<dyn Scope>);
            HostValue::Class { class, members }
        }
        "module_class" => {
            let members = part(2)?;
            let members = (!members.is_none()).then(|| Arc::new(PyScope(members.unbind())) as Arc<dyn Scope>);
            HostValue::ModuleClass {
                name: text(1)?,
                members,
            }
        }
        "named_tuple" => HostValue::NamedTuple(ty()?),
        "enum" => HostValue::Enum(ty()?),
        "interface" => HostValue::Interface(ty()?),
        "exception" => HostValue::Exception(text(1)?),
        "callback" => HostValue::Callback(callback(parts)?),
        "opaque" => HostValue::Opaque(text(1)?),
        other => return Err(PyTypeError::new_err(format!("no meaning is called `{other}`"))),
    }))
}

/// `("callback", name, parameter names, (parameter types, result type), callable)`; either part may be `None`.
fn callback(parts: &Bound<'_, PyTuple>) -> PyResult<Arc<Callback>> {
    let signature: Option<(Vec<PyRef<'_, PyType>>, PyRef<'_, PyType>)> = parts.get_item(3)?.extract()?;
    let signature = signature.map(|(types, result)| {
        let types: Vec<Type> = types.iter().map(|t| t.0.clone()).collect();
        (types, result.0.clone())
    });
    let callable = parts.get_item(4)?.unbind();
    let result = signature.as_ref().map(|s| s.1.clone());
    let mut op = Op::new("prim::PythonOp(...) -> ...");
    op.kernel(move |_: &Context, args: &[IValue]| {
        Python::attach(|py| run_callback(py, &callable, args, result.as_ref()))
            .map_err(|message| flambeau_tensor::Error::new(flambeau_tensor::ErrorKind::Runtime, message))
    });
    Ok(Arc::new(Callback {
        name: parts.get_item(1)?.extract::<String>()?.into(),
        parameters: parts.get_item(2)?.extract()?,
        signature,
        op: Arc::new(op),
    }))
}

fn run_callback(
    py: Python<'_>,
    callable: &Py<PyAny>,
    args: &[IValue],
    result: Option<&Type>,
) -> Result<IValue, String> {
    let text = |error: PyErr| error.to_string();
    let mut seen = Seen::default();
    let torch = wants_torch(py, &seen).map_err(text)?;
    let args = args.iter().map(|a| to_python(py, a, torch));
    let args = args.collect::<PyResult<Vec<_>>>().map_err(text)?;
    let args = PyTuple::new(py, args).map_err(text)?;
    let returned = callable.bind(py).call1(args).map_err(text)?;
    let fits = to_ivalue(&returned, &mut seen)
        .ok()
        .and_then(|value| match result {
            Some(ty) => crate::module::fitted(value, ty).ok(),
            None => Some(value),
        });
    fits.ok_or_else(|| {
        let wanted = result.map_or_else(|| "Tensor".into(), |t| t.schema_str());
        let kind = returned.get_type().name().map_or_else(|_| "object".into(), |n| n.to_string());
        let shown = returned.repr().map_or_else(|_| String::new(), |r| r.to_string());
        format!(
            " expected value of type {wanted} for return value but instead got value of type {kind}.\nValue: {shown}"
        )
    })
}

/// A function's source as a dict: name, text, file, first_line, scope, defaults; or name, text, scope and `native` for
/// one among the functions of a text in TorchScript's own dialect.
fn source(value: &Bound<'_, PyAny>) -> PyResult<FunctionSource> {
    let value = value.cast::<PyDict>()?;
    let get = |key: &str| -> PyResult<Bound<'_, PyAny>> {
        value
            .get_item(key)?
            .ok_or_else(|| PyTypeError::new_err(format!("a function's source lacks `{key}`")))
    };
    let scope = Arc::new(PyScope(get("scope")?.unbind()));
    if value.contains("native")? {
        let (name, text): (String, String) = (get("name")?.extract()?, get("text")?.extract()?);
        return unit::source(&text, &name, scope).map_err(|e| error::compile(value.py(), e));
    }
    let mut source = FunctionSource {
        name: get("name")?.extract()?,
        text: get("text")?.extract()?,
        file: get("file")?.extract()?,
        first_line: get("first_line")?.extract()?,
        scope,
        defaults: Vec::new(),
        parsed: None,
        native: false,
        overload: value.contains("overload")?,
    };
    for (name, default) in get("defaults")?.cast::<PyDict>()?.iter() {
        let name: String = name.extract()?;
        if default.is_instance_of::<PyList>() || default.is_instance_of::<PyDict>() {
            let message = format!(
                "Mutable default parameters are not supported because Python binds them to the function and they \
                 persist across function calls.\n As a workaround, make the default None and instantiate the default \
                 parameter within the body of the function. Found {} on parameter {name}",
                default.get_type().repr()?
            );
            return Err(error::compile(value.py(), script::about(&source, &message)));
        }
        let Ok(converted) = to_ivalue(&default, &mut Seen::default()) else {
            return Err(error::compile(value.py(), script::bad_default(&source, &name)));
        };
        source.defaults.push((name, converted));
    }
    Ok(source)
}

fn sources(value: &Bound<'_, PyAny>) -> PyResult<Vec<FunctionSource>> {
    value.try_iter()?.map(|v| source(&v?)).collect()
}

fn properties(value: &Bound<'_, PyAny>) -> PyResult<Vec<PropertySource>> {
    let one = |v: Bound<'_, PyAny>| -> PyResult<PropertySource> {
        let (name, getter, setter): (String, Bound<'_, PyAny>, Bound<'_, PyAny>) = v.extract()?;
        let setter = if setter.is_none() {
            None
        } else {
            Some(source(&setter)?)
        };
        Ok(PropertySource {
            name,
            getter: source(&getter)?,
            setter,
        })
    };
    value.try_iter()?.map(|v| one(v?)).collect()
}

/// Runs the compiler without the interpreter's lock; scopes take it when they are asked.
fn compiling<T: Send>(py: Python<'_>, body: impl Send + FnOnce() -> CompileResult<T>) -> PyResult<T> {
    py.detach(|| guarded(body))
        .map_err(error::plain)?
        .map_err(|e| error::compile(py, e))
}

/// A function, compiled when it is first needed. An unused one raises when it is called.
#[pyfunction]
fn make_function(
    py: Python<'_>,
    function: &Bound<'_, PyAny>,
    qualified_name: &str,
    unused: bool,
) -> PyResult<PyFunction> {
    let source = source(function)?;
    let table = flambeau_ops::table();
    compiling(py, || match unused {
        true => script::unused_function(&source, qualified_name, table),
        false => script::function(&source, qualified_name, table),
    })
    .map(PyFunction)
}

#[pyfunction]
fn compile_class(
    py: Python<'_>,
    class: &PyType,
    methods: &Bound<'_, PyAny>,
    property_list: &Bound<'_, PyAny>,
    class_attributes: Vec<String>,
) -> PyResult<()> {
    let Type::Class(class) = &class.0 else {
        return Err(PyTypeError::new_err("expected a class type"));
    };
    let source = ClassSource {
        qualified_name: class.name.to_string(),
        methods: sources(methods)?,
        properties: properties(property_list)?,
        class_attributes,
    };
    compiling(py, || {
        script::compile_class(class, &source, flambeau_ops::table())
    })
}

#[pyfunction]
fn make_interface(
    py: Python<'_>,
    qualified_name: &str,
    is_module: bool,
    methods: &Bound<'_, PyAny>,
) -> PyResult<PyType> {
    let methods = sources(methods)?;
    compiling(py, || {
        script::interface(qualified_name, is_module, &methods, flambeau_ops::table())
    })
    .map(PyType)
}

/// A module's type with what the compiler knows of it.
#[pyclass(name = "ConcreteModule", module = "flambeau._flambeau", frozen)]
pub struct PyConcrete(pub Arc<ConcreteModule>);

#[pymethods]
impl PyConcrete {
    #[getter]
    fn type_(&self) -> PyType {
        match &self.0.interface {
            Some(interface) => PyType(interface.clone()),
            None => PyType(Type::Class(self.0.class.clone())),
        }
    }
    /// The module seen through an interface.
    fn through(&self, interface: &PyType) -> PyConcrete {
        PyConcrete(Arc::new(ConcreteModule {
            interface: Some(interface.0.clone()),
            ..copy_of(&self.0)
        }))
    }
    /// An object of the type, with nothing in it.
    fn create(&self) -> PyObject {
        PyObject::with_concrete(Object::new(self.0.class.clone()), self.0.clone())
    }
    /// Adds the methods of a text in TorchScript's own dialect.
    fn define(&self, py: Python<'_>, text: &str, scope: Py<PyAny>) -> PyResult<()> {
        let scope = Arc::new(PyScope(scope));
        compiling(py, || unit::methods(&self.0, text, scope, flambeau_ops::table()))
    }
}

fn copy_of(module: &ConcreteModule) -> ConcreteModule {
    ConcreteModule {
        class: module.class.clone(),
        interface: module.interface.clone(),
        iterable: module.iterable,
        submodules: module.submodules.read().clone().into(),
        functions: module.functions.clone(),
        builtins: module.builtins.clone(),
        overloads: module.overloads.clone(),
        failed: module.failed.clone(),
        host: module.host.clone(),
    }
}

/// What only the Python class of a module knows, asked by name.
struct PyModuleSource(Py<PyAny>);

impl ModuleSource for PyModuleSource {
    fn find(&self, name: &str) -> CompileResult<MethodLookup> {
        Python::attach(|py| self.find_in(py, name).map_err(|e| error::from_python(py, e)))
    }
}

impl PyModuleSource {
    fn find_in(&self, py: Python<'_>, name: &str) -> PyResult<MethodLookup> {
        let found = self.0.bind(py).call1((name,))?;
        if found.is_none() {
            return Ok(MethodLookup::None);
        }
        let (kind, what): (String, Bound<'_, PyAny>) = found.extract()?;
        Ok(match kind.as_str() {
            "method" => MethodLookup::Method(source(&what)?),
            "unused" => MethodLookup::Unused(source(&what)?),
            "callback" => MethodLookup::Callback(callback(what.cast::<PyTuple>()?)?),
            _ => meaning(&what)?.map_or(MethodLookup::None, MethodLookup::Value),
        })
    }
}

/// Compiles a module from its description, a dict.
#[pyfunction]
fn compile_module(py: Python<'_>, spec: &Bound<'_, PyDict>) -> PyResult<PyConcrete> {
    let get = |key: &str| -> PyResult<Bound<'_, PyAny>> {
        spec.get_item(key)?
            .ok_or_else(|| PyTypeError::new_err(format!("a module's description lacks `{key}`")))
    };
    let mut attributes = Vec::new();
    for row in get("attributes")?.try_iter()? {
        let (name, ty, kind): (String, PyRef<'_, PyType>, String) = row?.extract()?;
        let kind = match kind.as_str() {
            "parameter" => AttributeKind::Parameter,
            "buffer" => AttributeKind::Buffer,
            _ => AttributeKind::Regular,
        };
        attributes.push((name, ty.0.clone(), kind));
    }
    let mut constants = Vec::new();
    for row in get("constants")?.try_iter()? {
        let (name, value): (String, Bound<'_, PyAny>) = row?.extract()?;
        constants.push((name, to_ivalue(&value, &mut Seen::default())?));
    }
    let mut submodules = Vec::new();
    for row in get("submodules")?.try_iter()? {
        let (name, module): (String, PyRef<'_, PyConcrete>) = row?.extract()?;
        submodules.push((name, module.0.clone()));
    }
    let mut functions = HashMap::new();
    for row in get("functions")?.try_iter()? {
        let (name, function): (String, PyRef<'_, PyFunction>) = row?.extract()?;
        functions.insert(name, function.0.clone());
    }
    let builtins: Vec<(String, String)> = get("builtins")?.extract()?;
    let mut overloads = HashMap::new();
    for row in get("overloads")?.try_iter()? {
        let (name, methods): (String, Bound<'_, PyAny>) = row?.extract()?;
        overloads.insert(name, sources(&methods)?);
    }
    let iterable: String = get("iterable")?.extract()?;
    let spec = ModuleSpec {
        qualified_name: get("qualified_name")?.extract()?,
        attributes,
        constants,
        submodules,
        iterable: match iterable.as_str() {
            "list" => IterableKind::List,
            "dict" => IterableKind::Dict,
            "parameter_list" => IterableKind::ParameterList,
            "parameter_dict" => IterableKind::ParameterDict,
            _ => IterableKind::None,
        },
        functions,
        builtins: builtins.into_iter().map(|(name, op)| (name, op.into())).collect(),
        failed: get("failed")?.extract()?,
        methods: sources(&get("methods")?)?,
        overloads,
        properties: properties(&get("properties")?)?,
        forward_hooks: sources(&get("forward_hooks")?)?,
        forward_pre_hooks: sources(&get("forward_pre_hooks")?)?,
        source: Some(Arc::new(PyModuleSource(get("find")?.unbind()))),
    };
    compiling(py, || script::compile_module(spec, flambeau_ops::table())).map(PyConcrete)
}

/// The functions of a text in TorchScript's own dialect, by name.
#[pyfunction]
fn define_functions(py: Python<'_>, text: &str, scope: Py<PyAny>) -> PyResult<Vec<(String, PyFunction)>> {
    let scope = Arc::new(PyScope(scope));
    let made = compiling(py, || unit::functions(text, scope, flambeau_ops::table()))?;
    Ok(made.into_iter().map(|(name, f)| (name, PyFunction(f))).collect())
}

/// An object of a script class, with attributes by name; those not given are None.
#[pyfunction]
fn make_object(class: &PyType, attributes: &Bound<'_, PyDict>) -> PyResult<PyObject> {
    let Type::Class(class) = &class.0 else {
        return Err(PyTypeError::new_err("expected a class type"));
    };
    let object = Object::new(class.clone());
    for (name, value) in attributes.iter() {
        let name: String = name.extract()?;
        crate::module::set(&object, &name, &value)?;
    }
    Ok(PyObject::new(object))
}

/// The type that a value has by itself.
#[pyfunction]
fn type_of(value: &Bound<'_, PyAny>) -> PyResult<PyType> {
    Ok(PyType(to_ivalue(value, &mut Seen::default())?.ty()))
}

/// Wraps a constant so that it is not looked at again.
#[pyfunction]
fn value_of(value: &Bound<'_, PyAny>) -> PyResult<PyValue> {
    let value: IValue = to_ivalue(value, &mut Seen::default())?;
    Ok(PyValue(value))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyMeaning>()?;
    m.add_class::<PyConcrete>()?;
    m.add_function(wrap_pyfunction!(library_member, m)?)?;
    m.add_function(wrap_pyfunction!(make_function, m)?)?;
    m.add_function(wrap_pyfunction!(define_functions, m)?)?;
    m.add_function(wrap_pyfunction!(compile_class, m)?)?;
    m.add_function(wrap_pyfunction!(make_interface, m)?)?;
    m.add_function(wrap_pyfunction!(compile_module, m)?)?;
    m.add_function(wrap_pyfunction!(make_object, m)?)?;
    m.add_function(wrap_pyfunction!(type_of, m)?)?;
    m.add_function(wrap_pyfunction!(value_of, m)?)
}
