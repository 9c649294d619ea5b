"""A step as an operation of PyTorch."""

import dynsparse
import mujoco
import numpy as np
import pytest
from conftest import HUMANOID, TREE, fallen

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import dynsparse.torch  # noqa: E402

ONE = "<mujoco><option timestep='0.01' integrator='{i}'/><worldbody><body pos='0 0 {z}'>{j}<geom size='0.1 0.2 0.05' type='{g}'/></body>{w}</worldbody>{a}</mujoco>"  # noqa: E501
HINGE = ONE.format(i="Euler", z=1, j="<joint name='j' damping='0.1' stiffness='2'/>", g="box", w="",
                   a="<actuator><motor joint='j'/></actuator>")  # fmt: skip
BALL = ONE.format(i="implicitfast", z=1, j="<joint type='ball' damping='0.01' stiffness='0.3'/>", g="box", w="", a="")
FREE = ONE.format(i="implicit", z=1, j="<freejoint/>", g="ellipsoid", w="", a="")
# A ball that has sunk into a floor that is soft: a contact far from opening.
TOUCH = ONE.format(i="Euler", z=0.08, j="<freejoint/>", g="sphere", a="",
                   w="<geom type='plane' size='1 1 1' solref='0.1 1'/>")  # fmt: skip


def inputs(lin, count, spread, seed=0, dtype=torch.float64):
    rng = np.random.default_rng(seed)
    qpos = lin.integrate(lin.model.qpos0, spread * rng.normal(size=(count, lin.nv)))
    sizes = [lin.nv, lin.nu] + ([lin.na] if lin.na else [])
    arrays = [qpos, *(spread * rng.normal(size=(count, n)) for n in sizes)]
    return [torch.tensor(x, dtype=dtype, requires_grad=True) for x in arrays]


@pytest.mark.parametrize(
    ("xml", "spread"), [(HINGE, 1), (BALL, 1), (FREE, 1), (TREE, 1), (TOUCH, 0.002)], ids=["hinge", "ball", "free", "tree", "touch"]
)
@pytest.mark.parametrize("substeps", [1, 3])
def test_gradients_are_exact(xml, spread, substeps):
    lin = dynsparse.Linearizer(xml, substeps=substeps)
    given = inputs(lin, 3, spread)
    if xml == TOUCH:
        data = mujoco.MjData(lin.model)
        mujoco.mj_forward(lin.model, data)
        assert data.ncon == 1
    with torch.no_grad():
        for q, _ in lin._engine.quaternions:
            # Not a unit: MuJoCo normalizes it.
            given[0][1, q : q + 4] *= 1.3
    ctrl = given[2]

    def step(*some):
        # gradcheck takes no array without entries.
        return dynsparse.torch.step(lin, *some[:2], *(some[2:] or (ctrl,)))

    some = [x for x in given if x.numel()]
    assert torch.autograd.gradcheck(step, some, eps=2e-5, atol=2e-6, rtol=1e-5)


def test_values_are_those_of_the_step(tree):
    lin = dynsparse.Linearizer(tree)
    given = inputs(lin, 4, 0.3)
    out = dynsparse.torch.step(tree, *given)
    expected = lin.step(*(x.detach().numpy() for x in given))
    for found, name in zip(out, ("qpos", "qvel", "act")):
        assert (found.detach().numpy() == getattr(expected, name)[:, 1]).all()
    plain = dynsparse.torch.step(tree, *(x.detach() for x in given))
    assert not plain[0].requires_grad and (plain[0] == out[0]).all()


def test_broadcasting_and_types(tree):
    lin = dynsparse.Linearizer(tree)
    qpos = torch.tensor(tree.qpos0, dtype=torch.float32, requires_grad=True)
    ctrl = torch.zeros(5, 2, tree.nu, requires_grad=True)
    out = dynsparse.torch.step(lin, qpos, torch.zeros(tree.nv), ctrl)
    assert len(out) == 2 and out[0].shape == (5, 2, tree.nq) and out[0].dtype == torch.float32
    out[1].sum().backward()
    assert qpos.grad.shape == qpos.shape and qpos.grad.dtype == torch.float32
    assert ctrl.grad.shape == ctrl.shape and (ctrl.grad[0, 0] == ctrl.grad[4, 1]).all()
    with pytest.raises(ValueError, match="qvel has the shape"):
        dynsparse.torch.step(lin, qpos, torch.zeros(3), ctrl)
    with pytest.raises(TypeError, match="substeps is a matter of the Linearizer"):
        dynsparse.torch.step(lin, qpos, torch.zeros(tree.nv), ctrl, substeps=2)
    with pytest.raises(ValueError, match="qvel root.tx of state 0 is NaN"):
        dynsparse.torch.step(lin, qpos, torch.full((2, tree.nv), torch.nan), torch.zeros(tree.nu))


def test_a_trajectory_is_differentiated_through(humanoid):
    """The gradient of where a fall leads, by the control at its beginning, against differences."""
    lin = dynsparse.Linearizer(humanoid)
    data = fallen(humanoid, 10)
    ctrl = torch.zeros(lin.nu, dtype=torch.float64, requires_grad=True)

    def height(ctrl):
        qpos, qvel = (torch.tensor(x.copy(), dtype=torch.float64) for x in (data.qpos, data.qvel))
        for _ in range(20):
            qpos, qvel = dynsparse.torch.step(lin, qpos, qvel, ctrl)
        return (qpos**2).sum() + (qvel**2).sum()

    height(ctrl).backward()
    h = 1e-5
    with torch.no_grad():
        nudges = h * torch.eye(lin.nu, dtype=torch.float64)
        expected = torch.stack([(height(nudge) - height(-nudge)) / (2 * h) for nudge in nudges])
    assert torch.allclose(ctrl.grad, expected, rtol=1e-5, atol=1e-6)


def test_a_second_derivative_is_refused():
    given = inputs(dynsparse.Linearizer(HINGE), 1, 0.1)
    (grad,) = torch.autograd.grad(dynsparse.torch.step(HINGE, *given)[1].sum(), given[0], create_graph=True)
    with pytest.raises(RuntimeError):
        grad.sum().backward()


def test_a_compiled_path(humanoid):
    assert len(dynsparse.torch.step(str(HUMANOID), *(x.detach() for x in inputs(dynsparse.Linearizer(humanoid), 1, 0)))) == 2


def test_at_a_kink_the_gradient_is_within_both_sides():
    """A ball that just touches a floor: falling and pressed, by differences to either side."""
    xml = """<mujoco><option timestep="0.01" gravity="0 0 0"/><worldbody><geom type="plane" size="1 1 0.1" solref="0.1 1"/>
      <body pos="0 0 0.1"><joint type="slide" axis="0 0 1"/><geom size="0.1" solref="0.1 1"/></body></worldbody></mujoco>"""
    lin = dynsparse.Linearizer(xml)
    qpos = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    speed = lambda q: dynsparse.torch.step(lin, q, torch.zeros(1), torch.zeros(0))[1][0]  # noqa: E731
    (grad,) = torch.autograd.grad(speed(qpos), qpos)
    h, here = 1e-6, speed(qpos.detach())
    up, down = (speed(qpos.detach() + h) - here) / h, (here - speed(qpos.detach() - h)) / h
    assert abs(up - down) > 0.1 and min(up, down) - 1e-6 <= grad <= max(up, down) + 1e-6
    assert lin(qpos.detach().numpy()).kink > 0.1
