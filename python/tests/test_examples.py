"""The examples and the chapter of the book run, and the examples are short."""

import importlib.util
import pathlib
import re
import runpy
import shutil
import subprocess
import sys

import mujoco
import numpy as np
import pytest
from conftest import HUMANOID, ROOT, state_of, whole_steps

EXAMPLES = sorted((ROOT / "python/examples").glob("*.py"))
NEEDS = {"causal_graph": "gymnasium", "trajectory_jax": "jax", "world_model_torch": "torch"}


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


@pytest.fixture
def humanoid_on_one_leg(monkeypatch):
    """What the example has made."""
    monkeypatch.setattr(sys, "argv", ["lqr_humanoid.py"])
    return runpy.run_path(str(ROOT / "python/examples/lqr_humanoid.py"))


def test_gains_are_those_of_exact_matrices_and_near_those_of_the_tutorial(humanoid_on_one_leg):
    """K of the humanoid on one leg: against extrapolated whole steps, and against mjd_transitionFD as MuJoCo's tutorial sets it."""
    of = humanoid_on_one_leg
    assert len(of["height"]) * of["model"].opt.timestep >= 10 and min(of["height"]) > 0.95 * of["qpos"][2]
    model, Q, n = of["model"], of["Q"], of["lin"].ndx

    def gains(A, B):
        P = Q
        for _ in range(5000):
            K = np.linalg.solve(np.eye(model.nu) + B.T @ P @ B, B.T @ P @ A)
            P = Q + A.T @ P @ (A - B @ K)
        return K

    data = mujoco.MjData(model)
    data.qpos[:], data.ctrl[:] = of["qpos"], of["ctrl"]
    truth, _ = whole_steps(model, state_of(model, data), h=1e-5)
    expected = gains(truth[:n, :n], truth[:n, n:])
    A, B = np.zeros((n, n)), np.zeros((n, model.nu))
    mujoco.mjd_transitionFD(model, data, 1e-6, True, A, B, None, None)
    ours, theirs = (abs(K - expected).max() / abs(expected).max() for K in (of["K"], gains(A, B)))
    # 1e-7, and 2e-3: the tutorial's solver stops early, at the model's own tolerance.
    assert ours < 1e-6 and 100 * ours < theirs < 1e-2


def test_the_humanoid_may_be_ones_own(tmp_path, humanoid_on_one_leg):
    """One with a keyframe on its left leg, as MuJoCo's, stands too; this one is that of the example."""
    qpos = humanoid_on_one_leg["qpos"].copy()
    # A little above the ground: the example finds where it carries.
    qpos[2] += 0.002
    key = f'<keyframe><key name="stand_on_left_leg" qpos="{" ".join(repr(float(x)) for x in qpos)}"/></keyframe>'
    text = (ROOT / "python/examples/standing.xml").read_text().replace("</mujoco>", f"{key}</mujoco>")
    (tmp_path / "own.xml").write_text(text)
    script = ROOT / "python/examples/lqr_humanoid.py"
    out = subprocess.run([sys.executable, str(script), "own.xml"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert out.returncode == 0 and out.stdout.startswith("after 10 s"), out.stdout + out.stderr


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
        # Recordings and tasks take a program, and test_program.py.
        of_program = "dynsparse.record" in block or "WalkerRun" in block
        if all(importlib.util.find_spec(name) for name in packages) and not of_program:
            session.append(block)
    (tmp_path / "session.py").write_text("\n".join(session))
    out = subprocess.run([sys.executable, "session.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert out.returncode == 0, out.stdout + out.stderr


def test_every_example_is_in_the_chapter():
    page = pathlib.Path(ROOT / "docs/python.md").read_text()
    assert all(f"`{example.stem}`" in page for example in EXAMPLES)
