# SPDX-License-Identifier: Apache-2.0
"""Cumulative sums, products and sums of exponentials."""
import numpy as np

from reduce import TOLERANCE
from shape import FLOATS, INTS, NUMBERS, dims, index, val
from tf_case import Case


def cases(rng):
    for op in ("Cumsum", "Cumprod", "CumulativeLogsumexp"):
        for dtype in (FLOATS if op[4] == "l" else NUMBERS) * 4:
            shape = dims(rng, 1, 4, 0.05)
            rank = len(shape)
            yield Case(op, [val(rng, dtype, shape), np.array(rng.integers(-rank, rank), index(rng))],
                       {"exclusive": bool(rng.random() < 0.5), "reverse": bool(rng.random() < 0.5)}, tolerance=TOLERANCE.get(dtype))
        for shape, axis in (([3, 1500], 1), ([40, 700], 0), ([2, 30, 40], 1)):
            yield Case(op, [np.asarray(rng.normal(1, 0.01, shape)).astype("f4"), np.array(axis, "i4")], {"reverse": axis == 1}, tolerance=(1e-4, 1e-4))
            if op != "CumulativeLogsumexp":
                yield Case(op, [val(rng, "i8", shape), np.array(axis, "i4")], {"exclusive": axis == 0})
        yield Case(op, [np.ones((2, 3), "f4"), np.array(2, "i4")])
        yield Case(op, [np.float32(2), np.array(0, "i4")])
        yield Case(op, [np.ones((2, 3), "f4"), np.array([0, 1], "i4")])
        yield Case(op, [np.array([1, np.inf, -np.inf, np.nan, 2], "f4"), np.array(0, "i4")])
    yield Case("CumulativeLogsumexp", [np.array([-np.inf, -np.inf, 3, -np.inf, 800], "f4"), np.array(0, "i4")])
