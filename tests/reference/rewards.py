"""Writes rewards.json, which tests/library/rewards.rs compares dynsparse with.

The numbers come from MuJoCo Playground itself: its environments' own reward and observation, evaluated in double
precision on states that plain MuJoCo has stepped. Every state is saved as it is *before* one last physics step;
reward and observation are those after it, so that a mix-up of the two instants shows.

    pip install mujoco==3.17.0 mujoco-mjx==3.17.0 playground==0.2.0 jax
    python tests/reference/rewards.py > tests/reference/rewards.json
"""

import collections
import json
import os
import zlib

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_ENABLE_X64"] = "1"

import jax.numpy as jp
import mujoco
import numpy as np
from mujoco import mjx

# Playground 0.2.0 calls this method in its two reacher tasks; MuJoCo 3.17.0 knows it as `body`.
mujoco.MjSpec.find_body = lambda self, name: self.body(name)

from mujoco_playground import dm_control_suite, registry  # noqa: E402

SPREADS = (0.05, 0.5, 1.5)  # of the random states: near the default position, further, anywhere
STEPS = (0, 7, 60)  # physics steps before the last one
# States in which the task is (nearly) done, as the random ones hardly are. A mocap body named here goes to the
# place of a site or geom.
DONE = {
    "AcrobotSwingup": {"qpos": [0.1, -0.12]},
    "AcrobotSwingupSparse": {"qpos": [0.05, -0.08]},
    "BallInCup": {"qpos": [0.1, 0.05, 0.11, 0.41]},
    "CartpoleBalanceSparse": {"qpos": [0.2, 0.05]},
    "CartpoleSwingupSparse": {"qpos": [-0.24, -0.09]},
    "CheetahRun": {"qvel": [7.3] + [0] * 8},
    "FingerSpin": {"qvel": [0, 0, -18]},
    "FingerTurnEasy": {"qpos": [0.3, 0.2, 1.0], "place": ("site", "tip"), "shift": [0.03, 0, -0.05]},
    "FingerTurnHard": {"qpos": [-0.3, 0.4, -2.0], "place": ("site", "tip"), "shift": [0.02, 0, 0.01]},
    "FishSwim": {"place": ("geom", "mouth"), "shift": [0.03, 0.05, 0.02]},
    "HopperHop": {"qvel": [1.6, 0.1] + [0] * 5},
    "HopperStand": {"qpos": [0, 0.05, 0.1, 0.1, -0.2, 0.4, -0.3]},
    "PendulumSwingup": {"qpos": [0.12]},
    "PointMass": {"qpos": [0.012, -0.014]},
    "ReacherEasy": {"qpos": [1.0, -2.0], "place": ("geom", "finger"), "shift": [0.035, -0.042, 0]},
    "ReacherHard": {"qpos": [-2.0, 1.5], "place": ("geom", "finger"), "shift": [-0.01, 0.02, 0]},
    "SwimmerSwimmer6": {"place": ("geom", "nose"), "shift": [0.1, -0.08, 0]},
    "WalkerRun": {"qvel": [0.2, 6.5, 0.1] + [0] * 6},
    "WalkerWalk": {"qvel": [0.1, 0.8, -0.1] + [0] * 6},
    "HumanoidWalk": {"qvel": [0.6, 0.5] + [0] * 25},
    "HumanoidRun": {"qvel": [5.0, -3.0] + [0] * 25},
}


def random_state(m, d, rng, spread):
    """Joints within their ranges where they have some; free bodies stay off the floor."""
    mujoco.mj_resetData(m, d)
    for j in range(m.njnt):
        q = m.jnt_qposadr[j]
        if m.jnt_type[j] == mujoco.mjtJoint.mjJNT_FREE:
            d.qpos[q:q + 3] += spread * 0.1 * rng.normal(size=3)
            mujoco.mju_axisAngle2Quat(d.qpos[q + 3:q + 7], rng.normal(size=3), spread)
            mujoco.mju_normalize4(d.qpos[q + 3:q + 7])
        else:
            d.qpos[q] += spread * rng.uniform(-1, 1)
            if m.jnt_limited[j]:
                d.qpos[q] = np.clip(d.qpos[q], *m.jnt_range[j])
    d.qvel[:] = spread * rng.normal(size=m.nv)
    d.mocap_pos[:, :2] += 0.3 * spread * rng.normal(size=(m.nmocap, 2))


def done_state(m, d, done):
    mujoco.mj_resetData(m, d)
    d.qpos[:] = done.get("qpos", d.qpos)
    d.qvel[:] = done.get("qvel", d.qvel)
    if "place" in done:
        mujoco.mj_kinematics(m, d)
        kind, name = done["place"]
        d.mocap_pos[0] = getattr(d, kind)(name).xpos + done["shift"]


def touching_state(m, d, rng):
    """A random state in which every touch sensor is touched; False for a model without one."""
    adr = m.sensor_adr[m.sensor_type == mujoco.mjtSensor.mjSENS_TOUCH]
    while len(adr):
        random_state(m, d, rng, 1.5)
        mujoco.mj_forward(m, d)
        if (d.sensordata[adr] > 0).all():
            return True
    return False


def mjx_data(m, d):
    """What the formulas may read of a simulation. (mjx.put_data refuses more contacts than a task allows for.)"""
    fields = ["qpos", "qvel", "ctrl", "mocap_pos", "mocap_quat", "xpos", "xmat", "xipos", "ximat", "geom_xpos",
              "geom_xmat", "site_xpos", "site_xmat", "subtree_com", "sensordata", "qacc", "actuator_force"]
    data = mjx.make_data(m, impl="jax")
    return data.replace(**{n: jp.asarray(getattr(d, n)).reshape(getattr(data, n).shape) for n in fields})


def case(env, d, task, action):
    m = env.mj_model
    d.ctrl[:] = action
    names = ["qpos", "qvel", "ctrl", "qacc_warmstart", "mocap_pos", "mocap_quat"]
    state = {n: getattr(d, n).ravel().tolist() for n in names}
    mujoco.mj_step(m, d)
    data = mjx_data(m, d)
    metrics = collections.defaultdict(float)  # some environments log the parts of the reward
    reward = float(env._get_reward(data, jp.asarray(action), {}, metrics))
    observation = np.asarray(env._get_obs(data, {}))
    assert observation.dtype == np.float64 and np.isfinite(observation).all() and 0 <= reward <= 1
    return {"task": task, "state": state, "action": list(action), "reward": reward,
            "observation": observation.tolist()}


def main():
    cases = []
    for task in sorted(dm_control_suite.ALL_ENVS):
        env = registry.load(task, config_overrides={"impl": "jax"})
        m, rng = env.mj_model, np.random.default_rng(zlib.crc32(task.encode()))
        d = mujoco.MjData(m)
        for spread, steps in zip(SPREADS, STEPS):
            random_state(m, d, rng, spread)
            steps_left = steps
            while steps_left:
                d.ctrl[:] = rng.uniform(-1, 1, m.nu)
                mujoco.mj_step(m, d)
                steps_left -= 1
                if any(w.number for w in d.warning):  # too wild: from another state
                    random_state(m, d, rng, spread)
                    steps_left = steps
            # Beyond the limits too: the reward takes the action as it is.
            cases.append(case(env, d, task, rng.uniform(-1.2, 1.2, m.nu).tolist()))
        if touching_state(m, d, rng):
            cases.append(case(env, d, task, rng.uniform(-1, 1, m.nu).tolist()))
        if task in DONE:
            done_state(m, d, DONE[task])
            cases.append(case(env, d, task, rng.uniform(-0.3, 0.3, m.nu).tolist()))
    # Python writes the shortest decimal that reads back as the same float, and keeps the sign of -0.0.
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
    print(f'{{"mujoco": "{mujoco.__version__}", "playground": "0.2.0", "cases": [\n{lines}\n]}}')


main()
