# SPDX-License-Identifier: Apache-2.0
"""segment.py: rows joined by the segment that each belongs to."""

import numpy as np

from case import Close
from onenode import Node, const, i32, numbers

TIGHT = Close(3e-6, 1e-6)


def values(rng, t, shape, how):
    if t == "float32":
        return rng.uniform(0.7, 1.4, shape).astype(t) if how == "PROD" else numbers(rng, t, shape)
    return rng.integers(-9, 9, shape).astype(t) if how == "PROD" else numbers(rng, t, shape)


def cases(rng):
    node = Node("SEGMENT_SUM", "SegmentSumOptions")
    for t in ("float32", "int32"):
        for i, shape in enumerate([(1,), (7,), (17, 3), (5, 33), (6, 2, 3), (4, 2, 1, 3, 2), (33, 1)]):
            ids = np.cumsum(np.concatenate([[0], rng.integers(0, 2, max(shape[0] - 1, 0))]))[:shape[0]].astype(np.int32)
            yield node.case(f"{i}_{t}", [numbers(rng, t, shape), ids], [t], tol=TIGHT)
        yield node.case(f"constant_{t}", [const(numbers(rng, t, (4, 3))), i32(0, 0, 1, 1)], [t])
        yield node.case(f"one_{t}", [numbers(rng, t, (4, 3)), i32(0, 0, 0, 0)], [t])
    for how in ("SUM", "PROD", "MAX", "MIN"):
        node = Node(f"UNSORTED_SEGMENT_{how}", f"UnsortedSegment{how.title()}Options")
        for t in ("float32", "int32"):
            for i, (shape, ids_shape, n) in enumerate([((7,), (7,), 3), ((17, 3), (17,), 5), ((5, 33), (5,), 2), ((3, 4), (3, 4), 6), ((2, 3, 2), (2, 3), 4),
                                                       ((3, 2, 1, 2), (3, 2), 1), ((2, 1, 2, 1, 2), (2, 1, 2), 9)]):
                ids = rng.integers(-1, n, ids_shape).astype(np.int32)
                yield node.case(f"{i}_{t}", [values(rng, t, shape, how), ids, const(np.int32(n))], [t], tol=TIGHT)
            yield node.case(f"constant_ids_{t}", [values(rng, t, (4, 2), how), i32(1, 0, 1, -5), i32(3)], [t], tol=TIGHT)
            yield node.case(f"dynamic_{t}", [values(rng, t, (4, 2), how), np.array([1, 0, 1, 2], np.int32), np.array([3], np.int32)], [t], tol=TIGHT)
        x = np.array([[np.inf, -np.inf], [-np.inf, 3], [2, np.inf], [-np.inf, -np.inf]], np.float32)
        yield node.case("infinite", [x, i32(0, 0, 2, 1), const(np.int32(4))], ["float32"])
        yield node.case("nan", [np.array([np.nan, 1, 2, np.nan, np.nan], np.float32), i32(0, 0, 1, 1, 2), const(np.int32(3))], ["float32"])
