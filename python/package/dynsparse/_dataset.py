"""Recordings as data for training: random access to steps, or to windows of consecutive steps, of one file or of many."""

from __future__ import annotations

import math
import operator
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, Union

import numpy as np
import numpy.typing as npt

from . import _native
from ._linearization import _NOT_SMOOTH, _SAME, Flags
from ._linearizer import _count
from ._program import PathLike
from ._recording import Recording, check_same, open_recording, recordings_in

Shuffle = Union[bool, Literal["blocks"]]
Split = tuple[Literal["train", "test"], float, int]

FIELDS = ("state", "ctrl", "next_state", "A", "B")

# Fields that are put together from variables of the file, those of them that are there.
_JOINED = {"state": ("qpos", "qvel", "act"), "next_state": ("qpos_next", "qvel_next", "act_next")}

# What a file leaves out where it has no entries: the size that is zero then, and the shape of a row by sizes.
_WITHOUT_ENTRIES = {
    "act": ("na", lambda n: (0,)), "act_next": ("na", lambda n: (0,)), "ctrl": ("nu", lambda n: (0,)),
    "B": ("nu", lambda n: (2 * n["nv"] + n["na"], 0)), "B_zero": ("nu", lambda n: (2 * n["nv"] + n["na"], 0)),
}  # fmt: skip

# Rows whose flags are read at once.
_ROWS = 1 << 20


@dataclass(frozen=True)
class _Field:
    """A field of the samples: the variables whose rows are joined, the shape and type of a row, names along its axes."""

    name: str
    parts: tuple[str, ...]
    tail: tuple[int, ...]
    dtype: np.dtype[Any]
    names: tuple[list[str], ...]


def _parts(name: str, sizes: dict[str, int], there: set[str]) -> list[str]:
    """The variables of a field, without those that have no entries."""
    if name == "action" and "action" not in there:
        name = "ctrl"
    parts = _JOINED.get(name, (name,))
    return [p for p in parts if p in there or p not in _WITHOUT_ENTRIES or sizes[_WITHOUT_ENTRIES[p][0]]]


class Dataset:
    """Steps of recordings, or windows of consecutive steps, by number.

    Sample i is a dict of arrays, one for each field; a list, a slice or an array of numbers gives a batch, whose arrays have an axis for
    it in front. Each chunk of a file is read and decoded once for a batch, on all threads, without the interpreter's lock; decoded chunks are
    kept up to a bound. A Dataset can be sent to other processes and used after a fork: what it has of the file is where the chunks
    are. h5py is needed to open one (``pip install dynsparse[data]``), not to read from it.

    Parameters
    ----------
    paths : str, path, or sequence of these
        Recordings of one model, or folders of such. Their steps and episodes are counted through, file after file; those of a folder by
        name.
    fields : sequence of str
        Names of variables of the file that every step has a row of (``dynsparse info --schema`` lists them: ``qpos``, ``qvel``, ``act``,
        ``ctrl``, ``A``, ``B``, ``A_zero``, ``B_zero``, ``C``, ``D``, ``flags``, ``kink``, ``reward``, ``observation``, ``terminated``,
        ...). ``state`` and ``next_state`` are qpos, qvel and act in one array of nq + nv + na numbers, before and after the step.
        ``action`` is what the policy gave, of a file without actions the control; B is the derivative by ``ctrl``, which a task makes
        from the action.
    window : int, optional
        Consecutive steps of a sample: its arrays have an axis for them in front. A window never goes across the end of an episode.
    stride : int
        Steps from the beginning of a window to that of the next in its episode.
    episodes : sequence of int or slice, optional
        Those episodes alone, by their number through all files.
    split : ("train" or "test", float, int), optional
        A part of the episodes: the share that is for training, and the seed by which they are drawn. The same share and seed give
        disjoint parts, which make up the whole.
    smooth : bool
        Steps at which A and B are the derivative alone, and windows of such: nothing switches, no entry is without a number, what is
        solved is well posed (``Linearization.is_smooth``).
    exclude : Flags
        Leaves out steps with one of these flags, and windows with such a step.
    dtype : {numpy.float32, numpy.float64}
        Of fields that are stored as 64-bit floats. Others keep their type.
    same_model : bool
        Whether recordings whose model or way of stepping differs are refused. Names and shapes must be the same in any case.
    threads : int, optional
        Threads that decode chunks, 1024 at most; all cores by default.
    cache_bytes : int
        Bytes of decoded chunks that are kept, in each process, their floats as `dtype` says. Random access is fast where A and B of
        all recordings fit.

    Attributes
    ----------
    fields : tuple of str
        Names of the fields of a sample.
    episode_lengths : ndarray of int64
        Steps of each episode, through all files.
    state_names, control_names : list of str
        Names of the tangent state, along which A and B are, and of the controls.
    quaternions : list of (int, int)
        Where quaternions are: their address in qpos, and the first of their three dofs.

    Raises
    ------
    DynsparseError
        Where a file is no recording, is damaged or lacks a field; and later, where a chunk is damaged, or a file is not the one any more
        that was opened. ``dynsparse verify`` is what checks that all numbers are right.
    ValueError
        Where files are not of the same model, or nothing is selected.

    Examples
    --------
    >>> data = Dataset("walker.h5", window=8, split=("train", 0.9, 0))
    >>> batch = data[[0, 17, 3]]
    >>> batch["A"].shape                     # (3, 8, ndx, ndx)
    """

    def __init__(
        self,
        paths: PathLike | Sequence[PathLike],
        *,
        fields: Sequence[str] = FIELDS,
        window: int | None = None,
        stride: int = 1,
        episodes: Sequence[int] | slice | None = None,
        split: Split | None = None,
        smooth: bool = False,
        exclude: Flags | int = 0,
        dtype: npt.DTypeLike = np.float32,
        same_model: bool = True,
        threads: int | None = None,
        cache_bytes: int = 1 << 30,
    ) -> None:
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.dtype(np.float64), np.dtype(np.float32)):
            raise TypeError(f"dtype is {self.dtype}; give numpy.float32 or numpy.float64")
        wanted = [fields] if isinstance(fields, str) else list(fields)
        if not wanted or len(set(wanted)) < len(wanted) or not all(isinstance(name, str) for name in wanted):
            raise ValueError(f"fields is {fields!r}; give names, each once")
        self.fields = tuple(wanted)
        self.window = None if window is None else _count("window", window, 1)
        self.stride = _count("stride", stride, 1)
        self._threads = 0 if threads is None else _count("threads", threads, 1, 1024)
        self._cache_bytes = _count("cache_bytes", cache_bytes, 0, 1 << 62)
        mask = operator.index(exclude) | (int(_NOT_SMOOTH) if smooth else 0)
        tested = (["flags"] if mask else []) + (["kink"] if smooth else [])

        def needed(sizes: dict[str, int], there: set[str]) -> list[str]:
            return list(dict.fromkeys([p for name in self.fields for p in _parts(name, sizes, there)] + tested))

        self._recordings: list[Recording] = [open_recording(path, needed) for path in recordings_in(paths)]
        check_same(self._recordings, same_model)
        self._fields = [self._field(name) for name in self.fields]
        self._reader = self._opened()
        bounds = [r.bounds[1:] for r in self._recordings]
        firsts = np.cumsum([0] + [r.steps for r in self._recordings])
        ends = np.concatenate([b + first for b, first in zip(bounds, firsts)])
        self.episode_lengths = np.diff(ends, prepend=0)
        chosen = _selected(len(ends), episodes, split)
        bad = self._tested(mask, smooth, int(ends[-1])) if tested else None
        self._starts = self._windows(ends, chosen, bad)
        if not len(self._starts):
            longest = int(self.episode_lengths[chosen].max(initial=0))
            raise ValueError(
                f"{self._recordings[0].path}: nothing is selected: no {self.window or 1} consecutive steps of an episode pass what is asked for "
                f"({len(chosen)} episodes, the longest with {longest} steps)"
            )

    def _field(self, name: str) -> _Field:
        """What is known of a field; of all files alike."""
        first, sizes = self._recordings[0], self._recordings[0].sizes
        parts = _parts(name, sizes, set(first.variables))
        if not parts:
            # Without entries: a model without controls, for example.
            last = _JOINED.get(name, ("ctrl" if name == "action" else name,))[-1]
            return _Field(name, (), _WITHOUT_ENTRIES[last][1](sizes), self.dtype, ())
        one = first.variables[parts[0]]
        dtype = self.dtype if one.dtype in ("float64", "float32") else np.dtype(one.dtype)
        if len(parts) == 1:
            names = tuple(first.labels.get(axis, []) for axis in one.axes)
            return _Field(name, tuple(parts), one.tail, dtype, names)
        axes = [first.variables[p].axes[0] for p in parts]
        joined = [f"{p.removesuffix('_next')}:{label}" for p, axis in zip(parts, axes) for label in first.labels.get(axis, [])]
        return _Field(name, tuple(parts), (sum(first.variables[p].tail[0] for p in parts),), dtype, (joined,))

    def _opened(self) -> _native.ChunkReader:
        first = self._recordings[0]
        columns = []
        for name, variable in first.variables.items():
            tables = [(r.variables[name].chunk_rows, r.variables[name].table) for r in self._recordings]
            columns.append((name, variable.dtype, math.prod(variable.tail), tables))
        files = [(r.path, r.identity) for r in self._recordings]
        short = self.dtype == np.dtype(np.float32)
        return _native.ChunkReader(files, [r.steps for r in self._recordings], columns, self._cache_bytes, short)

    def _tested(self, mask: int, smooth: bool, steps: int) -> np.ndarray:
        """Which steps are left out, of all."""
        bad = np.zeros(steps, dtype=bool)
        for first in range(0, steps, _ROWS):
            rows = np.arange(first, min(first + _ROWS, steps))
            flags, kink = np.empty((len(rows), 1), np.uint32), np.zeros((len(rows), 1))
            self._reader.gather(rows, [(["flags"], flags)] + ([(["kink"], kink)] if smooth else []), self._threads)
            bad[rows] = ((flags & np.uint32(mask & 0xFFFFFFFF)) != 0)[:, 0] | ~(kink <= _SAME)[:, 0]
        return bad

    def _windows(self, ends: np.ndarray, chosen: np.ndarray, bad: np.ndarray | None) -> np.ndarray:
        """The first step of every sample."""
        length = self.window or 1
        found = []
        for episode in chosen:
            end = int(ends[episode])
            found.append(np.arange(end - int(self.episode_lengths[episode]), end - length + 1, self.stride))
        starts = np.concatenate(found).astype(np.int64) if found else np.empty(0, np.int64)
        if bad is not None:
            count = np.concatenate([[0], np.cumsum(bad)])
            starts = starts[count[starts + length] == count[starts]]
        return starts

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def state_names(self) -> list[str]:
        """Names of the tangent state (ndx): rows and columns of A, rows of B."""
        return self._recordings[0].labels.get("state", [])

    @property
    def control_names(self) -> list[str]:
        """Names of the controls (nu): columns of B."""
        return self._recordings[0].labels.get("actuator", [])

    @property
    def quaternions(self) -> list[tuple[int, int]]:
        """Where quaternions are: their address in qpos, and the first of their three dofs."""
        return self._recordings[0].quaternions

    def names(self, field: str) -> tuple[list[str], ...]:
        """Names along each axis of a row of a field; an axis without names has an empty list."""
        for one in self._fields:
            if one.name == field:
                return one.names
        raise KeyError(f"{field!r} is none of the fields {', '.join(self.fields)}")

    def steps(self, index: Any) -> np.ndarray:
        """The first step of samples, by its number among the steps of all files."""
        return self._starts[index]

    def __getitem__(self, index: Any) -> dict[str, Any]:
        try:
            i = operator.index(index)
        except TypeError:
            return self._gathered(self._numbers(index), np.empty)
        if not -len(self) <= i < len(self):
            raise IndexError(f"sample {i} of {len(self)}")
        return {name: array[0] for name, array in self._gathered(np.array([i % len(self)]), np.empty).items()}

    def _numbers(self, index: Any) -> np.ndarray:
        """Numbers of samples out of what somebody gives, none of them negative."""
        if isinstance(index, slice):
            return np.arange(len(self))[index]
        numbers = np.asarray(index)
        if numbers.dtype == bool and numbers.shape == (len(self),):
            return np.flatnonzero(numbers)
        if numbers.ndim != 1 or numbers.dtype.kind not in "iu" and numbers.size:
            raise TypeError(f"samples are asked for by {type(index).__name__}; give a number, a slice, or a list of numbers")
        numbers = numbers.astype(np.int64)
        if numbers.size and not (-len(self) <= numbers.min() and numbers.max() < len(self)):
            raise IndexError(f"a sample of {numbers.min()} to {numbers.max()} is asked for, where there are {len(self)}")
        return numbers % len(self)

    def _gathered(self, index: np.ndarray, empty: Callable[[tuple[int, ...], np.dtype[Any]], np.ndarray]) -> dict[str, np.ndarray]:
        """A batch, in arrays that `empty` makes."""
        rows, batch = self._starts[index], (len(index),)
        if self.window is not None:
            rows = (rows[:, None] + np.arange(self.window)).reshape(-1)
            batch += (self.window,)
        arrays = {field.name: empty((*batch, *field.tail), field.dtype) for field in self._fields}
        if len(rows):
            out = [(list(f.parts), arrays[f.name].reshape(len(rows), -1)) for f in self._fields if f.parts]
            self._reader.gather(rows, out, self._threads)
        return arrays

    def order(self, *, shuffle: Shuffle = True, seed: int = 0, epoch: int = 0) -> np.ndarray:
        """The numbers of all samples, in the order of an epoch: the same for the same seed and epoch, on any machine.

        Parameters
        ----------
        shuffle : bool or "blocks"
            Without it they go one after the other. ``"blocks"`` is for recordings whose A and B are larger than the cache: runs of
            steps that lie in one chunk are drawn, as many as a part of the cache holds, and their samples are mixed. So each chunk
            is decoded about once an epoch, and a batch has samples of runs from everywhere. The order then depends on ``cache_bytes``, too.
        seed, epoch : int

        Returns
        -------
        ndarray of int64, shape (samples,)
        """
        seed, epoch = _count("seed", seed, 0, (1 << 64) - 1), _count("epoch", epoch, 0, (1 << 64) - 1)
        if shuffle is False:
            return np.arange(len(self))
        if shuffle is True:
            return _drawn(len(self), seed, epoch)
        if shuffle != "blocks":
            raise ValueError(f'shuffle is {shuffle!r}; give True, False or "blocks"')
        room, large = self._reader.large
        if not large:
            return _drawn(len(self), seed, epoch)
        # Blocks of the variable whose chunks have the most rows: those of the others lie in them, but at their ends.
        chunks = max((np.array(self._reader.chunk_starts(name)) for name, _ in large), key=lambda starts: -len(starts))
        rows = int(np.diff(chunks, append=self.episode_lengths.sum()).max()) + (self.window or 1)
        block = np.searchsorted(chunks, self._starts, side="right")
        firsts = np.flatnonzero(np.diff(block, prepend=-1))
        lasts = np.append(firsts[1:], len(self))
        # Half of the room is for the blocks that come next.
        pool = max(1, room // 2 // (2 * rows * sum(size for _, size in large)))
        order = _drawn(len(firsts), seed, epoch)
        found = []
        for at in range(0, len(order), pool):
            some = np.concatenate([np.arange(firsts[b], lasts[b]) for b in order[at : at + pool]])
            found.append(some[_drawn(len(some), seed, epoch, at + 1)])
        return np.concatenate(found)

    def batches(
        self, batch_size: int, *, shuffle: Shuffle = True, seed: int = 0, drop_last: bool = False, prefetch: int = 2
    ) -> Batches:
        """Batches of an epoch, see :func:`dynsparse.batches`."""
        return Batches(self, batch_size, shuffle=shuffle, seed=seed, drop_last=drop_last, prefetch=prefetch)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_reader"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reader = self._opened()

    def __repr__(self) -> str:
        files = self._recordings[0].path if len(self._recordings) == 1 else f"{len(self._recordings)} recordings"
        window = f", windows of {self.window}" if self.window else ""
        return f"<{type(self).__name__}: {len(self)} samples of {files}{window}, fields {', '.join(self.fields)}>"


class Batches:
    """Batches of an epoch; going through it again is the next epoch. Made by :func:`dynsparse.batches`.

    Attributes
    ----------
    epoch : int
        The epoch that comes next. Set it to go on with a training that was ended.
    """

    def __init__(
        self, data: Dataset, batch_size: int, *, shuffle: Shuffle = True, seed: int = 0, drop_last: bool = False, prefetch: int = 2
    ) -> None:
        self.data = data
        self.batch_size = _count("batch_size", batch_size, 1)
        self.shuffle, self.seed, self.drop_last = shuffle, _count("seed", seed, 0, (1 << 64) - 1), bool(drop_last)
        self.prefetch = _count("prefetch", prefetch, 0, 1024)
        if shuffle not in (True, False, "blocks"):
            raise ValueError(f'shuffle is {shuffle!r}; give True, False or "blocks"')
        if not len(self):
            raise ValueError(f"batch_size is {self.batch_size}, where there are {len(data)} samples and the last batch is dropped")
        self.epoch = 0

    def __len__(self) -> int:
        n = len(self.data)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        order = self.data.order(shuffle=self.shuffle, seed=self.seed, epoch=self.epoch)
        self.epoch += 1
        return self._through([order[i * self.batch_size : (i + 1) * self.batch_size] for i in range(len(self))])

    def _through(self, parts: list[np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
        if not self.prefetch:
            yield from map(self.data.__getitem__, parts)
            return
        process = os.getpid()
        with ThreadPoolExecutor(1, "dynsparse-prefetch") as pool:
            waiting: deque[Any] = deque()
            try:
                for part in parts:
                    waiting.append(pool.submit(self.data.__getitem__, part))
                    if len(waiting) > self.prefetch:
                        yield waiting.popleft().result()
                    if os.getpid() != process:
                        raise RuntimeError("batches are gone through in a process that was forked meanwhile; begin anew there")
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()


def batches(
    paths: PathLike | Sequence[PathLike],
    batch_size: int,
    *,
    shuffle: Shuffle = True,
    seed: int = 0,
    drop_last: bool = False,
    prefetch: int = 2,
    **options: Any,
) -> Batches:
    """Batches of recorded steps as numpy arrays, decoded in the background while the last ones are used.

    Parameters
    ----------
    paths : str, path, or sequence of these
        Recordings of one model, or folders of such.
    batch_size : int
        Samples of a batch. The last one of an epoch may have fewer.
    shuffle : bool or "blocks"
        Whether samples are mixed; ``"blocks"`` for recordings that are larger than the cache, see :meth:`Dataset.order`.
    seed : int
        Decides the order of all epochs.
    drop_last : bool
        Leaves out a last batch with fewer samples, so that all have one shape.
    prefetch : int
        Batches that are decoded ahead, in one thread of the background and those of the Dataset; 0 decodes a batch when it is asked for.
    **options
        Those of :class:`Dataset`: ``fields``, ``window``, ``split``, ``smooth``, ``dtype``, ...

    Returns
    -------
    Batches
        Each pass through it is an epoch: dicts of arrays of shape (batch, ...), or (batch, window, ...). ``len()`` of it is
        the number of batches.

    Examples
    --------
    >>> train = batches("walker.h5", 256, split=("train", 0.9, 0), drop_last=True)
    >>> for epoch in range(10):
    ...     for batch in train:
    ...         loss = update(jax.device_put(batch))
    """
    return Dataset(paths, **options).batches(batch_size, shuffle=shuffle, seed=seed, drop_last=drop_last, prefetch=prefetch)


def _drawn(n: int, *key: int) -> np.ndarray:
    """A permutation, of a stream of numbers that numpy keeps from version to version."""
    words = np.random.Philox(np.random.SeedSequence(key)).random_raw(n)
    return np.argsort(words, kind="stable")


def _selected(count: int, episodes: Sequence[int] | slice | None, split: Split | None) -> np.ndarray:
    """Numbers of the episodes that are asked for, in order."""
    if episodes is None or isinstance(episodes, slice):
        chosen = np.arange(count)[episodes or slice(None)]
    else:
        given: Iterable[int] = episodes
        chosen = np.array(sorted({_episode(e, count) for e in given}), dtype=np.int64)
    if split is None:
        return chosen
    try:
        part, share, seed = split
    except (TypeError, ValueError):
        raise TypeError(f'split is {split!r}; give ("train", 0.9, 0): the part, the share that is for training, a seed') from None
    if part not in ("train", "test") or not isinstance(share, (int, float)) or not 0 < share < 1:
        raise ValueError(f'split is {split!r}; give "train" or "test", and a share between 0 and 1')
    drawn = _drawn(len(chosen), _count("the seed of split", seed, 0, (1 << 64) - 1))
    # Neither part is empty where there are two episodes.
    most = min(max(round(share * len(chosen)), 1), max(len(chosen) - 1, 1))
    return chosen[np.sort(drawn[:most] if part == "train" else drawn[most:])]


def _episode(value: Any, count: int) -> int:
    number = operator.index(value)
    if not -count <= number < count:
        raise IndexError(f"episode {number} is asked for, where there are {count}")
    return number % count
