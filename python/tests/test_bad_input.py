"""Whatever comes: an exception that says what to do, or correct work."""

import concurrent.futures
import copy
import subprocess
import sys
import textwrap

import dynsparse
import mujoco
import numpy as np
import pytest
from conftest import HUMANOID, fallen, state_of


@pytest.fixture
def lin(tree):
    return dynsparse.Linearizer(tree)


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        (dict(qpos=np.zeros(3)), ValueError, r"qpos has the shape \(3,\), where \(..., 12\) is needed"),
        (dict(qpos=0.0), ValueError, r"qpos has the shape \(\)"),
        (dict(qvel=np.zeros((2, 11))), ValueError, r"qvel has the shape \(2, 11\)"),
        (dict(qvel=np.zeros((2, 10)), ctrl=np.zeros((3, 2))), ValueError, r"leading axes do not go together: qvel \(2,\)"),
        (dict(qvel="fast"), TypeError, "qvel holds <U4; give real numbers"),
        (dict(qvel=np.zeros(10, complex)), TypeError, "qvel holds complex128"),
        (dict(qvel=[None] * 10), TypeError, "qvel holds object"),
        (dict(ctrl=np.zeros((2, 2), bool)), TypeError, "ctrl holds bool"),
        (dict(qvel=np.full((3, 10), np.nan)), ValueError, "qvel root.tx of state 0 is NaN; give a finite number"),
        (dict(ctrl=[[0, 0], [0, np.inf]]), ValueError, "ctrl filter of state 1 is inf"),
        (dict(ctrl=[1e11, 0]), ValueError, "ctrl motor is 100000000000"),
        (dict(qpos=[1e300] * 12), ValueError, "qpos root.x is 1"),
        (dict(qvel=np.ma.masked_equal(np.arange(10.0), 3)), ValueError, "qvel has masked entries"),
        (dict(qvel=[[1, 2], [3]]), ValueError, "qvel is no array: "),
        (dict(qvel=2**63), ValueError, r"qvel has the shape \(\)"),
        (dict(time=np.nan), ValueError, "time s is NaN"),
        (dict(mocap_pos=np.zeros((1, 3))), ValueError, r"mocap_pos has the shape \(1, 3\), where \(..., 0, 3\)"),
        (dict(state=np.zeros(4)), ValueError, r"state has the shape \(4,\)"),
        (dict(errors="ignore"), ValueError, "errors is 'ignore'"),
        (dict(out=3), TypeError, "out is of type int"),
    ],
)
def test_arrays(lin, given, error, says):
    with pytest.raises(error, match=says):
        lin(**given)


def test_arrays_of_any_layout_and_type(lin, tree):
    rng = np.random.default_rng(0)
    qvel = rng.normal(size=(4, tree.nv))
    expected = lin(qvel=qvel).A
    for other in (
        np.asfortranarray(qvel),
        np.repeat(qvel, 2, axis=1)[:, ::2],
        qvel[::-1][::-1],
        qvel.astype(">f8"),
        qvel.tolist(),
        np.ma.masked_array(qvel),
        qvel.astype(np.longdouble),
    ):
        assert (lin(qvel=other).A == expected).all()
    assert (lin(qvel=np.arange(tree.nv)).A == lin(qvel=np.arange(float(tree.nv))).A).all()
    unaligned = np.frombuffer(b"x" + qvel.tobytes(), dtype=np.uint8)[1:].view(np.float64).reshape(qvel.shape)
    assert (lin(qvel=unaligned).A == expected).all()
    qvel.flags.writeable = False
    assert (lin(qvel=qvel).A == expected).all()


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        (dict(engine="magic"), ValueError, 'engine is "magic"; give one of "auto"'),
        (dict(solver="fast"), ValueError, 'solver is "fast"; give one of "converged", "recording", "task"'),
        (dict(substeps=0), ValueError, "substeps is 0; give at least 1"),
        (dict(substeps=1.5), TypeError, "substeps is 1.5; give a whole number"),
        (dict(threads=0), ValueError, "threads is 0"),
        (dict(threads=-3), ValueError, "threads is -3"),
        (dict(dtype=np.float16), TypeError, "dtype is float16"),
    ],
)
def test_options(tree, options, error, says):
    with pytest.raises(error, match=says):
        dynsparse.Linearizer(tree, **options)


def test_models(tmp_path, humanoid):
    with pytest.raises(FileNotFoundError, match="nothing.xml: there is no such file"):
        dynsparse.Linearizer("nothing.xml")
    with pytest.raises(IsADirectoryError, match="this is a folder; give a mujoco.MjModel"):
        dynsparse.Linearizer(tmp_path)
    with pytest.raises(TypeError, match="model is of type int"):
        dynsparse.Linearizer(3)
    with pytest.raises(ValueError):
        dynsparse.Linearizer("<mujoco><nonsense/></mujoco>")
    mujoco.mj_saveModel(humanoid, str(tmp_path / "model.mjb"))
    assert dynsparse.Linearizer(tmp_path / "model.mjb").nv == humanoid.nv
    humanoid.opt.timestep = -1
    with pytest.raises(dynsparse.DynsparseError, match="the model: option timestep is -1"):
        dynsparse.Linearizer(humanoid)
    humanoid.opt.timestep = 0.005
    humanoid.body_mass[2] = np.nan
    with pytest.raises(dynsparse.DynsparseError, match="body_mass of body"):
        dynsparse.Linearizer(humanoid)


def test_what_no_engine_covers_is_named():
    body = """<worldbody><body><joint name="j"/><geom size="0.1"/></body></worldbody>
        <actuator><motor joint="j" {}/></actuator>"""
    sleeps = f'<mujoco><option integrator="RK4"><flag sleep="enable"/></option>{body.format("")}</mujoco>'
    with pytest.raises(dynsparse.NotCoveredError, match="take that out of the model"):
        dynsparse.Linearizer(mujoco.MjModel.from_xml_string(sleeps))
    delayed = f"""<mujoco>{body.format('delay="0.01" nsample="4"')}</mujoco>"""
    model = mujoco.MjModel.from_xml_string(delayed)
    assert dynsparse.Linearizer(model).engine == "whole-step"
    with pytest.raises(dynsparse.NotCoveredError, match='use engine="auto" or "whole-step"'):
        dynsparse.Linearizer(model, engine="implicit")


def test_a_model_that_is_edited_is_noticed(humanoid):
    lin = dynsparse.Linearizer(humanoid)
    data = fallen(humanoid)
    before = lin(data)
    for field, edit in (
        ("opt.timestep", lambda m: setattr(m.opt, "timestep", 0.001)),
        ("opt.gravity", lambda m: m.opt.gravity.__setitem__(2, -1)),
        ("body_mass", lambda m: m.body_mass.__setitem__(3, 9)),
        ("geom_friction", lambda m: m.geom_friction.__setitem__((0, 0), 0.1)),
        ("jnt_range", lambda m: m.jnt_range.__setitem__((2, 1), 9)),
        ("actuator_group", lambda m: m.actuator_group.__setitem__(1, 3)),
        ("opt.disableactuator", lambda m: setattr(m.opt, "disableactuator", 2)),
    ):
        own = copy.copy(humanoid)
        one = dynsparse.Linearizer(own)
        edit(own)
        with pytest.raises(dynsparse.DynsparseError, match=f"{field} of the model has been edited"):
            one(data)
        fresh = dynsparse.linearize(own, qpos=data.qpos, qvel=data.qvel, ctrl=data.ctrl)
        again = dynsparse.Linearizer(own)(data.qpos, data.qvel, data.ctrl)
        assert (fresh.A == again.A).all(), "the function takes the model as it is"
    humanoid.geom_rgba[:] = 0.5
    assert (lin(data).A == before.A).all(), "colours are no physics"


def test_simulations_of_other_models(lin, humanoid, tree):
    with pytest.raises(ValueError, match="the MjData is one of another model"):
        lin(mujoco.MjData(humanoid))
    with pytest.raises(TypeError, match="data is of type"):
        dynsparse.linearize(tree, tree.qpos0)
    with pytest.raises(ValueError, match="qvel is given, and an MjData"):
        lin(mujoco.MjData(tree), np.zeros(tree.nv))
    assert lin(mujoco.MjData(copy.copy(tree))).A.shape == (lin.ndx, lin.ndx)


def test_rollouts(lin, tree):
    with pytest.raises(ValueError, match="give ctrl, or a horizon"):
        lin.rollout(tree.qpos0)
    with pytest.raises(ValueError, match=r"ctrl has the shape \(2,\), where \(..., T, 2\)"):
        lin.rollout(ctrl=np.zeros(2))
    with pytest.raises(ValueError, match="horizon is 3, and ctrl has 4 steps"):
        lin.rollout(ctrl=np.zeros((4, 2)), horizon=3)
    with pytest.raises(ValueError, match="horizon is -1"):
        lin.rollout(horizon=-1)
    with pytest.raises(TypeError, match="there is no argument 'speed'"):
        lin.rollout(horizon=1, speed=3)
    with pytest.raises(ValueError, match="ctrl motor of state 1 is NaN"):
        lin.rollout(ctrl=np.array([np.zeros((3, 2)), np.full((3, 2), np.nan)]))
    assert lin.rollout(horizon=0).qpos.shape == (1, tree.nq)


def test_a_state_that_is_no_state(tree, lin):
    state = state_of(tree, mujoco.MjData(tree))
    state[:] = np.nan
    with pytest.raises((dynsparse.DynsparseError, ValueError), match="not finite|NaN"):
        lin(state=state)


def test_callbacks_are_not_differentiated(tree, lin):
    mujoco.set_mjcb_control(lambda m, d: None)
    try:
        with pytest.raises(dynsparse.DynsparseError, match=r"mujoco.set_mjcb_control\(None\) takes it out"):
            lin()
    finally:
        mujoco.set_mjcb_control(None)
    lin()


def test_a_model_without_anything():
    for xml in ("<mujoco/>", "<mujoco><worldbody><geom size='1'/></worldbody></mujoco>"):
        out = dynsparse.Linearizer(xml, sensors=True)(qpos=np.empty((3, 0)))
        assert out.A.shape == (3, 0, 0) and out.D.shape == (3, 0, 0) and out.is_smooth.all()


@pytest.mark.parametrize("seed", range(40))
def test_edits_at_random_are_noticed_or_of_no_influence(humanoid, seed):
    """Integers and floats of the model that somebody has overwritten: MuJoCo refuses the bytes, or there are matrices; and whoever had
    a Linearizer before hears of it, or has the same numbers."""
    rng = np.random.default_rng(seed)
    names = [name for name in dir(humanoid) if isinstance(getattr(humanoid, name, None), np.ndarray)]
    names = [name for name in names if getattr(humanoid, name).size and getattr(humanoid, name).dtype != bool]
    data, earlier = fallen(humanoid), dynsparse.Linearizer(humanoid)
    state = state_of(humanoid, data)
    array = getattr(humanoid, names[rng.integers(len(names))])
    array.reshape(-1)[rng.integers(array.size)] = rng.choice([-1, 0, 1, 3, 1000])
    try:
        fresh = dynsparse.Linearizer(humanoid)(state=state)
    except (dynsparse.DynsparseError, ValueError):
        return
    try:
        assert (earlier(state=state).A == fresh.A).all()
    except dynsparse.DynsparseError as error:
        assert "has been edited" in str(error)


def test_geometry_of_meshes(tmp_path):
    xml = """<mujoco><asset><mesh name="m" vertex="0 0 0  1 0 0  0 1 0  0 0 1"/></asset>
      <worldbody><geom type="plane" size="1 1 1"/>
        <body pos="0 0 -0.01"><freejoint/><geom type="mesh" mesh="m"/></body></worldbody></mujoco>"""
    model = mujoco.MjModel.from_xml_string(xml)
    data = mujoco.MjData(model)
    before = dynsparse.linearize(model, data)
    assert (dynsparse.linearize(model, data).A == before.A).all()
    model.mesh_vert[:, 2] += 0.005
    after = dynsparse.linearize(model, data)
    assert (after.A == dynsparse.Linearizer(model)(data).A).all() and (after.A != before.A).any()


def test_positions_beside_a_simulation_are_refused(humanoid):
    data = mujoco.MjData(humanoid)
    for of in (dynsparse.linearize, dynsparse.step):
        with pytest.raises(ValueError, match="qpos is given, and an MjData"):
            of(humanoid, data, qpos=data.qpos)


@pytest.mark.parametrize("name", ["threads", "substeps"])
def test_counts_have_a_bound(humanoid, name):
    with pytest.raises(ValueError, match=f"{name} is 1099511627776; give at most"):
        dynsparse.Linearizer(humanoid, **{name: 2**40})


@pytest.mark.parametrize(
    ("field", "at", "value"),
    [("body_treeid", 4, 3), ("body_treeid", 2, -2), ("dof_treeid", 3, 1000)],
)
def test_trees_that_are_not_there_are_refused(humanoid, field, at, value):
    """MuJoCo loads such a model, and then reads beyond its arrays."""
    getattr(humanoid, field)[at] = value
    with pytest.raises(dynsparse.DynsparseError, match=rf"{field}\[{at}\] is {value}: there are 1 kinematic trees"):
        dynsparse.Linearizer(humanoid)


@pytest.mark.skipif(sys.platform != "linux", reason="what is free is asked of Linux's /proc/meminfo")
def test_what_no_memory_holds_is_refused_before_it_is_taken(humanoid):
    """The system gives out more than there is, and ends the process once it is used."""
    lin = dynsparse.Linearizer(humanoid)
    with open("/proc/meminfo") as file:
        there = next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemTotal:"))
    one = sum(np.prod(shape, dtype=int) * dtype.itemsize for shape, dtype in lin._plain.values())
    states = np.lib.stride_tricks.as_strided(np.zeros(lin.nv), (there // one + 1, lin.nv), (0, 8))
    with pytest.raises(MemoryError, match="a batch of .* GB are free; go through it in parts"):
        lin(qvel=states)
    with pytest.raises(MemoryError, match="a batch of 1 of .* steps takes"):
        lin.rollout(horizon=there // one + 1)


def test_whatever_is_kept_of_a_result_stays_as_it_was():
    chain = "".join(f"<body pos='.1 0 0'><joint name='j{i}' axis='0 1 0'/><geom size='.01'/>" for i in range(20)) + "</body>" * 20
    lin = dynsparse.Linearizer(f"<mujoco><worldbody>{chain}</worldbody></mujoco>")
    rng = np.random.default_rng(0)
    speeds = rng.normal(size=(40, lin.nv))
    expected = [lin(qvel=qvel).A.copy() for qvel in speeds]
    # The array, a part of it, its memory by another name.
    for keep in (lambda A: A, lambda A: A[3:], lambda A: A.T, memoryview, lambda A: np.asarray(A).reshape(-1)[::2]):
        kept = [keep(lin(qvel=qvel).A) for qvel in speeds]
        for one, A in zip(kept, expected):
            assert (np.asarray(one) == np.asarray(keep(A))).all()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            found = list(pool.map(lambda qvel: lin(qvel=qvel).A, speeds))
            assert all((one == A).all() for one, A in zip(found, expected))


def test_results_cannot_be_resized_while_they_are_written(lin):
    """With refcheck=False numpy would give their memory back under the threads that write there."""
    out = lin(qvel=np.zeros((3, lin.nv)))
    for name, array in out._arrays().items():
        with pytest.raises(ValueError, match="does not own its data"):
            array.resize((1,), refcheck=False)
        assert getattr(out, name).shape[:1] == (3,)


def test_outputs_that_share_memory_are_refused():
    lin = dynsparse.Linearizer("""<mujoco><worldbody><body><joint name="j" axis="0 1 0"/><geom size=".1"/></body></worldbody>
        <actuator><motor joint="j"/><motor joint="j"/></actuator></mujoco>""")
    out, memory = lin(), bytearray(64)
    # Each is a view with an owner of its own.
    out.A = np.frombuffer(memory, count=4).reshape(2, 2)
    for offset, shared in ((0, True), (24, True), (32, False)):
        out.B = np.frombuffer(memory, count=4, offset=offset).reshape(2, 2)
        if shared:
            with pytest.raises(ValueError, match="A and B share memory"):
                lin(out=out)
        else:
            assert (lin(out=out).B == lin().B).all()
    out.B = out.A
    with pytest.raises(ValueError, match="cannot be written: .* already borrowed"):
        lin(out=out)


def test_results_are_compared_by_who_they_are(lin):
    one, other = lin(), lin()
    assert one == one and one != other and len({one, other}) == 2


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        (dict(solver=None), ValueError, 'solver is None; give one of "converged"'),
        (dict(solver=["task"]), ValueError, "solver is .'task'.; give one of"),
        (dict(engine=3), ValueError, 'engine is 3; give one of "auto"'),
        (dict(sensors="no"), TypeError, "sensors is 'no'; give True or False"),
        (dict(zero_test=None), TypeError, "zero_test is None; give True or False"),
    ],
)
def test_options_of_other_types(tree, options, error, says):
    for make in (lambda: dynsparse.Linearizer(tree, **options), lambda: dynsparse.linearize(tree, mujoco.MjData(tree), **options)):
        with pytest.raises(error, match=says):
            make()


MESHES = """<mujoco><asset><mesh name="solid" vertex="0 0 0  1 0 0  0 1 0  0 0 1"/><mesh name="seen" vertex="0 0 0  2 0 0  0 2 0  0 0 2"/></asset>
  <worldbody><geom type="plane" size="1 1 1"/><body pos="0 0 -0.01"><freejoint/><geom name="solid" type="mesh" mesh="solid"/>
    <geom name="seen" type="mesh" mesh="seen" contype="0" conaffinity="0"/><site name="eye" pos="0 0 3"/></body></worldbody>{}</mujoco>"""
RAY = '<sensor><rangefinder site="eye"/></sensor>'
PAIR = '<contact><pair geom1="seen" geom2="solid"/></contact>'


@pytest.mark.parametrize(("more", "seen_matters"), [("", False), (RAY, True), (PAIR, True)])
def test_meshes_that_are_there_to_be_seen(more, seen_matters):
    """linearize takes a model as it is, and knows what a step does not look at."""
    model = mujoco.MjModel.from_xml_string(MESHES.format(more))
    data = mujoco.MjData(model)
    before = dynsparse.linearize(model, data)
    watch = dynsparse._linearizer._KEPT[(id(model),)]._watch
    first = {name: model.mesh(name).vertadr[0] for name in ("solid", "seen")}
    for name, matters in (("solid", True), ("seen", seen_matters)):
        was = model.mesh_vert.copy()
        model.mesh_vert[first[name], 2] -= 0.125
        assert watch.changed(meshes=True) == ("mesh_vert" if matters else None), name
        model.mesh_vert[:] = was
    assert watch.changed(meshes=True) is None
    # What is not watched is of no influence.
    if not seen_matters:
        model.mesh_vert[first["seen"] :][:4] = 7
        model.mesh_face[:] = 0
        model.bvh_aabb[model.body_bvhnum.sum() :] = 3
        assert watch.changed(meshes=True) is None
        fresh = dynsparse.Linearizer(model)(data)
        assert all((getattr(fresh, name) == array).all() for name, array in before._arrays().items())


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
def test_a_limit_of_memory_is_an_exception():
    """Copies of what goes in are as large as that; who has no memory for them hears so, and goes on."""
    text = f"""
        import dynsparse, mujoco, numpy as np, resource
        lin = dynsparse.Linearizer({str(HUMANOID)!r}, threads=1)
        expected = lin().A
        qvel = np.zeros((400_000, lin.nv))
        now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + (20 << 20), -1))
        try:
            lin._engine.run(len(qvel), 1, 1, {{"qvel": qvel}}, {{}})
        except MemoryError as error:
            print("no memory for a copy of qvel" in str(error), (lin().A == expected).all())
    """
    out = subprocess.run([sys.executable, "-c", textwrap.dedent(text)], capture_output=True, text=True, timeout=100)
    assert out.returncode == 0 and out.stdout.strip() == "True True", out.stdout + out.stderr
