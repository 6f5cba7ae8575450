"""TorchScript without PyTorch: compiles, loads, runs, shows and saves it.

`flambeau.jit` has the names of `torch.jit`. Where PyTorch is imported its tensors and modules go in and come out;
without it there is `flambeau.Tensor`, with the operators as methods and as functions of this module.
"""

from . import _flambeau, _tensor
from ._errors import Error, FrontendError, NotSupportedError, UnsupportedNodeError
from ._flambeau import Tensor, __version__, manual_seed
from ._hooks import Device as device
from ._tensor import DType, as_tensor, from_dlpack, from_numpy, tensor

globals().update(_tensor.DTYPES)

__all__ = [
    "DType", "Error", "FrontendError", "NotSupportedError", "Tensor", "UnsupportedNodeError", "as_tensor", "device",
    "from_dlpack", "from_numpy", "install", "jit", "manual_seed", "tensor",
]  # fmt: skip


def __getattr__(name):
    """Submodules on first use, and every operator as a function."""
    import importlib

    if name in ("jit",):
        return importlib.import_module(f"{__name__}.{name}")
    if not name.startswith("__"):
        operator = f"aten::{name}"
        if _flambeau.has_operator(operator):
            function = _tensor.operator_function(operator, name)
            globals()[name] = function
            return function
    raise AttributeError(f"module 'flambeau' has no attribute '{name}'")


def install():
    """Puts Flambeau behind the names of `torch.jit`, so that an unchanged program uses it."""
    from . import _install

    _install.install()
