# SPDX-License-Identifier: Apache-2.0
"""Ops that pass values on and check or show them."""
import numpy as np

from elementwise import BF16, COMPLEX, FLOATS, INTEGERS, SHAPES, floats, numbers
from tf_case import Case, Chain, R

KINDS = FLOATS + INTEGERS + COMPLEX


def value(rng, shape=None):
    shape = SHAPES[rng.integers(len(SHAPES))] if shape is None else shape
    kind = int(rng.integers(len(KINDS) + 2))
    if kind < len(KINDS):
        return numbers(rng, KINDS[kind], shape)
    if kind == len(KINDS):
        return np.array(rng.integers(0, 2, shape), bool)
    return np.array([b"s" * int(n) for n in rng.integers(0, 9, int(np.prod(shape)))], object).reshape(shape)


def asserts(rng):
    data = [[np.arange(24).reshape(2, 3, 4), np.array([[b"a", b"b"], [b"c", b"d"]], object)], [np.float32(3)],
            [np.array([1.5, 1e10, 1e-7, np.nan, -np.inf, 123456789, 0.1], np.float32), np.array([1.1, 1 / 3, 1e300])],
            [np.array([True, False]), np.array([1, 200], np.uint8), np.array([-5], np.int8), np.array([1 + 2j], np.complex64)],
            [np.zeros((2, 0), np.float32), np.array([b'x"y\\\n'], object)], [np.array([1.5, 0.1], BF16)],
            [np.array([2 ** 64 - 1], np.uint64)]]
    for values in data:
        for summarize in [3, 100, -1, 0, 7]:
            for condition in [False, True]:
                yield Case("Assert", [np.array(condition), values], {"summarize": summarize})
    yield Case("Assert", [np.array([False]), [np.float32(1)]], {"summarize": 3})


def cases(rng):
    for op in ["Identity", "StopGradient", "PreventGradient", "GuaranteeConst", "DeepCopy"]:
        for _ in range(12):
            yield Case(op, [value(rng)])
    for op in ["Snapshot"]:
        for dtype in KINDS:
            yield Case(op, [numbers(rng, dtype, SHAPES[rng.integers(len(SHAPES))])])
    for _ in range(12):
        yield Case("IdentityN", [[value(rng) for _ in range(rng.integers(1, 6))]])
        yield Case("DebugIdentityV2", [value(rng)])
    for _ in range(4):
        yield Case("IdentityN", [[value(rng, (0,)), value(rng, ())]])
    for i in range(10):
        refs = [(n, "VariableV2", [], {"shape": [2], "dtype": "float32", "shared_name": f"{n}{i}"}) for n in "abc"]
        f = {"T": "float32"}  # which a handle does not tell
        sets = [(None, "Assign", [R(n), floats(rng, np.float32, (2,))], f) for n in "abc"]
        yield Chain([*refs, *sets, ("r", "RefSelect", [np.array(i % 3, np.int32), [R("a"), R("b"), R("c")]], f),
                     ("i", "RefIdentity", [R("r")], f), ("x", "Identity", [R("i")])], ["x"], graph=True)
    for shape, wanted in [((2, 3), [2, 3]), ((2, 3), [-1, 3]), ((2, 3), [-1, -1]), ((2, 3), [2, 4]), ((2, 3), [2]), ((), []),
                          ((0, 2), [0, 2]), ((3,), [-1]), ((3,), [4]), ((1, 1, 1), [1, -1, 1]), ((5,), [5])]:
        yield Case("EnsureShape", [value(rng, shape)], {"shape": wanted})
    for op in ["CheckNumerics", "CheckNumericsV2"]:
        for i in range(16):
            dtype = FLOATS[i % 4]
            edges = [[], [np.nan], [np.inf], [-np.inf], [np.nan, np.inf], [np.inf, -np.inf], [np.nan, -np.inf, np.inf]][i % 7]
            yield Case(op, [floats(rng, dtype, [(), (0,), (300,), (4, 5)][i % 4 if not edges else 2], edges=edges)], {"message": "seen here"})
    yield from asserts(rng)
    for i in range(12):
        yield Case("Print", [value(rng), [value(rng), value(rng)]], {"message": "m: ", "first_n": [-1, 0, 2][i % 3], "summarize": 3})
        yield Case("PrintV2", [np.array(b"line %d" % i)], {"output_stream": ["stderr", "log(info)"][i % 2], "end": ["\n", ""][i % 2]})
    yield Case("PrintV2", [np.array(b"x")], {"output_stream": "nowhere"})
    yield Case("PrintV2", [np.array([b"x"])], {"output_stream": "stderr"})
    for i in range(10):
        yield Chain([("h", "VarHandleOp", [], {"dtype": "float32", "shape": [2], "shared_name": f"v{i}"}),
                     (None, "AssignVariableOp", [R("h"), floats(rng, np.float32, (2,))]),
                     (None, "DisableCopyOnRead", [R("h")]), ("g", "Identity", [R("h")]),
                     ("x", "ReadVariableOp", [R("g")], {"dtype": "float32"})], ["x"])
