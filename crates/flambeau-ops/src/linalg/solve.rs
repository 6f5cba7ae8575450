//! Systems of equations, inverses, determinants, least squares, powers.

use std::sync::Arc;

use flambeau_ir::ops::Rows;
use flambeau_linalg as la;
use flambeau_linalg::{Field, Mat};
use flambeau_tensor::layout::Dims;
use flambeau_tensor::nn::matmul::matmul;
use flambeau_tensor::{DType, Result, Tensor, bail, ensure};

use super::decompose::lu_factor;
use super::{
    batch_of, broadcast_batches, check_dtype, check_infos, check_matrix, check_square, error, map, mats,
    same_dtype, shape_text, stack_numbers, stack_rows, with_field,
};

pub fn declare(ops: &mut Rows) {
    systems(ops);
    factored(ops);
    triangular(ops);
    inverses(ops);
    determinants(ops);
    least_squares(ops);
    powers(ops);
    tensors(ops);
}

/// Whether B is a batch of vectors for this A: 1-d, or A's batch sizes and one more.
fn is_vector(a: &Tensor, b: &Tensor) -> bool {
    b.dim() == 1 || (a.dim() == b.dim() + 1 && b.sizes() == &a.sizes()[..a.dim() - 1])
}

struct Solved {
    x: Tensor,
    lu: Tensor,
    pivots: Tensor,
    info: Tensor,
    infos: Vec<i32>,
}

fn solve_ex(a: &Tensor, b: &Tensor, left: bool, name: &str) -> Result<Solved> {
    check_square(a, name)?;
    same_dtype(a, b, name)?;
    ensure!(b.dim() >= 1, "{name}: B must have at least 1 dimension");
    let vector = is_vector(a, b);
    ensure!(
        left || !vector,
        "linalg.solve: Vector broadcasting of the left hand side is not supported for left=False. In this case \
         linalg.solve is equivalent to B / A.squeeze(-1)"
    );
    let b = if vector { b.unsqueeze(-1)? } else { b.clone() };
    let side = if left { -2 } else { -1 };
    ensure!(
        b.size(side)? == a.size(-1)?,
        "{name}: Incompatible shapes of A and B for the equation {} ({} and {})",
        if left { "AX = B" } else { "XA = B" },
        shape_text(a),
        shape_text(&b)
    );
    let (lu, pivots, info, infos) = lu_factor(a, true)?;
    let (wide_a, wide_b) = broadcast_batches(&lu, &b)?;
    let n = a.size(-1)?;
    let mut sizes = batch_of(&wide_a);
    sizes.push(n);
    let all_pivots = pivots.expand(&sizes)?.to_vec::<i32>()?;
    let size = (wide_b.size(-2)? as usize, wide_b.size(-1)? as usize);
    let x = with_field!(a, T => {
        let mut factors = mats::<T>(&wide_a)?.into_iter().zip(all_pivots.chunks(n.max(1) as usize));
        map::<T>(&wide_b, size, |b| {
            let Some((packed, pivots)) = factors.next() else { return Ok(b) };
            let lu = la::Lu { packed, pivots: pivots.to_vec(), info: 0 };
            // X A = B is A^H X^H = B^H.
            if left { lu.solve(&b, false) } else { lu.solve(&b.adjoint(), true).map(|x| x.adjoint()) }.map_err(error)
        })?
    });
    let x = if vector { x.squeeze_dim(-1)? } else { x };
    Ok(Solved {
        x,
        lu,
        pivots,
        info,
        infos,
    })
}

fn singular(_: i32) -> String {
    "The solver failed because the input matrix is singular.".into()
}

fn systems(ops: &mut Rows) {
    ops.op("aten::linalg_solve(Tensor A, Tensor B, *, bool left=True) -> Tensor")
        .doc("The X with `A @ X = B` (or `X @ A = B`).")
        .kernel(|a: Tensor, b: Tensor, left: bool| {
            let s = solve_ex(&a, &b, left, "linalg.solve")?;
            check_infos("torch.linalg.solve", &s.infos, a.dim() > 2, singular)?;
            Ok(s.x)
        });
    ops.op("aten::linalg_solve_ex(Tensor A, Tensor B, *, bool left=True, bool check_errors=False) -> (Tensor result, Tensor info)")
        .doc("`linalg_solve` that reports singular matrices in `info`.")
        .kernel(|a: Tensor, b: Tensor, left: bool, check: bool| {
            let s = solve_ex(&a, &b, left, "linalg.solve")?;
            if check {
                check_infos("torch.linalg.solve_ex", &s.infos, a.dim() > 2, singular)?;
            }
            Ok((s.x, s.info))
        });
    ops.op("aten::_linalg_solve_ex(Tensor A, Tensor B, *, bool left=True, bool check_errors=False) -> (Tensor result, Tensor LU, Tensor pivots, Tensor info)")
        .doc("`linalg_solve_ex` with the LU decomposition it used.")
        .kernel(|a: Tensor, b: Tensor, left: bool, check: bool| {
            let s = solve_ex(&a, &b, left, "linalg.solve")?;
            if check {
                check_infos("torch.linalg.solve_ex", &s.infos, a.dim() > 2, singular)?;
            }
            Ok((s.x, s.lu, s.pivots, s.info))
        });
}

fn lu_solve(lu: &Tensor, pivots: &Tensor, b: &Tensor, left: bool, adjoint: bool) -> Result<Tensor> {
    let name = "torch.linalg.lu_solve";
    check_square(lu, name)?;
    same_dtype(lu, b, name)?;
    ensure!(
        pivots.dtype() == DType::Int,
        "linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32. Got {}",
        pivots.dtype().name()
    );
    ensure!(
        b.dim() >= 2,
        "{name}: The input tensor B must have at least 2 dimensions."
    );
    let n = lu.size(-1)?;
    ensure!(
        b.size(if left { -2 } else { -1 })? == n,
        "{name}: Incompatible shapes of A and B for the equation {} ({} and {})",
        if left { "AX = B" } else { "XA = B" },
        shape_text(lu),
        shape_text(b)
    );
    ensure!(
        pivots.dim() == lu.dim() - 1 && pivots.sizes() == &lu.sizes()[..lu.dim() - 1],
        "linalg.lu_solve: Number of pivots per batch should be same as the dimension of the matrix"
    );
    let (lu, b) = broadcast_batches(lu, b)?;
    let mut sizes = batch_of(&lu);
    sizes.push(n);
    let pivots = pivots.expand(&sizes)?.to_vec::<i32>()?;
    let size = (b.size(-2)? as usize, b.size(-1)? as usize);
    with_field!(lu, T => {
        let mut factors = mats::<T>(&lu)?.into_iter().zip(pivots.chunks(n.max(1) as usize));
        map::<T>(&b, size, |b| {
            let Some((packed, pivots)) = factors.next() else { return Ok(b) };
            let lu = la::Lu { packed, pivots: pivots.to_vec(), info: 0 };
            if left {
                lu.solve(&b, adjoint)
            } else {
                lu.solve(&b.adjoint(), !adjoint).map(|x| x.adjoint())
            }
            .map_err(error)
        })
    })
}

fn factored(ops: &mut Rows) {
    ops.op("aten::linalg_lu_solve(Tensor LU, Tensor pivots, Tensor B, *, bool left=True, bool adjoint=False) -> Tensor").doc("Solves a system by its LU decomposition.").kernel(
        |lu: Tensor, pivots: Tensor, b: Tensor, left: bool, adjoint: bool| lu_solve(&lu, &pivots, &b, left, adjoint),
    );
    ops.op("aten::lu_solve(Tensor self, Tensor LU_data, Tensor LU_pivots) -> Tensor")
        .doc("Solves a system by its LU decomposition.")
        .kernel(|b: Tensor, lu: Tensor, pivots: Tensor| lu_solve(&lu, &pivots, &b, true, false));
    ops.op("aten::cholesky_solve(Tensor self, Tensor input2, bool upper=False) -> Tensor")
        .doc("Solves a system by its Cholesky factor.")
        .kernel(|b: Tensor, l: Tensor, upper: bool| {
            check_square(&l, "cholesky_solve")?;
            ensure!(
                b.dim() >= 2,
                "b should have at least 2 dimensions, but has {} dimensions instead",
                b.dim()
            );
            same_dtype(&l, &b, "cholesky_solve")?;
            ensure!(
                b.size(-2)? == l.size(-1)?,
                "Incompatible matrix sizes for cholesky_solve"
            );
            let (l, b) = broadcast_batches(&l, &b)?;
            let size = (b.size(-2)? as usize, b.size(-1)? as usize);
            with_field!(b, T => {
                let mut factors = mats::<T>(&l)?.into_iter();
                map::<T>(&b, size, |b| match factors.next() {
                    Some(l) => Ok(la::cholesky_solve(&if upper { l.adjoint() } else { l }, &b)),
                    None => Ok(b),
                })
            })
        });
    ops.op("aten::cholesky_inverse(Tensor self, bool upper=False) -> Tensor")
        .doc("The inverse of a matrix by its Cholesky factor.")
        .kernel(|l: Tensor, upper: bool| {
            check_square(&l, "cholesky_inverse")?;
            let n = l.size(-1)? as usize;
            with_field!(l, T => map::<T>(&l, (n, n), |l| {
                Ok(la::cholesky_solve(&if upper { l.adjoint() } else { l }, &Mat::identity(n)))
            }))
        });
}

fn solve_triangular(a: &Tensor, b: &Tensor, upper: bool, left: bool, unit: bool) -> Result<Tensor> {
    let name = "linalg.solve_triangular";
    check_square(a, name)?;
    ensure!(
        b.dim() >= 2,
        "{name}: The input tensor B must have at least 2 dimensions."
    );
    same_dtype(a, b, name)?;
    ensure!(
        b.size(if left { -2 } else { -1 })? == a.size(-1)?,
        "{name}: Incompatible shapes of A and B for the equation {} ({} and {})",
        if left { "AX = B" } else { "XA = B" },
        shape_text(a),
        shape_text(b)
    );
    let (a, b) = broadcast_batches(a, b)?;
    let size = (b.size(-2)? as usize, b.size(-1)? as usize);
    with_field!(a, T => {
        let mut triangles = mats::<T>(&a)?.into_iter();
        map::<T>(&b, size, |mut b| {
            let Some(a) = triangles.next() else { return Ok(b) };
            if left {
                la::solve_triangular(&a, &mut b, upper, unit);
                return Ok(b);
            }
            let mut bt = b.transpose();
            la::solve_triangular(&a.transpose(), &mut bt, !upper, unit);
            Ok(bt.transpose())
        })
    })
}

fn triangular(ops: &mut Rows) {
    ops.op("aten::linalg_solve_triangular(Tensor self, Tensor B, *, bool upper, bool left=True, bool unitriangular=False) -> Tensor")
        .doc("The X with `A @ X = B` (or `X @ A = B`) for triangular A.")
        .kernel(|a: Tensor, b: Tensor, upper: bool, left: bool, unit: bool| {
            solve_triangular(&a, &b, upper, left, unit)
        });
    ops.op("aten::triangular_solve(Tensor self, Tensor A, bool upper=True, bool transpose=False, bool unitriangular=False) -> (Tensor solution, Tensor cloned_coefficient)")
        .doc("The X with `A @ X = B` for triangular A, and a copy of A.")
        .kernel(|b: Tensor, a: Tensor, upper: bool, transpose: bool, unit: bool| {
            for (name, t) in [("b", &b), ("A", &a)] {
                ensure!(
                    t.dim() >= 2,
                    "torch.triangular_solve: Expected {name} to have at least 2 dimensions, but it has {} dimensions instead",
                    t.dim()
                );
            }
            check_square(&a, "triangular_solve")?;
            let (wide, _) = broadcast_batches(&a, &b)?;
            let (left, upper) = if transpose { (a.transpose(-2, -1)?, !upper) } else { (a.clone(), upper) };
            Ok((solve_triangular(&left, &b, upper, true, unit)?, wide.copy()?))
        });
}

fn no_inverse(info: i32) -> String {
    format!(
        "The diagonal element {info} is zero, the inversion could not be completed because the input matrix is singular."
    )
}

/// The inverses (of singular matrices: something not finite), and what went wrong.
fn inv_ex(a: &Tensor, name: &str) -> Result<(Tensor, Vec<i32>)> {
    check_square(a, name)?;
    let n = a.size(-1)? as usize;
    let mut infos = Vec::new();
    let inverse = with_field!(a, T => map::<T>(a, (n, n), |m| {
        let lu = la::lu_factor(m, true);
        infos.push(lu.info);
        lu.inverse().map_err(error)
    }))?;
    Ok((inverse, infos))
}

fn tolerance(value: Option<f64>, other: Option<f64>, default: f64) -> f64 {
    value.unwrap_or(if other.is_some_and(|x| x > 0.0) {
        0.0
    } else {
        default
    })
}

/// PyTorch's default relative tolerance: machine epsilon times the longer side.
fn default_rtol(a: &Tensor) -> Result<f64> {
    let epsilon = match a.dtype().to_real() {
        DType::Double => f64::EPSILON,
        _ => f32::EPSILON as f64,
    };
    Ok(epsilon * a.size(-1)?.max(a.size(-2)?) as f64)
}

/// Tolerances as one number for each matrix.
fn tolerances(a: &Tensor, given: Option<&Tensor>) -> Result<Option<Vec<f64>>> {
    match given {
        None => Ok(None),
        Some(t) => Ok(Some(t.expand(&batch_of(a))?.to_vec::<f64>()?)),
    }
}

fn pinv_of(a: &Tensor, atol: Option<Vec<f64>>, rtol: Option<Vec<f64>>, hermitian: bool) -> Result<Tensor> {
    check_matrix(a, "linalg.pinv")?;
    if hermitian {
        check_square(a, "linalg.pinv")?;
    }
    let size = (a.size(-1)? as usize, a.size(-2)? as usize);
    let default = default_rtol(a)?;
    let mut i = 0;
    with_field!(a, T => map::<T>(a, size, |m| {
        let at = |v: &Option<Vec<f64>>| v.as_ref().map(|v| v[i]);
        let (atol, rtol) = (at(&atol), at(&rtol));
        i += 1;
        la::pinv(&m, atol.unwrap_or(0.0), tolerance(rtol, atol, default), hermitian).map_err(error)
    }))
}

fn same_for_all(a: &Tensor, value: Option<f64>) -> Option<Vec<f64>> {
    let count = batch_of(a).iter().product::<i64>().max(0) as usize;
    value.map(|v| vec![v; count])
}

fn rank_of(a: &Tensor, atol: Option<Vec<f64>>, rtol: Option<Vec<f64>>, hermitian: bool) -> Result<Tensor> {
    check_matrix(a, "torch.linalg.matrix_rank")?;
    if hermitian {
        check_square(a, "torch.linalg.matrix_rank")?;
    }
    let default = default_rtol(a)?;
    let ranks: Vec<i64> = with_field!(a, T => {
        let all = mats::<T>(a)?;
        all.iter().enumerate().map(|(i, m)| {
            let at = |v: &Option<Vec<f64>>| v.as_ref().map(|v| v[i]);
            let (atol, rtol) = (at(&atol), at(&rtol));
            let rank = la::matrix_rank(m, atol.unwrap_or(0.0), tolerance(rtol, atol, default), hermitian);
            rank.map(|r| r as i64).map_err(error)
        }).collect::<Result<_>>()?
    });
    stack_numbers(&batch_of(a), ranks, DType::Long)
}

fn inverses(ops: &mut Rows) {
    for (schema, name) in [
        ("aten::linalg_inv(Tensor A) -> Tensor", "linalg.inv"),
        ("aten::inverse(Tensor self) -> Tensor", "linalg.inv"),
    ] {
        ops.op(schema)
            .doc("The inverse of square matrices.")
            .kernel(move |a: Tensor| {
                let (inverse, infos) = inv_ex(&a, name)?;
                check_infos(name, &infos, a.dim() > 2, no_inverse)?;
                Ok(inverse)
            });
    }
    ops.op("aten::linalg_inv_ex(Tensor A, *, bool check_errors=False) -> (Tensor inverse, Tensor info)")
        .doc("`linalg_inv` that reports singular matrices in `info`.")
        .kernel(|a: Tensor, check: bool| {
            let (inverse, infos) = inv_ex(&a, "linalg.inv")?;
            if check {
                check_infos("linalg.inv_ex", &infos, a.dim() > 2, no_inverse)?;
            }
            Ok((inverse, stack_numbers(&batch_of(&a), infos, DType::Int)?))
        });
    let doc = "The Moore-Penrose inverse; singular values below the tolerance count as zero.";
    ops.op("aten::linalg_pinv(Tensor self, float rcond, bool hermitian=False) -> Tensor")
        .doc(doc)
        .kernel(|a: Tensor, rcond: f64, hermitian: bool| {
            pinv_of(
                &a,
                same_for_all(&a, Some(0.0)),
                same_for_all(&a, Some(rcond)),
                hermitian,
            )
        });
    ops.op("aten::pinverse(Tensor self, float rcond=1.0000000000000001e-15) -> Tensor")
        .doc(doc)
        .kernel(|a: Tensor, rcond: f64| {
            pinv_of(
                &a,
                same_for_all(&a, Some(0.0)),
                same_for_all(&a, Some(rcond)),
                false,
            )
        });
    ops.op("aten::linalg_pinv.rcond_tensor(Tensor self, Tensor rcond, bool hermitian=False) -> Tensor")
        .doc(doc)
        .kernel(|a: Tensor, rcond: Tensor, hermitian: bool| {
            pinv_of(
                &a,
                same_for_all(&a, Some(0.0)),
                tolerances(&a, Some(&rcond))?,
                hermitian,
            )
        });
    ops.op("aten::linalg_pinv.atol_rtol_float(Tensor self, *, float? atol=None, float? rtol=None, bool hermitian=False) -> Tensor")
        .doc(doc)
        .kernel(|a: Tensor, atol: Option<f64>, rtol: Option<f64>, hermitian: bool| {
            pinv_of(&a, same_for_all(&a, atol), same_for_all(&a, rtol), hermitian)
        });
    ops.op("aten::linalg_pinv.atol_rtol_tensor(Tensor self, *, Tensor? atol=None, Tensor? rtol=None, bool hermitian=False) -> Tensor")
        .doc(doc)
        .kernel(|a: Tensor, atol: Option<Tensor>, rtol: Option<Tensor>, hermitian: bool| {
            pinv_of(&a, tolerances(&a, atol.as_ref())?, tolerances(&a, rtol.as_ref())?, hermitian)
        });
    let doc = "The number of singular values above the tolerance.";
    ops.op("aten::linalg_matrix_rank(Tensor self, float tol, bool hermitian=False) -> Tensor")
        .doc(doc)
        .kernel(|a: Tensor, tol: f64, hermitian: bool| {
            rank_of(
                &a,
                same_for_all(&a, Some(tol)),
                same_for_all(&a, Some(0.0)),
                hermitian,
            )
        });
    ops.op("aten::linalg_matrix_rank.tol_tensor(Tensor input, Tensor tol, bool hermitian=False) -> Tensor")
        .doc(doc)
        .kernel(|a: Tensor, tol: Tensor, hermitian: bool| {
            rank_of(
                &a,
                tolerances(&a, Some(&tol))?,
                same_for_all(&a, Some(0.0)),
                hermitian,
            )
        });
    ops.op("aten::linalg_matrix_rank.atol_rtol_float(Tensor self, *, float? atol=None, float? rtol=None, bool hermitian=False) -> Tensor")
        .doc(doc)
        .kernel(|a: Tensor, atol: Option<f64>, rtol: Option<f64>, hermitian: bool| {
            rank_of(&a, same_for_all(&a, atol), same_for_all(&a, rtol), hermitian)
        });
    ops.op("aten::linalg_matrix_rank.atol_rtol_tensor(Tensor input, *, Tensor? atol=None, Tensor? rtol=None, bool hermitian=False) -> Tensor")
        .doc(doc)
        .kernel(|a: Tensor, atol: Option<Tensor>, rtol: Option<Tensor>, hermitian: bool| {
            rank_of(&a, tolerances(&a, atol.as_ref())?, tolerances(&a, rtol.as_ref())?, hermitian)
        });
}

fn det_of(a: &Tensor) -> Result<Tensor> {
    check_square(a, "linalg.det")?;
    with_field!(a, T => {
        let all = mats::<T>(a)?.into_iter().map(|m| la::lu_factor(m, true).det()).collect();
        stack_numbers::<T>(&batch_of(a), all, a.dtype())
    })
}

fn slogdet_of(a: &Tensor) -> Result<(Tensor, Tensor)> {
    check_square(a, "linalg.slogdet")?;
    with_field!(a, T => {
        let (signs, logs): (Vec<T>, Vec<f64>) =
            mats::<T>(a)?.into_iter().map(|m| la::lu_factor(m, true).slogdet()).unzip();
        let batch = batch_of(a);
        Ok((stack_numbers(&batch, signs, a.dtype())?, stack_numbers(&batch, logs, a.dtype().to_real())?))
    })
}

fn determinants(ops: &mut Rows) {
    for schema in [
        "aten::det(Tensor self) -> Tensor",
        "aten::linalg_det(Tensor A) -> Tensor",
    ] {
        ops.op(schema)
            .doc("The determinant of square matrices.")
            .kernel(|a: Tensor| det_of(&a));
    }
    for schema in [
        "aten::slogdet(Tensor self) -> (Tensor sign, Tensor logabsdet)",
        "aten::linalg_slogdet(Tensor A) -> (Tensor sign, Tensor logabsdet)",
    ] {
        ops.op(schema)
            .doc("Sign and logarithm of the absolute value of the determinant.")
            .kernel(|a: Tensor| slogdet_of(&a));
    }
    ops.op("aten::logdet(Tensor self) -> Tensor")
        .doc("The logarithm of the determinant.")
        .kernel(|a: Tensor| {
            let (sign, log) = slogdet_of(&a)?;
            // The logarithm of the sign: NaN below zero, an angle for complex numbers.
            let phase = flambeau_tensor::pointwise::log(&sign)?;
            flambeau_tensor::pointwise::add((&phase).into(), (&log).into(), 1.into())
        });
    ops.op("aten::_linalg_det(Tensor A) -> (Tensor result, Tensor LU, Tensor pivots)")
        .doc("The determinant and the LU decomposition it came from.")
        .kernel(|a: Tensor| {
            let det = det_of(&a)?;
            let (lu, pivots, _, _) = lu_factor(&a, true)?;
            Ok((det, lu, pivots))
        });
    ops.op("aten::_linalg_slogdet(Tensor A) -> (Tensor sign, Tensor logabsdet, Tensor LU, Tensor pivots)")
        .doc("`linalg_slogdet` and the LU decomposition it came from.")
        .kernel(|a: Tensor| {
            let (sign, log) = slogdet_of(&a)?;
            let (lu, pivots, _, _) = lu_factor(&a, true)?;
            Ok((sign, log, lu, pivots))
        });
}

fn least_squares(ops: &mut Rows) {
    ops.op("aten::linalg_lstsq(Tensor self, Tensor b, float? rcond=None, *, str? driver=None) -> (Tensor solution, Tensor residuals, Tensor rank, Tensor singular_values)").doc("Least squares: solution, residuals, rank and singular values.").kernel(
        |a: Tensor, b: Tensor, rcond: Option<f64>, driver: Option<Arc<str>>| {
            let name = "torch.linalg.lstsq";
            check_matrix(&a, name)?;
            ensure!(b.dim() > 0, "{name}: other must have at least 1 dimension.");
            ensure!(
                a.dtype() == b.dtype(),
                "{name}: Expected input and other to have the same dtype, but got input's dtype {} and other's dtype {}",
                a.dtype().name(),
                b.dtype().name()
            );
            let driver = driver.as_deref().unwrap_or("gelsy");
            ensure!(
                matches!(driver, "gels" | "gelsy" | "gelsd" | "gelss"),
                "{name}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)"
            );
            let vector = is_vector(&a, &b);
            let b = if vector { b.unsqueeze(-1)? } else { b };
            ensure!(
                a.size(-2)? == b.size(-2)?,
                "{name}: input.size(-2) should match other.size({})",
                if vector { -1 } else { -2 }
            );
            let (m, n, k) = (a.size(-2)?, a.size(-1)?, b.size(-1)?);
            let (wide_a, wide_b) = broadcast_batches(&a, &b)?;
            let batch = batch_of(&wide_a);
            let rcond = rcond.unwrap_or(default_rtol(&a)?);
            let (mut ranks, mut singular): (Vec<i64>, Vec<f64>) = (Vec::new(), Vec::new());
            let mut residuals: Vec<f64> = Vec::new();
            let solution = with_field!(a, T => {
                let mut systems = mats::<T>(&wide_a)?.into_iter();
                let mut all = Vec::new();
                for b in mats::<T>(&wide_b)? {
                    let Some(a) = systems.next() else { break };
                    let x = if driver == "gels" {
                        la::lstsq_qr(&a, &b)
                    } else {
                        let s = la::lstsq(&a, &b, rcond).map_err(error)?;
                        ranks.push(s.rank as i64);
                        singular.extend(s.singular_values);
                        s.solution
                    };
                    let ax = a.mul(&x);
                    for j in 0..b.cols {
                        residuals.push((0..b.rows).map(|i| (ax[(i, j)] - b[(i, j)]).abs_square()).sum());
                    }
                    all.push(x);
                }
                super::stack(&batch, n as usize, k as usize, all, a.dtype())?
            });
            let solution = if vector { solution.squeeze_dim(-1)? } else { solution };
            let real = a.dtype().to_real();
            let empty = |dtype| Tensor::empty(&[0], dtype);
            let full = driver == "gels" || ranks.iter().all(|&r| r == n);
            let residuals = if m > n && full && driver != "gelsy" {
                stack_rows(&batch, k as usize, residuals, real)?
            } else {
                empty(real)?
            };
            let residuals = if vector && residuals.dim() > 1 && residuals.numel() > 0 {
                residuals.squeeze_dim(-1)?
            } else {
                residuals
            };
            let rank = if driver == "gels" { empty(DType::Long)? } else { stack_numbers(&batch, ranks, DType::Long)? };
            let values = if matches!(driver, "gelsd" | "gelss") {
                stack_rows(&batch, m.min(n) as usize, singular, real)?
            } else {
                empty(real)?
            };
            Ok((solution, residuals, rank, values))
        },
    );
}

fn powers(ops: &mut Rows) {
    for schema in [
        "aten::linalg_matrix_power(Tensor self, int n) -> Tensor",
        "aten::matrix_power(Tensor self, int n) -> Tensor",
    ] {
        ops.op(schema)
            .doc("Square matrices to an integer power.")
            .kernel(|a: Tensor, n: i64| {
                check_square(&a, "linalg.matrix_power")?;
                let size = a.size(-1)? as usize;
                with_field!(a, T => map::<T>(&a, (size, size), |m| la::matrix_power(&m, n).map_err(error)))
            });
    }
    for schema in [
        "aten::linalg_matrix_exp(Tensor self) -> Tensor",
        "aten::matrix_exp(Tensor self) -> Tensor",
    ] {
        ops.op(schema).doc("The exponential of square matrices.").kernel(|a: Tensor| {
            ensure!(
                a.dim() >= 2,
                "linalg.matrix_exp: The input tensor A must have at least 2 dimensions."
            );
            let (m, n) = (a.size(-2)?, a.size(-1)?);
            ensure!(
                m == n,
                "linalg.matrix_exp: A must be batches of square matrices, but they are {m} by {n} matrices"
            );
            ensure!(
                a.is_floating_point() || a.is_complex(),
                "linalg.matrix_exp: Expected a floating point or complex tensor as input. Got {}",
                a.dtype().name()
            );
            let n = n as usize;
            with_field!(a, T => map::<T>(&a, (n, n), |m| la::matrix_exp(&m).map_err(error)))
        });
    }
}

/// The best order of a chain of products, by the number of multiplications.
fn multi_dot(tensors: &[Tensor], name: &str) -> Result<Tensor> {
    let n = tensors.len();
    ensure!(n >= 2, "multi_dot(): expected at least 2 tensors but got {n}");
    let mut chain = tensors.to_vec();
    let (first, last) = (chain[0].dim() == 1, chain[n - 1].dim() == 1);
    if first {
        chain[0] = chain[0].unsqueeze(0)?;
    }
    if last {
        chain[n - 1] = chain[n - 1].unsqueeze(-1)?;
    }
    for (i, t) in chain.iter().enumerate() {
        ensure!(
            t.dim() == 2,
            "{name}(): tensor {i} must be 2D but got {}D",
            t.dim()
        );
    }
    for (i, pair) in chain.windows(2).enumerate() {
        ensure!(
            pair[0].size(1)? == pair[1].size(0)?,
            "{name}(): tensors {i} and {} with shapes {} and {} cannot be multiplied",
            i + 1,
            shape_text(&pair[0]),
            shape_text(&pair[1])
        );
    }
    let mut sizes: Vec<f64> = Vec::new();
    for t in &chain {
        sizes.push(t.size(0)? as f64);
    }
    sizes.push(chain[n - 1].size(1)? as f64);
    let mut cost = vec![vec![0.0; n]; n];
    let mut split = vec![vec![0; n]; n];
    for length in 1..n {
        for i in 0..n - length {
            let j = i + length;
            cost[i][j] = f64::INFINITY;
            for k in i..j {
                let c = cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1];
                if c < cost[i][j] {
                    (cost[i][j], split[i][j]) = (c, k);
                }
            }
        }
    }
    fn multiply(chain: &[Tensor], split: &[Vec<usize>], i: usize, j: usize) -> Result<Tensor> {
        if i == j {
            return Ok(chain[i].clone());
        }
        let k = split[i][j];
        matmul(&multiply(chain, split, i, k)?, &multiply(chain, split, k + 1, j)?)
    }
    let mut out = multiply(&chain, &split, 0, n - 1)?;
    if last {
        out = out.squeeze_dim(-1)?;
    }
    if first {
        out = out.squeeze_dim(0)?;
    }
    Ok(out)
}

fn tensors(ops: &mut Rows) {
    ops.op("aten::linalg_multi_dot(Tensor[] tensors) -> Tensor")
        .doc("The product of matrices, in the cheapest order.")
        .kernel(|tensors: Vec<Tensor>| multi_dot(&tensors, "multi_dot"));
    ops.op("aten::chain_matmul(Tensor[] matrices) -> Tensor")
        .doc("The product of matrices, in the cheapest order.")
        .kernel(|tensors: Vec<Tensor>| match tensors.as_slice() {
            [one] => Ok(one.clone()),
            several => multi_dot(several, "chain_matmul"),
        });
    ops.op("aten::linalg_tensorinv(Tensor self, int ind=2) -> Tensor").doc("The inverse for `tensordot`.").kernel(|a: Tensor, ind: i64| {
        check_dtype(&a, "linalg.tensorinv")?;
        ensure!(ind > 0, "Expected a strictly positive integer for 'ind', but got {ind}");
        let ind = (ind as usize).min(a.dim());
        let (start, end) = (&a.sizes()[..ind], &a.sizes()[ind..]);
        let (m, n): (i64, i64) = (start.iter().product(), end.iter().product());
        ensure!(
            m == n,
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got {n} != {m}"
        );
        let shape: Dims = end.iter().chain(start).copied().collect();
        let (inverse, infos) = inv_ex(&a.reshape(&[m, n])?, "linalg.inv")?;
        check_infos("linalg.inv", &infos, false, no_inverse)?;
        inverse.reshape(&shape)
    });
    ops.op("aten::linalg_tensorsolve(Tensor self, Tensor other, int[]? dims=None) -> Tensor").doc("The X with `tensordot(A, X, X.ndim) = B`.").kernel(
        |a: Tensor, b: Tensor, dims: Option<Vec<i64>>| {
            let mut a = a;
            if let Some(dims) = dims {
                let mut from = Vec::new();
                for d in dims {
                    from.push(flambeau_tensor::layout::wrap_dim(d, a.dim())? as i64);
                }
                let to: Vec<i64> = (a.dim() as i64 - from.len() as i64..a.dim() as i64).collect();
                a = a.movedim(&from, &to)?;
            }
            ensure!(
                b.dim() <= a.dim(),
                "linalg.tensorsolve: expected other to have at most as many dimensions as self"
            );
            let shape: Dims = a.sizes()[b.dim()..].into();
            let (m, n): (i64, i64) = (shape.iter().product(), b.numel());
            ensure!(
                m == n,
                "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), \
                 but got {m} != {n}"
            );
            let s = solve_ex(&a.reshape(&[n, m])?, &b.reshape(&[-1])?, true, "linalg.solve")?;
            check_infos("torch.linalg.solve", &s.infos, false, singular)?;
            s.x.reshape(&shape)
        },
    );
    ops.op("aten::linalg_vander(Tensor x, *, SymInt? N=None) -> Tensor")
        .doc("The Vandermonde matrix: powers of each element.")
        .kernel(|x: Tensor, n: Option<i64>| {
            ensure!(
                x.dtype() != DType::Bool,
                "linalg.vander does not support bool tensors"
            );
            let x = if x.dim() == 0 { x.reshape(&[1])? } else { x };
            let n = n.unwrap_or(x.size(-1)?);
            ensure!(n > 1, "N must be greater than 1.");
            let x = if x.dtype().is_integral(true) {
                x.to_dtype(DType::Long)?
            } else {
                x
            };
            let x = x.unsqueeze(-1)?;
            let mut sizes: Dims = x.sizes().into();
            let last = sizes.len() - 1;
            sizes[last] = n;
            let out = Tensor::ones(&sizes, x.dtype())?;
            let mut power = x.clone();
            if out.numel() == 0 {
                return Ok(out);
            }
            for i in 1..n {
                out.narrow(-1, i, 1)?.copy_(&power)?;
                power = flambeau_tensor::pointwise::mul((&power).into(), (&x).into())?;
            }
            Ok(out)
        });
    ops.op("aten::linalg_vecdot(Tensor x, Tensor y, *, int dim=-1) -> Tensor").doc("The dot product of vectors along a dimension.").kernel(
        |x: Tensor, y: Tensor, dim: i64| {
            if x.dtype() != y.dtype() {
                bail!(
                    "linalg.vecdot: Expected x and y to have the same dtype, but found x of type {} and y of type {} instead",
                    x.dtype().name(),
                    y.dtype().name()
                );
            }
            if x.dim() == 1 && y.dim() == 1 && x.sizes() == y.sizes() {
                return flambeau_tensor::nn::matmul::vdot(&x, &y);
            }
            let product = flambeau_tensor::pointwise::mul((&flambeau_tensor::pointwise::conj(&x)?).into(), (&y).into())?;
            flambeau_tensor::reduce::sum(&product, &[dim], false, Some(x.dtype()))
        },
    );
}
