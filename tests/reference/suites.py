"""Makes the references that the tasks of a suite are compared with, from the suite itself.

    python3 -m venv /path/to/venv
    /path/to/venv/bin/pip install mujoco==3.17.0 gymnasium==1.4.0 imageio packaging
    /path/to/venv/bin/python tests/reference/suites.py gymnasium

Opens every task as its users do and writes

    assets/SUITE.digests.json             its compiled model, what `dynsparse tasks check` compares with (part of the program)
    tests/reference/suites/SUITE.json     what tests/library/suites.rs compares with

Per task: `resets`, the summary of N starts (see sample.py) of qpos, qvel, ctrl, mocap_pos and mocap_quat; `episode`, one episode under controls that
any machine computes alike, `low + (high - low) * ((37 k + 101 i) % 256 / 256)` of control i in control step k, beginning with the
state of reset number 0: the sha256 of qpos and qvel (float64, little-endian) after some control steps, the reward of each of the first ones, some
observations, and the first control step that ends the episode (null: none). It goes on behind that.
"""

import argparse
import json
from pathlib import Path

import mujoco
import numpy as np

from model_digest import ROOT, compact, digest, sha256
from sample import N, QUANTILES, summarise

FIELDS = ["qpos", "qvel", "ctrl", "mocap_pos", "mocap_quat"]
# Control steps after which the state is hashed, whose observation is kept, and up to which the reward is.
HASHED = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
SEEN = [1, 2, 10, 40]
REWARDED = 60


class Gymnasium:
    """The environments of Gymnasium, version 5."""

    def __init__(self):
        import gymnasium

        self.gymnasium = gymnasium
        self.package = Path(gymnasium.__file__).parent
        self.version = gymnasium.__version__
        ids = [i for i in gymnasium.registry if i.endswith("-v5")]
        self.names = sorted(i for i in ids if "gymnasium.envs.mujoco" in str(gymnasium.registry[i].entry_point))

    def open(self, name):
        env = self.gymnasium.make(name)
        self.env, self.limit = env.unwrapped, env.spec.max_episode_steps
        self.model = self.env.model
        return self

    @property
    def data(self):
        return self.env.data

    def timing(self):
        return {
            "sim_dt": self.model.opt.timestep,
            "ctrl_dt": self.env.dt,
            "n_substeps": self.env.frame_skip,
            "action_size": int(self.env.action_space.shape[0]),
            "episode_length": self.limit,
            "action_repeat": 1,
            "xml_path": str(Path(self.env.fullpath).relative_to(self.package)),
        }

    def reset(self, seed):
        return self.env.reset(seed=seed)[0]

    def step(self, action):
        seen, reward, over, _, _ = self.env.step(action)
        return seen, reward, over


SUITES = {"gymnasium": Gymnasium}


def state(data):
    return [np.array(getattr(data, n)).ravel() for n in FIELDS]


def resets(task):
    drawn = []
    for seed in range(N):
        task.reset(seed)
        drawn.append(state(task.data))
    return summarise(FIELDS, [np.array(column) for column in zip(*drawn)])


def episode(task):
    model = task.model
    first = np.asarray(task.reset(0), np.float64)
    start = {n: np.array(getattr(task.data, n)).ravel().tolist() for n in [*FIELDS, "act"]}
    low, high = model.actuator_ctrlrange.T
    assert model.actuator_ctrllimited.all()
    index = np.arange(model.nu)
    rewards, steps, seen, ended = [], {}, {"0": first.tolist()}, None
    for k in range(task.limit):
        observation, reward, over = task.step(low + (high - low) * ((37 * k + 101 * index) % 256 / 256))
        if over and ended is None:
            ended = k + 1
        if k < REWARDED:
            rewards.append(float(reward))
        if k + 1 in SEEN:
            seen[str(k + 1)] = np.asarray(observation, np.float64).tolist()
        if k + 1 in HASHED or k + 1 == task.limit:
            bytes_of = lambda x: x.astype("<f8").tobytes()
            steps[str(k + 1)] = {"sha256": sha256(bytes_of(task.data.qpos) + bytes_of(task.data.qvel)),
                                 "qpos": task.data.qpos[:3].tolist()}
    return {"start": start, "ended": ended, "states": steps, "rewards": rewards, "observations": seen}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", choices=SUITES)
    name = parser.parse_args().suite
    suite = SUITES[name]()
    digests, tasks = [], {}
    for task in suite.names:
        suite.open(task)
        full = f"{name}/{task}"
        digests.append(digest(full, suite.model, "suite", suite.timing()))
        tasks[full] = {"episode": episode(suite), "resets": resets(suite)}
        print(full, "ended", tasks[full]["episode"]["ended"], flush=True)
    made = f"made by tests/reference/suites.py with {name} {suite.version}"
    (ROOT / "assets" / f"{name}.digests.json").write_text(compact(digests, f"The model of every task of {name}, {made}."))
    about = f"Resets and one episode of every task, {made}; it says what the numbers are. N = {N}, quantiles {QUANTILES}."
    head = json.dumps({"about": about, "mujoco": mujoco.__version__}, separators=(",", ":"))
    lines = [f"{json.dumps(n)}:{json.dumps(t, separators=(',', ':'))}" for n, t in tasks.items()]
    folder = ROOT / "tests" / "reference" / "suites"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(head[:-1] + ',"tasks":{\n' + ",\n".join(lines) + "\n}}\n")


if __name__ == "__main__":
    main()
