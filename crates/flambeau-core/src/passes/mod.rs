//! Passes over graphs, one file each.
//!
//! [`PIPELINE`] is what every freshly compiled function goes through, in order. These passes decide what printed
//! graphs look like, so they follow PyTorch's step by step.

pub mod alias;
pub mod annotate_warns;
pub mod canonicalize_outputs;
pub mod closures;
pub mod constant_pooling;
pub mod constant_propagation;
pub mod dead_code;
pub mod erase_list_literals;
pub mod evaluate;
pub mod inline;
pub mod lower_simple_tuples;
pub mod normalize_ops;
pub mod peephole;

use flambeau_ir::ir::Graph;
use flambeau_ir::ops::OpTable;

use crate::lower::error::Result;

/// A step of the pipeline.
pub struct Pass {
    pub name: &'static str,
    pub run: fn(&mut Graph, &'static OpTable) -> Result<()>,
}

/// What a freshly compiled function goes through.
pub const PIPELINE: &[Pass] = &[
    Pass {
        name: "lift_closures",
        run: closures::lift,
    },
    Pass {
        name: "inline_forked_closures",
        run: closures::inline_forked,
    },
    Pass {
        name: "erase_list_literals",
        run: |g, _| Ok(erase_list_literals::run(g)),
    },
    Pass {
        name: "lower_simple_tuples",
        run: |g, _| Ok(lower_simple_tuples::run(g)),
    },
    Pass {
        name: "constant_propagation",
        run: |g, _| Ok(constant_propagation::run_immutable(g)),
    },
    Pass {
        name: "constant_pooling",
        run: |g, _| Ok(constant_pooling::run(g)),
    },
    Pass {
        name: "canonicalize_outputs",
        run: |g, _| Ok(canonicalize_outputs::run(g)),
    },
    Pass {
        name: "annotate_warns",
        run: |g, _| Ok(annotate_warns::run(g)),
    },
];

/// Runs [`PIPELINE`].
pub fn cleanup(g: &mut Graph, table: &'static OpTable) -> Result<()> {
    for pass in PIPELINE {
        (pass.run)(g, table)?;
        g.debug_verify(pass.name);
    }
    Ok(())
}
