//! Operators whose meaning changed after archives had been written. Code from before the change is compiled against the
//! old schema, and the body of its upgrader, TorchScript text in today's operators, goes where the call was.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use flambeau_ir::function::Function;
use flambeau_ir::ops::{Op, OpTable};
use flambeau_ir::schema::Schema;

use super::builtin_functions::compile_native;

/// One change: the overload, the first archive version with the new meaning, the schema before it, and the text.
struct Change {
    overload: &'static str,
    since: u64,
    schema: &'static str,
    script: &'static str,
}

/// Before version 4, division of integers dropped the fraction. Before 5, `full` made floats of ints and bools. Before
/// 8 and 9, `linspace` and `logspace` took 100 steps when told none.
const CHANGES: &[Change] = &[
    Change {
        overload: "aten::div.Tensor",
        since: 4,
        schema: "aten::div.Tensor(Tensor self, Tensor other) -> Tensor",
        script: "
def div(self: Tensor, other: Tensor) -> Tensor:
    if self.is_floating_point() or other.is_floating_point():
        return torch.true_divide(self, other)
    return torch.div(self, other, rounding_mode='trunc')
",
    },
    Change {
        overload: "aten::div.Scalar",
        since: 4,
        schema: "aten::div.Scalar(Tensor self, Scalar other) -> Tensor",
        script: "
def div(self: Tensor, other: number) -> Tensor:
    if self.is_floating_point() or isinstance(other, float):
        return torch.true_divide(self, other)
    return torch.div(self, other, rounding_mode='trunc')
",
    },
    Change {
        overload: "aten::div.out",
        since: 4,
        schema: "aten::div.out(Tensor self, Tensor other, *, Tensor(a!) out) -> Tensor(a!)",
        script: "
def div(self: Tensor, other: Tensor, *, out: Tensor) -> Tensor:
    if self.is_floating_point() or other.is_floating_point() or out.is_floating_point():
        return torch.true_divide(self, other, out=out)
    return torch.div(self, other, rounding_mode='trunc', out=out)
",
    },
    Change {
        overload: "aten::div_.Tensor",
        since: 4,
        schema: "aten::div_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)",
        script: "
def div_(self: Tensor, other: Tensor) -> Tensor:
    if self.is_floating_point() or other.is_floating_point():
        return self.true_divide_(other)
    return self.div_(other, rounding_mode='trunc')
",
    },
    Change {
        overload: "aten::div_.Scalar",
        since: 4,
        schema: "aten::div_.Scalar(Tensor(a!) self, Scalar other) -> Tensor(a!)",
        script: "
def div_(self: Tensor, other: number) -> Tensor:
    if self.is_floating_point() or isinstance(other, float):
        return self.true_divide_(other)
    return self.div_(other, rounding_mode='trunc')
",
    },
    Change {
        overload: "aten::full",
        since: 5,
        schema: "aten::full(int[] size, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
        script: "
def full(size: List[int], fill_value: number, *, dtype: Optional[int]=None, layout: Optional[int]=None, device: Optional[Device]=None, pin_memory: Optional[bool]=None) -> Tensor:
    if dtype is None:
        fill_value = float(fill_value)
    return torch.full(size, fill_value, dtype=dtype, layout=layout, device=device, pin_memory=pin_memory)
",
    },
    Change {
        overload: "aten::linspace",
        since: 8,
        schema: "aten::linspace(Scalar start, Scalar end, int? steps=None, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
        script: "
def linspace(start: Union[int, float, complex], end: Union[int, float, complex], steps: Optional[int], *, dtype: Optional[int], layout: Optional[int], device: Optional[Device], pin_memory: Optional[bool]) -> Tensor:
    if steps is None:
        return torch.linspace(start=start, end=end, steps=100, dtype=dtype, layout=layout, device=device, pin_memory=pin_memory)
    return torch.linspace(start=start, end=end, steps=steps, dtype=dtype, layout=layout, device=device, pin_memory=pin_memory)
",
    },
    Change {
        overload: "aten::linspace.out",
        since: 8,
        schema: "aten::linspace.out(Scalar start, Scalar end, int? steps=None, *, Tensor(a!) out) -> Tensor(a!)",
        script: "
def linspace(start: Union[int, float, complex], end: Union[int, float, complex], steps: Optional[int], *, out: Tensor) -> Tensor:
    if steps is None:
        return torch.linspace(start=start, end=end, steps=100, out=out)
    return torch.linspace(start=start, end=end, steps=steps, out=out)
",
    },
    Change {
        overload: "aten::logspace",
        since: 9,
        schema: "aten::logspace(Scalar start, Scalar end, int? steps=None, float base=10.0, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
        script: "
def logspace(start: Union[int, float, complex], end: Union[int, float, complex], steps: Optional[int], base: float, *, dtype: Optional[int], layout: Optional[int], device: Optional[Device], pin_memory: Optional[bool]) -> Tensor:
    if steps is None:
        return torch.logspace(start=start, end=end, steps=100, base=base, dtype=dtype, layout=layout, device=device, pin_memory=pin_memory)
    return torch.logspace(start=start, end=end, steps=steps, base=base, dtype=dtype, layout=layout, device=device, pin_memory=pin_memory)
",
    },
    Change {
        overload: "aten::logspace.out",
        since: 9,
        schema: "aten::logspace.out(Scalar start, Scalar end, int? steps=None, float base=10.0, *, Tensor(a!) out) -> Tensor(a!)",
        script: "
def logspace(start: Union[int, float, complex], end: Union[int, float, complex], steps: Optional[int], base: float, *, out: Tensor) -> Tensor:
    if steps is None:
        return torch.logspace(start=start, end=end, steps=100, base=base, out=out)
    return torch.logspace(start=start, end=end, steps=steps, base=base, out=out)
",
    },
];

pub(super) struct Upgrader {
    since: u64,
    /// What old code was compiled against.
    pub schema: Schema,
    pub function: Arc<Function>,
}

/// The upgrader of an overload for code of an archive version, if it needs one.
pub(super) fn find(overload: &str, version: u64, table: &'static OpTable) -> Option<&'static Upgrader> {
    // Most archives are newer than all changes or do not use these operators.
    if CHANGES
        .iter()
        .all(|c| c.overload != overload || version >= c.since)
    {
        return None;
    }
    static MADE: OnceLock<HashMap<&'static str, Upgrader>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let make = |change: &Change| {
            let function = compile_native(change.script, table).ok()?.into_iter().next()?;
            let schema = Schema::parse(change.schema).ok()?;
            Some((
                change.overload,
                Upgrader {
                    since: change.since,
                    schema,
                    function,
                },
            ))
        };
        CHANGES.iter().filter_map(make).collect()
    });
    made.get(overload).filter(|u| version < u.since)
}

/// The first archive version in which an operator means what it means today; archives say at least that.
pub(crate) fn version_of(op: &Op) -> u64 {
    match op.name() {
        "aten::div" | "aten::div_" => return 4,
        "aten::full" => return 5,
        // Its parameter `approximate` is newer; old code reads the same without it.
        "aten::gelu" => return 10,
        _ => {}
    }
    CHANGES
        .iter()
        .filter(|c| c.overload == op.full_name())
        .map(|c| c.since)
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_has_an_upgrader_that_compiles() {
        for change in CHANGES {
            let found = find(change.overload, change.since - 1, flambeau_ops::table());
            let upgrader = found.unwrap_or_else(|| panic!("{} has no upgrader", change.overload));
            if let Err(error) = upgrader.function.graph() {
                panic!("{}: {error}", change.overload);
            }
            assert!(find(change.overload, change.since, flambeau_ops::table()).is_none());
        }
    }
}
