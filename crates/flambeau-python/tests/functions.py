"""Functions and classes for the tests of scripting, in a file because the compiler reads their source."""

import enum
import math
from typing import Dict, List, NamedTuple, Optional, Tuple

import flambeau

SCALE = 3
OFFSETS = [1, 2]


def double(x: float) -> float:
    return x * 2


def fill(n: int) -> List[int]:
    out: List[int] = []
    for i in range(n):
        out.append(i * i)
    return out


def calls_others(n: int, scale: float = 1.5) -> float:
    total = 0.0
    for v in fill(n):
        total += double(float(v)) * scale
    return total + math.sqrt(16.0)


def strings(words: List[str]) -> Dict[str, int]:
    return {w: len(w) for w in words}


def maybe(x: Optional[int]) -> int:
    if x is None:
        return -1
    return x + 1


def raises(n: int) -> int:
    if n < 0:
        raise ValueError(f"negative: {n}")
    return n


class Pair(NamedTuple):
    a: int
    b: str


def pairs(p: Pair) -> Pair:
    return Pair(p.a + 1, p.b + "!")


class Color(enum.Enum):
    RED = 1
    BLUE = 2


def other(c: Color) -> Color:
    if c == Color.RED:
        return Color.BLUE
    return Color.RED


class Counter:
    def __init__(self, start: int):
        self.count = start

    def up(self, by: int = 1) -> int:
        self.count += by
        return self.count

    @property
    def twice(self) -> int:
        return self.count * 2

    @staticmethod
    def zero() -> int:
        return 0


def counts(n: int) -> Tuple[int, int, int]:
    c = Counter(n)
    c.up()
    c.up(by=10)
    return c.count, c.twice, Counter.zero()


def closure(n: int):
    def inner(x: int) -> int:
        return x + n

    return inner


@flambeau.jit.unused
def not_compiled(x: int) -> int:
    return len(globals()) + x


def uses_unused(x: int) -> int:
    if x < 0:
        return not_compiled(x)
    return x


def wrong(x: int) -> str:
    return x


def appends(xs: List[int]) -> List[int]:
    xs.append(7)
    return xs


def puts(d: Dict[str, int]) -> int:
    d["new"] = 9
    return len(d)
