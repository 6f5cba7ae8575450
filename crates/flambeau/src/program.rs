//! Programs: TorchScript source texts, compiled without Python.

use std::path::Path;
use std::sync::Arc;

use flambeau_core::construct::{self, Entry};
use flambeau_core::lower::error::CompileError;
use flambeau_core::lower::program::Program as CoreProgram;
use flambeau_core::module::{self, call_function};
use flambeau_core::{code, passes};
use flambeau_ir::function::Function as CoreFunction;

use crate::{CallOptions, Error, ErrorKind, Graph, IValue, Module, Result, Schema, guarded};

/// Compiles a source text: functions, script classes, NamedTuples, enums, interfaces, and `nn.Module` classes.
///
/// The text is read and not run. What it decorates with `@torch.jit.script` is compiled now, in order; the rest when it
/// is asked for. The names of `torch`, `torch.nn`, `torch.nn.functional`, `math` and `typing` mean what they mean to
/// PyTorch.
///
/// ```
/// use flambeau::IValue;
///
/// # fn main() -> Result<(), flambeau::Error> {
/// let program = flambeau::compile(
///     "
/// from typing import List
///
/// def fib(n: int) -> List[int]:
///     found = [0, 1]
///     while len(found) < n:
///         found.append(found[-1] + found[-2])
///     return found
/// ",
/// )?;
/// let fib = program.function("fib")?;
/// assert_eq!(fib.call(&[IValue::Int(6)], &[])?, IValue::ints([0, 1, 1, 2, 3, 5]));
/// # Ok(())
/// # }
/// ```
///
/// Modules are built by an expression. Their `__init__` runs natively, with the layers of `torch.nn` and PyTorch's
/// starting values for a seed:
///
/// ```
/// use flambeau::{DType, IValue, Tensor};
///
/// # fn main() -> Result<(), flambeau::Error> {
/// let program = flambeau::compile(
///     "
/// import torch
/// from torch import nn
///
/// class Net(nn.Module):
///     def __init__(self, width: int):
///         super().__init__()
///         self.layers = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 2))
///
///     def forward(self, x):
///         return torch.softmax(self.layers(x), dim=-1)
/// ",
/// )?;
/// let net = program.module("Net(8)")?;
/// let scores = net.forward(&[IValue::from(Tensor::ones(&[3, 4], DType::Float)?)])?;
/// assert_eq!(scores.as_tensor().map(|t| t.sizes().to_vec()), Some(vec![3, 2]));
/// # Ok(())
/// # }
/// ```
pub fn compile(source: &str) -> Result<Program> {
    Program::parse(source, "<source>")
}

/// A source text whose functions and classes can be compiled.
#[derive(Clone)]
pub struct Program {
    inner: Arc<CoreProgram>,
    seed: u64,
}

fn failed(error: &CompileError) -> Error {
    Error {
        kind: ErrorKind::Compile,
        message: error.message.trim().to_string(),
        text: error.to_string().trim_start_matches('\n').to_string(),
        trace: Vec::new(),
        diagnostics: error.diagnostics(),
    }
}

impl Program {
    /// As [`compile`], with the name that messages and graphs call the text by.
    pub fn parse(source: &str, file: &str) -> Result<Program> {
        guarded(|| {
            let inner =
                CoreProgram::parse(source, file, "", flambeau_ops::table()).map_err(|e| failed(&e))?;
            inner.compile_decorated().map_err(|e| failed(&e))?;
            Ok(Program { inner, seed: 0 })
        })
    }

    /// Compiles a file.
    pub fn load(path: impl AsRef<Path>) -> Result<Program> {
        let path = path.as_ref();
        let source = std::fs::read_to_string(path)
            .map_err(|e| Error::new(ErrorKind::File, format!("cannot read {}: {e}", path.display())))?;
        Program::parse(&source, &path.to_string_lossy())
    }

    /// The seed of the starting values of modules' parameters, as `torch.manual_seed` takes it.
    pub fn with_seed(mut self, seed: u64) -> Program {
        self.seed = seed;
        self
    }

    /// Names of the functions and of the module classes that the text defines, in its order.
    pub fn names(&self) -> Vec<String> {
        self.inner.entries()
    }

    pub fn is_function(&self, name: &str) -> bool {
        self.inner.is_function(name)
    }

    /// Compiles a function.
    pub fn function(&self, name: &str) -> Result<Function> {
        guarded(|| {
            let inner = self.inner.script(name).map_err(|e| failed(&e))?;
            Ok(Function { inner })
        })
    }

    /// Builds and compiles a module: `Net(8)`, or the name of a class that takes no arguments. The name of a function
    /// gives a module whose `forward` is the function, as it is saved.
    pub fn module(&self, expression: &str) -> Result<Module> {
        guarded(|| {
            let entry = construct::entry(&self.inner, expression, self.seed).map_err(|e| failed(&e))?;
            match entry {
                Entry::Module(module) => Ok(Module::wrap(module)),
                Entry::Function(inner) => Function { inner }.to_module(),
            }
        })
    }

    /// Compiles every function and script class of the text, and gives all that is wrong with them.
    pub fn check(&self) -> Vec<Error> {
        let errors = guarded(|| Ok(self.inner.compile_all()));
        match errors {
            Ok(errors) => errors.iter().map(|e| failed(e)).collect(),
            Err(error) => vec![error],
        }
    }
}

/// A compiled function. Clones share it.
#[derive(Clone)]
pub struct Function {
    inner: Arc<CoreFunction>,
}

impl Function {
    pub fn name(&self) -> &str {
        self.inner.short_name()
    }
    /// Calls the function with positional and keyword arguments.
    pub fn call(&self, args: &[IValue], kwargs: &[(&str, IValue)]) -> Result<IValue> {
        self.call_with(args, kwargs, &CallOptions::default())
    }
    pub fn call_with(
        &self,
        args: &[IValue],
        kwargs: &[(&str, IValue)],
        options: &CallOptions,
    ) -> Result<IValue> {
        let runtime = Arc::new(options.runtime(None));
        let kwargs = kwargs.iter().map(|(k, v)| (k.to_string(), v.clone())).collect();
        guarded(|| Ok(call_function(&runtime, &self.inner, None, args.to_vec(), kwargs)?))
    }
    pub fn schema(&self) -> Result<Schema> {
        guarded(|| Ok(self.inner.schema()?.clone()))
    }
    /// The function as TorchScript source, as PyTorch prints it.
    pub fn code(&self) -> Result<String> {
        guarded(|| Ok(code::function_code(&self.inner)?))
    }
    pub fn graph(&self) -> Result<Arc<Graph>> {
        guarded(|| Ok(self.inner.graph()?.clone()))
    }
    /// The graph with the bodies of all calls in their place.
    pub fn inlined_graph(&self) -> Result<Graph> {
        guarded(|| {
            let mut graph = self.inner.graph()?.copy();
            passes::inline::run(&mut graph)?;
            Ok(graph)
        })
    }
    /// The module that PyTorch puts around a function to save it.
    pub fn to_module(&self) -> Result<Module> {
        guarded(|| Ok(Module::wrap(module::around(&self.inner)?)))
    }
}
