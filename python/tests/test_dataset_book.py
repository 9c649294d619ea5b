"""The chapter on data for training runs."""

import importlib.util
import re
import subprocess
import sys

import pytest
from conftest import ROOT, TREE, needed


def test_the_chapter_runs(tmp_path):
    """Block after block in one session; those that want PyTorch are left out where it is not installed."""
    pytest.importorskip("h5py", reason="h5py is not installed")
    needed("DYNSPARSE_PROGRAM", "the program")
    import dynsparse

    for name, seed in (("walker.h5", 0), ("more.h5", 1)):
        dynsparse.record(TREE, tmp_path / name, episodes=10, steps=40, seed=seed)
    page = (ROOT / "docs/data-for-training.md").read_text()
    wanted = re.findall(r"```python no-run\n(.*?)```", page, re.S)
    assert len(wanted) >= 3
    session = [block for block in wanted if "torch" not in block or importlib.util.find_spec("torch")]
    (tmp_path / "session.py").write_text("\n".join(session))
    out = subprocess.run([sys.executable, "session.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert out.returncode == 0, out.stdout + out.stderr


def test_every_field_of_the_chapter_is_one():
    from dynsparse._dataset import _JOINED, FIELDS

    page = (ROOT / "docs/data-for-training.md").read_text()
    assert all(f"`{name}`" in page for name in (*FIELDS, *_JOINED, "action"))
