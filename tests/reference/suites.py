"""Makes the references that the tasks of a suite are compared with, from the suite itself.

    python3 -m venv /path/to/venv
    /path/to/venv/bin/pip install mujoco==3.17.0 gymnasium==1.4.0 imageio packaging dm-control==1.0.50
    MUJOCO_GL=disable /path/to/venv/bin/python tests/reference/suites.py gymnasium    # or dm_control, menagerie

Opens every task as its users do and writes

    assets/SUITE.digests.json             its compiled model, what `dynsparse tasks check` compares with (part of the program)
    tests/reference/suites/SUITE.json     what tests/library/suites.rs compares with

Per task: `resets`, the summary of N starts (see sample.py) of qpos, qvel, ctrl, mocap_pos, mocap_quat and act; `episode`, one episode under controls that
any machine computes alike, `low + (high - low) * ((37 k + 101 i) % 256 / 256)` of control i in control step k, beginning with the
state of reset number 0: the sha256 of qpos and qvel (float64, little-endian) after some control steps, the reward of each of the first ones, some
observations, and the first control step that ends the episode (null: none). It goes on behind that.
"""

import argparse
import contextlib
import json
import tomllib
from importlib.metadata import version
from pathlib import Path

import mujoco
import numpy as np

from model_digest import ROOT, compact, digest, sha256
from sample import N, QUANTILES, summarise

FIELDS = ["qpos", "qvel", "ctrl", "mocap_pos", "mocap_quat", "act"]
# Control steps after which the state is hashed, whose observation is kept, and up to which the reward is.
HASHED = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
SEEN = [1, 2, 10, 40]
REWARDED = 60


class Gymnasium:
    """The environments of Gymnasium, version 5."""

    draws = True

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

    def reset(self, seed, settle=True):
        return self.env.reset(seed=seed)[0]

    def step(self, action):
        seen, reward, over, _, _ = self.env.step(action)
        return seen, reward, over


class DmControl:
    """dm_control's suite. What it changes in a model at random before an episode is put back: targets, on which no dynamics depend."""

    draws = True
    # Their dynamics are others in each episode.
    LEFT_OUT = {"point_mass-hard", "quadruped-escape", "manipulator-insert_ball", "manipulator-insert_peg"}
    RANDOM = ["geom_pos", "site_pos", "body_pos", "body_quat", "light_pos"]

    def __init__(self):
        from dm_control import suite

        self.suite = suite
        self.version = version("dm-control")
        self.names = [n for n in (f"{d}-{t}" for d, t in suite.ALL_TASKS) if n not in self.LEFT_OUT]

    def open(self, name):
        domain, task = name.split("-")
        # The seed decides on the stiffness of lqr.
        self.env = self.suite.load(domain, task, task_kwargs={"random": 0})
        self.xml, self.physics = domain, self.env.physics
        self.model = self.physics.model.ptr
        kept = {n: getattr(self.model, n).copy() for n in self.RANDOM}
        self.env.reset()
        for field, value in kept.items():
            getattr(self.model, field)[:] = value
        self.limit = 1000 if self.env._step_limit == float("inf") else round(self.env._step_limit)
        return self

    @property
    def data(self):
        return self.physics.data.ptr

    def timing(self):
        return {
            "sim_dt": self.model.opt.timestep,
            "ctrl_dt": self.model.opt.timestep * self.env._n_sub_steps,
            "n_substeps": self.env._n_sub_steps,
            "action_size": self.model.nu,
            "episode_length": self.limit,
            "action_repeat": 1,
            "xml_path": f"suite/{self.xml}.xml",
        }

    @staticmethod
    def flat(observation):
        return np.concatenate([np.ravel(x) for x in observation.values()]) if observation else np.zeros(0)

    def reset(self, seed, settle=True):
        self.env.task.random.seed(seed)
        step = type(self.physics).step
        if not settle:
            # What is compared is the state that settling starts from.
            type(self.physics).step = lambda physics, nstep=1: None
        observation = self.env.reset().observation
        type(self.physics).step = step
        return self.flat(observation)

    def step(self, action):
        self.env._reset_next_step = False
        timestep = self.env.step(action)
        return self.flat(timestep.observation), timestep.reward, timestep.last() and timestep.discount == 0.0


class Menagerie:
    """Robots of Menagerie in the folder that set-up fills. They have no tasks: what they do here is MuJoCo's own step."""

    draws = False

    def __init__(self):
        self.folder = ROOT / "vendor" / "menagerie"
        self.version = "of envpool 0.4.0"
        self.tasks = {t["name"]: t for t in TASKS["task"]}
        self.names = list(self.tasks)

    def open(self, name):
        task = self.tasks[name]
        self.xml = Path(TASKS["model"][task["model"]]["xml"]).relative_to("menagerie")
        # Paths of meshes are kept as they are given.
        with contextlib.chdir((self.folder / self.xml).parent):
            self.model = mujoco.MjModel.from_xml_path(self.xml.name)
        self.data = mujoco.MjData(self.model)
        self.steps, self.limit = task["substeps"], task["episode_length"]
        self.key = None if task["reset"] == "default" else self.model.key(task["reset"])
        return self

    def timing(self):
        return {
            "sim_dt": self.model.opt.timestep,
            "ctrl_dt": self.model.opt.timestep * self.steps,
            "n_substeps": self.steps,
            "action_size": self.model.nu,
            "episode_length": self.limit,
            "action_repeat": 1,
            "xml_path": str(self.xml),
        }

    def actions(self):
        return self.model.actuator_ctrlrange.T if self.key is None else np.array([[-1.0], [1.0]]) + np.zeros(self.model.nu)

    def reset(self, seed):
        if self.key is None:
            mujoco.mj_resetData(self.model, self.data)
        else:
            mujoco.mj_resetDataKeyframe(self.model, self.data, self.key.id)
        mujoco.mj_forward(self.model, self.data)
        return np.zeros(0)

    def step(self, action):
        if self.key is not None:
            low, high = self.model.actuator_ctrlrange.T
            action = np.clip(self.key.ctrl + 0.25 * (high - low) / 2 * action, low, high)
        self.data.ctrl[:] = action
        mujoco.mj_step(self.model, self.data, nstep=self.steps)
        return np.zeros(0), 0.0, False


TASKS = tomllib.loads((ROOT / "assets" / "menagerie.toml").read_text())
SUITES = {"gymnasium": Gymnasium, "dm_control": DmControl, "menagerie": Menagerie}


def state(data):
    return [np.array(getattr(data, n)).ravel() for n in FIELDS]


def resets(task):
    drawn = []
    for seed in range(N):
        task.reset(seed, settle=False)
        drawn.append(state(task.data))
    return summarise(FIELDS, [np.array(column) for column in zip(*drawn)])


def episode(task):
    model = task.model
    first = np.asarray(task.reset(0), np.float64)
    start = {n: np.array(getattr(task.data, n)).ravel().tolist() for n in [*FIELDS, "qacc_warmstart"]}
    low, high = model.actuator_ctrlrange.T
    low, high = np.where(model.actuator_ctrllimited, [low, high], [[-1.0], [1.0]])
    if hasattr(task, "actions"):
        low, high = task.actions()
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
    parser.add_argument("tasks", nargs="*", help="only these are made anew")
    arguments = parser.parse_args()
    name = arguments.suite
    suite = SUITES[name]()
    folder = ROOT / "tests" / "reference" / "suites"
    folder.mkdir(exist_ok=True)
    before = json.loads((folder / f"{name}.json").read_text())["tasks"] if arguments.tasks else {}
    digests, tasks = [], {}
    for task in suite.names:
        suite.open(task)
        full = f"{name}/{task}"
        digests.append(digest(full, suite.model, "suite", suite.timing()))
        if arguments.tasks and task not in arguments.tasks:
            tasks[full] = before[full]
            continue
        tasks[full] = {"episode": episode(suite), "resets": resets(suite) if suite.draws else None}
        print(full, "ended", tasks[full]["episode"]["ended"], flush=True)
    made = f"made by tests/reference/suites.py with {name} {suite.version}"
    (ROOT / "assets" / f"{name}.digests.json").write_text(compact(digests, f"The model of every task of {name}, {made}."))
    about = f"Resets and one episode of every task, {made}; it says what the numbers are. N = {N}, quantiles {QUANTILES}."
    head = json.dumps({"about": about, "mujoco": mujoco.__version__}, separators=(",", ":"))
    lines = [f"{json.dumps(n)}:{json.dumps(t, separators=(',', ':'))}" for n, t in tasks.items()]
    (folder / f"{name}.json").write_text(head[:-1] + ',"tasks":{\n' + ",\n".join(lines) + "\n}}\n")


if __name__ == "__main__":
    main()
