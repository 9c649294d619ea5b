"""The command line program from Python."""

import os
import pickle
import subprocess
import sys

import dynsparse
import mujoco
import pytest
from conftest import HUMANOID, TREE, needed


@pytest.fixture
def program():
    return needed("DYNSPARSE_PROGRAM", "the program")


def test_a_recording_is_made_analyzed_and_opened(program, tmp_path):
    file = dynsparse.record(HUMANOID, tmp_path / "humanoid.h5", episodes=2, steps=30, sensors=True)
    assert file == tmp_path / "humanoid.h5" and file.stat().st_size > 1000
    answers = dynsparse.analyze(file)
    assert isinstance(answers, dict) and answers
    pytest.importorskip("h5netcdf", reason="h5netcdf is not installed")
    with dynsparse.open(file) as data:
        assert data.A.dims == ("step", "state_next", "state") and data.sizes["step"] == 60
        # The bits of the recording, from its own states.
        lin = dynsparse.Linearizer(HUMANOID, solver="recording")
        state = [data[name].values for name in ("qpos", "qvel", "ctrl")]
        out = lin(*state, time=data.time.values, warmstart=data.qacc_warmstart.values)
        assert (out.A == data.A.values).all() and (out.B == data.B.values).all()


def test_texts_and_tasks(program, tmp_path):
    assert dynsparse.record(TREE, tmp_path / "tree.h5", episodes=1, steps=3).exists()
    assert "CheetahRun" in str(dynsparse.tasks())


def test_a_task_by_its_name_is_the_model_that_is_recorded(program, tmp_path, monkeypatch):
    """Its edits, its physics steps; the state and the bits are those of a recording of the task."""
    lin = dynsparse.Linearizer("Juggler")
    row = next(row for row in dynsparse.tasks() if row["name"] == "Juggler")
    assert (lin.substeps, lin.nv, lin.nu) == (row["substeps"], row["nv"], row["nu"]) and lin.substeps > 1
    assert lin.model.opt.timestep == row["timestep"]
    assert dynsparse.Linearizer("Juggler", substeps=1).substeps == 1
    here = dynsparse.linearize("Juggler")
    assert (here.A == lin().A).all() and (dynsparse.linearize("Juggler", mujoco.MjData(lin.model)).A == here.A).all()
    assert dynsparse.Linearizer(lin.model, substeps=lin.substeps)().A.tobytes() == here.A.tobytes()
    assert pickle.loads(pickle.dumps(lin)).substeps == lin.substeps

    monkeypatch.chdir(tmp_path)
    with pytest.raises(dynsparse.DynsparseError, match="WalkerRum is no file here, and as a task: .*did you mean WalkerRun"):
        dynsparse.Linearizer("WalkerRum")
    for task in ["WalkerRun", "gymnasium/Ant-v5"]:
        with pytest.raises(dynsparse.DynsparseError, match=rf"{task} is no file here, and as a task: .*cargo xtask setup"):
            dynsparse.Linearizer(task, assets=tmp_path)
    monkeypatch.setenv("DYNSPARSE_PROGRAM", "/none")
    with pytest.raises(dynsparse.DynsparseError, match="Juggler is no file here, and as a task: there is no program at /none"):
        dynsparse.Linearizer("Juggler")


def test_errors_are_those_of_the_program(program, tmp_path):
    with pytest.raises(dynsparse.DynsparseError, match="NoSuchTask"):
        dynsparse.record("NoSuchTask", tmp_path / "x.h5")
    with pytest.raises(dynsparse.DynsparseError, match="nothing.h5"):
        dynsparse.analyze(tmp_path / "nothing.h5")
    with pytest.raises(TypeError, match="a recording keeps its MJCF"):
        dynsparse.record(3, tmp_path / "x.h5")


def test_the_command(program):
    out = subprocess.run([sys.executable, "-m", "dynsparse", "--version"], capture_output=True, text=True)
    assert out.returncode == 0 and out.stdout.startswith("dynsparse ")
    out = subprocess.run([sys.executable, "-m", "dynsparse", "nonsense"], capture_output=True, text=True)
    assert out.returncode == 2


def test_without_a_program_it_is_said_how_to_get_one():
    environment = {**os.environ, "DYNSPARSE_PROGRAM": "/none"}
    out = subprocess.run([sys.executable, "-m", "dynsparse", "tasks"], capture_output=True, text=True, env=environment)
    assert out.returncode == 1 and out.stderr.startswith("error: there is no program at /none: build the wheel with")
