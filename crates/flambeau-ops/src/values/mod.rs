//! Operators on Python values: numbers, strings, lists, dicts. They need no tensor kernel, and they
//! mean what TorchScript means by them, which is not always what Python means.

mod arith;
mod compare;
mod convert;
mod dict;
mod format;
mod list;
mod math;
mod misc;
mod string;
mod tensor_info;

pub use format::text;
pub use tensor_info::memory_format;

use std::sync::Arc;

use flambeau_ir::ops::{IntoKernel, Rows};
use flambeau_tensor::{Error, ErrorKind};

pub fn declare(ops: &mut Rows) {
    arith::declare(ops);
    compare::declare(ops);
    convert::declare(ops);
    dict::declare(ops);
    format::declare(ops);
    list::declare(ops);
    math::declare(ops);
    misc::declare(ops);
    string::declare(ops);
    tensor_info::declare(ops);
}

/// Gives several overloads one kernel.
pub(crate) fn each<Args, K: IntoKernel<Args> + Copy>(
    ops: &mut Rows,
    doc: &'static str,
    schemas: &[&'static str],
    kernel: K,
) {
    for schema in schemas {
        ops.op(schema).doc(doc).kernel(kernel);
    }
}

pub(crate) fn error(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Runtime, message)
}

/// TorchScript strings are bytes. Where an operation cuts a character in two, the halves cannot be
/// kept, and each stands as the replacement character.
pub(crate) fn from_bytes(bytes: &[u8]) -> Arc<str> {
    String::from_utf8_lossy(bytes).into()
}
