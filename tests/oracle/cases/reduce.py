# SPDX-License-Identifier: Apache-2.0
"""reduce.py: reductions, positions of extremes, cumulative sums, softmax and normalization."""

import numpy as np

from case import Close, Step
from modelgen import type_code
from onenode import Node, const, i32, numbers, quant

TIGHT = Close(3e-6, 1e-6)
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


def normalizations(rng):
    for shape in ((7,), (3, 5), (2, 3, 4, 5), (4, 301), (2, 1)):
        x = (rng.standard_normal(shape) * 4).astype(np.float32)
        yield Node("L2_NORMALIZATION", "L2NormOptions").case(f"f32_{'x'.join(map(str, shape))}", [x], ["float32"], tol=TIGHT)
        for t, zero in (("int8", 0), ("uint8", 128)):
            for i in range(3):
                yield Node("L2_NORMALIZATION", "L2NormOptions", 2).case(f"{t}_{'x'.join(map(str, shape))}_{i}", [quant(ints(rng, t, shape), 0.1, zero + 3 * i)], [t],
                                                                        quant=(1 / 128, zero))
    yield Node("L2_NORMALIZATION", "L2NormOptions").case("zeros", [np.zeros((2, 5), np.float32)], ["float32"])
    for i, (radius, bias, alpha, beta) in enumerate([(2, 1.0, 1.0, 0.5), (5, 2.0, 0.1, 0.75), (1, 1.0, 0.5, 1.0), (20, 0.5, 0.3, 0.5)]):
        yield Node("LOCAL_RESPONSE_NORMALIZATION", "LocalResponseNormalizationOptions").case(
            str(i), [(rng.standard_normal((2, 3, 2, 9)) * 2).astype(np.float32)], ["float32"], {"radius": radius, "bias": bias, "alpha": alpha, "beta": beta}, tol=TIGHT)


def cases(rng):
    for part in (reductions, positions, softmaxes, normalizations):
        yield from part(rng)
