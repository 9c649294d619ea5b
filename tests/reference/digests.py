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
import json
import os
from pathlib import Path

os.environ["JAX_PLATFORMS"] = "cpu"

import mujoco
import mujoco_playground
import numpy as np

from model_digest import ROOT, compact, digest, sha256

ABOUT = "Playground 0.2.0's env.mj_model of every task, made by tests/reference/digests.py."
# The keyframe that an environment starts from: the first of these that its model has.
KEYFRAMES = ["knees_bent", "stand_bent_knees", "low_home", "upright", "home"]


def timing(env, path):
    return {
        "sim_dt": float(env.sim_dt),
        "ctrl_dt": float(env.dt),
        "n_substeps": int(env.n_substeps),
        "action_size": int(env.action_size),
        "episode_length": int(env._config.episode_length),
        "action_repeat": int(env._config.action_repeat),
        "xml_path": str(path),
    }


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
        digests.append(digest(name, env.mj_model, "playground", timing(env, path)))
        rollouts[name] = rollout(env.mj_model)
        print(name, rollouts[name]["start"], flush=True)
    (ROOT / "assets" / "playground.digests.json").write_text(compact(digests, ABOUT))
    lines = [f" {json.dumps(n)}: {json.dumps(r)}" for n, r in rollouts.items()]
    (ROOT / "tests" / "reference" / "rollouts.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    if arguments.full:
        arguments.full.mkdir(parents=True, exist_ok=True)
        for d in digests:
            (arguments.full / f"{d['task']}.json").write_text(json.dumps(d, indent=1) + "\n")


if __name__ == "__main__":
    main()
