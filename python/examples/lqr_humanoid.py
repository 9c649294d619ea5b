"""A humanoid stands on its left leg for ten seconds, held by linear-quadratic regulation around an exact A and B."""

import pathlib
import sys

import dynsparse
import mujoco
import numpy as np

own = sys.argv[1:2]  # The path of MuJoCo's model/humanoid/humanoid.xml: that of its tutorial, in a keyframe.
model = mujoco.MjModel.from_xml_path(*(own or [str(pathlib.Path(__file__).with_name("standing.xml"))]))
data, foot = mujoco.MjData(model), None if own else model.body("left_foot").geomadr[0]
moment, com = np.zeros((model.nu, model.nv)), np.zeros((3, model.nv))


def pose(x, y):
    """Where the mass is beside the foot, m, when the left leg leans by these angles; the right leg is lifted."""
    mujoco.mj_resetData(model, data)
    angles = dict(left_ankle_x=x, left_hip_x=-x, left_ankle_y=y, left_hip_y=-y)
    for joint, angle in dict(angles, right_hip_x=-0.2, right_hip_y=-0.5, right_knee=-0.9).items():
        data.joint(joint).qpos = angle
    mujoco.mj_forward(model, data)
    return (data.subtree_com[0] - data.geom_xpos[foot])[:2]


if own:
    mujoco.mj_resetDataKeyframe(model, data, model.key("stand_on_left_leg").id)
lean = np.zeros(2)
for _ in range(0 if own else 10):  # Newton's method: the mass above the foot.
    slope = np.array([(pose(*(lean + h)) - pose(*(lean - h))) / 2e-4 for h in 1e-4 * np.eye(2)]).T
    lean -= np.linalg.solve(slope, pose(*lean))
    pose(*lean)
low, high = data.qpos[2] - (0 if own else data.geom_xpos[foot, 2] - 0.03) + np.array([-0.01, 0.01])
for _ in range(50):  # Bisection: the floor carries the weight.
    data.qpos[2], data.qacc[:] = (low + high) / 2, 0
    mujoco.mj_inverse(model, data)
    low, high = (low, data.qpos[2]) if data.qfrc_inverse[2] > 0 else (data.qpos[2], high)
mujoco.mju_sparse2dense(moment, data.actuator_moment, data.moment_rownnz, data.moment_rowadr, data.moment_colind)
qpos, ctrl = data.qpos.copy(), data.qfrc_inverse @ np.linalg.pinv(moment)
mujoco.mj_jacSubtreeCom(model, data, com, 0)
Q = np.diag([1.0] * model.nv + [0.1] * model.nv)
Q[: model.nv, : model.nv] += 1e4 * com[:2].T @ com[:2]

lin, P = dynsparse.Linearizer(model), Q
here = lin(qpos, ctrl=ctrl)
for _ in range(5000):  # The Riccati equation, by iteration.
    K = np.linalg.solve(np.eye(model.nu) + here.B.T @ P @ here.B, here.B.T @ P @ here.A)
    P = Q + here.A.T @ P @ (here.A - here.B @ K)

rng, height = np.random.default_rng(0), []
mujoco.mj_resetData(model, data)
data.qpos[:] = qpos
while data.time < 10:
    dx = np.concatenate([lin.difference(data.qpos, qpos), data.qvel])
    data.ctrl[:] = ctrl - K @ dx + 0.02 * rng.normal(size=model.nu)
    mujoco.mj_step(model, data)
    height.append(data.qpos[2])
print(f"after {data.time:.0f} s the torso is at {height[-1]:.3f} m of {qpos[2]:.3f}, its lowest {min(height):.3f}")
assert min(height) > 0.95 * qpos[2]
