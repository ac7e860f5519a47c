# SPDX-License-Identifier: Apache-2.0
"""RANDOM_UNIFORM, RANDOM_STANDARD_NORMAL and MULTINOMIAL: the same numbers for the same seeds, run after run, whether the
shape is a constant or not, and inside of branches and loops.
"""

import itertools

import numpy as np
from case import Case, Close
from modelgen import ModelGen
from onenode import Node, const

SEEDS = ((1, 2), (0, 5), (7, 0), (-3, 11), (2 ** 32 + 5, -(2 ** 31)), (-(2 ** 63) + 1, 2 ** 62))
# Numbers come from logarithms, sines and square roots of floats: the last bit is the C library's.
NORMAL = Close(1e-6, 1e-7)


def op_tolerance(op):
    return NORMAL if op == "RANDOM_STANDARD_NORMAL" else None


def filled(rng):
    shapes = ((), (1,), (2,), (3,), (4,), (7,), (2, 3), (0, 4), (33,), (2, 3, 5), (1, 2, 1, 3, 2), (257,))
    for op in ("RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL"):
        node = Node(op, "RandomOptions")
        for i, shape in enumerate(shapes):
            # the reference writes numbers by twos, past the end of an odd number of them
            if op == "RANDOM_STANDARD_NORMAL" and np.prod(shape) % 2:
                shape = (*shape, 2)
            seed, seed2 = SEEDS[i % len(SEEDS)]
            values = {"seed": seed, "seed2": seed2}
            dims = np.array(shape, np.int32)
            yield node.case(f"{i}", [const(dims)], ["float32"], values, op_tolerance(op), shapes=[shape], steps=3)
            yield node.case(f"fed_{i}", [dims], ["float32"], values, op_tolerance(op), shapes=[shape], steps=2)


def drawn(rng):
    node = Node("MULTINOMIAL", "RandomOptions")
    sizes = ((1, 1, 1), (2, 3, 4), (1, 5, 7), (3, 2, 0), (0, 3, 2), (4, 17, 33))
    for (batch, classes, samples), dtype, fixed in itertools.product(sizes, ("int32", "int64"), (False, True)):
        logits = rng.normal(size=(batch, classes)).astype(np.float32) * 3
        n = np.array(samples, np.int32)
        seed, seed2 = SEEDS[(batch + samples) % len(SEEDS)]
        yield node.case(f"{batch}_{classes}_{samples}_{dtype}_{fixed}", [logits, const(n) if fixed else n], [dtype],
                        {"seed": seed, "seed2": seed2}, shapes=[(batch, samples)], steps=3)
    for name, row in (("infinite", [-np.inf, 1, np.inf, 2]), ("nan", [np.nan, 0, 1, np.nan]), ("none", [np.nan, np.inf]),
                      ("large", [3e38, -3e38, 0, 3e38]), ("equal", [0] * 5)):
        yield node.case(name, [np.array([row], np.float32), const(np.array(9, np.int32))], ["int64"], {"seed": 3, "seed2": 4},
                        shapes=[(1, 9)], steps=2)
    yield node.case("constants", [const(np.array([[0, 1, 2]], np.float32)), const(np.array(5, np.int32))], ["int64"],
                    {"seed": 3, "seed2": 4}, shapes=[(1, 5)], steps=3)


def random_node(g, op, shape, seed=(1, 2)):
    out = g.tensor(f"{op.lower()}_{len(g.graph.tensors)}", "float32", shape)
    g.op(op, [g.constant(f"s_{len(g.graph.tensors)}", "int32", np.array(shape, np.int32))], [out], "RandomOptions",
         {"seed": seed[0], "seed2": seed[1]})
    return out


def add(g, a, b, shape):
    out = g.tensor(f"sum_{len(g.graph.tensors)}", "float32", shape)
    g.op("ADD", [a, b], [out], "AddOptions")
    return out


def several(rng):
    """Nodes of one seed have generators of their own."""
    g = ModelGen()
    a, b = random_node(g, "RANDOM_UNIFORM", (3,)), random_node(g, "RANDOM_UNIFORM", (3,))
    c = random_node(g, "RANDOM_STANDARD_NORMAL", (4,))
    g.inputs([])
    g.outputs([a, b, c, add(g, a, b, (3,))])
    yield Case("several", "RANDOM_UNIFORM", g.build(), [], steps=3, tol=NORMAL)


def conditional(rng, op):
    g = ModelGen()
    c, x, y = g.tensor("c", "bool", ()), g.tensor("x", "float32", (4,)), g.tensor("y", "float32", (4,))
    g.op("IF", [c, x], [y], "IfOptions", {"thenSubgraphIndex": 1, "elseSubgraphIndex": 2})
    g.inputs([c, x])
    g.outputs([add(g, y, random_node(g, op, (4,)), (4,))])
    for name in ("then", "else"):
        g.new_graph(name)
        x = g.tensor("x", "float32", (4,))
        g.inputs([x])
        g.outputs([add(g, x, random_node(g, op, (4,)), (4,))])
    return g.build()


def loop(rng, op, nested=False):
    """while i < 3: i += 1; x += random, or what a branch makes of x."""
    g = ModelGen()
    i, x = g.tensor("i", "int32", ()), g.tensor("x", "float32", (4,))
    io, xo = g.tensor("io", "int32", ()), g.tensor("xo", "float32", (4,))
    g.op("WHILE", [i, x], [io, xo], "WhileOptions", {"condSubgraphIndex": 1, "bodySubgraphIndex": 2})
    g.inputs([i, x])
    g.outputs([io, xo])
    g.new_graph("cond")
    i, x, less = g.tensor("i", "int32", ()), g.tensor("x", "float32", (4,)), g.tensor("less", "bool", ())
    g.op("LESS", [i, g.constant("n", "int32", np.int32(3))], [less], "LessOptions")
    g.inputs([i, x])
    g.outputs([less])
    g.new_graph("body")
    i, x, i2 = g.tensor("i", "int32", ()), g.tensor("x", "float32", (4,)), g.tensor("i2", "int32", ())
    g.op("ADD", [i, g.constant("one", "int32", np.int32(1))], [i2], "AddOptions")
    if nested:
        first, y = g.tensor("first", "bool", ()), g.tensor("y", "float32", (4,))
        g.op("LESS", [i, g.constant("m", "int32", np.int32(1))], [first], "LessOptions")
        g.op("IF", [first, x], [y], "IfOptions", {"thenSubgraphIndex": 3, "elseSubgraphIndex": 4})
        y = add(g, y, random_node(g, op, (4,)), (4,))
    else:
        y = add(g, x, random_node(g, op, (4,)), (4,))
    g.inputs([i, x])
    g.outputs([i2, y])
    for name in ("then", "else") if nested else ():
        g.new_graph(name)
        x = g.tensor("x", "float32", (4,))
        g.inputs([x])
        g.outputs([add(g, x, random_node(g, op, (4,)), (4,))])
    return g.build()


def inside(rng):
    x = np.zeros(4, np.float32)
    for op in ("RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL"):
        for flag in (True, False):
            yield Case(f"if_{op.lower()}_{flag}", op, conditional(rng, op), [np.array(flag), x], steps=3, tol=NORMAL)
        for nested in (False, True):
            yield Case(f"while_{op.lower()}_{nested}", "WHILE", loop(rng, op, nested), [np.int32(0).reshape(()), x], steps=3,
                       tol=NORMAL)


def cases(rng):
    yield from filled(rng)
    yield from drawn(rng)
    yield from several(rng)
    yield from inside(rng)
