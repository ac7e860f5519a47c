# SPDX-License-Identifier: Apache-2.0
"""elementwise.py: arithmetic, comparison, functions of one value, conversion.

Integer results must be equal. Float ones are within 1e-6 or so of the value; float16 within a few of its ulps, since the
reference rounds some of its intermediate results to halves.
"""

import numpy as np

from case import Close, Exact
from modelgen import type_code
from onenode import Node, Arg, const, numbers, quant, words

HALF = Close(3e-3, 1e-3)
TIGHT = Close(2e-6, 1e-7)

# Shapes of two operands that broadcast: equal, scalars, rows, columns, both ways, ranks that differ, sizes 0 and 1.
PAIRS = [
    ((3, 5), (3, 5)), ((2, 3, 4, 5), (5,)), ((5,), (2, 3, 4, 5)), ((2, 3, 4, 5), (1, 1, 1, 5)), ((2, 3, 4, 5), (2, 1, 1, 5)),
    ((2, 3, 4, 5), (2, 3, 4, 1)), ((2, 3, 4, 1), (2, 3, 4, 5)), ((4, 1), (1, 7)), ((1, 7), (4, 1)), ((), (4,)), ((4,), ()),
    ((), ()), ((1,), (1,)), ((2, 3), (1, 1)), ((3, 1, 2, 1), (1, 4, 1, 5)), ((37,), (37,)), ((3, 67), (67,)), ((1, 9, 33), (1, 1, 33)),
    ((2, 1, 3, 1, 2), (1, 4, 1, 2, 1)), ((0, 3), (0, 3)), ((2, 0), (1, 1)), ((300, 3), (3,)), ((5,), (7, 30, 5)), ((2, 130, 7), (1, 1, 7)),
]
SHORT = [PAIRS[i] for i in (0, 1, 3, 5, 7, 8, 9, 10, 14, 16, 21, 22)]


def floats(rng, shape, scale=2.0):
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def ints(rng, dtype, shape, low=None, high=None):
    info = np.iinfo(dtype)
    low, high = info.min if low is None else low, info.max if high is None else high
    return rng.integers(low, high, shape, dtype=dtype, endpoint=True)


def zero_of(rng, dtype):
    return 0 if dtype == "int16" else int(rng.integers(0, 256) if dtype == "uint8" else rng.integers(-128, 128))


def name_of(shapes):
    return "_".join("x".join(map(str, s)) or "s" for s in shapes)


def arithmetic(rng):
    for op, options in (("ADD", "AddOptions"), ("SUB", "SubOptions"), ("MUL", "MulOptions"), ("DIV", "DivOptions")):
        node = Node(op, options, version=2)
        for a, b in PAIRS:
            x, y = floats(rng, a), floats(rng, b)
            if op == "DIV":
                y = np.where(np.abs(y) < 0.1, 0.5, y).astype(np.float32)
            yield node.case(f"f32_{name_of((a, b))}", [x, y], ["float32"], tol=TIGHT)
        for act in (1, 2, 3):
            for a, b in SHORT[:3]:
                yield node.case(f"f32_act{act}_{name_of((a, b))}", [floats(rng, a, 4), np.maximum(floats(rng, b, 4), 0.3)], ["float32"],
                                {"fusedActivationFunction": act}, tol=TIGHT)
        for t in ("int32", "int64") if op != "DIV" else ("int32",):
            for act in (0, 1, 3):
                for a, b in SHORT[:5]:
                    y = ints(rng, t, b, -9, 9)
                    if op == "DIV":
                        y[y == 0] = 3
                    yield node.case(f"{t}_act{act}_{name_of((a, b))}", [ints(rng, t, a, -1000, 1000), y], [t], {"fusedActivationFunction": act})
        if op in ("ADD", "MUL"):
            yield node.case("int16_plain", [ints(rng, "int16", (3, 7), -100, 100), ints(rng, "int16", (7,), -100, 100)], ["int16"])
        if op != "DIV":
            yield node.case("int32_wraps", [ints(rng, "int32", (40,)), ints(rng, "int32", (40,))], ["int32"], tol=Exact())
    yield Node("MUL", "MulOptions", 2).case("uint32", [ints(rng, "uint32", (9,)), ints(rng, "uint32", (9,))], ["uint32"])
    yield Node("MUL", "MulOptions", 2).case("complex64", [numbers(rng, "complex64", (3, 4)), numbers(rng, "complex64", (4,))], ["complex64"], tol=TIGHT)


def quantized_arithmetic(rng):
    for op, options in (("ADD", "AddOptions"), ("SUB", "SubOptions"), ("MUL", "MulOptions"), ("DIV", "DivOptions")):
        node = Node(op, options, version=2)
        for t in ("int8", "uint8", "int16"):
            for i in range(12):
                a, b = PAIRS[i] if i < 8 else PAIRS[21] if i == 8 else ((6, 40), (6, 40))
                sa, sb = float(rng.uniform(0.01, 0.2)), float(rng.uniform(0.01, 0.2))
                so = {"ADD": sa + sb, "SUB": sa + sb, "MUL": sa * sb * 100, "DIV": sa / sb / 20}[op] * float(rng.uniform(0.7, 1.5))
                if i == 11:
                    sb = sa
                za, zb, zo = zero_of(rng, t), zero_of(rng, t), zero_of(rng, t)
                y = ints(rng, t, b)
                if op == "DIV":  # the zero point is what divides by 0; the oracle refuses a stored 0 too
                    zb = min(zb, 70)
                    y[(y == zb) | (y == 0)] = 77
                values = {"fusedActivationFunction": (0, 0, 1, 0, 3, 0, 2, 0, 0, 0, 0, 0)[i]}
                if op in ("ADD", "SUB"):
                    values["potScaleInt16"] = False
                yield node.case(f"{t}_{i}", [quant(ints(rng, t, a), sa, za), quant(y, sb, zb)], [t], values, quant=(so, zo))
            a = ints(rng, t, (400,))
            b = ints(rng, t, (1,), 1, 100)
            zb = 0 if t != "uint8" else 0
            yield node.case(f"{t}_scalar", [quant(a, 0.05, zero_of(rng, t)), quant(b, 0.02, zb)], [t],
                            {"potScaleInt16": False} if op in ("ADD", "SUB") else None, quant=(0.07, zero_of(rng, t)))
    for op, options in (("ADD", "AddOptions"), ("SUB", "SubOptions")):
        for i, (sa, sb, so) in enumerate([(12, 12, 12), (12, 15, 12), (15, 12, 12), (14, 11, 11)]):
            x, y = ints(rng, "int16", (5, 9)), ints(rng, "int16", (5, 9))
            yield Node(op, options, 3).case(f"int16_pot_{i}", [quant(x, 2.0**-sa, 0), quant(y, 2.0**-sb, 0)], ["int16"],
                                            {"potScaleInt16": True, "fusedActivationFunction": i % 2}, quant=(2.0**-so, 0))
    for t in ("int8", "uint8"):
        yield Node("MUL", "MulOptions", 2).case(f"int16_to_{t}", [quant(ints(rng, "int16", (50,)), 2.0**-15, 0), quant(ints(rng, "int16", (50,)), 2.0**-15, 0)], [t],
                                                quant=(1 / 128, zero_of(rng, t)))
    for i in range(6):
        a, b = SHORT[i]
        yield Node("SQUARED_DIFFERENCE", "SquaredDifferenceOptions").case(
            f"int8_{i}", [quant(ints(rng, "int8", a), 0.05, zero_of(rng, "int8")), quant(ints(rng, "int8", b), 0.04, zero_of(rng, "int8"))], ["int8"],
            quant=(0.3, -20))


def binary(rng):
    for op in ("MAXIMUM", "MINIMUM"):
        node = Node(op, "MaximumMinimumOptions")
        for t in ("float32", "int8", "uint8", "int16", "int32", "int64"):
            for a, b in SHORT:
                yield node.case(f"{t}_{name_of((a, b))}", [numbers(rng, t, a), numbers(rng, t, b)], [t])
        specials = np.array([np.nan, 1, np.nan, -np.inf, np.inf, 0.0], np.float32)
        yield node.case("nan", [specials, specials[::-1].copy()], ["float32"])
    node = Node("SQUARED_DIFFERENCE", "SquaredDifferenceOptions")
    for a, b in SHORT:
        yield node.case(f"f32_{name_of((a, b))}", [floats(rng, a), floats(rng, b)], ["float32"], tol=TIGHT)
        yield node.case(f"i32_{name_of((a, b))}", [ints(rng, "int32", a, -999, 999), ints(rng, "int32", b, -999, 999)], ["int32"])
    for op, options, dtypes in (("FLOOR_DIV", "FloorDivOptions", ("float32", "int8", "int16", "int32")),
                                ("FLOOR_MOD", "FloorModOptions", ("float32", "int8", "int16", "int32", "int64"))):
        node = Node(op, options)
        for t in dtypes:
            for a, b in SHORT[:7]:
                if t == "float32":
                    x, y = floats(rng, a, 9), floats(rng, b, 2) + np.float32(0.01)
                else:
                    x, y = ints(rng, t, a), ints(rng, t, b, -11, 11)
                    y = np.where(y == 0, 5, y).astype(t)
                yield node.case(f"{t}_{name_of((a, b))}", [x, y], [t], tol=TIGHT)
    node = Node("POW", "PowOptions")
    for a, b in SHORT:
        yield node.case(f"f32_{name_of((a, b))}", [np.abs(floats(rng, a)) + np.float32(0.1), floats(rng, b)], ["float32"], tol=TIGHT)
        yield node.case(f"i32_{name_of((a, b))}", [ints(rng, "int32", a, -6, 6), ints(rng, "int32", b, 0, 7)], ["int32"])
    for exponent in (2.0, 3.0, 0.5, -1.0, 0.0):
        yield node.case(f"f32_{exponent}", [np.abs(floats(rng, (5, 9))) if exponent == 0.5 else floats(rng, (5, 9)), const(np.float32(exponent))], ["float32"], tol=TIGHT)
    for t in ("float32", "float64"):
        yield Node("ATAN2", "ATan2Options").case(t, [numbers(rng, t, (4, 9)), numbers(rng, t, (4, 9))], [t], tol=TIGHT)
    for op, options in (("BITWISE_XOR", "BitwiseXorOptions"), ("RIGHT_SHIFT", "RightShiftOptions")):
        for t in ("int8", "uint8", "int16", "uint16", "int32", "uint32"):
            for a, b in SHORT[:4]:
                y = ints(rng, t, b) if op == "BITWISE_XOR" else ints(rng, t, b, 0 if t[0] == "u" else -2, 40)
                yield Node(op, options).case(f"{t}_{name_of((a, b))}", [ints(rng, t, a), y], [t])
    for n in (2, 3, 5):
        yield Node("ADD_N", "AddNOptions").case(f"f32_{n}", [floats(rng, (3, 11)) for _ in range(n)], ["float32"], tol=TIGHT)
        yield Node("ADD_N", "AddNOptions").case(f"i32_{n}", [ints(rng, "int32", (3, 11), -999, 999) for _ in range(n)], ["int32"])
    for op in ("STABLEHLO_ADD", "STABLEHLO_MULTIPLY", "STABLEHLO_MAXIMUM", "STABLEHLO_MINIMUM"):
        for t in ("float32", "int32", "int64", "int8", "uint8", "int16"):
            yield Node(op).case(t, [numbers(rng, t, (3, 7)), numbers(rng, t, (3, 7))], [t], tol=TIGHT)


def comparison(rng):
    ops = {"EQUAL": "EqualOptions", "NOT_EQUAL": "NotEqualOptions", "LESS": "LessOptions", "LESS_EQUAL": "LessEqualOptions",
           "GREATER": "GreaterOptions", "GREATER_EQUAL": "GreaterEqualOptions"}
    for op, options in ops.items():
        node = Node(op, options, version=2)
        more = {"EQUAL": ("bool", "int16"), "NOT_EQUAL": ("bool",)}  # NOT_EQUAL of plain int16 scales it by a scale of 0
        for t in ("float32", "int32", "int64") + more.get(op, ("int16",)):
            for a, b in SHORT:
                x, y = (numbers(rng, t, a), numbers(rng, t, b)) if t == "bool" else (rng.integers(-3, 4, a).astype(t), rng.integers(-3, 4, b).astype(t))
                yield node.case(f"{t}_{name_of((a, b))}", [x, y], ["bool"])
        specials = np.array([np.nan, 1, np.nan, -np.inf, np.inf, 0.0], np.float32)
        yield node.case("nan", [specials, np.array([np.nan, np.nan, 2, -np.inf, 1, -0.0], np.float32)], ["bool"])
        for t in ("int8", "uint8"):
            for i, (a, b) in enumerate(SHORT[:6]):
                sa = float(rng.uniform(0.01, 0.4))
                sb, za = (sa, zero_of(rng, t)) if i % 2 else (float(rng.uniform(0.01, 0.4)), zero_of(rng, t))
                zb = za if i % 2 else zero_of(rng, t)
                yield node.case(f"q_{t}_{i}", [quant(ints(rng, t, a), sa, za), quant(ints(rng, t, b), sb, zb)], ["bool"])
    for op in ("EQUAL", "NOT_EQUAL"):
        node = Node(op, ops[op], version=3)
        yield node.case("q_int16", [quant(ints(rng, "int16", (9,), -9, 9), 0.1, 0), quant(ints(rng, "int16", (9,), -9, 9), 0.1, 0)], ["bool"])
        x = words(rng, (3, 4))
        y = x.copy()
        y[0, 1], y[2, 2] = b"other", b""
        yield node.case("strings", [x, y], ["bool"])
        yield node.case("strings_broadcast", [x, y[:1]], ["bool"])
    for op, options in (("LOGICAL_AND", "LogicalAndOptions"), ("LOGICAL_OR", "LogicalOrOptions")):
        for a, b in SHORT:
            yield Node(op, options).case(name_of((a, b)), [numbers(rng, "bool", a), numbers(rng, "bool", b)], ["bool"])


# op, its options, the function's domain
FUNCTIONS = {
    "ABS": ("AbsOptions", (-9, 9)), "NEG": ("NegOptions", (-9, 9)), "SIGN": ("SignOptions", (-9, 9)), "EXP": ("ExpOptions", (-20, 20)),
    "LOG": (None, (0.001, 50)), "SIN": (None, (-9, 9)), "COS": ("CosOptions", (-9, 9)), "SQRT": (None, (0, 90)), "RSQRT": (None, (0.001, 90)),
    "SQUARE": ("SquareOptions", (-9, 9)), "FLOOR": (None, (-9, 9)), "CEIL": (None, (-9, 9)), "ROUND": (None, (-9, 9)), "RELU": (None, (-9, 9)),
    "RELU6": (None, (-9, 9)), "RELU_N1_TO_1": (None, (-3, 3)), "RELU_0_TO_1": (None, (-3, 3)), "ELU": (None, (-9, 9)), "TANH": (None, (-9, 9)),
    "LOGISTIC": (None, (-20, 20)), "HARD_SWISH": ("HardSwishOptions", (-9, 9)),
}
SHAPES = [(), (1,), (0,), (7,), (3, 5), (2, 3, 4), (1, 5, 7, 3), (2, 1, 3, 1, 5), (300,), (2, 0, 3)]


def functions(rng):
    for op, (options, (low, high)) in FUNCTIONS.items():
        node = Node(op, options)
        for shape in SHAPES:
            x = rng.uniform(low, high, shape).astype(np.float32)
            yield node.case(f"f32_{name_of((shape,))}", [x], ["float32"], tol=Close(3e-6, 1e-7))
        specials = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, -1e-40, 3e38, -3e38, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-8, -1e-8], np.float32)
        if op in ("LOG", "SQRT", "RSQRT"):
            specials = np.abs(specials)
        if op == "SIGN":  # of a NaN: 0 in the oracle, the NaN since
            specials = specials[1:]
        if op not in ("ELU", "EXP", "HARD_SWISH", "SIN", "COS"):  # the oracle has its own ideas of what is out of range, or traps
            yield node.case("f32_specials", [specials], ["float32"], tol=Close(3e-6, 1e-7))
    for t in ("int8", "int16", "int32", "int64"):
        yield Node("NEG", "NegOptions").case(t, [numbers(rng, t, (3, 40))], [t])
    yield Node("ABS", "AbsOptions").case("int32", [ints(rng, "int32", (40,), -2**31 + 1)], ["int32"])
    yield Node("ABS", "AbsOptions").case("int16_plain", [numbers(rng, "int16", (40,))], ["int16"])
    yield Node("SIGN", "SignOptions").case("int32", [ints(rng, "int32", (40,), -3, 3)], ["int32"])
    yield Node("SIGN", "SignOptions").case("float64", [numbers(rng, "float64", (40,))], ["float64"])
    yield Node("LOGICAL_NOT", "LogicalNotOptions").case("bool", [numbers(rng, "bool", (3, 7))], ["bool"])
    for t in ("float32", "int32", "int64"):
        yield Node("ZEROS_LIKE", "ZerosLikeOptions").case(t, [numbers(rng, t, (3, 7))], [t])
    for alpha in (0.1, 0.0, 1.5, -0.5):
        yield Node("LEAKY_RELU", "LeakyReluOptions").case(f"f32_{alpha}", [floats(rng, (5, 9))], ["float32"], {"alpha": alpha}, tol=TIGHT)
    for approximate in (False, True):
        for shape in SHAPES:
            x = rng.uniform(-7, 7, shape).astype(np.float32)
            yield Node("GELU", "GeluOptions", 2).case(f"f32_{approximate}_{name_of((shape,))}", [x], ["float32"], {"approximate": approximate}, tol=Close(3e-6, 1e-6))
    for a, b in (((2, 3, 4, 5), (5,)), ((2, 3, 4, 5), (1, 1, 5)), ((2, 3, 4, 5), (3, 4, 5)), ((6,), (6,)), ((2, 3), ()), ((2, 3, 4), (3, 1))):
        yield Node("PRELU").case(f"f32_{name_of((a, b))}", [floats(rng, a), const(floats(rng, b))], ["float32"], tol=TIGHT)


def quantized_functions(rng):
    def every(t):
        return np.arange(np.iinfo(t).min, np.iinfo(t).max + 1).astype(t) if t != "int16" else np.concatenate(
            [ints(rng, t, (700,)), np.array([-32768, 32767, 0, 1, -1], t)])

    clamps = ("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1")
    for op in clamps:
        for t in ("int8", "uint8") + (("int16",) if op in clamps[:2] else ()):
            for i in range(4):
                zi = zero_of(rng, t)
                s = float(rng.uniform(0.01, 0.1)) if t != "int16" else float(rng.uniform(1e-4, 1e-3))
                so, zo = (s, zi) if i == 0 else (s * float(rng.uniform(0.3, 2)), zero_of(rng, t))
                yield Node(op, None, 2 if op in clamps[:2] else 1).case(f"{t}_{i}", [quant(every(t), s, zi)], [t], quant=(so, zo))
    for t in ("int8", "uint8", "int16"):
        for i, alpha in enumerate((0.1, 0.7, 1.3, -0.3)):
            s, so = float(rng.uniform(0.01, 0.1)), float(rng.uniform(0.01, 0.1))
            yield Node("LEAKY_RELU", "LeakyReluOptions", 2).case(f"{t}_{i}", [quant(every(t), s, zero_of(rng, t))], [t], {"alpha": alpha}, quant=(so, zero_of(rng, t)))
        for i, (a, b) in enumerate((((4, 5, 6), (6,)), ((4, 60), (4, 60)), ((4, 5, 6), (1, 5, 1)))):
            ta = "int8" if t == "int16" else t
            yield Node("PRELU").case(f"{t}_{i}", [quant(ints(rng, t, a), 0.05, zero_of(rng, t)), quant(ints(rng, ta, b), 0.01, zero_of(rng, ta), True)], [t],
                                     quant=(0.04, zero_of(rng, t)))
        if t != "int16":
            for i in range(6):
                s = float(rng.uniform(0.01, 0.1))
                yield Node("TANH", None, 2).case(f"{t}_{i}", [quant(every(t), s, zero_of(rng, t))], [t], quant=(1 / 128, 0 if t == "int8" else 128))
                yield Node("LOGISTIC", None, 2).case(f"{t}_{i}", [quant(every(t), s, zero_of(rng, t))], [t], quant=(1 / 256, -128 if t == "int8" else 0))
                s = float(rng.uniform(0.02, 0.1))
                yield Node("HARD_SWISH", "HardSwishOptions").case(f"{t}_{i}", [quant(every(t), s, zero_of(rng, t))], [t],
                                                                  quant=(s * float(rng.uniform(0.4, 1.2)), zero_of(rng, t)))
        for approximate in (False, True):
            s = float(rng.uniform(0.01, 0.1)) if t != "int16" else 3e-4
            yield Node("GELU", "GeluOptions", 2).case(f"{t}_{approximate}", [quant(every(t), s, zero_of(rng, t))], [t], {"approximate": approximate},
                                                      quant=(s, zero_of(rng, t)))
    for i, s in enumerate((2.0**-12, 2.0**-11, 2.0**-10, 3e-4, 1e-3, 1e-5, 0.1)):
        yield Node("TANH", None, 3).case(f"int16_{i}", [quant(every("int16"), s, 0)], ["int16"], quant=(1 / 32768, 0))
        yield Node("LOGISTIC", None, 3).case(f"int16_{i}", [quant(every("int16"), s, 0)], ["int16"], quant=(1 / 32768, 0))
    for i in range(5):
        s, so, z = float(rng.uniform(0.01, 0.06)), float(rng.uniform(0.01, 0.06)), int(rng.integers(-128, 100))
        positive = np.arange(z, 128).astype(np.int8)
        yield Node("ABS", "AbsOptions", 2).case(f"int8_{i}", [quant(every("int8"), s, z)], ["int8"], quant=(s if i == 0 else so, zero_of(rng, "int8")))
        yield Node("EXP", "ExpOptions", 2).case(f"int8_{i}", [quant(every("int8"), s, z)], ["int8"], quant=(so * 4, zero_of(rng, "int8")))
        yield Node("LOG", None, 2).case(f"int8_{i}", [quant(every("int8"), s, z)], ["int8"], quant=(so, zero_of(rng, "int8")))
        yield Node("ELU").case(f"int8_{i}", [quant(every("int8"), s, z)], ["int8"], quant=(so, zero_of(rng, "int8")))
        yield Node("RSQRT", None, 2).case(f"int8_{i}", [quant(positive, s, z)], ["int8"], quant=(so, zero_of(rng, "int8")))
        yield Node("SQRT", None, 2).case(f"int8_{i}", [quant(positive, s, z)], ["int8"], quant=(so, zero_of(rng, "int8")))
        s, so = float(rng.uniform(1e-4, 4e-4)), float(rng.uniform(1e-4, 4e-4))
        positive = np.abs(every("int16")[:600]).astype(np.int16)
        positive[positive < 0] = 7
        yield Node("ABS", "AbsOptions", 2).case(f"int16_{i}", [quant(every("int16"), s, 0)], ["int16"], quant=(s if i == 0 else so, 0))
        yield Node("EXP", "ExpOptions", 2).case(f"int16_{i}", [quant(every("int16"), s / 4, 0)], ["int16"], quant=(so, 0))
        yield Node("LOG", None, 2).case(f"int16_{i}", [quant(every("int16"), s, 0)], ["int16"], quant=(so, 0))
        yield Node("RSQRT", None, 3).case(f"int16_{i}", [quant(positive, s, 0)], ["int16"], quant=(so * 8, 0))
        yield Node("SQRT", None, 2).case(f"int16_{i}", [quant(positive, s, 0)], ["int16"], quant=(so, 0))


CAST_TYPES = ["float32", "int32", "int64", "int8", "uint8", "int16", "uint16", "uint32", "bool", "float64", "float16", "complex64"]


def conversion(rng):
    for a in CAST_TYPES:
        for b in CAST_TYPES:
            if a in ("float32", "float64", "float16", "complex64"):
                x = (rng.standard_normal((3, 9)) * 30).astype(a)
                if b[0] == "u":
                    x = np.abs(x)
            else:
                x = numbers(rng, a, (3, 9)) if a == "bool" or b != "float16" else ints(rng, a, (3, 9), 0, 100)
            yield Node("CAST", "CastOptions", 4).case(f"{a}_{b}", [x], [b], {"inDataType": type_code(a), "outDataType": type_code(b)})
    for shape in SHAPES + [(1000,)]:
        yield Node("CAST", "CastOptions").case(f"shape_{name_of((shape,))}", [floats(rng, shape, 50)], ["int32"])
        yield Node("CAST", "CastOptions").case(f"shape_u8_{name_of((shape,))}", [ints(rng, "uint8", shape)], ["float32"])
    yield Node("CAST", "CastOptions", 6).case("int4_f32", [Arg(rng.integers(-8, 8, (5, 3)).astype(np.int8), True, "int4")], ["float32"])
    for a, b, x in (("float32", "int32", (3, 4)), ("int32", "float32", (3, 4)), ("int64", "int32", (3, 4)), ("int32", "int64", (3, 2)), ("float32", "int16", (5,)),
                    ("int16", "float32", (5, 2)), ("uint8", "int32", (3, 4))):
        yield Node("BITCAST", "BitcastOptions").case(f"{a}_{b}", [numbers(rng, a, x)], [b])


def quantization(rng):
    for t in ("int8", "uint8", "int16"):
        for i, shape in enumerate([(), (7,), (3, 300), (2, 3, 4, 5), (0, 3)]):
            s, z = float(rng.uniform(0.01, 0.1)) if t != "int16" else 1e-3, zero_of(rng, t)
            x = floats(rng, shape, 3)
            yield Node("QUANTIZE", "QuantizeOptions").case(f"{t}_{i}", [x], [t], quant=(s, z))
            yield Node("DEQUANTIZE", "DequantizeOptions", 2).case(f"{t}_{i}", [quant(ints(rng, t, shape), s, z)], ["float32"])
        halves = (np.arange(-300, 300) * 0.125).astype(np.float32)  # exact halves of a step of 0.25
        yield Node("QUANTIZE", "QuantizeOptions").case(f"{t}_halves", [halves], [t], quant=(0.25, zero_of(rng, t)))
        for axis in range(3):
            shape = (3, 4, 5)
            n = shape[axis]
            scales = rng.uniform(0.01, 0.1, n).astype(np.float32).tolist()
            zeros = [0 if t == "int16" else zero_of(rng, t) for _ in range(n)]
            if t != "int16":
                yield Node("DEQUANTIZE", "DequantizeOptions", 5).case(f"{t}_channel_{axis}", [Arg(ints(rng, t, shape), False, "", scales, zeros, axis)], ["float32"])
                yield Node("DEQUANTIZE", "DequantizeOptions", 5).case(f"{t}_channel_const_{axis}", [Arg(ints(rng, t, shape), True, "", scales, zeros, axis)], ["float32"])
    yield Node("DEQUANTIZE", "DequantizeOptions", 3).case("float16", [numbers(rng, "float16", (3, 41))], ["float32"])
    yield Node("DEQUANTIZE", "DequantizeOptions", 3).case("float16_const", [const(numbers(rng, "float16", (3, 41)))], ["float32"])
    yield Node("DEQUANTIZE", "DequantizeOptions", 6).case("int4", [Arg(rng.integers(-8, 8, (5, 3)).astype(np.int8), True, "int4", 0.1, 2)], ["float32"])
    yield Node("DEQUANTIZE", "DequantizeOptions", 6).case(
        "int4_channel", [Arg(rng.integers(-8, 8, (5, 3)).astype(np.int8), True, "int4", [0.1, 0.2, 0.3], [0, 0, 0], 1)], ["float32"])
    pairs = [("int8", "int8"), ("int8", "uint8"), ("uint8", "int8"), ("uint8", "uint8"), ("int16", "int8"), ("int16", "int16"),
             ("int16", "int32"), ("int32", "int8"), ("int32", "int16")]
    for a, b in pairs:
        for i in range(4):
            x = ints(rng, a, (5, 60)) if a != "int32" else ints(rng, a, (5, 60), -9999, 9999)
            s, za, zb = float(rng.uniform(0.01, 0.1)), zero_of(rng, a) if a != "int32" else 0, zero_of(rng, b) if b != "int32" else 0
            so = s * (float(rng.uniform(0.2, 4)) if i else 1)
            if i == 3 and {a, b} == {"int8", "uint8"}:
                so, za, zb = s, (0 if a == "int8" else 128), (128 if b == "uint8" else 0)
            yield Node("QUANTIZE", "QuantizeOptions", 3).case(f"{a}_{b}_{i}", [quant(x, s, za)], [b], quant=(so, zb))
    for bits in (4, 8, 16):
        for i, (low, high) in enumerate([(-3, 5), (0, 6), (-1, 0.5)]):
            yield Node("FAKE_QUANT", "FakeQuantOptions", 2).case(f"{bits}_{i}", [floats(rng, (3, 40), 3)], ["float32"],
                                                                 {"min": low, "max": high, "numBits": bits, "narrowRange": False}, tol=TIGHT)


def halves(rng):
    """float16 where TensorFlow 2.21 has it."""
    shape = (3, 41)
    x, y = rng.uniform(-3, 3, shape).astype(np.float16), rng.uniform(0.2, 3, (41,)).astype(np.float16)
    for op, options in (("MAXIMUM", "MaximumMinimumOptions"), ("MINIMUM", "MaximumMinimumOptions")):
        yield Node(op, options, 4).case("f16", [x, y], ["float16"], tol=HALF)


def cases(rng):
    for part in (arithmetic, quantized_arithmetic, binary, comparison, functions, quantized_functions, conversion, quantization, halves):
        yield from part(rng)
