//! Matrix products over strided slices: packed tiles, skinny shapes, fused finishing.
//!
//! `C = A·B` with C row-major. The columns of C lie along the registers. A product is cut into tasks of whole K, so
//! that neither the number of threads nor the cut shows in the result; the order of summation depends on the shape and
//! the strides only.

pub mod choose;
pub mod drive;
pub mod pack;
pub mod skinny;
pub mod tile;

pub use drive::{Columns, Fill, Finish, Product, Rows, multiply};
pub use pack::{Matrix, RowPanels, panel_rows, panel_width};

#[cfg(test)]
mod tests;
