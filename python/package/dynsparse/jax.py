"""A step of MuJoCo as an operation of JAX, with its exact derivative.

``pip install dynsparse[jax]``. The step runs on the host (``jax.pure_callback``), under ``jit``, ``vmap``, ``grad``, ``jvp`` and
``jacfwd``. Enable double precision (``jax.config.update("jax_enable_x64", True)``) unless single is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np

from ._charts import Charts
from ._linearizer import Linearizer, linearizer_of
from ._models import ModelLike
from ._native import DynsparseError

__all__ = ["step"]


def step(
    model: ModelLike | Linearizer, qpos: Any, qvel: Any, ctrl: Any, act: Any = None, **options: Any
) -> tuple[jax.Array, ...]:
    """The next state: one control step of MuJoCo, differentiable in forward and reverse mode.

    The derivative is exact, in the coordinates of qpos; what is said of kinks, quaternions and ranges of controls at
    :func:`dynsparse.torch.step` holds here too. There is no second derivative.

    Parameters
    ----------
    model : mujoco.MjModel, str, path or dynsparse.Linearizer
        A Linearizer has its own options; otherwise `options` are those of one. Without the zero test it is faster, and states without a
        derivative are not told.
    qpos, qvel, ctrl : Array, shape (..., nq), (..., nv), (..., nu)
        Leading axes go together as numpy broadcasts them.
    act : Array, shape (..., na), optional
        Activations, where the model has some.

    Returns
    -------
    qpos, qvel : Array, shape (..., nq), (..., nv)
        The next state, of the type of `qpos`.
    act : Array, shape (..., na)
        Where `act` is given.

    Raises
    ------
    TypeError, ValueError
        For what is no array of real numbers, and for wrong shapes.
    jax.errors.JaxRuntimeError
        Where a step fails: JAX puts the exception of the step into the text of its own.
    """
    lin = linearizer_of(model, **options)
    qpos, qvel, ctrl = _array("qpos", qpos, lin.nq), _array("qvel", qvel, lin.nv), _array("ctrl", ctrl, lin.nu)
    own = jnp.zeros(lin.na, qpos.dtype) if act is None else _array("act", act, lin.na)
    batch = jnp.broadcast_shapes(*(x.shape[:-1] for x in (qpos, qvel, ctrl, own)))
    inputs = [jnp.broadcast_to(x, (*batch, x.shape[-1])) for x in (qpos, qvel, ctrl, own)]
    out = _operation(lin)(*inputs)
    return out if act is not None else out[:2]


def _array(name: str, value: Any, width: int) -> jax.Array:
    """An array of the floats that are the default, which may be a tracer; its shape is known at any rate."""
    array = jnp.asarray(value)
    if not (jnp.issubdtype(array.dtype, jnp.floating) or jnp.issubdtype(array.dtype, jnp.integer)):
        raise TypeError(f"{name} holds {array.dtype}; give real numbers")
    if not array.ndim or array.shape[-1] != width:
        raise ValueError(f"{name} has the shape {array.shape}, where (..., {width}) is needed")
    return array.astype(jnp.result_type(float))


_OPERATIONS: WeakKeyDictionary[Linearizer, Callable[..., Any]] = WeakKeyDictionary()


def _operation(lin: Linearizer) -> Callable[..., Any]:
    """The operation of a linearizer, made once."""
    found = _OPERATIONS.get(lin)
    if found is None:
        found = _OPERATIONS.setdefault(lin, _made(lin))
    return found


def _made(lin: Linearizer) -> Callable[..., Any]:
    charts = Charts(lin)
    n, nu = lin.ndx, lin.nu

    def on_host(jacobians: bool) -> Callable[..., Any]:
        def run(qpos: Any, qvel: Any, ctrl: Any, act: Any) -> tuple[np.ndarray, ...]:
            dtype = np.asarray(qpos).dtype
            out = lin.step(*(np.asarray(x, np.float64) for x in (qpos, qvel, ctrl, act)), jacobians=jacobians)
            if out.ended:
                first, why = next(iter(out.ended.items()))
                raise DynsparseError(f"state {first} of the batch: {why}")
            found = [x[..., 1, :] for x in (out.qpos, out.qvel, out.act)]
            if out.jacobians is not None:
                found += [m[..., 0, :, :] for m in (out.jacobians.A, out.jacobians.B)]
            return tuple(np.asarray(x, dtype) for x in found)

        return run

    def call(jacobians: bool, *inputs: Any) -> Any:
        batch, dtype = inputs[0].shape[:-1], inputs[0].dtype
        shapes = [(lin.nq,), (lin.nv,), (lin.na,)] + ([(n, n), (n, nu)] if jacobians else [])
        results = [jax.ShapeDtypeStruct((*batch, *shape), dtype) for shape in shapes]
        return jax.pure_callback(on_host(jacobians), tuple(results), *inputs, vmap_method="broadcast_all")

    @jax.custom_jvp
    def operation(qpos: Any, qvel: Any, ctrl: Any, act: Any) -> Any:
        return call(False, qpos, qvel, ctrl, act)

    @operation.defjvp
    def derivative(primals: Any, tangents: Any) -> Any:
        *after, a, b = call(True, *primals)
        dq, dv, du, da = tangents
        dx = jnp.concatenate([charts.to_tangent(jnp, primals[0], dq), dv, da], -1)
        moved = (a @ dx[..., None])[..., 0] + (b @ du[..., None])[..., 0]
        dq = charts.to_qpos(jnp, after[0], moved[..., : lin.nv])
        return tuple(after), (dq, moved[..., lin.nv : 2 * lin.nv], moved[..., 2 * lin.nv :])

    return operation
