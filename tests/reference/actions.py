"""Writes actions.json: the controls that Playground's own `step` makes of actions, for every task. See stand_in.py.

    /path/to/venv/bin/python tests/reference/actions.py

The physics is left out: a control step adds NUDGE to every position and keeps the controls. Actions follow one pattern,
without rounding, where a case does not list them. Two environments draw random numbers between action and
control; here they are given: `delay` is the number of control steps that an action of PandaRobotiqPushCube comes late
(drawn from [first, end) = `delays`), `swap` says whether PandaPickCubeCartesian begins with the cube in hand (drawn with
probability `p`) and from which positions then.
"""

import jax
import numpy as np

from stand_in import environments, jp, replace_physics, short, wanted, write

STEPS = 6
NUDGE = 0.0625
SEED = 3


def pattern(steps, size):
    """Numbers of [-2, 2) that float32 has."""
    k, i = np.arange(steps)[:, None], np.arange(size)
    return ((37 * k + 101 * i + 13) % 64 - 32) / 16


def case(env, actions=None, **given):
    """The start, the controls after each action, and what random numbers were asked for."""
    drawn = {}

    def step(_, data, action, n=1):
        seen.append(data.qpos)
        return data.replace(ctrl=action, qpos=data.qpos + NUDGE)

    def run(actions):
        state = env.reset(jax.random.PRNGKey(SEED))
        start, ctrl = state.data, []
        seen.clear()
        randint, bernoulli = jax.random.randint, jax.random.bernoulli
        if "delay" in given:
            def late(key, shape, minval, maxval):
                # The first of a step; later ones make its observations late.
                drawn.setdefault("delays", [minval, maxval])
                return jp.full(shape, given["delay"])
            jax.random.randint = late
        if "swap" in given:
            def swapped(key, p):
                drawn["p"] = p
                return jp.array(given["swap"])
            jax.random.bernoulli = swapped
        try:
            for action in actions:
                state = env.step(state, action)
                ctrl.append(state.data.ctrl)
        finally:
            jax.random.randint, jax.random.bernoulli = randint, bernoulli
        return start.qpos, start.ctrl, jp.stack(ctrl), seen[0]

    seen = []
    replace_physics(lambda _, data: data, lambda _, data, action, n=1: data.replace(ctrl=action))
    # A reset that settles gets its controls there, so it comes first.
    settled = jax.jit(env.reset)(jax.random.PRNGKey(SEED))
    replace_physics(lambda _, data: data, step)
    reset = env.reset
    env.reset = lambda _: settled
    given_actions = pattern(STEPS, env.action_size) if actions is None else np.array(actions)
    qpos, start, ctrl, first = jax.jit(run)(jp.array(given_actions, jp.float32))
    env.reset = reset
    one = {"qpos": [short(x, 9) for x in qpos], "start": [short(x, 9) for x in start]}
    if actions is not None:
        one["actions"] = [[short(x) for x in a] for a in actions]
    one |= given | drawn
    if given.get("swap"):
        one["swapped"] = [short(x, 9) for x in first]
    return one | {"ctrl": [[short(x) for x in u] for u in np.asarray(ctrl)]}


def cases(name, env):
    if name == "PandaRobotiqPushCube":
        return [case(env, delay=d) for d in (1, 2)]
    if name == "PandaPickCubeCartesian":
        # To the bounds on all sides, and beyond reach on the way; then back.
        far = [[[y, z, g]] * 14 + [[-y / 2, -z / 2, -g]] * 6
               for y, z, g in [(8, 8, 1), (-8, 8, -0.5), (8, -4, -1), (-8, -4, 0), (0, 8, -1)]]
        return ([case(env, swap=False), case(env, swap=True)]
                + [case(env, actions=actions, swap=False) for actions in far])
    return [case(env)]


def main():
    tasks = {}
    for name, env in environments(wanted()):
        tasks[name] = cases(name, env)
        print(name, tasks[name][0]["ctrl"][-1][:4], flush=True)
    write("actions.json", "Controls that Playground 0.2.0 makes of actions, written by tests/reference/actions.py; it"
          f" says what is in here. {NUDGE} is added to every position after a control step.", tasks)


if __name__ == "__main__":
    main()
