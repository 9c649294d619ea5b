"""Writes whole_steps.json, which tests/library/whole_steps.rs compares the engine whole-step with: models with plugins, delays
and flexes, a state of each, and the derivative of `mj_step` there.

The derivative is differenced in the tangent space, central, with everything else of the integration state held at the beginning
(history of delays, states of plugins), over 13 nudges from 2^-8 to 2^-20, and extrapolated in even powers of the nudge (Neville);
of all extrapolations the one that its neighbour agrees with best. Solves start cold. Only MuJoCo's own Python binding is used
(`pip install mujoco==3.17.0 numpy`), which loads the plugins of its wheel.

    python tests/reference/whole_steps.py > tests/reference/whole_steps.json
"""

import json

import mujoco
import numpy as np

INTEGRATION = mujoco.mjtState.mjSTATE_INTEGRATION
SLIDERS = """<body><joint name="a" type="slide" axis="0 0 1"/><geom size=".1" mass="1"/></body>
    <body pos="1 0 0"><joint name="b" axis="0 1 0" damping=".1"/><geom type="capsule" fromto="0 0 0 .5 0 0" size=".05" mass="1"/></body>"""

def on_shape(shape, x, z, radius):
    """A sphere that slides down on a shape of MuJoCo's signed distance functions."""
    return f"""<mujoco><option timestep=".002" sdf_iterations="20" sdf_initpoints="20"/><extension><plugin plugin="mujoco.sdf.{shape}">
        <instance name="t"/></plugin></extension><asset><mesh name="t"><plugin instance="t"/></mesh></asset><worldbody>
        <body pos="{x} 0 {z}"><joint type="slide" axis="0 0 1" damping="5"/><geom size="{radius}" mass="1"/></body>
        <geom type="sdf" mesh="t"><plugin instance="t"/></geom></worldbody></mujoco>"""


# Name, MJCF, physics steps before the state, physics steps that count as one, controls.
CASES = [
    ("pid", f"""<mujoco><extension><plugin plugin="mujoco.pid">
        <instance name="p"><config key="kp" value="40"/><config key="ki" value="15"/><config key="kd" value="3"/></instance>
        <instance name="slow"><config key="kp" value="9"/><config key="ki" value="4"/><config key="kd" value=".5"/>
          <config key="slewmax" value="300"/></instance>
        </plugin></extension><worldbody>{SLIDERS}</worldbody><actuator>
        <plugin joint="a" plugin="mujoco.pid" instance="p" actdim="1"/>
        <plugin joint="b" plugin="mujoco.pid" instance="slow" actdim="2"/></actuator></mujoco>""", 20, 1, [0.3, -0.2]),
    ("pid over 5 steps", None, 20, 5, [0.3, -0.2]),
    ("cable", """<mujoco><option timestep=".001"/><extension><plugin plugin="mujoco.elasticity.cable"/></extension><worldbody>
        <composite prefix="c" type="cable" curve="s" count="6 1 1" size="1" offset="0 0 1" initial="none">
        <plugin plugin="mujoco.elasticity.cable"><config key="twist" value="1e6"/><config key="bend" value="4e6"/></plugin>
        <joint kind="main" damping=".02"/><geom type="capsule" size=".02" density="900" contype="0" conaffinity="0"/>
        </composite></worldbody></mujoco>""", 60, 1, []),
    ("touch grid", """<mujoco><extension><plugin plugin="mujoco.sensor.touch_grid"/></extension><worldbody>
        <geom type="plane" size="1 1 1"/><body pos="0 0 .098"><joint name="z" type="slide" axis="0 0 1" damping="3"/>
        <joint name="x" type="slide" axis="1 0 0"/><geom size=".1" mass="1"/><site name="s" pos="0 0 -.1" zaxis="0 0 -1"/></body></worldbody>
        <actuator><motor joint="x"/></actuator>
        <sensor><plugin name="t" plugin="mujoco.sensor.touch_grid" objtype="site" objname="s"><config key="size" value="3 3"/>
        <config key="fov" value="80 80"/><config key="gamma" value="0"/><config key="nchannel" value="3"/></plugin>
        <jointpos joint="z"/></sensor></mujoco>""", 30, 1, [0.4]),
    ("torus", """<mujoco><option timestep=".002" sdf_iterations="20" sdf_initpoints="20"/><extension>
        <plugin plugin="mujoco.sdf.torus"><instance name="t"><config key="radius1" value=".35"/><config key="radius2" value=".15"/>
        </instance></plugin></extension><asset><mesh name="t"><plugin instance="t"/></mesh></asset><worldbody>
        <body pos=".37 0 .22"><joint type="slide" axis="0 0 1" damping="5"/><geom size=".1" mass="1"/></body>
        <geom type="sdf" mesh="t"><plugin instance="t"/></geom></worldbody></mujoco>""", 60, 1, []),
    ("bolt", on_shape("bolt", 0, 1.2, .2), 378, 1, []),
    ("nut", on_shape("nut", .3, .8, .1), 278, 1, []),
    ("gear", on_shape("gear", 1, .5, .2), 147, 1, []),
    ("bowl", on_shape("bowl", .2, 1, .15), 646, 1, []),
    ("delayed motor", f"""<mujoco><option timestep=".01"/><worldbody>{SLIDERS}</worldbody><actuator>
        <motor name="late" joint="a" delay=".03" nsample="5"/><motor name="now" joint="b"/></actuator></mujoco>""", 20, 1, [0.5, 0.7]),
    ("delayed motor over 7 steps", None, 20, 7, [0.5, 0.7]),
    ("half delayed motor", f"""<mujoco><option timestep=".01"/><worldbody>{SLIDERS}</worldbody><actuator>
        <general name="late" joint="b" delay=".015" nsample="5" interp="linear" dyntype="filter" dynprm=".2" gainprm="2"/>
        </actuator></mujoco>""", 20, 4, [0.7]),
    ("delayed sensor", f"""<mujoco><option timestep=".01"/><worldbody>{SLIDERS}</worldbody>
        <actuator><motor joint="a"/><motor joint="b"/></actuator><sensor><jointpos joint="b"/>
        <jointpos joint="b" delay=".02" nsample="4"/><jointvel joint="b" interval=".05" nsample="3"/></sensor></mujoco>""",
     20, 1, [0.5, 0.7]),
    ("delayed sensor over 6 steps", None, 20, 6, [0.5, 0.7]),
    ("cloth", """<mujoco><option timestep=".002"/><worldbody><flexcomp name="f" type="grid" count="4 4 1" spacing=".1 .1 .1" dim="2"
        pos="0 0 1" radius=".005" mass=".5"><edge equality="true" damping=".01"/><pin id="0 3"/><contact selfcollide="none"/></flexcomp>
        </worldbody></mujoco>""", 40, 1, []),
    ("solid", """<mujoco><option timestep=".0005"/><worldbody><geom type="plane" size="2 2 .1" pos="0 0 -.1045"/>
        <flexcomp name="f" type="grid" count="2 2 3" spacing=".1 .1 .1" dim="3" pos="0 0 0" radius=".005" mass="2">
        <edge damping="1"/><contact selfcollide="none" condim="1"/><elasticity young="2e4" poisson=".2"/></flexcomp></worldbody></mujoco>""", 45, 1, []),
]


def strict(m):
    m.opt.solver = mujoco.mjtSolver.mjSOL_NEWTON
    m.opt.iterations, m.opt.ls_iterations, m.opt.tolerance = 100, 50, 1e-20


# Of a signed distance MuJoCo finds contacts by a descent of few steps from given points, which jumps: a step is smooth over fine
# nudges alone.
NUDGES = dict.fromkeys(["torus", "bolt", "nut", "gear", "bowl"], range(21, 26))


def extrapolated(order):
    """Central differences, each over half the nudge of the one before, in even powers of the nudge (Neville): of all extrapolations
    the one that its neighbour agrees with best, entry by entry."""
    best, least = order[-1].copy(), np.full(order[-1].shape, np.inf)
    for k in range(5):
        for before, x in zip(order, order[1:]):
            apart = np.abs(x - before)
            better = apart < least
            best[better], least[better] = x[better], apart[better]
        order = [x + (x - before) / (4.0 ** (k + 1) - 1) for before, x in zip(order, order[1:])]
    return best


def jacobian(m, state, span, nudges):
    """[A B; C D], (ndx + nsensordata) x (ndx + nu)."""
    d, nv = mujoco.MjData(m), m.nv

    def run(column, h):
        mujoco.mj_setState(m, d, state, INTEGRATION)
        d.qacc_warmstart[:] = 0
        if column < nv:
            direction = np.zeros(nv)
            direction[column] = 1
            mujoco.mj_integratePos(m, d.qpos, direction, h)
        elif column < 2 * nv:
            d.qvel[column - nv] += h
        elif column < 2 * nv + m.na:
            d.act[column - 2 * nv] += h
        else:
            d.ctrl[column - 2 * nv - m.na] += h
        for _ in range(span):
            mujoco.mj_step(m, d)
        return [x.copy() for x in (d.qpos, d.qvel, d.act, d.sensordata)]

    here = run(0, 0.0)

    def one_sided(column, h):
        there, dq = run(column, h), np.zeros(nv)
        mujoco.mj_differentiatePos(m, dq, h, here[0], there[0])
        return np.concatenate([dq] + [(x - y) / h for x, y in zip(there[1:], here[1:])])

    columns = []
    for column in range(2 * nv + m.na + m.nu):
        order = [0.5 * (one_sided(column, h) + one_sided(column, -h)) for h in 2.0 ** -np.array(nudges, float)]
        columns.append(extrapolated(order))
    return np.array(columns).T


def case(name, mjcf, before, span, ctrl):
    m = mujoco.MjModel.from_xml_string(mjcf)
    strict(m)
    d = mujoco.MjData(m)
    for i in range(before):
        d.ctrl[:] = np.array(ctrl) * (1 + 0.01 * i) if len(ctrl) else 0
        mujoco.mj_step(m, d)
    state = np.zeros(mujoco.mj_stateSize(m, INTEGRATION))
    mujoco.mj_getState(m, d, state, INTEGRATION)
    return dict(name=name, mjcf=mjcf, span=span, state=state.tolist(),
                jacobian=[float(f"{x:.12g}") for x in jacobian(m, state, span, NUDGES.get(name, range(8, 21))).ravel()])


if __name__ == "__main__":
    made, before = [], None
    for name, mjcf, *rest in CASES:
        before = mjcf or before
        made.append(case(name, before, *rest))
    print(json.dumps(dict(mujoco=mujoco.__version__, cases=made)))
