//! The arguments of a convolution, checked with PyTorch's words and brought into one form.

use super::shape::ConvShape;
use crate::error::Result;
use crate::layout::{Dims, show};
use crate::nn::access::{c_name, checked_product, lengths};
use crate::tensor::Tensor;
use crate::{bail, ensure};
use smallvec::SmallVec;

/// The arguments of `aten::convolution` besides the tensors. Lists have one entry, or one per spatial dimension.
#[derive(Clone, Debug)]
pub struct ConvParams {
    pub stride: SmallVec<[i64; 3]>,
    pub padding: SmallVec<[i64; 3]>,
    pub dilation: SmallVec<[i64; 3]>,
    pub transposed: bool,
    pub output_padding: SmallVec<[i64; 3]>,
    pub groups: i64,
}

impl Default for ConvParams {
    fn default() -> Self {
        let list = |x| SmallVec::from_slice(&[x]);
        ConvParams {
            stride: list(1),
            padding: list(0),
            dilation: list(1),
            transposed: false,
            output_padding: list(0),
            groups: 1,
        }
    }
}

fn spread(list: &[i64], dims: usize, name: &str) -> Result<SmallVec<[i64; 3]>> {
    match list {
        [one] => Ok(SmallVec::from_elem(*one, dims)),
        _ if list.len() == dims => Ok(list.into()),
        _ => bail!(
            "expected {name} to be a single integer value or a list of {dims} values to match the convolution \
             dimensions, but got {name}={}",
            show(list)
        ),
    }
}

impl ConvParams {
    /// The same with one entry per spatial dimension.
    pub fn spread(&self, dims: usize) -> Result<ConvParams> {
        Ok(ConvParams {
            stride: spread(&self.stride, dims, "stride")?,
            padding: spread(&self.padding, dims, "padding")?,
            dilation: spread(&self.dilation, dims, "dilation")?,
            output_padding: spread(&self.output_padding, dims, "output_padding")?,
            transposed: self.transposed,
            groups: self.groups,
        })
    }
}

/// A checked convolution: the numbers, and the sizes of the output as the caller sees it.
pub struct Checked {
    pub shape: ConvShape,
    /// Batch first.
    pub output: Dims,
}

/// Checks a convolution of a batched input. For a transposed one the shape is that of the convolution whose gradient
/// it is: its `output` is our input.
pub fn check(input: &Tensor, weight: &Tensor, bias: Option<&Tensor>, params: &ConvParams) -> Result<Checked> {
    let dims = input.dim().saturating_sub(2);
    ensure!(
        (1..=3).contains(&dims) && weight.dim() == dims + 2,
        "expected a convolution of 1 to 3 spatial dimensions, but got input of size {} and weight of size {}",
        show(input.sizes()),
        show(weight.sizes())
    );
    let p = params.spread(dims)?;
    let groups = p.groups;
    ensure!(groups > 0, "non-positive groups is not supported");
    ensure!(
        p.padding.iter().all(|&x| x >= 0),
        "negative padding is not supported"
    );
    ensure!(
        p.output_padding.iter().all(|&x| x >= 0),
        "negative output_padding is not supported"
    );
    ensure!(
        p.stride.iter().all(|&x| x > 0),
        "non-positive stride is not supported"
    );
    ensure!(
        p.dilation.iter().all(|&x| x > 0),
        "dilation should be greater than zero, but got {}",
        show(&p.dilation)
    );
    let (si, sw) = (input.sizes(), weight.sizes());
    let spatial = &si[2..];
    let padded: Vec<i64> = spatial
        .iter()
        .zip(&p.padding)
        .map(|(&s, &p)| s.saturating_add(p.saturating_mul(2)))
        .collect();
    let kernel: Vec<i64> = sw[2..]
        .iter()
        .zip(&p.dilation)
        .map(|(&k, &d)| d.saturating_mul(k.saturating_sub(1)).saturating_add(1))
        .collect();
    let by = |sizes: &[i64]| sizes.iter().map(i64::to_string).collect::<Vec<_>>().join(" x ");
    let output: Dims;
    let (channels, features);
    if p.transposed {
        ensure!(
            si[1] == sw[0],
            "Given transposed=1, weight of size {}, expected input{} to have {} channels, but got {} channels instead",
            show(sw),
            show(si),
            sw[0],
            si[1]
        );
        ensure!(
            sw[0] % groups == 0,
            "Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of size \
             {} instead",
            show(sw)
        );
        let mut size: Dims = Dims::from_slice(&[si[0], sw[1].saturating_mul(groups)]);
        for d in 0..dims {
            ensure!(
                p.output_padding[d] < p.stride[d].max(p.dilation[d]),
                "output padding must be smaller than either stride or dilation, but got output_padding: {} stride: {} \
                 dilation: {}",
                show(&p.output_padding),
                show(&p.stride),
                show(&p.dilation)
            );
            size.push(
                (spatial[d] - 1)
                    .saturating_mul(p.stride[d])
                    .saturating_sub(p.padding[d].saturating_mul(2))
                    .saturating_add(kernel[d])
                    .saturating_add(p.output_padding[d]),
            );
        }
        ensure!(
            size[2..].iter().all(|&s| s > 0)
                && spatial.iter().all(|&s| s > 0)
                && sw[2..].iter().all(|&k| k > 0),
            "Given input size per channel: ({}). Calculated output size per channel: ({}). Output size is too small",
            by(spatial),
            by(&size[2..])
        );
        output = size;
        (channels, features) = (sw[1], sw[0] / groups);
    } else {
        ensure!(
            sw[0] >= groups,
            "Given groups={groups}, expected weight to be at least {groups} at dimension 0, but got weight of size {} \
             instead",
            show(sw)
        );
        ensure!(
            sw[0] % groups == 0,
            "Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of size \
             {} instead",
            show(sw)
        );
        ensure!(
            si[1] == sw[1].saturating_mul(groups),
            "Given groups={groups}, weight of size {}, expected input{} to have {} channels, but got {} channels instead",
            show(sw),
            show(si),
            sw[1].saturating_mul(groups),
            si[1]
        );
        ensure!(
            padded.iter().zip(&kernel).all(|(p, k)| p >= k)
                && spatial.iter().all(|&s| s > 0)
                && sw[2..].iter().all(|&k| k > 0),
            "Calculated padded input size per channel: ({}). Kernel size: ({}). Kernel size can't be greater than actual \
             input size",
            by(&padded),
            by(&sw[2..])
        );
        let mut size: Dims = Dims::from_slice(&[si[0], sw[0]]);
        size.extend((0..dims).map(|d| (padded[d] - kernel[d]) / p.stride[d] + 1));
        output = size;
        (channels, features) = (sw[1], sw[0] / groups);
    }
    let wanted = output[1];
    if let Some(bias) = bias {
        ensure!(
            bias.dim() == 1 && bias.sizes()[0] == wanted,
            "Given {}weight of size {}, expected bias to be 1-dimensional with {wanted} elements, but got bias of size {} \
             instead",
            if p.transposed { "transposed=1, " } else { "" },
            show(sw),
            show(bias.sizes())
        );
        ensure!(
            bias.dtype() == input.dtype(),
            "Input type ({}) and bias type ({}) should be the same",
            c_name(input.dtype()),
            c_name(bias.dtype())
        );
    }
    ensure!(
        input.dtype() == weight.dtype(),
        "expected scalar type {} but found {}",
        input.dtype().name(),
        weight.dtype().name()
    );
    let three = |sizes: &[i64], fill: i64| -> Result<[usize; 3]> {
        let mut all = [fill; 3];
        all[3 - dims..].copy_from_slice(sizes);
        let mut out = [0; 3];
        for (out, &x) in out.iter_mut().zip(&all) {
            // Far more than any memory; sums and products of a few such numbers stay within `usize`.
            ensure!(x < 1 << 40, "a size of the convolution is too large: {x}");
            *out = x as usize;
        }
        Ok(out)
    };
    let (input_size, output_size) = if p.transposed {
        (&output[2..], spatial)
    } else {
        (spatial, &output[2..])
    };
    let shape = ConvShape {
        batch: si[0] as usize,
        groups: groups as usize,
        channels: channels as usize,
        features: features as usize,
        input: three(input_size, 1)?,
        kernel: three(&sw[2..], 1)?,
        stride: three(&p.stride, 1)?,
        padding: three(&p.padding, 0)?,
        dilation: three(&p.dilation, 1)?,
        output: three(output_size, 1)?,
    };
    // What the kernels multiply together: the laid-out input (reach times phases), and one row of weights.
    let mut laid_out = lengths(&si[..2]);
    for d in 0..3 {
        let phases = shape.stride[d].min(shape.kernel[d]);
        laid_out.push(phases);
        laid_out.push(
            shape.output[d] + shape.kernel[d].saturating_sub(1) * shape.dilation[d] / shape.stride[d] + 1,
        );
    }
    laid_out[0] = laid_out[0].max(1);
    laid_out[1] = laid_out[1].max(1);
    checked_product(&laid_out)?;
    checked_product(&lengths(&output))?;
    Ok(Checked { shape, output })
}
