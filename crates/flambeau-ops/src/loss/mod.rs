//! Losses and distances.

mod class;
mod ctc;
mod distance;
mod plain;

use flambeau_ir::ops::Rows;
use flambeau_tensor::{Result, Tensor};

use crate::calc;

pub fn declare(ops: &mut Rows) {
    plain::declare(ops);
    class::declare(ops);
    ctc::declare(ops);
    distance::declare(ops);
}

/// What becomes of the losses of all elements: 0 leaves them, 1 takes the mean, 2 the sum.
fn reduced(loss: Tensor, reduction: i64) -> Result<Tensor> {
    match reduction {
        1 => calc::mean(&loss),
        2 => calc::sum(&loss),
        _ => Ok(loss),
    }
}
