//! Failures of the engine as Python exceptions, and Python exceptions on their way through the engine.

use flambeau_core::exec;
use flambeau_core::load::LoadError;
use flambeau_core::lower::error::{CompileError, ErrorKind};
use flambeau_core::save::SaveError;
use flambeau_ir::function::DefineError;
use flambeau_tensor::ErrorKind as TensorErrorKind;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// A compile error inside of a Python exception, so that it is whole again when the engine gets it back.
#[pyclass(frozen, module = "flambeau._flambeau")]
pub struct CompileFailure(Box<CompileError>);

#[pymethods]
impl CompileFailure {
    /// The error drawn with the source, as a terminal shows it.
    fn render(&self) -> String {
        flambeau_syntax::render(&self.0.diagnostics(), false)
    }
    #[getter]
    fn message(&self) -> &str {
        &self.0.message
    }
    /// The file and the 1-based line that the error is about.
    #[getter]
    fn location(&self) -> Option<(String, u32)> {
        let (text, span) = self.0.place.as_ref()?;
        Some((text.file.name.clone(), text.file.line(span.start)))
    }
}

/// An exception of the class that Python code knows by `class`; `flambeau._errors` has them.
pub fn exception(py: Python<'_>, class: &str, message: &str) -> PyErr {
    let made = || {
        py.import("flambeau._errors")?
            .call_method1("make", (class, message))
    };
    match made() {
        Ok(instance) => PyErr::from_value(instance),
        Err(error) => error,
    }
}

pub fn compile(py: Python<'_>, error: Box<CompileError>) -> PyErr {
    let raised = exception(py, error.kind.exception(), &error.to_string());
    if let Ok(failure) = Py::new(py, CompileFailure(error)) {
        // Exceptions of Python take attributes; if one does not, the text has to do.
        let _ = raised.value(py).setattr("failure", failure);
    }
    raised
}

pub fn define(py: Python<'_>, error: &DefineError) -> PyErr {
    match error.downcast_ref::<CompileError>() {
        Some(error) => compile(py, Box::new(error.clone())),
        None => exception(py, "RuntimeError", &error.to_string()),
    }
}

pub fn run(py: Python<'_>, error: &exec::Error) -> PyErr {
    if let Some(cause) = error.cause() {
        return define(py, cause);
    }
    let class = match error.kind() {
        exec::ErrorKind::Raised(_) => "torch.jit.Error",
        exec::ErrorKind::Unsupported | exec::ErrorKind::Operator(TensorErrorKind::NotImplemented) => {
            "NotImplementedError"
        }
        _ => "RuntimeError",
    };
    exception(py, class, &error.to_string())
}

pub fn operator(py: Python<'_>, error: &flambeau_tensor::Error) -> PyErr {
    let class = match error.kind {
        TensorErrorKind::Index => "IndexError",
        TensorErrorKind::Value => "ValueError",
        TensorErrorKind::Type => "TypeError",
        TensorErrorKind::NotImplemented => "NotImplementedError",
        _ => "RuntimeError",
    };
    exception(py, class, &error.message)
}

pub fn load(py: Python<'_>, error: LoadError) -> PyErr {
    match error {
        LoadError::Code(error) => compile(py, error),
        LoadError::Run(error) => run(py, &error),
        other => exception(py, "RuntimeError", &other.to_string()),
    }
}

pub fn save(py: Python<'_>, error: SaveError) -> PyErr {
    match error {
        SaveError::Define(error) => define(py, &error),
        other => exception(py, "RuntimeError", &other.to_string()),
    }
}

/// An exception that a callback into Python raised, for the compiler.
pub fn from_python(py: Python<'_>, error: PyErr) -> Box<CompileError> {
    let value = error.value(py);
    if let Ok(failure) = value.getattr("failure")
        && let Ok(failure) = failure.cast::<CompileFailure>()
    {
        return failure.get().0.clone();
    }
    let kind = match value.get_type().name().map(|n| n.to_string()).as_deref() {
        Ok("ValueError") => ErrorKind::Value,
        Ok("TypeError") => ErrorKind::Type,
        Ok("AttributeError") => ErrorKind::Attribute,
        Ok("NotSupportedError") => ErrorKind::NotSupported,
        Ok("NotImplementedError") => ErrorKind::NotImplemented,
        _ => ErrorKind::Compile,
    };
    let message = value
        .str()
        .map_or_else(|_| "a Python exception".into(), |s| s.to_string());
    CompileError::new(kind, message)
}

pub fn plain(message: impl Into<String>) -> PyErr {
    PyRuntimeError::new_err(message.into())
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<CompileFailure>()
}
