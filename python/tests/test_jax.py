"""A step as an operation of JAX."""

import dynsparse
import numpy as np
import pytest
from conftest import TREE

jax = pytest.importorskip("jax", reason="JAX is not installed")

import dynsparse.jax  # noqa: E402
from jax.test_util import check_grads  # noqa: E402


@pytest.fixture(autouse=True)
def double_precision():
    jax.config.update("jax_enable_x64", True)


@pytest.fixture
def given():
    lin = dynsparse.Linearizer(TREE)
    rng = np.random.default_rng(0)
    qpos = lin.integrate(lin.model.qpos0, rng.normal(size=(3, lin.nv)))
    qpos[1, 3:7] *= 1.3
    return lin, [qpos, *(rng.normal(size=(3, n)) for n in (lin.nv, lin.nu, lin.na))]


def test_derivatives_are_exact_in_both_directions(given):
    lin, x = given
    check_grads(lambda *x: dynsparse.jax.step(lin, *x), x, 1, ("fwd", "rev"), eps=3e-5, atol=1e-5, rtol=1e-5)


def test_values_jit_and_vmap(given):
    lin, x = given
    step = lambda *x: dynsparse.jax.step(lin, *x)  # noqa: E731
    out, expected = step(*x), lin.step(*x)
    for found, name in zip(out, ("qpos", "qvel", "act")):
        assert (np.asarray(found) == getattr(expected, name)[:, 1]).all()
    for other in (jax.jit(step), jax.vmap(step), jax.jit(jax.vmap(step))):
        assert all((a == b).all() for a, b in zip(other(*x), out))
    forward, backward = (f(step)(*(a[0] for a in x)) for f in (jax.jacfwd, jax.jacrev))
    assert abs(forward[0] - backward[0]).max() < 1e-12
    assert len(dynsparse.jax.step(TREE, *x[:3])) == 2


def test_a_loss_over_a_trajectory_in_a_scan(given):
    lin, (qpos, qvel, ctrl, _) = given

    def loss(ctrl):
        def move(state, _):
            state = dynsparse.jax.step(lin, *state, ctrl)
            return state, None

        (q, v), _ = jax.lax.scan(move, (qpos[0], qvel[0]), None, length=5)
        return (q**2).sum() + (v**2).sum()

    grad = jax.jit(jax.grad(loss))(ctrl[0])
    h = 1e-5 * np.eye(lin.nu)
    expected = [(loss(ctrl[0] + d) - loss(ctrl[0] - d)) / 2e-5 for d in h]
    assert np.allclose(grad, expected, rtol=1e-6)


def test_a_failing_step_is_an_error(given):
    lin, x = given
    with pytest.raises(Exception, match="qpos root.x of state 0 is NaN"):
        jax.block_until_ready(dynsparse.jax.step(lin, np.full_like(x[0], np.nan), *x[1:]))


def test_a_model_without_controls():
    xml = "<mujoco><worldbody><body><joint type='ball'/><geom size='0.1 0.2 0.3' type='box'/></body></worldbody></mujoco>"
    qpos, qvel = dynsparse.jax.step(xml, np.array([1.0, 0, 0, 0]), np.array([0.1, 2.0, 0.3]), np.zeros(0))
    grad = jax.grad(lambda v: (dynsparse.jax.step(xml, np.array([1.0, 0, 0, 0]), v, np.zeros(0))[0] ** 2).sum())(qvel)
    assert qpos.shape == (4,) and abs(grad).max() < 1e-12, "the length of a quaternion does not change"


def test_what_is_no_array_of_numbers_is_told_before_anything_runs(given):
    lin, (qpos, qvel, ctrl, act) = given
    for wrong, error, says in (
        (dict(qvel=1j * qvel), TypeError, "qvel holds complex128; give real numbers"),
        (dict(ctrl=ctrl > 0), TypeError, "ctrl holds bool"),
        (dict(ctrl=0.0), ValueError, r"ctrl has the shape \(\)"),
        (dict(act=np.zeros(7)), ValueError, r"act has the shape \(7,\)"),
        (dict(qpos=qpos[:, 1:]), ValueError, r"qpos has the shape \(3, 11\), where \(..., 12\) is needed"),
    ):
        with pytest.raises(error, match=says):
            jax.eval_shape(lambda: dynsparse.jax.step(lin, **{**dict(qpos=qpos, qvel=qvel, ctrl=ctrl, act=act), **wrong}))
    whole = dynsparse.jax.step(lin, qpos, np.ones(lin.nv, int), [0, 1], act)
    assert (whole[1] == dynsparse.jax.step(lin, qpos, np.ones(lin.nv), [0.0, 1.0], act)[1]).all()
