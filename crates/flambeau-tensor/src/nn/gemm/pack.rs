//! Copies of matrices in the order in which tiles read them.
//!
//! Rows of A are cut into panels of nearly equal height (no padding: there is a tile for every height), each stored
//! `[k][height]`. Columns of B are cut into panels of one fixed width, stored `[k][width]`, the last padded with zeros.

use super::tile::{WIDE, panel};
use crate::nn::vector::{Real, Vector, WithVector, run};

/// A strided matrix that is only read.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<T> {
    pub data: *const T,
    pub row_stride: isize,
    pub column_stride: isize,
}

// SAFETY: a `Matrix` is read from several threads and written by none while a product runs.
unsafe impl<T: Sync> Send for Matrix<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Matrix<T> {}

impl<T> Matrix<T> {
    /// The matrix with rows and columns exchanged.
    pub fn t(self) -> Self {
        Matrix {
            data: self.data,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }

    /// # Safety
    /// Row `i` and column `j` are inside the matrix (or one past it, if nothing is read there).
    #[inline(always)]
    pub unsafe fn at(&self, i: usize, j: usize) -> *const T {
        self.data
            .wrapping_offset(i as isize * self.row_stride + j as isize * self.column_stride)
    }
}

/// How `m` rows are cut into panels of at most `most` rows: as evenly as possible.
#[derive(Clone, Copy, Debug)]
pub struct RowPanels {
    base: usize,
    extra: usize,
    pub count: usize,
}

impl RowPanels {
    pub fn new(m: usize, most: usize) -> Self {
        let count = m.div_ceil(most).max(1);
        RowPanels {
            base: m / count,
            extra: m % count,
            count,
        }
    }

    /// First row and height of panel `i`.
    #[inline(always)]
    pub fn get(&self, i: usize) -> (usize, usize) {
        (
            i * self.base + i.min(self.extra),
            self.base + usize::from(i < self.extra),
        )
    }
}

/// Columns of the panels of B for `T` on this processor.
pub fn panel_width<T: Real>() -> usize {
    struct Width;
    impl<T: Real> WithVector<T> for Width {
        type Output = usize;
        #[inline(always)]
        unsafe fn call<V: Vector<Elem = T>>(self) -> usize {
            WIDE * V::LANES
        }
    }
    run::<T, _>(Width)
}

/// Rows of the tallest panel of A for `T` on this processor.
pub fn panel_rows<T: Real>() -> usize {
    struct Rows;
    impl<T: Real> WithVector<T> for Rows {
        type Output = usize;
        #[inline(always)]
        unsafe fn call<V: Vector<Elem = T>>(self) -> usize {
            V::ROWS
        }
    }
    run::<T, _>(Rows)
}

/// Copies `wide` × `k` elements to `out[k][stride]`, where the source steps by `along` over the width and by `down`
/// over k, and fills the rest of each row up to `stride` with zeros.
///
/// # Safety
/// The source is readable there, and `out` has room for `k * stride` elements.
#[inline(always)]
pub unsafe fn copy_panel_into<T: Real>(
    src: *const T,
    along: isize,
    down: isize,
    wide: usize,
    k: usize,
    out: *mut T,
    stride: usize,
) {
    // SAFETY: all offsets stay in the extents stated above.
    unsafe {
        if along == 1 {
            for p in 0..k {
                let from = src.wrapping_offset(p as isize * down);
                let to = out.add(p * stride);
                for j in 0..wide {
                    *to.add(j) = *from.add(j);
                }
                for j in wide..stride {
                    *to.add(j) = T::ZERO;
                }
            }
            return;
        }
        // Eight by eight, so that lines are used up while they are in the first-level cache.
        let mut j = 0;
        while j < wide {
            let w = (wide - j).min(8);
            let mut p = 0;
            if down == 1 {
                while p + 8 <= k {
                    let (from, to) = (
                        src.wrapping_offset(j as isize * along + p as isize),
                        out.add(p * stride + j),
                    );
                    match w {
                        8 => turn::<T, 8>(from, along, to, stride),
                        7 => turn::<T, 7>(from, along, to, stride),
                        6 => turn::<T, 6>(from, along, to, stride),
                        5 => turn::<T, 5>(from, along, to, stride),
                        4 => turn::<T, 4>(from, along, to, stride),
                        3 => turn::<T, 3>(from, along, to, stride),
                        2 => turn::<T, 2>(from, along, to, stride),
                        _ => turn::<T, 1>(from, along, to, stride),
                    }
                    p += 8;
                }
            }
            while p < k {
                for jj in 0..w {
                    *out.add(p * stride + j + jj) =
                        *src.wrapping_offset((j + jj) as isize * along + p as isize * down);
                }
                p += 1;
            }
            j += w;
        }
        if wide < stride {
            for p in 0..k {
                for j in wide..stride {
                    *out.add(p * stride + j) = T::ZERO;
                }
            }
        }
    }
}

/// Turns `W` rows of eight elements into eight rows of `W`. The arrays tell the compiler that nothing aliases, so that
/// it transposes in registers.
#[inline(always)]
#[allow(clippy::needless_range_loop)]
unsafe fn turn<T: Real, const W: usize>(src: *const T, along: isize, out: *mut T, stride: usize) {
    // SAFETY: the caller vouches for the rows on both sides.
    unsafe {
        let mut block = [[T::ZERO; 8]; W];
        for j in 0..W {
            block[j] = src
                .wrapping_offset(j as isize * along)
                .cast::<[T; 8]>()
                .read_unaligned();
        }
        for p in 0..8 {
            let mut column = [T::ZERO; W];
            for j in 0..W {
                column[j] = block[j][p];
            }
            out.add(p * stride).cast::<[T; W]>().write_unaligned(column);
        }
    }
}

/// Packs rows `first..first + height` of `a` and its columns `k0..k0 + k`.
///
/// # Safety
/// The rows and columns exist; `out` has room for `height * k` elements.
#[inline(always)]
pub unsafe fn pack_rows<T: Real>(
    a: Matrix<T>,
    first: usize,
    height: usize,
    k0: usize,
    k: usize,
    out: *mut T,
) {
    // SAFETY: passed on.
    unsafe {
        copy_panel_into(
            a.at(first, k0),
            a.row_stride,
            a.column_stride,
            height,
            k,
            out,
            height,
        )
    }
}

/// Packs columns `first..first + width` of `b` and its rows `k0..k0 + k` into one panel.
///
/// # Safety
/// As [`pack_rows`], with `panel::<V>() * k` elements in `out` and `width` no more than a panel's.
#[inline(always)]
pub unsafe fn pack_columns<V: Vector<Elem: Real>>(
    b: Matrix<V::Elem>,
    first: usize,
    width: usize,
    k0: usize,
    k: usize,
    out: *mut V::Elem,
) {
    // SAFETY: passed on.
    unsafe {
        copy_panel_into(
            b.at(k0, first),
            b.column_stride,
            b.row_stride,
            width,
            k,
            out,
            panel::<V>(),
        )
    }
}
