"""Writes `python/flambeau/__init__.pyi` from the operator table: every operator as a method and as a function.

Run it with an interpreter that has the built package: `python make_stubs.py`.
"""

import collections
import keyword
import pathlib
import re

from flambeau import _flambeau

PACKAGE = pathlib.Path(__file__).parent / "python" / "flambeau"
# Written by hand: everything of the package that is no operator.
BASE = (PACKAGE / "_tensor.pyi").read_text()
WRITTEN = set(re.findall(r"^    (?:def )?(\w+)(?=[(:])", BASE[BASE.index("class TensorBase") :], re.MULTILINE))
NAMES = re.findall(r"^(?:class |def )?(\w+)(?=[(:])", BASE, re.MULTILINE)

HEAD = """# Made by make_stubs.py from the operator table; what is no operator is in _tensor.pyi.
from collections.abc import Sequence
from typing import Any, overload

from . import jit as jit
from ._tensor import (
%(imports)s
)

_int = int
_float = float
_bool = bool
__version__: str

class Tensor(TensorBase):
"""

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
    if skip_self and not found[1].startswith("Tensor"):
        return None
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
    functions = {k: v for k, v in by_name.items() if k not in NAMES and k != "jit"}
    # `bool` and its like stay Python's in this file.
    imports = "\n".join(f"    {n} as {n}," for n in NAMES if n != "Tensor")
    text = HEAD % {"imports": imports} + definitions(by_name, True) + "\n\n" + definitions(functions, False)
    path = PACKAGE / "__init__.pyi"
    path.write_text(text + "\n")
    print(f"{path}: {len(by_name)} operators")


main()
