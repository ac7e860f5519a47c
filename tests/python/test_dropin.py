# SPDX-License-Identifier: Apache-2.0
"""unflow.lite.Interpreter beside LiteRT's, on the same models: details, names, exceptions."""

import json

import numpy as np
import pytest
import unflow

litert = pytest.importorskip("ai_edge_litert.interpreter", reason="ai-edge-litert is not installed")


def same(a, b):
    if isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    elif isinstance(a, (list, tuple)):
        assert type(a) is type(b) and len(a) == len(b)
        for x, y in zip(a, b):
            same(x, y)
    else:
        assert a == b


def real_models(shared):
    cases = json.loads((shared / "data" / "tflite" / "index.json").read_text())["cases"]
    return [shared / "data" / "tflite" / c["model"] for c in cases if "expect_error" not in c]


def test_details_of_real_models(shared):
    import ml_dtypes  # noqa: F401  LiteRT drops bfloat16 tensors without it

    compared = 0
    for path in real_models(shared):
        ours = unflow.lite.Interpreter(model_path=path)
        try:
            theirs = litert.Interpreter(
                model_path=str(path),
                experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF)
        except ValueError:  # one of them LiteRT does not take
            continue
        same(theirs.get_input_details(), ours.get_input_details())
        same(theirs.get_output_details(), ours.get_output_details())
        assert theirs.get_signature_list() == ours.get_signature_list()
        for t, o in zip(theirs._get_ops_details(), ours._get_ops_details()):
            same(t, o)
        mine = {d["index"]: d for d in ours.get_tensor_details()}
        for details in theirs.get_tensor_details():
            if details["name"] and details["index"] in mine and not details["sparsity_parameters"]:
                same(details, mine[details["index"]])
                compared += 1
    assert compared > 1000


def both(models_bytes, call):
    """The types of the exceptions of both, or the results."""
    out = []
    for module in (litert, unflow.lite):
        try:
            out.append(call(module, models_bytes))
        except Exception as error:  # noqa: BLE001
            out.append(error)
    return out


@pytest.mark.parametrize("call", [
    lambda m, b: m.Interpreter(model_path="nothing.tflite"),
    lambda m, b: m.Interpreter(model_content=b"nothing"),
    lambda m, b: m.Interpreter(),
    lambda m, b: m.Interpreter(model_path="a", model_content=b),
    lambda m, b: m.Interpreter(model_content=b, num_threads=0),
    lambda m, b: m.Interpreter(model_content=b, num_threads="1"),
    lambda m, b: m.Interpreter(model_content=b).get_tensor(2),
    lambda m, b: m.Interpreter(model_content=b).set_tensor(0, np.zeros((2, 3), np.float32)),
    lambda m, b: m.Interpreter(model_content=b).invoke(),
    lambda m, b: m.Interpreter(model_content=b).get_tensor(1000),
    lambda m, b: m.Interpreter(model_content=b).get_tensor(-1),
    lambda m, b: m.Interpreter(model_content=b).get_tensor("x"),
    lambda m, b: m.Interpreter(model_content=b).get_tensor(0, 9),
    lambda m, b: m.Interpreter(model_content=b).set_tensor(0, np.zeros((2, 3))),
    lambda m, b: m.Interpreter(model_content=b).set_tensor(0, np.zeros((2, 4), np.float32)),
    lambda m, b: m.Interpreter(model_content=b).set_tensor(1000, np.zeros((2, 4), np.float32)),
    lambda m, b: m.Interpreter(model_content=b).resize_tensor_input(0, [1, 1], strict=True),
    lambda m, b: m.Interpreter(model_content=b).resize_tensor_input(1000, [1, 1]),
    lambda m, b: m.Interpreter(model_content=b).get_signature_runner(),
    lambda m, b: m.Interpreter(model_content=b).get_signature_runner("nope"),
    lambda m, b: m.Interpreter(model_content=b).get_tensor_details(9),
])
def test_same_exceptions(models, call):
    theirs, ours = both(models.add(), call)
    assert isinstance(theirs, Exception) and isinstance(ours, type(theirs)), (theirs, ours)


def test_same_values_and_types(models):
    def run(module, data):
        i = module.Interpreter(model_content=data)
        i.allocate_tensors()
        x = np.arange(6, dtype=np.float32).reshape(2, 3)
        i.set_tensor(0, x)
        i.invoke()
        return i.get_tensor(2), i.tensor(2)(), i.get_signature_list()

    theirs, ours = both(models.add(), run)
    same(theirs, ours)
