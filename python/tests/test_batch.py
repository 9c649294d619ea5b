"""Batches: shapes, threads, buffers, trajectories."""

import dynsparse
import mujoco
import numpy as np
import pytest
from conftest import along_a_fall, converged, fallen, joined, state_of

FIELDS = ("A", "B", "C", "D", "A_zero", "B_zero", "C_zero", "D_zero", "zero_floor", "kink", "flags")


def same(a, b):
    """Whether two linearizations are one, to the last bit."""
    return all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in FIELDS if getattr(a, name) is not None)


def test_a_batch_is_what_each_state_is_alone(humanoid):
    states = along_a_fall(humanoid, 40)
    alone = [dynsparse.Linearizer(humanoid, sensors=True)(state=state) for state in states]
    for threads in (1, 2, 5, None):
        lin = dynsparse.Linearizer(humanoid, sensors=True, threads=threads)
        many = lin(state=states.reshape(5, 8, -1))
        assert many.A.shape == (5, 8, lin.ndx, lin.ndx) and many.kink.shape == (5, 8)
        for i, one in enumerate(alone):
            for name in FIELDS:
                found = getattr(many, name)
                assert found.reshape(40, *found.shape[2:])[i].tobytes() == getattr(one, name).tobytes(), (threads, i, name)


def test_leading_axes_are_broadcast(tree):
    lin = dynsparse.Linearizer(tree)
    rng = np.random.default_rng(1)
    qpos, qvel, ctrl = tree.qpos0, rng.normal(size=(3, 1, tree.nv)), rng.normal(size=(4, tree.nu))
    out = lin(qpos, qvel, ctrl)
    assert out.A.shape[:2] == (3, 4) and out.is_smooth.shape == (3, 4)
    assert same(lin(qpos, qvel[1, 0], ctrl[2]), dynsparse.linearize(tree, qpos=qpos, qvel=qvel[1, 0], ctrl=ctrl[2]))
    assert (lin(qpos, qvel[1, 0], ctrl[2]).A == out.A[1, 2]).all()
    assert lin(np.empty((0, tree.nq))).A.shape == (0, lin.ndx, lin.ndx)
    assert lin(tree.qpos0, time=np.arange(6.0)).A.shape[0] == 6


def test_simulations_are_read_and_not_changed(humanoid):
    data = fallen(humanoid)
    before = (state_of(humanoid, data), data.ncon, data.sensordata.copy(), data.xpos.copy())
    lin = dynsparse.Linearizer(humanoid)
    here = lin(data)
    assert same(here, lin(state=before[0]))
    assert same(here, lin(data.qpos, data.qvel, data.ctrl, data.act, time=data.time, warmstart=data.qacc_warmstart))
    other = lin(data, ctrl=data.ctrl + 0.1)
    assert not same(here, other)
    assert (state_of(humanoid, data) == before[0]).all() and data.ncon == before[1]
    assert (data.sensordata == before[2]).all() and (data.xpos == before[3]).all()


def test_buffers_are_used_again(humanoid):
    lin = dynsparse.Linearizer(humanoid)
    states = along_a_fall(humanoid, 9)
    out = lin(state=states)
    kept, address = out.A.copy(), out.A.ctypes.data
    again = lin(state=states[::-1], out=out)
    assert again is out and out.A.ctypes.data == address
    assert (out.A == kept[::-1]).all()
    for wrong in (states[:3], states[0]):
        with pytest.raises(ValueError, match="out.A"):
            lin(state=wrong, out=out)
    with pytest.raises(ValueError, match="other settings"):
        dynsparse.Linearizer(humanoid, zero_test=False)(state=states, out=out)
    out.B = out.B[:, :, ::-1]
    with pytest.raises(ValueError, match="B is not contiguous"):
        lin(state=states, out=out)
    out = lin(state=states)
    out.A = np.frombuffer(bytearray(out.A.nbytes + 1), np.uint8)[1:].view(np.float64).reshape(out.A.shape)
    with pytest.raises(ValueError, match="A does not begin at a multiple"):
        lin(state=states, out=out)
    out.A = lin(state=states).A.astype(">f8")
    with pytest.raises(ValueError, match=r"out.A is \(9, 28, 28\) of >f8, where \(9, 28, 28\) of float64 is needed"):
        lin(state=states, out=out)
    memory = np.zeros(out.A.size + out.B.size - 1)
    out.A, out.B = (x.reshape(y.shape) for x, y in ((memory[: out.A.size], out.A), (memory[out.A.size - 1 :], out.B)))
    with pytest.raises(ValueError, match="B cannot be written"):
        lin(state=states, out=out)
    out = lin(state=states)
    out.A.flags.writeable = False
    with pytest.raises(ValueError, match="A cannot be written"):
        lin(state=states, out=out)


def test_single_precision_is_double_rounded(humanoid):
    state = along_a_fall(humanoid, 5)
    single, double = (dynsparse.Linearizer(humanoid, dtype=dtype)(state=state) for dtype in (np.float32, np.float64))
    assert single.A.dtype == single.B.dtype == np.float32
    assert (single.A == double.A.astype(np.float32)).all() and (single.A_zero == double.A_zero).all()


def test_without_the_zero_test_nothing_is_claimed(humanoid):
    data = fallen(humanoid)
    lin, full = dynsparse.linearize(humanoid, data, zero_test=False), dynsparse.linearize(humanoid, data)
    assert lin.A_zero is None and lin.kink is None and lin.zero_floor is None and not lin.is_smooth
    assert np.abs(lin.A - full.A).max() < 1e-9


def test_a_rollout_is_that_of_mujoco(humanoid):
    """States are those of the model with a converged solver, matrices those of each state; with the model's own solver bit for bit."""
    data = fallen(humanoid, 50)
    ctrl = np.random.default_rng(2).uniform(-1, 1, (20, humanoid.nu))
    for solver, model, tolerance in (("task", humanoid, 0), ("converged", converged(humanoid), 1e-9)):
        lin = dynsparse.Linearizer(humanoid, substeps=3, solver=solver)
        out = lin.rollout(data, ctrl=ctrl)
        own = mujoco.MjData(model)
        mujoco.mj_setState(model, own, state_of(humanoid, data), mujoco.mjtState.mjSTATE_INTEGRATION.value)
        for t in range(20):
            assert np.abs(out.qpos[t] - own.qpos).max() <= tolerance and np.abs(out.qvel[t] - own.qvel).max() <= tolerance
            assert abs(out.time[t] - own.time) < 1e-12
            if solver == "task":
                own.ctrl[:] = ctrl[t]
                here = dynsparse.Linearizer(humanoid, substeps=3, solver="task")(own)
                assert (here.A == out.jacobians.A[t]).all() and (here.B == out.jacobians.B[t]).all()
            own.ctrl[:] = ctrl[t]
            mujoco.mj_step(model, own, 3)
        assert np.abs(out.warmstart - own.qacc_warmstart).max() <= tolerance * 1e3
        assert out.steps == 20 and not out.ended


def test_many_rollouts_and_one_step(tree):
    lin = dynsparse.Linearizer(tree)
    rng = np.random.default_rng(3)
    qpos = lin.integrate(tree.qpos0, rng.normal(size=(2, 3, tree.nv)))
    ctrl = rng.normal(size=(2, 3, 5, tree.nu))
    out = lin.rollout(qpos, ctrl=ctrl)
    assert out.qpos.shape == (2, 3, 6, tree.nq) and out.jacobians.A.shape == (2, 3, 5, lin.ndx, lin.ndx)
    assert (out.qpos[..., 0, :] == qpos).all() and out.act.shape == (2, 3, 6, tree.na)
    one = lin.rollout(qpos[1, 2], ctrl=ctrl[1, 2], jacobians=False)
    assert (one.qpos == out.qpos[1, 2]).all() and one.jacobians is None
    first = lin.step(qpos, ctrl=ctrl[..., 0, :], jacobians=True)
    assert (first.qpos[..., 1, :] == out.qpos[..., 1, :]).all()
    assert (first.jacobians.A[..., 0, :, :] == out.jacobians.A[..., 0, :, :]).all()
    next_step = dynsparse.step(tree, qpos=qpos, ctrl=ctrl[..., 0, :])
    assert (next_step.qvel[..., 1, :] == out.qvel[..., 1, :]).all()
    held = lin.rollout(fallen(tree, 3), horizon=4, jacobians=False)
    assert held.qpos.shape == (5, tree.nq)


def test_the_product_of_a_rollout_is_the_control_step(tree):
    data = fallen(tree, 20)
    whole = dynsparse.linearize(tree, data, substeps=6)
    along = dynsparse.Linearizer(tree).rollout(data, horizon=6).jacobians
    a, b = np.eye(len(whole.A)), np.zeros_like(whole.B)
    for at, bt in zip(along.A, along.B):
        a, b = at @ a, bt + at @ b
    assert np.abs(a - whole.A).max() < 1e-10 and np.abs(b - whole.B).max() < 1e-10


def test_what_diverges_ends_and_the_rest_goes_on():
    model = mujoco.MjModel.from_xml_string(
        """<mujoco><option timestep="0.1" integrator="Euler" gravity="0 0 0"><flag eulerdamp="disable"/></option>
        <worldbody><body><joint type="slide" axis="1 0 0" stiffness="1e8"/><geom size="0.1"/></body></worldbody></mujoco>"""
    )
    lin = dynsparse.Linearizer(model)
    out = lin.rollout(np.array([[0.0], [1.0], [0.0]]), horizon=6)
    assert out.steps[0] == out.steps[2] == 6 and 0 < out.steps[1] < 6
    assert list(out.ended) == [1] and "qpos" in out.ended[1] or "BADQACC" in out.ended[1]
    held = out.steps[1]
    assert np.isfinite(out.qpos[1, : held + 1]).all() and np.isnan(out.qpos[1, held + 1 :]).all()
    assert np.isnan(out.jacobians.A[1, held:]).all() and np.isfinite(out.jacobians.A[[0, 2]]).all()
    assert (out.jacobians.A_zero[1, held:] == dynsparse.Verdict.UNDECIDED).all()


def test_a_failing_state_is_named_or_left_out():
    model = mujoco.MjModel.from_xml_string(
        """<mujoco><worldbody><body><joint type="slide"/><geom size="0.1"/></body></worldbody></mujoco>"""
    )
    lin = dynsparse.Linearizer(model)
    states = np.tile(state_of(model, mujoco.MjData(model)), (2, 3, 1))
    states[1, 2, 1] = np.nan
    with pytest.raises(dynsparse.DynsparseError, match=r"state \(1, 2\): diverged: qpos joint0 is not finite"):
        lin(state=states)
    out = lin(state=states, errors="nan")
    assert list(out.failed) == [5] and np.isnan(out.A[1, 2]).all() and np.isfinite(out.A[0]).all()
    assert dynsparse.Flags(int(out.flags[1, 2])) & dynsparse.Flags.JACOBIAN_NOT_FINITE


def test_the_tangent_space(tree):
    lin = dynsparse.Linearizer(tree)
    rng = np.random.default_rng(4)
    dq = rng.normal(size=(7, tree.nv))
    q = lin.integrate(tree.qpos0, dq)
    assert q.shape == (7, tree.nq)
    assert np.abs(lin.difference(q, tree.qpos0) - dq).max() < 1e-12
    expected = np.empty(tree.nv)
    mujoco.mj_differentiatePos(tree, expected, 1, tree.qpos0, q[3])
    assert (lin.difference(q[3], tree.qpos0) == expected).all()
    with pytest.raises(ValueError, match="dq has the shape"):
        lin.integrate(tree.qpos0, dq[:, :3])


@pytest.mark.parametrize("engine", ["whole-step", "transition-fd"])
def test_other_engines(humanoid, engine):
    data = fallen(humanoid)
    lin, ours = dynsparse.linearize(humanoid, data, engine=engine), dynsparse.linearize(humanoid, data)
    assert lin.engine == engine and ours.engine == "implicit"
    assert np.abs(joined(lin) - joined(ours)).max() < 1e-4 * np.abs(ours.A).max()
