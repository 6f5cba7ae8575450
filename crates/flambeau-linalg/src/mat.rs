//! The matrix type, and the two fields everything is computed in: f64 and complex f64.
//!
//! Callers widen f32 and complex f32: small dense problems are bound by latency, and the extra digits spare every
//! algorithm here the care that single precision needs.

use num_complex::Complex;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Index, IndexMut, Mul, MulAssign, Neg, Sub, SubAssign};

pub type C64 = Complex<f64>;

/// f64 or complex f64.
pub trait Field:
    Copy
    + Debug
    + PartialEq
    + Default
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + 'static
{
    fn from_re(x: f64) -> Self;
    fn new(re: f64, im: f64) -> Self;
    fn re(self) -> f64;
    fn im(self) -> f64;
    fn conj(self) -> Self;
    /// Absolute value, without overflow on the way.
    fn abs(self) -> f64;
    /// |re| + |im|: what LAPACK compares when it chooses a pivot.
    fn abs1(self) -> f64;

    fn zero() -> Self {
        Self::from_re(0.0)
    }
    fn one() -> Self {
        Self::from_re(1.0)
    }
    fn scale(self, by: f64) -> Self {
        self * Self::from_re(by)
    }
    fn abs_square(self) -> f64 {
        self.re() * self.re() + self.im() * self.im()
    }
    fn is_finite(self) -> bool {
        self.re().is_finite() && self.im().is_finite()
    }
}

impl Field for f64 {
    fn from_re(x: f64) -> Self {
        x
    }
    fn new(re: f64, _: f64) -> Self {
        re
    }
    fn re(self) -> f64 {
        self
    }
    fn im(self) -> f64 {
        0.0
    }
    fn conj(self) -> Self {
        self
    }
    fn abs(self) -> f64 {
        f64::abs(self)
    }
    fn abs1(self) -> f64 {
        f64::abs(self)
    }
}

impl Field for C64 {
    fn from_re(x: f64) -> Self {
        Complex::new(x, 0.0)
    }
    fn new(re: f64, im: f64) -> Self {
        Complex::new(re, im)
    }
    fn re(self) -> f64 {
        self.re
    }
    fn im(self) -> f64 {
        self.im
    }
    fn conj(self) -> Self {
        Complex::conj(&self)
    }
    fn abs(self) -> f64 {
        self.re.hypot(self.im)
    }
    fn abs1(self) -> f64 {
        self.re.abs() + self.im.abs()
    }
}

/// The precision that a matrix came in. Everything is computed in f64, but an iteration ends where LAPACK's would end:
/// the number of steps decides the signs of vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    Single,
    Double,
}

impl Precision {
    /// The unit roundoff, half of the distance between 1 and the next number.
    pub fn unit(self) -> f64 {
        match self {
            Precision::Single => f64::from(f32::EPSILON) / 2.0,
            Precision::Double => f64::EPSILON / 2.0,
        }
    }

    /// The least normal number.
    pub fn least(self) -> f64 {
        match self {
            Precision::Single => f64::from(f32::MIN_POSITIVE),
            Precision::Double => f64::MIN_POSITIVE,
        }
    }
}

/// A dense matrix, row after row.
#[derive(Clone, Debug, PartialEq)]
pub struct Mat<T> {
    pub rows: usize,
    pub cols: usize,
    pub data: Vec<T>,
}

impl<T> Index<(usize, usize)> for Mat<T> {
    type Output = T;
    #[inline]
    fn index(&self, (i, j): (usize, usize)) -> &T {
        &self.data[i * self.cols + j]
    }
}

impl<T> IndexMut<(usize, usize)> for Mat<T> {
    #[inline]
    fn index_mut(&mut self, (i, j): (usize, usize)) -> &mut T {
        &mut self.data[i * self.cols + j]
    }
}

impl<T: Field> Mat<T> {
    pub fn zeros(rows: usize, cols: usize) -> Self {
        Mat {
            rows,
            cols,
            data: vec![T::zero(); rows * cols],
        }
    }

    /// `data` must hold `rows * cols` elements; missing ones are zero.
    pub fn from_rows(rows: usize, cols: usize, data: &[T]) -> Self {
        let mut data = data.to_vec();
        data.resize(rows * cols, T::zero());
        Mat { rows, cols, data }
    }

    pub fn identity(n: usize) -> Self {
        Self::from_fn(n, n, |i, j| if i == j { T::one() } else { T::zero() })
    }

    pub fn from_fn(rows: usize, cols: usize, mut f: impl FnMut(usize, usize) -> T) -> Self {
        let mut data = Vec::with_capacity(rows * cols);
        for i in 0..rows {
            data.extend((0..cols).map(|j| f(i, j)));
        }
        Mat { rows, cols, data }
    }

    pub fn row(&self, i: usize) -> &[T] {
        &self.data[i * self.cols..(i + 1) * self.cols]
    }

    pub fn row_mut(&mut self, i: usize) -> &mut [T] {
        &mut self.data[i * self.cols..(i + 1) * self.cols]
    }

    /// Rows `i` and `j`, which differ, both to be written.
    pub fn two_rows_mut(&mut self, i: usize, j: usize) -> (&mut [T], &mut [T]) {
        let n = self.cols;
        let (low, high) = (i.min(j), i.max(j));
        let (a, b) = self.data.split_at_mut(high * n);
        let (a, b) = (&mut a[low * n..(low + 1) * n], &mut b[..n]);
        if i < j { (a, b) } else { (b, a) }
    }

    pub fn swap_rows(&mut self, i: usize, j: usize) {
        if i != j {
            let (a, b) = self.two_rows_mut(i, j);
            a.swap_with_slice(b);
        }
    }

    pub fn transpose(&self) -> Self {
        Self::from_fn(self.cols, self.rows, |i, j| self[(j, i)])
    }

    /// Conjugate transpose.
    pub fn adjoint(&self) -> Self {
        Self::from_fn(self.cols, self.rows, |i, j| self[(j, i)].conj())
    }

    pub fn mul(&self, other: &Self) -> Self {
        let mut out = Self::zeros(self.rows, other.cols);
        for i in 0..self.rows {
            for k in 0..self.cols.min(other.rows) {
                axpy(out.row_mut(i), self[(i, k)], other.row(k));
            }
        }
        out
    }

    /// The first `cols` columns.
    pub fn left_columns(&self, cols: usize) -> Self {
        Self::from_fn(self.rows, cols, |i, j| self[(i, j)])
    }

    /// Sum of squares of absolute values, rooted, scaled against overflow.
    pub fn frobenius(&self) -> f64 {
        norm2(&self.data)
    }

    /// Greatest sum of absolute values of a column.
    pub fn norm_1(&self) -> f64 {
        (0..self.cols)
            .map(|j| (0..self.rows).map(|i| self[(i, j)].abs()).sum::<f64>())
            .fold(0.0, max_nan)
    }
}

pub(crate) fn max_nan(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

/// y += a x
#[inline]
pub(crate) fn axpy<T: Field>(y: &mut [T], a: T, x: &[T]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * *x;
    }
}

/// Euclidean norm.
pub(crate) fn norm2<T: Field>(x: &[T]) -> f64 {
    let plain: f64 = x.iter().map(|x| x.abs_square()).sum();
    if plain > 1e-280 && plain < 1e280 {
        return plain.sqrt();
    }
    let largest = x.iter().map(|x| x.abs()).fold(0.0, max_nan);
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    largest * x.iter().map(|x| (x.abs() / largest).powi(2)).sum::<f64>().sqrt()
}
