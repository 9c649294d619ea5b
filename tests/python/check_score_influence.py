"""Scores under interventions, computed again from the files alone: h5py and numpy, nothing of dynsparse.

    python tests/python/check_score_influence.py RECORDING.h5 STUDY.h5 PREDICTION.npz SCORE.json
    python tests/python/check_score_influence.py RECORDING.h5 STUDY.h5 model.safetensors EVALUATION.json

The first checks `dynsparse score --influence --json` of predicted next states, and writes PREDICTION-change.npz with the changes that follow; the
second `dynsparse evaluate --influence --json` of a dense network on a recording that it was not trained on, whose weights are read here.
"""

import json
import struct
import sys

import h5py
import numpy as np


def product(a, b):
    w = a[..., 0] * b[..., 0] - (a[..., 1:] * b[..., 1:]).sum(-1)
    v = a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:] + np.cross(a[..., 1:], b[..., 1:])
    return np.concatenate([w[..., None], v], -1)


def turn(a, b):
    """The rotation vector from a to b in a's own frame."""
    unit = lambda q: q / np.linalg.norm(q, axis=-1, keepdims=True)
    q = product(unit(a) * [1, -1, -1, -1], unit(b))
    q = np.where(q[..., :1] < 0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, q[..., :1])
    return q[..., 1:] * np.where(sine > 0, angle / np.where(sine > 0, sine, 1), 2)


def apart(a, b, quaternions):
    """b minus a in the tangent space of a, states of (..., qpos + qvel + act)."""
    columns, at = [], 0
    while at < a.shape[-1]:
        if any(at == q for q, _ in quaternions):
            columns.append(turn(a[..., at : at + 4], b[..., at : at + 4]))
            at += 4
        else:
            columns.append((b - a)[..., at : at + 1])
            at += 1
    return np.concatenate(columns, -1)


def spread(x, quaternions):
    """Standard deviations of tangent coordinates: of an orientation the root of a third of the mean square angle from its mean."""
    columns, at = [], 0
    while at < x.shape[-1]:
        if any(at == q for q, _ in quaternions):
            q = x[:, at : at + 4]
            q = np.where((q @ q[0])[:, None] < 0, -q, q)
            angles = turn(np.broadcast_to(q.sum(0), q.shape), q)
            columns += 3 * [np.sqrt((angles**2).sum(-1).mean() / 3)]
            at += 4
        else:
            columns.append(x[:, at].std())
            at += 1
    return np.array(columns)


def auc(scores, edges):
    """Share of pairs (edge, no edge) in which the edge is higher, ties half."""
    yes, no = scores[edges], np.sort(scores[~edges])
    if not len(yes) or not len(no):
        return None
    below, up_to = np.searchsorted(no, yes, "left"), np.searchsorted(no, yes, "right")
    return float((below + up_to).sum() / 2 / len(yes) / len(no))


def close(found, wanted, name, within=1e-6):
    if wanted is None:
        assert found is None, (name, found)
    else:
        assert found is not None and abs(found - wanted) <= within * max(abs(wanted), 1e-3), (name, found, wanted)


def network(file):
    raw = open(file, "rb").read()
    size = struct.unpack("<Q", raw[:8])[0]
    head = json.loads(raw[8 : 8 + size])
    notes = json.loads(head.pop("__metadata__")["dynsparse"])
    arrays = {}
    for name, about in head.items():
        first, end = about["data_offsets"]
        arrays[name] = np.frombuffer(raw[8 + size + first : 8 + size + end], "<f4").reshape(about["shape"]).astype(float)
    group = "weights"
    layers = sorted(n for n in arrays if n.startswith(group + "/hidden") and n.endswith("weight"))
    norm = notes["norm"]
    mean, std = np.array(norm["mean"]), np.array(norm["std"])
    nx = arrays[group + "/output.weight"].shape[1]

    def model(x):
        z = (x - mean) / std
        for name in layers:
            z = z @ arrays[name] + arrays[name.replace(".weight", ".bias")]
            z = np.where(z > 0, z, np.expm1(np.minimum(z, 0)))
        return (z @ arrays[group + "/output.weight"] + arrays[group + "/output.bias"]) * std[:nx] + mean[:nx]

    return model, std


def check(recording, study, prediction, scores):
    with h5py.File(recording) as f, h5py.File(study) as g:
        quaternions = json.loads(f.attrs["kinematics"])["quaternions"]
        now = np.concatenate([f[n][:] for n in ["qpos", "qvel", "act", "ctrl"] if n in f], axis=1)
        jacobian = np.concatenate([f[n][:] for n in ["A", "B"] if n in f], axis=2)
        rows, applied, verdict = (g[n][:] for n in ("row_in_recording", "applied", "verdict"))
        change, zero, names = g["change"][:].astype(float), g["jacobian"][:], list(g["size"][:])
        assert f.attrs["content_sha256"] == g.attrs["recording_content_sha256"]
        assert (g["row_status"][:] == 0).all()
    std = spread(now, quaternions)
    if prediction.endswith(".npz"):
        given = np.load(prediction)
        # [row, size, sign, input, state] to [row, size, sign, state, input]
        found = apart(given["base"][:, None, None, None, :], given["next"], quaternions).swapaxes(-1, -2)
        np.savez(prediction.replace(".npz", "-change.npz"), change=found)
    else:
        assert not quaternions
        model, std = network(prediction)
        states = now[rows][:, None, None, None, :] + applied[..., None] * np.eye(now.shape[1])
        found = (model(states) - model(now[rows])[:, None, None, None, :]).swapaxes(-1, -2)
    nx = verdict.shape[2]
    proxy = np.where(zero == 1, 0, jacobian[rows])[:, None, None] * applied[:, :, :, None, :]
    report = json.load(open(scores))
    report = report["influence"] if isinstance(report, dict) else report
    assert [s["size"] for s in report] == names
    for k, score in enumerate(report):
        there = applied[:, k] != 0
        decided = verdict[:, k] != 2
        edges = verdict[:, k] == 0
        varying = decided & (edges.any(0) & (verdict[:, k] == 1).any(0))
        assert (score["states"], score["entries"]) == (len(rows), decided.sum())
        counted = decided[:, None] & there[:, :, None]
        truth = np.where(counted, change[:, k] / std[:nx, None], 0)
        ones = np.ones(truth.shape) * std[:nx, None]
        for name, value in [("next states", found[:, k]), ("recorded Jacobian", proxy[:, k]), ("everything", ones)]:
            own = next(p for p in score["predictors"] if name in p["name"] or "its changes" in p["name"] and name == "next states")
            said = np.where(counted, value / std[:nx, None], 0)
            size = np.abs(said).max(1).astype(np.float32)
            groups = {group["name"]: group for group in own["recovered"]["groups"]}
            close(groups["all"]["roc_auc"], auc(size[decided], edges[decided]), (k, name, "AUC"))
            close(groups["entries that depend on the state"]["roc_auc"], auc(size[varying], edges[varying]), (k, name, "varying"))
            close(own["error"]["relative"], float(np.linalg.norm(said - truth) / np.linalg.norm(truth)), (k, name, "error"))
            # By intervention: a row, a sign and an input.
            off, moved = (np.linalg.norm(x, axis=2) for x in (said - truth, truth))
            ratios = np.sort(off[moved > 0] / moved[moved > 0])
            close(own["error"]["median"], float(ratios[len(ratios) // 2]), (k, name, "median"))
            close(own["error"]["mae"], float(np.abs(said - truth).sum() / counted.sum()), (k, name, "MAE"))
            close(own["sparsity"]["model"], float((size[decided] < 1e-6).mean()), (k, name, "sparsity"))
            close(own["sparsity"]["target"], float((~edges[decided]).mean()), (k, name, "unchanged"))
            for cut in groups["all"]["cuts"]:
                close(cut["sparsity"], float((size[decided] < cut["threshold"]).mean()), (k, name, "cut"))
    print("all good")


check(*sys.argv[1:])
