"""What comes out: matrices with what is known about them, and trajectories with their matrices."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt


class Verdict(enum.IntEnum):
    """What an entry of a matrix is: the numbers in ``A_zero`` and its kin."""

    NONZERO = 0
    """The output depends on the input: the derivative is larger than what rounding can make."""
    ZERO = 1
    """It does not: zero by structure, or below what rounding makes."""
    UNDECIDED = 2
    """Inside the noise band, or no number at all: either could be true."""


class Flags(enum.IntFlag):
    """Flags of a step: what is to be known before its matrices are trusted. The bits are those of a recording."""

    CTRL_CLAMPED = 1 << 0
    """A control was asked for outside its range; it was clamped."""
    CTRL_AT_LIMIT = 1 << 1
    """A control is within eps of its limit: its column of B is one-sided."""
    SOLVER_UNCONVERGED = 1 << 2
    """The solver ran out of iterations, its residual above the tolerance or unknown, or PGS stopped away from its
    solution."""
    CONTACTS_CHANGED = 1 << 3
    """The geom pairs with a contact changed within the control step."""
    JACOBIAN_NOT_FINITE = 1 << 4
    """An entry of the Jacobian is NaN or infinite."""
    EVENT = 1 << 5
    """An event of the task (a push, a kick) changed state or forces before the step."""
    CONTACT_SWITCH = 1 << 6
    """A contact opens or closes within reach of a nudge of the state, see kink."""
    LIMIT_SWITCH = 1 << 7
    """A joint or tendon limit begins or ends within reach of a nudge."""
    FRICTION_SWITCH = 1 << 8
    """Friction begins to slip or to stick within reach of a nudge."""
    FORCE_AT_LIMIT = 1 << 9
    """A force or activation reaches its range or leaves it within reach of a nudge."""
    NEAR_SINGULAR = 1 << 10
    """The system that is solved for the acceleration is nearly singular."""
    OTHER_SWITCH = 1 << 11
    """The derivatives of the two sides differ, or there are none, though nothing of the above switches, see kink."""
    SLEEP_SWITCH = 1 << 12
    """A tree of bodies sleeps, which a nudge of its velocity would wake, or falls asleep in the step: it is constant in A and B."""


# Beyond a kink of this share of the largest entry of A both sides differ.
_SAME = 1e-6

_NOT_SMOOTH = (
    Flags.CONTACT_SWITCH
    | Flags.LIMIT_SWITCH
    | Flags.FRICTION_SWITCH
    | Flags.FORCE_AT_LIMIT
    | Flags.OTHER_SWITCH
    | Flags.NEAR_SINGULAR
    | Flags.JACOBIAN_NOT_FINITE
)

Array = npt.NDArray[Any]


@dataclass(repr=False, eq=False)
class Linearization:
    """The linear model dx' = A dx + B du, dy = C dx + D du of one step, or of a batch of steps.

    Leading axes are those of the batch, written ``...``; units of an entry are those of its row by those of its column.

    Attributes
    ----------
    A : ndarray, shape (..., ndx, ndx)
        d next state / d state, in the tangent space: (dq, dqvel, dact) with ndx = 2 nv + na; dq in rad or m.
    B : ndarray, shape (..., ndx, nu)
        d next state / d control. At an end of ``ctrlrange`` it is the derivative towards the inside; outside, zero.
    C, D : ndarray, shape (..., nsensordata, ndx) and (..., nsensordata, nu), or None
        Those of sensor values, where ``sensors=True``: of the sensors that ``mj_step`` computes, of the state before the step.
    A_zero, B_zero, C_zero, D_zero : ndarray of uint8, or None
        A :class:`Verdict` of each entry; None without the zero test.
    zero_floor : ndarray, shape (..., ndx), or None
        The largest bound on rounding among the entries of a row of A and B.
    kink : ndarray, shape (...), or None
        Where something switches: how far the derivatives of both sides differ, as a share of the largest entry of A.
    flags : ndarray of uint32, shape (...)
        :class:`Flags`. Without the zero test nothing is known of switches.
    engine : str
        ``"implicit"``, ``"whole-step"`` or ``"transition-fd"``.
    state_names, control_names, sensor_names : list of str
        Names of the tangent state (ndx), of the controls (nu) and of sensor values (nsensordata).
    failed : dict of int to str
        States of the batch, by their flat index, whose matrices are NaN because the step fails, and why. Empty unless
        ``errors="nan"`` was asked for.
    """

    A: Array
    B: Array
    C: Array | None
    D: Array | None
    A_zero: Array | None
    B_zero: Array | None
    C_zero: Array | None
    D_zero: Array | None
    zero_floor: Array | None
    kink: Array | None
    flags: Array
    engine: str
    state_names: list[str]
    control_names: list[str]
    sensor_names: list[str]
    failed: dict[int, str] = field(default_factory=dict)

    @property
    def is_smooth(self) -> Array:
        """Whether the matrices are the derivative of the step: judged, nothing switches, all numbers, well posed; shape (...)."""
        if self.kink is None:
            return np.zeros(self.flags.shape, dtype=bool)
        return ((self.flags & int(_NOT_SMOOTH)) == 0) & ~(self.kink > _SAME)

    def _arrays(self) -> dict[str, Array]:
        names = ("A", "B", "C", "D", "A_zero", "B_zero", "C_zero", "D_zero", "zero_floor", "kink", "flags")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def __repr__(self) -> str:
        batch = self.A.shape[:-2]
        of = f" of a batch {batch}" if batch else ""
        return f"<Linearization{of}: A {self.A.shape[-2:]}, B {self.B.shape[-2:]}, engine {self.engine!r}>"


@dataclass(repr=False, eq=False)
class Rollout:
    """Trajectories of T control steps, with the linearization of every step where it was asked for.

    Attributes
    ----------
    qpos, qvel, act : ndarray, shape (..., T + 1, nq), (..., T + 1, nv) and (..., T + 1, na)
        States; the first is where the trajectory begins.
    sensordata : ndarray, shape (..., T, nsensordata)
        Sensor values, which ``mj_step`` computes of the state before it.
    time : ndarray, shape (..., T + 1)
        s.
    warmstart : ndarray, shape (..., nv)
        ``qacc_warmstart`` at the end: with it a trajectory goes on as if it had not been interrupted.
    steps : ndarray of int, shape (...)
        How many steps hold. What comes after them is NaN.
    ended : dict of int to str
        Why a trajectory, by its flat index, ended early.
    jacobians : Linearization or None
        Of the steps: its batch is (..., T). ``A[..., t, :, :]`` is at the state t and leads to t + 1.
    """

    qpos: Array
    qvel: Array
    act: Array
    sensordata: Array
    time: Array
    warmstart: Array
    steps: Array
    ended: dict[int, str]
    jacobians: Linearization | None

    def __repr__(self) -> str:
        with_jacobians = ", with jacobians" if self.jacobians is not None else ""
        return f"<Rollout: qpos {self.qpos.shape}{with_jacobians}>"
