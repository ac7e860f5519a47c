# SPDX-License-Identifier: Apache-2.0
"""select.py: SELECT and SELECT_V2: one of two values, by a condition. Results must be equal, bit for bit."""

import numpy as np

from case import Close
from onenode import Node, const, numbers, quant
from operands import SHAPES, SPECIALS, TAILS, floats, name_of, values

# float64 and complex64, which the reference leaves out: test_elementwise_formulas.py
TYPES = ("float32", "float16", "bfloat16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool")

EQUAL = Close(0, 0)  # Exact() knows no single bfloat16


def select(rng):
    """Version one: values of one shape; the condition has it, or is scalar, or has an entry for each row."""
    node = Node("SELECT", "SelectOptions", 1)
    for t in TYPES:
        for shape in ((5, 7), (33,), (), (2, 3, 4, 5)):
            x, y = values(rng, t, shape), values(rng, t, shape)
            yield node.case(f"{t}_{name_of((shape,))}", [numbers(rng, "bool", shape), x, y], [t], shapes=[shape], tol=EQUAL)
        yield node.case(f"{t}_rows", [numbers(rng, "bool", (5,)), values(rng, t, (5, 7)), values(rng, t, (5, 7))], [t])
        yield node.case(f"{t}_scalar", [numbers(rng, "bool", ()), values(rng, t, (5, 7)), values(rng, t, (5, 7))], [t])
    for shape in SHAPES:
        x, y = floats(rng, shape), floats(rng, shape)
        yield node.case(f"shape_{name_of((shape,))}", [numbers(rng, "bool", shape), x, y], ["float32"], shapes=[shape])
        for condition in (True, False):
            yield node.case(f"shape_{condition}_{name_of((shape,))}", [np.array(condition), x, y], ["float32"], shapes=[shape])
        if len(shape) > 1:
            yield node.case(f"shape_rows_{name_of((shape,))}", [numbers(rng, "bool", shape[:1]), x, y], ["float32"], shapes=[shape])
    for n in TAILS:
        yield node.case(f"tail_{n}", [numbers(rng, "bool", (n,)), floats(rng, (n,)), floats(rng, (n,))], ["float32"])
    yield node.case("bits", [np.tile([True, False], 13), SPECIALS, np.roll(SPECIALS, 1)], ["float32"])
    for t in ("int8", "uint8", "int16"):
        yield node.case(f"quantized_{t}", [numbers(rng, "bool", (9,)), quant(numbers(rng, t, (9,)), 0.1, 0), quant(numbers(rng, t, (9,)), 0.1, 0)], [t], quant=(0.1, 0))


# Condition, x, y.
BROADCASTS = [((3, 1), (4,), (3, 4)), ((4,), (3, 4), ()), ((), (3, 1), (1, 4)), ((2, 1, 3), (4, 1), (2, 4, 3)), ((1,), (5,), (5,)), ((5, 1), (5, 1), (1, 7)),
              ((2, 3, 4, 5), (1, 1, 1, 1), (5,)), ((1, 1, 1), (2, 3), (3,)), ((2, 1, 2, 1, 3), (2, 1, 3), (4, 1, 1, 1)), ((3, 65), (65,), ()), ((33, 1), (1,), (33, 17)),
              ((0, 3), (1, 3), (3,)), ((2, 1), (2, 0), (1,))]


def select_v2(rng):
    node = Node("SELECT_V2", "SelectV2Options", 1)
    for t in TYPES:
        for shape in ((5, 7), ()):
            yield node.case(f"{t}_{name_of((shape,))}", [numbers(rng, "bool", shape), values(rng, t, shape), values(rng, t, shape)], [t], shapes=[shape], tol=EQUAL)
        for shapes in BROADCASTS[:4]:
            c, x, y = (numbers(rng, "bool", shapes[0]), values(rng, t, shapes[1]), values(rng, t, shapes[2]))
            yield node.case(f"{t}_{name_of(shapes)}", [c, x, y], [t])
    for shapes in BROADCASTS:
        out = np.broadcast_shapes(*shapes)
        inputs = [numbers(rng, "bool", shapes[0]), floats(rng, shapes[1]), floats(rng, shapes[2])]
        if 0 not in out:
            yield node.case(f"more_{name_of(shapes)}", inputs, ["float32"])
            yield node.case(f"const_{name_of(shapes)}", [inputs[0], const(inputs[1]), const(inputs[2])], ["float32"])
    for shape in SHAPES:
        yield node.case(f"shape_{name_of((shape,))}", [numbers(rng, "bool", shape), floats(rng, shape), floats(rng, shape)], ["float32"], shapes=[shape])


def single(rng):
    """One value of each: the output keeps the shape that the file gives it."""
    for op, options in (("SELECT", "SelectOptions"), ("SELECT_V2", "SelectV2Options")):
        for i, (shapes, out) in enumerate([(((1,), (), (1, 1)), (1,)), (((), (1,), (1,)), ()), (((1, 1), (1,), ()), (1, 1, 1)), (((), (), ()), (1, 1)), (((1,), (1,), (1,)), (1,))]):
            for condition in (True, False):
                yield Node(op, options).case(f"single_{i}_{condition}", [np.full(shapes[0], condition), floats(rng, shapes[1]), floats(rng, shapes[2])], ["float32"],
                                             shapes=[out])


def cases(rng):
    for part in (select, select_v2, single):
        yield from part(rng)
