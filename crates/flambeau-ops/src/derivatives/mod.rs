//! Gradients under their own names, which graphs recorded during training carry, as TorchScript over the operators they
//! belong to; and names that stand for nothing on this device.
//!
//! Linear resampling and pooling are products with a matrix per dimension; the matrix is what the operator makes of the
//! unit vectors.

mod windows;

use flambeau_ir::ops::Rows;
use flambeau_tensor::nn::conv::convolution_backward;
use flambeau_tensor::{Result, Tensor, bail};

use crate::nn::conv::params;

pub fn declare(ops: &mut Rows) {
    for (schema, doc, script) in FORMS.iter().chain(windows::FORMS) {
        ops.op(schema).doc(doc).script(script);
    }
    ops.op("aten::convolution_backward(Tensor grad_output, Tensor input, Tensor weight, SymInt[]? bias_sizes, SymInt[] stride, SymInt[] padding, SymInt[] dilation, bool transposed, SymInt[] output_padding, SymInt groups, bool[3] output_mask) -> (Tensor, Tensor, Tensor)")
        .doc("The gradients of `convolution`, as far as they are asked for.")
        .kernel(
            |grad: Tensor,
             input: Tensor,
             weight: Tensor,
             _bias_sizes: Option<Vec<i64>>,
             stride: Vec<i64>,
             padding: Vec<i64>,
             dilation: Vec<i64>,
             transposed: bool,
             output_padding: Vec<i64>,
             groups: i64,
             mask: Vec<bool>|
             -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
                let &[a, b, c] = mask.as_slice() else {
                    bail!("expected three flags in `output_mask`, found {}", mask.len());
                };
                let params = params(stride, padding, dilation, transposed, output_padding, groups);
                let [x, w, b] = convolution_backward(&grad, &input, &weight, &params, [a, b, c])?;
                Ok((x, w, b))
            },
        );
}

/// With and without dimensions behind the classes.
const NLL_LOSS: &str = "
def f(grad_output: Tensor, self: Tensor, target: Tensor, weight: Optional[Tensor], reduction: int, ignore_index: int, total_weight: Tensor) -> Tensor:
    classes = 0 if self.dim() == 1 else 1
    used = target != ignore_index
    safe = torch.where(used, target, torch.zeros_like(target))
    if weight is None:
        w = torch.ones_like(safe, dtype=self.dtype)
    else:
        w = weight[safe]
    w = torch.where(used, w, torch.zeros_like(w))
    if reduction == 1:
        w = w / total_weight
    value = -w * grad_output
    return torch.zeros_like(self).scatter(classes, safe.unsqueeze(classes), value.unsqueeze(classes))
";

const FORMS: &[(&str, &str, &str)] = &[
    (
        "aten::threshold_backward(Tensor grad_output, Tensor self, Scalar threshold) -> Tensor",
        "The gradient of `threshold`.",
        "
def f(grad_output: Tensor, self: Tensor, threshold: number) -> Tensor:
    return torch.where(self <= threshold, torch.zeros_like(grad_output), grad_output)
",
    ),
    (
        "aten::hardtanh_backward(Tensor grad_output, Tensor self, Scalar min_val, Scalar max_val) -> Tensor",
        "The gradient of `hardtanh`.",
        "
def f(grad_output: Tensor, self: Tensor, min_val: number, max_val: number) -> Tensor:
    return torch.where((self > min_val) & (self < max_val), grad_output, torch.zeros_like(grad_output))
",
    ),
    (
        "aten::hardsigmoid_backward(Tensor grad_output, Tensor self) -> Tensor",
        "The gradient of `hardsigmoid`.",
        "
def f(grad_output: Tensor, self: Tensor) -> Tensor:
    return torch.where((self > -3) & (self < 3), grad_output / 6, torch.zeros_like(grad_output))
",
    ),
    (
        "aten::hardswish_backward(Tensor grad_output, Tensor self) -> Tensor",
        "The gradient of `hardswish`.",
        "
def f(grad_output: Tensor, self: Tensor) -> Tensor:
    inner = torch.where(self < 3, grad_output * (self / 3 + 0.5), grad_output)
    return torch.where(self <= -3, torch.zeros_like(grad_output), inner)
",
    ),
    (
        "aten::leaky_relu_backward(Tensor grad_output, Tensor self, Scalar negative_slope, bool self_is_result) -> Tensor",
        "The gradient of `leaky_relu`.",
        "
def f(grad_output: Tensor, self: Tensor, negative_slope: number, self_is_result: bool) -> Tensor:
    return torch.where(self > 0, grad_output, grad_output * negative_slope)
",
    ),
    (
        "aten::elu_backward(Tensor grad_output, Scalar alpha, Scalar scale, Scalar input_scale, bool is_result, Tensor self_or_result) -> Tensor",
        "The gradient of `elu`.",
        "
def f(grad_output: Tensor, alpha: number, scale: number, input_scale: number, is_result: bool, self_or_result: Tensor) -> Tensor:
    if is_result:
        low = grad_output * input_scale * (self_or_result + alpha * scale)
    else:
        low = grad_output * input_scale * alpha * scale * torch.exp(self_or_result * input_scale)
    return torch.where(self_or_result <= 0, low, grad_output * scale)
",
    ),
    (
        "aten::silu_backward(Tensor grad_output, Tensor self) -> Tensor",
        "The gradient of `silu`.",
        "
def f(grad_output: Tensor, self: Tensor) -> Tensor:
    s = torch.sigmoid(self)
    return grad_output * s * (1 + self * (1 - s))
",
    ),
    (
        "aten::mish_backward(Tensor grad_output, Tensor self) -> Tensor",
        "The gradient of `mish`.",
        "
def f(grad_output: Tensor, self: Tensor) -> Tensor:
    t = torch.tanh(torch.softplus(self))
    return grad_output * (t + self * torch.sigmoid(self) * (1 - t * t))
",
    ),
    (
        "aten::gelu_backward(Tensor grad_output, Tensor self, *, str approximate=\"none\") -> Tensor",
        "The gradient of `gelu`.",
        "
def f(grad_output: Tensor, self: Tensor, approximate: str) -> Tensor:
    if approximate == 'tanh':
        inner = 0.7978845608028654 * (self + 0.044715 * self * self * self)
        t = torch.tanh(inner)
        slope = 0.7978845608028654 * (1 + 0.134145 * self * self)
        return grad_output * (0.5 * (1 + t) + 0.5 * self * (1 - t * t) * slope)
    cdf = 0.5 * (1 + torch.erf(self * 0.7071067811865476))
    pdf = torch.exp(self * self * -0.5) * 0.3989422804014327
    return grad_output * (cdf + self * pdf)
",
    ),
    (
        "aten::softplus_backward(Tensor grad_output, Tensor self, Scalar beta, Scalar threshold) -> Tensor",
        "The gradient of `softplus`.",
        "
def f(grad_output: Tensor, self: Tensor, beta: number, threshold: number) -> Tensor:
    z = self * beta
    return torch.where(z > threshold, grad_output, grad_output * torch.sigmoid(z))
",
    ),
    (
        "aten::softshrink_backward(Tensor grad_output, Tensor self, Scalar lambd) -> Tensor",
        "The gradient of `softshrink`.",
        "
def f(grad_output: Tensor, self: Tensor, lambd: number) -> Tensor:
    return torch.where((self >= -lambd) & (self <= lambd), torch.zeros_like(grad_output), grad_output)
",
    ),
    (
        "aten::hardshrink_backward(Tensor grad_out, Tensor self, Scalar lambd) -> Tensor",
        "The gradient of `hardshrink`.",
        "
def f(grad_out: Tensor, self: Tensor, lambd: number) -> Tensor:
    return torch.where((self >= -lambd) & (self <= lambd), torch.zeros_like(grad_out), grad_out)
",
    ),
    (
        "aten::log_sigmoid_backward(Tensor grad_output, Tensor self, Tensor buffer) -> Tensor",
        "The gradient of `log_sigmoid`.",
        "
def f(grad_output: Tensor, self: Tensor, buffer: Tensor) -> Tensor:
    return grad_output * torch.sigmoid(-self)
",
    ),
    (
        "aten::logit_backward(Tensor grad_output, Tensor self, float? eps=None) -> Tensor",
        "The gradient of `logit`.",
        "
def f(grad_output: Tensor, self: Tensor, eps: Optional[float]) -> Tensor:
    inside = grad_output / (self * (1 - self))
    if eps is None:
        return torch.where((self >= 0) & (self <= 1), inside, torch.full_like(self, float('nan')))
    return torch.where((self >= eps) & (self <= 1 - eps), inside, torch.zeros_like(self))
",
    ),
    (
        "aten::glu_backward(Tensor grad_output, Tensor self, int dim) -> Tensor",
        "The gradient of `glu`.",
        "
def f(grad_output: Tensor, self: Tensor, dim: int) -> Tensor:
    n = self.size(dim) // 2
    a = self.narrow(dim, 0, n)
    s = torch.sigmoid(self.narrow(dim, n, n))
    return torch.cat([grad_output * s, grad_output * a * s * (1 - s)], dim)
",
    ),
    (
        "aten::_prelu_kernel_backward(Tensor grad_output, Tensor self, Tensor weight) -> (Tensor, Tensor)",
        "The gradients of `_prelu_kernel`.",
        "
def f(grad_output: Tensor, self: Tensor, weight: Tensor) -> Tuple[Tensor, Tensor]:
    zero = torch.zeros_like(grad_output)
    return torch.where(self > 0, grad_output, weight * grad_output), torch.where(self > 0, zero, self * grad_output)
",
    ),
    (
        "aten::mse_loss_backward(Tensor grad_output, Tensor self, Tensor target, int reduction) -> Tensor",
        "The gradient of `mse_loss`.",
        "
def f(grad_output: Tensor, self: Tensor, target: Tensor, reduction: int) -> Tensor:
    out = 2 * (self - target) * grad_output
    if reduction == 1:
        out = out / self.numel()
    return out
",
    ),
    (
        "aten::smooth_l1_loss_backward(Tensor grad_output, Tensor self, Tensor target, int reduction, float beta) -> Tensor",
        "The gradient of `smooth_l1_loss`.",
        "
def f(grad_output: Tensor, self: Tensor, target: Tensor, reduction: int, beta: float) -> Tensor:
    x = self - target
    if beta > 0:
        slope = torch.clamp(x / beta, -1, 1)
    else:
        slope = torch.sign(x)
    out = slope * grad_output
    if reduction == 1:
        out = out / self.numel()
    return out
",
    ),
    (
        "aten::huber_loss_backward(Tensor grad_output, Tensor self, Tensor target, int reduction, float delta) -> Tensor",
        "The gradient of `huber_loss`.",
        "
def f(grad_output: Tensor, self: Tensor, target: Tensor, reduction: int, delta: float) -> Tensor:
    out = torch.clamp(self - target, -delta, delta) * grad_output
    if reduction == 1:
        out = out / self.numel()
    return out
",
    ),
    (
        "aten::soft_margin_loss_backward(Tensor grad_output, Tensor self, Tensor target, int reduction) -> Tensor",
        "The gradient of `soft_margin_loss`.",
        "
def f(grad_output: Tensor, self: Tensor, target: Tensor, reduction: int) -> Tensor:
    z = torch.exp(-target * self)
    out = -target * z / (z + 1) * grad_output
    if reduction == 1:
        out = out / self.numel()
    return out
",
    ),
    (
        "aten::binary_cross_entropy_backward(Tensor grad_output, Tensor self, Tensor target, Tensor? weight=None, int reduction=1) -> Tensor",
        "The gradient of `binary_cross_entropy`.",
        "
def f(grad_output: Tensor, self: Tensor, target: Tensor, weight: Optional[Tensor], reduction: int) -> Tensor:
    out = grad_output * (self - target) / torch.clamp_min((1 - self) * self, 1e-12)
    if weight is not None:
        out = out * weight
    if reduction == 1:
        out = out / self.numel()
    return out
",
    ),
    (
        "aten::nll_loss_backward(Tensor grad_output, Tensor self, Tensor target, Tensor? weight, int reduction, SymInt ignore_index, Tensor total_weight) -> Tensor",
        "The gradient of `nll_loss`.",
        NLL_LOSS,
    ),
    (
        "aten::nll_loss2d_backward(Tensor grad_output, Tensor self, Tensor target, Tensor? weight, int reduction, SymInt ignore_index, Tensor total_weight) -> Tensor",
        "The gradient of `nll_loss2d`.",
        NLL_LOSS,
    ),
    (
        "aten::_log_softmax_backward_data(Tensor grad_output, Tensor output, int dim, ScalarType input_dtype) -> Tensor",
        "The gradient of `log_softmax` from its result.",
        "
def f(grad_output: Tensor, output: Tensor, dim: int, input_dtype: int) -> Tensor:
    out = grad_output - torch.exp(output) * grad_output.sum(dim, True)
    return out.to(input_dtype)
",
    ),
    (
        "aten::native_layer_norm_backward(Tensor grad_out, Tensor input, SymInt[] normalized_shape, Tensor mean, Tensor rstd, Tensor? weight, Tensor? bias, bool[3] output_mask) -> (Tensor, Tensor, Tensor)",
        "The gradients of `native_layer_norm`.",
        "
def f(grad_out: Tensor, input: Tensor, normalized_shape: List[int], mean: Tensor, rstd: Tensor, weight: Optional[Tensor], bias: Optional[Tensor], output_mask: List[bool]) -> Tuple[Tensor, Tensor, Tensor]:
    n = len(normalized_shape)
    inner = [i - n for i in range(n)]
    outer = [i for i in range(input.dim() - n)]
    x = (input - mean) * rstd
    g = grad_out
    if weight is not None:
        g = grad_out * weight
    dx = (g - g.mean(inner, True) - x * (g * x).mean(inner, True)) * rstd
    if len(outer) > 0:
        return dx, (grad_out * x).sum(outer), grad_out.sum(outer)
    return dx, grad_out * x, grad_out
",
    ),
    (
        "aten::_fused_rms_norm_backward(Tensor grad_out, Tensor input, int[] normalized_shape, Tensor rstd, Tensor? weight, bool[2] output_mask) -> (Tensor, Tensor)",
        "The gradients of `_fused_rms_norm`.",
        "
def f(grad_out: Tensor, input: Tensor, normalized_shape: List[int], rstd: Tensor, weight: Optional[Tensor], output_mask: List[bool]) -> Tuple[Tensor, Tensor]:
    n = len(normalized_shape)
    inner = [i - n for i in range(n)]
    outer = [i for i in range(input.dim() - n)]
    x = input * rstd
    g = grad_out
    if weight is not None:
        g = grad_out * weight
    dx = (g - x * (g * x).mean(inner, True)) * rstd
    if len(outer) > 0:
        return dx, (grad_out * x).sum(outer)
    return dx, grad_out * x
",
    ),
    (
        "aten::native_group_norm_backward(Tensor grad_out, Tensor input, Tensor mean, Tensor rstd, Tensor? weight, SymInt N, SymInt C, SymInt HxW, int group, bool[3] output_mask) -> (Tensor, Tensor, Tensor)",
        "The gradients of `native_group_norm`.",
        "
def f(grad_out: Tensor, input: Tensor, mean: Tensor, rstd: Tensor, weight: Optional[Tensor], N: int, C: int, HxW: int, group: int, output_mask: List[bool]) -> Tuple[Tensor, Tensor, Tensor]:
    x = (input.reshape([N, group, -1]) - mean.reshape([N, group, 1])) * rstd.reshape([N, group, 1])
    g = grad_out
    if weight is not None:
        g = (grad_out.reshape([N, C, HxW]) * weight.reshape([1, C, 1]))
    g = g.reshape([N, group, -1])
    dx = (g - g.mean([2], True) - x * (g * x).mean([2], True)) * rstd.reshape([N, group, 1])
    above = grad_out.reshape([N, C, HxW])
    return dx.reshape(input.size()), (above * x.reshape([N, C, HxW])).sum([0, 2]), above.sum([0, 2])
",
    ),
    (
        "aten::native_batch_norm_backward(Tensor grad_out, Tensor input, Tensor? weight, Tensor? running_mean, Tensor? running_var, Tensor? save_mean, Tensor? save_invstd, bool train, float eps, bool[3] output_mask) -> (Tensor, Tensor, Tensor)",
        "The gradients of `native_batch_norm`.",
        "
def f(grad_out: Tensor, input: Tensor, weight: Optional[Tensor], running_mean: Optional[Tensor], running_var: Optional[Tensor], save_mean: Optional[Tensor], save_invstd: Optional[Tensor], train: bool, eps: float, output_mask: List[bool]) -> Tuple[Tensor, Tensor, Tensor]:
    c = input.size(1)
    x = input.reshape([input.size(0), c, -1])
    g = grad_out.reshape([input.size(0), c, -1])
    if train:
        assert save_mean is not None and save_invstd is not None
        mean, invstd = save_mean, save_invstd
    else:
        assert running_mean is not None and running_var is not None
        mean, invstd = running_mean, torch.rsqrt(running_var + eps)
    mean, invstd = mean.reshape([1, c, 1]), invstd.reshape([1, c, 1])
    normal = (x - mean) * invstd
    dw, db = (g * normal).sum([0, 2]), g.sum([0, 2])
    if weight is not None:
        g = g * weight.reshape([1, c, 1])
    if train:
        g = g - g.mean([0, 2], True) - normal * (g * normal).mean([0, 2], True)
    return (g * invstd).reshape(input.size()), dw, db
",
    ),
    (
        "aten::rrelu_with_noise_backward(Tensor grad_output, Tensor self, Tensor noise, Scalar lower, Scalar upper, bool training, bool self_is_result) -> Tensor",
        "The gradient of `rrelu_with_noise`.",
        "
def f(grad_output: Tensor, self: Tensor, noise: Tensor, lower: number, upper: number, training: bool, self_is_result: bool) -> Tensor:
    if training and upper - lower > 1e-6:
        return grad_output * noise
    return torch.where(self > 0, grad_output, grad_output * ((lower + upper) / 2))
",
    ),
    (
        "aten::masked_scatter_backward(Tensor grad_output, Tensor mask, SymInt[] sizes) -> Tensor",
        "The gradient of `masked_scatter` with respect to its source.",
        "
def f(grad_output: Tensor, mask: Tensor, sizes: List[int]) -> Tensor:
    n = 1
    for s in sizes:
        n *= s
    found = grad_output.masked_select(mask)
    rest = n - found.numel()
    if rest > 0:
        found = torch.cat([found, torch.zeros([rest], dtype=grad_output.dtype)])
    return found.reshape(sizes)
",
    ),
    (
        "aten::gather_backward(Tensor grad, Tensor self, int dim, Tensor index, bool sparse_grad) -> Tensor",
        "The gradient of `gather`.",
        "
def f(grad: Tensor, self: Tensor, dim: int, index: Tensor, sparse_grad: bool) -> Tensor:
    return torch.zeros_like(self).scatter_add(dim, index, grad)
",
    ),
    (
        "aten::index_select_backward(Tensor grad, SymInt[] self_sizes, int dim, Tensor index) -> Tensor",
        "The gradient of `index_select`.",
        "
def f(grad: Tensor, self_sizes: List[int], dim: int, index: Tensor) -> Tensor:
    return torch.zeros(self_sizes, dtype=grad.dtype).index_add(dim, index, grad)
",
    ),
    (
        "aten::masked_select_backward(Tensor grad, Tensor input, Tensor mask) -> Tensor",
        "The gradient of `masked_select`.",
        "
def f(grad: Tensor, input: Tensor, mask: Tensor) -> Tensor:
    return torch.zeros_like(input).masked_scatter(mask, grad)
",
    ),
    (
        "aten::trace_backward(Tensor grad, SymInt[] sizes) -> Tensor",
        "The gradient of `trace`.",
        "
def f(grad: Tensor, sizes: List[int]) -> Tensor:
    return torch.eye(sizes[0], sizes[1], dtype=grad.dtype) * grad
",
    ),
    (
        "aten::value_selecting_reduction_backward(Tensor grad, int dim, Tensor indices, SymInt[] sizes, bool keepdim) -> Tensor",
        "The gradient of a reduction that selects elements.",
        "
def f(grad: Tensor, dim: int, indices: Tensor, sizes: List[int], keepdim: bool) -> Tensor:
    if not keepdim and len(sizes) > 0:
        grad = grad.unsqueeze(dim)
        indices = indices.unsqueeze(dim)
    return torch.zeros(sizes, dtype=grad.dtype).scatter(dim, indices, grad)
",
    ),
    (
        "aten::matmul_backward(Tensor grad, Tensor self, Tensor other, bool[2] mask) -> (Tensor, Tensor)",
        "The gradients of `matmul`.",
        "
def f(grad: Tensor, self: Tensor, other: Tensor, mask: List[bool]) -> Tuple[Tensor, Tensor]:
    a, b, g = self, other, grad
    if self.dim() == 1:
        a, g = a.unsqueeze(0), g.unsqueeze(-1 if other.dim() == 1 else -2)
    if other.dim() == 1:
        b = b.unsqueeze(-1)
        if self.dim() > 1 or g.dim() < 2:
            g = g.unsqueeze(-1)
    to_a = torch.matmul(g, b.transpose(-2, -1)).sum_to_size(a.size()).reshape(self.size())
    to_b = torch.matmul(a.transpose(-2, -1), g).sum_to_size(b.size()).reshape(other.size())
    return to_a, to_b
",
    ),
    (
        "aten::cumprod_backward(Tensor grad, Tensor input, int dim, Tensor output) -> Tensor",
        "The gradient of `cumprod`.",
        "
def f(grad: Tensor, input: Tensor, dim: int, output: Tensor) -> Tensor:
    n = input.size(dim) if input.dim() > 0 else 1
    if input.dim() == 0:
        return grad.clone()
    parts: List[Tensor] = []
    for k in range(n):
        rest = input.narrow(dim, k + 1, n - k - 1)
        before = torch.ones_like(input.narrow(dim, 0, 1))
        if k > 0:
            before = input.narrow(dim, 0, k).prod(dim, True)
        after = torch.cat([torch.ones_like(before), torch.cumprod(rest, dim)], dim)
        parts.append((grad.narrow(dim, k, n - k) * before * after).sum(dim, True))
    return torch.cat(parts, dim)
",
    ),
    (
        "aten::cummaxmin_backward(Tensor grad, Tensor input, Tensor indices, int dim) -> Tensor",
        "The gradient of `cummax` and `cummin`.",
        "
def f(grad: Tensor, input: Tensor, indices: Tensor, dim: int) -> Tensor:
    return torch.zeros_like(input).scatter_add(dim, indices, grad)
",
    ),
    (
        "aten::_masked_softmax_backward(Tensor grad_output, Tensor output, Tensor mask, int? dim=None) -> Tensor",
        "The gradient of `_masked_softmax`.",
        "
def f(grad_output: Tensor, output: Tensor, mask: Tensor, dim: Optional[int]) -> Tensor:
    d = dim if dim is not None else output.dim() - 1
    g = torch.where(mask, torch.zeros_like(grad_output), grad_output)
    return torch.where(mask, torch.zeros_like(output), output * (g - (g * output).sum(d, True)))
",
    ),
    (
        "aten::infinitely_differentiable_gelu_backward(Tensor grad, Tensor self) -> Tensor",
        "The gradient of `gelu`.",
        "
def f(grad: Tensor, self: Tensor) -> Tensor:
    cdf = 0.5 * (1 + torch.erf(self * 0.7071067811865476))
    pdf = torch.exp(self * self * -0.5) * 0.3989422804014327
    return (cdf + self * pdf) * grad
",
    ),
    (
        "aten::_weight_norm_interface_backward(Tensor grad_w, Tensor saved_v, Tensor saved_g, Tensor saved_norms, int dim) -> (Tensor, Tensor)",
        "The gradients of `_weight_norm_interface`.",
        "
def f(grad_w: Tensor, saved_v: Tensor, saved_g: Tensor, saved_norms: Tensor, dim: int) -> Tuple[Tensor, Tensor]:
    dims: List[int] = []
    for i in range(saved_v.dim()):
        if i != dim:
            dims.append(i)
    total = (grad_w * saved_v).sum(dims, True)
    norms = saved_norms.reshape(saved_g.size())
    to_g = total / norms
    to_v = saved_g / norms * (grad_w - saved_v * total / (norms * norms))
    return to_v, to_g
",
    ),
    (
        "aten::_weight_norm_differentiable_backward(Tensor grad_w, Tensor saved_v, Tensor saved_g, Tensor saved_norms, int dim) -> (Tensor, Tensor)",
        "The gradients of `_weight_norm_interface`.",
        "
def f(grad_w: Tensor, saved_v: Tensor, saved_g: Tensor, saved_norms: Tensor, dim: int) -> Tuple[Tensor, Tensor]:
    dims: List[int] = []
    for i in range(saved_v.dim()):
        if i != dim:
            dims.append(i)
    total = (grad_w * saved_v).sum(dims, True)
    norms = saved_norms.reshape(saved_g.size())
    to_g = total / norms
    to_v = saved_g / norms * (grad_w - saved_v * total / (norms * norms))
    return to_v, to_g
",
    ),
    (
        "aten::pin_memory(Tensor(a) self, Device? device=None) -> Tensor(a)",
        "The tensor: there is no memory to pin.",
        "
def f(self: Tensor, device: Optional[Device]) -> Tensor:
    return self
",
    ),
    (
        "aten::_pin_memory(Tensor self, Device? device=None) -> Tensor",
        "A copy: there is no memory to pin.",
        "
def f(self: Tensor, device: Optional[Device]) -> Tensor:
    return self.clone()
",
    ),
    (
        "aten::_linalg_check_errors(Tensor info, str api_name, *, bool is_matrix) -> ()",
        "Fails if a decomposition reported an error.",
        "
def f(info: Tensor, api_name: str, is_matrix: bool) -> None:
    if bool(torch.any(info != 0)):
        raise RuntimeError(api_name + ': The input is singular or not positive definite, or an argument has an illegal value: ' + str(info))
",
    ),
    (
        "aten::_fw_primal(Tensor(a) self, int level) -> Tensor(a)",
        "The tensor: nothing is differentiated.",
        "
def f(self: Tensor, level: int) -> Tensor:
    return self
",
    ),
    (
        "aten::_fw_primal_copy(Tensor self, int level) -> Tensor",
        "A copy: nothing is differentiated.",
        "
def f(self: Tensor, level: int) -> Tensor:
    return self.clone()
",
    ),
];
