# SPDX-License-Identifier: Apache-2.0
"""Ops that move values against NumPy, with the dtypes and ranks that the reference kernels do not take, too."""

import zlib

import numpy as np
import pytest

pytest.importorskip("modelgen", reason="models cannot be made")
pytest.importorskip("ml_dtypes")


def specs(module):
    from importlib import import_module
    return list(import_module(f"cases.{module}").specs(np.random.default_rng(zlib.crc32(module.encode()))))


def same(want, got):
    if want.dtype.kind == "V" or want.dtype.name == "bfloat16":
        return want.tobytes() == got.tobytes()
    if want.dtype.kind in "fc":
        return np.array_equal(want, got, equal_nan=True)
    return np.array_equal(want, got)


@pytest.mark.parametrize("module", ["move", "scatter", "strided"])
def test_numpy_says_the_same(module):
    import worker
    make = worker.unflow_maker()
    wrong = []
    for case, expected in specs(module):
        result = worker.run_case(make, *case.job())
        if result[0] != "ok":
            wrong.append(f"{case.name}: {result[1]}")
            continue
        got = [np.asarray(array) for array in result[1][0]]
        for i, (a, b) in enumerate(zip(expected, got)):
            if a.dtype != b.dtype or a.shape != b.shape or not same(a, b):
                wrong.append(f"{case.name} output {i}: expected {a.dtype} {a.shape}, found {b.dtype} {b.shape}")
        if len(got) != len(expected):
            wrong.append(f"{case.name}: {len(got)} outputs")
    assert not wrong, "\n".join(wrong[:40])


@pytest.mark.parametrize("dtype", ["int4", "uint4", "int2"])
def test_packed_integers_through_a_run(dtype):
    """Odd counts of packed elements as activations: what a run leaves in the last byte of one must not show in the next."""
    from modelgen import ModelGen

    import unflow
    rng = np.random.default_rng(3)
    low, high = {"int4": (-8, 8), "uint4": (0, 16), "int2": (-2, 2)}[dtype]
    x = rng.integers(low, high, (5, 3)).astype(np.uint8 if dtype == "uint4" else np.int8)
    rows = np.array([4, 0, 3], np.int32)
    g = ModelGen()
    value, at = g.tensor("x", dtype, (5, 3)), g.tensor("rows", "int32", (3,))
    perm, begin, size = (g.constant(name, "int32", np.array(v, np.int32))
                         for name, v in (("perm", (1, 0)), ("begin", (0, 1)), ("size", (3, 1))))
    axis, shape = g.constant("axis", "int32", np.int32(0)), g.constant("shape", "int32", np.array([9], np.int32))
    picked, turned, cut, joined = (g.tensor(n, dtype, s) for n, s in (("picked", (3, 3)), ("turned", (3, 3)), ("cut", (3, 1)), ("joined", (3, 5))))
    flat, back = g.tensor("flat", dtype, (9,)), g.tensor("back", dtype, (9,))
    parts = [g.tensor(f"part{i}", dtype, (1, 5)) for i in range(3)]
    g.op("GATHER", [value, at], [picked], "GatherOptions", {"axis": 0})
    g.op("TRANSPOSE", [picked, perm], [turned], "TransposeOptions")
    g.op("SLICE", [turned, begin, size], [cut], "SliceOptions")
    g.op("CONCATENATION", [cut, turned, cut], [joined], "ConcatenationOptions", {"axis": 1})
    g.op("SPLIT", [axis, joined], parts, "SplitOptions", {"numSplits": 3})
    g.op("RESHAPE", [turned, shape], [flat], "ReshapeOptions", {"newShape": [9]})
    g.op("REVERSE_V2", [flat, g.constant("zero", "int32", np.zeros(1, np.int32))], [back], "ReverseV2Options")
    g.inputs([value, at])
    g.outputs(parts + [back])
    interpreter = unflow.lite.Interpreter(model_content=g.build())
    interpreter.allocate_tensors()
    for array in (x, x[::-1].copy(), x):
        interpreter.set_tensor(value, array)
        interpreter.set_tensor(at, rows)
        interpreter.invoke()
        t = array[rows].T
        whole = np.concatenate([t[:, 1:2], t, t[:, 1:2]], 1)
        for i, part in enumerate(parts):
            np.testing.assert_array_equal(interpreter.get_tensor(part), whole[i:i + 1])
        np.testing.assert_array_equal(interpreter.get_tensor(back), t.reshape(-1)[::-1])
        np.testing.assert_array_equal(interpreter.get_tensor(picked), array[rows])


@pytest.mark.parametrize("dtype", ["float32", "int8", "int64", "int4", "string"])
@pytest.mark.parametrize("shape, sizes", [((64, 40, 2), (-1, -1, -1)), ((64, 40, 2), (1, -1, -1)), ((64, 40, 2), (-1, 7, 2)),
                                          ((1, 64, 80), (1, 50, 80)), ((4000,), (3000,)), ((3, 1500), (1, 1300))])
def test_slices_whose_shape_a_run_says(dtype, shape, sizes):
    """One of another: where they are one run of memory they are not copied, and must stay what they are."""
    from modelgen import ModelGen

    import unflow
    rng = np.random.default_rng(3)
    is_text = dtype == "string"
    g = ModelGen()
    x, begin, size = g.tensor("x", dtype, shape), g.tensor("begin", "int32", (len(shape),)), g.tensor("size", "int32", (len(shape),))
    first, second, third = (g.tensor(name, dtype, shape) for name in ("first", "second", "third"))
    none = g.constant("none", "int32", np.zeros(len(shape), np.int32))
    rest = g.constant("rest", "int32", np.full(len(shape), -1, np.int32))
    g.op("SLICE", [x, none, size], [first], "SliceOptions")
    g.op("SLICE", [first, begin, rest], [second], "SliceOptions")
    g.op("CONCATENATION", [second, second], [third], "ConcatenationOptions", {"axis": 0})
    g.inputs([x, begin, size])
    g.outputs([first, second, third])
    model = unflow.open(g.build())
    held = []
    for turn in range(4):
        at = np.array([min(turn, e - 1) if s == -1 else 0 for s, e in zip(sizes, shape)], np.int32)
        array = rng.integers(-8, 8, shape)
        array = array.astype(str).astype(object) if is_text else array.astype("int8" if dtype == "int4" else dtype)
        results = model.run(x=array, begin=at, size=np.array(sizes, np.int32))
        one = array[tuple(slice(0, e if s == -1 else s) for s, e in zip(sizes, shape))]
        two = one[tuple(slice(int(b), None) for b in at)]
        held.append((results, {"first": one, "second": two, "third": np.concatenate([two, two])}))
        for got, want in held:  # also those of runs before
            for name in want:
                found = got[name]
                found = np.vectorize(lambda v: v.decode() if isinstance(v, bytes) else v, otypes=[object])(found) if is_text else found
                np.testing.assert_array_equal(np.asarray(found), want[name])
