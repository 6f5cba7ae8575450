class Features(Module):
  __parameters__ = []
  __buffers__ = ["base", "turned", ]
  base : Tensor
  turned : Tensor
  training : bool
  _is_full_backward_hook : NoneType
  kinds : List[__torch__.Kind]
  kind : __torch__.Kind
  point : __torch__.Point
  maybe : Optional[Tensor]
  deep : Dict[str, List[Tuple[int, Optional[Tensor]]]]
  counter : __torch__.Counter
  quint8 : Tensor
  qint8 : Tensor
  complex : complex
  text : str
  numbers : List[float]
  dtype : int
  strings : Dict[int, str]
  one : __torch__.Same
  two : __torch__.___torch_mangle_0.Same
  step : __torch__.Step
  steps : __torch__.torch.nn.modules.container.ModuleList
  named : __torch__.torch.nn.modules.container.ModuleDict
  packed : __torch__.Packed
  encode : __torch__.torch.nn.modules.linear.Linear
  decode : __torch__.torch.nn.modules.linear.___torch_mangle_1.Linear
  limit : Final[int] = 4
  def forward(self: __torch__.Features,
    x: Tensor) -> Tensor:
    one = self.one
    _0 = (one).forward(x, )
    two = self.two
    y = torch.add(_0, (two).forward(x, ))
    steps = self.steps
    _00 = getattr(steps, "0")
    _1 = getattr(steps, "1")
    _2 = getattr(steps, "2")
    y0 = (_00).forward(y, )
    y1 = (_1).forward(y0, )
    y2 = (_2).forward(y1, )
    named = self.named
    a = named.a
    b = named.b
    y3 = torch.add((a).forward(y2, ), 1)
    y4 = torch.add((b).forward(y3, ), 1)
    step = self.step
    _3 = __torch__.helper((step).forward(y4, ), 0.5, )
    packed = self.packed
    y5 = torch.add(_3, (packed).forward(x, ))
    kind = self.kind
    _4 = torch.eq(kind, __torch__.Kind.MINUS)
    if _4:
      kind0 = self.kind
      y6 = torch.mul(y5, (kind0).value)
    else:
      y6 = y5
    decode = self.decode
    encode = self.encode
    _5 = (decode).forward((encode).forward(y6, ), )
    point = self.point
    _6 = (point)[0]
    point0 = self.point
    y7 = torch.add(_5, torch.mul(_6, (point0)[1]))
    deep = self.deep
    t = ((deep["k"])[1])[1]
    if torch.__isnot__(t, None):
      t0 = unchecked_cast(Tensor, t)
      y8 = torch.add(y7, t0)
    else:
      y8 = y7
    return y8
  def quantised(self: __torch__.Features) -> Tuple[Tensor, Tensor]:
    quint8 = self.quint8
    _5 = torch.dequantize(quint8)
    qint8 = self.qint8
    return (_5, torch.dequantize(qint8))
  def state(self: __torch__.Features) -> Tuple[int, int, __torch__.Kind, str, complex, List[float], Dict[int, str], int, int]:
    counter = self.counter
    n = (counter).hit("x", )
    counter0 = self.counter
    _6 = (counter0).__total_getter()
    kinds = self.kinds
    _7 = kinds[0]
    text = self.text
    complex = self.complex
    numbers = self.numbers
    strings = self.strings
    dtype = self.dtype
    _8 = (n, _6, _7, text, complex, numbers, strings, 4, dtype)
    return _8
  def swap(self: __torch__.Features,
    p: __torch__.Point,
    k: __torch__.Kind,
    m: Optional[int]=None,
    scale: float=2.) -> Tuple[__torch__.Point, __torch__.Kind, float]:
    _9 = torch.mul((p)[0], scale)
    _10 = (p)[1]
    if torch.__isnot__(m, None):
      _11 = unchecked_cast(int, m)
    else:
      _11 = 100
    _12 = __torch__.Point(_9, torch.add(_10, _11))
    if torch.eq(k, __torch__.Kind.MINUS):
      _13 = __torch__.Kind.PLUS
    else:
      _13 = __torch__.Kind.MINUS
    return (_12, _13, scale)
class Counter:
  count : int
  seen : Dict[str, List[int]]
  def __total_getter(self: __torch__.Counter) -> int:
    return self.count
  def __init__(self: __torch__.Counter,
    start: int) -> NoneType:
    self.count = start
    self.seen = annotate(Dict[str, List[int]], {})
    return None
  def hit(self: __torch__.Counter,
    name: str) -> int:
    seen = self.seen
    _14 = torch.__not__(torch.__contains__(seen, name))
    if _14:
      _15 = annotate(List[int], [])
      seen0 = self.seen
      torch._set_item(seen0, name, _15)
    else:
      pass
    count = self.count
    self.count = torch.add(count, 1)
    seen1 = self.seen
    _16 = seen1[name]
    count0 = self.count
    _17 = torch.append(_16, count0)
    return self.count
class Same(Module):
  __parameters__ = ["w", ]
  __buffers__ = []
  w : Tensor
  training : bool
  _is_full_backward_hook : Optional[bool]
  def forward(self: __torch__.Same,
    x: Tensor) -> Tensor:
    w = self.w
    return torch.mul(x, w)
class Shift(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  by : float
  def forward(self: __torch__.Shift,
    x: Tensor) -> Tensor:
    by = self.by
    return torch.add(x, by)
class Double(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  def forward(self: __torch__.Double,
    x: Tensor) -> Tensor:
    return torch.mul(x, 2)
class Packed(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  w : Tensor
  training_only : int
  def forward(self: __torch__.Packed,
    x: Tensor) -> Tensor:
    w = self.w
    _18 = torch.add(x, torch.sum(w))
    training_only = self.training_only
    return torch.add(_18, training_only)
  def __getstate__(self: __torch__.Packed) -> Tuple[Tensor, bool]:
    w = self.w
    _19 = torch.slice(w, 0, None, None, 2)
    training = self.training
    return (_19, training)
  def __setstate__(self: __torch__.Packed,
    state: Tuple[Tensor, bool]) -> NoneType:
    self.w = torch.repeat((state)[0], [2])
    self.training = (state)[1]
    self.training_only = 7
    return None
class Kind(Enum):
  PLUS = 1
  MINUS = -1
class Point(NamedTuple):
  x : Tensor
  n : int
class Step(ModuleInterface):
  def forward(self, x: Tensor) -> Tensor:
    pass
def helper(x: Tensor,
    scale: float=0.5) -> Tensor:
  _20 = torch.mul(__torch__.other(x, ), scale)
  return _20
def other(x: Tensor) -> Tensor:
  return torch.flip(x, [0])
