"""What a compiled model is, in numbers and hashes: the digests that `dynsparse tasks check` compares. Used by digests.py and suites.py."""

import hashlib
import json
import re
import string
from pathlib import Path

import mujoco
import numpy as np

ROOT = Path(__file__).parents[2]
HEADERS = Path(mujoco.__file__).parent / "include" / "mujoco"
NAMED = {
    "joint": "njnt", "actuator": "nactuator", "body": "nbody", "geom": "ngeom", "site": "nsite",
    "sensor": "nsensor", "key": "nkey", "tendon": "ntendon",
}
# Hexadecimal digits of a sha256 that the compact file keeps.
DIGITS = 16
LETTERS = string.digits + string.ascii_letters


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def plain(value):
    """A number or a list of numbers, as JSON has them."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def settings(part):
    """The public fields of one of MuJoCo's structs."""
    names = [n for n in dir(part) if not n.startswith("_")]
    return {n: plain(getattr(part, n)) for n in names if not callable(getattr(part, n))}


def fields():
    """Names of the sizes and of the arrays of mjModel, in its order."""
    text = (HEADERS / "mjmodel.h").read_text()
    body = text[text.index("struct mjModel_ {"):]
    body = body[: body.index("\n}")]
    sizes = re.findall(r"^\s*mjtSize\s+(\w+);", body, re.M) + re.findall(r"^\s*mjtBool\s+(\w+);", body, re.M)
    arrays = [n for n in re.findall(r"^\s*\w+\s*\*\s*(\w+);", body, re.M) if n != "buffer"]
    return sizes + ["signature"], arrays


def array(value):
    if isinstance(value, bytes):
        return {"dtype": "bytes", "shape": [len(value)], "sha256": sha256(value)}
    value = np.ascontiguousarray(value)
    return {"dtype": str(value.dtype), "shape": list(value.shape), "sha256": sha256(value.tobytes())}


def digest(name, model, section, timing):
    """Everything about a model; `timing` is what its suite says of the task, under the name `section`."""
    sizes, arrays = fields()
    buffer = np.zeros(mujoco.mj_sizeModel(model), np.uint8)
    mujoco.mj_saveModel(model, None, buffer)
    return {
        "task": name,
        "mujoco": mujoco.__version__,
        "sizes": {n: plain(getattr(model, n)) for n in sizes},
        "opt": settings(model.opt),
        "stat": settings(model.stat),
        "vis": {n: settings(getattr(model.vis, n.rstrip("_") + ("_" if n == "global" else "")))
                for n in ["global", "quality", "headlight", "map", "scale", "rgba"]},
        "names": {kind: [getattr(model, kind)(i).name or None for i in range(getattr(model, size))]
                  for kind, size in NAMED.items()},
        "arrays": {n: array(getattr(model, n)) for n in arrays},
        section: timing,
        "mjb": {"bytes": buffer.size, "sha256": sha256(buffer.tobytes())},
    }


def leaves(tree, path=""):
    """Every value of a digest under its path; an array as "dtype[shape] sha256"."""
    for key, value in tree.items():
        at = f"{path}.{key}" if path else key
        if path == "arrays":
            yield at, f"{value['dtype']}{json.dumps(value['shape'], separators=(',', ':'))} {value['sha256'][:DIGITS]}"
        elif at == "mjb.sha256":
            yield at, value[:DIGITS]
        elif isinstance(value, dict):
            yield from leaves(value, at)
        elif key not in ("task", "mujoco"):
            yield at, value


def compact(digests, about):
    """All digests in one document: each value once, and which task has which."""
    dumps = lambda value: json.dumps(value, separators=(",", ":"))
    columns = {}
    for digest in digests:
        for path, value in leaves(digest):
            columns.setdefault(path, []).append(dumps(value))
    lines = []
    for path, column in columns.items():
        distinct = list(dict.fromkeys(column))
        which = "" if len(distinct) == 1 else "," + dumps("".join(LETTERS[distinct.index(v)] for v in column))
        lines.append(f"{dumps(path)}:[[{','.join(distinct)}]{which}]")
    head = {
        "about": f"{about} fields: path -> [distinct values, which of them each task has: one of 0-9a-zA-Z per task, left out when"
                 f" all have the one]; an array is its type, shape and the first {DIGITS} hexadecimal digits of the sha256 of its bytes.",
        "mujoco": mujoco.__version__,
        "tasks": [d["task"] for d in digests],
    }
    return dumps(head)[:-1] + ',\n"fields":{\n' + ",\n".join(lines) + "\n}}\n"


