"""Exact Jacobians of MuJoCo.

A step of MuJoCo maps a state and a control to the next state and to sensor values. Near a state it is linear,

    dx' = A dx + B du        A: ndx x ndx    B: ndx x nu
    dy  = C dx + D du        C: ns x ndx     D: ns x nu

with the tangent state dx = (dq, dqvel, dact) of ndx = 2 nv + na numbers. This module computes the matrices by implicit
differentiation of the constraint solve, says of every entry whether it is zero, and marks states without a derivative.

>>> import mujoco, dynsparse
>>> model = mujoco.MjModel.from_xml_path("humanoid.xml")
>>> data = mujoco.MjData(model)
>>> lin = dynsparse.linearize(model, data)
>>> lin.A.shape, lin.state_names[:2]
"""

from ._mujoco import check_mujoco as _check_mujoco

_check_mujoco()

from ._dataset import Batches, Dataset, batches  # noqa: E402
from ._linearization import Flags, Linearization, Rollout, Verdict  # noqa: E402
from ._linearizer import Linearizer, linearize, step  # noqa: E402
from ._native import DynsparseError, NotCoveredError, __version__  # noqa: E402
from ._program import analyze, open, record, tasks  # noqa: E402, A004

__all__ = [
    "Batches",
    "Dataset",
    "DynsparseError",
    "Flags",
    "Linearization",
    "Linearizer",
    "NotCoveredError",
    "Rollout",
    "Verdict",
    "__version__",
    "analyze",
    "batches",
    "linearize",
    "open",
    "record",
    "step",
    "tasks",
]
