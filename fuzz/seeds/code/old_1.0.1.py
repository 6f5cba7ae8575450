op_version_set = 0
def forward(self,
    x: Tensor) -> Tensor:
  input_2 = torch._convolution(x, getattr(self.net, "0").weight, getattr(self.net, "0").bias, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, False, False, True)
  input_3 = torch.batch_norm(input_2, getattr(self.net, "1").weight, getattr(self.net, "1").bias, getattr(self.net, "1").running_mean, getattr(self.net, "1").running_var, False, 0., 1.0000000000000001e-05, True)
  input = torch.threshold(input_3, 0., 0.)
  _0, _1 = torch.max_pool2d_with_indices(input, [2, 2], [2, 2], [0, 0], [1, 1], False)
  _2 = torch.view(_0, [torch.size(x, 0), -1])
  _3 = torch.eq(torch.dim(_2), 2)
  if _3:
    _4 = torch.__isnot__(self.fc.bias, None)
  else:
    _4 = _3
  if _4:
    _5 = torch._unwrap_optional(self.fc.bias)
    ret_1 = torch.addmm(_5, _2, torch.t(self.fc.weight), beta=1, alpha=1)
    ret = ret_1
  else:
    output_1 = torch.matmul(_2, torch.t(self.fc.weight))
    if torch.__isnot__(self.fc.bias, None):
      _6 = torch._unwrap_optional(self.fc.bias)
      output = torch.add_(output_1, _6, alpha=1)
    else:
      output = output_1
    ret = output
  y = ret
  for i in range(3):
    if bool(torch.gt(torch.sum(y), i)):
      y_1 = torch.add(torch.mul(y, self.scale), i, 1)
      y_3 = y_1
    else:
      y_3 = torch.sub(torch.sigmoid(y), i, 1)
    y = y_3
  return y
def halves(self,
    x: Tensor) -> Tuple[Tensor, int]:
  total = 0
  for i in range(torch.size(x, 0)):
    total = torch.add(total, i)
  _7 = torch.add(x, torch.select(self.seen, 0, 0), alpha=1)
  return (torch.div(_7, 2), total)
