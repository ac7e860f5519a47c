# SPDX-License-Identifier: Apache-2.0
"""stablehlo.py: StableHLO's ops.

Those that LiteRT's interpreter has kernels for are compared with it: PAD, GATHER, SCATTER, REDUCE_WINDOW,
RNG_BIT_GENERATOR, COMPOSITE, AND, SHIFT_LEFT. It refuses the others; their values, and those of what it refuses or gets
wrong of these, are compared with NumPy by tests/python/test_stablehlo_formulas.py, which has the same cases.
"""

import itertools

import numpy as np

import stablehlo_models as models
from modelgen import ModelGen
from case import Case, Close
from onenode import Arg, const, numbers
from stablehlo_models import ALL, binary, hlo, small

NOBODY = "LiteRT's interpreter has no kernel; compared with NumPy, after the StableHLO specification"
DIFFERS = {
    "STABLEHLO_GATHER": "compared with LiteRT 2.3, too, where TensorFlow 2.21 does not push windows back into the "
                        "operand; indices whose vector dimension is implied, which LiteRT reads beyond, are vectors of "
                        "one; slices that do not fit are refused",
    "STABLEHLO_SCATTER": "compared with LiteRT 2.3, too, where TensorFlow 2.21 does not see that an index is outside; "
                         "any body is called, where LiteRT knows five by sight and does not look at their operands; "
                         "implied vector dimensions as for GATHER",
    "STABLEHLO_REDUCE_WINDOW": "any body is called; AND of integers works on bits, where LiteRT gives 0 or 1; several "
                               "operands at once",
    "STABLEHLO_SHIFT_LEFT": "a shift by as many bits as the number has, or more, or by a negative count, gives 0; LiteRT "
                            "leaves that to the processor",
    "STABLEHLO_COMPOSITE": "two outputs that are one value of the decomposition both have it; LiteRT leaves one of them "
                           "as it was",
}
NO_KERNEL = {f"STABLEHLO_{op}" for op in (
    "LOGISTIC DIVIDE RESHAPE CLAMP CONCATENATE BROADCAST_IN_DIM CONVOLUTION SLICE REDUCE ABS COSINE EXPONENTIAL FLOOR LOG "
    "NEGATE OR POWER REMAINDER RSQRT SELECT SUBTRACT TANH COMPARE CONVERT DYNAMIC_SLICE DYNAMIC_UPDATE_SLICE IOTA "
    "DOT_GENERAL SORT WHILE TRANSPOSE CBRT").split()}
DIFFERS.update(dict.fromkeys(NO_KERNEL, NOBODY))


def bits(rng):
    for t in ALL[3:]:
        for i, shape in enumerate([(), (1,), (17,), (3, 5), (2, 1, 33),
                                   (2, 2, 2, 1, 3)][:6 if t in ("int32", "bool") else 3]):
            yield hlo(f"{t}_{i}", "STABLEHLO_AND", [numbers(rng, t, shape), numbers(rng, t, shape)], [t])
    for t in ("int8", "int16", "int32"):
        size = np.dtype(t).itemsize * 8
        for i, shape in enumerate([(), (1,), (17,), (3, 5), (2, 1, 33), (0, 3)]):
            counts = np.asarray(rng.integers(0, size, shape)).astype(t)
            yield hlo(f"{t}_{i}", "STABLEHLO_SHIFT_LEFT", [numbers(rng, t, shape), counts], [t],
                      options="StablehloShiftLeftOptions")
        yield hlo(f"{t}_const", "STABLEHLO_SHIFT_LEFT", [const(np.array([1, -1, 5], t)), const(np.array([size - 1, 3,
                                                                                                         0], t))], [t])


PADS = [  # shape, low, high, interior
    ((5,), (0,), (0,), (0,)), ((5,), (2,), (3,), (0,)), ((5,), (0,), (0,), (2,)), ((5,), (1,), (2,), (3,)),
    ((5,), (-1,), (-2,), (0,)),
    ((5,), (-3,), (1,), (2,)), ((5,), (-4,), (-4,), (3,)), ((3, 4), (1, 0), (0, 2), (0, 1)),
    ((3, 4), (-1, 2), (3, -2), (1, 0)),
    ((3, 4), (-2, -3), (-1, -2), (2, 3)), ((2, 3, 4), (1, -1, 0), (0, 1, -2), (1, 0, 2)),
    ((1, 1, 1, 1), (1, 2, 0, 3), (0, 1, 2, 0), (5, 0, 1, 2)),
    ((2, 1, 2, 1, 3), (0, 1, 0, 0, 1), (1, 0, 0, 1, 0), (0, 0, 1, 0, 1)),
    ((2, 2, 1, 2, 1, 2), (0, 0, 1, 0, 0, 0), (1, 0, 0, 0, 0, 1), (0, 1, 0, 0, 0, 0)),
    ((33,), (7,), (0,), (0,)), ((3, 4), (-5, 0), (4, 0), (0, 0)), ((3, 4), (9, 0), (-9, 1), (1, 0)),
]


def pads(rng):
    options, op = "StablehloPadOptions", "STABLEHLO_PAD"

    def values(low, high, interior):
        return {"edgePaddingLow": list(low), "edgePaddingHigh": list(high), "interiorPadding": list(interior)}

    for i, (shape, low, high, interior) in enumerate(PADS):
        for t in ("float32", ALL[i % 12]) if ALL[i % 12] != "float32" else ("float32",):
            yield hlo(f"{t}_{i}", op, [numbers(rng, t, shape), numbers(rng, t, ())], [t], options=options,
                      values=values(low, high, interior))
    for i, (t, shape) in enumerate(itertools.product(("complex64", "bool"), [(5,), (3, 2)])):
        yield hlo(f"{t}_{i}", op, [numbers(rng, t, shape), numbers(rng, t, (1,))], [t], options=options,
                  values=values((1,) * len(shape), (0,) * len(shape), (1,) * len(shape)))
    x = numbers(rng, "int32", (3, 4))
    # nothing in one dimension; numbers of dimensions that are not there; numbers that are missing
    yield hlo("none", op, [x, np.int32(7)], ["int32"], options=options, values=values((-3, 1), (0, 2), (0, 0)),
              shapes=[(0, 0)])
    yield hlo("less_than_none", op, [x, np.int32(7)], ["int32"], options=options,
              values=values((-3, 1), (-1, 2), (0, 0)), shapes=[(0, 0)])
    yield hlo("more", op, [x, np.int32(7)], ["int32"], options=options, values=values((1, 0, 5), (0, 1, 6), (0, 1, 9)))
    yield hlo("fewer", op, [x, np.int32(7)], ["int32"], options=options, values=values((1,), (2,), (1,)))
    yield hlo("constant", op, [const(x), const(np.array(7, np.int32))], ["int32"], options=options,
              values=values((1, 0), (0, 1), (0, 1)))
    q = Arg(numbers(rng, "int8", (3, 4)), scale=0.1, zero=3)
    yield hlo("quantized", op, [q, Arg(np.asarray(np.int8(5)), scale=0.1, zero=3)], ["int8"], options=options,
              values=values((1, 0), (0, 1), (0, 1)), quant=(0.1, 3))


def gathers(rng):
    """TensorFlow 2.21 does not push windows back, knows fewer types and crashes on nothing: see models.newer()."""
    yield from (case for is_newer, case in models.litert_gathers(rng) if not is_newer)


def scatters(rng):
    yield from (case for is_newer, case in models.litert_scatters(rng) if not is_newer)


def windows(rng):
    options, op = "StablehloReduceWindowOptions", "STABLEHLO_REDUCE_WINDOW"
    folds = ("STABLEHLO_ADD", "STABLEHLO_MULTIPLY", "STABLEHLO_MAXIMUM", "STABLEHLO_MINIMUM", "ADD", "MUL", "MAXIMUM",
             "MINIMUM")
    types = ("float32", "float64", "int8", "int16", "int32", "int64", "uint8")
    for i, (shape, *rest) in enumerate(models.WINDOWS):
        for k, body in enumerate(folds):
            t = types[(3 * i + k) % 7] if k < 4 else ("float32", "int32")[(i + k) % 2]
            x, init = small(rng, t, shape), np.asarray(small(rng, t, ()))
            body_options = {"ADD": "AddOptions", "MUL": "MulOptions", "MAXIMUM": "MaximumMinimumOptions",
                            "MINIMUM": "MaximumMinimumOptions"}.get(body)
            yield hlo(f"{t}_{i}_{k}", op, [x, init], [t], options=options, values=models.window_values(*rest),
                      bodies={"bodySubgraphIndex": binary(body, t, options=body_options)}, tol=Close(1e-6, 1e-6))
        x = small(rng, "bool", shape)
        for body in ("LOGICAL_AND", "LOGICAL_OR", "STABLEHLO_AND"):
            node = {"LOGICAL_AND": "LogicalAndOptions", "LOGICAL_OR": "LogicalOrOptions"}.get(body)
            yield hlo(f"{body.lower()}_{i}", op, [x, np.asarray(bool(i % 2))], ["bool"], options=options,
                      values=models.window_values(*rest),
                      bodies={"bodySubgraphIndex": binary(body, "bool", options=node)})
    nan = np.array([np.nan, 1, 2, np.nan, 3], np.float32)
    for body in ("STABLEHLO_MAXIMUM", "STABLEHLO_MINIMUM"):
        yield hlo(f"nan_{body[10:].lower()}", op, [nan, np.float32(1.5)], ["float32"], options=options,
                  values=models.window_values((2,), (1,), (1,), (1,), [(0, 0)]),
                  bodies={"bodySubgraphIndex": binary(body, "float32")})
    yield hlo("defaults", op, [nan, np.float32(0)], ["float32"], options=options, values={"windowDimensions": [2]},
              bodies={"bodySubgraphIndex": binary("STABLEHLO_ADD", "float32")})
    yield hlo("more", op, [nan, np.float32(0)], ["float32"], options=options,
              values=models.window_values((2, 9), (1, 9), (2, 9), (1, 9), [(1, 0), (9, 9)]),
              bodies={"bodySubgraphIndex": binary("STABLEHLO_ADD", "float32")})
    yield hlo("inits", op, [nan, np.array([5, 6], np.float32)], ["float32"], options=options,
              values={"windowDimensions": [2]},
              bodies={"bodySubgraphIndex": binary("STABLEHLO_ADD", "float32")})


def randoms(rng):
    op, options = "STABLEHLO_RNG_BIT_GENERATOR", "StablehloRngBitGeneratorOptions"
    for i, (algorithm, words) in enumerate(((0, 2), (0, 3), (1, 2), (1, 3), (2, 2))):
        for k, t in enumerate(("int32", "uint32", "int64", "uint64")):
            for shape in ((), (1,), (7,), (3, 5), (0, 2))[k % 2:4 + k % 2]:
                state = numbers(rng, "uint64", (words,))
                yield hlo(f"{t}_{i}_{'x'.join(map(str, shape))}", op, [state], ["uint64", t], options=options,
                          values={"algorithm": algorithm},
                          shapes=[(words,), shape])
        state = np.array([3, 2 ** 64 - 1, 2 ** 64 - 1][:words], np.uint64)  # a counter that runs over
        yield hlo(f"overflow_{i}", op, [state], ["uint64", "uint32"], options=options, values={"algorithm": algorithm},
                  shapes=[(words,), (11,)])
        yield hlo(f"half_{i}", op, [const(state >> np.uint64(32))], ["uint64", "uint32"], options=options,
                  values={"algorithm": algorithm},
                  shapes=[(words,), (11,)])


def composite(name, inputs, outputs, body, shapes, steps=1):
    """outputs: dtypes; body(g): the decomposition."""
    model, feeds = models.build("STABLEHLO_COMPOSITE", inputs, outputs, options="StableHLOCompositeOptions",
                                values={"name": "test.composite", "compositeAttributes": [0]},
                                bodies={"decompositionSubgraphIndex": body}, shapes=shapes)
    return Case(f"composite_{name}", "STABLEHLO_COMPOSITE", model, feeds, steps=steps)


def composites(rng):
    def squared(g, t="float32", shape=(3, 4)):
        x, y = g.tensor("x", t, shape), g.tensor("y", t, shape)
        g.op("MUL", [x, x], [y], "MulOptions")
        models.finish(g, [x], [y])

    def both(g):
        a, b = g.tensor("a", "float32", (2, 3)), g.tensor("b", "float32", (2, 3))
        s, d = g.tensor("s", "float32", (2, 3)), g.tensor("d", "float32", (2, 3))
        g.op("ADD", [a, b], [s], "AddOptions")
        g.op("SUB", [a, b], [d], "SubOptions")
        models.finish(g, [a, b], [s, d])

    def swap(g):
        a, b = g.tensor("a", "float32", (2, 3)), g.tensor("b", "int32", (4,))
        models.finish(g, [a, b], [b, a])

    def unused(g):
        a, b = g.tensor("a", "float32", (2, 3)), g.tensor("b", "float32", (2, 3))
        y = g.tensor("y", "float32", (2, 3))
        g.op("ABS", [b], [y])
        models.finish(g, [a, b], [y])

    def constant(g):
        a, c = g.tensor("a", "float32", (2, 3)), g.constant("c", "float32", np.array([1, 2], np.float32))
        y = g.tensor("y", "float32", (2, 3))
        g.op("NEG", [a], [y])
        models.finish(g, [a], [c, y])

    def dynamic(g):
        a, s = g.tensor("a", "float32", (6,)), g.tensor("s", "int32", (2,))
        y = g.tensor("y", "float32", (2, 3))
        g.op("RESHAPE", [a, s], [y])
        models.finish(g, [a, s], [y])

    x = [numbers(rng, "float32", (2, 3)) for _ in range(2)]
    wide = numbers(rng, "float32", (3, 4))
    yield composite("squared", [wide], ["float32"], squared, [(3, 4)], steps=2)
    yield composite("resized", [numbers(rng, "float32", (5, 7))], ["float32"], squared, [(3, 4)])
    yield composite("constant_input", [const(wide)], ["float32"], squared, [(3, 4)])
    yield composite("empty", [wide[:0]], ["float32"], squared, [(0, 4)])
    yield composite("two", x, ["float32", "float32"], both, [(2, 3), (2, 3)], steps=2)
    yield composite("swap", [x[0], np.arange(4, dtype=np.int32)], ["int32", "float32"], swap, [(4,), (2, 3)])
    yield composite("unused", x, ["float32"], unused, [(2, 3)])
    yield composite("constant_output", x[:1], ["float32", "float32"], constant, [(2,), (2, 3)])
    yield composite("dynamic", [x[0].reshape(6), np.array([2, 3], np.int32)], ["float32"], dynamic, [(2, 3)], steps=2)
    yield composite("int32", [rng.integers(0, 9, (3, 4)).astype(np.int32)], ["int32"], lambda g: squared(g, "int32"),
                    [(3, 4)])
    yield composite("nested", [wide], ["float32"], nested, [(3, 4)])


def nested(g):
    """A composite in a composite: graph 1 calls graph 2."""
    x, y, z = (g.tensor(n, "float32", (3, 4)) for n in "xyz")
    g.op("STABLEHLO_COMPOSITE", [x], [y], "StableHLOCompositeOptions",
         {"name": "inner", "compositeAttributes": [0], "decompositionSubgraphIndex": 2})
    g.op("ADD", [y, x], [z], "AddOptions")
    models.finish(g, [x], [z])
    g.new_graph("inner")
    a, b = g.tensor("a", "float32", (3, 4)), g.tensor("b", "float32", (3, 4))
    g.op("ABS", [a], [b])
    models.finish(g, [a], [b])


def cases(rng):
    for part in (bits, pads, gathers, scatters, windows, randoms, composites):
        yield from part(rng)
    counts = {}
    for case, _ in models.formulas(rng):
        counts[case.op] = counts.get(case.op, 0) + 1
        if case.op in NO_KERNEL and counts[case.op] <= 12:
            yield case
