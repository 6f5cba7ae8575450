//! Balancing a general matrix before its eigenvalues are sought (LAPACK's `gebal`): rows and columns that split off an
//! eigenvalue go to the ends, the rest is scaled by powers of two. The order of eigenvalues depends on it.

use crate::mat::{Field, Mat, norm2};

/// What was done to a matrix, to be undone on its vectors.
pub(crate) struct Balance {
    /// Rows and columns that are left to do; outside of them the matrix is upper triangular.
    pub low: usize,
    pub high: usize,
    /// Exchanges in the order they were made.
    swaps: Vec<(usize, usize)>,
    scale: Vec<f64>,
}

fn exchange<T: Field>(a: &mut Mat<T>, i: usize, j: usize, rows: usize, from: usize) {
    if i == j {
        return;
    }
    for r in 0..rows {
        a.row_mut(r).swap(i, j);
    }
    let (x, y) = a.two_rows_mut(i, j);
    x[from..].swap_with_slice(&mut y[from..]);
}

/// Balances `a` in place; `high` is one past the end.
pub(crate) fn balance<T: Field>(a: &mut Mat<T>) -> Balance {
    let n = a.rows;
    let (mut low, mut high) = (0, n);
    let mut swaps = Vec::new();
    // Rows without another element go to the bottom, then columns to the left.
    while high > 0 {
        let alone = |i: &usize| (0..high).all(|j| j == *i || a[(*i, j)] == T::zero());
        let Some(i) = (0..high).rev().find(alone) else {
            break;
        };
        exchange(a, i, high - 1, high, low);
        swaps.push((i, high - 1));
        high -= 1;
    }
    while low < high {
        let alone = |j: &usize| (low..high).all(|i| i == *j || a[(i, *j)] == T::zero());
        let Some(j) = (low..high).find(alone) else { break };
        exchange(a, j, low, high, low);
        swaps.push((j, low));
        low += 1;
    }
    let mut scale = vec![1.0; n];
    let mut again = true;
    while again {
        again = false;
        for i in low..high {
            let column: Vec<T> = (low..high).map(|r| a[(r, i)]).collect();
            let (mut c, mut r) = (norm2(&column), norm2(&a.row(i)[low..high]));
            if c == 0.0 || r == 0.0 || !(c + r).is_finite() {
                continue;
            }
            let before = c + r;
            let mut f = 1.0f64;
            while c < r / 2.0 && f < 1e150 {
                (f, c, r) = (f * 2.0, c * 2.0, r / 2.0);
            }
            while c / 2.0 >= r && f > 1e-150 {
                (f, c, r) = (f / 2.0, c / 2.0, r * 2.0);
            }
            let total = scale[i] * f;
            if c + r >= 0.95 * before || !(1e-290..1e290).contains(&total) {
                continue;
            }
            scale[i] = total;
            again = true;
            a.row_mut(i)[low..].iter_mut().for_each(|x| *x = x.scale(1.0 / f));
            for r in 0..high {
                a[(r, i)] = a[(r, i)].scale(f);
            }
        }
    }
    Balance {
        low,
        high,
        swaps,
        scale,
    }
}

impl Balance {
    /// An eigenvector of the balanced matrix becomes one of the matrix.
    pub fn undo<T: Field>(&self, v: &mut [T]) {
        for (v, s) in v.iter_mut().zip(&self.scale) {
            *v = v.scale(*s);
        }
        for &(i, j) in self.swaps.iter().rev() {
            v.swap(i, j);
        }
    }
}
