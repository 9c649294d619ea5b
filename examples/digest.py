"""The digests of a recording, computed from the file alone: h5py, hashlib and json.

    python3 examples/digest.py CheetahRun.h5

Says whether `episode_sha256` of every episode and `content_sha256` of the whole are those of what the file holds.
"""

import hashlib
import json
import re
import sys

import h5py

# Variables of a step, in the order of the table in docs/format.md; those that a file does not have are left out.
STEP = """time step_episode step_in_episode qpos qvel act ctrl action qacc_warmstart mocap_pos mocap_quat xfrc_applied tree_asleep qacc_smooth act_dot
qpos_next qvel_next act_next residual residual_tenth residual_second observation observation_next reward terminated A B A_zero B_zero zero_floor kink
sensordata C D C_zero D_zero ncon nefc ntouch solver_iterations solver_residual flags""".split()
# Tables of which every step has rows of its own: their count, their offset (which depends on the episodes before), their columns.
RAGGED = [
    ("ncon", "contact_offset", ["contact_geom1", "contact_geom2", "contact_dist"]),
    ("nefc", "constraint_offset", ["constraint_type", "constraint_id", "constraint_state"]),
    ("ntouch", "touch_offset", ["touch_geom1", "touch_geom2", "touch_steps"]),
]


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def little(array):
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def episode_digests(f):
    known = STEP + [name for _, offset, columns in RAGGED for name in [offset, *columns]]
    by_step = [name for name, v in f.items() if isinstance(v, h5py.Dataset) and len(v.dims) and "step" in v.dims[0].keys()]
    unknown = [name for name in by_step if name not in known and name != "step"]
    assert not unknown, f"variables that this script does not know: {unknown}"
    bounds, ends = f["episode_offsets"][:], f["episode_end"][:]
    for first, last, end in zip(bounds, bounds[1:], ends):
        digest = hashlib.sha256()
        step = {name: f[name][first:last] for name in STEP if name in f}
        ragged = []
        for number, offset, names in (table for table in RAGGED if table[0] in f):
            count = f[number][first:last]
            begin = f[offset][first] if last > first else 0
            rows = slice(begin, begin + count.sum())
            ragged.append((count.cumsum() - count, count, {name: f[name][rows] for name in names if name in f}))
        for t in range(last - first):
            for values in step.values():
                digest.update(little(values[t : t + 1]))
            for begin, count, variables in ragged:
                for values in variables.values():
                    digest.update(little(values[begin[t] : begin[t] + count[t]]))
        digest.update(text(end).encode())
        yield digest.hexdigest()


# Stands before a number that is kept as it was written: Python would write 1.4e-6 as 1.4e-06. No text of a recipe holds it.
MARK = "\0"


def settings(f):
    recipe = json.loads(text(f.attrs["recipe"]), parse_float=lambda written: MARK + written)
    job = recipe["job"]
    job.pop("compression", None)
    job["task"].pop("description", None)
    job["policy"].pop("file", None)
    job = json.dumps(job, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    job = re.sub(r'"\\u0000([^"]*)"', r"\1", job)
    model = "".join(f"model {file['name']} {file['sha256']}\n" for file in recipe["model"])
    return f"dynsparse content 1\njob {job}\n{model}"


def main(path):
    with h5py.File(path) as f:
        numbers = [int(number) for number in f["episode"][:]]
        recorded = [text(x) for x in f["episode_sha256"][:]]
        content = settings(f)
        whole = True
        for number, found, said in zip(numbers, episode_digests(f), recorded):
            whole &= found == said
            print(f"episode {number}: {'as recorded' if found == said else f'{found}, recorded {said}'}")
            content += f"episode {number} {found}\n"
        found, said = hashlib.sha256(content.encode()).hexdigest(), text(f.attrs["content_sha256"])
        print(f"content {found}: {'as recorded' if found == said else f'recorded {said}'}")
        return whole and found == said


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(0 if main(sys.argv[1]) else 1)
