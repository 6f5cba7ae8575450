"""Qualified names: what PyTorch calls functions and classes of a program, each once."""

import itertools

# Who has a name: the Python object, kept alive so that its identity stays its own.
_claimed = {}
_counter = itertools.count()


def qualified(thing):
    """`__torch__.module.name`."""
    override = getattr(thing, "_jit_override_qualname", None)
    if override is not None:
        return override
    name = getattr(thing, "__name__", type(thing).__name__)
    if name == "<lambda>":
        name = "_lambda"
    if "." in name:
        raise RuntimeError(f"Could not get qualified name for class '{name}': '{name}' is not a valid identifier")
    module = getattr(thing, "__module__", None)
    if module is None:
        raise RuntimeError(f"Could not get qualified name for class '{name}': __module__ can't be None.")
    if module == "__main__" or not module:
        return f"__torch__.{name}"
    module = module.replace("<", "_").replace(">", "_")
    return f"__torch__.{module}.{name}"


def claim(name, owner):
    """The name, or one with a number in it if somebody else has the name."""
    if name in _claimed and _claimed[name] is not owner:
        parent, _, last = name.rpartition(".")
        while name in _claimed:
            name = f"{parent}.___torch_mangle_{next(_counter)}.{last}"
    _claimed[name] = owner
    return name


def is_claimed(name):
    return name in _claimed


def clear():
    """Forgets all names, as a new process would."""
    global _counter
    _claimed.clear()
    _counter = itertools.count()
