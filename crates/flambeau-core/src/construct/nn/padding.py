# Padding.
from typing import Tuple

from torch import Tensor
from torch.nn import functional as F
from torch.nn.modules.module import Module
from torch.nn.modules.utils import _repeated


class _PadNd(Module):
    __constants__ = ["padding"]
    # Two for each dimension that is padded.
    _sides = 2

    def __init__(self, padding):
        super().__init__()
        self.padding = _repeated(padding, self._sides)


class _ConstantPadNd(_PadNd):
    __constants__ = ["padding", "value"]
    value: float

    def __init__(self, padding, value):
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)


class ConstantPad1d(_ConstantPadNd):
    padding: Tuple[int, int]
    _sides = 2


class ZeroPad1d(ConstantPad1d):
    padding: Tuple[int, int]

    def __init__(self, padding):
        super().__init__(padding, 0.0)


class ConstantPad2d(_ConstantPadNd):
    padding: Tuple[int, int, int, int]
    _sides = 4


class ZeroPad2d(ConstantPad2d):
    padding: Tuple[int, int, int, int]

    def __init__(self, padding):
        super().__init__(padding, 0.0)


class ConstantPad3d(_ConstantPadNd):
    padding: Tuple[int, int, int, int, int, int]
    _sides = 6


class ZeroPad3d(ConstantPad3d):
    padding: Tuple[int, int, int, int, int, int]

    def __init__(self, padding):
        super().__init__(padding, 0.0)


class _ReflectionPadNd(_PadNd):
    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "reflect")


class ReflectionPad1d(_ReflectionPadNd):
    padding: Tuple[int, int]
    _sides = 2


class ReflectionPad2d(_ReflectionPadNd):
    padding: Tuple[int, int, int, int]
    _sides = 4


class ReflectionPad3d(_ReflectionPadNd):
    padding: Tuple[int, int, int, int, int, int]
    _sides = 6


class _ReplicationPadNd(_PadNd):
    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "replicate")


class ReplicationPad1d(_ReplicationPadNd):
    padding: Tuple[int, int]
    _sides = 2


class ReplicationPad2d(_ReplicationPadNd):
    padding: Tuple[int, int, int, int]
    _sides = 4


class ReplicationPad3d(_ReplicationPadNd):
    padding: Tuple[int, int, int, int, int, int]
    _sides = 6


class _CircularPadNd(_PadNd):
    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "circular")


class CircularPad1d(_CircularPadNd):
    padding: Tuple[int, int]
    _sides = 2


class CircularPad2d(_CircularPadNd):
    padding: Tuple[int, int, int, int]
    _sides = 4


class CircularPad3d(_CircularPadNd):
    padding: Tuple[int, int, int, int, int, int]
    _sides = 6
