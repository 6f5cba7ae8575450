//! Gradients of what looks through windows: pooling, padding, resampling, `unfold`.

/// The last dimensions one after another: each element goes back to where padding positions had taken it from.
const REFLECTION: &str = "
def f(grad_output: Tensor, self: Tensor, padding: List[int]) -> Tensor:
    x = grad_output
    for i in range(len(padding) // 2):
        n = self.size(-1 - i)
        at = torch.reflection_pad1d(torch.arange(n, dtype=torch.float64).reshape([1, 1, n]), [padding[2 * i], padding[2 * i + 1]]).to(torch.int64).reshape([-1])
        size = list(x.size())
        size[-1 - i] = n
        x = torch.zeros(size, dtype=x.dtype).index_add(-1 - i, at, x)
    return x
";

const REPLICATION: &str = "
def f(grad_output: Tensor, self: Tensor, padding: List[int]) -> Tensor:
    x = grad_output
    for i in range(len(padding) // 2):
        n = self.size(-1 - i)
        at = torch.replication_pad1d(torch.arange(n, dtype=torch.float64).reshape([1, 1, n]), [padding[2 * i], padding[2 * i + 1]]).to(torch.int64).reshape([-1])
        size = list(x.size())
        size[-1 - i] = n
        x = torch.zeros(size, dtype=x.dtype).index_add(-1 - i, at, x)
    return x
";

pub(super) const FORMS: &[(&str, &str, &str)] = &[
    (
        "aten::embedding_dense_backward(Tensor grad_output, Tensor indices, SymInt num_weights, SymInt padding_idx, bool scale_grad_by_freq) -> Tensor",
        "The gradient of `embedding` with respect to its table.",
        "
def f(grad_output: Tensor, indices: Tensor, num_weights: int, padding_idx: int, scale_grad_by_freq: bool) -> Tensor:
    places = indices.reshape([-1])
    rows = grad_output.reshape([places.numel(), -1])
    keep = places != padding_idx
    if scale_grad_by_freq:
        counts = torch.bincount(places, None, num_weights)
        rows = rows / counts[places].unsqueeze(-1)
    out = torch.zeros([num_weights, rows.size(1)], dtype=grad_output.dtype)
    return out.index_add(0, places[keep], rows[keep].to(grad_output.dtype))
",
    ),
    (
        "aten::embedding_backward(Tensor grad, Tensor indices, SymInt num_weights, SymInt padding_idx, bool scale_grad_by_freq, bool sparse) -> Tensor",
        "The gradient of `embedding` with respect to its table.",
        "
def f(grad: Tensor, indices: Tensor, num_weights: int, padding_idx: int, scale_grad_by_freq: bool, sparse: bool) -> Tensor:
    places = indices.reshape([-1])
    rows = grad.reshape([places.numel(), -1])
    keep = places != padding_idx
    if scale_grad_by_freq:
        counts = torch.bincount(places, None, num_weights)
        rows = rows / counts[places].unsqueeze(-1)
    out = torch.zeros([num_weights, rows.size(1)], dtype=grad.dtype)
    return out.index_add(0, places[keep], rows[keep].to(grad.dtype))
",
    ),
    (
        "aten::_adaptive_avg_pool2d_backward(Tensor grad_output, Tensor self) -> Tensor",
        "The gradient of `adaptive_avg_pool2d`.",
        "
def f(grad_output: Tensor, self: Tensor) -> Tensor:
    x = grad_output
    x = torch.matmul(torch.adaptive_avg_pool1d(torch.eye(self.size(-2), dtype=grad_output.dtype).unsqueeze(0), [grad_output.size(-2)])[0], x.transpose(-2, -2)).transpose(-2, -2)
    x = torch.matmul(x, (torch.adaptive_avg_pool1d(torch.eye(self.size(-1), dtype=grad_output.dtype).unsqueeze(0), [grad_output.size(-1)])[0]).t())
    return x.contiguous()
",
    ),
    (
        "aten::avg_pool2d_backward(Tensor grad_output, Tensor self, int[2] kernel_size, int[2] stride, int[2] padding, bool ceil_mode, bool count_include_pad, int? divisor_override) -> Tensor",
        "The gradient of `avg_pool2d`.",
        "
def f(grad_output: Tensor, self: Tensor, kernel_size: List[int], stride: List[int], padding: List[int], ceil_mode: bool, count_include_pad: bool, divisor_override: Optional[int]) -> Tensor:
    k = kernel_size if len(kernel_size) == 2 else kernel_size * 2
    s = k if len(stride) == 0 else (stride if len(stride) == 2 else stride * 2)
    p = padding if len(padding) == 2 else padding * 2
    x = grad_output
    x = torch.matmul(torch.avg_pool1d(torch.eye(self.size(-2), dtype=grad_output.dtype).unsqueeze(0), [k[0]], [s[0]], [p[0]], ceil_mode, count_include_pad)[0], x.transpose(-2, -2)).transpose(-2, -2)
    x = torch.matmul(x, (torch.avg_pool1d(torch.eye(self.size(-1), dtype=grad_output.dtype).unsqueeze(0), [k[1]], [s[1]], [p[1]], ceil_mode, count_include_pad)[0]).t())
    if divisor_override is None:
        return x.contiguous()
    x = grad_output
    x = torch.matmul((torch.avg_pool1d(torch.eye(self.size(-2), dtype=grad_output.dtype).unsqueeze(0), [k[0]], [s[0]], [p[0]], ceil_mode, count_include_pad)[0] > 0).to(grad_output.dtype), x.transpose(-2, -2)).transpose(-2, -2)
    x = torch.matmul(x, ((torch.avg_pool1d(torch.eye(self.size(-1), dtype=grad_output.dtype).unsqueeze(0), [k[1]], [s[1]], [p[1]], ceil_mode, count_include_pad)[0] > 0).to(grad_output.dtype)).t())
    return (x / divisor_override).contiguous()
",
    ),
    (
        "aten::adaptive_max_pool2d_backward(Tensor grad_output, Tensor self, Tensor indices) -> Tensor",
        "The gradient of `adaptive_max_pool2d`.",
        "
def f(grad_output: Tensor, self: Tensor, indices: Tensor) -> Tensor:
    flat = torch.zeros_like(self).flatten(-2)
    flat = flat.scatter_add(-1, indices.flatten(-2), grad_output.flatten(-2))
    return flat.reshape(self.size())
",
    ),
    (
        "aten::_adaptive_avg_pool3d_backward(Tensor grad_output, Tensor self) -> Tensor",
        "The gradient of `adaptive_avg_pool3d`.",
        "
def f(grad_output: Tensor, self: Tensor) -> Tensor:
    x = grad_output
    x = torch.matmul(torch.adaptive_avg_pool1d(torch.eye(self.size(-3), dtype=grad_output.dtype).unsqueeze(0), [grad_output.size(-3)])[0], x.transpose(-3, -2)).transpose(-3, -2)
    x = torch.matmul(torch.adaptive_avg_pool1d(torch.eye(self.size(-2), dtype=grad_output.dtype).unsqueeze(0), [grad_output.size(-2)])[0], x.transpose(-2, -2)).transpose(-2, -2)
    x = torch.matmul(x, (torch.adaptive_avg_pool1d(torch.eye(self.size(-1), dtype=grad_output.dtype).unsqueeze(0), [grad_output.size(-1)])[0]).t())
    return x.contiguous()
",
    ),
    (
        "aten::avg_pool3d_backward(Tensor grad_output, Tensor self, int[3] kernel_size, int[3] stride, int[3] padding, bool ceil_mode, bool count_include_pad, int? divisor_override) -> Tensor",
        "The gradient of `avg_pool3d`.",
        "
def f(grad_output: Tensor, self: Tensor, kernel_size: List[int], stride: List[int], padding: List[int], ceil_mode: bool, count_include_pad: bool, divisor_override: Optional[int]) -> Tensor:
    k = kernel_size if len(kernel_size) == 3 else kernel_size * 3
    s = k if len(stride) == 0 else (stride if len(stride) == 3 else stride * 3)
    p = padding if len(padding) == 3 else padding * 3
    x = grad_output
    x = torch.matmul(torch.avg_pool1d(torch.eye(self.size(-3), dtype=grad_output.dtype).unsqueeze(0), [k[0]], [s[0]], [p[0]], ceil_mode, count_include_pad)[0], x.transpose(-3, -2)).transpose(-3, -2)
    x = torch.matmul(torch.avg_pool1d(torch.eye(self.size(-2), dtype=grad_output.dtype).unsqueeze(0), [k[1]], [s[1]], [p[1]], ceil_mode, count_include_pad)[0], x.transpose(-2, -2)).transpose(-2, -2)
    x = torch.matmul(x, (torch.avg_pool1d(torch.eye(self.size(-1), dtype=grad_output.dtype).unsqueeze(0), [k[2]], [s[2]], [p[2]], ceil_mode, count_include_pad)[0]).t())
    if divisor_override is None:
        return x.contiguous()
    x = grad_output
    x = torch.matmul((torch.avg_pool1d(torch.eye(self.size(-3), dtype=grad_output.dtype).unsqueeze(0), [k[0]], [s[0]], [p[0]], ceil_mode, count_include_pad)[0] > 0).to(grad_output.dtype), x.transpose(-3, -2)).transpose(-3, -2)
    x = torch.matmul((torch.avg_pool1d(torch.eye(self.size(-2), dtype=grad_output.dtype).unsqueeze(0), [k[1]], [s[1]], [p[1]], ceil_mode, count_include_pad)[0] > 0).to(grad_output.dtype), x.transpose(-2, -2)).transpose(-2, -2)
    x = torch.matmul(x, ((torch.avg_pool1d(torch.eye(self.size(-1), dtype=grad_output.dtype).unsqueeze(0), [k[2]], [s[2]], [p[2]], ceil_mode, count_include_pad)[0] > 0).to(grad_output.dtype)).t())
    return (x / divisor_override).contiguous()
",
    ),
    (
        "aten::adaptive_max_pool3d_backward(Tensor grad_output, Tensor self, Tensor indices) -> Tensor",
        "The gradient of `adaptive_max_pool3d`.",
        "
def f(grad_output: Tensor, self: Tensor, indices: Tensor) -> Tensor:
    flat = torch.zeros_like(self).flatten(-3)
    flat = flat.scatter_add(-1, indices.flatten(-3), grad_output.flatten(-3))
    return flat.reshape(self.size())
",
    ),
    (
        "aten::reflection_pad1d_backward(Tensor grad_output, Tensor self, SymInt[2] padding) -> Tensor",
        "The gradient of `reflection_pad1d`.",
        REFLECTION,
    ),
    (
        "aten::reflection_pad2d_backward(Tensor grad_output, Tensor self, SymInt[4] padding) -> Tensor",
        "The gradient of `reflection_pad2d`.",
        REFLECTION,
    ),
    (
        "aten::reflection_pad3d_backward(Tensor grad_output, Tensor self, SymInt[6] padding) -> Tensor",
        "The gradient of `reflection_pad3d`.",
        REFLECTION,
    ),
    (
        "aten::replication_pad1d_backward(Tensor grad_output, Tensor self, SymInt[2] padding) -> Tensor",
        "The gradient of `replication_pad1d`.",
        REPLICATION,
    ),
    (
        "aten::replication_pad2d_backward(Tensor grad_output, Tensor self, SymInt[4] padding) -> Tensor",
        "The gradient of `replication_pad2d`.",
        REPLICATION,
    ),
    (
        "aten::replication_pad3d_backward(Tensor grad_output, Tensor self, SymInt[6] padding) -> Tensor",
        "The gradient of `replication_pad3d`.",
        REPLICATION,
    ),
    (
        "aten::upsample_nearest1d_backward(Tensor grad_output, SymInt[1] output_size, SymInt[3] input_size, float? scales=None) -> Tensor",
        "The gradient of `upsample_nearest1d`.",
        "
def f(grad_output: Tensor, output_size: List[int], input_size: List[int], scales: Optional[float]) -> Tensor:
    x = grad_output
    x = torch.matmul(x, (torch.upsample_nearest1d(torch.eye(input_size[2], dtype=grad_output.dtype).unsqueeze(0), [output_size[0]], scales)[0]).t())
    return x.contiguous()
",
    ),
    (
        "aten::upsample_nearest2d_backward(Tensor grad_output, SymInt[2] output_size, SymInt[4] input_size, float? scales_h=None, float? scales_w=None) -> Tensor",
        "The gradient of `upsample_nearest2d`.",
        "
def f(grad_output: Tensor, output_size: List[int], input_size: List[int], scales_h: Optional[float], scales_w: Optional[float]) -> Tensor:
    x = grad_output
    x = torch.matmul(torch.upsample_nearest1d(torch.eye(input_size[2], dtype=grad_output.dtype).unsqueeze(0), [output_size[0]], scales_h)[0], x.transpose(-2, -2)).transpose(-2, -2)
    x = torch.matmul(x, (torch.upsample_nearest1d(torch.eye(input_size[3], dtype=grad_output.dtype).unsqueeze(0), [output_size[1]], scales_w)[0]).t())
    return x.contiguous()
",
    ),
    (
        "aten::upsample_nearest3d_backward(Tensor grad_output, SymInt[3] output_size, SymInt[5] input_size, float? scales_d=None, float? scales_h=None, float? scales_w=None) -> Tensor",
        "The gradient of `upsample_nearest3d`.",
        "
def f(grad_output: Tensor, output_size: List[int], input_size: List[int], scales_d: Optional[float], scales_h: Optional[float], scales_w: Optional[float]) -> Tensor:
    x = grad_output
    x = torch.matmul(torch.upsample_nearest1d(torch.eye(input_size[2], dtype=grad_output.dtype).unsqueeze(0), [output_size[0]], scales_d)[0], x.transpose(-3, -2)).transpose(-3, -2)
    x = torch.matmul(torch.upsample_nearest1d(torch.eye(input_size[3], dtype=grad_output.dtype).unsqueeze(0), [output_size[1]], scales_h)[0], x.transpose(-2, -2)).transpose(-2, -2)
    x = torch.matmul(x, (torch.upsample_nearest1d(torch.eye(input_size[4], dtype=grad_output.dtype).unsqueeze(0), [output_size[2]], scales_w)[0]).t())
    return x.contiguous()
",
    ),
    (
        "aten::_upsample_nearest_exact1d_backward(Tensor grad_output, SymInt[1] output_size, SymInt[3] input_size, float? scales=None) -> Tensor",
        "The gradient of `_upsample_nearest_exact1d`.",
        "
def f(grad_output: Tensor, output_size: List[int], input_size: List[int], scales: Optional[float]) -> Tensor:
    x = grad_output
    x = torch.matmul(x, (torch._upsample_nearest_exact1d(torch.eye(input_size[2], dtype=grad_output.dtype).unsqueeze(0), [output_size[0]], scales)[0]).t())
    return x.contiguous()
",
    ),
    (
        "aten::_upsample_nearest_exact2d_backward(Tensor grad_output, SymInt[2] output_size, SymInt[4] input_size, float? scales_h=None, float? scales_w=None) -> Tensor",
        "The gradient of `_upsample_nearest_exact2d`.",
        "
def f(grad_output: Tensor, output_size: List[int], input_size: List[int], scales_h: Optional[float], scales_w: Optional[float]) -> Tensor:
    x = grad_output
    x = torch.matmul(torch._upsample_nearest_exact1d(torch.eye(input_size[2], dtype=grad_output.dtype).unsqueeze(0), [output_size[0]], scales_h)[0], x.transpose(-2, -2)).transpose(-2, -2)
    x = torch.matmul(x, (torch._upsample_nearest_exact1d(torch.eye(input_size[3], dtype=grad_output.dtype).unsqueeze(0), [output_size[1]], scales_w)[0]).t())
    return x.contiguous()
",
    ),
    (
        "aten::_upsample_nearest_exact3d_backward(Tensor grad_output, SymInt[3] output_size, SymInt[5] input_size, float? scales_d=None, float? scales_h=None, float? scales_w=None) -> Tensor",
        "The gradient of `_upsample_nearest_exact3d`.",
        "
def f(grad_output: Tensor, output_size: List[int], input_size: List[int], scales_d: Optional[float], scales_h: Optional[float], scales_w: Optional[float]) -> Tensor:
    x = grad_output
    x = torch.matmul(torch._upsample_nearest_exact1d(torch.eye(input_size[2], dtype=grad_output.dtype).unsqueeze(0), [output_size[0]], scales_d)[0], x.transpose(-3, -2)).transpose(-3, -2)
    x = torch.matmul(torch._upsample_nearest_exact1d(torch.eye(input_size[3], dtype=grad_output.dtype).unsqueeze(0), [output_size[1]], scales_h)[0], x.transpose(-2, -2)).transpose(-2, -2)
    x = torch.matmul(x, (torch._upsample_nearest_exact1d(torch.eye(input_size[4], dtype=grad_output.dtype).unsqueeze(0), [output_size[2]], scales_w)[0]).t())
    return x.contiguous()
",
    ),
    (
        "aten::upsample_linear1d_backward(Tensor grad_output, SymInt[1] output_size, SymInt[3] input_size, bool align_corners, float? scales=None) -> Tensor",
        "The gradient of `upsample_linear1d`.",
        "
def f(grad_output: Tensor, output_size: List[int], input_size: List[int], align_corners: bool, scales: Optional[float]) -> Tensor:
    x = grad_output
    x = torch.matmul(x, (torch.upsample_linear1d(torch.eye(input_size[2], dtype=grad_output.dtype).unsqueeze(0), [output_size[0]], align_corners, scales)[0]).t())
    return x.contiguous()
",
    ),
    (
        "aten::upsample_bilinear2d_backward(Tensor grad_output, SymInt[2] output_size, SymInt[4] input_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor",
        "The gradient of `upsample_bilinear2d`.",
        "
def f(grad_output: Tensor, output_size: List[int], input_size: List[int], align_corners: bool, scales_h: Optional[float], scales_w: Optional[float]) -> Tensor:
    x = grad_output
    x = torch.matmul(torch.upsample_linear1d(torch.eye(input_size[2], dtype=grad_output.dtype).unsqueeze(0), [output_size[0]], align_corners, scales_h)[0], x.transpose(-2, -2)).transpose(-2, -2)
    x = torch.matmul(x, (torch.upsample_linear1d(torch.eye(input_size[3], dtype=grad_output.dtype).unsqueeze(0), [output_size[1]], align_corners, scales_w)[0]).t())
    return x.contiguous()
",
    ),
    (
        "aten::upsample_trilinear3d_backward(Tensor grad_output, SymInt[3] output_size, SymInt[5] input_size, bool align_corners, float? scales_d=None, float? scales_h=None, float? scales_w=None) -> Tensor",
        "The gradient of `upsample_trilinear3d`.",
        "
def f(grad_output: Tensor, output_size: List[int], input_size: List[int], align_corners: bool, scales_d: Optional[float], scales_h: Optional[float], scales_w: Optional[float]) -> Tensor:
    x = grad_output
    x = torch.matmul(torch.upsample_linear1d(torch.eye(input_size[2], dtype=grad_output.dtype).unsqueeze(0), [output_size[0]], align_corners, scales_d)[0], x.transpose(-3, -2)).transpose(-3, -2)
    x = torch.matmul(torch.upsample_linear1d(torch.eye(input_size[3], dtype=grad_output.dtype).unsqueeze(0), [output_size[1]], align_corners, scales_h)[0], x.transpose(-2, -2)).transpose(-2, -2)
    x = torch.matmul(x, (torch.upsample_linear1d(torch.eye(input_size[4], dtype=grad_output.dtype).unsqueeze(0), [output_size[2]], align_corners, scales_w)[0]).t())
    return x.contiguous()
",
    ),
    (
        "aten::upsample_bicubic2d_backward(Tensor grad_output, SymInt[2] output_size, SymInt[4] input_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor",
        "The gradient of `upsample_bicubic2d`.",
        "
def f(grad_output: Tensor, output_size: List[int], input_size: List[int], align_corners: bool, scales_h: Optional[float], scales_w: Optional[float]) -> Tensor:
    x = grad_output
    x = torch.matmul(torch.upsample_bicubic2d(torch.eye(input_size[2], dtype=grad_output.dtype).unsqueeze(0).unsqueeze(-1), [output_size[0], 1], align_corners, scales_h, None)[0].squeeze(-1), x.transpose(-2, -2)).transpose(-2, -2)
    x = torch.matmul(x, (torch.upsample_bicubic2d(torch.eye(input_size[3], dtype=grad_output.dtype).unsqueeze(0).unsqueeze(-1), [output_size[1], 1], align_corners, scales_w, None)[0].squeeze(-1)).t())
    return x.contiguous()
",
    ),
    (
        "aten::unfold_backward(Tensor grad_in, SymInt[] input_sizes, int dim, int size, int step) -> Tensor",
        "The gradient of `unfold`.",
        "
def f(grad_in: Tensor, input_sizes: List[int], dim: int, size: int, step: int) -> Tensor:
    out = torch.zeros(input_sizes, dtype=grad_in.dtype)
    if len(input_sizes) == 0:
        return out + grad_in.sum()
    at = dim if dim >= 0 else dim + len(input_sizes)
    windows = grad_in.size(at)
    for i in range(windows):
        out.narrow(at, i * step, size).add_(grad_in.select(at, i).movedim(-1, at))
    return out
",
    ),
    (
        "aten::affine_grid_generator_backward(Tensor grad, SymInt[] size, bool align_corners) -> Tensor",
        "The gradient of `affine_grid_generator`.",
        "
def f(grad: Tensor, size: List[int], align_corners: bool) -> Tensor:
    n = len(size) - 2
    eye = torch.zeros([1, n, n + 1], dtype=grad.dtype)
    for i in range(n):
        eye[0, i, i] = 1.0
    base = torch.affine_grid_generator(eye, [1] + size[1:], align_corners).reshape([1, -1, n])
    base = torch.cat([base, torch.ones_like(base.narrow(2, 0, 1))], 2)
    above = grad.reshape([size[0], -1, n])
    return torch.matmul(above.transpose(1, 2), base.expand(size[0], -1, -1))
",
    ),
];
