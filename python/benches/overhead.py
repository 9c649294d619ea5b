"""What Python costs: `linearize` and a batch against the engine in Rust at the same states, in turns within one run.

    python overhead.py PASSES NAME=MODEL.xml ... > table.csv

PASSES is the example `passes` of the engine, built with --release: a process that this one asks for a pass over the
states and waits for. All times are processor time of the process that works, per state: the overhead of one call is the
difference, for integration states and for an MjData, of the least times of all rounds, since what else a machine does is in
the others. That of a batch with `out=` is a ratio, as is its wall clock (both on all cores): medians over rounds.
"""

import csv
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import dynsparse
import mujoco
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests"))
from conftest import STATE  # noqa: E402
from transition_fd import along  # noqa: E402

ROUNDS = 25
# States of a batch: enough that starting its threads is no matter.
MANY = 4


class Rust:
    """The engine in a process of its own."""

    def __init__(self, program, model, states):
        self.folder = tempfile.TemporaryDirectory()
        files = [os.path.join(self.folder.name, name) for name in ("model.mjb", "states")]
        mujoco.mj_saveModel(model, files[0])
        states.astype("<f8").tofile(files[1])
        self.process = subprocess.Popen([program, *files], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        # Linux's clock of the processor time of another process.
        self.clock = (~self.process.pid << 3) | 2
        assert self.process.stdout.read(1) == b"."

    def run(self, request):
        """Processor time and wall clock of a pass, s."""
        begun, clock = time.clock_gettime(self.clock), time.perf_counter()
        self.process.stdin.write(request)
        assert self.process.stdout.read(1) == b"."
        return time.clock_gettime(self.clock) - begun, time.perf_counter() - clock

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def clocked(run):
    begun, clock = time.process_time(), time.perf_counter()
    run()
    return time.process_time() - begun, time.perf_counter() - clock


def each(run, over):
    """Results are not kept: what their memory costs is its owner's."""
    for one in over:
        run(one)


def measured(program, name, file):
    model = mujoco.MjModel.from_xml_path(file)
    states = along(model)
    many = np.repeat(states, MANY, axis=0)
    simulations = [mujoco.MjData(model) for _ in states]
    for data, state in zip(simulations, states):
        mujoco.mj_setState(model, data, state, STATE)
    lin = dynsparse.Linearizer(model)
    out, one = lin(state=many), lin(state=states[0])
    # Same bits, and written where they were.
    address = out.A.ctypes.data
    rust, rust_many = Rust(program, model, states), Rust(program, model, many)
    ways = {
        "rust": lambda: rust.run(b"o"),
        "state": lambda: clocked(lambda: each(lambda state: lin(state=state), states)),
        "reused": lambda: clocked(lambda: each(lambda state: lin(state=state, out=one), states)),
        "data": lambda: clocked(lambda: each(lambda data: dynsparse.linearize(model, data), simulations)),
        "rust_many": lambda: rust_many.run(b"m"),
        "many": lambda: clocked(lambda: lin(state=many, out=out)),
    }
    for run in ways.values():
        run()
    times = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, run in ways.items():
            times[way].append(run())
    rust.end()
    rust_many.end()
    assert out.A.ctypes.data == address

    def least(way):
        return min(cpu for cpu, _ in times[way]) / len(states) * 1e6

    engine = least("rust")
    over = [least(way) - engine for way in ("state", "reused", "data")]
    pairs = list(zip(times["rust_many"], times["many"]))
    ratio = [statistics.median(rust[k] / ours[k] for rust, ours in pairs) for k in (0, 1)]
    return [name, model.nv, *(f"{x:.1f}" for x in (engine, *over)), *(f"{x:.2f}" for x in ratio)]


HEAD = ["model", "nv", "engine in Rust us", "linearizer us more", "with out= us more", "linearize(model, data) us more"]
HEAD += ["batch by processor time", "batch by wall clock"]

if __name__ == "__main__":
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(HEAD)
    for argument in sys.argv[2:]:
        table.writerow(measured(sys.argv[1], *argument.split("=", 1)))
        sys.stdout.flush()
