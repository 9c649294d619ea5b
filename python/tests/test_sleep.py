"""Trees of bodies that sleep."""

import copy

import mujoco
import numpy as np
import pytest
from conftest import state_of

import dynsparse

MODEL = """<mujoco><option timestep="0.004" integrator="implicitfast"><flag sleep="enable"/></option><worldbody>
  <geom type="plane" size="5 5 .1"/>
  <body name="box" pos="0 0 .11"><freejoint/><geom type="box" size=".1 .12 .1"/></body>
  <body name="arm" pos="1 1 1"><joint name="hinge" axis="0 1 0" damping=".1"/><geom type="capsule" fromto="0 0 0 .3 0 0" size=".03"/></body>
  </worldbody><actuator><motor joint="hinge"/></actuator></mujoco>"""


@pytest.fixture
def sleeping():
    model = mujoco.MjModel.from_xml_string(MODEL)
    data = mujoco.MjData(model)
    data.ctrl[0] = 0.4
    while data.tree_asleep[0] < 0:
        mujoco.mj_step(model, data)
    mujoco.mj_step(model, data, 5)
    return model, data


def test_what_sleeps_is_constant_and_what_does_not_moves(sleeping):
    model, data = sleeping
    before = state_of(model, data), data.tree_asleep.copy()
    out = dynsparse.linearize(model, data)
    assert out.engine == "implicit" and dynsparse.Flags.SLEEP_SWITCH in dynsparse.Flags(int(out.flags))
    assert np.array_equal(out.A[:6, :], np.eye(14)[:6]) and not out.A[7:13].any() and not out.A[:, 7:13].any()
    assert np.array_equal(state_of(model, data), before[0]) and np.array_equal(data.tree_asleep, before[1])
    # The hinge, by differences of copies, in which the box goes on sleeping.
    columns = []
    for array, i in ("qpos", 7), ("qvel", 6), ("ctrl", 0):
        ends = []
        for by in 1e-5, -1e-5:
            other = copy.copy(data)
            getattr(other, array)[i] += by
            mujoco.mj_step(model, other)
            assert other.tree_asleep[0] == 0
            ends.append([other.qpos[7], other.qvel[6]])
        columns.append((np.array(ends[0]) - ends[1]) / 2e-5)
    found = np.array([[out.A[row, 6], out.A[row, 13], out.B[row, 0]] for row in (6, 13)])
    assert np.abs(found - np.array(columns).T).max() < 1e-8


def test_arrays_say_what_sleeps_and_a_box_that_is_moved_is_awake(sleeping):
    model, data = sleeping
    lin = dynsparse.Linearizer(model)
    here = dict(qpos=data.qpos, qvel=data.qvel, ctrl=data.ctrl)
    asleep, awake = lin(**here, tree_asleep=data.tree_asleep), lin(**here)
    assert np.array_equal(asleep.A, lin(data).A)
    assert not asleep.A[7:13].any() and awake.A[7:13].any() and not dynsparse.Flags(int(awake.flags)) & dynsparse.Flags.SLEEP_SWITCH
    both = lin(**here, tree_asleep=[data.tree_asleep, [-11, -11]])
    assert np.array_equal(both.A, [asleep.A, awake.A])
    moved = copy.copy(data)
    moved.qpos[0] += 0.01
    assert lin(moved).A[7:13].any()
    states = lin(state=state_of(model, data))
    assert states.A[7:13].any()
    with pytest.raises((ValueError, dynsparse.DynsparseError), match="no cycles of sleeping trees"):
        lin(**here, tree_asleep=[1, 0.0 - 11])
