# SPDX-License-Identifier: Apache-2.0
"""cast.py: CAST between all pairs of types, packed integers among them, and BITCAST.

Values are those that both types have, or that a conversion rounds or wraps; floats that an integer type does not have are
in test_elementwise_formulas.py, where LiteRT 2.3 and TensorFlow 2.21 disagree. Results must be equal.
"""

import ml_dtypes
import numpy as np

from case import Close
from modelgen import type_code
from onenode import Arg, Node, const, numbers
from operands import SHAPES, TAILS, every, floats, ints, name_of

TYPES = ["float32", "int32", "int64", "int8", "uint8", "int16", "uint16", "uint32", "bool", "float64", "float16", "bfloat16", "complex64"]
WITH_FRACTION = ("float32", "float64", "float16", "bfloat16", "complex64")


def array_dtype(name):
    return ml_dtypes.bfloat16 if name == "bfloat16" else np.dtype(name)


def source(rng, a, b, shape):
    """Values of type a that can become b."""
    if a in WITH_FRACTION:
        limit = {"int8": 120, "uint8": 250}.get(b, 3000)
        x = rng.uniform(0 if b[0] == "u" else -limit, limit, shape)
        return (x + 1j * rng.uniform(-9, 9, shape) if a == "complex64" else x).astype(array_dtype(a))
    if a == "bool" or b not in ("float16", "bfloat16"):
        return numbers(rng, a, shape)
    return ints(rng, a, shape, 0, min(60000, np.iinfo(a).max))


def every_pair(rng):
    for a in TYPES:
        for b in TYPES:
            node = Node("CAST", "CastOptions", 7)
            codes = {"inDataType": type_code(a), "outDataType": type_code(b)}
            for shape in ((), (5, 13), (2, 0, 3)):
                yield node.case(f"{a}_{b}_{name_of((shape,))}", [source(rng, a, b, shape)], [b], codes, tol=Close(0, 0))
            yield node.case(f"{a}_{b}_const", [const(source(rng, a, b, (3, 7)))], [b], codes)
    # More elements than one piece of the work, and than one thread's share.
    for a, b in (("float32", "int32"), ("int8", "float64"), ("float64", "float16"), ("int64", "bfloat16"), ("uint8", "float32"), ("float32", "float16")):
        for n in (255, 256, 257, 100003):
            yield Node("CAST", "CastOptions").case(f"{a}_{b}_{n}", [source(rng, a, b, (n,))], [b])


def ends(rng):
    for a in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64"):
        info = np.iinfo(a)
        x = np.array([info.min, info.max, 0, 1, info.max - 1, info.max // 2, info.min // 2], a)
        for b in TYPES:
            yield Node("CAST", "CastOptions").case(f"ends_{a}_{b}", [x], [b])
    halfway = np.array([2**24 + 1, 2**24 + 3, -(2**24) - 1, 2**53 + 1, 2**53 + 3, 2**62 + 1, 3, 5], np.int64)
    for b in ("float32", "float64", "float16", "bfloat16", "complex64"):
        yield Node("CAST", "CastOptions").case(f"rounds_int64_{b}", [halfway], [b])
    finite = np.array([0.0, -0.0, 1e-40, 6e-8, 3e-8, 65504, 65519.9, 65520, 70000, -70000, 3e38, 1.0009765625, 1.00048828125, 1.001, np.inf, -np.inf], np.float64)
    for a in ("float32", "float64"):
        with np.errstate(over="ignore"):
            x = finite.astype(a)
        for b in ("float16", "bfloat16", "float32", "bool", "complex64"):
            yield Node("CAST", "CastOptions").case(f"rounds_{a}_{b}", [x], [b])
    for a in ("float32", "float16", "float64", "bfloat16"):
        x = np.array([np.nan, 1.0, 0.0, -np.nan], np.float32).astype(array_dtype(a))
        for b in ("float32", "float64", "bool", "float16"):
            yield Node("CAST", "CastOptions").case(f"nan_{a}_{b}", [x], [b])
    for n in TAILS:
        yield Node("CAST", "CastOptions").case(f"tail_u8_{n}", [ints(rng, "uint8", (n,))], ["float32"])
        yield Node("CAST", "CastOptions").case(f"tail_f16_{n}", [floats(rng, (n,)).astype(np.float16)], ["float32"])


def packed(rng):
    # TensorFlow 2.21 says of uint4 that it is int8 and makes no int2: test_elementwise_formulas.py.
    for t, low, high in (("int4", -8, 7), ("int2", -2, 1)):
        for shape in ((16,), (5, 3), (1,), (7,), (2, 3, 3), (257,)):
            x = rng.integers(low, high, shape, endpoint=True).astype(np.int8)
            yield Node("CAST", "CastOptions", 7).case(f"{t}_f32_{name_of((shape,))}", [Arg(x, True, t)], ["float32"])
    values = np.array([-8.9, -8, -7.5, -1.5, -0.5, 0, 0.5, 1.5, 6.5, 7, 7.9, 100, -100], np.float32)
    yield Node("CAST", "CastOptions", 7).case("f32_int4", [values], ["int4"])
    yield Node("CAST", "CastOptions", 7).case("f32_int4_257", [floats(rng, (257,), 5)], ["int4"])


def bitcast(rng):
    node = Node("BITCAST", "BitcastOptions")
    sizes = {"int8": 1, "uint8": 1, "bool": 1, "int16": 2, "uint16": 2, "float16": 2, "int32": 4, "uint32": 4, "float32": 4, "int64": 8, "uint64": 8,
             "float64": 8, "complex64": 8}
    for a, from_size in sizes.items():
        for b, to_size in sizes.items():
            if "bool" in (a, b) and a != b:
                continue  # a bool that is neither true nor false
            shape = (3, to_size // from_size) if to_size > from_size else (3, 2)
            yield node.case(f"{a}_{b}", [numbers(rng, a, shape)], [b])
    for shape in SHAPES:
        yield node.case(f"f32_i32_{name_of((shape,))}", [floats(rng, shape)], ["int32"])
        yield node.case(f"f32_i16_{name_of((shape,))}", [floats(rng, shape)], ["int16"])
        yield node.case(f"i16_f32_{name_of((shape,))}", [numbers(rng, "int16", (*shape, 2))], ["float32"])
    yield node.case("const", [const(every(rng, "int8").reshape(8, 8, 4))], ["int32"])


DIFFERS = {
    "CAST": "Floats that an integer type does not have are at its limits, NaN at the upper one, as in LiteRT 2.3; TensorFlow 2.21 gives what the "
            "processor does.",
}


def cases(rng):
    for part in (every_pair, ends, packed, bitcast):
        yield from part(rng)
