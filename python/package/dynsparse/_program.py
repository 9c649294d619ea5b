"""The command line program: where it is, and its verbs as functions."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import tempfile
from typing import Any, Union

import mujoco

from ._native import DynsparseError

PathLike = Union[str, "os.PathLike[str]"]

# Where `cargo xtask wheel --program` puts it.
_PLACE = pathlib.Path(__file__).parent / "bin" / "dynsparse"


def program() -> str:
    """The path of the program: that which the environment variable ``DYNSPARSE_PROGRAM`` names, or that of this package.

    Raises
    ------
    DynsparseError
        Where there is none; the message says how to get one.
    """
    named = os.environ.get("DYNSPARSE_PROGRAM")
    path = pathlib.Path(named) if named else _PLACE
    if not path.is_file():
        raise DynsparseError(
            f"there is no program at {path}: build the wheel with `cargo xtask wheel --program`, or let DYNSPARSE_PROGRAM name one"
        )
    return str(path)


def _option(name: str, value: Any) -> list[str]:
    """``steps=3`` as ``--steps 3``, ``sensors=True`` as ``--sensors``; None and False are left out, lists are given one by one."""
    flag = "--" + name.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return []
    if value is True:
        return [flag]
    if isinstance(value, (list, tuple)):
        return [word for one in value for word in (flag, os.fspath(one) if isinstance(one, os.PathLike) else str(one))]
    return [flag, os.fspath(value) if isinstance(value, os.PathLike) else str(value)]


def _run(verb: list[str], arguments: list[str], options: dict[str, Any]) -> str:
    words = [word for name, value in options.items() for word in _option(name, value)]
    out = subprocess.run([program(), *verb, *words, "--", *arguments], capture_output=True, text=True)
    if out.returncode != 0:
        lines = [line for line in out.stderr.splitlines() if line.strip()]
        told = next((line for line in lines if line.startswith("error:")), lines[-1] if lines else f"exit code {out.returncode}")
        raise DynsparseError(told.removeprefix("error:").strip())
    return out.stdout


def record(model: PathLike, output: PathLike, **options: Any) -> pathlib.Path:
    """Record trajectories and the Jacobians of every step into an HDF5 file.

    Parameters
    ----------
    model : str or path
        A task of MuJoCo Playground, the path of an MJCF or URDF file, or the text of an MJCF.
    output : str or path
        The file.
    **options
        Those of ``dynsparse record``: ``episodes=3, steps=100, substeps=5, sensors=True, policy="uniform"``.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    DynsparseError
        With what the program says.
    """
    if not isinstance(model, (str, os.PathLike)):
        raise TypeError(f"model is of type {type(model).__name__}; a recording keeps its MJCF: give a task, a path or the text of one")
    output = pathlib.Path(output)
    name = os.fspath(model)
    if not name.lstrip().startswith("<"):
        _run(["record"], [name], {**options, "output": output})
        return output
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "model.xml"
        file.write_text(name)
        _run(["record"], [str(file)], {**options, "output": output})
    return output


def analyze(*recordings: PathLike, **options: Any) -> dict[str, Any]:
    """Answer the questions of "Dynamic Sparsity" from recordings.

    Parameters
    ----------
    *recordings : str or path
    **options
        Those of ``dynsparse analyze``.

    Returns
    -------
    dict
        What ``dynsparse analyze --json`` prints; the chapter on analysis of the book says what it means.
    """
    return json.loads(_run(["analyze"], [os.fspath(file) for file in recordings], {**options, "json": True}))


def tasks(**options: Any) -> Any:
    """What can be recorded by name: what ``dynsparse tasks --json`` prints."""
    return json.loads(_run(["tasks"], [], {**options, "json": True}))


def task_model(name: str, assets: PathLike | None) -> tuple[mujoco.MjModel, int]:
    """The model of a task as it is recorded, with its edits, and the physics steps of a control step."""
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "task.mjb")
        try:
            told = json.loads(_run(["tasks", "compile"], [name], {"output": file, "json": True, "assets": assets}))
        except DynsparseError as error:
            raise DynsparseError(f"{name} is no file here, and as a task: {error}") from None
        return mujoco.MjModel.from_binary_path(file), told["substeps"]


def open(path: PathLike) -> Any:  # noqa: A001
    """A recording as an ``xarray.Dataset``, whose variables are read when they are used.

    ``pip install dynsparse[data]``.
    """
    try:
        import xarray
    except ImportError as error:
        raise ImportError("dynsparse.open needs xarray and h5netcdf: pip install dynsparse[data]") from error
    return xarray.open_dataset(os.fspath(path), engine="h5netcdf")
