# SPDX-License-Identifier: Apache-2.0
"""Reductions over axes."""
import numpy as np

from shape import BF16, FLOATS, INTS, NUMBERS, dims, index, pick, val
from tf_case import Case

REAL = INTS + FLOATS
# TensorFlow adds up float16 in float16, unflow in float32; sums of floats are in another order.
TOLERANCE = {"f2": (2e-2, 2e-2), BF16: (2e-2, 2e-2), "f4": (2e-5, 1e-5), "f8": (1e-11, 1e-11), "c8": (2e-5, 1e-4), "c16": (1e-11, 1e-11)}


def axes_of(rng, rank):
    axes = [int(a) - rank * int(rng.integers(0, 2)) for a in rng.permutation(rank)[:int(rng.integers(0, rank + 1))]]
    return np.array(axes[0] if len(axes) == 1 and rng.random() < 0.5 else axes, index(rng))


def cases(rng):
    for op in ("Sum", "Mean", "Prod", "Max", "Min", "EuclideanNorm"):
        for dtype in NUMBERS * 3:
            if dtype in ("c8", "c16") and op in ("Max", "Min"):
                continue
            shape = dims(rng, 0, 4, 0.05)
            x = val(rng, dtype, shape, special=op in ("Max", "Min"))
            if op == "EuclideanNorm" and dtype not in ("f2", BF16, "f4", "f8", "c8", "c16"):
                x = np.asarray(np.minimum(np.maximum(x, 0), 2), x.dtype)
            yield Case(op, [x, axes_of(rng, len(shape))], {"keep_dims": bool(rng.random() < 0.3)}, tolerance=TOLERANCE.get(dtype))
        for shape, axes in (([700, 3], 0), ([3, 700], 1), ([5, 40, 60], [0, 2]), ([2, 300, 2, 9], [1, 3])):
            yield Case(op, [np.asarray(rng.normal(1, 0.01, shape)).astype("f4"), np.array(axes, "i4")])
        for bad in ([2], [0, 0], [-3]):
            yield Case(op, [np.ones((2, 3), "f4"), np.array(bad, "i4")])
        yield Case(op, [np.float32(3), np.array(0, "i4")])
        for dtype in ("i4", "u1", "f2", "f8", "u8"):
            yield Case(op, [np.zeros((2, 0), dtype), np.array(1, "i4")])
    for dtype in INTS:
        for op in ("Sum", "Mean", "Prod", "Max", "Min"):
            if op != "Mean" or dtype != "i8":
                yield Case(op, [val(rng, dtype, [40, 3], special=dtype not in ("u8", "i8")), np.array(0, "i4")])
    for op in ("All", "Any"):
        for _ in range(14):
            shape = dims(rng, 0, 4, 0.05)
            yield Case(op, [np.asarray(rng.random(shape) < pick(rng, [0.1, 0.9])), axes_of(rng, len(shape))],
                       {"keep_dims": bool(rng.random() < 0.3)})
        yield Case(op, [np.ones((2, 3), bool), np.array([0, 0], "i4")])
    for op in ("ArgMax", "ArgMin"):
        for dtype in (REAL + ["?"]) * 3:
            shape = dims(rng, 1, 4, 0.02)
            rank = len(shape)
            yield Case(op, [val(rng, dtype, shape), np.array(rng.integers(-rank, rank), index(rng))],
                       {"output_type": pick(rng, ["int32", "int64"] + (["int16", "uint16"] if op == "ArgMax" else []))})
        yield Case(op, [np.ones((2, 0), "f4"), np.array(1, "i4")])
        yield Case(op, [np.ones((2, 3), "f4"), np.array(2, "i4")])
        yield Case(op, [np.float32(1), np.array(0, "i4")])
        yield Case(op, [np.array([[np.nan, 1, 2], [3, np.nan, 0], [np.inf, -np.inf, np.nan]], "f4"), np.array(0, "i4")])
    for dtype in FLOATS * 4:
        yield Case("L2Loss", [val(rng, dtype, dims(rng))], tolerance=TOLERANCE[dtype])
