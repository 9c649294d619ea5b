"""Models, and a second opinion on matrices that shares nothing with the engine: whole steps of MuJoCo, differenced in numpy."""

import copy
import os
import pathlib

import mujoco
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HUMANOID = ROOT / "src/engine/examples/humanoid.xml"
STATE = mujoco.mjtState.mjSTATE_INTEGRATION.value

# A free body with a ball joint, a hinge at its limit, a muscle-like activation, sensors.
TREE = """<mujoco><option timestep="0.01" integrator="implicitfast"/><worldbody>
  <body><freejoint name="root"/><geom type="ellipsoid" size="0.1 0.2 0.3"/>
    <body pos="0 0 0.5"><joint name="ball" type="ball" damping="0.1" stiffness="1"/>
      <geom type="capsule" fromto="0 0 0 0.3 0 0.1" size="0.05"/>
      <body pos="0.3 0 0.1"><joint name="hinge" axis="0 1 0"/><geom type="box" size="0.1 0.05 0.02"/><site name="tip"/></body>
    </body></body></worldbody>
  <actuator><motor name="motor" joint="hinge"/>
    <general name="filter" joint="hinge" dyntype="filter" dynprm="0.1" gainprm="2"/></actuator>
  <sensor><framepos name="tip" objtype="site" objname="tip"/><gyro name="gyro" site="tip"/></sensor></mujoco>"""


@pytest.fixture
def humanoid():
    return mujoco.MjModel.from_xml_path(str(HUMANOID))


@pytest.fixture
def tree():
    return mujoco.MjModel.from_xml_string(TREE)


def fallen(model, steps=60):
    """A simulation in the middle of a fall, with controls."""
    data = mujoco.MjData(model)
    data.ctrl[:] = 0.3 * np.sin(np.arange(model.nu))
    for _ in range(steps):
        mujoco.mj_step(model, data)
    return data


def state_of(model, data):
    state = np.empty(mujoco.mj_stateSize(model, STATE))
    mujoco.mj_getState(model, data, state, STATE)
    return state


def along_a_fall(model, number, every=3):
    """Integration states along a fall."""
    data, states = fallen(model, 0), []
    for _ in range(number):
        states.append(state_of(model, data))
        mujoco.mj_step(model, data, every)
    return np.array(states)


def converged(model):
    """A copy whose solver runs to its end."""
    model = copy.copy(model)
    model.opt.iterations, model.opt.ls_iterations, model.opt.tolerance = 100, 50, 1e-20
    return model


def whole_steps(model, state, substeps=1, h=1e-3):
    """[A B; C D] at a state by central differences of whole steps, extrapolated from three widths; and an estimate of the error."""
    model = converged(model)
    nv, na, nu, ns = model.nv, model.na, model.nu, model.nsensordata
    n = 2 * nv + na

    def run(column, by):
        data = mujoco.MjData(model)
        mujoco.mj_setState(model, data, state, STATE)
        data.qacc_warmstart[:] = 0
        if column < nv:
            mujoco.mj_integratePos(model, data.qpos, np.eye(nv)[column], by)
        elif column < 2 * nv:
            data.qvel[column - nv] += by
        elif column < n:
            data.act[column - 2 * nv] += by
        else:
            data.ctrl[column - n] += by
        mujoco.mj_step(model, data, substeps)
        return data

    def central(column, h):
        up, down, dq = run(column, h), run(column, -h), np.empty(nv)
        mujoco.mj_differentiatePos(model, dq, 2 * h, down.qpos, up.qpos)
        others = [(a - b) / (2 * h) for a, b in ((up.qvel, down.qvel), (up.act, down.act), (up.sensordata, down.sensordata))]
        return np.concatenate([dq, *others])

    full, error = np.empty((n + ns, n + nu)), np.empty((n + ns, n + nu))
    for column in range(n + nu):
        d = [central(column, h / 4**i) for i in range(3)]
        first = [(16 * d[i + 1] - d[i]) / 15 for i in range(2)]
        full[:, column] = (256 * first[1] - first[0]) / 255
        error[:, column] = abs(full[:, column] - first[1])
    return full, error


def joined(lin):
    """[A B; C D] of a linearization."""
    top = np.concatenate([lin.A, lin.B], -1)
    return top if lin.C is None else np.concatenate([top, np.concatenate([lin.C, lin.D], -1)], -2)


def needed(name, what):
    """A program that another part of the tests has built, or a skip that says so; with CI=true that fails."""
    path = os.environ.get(name)
    if not path:
        message = f"{name} does not name {what}: `cargo xtask test` does so"
        assert os.environ.get("CI") != "true", message
        pytest.skip(message)
    return path
