"""From a recording to sparsity over time, with contact events: `python figure3.py FILE.h5 [EPISODE] [OUT.png]`.

    pip install xarray h5netcdf matplotlib
"""

import sys

import matplotlib.pyplot as plt
import xarray as xr

path, episode, out = (sys.argv[1:] + ["", "0", "figure3.png"][len(sys.argv) - 1 :])[:3]
ds = xr.open_dataset(path or sys.exit(__doc__), engine="h5netcdf")
ds = ds.isel(step=ds.step_episode.values == int(episode))
fig, ax = plt.subplots(figsize=(9, 2.6), layout="constrained")
for name, line in (("A", "-"), ("B", "--")):
    zero = ds[name + "_zero"] == 1  # 0 nonzero, 2 undecided: neither counts as zero
    ax.step(ds.time, zero.mean(zero.dims[1:]), line, where="post", label=name)
changed = ds.ncon.values[1:] != ds.ncon.values[:-1]
ax.vlines(ds.time[1:][changed], 0.97, 1.02, "tab:purple", lw=0.8, label="number of contacts changes")
ax.set(xlabel="time, s", ylabel="share of zero entries", ylim=(-0.02, 1.04))
ax.legend(ncols=3, loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
fig.savefig(out, dpi=200)
