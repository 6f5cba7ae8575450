//! Decompositions: LU, Cholesky, QR, singular values, eigenvalues, LDL.

use std::sync::Arc;

use flambeau_ir::ops::Rows;
use flambeau_linalg as la;
use flambeau_linalg::{C64, Field, Mat, Precision};
use flambeau_tensor::{DType, Result, Tensor, bail, ensure};

use super::{
    Number, batch_of, check_dtype, check_infos, check_matrix, check_square, error, map, mats, stack,
    stack_numbers, stack_rows, with_field,
};

pub fn declare(ops: &mut Rows) {
    lu(ops);
    cholesky(ops);
    qr(ops);
    svd(ops);
    eigen(ops);
    ldl(ops);
}

/// Packed factors, pivots and infos of a batch.
pub(super) fn lu_factor(a: &Tensor, pivot: bool) -> Result<(Tensor, Tensor, Tensor, Vec<i32>)> {
    let batch = batch_of(a);
    let (m, n) = (a.size(-2)? as usize, a.size(-1)? as usize);
    with_field!(a, T => {
        let factors: Vec<la::Lu<T>> = mats::<T>(a)?.into_iter().map(|m| la::lu_factor(m, pivot)).collect();
        let infos: Vec<i32> = factors.iter().map(|f| f.info).collect();
        let pivots = factors.iter().flat_map(|f| f.pivots.clone()).collect();
        let pivots = stack_rows(&batch, m.min(n), pivots, DType::Int)?;
        let packed = stack(&batch, m, n, factors.into_iter().map(|f| f.packed), a.dtype())?;
        Ok((packed, pivots, stack_numbers(&batch, infos.clone(), DType::Int)?, infos))
    })
}

fn singular_lu(info: i32) -> String {
    format!(
        "U[{info},{info}] is zero and using it on lu_solve would result in a division by zero. If you still want to \
         perform the factorization, consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)"
    )
}

/// P, L and U from packed factors.
fn unpack(packed: &Tensor, pivots: Option<&Tensor>) -> Result<(Tensor, Tensor, Tensor)> {
    let batch = batch_of(packed);
    let (m, n) = (packed.size(-2)? as usize, packed.size(-1)? as usize);
    let k = m.min(n);
    let dtype = packed.dtype();
    let p = match pivots {
        None => Tensor::empty(&[0], dtype)?,
        Some(pivots) => {
            let all = pivots.to_vec::<i32>()?;
            let count = batch.iter().product::<i64>() as usize;
            let mut out = Vec::with_capacity(count);
            for i in 0..count {
                let row = all.get(i * k..(i + 1) * k).unwrap_or(&[]);
                let order = la::pivots_to_order(row, m).map_err(|_| {
                    error(
                        "lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype with values between \
                         1 and LU_data.size(-2)"
                            .into(),
                    )
                })?;
                // A = P L U, so P takes row i of L U back to row order[i].
                let mut p = Mat::<f64>::zeros(m, m);
                for (i, &from) in order.iter().enumerate() {
                    p[(from, i)] = 1.0;
                }
                out.push(p);
            }
            stack(&batch, m, m, out, dtype)?
        }
    };
    with_field!(packed, T => {
        let factors: Vec<la::Lu<T>> = mats::<T>(packed)?
            .into_iter()
            .map(|packed| la::Lu { packed, pivots: Vec::new(), info: 0 })
            .collect();
        let l = stack(&batch, m, k, factors.iter().map(|f| f.l()), dtype)?;
        let u = stack(&batch, k, n, factors.iter().map(|f| f.u()), dtype)?;
        Ok((p, l, u))
    })
}

fn lu(ops: &mut Rows) {
    ops.op("aten::linalg_lu_factor(Tensor A, *, bool pivot=True) -> (Tensor LU, Tensor pivots)")
        .doc("The LU decomposition in packed form, and its pivots.")
        .kernel(|a: Tensor, pivot: bool| {
            check_matrix(&a, "torch.lu_factor")?;
            let (lu, pivots, _, infos) = lu_factor(&a, pivot)?;
            check_infos("torch.linalg.lu_factor", &infos, a.dim() > 2, singular_lu)?;
            Ok((lu, pivots))
        });
    for (schema, doc) in [
        (
            "aten::linalg_lu_factor_ex(Tensor A, *, bool pivot=True, bool check_errors=False) -> (Tensor LU, Tensor pivots, Tensor info)",
            "`linalg_lu_factor` that reports singular matrices in `info`.",
        ),
        (
            "aten::_lu_with_info(Tensor self, bool pivot=True, bool check_errors=True) -> (Tensor LU, Tensor pivots, Tensor info)",
            "`linalg_lu_factor_ex` under its old name.",
        ),
    ] {
        ops.op(schema)
            .doc(doc)
            .kernel(|a: Tensor, pivot: bool, check: bool| {
                check_matrix(&a, "torch.lu_factor")?;
                let (lu, pivots, info, infos) = lu_factor(&a, pivot)?;
                if check {
                    check_infos("torch.linalg.lu_factor_ex", &infos, a.dim() > 2, singular_lu)?;
                }
                Ok((lu, pivots, info))
            });
    }
    ops.op("aten::linalg_lu(Tensor A, *, bool pivot=True) -> (Tensor P, Tensor L, Tensor U)")
        .doc("The matrices P, L and U with `A = P @ L @ U`.")
        .kernel(|a: Tensor, pivot: bool| {
            check_matrix(&a, "linalg.lu")?;
            let (lu, pivots, _, _) = lu_factor(&a, pivot)?;
            unpack(&lu, if pivot { Some(&pivots) } else { None })
        });
    ops.op("aten::lu_unpack(Tensor LU_data, Tensor LU_pivots, bool unpack_data=True, bool unpack_pivots=True) -> (Tensor P, Tensor L, Tensor U)").doc("The matrices P, L and U of packed factors.").kernel(
        |lu: Tensor, pivots: Tensor, data: bool, with_pivots: bool| {
            check_dtype(&lu, "lu_unpack")?;
            ensure!(
                lu.dim() >= 2,
                "torch.lu_unpack: Expected tensor with 2 or more dimensions"
            );
            ensure!(
                !with_pivots || pivots.dtype() == DType::Int,
                "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.\nNote: this function \
                 is intended to be used with the output produced by torch.linalg.lu_factor"
            );
            let (p, l, u) = unpack(&lu, if with_pivots { Some(&pivots) } else { None })?;
            let empty = Tensor::empty(&[0], lu.dtype())?;
            Ok(if data { (p, l, u) } else { (p, empty.clone(), empty) })
        },
    );
}

fn not_positive(info: i32) -> String {
    format!(
        "The factorization could not be completed because the input is not positive-definite (the leading minor of order \
         {info} is not positive-definite)."
    )
}

/// The triangle that `upper` names holds the factor; the input is read from its lower triangle unless `upper`.
fn cholesky_ex(a: &Tensor, upper: bool) -> Result<(Tensor, Vec<i32>)> {
    let n = a.size(-1)? as usize;
    let mut infos = Vec::new();
    let l = with_field!(a, T => map::<T>(a, (n, n), |m| {
        let m = if upper { m.adjoint() } else { m };
        let (l, info) = la::cholesky(&m);
        infos.push(info);
        Ok(if upper { l.adjoint() } else { l })
    }))?;
    Ok((l, infos))
}

fn cholesky(ops: &mut Rows) {
    ops.op("aten::linalg_cholesky(Tensor self, *, bool upper=False) -> Tensor")
        .doc("The triangular factor of positive definite matrices.")
        .kernel(|a: Tensor, upper: bool| {
            check_square(&a, "linalg.cholesky")?;
            let (l, infos) = cholesky_ex(&a, upper)?;
            check_infos("linalg.cholesky", &infos, a.dim() > 2, not_positive)?;
            Ok(l)
        });
    ops.op("aten::linalg_cholesky_ex(Tensor self, *, bool upper=False, bool check_errors=False) -> (Tensor L, Tensor info)")
        .doc("`linalg_cholesky` that reports failures in `info`.")
        .kernel(|a: Tensor, upper: bool, check: bool| {
            check_square(&a, "linalg.cholesky")?;
            let (l, infos) = cholesky_ex(&a, upper)?;
            if check {
                check_infos("linalg.cholesky_ex", &infos, a.dim() > 2, not_positive)?;
            }
            Ok((l, stack_numbers(&batch_of(&a), infos, DType::Int)?))
        });
}

fn qr_of(a: &Tensor, mode: &str) -> Result<(Tensor, Tensor)> {
    check_matrix(a, "linalg.qr")?;
    ensure!(
        matches!(mode, "reduced" | "complete" | "r"),
        "qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
    );
    let batch = batch_of(a);
    let (m, n) = (a.size(-2)? as usize, a.size(-1)? as usize);
    let k = if mode == "complete" { m } else { m.min(n) };
    with_field!(a, T => {
        let (q, r): (Vec<Mat<T>>, Vec<Mat<T>>) =
            mats::<T>(a)?.into_iter().map(|m| la::qr(m, mode == "complete")).unzip();
        let q = if mode == "r" { Tensor::empty(&[0], a.dtype())? } else { stack(&batch, m, k, q, a.dtype())? };
        Ok((q, stack(&batch, k, n, r, a.dtype())?))
    })
}

fn taus<T: Number>(tau: &Tensor) -> Result<Vec<Vec<T>>> {
    let k = tau.size(-1)?.max(0) as usize;
    let all = tau.to_vec::<T>()?;
    let count = tau.sizes()[..tau.dim() - 1].iter().product::<i64>() as usize;
    Ok((0..count).map(|i| all[i * k..(i + 1) * k].to_vec()).collect())
}

fn householder_product(a: &Tensor, tau: &Tensor) -> Result<Tensor> {
    let name = "torch.linalg.householder_product";
    ensure!(a.dim() >= 2, "{name}: input must have at least 2 dimensions.");
    let (m, n) = (a.size(-2)?, a.size(-1)?);
    ensure!(
        m >= n,
        "{name}: input.shape[-2] must be greater than or equal to input.shape[-1]"
    );
    ensure!(
        tau.dim() == a.dim() - 1 && tau.sizes()[..tau.dim() - 1] == a.sizes()[..a.dim() - 2],
        "{name}: Expected tau to have one dimension less than input, but got tau.ndim equal to {} and input.ndim is \
         equal to {}",
        tau.dim(),
        a.dim()
    );
    ensure!(
        n >= tau.size(-1)?,
        "{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]"
    );
    check_dtype(a, name)?;
    with_field!(a, T => {
        let mut taus = taus::<T>(tau)?.into_iter();
        map::<T>(a, (m as usize, n as usize), |x| {
            Ok(la::householder_product(&x, &taus.next().unwrap_or_default(), n as usize))
        })
    })
}

fn qr(ops: &mut Rows) {
    ops.op("aten::linalg_qr(Tensor A, str mode=\"reduced\") -> (Tensor Q, Tensor R)")
        .doc("An orthonormal Q and an upper triangular R with `A = Q @ R`.")
        .kernel(|a: Tensor, mode: Arc<str>| qr_of(&a, &mode));
    ops.op("aten::geqrf(Tensor self) -> (Tensor a, Tensor tau)")
        .doc("The QR decomposition as LAPACK packs it.")
        .kernel(|a: Tensor| {
            ensure!(
                a.dim() >= 2,
                "torch.geqrf: input must have at least 2 dimensions."
            );
            check_dtype(&a, "torch.geqrf")?;
            let k = a.size(-2)?.min(a.size(-1)?) as usize;
            let size = (a.size(-2)? as usize, a.size(-1)? as usize);
            with_field!(a, T => {
                let mut all: Vec<T> = Vec::new();
                let packed = map::<T>(&a, size, |m| {
                    let (packed, taus) = la::geqrf(m);
                    all.extend(taus);
                    Ok(packed)
                })?;
                Ok((packed, stack_rows(&batch_of(&a), k, all, a.dtype())?))
            })
        });
    for schema in [
        "aten::linalg_householder_product(Tensor input, Tensor tau) -> Tensor",
        "aten::orgqr(Tensor self, Tensor input2) -> Tensor",
    ] {
        ops.op(schema)
            .doc("The first columns of a product of Householder reflections.")
            .kernel(|a: Tensor, tau: Tensor| householder_product(&a, &tau));
    }
    ops.op("aten::ormqr(Tensor self, Tensor input2, Tensor input3, bool left=True, bool transpose=False) -> Tensor").doc("A matrix times the Q of packed reflections, or its adjoint.").kernel(
        |a: Tensor, tau: Tensor, c: Tensor, left: bool, transpose: bool| {
            let name = "torch.ormqr";
            ensure!(a.dim() >= 2 && c.dim() >= 2, "{name}: input must have at least 2 dimensions.");
            let side = if left { -2 } else { -1 };
            ensure!(
                c.size(side)? >= tau.size(-1)?,
                "{name}: other.shape[{side}] must be greater than or equal to tau.shape[-1]"
            );
            ensure!(
                c.size(side)? == a.size(-2)?,
                "{name}: other.shape[{side}] must be equal to input.shape[-2]"
            );
            ensure!(
                tau.dim() == a.dim() - 1 && batch_of(&a) == batch_of(&c),
                "{name}: batch dimensions of input, tau and other must be equal"
            );
            check_dtype(&a, name)?;
            let size = (c.size(-2)? as usize, c.size(-1)? as usize);
            with_field!(a, T => {
                let mut reflections = mats::<T>(&a)?.into_iter().zip(taus::<T>(&tau)?);
                map::<T>(&c, size, |c| match reflections.next() {
                    Some((a, tau)) => Ok(la::ormqr(&a, &tau, &c, left, transpose)),
                    None => Ok(c),
                })
            })
        },
    );
}

fn precision(a: &Tensor) -> Precision {
    match a.dtype() {
        DType::Double | DType::ComplexDouble => Precision::Double,
        _ => Precision::Single,
    }
}

/// U, S and Vh; U and Vh empty unless `vectors`.
fn svd_of(a: &Tensor, full: bool, vectors: bool, name: &str) -> Result<(Tensor, Tensor, Tensor)> {
    check_matrix(a, name)?;
    let batch = batch_of(a);
    let (m, n) = (a.size(-2)? as usize, a.size(-1)? as usize);
    let k = m.min(n);
    with_field!(a, T => {
        let all: Vec<la::Svd<T>> = mats::<T>(a)?
            .iter()
            .map(|m| la::svd(m, precision(a), full && vectors).map_err(|e| error(format!("{name}: {e}"))))
            .collect::<Result<_>>()?;
        let s = all.iter().flat_map(|d| d.s.clone()).collect::<Vec<f64>>();
        let s = stack_rows(&batch, k, s, a.dtype().to_real())?;
        if !vectors {
            let empty = Tensor::empty(&[0], a.dtype())?;
            return Ok((empty.clone(), s, empty));
        }
        let (u, vh): (Vec<Mat<T>>, Vec<Mat<T>>) = all.into_iter().map(|d| (d.u, d.vh)).unzip();
        let u = stack(&batch, m, if full { m } else { k }, u, a.dtype())?;
        Ok((u, s, stack(&batch, if full { n } else { k }, n, vh, a.dtype())?))
    })
}

fn svd(ops: &mut Rows) {
    ops.op("aten::linalg_svd(Tensor A, bool full_matrices=True, *, str? driver=None) -> (Tensor U, Tensor S, Tensor Vh)")
        .doc("The singular value decomposition: `A = U @ diag(S) @ Vh`.")
        .kernel(|a: Tensor, full: bool, _driver: Option<Arc<str>>| svd_of(&a, full, true, "linalg.svd"));
    ops.op("aten::_linalg_svd(Tensor A, bool full_matrices=False, bool compute_uv=True, *, str? driver=None) -> (Tensor U, Tensor S, Tensor Vh)")
        .doc("The singular value decomposition, vectors only if asked for.")
        .kernel(|a: Tensor, full: bool, vectors: bool, _driver: Option<Arc<str>>| {
            svd_of(&a, full, vectors, "linalg.svd")
        });
    ops.op("aten::linalg_svdvals(Tensor A, *, str? driver=None) -> Tensor")
        .doc("The singular values, greatest first.")
        .kernel(|a: Tensor, _driver: Option<Arc<str>>| Ok(svd_of(&a, false, false, "linalg.svd")?.1));
    ops.op("aten::svd(Tensor self, bool some=True, bool compute_uv=True) -> (Tensor U, Tensor S, Tensor V)")
        .doc("The singular value decomposition: `A = U @ diag(S) @ V.mH`.")
        .kernel(|a: Tensor, some: bool, vectors: bool| {
            check_matrix(&a, "linalg.svd")?;
            if !vectors {
                let s = svd_of(&a, false, false, "linalg.svd")?.1;
                let (m, n) = (a.size(-2)?, a.size(-1)?);
                let zeros = |k: i64| {
                    let mut sizes = batch_of(&a);
                    sizes.extend([k, k]);
                    Tensor::zeros(&sizes, a.dtype())
                };
                return Ok((zeros(m)?, s, zeros(n)?));
            }
            let (u, s, vh) = svd_of(&a, !some, true, "linalg.svd")?;
            Ok((u, s, flambeau_tensor::pointwise::conj(&vh.transpose(-2, -1)?)?))
        });
    ops.op("aten::linalg_polar(Tensor A) -> (Tensor U, Tensor H)")
        .doc("The unitary U and the positive semidefinite H with `A = U @ H`.")
        .kernel(|a: Tensor| {
            check_matrix(&a, "linalg.polar")?;
            let (m, n) = (a.size(-2)?, a.size(-1)?);
            ensure!(
                m >= n,
                "linalg.polar: A must have at least as many rows as columns, but got {m} by {n} matrices"
            );
            let size = (m as usize, n as usize);
            with_field!(a, T => {
                let mut h = Vec::new();
                let u = map::<T>(&a, size, |x| {
                    let d = la::svd(&x, precision(&a), false).map_err(error)?;
                    let v = d.vh.adjoint();
                    h.push(Mat::from_fn(v.rows, v.cols, |i, j| v[(i, j)].scale(d.s[j])).mul(&d.vh));
                    Ok(d.u.mul(&d.vh))
                })?;
                Ok((u, stack(&batch_of(&a), size.1, size.1, h, a.dtype())?))
            })
        });
}

/// Eigenvalues, and eigenvectors as columns, of the triangle that `uplo` names.
pub(super) fn eigh_of(a: &Tensor, uplo: &str, name: &str) -> Result<(Tensor, Tensor)> {
    check_square(a, name)?;
    let lower = match uplo {
        "L" | "l" => true,
        "U" | "u" => false,
        _ => bail!("Expected UPLO argument to be 'L' or 'U', but got {uplo}"),
    };
    let n = a.size(-1)? as usize;
    with_field!(a, T => {
        let mut values = Vec::new();
        let vectors = map::<T>(a, (n, n), |m| {
            let done = if lower { la::eigh(&m, precision(a)) } else { la::eigh_upper(&m, precision(a)) };
            let (w, v) = done.map_err(|e| error(format!("{name}: {e}")))?;
            values.extend(w);
            Ok(v)
        })?;
        Ok((stack_rows(&batch_of(a), n, values, a.dtype().to_real())?, vectors))
    })
}

fn eig_of(a: &Tensor, vectors: bool, name: &str) -> Result<(Tensor, Tensor)> {
    check_square(a, name)?;
    let n = a.size(-1)? as usize;
    let dtype = a.dtype().to_complex();
    let mut values: Vec<C64> = Vec::new();
    let mut all = Vec::new();
    let done: Vec<_> = if a.is_complex() {
        let all = mats::<C64>(&a.to_dtype(DType::ComplexDouble)?)?;
        all.iter().map(|m| la::eig(m, vectors)).collect()
    } else {
        let all = mats::<f64>(&a.to_dtype(DType::Double)?)?;
        all.iter()
            .map(|m| la::eig_real(m, precision(a), vectors))
            .collect()
    };
    for done in done {
        let (w, v) = done.map_err(|e| error(e.replace("linalg.eig", name)))?;
        values.extend(w);
        all.push(v);
    }
    let values = stack_rows(&batch_of(a), n, values, dtype)?;
    let vectors = if vectors {
        stack(&batch_of(a), n, n, all, dtype)?
    } else {
        Tensor::empty(&[0], dtype)?
    };
    Ok((values, vectors))
}

fn eigen(ops: &mut Rows) {
    ops.op("aten::linalg_eigh(Tensor self, str UPLO=\"L\") -> (Tensor eigenvalues, Tensor eigenvectors)")
        .doc("Eigenvalues in ascending order and eigenvectors of Hermitian matrices.")
        .kernel(|a: Tensor, uplo: Arc<str>| eigh_of(&a, &uplo, "linalg.eigh"));
    ops.op("aten::_linalg_eigh(Tensor A, str UPLO=\"L\", bool compute_v=True) -> (Tensor eigenvalues, Tensor eigenvectors)")
        .doc("`linalg_eigh`, vectors only if asked for.")
        .kernel(|a: Tensor, uplo: Arc<str>, vectors: bool| {
            let (w, v) = eigh_of(&a, &uplo, "linalg.eigh")?;
            Ok((w, if vectors { v } else { Tensor::empty(&[0], a.dtype())? }))
        });
    ops.op("aten::linalg_eigvalsh(Tensor self, str UPLO=\"L\") -> Tensor")
        .doc("Eigenvalues of Hermitian matrices in ascending order.")
        .kernel(|a: Tensor, uplo: Arc<str>| Ok(eigh_of(&a, &uplo, "linalg.eigvalsh")?.0));
    ops.op("aten::linalg_eig(Tensor self) -> (Tensor eigenvalues, Tensor eigenvectors)")
        .doc("Eigenvalues and eigenvectors, always complex.")
        .kernel(|a: Tensor| eig_of(&a, true, "linalg.eig"));
    for schema in [
        "aten::linalg_eigvals(Tensor self) -> Tensor",
        "aten::_linalg_eigvals(Tensor self) -> Tensor",
    ] {
        ops.op(schema)
            .doc("Eigenvalues, always complex.")
            .kernel(|a: Tensor| Ok(eig_of(&a, false, "linalg.eigvals")?.0));
    }
    ops.op("aten::linalg_matrix_sqrth(Tensor self) -> Tensor")
        .doc("The positive semidefinite square root of positive semidefinite matrices.")
        .kernel(|a: Tensor| {
            check_square(&a, "linalg.matrix_sqrth")?;
            let n = a.size(-1)? as usize;
            with_field!(a, T => map::<T>(&a, (n, n), |m| {
                let (w, v) = la::eigh(&m, Precision::Double).map_err(error)?;
                let scaled = Mat::from_fn(n, n, |i, j| v[(i, j)].scale(w[j].max(0.0).sqrt()));
                Ok(scaled.mul(&v.adjoint()))
            }))
        });
}

fn ldl_factor(a: &Tensor, hermitian: bool) -> Result<(Tensor, Tensor, Vec<i32>)> {
    check_square(a, "torch.linalg.ldl_factor_ex")?;
    let n = a.size(-1)? as usize;
    let (mut pivots, mut infos) = (Vec::new(), Vec::new());
    let packed = with_field!(a, T => map::<T>(a, (n, n), |m| {
        let d = la::ldl_factor(m, hermitian);
        pivots.extend(d.pivots);
        infos.push(d.info);
        // The upper triangle is not part of the result.
        Ok(Mat::from_fn(n, n, |i, j| if i >= j { d.packed[(i, j)] } else { Default::default() }))
    }))?;
    Ok((packed, stack_rows(&batch_of(a), n, pivots, DType::Int)?, infos))
}

fn ldl(ops: &mut Rows) {
    ops.op("aten::linalg_ldl_factor(Tensor self, *, bool hermitian=False) -> (Tensor LD, Tensor pivots)")
        .doc("The LDL decomposition of Hermitian or symmetric matrices as LAPACK packs it.")
        .kernel(|a: Tensor, hermitian: bool| {
            let (ld, pivots, infos) = ldl_factor(&a, hermitian)?;
            check_infos("torch.linalg.ldl_factor", &infos, a.dim() > 2, |info| {
                format!(
                    "The factorization could not be completed because the input is singular (the leading minor {info} is \
                     zero)."
                )
            })?;
            Ok((ld, pivots))
        });
    ops.op("aten::linalg_ldl_factor_ex(Tensor self, *, bool hermitian=False, bool check_errors=False) -> (Tensor LD, Tensor pivots, Tensor info)")
        .doc("`linalg_ldl_factor` that reports singular matrices in `info`.")
        .kernel(|a: Tensor, hermitian: bool, check: bool| {
            let (ld, pivots, infos) = ldl_factor(&a, hermitian)?;
            if check {
                check_infos("torch.linalg.ldl_factor_ex", &infos, a.dim() > 2, |info| {
                    format!("The diagonal element {info} of D is zero.")
                })?;
            }
            Ok((ld, pivots, stack_numbers(&batch_of(&a), infos, DType::Int)?))
        });
    ops.op("aten::linalg_ldl_solve(Tensor LD, Tensor pivots, Tensor B, *, bool hermitian=False) -> Tensor")
        .doc("Solves a system by its LDL decomposition.")
        .kernel(|ld: Tensor, pivots: Tensor, b: Tensor, hermitian: bool| {
            let name = "torch.linalg.ldl_solve";
            check_square(&ld, name)?;
            ensure!(
                b.dim() >= 2,
                "{name}: Expected B to have at least 2 dimensions, but it has {} dimensions instead",
                b.dim()
            );
            ensure!(
                b.size(-2)? == ld.size(-1)?,
                "{name}: Incompatible shapes of LD and B"
            );
            let n = ld.size(-1)?;
            let mut sizes = batch_of(&ld);
            sizes.push(n);
            ensure!(
                pivots.sizes() == &sizes[..],
                "{name}: Expected LD.shape[:-1] and pivots.shape to be the same"
            );
            let (ld, b) = super::broadcast_batches(&ld, &b)?;
            let mut sizes = batch_of(&ld);
            sizes.push(n);
            let pivots = pivots.expand(&sizes)?.to_vec::<i32>()?;
            let size = (n as usize, b.size(-1)? as usize);
            with_field!(ld, T => {
                let mut factors = mats::<T>(&ld)?.into_iter().zip(pivots.chunks_exact(size.0.max(1)));
                map::<T>(&b, size, |b| match factors.next() {
                    Some((ld, pivots)) => la::ldl_solve(&ld, pivots, &b, hermitian).map_err(error),
                    None => Ok(b),
                })
            })
        });
}
