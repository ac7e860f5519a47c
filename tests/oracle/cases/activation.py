# SPDX-License-Identifier: Apache-2.0
"""activation.py: functions of one value, activations among them, of floats and of quantized values; PRELU.

Quantized results must be equal. Those of float32 are within 3e-6 of the value, those of half floats within a unit in the
last place.
"""

import numpy as np

from case import Close
from onenode import Node, const, numbers, quant
from operands import (PAIRS, SHAPES, SPECIALS, TAILS, TIGHT, every, floats, ints, name_of, reals, specials, tolerance, values,
                      zero_ends, zero_of)

NEAR = Close(3e-6, 1e-7)


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
            yield node.case(f"f32_{name_of((shape,))}", [x], ["float32"], tol=NEAR)
        x = SPECIALS
        if op in ("LOG", "SQRT", "RSQRT"):  # of a negative number a NaN of either sign
            x = np.abs(x)
        if op == "SIGN":  # of a NaN: 0 in TensorFlow 2.21, the NaN in LiteRT
            x = x[1:]
        yield node.case("f32_specials", [x], ["float32"], tol=NEAR)
        for n in TAILS:
            yield node.case(f"f32_tail_{n}", [rng.uniform(low, high, n).astype(np.float32)], ["float32"], tol=NEAR)
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
    clamps = ("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1")
    for op in clamps:
        for t in ("int8", "uint8") + (("int16",) if op in clamps[:2] else ()):
            for i in range(4):
                zi = zero_of(rng, t)
                s = float(rng.uniform(0.01, 0.1)) if t != "int16" else float(rng.uniform(1e-4, 1e-3))
                so, zo = (s, zi) if i == 0 else (s * float(rng.uniform(0.3, 2)), zero_of(rng, t))
                yield Node(op, None, 2 if op in clamps[:2] else 1).case(f"{t}_{i}", [quant(every(rng, t), s, zi)], [t], quant=(so, zo))
    for t in ("int8", "uint8", "int16"):
        for i, alpha in enumerate((0.1, 0.7, 1.3, -0.3)):
            s, so = float(rng.uniform(0.01, 0.1)), float(rng.uniform(0.01, 0.1))
            yield Node("LEAKY_RELU", "LeakyReluOptions", 2).case(f"{t}_{i}", [quant(every(rng, t), s, zero_of(rng, t))], [t], {"alpha": alpha}, quant=(so, zero_of(rng, t)))
        for i, (a, b) in enumerate((((4, 5, 6), (6,)), ((4, 60), (4, 60)), ((4, 5, 6), (1, 5, 1)))):
            ta = "int8" if t == "int16" else t
            yield Node("PRELU").case(f"{t}_{i}", [quant(ints(rng, t, a), 0.05, zero_of(rng, t)), quant(ints(rng, ta, b), 0.01, zero_of(rng, ta), True)], [t],
                                     quant=(0.04, zero_of(rng, t)))
        if t != "int16":
            for i in range(6):
                s = float(rng.uniform(0.01, 0.1))
                yield Node("TANH", None, 2).case(f"{t}_{i}", [quant(every(rng, t), s, zero_of(rng, t))], [t], quant=(1 / 128, 0 if t == "int8" else 128))
                yield Node("LOGISTIC", None, 2).case(f"{t}_{i}", [quant(every(rng, t), s, zero_of(rng, t))], [t], quant=(1 / 256, -128 if t == "int8" else 0))
                s = float(rng.uniform(0.02, 0.1))
                yield Node("HARD_SWISH", "HardSwishOptions").case(f"{t}_{i}", [quant(every(rng, t), s, zero_of(rng, t))], [t],
                                                                  quant=(s * float(rng.uniform(0.4, 1.2)), zero_of(rng, t)))
        for approximate in (False, True):
            s = float(rng.uniform(0.01, 0.1)) if t != "int16" else 3e-4
            yield Node("GELU", "GeluOptions", 2).case(f"{t}_{approximate}", [quant(every(rng, t), s, zero_of(rng, t))], [t], {"approximate": approximate},
                                                      quant=(s, zero_of(rng, t)))
    for i, s in enumerate((2.0**-12, 2.0**-11, 2.0**-10, 3e-4, 1e-3, 1e-5, 0.1)):
        yield Node("TANH", None, 3).case(f"int16_{i}", [quant(every(rng, "int16"), s, 0)], ["int16"], quant=(1 / 32768, 0))
        yield Node("LOGISTIC", None, 3).case(f"int16_{i}", [quant(every(rng, "int16"), s, 0)], ["int16"], quant=(1 / 32768, 0))
    for i in range(5):
        s, so, z = float(rng.uniform(0.01, 0.06)), float(rng.uniform(0.01, 0.06)), int(rng.integers(-128, 100))
        positive = np.arange(z, 128).astype(np.int8)
        yield Node("ABS", "AbsOptions", 2).case(f"int8_{i}", [quant(every(rng, "int8"), s, z)], ["int8"], quant=(s if i == 0 else so, zero_of(rng, "int8")))
        yield Node("EXP", "ExpOptions", 2).case(f"int8_{i}", [quant(every(rng, "int8"), s, z)], ["int8"], quant=(so * 4, zero_of(rng, "int8")))
        yield Node("LOG", None, 2).case(f"int8_{i}", [quant(every(rng, "int8"), s, z)], ["int8"], quant=(so, zero_of(rng, "int8")))
        yield Node("ELU").case(f"int8_{i}", [quant(every(rng, "int8"), s, z)], ["int8"], quant=(so, zero_of(rng, "int8")))
        yield Node("RSQRT", None, 2).case(f"int8_{i}", [quant(positive, s, z)], ["int8"], quant=(so, zero_of(rng, "int8")))
        yield Node("SQRT", None, 2).case(f"int8_{i}", [quant(positive, s, z)], ["int8"], quant=(so, zero_of(rng, "int8")))
        s, so = float(rng.uniform(1e-4, 4e-4)), float(rng.uniform(1e-4, 4e-4))
        positive = np.abs(every(rng, "int16")[:600]).astype(np.int16)
        positive[positive < 0] = 7
        yield Node("ABS", "AbsOptions", 2).case(f"int16_{i}", [quant(every(rng, "int16"), s, 0)], ["int16"], quant=(s if i == 0 else so, 0))
        yield Node("EXP", "ExpOptions", 2).case(f"int16_{i}", [quant(every(rng, "int16"), s / 4, 0)], ["int16"], quant=(so, 0))
        yield Node("LOG", None, 2).case(f"int16_{i}", [quant(every(rng, "int16"), s, 0)], ["int16"], quant=(so, 0))
        yield Node("RSQRT", None, 3).case(f"int16_{i}", [quant(positive, s, 0)], ["int16"], quant=(so * 8, 0))
        yield Node("SQRT", None, 2).case(f"int16_{i}", [quant(positive, s, 0)], ["int16"], quant=(so, 0))


HALVES = {"NEG": ("float16", "bfloat16"), "FLOOR": ("float16", "bfloat16"), "ROUND": ("float16", "bfloat16"),
          "TANH": ("float16", "bfloat16"), "LOGISTIC": ("float16", "bfloat16")}


def halves(rng):
    """Half floats where TensorFlow 2.21 has them; the others are in test_elementwise_formulas.py."""
    for op, dtypes in HALVES.items():
        for t in dtypes:
            node = Node(op, FUNCTIONS[op][0], 3 if op in ("TANH", "LOGISTIC") else 1)
            for shape in SHAPES:
                yield node.case(f"{t}_{name_of((shape,))}", [reals(rng, t, -9, 9, shape)], [t], tol=tolerance(t))
            x = specials(t)
            if op == "ROUND":  # through float32 here, in the half's own arithmetic there: the same
                x = np.concatenate([x, (np.arange(-20, 20) / 4).astype(x.dtype)])
            yield node.case(f"{t}_specials", [x], [t], tol=tolerance(t))


def function_ends(rng):
    big = np.array([1e3, 1e4, 1e5, 1e6, 1e7, 1e9, 1e15, 1e20, 1e30, -3e38, 12345.678, np.pi, np.pi / 2], np.float32)
    for op, options in (("SIN", None), ("COS", "CosOptions")):
        yield Node(op, options).case("f32_large", [big], ["float32"], tol=NEAR)
    quarters = (np.arange(-40, 41) / 4).astype(np.float32)
    for op in ("FLOOR", "CEIL", "ROUND"):
        yield Node(op).case("f32_quarters", [np.concatenate([quarters, np.float32([2**22 + 0.5, -(2**22) - 0.5, 2**23 + 1, 0.49999997, -0.49999997])])],
                            ["float32"])
    for t in ("int8", "int16", "int32", "int64"):
        x = np.array([np.iinfo(t).min, np.iinfo(t).max, 0, 1, -1] * 7, t)
        yield Node("NEG", "NegOptions").case(f"{t}_ends", [x], [t])
        if t in ("int16", "int32"):
            yield Node("ABS", "AbsOptions", 3).case(f"{t}_ends", [x], [t])
            yield Node("ABS", "AbsOptions", 3).case(f"{t}_none", [x[:0]], [t])
    for t in ("int32", "float32", "float64"):
        for shape in SHAPES[:6]:
            yield Node("SIGN", "SignOptions", 2).case(f"{t}_{name_of((shape,))}_more", [numbers(rng, t, shape)], [t])
    for shape in SHAPES:
        yield Node("LOGICAL_NOT", "LogicalNotOptions").case(name_of((shape,)), [numbers(rng, "bool", shape)], ["bool"])
        for t in ("float32", "int32", "int64"):
            yield Node("ZEROS_LIKE", "ZerosLikeOptions").case(f"{t}_{name_of((shape,))}", [numbers(rng, t, shape)], [t])
        for alpha in (0.01, -0.3):
            yield Node("LEAKY_RELU", "LeakyReluOptions").case(f"f32_{alpha}_{name_of((shape,))}", [floats(rng, shape)], ["float32"], {"alpha": alpha}, tol=TIGHT)
    for alpha in (0.0, 0.1, -0.5, 1.0, 2.5, np.inf):
        yield Node("LEAKY_RELU", "LeakyReluOptions").case(f"f32_{alpha}_specials", [SPECIALS], ["float32"], {"alpha": alpha}, tol=TIGHT)
    for approximate in (False, True):
        yield Node("GELU", "GeluOptions", 2).case(f"f32_{approximate}_specials", [SPECIALS], ["float32"], {"approximate": approximate}, tol=Close(3e-6, 1e-6))
        for n in TAILS:
            yield Node("GELU", "GeluOptions", 2).case(f"f32_{approximate}_tail_{n}", [floats(rng, n)], ["float32"], {"approximate": approximate},
                                                      tol=Close(3e-6, 1e-6))
    for a, b in PAIRS:
        if np.broadcast_shapes(a, b) == a and len(a) <= 4:
            yield Node("PRELU").case(f"f32_computed_{name_of((a, b))}", [floats(rng, a), floats(rng, b)], ["float32"], tol=TIGHT)
    yield Node("PRELU").case("f32_specials", [SPECIALS, np.roll(SPECIALS, 4)], ["float32"], tol=TIGHT)


def quantized_ends(rng):
    """Zero points at the ends, scales up and down by orders of magnitude, tables that saturate."""
    def pairs(t):
        scales = [(0.1, 0.1), (0.05, 0.4), (0.4, 0.05), (3.0, 0.02), (0.001, 0.1)]
        for i, (s, so) in enumerate(scales):
            for j, zero in enumerate(zero_ends(t)):
                yield i, j, s if t != "int16" else s / 200, zero, so if t != "int16" else so / 200, zero_ends(t)[(i + j) % len(zero_ends(t))]

    functions = {"RELU": ("int8", "uint8", "int16"), "RELU6": ("int8", "uint8", "int16"), "RELU_N1_TO_1": ("int8", "uint8"), "RELU_0_TO_1": ("int8", "uint8"),
                 "TANH": ("int8", "uint8"), "ELU": ("int8",), "EXP": ("int8", "int16"), "LOG": ("int8", "int16"), "ABS": ("int8", "int16"),
                 "LEAKY_RELU": ("int8", "uint8", "int16"), "HARD_SWISH": ("int8", "uint8"), "GELU": ("int8", "uint8", "int16")}
    options = {"EXP": "ExpOptions", "ABS": "AbsOptions", "LEAKY_RELU": "LeakyReluOptions", "HARD_SWISH": "HardSwishOptions", "GELU": "GeluOptions"}
    versions = {"RELU_N1_TO_1": 1, "RELU_0_TO_1": 1, "ELU": 1, "HARD_SWISH": 1}
    for op, dtypes in functions.items():
        node = Node(op, options.get(op), versions.get(op, 2))
        for t in dtypes:
            for i, j, s, zero, so, other in pairs(t):
                given = {"alpha": (0.1, -0.7, 3.0, 0.0)[(i + j) % 4]} if op == "LEAKY_RELU" else {"approximate": bool((i + j) % 2)} if op == "GELU" else None
                if (op == "HARD_SWISH" and s / 128 > so) or (op == "EXP" and t == "int16" and s > 0.01):
                    continue
                yield node.case(f"{t}_ends_{i}_{j}", [quant(every(rng, t), s, zero)], [t], given, quant=(so, other))
            for shape in SHAPES[:6]:
                given = {"alpha": 0.2} if op == "LEAKY_RELU" else None
                yield node.case(f"{t}_shape_{name_of((shape,))}", [quant(ints(rng, t, shape), 0.05 if t != "int16" else 0.0005, 0)], [t], given,
                                quant=(0.06, 0))
    for t in ("int8", "uint8"):
        for i, j, s, zero, _, _ in pairs(t):
            yield Node("LOGISTIC", None, 2).case(f"{t}_ends_{i}_{j}", [quant(every(rng, t), s, zero)], [t], quant=(1 / 256, -128 if t == "int8" else 0))
    for s in (1e-10, 1e-7, 2.0**-13, 2.0**-9, 0.3, 1.0, 4.0):
        for op in ("TANH", "LOGISTIC"):
            yield Node(op, None, 3).case(f"int16_scale_{s:.3g}", [quant(every(rng, "int16"), s, 0)], ["int16"], quant=(1 / 32768, 0))
    for op in ("SQRT", "RSQRT"):
        for i, j, s, zero, so, other in pairs("int8"):
            positive = np.arange(zero, 128).astype(np.int8)
            yield Node(op, None, 2).case(f"int8_ends_{i}_{j}", [quant(positive, s, zero)], ["int8"], quant=(so, other))
        for i, j, s, zero, so, other in pairs("int16"):
            positive = np.concatenate([np.arange(0, 300), [32767, 20000]]).astype(np.int16)
            yield Node(op, None, 3 if op == "RSQRT" else 2).case(f"int16_ends_{i}", [quant(positive, s, 0)], ["int16"], quant=(so * (9 if op == "RSQRT" else 1), 0))
        yield Node(op, None, 2).case("int8_none", [quant(np.zeros((0, 2), np.int8), 0.1, 0)], ["int8"], quant=(0.1, 0))
    for t in ("int8", "uint8", "int16"):
        ta = "int8" if t == "int16" else t
        for i, j, s, zero, so, other in pairs(t):
            for k, (a, b) in enumerate([((3, 33), (33,)), ((2, 3, 4, 5), (1, 1, 5)), ((7,), ())][:1 + (j == 0) * 2]):
                alpha = quant(ints(rng, ta, b), 0.01 * (i + 1), zero_ends(ta)[i % 3], constant=k == 0)
                yield Node("PRELU").case(f"{t}_ends_{i}_{j}_{k}", [quant(ints(rng, t, a), s, zero), alpha], [t], quant=(so, other))


DIFFERS = {
    "EXP": "int16 whose function passes the largest float is at the output's limit; the reference gives 0.",
    "SIGN": "Of a NaN: the NaN, as in LiteRT 2.3; TensorFlow 2.21 says 0.",
    "LOGISTIC": "int16 with an input scale above 5.3 saturates; the reference's 32-bit product overflows and its answers are arbitrary.",
    "TANH": "int16 with an input scale above 5.3 saturates; the reference's 32-bit product overflows and its answers are arbitrary.",
}


def cases(rng):
    for part in (functions, quantized_functions, halves, function_ends, quantized_ends):
        yield from part(rng)
