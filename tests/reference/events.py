"""Writes events.json: what disturbs episodes in Playground, as its own `reset` and `step` draw it. See stand_in.py.

    /path/to/venv/bin/python tests/reference/events.py

Entries are summarised as in resets.py. Per task that has an event:
pushes       `every`: control steps between two; `size` and `angle` of what is added to the first two velocities;
             `times`: which control steps push when `every` is INTERVAL.
kicks        `wait`, `duration`, `speed` as drawn; `force`: its size in each control step for those of KICK.
the LEAP hand's goal  `velocity`: local angular velocity after a success, per component; `decay`: what is left of it
             after each of two steps without success.
PushCube's target  `patience`: control steps at the target before it moves; per number of successes before: `pos` of the
             new target, `angle` (rad) that it is turned about z from the cube, and the correlations of these four.
"""

import jax
import mujoco
import numpy as np
from mujoco_playground import registry

from sample import N, SEED, entry, pairs
from stand_in import environments, jp, replace_physics, short, wanted, write

INTERVAL = 7
KICK = {"wait": 60, "duration": 8, "speed": 0.5, "steps": 640}
KEYS = jax.random.PRNGKey(SEED)


def keep(_, data):
    return data


def many(draw):
    return jax.jit(jax.vmap(draw))(jax.random.split(KEYS, N))


def changed(state, info):
    return state.replace(info={**state.info, **info}, metrics=dict(state.metrics))


def pushes(env):
    seen = []

    def step(_, data, action, n=1):
        seen.append(data.qvel[:2])
        return data.replace(ctrl=action)

    def draw(key):
        state = env.reset(key)
        env.step(changed(state, {"push_interval_steps": jp.ones_like(state.info["push_interval_steps"])}), zero)
        return state.info["push_interval_steps"].ravel()[0], seen.pop() - state.data.qvel[:2]

    def run():
        state = env.reset(KEYS)
        state = changed(state, {"push_interval_steps": jp.full_like(state.info["push_interval_steps"], INTERVAL)})
        pushed = []
        for _ in range(3 * INTERVAL):
            before = state.data.qvel[:2]
            state = env.step(state, zero)
            pushed.append(jp.any(seen.pop() != before))
        return pushed

    zero = jp.zeros(env.action_size)
    replace_physics(keep, step)
    every, push = (np.asarray(x, np.float64) for x in many(draw))
    return {
        "every": entry(every),
        "size": entry(np.hypot(*push.T)),
        "angle": entry(np.arctan2(push[:, 1], push[:, 0])),
        "times": [i for i, pushed in enumerate(jax.jit(run)()) if pushed],
    }


def kicks(env):
    def draw(key):
        info = env.reset(key).info
        return [jp.ravel(info[n])[0] for n in ("kick_wait_steps", "kick_duration_steps", "vel_kick")]

    replace_physics(keep, lambda _, data, action, n=1: data.replace(ctrl=action))
    wait, duration, speed = (np.asarray(x, np.float64) for x in many(draw))
    state = jax.jit(env.reset)(KEYS)
    given = {"kick_wait_steps": KICK["wait"], "kick_duration_steps": KICK["duration"], "vel_kick": KICK["speed"]}
    state = changed(state, {n: jp.full_like(state.info[n], x) for n, x in given.items()})
    step, force = jax.jit(env.step), []
    zero = jp.zeros(env.action_size)
    # The default posture stands: the state, which never moves, must not end the episode.
    data = mujoco.MjData(env.mj_model)
    data.qpos[:] = env.mj_model.keyframe("home").qpos
    mujoco.mj_forward(env.mj_model, data)
    still = {n: jp.array(getattr(data, n), jp.float32) for n in ("qpos", "sensordata", "xpos")}
    state = state.replace(data=state.data.replace(**still))
    for _ in range(KICK["steps"]):
        state = step(state, zero)
        assert not state.done
        force.append(short(np.linalg.norm(state.data.xfrc_applied)))
    nonzero = [[i, f] for i, f in enumerate(force) if f > 0]
    return {"wait": entry(wait), "duration": entry(duration), "speed": entry(speed), "given": KICK, "force": nonzero}


def times(a, b):
    """The product of rows of quaternions."""
    out = np.zeros_like(a)
    for row in zip(out, a, b):
        mujoco.mju_mulQuat(*row)
    return out


def turns(a, b, dt):
    """Local angular velocities that turn rows of quaternions into others."""
    out = np.zeros((len(a), 3))
    for row, turn in zip(out, times(a * [1, -1, -1, -1], b)):
        mujoco.mju_quat2Vel(row, turn, dt)
    return out


def leap_goal(env):
    cube = env.mj_model.sensor("cube_orientation").adr[0]
    goal = env.mj_model.sensor("cube_goal_orientation").adr[0]
    apart = []

    def step(_, data, action, n=1):
        at = data.mocap_quat[0]
        away = jp.array([-at[1], at[0], at[3], -at[2]])  # half a turn
        sensors = data.sensordata.at[goal:goal + 4].set(at).at[cube:cube + 4].set(away if apart[0] else at)
        return data.replace(ctrl=action, sensordata=sensors)

    def draw(key):
        state = env.reset(key)
        quats = [state.data.mocap_quat[0]]
        for far in (False, True, True):
            apart[:] = [far]
            state = env.step(state, jp.zeros(env.action_size))
            quats.append(state.data.mocap_quat[0])
        return quats

    replace_physics(keep, step)
    q = [np.asarray(x, np.float64) for x in many(draw)]
    speed = [turns(a, b, 2 * env.dt) for a, b in zip(q, q[1:])]
    left = [np.median(np.linalg.norm(b, axis=1) / np.linalg.norm(a, axis=1)) for a, b in zip(speed, speed[1:])]
    return {"velocity": [entry(x) for x in speed[0].T], "decay": [short(x, 4) for x in left]}


def push_cube_target(env):
    body = env.mj_model.body("box").id

    def step(_, data, action, n=1):
        at = data.replace(xpos=data.xpos.at[body].set(data.mocap_pos[0]))
        return at.replace(ctrl=action, xquat=data.xquat.at[body].set(data.mocap_quat[0]))

    zero = jp.zeros(env.action_size)
    replace_physics(keep, step)
    levels = []
    for level in range(6):
        def draw(key):
            state = env.reset(key)
            given = {"success_step_count": jp.array(30), "curriculum_id": jp.array(level)}
            after = env.step(changed(state, given), zero)
            return state.data.mocap_quat[0], after.data.mocap_pos[0], after.data.mocap_quat[0]

        before, pos, quat = (np.asarray(x, np.float64) for x in many(draw))
        angle = turns(before, quat, 1.0)
        assert np.abs(angle[:, :2]).max() < 1e-3
        four = np.column_stack([pos, angle[:, 2]])
        levels.append({"pos": [entry(x) for x in pos.T], "angle": entry(angle[:, 2]), "linear": pairs(four, range(4))})

    def run():
        state = env.reset(KEYS)
        moved = []
        for _ in range(34):
            before = state.data.mocap_pos
            state = env.step(state, zero)
            moved.append(jp.any(state.data.mocap_pos != before))
        return moved

    return {"patience": [bool(x) for x in jax.jit(run)()].index(True), "levels": levels}


# What each environment with an event does, by the beginning of its name.
EVENTS = {
    "Apollo": pushes,
    "Berkeley": pushes,
    "G1": pushes,
    "T1": pushes,
    "Barkour": kicks,
    "LeapCubeReorient": leap_goal,
    "PandaRobotiqPushCube": push_cube_target,
}


def main():
    kinds = {n: kind for n in registry.ALL_ENVS for start, kind in EVENTS.items() if n.startswith(start)}
    tasks = {}
    for name, env in environments(wanted() or kinds):
        tasks[name] = kinds[name](env)
        print(name, flush=True)
    write("events.json", "Events of Playground 0.2.0, drawn by tests/reference/events.py; it says what is in here."
          f" N = {N}.", tasks)


if __name__ == "__main__":
    main()
