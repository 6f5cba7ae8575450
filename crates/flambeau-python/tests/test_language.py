"""The recorded language cases through real Python objects: each case's text is executed, its entry scripted by
Flambeau and called. Needs PyTorch and, in `FLAMBEAU_CONFORMANCE`, the folder of the recordings.

`CASE=modules/ python -m pytest -s test_language.py` shows why cases of one topic fail.
"""

import collections
import contextlib
import difflib
import io
import itertools
import json
import linecache
import math
import os
import pathlib
import re
import sys
import types
import warnings
import zipfile

import pytest

torch = pytest.importorskip("torch")

import flambeau  # noqa: E402
from flambeau import jit  # noqa: E402

FOLDER = os.environ.get("FLAMBEAU_CONFORMANCE")
PINS = pathlib.Path(__file__).with_name("language.pins.json")


@contextlib.contextmanager
def installed():
    """Flambeau behind `torch.jit` for a while; other tests compare with PyTorch's own."""
    from flambeau import _install

    have = {n: getattr(torch.jit, n) for n in jit.__all__ if hasattr(torch.jit, n)}
    modules = [sys.modules["torch.jit._script"], sys.modules["torch.jit._serialization"]]
    more = [(m, n, getattr(m, n)) for m in modules for n in ("script", "load", "save") if hasattr(m, n)]
    declared = [torch._jit_internal._overloaded_fns, torch._jit_internal._overloaded_methods]
    before = [dict(d) for d in declared]
    _install.install()
    try:
        yield
    finally:
        for name, value in have.items():
            setattr(torch.jit, name, value)
        for module, name, value in more:
            setattr(module, name, value)
        for now, then in zip(declared, before):
            now.clear()
            now.update(then)


def fresh(source):
    """A module `case` made of the text, in a compiler that has seen nothing."""
    jit._names.clear()
    jit._scope.clear()
    jit._recursive.clear()
    jit._types.class_types.clear()
    jit._scope.overloads.clear()
    torch._jit_internal._overloaded_fns.clear()
    torch._jit_internal._overloaded_methods.clear()
    module = types.ModuleType("case")
    module.__file__ = "case.py"
    sys.modules["case"] = module
    linecache.cache["case.py"] = (len(source), None, source.splitlines(keepends=True), "case.py")
    exec(compile(source, "case.py", "exec", dont_inherit=True), vars(module))
    return module


def number(text):
    return {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}.get(text) if text[-1:] in "fn" else float.fromhex(text)


def decode(value, module):
    if value is None or isinstance(value, bool):
        return value
    ((kind, v),) = value.items()
    many = lambda items: [decode(i, module) for i in items]  # noqa: E731
    if kind == "int":
        return int(v)
    if kind == "float":
        return number(v)
    if kind == "complex":
        return complex(*[number(p) if isinstance(p, str) else p for p in (q["float"] if isinstance(q, dict) else q for q in v)])
    if kind == "str":
        return v
    if kind == "list":
        return many(v)
    if kind == "tuple":
        return tuple(many(v))
    if kind == "dict":
        return {decode(k, module): decode(i, module) for k, i in v}
    if kind == "tensor":
        dtype = getattr(torch, v["dtype"].replace("torch.", ""))
        data = [d if isinstance(d, (bool, int, float)) else decode_number(d) for d in v["data"]]
        made = torch.tensor(data, dtype=dtype).reshape(v["shape"])
        strides = v.get("strides")
        if strides is not None and list(made.stride()) != list(strides) and made.numel():
            places = [sum(i * s for i, s in zip(at, strides)) for at in itertools.product(*map(range, v["shape"]))]
            base = torch.zeros(max(places) + 1, dtype=dtype)
            base[torch.tensor(places)] = made.reshape(-1)
            made = base.as_strided(v["shape"], strides)
        return made.requires_grad_() if v.get("requires_grad") else made
    if kind == "device":
        return torch.device(v)
    if kind in ("dtype", "layout", "memory_format"):
        return getattr(torch, v.replace("torch.", ""))
    if kind == "enum":
        return getattr(module, v["class"].rsplit(".", 1)[-1])[v["name"]]
    if kind == "namedtuple":
        fields = v["fields"]
        fields = dict(fields) if isinstance(fields, list) else fields
        return getattr(module, v["class"].rsplit(".", 1)[-1])(**{k: decode(i, module) for k, i in fields.items()})
    if kind == "object":
        cls = getattr(module, v["class"].rsplit(".", 1)[-1])
        made = cls.__new__(cls)
        vars(made).update({k: decode(i, module) for k, i in dict(v.get("attrs") or {}).items()})
        return made
    raise NotImplementedError(kind)


def decode_number(value):
    if isinstance(value, str):
        return number(value)
    if isinstance(value, list):
        return complex(*[number(p) if isinstance(p, str) else p for p in value])
    return decode(value, None)


def same(got, want, approx):
    """Whether a result is the recorded one."""
    if want is None or isinstance(want, bool):
        return got is want
    ((kind, v),) = want.items()
    near = 1e-4 if approx else 1e-5
    close = lambda a, b: (a != a and b != b) or a == b or abs(a - b) <= near * max(1, abs(b))  # noqa: E731
    if kind == "int":
        return type(got) is int and got == int(v)
    if kind == "float":
        return type(got) is float and close(got, number(v))
    if kind == "complex":
        w = decode(want, None)
        return type(got) is complex and close(got.real, w.real) and close(got.imag, w.imag)
    if kind == "str":
        return got == v
    if kind in ("list", "tuple"):
        cls = list if kind == "list" else tuple
        return isinstance(got, cls) and len(got) == len(v) and all(same(g, w, approx) for g, w in zip(got, v))
    if kind == "dict":
        if not isinstance(got, dict) or len(got) != len(v):
            return False
        return all(same(k, wk, approx) and same(g, wv, approx) for (k, g), (wk, wv) in zip(got.items(), v))
    if kind == "tensor":
        w = decode({"tensor": {**v, "requires_grad": False}}, None)
        return (
            isinstance(got, torch.Tensor) and got.dtype == w.dtype and got.shape == w.shape
            and torch.allclose(got.detach(), w, near, near, equal_nan=True)
        )  # fmt: skip
    if kind == "device":
        return str(got) == v
    if kind in ("dtype", "layout", "memory_format"):
        return got == decode(want, None) or isinstance(got, int)
    if kind == "enum":
        return getattr(got, "name", None) == v["name"]
    if kind == "namedtuple":
        fields = dict(v["fields"]) if isinstance(v["fields"], list) else v["fields"]
        return got._fields == tuple(fields) and all(same(getattr(got, k), w, approx) for k, w in fields.items())
    if kind == "object":
        return all(same(getattr(got, k), w, approx) for k, w in dict(v.get("attrs") or {}).items())
    if kind == "module":
        return isinstance(got, torch.nn.Module)
    return kind in ("generator", "future")


def kind_of(error):
    return {c.__name__ for c in type(error).__mro__}


def places(message):
    """The lines of the program that a message's excerpts are about."""
    return re.findall(r'File "case.py", line (\d+)', message)


def without_addresses(text):
    return re.sub(r"\b0x([0-9a-f]+|ADDR)\b", "0x", text)


def archived(scripted):
    """The code files of what `save` writes."""
    with zipfile.ZipFile(io.BytesIO(scripted.save_to_buffer())) as archive:
        names = [n for n in archive.namelist() if "/code/" in n and n.endswith(".py")]
        return {n.partition("/")[2]: archive.read(n).decode() for n in names}


def difference(wanted, got):
    lines = difflib.unified_diff(wanted.splitlines(), got.splitlines(), "wanted", "got", n=1, lineterm="")
    return "\n".join(itertools.islice(lines, 2, 60))


def shown_files(files):
    if not isinstance(files, dict):
        return repr(files)
    return "\n".join(f"--- {name}\n{text}" for name, text in sorted(files.items()))


def run(case, tally, complain):
    """Counts what holds of one case."""

    def count(what, holds, why=""):
        tally[what][bool(holds)] += 1
        if not holds:
            complain(f"{what}: {why}")

    error = case.get("compile_error")
    if error and error.get("python_itself"):
        return
    try:
        module = fresh(case["source"])
        make = lambda: jit.script(eval(case["entry"], vars(module)))  # noqa: E731
        scripted = make()
    except Exception as raised:
        if not error:
            count("compiled", False, f"{type(raised).__name__}: {str(raised).strip()[:300]}")
        else:
            wanted = error["type"].rsplit(".", 1)[-1]
            count("error type", wanted in kind_of(raised), f"wanted {wanted}, got {type(raised).__name__}: {raised}")
            lines = [l for l in error["message"].strip().splitlines() if l.strip()]
            phrase = without_addresses(lines[0].strip().rstrip(":") if lines else "")
            where = places(error["message"])
            if where:
                found = places(str(raised))
                count("error place", found[:1] == where[:1], f"wanted line {where}, got {found}: {raised}")
            count("error words", phrase[:60] in without_addresses(str(raised)), f"wanted {phrase!r}, got {str(raised).strip()[:200]!r}")
        return
    if error:
        count("error type", False, f"compiled, though PyTorch says {error['message'].strip()[:200]}")
        return
    count("compiled", True)
    target = scripted.forward if isinstance(scripted, jit.ScriptModule) and hasattr(scripted, "forward") else scripted
    for what in ("code", "graph", "schema"):
        if case.get(what) is not None and hasattr(target, what):
            got = str(getattr(target, what))
            count(what, got == case[what], difference(case[what], got))
    for name, record in case.get("methods", {}).items():
        if name != "forward":
            method = getattr(scripted, name)
            for what in ("code", "graph", "schema"):
                got = str(getattr(method, what))
                count(what, got == record[what], f"{name}: {difference(record[what], got)}")
    if case.get("archive_code") is not None:
        try:
            got = archived(scripted)
        except Exception as raised:
            got = raised
        count("archive code", got == case["archive_code"], difference(shown_files(case["archive_code"]), shown_files(got)))
    is_module = case.get("entry_kind") == "module"
    for call in case["calls"]:
        if not is_module:
            module = fresh(case["source"])
            scripted = make()
        out = io.StringIO()
        try:
            args = [decode(a, module) for a in call["args"]]
            kwargs = {k: decode(a, module) for k, a in call.get("kwargs", {}).items()}
        except NotImplementedError:
            continue
        callee = getattr(scripted, call["method"]) if call.get("method") else scripted
        try:
            with contextlib.redirect_stdout(out), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = callee(*args, **kwargs)
        except Exception as raised:
            wanted = call.get("raises")
            if not wanted:
                count("result", False, f"{type(raised).__name__}: {str(raised).strip()[-300:]}")
                continue
            name = wanted["type"].rsplit(".", 1)[-1]
            holds = name in kind_of(raised) or wanted["type"] == "process died"
            count("raised", holds, f"wanted {wanted['type']}, got {type(raised).__name__}: {raised}")
            continue
        if call.get("raises"):
            count("raised", False, f"wanted {call['raises']['type']}, got {result!r}")
            continue
        count("result", same(result, call.get("result"), case.get("approx")), f"{call['args']} -> {result!r}, wanted {call.get('result')}")
        count("stdout", out.getvalue() == call.get("stdout", ""), f"{out.getvalue()!r}, wanted {call.get('stdout')!r}")


@pytest.mark.skipif(not FOLDER, reason="FLAMBEAU_CONFORMANCE is not set")
def test_recorded_cases():
    only = os.environ.get("CASE", "")
    totals = collections.defaultdict(lambda: [0, 0])
    modules = collections.defaultdict(lambda: [0, 0])
    with installed():
        for path in sorted(pathlib.Path(FOLDER, "language").glob("*/*.json")):
            name = f"{path.parent.name}/{path.stem}"
            if only not in name:
                continue
            case = json.loads(path.read_text())
            tally = collections.defaultdict(lambda: [0, 0])
            shown = []
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                run(case, tally, shown.append)
            for what, (bad, good) in tally.items():
                for table in (totals, modules) if path.parent.name == "modules" else (totals,):
                    table[what][0] += bad
                    table[what][1] += good
            if shown:
                print(f"{name}: {shown[0]}" if not only else f"{name}:\n  " + "\n  ".join(shown))
    counts = {}
    for label, table in (("all", totals), ("modules", modules)):
        for what, (bad, good) in sorted(table.items()):
            print(f"{label:8} {what:12} {good:5} of {good + bad:5}")
            counts[f"{label} {what}"] = good
    if only:
        return
    pinned = json.loads(PINS.read_text()) if PINS.exists() else {}
    if os.environ.get("UPDATE"):
        PINS.write_text(json.dumps(counts, indent=1) + "\n")
    fewer = {k: (v, counts.get(k, 0)) for k, v in pinned.items() if counts.get(k, 0) < v}
    assert not fewer, f"fewer hold than before: {fewer}"
