# SPDX-License-Identifier: Apache-2.0
"""tensor_array.py: tensor arrays of version 3, their gradients; stacks."""

import numpy as np
from tf_case import Chain, R

from variable import values

DTYPES = ["float32", "float64", "float16", "bfloat16", "int8", "int32", "int64", "uint8", "bool", "complex64", "string"]
SHAPES = [(), (1,), (3,), (2, 3), (0,)]
F = R("f")

ROUNDS = 2


def i32(v):
    return np.array(v, "int32")


def make(dtype, n, shape=None, **attrs):
    return (["h", "f"], "TensorArrayV3", [i32(n)], {"dtype": dtype, "element_shape": shape, **attrs})


def write(i, v, h="h", f="f"):
    return (f, "TensorArrayWriteV3", [R(h), i32(i), v, R(f)], {})


def read(dtype, i, name="x", h="h"):
    return (name, "TensorArrayReadV3", [R(h), i32(i), F], {"dtype": dtype})


def gather(dtype, i, shape=None, name="x", h="h"):
    return (name, "TensorArrayGatherV3", [R(h), i32(i), F], {"dtype": dtype, "element_shape": shape})


SIZE = ("n", "TensorArraySizeV3", [R("h"), F], {})


def chain(steps, outputs):
    return Chain(steps, outputs, graph=True)


def good(rng):
    for dtype in DTYPES:
        for shape in SHAPES:
            n = int(rng.integers(1, 20))
            v = values(rng, dtype, (n,) + shape)
            first = np.array(v[0], v.dtype).reshape(shape)
            yield chain([make(dtype, n)] + [write(i, np.array(v[i], v.dtype).reshape(shape)) for i in map(int, rng.permutation(n))] + [SIZE, gather(dtype, np.arange(n))], ["x", "n"])
            yield chain([make(dtype, 0, dynamic_size=True), write(2, first), write(0, first), SIZE, read(dtype, 2)], ["x", "n"])
            picks = rng.permutation(n)[:int(rng.integers(1, n + 1))]
            yield chain([make(dtype, n, list(shape)), ("f", "TensorArrayScatterV3", [R("h"), i32(np.arange(n)), v, F], {}),
                         gather(dtype, picks, list(shape)), SIZE], ["x", "n"])
            cuts = np.diff([0, *sorted(rng.integers(0, n + 1, 2)), n]).astype("int64")
            yield chain([make(dtype, 3), ("f", "TensorArraySplitV3", [R("h"), v, cuts, F], {}), read(dtype, 1, "y")], ["y"])
            yield chain([make(dtype, 3, clear_after_read=False), ("f", "TensorArraySplitV3", [R("h"), v, cuts, F], {}), read(dtype, 1, "y"),
                         (["x", "l"], "TensorArrayConcatV3", [R("h"), F], {"dtype": dtype, "element_shape_except0": list(shape)})], ["x", "l", "y"])
            if dtype != "string":
                yield chain([make(dtype, 2, list(shape)), read(dtype, 1)], ["x"])
        yield chain([make(dtype, 2, clear_after_read=False), write(1, values(rng, dtype, (2,))), read(dtype, 1), read(dtype, 1, "y")], ["x", "y"])
    for dtype in ("float32", "float64", "int32", "int64", "complex64", "float16"):
        v = [values(rng, dtype, (2, 2)) for _ in range(6)]
        grad = (["g", "f"], "TensorArrayGradV3", [R("h"), F], {"source": "gradients"})
        steps = [make(dtype, 3, clear_after_read=False)] + [write(i, v[i]) for i in range(3)] + [grad]
        steps += [write(0, v[3], "g"), write(0, v[4], "g"), write(1, v[5], "g"), grad]
        yield chain(steps + [gather(dtype, [0, 1, 2], h="g")], ["x"])
        yield chain(steps + [read(dtype, 2, h="g"), ("n", "TensorArraySizeV3", [R("g"), F], {})], ["x", "n"])
        shaped = (["g", "f"], "TensorArrayGradWithShape", [R("h"), F, i32([3])], {"source": "s"})
        yield chain([make(dtype, 2, [2, 2], clear_after_read=False), write(0, v[0]), shaped, write(1, values(rng, dtype, (3, 2, 2)), "g"),
                     gather(dtype, [0, 1], h="g")], ["x"])


def errors(rng):
    f = "float32"
    v = values(rng, f, (2,))
    yield chain([make(f, 2), write(2, v)], ["f"])
    yield chain([make(f, 2), write(-1, v)], ["f"])
    yield chain([make(f, 2), write(0, v), write(0, v)], ["f"])
    yield chain([make(f, 2), write(0, values(rng, "int32", (2,)))], ["f"])
    yield chain([make(f, 2), read(f, 0)], ["x"])
    yield chain([make(f, 2), read(f, 2)], ["x"])
    yield chain([make(f, 2), write(0, v), read(f, 0), read(f, 0, "y")], ["y"])
    yield chain([make(f, 2), write(0, v), read(f, 0), write(0, v)], ["f"])
    yield chain([make(f, 2), write(0, v), read("int32", 0)], ["x"])
    yield chain([make(f, 2), write(0, v), write(1, values(rng, f, (3,))), gather(f, [0, 1])], ["x"])
    yield chain([make(f, 2, identical_element_shapes=True), write(0, v), write(1, values(rng, f, (3,)))], ["f"])
    yield chain([make(f, 0), gather(f, np.zeros(0))], ["x"])
    yield chain([make(f, 0), gather(f, np.zeros(0), [2])], ["x"])
    yield chain([make(f, -1)], ["f"])
    yield chain([make(f, 2), ("f", "TensorArrayScatterV3", [R("h"), i32([0, 2]), values(rng, f, (2, 2)), F], {})], ["f"])
    for cuts in ([1, 1], [1, 1, 1], [2, 2], [-1, 4]):
        yield chain([make(f, 2), ("f", "TensorArraySplitV3", [R("h"), values(rng, f, (3, 2)), np.array(cuts), F], {})], ["f"])
    yield chain([make(f, 2), (None, "TensorArrayCloseV3", [R("h")], {}), write(0, v)], ["f"])
    yield chain([make(f, 2), write(0, v), (["g", "f"], "TensorArrayGradV3", [R("h"), F], {"source": "a"}),
                 write(0, values(rng, f, (3,)), "g"), write(0, v, "g")], ["f"])


def stacks(rng):
    for dtype in DTYPES:
        v = [values(rng, dtype, SHAPES[rng.integers(5)]) for _ in range(4)]
        new = ("h", "StackV2", [i32(rng.integers(4, 9) if rng.integers(2) else -1)], {"elem_type": dtype})
        push = [("p", "StackPushV2", [R("h"), a], {"swap_memory": bool(rng.integers(2))}) for a in v]
        pop = [(f"x{i}", "StackPopV2", [R("h")], {"elem_type": dtype}) for i in range(4)]
        yield chain([new, *push, *pop], ["x0", "x1", "x2", "x3"])
        yield chain([new, *push[:2], pop[0], push[2], pop[1], pop[2]], ["x0", "x1", "x2", "p"])
        yield chain([new, *push[:1], pop[0], pop[1]], ["x1"])
        yield chain([new, *push[:1], (None, "StackCloseV2", [R("h")], {}), pop[0]], ["x0"])
    full = ("h", "StackV2", [i32(1)], {"elem_type": "float32"})
    a = values(rng, "float32", (2,))
    yield chain([full, ("p", "StackPushV2", [R("h"), a], {}), ("p", "StackPushV2", [R("h"), a], {})], ["p"])
    yield chain([full, ("p", "StackPushV2", [R("h"), values(rng, "int32", (2,))], {})], ["p"])


def cases(rng):
    for part in (good, errors, stacks):
        yield from part(rng)
