//! Operators that are compositions of others.

mod diagonal;
mod embedding;
mod gather;
mod numeric;
mod product;
mod rearrange;
mod stack;

use flambeau_ir::ops::Rows;

pub fn declare(ops: &mut Rows) {
    stack::declare(ops);
    diagonal::declare(ops);
    product::declare(ops);
    numeric::declare(ops);
    rearrange::declare(ops);
    gather::declare(ops);
    embedding::declare(ops);
}
