"""Makes onnx.json: what numpy says of the networks that tests/program/onnx.rs writes as ONNX files.

Weights and observations follow from formulas that both sides have. Run: python tests/reference/onnx.py
"""

import json
import pathlib

import numpy as np


def wave(shape, phase, scale):
    """scale sin(phase + i) of the i-th entry, rounded to a float32 as in the file."""
    i = np.arange(int(np.prod(shape)), dtype=np.float64)
    return (scale * np.sin(phase + i)).astype(np.float32).astype(np.float64).reshape(shape)


def swish(x):
    return x / (1 + np.exp(-x))


def policy(seen):
    """Normalisation, two layers with swish, the first half of the last one, tanh."""
    x = (seen - wave(17, 1, 0.1)) / (1 + wave(17, 2, 0.5))
    x = swish(x @ wave((17, 32), 3, 0.4) + wave(32, 4, 0.1))
    x = swish(x @ wave((32, 16), 5, 0.4) + wave(16, 6, 0.1))
    x = x @ wave((16, 12), 7, 0.4) + wave(12, 8, 0.1)
    return np.tanh(x[:6])


def observation(row):
    return 2 * np.sin(0.7 * np.arange(17) + row)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def remembered(kind):
    """Actions of a layer of 8 numbers with a memory (formulas of PyTorch's documentation), then a matrix, over 5 steps."""
    gates = {"LSTM": 4, "GRU": 3, "GRU before": 3, "RNN": 1, "RNN relu": 1}[kind]
    W, R = wave((gates, 8, 17), 1, 0.3), wave((gates, 8, 8), 2, 0.4)
    bias, other = wave((2, gates, 8), 3, 0.2)
    h, c, actions = np.zeros(8), np.zeros(8), []
    for row in range(5):
        x, y = W @ observation(row) + bias, R @ h + other
        if kind == "LSTM":  # In the file's order: input, output, forget, cell.
            i, o, f = sigmoid(x[:3] + y[:3])
            c = f * c + i * np.tanh(x[3] + y[3])
            h = o * np.tanh(c)
        elif kind.startswith("GRU"):  # In the file's order: update, reset, new.
            z, r = sigmoid(x[:2] + y[:2])
            new = np.tanh(x[2] + (r * y[2] if kind == "GRU" else R[2] @ (r * h) + other[2]))
            h = (1 - z) * new + z * h
        else:
            h = np.tanh(x[0] + y[0]) if kind == "RNN" else np.maximum(x[0] + y[0], 0)
        actions.append((h @ wave((8, 6), 4, 0.5)).tolist())
    return actions


kinds = ["LSTM", "GRU", "GRU before", "RNN", "RNN relu"]
path = pathlib.Path(__file__).with_name("onnx.json")
content = {
    "numpy": np.__version__,
    "actions": [policy(observation(row)).tolist() for row in range(5)],
    "remembered": {kind: remembered(kind) for kind in kinds},
}
path.write_text(json.dumps(content) + "\n")
