//! Archives of all ages and places, loaded and run. The fixtures and the scripts that made them are in `../fixtures`.

mod devices;
mod features;
mod memory;
mod old_formats;
mod threads;
mod versions;

use std::path::PathBuf;

use flambeau::{DType, IValue, Module, Tensor};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn load(name: &str) -> Module {
    Module::load(fixture(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn floats(values: &[f32], sizes: &[i64]) -> IValue {
    IValue::from(Tensor::from_slice(values, sizes).unwrap())
}

/// A tensor's dtype and numbers.
#[track_caller]
fn check(found: &IValue, dtype: DType, expected: &[f64]) {
    let tensor = found
        .as_tensor()
        .unwrap_or_else(|| panic!("expected a tensor, found {found:?}"));
    let values: Vec<f64> = tensor.to_scalars().unwrap().iter().map(|s| s.to_f64()).collect();
    assert_eq!((tensor.dtype(), &*values), (dtype, expected));
}
