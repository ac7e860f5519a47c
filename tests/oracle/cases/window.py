# SPDX-License-Identifier: Apache-2.0
"""window.py: REDUCE_WINDOW."""

import numpy as np

from onenode import Node, const, numbers

JOINS = {"add": 1, "mul": 2, "min": 3, "max": 4, "all": 5, "any": 6}
TYPES = ("float32", "float64", "int8", "uint8", "int16", "int32", "int64")
# shape, window, strides, dilations
PLANS = [((7,), (3,), (1,), (1,)), ((7,), (3,), (2,), (2,)), ((5, 6), (2, 3), (1, 2), (1, 1)), ((5, 6), (2, 2), (2, 1), (3, 4)),
         ((1, 8, 9, 3), (1, 3, 3, 1), (1, 2, 2, 1), (1, 1, 1, 1)), ((2, 3, 4, 2, 3), (2, 1, 2, 2, 1), (1, 1, 1, 1, 2), (1, 2, 1, 1, 1)),
         ((2, 2, 2, 3, 2, 2), (1, 2, 2, 2, 1, 2), (1,) * 6, (1,) * 6), ((3, 3), (4, 1), (1, 1), (1, 1)), ((3, 33), (1, 17), (1, 1), (1, 1)),
         ((4, 0), (1, 1), (1, 1), (1, 1)), ((1,), (1,), (1,), (1,)), ((6,), (1,), (5,), (1,))]


def window(*args):
    return [const(np.array(a, np.int64)) for a in args]


def values(rng, t, shape, join):
    """Sums and products of integers may wrap around, as C++'s do in the reference."""
    if join == "mul" and np.dtype(t).kind == "f":
        return rng.uniform(0.5, 1.5, shape).astype(t)
    if join in ("all", "any"):
        return rng.integers(0, 3, shape).astype(t)
    return numbers(rng, t, shape)


def cases(rng):
    node = Node("REDUCE_WINDOW", "ReduceWindowOptions")
    for i, (shape, *plan) in enumerate(PLANS):
        for j, (join, code) in enumerate(JOINS.items()):
            for t in (TYPES if i in (2, 3) else (TYPES[(i + j) % 7], TYPES[(i + j + 3) % 7])):
                x, start = values(rng, t, shape, join), values(rng, t, (), join)
                yield node.case(f"{i}_{join}_{t}", [x, const(start)] + window(*plan), [t], {"reduceFunction": code})
    for join in ("min", "max", "all", "any"):
        x = numbers(rng, "bool", (5, 6))
        yield node.case(f"bool_{join}", [x, const(np.array(join in ("min", "all")))] + window((2, 3), (1, 1), (1, 1)), ["bool"],
                        {"reduceFunction": JOINS[join]})
    x = numbers(rng, "float32", (9,))
    x[[1, 4, 7]] = np.nan, np.inf, -np.inf
    for join in ("add", "min", "max"):
        yield node.case(f"nan_{join}", [x, const(np.float32(0))] + window((2,), (1,), (1,)), ["float32"], {"reduceFunction": JOINS[join]})
    for join in ("add", "max"):  # enough for several threads
        x = numbers(rng, "float32", (1, 48, 50, 3))
        yield node.case(f"large_{join}", [x, const(np.float32(0))] + window((1, 5, 5, 1), (1, 1, 1, 1), (1, 1, 1, 1)), ["float32"], {"reduceFunction": JOINS[join]})
    yield node.case("variable_start", [numbers(rng, "int32", (6,)), np.array([3], np.int32)] + window((2,), (1,), (1,)), ["int32"], {"reduceFunction": 1})
    yield node.case("constant", [const(numbers(rng, "int32", (6,))), const(np.int32(3))] + window((2,), (1,), (1,)), ["int32"], {"reduceFunction": 4})
