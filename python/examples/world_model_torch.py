"""A world model of a pendulum learns from 40 steps; with the exact Jacobian in its loss it generalizes better."""

import dynsparse
import numpy as np
import torch

try:
    from torch.func import jacrev, vmap
except ImportError:  # PyTorch 1
    from functorch import jacrev, vmap

XML = """<mujoco><option timestep="0.02" integrator="implicitfast"/><worldbody>
  <body><joint name="hinge" axis="0 1 0" damping="0.05"/><geom type="capsule" fromto="0 0 0 0 0 -0.5" size="0.03"/></body>
  </worldbody><actuator><motor joint="hinge" gear="2" ctrlrange="-1 1"/></actuator></mujoco>"""
torch.set_num_threads(1)
lin = dynsparse.Linearizer(XML, substeps=5)


def data(count, seed):
    """Inputs (angle, velocity, torque), changes of state, and their exact slopes, all as tensors."""
    rng = np.random.default_rng(seed)
    x = rng.uniform([-np.pi, -6, -1], [np.pi, 6, 1], size=(count, 3))
    out = lin.step(x[:, :1], x[:, 1:2], x[:, 2:], jacobians=True)
    change = np.concatenate([out.qpos[:, 1], out.qvel[:, 1]], -1) - x[:, :2]
    J = np.concatenate([out.jacobians.A[:, 0] - np.eye(2), out.jacobians.B[:, 0]], -1)
    return [torch.tensor(a, dtype=torch.float32) for a in (x, change, J)]


x, change, J = data(40, 0)
x_test, change_test, _ = data(5000, 1)


def trained(weight):
    torch.manual_seed(0)
    layers = [torch.nn.Linear(3, 32), torch.nn.Tanh(), torch.nn.Linear(32, 32), torch.nn.Tanh(), torch.nn.Linear(32, 2)]
    net = torch.nn.Sequential(*layers)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(800):
        optimizer.zero_grad()
        loss = ((net(x) - change) ** 2).mean()
        if weight:
            loss = loss + weight * ((vmap(jacrev(net))(x) - J) ** 2).mean()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return ((net(x_test) - change_test) ** 2).mean().sqrt().item()


plain, regularized = trained(0.0), trained(1.0)
print(f"error on new states: {plain:.4f} without, {regularized:.4f} with the Jacobian in the loss")
assert regularized < 0.5 * plain
