"""Writes sleep.json, which tests/library/sleep.rs compares engines with: states of models in which trees of bodies sleep, and the
derivative of some `mj_step`s from there.

Central differences in the tangent space over nudges from 2^-13 to 2^-22, extrapolated in even powers (as whole_steps.py). A case begins
in one of two ways. `plain`: every nudged run starts from a copy of the mjData (mj_copyData) at a state in which nothing that is nudged
sleeps, so that nothing of how a sleeping state is set takes part. `set`: the state is set with what sleeps where the nudged positions say:
everything is derived awake, then tree_asleep is written and mj_updateSleep (exported by MuJoCo's library, called by ctypes) lists what is awake.
A velocity of what sleeps has no derivative, since any nudge wakes it: its column is not in the file; how far it jumps is checked here.
Only MuJoCo's own Python binding is used (`pip install mujoco==3.17.0 numpy`).

    python tests/reference/sleep.py > tests/reference/sleep.json
"""

import ctypes
import glob
import json
import os

import mujoco
import numpy as np
from whole_steps import extrapolated

LIBRARY = ctypes.CDLL(glob.glob(os.path.join(os.path.dirname(mujoco.__file__), "libmujoco.so*"))[0])
INTEGRATION = mujoco.mjtState.mjSTATE_INTEGRATION
AWAKE = -11

SCENE = """<mujoco><option timestep=".004" OPTION><flag sleep="enable"/></option><worldbody>
    <geom type="plane" size="5 5 .1"/>
    <body name="low" pos="0 0 .11"><freejoint/><geom type="box" size=".1 .12 .1"/></body>
    <body name="high" pos="0 .01 .33"><freejoint/><geom type="box" size=".08 .09 .1"/></body>
    <body name="ball" pos="-.6 0 .1"><freejoint/><geom size=".1" density="2000" friction="1 .01 .001" condim="6"/></body>
    <body name="tilted" pos="2 2 .05" sleep="init"><freejoint/><geom type="capsule" size=".05 .2" euler="0 90 0"/></body>
    <body name="busy" pos="-2 2 .1" sleep="never"><freejoint/><geom type="ellipsoid" size=".1 .12 .1"/></body>
    <body name="arm" pos="1 1 1"><joint name="hinge" axis="0 1 0" damping=".1"/><geom type="capsule" fromto="0 0 0 .3 0 0" size=".03"/>
      <body pos=".3 0 0"><joint name="elbow" axis="0 1 .2" damping=".1" stiffness="2"/><geom type="capsule" fromto="0 0 0 .2 0 0" size=".02"/></body></body>
    </worldbody><actuator><motor joint="hinge"/><position joint="elbow" kp="3"/></actuator>
    <sensor><framepos objtype="body" objname="low"/><framelinvel objtype="body" objname="high"/><jointpos joint="hinge"/>
      <framelinvel objtype="body" objname="ball"/></sensor></mujoco>"""


def load(option):
    m = mujoco.MjModel.from_xml_string(SCENE.replace("OPTION", option))
    m.opt.iterations, m.opt.ls_iterations, m.opt.tolerance = 100, 50, 1e-20
    return m


def update(m, d):
    LIBRARY.mj_updateSleep(ctypes.c_void_p(m._address), ctypes.c_void_p(d._address))


def get(m, d):
    """The state as dynsparse has it: the integration state, then what sleeps and what that keeps."""
    state = np.zeros(mujoco.mj_stateSize(m, INTEGRATION))
    mujoco.mj_getState(m, d, state, INTEGRATION)
    return np.concatenate([state, d.tree_asleep, d.qacc_smooth, d.act_dot, d.sensordata])


def nudge(m, d, column, h):
    nv = m.nv
    if column < nv:
        direction = np.zeros(nv)
        direction[column] = 1
        mujoco.mj_integratePos(m, d.qpos, direction, h)
    elif column < 2 * nv:
        d.qvel[column - nv] += h
    else:
        d.ctrl[column - 2 * nv] += h


def begin(m, d, source, how, column, h):
    """Puts d at the state of source, nudged."""
    mujoco.mj_copyData(d, m, source)
    d.qacc_warmstart[:] = 0
    nudge(m, d, column, h)
    if how == "set":
        asleep, kept = source.tree_asleep.copy(), [x.copy() for x in (source.qacc_smooth, source.act_dot)]
        d.tree_asleep[:] = AWAKE
        update(m, d)
        mujoco.mj_forward(m, d)
        d.qacc_smooth[:], d.act_dot[:] = kept
        d.qacc_warmstart[:] = 0
        d.tree_asleep[:] = asleep
        update(m, d)


def jacobian(m, source, how, span):
    """[A B; C D], and which columns have no derivative."""
    d, nv = mujoco.MjData(m), m.nv

    def run(column, h):
        begin(m, d, source, how, column, h)
        for _ in range(span):
            mujoco.mj_step(m, d)
        return [x.copy() for x in (d.qpos, d.qvel, d.act, d.sensordata)], d.tree_asleep.copy()

    here, after = run(0, 0.0)

    def one_sided(column, h):
        (there, _), dq = run(column, h), np.zeros(nv)
        mujoco.mj_differentiatePos(m, dq, h, here[0], there[0])
        return np.concatenate([dq] + [(x - y) / h for x, y in zip(there[1:], here[1:])])

    begin(m, d, source, how, 0, 0.0)
    mujoco.mj_step(m, d)
    held = [dof for dof in range(nv) if source.tree_asleep[m.dof_treeid[dof]] >= 0 and d.tree_asleep[m.dof_treeid[dof]] >= 0]
    assert how == "set" or not held
    columns = []
    for column in range(2 * nv + m.nu):
        if column - nv in held:
            # One-sided differences grow as the nudge shrinks: the step jumps, to both sides.
            wide, fine = [np.abs(one_sided(column, h) - one_sided(column, -h)).max() for h in (2.0**-18, 2.0**-22)]
            # A jump of nothing is one of a tree whose rest is a solution to rounding.
            assert fine > 4 * wide or wide < 1e-3, (column, wide, fine)
            columns.append(np.full(len(here[1]) * 2 + len(here[3]), np.nan))
            continue
        order = [0.5 * (one_sided(column, h) + one_sided(column, -h)) for h in 2.0 ** -np.arange(13.0, 23.0)]
        columns.append(extrapolated(order))
    return np.array(columns).T, held, after.tolist()


def cases(option):
    """Along one run: the ball rolls against the stack once that sleeps."""
    m = load(option)
    d = mujoco.MjData(m)
    onset = woke = None
    history = [mujoco.MjData(m) for _ in range(6)]
    for k in range(1000):
        mujoco.mj_copyData(history[k % 6], m, d)
        before = d.tree_asleep.copy()
        d.ctrl[:] = [0.3 * np.sin(k / 30), 0.2]
        history[k % 6].ctrl[:] = d.ctrl
        if onset and k == onset + 20:
            d.qvel[12:18] = [1.5, 0, 0, 0, 15, 0]
        start = history[(k - 5) % 6]
        mujoco.mj_step(m, d)
        if onset is None and before[0] < 0 <= d.tree_asleep[0]:
            onset = k
            if start.tree_asleep[3] >= 0:
                yield "a stack falls asleep", m, start, "set", 9
                yield "the step in which it does", m, history[k % 6], "set", 1
        if onset and k == onset + 30:
            yield "a ball rolls beside what sleeps", m, history[k % 6], "set", 1
        if onset and woke is None and before[0] >= 0 > d.tree_asleep[0]:
            woke = k
            yield "it hits the stack, which wakes", m, history[k % 6], "set", 1
            yield "some steps before and after", m, start, "set", 8
            break
    assert onset and woke
    # Nothing is asleep in this one; it goes through the step in which the box falls asleep, and on.
    d = mujoco.MjData(m)
    d.qpos[21:24] += [0, 0, 0.01]
    d.qvel[12:18] = [-2, 0, 0, 0, -20, 0]
    history = []
    for k in range(1000):
        d.ctrl[:] = [0.1, 0.2]
        history.append(mujoco.MjData(m))
        mujoco.mj_copyData(history[-1], m, d)
        mujoco.mj_step(m, d)
        if (d.tree_asleep >= 0).any():
            start = history[-4]
            assert all(start.tree_asleep < 0)
            yield "awake until something falls asleep", m, start, "plain", 10
            return


if __name__ == "__main__":
    made = []
    for option in ["", 'integrator="implicitfast"', 'integrator="implicit" cone="elliptic"']:
        for name, m, source, how, span in cases(option):
            found, held, after = jacobian(m, source, how, span)
            # The rest is zero, but for what rounding makes of it.
            there = np.argwhere(np.abs(found) > 1e-9)
            numbers = [[int(row), int(column), float(f"{found[row, column]:.9g}")] for row, column in there]
            made.append(dict(name=f"{name} {option}".strip(), option=option, span=span, state=get(m, source).tolist(), after=after,
                             held=held, jacobian=numbers))
    print(json.dumps(dict(mujoco=mujoco.__version__, scene=SCENE, cases=made)))
