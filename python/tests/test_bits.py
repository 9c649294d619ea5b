"""Module, command line and the engine in Rust have the same bits: on models of this repository, tasks of Playground, and models that
a folder holds which DYNSPARSE_CASES names."""

import os
import pathlib
import subprocess

import dynsparse
import mujoco
import numpy as np
import pytest
from conftest import HUMANOID, ROOT, STATE, TREE, along_a_fall, needed

FOLDERS = ("assets/models", "python/examples", "vendor/playground/dm_control_suite/xmls")
FILES = [HUMANOID, *(file for folder in FOLDERS for file in sorted((ROOT / folder).glob("*.xml")))]
FILES += sorted(pathlib.Path(os.environ["DYNSPARSE_CASES"]).glob("*.xml")) if "DYNSPARSE_CASES" in os.environ else []
# Those of benches/engines.rs.
TASKS = ["CheetahRun", "WalkerRun", "HopperHop", "HumanoidRun", "Go1JoystickFlatTerrain", "G1JoystickFlatTerrain"]
TASKS += ["PandaOpenCabinet", "LeapCubeReorient"]
MATRICES = ("A", "B", "A_zero", "B_zero", "kink")


def written(lin, i):
    """What the example `matrices` of the engine writes of a state."""
    matrices = (lin.A, lin.B, lin.C, lin.D)
    verdicts = (lin.A_zero, lin.B_zero, lin.C_zero, lin.D_zero)
    numbers = b"".join(m[i].astype("<f8").tobytes() for m in matrices)
    return numbers + b"".join(v[i].tobytes() for v in verdicts) + lin.kink[i].astype("<f8").tobytes()


def of_rust(model, states, words, tmp_path):
    """What the engine says of them without Python around it."""
    program = needed("DYNSPARSE_MATRICES", "the example `matrices` of the engine")
    mujoco.mj_saveModel(model, str(tmp_path / "model.mjb"))
    command = [program, str(tmp_path / "model.mjb"), *words]
    out = subprocess.run(command, input=states.astype("<f8").tobytes(), capture_output=True)
    assert out.returncode == 0, out.stderr.decode()
    return out.stdout


@pytest.mark.parametrize("substeps", [1, 3])
@pytest.mark.parametrize("source", [TREE, *map(str, FILES)], ids=lambda s: s[-20:] if s[0] != "<" else "tree")
def test_a_model_has_the_bits_of_the_engine_in_rust(source, substeps, tmp_path):
    load = mujoco.MjModel.from_xml_string if source[0] == "<" else mujoco.MjModel.from_xml_path
    model = load(source)
    states = along_a_fall(model, 12, every=7)
    lin = dynsparse.Linearizer(model, substeps=substeps, sensors=True)(state=states)
    ours = b"".join(written(lin, i) for i in range(len(states)))
    told = of_rust(model, states, [str(substeps)], tmp_path)
    assert ours == told, "NaN that verdicts call undecided come out undecided in both"


def states_of(model, data):
    """The integration states that a recording began its steps at, with the controls of the step."""
    here, states = mujoco.MjData(model), []
    names = [name for name in ("qpos", "qvel", "act", "ctrl", "mocap_pos", "mocap_quat", "qacc_warmstart") if name in data]
    for t in range(data.sizes["step"]):
        here.time = data.time.values[t]
        for name in names:
            getattr(here, name)[:] = data[name].values[t]
        if "xfrc_applied" in data:
            for body, wrench in zip(data.forced_body.values, data.xfrc_applied.values[t]):
                here.body(body.decode() if isinstance(body, bytes) else str(body)).xfrc_applied[:] = wrench
        state = np.empty(mujoco.mj_stateSize(model, STATE))
        mujoco.mj_getState(model, here, state, STATE)
        states.append(state)
    return np.array(states)


@pytest.mark.parametrize("source", [*TASKS, *FILES], ids=lambda s: s if isinstance(s, str) else s.name)
def test_a_recording_has_the_bits_of_the_module(source, tmp_path):
    needed("DYNSPARSE_PROGRAM", "the program")
    pytest.importorskip("h5netcdf", reason="h5netcdf is not installed")
    task = isinstance(source, str)
    if task and not (ROOT / "vendor/menagerie").is_dir() and os.environ.get("CI") != "true":
        pytest.skip("the models of tasks are not here: `cargo xtask setup --all-assets`")
    options = {"assets": ROOT / "vendor"} if task else {"substeps": 2}
    file = dynsparse.record(source, tmp_path / "a.h5", episodes=1, steps=8, **options)
    lin = dynsparse.Linearizer(source, solver="recording", **options)
    with dynsparse.open(file) as data:
        states = states_of(lin.model, data)
        out = lin(state=states)
        assert "A" in data and ("B" in data) == (lin.nu > 0)
        for name in MATRICES:
            if lin.nu == 0 and name in ("B", "B_zero"):
                continue
            assert getattr(out, name).tobytes() == data[name].values.astype(getattr(out, name).dtype).tobytes(), name
        # What a recording sees of the steps and of the policy, and the module does not.
        own = dynsparse.Flags.CONTACTS_CHANGED | dynsparse.Flags.SOLVER_UNCONVERGED | dynsparse.Flags.EVENT
        own |= dynsparse.Flags.CTRL_CLAMPED
        assert (out.flags == (data["flags"].values & ~np.uint32(own))).all()
    if task:
        lin = dynsparse.Linearizer(lin.model, solver="recording", substeps=lin.substeps, sensors=True)
        out = lin(state=states)
        ours = b"".join(written(out, i) for i in range(len(states)))
        assert ours == of_rust(lin.model, states, [str(lin.substeps), "recording"], tmp_path)
