//! Convolution.

use std::sync::Arc;

use flambeau_ir::ops::Rows;
use flambeau_tensor::nn::conv::{self as c, ConvParams, Padding};
use flambeau_tensor::{Result, Tensor};

pub fn declare(ops: &mut Rows) {
    ops.op("aten::conv1d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[1] stride=[1], SymInt[1] padding=[0], SymInt[1] dilation=[1], SymInt groups=1) -> Tensor")
        .doc("Cross-correlation over 1 spatial dimension.")
        .kernel(|input: Tensor, weight: Tensor, bias: Option<Tensor>, stride: Vec<i64>, padding: Vec<i64>, dilation: Vec<i64>, groups: i64| c::conv1d(&input, &weight, bias.as_ref(), &stride, Padding::Sizes(&padding), &dilation, groups));
    ops.op("aten::conv1d.padding(Tensor input, Tensor weight, Tensor? bias=None, SymInt[1] stride=[1], str padding=\"valid\", SymInt[1] dilation=[1], SymInt groups=1) -> Tensor")
        .kernel(|input: Tensor, weight: Tensor, bias: Option<Tensor>, stride: Vec<i64>, padding: Arc<str>, dilation: Vec<i64>, groups: i64| c::conv1d(&input, &weight, bias.as_ref(), &stride, Padding::Named(&padding), &dilation, groups));
    ops.op("aten::conv_transpose1d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[1] stride=[1], SymInt[1] padding=[0], SymInt[1] output_padding=[0], SymInt groups=1, SymInt[1] dilation=[1]) -> Tensor")
        .doc("The transpose of `conv1d`.")
        .kernel(|input: Tensor, weight: Tensor, bias: Option<Tensor>, stride: Vec<i64>, padding: Vec<i64>, output_padding: Vec<i64>, groups: i64, dilation: Vec<i64>| c::conv_transpose1d(&input, &weight, bias.as_ref(), &stride, &padding, &output_padding, groups, &dilation));
    ops.op("aten::conv2d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=[1, 1], SymInt[2] padding=[0, 0], SymInt[2] dilation=[1, 1], SymInt groups=1) -> Tensor")
        .doc("Cross-correlation over 2 spatial dimensions.")
        .kernel(|input: Tensor, weight: Tensor, bias: Option<Tensor>, stride: Vec<i64>, padding: Vec<i64>, dilation: Vec<i64>, groups: i64| c::conv2d(&input, &weight, bias.as_ref(), &stride, Padding::Sizes(&padding), &dilation, groups));
    ops.op("aten::conv2d.padding(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=[1, 1], str padding=\"valid\", SymInt[2] dilation=[1, 1], SymInt groups=1) -> Tensor")
        .kernel(|input: Tensor, weight: Tensor, bias: Option<Tensor>, stride: Vec<i64>, padding: Arc<str>, dilation: Vec<i64>, groups: i64| c::conv2d(&input, &weight, bias.as_ref(), &stride, Padding::Named(&padding), &dilation, groups));
    ops.op("aten::conv_transpose2d.input(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=[1, 1], SymInt[2] padding=[0, 0], SymInt[2] output_padding=[0, 0], SymInt groups=1, SymInt[2] dilation=[1, 1]) -> Tensor")
        .doc("The transpose of `conv2d`.")
        .kernel(|input: Tensor, weight: Tensor, bias: Option<Tensor>, stride: Vec<i64>, padding: Vec<i64>, output_padding: Vec<i64>, groups: i64, dilation: Vec<i64>| c::conv_transpose2d(&input, &weight, bias.as_ref(), &stride, &padding, &output_padding, groups, &dilation));
    ops.op("aten::conv3d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[3] stride=[1, 1, 1], SymInt[3] padding=[0, 0, 0], SymInt[3] dilation=[1, 1, 1], SymInt groups=1) -> Tensor")
        .doc("Cross-correlation over 3 spatial dimensions.")
        .kernel(|input: Tensor, weight: Tensor, bias: Option<Tensor>, stride: Vec<i64>, padding: Vec<i64>, dilation: Vec<i64>, groups: i64| c::conv3d(&input, &weight, bias.as_ref(), &stride, Padding::Sizes(&padding), &dilation, groups));
    ops.op("aten::conv3d.padding(Tensor input, Tensor weight, Tensor? bias=None, SymInt[3] stride=[1, 1, 1], str padding=\"valid\", SymInt[3] dilation=[1, 1, 1], SymInt groups=1) -> Tensor")
        .kernel(|input: Tensor, weight: Tensor, bias: Option<Tensor>, stride: Vec<i64>, padding: Arc<str>, dilation: Vec<i64>, groups: i64| c::conv3d(&input, &weight, bias.as_ref(), &stride, Padding::Named(&padding), &dilation, groups));
    ops.op("aten::conv_transpose3d.input(Tensor input, Tensor weight, Tensor? bias=None, SymInt[3] stride=[1, 1, 1], SymInt[3] padding=[0, 0, 0], SymInt[3] output_padding=[0, 0, 0], SymInt groups=1, SymInt[3] dilation=[1, 1, 1]) -> Tensor")
        .doc("The transpose of `conv3d`.")
        .kernel(|input: Tensor, weight: Tensor, bias: Option<Tensor>, stride: Vec<i64>, padding: Vec<i64>, output_padding: Vec<i64>, groups: i64, dilation: Vec<i64>| c::conv_transpose3d(&input, &weight, bias.as_ref(), &stride, &padding, &output_padding, groups, &dilation));
    ops.op("aten::convolution(Tensor input, Tensor weight, Tensor? bias, SymInt[] stride, SymInt[] padding, SymInt[] dilation, bool transposed, SymInt[] output_padding, SymInt groups) -> Tensor")
        .doc("Convolution over any number of dimensions, transposed or not.")
        .kernel(|input: Tensor, weight: Tensor, bias: Option<Tensor>, stride: Vec<i64>, padding: Vec<i64>, dilation: Vec<i64>, transposed: bool, output_padding: Vec<i64>, groups: i64| {
            let params = params(stride, padding, dilation, transposed, output_padding, groups);
            unbatched(&input, &weight, |x| c::convolution(x, &weight, bias.as_ref(), &params))
        });
    ops.op("aten::_convolution(Tensor input, Tensor weight, Tensor? bias, SymInt[] stride, SymInt[] padding, SymInt[] dilation, bool transposed, SymInt[] output_padding, SymInt groups, bool benchmark, bool deterministic, bool cudnn_enabled, bool allow_tf32) -> Tensor")
        .kernel(|input: Tensor, weight: Tensor, bias: Option<Tensor>, stride: Vec<i64>, padding: Vec<i64>, dilation: Vec<i64>, transposed: bool, output_padding: Vec<i64>, groups: i64, _benchmark: bool, _deterministic: bool, _cudnn_enabled: bool, _allow_tf32: bool| {
            let params = params(stride, padding, dilation, transposed, output_padding, groups);
            unbatched(&input, &weight, |x| c::convolution(x, &weight, bias.as_ref(), &params))
        });
    ops.op("aten::_convolution.deprecated(Tensor input, Tensor weight, Tensor? bias, SymInt[] stride, SymInt[] padding, SymInt[] dilation, bool transposed, int[] output_padding, SymInt groups, bool benchmark, bool deterministic, bool cudnn_enabled) -> Tensor")
        .kernel(|input: Tensor, weight: Tensor, bias: Option<Tensor>, stride: Vec<i64>, padding: Vec<i64>, dilation: Vec<i64>, transposed: bool, output_padding: Vec<i64>, groups: i64, _benchmark: bool, _deterministic: bool, _cudnn_enabled: bool| {
            let params = params(stride, padding, dilation, transposed, output_padding, groups);
            unbatched(&input, &weight, |x| c::convolution(x, &weight, bias.as_ref(), &params))
        });
    ops.op("aten::_convolution_mode(Tensor input, Tensor weight, Tensor? bias, SymInt[] stride, str padding, SymInt[] dilation, SymInt groups) -> Tensor")
        .kernel(|input: Tensor, weight: Tensor, bias: Option<Tensor>, stride: Vec<i64>, padding: Arc<str>, dilation: Vec<i64>, groups: i64| match input.dim() {
            3 => c::conv1d(&input, &weight, bias.as_ref(), &stride, Padding::Named(&padding), &dilation, groups),
            4 => c::conv2d(&input, &weight, bias.as_ref(), &stride, Padding::Named(&padding), &dilation, groups),
            _ => c::conv3d(&input, &weight, bias.as_ref(), &stride, Padding::Named(&padding), &dilation, groups),
        });
}

/// The parameters of an operator's call as the kernels take them.
pub(crate) fn params(
    stride: Vec<i64>,
    padding: Vec<i64>,
    dilation: Vec<i64>,
    transposed: bool,
    output_padding: Vec<i64>,
    groups: i64,
) -> ConvParams {
    ConvParams {
        stride: stride.into(),
        padding: padding.into(),
        dilation: dilation.into(),
        transposed,
        output_padding: output_padding.into(),
        groups,
    }
}

fn unbatched(input: &Tensor, weight: &Tensor, run: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    if input.dim() + 1 != weight.dim() {
        return run(input);
    }
    run(&input.unsqueeze(0)?)?.squeeze_dim(0)
}
