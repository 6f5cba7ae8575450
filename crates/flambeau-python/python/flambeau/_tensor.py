"""`flambeau.Tensor` in Python: operators as methods, indexing, printing; dtypes; making tensors from data."""

import numbers
import sys

from . import _flambeau, _hooks, _print
from ._flambeau import Tensor, call_operator



class DType:
    """The type of a tensor's elements; counts as its number."""

    def __init__(self, code, name):
        self.code = code
        self.name = name
        self._flambeau_object = code

    def __repr__(self):
        return f"flambeau.{self.name}"

    def __reduce__(self):
        return (dtype_of, (self.code,))

    @property
    def is_floating_point(self):
        return self.code in (5, 6, 7, 15)

    @property
    def is_complex(self):
        return self.code in (8, 9, 10)


_by_code = {code: DType(code, name) for code, name in _hooks.DTYPES.items()}
# For the package's own names; `bool` and its like would hide Python's here.
DTYPES = {dtype.name: dtype for dtype in _by_code.values()}


def dtype_of(code):
    return _by_code[code]


def operator_function(operator, name):
    def function(*args, **kwargs):
        return call_operator(operator, args, kwargs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The operator `{operator}`."
    return function


def _code(dtype):
    if dtype is None:
        return None
    if isinstance(dtype, DType):
        return dtype.code
    code = _hooks.torch_code(dtype) if _hooks.has_torch() else None
    if code is None:
        raise TypeError(f"expected a dtype, found {dtype!r}")
    return code


def _flatten(data, out):
    """Numbers of nested sequences in order; gives the shape."""
    if isinstance(data, numbers.Number):
        out.append(data)
        return ()
    if isinstance(data, Tensor) and data.dim() == 0:
        out.append(data.item())
        return ()
    if not hasattr(data, "__len__") or isinstance(data, (str, bytes, dict)):
        raise TypeError(f"expected numbers or sequences of numbers, found {type(data).__name__}")
    inner = None
    for item in data:
        shape = _flatten(item, out)
        if inner is not None and shape != inner:
            raise ValueError(f"expected sequences of equal length, found lengths {inner} and {shape}")
        inner = shape
    return (len(data), *(inner or ()))


def tensor(data, *, dtype=None, requires_grad=False):
    """A new tensor with a copy of the data."""
    code = _code(dtype)
    if isinstance(data, Tensor):
        made = data.clone() if code is None else data.to(dtype).clone()
    elif hasattr(data, "__array_interface__") or hasattr(data, "__dlpack__"):
        made = as_tensor(data).clone()
        made = made if code is None else made.to(dtype)
    else:
        values = []
        shape = _flatten(data, values)
        if code is None:
            if any(isinstance(v, complex) for v in values):
                code = 9
            elif not values or any(isinstance(v, float) for v in values):
                code = 6
            elif all(isinstance(v, bool) for v in values):
                code = 11
            else:
                code = 4
        made = _flambeau.tensor_from_numbers(values, list(shape), code)
    return made.requires_grad_() if requires_grad else made


def as_tensor(data, dtype=None):
    """The data as a tensor, shared where that is possible."""
    if isinstance(data, Tensor):
        made = data
    elif _hooks.has_torch() and isinstance(data, _hooks.torch().Tensor):
        made = _hooks.from_torch(data)
    elif "numpy" in sys.modules and isinstance(data, sys.modules["numpy"].ndarray):
        made = from_numpy(data)
    elif hasattr(data, "__dlpack__"):
        made = from_dlpack(data)
    else:
        return tensor(data, dtype=dtype)
    return made if dtype is None else made.to(dtype)


def from_numpy(array):
    """A tensor that shares a NumPy array's memory."""
    return _hooks.from_numpy(array)


def from_dlpack(other):
    """A tensor that shares the memory of another library's."""
    if _hooks.has_torch() and isinstance(other, _hooks.torch().Tensor):
        return _hooks.from_torch(other)
    import numpy

    return from_numpy(numpy.from_dlpack(other))


class Size(tuple):
    """A tensor's sizes."""

    def numel(self):
        count = 1
        for size in self:
            count *= size
        return count

    def __repr__(self):
        return f"flambeau.Size({list(self)})"


def _method(name):
    operator = f"aten::{name}"

    def method(self, *args, **kwargs):
        return call_operator(operator, (self, *args), kwargs)

    method.__name__ = name
    method.__qualname__ = f"Tensor.{name}"
    return method


# Bytes of an element, by the dtype's number.
_SIZES = (1, 1, 2, 4, 8, 2, 4, 8, 4, 8, 16, 1, 1, 1, 4, 2)


def _getattr(self, name):
    """Operators become methods when they are first used."""
    if not name.startswith("__") and _flambeau.has_operator(f"aten::{name}"):
        setattr(Tensor, name, _method(name))
        return getattr(self, name)
    raise AttributeError(f"'Tensor' object has no attribute '{name}'")


def _binary(name, reflected=False):
    operator = f"aten::{name}"

    def method(self, other):
        if not isinstance(other, (Tensor, numbers.Number)) and not hasattr(other, "__dlpack__"):
            return NotImplemented
        if reflected:
            other = _flambeau.tensor_from_numbers([other], [], _number_code(other, self)) if isinstance(
                other, numbers.Number
            ) else other
            return call_operator(operator, (other, self))
        return call_operator(operator, (self, other))

    return method


def _number_code(value, beside):
    """The dtype that a number takes beside a tensor."""
    code = beside._dtype
    if isinstance(value, complex):
        return code if code in (8, 9, 10) else 9
    if isinstance(value, float):
        return code if code in (5, 6, 7, 8, 9, 10, 15) else 6
    if isinstance(value, bool):
        return code
    return 4 if code == 11 else code


def _inplace(name):
    operator = f"aten::{name}_"

    def method(self, other):
        return call_operator(operator, (self, other))

    return method


def _to(self, *args, **kwargs):
    args = [a.dtype if isinstance(a, Tensor) else a for a in args]
    return call_operator("aten::to", (self, *args), kwargs)


def _keys(index):
    return index if isinstance(index, tuple) else (index,)


def _is_integral(value):
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _take(self, index):
    """The view that an index selects, and the indices that remain: tensors by dimension, or None."""
    view, dim, advanced = self, 0, []
    keys = list(_keys(index))
    used = 0
    for key in keys:
        if isinstance(key, Tensor) and key._dtype in (0, 11) and key.dim() > 0:
            used += key.dim()
        elif key is not None and key is not Ellipsis and not isinstance(key, bool):
            used += 1
    if used > self.dim():
        raise IndexError(f"too many indices for tensor of dimension {self.dim()}")
    if Ellipsis not in [k for k in keys if not isinstance(k, Tensor) and not hasattr(k, "__len__")]:
        keys.append(Ellipsis)
    for key in keys:
        if key is Ellipsis:
            rest = self.dim() - used
            advanced += [None] * rest
            dim += rest
        elif key is None:
            view = view.unsqueeze(dim)
            advanced.append(None)
            dim += 1
        elif isinstance(key, bool):
            view = view.unsqueeze(dim)
            advanced.append(tensor([key]))
            dim += 1
        elif _is_integral(key):
            view = view.select(dim, int(key))
        elif isinstance(key, slice):
            step = 1 if key.step is None else int(key.step)
            if step <= 0:
                raise ValueError("step must be greater than zero")
            start = None if key.start is None else int(key.start)
            stop = None if key.stop is None else int(key.stop)
            if (start, stop, step) != (None, None, 1):
                view = call_operator("aten::slice", (view, dim, start, stop, step))
            advanced.append(None)
            dim += 1
        else:
            key = as_tensor(key) if not isinstance(key, Tensor) else key
            if key.dim() == 0 and key._dtype not in (0, 11):
                view = view.select(dim, key.item())
                continue
            advanced.append(key)
            dim += key.dim() if key._dtype in (0, 11) else 1
    while advanced and advanced[-1] is None:
        advanced.pop()
    return view, advanced


def _getitem(self, index):
    view, advanced = _take(self, index)
    if advanced:
        return call_operator("aten::index", (view, advanced))
    return call_operator("aten::alias", (self,)) if view is self else view


def _setitem(self, index, value):
    view, advanced = _take(self, index)
    if not isinstance(value, Tensor):
        value = as_tensor(value) if hasattr(value, "__len__") else tensor(value, dtype=dtype_of(self._dtype))
    if value._dtype != self._dtype:
        value = value.to(dtype_of(self._dtype))
    if advanced:
        call_operator("aten::index_put_", (view, advanced, value))
        return
    while value.dim() > view.dim() and value.size(0) == 1:
        value = value.squeeze(0)
    call_operator("aten::copy_", (view, value))


def _numpy(self):
    import numpy

    return numpy.asarray(self)


def _array(self, dtype=None, copy=None):
    import numpy

    class Shared:
        __array_interface__ = self.__array_interface__
        owner = self

    array = numpy.asarray(Shared())
    if dtype is not None:
        array = array.astype(dtype, copy=False)
    return array.copy() if copy else array


def _size(self, dim=None):
    return Size(self._sizes) if dim is None else call_operator("aten::size", (self, dim))


def _stride(self, dim=None):
    return self._strides if dim is None else self._strides[dim]


def _bool(self):
    if Size(self._sizes).numel() != 1:
        raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
    return bool(self.item())


def _iter(self):
    if self.dim() == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter([self.select(0, i) for i in range(len(self))])


def _cast(code):
    def method(self):
        return self.to(dtype_of(code))

    return method


def _equip():
    """Gives the class of the Rust half what is written here."""
    for name, operator in {
        "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide", "mod": "remainder",
        "pow": "pow", "matmul": "matmul", "and": "__and__", "or": "__or__", "xor": "__xor__",
        "lshift": "__lshift__", "rshift": "__rshift__",
    }.items():  # fmt: skip
        setattr(Tensor, f"__{name}__", _binary(operator))
        setattr(Tensor, f"__r{name}__", _binary(operator, True))
        if not operator.startswith("__"):
            setattr(Tensor, f"__i{name}__", _inplace(operator))
    del Tensor.__imatmul__
    for name in ("eq", "ne", "lt", "le", "gt", "ge"):
        setattr(Tensor, f"__{name}__", _binary(name))
    Tensor.__hash__ = object.__hash__
    Tensor.__neg__ = _method("neg")
    Tensor.__pos__ = lambda self: self
    Tensor.__abs__ = _method("abs")
    Tensor.__invert__ = _method("bitwise_not")
    Tensor.__getitem__ = _getitem
    Tensor.__setitem__ = _setitem
    Tensor.__iter__ = _iter
    Tensor.__bool__ = _bool
    Tensor.__float__ = lambda self: float(self.item())
    Tensor.__int__ = lambda self: int(self.item())
    Tensor.__index__ = lambda self: int(self.item())
    Tensor.__complex__ = lambda self: complex(self.item())
    Tensor.__repr__ = _print.text
    Tensor.__array__ = _array
    Tensor.__getattr__ = _getattr
    Tensor.shape = property(lambda self: Size(self._sizes))
    Tensor.dtype = property(lambda self: dtype_of(self._dtype))
    Tensor.device = property(lambda self: _hooks.Device("cpu"))
    Tensor.ndim = property(lambda self: len(self._sizes))
    Tensor.T = property(lambda self: call_operator("aten::numpy_T", (self,)))
    Tensor.mT = property(lambda self: self.transpose(-2, -1))
    Tensor.is_quantized = property(lambda self: self._dtype in (12, 13, 14))
    Tensor.size = _size
    Tensor.stride = _stride
    Tensor.dim = lambda self: len(self._sizes)
    Tensor.numel = lambda self: Size(self._sizes).numel()
    Tensor.element_size = lambda self: _SIZES[self._dtype]
    Tensor.to = _to
    Tensor.numpy = _numpy
    Tensor.torch = lambda self: _hooks.to_torch(self)
    for name, code in {
        "float": 6, "double": 7, "half": 5, "bfloat16": 15, "int": 3, "long": 4, "short": 2, "char": 1, "byte": 0,
        "bool": 11, "cfloat": 9, "cdouble": 10,
    }.items():  # fmt: skip
        setattr(Tensor, name, _cast(code))


_equip()
