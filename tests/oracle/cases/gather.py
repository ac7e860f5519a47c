# SPDX-License-Identifier: Apache-2.0
"""gather.py: ops that move data by indices, ids or conditions."""

import numpy as np

from case import Close
from onenode import Node, Arg, const, i32, numbers, quant, words

TYPES = ["float32", "int8", "uint8", "int16", "int32", "int64", "bool"]


def shape_of(rng, rank, low=1, high=4):
    return tuple(int(n) for n in rng.integers(low, high, rank, endpoint=True))


def gather(rng):
    node = Node("GATHER", "GatherOptions")
    for rank in range(1, 5):
        for axis in range(-rank, rank):
            for i, indices_rank in enumerate((0, 1, 2)):
                t, k = TYPES[(rank + axis + i) % 7], ("int32", "int64")[(axis + i) % 2]
                shape = shape_of(rng, rank)
                indices = rng.integers(0, shape[axis], shape_of(rng, indices_rank)).astype(k)
                yield node.case(f"r{rank}_{axis}_{indices_rank}", [numbers(rng, t, shape), indices], [t], {"axis": axis, "batchDims": 0})
    for i, (shape, indices_shape, axis, batch) in enumerate([((2, 3), (2, 4), 1, 1), ((2, 3, 4), (2, 2), 1, 1), ((2, 3, 4), (2, 2), 2, 1),
                                                             ((2, 3, 4), (2, 3, 5), 2, 2), ((2, 3, 4), (2, 3), 2, -1), ((2, 3, 4, 2), (2, 3), 2, 1),
                                                             ((3, 2), (3,), 1, 1)]):
        t = TYPES[i]
        indices = rng.integers(0, shape[axis], indices_shape).astype("int32")
        yield node.case(f"batch_{i}", [numbers(rng, t, shape), indices], [t], {"axis": axis, "batchDims": batch})
    yield node.case("int16_indices", [numbers(rng, "float32", (5, 2)), np.array([4, 0, 4], np.int16)], ["float32"], {"axis": 0})
    yield node.case("constant", [const(numbers(rng, "float32", (5, 2))), i32(3, 1)], ["float32"], {"axis": 0})
    yield node.case("strings", [words(rng, (5,)), np.array([4, 0, 1, 1], np.int32)], ["string"], {"axis": 0})
    yield node.case("int4", [Arg(rng.integers(-8, 8, (5, 4)).astype(np.int8), True, "int4"), np.array([4, 0, 2], np.int32)], ["int4"], {"axis": 0})
    yield node.case("float16", [numbers(rng, "float16", (5, 3)), np.array([4, 0, 2], np.int32)], ["float16"], {"axis": 1 - 1})
    node = Node("GATHER_ND", "GatherNdOptions")
    for i, (shape, indices_shape) in enumerate([((5,), (3, 1)), ((3, 4), (2, 1)), ((3, 4), (5, 2)), ((2, 3, 4), (2, 2, 2)), ((2, 3, 4), (3,)),
                                                ((2, 3, 4), (2, 1)), ((2, 2, 3, 2), (4, 3)), ((3, 4), (2, 3, 2))]):
        for k in ("int32", "int64", "int16"):
            t = TYPES[i % 7]
            indices = np.stack([rng.integers(0, shape[d], indices_shape[:-1]) for d in range(indices_shape[-1])], -1).astype(k)
            yield node.case(f"{i}_{k}", [numbers(rng, t, shape), indices], [t])
    yield node.case("strings", [words(rng, (2, 3)), np.array([[1, 2], [0, 0]], np.int32)], ["string"])


def scatter(rng):
    node = Node("SCATTER_ND", "ScatterNdOptions")
    for i, (shape, indices_shape) in enumerate([((8,), (4, 1)), ((4, 3), (5, 2)), ((4, 3), (2, 1)), ((4, 3, 2), (3, 2)), ((4, 3, 2), (2, 2, 1)),
                                                ((3, 3), (6, 2)), ((2, 2, 2), (7, 3))]):
        for t in ("float32", "int8", "uint8", "int32", "int64", "bool"):
            indices = np.stack([rng.integers(0, shape[d], indices_shape[:-1]) for d in range(indices_shape[-1])], -1).astype(np.int32)
            if t == "bool":  # adding two true values leaves the oracle with a bool of 2
                indices = np.unique(indices.reshape(-1, indices.shape[-1]), axis=0)
            updates = numbers(rng, t, indices.shape[:-1] + shape[indices_shape[-1]:])
            yield node.case(f"{i}_{t}", [indices, updates, const(np.array(shape, np.int32))], [t])
    yield node.case("dynamic", [np.array([[1], [3]], np.int32), numbers(rng, "float32", (2, 2)), np.array([5, 2], np.int32)], ["float32"])
    node = Node("SPARSE_TO_DENSE", "SparseToDenseOptions")
    for i, (shape, indices, n) in enumerate([((5,), [2], 1), ((5,), [1, 3], 2), ((3, 4), [[0, 1], [2, 3]], 2), ((3, 4), [[1, 1], [2, 0]], 2),
                                             ((2, 3, 4), [[0, 1, 1], [1, 2, 3], [1, 0, 0]], 3), ((2, 2, 2, 2), [[0, 1, 1, 0]], 1), ((6,), [0, 4], 2)]):
        for k in ("int32", "int64"):
            t = ["float32", "int32", "int64", "int8", "uint8", "float32", "int32"][i]
            values = numbers(rng, t, (n,))
            yield node.case(f"{i}_{k}", [np.array(indices, k), const(np.array(shape, k)), values, const(numbers(rng, t, ()))], [t])
    yield node.case("dynamic", [np.array([1, 2], np.int32), np.array([4], np.int32), np.array([3, 4], np.float32), np.array(9, np.float32)], ["float32"])
    for i, shape in enumerate([(3,), (2, 4), (1,), (2, 3, 2)]):
        for t in ("float32", "int8", "uint8", "int16", "int32", "int64"):
            yield Node("MATRIX_DIAG", "MatrixDiagOptions").case(f"{i}_{t}", [numbers(rng, t, shape)], [t])
    for i, shape in enumerate([(3, 3), (2, 4), (4, 2), (2, 3, 3), (2, 2, 1, 3)]):
        for t in ("float32", "int8", "uint8", "int16", "int32", "int64"):
            diagonal = numbers(rng, t, shape[:-2] + (min(shape[-2:]),))
            yield Node("MATRIX_SET_DIAG", "MatrixSetDiagOptions").case(f"{i}_{t}", [numbers(rng, t, shape), diagonal], [t])


def select(rng):
    node = Node("SELECT", "SelectOptions")
    for i, (c, x) in enumerate([((3,), (3,)), ((2, 3), (2, 3)), ((), (2, 3)), ((2,), (2, 3)), ((4,), (4, 2, 3)), ((2, 3, 4), (2, 3, 4)), ((1,), (1, 5)), ((), ())]):
        for t in ("float32", "int8", "int16", "int64", "bool"):
            yield node.case(f"{i}_{t}", [numbers(rng, "bool", c), numbers(rng, t, x), numbers(rng, t, x)], [t])
    node = Node("SELECT_V2", "SelectV2Options")
    for i, (c, x, y) in enumerate([((3,), (3,), (3,)), ((2, 3), (1, 3), (2, 1)), ((), (2, 3), (2, 3)), ((2, 1), (3,), ()), ((3,), (2, 3), (1,)),
                                   ((2, 1, 4), (3, 1), (2, 3, 4)), ((1,), (4,), (4,)), ((2, 3, 4, 2), (2, 1, 4, 1), (2,)), ((2, 2, 2, 2, 3), (1,), (2, 1, 2, 1, 3)),
                                   ((5, 1), (1, 7), (1, 1)), ((3,), (), ())]):
        for t in ("float32", "uint8", "int16", "int32", "int64"):
            yield node.case(f"{i}_{t}", [numbers(rng, "bool", c), numbers(rng, t, x), numbers(rng, t, y)], [t])
    node = Node("WHERE", "WhereOptions")
    for i, shape in enumerate([(5,), (2, 3), (2, 3, 4), (1, 1, 1, 6), (2, 2, 2, 2, 2)]):
        for t in ("bool", "float32", "int32", "int64", "int8", "uint8", "uint32"):
            x = rng.integers(0, 3, shape).astype(t)
            x.reshape(-1)[0] = 1
            yield node.case(f"{i}_{t}", [x], ["int64"])
    yield node.case("constant", [const(np.array([[True, False], [True, True]]))], ["int64"])


def order(rng):
    node = Node("TOPK_V2", "TopKV2Options")
    for i, (shape, k) in enumerate([((5,), 1), ((5,), 5), ((3, 7), 2), ((2, 3, 9), 4), ((1, 100), 10), ((2, 64), 64), ((4, 1), 1), ((1, 1000), 3)]):
        for t in ("float32", "int8", "uint8", "int16", "int32", "int64"):
            x = numbers(rng, t, shape)
            if i % 2:  # many that are equal
                x = (x % 4).astype(t) if t != "float32" else np.round(x)
            yield node.case(f"{i}_{t}", [x, const(np.int32(k))], [t, "int32"])
    x = np.array([[1, -np.inf, np.inf, -0.0, 0.0, 2, -0.0]], np.float32)
    yield node.case("special", [x, const(np.int32(7))], ["float32", "int32"])
    yield node.case("dynamic", [numbers(rng, "float32", (2, 6)), np.array(2, np.int32)], ["float32", "int32"])
    node = Node("UNIQUE", "UniqueOptions")
    for t in ("float32", "int8", "uint8", "int16", "int32", "int64"):
        for k, code in (("int32", 2), ("int64", 4)):
            x = (rng.integers(-4, 5, 20) if t != "uint8" else rng.integers(0, 9, 20)).astype(t)
            yield node.case(f"{t}_{k}", [x], [t, k], {"idxOutType": code})
        yield node.case(f"{t}_wide", [numbers(rng, t, (300,))], [t, "int32"], {"idxOutType": 2})
    yield node.case("zeros", [np.array([0.0, -0.0, 1, 0, -0.0], np.float32)], ["float32", "int32"], {"idxOutType": 2})
    node = Node("BUCKETIZE", "BucketizeOptions")
    for t in ("float32", "float64", "int32", "int64"):
        for i, bounds in enumerate([[0.0], [-1.5, 0.0, 0.0, 2.0], [1.0, 5.0, 100.0]]):
            x = (rng.standard_normal((3, 4)) * 3).astype(t)
            x.reshape(-1)[:3] = [0, 2, 5]
            yield node.case(f"{t}_{i}", [x], ["int32"], {"boundaries": bounds})


def segments(rng):
    for t in ("float32", "int32"):
        for i, shape in enumerate([(5,), (6, 3), (4, 2, 3), (1, 2)]):
            ids = np.cumsum(np.concatenate([[0], rng.integers(0, 2, shape[0] - 1)])).astype(np.int32)
            yield Node("SEGMENT_SUM", "SegmentSumOptions").case(f"{i}_{t}", [numbers(rng, t, shape), ids], [t])
        yield Node("SEGMENT_SUM", "SegmentSumOptions").case(f"constant_{t}", [const(numbers(rng, t, (3, 2))), i32(0, 0, 1)], [t])
        for how in ("SUM", "PROD", "MAX", "MIN"):
            node = Node(f"UNSORTED_SEGMENT_{how}", f"UnsortedSegment{how.title()}Options")
            for i, (shape, ids_shape) in enumerate([((5,), (5,)), ((6, 3), (6,)), ((4, 2, 3), (4,)), ((3, 4), (3, 4)), ((2, 3, 2), (2, 3))]):
                ids = rng.integers(-1, 4, ids_shape).astype(np.int32)
                yield node.case(f"{i}_{t}", [numbers(rng, t, shape), ids, const(np.int32(5))], [t])
            yield node.case(f"dynamic_{t}", [numbers(rng, t, (4, 2)), np.array([1, 0, 1, 2], np.int32), np.array(3, np.int32)], [t])


def embedding(rng):
    node = Node("EMBEDDING_LOOKUP", version=3)
    ids = np.array([2, 0, 4, 4, 1], np.int32)
    for t in ("float32", "int8", "uint8", "int16", "int32"):
        for i, shape in enumerate([(5, 3), (6, 2, 4), (5, 1)]):
            yield node.case(f"{i}_{t}", [ids, const(numbers(rng, t, shape))], [t])
    for t in ("int8", "uint8"):
        yield node.case(f"hybrid_{t}", [ids, quant(numbers(rng, t, (5, 7)), 0.037, 0, True)], ["float32"])
        yield node.case(f"rows_{t}", [ids, quant(numbers(rng, t, (5, 7)), rng.uniform(0.01, 1, 5), np.zeros(5, int), True)], ["float32"])
    x = rng.integers(-8, 8, (5, 6)).astype(np.int8)
    yield node.case("int4", [ids, Arg(x, True, "int4", 0.3, 0)], ["float32"], version=4)
    yield node.case("int4_rows", [ids, Arg(x, True, "int4", rng.uniform(0.01, 1, 5), np.zeros(5, int))], ["float32"], version=4)
    node = Node("EMBEDDING_LOOKUP_SPARSE", "EmbeddingLookupSparseOptions")
    for combiner in range(3):
        for i, (dense, indices) in enumerate([([3, 4], [[0, 0], [1, 0], [1, 2], [2, 1]]), ([4, 2], [[0, 0], [0, 1], [2, 0], [2, 1]]),
                                              ([2, 2, 3], [[0, 0, 0], [0, 1, 2], [1, 1, 0], [1, 1, 1]])]):
            for shape in ((5, 3), (5, 2, 2)):
                args = [np.array([1, 3, 0, 4], np.int32), np.array(indices, np.int32), np.array(dense, np.int32),
                        rng.uniform(0.1, 2, 4).astype(np.float32), numbers(rng, "float32", shape)]
                yield node.case(f"{combiner}_{i}_{len(shape)}", args, ["float32"], {"combiner": combiner}, tol=Close(1e-6, 1e-7))


def cases(rng):
    for family in (gather, scatter, select, order, segments, embedding):
        yield from family(rng)
