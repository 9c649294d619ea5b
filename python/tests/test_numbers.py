"""Numbers: shapes, verdicts and kinks, and matrices against whole steps of MuJoCo."""

import dynsparse
import mujoco
import numpy as np
from conftest import fallen, joined, state_of, whole_steps


def test_matrices_are_derivatives_of_whole_steps(tree):
    data = fallen(tree, 30)
    data.ctrl[:], data.act[:] = 0.2, 0.3
    for substeps in (1, 4):
        lin = dynsparse.linearize(tree, data, sensors=True, substeps=substeps)
        expected, error = whole_steps(tree, state_of(tree, data), substeps)
        assert lin.is_smooth and lin.engine == "implicit"
        assert np.abs(joined(lin) - expected).max() < 1e-7 * np.abs(expected).max() + 10 * error.max()
        assert error.max() < 1e-6 * np.abs(expected).max(), "the second opinion is one"


def test_a_humanoid_on_its_feet(humanoid):
    data = fallen(humanoid, 60)
    assert data.ncon >= 2
    lin = dynsparse.linearize(humanoid, data)
    expected, error = whole_steps(humanoid, state_of(humanoid, data), h=1e-5)
    assert np.abs(joined(lin) - expected[: lin.A.shape[0]]).max() < 1e-6 * np.abs(expected).max() + 10 * error.max()


def test_shapes_names_and_verdicts(tree):
    lin = dynsparse.linearize(tree, fallen(tree, 5), sensors=True)
    n, nu, ns = 2 * tree.nv + tree.na, tree.nu, tree.nsensordata
    assert [m.shape for m in (lin.A, lin.B, lin.C, lin.D)] == [(n, n), (n, nu), (ns, n), (ns, nu)]
    assert lin.state_names[0] == "pos:root.tx" and lin.state_names[-1] == "act:filter" and len(lin.state_names) == n
    assert lin.control_names == ["motor", "filter"] and lin.sensor_names[0] == "tip[0]" and len(lin.sensor_names) == ns
    # Where the body is, nothing of its motion depends on; the filter's control flows into its activation alone.
    assert (lin.A_zero[tree.nv :, 0] == dynsparse.Verdict.ZERO).all()
    assert lin.B_zero[-1].tolist() == [dynsparse.Verdict.ZERO, dynsparse.Verdict.NONZERO]
    assert np.abs(lin.A[lin.A_zero == dynsparse.Verdict.ZERO]).max() < 1e-12 and lin.zero_floor.shape == (n,)
    assert lin.kink == 0 and lin.flags == 0 and lin.is_smooth


def test_a_kink_is_marked():
    model = mujoco.MjModel.from_xml_string(
        """<mujoco><option gravity="0 0 0"/><worldbody><geom type="plane" size="1 1 0.1"/>
        <body pos="0 0 0.1"><joint type="slide" axis="0 0 1"/><geom size="0.1"/></body></worldbody></mujoco>"""
    )
    lin = dynsparse.linearize(model, mujoco.MjData(model))
    assert dynsparse.Flags(int(lin.flags)) & dynsparse.Flags.CONTACT_SWITCH
    assert lin.kink > 1e-3 and not lin.is_smooth


def test_controls_at_the_end_of_their_range_are_flagged(humanoid):
    lin = dynsparse.Linearizer(humanoid)
    high = humanoid.actuator_ctrlrange[:, 1]
    flags = lin(ctrl=[0 * high, high, 2 * high]).flags
    at, out = dynsparse.Flags.CTRL_AT_LIMIT, dynsparse.Flags.CTRL_CLAMPED
    assert [int(x) & (at | out) for x in flags] == [0, at, at | out]
