"""The other side of benches/learn.rs: python learn_peer.py jax|torch.

Reads lines "LOSS COUNT" and answers with seconds a training step. Network, loss, batch and optimiser are those of
learn.rs: 24 -> 512 -> 512 -> 18 with ELU, 256 states, clipping to norm 10, AdamW.
"""

import sys
import time

import numpy as np

INPUTS, OUTPUTS, STATES, WIDTH = 24, 18, 256, 512
LR, DECAY, CLIP, BETA, EPS, WEIGHT = 1e-3, 1e-4, 10.0, (0.9, 0.999), 1e-8, 0.1


def wave(*shape):
    return np.sin(0.7 * np.arange(np.prod(shape))).astype(np.float32).reshape(shape)


def draw():
    rng = np.random.default_rng(0)
    sizes = [INPUTS, WIDTH, WIDTH, OUTPUTS]
    uniform = [(rng.uniform(-1, 1, (a, b)), rng.uniform(-1, 1, b), a**-0.5) for a, b in zip(sizes, sizes[1:])]
    return [[(w * s).astype(np.float32), (b * s).astype(np.float32)] for w, b, s in uniform]


class Jax:
    def __init__(self):
        import jax
        import jax.numpy as jnp

        x, y, truth = wave(STATES, INPUTS), wave(STATES, OUTPUTS), wave(STATES, OUTPUTS, INPUTS)

        def predict(weights, x):
            for w, b in weights[:-1]:
                x = jax.nn.elu(x @ w + b)
            return x @ weights[-1][0] + weights[-1][1]

        def loss_of(term, way):
            def loss(weights):
                value = jnp.mean((predict(weights, x) - y) ** 2)
                if term == "mse":
                    return value
                j = jax.vmap(way(predict, argnums=1), (None, 0))(weights, x)
                return value + WEIGHT * jnp.mean(jnp.abs(j - truth if term == "mse+mae-jac" else j))
            return loss

        def step_of(loss):
            @jax.jit
            def step(state, t):
                weights, first, second = state
                g = jax.grad(loss)(weights)
                norm = jnp.sqrt(sum(jnp.sum(x * x) for x in jax.tree.leaves(g)))
                g = jax.tree.map(lambda g: g * jnp.minimum(1, CLIP / norm), g)
                first = jax.tree.map(lambda m, g: BETA[0] * m + (1 - BETA[0]) * g, first, g)
                second = jax.tree.map(lambda v, g: BETA[1] * v + (1 - BETA[1]) * g * g, second, g)
                a, b = LR / (1 - BETA[0] ** t), 1 - BETA[1] ** t
                move = lambda w, m, v: w * (1 - LR * DECAY) - a * m / (jnp.sqrt(v / b) + EPS)
                return jax.tree.map(move, weights, first, second), first, second
            return step

        weights = [[jnp.array(w), jnp.array(b)] for w, b in draw()]
        zeros = jax.tree.map(jnp.zeros_like, weights)
        self.state, self.wait = (weights, zeros, zeros), jax.block_until_ready
        ways = lambda term: [jax.jacrev] if term == "mse" else [jax.jacrev, jax.jacfwd]
        self.steps = {t: [step_of(loss_of(t, w)) for w in ways(t)] for t in ("mse", "mse+mae-jac", "mse+l1")}

    def run(self, step, count):
        state = self.state
        begun = time.perf_counter()
        for t in range(count):
            state = step(state, float(t + 1))
        self.wait(state)
        return (time.perf_counter() - begun) / count


class Torch:
    def __init__(self):
        import torch
        from torch.func import functional_call, jacfwd, jacrev, vmap

        layers = []
        for i, (w, b) in enumerate(draw()):
            layer = torch.nn.Linear(w.shape[0], w.shape[1])
            layer.weight.data, layer.bias.data = torch.tensor(w.T.copy()), torch.tensor(b)
            layers += [torch.nn.ELU(), layer] if i else [layer]
        net = torch.nn.Sequential(*layers)
        optimiser = torch.optim.AdamW(net.parameters(), LR, BETA, EPS, DECAY)
        x, y, truth = (torch.tensor(wave(*s)) for s in [(STATES, INPUTS), (STATES, OUTPUTS), (STATES, OUTPUTS, INPUTS)])

        def step_of(term, way):
            def step():
                optimiser.zero_grad()
                value = torch.mean((net(x) - y) ** 2)
                if term != "mse":
                    parameters = dict(net.named_parameters())
                    j = vmap(way(lambda s: functional_call(net, parameters, s)))(x)
                    value = value + WEIGHT * torch.mean(torch.abs(j - truth if term == "mse+mae-jac" else j))
                value.backward()
                torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
                optimiser.step()
            return step

        ways = lambda term: [jacrev] if term == "mse" else [jacrev, jacfwd]
        self.steps = {t: [step_of(t, w) for w in ways(t)] for t in ("mse", "mse+mae-jac", "mse+l1")}

    def run(self, step, count):
        begun = time.perf_counter()
        for _ in range(count):
            step()
        return (time.perf_counter() - begun) / count


if __name__ == "__main__":
    peer = {"jax": Jax, "torch": Torch}[sys.argv[1]]()
    best = {}
    for line in sys.stdin:
        loss, count = line.split()
        if loss not in best:
            ways = peer.steps[loss]
            for step in ways:
                peer.run(step, 2)
            best[loss] = min(ways, key=lambda step: peer.run(step, 5))
        print(peer.run(best[loss], int(count)), flush=True)
