"""Recordings as a dataset of PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import get_worker_info

from . import _dataset
from ._program import PathLike

try:
    from torch.utils.data._utils.collate import default_collate_fn_map
except ImportError:  # PyTorch before 2.0 asks for samples one by one.
    default_collate_fn_map = {}

_TYPES = {torch.float64: np.float64, torch.float32: np.float32, torch.float16: np.float32, torch.bfloat16: np.float32}


class Dataset(_dataset.Dataset, torch.utils.data.Dataset):  # type: ignore[type-arg]
    """Steps of recordings, or windows of consecutive steps, as tensors: :class:`dynsparse.Dataset` for PyTorch.

    A plain ``DataLoader(data, batch_size=256, shuffle=True, num_workers=2)`` takes a batch in one piece: one gather, one tensor for each field,
    nothing stacked (from PyTorch 2.0 on; older ones ask for samples one by one, which is slower). Its workers may be forked or spawned; each has one thread and a cache of its own. Without workers all cores
    decode, which is often as fast. ``sampler=data.order(shuffle="blocks")`` is for recordings that are larger than the cache.

    Parameters
    ----------
    paths : str, path, or sequence of these
        Recordings of one model, or folders of such.
    dtype : torch.dtype
        Of fields that are stored as 64-bit floats: ``torch.float32``, ``float64``, ``float16`` or ``bfloat16``. Verdicts are ``uint8``,
        ``flags`` are ``int64``.
    **options
        Those of :class:`dynsparse.Dataset`: ``fields``, ``window``, ``stride``, ``episodes``, ``split``, ``smooth``, ``exclude``,
        ``same_model``, ``threads``, ``cache_bytes``.
    """

    def __init__(self, paths: PathLike | Sequence[PathLike], *, dtype: torch.dtype = torch.float32, **options: Any) -> None:
        if dtype not in _TYPES:
            raise TypeError(f"dtype is {dtype}; give one of {', '.join(map(str, _TYPES))}")
        self.torch_dtype = dtype
        self._given_threads = options.get("threads") is not None
        super().__init__(paths, dtype=_TYPES[dtype], **options)

    def _batch(self, index: np.ndarray) -> dict[str, torch.Tensor]:
        if get_worker_info() is not None and not self._given_threads:
            self._threads = 1
        arrays = self._gathered(index, np.empty)
        return {name: self._tensor(array) for name, array in arrays.items()}

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        if array.dtype.kind == "f":
            return torch.from_numpy(array).to(self.torch_dtype)
        return torch.from_numpy(array.astype(np.int64) if array.dtype == np.uint32 else array)

    def __getitem__(self, index: Any) -> dict[str, torch.Tensor]:
        one = isinstance(index, (int, np.integer)) or isinstance(index, torch.Tensor) and index.ndim == 0
        if isinstance(index, torch.Tensor):
            index = index.numpy()
        if not one:
            return self._batch(self._numbers(index))
        if not -len(self) <= index < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        return {name: tensor[0] for name, tensor in self._batch(np.array([int(index) % len(self)])).items()}

    def __getitems__(self, indices: Sequence[int]) -> Rows:
        """What a DataLoader asks for: the samples of a batch, which its own collation finds joined already."""
        return Rows(self._batch(self._numbers(indices)), len(indices))


class Row(dict[str, torch.Tensor]):
    """A sample of a batch."""


class Rows(Sequence[Row]):
    """Samples of a batch, which are views into `joined`."""

    def __init__(self, joined: dict[str, torch.Tensor], count: int) -> None:
        self.joined, self._count = joined, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            return [self[k] for k in range(*i.indices(len(self)))]
        if not -len(self) <= i < len(self):
            raise IndexError(i)
        return Row({name: tensor[i] for name, tensor in self.joined.items()})

    def __iter__(self) -> Iterator[Row]:
        return (self[i] for i in range(len(self)))


def _collated(batch: Any, *, collate_fn_map: Any = None) -> dict[str, torch.Tensor]:
    if isinstance(batch, Rows):
        return batch.joined
    return {name: torch.stack([row[name] for row in batch]) for name in batch[0]}


# PyTorch documents this table as what is to be extended for types of one's own.
default_collate_fn_map[Row] = _collated
