# SPDX-License-Identifier: Apache-2.0
"""Rows joined by segment: sorted ids, unsorted ids, rows picked by indices."""
import numpy as np

from reduce import TOLERANCE
from shape import FLOATS, INTS, NUMBERS, dims, index, pick, val
from tf_case import Case

REAL = INTS + FLOATS


def cases(rng):
    for op in ("SegmentSum", "SegmentMean", "SegmentProd", "SegmentMax", "SegmentMin"):
        for dtype in (REAL if op[-3:] in ("Max", "Min") else NUMBERS) * 2:
            shape = dims(rng, 1, 3, 0.05)
            shape[0] = int(rng.integers(0, 12))
            ids = np.cumsum(rng.integers(0, 3, shape[0]) * (rng.random(shape[0]) < 0.5)).astype(index(rng))
            yield Case(op, [val(rng, dtype, shape), ids], tolerance=TOLERANCE.get(dtype))
        for bad in ([1, 0], [-1, 0], [0]):
            yield Case(op, [np.ones((2, 3), "f4"), np.array(bad, "i4")])
        yield Case(op, [np.float32(2), np.array([0], "i4")])
    for op in ("UnsortedSegmentSum", "UnsortedSegmentProd", "UnsortedSegmentMax", "UnsortedSegmentMin"):
        for dtype in (REAL if op[-3:] in ("Max", "Min") else NUMBERS) * 2:
            shape = dims(rng, 1, 3, 0.05)
            n = int(rng.integers(1, 6))
            depth = int(rng.integers(1, len(shape) + 1))
            yield Case(op, [val(rng, dtype, shape), np.asarray(rng.integers(-1, n, shape[:depth])).astype(index(rng)),
                            np.array(n, index(rng))], tolerance=TOLERANCE.get(dtype))
        yield Case(op, [np.ones((2, 3), "f4"), np.array([0, 2], "i4"), np.array(2, "i4")])
        yield Case(op, [np.ones((2, 3), "f4"), np.array([0, 0, 0], "i4"), np.array(2, "i4")])
        yield Case(op, [np.ones((2, 3), "f4"), np.array([0, 0], "i4"), np.array(-1, "i4")])
    for op in ("SparseSegmentSum", "SparseSegmentMean", "SparseSegmentSqrtN"):
        for dtype in (FLOATS * 4 if op[13] != "S" or op.endswith("SqrtN") else REAL * 2):
            shape = dims(rng, 1, 3, 0)
            n = int(rng.integers(0, 9))
            ids = np.cumsum(rng.integers(0, 3, n) * (rng.random(n) < 0.5)).astype(index(rng))
            indices = rng.integers(0, shape[0], n).astype(index(rng))
            x = val(rng, dtype, shape)
            yield Case(op, [x, indices, ids], tolerance=TOLERANCE.get(dtype))
            segments = int(ids[-1] if n else 0) + int(rng.integers(1, 4))
            yield Case(op + "WithNumSegments", [x, indices, ids, np.array(segments, index(rng))], tolerance=TOLERANCE.get(dtype))
        x = np.ones((2, 3), "f4")
        for indices, ids in (([0, 2], [0, 0]), ([0, -1], [0, 0]), ([0, 1], [1, 0]), ([0, 1], [0]), ([0, 1], [-1, 0])):
            yield Case(op, [x, np.array(indices, "i4"), np.array(ids, "i4")])
        yield Case(op + "WithNumSegments", [x, np.array([0, 1], "i4"), np.array([0, 2], "i4"), np.array(2, "i4")])
