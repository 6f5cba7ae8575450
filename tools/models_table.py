"""Verifies and times every model that make_models.py wrote, in Flambeau and in real PyTorch, and writes a table.

    PYTHON tools/models_table.py DIR --flambeau target/release/flambeau [--batch2 DIR] [--out docs/models.md] [--only SUBSTRING]

Each row: whether `flambeau verify` agrees (rtol 1e-3, atol 1e-4) at batch 1 and batch 2, the largest difference, and
the steady processor time of one call at one thread as a ratio to torch.jit's (the better of plain and frozen), measured
in turn in one run. Processor time and not that of the clock, so that whatever else the machine does counts for neither.
Where a model does not agree, what PyTorch recorded is compared with what PyTorch computes with its other convolution
backend (oneDNN off), and where that agrees in float64: a model whose own answers move by more than the tolerance, untrained weights letting
its values grow without bound, says nothing about Flambeau.
"""
import argparse, glob, json, math, os, statistics, subprocess, time
import torch, torchvision  # torchvision registers its operators
from safetensors.torch import load_file

p = argparse.ArgumentParser()
p.add_argument("dir"); p.add_argument("--flambeau", required=True); p.add_argument("--out", default="docs/models.md")
p.add_argument("--batch2", help="the same models recorded at batch 2"); p.add_argument("--only", default="")
p.add_argument("--no-time", action="store_true"); p.add_argument("--rounds", type=int, default=3)
p.add_argument("--state", help="a file that collects the rows, so that an interrupted run goes on where it was")
p.add_argument("--seconds", type=float, default=0.7, help="of steady calls per round and program")
a = p.parse_args()
torch.set_num_threads(1)


def nest(flat):
    """`in.0`, `in.1.0`, `in.1.name` back to lists and dicts."""
    tree = {}
    for key, value in flat.items():
        at = tree
        *path, last = key.split(".")
        for part in path: at = at.setdefault(part, {})
        at[last] = value
    def build(node):
        if not isinstance(node, dict): return node
        if all(k.isdigit() for k in node): return [build(node[str(i)]) for i in range(len(node))]
        return {k: build(v) for k, v in node.items()}
    return build(tree)


def flatten(value, name="out"):
    if isinstance(value, torch.Tensor): yield name, value
    elif isinstance(value, dict):
        for k, v in value.items(): yield from flatten(v, f"{name}.{k}")
    elif isinstance(value, (list, tuple)):
        for i, v in enumerate(value): yield from flatten(v, f"{name}.{i}")


def steady(call, seconds):
    calls, start, end = 0, time.process_time(), time.perf_counter() + seconds
    while calls < 3 or time.perf_counter() < end: call(); calls += 1
    return (time.process_time() - start) / calls


def inputs_of(io):
    return nest({k[3:]: v for k, v in load_file(io).items() if k.startswith("in.")})


def verify(path, io):
    """Whether the outputs agree, the largest difference, and what went wrong."""
    try:
        run = subprocess.run([a.flambeau, "verify", path, io, "--json"], capture_output=True, text=True, timeout=600)
    except subprocess.TimeoutExpired:
        return False, None, "took more than ten minutes"
    try:
        outputs = json.loads(run.stdout)["outputs"]
    except ValueError:
        return False, None, (run.stderr.strip().splitlines() or [f"exit {run.returncode}"])[-1][:100]
    wrong = [f"{o['name']}: {o.get('error') or str(o['wrong']) + ' of ' + str(o['elements'])}" for o in outputs if not o["agrees"]]
    worst = max((o["largest_difference"] for o in outputs if "largest_difference" in o), default=None)
    return run.returncode == 0, worst, ", ".join(wrong)


def widened(value):
    if isinstance(value, torch.Tensor): return value.double() if value.is_floating_point() else value
    if isinstance(value, dict): return {k: widened(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)): return [widened(v) for v in value]
    return value


def off(found, recorded):
    """By output, how many elements of what PyTorch computes another way miss what was recorded."""
    wrong = []
    for name, want in recorded.items():
        if not name.startswith("out"): continue
        got = found.get(name)
        if got is None or got.shape != want.shape: wrong.append(f"{name}: other sizes"); continue
        count = int((~torch.isclose(got.double(), want.double(), rtol=1e-3, atol=1e-4, equal_nan=True)).sum())
        if count: wrong.append(f"{name}: {count} of {want.numel()}")
    return ", ".join(wrong)


def against_itself(path, io):
    """How far PyTorch's other answers are from the recorded one: without oneDNN, or else in float64."""
    recorded, inputs, found = load_file(io), inputs_of(io), {}
    with torch.no_grad():
        with torch.backends.mkldnn.flags(enabled=False):
            found["without oneDNN"] = off(dict(flatten(torch.jit.load(path).eval()(*inputs))), recorded)
        if found["without oneDNN"]: return found
        try:
            torch.set_default_dtype(torch.float64)
            found["in float64"] = off(dict(flatten(torch.jit.load(path).eval().double()(*widened(inputs)))), recorded)
        except RuntimeError:  # constants of the archive in float32
            pass
        finally: torch.set_default_dtype(torch.float32)
    return found


def ratio(path, io):
    """Median over the rounds of Flambeau's time per call by PyTorch's."""
    inputs, model = inputs_of(io), torch.jit.load(path).eval()
    models = [model]
    try: models.append(torch.jit.freeze(model))
    except Exception: pass
    found = []
    with torch.no_grad():
        for m in models: m(*inputs); m(*inputs)
        for _ in range(a.rounds):
            theirs = min(steady(lambda: m(*inputs), a.seconds) for m in models)
            bench = subprocess.run([a.flambeau, "bench", path, "--recorded", io, "--threads", "1", "--json", "--seconds", str(a.seconds)],
                                   capture_output=True, text=True, timeout=600)
            found.append(json.loads(bench.stdout)["cpu_ms"] / 1e3 / theirs)
    return statistics.median(found)


rows = json.load(open(a.state)) if a.state and os.path.exists(a.state) else []
done = {row[0] for row in rows}
for path in sorted(glob.glob(os.path.join(a.dir, "*.pt"))):
    name = os.path.basename(path)[:-3]
    if a.only not in name or name in done: continue
    cells, worst, notes = [], None, []
    for batch, directory in ((1, a.dir), (2, a.batch2)):
        io = os.path.join(directory, name + ".safetensors") if directory else ""
        if not os.path.exists(io): cells.append(""); continue
        model = os.path.join(directory, name + ".pt")
        model = model if os.path.exists(model) else path
        ok, difference, why = verify(model, io)
        worst = max((x for x in (worst, difference) if x is not None), default=None)
        if ok: cells.append("yes"); continue
        own = against_itself(model, io)
        cells.append("as PyTorch" if any(own.values()) else "**no**")
        others = "; ".join(f"PyTorch {how}: {wrong or 'agrees'}" for how, wrong in own.items())
        notes.append(f"{name}, batch {batch}: {why}; {others}")
    time_cell = ""
    io = os.path.join(a.dir, name + ".safetensors")
    if not a.no_time and cells[0] and cells[0] != "**no**":
        try: time_cell = f"{ratio(path, io):.2f}"
        except Exception as error: notes.append(f"{name}: not timed: {error}"[:200])
    rows.append((name, *cells, "" if worst is None else f"{worst:.1e}", time_cell, notes))
    print(*rows[-1], sep=" | ", flush=True)
    if a.state: json.dump(rows, open(a.state, "w"))

rows.sort(key=lambda row: row[0])
cells = [cell for row in rows for cell in row[1:3] if cell]
counts = {"agree": cells.count("yes"), "as far as PyTorch from itself": cells.count("as PyTorch"), "differ": cells.count("**no**")}
ratios = [float(row[4]) for row in rows if row[4]]
mean = f"{math.exp(sum(map(math.log, ratios)) / len(ratios)):.2f} over {len(ratios)} models, the slowest {max(ratios):.2f}" if ratios else "not measured"
head = (f"{sum(counts.values())} comparisons of {len(rows)} models: " + ", ".join(f"{v} {k}" for k, v in counts.items())
        + f". Time per call, one thread, relative to torch.jit, geometric mean: {mean}.")
print(head)
with open(a.out, "w") as f:
    f.write("# Real models\n\nMade by `tools/models_table.py`; its head says what each column means.\n\n" + head + "\n\n")
    f.write("| model | batch 1 | batch 2 | largest difference | time / torch.jit |\n|---|---|---|---|---|\n")
    for *row, _ in rows: f.write("| " + " | ".join(row) + " |\n")
    notes = [n for *_, ns in rows for n in ns]
    if notes: f.write("\nElements off, where there are any:\n\n" + "".join(f"- {n}\n" for n in notes))
