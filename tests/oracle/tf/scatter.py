# SPDX-License-Identifier: Apache-2.0
"""Scatters into new and into given tensors, rows in place, partitions and stitches, counts."""
import numpy as np

from shape import FLOATS, INTS, NUMBERS, PLAIN, dims, index, pick, val
from tf_case import Case

REAL = INTS + FLOATS
TENSOR_OPS = ["TensorScatterUpdate", "TensorScatterAdd", "TensorScatterSub", "TensorScatterMax", "TensorScatterMin",
              "ScatterNdNonAliasingAdd"]


def scattered(rng, dtype, unique=False):
    shape = dims(rng, 1, 4, 0)
    depth = int(rng.integers(1, len(shape) + 1))
    at = dims(rng, 0, 2)
    if unique:
        total = int(np.prod(shape[:depth]))
        flat = rng.permutation(total)[:min(total, 5)]
        indices = np.stack(np.unravel_index(flat, shape[:depth]), -1)
        at = list(flat.shape)
    else:
        indices = np.stack([rng.integers(0, n, at) for n in shape[:depth]], -1)
    return shape, indices.astype(index(rng)), val(rng, dtype, at + shape[depth:])


def cases(rng):
    for dtype in PLAIN * 2:
        shape, indices, updates = scattered(rng, dtype, dtype == "S")
        yield Case("ScatterNd", [indices, updates, np.array(shape, indices.dtype)])
        for op in TENSOR_OPS:
            if dtype in ("?", "S") and op != "TensorScatterUpdate":
                continue
            if dtype in ("c8", "c16") and op[-3:] in ("Max", "Min"):
                continue
            shape, indices, updates = scattered(rng, dtype, op == "TensorScatterUpdate")
            yield Case(op, [val(rng, dtype, shape), indices, updates])
    x, one = np.ones((2, 3), "f4"), np.ones(1, "f4")
    for bad in ([[2, 0]], [[0, -1]], [[0, 0, 0]]):
        bad = np.array(bad, "i4")
        yield Case("ScatterNd", [bad, one, np.array([2, 3], "i4")])
        for op in TENSOR_OPS:
            yield Case(op, [x, bad, one])
    for op in TENSOR_OPS:
        yield Case(op, [x, np.array([[0, 0], [5, 5]], "i4"), np.ones(2, "f4")], {"bad_indices_policy": "IGNORE"})
        yield Case(op, [x, np.array([[0]], "i4"), np.ones((1, 2), "f4")])
    yield Case("ScatterNd", [np.array([[0], [9]], "i4"), np.ones(2, "f4"), np.array([4], "i4")], {"bad_indices_policy": "IGNORE"})
    yield Case("ScatterNd", [np.array([[0]], "i4"), one, np.array([-4], "i4")])
    for dtype in ["f4", "f8", "i4", "i8", "f2", "u1"] * 3:
        shape = dims(rng, 1, 3, 0)
        rows = rng.permutation(shape[0])[:int(rng.integers(0, shape[0] + 1))].astype("i4")
        v = val(rng, dtype, [len(rows)] + shape[1:])
        for op in ("InplaceUpdate", "InplaceAdd", "InplaceSub"):
            yield Case(op, [val(rng, dtype, shape), rows, v])
    yield Case("InplaceUpdate", [x, np.array([0], "i4"), np.ones((2, 3), "f4")])
    for dtype in PLAIN * 2:
        n = int(rng.integers(1, 5))
        shape = dims(rng, 0, 3)
        depth = int(rng.integers(0, len(shape) + 1))
        yield Case("DynamicPartition", [val(rng, dtype, shape), np.asarray(rng.integers(0, n, shape[:depth])).astype("i4")],
                   {"num_partitions": n})
        inner = dims(rng, 0, 2)
        parts = [dims(rng, 0, 2) for _ in range(n)]
        order = rng.permutation(sum(int(np.prod(p)) for p in parts)).astype("i4")
        indices, at = [], 0
        for p in parts:
            k = int(np.prod(p))
            indices.append(order[at:at + k].reshape(p))
            at += k
        data = [val(rng, dtype, p + inner) for p in parts]
        yield Case("DynamicStitch", [indices, data])
        yield Case("ParallelDynamicStitch", [indices, data])
    yield Case("DynamicPartition", [x, np.array([0, 2], "i4")], {"num_partitions": 2})
    yield Case("DynamicPartition", [x, np.array([0, -1], "i4")], {"num_partitions": 2})
    yield Case("DynamicPartition", [x, np.array([0, 1, 0], "i4")], {"num_partitions": 2})
    yield Case("DynamicStitch", [[np.array([0, 1], "i4"), np.array([1], "i4")], [np.ones((2, 2), "f4"), np.zeros((1, 2), "f4")]])
    yield Case("DynamicStitch", [[np.array([-1], "i4")], [np.ones(1, "f4")]])
    yield Case("DynamicStitch", [[np.array([0], "i4"), np.array([1], "i4")], [np.ones((1, 2), "f4"), np.ones((1, 3), "f4")]])
    # counts
    for dtype in ["i4", "i8", "f4", "f8"] * 4:
        shape = dims(rng, 1, 2)
        weights = val(rng, dtype, shape if rng.random() < 0.6 else [0])
        values = rng.integers(0, 9, shape)
        yield Case("Bincount", [np.asarray(values).astype("i4"), np.array(rng.integers(1, 12), "i4"), weights])
        kind = index(rng)
        binary = bool(rng.random() < 0.3)
        yield Case("DenseBincount", [np.asarray(values).astype(kind), np.array(rng.integers(1, 12), kind),
                                     weights if not binary else val(rng, dtype, [0])], {"binary_output": binary})
        low, high = (-3, 4) if dtype[0] == "i" else (-2.5, 3.25)
        yield Case("HistogramFixedWidth", [val(rng, dtype, dims(rng, 1, 3)), np.array([low, high], dtype), np.array(rng.integers(1, 9), "i4")],
                   {"dtype": pick(rng, ["int32", "int64"])})
    none = np.zeros(0, "f4")
    yield Case("Bincount", [np.array([1, -1], "i4"), np.array(3, "i4"), none])
    yield Case("Bincount", [np.array([1, 1], "i4"), np.array(-3, "i4"), none])
    yield Case("Bincount", [np.array([1, 1], "i4"), np.array(3, "i4"), np.ones(3, "f4")])
    yield Case("DenseBincount", [np.array([1, -1], "i4"), np.array(3, "i4"), none])
    yield Case("HistogramFixedWidth", [none, np.array([1, 1], "f4"), np.array(3, "i4")])
    yield Case("HistogramFixedWidth", [none, np.array([0, 1], "f4"), np.array(0, "i4")])
