//! The one loop under all pointwise operators: walks broadcast, strided operands of any dtype in tiles and runs a
//! kernel over contiguous runs of the dtype it computes in.
//!
//! ```text
//!   operand (any strides, any dtype) ── in place, or gathered and converted into a tile ─┐
//!   operand …                                                                           ├─ kernel ─ tile ─ output
//!   number ── a tile filled once ────────────────────────────────────────────────────────┘
//! ```
//!
//! Nothing here depends on an operator, and no result depends on layout, tile borders or threads, because a kernel
//! treats each index for itself. Which dtypes an operator takes and gives is decided by its callers.

use std::sync::atomic::AtomicBool;

use smallvec::SmallVec;

use super::operand::{Buffer, GRAIN, Op, Place, TILE, TILE_BYTES};
use super::strided::repeat_sized;
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::{self, Dims, show};
use crate::parallel::{SharedMut, parallel_for};
use crate::scalar::Scalar;
use crate::storage::{Access, Storage};
use crate::tensor::{Tensor, write_scalar};
use crate::{bail, ensure};

/// Numbers a kernel may need besides its operands, and a flag it may raise.
#[derive(Default, Debug)]
pub struct Params {
    pub f: [f64; 4],
    pub i: [i64; 2],
    /// the half type that is computed for, if it is one: some operators round their steps to it
    pub half: Half,
    /// set by a kernel that met an element it has no result for (division of integers by zero)
    pub fault: AtomicBool,
}

/// A half type whose elements are computed in `float`.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub enum Half {
    #[default]
    None,
    F16,
    BF16,
}

impl From<DType> for Half {
    fn from(dtype: DType) -> Half {
        match dtype {
            DType::Half => Half::F16,
            DType::BFloat16 => Half::BF16,
            _ => Half::None,
        }
    }
}

/// Computes `n` results from `ins[k][0..n]`.
///
/// Safety contract: every input is valid for `n` elements of the dtype its operand asked for, the output likewise and
/// apart from all inputs.
pub type Kernel = unsafe fn(ins: *const *const u8, out: *mut u8, n: usize, params: &Params);

/// An operand and the dtype the kernel wants to see it in.
#[derive(Clone, Copy)]
pub enum In<'a> {
    Tensor(&'a Tensor, DType),
    Number(Scalar, DType),
}

impl In<'_> {
    fn want(&self) -> DType {
        match self {
            In::Tensor(_, d) | In::Number(_, d) => *d,
        }
    }
}

const MAX_INS: usize = 5;

/// Runs `kernel` over the broadcast operands into a fresh tensor of `dtype`, whose layout follows the operands.
pub fn run_new(
    kernel: Kernel,
    params: &Params,
    ins: &[In],
    dtype: DType,
    out_want: DType,
    cost: usize,
) -> Result<Tensor> {
    let mut tensors: SmallVec<[&Tensor; MAX_INS]> = SmallVec::new();
    for i in ins {
        if let In::Tensor(t, _) = i {
            tensors.push(t);
        }
    }
    let out = output_like(&tensors, dtype)?;
    run_into(kernel, params, ins, &out, out_want, cost)?;
    Ok(out)
}

/// A fresh tensor with the broadcast shape and the layout PyTorch's TensorIterator gives an output.
pub fn output_like(ins: &[&Tensor], dtype: DType) -> Result<Tensor> {
    let Some(first) = ins.first() else {
        return Tensor::empty(&[], dtype);
    };
    let same = ins[1..].iter().all(|t| t.sizes() == first.sizes());
    if same && ins.iter().all(|t| t.is_contiguous()) {
        return Tensor::empty_to_fill(first.sizes(), dtype);
    }
    let mut shape = Dims::from_slice(first.sizes());
    for t in &ins[1..] {
        shape = layout::broadcast_shapes(&shape, t.sizes())?;
    }
    if same && ins[1..].iter().all(|t| t.strides() == first.strides()) && first.is_non_overlapping_and_dense()
    {
        return Tensor::empty_strided(&shape, first.strides(), dtype);
    }
    let strides: SmallVec<[Dims; MAX_INS]> = ins
        .iter()
        .map(|t| layout::broadcast_strides(t.sizes(), t.strides(), &shape))
        .collect();
    let refs: SmallVec<[&[i64]; MAX_INS]> = strides.iter().map(|s| s.as_slice()).collect();
    Tensor::empty_strided(&shape, &layout::dense_strides_like(&shape, &refs), dtype)
}

/// Runs `kernel` into `out`, whose shape the operands must broadcast to. `out` may be one of the inputs; an input
/// that overlaps it in another way is copied first. `cost` is the work per element relative to an addition.
pub fn run_into(
    kernel: Kernel,
    params: &Params,
    ins: &[In],
    out: &Tensor,
    out_want: DType,
    cost: usize,
) -> Result<()> {
    ensure!(ins.len() <= MAX_INS, "too many operands");
    if run_plain(kernel, params, ins, out, out_want, cost)? {
        return Ok(());
    }
    let om = out.meta();
    for i in ins {
        if let In::Tensor(t, _) = i {
            let fits = t.sizes() == om.sizes()
                || layout::broadcast_shapes(om.sizes(), t.sizes())?.as_slice() == om.sizes();
            ensure!(
                fits,
                "output with shape {} doesn't match the broadcast shape {}",
                show(om.sizes()),
                show(&layout::broadcast_shapes(om.sizes(), t.sizes())?)
            );
        }
    }
    ensure!(
        !layout::has_internal_overlap(om.sizes(), om.strides()),
        "unsupported operation: more than one element of the written-to tensor refers to a single memory location. \
         Please clone() the tensor before performing the operation."
    );
    // Inputs that overlap the output other than element by element.
    let mut copies: SmallVec<[Option<Tensor>; MAX_INS]> = SmallVec::new();
    for i in ins {
        copies.push(match i {
            In::Tensor(t, _) if overlaps_badly(t, out)? => Some(t.copy()?),
            In::Tensor(t, _) if crosses(t, out) => {
                let like = Tensor::empty_strided(om.sizes(), om.strides(), t.dtype())?;
                like.copy_(t)?;
                Some(like)
            }
            _ => None,
        });
    }
    let n = om.numel();
    if n == 0 {
        return Ok(());
    }
    let tensor_of = |k: usize| match (&ins[k], &copies[k]) {
        (_, Some(copy)) => Some(copy),
        (In::Tensor(t, _), None) => Some(*t),
        (In::Number(..), None) => None,
    };
    let mut reads: SmallVec<[&Storage; MAX_INS]> = SmallVec::new();
    for k in 0..ins.len() {
        if let Some(t) = tensor_of(k) {
            reads.push(t.storage());
        }
    }
    let _access = Access::take(reads.iter().copied(), [&**om.storage()])?;

    // The plan: operand 0 is the output.
    let mut numbers = [[0u128; 1]; MAX_INS];
    let mut elems: SmallVec<[Dims; MAX_INS]> = SmallVec::new();
    elems.push(Dims::from_slice(om.strides()));
    for k in 0..ins.len() {
        elems.push(match tensor_of(k) {
            Some(t) => layout::broadcast_strides(t.sizes(), t.strides(), om.sizes()),
            None => SmallVec::from_elem(0, om.sizes().len()),
        });
    }
    let dtypes = |k: usize| tensor_of(k).map_or(ins[k].want(), |t| t.dtype());
    let mut sizes: Dims = SmallVec::new();
    let mut strides: SmallVec<[Dims; MAX_INS]> = SmallVec::from_elem(SmallVec::new(), elems.len());
    let all_contiguous = om.is_plain()
        && (0..ins.len()).all(|k| {
            tensor_of(k).is_none_or(|t| t.meta().is_plain() && t.sizes() == om.sizes() || t.numel() == 1)
        });
    if all_contiguous {
        sizes.push(n);
        strides[0].push(om.dtype().size() as i64);
        for k in 0..ins.len() {
            let step = match tensor_of(k) {
                Some(t) if t.numel() != 1 || n == 1 => t.dtype().size() as i64,
                _ => 0,
            };
            strides[k + 1].push(step);
        }
    } else {
        coalesce(om.sizes(), &elems, &mut sizes, &mut strides);
        for (k, s) in strides.iter_mut().enumerate() {
            let item = if k == 0 {
                om.dtype().size()
            } else {
                dtypes(k - 1).size()
            } as i64;
            s.iter_mut().for_each(|x| *x *= item);
        }
    }
    let mut ops: SmallVec<[Op; MAX_INS]> = SmallVec::new();
    ops.push(Op::new(
        om.ptr(),
        std::mem::take(&mut strides[0]),
        &sizes,
        out_want,
        om.dtype(),
        false,
    ));
    for k in 0..ins.len() {
        let want = ins[k].want();
        let stride = std::mem::take(&mut strides[k + 1]);
        match tensor_of(k) {
            Some(t) => ops.push(Op::new(t.meta().ptr(), stride, &sizes, t.dtype(), want, true)),
            None => {
                let In::Number(value, _) = ins[k] else {
                    bail!("operand without a tensor")
                };
                let p = numbers[k].as_mut_ptr().cast::<u8>();
                // SAFETY: 16 bytes hold an element of any dtype.
                unsafe { write_scalar(p, want, value)? };
                ops.push(Op::new(p, stride, &sizes, want, want, true));
            }
        }
    }
    // In place: the kernel may not see its output as input, so it writes into a tile.
    let out_direct =
        ops[0].convert.is_none() && !ops[1..].iter().any(|o| o.base == ops[0].base && !o.constant);
    let job = Job {
        kernel,
        params,
        sizes: &sizes,
        ops: &ops,
        out_direct,
    };
    let n = n as usize;
    let grain = (GRAIN / cost.max(1)).next_multiple_of(TILE);
    if n <= grain {
        job.range(0, n);
    } else {
        parallel_for(n, grain, |r| job.range(r.start, r.end));
    }
    Ok(())
}

/// The common case with little ceremony: contiguous operands of one shape in the dtypes the kernel wants. Returns
/// whether it applied.
fn run_plain(
    kernel: Kernel,
    params: &Params,
    ins: &[In],
    out: &Tensor,
    out_want: DType,
    cost: usize,
) -> Result<bool> {
    let om = out.meta();
    let n = om.numel() as usize;
    let aligned = |m: &crate::tensor::Meta| (m.ptr() as usize).is_multiple_of(m.dtype().size().min(8));
    if !om.is_plain() || om.dtype().underlying() != out_want.underlying() || !aligned(om) || n == 0 {
        return Ok(false);
    }
    let mut numbers = 0;
    for i in ins {
        match i {
            In::Tensor(t, want) => {
                let m = t.meta();
                let fits = m.is_plain()
                    && m.dtype().underlying() == want.underlying()
                    && m.sizes() == om.sizes()
                    && aligned(m)
                    && !std::ptr::eq(&**m.storage(), &**om.storage());
                if !fits {
                    return Ok(false);
                }
            }
            In::Number(..) => numbers += 1,
        }
    }
    // Numbers take a tile each, which long operands would need over and over.
    if numbers > 2 || (numbers > 0 && n > TILE / 2) {
        return Ok(false);
    }
    let reads = ins.iter().filter_map(|i| match i {
        In::Tensor(t, _) => Some(&**t.storage()),
        In::Number(..) => None,
    });
    let _access = Access::take(reads, [&**om.storage()])?;
    let mut tiles = [const { Buffer::new() }; 2];
    let mut free = tiles.iter_mut();
    let mut pointers = [std::ptr::null::<u8>(); MAX_INS];
    for (p, i) in pointers.iter_mut().zip(ins) {
        *p = match i {
            In::Tensor(t, _) => t.meta().ptr(),
            In::Number(value, want) => {
                let Some(tile) = free.next() else {
                    bail!("too many numbers")
                };
                // SAFETY: the tile holds `TILE / 2` elements of any dtype, and `n` is not larger.
                unsafe {
                    write_scalar(tile.ptr(), *want, *value)?;
                    repeat_sized(tile.ptr(), want.size(), n);
                }
                tile.ptr()
            }
        };
    }
    let grain = (GRAIN / cost.max(1)).next_multiple_of(TILE);
    if n <= grain {
        // SAFETY: all operands hold `n` elements of the wanted dtypes, and the output is apart from them.
        unsafe { kernel(pointers.as_ptr(), om.ptr(), n, params) };
        return Ok(true);
    }
    let sizes: [usize; MAX_INS] = std::array::from_fn(|k| ins.get(k).map_or(0, |i| i.want().size()));
    let (bases, base) = (pointers.map(|p| SharedMut(p.cast_mut())), SharedMut(om.ptr()));
    let size = om.dtype().size();
    parallel_for(n, grain, |r| {
        let at: [*const u8; MAX_INS] =
            std::array::from_fn(|k| bases[k].get().wrapping_add(r.start * sizes[k]).cast_const());
        // SAFETY: as above; ranges are disjoint.
        unsafe {
            kernel(
                at.as_ptr(),
                base.get().wrapping_add(r.start * size),
                r.len(),
                params,
            )
        };
    });
    Ok(true)
}

/// Whether a large operand runs across the output's order, so that laying it out anew (which goes block by block) is
/// quicker than gathering it element by element.
fn crosses(t: &Tensor, out: &Tensor) -> bool {
    let (a, b) = (t.meta(), out.meta());
    if a.numel() < 1 << 14 || a.sizes() != b.sizes() || a.strides() == b.strides() || t.is_same(out) {
        return false;
    }
    let fastest =
        |m: &crate::tensor::Meta| (0..m.sizes().len()).find(|k| m.strides()[*k] == 1 && m.sizes()[*k] > 3);
    match (fastest(a), fastest(b)) {
        (Some(i), Some(j)) => i != j && out.is_non_overlapping_and_dense(),
        _ => false,
    }
}

/// Whether writing `out` element by element could change elements of `t` that are read later.
pub(crate) fn overlaps_badly(t: &Tensor, out: &Tensor) -> Result<bool> {
    if !t.shares_storage(out) {
        return Ok(false);
    }
    let (a, b) = (t.meta(), out.meta());
    let (size_a, size_b) = (a.dtype().size() as i64, b.dtype().size() as i64);
    if a.ptr() == b.ptr() && size_a == size_b && a.sizes() == b.sizes() && a.strides() == b.strides() {
        return Ok(false);
    }
    let (Some((la, ha)), Some((lb, hb))) = (
        layout::extent(a.sizes(), a.strides())?,
        layout::extent(b.sizes(), b.strides())?,
    ) else {
        return Ok(false);
    };
    let (la, ha) = ((a.offset() + la) * size_a, (a.offset() + ha + 1) * size_a);
    let (lb, hb) = ((b.offset() + lb) * size_b, (b.offset() + hb + 1) * size_b);
    Ok(la < hb && lb < ha)
}

/// Drops dimensions of size 1, orders the rest fastest first and merges neighbours that every operand steps through
/// evenly. Strides stay in elements.
fn coalesce(shape: &[i64], elems: &[Dims], sizes: &mut Dims, strides: &mut [Dims]) {
    let refs: SmallVec<[&[i64]; MAX_INS]> = elems.iter().map(|s| s.as_slice()).collect();
    for d in layout::iteration_order(shape, &refs) {
        if shape[d] == 1 {
            continue;
        }
        let last = sizes.len().wrapping_sub(1);
        let merges = !sizes.is_empty()
            && elems
                .iter()
                .zip(strides.iter())
                .all(|(e, s)| e[d] == s[last].wrapping_mul(sizes[last]));
        if merges {
            sizes[last] *= shape[d];
        } else {
            sizes.push(shape[d]);
            elems
                .iter()
                .zip(strides.iter_mut())
                .for_each(|(e, s)| s.push(e[d]));
        }
    }
    if sizes.is_empty() {
        sizes.push(1);
        strides.iter_mut().for_each(|s| s.push(1));
    }
}

struct Job<'a> {
    kernel: Kernel,
    params: &'a Params,
    sizes: &'a [i64],
    ops: &'a [Op],
    out_direct: bool,
}

// SAFETY: see `Op`; ranges given to different threads write different elements.
unsafe impl Sync for Job<'_> {}

impl Job<'_> {
    /// Results `start..end` in the order of iteration.
    fn range(&self, start: usize, end: usize) {
        let whole = self.out_direct && self.ops.iter().all(|o| o.linear && o.convert.is_none());
        if whole {
            let mut ins = [std::ptr::null::<u8>(); MAX_INS];
            for (p, o) in ins.iter_mut().zip(&self.ops[1..]) {
                *p = o.base.wrapping_add(start * o.size);
            }
            let out = self.ops[0].base.wrapping_add(start * self.ops[0].size);
            // SAFETY: all operands are contiguous over the range, of the kernel's dtypes, and the output is apart.
            unsafe { (self.kernel)(ins.as_ptr(), out, end - start, self.params) };
            return;
        }
        let widest = self
            .ops
            .iter()
            .map(|o| o.size.max(o.want_size))
            .max()
            .unwrap_or(16);
        let tile = TILE.min(TILE_BYTES / widest);
        match self.ops.len() {
            0..=2 => self.tiles::<2>(start, end, tile),
            3 => self.tiles::<3>(start, end, tile),
            _ => self.tiles::<{ MAX_INS + 1 }>(start, end, tile),
        }
    }

    /// `N` is at least the number of operands; it only bounds the buffers on the stack.
    #[inline(never)]
    fn tiles<const N: usize>(&self, start: usize, end: usize, tile: usize) {
        let row = self.sizes[0] as usize;
        // Long rows are cut into tiles; tiles of short rows run over several.
        let by_row = row >= 192;
        let mut buffers = [const { Buffer::new() }; N];
        let mut raw = Buffer::new();
        // The address a constant run was last filled from, and for how many elements.
        let mut filled = [(std::ptr::null_mut::<u8>(), 0usize); N];
        let mut at = start;
        while at < end {
            let in_row = at % row;
            let mut n = tile.min(end - at);
            if by_row {
                n = n.min(row - in_row);
            }
            let single_row = in_row + n <= row;
            let mut ins = [std::ptr::null::<u8>(); N];
            let place = Place {
                sizes: self.sizes,
                at,
                n,
                in_row,
                single_row,
            };
            for (k, o) in self.ops.iter().enumerate().skip(1) {
                // SAFETY: `at..at + n` are elements of the operand; buffers hold a tile.
                ins[k - 1] = unsafe { place.load(o, buffers[k].ptr(), raw.ptr(), &mut filled[k]) };
            }
            let o = &self.ops[0];
            let buffer = buffers[0].ptr();
            // SAFETY: inputs were prepared above for `n` elements; the output is the tile buffer or memory that no
            // input points into.
            unsafe {
                match place.direct(o) {
                    Some(p) if self.out_direct => (self.kernel)(ins.as_ptr(), p, n, self.params),
                    _ => {
                        (self.kernel)(ins.as_ptr(), buffer, n, self.params);
                        place.store(o, buffer, raw.ptr());
                    }
                }
            }
            at += n;
        }
    }
}
