"""What a recording has, and where: read once with h5py, so that its numbers can be read without HDF5."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from . import _native
from ._native import DynsparseError

# The version of the schema that is known here, see docs/format.md.
SCHEMA = 6

# HDF5's numbers of the filters that a recording has, and the bits by which they are called here.
_SHUFFLE, _DEFLATE = 2, 1
_LEFT_OUT = {_SHUFFLE: 1, _DEFLATE: 2}

# Attributes that say how a step is made: recordings that differ in one are not of the same dynamics.
_DYNAMICS = (
    "step_kind", "substeps", "timestep", "integrator", "cone", "model_edits", "solver_max_iterations", "solver_ls_iterations",
    "solver_tolerance", "held_state",
)  # fmt: skip
_SIZES = ("nq", "nv", "na", "nu")


@dataclass(frozen=True)
class Variable:
    """A variable of which every step has a row.

    Attributes
    ----------
    dtype : str
        What is stored: ``"float64"``, ``"float32"``, ``"int64"``, ``"int32"``, ``"uint32"`` or ``"uint8"``.
    tail : tuple of int
        Shape of a row.
    axes : tuple of str
        Dimensions of a row, by name.
    chunk_rows : int
        Rows of a chunk; 0 for a dataset in one piece.
    table : ndarray of uint64, shape (chunks, 4)
        Number, first byte, stored bytes of each chunk, and filters that were left out.
    """

    dtype: str
    tail: tuple[int, ...]
    axes: tuple[str, ...]
    chunk_rows: int
    table: np.ndarray


@dataclass(frozen=True)
class Recording:
    """A recording as it was when it was opened.

    Attributes
    ----------
    path : str
    identity : tuple of int
        What tells the file from what it may become.
    bounds : ndarray of int64, shape (episodes + 1,)
        Episode e is steps ``bounds[e]`` to ``bounds[e + 1]``.
    variables : dict of str to Variable
        Those that were asked for.
    labels : dict of str to list of str
        Names along each dimension.
    sizes : dict of str to int
        nq, nv, na and nu.
    dynamics : dict
        What decides how a step is made, the files of the model by their hashes among it.
    quaternions : list of (int, int)
        Where quaternions are: their address in qpos, and the first of their dofs.
    task : str
    """

    path: str
    identity: tuple[int, int, int, int]
    bounds: np.ndarray
    variables: dict[str, Variable]
    labels: dict[str, list[str]]
    sizes: dict[str, int]
    dynamics: dict[str, Any]
    quaternions: list[tuple[int, int]]
    task: str

    @property
    def steps(self) -> int:
        """Steps of all episodes."""
        return int(self.bounds[-1])


def open_recording(path: str, wanted: Callable[[dict[str, int], set[str]], Iterable[str]]) -> Recording:
    """Read what a file has. `wanted` gets the sizes and the names of its datasets, and names the variables that are needed.

    Raises
    ------
    DynsparseError
        Where it is no recording, or a damaged one; the message names the file and the dataset.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError("dynsparse.Dataset needs h5py: pip install dynsparse[data]") from error
    path = os.path.abspath(path)
    try:
        identity = _native.file_identity(path)
    except OSError as error:
        raise type(error)(f"{path}: {error.strerror or error}") from None
    reader = None
    try:
        with _opened(h5py, path) as file:
            reader = _Reader(h5py, file, path, identity)
            found = reader.read(wanted)
    except (DynsparseError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 what h5py raises for a damaged file has many types
        first = (str(error).splitlines() or [type(error).__name__])[0]
        what = f"{reader.at} cannot be read" if reader is not None else "cannot be read as a recording"
        raise DynsparseError(f"{path}: {what}: the file is damaged, or not one of dynsparse ({first})") from error
    if _native.file_identity(path) != identity:
        raise DynsparseError(f"{path}: was changed while it was opened")
    return found


def _opened(h5py: Any, path: str) -> Any:
    """The file, in the way of locking in which this process may have it open already."""
    try:
        return h5py.File(path, "r")
    except OSError as error:
        if "lock" not in str(error):
            raise
        return h5py.File(path, "r", locking=False)


class _Reader:
    """One file while it is open."""

    def __init__(self, h5py: Any, file: Any, path: str, identity: tuple[int, int, int, int]) -> None:
        self.h5py, self.file, self.path, self.identity = h5py, file, path, identity
        # What is read at the moment, for messages.
        self.at = "the list of what it has"
        # Datasets at the root, each opened once.
        self.datasets: dict[str, Any] = {}

    def fail(self, what: str) -> NoReturn:
        raise DynsparseError(f"{self.path}: {what}")

    def read(self, wanted: Callable[[dict[str, int], set[str]], Iterable[str]]) -> Recording:
        version = self.file.attrs.get("schema_version") if "schema_version" in self.file.attrs else None
        if version is None:
            self.fail("is no recording of dynsparse")
        if int(version) != SCHEMA:
            self.fail(f"has schema version {int(version)}, this module reads version {SCHEMA}: use the dynsparse that wrote it")
        if self.file.userblock_size:
            self.fail("begins with bytes of another program: use the file as dynsparse wrote it")
        for name in self.file:
            if isinstance(self.file.get(name, getlink=True), self.h5py.HardLink):
                item = self.file[name]
                if isinstance(item, self.h5py.Dataset):
                    self.datasets[name] = item
        names = set(self.datasets)
        tables, ranges = {}, []
        for name, dataset in self._numbers():
            self.at = name
            chunk_rows, table = self._table(name, dataset)
            tables[name] = (chunk_rows, table)
            ranges.append(np.stack([table[:, 1], table[:, 1] + table[:, 2]], 1))
        _native.check_texts(self.path, np.ascontiguousarray(np.concatenate(ranges)) if ranges else np.empty((0, 2), np.uint64))
        # Only now are texts read.
        self.at = "the recipe"
        if self._text("format") != "dynsparse-recording":
            self.fail("is no recording of dynsparse")
        if self._text("recipe") is None:
            self.fail("is one episode of a recording that is not joined yet: record it to its end, or merge it")
        sizes = {name: int(self.file.attrs[name]) for name in _SIZES}
        self.at = "episode_offsets"
        bounds = self._bounds()
        variables = {}
        for name in wanted(sizes, names):
            self.at = name
            if name not in tables or not self._is_of_steps(name):
                has = sorted(name for name in tables if self._is_of_steps(name))
                self.fail(f"has no variable {name}; of every step it has {', '.join(has)}, and state, next_state, action")
            variables[name] = self._variable(name, tables[name], int(bounds[-1]))
        self.at = "the names along its axes"
        axes = {axis for variable in variables.values() for axis in variable.axes} | {"coordinate", "dof", "state", "actuator", "activation"}
        labels = {axis: self._labels(axis) for axis in sorted(axes) if axis in names}
        for name, variable in variables.items():
            for axis, size in zip(variable.axes, variable.tail):
                if axis in labels and len(labels[axis]) != size:
                    self.fail(f"{name} has {size} entries along {axis}, which has {len(labels[axis])} labels: the file is damaged")
        self.at = "the recipe"
        kinematics = json.loads(self._text("kinematics") or "{}")
        return Recording(
            path=self.path, identity=self.identity, bounds=bounds, variables=variables, labels=labels, sizes=sizes,
            dynamics=self._dynamics(), quaternions=[(int(q), int(v)) for q, v in kinematics.get("quaternions", [])],
            task=self._text("task") or "",
        )  # fmt: skip

    def _numbers(self) -> Iterable[tuple[str, Any]]:
        """All datasets of numbers, those of the model's files too."""
        for name, dataset in self.datasets.items():
            if dataset.dtype.kind in "iuf" and dataset.ndim:
                yield name, dataset
        files = self.file.get("model/files")
        for name in sorted(files) if files is not None else ():
            if isinstance(files.get(name, getlink=True), self.h5py.HardLink) and files[name].ndim == 1:
                yield f"model/files/{name}", files[name]

    def _table(self, name: str, dataset: Any) -> tuple[int, np.ndarray]:
        """Where the chunks of a dataset lie."""
        if dataset.id.get_create_plist().get_layout() != self.h5py.h5d.CHUNKED:
            address = dataset.id.get_offset()
            lines = [] if address is None else [(0, address, dataset.size * dataset.dtype.itemsize, 0)]
            return 0, np.array(lines, np.uint64).reshape(-1, 4)
        properties = dataset.id.get_create_plist()
        filters = [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]
        if filters not in ([_SHUFFLE, _DEFLATE], [_DEFLATE], [_SHUFFLE], []):
            self.fail(f"{name} is stored by filters {filters} of HDF5, where a recording has shuffle and deflate")
        none = sum(bit for known, bit in _LEFT_OUT.items() if known not in filters)
        shape, lines = dataset.shape, []
        rows, *tail = properties.get_chunk()
        if tuple(tail) != shape[1:] or rows < 1:
            self.fail(f"{name} has chunks of another program: use the file as dynsparse wrote it")
        most = -(-shape[0] // rows)

        def line(info: Any) -> bool | None:
            left = none | sum(_LEFT_OUT[known] for i, known in enumerate(filters) if info.filter_mask >> i & 1)
            lines.append((info.chunk_offset[0] // rows, info.byte_offset, info.size, left))
            return True if len(lines) > most else None

        if 0 not in shape:
            dataset.id.chunk_iter(line)
        if lines and max(max(one) for one in lines) >= 1 << 63:
            self.fail(f"{name} has a chunk beyond the end of the file: the file is damaged")
        return rows, np.array(lines, np.uint64).reshape(-1, 4)

    def _text(self, name: str) -> str | None:
        if name not in self.file.attrs:
            return None
        value = self.file.attrs[name]
        if not isinstance(value, str):
            self.fail(f"its root attribute {name} is no text: the file is damaged")
        return value

    def _bounds(self) -> np.ndarray:
        dataset = self._dataset("episode_offsets")
        if dataset.ndim != 1 or dataset.dtype != np.dtype("<i8") or not 2 <= dataset.shape[0] <= self.identity[0] // 8:
            self.fail("episode_offsets do not fit the file: it is damaged, or has no episode")
        bounds = dataset[:]
        steps = self._dataset("time").shape[0]
        if bounds[0] != 0 or bounds[-1] != steps or (np.diff(bounds) < 0).any():
            self.fail("episode_offsets do not fit the steps: the file is damaged")
        lengths = self._dataset("episode_length")
        if lengths.shape != (len(bounds) - 1,) or (lengths[:] != np.diff(bounds)).any():
            self.fail("episode_length does not fit episode_offsets: the file is damaged")
        return bounds

    def _dataset(self, name: str) -> Any:
        if name not in self.datasets:
            self.fail(f"lacks {name}: the file is damaged")
        return self.datasets[name]

    def _axes(self, name: str) -> list[str]:
        return [dim[0].name.lstrip("/") if len(dim) else "" for dim in self.datasets[name].dims]

    def _is_of_steps(self, name: str) -> bool:
        return name != "step" and name in self.datasets and self._axes(name)[:1] == ["step"]

    def _variable(self, name: str, table: tuple[int, np.ndarray], steps: int) -> Variable:
        dataset = self.datasets[name]
        if dataset.shape[0] != steps:
            self.fail(f"{name} has {dataset.shape[0]} rows, where there are {steps} steps: the file is damaged")
        if dataset.dtype.byteorder == ">" or dataset.dtype.name not in ("float64", "float32", "int64", "int32", "uint32", "uint8"):
            self.fail(f"{name} holds {dataset.dtype}: the file is damaged or was changed")
        return Variable(dataset.dtype.name, tuple(dataset.shape[1:]), tuple(self._axes(name)[1:]), *table)

    def _labels(self, axis: str) -> list[str]:
        dataset = self.datasets[axis]
        # A text is a reference of 16 bytes into the heap.
        if dataset.ndim != 1 or dataset.dtype.kind != "O" or dataset.shape[0] > self.identity[0] // 16:
            self.fail(f"the labels of {axis} are no texts: the file is damaged")
        return [label.decode("utf-8", "replace") if isinstance(label, bytes) else str(label) for label in dataset[:]]

    def _dynamics(self) -> dict[str, Any]:
        recipe = json.loads(self._text("recipe") or "{}")
        found: dict[str, Any] = {"the files of the model": {one["name"]: one["sha256"] for one in recipe["model"]}}
        for name in _DYNAMICS:
            value = self.file.attrs.get(name) if name in self.file.attrs else None
            found[name] = value.item() if isinstance(value, np.generic) else value
        return found


def recordings_in(paths: Any) -> list[str]:
    """The files that paths stand for: a folder stands for the recordings in it, by name.

    Raises
    ------
    FileNotFoundError
        Where one is not there, or a folder has none.
    """
    given = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    found: list[str] = []
    for path in given if isinstance(given, Iterable) and not isinstance(given, bytes) else [given]:
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"a recording is given as {type(path).__name__}; give the path of one, of a folder, or a list")
        path = os.path.abspath(os.fspath(path))
        if not os.path.isdir(path):
            found.append(path)
            continue
        # The index of a sweep lies beside its recordings.
        names = sorted(name for name in os.listdir(path) if name.endswith(".h5") and name != "index.h5")
        files = [os.path.join(path, name) for name in names if os.path.isfile(os.path.join(path, name))]
        if not files:
            raise FileNotFoundError(f"{path}: there is no recording (*.h5) in this folder")
        found += files
    if not found:
        raise ValueError("no recording is given; give the path of one, of a folder, or a list")
    return found


def check_same(recordings: list[Recording], same_model: bool) -> None:
    """Recordings whose rows can stand in one array: the same names along all axes, and the same dynamics where that is asked for.

    Raises
    ------
    ValueError
        Which two differ, in what.
    """
    first = recordings[0]
    for other in recordings[1:]:
        differs = None
        for axis in sorted({*first.labels, *other.labels}):
            if first.labels.get(axis) != other.labels.get(axis):
                counts = [len(r.labels.get(axis, [])) for r in (first, other)]
                differs = f"the names along {axis} ({counts[0]} and {counts[1]})"
                break
        if differs is None:
            for name, variable in first.variables.items():
                there = other.variables.get(name)
                if there is None or there.tail != variable.tail:
                    differs = f"the shape of {name}"
                elif there.dtype != variable.dtype:
                    differs = f"the type of {name} ({variable.dtype} and {there.dtype}, see --store)"
                if differs is not None:
                    break
        if differs is None and same_model:
            differs = next((name for name, value in first.dynamics.items() if value != other.dynamics[name]), None)
            if differs is not None and differs != "the files of the model":
                differs += f" ({first.dynamics[differs]!r} and {other.dynamics[differs]!r})"
        if differs is not None:
            hint = "" if any(word in differs for word in ("names", "shape", "type")) else "; same_model=False takes them together all the same"
            raise ValueError(
                f"{first.path} ({first.task}) and {other.path} ({other.task}) are not of the same model: they differ in {differs}; "
                f"give recordings of one model, or a Dataset for each{hint}"
            )
