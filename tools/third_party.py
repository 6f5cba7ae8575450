"""Runs the third-party archives that fetch_third_party.sh brought in real PyTorch and in Flambeau, and compares.

    PYTHON tools/third_party.py DIR --flambeau target/release/flambeau

The archives of PyTorch 1.13.1 are from before operators changed their meaning: what PyTorch makes of them now counts.
"""
import argparse, glob, os, subprocess, tempfile, warnings
import torch
from safetensors.torch import load_file, save_file

warnings.filterwarnings("ignore")
p = argparse.ArgumentParser()
p.add_argument("dir"); p.add_argument("--flambeau", required=True)
a = p.parse_args()


def flat(prefix, value, into):
    if isinstance(value, torch.Tensor): into[prefix] = value.detach().clone().contiguous()
    elif isinstance(value, (list, tuple)):
        for i, x in enumerate(value): flat(f"{prefix}.{i}", x, into)
    elif isinstance(value, dict):
        for k, x in value.items(): flat(f"{prefix}.{k}", x, into)
    elif isinstance(value, (int, float)): into[prefix] = torch.tensor(value)
    return into


def arguments(schema):
    """Values for each parameter, by its type; several sets where numbers matter."""
    sets = [[]]
    for parameter in schema.arguments[1:]:
        kind = str(parameter.type)
        if kind == "Tensor": choices = [torch.tensor([2.0, 3.0, 5.5, -7.0]), torch.tensor([2, 3, 5, -7])]
        elif kind == "int": choices = [3]
        elif kind == "float": choices = [2.5]
        elif kind in ("Scalar", "number"): choices = [3, 2.5]
        else: return []
        sets = [s + [c] for s in sets for c in choices]
    return sets


agreed = total = 0
with tempfile.TemporaryDirectory() as tmp:
    for path in sorted(glob.glob(os.path.join(a.dir, "fixtures", "*.pt"))):
        model = torch.jit.load(path)
        for i, inputs in enumerate(arguments(model.forward.schema)):
            copies = [x.clone() if isinstance(x, torch.Tensor) else x for x in inputs]
            try: want = flat("out", model(*copies), {})
            except Exception as e: want = e
            io = os.path.join(tmp, "io.safetensors")
            record = {f"in.{k}": x if isinstance(x, torch.Tensor) else torch.tensor(x) for k, x in enumerate(inputs)}
            total += 1
            if isinstance(want, Exception):
                save_file({**record, "out": torch.zeros(1)}, io)
                run = subprocess.run([a.flambeau, "verify", path, io], capture_output=True, text=True)
                ok = run.returncode not in (0, 1) and "panicked" not in run.stderr
            else:
                save_file({**record, **want}, io)
                run = subprocess.run([a.flambeau, "verify", path, io], capture_output=True, text=True)
                ok = run.returncode == 0
            agreed += ok
            if not ok: print(os.path.basename(path), inputs, "->", want, "|", (run.stdout + run.stderr).strip()[-300:])
print(f"fixtures of PyTorch 1.13.1: {agreed} of {total} calls agree")

# The archives of the crate `tch` are a Rust test: its own tests call methods of returned objects.
subprocess.run(["cargo", "test", "-q", "-p", "flambeau", "--test", "third_party", "--", "--nocapture"], check=True,
               env={**os.environ, "FLAMBEAU_THIRD_PARTY": os.path.abspath(a.dir)})
