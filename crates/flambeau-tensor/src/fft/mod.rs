//! Discrete Fourier transforms of tensors, with the names and conventions of `torch.fft`.
//!
//! Three primitives (complex to complex, real to half complex, half complex to real) over any set of dimensions, and
//! the functions of `torch.fft` over them. `stft` and its inverse are in [`stft`](mod@stft), windows in [`window`].

mod plan;
pub mod stft;
pub mod window;

use crate::layout::{Dims, wrap_dim};
use crate::parallel::parallel_chunks_mut;
use crate::{Complex, DType, Element, Result, Tensor, bail, ensure};
use plan::Part;

#[cfg(test)]
mod tests;

/// What the result is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    None,
    ByRootN,
    ByN,
}

impl Norm {
    /// The codes of `_fft_c2c`'s `normalization`.
    pub fn from_code(code: i64) -> Result<Norm> {
        Ok(match code {
            0 => Norm::None,
            1 => Norm::ByRootN,
            2 => Norm::ByN,
            _ => bail!("Unsupported normalization type: {code}"),
        })
    }

    /// The `norm` argument; `forward` is the direction of the transform.
    pub fn from_name(name: Option<&str>, forward: bool) -> Result<Norm> {
        Ok(match name {
            None | Some("backward") if forward => Norm::None,
            None | Some("backward") => Norm::ByN,
            Some("forward") if forward => Norm::ByN,
            Some("forward") => Norm::None,
            Some("ortho") => Norm::ByRootN,
            Some(other) => bail!("Invalid normalization mode: \"{other}\""),
        })
    }

    fn factor(self, n: f64) -> f64 {
        match self {
            Norm::None => 1.0,
            Norm::ByRootN => 1.0 / n.sqrt(),
            Norm::ByN => 1.0 / n,
        }
    }
}

/// Elements that one thread transforms at a time, in whole signals.
const PIECE: usize = 1 << 14;

/// `t` with `dim` last and contiguous, the number of rows and their length.
fn laid_out(t: &Tensor, dim: usize) -> Result<(Tensor, usize, usize)> {
    let t = t.transpose(dim as i64, -1)?.contiguous()?;
    let (&n, others) = t.sizes().split_last().unwrap_or((&1, &[]));
    let count = others.iter().product::<i64>() as usize;
    Ok((t, count, n as usize))
}

/// Rows of `n` elements as a tensor of the sizes of `like` but for the last; that one goes back to `dim`.
fn put_back<T: Element>(data: Vec<T>, like: &Tensor, n: usize, dim: usize) -> Result<Tensor> {
    let mut sizes: Dims = like.sizes().into();
    if let Some(last) = sizes.last_mut() {
        *last = n as i64;
    }
    Tensor::from_vec(data, &sizes)?
        .transpose(dim as i64, -1)?
        .contiguous()
}

/// Calls `body(row, signals)` on whole signals of `n` elements, `row` the number of the first of them.
fn by_rows<T: Send>(data: &mut [T], n: usize, body: impl Fn(usize, &mut [T]) + Sync) {
    let rows = (PIECE / n.max(1)).max(1);
    parallel_chunks_mut(data, rows * n.max(1), |piece, signals| {
        body(piece * rows, signals)
    });
}

fn c2c_one<T: Part>(t: &Tensor, dim: usize, factor: f64, forward: bool) -> Result<Tensor>
where
    Complex<T>: Element,
{
    let (t, _, n) = laid_out(t, dim)?;
    let plan = if forward { T::forward(n)? } else { T::inverse(n)? };
    let mut out = t.read()?.slice::<Complex<T>>()?.to_vec();
    let factor = T::of(factor);
    by_rows(&mut out, n, |_, signals| {
        let mut scratch = vec![Complex::default(); plan.get_inplace_scratch_len()];
        plan.process_with_scratch(signals, &mut scratch);
        scale(signals, factor);
    });
    put_back(out, &t, n, dim)
}

fn scale<T: Part>(signals: &mut [Complex<T>], factor: T)
where
    Complex<T>: Element,
{
    if factor != T::one() {
        signals.iter_mut().for_each(|z| *z = z.scale(factor));
    }
}

fn r2c_one<T: Part>(t: &Tensor, dim: usize, factor: f64, onesided: bool) -> Result<Tensor>
where
    Complex<T>: Element,
{
    let (t, count, n) = laid_out(t, dim)?;
    ensure!(n > 0, "Invalid number of data points ({n}) specified");
    let half = n / 2 + 1;
    let kept = if onesided { half } else { n };
    let plan = T::to_complex(n)?;
    let read = t.read()?;
    let data = read.slice::<T>()?;
    let mut out = vec![Complex::<T>::default(); count * kept];
    let factor = T::of(factor);
    by_rows(&mut out, kept, |first, signals| {
        let (mut scratch, mut input) = (plan.make_scratch_vec(), plan.make_input_vec());
        let (mut result, mut row) = (plan.make_output_vec(), first * n);
        for signal in signals.chunks_exact_mut(kept) {
            input.copy_from_slice(&data[row..row + n]);
            // Only wrong lengths are refused, and these are the plan's own.
            let _ = plan.process_with_scratch(&mut input, &mut result, &mut scratch);
            scale(&mut result, factor);
            let direct = half.min(kept);
            signal[..direct].copy_from_slice(&result[..direct]);
            for k in half..kept {
                signal[k] = result[n - k].conj();
            }
            row += n;
        }
    });
    put_back(out, &t, kept, dim)
}

fn c2r_one<T: Part>(t: &Tensor, dim: usize, factor: f64, n: usize) -> Result<Tensor>
where
    Complex<T>: Element,
{
    let (t, count, given) = laid_out(t, dim)?;
    ensure!(n > 0, "Invalid number of data points ({n}) specified");
    let half = n / 2 + 1;
    ensure!(
        half <= given,
        "expected at least {half} points for a real signal of {n}, found {given}"
    );
    let plan = T::to_real(n)?;
    let read = t.read()?;
    let data = read.slice::<Complex<T>>()?;
    let mut out = vec![T::default(); count * n];
    let factor = T::of(factor);
    by_rows(&mut out, n, |first, signals| {
        let (mut scratch, mut input) = (plan.make_scratch_vec(), plan.make_input_vec());
        for (row, signal) in (first..).zip(signals.chunks_exact_mut(n)) {
            input.copy_from_slice(&data[row * given..][..half]);
            // What must be real is taken as real; the library would refuse it.
            input[0].im = T::zero();
            if n % 2 == 0 {
                input[half - 1].im = T::zero();
            }
            let _ = plan.process_with_scratch(&mut input, signal, &mut scratch);
            signal.iter_mut().for_each(|x| *x = *x * factor);
        }
    });
    put_back(out, &t, n, dim)
}

macro_rules! by_part {
    ($t:expr, $function:ident($($argument:expr),*)) => {
        match $t.dtype().to_real() {
            DType::Float => $function::<f32>($($argument),*),
            DType::Double => $function::<f64>($($argument),*),
            other => bail!("Unsupported dtype {}", other.name()),
        }
    };
}

fn product(t: &Tensor, dims: &[usize]) -> f64 {
    dims.iter().map(|&d| t.sizes()[d] as f64).product()
}

/// Complex to complex over `dims` (`_fft_c2c`).
pub fn c2c(t: &Tensor, dims: &[usize], norm: Norm, forward: bool) -> Result<Tensor> {
    ensure!(
        t.is_complex(),
        "expected a complex tensor, found {}",
        t.dtype().name()
    );
    let mut factor = norm.factor(product(t, dims));
    let mut out = t.clone();
    for &dim in dims {
        out = by_part!(out, c2c_one(&out, dim, factor, forward))?;
        factor = 1.0;
    }
    if dims.is_empty() { t.copy() } else { Ok(out) }
}

/// Real to complex over `dims`, the last of them halved if `onesided` (`_fft_r2c`).
pub fn r2c(t: &Tensor, dims: &[usize], norm: Norm, onesided: bool) -> Result<Tensor> {
    ensure!(
        !t.is_complex(),
        "expected a real tensor, found {}",
        t.dtype().name()
    );
    let Some((&last, others)) = dims.split_last() else {
        return t.to_dtype(t.dtype().to_complex());
    };
    let factor = norm.factor(product(t, dims));
    let out = by_part!(t, r2c_one(t, last, factor, onesided))?;
    if others.is_empty() {
        Ok(out)
    } else {
        c2c(&out, others, Norm::None, true)
    }
}

/// Half complex to real over `dims`, `n` points along the last of them (`_fft_c2r`).
pub fn c2r(t: &Tensor, dims: &[usize], norm: Norm, n: usize) -> Result<Tensor> {
    ensure!(
        t.is_complex(),
        "expected a complex tensor, found {}",
        t.dtype().name()
    );
    let Some((&last, others)) = dims.split_last() else {
        return t.real();
    };
    let factor = norm.factor(product(t, others) * n as f64);
    let t = c2c(t, others, Norm::None, false)?;
    by_part!(t, c2r_one(&t, last, factor, n))
}

/// Integers become the default float type.
fn promote(t: &Tensor, complex: bool) -> Result<Tensor> {
    let dtype = t.dtype().to_float();
    if !matches!(dtype.to_real(), DType::Float | DType::Double) {
        bail!("Unsupported dtype {}", dtype.name());
    }
    t.to_dtype(if complex { dtype.to_complex() } else { dtype })
}

/// Cuts or pads with zeros to `n` points along `dim`.
fn resize(t: &Tensor, dim: usize, n: i64) -> Result<Tensor> {
    let have = t.sizes()[dim];
    if have == n {
        return Ok(t.clone());
    }
    if have > n {
        return t.narrow(dim as i64, 0, n);
    }
    let mut sizes: Dims = t.sizes().into();
    sizes[dim] = n;
    let out = Tensor::zeros(&sizes, t.dtype())?;
    out.narrow(dim as i64, 0, have)?.copy_(t)?;
    Ok(out)
}

fn points(n: Option<i64>, have: i64) -> Result<i64> {
    let n = n.unwrap_or(have);
    ensure!(n >= 1, "Invalid number of data points ({n}) specified");
    Ok(n)
}

fn one_dim(t: &Tensor, dim: i64) -> Result<usize> {
    ensure!(
        t.dim() > 0,
        "Dimension specified as {dim} but tensor has no dimensions"
    );
    wrap_dim(dim, t.dim())
}

fn complex_1d(t: &Tensor, n: Option<i64>, dim: i64, norm: Option<&str>, forward: bool) -> Result<Tensor> {
    let dim = one_dim(t, dim)?;
    let n = points(n, t.sizes()[dim])?;
    let norm = Norm::from_name(norm, forward)?;
    c2c(&resize(&promote(t, true)?, dim, n)?, &[dim], norm, forward)
}

pub fn fft(t: &Tensor, n: Option<i64>, dim: i64, norm: Option<&str>) -> Result<Tensor> {
    complex_1d(t, n, dim, norm, true)
}

pub fn ifft(t: &Tensor, n: Option<i64>, dim: i64, norm: Option<&str>) -> Result<Tensor> {
    complex_1d(t, n, dim, norm, false)
}

fn real_1d(t: &Tensor, n: Option<i64>, dim: i64, norm: Norm, name: &str) -> Result<Tensor> {
    ensure!(
        !t.is_complex(),
        "{name} expects a real input tensor, but got {}",
        t.dtype().name()
    );
    let dim = one_dim(t, dim)?;
    let n = points(n, t.sizes()[dim])?;
    r2c(&resize(&promote(t, false)?, dim, n)?, &[dim], norm, true)
}

pub fn rfft(t: &Tensor, n: Option<i64>, dim: i64, norm: Option<&str>) -> Result<Tensor> {
    real_1d(t, n, dim, Norm::from_name(norm, true)?, "rfft")
}

pub fn ihfft(t: &Tensor, n: Option<i64>, dim: i64, norm: Option<&str>) -> Result<Tensor> {
    conj(&real_1d(t, n, dim, Norm::from_name(norm, false)?, "ihfft")?)
}

fn conj(t: &Tensor) -> Result<Tensor> {
    crate::pointwise::conj(t)
}

fn to_real_1d(t: &Tensor, n: Option<i64>, dim: i64, norm: Norm) -> Result<Tensor> {
    let dim = one_dim(t, dim)?;
    let n = points(n, 2 * (t.sizes()[dim] - 1))?;
    c2r(&resize(t, dim, n / 2 + 1)?, &[dim], norm, n as usize)
}

pub fn irfft(t: &Tensor, n: Option<i64>, dim: i64, norm: Option<&str>) -> Result<Tensor> {
    to_real_1d(&promote(t, true)?, n, dim, Norm::from_name(norm, false)?)
}

pub fn hfft(t: &Tensor, n: Option<i64>, dim: i64, norm: Option<&str>) -> Result<Tensor> {
    to_real_1d(&conj(&promote(t, true)?)?, n, dim, Norm::from_name(norm, true)?)
}

/// The dimensions and sizes that `s` and `dim` stand for: the last ones if only `s` is given, all if neither.
fn shape_and_dims(t: &Tensor, s: Option<&[i64]>, dim: Option<&[i64]>) -> Result<(Dims, Vec<usize>)> {
    let nd = t.dim();
    let dims: Vec<usize> = match (dim, s) {
        (Some(dim), _) => {
            if let (0, Some(first)) = (nd, dim.first()) {
                bail!("Dimension specified as {first} but tensor has no dimensions");
            }
            let dims = dim.iter().map(|&d| wrap_dim(d, nd)).collect::<Result<Vec<_>>>()?;
            let mut sorted = dims.clone();
            sorted.sort_unstable();
            ensure!(sorted.windows(2).all(|w| w[0] != w[1]), "FFT dims must be unique");
            dims
        }
        (None, Some(s)) => {
            ensure!(
                s.len() <= nd,
                "Got shape with {} values but input tensor only has {nd} dimensions.",
                s.len()
            );
            (nd - s.len()..nd).collect()
        }
        (None, None) => (0..nd).collect(),
    };
    if let (Some(s), Some(_)) = (s, dim) {
        ensure!(
            s.len() == dims.len(),
            "When given, dim and shape arguments must have the same length"
        );
    }
    let mut sizes = Dims::new();
    for (i, &d) in dims.iter().enumerate() {
        let n = s.map_or(-1, |s| s[i]);
        let n = if n == -1 { t.sizes()[d] } else { n };
        ensure!(n > 0, "Invalid number of data points ({n}) specified");
        sizes.push(n);
    }
    Ok((sizes, dims))
}

fn resize_all(t: &Tensor, sizes: &[i64], dims: &[usize]) -> Result<Tensor> {
    dims.iter()
        .zip(sizes)
        .try_fold(t.clone(), |t, (&d, &n)| resize(&t, d, n))
}

fn complex_nd(
    t: &Tensor,
    s: Option<&[i64]>,
    dim: Option<&[i64]>,
    norm: Option<&str>,
    forward: bool,
) -> Result<Tensor> {
    let (sizes, dims) = shape_and_dims(t, s, dim)?;
    let norm = Norm::from_name(norm, forward)?;
    c2c(
        &resize_all(&promote(t, true)?, &sizes, &dims)?,
        &dims,
        norm,
        forward,
    )
}

pub fn fftn(t: &Tensor, s: Option<&[i64]>, dim: Option<&[i64]>, norm: Option<&str>) -> Result<Tensor> {
    complex_nd(t, s, dim, norm, true)
}

pub fn ifftn(t: &Tensor, s: Option<&[i64]>, dim: Option<&[i64]>, norm: Option<&str>) -> Result<Tensor> {
    complex_nd(t, s, dim, norm, false)
}

fn at_least_one(dims: &[usize], name: &str) -> Result<()> {
    ensure!(!dims.is_empty(), "{name} must transform at least one axis");
    Ok(())
}

pub fn rfftn(t: &Tensor, s: Option<&[i64]>, dim: Option<&[i64]>, norm: Option<&str>) -> Result<Tensor> {
    ensure!(
        !t.is_complex(),
        "rfftn expects a real-valued input tensor, but got {}",
        t.dtype().name()
    );
    let (sizes, dims) = shape_and_dims(t, s, dim)?;
    at_least_one(&dims, "rfftn")?;
    r2c(
        &resize_all(&promote(t, false)?, &sizes, &dims)?,
        &dims,
        Norm::from_name(norm, true)?,
        true,
    )
}

/// As [`shape_and_dims`] for results that are real: the last size is the result's.
fn real_shape(
    t: &Tensor,
    s: Option<&[i64]>,
    dim: Option<&[i64]>,
    name: &str,
) -> Result<(Dims, Vec<usize>, i64)> {
    let (mut sizes, dims) = shape_and_dims(t, s, dim)?;
    at_least_one(&dims, name)?;
    let i = dims.len() - 1;
    let n = match s {
        Some(s) if s[i] != -1 => s[i],
        _ => 2 * (t.sizes()[dims[i]] - 1),
    };
    ensure!(n >= 1, "Invalid number of data points ({n}) specified");
    sizes[i] = n / 2 + 1;
    Ok((sizes, dims, n))
}

pub fn irfftn(t: &Tensor, s: Option<&[i64]>, dim: Option<&[i64]>, norm: Option<&str>) -> Result<Tensor> {
    let (sizes, dims, n) = real_shape(t, s, dim, "irfftn")?;
    let t = resize_all(&promote(t, true)?, &sizes, &dims)?;
    c2r(&t, &dims, Norm::from_name(norm, false)?, n as usize)
}

pub fn hfftn(t: &Tensor, s: Option<&[i64]>, dim: Option<&[i64]>, norm: Option<&str>) -> Result<Tensor> {
    let (sizes, dims, n) = real_shape(t, s, dim, "hfftn")?;
    let t = resize_all(&promote(t, true)?, &sizes, &dims)?;
    let norm = Norm::from_name(norm, true)?;
    let (last, others) = (dims[dims.len() - 1], &dims[..dims.len() - 1]);
    let t = c2c(&t, others, norm, true)?;
    c2r(&conj(&t)?, &[last], norm, n as usize)
}

pub fn ihfftn(t: &Tensor, s: Option<&[i64]>, dim: Option<&[i64]>, norm: Option<&str>) -> Result<Tensor> {
    ensure!(
        !t.is_complex(),
        "ihfftn expects a real-valued input tensor, but got {}",
        t.dtype().name()
    );
    let (sizes, dims) = shape_and_dims(t, s, dim)?;
    at_least_one(&dims, "ihfftn")?;
    let t = resize_all(&promote(t, false)?, &sizes, &dims)?;
    let norm = Norm::from_name(norm, false)?;
    let (last, others) = (dims[dims.len() - 1], &dims[..dims.len() - 1]);
    let half = conj(&r2c(&t, &[last], norm, true)?)?;
    c2c(&half, others, norm, false)
}

/// Rotates each of `dim` (all by default) by half its length, so that frequency zero comes to the middle.
pub fn fftshift(t: &Tensor, dim: Option<&[i64]>) -> Result<Tensor> {
    shift(t, dim, |n| n / 2)
}

/// Undoes [`fftshift`].
pub fn ifftshift(t: &Tensor, dim: Option<&[i64]>) -> Result<Tensor> {
    shift(t, dim, |n| (n + 1) / 2)
}

fn shift(t: &Tensor, dim: Option<&[i64]>, by: impl Fn(i64) -> i64) -> Result<Tensor> {
    let all: Vec<i64> = (0..t.dim() as i64).collect();
    let mut out = t.copy()?;
    for &d in dim.unwrap_or(&all) {
        let d = wrap_dim(d, t.dim())? as i64;
        let n = t.size(d)?;
        let k = by(n);
        let turned = out.empty_like(None, crate::MemoryFormat::Contiguous)?;
        turned.narrow(d, 0, k)?.copy_(&out.narrow(d, n - k, k)?)?;
        turned.narrow(d, k, n - k)?.copy_(&out.narrow(d, 0, n - k)?)?;
        out = turned;
    }
    Ok(out)
}

/// Frequencies of the points of [`fft`] for samples `d` apart.
pub fn fftfreq(n: i64, d: f64, dtype: DType) -> Result<Tensor> {
    ensure!(n >= 1, "fftfreq expects a positive number of points, found {n}");
    Tensor::empty(&[n], dtype)?;
    let unit = 1.0 / (n as f64 * d);
    let values: Vec<f64> = (0..n)
        .map(|k| if k < (n + 1) / 2 { k } else { k - n })
        .map(|k| k as f64 * unit)
        .collect();
    Tensor::from_vec(values, &[n])?.to_dtype(dtype)
}

/// Frequencies of the points of [`rfft`].
pub fn rfftfreq(n: i64, d: f64, dtype: DType) -> Result<Tensor> {
    ensure!(n >= 1, "rfftfreq expects a positive number of points, found {n}");
    Tensor::empty(&[n], dtype)?;
    let unit = 1.0 / (n as f64 * d);
    let values: Vec<f64> = (0..=n / 2).map(|k| k as f64 * unit).collect();
    Tensor::from_vec(values, &[n / 2 + 1])?.to_dtype(dtype)
}
