//! Inner, older and rarer names of what other rows do, as TorchScript over those.

use flambeau_ir::ops::Rows;

pub fn declare(ops: &mut Rows) {
    for (schema, doc, script) in CONVOLUTIONS.iter().chain(NORMS).chain(IN_PLACE).chain(OTHERS) {
        ops.op(schema).doc(doc).script(script);
    }
}

type Form = (&'static str, &'static str, &'static str);

const CONVOLUTIONS: &[Form] = &[
    (
        "aten::conv_tbc(Tensor self, Tensor weight, Tensor bias, int pad=0) -> Tensor",
        "`conv1d` of time by batch by channel.",
        "
def conv_tbc(self: Tensor, weight: Tensor, bias: Tensor, pad: int) -> Tensor:
    if self.dim() != 3:
        raise RuntimeError('Input must have 3 dims: time, batch, in_channel')
    if weight.dim() != 3:
        raise RuntimeError('Weight tensor must have 3 dims: kernel_width, in_channels, out_channels.')
    if bias.dim() != 1:
        raise RuntimeError('Bias must be 1-D')
    out = torch.conv1d(self.permute([1, 2, 0]), weight.permute([2, 1, 0]), bias, [1], [pad])
    return out.permute([2, 0, 1]).contiguous()
",
    ),
    (
        "aten::_conv_depthwise2d(Tensor self, Tensor weight, SymInt[2] kernel_size, Tensor? bias, SymInt[2] stride, SymInt[2] padding, SymInt[2] dilation) -> Tensor",
        "`conv2d` of each channel by itself.",
        "
def depthwise(self: Tensor, weight: Tensor, kernel_size: List[int], bias: Optional[Tensor], stride: List[int], padding: List[int], dilation: List[int]) -> Tensor:
    return torch.conv2d(self, weight, bias, stride, padding, dilation, self.size(-3))
",
    ),
    (
        "aten::conv_depthwise3d(Tensor self, Tensor weight, SymInt[3] kernel_size, Tensor? bias, SymInt[3] stride, SymInt[3] padding, SymInt[3] dilation) -> Tensor",
        "`conv3d` of each channel by itself.",
        "
def depthwise(self: Tensor, weight: Tensor, kernel_size: List[int], bias: Optional[Tensor], stride: List[int], padding: List[int], dilation: List[int]) -> Tensor:
    return torch.conv3d(self, weight, bias, stride, padding, dilation, self.size(-4))
",
    ),
    (
        "aten::thnn_conv2d(Tensor self, Tensor weight, SymInt[2] kernel_size, Tensor? bias=None, SymInt[2] stride=[1, 1], SymInt[2] padding=[0, 0]) -> Tensor",
        "`conv2d`.",
        "
def conv(self: Tensor, weight: Tensor, kernel_size: List[int], bias: Optional[Tensor], stride: List[int], padding: List[int]) -> Tensor:
    return torch.conv2d(self, weight, bias, stride, padding)
",
    ),
    (
        "aten::_slow_conv2d_forward(Tensor self, Tensor weight, SymInt[2] kernel_size, Tensor? bias, SymInt[2] stride, SymInt[2] padding) -> Tensor",
        "`conv2d`.",
        "
def conv(self: Tensor, weight: Tensor, kernel_size: List[int], bias: Optional[Tensor], stride: List[int], padding: List[int]) -> Tensor:
    return torch.conv2d(self, weight, bias, stride, padding)
",
    ),
    (
        "aten::_nnpack_spatial_convolution(Tensor input, Tensor weight, Tensor? bias, SymInt[2] padding, SymInt[2] stride=[1, 1]) -> Tensor",
        "`conv2d`.",
        "
def conv(input: Tensor, weight: Tensor, bias: Optional[Tensor], padding: List[int], stride: List[int]) -> Tensor:
    return torch.conv2d(input, weight, bias, stride, padding)
",
    ),
    (
        "aten::slow_conv3d(Tensor self, Tensor weight, SymInt[3] kernel_size, Tensor? bias=None, SymInt[3] stride=[1, 1, 1], SymInt[3] padding=[0, 0, 0]) -> Tensor",
        "`conv3d`.",
        "
def conv(self: Tensor, weight: Tensor, kernel_size: List[int], bias: Optional[Tensor], stride: List[int], padding: List[int]) -> Tensor:
    return torch.conv3d(self, weight, bias, stride, padding)
",
    ),
    (
        "aten::slow_conv3d_forward(Tensor self, Tensor weight, SymInt[3] kernel_size, Tensor? bias, SymInt[3] stride, SymInt[3] padding) -> Tensor",
        "`conv3d`.",
        "
def conv(self: Tensor, weight: Tensor, kernel_size: List[int], bias: Optional[Tensor], stride: List[int], padding: List[int]) -> Tensor:
    return torch.conv3d(self, weight, bias, stride, padding)
",
    ),
    (
        "aten::slow_conv_dilated2d(Tensor self, Tensor weight, SymInt[2] kernel_size, Tensor? bias=None, SymInt[2] stride=[1, 1], SymInt[2] padding=[0, 0], SymInt[2] dilation=[1, 1]) -> Tensor",
        "`conv2d`.",
        "
def conv(self: Tensor, weight: Tensor, kernel_size: List[int], bias: Optional[Tensor], stride: List[int], padding: List[int], dilation: List[int]) -> Tensor:
    return torch.conv2d(self, weight, bias, stride, padding, dilation)
",
    ),
    (
        "aten::slow_conv_dilated3d(Tensor self, Tensor weight, SymInt[3] kernel_size, Tensor? bias=None, SymInt[3] stride=[1, 1, 1], SymInt[3] padding=[0, 0, 0], SymInt[3] dilation=[1, 1, 1]) -> Tensor",
        "`conv3d`.",
        "
def conv(self: Tensor, weight: Tensor, kernel_size: List[int], bias: Optional[Tensor], stride: List[int], padding: List[int], dilation: List[int]) -> Tensor:
    return torch.conv3d(self, weight, bias, stride, padding, dilation)
",
    ),
    (
        "aten::slow_conv_transpose2d(Tensor self, Tensor weight, SymInt[2] kernel_size, Tensor? bias=None, SymInt[2] stride=[1, 1], SymInt[2] padding=[0, 0], SymInt[2] output_padding=[0, 0], SymInt[2] dilation=[1, 1]) -> Tensor",
        "`conv_transpose2d`.",
        "
def conv(self: Tensor, weight: Tensor, kernel_size: List[int], bias: Optional[Tensor], stride: List[int], padding: List[int], output_padding: List[int], dilation: List[int]) -> Tensor:
    return torch.conv_transpose2d(self, weight, bias, stride, padding, output_padding, 1, dilation)
",
    ),
    (
        "aten::slow_conv_transpose3d(Tensor self, Tensor weight, SymInt[3] kernel_size, Tensor? bias=None, SymInt[3] stride=[1, 1, 1], SymInt[3] padding=[0, 0, 0], SymInt[3] output_padding=[0, 0, 0], SymInt[3] dilation=[1, 1, 1]) -> Tensor",
        "`conv_transpose3d`.",
        "
def conv(self: Tensor, weight: Tensor, kernel_size: List[int], bias: Optional[Tensor], stride: List[int], padding: List[int], output_padding: List[int], dilation: List[int]) -> Tensor:
    return torch.conv_transpose3d(self, weight, bias, stride, padding, output_padding, 1, dilation)
",
    ),
    (
        "aten::_grid_sampler_2d_cpu_fallback(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor",
        "`grid_sampler_2d`.",
        "
def sample(input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Tensor:
    return torch.grid_sampler_2d(input, grid, interpolation_mode, padding_mode, align_corners)
",
    ),
    (
        "aten::_pad_enum(Tensor self, SymInt[] pad, int mode, float? value=None) -> Tensor",
        "`pad` with a number for the mode.",
        "
def pad_enum(self: Tensor, pad: List[int], mode: int, value: Optional[float]) -> Tensor:
    names = ['reflect', 'replicate', 'circular', 'constant']
    if mode < 0 or mode > 3:
        raise RuntimeError('Unrecognised padding mode ' + str(mode))
    return torch.pad(self, pad, names[mode], value)
",
    ),
];

const NORMS: &[Form] = &[
    (
        "aten::_native_batch_norm_legit(Tensor input, Tensor? weight, Tensor? bias, Tensor(a!) running_mean, Tensor(b!) running_var, bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
        "`native_batch_norm`.",
        "
def norm(input: Tensor, weight: Optional[Tensor], bias: Optional[Tensor], running_mean: Tensor, running_var: Tensor, training: bool, momentum: float, eps: float) -> Tuple[Tensor, Tensor, Tensor]:
    return torch.native_batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)
",
    ),
    (
        "aten::_native_batch_norm_legit.no_stats(Tensor input, Tensor? weight, Tensor? bias, bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
        "`native_batch_norm` without running statistics.",
        "
def norm(input: Tensor, weight: Optional[Tensor], bias: Optional[Tensor], training: bool, momentum: float, eps: float) -> Tuple[Tensor, Tensor, Tensor]:
    return torch.native_batch_norm(input, weight, bias, None, None, training, momentum, eps)
",
    ),
    (
        "aten::_native_batch_norm_legit_no_training(Tensor input, Tensor? weight, Tensor? bias, Tensor running_mean, Tensor running_var, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
        "`native_batch_norm` by the running statistics.",
        "
def norm(input: Tensor, weight: Optional[Tensor], bias: Optional[Tensor], running_mean: Tensor, running_var: Tensor, momentum: float, eps: float) -> Tuple[Tensor, Tensor, Tensor]:
    return torch.native_batch_norm(input, weight, bias, running_mean, running_var, False, momentum, eps)
",
    ),
    (
        "aten::_native_batch_norm_legit_functional(Tensor input, Tensor? weight, Tensor? bias, Tensor running_mean, Tensor running_var, bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor, Tensor running_mean_out, Tensor running_var_out)",
        "`native_batch_norm` with copies of the running statistics.",
        "
def norm(input: Tensor, weight: Optional[Tensor], bias: Optional[Tensor], running_mean: Tensor, running_var: Tensor, training: bool, momentum: float, eps: float) -> Tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    mean = running_mean.clone()
    var = running_var.clone()
    out, save_mean, save_invstd = torch.native_batch_norm(input, weight, bias, mean, var, training, momentum, eps)
    return out, save_mean, save_invstd, mean, var
",
    ),
    (
        "aten::_batch_norm_impl_index(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps, bool cudnn_enabled) -> (Tensor, Tensor, Tensor, Tensor, int)",
        "`native_batch_norm`, reserved memory, and which implementation ran.",
        "
def norm(input: Tensor, weight: Optional[Tensor], bias: Optional[Tensor], running_mean: Optional[Tensor], running_var: Optional[Tensor], training: bool, momentum: float, eps: float, cudnn_enabled: bool) -> Tuple[Tensor, Tensor, Tensor, Tensor, int]:
    out, save_mean, save_invstd = torch.native_batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)
    return out, save_mean, save_invstd, torch.empty([0], dtype=torch.uint8), 0
",
    ),
    (
        "aten::_batch_norm_no_update(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, float momentum, float eps) -> (Tensor, Tensor, Tensor, Tensor)",
        "`native_batch_norm` by the running statistics, and reserved memory.",
        "
def norm(input: Tensor, weight: Optional[Tensor], bias: Optional[Tensor], running_mean: Optional[Tensor], running_var: Optional[Tensor], momentum: float, eps: float) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
    out, save_mean, save_invstd = torch.native_batch_norm(input, weight, bias, running_mean, running_var, False, momentum, eps)
    return out, save_mean, save_invstd, torch.empty([0], dtype=torch.uint8)
",
    ),
    (
        "aten::batch_norm_stats(Tensor input, float eps) -> (Tensor, Tensor)",
        "The mean of each channel, and the inverse of its deviation.",
        "
def stats(input: Tensor, eps: float) -> Tuple[Tensor, Tensor]:
    dims = [0] + list(range(2, input.dim()))
    return torch.mean(input, dims), torch.rsqrt(torch.var(input, dims, False) + eps)
",
    ),
    (
        "aten::batch_norm_elemt(Tensor input, Tensor? weight, Tensor? bias, Tensor mean, Tensor invstd, float eps) -> Tensor",
        "Normalises each channel by its mean and the inverse of its deviation.",
        "
def norm(input: Tensor, weight: Optional[Tensor], bias: Optional[Tensor], mean: Tensor, invstd: Tensor, eps: float) -> Tensor:
    sizes = [1, -1] + [1] * (input.dim() - 2)
    out = (input - mean.reshape(sizes)) * invstd.reshape(sizes)
    if weight is not None:
        out = out * weight.reshape(sizes)
    if bias is not None:
        out = out + bias.reshape(sizes)
    return out.to(input.dtype)
",
    ),
    (
        "aten::batch_norm_update_stats(Tensor input, Tensor? running_mean, Tensor? running_var, float momentum) -> (Tensor, Tensor)",
        "The mean and variance of each channel, which the running ones move towards.",
        "
def stats(input: Tensor, running_mean: Optional[Tensor], running_var: Optional[Tensor], momentum: float) -> Tuple[Tensor, Tensor]:
    dims = [0] + list(range(2, input.dim()))
    mean = torch.mean(input, dims)
    var = torch.var(input, dims, False)
    n = input.numel() // max(input.size(1), 1)
    if running_mean is not None:
        running_mean.copy_(momentum * mean + (1. - momentum) * running_mean)
    if running_var is not None:
        running_var.copy_(momentum * var * n / (n - 1) + (1. - momentum) * running_var)
    return mean, var
",
    ),
    (
        "aten::_fused_rms_norm(Tensor input, int[] normalized_shape, Tensor? weight, float? eps) -> (Tensor, Tensor)",
        "`rms_norm`, and the inverse of the root mean squares.",
        "
def norm(input: Tensor, normalized_shape: List[int], weight: Optional[Tensor], eps: Optional[float]) -> Tuple[Tensor, Tensor]:
    dims = list(range(input.dim() - len(normalized_shape), input.dim()))
    small = 1.1920928955078125e-07
    if eps is not None:
        small = eps
    elif input.dtype == torch.float64:
        small = 2.220446049250313e-16
    rstd = torch.rsqrt(torch.mean(input * input, dims, True) + small)
    return torch.rms_norm(input, normalized_shape, weight, eps), rstd
",
    ),
    (
        "aten::native_norm(Tensor self, Scalar p=2) -> Tensor",
        "`norm`.",
        "
def norm(self: Tensor, p: number) -> Tensor:
    return torch.norm(self, p)
",
    ),
    (
        "aten::native_norm.ScalarOpt_dim_dtype(Tensor self, Scalar? p, int[1] dim, bool keepdim, ScalarType? dtype) -> Tensor",
        "`norm`.",
        "
def norm(self: Tensor, p: Optional[number], dim: List[int], keepdim: bool, dtype: Optional[int]) -> Tensor:
    if dtype is None:
        return torch.norm(self, p, dim, keepdim)
    return torch.norm(self, p, dim, keepdim, dtype=dtype)
",
    ),
    (
        "aten::linalg__powsum(Tensor self, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
        "The sum of powers of the absolute values.",
        "
def powsum(self: Tensor, ord: number, dim: Optional[List[int]], keepdim: bool, dtype: Optional[int]) -> Tensor:
    x = self
    if dtype is not None:
        x = self.to(dtype)
    return torch.sum(torch.pow(torch.abs(x), ord), dim, keepdim)
",
    ),
];

const IN_PLACE: &[Form] = &[
    (
        "aten::__iand__.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)",
        "`bitwise_and_`.",
        "
def f(self: Tensor, other: Tensor) -> Tensor:
    return self.bitwise_and_(other)
",
    ),
    (
        "aten::__iand__.Scalar(Tensor(a!) self, Scalar other) -> Tensor(a!)",
        "`bitwise_and_`.",
        "
def f(self: Tensor, other: number) -> Tensor:
    return self.bitwise_and_(other)
",
    ),
    (
        "aten::__ior__.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)",
        "`bitwise_or_`.",
        "
def f(self: Tensor, other: Tensor) -> Tensor:
    return self.bitwise_or_(other)
",
    ),
    (
        "aten::__ior__.Scalar(Tensor(a!) self, Scalar other) -> Tensor(a!)",
        "`bitwise_or_`.",
        "
def f(self: Tensor, other: number) -> Tensor:
    return self.bitwise_or_(other)
",
    ),
    (
        "aten::__ixor__.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)",
        "`bitwise_xor_`.",
        "
def f(self: Tensor, other: Tensor) -> Tensor:
    return self.bitwise_xor_(other)
",
    ),
    (
        "aten::__ixor__.Scalar(Tensor(a!) self, Scalar other) -> Tensor(a!)",
        "`bitwise_xor_`.",
        "
def f(self: Tensor, other: number) -> Tensor:
    return self.bitwise_xor_(other)
",
    ),
    (
        "aten::__ilshift__.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)",
        "`<<` in place.",
        "
def f(self: Tensor, other: Tensor) -> Tensor:
    return self.copy_(self << other)
",
    ),
    (
        "aten::__ilshift__.Scalar(Tensor(a!) self, Scalar other) -> Tensor(a!)",
        "`<<` in place.",
        "
def f(self: Tensor, other: number) -> Tensor:
    return self.copy_(torch.__lshift__(self, other))
",
    ),
    (
        "aten::__irshift__.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)",
        "`>>` in place.",
        "
def f(self: Tensor, other: Tensor) -> Tensor:
    return self.copy_(self >> other)
",
    ),
    (
        "aten::__irshift__.Scalar(Tensor(a!) self, Scalar other) -> Tensor(a!)",
        "`>>` in place.",
        "
def f(self: Tensor, other: number) -> Tensor:
    return self.copy_(torch.__rshift__(self, other))
",
    ),
    (
        "aten::_no_grad_uniform_(Tensor(a!) tensor, float a, float b, Generator? generator=None) -> Tensor(a!)",
        "`uniform_` outside of differentiation.",
        "
def f(tensor: Tensor, a: float, b: float, generator: Optional[Generator]) -> Tensor:
    return tensor.uniform_(a, b, generator=generator)
",
    ),
    (
        "aten::_no_grad_normal_(Tensor(a!) tensor, float mean, float std, Generator? generator=None) -> Tensor(a!)",
        "`normal_` outside of differentiation.",
        "
def f(tensor: Tensor, mean: float, std: float, generator: Optional[Generator]) -> Tensor:
    return tensor.normal_(mean, std, generator=generator)
",
    ),
    (
        "aten::_no_grad_fill_(Tensor(a!) tensor, float val) -> Tensor(a!)",
        "`fill_` outside of differentiation.",
        "
def f(tensor: Tensor, val: float) -> Tensor:
    return tensor.fill_(val)
",
    ),
    (
        "aten::_no_grad_zero_(Tensor(a!) tensor) -> Tensor(a!)",
        "`zero_` outside of differentiation.",
        "
def f(tensor: Tensor) -> Tensor:
    return tensor.zero_()
",
    ),
    (
        "aten::_no_grad_embedding_renorm_(Tensor weight, Tensor input, float max_norm, float norm_type) -> Tensor",
        "`embedding_renorm_` outside of differentiation.",
        "
def f(weight: Tensor, input: Tensor, max_norm: float, norm_type: float) -> Tensor:
    return torch.embedding_renorm_(weight, input, max_norm, norm_type)
",
    ),
    (
        "aten::_cummax_helper(Tensor self, Tensor(a!) values, Tensor(b!) indices, int dim) -> ()",
        "`cummax` into given tensors.",
        "
def f(self: Tensor, values: Tensor, indices: Tensor, dim: int) -> None:
    v, i = torch.cummax(self, dim)
    values.copy_(v)
    indices.copy_(i)
",
    ),
    (
        "aten::_cummin_helper(Tensor self, Tensor(a!) values, Tensor(b!) indices, int dim) -> ()",
        "`cummin` into given tensors.",
        "
def f(self: Tensor, values: Tensor, indices: Tensor, dim: int) -> None:
    v, i = torch.cummin(self, dim)
    values.copy_(v)
    indices.copy_(i)
",
    ),
    (
        "aten::_add_relu_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)",
        "`relu` of a sum, in place.",
        "
def f(self: Tensor, other: Tensor, alpha: number) -> Tensor:
    return self.add_(other, alpha=alpha).relu_()
",
    ),
    (
        "aten::_add_relu_.Scalar(Tensor(a!) self, Scalar other, Scalar alpha=1) -> Tensor(a!)",
        "`relu` of a sum, in place.",
        "
def f(self: Tensor, other: number, alpha: number) -> Tensor:
    return self.add_(other, alpha).relu_()
",
    ),
];

const OTHERS: &[Form] = &[
    (
        "aten::_add_relu.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
        "`relu` of a sum.",
        "
def f(self: Tensor, other: Tensor, alpha: number) -> Tensor:
    return torch.relu(torch.add(self, other, alpha=alpha))
",
    ),
    (
        "aten::_add_relu.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor",
        "`relu` of a sum.",
        "
def f(self: Tensor, other: number, alpha: number) -> Tensor:
    return torch.relu(torch.add(self, other, alpha))
",
    ),
    (
        "aten::_aminmax(Tensor self) -> (Tensor, Tensor)",
        "The smallest and the largest element.",
        "
def f(self: Tensor) -> Tuple[Tensor, Tensor]:
    low, high = torch.aminmax(self)
    return low, high
",
    ),
    (
        "aten::_aminmax.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor, Tensor)",
        "The smallest and the largest element of a dimension.",
        "
def f(self: Tensor, dim: int, keepdim: bool) -> Tuple[Tensor, Tensor]:
    low, high = torch.aminmax(self, dim=dim, keepdim=keepdim)
    return low, high
",
    ),
    (
        "aten::log_sigmoid_forward(Tensor self) -> (Tensor output, Tensor buffer)",
        "`log_sigmoid`, and what its derivative needs.",
        "
def f(self: Tensor) -> Tuple[Tensor, Tensor]:
    return torch.log_sigmoid(self), torch.exp(-torch.abs(self))
",
    ),
    (
        "aten::_logcumsumexp(Tensor self, int dim) -> Tensor",
        "`logcumsumexp`.",
        "
def f(self: Tensor, dim: int) -> Tensor:
    return torch.logcumsumexp(self, dim)
",
    ),
    (
        "aten::_stack(Tensor[] tensors, int dim=0) -> Tensor",
        "`stack`.",
        "
def f(tensors: List[Tensor], dim: int) -> Tensor:
    return torch.stack(tensors, dim)
",
    ),
    (
        "aten::_index_put_impl(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False, bool unsafe=False) -> Tensor",
        "`index_put`.",
        "
def f(self: Tensor, indices: List[Optional[Tensor]], values: Tensor, accumulate: bool, unsafe: bool) -> Tensor:
    return torch.index_put(self, indices, values, accumulate)
",
    ),
    (
        "aten::_list_to_tensor(int[] self) -> Tensor",
        "A list as a tensor.",
        "
def f(self: List[int]) -> Tensor:
    return torch.tensor(self, dtype=torch.int32)
",
    ),
    (
        "aten::_tensor_to_list(Tensor self) -> int[]",
        "The elements as a list.",
        "
def f(self: Tensor) -> List[int]:
    out: List[int] = []
    flat = self.reshape([-1])
    for i in range(flat.size(0)):
        out.append(int(flat[i]))
    return out
",
    ),
    (
        "aten::_dim_arange(Tensor like, int dim) -> Tensor",
        "The places along a dimension.",
        "
def f(like: Tensor, dim: int) -> Tensor:
    return torch.arange(like.size(dim))
",
    ),
    (
        "aten::_grad_sum_to_size(Tensor(a) self, int[]? size) -> Tensor(a)",
        "`sum_to_size`, where a size is given.",
        "
def f(self: Tensor, size: Optional[List[int]]) -> Tensor:
    if size is None:
        return self
    return self.sum_to_size(size)
",
    ),
    (
        "aten::embedding_renorm(Tensor self, Tensor indices, float max_norm, float norm_type) -> Tensor",
        "`embedding_renorm_` on a copy.",
        "
def f(self: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> Tensor:
    return torch.embedding_renorm_(self.clone(), indices, max_norm, norm_type)
",
    ),
    (
        "aten::_masked_scale(Tensor self, Tensor mask, float scale) -> Tensor",
        "The product with a mask and a number.",
        "
def f(self: Tensor, mask: Tensor, scale: float) -> Tensor:
    return self * mask * scale
",
    ),
    (
        "aten::_int_mm(Tensor self, Tensor mat2) -> Tensor",
        "The matrix product of 8-bit integers in 32 bits.",
        "
def f(self: Tensor, mat2: Tensor) -> Tensor:
    if self.dtype != torch.int8 or mat2.dtype != torch.int8:
        raise RuntimeError('Expected self and mat2 of type int8')
    return torch.mm(self.to(torch.int32), mat2.to(torch.int32))
",
    ),
    (
        "aten::_weight_int8pack_mm(Tensor self, Tensor mat2, Tensor scales) -> Tensor",
        "The product with rows of 8-bit integers, each with its scale.",
        "
def f(self: Tensor, mat2: Tensor, scales: Tensor) -> Tensor:
    return torch.mm(self, mat2.to(self.dtype).t()) * scales
",
    ),
    (
        "aten::_trilinear(Tensor i1, Tensor i2, Tensor i3, int[] expand1, int[] expand2, int[] expand3, int[] sumdim, int unroll_dim=1) -> Tensor",
        "The product of three tensors, each with dimensions put in, summed over some.",
        "
def f(i1: Tensor, i2: Tensor, i3: Tensor, expand1: List[int], expand2: List[int], expand3: List[int], sumdim: List[int], unroll_dim: int) -> Tensor:
    for d in expand1:
        i1 = i1.unsqueeze(d)
    for d in expand2:
        i2 = i2.unsqueeze(d)
    for d in expand3:
        i3 = i3.unsqueeze(d)
    product = i1 * i2 * i3
    if len(sumdim) == 0:
        return product
    return torch.sum(product, sumdim)
",
    ),
    (
        "aten::_is_zerotensor(Tensor self) -> bool",
        "Whether the tensor stands for zeros without memory; none does.",
        "
def f(self: Tensor) -> bool:
    return False
",
    ),
    (
        "aten::_lazy_clone(Tensor self) -> Tensor",
        "`clone`.",
        "
def f(self: Tensor) -> Tensor:
    return self.clone()
",
    ),
    (
        "aten::resize(Tensor self, SymInt[] size, *, MemoryFormat? memory_format=None) -> Tensor",
        "A copy with other sizes; elements are added or cut at the end.",
        "
def f(self: Tensor, size: List[int], memory_format: Optional[int]) -> Tensor:
    return self.clone().resize_(size, memory_format=memory_format)
",
    ),
    (
        "aten::resize_as(Tensor self, Tensor the_template, *, MemoryFormat? memory_format=None) -> Tensor",
        "A copy with the sizes of another tensor.",
        "
def f(self: Tensor, the_template: Tensor, memory_format: Optional[int]) -> Tensor:
    return self.clone().resize_(the_template.size(), memory_format=memory_format)
",
    ),
    (
        "aten::_cholesky_solve_helper(Tensor self, Tensor A, bool upper) -> Tensor",
        "`cholesky_solve`.",
        "
def f(self: Tensor, A: Tensor, upper: bool) -> Tensor:
    return torch.cholesky_solve(self, A, upper)
",
    ),
    (
        "aten::_compute_linear_combination(Tensor input, Tensor coefficients) -> Tensor",
        "Sums of the first dimension's parts, by a matrix of coefficients.",
        "
def f(input: Tensor, coefficients: Tensor) -> Tensor:
    return torch.tensordot(coefficients, input, [1], [0])
",
    ),
    (
        "aten::_convert_indices_from_coo_to_csr(Tensor self, int size, *, bool out_int32=False) -> Tensor",
        "Sorted row numbers as offsets.",
        "
def f(self: Tensor, size: int, out_int32: bool) -> Tensor:
    return torch.bucketize(torch.arange(size + 1, dtype=self.dtype), self, out_int32=out_int32)
",
    ),
    (
        "aten::cudnn_is_acceptable(Tensor self) -> bool",
        "Whether cuDNN would take the tensor; there is none.",
        "
def f(self: Tensor) -> bool:
    return False
",
    ),
    (
        "aten::_use_cudnn_ctc_loss(Tensor log_probs, Tensor targets, int[] input_lengths, int[] target_lengths, int blank) -> bool",
        "Whether cuDNN would take the arguments; there is none.",
        "
def f(log_probs: Tensor, targets: Tensor, input_lengths: List[int], target_lengths: List[int], blank: int) -> bool:
    return False
",
    ),
    (
        "aten::_use_cudnn_ctc_loss.Tensor(Tensor log_probs, Tensor targets, Tensor input_lengths, Tensor target_lengths, int blank) -> bool",
        "Whether cuDNN would take the arguments; there is none.",
        "
def f(log_probs: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: Tensor, blank: int) -> bool:
    return False
",
    ),
    (
        "aten::_autocast_to_reduced_precision(Tensor(a) self, bool cuda_enabled, bool cpu_enabled, ScalarType cuda_dtype, ScalarType cpu_dtype) -> Tensor(a)",
        "The tensor in the dtype of automatic mixed precision.",
        "
def f(self: Tensor, cuda_enabled: bool, cpu_enabled: bool, cuda_dtype: int, cpu_dtype: int) -> Tensor:
    if cpu_enabled and self.dtype == torch.float32:
        return self.to(cpu_dtype)
    return self
",
    ),
];
