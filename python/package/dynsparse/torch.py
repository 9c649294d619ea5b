"""A step of MuJoCo as an operation of PyTorch, with its exact gradient.

``pip install dynsparse[torch]``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from ._charts import Charts
from ._linearizer import Linearizer, linearizer_of
from ._models import ModelLike
from ._torch_dataset import Dataset

__all__ = ["Dataset", "step"]


def step(
    model: ModelLike | Linearizer,
    qpos: torch.Tensor,
    qvel: torch.Tensor,
    ctrl: torch.Tensor,
    act: torch.Tensor | None = None,
    **options: Any,
) -> tuple[torch.Tensor, ...]:
    """The next state: one control step of MuJoCo, differentiable.

    The gradient is exact, in the coordinates of qpos: the matrices A and B of the step, and the charts of quaternions around them.
    A quaternion that is no unit is normalized, as MuJoCo does, and so has no gradient along itself.

    At a kink (a contact that opens or closes, a limit that begins) there are two derivatives, and the gradient is that of one side or
    of their mean; where there is none it is NaN. The flags of :class:`dynsparse.Linearization` at the same states say where. A
    control outside of its range has the gradient zero, at its end that towards the inside. There is no second derivative.

    Parameters
    ----------
    model : mujoco.MjModel, str, path or dynsparse.Linearizer
        A Linearizer has its own options; otherwise `options` are those of one. Without the zero test it is faster, and states without a
        derivative are not told.
    qpos, qvel, ctrl : Tensor, shape (..., nq), (..., nv), (..., nu)
        Leading axes go together as PyTorch broadcasts them. Computed in double precision on the CPU.
    act : Tensor, shape (..., na), optional
        Activations, where the model has some.

    Returns
    -------
    qpos, qvel : Tensor, shape (..., nq), (..., nv)
        The next state, of the type and device of `qpos`.
    act : Tensor, shape (..., na)
        Where `act` is given.

    Raises
    ------
    dynsparse.DynsparseError
        Where a step fails.
    """
    lin = linearizer_of(model, **options)
    inputs = [qpos, qvel, ctrl]
    if act is not None:
        inputs.append(act)
    elif lin.na:
        inputs.append(qpos.new_zeros(lin.na))
    batch = torch.broadcast_shapes(*(x.shape[:-1] for x in inputs))
    inputs = [x.expand(*batch, x.shape[-1]) for x in inputs]
    out = _Step.apply(lin, *inputs)
    return out if act is not None else out[:2]


class _Step(torch.autograd.Function):
    """x' = f(x, u) with x = (qpos, qvel, act)."""

    @staticmethod
    def forward(ctx: Any, lin: Linearizer, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        wanted = any(ctx.needs_input_grad[1:])
        arrays = [x.detach().to("cpu", torch.float64).numpy() for x in inputs]
        out = lin.step(*arrays, jacobians=wanted)
        if out.ended:
            first, why = next(iter(out.ended.items()))
            raise _failed(first, why)
        like = inputs[0]
        after = [torch.from_numpy(x[..., 1, :].copy()) for x in (out.qpos, out.qvel, out.act)[: len(inputs) - 1]]
        if out.jacobians is not None:
            a, b = (torch.from_numpy(m[..., 0, :, :]).to(torch.float64) for m in (out.jacobians.A, out.jacobians.B))
            ctx.lin = lin
            ctx.save_for_backward(torch.from_numpy(arrays[0].copy()), after[0], a, b)
            ctx.types = [(x.dtype, x.device) for x in inputs]
        return tuple(x.to(like.device, like.dtype) for x in after)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        qpos, qpos_next, a, b = ctx.saved_tensors
        lin, charts = ctx.lin, Charts(ctx.lin)
        g = [x.to("cpu", torch.float64) for x in grads]
        g[0] = charts.from_next(torch, qpos_next, g[0])
        after = torch.cat(g, -1)[..., None, :]
        before, ctrl = (after @ a)[..., 0, :], (after @ b)[..., 0, :]
        found = [charts.from_tangent(torch, qpos, before[..., : lin.nv]), before[..., lin.nv : 2 * lin.nv], ctrl]
        if lin.na and len(ctx.types) > 3:
            found.append(before[..., 2 * lin.nv :])
        return (None, *(x.to(device, dtype) for x, (dtype, device) in zip(found, ctx.types)))


def _failed(at: int, why: str) -> Exception:
    from ._native import DynsparseError

    return DynsparseError(f"state {at} of the batch: {why}")
