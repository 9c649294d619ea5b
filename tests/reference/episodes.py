"""Writes episodes.json: rewards, their terms and observations of the tasks of locomotion and manipulation. See stand_in.py.

    JAX_ENABLE_X64=1 /path/to/venv/bin/python tests/reference/episodes.py

Playground's own `reset` and `step`, in double precision and without the noise on observations; MuJoCo's C library steps.
An episode has `first`, the state after the reset (before the last physics step of one that settles) with what is observed of it,
then a line for every control step:
`state` before its last physics step, the raw `action`, what the environment remembered of the episode and drew by itself
(`command`), whether it was `done`, and `reward`, `terms` (scaled) and `observation`. Between the reset and the first
step everything is nudged, so that nothing is at rest.

`given` is what the environment drew at the reset. `applied` is the action that the controls came of where that is another
one (PandaRobotiqPushCube), `unreachable` that there was no joint angle for it (PandaPickCubeCartesian).
"""

import os
import sys
import zlib

os.environ["JAX_ENABLE_X64"] = "1"

import jax
import jax.numpy as jp
import mujoco
import numpy as np
from mujoco_playground import dm_control_suite, registry

import stand_in
from stand_in import Data, environments, replace_physics, wanted, write

stand_in.FLOAT = np.float64
stand_in.ARRAYS.append("qacc_warmstart")
STATE = ["qpos", "qvel", "ctrl", "qacc_warmstart", "mocap_pos", "mocap_quat"]

def quiet(name):
    config = registry.get_default_config(name)
    out = {}
    if "noise_config" in config:
        noise = config.noise_config
        if "level" in noise:
            out["noise_config.level"] = 0.0
        else:  # PandaRobotiqPushCube: its observations come late as well
            out |= {f"noise_config.noise_scales.{k}": 0.0 for k in noise.noise_scales}
            out |= {"noise_config.obs_min_delay": 0, "noise_config.obs_max_delay": 1}
    if "obs_noise" in config and name != "PandaPickCubeCartesian":
        noise = config.obs_noise
        if isinstance(noise, float):
            out["obs_noise"] = 0.0
        elif "level" in noise:
            out["obs_noise.level"] = 0.0
        else:
            for k, scale in noise.scales.items():
                out[f"obs_noise.scales.{k}"] = 0.0 if isinstance(scale, float) else [0.0] * len(scale)
    return out


def flat(x):
    return np.asarray(x, np.float64).ravel().tolist()


def state_of(d):
    return {n: flat(getattr(d, n)) for n in STATE}


class Physics:
    """MuJoCo's C library behind the functions that environments call."""

    def __init__(self, model):
        self.model, self.d, self.before = model, mujoco.MjData(model), None

    def put(self, data):
        for n in STATE + ["xfrc_applied"]:
            getattr(self.d, n)[:] = np.asarray(getattr(data, n)).reshape(getattr(self.d, n).shape)
        self.d.time = float(data.time)

    def forward(self, _, data):
        self.put(data)
        mujoco.mj_forward(self.model, self.d)
        return Data.of(self.d)

    def step(self, _, data, action, n=1):
        self.put(data)
        self.d.ctrl[:] = np.asarray(action)
        for _ in range(int(n)):
            self.before = state_of(self.d)
            mujoco.mj_step(self.model, self.d)
        out = Data.of(self.d)
        return out


def observed(state):
    obs = state.obs
    obs = obs["state"] if isinstance(obs, dict) else obs
    return flat(obs)


def nudged(name, env, state, rng, physics, spread):
    m, d = env.mj_model, physics.d
    physics.put(state.data)
    for j in range(m.njnt):
        q, v = m.jnt_qposadr[j], m.jnt_dofadr[j]
        if m.jnt_type[j] == mujoco.mjtJoint.mjJNT_FREE:
            d.qpos[q:q + 3] += 0.02 * spread * rng.normal(size=3)
            turn, old = np.zeros(4), d.qpos[q + 3:q + 7].copy()
            axis = rng.normal(size=3)
            mujoco.mju_axisAngle2Quat(turn, axis / np.linalg.norm(axis), 0.2 * spread)
            mujoco.mju_mulQuat(d.qpos[q + 3:q + 7], turn, old)
            d.qvel[v:v + 6] += 0.3 * spread * rng.normal(size=6)
        elif m.jnt_type[j] != mujoco.mjtJoint.mjJNT_BALL:
            d.qpos[q] += 0.1 * spread * rng.uniform(-1, 1)
            if m.jnt_limited[j]:
                d.qpos[q] = np.clip(d.qpos[q], *m.jnt_range[j])
            d.qvel[v] += spread * rng.normal()
    fields = {n: jp.asarray(getattr(d, n)).reshape(getattr(state.data, n).shape) for n in ("qpos", "qvel")}
    return state.replace(data=state.data.replace(**fields))


# What a reset draws for the reward and observation.
GIVEN = ["gait_freq", "gait", "foot_height", "phase_dt", "target_pos"]


def episode(name, env, number, steps, spread):
    rng = np.random.default_rng(zlib.crc32(name.encode()) + number)
    physics = Physics(env.mj_model)
    replace_physics(physics.forward, physics.step)
    state = env.reset(jax.random.PRNGKey(zlib.crc32(name.encode()) % 1000 + number))
    settled = physics.before  # where the reset settles, what is derived is that of its last physics step
    physics.put(state.data)
    out = {"given": {k: flat(state.info[k]) for k in GIVEN if k in state.info}}
    if "command" in state.info:
        out["given"]["command"] = flat(state.info["command"])
    out["first"] = {"state": settled or state_of(physics.d), "observation": observed(state)}
    prepare = PREPARE.get(name)
    state = nudged(name, env, state, rng, physics, spread)
    out["steps"] = []
    for k in range(steps):
        given = {}
        if prepare:
            state = prepare(env, state, physics, number, k)
        if "command" in state.info:
            # New commands are drawn elsewhere; of those given here one is none at all.
            command = np.zeros(3) if (number, k) in ((1, 1), (1, 2)) else rng.uniform(-1, 1, 3) * [1.0, 0.7, 0.9]
            if (number, k) == (1, 0):
                command = np.array([0.3, 0.02, 0.1])
            state.info["command"] = jp.asarray(command)
            for counter in ("steps_until_next_cmd",):
                if counter in state.info:
                    state.info[counter] = jp.array(1000)
            given["command"] = flat(command)
        size = 1.2 if number == 0 else 0.3
        action = rng.uniform(-size, size, env.action_size)
        if name == "PandaRobotiqPushCube":
            action *= 5
        state = env.step(state, jp.asarray(action))
        line = {"state": physics.before, "action": flat(action), **given, "done": bool(state.done)}
        if name == "PandaRobotiqPushCube":
            line["applied"] = flat(state.info["last_action"])
            line["mocap_after"] = flat(state.data.mocap_pos) + flat(state.data.mocap_quat)
        if name == "PandaPickCubeCartesian":
            line["unreachable"] = bool(np.asarray(state.obs)[-4])
        line["reward"] = float(state.reward)
        scales = env._config.reward_config
        scales = scales.get("scales", scales.get("reward_scales"))
        term = {}
        for k2, scale in scales.items():
            value = state.metrics.get(f"reward/{k2}", state.metrics.get(k2))
            if scale != 0.0 and value is not None and k2 != "no_box_collision":  # which is logged, and never added
                # Some environments log terms before they are scaled.
                term[k2] = float(value) * (scale if name.startswith(("PandaPick", "PandaOpen")) else 1.0)
        line["terms"] = term
        line["observation"] = observed(state)
        assert np.isfinite(line["observation"]).all() and np.isfinite(line["reward"]), (name, k)
        out["steps"].append(line)
    return out


def place(env, physics, state, **changes):
    """The state with some numbers of qpos, qvel or mocap bodies at other values."""
    fields = {}
    for name, pairs in changes.items():
        x = np.array(getattr(state.data, name), np.float64)
        for at, value in pairs:
            x[at] = value
        fields[name] = jp.asarray(x)
    return state.replace(data=state.data.replace(**fields))


PREPARE = {}


def main():
    tasks = {}
    names = wanted() or [n for n in registry.ALL_ENVS if n not in dm_control_suite.ALL_ENVS]
    for name, env in environments(names, quiet):
        rough = "Rough" in name
        runs = [(0, 2 if rough else 4, 1.0), (1, 1 if rough else 4, 0.2)]
        tasks[name] = [episode(name, env, *run) for run in runs]
        last = tasks[name][0]["steps"][-1]
        print(name, len(last["observation"]), [s["reward"] for e in tasks[name] for s in e["steps"]], file=sys.stderr, flush=True)
    write("episodes.json", "Episodes of Playground 0.2.0 in double precision, written by tests/reference/episodes.py; it"
          " says what is in here.", tasks)


if __name__ == "__main__":
    main()
