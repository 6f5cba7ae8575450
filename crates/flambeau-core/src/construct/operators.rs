//! Operators called by name with values instead of from a graph: the overload is chosen by the values.

use std::sync::Arc;

use flambeau_ir::ops::{Op, OpTable};
use flambeau_ir::value::IValue;

use crate::bind::bind;
use crate::exec::{self, Runtime};
use crate::overload::{distance, gathered};

/// Calls the overload of an operator (`aten::add`) that fits best.
pub fn call(
    table: &'static OpTable,
    runtime: &Arc<Runtime>,
    name: &str,
    args: &[IValue],
    kwargs: &[(String, IValue)],
) -> Result<IValue, String> {
    let overloads = table.overloads(name);
    let mut complaint = None;
    let mut best: Option<(usize, &Arc<Op>, Vec<IValue>)> = None;
    for op in &overloads {
        for given in [Some(args.to_vec()), gathered(op, args)].into_iter().flatten() {
            let gathering = usize::from(given.len() != args.len());
            let positional = op.schema().arguments.iter().filter(|a| !a.keyword_only).count();
            if given.len() > positional {
                continue;
            }
            match bind(op.schema(), given, kwargs.to_vec()) {
                Ok(bound) => {
                    let missing = if op.is_runnable() { 0 } else { 1000 };
                    let far = 4 * distance(op, &bound) + gathering + missing;
                    if best.as_ref().is_none_or(|(have, ..)| far < *have) {
                        best = Some((far, op, bound));
                    }
                }
                Err(why) => complaint = complaint.or(Some(why)),
            }
        }
    }
    match best {
        Some((_, op, bound)) => {
            exec::operator::call_operator(runtime, op, &bound).map_err(|e| e.message().to_string())
        }
        None => Err(complaint.unwrap_or_else(|| format!("no operator is called `{name}`"))),
    }
}
