"""The examples and the chapter of the book run, and the examples are short."""

import importlib.util
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from conftest import HUMANOID, ROOT

EXAMPLES = sorted((ROOT / "python/examples").glob("*.py"))
NEEDS = {"causal_graph": "gymnasium", "world_model_torch": "torch"}


def skip_without(package):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(example, tmp_path):
    assert len(example.read_text().splitlines()) < 60
    if example.stem in NEEDS:
        skip_without(NEEDS[example.stem])
    out = subprocess.run([sys.executable, str(example)], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert out.returncode == 0, out.stdout + out.stderr
    assert out.stdout


def blocks():
    page = (ROOT / "docs/python.md").read_text()
    return re.findall(r"```python no-run\n(.*?)```", page, re.S)


def test_the_chapter_of_the_book_runs(tmp_path):
    """Block after block in one session; those that want PyTorch or JAX are left out where these are not installed."""
    shutil.copy(HUMANOID, tmp_path / "humanoid.xml")
    wanted = blocks()
    assert len(wanted) >= 4
    session = []
    for block in wanted:
        packages = [name for name in ("torch", "jax", "gymnasium") if re.search(rf"\b{name}\b", block)]
        # What is recorded takes a program, and test_program.py.
        if all(importlib.util.find_spec(name) for name in packages) and "dynsparse.record" not in block:
            session.append(block)
    (tmp_path / "session.py").write_text("\n".join(session))
    out = subprocess.run([sys.executable, "session.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert out.returncode == 0, out.stdout + out.stderr


def test_every_example_is_in_the_chapter():
    page = pathlib.Path(ROOT / "docs/python.md").read_text()
    assert all(f"`{example.stem}`" in page for example in EXAMPLES)
