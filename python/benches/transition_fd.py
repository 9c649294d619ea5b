"""Time and error of `linearize` and of a batch against mujoco.mjd_transitionFD, at the same states, in one process.

    python transition_fd.py NAME=MODEL.xml ... > table.csv

States are those of a rollout under random controls. mjd_transitionFD takes centred differences over 1e-6 with a
converged solver (100 iterations, tolerance 1e-10), in a loop and in a thread pool over all cores. A speed-up is the
processor time of that loop by that of another way, in the same round; the last one is that of the wall clock, of the
pool by the batch. Medians are over rounds. Errors are largest entries of differences from whole steps of MuJoCo,
extrapolated from three widths, as a share of the largest entry of A and B: medians over those states that are smooth
for the engine, and at which the whole steps agree with themselves to 1e-6.
"""

import concurrent.futures
import copy
import csv
import os
import pathlib
import statistics
import sys
import threading
import time

import dynsparse
import mujoco
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests"))
from conftest import STATE, joined, state_of, whole_steps  # noqa: E402

ROUNDS, STATES, JUDGED = 9, 48, 12
EPS = 1e-6


def along(model):
    """States along a rollout under controls that are drawn anew every ten steps."""
    data, rng, states = mujoco.MjData(model), np.random.default_rng(0), []
    if model.nkey:
        mujoco.mj_resetDataKeyframe(model, data, 0)
    low, high = np.where(model.actuator_ctrllimited[:, None], model.actuator_ctrlrange, [-1, 1]).T
    for _ in range(STATES):
        # Half of the range around its middle, so that no control is at its end.
        data.ctrl[:] = (low + high) / 2 + (high - low) / 4 * rng.uniform(-1, 1, model.nu)
        mujoco.mj_step(model, data, 10)
        states.append(state_of(model, data))
    return np.array(states)


class Differences:
    """mjd_transitionFD at many states; each thread has its own MjData."""

    def __init__(self, model):
        self.model = copy.copy(model)
        self.model.opt.iterations, self.model.opt.ls_iterations, self.model.opt.tolerance = 100, 50, 1e-10
        self.here = threading.local()
        self.pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())

    def at(self, state):
        m, here = self.model, self.here
        if not hasattr(here, "data"):
            here.data = mujoco.MjData(m)
        n = 2 * m.nv + m.na
        A, B = np.empty((n, n)), np.empty((n, m.nu))
        mujoco.mj_setState(m, here.data, state, STATE)
        mujoco.mjd_transitionFD(m, here.data, EPS, True, A, B, None, None)
        return A, B


def measured(name, file):
    model = mujoco.MjModel.from_xml_path(file)
    states, fd, lin = along(model), Differences(model), dynsparse.Linearizer(model)
    plain, out = dynsparse.Linearizer(model, zero_test=False), lin(state=states)
    ways = {
        "fd_loop": lambda: [fd.at(state) for state in states],
        "fd_pool": lambda: list(fd.pool.map(fd.at, states)),
        "one": lambda: [lin(state=state) for state in states],
        "batch": lambda: lin(state=states, out=out),
        "batch_plain": lambda: plain(state=states),
    }
    speeds, clocked, micro = {way: [] for way in ways}, [], []
    for _ in range(ROUNDS):
        times, clocks = {}, {}
        for way, run in ways.items():
            begun, clock = time.process_time(), time.perf_counter()
            run()
            times[way], clocks[way] = time.process_time() - begun, time.perf_counter() - clock
        for way in ways:
            speeds[way].append(times["fd_loop"] / times[way])
        clocked.append(clocks["fd_pool"] / clocks["batch"])
        micro.append(times["fd_loop"] / len(states) * 1e6)
    errors = {"fd": [], "ours": []}
    for i in range(0, len(states), len(states) // JUDGED):
        one = lin(state=states[i])
        truth, doubt = (x[: lin.ndx] for x in whole_steps(model, states[i], h=1e-5))
        scale = abs(truth).max()
        if one.is_smooth and abs(doubt).max() < 1e-6 * scale:
            errors["fd"].append(abs(np.concatenate(fd.at(states[i]), -1) - truth).max() / scale)
            errors["ours"].append(abs(joined(one) - truth).max() / scale)
    shown = [f"{min(micro):.0f}"] + [f"{statistics.median(speeds[way]):.1f}" for way in ("one", "batch", "batch_plain")]
    shown += [f"{statistics.median(clocked):.1f}"]
    shown += [f"{statistics.median(x):.1e}" if x else "" for x in errors.values()]
    return [name, model.nv, lin.engine, *shown, len(errors["ours"])]


HEAD = ["model", "nv", "engine", "mjd_transitionFD us", "linearize", "batch", "batch without zero test", "wall clock"]
HEAD += ["error of mjd_transitionFD", "error of linearize", "states judged"]

if __name__ == "__main__":
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(HEAD)
    for argument in sys.argv[1:]:
        table.writerow(measured(*argument.split("=", 1)))
        sys.stdout.flush()
