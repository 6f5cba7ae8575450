"""What names in a function's source mean: closure, globals and builtins, described for the compiler."""

import builtins
import cmath
import enum
import functools
import inspect
import math
import sys
import types
import typing
import warnings
import weakref

from .. import _flambeau, _hooks
from . import _names, _sources, _types

_functions = weakref.WeakKeyDictionary()
# Overloads declared with `_overload`, by qualified name.
overloads = {}
# Functions of this package that mean something to the compiler; `jit/__init__.py` fills it.
special = {}
# The class of compiled functions, which `jit/__init__.py` defines.
ScriptFunction = ()


class FunctionScope:
    """The names that a function sees."""

    def __init__(self, fn):
        self.globals = fn.__globals__
        self.cells = dict(zip(fn.__code__.co_freevars, fn.__closure__ or ()))

    def lookup(self, name):
        """The object, or raises KeyError."""
        if name in self.cells:
            try:
                return self.cells[name].cell_contents
            except ValueError:
                raise KeyError(name) from None
        if name in self.globals:
            return self.globals[name]
        if hasattr(typing, name):
            return getattr(typing, name)
        return vars(builtins)[name]

    def get(self, name):
        try:
            value = self.lookup(name)
        except KeyError:
            return None
        return meaning(value, member=False)

    def get_type(self, text):
        try:
            if text.isidentifier():
                annotation = self.lookup(text)
            else:
                annotation = eval(_compiled(text), {"__builtins__": {}}, _Names(self))
        except Exception:
            return None
        # `Final` is for the attributes of modules.
        if isinstance(annotation, str) or _types.is_final(annotation):
            return None
        return _types.annotation_type(annotation)


@functools.lru_cache(maxsize=1024)
def _compiled(text):
    return compile(text, "<annotation>", "eval")


class _Names(dict):
    """A scope as the names of an `eval`."""

    def __init__(self, scope):
        self.scope = scope

    def __missing__(self, name):
        return self.scope.lookup(name)


class NamesScope(FunctionScope):
    """Names that are given, for code that is no Python function."""

    def __init__(self, names):
        self.globals = names
        self.cells = {}


class CallbackScope(NamesScope):
    """Names that a function of the program looks up."""

    def __init__(self, rcb):
        super().__init__({})
        self.rcb = rcb

    def lookup(self, name):
        value = self.rcb(name)
        return super().lookup(name) if value is None else value


def of_caller(rcb=None, frames_up=0):
    """The names that the place in running code sees that called the function calling this; `rcb` finds them itself."""
    if rcb is not None:
        return CallbackScope(rcb)
    frame = sys._getframe(frames_up + 1)
    return NamesScope({**frame.f_globals, **frame.f_locals})


def of_function(fn):
    return FunctionScope(fn)


class ModuleScope:
    """The members of a Python module."""

    def __init__(self, module):
        self.module = module

    def get(self, name):
        torch = _hooks.torch()
        if torch is not None and self.module is torch and name in _FUNCTIONAL:
            return meaning(getattr(torch.functional, name))
        known = _flambeau.library(self.module.__name__, name)
        # Where PyTorch has a function in Python, that one is compiled: it is what the program imports.
        if known is not None and not (known.is_module or known.is_opaque or known.is_function):
            return known
        try:
            value = getattr(self.module, name)
        except AttributeError:
            return known
        if value is None:
            return ("constant", None)
        return meaning(value)

    def get_type(self, text):
        value = getattr(self.module, text, None)
        return _types.annotation_type(value) if value is not None else None


_LEGACY = {
    "FloatTensor": 6, "DoubleTensor": 7, "HalfTensor": 5, "BFloat16Tensor": 15, "ByteTensor": 0, "CharTensor": 1,
    "ShortTensor": 2, "IntTensor": 3, "LongTensor": 4, "BoolTensor": 11,
}  # fmt: skip

_KNOWN_MODULES = (
    "torch", "torch.nn.functional", "torch.nn.init", "torch.special", "torch.linalg", "torch.fft", "torch.autograd",
    "torch.random", "torch._VF",
)  # fmt: skip
# Functions of `torch.functional` that PyTorch compiles; `torch` has them too, and operators of these names.
_FUNCTIONAL = ("stft", "istft", "lu", "cdist", "norm", "unique", "unique_consecutive", "tensordot")
_builtin_names = {}


def _builtin_table():
    """Functions of PyTorch and of `math`, by identity, with the operators that they are."""
    torch = _hooks.torch()
    key = torch is not None
    if key in _builtin_names:
        return _builtin_names[key]
    table = {}

    def add(module, path):
        for name in dir(module):
            if name.startswith("__"):
                continue
            if path == "torch" and name in _FUNCTIONAL:
                continue
            known = _flambeau.library(path, name)
            if known is not None and known.builtin is not None:
                value = getattr(module, name, None)
                if callable(value):
                    table.setdefault(id(value), known)
            elif known is None and path == "torch":
                # For PyTorch each function of this module is an operator, whether there is one or not.
                value = getattr(module, name, None)
                if inspect.isroutine(value):
                    table.setdefault(id(value), ("builtin", f"aten::{name}"))

    add(math, "math")
    add(cmath, "cmath")
    table[id(warnings.warn)] = _flambeau.library("warnings", "warn")
    if torch is not None:
        for path in _KNOWN_MODULES:
            module = sys.modules.get(path)
            if module is None and path == "torch._VF":
                module = getattr(torch, "_VF", None)
            if module is not None:
                add(module, "torch" if path == "torch._VF" else path)
        table.update(_more_builtins(torch))
    _builtin_names[key] = table
    return table


def _more_builtins(torch):
    """Functions under private names."""
    found = {}
    for path, name, operator in (
        ("torch", "_assert", "aten::_assert"),
        ("torch._C", "_infer_size", "aten::_infer_size"),
        ("torch._C", "_get_tracing_state", "aten::_get_tracing_state"),
        ("torch._C", "_is_tracing", "aten::_is_tracing"),
        ("torch", "broadcast_shapes", "aten::broadcast_shapes"),
        ("torch.nn.functional", "_no_grad_embedding_renorm_", "aten::_no_grad_embedding_renorm_"),
        ("torch.nn.functional", "assert_int_or_pair", "aten::_assert_int_or_pair"),
        ("torch.nn.modules.utils", "_list_with_default", "aten::list_with_default"),
        ("torch.nn.modules.utils", "_single", "aten::_single"),
        ("torch.nn.modules.utils", "_pair", "aten::_pair"),
        ("torch.nn.modules.utils", "_triple", "aten::_triple"),
        ("torch.nn.modules.utils", "_quadruple", "aten::_quadruple"),
        ("collections", "OrderedDict", "aten::dict"),
        ("torch.backends.cudnn", "is_acceptable", "aten::cudnn_is_acceptable"),
        ("torch", "_check_is_size", "aten::_check_is_size"),
        ("torch.overrides", "has_torch_function", "aten::has_torch_function"),
        ("torch.overrides", "has_torch_function_unary", "aten::has_torch_function"),
        ("torch.overrides", "has_torch_function_variadic", "aten::has_torch_function"),
        ("torch.jit", "is_scripting", "aten::is_scripting"),
        ("torch._jit_internal", "is_scripting", "aten::is_scripting"),
        ("torch._jit_internal", "_unwrap_optional", "aten::_unwrap_optional"),
        ("torch.jit", "_unwrap_optional", "aten::_unwrap_optional"),
        ("torch.jit", "_wait", "aten::wait"),
        ("torch.jit", "wait", "aten::wait"),
    ):
        value = getattr(sys.modules.get(path), name, None)
        if value is not None:
            found[id(value)] = ("builtin", operator)
    for path in ("_nn", "_fft", "_linalg", "_nested", "_sparse", "_special"):
        module = getattr(torch._C, path, None)
        for name in dir(module):
            value = getattr(module, name)
            if callable(value) and not name.startswith("__"):
                found[id(value)] = ("builtin", f"aten::{value.__name__}")
    vf = getattr(torch, "_VF", None)
    for name in ("stft", "istft", "cdist", "norm", "unique_dim", "unique_consecutive", "nuclear_norm",
                 "frobenius_norm", "tensordot"):  # fmt: skip
        value = getattr(vf, name, None)
        if value is not None:
            found[id(value)] = ("builtin", f"aten::{name}")
    return found


def find_builtin(value):
    """The operator that a function is, or None."""
    try:
        known = _builtin_table().get(id(value))
    except TypeError:
        return None
    if known is None:
        return None
    return known[1] if isinstance(known, tuple) else known.builtin


_TORCH_FORMS = {"fork": "fork", "_fork": "fork", "annotate": "annotate", "isinstance": "isinstance",
                "_awaitable": "awaitable"}  # fmt: skip


def _form(value):
    """`torch.jit.fork` and its like."""
    jit = sys.modules.get("torch.jit")
    name = getattr(value, "__name__", None)
    if jit is not None and name in _TORCH_FORMS and getattr(jit, name, None) is value:
        return ("form", _TORCH_FORMS[name])
    return None


def meaning(value, member=True):
    """A Python object as the compiler understands it; None if it cannot be told from nothing. `member`: of a module or
    a class, where plain values are constants."""
    if value is None:
        return None
    torch = _hooks.torch()
    if isinstance(value, enum.Enum):
        return ("enum_member", value)
    if isinstance(value, (bool, int, float, complex, str, tuple, list, dict)):
        try:
            return ("constant", _flambeau.value_of(value))
        except Exception:
            return ("opaque", type(value).__name__)
    if torch is not None:
        if isinstance(value, (torch.dtype, torch.layout, torch.memory_format)) and not member:
            return ("opaque", type(value).__name__)
        if isinstance(value, (torch.dtype, torch.layout, torch.memory_format, torch.device)):
            return ("constant", value)
        if type(value).__name__ == "tensortype":
            code = _LEGACY.get(value.__name__)
            return ("legacy_tensor", code) if code is not None else ("opaque", "tensortype")
        if isinstance(value, torch._ops._OpNamespace) or value is torch.ops:
            return ("module", _OpsScope(value))
        if isinstance(value, torch._ops.OpOverloadPacket):
            return ("builtin", value._qualified_op_name)
        if value is getattr(torch, "_check", None):
            return ("check",)
    if isinstance(value, types.ModuleType):
        return ("module", ModuleScope(value))
    if isinstance(value, ScriptFunction):
        return ("functions", [value._flambeau_function])
    try:
        if value in special:
            return special[value]
    except TypeError:
        return ("opaque", type(value).__name__)
    form = _form(value)
    if form is not None:
        return form
    if value is slice:
        return ("slice",)
    builtin = _builtin_table().get(id(value))
    if isinstance(value, type) and builtin is None:
        return _class_meaning(value, torch)
    if builtin is not None:
        return builtin
    if hasattr(value, "_flambeau_object") and torch is not None and isinstance(value, torch.nn.Module):
        raise RuntimeError("Cannot call a ScriptModule that is not a submodule of the caller")
    dispatched = _dispatched(value)
    if dispatched is not None:
        return dispatched
    if inspect.isfunction(value):
        return _function_meaning(value)
    if inspect.isbuiltin(value):
        if value.__module__ == "builtins" and value.__name__ in ("len", "print", "abs", "min", "max"):
            return None
        known = _flambeau.library("torch", value.__name__) if _is_torch_function(value, torch) else None
        return known if known is not None else ("opaque", f"builtin {value.__name__}")
    return callback(value) if callable(value) else ("opaque", type(value).__name__)


# Classes of Python itself that the compiler does not know: calls of them stay Python's.
_PYTHONS = {"reversed", "map", "filter", "set", "frozenset", "object", "bytes", "bytearray", "type", "super"}


def _is_torch_function(value, torch):
    return torch is not None and getattr(torch, value.__name__, None) is value


class _OpsScope:
    """`torch.ops` and the namespaces below it."""

    def __init__(self, value):
        self.value = value

    def get(self, name):
        namespace = getattr(self.value, "name", None)
        torch = _hooks.torch()
        if self.value is torch.ops:
            return ("module", _OpsScope(getattr(torch.ops, name)))
        operator = f"{namespace}::{name}"
        return ("builtin", operator) if _flambeau.has_operator(operator) else None

    def get_type(self, text):
        return None


def _class_meaning(cls, torch):
    from . import _classes

    if issubclass(cls, BaseException):
        return ("exception", f"{cls.__module__}.{cls.__qualname__}")
    if cls.__module__ == "builtins" and cls.__name__ in _PYTHONS:
        return callback(cls)
    if cls.__module__ == "builtins":
        return ("opaque", cls.__name__) if cls.__name__ not in ("int", "float", "bool", "complex", "str") else None
    if cls in _types.class_types:
        ty = _types.class_types[cls]
        if ty.kind.endswith("interface"):
            # As a value it is a class like others, with the bodies that its methods have.
            return ("class", _classes.interface_as_class(cls), _classes.ClassScope(cls))
        return ("class", ty, _classes.ClassScope(cls))
    if torch is not None and issubclass(cls, torch.nn.Module):
        # Its static methods are known once a module of it is compiled or being compiled.
        known = _names.is_claimed(_names.qualified(cls))
        return ("module_class", cls.__name__, _classes.ClassScope(cls) if known else None)
    if torch is not None and cls.__module__.startswith("torch"):
        known = _flambeau.library("torch", cls.__name__)
        if getattr(torch, cls.__name__, None) is cls and known is not None:
            return known
        if cls is torch.no_grad:
            return _flambeau.library("torch", "no_grad")
        if cls in (torch.Tensor, torch.Size):
            return _flambeau.library("torch", cls.__name__) or ("opaque", "type")
    if issubclass(cls, enum.Enum):
        return ("enum", _types.enum_type(cls))
    if _types.is_named_tuple(cls):
        return ("named_tuple", _types.named_tuple_type(cls))
    if _sources.is_ignored(cls) or getattr(cls, "_flambeau_ignored", False):
        return ("opaque", "type")
    if _classes.can_compile(cls):
        return ("class", _classes.compile_class(cls), _classes.ClassScope(cls))
    return ("opaque", "type")


def _dispatched(value):
    """A function that chooses between two by a constant argument (`boolean_dispatch`)."""
    internal = sys.modules.get("torch._jit_internal")
    table = getattr(internal, "boolean_dispatched", None)
    try:
        found = table.get(value) if table is not None else None
    except TypeError:
        # As in PyTorch, what has no weak references cannot be called: NumPy's functions, for one.
        if callable(value):
            raise
        return None
    if found is None:
        return None
    return (
        "dispatch", found["index"], found["arg_name"], found["default"], meaning(found["if_true"]),
        meaning(found["if_false"]),
    )  # fmt: skip


def callback(fn, is_method=False):
    """A callable that compiled code calls in Python: name, parameters, signature and itself."""
    name = getattr(fn, "__name__", "<python_value>")
    target = fn
    if not inspect.isroutine(fn) and not isinstance(fn, type) and inspect.isroutine(getattr(fn, "__call__", None)):
        target = fn.__call__
    parameters = None
    if inspect.isfunction(target) or inspect.ismethod(target):
        parameters = inspect.getfullargspec(inspect.unwrap(target)).args
    return ("callback", name, parameters, _signature_of(fn, is_method), fn)


def _signature_of(fn, is_method):
    """The types of a function's parameters and result as annotated; None without annotations."""
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):
        return None
    empty = inspect.Signature.empty
    annotations = [p.annotation for p in signature.parameters.values()][1 if is_method else 0 :]
    returns = signature.return_annotation
    plain = inspect.unwrap(fn) if inspect.isfunction(fn) else None
    if returns is empty and all(a is empty for a in annotations):
        comment = _type_comment(plain) if plain is not None else None
        if comment is None:
            return None
        annotations, returns = comment
    scope = of_function(plain) if plain is not None else NamesScope({})

    def ty(annotation):
        found = scope.get_type(annotation) if isinstance(annotation, str) else _types.annotation_type(annotation)
        if found is None:
            raise ValueError(f"Unknown type annotation: '{annotation}'")
        return found

    return ([ty(a) for a in annotations], ty(returns))


def _type_comment(fn):
    """The annotations of `# type: (int, Tensor) -> Tensor`, as they would be written behind colons."""
    import ast
    import re

    try:
        text = "".join(inspect.getsourcelines(fn)[0])
    except (OSError, TypeError):
        return None
    found = re.search(r"#\s*type:\s*\((.*)\)\s*->\s*(.*?)\s*(#.*)?$", text, re.MULTILINE)
    if found is None:
        return None
    parts = ast.parse(f"({found[1]},)" if found[1].strip() else "()", mode="eval").body.elts
    return [ast.unparse(p) for p in parts], found[2]


def _function_meaning(fn):
    if hasattr(fn, "__script_if_tracing_wrapper"):
        fn = getattr(fn, "__original_fn")
        return meaning(fn)
    if _sources.is_unused(fn):
        return ("unused", compiled_lazily(fn))
    if _sources.is_ignored(fn):
        return callback(fn)
    declared = _overloads_of(fn)
    if declared:
        return ("functions", declared)
    return ("functions", [compiled_lazily(fn)])


def _overloads_of(fn):
    name = f"{fn.__module__}.{fn.__qualname__}"
    declared = list(overloads.get(name, ()))
    internal = sys.modules.get("torch._jit_internal")
    known = _functions.get(fn)
    if isinstance(known, list):
        return known
    if not declared and internal is not None:
        declared = internal._get_fn_overloads(_names.qualified(fn)) or _forgotten_overloads(fn)
    if not declared:
        return None
    compiled = []
    for i, declaration in enumerate(declared):
        qualified = _names.qualified(fn)
        if i:
            parent, _, last = qualified.rpartition(".")
            qualified = f"{parent}.___torch_mangle_{i - 1}.{last}"
        # The defaults are those of the definition, as far as they fit.
        source = dict(_sources.describe(fn, declared=declaration), defaults=_sources.defaults_of(fn), overload=True)
        compiled.append(_flambeau.make_function(source, qualified, False))
    _functions[fn] = compiled
    return compiled


def _forgotten_overloads(fn):
    """PyTorch forgets the declarations once it has compiled them itself; then they are read again."""
    import ast

    state = sys.modules.get("torch.jit._state")
    cached = getattr(state, "_try_get_jit_cached_overloads", None)
    if cached is None or not cached(fn):
        return []
    file = inspect.getsourcefile(fn)
    tree = ast.parse("".join(inspect.findsource(fn)[0]))
    declared = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef) or node.name != fn.__name__:
            continue
        if any(_declares_overload(d, fn) for d in node.decorator_list):
            node.decorator_list = []
            names = dict(fn.__globals__)
            exec(compile(ast.Module([node], []), file, "exec"), names)
            declared.append(names[node.name])
    return declared


def _declares_overload(decorator, fn):
    import ast

    name = ast.unparse(decorator)
    known = fn.__globals__.get(name)  # under whatever name it was imported
    return name.rsplit(".", 1)[-1] == "_overload" or known is not None and getattr(known, "__name__", "") == "_overload"


def compiled_lazily(fn):
    """The compiled form of a function; its body is compiled when it is first needed."""
    known = _functions.get(fn)
    if known is not None and not isinstance(known, list):
        return known
    source = _sources.describe(fn)
    name = _names.claim(_names.qualified(fn), fn)
    made = _flambeau.make_function(source, name, _sources.is_unused(fn))
    _functions[fn] = made
    return made


def forget(fn):
    _functions.pop(fn, None)


def clear():
    _functions.clear()
