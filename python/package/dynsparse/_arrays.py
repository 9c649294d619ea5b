"""Arrays of the caller: numbers of the right width, with leading axes that go together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def numbers(name: str, value: Any, width: int | tuple[int, ...]) -> np.ndarray:
    """An array of float64, contiguous, whose last axes have the given width.

    Raises
    ------
    TypeError
        For what is no array of real numbers.
    ValueError
        For another width, and for entries that are masked.
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(f"{name} has masked entries; fill them with numbers")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} is no array: {error}") from None
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} holds {array.dtype}; give real numbers")
    widths = width if isinstance(width, tuple) else (width,)
    if array.ndim < len(widths) or array.shape[array.ndim - len(widths) :] != widths:
        wanted = ", ".join(["...", *map(str, widths)])
        raise ValueError(f"{name} has the shape {array.shape}, where ({wanted}) is needed")
    return np.ascontiguousarray(array, dtype=np.float64)


def together(arrays: dict[str, np.ndarray], inner: dict[str, int]) -> tuple[tuple[int, ...], dict[str, np.ndarray]]:
    """Broadcast leading axes; each array comes back with one row, or with one for each element of the batch.

    Parameters
    ----------
    arrays : dict of str to ndarray
        Contiguous arrays.
    inner : dict of str to int
        How many last axes of an array are not of the batch; 1 where nothing is said.
    """
    leading = {name: array.shape[: array.ndim - inner.get(name, 1)] for name, array in arrays.items()}
    if not any(leading.values()):
        # One state, the case that is called most.
        return (), {name: array.reshape(1, -1) for name, array in arrays.items()}
    shapes = set(leading.values())
    try:
        batch = shapes.pop() if len(shapes) == 1 else np.broadcast_shapes(*leading.values())
    except ValueError:
        told = ", ".join(f"{name} {shape}" for name, shape in leading.items())
        raise ValueError(f"leading axes do not go together: {told}") from None
    rows = {}
    for name, array in arrays.items():
        own = leading[name]
        width = math.prod(array.shape[len(own) :])
        size = math.prod(own)
        if size == 1:
            rows[name] = array.reshape(1, width)
        elif own == batch:
            rows[name] = array.reshape(size, width)
        else:
            full = np.broadcast_to(array, batch + array.shape[len(own) :])
            rows[name] = np.ascontiguousarray(full).reshape(math.prod(batch), width)
    return tuple(batch), rows


# Bytes of a batch up to which nobody asks whether there is memory.
_SMALL = 1 << 30


def check_room(what: str, size: int) -> None:
    """Refuse what this machine has no memory for, which the system would give out and then end the process for.

    Raises
    ------
    MemoryError
        Where `size` bytes are more than are free, as far as the system says.
    """
    if size < _SMALL:
        return
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            free = next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return
    if size > free:
        raise MemoryError(
            f"{what} takes {size / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free; go through it in parts (dtype=numpy.float32 and "
            "zero_test=False take less)"
        )
