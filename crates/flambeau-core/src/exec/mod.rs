//! Execution: graphs become flat register programs, and programs run.
//!
//! [`build`] turns a graph into a [`Program`](program::Program), [`run`] interprets it, [`operator`] calls
//! what is no node of the language, [`error`] is what a failing
//! program reports, [`fork`] bounds the threads of forked calls. Which operators exist is none of its business: their
//! rows run through `(kernel.run)(…)`.

pub mod build;
pub mod error;
mod fork;
mod inner;
mod liveness;
pub mod operator;
pub mod program;
pub mod run;
mod runtime;
mod scalar;
mod structural;

pub use error::{Error, ErrorKind, Result, TraceFrame};
pub use program::Program;
pub use runtime::{Budget, Runtime};

use std::sync::Arc;

use flambeau_ir::function::Function;
use flambeau_ir::value::IValue;

/// The program of a function, built when it is first called.
pub fn program_of(function: &Arc<Function>) -> Result<Arc<Program>> {
    if let Some(program) = function.program.get() {
        return program
            .clone()
            .downcast::<Program>()
            .map_err(|_| Error::internal("a function's program is of another kind"));
    }
    let graph = function.graph().map_err(Error::compile)?;
    let program = Arc::new(build::build(graph, function.short_name()));
    let kept = function.program.get_or_init(|| program).clone();
    kept.downcast::<Program>()
        .map_err(|_| Error::internal("a function's program is of another kind"))
}

fn method_of(object: Option<&IValue>, name: &str) -> Result<Arc<Program>> {
    let Some(IValue::Object(object)) = object else {
        return Err(structural::expected("an object", object.unwrap_or(&IValue::None)));
    };
    let method = object
        .class()
        .method(name)
        .ok_or_else(|| Error::runtime(format!("`{}` has no method '{name}'", object.class().name)))?;
    program_of(&method)
}
