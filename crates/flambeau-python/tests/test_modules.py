"""Compiled modules and functions as Python objects: what `torch.jit` gives them, Flambeau's have too."""

import copy
import enum
import functools
import io
import subprocess
import sys
from typing import List, Optional, Tuple

import pytest

torch = pytest.importorskip("torch")

import flambeau  # noqa: E402
from flambeau import jit  # noqa: E402

nn = torch.nn
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.register_buffer("offset", torch.ones(2))

    def forward(self, x):
        return self.linear(x) + self.offset


class Model(nn.Module):
    limit: torch.jit.Final[int]
    names: List[str]

    def __init__(self):
        super().__init__()
        self.inner = Inner()
        self.layers = nn.ModuleList([nn.Linear(2, 2), nn.ReLU()])
        self.limit = 3
        self.calls = 0
        self.names = []

    def forward(self, x):
        self.calls += 1
        x = self.inner(x)
        for layer in self.layers:
            x = layer(x)
        return x.clamp(max=self.limit)

    @torch.jit.export
    def renamed(self, name: str, times: int = 2) -> str:
        self.names.append(name)
        return name + str(times)


X = torch.randn(4, 3)


def both():
    torch.manual_seed(0)
    model = Model().eval()
    return model, jit.script(model)


def test_attributes_and_parts():
    model, scripted = both()
    assert torch.equal(scripted(X), model(X))
    assert scripted.calls == 1 and scripted.limit == 3 and scripted.names == []
    assert scripted.renamed("ab") == "ab2" and scripted.renamed("c", times=1) == "c1"
    assert scripted.names == ["ab", "c"]
    scripted.calls = 10
    scripted(X)
    assert scripted.calls == 11
    with pytest.raises(AttributeError, match="nothing"):
        scripted.nothing
    with pytest.raises(AttributeError, match="constant"):
        scripted.limit = 4
    assert scripted.inner is scripted.inner and scripted.original_name == "Model"
    names = lambda pairs: [n for n, _ in pairs]  # noqa: E731
    for method in ("named_parameters", "named_buffers", "named_children", "named_modules"):
        assert names(getattr(scripted, method)()) == names(getattr(model, method)())
    assert len(list(scripted.parameters())) == 4 and len(list(scripted.modules())) == len(list(model.modules()))
    assert all(isinstance(p, nn.Parameter) for p in scripted.parameters())
    assert len(scripted.layers) == 2 and scripted.layers[1].original_name == "ReLU"
    assert scripted.get_submodule("inner.linear").weight.shape == (2, 3)
    assert isinstance(scripted, nn.Module) and isinstance(scripted, jit.ScriptModule)


def test_printed_forms():
    _, scripted = both()
    expected = torch.jit.script(Model().eval())
    assert scripted.code == expected.code and scripted.forward.code == expected.code
    assert str(scripted.graph) == str(expected.graph)
    assert str(scripted.renamed.schema) == str(expected.renamed.schema)
    assert scripted.code_with_constants[0] == expected.code_with_constants[0]
    assert "aten::linear" in str(scripted.inlined_graph) and "graph(" in str(scripted.graph_for(X))
    assert repr(scripted) == repr(expected)
    state = scripted.get_debug_state()
    assert state.graph == scripted.graph
    assert [plan.graph for plan in state.execution_plans.values()] == [scripted.inlined_graph]


def test_state():
    model, scripted = both()
    state = scripted.state_dict()
    assert list(state) == list(model.state_dict())
    other = jit.script(Model().eval())
    assert other.load_state_dict(state).missing_keys == []
    assert torch.equal(other(X), model(X))
    with pytest.raises(RuntimeError, match="Missing key"):
        other.load_state_dict({})
    assert not scripted.training and scripted.train().training and scripted.inner.training
    assert not scripted.eval().inner.training
    copies = [scripted.copy(), copy.copy(scripted), copy.deepcopy(scripted)]
    with torch.no_grad():
        scripted.inner.linear.weight.zero_()
    assert not torch.equal(scripted(X), model(X)) or torch.equal(model.inner.linear.weight, torch.zeros(2, 3))
    assert torch.equal(copies[2](X), other(X))
    assert scripted.to(torch.float64)(X.double()).dtype == torch.float64
    assert scripted.float()(X).dtype == torch.float32
    with pytest.raises(RuntimeError, match="CPU"):
        scripted.to("cuda")


def test_define():
    _, scripted = both()
    scripted.define("""
        def doubled(self, x):
            return self.forward(x) * 2
    """)
    assert torch.equal(scripted.doubled(X), scripted(X) * 2)


def loaded_by_torch(saved):
    return torch.jit.load(io.BytesIO(saved))


def test_saving(tmp_path):
    model, scripted = both()
    want = model(X)
    path = tmp_path / "model.pt"
    scripted.save(path, _extra_files={"note.txt": "hello"})
    files = {"note.txt": ""}
    assert torch.equal(torch.jit.load(path, _extra_files=files)(X), want) and files["note.txt"] == b"hello"
    assert torch.equal(loaded_by_torch(scripted.save_to_buffer())(X), want)
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(model), buffer)
    buffer.seek(0)
    again = jit.load(buffer)
    assert torch.equal(again(X), want)
    once = again.save_to_buffer()
    assert jit.load(io.BytesIO(once)).save_to_buffer() == once


def scaled(x, by: float = 2.0):
    return x * by


def test_functions(tmp_path):
    f = jit.script(scaled)
    assert f.name == "scaled" and f.__name__ == "scaled" and "x * by" not in f.code and "by: float=2." in f.code
    assert f.qualified_name == torch.jit.script(scaled).qualified_name
    f.save(tmp_path / "f.pt")
    for saved in (f.save_to_buffer(), (tmp_path / "f.pt").read_bytes()):
        assert torch.equal(loaded_by_torch(saved)(X, 3.0), X * 3)
    assert "aten::mul" in str(f.graph) and str(f.schema) == "scaled(Tensor x, float by=2.) -> Tensor"
    assert "aten::mul" in str(f.inlined_graph) and "aten::mul" in str(f.graph_for(X))
    assert jit.script(f) is f


def test_compilation_unit():
    unit = jit.CompilationUnit("""
        def twice(x):
            return x * 2

        def four(x):
            return twice(twice(x))
    """)
    assert torch.equal(unit.four(X), X * 4)
    unit.define("""
        def next(n: int) -> int:
            return n + 1
    """)
    assert unit.next(1) == 2
    with pytest.raises(AttributeError):
        unit.nothing
    with pytest.raises(RuntimeError, match="already defined"):
        unit.define("def four(x):\n    return x")
    with pytest.raises(RuntimeError, match="expected def but found 'class'"):
        unit.define("class A:\n    pass")


@pytest.mark.parametrize(
    "text, name",
    [
        ("def f(x, y: int = -1):\n    return torch.relu(x) * -2 + y\n", "f"),
        ("""
        def lowest() -> int:
            return -9223372036854775808

        def f(x: List[int], k: Optional[Tensor] = None) -> List[int]:
            if k is None and len(x) > 0:
                x = x[:-1]
            return x + [lowest()]
        """, "f"),
        ("def f(s: str) -> str:\n    return s.upper() + '\\t%d' % len(s)\n", "f"),
    ],
)  # fmt: skip
def test_units_print_as_pytorch(text, name):
    ours, theirs = getattr(jit.CompilationUnit(text), name), getattr(torch.jit.CompilationUnit(text), name)
    assert str(ours.schema) == str(theirs.schema)
    assert ours.code == theirs.code
    assert str(ours.graph) == str(theirs.graph)


class Steps(jit.ScriptModule):
    __constants__ = ["n"]

    def __init__(self, n):
        super().__init__()
        self.n = n
        self.w = torch.nn.Parameter(torch.ones(2))
        self.lin = torch.nn.Linear(2, 2)
        self.define("def twice(self, x, k: int = -2):\n    return self.forward(x) * k")

    @jit.script_method
    def forward(self, x):
        for _ in range(self.n):
            x = self.lin(x) + self.w
        return x

    def in_python(self, x):
        return self.twice(x) - 1


class More(Steps):
    @jit.script_method
    def extra(self, x):
        return self.twice(x, 3)


class Plain(jit.ScriptModule):
    def forward(self, x):
        return x + 1


def test_subclasses_of_script_module():
    steps, x = Steps(2), torch.ones(1, 2)
    assert isinstance(steps, jit.ScriptModule) and isinstance(steps, Steps) and isinstance(steps, torch.nn.Module)
    want = x
    for _ in range(2):
        want = steps.lin(want) + steps.w
    assert torch.equal(steps(x), want)
    assert torch.equal(steps.in_python(x), want * -2 - 1)
    assert "range(2)" in steps.code
    assert [n for n, _ in steps.named_parameters()] == ["w", "lin.weight", "lin.bias"]
    assert repr(steps) == "Steps(\n  (lin): RecursiveScriptModule(original_name=Linear)\n)"
    assert str(steps.twice.schema).endswith("Tensor x, int k=-2) -> Tensor")
    more = More(1)
    assert torch.equal(more.extra(x), more(x) * 3)
    assert torch.equal(Plain()(x), x + 1)
    back = torch.jit.load(io.BytesIO(steps.save_to_buffer()))
    assert torch.equal(back(x), want)


@torch.jit.ignore
def in_python(x: int) -> int:
    return len({x, 1, 2})


@torch.jit.ignore
def wrong(x: int) -> int:
    return "text"


@torch.jit.ignore
def fails(x: int) -> int:
    raise KeyError("gone")


@torch.jit.unused
def never(x: int) -> int:
    return object()


def calls_python(x: int) -> int:
    return in_python(x) + 1


def calls_wrong(x: int) -> int:
    return wrong(x)


def calls_fails(x: int) -> int:
    return fails(x)


def calls_never(x: int) -> int:
    if x > 0:
        return never(x)
    return 0


added = functools.partial(lambda a, b: a + b, 1)


def calls_partial(x):
    return added(x)


def test_calls_back_into_python():
    f = jit.script(calls_python)
    assert f(5) == 4 and f(1) == 3
    assert f.code == torch.jit.script(calls_python).code and "^in_python" in str(f.graph)
    with pytest.raises(RuntimeError, match="Could not export Python function call 'in_python'"):
        f.save_to_buffer()
    with pytest.raises(RuntimeError, match="expected value of type int for return value but instead got value of type str"):
        jit.script(calls_wrong)(1)
    with pytest.raises(RuntimeError, match="KeyError: 'gone'"):
        jit.script(calls_fails)(1)
    unused = jit.script(calls_never)
    assert unused(0) == 0
    with pytest.raises(Exception, match="annotated to be ignored and cannot be run"):
        unused(1)
    with pytest.raises(Exception, match="annotated to be ignored"):
        loaded_by_torch(unused.save_to_buffer())(1)
    assert torch.equal(jit.script(calls_partial)(X), X + 1)


class Ignoring(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = 2.0
        self.table = {"not": object()}

    @torch.jit.ignore
    def helper(self, x: torch.Tensor) -> torch.Tensor:
        self.seen = self.scale
        return x * self.scale

    @torch.jit.unused
    def other(self, x):
        return self.table[x]

    def forward(self, x):
        if x.numel() == 0:
            return self.other(x)
        return self.helper(x) + 1


def test_ignored_methods():
    scripted = jit.script(Ignoring())
    assert torch.equal(scripted(X), X * 2 + 1)
    scripted.scale = 3.0
    assert torch.equal(scripted(X), X * 3 + 1) and scripted.seen == 3.0
    assert torch.equal(scripted.helper(X), X * 3)
    with pytest.raises(RuntimeError, match="Could not export Python function call 'helper'"):
        scripted.save_to_buffer()


class Hooked(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1


def before(self, inputs: Tuple[torch.Tensor]) -> Tuple[torch.Tensor]:
    return (inputs[0] * 2,)


def behind(self, inputs: Tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
    return output - 10


class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.hooked = Hooked()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.hooked(x)


def test_hooks():
    model = Outer()
    model.hooked.register_forward_pre_hook(before)
    model.hooked.register_forward_hook(behind)
    scripted = jit.script(model)
    want = X * 2 + 1 - 10
    assert torch.equal(model(X), want) and torch.equal(scripted(X), want) and torch.equal(scripted.hooked(X), want)
    assert torch.equal(scripted.hooked.forward(X), X + 1)
    assert torch.equal(loaded_by_torch(scripted.save_to_buffer())(X), want)


class Overloaded(nn.Module):
    @torch.jit._overload_method
    def pick(self, x: int) -> int:  # noqa: F811
        pass

    @torch.jit._overload_method
    def pick(self, x: torch.Tensor) -> torch.Tensor:  # noqa: F811
        pass

    def pick(self, x):  # noqa: F811
        return x + x

    def forward(self, x, n: int):
        return self.pick(x), self.pick(n)


@torch.jit.interface
class Stage(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pass


class WithInterface(nn.Module):
    stage: Stage

    def __init__(self, stage):
        super().__init__()
        self.stage = stage

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.stage.forward(x)


class WithProperty(nn.Module):
    __jit_unused_properties__ = ["secret"]

    def __init__(self):
        super().__init__()
        self._value = 1

    @property
    def value(self) -> int:
        return self._value

    @value.setter
    def value(self, to: int):
        self._value = to

    @property
    def secret(self):
        return object()

    def forward(self, x, to: int):
        self.value = to
        return x * self.value


def test_overloads_interfaces_properties():
    x, n = jit.script(Overloaded())(X, 2)
    assert torch.equal(x, X + X) and n == 4
    scripted = jit.script(WithInterface(Hooked()))
    assert torch.equal(scripted(X), X + 1)
    assert torch.equal(loaded_by_torch(scripted.save_to_buffer())(X), X + 1)
    scripted = jit.script(WithProperty())
    assert torch.equal(scripted(X, 3), X * 3) and scripted.value == 3
    scripted.value = 5
    assert scripted._value == 5


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def body(self, x):
        return x * self.scale


class Derived(Base):
    def __init__(self, bias: Optional[float] = None):
        super().__init__()
        self.bias = bias

    def forward(self, x):
        bias = self.bias
        if bias is not None:
            return self.body(x) + bias
        return self.body(x)


def test_inherited_methods_and_optional_attributes():
    for model in (Derived(), Derived(1.5)):
        assert torch.equal(jit.script(model)(X), model(X))


class Layout(enum.Enum):
    ROWS = "rows"
    COLUMNS = "columns"


class WithEnum(nn.Module):
    def __init__(self):
        super().__init__()
        self.layout = Layout.COLUMNS
        self.head = nn.ModuleList([nn.Identity()])

    def forward(self, x):
        if isinstance(self.head[0], nn.Identity):
            x = x + 1
        return x.t() if self.layout == Layout.COLUMNS else x


def test_enums_and_classes_of_modules():
    scripted = jit.script(WithEnum())
    assert torch.equal(scripted(X), (X + 1).t())
    assert torch.equal(loaded_by_torch(scripted.save_to_buffer())(X), (X + 1).t())
    assert torch.equal(jit.load(io.BytesIO(scripted.save_to_buffer()))(X), (X + 1).t())


class Gradient(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, x):
        return x * self.weight


def test_parameters_are_shared():
    model = Gradient()
    scripted = jit.script(model)
    with torch.no_grad():
        model.weight.mul_(5)
    assert torch.equal(scripted(X), X * 5)


def test_install(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, torch\n"
        "@torch.jit.script\n"
        "def f(x, n: int = 2):\n"
        "    return x * n\n"
        "class M(torch.nn.Module):\n"
        "    def forward(self, x):\n"
        "        return f(x) + 1\n"
        "m = torch.jit.script(M())\n"
        "torch.jit.save(m, sys.argv[1])\n"
        "print(type(m).__module__, torch.jit.load(sys.argv[1])(torch.ones(2)).tolist(), isinstance(m, torch.jit.ScriptModule))\n"
    )
    saved = tmp_path / "m.pt"
    run = subprocess.run(
        [sys.executable, "-m", "flambeau", str(program), str(saved)], capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["flambeau.jit._modules", "[3.0,", "3.0]", "True"]
    assert torch.equal(torch.jit.load(saved)(X), X * 2 + 1)


def test_errors_are_pytorchs():
    def bad(x: int) -> str:
        return x

    with pytest.raises(RuntimeError, match="annotated as having type str but is actually of type int"):
        jit.script(bad)

    def generator(x: int):
        yield x

    with pytest.raises(torch.jit.frontend.NotSupportedError):
        jit.script(generator)
    assert issubclass(flambeau.NotSupportedError, flambeau.FrontendError)


def test_hooks_fit_forward():
    def check(hook, before, message):
        module = nn.Identity()
        (module.register_forward_pre_hook if before else module.register_forward_hook)(hook)
        with pytest.raises(RuntimeError, match=message):
            jit.script(module)

    def untyped(self, given, result):
        return result

    def few(self, given: Tuple[torch.Tensor]) -> None:
        pass

    def other(self, given: Tuple[int]) -> Tuple[int]:
        return given

    def text(self, given: Tuple[torch.Tensor]) -> str:
        return ""

    check(untyped, False, "expected the input argument to be typed as a Tuple")
    check(few, False, "exactly 3 inputs but it had 2")
    check(untyped, True, "exactly 2 inputs but it had 3")
    check(other, True, "wrong inner types")
    check(text, True, "returned the wrong type of: 'str'")


@jit.interface
class Step(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pass


class Double(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2


class Stepping(nn.Module):
    step: Step

    def __init__(self):
        super().__init__()
        self.step = Double()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.step.forward(x)


def test_classes_behind_interfaces_are_saved():
    buffer = io.BytesIO(jit.script(Stepping()).save_to_buffer())
    assert torch.jit.load(buffer)(torch.ones(1)).item() == 2
