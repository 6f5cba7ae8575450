"""Python's types as types of the language: annotations, classes, NamedTuples, enums, interfaces, and values' own."""

import collections
import enum
import inspect
import sys
import types
import typing

from .. import _hooks
from .._flambeau import Object, Tensor, Type
from . import _names

# Script classes and interfaces, by Python class.
class_types = {}
# Types of modules that have been compiled, by Python class: those without a number in their names.
module_types = {}
_named_tuples = {}
_result_tuples = {}

_PLAIN = {
    float: "float", complex: "complex", int: "int", str: "str", bool: "bool", type(None): "None", typing.Any: "Any",
}  # fmt: skip


def is_final(annotation):
    origin = typing.get_origin(annotation)
    if annotation is typing.Final or origin is typing.Final:
        return True
    extensions = sys.modules.get("typing_extensions")
    return extensions is not None and origin is getattr(extensions, "Final", None)


def _torch_plain(annotation):
    torch = _hooks.torch()
    if torch is None:
        return None
    if isinstance(annotation, type) and issubclass(annotation, torch.Tensor):
        return Type.named("Tensor")
    # Legacy types such as `torch.LongTensor` are instances of their own metaclass.
    if type(annotation).__name__ == "tensortype":
        return Type.named("Tensor")
    for cls, name in (
        (torch.device, "Device"), (torch.Generator, "Generator"), (torch.dtype, "int"), (torch.qscheme, "int"),
        (getattr(torch, "SymInt", None), "int"), (getattr(torch, "Stream", None), "Stream"),
    ):  # fmt: skip
        if annotation is cls:
            return Type.named(name)
    return None


def annotation_type(annotation):
    """The type that an evaluated annotation stands for, or None."""
    if annotation is None:
        return Type.named("None")
    if annotation is inspect.Signature.empty or annotation is Tensor:
        return Type.named("Tensor")
    if isinstance(annotation, types.ModuleType):
        return None
    try:
        if annotation in _PLAIN:
            return Type.named(_PLAIN[annotation])
    except TypeError:
        return None
    plain = _torch_plain(annotation)
    if plain is not None:
        return plain
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in (typing.List, typing.Tuple, typing.Dict, typing.Optional, typing.Union):
        _bare(annotation)
    if origin in (tuple, typing.Tuple):
        if args == ((),) or not args:
            return Type.tuple([])
        parts = [annotation_type(a) for a in args]
        return Type.tuple(parts) if all(parts) else None
    if origin in (list, typing.List):
        element = annotation_type(args[0])
        return element and Type.list(element)
    if origin in (dict, typing.Dict):
        key, value = map(annotation_type, args)
        if key is not None and str(key) not in ("int", "float", "complex", "Tensor", "Device", "str", "bool"):
            if key.kind != "enum":
                raise RuntimeError(
                    f"Cannot create dict for key type '{key}', only int, float, complex, Tensor, device and string "
                    "keys are supported"
                )
        return Type.dict(key, value) if key and value else None
    if origin is typing.Union or isinstance(annotation, types.UnionType):
        if set(args) == {int, float, complex}:
            return Type.named("number")
        parts = [annotation_type(a) for a in args]
        if not all(parts):
            return None
        if len(args) == 2 and type(None) in args:
            return Type.optional(parts[0] if args[1] is type(None) else parts[1])
        return Type.union(parts)
    if is_final(annotation) and args:
        return annotation_type(args[0])
    if origin is not None and getattr(origin, "__name__", "") in ("Future", "Await"):
        inner = annotation_type(args[0]) if args else Type.named("Any")
        return inner and Type.future(inner)
    if isinstance(annotation, typing.ForwardRef):
        return None
    if isinstance(annotation, type):
        return class_type(annotation)
    return None


def _bare(annotation):
    name = getattr(annotation, "_name", None) or "Union"
    if annotation is typing.Dict:
        what, example = "contained types. Please add contained type", "Dict[int, int]"
    else:
        what, example = "a contained type. Please add a contained type", f"{name}[int]"
    raise RuntimeError(f"Attempted to use {name} without {what}, e.g. {example}")


def is_named_tuple(cls):
    return issubclass(cls, tuple) and hasattr(cls, "_fields")


def class_type(cls):
    """The type of a Python class; script classes are compiled now."""
    if cls in class_types:
        return class_types[cls]
    torch = _hooks.torch()
    if torch is not None and issubclass(cls, torch.nn.Module):
        # As in PyTorch: the type that the first compiled module of the class has, for `isinstance`.
        return module_types.get(cls)
    if issubclass(cls, enum.Enum):
        return enum_type(cls)
    if is_named_tuple(cls):
        return named_tuple_type(cls)
    from . import _classes

    return _classes.compile_class(cls) if _classes.can_compile(cls) else None


def named_tuple_type(cls):
    if cls in _named_tuples:
        return _named_tuples[cls]
    hints = _annotations(cls)
    fields, parts = list(cls._fields), []
    scope = sys.modules.get(cls.__module__)
    for field in fields:
        annotation = hints.get(field, inspect.Signature.empty)
        if isinstance(annotation, (str, typing.ForwardRef)):
            text = annotation if isinstance(annotation, str) else annotation.__forward_arg__
            try:
                annotation = eval(text, vars(scope) if scope else {})
            except Exception as error:
                raise RuntimeError(f"Unknown type annotation: '{text}' in NamedTuple {cls.__name__}") from error
        part = annotation_type(annotation)
        if part is None:
            raise ValueError(f"Unknown type annotation: '{annotation}' in NamedTuple {cls.__name__}")
        parts.append(part)
    defaults = getattr(cls, "_field_defaults", {})
    values = [_fit(defaults[f], p) for f, p in zip(fields, parts) if f in defaults]
    name = _names.claim(_names.qualified(cls), cls)
    ty = Type.named_tuple(name, fields, parts, values)
    _named_tuples[cls] = ty
    _hooks.classes[name] = cls
    return ty


def _fit(value, ty):
    if str(ty) == "float" and isinstance(value, int):
        return float(value)
    return value


def _annotations(cls):
    try:
        return typing.get_type_hints(cls)
    except Exception:
        if sys.version_info >= (3, 14):
            import annotationlib

            return annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF)
        return inspect.get_annotations(cls)


def result_tuple(name, fields):
    """The class of a NamedTuple that no Python program defined."""
    key = (name, fields)
    if key not in _result_tuples:
        _result_tuples[key] = collections.namedtuple(name, fields)
    return _result_tuples[key]


def enum_type(cls):
    if cls in _hooks.enum_types:
        return _hooks.enum_types[cls]
    members = [(m.name, m.value) for m in cls]
    if not members:
        raise ValueError(f"No enum values defined for: '{type(cls)}'")
    value_type = None
    # They are compared from the last one on.
    for i, (_, value) in enumerate(reversed(members)):
        ty = infer(value)
        if value_type is not None and ty != value_type:
            raise RuntimeError(
                f"Could not unify type list since element {i} of type {ty!r} did not match the types before it "
                f"({value_type!r})"
            )
        value_type = ty
    value_type = value_type or Type.named("int")
    if str(value_type) not in ("int", "float", "str"):
        raise RuntimeError(
            f"Cannot create Enum with value type '{value_type}', only int, float and string are supported"
        )
    name = _names.claim(_names.qualified(cls), cls)
    ty = Type.enumeration(name, value_type, members)
    _hooks.enum_types[cls] = ty
    _hooks.classes[name] = cls
    return ty


class CannotInfer(Exception):
    """A value has no type of the language; the text says why."""


def infer(value):
    """The type that a value has by itself."""
    torch = _hooks.torch()
    if isinstance(value, Tensor) or (torch is not None and isinstance(value, torch.Tensor)):
        return Type.named("Tensor")
    if isinstance(value, enum.Enum):
        return enum_type(type(value))
    for cls in (bool, int, float, complex, str):
        if isinstance(value, cls):
            return Type.named(cls.__name__)
    if value is None:
        return Type.named("None")
    if torch is not None:
        if isinstance(value, torch.device):
            return Type.named("Device")
        if isinstance(value, (torch.dtype, torch.layout, torch.memory_format, torch.qscheme)):
            return Type.named("int")
        if isinstance(value, torch.Generator):
            return Type.named("Generator")
    if isinstance(value, tuple):
        if is_named_tuple(type(value)) and _annotations(type(value)):
            return named_tuple_type(type(value))
        return Type.tuple([infer(v) for v in value])
    if isinstance(value, list):
        if not value:
            raise CannotInfer("List trace inputs must have elements")
        return Type.list(_unified(value, "List"))
    if isinstance(value, dict):
        if not value:
            raise CannotInfer("Dictionary inputs must have entries")
        return Type.dict(_unified(list(value), "Dictionary"), _unified(list(value.values()), "Dictionary"))
    inner = getattr(value, "_flambeau_object", None)
    if isinstance(inner, Object):
        return inner.type_
    cls = type(value)
    if cls in class_types:
        return class_types[cls]
    from . import _classes

    if cls.__module__ != "builtins" and not callable(value) and _classes.can_compile(cls):
        try:
            return _classes.compile_class(cls)
        except Exception as error:
            raise CannotInfer(f"Script classes: `{cls.__name__}` cannot be compiled: {error}") from error
    raise CannotInfer(
        "Only tensors and (possibly nested) tuples of tensors, lists, or dicts are supported as inputs or outputs of "
        f"traced functions, but instead got value of type {type(value).__name__}."
    )


def _unified(values, what):
    unified = infer(values[0])
    for value in values[1:]:
        ty = infer(value)
        joined = unified.unify(ty)
        if joined is None:
            raise CannotInfer(
                f"{what} inputs to traced functions must have consistent element type. Found {unified} and {ty}"
            )
        unified = joined
    return unified
