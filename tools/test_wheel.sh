#!/bin/sh
# Builds the wheel, installs it into a fresh environment with NumPy only, and runs the tests that need no PyTorch. The
# wheel must stay under 15 MB, and `import flambeau` under 50 ms (the best of several).
# With `--torch PYTHON` (an interpreter that has PyTorch and pytest) it then runs all tests there.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
package=$root/crates/flambeau-python
torch=
profile=--release
while [ $# -gt 0 ]; do
    case $1 in
        --torch) torch=$2; shift 2 ;;
        --dev) profile=; shift ;;
        *) echo "usage: $0 [--dev] [--torch PYTHON]" >&2; exit 2 ;;
    esac
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/build"
"$work/build/bin/pip" install --quiet 'maturin>=1.9,<2'
"$work/build/bin/maturin" build $profile --manifest-path "$package/Cargo.toml" --interpreter python3 --out "$work/wheels"
ls -l "$work"/wheels/*.whl
bytes=$(cat "$work"/wheels/*.whl | wc -c)
[ "$bytes" -lt 15000000 ] || { echo "the wheel has $bytes bytes" >&2; exit 1; }
python3 -m venv "$work/clean"
"$work/clean/bin/pip" install --quiet numpy pytest "$work"/wheels/*.whl
cp -r "$package/tests" "$work/tests"
"$work/clean/bin/python" - <<'PYTHON'
import subprocess, sys
code = "import time; t = time.perf_counter(); import flambeau; print(1000 * (time.perf_counter() - t))"
best = min(float(subprocess.check_output([sys.executable, "-c", code], cwd="/")) for _ in range(10))
print(f"import flambeau: {best:.1f} ms")
sys.exit(best >= 50)
PYTHON
FLAMBEAU_ROOT=$root "$work/clean/bin/python" -m pytest -q "$work/tests"
if [ -n "$torch" ]; then
    # On top of that environment's packages, without touching it.
    "$torch" -m venv "$work/torch"
    "$work/torch/bin/python" -m pip install --quiet pytest "$work"/wheels/*.whl
    site=$("$work/torch/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    "$torch" -c 'import os, torch; print(os.path.dirname(os.path.dirname(torch.__file__)))' > "$site/torch.pth"
    FLAMBEAU_ROOT=$root "$work/torch/bin/python" -m pytest -q "$work/tests"
fi
