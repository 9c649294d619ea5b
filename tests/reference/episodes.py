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
    return [0 if v == 0 else v for v in np.asarray(x, np.float64).ravel().tolist()]


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
    key = zlib.crc32(name.encode()) % 1000 + number
    state = env.reset(jax.random.PRNGKey(key))
    while name == "SpotJoystickGaitTracking" and number == 2 and state.info["gait"] < 3:
        key += 1  # one of the gaits that leave the ground
        state = env.reset(jax.random.PRNGKey(key))
    settled = physics.before  # where the reset settles, what is derived is that of its last physics step
    physics.put(state.data)
    out = {"given": {k: flat(state.info[k]) for k in GIVEN if k in state.info}}
    if "command" in state.info:
        out["given"]["command"] = flat(state.info["command"])
    out["first"] = {"state": settled or state_of(physics.d), "observation": observed(state)}
    prepare = PREPARE.get(name, fallen)
    state = nudged(name, env, state, rng, physics, spread)
    out["steps"] = []
    for k in range(steps):
        given = {}
        if number == 2:
            state = prepare(env, state, k)
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
        size = [1.2, 0.3, 0.05][number]
        action = rng.uniform(-size, size, env.action_size)
        if name == "PandaRobotiqPushCube":
            action *= 5
        state = env.step(state, jp.asarray(action))
        line = {"state": physics.before, "action": flat(action), **given, "done": bool(state.done)}
        if name == "PandaRobotiqPushCube":
            line["applied"] = flat(state.info["last_action"])
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


def set_state(state, **fields):
    """The state with other numbers."""
    return state.replace(data=state.data.replace(**{
        n: jp.asarray(x).reshape(getattr(state.data, n).shape) for n, x in fields.items()}))


def reach(m, qpos, site, goal):
    """Positions in which the first seven joints bring a site to a place."""
    d, jac = mujoco.MjData(m), np.zeros((3, m.nv))
    d.qpos[:] = qpos
    for _ in range(200):
        mujoco.mj_forward(m, d)
        mujoco.mj_jacSite(m, d, jac, None, m.site(site).id)
        j, gap = jac[:, :7], goal - d.site(site).xpos
        d.qpos[:7] += j.T @ np.linalg.solve(j @ j.T + 1e-4 * np.eye(3), np.clip(gap, -0.05, 0.05))
    return d.qpos.copy(), d


def fallen(env, state, k):
    """Upside down, then at the end of every joint's range, then thrown at the ground."""
    m = env.mj_model
    qpos, qvel = np.array(state.data.qpos), np.array(state.data.qvel)
    if k == 0:
        qpos[2:7] = [qpos[2] + 0.3, 0.0, 1.0, 0.0, 0.0]
    elif k == 1:
        qpos[2:7] = [qpos[2] + 0.5, 1.0, 0.0, 0.0, 0.0]
        qpos[7:] = m.jnt_range[1:, 1] + 0.03
    else:
        key = m.keyframe("home" if any(m.key(i).name == "home" for i in range(m.nkey)) else 0)
        qpos[:] = key.qpos
        qvel[:] = 0
        qvel[2] = -5.0
    return set_state(state, qpos=qpos, qvel=qvel)


def standing(env, state, k):
    qpos = env.mj_model.keyframe("home").qpos
    return set_state(state, qpos=qpos + 0.01 * k, qvel=np.zeros_like(np.array(state.data.qvel)))


def gripped(env, state, k):
    """The cube in the gripper, then the gripper on the floor."""
    m, qpos = env.mj_model, np.array(state.data.qpos)
    if k == 0:
        d = mujoco.MjData(m)
        d.qpos[:] = qpos
        mujoco.mj_forward(m, d)
        qpos[9:12] = d.site("gripper").xpos + [0.002, -0.003, 0.004]
    elif k == 1:
        qpos, _ = reach(m, qpos, "gripper", np.array([0.5, 0.1, -0.02]))
    return set_state(state, qpos=qpos, qvel=np.zeros(m.nv))


def at_handle(env, state, k):
    m = env.mj_model
    d = mujoco.MjData(m)
    d.qpos[:] = np.array(state.data.qpos)
    mujoco.mj_forward(m, d)
    goal = d.body("handle").xpos if k == 0 else d.geom("barrier").xpos
    qpos, _ = reach(m, d.qpos, "gripper", goal.copy())
    return set_state(state, qpos=qpos, qvel=np.zeros(m.nv))


def handed_over(env, state, k):
    qpos = np.array(env.mj_model.keyframe("transferred" if k < 2 else "picked").qpos)
    if k == 2:
        qpos[18] = 0.02  # dropped, after it was picked
    return set_state(state, qpos=qpos, qvel=np.zeros(env.mj_model.nv))


def inserted(env, state, k):
    """The peg's end in the socket, along its axis."""
    m, qpos = env.mj_model, np.array(state.data.qpos)
    d = mujoco.MjData(m)
    peg = m.jnt_qposadr[m.body("peg").jntadr[0]]
    for _ in range(2):
        d.qpos[:] = qpos
        mujoco.mj_forward(m, d)
        goal = d.site("socket_rear").xpos + 0.3 * (d.site("socket_entrance").xpos - d.site("socket_rear").xpos)
        qpos[peg:peg + 3] += goal - d.site("peg_end2").xpos
    return set_state(state, qpos=qpos, qvel=np.zeros(m.nv))


def pushed(env, state, k):
    """The cube between the fingers, then at its target."""
    m, qpos = env.mj_model, np.array(state.data.qpos)
    d = mujoco.MjData(m)
    d.qpos[:] = qpos
    mujoco.mj_forward(m, d)
    cube = m.jnt_qposadr[m.body("box").jntadr[0]]
    if k == 0:
        qpos[cube:cube + 3] = d.site("gripper").xpos + [0.0, 0.03, 0.0]
    else:
        qpos[cube:cube + 7] = np.concatenate([np.array(state.data.mocap_pos).ravel(), np.array(state.data.mocap_quat).ravel()])
    return set_state(state, qpos=qpos)


def turned(env, state, k):
    """The cube as it should be, then below the hand."""
    m, qpos = env.mj_model, np.array(state.data.qpos)
    cube = m.jnt_qposadr[m.body("cube").jntadr[0]]
    if k == 0:
        qpos[cube + 3:cube + 7] = np.array(state.data.mocap_quat).ravel()
    else:
        qpos[cube + 2] = -0.2
    return set_state(state, qpos=qpos, qvel=np.zeros(m.nv))


# What a third episode does before each control step, so that every term is seen.
PREPARE = {
    "Go1Getup": standing,
    "SpotGetup": standing,
    "AlohaHandOver": handed_over,
    "AlohaSinglePegInsertion": inserted,
    "PandaPickCube": gripped,
    "PandaPickCubeOrientation": gripped,
    "PandaPickCubeCartesian": gripped,
    "PandaOpenCabinet": at_handle,
    "PandaRobotiqPushCube": pushed,
    "LeapCubeReorient": turned,
    "LeapCubeRotateZAxis": turned,
    "AeroCubeRotateZAxis": turned,
}


def main():
    tasks = {}
    names = wanted() or [n for n in registry.ALL_ENVS if n not in dm_control_suite.ALL_ENVS]
    for name, env in environments(names, quiet):
        rough = "Rough" in name
        runs = [(0, 2, 1.0)] if rough else [(0, 4, 1.0), (1, 4, 0.2), (2, 3, 0.0)]
        tasks[name] = [episode(name, env, *run) for run in runs]
        last = tasks[name][0]["steps"][-1]
        print(name, len(last["observation"]), [s["reward"] for e in tasks[name] for s in e["steps"]], file=sys.stderr, flush=True)
    write("episodes.json", "Episodes of Playground 0.2.0 in double precision, written by tests/reference/episodes.py; it"
          " says what is in here.", tasks)


if __name__ == "__main__":
    main()
