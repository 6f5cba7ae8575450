//! Matrix products of tensors, with PyTorch's rules for ranks and types.
//!
//! `float` and `double` run on [`super::gemm`]; half precisions compute in `float` and round once; complex numbers run
//! as four real products; integers wrap around.

use super::access::{address, aligned, c_name, checked_product, compute, dense, lengths, no_memory};
use super::gemm::choose::product;
use super::gemm::pack::copy_panel_into;
use super::gemm::{Columns, Finish, Matrix, Product, Rows, multiply, panel_width};
use super::vector::Real;
use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::layout::{Dims, broadcast_shapes, show};
use crate::parallel::{SharedMut, parallel_for, threads};
use crate::scalar::Scalar;
use crate::simd::vectorize;
use crate::tensor::Tensor;
use crate::{Complex, bail, ensure, pointwise};

/// `[batch, m, k]` times `[batch, k, n]`, any strides, one dtype; sizes are known to fit.
fn batched(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let dtype = a.dtype();
    let (sa, sb) = (a.sizes(), b.sizes());
    let out = [sa[0], sa[1], sb[2]];
    match dtype {
        DType::Float => reals::<f32>(a, b, &out),
        DType::Double => reals::<f64>(a, b, &out),
        DType::Half | DType::BFloat16 => {
            let (a, b) = (a.to_dtype(DType::Float)?, b.to_dtype(DType::Float)?);
            reals::<f32>(&a, &b, &out)?.to_dtype(dtype)
        }
        DType::ComplexFloat => complexes::<f32>(a, b, &out),
        DType::ComplexDouble => complexes::<f64>(a, b, &out),
        DType::Byte => integers::<u8>(a, b, &out),
        DType::Char => integers::<i8>(a, b, &out),
        DType::Short => integers::<i16>(a, b, &out),
        DType::Int => integers::<i32>(a, b, &out),
        DType::Long => integers::<i64>(a, b, &out),
        other => bail!(
            NotImplemented,
            "\"addmm_impl_cpu_\" not implemented for '{}'",
            other.name()
        ),
    }
}

/// Runs `one(item)` for each matrix of a batch, side by side if there are enough of them.
fn each_matrix(batch: usize, work: usize, one: impl Fn(usize) + Sync) {
    if batch >= threads() || work < 1 << 16 {
        parallel_for(batch, 400_000 / work.max(1) + 1, |range| range.for_each(&one));
    } else {
        (0..batch).for_each(one);
    }
}

fn matrix<T>(data: *const T, strides: &[i64]) -> Matrix<T> {
    Matrix {
        data,
        row_stride: strides[0] as isize,
        column_stride: strides[1] as isize,
    }
}

/// Strides of the last two dimensions; a dimension of one element takes part as if it were dense.
fn strides_of(t: &Tensor) -> [i64; 2] {
    let (sizes, strides) = (&t.sizes()[1..], &t.strides()[1..]);
    match (sizes[0], sizes[1]) {
        (_, 1) if strides[1] != 1 => [strides[0], 1],
        (1, _) if strides[0] != 1 && strides[1] != 1 => [1, strides[1]],
        _ => [strides[0], strides[1]],
    }
}

fn reals<T: Real + Element + bytemuck::Pod>(a: &Tensor, b: &Tensor, size: &[i64; 3]) -> Result<Tensor> {
    let (a, b) = (aligned(a)?, aligned(b)?);
    let out = Tensor::empty(size, T::DTYPE)?;
    let (batch, m, n, k) = (
        size[0] as usize,
        size[1] as usize,
        size[2] as usize,
        a.sizes()[2] as usize,
    );
    if batch * m * n == 0 {
        return Ok(out);
    }
    let access = Tensor::access(&[&a, &b], &[&out])?;
    let (pa, pb, c) = (
        address::<T>(&a)?,
        address::<T>(&b)?,
        SharedMut(address::<T>(&out)?),
    );
    let (pa, pb) = (SharedMut(pa), SharedMut(pb));
    let (sa, sb) = (strides_of(&a), strides_of(&b));
    let (ja, jb) = (a.strides()[0] as isize, b.strides()[0] as isize);
    let failed = std::sync::atomic::AtomicBool::new(false);
    each_matrix(batch, m * n * k.max(1), |i| {
        let a = matrix(pa.get().wrapping_offset(i as isize * ja), &sa);
        let b = matrix(pb.get().wrapping_offset(i as isize * jb), &sb);
        let c = SharedMut(c.get().wrapping_add(i * m * n));
        // SAFETY: access is held, the layouts were checked against the storages, and every item has its own C.
        if unsafe { product((m, n, k), a, b, c, n, None) }.is_none() {
            failed.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    });
    drop(access);
    if failed.into_inner() {
        Err(no_memory())
    } else {
        Ok(out)
    }
}

fn complexes<T: Real + Element + bytemuck::Pod>(a: &Tensor, b: &Tensor, size: &[i64; 3]) -> Result<Tensor>
where
    Complex<T>: Element,
{
    let (ar, ai, br, bi) = (a.real()?, a.imag()?, b.real()?, b.imag()?);
    let parts = [
        reals::<T>(&ar, &br, size)?,
        reals::<T>(&ai, &bi, size)?,
        reals::<T>(&ar, &bi, size)?,
        reals::<T>(&ai, &br, size)?,
    ];
    let out = Tensor::empty(size, <Complex<T>>::DTYPE)?;
    let [rr, ii, ri, ir] = [
        parts[0].read()?,
        parts[1].read()?,
        parts[2].read()?,
        parts[3].read()?,
    ];
    let [rr, ii, ri, ir] = [
        rr.slice::<T>()?,
        ii.slice::<T>()?,
        ri.slice::<T>()?,
        ir.slice::<T>()?,
    ];
    for (i, z) in out.write()?.slice::<Complex<T>>()?.iter_mut().enumerate() {
        *z = Complex {
            re: rr[i].less(ii[i]),
            im: ri[i].plus(ir[i]),
        };
    }
    Ok(out)
}

/// Integers that wrap around.
trait Wraps: Element {
    fn madd(self, a: Self, b: Self) -> Self;
}

macro_rules! wraps {
    ($($t:ty)*) => {$(
        impl Wraps for $t {
            #[inline(always)]
            fn madd(self, a: $t, b: $t) -> $t {
                self.wrapping_add(a.wrapping_mul(b))
            }
        }
    )*};
}

wraps!(u8 i8 i16 i32 i64);

fn integers<T: Wraps>(a: &Tensor, b: &Tensor, size: &[i64; 3]) -> Result<Tensor> {
    let out = Tensor::zeros(size, T::DTYPE)?;
    let (a, b) = (dense(a)?, dense(b)?);
    let (m, n, k) = (size[1] as usize, size[2] as usize, a.sizes()[2] as usize);
    if out.numel() == 0 || k == 0 {
        return Ok(out);
    }
    let (a, b) = (a.read()?, b.read()?);
    let (a, b) = (a.slice::<T>()?, b.slice::<T>()?);
    let mut write = out.write()?;
    let c = write.slice::<T>()?;
    crate::parallel::parallel_chunks_mut(c, n * (100_000 / (n * k) + 1), |chunk, rows| {
        vectorize(
            #[inline(always)]
            || {
                let first = chunk * (100_000 / (n * k) + 1);
                for (i, row) in rows.chunks_exact_mut(n).enumerate() {
                    let i = first + i;
                    let b = &b[i / m * n * k..][..n * k];
                    for (&x, b) in a[i * k..(i + 1) * k].iter().zip(b.chunks_exact(n)) {
                        for (c, &y) in row.iter_mut().zip(b) {
                            *c = c.madd(x, y);
                        }
                    }
                }
            },
        );
    });
    drop(write);
    Ok(out)
}

fn same_dtype(a: &Tensor, b: &Tensor) -> Result<()> {
    ensure!(
        a.dtype() == b.dtype(),
        "expected m1 and m2 to have the same dtype, but got: {} != {}",
        c_name(a.dtype()),
        c_name(b.dtype())
    );
    Ok(())
}

/// Matrix times matrix.
pub fn mm(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    ensure!(a.dim() == 2, "self must be a matrix");
    ensure!(b.dim() == 2, "mat2 must be a matrix");
    check_mm("mm", a, b)?;
    batched(&a.unsqueeze(0)?, &b.unsqueeze(0)?)?.squeeze_dim(0)
}

fn check_mm(name: &str, a: &Tensor, b: &Tensor) -> Result<()> {
    let (sa, sb) = (a.sizes(), b.sizes());
    ensure!(
        sa[1] == sb[0],
        "{name}: mat1 and mat2 shapes cannot be multiplied ({}x{} and {}x{})",
        sa[0],
        sa[1],
        sb[0],
        sb[1]
    );
    same_dtype(a, b)
}

/// Batches of matrices, one by one.
pub fn bmm(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    check_bmm(a, b)?;
    batched(a, b)
}

fn check_bmm(a: &Tensor, b: &Tensor) -> Result<()> {
    ensure!(a.dim() == 3, "batch1 must be a 3D tensor");
    ensure!(b.dim() == 3, "batch2 must be a 3D tensor");
    let (sa, sb) = (a.sizes(), b.sizes());
    ensure!(
        sa[0] == sb[0] && sa[2] == sb[1],
        "Expected size for first two dimensions of batch2 tensor to be: {} but got: {}.",
        show(&[sa[0], sa[2]]),
        show(&sb[..2])
    );
    ensure!(
        a.dtype() == b.dtype(),
        "expected scalar type {} but found {}",
        a.dtype().name(),
        b.dtype().name()
    );
    Ok(())
}

/// Matrix times vector.
pub fn mv(a: &Tensor, x: &Tensor) -> Result<Tensor> {
    ensure!(
        a.dim() == 2 && x.dim() == 1,
        "vector + matrix @ vector expected, got 1, {}, {}",
        a.dim(),
        x.dim()
    );
    ensure!(
        a.sizes()[1] == x.sizes()[0],
        "size mismatch, got input ({}), mat ({}x{}), vec ({})",
        a.sizes()[0],
        a.sizes()[0],
        a.sizes()[1],
        x.sizes()[0]
    );
    ensure!(
        a.dtype() == x.dtype(),
        "expected scalar type {} but found {}",
        a.dtype().name(),
        x.dtype().name()
    );
    batched(&a.unsqueeze(0)?, &x.unsqueeze(0)?.unsqueeze(2)?)?.reshape(&[a.sizes()[0]])
}

/// The sum of the products of two vectors.
pub fn dot(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    ensure!(
        a.dim() == 1 && b.dim() == 1,
        "1D tensors expected, but got {}D and {}D tensors",
        a.dim(),
        b.dim()
    );
    ensure!(
        a.dtype() == b.dtype(),
        "dot : expected both vectors to have same dtype, but found {} and {}",
        a.dtype().name(),
        b.dtype().name()
    );
    ensure!(
        a.numel() == b.numel(),
        "inconsistent tensor size, expected tensor {} and src {} to have the same number of elements, but got {} and {} \
         elements respectively",
        show(a.sizes()),
        show(b.sizes()),
        a.numel(),
        b.numel()
    );
    let n = a.numel();
    batched(&a.reshape(&[1, 1, n])?, &b.reshape(&[1, n, 1])?)?.reshape(&[])
}

/// [`dot`] with the first vector conjugated.
pub fn vdot(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if a.is_complex() {
        dot(&conjugate(a)?, b)
    } else {
        dot(a, b)
    }
}

fn conjugate(a: &Tensor) -> Result<Tensor> {
    let out = a.copy()?;
    match out.dtype() {
        DType::ComplexFloat => out
            .write()?
            .memory::<Complex<f32>>()?
            .iter_mut()
            .for_each(|z| z.im = -z.im),
        DType::ComplexDouble => out
            .write()?
            .memory::<Complex<f64>>()?
            .iter_mut()
            .for_each(|z| z.im = -z.im),
        _ => {}
    }
    Ok(out)
}

/// All products of elements of two vectors.
pub fn outer(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    ensure!(
        a.dim() == 1,
        "outer: Expected 1-D argument self, but got {}-D",
        a.dim()
    );
    ensure!(
        b.dim() == 1,
        "outer: Expected 1-D argument vec2, but got {}-D",
        b.dim()
    );
    let dtype = a.dtype().promote(b.dtype());
    if dtype == DType::Bool {
        let (a, b) = (a.to_dtype(DType::Byte)?, b.to_dtype(DType::Byte)?);
        return outer(&a, &b)?.to_dtype(dtype);
    }
    let (a, b) = (a.to_dtype(dtype)?, b.to_dtype(dtype)?);
    mm(&a.unsqueeze(1)?, &b.unsqueeze(0)?)
}

/// PyTorch's `matmul`: vectors, matrices, and batches that broadcast.
pub fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    match (a.dim(), b.dim()) {
        (0, _) | (_, 0) => {
            bail!(
                "both arguments to matmul need to be at least 1D, but they are {}D and {}D",
                a.dim(),
                b.dim()
            )
        }
        (1, 1) => dot(a, b),
        (2, 1) => mv(a, b),
        (1, 2) => mm(&a.unsqueeze(0)?, b)?.squeeze_dim(0),
        (2, 2) => mm(a, b),
        (da, 1 | 2) if da >= 3 => {
            // The batch folds into the rows of one product.
            let sa = a.sizes();
            let k = sa[da - 1];
            let rows = checked_product(&lengths(&sa[..da - 1]))? as i64;
            let folded = a.reshape(&[rows, k])?;
            let mut size = Dims::from_slice(&sa[..da - 1]);
            let product = if b.dim() == 1 {
                mv(&folded, b)?
            } else {
                size.push(b.sizes()[1]);
                mm(&folded, b)?
            };
            product.view(&size)
        }
        (da, db) => {
            let left = if da == 1 { a.unsqueeze(0)? } else { a.clone() };
            let right = if db == 1 { b.unsqueeze(1)? } else { b.clone() };
            let (sl, sr) = (left.sizes(), right.sizes());
            let (m, k) = (sl[sl.len() - 2], sl[sl.len() - 1]);
            let (k2, n) = (sr[sr.len() - 2], sr[sr.len() - 1]);
            let batch = broadcast_shapes(&sl[..sl.len() - 2], &sr[..sr.len() - 2])?;
            let count = checked_product(&lengths(&batch))? as i64;
            let expand = |t: &Tensor, rows: i64, columns: i64| -> Result<Tensor> {
                let mut full = batch.clone();
                full.extend([rows, columns]);
                t.expand(&full)?.reshape(&[count, rows, columns])
            };
            let (left, right) = (expand(&left, m, k)?, expand(&right, k2, n)?);
            let product = bmm(&left, &right)?;
            let mut size = batch;
            if da > 1 {
                size.push(m);
            }
            if db > 1 {
                size.push(n);
            }
            product.view(&size)
        }
    }
}

fn is_half(dtype: DType) -> bool {
    matches!(dtype, DType::Half | DType::BFloat16)
}

/// `x` rounded to a half type, as a number.
fn rounded(x: Scalar, dtype: DType) -> Result<Scalar> {
    Tensor::scalar_tensor(x, dtype)?.item()
}

/// Single precision in and out of `run` for half types, which are rounded once.
fn in_single(all: [&Tensor; 3], run: impl FnOnce([&Tensor; 3]) -> Result<Tensor>) -> Result<Tensor> {
    let dtype = all[0].dtype();
    if !is_half(dtype) {
        return run(all);
    }
    let [a, b, c] = all.map(|t| t.to_dtype(DType::Float));
    run([&a?, &b?, &c?])?.to_dtype(dtype)
}

/// `beta·base + alpha·out`, in place in the contiguous `out`; `base` broadcasts and is not looked at if `beta` is 0.
fn blend(out: Tensor, base: &Tensor, beta: Scalar, alpha: Scalar) -> Result<Tensor> {
    let dtype = out.dtype();
    if is_half(dtype) {
        let wide = |t: &Tensor| t.to_dtype(DType::Float);
        return blend(wide(&out)?, &wide(base)?, beta, alpha)?.to_dtype(dtype);
    }
    // Integer products take the whole part of the factors.
    let whole = |s: Scalar| {
        if dtype.is_integral(true) {
            Scalar::Int(s.to_i64())
        } else {
            s
        }
    };
    let (beta, alpha) = (whole(beta), whole(alpha));
    let (one, zero) = (
        alpha.to_complex() == Complex::new(1.0, 0.0),
        beta.to_complex() == Complex::new(0.0, 0.0),
    );
    let base = base.expand(out.sizes())?;
    if zero && one {
        return Ok(out);
    }
    let base = dense(&base)?;
    macro_rules! run {
        ($t:ty, |$c:ident, $x:ident, $alpha:ident, $beta:ident| $e:expr) => {{
            let ($alpha, $beta) = (<$t>::from_scalar(alpha), <$t>::from_scalar(beta));
            let read = base.read()?;
            let base = read.slice::<$t>()?;
            let mut write = out.write()?;
            let all = write.slice::<$t>()?;
            crate::parallel::parallel_chunks_mut(all, 1 << 15, |i, piece| {
                vectorize(
                    #[inline(always)]
                    || {
                        let base = &base[i << 15..][..piece.len()];
                        for (c, &x) in piece.iter_mut().zip(base) {
                            let ($c, $x) = (*c, if zero { <$t>::default() } else { x });
                            *c = $e;
                        }
                    },
                );
            });
        }};
    }
    macro_rules! int {
        ($t:ty) => {
            run!($t, |c, x, alpha, beta| alpha
                .wrapping_mul(c)
                .wrapping_add(beta.wrapping_mul(x)))
        };
    }
    match dtype {
        DType::Float => run!(f32, |c, x, alpha, beta| alpha * c + beta * x),
        DType::Double => run!(f64, |c, x, alpha, beta| alpha * c + beta * x),
        DType::ComplexFloat => run!(Complex<f32>, |c, x, alpha, beta| alpha * c + beta * x),
        DType::ComplexDouble => run!(Complex<f64>, |c, x, alpha, beta| alpha * c + beta * x),
        DType::Byte => int!(u8),
        DType::Char => int!(i8),
        DType::Short => int!(i16),
        DType::Int => int!(i32),
        DType::Long => int!(i64),
        other => bail!(
            NotImplemented,
            "\"addmm_impl_cpu_\" not implemented for '{}'",
            other.name()
        ),
    }
    Ok(out)
}

fn same_as_base(base: &Tensor, a: &Tensor) -> Result<()> {
    ensure!(
        base.dtype() == a.dtype(),
        "self and mat2 must have the same dtype, but got {} and {}",
        base.dtype().name(),
        a.dtype().name()
    );
    Ok(())
}

fn fits(base: &Tensor, size: &[i64]) -> Result<()> {
    base.expand(size).map(|_| ())
}

/// `beta·base + alpha·(a @ b)`.
pub fn addmm(base: &Tensor, a: &Tensor, b: &Tensor, beta: Scalar, alpha: Scalar) -> Result<Tensor> {
    ensure!(a.dim() == 2, "mat1 must be a matrix, got {}-D tensor", a.dim());
    ensure!(b.dim() == 2, "mat2 must be a matrix, got {}-D tensor", b.dim());
    check_mm("addmm", a, b)?;
    same_as_base(base, a)?;
    fits(base, &[a.sizes()[0], b.sizes()[1]])?;
    in_single([base, a, b], |[base, a, b]| blend(mm(a, b)?, base, beta, alpha))
}

/// `beta·base + alpha·(a @ b)` for each matrix of a batch.
pub fn baddbmm(base: &Tensor, a: &Tensor, b: &Tensor, beta: Scalar, alpha: Scalar) -> Result<Tensor> {
    check_bmm(a, b)?;
    ensure!(
        base.dtype() == a.dtype(),
        "Input dtypes must be the same, got: input {}, batch1: {}, batch2: {}",
        base.dtype().name(),
        a.dtype().name(),
        b.dtype().name()
    );
    fits(base, &[a.sizes()[0], a.sizes()[1], b.sizes()[2]])?;
    in_single([base, a, b], |[base, a, b]| {
        blend(batched(a, b)?, base, beta, alpha)
    })
}

/// `beta·base + alpha·Σ a[i] @ b[i]`.
pub fn addbmm(base: &Tensor, a: &Tensor, b: &Tensor, beta: Scalar, alpha: Scalar) -> Result<Tensor> {
    check_bmm(a, b)?;
    same_as_base(base, a)?;
    let (batch, m, k, n) = (a.sizes()[0], a.sizes()[1], a.sizes()[2], b.sizes()[2]);
    fits(base, &[m, n])?;
    if is_half(base.dtype()) && batch > 0 {
        // One product after the other, each sum rounded.
        let mut sum = base.clone();
        for i in 0..batch {
            let beta = if i == 0 { beta } else { Scalar::Int(1) };
            sum = addmm(&sum, &a.select(0, i)?, &b.select(0, i)?, beta, alpha)?;
        }
        return Ok(sum);
    }
    // The sum over the batch is a longer sum over k.
    let left = a.permute(&[1, 0, 2])?.reshape(&[m, batch * k])?;
    let right = b.reshape(&[batch * k, n])?;
    blend(mm(&left, &right)?, base, beta, alpha)
}

/// `beta·base + alpha·(a @ x)`.
pub fn addmv(base: &Tensor, a: &Tensor, x: &Tensor, beta: Scalar, alpha: Scalar) -> Result<Tensor> {
    ensure!(
        a.dim() == 2 && x.dim() == 1 && base.dim() <= 1,
        "vector + matrix @ vector expected, got {}, {}, {}",
        base.dim(),
        a.dim(),
        x.dim()
    );
    let rows = a.sizes()[0];
    ensure!(
        a.sizes()[1] == x.sizes()[0] && (rows == base.numel() || base.numel() == 1),
        "size mismatch, got input ({}), mat ({}x{}), vec ({})",
        base.numel(),
        rows,
        a.sizes()[1],
        x.sizes()[0]
    );
    same_as_base(base, a)?;
    let dtype = base.dtype();
    if is_half(dtype) {
        let (beta, alpha) = (rounded(beta, dtype)?, rounded(alpha, dtype)?);
        let (given, a, x) = (a, a.to_dtype(DType::Float)?, x.to_dtype(DType::Float)?);
        let kept = |t: Tensor| t.to_dtype(dtype)?.to_dtype(DType::Float);
        let zero = beta.to_f64() == 0.0;
        let scaled = if zero {
            base.to_dtype(DType::Float)?
        } else {
            kept(pointwise::mul(
                (&base.to_dtype(DType::Float)?).into(),
                beta.into(),
            )?)?
        };
        let mut product = pointwise::mul((&mv(&a, &x)?).into(), alpha.into())?;
        // By columns the sum of the products is rounded, too.
        if given.stride(0)? == 1 && given.stride(1)? >= rows.max(1) {
            product = kept(product)?;
        }
        return blend(product, &scaled, Scalar::Int(i64::from(!zero)), Scalar::Int(1))?.to_dtype(dtype);
    }
    blend(mv(a, x)?, base, beta, alpha)
}

/// `beta·base + alpha·outer(a, b)`.
pub fn addr(base: &Tensor, a: &Tensor, b: &Tensor, beta: Scalar, alpha: Scalar) -> Result<Tensor> {
    ensure!(
        a.dim() == 1,
        "addr: Expected 1-D argument vec1, but got {}-D",
        a.dim()
    );
    ensure!(
        b.dim() == 1,
        "addr: Expected 1-D argument vec2, but got {}-D",
        b.dim()
    );
    let dtype = base.dtype().promote(a.dtype()).promote(b.dtype());
    fits(base, &[a.numel(), b.numel()])?;
    for (name, s) in [("beta", beta), ("alpha", alpha)] {
        ensure!(
            !dtype.is_integral(true) || s.is_integral(true),
            "For integral input tensors, argument {name} must not be a floating point number."
        );
    }
    if is_half(dtype) {
        // Every step is rounded, as are the factors.
        let (beta, alpha) = (rounded(beta, dtype)?, rounded(alpha, dtype)?);
        let scaled = pointwise::mul((&a.to_dtype(dtype)?).into(), alpha.into())?;
        let product = outer(&scaled, &b.to_dtype(dtype)?)?;
        if beta.to_f64() == 0.0 {
            return Ok(product);
        }
        let base = pointwise::mul((&base.to_dtype(dtype)?).into(), beta.into())?;
        return pointwise::add((&base).into(), (&product).into(), Scalar::Int(1));
    }
    let product = outer(&a.to_dtype(dtype)?, &b.to_dtype(dtype)?)?;
    if dtype == DType::Bool {
        let byte = |t: &Tensor| t.to_dtype(DType::Byte);
        let sum = blend(
            byte(&product)?,
            &byte(base)?,
            Scalar::Int(beta.to_bool() as i64),
            Scalar::Int(alpha.to_bool() as i64),
        )?;
        return sum.to_dtype(DType::Bool);
    }
    blend(product, &base.to_dtype(dtype)?, beta, alpha)
}

/// Weights `[n, k]` of [`linear`] as panels of columns.
pub(super) fn packed_weight<T: Real + Element + bytemuck::Pod>(
    weight: &Tensor,
) -> Result<std::sync::Arc<Vec<T>>> {
    weight.prepared("linear", &[], || {
        let weight = aligned(weight)?;
        let (n, k) = (weight.sizes()[0] as usize, weight.sizes()[1] as usize);
        let width = panel_width::<T>();
        let total = checked_product(&[n.next_multiple_of(width), k])?;
        let mut data: Vec<T> = Vec::new();
        data.try_reserve_exact(total).map_err(|_| no_memory())?;
        data.resize(total, T::ZERO);
        let _access = Tensor::access(&[&weight], &[])?;
        let from = SharedMut(address::<T>(&weight)?);
        let strides = weight.strides();
        let (along, down) = (strides[0] as isize, strides[1] as isize);
        let to = SharedMut(data.as_mut_ptr());
        parallel_for(n.div_ceil(width), (1 << 15) / (width * k.max(1)) + 1, |range| {
            vectorize(
                #[inline(always)]
                || {
                    for panel in range {
                        let first = panel * width;
                        // SAFETY: access is held; rows `first..` of the weight exist, and the panel has its place.
                        unsafe {
                            let from = from.get().wrapping_offset(first as isize * along);
                            let wide = width.min(n - first);
                            copy_panel_into(from, along, down, wide, k, to.get().add(first * k), width);
                        }
                    }
                },
            );
        });
        Ok(data)
    })
}

/// Rows between which the packed form of a weight is worth keeping: fewer take the skinny kernel, with more the
/// packing hardly counts.
const KEEP_PACKED: std::ops::Range<usize> = 17..2048;

/// `input @ weight.T + bias`, over the last dimension of `input`.
pub fn linear(input: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    ensure!(
        input.dim() > 0 && matches!(weight.dim(), 1 | 2),
        "both arguments to linear need to be at least 1D, but they are {}D and {}D",
        input.dim(),
        weight.dim()
    );
    if weight.dim() == 1
        || weight.dtype() != input.dtype()
        || !matches!(compute(input.dtype()), DType::Float | DType::Double)
    {
        let product = if weight.dim() == 2 {
            matmul(input, &weight.t()?)?
        } else {
            matmul(input, weight)?
        };
        return match bias {
            Some(bias) => {
                same_as_base(bias, &product)?;
                blend(product, bias, Scalar::Int(1), Scalar::Int(1))
            }
            None => Ok(product),
        };
    }
    let sizes = input.sizes();
    let k = sizes[sizes.len() - 1];
    let rows = checked_product(&lengths(&sizes[..sizes.len() - 1]))?;
    let n = weight.sizes()[0];
    ensure!(
        k == weight.sizes()[1],
        "{}: mat1 and mat2 shapes cannot be multiplied ({rows}x{k} and {}x{n})",
        if bias.is_some() { "addmm" } else { "mm" },
        weight.sizes()[1]
    );
    let mut size = Dims::from_slice(&sizes[..sizes.len() - 1]);
    size.push(n);
    let bias = match bias {
        Some(bias) => {
            same_as_base(bias, input)?;
            Some(dense(&bias.expand(&[n]).or_else(|_| bias.expand(&size))?)?)
        }
        None => None,
    };
    if matches!(input.dtype(), DType::Half | DType::BFloat16) {
        let wide = |t: &Tensor| t.to_dtype(DType::Float);
        let bias = bias.as_ref().map(wide).transpose()?;
        return linear(&wide(input)?, &wide(weight)?, bias.as_ref())?.to_dtype(input.dtype());
    }
    if input.dtype() == DType::Float {
        linear_real::<f32>(input, weight, bias.as_ref(), rows, &size)
    } else {
        linear_real::<f64>(input, weight, bias.as_ref(), rows, &size)
    }
}

fn linear_real<T: Real + Element + bytemuck::Pod>(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    m: usize,
    size: &[i64],
) -> Result<Tensor> {
    let (n, k) = (weight.sizes()[0] as usize, weight.sizes()[1] as usize);
    let x = aligned(&input.reshape(&[m as i64, k as i64])?)?;
    let packed = if KEEP_PACKED.contains(&m) && n > 4 {
        Some(packed_weight::<T>(weight)?)
    } else {
        None
    };
    let weight = aligned(weight)?;
    let out = Tensor::empty(size, T::DTYPE)?;
    if out.numel() == 0 {
        return Ok(out);
    }
    let mut reads = vec![&x, &weight];
    reads.extend(bias);
    let access = Tensor::access(&reads, &[&out])?;
    let bias = match bias {
        // SAFETY: access is held, and the bias is contiguous.
        Some(b) => {
            Some(unsafe { std::slice::from_raw_parts(address::<T>(b)?.cast_const(), b.numel() as usize) })
        }
        None => None,
    };
    let add = |row: usize, first: usize, piece: &mut [T]| {
        if let Some(bias) = bias {
            let start = if bias.len() == n { first } else { row * n + first };
            let bias = &bias[start..][..piece.len()];
            vectorize(
                #[inline(always)]
                || piece.iter_mut().zip(bias).for_each(|(c, &b)| *c = c.plus(b)),
            );
        }
    };
    let finish: Option<Finish<'_, T>> = if bias.is_some() { Some(&add) } else { None };
    let a = matrix(address::<T>(&x)?.cast_const(), x.strides());
    let c = SharedMut(address::<T>(&out)?);
    // SAFETY: access is held, the layouts were checked against the storages, and C is fresh.
    let done = unsafe {
        match &packed {
            Some(packed) => {
                let (a, b) = (Rows::Strided(a), Columns::Packed(packed));
                multiply(&Product {
                    m,
                    n,
                    k,
                    a,
                    b,
                    c,
                    c_stride: n,
                    add: false,
                    finish,
                })
            }
            None => product(
                (m, n, k),
                a,
                matrix(address::<T>(&weight)?, weight.strides()).t(),
                c,
                n,
                finish,
            ),
        }
    };
    done.ok_or_else(no_memory)?;
    drop(access);
    Ok(out)
}

#[cfg(test)]
#[path = "matmul_tests.rs"]
mod tests;
