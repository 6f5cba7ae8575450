//! Discrete Fourier transforms of tensors, with the names and conventions of `torch.fft`.
//!
//! Three primitives (complex to complex, real to half complex, half complex to real) over any set of dimensions, and
//! the functions of `torch.fft` over them. `stft` and its inverse are in [`stft`](mod@stft), windows in [`window`].

mod plan;
pub mod stft;
pub mod window;

use crate::layout::{Dims, wrap_dim};
use crate::{Complex, DType, Element, Result, Tensor, bail, ensure};
use plan::{Plan, Real};
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Signals transformed side by side.
const LANES: usize = 16;

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

/// Complex elements and their parts.
trait Part: Real + Element
where
    Complex<Self>: Element,
{
    fn plan(n: usize) -> Result<Arc<Plan<Self>>>;
}

/// The plans used last; a model uses a handful of lengths.
struct Plans<T>(std::sync::Mutex<Vec<Arc<Plan<T>>>>);

impl<T: Real> Plans<T> {
    fn get(&self, n: usize) -> Result<Arc<Plan<T>>> {
        ensure!(n <= 1 << 40, "a Fourier transform of {n} points is too long");
        let mut plans = self.0.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(at) = plans.iter().position(|p| p.n == n) {
            let plan = plans.remove(at);
            plans.push(plan.clone());
            return Ok(plan);
        }
        drop(plans);
        let plan = Arc::new(Plan::new(n));
        plans = self.0.lock().unwrap_or_else(|e| e.into_inner());
        if plans.len() >= 16 {
            plans.remove(0);
        }
        plans.push(plan.clone());
        Ok(plan)
    }
}

macro_rules! part {
    ($t:ty) => {
        impl Part for $t {
            fn plan(n: usize) -> Result<Arc<Plan<$t>>> {
                static PLANS: Plans<$t> = Plans(std::sync::Mutex::new(Vec::new()));
                PLANS.get(n)
            }
        }
    };
}
part!(f32);
part!(f64);

/// Transforms each row of `n` elements; `load` gives element `k` of row `r`, `store` takes it.
fn rows<T: Part>(
    n: usize,
    count: usize,
    forward: bool,
    load: impl Fn(usize, usize) -> Complex<T>,
    mut store: impl FnMut(usize, usize, Complex<T>),
) -> Result<()>
where
    Complex<T>: Element,
{
    let plan = T::plan(n)?;
    for first in (0..count).step_by(LANES) {
        let lanes = LANES.min(count - first);
        let (mut re, mut im) = (vec![T::default(); n * lanes], vec![T::default(); n * lanes]);
        for lane in 0..lanes {
            for k in 0..n {
                let z = load(first + lane, k);
                (re[k * lanes + lane], im[k * lanes + lane]) = (z.re, z.im);
            }
        }
        if forward {
            plan.forward(&mut re, &mut im, lanes);
        } else {
            plan.forward(&mut im, &mut re, lanes);
        }
        for lane in 0..lanes {
            for k in 0..n {
                store(
                    first + lane,
                    k,
                    Complex::new(re[k * lanes + lane], im[k * lanes + lane]),
                );
            }
        }
    }
    Ok(())
}

/// `t` with `dim` last and contiguous, and the number of rows.
fn laid_out(t: &Tensor, dim: usize) -> Result<(Tensor, usize, Dims)> {
    let t = t.transpose(dim as i64, -1)?.contiguous()?;
    let sizes: Dims = t.sizes().into();
    let count = sizes[..sizes.len() - 1].iter().product::<i64>() as usize;
    Ok((t, count, sizes))
}

fn put_back<T: Element>(data: Vec<T>, mut sizes: Dims, n: usize, dim: usize) -> Result<Tensor> {
    if let Some(last) = sizes.last_mut() {
        *last = n as i64;
    }
    Tensor::from_vec(data, &sizes)?
        .transpose(dim as i64, -1)?
        .contiguous()
}

fn c2c_one<T: Part>(t: &Tensor, dim: usize, factor: f64, forward: bool) -> Result<Tensor>
where
    Complex<T>: Element,
{
    let (t, count, sizes) = laid_out(t, dim)?;
    let n = sizes[sizes.len() - 1] as usize;
    let read = t.read()?;
    let data = read.slice::<Complex<T>>()?;
    let mut out = vec![Complex::<T>::default(); data.len()];
    let factor = T::of(factor);
    rows(
        n,
        count,
        forward,
        |r, k| data[r * n + k],
        |r, k, z| {
            out[r * n + k] = Complex::new(z.re * factor, z.im * factor);
        },
    )?;
    put_back(out, sizes, n, dim)
}

fn r2c_one<T: Part>(t: &Tensor, dim: usize, factor: f64, onesided: bool) -> Result<Tensor>
where
    Complex<T>: Element,
{
    let (t, count, sizes) = laid_out(t, dim)?;
    let n = sizes[sizes.len() - 1] as usize;
    let kept = if onesided { n / 2 + 1 } else { n };
    let read = t.read()?;
    let data = read.slice::<T>()?;
    let mut out = vec![Complex::<T>::default(); count * kept];
    let factor = T::of(factor);
    rows(
        n,
        count,
        true,
        |r, k| Complex::new(data[r * n + k], T::default()),
        |r, k, z| {
            if k < kept {
                out[r * kept + k] = Complex::new(z.re * factor, z.im * factor);
            }
        },
    )?;
    put_back(out, sizes, kept, dim)
}

fn c2r_one<T: Part>(t: &Tensor, dim: usize, factor: f64, n: usize) -> Result<Tensor>
where
    Complex<T>: Element,
{
    let (t, count, sizes) = laid_out(t, dim)?;
    let half = sizes[sizes.len() - 1] as usize;
    ensure!(
        n / 2 < half,
        "expected at least {} points for a real signal of {n}, found {half}",
        n / 2 + 1
    );
    let read = t.read()?;
    let data = read.slice::<Complex<T>>()?;
    let mut out = vec![T::default(); count * n];
    let factor = T::of(factor);
    let load = |r: usize, k: usize| {
        // The other half is the mirror image; what must be real is taken as real.
        let z = if k <= n / 2 {
            data[r * half + k]
        } else {
            data[r * half + n - k]
        };
        let z = if k <= n / 2 { z } else { Complex::new(z.re, -z.im) };
        if k == 0 || 2 * k == n {
            Complex::new(z.re, T::default())
        } else {
            z
        }
    };
    rows(n, count, false, load, |r, k, z| out[r * n + k] = z.re * factor)?;
    put_back(out, sizes, n, dim)
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
