//! Linear algebra over batches of matrices: the slice-level work is in `flambeau-linalg`.
//!
//! Everything is computed in f64 or complex f64 and rounded to the dtype of the input.

mod decompose;
mod norm;
mod solve;

use flambeau_ir::ops::Rows;
use flambeau_linalg::{C64, Field, Mat};
use flambeau_tensor::layout::{Dims, show};
use flambeau_tensor::{DType, Element, Error, Result, Tensor, ensure};

pub fn declare(ops: &mut Rows) {
    decompose::declare(ops);
    solve::declare(ops);
    norm::declare(ops);
}

/// f64 or complex f64.
pub(crate) trait Number: Field + Element {}
impl Number for f64 {}
impl Number for C64 {}

/// Runs the body with `$T` bound to the field that the dtype computes in.
macro_rules! with_field {
    ($t:expr, $T:ident => $body:expr) => {
        if $t.is_complex() {
            type $T = flambeau_linalg::C64;
            $body
        } else {
            type $T = f64;
            $body
        }
    };
}
pub(crate) use with_field;

pub(crate) fn error(text: String) -> Error {
    Error::runtime(text)
}

/// Refuses dtypes without linear algebra, and tensors that are no matrices.
pub(crate) fn check_matrix(t: &Tensor, name: &str) -> Result<()> {
    ensure!(
        t.dim() >= 2,
        "{name}: The input tensor A must have at least 2 dimensions."
    );
    check_dtype(t, name)
}

pub(crate) fn check_dtype(t: &Tensor, name: &str) -> Result<()> {
    ensure!(
        t.is_floating_point() || t.is_complex(),
        "{name}: Expected a floating point or complex tensor as input. Got {}",
        t.dtype().name()
    );
    ensure!(
        !matches!(t.dtype(), DType::Half | DType::BFloat16 | DType::ComplexHalf),
        "{name}: Low precision dtypes not supported. Got {}",
        t.dtype().name()
    );
    Ok(())
}

pub(crate) fn check_square(t: &Tensor, name: &str) -> Result<()> {
    check_matrix(t, name)?;
    let (m, n) = (t.size(-2)?, t.size(-1)?);
    ensure!(
        m == n,
        "{name}: A must be batches of square matrices, but they are {m} by {n} matrices"
    );
    Ok(())
}

/// The sizes before the last two.
pub(crate) fn batch_of(t: &Tensor) -> Dims {
    t.sizes()[..t.dim().saturating_sub(2)].into()
}

/// The matrices of a batch.
pub(crate) fn mats<T: Number>(t: &Tensor) -> Result<Vec<Mat<T>>> {
    let (m, n) = (t.size(-2)? as usize, t.size(-1)? as usize);
    let count = batch_of(t).iter().product::<i64>() as usize;
    let data = t.to_vec::<T>()?;
    Ok((0..count)
        .map(|i| Mat::from_rows(m, n, &data[i * m * n..(i + 1) * m * n]))
        .collect())
}

/// A batch from matrices of one size.
pub(crate) fn stack<T: Number>(
    batch: &[i64],
    rows: usize,
    cols: usize,
    mats: impl IntoIterator<Item = Mat<T>>,
    dtype: DType,
) -> Result<Tensor> {
    let data: Vec<T> = mats.into_iter().flat_map(|m| m.data).collect();
    let mut sizes: Dims = batch.into();
    sizes.extend([rows as i64, cols as i64]);
    Tensor::from_vec(data, &sizes)?.to_dtype(dtype)
}

/// A batch of vectors of `n` elements.
pub(crate) fn stack_rows<T: Element>(batch: &[i64], n: usize, data: Vec<T>, dtype: DType) -> Result<Tensor> {
    let mut sizes: Dims = batch.into();
    sizes.push(n as i64);
    Tensor::from_vec(data, &sizes)?.to_dtype(dtype)
}

/// One number a matrix.
pub(crate) fn stack_numbers<T: Element>(batch: &[i64], data: Vec<T>, dtype: DType) -> Result<Tensor> {
    Tensor::from_vec(data, batch)?.to_dtype(dtype)
}

/// Applies `function` to each matrix of a batch; it must return matrices of `rows` x `cols`.
pub(crate) fn map<T: Number>(
    t: &Tensor,
    (rows, cols): (usize, usize),
    function: impl FnMut(Mat<T>) -> Result<Mat<T>>,
) -> Result<Tensor> {
    let out: Vec<Mat<T>> = mats::<T>(t)?.into_iter().map(function).collect::<Result<_>>()?;
    stack(&batch_of(t), rows, cols, out, t.dtype())
}

/// Two batches with their leading sizes broadcast against each other.
pub(crate) fn broadcast_batches(a: &Tensor, b: &Tensor) -> Result<(Tensor, Tensor)> {
    let batch = flambeau_tensor::layout::broadcast_shapes(&batch_of(a), &batch_of(b))?;
    let expand = |t: &Tensor| {
        let mut sizes = batch.clone();
        sizes.extend_from_slice(&t.sizes()[t.dim() - 2..]);
        t.expand(&sizes)
    };
    Ok((expand(a)?, expand(b)?))
}

/// Fails for the first matrix whose `info` is not zero, with `sentence` of that info.
pub(crate) fn check_infos(
    name: &str,
    infos: &[i32],
    batched: bool,
    sentence: impl Fn(i32) -> String,
) -> Result<()> {
    let Some((i, &info)) = infos.iter().enumerate().find(|(_, info)| **info != 0) else {
        return Ok(());
    };
    let which = if batched {
        format!("(Batch element {i}): ")
    } else {
        String::new()
    };
    Err(error(format!("{name}: {which}{}", sentence(info))))
}

pub(crate) fn same_dtype(a: &Tensor, b: &Tensor, name: &str) -> Result<()> {
    ensure!(
        a.dtype() == b.dtype(),
        "{name}: Expected A and B to have the same dtype, but found A of type {} and B of type {} instead",
        a.dtype().name(),
        b.dtype().name()
    );
    Ok(())
}

pub(crate) fn shape_text(t: &Tensor) -> String {
    show(t.sizes())
}
