"""Recordings in PyTorch's DataLoader."""

import pickle

import dynsparse
import numpy as np
import pytest
from recorded import folder, python, stored, tree_h5  # noqa: F401

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import dynsparse.torch  # noqa: E402
from torch.utils.data import ConcatDataset, DataLoader, RandomSampler, Subset  # noqa: E402


def test_samples_are_those_of_numpy(tree_h5):
    plain = dynsparse.Dataset(tree_h5, fields=["state", "A", "B_zero", "flags", "step_episode"], window=3)
    data = dynsparse.torch.Dataset(tree_h5, fields=["state", "A", "B_zero", "flags", "step_episode"], window=3)
    assert len(data) == len(plain) and isinstance(data, torch.utils.data.Dataset)
    types = {"state": torch.float32, "A": torch.float32, "B_zero": torch.uint8, "flags": torch.int64, "step_episode": torch.int32}
    for index in (4, -1, np.int64(7), torch.tensor(2), [3, 9, 3], slice(0, 20, 6), torch.tensor([5, 1])):
        found, expected = data[index], plain[index.numpy() if isinstance(index, torch.Tensor) else index]
        for name, dtype in types.items():
            assert found[name].dtype == dtype and (found[name].numpy() == expected[name]).all(), (index, name)
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        one = dynsparse.torch.Dataset(tree_h5, fields=["A", "A_zero"], dtype=dtype)[5]
        assert one["A"].dtype == dtype and one["A_zero"].dtype == torch.uint8
        assert (one["A"] == torch.from_numpy(stored(tree_h5, "A")[5]).to(torch.float32 if dtype != torch.float64 else dtype).to(dtype)).all()
    with pytest.raises(TypeError, match="dtype is torch.int32"):
        dynsparse.torch.Dataset(tree_h5, dtype=torch.int32)
    for index in (len(data), [len(data)], torch.tensor(-len(data) - 1)):
        with pytest.raises(IndexError):
            data[index]


@pytest.mark.skipif(int(torch.__version__.split(".")[0]) < 2, reason="PyTorch before 2.0 asks for samples one by one")
def test_a_batch_is_one_gather(tree_h5, monkeypatch):
    data = dynsparse.torch.Dataset(tree_h5, window=2)
    asked = []
    gathered = type(data)._gathered
    monkeypatch.setattr(type(data), "_gathered", lambda self, index, empty: asked.append(len(index)) or gathered(self, index, empty))
    batches = list(DataLoader(data, batch_size=32, shuffle=True))
    assert asked == [len(b["A"]) for b in batches] and sum(asked) == len(data)
    assert type(batches[0]) is dict and batches[0]["A"].shape[:2] == (32, 2)


def test_the_loader_has_the_samples_it_asks_for(tree_h5):
    data = dynsparse.torch.Dataset(tree_h5, fields=["time", "step_episode", "A"])
    order = data.order(seed=3)
    batches = list(DataLoader(data, batch_size=40, sampler=order))
    joined = {name: torch.cat([b[name] for b in batches]) for name in data.fields}
    assert all((joined[name] == data[order][name]).all() for name in data.fields)
    # Other ways to ask: no batches, a collation of one's own, parts of it, two of it, with replacement.
    assert (next(iter(DataLoader(data, batch_size=None)))["A"] == data[0]["A"]).all()
    (rows,) = DataLoader(data, batch_size=len(data), collate_fn=lambda rows: rows)
    assert len(rows) == len(data) and (rows[7]["A"] == data[7]["A"]).all() and len(rows[2:5]) == 3 and len(list(rows)) == len(data)
    with pytest.raises(IndexError):
        rows[len(data)]
    some = next(iter(DataLoader(Subset(data, [5, 2]), batch_size=2)))
    assert (some["A"] == data[[5, 2]]["A"]).all()
    some = next(iter(DataLoader(ConcatDataset([data, data]), batch_size=len(data) + 1)))
    assert (some["A"] == torch.cat([data[:]["A"], data[:1]["A"]])).all()
    some = next(iter(DataLoader(data, batch_size=64, sampler=RandomSampler(data, replacement=True, num_samples=64))))
    assert some["A"].shape[0] == 64


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_have_the_batches_of_one_process(tree_h5, method):
    """In a program of its own, which has no threads of JAX."""
    said = python(
        """
import sys, hashlib
import torch, dynsparse.torch
from torch.utils.data import DataLoader
def digest(workers, method):
    torch.manual_seed(0)
    loader = DataLoader(data, batch_size=16, shuffle=True, num_workers=workers, multiprocessing_context=method)
    sha = hashlib.sha256()
    for _ in range(2):
        for batch in loader:
            [sha.update(name.encode() + tensor.numpy().tobytes()) for name, tensor in batch.items()]
    return sha.hexdigest()
data = dynsparse.torch.Dataset(sys.argv[1], window=4, fields=["state", "ctrl", "A", "A_zero", "flags"])
data[:]
print(digest(0, None) == digest(2, sys.argv[2]))
""",
        tree_h5,
        method,
    )
    assert said == "True"


def test_it_can_be_sent(tree_h5):
    data = dynsparse.torch.Dataset(tree_h5, fields=["A"], dtype=torch.float64)
    there = pickle.loads(pickle.dumps(data))
    assert (there[:]["A"] == data[:]["A"]).all() and there[0]["A"].dtype == torch.float64


def test_batches_of_numpy_go_on_as_tensors(tree_h5):
    """A Dataset of PyTorch has the order and the batches of numpy, as tensors."""
    data = dynsparse.torch.Dataset(tree_h5, fields=["A"])
    for found, expected in zip(data.batches(16, seed=2), dynsparse.batches(tree_h5, 16, seed=2, fields=["A"])):
        assert isinstance(found["A"], torch.Tensor) and (found["A"].numpy() == expected["A"]).all()
