"""`ScriptModule` and `ScriptObject`: compiled modules and objects with the methods that PyTorch gives them."""

import collections
import os
import weakref

from .. import _flambeau, _hooks
from . import _names, _scope, _types
from ._debug import GraphExecutorState


class ScriptMethod:
    """A method of one object."""

    def __init__(self, owner, name):
        self.owner = owner
        self.name = self.__name__ = name
        self._function = owner._flambeau_object.method(name)

    def __call__(self, *args, **kwargs):
        return self.owner._flambeau_object.call(self.name, args, kwargs)

    @property
    def graph(self):
        return self._function.graph

    @property
    def inlined_graph(self):
        return self._function.inlined_graph

    @property
    def schema(self):
        return self._function.schema

    @property
    def code(self):
        return self._function.method_code()[0]

    @property
    def code_with_constants(self):
        code, constants = self._function.method_code()
        return code, {f"c{i}": c for i, c in enumerate(constants)}

    @property
    def qualified_name(self):
        return self._function.qualified_name

    def graph_for(self, *args, **kwargs):
        return self._function.inlined_graph

    def get_debug_state(self):
        return GraphExecutorState(self._function)


class ScriptObject:
    """An object of a script class."""

    def __init__(self, inner):
        object.__setattr__(self, "_flambeau_object", inner)

    def __getattr__(self, name):
        inner = object.__getattribute__(self, "_flambeau_object")
        if inner.has(name):
            return inner.get(name)
        for property_name, getter, _ in inner.properties():
            if property_name == name:
                return inner.call(getter, ())
        if inner.has_method(name):
            return ScriptMethod(self, name)
        constant = inner.constant(name)
        if constant is not None:
            return constant
        cls = _hooks.classes.get(inner.class_name)
        static = cls.__dict__.get(name) if cls is not None else None
        if isinstance(static, staticmethod):
            return static.__func__
        short = inner.class_name.rsplit(".", 1)[-1]
        raise AttributeError(f"'{short}' object has no attribute '{name}'")

    def __setattr__(self, name, value):
        inner = self._flambeau_object
        if inner.has(name):
            inner.set(name, value)
            return
        for property_name, _, setter in inner.properties():
            if property_name == name:
                if setter is None:
                    raise AttributeError(f"can't set attribute '{name}'")
                inner.call(setter, (value,))
                return
        object.__setattr__(self, name, value)

    def __repr__(self):
        return f"<flambeau.jit.ScriptObject of {self._flambeau_object.class_name}>"

    def _type(self):
        return self._flambeau_object.type_


def _magic(name):
    def method(self, *args):
        inner = self._flambeau_object
        if not inner.has_method(name):
            raise NotImplementedError(f"`{inner.class_name}` has no method `{name}`")
        return inner.call(name, args)

    method.__name__ = name
    return method


for _name in (
    "__len__", "__neg__", "__mul__", "__contains__", "__add__", "__sub__", "__pow__", "__truediv__", "__mod__",
    "__ne__", "__eq__", "__lt__", "__gt__", "__le__", "__ge__", "__and__", "__or__", "__xor__", "__getitem__",
    "__setitem__", "__call__", "__int__", "__float__", "__bool__", "__str__", "__enter__", "__exit__",
    "__floordiv__", "__lshift__", "__rshift__",
):  # fmt: skip
    if _name not in ("__eq__", "__ne__", "__bool__", "__str__", "__len__"):
        setattr(ScriptObject, _name, _magic(_name))


def _eq(self, other):
    inner = self._flambeau_object
    if inner.has_method("__eq__"):
        return inner.call("__eq__", (other,))
    theirs = getattr(other, "_flambeau_object", None)
    return theirs is not None and theirs.address == inner.address


ScriptObject.__eq__ = _eq
ScriptObject.__hash__ = lambda self: hash(self._flambeau_object.address)
ScriptObject.__len__ = _magic("__len__")
ScriptObject.__bool__ = lambda self: (
    self._flambeau_object.call("__bool__", ()) if self._flambeau_object.has_method("__bool__") else True
)
ScriptObject.__str__ = lambda self: (
    self._flambeau_object.call("__str__", ()) if self._flambeau_object.has_method("__str__") else repr(self)
)


class _Subclassing(type):
    """Gives a program's subclasses of `ScriptModule` another base, until they are compiled."""

    def __new__(meta, name, bases, body, own=False):
        if own or ScriptModule not in bases:
            return super().__new__(meta, name, bases, body)
        from . import _legacy

        return _legacy.subclass(name, tuple(b for b in bases if b is not ScriptModule), body)

    def __init__(cls, name, bases, body, own=False):
        super().__init__(name, bases, body)


class ScriptModule(metaclass=_Subclassing, own=True):
    """A compiled module. Attributes, parameters and methods are reached as on the module that it was made from.

    A program's own subclass is a module that is compiled when its `__init__` is done (see `_legacy`).
    """

    def __init__(self, inner, original=None):
        vars(self)["_flambeau_object"] = inner
        vars(self)["_original"] = original

    def __call__(self, *args, **kwargs):
        return self._flambeau_object.call_hooked(args, kwargs)

    def __getattr__(self, name):
        inner = vars(self)["_flambeau_object"]
        original = vars(self).get("_original")
        if inner.has(name):
            value = inner.get(name)
            if isinstance(value, ScriptModule):
                # Kept, so that it stays the same object.
                vars(self).setdefault("_children", {})[name] = value
                if original is not None and vars(value)["_original"] is None:
                    vars(value)["_original"] = original._modules.get(name)
                return value
            return self._as_parameter(name, value)
        if inner.has_method(name):
            return ScriptMethod(self, name)
        for property_name, getter, _ in inner.properties():
            if property_name == name:
                return inner.call(getter, ())
        constant = inner.constant(name)
        if constant is not None:
            return constant
        if original is not None:
            from . import _sources

            value = getattr(type(original), name, None)
            if value is not None and (_sources.is_ignored(value) or _sources.is_copy(value)):
                return value.__get__(self)
            if name in vars(original) and name not in original._modules:
                return vars(original)[name]
        short = inner.class_name.rsplit(".", 1)[-1]
        raise AttributeError(f"'{short}' object has no attribute '{name}'")

    def _kinds(self):
        return {n: k for n, _, k in self._flambeau_object.attributes()}

    def _as_parameter(self, name, value):
        torch = _hooks.torch()
        if torch is None or not isinstance(value, torch.Tensor) or self._kinds().get(name) != "parameter":
            return value
        return torch.nn.Parameter(value.detach(), requires_grad=value.requires_grad)

    def __setattr__(self, name, value):
        inner = self._flambeau_object
        if inner.has(name):
            inner.set(name, value)
            return
        for property_name, _, setter in inner.properties():
            if property_name == name and setter is not None:
                inner.call(setter, (value,))
                return
        if inner.constant(name) is not None:
            raise AttributeError(f"Cannot mutate TorchScript constant value: '{name}'. Value: '{value}'")
        vars(self)[name] = value

    def __delattr__(self, name):
        if name in vars(self):
            del vars(self)[name]
        else:
            raise AttributeError(f"attributes of a compiled module cannot be deleted: '{name}'")

    def __dir__(self):
        inner = self._flambeau_object
        return sorted({*object.__dir__(self), *inner.method_names(), *self._kinds()})

    def __repr__(self):
        return self._shown("RecursiveScriptModule", f"original_name={self.original_name}")

    def _shown(self, name, *lines):
        children = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self.named_children()]
        return "\n  ".join([f"{name}(", *lines, *children]) + "\n)" if children else f"{name}({''.join(lines)})"

    @property
    def original_name(self):
        return self._flambeau_object.class_name.rsplit(".", 1)[-1]

    # ---- code ----

    @property
    def forward(self):
        """Of the compiled module, not that of `nn.Module`."""
        if not vars(self)["_flambeau_object"].has_method("forward"):
            raise AttributeError(f"'{self.original_name}' object has no attribute 'forward'")
        return ScriptMethod(self, "forward")

    @property
    def code(self):
        return self.forward.code

    @property
    def code_with_constants(self):
        return self.forward.code_with_constants

    @property
    def graph(self):
        return self.forward.graph

    @property
    def inlined_graph(self):
        return self.forward.inlined_graph

    @property
    def schema(self):
        return self.forward.schema

    def graph_for(self, *args, **kwargs):
        return self.forward.graph_for(*args, **kwargs)

    def get_debug_state(self):
        return self.forward.get_debug_state()

    def define(self, src):
        """Compiles methods from their text and adds them."""
        self._flambeau_object.concrete.define(src, _scope.of_caller(frames_up=1))

    # ---- parts ----

    def named_children(self):
        for name, ty, _ in self._flambeau_object.attributes():
            if ty.kind in ("module", "module_interface"):
                yield name, getattr(self, name)

    def children(self):
        for _, child in self.named_children():
            yield child

    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        memo = set() if memo is None else memo
        address = self._flambeau_object.address
        if remove_duplicate and address in memo:
            return
        memo.add(address)
        yield prefix, self
        for name, child in self.named_children():
            yield from child.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self):
        for _, module in self.named_modules():
            yield module

    def _named(self, kind, prefix="", recurse=True, remove_duplicate=True):
        seen = set()
        modules = self.named_modules(prefix=prefix) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, found in module._kinds().items():
                if found != kind:
                    continue
                own = module._flambeau_object.get(name, False)
                if own is None:
                    continue
                place = (own.data_ptr(), own._sizes, own._strides)
                if remove_duplicate and place in seen and own.data_ptr():
                    continue
                seen.add(place)
                yield f"{path}.{name}" if path else name, getattr(module, name)

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        return self._named("parameter", prefix, recurse, remove_duplicate)

    def parameters(self, recurse=True):
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
        return self._named("buffer", prefix, recurse, remove_duplicate)

    def buffers(self, recurse=True):
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def get_submodule(self, target):
        module = self
        for name in filter(None, target.split(".")):
            module = getattr(module, name)
        return module

    def state_dict(self, *args, destination=None, prefix="", keep_vars=False):
        state = collections.OrderedDict() if destination is None else destination
        own = self._kinds()
        for wanted in ("parameter", "buffer"):
            for name, kind in own.items():
                if kind == wanted:
                    value = self._flambeau_object.get(name)
                    if value is not None:
                        state[prefix + name] = value.detach()
        for name, child in self.named_children():
            child.state_dict(destination=state, prefix=f"{prefix}{name}.")
        return state

    def load_state_dict(self, state_dict, strict=True, assign=False):
        have = dict(self.state_dict())
        missing = [k for k in have if k not in state_dict]
        unexpected = [k for k in state_dict if k not in have]
        if strict and (missing or unexpected):
            lines = []
            if unexpected:
                lines.append("Unexpected key(s) in state_dict: " + ", ".join(f'"{k}"' for k in unexpected) + ". ")
            if missing:
                lines.append("Missing key(s) in state_dict: " + ", ".join(f'"{k}"' for k in missing) + ". ")
            text = "\n\t".join(lines)
            raise RuntimeError(f"Error(s) in loading state_dict for {self.original_name}:\n\t{text}")
        for name, value in state_dict.items():
            if name not in have:
                continue
            path, _, last = name.rpartition(".")
            own = self.get_submodule(path)._flambeau_object.get(last, False)
            other = _flambeau_tensor(value)
            if tuple(own._sizes) != tuple(other._sizes):
                raise RuntimeError(
                    f"Error(s) in loading state_dict for {self.original_name}:\n\tsize mismatch for {name}: copying a "
                    f"param with shape {list(other._sizes)} from checkpoint, the shape in current model is "
                    f"{list(own._sizes)}."
                )
            _flambeau.call_operator("aten::copy_", (own, other))
        return _Keys(missing, unexpected)

    # ---- modes and copies ----

    def train(self, mode=True):
        self._flambeau_object.train(mode)
        return self

    def eval(self):
        return self.train(False)

    def requires_grad_(self, requires_grad=True):
        for _, module in self.named_modules():
            for name, kind in module._kinds().items():
                if kind == "parameter" and (own := module._flambeau_object.get(name, False)) is not None:
                    own.requires_grad_(requires_grad)
        return self

    def apply(self, fn):
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def to(self, *args, **kwargs):
        dtype = kwargs.get("dtype")
        for value in args:
            if isinstance(value, str) or type(value).__name__ == "device":
                if str(value).split(":")[0] != "cpu":
                    raise RuntimeError(f"Flambeau runs on the CPU; it cannot move a module to {value}")
            elif value is not None and not isinstance(value, bool):
                dtype = value
        if dtype is not None:
            self._convert(dtype)
        return self

    def _convert(self, dtype):
        for _, module in self.named_modules():
            for name, kind in module._kinds().items():
                if kind == "attribute":
                    continue
                own = module._flambeau_object.get(name, False)
                if own is not None and own.is_floating_point():
                    module._flambeau_object.set(name, own.to(dtype))

    def cpu(self):
        return self

    def float(self):
        return self.to(_dtype(6))

    def double(self):
        return self.to(_dtype(7))

    def half(self):
        return self.to(_dtype(5))

    def bfloat16(self):
        return self.to(_dtype(15))

    def copy(self):
        return wrap(self._flambeau_object.copy())

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return wrap(_flambeau.load_bytes(self.save_to_buffer()))

    def __getstate__(self):
        raise TypeError("ScriptModules cannot be pickled; save them with flambeau.jit.save")

    def __len__(self):
        inner = self._flambeau_object
        if inner.has_method("__len__"):
            return inner.call("__len__", ())
        return len(list(self.named_children()))

    def __iter__(self):
        return iter([child for _, child in self.named_children()])

    def __getitem__(self, key):
        inner = self._flambeau_object
        if inner.has_method("__getitem__"):
            return inner.call("__getitem__", (key,))
        children = dict(self.named_children())
        return children[key] if isinstance(key, str) else list(children.values())[key]

    def __contains__(self, key):
        inner = self._flambeau_object
        if inner.has_method("__contains__"):
            return inner.call("__contains__", (key,))
        return key in dict(self.named_children())

    def __bool__(self):
        return True

    def __eq__(self, other):
        theirs = getattr(other, "_flambeau_object", None)
        return theirs is not None and theirs.address == self._flambeau_object.address

    def __hash__(self):
        return hash(self._flambeau_object.address)

    # ---- saving ----

    def save(self, f, _extra_files=None):
        """Writes an archive to a path or to a file object."""
        extra = _extra(_extra_files)
        if isinstance(f, (str, os.PathLike)):
            self._flambeau_object.save(os.fspath(f), extra)
        else:
            f.write(self._flambeau_object.save_to_buffer(extra))

    def save_to_buffer(self, _extra_files=None):
        return self._flambeau_object.save_to_buffer(_extra(_extra_files))


_Keys = collections.namedtuple("IncompatibleKeys", ("missing_keys", "unexpected_keys"))


def _dtype(code):
    from .._tensor import dtype_of

    return dtype_of(code)


def _extra(files):
    return [(n, c.encode() if isinstance(c, str) else bytes(c)) for n, c in (files or {}).items()]


def _flambeau_tensor(value):
    from .. import as_tensor

    return as_tensor(value)


_module_class = None


def module_class():
    """`ScriptModule`; with PyTorch at hand, one that is an `nn.Module` too, so that modules can contain it."""
    global _module_class
    torch = _hooks.torch()
    if torch is None:
        return ScriptModule
    if _module_class is None:
        tables = {
            "_parameters": property(lambda self: dict(self._named("parameter", recurse=False))),
            "_buffers": property(lambda self: dict(self._named("buffer", recurse=False))),
            "_modules": property(lambda self: dict(self.named_children())),
            "_forward_hooks": property(lambda self: {}),
            "_forward_pre_hooks": property(lambda self: {}),
        }
        _module_class = _Subclassing("RecursiveScriptModule", (ScriptModule, torch.nn.Module), tables, own=True)
    return _module_class


# By address. What Python code stores on a module must be there when a call back into Python gets the module again.
_wrapped = weakref.WeakValueDictionary()


def remember(module):
    """Makes a module the one that `wrap` gives for its compiled object."""
    _wrapped[module._flambeau_object.address] = module


def wrap(inner, original=None):
    """The Python object of a compiled one; the same one for the same module."""
    if not inner.is_module:
        return ScriptObject(inner)
    have = _wrapped.get(inner.address)
    if have is None:
        have = _wrapped[inner.address] = module_class()(inner, original)
    elif original is not None and vars(have)["_original"] is None:
        vars(have)["_original"] = original
    return have
