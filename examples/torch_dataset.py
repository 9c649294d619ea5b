"""A PyTorch Dataset over a recording of dynsparse: transitions with their Jacobians.

    pip install h5py numpy torch
    python examples/torch_dataset.py FILE.h5
"""

import sys

import h5py
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset


class Transitions(Dataset):
    """Items are (state, ctrl, next, A, B) of one step.

    state and next are qpos, qvel and act in a row. A and B act on tangent vectors of size 2 nv + na:
    next(state + dx, ctrl + du) = next + A dx + B du, where for free and ball joints the difference of two
    positions is a rotation vector (mj_differentiatePos), so A may be smaller than the state is long.
    """

    def __init__(self, path, dtype=torch.float32):
        self.path, self.dtype = path, dtype
        self.file, self.owner = None, None
        with h5py.File(path) as f:
            self.steps = f["A"].shape[0]

    def __len__(self):
        return self.steps

    def __getstate__(self):
        # Workers that are spawned get a copy of this object; an open file cannot be copied.
        return self.__dict__ | {"file": None, "owner": None}

    def _open(self):
        # HDF5 files do not survive a fork, so that every worker opens its own at its first item.
        worker = torch.utils.data.get_worker_info()
        worker = worker.id if worker else -1
        if self.file is None or self.owner != worker:
            # A cache of chunks that holds the neighbours of an item; shuffled reading wants it large.
            self.file, self.owner = h5py.File(self.path, rdcc_nbytes=64 << 20), worker
        return self.file

    def __getitem__(self, i):
        f = self._open()

        def row(name):
            # A model without actuators or activations has no such datasets.
            return f[name][i] if name in f else np.zeros(0)

        a = row("A")
        b = f["B"][i] if "B" in f else np.zeros((len(a), 0))
        state = np.concatenate([row("qpos"), row("qvel"), row("act")])
        after = np.concatenate([row("qpos_next"), row("qvel_next"), row("act_next")])
        return tuple(torch.as_tensor(x, dtype=self.dtype) for x in (state, row("ctrl"), after, a, b))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    # Steps of one chunk lie together on disk: for large files, shuffle blocks rather than single steps.
    loader = DataLoader(Transitions(sys.argv[1]), batch_size=64, shuffle=True, num_workers=2)
    for state, ctrl, after, a, b in loader:
        print("state", *state.shape, "ctrl", *ctrl.shape, "next", *after.shape, "A", *a.shape, "B", *b.shape)
        break
