# SPDX-License-Identifier: Apache-2.0
"""stablehlo_models.py: models of one StableHLO op, with the graphs that it calls, and what the specification says of
them.

    hlo(name, op, inputs, ["float32"], options="StablehloReduceOptions", values={"dimensions": [0]},
        bodies={"bodySubgraphIndex": binary("STABLEHLO_ADD", "float32")})

formulas(rng) yields (Case, outputs by NumPy) of the ops that LiteRT's interpreter has no kernel for, and of what its
kernels refuse of the others. The cases are in cases/stablehlo.py, too, so that every row has some; their values are
compared by tests/python/test_stablehlo_formulas.py.
"""

import itertools

import numpy as np

from case import Case, Close, Exact, Refusal
from modelgen import ModelGen
from onenode import Arg, const, numbers


def build(op, inputs, outputs, options=None, values=None, bodies=None, shapes=None, quant=None):
    """(bytes, arrays to feed). inputs as for Node.case(); bodies: {field of the options: function of a ModelGen}."""
    g = ModelGen()
    tensors, feeds = [], []
    for i, arg in enumerate(inputs):
        arg = arg if isinstance(arg, Arg) else Arg(np.asarray(arg))
        tensors.append(g.tensor(f"x{i}", arg.name(), arg.value.shape, data=arg.value if arg.const else None,
                                scale=arg.scale,
                                zero=arg.zero))
        if not arg.const:
            feeds.append(arg.value)
    fed = [t for t, arg in zip(tensors, inputs) if not (isinstance(arg, Arg) and arg.const)]
    outs = [g.tensor(f"y{i}", dtype, shapes[i] if shapes else (), scale=quant and quant[0], zero=quant and quant[1])
            for i, dtype in enumerate(outputs)]
    values = dict(values or {})
    for i, field in enumerate(bodies or {}):
        values[field] = i + 1
    g.op(op, tensors, outs, options, values)
    g.inputs(fed)
    g.outputs(outs)
    for i, make in enumerate((bodies or {}).values()):
        g.new_graph(f"body_{i}")
        make(g)
    return g.build(), feeds


def hlo(name, op, inputs, outputs, tol=None, **kwargs):
    model, feeds = build(op, inputs, outputs, **kwargs)
    return Case(f"{op[10:].lower()}_{name}", op, model, feeds, tol=tol or Exact())


def refusal(name, op, inputs, outputs, message, when="allocate", lenient="", **kwargs):
    model, feeds = build(op, inputs, outputs, **kwargs)
    return Refusal(f"{op[10:].lower()}_{name}", op, model, feeds, message, when, lenient)


# ---- bodies ---------------------------------------------------------------------------------------------------

def scalars(g, *dtypes):
    return [g.tensor(f"a{i}", dtype, ()) for i, dtype in enumerate(dtypes)]


def finish(g, inputs, outputs):
    g.inputs(inputs)
    g.outputs(outputs)


def binary(op, dtype, order=(0, 1), options=None):
    """One op on the two operands."""
    def make(g):
        a = scalars(g, dtype, dtype)
        y = g.tensor("r", dtype, ())
        g.op(op, [a[i] for i in order], [y], options)
        finish(g, a, [y])
    return make


def passing(dtype, which=1):
    """The graph without an op that gives back one of its two inputs."""
    def make(g):
        a = scalars(g, dtype, dtype)
        finish(g, a, [a[which]])
    return make


def sum_of_squares(dtype):
    """acc + x * x: no single op."""
    def make(g):
        a = scalars(g, dtype, dtype)
        square, y = g.tensor("q", dtype, ()), g.tensor("r", dtype, ())
        g.op("STABLEHLO_MULTIPLY", [a[1], a[1]], [square])
        g.op("STABLEHLO_ADD", [a[0], square], [y])
        finish(g, a, [y])
    return make


def compare(g, x, y, direction, kind=0):
    out = g.tensor("c", "bool", ())
    g.op("STABLEHLO_COMPARE", [x, y], [out], "StablehloCompareOptions",
         {"comparisonDirection": direction, "compareType": kind})
    return out


def comparator(dtypes, direction, by=0, kind=0, swapped=False):
    """(left 0, right 0, left 1, ...) -> left `by` compared with right `by`."""
    def make(g):
        a = scalars(g, *[d for d in dtypes for _ in range(2)])
        pair = a[2 * by], a[2 * by + 1]
        finish(g, a, [compare(g, *(pair[::-1] if swapped else pair), direction, kind)])
    return make


def absolute_less(dtype):
    def make(g):
        a = scalars(g, dtype, dtype)
        sizes = [g.tensor(f"s{i}", dtype, ()) for i in range(2)]
        for x, s in zip(a, sizes):
            g.op("STABLEHLO_ABS", [x], [s])
        finish(g, a, [compare(g, *sizes, LT)])
    return make


def largest_with_index(dtype):
    """(value, index, value, index): the larger value and its index, the first one of equals."""
    def make(g):
        a = scalars(g, dtype, "int32", dtype, "int32")
        better = compare(g, a[2], a[0], GT)
        outs = [g.tensor("v", dtype, ()), g.tensor("i", "int32", ())]
        for k in range(2):
            g.op("STABLEHLO_SELECT", [better, a[2 + k], a[k]], [outs[k]])
        finish(g, a, outs)
    return make


EQ, NE, GE, GT, LE, LT = range(6)
FLOATS = ("float32", "float64", "float16")
SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
COMPLEX = ("complex64", "complex128")
SHAPES = ((), (1,), (7,), (3, 5), (2, 1, 33), (0, 4), (2, 2, 1, 3, 1, 5))
LOOSE = {"float32": Close(2e-6, 1e-7), "float64": Close(1e-13, 1e-15), "float16": Close(2e-3, 1e-7),
         "complex64": Close(1e-5, 1e-6), "complex128": Close(1e-12, 1e-13)}


ALL = ("float32", "float16", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
       "bool")


def tag(shape):
    return "x".join(map(str, shape)) or "scalar"


def wide(x):
    return x.astype({"float16": np.float64, "float32": np.float64, "complex64": np.complex128}.get(x.dtype.name,
                                                                                                   x.dtype))


def narrow(y, dtype):
    return np.asarray(y).astype(dtype)


# ---- elementwise ----------------------------------------------------------------------------------------------

UNARY = {
    "LOGISTIC": lambda x: 1 / (1 + np.exp(-x)), "COSINE": np.cos, "EXPONENTIAL": np.exp, "TANH": np.tanh,
    "LOG": np.log, "RSQRT": lambda x: 1 / np.sqrt(x),
    "CBRT": lambda x: x ** (1 / 3) if x.dtype.kind == "c" else np.cbrt(x),
    "FLOOR": np.floor, "ABS": np.abs, "NEGATE": np.negative,
}


def unary(rng):
    for name, f in UNARY.items():
        types = FLOATS + (() if name == "FLOOR" else COMPLEX)
        types += SIGNED if name in ("ABS", "NEGATE") else ()
        types += UNSIGNED if name == "NEGATE" else ()
        for i, t in enumerate(types):
            for shape in SHAPES if t == "float32" else SHAPES[2 + i % 3:4 + i % 3]:
                x = numbers(rng, t, shape)
                x = np.asarray(np.abs(x) + np.asarray(0.1, t) if name in ("LOG", "RSQRT") else x).astype(t)
                with np.errstate(all="ignore"):
                    y = f(wide(x))
                real = {"complex64": "float32", "complex128": "float64"}.get(t, t) if name == "ABS" else t
                yield (hlo(f"{t}_{tag(shape)}", f"STABLEHLO_{name}", [x], [real], tol=LOOSE.get(t)),
                       [narrow(y, real)])
        special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, 3e38], np.float32)
        with np.errstate(all="ignore"):
            y = f(special.astype("d")).astype("f")
        if name != "COSINE":  # of infinities: invalid, and of huge numbers: by the library
            yield hlo("special", f"STABLEHLO_{name}", [special], ["float32"], tol=Close(2e-6, 1e-7)), [y]


def quotient(x, y):
    """Integers, cut off; by 0: -1."""
    a, b = x.astype(object), y.astype(object)
    out = [-1 if v == 0 else (abs(u) // abs(v)) * (1 if (u < 0) == (v < 0) else -1)
           for u, v in zip(a.ravel(), b.ravel())]
    return wrap(out, x)


def rest(x, y):
    a, b = x.astype(object), y.astype(object)
    out = [u if v == 0 else (abs(u) % abs(v)) * (1 if u >= 0 else -1) for u, v in zip(a.ravel(), b.ravel())]
    return wrap(out, x)


def raised(x, y):
    def one(u, v):
        if v >= 0:
            return u ** v
        return 1 if u == 1 else (-1 if v % 2 else 1) if u == -1 else 0
    return wrap([one(u, v) for u, v in zip(x.astype(object).ravel(), y.astype(object).ravel())], x)


def wrap(values, like):
    """Python integers modulo 2^bits."""
    bits = like.dtype.itemsize * 8
    return np.array([v & ((1 << bits) - 1) for v in values],
                    f"u{like.dtype.itemsize}").view(like.dtype).reshape(like.shape)


BINARY = {
    "SUBTRACT": (FLOATS + SIGNED + UNSIGNED + COMPLEX, np.subtract, np.subtract),
    "DIVIDE": (FLOATS + SIGNED + UNSIGNED + COMPLEX, np.divide, quotient),
    "REMAINDER": (FLOATS + SIGNED + UNSIGNED, np.fmod, rest),
    "POWER": (FLOATS + SIGNED + UNSIGNED + COMPLEX, np.power, raised),
    "OR": (("bool",) + SIGNED + UNSIGNED, None, np.bitwise_or),
    "AND": (("bool",) + SIGNED + UNSIGNED, None, np.bitwise_and),
}


def operands(rng, name, t, shape):
    x, y = numbers(rng, t, shape), numbers(rng, t, shape)
    if name == "POWER":
        kind = np.dtype(t).kind
        if kind == "f":
            x = np.abs(x).astype(t)
        elif kind in "iu":
            x, y = (x % 11).astype(t), (y % 7).astype(t)
            if kind == "i":
                x, y = (x - np.asarray(5, t)).astype(t), (y - np.asarray(3, t)).astype(t)
    if name in ("DIVIDE", "REMAINDER") and np.dtype(t).kind in "iu":
        y = (y % 13).astype(t)  # some are 0
        if np.dtype(t).kind == "i" and y.size:
            y = (y - np.asarray(6, t)).astype(t)
            y.flat[0], x.flat[0] = -1, np.iinfo(t).min
    return x, y


def two(rng):
    for name, (types, real, integer) in BINARY.items():
        for i, t in enumerate(types):
            for shape in SHAPES if i == 0 else SHAPES[2 + i % 3:4 + i % 3]:
                x, y = operands(rng, name, t, shape)
                with np.errstate(all="ignore"):
                    out = (integer if np.dtype(t).kind in "iub" else real)(wide(x), wide(y))
                yield hlo(f"{t}_{tag(shape)}", f"STABLEHLO_{name}", [x, y], [t], tol=LOOSE.get(t)), [narrow(out, t)]
    # what LiteRT's shift refuses, and counts that are none
    for t in SIGNED + UNSIGNED:
        bits = np.dtype(t).itemsize * 8
        counts = np.array([0, 1, bits - 1, bits, bits + 1, 100], t)
        x = numbers(rng, t, (6,))
        want = wrap([0 if c >= bits else int(v) << int(c) for v, c in zip(x, counts)], x)
        yield hlo(f"formula_{t}", "STABLEHLO_SHIFT_LEFT", [x, counts], [t]), [want]
    negative = np.array([-1, -31, -128], np.int8)
    yield hlo("negative", "STABLEHLO_SHIFT_LEFT", [np.array([1, 2, 3], np.int8), negative],
              ["int8"]), [np.zeros(3, np.int8)]


def ordinal(x):
    bits = x.view(f"i{x.dtype.itemsize}").astype(np.int64)
    return np.where(bits < 0, bits ^ (2 ** (8 * x.dtype.itemsize - 1) - 1), bits)


def comparison(rng):
    f = [np.equal, np.not_equal, np.greater_equal, np.greater, np.less_equal, np.less]
    for direction, t in itertools.product(range(6), FLOATS + SIGNED + UNSIGNED + COMPLEX + ("bool",)):
        if t in COMPLEX and direction > NE:
            continue
        x, y = (np.asarray(rng.integers(0, 2 if t == "bool" else 4, (3, 17))).astype(t) for _ in range(2))
        if t == "uint64":
            x[0, 0], y[0, 0] = 2 ** 63 + 1, 2 ** 63 - 1
        yield (hlo(f"{t}_{direction}", "STABLEHLO_COMPARE", [x, y], ["bool"], options="StablehloCompareOptions",
                   values={"comparisonDirection": direction, "compareType": 0}), [f[direction](x, y)])
    special = np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0], np.float32)
    x, y = np.repeat(special, 8), np.tile(special, 8)
    for direction, t, kind in itertools.product(range(6), ("float32", "float64"), (1, 2)):
        a, b = x.astype(t), y.astype(t)
        with np.errstate(invalid="ignore"):
            want = f[direction](ordinal(a), ordinal(b)) if kind == 2 else f[direction](a, b)
        yield (hlo(f"special_{t}_{direction}_{kind}", "STABLEHLO_COMPARE", [a, b], ["bool"],
                   options="StablehloCompareOptions",
                   values={"comparisonDirection": direction, "compareType": kind}), [want])


def three(rng):
    for t in FLOATS + SIGNED + UNSIGNED + ("bool",):
        x = numbers(rng, t, (4, 9))
        for scalar in (True, False):
            low, high = (numbers(rng, t, () if scalar else (4, 9)) for _ in range(2))
            yield (hlo(f"{t}_{scalar}", "STABLEHLO_CLAMP", [low, x, high], [t]), [np.minimum(np.maximum(x, low), high)])
    x = np.array([np.nan, 1, -5, 5, np.inf, -np.inf], np.float32)
    yield hlo("nan", "STABLEHLO_CLAMP", [np.float32(-1), x, np.float32(2)], ["float32"]), [np.clip(x, -1, 2)]
    yield (hlo("nan_limit", "STABLEHLO_CLAMP", [np.float32(np.nan), x, np.float32(2)], ["float32"]),
           [np.full(6, np.nan, np.float32)])
    yield hlo("empty", "STABLEHLO_CLAMP", [np.float32(0), np.zeros((0, 3), np.float32), np.float32(2)],
              ["float32"]), [np.zeros((0, 3), np.float32)]
    for t in FLOATS + SIGNED + UNSIGNED + COMPLEX + ("bool",):
        for shape in ((), (5, 3)):
            a, b = numbers(rng, t, (5, 3)), numbers(rng, t, (5, 3))
            p = np.asarray(rng.integers(0, 2, shape)).astype(bool)
            yield hlo(f"{t}_{len(shape)}", "STABLEHLO_SELECT", [p, a, b], [t]), [np.where(p, a, b)]
    for a, b in itertools.product(FLOATS + SIGNED + UNSIGNED + ("bool", "complex64"), repeat=2):
        if "complex64" in (a, b) and a != b:
            continue
        x = np.asarray(rng.integers(0, 2 if "bool" in (a, b) else 100, (3, 5))).astype(a)
        yield hlo(f"{a}_{b}", "STABLEHLO_CONVERT", [x], [b]), [x.astype(b)]


# ---- shape ----------------------------------------------------------------------------------------------------

TYPES = ("float32", "int8", "int16", "int64", "complex128", "bool", "float16")


def reshapes(rng):
    for i, (before, after) in enumerate([((6,), (2, 3)), ((2, 3), (6,)), ((), (1, 1)), ((1,), ()), ((0, 3), (7, 0)),
                                         ((2, 3, 4), (4, 1, 6))]):
        x = numbers(rng, TYPES[i], before)
        yield hlo(f"{i}", "STABLEHLO_RESHAPE", [x], [TYPES[i]], shapes=[after]), [x.reshape(after)]
    for i, p in enumerate([(), (0,), (1, 0), (0, 1), (2, 0, 1), (3, 1, 0, 2), (5, 4, 3, 2, 1, 0), (1, 0, 2)]):
        x = numbers(rng, TYPES[i % 7], (2, 3, 4, 1, 2, 3)[:len(p)] if i != 7 else (3, 0, 2))
        yield (hlo(f"{i}", "STABLEHLO_TRANSPOSE", [x], [TYPES[i % 7]], options="StablehloTransposeOptions",
                   values={"permutation": list(p)}), [x.transpose(p)])
    for i, (shape, out, dims) in enumerate([((), (3, 2), []), ((3,), (3, 4), [0]), ((4,), (3, 4), [1]),
                                            ((1,), (3, 4), [1]),
                                            ((3, 4), (4, 3), [1, 0]), ((2, 1, 3), (2, 5, 4, 3), [0, 2, 3]),
                                            ((4,), (0, 4), [1])]):
        x = numbers(rng, TYPES[i], shape)
        full = [1] * len(out)
        for d, at in enumerate(dims):
            full[at] = shape[d]
        y = x.transpose(np.argsort(dims).astype(int)) if dims else x
        yield (hlo(f"{i}", "STABLEHLO_BROADCAST_IN_DIM", [x], [TYPES[i]], options="StablehloBroadcastInDimOptions",
                   values={"broadcastDimensions": dims}, shapes=[out]), [np.broadcast_to(y.reshape(full), out)])
    for i, (shape, at, sizes) in enumerate([((2, 3), 0, (1, 2)), ((2, 3), 1, (1, 4, 0)), ((5,), 0, (5,)),
                                            ((2, 3, 4), 1, (3, 1, 2)),
                                            ((2, 3, 4), 2, (4, 7)), ((0, 3), 1, (2, 3))]):
        xs = [numbers(rng, TYPES[i], shape[:at] + (n,) + shape[at + 1:]) for n in sizes]
        yield (hlo(f"{i}", "STABLEHLO_CONCATENATE", xs, [TYPES[i]], options="StablehloConcatenateOptions",
                   values={"dimension": at}),
               [np.concatenate(xs, at)])
    for i, (shape, start, limit, step) in enumerate([((9,), (0,), (9,), (1,)), ((9,), (1,), (8,), (3,)),
                                                     ((9,), (4,), (4,), (2,)),
                                                     ((4, 5), (1, 0), (4, 5), (2, 2)),
                                                     ((3, 4, 5), (0, 1, 2), (3, 2, 5), (1, 1, 2)),
                                                     ((), (), (), ()), ((2, 7), (0, 6), (2, 7), (5, 9))]):
        x = numbers(rng, TYPES[i], shape)
        y = x[tuple(slice(a, b, c) for a, b, c in zip(start, limit, step))]
        yield (hlo(f"{i}", "STABLEHLO_SLICE", [x], [TYPES[i]], options="StablehloSliceOptions",
                   values={"startIndices": list(start), "limitIndices": list(limit),
                           "strides": list(step)}), [np.asarray(y)])
    for i, (shape, sizes, starts) in enumerate([((9,), (4,), (2,)), ((9,), (4,), (7,)), ((9,), (4,), (-3,)),
                                                ((4, 5), (2, 5), (1, 3)),
                                                ((4, 5), (0, 2), (9, 9)), ((3, 4, 5), (1, 2, 3), (2, -1, 1))]):
        x, t = numbers(rng, TYPES[i], shape), ("int32", "int64", "int8", "int16", "int32", "int32")[i]
        at = [min(max(s, 0), n - k) for s, n, k in zip(starts, shape, sizes)]
        where = tuple(slice(s, s + k) for s, k in zip(at, sizes))
        indices = [np.asarray(s, t) for s in starts]
        yield (hlo(f"{i}", "STABLEHLO_DYNAMIC_SLICE", [x] + indices, [TYPES[i]], options="StablehloDynamicSliceOptions",
                   values={"sliceSizes": list(sizes)}), [x[where]])
        update, y = numbers(rng, TYPES[i], sizes), x.copy()
        y[where] = update
        yield hlo(f"{i}", "STABLEHLO_DYNAMIC_UPDATE_SLICE", [x, update] + indices, [TYPES[i]]), [y]
        yield hlo(f"{i}_const", "STABLEHLO_DYNAMIC_UPDATE_SLICE", [const(x), const(update)] + indices, [TYPES[i]]), [y]
    huge = np.asarray(2 ** 64 - 1, np.uint64)
    x = numbers(rng, "int32", (6,))
    yield (hlo("huge", "STABLEHLO_DYNAMIC_SLICE", [x, huge], ["int32"], options="StablehloDynamicSliceOptions",
               values={"sliceSizes": [2]}), [x[4:]])
    for i, t in enumerate(FLOATS + SIGNED + UNSIGNED + COMPLEX):
        shape = ((5,), (3, 4), (2, 3, 4), (1, 7, 1), (0, 3))[i % 5]
        for at in range(len(shape)):
            index = np.arange(shape[at]).reshape([-1 if d == at else 1 for d in range(len(shape))])
            yield (hlo(f"{t}_{at}", "STABLEHLO_IOTA", [], [t], options="StablehloIotaOptions",
                       values={"iotaDimension": at}, shapes=[shape]),
                   [np.broadcast_to(index, shape).astype(t)])
    # int4, which no array here is: an odd number of elements, moved in halves of bytes
    x = rng.integers(-8, 8, (3, 5)).astype(np.int8)
    for op, options, values, y in (("TRANSPOSE", "StablehloTransposeOptions", {"permutation": [1, 0]}, x.T),
                                   ("SLICE", "StablehloSliceOptions", {"startIndices": [0, 1], "limitIndices": [3, 4],
                                                                       "strides": [2, 1]}, x[::2, 1:4])):
        yield hlo("int4", f"STABLEHLO_{op}", [const(x, "int4")], ["int4"], options=options, values=values), [y]


# ---- products -------------------------------------------------------------------------------------------------

def dots(rng):
    letters = "abcdefgh"
    cases = [((5,), (5,), [], [], [0], [0]), ((3, 5), (5, 4), [], [], [1], [0]), ((3, 5), (4, 5), [], [], [1], [1]),
             ((5, 3), (5, 4), [], [], [0], [0]), ((2, 3, 5), (2, 5, 4), [0], [0], [2], [1]),
             ((2, 3, 5), (2, 4, 5), [0], [0], [2], [2]),
             ((3, 2, 5), (5, 4, 2), [1], [2], [2], [0]), ((3,), (4,), [], [], [], []),
             ((2, 3, 4, 5), (4, 6, 2, 3), [0], [2], [1, 2], [3, 0]),
             ((3, 0), (0, 4), [], [], [1], [0]), ((0, 5), (5, 4), [], [], [1], [0]),
             ((33, 65), (65, 17), [], [], [1], [0])]
    for i, (a, b, ba, bb, ca, cb) in enumerate(cases):
        for t in ("float32", "float64", "float16", "int8", "int32", "uint8", "complex64")[:7 if i < 8 else 2]:
            x, y = (numbers(rng, t, s) if np.dtype(t).kind in "fc" else rng.integers(0, 5, s).astype(t) for s in (a, b))
            names = [list(letters[:len(a)]), list("mnopqrst"[:len(b)])]
            for u, v in list(zip(ba, bb)) + list(zip(ca, cb)):
                names[1][v] = names[0][u]
            own = [[c for d, c in enumerate(n) if d not in s + k] for n, s, k in zip(names, (ba, bb), (ca, cb))]
            out = [names[0][d] for d in ba] + own[0] + own[1]
            want = np.einsum(f"{''.join(names[0])},{''.join(names[1])}->{''.join(out)}", wide(x), wide(y))
            result = {"int8": "int32", "uint8": "int32"}.get(t, t)
            want = np.einsum(f"{''.join(names[0])},{''.join(names[1])}->{''.join(out)}", x.astype("i8"),
                             y.astype("i8")) if np.dtype(t).kind in "iu" else want
            tol = {"float32": Close(1e-5, 1e-5), "float16": Close(5e-3, 5e-3)}.get(t, LOOSE.get(t))
            yield (hlo(f"{t}_{i}", "STABLEHLO_DOT_GENERAL", [x, y], [result], options="StablehloDotGeneralOptions",
                       tol=tol,
                       values={"lhsBatchingDimensions": ba, "rhsBatchingDimensions": bb, "lhsContractingDimensions": ca,
                               "rhsContractingDimensions": cb}), [narrow(want, result)])
    x, w = numbers(rng, "float32", (3, 5)), numbers(rng, "float32", (5, 2))
    yield (hlo("widened", "STABLEHLO_DOT_GENERAL", [x, const(w)], ["float64"], options="StablehloDotGeneralOptions",
               values={"lhsContractingDimensions": [1], "rhsContractingDimensions": [0]},
               tol=Close(1e-12, 1e-12)), [wide(x) @ wide(w)])


def convolve(x, w, strides, padding, base, dilation, reversal, feature_groups, batch_groups):
    """x (n, c, spatial...), w (i, o, spatial...): a plain loop over the definition."""
    n, c, *space = x.shape
    i, o, *window = w.shape
    rank = len(space)
    full = [(s - 1) * b + 1 if s else 0 for s, b in zip(space, base)]
    dilated = np.zeros((n, c, *full), x.dtype)
    dilated[(slice(None), slice(None)) + tuple(slice(None, None, b) for b in base)] = x
    for d, (low, high) in enumerate(padding):
        at = [slice(None)] * (2 + rank)
        at[2 + d] = slice(max(-low, 0), dilated.shape[2 + d] - max(-high, 0))
        pad = [(0, 0)] * (2 + rank)
        pad[2 + d] = (max(low, 0), max(high, 0))
        dilated = np.pad(dilated[tuple(at)], pad)
    if reversal:
        w = w[(slice(None), slice(None)) + tuple(slice(None, None, -1 if r else 1) for r in reversal)]
    size = [max((dilated.shape[2 + d] - ((window[d] - 1) * dilation[d] + 1)) // strides[d] + 1, 0) for d in range(rank)]
    groups, each, images = feature_groups * batch_groups, o // (feature_groups * batch_groups), n // batch_groups
    out = np.zeros((images, o, *size), x.dtype)
    for g in range(groups):
        part = dilated[g * images:(g + 1) * images] if batch_groups > 1 else dilated
        part = part[:, g * i:(g + 1) * i] if feature_groups > 1 else part
        for tap in np.ndindex(*window):
            at = tuple(slice(t * dl, t * dl + (s - 1) * st + 1, st)
                       for t, dl, s, st in zip(tap, dilation, size, strides))
            seen = part[(slice(None), slice(None)) + at]
            out[:, g * each:(g + 1) * each] += np.einsum("nc...,co->no...", seen,
                                                         w[(slice(None), slice(g * each, (g + 1) * each)) + tap])
    return out


def convolutions(rng):
    # x (n, c, space), w (i, o, window), strides, padding, base, dilation, reversal, feature groups, batch groups
    cases = [
        ((1, 3, 5, 5), (3, 4, 3, 3), (1, 1), [(0, 0), (0, 0)], (1, 1), (1, 1), [], 1, 1),
        ((2, 3, 7, 6), (3, 5, 3, 2), (2, 1), [(1, 1), (0, 1)], (1, 1), (1, 2), [], 1, 1),
        ((2, 4, 6, 5), (2, 6, 2, 3), (1, 2), [(1, 0), (2, 1)], (2, 3), (1, 1), [], 2, 1),
        ((4, 3, 5, 5), (3, 6, 2, 2), (1, 1), [(0, 0), (0, 0)], (1, 1), (1, 1), [], 1, 2),
        ((1, 2, 8), (2, 3, 3), (1,), [(-1, 2)], (1,), (2,), [True], 1, 1),
        ((1, 2, 4, 5), (2, 3, 2, 3), (1, 1), [(1, 1), (1, 1)], (2, 1), (1, 1), [True, False], 1, 1),
        ((2, 2, 3, 4, 5), (2, 3, 2, 2, 2), (1, 1, 2), [(0, 0)] * 3, (1, 1, 1), (1, 1, 1), [], 1, 1),
        ((3, 4), (4, 5), (), [], (), (), [], 1, 1),
        ((1, 6, 5), (1, 6, 3), (1,), [(1, 1)], (1,), (1,), [], 6, 1),
        ((1, 2, 2), (2, 3, 5), (1,), [(0, 0)], (1,), (1,), [], 1, 1),  # a window larger than the input
        ((1, 17, 33), (17, 19, 5), (2,), [(2, 2)], (1,), (1,), [], 1, 1),
    ]
    for i, (xs, ws, strides, padding, base, dilation, reversal, fg, bg) in enumerate(cases):
        rank = len(xs) - 2
        for t in ("float32", "float64", "int8", "complex64", "float16")[:5 if i < 4 else 2]:
            x, w = (numbers(rng, t, s) if np.dtype(t).kind in "fc" else rng.integers(-5, 6, s).astype(t)
                    for s in (xs, ws))
            want = convolve(x.astype("i8") if t == "int8" else wide(x), w.astype("i8") if t == "int8" else wide(w),
                            strides, padding, base,
                            dilation, reversal, fg, bg)
            result = "int32" if t == "int8" else t
            # dimensions of each tensor in an order of their own
            last = [0] + list(range(2, rank + 2)) + [1]
            orders = [list(rng.permutation(rank + 2)) for _ in range(3)] if i % 2 else [last] * 3
            place = [[o.index(d) for d in range(rank + 2)] for o in orders]
            values = {"windowStrides": list(strides), "padding": [v for p in padding for v in p],
                      "lhsDilation": list(base),
                      "rhsDilation": list(dilation), "windowReversal": list(reversal), "featureGroupCount": fg,
                      "batchGroupCount": bg,
                      "inputBatchDimension": place[0][0], "inputFeatureDimension": place[0][1],
                      "inputSpatialDimensions": place[0][2:],
                      "kernelInputFeatureDimension": place[1][0], "kernelOutputFeatureDimension": place[1][1],
                      "kernelSpatialDimensions": place[1][2:], "outputBatchDimension": place[2][0],
                      "outputFeatureDimension": place[2][1], "outputSpatialDimensions": place[2][2:]}
            tol = {"float32": Close(1e-5, 2e-5), "float16": Close(1e-2, 2e-2)}.get(t, LOOSE.get(t))
            weight = np.ascontiguousarray(w.transpose(orders[1]))
            yield (hlo(f"{t}_conv_{i}", "STABLEHLO_CONVOLUTION", [np.ascontiguousarray(x.transpose(orders[0])),
                                                             const(weight) if i % 3 == 0 else weight],
                       [result], options="StablehloConvolutionOptions", values=values,
                       tol=tol), [narrow(want.transpose(orders[2]), result)])


# ---- bodies: REDUCE, REDUCE_WINDOW, SCATTER, SORT, WHILE --------------------------------------------------------

FOLDS = {"STABLEHLO_ADD": np.add, "STABLEHLO_MULTIPLY": np.multiply, "STABLEHLO_MAXIMUM": np.maximum,
         "STABLEHLO_MINIMUM": np.minimum,
         "STABLEHLO_AND": np.bitwise_and, "STABLEHLO_OR": np.bitwise_or}


def small(rng, t, shape):
    if t == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    return rng.standard_normal(shape).astype(t) if np.dtype(t).kind in "fc" else rng.integers(0, 5, shape).astype(t)


def reduces(rng):
    options = "StablehloReduceOptions"
    for i, (op, f) in enumerate(FOLDS.items()):
        types = FLOATS + SIGNED + UNSIGNED + ("bool",) if i < 4 else SIGNED + UNSIGNED + ("bool",)
        types += COMPLEX if i < 2 else ()
        for k, t in enumerate(types):
            shape, dims = [((9,), [0]), ((4, 9), [1]), ((4, 9), [0]), ((3, 4, 5), [0, 2]), ((2, 3, 33), []),
                           ((3, 4, 5), [2, 0, 1])][(i + k) % 6]
            x, init = small(rng, t, shape), small(rng, t, ())
            y = f.reduce(wide(x), tuple(dims), initial=wide(init))
            tol = {"float16": Close(1e-2, 1e-2), "float32": Close(1e-5, 1e-5)}.get(t, LOOSE.get(t))
            yield (hlo(f"{t}_{i}", "STABLEHLO_REDUCE", [x, init], [t], options=options, values={"dimensions": dims},
                       bodies={"bodySubgraphIndex": binary(op, t)}, tol=tol), [narrow(y, t)])
    for i, (shape, dims) in enumerate([((3, 0), [1]), ((0, 3), [1]), ((65, 70), [0]), ((65, 70), [1]),
                                       ((1, 1, 1), [0, 1, 2]), ((), [])]):
        x = small(rng, "float32", shape)
        yield (hlo(f"shape_{i}", "STABLEHLO_REDUCE", [x, np.float32(2)], ["float32"], options=options,
                   values={"dimensions": dims},
                   bodies={"bodySubgraphIndex": binary("STABLEHLO_ADD", "float32")}, tol=Close(1e-5, 1e-5)),
               [np.asarray(x.sum(tuple(dims), "d") + 2).astype("f")])
        y = np.asarray((x.astype("d") ** 2).sum(tuple(dims)) + 2).astype("f")
        yield (hlo(f"called_{i}", "STABLEHLO_REDUCE", [x[:9, :9] if x.ndim == 2 else x, np.float32(2)], ["float32"],
                   options=options, values={"dimensions": dims},
                   bodies={"bodySubgraphIndex": sum_of_squares("float32")}, tol=Close(1e-5, 1e-5)),
               [y if x.ndim != 2 else np.asarray((x[:9, :9].astype("d") ** 2).sum(tuple(dims)) + 2).astype("f")])
    x = rng.integers(0, 9, (4, 11)).astype(np.float32)
    index = np.broadcast_to(np.arange(11, dtype=np.int32), (4, 11)).copy()
    for dims in ([1], [0]):
        want = [x.max(dims[0]), index.max(dims[0]) if dims == [0] else x.argmax(1).astype(np.int32)]
        yield (hlo(f"argmax_{dims[0]}", "STABLEHLO_REDUCE", [x, index, np.float32(-1), np.int32(0)],
                   ["float32", "int32"], options=options,
                   values={"dimensions": dims}, bodies={"bodySubgraphIndex": largest_with_index("float32")}), want)
    nan = np.array([1, np.nan, 3], np.float32)  # one that comes is passed over, as STABLEHLO_MAXIMUM itself does
    yield (hlo("nan", "STABLEHLO_REDUCE", [nan, np.float32(0)], ["float32"], options=options,
               values={"dimensions": [0]},
               bodies={"bodySubgraphIndex": binary("STABLEHLO_MAXIMUM", "float32")}), [np.float32(3)])
    yield (hlo("last", "STABLEHLO_REDUCE", [nan[2:], np.float32(0)], ["float32"], options=options,
               values={"dimensions": [0]},
               bodies={"bodySubgraphIndex": passing("float32")}), [np.float32(3)])
    yield (hlo("first", "STABLEHLO_REDUCE", [nan, np.float32(7)], ["float32"], options=options,
               values={"dimensions": [0]},
               bodies={"bodySubgraphIndex": passing("float32", 0)}), [np.float32(7)])


def windowed(x, init, f, window, strides, base, dilation, padding):
    """REDUCE_WINDOW by its definition."""
    for d in range(x.ndim):
        n = x.shape[d]
        size = (n - 1) * base[d] + 1 if n else 0
        low, high = padding[d]
        whole = np.full(x.shape[:d] + (max(size + low + high, 0),) + x.shape[d + 1:], init, x.dtype)
        for i in range(n):
            if 0 <= low + i * base[d] < whole.shape[d]:
                whole[(slice(None),) * d + (low + i * base[d],)] = x[(slice(None),) * d + (i,)]
        x = whole
    sees = [(w - 1) * dl + 1 for w, dl in zip(window, dilation)]
    out = np.full([0 if n < s else (n - s) // st + 1 for n, s, st in zip(x.shape, sees, strides)], init, x.dtype)
    for tap in np.ndindex(*window):
        at = tuple(slice(t * dl, t * dl + (n - 1) * st + 1 if n else t * dl, st)
                   for t, dl, n, st in zip(tap, dilation, out.shape, strides))
        out = f(out, x[at]).astype(x.dtype)
    return out


WINDOWS = [  # shape, window, strides, base dilations, window dilations, padding
    ((7,), (3,), (1,), (1,), (1,), [(0, 0)]), ((7,), (3,), (2,), (1,), (1,), [(1, 1)]),
    ((4, 6), (2, 3), (1, 2), (2, 1), (1, 1), [(1, 0), (0, 2)]),
    ((5, 7), (2, 2), (1, 1), (1, 3), (2, 3), [(0, 0), (2, 1)]),
    ((6, 5), (2, 2), (1, 1), (1, 1), (1, 1), [(-1, 0), (1, -2)]),
    ((3, 4, 5), (1, 2, 3), (1, 1, 1), (1, 2, 1), (1, 1, 2), [(0, 0), (1, 1), (0, 3)]),
    ((2, 33), (1, 4), (1, 1), (1, 1), (1, 1), [(0, 0), (0, 0)]),
    ((2, 3), (3, 3), (1, 1), (1, 1), (1, 1), [(0, 0), (0, 0)]),
    ((4, 5), (2, 2), (3, 3), (2, 2), (1, 2), [(-2, 3), (3, -3)]),
    ((2, 3, 2, 3, 2), (2, 1, 2, 2, 1), (1, 2, 1, 1, 1), (1, 1, 2, 1, 1), (1, 1, 1, 2, 1),
     [(0, 0), (1, 0), (0, 0), (0, 0), (0, 1)]),
]


def window_values(window, strides, base, dilation, padding):
    return {"windowDimensions": list(window), "windowStrides": list(strides), "baseDilations": list(base),
            "windowDilations": list(dilation),
            "padding": [v for p in padding for v in p]}


def windows(rng):
    options, op = "StablehloReduceWindowOptions", "STABLEHLO_REDUCE_WINDOW"
    for i, (shape, *rest) in enumerate(WINDOWS):
        x = small(rng, "float16", shape)
        want = windowed(x, np.float16(0.5), np.maximum, *rest)
        yield (hlo(f"float16_{i}", op, [x, np.float16(0.5)], ["float16"], options=options, values=window_values(*rest),
                   bodies={"bodySubgraphIndex": binary("STABLEHLO_MAXIMUM", "float16")}), [want])
        x = rng.integers(0, 3, shape).astype(np.int32)
        want = windowed(x, np.int32(1), lambda acc, v: acc + v * v, *rest)
        yield (hlo(f"called_{i}", op, [x, np.int32(1)], ["int32"], options=options, values=window_values(*rest),
                   bodies={"bodySubgraphIndex": sum_of_squares("int32")}), [want])
        x = rng.integers(0, 2 ** 30, shape).astype(np.uint32)
        yield (hlo(f"or_{i}", op, [x, np.uint32(0)], ["uint32"], options=options, values=window_values(*rest),
                   bodies={"bodySubgraphIndex": binary("STABLEHLO_OR", "uint32")}), [windowed(x, np.uint32(0),
                                                                                              np.bitwise_or, *rest)])
    # LiteRT makes 0 or 1 of the numbers; the specification takes their bits
    x = np.array([12, 10, 6, 7, 15], np.int32)
    yield (hlo("bits", op, [x, np.int32(-1)], ["int32"], options=options,
               values=window_values((2,), (1,), (1,), (1,), [(0, 0)]),
               bodies={"bodySubgraphIndex": binary("STABLEHLO_AND", "int32")}), [x[:-1] & x[1:]])
    # wired otherwise than the two operands: LiteRT does not look
    yield (hlo("twice", op, [x, np.int32(1)], ["int32"], options=options,
               values=window_values((2,), (1,), (1,), (1,), [(0, 0)]),
               bodies={"bodySubgraphIndex": binary("STABLEHLO_ADD", "int32", order=(0, 0))}), [np.full(4, 4, np.int32)])
    # defaults of everything but the window; nothing in a dimension
    yield (hlo("defaults", op, [x, np.int32(0)], ["int32"], options=options, values={"windowDimensions": [3]},
               bodies={"bodySubgraphIndex": binary("STABLEHLO_ADD", "int32")}), [x[:3] + x[1:4] + x[2:]])
    yield (hlo("empty", op, [x[:0], np.int32(0)], ["int32"], options=options,
               values=window_values((1,), (1,), (2,), (1,), [(1, 1)]),
               bodies={"bodySubgraphIndex": binary("STABLEHLO_ADD", "int32")}), [np.zeros(2, np.int32)])
    x, index = rng.integers(0, 9, (3, 8)).astype(np.float32), np.arange(24, dtype=np.int32).reshape(3, 8)
    pooled = [x[:, i:i + 2] for i in range(0, 8, 2)]
    at = np.stack([i * 2 + p.argmax(1) for i, p in enumerate(pooled)], 1) + 8 * np.arange(3)[:, None]
    want = [np.stack([p.max(1) for p in pooled], 1), at.astype(np.int32)]
    yield (hlo("argmax", op, [x, index, np.float32(-1), np.int32(0)], ["float32", "int32"], options=options,
               values=window_values((1, 2), (1, 2), (1, 1), (1, 1), [(0, 0), (0, 0)]),
               bodies={"bodySubgraphIndex": largest_with_index("float32")}), want)


def scattered(x, indices, updates, f, window, inserted, dims, vector):
    out = x.copy()
    indices = indices if vector < indices.ndim else indices[..., None]
    batch = [d for d in range(updates.ndim) if d not in window]
    for at in np.ndindex(*updates.shape):
        index = [at[d] for d in batch]
        start = [0] * x.ndim
        for k, d in enumerate(dims):
            start[d] = int(indices[tuple(index[:vector]) + (k,) + tuple(index[vector:])])
        inner = iter(at[d] for d in sorted(window))
        place = tuple(s + (0 if d in inserted else next(inner)) for d, s in enumerate(start))
        if all(0 <= p < n for p, n in zip(place, x.shape)):
            out[place] = f(out[place], updates[at])
    return out


def scatter_values(window, inserted, dims, vector):
    return {"updateWindowDims": list(window), "insertedWindowDims": list(inserted),
            "scatterDimsToOperandDims": list(dims),
            "indexVectorDim": vector}


SCATTERS = [  # operand, indices, updates, window dims, inserted, dims, vector dim
    ((9,), (4, 1), (4,), (), (0,), (0,), 1), ((5, 4), (3, 1), (3, 4), (1,), (0,), (0,), 1),
    ((5, 4), (3, 2), (3,), (), (0, 1), (0, 1), 1),
    ((5, 4), (3, 2), (3, 2, 3), (1, 2), (), (1, 0), 1), ((3, 4, 5), (2, 2, 2), (2, 2, 4, 2), (2, 3), (0,), (0, 2), 2),
    ((3, 4, 5), (2, 3), (3, 1, 4), (1, 2), (2,), (2, 0), 0), ((6,), (0, 1), (0,), (), (0,), (0,), 1),
]


def scatters(rng):
    options, op = "StablehloScatterOptions", "STABLEHLO_SCATTER"
    for i, (shape, ishape, ushape, *rest) in enumerate(SCATTERS):
        t = ("int32", "float32", "int16", "uint64", "int8", "float64", "int64")[i]
        x, u = small(rng, t, shape), small(rng, t, ushape)
        indices = rng.integers(-2, 6, ishape).astype(np.int32 if i % 2 else np.int64)
        yield (hlo(f"called_{i}", op, [x, indices, u], [t], options=options, values=scatter_values(*rest),
                   bodies={"updateComputationSubgraphIndex": sum_of_squares(t)},
                   tol=LOOSE.get(t)), [scattered(x, indices, u, lambda a, b: a + b * b, *rest)])
        yield (hlo(f"kept_{i}", op, [x, indices, u], [t], options=options, values=scatter_values(*rest),
                   bodies={"updateComputationSubgraphIndex": passing(t, 0)}), [x])
        yield (hlo(f"subtract_{i}", op, [x, indices, u], [t], options=options, values=scatter_values(*rest),
                   bodies={"updateComputationSubgraphIndex": binary("STABLEHLO_SUBTRACT", t)},
                   tol=LOOSE.get(t)), [scattered(x, indices, u, np.subtract, *rest)])
    # each index is a vector of one: LiteRT reads beyond the indices' shape
    x, u, indices = small(rng, "int32", (9,)), small(rng, "int32", (4,)), np.array([3, 8, -1, 3], np.int32)
    yield (hlo("vector", op, [x, indices, u], ["int32"], options=options, values=scatter_values((), (0,), (0,), 1),
               bodies={"updateComputationSubgraphIndex": binary("STABLEHLO_ADD", "int32")}),
           [scattered(x, indices, u, np.add, (), (0,), (0,), 1)])
    yield (hlo("extremes", op, [x, np.array([-2 ** 63, 2 ** 63 - 1, 0, 8], np.int64)[:, None], u], ["int32"],
               options=options,
               values=scatter_values((), (0,), (0,), 1),
               bodies={"updateComputationSubgraphIndex": binary("STABLEHLO_ADD", "int32")}),
           [x + np.array([u[2]] + [0] * 7 + [u[3]], np.int32)])


GATHERS = [  # operand, indices, offset dims, collapsed, start map, vector dim, sizes
    ((9,), (4, 1), (), (0,), (0,), 1, (1,)), ((9,), (4, 1), (1,), (), (0,), 1, (3,)),
    ((5, 4), (3, 1), (1,), (0,), (0,), 1, (1, 4)),
    ((5, 4), (3, 2), (), (0, 1), (0, 1), 1, (1, 1)), ((5, 4), (3, 2), (1, 2), (), (1, 0), 1, (2, 3)),
    ((5, 4), (2, 3), (1, 2), (), (1, 0), 0, (2, 3)),
    ((3, 4, 5), (2, 3, 2), (2, 3), (0,), (0, 2), 2, (1, 2, 3)), ((3, 4, 5), (2, 2, 3), (0, 3), (1,), (2, 0), 1, (3, 1,
                                                                                                                 2)),
    ((3, 4, 5), (1,), (0, 1, 2), (), (1,), 0, (3, 2, 5)), ((3, 4, 5), (2, 1), (0, 2, 3), (), (2,), 1, (3, 4, 1)),
    ((2, 3, 2, 3), (2, 2, 4), (1, 3), (1, 2), (3, 2, 1, 0), 2, (2, 1, 1, 3)),
    ((5, 4), (0, 2), (1, 2), (), (0, 1), 1, (2, 2)),
    ((5, 4), (3, 2), (1, 2), (), (0, 1), 1, (0, 2)), ((33, 7), (17, 1), (1,), (0,), (0,), 1, (1, 7)),
]


def pick(rng, shape, vector, spaces):
    """Indices of that shape; number i of a vector is in [0, spaces[i]], or anywhere near when there are no spaces."""
    if spaces is None:
        return rng.integers(-3, 12, shape)
    high = np.asarray(spaces).reshape([-1 if d == vector else 1 for d in range(len(shape))])
    return rng.integers(0, np.broadcast_to(high + 1, shape))


NEW_TYPES = ("bool", "complex64", "uint16", "uint32", "uint64")  # to GATHER


def litert_gathers(rng):
    """(TensorFlow 2.21 refuses it, crashes, or reads outside of the operand; case)."""
    options, op = "StablehloGatherOptions", "STABLEHLO_GATHER"
    for i, (shape, ishape, offset, collapsed, starts, vector, sizes) in enumerate(GATHERS):
        values = {"offsetDims": list(offset), "collapsedSliceDims": list(collapsed), "startIndexMap": list(starts),
                  "indexVectorDim": vector,
                  "sliceSizes": list(sizes)}
        batch = [n for d, n in enumerate(ishape) if d != vector]
        slices = [n for d, n in enumerate(sizes) if d not in collapsed]
        out = []
        for d in range(len(batch) + len(slices)):
            out.append(slices.pop(0) if d in offset else batch.pop(0))
        types = dict.fromkeys(("float32", (ALL + ("complex64",))[i % 13]))
        for (k, t), inside in itertools.product(enumerate(types), (True, False)):
            indices = pick(rng, ishape, vector, [shape[d] - sizes[d] for d in starts] if inside else None)
            indices = indices.astype(np.int32 if (i + k) % 2 else np.int64)
            case = hlo(f"{t}_{i}" + "_outside" * (not inside), op, [numbers(rng, t, shape),
                                                                    const(indices) if i % 3 == 0 else indices],
                       [t], options=options, values=values, shapes=[out])
            yield not inside or t in NEW_TYPES or 0 in out, case


def litert_scatters(rng):
    """As litert_gathers()."""
    options, op = "StablehloScatterOptions", "STABLEHLO_SCATTER"
    bodies = [f"STABLEHLO_{name}" for name in ("ADD", "MULTIPLY", "MAXIMUM", "MINIMUM")] + [None]
    for i, (shape, ishape, ushape, *rest) in enumerate(SCATTERS):
        values, (window, inserted, dims, vector) = scatter_values(*rest), rest
        extents = [ushape[d] for d in window]
        size = [1 if d in inserted else extents.pop(0) for d in range(len(shape))]
        for (k, body), inside in itertools.product(enumerate(bodies), (True, False)):
            for t in dict.fromkeys(("float32", ALL[(i * 5 + k) % 12])):
                x, u = small(rng, t, shape), small(rng, t, ushape)
                indices = pick(rng, ishape, vector, [shape[d] - size[d] for d in dims] if inside else None)
                case = hlo(f"{t}_{i}_{k}" + "_outside" * (not inside), op,
                           [x, indices.astype(np.int32 if k % 2 else np.int64), u], [t],
                           options=options, values=values, bodies={
                               "updateComputationSubgraphIndex": binary(body, t) if body else passing(t)})
                yield not inside or 0 in ushape, case
    nan = np.array([np.nan, 1, 2, np.nan], np.float32)
    for body in bodies[2:4]:
        indices = np.array([[0], [1], [2], [3]], np.int32)
        yield False, hlo(f"nan_{body[10:].lower()}", op, [nan, indices, nan[::-1].copy()], ["float32"], options=options,
                         values=scatter_values((), (0,), (0,), 1),
                         bodies={"updateComputationSubgraphIndex": binary(body, "float32")})


def newer(rng):
    """What LiteRT 2.3 runs and TensorFlow 2.21 does not, or wrongly."""
    for t in ("int32", "bool"):
        yield hlo(f"{t}_empty", "STABLEHLO_AND", [numbers(rng, t, (0, 3)), numbers(rng, t, (0, 3))], [t])
    for make in (litert_gathers, litert_scatters):
        yield from (case for is_newer, case in make(rng) if is_newer)


def gathers(rng):
    x, indices = small(rng, "float32", (6, 4)), np.array([[0, 5], [7, -3]], np.int32)
    values = {"offsetDims": [2], "collapsedSliceDims": [0], "startIndexMap": [0], "indexVectorDim": 2,
              "sliceSizes": [1, 4]}
    yield (hlo("vector", "STABLEHLO_GATHER", [x, indices], ["float32"], options="StablehloGatherOptions",
               values=values, shapes=[(2, 2, 4)]),
           [x[np.clip(indices, 0, 5)]])
    yield (hlo("int8_indices", "STABLEHLO_GATHER", [x, indices.astype(np.int8)], ["float32"],
               options="StablehloGatherOptions", values=values, shapes=[(2, 2, 4)]),
           [x[np.clip(indices, 0, 5)]])
    packed = rng.integers(-8, 8, (6, 4)).astype(np.int8)
    yield (hlo("int4", "STABLEHLO_GATHER", [const(packed, "int4"), indices], ["int4"],
               options="StablehloGatherOptions", values=values, shapes=[(2, 2, 4)]),
           [packed[np.clip(indices, 0, 5)]])


def sorts(rng):
    options, op = "StablehloSortOptions", "STABLEHLO_SORT"
    for i, t in enumerate(FLOATS + SIGNED + UNSIGNED):
        shape, at = [((17,), 0), ((3, 9), 1), ((9, 3), 0), ((2, 5, 4), -2), ((1,), 0), ((0, 3), 1), ((2, 0), -1)][i % 7]
        x = small(rng, t, shape)
        for direction in (LT, GT):
            y = np.sort(x, at)
            yield (hlo(f"{t}_{direction}", op, [x], [t], options=options, values={"dimension": at, "isStable": True},
                       bodies={"comparatorSubgraphIndex": comparator([t], direction)}),
                   [np.flip(y, at) if direction == GT else y])
        y = np.take_along_axis(x, np.argsort(np.abs(x), at, kind="stable"), at)
        if np.dtype(t).kind != "u":
            yield (hlo(f"{t}_called", op, [x], [t], options=options, values={"dimension": at, "isStable": True},
                       bodies={"comparatorSubgraphIndex": absolute_less(t)}), [y])
    keys, payload = rng.integers(0, 5, 40).astype(np.int32), np.arange(40, dtype=np.float32)
    order = np.argsort(keys, kind="stable")
    yield (hlo("pairs", op, [keys, payload], ["int32", "float32"], options=options,
               values={"dimension": 0, "isStable": True},
               bodies={"comparatorSubgraphIndex": comparator(["int32", "float32"], LT)}), [keys[order], payload[order]])
    order = np.argsort(-keys, kind="stable")
    yield (hlo("swapped", op, [payload, keys], ["float32", "int32"], options=options,
               values={"dimension": 0, "isStable": True},
               bodies={"comparatorSubgraphIndex": comparator(["float32", "int32"], LT, by=1,
                                                             swapped=True)}), [payload[order], keys[order]])
    big = rng.standard_normal(3000).astype(np.float32)
    yield (hlo("many", op, [big], ["float32"], options=options, values={"dimension": 0},
               bodies={"comparatorSubgraphIndex": comparator(["float32"], LT)}), [np.sort(big)])
    special = np.array([np.nan, 1, -0.0, np.inf, 0.0, -np.nan, -np.inf], np.float32)
    yield (hlo("total", op, [special], ["float32"], options=options, values={"dimension": 0},
               bodies={"comparatorSubgraphIndex": comparator(["float32"], LT,
                                                             kind=2)}), [special[np.argsort(ordinal(special))]])
    huge = np.array([2 ** 63, 1, 2 ** 64 - 1, 0], np.uint64)
    yield (hlo("naturals", op, [huge], ["uint64"], options=options, values={"dimension": 0},
               bodies={"comparatorSubgraphIndex": comparator(["uint64"], LT)}), [np.sort(huge)])


def whiles(rng):
    """while i < n: i += 1, x *= 2."""
    def condition(g):
        a = [g.tensor("i", "int32", ()), g.tensor("n", "int32", ()), g.tensor("x", "float32", (3,))]
        finish(g, a, [compare(g, a[0], a[1], LT)])

    def body(g):
        a = [g.tensor("i", "int32", ()), g.tensor("n", "int32", ()), g.tensor("x", "float32", (3,))]
        one = g.tensor("one", "int32", (), data=np.array(1, np.int32))
        i, x = g.tensor("i2", "int32", ()), g.tensor("x2", "float32", (3,))
        g.op("STABLEHLO_ADD", [a[0], one], [i])
        g.op("STABLEHLO_ADD", [a[2], a[2]], [x])
        finish(g, a, [i, a[1], x])

    for n in (0, 1, 5, 17, -3, 2, 3, 4, 6, 20):
        x = small(rng, "float32", (3,))
        yield (hlo(f"{n}", "STABLEHLO_WHILE", [np.int32(0), np.int32(n), x], ["int32", "int32", "float32"],
                   shapes=[(), (), (3,)],
                   options="StablehloWhileOptions", bodies={"condSubgraphIndex": condition, "bodySubgraphIndex": body}),
               [np.int32(max(n, 0)), np.int32(n), (x * np.float32(2.0 ** max(n, 0))).astype("f")])


def composites(rng):
    """One value is both outputs: LiteRT leaves the first as it was."""
    def twice(g):
        a, y = g.tensor("a", "float32", (2, 3)), g.tensor("y", "float32", (2, 3))
        g.op("NEG", [a], [y])
        finish(g, [a], [y, y])

    for i in range(3):
        x = numbers(rng, "float32", (2, 3))
        yield (hlo(f"twice_{i}", "STABLEHLO_COMPOSITE", [x], ["float32", "float32"], shapes=[(2, 3), (2, 3)],
                   options="StableHLOCompositeOptions",
                   values={"name": "test.twice", "compositeAttributes": [0]},
                   bodies={"decompositionSubgraphIndex": twice}), [-x, -x])


PARTS = [composites, unary, two, comparison, three, reshapes, dots, convolutions, reduces, windows, scatters, gathers,
         sorts, whiles]


def formulas(rng):
    for part in PARTS:
        yield from part(rng)
