"""iLQR swings a pole up on a cart: a rollout with its A and B, a backward pass, and a line search that is one batch."""

import dynsparse
import numpy as np

XML = """<mujoco><option timestep="0.01" integrator="implicitfast"/><worldbody>
  <body><joint name="cart" type="slide" axis="1 0 0" damping="0.2"/><geom type="box" size="0.1 0.05 0.05" mass="1"/>
    <body><joint name="pole" axis="0 1 0" damping="0.002"/>
      <geom type="capsule" fromto="0 0 0 0 0 0.6" size="0.03" mass="0.2"/></body></body></worldbody>
  <actuator><motor joint="cart" gear="20" ctrlrange="-1 1"/></actuator></mujoco>"""
T, R = 120, 0.01
W, END = np.array([0.1, 0.5, 0.01, 0.01]), np.array([50.0, 500.0, 10.0, 50.0])
ALPHA = 0.6 ** np.arange(12)[:, None]
lin = dynsparse.Linearizer(XML, substeps=2)


def residual(x):
    """What is to be zero, and its slope: an angle counts by the sine of its half."""
    one, half = np.ones(x.shape[:-1]), x[..., 1] / 2
    return np.stack([x[..., 0], 2 * np.sin(half), x[..., 2], x[..., 3]], -1), np.stack([one, np.cos(half), one, one], -1)


def follow(x, ctrl, k, K):
    """Closed-loop trajectories, one for each step size."""
    now, states, controls = np.repeat(x[:1], len(ALPHA), 0), [], []
    for t in range(T):
        u = np.clip(ctrl[t] + ALPHA * k[t] + (now - x[t]) @ K[t].T, -1, 1)
        states.append(now)
        controls.append(u)
        out = lin.step(now[:, :2], now[:, 2:], u)
        now = np.concatenate([out.qpos[:, 1], out.qvel[:, 1]], -1)
    states, controls = np.stack([*states, now], 1), np.stack(controls, 1)
    r = residual(states)[0] ** 2
    return states, controls, (r[:, :-1] @ W + R * (controls**2).sum(-1)).sum(-1) + r[:, -1] @ END


ctrl, k, K = 0.3 * np.sin(np.arange(T) / 10)[:, None], np.zeros((T, 1)), np.zeros((T, 1, 4))
x, cost, damping = np.tile([0.0, np.pi, 0.0, 0.0], (T + 1, 1)), np.inf, 1.0
for iteration in range(100):
    tries, controls, costs = follow(x, ctrl, k, K)
    best = np.nanargmin(costs)
    improved = costs[best] < cost
    damping = max(damping / 2, 1e-6) if improved else damping * 4
    if improved:
        x, ctrl, cost = tries[best], controls[best], costs[best]
        lin_along = lin.rollout(x[0, :2], x[0, 2:], ctrl).jacobians
    (r, slope), (A, B) = residual(x), (lin_along.A, lin_along.B)
    Vx, Vxx = END * r[T] * slope[T], np.diag(END * slope[T] ** 2)
    for t in reversed(range(T)):
        Qx, Qu = W * r[t] * slope[t] + A[t].T @ Vx, R * ctrl[t] + B[t].T @ Vx
        Qxx, Qux = np.diag(W * slope[t] ** 2) + A[t].T @ Vxx @ A[t], B[t].T @ Vxx @ A[t]
        Quu = (R + damping) * np.eye(1) + B[t].T @ Vxx @ B[t]
        k[t], K[t] = -np.linalg.solve(Quu, Qu), -np.linalg.solve(Quu, Qux)
        Vx, Vxx = Qx + K[t].T @ Qu, Qxx + K[t].T @ Qux
angle = np.degrees(2 * np.arcsin(np.sin(x[-1, 1] / 2)))
print(f"cost {cost:.1f}; at the end the pole is {abs(angle):.2f} degrees from upright, and turns by {abs(x[-1, 3]):.3f} rad/s")
assert abs(angle) < 5 and abs(x[-1, 3]) < 0.3
