"""Models: where they come from, how they cross to the engine, and whether they have been edited since."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Union

import mujoco
import numpy as np

from . import _native

ModelLike = Union[mujoco.MjModel, str, "os.PathLike[str]"]

# What a step does not depend on: pictures, names and notes.
_NOT_PHYSICS = (
    "tex_", "mat_", "skin_", "light_", "name_", "names", "text_", "tuple_", "key_", "numeric_", "paths", "mesh_normal",
    "mesh_facenormal", "mesh_texcoord", "mesh_facetexcoord", "flex_texcoord", "hfield_path", "mesh_path",
)  # fmt: skip
_NOT_PHYSICS_ENDS = ("_rgba", "_matid", "_texid")

_GIVE = "give a mujoco.MjModel, a path, the text of an MJCF or the name of a task"

# Geometry of meshes, megabytes that nobody edits in place but by intent.
_MESHES = ("mesh_", "bvh_", "oct_")
# What of it has a row for each vertex; what only rays and signed distances look at; and bounding volumes, those of bodies first.
_OF_VERTICES = ("mesh_vert", "mesh_polymapadr", "mesh_polymapnum")
_OF_RAYS = ("mesh_face", "oct_depth", "oct_child", "oct_aabb", "oct_coeff")
_VOLUMES = ("bvh_aabb", "bvh_child", "bvh_depth", "bvh_nodeid")

# Sensors that may look at the geometry of any mesh, whether it collides or not.
_LOOKS = frozenset(
    getattr(mujoco.mjtSensor, f"mjSENS_{name}").value
    for name in ("RANGEFINDER", "GEOMDIST", "GEOMNORMAL", "GEOMFROMTO", "TACTILE", "PLUGIN", "USER")
)


# Names of tasks are words, with their suite in front where that is not Playground (gymnasium/Ant-v5); whatever else a text may be is
# a path.
_TASK = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}|[a-z_]{1,63}/[A-Za-z][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Loaded:
    """A model, how messages name it, and the physics steps of a control step that it comes with."""

    model: mujoco.MjModel
    label: str
    substeps: int = 1


def is_task(model: object) -> bool:
    """Whether this is the name of a task, and of no file."""
    return isinstance(model, str) and _TASK.fullmatch(model) is not None and not os.path.exists(model)


def load_model(model: ModelLike, assets: str | os.PathLike[str] | None = None) -> Loaded:
    """The model that is meant.

    Parameters
    ----------
    model : mujoco.MjModel, str or path
        A model, the path of an MJCF, URDF or MJB file, the text of an MJCF, or the name of a task.
    assets : str or path, optional
        Where the model files of tasks are.

    Raises
    ------
    TypeError, FileNotFoundError, ValueError, DynsparseError
        Where it is none of these, is not there, or is refused by MuJoCo or by the program.
    """
    if isinstance(model, mujoco.MjModel):
        return Loaded(model, "the model")
    if isinstance(model, str) and model.lstrip().startswith("<"):
        return Loaded(mujoco.MjModel.from_xml_string(model), "the model")
    if not isinstance(model, (str, os.PathLike)):
        raise TypeError(f"model is of type {type(model).__name__}; {_GIVE}")
    if is_task(model):
        from . import _program

        compiled, substeps = _program.task_model(str(model), assets)
        return Loaded(compiled, str(model), substeps)
    path = os.fspath(model)
    if os.path.isdir(path):
        raise IsADirectoryError(f"{path}: this is a folder; {_GIVE}")
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{path}: there is no such file; {_GIVE}")
    load = mujoco.MjModel.from_binary_path if path.lower().endswith(".mjb") else mujoco.MjModel.from_xml_path
    return Loaded(load(path), path)


def mjb(model: mujoco.MjModel) -> np.ndarray:
    """The bytes of the model, as ``mj_saveModel`` writes them."""
    buffer = np.empty(mujoco.mj_sizeModel(model), dtype=np.uint8)
    mujoco.mj_saveModel(model, None, buffer)
    return buffer


def _is_physics(name: str) -> bool:
    return not name.startswith(_NOT_PHYSICS) and not name.endswith(_NOT_PHYSICS_ENDS)


def _fields(of: object) -> list[str]:
    """Attributes that hold numbers."""
    names = (name for name in dir(of) if not name.startswith("_"))
    return [name for name in names if isinstance(getattr(of, name), (int, float, np.ndarray))]


def _rows_that_matter(model: mujoco.MjModel) -> list[tuple[tuple[str, ...], list[tuple[int, int]]]]:
    """Rows of the geometry of meshes that a step depends on, by the names of arrays; of others it is all.

    Most meshes are there to be seen: a step looks at vertices, hulls and faces of those that may touch something, and at triangles and
    their bounding volumes for rays and signed distances only.
    """
    if model.nplugin or model.nflex or _LOOKS.intersection(model.sensor_type.tolist()):
        return []
    solid = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
    solid[model.pair_geom1], solid[model.pair_geom2] = True, True
    used = sorted(set(model.geom_dataid[solid & (model.geom_type == mujoco.mjtGeom.mjGEOM_MESH.value)].tolist()))

    def pieces(start: np.ndarray, number: np.ndarray, of: Any) -> list[tuple[int, int]]:
        return [(int(start[i]), int(start[i] + number[i])) for i in of]

    vertices = pieces(model.mesh_vertadr, model.mesh_vertnum, used)
    volumes = pieces(model.body_bvhadr, model.body_bvhnum, np.flatnonzero(model.body_bvhnum))
    return [(_OF_VERTICES, vertices), (_OF_RAYS, []), (_VOLUMES, volumes)]


class Watch:
    """What a step depends on of a model, as it was when this was made."""

    def __init__(self, model: mujoco.MjModel) -> None:
        views: tuple[list[tuple[str, np.ndarray]], list[tuple[str, np.ndarray]]] = ([], [])
        rows = _rows_that_matter(model)

        def view(name: str, array: Any) -> None:
            if not isinstance(array, np.ndarray) or not array.size:
                return
            for start, end in next((some for names, some in rows if name in names), [(0, len(array))]):
                part = array[start:end]
                if part.size:
                    views[name.startswith(_MESHES)].append((name, part.reshape(-1).view(np.uint8)))

        self._scalars: list[tuple[str, Any, list[str], Any, Any]] = []
        for part in ("opt", "stat"):
            of, scalars = getattr(model, part), []
            for name in _fields(of):
                value = getattr(of, name)
                view(f"{part}.{name}", value)
                if not isinstance(value, np.ndarray):
                    scalars.append(name)
            get = attrgetter(*scalars)
            self._scalars.append((part, of, scalars, get, get(of)))
        for name in dir(type(model)):
            if not name.startswith("_") and _is_physics(name):
                view(name, getattr(model, name))
        self._arrays = [([name for name, _ in some], _native.Watch([array for _, array in some])) for some in views]

    def changed(self, meshes: bool = False) -> str | None:
        """The name of a field that has been edited, or None; with `meshes` the geometry of meshes is looked at, too."""
        for part, of, names, get, was in self._scalars:
            now = get(of)
            if now != was:
                return next(f"{part}.{name}" for name, a, b in zip(names, now, was) if a != b)
        for names, arrays in self._arrays[: 1 + meshes]:
            at = arrays.changed()
            if at is not None:
                return names[at]
        return None
