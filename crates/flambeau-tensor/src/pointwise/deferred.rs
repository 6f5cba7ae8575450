//! Chains of pointwise operators in one pass over memory.
//!
//! Inside [`scope`], pointwise operators on large tensors are only written down. They run when somebody asks for access
//! to a tensor that they write (or wants to write one that they read), when an operator of another shape comes, or at
//! the end of the scope: tile by tile, each tile through all steps while it is in the cache. Results that nobody holds
//! any more are never stored. Each step is the same kernel over the same elements as without a scope, and half types
//! are rounded after every step, so the bits are the same.
//!
//! ```text
//!   a ──┐                        tile of a ─┐
//!   b ──┴ mul ─ t ─ add ─ relu ─ r      b ──┴ mul ─ add ─ relu ─ tile of r      (t is never in memory)
//! ```
//!
//! Until then the write access of results and the read access of operands are held, so other threads wait for them as
//! for any kernel that runs; a thread that waits for others must [`flush`] first. Integer arithmetic, which can fail
//! on division by zero, is never put off.

use std::cell::{Cell, RefCell};
use std::mem;
use std::sync::Arc;

use smallvec::SmallVec;

use super::engine::{
    Buffer, GRAIN, In, Kernel, MAX_INS, Op, Params, Place, TILE, TILE_BYTES, coalesce, repeat_sized,
};
use crate::convert::{Convert, converter};
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::{self, Dims};
use crate::parallel::parallel_for;
use crate::scalar::Scalar;
use crate::storage::Storage;
use crate::tensor::{Meta, Tensor, write_scalar};

/// Smaller tensors stay in the cache from one operator to the next anyway.
const MIN_NUMEL: i64 = 1 << 13;
const MAX_STEPS: usize = 32;

thread_local! {
    static ACTIVE: Cell<bool> = const { Cell::new(false) };
    static GROUP: RefCell<Option<Group>> = const { RefCell::new(None) };
}

#[derive(Clone, Copy)]
enum Source {
    External(usize),
    Value(usize, DType),
    Number(usize),
}

struct Step {
    kernel: Kernel,
    params: Params,
    sources: SmallVec<[Source; 3]>,
    /// what the kernel gives
    gives: DType,
    /// what a tensor of the result holds
    dtype: DType,
}

/// A tensor that a step writes; write access is held.
struct Written {
    tensor: Tensor,
    /// its layout then; the tensor object may get another one later
    meta: Meta,
    step: usize,
}

/// An operand from memory and the dtype it is wanted in.
struct External {
    meta: Meta,
    want: DType,
    /// whether this entry holds the read access of the storage
    locked: bool,
}

/// Steps over one shape and layout.
#[derive(Default)]
struct Group {
    sizes: Dims,
    strides: Dims,
    steps: Vec<Step>,
    externals: Vec<External>,
    written: Vec<Written>,
    numbers: Vec<(Scalar, DType)>,
    cost: usize,
}

/// Runs `body` with pointwise operators put off as the module says. A scope inside a scope is part of it.
pub fn scope<R>(body: impl FnOnce() -> R) -> Result<R> {
    if ACTIVE.get() {
        return Ok(body());
    }
    /// Also while unwinding, nothing may stay behind.
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            ACTIVE.set(false);
            GROUP.with_borrow_mut(|g| {
                if let Some(group) = g.take() {
                    group.release();
                }
            });
        }
    }
    ACTIVE.set(true);
    let end = End;
    let result = body();
    flush()?;
    drop(end);
    Ok(result)
}

/// Runs what this thread has put off.
pub fn flush() -> Result<()> {
    if !ACTIVE.get() {
        return Ok(());
    }
    match GROUP.with_borrow_mut(|g| g.take()) {
        Some(group) => {
            let done = group.run();
            group.release();
            done
        }
        None => Ok(()),
    }
}

/// Called before access is taken: runs what was put off if it concerns these storages (`true`: for writing).
#[inline]
pub(crate) fn settle(wanted: &[(&Storage, bool)]) -> Result<()> {
    if !ACTIVE.get() {
        return Ok(());
    }
    let concerns = GROUP.with_borrow(|g| {
        g.as_ref().is_some_and(|g| {
            wanted
                .iter()
                .any(|(s, write)| g.writes(s) || (*write && g.reads(s)))
        })
    });
    if concerns { flush() } else { Ok(()) }
}

fn shares(m: &Meta, t: &Tensor) -> bool {
    Arc::ptr_eq(m.storage(), t.storage())
}

fn same_place(a: &Meta, b: &Meta) -> bool {
    a.ptr() == b.ptr() && a.dtype() == b.dtype() && a.sizes() == b.sizes() && a.strides() == b.strides()
}

/// Writes an operator down instead of running it. Returns whether it did.
pub(super) fn record(
    kernel: Kernel,
    params: &Params,
    ins: &[In],
    out: &Tensor,
    gives: DType,
    cost: usize,
) -> Result<bool> {
    if !ACTIVE.get() || !worthwhile(ins, out) {
        return Ok(false);
    }
    let misfit = GROUP.with_borrow(|g| g.as_ref().is_some_and(|g| !g.fits(ins, out)));
    if misfit {
        flush()?;
    }
    Ok(GROUP.with_borrow_mut(|g| {
        let group = g.get_or_insert_with(|| Group {
            sizes: out.sizes().into(),
            strides: out.strides().into(),
            ..Group::default()
        });
        let done = group.push(kernel, params, ins, out, gives, cost);
        if group.steps.is_empty() {
            *g = None;
        }
        done
    }))
}

fn worthwhile(ins: &[In], out: &Tensor) -> bool {
    if out.numel() < MIN_NUMEL || !out.is_non_overlapping_and_dense() || ins.is_empty() {
        return false;
    }
    ins.iter().all(|i| match i {
        In::Tensor(t, want) => {
            let m = t.meta();
            let fits = m.sizes() == out.sizes()
                || layout::broadcast_shapes(m.sizes(), out.sizes())
                    .is_ok_and(|s| s.as_slice() == out.sizes());
            !want.is_integral(false) && fits && !super::engine::crosses(t, out)
        }
        In::Number(_, want) => !want.is_integral(false),
    })
}

impl Group {
    fn writes(&self, s: &Storage) -> bool {
        self.written.iter().any(|w| std::ptr::eq(&**w.meta.storage(), s))
    }

    fn reads(&self, s: &Storage) -> bool {
        self.externals
            .iter()
            .any(|e| std::ptr::eq(&**e.meta.storage(), s))
    }

    /// Whether the operator can join the steps that are there.
    fn fits(&self, ins: &[In], out: &Tensor) -> bool {
        if self.steps.len() >= MAX_STEPS || *self.sizes != *out.sizes() || *self.strides != *out.strides() {
            return false;
        }
        let value_of = |t: &Tensor| self.written.iter().find(|w| shares(&w.meta, t));
        let ins_fit = ins.iter().all(|i| match i {
            In::Tensor(t, _) => value_of(t).is_none_or(|w| same_place(&w.meta, t.meta())),
            In::Number(..) => true,
        });
        // What is written now may have been read before only element by element, and its lock must still be free.
        let out_fits = match value_of(out) {
            Some(w) => same_place(&w.meta, out.meta()),
            None => !self.reads(out.storage()),
        };
        ins_fit && out_fits
    }

    fn push(
        &mut self,
        kernel: Kernel,
        params: &Params,
        ins: &[In],
        out: &Tensor,
        gives: DType,
        cost: usize,
    ) -> bool {
        let known = self.written.iter().position(|w| shares(&w.meta, out));
        if known.is_none() {
            for i in ins {
                // In place on a tensor from memory: only its own places may be read.
                if let In::Tensor(t, _) = i
                    && t.shares_storage(out)
                    && !same_place(t.meta(), out.meta())
                {
                    return false;
                }
            }
            if !out.storage().try_write() {
                return false;
            }
        }
        let (externals, numbers) = (self.externals.len(), self.numbers.len());
        let mut sources = SmallVec::new();
        for i in ins {
            sources.push(match i {
                In::Number(value, want) => {
                    self.numbers.push((*value, *want));
                    Source::Number(self.numbers.len() - 1)
                }
                In::Tensor(t, want) => match self.written.iter().find(|w| shares(&w.meta, t)) {
                    Some(w) => Source::Value(w.step, *want),
                    None => match self.external(t, *want, out) {
                        Some(k) => Source::External(k),
                        None => {
                            // Another thread writes it: undo and leave the operator to the waiting path.
                            self.numbers.truncate(numbers);
                            self.drop_externals(externals);
                            if known.is_none() {
                                out.storage().release_write();
                            }
                            return false;
                        }
                    },
                },
            });
        }
        let params = Params {
            f: params.f,
            i: params.i,
            ..Params::default()
        };
        self.steps.push(Step {
            kernel,
            params,
            sources,
            gives,
            dtype: out.dtype(),
        });
        self.cost += cost;
        let step = self.steps.len() - 1;
        match known {
            Some(k) => self.written[k].step = step,
            None => self.written.push(Written {
                tensor: out.clone(),
                meta: out.meta().clone(),
                step,
            }),
        }
        true
    }

    /// The entry for an operand, taking read access unless it is held (or the write access for `out` is).
    fn external(&mut self, t: &Tensor, want: DType, out: &Tensor) -> Option<usize> {
        let found = self
            .externals
            .iter()
            .position(|e| e.want == want && same_place(&e.meta, t.meta()));
        if found.is_some() {
            return found;
        }
        let held = t.shares_storage(out) || self.externals.iter().any(|e| e.locked && shares(&e.meta, t));
        if !held && !t.storage().try_read() {
            return None;
        }
        self.externals.push(External {
            meta: t.meta().clone(),
            want,
            locked: !held,
        });
        Some(self.externals.len() - 1)
    }

    fn drop_externals(&mut self, from: usize) {
        for e in self.externals.drain(from..).filter(|e| e.locked) {
            e.meta.storage().release_read();
        }
    }

    fn release(mut self) {
        self.drop_externals(0);
        for w in self.written.drain(..) {
            w.meta.storage().release_write();
        }
    }

    /// The written tensors that anyone but this group can still see.
    fn live(&self) -> SmallVec<[usize; 4]> {
        // This group holds one handle, and one layout besides that of the tensor itself.
        let seen = |w: &Written| w.tensor.handle_count() > 1 || Arc::strong_count(w.meta.storage()) > 2;
        (0..self.written.len())
            .filter(|k| seen(&self.written[*k]))
            .collect()
    }

    fn run(&self) -> Result<()> {
        let live = self.live();
        let mut needed = vec![false; self.steps.len()];
        live.iter().for_each(|k| needed[self.written[*k].step] = true);
        let mut last_use = vec![0usize; self.steps.len()];
        for k in (0..self.steps.len()).rev() {
            if !needed[k] {
                continue;
            }
            for s in &self.steps[k].sources {
                if let Source::Value(j, _) = s {
                    needed[*j] = true;
                    last_use[*j] = last_use[*j].max(k);
                }
            }
        }
        for k in &live {
            last_use[self.written[*k].step] = usize::MAX;
        }
        let plan = Plan::new(self, &needed, &last_use, &live)?;
        let n = layout::numel(&self.sizes) as usize;
        let grain = (GRAIN / self.cost.max(1)).max(1).next_multiple_of(TILE);
        parallel_for(n, grain, |r| plan.range(r.start, r.end));
        Ok(())
    }
}

/// A group ready to run: operands as strided plans, and a tile buffer for every value that is alive at a time.
struct Plan<'a> {
    group: &'a Group,
    sizes: Dims,
    externals: Vec<Op>,
    /// output plan and the step whose value it takes
    outs: Vec<(Op, usize)>,
    /// elements of the numbers, as bytes
    numbers: Vec<u128>,
    /// needed steps with the buffer of their value and the conversion to its dtype
    steps: Vec<(usize, usize, Option<Convert>)>,
    /// by step
    slots: Vec<usize>,
    values: usize,
    tile: usize,
}

// SAFETY: access to all tensors is held by the group, and ranges write different elements.
unsafe impl Sync for Plan<'_> {}

impl<'a> Plan<'a> {
    fn new(group: &'a Group, needed: &[bool], last_use: &[usize], live: &[usize]) -> Result<Plan<'a>> {
        let mut elems = vec![group.strides.clone()];
        for e in &group.externals {
            elems.push(layout::broadcast_strides(
                e.meta.sizes(),
                e.meta.strides(),
                &group.sizes,
            ));
        }
        let mut sizes = Dims::new();
        let mut strides = vec![Dims::new(); elems.len()];
        coalesce(&group.sizes, &elems, &mut sizes, &mut strides);
        let scaled = |s: &Dims, dtype: DType| -> Dims { s.iter().map(|x| x * dtype.size() as i64).collect() };
        let externals: Vec<Op> = group
            .externals
            .iter()
            .zip(&strides[1..])
            .map(|(e, s)| {
                let dtype = e.meta.dtype();
                Op::new(e.meta.ptr(), scaled(s, dtype), &sizes, dtype, e.want, true)
            })
            .collect();
        let outs = live
            .iter()
            .map(|k| {
                let w = &group.written[*k];
                let dtype = w.meta.dtype();
                (
                    Op::new(
                        w.meta.ptr(),
                        scaled(&strides[0], dtype),
                        &sizes,
                        dtype,
                        dtype,
                        false,
                    ),
                    w.step,
                )
            })
            .collect();
        let mut numbers = Vec::new();
        for (value, want) in &group.numbers {
            let mut bytes = 0u128;
            // SAFETY: 16 bytes hold an element of any dtype.
            unsafe { write_scalar((&raw mut bytes).cast(), *want, *value)? };
            numbers.push(bytes);
        }
        // Buffers are reused once the last step that reads a value has run.
        let (mut free, mut values) = (Vec::new(), 0);
        let mut slots = vec![0; group.steps.len()];
        let mut steps = Vec::new();
        for k in (0..group.steps.len()).filter(|k| needed[*k]) {
            slots[k] = free.pop().unwrap_or_else(|| {
                values += 1;
                values - 1
            });
            let step = &group.steps[k];
            let convert = (step.gives.underlying() != step.dtype.underlying())
                .then(|| converter(step.gives, step.dtype));
            steps.push((k, slots[k], convert));
            let mut done: SmallVec<[usize; 3]> = SmallVec::new();
            for s in &step.sources {
                if let Source::Value(j, _) = s
                    && last_use[*j] == k
                    && !done.contains(j)
                {
                    done.push(*j);
                    free.push(slots[*j]);
                }
            }
        }
        let widest = group
            .externals
            .iter()
            .map(|e| e.meta.dtype().size().max(e.want.size()));
        let widest = widest
            .chain(group.steps.iter().map(|s| s.gives.size().max(s.dtype.size())))
            .max()
            .unwrap_or(16);
        let tile = TILE.min(TILE_BYTES / widest);
        Ok(Plan {
            group,
            sizes,
            externals,
            outs,
            numbers,
            steps,
            slots,
            values,
            tile,
        })
    }

    fn range(&self, start: usize, end: usize) {
        let row = self.sizes[0] as usize;
        let by_row = row >= 192;
        let count = self.externals.len() + self.numbers.len() + self.values + MAX_INS + 2;
        let mut buffers: Vec<Buffer> = Vec::with_capacity(count);
        buffers.resize_with(count, Buffer::new);
        let mut tiles: Vec<*mut u8> = buffers.iter_mut().map(|b| b.ptr()).collect();
        let scratch = tiles.split_off(tiles.len() - MAX_INS - 2);
        let values = tiles.split_off(self.externals.len() + self.numbers.len());
        let numbers = tiles.split_off(self.externals.len());
        for ((p, bytes), (_, want)) in numbers.iter().zip(&self.numbers).zip(&self.group.numbers) {
            // SAFETY: a buffer holds a tile of any dtype.
            unsafe {
                p.cast::<u128>().write_unaligned(*bytes);
                repeat_sized(*p, want.size(), self.tile);
            }
        }
        let raw = scratch[MAX_INS];
        let mut filled = vec![(std::ptr::null_mut::<u8>(), 0usize); self.externals.len()];
        let mut loaded = vec![std::ptr::null::<u8>(); self.externals.len()];
        let mut at = start;
        while at < end {
            let in_row = at % row;
            let mut n = self.tile.min(end - at);
            if by_row {
                n = n.min(row - in_row);
            }
            let place = Place {
                sizes: &self.sizes,
                at,
                n,
                in_row,
                single_row: in_row + n <= row,
            };
            // SAFETY: the tile lies within all operands; buffers hold a tile each, and a step writes into one that
            // none of its sources is in (they are freed after it).
            unsafe {
                for (k, o) in self.externals.iter().enumerate() {
                    loaded[k] = place.load(o, tiles[k], raw, &mut filled[k]);
                }
                for (k, slot, convert) in &self.steps {
                    let step = &self.group.steps[*k];
                    let mut ins = [std::ptr::null::<u8>(); MAX_INS];
                    for (i, s) in step.sources.iter().enumerate() {
                        ins[i] = match s {
                            Source::External(e) => loaded[*e],
                            Source::Number(c) => numbers[*c],
                            Source::Value(j, want) => {
                                let (p, has) = (values[self.slots[*j]], self.group.steps[*j].dtype);
                                if has.underlying() == want.underlying() {
                                    p
                                } else {
                                    converter(has, *want)(p, scratch[i], n);
                                    scratch[i]
                                }
                            }
                        };
                    }
                    match convert {
                        None => (step.kernel)(ins.as_ptr(), values[*slot], n, &step.params),
                        Some(convert) => {
                            (step.kernel)(ins.as_ptr(), scratch[MAX_INS + 1], n, &step.params);
                            convert(scratch[MAX_INS + 1], values[*slot], n);
                        }
                    }
                }
                for (o, step) in &self.outs {
                    place.store(o, values[self.slots[*step]], raw);
                }
            }
            at += n;
        }
        mem::drop(buffers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pointwise::{self as p, Arg, To};

    fn data(sizes: &[i64], dtype: DType) -> Tensor {
        let n = layout::numel(sizes);
        let v: Vec<f32> = (0..n)
            .map(|k| ((k * 7919 % 2003) as f32 - 1000.0) / 256.0)
            .collect();
        Tensor::from_slice(&v, sizes).unwrap().to_dtype(dtype).unwrap()
    }

    /// The same calls inside and outside a scope give the same bits.
    #[track_caller]
    fn check(body: impl Fn() -> Result<Vec<Tensor>>) {
        let bits = |t: &Tensor| format!("{:?}", t.to_scalars().unwrap());
        let plain: Vec<String> = body().unwrap().iter().map(bits).collect();
        for threads in [1, 3] {
            let put_off = crate::parallel::with_threads(threads, || scope(&body))
                .unwrap()
                .unwrap();
            assert!(GROUP.with_borrow(|g| g.is_none()));
            assert_eq!(put_off.iter().map(bits).collect::<Vec<_>>(), plain);
        }
    }

    #[test]
    fn chains() {
        for dtype in [DType::Float, DType::Half, DType::BFloat16, DType::Double] {
            for sizes in [[64i64, 300], [500, 41]] {
                let (x, y) = (data(&sizes, dtype), data(&[sizes[1]], dtype));
                let z = data(&[sizes[1], sizes[0]], dtype).t().unwrap();
                check(|| {
                    let a = p::mul((&x).into(), (&y).into())?;
                    let b = p::add((&a).into(), Arg::Number(0.5.into()), 1.into())?;
                    let c = p::silu(&b)?;
                    let d = p::where_(
                        &p::gt((&c).into(), Arg::Number(0.0.into()))?,
                        (&c).into(),
                        (&x).into(),
                    )?;
                    let e = p::sub((&d).into(), (&z).into(), 2.into())?;
                    Ok(vec![c, e.to_dtype(DType::Float)?])
                });
            }
        }
    }

    #[test]
    fn in_place_and_views() {
        let x = data(&[100, 200], DType::Float);
        check(|| {
            let a = p::relu(&x)?;
            p::add_to(To::InPlace(&a), (&a).into(), (&x).into(), 1.into())?;
            let half = a.narrow(0, 0, 50)?;
            p::mul_to(To::InPlace(&half), (&half).into(), Arg::Number(2.0.into()))?;
            let b = p::exp(&a)?;
            let top = crate::reduce::amax(&b, &[1], true)?;
            let c = p::div((&b).into(), (&top).into())?;
            p::neg_to(To::InPlace(&a), &a)?;
            let t = p::add((&c.t()?).into(), (&a.t()?).into(), 1.into())?;
            Ok(vec![a, b, c, t])
        });
        // A tensor from outside is changed in place after it was read.
        check(|| {
            let w = x.copy()?;
            let a = p::tanh(&w)?;
            p::mul_to(To::InPlace(&w), (&w).into(), (&a).into())?;
            let b = p::add((&w).into(), (&a).into(), 1.into())?;
            w.fill_(0.0)?;
            Ok(vec![a, b, w])
        });
    }

    #[test]
    fn other_threads_wait_and_errors_release() {
        let x = data(&[100, 200], DType::Float);
        let r = scope(|| {
            let y = p::relu(&x).unwrap();
            assert!(!y.storage().try_read());
            flush().unwrap();
            assert!(y.storage().try_read());
            y.storage().release_read();
            let _unused = p::exp(&y).unwrap();
            y
        });
        assert!(r.is_ok() && x.storage().try_write());
        x.storage().release_write();
    }
}
