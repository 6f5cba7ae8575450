//! Pointwise operators: each result element comes from the elements at the same place.

mod binary;
mod unary;
mod with_params;

use flambeau_ir::ops::Rows;

pub fn declare(ops: &mut Rows) {
    unary::declare(ops);
    binary::declare(ops);
    with_params::declare(ops);
}
