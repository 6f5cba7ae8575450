"""How tensors print in Python: PyTorch's layout, digits and abbreviations."""

import math

PRECISION, THRESHOLD, EDGE, WIDTH = 4, 1000, 3, 80


class _Format:
    """One way to print all elements of a tensor, as wide as the widest."""

    def __init__(self, values, is_float):
        self.is_float = is_float
        self.exponents = self.whole = False
        self.width = 1
        if not is_float:
            self.width = max([1, *(len(str(v)) for v in values)])
            return
        # Zeros and what is not finite never widen the columns.
        counted = [v for v in values if math.isfinite(v) and v != 0]
        self.whole = True
        if not counted:
            return
        low, high = min(map(abs, counted)), max(map(abs, counted))
        self.whole = all(v == math.ceil(v) for v in counted)
        self.exponents = high / low > 1000.0 or high > 1.0e8 or (not self.whole and low < 1.0e-4)
        self.width = max(len(self.number(v)) for v in counted)

    def number(self, value):
        if not self.is_float:
            return str(value)
        if self.exponents:
            return f"{value:.{PRECISION}e}"
        if self.whole:
            text = f"{value:.0f}"
            return text if not math.isfinite(value) else text + "."
        return f"{value:.{PRECISION}f}"

    def __call__(self, value):
        return self.number(value).rjust(self.width)


def _sample(values, sizes):
    """The elements that are shown when a tensor is abbreviated."""
    if not sizes:
        yield values
        return
    rows = values
    if sizes[0] > 2 * EDGE:
        rows = [*values[:EDGE], *values[-EDGE:]]
    for row in rows:
        yield from _sample(row, sizes[1:])


def _rows(values, sizes, indent, show, short):
    if not sizes:
        return show(values)
    count = sizes[0]
    cut = short and count > 2 * EDGE
    items = [*values[:EDGE], ..., *values[-EDGE:]] if cut else values
    if len(sizes) == 1:
        per_line = max(1, (WIDTH - indent) // max(1, _cell_width(items, show) + 2))
        cells = [" ..." if v is ... else show(v) for v in items]
        lines = [cells[i : i + per_line] for i in range(0, len(cells), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(", ".join(line) for line in lines) + "]"
    cells = ["..." if v is ... else _rows(v, sizes[1:], indent + 1, show, short) for v in items]
    gap = "," + "\n" * (len(sizes) - 1) + " " * (indent + 1)
    return "[" + gap.join(cells) + "]"


def _cell_width(items, show):
    shown = [show(v) for v in items if v is not ...]
    return len(shown[0]) if shown else 1


def text(tensor):
    sizes = list(tensor._sizes)
    code = tensor._dtype
    count = math.prod(sizes)
    suffixes = []
    if count == 0:
        body = "[]"
        if len(sizes) != 1:
            suffixes.append(f"size=({', '.join(map(str, sizes))})")
        if code != 6:
            suffixes.append(f"dtype=flambeau.{tensor.dtype.name}")
    else:
        if code not in (4, 6, 9, 11):
            suffixes.append(f"dtype=flambeau.{tensor.dtype.name}")
        short = count > THRESHOLD
        values = tensor.tolist()
        shown = list(_sample(values, sizes)) if short else list(_flat(values, len(sizes)))
        body = _rows(values, sizes, len("tensor("), _shower(shown), short)
    if tensor.requires_grad:
        suffixes.append("requires_grad=True")
    return "tensor(" + ", ".join([body, *suffixes]) + ")"


def _shower(values):
    if any(isinstance(v, complex) for v in values):
        real = _Format([v.real for v in values], True)
        imag = _Format([v.imag for v in values], True)

        def show(value):
            sign = "-" if math.copysign(1.0, value.imag) < 0 else "+"
            return f"{real(value.real)}{sign}{imag.number(abs(value.imag))}j"

        return show
    return _Format(values, bool(values) and isinstance(values[0], float))


def _flat(values, depth):
    if depth == 0:
        yield values
        return
    for value in values:
        yield from _flat(value, depth - 1)
