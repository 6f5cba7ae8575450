"""Tensors without PyTorch: exchange with NumPy, operators, indexing, printing."""

import sys

import numpy as np
import pytest

import flambeau
from flambeau import Tensor

DTYPES = ["uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "complex64", "complex128", "bool"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_arrays_are_shared(dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    t = flambeau.from_numpy(array)
    assert t.shape == (2, 3) and t.dtype.name == dtype
    back = t.numpy()
    assert back.dtype == array.dtype and np.array_equal(back, array)
    array[1, 1] = 0
    assert np.array_equal(back, array)
    assert np.array_equal(np.from_dlpack(t), array)


def test_views_of_arrays_keep_their_strides_and_owners():
    t = flambeau.from_numpy(np.arange(12.0).reshape(3, 4).T[1:, ::2])
    assert t.tolist() == [[1.0, 9.0], [2.0, 10.0], [3.0, 11.0]]
    assert t.stride() == (1, 8)
    array = flambeau.zeros(3).numpy()
    assert array.tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(ValueError, match="negative"):
        flambeau.from_numpy(np.arange(3)[::-1])
    assert flambeau.from_numpy(np.zeros((0, 3))).shape == (0, 3)


CALLS = [
    ("f.zeros(2, 3)", [[0.0] * 3] * 2),
    ("f.zeros([2], dtype=f.int64)", [0, 0]),
    ("f.arange(4)", [0, 1, 2, 3]),
    ("f.tensor([[1, 2], [3, 4]]).sum()", 10),
    ("f.tensor([1.0, 2.0]) + 1", [2.0, 3.0]),
    ("1 - f.tensor([1.0, 2.0])", [0.0, -1.0]),
    ("2 / f.tensor([1.0, 2.0])", [2.0, 1.0]),
    ("f.tensor([1, 2]) * 1.5", [1.5, 3.0]),
    ("f.tensor([1, 2]) == f.tensor([1, 3])", [True, False]),
    ("~f.tensor([True, False])", [False, True]),
    ("f.tensor([0.0, 0.0]).softmax(-1)", [0.5, 0.5]),
    ("f.tensor([3.0, 1.0]).max(0)", (3.0, 0)),
    ("f.tensor([[1.0, 2.0]]) @ f.tensor([[1.0], [2.0]])", [[5.0]]),
    ("f.arange(6).reshape(2, 3)[0, ::2]", [0, 2]),
    ("f.arange(6).view(2, 3)[..., -1]", [2, 5]),
    ("f.arange(6).view(2, 3)[:, None].shape", (2, 1, 3)),
    ("f.arange(4)[f.tensor([True, False, True, False])]", [0, 2]),
    ("f.arange(4)[[3, 0]]", [3, 0]),
    ("f.cat([f.zeros(1), f.ones(1)])", [0.0, 1.0]),
    ("f.tensor(3).item()", 3),
    ("f.tensor([1.7]).to(f.int32)", [1]),
    ("f.tensor([1.7]).long()", [1]),
    ("len(f.zeros(3, 2))", 3),
    ("[x.item() for x in f.arange(2)]", [0, 1]),
    ("f.tensor([1, 2, 3]).T", [1, 2, 3]),
]


@pytest.mark.parametrize("call,expected", CALLS)
def test_operators(call, expected):
    got = eval(call, {"f": flambeau})
    if isinstance(got, Tensor):
        got = got.tolist()
    elif isinstance(got, tuple):
        got = tuple(g.tolist() if isinstance(g, Tensor) else g for g in got)
    assert got == expected


def test_assignment_writes_through_views():
    t = flambeau.zeros(2, 4)
    t[0, ::2] = 1
    t[1] = flambeau.tensor([1.0, 2.0, 3.0, 4.0])
    t[t > 3] = -1
    assert t.tolist() == [[1.0, 0.0, 1.0, 0.0], [1.0, 2.0, 3.0, -1.0]]
    t += 1
    assert t[0].tolist() == [2.0, 1.0, 2.0, 1.0]


def test_printing():
    assert repr(flambeau.tensor([[1.0, 2.5], [0.0, -1.0]])) == "tensor([[ 1.0000,  2.5000],\n        [ 0.0000, -1.0000]])"
    assert repr(flambeau.float32) == "flambeau.float32"


MISTAKES = [
    ("f.zeros(-1)", RuntimeError, "negative dimension"),
    ("f.tensor([1, 2])[5]", IndexError, "out of range"),
    ("f.tensor([1, 2]).no_such_thing", AttributeError, "no_such_thing"),
    ("f.no_such_operator", AttributeError, "no_such_operator"),
    ("f.tensor([[1], [2, 3]])", ValueError, "equal length"),
    ("f.zeros(2) + f.zeros(3)", RuntimeError, "must match the size"),
    ("bool(f.zeros(2))", RuntimeError, "ambiguous"),
]


@pytest.mark.parametrize("call,error,words", MISTAKES)
def test_mistakes(call, error, words):
    with pytest.raises(error, match=words):
        eval(call, {"f": flambeau})


def test_import_is_quick_and_alone():
    import subprocess
    import time

    start = time.perf_counter()
    code = "import sys, flambeau; print('torch' in sys.modules, 'numpy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == "False False\n"
    assert time.perf_counter() - start < 5
