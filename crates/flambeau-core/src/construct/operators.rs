//! Operators called by name with values instead of from a graph: the overload is chosen by the values.

use std::sync::Arc;

use flambeau_ir::ops::{Op, OpTable};
use flambeau_ir::types::Type;
use flambeau_ir::value::IValue;

use crate::bind::bind;
use crate::exec::{self, Runtime};

/// How badly given values fit a schema. Only used to choose among overloads.
fn distance(op: &Op, args: &[IValue]) -> usize {
    let exact = |value: &IValue, ty: &Type| match ty {
        Type::Number => matches!(
            value,
            IValue::Int(_) | IValue::Double(_) | IValue::Complex(_) | IValue::Bool(_)
        ),
        Type::Optional(_) => true,
        ty => value.ty().is_subtype_of(&ty.language_type()),
    };
    let pairs = args.iter().zip(&op.schema().arguments);
    pairs.filter(|(v, a)| !exact(v, &a.ty)).count()
}

/// `zeros(2, 3)` is `zeros([2, 3])`: trailing ints go into the list that the schema wants there.
fn gathered(op: &Op, args: &[IValue]) -> Option<Vec<IValue>> {
    let first_int = args.iter().position(|v| matches!(v, IValue::Int(_)))?;
    let is_ints = |ty: &Type| matches!(ty, Type::Int | Type::SymInt);
    let is_list = match &op.schema().arguments.get(first_int)?.ty {
        Type::List(e) => is_ints(e),
        Type::Optional(inner) => inner.list_element().is_some_and(is_ints),
        _ => false,
    };
    let ints: Option<Vec<i64>> = args[first_int..].iter().map(IValue::as_int).collect();
    let mut gathered = args[..first_int].to_vec();
    gathered.push(IValue::ints(ints.filter(|_| is_list)?));
    Some(gathered)
}

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
            exec::run::call_operator(runtime, op, &bound).map_err(|e| e.message().to_string())
        }
        None => Err(complaint.unwrap_or_else(|| format!("no operator is called `{name}`"))),
    }
}
