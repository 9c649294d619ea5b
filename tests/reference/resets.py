"""Writes resets.json: how episodes of every task start, drawn by Playground's own `reset`. See stand_in.py.

    /path/to/venv/bin/python tests/reference/resets.py

Per task: whether there is a forward pass, whether mocap bodies move only after it, how many physics steps the state
settles for (left out here), and of every entry of qpos, qvel, ctrl, mocap_pos and mocap_quat before settling: its value
when it is always the same, else [mean, standard deviation, the quantiles below]. `atoms` are values that come up again
and again, with their share: branches and clipped draws. `linear` are the pairs of entries with a correlation beyond
0.5, `folded` those whose distances from their means have one; entries are counted through all five arrays.
"""

import jax
import mujoco
import numpy as np

from sample import N, QUANTILES, SEED, summarise
from stand_in import FIELDS, environments, replace_physics, wanted, write


def summary(env):
    settled = []
    # The one thing that a reset reads from a forward pass (FingerTurn*): where a hinge of a fixed body is.
    fixed = mujoco.MjData(env.mj_model)
    mujoco.mj_kinematics(env.mj_model, fixed)
    anchors = fixed.xanchor.astype(np.float32)

    def forward(_, data):
        return data.replace(forward=data.mocap_pos, xanchor=jax.numpy.array(anchors))

    def step(_, data, action, n=1):
        settled.append(int(n))
        return data.replace(ctrl=action)

    replace_physics(forward, step)

    def draw(key):
        data = env.reset(key).data
        at_forward = getattr(data, "forward", None)
        return [getattr(data, n).ravel() for n in FIELDS], None if at_forward is None else at_forward.ravel()

    drawn, at_forward = jax.jit(jax.vmap(draw))(jax.random.split(jax.random.PRNGKey(SEED), N))
    task = {"forward": at_forward is not None, "settle": sum(settled)}
    task["mocap_after_forward"] = at_forward is not None and bool(np.any(at_forward != drawn[3]))
    return task | summarise(FIELDS, drawn)


def main():
    tasks = {}
    for name, env in environments(wanted()):
        tasks[name] = summary(env)
        print(name, {k: v if k != "linear" else len(v) for k, v in tasks[name].items() if k in
                     ("forward", "settle", "mocap_after_forward", "linear")}, flush=True)
    about = ("Resets of Playground 0.2.0, drawn by tests/reference/resets.py; it says what the numbers are.")
    write("resets.json", f"{about} N = {N}, quantiles {QUANTILES}.", tasks)


if __name__ == "__main__":
    main()
