//! Convolutions of tensors: `conv1d` to `conv3d`, `convolution`, and the form that fused programs call.

use super::params::{Checked, ConvParams, check};
use super::{depthwise, implicit, plain, transposed};
use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::layout::{MemoryFormat, show};
use crate::nn::access::{address, dense, no_memory};
use crate::nn::matmul::matmul;
use crate::nn::vector::Real;
use crate::pointwise::{self, To};
use crate::simd::vectorize;
use crate::tensor::Tensor;
use crate::{Complex, bail, ensure};
use smallvec::SmallVec;

/// The `padding` argument of `conv1d` to `conv3d`.
#[derive(Clone, Copy, Debug)]
pub enum Padding<'a> {
    Sizes(&'a [i64]),
    /// `"valid"` or `"same"`.
    Named(&'a str),
}

/// What a fused convolution or linear layer does to its `float` result besides adding the bias.
#[derive(Clone, Copy, Default)]
pub struct Epilogue<'a> {
    /// A tensor of the size of the result, added to it.
    pub add: Option<&'a Tensor>,
    /// Applied to every element afterwards; it is given pieces cut anywhere.
    pub each: Option<&'a (dyn Fn(&mut [f32]) + Sync)>,
}

macro_rules! conv {
    ($name:ident, $dims:literal) => {
        /// PyTorch's operator of this name.
        pub fn $name(
            input: &Tensor,
            weight: &Tensor,
            bias: Option<&Tensor>,
            stride: &[i64],
            padding: Padding<'_>,
            dilation: &[i64],
            groups: i64,
        ) -> Result<Tensor> {
            named(
                stringify!($name),
                $dims,
                input,
                weight,
                bias,
                stride,
                padding,
                dilation,
                groups,
            )
        }
    };
}

conv!(conv1d, 1);
conv!(conv2d, 2);
conv!(conv3d, 3);

macro_rules! conv_transpose {
    ($name:ident, $dims:literal) => {
        /// PyTorch's operator of this name.
        #[allow(clippy::too_many_arguments)]
        pub fn $name(
            input: &Tensor,
            weight: &Tensor,
            bias: Option<&Tensor>,
            stride: &[i64],
            padding: &[i64],
            output_padding: &[i64],
            groups: i64,
            dilation: &[i64],
        ) -> Result<Tensor> {
            let params = ConvParams {
                stride: stride.into(),
                padding: padding.into(),
                dilation: dilation.into(),
                transposed: true,
                output_padding: output_padding.into(),
                groups,
            };
            batched(stringify!($name), $dims, input, |input| {
                convolution(input, weight, bias, &params)
            })
        }
    };
}

conv_transpose!(conv_transpose1d, 1);
conv_transpose!(conv_transpose2d, 2);
conv_transpose!(conv_transpose3d, 3);

/// Gives an unbatched input a batch of one for the length of a call.
fn batched(
    name: &str,
    dims: usize,
    input: &Tensor,
    run: impl FnOnce(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    if input.dim() == dims + 2 {
        return run(input);
    }
    ensure!(
        input.dim() == dims + 1,
        "Expected {}D (unbatched) or {}D (batched) input to {name}, but got input of size: {}",
        dims + 1,
        dims + 2,
        show(input.sizes())
    );
    run(&input.unsqueeze(0)?)?.squeeze_dim(0)
}

#[allow(clippy::too_many_arguments)]
fn named(
    name: &str,
    dims: usize,
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: &[i64],
    padding: Padding<'_>,
    dilation: &[i64],
    groups: i64,
) -> Result<Tensor> {
    let mut params = ConvParams {
        stride: stride.into(),
        dilation: dilation.into(),
        groups,
        ..ConvParams::default()
    };
    batched(name, dims, input, |input| {
        match padding {
            Padding::Sizes(p) => params.padding = p.into(),
            Padding::Named("valid") => {}
            Padding::Named("same") => return same(input, weight, bias, &params),
            Padding::Named(other) => bail!("Invalid padding string: '{other}'"),
        }
        convolution(input, weight, bias, &params)
    })
}

/// Padding such that the output has the size of the input; an odd zero goes to the end.
fn same(input: &Tensor, weight: &Tensor, bias: Option<&Tensor>, params: &ConvParams) -> Result<Tensor> {
    let dims = input.dim() - 2;
    ensure!(
        weight.dim() == input.dim(),
        "weight should have at least three dimensions and as many as the input, but got weight of size {} and input of \
         size {}",
        show(weight.sizes()),
        show(input.sizes())
    );
    let mut params = params.spread(dims)?;
    ensure!(
        params.stride.iter().all(|&s| s == 1),
        "padding='same' is not supported for strided convolutions"
    );
    let mut padded = input.clone();
    let mut before: SmallVec<[i64; 3]> = SmallVec::new();
    for d in 0..dims {
        let total = params.dilation[d]
            .saturating_mul((weight.sizes()[d + 2] - 1).max(0))
            .max(0);
        before.push(total / 2);
        if total % 2 == 1 {
            let dim = (d + 2) as i64;
            let mut size = padded.sizes().to_vec();
            size[d + 2] += 1;
            let wider = Tensor::zeros(&size, padded.dtype())?;
            wider.narrow(dim, 0, padded.sizes()[d + 2])?.copy_(&padded)?;
            padded = wider;
        }
    }
    params.padding = before;
    convolution(&padded, weight, bias, &params)
}

/// PyTorch's `convolution` of a batched input, transposed or not.
pub fn convolution(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    params: &ConvParams,
) -> Result<Tensor> {
    convolution_fused(input, weight, bias, params, &Epilogue::default())
}

/// [`convolution`] with more to do to its result while that is in the cache. An epilogue needs `float`.
pub fn convolution_fused(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    params: &ConvParams,
    epilogue: &Epilogue<'_>,
) -> Result<Tensor> {
    let checked = check(input, weight, bias, params)?;
    let dtype = input.dtype();
    ensure!(
        dtype == DType::Float || (epilogue.add.is_none() && epilogue.each.is_none()),
        "a fused convolution computes in Float, but its input is {}",
        dtype.name()
    );
    if let Some(add) = epilogue.add {
        ensure!(
            add.sizes() == checked.output.as_slice() && add.dtype() == dtype,
            "expected a {} tensor of size {} to add to the convolution, but got a {} tensor of size {}",
            dtype.name(),
            show(&checked.output),
            add.dtype().name(),
            show(add.sizes())
        );
    }
    let format = match (input.suggest_memory_format(), weight.suggest_memory_format()) {
        (MemoryFormat::Contiguous, other) | (other, _) => other,
    };
    if dtype == DType::Half && params.transposed {
        return transposed_in_steps(input, weight, bias, params, &checked)?.contiguous_as(format);
    }
    if matches!(dtype, DType::Half | DType::BFloat16) {
        let wide = |t: &Tensor| t.to_dtype(DType::Float);
        let bias = bias.map(wide).transpose()?;
        return convolution(&wide(input)?, &wide(weight)?, bias.as_ref(), params)?.to_dtype(dtype);
    }
    let (x, w) = (dense(input)?, dense(weight)?);
    let bias = bias.map(dense).transpose()?;
    let bias = bias.as_ref();
    let out = match dtype {
        DType::Float => {
            let add = epilogue.add.map(dense).transpose()?;
            reals::<f32>(
                &checked,
                params.transposed,
                &x,
                &w,
                bias,
                add.as_ref(),
                epilogue.each,
            )?
        }
        DType::Double => reals::<f64>(&checked, params.transposed, &x, &w, bias, None, None)?,
        DType::ComplexFloat => {
            any::<Complex<f32>>(&checked, params.transposed, &x, &w, bias, |s, a, b| s + a * b)?
        }
        DType::ComplexDouble => {
            any::<Complex<f64>>(&checked, params.transposed, &x, &w, bias, |s, a, b| s + a * b)?
        }
        DType::Byte => any::<u8>(&checked, params.transposed, &x, &w, bias, |s, a, b| {
            s.wrapping_add(a.wrapping_mul(b))
        })?,
        DType::Char => any::<i8>(&checked, params.transposed, &x, &w, bias, |s, a, b| {
            s.wrapping_add(a.wrapping_mul(b))
        })?,
        DType::Short => any::<i16>(&checked, params.transposed, &x, &w, bias, |s, a, b| {
            s.wrapping_add(a.wrapping_mul(b))
        })?,
        DType::Int => any::<i32>(&checked, params.transposed, &x, &w, bias, |s, a, b| {
            s.wrapping_add(a.wrapping_mul(b))
        })?,
        DType::Long => any::<i64>(&checked, params.transposed, &x, &w, bias, |s, a, b| {
            s.wrapping_add(a.wrapping_mul(b))
        })?,
        other => bail!(
            NotImplemented,
            "\"slow_conv2d_cpu\" not implemented for '{}'",
            other.name()
        ),
    };
    if format == MemoryFormat::Contiguous {
        Ok(out)
    } else {
        out.contiguous_as(format)
    }
}

/// A transposed convolution of float16, for which PyTorch has no single kernel: the contributions of each tap are
/// rounded, as is every sum of them.
fn transposed_in_steps(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    params: &ConvParams,
    checked: &Checked,
) -> Result<Tensor> {
    let dims = input.dim() - 2;
    let p = params.spread(dims)?;
    let (si, sw) = (input.sizes(), weight.sizes());
    let (batch, pixels) = (si[0], si[2..].iter().product::<i64>());
    let taps: i64 = sw[2..].iter().product();
    let (groups, channels, features) = (p.groups, si[1] / p.groups, sw[1]);
    // What each pixel contributes: [batch, groups, features, taps, pixels…].
    let x = input.reshape(&[batch, groups, channels, pixels])?;
    let w = weight
        .reshape(&[groups, channels, features * taps])?
        .transpose(1, 2)?;
    let mut size = vec![batch, groups * features, taps];
    size.extend_from_slice(&si[2..]);
    let table = matmul(&w, &x)?.reshape(&size)?;
    // Room for all of it, and for what is kept.
    let mut size = checked.output.to_vec();
    for d in 0..dims {
        let all = (si[d + 2] - 1) * p.stride[d] + (sw[d + 2] - 1) * p.dilation[d] + 1;
        size[d + 2] = all.max(p.padding[d] + checked.output[d + 2]);
    }
    let mut out = Tensor::zeros(&size, input.dtype())?;
    for tap in 0..taps {
        let (mut place, mut rest) = (out.clone(), tap);
        for d in (0..dims).rev() {
            let start = rest % sw[d + 2] * p.dilation[d];
            rest /= sw[d + 2];
            let end = start + (si[d + 2] - 1) * p.stride[d] + 1;
            place = place.slice((d + 2) as i64, Some(start), Some(end), p.stride[d])?;
        }
        let to = To::InPlace(&place);
        pointwise::add_to(to, (&place).into(), (&table.select(2, tap)?).into(), 1.into())?;
    }
    for d in 0..dims {
        out = out.narrow((d + 2) as i64, p.padding[d], checked.output[d + 2])?;
    }
    match bias {
        None => out.contiguous(),
        Some(bias) => {
            let mut size = vec![1; dims + 2];
            size[1] = -1;
            pointwise::add((&out).into(), (&bias.reshape(&size)?).into(), 1.into())?.contiguous()
        }
    }
}

/// A contiguous tensor's elements, while access is held.
unsafe fn elements<'a, T: Element>(t: &Tensor) -> Result<&'a [T]> {
    // SAFETY: the caller holds access for as long as it uses the slice.
    Ok(unsafe { std::slice::from_raw_parts(address::<T>(t)?, t.numel() as usize) })
}

fn reals<T: Real + Element + bytemuck::Pod>(
    checked: &Checked,
    transposed: bool,
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    add: Option<&Tensor>,
    each: Option<&(dyn Fn(&mut [T]) + Sync)>,
) -> Result<Tensor> {
    let s = &checked.shape;
    let out = Tensor::empty(&checked.output, T::DTYPE)?;
    // Few channels and features leave a product nothing to reuse.
    let direct = s.channels == 1 && (s.groups > 1 || s.features < 4);
    let packed = if transposed || direct || s.channels == 0 {
        None
    } else {
        let mode = implicit::mode::<T>(s);
        Some(w.prepared("conv", &[s.groups as i64, mode as i64], || {
            let read = w.read()?;
            implicit::pack_weights(s, read.slice::<T>()?, mode).ok_or_else(no_memory)
        })?)
    };
    let mut reads = vec![x, w];
    reads.extend(bias);
    reads.extend(add);
    let access = Tensor::access(&reads, &[&out])?;
    // SAFETY: access is held to the end of the function; `out` is fresh and contiguous.
    let (x, w, bias, add, data) = unsafe {
        (
            elements::<T>(x)?,
            elements::<T>(w)?,
            bias.map(|b| elements::<T>(b)).transpose()?,
            add.map(|a| elements::<T>(a)).transpose()?,
            std::slice::from_raw_parts_mut(address::<T>(&out)?, out.numel() as usize),
        )
    };
    let features = checked.output[1] as usize;
    let pixels: usize = checked.output[2..].iter().map(|&n| n as usize).product();
    let finish = |image: usize, feature: usize, at: usize, piece: &mut [T]| {
        vectorize(
            #[inline(always)]
            || {
                let bias = bias.map(|b| b[feature]);
                match add {
                    Some(add) => {
                        let add = &add[(image * features + feature) * pixels + at..][..piece.len()];
                        let bias = bias.unwrap_or(T::ZERO);
                        piece
                            .iter_mut()
                            .zip(add)
                            .for_each(|(c, &a)| *c = c.plus(bias).plus(a));
                    }
                    None => {
                        if let Some(bias) = bias {
                            piece.iter_mut().for_each(|c| *c = c.plus(bias));
                        }
                    }
                }
            },
        );
        if let Some(each) = each {
            each(piece);
        }
    };
    let needed = bias.is_some() || add.is_some() || each.is_some();
    let finish: implicit::Finish<'_, T> = if needed { Some(&finish) } else { None };
    let done = if transposed {
        transposed::convolve(s, x, w, data, finish)
    } else if let Some(packed) = &packed {
        implicit::convolve(s, x, packed, data, finish)
    } else if direct {
        depthwise::convolve(s, x, w, data, finish)
    } else {
        data.fill(T::ZERO);
        if let Some(finish) = finish {
            for (i, plane) in data.chunks_exact_mut(pixels).enumerate() {
                finish(i / features, i % features, 0, plane);
            }
        }
        Some(())
    };
    done.ok_or_else(no_memory)?;
    drop(access);
    Ok(out)
}

/// The types without a fast kernel.
fn any<T: Element>(
    checked: &Checked,
    transposed: bool,
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    madd: impl Fn(T, T, T) -> T,
) -> Result<Tensor> {
    let s = &checked.shape;
    let out = Tensor::zeros(&checked.output, T::DTYPE)?;
    let (features, pixels) = (
        checked.output[1] as usize,
        checked.output[2..].iter().map(|&n| n as usize).product(),
    );
    {
        let (x, w) = (x.read()?, w.read()?);
        let (x, w) = (x.slice::<T>()?, w.slice::<T>()?);
        let mut write = out.write()?;
        let data = write.slice::<T>()?;
        if transposed {
            plain::transposed(s, x, w, data, &madd);
        } else {
            plain::convolve(s, x, w, T::default(), &madd, |at, sum| data[at] = sum);
        }
        if let Some(bias) = bias {
            let bias = bias.read()?;
            let bias = bias.slice::<T>()?;
            let one = T::from_scalar(crate::Scalar::Int(1));
            for (i, plane) in data.chunks_exact_mut(std::cmp::max(pixels, 1)).enumerate() {
                plane
                    .iter_mut()
                    .for_each(|c| *c = madd(*c, bias[i % features], one));
            }
        }
    }
    Ok(out)
}
