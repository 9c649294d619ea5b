"""Files that are damaged, cut, changed or made to mislead: an exception that names the file, or the right numbers."""

import os
import shutil

import dynsparse
import numpy as np
import pytest
from dynsparse import _native
from recorded import folder, python, stored, tree_h5  # noqa: F401

# Damages copies of a file at places that a seed draws, and reads all; a crash or a loop without an end is that of this process.
DAMAGE = """
import os, pathlib, random, resource, signal, sys
import dynsparse, numpy as np
resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
source, copy, how, seed, count = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
whole = source.read_bytes()
fields = ["state", "ctrl", "next_state", "A", "B", "A_zero", "flags", "kink", "C", "time", "sensordata"]
right = dynsparse.Dataset(source, fields=fields, dtype=np.float64)[:]
draw, refused, same = random.Random(seed), 0, 0
for i in range(count):
    bytes = bytearray(whole)
    if how == "cut":
        bytes = bytes[: draw.randrange(len(whole))]
    elif how == "flip":
        for _ in range(draw.choice([1, 1, 8, 200])):
            bytes[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
    else:
        at, n = draw.randrange(len(whole)), draw.choice([1, 8, 64, 512, 4096])
        bytes[at : at + n] = {"zero": b"\\0", "ones": b"\\xff"}[how] * len(bytes[at : at + n])
    pathlib.Path(copy).write_bytes(bytes)
    signal.alarm(60)
    try:
        data = dynsparse.Dataset(copy, fields=fields, dtype=np.float64, threads=2)
        found = data[:]
    except dynsparse.DynsparseError as error:
        assert copy in str(error) and "\\n" not in str(error), error
        refused += 1
    else:
        for name in fields:
            assert found[name].shape == right[name].shape, (i, name)
            # Bits, since NaN is not itself.
            assert found[name].tobytes() == right[name].tobytes(), (i, name)
        same += 1
    signal.alarm(0)
print(refused, same)
"""


@pytest.mark.parametrize(("how", "seed", "count"), [("cut", 1, 60), ("flip", 2, 120), ("zero", 3, 60), ("ones", 4, 60)])
def test_damage_is_told_or_harmless(tree_h5, tmp_path, how, seed, count):
    refused, same = map(int, python(DAMAGE, tree_h5, tmp_path / "copy.h5", how, seed, count).split())
    assert refused + same == count and refused > count // 10
    if how == "cut":
        assert same <= 1


@pytest.fixture
def copy(tree_h5, tmp_path):
    return shutil.copy(tree_h5, tmp_path / "copy.h5")


def chunk_of(file, name, number=0):
    """First byte and stored bytes of a chunk."""
    import h5py

    with h5py.File(file) as f:
        info = f[name].id.get_chunk_info(number)
    return info.byte_offset, info.size


def test_a_damaged_chunk_is_named(copy):
    at, size = chunk_of(copy, "B", 1)
    with open(copy, "r+b") as f:
        f.seek(at + size // 2)
        byte = f.read(1)[0]
        f.seek(at + size // 2)
        f.write(bytes([byte ^ 16]))
    data = dynsparse.Dataset(copy)
    with pytest.raises(dynsparse.DynsparseError, match=r"copy.h5: B has a damaged chunk"):
        data[:]
    # The others are as they were.
    assert (dynsparse.Dataset(copy, fields=["A"], dtype=np.float64)[:]["A"] == stored(copy, "A")).all()


@pytest.mark.parametrize("how", ["changed", "longer", "cut", "replaced", "gone"])
def test_a_file_that_becomes_another_is_told(copy, tree_h5, how):
    data = dynsparse.Dataset(copy, fields=["A"])
    expected = data[:]["A"]
    there = os.stat(copy)
    if how == "changed":
        os.utime(copy, ns=(there.st_atime_ns, there.st_mtime_ns + 1000))
    elif how == "longer":
        with open(copy, "ab") as f:
            f.write(b"more")
    elif how == "cut":
        os.truncate(copy, there.st_size // 2)
    elif how == "replaced":
        shutil.copy(tree_h5, f"{copy}2")
        os.replace(f"{copy}2", copy)
    else:
        os.remove(copy)
    if how in ("replaced", "gone"):
        # The one that is open is still the one that was; another process finds another.
        assert (data[:]["A"] == expected).all()
        with pytest.raises(dynsparse.DynsparseError, match="copy.h5: (was changed or replaced|cannot be read)"):
            data.__setstate__(data.__getstate__())
    else:
        with pytest.raises(dynsparse.DynsparseError, match="copy.h5: was changed or replaced after it was opened"):
            data[:]


def test_a_recording_that_is_not_one(copy, tmp_path):
    import h5py

    def changed(change):
        file = shutil.copy(copy, tmp_path / "changed.h5")
        with h5py.File(file, "r+") as f:
            change(f)
        return file

    def again(name, array, **how):
        def change(f):
            scales = [d[0].name if len(d) else None for d in f[name].dims]
            del f[name]
            f.create_dataset(name, data=array(f), **how)
            for axis, scale in enumerate(scales):
                if scale:
                    f[name].dims[axis].attach_scale(f[scale])

        return change

    def linked(f):
        del f["A"]
        f["A"] = h5py.ExternalLink(str(copy), "/A")

    steps = len(stored(copy, "time"))
    for change, said in [
        (lambda f: f.attrs.modify("schema_version", 99), "has schema version 99, this module reads version 6"),
        (lambda f: f.attrs.__delitem__("schema_version"), "is no recording"),
        (lambda f: f.attrs.modify("format", "other"), "is no recording"),
        (lambda f: f.attrs.__delitem__("recipe"), "not joined yet"),
        (lambda f: f.attrs.modify("recipe", "{"), "the recipe cannot be read: the file is damaged"),
        (linked, "has no variable A"),
        (lambda f: f.__delitem__("episode_offsets"), "episode_offsets"),
        (lambda f: f["episode_offsets"].write_direct(np.arange(len(f["episode_offsets"]))), "episode_offsets do not fit the steps"),
        (lambda f: f["episode_length"].write_direct(f["episode_length"][:][::-1] + 1), "episode_length does not fit"),
        (again("A", lambda f: np.zeros((steps, 3, 3))), "A has 3 entries along state_next"),
        (again("A", lambda f: np.zeros((steps - 1, *stored(copy, "A").shape[1:]))), "A has .* rows, where there are"),
        (again("A", lambda f: stored(copy, "A").astype(">f8")), "A holds >f8"),
        (again("A", lambda f: stored(copy, "A"), compression="lzf"), "A is stored by filters"),
        (again("A", lambda f: stored(copy, "A"), chunks=(4, 2, 2)), "A has chunks of another program"),
    ]:
        with pytest.raises(dynsparse.DynsparseError, match=f"changed.h5: .*{said}"):
            dynsparse.Dataset(changed(change))[:]
    # What another program has stored in its own way, and is right, is read.
    for how in ({}, {"chunks": (7, *stored(copy, "A").shape[1:])}, {"chunks": (7, *stored(copy, "A").shape[1:]), "compression": "gzip"}):
        data = dynsparse.Dataset(changed(again("A", lambda f: stored(copy, "A"), **how)), fields=["A"], dtype=np.float64)
        assert (data[::-1]["A"] == stored(copy, "A")[::-1]).all()


def test_tables_that_mislead(tree_h5):
    """What the compiled part is told of chunks is not believed."""
    identity = _native.file_identity(str(tree_h5))
    length = identity[0]

    def reader(rows, lines, chunk_rows=30, width=10, kind="float64", cache=1 << 20):
        table = (chunk_rows, np.array(lines, np.uint64).reshape(-1, 4))
        return _native.ChunkReader([(str(tree_h5), identity)], [rows], [("x", kind, width, [table])], cache, False)

    for rows, lines, how in [
        (60, [(0, 0, 100, 0)], {}),
        (60, [(0, 0, 100, 0), (0, 0, 100, 0)], {}),
        (30, [(0, length - 10, 100, 0)], {}),
        (30, [(0, 2**64 - 1, 100, 0)], {}),
        (30, [(0, 0, 2**64 - 1, 0)], {}),
        (30, [(0, 0, 1, 0)], {}),
        (30, [(2**64 - 1, 0, 100, 0)], {}),
        (2**62, [(0, 0, 100, 0)], {}),
        (30, [(0, 0, 100, 2**40)], {}),
        (30, [(0, 0, 100, 0)], {"chunk_rows": 2**62}),
        (30, [(0, 0, 100, 0)], {"width": 2**62}),
        (30, [(0, 0, length, 0)], {"chunk_rows": 2**28, "width": 1}),
        (30, [], {"chunk_rows": 0}),
        (30, [(0, length - 100, 0, 0)], {"chunk_rows": 0}),
        (2**60, [(0, 0, 0, 0)], {"chunk_rows": 0}),
    ]:
        with pytest.raises(dynsparse.DynsparseError, match="tree.h5: x "):
            reader(rows, lines, **how)
    with pytest.raises(TypeError, match="no recording holds"):
        reader(30, [(0, 0, 100, 0)], kind="float16")
    with pytest.raises(ValueError, match="without entries"):
        reader(30, [(0, 0, 100, 0)], width=0)
    # A place that holds something else: the checksum of the stream tells.
    wrong, out = reader(30, [(0, 0, 2000, 0)]), np.zeros((1, 10))
    for _ in range(2):
        with pytest.raises(dynsparse.DynsparseError, match="x has a damaged chunk"):
            wrong.gather(np.array([3]), [(["x"], out)], 1)
    # Chunks that are not filtered have no checksum, only a size.
    plain = reader(30, [(0, 0, 2400, 3)])
    plain.gather(np.array([3]), [(["x"], out)], 1)
    with pytest.raises(dynsparse.DynsparseError, match="x has a damaged chunk"):
        reader(30, [(0, 0, 2399, 3)]).gather(np.array([3]), [(["x"], out)], 1)
    for rows in ([-1], [30], [2**62]):
        with pytest.raises(IndexError, match="beyond the 30 there are"):
            plain.gather(np.array(rows), [(["x"], out)], 1)
    fixed = np.zeros((1, 10))
    fixed.flags.writeable = False
    for array in (np.zeros((1, 9)), np.zeros((2, 10)), np.zeros((1, 20))[:, ::2], fixed):
        with pytest.raises(ValueError, match="an output"):
            plain.gather(np.array([3]), [(["x"], array)], 1)
    for array in (np.zeros((1, 10), np.int64), np.zeros(10), np.zeros((1, 10), ">f8"), None):
        with pytest.raises(TypeError, match="an output"):
            plain.gather(np.array([3]), [(["x"], array)], 1)
    with pytest.raises(ValueError, match="cannot be written"):
        plain.gather(np.array([3]), [(["x"], out), (["x"], out)], 1)
    with pytest.raises(KeyError):
        plain.gather(np.array([3]), [(["y"], out)], 1)


def test_an_interrupt_ends_a_long_gather(tree_h5):
    said = python(
        """
import os, signal, sys, threading, time
import dynsparse, numpy as np
data = dynsparse.Dataset(sys.argv[1], cache_bytes=0, threads=2, fields=["A", "B"])
parts = [np.arange(len(data))] * 4000
sent = []
def later():
    time.sleep(0.5)
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=later).start()
out = [([name], np.empty((len(data), data[0][name].size), np.float32)) for name in ("A", "B")]
try:
    # Many arrays in one call.
    many = [(names, array.copy()) for _ in range(400) for names, array in out]
    while True:
        data._reader.gather(parts[0], many, 2)
except KeyboardInterrupt:
    print(time.monotonic() - sent[0] < 1.5, np.isfinite(data[0]["A"]).all())
""",
        tree_h5,
    )
    assert said == "True True"
