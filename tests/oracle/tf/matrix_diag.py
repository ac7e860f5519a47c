# SPDX-License-Identifier: Apache-2.0
"""Diagonals and bands of matrices."""
import numpy as np

from shape import PLAIN, NUMBERS, dims, index, pick, val
from tf_case import Case

ALIGNS = ["LEFT_RIGHT", "RIGHT_LEFT", "LEFT_LEFT", "RIGHT_RIGHT"]


def longest(rows, columns, low, high):
    return min(rows + min(high, 0), columns - max(low, 0))


def cases(rng):
    for dtype in (NUMBERS + ["?"]) * 4:
        batch = dims(rng, 0, 2)
        rows, columns = (int(n) for n in rng.integers(1, 6, 2))
        yield Case("MatrixDiag", [val(rng, dtype, batch + [rows])])
        x = val(rng, dtype, batch + [rows, columns])
        yield Case("MatrixDiagPart", [x])
        yield Case("MatrixSetDiag", [x, val(rng, dtype, batch + [min(rows, columns)])])
        low, high = sorted(int(k) for k in rng.integers(-rows + 1, columns, 2))
        if rng.random() < 0.4:
            high = low
        k = np.array([low, high] if high > low or rng.random() < 0.5 else low, "i4")
        n = longest(rows, columns, low, high)
        align = {"align": pick(rng, ALIGNS)}
        pad = val(rng, dtype, [])
        yield Case("MatrixDiagPartV2", [x, k, pad])
        yield Case("MatrixDiagPartV3", [x, k, pad], align)
        diagonal = val(rng, dtype, batch + ([high - low + 1] if high > low else []) + [n])
        yield Case("MatrixSetDiagV2", [x, diagonal, k])
        yield Case("MatrixSetDiagV3", [x, diagonal, k], align)
        r = np.array(pick(rng, [-1, rows]), "i4")
        c = np.array(pick(rng, [-1, columns]), "i4")
        yield Case("MatrixDiagV2", [diagonal, k, r, c, pad])
        yield Case("MatrixDiagV3", [diagonal, k, r, c, pad], align)
        kind = index(rng)
        yield Case("MatrixBandPart", [x, np.array(rng.integers(-1, rows + 1), kind), np.array(rng.integers(-1, columns + 1), kind)])
        if dtype not in ("?", "i1", "u1", "i2", "u2", "u4", "u8"):
            shape = dims(rng, 1, 3)
            yield Case("Diag", [val(rng, dtype, shape)])
            yield Case("DiagPart", [val(rng, dtype, shape + shape)])
    x, zero = np.ones((2, 3), "f4"), np.float32(0)
    for k in ([-2, 0], [0, 3], [1, 0], [0, 0, 0]):
        k = np.array(k, "i4")
        yield Case("MatrixDiagPartV3", [x, k, zero])
        yield Case("MatrixSetDiagV3", [x, np.ones(2, "f4"), k])
        yield Case("MatrixDiagV3", [np.ones(2, "f4"), k, np.array(-1, "i4"), np.array(-1, "i4"), zero])
    yield Case("MatrixSetDiag", [x, np.ones(3, "f4")])
    yield Case("MatrixDiagPart", [np.ones(3, "f4")])
    yield Case("MatrixDiagV3", [np.ones(3, "f4"), np.array(0, "i4"), np.array(2, "i4"), np.array(-1, "i4"), zero])
    yield Case("MatrixDiagV3", [np.ones(3, "f4"), np.array(0, "i4"), np.array(5, "i4"), np.array(5, "i4"), zero])
    yield Case("MatrixBandPart", [x, np.array(3, "i8"), np.array(0, "i8")])
    yield Case("DiagPart", [x])
    yield Case("DiagPart", [np.ones(3, "f4")])
    yield Case("Diag", [np.float32(3)])
