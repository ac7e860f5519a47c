# SPDX-License-Identifier: Apache-2.0
"""broadcast.py: chains of elementwise ops, in which results may lie on their operands' memory, and one value as both operands.

Every operand order, repeated rows, columns and values between equal shapes; inputs that are asked for again at the end.
Results must be equal; the values are small integers.
"""

import numpy as np

from case import Case
from modelgen import ModelGen

OPTIONS = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions", "MAXIMUM": "MaximumMinimumOptions", "MINIMUM": "MaximumMinimumOptions",
           "SQUARED_DIFFERENCE": "SquaredDifferenceOptions", "LESS": "LessOptions", "NEG": "NegOptions", "SQUARE": "SquareOptions", "RELU": None,
           "CAST": "CastOptions", "POW": "PowOptions", "PRELU": None}


class Chain:
    """A graph made op by op; each result is a float32 (or bool, for LESS)."""

    def __init__(self):
        self.g, self.inputs, self.feeds, self.n = ModelGen(), [], [], 0

    def input(self, value):
        self.inputs.append(self.g.tensor(f"x{len(self.inputs)}", value.dtype.name, value.shape))
        self.feeds.append(value)
        return self.inputs[-1]

    def op(self, name, *operands, dtype="float32", shape=()):
        self.n += 1
        out = self.g.tensor(f"t{self.n}", dtype, shape)
        self.g.op(name, list(operands), [out], OPTIONS[name])
        return out

    def case(self, name, op, *outputs):
        self.g.inputs(self.inputs)
        self.g.outputs(list(outputs))
        return Case(name, op, self.g.build(), self.feeds, steps=2)


def small(rng, shape):
    return rng.integers(-4, 5, shape).astype(np.float32)


def both_operands(rng):
    """op(x, x), of an input and of a result, which is asked for or not."""
    for op in ("ADD", "SUB", "MUL", "MAXIMUM", "SQUARED_DIFFERENCE", "LESS"):
        dtype = "bool" if op == "LESS" else "float32"
        for n in (1, 5, 33, 1000):
            c = Chain()
            x = c.input(small(rng, (n,)))
            yield c.case(f"{op.lower()}_twice_{n}", op, c.op(op, x, x, dtype=dtype))
            c = Chain()
            t = c.op("NEG", c.input(small(rng, (n,))))
            yield c.case(f"{op.lower()}_twice_computed_{n}", op, c.op("RELU", c.op(op, t, t)) if op != "LESS" else c.op(op, t, t, dtype=dtype))
            c = Chain()
            t = c.op("NEG", c.input(small(rng, (n,))))
            yield c.case(f"{op.lower()}_twice_kept_{n}", op, c.op(op, t, t, dtype=dtype), t)


def chains(rng):
    shapes = {"same": ((6, 10), (6, 10)), "row": ((6, 10), (10,)), "column": ((6, 10), (6, 1)), "one": ((6, 10), ()), "short": ((40, 3), (3,)),
              "grows": ((1, 10), (6, 1)), "middle": ((4, 3, 5), (3, 1))}
    for op in ("ADD", "SUB", "MUL", "MINIMUM"):
        for name, (a, b) in shapes.items():
            for flipped in (False, True):
                c = Chain()
                x, y = c.op("NEG", c.input(small(rng, a))), c.op("NEG", c.input(small(rng, b)))
                first = c.op(op, *((y, x) if flipped else (x, y)))
                second = c.op(op, first, y)
                third = c.op(op, second, first)  # first is needed again: second must not lie on it
                yield c.case(f"{op.lower()}_{name}_{flipped}", op, c.op("RELU", third), y)
    for op in ("ADD", "MUL"):
        c = Chain()
        x = c.input(small(rng, (5, 7)))
        t = c.op("NEG", x)
        for _ in range(5):
            t = c.op(op, t, c.op("NEG", t))
        yield c.case(f"{op.lower()}_doubling", op, t, x)
    c = Chain()
    x, slopes = c.op("NEG", c.input(small(rng, (4, 6)))), c.op("NEG", c.input(small(rng, (6,))))
    yield c.case("prelu_computed", "PRELU", c.op("ADD", c.op("PRELU", x, slopes), x), slopes)
    c = Chain()
    x = c.op("NEG", c.input(small(rng, (4, 6))))
    yield c.case("pow_of_results", "POW", c.op("POW", c.op("SQUARE", x), c.op("RELU", x)), x)


def large(rng):
    """Pieces of the work that begin inside of rows, short rows laid out many times: above 65536 elements."""
    shapes = [((70001,), (70001,)), ((301, 233), (233,)), ((301, 233), (301, 1)), ((9, 7, 33, 40), (33, 1)), ((30011, 3), (3,)), ((3,), (30011, 3)), ((1, 283), (283, 1)),
              ((66003,), ())]
    for op in ("ADD", "SUB", "MUL", "MAXIMUM", "LESS"):
        for i, (a, b) in enumerate(shapes):
            c = Chain()
            out = c.op(op, c.input(small(rng, a)), c.input(small(rng, b)), dtype="bool" if op == "LESS" else "float32")
            yield c.case(f"{op.lower()}_large_{i}", op, out)
    for op in ("NEG", "SQUARE", "RELU"):
        c = Chain()
        yield c.case(f"{op.lower()}_large", op, c.op(op, c.input(small(rng, (70001,)))))


def cases(rng):
    for part in (both_operands, chains, large):
        yield from part(rng)
