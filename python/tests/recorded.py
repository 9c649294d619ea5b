"""Recordings for tests of data, made once by the program."""

import subprocess
import sys

import dynsparse
import pytest
from conftest import TREE, needed

h5py = pytest.importorskip("h5py", reason="h5py is not installed")

EPISODES, STEPS = 5, 30

# A ball that just touches a floor where it begins, and then sinks into it: a contact switches. Nothing is controlled.
BALL = """<mujoco><option timestep="0.01"/><worldbody><geom type="plane" size="1 1 1"/>
  <body pos="0 0 0.1"><freejoint/><geom size="0.1"/></body></worldbody></mujoco>"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("recorded")


@pytest.fixture(scope="session")
def tree_h5(folder):
    """Quaternions, activations, controls and sensors; chunks hold a whole episode or less."""
    needed("DYNSPARSE_PROGRAM", "the program")
    return dynsparse.record(TREE, folder / "tree.h5", episodes=EPISODES, steps=STEPS, sensors=True, policy="uniform")


@pytest.fixture(scope="session")
def more_h5(folder):
    """The same model from another seed, with episodes of another length."""
    needed("DYNSPARSE_PROGRAM", "the program")
    return dynsparse.record(TREE, folder / "more.h5", episodes=2, steps=17, sensors=True, policy="uniform", seed=7)


@pytest.fixture(scope="session")
def ball_h5(folder):
    needed("DYNSPARSE_PROGRAM", "the program")
    return dynsparse.record(BALL, folder / "ball.h5", episodes=2, steps=60)


def of_steps(file):
    """Names of the variables that every step has a row of, by what HDF5 says of their dimensions."""
    with h5py.File(file) as f:
        numbers = [name for name, d in f.items() if isinstance(d, h5py.Dataset) and d.dtype.kind in "iuf" and name != "step"]
        return [name for name in numbers if len(f[name].dims[0]) and f[name].dims[0][0].name == "/step"]


def stored(file, *names):
    """Variables as h5py reads them."""
    with h5py.File(file) as f:
        found = [f[name][:] for name in names]
    return found[0] if len(names) == 1 else found


def python(program, *arguments, timeout=300):
    """Runs a program of its own; what it says."""
    out = subprocess.run([sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, timeout=timeout)
    assert out.returncode == 0, f"{out.returncode}\n{out.stdout}\n{out.stderr}"
    return out.stdout.strip()
