# SPDX-License-Identifier: Apache-2.0
"""tensor_list.py: lists of tensors as values."""

import numpy as np
from tf_case import Chain, R

from variable import values

DTYPES = ["float32", "float64", "float16", "bfloat16", "int8", "int32", "int64", "uint8", "bool", "complex64", "string"]
SHAPES = [(), (1,), (3,), (2, 3), (0,), (2, 0, 2)]
ANY = np.array(-1, "int32")


def shape_input(rng, shape):
    """The shape in full, in part, or unknown."""
    how = rng.integers(3)
    dims = [-1 if how == 1 and rng.integers(2) else d for d in shape]
    return ANY if how == 2 else np.array(dims, ["int32", "int64"][rng.integers(2)])


def from_tensor(dtype, t, shape=ANY):
    return ("l", "TensorListFromTensor", [t, shape], {"element_dtype": dtype, "shape_type": str(shape.dtype)})


def stack(dtype, l="l", shape=ANY, name="x", n=-1):
    return (name, "TensorListStack", [R(l), np.asarray(shape, "int32")], {"element_dtype": dtype, "num_elements": n})


def reserve(dtype, n, shape=ANY):
    return ("l", "TensorListReserve", [shape, np.array(n, "int32")], {"element_dtype": dtype, "shape_type": str(shape.dtype)})


def set_item(dtype, i, v, **attrs):
    return ("l", "TensorListSetItem", [R("l"), np.array(i, "int32"), v], {"element_dtype": dtype, **attrs})


def get_item(dtype, i, shape=ANY, name="x"):
    return (name, "TensorListGetItem", [R("l"), np.array(i, "int32"), np.asarray(shape, "int32")], {"element_dtype": dtype})


def push(dtype, v, name="l"):
    return (name, "TensorListPushBack", [R("l"), v], {"element_dtype": dtype})


def pop(dtype, shape=ANY):
    return (["l", "x"], "TensorListPopBack", [R("l"), np.asarray(shape, "int32")], {"element_dtype": dtype})


def empty(dtype, shape=ANY, n=-1):
    return ("l", "EmptyTensorList", [shape, np.array(n, "int32")], {"element_dtype": dtype, "shape_type": str(shape.dtype)})


LENGTH = ("n", "TensorListLength", [R("l")], {})


def element_shape(kind="int32"):
    return ("s", "TensorListElementShape", [R("l")], {"shape_type": kind})


def whole(rng):
    for dtype in DTYPES:
        for shape in SHAPES:
            n = int(rng.integers(0, 40 if len(shape) < 2 else 5))
            t = values(rng, dtype, (n,) + shape)
            yield Chain([from_tensor(dtype, t, shape_input(rng, shape)), LENGTH, element_shape(), stack(dtype, shape=np.array(shape))],
                        ["x", "n", "s"])
            v = values(rng, dtype, shape)
            if n:
                i = int(rng.integers(n))
                yield Chain([from_tensor(dtype, t), set_item(dtype, i, v), get_item(dtype, i, name="y"), stack(dtype)], ["x", "y"])
            picks = rng.integers(0, max(n, 1), int(rng.integers(0, 6)) if n else 0).astype("int32")
            yield Chain([from_tensor(dtype, t), ("x", "TensorListGather", [R("l"), picks, np.array(shape, "int32")], {"element_dtype": dtype})], ["x"])
            places = rng.permutation(n + 3)[:n].astype("int32")
            for op, extra in (("TensorListScatter", []), ("TensorListScatterV2", [np.array([-1, 1, n + 5][rng.integers(3)], "int32")])):
                yield Chain([("l", op, [t, places, ANY, *extra], {"element_dtype": dtype}), LENGTH, stack(dtype, shape=np.array(shape))], ["n", "x"])
            yield Chain([reserve(dtype, n + 3), ("l", "TensorListScatterIntoExistingList", [R("l"), t, places], {"element_dtype": dtype}),
                         stack(dtype, shape=np.array(shape))], ["x"])
            cuts = np.diff([0, *sorted(rng.integers(0, n + 1, 2)), n]).astype("int64")
            yield Chain([("l", "TensorListSplit", [t, ANY, cuts], {"element_dtype": dtype}), LENGTH, get_item(dtype, 1, name="y"),
                         (["x", "lengths"], "TensorListConcatV2", [R("l"), np.array([-1, *shape], "int32"), np.zeros(0, "int64")],
                          {"element_dtype": dtype, "shape_type": "int32"})], ["x", "lengths", "y", "n"])
            yield Chain([("l", "TensorListSplit", [t, ANY, cuts], {"element_dtype": dtype}),
                         (["x", "lengths"], "TensorListConcat", [R("l")], {"element_dtype": dtype, "element_shape": [None, *shape]})],
                        ["x", "lengths"])


def steps(rng):
    for dtype in DTYPES:
        shape = SHAPES[rng.integers(4)]
        v = [values(rng, dtype, shape) for _ in range(20)]
        yield Chain([empty(dtype, shape_input(rng, shape))] + [push(dtype, a) for a in v] + [LENGTH, element_shape("int64"), stack(dtype)],
                    ["x", "n", "s"])
        yield Chain([empty(dtype)] + [push(dtype, a) for a in v[:3]] + [pop(dtype), LENGTH, stack(dtype, name="y")], ["x", "y", "n"])
        yield Chain([empty(dtype)] + [push(dtype, a) for a in v[:3]] + [push(dtype, v[4], "other"), set_item(dtype, 0, v[5]),
                                                                        stack(dtype, "other"), stack(dtype, name="y")], ["x", "y"])
        n = int(rng.integers(1, 300))
        yield Chain([reserve(dtype, n, np.array(shape, "int32"))] + [set_item(dtype, int(rng.integers(n)), a) for a in v] + [stack(dtype)], ["x"])
        yield Chain([reserve(dtype, 3)] + [set_item(dtype, 1, v[0]), get_item(dtype, 0, name="y"), stack(dtype)], ["x", "y"])
        yield Chain([reserve(dtype, 3), get_item(dtype, 0, np.array(shape)), pop(dtype, np.array(shape))], ["x"])
        for size in (0, 1, 3, 40):
            yield Chain([empty(dtype)] + [push(dtype, a) for a in v[:19]] + [("l", "TensorListResize", [R("l"), np.array(size, "int32")], {}),
                        LENGTH, ("l", "TensorListResize", [R("l"), np.array(20, "int32")], {}), stack(dtype, shape=np.array(shape))], ["n", "x"])
        yield Chain([empty(dtype), set_item(dtype, 4, v[0], resize_if_index_out_of_bounds=True), LENGTH, stack(dtype)], ["n", "x"])
        a, b = values(rng, dtype, (3, 2)), values(rng, dtype, (4, 2))
        yield Chain([("a", *from_tensor(dtype, a)[1:]), ("b", *from_tensor(dtype, b)[1:]),
                     ("l", "TensorListConcatLists", [R("a"), R("b")], {"element_dtype": dtype}), stack(dtype)], ["x"])
        yield Chain([("a", *from_tensor(dtype, a)[1:]), ("b", *from_tensor(dtype, b)[1:]), ("ab", "Pack", [[R("a"), R("b")]], {"N": 2, "T": "variant"}),
                     ("ab", "TensorListPushBackBatch", [R("ab"), values(rng, dtype, (2, 2))], {"element_dtype": dtype}),
                     (["a", "b"], "Unpack", [R("ab")], {"num": 2, "T": "variant"}), stack(dtype, "a"), stack(dtype, "b", name="y")], ["x", "y"])
    for dtype in ("float32", "int32", "float64", "int64"):
        a, b = values(rng, dtype, (3, 2)), values(rng, dtype, (3, 2))
        two = [("a", *from_tensor(dtype, a)[1:]), ("b", *from_tensor(dtype, b)[1:])]
        yield Chain(two + [("l", "AddN", [[R("a"), R("b"), R("a")]], {"N": 3, "T": "variant"}), stack(dtype)], ["x"])
        yield Chain(two + [("l", "ZerosLike", [R("a")], {"T": "variant"}), stack(dtype)], ["x"])


def errors(rng):
    f = "float32"
    three = from_tensor(f, values(rng, f, (3, 2)))
    yield Chain([three, get_item(f, 3)], ["x"])
    yield Chain([three, get_item(f, -1)], ["x"])
    yield Chain([three, get_item("int32", 0)], ["x"])
    yield Chain([three, set_item(f, 3, values(rng, f, (2,)))], [])
    yield Chain([three, set_item(f, 0, values(rng, f, (3,)))], [])
    yield Chain([three, set_item(f, 0, values(rng, f, (3,))), stack(f)], ["x"])
    yield Chain([from_tensor(f, values(rng, f, (3, 2)), np.array([2], "int32")), set_item(f, 0, values(rng, f, (3,)))], [])
    yield Chain([empty(f), pop(f)], ["x"])
    yield Chain([empty(f), stack(f)], ["x"])
    yield Chain([empty(f), stack(f, shape=np.array([-1, 2]))], ["x"])
    yield Chain([empty(f, n=2)] + [push(f, values(rng, f, (2,))) for _ in range(3)], [])
    yield Chain([empty(f, np.array([3], "int32")), push(f, values(rng, f, (2,)))], [])
    yield Chain([reserve(f, 2), get_item(f, 0)], ["x"])
    yield Chain([reserve(f, -1)], [])
    yield Chain([three, stack(f, n=4)], ["x"])
    yield Chain([three, stack(f, n=3)], ["x"])
    yield Chain([three, stack(f, shape=np.array([3]))], ["x"])
    yield Chain([three, ("l", "TensorListResize", [R("l"), np.array(-1, "int32")], {})], [])
    yield Chain([from_tensor(f, values(rng, f, ()))], [])
    yield Chain([from_tensor(f, values(rng, f, (3, 2)), np.array([3], "int32"))], [])
    yield Chain([("l", "TensorListSplit", [values(rng, f, (3, 2)), ANY, np.array([1, 1])], {"element_dtype": f})], [])
    yield Chain([("l", "TensorListScatterV2", [values(rng, f, (2, 2)), np.array([0, -1], "int32"), ANY, np.array(-1, "int32")], {"element_dtype": f})], [])
    yield Chain([three, ("x", "TensorListGather", [R("l"), np.array([5], "int32"), ANY], {"element_dtype": f})], ["x"])
    concat = (["x", "lengths"], "TensorListConcatV2", [R("l"), ANY, np.zeros(0, "int64")], {"element_dtype": f, "shape_type": "int32"})
    yield Chain([empty(f), concat], ["x"])
    yield Chain([empty(f), push(f, np.float32(1).reshape(())), concat], ["x"])
    yield Chain([empty(f), push(f, values(rng, f, (2, 2))), push(f, values(rng, f, (1, 3))), concat], ["x"])
    lead = (["x", "lengths"], "TensorListConcatV2", [R("l"), np.array([-1, 2], "int32"), np.array([1, 2])], {"element_dtype": f, "shape_type": "int32"})
    yield Chain([reserve(f, 2), set_item(f, 0, values(rng, f, (3, 2))), lead], ["x", "lengths"])


def cases(rng):
    for part in (whole, steps, errors):
        yield from part(rng)
