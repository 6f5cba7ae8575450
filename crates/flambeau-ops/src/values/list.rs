//! Lists.

use std::cmp::Ordering;

use flambeau_ir::ops::{Context, Rows};
use flambeau_ir::types::Type;
use flambeau_ir::value::{IValue, List};
use flambeau_tensor::{Error, ErrorKind, Result};

use super::{each, error};

pub fn declare(ops: &mut Rows) {
    access(ops);
    change(ops);
    join(ops);
    search(ops);
    sort(ops);
    reduce(ops);
}

fn out_of_range() -> Error {
    Error::new(ErrorKind::Index, "list index out of range")
}

/// A Python index, from either end, as a place.
fn place(index: i64, size: usize) -> Result<usize> {
    let size = size as i64;
    let place = if index < 0 {
        index.wrapping_add(size)
    } else {
        index
    };
    if (0..size).contains(&place) {
        Ok(place as usize)
    } else {
        Err(out_of_range())
    }
}

/// The places that a Python slice takes. The step is not zero.
pub fn slice_indices(
    size: usize,
    start: Option<i64>,
    end: Option<i64>,
    step: i64,
) -> impl Iterator<Item = usize> {
    let size = size as i64;
    // For a negative step, no start is the last item, and no end is before the first.
    let (low, high) = if step < 0 { (-1, size - 1) } else { (0, size) };
    let clamp = |bound: i64| {
        let bound = if bound < 0 {
            bound.saturating_add(size)
        } else {
            bound
        };
        bound.clamp(low, high)
    };
    // Backwards, an end that is not given is the wildcard that PyTorch writes as the largest int.
    let start = match start {
        Some(i64::MAX) | None if step < 0 => high,
        None => low,
        Some(s) => clamp(s),
    };
    let end = match end {
        Some(i64::MAX) | None if step < 0 => low,
        None => high,
        Some(e) => clamp(e),
    };
    let count = if step > 0 && start < end {
        (end - start - 1) / step + 1
    } else if step < 0 && end < start {
        (start - end - 1) / step.unsigned_abs().min(i64::MAX as u64) as i64 + 1
    } else {
        0
    };
    (0..count).map(move |i| (start + i * step) as usize)
}

fn like(list: &List, items: Vec<IValue>) -> List {
    List::new(list.element_type().clone(), items)
}

fn access(ops: &mut Rows) {
    each(
        ops,
        "The number of items.",
        &["aten::len.t(t[] a) -> int", "aten::len.any(Any[] a) -> int"],
        |a: List| a.len() as i64,
    );
    each(
        ops,
        "The item at a place, which may count from the end.",
        &[
            "aten::__getitem__.t(t[](a) list, int idx) -> t(*)",
            "aten::select.t(t[](a) list, int idx) -> t(*)",
        ],
        |list: List, index: i64| -> Result<IValue> {
            let items = list.read();
            Ok(items[place(index, items.len())?].clone())
        },
    );
    ops.op("aten::slice.t(t[] l, int? start=None, int? end=None, int step=1) -> t[]")
        .doc("The items from `start` to `end`.")
        .kernel(|l: List, start: Option<i64>, end: Option<i64>, step: i64| {
            if step == 0 {
                return Err(error("List slice should have non-zero step"));
            }
            let items = l.read();
            let picked = slice_indices(items.len(), start, end, step)
                .map(|i| items[i].clone())
                .collect();
            Ok(like(&l, picked))
        });
    each(
        ops,
        "A new list of the same items.",
        &["aten::list.t(t[] l) -> t[]", "aten::copy.t(t[](a) self) -> t[]"],
        |l: List| like(&l, l.to_vec()),
    );
    ops.op("prim::rangelist(int n) -> int[]")
        .doc("The ints below `n`.")
        .kernel(|n: i64| {
            let mut items = room(n.max(0))?;
            items.extend(0..n);
            Ok(items)
        });
}

/// The place where `insert` puts an item: never an error.
fn gap(index: i64, size: usize) -> usize {
    let size = size as i64;
    let place = if index < 0 {
        index.saturating_add(size)
    } else {
        index
    };
    place.clamp(0, size) as usize
}

fn change(ops: &mut Rows) {
    ops.op("aten::append.t(t[](a!) self, t(c -> *) el) -> t[](a!)")
        .doc("Adds an item at the end.")
        .kernel(|l: List, el: IValue| {
            l.write().push(el);
            l
        });
    ops.op("aten::extend.t(t[](a!) self, t[] other) -> ()")
        .doc("Adds the other list's items at the end.")
        .kernel(|l: List, other: List| {
            let more = other.to_vec();
            l.write().extend(more);
        });
    ops.op("aten::insert.t(t[](a!) self, int idx, t(b -> *) el) -> ()")
        .doc("Puts an item before the place.")
        .kernel(|l: List, idx: i64, el: IValue| {
            let mut items = l.write();
            let at = gap(idx, items.len());
            items.insert(at, el);
        });
    ops.op("aten::_set_item.t(t[](a!) l, int idx, t(b -> *) el) -> t[](a!)")
        .doc("Replaces an item.")
        .kernel(|l: List, idx: i64, el: IValue| -> Result<List> {
            let mut items = l.write();
            let at = place(idx, items.len())?;
            // The old item is dropped after the lock is free: it may be the last handle of this very list.
            let old = std::mem::replace(&mut items[at], el);
            drop(items);
            drop(old);
            Ok(l)
        });
    ops.op("aten::Delete.t(t[](a!) self, int idx) -> ()")
        .doc("Removes the item at a place.")
        .kernel(|l: List, idx: i64| -> Result<()> {
            let mut items = l.write();
            if items.is_empty() {
                return Err(Error::new(ErrorKind::Index, "pop index out of range"));
            }
            let at = place(idx, items.len())?;
            let old = items.remove(at);
            drop(items);
            drop(old);
            Ok(())
        });
    ops.op("aten::pop.t(t[](a!) self, int idx=-1) -> t(*)")
        .doc("Removes and gives the item at a place.")
        .kernel(|l: List, idx: i64| {
            let mut items = l.write();
            if items.is_empty() {
                return Err(Error::new(ErrorKind::Index, "pop from empty list"));
            }
            let at = place(idx, items.len())?;
            Ok(items.remove(at))
        });
    ops.op("aten::clear.t(t[](a!) self) -> ()")
        .doc("Removes all items.")
        .kernel(|l: List| {
            let old = std::mem::take(&mut *l.write());
            drop(old);
        });
    ops.op("aten::reverse.t(t[](a!) self) -> ()")
        .doc("Reverses the order.")
        .kernel(|l: List| l.write().reverse());
    each(
        ops,
        "Removes the first item equal to `el`.",
        &[
            "aten::remove.int(int[](a!) self, int el) -> ()",
            "aten::remove.float(float[](a!) self, float el) -> ()",
            "aten::remove.bool(bool[](a!) self, bool el) -> ()",
            "aten::remove.str(str[](a!) self, str el) -> ()",
        ],
        |l: List, el: IValue| {
            let mut items = l.write();
            match items.iter().position(|i| *i == el) {
                Some(at) => {
                    items.remove(at);
                    Ok(())
                }
                None => Err(error("list.remove(x): x not in list")),
            }
        },
    );
    ops.op("aten::remove.Tensor(Tensor[](a!) self, Tensor el) -> ()")
        .doc("Removes the first tensor whose elements are equal.")
        .kernel(|l: List, el: IValue| -> Result<()> {
            let found = tensor_place(&l, &el)?.ok_or_else(|| error("list.remove(x): x not in list"))?;
            l.write().remove(found);
            Ok(())
        });
}

/// Where a tensor with the elements of `el` stands.
fn tensor_place(l: &List, el: &IValue) -> Result<Option<usize>> {
    let el = el.as_tensor().ok_or_else(|| error("expected a tensor"))?;
    for (i, item) in l.to_vec().iter().enumerate() {
        let Some(item) = item.as_tensor() else { continue };
        if item.is_same(el) || item.sizes() == el.sizes() && item.to_scalars()? == el.to_scalars()? {
            return Ok(Some(i));
        }
    }
    Ok(None)
}

/// An empty list with room for `n` items, if there is memory for them.
fn room<T>(n: i64) -> Result<Vec<T>> {
    let mut items = Vec::new();
    match usize::try_from(n).map(|n| items.try_reserve_exact(n)) {
        Ok(Ok(())) => Ok(items),
        _ => Err(error(format!("not enough memory for a list of {n} items"))),
    }
}

/// The list repeated; its length is checked before any memory is taken.
fn repeated(l: &List, n: i64) -> Result<Vec<IValue>> {
    let items = l.to_vec();
    if n < 0 && !items.is_empty() {
        return Err(error("vector::reserve"));
    }
    let total = (items.len() as i64).saturating_mul(n.max(0));
    let mut out = room(total)?;
    if total == 0 {
        return Ok(out);
    }
    for _ in 0..n {
        out.extend_from_slice(&items);
    }
    Ok(out)
}

fn join(ops: &mut Rows) {
    ops.op("aten::add.t(t[] a, t[] b) -> t[]")
        .doc("Both lists joined.")
        .kernel(|a: List, b: List| {
            let mut items = a.to_vec();
            items.extend(b.to_vec());
            like(&a, items)
        });
    ops.op("aten::add_.t(t[](a!) self, t[] b) -> t[]")
        .doc("Adds the other list's items at the end.")
        .kernel(|a: List, b: List| {
            let more = b.to_vec();
            a.write().extend(more);
            a
        });
    let doc = "The list repeated.";
    ops.op("aten::mul.left_t(t[] l, int n) -> t[]")
        .doc(doc)
        .kernel(|l: List, n: i64| -> Result<List> { Ok(like(&l, repeated(&l, n)?)) });
    ops.op("aten::mul.right_(int n, t[] l) -> t[]")
        .doc(doc)
        .kernel(|n: i64, l: List| -> Result<List> { Ok(like(&l, repeated(&l, n)?)) });
    ops.op("aten::mul_.t(t[](a!) l, int n) -> t[](a!)")
        .doc("Repeats the list in place.")
        .kernel(|l: List, n: i64| -> Result<List> {
            let items = repeated(&l, n)?;
            *l.write() = items;
            Ok(l)
        });
}

fn search(ops: &mut Rows) {
    each(
        ops,
        "How many items are equal to `el`.",
        &[
            "aten::count.int(int[] self, int el) -> int",
            "aten::count.float(float[] self, float el) -> int",
            "aten::count.bool(bool[] self, bool el) -> int",
            "aten::count.str(str[] self, str el) -> int",
        ],
        |l: List, el: IValue| l.read().iter().filter(|i| **i == el).count() as i64,
    );
    each(
        ops,
        "Where the first item equal to `el` stands.",
        &[
            "aten::index.list_int(int[] self, int el) -> int",
            "aten::index.list_float(float[] self, float el) -> int",
            "aten::index.list_bool(bool[] self, bool el) -> int",
            "aten::index.list_str(str[] self, str el) -> int",
        ],
        |l: List, el: IValue| {
            let found = l.read().iter().position(|i| *i == el);
            found
                .map(|p| p as i64)
                .ok_or_else(|| Error::new(ErrorKind::Value, format!("'{}' is not in list", super::text(&el))))
        },
    );
    ops.op("aten::index.list_Tensor(Tensor[] self, Tensor el) -> int")
        .doc("Where the first tensor with equal elements stands.")
        .kernel(|l: List, el: IValue| {
            let found = tensor_place(&l, &el)?;
            found
                .map(|p| p as i64)
                .ok_or_else(|| Error::new(ErrorKind::Value, "the tensor is not in list"))
        });
    ops.op("aten::count.Tensor(Tensor[] self, Tensor el) -> int")
        .doc("How many tensors have equal elements.")
        .kernel(|l: List, el: IValue| -> Result<i64> {
            let mut count = 0;
            for item in l.to_vec() {
                let one = List::new(Type::TENSOR, vec![item]);
                count += tensor_place(&one, &el)?.is_some() as i64;
            }
            Ok(count)
        });
    each(
        ops,
        "Whether an item is equal to `item`.",
        &[
            "aten::__contains__.int_list(int[] l, int item) -> bool",
            "aten::__contains__.str_list(str[] l, str item) -> bool",
            "aten::__contains__.float_list(float[] l, float item) -> bool",
        ],
        |l: List, item: IValue| l.read().contains(&item),
    );
}

/// The order of two values; NaNs come last, so that sorting ends whatever the numbers are.
fn order(a: &IValue, b: &IValue) -> Result<Ordering> {
    Ok(match (a, b) {
        (IValue::Int(a), IValue::Int(b)) => a.cmp(b),
        (IValue::Bool(a), IValue::Bool(b)) => a.cmp(b),
        (IValue::Str(a), IValue::Str(b)) => a.as_bytes().cmp(b.as_bytes()),
        (IValue::Double(a), IValue::Double(b)) => {
            a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
        }
        (IValue::Tensor(a), IValue::Tensor(b)) => {
            let (a, b) = (
                super::convert::tensor_to_float(a)?,
                super::convert::tensor_to_float(b)?,
            );
            order(&IValue::Double(a), &IValue::Double(b))?
        }
        (IValue::Tuple(a), IValue::Tuple(b)) => {
            for (a, b) in a.items.iter().zip(&b.items) {
                let order = order(a, b)?;
                if order != Ordering::Equal {
                    return Ok(order);
                }
            }
            a.items.len().cmp(&b.items.len())
        }
        (a, _) => {
            return Err(error(format!(
                "Only list of Tensors, ints, floats, bools, strs, a User Defined Class that defines the __lt__ compare \
                 method or Tuples of aforementioned types can be sorted, got list of {}",
                a.type_name()
            )));
        }
    })
}

/// A stable sort that reports the first pair it cannot compare.
fn sorted(mut items: Vec<IValue>, reverse: bool) -> Result<Vec<IValue>> {
    // One item alone must be sortable too.
    if let [only] = &items[..] {
        order(only, only)?;
    }
    let mut failed = None;
    items.sort_by(|a, b| {
        let (a, b) = if reverse { (b, a) } else { (a, b) };
        order(a, b).unwrap_or_else(|e| {
            failed.get_or_insert(e);
            Ordering::Equal
        })
    });
    failed.map_or(Ok(items), Err)
}

fn sort(ops: &mut Rows) {
    each(
        ops,
        "Sorts the list in place.",
        &[
            "aten::sort.int(int[](a!) self, bool reverse=False) -> ()",
            "aten::sort.float(float[](a!) self, bool reverse=False) -> ()",
            "aten::sort.Tensor(Tensor[](a!) self, bool reverse=False) -> ()",
            "aten::sort.bool(bool[](a!) self, bool reverse=False) -> ()",
            "aten::sort.str(str[](a!) self, bool reverse=False) -> ()",
            "aten::sort.any(t[](a!) self, bool reverse=False) -> ()",
        ],
        |l: List, reverse: bool| -> Result<()> {
            let items = sorted(l.to_vec(), reverse)?;
            *l.write() = items;
            Ok(())
        },
    );
    each(
        ops,
        "The items in order.",
        &[
            "aten::sorted.int(int[](a) input) -> int[]",
            "aten::sorted.float(float[](a) input) -> float[]",
            "aten::sorted.Tensor(Tensor[](a) input) -> Tensor[]",
            "aten::sorted.bool(bool[](a) input) -> bool[]",
            "aten::sorted.str(str[](a) input) -> str[]",
            "aten::sorted.any(t[](a) self) -> t[]",
        ],
        |l: List| -> Result<List> { Ok(like(&l, sorted(l.to_vec(), false)?)) },
    );
}

/// The first extreme item: a NaN that comes first stays, as each comparison with it is false.
fn extreme(l: &List, name: &str, least: bool) -> Result<IValue> {
    let items = l.to_vec();
    let mut items = items.into_iter();
    let Some(mut best) = items.next() else {
        return Err(error(format!("{name}() arg is an empty sequence")));
    };
    for item in items {
        let better = match (&item, &best) {
            (IValue::Double(a), IValue::Double(b)) => {
                if least {
                    a < b
                } else {
                    a > b
                }
            }
            (a, b) => order(a, b)? == if least { Ordering::Less } else { Ordering::Greater },
        };
        if better {
            best = item;
        }
    }
    Ok(best)
}

fn greater_list(a: &List, b: &List) -> bool {
    let (x, y) = (a.to_vec(), b.to_vec());
    for (x, y) in x.iter().zip(&y) {
        if let Ok(Ordering::Greater) = order(x, y) {
            return true;
        }
        if x != y {
            return false;
        }
    }
    x.len() > y.len()
}

fn reduce(ops: &mut Rows) {
    each(
        ops,
        "The greatest item.",
        &[
            "prim::max.self_int(int[] self) -> int",
            "prim::max.self_float(float[] self) -> float",
            "prim::max.self_bool(bool[] self) -> bool",
        ],
        |l: List| extreme(&l, "max", false),
    );
    each(
        ops,
        "The least item.",
        &[
            "prim::min.self_int(int[] self) -> int",
            "prim::min.self_float(float[] self) -> float",
            "prim::min.self_bool(bool[] self) -> bool",
        ],
        |l: List| extreme(&l, "min", true),
    );
    each(
        ops,
        "The later of two lists in the order of a dictionary.",
        &[
            "prim::max.int_list(int[] l, int[] r) -> int[]",
            "prim::max.float_list(float[] l, float[] r) -> float[]",
            "prim::max.bool_list(bool[] l, bool[] r) -> bool[]",
        ],
        |l: List, r: List| if greater_list(&l, &r) { l } else { r },
    );
    each(
        ops,
        "The earlier of two lists in the order of a dictionary.",
        &[
            "prim::min.int_list(int[] l, int[] r) -> int[]",
            "prim::min.float_list(float[] l, float[] r) -> float[]",
            "prim::min.bool_list(bool[] l, bool[] r) -> bool[]",
        ],
        |l: List, r: List| if greater_list(&r, &l) { l } else { r },
    );
    ops.op("aten::sum.int(int[] self) -> int")
        .doc("The sum of the items.")
        .kernel(|l: Vec<i64>| l.iter().fold(0i64, |s, i| s.wrapping_add(*i)));
    ops.op("aten::sum.float(float[] self) -> float")
        .doc("The sum of the items.")
        .kernel(|l: Vec<f64>| l.iter().fold(0.0, |s, f| s + f));
    ops.op("aten::sum.bool(bool[] self) -> int")
        .doc("How many items are true.")
        .kernel(|l: Vec<bool>| l.iter().filter(|b| **b).count() as i64);
    ops.op("aten::sum.complex(complex[] self) -> complex")
        .doc("The sum of the items.")
        .kernel(
            |_: &Context, args: &[IValue]| -> Result<flambeau_tensor::Complex<f64>> {
                let list = args
                    .first()
                    .and_then(IValue::as_list)
                    .ok_or_else(|| error("expected a list"))?;
                Ok(list
                    .read()
                    .iter()
                    .filter_map(IValue::as_scalar)
                    .map(|s| s.to_complex())
                    .sum())
            },
        );
    each(
        ops,
        "Whether all items are true.",
        &[
            "aten::all.int(int[] self) -> bool",
            "aten::all.float(float[] self) -> bool",
            "aten::all.bool(bool[] self) -> bool",
        ],
        |l: List| l.read().iter().filter_map(IValue::as_scalar).all(|s| s.to_bool()),
    );
    each(
        ops,
        "Whether an item is true.",
        &[
            "aten::any.int(int[] self) -> bool",
            "aten::any.float(float[] self) -> bool",
            "aten::any.bool(bool[] self) -> bool",
        ],
        |l: List| l.read().iter().filter_map(IValue::as_scalar).any(|s| s.to_bool()),
    );
    ops.op("aten::any.str(str[] self) -> bool")
        .doc("Whether an item is not empty.")
        .kernel(|l: List| l.read().iter().any(|s| s.as_str().is_some_and(|s| !s.is_empty())));
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn slices() {
        type Case = (usize, Option<i64>, Option<i64>, i64, &'static [usize]);
        let cases: &[Case] = &[
            (3, Some(1), Some(9), 1, &[1, 2]),
            (3, Some(-2), Some(-1), 1, &[1]),
            (3, None, None, -1, &[2, 1, 0]),
            (4, Some(9), Some(0), -1, &[3, 2, 1]),
            (4, Some(2), Some(-9), -1, &[2, 1, 0]),
            (0, None, None, 1, &[]),
            (3, None, None, i64::MIN, &[2]),
            (3, None, None, i64::MAX, &[0]),
            (3, Some(i64::MIN), Some(i64::MAX), 2, &[0, 2]),
        ];
        for (size, start, end, step, expected) in cases {
            let made: Vec<usize> = slice_indices(*size, *start, *end, *step).collect();
            assert_eq!(made, *expected, "{size} {start:?} {end:?} {step}");
        }
    }
}
