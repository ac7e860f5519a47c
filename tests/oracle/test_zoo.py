# SPDX-License-Identifier: Apache-2.0
"""Whole models beside the reference kernels: every output, and every intermediate tensor of the smaller ones.

UNFLOW_ZOO_TESTS=some (the normal run) leaves float16 and dynamic of the large ones out; =all takes all of it.
"""

import os
import pathlib
import sys

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import engines  # noqa: E402
import zoo  # noqa: E402
from case import Case  # noqa: E402

ALL = os.environ.get("UNFLOW_ZOO_TESTS") == "all"
BOTH = ("float32", "int8")
PAIRS = [(name, kind) for name in zoo.MODELS for kind in zoo.KINDS
         if ALL or kind in BOTH or name in ("mobilenet_v2", "transformer", "lstm", "mlp")]

# float32: rounding in another order, some dozen layers deep. dynamic: an activation at a rounding boundary moves one
# step of its row's scale. int8: requantization may differ by a step in conv and fc, and a step travels.
LIMITS = {"float32": 2e-4, "float16": 2e-4, "dynamic": 2e-2, "int8": 0}
STEPS = 3


@pytest.fixture(scope="module")
def unflow_lite():
    path = engines.package_path()
    if path and path not in sys.path:
        sys.path.insert(0, path)
    import unflow.lite

    return unflow.lite


@pytest.fixture(scope="module")
def expected():
    return engines.Expected("zoo")


def model_bytes(name, kind="float32"):
    if zoo.make([name], [kind], say=lambda *a, **k: None):
        pytest.fail(f"TensorFlow could not make {name} {kind}")
    return zoo.path_of(name, kind).read_bytes()


def seeded_inputs(interpreter):
    rng = np.random.default_rng(5)
    out = []
    for detail in interpreter.get_input_details():
        if detail["dtype"] == np.int8:
            out.append(rng.integers(-128, 128, detail["shape"]).astype(np.int8))
        else:
            out.append(rng.uniform(-1, 1, detail["shape"]).astype(np.float32))
    return out


def worst(want, got):
    """The largest difference, relative to the size of the values for floats, in steps for integers."""
    assert want.dtype == got.dtype and want.shape == got.shape, (want.dtype, got.dtype, want.shape, got.shape)
    if want.dtype.kind == "O":
        return 0.0 if np.array_equal(want, got) else np.inf
    diff = np.abs(want.astype(np.float64) - got.astype(np.float64)).max(initial=0)
    return diff / max(np.abs(want).max(initial=0), 1e-3) if want.dtype.kind == "f" else diff


def reference(expected, case):
    kind, value, *_ = expected.merge(case)
    assert kind == "ok", f"the oracle: {value}"
    return value


@pytest.mark.parametrize("name,kind", PAIRS, ids=["-".join(p) for p in PAIRS])
def test_outputs(unflow_lite, expected, name, kind):
    data = model_bytes(name, kind)
    interpreter = unflow_lite.Interpreter(model_content=data)
    interpreter.allocate_tensors()
    inputs = seeded_inputs(interpreter)
    want = reference(expected, Case(f"{name}-{kind}", "zoo", data, inputs))[0]
    for detail, array in zip(interpreter.get_input_details(), inputs):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    for detail, array in zip(interpreter.get_output_details(), want):
        error = worst(array, interpreter.get_tensor(detail["index"]))
        limit = STEPS if array.dtype.kind in "iu" else LIMITS[kind]
        assert error <= limit, f"{detail['name']}: expected a difference of at most {limit}, found {error}"


CALLS = {
    "train": lambda r: [("train", {"x": r((4, 6)), "y": r((4, 3))}), ("infer", {"x": r((4, 6))}), ("save", {}),
                        ("restore", {"w": r((6, 3)), "b": r((3,))}), ("infer", {"x": r((4, 6))}), ("save", {})],
    "table": lambda r: [("word", {"n": np.array([2, 9, 1], np.int64)}),
                        ("number", {"word": np.array([b"three", b"no"], object)})],
    "control": lambda r: [("choose", {"c": np.array(True), "x": r((3,))}), ("choose", {"c": np.array(False), "x": r((3,))}),
                          ("repeat", {"n": np.array(4, np.int32), "x": r((3,))}),
                          ("repeat", {"n": np.array(0, np.int32), "x": r((3,))})],
}


@pytest.mark.parametrize("name", list(CALLS))
def test_signatures(unflow_lite, expected, name):
    data = model_bytes(name)
    rng = np.random.default_rng(9)
    calls = CALLS[name](lambda shape: rng.normal(size=shape).astype(np.float32))
    want = reference(expected, Case(name, "zoo", data, calls=calls))
    interpreter = unflow_lite.Interpreter(model_content=data)
    for (key, inputs), arrays in zip(calls, want):
        got = interpreter.get_signature_runner(key)(**inputs)
        for field, array in zip(sorted(got), arrays):
            assert worst(array, got[field]) <= 1e-5, (key, field)


SMALL = [("mobilenet_v2", "float32"), ("mobilenet_v2", "int8"), ("lstm", "float32"), ("transformer", "float32"),
         ("mlp", "dynamic")]


@pytest.mark.parametrize("name,kind", SMALL, ids=["-".join(p) for p in SMALL])
def test_every_intermediate(unflow_lite, expected, name, kind):
    """Each tensor of the run, read without a flag, beside the oracle with everything kept."""
    data = model_bytes(name, kind)
    interpreter = unflow_lite.Interpreter(model_content=data)
    interpreter.allocate_tensors()
    inputs = seeded_inputs(interpreter)
    want = reference(expected, Case(f"all-{name}-{kind}", "zoo", data, inputs, keep_all=True))[0]
    for detail, array in zip(interpreter.get_input_details(), inputs):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    compared = 0
    for index, array in want.items():
        error = worst(array, interpreter.get_tensor(index))
        assert error <= (STEPS if array.dtype.kind in "iu" else LIMITS[kind]), (index, error)
        compared += 1
    assert compared > 3
