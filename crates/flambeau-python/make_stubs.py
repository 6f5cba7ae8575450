"""Writes `python/flambeau/__init__.pyi` from the operator table: every operator as a method and as a function.

Run it with an interpreter that has the built package: `python make_stubs.py`.
"""

import collections
import keyword
import pathlib
import re

from flambeau import _flambeau

HEAD = '''# Made by make_stubs.py from the operator table.
from collections.abc import Iterator, Sequence
from typing import Any, overload

from . import jit as jit

__version__: str

class DType:
    code: int
    name: str
    @property
    def is_floating_point(self) -> bool: ...
    @property
    def is_complex(self) -> bool: ...

class device:
    type: str
    index: int | None
    def __init__(self, text: str = "cpu") -> None: ...

class Error(RuntimeError): ...
class FrontendError(Exception): ...
class NotSupportedError(FrontendError): ...
class UnsupportedNodeError(NotSupportedError): ...

%(dtypes)s

Number = bool | int | float | complex
Index = Any

def tensor(data: Any, *, dtype: DType | None = None, requires_grad: bool = False) -> Tensor: ...
def as_tensor(data: Any, dtype: DType | None = None) -> Tensor: ...
def from_numpy(array: Any) -> Tensor: ...
def from_dlpack(other: Any) -> Tensor: ...
def manual_seed(seed: int) -> None: ...
def install() -> None: ...

'''

CLASS = '''class Tensor:
    shape: tuple[int, ...]
    dtype: DType
    device: device
    ndim: int
    T: Tensor
    mT: Tensor
    is_quantized: bool
    requires_grad: bool
    def numpy(self) -> Any: ...
    def torch(self) -> Any: ...
    def item(self) -> Number: ...
    def tolist(self) -> Any: ...
    def data_ptr(self) -> int: ...
    def storage_offset(self) -> int: ...
    def dim(self) -> int: ...
    def numel(self) -> int: ...
    def element_size(self) -> int: ...
    def size(self, dim: int | None = None) -> Any: ...
    def stride(self, dim: int | None = None) -> Any: ...
    def to(self, *args: Any, **kwargs: Any) -> Tensor: ...
    def requires_grad_(self, on: bool = True) -> Tensor: ...
    def float(self) -> Tensor: ...
    def double(self) -> Tensor: ...
    def half(self) -> Tensor: ...
    def int(self) -> Tensor: ...
    def long(self) -> Tensor: ...
    def bool(self) -> Tensor: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Tensor]: ...
    def __getitem__(self, index: Index) -> Tensor: ...
    def __setitem__(self, index: Index, value: Any) -> None: ...
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any: ...
    def __dlpack__(self, **options: Any) -> Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...
'''
WRITTEN = set(re.findall(r"def (\w+)", CLASS)) | {"shape", "dtype", "device", "ndim", "T", "mT", "is_quantized", "requires_grad"}

PLAIN = {
    "Tensor": "Tensor", "int": "int", "SymInt": "int", "float": "float", "bool": "bool", "SymBool": "bool",
    "str": "str", "Scalar": "Number", "number": "Number", "complex": "complex", "ScalarType": "DType",
    "Device": "Any", "Layout": "Any", "MemoryFormat": "Any", "Generator": "Any", "None": "None",
}  # fmt: skip
# Inside of the class these names are methods.
SHADOWED = {"int": "_int", "float": "_float", "bool": "_bool"}


def split(text):
    """At commas that are in no bracket."""
    parts, depth, start = [], 0, 0
    quoted = False
    for i, c in enumerate(text):
        if c == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    parts.append(text[start:].strip())
    return [p for p in parts if p]


def annotation(text):
    text = re.sub(r"\([a-z!|\-> *]+\)", "", text).strip()
    if text.endswith("?"):
        return f"{annotation(text[:-1])} | None"
    found = re.fullmatch(r"(.*)\[(\d*)\]", text)
    if found:
        inner = annotation(found[1])
        one = f"{inner} | " if found[2] else ""
        return f"{one}Sequence[{inner}]"
    return PLAIN.get(text, "Any")


def signature(schema, skip_self):
    """Parameters and result in Python's spelling, or None."""
    found = re.fullmatch(r"[\w:.]+\((.*)\) -> (.*)", schema)
    if not found:
        return None
    parameters = []
    for i, part in enumerate(split(found[1])):
        if part in ("*", "..."):
            parameters.append("*" if part == "*" else "*args: Any")
            continue
        declared, _, default = part.partition("=")
        ty, _, name = declared.rpartition(" ")
        if i == 0 and skip_self:
            if name != "self" or not ty.startswith("Tensor"):
                return None
            continue
        if keyword.iskeyword(name):
            name += "_"
        parameters.append(f"{name}: {annotation(ty)}" + (" = ..." if default else ""))
    if parameters and parameters[-1] == "*":
        parameters.pop()
    result = found[2]
    if result == "()":
        result = "None"
    elif result.startswith("("):
        inner = [annotation(p.rpartition(" ")[0] or p) for p in split(result[1:-1])]
        result = f"tuple[{', '.join(inner)}]"
    else:
        result = annotation(result)
    return parameters, result


def definitions(by_name, method):
    lines = []
    for name, schemas in sorted(by_name.items()):
        if keyword.iskeyword(name) or (method and name in WRITTEN):
            continue
        found = [s for s in (signature(s, method) for s in schemas) if s is not None]
        seen = []
        for parameters, result in found:
            text = f"def {name}({', '.join((['self'] if method else []) + parameters)}) -> {result}: ..."
            if text not in seen:
                seen.append(text)
        for text in seen:
            if method:
                for shadowed, alias in SHADOWED.items():
                    text = re.sub(rf"(?<=[:> \[]){shadowed}\b(?!\()", alias, text)
            indent = "    " if method else ""
            lines += [f"{indent}@overload"] * (len(seen) > 1) + [indent + text]
    return "\n".join(lines)


def main():
    by_name = collections.defaultdict(list)
    for full, text in _flambeau.operators():
        namespace, name = full.split("::", 1)
        name, _, overload = name.partition(".")
        if namespace == "aten" and not name.startswith("_") and "out" not in overload and name.isidentifier():
            by_name[name].append(text)
    from flambeau._tensor import DTYPES

    written = {"tensor", "as_tensor", "from_numpy", "from_dlpack", "manual_seed", "install", "device", "jit"}
    functions = {k: v for k, v in by_name.items() if k not in written and k not in DTYPES}
    dtypes = "\n".join(f"{n}: DType" for n in DTYPES if n != "bool")
    aliases = "_int = int\n_float = float\n_bool = bool\n\n"
    text = HEAD % {"dtypes": dtypes} + aliases + CLASS + definitions(by_name, True) + "\n\n" + definitions(functions, False)
    path = pathlib.Path(__file__).parent / "python" / "flambeau" / "__init__.pyi"
    path.write_text(text + "\n")
    print(f"{path}: {len(by_name)} operators")


main()
