"""Writes ends.json: states just inside and just outside of what ends an episode in Playground. See stand_in.py.

    /path/to/venv/bin/python tests/reference/ends.py

For every task: one state, and lines through it along which one thing moves (a free body along each axis and about two
of them, a free body past a mocap body, a joint). Derived quantities come from C MuJoCo's forward pass. Where
Playground's own `step` changes its mind on whether the episode is over, the place is found by bisection and the states
MARGIN before and after it are kept; of a line without such a place, its ends.

Per task: `qpos`, `mocap_pos` and `mocap_quat` of the state, and `cases`: pairs of states in a row and whether each ends the episode; a state is a
list of [index, value] to be set in its qpos. A case is an episode of its own.
`touches` are the contact sensors that end it alone.
"""

import jax
import mujoco
import numpy as np

from stand_in import Data, environments, jp, replace_physics, short, wanted, write

MARGIN = 2e-5
POINTS = 33
SEED = 3
# Each begins with the box at the height in the list: it counts as dropped only after it was lifted.
LIFTS = [[0.1, 0.04], [0.1499, 0.04], [0.1501, 0.051, 0.049], [0.3, 0.0501, 0.2, 0.0499]]


# How far slide joints go beyond their ranges, where that decides: the cabinet's drawer would have to leave it.
SLIDES = {"PandaOpenCabinet": 2.0}
# Random postures of an arm, where single joints do not meet all conditions, and in how many each contact must be.
POSTURES = {"PandaRobotiqPushCube": 60}
CONTACTS = 2


class Judge:
    """Playground's verdict on rows of states."""

    def __init__(self, name, env):
        self.name, self.env, self.model = name, env, env.mj_model
        self.data = mujoco.MjData(self.model)
        replace_physics(lambda _, data: data, lambda _, data, action, n=1: data.replace(ctrl=action))
        self.start = jax.jit(env.reset)(jax.random.PRNGKey(SEED))
        self.qpos = np.asarray(self.start.data.qpos, np.float64)
        # Of the free quaternions float32 leaves 1e-7; both sides get the same numbers.
        self.qpos = np.array([short(x, 9) for x in self.qpos])
        mocap = [short(x, 9) for x in np.asarray(self.start.data.mocap_pos).ravel()]
        self.mocap = np.array(mocap, np.float64).reshape(-1, 3)
        self.mocap_quat = np.asarray(self.start.data.mocap_quat, np.float64)

        def run(frames):
            state, over = self.start, []
            state = state.replace(info=dict(state.info), metrics=dict(state.metrics))
            for frame in frames:
                def step(_, data, action, n=1):
                    return frame
                replace_physics(lambda _, data: data, step)
                state = env.step(state, jp.zeros(env.action_size))
                over.append(state.done)
            return over

        self.run = jax.jit(run)

    def frame(self, changes):
        d = self.data
        mujoco.mj_resetData(self.model, d)
        d.qpos[:] = self.qpos
        d.mocap_pos[:], d.mocap_quat[:] = self.mocap, self.mocap_quat
        for i, value in changes:
            d.qpos[i] = value
        mujoco.mj_forward(self.model, d)
        return Data.of(d)

    def over(self, *states):
        return [bool(x) for x in self.run([self.frame(s) for s in states])]


def turned(quat, axis, angle):
    turn, out = np.zeros(4), np.zeros(4)
    mujoco.mju_axisAngle2Quat(turn, np.array(axis, float), angle)
    mujoco.mju_mulQuat(out, np.array(quat), turn)
    return out


def lines(judge):
    """Functions from a number to changes, with the bounds of the number."""
    model, qpos = judge.model, judge.qpos
    free = []
    for j in range(model.njnt):
        adr, kind = int(model.jnt_qposadr[j]), int(model.jnt_type[j])
        if kind == mujoco.mjtJoint.mjJNT_FREE:
            free.append(adr)
            for k in range(3):
                yield (-1.3, 1.3), lambda t, at=adr + k: [(at, qpos[at] + t)]
            for axis in ([1, 0, 0], [0, 1, 0]):
                yield (-3.1, 3.1), lambda t, at=adr, axis=axis: [
                    (at + i, x) for i, x in enumerate(turned(qpos[at + 3:at + 7], axis, t), 3)]
        elif kind in (mujoco.mjtJoint.mjJNT_HINGE, mujoco.mjtJoint.mjJNT_SLIDE):
            low, high = model.jnt_range[j] if model.jnt_limited[j] else (qpos[adr] - 3, qpos[adr] + 3)
            slide = kind == mujoco.mjtJoint.mjJNT_SLIDE
            reach = SLIDES.get(judge.name, 0.4 * (high - low)) if slide else 0.4 * (high - low)
            yield (low - reach, high + reach), lambda t, at=adr: [(at, t)]
    for adr in free:
        for m in range(model.nmocap):
            yield (-0.3, 0.3), lambda t, at=adr, m=m: [
                (at + k, judge.mocap[m, k] + t * (k == 0)) for k in range(3)]


def postures(judge):
    """The first random postures, and the first in which contact sensors of the hand touch."""
    model, random = judge.model, np.random.default_rng(SEED)
    found = [s for s in range(model.nsensor) if model.sensor(s).name.endswith("_found")]
    missing = {s: CONTACTS for s in found}
    joints = [j for j in range(model.njnt) if model.jnt_limited[j] and model.jnt_qposadr[j] < 7]
    for k in range(4000 if judge.name in POSTURES else 0):
        changes = row([(model.jnt_qposadr[j], random.uniform(*model.jnt_range[j])) for j in joints])
        judge.frame(changes)
        touching = [s for s in found if judge.data.sensordata[model.sensor_adr[s]] > 0 and missing[s] > 0]
        if touching or k < POSTURES[judge.name]:
            missing |= {s: missing[s] - 1 for s in touching}
            yield changes


def touches(judge):
    """The contact sensors (*_found) that end the episode when they alone are 1, all others 0."""
    frame, model = judge.frame([]), judge.model
    adr = {model.sensor(s).name: model.sensor_adr[s] for s in range(model.nsensor)
           if model.sensor(s).name.endswith("_found")}
    none = np.array(frame.sensordata)
    none[list(adr.values())] = 0
    def over(*at):
        sensors = none.copy()
        sensors[list(at)] = 1
        return bool(judge.run([frame.replace(sensordata=jp.array(sensors))])[0])
    assert not over()
    return [name for name, at in adr.items() if over(at)]


def bisect(judge, line, a, b):
    """The places on either side of a change of mind between a and b."""
    before = judge.over(line(a))[0]
    while abs(b - a) > MARGIN / 8:
        middle = (a + b) / 2
        a, b = (middle, b) if judge.over(line(middle))[0] == before else (a, middle)
    return a - MARGIN, b + MARGIN


def row(changes):
    return [[int(i), short(x, 9)] for i, x in changes]


def ends(name, env):
    judge = Judge(name, env)
    cases = []
    for (low, high), line in lines(judge):
        at = np.linspace(low, high, POINTS)
        over = [judge.over(line(t))[0] for t in at]
        flips = [i for i in range(POINTS - 1) if over[i] != over[i + 1]]
        places = [x for i in flips for x in bisect(judge, line, at[i], at[i + 1])] or [low, high]
        for place in places:
            changes = row(line(place))
            cases.append([[changes], judge.over(changes)])
    cases += [[[changes], judge.over(changes)] for changes in postures(judge)]
    if "episode_picked" in judge.start.info:
        height = env._box_qadr + 2
        for lift in LIFTS:
            states = [[[int(height), z]] for z in lift]
            cases.append([states, judge.over(*states)])
    task = {"qpos": [short(x, 9) for x in judge.qpos], "mocap_pos": [short(x, 9) for x in judge.mocap.ravel()]}
    task |= {"mocap_quat": [short(x, 9) for x in judge.mocap_quat.ravel()]}
    return task | {"touches": touches(judge), "cases": cases}


def main():
    tasks = {}
    for name, env in environments(wanted()):
        tasks[name] = ends(name, env)
        over = [over[-1] for _, over in tasks[name]["cases"]]
        print(f"{name}: {sum(over)} of {len(over)} end", flush=True)
    write("ends.json", "States that end an episode in Playground 0.2.0 and states that do not, written by"
          " tests/reference/ends.py; it says what is in here.", tasks)


if __name__ == "__main__":
    main()
