"""A step of MuJoCo as an operation of PyTorch, with its exact gradient.

``pip install dynsparse[torch]``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ._charts import Charts
from ._linearizer import Linearizer, linearizer_of
from ._models import ModelLike
from ._native import DynsparseError
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
    control outside of its range has the gradient zero, at its end that towards the inside. There is no second derivative, and who asks
    for one gets an exception.

    From PyTorch 2.0 on ``torch.func`` (``vmap``, ``grad``, ``jacrev``, ``jacfwd``, ``jvp``, and one inside of another) and forward-mode AD
    work, too; under ``vmap`` all states go as one batch. ``torch.compile`` leaves the step out of its graphs.

    Parameters
    ----------
    model : mujoco.MjModel, str, path or dynsparse.Linearizer
        A Linearizer has its own options; otherwise `options` are those of one. Without the zero test it is faster, and states without a
        derivative are not told.
    qpos, qvel, ctrl : Tensor, shape (..., nq), (..., nv), (..., nu)
        Leading axes go together as PyTorch broadcasts them. Computed in double precision on the CPU. Arrays become tensors of
        float64.
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
    TypeError, ValueError
        For what is no dense tensor of real numbers, and for wrong shapes.
    dynsparse.DynsparseError
        Where a step fails.
    """
    lin = linearizer_of(model, **options)
    inputs = [_tensor(name, x) for name, x in (("qpos", qpos), ("qvel", qvel), ("ctrl", ctrl))]
    if act is not None:
        inputs.append(_tensor("act", act))
    elif lin.na:
        inputs.append(inputs[0].new_zeros(lin.na))
    batch = torch.broadcast_shapes(*(x.shape[:-1] for x in inputs))
    inputs = [x.expand(*batch, x.shape[-1]) for x in inputs]
    wanted = torch.is_grad_enabled() and any(x.requires_grad for x in inputs)
    out = _apply(lin, wanted, *inputs)
    return out[: 3 if act is not None else 2]


def _tensor(name: str, value: Any) -> torch.Tensor:
    if not isinstance(value, torch.Tensor):
        value = torch.as_tensor(value, dtype=torch.float64)
    if value.is_complex() or value.dtype == torch.bool:
        raise TypeError(f"{name} holds {value.dtype}; give real numbers")
    if value.layout != torch.strided or value.is_meta:
        raise TypeError(f"{name} is {'on meta' if value.is_meta else value.layout}; give a dense tensor that holds numbers")
    if not value.ndim:
        raise ValueError(f"{name} has the shape (), where (..., n) is needed")
    return value


class _Step(torch.autograd.Function):
    """x' = f(x, u) with x = (qpos, qvel, act).

    Gives act' where act is given, and then A and B, which have no entries where they are not `wanted`: what has no gradient yet may
    get one by a transform further out, and they are computed then.
    """

    @staticmethod
    def forward(lin: Linearizer, wanted: bool, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        out = lin.step(*map(_numbers, inputs), jacobians=wanted)
        if out.ended:
            first, why = next(iter(out.ended.items()))
            raise DynsparseError(f"state {first} of the batch: {why}")
        like = inputs[0]
        after = [torch.from_numpy(x[..., 1, :].copy()) for x in (out.qpos, out.qvel, out.act)[: len(inputs) - 1]]
        dtype = like.dtype if like.is_floating_point() else torch.float64
        after = [x.to(like.device, dtype) for x in after]
        if out.jacobians is None:
            return (*after, *(like.new_empty((*like.shape[:-1], 0), dtype=torch.float64, device="cpu") for _ in "AB"))
        return (*after, *(torch.from_numpy(m[..., 0, :, :]).to(torch.float64) for m in (out.jacobians.A, out.jacobians.B)))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
        ctx.lin, ctx.wanted, *x = inputs
        ctx.mark_non_differentiable(*output[-2:])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*x, output[0], *output[-2:])
        if hasattr(ctx, "save_for_forward"):
            ctx.save_for_forward(*x, output[0], *output[-2:])

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        *x, after, a, b = ctx.saved_tensors
        lin, wanted, count = ctx.lin, ctx.wanted, len(x)
        g = [like.new_zeros(like.shape) if given is None else given for given, like in zip(grads, (after, *x[1:2], *x[3:]))]

        def pull(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
            x, (after, a, b), g = tensors[:count], tensors[count : count + 3], [_double(t) for t in tensors[count + 3 :]]
            charts = Charts(lin)
            a, b = _matrices(lin, wanted, x, a, b)
            g[0] = charts.from_next(torch, _double(after), g[0])
            row = torch.cat(g, -1)[..., None, :]
            before, ctrl = (row @ a)[..., 0, :], (row @ b)[..., 0, :]
            found = [charts.from_tangent(torch, _double(x[0]), before[..., : lin.nv]), before[..., lin.nv : 2 * lin.nv], ctrl]
            if count > 3:
                found.append(before[..., 2 * lin.nv :])
            return tuple(y.to(like.device, like.dtype) for y, like in zip(found, x))

        return (None, None, *_once(pull, *x, after, a, b, *g))

    @staticmethod
    def jvp(ctx: Any, _lin: None, _wanted: None, *tangents: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        *x, after, a, b = ctx.saved_tensors
        lin, wanted, count = ctx.lin, ctx.wanted, len(x)
        dx = [torch.zeros_like(like) if given is None else given for given, like in zip(tangents, x)]

        def push(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
            x, (after, a, b), dx = tensors[:count], tensors[count : count + 3], [_double(t) for t in tensors[count + 3 :]]
            charts = Charts(lin)
            a, b = _matrices(lin, wanted, x, a, b)
            column = torch.cat([charts.to_tangent(torch, _double(x[0]), dx[0]), dx[1], *dx[3:]], -1)[..., None]
            moved = (a @ column + b @ dx[2][..., None])[..., 0]
            found = [charts.to_qpos(torch, _double(after), moved[..., : lin.nv]), moved[..., lin.nv : 2 * lin.nv]]
            if count > 3:
                found.append(moved[..., 2 * lin.nv :])
            return tuple(y.to(after.device, after.dtype) for y in found)

        return (*_once(push, *x, after, a, b, *dx), None, None)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], lin: Linearizer, wanted: bool, *inputs: torch.Tensor) -> Any:
        moved = [
            x.expand(info.batch_size, *x.shape) if at is None else x.movedim(at, 0) for x, at in zip(inputs, in_dims[2:])
        ]
        out = _apply(lin, wanted, *moved)
        return out, (0,) * len(out)


class _Once(torch.autograd.Function):
    """What a function makes of tensors, without a derivative of its own: A and B are no constants, and who differentiates again must not
    take them for such."""

    generate_vmap_rule = True

    @staticmethod
    def forward(what: Callable[..., tuple[torch.Tensor, ...]], *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return what(*tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        raise RuntimeError("dynsparse.torch.step has no second derivative")

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        raise RuntimeError("dynsparse.torch.step has no second derivative")


def _classic(function: Any) -> Any:
    """The same for PyTorch before 2.0, where `forward` has a context."""

    def forward(ctx: Any, *inputs: Any) -> Any:
        out = function.forward(*inputs)
        function.setup_context(ctx, inputs, out)
        return out

    kept = {"forward": staticmethod(forward), "backward": staticmethod(function.backward)}
    return type(function.__name__, (torch.autograd.Function,), kept)


if hasattr(torch.autograd.Function, "setup_context"):
    _apply, _once = _Step.apply, _Once.apply
else:
    _apply, _once = _classic(_Step).apply, _classic(_Once).apply
if hasattr(torch, "compiler") and hasattr(torch.compiler, "disable"):
    step = torch.compiler.disable(step)


def _numbers(x: torch.Tensor) -> Any:
    return x.detach().to("cpu", torch.float64).resolve_neg().numpy()


def _double(x: torch.Tensor) -> torch.Tensor:
    return x.to("cpu", torch.float64)


def _matrices(lin: Linearizer, there: bool, x: Any, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A and B, computed now where they are not there."""
    if there:
        return a, b
    return _Matrices.apply(lin, *x) if hasattr(torch.autograd.Function, "setup_context") else _Matrices.forward(lin, *x)


class _Matrices(torch.autograd.Function):
    """A and B of a step."""

    @staticmethod
    def forward(lin: Linearizer, *x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return _Step.forward(lin, True, *x)[-2:]  # type: ignore[return-value]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
        ctx.mark_non_differentiable(*output)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], lin: Linearizer, *inputs: torch.Tensor) -> Any:
        moved = [
            x.expand(info.batch_size, *x.shape) if at is None else x.movedim(at, 0) for x, at in zip(inputs, in_dims[1:])
        ]
        return _Matrices.apply(lin, *moved), (0, 0)
