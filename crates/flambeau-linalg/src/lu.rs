//! LU decomposition with partial pivoting, and what follows from it: systems, determinants, inverses.

use crate::mat::{Field, Mat, axpy};

/// `P A = L U` as LAPACK packs it: U on and above the diagonal, L (unit diagonal) below.
#[derive(Clone, Debug)]
pub struct Lu<T> {
    pub packed: Mat<T>,
    /// Row `i` changed places with row `pivots[i]`, counted from 1, in ascending order of `i`.
    pub pivots: Vec<i32>,
    /// 0, or the number (from 1) of the first diagonal element of U that is exactly zero.
    pub info: i32,
}

pub fn lu_factor<T: Field>(mut a: Mat<T>, pivot: bool) -> Lu<T> {
    let steps = a.rows.min(a.cols);
    let (mut pivots, mut info) = (Vec::with_capacity(steps), 0);
    for k in 0..steps {
        let mut best = k;
        if pivot {
            for i in k + 1..a.rows {
                if a[(i, k)].abs1() > a[(best, k)].abs1() {
                    best = i;
                }
            }
        }
        pivots.push(best as i32 + 1);
        a.swap_rows(k, best);
        let diagonal = a[(k, k)];
        if diagonal == T::zero() {
            if info == 0 {
                info = k as i32 + 1;
            }
            continue;
        }
        let cols = a.cols;
        let (above, below) = a.data.split_at_mut((k + 1) * cols);
        let pivot_row = &above[k * cols..];
        for row in below.chunks_exact_mut(cols) {
            let factor = row[k] / diagonal;
            row[k] = factor;
            if factor != T::zero() {
                axpy(&mut row[k + 1..], -factor, &pivot_row[k + 1..]);
            }
        }
    }
    Lu {
        packed: a,
        pivots,
        info,
    }
}

/// The permutation that `pivots` make: row `i` of `P A` is row `order[i]` of `A`. Pivots out of range are an error.
pub fn pivots_to_order(pivots: &[i32], rows: usize) -> Result<Vec<usize>, String> {
    let mut order: Vec<usize> = (0..rows).collect();
    for (i, &p) in pivots.iter().enumerate() {
        if p < 1 || p as usize > rows || i >= rows {
            return Err("pivots passed to lu_solve must be between 1 and the number of rows".into());
        }
        order.swap(i, p as usize - 1);
    }
    Ok(order)
}

impl<T: Field> Lu<T> {
    /// Unit lower trapezoid, `rows x min(rows, cols)`.
    pub fn l(&self) -> Mat<T> {
        let k = self.packed.rows.min(self.packed.cols);
        Mat::from_fn(self.packed.rows, k, |i, j| {
            if i == j {
                T::one()
            } else if i > j {
                self.packed[(i, j)]
            } else {
                T::zero()
            }
        })
    }

    /// Upper trapezoid, `min(rows, cols) x cols`.
    pub fn u(&self) -> Mat<T> {
        let k = self.packed.rows.min(self.packed.cols);
        Mat::from_fn(k, self.packed.cols, |i, j| {
            if i <= j { self.packed[(i, j)] } else { T::zero() }
        })
    }

    /// The X with `A X = B` (`adjoint`: `A^H X = B`).
    pub fn solve(&self, b: &Mat<T>, adjoint: bool) -> Result<Mat<T>, String> {
        let order = pivots_to_order(&self.pivots, self.packed.rows)?;
        let a = &self.packed;
        let n = a.rows;
        if !adjoint {
            let mut x = Mat::from_fn(n, b.cols, |i, j| b[(order[i], j)]);
            solve_triangular(a, &mut x, false, true);
            solve_triangular(a, &mut x, true, false);
            return Ok(x);
        }
        let ah = a.adjoint();
        let mut y = b.clone();
        solve_triangular(&ah, &mut y, false, false);
        solve_triangular(&ah, &mut y, true, true);
        let mut x = Mat::zeros(n, b.cols);
        for (i, &from) in order.iter().enumerate() {
            x.row_mut(from).copy_from_slice(y.row(i));
        }
        Ok(x)
    }

    /// Sign (or phase) and logarithm of the absolute value of the determinant.
    pub fn slogdet(&self) -> (T, f64) {
        let swaps = self
            .pivots
            .iter()
            .enumerate()
            .filter(|(i, p)| **p != *i as i32 + 1)
            .count();
        let mut sign = if swaps % 2 == 0 { T::one() } else { -T::one() };
        let mut log = 0.0;
        for i in 0..self.packed.rows {
            let d = self.packed[(i, i)];
            let size = d.abs();
            if size == 0.0 {
                return (T::zero(), f64::NEG_INFINITY);
            }
            sign *= d.scale(1.0 / size);
            log += size.ln();
        }
        (sign, log)
    }

    pub fn det(&self) -> T {
        let swaps = self
            .pivots
            .iter()
            .enumerate()
            .filter(|(i, p)| **p != *i as i32 + 1)
            .count();
        let sign = if swaps % 2 == 0 { T::one() } else { -T::one() };
        (0..self.packed.rows).fold(sign, |product, i| product * self.packed[(i, i)])
    }

    pub fn inverse(&self) -> Result<Mat<T>, String> {
        self.solve(&Mat::identity(self.packed.rows), false)
    }
}

/// Replaces B by the X with `A X = B`, A the upper or lower triangle of `a`, with ones on its diagonal if `unit`.
pub fn solve_triangular<T: Field>(a: &Mat<T>, b: &mut Mat<T>, upper: bool, unit: bool) {
    let n = a.rows.min(b.rows);
    for step in 0..n {
        let i = if upper { n - 1 - step } else { step };
        let range = if upper { i + 1..n } else { 0..i };
        for k in range {
            let factor = a[(i, k)];
            if factor != T::zero() {
                let (row, other) = b.two_rows_mut(i, k);
                axpy(row, -factor, other);
            }
        }
        if !unit {
            let d = a[(i, i)];
            b.row_mut(i).iter_mut().for_each(|x| *x = *x / d);
        }
    }
}
