//! Properties on generated matrices of both fields; LAPACK's packed results as literals.

use super::*;

/// Reproducible numbers in [-1, 1).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    fn mat<T: Field>(&mut self, m: usize, n: usize) -> Mat<T> {
        Mat::from_fn(m, n, |_, _| T::new(self.next(), self.next()))
    }
}

fn distance<T: Field>(a: &Mat<T>, b: &Mat<T>) -> f64 {
    assert_eq!((a.rows, a.cols), (b.rows, b.cols));
    a.data
        .iter()
        .zip(&b.data)
        .map(|(x, y)| (*x - *y).abs())
        .fold(0.0, |m: f64, x| if x.is_nan() { x } else { m.max(x) })
}

#[track_caller]
fn same<T: Field>(a: &Mat<T>, b: &Mat<T>) {
    let d = distance(a, b);
    assert!(d < 1e-9, "differ by {d:e}:\n{a:?}\n{b:?}");
}

#[track_caller]
fn orthonormal<T: Field>(q: &Mat<T>) {
    same(&q.adjoint().mul(q), &Mat::identity(q.cols));
}

fn diagonal<T: Field>(d: &[f64], rows: usize, cols: usize) -> Mat<T> {
    Mat::from_fn(
        rows,
        cols,
        |i, j| if i == j { T::from_re(d[i]) } else { T::zero() },
    )
}

const SHAPES: [(usize, usize); 9] = [
    (1, 1),
    (3, 3),
    (5, 3),
    (3, 5),
    (12, 12),
    (40, 25),
    (0, 0),
    (4, 0),
    (0, 4),
];

fn properties<T: Field>(seed: u64) {
    let mut numbers = Numbers(seed);
    for (m, n) in SHAPES {
        let a: Mat<T> = numbers.mat(m, n);
        let lu = lu_factor(a.clone(), true);
        let order = pivots_to_order(&lu.pivots, m).unwrap();
        same(&lu.l().mul(&lu.u()), &Mat::from_fn(m, n, |i, j| a[(order[i], j)]));
        for complete in [false, true] {
            let (q, r) = qr(a.clone(), complete);
            orthonormal(&q);
            same(&q.mul(&r), &a);
            let d = svd(&a, Precision::Double, complete).unwrap();
            orthonormal(&d.u);
            orthonormal(&d.vh.adjoint());
            same(&d.u.mul(&diagonal(&d.s, d.u.cols, d.vh.rows)).mul(&d.vh), &a);
            assert!(d.s.is_sorted_by(|a, b| a >= b));
        }
        let (packed, taus) = geqrf(a.clone());
        let q = householder_product(&packed, &taus, m);
        let (c, d): (Mat<T>, Mat<T>) = (numbers.mat(m, 2), numbers.mat(2, m));
        same(&ormqr(&packed, &taus, &c, true, false), &q.mul(&c));
        same(&ormqr(&packed, &taus, &c, true, true), &q.adjoint().mul(&c));
        same(&ormqr(&packed, &taus, &d, false, false), &d.mul(&q));
        same(&ormqr(&packed, &taus, &d, false, true), &d.mul(&q.adjoint()));
        let inverse = pinv(&a, 0.0, 1e-12, false).unwrap();
        same(&a.mul(&inverse).mul(&a), &a);
        let b: Mat<T> = numbers.mat(m, 3);
        let l = lstsq(&a, &b, 1e-12).unwrap();
        same(&l.solution, &inverse.mul(&b));
        assert_eq!(
            (l.rank, matrix_rank(&a, 0.0, 1e-12, false).unwrap()),
            (m.min(n), m.min(n))
        );
        same(&lstsq_qr(&a, &b), &l.solution);
    }
    for n in [0, 1, 2, 3, 10, 33] {
        let a: Mat<T> = numbers.mat(n, n);
        let b: Mat<T> = numbers.mat(n, 2);
        let lu = lu_factor(a.clone(), true);
        same(&a.mul(&lu.solve(&b, false).unwrap()), &b);
        same(&a.adjoint().mul(&lu.solve(&b, true).unwrap()), &b);
        same(&a.mul(&lu.inverse().unwrap()), &Mat::identity(n));
        let (sign, log) = lu.slogdet();
        assert!((sign.scale(log.exp()) - lu.det()).abs() < 1e-9 * lu.det().abs());
        let h = Mat::from_fn(n, n, |i, j| a[(i, j)] + a[(j, i)].conj());
        let (values, vectors) = eigh(&h, Precision::Double).unwrap();
        orthonormal(&vectors);
        assert!(values.is_sorted());
        same(&vectors.mul(&diagonal(&values, n, n)).mul(&vectors.adjoint()), &h);
        for hermitian in [true, false] {
            let s = if hermitian {
                h.clone()
            } else {
                Mat::from_fn(n, n, |i, j| a[(i, j)] + a[(j, i)])
            };
            let d = ldl_factor(s.clone(), hermitian);
            same(
                &s.mul(&ldl_solve(&d.packed, &d.pivots, &b, hermitian).unwrap()),
                &b,
            );
        }
        let mut positive = a.mul(&a.adjoint());
        (0..n).for_each(|i| positive[(i, i)] += T::one());
        let (l, info) = cholesky(&positive);
        assert_eq!(info, 0);
        same(&l.mul(&l.adjoint()), &positive);
        same(&positive.mul(&cholesky_solve(&l, &b)), &b);
        let complex = Mat::from_fn(n, n, |i, j| C64::new(a[(i, j)].re(), a[(i, j)].im()));
        let (values, vectors) = eig(&complex, true).unwrap();
        let scaled = Mat::from_fn(n, n, |i, j| vectors[(i, j)] * values[j]);
        same(&complex.mul(&vectors), &scaled);
        let real = Mat::from_fn(n, n, |i, j| a[(i, j)].re());
        let complex = Mat::from_fn(n, n, |i, j| C64::new(real[(i, j)], 0.0));
        let (values, vectors) = eig_real(&real, Precision::Double, true).unwrap();
        let scaled = Mat::from_fn(n, n, |i, j| vectors[(i, j)] * values[j]);
        same(&complex.mul(&vectors), &scaled);
        same(&matrix_power(&a, 5).unwrap(), &a.mul(&a).mul(&a).mul(&a).mul(&a));
        same(&matrix_power(&a, -1).unwrap().mul(&a), &Mat::identity(n));
        // exp of commuting summands
        let double = Mat::from_fn(n, n, |i, j| a[(i, j)].scale(0.2));
        let half = Mat::from_fn(n, n, |i, j| a[(i, j)].scale(0.1));
        let e = matrix_exp(&half).unwrap();
        same(&e.mul(&e), &matrix_exp(&double).unwrap());
    }
}

#[test]
fn real() {
    properties::<f64>(1);
}

#[test]
fn complex() {
    properties::<C64>(2);
}

#[test]
fn singular_and_degenerate() {
    let rank_one = Mat::from_fn(4, 3, |i, j| (i + 1) as f64 * (j as f64 - 0.5));
    let d = svd(&rank_one, Precision::Double, true).unwrap();
    orthonormal(&d.u);
    orthonormal(&d.vh);
    assert!(d.s[1] < 1e-14 && matrix_rank(&rank_one, 0.0, 1e-10, false).unwrap() == 1);
    let zero = Mat::<f64>::zeros(3, 3);
    orthonormal(&svd(&zero, Precision::Double, true).unwrap().u);
    assert_eq!(lu_factor(zero.clone(), true).info, 1);
    assert_eq!(lu_factor(zero.clone(), true).det(), 0.0);
    assert_eq!(lu_factor(zero.clone(), true).slogdet(), (0.0, f64::NEG_INFINITY));
    assert_eq!(cholesky(&zero).1, 1);
    assert_eq!(eigh(&zero, Precision::Double).unwrap().0, [0.0; 3]);
    assert!(matrix_power(&zero, -2).is_err());
    same(&matrix_exp(&zero).unwrap(), &Mat::identity(3));
    let jordan = Mat::from_fn(4, 4, |i, j| if j == i + 1 { 1.0 } else { 0.0 });
    let values = eig_real(&jordan, Precision::Double, true).unwrap().0;
    assert!(values.iter().all(|v| v.norm() < 1e-6));
    let jordan = Mat::from_fn(4, 4, |i, j| C64::new(jordan[(i, j)], 0.0));
    assert!(eig(&jordan, true).unwrap().0.iter().all(|v| v.norm() < 1e-6));
    let turn = Mat::from_rows(2, 2, &[0.0, -1.0, 1.0, 0.0]);
    let values = eig_real(&turn, Precision::Double, true).unwrap().0;
    assert!((values[0] - C64::new(0.0, 1.0)).norm() < 1e-12 && values[1] == values[0].conj());
    let bad = Mat::from_rows(1, 1, &[f64::NAN]);
    assert!(svd(&bad, Precision::Double, false).is_err() && eigh(&bad, Precision::Double).is_err());
    let graded = Mat::from_fn(3, 3, |i, j| if i == j { [1e200, 1.0, 1e-90][i] } else { 0.0 });
    assert_eq!(
        svd(&graded, Precision::Double, false).unwrap().s,
        [1e200, 1.0, 1e-90]
    );
}

/// Vectors whose signs only the order of the steps decides, as PyTorch gives them.
#[test]
fn signs_of_vectors() {
    let near = |name: &str, got: &Mat<f64>, want: &[f64]| {
        let far = got.data.iter().zip(want).any(|(a, b)| (a - b).abs() > 1e-5);
        assert!(
            got.data.len() == want.len() && !far,
            "{name}: expected {want:?}, found {:?}",
            got.data
        );
    };
    #[rustfmt::skip]
    let singular: [(usize, usize, &[f64], &[f64], &[f64]); 4] = [
        (3, 2, &[1., 2., 3., -4., 5., 6.],
            &[0.270119, -0.037345, -0.226793, 0.968663, 0.935735, 0.245554],
            &[0.517284, 0.855814, 0.855814, -0.517284]),
        (2, 3, &[1., 2., 3., -4., 5., 6.],
            &[0.319819, -0.947479, 0.947479, 0.319819],
            &[-0.376161, 0.582874, 0.720250, -0.916829, -0.121817, -0.380245]),
        (3, 3, &[2., -1., 0., 3., 1., 4., -5., 2., 2.],
            &[-0.344512, 0.034307, 0.938155, -0.413474, -0.902729, -0.118826, 0.842823, -0.428840, 0.325185],
            &[-0.967064, 0.254484, 0.004998, -0.102330, -0.370737, -0.923083, -0.233057, -0.893192, 0.384567]),
        (5, 2, &[1., 0., 2., -1., 3., 1., 0., 2., -2., 1.],
            &[-0.234164, 0.034164, -0.489443, -0.310557, -0.681378, 0.481378, 0.042229, 0.757771, 0.489443, 0.310557],
            &[-0.995959, 0.089806, 0.089806, 0.995959]),
    ];
    for (rows, cols, a, u, vh) in singular {
        let d = svd(&Mat::from_rows(rows, cols, a), Precision::Double, false).unwrap();
        near(&format!("U of {a:?}"), &d.u, u);
        near(&format!("Vh of {a:?}"), &d.vh, vh);
    }
    #[rustfmt::skip]
    let symmetric: [(&[f64], &[f64]); 2] = [
        (&[2., -1., 0., -1., 3., 1., 0., 1., -4.],
            &[-0.023078, 0.865166, 0.500954, -0.141771, 0.493192, -0.858291, 0.989630, 0.090828, -0.111274]),
        (&[1., 2., 3., 2., 4., -1., 3., -1., 0.],
            &[0.648125, 0.557316, 0.518973, -0.280591, -0.458773, 0.843087, -0.707957, 0.692045, 0.140964]),
    ];
    for (a, vectors) in symmetric {
        near(
            &format!("vectors of {a:?}"),
            &eigh(&Mat::from_rows(3, 3, a), Precision::Double).unwrap().1,
            vectors,
        );
    }
    let turned = eigh_upper(&Mat::from_rows(3, 3, symmetric[0].0), Precision::Double)
        .unwrap()
        .1;
    near(
        "vectors from the upper triangle",
        &turned,
        &[
            -0.023078, 0.865166, 0.500954, -0.141771, 0.493192, -0.858291, 0.98963, 0.090828, -0.111274,
        ],
    );
}
