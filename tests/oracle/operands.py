# SPDX-License-Identifier: Apache-2.0
"""operands.py: what the families of elementwise cases share: shapes, values, tolerances."""

import ml_dtypes
import numpy as np

from case import Close
from onenode import numbers

TIGHT = Close(2e-6, 1e-7)
# Half floats: one unit in the last place, and what is lost below the least normal one.
F16 = Close(1e-3, 1e-7)
BF16 = Close(8e-3, 1e-30)

# Shapes of two operands that broadcast: equal, scalars, rows, columns, both ways, ranks that differ, sizes 0 and 1.
PAIRS = [
    ((3, 5), (3, 5)), ((2, 3, 4, 5), (5,)), ((5,), (2, 3, 4, 5)), ((2, 3, 4, 5), (1, 1, 1, 5)), ((2, 3, 4, 5), (2, 1, 1, 5)),
    ((2, 3, 4, 5), (2, 3, 4, 1)), ((2, 3, 4, 1), (2, 3, 4, 5)), ((4, 1), (1, 7)), ((1, 7), (4, 1)), ((), (4,)), ((4,), ()),
    ((), ()), ((1,), (1,)), ((2, 3), (1, 1)), ((3, 1, 2, 1), (1, 4, 1, 5)), ((37,), (37,)), ((3, 67), (67,)), ((1, 9, 33), (1, 1, 33)),
    ((2, 1, 3, 1, 2), (1, 4, 1, 2, 1)), ((0, 3), (0, 3)), ((2, 0), (1, 1)), ((300, 3), (3,)), ((5,), (7, 30, 5)), ((2, 130, 7), (1, 1, 7)),
]
SHORT = [PAIRS[i] for i in (0, 1, 3, 5, 7, 8, 9, 10, 14, 16, 21, 22)]
SHAPES = [(), (1,), (0,), (7,), (3, 5), (2, 3, 4), (1, 5, 7, 3), (2, 1, 3, 1, 5), (300,), (2, 0, 3)]
TAILS = (1, 3, 7, 15, 17, 31, 33, 63, 65)  # lengths around those of vectors

FLOATS = ("float32", "float16", "bfloat16", "float64")
SPECIALS = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, -1e-40, 3e38, -3e38, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-8, -1e-8, 8388609.0, 0.49999997,
                     1e10, 100.0, -100.0, 90.0, -90.0, 6.0, 3.0, -3.0], np.float32)


def floats(rng, shape, scale=2.0):
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def ints(rng, dtype, shape, low=None, high=None):
    info = np.iinfo(dtype)
    low, high = info.min if low is None else low, info.max if high is None else high
    return rng.integers(low, high, shape, dtype=dtype, endpoint=True)


def values(rng, dtype, shape):
    """numbers(), and bfloat16."""
    if dtype == "bfloat16":
        return rng.standard_normal(shape).astype(np.float32).astype(ml_dtypes.bfloat16)
    return numbers(rng, dtype, shape)


def specials(dtype):
    """SPECIALS as a float dtype."""
    with np.errstate(over="ignore"):
        return SPECIALS.astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)


def divisors(rng, dtype, shape):
    """Integers but 0 and -1, by which the least one cannot be divided."""
    x = ints(rng, dtype, shape)
    x[(x == 0) | (x == np.array(-1).astype(dtype))] = 3
    return x


def reals(rng, dtype, low, high, shape):
    """Uniform numbers of a float dtype."""
    return rng.uniform(low, high, shape).astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)


def tolerance(dtype, wide=TIGHT):
    return {"float16": F16, "bfloat16": BF16}.get(dtype, wide)


def every(rng, dtype):
    """All values of an 8-bit dtype; of int16 some, with the ends."""
    info = np.iinfo(dtype)
    if info.bits == 8:
        return np.arange(info.min, info.max + 1).astype(dtype)
    return np.concatenate([ints(rng, dtype, (700,)), np.array([-32768, 32767, 0, 1, -1], dtype)])


def zero_of(rng, dtype):
    return 0 if dtype == "int16" else int(rng.integers(0, 256) if dtype == "uint8" else rng.integers(-128, 128))


def zero_ends(dtype):
    """Zero points at the ends of the dtype and in its middle."""
    return {"int8": (-128, 127, 0), "uint8": (0, 255, 128), "int16": (0,)}[dtype]


def name_of(shapes):
    return "_".join("x".join(map(str, s)) or "s" for s in shapes)
