//! Operators of neural networks.

pub(crate) mod conv;
mod interpolate;
pub(crate) mod nested;
mod norm;
mod pool;
mod recurrent;
mod resample;
mod transformer;

use flambeau_ir::ops::Rows;

pub fn declare(ops: &mut Rows) {
    conv::declare(ops);
    pool::declare(ops);
    norm::declare(ops);
    recurrent::declare(ops);
    resample::declare(ops);
    transformer::declare(ops);
    interpolate::declare(ops);
    nested::declare(ops);
}
