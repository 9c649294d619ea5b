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


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        (dict(qvel=torch.zeros(10, dtype=torch.complex128)), TypeError, "qvel holds torch.complex128; give real numbers"),
        (dict(ctrl=torch.zeros(2, dtype=torch.bool)), TypeError, "ctrl holds torch.bool"),
        (dict(ctrl=torch.tensor(0.0)), ValueError, r"ctrl has the shape \(\)"),
        (dict(qvel=torch.zeros(10).to_sparse()), TypeError, "qvel is torch.sparse_coo; give a dense tensor"),
        (dict(qvel=torch.zeros(10, device="meta")), TypeError, "qvel is on meta; give a dense tensor"),
    ],
)
def test_what_is_no_tensor_of_numbers(tree, wrong, error, says):
    given = dict(qpos=torch.tensor(tree.qpos0), qvel=torch.zeros(tree.nv), ctrl=torch.zeros(tree.nu))
    with pytest.raises(error, match=says):
        dynsparse.torch.step(tree, **{**given, **wrong})


def test_arrays_and_whole_numbers(tree):
    ours = dynsparse.torch.step(tree, tree.qpos0, np.ones(tree.nv, np.float32), [0, 1])
    theirs = dynsparse.torch.step(tree, *(torch.tensor(x, dtype=torch.float64) for x in (tree.qpos0, [1] * tree.nv, [0, 1])))
    whole = dynsparse.torch.step(tree, torch.tensor(tree.qpos0), torch.ones(tree.nv, dtype=torch.int64), torch.tensor([0, 1]))
    for some in (ours, whole):
        assert all(x.dtype == torch.float64 and (x == y).all() for x, y in zip(some, theirs))


two = pytest.mark.skipif(not hasattr(torch.autograd.Function, "setup_context"), reason="torch.func is PyTorch 2's")


@two
@pytest.mark.parametrize("xml", [TREE, BALL, HINGE], ids=["tree", "ball", "hinge"])
def test_transforms_of_functions(xml):
    """Jacobians by torch.func, in either mode and of a batch, are those that backward gives row by row."""
    func, lin = torch.func, dynsparse.Linearizer(xml)
    given = [x.detach() for x in inputs(lin, 3, 0.5)]
    step = lambda *x: torch.cat(dynsparse.torch.step(lin, *x), -1)  # noqa: E731
    every = tuple(i for i, x in enumerate(given) if x.shape[-1])
    expected = [torch.autograd.functional.jacobian(step, tuple(x[i] for x in given)) for i in range(3)]
    for made in (func.jacrev, func.jacfwd):
        for i in range(3):
            for k, found in zip(every, made(step, every)(*(x[i] for x in given))):
                assert torch.allclose(found, expected[i][k], rtol=1e-12, atol=1e-12)
        for k, found in zip(every, func.vmap(made(step, every))(*given)):
            assert torch.allclose(found, torch.stack([of[k] for of in expected]), rtol=1e-12, atol=1e-12)
    assert (func.vmap(step, (1,) * len(given), 1)(*(x.T for x in given)).T == step(*given)).all()
    # A batch inside of a gradient, and a gradient inside of a batch; only velocities have an axis for it.
    of_speed = lambda v: step(given[0][0], v, *(x[0] for x in given[2:])).square().sum()  # noqa: E731
    plain = given[1].clone().requires_grad_()
    of_speed(plain).backward()
    assert torch.allclose(func.grad(lambda v: func.vmap(of_speed)(v).sum())(given[1]), plain.grad, rtol=1e-12, atol=1e-12)
    assert torch.allclose(func.vmap(func.grad(of_speed))(given[1]), plain.grad, rtol=1e-12, atol=1e-12)


@two
def test_forward_mode(tree):
    lin = dynsparse.Linearizer(tree)
    given = [x.detach() for x in inputs(lin, 2, 0.5)]
    rng = torch.Generator().manual_seed(0)
    along = [torch.randn(x.shape, generator=rng, dtype=torch.float64) for x in given]
    step = lambda *x: dynsparse.torch.step(lin, *x)  # noqa: E731
    _, moved = torch.func.jvp(step, tuple(given), tuple(along))
    h = 1e-6
    ends = [step(*(x + sign * h * d for x, d in zip(given, along))) for sign in (1, -1)]
    for found, up, down in zip(moved, *ends):
        assert torch.allclose(found, (up - down) / (2 * h), rtol=1e-5, atol=1e-6)


@two
@pytest.mark.parametrize("outer", ["jacrev", "jacfwd"])
@pytest.mark.parametrize("inner", ["jacrev", "jacfwd"])
def test_second_derivatives_are_refused_by_transforms(outer, inner):
    lin = dynsparse.Linearizer(HINGE)
    step = lambda u: dynsparse.torch.step(lin, torch.zeros(1), torch.zeros(1), u)[1]  # noqa: E731
    with pytest.raises(RuntimeError, match="dynsparse.torch.step has no second derivative"):
        getattr(torch.func, outer)(getattr(torch.func, inner)(step))(torch.zeros(1))


@two
def test_a_compiled_function_has_the_step_beside_it(tree):
    lin = dynsparse.Linearizer(tree)
    given = inputs(lin, 2, 0.5)
    speed = lambda *x: (2 * dynsparse.torch.step(lin, *x)[1]).square().sum()  # noqa: E731
    plain = torch.autograd.grad(speed(*given), given)
    for found, expected in zip(torch.autograd.grad(torch.compile(speed, backend="eager")(*given), given), plain):
        assert (found == expected).all()
