"""Subclasses of `ScriptModule` that programs write: modules of `nn.Module` that are compiled when `__init__` is done.

They say themselves what is compiled: methods marked with `script_method` and texts given to `define`.
"""

import ast
import functools
import textwrap
import weakref

from .. import _flambeau, _hooks
from . import _modules, _scope, _sources

# Methods that `define` was given during `__init__`, by module.
_defined = weakref.WeakKeyDictionary()
# What `nn.Module` keeps in an object and a compiled module has elsewhere.
_KEPT_BY_TORCH = ("_parameters", "_buffers", "_modules", "training")


def script_method(fn):
    fn._flambeau_script_method = True
    return fn


def _is_marked(value):
    return getattr(value, "_flambeau_script_method", False)


class _CompileWhenMade(type):
    def __call__(cls, *args, **kwargs):
        module = super().__call__(*args, **kwargs)
        _compile(module)
        return module


class _Compiled(type(_modules.ScriptModule), _CompileWhenMade):
    """Of classes whose objects are compiled already."""

    __call__ = type.__call__


@functools.cache
def _base(torch):
    """The base of such a class while it is under construction."""

    class Uncompiled(torch.nn.Module, metaclass=_CompileWhenMade):
        def define(self, src):
            scope = _scope.of_caller(frames_up=1)
            try:
                functions = ast.parse(textwrap.dedent(src)).body
            except SyntaxError:
                _flambeau.define_functions(src, scope)  # says what is wrong and where
                raise
            methods = _defined.setdefault(self, {})
            methods.update((f.name, _sources.native(f.name, src, scope)) for f in functions)

    return Uncompiled


def subclass(name, bases, body):
    torch = _hooks.torch()
    if torch is None:
        raise RuntimeError(f"class {name}: subclasses of ScriptModule need PyTorch, whose nn.Module they are")
    return _CompileWhenMade(name, (_base(torch), *bases), body)


def methods_of(module):
    """The methods to compile, by name; None for a module that is no subclass of `ScriptModule`."""
    if not isinstance(type(module), _CompileWhenMade):
        return None
    names = {n for cls in type(module).__mro__ for n, v in vars(cls).items() if _is_marked(v)}
    methods = {n: dict(_sources.describe(getattr(module, n)), name=n) for n in names}
    methods.update(_defined.get(module, {}))
    return [methods[n] for n in sorted(methods)]


def _compile(module):
    from . import _recursive

    cls = type(module)
    inner = _recursive.create(module)
    own = vars(module)
    for name in [n for n in own if n in _KEPT_BY_TORCH or n in _recursive.NOT_DATA or inner.has(n)]:
        del own[name]
    own.update(_flambeau_object=inner, _original=None)
    module.__class__ = _compiled_class(cls, frozenset(inner.method_names()))
    _modules.remember(module)


@functools.cache
def _compiled_class(cls, compiled):
    """What objects of a class are when they are compiled: its Python methods stay what they were."""
    body = {"__repr__": lambda self: self._shown(cls.__name__)}
    for base in reversed(cls.__mro__[: cls.__mro__.index(_base(_hooks.torch()))]):
        body.update((n, v) for n, v in vars(base).items() if n not in ("__dict__", "__weakref__", "__init__"))
    if "forward" not in compiled:
        body["__call__"] = lambda self, *args, **kwargs: self.forward(*args, **kwargs)
    for name in compiled:
        body[name] = property(lambda self, name=name: _modules.ScriptMethod(self, name))
    return _Compiled(cls.__name__, (_modules.module_class(), cls), body, own=True)
