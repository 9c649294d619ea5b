"""Builds with maturin, from sources that are complete, linked to the MuJoCo of the package `mujoco` where no other one is named.

A build needs MuJoCo's library under its plain name in the folder that MUJOCO_DYNAMIC_LINK_DIR names; the package has it under
its full name only. The manifest of the workspace goes into the sources for what its crates inherit of it, and nothing else of it is
there: so its own package is taken out.
"""

import contextlib
import gzip
import io
import os
import pathlib
import sys
import tarfile
import tempfile

import maturin
from maturin import get_requires_for_build_sdist  # noqa: F401

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


def build_sdist(sdist_directory, config_settings=None):
    name = maturin.build_sdist(sdist_directory, config_settings)
    file = pathlib.Path(sdist_directory, name)
    plain = io.BytesIO()
    with tarfile.open(file) as given, tarfile.open(fileobj=plain, mode="w") as out:
        for member in given:
            data = given.extractfile(member).read() if member.isfile() else b""
            if member.name.count("/") == 1 and member.name.endswith("/Cargo.toml"):
                data = _workspace(data.decode()).encode()
                member.size = len(data)
            out.addfile(member, io.BytesIO(data))
    # The same sources make the same bytes.
    file.write_bytes(gzip.compress(plain.getvalue(), mtime=0))
    return name


def _workspace(manifest):
    """What crates inherit: the tables of the workspace, without its members."""
    kept, wanted = ["# What the crates beside this file inherit of their workspace."], False
    for line in manifest.splitlines():
        if line.startswith("["):
            wanted = line.startswith("[workspace")
        if wanted and not line.startswith("members"):
            kept.append(line)
    return "\n".join(kept) + "\n"


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
