# SPDX-License-Identifier: Apache-2.0
"""sparse.py: sparse tensors: order, shape, parts, arithmetic."""

import numpy as np
from tf_case import Case

from variable import values

NUMBERS = ["float32", "float64", "int8", "int32", "int64", "complex64"]
ANY = NUMBERS + ["bool", "string", "uint8"]
SHAPES = [(5,), (4, 3), (3, 4, 2), (1, 6), (7, 1), (2, 2, 2, 2)]


def i64(v):
    return np.array(v, "int64")


def sparse(rng, dtype, shape, density=0.4, order=True):
    mask = rng.random(shape) < density
    indices = np.argwhere(mask).astype("int64").reshape(-1, len(shape))
    if not order:
        indices = rng.permutation(indices)
    return [indices, values(rng, dtype, (len(indices),)), i64(shape)]


def structure(rng):
    for n, dtype in enumerate(ANY * 3):
        shape = SHAPES[n % len(SHAPES)]
        yield Case("SparseReorder", sparse(rng, dtype, shape, order=False))
        s = sparse(rng, dtype, shape)
        start = i64([rng.integers(0, d) for d in shape])
        size = i64([rng.integers(0, d + 2) for d in shape])
        yield Case("SparseSlice", [*s, start, size])
        axis = int(rng.integers(len(shape)))
        k = int(rng.integers(1, shape[axis] + 1))
        yield Case("SparseSplit", [i64(axis - (len(shape) if n % 2 else 0)), *s], {"num_split": k})
        others = [list(shape) for _ in range(3)]
        for o in others:
            o[axis] = int(rng.integers(1, 5))
        parts = [sparse(rng, dtype, o) for o in others]
        yield Case("SparseConcat", [[p[0] for p in parts], [p[1] for p in parts], [p[2] for p in parts]], {"concat_dim": axis})
        yield Case("SparseFillEmptyRows", [*sparse(rng, dtype, shape, 0.15), values(rng, dtype, ())])
        for index in ("int32", "int64"):
            d = sparse(rng, dtype, shape)
            yield Case("SparseToDense", [d[0].astype(index), d[2].astype(index), d[1], values(rng, dtype, ())])
            yield Case("SparseToDense", [d[0].astype(index), d[2].astype(index), values(rng, dtype, ()), values(rng, dtype, ())])
    for old, new in [((4, 6), (2, 12)), ((4, 6), (-1, 3)), ((24,), (2, 3, 4)), ((2, 3, 4), (24,)), ((3, 4), (-1,)), ((0, 3), (3, 0)), ((4, 6), (5, 5)),
                     ((4, 6), (-1, -1)), ((4, 6), (-1, 5)), ((2, 2), (4, 1, 1)), ((5, 0), (0, 7)), ((4,), (2, 2, -1))]:
        s = sparse(rng, "float32", old)
        yield Case("SparseReshape", [s[0], s[2], i64(new)])
    yield Case("SparseToDense", [i64(3), i64([5]), np.float32(2) + np.zeros((), "float32"), np.zeros((), "float32")])
    yield Case("SparseToDense", [i64([3, 1]), i64([5]), values(rng, "float32", (2,)), np.zeros((), "float32")])
    yield Case("SparseToDense", [i64([3, 1]), i64([5]), values(rng, "float32", (2,)), np.zeros((), "float32")], {"validate_indices": False})
    yield Case("SparseToDense", [i64([3, 5]), i64([5]), values(rng, "float32", (2,)), np.zeros((), "float32")])
    yield Case("SparseToDense", [i64([1, 1]), i64([5]), values(rng, "float32", (2,)), np.zeros((), "float32")])
    yield Case("SparseToDense", [i64([[1, 1]]), i64([5]), values(rng, "float32", (1,)), np.zeros((), "float32")])
    f = "float32"
    yield Case("SparseFillEmptyRows", [i64([[0, 1], [5, 0]]), values(rng, f, (2,)), i64([3, 2]), values(rng, f, ())])
    yield Case("SparseFillEmptyRows", [i64([[2, 1], [0, 0], [2, 0]]), values(rng, f, (3,)), i64([4, 2]), values(rng, f, ())])
    yield Case("SparseFillEmptyRows", [np.zeros((0, 2), "int64"), values(rng, f, (0,)), i64([0, 2]), values(rng, f, ())])
    yield Case("SparseFillEmptyRows", [np.zeros((0, 2), "int64"), values(rng, f, (0,)), i64([3, 2]), values(rng, f, ())])
    for dtype in ("float32", "int32", "float64", "int64"):
        for n in range(3):
            g = values(rng, dtype, (6,))
            yield Case("SparseFillEmptyRowsGrad", [rng.permutation(6)[:2 * n].astype("int64"), g])
    yield Case("SparseFillEmptyRowsGrad", [i64([7]), values(rng, f, (3,))])
    s = sparse(rng, f, (4, 3), 1)
    yield Case("SparseSplit", [i64(2), *s], {"num_split": 1})
    yield Case("SparseSplit", [i64(0), *s], {"num_split": 5})
    yield Case("SparseConcat", [[s[0]] * 2, [s[1]] * 2, [i64([4, 3]), i64([4, 4])]], {"concat_dim": 0})
    yield Case("SparseConcat", [[s[0]] * 2, [s[1]] * 2, [s[2]] * 2], {"concat_dim": 2})


def arithmetic(rng):
    for n, dtype in enumerate(["float32", "float64", "int32", "int64", "int16", "uint8"] * 4):
        shape = SHAPES[1:][n % 5]
        axes = rng.permutation(len(shape))[:int(rng.integers(1, len(shape) + 1))].astype("int32")
        if n % 3 == 0:
            axes = axes - len(shape)
        for op in ("SparseReduceSum", "SparseReduceMax"):
            keep = {"keep_dims": bool(n % 2)}
            yield Case(op, [*sparse(rng, dtype, shape), axes.astype("int32")], keep)
            yield Case(op + "Sparse", [*sparse(rng, dtype, shape), axes.astype("int32")], keep)
    for n, dtype in enumerate(["float32", "float64", "int32", "int64", "complex64", "complex128"] * 3):
        shape = SHAPES[n % 6]
        a, b = sparse(rng, dtype, shape), sparse(rng, dtype, shape)
        real = {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)
        yield Case("SparseAdd", [*a, *b, np.array([0, 1, 3][n % 3], real)])
        if "complex" not in dtype:
            yield Case("SparseSparseMaximum", [*a, *b])
            yield Case("SparseSparseMinimum", [*a, *b])
        for index in ("int32", "int64"):
            yield Case("SparseTensorDenseAdd", [a[0].astype(index), a[1], a[2].astype(index), values(rng, dtype, shape)])
        dense = [d if rng.integers(2) else 1 for d in shape][int(rng.integers(len(shape))):]
        for op in ("Mul", "Add", "Div"):
            yield Case(f"SparseDenseCwise{op}", [*a, values(rng, dtype, dense, True)])
    for n, dtype in enumerate(["float32", "float64", "int32", "complex64", "complex128"] * 4):
        m, k, c = [int(i) for i in rng.integers(1, 7, 3)]
        aa, ab = bool(n & 1), bool(n & 2)
        a = sparse(rng, dtype, (k, m) if aa else (m, k))
        yield Case("SparseTensorDenseMatMul", [a[0].astype("int32" if n % 3 == 0 else "int64"), a[1], a[2], values(rng, dtype, (c, k) if ab else (k, c))],
                   {"adjoint_a": aa, "adjoint_b": ab})
    for n, dtype in enumerate(["float32", "float64"] * 6):
        yield Case("SparseSoftmax", sparse(rng, dtype, SHAPES[1:][n % 5], 0.6))
    a = sparse(rng, "float32", (3, 4), 0.5)
    yield Case("SparseSoftmax", sparse(rng, "float32", (5,)))
    yield Case("SparseReduceSum", [*a, np.array([2], "int32")])
    yield Case("SparseAdd", [*a, *sparse(rng, "float32", (4, 3)), np.float32(0) + np.zeros((), "float32")])
    yield Case("SparseTensorDenseMatMul", [*a, values(rng, "float32", (3, 2))])
    yield Case("SparseTensorDenseMatMul", [i64([[3, 0]]), values(rng, "float32", (1,)), i64([3, 4]), values(rng, "float32", (4, 2))])
    yield Case("SparseDenseCwiseMul", [*a, values(rng, "float32", (3, 1, 4))])
    yield Case("SparseDenseCwiseMul", [*a, values(rng, "float32", (3,))])
    yield Case("SparseTensorDenseAdd", [*a, values(rng, "float32", (4, 3))])


def crosses(rng):
    for n in range(24):
        batch, hashed = int(rng.integers(1, 5)), bool(n % 2)
        columns = [sparse(rng, ["int64", "string"][rng.integers(2)], (batch, 3), 0.6) for _ in range(n % 3)]
        dense = [values(rng, ["int64", "string"][rng.integers(2)], (batch, int(rng.integers(1, 4)))) for _ in range(1 + n % 2)]
        attrs = {"hashed_output": hashed, "num_buckets": [0, 100][n % 4 // 2], "hash_key": 956888297470, "out_type": "int64" if hashed else "string",
                 "internal_type": "int64" if hashed else "string"}
        yield Case("SparseCross", [[c[0] for c in columns], [c[1] for c in columns], [c[2] for c in columns], dense], attrs)
    a = sparse(rng, "int64", (3, 2))
    attrs = {"hashed_output": True, "num_buckets": 5, "hash_key": 1, "out_type": "int64", "internal_type": "int64"}
    yield Case("SparseCross", [[a[0]], [a[1]], [a[2]], [values(rng, "int64", (4, 1))]], attrs)


def gradients(rng):
    for n in range(16):
        dtype, index = ["float32", "float64"][n % 2], ["int32", "int64"][n // 2 % 2]
        rows, inner = int(rng.integers(1, 5)), [(), (3,), (2, 2)][n % 3]
        ids = np.sort(rng.integers(0, rows, 6)).astype("int32")
        for op in ("Sum", "Mean", "SqrtN"):
            yield Case(f"SparseSegment{op}Grad", [values(rng, dtype, (rows,) + inner), rng.integers(0, 5, 6).astype(index), ids, np.array(5, "int32")])
        shape = SHAPES[n % 6]
        a, b = sparse(rng, dtype, shape), sparse(rng, dtype, shape)
        both = np.unique(np.concatenate([a[0], b[0]]), axis=0)
        keep = both[rng.random(len(both)) < 0.8]
        yield Case("SparseAddGrad", [values(rng, dtype, (len(keep),)), a[0], b[0], keep])
    for bad in ([9, 0], [-1, 0]):
        yield Case("SparseSegmentSumGrad", [values(rng, "float32", (2,)), np.array(bad, "int32"), np.array([0, 1], "int32"), np.array(3, "int32")])
    for n, dtype in enumerate(["int32", "int64", "float32", "float64"] * 4):
        index = ["int32", "int64"][n % 2]
        shape = [(6,), (3, 4)][n // 2 % 2]
        s = sparse(rng, "int32", shape, 0.7)
        v = rng.integers(0, 6, len(s[1])).astype(index)
        w = values(rng, dtype, (len(v) if n % 3 else 0,))
        yield Case("SparseBincount", [s[0], v, s[2], np.array(5, index), w], {"binary_output": n % 5 == 0})
        splits = np.sort(np.concatenate([[0, len(v)], rng.integers(0, len(v) + 1, 3)])).astype("int64")
        yield Case("RaggedBincount", [splits, v, np.array(5, index), w], {"binary_output": n % 5 == 0})
    yield Case("RaggedBincount", [i64([0, 3]), np.array([1, 2], "int32"), np.array(5, "int32"), np.zeros(0, "float32")])
    yield Case("RaggedBincount", [i64([0, 2]), np.array([1, -2], "int32"), np.array(5, "int32"), np.zeros(0, "float32")])


def cases(rng):
    yield from gradients(rng)
    yield from crosses(rng)
    yield from structure(rng)
    yield from arithmetic(rng)
