"""Makes the references that the tasks of Playground are compared with, from Playground itself.

    python3 -m venv /path/to/venv
    /path/to/venv/bin/pip install mujoco==3.17.0 mujoco-mjx==3.17.0 playground==0.2.0
    cargo xtask setup
    /path/to/venv/bin/python tests/reference/digests.py

It loads every environment with `registry.load(name)`, takes `env.mj_model`, and writes

    assets/playground.digests.json    what `dynsparse tasks check` compares with (part of the program)
    tests/reference/rollouts.json     what tests/library/rollouts.rs compares with
    DIR/NAME.json                     one whole digest per task, with --full DIR

Playground clones MuJoCo Menagerie when it is not there; a link to the copy that set-up fetches takes its
place. Of two environments (Reacher), Playground 0.2.0 compares versions as texts, holds "3.17.0" for older than
"3.3.0" and calls a method that is gone; the line below gives it back under its old name.
"""

import argparse
import hashlib
import json
import os
import re
import string
from pathlib import Path

os.environ["JAX_PLATFORMS"] = "cpu"

import mujoco
import mujoco_playground
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
# The keyframe that an environment starts from: the first of these that its model has.
KEYFRAMES = ["knees_bent", "stand_bent_knees", "low_home", "upright", "home"]


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


def digest(name, model, env, path):
    sizes, arrays = fields()
    buffer = np.zeros(mujoco.mj_sizeModel(model), np.uint8)
    mujoco.mj_saveModel(model, None, buffer)
    config = env._config
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
        "playground": {
            "sim_dt": float(env.sim_dt),
            "ctrl_dt": float(env.dt),
            "n_substeps": int(env.n_substeps),
            "action_size": int(env.action_size),
            "episode_length": int(config.episode_length),
            "action_repeat": int(config.action_repeat),
            "xml_path": str(path),
        },
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


def compact(digests):
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
        "about": "Playground 0.2.0's env.mj_model of every task, made by tests/reference/digests.py. fields: path ->"
                 " [distinct values, which of them each task has: one of 0-9a-zA-Z per task, left out when all have the"
                 " one]; an array is its"
                 f" type, shape and the first {DIGITS} hexadecimal digits of the sha256 of its bytes.",
        "mujoco": mujoco.__version__,
        "tasks": [d["task"] for d in digests],
    }
    return dumps(head)[:-1] + ',\n"fields":{\n' + ",\n".join(lines) + "\n}}\n"


def start(model):
    """The keyframe that the environment starts from, if any."""
    names = [model.key(i).name for i in range(model.nkey)]
    return next((n for n in KEYFRAMES if n in names), None)


def rollout(model):
    """50 physics steps from the nominal state under controls that any machine computes alike."""
    data = mujoco.MjData(model)
    key = start(model)
    if key is None:
        mujoco.mj_resetData(model, data)
    else:
        mujoco.mj_resetDataKeyframe(model, data, model.key(key).id)
    low, high = model.actuator_ctrlrange.T
    assert model.actuator_ctrllimited.all()
    index = np.arange(model.nu)
    steps = {}
    for k in range(50):
        data.ctrl[:] = low + (high - low) * ((37 * k + 101 * index) % 256 / 256)
        mujoco.mj_step(model, data)
        if k + 1 in (1, 10, 50):
            state = data.qpos.astype("<f8").tobytes() + data.qvel.astype("<f8").tobytes()
            steps[str(k + 1)] = {"sha256": sha256(state), "qpos": data.qpos[:3].tolist()}
    return {"start": "qpos0" if key is None else f"keyframe {key}", "steps": steps}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", type=Path, help="folder for one whole digest per task")
    arguments = parser.parse_args()

    mujoco.MjSpec.find_body = mujoco.MjSpec.body
    package = Path(mujoco_playground.__file__).parent
    menagerie = package / "external_deps" / "mujoco_menagerie"
    if not menagerie.exists():
        menagerie.parent.mkdir(exist_ok=True)
        menagerie.symlink_to(ROOT / "vendor" / "menagerie")

    digests, rollouts = [], {}
    for name in mujoco_playground.registry.ALL_ENVS:
        env = mujoco_playground.registry.load(name)
        path = Path(str(env.xml_path))
        path = path.relative_to(package) if path.is_relative_to(package) else path
        digests.append(digest(name, env.mj_model, env, path))
        rollouts[name] = rollout(env.mj_model)
        print(name, rollouts[name]["start"], flush=True)
    (ROOT / "assets" / "playground.digests.json").write_text(compact(digests))
    lines = [f" {json.dumps(n)}: {json.dumps(r)}" for n, r in rollouts.items()]
    (ROOT / "tests" / "reference" / "rollouts.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    if arguments.full:
        arguments.full.mkdir(parents=True, exist_ok=True)
        for d in digests:
            (arguments.full / f"{d['task']}.json").write_text(json.dumps(d, indent=1) + "\n")


if __name__ == "__main__":
    main()
