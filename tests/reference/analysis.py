"""Random recordings and what numpy says of them: makes analysis.json for tests/program/analysis.rs.

    python tests/reference/analysis.py > tests/reference/analysis.json

Everything is computed from its definition, on whole arrays, with none of the program's bit tricks.
"""

import itertools
import json
import math
from collections import Counter

import numpy as np

rng = np.random.default_rng(7)
shuffles = np.random.default_rng(8)
LENGTHS = [120, 77, 150]
LAGS = [1, 2, 3, 5, 10, 20, 50]
WINDOWS = [10, 20, 50]
SETS = [[], [[0, 1]], [[0, 1], [0, 2]]]


def chain(n, p):
    """A telegraph: switches with probability p."""
    return np.logical_xor.accumulate(np.r_[rng.random() < 0.5, rng.random(n - 1) < p])


def episode(n):
    contacts = np.zeros(n, int)
    for t in range(1, n):
        contacts[t] = rng.integers(3) if rng.random() < 0.15 else contacts[t - 1]
    a = np.array([chain(n, p) for p in rng.uniform(0.02, 0.3, 16)]).T
    b = np.array([chain(n, p) for p in rng.uniform(0.0, 0.1, 8)]).T
    a[:, 0], a[:, 5] = True, False
    a[:, 3] = contacts == 0
    a[:, 7] = (contacts == 1) ^ (rng.random(n) < 0.1)
    b[:, 2] = True
    a[:, 9] = a[:, 4]
    return {"a": a, "b": b, "contacts": contacts, "finite": rng.random(n) > 0.02, "x": rng.normal(size=(n, 10)).round(3)}


episodes = [episode(n) for n in LENGTHS]
for e in episodes:
    e["x"][:, 1] += 2 * e["x"][:, 0]
    e["x"][:, 6] = 0.25


def entropy(symbols):
    counts = np.array(list(Counter(symbols).values()))
    p = counts / counts.sum()
    return float(-(p * np.log2(p)).sum())


def runs(which):
    """Runs of every entry that varies in the episode; gaps end them."""
    found = []
    for e in episodes:
        for column in e[which].T:
            values = [v if f else None for v, f in zip(column, e["finite"])]
            # An entry whose decided values never differ from the one just before does not switch.
            pairs = zip(values, values[1:])
            if not any(a is not None and b is not None and a != b for a, b in pairs):
                continue
            at = 0
            groups = [(value, len(list(group))) for value, group in itertools.groupby(values)]
            for i, (value, length) in enumerate(groups):
                seen = lambda j: 0 <= j < len(groups) and groups[j][0] is not None
                if value is not None:
                    found.append((bool(value), length, seen(i - 1) and seen(i + 1)))
                at += length
    return found


def tally(found):
    histogram = Counter(int(math.log2(length)) for _, length, _ in found)
    whole = [length for _, length, w in found if w]
    return {
        "runs": len(found),
        "mean": float(np.mean([length for _, length, _ in found])),
        "whole_runs": len(whole),
        "whole_mean": float(np.mean(whole)),
        "histogram": [histogram.get(k, 0) for k in range(max(histogram) + 1)],
    }


def autocorrelation(which):
    variance = weight = 0.0
    for e in episodes:
        x = e[which][e["finite"]]
        m = x.mean(axis=0)
        variance += (m * (1 - m)).sum() * len(x)
        weight += x.size
    variance /= weight
    found = []
    for lag in LAGS:
        differ = pairs = 0
        for e in episodes:
            x, f = e[which], e["finite"]
            both = f[:-lag] & f[lag:]
            differ += (x[:-lag] != x[lag:])[both].sum()
            pairs += both.sum() * x.shape[1]
        found.append({"lag": lag, "pairs": int(pairs), "correlation": float(1 - differ / pairs / (2 * variance))})
    return found


def events(which):
    """By episode: whether a step and the one before both count, and whether the pattern, the contacts changed."""
    found = []
    for e in episodes:
        f = e["finite"]
        seen = np.r_[False, f[1:] & f[:-1]]
        x, c = e[which], e["contacts"]
        found.append((seen, np.r_[False, (x[1:] != x[:-1]).any(axis=1)] & seen, np.r_[False, c[1:] != c[:-1]] & seen))
    return found


def stretches(seen):
    """Begin and end of successive steps that are seen."""
    edges = np.flatnonzero(np.diff(np.r_[0, seen.astype(int), 0]))
    return edges.reshape(-1, 2)


def burstiness(all_events):
    intervals = np.concatenate([np.diff(np.flatnonzero(x[a:b])) for s, x in all_events for a, b in stretches(s)])
    mean, std = intervals.mean(), intervals.std()
    return float((std - mean) / (std + mean))


def shuffled(all_events):
    """The same events at random steps of their episodes."""
    found = []
    for seen, x in all_events:
        x = x.copy()
        x[seen] = shuffles.permutation(x[seen])
        found.append((seen, x))
    return found


def bursts(which):
    all_events = events(which)
    plain = [(s, x) for s, x, _ in all_events]
    memoryless = [burstiness(shuffled(plain)) for _ in range(2000)]
    steps = sum(int(s.sum()) for s, _, _ in all_events)
    count = sum(int(x.sum()) for _, x, _ in all_events)
    fano = []
    for w in WINDOWS:
        n = [x[i : i + w].sum() for s, x, _ in all_events for a, b in stretches(s) for i in range(a, b - w + 1, w)]
        fano.append({"window": w, "windows": len(n), "fano": float(np.var(n, ddof=1) / np.mean(n))})
    switches = sum(int((e[which][1:] != e[which][:-1])[s[1:]].sum()) for e, (s, _, _) in zip(episodes, all_events))
    return {
        "steps": steps,
        "events": count,
        "switches": switches,
        "burstiness": burstiness(plain),
        "memoryless_burstiness": float(np.mean(memoryless)),
        "memoryless_burstiness_std": float(np.std(memoryless)),
        "fano": fano,
    }


def lift(which, lag):
    all_events = events(which)
    pairs = hits = 0
    for s, x, c in all_events:
        for a, b in stretches(s):
            for t in np.flatnonzero(c[a:b]):
                if 0 <= t + lag < b - a:
                    pairs += 1
                    hits += int(x[a:b][t + lag])
    rate = sum(int(x.sum()) for _, x, _ in all_events) / sum(int(s.sum()) for s, _, _ in all_events)
    return {"lag": lag, "pairs": pairs, "events": hits, "lift": float(hits / pairs / rate)}


def chance(which):
    """Mutual information of contacts and patterns when the contacts of every episode are shifted in a circle."""
    counted = [(e["contacts"][e["finite"]], [tuple(row) for row in e[which][e["finite"]]]) for e in episodes]
    patterns = [row for _, rows in counted for row in rows]
    found = []
    for _ in range(1000):
        contacts = [int(c) for c, _ in counted for c in np.roll(c, shuffles.integers(1, len(c)))]
        found.append(entropy(contacts) + entropy(patterns) - entropy(list(zip(contacts, patterns))))
    return {"bits": float(np.mean(found)), "std": float(np.std(found))}


def groups(which):
    """Entries that switch, counted once where they are the same at all steps that count."""
    switching = {
        column
        for e in episodes
        for column in range(e[which].shape[1])
        for a, b in stretches(e["finite"])
        if (e[which][a + 1 : b, column] != e[which][a : b - 1, column]).any()
    }
    history = np.concatenate([e[which][e["finite"]] for e in episodes])
    return len({tuple(history[:, column]) for column in switching})


def matrix(which):
    patterns = [tuple(row) for e in episodes for row, f in zip(e[which], e["finite"]) if f]
    contacts = [int(c) for e in episodes for c, f in zip(e["contacts"], e["finite"]) if f]
    both = list(zip(contacts, patterns))
    information = entropy(contacts) + entropy(patterns) - entropy(both)
    bias = (len(set(both)) - len(set(contacts)) - len(set(patterns)) + 1) / (2 * len(both) * math.log(2))
    x = np.array(patterns)
    nonzero_in = sum(np.array([(~e[which][e["finite"]]).any(axis=0) for e in episodes]).astype(int))
    seen = np.logical_or.accumulate(~x, axis=0).sum(axis=1)
    found = runs(which)
    return {
        "samples": len(x),
        "always_zero": int(x.all(axis=0).sum()),
        "in_one_episode": int((nonzero_in == 1).sum()),
        "never_nonzero_after_10": int(x.shape[1] - seen[9]),
        "mean": float(x.mean()),
        "std": float(x.mean(axis=1).std()),
        "chance": chance(which),
        "groups": groups(which),
        "share_zero": [float(v) for v in x.mean(axis=0)],
        "levels": sorted(Counter(int(n) for n in x.sum(axis=1)).items()),
        "bins": np.histogram(np.floor(x.sum(axis=1) * 10 / x.shape[1]).clip(0, 9), bins=range(11))[0].tolist(),
        "distinct": len(set(patterns)),
        "entropy": entropy(patterns),
        "most": Counter(patterns).most_common(1)[0][1],
        "information": information,
        "bias": bias,
        "zero": tally([r for r in found if r[0]]),
        "nonzero": tally([r for r in found if not r[0]]),
        "autocorrelation": autocorrelation(which),
        "bursts": bursts(which),
        "lift": [lift(which, lag) for lag in [-20, -3, -1, 0, 1, 4, 20]],
    }


def pca():
    x = np.concatenate([e["x"][e["finite"]] for e in episodes])
    x = x[:, x.std(axis=0) > 1e-9]
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    u, s, vt = np.linalg.svd(z, full_matrices=False)
    explained = s**2 / (s**2).sum()
    sign = [np.sign(v[np.abs(v).argmax()]) for v in vt]
    scores = u[:, :2] * s[:2] * sign[:2]
    return {"features": int(x.shape[1]), "explained": explained[:2].tolist(), "first": scores[0].tolist(), "last": scores[-1].tolist()}


def text(rows):
    return ["".join("1" if v else "0" for v in row) for row in rows]


print(
    json.dumps(
        {
            "sets": SETS,
            "episodes": [
                {
                    "a": text(e["a"]),
                    "b": text(e["b"]),
                    "contacts": "".join(str(c) for c in e["contacts"]),
                    "finite": "".join("1" if f else "0" for f in e["finite"]),
                    "x": e["x"].tolist(),
                }
                for e in episodes
            ],
            "A": matrix("a"),
            "B": matrix("b"),
            "pca": pca(),
        }
    )
)
