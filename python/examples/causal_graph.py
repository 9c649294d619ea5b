"""What can influence what in an environment of Gymnasium, at every step: edges that contacts switch on and off."""

import sys

import dynsparse
import gymnasium
import numpy as np

env = gymnasium.make(sys.argv[1] if len(sys.argv) > 1 else "HalfCheetah-v5")
env.reset(seed=0)
env.action_space.seed(0)
model, data = env.unwrapped.model, env.unwrapped.data
lin = dynsparse.Linearizer(model, substeps=env.unwrapped.frame_skip)

edges, contacts, kinks = [], [], 0
for _ in range(200):
    action = env.action_space.sample()
    here = lin(data, ctrl=action)
    joined = np.concatenate([here.A_zero, here.B_zero], axis=1)
    # An edge is an entry that is known to be nonzero; what is undecided is neither an edge nor none.
    edges.append(joined == dynsparse.Verdict.NONZERO)
    contacts.append(data.ncon)
    kinks += not here.is_smooth
    _, _, terminated, truncated, _ = env.step(action)
    if terminated or truncated:
        env.reset()
edges, contacts = np.array(edges), np.array(contacts)

inputs = lin.state_names + lin.control_names
print(f"{model.nv} dofs, {edges[0].size} possible edges; {kinks} of {len(edges)} steps have a kink")
for many in np.unique(contacts):
    share = edges[contacts == many].mean()
    print(f"{many:2} contacts: {(contacts == many).sum():3} steps, {100 * share:5.1f} % of entries are edges")
sometimes = edges.any(0) & ~edges.all(0)
print(f"always {edges.all(0).sum()}, never {(~edges.any(0)).sum()}, sometimes {sometimes.sum()}")
for i, j in np.argwhere(sometimes)[:5]:
    print(f"  {inputs[j]:>16} -> {lin.state_names[i]:<16} in {100 * edges[:, i, j].mean():3.0f} % of steps")
moved = edges[:, model.nv : 2 * model.nv, lin.ndx :].mean(0)
for j, name in enumerate(lin.control_names):
    always = [lin.state_names[model.nv + i] for i in np.flatnonzero(moved[:, j] == 1)]
    print(f"{name:>16} always moves {len(always)} of {model.nv} velocities")
assert 0 < edges.mean() < 1
