"""Holds a study of `dynsparse influence` against MuJoCo's own Python binding: the same interventions, with nothing of ours.

    dynsparse tasks compile WalkerRun -o walker.mjb
    python tests/reference/influence.py walker.mjb WalkerRun.h5 WalkerRun.influence.h5 SUBSTEPS

Every sampled row is set from the recording, stepped with and without each intervention, and subtracted in the tangent space. A
change is one above FAR, none below NEAR (both relative to the size of the entry or 1), and not looked at between. Prints how many
entries are decided here and there, how many of them agree, and the largest relative difference of the changes.
"""

import sys

import h5py
import mujoco
import numpy as np

NEAR, FAR = 3e-13, 1e-11


def main(model, recording, study, substeps):
    m = mujoco.MjModel.from_binary_path(model)
    m.opt.solver = mujoco.mjtSolver.mjSOL_NEWTON
    m.opt.iterations, m.opt.ls_iterations, m.opt.tolerance = 200, 100, 1e-20
    d = mujoco.MjData(m)
    rec, found = h5py.File(recording), h5py.File(study)
    nv, na, nu = m.nv, m.na, m.nu
    ndx = 2 * nv + na
    ranges = m.actuator_ctrlrange
    horizon = int(found.attrs["horizon"])
    decided = agree = 0
    apart, contradictions = 0.0, []

    def run(row, j, delta):
        mujoco.mj_resetData(m, d)
        d.time = rec["time"][row]
        d.qpos[:], d.qvel[:] = rec["qpos"][row], rec["qvel"][row]
        d.qacc_warmstart[:] = rec["qacc_warmstart"][row]
        if na:
            d.act[:] = rec["act"][row]
        if nu:
            d.ctrl[:] = rec["ctrl"][row]
        if "mocap_pos" in rec:
            d.mocap_pos[:], d.mocap_quat[:] = rec["mocap_pos"][row], rec["mocap_quat"][row]
        if j is None:
            pass
        elif j < nv:
            direction = np.zeros(nv)
            direction[j] = 1.0
            mujoco.mj_integratePos(m, d.qpos, direction, delta)
        elif j < 2 * nv:
            d.qvel[j - nv] += delta
        elif j < ndx:
            d.act[j - 2 * nv] += delta
        else:
            u = j - ndx
            d.ctrl[u] = d.ctrl[u] + delta
            if m.actuator_ctrllimited[u]:
                d.ctrl[u] = np.clip(d.ctrl[u], *ranges[u])
        for later in range(row, row + horizon):
            if later > row:
                d.ctrl[:] = rec["ctrl"][later] if nu else 0.0
                if "mocap_pos" in rec:
                    d.mocap_pos[:], d.mocap_quat[:] = rec["mocap_pos"][later], rec["mocap_quat"][later]
            for _ in range(substeps):
                mujoco.mj_step(m, d)
        return d.qpos.copy(), np.concatenate([d.qvel, d.act])

    for n, row in enumerate(found["row_in_recording"][:]):
        base = run(row, None, 0.0)
        scale = np.maximum(1.0, np.abs(np.concatenate([np.ones(nv), base[1]])))
        for s, size in enumerate(found["size"][:]):
            changes = []
            for sign in (1.0, -1.0):
                columns = []
                for j, unit in enumerate(found["unit_of_input"][:]):
                    after = run(row, j, sign * size * unit)
                    change = np.zeros(ndx)
                    position = np.zeros(nv)
                    mujoco.mj_differentiatePos(m, position, 1.0, base[0], after[0])
                    change[:nv], change[nv:] = position, after[1] - base[1]
                    columns.append(change)
                changes.append(np.array(columns).T)
            here = np.abs(changes) / scale[:, None]
            largest = here.max(axis=0)
            verdict = np.where(largest > FAR, 0, np.where(largest < NEAR, 1, 2))
            there = found["verdict"][n, s]
            both = (verdict < 2) & (there < 2)
            decided += both.sum()
            agree += (verdict == there)[both].sum()
            for i, j in np.argwhere(both & (verdict != there)):
                contradictions.append((int(row), s, int(i), int(j), float(largest[i, j]), int(there[i, j])))
            ours = found["change"][n, s].astype(float)
            seen = np.isfinite(ours) & (np.abs(changes) > 1e-6)
            off = np.abs(ours - changes)[seen] / np.abs(changes)[seen].clip(1e-6)
            apart = max(apart, off.max(initial=0.0))
    total = found["verdict"].size
    print(f"{study}: {agree} of {decided} entries agree ({total} in all); changes above 1e-6 differ by {apart:.1e} at most")
    for c in contradictions[:10]:
        print("  row %d size %d output %d input %d: change %.1e here, verdict %d there" % c)
    return len(contradictions)


if __name__ == "__main__":
    sys.exit(1 if main(*sys.argv[1:4], int(sys.argv[4])) else 0)
