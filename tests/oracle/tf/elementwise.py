# SPDX-License-Identifier: Apache-2.0
"""Functions of one, two or three numbers, comparison, bits."""
import ml_dtypes
import numpy as np

from tf_case import Case, Chain, Q, R

BF16 = ml_dtypes.bfloat16
FLOATS = [np.float32, np.float64, np.float16, BF16]
F16_UP, F32_F64 = FLOATS[:3], FLOATS[:2]
COMPLEX = [np.complex64, np.complex128]
SIGNED = [np.int8, np.int16, np.int32, np.int64]
UNSIGNED = [np.uint8, np.uint16, np.uint32, np.uint64]
INTEGERS = SIGNED + UNSIGNED
SHAPES = [(), (0,), (1,), (7,), (2, 3), (3, 0, 2), (2, 1, 5), (300,), (4, 65)]
PAIRS = [((), ()), ((5,), ()), ((), (2, 3)), ((2, 3), (3,)), ((4, 1), (1, 5)), ((2, 1, 3), (4, 1)), ((1,), (0,)), ((9, 7), (9, 7)),
         ((3, 1, 2, 1), (5, 1, 4)), ((700,), (1,)), ((40, 3), (3,))]
# Functions of halves are computed in float32 by TensorFlow, often in several rounded steps: a few units.
LOOSE = {np.float16: (4e-3, 1e-4), BF16: (3e-2, 1e-3)}
EDGES = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -2.5]


def floats(rng, dtype, shape, lo=-3.0, hi=3.0, edges=()):
    x = np.array(rng.uniform(lo, hi, shape))
    flat = x.reshape(-1)
    for e in edges if flat.size >= 6 else []:
        flat[rng.integers(flat.size)] = e
    return x.astype(dtype)


def complexes(rng, dtype, shape):
    return np.array(rng.uniform(-3, 3, shape) + 1j * rng.uniform(-3, 3, shape)).astype(dtype)


def ints(rng, dtype, shape, lo=None, hi=None):
    info = np.iinfo(dtype)
    lo = info.min if lo is None else max(lo, info.min)
    hi = info.max if hi is None else min(hi, info.max)
    x = np.array(rng.integers(lo, hi, shape, dtype=dtype, endpoint=True))
    if x.size >= 6:
        x.reshape(-1)[:2] = [lo, hi]
    return x


def numbers(rng, dtype, shape, edges=(), lo=-3.0, hi=3.0):
    if dtype in COMPLEX:
        return complexes(rng, dtype, shape)
    if dtype in INTEGERS:
        return ints(rng, dtype, shape)
    return floats(rng, dtype, shape, lo, hi, edges)


def shape_of(rng):
    return SHAPES[rng.integers(len(SHAPES))]


def pick(rng, dtypes, n=12):
    """Each dtype once, then any, so that there are at least n."""
    more = [dtypes[rng.integers(len(dtypes))] for _ in range(n - len(dtypes))]
    return list(dtypes) + more


# name: dtypes, lowest, highest, edges, tolerances that differ by dtype
UNARY = {
    "Abs": (FLOATS + SIGNED, -3, 3, EDGES), "Neg": (FLOATS + SIGNED + COMPLEX, -3, 3, EDGES),
    "Sign": (FLOATS + SIGNED + COMPLEX, -3, 3, EDGES), "Square": (FLOATS + INTEGERS + COMPLEX, -3, 3, EDGES),
    "Sqrt": (FLOATS + COMPLEX, -1, 9, EDGES), "Rsqrt": (FLOATS + COMPLEX, 0.1, 9, EDGES),
    "Reciprocal": (FLOATS + COMPLEX, -3, 3, EDGES), "Inv": (FLOATS + COMPLEX, -3, 3, EDGES),
    "Floor": (FLOATS, -5, 5, EDGES), "Ceil": (FLOATS, -5, 5, EDGES), "Round": (FLOATS, -5, 5, EDGES + [1.5, 2.5]),
    "Rint": (F32_F64, -5, 5, EDGES + [1.5, 2.5]), "IsNan": (FLOATS, -3, 3, EDGES), "IsInf": (FLOATS, -3, 3, EDGES),
    "IsFinite": (FLOATS, -3, 3, EDGES), "Invert": (INTEGERS, 0, 0, ()), "PopulationCount": (INTEGERS, 0, 0, ()),
    "Exp": (FLOATS + COMPLEX, -9, 9, EDGES), "Expm1": (FLOATS + COMPLEX, -2, 2, EDGES),
    "Log": (FLOATS + COMPLEX, -0.2, 9, EDGES), "Log1p": (FLOATS + COMPLEX, -0.9, 9, EDGES),
    "Sin": (FLOATS + COMPLEX, -9, 9, EDGES), "Cos": (FLOATS + COMPLEX, -9, 9, EDGES), "Tan": (FLOATS + COMPLEX, -1.4, 1.4, EDGES),
    "Asin": (FLOATS + COMPLEX, -1, 1, EDGES), "Acos": (FLOATS + COMPLEX, -1, 1, EDGES), "Atan": (FLOATS + COMPLEX, -9, 9, EDGES),
    "Sinh": (FLOATS + COMPLEX, -3, 3, EDGES), "Cosh": (FLOATS + COMPLEX, -3, 3, EDGES), "Tanh": (FLOATS + COMPLEX, -3, 3, EDGES),
    "Asinh": (FLOATS + COMPLEX, -9, 9, EDGES), "Acosh": (FLOATS + COMPLEX, 1, 9, EDGES), "Atanh": (FLOATS + COMPLEX, -1, 1, EDGES),
    "Sigmoid": (FLOATS + COMPLEX, -9, 9, EDGES), "Softplus": (FLOATS, -30, 30, EDGES), "Softsign": (FLOATS, -9, 9, EDGES),
    "Relu": (FLOATS + INTEGERS, -3, 3, EDGES), "Relu6": (FLOATS + INTEGERS, -9, 9, EDGES), "Elu": (FLOATS, -5, 5, EDGES),
    "Selu": (FLOATS, -5, 5, EDGES), "Erf": (FLOATS, -3, 3, [np.nan, 0.0, 6.0, -6.0]), "Erfc": (FLOATS, -3, 3, EDGES),
    "Erfinv": (F32_F64, -1, 1, [0.0, 1.0, -1.0, 2.0]), "Ndtri": (F32_F64, 0, 1, [0.0, 1.0, -1.0, 1e-7]),
    "Lgamma": (F16_UP, -4.7, 9, EDGES), "Digamma": (F16_UP, -4.7, 9, [1.0, 0.0, -1.0, np.inf]),
    "BesselI0": (F16_UP, -7, 7, [0.0]), "BesselI1": (F16_UP, -7, 7, [0.0]), "BesselI0e": (F16_UP, -40, 40, [0.0, 8.0]),
    "BesselI1e": (F16_UP, -40, 40, [0.0, 8.0]), "BesselJ0": (F16_UP, -20, 20, [0.0]), "BesselJ1": (F16_UP, -20, 20, [0.0]),
    "BesselY0": (F16_UP, 0.05, 20, ()), "BesselY1": (F16_UP, 0.05, 20, ()), "BesselK0": (F16_UP, 0.05, 9, [0.0, -1.0]),
    "BesselK1": (F16_UP, 0.05, 9, [0.0, -1.0]), "BesselK0e": (F16_UP, 0.05, 90, [0.0, -1.0]),
    "BesselK1e": (F16_UP, 0.05, 90, [0.0, -1.0]), "Dawsn": (F32_F64, -9, 9, [0.0, 1e9, np.nan]),
    "Expint": (F32_F64, 0.05, 50, [0.0, -1.0]), "FresnelSin": (F32_F64, -9, 9, [0.0, 1e6, np.nan]),
    "FresnelCos": (F32_F64, -9, 9, [0.0, 1e6, np.nan]), "Spence": (F32_F64, 0, 9, [0.0, 1.0, 2.0, -1.0, 1e6]),
    "Real": (COMPLEX, 0, 0, ()), "Imag": (COMPLEX, 0, 0, ()), "Angle": (COMPLEX, 0, 0, ()), "ComplexAbs": (COMPLEX, 0, 0, ()),
    "Conj": (COMPLEX, 0, 0, ()), "OnesLike": (FLOATS + INTEGERS + COMPLEX, -3, 3, EDGES),
    "ZerosLike": (FLOATS + INTEGERS + COMPLEX, -3, 3, EDGES),
}
SPECIAL = ("Bessel", "Dawsn", "Expint", "Fresnel", "Spence", "Lgamma", "Digamma", "Erfinv", "Ndtri")
# name: dtypes, range of both
BINARY = {
    "Add": (FLOATS + SIGNED + [np.uint8] + COMPLEX, -3, 3), "AddV2": (FLOATS + INTEGERS + COMPLEX, -3, 3),
    "Sub": (FLOATS + INTEGERS + COMPLEX, -3, 3), "Mul": (FLOATS + INTEGERS + COMPLEX, -3, 3),
    "Div": (FLOATS + COMPLEX, -3, 3), "RealDiv": (FLOATS + COMPLEX, -3, 3), "MulNoNan": (FLOATS + COMPLEX, -3, 3),
    "DivNoNan": (FLOATS + COMPLEX, -3, 3), "Maximum": (FLOATS + INTEGERS, -3, 3), "Minimum": (FLOATS + INTEGERS, -3, 3),
    "SquaredDifference": (FLOATS + [np.int32, np.int64] + COMPLEX, -3, 3), "Atan2": (FLOATS, -3, 3),
    "FloorDiv": (FLOATS, -9, 9), "FloorMod": (FLOATS, -9, 9), "TruncateDiv": (FLOATS, -9, 9), "Mod": (F32_F64, -9, 9),
    "TruncateMod": (F32_F64, -9, 9), "Pow": (FLOATS + COMPLEX, 0.1, 3), "Xdivy": (FLOATS + COMPLEX, -3, 3),
    "Xlogy": (FLOATS + COMPLEX, 0.1, 3), "Xlog1py": (FLOATS + COMPLEX, 0.1, 3), "NextAfter": (F32_F64, -3, 3),
    "Igamma": (F32_F64, 0.1, 20), "Igammac": (F32_F64, 0.1, 20), "IgammaGradA": (F32_F64, 0.2, 9),
    "RandomGammaGrad": (F32_F64, 0.2, 9), "Zeta": (F32_F64, 1.1, 9),
}
LOGIC = ["Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual"]


def tolerance_of(op, dtype):
    if dtype in LOOSE:
        return LOOSE[dtype]
    if op.startswith(SPECIAL) or op in ("Igamma", "Igammac", "IgammaGradA", "RandomGammaGrad", "Zeta", "Polygamma", "Betainc"):
        return {np.float32: (1e-4, 1e-5), np.float64: (1e-8, 1e-10)}.get(dtype)
    if op in ("Exp", "Expm1", "Sinh", "Cosh", "Tan", "Log1p", "Softplus", "Xlog1py", "Xlogy", "Pow") or dtype in COMPLEX:
        return {np.float32: (2e-5, 2e-6), np.complex64: (3e-5, 1e-5), np.float64: (1e-11, 1e-12),
                np.complex128: (1e-11, 1e-12)}.get(dtype)
    return None


def unary(rng):
    for op, (dtypes, lo, hi, edges) in UNARY.items():
        for dtype in pick(rng, dtypes):
            attrs = {"Tout": "float64" if dtype == np.complex128 else "float32"} if op in (
                "Real", "Imag", "Angle", "ComplexAbs") else {}
            yield Case(op, [numbers(rng, dtype, shape_of(rng), edges, lo, hi)], attrs, tolerance=tolerance_of(op, dtype))
        dtype = dtypes[0]
        attrs = {"Tout": "float32"} if attrs else {}
        yield Case(op, [numbers(rng, dtype, (50,), edges, lo, hi)], attrs, tolerance=tolerance_of(op, dtype))
    for dtype in pick(rng, FLOATS):
        yield Case("LeakyRelu", [floats(rng, dtype, shape_of(rng), edges=EDGES)], {"alpha": float(rng.choice([0.2, 0.01, 2.0]))},
                   tolerance=LOOSE.get(dtype))
    for shape in SHAPES + [(1000,)]:
        yield Case("LogicalNot", [np.array(rng.integers(0, 2, shape), bool)])
    for dtype in [bool, object]:
        x = np.array([[0, 1, 1]], bool) if dtype is bool else np.array([b"a", b"", b"bcd"], object)
        yield Case("ZerosLike", [x])
    yield Case("OnesLike", [np.zeros((3, 2), bool)])


def binary(rng):
    for op, (dtypes, lo, hi) in BINARY.items():
        for i, dtype in enumerate(pick(rng, dtypes, 14)):
            a, b = PAIRS[rng.integers(len(PAIRS))]
            edges = EDGES if lo < 0 and i % 2 == 0 and op not in ("FloorMod", "Mod", "TruncateMod") else ()
            yield Case(op, [numbers(rng, dtype, a, edges, lo, hi), numbers(rng, dtype, b, edges, lo, hi)],
                       tolerance=tolerance_of(op, dtype))
        yield Case(op, [numbers(rng, dtypes[0], (2, 3), (), lo, hi), numbers(rng, dtypes[0], (2, 4), (), lo, hi)])
    for op in ["Div", "TruncateDiv", "FloorDiv", "FloorMod", "Mod", "TruncateMod"]:
        for dtype in INTEGERS if op not in ("Mod", "TruncateMod") else SIGNED[2:] * 3:
            a, b = PAIRS[rng.integers(len(PAIRS))]
            y = ints(rng, dtype, b)
            y[y == 0] = 3
            yield Case(op, [ints(rng, dtype, a), y])
            x, y = ints(rng, dtype, (30,), -9, 9), ints(rng, dtype, (30,), -4, 4)
            y[y == 0] = 1
            yield Case(op, [x, y])
        yield Case(op, [np.array([1, 2], np.int32), np.array([1, 0], np.int32)])
        yield Case(op, [np.array([], np.int64), np.array([0], np.int64)])
    for dtype in SIGNED * 2:
        yield Case("Pow", [ints(rng, dtype, (4, 3), -9, 9), ints(rng, dtype, (3,), 0, 12)])
    yield Case("Pow", [np.array([2, 3], np.int32), np.array([-1, 2], np.int32)])
    for x, y in [(EDGES, 2.0), (EDGES, 3.0), (EDGES, 0.5), (EDGES, 0.0), (2.0, EDGES), (0.0, EDGES), (EDGES, -1.0)]:
        yield Case("Pow", [np.array(x, np.float32), np.array(y, np.float32)])
    for a, b in [((3,), (3,)), ((), (4,)), ((2, 1), (3,)), ((0,), (1,))] * 3:
        strings = [np.array([bytes(rng.integers(97, 123, rng.integers(0, 9), dtype=np.uint8)) for _ in range(int(np.prod(s)))],
                            object).reshape(s) for s in (a, b)]
        yield Case("Add", strings)
        yield Case("Equal", strings)
    for x, y in [(0.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, np.inf), (np.nan, 1.0), (np.inf, 1.0), (0.0, 0.0), (50.0, 49.0),
                 (3.0, 80.0), (0.5, 1e-3)]:
        for op in ["Igamma", "Igammac"]:
            yield Case(op, [np.float32(x), np.float32(y)], tolerance=(1e-4, 1e-5))
    for x, y in [(1, 1), (0.5, 1), (2, 0), (2, -1), (2.5, -0.5), (3, -1.5), (2, 1e3), (30.0, 2.0)]:
        yield Case("Zeta", [np.array([x], "f8"), np.array([y], "f8")], tolerance=(1e-8, 1e-10))
    for n in [0, 1, 2, 3, 6, -1, 0.5]:
        for dtype in F32_F64:
            x = floats(rng, dtype, (9,), 0.2, 12.0)
            yield Case("Polygamma", [np.array(n, dtype), x], tolerance=tolerance_of("Polygamma", dtype))


def comparison(rng):
    everything = FLOATS + INTEGERS
    for op in LOGIC:
        for dtype in pick(rng, everything, 16):
            a, b = PAIRS[rng.integers(len(PAIRS))]
            if dtype in INTEGERS:
                x, y = ints(rng, dtype, a, -3, 3), ints(rng, dtype, b, -3, 3)
            else:
                x, y = np.round(floats(rng, dtype, a, edges=EDGES)), np.round(floats(rng, dtype, b, edges=EDGES))
            yield Case(op, [x.astype(dtype), y.astype(dtype)])
        yield Case(op, [ints(rng, np.uint64, (40,)), ints(rng, np.uint64, (40,))])
        yield Case(op, [np.zeros((2, 3), np.float32), np.zeros((4,), np.float32)])
    for op in ["Equal", "NotEqual"]:
        for dtype in COMPLEX:
            x = np.round(complexes(rng, dtype, (30,)))
            yield Case(op, [x, np.round(complexes(rng, dtype, (30,)))])
        yield Case(op, [np.array([True, False, True]), np.array(True)])
        for a, b in [((2, 3), (4,)), ((2, 3), (3,)), ((3,), (2,)), ((), (2,))]:
            yield Case(op, [np.zeros(a, np.float32), np.zeros(b, np.float32)], {"incompatible_shape_error": False})
        yield Case(op, [Q(np.array([1, 2], np.int8), "qint8"), Q(np.array([1, 3], np.int8), "qint8")])
    for op in ["LogicalAnd", "LogicalOr"]:
        for a, b in PAIRS:
            yield Case(op, [np.array(rng.integers(0, 2, a), bool), np.array(rng.integers(0, 2, b), bool)])
    for op in ["BitwiseAnd", "BitwiseOr", "BitwiseXor", "LeftShift", "RightShift"]:
        for dtype in INTEGERS * 2:
            a, b = PAIRS[rng.integers(len(PAIRS))]
            shift = "Shift" in op
            y = ints(rng, dtype, b, 0, np.iinfo(dtype).bits - 1) if shift else ints(rng, dtype, b)
            yield Case(op, [ints(rng, dtype, a), y])
    for i in range(12):
        dtype = F32_F64[i % 2]
        x = floats(rng, dtype, (4, 5))
        yield Case("ApproximateEqual", [x, x + floats(rng, dtype, (4, 5), -0.1, 0.1)], {"tolerance": float(rng.choice([0.05, 1e-5]))})
    yield Case("ApproximateEqual", [x, x[0]])


def same_values(want, got, _):
    """TensorFlow's rewriting of AccumulateNV2 leaves a dimension of 1 in front."""
    return "" if np.allclose(want[0].ravel(), got[0].ravel()) else f"expected {want[0]}, found {got[0]}"


def many(rng):
    for dtype in pick(rng, FLOATS + INTEGERS + COMPLEX, 18):
        shape = shape_of(rng)
        for op in ["AddN"]:
            yield Case(op, [[numbers(rng, dtype, shape) for _ in range(rng.integers(1, 12))]],
                       tolerance={np.float16: (4e-3, 1e-2), BF16: (3e-2, 1e-1)}.get(dtype))
    yield Case("AddN", [[np.zeros(2, np.float32), np.zeros(3, np.float32)]])
    for i in range(10):
        dtype = [np.float32, np.int32][i % 2]
        shape = [(3,), (2, 2), ()][i % 3]
        names = ["a", "b", "c"][:1 + i % 3]
        yield Chain([*[(n, "Identity", [numbers(rng, dtype, shape)]) for n in names],
                     ("out", "AccumulateNV2", [[R(n) for n in names]], {"shape": list(shape)})], ["out"], graph=True, check=same_values)
    clipped = FLOATS + SIGNED + [np.uint8, np.uint16] + COMPLEX
    for dtype in pick(rng, clipped, 20):
        shape = shape_of(rng)
        lo, hi = (shape if rng.integers(2) else () for _ in range(2))
        low, high = numbers(rng, dtype, lo), numbers(rng, dtype, hi)
        yield Case("ClipByValue", [numbers(rng, dtype, shape, EDGES), low, high])
    yield Case("ClipByValue", [floats(rng, np.float32, (40,), edges=EDGES), np.float32(-1), np.float32(1)])
    yield Case("ClipByValue", [np.zeros((2, 2), np.float32), np.zeros(2, np.float32), np.float32(1)])
    yield Case("ClipByValue", [np.array([1, 3, -3], np.float32), np.float32(np.nan), np.float32(2)])
    for i in range(12):
        dtype = F32_F64[i % 2]
        a, b, x = (shape if rng.integers(3) else () for shape in [(3, 4)] * 3)
        yield Case("Betainc", [floats(rng, dtype, a, 0.2, 9), floats(rng, dtype, b, 0.2, 9), floats(rng, dtype, x, 0, 1)],
                   tolerance=tolerance_of("Betainc", dtype))
    yield Case("Betainc", [np.array([0, 1, 1, 1], np.float32), np.array([1, 0, 1, 1], np.float32), np.array([.5, .5, -1, 2], np.float32)])
    yield Case("Betainc", [np.ones(1, np.float32), np.ones(2, np.float32), np.ones(2, np.float32)])
    for i, (a, b) in enumerate(PAIRS):
        dtype = F32_F64[i % 2]
        yield Case("Complex", [floats(rng, dtype, a), floats(rng, dtype, b)], {"Tout": "complex64" if i % 2 == 0 else "complex128"})
    for dtype in pick(rng, FLOATS + INTEGERS):
        shape = [(3,), (2, 3), (0, 3), (2, 4, 3)][rng.integers(4)]
        yield Case("Cross", [numbers(rng, dtype, shape), numbers(rng, dtype, shape)], tolerance=LOOSE.get(dtype))
    yield Case("Cross", [np.ones(2, np.float32), np.ones(2, np.float32)])
    yield Case("Cross", [np.ones((2, 3), np.float32), np.ones(3, np.float32)])


def select(rng):
    kinds = FLOATS + INTEGERS + COMPLEX + [bool, object]
    for dtype in pick(rng, kinds, 20):
        def values(shape, dtype=dtype):
            if dtype is bool:
                return np.array(rng.integers(0, 2, shape), bool)
            if dtype is object:
                flat = [b"x" * int(n) for n in rng.integers(0, 5, int(np.prod(shape)))]
                return np.array(flat, object).reshape(shape)
            return numbers(rng, dtype, shape)

        def truth(shape):
            return np.array(rng.integers(0, 2, shape), bool)
        a, b = PAIRS[rng.integers(len(PAIRS))]
        c = np.broadcast_shapes(a, b)
        yield Case("SelectV2", [truth(c[-1:] if rng.integers(2) else ()), values(a), values(b)])
        shape = [(4, 3), (4,), (0, 2), (2, 3, 2)][rng.integers(4)]
        yield Case("Select", [truth([shape, shape[:1], ()][rng.integers(3)]), values(shape), values(shape)])
    yield Case("Select", [np.array([True]), np.ones((2, 2)), np.ones((2, 2))])
    yield Case("SelectV2", [np.array([True]), np.ones((2, 2)), np.ones((3, 2))])


def errors(rng):
    """Dtypes that an op does not take."""
    for op in ["Sqrt", "Exp", "Tanh", "Erf", "Floor", "IsNan", "Softplus", "Lgamma", "BesselI0e"]:
        yield Case(op, [ints(rng, np.int32, (3,))])
    for op in ["Invert", "PopulationCount", "Abs", "Relu"]:
        yield Case(op, [complexes(rng, np.complex64, (3,))])
    for op in ["AddV2", "Sub", "Maximum", "Less", "LogicalAnd", "Atan2", "BitwiseAnd", "Igamma"]:
        x = np.array([b"a"], object)
        yield Case(op, [x, x])
    yield Case("BitwiseOr", [np.ones(2, np.float32), np.ones(2, np.float32)])


def cases(rng):
    yield from errors(rng)
    yield from unary(rng)
    yield from binary(rng)
    yield from comparison(rng)
    yield from many(rng)
    yield from select(rng)
