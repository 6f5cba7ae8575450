"""`flambeau.install()`: the names of `torch.jit` stand for Flambeau's."""

import sys


def install():
    import torch

    from . import jit

    for name in jit.__all__:
        if name in ("Final", "Attribute", "annotate", "isinstance", "is_scripting", "is_tracing"):
            continue  # these mean the same there
        setattr(torch.jit, name, getattr(jit, name))
    # Programs also reach these through the modules that define them.
    script = sys.modules.get("torch.jit._script")
    if script is not None:
        script.script = jit.script
    serialization = sys.modules.get("torch.jit._serialization")
    if serialization is not None:
        serialization.load = jit.load
        serialization.save = jit.save
