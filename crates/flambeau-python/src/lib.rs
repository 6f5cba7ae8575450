//! The Rust half of the Python package: handles on tensors, types, functions, modules and objects, and the
//! conversions between Python values and [`IValue`](flambeau_ir::value::IValue)s.
//!
//! What needs Python's own introspection (reading functions' sources and scopes, walking `nn.Module`s) is written in
//! Python, in `python/flambeau`; it hands plain descriptions to the functions here.

mod call;
mod containers;
mod error;
mod module;
mod script;
mod tensor;
mod types;
mod value;

use pyo3::prelude::*;

#[pymodule]
fn _flambeau(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    error::register(m)?;
    tensor::register(m)?;
    types::register(m)?;
    value::register(m)?;
    containers::register(m)?;
    call::register(m)?;
    script::register(m)?;
    module::register(m)
}
