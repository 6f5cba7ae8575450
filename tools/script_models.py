"""Compiles real `nn.Module`s with Flambeau and compares them with PyTorch, and writes a table.

    PYTHON tools/script_models.py [--only SUBSTRING] [--suite torchvision|timm|all] [--out docs/script_models.md]
    PYTHON tools/script_models.py --resave DIR [--only SUBSTRING]

Needs PyTorch, torchvision, timm and the package `flambeau` in one environment. Each row of the table is a model:

- `script`: `flambeau.jit.script(model)` computes what the model computes in plain PyTorch;
- `save`: what Flambeau saves, `torch.jit.load` loads, and it computes the same;
- the largest difference, and the seconds that scripting took (tools/compile_speed.py compares them with PyTorch's).

`--resave` takes archives that make_models.py wrote instead: Flambeau loads and saves each; PyTorch loads that and must
compute what is recorded beside it; loading and saving again must give the same bytes.
Results are collected in a JSON file beside the table, so that an interrupted run goes on where it was.
"""
import argparse, copy, glob, io, json, os, time, warnings
import torch
import flambeau

warnings.filterwarnings("ignore")
p = argparse.ArgumentParser()
p.add_argument("--only", default=""); p.add_argument("--suite", default="all"); p.add_argument("--out")
p.add_argument("--resave"); p.add_argument("--max-mb", type=float, default=260); p.add_argument("--threads", type=int, default=1)
p.add_argument("--state", default="script_models.json", help="where results are collected"); p.add_argument("--again", action="store_true")
p.add_argument("--list", help="a file with one model name a line: only these"); p.add_argument("--families", action="store_true", help="one model of each family")
a = p.parse_args()
torch.set_num_threads(a.threads)
NEAR = 1e-3


def flatten(value, prefix="out"):
    if isinstance(value, torch.Tensor): return {prefix: value.detach()}
    if isinstance(value, dict): items = value.items()
    elif isinstance(value, (list, tuple)): items = enumerate(value)
    else: return {}
    found = {}
    for key, item in items: found.update(flatten(item, f"{prefix}.{key}"))
    return found


def difference(got, want, exact=True):
    """The largest difference relative to the value, the values' mean or 1, whichever is largest; None if shapes differ."""
    got, want = flatten(got), flatten(want)
    if got.keys() != want.keys() or not want: return None
    worst = 0.0
    for key, w in want.items():
        g = got[key]
        if g.shape != w.shape or exact and g.dtype != w.dtype: return None
        if w.numel():
            g, w = g.double(), w.double()
            both = (g == w) | (g.isnan() & w.isnan())
            size = w.abs().clamp(min=max(1.0, w.abs().nan_to_num(0.0, 0.0, 0.0).mean().item()))
            d = ((g - w).abs() / size).masked_fill(both, 0.0).max().item()
            worst = max(worst, d if d == d else float("inf"))
    return worst


def torchvision_models():
    """The models of the conformance data: those that make_models.py scripts."""
    import torchvision.models as tv
    large = ("_h_14", "vit_l", "regnet_y_128", "regnet_y_32", "regnet_x_32", "resnext101", "wide_resnet101", "convnext_large",
             "swin_v2_b", "swin_b", "efficientnet_v2_l", "efficientnet_b7", "efficientnet_b6", "vgg1", "resnet152")
    for n in tv.list_models():
        if "quantized" in n or any(k in n for k in large): continue
        detector = any(k in n for k in ("rcnn", "ssd", "retina", "fcos"))
        kw = {"weights_backbone": None} if detector or any(k in n for k in ("deeplab", "fcn", "lraspp")) else {}
        g = torch.Generator().manual_seed(0)
        big = any(k in n for k in ("mvit", "s3d", "swin3d"))
        if detector: x = ([torch.rand(3, 160, 192, generator=g)],)
        elif n.startswith("raft"): x = (torch.rand(1, 3, 128, 128, generator=g), torch.rand(1, 3, 128, 128, generator=g))
        elif big or any(k in n for k in ("r3d", "mc3", "r2plus1d")): x = (torch.rand(1, 3, 16, *[224 if big else 112] * 2, generator=g),)
        else: x = (torch.rand(1, 3, *[299 if "inception" in n else 224] * 2, generator=g),)
        yield "torchvision." + n, lambda n=n, kw=kw: tv.get_model(n, weights=None, **kw), x


def timm_models():
    """The smallest model of each of timm's modules; those that cannot be scripted say so themselves."""
    import timm
    from timm.models import list_models, list_modules
    order = ["atto", "femto", "pico", "nano", "tiny", "_xt", "_xs", "_t_", "_s", "small", "b0", "18", "_a0"]
    huge = ("giant", "huge", "large", "_xl", "enormous", "gigant", "_so400", "7b", "2b", "1b")
    for module in sorted(list_modules()):
        names = list_models(module=module)
        small = [n for n in names if not any(k in n for k in huge)] or names
        if not small: continue
        n = sorted(small, key=lambda n: (next((i for i, k in enumerate(order) if k in n), 99), len(n), n))[0]
        cfg = timm.get_pretrained_cfg(n)
        size = cfg.input_size if cfg else (3, 224, 224)
        yield "timm." + n, lambda n=n: timm.create_model(n, scriptable=True), (torch.rand(1, *size, generator=torch.Generator().manual_seed(0)),)


def prepared(make):
    torch.manual_seed(0)
    model = make().eval()
    for m in model.modules():
        if isinstance(m, torch.nn.modules.batchnorm._BatchNorm) and m.running_mean is not None:
            m.running_mean.normal_(0, 0.1); m.running_var.uniform_(0.5, 1.5)
    # Untrained heads of detectors give almost equal scores, and the order of results would hang on the last bit.
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("weight") and "classification_head" in name and weight.dim() > 1: weight.mul_(30)
    return model


def first_line(error):
    lines = [l.strip() for l in str(error).strip().splitlines() if l.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:200]


def check(make, inputs):
    row = {}
    model = prepared(make)
    megabytes = sum(x.numel() * x.element_size() for x in model.state_dict().values()) / 1e6
    if megabytes > a.max_mb: return {"skipped": f"{megabytes:.0f} MB of weights"}
    with torch.no_grad(): want = model(*inputs)
    try:
        start = time.perf_counter(); scripted = flambeau.jit.script(model); row["seconds"] = time.perf_counter() - start
    except Exception as error:
        # What PyTorch refuses as well is no model for this table.
        try: torch.jit.script(model)
        except Exception as theirs: return {"skipped": "not scriptable by PyTorch: " + first_line(theirs)}
        return {"error": first_line(error)}
    try:
        with torch.no_grad(): got = scripted(*inputs)
        row["script"] = difference(like_plain(got, want), want)
        if row["script"] is not None and row["script"] > NEAR:
            # Untrained weights can amplify the last bit. Then both are compared with the model in float64.
            wide = lambda v: [wide(x) for x in v] if isinstance(v, (list, tuple)) else v.double()
            with torch.no_grad(): exact = copy.deepcopy(model).double()(*wide(inputs))
            row["from float64"] = difference(like_plain(got, want), exact, False)
            row["PyTorch from float64"] = difference(want, exact, False)
        with torch.no_grad(): row["save"] = difference(like_plain(torch.jit.load(io.BytesIO(scripted.save_to_buffer()))(*inputs), want), want)
    except Exception as error: row["error"] = first_line(error)
    return row


def like_plain(got, want):
    """What some models of torchvision answer when they are scripted, as what they answer in plain Python."""
    if isinstance(want, torch.Tensor) and isinstance(got, tuple): return got[0]  # with the outputs of auxiliary heads
    if isinstance(want, list) and isinstance(got, tuple) and isinstance(got[0], dict): return got[1]  # with the losses
    return got


def resave(path):
    import torchvision  # its operators
    from safetensors.torch import load_file
    recorded = load_file(path[:-3] + ".safetensors")
    def nest(tree):
        if not isinstance(tree, dict): return tree
        if tree and all(k.isdigit() for k in tree): return [nest(tree[str(i)]) for i in range(len(tree))]
        return {k: nest(v) for k, v in tree.items()}
    tree = {}
    for key, value in recorded.items():
        at = tree
        *parts, last = key.split(".")
        for part in parts: at = at.setdefault(part, {})
        at[last] = value
    inputs = nest(tree["in"])
    row = {}
    try:
        start = time.perf_counter(); loaded = flambeau.jit.load(path); once = loaded.save_to_buffer(); row["seconds"] = time.perf_counter() - start
        row["stable"] = flambeau.jit.load(io.BytesIO(once)).save_to_buffer() == once
        with torch.no_grad():
            want = torch.jit.load(path)(*inputs)
            row["save"] = difference(torch.jit.load(io.BytesIO(once))(*inputs), want)
    except Exception as error: row["error"] = first_line(error)
    return row


state = {} if a.again or not os.path.exists(a.state) else json.load(open(a.state))
wanted = set(open(a.list).read().split()) if a.list else None


def collect(name, run):
    if a.only not in name or wanted is not None and name not in wanted or name in state: return
    try: state[name] = run()
    except Exception as error: state[name] = {"skipped": "cannot be made: " + first_line(error)}
    print(name, json.dumps(state[name]), flush=True)
    json.dump(state, open(a.state, "w"), indent=0)


if a.resave:
    for path in sorted(glob.glob(os.path.join(a.resave, "*.pt"))):
        if os.path.exists(path[:-3] + ".safetensors"): collect(os.path.basename(path)[:-3], lambda: resave(path))
else:
    suites = {"torchvision": torchvision_models, "timm": timm_models}
    for suite, models in suites.items():
        seen = set()
        for name, make, inputs in models() if a.suite in (suite, "all") else ():
            family = name.split(".")[1].split("_")[0].rstrip("0123456789")
            if a.families and family in seen: continue
            seen.add(family)
            collect(name, lambda: check(make, inputs))

good = lambda d: d is not None and d <= NEAR
number = lambda d: "" if d is None else f"{d:.1e}" if d else "0"
counted = {n: r for n, r in state.items() if "skipped" not in r}
if a.resave:
    fine = [n for n, r in counted.items() if good(r.get("save")) and r.get("stable")]
    print(f"{len(fine)} of {len(counted)} archives compute the same after load and save, and are stable on the second save")
    lines = [f"{n}: {r}" for n, r in counted.items() if n not in fine]
    print("\n".join(lines))
else:
    def agrees(r):
        near = good(r.get("script"))
        if "from float64" in r and None not in (r["from float64"], r["PyTorch from float64"]):
            near = near or r["from float64"] <= 3 * r["PyTorch from float64"]
        return near and good(r.get("save"))
    fine = [n for n, r in counted.items() if agrees(r)]
    lines = ["# Models compiled from their `nn.Module`", "",
             "Made by `tools/script_models.py`: `flambeau.jit.script(model)` against the model in plain PyTorch " + torch.__version__.split("+")[0] + ",",
             f"outputs within {NEAR:g} (relative to the value, to the mean or to 1). `saved`: the archive that Flambeau writes, loaded and run by PyTorch.", "",
             f"**{len(fine)} of {len(counted)} models agree in both.**", "",
             "| model | difference | saved | script, s | |", "|---|---|---|---|---|"]
    for n, r in sorted(counted.items()):
        seconds = f"{r['seconds']:.2f}" if "seconds" in r else ""
        error = r.get("error", "").replace("|", "\\|")
        if "from float64" in r: error += f"from float64: {number(r['from float64'])}, PyTorch itself {number(r['PyTorch from float64'])}"
        lines.append(f"| {n} | {number(r.get('script'))} | {number(r.get('save'))} | {seconds} | {error} |")
    skipped = {n: r["skipped"] for n, r in state.items() if "skipped" in r}
    if skipped: lines += ["", "Left out:", ""] + [f"- {n}: {why}" for n, why in sorted(skipped.items())]
    if a.out: open(a.out, "w").write("\n".join(lines) + "\n")
    print("\n".join(lines[6:7] + [f"{n}: {r}" for n, r in counted.items() if n not in fine]))
