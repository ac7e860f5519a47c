# SPDX-License-Identifier: Apache-2.0
"""ref_variable.py: variables of TensorFlow 1, whose handles are references."""

import itertools

import numpy as np
from tf_case import Chain, R

from variable import NUMBERS, SHAPES, SLICES, spec, values

COUNTER = itertools.count()

ROUNDS = 3


def chain(steps, outputs):
    return Chain(steps, outputs, graph=True)


def make(dtype, shape, op="VariableV2"):
    return ("v", op, [], {"dtype": dtype, "shape": list(shape), "shared_name": f"r{next(COUNTER)}"})


def start(dtype, value, op="VariableV2"):
    return [make(dtype, value.shape, op), ("a", "Assign", [R("v"), value], {})]


def assign(rng):
    for dtype in NUMBERS + ["bool", "string"]:
        shape = SHAPES[rng.integers(len(SHAPES))]
        v, w = values(rng, dtype, shape), values(rng, dtype, shape)
        yield chain(start(dtype, v), ["a"])
        yield chain(start(dtype, v, "Variable" if shape else "VariableV2") + [("a", "Assign", [R("a"), w], {"use_locking": False}),
                    ("i", "IsVariableInitialized", [R("v")], {"dtype": dtype})], ["a", "i", "v"])
        if dtype in NUMBERS:
            yield chain(start(dtype, v) + [("a", "AssignAdd", [R("v"), w], {}), ("a", "AssignSub", [R("a"), v], {})], ["a"])
            name = f"t{next(COUNTER)}"
            temporary = ("v", "TemporaryVariable", [], {"dtype": dtype, "shape": list(shape), "var_name": name})
            yield chain([temporary, ("a", "Assign", [R("v"), v], {}), ("a", "AssignAdd", [R("a"), w], {}),
                         ("x", "DestroyTemporaryVariable", [R("a")], {"var_name": name, "T": dtype})], ["x"])
    v = values(rng, "float32", (2, 3))
    other = values(rng, "float32", (4,))
    yield chain(start("float32", v) + [("a", "Assign", [R("v"), other], {"validate_shape": False})], ["a"])
    yield chain([make("float32", (2,)), ("i", "IsVariableInitialized", [R("v")], {"dtype": "float32"})], ["i"])
    yield chain([make("float32", (2,)), ("a", "AssignAdd", [R("v"), values(rng, "float32", (2,))], {})], ["a"])
    yield chain([make("int32", ()), ("x", "CountUpTo", [R("v")], {"limit": 3, "T": "int32"})], ["x"])
    for dtype, first in itertools.product(("int32", "int64"), (0, 4, 5)):
        yield chain(start(dtype, np.array(first, dtype)) + [("x", "CountUpTo", [R("a")], {"limit": 5, "T": dtype})], ["x", "v"])


def scatter(rng):
    for op in ("Update", "Add", "Sub", "Mul", "Div", "Min", "Max"):
        for dtype in ["float32", "float64", "int32", "int64", "float16"] + (["string", "bool"] if op == "Update" else []):
            shape = [(5,), (4, 3), (3, 2, 2)][rng.integers(3)]
            i = np.unique(rng.integers(0, shape[0], 3)).astype(["int32", "int64"][rng.integers(2)])
            u = values(rng, dtype, i.shape + shape[1:], op == "Div")
            yield chain(start(dtype, values(rng, dtype, shape)) + [("a", f"Scatter{op}", [R("a"), i, u], {})], ["a"])
            if op in ("Update", "Add", "Sub") and dtype != "float16":
                n = i.reshape(-1, 1)
                yield chain(start(dtype, values(rng, dtype, shape)) + [("a", f"ScatterNd{op}", [R("a"), n, u], {})], ["a"])
    v = values(rng, "float32", (4, 2))
    for i in ([4], [-1]):
        yield chain(start("float32", v) + [("a", "ScatterAdd", [R("a"), np.array(i), values(rng, "float32", (1, 2))], {})], ["a"])
        yield chain(start("float32", v) + [("a", "ScatterNdAdd", [R("a"), np.array([i]), values(rng, "float32", (1, 2))], {})], ["a"])
    for shape, key in SLICES:
        entries, masks = spec(key)
        v = values(rng, "float32", shape)
        yield chain(start("float32", v) + [("a", "StridedSliceAssign", [R("a"), *entries, values(rng, "float32", v[key].shape)], masks)], ["a"])


def cases(rng):
    yield from assign(rng)
    yield from scatter(rng)
