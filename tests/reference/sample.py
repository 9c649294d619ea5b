"""Samples of random states in a few numbers, as tests/library/sample.rs compares them. Used by resets.py and suites.py."""

import numpy as np

N = 4000
SEED = 17
QUANTILES = [0, 0.0125, 0.1, 0.25, 0.5, 0.75, 0.9, 0.9875, 1]
# A value is an atom from this share on, a pair correlated from this coefficient on.
SHARE = 0.01
CORRELATED = 0.5


def entry(x):
    """The summary of one entry."""
    if np.ptp(x) == 0:
        return short(x[0])
    return [short(v) for v in [x.mean(), x.std(), *np.quantile(x, QUANTILES)]]


def pairs(x, names):
    """Pairs of columns with a strong correlation."""
    r = np.atleast_2d(np.corrcoef(x.T)) if len(names) else []
    return [[int(names[i]), int(names[j]), short(r[i, j], 4)]
            for i in range(len(names)) for j in range(i) if abs(r[i, j]) > CORRELATED]


def short(x, digits=7):
    """A number with as many digits as float32 has."""
    x = float(f"{float(x):.{digits}g}")
    return int(x) if x.is_integer() else x


def summarise(fields, drawn):
    """The summary of N states: `drawn` has an array (N x size) for each of the `fields`."""
    task = {}
    everything = np.concatenate([np.asarray(x, np.float64) for x in drawn], axis=1)
    random = np.flatnonzero(np.ptp(everything, axis=0) > 0)
    atoms = []
    entries = []
    for i, x in enumerate(everything.T):
        entries.append(entry(x))
        values, counts = np.unique(x, return_counts=True) if i in random else ([], [])
        atoms += [[i, short(v), short(c / N)] for v, c in zip(values, counts) if c > SHARE * N]
    sizes = np.cumsum([0] + [x.shape[1] for x in drawn])
    task |= {n: entries[a:b] for n, a, b in zip(fields, sizes, sizes[1:])}
    x = everything[:, random]
    folded = np.abs(x - x.mean(axis=0))
    # A distance from the mean that never varies has no correlation.
    varies = np.ptp(folded, axis=0) > 1e-9
    task |= {"atoms": atoms, "linear": pairs(x, random), "folded": pairs(folded[:, varies], random[varies])}
    return task
