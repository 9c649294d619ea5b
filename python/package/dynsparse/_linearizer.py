"""The linearizer of a model: one state or a batch of any shape, on all cores, without the interpreter's lock."""

from __future__ import annotations

import copy
import math
import operator
import os
from collections import OrderedDict
from typing import Any, Literal, get_args

import mujoco
import numpy as np
import numpy.typing as npt

from . import _native
from ._arrays import check_room, numbers, together
from ._linearization import Array, Linearization, Rollout
from ._models import ModelLike, Watch, is_task, load_model, mjb

Engine = Literal["auto", "implicit", "whole-step", "transition-fd"]
Solver = Literal["converged", "recording", "task"]
Errors = Literal["raise", "nan"]

_STATE = mujoco.mjtState.mjSTATE_INTEGRATION.value
# tree_asleep of a tree that has not rested yet.
_AWAKE = -11

# What a result may be without.
_ABSENT: dict[str, Any] = dict.fromkeys(("C", "D", "A_zero", "B_zero", "C_zero", "D_zero", "zero_floor", "kink"))


def _count(name: str, value: Any, least: int, most: int | None = None) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}; give a whole number") from None
    if number < least:
        raise ValueError(f"{name} is {number}; give at least {least}")
    if most is not None and number > most:
        raise ValueError(f"{name} is {number}; give at most {most}")
    return number


def _word(name: str, value: Any, known: Any) -> None:
    if not isinstance(value, str):
        raise ValueError(f"{name} is {value!r}; give one of " + ", ".join(f'"{word}"' for word in get_args(known)))


def _switch(name: str, value: Any) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} is {value!r}; give True or False")
    return bool(value)


class Linearizer:
    """Linearizes the steps of one model.

    Parameters
    ----------
    model : mujoco.MjModel, str or path
        A model, the path of an MJCF, URDF or MJB file, the text of an MJCF, or the name of a task (``"WalkerRun"``, see
        :func:`tasks`), whose model with its edits the command line program compiles. The engine has a copy of its own: a model that
        is edited afterwards is noticed, and refused with the name of the field (vertices of meshes, which are megabytes, are not
        looked at: make a new one).
    solver : {"converged", "recording", "task"}
        How hard the constraint solver works in the step that is differentiated. ``"converged"`` runs to its end (Newton's method,
        tolerance 1e-20); ``"recording"`` is what ``dynsparse record`` has by default (100 iterations of the model's solver, tolerance
        1e-10), so that the bits are those of a recording; ``"task"`` has the settings of the model, and what is differentiated then
        is where it stopped.
    engine : {"auto", "implicit", "whole-step", "transition-fd"}
        ``"auto"`` is implicit differentiation where it covers the model, and extrapolated differences of whole steps elsewhere.
    zero_test : bool
        Whether every entry is tested for zero, and every state for switches. Without it verdicts and kinks are None.
    substeps : int, optional
        Physics steps of a control step, a million at most: the matrices are those of so many steps under one control. By default
        those of the task, and 1 for a model.
    sensors : bool
        Whether sensors are differentiated too: C and D.
    threads : int, optional
        Threads for batches, 1024 at most; all cores by default.
    dtype : {numpy.float64, numpy.float32}
        Of A, B, C and D. They are computed in double precision.
    assets : str or path, optional
        Where the model files of tasks are, as ``cargo xtask setup`` fetches them; by default where the program looks for them (the
        environment variable ``DYNSPARSE_ASSETS``, a folder ``vendor`` here or above).

    Raises
    ------
    NotCoveredError
        Where the engine does not cover the model; the message names what.
    DynsparseError
        Where the model cannot mean anything, such as a time step that is not positive.

    Examples
    --------
    >>> lin = Linearizer("humanoid.xml", substeps=5)
    >>> out = lin(qpos, qvel, ctrl)          # qpos (1000, nq), qvel (1000, nv), ctrl (1000, nu)
    >>> out.A.shape                          # (1000, ndx, ndx)
    """

    def __init__(
        self,
        model: ModelLike,
        *,
        solver: Solver = "converged",
        engine: Engine = "auto",
        zero_test: bool = True,
        substeps: int | None = None,
        sensors: bool = False,
        threads: int | None = None,
        dtype: npt.DTypeLike = np.float64,
        assets: str | os.PathLike[str] | None = None,
    ) -> None:
        loaded = load_model(model, assets)
        self._model, label = loaded.model, loaded.label
        self._dtype = np.dtype(dtype)
        if self._dtype not in (np.dtype(np.float64), np.dtype(np.float32)):
            raise TypeError(f"dtype is {self._dtype}; give numpy.float64 or numpy.float32")
        self._substeps = _count("substeps", loaded.substeps if substeps is None else substeps, 1, 1_000_000)
        _word("solver", solver, Solver)
        _word("engine", engine, Engine)
        self._options: dict[str, Any] = dict(
            solver=solver, engine=engine, zero_test=_switch("zero_test", zero_test), sensors=_switch("sensors", sensors), threads=threads
        )
        native = {**self._options, "threads": 0 if threads is None else _count("threads", threads, 1, 1024)}
        self._watch = Watch(self._model)
        self._engine = _native.Engine(mjb(self._model), label, **native)
        sizes = self._engine.sizes
        self.nq, self.nv, self.nu, self.na, self.ndx, self.nsensordata, self._nmocap, self._nstate, self._ntree = sizes
        # Where trees sleep, a state goes on behind the integration state.
        self._nintegration = mujoco.mj_stateSize(self._model, _STATE)
        self.state_names, self.control_names, self.sensor_names = self._engine.names
        self.engine = self._engine.engine
        self.fallback = self._engine.fallback
        self._widths: dict[str, int | tuple[int, ...]] = {
            "qpos": self.nq, "qvel": self.nv, "ctrl": self.nu, "act": self.na, "warmstart": self.nv, "time": (),
            "mocap_pos": (self._nmocap, 3), "mocap_quat": (self._nmocap, 4), "state": self._nstate,
            "tree_asleep": self._ntree,
        }  # fmt: skip
        # Axes that are not of the batch.
        self._inner = {"time": 0, "mocap_pos": 2, "mocap_quat": 2}
        # What a result of one state has: the shape and type of each array.
        self._plain = self._results()

    @property
    def model(self) -> mujoco.MjModel:
        """The model. To edit it, take a copy, and make a linearizer of that."""
        return self._model

    @property
    def substeps(self) -> int:
        """Physics steps of a control step."""
        return self._substeps

    def __call__(
        self,
        qpos: mujoco.MjData | npt.ArrayLike | None = None,
        qvel: npt.ArrayLike | None = None,
        ctrl: npt.ArrayLike | None = None,
        act: npt.ArrayLike | None = None,
        *,
        time: npt.ArrayLike | None = None,
        warmstart: npt.ArrayLike | None = None,
        mocap_pos: npt.ArrayLike | None = None,
        mocap_quat: npt.ArrayLike | None = None,
        tree_asleep: npt.ArrayLike | None = None,
        state: npt.ArrayLike | None = None,
        out: Linearization | None = None,
        errors: Errors = "raise",
    ) -> Linearization:
        """Linearize the next control step at one state, or at a batch of states.

        Leading axes of all arrays go together as numpy broadcasts them; results have them too.

        Parameters
        ----------
        qpos : mujoco.MjData or array_like, shape (..., nq)
            A simulation, whose whole integration state is read and not changed; or positions, the model's default where left out.
        qvel, ctrl, act : array_like, shape (..., nv), (..., nu), (..., na)
            Velocities, controls, activations; zero where left out.
        time : array_like, shape (...)
            s.
        warmstart : array_like, shape (..., nv)
            The acceleration that the solver starts from (``qacc_warmstart``); it matters where a solver does not run to its end.
        mocap_pos, mocap_quat : array_like, shape (..., nmocap, 3), (..., nmocap, 4)
            Of mocap bodies.
        tree_asleep : array_like, shape (..., ntree)
            Which trees sleep, as ``MjData.tree_asleep``, where the model does (``<flag sleep="enable"/>``); at positions that are
            given all are awake where it is left out. What sleeps does so where its positions say.
        state : array_like, shape (..., nstate)
            Whole integration states (``mj_getState`` with ``mjSTATE_INTEGRATION``), which other arguments then change.
        out : Linearization, optional
            An earlier result of the same batch, whose arrays are written again.
        errors : {"raise", "nan"}
            What becomes of a batch where the step from a state fails: an exception that names it, or NaN and undecided there, with
            the reason in ``failed``.

        Returns
        -------
        Linearization

        Raises
        ------
        ValueError
            For wrong shapes, numbers that are none, an MjData of another model, and an `out` that does not fit.
        DynsparseError
            Where a step fails, and where the model has been edited.
        """
        given = dict(
            qvel=qvel, ctrl=ctrl, act=act, time=time, warmstart=warmstart, mocap_pos=mocap_pos, mocap_quat=mocap_quat,
            tree_asleep=tree_asleep, state=state,
        )  # fmt: skip
        batch, start = self._start(qpos, given)
        if batch and out is None:
            self._check_room(batch, 1, start, self._plain)
        arrays = self._empty(batch) if out is None else self._reused(out, batch)
        ended = self._run(batch, 1, start, arrays)
        result = self._linearization(arrays) if out is None else out
        result.failed = {i: why for i, _, why in ended}
        self._raise(batch, result.failed, errors)
        return result

    def step(
        self,
        qpos: mujoco.MjData | npt.ArrayLike | None = None,
        qvel: npt.ArrayLike | None = None,
        ctrl: npt.ArrayLike | None = None,
        act: npt.ArrayLike | None = None,
        *,
        jacobians: bool = False,
        **given: Any,
    ) -> Rollout:
        """Take one control step from one state, or from a batch of states, with the solver of the linearizer.

        As :meth:`rollout` over one step, without the axis of time in `ctrl`: results have T = 1.
        """
        if ctrl is not None:
            ctrl = np.expand_dims(numbers("ctrl", ctrl, self.nu), -2)
        return self.rollout(qpos, qvel, ctrl, act, jacobians=jacobians, **({"horizon": 1} if ctrl is None else {}), **given)

    def rollout(
        self,
        qpos: mujoco.MjData | npt.ArrayLike | None = None,
        qvel: npt.ArrayLike | None = None,
        ctrl: npt.ArrayLike | None = None,
        act: npt.ArrayLike | None = None,
        *,
        horizon: int | None = None,
        jacobians: bool = True,
        **given: Any,
    ) -> Rollout:
        """Follow trajectories, with the linearization of every step.

        Parameters
        ----------
        qpos, qvel, act
            Where trajectories begin, as in :meth:`__call__`; `given` may have its ``time``, ``warmstart``, ``mocap_pos``,
            ``mocap_quat``, ``tree_asleep`` and ``state``.
        ctrl : array_like, shape (..., T, nu)
            Controls of T control steps. Left out, those of the simulation (or none) are held for `horizon` steps.
        horizon : int, optional
            T, where `ctrl` does not say it.
        jacobians : bool
            Whether steps are linearized.

        Returns
        -------
        Rollout
            A trajectory that diverges ends there: ``steps`` says how far it holds, and the rest is NaN.
        """
        unknown = set(given) - {"time", "warmstart", "mocap_pos", "mocap_quat", "tree_asleep", "state"}
        if unknown:
            raise TypeError(f"there is no argument {sorted(unknown)[0]!r}")
        controls = {}
        if ctrl is not None:
            array = numbers("ctrl", ctrl, self.nu)
            if array.ndim < 2:
                raise ValueError(f"ctrl has the shape {array.shape}, where (..., T, {self.nu}) is needed")
            if horizon is not None and horizon != array.shape[-2]:
                raise ValueError(f"horizon is {horizon}, and ctrl has {array.shape[-2]} steps")
            horizon, controls = array.shape[-2], {"ctrl": array}
        elif horizon is None:
            raise ValueError("give ctrl, or a horizon")
        steps = _count("horizon", horizon, 0)
        batch, start = self._start(qpos, dict(given, qvel=qvel, act=act), controls)
        self._check_room(batch, steps, start, self._plain if jacobians else {})
        matrices = self._empty((*batch, steps)) if jacobians else {}
        sizes = {"qpos": self.nq, "qvel": self.nv, "act": self.na, "sensordata": self.nsensordata, "time": 1, "warmstart": self.nv}
        after = {name: np.empty((*batch, steps, size)) for name, size in sizes.items()}
        ended = self._run(batch, steps, start, {**after, **matrices})
        held = np.full(math.prod(batch), steps)
        for i, number, _ in ended:
            held[i] = number
        first = self._first(batch, start)
        along = {name: np.concatenate([first[name][..., None, :], after[name]], axis=-2) for name in first}
        return Rollout(
            qpos=along["qpos"],
            qvel=along["qvel"],
            act=along["act"],
            sensordata=after["sensordata"],
            time=along["time"][..., 0],
            warmstart=along["warmstart"][..., -1, :],
            steps=held.reshape(batch),
            ended={i: why for i, _, why in ended},
            jacobians=self._linearization(matrices) if jacobians else None,
        )

    def difference(self, q1: npt.ArrayLike, q0: npt.ArrayLike) -> Array:
        """The tangent vectors that lead from `q0` to `q1`.

        Parameters
        ----------
        q1, q0 : array_like, shape (..., nq)

        Returns
        -------
        ndarray, shape (..., nv)
            rad or m; with quaternions it is not ``q1 - q0``.
        """
        arrays = {"q1": numbers("q1", q1, self.nq), "q0": numbers("q0", q0, self.nq)}
        batch, rows = together(arrays, {})
        count = math.prod(batch)
        full = {name: np.ascontiguousarray(np.broadcast_to(array, (count, self.nq))) for name, array in rows.items()}
        return self._engine.difference(full["q1"], full["q0"]).reshape(*batch, self.nv)

    def integrate(self, q: npt.ArrayLike, dq: npt.ArrayLike) -> Array:
        """Positions moved along tangent vectors: ``difference(integrate(q, dq), q)`` is `dq`.

        Parameters
        ----------
        q : array_like, shape (..., nq)
        dq : array_like, shape (..., nv)
            rad or m.

        Returns
        -------
        ndarray, shape (..., nq)
        """
        arrays = {"q": numbers("q", q, self.nq), "dq": numbers("dq", dq, self.nv)}
        batch, rows = together(arrays, {})
        count = math.prod(batch)
        full = {name: np.ascontiguousarray(np.broadcast_to(a, (count, a.shape[-1]))) for name, a in rows.items()}
        return self._engine.integrate(full["q"], full["dq"]).reshape(*batch, self.nq)

    def _start(
        self, qpos: Any, given: dict[str, Any], controls: dict[str, np.ndarray] | None = None
    ) -> tuple[tuple[int, ...], dict[str, np.ndarray]]:
        """Where a batch begins: its shape, and rows for the engine."""
        edited = self._watch.changed()
        if edited is not None:
            raise _native.DynsparseError(
                f"{edited} of the model has been edited since this Linearizer was made of it; make a new one, or give it a copy of "
                "the model that stays as it is"
            )
        inner = self._inner
        if isinstance(qpos, mujoco.MjData):
            named = [name for name, value in given.items() if value is not None and name != "ctrl"]
            if named:
                raise _given_twice(named[0])
            arrays = {"state": self._integration_state(qpos)}
            if given.get("ctrl") is not None:
                arrays["ctrl"] = numbers("ctrl", given["ctrl"], self.nu)
        else:
            given = dict(given, qpos=qpos)
            if given.get("state") is not None:
                given["state"] = self._whole_state(given["state"])
            arrays = {name: numbers(name, x, self._widths[name]) for name, x in given.items() if x is not None}
        if controls:
            arrays.update(controls)
            inner = {**inner, "ctrl": 2}
        return together(arrays, inner)

    def _integration_state(self, data: mujoco.MjData) -> np.ndarray:
        if data.signature != self._model.signature:
            raise ValueError("the MjData is one of another model than that of this Linearizer")
        state = np.empty(self._nintegration)
        mujoco.mj_getState(self._model, data, state, _STATE)
        if self._nstate == self._nintegration:
            return state
        if (data.tree_asleep >= 0).any():
            # What was moved since the last step wakes in the next one.
            data = copy.copy(data)
            mujoco.mj_kinematics(self._model, data)
        return np.concatenate([state, data.tree_asleep, data.qacc_smooth, data.act_dot, data.sensordata])

    def _whole_state(self, state: npt.ArrayLike) -> npt.ArrayLike:
        """Integration states of a model that sleeps, with all trees awake where they do not say."""
        array = np.asarray(state)
        if self._nstate == self._nintegration or array.ndim == 0 or array.shape[-1] != self._nintegration:
            return state
        rest = np.zeros((*array.shape[:-1], self._nstate - self._nintegration))
        rest[..., : self._ntree] = _AWAKE
        return np.concatenate([array, rest], axis=-1)

    def _first(self, batch: tuple[int, ...], start: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The states that trajectories begin at."""
        widths = {"qpos": self.nq, "qvel": self.nv, "act": self.na, "time": 1, "warmstart": self.nv}
        first = {"qpos": self._model.qpos0, "qvel": np.zeros(self.nv), "act": np.zeros(self.na)}
        first.update(time=np.zeros(1), warmstart=np.zeros(self.nv))
        if "state" in start:
            for name in first:
                # A state has its parts in the order of their bits.
                bit = getattr(mujoco.mjtState, f"mjSTATE_{name.upper()}").value
                at = mujoco.mj_stateSize(self._model, _STATE & (bit - 1))
                first[name] = start["state"][:, at : at + widths[name]]
        first.update({name: start[name] for name in widths if name in start})
        count = math.prod(batch)
        return {name: np.broadcast_to(first[name], (count, n)).reshape(*batch, n) for name, n in widths.items()}

    def _check_room(self, batch: tuple[int, ...], horizon: int, start: dict[str, np.ndarray], results: dict[str, Any]) -> None:
        """Whether there is memory for results, for states along trajectories, and for the copy that the engine takes of the beginnings."""
        of_step = sum(math.prod(shape) * dtype.itemsize for shape, dtype in results.values())
        if horizon > 1 or not results:
            of_step += 16 * (self.nq + 2 * self.nv + self.na + 1) + 8 * self.nsensordata
        count = math.prod(batch)
        check_room(f"a batch of {count} of {horizon} steps", count * horizon * of_step + sum(rows.nbytes for rows in start.values()))

    def _results(self) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
        n, nu, ns = self.ndx, self.nu, self.nsensordata
        matrices = {"A": (n, n), "B": (n, nu)}
        if self._options["sensors"]:
            matrices.update(C=(ns, n), D=(ns, nu))
        double, byte = np.dtype(np.float64), np.dtype(np.uint8)
        found: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {name: (shape, self._dtype) for name, shape in matrices.items()}
        if self._options["zero_test"]:
            found.update({f"{name}_zero": (shape, byte) for name, shape in matrices.items()})
            found.update(zero_floor=((n,), double), kink=((), double))
        found["flags"] = ((), np.dtype(np.uint32))
        return found

    def _empty(self, batch: tuple[int, ...]) -> dict[str, np.ndarray]:
        """The arrays of a result for a batch, with nothing in them: views, which nobody can resize while they are written."""
        return {name: np.empty(batch + shape, dtype)[...] for name, (shape, dtype) in self._plain.items()}

    def _linearization(self, arrays: dict[str, np.ndarray]) -> Linearization:
        return Linearization(
            **{**_ABSENT, **arrays},
            engine=self.engine,
            state_names=self.state_names,
            control_names=self.control_names,
            sensor_names=self.sensor_names if self._options["sensors"] else [],
        )

    def _reused(self, out: Linearization, batch: tuple[int, ...]) -> dict[str, np.ndarray]:
        """The arrays of an earlier result, to be written again."""
        if not isinstance(out, Linearization):
            raise TypeError(f"out is of type {type(out).__name__}; give a Linearization of this Linearizer")
        wanted, given = self._plain, out._arrays()
        if wanted.keys() != given.keys():
            raise ValueError("out comes from a Linearizer with other settings: " + ", ".join(sorted(wanted.keys() ^ given.keys())))
        for name, array in given.items():
            shape, dtype = batch + wanted[name][0], wanted[name][1]
            if not isinstance(array, np.ndarray) or array.shape != shape or array.dtype != dtype:
                found = f"{array.shape} of {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
                raise ValueError(f"out.{name} is {found}, where {shape} of {dtype} is needed")
        return given

    def _run(
        self, batch: tuple[int, ...], horizon: int, start: dict[str, np.ndarray], out: dict[str, np.ndarray]
    ) -> list[tuple[int, int, str]]:
        return self._engine.run(math.prod(batch), horizon, self._substeps, start, out)

    @staticmethod
    def _raise(batch: tuple[int, ...], failed: dict[int, str], errors: str) -> None:
        if errors not in ("raise", "nan"):
            raise ValueError(f'errors is {errors!r}; give "raise" or "nan"')
        if failed and errors == "raise":
            first, why = next(iter(failed.items()))
            where = f"state {tuple(map(int, np.unravel_index(first, batch)))}: " if batch else ""
            more = f" (and {len(failed) - 1} states more; errors=\"nan\" goes on without them)" if len(failed) > 1 else ""
            raise _native.DynsparseError(f"{where}{why}{more}")

    def __repr__(self) -> str:
        return f"<Linearizer: engine {self.engine!r}, nq {self.nq}, nv {self.nv}, nu {self.nu}, na {self.na}>"

    def __reduce__(self) -> tuple[Any, ...]:
        # A process of its own (spawn) gets the model as bytes.
        return _rebuilt, (self._model, {**self._options, "substeps": self._substeps, "dtype": self._dtype})


def _rebuilt(model: mujoco.MjModel, options: dict[str, Any]) -> Linearizer:
    return Linearizer(model, **options)


# Linearizers of models that functions were called with, the last one last.
_KEPT: OrderedDict[tuple[Any, ...], Linearizer] = OrderedDict()
_MOST = 8


def linearizer_of(model: ModelLike | Linearizer, **options: Any) -> Linearizer:
    """A linearizer of the model, the last one again where model and options are the same."""
    if isinstance(model, Linearizer):
        if options:
            raise TypeError(f"{sorted(options)[0]} is a matter of the Linearizer that is given")
        return model
    task = is_task(model)
    if not task and not isinstance(model, mujoco.MjModel):
        return Linearizer(model, **options)
    for value in options.values():
        if isinstance(value, (list, dict, set, np.ndarray)):
            # No option is one of these, and the Linearizer says which are.
            return Linearizer(model, **options)
    # A task is compiled once.
    key = (model if task else id(model), *sorted(options.items()))
    # Each access is one operation, so that threads do not meet in the middle.
    kept = _KEPT.pop(key, None)
    if kept is None or kept._watch.changed(meshes=True) is not None:
        kept = Linearizer(model, **options)
    _KEPT[key] = kept
    while len(_KEPT) > _MOST:
        try:
            _KEPT.popitem(last=False)
        except KeyError:
            break
    return kept


def linearize(
    model: ModelLike | Linearizer,
    data: mujoco.MjData | None = None,
    *,
    qpos: npt.ArrayLike | None = None,
    qvel: npt.ArrayLike | None = None,
    ctrl: npt.ArrayLike | None = None,
    act: npt.ArrayLike | None = None,
    **options: Any,
) -> Linearization:
    """The linear model of the next step.

    Parameters
    ----------
    model : mujoco.MjModel, str, path or Linearizer
        See :class:`Linearizer`. One that is edited between two calls is taken as it is.
    data : mujoco.MjData, optional
        A simulation of the model; its whole integration state (warm start too) is read and not changed.
    qpos, qvel, ctrl, act : array_like, shape (..., nq), (..., nv), (..., nu), (..., na)
        The state in its place, or a batch of them.
    **options
        Of :class:`Linearizer`: ``engine``, ``solver``, ``sensors``, ``zero_test``, ``substeps``, ``threads``, ``dtype``,
        ``assets``.

    Returns
    -------
    Linearization

    Examples
    --------
    >>> lin = dynsparse.linearize(model, data)
    >>> for name, gain in zip(lin.state_names, lin.B[:, 0]):
    ...     print(f"{name:>20} {gain:10.6f}")
    """
    return linearizer_of(model, **options)(_place(data, qpos), qvel, ctrl, act)


def _place(data: mujoco.MjData | None, qpos: npt.ArrayLike | None) -> mujoco.MjData | npt.ArrayLike | None:
    """A simulation, or positions in its place."""
    if data is None:
        return qpos
    if not isinstance(data, mujoco.MjData):
        raise TypeError(f"data is of type {type(data).__name__}; give a mujoco.MjData, or arrays by their names")
    if qpos is not None:
        raise _given_twice("qpos")
    return data


def _given_twice(name: str) -> ValueError:
    return ValueError(f"{name} is given, and an MjData, which has one; give arrays only, or the MjData only")


def step(
    model: ModelLike | Linearizer,
    data: mujoco.MjData | None = None,
    *,
    qpos: npt.ArrayLike | None = None,
    qvel: npt.ArrayLike | None = None,
    ctrl: npt.ArrayLike | None = None,
    act: npt.ArrayLike | None = None,
    jacobians: bool = False,
    **options: Any,
) -> Rollout:
    """Take one control step from one state, or from each state of a batch. Arguments are those of :func:`linearize`.

    Returns
    -------
    Rollout
        With T = 1: ``qpos[..., 1, :]`` is the next position. `data` is not changed.
    """
    return linearizer_of(model, **options).step(_place(data, qpos), qvel, ctrl, act, jacobians=jacobians)
