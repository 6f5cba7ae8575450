"""Script classes and interfaces from Python classes."""

import dataclasses
import enum
import inspect
import sys
import typing

from .. import _flambeau, _hooks
from . import _names, _scope, _sources, _types


def can_compile(cls):
    """Whether a class may be a script class: ours to compile, not a builtin or a module."""
    torch = _hooks.torch()
    if getattr(cls, "_flambeau_ignored", False) or _sources.is_ignored(cls):
        return False
    if issubclass(cls, (tuple, enum.Enum, BaseException, dict, list, set, str, int, float)):
        return False
    if torch is not None and issubclass(cls, torch.nn.Module):
        return False
    members = vars(cls)
    functions = [getattr(cls, name, None) for name in members if inspect.isroutine(getattr(cls, name, None))]
    return all(hasattr(f, "__code__") for f in functions if f is not None)


def _is_static(cls, name):
    return isinstance(_sources.static(cls, name), staticmethod)


def _is_annotate(name):
    """The function that Python itself puts into a class with annotations, from 3.14 on."""
    return name in ("__annotate__", "__annotate_func__")


def compile_class(cls):
    """The type of a class, compiled once."""
    if cls in _types.class_types:
        return _types.class_types[cls]
    name = _names.claim(_names.qualified(cls), cls)
    ty = _flambeau.Type.class_(name)
    # Its methods may name it.
    _types.class_types[cls] = ty
    _hooks.classes[name] = cls
    try:
        methods = []
        for method, fn in inspect.getmembers(cls, lambda m: inspect.ismethod(m) or inspect.isfunction(m)):
            if method not in vars(cls) or _is_static(cls, method) or _is_annotate(method):
                continue
            if _sources.modifier(fn).startswith("_drop"):
                continue
            if dataclasses.is_dataclass(cls) and _is_generated(fn):
                source = _generated(cls, method)
                if source is not None:
                    methods.append(source)
                continue
            source = _sources.raising(fn) if _sources.is_unused(fn) else _sources.describe(fn)
            source["name"] = method
            methods.append(source)
        _flambeau.compile_class(ty, methods, properties_of(cls), _sources.class_assignments(cls))
    except BaseException:
        del _types.class_types[cls]
        _hooks.classes.pop(name, None)
        raise
    return ty


def _is_generated(fn):
    """Made by `dataclass`, so that there is no source; its `__repr__` is wrapped, by whom depends on Python's release."""
    return inspect.unwrap(fn).__code__.co_filename in ("<string>", dataclasses.__file__)


_ORDER = {"__lt__": "<", "__le__": "<", "__gt__": ">", "__ge__": ">"}


def _compared(cls, method, field):
    """Lines that compare one field of two objects; they return if it decides."""
    if method == "__eq__":
        lines = ["if val1 != val2: return False"]
        otherwise = "return False"
    else:
        sign = _ORDER[method]
        lines = [f"if val1 {sign} val2: return True", f"elif val2 {sign} val1: return False"]
        otherwise = f"raise TypeError('Cannot compare {cls.__name__} with None')"
    if type(None) in typing.get_args(field.type):
        both = "if val1 is not None and val2 is not None:"
        lines = [both, *[f"    {line}" for line in lines], "elif (val1 is None) != (val2 is None):", f"    {otherwise}"]
    return [f"val1 = self.{field.name}", f"val2 = other.{field.name}", *lines]


def _generated(cls, method):
    """A method that `dataclass` made, as source; None for those that code has no use for."""
    module = sys.modules.get(cls.__module__)
    names = dict(vars(module)) if module else {}
    names[cls.__name__] = cls
    fields = dataclasses.fields(cls)
    defaults = {}
    if method == "__init__":
        parameters, body = ["self"], []
        for field in fields:
            if field.default_factory is not dataclasses.MISSING:
                raise NotImplementedError("Default factory initializers are not supported in TorchScript dataclasses")
            if not field.init:
                continue
            names[f"__type_of_{field.name}"] = _field_type(field, names)
            default = ""
            if field.default is not dataclasses.MISSING:
                defaults[field.name] = field.default
                default = " = ..."
            parameters.append(f"{field.name}: __type_of_{field.name}{default}")
            body.append(f"self.{field.name} = {field.name}")
        if hasattr(cls, "__post_init__"):
            body.append("self.__post_init__()")
        lines = [f"def __init__({', '.join(parameters)}):"] + [f"    {line}" for line in body or ["pass"]]
    elif method in ("__eq__", *_ORDER):
        lines = [f"def {method}(self, other: {cls.__name__}) -> bool:"]
        for field in (f for f in fields if f.compare):
            lines += [f"    {line}" for line in _compared(cls, method, field)]
        lines.append(f"    return {method in ('__eq__', '__le__', '__ge__')}")
    elif method == "__repr__":
        shown = ", ".join(f"{f.name}=self.{f.name}" for f in fields if f.repr)
        lines = ["def __repr__(self) -> str:", f"    return '{cls.__name__}({shown})'"]
    elif method == "__hash__":
        lines = ["def __hash__(self) -> int:",
                 "    raise NotImplementedError('__hash__ is not supported for dataclasses in TorchScript')"]  # fmt: skip
    else:
        return None
    return {
        "name": method, "text": "\n".join(lines).replace(" = ...", "") + "\n", "file": "<dataclass>", "first_line": 1,
        "scope": _scope.NamesScope(names), "defaults": defaults,
    }  # fmt: skip


def _field_type(field, names):
    return eval(field.type, dict(names)) if isinstance(field.type, str) else field.type


def properties_of(cls):
    unused = getattr(cls, "__jit_unused_properties__", [])
    ignored = getattr(cls, "__jit_ignored_attributes__", [])
    found = []
    for name, value in _sources.members(cls):
        if not isinstance(value, property):
            continue
        if name in unused or name in ignored or _sources.is_ignored(value.fget):
            continue
        getter = _sources.describe(value.fget, f"__{name}_getter")
        setter = _sources.describe(value.fset, f"__{name}_setter") if value.fset else None
        found.append((name, getter, setter))
    return found


def make_interface(cls):
    """The type of an interface, from the signatures of its methods."""
    torch = _hooks.torch()
    is_module = torch is not None and issubclass(cls, torch.nn.Module)
    allowed = [b for b in (object, torch.nn.Module if torch else None) if b is not None]
    if len(cls.__mro__) != (3 if is_module else 2) or cls.__mro__[1] not in allowed:
        raise RuntimeError("TorchScript interface does not support inheritance yet. Please directly inherit from 'object' or 'nn.Module'.")
    methods = []
    for name, fn in inspect.getmembers(cls, inspect.isfunction):
        if name in vars(cls) and not name.startswith("__"):
            methods.append(_sources.describe(fn))
    name = _names.claim(_names.qualified(cls), cls)
    ty = _flambeau.make_interface(name, is_module, methods)
    _types.class_types[cls] = ty
    cls.__torch_script_interface__ = ty
    return cls


def interface_as_class(cls):
    """What calling an interface means: its class with the bodies of its methods, which mostly do not compile."""
    ty = _flambeau.Type.class_(_names.qualified(cls))
    functions = inspect.getmembers(cls, inspect.isfunction)
    methods = [_sources.describe(fn) for name, fn in functions if name in vars(cls) and not _is_annotate(name)]
    _flambeau.compile_class(ty, methods, [], [])
    return ty


class ClassScope:
    """Static methods and attributes of a class."""

    def __init__(self, cls):
        self.cls = cls

    def get(self, name):
        static = _sources.static(self.cls, name)
        if isinstance(static, staticmethod):
            return ("functions", [_scope.compiled_lazily(static.__func__)])
        if static is None:
            return None
        return _scope.meaning(getattr(self.cls, name))

    def get_type(self, text):
        return None
