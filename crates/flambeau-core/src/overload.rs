//! What choosing an overload by values needs, where an operator is called by name and not by a compiled graph.

use flambeau_ir::ops::Op;
use flambeau_ir::types::Type;
use flambeau_ir::value::IValue;

/// How badly values fit a schema; 0 is best.
pub fn distance(op: &Op, args: &[IValue]) -> usize {
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
pub fn gathered(op: &Op, args: &[IValue]) -> Option<Vec<IValue>> {
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
