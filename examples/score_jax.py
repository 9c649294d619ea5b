"""Train a tiny model with JAX on a recording of dynsparse, and write its Jacobians for `dynsparse score`.

    pip install h5py numpy jax
    python examples/score_jax.py FILE.h5 pred.npz
    dynsparse score --truth FILE.h5 --prediction pred.npz

Any other library does the same: what counts is the file that the last lines write.
"""

import sys

import h5py
import jax
import jax.numpy as jnp
import numpy as np


def main(recording, prediction):
    with h5py.File(recording) as f:
        def rows(*names):
            return np.concatenate([f[n][:] for n in names if n in f], axis=1)

        if f["qpos"].shape[1] != f["qvel"].shape[1]:
            sys.exit(f"{recording}: free or ball joints; this example is for hinges and slides")
        x, y = rows("qpos", "qvel", "act", "ctrl"), rows("qpos_next", "qvel_next", "act_next")
        bounds = f["episode_offsets"][:]
    nx = y.shape[1]
    held_out = np.arange(bounds[-2], bounds[-1])  # the last episode
    train = np.arange(0, bounds[-2])
    mean, std = x[train].mean(0), x[train].std(0)
    x, y = (x - mean) / std, (y - mean[:nx]) / std[:nx]

    def predict(weights, x):
        for w, b in weights[:-1]:
            x = jax.nn.elu(x @ w + b)
        w, b = weights[-1]
        return x @ w + b

    def loss(weights, x, y):
        return jnp.mean((predict(weights, x) - y) ** 2)

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
        weights, momentum = step(weights, momentum, x[chosen], y[chosen])
    print("mean square error of the last episode:", float(loss(weights, x[held_out], y[held_out])))

    jacobian = np.array(jax.jit(jax.vmap(jax.jacfwd(predict, argnums=1), (None, 0)))(weights, x[held_out]))
    # The Jacobian of the normalised map, and what it was normalised with; `steps` says which rows of the recording.
    np.savez(prediction, A=jacobian[:, :, :nx], B=np.ascontiguousarray(jacobian[:, :, nx:]), std=std, steps=held_out)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
