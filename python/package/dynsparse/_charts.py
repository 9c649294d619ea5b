"""Between positions as MuJoCo has them (qpos, nq numbers) and the tangent space of the matrices (nv numbers).

Where a joint turns freely, qpos holds a unit quaternion q = (w, x, y, z), and the tangent vector is the turn dr (rad) in the
frame of the body: q' = q (1, dr / 2). With

    G(q) = 1/2 [-x -y -z;  w -z  y;  z  w -x; -y  x  w]        4 x 3

a turn changes the quaternion by dq = G(q) dr, and a change of the quaternion turns by dr = 4 G(n)^T dq / |q| with n = q / |q|: MuJoCo
normalizes a quaternion before it uses it, so that its length has no influence. All other coordinates are the same in both spaces.

The functions take numpy arrays as well as those of PyTorch and JAX: `xp` is the module that joins them.
"""

from __future__ import annotations

from typing import Any

from ._linearizer import Linearizer

# Rows of G, as signs and positions of (w, x, y, z) in a column.
_COLUMNS = (((-1, 1), (1, 0), (1, 3), (-1, 2)), ((-1, 2), (-1, 3), (1, 0), (1, 1)), ((-1, 3), (1, 2), (-1, 1), (1, 0)))


class Charts:
    """The layout of a model's positions: runs of plain coordinates, and quaternions."""

    def __init__(self, lin: Linearizer) -> None:
        self.nq, self.nv = lin.nq, lin.nv
        # (first of qpos, first dof, length) of plain runs; length None for a quaternion.
        self._runs: list[tuple[int, int, int | None]] = []
        q = v = 0
        for at, dof in lin._engine.quaternions:
            if at > q:
                self._runs.append((q, v, at - q))
            self._runs.append((at, dof, None))
            q, v = at + 4, dof + 3
        if q < lin.nq:
            self._runs.append((q, v, lin.nq - q))

    def to_qpos(self, xp: Any, qpos: Any, dq: Any) -> Any:
        """The change of qpos (..., nq) that a tangent vector (..., nv) makes there: G dr."""
        parts = []
        for q, v, length in self._runs:
            if length is None:
                parts.append(_turned(xp, qpos[..., q : q + 4], dq[..., v : v + 3]))
            else:
                parts.append(dq[..., v : v + length])
        return _joined(xp, parts, dq)

    def to_tangent(self, xp: Any, qpos: Any, change: Any) -> Any:
        """The tangent vector (..., nv) of a change of qpos (..., nq): 4 G(n)^T dq / |q|."""
        parts = []
        for q, _, length in self._runs:
            if length is None:
                quat = qpos[..., q : q + 4]
                size = ((quat * quat).sum(-1)[..., None]) ** 0.5
                parts.append(4.0 * _pulled(xp, quat / size, change[..., q : q + 4]) / size)
            else:
                parts.append(change[..., q : q + length])
        return _joined(xp, parts, change)

    def from_next(self, xp: Any, qpos: Any, cotangent: Any) -> Any:
        """The transpose of `to_qpos`: a gradient by qpos becomes one by the tangent vector, G^T g."""
        parts = []
        for q, _, length in self._runs:
            if length is None:
                parts.append(_pulled(xp, qpos[..., q : q + 4], cotangent[..., q : q + 4]))
            else:
                parts.append(cotangent[..., q : q + length])
        return _joined(xp, parts, cotangent)

    def from_tangent(self, xp: Any, qpos: Any, cotangent: Any) -> Any:
        """The transpose of `to_tangent`: a gradient by the tangent vector becomes one by qpos, 4 G(n) g / |q|."""
        parts = []
        for q, v, length in self._runs:
            if length is None:
                quat = qpos[..., q : q + 4]
                size = ((quat * quat).sum(-1)[..., None]) ** 0.5
                parts.append(4.0 * _turned(xp, quat / size, cotangent[..., v : v + 3]) / size)
            else:
                parts.append(cotangent[..., v : v + length])
        return _joined(xp, parts, cotangent)


def _joined(xp: Any, parts: list[Any], like: Any) -> Any:
    if not parts:
        return like[..., :0]
    # PyTorch's `concatenate` is none that its transforms know.
    return getattr(xp, "cat", getattr(xp, "concatenate", None))(parts, -1)


def _turned(xp: Any, quat: Any, turn: Any) -> Any:
    """G(q) dr."""
    rows = []
    for row in range(4):
        terms = [sign * quat[..., k] * turn[..., j] for j, column in enumerate(_COLUMNS) for sign, k in [column[row]]]
        rows.append(0.5 * (terms[0] + terms[1] + terms[2]))
    return xp.stack(rows, -1)


def _pulled(xp: Any, quat: Any, g: Any) -> Any:
    """G(q)^T g."""
    columns = []
    for column in _COLUMNS:
        terms = [sign * quat[..., k] * g[..., row] for row, (sign, k) in enumerate(column)]
        columns.append(0.5 * (terms[0] + terms[1] + terms[2] + terms[3]))
    return xp.stack(columns, -1)
