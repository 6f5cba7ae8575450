"""Verifies and times every model that make_models.py wrote, in Flambeau and in real PyTorch, and writes a table.

    PYTHON tools/models_table.py DIR --flambeau target/release/flambeau [--out docs/models.md] [--only SUBSTRING]

Each row: whether `flambeau verify` agrees (rtol 1e-3, atol 1e-4), the largest difference, and the steady time of one
call at one thread as a ratio to torch.jit's (the better of plain and frozen), measured in turn in one run.
"""
import argparse, glob, json, math, os, statistics, subprocess, tempfile, time
import numpy, torch
from safetensors.torch import load_file

p = argparse.ArgumentParser()
p.add_argument("dir"); p.add_argument("--flambeau", required=True); p.add_argument("--out", default="docs/models.md")
p.add_argument("--only", default=""); p.add_argument("--no-time", action="store_true"); p.add_argument("--rounds", type=int, default=3)
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


def steady(call, seconds=1.0):
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or (time.perf_counter() < end and len(times) < 50):
        start = time.perf_counter(); call(); times.append(time.perf_counter() - start)
    return statistics.median(times)


def pytorch_calls(path, inputs):
    model = torch.jit.load(path).eval()
    calls = [lambda: model(*inputs)]
    try:
        frozen = torch.jit.freeze(model)
        calls.append(lambda: frozen(*inputs))
    except Exception: pass
    return calls


rows, ratios, agreed, total = [], [], 0, 0
for path in sorted(glob.glob(os.path.join(a.dir, "*.pt"))):
    name, io = os.path.basename(path)[:-3], path[:-3] + ".safetensors"
    if a.only not in name or not os.path.exists(io): continue
    total += 1
    try:
        run = subprocess.run([a.flambeau, "verify", path, io, "--json"], capture_output=True, text=True, timeout=600)
        ok, code = run.returncode == 0, run.returncode
        try: worst = max(o["largest_difference"] for o in json.loads(run.stdout)["outputs"])
        except Exception: worst = None
        why = "" if ok else (run.stderr.strip().splitlines() or [f"exit {code}"])[-1][:100]
    except subprocess.TimeoutExpired:
        ok, worst, why = False, None, "took more than ten minutes"
    agreed += ok
    ratio = ""
    timed = ok and not a.no_time
    if timed:
        inputs = nest({k[3:]: v for k, v in load_file(io).items() if k.startswith("in.")})
        timed = isinstance(inputs, list) and all(isinstance(x, torch.Tensor) for x in inputs)
    if timed:
        files = []
        for i, x in enumerate(inputs):
            files.append(os.path.join(tempfile.gettempdir(), f"input{i}.npy"))
            numpy.save(files[-1], x.numpy())
        with torch.no_grad():
            calls = pytorch_calls(path, inputs)
            for c in calls: c(); c()
            found = []
            for _ in range(a.rounds):
                theirs = min(steady(c, 0.7) for c in calls)
                bench = subprocess.run([a.flambeau, "bench", path, *files, "--threads", "1", "--json", "--seconds", "1"], capture_output=True, text=True, timeout=600)
                found.append(json.loads(bench.stdout)["median_ms"] / 1e3 / theirs)
        ratios.append(statistics.median(found))
        ratio = f"{ratios[-1]:.2f}"
    rows.append((name, "yes" if ok else f"**no**: {why}", "" if worst is None else f"{worst:.1e}", ratio))
    print(*rows[-1], sep=" | ", flush=True)

mean = f"{math.exp(sum(map(math.log, ratios)) / len(ratios)):.2f}" if ratios else "not measured"
head = f"{agreed} of {total} models agree. Geometric mean of the time per call, one thread, relative to torch.jit: {mean}."
print(head)
with open(a.out, "w") as f:
    f.write("# Real models\n\nMade by `tools/models_table.py`; see there for what each column means.\n\n" + head + "\n\n")
    f.write("| model | agrees | largest difference | time / torch.jit |\n|---|---|---|---|\n")
    for row in rows: f.write("| " + " | ".join(row) + " |\n")
