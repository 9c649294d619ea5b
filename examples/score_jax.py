"""Train a tiny model with JAX on a recording of dynsparse, and write its Jacobians for `dynsparse score`.

    pip install h5py numpy jax
    python examples/score_jax.py FILE.h5 pred.npz
    dynsparse score --truth FILE.h5 --prediction pred.npz

Any other library does the same: what counts is the file that the last lines write. Models with free and ball joints have
quaternions in their states, and A and B turns in the place of these: the last lines do that, too.
"""

import json
import sys

import h5py
import jax
import jax.numpy as jnp
import numpy as np


def tangent(states, turns):
    """How states (qpos, qvel, act) move with their tangent coordinates, [n, numbers, coordinates]: numbers with themselves, a
    quaternion q that begins at qpos[i] with the turn w of its dofs from j on, by q (0, w) / 2. `turns` has these pairs."""
    numbers = states.shape[1]
    moves = np.zeros((len(states), numbers, numbers - len(turns)))
    for i in range(numbers):
        moves[:, i, i - sum(first < i for first, _ in turns)] = 1
    for i, j in turns:
        w, x, y, z = states[:, i : i + 4].T / np.linalg.norm(states[:, i : i + 4], axis=1)
        moves[:, i : i + 4] = 0
        moves[:, i : i + 4, j : j + 3] = np.array([[-x, -y, -z], [w, -z, y], [z, w, -x], [-y, x, w]]).transpose(2, 0, 1) / 2
    return moves


def main(recording, prediction):
    with h5py.File(recording) as f:
        def rows(*names):
            return np.concatenate([f[n][:] for n in names if n in f], axis=1)

        turns = json.loads(f.attrs["kinematics"])["quaternions"]
        x, after = rows("qpos", "qvel", "act", "ctrl"), rows("qpos_next", "qvel_next", "act_next")
        bounds = f["episode_offsets"][:]
    nx = after.shape[1]
    held_out = np.arange(bounds[-2], bounds[-1])  # the last episode
    train = np.arange(0, bounds[-2])
    mean, std = x[train].mean(0), x[train].std(0) + 1e-9
    by = after - x[:, :nx]
    size = by[train].std(0) + 1e-9

    def predict(weights, x):
        """The next state, whose quaternions have length 1."""
        h = (x - mean) / std
        for w, b in weights[:-1]:
            h = jax.nn.elu(h @ w + b)
        w, b = weights[-1]
        s = x[..., :nx] + size * (h @ w + b)
        for i, _ in turns:
            q = s[..., i : i + 4]
            s = s.at[..., i : i + 4].set(q / jnp.linalg.norm(q, axis=-1, keepdims=True))
        return s

    def loss(weights, x, y):
        return jnp.mean(((predict(weights, x) - y) / size) ** 2)

    @jax.jit
    def step(weights, momentum, x, y):
        gradient = jax.grad(loss)(weights, x, y)
        momentum = jax.tree.map(lambda m, g: 0.9 * m + g, momentum, gradient)
        return jax.tree.map(lambda w, m: w - 0.02 * m, weights, momentum), momentum

    rng = np.random.default_rng(0)
    sizes = [x.shape[1], 64, 64, nx]
    weights = [(jnp.array(rng.normal(size=(a, b)) / np.sqrt(a)), jnp.zeros(b)) for a, b in zip(sizes, sizes[1:])]
    momentum = jax.tree.map(jnp.zeros_like, weights)
    for _ in range(1000):
        chosen = rng.choice(train, 256)
        weights, momentum = step(weights, momentum, x[chosen], after[chosen])
    print("of the last episode's increments not predicted:", float(loss(weights, x[held_out], after[held_out])))

    states = x[held_out]
    jacobian = np.array(jax.jit(jax.vmap(jax.jacfwd(predict, argnums=1), (None, 0)))(weights, states))
    # Numbers by numbers, to tangent coordinates by tangent coordinates: at the predicted state its turns are what moves it, and
    # the columns of `tangent` are orthogonal, those of a turn of length 1/2.
    before = tangent(states[:, :nx], turns)
    behind = tangent(np.array(predict(weights, states)), turns)
    behind = (behind / (behind**2).sum(1, keepdims=True)).transpose(0, 2, 1)
    # In the recording's units; `steps` says which rows of the recording.
    np.savez(prediction, A=behind @ jacobian[:, :, :nx] @ before, B=behind @ jacobian[:, :, nx:], steps=held_out)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
