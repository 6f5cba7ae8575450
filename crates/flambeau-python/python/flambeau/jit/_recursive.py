"""`nn.Module`s to compiled modules: what a module consists of, which methods to compile, which types to share."""

import functools
import inspect
import sys
import types
import warnings

from .. import _flambeau, _hooks
from . import _classes, _legacy, _names, _scope, _sources, _types

# What `nn.Module` keeps in an object beside the data.
NOT_DATA = {
    "_version", "_parameters", "_buffers", "_non_persistent_buffers_set", "_backward_hooks", "_backward_pre_hooks",
    "_forward_hooks", "_forward_hooks_with_kwargs", "_forward_pre_hooks", "_forward_pre_hooks_with_kwargs",
    "_forward_hooks_always_called", "_state_dict_hooks", "_state_dict_pre_hooks", "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks", "_modules", "_initializing", "dump_patches",
}  # fmt: skip

# Compiled types of a Python class, with what they were made from.
_store = {}
# Overloads declared with `_overload_method`: by the class's and the method's qualified name.
method_overloads = {}


def clear():
    _store.clear()
    method_overloads.clear()
    _types.module_types.clear()
    _annotations_of.cache_clear()


def is_module(value):
    torch = _hooks.torch()
    return torch is not None and isinstance(value, torch.nn.Module)


def _annotations(module):
    return _annotations_of(type(module))


@functools.lru_cache(maxsize=4096)
def _annotations_of(cls):
    for base in cls.__mro__:
        if base is object:
            return {}
        if sys.version_info >= (3, 14):
            import annotationlib

            found = annotationlib.get_annotations(base, format=annotationlib.Format.FORWARDREF)
        else:
            found = base.__dict__.get("__annotations__", {})
        if found:
            return {k: _evaluated(v, base) for k, v in found.items()}
    return {}


def _evaluated(annotation, cls):
    if isinstance(annotation, str):
        module = sys.modules.get(cls.__module__)
        try:
            return eval(annotation, vars(module) if module else {})
        except Exception:
            return annotation
    return annotation


def _constant(name, value, owner):
    torch = _hooks.torch()
    plain = (bool, float, int, str, type(None), torch.device, torch.layout, torch.dtype, torch.qscheme)
    if isinstance(value, plain):
        return value
    if isinstance(value, (tuple, list)):
        return tuple(_constant(name, v, owner) for v in value)
    kinds = ", ".join(torch.typename(t) for t in plain)
    raise TypeError(
        f"\n'{torch.typename(type(value))}' object in attribute '{owner}.{name}' is not a valid constant.\n"
        f"Valid constants are:\n1. a nn.ModuleList\n2. a value of type {{{kinds}}}\n3. a list or tuple of (2)\n"
    )


def _iterable(module):
    nn = _hooks.torch().nn
    if isinstance(module, nn.ModuleDict):
        return "dict"
    if isinstance(module, (nn.ModuleList, nn.Sequential)):
        return "list"
    if isinstance(module, nn.ParameterList):
        return "parameter_list"
    if isinstance(module, nn.ParameterDict):
        return "parameter_dict"
    return "none"


def check_initialized(module):
    torch = _hooks.torch()
    name = torch.typename(type(module))
    if not hasattr(module, "_parameters"):
        raise RuntimeError(f"'{name}' has not been initialized, did you forget to call 'super()'?")
    for what, table in (("parameters", module._parameters), ("buffers", module._buffers)):
        for key, value in table.items():
            if value is not None and torch.nn.parameter.is_lazy(value):
                raise RuntimeError(
                    f"'{name}' has uninitialized {what} {key}. Did you forget to run a forward pass?"
                )


class Description:
    """A module taken apart."""

    def __init__(self, module, interface_methods=None, known=None):
        check_initialized(module)
        # Descriptions of this run, by module: a module is taken apart once.
        self.known = {} if known is None else known
        self.module = module
        self.cls = type(module)
        self.attributes = []  # name, type, kind
        self.constants = {}
        self.submodules = []  # name, value, concrete, methods of an interface
        self.functions = {}
        self.builtins = {}
        self.failed = {}
        self.iterable = _iterable(module)
        self.annotations = _annotations(module)
        self.interface_methods = interface_methods
        self.concrete = None
        # What a subclass of `ScriptModule` says itself to compile.
        self.declared = _legacy.methods_of(module)
        self.collect()

    def type_of(self, name, value):
        """The attribute's type, and whether it was inferred."""
        torch = _hooks.torch()
        if name in self.annotations:
            annotation = self.annotations[name]
            if annotation != torch.nn.Module.__annotations__.get("forward"):
                try:
                    ty = _types.annotation_type(annotation)
                except RuntimeError as error:
                    raise RuntimeError(f"Error inferring type for {name}: {value}: {error}") from error
                if ty is None:
                    raise ValueError(f"Unknown type annotation: '{annotation}' of attribute '{name}'")
                return ty, False
        if hasattr(value, "_flambeau_attribute") or type(value).__name__ == "Attribute" and hasattr(value, "type"):
            ty = _types.annotation_type(value.type)
            if ty is None:
                raise ValueError(f"Unknown type annotation: '{value.type}' of attribute '{name}'")
            return ty, False
        return _types.infer(value), True

    def collect(self):
        module = self.module
        ignored = set(getattr(module, "__jit_ignored_attributes__", ()))
        added = set()
        for table, kind in ((module._parameters, "parameter"), (module._buffers, "buffer")):
            for name, value in table.items():
                if name in ignored:
                    continue
                ty, _ = self.type_of(name, value)
                self.attributes.append((name, ty, kind))
                added.add(name)
        for name, value in module._modules.items():
            if name in ignored:
                continue
            if value is None:
                self.attributes.append((name, _flambeau.Type.named("None"), "attribute"))
                continue
            self.submodules.append((name, value, *self.child(name, value)))
            added.add(name)
        self.collect_constants(added)
        for name, value in vars(module).items():
            if name in NOT_DATA or name.startswith("__") or name in ignored or name in added:
                continue
            self.collect_attribute(name, value)
        self.hooks = tuple(module._forward_hooks.values())
        self.pre_hooks = tuple(module._forward_pre_hooks.values())

    def child(self, name, value):
        if name in self.annotations:
            ty = _types.annotation_type(self.annotations[name])
            if ty is not None and ty.kind == "module_interface":
                wanted = _interface_methods(self.annotations[name])
                return concrete_of(value, wanted, self.known).through(ty), wanted
        return concrete_of(value, None, self.known), None

    def collect_constants(self, added):
        module = self.module
        names = list(dict.fromkeys(getattr(module, "__constants__", ())))
        names += [n for n, a in self.annotations.items() if _types.is_final(a) and n not in names]
        for name in names:
            if name in added:
                if name in module._modules:
                    hint = "submodule"
                else:
                    hint = "buffer" if name in module._buffers else "parameter"
                warnings.warn(
                    f"'{name}' was found in ScriptModule constants,  but it is a non-constant {hint}. Consider "
                    "removing it.",
                    stacklevel=4,
                )
                continue
            if not hasattr(module, name):
                warnings.warn(
                    f"'{name}' was found in ScriptModule constants, but was not actually set in __init__. Consider "
                    "removing it.",
                    stacklevel=4,
                )
                continue
            self.constants[name] = _constant(name, getattr(module, name), self.cls.__name__)
            added.add(name)

    def collect_attribute(self, name, value):
        from . import ScriptFunction

        if type(value).__name__ == "OpOverloadPacket":
            self.builtins[name] = value._qualified_op_name
            return
        if inspect.isfunction(value):
            try:
                made = _scope.compiled_lazily(value)
                made.compile()
                self.functions[name] = made
            except Exception as error:
                self.failed[name] = (
                    "(This function exists as an attribute on the Python module, but we failed to compile it to a "
                    f"TorchScript function. \nThe error stack is reproduced here:\n{error})"
                )
            return
        builtin = _scope.find_builtin(value) if callable(value) else None
        if builtin is not None:
            self.builtins[name] = builtin
            return
        if isinstance(value, ScriptFunction):
            self.functions[name] = value._flambeau_function
            return
        try:
            ty, _ = self.type_of(name, value)
        except (_types.CannotInfer, RecursionError) as error:
            torch = _hooks.torch()
            self.failed[name] = (
                "(This attribute exists on the Python module, but we failed to convert Python type: "
                f"'{torch.typename(type(value))}' to a TorchScript type. {error}. Its type was inferred; try adding "
                "a type annotation for the attribute.)"
            )
            return
        self.attributes.append((name, ty, "attribute"))

    def key(self):
        """Equal for modules that can share a type."""
        constants = tuple((n, type(v), repr(v)) for n, v in self.constants.items())
        return (
            tuple(self.attributes), constants, tuple((n, id(c)) for n, _, c, _ in self.submodules), self.iterable,
            tuple((n, id(f)) for n, f in self.functions.items()), tuple(self.builtins.items()),
            tuple(self.failed), tuple(map(id, self.hooks)), tuple(map(id, self.pre_hooks)), self.interface_methods,
            tuple((m["name"], m["text"]) for m in self.declared or ()),
        )  # fmt: skip

    # ---- what to compile ----

    def method_names(self):
        module = self.module
        if self.interface_methods is not None:
            return list(self.interface_methods)
        names = []
        forward = getattr(module, "forward", None)
        if forward is not None and not _sources.is_ignored(forward):
            default = getattr(_hooks.torch().nn.Module, "forward", None)
            if getattr(forward, "__func__", None) is not default:
                names.append("forward")
        own = [n for n, v in vars(module).items() if _sources.is_export(v)]
        exported = sorted({*own, *_sources.exported(type(module))})
        names += [n for n in exported if n not in names]
        return names

    def overloads(self):
        """By method: the declarations of its overloads, each with its name."""
        found = {}
        internal = sys.modules.get("torch._jit_internal")
        theirs = getattr(internal, "_overloaded_methods", {})
        names = {qualified.rsplit(".", 1)[-1] for qualified in (*theirs, *(q for _, q in method_overloads))}
        for name in sorted(names):
            fn = _sources.static(self.cls, name)
            if not inspect.isfunction(fn):
                continue
            declared = method_overloads.get((fn.__module__, fn.__qualname__))
            if not declared and theirs:
                try:
                    declared = internal._get_overloaded_methods(fn, self.cls)
                except AttributeError:
                    declared = None
            if declared:
                found[name] = [
                    dict(_sources.describe(fn, declared=d), name=f"{name}__{i}") for i, d in enumerate(declared)
                ]
        return found

    def container_methods(self, have):
        """`len` and `in` of containers, whose sizes are known when they are compiled."""
        texts = {}
        if self.iterable in ("list", "dict"):
            texts["__len__"] = f"def __len__(self):\n   return {len(self.module)}\n"
        if self.iterable == "dict":
            keys = list(self.module.keys())
            found = f"key in {keys!r}" if keys else "False"
            texts["__contains__"] = f"def __contains__(self, key: str):\n   return {found}\n"
        scope = _scope.NamesScope({})
        return [_sources.native(n, t, scope) for n, t in texts.items() if n not in have]

    def compile(self, name):
        module = self.module
        overloads = self.overloads()
        methods = self.declared
        if methods is None:
            bound = [(n, getattr(module, n)) for n in self.method_names() if n not in overloads]
            methods = [dict(_sources.describe(m), name=n) for n, m in bound]
        methods += self.container_methods({m["name"] for m in methods})
        properties = _classes.properties_of(self.cls)
        hooks = {}
        for hook in self.hooks + self.pre_hooks:
            have = hooks.setdefault(hook.__name__, hook)
            if have is not hook:
                raise RuntimeError(
                    f"Hook '{hook.__name__}' on {self.cls.__name__} has at least two different python definitions. "
                    "Please use unique names for all hooks."
                )
        cls = self.cls
        spec = {
            "qualified_name": name,
            "attributes": self.attributes,
            "constants": list(self.constants.items()),
            "submodules": [(n, c) for n, _, c, _ in self.submodules],
            "iterable": self.iterable,
            "functions": list(self.functions.items()),
            "builtins": list(self.builtins.items()),
            "failed": self.failed,
            "methods": methods,
            "overloads": list(overloads.items()),
            "properties": properties,
            "forward_hooks": [_sources.describe(h) for h in self.hooks],
            "forward_pre_hooks": [_sources.describe(h) for h in self.pre_hooks],
            "find": lambda method: _find(cls, method),
        }
        return _flambeau.compile_module(spec)


def _interface_methods(interface):
    """The methods that an interface asks for, by name."""
    return tuple(n for n in vars(interface) if inspect.isfunction(vars(interface)[n]) and not n.startswith("__"))


def torch_name(value):
    """A type's name as Python's own messages write it."""
    cls = type(value)
    return cls.__name__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def _find(cls, name):
    """A method of a module's class that code names, for the compiler."""
    static = _sources.static(cls, name)
    if isinstance(static, staticmethod):
        return ("value", _scope.meaning(static.__func__))
    if isinstance(static, classmethod):
        static = static.__func__
    if not inspect.isfunction(static):
        value = getattr(cls, name, None)
        if callable(value) and not name.startswith("__call"):
            # PyTorch takes any callable for a method, and wants its source.
            what = f"type object '{value.__name__}'" if isinstance(value, type) else f"'{torch_name(value)}' object"
            raise AttributeError(f"{what} has no attribute '__globals__': only functions can be methods of a module")
        return None
    if _sources.is_unused(static):
        return ("unused", dict(_sources.describe(static), name=name))
    if _sources.is_ignored(static):
        return ("callback", _scope.callback(static, is_method=True))
    if _sources.is_copy(static) or name in ("__len__", "__contains__") and cls.__module__.startswith("torch.nn"):
        return None
    return ("method", dict(_sources.describe(static), name=name))


def _described(module, interface_methods, known):
    key = (id(module), interface_methods)
    if key not in known:
        known[key] = Description(module, interface_methods, known)
    return known[key]


def concrete_of(module, interface_methods=None, known=None):
    """The compiled type of a module, shared among modules that are made of the same."""
    inner = getattr(module, "_flambeau_object", None)
    if inner is not None:
        return inner.concrete
    return _made(_described(module, interface_methods, {} if known is None else known))


def _made(description):
    if description.concrete is not None:
        return description.concrete
    known = _store.setdefault(description.cls, {})
    key = description.key()
    concrete = known.get(key)
    if concrete is None:
        owner = object()
        name = _names.claim(_names.qualified(description.cls), owner)
        concrete = description.compile(name)
        # The key holds identities, so what they are of is kept too.
        known[key] = concrete
        _keep.append((description.hooks, description.pre_hooks, [c for _, _, c, _ in description.submodules],
                      list(description.functions.values())))  # fmt: skip
        _hooks.classes.setdefault(name, description.cls)
        _types.module_types.setdefault(description.cls, concrete.type_)
    description.concrete = concrete
    return concrete


_keep = []


def script_module(module):
    """A compiled module with the values of `module`, which it shares."""
    from . import _modules

    return _modules.wrap(create(module), module)


def create(module, interface_methods=None, made=None, known=None):
    """The object of a module. A submodule under two names becomes two, which share its tensors."""
    made = {} if made is None else made
    known = {} if known is None else known
    torch = _hooks.torch()
    inner = getattr(module, "_flambeau_object", None)
    if inner is not None:
        return inner
    module = _prepared(module)
    description = _described(module, interface_methods, known)
    concrete = _made(description)
    created = concrete.create()
    for name, _, _ in description.attributes:
        value = getattr(module, name)
        if type(value).__name__ == "Attribute" and hasattr(value, "type"):
            value = value.value
        if isinstance(value, torch.Tensor):
            if id(value) not in made:
                # The tensor is kept too, so that its identity stays its own.
                made[id(value)] = (_hooks.from_torch(value), value)
            value = made[id(value)][0]
        created.set(name, value)
    for name, value, _, wanted in description.submodules:
        created.set(name, create(value, wanted, made, known))
    return created


def _prepared(module):
    prepare = getattr(module, "__prepare_scriptable__", None)
    return prepare() if prepare is not None else module
