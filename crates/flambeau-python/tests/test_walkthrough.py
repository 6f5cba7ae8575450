"""`docs/walkthrough.md` is a program: its blocks run in order and print what stands under them.

`UPDATE=1` writes what they print into the page.
"""

import contextlib
import importlib.util
import io
import linecache
import os
import re
import types
import warnings

import pytest

BLOCK = re.compile(r"^```python\n(.*?)^```\n\n^```text\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
FILE = "walkthrough.py"


def test_walkthrough(root):
    page = root / "docs" / "walkthrough.md"
    if not page.exists():
        pytest.skip("no docs here")
    pytest.importorskip("numpy")
    text = page.read_text()
    assert text.count("```python\n") == len(BLOCK.findall(text)), "each block has its output under it"
    has_torch = importlib.util.find_spec("torch") is not None
    module = types.ModuleType("walkthrough")
    program, outputs = "", {}
    for block in BLOCK.finditer(text):
        if "import torch" in block[1] and not has_torch:
            break
        # One growing file, so that lines count on from block to block.
        first = program.count("\n")
        program += block[1] + "\n"
        linecache.cache[FILE] = (len(program), None, program.splitlines(keepends=True), FILE)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile("\n" * first + block[1], FILE, "exec", dont_inherit=True), vars(module))
        lines = [line.rstrip() for line in printed.getvalue().rstrip("\n").splitlines()]
        outputs[block.start(2)] = (block[2], "".join(f"{line}\n" for line in lines))
    if os.environ.get("UPDATE"):
        for start, (old, new) in sorted(outputs.items(), reverse=True):
            text = text[:start] + new + text[start + len(old) :]
        page.write_text(text)
        return
    for old, new in outputs.values():
        assert new == old
