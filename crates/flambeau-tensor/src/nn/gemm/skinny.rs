//! Products with few rows, bound by memory and not by arithmetic: nothing is packed, the large operand is read once.

use super::pack::Matrix;
use crate::nn::vector::{Real, Vector, WithVector, run};
use crate::parallel::{SharedMut, parallel_chunks};

/// The most rows for which [`dots`] beats the packed product.
pub const MOST: usize = 16;

/// Columns of a task.
const CHUNK: usize = 64;

/// `c[i·cs_i + j·cs_j] = Σ_k x[i][k] · w[j][k]`: both operands lie along k. The sum of each element runs over the
/// lanes of a register.
#[derive(Clone, Copy)]
pub struct Dots<T> {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub x: *const T,
    pub x_stride: isize,
    pub w: *const T,
    pub w_stride: isize,
    pub c: SharedMut<T>,
    pub c_stride_i: usize,
    pub c_stride_j: usize,
    /// First of `n` columns that this part computes, and one past its last.
    from: usize,
    to: usize,
}

// SAFETY: the operands are only read while a product runs; C is written at disjoint places.
unsafe impl<T: Sync> Sync for Dots<T> {}

impl<T: Real> Dots<T> {
    /// The product of `x` (m × k) and the transposed `w` (n × k), whose columns are dense.
    pub fn new(
        size: (usize, usize, usize),
        x: Matrix<T>,
        w: Matrix<T>,
        c: SharedMut<T>,
        strides: (usize, usize),
    ) -> Self {
        let (m, n, k) = size;
        Dots {
            m,
            n,
            k,
            x: x.data,
            x_stride: x.row_stride,
            w: w.data,
            w_stride: w.row_stride,
            c,
            c_stride_i: strides.0,
            c_stride_j: strides.1,
            from: 0,
            to: n,
        }
    }
}

/// Runs the product.
///
/// # Safety
/// Operands are readable, C writable and not used by others.
pub unsafe fn dots<T: Real>(d: Dots<T>) {
    let small = (d.m * d.n).saturating_mul(d.k) < 1 << 18;
    let d = &d;
    parallel_chunks(d.n, if small { d.n } else { CHUNK }, |_, range| {
        run(Dots {
            from: range.start,
            to: range.end,
            ..*d
        });
    });
}

impl<T: Real> WithVector<T> for Dots<T> {
    type Output = ();

    #[inline(always)]
    unsafe fn call<V: Vector<Elem = T>>(self) {
        let blocks = self.m.div_ceil(6).max(1);
        let mut j = self.from;
        while j < self.to {
            let left = self.to - j;
            let wide = if left >= 4 && 6 * 4 <= 2 * V::ROWS {
                4
            } else if left >= 2 {
                2
            } else {
                1
            };
            for b in 0..blocks {
                let (i, end) = (b * self.m / blocks, (b + 1) * self.m / blocks);
                macro_rules! rows {
                    ($($r:literal)*) => {
                        match (end - i, wide) {
                            $(($r, 4) => block::<V, $r, 4>(&self, i, j),
                            ($r, 2) => block::<V, $r, 2>(&self, i, j),
                            ($r, _) => block::<V, $r, 1>(&self, i, j),)*
                            _ => {}
                        }
                    };
                }
                // SAFETY: rows `i..end` and columns `j..j + wide` exist.
                unsafe { rows!(1 2 3 4 5 6) };
            }
            j += wide;
        }
    }
}

#[inline(always)]
#[allow(clippy::needless_range_loop)]
unsafe fn block<V: Vector<Elem: Real>, const R: usize, const N: usize>(
    d: &Dots<V::Elem>,
    i: usize,
    j: usize,
) {
    // SAFETY: the caller names rows and columns that exist, and all have k elements.
    unsafe {
        let zero = V::splat(V::Elem::ZERO);
        let mut sums = [[zero; N]; R];
        // Loops and not `from_fn`: its closures are not compiled for the level, and what they call stays a call.
        let (mut x, mut w) = ([d.x; R], [d.w; N]);
        for (r, x) in x.iter_mut().enumerate() {
            *x = x.wrapping_offset((i + r) as isize * d.x_stride);
        }
        for (c, w) in w.iter_mut().enumerate() {
            *w = w.wrapping_offset((j + c) as isize * d.w_stride);
        }
        let whole = d.k / V::LANES * V::LANES;
        let mut k = 0;
        let mut columns = [zero; N];
        while k < whole {
            for c in 0..N {
                columns[c] = V::load(w[c].add(k));
            }
            for r in 0..R {
                let x = V::load(x[r].add(k));
                for c in 0..N {
                    sums[r][c] = sums[r][c].fma(x, columns[c]);
                }
            }
            k += V::LANES;
        }
        let rest = d.k - whole;
        if rest != 0 {
            for c in 0..N {
                columns[c] = V::load_part(w[c].add(k), rest);
            }
            for r in 0..R {
                let x = V::load_part(x[r].add(k), rest);
                for c in 0..N {
                    sums[r][c] = sums[r][c].fma(x, columns[c]);
                }
            }
        }
        for r in 0..R {
            for c in 0..N {
                *d.c.get().add((i + r) * d.c_stride_i + (j + c) * d.c_stride_j) = sums[r][c].sum();
            }
        }
    }
}

/// `c[i][j] = Σ_k x[i][k] · b[k][j]` with the rows of `b` dense, for one to four rows: rows of B stream past rows of C.
#[derive(Clone, Copy)]
pub struct Streams<T> {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub x: Matrix<T>,
    pub b: *const T,
    pub b_stride: isize,
    pub c: SharedMut<T>,
    pub c_stride: usize,
    from: usize,
    to: usize,
}

// SAFETY: as for `Dots`.
unsafe impl<T: Sync> Sync for Streams<T> {}

impl<T: Real> Streams<T> {
    pub fn new(
        size: (usize, usize, usize),
        x: Matrix<T>,
        b: Matrix<T>,
        c: SharedMut<T>,
        c_stride: usize,
    ) -> Self {
        let (m, n, k) = size;
        Streams {
            m,
            n,
            k,
            x,
            b: b.data,
            b_stride: b.row_stride,
            c,
            c_stride,
            from: 0,
            to: n,
        }
    }
}

/// The most rows for which [`streams`] is meant.
pub const STREAMS_MOST: usize = 4;

/// Runs the product.
///
/// # Safety
/// Operands are readable, C writable and not used by others.
pub unsafe fn streams<T: Real>(s: Streams<T>) {
    let small = (s.m * s.n).saturating_mul(s.k) < 1 << 18;
    let s = &s;
    parallel_chunks(s.n, if small { s.n } else { 512 }, |_, range| {
        run(Streams {
            from: range.start,
            to: range.end,
            ..*s
        });
    });
}

impl<T: Real> WithVector<T> for Streams<T> {
    type Output = ();

    #[inline(always)]
    unsafe fn call<V: Vector<Elem = T>>(self) {
        const BLOCK: usize = 512;
        for j in (self.from..self.to).step_by(BLOCK) {
            let n = BLOCK.min(self.to - j);
            for i in 0..self.m {
                // SAFETY: the row piece is inside C, and B has these columns.
                unsafe {
                    let c = self.c.get().add(i * self.c_stride + j);
                    for at in 0..n {
                        *c.add(at) = T::ZERO;
                    }
                }
            }
            let mut k = 0;
            while k < self.k {
                let step = if self.k - k >= 4 { 4 } else { 1 };
                for i in 0..self.m {
                    // SAFETY: as above.
                    unsafe {
                        let c = self.c.get().add(i * self.c_stride + j);
                        let b = self.b.wrapping_offset(k as isize * self.b_stride + j as isize);
                        if step == 4 {
                            stream::<V, 4>(&self, i, k, n, b, c);
                        } else {
                            stream::<V, 1>(&self, i, k, n, b, c);
                        }
                    }
                }
                k += step;
            }
        }
    }
}

#[inline(always)]
unsafe fn stream<V: Vector<Elem: Real>, const K: usize>(
    s: &Streams<V::Elem>,
    i: usize,
    k: usize,
    n: usize,
    b: *const V::Elem,
    c: *mut V::Elem,
) {
    // SAFETY: the caller names K rows of B from `b` on and a piece of C, `n` elements each.
    unsafe {
        let mut x = [V::splat(V::Elem::ZERO); K];
        for (t, x) in x.iter_mut().enumerate() {
            *x = V::splat(*s.x.at(i, k + t));
        }
        let whole = n / V::LANES * V::LANES;
        let mut j = 0;
        while j < whole {
            let mut sum = V::load(c.add(j));
            for (t, &x) in x.iter().enumerate() {
                sum = sum.fma(x, V::load(b.wrapping_offset(t as isize * s.b_stride).add(j)));
            }
            sum.store(c.add(j));
            j += V::LANES;
        }
        let rest = n - whole;
        if rest != 0 {
            let mut sum = V::load_part(c.add(j), rest);
            for (t, &x) in x.iter().enumerate() {
                sum = sum.fma(
                    x,
                    V::load_part(b.wrapping_offset(t as isize * s.b_stride).add(j), rest),
                );
            }
            sum.store_part(c.add(j), rest);
        }
    }
}
