# SPDX-License-Identifier: Apache-2.0
"""quantize.py: QUANTIZE, DEQUANTIZE, the custom NumericVerify, and FAKE_QUANT.

Integers must be equal, and so must what they stand for.
"""

import numpy as np

from case import Case
from modelgen import ModelGen, flex
from onenode import Arg, Node, const, numbers, quant
from operands import SHAPES, SPECIALS, TAILS, TIGHT, every, floats, ints, name_of, zero_ends, zero_of


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


def from_floats(rng):
    """Zero points at the ends, values far outside, halves of a step; channels along every dimension."""
    node = Node("QUANTIZE", "QuantizeOptions", 1)
    halves = (np.arange(-300, 300) * 0.125).astype(np.float32)
    for t in ("int8", "uint8", "int16"):
        for i, scale in enumerate((1e-6, 0.01, 0.25, 3.0, 1e5)):
            for zero in zero_ends(t):
                # What is outside int32, and NaN, is at the limits here: test_elementwise_formulas.py.
                x = np.concatenate([floats(rng, (63,), 100 * scale), np.array([0, 1e9, -1e9, -0.0], np.float32) * np.float32(scale)])
                yield node.case(f"{t}_ends_{i}_{zero}", [x.astype(np.float32)], [t], quant=(scale, zero))
        for shape in SHAPES:
            yield node.case(f"{t}_shape_{name_of((shape,))}", [floats(rng, shape)], [t], quant=(0.02, zero_of(rng, t)))
        for n in TAILS + (257, 70001):
            yield node.case(f"{t}_tail_{n}", [floats(rng, (n,))], [t], quant=(0.02, zero_of(rng, t)))
        for shape in ((3, 4, 5), (1, 7), (33,), (2, 3, 1, 4)):
            for axis in range(len(shape)):
                n = shape[axis]
                zeros = [zero_of(rng, t) for _ in range(n)]
                yield channels(node, f"{t}_channel_{name_of((shape,))}_{axis}", floats(rng, shape) * 3, t, rng.uniform(0.01, 0.3, n), zeros, axis)
        yield channels(node, f"{t}_channel_halves", halves.reshape(4, 150), t, [0.25, 0.5, 0.125, 1.0], [0, 0, 0, 0], 0)
    for t, zeros in (("int4", (-8, 0, 7)),):  # of uint4 TensorFlow 2.21 says that it is int8
        for scale in (0.01, 0.5, 3.0):
            for zero in zeros:
                for n in (1, 2, 7, 256, 257):
                    yield Node("QUANTIZE", "QuantizeOptions", 4).case(f"{t}_{scale}_{zero}_{n}", [floats(rng, (n,), 3)], [t], quant=(scale, zero))


def channels(node, name, x, dtype, scales, zeros, axis):
    """A QUANTIZE whose output has a scale per channel: case() has one axis for all, 0."""
    g = ModelGen()
    a = g.tensor("x0", "float32", x.shape)
    b = g.tensor("y0", dtype, x.shape, scale=scales, zero=zeros, axis=axis)
    g.op("QUANTIZE", [a], [b], "QuantizeOptions", version=node.version)
    g.inputs([a])
    g.outputs([b])
    return Case(f"quantize_{name}", "QUANTIZE", g.build(), [x.astype(np.float32)])


def between(rng):
    """Requantization: scales equal, near, far apart; zero points at the ends; int32 at its ends."""
    pairs = [("int8", "int8"), ("int8", "uint8"), ("uint8", "int8"), ("uint8", "uint8"), ("int16", "int8"), ("int16", "int16"),
             ("int16", "int32"), ("int32", "int8"), ("int32", "int16")]
    for a, b in pairs:
        node = Node("QUANTIZE", "QuantizeOptions", 4)
        for i, (s, so) in enumerate([(0.1, 0.1), (0.1, 0.1001), (0.001, 0.1), (0.1, 0.001), (1.0, 3.0), (3e-5, 2e-5)]):
            for j, zero in enumerate(zero_ends(a) if a != "int32" else (0, 5, -100000)):
                if a == b == "int16":
                    zero, other = 0, 0
                else:
                    other = (zero_ends(b) if b != "int32" else (0,))[(i + j) % (len(zero_ends(b)) if b != "int32" else 1)]
                x = every(rng, a) if a != "int32" else np.concatenate([ints(rng, a, (60,), -70000, 70000), ints(rng, a, (9,), -300, 300)])
                yield node.case(f"more_{a}_{b}_{i}_{j}", [quant(x, s, zero)], [b], quant=(so, other))
        for shape in SHAPES[:8]:
            yield node.case(f"more_{a}_{b}_{name_of((shape,))}", [quant(ints(rng, a, shape, 0, 100), 0.1, 0)], [b], quant=(0.07, 0))
    x = np.array([-(2**31), 2**31 - 1, 0, 1, -1], np.int32)
    for b in ("int8", "int16"):
        yield Node("QUANTIZE", "QuantizeOptions", 4).case(f"ends_int32_{b}", [quant(x, 1e-6, 0)], [b], quant=(0.1, 0))


def to_floats(rng):
    node = Node("DEQUANTIZE", "DequantizeOptions", 2)
    for t in ("int8", "uint8", "int16"):
        for i, scale in enumerate((1e-6, 0.1, 1 / 3, 3.0, 1e30)):
            for zero in zero_ends(t):
                yield node.case(f"{t}_ends_{i}_{zero}", [quant(every(rng, t), scale, zero)], ["float32"])
        for shape in SHAPES:
            yield node.case(f"{t}_shape_{name_of((shape,))}", [quant(ints(rng, t, shape), 0.02, 0)], ["float32"])
        for n in TAILS + (70001,):
            yield node.case(f"{t}_tail_{n}", [quant(ints(rng, t, (n,)), 0.02, 0)], ["float32"])
        yield node.case(f"{t}_const", [quant(every(rng, t), 0.02, 0, constant=True)], ["float32"], steps=2)
    for t, low, high in (("int8", -128, 127), ("uint8", 0, 255), ("int4", -8, 7), ("int2", -2, 1)):
        for shape in ((3, 4, 5), (1, 7), (33,), (2, 3, 1, 4)):
            for axis in range(len(shape)):
                n = shape[axis]
                x = rng.integers(low, high, shape, endpoint=True).astype("uint8" if t == "uint8" else "int8")
                zeros = [int(z) for z in rng.integers(low, high, n, endpoint=True)]
                for constant in (False, True) if t[-1] == "8" else (True,):
                    yield Node("DEQUANTIZE", "DequantizeOptions", 7).case(
                        f"{t}_channel_{name_of((shape,))}_{axis}_{constant}", [Arg(x, constant, t, rng.uniform(0.01, 0.3, n), zeros, axis)], ["float32"])
    for t, low, high in (("int4", -8, 7), ("int2", -2, 1)):
        for i, shape in enumerate(((16,), (5, 3), (1,), (257,), (2, 3, 3), ())):
            x = rng.integers(low, high, shape, endpoint=True).astype(np.int8)
            yield Node("DEQUANTIZE", "DequantizeOptions", 7).case(f"{t}_shape_{i}", [Arg(x, True, t, 0.3, int(rng.integers(low, high)))], ["float32"])
    x = np.concatenate([SPECIALS.clip(-60000, 60000), [6e-8, 5.9e-5, 6.1e-5, np.inf, -np.inf, np.nan]]).astype(np.float16)
    for constant in (False, True):
        yield Node("DEQUANTIZE", "DequantizeOptions", 3).case(f"float16_specials_{constant}", [Arg(x, constant)], ["float32"])
    for shape in SHAPES:
        yield Node("DEQUANTIZE", "DequantizeOptions", 3).case(f"float16_shape_{name_of((shape,))}", [floats(rng, shape).astype(np.float16)], ["float32"])
    for n in TAILS:
        yield Node("DEQUANTIZE", "DequantizeOptions", 3).case(f"float16_tail_{n}", [floats(rng, (n,)).astype(np.float16)], ["float32"])


def fake(rng):
    x = np.concatenate([SPECIALS, floats(rng, (40,), 3)])
    for bits in (1, 2, 3, 7, 8, 12, 16):
        for i, (low, high) in enumerate([(-1, 1), (0, 6), (-6, 0), (-0.001, 1), (1, 5), (-5, -1), (-1e-3, 1e3), (0, 1e-6)]):
            yield Node("FAKE_QUANT", "FakeQuantOptions", 2).case(f"more_{bits}_{i}", [x], ["float32"], {"min": low, "max": high, "numBits": bits}, tol=TIGHT)
    for shape in SHAPES:
        yield Node("FAKE_QUANT", "FakeQuantOptions").case(name_of((shape,)), [floats(rng, shape)], ["float32"], {"min": -1.5, "max": 2.0, "numBits": 8}, tol=TIGHT)
    for value in (0.0, 2.0):  # no range: not a number, whatever comes
        yield Node("FAKE_QUANT", "FakeQuantOptions").case(f"no_range_{value}", [x], ["float32"], {"min": value, "max": value, "numBits": 8})


def verify(rng):
    """The difference between quantized values and floats."""
    node = Node("CUSTOM", prefix="numeric_verify")
    quiet = flex({"tolerance": 5.0, "log_if_failed": False})
    for t in ("int8", "uint8", "int16"):
        for shape in ((33,), (2, 3, 4), (), (0, 3)):
            x = ints(rng, t, shape)
            yield node.case(f"{t}_{name_of((shape,))}", [quant(x, 0.1, zero_of(rng, t)), floats(rng, shape, 5)], ["float32"], custom=("NumericVerify", quiet))
        zero = zero_of(rng, t)
        x = ints(rng, t, (50,))
        near = ((x.astype(np.float32) - zero) * np.float32(0.1) + rng.uniform(-0.04, 0.04, 50)).astype(np.float32)
        for tolerance in (0.5, 5.0):
            yield node.case(f"{t}_within_{tolerance}", [quant(x, 0.1, zero), near], ["float32"], custom=("NumericVerify", flex({"tolerance": tolerance, "log_if_failed": True})))
        yield node.case(f"{t}_small_tolerance", [quant(x, 0.1, zero), near + 9], ["float32"], custom=("NumericVerify", flex({"tolerance": 0.05, "log_if_failed": True})))
        yield node.case(f"{t}_const", [quant(x, 0.1, zero, constant=True), near], ["float32"], custom=("NumericVerify", quiet))
    yield node.case("float16", [floats(rng, (3, 9)).astype(np.float16), floats(rng, (3, 9))], ["float32"], custom=("NumericVerify", quiet))
    for axis in (0, 1):
        n = (3, 7)[axis]
        x = Arg(ints(rng, "int8", (3, 7)), False, "", rng.uniform(0.01, 0.2, n), [0] * n, axis)
        yield node.case(f"channel_{axis}", [x, floats(rng, (3, 7))], ["float32"], custom=("NumericVerify", quiet))
    yield node.case("no_options", [quant(ints(rng, "int8", (9,)), 0.1, 0), floats(rng, (9,))], ["float32"], custom=("NumericVerify", flex({})))


def rotate(rng):
    """Only LiteRT has it: test_elementwise_formulas.py compares values."""
    node = Node("CUSTOM", prefix="hadamard_rotation")
    for size in (1, 2, 8, 64, 128):
        options = flex({"hadamard_size": size, "random_binary_vector": [1] * size})
        for shape in ((3, 128), (2, 3, 256), (0, 128)):
            yield node.case(f"{size}_{name_of((shape,))}", [floats(rng, shape)], ["float32"], custom=("aeq.hadamard_rotation", options), shapes=[shape])


DIFFERS = {
    "QUANTIZE": "Values beyond int32 and infinities are at the output's limits, NaN at the lower one; the reference's conversion makes all of them the "
                "lower limit, or the upper one when the zero point is negative.",
    "HADAMARD_ROTATION": "TensorFlow 2.21 does not have it; compared with LiteRT 2.3 and its formula.",
    "DEQUANTIZE": "Values with blockwise scales are scaled by block; the reference knows no scale of them and gives zeros. Sparse constants are made "
                  "dense; the reference reads beyond what they keep.",
}


def cases(rng):
    for part in (quantization, from_floats, between, to_floats, fake):
        yield from part(rng)
    for case in verify(rng):
        case.op = "NUMERIC_VERIFY"
        yield case
    for case in rotate(rng):
        case.op = "HADAMARD_ROTATION"
        yield case
