# SPDX-License-Identifier: Apache-2.0
"""Gathers, Where, unique values, orders and searches."""
import ml_dtypes
import numpy as np

from shape import ANY, FLOATS, INTS, NUMBERS, PLAIN, QUANTIZED, dims, index, pick, val
from tf_case import Case

REAL = INTS + FLOATS


def cases(rng):
    for dtype in ANY * 3:
        shape = dims(rng, 1, 4, 0.05)
        rank = len(shape)
        axis = int(rng.integers(0, rank))
        n = shape[axis]
        batch = int(rng.integers(0, axis + 1)) if dtype not in QUANTIZED else 0
        at = shape[:batch] + (dims(rng, 0, 2) if n else [0])
        indices = rng.integers(0, max(n, 1), at).astype(index(rng)) if n or 0 in at else np.zeros(at, "i4")
        batch -= len(at) * int(batch > 0 and rng.random() < 0.3)
        yield Case("GatherV2", [val(rng, dtype, shape), np.asarray(indices), np.array(axis - pick(rng, [0, rank]), index(rng))],
                   {"batch_dims": batch})
        shape = dims(rng, 1, 4, 0)
        yield Case("Gather", [val(rng, dtype, shape), np.asarray(rng.integers(0, shape[0], dims(rng, 0, 2))).astype(index(rng))])
        depth = int(rng.integers(0, len(shape) + 1))
        at = dims(rng, 0, 2)
        indices = np.stack([rng.integers(0, n, at) for n in shape[:depth]], -1) if depth else np.zeros(at + [0])
        if dtype not in QUANTIZED:
            yield Case("GatherNd", [val(rng, dtype, shape), indices.astype(index(rng))])
    x = np.arange(6, dtype="f4").reshape(2, 3)
    for bad in ([2], [-1], [0, 5]):
        yield Case("Gather", [x, np.array(bad, "i4")])
        yield Case("GatherV2", [x, np.array(bad, "i4"), np.array(0, "i4")])
        yield Case("GatherNd", [x, np.array(bad, "i4")])
        yield Case("GatherNd", [x, np.array([[b] for b in bad], "i4")], {"bad_indices_policy": "IGNORE"})
    yield Case("GatherV2", [x, np.array([0], "i4"), np.array(2, "i4")])
    yield Case("GatherV2", [x, np.array([0], "i4"), np.array(0, "i4")], {"batch_dims": 1})
    yield Case("GatherNd", [x, np.array([0, 0, 0], "i4")])
    yield Case("GatherNd", [np.ones((0, 2), "f4"), np.zeros((0, 1), "i4")])
    for dtype in NUMBERS + ["?"]:
        x = val(rng, dtype, dims(rng, 1, 4))
        x = np.where(rng.random(x.shape) < 0.5, x, np.zeros((), x.dtype))
        yield Case("Where", [x])
    yield Case("Where", [np.array(True)])
    yield Case("Where", [np.array(0.0, "f4")])
    yield Case("Where", [np.array([np.nan, -0.0, 0.0, np.inf], "f4")])
    yield Case("Where", [np.zeros((3, 0, 2), bool)])
    for dtype in (REAL + ["?", "S"]) * 2:
        x = val(rng, dtype, [int(rng.integers(0, 30))])
        out = {"out_idx": pick(rng, ["int32", "int64"])}
        yield Case("Unique", [x], out)
        yield Case("UniqueWithCounts", [x], out)
        shape = dims(rng, 1, 3, 0.05)
        y = val(rng, dtype, shape)
        if dtype != "S" and rng.random() < 0.6:
            y = (np.asarray(y).astype("f4") > 0).astype(y.dtype)
        axis = np.array([int(rng.integers(-len(shape), len(shape)))], index(rng))
        yield Case("UniqueV2", [y, axis], out)
        yield Case("UniqueWithCountsV2", [y, axis], out)
        yield Case("UniqueV2", [x, np.zeros(0, "i4")], out)
        yield Case("ListDiff", [x, val(rng, dtype, [int(rng.integers(0, 12))])], out)
    yield Case("Unique", [np.array([0.0, -0.0, np.nan, np.nan, np.inf, np.inf], "f4")])
    yield Case("Unique", [np.ones((2, 2), "f4")])
    yield Case("UniqueV2", [np.ones((2, 2), "f4"), np.array([2], "i4")])
    yield Case("UniqueV2", [np.ones((2, 2), "f4"), np.array([0, 1], "i4")])
    yield Case("ListDiff", [np.ones((2, 2), "f4"), np.ones(2, "f4")])
    # orders
    for dtype in REAL * 2:
        shape = dims(rng, 0, 2) + [int(rng.integers(1, 40))]
        x = val(rng, dtype, shape)
        k = int(rng.integers(0, shape[-1] + 1))
        yield Case("TopKV2", [x, np.array(k, pick(rng, ["i2", "i4", "i8"]))], {"index_type": pick(rng, ["int32", "int64", "int16"])})
        yield Case("NthElement", [x, np.array(rng.integers(0, shape[-1]), "i4")], {"reverse": bool(rng.random() < 0.5)})
        a = np.sort(val(rng, dtype, [2, int(rng.integers(0, 12))]), -1)
        b = val(rng, dtype, [2, int(rng.integers(0, 9))])
        out = {"out_type": pick(rng, ["int32", "int64"])}
        yield Case("LowerBound", [a, b], out)
        yield Case("UpperBound", [a, b], out)
    x = np.ones((2, 3), "f4")
    for k in (-1, 4):
        yield Case("TopKV2", [x, np.array(k, "i4")])
        yield Case("NthElement", [x, np.array(k, "i4")])
    yield Case("TopKV2", [np.array([1, np.inf, -np.inf, 3], "f4"), np.array(4, "i4")])
    yield Case("TopKV2", [np.float32(1), np.array(1, "i4")])
    yield Case("LowerBound", [x, np.ones((3, 3), "f4")])
    for i in range(14):
        n, m, kind = int(rng.integers(1, 6)), int(rng.integers(1, 9)), index(rng)
        x = rng.integers(0, 5, (n, m)).astype("f4")
        if i % 4 == 3:
            x = np.where(rng.random((n, m)) < 0.1, np.float32(rng.choice([np.nan, np.inf, -np.inf])), x)
        t = rng.integers(-1, m + 1, n).astype(kind)
        k = int(rng.integers(0, m + 2))
        yield Case("InTopKV2", [x, t, np.array(k, kind)])
        yield Case("InTopK", [x, t], {"k": k})
    for dtype in ["f4", "f8", "i4", "i8"] * 4:
        edges = np.sort(rng.normal(0, 4, int(rng.integers(0, 8)))).astype("f4")
        yield Case("Bucketize", [val(rng, dtype, dims(rng))], {"boundaries": [float(e) for e in edges]})
    yield Case("Bucketize", [np.array([1, 2, 3, np.nan], "f4")], {"boundaries": [1.0, 2.0, 2.0, 3.0]})
    yield Case("Bucketize", [np.ones(3, "f4")], {"boundaries": [2.0, 1.0]})
