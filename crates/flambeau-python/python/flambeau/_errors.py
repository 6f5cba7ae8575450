"""The exceptions that the engine raises, by the names that PyTorch has for them."""

import sys


class Error(RuntimeError):
    """A TorchScript program raised an exception (`torch.jit.Error`)."""


class FrontendError(Exception):
    """The source uses Python in a way that TorchScript cannot read."""

    def __init__(self, message):
        # Not `super()`: a class of PyTorch may come next, which wants other arguments.
        Exception.__init__(self, message)
        self.msg = message
        self.error_report = None

    def __str__(self):
        return self.msg


class NotSupportedError(FrontendError):
    """A form of a construct that TorchScript lacks."""


class UnsupportedNodeError(NotSupportedError):
    """A construct of Python that TorchScript lacks."""


_OWN = {
    "torch.jit.Error": Error,
    "torch.jit.frontend.FrontendError": FrontendError,
    "torch.jit.frontend.NotSupportedError": NotSupportedError,
    "torch.jit.frontend.UnsupportedNodeError": UnsupportedNodeError,
}

_mixed = {}


def _also_torch(name, own):
    """A class that PyTorch's own `except` clauses catch too, where PyTorch is loaded."""
    module, _, attribute = name.rpartition(".")
    theirs = getattr(sys.modules.get(module), attribute, None)
    if theirs is None or issubclass(own, theirs) or issubclass(theirs, own):
        return own
    if name not in _mixed:
        try:
            body = {"__init__": own.__init__, "__module__": __name__}
            _mixed[name] = type(own.__name__, (own, theirs), body)
        except TypeError:
            _mixed[name] = own
    return _mixed[name]


def make(name, message):
    """An instance of the exception that Python code knows by `name`."""
    import builtins

    own = _OWN.get(name)
    if own is not None:
        return _also_torch(name, own)(message)
    cls = getattr(builtins, name, RuntimeError)
    return cls(message)
