# SPDX-License-Identifier: Apache-2.0
"""Cast between all dtypes, Bitcast."""
import ml_dtypes
import numpy as np

from elementwise import BF16, COMPLEX, FLOATS, INTEGERS, SHAPES, complexes, floats, ints, numbers
from tf_case import Case, Chain, R

NAMES = {np.float32: "float32", np.float64: "float64", np.float16: "float16", BF16: "bfloat16", np.complex64: "complex64",
         np.complex128: "complex128", bool: "bool", **{t: np.dtype(t).name for t in INTEGERS}}
QUANTIZED = ["qint8", "quint8", "qint16", "quint16", "qint32"]


def values(rng, dtype, shape, wide=True):
    if dtype is bool:
        return np.array(rng.integers(0, 2, shape), bool)
    if dtype in INTEGERS:
        return ints(rng, dtype, shape)
    if dtype in COMPLEX:
        x = complexes(rng, dtype, shape) * 40
        return np.array(x if wide else abs(x.real) + 1j * x.imag, dtype)
    return floats(rng, dtype, shape, -120, 120) if wide else floats(rng, dtype, shape, 0, 120)


def cases(rng):
    with np.errstate(over="ignore"):
        yield from all_cases(rng)


def all_cases(rng):
    for source in NAMES:
        for target, name in NAMES.items():
            # What bfloat16 gives for numbers that do not fit depends on the place in the tensor.
            unsigned = name.startswith("uint") and source in FLOATS + COMPLEX
            shape = SHAPES[rng.integers(len(SHAPES))]
            yield Case("Cast", [values(rng, source, shape, not unsigned)], {"DstT": name})
            yield Case("Cast", [values(rng, source, (20,), not unsigned)], {"DstT": name})
    # What does not fit, and NaN.
    x = np.array([np.nan, np.inf, -np.inf, 300, -300, 1e20, -1.5, 70000, -70000, 0.99, -0.99, 3e9, 1e10])
    for name in ["int8", "int16", "uint8", "uint16", "int32", "int64", "bool"]:
        for dtype in [np.float32, np.float64]:
            yield Case("Cast", [x.astype(dtype)], {"DstT": name})
    for name in ["float16", "bfloat16", "float32"]:
        y = np.concatenate([x, [1e300, 65519.0, 65520.0, 1e-8, 6e-8, 1.0009765625, 2.0 ** -25, 1e-40, 3.4028235677973366e38]])
        yield Case("Cast", [y], {"DstT": name})
        yield Case("Cast", [y.astype(np.float32)], {"DstT": name})
        yield Case("Cast", [np.array([2 ** 53 + 1, 2 ** 24 + 1, -2 ** 62 - 1, 65519, 65520, 2 ** 63 - 1])], {"DstT": name})
        yield Case("Cast", [np.array([2 ** 64 - 1, 2 ** 63 + 1025, 2 ** 24 + 1], np.uint64)], {"DstT": name})
    for source in [np.float32, np.float64]:
        for name in ["float16", "bfloat16"] + (["float32"] if source is np.float64 else []):
            yield Case("Cast", [floats(rng, source, (40,), -1000, 1000)], {"DstT": name, "Truncate": True})
    y = np.concatenate([x, rng.uniform(-500, 500, 200), rng.uniform(-0.1, 0.1, 100), [448, 464, 465, 480, 57344, 61440, 61439, 2 ** -9, 2 ** -10,
                        2 ** -17, 1.5 * 2 ** -17, 17, 19, 1.125, 1.0625]])
    for name in ["float8_e4m3fn", "float8_e5m2"]:
        for source in FLOATS:
            yield Case("Cast", [y.astype(source)], {"DstT": name})
        codes = np.arange(256).astype(np.uint8).view(getattr(ml_dtypes, name))
        for target in ["float32", "float64", "float16", "bfloat16", "int32", "float8_e5m2", "float8_e4m3fn"]:
            if target == "int32":
                codes = codes[:0x40]
            yield Case("Cast", [codes], {"DstT": target})
    for name in QUANTIZED:
        for source in [np.float32, np.int32, np.int8, np.uint8, np.int64]:
            x = rng.integers(-100, 100, 30)
            yield Chain([("q", "Cast", [x.astype(source)], {"DstT": name}), ("out", "Cast", [R("q")], {"DstT": "int32"})], ["out"])
    for name in ["int4", "uint4"]:
        for source in [np.int32, np.int8, np.uint8, np.int64, np.int16]:
            x = rng.integers(-8, 16, [7, 8, 600][rng.integers(3)])
            yield Chain([("q", "Cast", [x.astype(source)], {"DstT": name}), ("out", "Cast", [R("q")], {"DstT": "int32"})], ["out"])
    yield Case("Cast", [np.array([b"a", b"bc"], object)], {"DstT": "string"})
    yield Case("Cast", [np.array([b"a", b"bc"], object)], {"DstT": "int32"})
    sizes = {}
    for dtype in FLOATS + INTEGERS + COMPLEX:
        sizes.setdefault(np.dtype(dtype).itemsize, []).append(dtype)
    flat = [(d, s) for s, ds in sizes.items() for d in ds]
    for source, a in flat:
        for _ in range(3):
            target, b = flat[rng.integers(len(flat))]
            shape = (3, 2) if a >= b else (3, b // a)
            x = numbers(rng, source, shape)
            yield Case("Bitcast", [x], {"type": NAMES[target]}, tolerance="exact")
    yield Case("Bitcast", [np.zeros(3, np.int32)], {"type": "int64"})
    yield Case("Bitcast", [np.array(3, np.int32)], {"type": "float32"})
    for name in QUANTIZED[:2]:
        yield Chain([("q", "Bitcast", [np.array([1, 255, 7], np.uint8)], {"type": name}), ("out", "Bitcast", [R("q")], {"type": "int8"})],
                    ["out"])
