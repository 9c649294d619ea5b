"""Opens a recording with h5py and xarray and checks what tests/program/python.rs needs. Run by that test.

    python tests/python/check.py FILE.h5 EPISODES STEPS sensors|plain
"""

import hashlib
import json
import sys

import h5py
import numpy as np
import xarray as xr

path, episodes, steps, kind = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
rows = episodes * steps

with h5py.File(path) as f:
    assert f.attrs["format"] == "dynsparse-recording" and f.attrs["schema_version"] == 6
    json.loads(f.attrs["recipe"])
    nq, nv, na, nu = (int(f.attrs[n]) for n in ("nq", "nv", "na", "nu"))
    ndx = 2 * nv + na
    shapes = {"qpos": (rows, nq), "qvel": (rows, nv), "ctrl": (rows, nu), "A": (rows, ndx, ndx), "B": (rows, ndx, nu)}
    for name, shape in shapes.items():
        assert f[name].shape == shape and f[name].dtype == "<f8", (name, f[name])
        assert np.isfinite(f[name][()]).all(), name
        assert f[name].shuffle and f[name].compression == "gzip", name
    assert np.abs(f["A"][()]).max() > 0.5 and np.abs(f["B"][()]).max() > 0
    assert ("C" in f) == ("D" in f) == ("sensordata" in f) == (kind == "sensors")
    # Dimension scales, as any netCDF-4 reader wants them.
    assert [d[0].name for d in f["A"].dims] == ["/step", "/state_next", "/state"]
    raw = {name: f[name][()] for name in f if isinstance(f[name], h5py.Dataset)}
    f_substeps = int(f.attrs["substeps"]) if f.attrs["step_kind"] == "control" else 1
    files = {d.attrs["name"]: d[()].tobytes() for d in f["model"]["files"].values()}
    assert b"<mujoco" in files[f["model"].attrs["main"]]

# The digest of an episode, as docs/format.md says it.
ORDER = """time step_episode step_in_episode qpos qvel act ctrl action qacc_warmstart mocap_pos mocap_quat xfrc_applied tree_asleep qacc_smooth act_dot qpos_next
qvel_next act_next residual residual_tenth residual_second observation observation_next reward terminated A B A_zero B_zero zero_floor kink sensordata C D C_zero D_zero ncon nefc
ntouch solver_iterations solver_residual flags contact_geom1 contact_geom2 contact_dist constraint_type constraint_id constraint_state
touch_geom1 touch_geom2 touch_steps""".split()
for e in range(episodes):
    digest = hashlib.sha256()
    for t in range(raw["episode_offsets"][e], raw["episode_offsets"][e + 1]):
        contact, constraint = raw["contact_offset"][t], raw["constraint_offset"][t]
        own = {"contact_": slice(contact, contact + raw["ncon"][t]),
               "constraint_": slice(constraint, constraint + raw["nefc"][t])}
        if "ntouch" in raw:
            touch = raw["touch_offset"][t]
            own["touch_"] = slice(touch, touch + raw["ntouch"][t])
        for name in (n for n in ORDER if n in raw):
            where = next((rows_ for prefix, rows_ in own.items() if name.startswith(prefix)), t)
            digest.update(raw[name][where].tobytes())
    digest.update(raw["episode_end"][e])
    assert digest.hexdigest() == raw["episode_sha256"][e].decode(), e

with xr.open_dataset(path, engine="h5netcdf") as ds:
    assert ds.sizes["step"] == rows and ds.sizes["state"] == ds.sizes["state_next"] == ndx
    for name, dims in {"A": ("step", "state_next", "state"), "B": ("step", "state_next", "actuator"),
                       "qpos": ("step", "coordinate"), "contact_dist": ("contact",)}.items():
        assert ds[name].dims == dims, (name, ds[name].dims)
        assert np.array_equal(ds[name].values, raw[name]), name
    if kind == "sensors":
        assert ds.C.dims == ("step", "sensor", "state") and ds.D.dims == ("step", "sensor", "actuator")

    # Labels: texts, all different, and they select what their position says.
    labels = [str(x) for x in ds.state.values]
    assert labels == [str(x) for x in ds.state_next.values] and len(set(labels)) == ndx
    assert labels[:nv] == [f"pos:{d}" for d in ds.dof.values], labels
    assert labels[nv:2 * nv] == [f"vel:{d}" for d in ds.dof.values], labels
    one = ds.A.sel(state_next=labels[nv + 1], state=labels[2])
    assert np.array_equal(one.values, raw["A"][:, nv + 1, 2])
    motor = str(ds.actuator.values[-1])
    assert np.array_equal(ds.B.sel(actuator=motor).values, raw["B"][:, :, nu - 1])

    # Episodes, and that a step ends where the next one begins.
    bounds = ds.episode_offsets.values
    assert bounds.tolist() == [e * steps for e in range(episodes + 1)]
    assert ds.episode_length.values.tolist() == [steps] * episodes
    assert set(ds.episode_end.values) == {"completed"}
    assert np.array_equal(ds.step_episode.values, np.repeat(np.arange(episodes), steps))
    assert np.array_equal(ds.step_in_episode.values, np.tile(np.arange(steps), episodes))
    for start, end in zip(bounds, bounds[1:]):
        for name in ("qpos", "qvel"):
            assert np.array_equal(raw[name + "_next"][start:end - 1], raw[name][start + 1:end]), name
    if episodes > 1:
        assert not np.array_equal(raw["qpos_next"][bounds[1] - 1], raw["qpos"][bounds[1]])

    # Ragged arrays.
    tables = [("ncon", "contact_offset", "contact_dist"), ("nefc", "constraint_offset", "constraint_type")]
    if f_substeps > 1:
        tables.append(("ntouch", "touch_offset", "touch_steps"))
        assert raw["touch_steps"].min() > 0 and raw["touch_steps"].max() <= f_substeps
    else:
        assert not any(name.startswith("touch") for name in raw)
    for count, offset, first in tables:
        n, at = raw[count], raw[offset]
        assert n.max() > 0, f"no {first} in the whole recording"
        assert np.array_equal(at, np.concatenate([[0], np.cumsum(n)[:-1]])), offset
        assert len(raw[first]) == n.sum(), first
    t = int(np.argmax(raw["ncon"]))
    part = slice(int(raw["contact_offset"][t]), int(raw["contact_offset"][t] + raw["ncon"][t]))
    pairs = [(str(ds.geom.values[i]), str(ds.geom.values[j]))
             for i, j in zip(ds.contact_geom1[part].values, ds.contact_geom2[part].values)]
    assert len(pairs) == raw["ncon"][t] and all(i != j for i, j in pairs), pairs
    assert (np.abs(ds.contact_dist[part].values) < 0.1).all()
    part = slice(int(raw["constraint_offset"][t]), int(raw["constraint_offset"][t] + raw["nefc"][t]))
    meanings = ds.constraint_type.attrs["flag_meanings"].split()
    values = list(ds.constraint_type.attrs["flag_values"])
    kinds = {meanings[values.index(k)] for k in ds.constraint_type[part].values}
    assert any(k.startswith("contact_") for k in kinds), kinds

    # The zero test.
    for name in ("A_zero", "B_zero"):
        mask, values = ds[name], raw[name[0]]
        assert mask.dims == ds[name[0]].dims and mask.dtype == np.uint8, mask
        assert mask.attrs["flag_meanings"].split() == ["nonzero", "zero", "undecided"]
        assert list(mask.attrs["flag_values"]) == [0, 1, 2] and mask.values.max() <= 2
        floor = raw["zero_floor"][:, :, None]
        assert (np.abs(values) <= np.maximum(10 * floor, 1e-6))[mask.values == 1].all(), name
        assert (mask.values[np.abs(values) > 0.1] != 1).all(), name
        # Where the derivatives of the two sides differ, one of them may be zero.
        smooth = raw["kink"] == 0
        assert (mask.values[smooth][np.abs(values[smooth]) > 0.1] == 0).all(), name
    assert 0 < (raw["A_zero"] == 1).mean() < 1 and (raw["A_zero"] == 2).mean() < 0.05
    assert (raw["zero_floor"] >= 0).all() and (raw["kink"] >= 0).all()

    # Flags.
    masks, names = ds.flags.attrs["flag_masks"], ds.flags.attrs["flag_meanings"].split()
    assert len(masks) == len(names) and sorted(masks) == [1 << i for i in range(len(masks))]
    assert {"ctrl_clamped", "contacts_changed"} <= set(names)
    decoded = {n: (ds.flags.values & m) != 0 for m, n in zip(masks, names)}
    assert not decoded["ctrl_clamped"].any() and not decoded["jacobian_not_finite"].any()
    assert ds.flags.values.max() < 2 * max(masks)

print("all good")
