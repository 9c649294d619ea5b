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


rows = [policy(observation(row)).tolist() for row in range(5)]
path = pathlib.Path(__file__).with_name("onnx.json")
path.write_text(json.dumps({"numpy": np.__version__, "actions": rows}) + "\n")
