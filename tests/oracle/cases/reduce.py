# SPDX-License-Identifier: Apache-2.0
"""reduce.py: reductions, positions of extremes, cumulative sums, softmax and normalization."""
# SUM of int8 and int16, and LOCAL_RESPONSE_NORMALIZATION, where the reference is wrong: tests/python/test_reduce_formulas.py.

import numpy as np

from case import Case, Close, Exact
from modelgen import ModelGen, type_code
from onenode import Node, const, i32, numbers, quant

TIGHT = Close(3e-6, 1e-6)
DIFFERS = {
    "SUM": "Sums of int8 and int16 are those of the values; the reference kernel adds their bytes as if these were uint8, and is up to "
           "hundreds of steps off. (TFLite's default kernel agrees with us within one step.)",
    "REDUCE_MAX": "NaNs are passed over wherever they stand, and the largest of nothing but -inf is -inf; in TFLite both depend on the kernel and on "
                  "the order of elements.",
    "REDUCE_MIN": "NaNs are passed over wherever they stand, and the least of nothing but inf is inf; in TFLite both depend on the kernel and on "
                  "the order of elements.",
    "LOCAL_RESPONSE_NORMALIZATION": "The window of channel c has channels c - radius to c + radius, as in TensorFlow and in TFLite's default kernel; the "
                                    "reference leaves the last one out.",
    "ARG_MAX": "A NaN is found only where there is nothing else.",
    "ARG_MIN": "A NaN is found only where there is nothing else.",
}
SHAPES = {
    (7,): [(0,), (-1,)],
    (): [(), (0,)],
    (3, 5): [(0,), (1,), (0, 1), ()],
    (2, 3, 4): [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2), (-1, 2)],
    (2, 3, 4, 5): [(1, 2), (2, 1), (3,), (0, 3), (1, 3), (0, 2), (1,), (0, 1, 2), (-3, -2)],
    (1, 7, 7, 40): [(1, 2)],
    (2, 1, 3, 1, 4): [(1, 3), (0, 2, 4), (1,)],
    (300,): [(0,)], (4, 301): [(1,), (0,)],
}
EMPTY = {(0, 3): [(0,), (1,)], (2, 0): [(1,), (0,)]}


def name_of(shape, axes, keep):
    return f"{'x'.join(map(str, shape)) or 's'}_{'_'.join(map(str, axes)) or 'none'}_{'keep' if keep else 'drop'}"


def ints(rng, dtype, shape, low=None, high=None):
    info = np.iinfo(dtype)
    return rng.integers(info.min if low is None else low, info.max if high is None else high, shape, dtype=dtype, endpoint=True)


def shapes(empty=False):
    for shape, axes in {**SHAPES, **(EMPTY if empty else {})}.items():
        for i, a in enumerate(axes):
            yield shape, a, i % 2 == 1


def reductions(rng):
    def node(op):
        return Node(op, "ReducerOptions", 2)

    for op in ("SUM", "MEAN", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN"):
        for t in ("float32", "int32", "int64"):
            for shape, axes, keep in shapes(empty=op != "MEAN" and t == "float32"):
                x = numbers(rng, t, shape) if t == "float32" else ints(rng, t, shape, -9, 9)
                if op == "REDUCE_PROD":
                    x = rng.uniform(0.8, 1.2, shape).astype(t) if t == "float32" else ints(rng, t, shape, -2, 2)
                yield node(op).case(f"{t}_{name_of(shape, axes, keep)}", [x, i32(*axes)], [t], {"keepDims": keep}, tol=TIGHT)
        yield node(op).case("dynamic_axes", [numbers(rng, "float32", (2, 3, 4)), np.array([1], np.int32)], ["float32"], {"keepDims": False}, tol=TIGHT)
    for op in ("REDUCE_ANY", "REDUCE_ALL"):
        for shape, axes, keep in shapes():
            x = rng.integers(0, 4, shape) < (1 if op == "REDUCE_ANY" else 3)
            yield Node(op, "ReducerOptions").case(name_of(shape, axes, keep), [x, i32(*axes)], ["bool"], {"keepDims": keep})
    for op in ("REDUCE_MAX", "REDUCE_MIN"):
        for t in ("int8", "uint8", "int16"):
            for shape, axes, keep in shapes():
                yield node(op).case(f"{t}_{name_of(shape, axes, keep)}", [quant(ints(rng, t, shape), 0.1, 0 if t == "int16" else 3), i32(*axes)], [t],
                                    {"keepDims": keep}, quant=(0.1, 0 if t == "int16" else 3))
        x = numbers(rng, "float32", (3, 5))
        x[1, 2] = np.nan
        yield node(op).case("nan", [x, i32(1)], ["float32"], {"keepDims": False})
    for t in ("int8", "uint8", "int16"):
        for i, (shape, axes, keep) in enumerate(shapes()):
            s = float(rng.uniform(0.01, 0.1))
            so = s if i % 3 == 0 else s * float(rng.uniform(0.5, 2))
            zi, zo = (0, 0) if t == "int16" else (int(rng.integers(0, 100)), int(rng.integers(0, 100)))
            yield node("MEAN").case(f"{t}_{name_of(shape, axes, keep)}", [quant(ints(rng, t, shape), s, zi), i32(*axes)], [t], {"keepDims": keep}, quant=(so, zo))
            if t == "uint8":  # the reference sums int8 and int16 tensors as if their bytes were uint8
                yield node("SUM").case(f"{t}_{name_of(shape, axes, keep)}", [quant(ints(rng, t, shape), s, zi), i32(*axes)], [t], {"keepDims": keep}, quant=(so * 9, zo))
            if t != "uint8" and np.prod(shape) < 200:
                yield node("REDUCE_PROD").case(f"{t}_{name_of(shape, axes, keep)}", [quant(ints(rng, t, shape), s * 0.3, zi), i32(*axes)], [t],
                                               {"keepDims": keep}, quant=(so, zo))
    yield node("SUM").case("int8_small", [quant(ints(rng, "int8", (3, 5), 0, 9), 0.1, 0), i32(1)], ["int8"], {"keepDims": False}, quant=(0.1, 0))


def more_reductions(rng):
    """Rank 6, axes that are negative, named twice or not constant, constants, bool, limits of integers, infinities."""
    ops = ("SUM", "MEAN", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN")
    odd = [((2, 3, 1, 2, 3, 2), (-1, 0, 5, 2)), ((2, 3, 1, 2, 3, 2), (1, 3, -3)), ((3, 17), (-1, 1, 1)), ((33, 3), (0, -2)), ((1, 1), (0, 1)), ((5, 1), (0,)),
           ((3, 65), (1,)), ((65, 33), (0,)), ((2, 2, 2, 2, 2), ())]
    for op in ops:
        node = Node(op, "ReducerOptions", 2)
        for i, (shape, axes) in enumerate(odd):
            for t in ("float32", "int32", "int64"):
                x = ints(rng, t, shape) if t != "float32" and op != "MEAN" else numbers(rng, t, shape) if t == "float32" else ints(rng, t, shape, -999, 999)
                if op == "REDUCE_PROD" and t == "float32":
                    x = rng.uniform(0.9, 1.1, shape).astype(t)
                elif t == "float32":
                    x += 4  # sums that do not cancel
                elif i % 2 and t == "int64":  # not constant
                    yield node.case(f"odd_{i}_{t}_dynamic", [x, np.array(axes, np.int32)], [t], {"keepDims": i % 3 == 0}, tol=TIGHT)
                yield node.case(f"odd_{i}_{t}", [x, i32(*axes)], [t], {"keepDims": i % 2 == 0}, tol=TIGHT)
        for shape, axes in (((2, 3), (1,)), ((7,), (0,)), ((2, 3, 4), (0, 2))):
            yield node.case(f"constant_{len(shape)}", [const(rng.integers(1, 5, shape).astype(np.int32)), i32(*axes)], ["int32"], {"keepDims": False})
        yield node.case("constant_f32", [const(rng.uniform(0.5, 2, (2, 3)).astype(np.float32)), i32(0)], ["float32"], {"keepDims": True}, tol=TIGHT)
        x = np.array([[1, np.inf, 2], [-np.inf, 3, 4], [np.inf, -np.inf, 1], [3e38, 3e38, 3e38]], np.float32)
        yield node.case("infinite", [x, i32(1)], ["float32"], {"keepDims": False}, tol=TIGHT)
        for t in ("int32", "int64"):
            x = np.array([[np.iinfo(t).min, -1, 0], [np.iinfo(t).max, 1, 2]], t)
            if op != "MEAN" or t == "int32":
                yield node.case(f"limits_{t}", [x, i32(1)], [t], {"keepDims": False})
        if op != "MEAN":
            for i, (shape, axes) in enumerate([((5,), (0,)), ((3, 4), (1,)), ((2, 3, 4), (0, 2)), ((), ()), ((33, 2), (0,))]):
                x = rng.integers(0, 4, shape) < (3 if op in ("REDUCE_PROD", "REDUCE_MIN") else 1)
                yield node.case(f"bool_{i}", [x, i32(*axes)], ["bool"], {"keepDims": i % 2 == 0})
    for op in ("REDUCE_ANY", "REDUCE_ALL"):
        for i, (shape, axes) in enumerate(odd):
            x = rng.integers(0, 9, shape) < (1 if op == "REDUCE_ANY" else 8)
            axes = np.array(axes, np.int32)
            yield Node(op, "ReducerOptions").case(f"odd_{i}", [x, const(axes) if i % 2 else axes], ["bool"], {"keepDims": i % 3 == 0})
    for op in ("SUM", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ANY", "REDUCE_ALL"):  # of nothing
        for t in (("bool",) if op in ("REDUCE_ANY", "REDUCE_ALL") else ("float32", "int32", "int64")):
            for i, (shape, axes) in enumerate([((0, 3), (0,)), ((2, 0, 2), (1,)), ((0,), (0,)), ((2, 0), (0, 1))]):
                yield Node(op, "ReducerOptions").case(f"nothing_{t}_{i}", [const(np.zeros(shape, t)), i32(*axes)], [t], {"keepDims": i % 2 == 0})
    yield Node("MEAN", "ReducerOptions").case("nothing", [const(np.zeros((2, 0), np.float32)), i32(1)], ["float32"], {"keepDims": False})


def quantized_reductions(rng):
    """Scales far apart, zero points at the ends, saturation, many elements, axes that are not constant."""
    plans = [((4, 17), (1,)), ((3, 5, 4), (0, 2)), ((1, 16, 16, 3), (1, 2)), ((33,), (0,)), ((2, 3), ()), ((65, 3), (0,)), ((2, 1, 3, 2, 1, 2), (-1, 2)), ((), ())]
    for t, low, high in (("int8", -128, 127), ("uint8", 0, 255), ("int16", 0, 0)):
        for i, (shape, axes) in enumerate(plans):
            for j, (s, so) in enumerate([(0.1, 0.1), (1e-4, 3.0), (2.0, 0.01), (0.5, 0.7)]):
                zi, zo = (low, high) if j % 2 else (high, low)
                args = [quant(ints(rng, t, shape), s, zi), i32(*axes) if (i + j) % 3 else np.array(axes, np.int32)]
                yield Node("MEAN", "ReducerOptions", 2).case(f"ends_{t}_{i}_{j}", args, [t], {"keepDims": i % 2 == 0}, quant=(so, zo))
                if t == "uint8":
                    yield Node("SUM", "ReducerOptions", 2).case(f"ends_{t}_{i}_{j}", args, [t], {"keepDims": i % 2 == 0}, quant=(so, zo))
                if t != "uint8" and np.prod(shape) < 200:
                    factor = float(np.prod([shape[a] for a in axes]))
                    yield Node("REDUCE_PROD", "ReducerOptions", 2).case(f"ends_{t}_{i}_{j}", [quant(args[0].value, min(s, 0.6), zi), args[1]], [t],
                                                                        {"keepDims": i % 2 == 0}, quant=(min(s, 0.6) ** max(factor, 1) if j < 2 and factor < 5 else so, zo))
            for op in ("REDUCE_MAX", "REDUCE_MIN"):
                args = [quant(ints(rng, t, shape), 0.3, low), i32(*axes) if i % 2 else np.array(axes, np.int32)]
                yield Node(op, "ReducerOptions", 3).case(f"ends_{t}_{i}", args, [t], {"keepDims": i % 2 == 0}, quant=(0.3, low))
        for op in ("SUM", "MEAN", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN"):  # constants, which TFLite may compute while it prepares
            if t == "uint8" and op != "REDUCE_PROD" or t != "uint8" and op != "SUM":
                for i, (shape, axes) in enumerate([((2, 3), (1,)), ((3, 4), (0,)), ((2, 2, 3), (0, 2))]):
                    yield Node(op, "ReducerOptions", 2).case(f"constant_{t}_{i}", [quant(ints(rng, t, shape), 0.3, low, True), i32(*axes)], [t], {"keepDims": False}, quant=(0.3, low))
        for op in ("REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN"):  # not quantized
            for i, (shape, axes) in enumerate(plans[:4]):
                yield Node(op, "ReducerOptions", 2).case(f"plain_{t}_{i}", [ints(rng, t, shape), i32(*axes)], [t], {"keepDims": False})


def positions(rng):
    for op in ("ARG_MAX", "ARG_MIN"):
        for t in ("float32", "int8", "uint8", "int32", "bool"):
            for i, (shape, axis) in enumerate([((7,), 0), ((3, 5), 0), ((3, 5), 1), ((2, 3, 4), 1), ((2, 3, 4), -1), ((2, 3, 4, 5), -3), ((1, 300), 1), ((4, 1), 1)]):
                out = ("int32", "int64")[i % 2]
                x = numbers(rng, t, shape) if t in ("float32", "bool") else rng.integers(0, 5, shape).astype(t)
                a = const(np.array(axis, ("int32", "int64")[i // 2 % 2]))
                yield Node(op, "ArgMaxOptions" if op == "ARG_MAX" else "ArgMinOptions", 2).case(f"{t}_{i}", [x, a], [out], {"outputType": type_code(out)})
        options = "ArgMaxOptions" if op == "ARG_MAX" else "ArgMinOptions"
        yield Node(op, options).case("dynamic", [numbers(rng, "float32", (3, 5)), np.array([1], np.int32)], ["int32"], {"outputType": type_code("int32")})
        for i, (shape, axis) in enumerate([((33,), 0), ((2, 17), 1), ((17, 3), 0), ((2, 1, 2, 3, 2), -2), ((2, 3, 2, 1, 2, 5), 5), ((2, 2, 2, 2, 2, 2), 0), ((3, 65), -1)]):
            for t in ("float32", "int8", "uint8", "int32", "bool"):
                x = numbers(rng, t, shape)
                yield Node(op, options).case(f"odd_{i}_{t}", [x, i32(axis)], ["int64"], {"outputType": type_code("int64")})
        yield Node(op, options).case("option_counts", [numbers(rng, "float32", (3, 5)), i32(1)], ["int64"], {"outputType": type_code("int32")})
        x = np.array([[np.inf, -np.inf, 1], [-np.inf, -np.inf, -np.inf], [np.inf, np.inf, np.inf], [-0.0, 0.0, -0.0]], np.float32)
        yield Node(op, options).case("infinite", [x, i32(1)], ["int32"], {"outputType": type_code("int32")})
        x = np.array([[2**31 - 1, -2**31, 2**31 - 1], [-2**31, 0, -2**31]], np.int32)
        yield Node(op, options).case("limits", [x, i32(1)], ["int32"], {"outputType": type_code("int32")})
        yield Node(op, options).case("quantized", [quant(ints(rng, "int8", (4, 9)), 0.1, 3), i32(1)], ["int32"], {"outputType": type_code("int32")})
    for t in ("float32", "int32", "int64"):
        node = Node("CUMSUM", "CumsumOptions")
        for i, (shape, axis) in enumerate([((1,), 0), ((33,), -1), ((2, 3, 2, 2, 3, 2), 3), ((2, 2, 3, 1, 2), 0), ((3, 600), 1), ((600, 3), 0), ((2, 3, 700), 1)]):
            x = numbers(rng, t, shape)
            yield node.case(f"odd_{i}_{t}", [x, np.array(axis, np.int32) if i % 2 else i32(axis)], [t], {"exclusive": i % 2 == 0, "reverse": i % 3 == 0}, tol=TIGHT)
    yield Node("CUMSUM", "CumsumOptions").case("infinite", [np.array([1, np.inf, 2, -np.inf, np.nan, 1], np.float32), i32(0)], ["float32"])
    for t in ("float32", "int32", "int64"):
        for i, (shape, axis) in enumerate([((7,), 0), ((3, 5), 0), ((3, 5), -1), ((2, 3, 4), 1), ((2, 0, 3), 1)]):
            for exclusive in (False, True):
                for reverse in (False, True):
                    x = numbers(rng, t, shape) if t == "float32" else rng.integers(-99, 99, shape).astype(t)
                    yield Node("CUMSUM", "CumsumOptions").case(f"{t}_{i}_{exclusive}_{reverse}", [x, i32(axis)], [t], {"exclusive": exclusive, "reverse": reverse}, tol=TIGHT)


def softmaxes(rng):
    rows = [(7,), (1, 1), (3, 5), (2, 3, 4), (2, 3, 4, 5), (4, 301), (2, 8), (1, 17)]
    for shape in rows:
        for beta in (1.0, 0.5, 3.0):
            x = (rng.standard_normal(shape) * 4).astype(np.float32)
            yield Node("SOFTMAX", "SoftmaxOptions").case(f"f32_{'x'.join(map(str, shape))}_{beta}", [x], ["float32"], {"beta": beta}, tol=Close(3e-6, 1e-7))
        yield Node("LOG_SOFTMAX", "LogSoftmaxOptions").case(f"f32_{'x'.join(map(str, shape))}", [x], ["float32"], tol=Close(3e-6, 2e-6))
        for i, s in enumerate((0.02, 0.1, 0.7)):
            for t in ("int8", "uint8"):
                x = quant(ints(rng, t, shape), s, 3)
                beta = (1.0, 0.7, 1.0)[i]
                yield Node("SOFTMAX", "SoftmaxOptions", 2).case(f"{t}_{'x'.join(map(str, shape))}_{i}", [x], [t], {"beta": beta}, quant=(1 / 256, -128 if t == "int8" else 0))
                yield Node("SOFTMAX", "SoftmaxOptions", 2).case(f"{t}_int16_{'x'.join(map(str, shape))}_{i}", [x], ["int16"], {"beta": beta}, quant=(1 / 65536, -32768))
                yield Node("LOG_SOFTMAX", "LogSoftmaxOptions", 2).case(f"{t}_{'x'.join(map(str, shape))}_{i}", [x], [t], quant=(16 / 256, 127 if t == "int8" else 255))
            x = quant(ints(rng, "int16", shape), s * 0.003, 0)
            yield Node("SOFTMAX", "SoftmaxOptions", 3).case(f"int16_{'x'.join(map(str, shape))}_{i}", [x], ["int16"], {"beta": 1.0}, quant=(1 / 32768, 0))
    yield Node("SOFTMAX", "SoftmaxOptions").case("f32_masked", [np.array([[0, -np.inf, 3, -np.inf], [1e30, 0, -1e30, 5]], np.float32)], ["float32"], {"beta": 1.0}, tol=TIGHT)


def more_softmaxes(rng):
    """Ranks 1 to 6, odd tails, values of beta, rows of equal and of far values, zero points at the ends, infinities."""
    soft, log = Node("SOFTMAX", "SoftmaxOptions", 3), Node("LOG_SOFTMAX", "LogSoftmaxOptions", 2)
    near = Close(3e-6, 1e-7)
    for i, shape in enumerate([(1,), (3,), (33,), (5, 65), (2, 1, 15), (2, 3, 2, 31), (2, 1, 3, 1, 7), (2, 1, 2, 1, 2, 9), (1, 1000)]):
        for beta in (0.0, 1.0, 10.0, -0.5):
            yield soft.case(f"ranks_{i}_{beta}", [(rng.standard_normal(shape) * 3).astype(np.float32)], ["float32"], {"beta": beta}, tol=near)
        yield soft.case(f"ranks_{i}_f16", [(rng.standard_normal(shape) * 3).astype(np.float16)], ["float16"], {"beta": 1.0}, tol=Close(1e-3, 1e-6))
        yield log.case(f"ranks_{i}", [(rng.standard_normal(shape) * 3).astype(np.float32)], ["float32"], tol=Close(3e-6, 2e-6))
        for t, zero, zero_out in (("int8", -128, -128), ("uint8", 255, 0)):
            x = quant(ints(rng, t, shape), 0.05, zero)
            yield soft.case(f"ranks_{i}_{t}", [x], [t], {"beta": 1.0}, quant=(1 / 256, zero_out))
            yield soft.case(f"ranks_{i}_{t}_int16", [x], ["int16"], {"beta": 2.0}, quant=(1 / 65536, -32768))
            yield log.case(f"ranks_{i}_{t}", [x], [t], quant=(1 / 16, 127 if t == "int8" else 255))
        for j, scale in enumerate((1e-5, 3e-4, 0.01, 1.0)):
            yield soft.case(f"ranks_{i}_int16_{j}", [quant(ints(rng, "int16", shape), scale, 0)], ["int16"], {"beta": (1.0, 0.5, 3.0, 1.0)[j]}, quant=(1 / 32768, 0))
    for t, low, high in (("int8", -128, 127), ("uint8", 0, 255), ("int16", -32768, 32767)):
        rows = np.array([[low] * 5, [high] * 5, [low, high, low, low, low], [0, 1, 2, 3, 4]], t)
        for j, scale in enumerate((1e-6 if t != "int16" else 1e-7, 0.003, 0.1, 4.0)):
            zero_out, s = {"int8": (-128, 1 / 256), "uint8": (0, 1 / 256), "int16": (0, 1 / 32768)}[t]
            yield soft.case(f"limits_{t}_{j}", [quant(rows, scale, 0)], [t], {"beta": 1.0}, quant=(s, zero_out))
            if t != "int16":
                yield log.case(f"limits_{t}_{j}", [quant(rows, scale, 0)], [t], quant=(1 / 16, 127 if t == "int8" else 255))
    rows = np.array([[0, np.inf, 1, 2], [np.nan, 0, 1, 2], [3e38, -3e38, 0, 1], [-np.inf, 1, 2, -np.inf], [88, 89, 90, -104]], np.float32)
    yield soft.case("infinite", [rows], ["float32"], {"beta": 1.0}, tol=near)
    yield log.case("infinite", [rows], ["float32"], tol=Close(3e-6, 2e-6))


def more_normalizations(rng):
    l2, lrn = Node("L2_NORMALIZATION", "L2NormOptions", 2), Node("LOCAL_RESPONSE_NORMALIZATION", "LocalResponseNormalizationOptions")
    for i, shape in enumerate([(1,), (3,), (33,), (5, 17), (2, 1, 15), (2, 1, 3, 1, 7), (2, 1, 2, 1, 2, 65)]):
        yield l2.case(f"ranks_{i}", [numbers(rng, "float32", shape)], ["float32"], tol=TIGHT)
        for t, zero, ends in (("int8", 0, (-128, 127)), ("uint8", 128, (0, 255))):
            for z in ends:
                yield l2.case(f"ranks_{i}_{t}_{z}", [quant(ints(rng, t, shape), 0.3, z)], [t], quant=(1 / 128, zero))
    for t, zero in (("int8", 0), ("uint8", 128)):  # rows of nothing but the zero point
        rows = np.array([[5] * 4, [5, 5, 6, 5], [5, 5, 5, 4], [127, 5, 5, 5]], t)
        yield l2.case(f"zeros_{t}", [quant(rows, 0.3, 5)], [t], quant=(1 / 128, zero))
    rows = np.array([[1e-7, 0, 0], [1e-20, 1e-20, 0], [1e20, 1, 0], [np.inf, 1, 0], [np.nan, 1, 2], [1e-6, 0, -1e-6]], np.float32)
    yield l2.case("limits", [rows], ["float32"], tol=TIGHT)
    # Where the channel that the reference leaves out is 0, or outside.
    for i, (shape, radius, used) in enumerate([((1, 1, 1, 1), 1, 1), ((2, 3, 2, 9), 2, 2), ((1, 2, 2, 17), 5, 5), ((1, 2, 2, 3), 3, 3), ((1, 1, 3, 33), 4, 4), ((3, 1, 1, 7), 99, 7)]):
        for j, (bias, alpha, beta) in enumerate([(1.0, 1.0, 0.5), (2.0, 0.1, 0.75), (0.5, 0.5, 1.0), (1.0, 0.0, 0.3)]):
            x = (rng.standard_normal(shape) * 2).astype(np.float32)
            if radius < shape[3]:
                x[..., used:] = 0
            yield lrn.case(f"window_{i}_{j}", [x], ["float32"], {"radius": radius, "bias": bias, "alpha": alpha, "beta": beta}, tol=Close(1e-5, 1e-6))


def normalizations(rng):
    for shape in ((7,), (3, 5), (2, 3, 4, 5), (4, 301), (2, 1)):
        x = (rng.standard_normal(shape) * 4).astype(np.float32)
        yield Node("L2_NORMALIZATION", "L2NormOptions").case(f"f32_{'x'.join(map(str, shape))}", [x], ["float32"], tol=TIGHT)
        for t, zero in (("int8", 0), ("uint8", 128)):
            for i in range(3):
                yield Node("L2_NORMALIZATION", "L2NormOptions", 2).case(f"{t}_{'x'.join(map(str, shape))}_{i}", [quant(ints(rng, t, shape), 0.1, zero + 3 * i)], [t],
                                                                        quant=(1 / 128, zero))
    yield Node("L2_NORMALIZATION", "L2NormOptions").case("zeros", [np.zeros((2, 5), np.float32)], ["float32"])


def large(rng):
    """Enough elements for several threads, and rows that no instruction set's width divides."""
    near = Close(3e-6, 1e-6)
    x = rng.uniform(0.5, 2, (257, 513)).astype(np.float32)
    for op in ("SUM", "MEAN", "REDUCE_MAX", "REDUCE_MIN"):
        for axes in ((0,), (1,), (0, 1)):
            # The reference adds up one after the other in float32: its own error grows with the number of elements.
            yield Node(op, "ReducerOptions").case(f"large_{name_of((), axes, False)}", [x, i32(*axes)], ["float32"], {"keepDims": False}, tol=Close(1e-4, 0))
    for op in ("SUM", "MEAN"):  # one row of results, of rows in blocks
        yield Node(op, "ReducerOptions").case("large_pixels", [rng.uniform(-1, 1, (1, 67, 33, 24)).astype(np.float32), i32(1, 2)], ["float32"], {"keepDims": True}, tol=Close(1e-4, 1e-3))
    for t in ("int8", "uint8", "int16"):
        q = quant(ints(rng, t, (1, 129, 65, 5)), 0.05, 0 if t == "int16" else 9)
        yield Node("MEAN", "ReducerOptions", 2).case(f"large_pixels_{t}", [q, i32(1, 2)], [t], {"keepDims": False}, quant=(0.01, 0 if t == "int16" else 3))
        q = quant(ints(rng, t, (3, 129, 65, 5)), 0.05, 0 if t == "int16" else 9)
        yield Node("MEAN", "ReducerOptions", 2).case(f"large_{t}", [q, i32(1, 2)], [t], {"keepDims": False}, quant=(0.01, 0 if t == "int16" else 3))
    for axis in (0, 1):
        yield Node("ARG_MAX", "ArgMaxOptions").case(f"large_{axis}", [x, i32(axis)], ["int32"], {"outputType": 2})
        yield Node("ARG_MIN", "ArgMinOptions").case(f"large_{axis}", [(x * 9).astype(np.int8), i32(axis)], ["int64"], {"outputType": 4})
        yield Node("CUMSUM", "CumsumOptions").case(f"large_{axis}", [ints(rng, "int32", (257, 513)), i32(axis)], ["int32"])
    yield Node("SOFTMAX", "SoftmaxOptions").case("large", [x], ["float32"], {"beta": 1.0}, tol=near)
    yield Node("LOG_SOFTMAX", "LogSoftmaxOptions").case("large", [x], ["float32"], tol=near)
    yield Node("SOFTMAX", "SoftmaxOptions").case("large_int8", [quant(ints(rng, "int8", (257, 513)), 0.05, 3)], ["int8"], {"beta": 1.0}, quant=(1 / 256, -128))
    yield Node("L2_NORMALIZATION", "L2NormOptions").case("large", [x], ["float32"], tol=Close(1e-5, 0))


def in_place(rng):
    """Behind another op, whose memory these may write over."""
    def chain(name, op, options, values, x, extra=(), tol=None, scale=None):
        g = ModelGen()
        t = x.dtype.name
        quantized = {} if scale is None else {"scale": scale[0], "zero": scale[1]}
        a, b = g.tensor("a", t, x.shape, **quantized), g.tensor("b", t, x.shape, **quantized)
        y = g.tensor("y", t, x.shape, **({} if scale is None else {"scale": scale[2], "zero": scale[3]}))
        g.op("RELU" if scale else "NEG", [a], [b])
        g.op(op, [b] + [g.constant(f"c{i}", c.dtype.name, c) for i, c in enumerate(extra)], [y], options, values)
        g.inputs([a])
        g.outputs([y])
        return Case(f"in_place_{op.lower()}_{name}", op=op, model=g.build(), inputs=[x], tol=tol or Exact())

    x = (rng.standard_normal((5, 33)) * 2).astype(np.float32)
    yield chain("f32", "SOFTMAX", "SoftmaxOptions", {"beta": 1.0}, x, tol=Close(3e-6, 1e-7))
    yield chain("f32", "LOG_SOFTMAX", "LogSoftmaxOptions", {}, x, tol=Close(3e-6, 2e-6))
    yield chain("f32", "L2_NORMALIZATION", "L2NormOptions", {}, x, tol=TIGHT)
    for t in ("float32", "int32", "int64"):
        for i in range(4):
            yield chain(f"{t}_{i}", "CUMSUM", "CumsumOptions", {"exclusive": i % 2 == 1, "reverse": i > 1}, (x * 9).astype(t), [np.array(i % 2, np.int32)], tol=TIGHT)
    for t, zero, out in (("int8", -128, (1 / 256, -128)), ("uint8", 0, (1 / 256, 0)), ("int16", 0, (1 / 32768, 0))):
        x = ints(rng, t, (5, 33))
        yield chain(t, "SOFTMAX", "SoftmaxOptions", {"beta": 1.0}, x, scale=(0.0005 if t == "int16" else 0.05, zero) + out)
        if t != "int16":
            yield chain(t, "LOG_SOFTMAX", "LogSoftmaxOptions", {}, x, scale=(0.05, zero, 1 / 16, 127 if t == "int8" else 255))
            yield chain(t, "L2_NORMALIZATION", "L2NormOptions", {}, x, scale=(0.05, zero, 1 / 128, 0 if t == "int8" else 128))


def cases(rng):
    for part in (reductions, more_reductions, quantized_reductions, positions, softmaxes, more_softmaxes, normalizations, more_normalizations,
                 large, in_place):
        yield from part(rng)
