# SPDX-License-Identifier: Apache-2.0
"""scatter.py: ops that take or put values by indices, with every dtype, and what NumPy makes of them (as in move.py)."""

import re

import numpy as np

from cases.move import ALL, NUMBERS, WHOLE, Maker, arg, value, zero_of
from onenode import const, i32, numbers

DIFFERS = {
    "GATHER": "All dtypes, strings of any rank, and int4 in rows of an odd length, of which the reference loses halves of bytes.",
    "SPARSE_TO_DENSE": "All dtypes and ranks up to 8; where coordinates repeat, the last value stays, whatever validate_indices says.",
    "SCATTER_ND": "All numbers and strings (the last one stays). Each coordinate must be inside its dimension; the reference asks "
                  "that of their place as a whole.",
    "WHERE": "All numbers as conditions.",
    "MATRIX_DIAG": "All dtypes: the reference copies those it does not know as float32.",
    "MATRIX_SET_DIAG": "All dtypes: the reference copies those it does not know as float32.",
}
# Where the oracle is wrong or dies: compared with NumPy alone. MATRIX_DIAG and MATRIX_SET_DIAG take all dtypes there
# but copy those it does not know as float32; GATHER loses halves of bytes of int4.
WRONG = re.compile(r"sparse_to_dense_\w+_scalar|uint4|int2_|int2$|gather_int4_(odd|flat)|scatter_nd_bool_twice|"
                   r"diag_(float16|bfloat16|float64|uint16|uint32|uint64|bool|complex64|complex128|string|int4)")


def picks(rng):
    gather, gather_nd = Maker("GATHER", "GatherOptions"), Maker("GATHER_ND", "GatherNdOptions")
    for t in ALL:
        x = value(rng, t, (3, 5, 4))
        for k in ("int16", "int32", "int64"):
            at = rng.integers(0, 5, (2, 3)).astype(k)
            yield gather(f"{t}_{k}", [arg(t, x), at], t, np.take(x, at.astype(int), 1), {"axis": 1})
        at = rng.integers(0, 5, (3, 2)).astype(np.int32)
        yield gather(f"{t}_batch", [arg(t, x), at], t, np.stack([x[i, at[i]] for i in range(3)]), {"axis": -2, "batchDims": -1})
        flat = value(rng, t, (7,))
        yield gather(f"{t}_flat", [arg(t, flat), np.array([6, 0, 3], np.int32)], t, flat[[6, 0, 3]], {"axis": 0})
        odd = value(rng, t, (5, 3))
        yield gather(f"{t}_odd", [arg(t, odd), np.array([4, 1, 1], np.int32)], t, odd[[4, 1, 1]], {"axis": 0})
        for k in ("int16", "int32", "int64"):
            at = np.stack([rng.integers(0, n, (2, 3)) for n in (3, 5)], -1).astype(k)
            yield gather_nd(f"{t}_{k}", [arg(t, x), at], t, x[at[..., 0], at[..., 1]])
        yield gather_nd(f"{t}_whole", [arg(t, flat), np.zeros((3, 0), np.int32)], t, np.stack([flat] * 3))
    for rank in range(1, 9):
        shape = tuple(int(n) for n in rng.integers(1, 4, rank))
        x = numbers(rng, "float32", shape)
        axis = int(rng.integers(-rank, rank))
        yield gather(f"rank_{rank}", [x, np.array(0, np.int32)], "float32", np.take(x, 0, axis), {"axis": axis})
        at = rng.integers(0, shape[axis], 5).astype(np.int64)
        yield gather(f"rank_{rank}_constant", [const(x), const(at)], "float32", np.take(x, at, axis), {"axis": axis})
        for depth in {1, (rank + 1) // 2, rank}:
            at = np.stack([rng.integers(0, n, 4) for n in shape[:depth]], -1).astype(np.int32)
            yield gather_nd(f"rank_{rank}_{depth}", [x, at], "float32", x[tuple(at.T)])
    for batch in range(4):
        x = numbers(rng, "int32", (2, 3, 2, 5))
        for axis in range(batch, 4):
            at = rng.integers(0, x.shape[axis], x.shape[:batch] + (4,)).astype(np.int32)
            flat = x.reshape((-1,) + x.shape[batch:])
            rows = [np.take(a, i, axis - batch) for a, i in zip(flat, at.reshape(-1, 4))]
            y = np.stack(rows).reshape(x.shape[:batch] + rows[0].shape)
            yield gather(f"batch_{batch}_{axis}", [x, at], "int32", y, {"axis": axis, "batchDims": batch})
    x = numbers(rng, "float32", (3, 4))
    yield gather("no_indices", [x, np.zeros((2, 0), np.int32)], "float32", np.zeros((3, 2, 0), np.float32), {"axis": 1})
    yield gather("empty_rows", [x[:, :0], np.array([1, 2], np.int32)], "float32", np.zeros((2, 0), np.float32), {"axis": 0})
    yield gather_nd("no_indices", [x, np.zeros((0, 2), np.int32)], "float32", np.zeros(0, np.float32))
    yield gather_nd("empty", [x[:0], np.zeros((0, 1), np.int32)], "float32", np.zeros((0, 4), np.float32))
    yield gather("other_dtype", [x, np.array([1], np.int32)], "float32", x[[1]], {"axis": 0}, out="int32")
    yield gather_nd("other_dtype", [x, np.array([[1]], np.int32)], "float32", x[[1]], out="int8")
    yield gather("one", [x, np.array([2], np.int32)], "float32", x[[2]], {"axis": 0})


def added(x, at, updates):
    with np.errstate(all="ignore"):
        np.add.at(x, tuple(np.moveaxis(at, -1, 0)), updates)
    return x


def puts(rng):
    scatter, to_dense = Maker("SCATTER_ND", "ScatterNdOptions"), Maker("SPARSE_TO_DENSE", "SparseToDenseOptions")
    for t in [*NUMBERS, "string"]:
        at = np.array([[0, 1], [2, 4], [1, 3]], np.int32)
        u = value(rng, t, (3, 3))
        y = np.full((3, 5, 3), zero_of(t, u), u.dtype)
        y[at[:, 0], at[:, 1]] = u
        yield scatter(t, [at, arg(t, u), i32(3, 5, 3)], t, y)
        yield scatter(f"{t}_dynamic", [at, arg(t, u), np.array([3, 5, 3], np.int32)], t, y)
        if t not in ("string", "float16", "bfloat16"):
            twice = np.array([[2], [0], [2], [2]])
            v = value(rng, t, (4, 7))
            z = added(np.zeros((4, 7), v.dtype), twice, v) if t != "bool" else np.stack([v[1], v[0] & False, v[0] | v[2] | v[3], v[0] & False])
            yield scatter(f"{t}_twice", [twice.astype(np.int32), arg(t, v), i32(4, 7)], t, z)
            if t in ("float32", "int8", "int64"):
                for k in ("int16", "int64"):
                    yield scatter(f"{t}_{k}", [twice.astype(k), arg(t, v), const(np.array([4, 7], k))], t, z)
    for rank in range(1, 9):
        shape = tuple(int(n) for n in rng.integers(1, 4, rank))
        for depth in {min(rank, 1 + rank // 8), rank}:
            at = np.stack([rng.integers(0, n, (2, 3)) for n in shape[:depth]], -1).astype(np.int32)
            u = numbers(rng, "int32", (2, 3) + shape[depth:])
            yield scatter(f"rank_{rank}_{depth}", [at, u, const(np.array(shape, np.int32))], "int32", added(np.zeros(shape, np.int32), at, u))
    x = numbers(rng, "float32", (0, 3))
    yield scatter("no_updates", [np.zeros((0, 1), np.int32), x, i32(2, 3)], "float32", np.zeros((2, 3), np.float32))
    yield scatter("other_dtype", [np.array([[1]], np.int32), numbers(rng, "float32", (1, 2)) * 0, i32(2, 2)], "float32",
                  np.zeros((2, 2), np.float32), out="int32")
    for t in WHOLE:
        values, default = value(rng, t, (3,)), np.asarray(value(rng, t, ()))
        for k in ("int32", "int64"):
            at = np.array([[0, 1], [2, 3], [2, 4]], k)
            y = np.full((3, 5), default[()], values.dtype)
            y[at[:, 0], at[:, 1]] = values
            for validate in (False, True):
                yield to_dense(f"{t}_{k}_{validate}", [at, const(np.array([3, 5], k)), arg(t, values), arg(t, default)], t, y,
                               {"validateIndices": validate})
        y = np.full(6, default[()], values.dtype)
        y[4] = values[0]
        yield to_dense(f"{t}_scalar", [np.array(4, np.int32), i32(6), arg(t, np.asarray(values[0], values.dtype)), arg(t, default)], t, y)
        y = y.copy()
        y[[1, 2]] = values[0]
        yield to_dense(f"{t}_one_value", [np.array([4, 1, 2], np.int32), np.array([6], np.int64), arg(t, np.asarray(values[0], values.dtype)),
                                          arg(t, default.reshape(1))], t, y)
    for rank in range(1, 9):
        shape = tuple(int(n) for n in rng.integers(1, 4, rank))
        at = np.stack([rng.integers(0, n, 5) for n in shape], -1)
        y = np.full(shape, -1, np.float32)
        values = numbers(rng, "float32", (5,))
        for i in range(5):  # the last one stays
            y[tuple(at[i])] = values[i]
        yield to_dense(f"rank_{rank}", [at.astype(np.int32), const(np.array(shape, np.int32)), values, const(np.float32(-1))], "float32", y)
    yield to_dense("nothing", [np.zeros((0, 2), np.int32), i32(2, 3), numbers(rng, "float32", (0,)), const(np.float32(5))], "float32",
                   np.full((2, 3), 5, np.float32))
    yield to_dense("other_dtype", [np.array([1], np.int32), i32(3), np.array([2], np.float32), const(np.float32(5))], "float32",
                   np.array([5, 2, 5], np.float32), out="int64")


def diagonals(rng):
    diag, set_diag = Maker("MATRIX_DIAG", "MatrixDiagOptions"), Maker("MATRIX_SET_DIAG", "MatrixSetDiagOptions")
    for t in ALL:
        x = value(rng, t, (2, 5))
        y = np.full((2, 5, 5), zero_of(t, x), x.dtype)
        y[:, range(5), range(5)] = x
        yield diag(t, [arg(t, x)], t, y)
        for shape in ((2, 5, 7), (2, 9, 5)):
            x, d = value(rng, t, shape), value(rng, t, (2, 5))
            y = x.copy()
            y[:, range(5), range(5)] = d
            yield set_diag(f"{t}_{shape[1]}", [arg(t, x), arg(t, d)], t, y)
    for rank in range(1, 8):
        x = numbers(rng, "float32", tuple(int(n) for n in rng.integers(1, 4, rank)))
        y = x[..., None] * np.eye(x.shape[-1], dtype=np.float32)
        yield diag(f"rank_{rank}", [x], "float32", np.where(np.eye(x.shape[-1]) > 0, y, np.float32(0)))
        yield set_diag(f"rank_{rank}", [np.zeros(y.shape, np.float32), x], "float32", np.where(np.eye(x.shape[-1]) > 0, y, np.float32(0)))
    yield diag("empty", [numbers(rng, "float32", (2, 0))], "float32", np.zeros((2, 0, 0), np.float32))
    yield diag("other_dtype", [numbers(rng, "float32", (1,)) * 0], "float32", np.zeros((1, 1), np.float32), out="int32")


def wheres(rng):
    where = Maker("WHERE", "WhereOptions")
    for t in NUMBERS:
        x = value(rng, t, (3, 1, 7))
        x[rng.random(x.shape) < 0.5] = 0
        x[0, 0, 0] = 1
        y = np.argwhere(x != 0)
        yield where(t, [arg(t, x)], "int64", y)
        yield where(f"{t}_constant", [arg(t, x, True)], "int64", y)
        yield where(f"{t}_none", [arg(t, np.zeros((2, 3), x.dtype))], "int64", np.zeros((0, 2), np.int64))
    for rank in range(1, 9):
        x = rng.random((2,) * rank) < 0.5
        x.reshape(-1)[0] = True
        yield where(f"rank_{rank}", [x], "int64", np.argwhere(x))
    special = np.array([0.0, -0.0, np.nan, np.inf, 1e-45, -1], np.float32)
    yield where("special", [special], "int64", np.array([[2], [3], [4], [5]]))
    yield where("empty", [np.zeros((0, 3), bool)], "int64", np.zeros((0, 2), np.int64))
    yield where("other_dtype", [np.array([True, False])], "int64", np.array([[0]]), out="int32")


def specs(rng):
    for family in (picks, puts, diagonals, wheres):
        yield from family(rng)


def cases(rng):
    for case, _ in specs(rng):
        if not WRONG.search(case.name):
            yield case
