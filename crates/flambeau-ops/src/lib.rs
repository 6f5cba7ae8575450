//! The operator rows: one row an operator, one file a family.
//!
//! A row holds the schema letter for letter, the kernel and/or a decomposition in TorchScript, the
//! shape rule, documentation and examples. The kernels themselves are functions of
//! `flambeau-tensor`; a row is where the language meets them. In-place and `out` variants without
//! a row of their own are derived from the functional row.

#![forbid(unsafe_code)]

mod calc;
mod calculus;
mod composed;
mod derivatives;
mod factory;
mod fake_quantize;
mod fft;
mod foreach;
mod forms;
mod graph;
mod index;
mod linalg;
mod loss;
mod matmul;
mod nn;
mod pointwise;
mod random;
mod reduce;
mod shapes;
mod sort;
mod special;
mod values;
mod view;
mod vision;

use std::sync::LazyLock;

use flambeau_ir::ops::{OpTable, Rows};

/// All schemas known to PyTorch, whether Flambeau has a row for them or not.
static SCHEMAS: &str = include_str!("schemas.txt");

/// The families, in the order of the documentation.
const FAMILIES: &[fn(&mut Rows)] = &[
    values::declare,
    view::declare,
    vision::declare,
    factory::declare,
    pointwise::declare,
    reduce::declare,
    sort::declare,
    index::declare,
    matmul::declare,
    nn::declare,
    loss::declare,
    composed::declare,
    derivatives::declare,
    special::declare,
    linalg::declare,
    calculus::declare,
    fft::declare,
    random::declare,
    graph::declare,
    fake_quantize::declare,
    forms::declare,
    foreach::declare,
];

/// The one table of operators.
pub fn table() -> &'static OpTable {
    static TABLE: LazyLock<OpTable> = LazyLock::new(|| OpTable::new(SCHEMAS, rows()));
    &TABLE
}

/// The rows as declared, before variants are derived from them.
pub fn rows() -> Rows {
    let mut rows = Rows::default();
    for declare in FAMILIES {
        declare(&mut rows);
    }
    shapes::assign(&mut rows);
    rows
}
