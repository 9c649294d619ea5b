"""Writes jacobians.json, which tests/library/reference.rs compares dynsparse with.

The numbers come from MuJoCo's own Python binding (`pip install mujoco==3.17.0 h5py numpy`), so that a
mistake in our way of calling MuJoCo cannot hide in both. What is taken from dynsparse is the text of each
model (a recording keeps it), because the swimmer's is generated.

    python tests/reference/make.py target/release/dynsparse > tests/reference/jacobians.json
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import mujoco
import numpy as np

TASKS = ["BallInCup", "CartpoleBalance", "CheetahRun", "ReacherHard", "FingerSpin", "FingerTurnEasy",
         "WalkerRun", "SwimmerSwimmer6"]
AFTER = (0, 10, 200)  # physics steps from the default position; after 200 every task has active constraints
# Control i is the middle of its range and this share of half of it: exact in binary, never on a limit.
SHARES = (0.5, -0.75, 0.25, -0.5, 0.75, -0.25)
EPS = 1e-6


def load(binary, task, folder):
    """The task's model, with the edits of its recipe."""
    path = Path(folder) / f"{task}.h5"
    subprocess.run([binary, "record", task, "--episodes", "1", "--steps", "1", "-o", path], check=True,
                   stdout=subprocess.DEVNULL)
    with h5py.File(path) as f:
        group = f["model"]
        files = {d.attrs["name"]: d[()].tobytes() for d in group["files"].values()}
        spec = json.loads(f.attrs["recipe"])["job"]["task"]
        main = files.pop(group.attrs["main"]).decode()
    m = mujoco.MjModel.from_xml_string(main, files)
    if spec["timestep"] is not None:
        m.opt.timestep = spec["timestep"]
    for edit in spec["edits"]:
        assert edit["field"] == "dof_damping" and edit.get("column") is None, edit
        m.dof_damping[m.joint(edit["object"]).dofadr[0]] = edit["value"]
    return m


def controls(m):
    low, high = np.where(m.actuator_ctrllimited[:, None], m.actuator_ctrlrange, [-1.0, 1.0]).T
    return (low + high) / 2 + (high - low) / 2 * [SHARES[i % len(SHARES)] for i in range(m.nu)]


def state_of(d):
    names = ["qpos", "qvel", "act", "ctrl", "qacc_warmstart", "mocap_pos", "mocap_quat"]
    return {n: getattr(d, n).ravel().tolist() for n in names} | {"time": d.time}


def jacobian(m, state):
    """A and B in a fresh simulation, so that nothing but the state can matter."""
    d = mujoco.MjData(m)
    for name, values in state.items():
        if name == "time":
            d.time = values
        else:
            array = getattr(d, name)
            array[:] = np.reshape(values, array.shape)
    n = 2 * m.nv + m.na
    a, b = np.zeros((n, n)), np.zeros((n, m.nu))
    mujoco.mjd_transitionFD(m, d, EPS, True, a, b, None, None)
    return {"A": a.ravel().tolist(), "B": b.ravel().tolist(), "ncon": d.ncon}


def main():
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        for task in TASKS:
            for solver in ("task", "converged"):
                m = load(sys.argv[1], task, folder)
                if solver == "converged":
                    m.opt.iterations, m.opt.ls_iterations, m.opt.tolerance = 100, 50, 1e-10
                d = mujoco.MjData(m)
                d.ctrl[:] = controls(m)
                for step in range(max(AFTER) + 1):
                    if step in AFTER:
                        state = state_of(d)
                        case = {"task": task, "solver": solver, "after": step, "state": state}
                        cases.append(case | jacobian(m, state))
                    mujoco.mj_step(m, d)
    # Python writes the shortest decimal that reads back as the same float, and keeps the sign of -0.0.
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
    head = json.dumps({"mujoco": mujoco.__version__, "eps": EPS, "difference": "centered"})
    print(f'{head[:-1]}, "cases": [\n{lines}\n]}}')


main()
