"""Reads a recording of dynsparse: what it holds, how sparse A is, and how to select by name.

    pip install h5py xarray h5netcdf
    python examples/read_recording.py FILE.h5
"""

import sys

import h5py
import numpy as np
import xarray as xr


def decode_flags(variable):
    """Bit -> boolean array, by the CF attributes of a flag variable."""
    masks, names = variable.attrs["flag_masks"], variable.attrs["flag_meanings"].split()
    return {name: (variable.values & mask) != 0 for mask, name in zip(masks, names)}


def blocks(labels):
    """Rows of A by kind: pos, vel and, with stateful actuators, act."""
    kinds = np.array([str(label).split(":")[0] for label in labels])
    return {kind: np.flatnonzero(kinds == kind) for kind in dict.fromkeys(kinds)}


def main(path):
    # h5py alone is enough; the datasets use gzip and shuffle, which every HDF5 library has.
    with h5py.File(path) as f:
        assert f.attrs["format"] == "dynsparse-recording", f"{path} is not a recording of dynsparse"
        print(f"{f.attrs['task']}: {f.attrs['description']}")
        print(f"  {f['A'].shape[0]} steps of {f.attrs['step_duration']:g} s, policy {f.attrs['policy']}")
        model = f["model"]
        texts = {d.attrs["name"]: d[()].tobytes() for d in model["files"].values()}
        print(f"  model {model.attrs['main']}, {len(texts)} file(s) stored with it")

    # xarray knows the names of all axes. It reads lazily: only what you select leaves the disk.
    with xr.open_dataset(path, engine="h5netcdf") as ds:
        print("dimensions:", ", ".join(f"{name} {size}" for name, size in ds.sizes.items()))

        # Episodes lie one after the other; episode e is steps bounds[e] to bounds[e + 1].
        bounds = ds.episode_offsets.values
        for e, end in enumerate(ds.episode_end.values):
            print(f"episode {int(ds.episode[e])}: steps {bounds[e]} to {bounds[e + 1]}, {end}")

        # How many entries of A are zero, by block: by the zero test (0 nonzero, 1 zero, 2 undecided) and, to compare,
        # by a fixed threshold. Recordings can be larger than memory, so this goes through A in pieces.
        kinds = blocks(ds.state.values)
        tested = "A_zero" in ds
        sums = {(row, col): np.zeros(3) for row in kinds for col in kinds}
        for start in range(0, ds.sizes["step"], 1000):
            small = np.abs(ds.A[start:start + 1000].values) < 1e-7
            verdict = ds.A_zero[start:start + 1000].values if tested else np.zeros_like(small)
            for row, col in sums:
                for k, what in enumerate((verdict == 1, verdict == 2, small)):
                    sums[row, col][k] += what[:, kinds[row]][:, :, kinds[col]].mean(axis=(1, 2)).sum()
        for (row, col), total in sums.items():
            zero, undecided, below = 100 * total / max(ds.sizes["step"], 1)
            verdicts = f"{zero:5.1f} % of entries zero, {undecided:.1f} % undecided, " if tested else ""
            print(f"d {row} / d {col}: {verdicts}{below:.1f} % below 1e-7")

        # Sparsity is a matter of state: leave out the states where something switches and no derivative exists.
        if tested:
            smooth = ds.kink.values == 0
            print(f"{(~smooth).sum()} of {smooth.size} steps have a kink")

        # One number by name: how the last coordinate's velocity depends on the first position.
        row, col = str(ds.state.values[kinds["vel"][-1]]), str(ds.state.values[0])
        series = ds.A.sel(state_next=row, state=col)
        print(f"d {row} / d {col}: {series.values[:5]} ...")

        # Contacts and constraint rows have another number per step; offsets say where a step's begin.
        busiest = int(np.argmax(ds.ncon.values))
        at, n = int(ds.contact_offset[busiest]), int(ds.ncon[busiest])
        geoms = ds.geom.values
        print(f"step {busiest} has {n} contacts:")
        for c in range(at, at + n):
            one, two = (geoms[i] if i >= 0 else "flex" for i in (ds.contact_geom1[c], ds.contact_geom2[c]))
            print(f"  {one} - {two}, distance {float(ds.contact_dist[c]):.2e} m")

        for name, hit in decode_flags(ds.flags).items():
            print(f"flag {name}: {hit.sum()} of {hit.size} steps")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
