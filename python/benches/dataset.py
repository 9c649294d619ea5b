"""Random minibatches of recordings in a DataLoader of PyTorch: dynsparse.torch.Dataset against h5py, in states per second.

    python dataset.py NAME=RECORDING.h5 ... > table.csv

A state is qpos and qvel before and after the step, ctrl, A and B, as float32, in batches of 256 that are drawn anew in every epoch.
``h5py, step by step`` is a dataset whose items read their rows, as most people write it; ``h5py, sorted`` reads the rows of a batch in
one call for each variable, in the order of the file; ``all in memory`` has read the whole file before. Each way runs for some seconds in every round, after its workers have begun;
numbers are medians over rounds, and a ratio is taken within its round, to h5py step by step with two workers. "first epoch" begins with
an empty cache; "a quarter" has a cache for a quarter of the numbers.
"""

import csv
import gc
import statistics
import sys
import time

import dynsparse.torch
import h5py
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

ROUNDS, SECONDS, BATCH = 3, 4.0, 256
NAMES = ("qpos", "qvel", "qpos_next", "qvel_next", "ctrl", "A", "B")


class Plain(Dataset):
    """What people write with h5py; the file is opened by the process that reads it."""

    def __init__(self, path):
        self.path, self.file = path, None
        with h5py.File(path) as file:
            self.length = len(file["time"])

    def __len__(self):
        return self.length

    def rows(self, name, index):
        if self.file is None:
            self.file = h5py.File(self.path)
        return torch.from_numpy(np.asarray(self.file[name][index], np.float32))

    def __getitem__(self, i):
        return {name: self.rows(name, i) for name in NAMES}


class Sorted(Plain):
    """The same with one read for each variable of a batch."""

    def __getitems__(self, indices):
        index = np.array(indices)
        order = np.argsort(index)
        back = np.argsort(order)
        batch = {name: self.rows(name, index[order])[back] for name in NAMES}
        return [{name: tensor[i] for name, tensor in batch.items()} for i in range(len(index))]


class Loaded(Sorted):
    """The same with everything read into memory before, as float32."""

    def __init__(self, path):
        super().__init__(path)
        with h5py.File(path) as file:
            self.arrays = {name: torch.from_numpy(file[name].astype(np.float32)[:]) for name in NAMES}

    def rows(self, name, index):
        return self.arrays[name][index]


def rate(data, workers, shuffle=True, whole=False):
    """States per second, once workers have begun; of a whole epoch, or of some seconds of epochs."""
    order = {"sampler": data.order(shuffle="blocks")} if shuffle == "blocks" else {"shuffle": True}
    loader = DataLoader(data, batch_size=BATCH, num_workers=workers, persistent_workers=workers > 0, **order)
    states, begun = 0, None
    while True:
        for batch in loader:
            now = time.perf_counter()
            if begun is None:
                begun = now
                continue
            states += len(batch["A"])
            if now - begun > SECONDS and not whole:
                return states / (now - begun)
        if whole:
            return states / (time.perf_counter() - begun)


def ways(path):
    """By name and workers: what runs once."""
    fields = ("state", "next_state", "ctrl", "A", "B")
    ours = lambda **how: dynsparse.torch.Dataset(path, fields=fields, **how)  # noqa: E731
    first = ours()._recordings[0]
    size = sum(int(np.prod(v.tail)) * 8 * first.steps for v in first.variables.values())
    found = {}
    for workers in (0, 2):
        found["h5py, step by step", workers] = lambda w=workers: rate(Plain(path), w)
        found["h5py, sorted", workers] = lambda w=workers: rate(Sorted(path), w)
    found["all in memory", 0] = lambda: rate(Loaded(path), 0)
    for workers in (0, 2):
        found["first epoch", workers] = lambda w=workers: rate(ours(cache_bytes=4 * size), w, whole=True)

        def later(w=workers):
            data = ours(cache_bytes=4 * size)
            for at in range(0, len(data) if w == 0 else 0, 4096):
                data[at : at + 4096]
            return rate(data, w)

        found["later epochs", workers] = later
        found["a quarter", workers] = lambda w=workers: rate(ours(cache_bytes=size // 4), w)
        found["a quarter, blocks", workers] = lambda w=workers: rate(ours(cache_bytes=size // 4), w, "blocks")
    return found, size, first


def measured(name, path):
    found, size, first = ways(path)
    rates = {way: [] for way in found}
    for _ in range(ROUNDS):
        for way, run in found.items():
            rates[way].append(run())
            gc.collect()
    base = rates["h5py, step by step", 2]
    for (way, workers), all in rates.items():
        ratio = statistics.median(rate / plain for rate, plain in zip(all, base))
        yield [name, len(first.labels["state"]), first.steps, f"{size / 1e6:.0f}", way, workers, f"{statistics.median(all):.0f}", f"{ratio:.1f}"]


HEAD = ["recording", "ndx", "steps", "MB decoded", "way", "workers", "states per second", "to plain h5py"]

if __name__ == "__main__":
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(HEAD)
    for argument in sys.argv[1:]:
        for row in measured(*argument.split("=", 1)):
            table.writerow(row)
            sys.stdout.flush()
