# SPDX-License-Identifier: Apache-2.0
"""variable.py: resource variables: handles, assignments, scatter, gather, sliced assignment."""

import itertools

import numpy as np
from tf_case import Chain, R

import ml_dtypes

COUNTER = itertools.count()
NUMBERS = ["float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
           "complex64", "complex128"]
SHAPES = [(), (1,), (0,), (5,), (2, 3), (3, 1, 4), (0, 3), (7, 2)]

ROUNDS = 2


def dtype_of(name):
    return np.dtype(getattr(ml_dtypes, name)) if name == "bfloat16" else np.dtype(name)


def values(rng, name, shape, nonzero=False):
    if name == "string":
        return np.array([bytes(rng.integers(97, 123, rng.integers(0, 9)).astype(np.uint8)) for _ in range(int(np.prod(shape)))],
                        object).reshape(shape)
    if name == "bool":
        return np.asarray(rng.integers(0, 2, shape)).astype(bool)
    d = dtype_of(name)
    if d.kind in "iu":
        a = np.asarray(rng.integers(1 if nonzero else (0 if d.kind == "u" else -20), 20, shape))
        return np.where(a == 0, 3, a).astype(d) if nonzero else a.astype(d)
    a = np.asarray(rng.normal(size=shape) * 2)
    if d.kind == "c":
        a = a + 1j * rng.normal(size=shape)
    return np.asarray(a).astype(d)


def handle(dtype, shape, name=None):
    return ("h", "VarHandleOp", [], {"dtype": dtype, "shape": list(shape) if shape is not None else None,
                                     "shared_name": name or f"v{next(COUNTER)}"})


def start(dtype, value):
    return [handle(dtype, value.shape), (None, "AssignVariableOp", [R("h"), value])]


def read(dtype):
    return ("x", "ReadVariableOp", [R("h")], {"dtype": dtype})


def assign(rng):
    for dtype in NUMBERS + ["bool", "string"]:
        shape = SHAPES[rng.integers(len(SHAPES))]
        v, w = values(rng, dtype, shape), values(rng, dtype, shape)
        yield Chain(start(dtype, v) + [read(dtype)], ["x"])
        yield Chain(start(dtype, v) + [(None, "AssignVariableOp", [R("h"), w], {"validate_shape": True}),
                                       ("s", "VariableShape", [R("h")], {"out_type": ["int32", "int64"][rng.integers(2)]}),
                                       ("i", "VarIsInitializedOp", [R("h")]), read(dtype)], ["x", "s", "i"])
        if dtype in NUMBERS:
            for op in ("AssignAddVariableOp", "AssignSubVariableOp"):
                yield Chain(start(dtype, v) + [(None, op, [R("h"), w]), read(dtype)], ["x"])
    v = values(rng, "float32", (2, 3))
    for bad in (values(rng, "float32", (3,)), values(rng, "float64", (2, 3))):
        yield Chain(start("float32", v) + [(None, "AssignAddVariableOp", [R("h"), bad]), read("float32")], ["x"])
        yield Chain(start("float32", v) + [(None, "AssignVariableOp", [R("h"), bad], {"validate_shape": True}), read("float32")], ["x"])
    yield Chain([handle("float32", (2,)), read("float32")], ["x"])
    yield Chain([handle("float32", (2,)), ("i", "VarIsInitializedOp", [R("h")])], ["i"])
    yield Chain([handle("float32", (2,)), ("s", "VariableShape", [R("h")])], ["s"])
    yield Chain(start("float32", v) + [read("float64")], ["x"])
    for ignore in (True, False):
        gone = (None, "DestroyResourceOp", [R("h")], {"ignore_lookup_error": ignore})
        yield Chain(start("float32", v) + [gone, ("i", "VarIsInitializedOp", [R("h")])], ["i"])
        yield Chain(start("float32", v) + [gone, gone, ("i", "VarIsInitializedOp", [R("h")])], ["i"])
        yield Chain(start("float32", v) + [gone, read("float32")], ["x"])
        yield Chain(start("int32", values(rng, "int32", (2,))) + [gone, (None, "AssignVariableOp", [R("h"), values(rng, "int32", (2,))]),
                                                                   read("int32")], ["x"])
    for n in range(1, 4):  # several at once
        names, dtypes = [f"m{next(COUNTER)}" for _ in range(n)], [NUMBERS[rng.integers(8)] for _ in range(n)]
        v = [values(rng, d, SHAPES[rng.integers(len(SHAPES))]) for d in dtypes]
        hs = [f"h{i}" for i in range(n)]
        steps = [(hs[i], "VarHandleOp", [], {"dtype": dtypes[i], "shape": list(v[i].shape), "shared_name": names[i]}) for i in range(n)]
        steps += [(None, "AssignVariableOp", [R(hs[i]), v[i]]) for i in range(n)]
        yield Chain(steps + [(f"x{i}", "ReadVariableOp", [R(hs[i])], {"dtype": dtypes[i]}) for i in range(n)], [f"x{i}" for i in range(n)])
    for dtype, first in itertools.product(("int32", "int64"), (0, 3, 5, -2, 9)):
        yield Chain(start(dtype, np.array(first, dtype)) +
                    [("a", "ResourceCountUpTo", [R("h")], {"limit": 5, "T": dtype}), read(dtype)], ["a", "x"])
    yield Chain(start("int32", np.array([1, 2], "int32")) + [("a", "ResourceCountUpTo", [R("h")], {"limit": 5, "T": "int32"})], ["a"])


def scatter(rng):
    for op in ("Update", "Add", "Sub", "Mul", "Div", "Min", "Max"):
        dtypes = NUMBERS + (["string", "bool"] if op == "Update" else [])
        for dtype in dtypes:
            if op in ("Min", "Max") and "complex" in dtype:
                continue
            shape = [(5,), (4, 3), (3, 2, 2), (2, 0)][rng.integers(4)]
            ishape = [(), (1,), (3,), (2, 2), (0,)][rng.integers(5)]
            i = np.asarray(rng.integers(0, shape[0], ishape)).astype(["int32", "int64"][rng.integers(2)])
            if op == "Div" and dtype in ("float16", "bfloat16"):
                i = np.asarray(i).reshape(-1)[:1]
                ishape = i.shape
            u = values(rng, dtype, () if rng.integers(4) == 0 else tuple(np.shape(i)) + shape[1:], op == "Div")
            yield Chain(start(dtype, values(rng, dtype, shape)) + [(None, f"ResourceScatter{op}", [R("h"), i, u]), read(dtype)], ["x"])
    v = values(rng, "float32", (4, 2))
    for i, u in [(np.array([4]), (1, 2)), (np.array([-1]), (1, 2)), (np.array([0, 1]), (1, 2)), (np.array([0]), (2,))]:
        for op in ("Update", "Add"):
            yield Chain(start("float32", v) + [(None, f"ResourceScatter{op}", [R("h"), i, values(rng, "float32", u)]), read("float32")], ["x"])
    yield Chain([handle("float32", (2,)), (None, "ResourceScatterAdd", [R("h"), np.array([0]), np.array([1], "float32")])], [])


def scatter_nd(rng):
    for op in ("Update", "Add", "Sub", "Min", "Max"):
        for dtype in NUMBERS + (["string", "bool"] if op == "Update" else []):
            if op in ("Min", "Max") and "complex" in dtype:
                continue
            shape = [(5,), (4, 3), (3, 2, 2)][rng.integers(3)]
            depth = int(rng.integers(1, len(shape) + 1))
            outer = [(1,), (3,), (2, 2), (0,)][rng.integers(4)]
            if dtype in ("float16", "bfloat16"):
                outer = (1,)
            i = np.stack([rng.integers(0, shape[d], outer) for d in range(depth)], -1).astype(["int32", "int64"][rng.integers(2)])
            if op == "Update":  # one writer each: TensorFlow's order is no promise
                i = np.unique(i.reshape(-1, depth), axis=0)
                outer = i.shape[:1]
            u = values(rng, dtype, outer + shape[depth:])
            yield Chain(start(dtype, values(rng, dtype, shape)) + [(None, f"ResourceScatterNd{op}", [R("h"), i, u]), read(dtype)], ["x"])
    v = values(rng, "float32", (4, 2))
    for i, u in [([[4]], (1, 2)), ([[-1, 0]], (1,)), ([[0, 1, 0]], (1,)), ([[0]], (2,)), ([[0, 2]], (1,)), ([[0], [1]], (1, 2))]:
        for op in ("Update", "Add"):
            yield Chain(start("float32", v) + [(None, f"ResourceScatterNd{op}", [R("h"), np.array(i), values(rng, "float32", u)]),
                                               read("float32")], ["x"])
    for policy in ("IGNORE", "ERROR", "DEFAULT"):
        yield Chain(start("float32", v) + [(None, "ResourceScatterNdUpdate", [R("h"), np.array([[1], [9]]), values(rng, "float32", (2, 2))],
                                            {"bad_indices_policy": policy}), read("float32")], ["x"])


def gather(rng):
    for dtype in NUMBERS + ["string", "bool"]:
        shape = [(5,), (4, 3), (3, 2, 2), (3, 0)][rng.integers(4)]
        i = np.asarray(rng.integers(0, shape[0], [(), (1,), (3,), (2, 2), (0,)][rng.integers(5)])).astype(["int32", "int64"][rng.integers(2)])
        yield Chain(start(dtype, values(rng, dtype, shape)) + [("x", "ResourceGather", [R("h"), i], {"dtype": dtype})], ["x"])
        depth = int(rng.integers(0, len(shape) + 1))
        if 0 in shape:
            depth = 0
        outer = [(1,), (3,), (2, 2)][rng.integers(3)]
        i = (np.stack([rng.integers(0, shape[d], outer) for d in range(depth)], -1) if depth else np.zeros(outer + (0,))).astype("int32")
        yield Chain(start(dtype, values(rng, dtype, shape)) + [("x", "ResourceGatherNd", [R("h"), i], {"dtype": dtype})], ["x"])
    for batch in (0, 1, 2):
        for _ in range(2):
            i = rng.integers(0, 2, (3, 2, 4)).astype("int32")
            yield Chain(start("float32", values(rng, "float32", (3, 2, 2, 5))) +
                        [("x", "ResourceGather", [R("h"), i], {"dtype": "float32", "batch_dims": batch})], ["x"])
    v = values(rng, "float32", (4, 2))
    for i in ([4], [-1], [[0, 7]]):
        yield Chain(start("float32", v) + [("x", "ResourceGather", [R("h"), np.array(i)], {"dtype": "float32"})], ["x"])
        yield Chain(start("float32", v) + [("x", "ResourceGatherNd", [R("h"), np.array(i)], {"dtype": "float32"})], ["x"])
    yield Chain(start("float32", np.float32(1).reshape(())) + [("x", "ResourceGather", [R("h"), np.array([0])], {"dtype": "float32"})], ["x"])


SLICES = [((4, 3), np.s_[1]), ((4, 3), np.s_[1:3]), ((4, 3), np.s_[::2, 1]), ((4, 3), np.s_[::-1]), ((4, 3), np.s_[..., 0]),
          ((2, 3, 4), np.s_[0, ..., 1:3]), ((2, 3, 4), np.s_[:, 1]), ((5,), np.s_[-2:]), ((5,), np.s_[3:1]), ((5,), np.s_[4:0:-2]),
          ((2, 3), np.s_[None, 0]), ((2, 3), np.s_[:, None, 1:]), ((6,), np.s_[2]), ((2, 3, 4), np.s_[1, 2, 3]), ((2, 2), np.s_[...])]


def spec(key):
    key = key if isinstance(key, tuple) else (key,)
    begin, end, strides, masks = [], [], [], dict.fromkeys(["begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"], 0)
    for i, k in enumerate(key):
        b, e, s = 0, 0, 1
        if k is None:
            masks["new_axis_mask"] |= 1 << i
        elif k is Ellipsis:
            masks["ellipsis_mask"] |= 1 << i
        elif isinstance(k, slice):
            b, e, s = k.start or 0, k.stop or 0, k.step or 1
            masks["begin_mask"] |= (k.start is None) << i
            masks["end_mask"] |= (k.stop is None) << i
        else:
            b, e = k, k + 1
            masks["shrink_axis_mask"] |= 1 << i
        begin.append(b), end.append(e), strides.append(s)
    return [np.array(a, "int32") for a in (begin, end, strides)], masks


def sliced(rng):
    for n, (shape, key) in enumerate(SLICES * 2):
        dtype = (NUMBERS + ["string", "bool"])[(n * 5) % 16]
        v = values(rng, dtype, shape)
        entries, masks = spec(key)
        u = values(rng, dtype, v[key].shape)
        yield Chain(start(dtype, v) + [(None, "ResourceStridedSliceAssign", [R("h"), *entries, u], masks), read(dtype)], ["x"])
    v = values(rng, "float32", (4, 3))
    for key, shape in [(np.s_[1:3], (3, 3)), (np.s_[1:3], ()), (np.s_[1:2, 0:1], ()), (np.s_[7], (3,)), (np.s_[0, 0, 0], ()), (np.s_[1], (1, 3)),
                       (np.s_[1:3], (1, 3))]:
        entries, masks = spec(key)
        yield Chain(start("float32", v) + [(None, "ResourceStridedSliceAssign", [R("h"), *entries, values(rng, "float32", shape)], masks),
                                           read("float32")], ["x"])
    for mask, begin, stride, shape in [("shrink_axis_mask", 2, 1, (3,)), ("shrink_axis_mask", 2, 2, (3,)), ("shrink_axis_mask", 2, -1, (3,)),
                                       ("end_mask", 1, 2**31 - 1, (1, 3)), ("end_mask", 3, -(2**31), (1, 3))]:
        masks = {**spec(np.s_[...])[1], "ellipsis_mask": 0, "begin_mask": int(mask[0] == "s"), mask: 1}
        entries = [np.array([i], "int64") for i in (begin, begin + 1, stride)]
        yield Chain(start("float32", v) + [(None, "ResourceStridedSliceAssign", [R("h"), *entries, values(rng, "float32", shape)], masks),
                                           read("float32")], ["x"])
    entries, masks = spec(np.s_[1:3])
    entries[2][0] = 0
    yield Chain(start("float32", v) + [(None, "ResourceStridedSliceAssign", [R("h"), *entries, values(rng, "float32", (2, 3))], masks)], [])


def cases(rng):
    for part in (assign, scatter, scatter_nd, gather, sliced):
        yield from part(rng)
