"""A robot's log and what numpy, scipy and MuJoCo's Python binding make of it: states, controls and residuals.

    python tests/reference/logs.py > tests/reference/logs.json      (mujoco 3.17.0, numpy, scipy)

The log has everything at once: a free joint with quaternions as x, y, z, w and an angular velocity along the world's axes, a
hinge in degrees whose velocity is differenced, a slide in millimetres with a measured velocity, a hinge that follows it, uneven
time stamps in milliseconds, a servo's target and a motor's force.
"""

import json

import mujoco
import numpy as np
from scipy.spatial.transform import Rotation, Slerp

MODEL = """<mujoco model="logged">
  <option timestep="0.002" integrator="implicitfast" iterations="100" ls_iterations="50" tolerance="1e-10"/>
  <compiler angle="radian"/>
  <worldbody>
    <body name="drone" pos="0 0 1">
      <freejoint name="base"/>
      <geom type="box" size="0.1 0.2 0.05" mass="1.5" contype="0" conaffinity="0"/>
    </body>
    <body name="arm">
      <joint name="shoulder" axis="0 1 0" range="-2 2" damping="0.2" armature="0.01"/>
      <geom type="capsule" fromto="0 0 0 0.3 0 0" size="0.02" mass="0.5" contype="0" conaffinity="0"/>
      <body name="hand" pos="0.3 0 0">
        <joint name="slider" type="slide" axis="1 0 0" range="-0.3 0.3" damping="1"/>
        <geom type="sphere" size="0.03" mass="0.2" contype="0" conaffinity="0"/>
        <body name="finger" pos="0.05 0 0">
          <joint name="finger" axis="0 0 1" damping="0.01" armature="0.001"/>
          <geom type="capsule" fromto="0 0 0 0.05 0 0" size="0.01" mass="0.05" contype="0" conaffinity="0"/>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <position name="shoulder" joint="shoulder" kp="20" kv="1" ctrlrange="-2 2"/>
    <motor name="slider" joint="slider" gear="2" ctrlrange="-4 4"/>
  </actuator>
</mujoco>
"""
RATE, SUBSTEPS, ROWS, WINDOW, ORDER = 100, 5, 130, 5, 2


def log():
    """The columns, by name."""
    k = np.arange(ROWS)
    t = 0.01 * k + 0.0015 * np.sin(1.7 * k) * (k > 0)
    rot = Rotation.from_rotvec(np.c_[0.4 * np.sin(2 * t), 0.3 * t, 0.2 * np.cos(t)])
    h = 1e-6
    later = Rotation.from_rotvec(np.c_[0.4 * np.sin(2 * (t + h)), 0.3 * (t + h), 0.2 * np.cos(t + h)])
    spin = (later * rot.inv()).as_rotvec() / h
    place = np.c_[np.sin(t), 0.5 * t * t, 1 + 0.1 * np.cos(3 * t)]
    moving = np.c_[np.cos(t), t, -0.3 * np.sin(3 * t)]
    shoulder = 0.8 * np.sin(3 * t)
    slider = 0.1 * np.sin(2 * t)
    columns = {"stamp": 5e5 + 1000 * t}
    columns |= {f"p{i}": place[:, i] for i in range(3)} | {f"v{i}": moving[:, i] for i in range(3)}
    columns |= {f"q{c}": rot.as_quat()[:, i] for i, c in enumerate("xyzw")} | {f"w{i}": spin[:, i] for i in range(3)}
    columns["shoulder"] = -np.degrees(shoulder - 0.05)
    columns["slider"], columns["slider_speed"] = 1000 * slider, 200 * np.cos(2 * t)
    columns["target"] = -np.degrees(0.9 * np.sin(3 * t + 0.2) - 0.05)
    columns["force"] = 3 * np.cos(5 * t)
    # As text, and read back: the log is what the file holds.
    return {name: np.array([float(f"{x:.9g}") for x in values]) for name, values in columns.items()}


def slopes(t, x):
    """The slope at every sample of the parabola that fits a window around it best."""
    out = np.empty_like(x)
    for k in range(len(t)):
        start = min(max(k - WINDOW // 2, 0), len(t) - WINDOW)
        window = slice(start, start + WINDOW)
        out[k] = np.polynomial.polynomial.Polynomial.fit(t[window] - t[k], x[window], ORDER).deriv()(0.0)
    return out


def states(c):
    t = (c["stamp"] - c["stamp"][0]) / 1000
    quat = np.c_[c["qw"], c["qx"], c["qy"], c["qz"]]
    quat /= np.linalg.norm(quat, axis=1)[:, None]
    for k in range(1, len(t)):
        quat[k] *= np.sign(quat[k] @ quat[k - 1])
    world = np.c_[c["w0"], c["w1"], c["w2"]]
    body = Rotation.from_quat(np.roll(quat, -1, axis=1)).inv().apply(world)
    shoulder = -np.radians(c["shoulder"]) + 0.05
    slider, speed = c["slider"] / 1000, c["slider_speed"] / 1000
    finger, finger_speed = 0.1 + 2 * slider + 5 * slider**2, (2 + 10 * slider) * speed
    qpos = np.c_[c["p0"], c["p1"], c["p2"], quat, shoulder, slider, finger]
    qvel = np.c_[c["v0"], c["v1"], c["v2"], body, slopes(t, shoulder), speed, finger_speed]
    # A motor with gear 2 takes half of its force.
    ctrl = np.c_[-np.radians(c["target"]) + 0.05, c["force"] / 2]
    return t, qpos, qvel, ctrl


def at(time, t, qpos, qvel):
    """The log's state between two samples; None behind its end."""
    near = 1e-3 / RATE
    if np.abs(t - time).min() <= near:
        k = np.abs(t - time).argmin()
        return qpos[k], qvel[k]
    if time > t[-1]:
        return None
    line = lambda x: np.array([np.interp(time, t, x[:, i]) for i in range(x.shape[1])])
    q = line(qpos)
    q[3:7] = np.roll(Slerp(t, Rotation.from_quat(np.roll(qpos[:, 3:7], -1, axis=1)))(time).as_quat(), 1)
    return q, line(qvel)


def residuals(t, qpos, qvel, ctrl):
    model = mujoco.MjModel.from_xml_string(MODEL)
    model.opt.timestep = 1 / (RATE * SUBSTEPS)
    h, horizons = model.opt.timestep, (SUBSTEPS, 50, 500)
    ctrl = np.clip(ctrl, model.actuator_ctrlrange[:, 0], model.actuator_ctrlrange[:, 1])
    out = np.full((3, len(t), 2 * model.nv), np.nan)
    data = mujoco.MjData(model)
    for k in range(len(t)):
        mujoco.mj_resetData(model, data)
        data.qpos[:], data.qvel[:] = qpos[k], qvel[k]
        for step in range(horizons[-1]):
            time = t[k] + (step + 0.5) * h
            row = k if step < SUBSTEPS else np.nonzero(t <= time)[0][-1]
            data.ctrl[:] = ctrl[row]
            mujoco.mj_step(model, data)
            if step + 1 in horizons:
                there = at(t[k] + (step + 1) * h, t, qpos, qvel)
                if there is None:
                    break
                off = np.empty(model.nv)
                mujoco.mj_differentiatePos(model, off, 1.0, there[0], data.qpos)
                off = np.r_[off, data.qvel - there[1]]
                # The finger is not measured.
                off[[8, 17]] = np.nan
                out[horizons.index(step + 1), k] = off
    return out


columns = log()
t, qpos, qvel, ctrl = states(columns)
numbers = lambda x: [None if np.isnan(v) else float(v) for v in np.ravel(x)]
print(json.dumps({
    "model": MODEL,
    "log": {name: [float(f"{x:.9g}") for x in values] for name, values in columns.items()},
    "time": numbers(t), "qpos": numbers(qpos), "qvel": numbers(qvel), "ctrl": numbers(ctrl),
    **dict(zip(("residual", "residual_tenth", "residual_second"), map(numbers, residuals(t, qpos, qvel, ctrl)))),
}))
