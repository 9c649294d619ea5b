"""Reference values of tests/program/learn.rs and src/learn: metrics by scikit-learn, statistics by SciPy.

python tests/reference/learn.py > tests/reference/learn.json    (scikit-learn 1.9.1, SciPy 1.17.1, NumPy 2.4.6)
"""

import json

import numpy as np
from scipy import stats
from sklearn import metrics

cases = []
for seed, (n, levels) in enumerate([(40, 0), (200, 0), (200, 5), (1000, 12), (60, 1)]):
    rng = np.random.default_rng(seed)
    edges = rng.random(n) < rng.uniform(0.2, 0.8)
    scores = rng.random(n) + 0.3 * edges
    if levels:
        scores = np.floor(scores * levels) / 8
    scores = scores.astype(np.float32)
    called = scores >= np.float32(0.5)
    cases.append({
        "scores": [float(s) for s in scores],
        "edges": [bool(e) for e in edges],
        "roc_auc": metrics.roc_auc_score(edges, scores),
        "pr_auc": metrics.average_precision_score(edges, scores),
        "f1": metrics.f1_score(edges, called),
        "f1_zeros": metrics.f1_score(~edges, ~called),
        "wrong": int((called != edges).sum()),
    })

a, b = np.array([0.91, 0.88, 0.95, 0.90]), np.array([0.85, 0.86, 0.90, 0.89])
half = float(stats.t.ppf(0.975, 3) * stats.sem(a))
print(json.dumps({"cases": cases, "statistics": {
    "a": list(a), "b": list(b), "mean": float(a.mean()), "half": half, "p": float(stats.ttest_rel(a, b).pvalue),
}}))
