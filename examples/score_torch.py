"""Train a tiny model with PyTorch on a recording of dynsparse, and write its Jacobians for `dynsparse score`.

    pip install h5py numpy torch
    python examples/score_torch.py FILE.h5 pred.npz
    dynsparse score --truth FILE.h5 --prediction pred.npz

Any other library does the same (score_jax.py, for one): what counts is the file that the last lines write.
"""

import sys

import h5py
import numpy as np
import torch
from torch.func import functional_call, jacrev, vmap


def main(recording, prediction):
    with h5py.File(recording) as f:
        if f["qpos"].shape[1] != f["qvel"].shape[1]:
            sys.exit(f"{recording}: free or ball joints; this example is for hinges and slides, score_jax.py for all")
        now, after = (
            np.concatenate([f[n][:] for n in names if n in f], axis=1)
            for names in (["qpos", "qvel", "act", "ctrl"], ["qpos_next", "qvel_next", "act_next"])
        )
        last = slice(*f["episode_offsets"][-2:])
    nx = after.shape[1]
    mean, std = now[: last.start].mean(0), now[: last.start].std(0)
    x = torch.tensor((now - mean) / std, dtype=torch.float32)
    y = torch.tensor((after - mean[:nx]) / std[:nx], dtype=torch.float32)

    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(x.shape[1], 64), torch.nn.ELU(),
        torch.nn.Linear(64, 64), torch.nn.ELU(),
        torch.nn.Linear(64, nx),
    )
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3)
    for _ in range(1000):
        chosen = torch.randint(0, last.start, (256,))
        loss = torch.nn.functional.mse_loss(net(x[chosen]), y[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        print("mean square error of the last episode:", float(torch.nn.functional.mse_loss(net(x[last]), y[last])))

    weights = {name: w.detach() for name, w in net.named_parameters()}
    jacobian = vmap(jacrev(lambda s: functional_call(net, weights, s)))(x[last]).numpy()
    # The Jacobian of the normalised map, and what it was normalised with; `steps` says which rows of the recording.
    np.savez(
        prediction, A=jacobian[:, :, :nx], B=np.ascontiguousarray(jacobian[:, :, nx:]), std=std,
        steps=np.arange(last.start, last.stop),
    )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
