"""What Python costs: `linearize` and a batch against the engine in Rust at the same states, in turns within one run.

    python overhead.py PASSES NAME=MODEL.xml ... > table.csv

PASSES is the example `passes` of the engine, built with --release: a process that this one asks for some of the
states and waits for. All times are processor time of the process that works, per state: the overhead of one call is the
difference, for integration states and for an MjData, of the least times that every few states (some milliseconds of work) took in any
round, since what else a machine does is in the others; of these differences it is the median. "of these without Python" is that of a batch
in one thread of this process, which calls Python once. A batch with `out=` is a ratio, as is its wall clock (both on all cores): medians over rounds.
"""

import csv
import math
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

ROUNDS = 30
# Seconds of work between turns: so little that one is seldom interrupted, and so much that warming up is no matter.
TURN = 8e-3
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


class Case:
    """A model with its states, in this process and in one of Rust."""

    def __init__(self, program, name, file):
        self.name, self.model = name, mujoco.MjModel.from_xml_path(file)
        self.states = along(self.model)
        many = np.repeat(self.states, MANY, axis=0)
        simulations = [mujoco.MjData(self.model) for _ in self.states]
        for data, state in zip(simulations, self.states):
            mujoco.mj_setState(self.model, data, state, STATE)
        lin, alone = dynsparse.Linearizer(self.model), dynsparse.Linearizer(self.model, threads=1)
        out, one = lin(state=many), lin(state=self.states[0])
        begun = time.perf_counter()
        lin(state=many, out=out)
        each_takes = (time.perf_counter() - begun) / len(many)
        # A divisor of their number.
        self.share = next(n for n in (48, 24, 16, 12, 8, 6, 4, 3, 2) if n * each_takes < TURN or n == 2)
        some = alone(state=many[: MANY * self.share])
        self.rust, self.rust_many = Rust(program, self.model, self.states), Rust(program, self.model, many)

        def again():
            lin(state=many, out=out)

        # Of some states, and of all in a batch.
        self.ways = {
            "rust": lambda at: self.rust.run(bytes([self.share])),
            "state": lambda at: clocked(lambda: each(lambda state: lin(state=state), self.states[at])),
            "reused": lambda at: clocked(lambda: each(lambda state: lin(state=state, out=one), self.states[at])),
            "alone": lambda at: [clocked(lambda: alone(state=np.tile(self.states[at], (MANY, 1)), out=some))[0] / MANY],
            "data": lambda at: clocked(lambda: each(lambda data: dynsparse.linearize(self.model, data), simulations[at])),
        }
        self.batches = {"rust": lambda: self.rust_many.run(b"\xff"), "many": lambda: clocked(again)}

    def over(self):
        """Processor time of a state by the engine in Rust, us, and how much more each way in Python takes."""
        shares = [slice(at, at + self.share) for at in range(0, len(self.states), self.share)]
        least = {way: [math.inf] * len(shares) for way in self.ways}
        order = list(least)
        for _ in range(ROUNDS):
            # Whoever comes after another process has a little more to do.
            order.append(order.pop(0))
            for k, at in enumerate(shares):
                for way in order:
                    times = least[way]
                    # Once before, so that nothing is cold but by its own fault.
                    self.ways[way](at)
                    times[k] = min(times[k], self.ways[way](at)[0])
                self.rust.run(b"\0")
        rust, *others = (np.array(times) / self.share * 1e6 for times in least.values())
        # A state or two may take ten times as long as others, and a percent of that is more than what is measured here.
        return [rust.mean(), *(np.median(other - rust) for other in others)]

    def ratios(self):
        """Processor time and wall clock of a batch by the engine in Rust, by those of this module."""
        pairs = [(self.batches["rust"](), self.batches["many"]()) for _ in range(ROUNDS + 1)][1:]
        return [statistics.median(rust[k] / ours[k] for rust, ours in pairs) for k in (0, 1)]


HEAD = ["model", "nv", "engine in Rust us", "linearizer us more", "with out= us more", "of these without Python us"]
HEAD += ["linearize(model, data) us more", "batch by processor time", "batch by wall clock"]

if __name__ == "__main__":
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(HEAD)
    for argument in sys.argv[2:]:
        case = Case(sys.argv[1], *argument.split("=", 1))
        table.writerow([case.name, case.model.nv, *(f"{x:.1f}" for x in case.over()), *(f"{x:.2f}" for x in case.ratios())])
        sys.stdout.flush()
        case.rust.end()
        case.rust_many.end()
