# SPDX-License-Identifier: Apache-2.0
"""Matrix products, Einsum, biases."""
import ml_dtypes
import numpy as np

from tf_case import Case

BF16 = ml_dtypes.bfloat16
TOLERANCE = {np.float32: (1e-5, 1e-5), np.float64: (1e-12, 1e-12), np.float16: (1e-2, 1e-2), BF16: (5e-2, 5e-2),
             np.complex64: (1e-5, 1e-5), np.complex128: (1e-12, 1e-12)}


def values(rng, dtype, *shape):
    kind = np.dtype(dtype).kind
    if kind in "iu":
        info = np.iinfo(dtype)
        return rng.integers(max(info.min, -10**5), min(info.max, 10**5), shape).astype(dtype)
    x = rng.normal(size=shape)
    return (x + 1j * rng.normal(size=shape) if kind == "c" else x).astype(dtype)


def pair(rng, dtype, batch_x=(), batch_y=(), adj_x=False, adj_y=False, dtype_y=None):
    m, k, n = (int(rng.choice([1, 1, 2, 5, 17, 64])) for _ in range(3))
    if rng.random() < 0.1:
        m, k, n = rng.permutation([0, 3, 5])
    x = values(rng, dtype, *batch_x, *((k, m) if adj_x else (m, k)))
    return x, values(rng, dtype_y or dtype, *batch_y, *((n, k) if adj_y else (k, n)))


FLOATS = [np.float32] * 6 + [np.float64, np.float16, BF16]
OTHERS = [np.int32, np.int64, np.complex64, np.complex128]


def cases(rng):
    for dtype in (FLOATS + OTHERS) * 2:
        a, b = (bool(v) for v in rng.integers(0, 2, 2))
        x, y = pair(rng, dtype, (), (), a, b)
        yield Case("MatMul", [x, y], {"transpose_a": a, "transpose_b": b}, tolerance=TOLERANCE.get(dtype))
    for op in "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3":
        for dtype in FLOATS + OTHERS + ([np.int16] if op == "BatchMatMulV2" else []):
            a, b = (bool(v) for v in rng.integers(0, 2, 2))
            shapes = [((2,), (2,)), ((), ()), ((2, 3), (2, 3))] + ([] if op == "BatchMatMul" else [((2, 1), (3,)), ((3,), ()), ((1,), (4,))])
            if op == "BatchMatMulV3" and dtype == np.float16:
                continue
            x, y = pair(rng, dtype, *shapes[rng.integers(len(shapes))], a, b)
            attrs = {"adj_x": a, "adj_y": b}
            if op == "BatchMatMulV3":
                attrs["Tout"] = np.dtype(dtype).name
            yield Case(op, [x, y], attrs, tolerance=TOLERANCE.get(dtype))
    for x_dtype, y_dtype in (np.int8, np.int8), (np.uint8, np.int8), (np.int8, np.uint8), (np.uint8, np.uint8):
        x, y = pair(rng, x_dtype, (2,), (2,), dtype_y=y_dtype)
        yield Case("BatchMatMulV3", [x, y], {"Tout": "int32"})
    one = np.ones
    yield Case("MatMul", [one((2, 3), "f"), one((2, 3), "f")])
    yield Case("MatMul", [one((2, 3, 3), "f"), one((2, 3, 3), "f")])
    yield Case("BatchMatMulV2", [one((2, 3, 3), "f"), one((3, 3, 3), "f")])
    yield Case("BatchMatMul", [one((2, 3, 3), "f"), one((1, 3, 3), "f")])
    yield from einsum_cases(rng)
    yield from bias_cases(rng)


def einsum_cases(rng):
    extent = {c: int(n) for c, n in zip("abcdefghij", [2, 3, 4, 5, 6, 1, 3, 2, 4, 5])}

    def operand(dtype, labels):
        return values(rng, dtype, *(extent[c] for c in labels))
    equations = ["ab,bc->ac", "ab,cb->ac", "ba,bc->ca", "abc,cd->abd", "abc,cde->abde", "abcd,cde->abe",
                 "aecd,abcd->acbe", "acbe,aecd->abcd", "abc->cab", "abc->b", "aba->ab", "abb->a", "a->aa", "ab->aab",
                 "ab,ab->", "ab,ab->ab", "a,b->ab", "ab,c->a", "aab,bc->ac", "abc,bad->dc", "ab,->ab", ",->", "ab->",
                 "abcd,abce->dabe"]
    for equation in equations:
        terms = equation.split("->")[0].split(",")
        for dtype in [np.float32, rng.choice([np.float64, np.int32, np.int64, np.complex64])]:
            yield Case("Einsum", [[operand(dtype, t) for t in terms]], {"equation": equation, "N": len(terms)},
                       tolerance=TOLERANCE.get(dtype))
    for equation, shapes in [("...ab,...bc->...ac", [(2, 3, 4), (2, 4, 5)]), ("...ab,...bc->...ac", [(2, 1, 3, 4), (3, 4, 5)]),
                             ("...a->a...", [(2, 3, 4)]), ("a...,b...->ab...", [(2, 3), (4, 3)]), ("...a,ab->...b", [(3, 2, 5), (5, 2)]),
                             ("...a->...", [(3, 2, 5)]), ("...,...->...", [(3, 2), (2,)]), ("ab...,b->a...", [(3, 2, 4), (2,)])]:
        yield Case("Einsum", [[values(rng, np.float32, *s) for s in shapes]], {"equation": equation, "N": len(shapes)},
                   tolerance=(1e-5, 1e-5))
    for dtype in np.float16, BF16, np.complex128:
        yield Case("Einsum", [[operand(dtype, "abc"), operand(dtype, "cd")]], {"equation": "abc,cd->adb", "N": 2},
                   tolerance=TOLERANCE[dtype])
    one = np.ones((2, 3), "f")
    for bad in "a b->a", "abc->a", "ab", "ab,bc->ac", "a->a":
        yield Case("Einsum", [[one]], {"equation": bad, "N": 1})
    yield Case("Einsum", [[one, one]], {"equation": "ab,bc->ac", "N": 2})


def bias_cases(rng):
    for dtype in [np.float32] * 6 + [np.float64, np.float16, BF16, np.int8, np.uint8, np.int16, np.uint16, np.int32,
                                     np.uint32, np.int64, np.uint64, np.complex64, np.complex128]:
        shape = [int(n) for n in rng.integers(0 if rng.random() < 0.2 else 1, 6, rng.integers(2, 6))]
        yield Case("BiasAdd", [values(rng, dtype, *shape), values(rng, dtype, shape[-1])])
        yield Case("BiasAddV1", [values(rng, dtype, *shape), values(rng, dtype, shape[-1])])
        yield Case("BiasAddGrad", [values(rng, dtype, *shape)], tolerance=TOLERANCE.get(dtype))
        shape = [2, 3, 4, 5][:rng.integers(3, 5)]
        yield Case("BiasAdd", [values(rng, dtype, *shape), values(rng, dtype, 3)], {"data_format": "NCHW"})
        yield Case("BiasAddGrad", [values(rng, dtype, *shape)], {"data_format": "NCHW"}, tolerance=TOLERANCE.get(dtype))
    one = np.ones
    yield Case("BiasAdd", [one((3,), "f"), one((3,), "f")])
    yield Case("BiasAdd", [one((3, 4), "f"), one((3,), "f")])
    yield Case("BiasAdd", [one((3, 4), "f"), one((4, 1), "f")])
