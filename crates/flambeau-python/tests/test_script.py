"""`flambeau.jit` without PyTorch: functions, classes, loading and saving."""

import io

import functions as fn
import pytest

import flambeau
from flambeau import jit

CASES = [
    (fn.double, (1.5,), 3.0),
    (fn.fill, (4,), [0, 1, 4, 9]),
    (fn.calls_others, (3,), 19.0),
    (fn.strings, (["a", "bcd"],), {"a": 1, "bcd": 3}),
    (fn.maybe, (None,), -1),
    (fn.maybe, (4,), 5),
    (fn.pairs, (fn.Pair(1, "x"),), fn.Pair(2, "x!")),
    (fn.other, (fn.Color.RED,), fn.Color.BLUE),
    (fn.counts, (1,), (12, 24, 0)),
    (fn.uses_unused, (2,), 2),
]


@pytest.mark.parametrize("function,args,expected", CASES)
def test_functions(function, args, expected):
    result = jit.script(function)(*args)
    assert result == expected and type(result) is type(expected)


def test_printed_forms():
    scripted = jit.script(fn.double)
    assert scripted.code == "def double(x: float) -> float:\n  return torch.mul(x, 2)\n"
    assert "functions.py:" in scripted.graph
    assert scripted.schema == "double(float x) -> float"
    assert scripted is not jit.script(fn.fill) and jit.script(scripted) is scripted


def test_exceptions():
    with pytest.raises(jit.Error, match="builtins.ValueError: negative: -1"):
        jit.script(fn.raises)(-1)
    with pytest.raises(RuntimeError, match="Expected a value of type 'int'"):
        jit.script(fn.raises)("a")
    with pytest.raises(RuntimeError, match="expected to return|declared to have|Return value") as caught:
        jit.script(fn.wrong)
    assert "functions.py" in caught.value.failure.render()
    with pytest.raises(RuntimeError, match="annotated to be ignored and cannot be run"):
        jit.script(fn.uses_unused)(-1)


def test_keyword_arguments_and_defaults():
    scripted = jit.script(fn.calls_others)
    assert scripted(n=2, scale=1.0) == 6.0
    with pytest.raises(RuntimeError, match="missing value for argument 'n'"):
        scripted()


def test_tensors_of_flambeau_go_in_and_out():
    unit = jit.CompilationUnit(
        """
        def f(x, n: int = 2):
            return x * n + 1
        """
    )
    x = flambeau.tensor([1.0, 2.0])
    assert unit.f(x).tolist() == [3.0, 5.0]
    assert isinstance(unit.f(x), flambeau.Tensor)


def test_archives(root, tmp_path):
    path = root / "examples" / "digits" / "model.pt"
    if not path.exists():
        pytest.skip("no example model")
    module = jit.load(path)
    names = [n for n, _ in module.named_parameters()]
    assert names and set(module.state_dict()) >= set(names)
    assert "def " in module.code and "graph(" in module.graph
    image = flambeau.zeros(1, 1, 8, 8)
    values = lambda module: [getattr(v, "tolist", lambda: v)() for v in module(image)]  # noqa: E731
    expected = values(module)
    copy = tmp_path / "copy.pt"
    module.save(copy, _extra_files={"note": "hello"})
    extra = {"note": ""}
    assert values(jit.load(copy, _extra_files=extra)) == expected
    assert extra["note"] == b"hello"
    buffer = io.BytesIO()
    jit.save(module, buffer)
    buffer.seek(0)
    assert values(jit.load(buffer)) == expected
    with pytest.raises(ValueError, match="does not exist"):
        jit.load(tmp_path / "nothing.pt")
    with pytest.raises(RuntimeError):
        jit.load(io.BytesIO(b"not an archive"))


def test_functions_are_saved_as_modules(tmp_path):
    path = tmp_path / "f.pt"
    jit.script(fn.calls_others).save(path)
    loaded = jit.load(path)
    assert loaded(3, 1.5) == 19.0
    assert "__torch__.functions.fill" in loaded.code


def test_shared_containers():
    numbers = jit.script([1, 2])
    assert jit.script(fn.appends)(numbers) == [1, 2, 7] and list(numbers) == [1, 2, 7]
    plain = [1]
    assert jit.script(fn.appends)(plain) == [1, 7] and plain == [1]
    numbers[0:2] = [8, 9]
    numbers.insert(-1, 5)
    assert repr(numbers) == "[8, 9, 5, 7]" and numbers.pop() == 7 and numbers.count(5) == 1 and 8 in numbers
    assert list(numbers[1:]) == [9, 5] and numbers[-1] == 5 and len(numbers) == 3
    for wrong, kind in [(lambda: numbers.append("x"), TypeError), (lambda: numbers[3], IndexError),
                        (lambda: numbers.remove(4), ValueError), (lambda: jit.script([1, "a"]), RuntimeError)]:  # fmt: skip
        with pytest.raises(kind):
            wrong()
    table = jit.script({"a": 1})
    assert jit.script(fn.puts)(table) == 2 and dict(table) == {"a": 1, "new": 9} and list(table.items())[1] == ("new", 9)
    del table["a"]
    assert "a" not in table and list(table.keys()) == ["new"] and bool(table)
    for wrong, kind in [(lambda: table["b"], KeyError), (lambda: table.__setitem__(1, 1), TypeError)]:
        with pytest.raises(kind):
            wrong()
