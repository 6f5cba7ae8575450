"""What the Rust half asks of Python while it converts values."""

import collections
import enum
import sys
import warnings

from . import _flambeau

# The numbers of the dtypes, and their names in PyTorch.
DTYPES = {
    0: "uint8", 1: "int8", 2: "int16", 3: "int32", 4: "int64", 5: "float16", 6: "float32", 7: "float64",
    8: "complex32", 9: "complex64", 10: "complex128", 11: "bool", 12: "qint8", 13: "quint8", 14: "qint32",
    15: "bfloat16",
}  # fmt: skip
# Numbers of dtypes that no tensor here can have, but that programs name.
_FOREIGN = {
    16: "quint4x2", 17: "quint2x4", 18: "bits1x8", 19: "bits2x4", 20: "bits4x2", 21: "bits8", 22: "bits16",
    23: "float8_e5m2", 24: "float8_e4m3fn", 25: "float8_e5m2fnuz", 26: "float8_e4m3fnuz", 27: "uint16", 28: "uint32",
    29: "uint64", 44: "float8_e8m0fnu", 45: "float4_e2m1fn_x2",
}  # fmt: skip
_NUMPY = {
    "uint8": 0, "int8": 1, "int16": 2, "int32": 3, "int64": 4, "float16": 5, "float32": 6, "float64": 7,
    "complex64": 9, "complex128": 10, "bool": 11,
}  # fmt: skip
_LAYOUTS = {"torch.strided": 0, "torch.sparse_coo": 1, "torch.sparse_csr": 2, "torch._mkldnn": 3}
_FORMATS = {
    "torch.contiguous_format": 0, "torch.preserve_format": 1, "torch.channels_last": 2, "torch.channels_last_3d": 3,
}  # fmt: skip

_torch_codes = {}
# Types of Python classes, by class, and classes by the types' names; the compiler fills both.
enum_types = {}
classes = {}


def torch():
    """PyTorch, if the program has imported it."""
    module = sys.modules.get("torch")
    return module if module is not None and hasattr(module, "Tensor") else None


def has_torch():
    return torch() is not None


def torch_code(dtype):
    """The number of a dtype of PyTorch."""
    if not _torch_codes:
        for code, name in {**DTYPES, **_FOREIGN}.items():
            found = getattr(torch(), name, None)
            if found is not None:
                _torch_codes[found] = code
    return _torch_codes.get(dtype)


def from_torch(tensor):
    """A tensor over the memory of one of PyTorch's, which it keeps alive."""
    t = torch()
    if tensor.device.type != "cpu":
        raise RuntimeError(f"expected a tensor on the CPU, found one on {tensor.device}")
    if tensor.layout != t.strided:
        raise RuntimeError(f"expected a dense tensor, found one of layout {tensor.layout}")
    code = torch_code(tensor.dtype)
    if code not in DTYPES:
        raise TypeError(f"the dtype {tensor.dtype} is not supported")
    memory = tensor.detach() if tensor.requires_grad else tensor
    if memory.is_conj() or memory.is_neg():
        memory = memory.resolve_conj().resolve_neg()
    return _flambeau.tensor_from_pointer(
        memory, memory.data_ptr(), list(memory.shape), list(memory.stride()), code, tensor.requires_grad
    )


def from_numpy(array):
    code = _NUMPY.get(array.dtype.name)
    if code is None or not array.dtype.isnative:
        raise TypeError(f"can't convert a NumPy array of dtype {array.dtype}")
    item = array.itemsize
    strides = [s // item for s in array.strides]
    if any(s % item for s in array.strides):
        raise ValueError("given numpy array strides not a multiple of the element byte size")
    pointer = array.__array_interface__["data"][0]
    return _flambeau.tensor_from_pointer(array, pointer, list(array.shape), strides, code, False)


def to_torch(tensor):
    """One of PyTorch's over the memory of a tensor, which it keeps alive."""
    t = torch()
    if tensor._dtype in (12, 13, 14):
        raise RuntimeError("quantised tensors cannot be given to PyTorch")
    result = t.utils.dlpack.from_dlpack(tensor.__dlpack__())
    if tensor.requires_grad and (result.is_floating_point() or result.is_complex()):
        result.requires_grad_(True)
    return result


def to_value(value):
    """A Python object as something that the Rust half knows; the object itself if there is nothing."""
    cls = type(value)
    t = torch()
    if t is not None:
        if isinstance(value, t.Tensor):
            return from_torch(value)
        if isinstance(value, t.dtype):
            return torch_code(value) if torch_code(value) is not None else value
        if isinstance(value, t.device):
            return _flambeau.Value.device(str(value))
        if isinstance(value, t.layout):
            return _LAYOUTS.get(str(value), value)
        if isinstance(value, t.memory_format):
            return _FORMATS.get(str(value), value)
        if isinstance(value, t.Generator):
            return generator(value)
    inner = getattr(value, "_flambeau_object", None)
    if inner is not None:
        return inner
    if isinstance(value, enum.Enum):
        from .jit import _types

        return _flambeau.Value.enum_member(_types.enum_type(cls), value.name)
    if isinstance(value, bool):
        return bool(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, collections.abc.Mapping):
        return dict(value)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        if isinstance(value, numpy.ndarray):
            return from_numpy(value)
        if isinstance(value, numpy.generic):
            return value.item()
    from .jit import _types

    ty = next((_types.class_types[c] for c in cls.__mro__ if c in _types.class_types), None)
    if ty is not None:
        # A subclass counts as the script class that it derives from.
        return _flambeau.make_object(ty, {k: v for k, v in vars(value).items()})
    if hasattr(value, "__dlpack__"):
        if numpy is None:
            import numpy
        return from_numpy(numpy.from_dlpack(value))
    return value


def check_any(value):
    """Refuses containers whose type cannot be told from what is in them."""
    if not isinstance(value, (list, dict, tuple)):
        return
    from .jit import _types

    try:
        _types.infer(value)
    except _types.CannotInfer as error:
        raise RuntimeError(f"Tracer cannot infer type of {value!r}\n:{error}") from None


_generators = {}


def generator(value):
    """Flambeau's generator that stands for one of PyTorch's."""
    key = id(value)
    if key not in _generators:
        _generators[key] = (_flambeau.new_generator(), value)
    return _generators[key][0]


def named_tuple(name, fields, items):
    from .jit import _types

    cls = classes.get(name)
    if cls is None or getattr(cls, "_fields", None) != tuple(fields):
        short = name.rsplit(".", 1)[-1] or "namedtuple"
        cls = _types.result_tuple(short, tuple(fields))
    return cls(*items)


def enum_member(name, member, value):
    cls = classes.get(name)
    if cls is None:
        short = name.rsplit(".", 1)[-1]
        cls = classes[name] = enum.Enum(short, {member: value})
    if member in cls.__members__:
        return cls[member]
    return value


def device(text):
    t = torch()
    return t.device(text) if t is not None else Device(text)


class Device:
    """Where tensors live, where PyTorch's `device` is not at hand."""

    def __init__(self, text="cpu"):
        self._flambeau_object = _flambeau.Value.device(str(text))
        self.type, _, index = str(text).partition(":")
        self.index = int(index) if index else None

    def __str__(self):
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self):
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __eq__(self, other):
        return str(self) == str(other)

    def __hash__(self):
        return hash(str(self))


def wrap_object(inner):
    from .jit import _modules

    return _modules.wrap(inner)


def wrap_value(value, as_torch):
    if str(value.type_).startswith("Future"):
        from .jit import Future

        return Future(value, as_torch)
    return value


def write(text):
    sys.stdout.write(text)


def warn(text):
    warnings.warn(text, UserWarning, stacklevel=2)
