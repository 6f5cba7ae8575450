"""Times `flambeau.jit.script` against `torch.jit.script` on torchvision models, side by side.

    PYTHON tools/compile_speed.py [--models resnet50,maskrcnn_resnet50_fpn] [--rounds 5] [--least 5]

Each measurement is a process of its own (a second script of the same model is cached by both); the two alternate, and
the best of each are compared, in processor time, which other load on the machine disturbs least (both compile on one
thread). Making the model and importing the libraries is not counted. Fails if Flambeau is not `--least` times faster on
each model.
"""
import argparse, subprocess, sys, time

p = argparse.ArgumentParser()
p.add_argument("--models", default="resnet50,maskrcnn_resnet50_fpn"); p.add_argument("--rounds", type=int, default=5)
p.add_argument("--least", type=float, default=5.0); p.add_argument("--once", nargs=2, metavar=("WHICH", "MODEL"))
p.add_argument("--profile", action="store_true", help="with --once: where Python's time goes")
a = p.parse_args()

if a.once:
    which, name = a.once
    import warnings; warnings.filterwarnings("ignore")
    import torch, torchvision
    torch.set_num_threads(1)
    kw = {"weights_backbone": None} if "rcnn" in name else {}
    model = torchvision.models.get_model(name, weights=None, **kw).eval()
    if which == "flambeau":
        import flambeau.jit
        script = flambeau.jit.script
    else: script = torch.jit.script
    if a.profile:
        import cProfile; profile = cProfile.Profile(); profile.enable()
    start = time.process_time(); script(model); seconds = time.process_time() - start
    if a.profile:
        import pstats; profile.disable(); pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    print(seconds)
    sys.exit()

slow = []
for name in a.models.split(","):
    times = {"flambeau": [], "torch": []}
    for _ in range(a.rounds):
        for which in times:
            out = subprocess.run([sys.executable, __file__, "--once", which, name], capture_output=True, text=True, check=True)
            times[which].append(float(out.stdout.split()[-1]))
    ours, theirs = (min(times[w]) for w in ("flambeau", "torch"))
    print(f"{name}: flambeau {ours:.3f} s, torch.jit.script {theirs:.3f} s: {theirs / ours:.1f} times faster")
    if theirs / ours < a.least: slow.append(name)
sys.exit(f"less than {a.least:g} times faster: {', '.join(slow)}" if slow else 0)
