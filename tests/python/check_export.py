"""Compares exported data sets with the recording, opened by the libraries that they are for.

    python tests/python/check_export.py RECORDING.h5 --minari FOLDER --lerobot FOLDER

Run by tests/program/export.rs on the layout alone (h5py); with `minari` and `lerobot` (which needs PyTorch) installed, the data sets are
opened by these. Tried with minari 0.5.4 and lerobot 0.4.4.
"""

import argparse
import importlib.util
import json
from pathlib import Path

import h5py
import numpy as np


def same(found, wanted, name):
    assert np.array_equal(found, wanted, equal_nan=np.asarray(wanted).dtype.kind == "f"), name


def check_episode(f, rows, observations, actions, rewards, terminations, truncations, infos):
    """An episode of Minari against the rows of a recording."""
    a, b = rows
    for name, values in observations.items():
        assert len(values) == b - a + 1, name
        same(values[:-1], f[name][a:b], name)
        same(values[-1], f[name + "_next"][b - 1], name)
    assert {"qpos", "qvel"} <= set(observations)
    acted = next((f[name][a:b] for name in ("action", "ctrl") if name in f), np.zeros((b - a, 0)))
    same(actions, acted, "actions")
    same(rewards, f["reward"][a:b] if "reward" in f else np.full(b - a, np.nan), "rewards")
    assert terminations.dtype == truncations.dtype == bool
    same(terminations, f["terminated"][a:b] != 0 if "terminated" in f else np.zeros(b - a, bool), "terminations")
    assert not truncations[:-1].any() and truncations[-1] != terminations[-1]
    assert {"A_zero", "flags"} <= set(infos)
    for name, values in infos.items():
        assert values.dtype == f[name].dtype, name
        same(values, f[name][a:b], name)


def check_minari(f, folder):
    bounds = f["episode_offsets"][()]
    about = json.loads((folder / "data/metadata.json").read_text())
    assert about["total_steps"] == len(f["time"]) and about["total_episodes"] == len(bounds) - 1
    spaces = json.loads(about["observation_space"])["subspaces"]
    with h5py.File(folder / "data/main_data.hdf5") as data:
        for k in range(about["total_episodes"]):
            e = data[f"episode_{k}"]
            assert e.attrs["id"] == k and e.attrs["total_steps"] == bounds[k + 1] - bounds[k]
            arrays = {name: {k: v[()] for k, v in e[name].items()} for name in ("observations", "infos")}
            assert {k: [len(v[0])] for k, v in arrays["observations"].items()} == {k: s["shape"] for k, s in spaces.items()}
            rest = {name: e[name][()] for name in ("actions", "rewards", "terminations", "truncations")}
            check_episode(f, bounds[k : k + 2], **arrays, **rest)
    if importlib.util.find_spec("minari"):
        import minari

        ds = minari.MinariDataset(folder / "data")
        for e in ds.iterate_episodes():
            arrays = (e.observations, e.actions, e.rewards, e.terminations, e.truncations, e.infos)
            check_episode(f, bounds[e.id : e.id + 2], *arrays)
            assert all(ds.observation_space[k].contains(v[0]) for k, v in e.observations.items())
            assert ds.action_space.contains(e.actions[0])
        print("opened by minari")


def check_lerobot(f, folder):
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    ds = LeRobotDataset("local/checked", root=folder)
    assert len(ds) == len(f["time"]) and ds.num_episodes == len(f["episode_offsets"]) - 1
    state = np.hstack([f[k][()] for k in ("qpos", "qvel", "act") if k in f]).astype(np.float32)
    for i in range(len(ds)):
        row = ds[i]
        same(row["observation.state"].numpy(), state[i], "observation.state")
        for name, values in row.items():
            if name.startswith("dynsparse."):
                # LeRobot makes singles of all floats.
                same(values.numpy().astype(np.float32), f[name[10:]][i].astype(np.float32), name)
    print("opened by lerobot")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("recording")
    parser.add_argument("--minari", type=Path)
    parser.add_argument("--lerobot", type=Path)
    args = parser.parse_args()
    with h5py.File(args.recording) as f:
        if args.minari:
            check_minari(f, args.minari)
        if args.lerobot:
            check_lerobot(f, args.lerobot)
    print("all good")
