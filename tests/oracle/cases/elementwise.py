# SPDX-License-Identifier: Apache-2.0
"""elementwise.py: arithmetic, comparison and logic of two operands, and ADD_N.

Integer results must be equal. Float ones are within 1e-6 or so of the value; half floats within a unit in the last place.
"""

import numpy as np

from case import Exact
from onenode import Node, const, numbers, quant, words
from operands import (FLOATS, PAIRS, SHORT, SPECIALS, TAILS, TIGHT, divisors, floats, ints, name_of, specials, tolerance, values,
                      zero_ends, zero_of)


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


ARITHMETIC = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions", "DIV": "DivOptions"}
# Ranks 5 and 6: both ways, in the middle, one against all.
HIGH = [((2, 3, 1, 2, 3), (2, 1, 4, 2, 3)), ((2, 1, 2, 1, 2, 3), (1, 3, 1, 2, 1, 3)), ((2, 2, 2, 2, 2, 2), (2,)), ((1,), (2, 1, 2, 1, 2, 2)),
        ((3, 1, 2, 1, 2, 1), (3, 1, 2, 1, 2, 1)), ((2, 2, 1, 1, 3, 3), (2, 2, 5, 4, 1, 1))]


def arithmetic_ends(rng):
    """Ranks, odd lengths, activations of every type, the ends of integers, what is no number."""
    finite = np.nan_to_num(SPECIALS, nan=2.0, posinf=3e37, neginf=-3e37).clip(-1e18, 1e18)
    for op, options in ARITHMETIC.items():
        node = Node(op, options, version=1)
        for a, b in HIGH if op != "DIV" else HIGH[:1]:
            yield node.case(f"f32_{name_of((a, b))}", [floats(rng, a), floats(rng, b) + np.float32(9)], ["float32"], tol=TIGHT)
            yield node.case(f"i32_{name_of((a, b))}", [ints(rng, "int32", a, -99, 99), ints(rng, "int32", b, 1, 9)], ["int32"])
        for n in TAILS:
            yield node.case(f"f32_tail_{n}", [floats(rng, (n,)), floats(rng, (n,)) + np.float32(9)], ["float32"],
                            {"fusedActivationFunction": n % 4}, tol=TIGHT)
        for act in range(4):
            # Infinite results are at the largest float in the reference, infinities here: test_elementwise_formulas.py.
            other = np.roll(finite, 7)
            if op == "DIV":
                other = np.where(np.abs(other) < 1e-10, 3, other).astype(np.float32)
            yield node.case(f"f32_act{act}_specials", [finite, other], ["float32"],
                            {"fusedActivationFunction": act}, tol=TIGHT)
            yield node.case(f"f32_act{act}_nan", [np.array([np.nan, 1, np.nan, 2] * 5, np.float32), np.array([1, np.nan, np.nan, 2] * 5, np.float32)],
                            ["float32"], {"fusedActivationFunction": act}, tol=TIGHT)
            for t in ("int16", "int32", "int64", "uint32"):
                takes = {"int16": ("ADD", "MUL"), "int32": ARITHMETIC, "int64": ("ADD", "SUB", "MUL"), "uint32": ("MUL",)}[t]
                if op in takes and (t, act) != ("uint32", 2):  # -1 is the largest uint32
                    x, y = ints(rng, t, (5, 8)), ints(rng, t, (5, 8))
                    x[0, :4], y[0, :4] = (np.iinfo(t).min, np.iinfo(t).max, np.iinfo(t).min, 0), (1, 1, np.iinfo(t).min, 5)
                    if op == "DIV":
                        y = np.where((y == 0) | (y == -1), 3, y).astype(t)
                    yield node.case(f"{t}_act{act}_ends", [x, y], [t], {"fusedActivationFunction": act})
                    yield node.case(f"{t}_act{act}_small", [ints(rng, t, (33,), 0, 9), ints(rng, t, (33,), 1, 9)], [t], {"fusedActivationFunction": act})
    for t in ("int16", "int32", "uint32", "int64", "complex64"):
        for a, b in SHORT[:8]:
            yield Node("MUL", "MulOptions", 5).case(f"{t}_{name_of((a, b))}", [values(rng, t, a), values(rng, t, b)], [t], tol=TIGHT)
    for a, b in SHORT[:8]:
        yield Node("ADD", "AddOptions", 4).case(f"int16_{name_of((a, b))}", [ints(rng, "int16", a), ints(rng, "int16", b)], ["int16"])
        yield Node("MUL", "MulOptions", 2).case(f"const_{name_of((a, b))}", [const(floats(rng, a)), const(floats(rng, b))], ["float32"], tol=TIGHT)


def quantized_ends(rng):
    """Zero points at the ends, scales that differ by orders of magnitude, every activation, products scaled up."""
    scales = {"ADD": [(0.1, 0.001, 0.1), (0.001, 0.1, 0.05), (3.0, 2.0, 0.5), (1e-4, 1e-4, 1e-3), (0.5, 0.5, 0.001)],
              "SUB": [(0.1, 0.001, 0.1), (0.001, 0.1, 0.05), (3.0, 2.0, 0.5), (1e-4, 1e-4, 1e-3), (0.5, 0.5, 0.001)],
              "MUL": [(0.1, 0.001, 0.01), (0.5, 0.5, 0.01), (3.0, 2.0, 0.5), (1e-3, 1e-3, 1.0), (1.0, 1.0, 1e-3)],
              "DIV": [(0.1, 0.001, 1.0), (0.5, 0.5, 0.1), (3.0, 2.0, 0.5), (1e-3, 1.0, 1e-4)]}
    for op, options in ARITHMETIC.items():
        node = Node(op, options, version=2)
        for t in ("int8", "uint8", "int16"):
            for i, (sa, sb, so) in enumerate(scales[op]):
                for j, zero in enumerate(zero_ends(t)):
                    act = (i + j) % 4
                    x, y = ints(rng, t, (3, 65)), ints(rng, t, (65,) if i % 2 else (3, 65))
                    other = zero_ends(t)[(i + j) % len(zero_ends(t))]
                    if op == "DIV":
                        y = np.where((y == other) | (y == 0), 77, y).astype(t)
                    given = {"fusedActivationFunction": act}
                    if op in ("ADD", "SUB"):
                        given["potScaleInt16"] = False
                    yield node.case(f"{t}_ends_{i}_{j}", [quant(x, sa, zero), quant(y, sb, other)], [t], given, quant=(so, zero))
            for a, b in HIGH if op != "DIV" else HIGH[:1]:
                y = ints(rng, t, b, 5, 100)
                yield node.case(f"{t}_{name_of((a, b))}", [quant(ints(rng, t, a), 0.03, zero_of(rng, t)), quant(y, 0.02, 0)], [t],
                                {"potScaleInt16": False} if op in ("ADD", "SUB") else None, quant=(0.05, zero_of(rng, t)))
            for n in TAILS[:6]:
                y = ints(rng, t, (n,), 5, 100)
                yield node.case(f"{t}_tail_{n}", [quant(ints(rng, t, (n,)), 0.03, zero_of(rng, t)), quant(y, 0.02, 0)], [t],
                                {"potScaleInt16": False} if op in ("ADD", "SUB") else None, quant=(0.05, zero_of(rng, t)))
    for op, options in (("ADD", "AddOptions"), ("SUB", "SubOptions")):
        for i, (a, b, sa, sb, so, act) in enumerate([((5, 9), (9,), 12, 12, 12, 0), ((5, 1), (1, 9), 12, 14, 12, 1), ((2, 3), (2, 3), 13, 12, 12, 2),
                                                     ((33,), (33,), 11, 11, 11, 3), ((), (7,), 15, 15, 15, 0)]):
            if op == "ADD" and a != b:
                continue  # the reference's kernel for powers of two does not broadcast
            yield Node(op, options, 3).case(f"int16_pot_more_{i}", [quant(ints(rng, "int16", a), 2.0**-sa, 0), quant(ints(rng, "int16", b), 2.0**-sb, 0)],
                                            ["int16"], {"potScaleInt16": True, "fusedActivationFunction": act}, quant=(2.0**-so, 0))
        yield Node(op, options, 3).case("int16_not_pot", [quant(ints(rng, "int16", (7, 9)), 3e-4, 0), quant(ints(rng, "int16", (9,)), 2.0**-12, 0)],
                                        ["int16"], {"potScaleInt16": True}, quant=(7e-4, 0))
    for t in ("int8", "uint8"):
        for act in range(4):
            yield Node("MUL", "MulOptions", 2).case(
                f"int16_to_{t}_act{act}", [quant(ints(rng, "int16", (3, 17)), 2.0**-15, 0), quant(ints(rng, "int16", (3, 17)), 2.0**-15, 0)], [t],
                {"fusedActivationFunction": act}, quant=(1 / 128, zero_of(rng, t)))
    node = Node("SQUARED_DIFFERENCE", "SquaredDifferenceOptions", 2)
    for i, (sa, sb, so) in enumerate([(0.1, 0.1, 2.0), (0.1, 0.001, 1.0), (0.001, 0.1, 0.5), (2.0, 3.0, 900.0), (0.02, 0.02, 0.001)]):
        for j, zero in enumerate(zero_ends("int8")):
            yield node.case(f"int8_ends_{i}_{j}", [quant(ints(rng, "int8", (5, 33)), sa, zero), quant(ints(rng, "int8", (33,)), sb, zero_ends("int8")[(i + j) % 3])],
                            ["int8"], quant=(so, zero))


def binary_ends(rng):
    for op in ("MAXIMUM", "MINIMUM"):
        node = Node(op, "MaximumMinimumOptions", 4)
        for t in ("float16", "bfloat16"):
            for a, b in SHORT:
                yield node.case(f"{t}_{name_of((a, b))}", [values(rng, t, a), values(rng, t, b)], [t])
            x = specials(t)
            yield node.case(f"{t}_specials", [x, np.roll(x, 1)], [t])
        for n in (1, -1, 5):
            yield node.case(f"f32_specials_{n}", [SPECIALS, np.roll(SPECIALS, n)], ["float32"])
        for t in ("int8", "uint8"):  # values as they are, whatever the scales say
            yield node.case(f"{t}_quantized", [quant(ints(rng, t, (5, 7)), 0.1, 3), quant(ints(rng, t, (7,)), 0.1, 3)], [t], quant=(0.1, 3))
        for a, b in HIGH[:1]:
            yield node.case(f"f32_{name_of((a, b))}", [floats(rng, a), floats(rng, b)], ["float32"])
    node = Node("SQUARED_DIFFERENCE", "SquaredDifferenceOptions")
    yield node.case("i32_wraps", [ints(rng, "int32", (40,)), ints(rng, "int32", (40,))], ["int32"])
    yield node.case("f32_specials", [SPECIALS, np.roll(SPECIALS, 3)], ["float32"], tol=TIGHT)
    for op, options in (("FLOOR_DIV", "FloorDivOptions"), ("FLOOR_MOD", "FloorModOptions")):
        node = Node(op, options, 2)
        for t in ("int8", "int16", "int32") + (("int64",) if op == "FLOOR_MOD" else ()):
            low, high = np.iinfo(t).min, np.iinfo(t).max
            y = np.array([1, -2, 3, low, high, 7, -7, high, -3, 2], t)
            for k in range(3):
                yield node.case(f"{t}_ends_{k}", [np.roll(np.array([low, high, 0, -1, 1, 6, -6, 7, low, -8], t), k), y], [t])
            yield node.case(f"{t}_tail", [ints(rng, t, (33,)), divisors(rng, t, (33,))], [t])
        halves = np.array([7.5, -7.5, 6, -6, 1e30, -1e30, 0, -0.0, np.inf, np.nan], np.float32)
        for k in range(4):
            yield node.case(f"f32_ends_{k}", [halves, np.roll(np.array([2.5, -2.5, 3, -3, 1e-30, 7, np.inf, -np.inf, 0.5, -0.5], np.float32), k)],
                            ["float32"], tol=TIGHT)
    yield Node("FLOOR_MOD", "FloorModOptions").case("f32_by_0", [floats(rng, (9,)), np.zeros(9, np.float32)], ["float32"])
    yield from powers(rng)
    for t in FLOATS:
        for shape in ((), (1,), (0,), (33,), (2, 3, 4)):
            yield Node("ATAN2", "ATan2Options").case(f"{t}_{name_of((shape,))}", [values(rng, t, shape), values(rng, t, shape)], [t], tol=tolerance(t))
        x = specials(t)
        for k in (1, 4, 9):
            yield Node("ATAN2", "ATan2Options").case(f"{t}_specials_{k}", [x, np.roll(x, k)], [t], tol=tolerance(t))
    for op, options in (("BITWISE_XOR", "BitwiseXorOptions"), ("RIGHT_SHIFT", "RightShiftOptions")):
        for t in ("int8", "uint8", "int16", "uint16", "int32", "uint32"):
            width = np.iinfo(t).bits
            counts = [0, 1, width - 1, width, width + 1, np.iinfo(t).max] + ([-1, np.iinfo(t).min] if t[0] == "i" else [])
            x = np.repeat(np.array([np.iinfo(t).min, np.iinfo(t).max, 1, 0x55], t), len(counts))
            yield Node(op, options).case(f"{t}_ends", [x, np.array(counts * 4).astype(t)], [t])
            yield Node(op, options).case(f"{t}_tail", [ints(rng, t, (33,)), ints(rng, t, (33,), 0, width)], [t])
    for n in (2, 3, 4, 7):
        for shape in ((), (1,), (0, 3), (33,), (2, 3, 4, 5)):
            yield Node("ADD_N", "AddNOptions").case(f"f32_{n}_{name_of((shape,))}", [floats(rng, shape) for _ in range(n)], ["float32"], tol=TIGHT)
        yield Node("ADD_N", "AddNOptions").case(f"i32_{n}_wraps", [ints(rng, "int32", (3, 11)) for _ in range(n)], ["int32"])


def powers(rng):
    node = Node("POW", "PowOptions")
    base = floats(rng, (5, 9))
    for exponent in (1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 2.000005, 3.99999, 1e10, -2.0, -3.0, 2.5, np.inf, np.nan):
        x = base if np.isfinite(exponent) and abs(exponent - np.round(exponent)) < 1e-4 else np.abs(base)
        yield node.case(f"f32_by_{exponent}", [x.clip(-1, 1) if exponent > 1e9 else x, np.array(exponent, np.float32)], ["float32"], tol=TIGHT)
        yield node.case(f"f32_all_{exponent}", [np.abs(base), np.full((5, 9), exponent, np.float32)], ["float32"], tol=TIGHT)
    x = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 0.5, -2.0, 2.0], np.float32)
    for k in range(0, 10, 2):
        yield node.case(f"f32_specials_{k}", [x, np.roll(x, k)], ["float32"], tol=TIGHT)
    wide = ints(rng, "int32", (3, 7), -2000, 2000)
    for exponent in (0, 1, 2, 3, 6, 31):  # one exponent: products wrap; otherwise what does not fit is the least int32
        for shape in ((), (1,), (1, 1, 1)):
            yield node.case(f"i32_by_{exponent}_{name_of((shape,))}", [wide, np.full(shape, exponent, np.int32)], ["int32"])
        yield node.case(f"i32_row_{exponent}", [wide, np.full(7, exponent, np.int32)], ["int32"])
        yield node.case(f"i32_all_{exponent}", [wide, np.full((3, 7), exponent, np.int32)], ["int32"])


def stablehlo(rng):
    ops = {"STABLEHLO_ADD": np.add, "STABLEHLO_MULTIPLY": np.multiply, "STABLEHLO_MAXIMUM": np.maximum, "STABLEHLO_MINIMUM": np.minimum}
    every_type = ("float32", "float16", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool")
    for op in ops:
        node = Node(op)
        for t in every_type:
            for shape in ((33,), (2, 3, 4), ()):
                yield node.case(f"{t}_{name_of((shape,))}", [values(rng, t, shape), values(rng, t, shape)], [t], tol=tolerance(t))
        for t in ("float32", "float16", "float64"):
            x = specials(t)
            for k in (1, -1, 4):
                yield node.case(f"{t}_specials_{k}", [x, np.roll(x, k)], [t], tol=tolerance(t))
        for t in ("int8", "uint8", "int16"):  # quantization is not looked at
            yield node.case(f"{t}_quantized", [quant(ints(rng, t, (17,)), 0.1, 0), quant(ints(rng, t, (17,)), 0.3, 0)], [t], quant=(0.7, 0))


def comparison_ends(rng):
    ops = {"EQUAL": "EqualOptions", "NOT_EQUAL": "NotEqualOptions", "LESS": "LessOptions", "LESS_EQUAL": "LessEqualOptions",
           "GREATER": "GreaterOptions", "GREATER_EQUAL": "GreaterEqualOptions"}
    for op, options in ops.items():
        node = Node(op, options, version=1)
        for t in ("float16",) + (("bfloat16",) if op in ("LESS", "GREATER") else ()):
            for a, b in SHORT[:6]:
                x, y = rng.integers(-3, 4, a).astype(values(rng, t, ()).dtype), rng.integers(-3, 4, b).astype(values(rng, t, ()).dtype)
                yield node.case(f"{t}_{name_of((a, b))}", [x, y], ["bool"])
            x = specials(t)
            yield node.case(f"{t}_specials", [x, np.roll(x, 1)], ["bool"])
        for k in (1, -1, 4):
            yield node.case(f"f32_specials_{k}", [SPECIALS, np.roll(SPECIALS, k)], ["bool"])
        for t in ("int32", "int64", "int16"):
            if (op, t) != ("NOT_EQUAL", "int16"):
                x = np.array([np.iinfo(t).min, np.iinfo(t).max, 0, -1, 1], t)
                yield node.case(f"{t}_ends", [np.repeat(x, 5), np.tile(x, 5)], ["bool"])
        for n in TAILS[:6]:
            yield node.case(f"f32_tail_{n}", [rng.integers(-2, 3, (n,)).astype(np.float32), rng.integers(-2, 3, (n,)).astype(np.float32)], ["bool"])
        for t in ("int8", "uint8", "int16"):
            for i, (sa, sb) in enumerate([(0.1, 0.1), (0.9, 0.001), (0.001, 0.9), (1e-4, 1e-4), (0.5, 0.25), (0.99, 0.99)]):
                for j, zero in enumerate(zero_ends(t)):
                    x, y = ints(rng, t, (3, 33)), ints(rng, t, (3, 33))
                    y[:2] = x[:2]
                    yield node.case(f"q_{t}_ends_{i}_{j}", [quant(x, sa, zero), quant(y, sb, zero_ends(t)[(i + j) % len(zero_ends(t))])], ["bool"])
        if op in ("EQUAL", "LESS"):
            x, y = ints(rng, "int16", (33,)), ints(rng, "int16", (33,), 0, 9)
            y[:20] = x[:20]
            yield node.case("int16_left_plain", [x, quant(y, 0.1, 0)], ["bool"])  # the left operand decides
    for op in ("EQUAL", "NOT_EQUAL"):
        node = Node(op, ops[op], version=3)
        for a, b in SHORT[:8]:
            if () in (a, b):
                continue  # TensorFlow's set_tensor makes other bytes of a single string
            x, y = words(rng, a), words(rng, b)
            for i in np.ndindex(*a):
                x[i] = x[i][:1]
            for i in np.ndindex(*b):
                y[i] = y[i][:1]
            yield node.case(f"strings_{name_of((a, b))}", [x, y], ["bool"])
        odd = np.array([b"", b"\0", b"a\0b", b"a\0c", "µ".encode(), b"aa"], object)
        yield node.case("strings_bytes", [np.repeat(odd, 6), np.tile(odd, 6)], ["bool"])
        yield node.case("strings_const", [const(odd), np.roll(odd, 1)], ["bool"])
        yield node.case("strings_none", [np.empty((0, 3), object), np.empty((0, 3), object)], ["bool"])
    for op, options in (("LOGICAL_AND", "LogicalAndOptions"), ("LOGICAL_OR", "LogicalOrOptions")):
        for n in TAILS:
            yield Node(op, options).case(f"tail_{n}", [values(rng, "bool", (n,)), values(rng, "bool", (n,))], ["bool"])


DIFFERS = {
    **dict.fromkeys(ARITHMETIC, "An infinite result stays infinite, as XNNPACK has it; the reference kernels without an activation, or with RELU, give "
                    "the largest float."),
    "SUB": "An infinite result stays infinite, as XNNPACK has it; the reference gives the largest float. Quantized differences whose output scale is "
           "so small that they are scaled up are clamped to the output's range; the reference shifts by a negative count.",
    **dict.fromkeys(("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"),
                    "8-bit values (for EQUAL and NOT_EQUAL quantized int16, too) with scales of 1 and more are compared by their real values; the reference "
                    "shifts by a negative count and its answers are arbitrary."),
}
for op in ("MUL", "DIV"):
    DIFFERS[op] += " 8-bit values without quantization have the scale 1; the reference has a scale of 0 and gives zeros."
DIFFERS["NOT_EQUAL"] += " int16 without quantization is compared as stored; the reference writes nothing."


def cases(rng):
    for part in (arithmetic, quantized_arithmetic, binary, comparison, arithmetic_ends, quantized_ends, binary_ends, stablehlo, comparison_ends):
        yield from part(rng)
