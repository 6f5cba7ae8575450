//! Building `nn.Module`s from a program's text without Python.
//!
//! A module class's `__init__` is run here by a small evaluator of Python ([`expr`], [`stmt`], [`call`]); the layers of
//! `torch.nn` are written in the same Python (`nn/*.py`), so that they are run and compiled like the program's own
//! classes. What comes out is described to the compiler ([`describe`]) as a shell in Python would do it.
//!
//! It stops at what TorchScript's own syntax lacks (lambdas, sets, `try`), at other libraries, and at files: those are
//! errors that say so.

mod builtins;
mod call;
mod describe;
mod expr;
mod infer;
mod library;
mod methods;
mod modules;
mod natives;
mod operators;
mod stmt;
mod value;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use flambeau_ir::function::Function;
use flambeau_ir::ops::{Context, OpTable};
use flambeau_syntax::{self as ast, SourceFile, Span};

use crate::exec::{Budget, Runtime};
use crate::lower::error::{CompileError, ErrorKind, Result, Text};
use crate::lower::module::ConcreteModule;
use crate::lower::program::Program;
use crate::module::Module;

use value::{Class, Value};

/// Steps that one entry may take; a loop that does not end is an error.
const MAX_STEPS: u64 = 20_000_000;
/// Calls inside of calls, as Python's own limit.
const MAX_DEPTH: usize = 400;

/// What an entry of a program stands for.
pub enum Entry {
    Function(Arc<Function>),
    Module(Module),
}

/// Compiles what an expression over a program's names stands for: the name of a function, `M(3)`, or the name of a
/// module class, which is then called without arguments. `seed` is that of the random numbers in new parameters.
pub fn entry(program: &Arc<Program>, expression: &str, seed: u64) -> Result<Entry> {
    if program.is_function(expression) {
        return program.script(expression).map(Entry::Function);
    }
    let file = Arc::new(SourceFile::new("<entry>", expression));
    let (parsed, problems) = ast::parse_expression(&file);
    let text = Text::of_file(file);
    let (Some(parsed), None) = (parsed, problems.first()) else {
        let problem = problems.into_iter().next();
        let message = problem
            .as_ref()
            .map_or("expected an expression".into(), |p| p.message.clone());
        let mut error = CompileError::new(ErrorKind::Syntax, message);
        error.place = problem.and_then(|p| p.primary).map(|p| (text, p.span));
        return Err(error);
    };
    let mut builder = Builder::new(program.table(), seed);
    let mut frame = Frame::top(program, &text);
    let mut value = builder.eval(&mut frame, &parsed)?;
    if let Value::Class(_) = &value {
        value = builder.call(&mut frame, value, Vec::new(), Vec::new(), parsed.span)?;
    }
    match value {
        Value::Instance(instance) => Ok(Entry::Module(builder.script(&instance)?)),
        Value::Function(function) => program.script(&function.def.name.name).map(Entry::Function),
        other => Err(CompileError::at(
            ErrorKind::Type,
            &text,
            parsed.span,
            format!(
                "expected a function or a module to compile, found a value of type {}",
                other.type_name()
            ),
        )),
    }
}

/// Runs Python and collects what it builds.
struct Builder {
    table: &'static OpTable,
    runtime: Arc<Runtime>,
    /// Module-level names that were evaluated, by the program's address.
    globals: HashMap<(usize, String), Value>,
    /// `torch.nn.Module`
    module: Rc<Class>,
    steps: u64,
    depth: usize,
    /// Compiled types with what they were made from.
    known: Vec<(Rc<Class>, describe::Key, Arc<ConcreteModule>)>,
    names: Vec<String>,
    mangled: usize,
}

/// Where evaluation is: a program, and the local names of a function in it.
struct Frame {
    program: Arc<Program>,
    text: Arc<Text>,
    locals: HashMap<String, Value>,
    /// The class and the object of a method, for `super()`.
    owner: Option<Rc<Class>>,
    this: Option<Value>,
    /// Whether the function is PyTorch's and not the user's.
    is_library: bool,
}

impl Frame {
    fn top(program: &Arc<Program>, text: &Arc<Text>) -> Frame {
        Frame {
            program: program.clone(),
            text: text.clone(),
            locals: HashMap::new(),
            owner: None,
            this: None,
            is_library: false,
        }
    }

    fn fail<T>(&self, span: Span, message: impl Into<String>) -> Result<T> {
        self.raise(ErrorKind::Compile, span, message)
    }

    fn raise<T>(&self, kind: ErrorKind, span: Span, message: impl Into<String>) -> Result<T> {
        Err(CompileError::at(kind, &self.text, span, message))
    }

    /// A form that only Python can run.
    fn unsupported<T>(&self, span: Span, what: &str) -> Result<T> {
        let mut error = CompileError::at(
            ErrorKind::NotSupported,
            &self.text,
            span,
            format!("{what} cannot be run while modules are built without Python"),
        );
        error
            .hints
            .push("compile the module from Python, or write `__init__` with plain statements".into());
        Err(error)
    }
}

impl Builder {
    fn new(table: &'static OpTable, seed: u64) -> Builder {
        let context = Context::new();
        context.generator.lock().manual_seed(seed);
        let runtime = Arc::new(Runtime::new(context, Budget::default()));
        Builder {
            table,
            runtime,
            globals: HashMap::new(),
            module: library::module_class(table),
            steps: 0,
            depth: 0,
            known: Vec::new(),
            names: Vec::new(),
            mangled: 0,
        }
    }

    fn step(&mut self, frame: &Frame, span: Span) -> Result<()> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return frame.fail(span, "building the module takes too many steps");
        }
        Ok(())
    }
}
