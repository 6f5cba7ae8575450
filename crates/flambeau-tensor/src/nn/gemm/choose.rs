//! One entry for a product of strided matrices: picks the kernel by shape and strides, never by threads.

use super::skinny::{self, Dots, Streams};
use super::{Columns, Finish, Matrix, Product, Rows, multiply};
use crate::nn::scratch::with_scratch;
use crate::nn::vector::Real;
use crate::parallel::{SharedMut, parallel_for};

/// The least depth for which dot products along registers pay.
const DEEP: usize = 32;

/// `C = A·B` (m × k times k × n) with C row-major, `finish`ed. `None`: no memory.
///
/// # Safety
/// The operands are readable over their extents and nobody writes them meanwhile; C is writable over its own and no
/// one else uses it.
pub unsafe fn product<T: Real + bytemuck::Pod>(
    (m, n, k): (usize, usize, usize),
    a: Matrix<T>,
    b: Matrix<T>,
    c: SharedMut<T>,
    c_stride: usize,
    finish: Option<Finish<'_, T>>,
) -> Option<()> {
    if m == 0 || n == 0 {
        return Some(());
    }
    let mut done = true;
    // SAFETY: passed on; copies made here have the extents given with them.
    unsafe {
        if m <= skinny::MOST && k >= DEEP && b.row_stride == 1 {
            with_rows(a, m, k, |x| {
                skinny::dots(Dots::new((m, n, k), x, b.t(), c, (c_stride, 1)));
            })?;
        } else if n <= skinny::MOST && k >= DEEP && a.column_stride == 1 {
            with_rows(b.t(), n, k, |x| {
                skinny::dots(Dots::new((n, m, k), x, a, c, (1, c_stride)));
            })?;
        } else if m <= skinny::STREAMS_MOST && b.column_stride == 1 {
            skinny::streams(Streams::new((m, n, k), a, b, c, c_stride));
        } else if n == 1 && c_stride == 1 && a.row_stride == 1 {
            skinny::streams(Streams::new((1, m, k), b.t(), a.t(), c, m));
        } else {
            done = false;
            let (a, b) = (Rows::Strided(a), Columns::Strided(b));
            multiply(&Product {
                m,
                n,
                k,
                a,
                b,
                c,
                c_stride,
                add: false,
                finish,
            })?;
        }
        if let (true, Some(finish)) = (done, finish) {
            parallel_for(m, (1 << 15) / n + 1, |rows| {
                for i in rows {
                    finish(i, 0, std::slice::from_raw_parts_mut(c.get().add(i * c_stride), n));
                }
            });
        }
    }
    Some(())
}

/// Calls `body` with a matrix of few rows whose rows are dense.
unsafe fn with_rows<T: Real + bytemuck::Pod, R>(
    x: Matrix<T>,
    m: usize,
    k: usize,
    body: impl FnOnce(Matrix<T>) -> R,
) -> Option<R> {
    if x.column_stride == 1 {
        return Some(body(x));
    }
    with_scratch(m.checked_mul(k)?, |copy: &mut [T]| {
        for i in 0..m {
            for (p, to) in copy[i * k..(i + 1) * k].iter_mut().enumerate() {
                // SAFETY: the caller vouches for m × k elements.
                *to = unsafe { *x.at(i, p) };
            }
        }
        body(Matrix {
            data: copy.as_ptr(),
            row_stride: k as isize,
            column_stride: 1,
        })
    })
}
