"""Functions' sources and what decorators said about the functions."""

import ast
import functools
import inspect
import textwrap

# PyTorch marks functions with this attribute, in these words; programs may use either's decorators.
_MODIFIER = "_torchscript_modifier"
EXPORT = "export (compile this function even if nothing calls it)"
UNUSED = "unused (ignored and replaced with raising of an exception)"
IGNORE = "ignore (leave as a call to Python, cannot be torch.jit.save'd)"
DROP = "_drop (function is fully ignored, declaration can be unscriptable)"
COPY = "if this method is not scripted, copy the python method onto the scripted model"


def modifier(fn):
    fn = getattr(fn, "__func__", fn)
    return str(getattr(fn, _MODIFIER, "") or "")


def mark(fn, text):
    setattr(fn, _MODIFIER, text)
    return fn


def is_export(fn):
    return modifier(fn).startswith("export")


def is_ignored(fn):
    """Not to be compiled."""
    return modifier(fn).startswith(("unused", "ignore", "_drop"))


def is_unused(fn):
    """Not to be compiled, and a call of it raises."""
    return modifier(fn).startswith(("unused", "_drop"))


def is_copy(fn):
    return modifier(fn).startswith("if this method")


def lines_of(fn):
    """Source text, file and first line of a function."""
    try:
        file = inspect.getsourcefile(fn)
        lines, first = inspect.getsourcelines(fn)
    except (OSError, TypeError) as error:
        raise OSError(
            f"Can't get source for {fn}. TorchScript requires source access in order to carry out compilation, make "
            "sure original .py files are available."
        ) from error
    return "".join(lines), file or "<unknown>", first


def defaults_of(fn):
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):
        return {}
    found = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
    for name, value in found.items():
        if isinstance(value, (list, dict)):
            raise RuntimeError(
                "Mutable default parameters are not supported because Python binds them to the function and they "
                "persist across function calls.\n As a workaround, make the default None and instantiate the default "
                f"parameter within the body of the function. Found {type(value)} on parameter {name}"
            )
    return found


def describe(fn, name=None, scope=None, declared=None):
    """A function as the compiler takes it. `declared` lends its signature (overloads)."""
    from . import _scope

    plain = inspect.unwrap(getattr(fn, "__func__", fn))
    text, file, first = lines_of(plain)
    if declared is not None:
        text, file, first = _with_signature(text, file, first, declared)
    return {
        "name": name or plain.__name__,
        "text": text,
        "file": file,
        "first_line": first,
        "scope": scope or _scope.of_function(plain),
        "defaults": defaults_of(declared or plain),
    }


def _tree(text):
    return ast.parse(textwrap.dedent(text)).body[0]


def _header(text):
    """A definition's lines up to its body, the body's lines, and the body's indentation."""
    tree = _tree(text)
    lines = text.splitlines(keepends=True)
    start = tree.body[0].lineno - 1
    if start == tree.lineno - 1:
        # One line: split behind the last colon before the body.
        indent = len(lines[start]) - len(lines[start].lstrip())
        column = tree.body[0].col_offset + indent
        return lines[:start] + [lines[start][:column].rstrip() + "\n"], [lines[start][column:]], indent + 4
    # A decorated first statement, and comments before it, belong to the body.
    while start > tree.lineno and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    first = lines[tree.body[0].lineno - 1]
    return lines[:start], lines[start:], len(first) - len(first.lstrip())


def _with_signature(text, file, first, declared):
    header, _, _ = _header(lines_of(declared)[0])
    own, body, _ = _header(text)
    # Line numbers count from the body, which is what graphs point at.
    return "".join(header) + "".join(body), file, first + len(own) - len(header)


def raising(fn, message="Cannot call @unused methods"):
    """The text of a function with its body replaced by a `raise`."""
    source = describe(fn)
    header, _, indent = _header(source["text"])
    source["text"] = "".join(header) + " " * indent + f'raise RuntimeError("{message}")\n'
    return source


@functools.lru_cache(maxsize=None)
def class_assignments(cls):
    """Names that a class body assigns and that are no functions."""
    skip = ("__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__annotations__")
    names = []
    for name, value in vars(cls).items():
        if name in skip or name.startswith("__"):
            continue
        if inspect.isfunction(value) or isinstance(value, (property, staticmethod, classmethod)):
            continue
        if inspect.isdatadescriptor(value):
            continue
        names.append(name)
    return names
