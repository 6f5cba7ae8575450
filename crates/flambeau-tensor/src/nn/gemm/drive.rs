//! Cuts a product into blocks that fit the caches and hands them to the tiles.

use super::pack::{Matrix, RowPanels, pack_columns, pack_rows};
use super::tile::{TileArgs, compute, panel};
use crate::nn::scratch::with_scratch;
use crate::nn::vector::{Real, Vector, WithVector, run};
use crate::parallel::{SharedMut, parallel_tasks, threads};
use std::ops::Range;

/// Depth of a block: a panel of A stays in the first-level cache.
const DEPTH: usize = 384;
/// The longest chain of additions into one register. A chain's error grows with its length, so tiles add shorter ones
/// to C, which is in the first-level cache then.
const CHAIN: usize = 128;
/// Elements of a block of B: half of a second-level cache of 1 MiB for `f32`.
const BLOCK: usize = 128 << 10;
/// Elements of A packed at a time.
const PACKED_ROWS: usize = 1 << 20;
/// Multiply-adds that are worth a thread.
const TASK: u64 = 400_000;

/// A source of panels of B that exists only by what it writes: the gathered input of a convolution.
pub trait Fill<T>: Sync {
    /// Writes rows `k` and columns `first..first + width` to `out[k][panel]`, zeros after `width`.
    fn fill(&self, k: Range<usize>, first: usize, width: usize, panel: usize, out: &mut [T]);
}

/// The left operand.
#[derive(Clone, Copy)]
pub enum Rows<'a, T> {
    /// Panels by [`RowPanels`] of [`super::panel_rows`], whole K each.
    Packed(&'a [T]),
    /// Panels deeper than this product, which starts at `from` of their `depth`.
    PartPacked {
        packed: &'a [T],
        depth: usize,
        from: usize,
    },
    Strided(Matrix<T>),
}

/// The right operand.
#[derive(Clone, Copy)]
pub enum Columns<'a, T> {
    /// Panels of [`super::panel_width`] columns, whole K each.
    Packed(&'a [T]),
    /// Panels deeper than this product, which uses the beginning of each: the whole depth.
    Deeper(&'a [T], usize),
    Strided(Matrix<T>),
    Filled(&'a dyn Fill<T>),
}

/// What happens to a finished piece of a row of C, given its row, its first column and its elements. Every element
/// passes once; where rows are cut may vary, so the function must treat elements on their own.
pub type Finish<'a, T> = &'a (dyn Fn(usize, usize, &mut [T]) + Sync);

/// `C = A·B`, then `finish`.
pub struct Product<'a, T> {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub a: Rows<'a, T>,
    pub b: Columns<'a, T>,
    pub c: SharedMut<T>,
    /// Distance of the rows of C.
    pub c_stride: usize,
    /// Add to C instead of writing it.
    pub add: bool,
    pub finish: Option<Finish<'a, T>>,
}

/// How depth is cut: evenly, into blocks of at most [`DEPTH`].
fn depth(k: usize) -> usize {
    k.div_ceil(k.div_ceil(DEPTH).max(1)).max(1)
}

/// Runs a product. `None`: no memory for the packed copies.
///
/// # Safety
/// The operands are readable over their extents and nobody writes them meanwhile; C is writable over its own and no
/// one else uses it.
pub unsafe fn multiply<T: Real + bytemuck::Pod>(p: &Product<'_, T>) -> Option<()> {
    if p.m == 0 || p.n == 0 {
        return Some(());
    }
    let rows = super::panel_rows::<T>();
    match p.a {
        Rows::Packed(packed) => {
            let panels = RowPanels::new(p.m, rows);
            // SAFETY: passed on.
            unsafe { cut(p, packed, panels, 0, (p.k, 0)) }
        }
        Rows::PartPacked { packed, depth, from } => {
            let panels = RowPanels::new(p.m, rows);
            // SAFETY: passed on.
            unsafe { cut(p, packed, panels, 0, (depth, from)) }
        }
        Rows::Strided(a) => {
            // Chunks of rows whose packed copy stays bounded; B is packed again for each.
            let chunk = (PACKED_ROWS / p.k.max(1))
                .next_multiple_of(rows)
                .max(rows * 4)
                .min(p.m);
            for first in (0..p.m).step_by(chunk) {
                let m = chunk.min(p.m - first);
                let panels = RowPanels::new(m, rows);
                with_scratch(m.checked_mul(p.k)?, |packed: &mut [T]| {
                    let out = SharedMut(packed.as_mut_ptr());
                    let pieces = if m * p.k < 1 << 16 {
                        1
                    } else {
                        panels.count.min(threads() * 2)
                    };
                    parallel_tasks(pieces, |piece| {
                        crate::simd::vectorize(
                            #[inline(always)]
                            || {
                                for i in piece * panels.count / pieces..(piece + 1) * panels.count / pieces {
                                    let (row, height) = panels.get(i);
                                    // SAFETY: rows `first + row..` exist; each panel has its own place in `packed`.
                                    unsafe {
                                        pack_rows(a, first + row, height, 0, p.k, out.get().add(row * p.k))
                                    };
                                }
                            },
                        );
                    });
                    // SAFETY: passed on.
                    unsafe { cut(p, packed, panels, first, (p.k, 0)) }
                })??;
            }
            Some(())
        }
    }
}

/// Cuts rows `first..` (given packed to a depth of which the product starts somewhere) into tasks.
unsafe fn cut<T: Real + bytemuck::Pod>(
    p: &Product<'_, T>,
    a: &[T],
    panels: RowPanels,
    first: usize,
    packed_depth: (usize, usize),
) -> Option<()> {
    let width = super::panel_width::<T>();
    let column_panels = p.n.div_ceil(width);
    let work = (a.len() / packed_depth.0.max(1)) as u64 * p.k as u64 * p.n as u64;
    let wanted = ((work / TASK).max(1) as usize).min(threads());
    // Columns first: each task packs its own columns of B, and rows would pack the same ones again.
    let (by_column, by_row) = if wanted == 1 {
        (1, 1)
    } else {
        let by_column = column_panels.min(wanted);
        let by_row = wanted.div_ceil(by_column).min(panels.count);
        // A few more pieces than threads, if they stay large: the machine may have other things to do.
        let finer = ((work / TASK) as usize / (by_column * by_row)).clamp(1, 4);
        if by_row == 1 {
            ((by_column * finer).min(column_panels), 1)
        } else {
            (by_column, by_row)
        }
    };
    let done = std::sync::atomic::AtomicBool::new(true);
    parallel_tasks(by_column * by_row, |task| {
        let (jt, it) = (task % by_column, task / by_column);
        let columns =
            jt * column_panels / by_column * width..((jt + 1) * column_panels / by_column * width).min(p.n);
        let rows = it * panels.count / by_row..(it + 1) * panels.count / by_row;
        // Tasks have disjoint parts of C.
        let task = Task {
            p,
            a,
            packed_depth,
            panels,
            first,
            rows,
            columns,
        };
        if task.run().is_none() {
            done.store(false, std::sync::atomic::Ordering::Relaxed);
        }
    });
    done.into_inner().then_some(())
}

struct Task<'a, 'p, T> {
    p: &'a Product<'p, T>,
    a: &'a [T],
    /// How deep its panels are, and where the product starts.
    packed_depth: (usize, usize),
    panels: RowPanels,
    /// The row of C at which the packed rows start.
    first: usize,
    /// Which panels of A.
    rows: Range<usize>,
    columns: Range<usize>,
}

impl<'a, T: Real + bytemuck::Pod> Task<'a, '_, T> {
    /// The right operand, if tiles read it where it lies: packing it pays once it is read about three times, or if
    /// it does not lie in rows.
    fn direct(&self) -> Option<Matrix<T>> {
        match self.p.b {
            Columns::Strided(b) if b.column_stride == 1 && self.rows.len() <= 2 => Some(b),
            _ => None,
        }
    }

    fn run(&self) -> Option<()> {
        let wide = super::panel_width::<T>();
        let kc = depth(self.p.k);
        let nc = (BLOCK / kc / wide * wide).max(wide * 4);
        let room = match self.p.b {
            Columns::Packed(_) | Columns::Deeper(..) => 0,
            _ if self.direct().is_some() => wide * kc,
            _ => nc.min(self.columns.len().next_multiple_of(wide)) * kc,
        };
        // The buffer is borrowed out here: a closure inside `call` would not be compiled for the level.
        with_scratch(room, |scratch| {
            run(Blocks {
                task: self,
                scratch,
                kc,
                nc,
            })
        })
    }
}

struct Blocks<'a, 'p, T> {
    task: &'a Task<'a, 'p, T>,
    scratch: &'a mut [T],
    kc: usize,
    nc: usize,
}

impl<T: Real + bytemuck::Pod> WithVector<T> for Blocks<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn call<V: Vector<Elem = T>>(self) {
        let Blocks {
            task,
            scratch,
            kc,
            nc,
        } = self;
        let direct = task.direct();
        let mut j0 = task.columns.start;
        while j0 < task.columns.end {
            let n = nc.min(task.columns.end - j0);
            let mut k0 = 0;
            loop {
                let k = kc.min(task.p.k - k0);
                let last = k0 + k >= task.p.k;
                // SAFETY: the block is inside the operands; `scratch` has room for its panels.
                unsafe { task.block::<V>(direct, scratch, j0..j0 + n, k0..k0 + k, last) };
                k0 += k;
                if last {
                    break;
                }
            }
            j0 += n;
        }
    }
}

impl<T: Real + bytemuck::Pod> Task<'_, '_, T> {
    /// One block of B against all rows of the task.
    #[inline(always)]
    unsafe fn block<V: Vector<Elem = T>>(
        &self,
        direct: Option<Matrix<T>>,
        scratch: &mut [T],
        columns: Range<usize>,
        depth: Range<usize>,
        last: bool,
    ) {
        let p = self.p;
        let wide = panel::<V>();
        let (k, n) = (depth.len(), columns.len());
        match (p.b, direct) {
            (Columns::Packed(_) | Columns::Deeper(..), _) => {}
            (Columns::Filled(source), _) => {
                for j in (0..n).step_by(wide) {
                    let out = &mut scratch[j * k..(j + wide) * k];
                    source.fill(depth.clone(), columns.start + j, wide.min(n - j), wide, out);
                }
            }
            (Columns::Strided(b), None) => {
                for j in (0..n).step_by(wide) {
                    let out = scratch[j * k..(j + wide) * k].as_mut_ptr();
                    // SAFETY: the columns exist, and `out` is one panel.
                    unsafe { pack_columns::<V>(b, columns.start + j, wide.min(n - j), depth.start, k, out) };
                }
            }
            (Columns::Strided(b), Some(_)) => {
                // Only a last panel that is not full needs a copy: the tile reads whole registers.
                let rest = n % wide;
                if rest != 0 {
                    // SAFETY: as above.
                    unsafe {
                        pack_columns::<V>(b, columns.end - rest, rest, depth.start, k, scratch.as_mut_ptr());
                    }
                }
            }
        }
        for i in self.rows.clone() {
            let (row, height) = self.panels.get(i);
            let (whole, from) = self.packed_depth;
            let a = self.a[row * whole + (from + depth.start) * height..].as_ptr();
            // SAFETY: rows and columns of the block are inside C.
            let c = unsafe { p.c.get().add((self.first + row) * p.c_stride + columns.start) };
            for j in (0..n).step_by(wide) {
                let width = wide.min(n - j);
                let (b, b_stride) = match (p.b, direct) {
                    (Columns::Deeper(b, k), _) => {
                        (b[(columns.start + j) * k + depth.start * wide..].as_ptr(), wide)
                    }
                    (Columns::Packed(b), _) => {
                        (b[(columns.start + j) * p.k + depth.start * wide..].as_ptr(), wide)
                    }
                    (_, Some(b)) if width == wide => {
                        // SAFETY: inside B.
                        (
                            unsafe { b.at(depth.start, columns.start + j) },
                            b.row_stride as usize,
                        )
                    }
                    (_, Some(_)) => (scratch.as_ptr(), wide),
                    _ => (scratch[j * k..].as_ptr(), wide),
                };
                let links = k.div_ceil(CHAIN).max(1);
                for link in 0..links {
                    let (from, to) = (link * k / links, (link + 1) * k / links);
                    // SAFETY: A has `height` packed rows from `a` on, B a panel at `b`, C the tile.
                    unsafe {
                        let tile = TileArgs {
                            k: to - from,
                            a: a.add(from * height),
                            b: b.wrapping_add(from.wrapping_mul(b_stride)),
                            b_stride,
                            c: c.add(j),
                            c_stride: p.c_stride,
                            width,
                            add: p.add || depth.start + from > 0,
                        };
                        compute::<V>(height, tile);
                    }
                }
            }
            if let (true, Some(finish)) = (last, p.finish) {
                for r in 0..height {
                    // SAFETY: this task owns the row piece, and it is initialised now.
                    let piece = unsafe { std::slice::from_raw_parts_mut(c.add(r * p.c_stride), n) };
                    finish(self.first + row + r, columns.start, piece);
                }
            }
        }
    }
}
