# SPDX-License-Identifier: Apache-2.0
"""Every model of ../shared/data/tflite: outputs, later steps, signatures, within its tolerance."""

import json

import numpy as np
import pytest
import unflow
from conftest import SHARED

FOLDER = SHARED / "data" / "tflite"
CASES = []
if FOLDER.is_dir():
    CASES = json.loads((FOLDER / "index.json").read_text())["cases"]
GOOD = [c for c in CASES if "expect_error" not in c]
BAD = [c for c in CASES if "expect_error" in c]
NONE = [pytest.param(None, marks=pytest.mark.skip(reason="../shared is not there"), id="69 models")]


def params(cases):
    return [pytest.param(c, id=c["id"]) for c in cases] or NONE


def load(data, key):
    """An array of the .npz; None when it is not there."""
    if f"{key}__bytes" in data:
        raw, at = data[f"{key}__bytes"].tobytes(), data[f"{key}__offs"]
        items = [raw[a:b] for a, b in zip(at[:-1], at[1:])]
        out = np.empty(len(items), object)
        out[:] = items
        return out.reshape(data[f"{key}__shape"])
    return data[key] if key in data else None


def within(got, expected, rtol, atol, stride=1):
    got = np.asarray(got)
    if got.dtype == object:
        return got.tolist() == expected.tolist()
    got = got.reshape(-1)[::stride].astype(np.float64)
    expected = expected.reshape(-1).astype(np.float64)
    if got.shape != expected.shape:
        return False
    return np.allclose(got, expected, rtol=rtol, atol=atol, equal_nan=True)


def check(got, data, key, spec):
    assert got.shape == tuple(spec.get("value_shape", got.shape))
    for name in (key, f"{key}_default"):
        expected = load(data, name)
        if expected is not None and within(got, expected, spec["rtol"], spec["atol"],
                                           spec.get("stride", 1)):
            return
    worst = np.abs(got.reshape(-1)[::spec.get("stride", 1)].astype(np.float64)
                   - load(data, key).reshape(-1)).max() if got.dtype != object else ""
    pytest.fail(f"{key} {spec['name']}: off by {worst}, allowed {spec['atol']}")


def feed(data, entry):
    return load(data, entry["key"])


@pytest.mark.parametrize("case", params(GOOD))
def test_interpreter(case):
    data = np.load(FOLDER / case["data"])
    interpreter = unflow.lite.Interpreter(model_path=FOLDER / case["model"])
    details, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    assert [d["name"] for d in details] == [e["name"] for e in case["inputs"]]
    assert [d["name"] for d in outputs] == [e["name"] for e in case["outputs"]]
    for d, e in zip(details, case["inputs"]):
        assert d["shape"].tolist() == e["shape"]
        if e["feed_shape"] != e["shape"]:
            interpreter.resize_tensor_input(d["index"], e["feed_shape"])
    interpreter.allocate_tensors()
    for step in range(case.get("steps", 1)):
        for d, e in zip(details, case["inputs"]):
            interpreter.set_tensor(d["index"], feed(data, e))
        interpreter.invoke()
        for d, e in zip(outputs, case["outputs"]):
            key = e["key"] if step == 0 else f"{e['key']}_{step}"
            if load(data, key) is not None:
                check(np.asarray(interpreter.get_tensor(d["index"])), data, key, e)


@pytest.mark.parametrize("case", params([c for c in GOOD if c.get("signatures")]))
def test_signatures(case):
    data = np.load(FOLDER / case["data"])
    atol = max([e["atol"] for e in case["outputs"]])
    with unflow.open(FOLDER / case["model"]) as model:
        for signature in sorted(case["signatures"], key=lambda s: s["order"]):
            call = model.signatures[signature["name"]]
            results = call(**{k: load(data, v) for k, v in signature["inputs"].items()})
            assert set(results) == set(signature["outputs"])
            for name, key in signature["outputs"].items():
                assert within(results[name], load(data, key), 1e-3, atol), name


@pytest.mark.parametrize("case", params(GOOD))
def test_every_tensor_reads(case):
    """After a run every tensor of the main graph has a value, and outputs do not change."""
    data = np.load(FOLDER / case["data"])
    with unflow.open(FOLDER / case["model"]) as model:
        model.run(*(feed(data, e) for e in case["inputs"]))
        before = [t.numpy(copy=True) for t in model.outputs.match("*").values()]
        n = len(model.tensors)
        for i in range(0, n, max(1, n // 40)):
            try:
                array = model.tensors[i].numpy()
            except NotImplementedError:
                continue
            assert array.shape == tuple(model.tensors[i].shape)
        for a, t in zip(before, model.outputs.match("*").values()):
            np.testing.assert_array_equal(a, t.numpy())


@pytest.mark.parametrize("case", params(BAD))
def test_bad_models_raise(case):
    with pytest.raises((ValueError, RuntimeError)) as caught:
        interpreter = unflow.lite.Interpreter(model_path=FOLDER / case["model"])
        interpreter.allocate_tensors()
        interpreter.invoke()
    assert case["model"] in str(caught.value)
