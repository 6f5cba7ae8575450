//! Calls: compiled functions, methods, and operators by name.

use std::sync::{Arc, LazyLock};

use flambeau_core::bind::bind;
use flambeau_core::exec::{self, Budget, Runtime};
use flambeau_core::module::call_function;
use flambeau_core::overload::{distance, gathered};
use flambeau_core::{code, passes};
use flambeau_ir::function::Function;
use flambeau_ir::ops::{Context, Op};
use flambeau_ir::types::Type;
use flambeau_ir::value::{GeneratorHandle, IValue, Object};
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::error;
use crate::value::{Seen, hooks, to_ivalue, to_python};

/// The generator of all calls that are not given one.
static GENERATOR: LazyLock<GeneratorHandle> = LazyLock::new(|| Context::new().generator);

/// What a call runs in: prints go to `sys.stdout`, warnings to `warnings`.
pub fn runtime() -> Arc<Runtime> {
    let mut context = Context::new();
    context.generator = GENERATOR.clone();
    context.allow_files = true;
    context.stdout = Box::new(|text| {
        Python::attach(|py| {
            // A program does not fail because nobody reads what it prints.
            let _ = hooks(py).and_then(|h| h.call_method1("write", (text,)));
        })
    });
    context.warn = Box::new(|text| {
        Python::attach(|py| {
            let _ = hooks(py).and_then(|h| h.call_method1("warn", (text,)));
        })
    });
    Arc::new(Runtime::new(context, Budget::default()))
}

#[pyfunction]
fn manual_seed(seed: i64) {
    *GENERATOR.lock() = flambeau_tensor::random::Generator::new(seed as u64);
}

pub type Arguments = (Vec<IValue>, Vec<(String, IValue)>);

pub fn arguments(
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
    seen: &mut Seen,
) -> PyResult<Arguments> {
    let given = args
        .iter()
        .map(|a| to_ivalue(&a, seen))
        .collect::<PyResult<Vec<_>>>()?;
    let mut named = Vec::new();
    for (name, value) in kwargs.into_iter().flat_map(|k| k.iter()) {
        named.push((name.extract()?, to_ivalue(&value, seen)?));
    }
    Ok((given, named))
}

/// Whether results are to be tensors of PyTorch: where it is imported, unless Flambeau's own went in.
pub fn wants_torch(py: Python<'_>, seen: &Seen) -> PyResult<bool> {
    if seen.other {
        return Ok(true);
    }
    if seen.own {
        return Ok(false);
    }
    hooks(py)?.call_method0("has_torch")?.extract()
}

/// Calls a function or a method with the interpreter's lock released.
pub fn call<'py>(
    py: Python<'py>,
    function: &Arc<Function>,
    this: Option<&Object>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    inferable(py, function, usize::from(this.is_some()), args, kwargs)?;
    let mut seen = Seen::default();
    let (args, kwargs) = arguments(args, kwargs, &mut seen)?;
    let result = py.detach(|| guarded(|| call_function(&runtime(), function, this, args, kwargs)));
    let value = result.map_err(error::plain)?.map_err(|e| error::run(py, &e))?;
    to_python(py, &value, wants_torch(py, &seen)?)
}

/// What goes into a parameter of type `Any` must have a type by itself.
fn inferable(
    py: Python<'_>,
    function: &Arc<Function>,
    own: usize,
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let Ok(schema) = function.schema() else {
        return Ok(());
    };
    for (i, argument) in schema.arguments.iter().enumerate().skip(own) {
        if argument.ty != Type::Any {
            continue;
        }
        let named = || kwargs.and_then(|k| k.get_item(&*argument.name).ok().flatten());
        if let Some(value) = args.get_item(i - own).ok().or_else(named) {
            hooks(py)?.call_method1("check_any", (value,))?;
        }
    }
    Ok(())
}

/// Runs `body`; a panic, which is a defect of ours, becomes a message.
pub fn guarded<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text
            .or(panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        format!("internal error of Flambeau: {text}")
    })
}

/// A compiled function or a method without its receiver.
#[pyclass(name = "Function", module = "flambeau._flambeau", frozen)]
pub struct PyFunction(pub Arc<Function>);

pub fn inlined(py: Python<'_>, function: &Arc<Function>) -> PyResult<String> {
    let mut graph = function.graph().map_err(|e| error::define(py, &e))?.copy();
    passes::inline::run(&mut graph).map_err(|e| error::define(py, &e))?;
    Ok(graph.to_string())
}

#[pymethods]
impl PyFunction {
    #[getter]
    fn qualified_name(&self) -> String {
        self.0.name().to_string()
    }
    #[getter]
    fn name(&self) -> String {
        self.0.short_name().to_string()
    }
    /// Compiles now.
    fn compile(&self, py: Python<'_>) -> PyResult<()> {
        let made = py.detach(|| guarded(|| self.0.graph().map(|_| ())));
        made.map_err(error::plain)?.map_err(|e| error::define(py, &e))
    }
    #[getter]
    fn schema(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.0.schema().map_err(|e| error::define(py, &e))?.to_string())
    }
    #[getter]
    fn graph(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.0.graph().map_err(|e| error::define(py, &e))?.to_string())
    }
    #[getter]
    fn inlined_graph(&self, py: Python<'_>) -> PyResult<String> {
        inlined(py, &self.0)
    }
    #[getter]
    fn code(&self, py: Python<'_>) -> PyResult<String> {
        code::function_code(&self.0).map_err(|e| error::define(py, &e))
    }
    /// A method's code, and the tensors that it names.
    fn method_code<'py>(&self, py: Python<'py>) -> PyResult<(String, Bound<'py, PyAny>)> {
        let (text, constants) = code::method_code(&self.0).map_err(|e| error::define(py, &e))?;
        let torch = wants_torch(py, &Seen::default())?;
        let constants = constants
            .iter()
            .map(|c| to_python(py, c, torch))
            .collect::<PyResult<Vec<_>>>()?;
        Ok((text, PyList::new(py, constants)?.into_any()))
    }
    /// The parameters' names and whether they have defaults.
    fn parameters(&self, py: Python<'_>) -> PyResult<Vec<(String, bool)>> {
        let schema = self.0.schema().map_err(|e| error::define(py, &e))?;
        Ok(schema
            .arguments
            .iter()
            .map(|a| (a.name.to_string(), a.default.is_some()))
            .collect())
    }
    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        call(py, &self.0, None, args, kwargs)
    }
}

// ---- operators ----

fn run_op(op: &Arc<Op>, args: Vec<IValue>) -> Result<IValue, exec::Error> {
    exec::operator::call_operator(&runtime(), op, &args)
}

/// Calls the overload of an operator (`aten::add`) that fits the arguments.
#[pyfunction]
#[pyo3(signature = (name, args, kwargs = None))]
fn call_operator<'py>(
    py: Python<'py>,
    name: &str,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut seen = Seen::default();
    let (args, mut kwargs) = arguments(args, kwargs, &mut seen)?;
    let table = flambeau_ops::table();
    let overloads = match table.get(name) {
        Some(op) if name.rsplit("::").next().is_some_and(|n| n.contains('.')) => vec![op],
        _ => table.overloads(name),
    };
    // What NumPy's users write.
    if let Some((_, out)) = kwargs
        .iter()
        .position(|(k, v)| k == "out" && v.is_none())
        .map(|i| kwargs.swap_remove(i))
    {
        drop(out);
    }
    let mut complaints = Vec::new();
    let mut best: Option<(usize, Arc<Op>, Vec<IValue>)> = None;
    for op in &overloads {
        let tries = [Some(args.clone()), gathered(op, &args)];
        for given in tries.into_iter().flatten() {
            let gathering = usize::from(given.len() != args.len());
            let positional = op.schema().arguments.iter().filter(|a| !a.keyword_only).count();
            if given.len() > positional {
                complaints.push(format!(
                    "{}() takes {positional} positional arguments but {} were given. Declaration: {}",
                    op.full_name().rsplit("::").next().unwrap_or_default(),
                    given.len(),
                    op.schema()
                ));
                continue;
            }
            match bind(op.schema(), given.clone(), kwargs.clone()) {
                Ok(bound) => {
                    let far = 4 * distance(op, &bound) + gathering + if op.is_runnable() { 0 } else { 1000 };
                    if best.as_ref().is_none_or(|(have, ..)| far < *have) {
                        best = Some((far, op.clone(), bound));
                    }
                }
                Err(why) => complaints.push(why),
            }
        }
    }
    let Some((_, op, bound)) = best else {
        if overloads.is_empty() {
            return Err(error::exception(
                py,
                "AttributeError",
                &format!("no operator is called `{name}`"),
            ));
        }
        let first = complaints.first().cloned().unwrap_or_default();
        let schemas: Vec<String> = overloads.iter().map(|o| format!("  {}", o.text())).collect();
        let message = match overloads.len() {
            1 => first,
            _ => format!(
                "{name}: no overload takes these arguments; there are\n{}\nthe first one: {first}",
                schemas.join("\n")
            ),
        };
        return Err(error::exception(py, "TypeError", &message));
    };
    let result = py
        .detach(|| guarded(|| run_op(&op, bound)))
        .map_err(error::plain)?;
    let value = result.map_err(|e| match e.kind() {
        exec::ErrorKind::Operator(kind) => {
            let inner = flambeau_tensor::Error::new(*kind, e.message());
            error::operator(py, &inner)
        }
        _ => error::run(py, &e),
    })?;
    // A function of this package: PyTorch's tensors come out only where they went in.
    to_python(py, &value, seen.other && !seen.own)
}

/// Whether the table has operators of this name, and whether one can run.
#[pyfunction]
fn has_operator(name: &str) -> bool {
    flambeau_ops::table().contains(name)
}

/// The names of all operators, and for each whether its first argument is called `self`.
#[pyfunction]
fn operators() -> Vec<(String, String)> {
    flambeau_ops::table()
        .all()
        .iter()
        .map(|op| (op.full_name().to_string(), op.text().to_string()))
        .collect()
}

#[pyfunction]
fn new_generator() -> crate::value::PyValue {
    crate::value::PyValue(IValue::Generator(Arc::new(Mutex::new(
        flambeau_tensor::random::Generator::default(),
    ))))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyFunction>()?;
    m.add_function(wrap_pyfunction!(manual_seed, m)?)?;
    m.add_function(wrap_pyfunction!(call_operator, m)?)?;
    m.add_function(wrap_pyfunction!(has_operator, m)?)?;
    m.add_function(wrap_pyfunction!(operators, m)?)?;
    m.add_function(wrap_pyfunction!(new_generator, m)?)
}
