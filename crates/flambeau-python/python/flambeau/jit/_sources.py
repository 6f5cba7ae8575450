"""Functions' sources and what decorators said about the functions."""

import ast
import functools
import inspect
import linecache
import operator
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
        block = _block(fn)
        file = fn.__code__.co_filename if block else inspect.getsourcefile(fn)
        lines, first = block or inspect.getsourcelines(fn)
    except (OSError, TypeError) as error:
        raise OSError(
            f"Can't get source for {fn}. TorchScript requires source access in order to carry out compilation, make "
            "sure original .py files are available."
        ) from error
    return "".join(lines), file or "<unknown>", first


def _block(fn):
    """What `inspect.getsourcelines` gives, from the compiled code's positions instead of tokens: much faster. None
    where that cannot be told."""
    code = getattr(fn, "__code__", None)
    if code is None or not hasattr(code, "co_positions") or code.co_name == "<lambda>":
        return None
    lines = linecache.getlines(code.co_filename, fn.__globals__)
    first = code.co_firstlineno
    if not 0 < first <= len(lines):
        return None
    last = _last_line(code)
    start = next((i for i in range(first - 1, min(last, len(lines))) if lines[i].lstrip().startswith("def ")), None)
    if start is None or last > len(lines):
        return None
    outer = _indent(lines[start])
    # Statements without code, and comments as deep as the body.
    end = last
    for i in range(last, len(lines)):
        line = lines[i]
        if not line.strip():
            continue
        if _indent(line) <= outer:
            # The rest of a statement that goes on below its last position: closing brackets.
            if line.lstrip()[0] in ")]}":
                return None
            break
        end = i + 1
    return lines[first - 1 : end], first


def _indent(line):
    return len(line) - len(line.lstrip())


def _last_line(code):
    ends = filter(None, map(operator.itemgetter(1), code.co_positions()))
    last = max(ends, default=code.co_firstlineno)
    return max([last, *(_last_line(c) for c in code.co_consts if hasattr(c, "co_positions"))])


def static(cls, name):
    """A class's member as it is written in the class, without descriptors; None if there is none."""
    for base in cls.__mro__:
        if name in base.__dict__:
            return base.__dict__[name]
    return None


def members(cls):
    """Names and members of a class, as they are written, by name. `nn.Module` itself has nothing to compile."""
    found = {}
    for base in reversed(cls.__mro__):
        if base.__module__ not in ("torch.nn.modules.module", "builtins"):
            found.update(base.__dict__)
    return sorted(found.items())


@functools.lru_cache(maxsize=4096)
def exported(cls):
    """Names of the methods that are marked to be compiled."""
    return [n for n, v in members(cls) if inspect.isfunction(v) and is_export(v)]


def defaults_of(fn):
    code = getattr(fn, "__code__", None)
    if code is None:
        return {}
    names = code.co_varnames[: code.co_argcount]
    values = fn.__defaults__ or ()
    found = dict(zip(names[len(names) - len(values) :], values))
    found.update(fn.__kwdefaults__ or {})
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


def native(name, text, scope):
    """A function of a text in TorchScript's own dialect, as the compiler takes it."""
    return {"name": name, "text": text, "scope": scope, "native": True}


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
    header, rest, _ = _header(lines_of(declared)[0])
    own, body, _ = _header(text)
    header += [line for line in rest if line.lstrip().startswith("# type:")][:1]
    # The declaration may stand deeper than the definition, under an `if`.
    deeper = _indent(header[0]) - _indent(own[0])
    header = [line[min(deeper, _indent(line)) :] if deeper > 0 else " " * -deeper + line for line in header]
    # Line numbers count from the body, which is what graphs point at.
    return "".join(header) + "".join(body), file, first + len(own) - len(header)


def raising(fn, message="Cannot call @unused methods"):
    """The text of a function with its body replaced by a `raise`."""
    source = describe(fn)
    tree = _tree(source["text"])
    tree.decorator_list = []
    tree.args.vararg = tree.args.kwarg = None
    # Whatever the parameters are, nothing is done with them.
    for parameter in (*tree.args.posonlyargs, *tree.args.args, *tree.args.kwonlyargs)[1:]:
        parameter.annotation = ast.Name("Any")
    if modifier(fn).startswith("_drop"):
        tree.returns = None
    tree.body = ast.parse(f'raise RuntimeError("{message}")').body
    source["text"] = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
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
