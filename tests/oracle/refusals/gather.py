# SPDX-License-Identifier: Apache-2.0
"""gather.py: what the ops that move values by indices must refuse."""

import numpy as np

from onenode import Node, Arg, const, i32


def picks(x):
    gather, gather_nd = Node("GATHER", "GatherOptions"), Node("GATHER_ND", "GatherNdOptions")
    shared = "expected batch_dims up to axis {}, over dimensions that input and indices share, found {}"
    at = np.zeros((2, 2), np.int32)
    yield gather.refusal("axis", [x, i32(0)], ["float32"], "expected an axis in [-2, 2), found 2", {"axis": 2})
    yield gather.refusal("batch", [x, at], ["float32"], shared.format(0, 1), {"axis": 0, "batchDims": 1})
    yield gather.refusal("batch_extent", [x, np.zeros((3, 2), np.int32)], ["float32"], shared.format(1, 1), {"axis": 1, "batchDims": 1})
    yield gather.refusal("batch_negative", [x, at], ["float32"], shared.format(1, -3), {"axis": 1, "batchDims": -3})
    yield gather.refusal("index", [x, np.array([0, 3], np.int32)], ["float32"],
                         "expected indices in [0, 3) (extent of axis 1), found 3 at position 1", {"axis": 1}, when="invoke")
    yield gather.refusal("negative", [x, np.array([-1], np.int64)], ["float32"],
                         "expected indices in [0, 2) (extent of axis 0), found -1 at position 0", {"axis": 0}, when="invoke")
    many = "expected a result of at most 8 dimensions, found "
    yield gather.refusal("rank_9", [x, np.zeros((1,) * 8, np.int32)], ["float32"], many + "9", {"axis": 0},
                         lenient="unflow has 8 dimensions at most")
    yield gather.refusal("dtype", [x, np.zeros(1, np.float32)], ["float32"],
                         "expected input 1 of dtype int16 or int32 or int64, found 'x1' float32 (1,)", {"axis": 0}, when="invoke")
    yield gather.refusal("scalar", [np.zeros((), np.float32), i32(0)], ["float32"], "expected an axis in [0, 0), found 0", {"axis": 0})
    yield gather_nd.refusal("depth", [x, np.zeros((1, 3), np.int32)], ["float32"],
                            "expected coordinates of at most 2 numbers (last extent of the indices), found 3")
    yield gather_nd.refusal("index", [x, np.array([[0, 0], [1, 3]], np.int32)], ["float32"],
                            "expected coordinates in [0, 3) for dimension 1, found 3 in coordinate 1", when="invoke")
    yield gather_nd.refusal("negative", [x, np.array([[-1]], np.int32)], ["float32"],
                            "expected coordinates in [0, 2) for dimension 0, found -1 in coordinate 0", when="invoke")
    yield gather_nd.refusal("rank_9", [np.zeros((1, 1, 1), np.float32), np.zeros((1,) * 8, np.int32)], ["float32"], many + "9",
                            lenient="unflow has 8 dimensions at most")
    yield gather_nd.refusal("scalar_indices", [x, np.zeros((), np.int32)], ["float32"], "expected a tensor of rank 1 to 8, found 'x1' int32 ()")


def puts(x):
    scatter, to_dense = Node("SCATTER_ND", "ScatterNdOptions"), Node("SPARSE_TO_DENSE", "SparseToDenseOptions")
    at = np.array([[1], [2]], np.int32)
    yield scatter.refusal("depth", [np.zeros((2, 3), np.int32), x[:, 0], i32(4, 3)], ["float32"],
                          "expected coordinates of at most 2 numbers (last extent of the indices), found 3")
    yield scatter.refusal("updates", [at, x, i32(4, 2)], ["float32"], "expected updates of shape (2, 2), found (2, 3)")
    yield scatter.refusal("updates_at_invoke", [at, x, np.array([4, 2], np.int32)], ["float32"],
                          "expected updates of shape (2, 2), found (2, 3)", when="invoke")
    yield scatter.refusal("index", [at, x, i32(2, 3)], ["float32"],
                          "expected coordinates in [0, 2) for dimension 0, found 2 in coordinate 1", when="invoke")
    yield scatter.refusal("negative", [at, x, i32(-2, 3)], ["float32"], "expected extents of 0 and more, found -2 for dimension 0")
    yield scatter.refusal("rank_9", [np.zeros((1, 9), np.int32), np.zeros(1, np.float32), i32(*[1] * 9)], ["float32"],
                          "expected a shape of at most 8 dimensions, found 9", lenient="unflow has 8 dimensions at most")
    yield scatter.refusal("int4", [at, Arg(np.zeros((2, 3), np.int8), True, "int4"), i32(4, 3)], ["int4"],
                          "expected numbers to add up, found int4", when="invoke")
    yield scatter.refusal("shape_dtype", [at, x, const(np.array([4, 3]))], ["float32"],
                          "expected equal dtypes, found 'x0' int32 (2, 1) and 'x2' int64 (2,)", when="invoke")
    each = "expected coordinates of {} numbers and a value for each, found {} coordinates of {} and {} values"
    zero, values = const(np.float32(0)), np.zeros(2, np.float32)
    yield to_dense.refusal("depth", [np.zeros((2, 3), np.int32), i32(4, 4), values, zero], ["float32"], each.format(2, 2, 3, 2))
    yield to_dense.refusal("values", [np.zeros((3, 2), np.int32), i32(4, 4), values, zero], ["float32"], each.format(2, 3, 2, 2),
                           lenient="TensorFlow 2.21 reads beyond the values; LiteRT 2.3 refuses")
    yield to_dense.refusal("index", [np.array([1, 4], np.int32), i32(4), values, zero], ["float32"],
                           "expected coordinates in [0, 4) for dimension 0, found 4 in coordinate 1", when="invoke",
                           lenient="the reference writes beyond its output")
    yield to_dense.refusal("two_defaults", [np.array([1, 3], np.int32), i32(4), values, const(values)], ["float32"],
                           "expected one default value of whole bytes, found 2 of float32")
    yield to_dense.refusal("rank_3", [np.zeros((1, 2, 1), np.int32), i32(4), values, zero], ["float32"],
                           "expected a tensor of rank 0 to 2, found 'x0' int32 (1, 2, 1)")
    yield to_dense.refusal("negative", [np.array([1, 3], np.int32), np.array([-4], np.int32), values, zero], ["float32"],
                           "expected extents of 0 and more, found -4 for dimension 0", when="invoke")


def diagonals(x):
    set_diag = Node("MATRIX_SET_DIAG", "MatrixSetDiagOptions")
    yield set_diag.refusal("shape", [x, np.zeros(3, np.float32)], ["float32"], "expected diagonals of shape (2,), found (3,)",
                           lenient="the reference ignores what is too much, and reads beyond what is too little")
    yield set_diag.refusal("rank", [x[0], x[0]], ["float32"], "expected a tensor of rank 2 to 8, found 'x0' float32 (3,)")
    yield Node("MATRIX_DIAG", "MatrixDiagOptions").refusal("scalar", [np.zeros((), np.float32)], ["float32"],
                                                           "expected a tensor of rank 1 to 7, found 'x0' float32 ()")
    where = Node("WHERE", "WhereOptions")
    yield where.refusal("scalar", [np.array(True)], ["int64"], "expected a tensor of rank 1 to 8, found 'x0' bool ()")
    yield where.refusal("string", [np.array([b"a"], object)], ["int64"],
                        "expected input 0 of dtype bool or float32 or int64 or int32 or uint32 or int8 or uint8 or float64 or uint64 or int16 or "
                        "uint16 or float16 or bfloat16 or complex64 or complex128, found 'x0' string (1,)", when="invoke")


def refusals(rng):
    x = np.zeros((2, 3), np.float32)
    for family in (picks, puts, diagonals):
        yield from family(x)
