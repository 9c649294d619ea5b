"""What a model of yours predicts under interventions of finite size, for `dynsparse score --influence`.

    dynsparse influence FILE.h5 -o study.h5
    python examples/score_influence.py FILE.h5 study.h5 pred.npz
    dynsparse score --truth FILE.h5 --influence study.h5 --prediction pred.npz

Needs h5py and numpy. The model here is a layer of random neurons with a least-squares readout, fitted to the recording itself; put your own
in the place of `fit`. With PyTorch that is

    model = lambda x: net(torch.tensor(x, dtype=torch.float32)).detach().double().numpy()

What counts is `intervened`, the states after do(x_j := x_j + delta), and the file that the last line writes.
"""

import json
import sys

import h5py
import numpy as np


def turned(q, axis, angle):
    """Quaternions q (..., 4) turned about an axis of the body's own frame, as mj_integratePos does."""
    r = np.zeros(q.shape)
    r[..., 0], r[..., 1 + axis] = np.cos(angle / 2), np.sin(angle / 2)
    product = np.empty(q.shape)
    product[..., 0] = q[..., 0] * r[..., 0] - (q[..., 1:] * r[..., 1:]).sum(-1)
    product[..., 1:] = q[..., :1] * r[..., 1:] + r[..., :1] * q[..., 1:] + np.cross(q[..., 1:], r[..., 1:])
    return product


def intervened(x, applied, quaternions):
    """States and controls (row, n) after each intervention of a study: (row, size, sign, input, n)."""
    states = np.broadcast_to(x[:, None, None, None, :], (*applied.shape, x.shape[1])).copy()
    for j in range(applied.shape[-1]):
        own = states[..., j, :]
        joint = next(((at, first) for at, first in quaternions if first <= j < first + 3), None)
        if joint is None:
            own[..., j + sum(first < j for _, first in quaternions)] += applied[..., j]
        else:
            at, first = joint
            own[..., at : at + 4] = turned(own[..., at : at + 4], j - first, applied[..., j])
    return states


def fit(x, y, neurons=200, seed=0):
    mean, std = x.mean(0), np.where(x.std(0) > 0, x.std(0), 1)
    draw = np.random.default_rng(seed)
    weight, bias = draw.normal(0, x.shape[1] ** -0.5, (x.shape[1], neurons)), draw.normal(0, 1, neurons)

    def neuron(x):
        z = (x - mean) / std
        return np.concatenate([np.tanh(z @ weight + bias), z, np.ones((*z.shape[:-1], 1))], axis=-1)

    h = neuron(x)
    readout = np.linalg.solve(h.T @ h + 1e-3 * np.eye(h.shape[1]), h.T @ y)
    return lambda x: neuron(x) @ readout


def main(recording, study, prediction):
    with h5py.File(recording) as f, h5py.File(study) as g:
        now, after = (
            np.concatenate([f[n][:] for n in names if n in f], axis=1)
            for names in (["qpos", "qvel", "act", "ctrl"], ["qpos_next", "qvel_next", "act_next"])
        )
        quaternions = json.loads(f.attrs["kinematics"])["quaternions"]  # where in qpos, and the first of three dofs
        rows, applied = g["row_in_recording"][:], g["applied"][:]
    model = fit(now, after)
    np.savez(prediction, base=model(now[rows]), next=model(intervened(now[rows], applied, quaternions)))


if __name__ == "__main__":
    main(*sys.argv[1:])
