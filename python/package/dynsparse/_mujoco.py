"""The MuJoCo of this environment: there, of the version that the engine is written for, and loaded before the engine is."""

from __future__ import annotations

import importlib

NEEDED = "3.17.0"


def check_mujoco() -> None:
    """Load MuJoCo, whose library the engine is linked to.

    Raises
    ------
    ImportError
        Where the package is missing or of another version; the message says what to install.
    """
    if not _is_main_interpreter():
        # MuJoCo's package waits for ever in another one.
        raise ImportError("dynsparse works in the main interpreter of a process only, as the packages of MuJoCo and numpy do")
    try:
        import mujoco
    except ImportError as error:
        raise ImportError(f"dynsparse needs MuJoCo {NEEDED}: pip install mujoco=={NEEDED} ({error})") from error
    if mujoco.__version__ != NEEDED:
        raise ImportError(
            f"dynsparse is written for MuJoCo {NEEDED} and this is {mujoco.__version__}: pip install mujoco=={NEEDED}"
        )
    from . import _native

    if _native.loaded_mujoco() != NEEDED:
        raise ImportError(
            f"the library of MuJoCo {_native.loaded_mujoco()} is loaded beside the package of {NEEDED}: "
            "unset LD_LIBRARY_PATH and LD_PRELOAD, or point them to that of the package"
        )


def _is_main_interpreter() -> bool:
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            interpreters = importlib.import_module(name)
            return bool(interpreters.get_current() == interpreters.get_main())
        except (ImportError, AttributeError):
            continue
    return True
