//! The loop under all reductions: splits dimensions into kept and reduced ones and walks memory in its own order.
//!
//! ```text
//!   fastest dimension reduced:  runs of one output are folded into its accumulator      (Reducer::run)
//!   fastest dimension kept:     rows are folded into a row of accumulators               (Reducer::rows)
//! ```
//!
//! Long reductions are cut at places that depend on sizes only, and partial results are merged in order, so results
//! do not depend on the number of threads. What is folded is decided by a [`Reducer`].

use std::mem::MaybeUninit;

use smallvec::SmallVec;

use crate::convert::converter;
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::{self, Dims};
use crate::parallel::{SharedMut, parallel_for};
use crate::pointwise::strided::{gather, scatter};
use crate::storage::Access;
use crate::tensor::Tensor;

/// Numbers a reduction may need (a norm's exponent, a variance's correction).
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers {
    pub f: [f64; 2],
}

/// Rows that follow each other at even distances.
#[derive(Clone, Copy)]
pub struct Rows {
    pub count: usize,
    /// bytes from one row to the next
    pub step: isize,
    /// position of the first
    pub index: i64,
}

/// A reduction over contiguous runs of one compute dtype, type-erased. See [`super::fold`] for how they are made.
///
/// Safety contract of the functions: `x` holds `n` (for `run`) or `n` per row elements of `input`; `acc` holds
/// accumulators of `size` bytes, aligned to 16; `out` holds elements of `output`.
#[derive(Clone, Copy)]
pub struct Reducer {
    pub input: DType,
    pub output: DType,
    /// bytes of an accumulator
    pub size: usize,
    pub init: unsafe fn(acc: *mut u8, n: usize, p: &Numbers),
    /// folds `n` elements, the first having position `index`, into one accumulator
    pub run: unsafe fn(x: *const u8, n: usize, index: i64, acc: *mut u8, p: &Numbers),
    /// folds `rows.count` rows, one element of each into each of `n` accumulators
    pub rows: unsafe fn(x: *const u8, n: usize, rows: Rows, acc: *mut u8, p: &Numbers),
    pub merge: unsafe fn(acc: *mut u8, other: *const u8, n: usize, p: &Numbers),
    pub finish: unsafe fn(acc: *const u8, out: *mut u8, n: usize, count: i64, p: &Numbers),
}

/// Elements per tile, and columns folded at once.
const TILE: usize = 512;
/// Reduced elements per piece of a long reduction.
const CHUNK: usize = 1 << 15;
/// Work that is worth a thread.
const GRAIN: usize = 1 << 14;

#[repr(align(64))]
struct Buffer<const BYTES: usize>([MaybeUninit<u8>; BYTES]);

impl<const BYTES: usize> Buffer<BYTES> {
    fn new() -> Self {
        Buffer([MaybeUninit::uninit(); BYTES])
    }
    fn ptr(&mut self) -> *mut u8 {
        self.0.as_mut_ptr().cast()
    }
}

/// Working memory of one thread.
struct Scratch {
    acc: Buffer<{ TILE * 32 }>,
    raw: Buffer<{ TILE * 16 }>,
    tile: Buffer<{ TILE * 16 }>,
}

/// Dimensions of one side, fastest first; strides in bytes.
#[derive(Default)]
struct Side {
    sizes: Dims,
    strides: Dims,
    /// where results go; only for kept dimensions
    out: Dims,
}

impl Side {
    fn new(mut dims: SmallVec<[(i64, i64, i64); 6]>) -> Side {
        dims.retain(|d| d.0 != 1);
        dims.sort_by_key(|d| d.1.abs());
        let mut side = Side::default();
        for (n, stride, out) in dims {
            let last = side.sizes.len().wrapping_sub(1);
            if !side.sizes.is_empty()
                && side.strides[last].wrapping_mul(side.sizes[last]) == stride
                && side.out[last].wrapping_mul(side.sizes[last]) == out
            {
                side.sizes[last] *= n;
                continue;
            }
            side.sizes.push(n);
            side.strides.push(stride);
            side.out.push(out);
        }
        if side.sizes.is_empty() {
            side.sizes.push(1);
            side.strides.push(0);
            side.out.push(0);
        }
        side
    }

    fn numel(&self) -> usize {
        self.sizes.iter().product::<i64>() as usize
    }

    /// Byte offset of a position, by the given strides.
    fn offset(&self, strides: &[i64], at: usize) -> isize {
        let mut rest = at;
        let mut offset = 0isize;
        for (n, s) in self.sizes.iter().zip(strides) {
            offset += (rest % *n as usize) as isize * *s as isize;
            rest /= *n as usize;
            if rest == 0 {
                break;
            }
        }
        offset
    }
}

/// Reduces the dimensions marked in `mask` (of length `x.dim()`) and gives a contiguous tensor of `dtype`.
pub fn reduce(
    x: &Tensor,
    mask: &[bool],
    keepdim: bool,
    r: &Reducer,
    p: Numbers,
    dtype: DType,
) -> Result<Tensor> {
    let m = x.meta();
    let mut full = Dims::new();
    let mut shape = Dims::new();
    for (d, &n) in m.sizes().iter().enumerate() {
        let reduced = mask.get(d).copied().unwrap_or(false);
        full.push(if reduced { 1 } else { n });
        if !reduced {
            shape.push(n);
        }
    }
    let out = Tensor::empty(if keepdim { &full } else { &shape }, dtype)?;
    if out.numel() == 0 {
        return Ok(out);
    }
    let item = m.dtype().size() as i64;
    let out_strides = layout::contiguous_strides(&full);
    let (mut kept, mut reduced) = (SmallVec::new(), SmallVec::new());
    let mut count = 1i64;
    for (d, &n) in m.sizes().iter().enumerate() {
        if mask.get(d).copied().unwrap_or(false) {
            count *= n;
            // Consecutive positions keep their order only in one dimension, which is all that positions are for.
            reduced.push((n, m.strides()[d] * item, m.strides()[d] * item));
        } else {
            kept.push((n, m.strides()[d] * item, out_strides[d] * dtype.size() as i64));
        }
    }
    let access = Access::take([&**x.storage()], [&**out.storage()])?;
    let job = Job {
        base: m.ptr(),
        out: out.meta().ptr(),
        kept: Side::new(kept),
        reduced: Side::new(reduced),
        size: m.dtype().size(),
        aligned: (m.ptr() as usize).is_multiple_of(m.dtype().size().min(8)),
        input: (m.dtype().underlying() != r.input).then(|| converter(m.dtype(), r.input)),
        output: (dtype != r.output).then(|| converter(r.output, dtype)),
        out_size: dtype.size(),
        r,
        p,
        count,
    };
    job.all()?;
    drop(access);
    Ok(out)
}

struct Job<'a> {
    base: *mut u8,
    out: *mut u8,
    kept: Side,
    reduced: Side,
    size: usize,
    aligned: bool,
    input: Option<crate::convert::Convert>,
    output: Option<crate::convert::Convert>,
    out_size: usize,
    r: &'a Reducer,
    p: Numbers,
    /// elements reduced into one
    count: i64,
}

// SAFETY: access to both tensors is held while the job runs, and its parts write different results.
unsafe impl Sync for Job<'_> {}

impl Job<'_> {
    fn all(&self) -> Result<()> {
        let (kept, reduced) = (self.kept.numel(), self.count as usize);
        let (k0, r0) = (self.kept.sizes[0], self.reduced.sizes[0]);
        let (ks, rs) = (self.kept.strides[0].abs(), self.reduced.strides[0].abs());
        // Rows also serve short runs of many outputs, at the price of gathering columns.
        let by_rows = kept > 1 && reduced > 0 && (ks < rs && k0 > 1 || r0 < 24 && kept >= 64);
        let columns = if by_rows { TILE.min(kept) } else { 1 };
        let tiles = kept.div_ceil(columns);
        let chunk = (CHUNK / columns).max(1);
        let chunks = if reduced >= 2 * chunk && tiles < 64 {
            reduced.div_ceil(chunk)
        } else {
            1
        };
        let chunk = if chunks == 1 { reduced } else { chunk };
        let tasks = tiles * chunks;
        let work = chunk.max(1) * columns;
        // Accumulators of all pieces, when there are several per output.
        let mut partial: Vec<u128> = Vec::new();
        let stride = (columns * self.r.size).next_multiple_of(16);
        if chunks > 1 {
            let bytes = tasks * stride / 16;
            if partial.try_reserve_exact(bytes).is_err() {
                crate::bail!(
                    OutOfMemory,
                    "not enough memory for partial results of a reduction"
                );
            }
            partial.resize(bytes, 0);
        }
        let shared = SharedMut(partial.as_mut_ptr().cast::<u8>());
        parallel_for(tasks, (GRAIN / work).max(1), |range| {
            let mut scratch = Scratch {
                acc: Buffer::new(),
                raw: Buffer::new(),
                tile: Buffer::new(),
            };
            for task in range {
                let (tile, piece) = (task / chunks, task % chunks);
                let (first, n) = (tile * columns, columns.min(kept - tile * columns));
                let (from, to) = (piece * chunk, reduced.min((piece + 1) * chunk));
                let acc = if chunks > 1 {
                    shared.get().wrapping_add(task * stride)
                } else {
                    scratch.acc.ptr()
                };
                // SAFETY: accumulators of this task; positions lie within the tensor.
                unsafe {
                    (self.r.init)(acc, n, &self.p);
                    if by_rows {
                        self.fold_rows(first, n, from, to, acc, &mut scratch);
                    } else {
                        self.fold_run(first, from, to, acc, &mut scratch);
                    }
                    if chunks == 1 {
                        self.store(acc, first, n, &mut scratch);
                    }
                }
            }
        });
        if chunks > 1 {
            let mut scratch = Scratch {
                acc: Buffer::new(),
                raw: Buffer::new(),
                tile: Buffer::new(),
            };
            for tile in 0..tiles {
                let (first, n) = (tile * columns, columns.min(kept - tile * columns));
                let acc = shared.get().wrapping_add(tile * chunks * stride);
                for piece in 1..chunks {
                    // SAFETY: all tasks have ended and filled their accumulators.
                    unsafe { (self.r.merge)(acc, acc.wrapping_add(piece * stride), n, &self.p) };
                }
                // SAFETY: as above.
                unsafe { self.store(acc, first, n, &mut scratch) };
            }
        }
        Ok(())
    }

    /// Folds reduced positions `from..to` of one output.
    unsafe fn fold_run(&self, output: usize, from: usize, to: usize, acc: *mut u8, scratch: &mut Scratch) {
        let side = &self.reduced;
        let base = self
            .base
            .wrapping_offset(self.kept.offset(&self.kept.strides, output));
        let row = side.sizes[0] as usize;
        let plain = side.strides[0] == self.size as i64 && self.aligned;
        let (raw, tile) = (scratch.raw.ptr(), scratch.tile.ptr());
        let mut at = from;
        while at < to {
            let in_row = (row - at % row).min(to - at);
            // SAFETY: positions `at..at + n` of the tensor; buffers hold a tile.
            unsafe {
                if plain && (in_row >= 64 || in_row == to - at) {
                    let p = base.wrapping_offset(side.offset(&side.strides, at));
                    match self.input {
                        None => {
                            (self.r.run)(p, in_row, at as i64, acc, &self.p);
                            at += in_row;
                        }
                        Some(convert) => {
                            let n = in_row.min(TILE);
                            convert(p, tile, n);
                            (self.r.run)(tile.cast_const(), n, at as i64, acc, &self.p);
                            at += n;
                        }
                    }
                    continue;
                }
                let n = TILE.min(to - at);
                let x = self.load(base, side, at, n, raw, tile);
                (self.r.run)(x, n, at as i64, acc, &self.p);
                at += n;
            }
        }
    }

    /// Folds reduced positions `from..to` of outputs `first..first + n`.
    unsafe fn fold_rows(
        &self,
        first: usize,
        n: usize,
        from: usize,
        to: usize,
        acc: *mut u8,
        scratch: &mut Scratch,
    ) {
        let kept = &self.kept;
        let row = kept.sizes[0] as usize;
        let plain = kept.strides[0] == self.size as i64 && first % row + n <= row && self.aligned;
        let start = kept.offset(&kept.strides, first);
        let (raw, tile) = (scratch.raw.ptr(), scratch.tile.ptr());
        let side = &self.reduced;
        let mut index: SmallVec<[usize; 6]> = SmallVec::new();
        let mut rest = from;
        for size in &side.sizes {
            index.push(rest % *size as usize);
            rest /= *size as usize;
        }
        let mut base = self.base.wrapping_offset(side.offset(&side.strides, from));
        let mut at = from;
        while at < to {
            // Rows that need no gathering go together.
            let together = plain && self.input.is_none();
            let count = if together {
                (side.sizes[0] as usize - index[0]).min(to - at)
            } else {
                1
            };
            let rows = Rows {
                count,
                step: side.strides[0] as isize,
                index: at as i64,
            };
            // SAFETY: one element of each output per row; buffers hold a tile.
            unsafe {
                let x = if plain {
                    let p = base.wrapping_offset(start);
                    match self.input {
                        None => p.cast_const(),
                        Some(convert) => {
                            convert(p, tile, n);
                            tile.cast_const()
                        }
                    }
                } else {
                    self.load(base, kept, first, n, raw, tile)
                };
                (self.r.rows)(x, n, rows, acc, &self.p);
            }
            at += count;
            base = base.wrapping_offset(side.strides[0] as isize * (count as isize - 1));
            index[0] += count - 1;
            for (d, i) in index.iter_mut().enumerate() {
                *i += 1;
                base = base.wrapping_offset(side.strides[d] as isize);
                if *i < side.sizes[d] as usize {
                    break;
                }
                base = base.wrapping_offset(-(side.strides[d] * side.sizes[d]) as isize);
                *i = 0;
            }
        }
    }

    /// Gathers and converts positions `at..at + n` of one side.
    unsafe fn load(
        &self,
        base: *mut u8,
        side: &Side,
        at: usize,
        n: usize,
        raw: *mut u8,
        tile: *mut u8,
    ) -> *const u8 {
        // SAFETY: by the caller; both buffers hold `TILE` elements of 16 bytes.
        unsafe {
            gather(base, &side.sizes, &side.strides, self.size, at, n, raw);
            match self.input {
                None => raw.cast_const(),
                Some(convert) => {
                    convert(raw.cast_const(), tile, n);
                    tile.cast_const()
                }
            }
        }
    }

    /// Finishes `n` accumulators and writes outputs `first..first + n`.
    unsafe fn store(&self, acc: *const u8, first: usize, n: usize, scratch: &mut Scratch) {
        let (raw, tile) = (scratch.raw.ptr(), scratch.tile.ptr());
        // SAFETY: `n` is at most `TILE`; the outputs belong to this call.
        unsafe {
            (self.r.finish)(acc, tile, n, self.count, &self.p);
            let mut from = tile.cast_const();
            if let Some(convert) = self.output {
                convert(from, raw, n);
                from = raw.cast_const();
            }
            scatter(
                self.out,
                &self.kept.sizes,
                &self.kept.out,
                self.out_size,
                first,
                n,
                from,
            );
        }
    }
}
