"""Which actuator moves what: a table for a robot of your own, over many states, and as a CSV to plot.

    python which_actuator_moves_what.py ROBOT.xml

How much a control at its full range changes each joint's velocity within a control step of 20 ms, where it does.
"""

import csv
import pathlib
import sys

import dynsparse
import mujoco
import numpy as np

file = sys.argv[1] if len(sys.argv) > 1 else str(pathlib.Path(__file__).with_name("standing.xml"))
model = mujoco.MjModel.from_xml_path(file)
lin = dynsparse.Linearizer(model, substeps=max(1, round(0.02 / model.opt.timestep)))
limited = model.actuator_ctrllimited.astype(bool)
low, high = np.where(limited[:, None], model.actuator_ctrlrange, [-1, 1]).T

rng, states = np.random.default_rng(0), []
data = mujoco.MjData(model)
if model.nkey:
    mujoco.mj_resetDataKeyframe(model, data, 0)
whole = mujoco.mjtState.mjSTATE_INTEGRATION
for _ in range(150):
    data.ctrl[:] = rng.uniform(low, high)
    mujoco.mj_step(model, data, lin.substeps)
    state = np.empty(mujoco.mj_stateSize(model, whole))
    mujoco.mj_getState(model, data, state, whole)
    states.append(state)

# Controls in the middle of their range: at its ends only one side moves anything.
out = lin(state=np.array(states), ctrl=(low + high) / 2)
rows = slice(model.nv, 2 * model.nv)
moves = (out.B_zero[:, rows] == dynsparse.Verdict.NONZERO).mean(0)
gain = np.nanmedian(abs(out.B[:, rows]), axis=0) * (high - low) / 2
names = [name.removeprefix("vel:") for name in lin.state_names[rows]]

wide = max(map(len, lin.control_names)) + 2
print(" " * wide + "  moves, of 150 states; by how much (m/s or rad/s)")
with open("actuators.csv", "w", newline="") as table:
    write = csv.writer(table).writerow
    write(["actuator", "joint", "share_of_states", "change_of_velocity"])
    for j, control in enumerate(lin.control_names):
        for i, name in enumerate(names):
            write([control, name, moves[i, j], gain[i, j]])
        most = sorted(range(model.nv), key=lambda i: -gain[i, j])[:4]
        told = [f"{names[i]} {gain[i, j]:.3g}" + ("" if moves[i, j] == 1 else f" ({moves[i, j]:.0%})") for i in most if moves[i, j]]
        print(f"{control:>{wide}}  {(moves[:, j] > 0).sum():2} of {len(names)}: " + ", ".join(told))
assert 0 < moves.mean() <= 1 and np.isfinite(gain).all()
