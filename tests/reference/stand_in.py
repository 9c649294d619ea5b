"""Playground's environments with MuJoCo's C library, or nothing at all, in place of MJX.

    python3 -m venv /path/to/venv
    /path/to/venv/bin/pip install mujoco==3.17.0 mujoco-mjx==3.17.0 playground==0.2.0
    cargo xtask setup

What `resets.py`, `actions.py`, `ends.py`, `events.py` and `episodes.py` share. They run Playground's own `reset` and `step` of every environment;
only three functions below them are replaced: `mjx_env.make_data`, `mjx.forward` and `mjx_env.step`. So the code
that draws states, maps actions and ends episodes is Playground's, and nothing has to be compiled for a GPU. Each takes names of tasks, and then makes only their lines anew.
"""

import json
import os
import sys
from pathlib import Path

os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jp
import mujoco
import mujoco_playground
import numpy as np
from mujoco import mjx
from mujoco_playground._src import mjx_env

from sample import short

FOLDER = Path(__file__).parent
# Of all numbers of a simulation; a script that wants Playground in double precision sets it, and JAX_ENABLE_X64.
FLOAT = np.float32
# What a reset decides, in the order of the files.
FIELDS = ["qpos", "qvel", "ctrl", "mocap_pos", "mocap_quat"]
# The public arrays of mjx.Data that environments read, and those that MJX keeps as matrices.
ARRAYS = FIELDS + [
    "time", "act", "qacc", "xfrc_applied", "qfrc_actuator", "actuator_force", "sensordata", "xpos", "xquat", "xipos",
    "geom_xpos", "site_xpos", "subtree_com", "cvel", "cam_xpos", "qfrc_applied", "xanchor",
]
MATRICES = ["xmat", "ximat", "geom_xmat", "site_xmat"]


@jax.tree_util.register_pytree_with_keys_class
class Data:
    """Stands in for mjx.Data: the same names, no physics."""

    def __init__(self, **fields):
        self.__dict__.update(fields)

    @classmethod
    def of(cls, data):
        """From C MuJoCo's."""
        fields = {n: np.asarray(getattr(data, n), FLOAT) for n in ARRAYS}
        fields |= {n: np.asarray(getattr(data, n), FLOAT).reshape(-1, 3, 3) for n in MATRICES}
        return cls(**{n: jp.array(x) for n, x in fields.items()})

    def replace(self, **fields):
        return Data(**{**self.__dict__, **fields})

    def tree_flatten_with_keys(self):
        names = tuple(sorted(self.__dict__))
        return [(jax.tree_util.GetAttrKey(n), self.__dict__[n]) for n in names], names

    @classmethod
    def tree_unflatten(cls, names, values):
        return cls(**dict(zip(names, values)))


def make_data(model, qpos=None, qvel=None, ctrl=None, act=None, mocap_pos=None, mocap_quat=None, **_):
    """As mjx_env.make_data: defaults of the model, then what is given."""
    data = Data.of(mujoco.MjData(model))
    given = {"qpos": qpos, "qvel": qvel, "ctrl": ctrl, "act": act}
    mocap = {"mocap_pos": mocap_pos, "mocap_quat": mocap_quat}
    given |= {n: None if x is None else x.reshape(model.nmocap, -1) for n, x in mocap.items()}
    return data.replace(**{n: jp.asarray(x, FLOAT) for n, x in given.items() if x is not None})


def replace_physics(forward, step):
    mjx_env.make_data = make_data
    mjx.forward = forward
    mjx_env.step = step


def environments(names=None, overrides=lambda _: {}):
    """Name and environment of all tasks, or of some; `overrides` says what differs from a task's default config."""
    mujoco.MjSpec.find_body = mujoco.MjSpec.body
    # jax dropped a_max and a_min, which two environments still use.
    clip = jp.clip
    jp.clip = lambda x, *a, a_min=None, a_max=None, **k: (
        clip(x, a_min, a_max) if a_min is not None or a_max is not None else clip(x, *a, **k))
    package = Path(mujoco_playground.__file__).parent
    menagerie = package / "external_deps" / "mujoco_menagerie"
    if not menagerie.exists():
        menagerie.parent.mkdir(exist_ok=True)
        menagerie.symlink_to(FOLDER.parents[1] / "vendor" / "menagerie")
    for name in names or mujoco_playground.registry.ALL_ENVS:
        yield name, mujoco_playground.registry.load(name, config_overrides=overrides(name) or None)


def wanted():
    """The tasks on the command line: only these are made anew. None without."""
    return sys.argv[1:] or None


def write(name, about, tasks):
    """One line per task."""
    if wanted():
        tasks = {**json.loads((FOLDER / name).read_text())["tasks"], **tasks}
    lines = [f"{json.dumps(n)}:{json.dumps(t, separators=(',', ':'))}" for n, t in tasks.items()]
    head = json.dumps({"about": about, "mujoco": mujoco.__version__}, separators=(",", ":"))
    (FOLDER / name).write_text(head[:-1] + ',"tasks":{\n' + ",\n".join(lines) + "\n}}\n")
    print(f"{name}: {(FOLDER / name).stat().st_size} bytes", file=sys.stderr)
