//! Calls of operators: through the row's kernel, or its script, which is compiled at the first call.

use std::sync::Arc;
use std::time::Instant;

use flambeau_ir::ops::Op;
use flambeau_ir::value::IValue;

use super::error::{Error, ErrorKind, Result};
use super::inner::nested;
use super::program::Program;
use super::program_of;
use super::runtime::Runtime;

/// Runs one operator outside of any program, through its kernel or its script.
pub fn call_operator(runtime: &Arc<Runtime>, op: &Arc<Op>, args: &[IValue]) -> Result<IValue> {
    call_row(runtime, op, args)
}

#[inline]
pub(super) fn call_row(runtime: &Arc<Runtime>, op: &Arc<Op>, args: &[IValue]) -> Result<IValue> {
    let Some(kernel) = &op.kernel else {
        if op.script.is_some() {
            return nested(runtime, &script_program(op)?, args.to_vec());
        }
        return Err(missing(op));
    };
    let Some(profile) = &runtime.profile else {
        return (kernel.run)(&runtime.context, args).map_err(Error::from);
    };
    let start = Instant::now();
    let result = (kernel.run)(&runtime.context, args).map_err(Error::from);
    let spent = start.elapsed();
    let mut profile = profile.lock();
    let entry = profile.entry(op.full_name().to_string()).or_default();
    entry.0 += 1;
    entry.1 += spent;
    result
}

#[cold]
pub(super) fn missing(op: &Op) -> Error {
    let message = if flambeau_ops::table().contains(op.name()) {
        format!("the operator `{}` is not supported yet", op.text())
    } else {
        format!(
            "Unknown builtin op: {}. The program calls it as `{}`; register it before the first call",
            op.name(),
            op.text()
        )
    };
    Error::new(ErrorKind::Unsupported, message)
}

/// The program of an operator's decomposition, compiled at its first call.
pub(super) fn script_program(op: &Arc<Op>) -> Result<Arc<Program>> {
    if let Some(function) = op.compiled.get() {
        return program_of(function);
    }
    let Some(script) = &op.script else {
        return Err(missing(op));
    };
    let functions = crate::lower::compile_native(script, flambeau_ops::table())
        .map_err(|error| Error::compile(Arc::from(error as Box<dyn std::error::Error + Send + Sync>)))?;
    let Some(function) = functions.into_iter().next_back() else {
        return Err(Error::internal("a script defines no function"));
    };
    program_of(op.compiled.get_or_init(|| function))
}
