//! Pooling.

use flambeau_ir::ops::Rows;
use flambeau_tensor::nn::pool as p;
use flambeau_tensor::{Result, Tensor, ensure, index};

pub fn declare(ops: &mut Rows) {
    ops.op("aten::max_pool1d(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=[0], int[1] dilation=[1], bool ceil_mode=False) -> Tensor")
        .doc("The largest element of each window.")
        .kernel(|x: Tensor, kernel_size: Vec<i64>, stride: Vec<i64>, padding: Vec<i64>, dilation: Vec<i64>, ceil_mode: bool| p::max_pool1d(&x, &kernel_size, &stride, &padding, &dilation, ceil_mode));
    ops.op("aten::max_pool1d_with_indices(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=[0], int[1] dilation=[1], bool ceil_mode=False) -> (Tensor, Tensor)")
        .doc("The largest element of each window, and its place.")
        .kernel(|x: Tensor, kernel_size: Vec<i64>, stride: Vec<i64>, padding: Vec<i64>, dilation: Vec<i64>, ceil_mode: bool| p::max_pool1d_with_indices(&x, &kernel_size, &stride, &padding, &dilation, ceil_mode));
    ops.op("aten::avg_pool1d(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=[0], bool ceil_mode=False, bool count_include_pad=True) -> Tensor")
        .doc("The mean of each window.")
        .kernel(|x: Tensor, kernel_size: Vec<i64>, stride: Vec<i64>, padding: Vec<i64>, ceil_mode: bool, count_include_pad: bool| p::avg_pool1d(&x, &kernel_size, &stride, &padding, ceil_mode, count_include_pad, None));
    ops.op("aten::adaptive_avg_pool1d(Tensor self, int[1] output_size) -> Tensor")
        .doc("Means of windows that give the wanted size.")
        .kernel(|x: Tensor, output_size: Vec<i64>| p::adaptive_avg_pool1d(&x, &output_size));
    ops.op("aten::adaptive_max_pool1d(Tensor self, int[1] output_size) -> (Tensor, Tensor)")
        .doc("Maxima of windows that give the wanted size, and their places.")
        .kernel(|x: Tensor, output_size: Vec<i64>| p::adaptive_max_pool1d(&x, &output_size));
    ops.op("aten::max_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, bool ceil_mode=False) -> Tensor")
        .doc("The largest element of each window.")
        .kernel(|x: Tensor, kernel_size: Vec<i64>, stride: Vec<i64>, padding: Vec<i64>, dilation: Vec<i64>, ceil_mode: bool| p::max_pool2d(&x, &kernel_size, &stride, &padding, &dilation, ceil_mode));
    ops.op("aten::max_pool2d_with_indices(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, bool ceil_mode=False) -> (Tensor, Tensor)")
        .doc("The largest element of each window, and its place.")
        .kernel(|x: Tensor, kernel_size: Vec<i64>, stride: Vec<i64>, padding: Vec<i64>, dilation: Vec<i64>, ceil_mode: bool| p::max_pool2d_with_indices(&x, &kernel_size, &stride, &padding, &dilation, ceil_mode));
    ops.op("aten::avg_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor")
        .doc("The mean of each window.")
        .kernel(|x: Tensor, kernel_size: Vec<i64>, stride: Vec<i64>, padding: Vec<i64>, ceil_mode: bool, count_include_pad: bool, divisor_override: Option<i64>| p::avg_pool2d(&x, &kernel_size, &stride, &padding, ceil_mode, count_include_pad, divisor_override));
    ops.op("aten::adaptive_avg_pool2d(Tensor self, SymInt[2] output_size) -> Tensor")
        .doc("Means of windows that give the wanted size.")
        .kernel(|x: Tensor, output_size: Vec<i64>| p::adaptive_avg_pool2d(&x, &output_size));
    ops.op("aten::_adaptive_avg_pool2d(Tensor self, SymInt[2] output_size) -> Tensor")
        .kernel(|x: Tensor, output_size: Vec<i64>| p::adaptive_avg_pool2d(&x, &output_size));
    ops.op("aten::adaptive_max_pool2d(Tensor self, int[2] output_size) -> (Tensor, Tensor)")
        .doc("Maxima of windows that give the wanted size, and their places.")
        .kernel(|x: Tensor, output_size: Vec<i64>| p::adaptive_max_pool2d(&x, &output_size));
    ops.op("aten::max_pool3d(Tensor self, int[3] kernel_size, int[3] stride=[], int[3] padding=0, int[3] dilation=1, bool ceil_mode=False) -> Tensor")
        .doc("The largest element of each window.")
        .kernel(|x: Tensor, kernel_size: Vec<i64>, stride: Vec<i64>, padding: Vec<i64>, dilation: Vec<i64>, ceil_mode: bool| p::max_pool3d(&x, &kernel_size, &stride, &padding, &dilation, ceil_mode));
    ops.op("aten::max_pool3d_with_indices(Tensor self, int[3] kernel_size, int[3] stride=[], int[3] padding=0, int[3] dilation=1, bool ceil_mode=False) -> (Tensor, Tensor)")
        .doc("The largest element of each window, and its place.")
        .kernel(|x: Tensor, kernel_size: Vec<i64>, stride: Vec<i64>, padding: Vec<i64>, dilation: Vec<i64>, ceil_mode: bool| p::max_pool3d_with_indices(&x, &kernel_size, &stride, &padding, &dilation, ceil_mode));
    ops.op("aten::avg_pool3d(Tensor self, int[3] kernel_size, int[3] stride=[], int[3] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor")
        .doc("The mean of each window.")
        .kernel(|x: Tensor, kernel_size: Vec<i64>, stride: Vec<i64>, padding: Vec<i64>, ceil_mode: bool, count_include_pad: bool, divisor_override: Option<i64>| p::avg_pool3d(&x, &kernel_size, &stride, &padding, ceil_mode, count_include_pad, divisor_override));
    ops.op("aten::adaptive_avg_pool3d(Tensor self, SymInt[3] output_size) -> Tensor")
        .doc("Means of windows that give the wanted size.")
        .kernel(|x: Tensor, output_size: Vec<i64>| p::adaptive_avg_pool3d(&x, &output_size));
    ops.op("aten::_adaptive_avg_pool3d(Tensor self, SymInt[3] output_size) -> Tensor")
        .kernel(|x: Tensor, output_size: Vec<i64>| p::adaptive_avg_pool3d(&x, &output_size));
    ops.op("aten::adaptive_max_pool3d(Tensor self, int[3] output_size) -> (Tensor, Tensor)")
        .doc("Maxima of windows that give the wanted size, and their places.")
        .kernel(|x: Tensor, output_size: Vec<i64>| p::adaptive_max_pool3d(&x, &output_size));
    ops.op("aten::fractional_max_pool2d(Tensor self, int[2] kernel_size, int[2] output_size, Tensor random_samples) -> (Tensor, Tensor)")
        .doc("Maxima of windows of pseudo-random size, and their places.")
        .kernel(|x: Tensor, kernel_size: Vec<i64>, output_size: Vec<i64>, random_samples: Tensor| p::fractional_max_pool2d(&x, &kernel_size, &output_size, &random_samples));
    ops.op("aten::fractional_max_pool3d(Tensor self, int[3] kernel_size, int[3] output_size, Tensor random_samples) -> (Tensor, Tensor)")
        .doc("Maxima of windows of pseudo-random size, and their places.")
        .kernel(|x: Tensor, kernel_size: Vec<i64>, output_size: Vec<i64>, random_samples: Tensor| p::fractional_max_pool3d(&x, &kernel_size, &output_size, &random_samples));
    ops.op("aten::max_unpool2d(Tensor self, Tensor indices, SymInt[2] output_size) -> Tensor")
        .doc("Puts maxima back to their places.")
        .kernel(|x: Tensor, indices: Tensor, output_size: Vec<i64>| {
            p::max_unpool2d(&x, &indices, &output_size)
        });
    ops.op("aten::max_unpool3d(Tensor self, Tensor indices, SymInt[3] output_size, int[3] stride, int[3] padding) -> Tensor")
        .kernel(|x: Tensor, indices: Tensor, output_size: Vec<i64>, stride: Vec<i64>, padding: Vec<i64>| p::max_unpool3d(&x, &indices, &output_size, &stride, &padding));
    ops.op("aten::max_pool2d_with_indices_backward(Tensor grad_output, Tensor self, int[2] kernel_size, int[2] stride, int[2] padding, int[2] dilation, bool ceil_mode, Tensor indices) -> Tensor")
        .doc("Adds gradients of the largest elements to the places that these came from.")
        .kernel(|grad: Tensor, x: Tensor, _: Vec<i64>, _: Vec<i64>, _: Vec<i64>, _: Vec<i64>, _: bool, indices: Tensor| {
            to_places(&grad, &x, &indices)
        });
}

/// `grad`, summed over windows into the places of planes of the sizes of `x`.
fn to_places(grad: &Tensor, x: &Tensor, indices: &Tensor) -> Result<Tensor> {
    ensure!(
        x.dim() == 3 || x.dim() == 4,
        "max_pool2d_with_indices_backward: expected an input of 3 or 4 dimensions, found {}",
        x.dim()
    );
    ensure!(
        grad.sizes() == indices.sizes()
            && grad.dim() == x.dim()
            && grad.sizes()[..x.dim() - 2] == x.sizes()[..x.dim() - 2],
        "max_pool2d_with_indices_backward: expected gradients {:?} and indices {:?} of one shape that fits the input {:?}",
        grad.sizes(),
        indices.sizes(),
        x.sizes()
    );
    ensure!(
        grad.dtype() == x.dtype(),
        "expected dtype {} for `grad_output` but got dtype {}",
        x.dtype().name(),
        grad.dtype().name()
    );
    let zeros = Tensor::zeros(x.sizes(), x.dtype())?.flatten(-2, -1)?;
    let sums = index::scatter_add(&zeros, -1, &indices.flatten(-2, -1)?, &grad.flatten(-2, -1)?)?;
    sums.reshape(x.sizes())
}
