"""What motors of a humanoid are worth, from positions that were measured with noise: Gauss and Newton's method along the chain of A and B.

The motors have unknown gains g and offsets b: a command c makes the control u = g c + b. Along a trajectory x' = f(x, u), so

    dx_(t+1) / dp = A_t dx_t / dp + B_t du_t / dp        with p = (g, b) and du_t / dp = [diag(c_t), 1]
"""

import pathlib

import dynsparse
import mujoco
import numpy as np

MODEL = pathlib.Path(__file__).with_name("standing.xml")
model = mujoco.MjModel.from_xml_path(str(MODEL))
lin = dynsparse.Linearizer(model, substeps=2)
nv, nu, T, rng = model.nv, model.nu, 40, np.random.default_rng(0)

# The experiments: eight falls from above the floor, under random commands, seen through noise of 1 mm and 1 mrad.
start = np.tile(model.qpos0, (8, 1))
start[:, 2] += 1.0
commands = 0.03 * np.cumsum(rng.normal(size=(8, T, nu)), axis=1)
true = np.concatenate([rng.uniform(0.6, 1.2, nu), rng.uniform(-0.2, 0.2, nu)])


def along(p, jacobians):
    return lin.rollout(start, ctrl=p[:nu] * commands + p[nu:], jacobians=jacobians)


seen = along(true, False).qpos
seen = lin.integrate(seen, 1e-3 * rng.normal(size=(*seen.shape[:-1], nv)))

p = np.concatenate([np.ones(nu), np.zeros(nu)])
for iteration in range(8):
    out = along(p, True)
    A, B = out.jacobians.A, out.jacobians.B
    dx, H, g = np.zeros((8, lin.ndx, 2 * nu)), np.zeros((2 * nu, 2 * nu)), np.zeros(2 * nu)
    cost = 0.0
    for t in range(T):
        du = np.concatenate([commands[:, t, :, None] * np.eye(nu), np.broadcast_to(np.eye(nu), (8, nu, nu))], -1)
        dx = A[:, t] @ dx + B[:, t] @ du
        error = lin.difference(out.qpos[:, t + 1], seen[:, t + 1])
        H += np.einsum("eip,eiq->pq", dx[:, :nv], dx[:, :nv])
        g += np.einsum("eip,ei->p", dx[:, :nv], error)
        cost += (error**2).sum()
    p = p - np.linalg.solve(H + 1e-12 * np.eye(2 * nu), g)
    print(f"{iteration}: rms error {1e3 * np.sqrt(cost / (8 * T * nv)):8.3f} mrad, parameters off by {abs(p - true).max():.5f}")
assert abs(p - true).max() < 0.01
