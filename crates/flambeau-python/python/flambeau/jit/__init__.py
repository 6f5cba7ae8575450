"""The names of `torch.jit`, by Flambeau."""

import contextlib
import functools
import inspect
import os
import types

from .. import _flambeau, _hooks
from .._errors import Error, FrontendError, NotSupportedError, UnsupportedNodeError
from . import _classes, _legacy, _modules, _names, _recursive, _scope, _sources, _types
from ._debug import GraphExecutorState
from ._modules import ScriptModule, ScriptObject

try:
    from typing import Final
except ImportError:  # pragma: no cover
    Final = None

__all__ = [
    "Attribute", "CompilationUnit", "Error", "Final", "Future", "ScriptFunction", "ScriptModule", "annotate",
    "export", "fork", "ignore", "interface", "is_scripting", "is_tracing", "isinstance", "load",
    "optimized_execution", "save", "script", "script_if_tracing", "script_method",
    "set_fusion_strategy", "unused", "wait", "_overload", "_overload_method",
]  # fmt: skip


class ScriptFunction:
    """A compiled function."""

    def __init__(self, inner, original=None):
        self._flambeau_function = inner
        self._original = original
        if original is not None:
            functools.update_wrapper(self, original)
            del self.__wrapped__
        else:
            self.__name__ = inner.name

    def __call__(self, *args, **kwargs):
        return self._flambeau_function(*args, **kwargs)

    @property
    def name(self):
        return self._flambeau_function.name

    @property
    def qualified_name(self):
        return self._flambeau_function.qualified_name

    @property
    def schema(self):
        return self._flambeau_function.schema

    @property
    def graph(self):
        return self._flambeau_function.graph

    @property
    def inlined_graph(self):
        return self._flambeau_function.inlined_graph

    @property
    def code(self):
        return self._flambeau_function.code

    def graph_for(self, *args, **kwargs):
        return self._flambeau_function.inlined_graph

    def get_debug_state(self):
        return GraphExecutorState(self._flambeau_function)

    def _module(self):
        return _modules.wrap(_flambeau.module_around(self._flambeau_function))

    def save(self, f, _extra_files=None):
        """Writes an archive of a module whose `forward` is this function."""
        self._module().save(f, _extra_files)

    def save_to_buffer(self, _extra_files=None):
        return self._module().save_to_buffer(_extra_files)

    def __repr__(self):
        return f"<flambeau.jit.ScriptFunction {self.qualified_name}>"


_scope.ScriptFunction = ScriptFunction


def script(obj, optimize=None, _frames_up=0, _rcb=None, example_inputs=None):
    """Compiles a function, an `nn.Module` with all that it reaches, or a class. A list or dict becomes one that
    compiled functions share with Python, so that what they change shows."""
    from builtins import isinstance

    if isinstance(obj, (ScriptFunction, ScriptModule, ScriptObject, _flambeau.ScriptList, _flambeau.ScriptDict)):
        return obj
    if _recursive.is_module(obj):
        return _recursive.script_module(obj)
    obj = obj.__prepare_scriptable__() if hasattr(obj, "__prepare_scriptable__") else obj
    if isinstance(obj, dict):
        return _flambeau.ScriptDict(obj)
    if isinstance(obj, list):
        return _flambeau.ScriptList(obj)
    if isinstance(obj, type):
        torch = _hooks.torch()
        if torch is not None and issubclass(obj, torch.nn.Module):
            raise RuntimeError(
                f"Type '{obj}' cannot be compiled since it inherits from nn.Module, pass an instance instead"
            )
        if issubclass(obj, __import__("enum").Enum):
            return obj
        if _types.is_named_tuple(obj):
            return obj
        if "__dict__" not in dir(obj) and not hasattr(obj, "__slots__"):
            raise RuntimeError("TorchScript classes must be new-style classes. Please inherit from 'object'.")
        if len(obj.__mro__) > 2:
            raise RuntimeError(
                "TorchScript classes does not support inheritance yet. Please directly inherit from 'object'."
            )
        _classes.compile_class(obj)
        return obj
    if inspect.isfunction(obj) or inspect.ismethod(obj):
        if hasattr(obj, "__script_if_tracing_wrapper"):
            obj = getattr(obj, "__original_fn")
        return _script_function(obj)
    return _script_object(obj)


def _script_function(fn):
    plain = getattr(fn, "__func__", fn)
    declared = _scope._overloads_of(plain)
    if declared:
        made = declared[0]
        made.compile()
        return ScriptFunction(made, fn)
    made = _scope.compiled_lazily(plain)
    try:
        made.compile()
    except BaseException:
        _scope.forget(plain)
        raise
    return ScriptFunction(made, fn)


def _script_object(obj):
    if not hasattr(obj, "__dict__"):
        raise TypeError(f"{type(obj)} is a built-in class")
    ty = _classes.compile_class(type(obj))
    return ScriptObject(_flambeau.make_object(ty, dict(vars(obj))))


def load(f, map_location=None, _extra_files=None, _restore_shapes=False):
    """Loads an archive from a path or a file object."""
    location = None if map_location is None else str(map_location)
    if hasattr(f, "read"):
        inner = _flambeau.load_bytes(f.read(), location)
    else:
        path = os.fspath(f)
        path = path.decode() if type(path) is bytes else path
        if not os.path.exists(path):
            raise ValueError(f"The provided filename {path} does not exist")
        if os.path.isdir(path) and not os.path.exists(os.path.join(path, "version")):
            raise ValueError(f"The provided filename {path} is a directory")
        inner = _flambeau.load_path(path, location)
    for name in _extra_files or {}:
        content = inner.extra_file(name)
        if content is not None:
            _extra_files[name] = content
    return _modules.wrap(inner)


def save(m, f, _extra_files=None):
    """Writes a module to a path or a file object."""
    m.save(f, _extra_files=_extra_files)


class CompilationUnit:
    """Functions of a text in TorchScript's own dialect, by attribute."""

    def __init__(self, lang=None, _frames_up=0):
        self._functions = {}
        if lang is not None:
            self.define(lang, _frames_up=_frames_up + 1)

    def define(self, lang, rcb=None, _frames_up=0):
        """Compiles the functions of a text, which see each other and the names around the caller."""
        scope = _scope.of_caller(rcb, _frames_up + 1)
        made = _flambeau.define_functions(lang, scope)
        for name, _ in made:
            if name in self._functions:
                raise RuntimeError(f"method '{name}' already defined.")
        self._functions.update((name, ScriptFunction(function)) for name, function in made)

    def get_functions(self):
        return list(self._functions.values())

    def find_function(self, name):
        """The function of a name, or None."""
        return self._functions.get(name)

    def __getattr__(self, name):
        if not name.startswith("_") and name in self._functions:
            return self._functions[name]
        raise AttributeError(f"'CompilationUnit' has no attribute '{name}'")


class Future:
    """The result of a forked call."""

    def __class_getitem__(cls, inner):
        return types.GenericAlias(cls, (inner,))

    def __init__(self, value, as_torch=False):
        self._flambeau_object = value
        self._as_torch = as_torch

    def wait(self):
        return self._flambeau_object.wait(self._as_torch)


class _Done:
    """A future of a call that was made at once: forks in plain Python."""

    def __init__(self, value):
        self.value = value

    def wait(self):
        return self.value


def fork(func, *args, **kwargs):
    """In a program: calls in another thread. In plain Python: calls at once."""
    return _Done(func(*args, **kwargs))


def wait(future):
    return future.wait()


def annotate(the_type, the_value):
    """The value, which the compiler takes as one of the type."""
    return the_value


def isinstance(obj, target_type):  # noqa: A001
    """Like Python's, for types with parts as well."""
    torch_jit = __import__("sys").modules.get("torch.jit")
    if torch_jit is not None and getattr(torch_jit, "isinstance", None) is not isinstance:
        return torch_jit.isinstance(obj, target_type)
    wanted = _types.annotation_type(target_type)
    try:
        return _types.infer(obj).is_subtype_of(wanted)
    except _types.CannotInfer:
        return False


class Attribute:
    """A module's attribute with its type."""

    _flambeau_attribute = True

    def __init__(self, value, type):
        self.value = value
        self.type = type


def export(fn):
    """Marks a method to be compiled though nothing calls it."""
    return _sources.mark(fn, _sources.EXPORT)


def unused(fn):
    """Marks a function, method or property not to be compiled: a call of it raises."""
    if type(fn) is property:
        for part in (fn.fget, fn.fset):
            if part is not None:
                _sources.mark(part, _sources.UNUSED)
        return fn
    return _sources.mark(fn, _sources.UNUSED)


def ignore(drop=False, **kwargs):
    """Marks a function not to be compiled."""
    if callable(drop):
        return _sources.mark(drop, _sources.IGNORE)
    text = _sources.UNUSED if drop else _sources.IGNORE
    return lambda fn: _sources.mark(fn, text)


def interface(obj):
    """Makes an interface of a class."""
    return _classes.make_interface(obj)


def is_scripting():
    """False in Python, true in compiled code."""
    return False


def is_tracing():
    """False in Python and in compiled code: only recorded runs are traced."""
    return False


# Compiled code names it as PyTorch's does.
is_tracing.__module__ = "torch.jit._trace"


def script_if_tracing(fn):
    """Compiled code compiles the function; Python calls it."""

    @functools.wraps(fn)
    def wrapper(*args, **kwargs):
        return fn(*args, **kwargs)

    setattr(wrapper, "__original_fn", fn)
    setattr(wrapper, "__script_if_tracing_wrapper", True)
    return wrapper


def script_method(fn):
    """Marks a method of a subclass of `ScriptModule` to be compiled."""
    return _legacy.script_method(fn)


def _overload(func):
    """Declares an overload of the function that follows."""
    name = f"{func.__module__}.{func.__qualname__}"
    _scope.overloads.setdefault(name, []).append(func)
    return func


def _overload_method(func):
    """Declares an overload of the method that follows."""
    _recursive.method_overloads.setdefault((func.__module__, func.__qualname__), []).append(func)
    return func


@contextlib.contextmanager
def optimized_execution(should_optimize):
    yield


def set_fusion_strategy(strategy):
    """Accepted for compatibility; Flambeau fuses without watching calls."""
    return list(strategy)


_scope.special.update(
    {
        fork: ("form", "fork"),
        wait: ("builtin", "aten::wait"),
        annotate: ("form", "annotate"),
        isinstance: ("form", "isinstance"),
        is_scripting: ("builtin", "aten::is_scripting"),
    }
)
