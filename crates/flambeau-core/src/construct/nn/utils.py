# What layers do with sizes.
def _repeated(value, n):
    if isinstance(value, (list, tuple)):
        return tuple(value)
    return (value,) * n


def _single(x):
    return _repeated(x, 1)


def _pair(x):
    return _repeated(x, 2)


def _triple(x):
    return _repeated(x, 3)


def _quadruple(x):
    return _repeated(x, 4)
