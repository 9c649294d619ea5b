"""Torques that bring an arm to a point and to rest there, by gradients through 50 steps of MuJoCo in JAX; 4 plans at once."""

import dynsparse
import dynsparse.jax
import jax
import jax.numpy as jnp
import numpy as np

XML = """<mujoco><option timestep="0.01" integrator="implicitfast"/><worldbody>
  <body><joint name="shoulder" axis="0 0 1" damping="0.1"/><geom type="capsule" fromto="0 0 0 0.4 0 0" size="0.03"/>
    <body pos="0.4 0 0"><joint name="elbow" axis="0 0 1" damping="0.1"/>
      <geom type="capsule" fromto="0 0 0 0.3 0 0" size="0.03"/></body></body></worldbody>
  <actuator><motor joint="shoulder" gear="3"/><motor joint="elbow" gear="1.5"/></actuator></mujoco>"""
PLANS, T, TARGET = 4, 50, np.array([0.25, 0.45])
jax.config.update("jax_enable_x64", True)
lin = dynsparse.Linearizer(XML, zero_test=False)


def tip(qpos):
    """Where the end of the arm is, m."""
    first, both = qpos[..., 0], qpos[..., 0] + qpos[..., 1]
    return jnp.stack([0.4 * jnp.cos(first) + 0.3 * jnp.cos(both), 0.4 * jnp.sin(first) + 0.3 * jnp.sin(both)], -1)


def end(ctrl):
    """Where plans (PLANS, T, 2) lead from rest: positions and velocities."""

    def step(state, u):
        return dynsparse.jax.step(lin, *state, u), None

    (qpos, qvel), _ = jax.lax.scan(step, (jnp.zeros((PLANS, 2)), jnp.zeros((PLANS, 2))), ctrl.swapaxes(0, 1))
    return qpos, qvel


def cost(ctrl):
    qpos, qvel = end(ctrl)
    each = 1000 * ((tip(qpos) - TARGET) ** 2).sum(-1) + 10 * (qvel**2).sum(-1) + 0.01 * (ctrl**2).sum((-1, -2))
    return each.sum()


slope = jax.jit(jax.grad(cost))
ctrl = jnp.asarray(np.random.default_rng(0).normal(scale=0.2, size=(PLANS, T, 2)))
mean, square = jnp.zeros_like(ctrl), jnp.zeros_like(ctrl)
for i in range(1, 201):  # Adam
    g = slope(ctrl)
    mean, square = 0.9 * mean + 0.1 * g, 0.99 * square + 0.01 * g**2
    ctrl = ctrl - 0.2 * 0.98**i * (mean / (1 - 0.9**i)) / (jnp.sqrt(square / (1 - 0.99**i)) + 1e-8)
qpos, qvel = end(ctrl)
miss, speed = np.linalg.norm(tip(qpos) - TARGET, axis=-1), np.linalg.norm(qvel, axis=-1)
print(f"the arm misses by {1000 * miss.min():.1f} to {1000 * miss.max():.1f} mm and still turns by {speed.max():.3f} rad/s")
assert miss.max() < 0.02 and speed.max() < 0.1
