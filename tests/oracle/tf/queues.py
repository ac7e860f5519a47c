# SPDX-License-Identifier: Apache-2.0
"""queues.py: queues: FIFO, padding, by priority, shuffled with a seed."""

import itertools

import numpy as np
from tf_case import Chain, R

from variable import values

COUNTER = itertools.count()
DTYPES = ["float32", "float64", "float16", "int8", "int32", "int64", "uint8", "bool", "complex64", "string"]


def i32(v):
    return np.array(v, "int32")


def make(kind, types, shapes=None, **attrs):
    return ("q", kind, [], {"component_types": types, "shapes": shapes or [], "shared_name": f"q{next(COUNTER)}", **attrs})


def put(*v, many=False):
    return (None, f"QueueEnqueue{'Many' if many else ''}V2", [R("q"), [np.asarray(i) for i in v]], {})


def get(types, names, n=None, up_to=False):
    if n is None:
        return (names, "QueueDequeueV2", [R("q")], {"component_types": types})
    return (names, f"QueueDequeue{'UpTo' if up_to else 'Many'}V2", [R("q"), i32(n)], {"component_types": types})


SIZE = ("n", "QueueSizeV2", [R("q")], {})
CLOSE = (None, "QueueCloseV2", [R("q")], {})


def chain(steps, outputs):
    return Chain(steps, outputs, graph=True)


def fifo(rng):
    for dtype in DTYPES:
        a, b = values(rng, dtype, (5, 2)), values(rng, "int32", (5,))
        types = [dtype, "int32"]
        for kind in ("FIFOQueueV2", "PaddingFIFOQueueV2"):
            yield chain([make(kind, types, [[2], []]), put(a, b, many=True), SIZE, get(types, ["x", "y"]), get(types, ["z", "w"], 3)],
                        ["n", "x", "y", "z", "w"])
            yield chain([make(kind, types, [[2], []]), put(a[0], b[0]), put(a[1], b[1]), CLOSE, ("c", "QueueIsClosedV2", [R("q")], {}),
                         get(types, ["x", "y"], 5, True)], ["x", "y", "c"])
        yield chain([make("FIFOQueueV2", [dtype]), put(a[0]), put(a), get([dtype], ["x"]), get([dtype], ["y"]), SIZE], ["x", "y", "n"])
        rows = [values(rng, dtype, (int(rng.integers(0, 4)), 2, int(rng.integers(1, 5)))) for _ in range(4)]
        yield chain([make("PaddingFIFOQueueV2", [dtype], [[None, 2, None]])] + [put(r) for r in rows] + [get([dtype], ["x"], 4), SIZE], ["x", "n"])
        order = rng.permutation(6).astype("int64")
        yield chain([make("PriorityQueueV2", [dtype], [[2]])] + [put(np.array(o, 'int64'), values(rng, dtype, (2,))) for o in order] +
                    [get(["int64", dtype], ["p", "x"]), get(["int64", dtype], ["r", "y"], 4)], ["p", "x", "r", "y"])
        yield chain([make("RandomShuffleQueueV2", types, [[2], []], seed=int(rng.integers(1, 99)), seed2=int(rng.integers(0, 99)),
                          min_after_dequeue=1), put(a, b, many=True), get(types, ["x", "y"]), get(types, ["z", "w"], 3), SIZE],
                    ["x", "y", "z", "w", "n"])
    big = values(rng, "int32", (300,))
    steps = [make("FIFOQueueV2", ["int32"], [[]]), put(big, many=True)]
    steps += [get(["int32"], [f"x{i}"], 50) for i in range(4)] + [put(big[:30], many=True), get(["int32"], ["y"], 130), SIZE]
    yield chain(steps, ["x0", "x1", "x2", "x3", "y", "n"])
    steps = [make("RandomShuffleQueueV2", ["int32"], [[]], seed=5, seed2=6), put(big, many=True), CLOSE, get(["int32"], ["x"], 299), get(["int32"], ["y"])]
    yield chain(steps, ["x", "y"])


def errors(rng):
    f = "float32"
    v = values(rng, f, (3, 2))
    for kind in ("FIFOQueueV2", "PaddingFIFOQueueV2", "RandomShuffleQueueV2"):
        def one():
            return make(kind, [f], [[2]])

        yield chain([one(), put(v[0]), CLOSE, get([f], ["x"]), get([f], ["y"])], ["y"])
        yield chain([one(), put(v[0]), CLOSE, get([f], ["x"], 2)], ["x"])
        yield chain([one(), CLOSE, put(v[0]), SIZE], ["n"])
        yield chain([one(), put(v), SIZE], ["n"])
        yield chain([one(), put(values(rng, "int32", (2,))), SIZE], ["n"])
        yield chain([one(), put(v[0], v[0]), SIZE], ["n"])
        yield chain([one(), put(v[0]), get(["int32"], ["x"])], ["x"])
        yield chain([one(), put(v[0]), CLOSE, get([f], ["x"], 0), SIZE], ["x", "n"])
    yield chain([make("FIFOQueueV2", [f]), put(v[0]), get([f], ["x"], 1)], ["x"])


def cases(rng):
    yield from fifo(rng)
    yield from errors(rng)
