"""Builds from source with maturin, linked to the MuJoCo of the package `mujoco` where no other one is named.

A build needs MuJoCo's library under its plain name in the folder that MUJOCO_DYNAMIC_LINK_DIR names; the package has it under
its full name only.
"""

import contextlib
import os
import pathlib
import sys
import tempfile

import maturin
from maturin import (  # noqa: F401
    build_sdist,
    get_requires_for_build_sdist,
)

NEEDED = "mujoco==3.17.0"
VARIABLE = "MUJOCO_DYNAMIC_LINK_DIR"


def _requires(of_maturin):
    return [*of_maturin, *([] if os.environ.get(VARIABLE) else [NEEDED])]


def get_requires_for_build_wheel(config_settings=None):
    return _requires(maturin.get_requires_for_build_wheel(config_settings))


def get_requires_for_build_editable(config_settings=None):
    return _requires(maturin.get_requires_for_build_editable(config_settings))


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    return maturin.prepare_metadata_for_build_wheel(metadata_directory, config_settings)


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with _mujoco():
        return maturin.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    with _mujoco():
        return maturin.build_editable(wheel_directory, config_settings, metadata_directory)


@contextlib.contextmanager
def _mujoco():
    """A folder with MuJoCo's library, which the variable names for as long as it is there."""
    if os.environ.get(VARIABLE):
        yield
        return
    import mujoco

    pattern, plain = ("libmujoco.*.dylib", "libmujoco.dylib") if sys.platform == "darwin" else ("libmujoco.so.*", "libmujoco.so")
    package = pathlib.Path(mujoco.__file__).parent
    found = sorted(package.glob(pattern))
    if len(found) != 1:
        raise RuntimeError(f"{package} has not one library of MuJoCo; let {VARIABLE} name the folder of one")
    with tempfile.TemporaryDirectory() as folder:
        for name in (plain, found[0].name):
            os.symlink(found[0], os.path.join(folder, name))
        os.environ[VARIABLE] = folder
        try:
            yield
        finally:
            del os.environ[VARIABLE]
