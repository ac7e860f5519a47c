# SPDX-License-Identifier: Apache-2.0
"""Random numbers: seeded and stateless results are TensorFlow's, bit for bit."""
import ml_dtypes
import numpy as np

from tf_case import Case, Chain, R

FLOATS = ["float32", "float64", "float16", "bfloat16"]
SHAPES = [[], [0], [1], [3], [4], [5], [2, 3], [7, 0, 2], [4, 3, 2], [1031], [33, 129]]


def seed(rng, dtype):
    return rng.integers(-2**31, 2**31, 2).astype(dtype) if dtype == "i4" else rng.integers(-2**62, 2**62, 2)


def shape(rng):
    return np.array(SHAPES[rng.integers(len(SHAPES))], rng.choice(["i4", "i8"]))


def key_counter(rng):
    return rng.integers(0, 2**63, 1).astype("u8"), rng.integers(0, 2**63, 2).astype("u8")


def limits(rng, dtype):
    wide = 2**30 if dtype == "int32" else 2**62
    low, high = sorted(int(i) for i in rng.integers(-wide, wide, 2))
    return np.array(low, dtype), np.array(high + 1, dtype)



def stateless(rng):
    for op in ("StatelessRandomUniform", "StatelessRandomNormal", "StatelessTruncatedNormal"):
        for i, dtype in enumerate(FLOATS * 3):
            tolerance = "exact" if op.endswith("Uniform") or dtype not in ("float64", "float32") else None
            if i % 6:
                yield Case(op, [shape(rng), seed(rng, "i4" if i % 2 else "i8")], {"dtype": dtype}, tolerance)
            key, counter = key_counter(rng)
            yield Case(op + "V2", [shape(rng), key, counter, np.int32(rng.choice([1, 3]))], {"dtype": dtype}, tolerance)
    for dtype in ["int32", "int64"] * 6:
        key, counter = key_counter(rng)
        yield Case("StatelessRandomUniformInt", [shape(rng), seed(rng, "i8"), *limits(rng, dtype)], {"dtype": dtype})
        yield Case("StatelessRandomUniformIntV2", [shape(rng), key, counter, np.int32(1), *limits(rng, dtype)],
                   {"dtype": dtype})
    for dtype in ["int32", "int64", "uint32", "uint64"] * 3:
        key, counter = key_counter(rng)
        yield Case("StatelessRandomUniformFullInt", [shape(rng), seed(rng, "i8")], {"dtype": dtype})
        yield Case("StatelessRandomUniformFullIntV2", [shape(rng), key, counter, np.int32(1)], {"dtype": dtype})
    for i in range(10):
        yield Case("StatelessRandomGetKeyCounter", [seed(rng, "i4" if i % 2 else "i8")])
        yield Case("StatelessRandomGetKeyCounterAlg", [seed(rng, "i4" if i % 2 else "i8")])
        yield Case("StatelessRandomGetAlg", [])
        only = lambda want, got, inputs: "" if want[0].shape == got[0].shape and want[0].dtype == got[0].dtype else "differs"
        yield Case("NonDeterministicInts", [shape(rng)], {"dtype": ["int32", "int64", "uint32", "uint64"][i % 4]}, check=only)
    key, counter = key_counter(rng)
    one = np.array([3], "i4")
    yield Case("StatelessRandomUniform", [np.array([3, -1], "i4"), seed(rng, "i4")], {"dtype": "float32"})
    yield Case("StatelessRandomUniform", [np.int32(3), seed(rng, "i4")], {"dtype": "float32"})
    yield Case("StatelessRandomUniform", [one, np.arange(3)], {"dtype": "float32"})
    yield Case("StatelessRandomUniformInt", [one, np.arange(2), np.int32(3), np.int32(3)], {"dtype": "int32"})
    yield Case("StatelessRandomUniformInt", [one * 0, np.arange(2), np.int32(3), np.int32(2)], {"dtype": "int32"})
    yield Case("StatelessRandomUniformV2", [one, key, counter, np.int32(2)], {"dtype": "float32"})


def legacy(rng):
    """Twice each, since the generator goes on."""
    for op in ("RandomUniform", "RandomStandardNormal", "TruncatedNormal"):
        for dtype in FLOATS * 3:
            a = {"dtype": dtype, "seed": int(rng.integers(1, 2**40)), "seed2": int(rng.integers(0, 2**40))}
            tolerance = "exact" if op.endswith("Uniform") or dtype not in ("float64", "float32") else None
            s = shape(rng)
            yield Chain([("a", op, [s], a), ("b", op, [s], a)], ["a"], tolerance)
    for dtype in ["int32", "int64"] * 6:
        yield Case("RandomUniformInt", [shape(rng), *limits(rng, dtype)],
                   {"Tout": dtype, "seed": int(rng.integers(1, 2**40)), "seed2": int(rng.integers(0, 2**40))})
    for dtype in ("f4", "f8", "i4", "u1", "c16", "?", "f2", "i8", "f4", "i2"):
        for s in ([7], [int(rng.integers(0, 9)), 3], []):
            value = rng.integers(0, 100, s).astype(dtype)
            yield Case("RandomShuffle", [value], {"seed": int(rng.integers(1, 99)), "seed2": int(rng.integers(99))})
    yield Case("RandomShuffle", [np.array([b"a", b"bcd", b"", b"efgh" * 9], object)], {"seed": 3, "seed2": 4})
    for dtype in ("f4", "f8", "f2", ml_dtypes.bfloat16) * 3:
        logits = rng.normal(0, 2, (rng.integers(1, 4), rng.integers(1, 9))).astype(dtype)
        a = {"output_dtype": str(rng.choice(["int32", "int64"]))}
        n = np.int32(rng.integers(0, 20))
        yield Case("Multinomial", [logits, n], {**a, "seed": int(rng.integers(1, 99)), "seed2": int(rng.integers(99))})
        yield Case("StatelessMultinomial", [logits, n, seed(rng, "i8")], a)
    yield Case("Multinomial", [np.array([[0, -np.inf, np.inf, np.nan]], "f4"), np.int32(9)], {"seed": 1, "seed2": 2})
    yield Case("Multinomial", [np.zeros((2, 0), "f4"), np.int32(9)], {"seed": 1, "seed2": 2})
    yield Case("Multinomial", [np.zeros(2, "f4"), np.int32(9)], {"seed": 1, "seed2": 2})
    yield Case("Multinomial", [np.zeros((1, 2), "f4"), np.int32(-1)], {"seed": 1, "seed2": 2})


def samples(rng):
    for dtype in ("f4", "f8", "f2") * 4:
        alpha = rng.choice([0.1, 0.5, 1.0, 1.5, 3.0, 20.0], rng.integers(1, 4, rng.integers(0, 3))).astype(dtype)
        s = np.array(rng.integers(0, 6, rng.integers(1, 3)), "i4")
        a = {"seed": int(rng.integers(1, 99)), "seed2": int(rng.integers(99))}
        yield Case("RandomGamma", [s, alpha], a, (1e-2, 1e-3) if alpha.itemsize == 2 else None)
        full = np.array([*s, *alpha.shape], "i4")
        yield Case("StatelessRandomGammaV2", [full, seed(rng, "i4"), alpha], {}, (1e-2, 1e-3) if alpha.itemsize == 2 else None)
        key, counter = key_counter(rng)
        yield Case("StatelessRandomGammaV3", [full, key, counter, np.int32(1), alpha], {},
                   (1e-2, 1e-3) if alpha.itemsize == 2 else None)
    for rate_type in ("f4", "f8", "f2", "i4", "i8"):
        for dtype in ("float16", "float32", "float64", "int32", "int64"):
            rate = rng.choice([0, 1, 3, 9, 11, 30, 100], rng.integers(1, 4, rng.integers(0, 3))).astype(rate_type)
            s = np.array(rng.integers(0, 6, rng.integers(1, 3)), "i4")
            a = {"seed": int(rng.integers(1, 99)), "seed2": int(rng.integers(99)), "dtype": dtype}
            yield Case("RandomPoissonV2", [s, rate], a)
            yield Case("StatelessRandomPoisson", [np.array([*s, *rate.shape], "i4"), seed(rng, "i8"), rate], {"dtype": dtype})
    for i in range(12):
        rate = rng.choice([0, 1, 3, 9, 11, 30, 100], rng.integers(1, 4, rng.integers(0, 3))).astype(["f4", "f8", "f2"][i % 3])
        yield Case("RandomPoisson", [np.array([3], "i4"), rate], {"seed": int(rng.integers(1, 99)), "seed2": i})
    yield Case("StatelessRandomGammaV2", [np.array([3, 2], "i4"), seed(rng, "i4"), np.ones(3, "f4")])


def shuffles(rng):
    for dtype in ("f4", "f8", "i4", "u1", "c16", "?", "f2", "i8", "f4", "i2"):
        for s in ([7], [int(rng.integers(0, 9)), 3], []):
            key, counter = key_counter(rng)
            yield Case("StatelessShuffle", [rng.integers(0, 100, s).astype(dtype), key, counter, np.int32(1)])
    for dtype in ("i4", "i8", "u4", "u8"):
        for top in (0, 1, 9, 255, 70000, 2**31 - 2):
            n = int(rng.integers(1, 4))
            index = rng.integers(0, top + 1, n).astype(dtype)
            one = rng.integers(0, 2**30, 3).astype(str(rng.choice(["i4", "u4", "i8", "u8"])))
            yield Case("RandomIndexShuffle", [index, one, np.array(top, dtype)], {"rounds": int(rng.choice([4, 8]))})
            yield Case("RandomIndexShuffle", [index[0], one, np.array(top, dtype)])


def stateful(rng):
    for op in ("StatefulUniform", "StatefulStandardNormalV2", "StatefulTruncatedNormal"):
        for i, dtype in enumerate(FLOATS * 3):
            yield variable(rng, i, op, dtype, [], "exact" if op.endswith("Uniform") else None)
    for i, dtype in enumerate(["int32", "int64"] * 6):
        yield variable(rng, i, "StatefulUniformInt", dtype, list(limits(rng, dtype)), None)
    for i, dtype in enumerate(["int32", "int64", "uint32", "uint64"] * 3):
        yield variable(rng, i, "StatefulUniformFullInt", dtype, [], None)
    for i in range(10):
        state = rng.integers(-2**62, 2**62, 3)
        name = f"random_skip_{i}"
        yield Chain([("h", "VarHandleOp", [], {"dtype": "int64", "shape": [3], "shared_name": name}),
                     (None, "AssignVariableOp", [R("h"), state]),
                     ("a", "RngReadAndSkip", [R("h"), np.int32(1), np.uint64(rng.integers(0, 2**60))]),
                     (None, "RngSkip", [R("h"), np.int64(1), np.int64(rng.integers(0, 2**40))]),
                     ("b", "ReadVariableOp", [R("h")], {"dtype": "int64"})], ["a", "b"])


def variable(rng, i, op, dtype, more, tolerance):
    """Draws twice from a generator in a variable and reads it afterwards."""
    state = rng.integers(-2**62, 2**62, 3)
    draw = [R("h"), np.int64(1), shape(rng), *more]
    return Chain([("h", "VarHandleOp", [], {"dtype": "int64", "shape": [3], "shared_name": f"random_{op}_{i}"}),
                  (None, "AssignVariableOp", [R("h"), state]), ("a", op, draw, {"dtype": dtype}),
                  ("b", op, draw, {"dtype": dtype}), ("c", "ReadVariableOp", [R("h")], {"dtype": "int64"})],
                 ["a", "b", "c"], tolerance)


def cases(rng):
    yield from stateless(rng)
    yield from legacy(rng)
    yield from samples(rng)
    yield from shuffles(rng)
    yield from stateful(rng)
