# SPDX-License-Identifier: Apache-2.0
"""State tensors of recurrent ops as values: read, saved, restored, copied, reset, and where they begin anew."""

import importlib.util
import pathlib
import sys

import numpy as np
import pytest

import unflow
from unflow.lite import Interpreter

ORACLE = pathlib.Path(__file__).resolve().parents[1] / "oracle"
sys.path.insert(0, str(ORACLE))
pytest.importorskip("modelgen")


def case_file(name):
    spec = importlib.util.spec_from_file_location(f"state_{name}", ORACLE / "cases" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rnn, recurrent = case_file("rnn"), case_file("recurrent")


def models():
    rng = np.random.default_rng(3)
    return {
        "RNN": rnn.step_model(rng), "SEQUENCE": rnn.sequence_model(rng), "BOTH": rnn.both_model(rng, merge=True),
        "BOTH_LSTM": rnn.both_lstm(rng), "LSTM": recurrent.lstm(rng, "LSTM", projection=4),
        "INTEGER": recurrent.lstm_int8(rng, "LSTM"), "SVDF": recurrent.svdf(rng, "int8", act=1),
    }


MODELS = models()


def named(model, feeds):
    return dict(zip((d["name"] for d in Interpreter(model_content=model).get_input_details()), feeds))


@pytest.mark.parametrize("name", MODELS)
def test_a_state_is_a_value(name):
    model, feeds = MODELS[name]
    m = unflow.open(model)
    inputs = named(model, feeds)

    def run(m):
        return list(m.run(**inputs).values())
    start = m.state()
    assert start and all(not np.any(v) or v.dtype == np.int8 for v in start.values())
    first, second = run(m), run(m)
    assert any(not np.array_equal(a, b) for a, b in zip(first, second))
    kept, copy = m.state(), m.fork()
    third = run(m)
    for other in (copy, m):
        if other is m:
            m.load_state(kept)
        for a, b in zip(third, run(other)):
            np.testing.assert_array_equal(a, b)
    m.reset()
    for a, b in zip(first, run(m)):
        np.testing.assert_array_equal(a, b)


def lite(name):
    model, feeds = MODELS[name]
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()

    def invoke(x=None):
        detail = interpreter.get_input_details()[0]
        interpreter.set_tensor(detail["index"], feeds[0] if x is None else x)
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return interpreter, feeds[0], invoke


def test_read_written_and_reset_by_index():
    interpreter, _, invoke = lite("RNN")
    h = next(d["index"] for d in interpreter.get_tensor_details() if d["name"] == "h")
    np.testing.assert_array_equal(interpreter.get_tensor(h), 0)
    first = invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(h), first)
    second = invoke()
    interpreter.set_tensor(h, first)
    np.testing.assert_array_equal(invoke(), second)
    interpreter.reset_all_variables()
    np.testing.assert_array_equal(interpreter.get_tensor(h), 0)
    np.testing.assert_array_equal(invoke(), first)


def test_a_new_length_begins_anew_as_in_litert():
    interpreter, x, invoke = lite("SEQUENCE")
    first = invoke()
    second = invoke()
    interpreter.allocate_tensors()  # nothing changed
    assert not np.array_equal(invoke(), second)
    for n in (2, 3):
        interpreter.resize_tensor_input(0, x[:, :n].shape)
        interpreter.allocate_tensors()
        np.testing.assert_array_equal(invoke(x[:, :n]), first[:, :n])


def test_a_new_length_goes_on_in_a_model():
    model, (x,) = MODELS["SEQUENCE"]
    m = unflow.open(model)
    whole = next(iter(m.run(x=x).values()))
    m.reset()
    parts = [next(iter(m.run(x=part).values())) for part in (x[:, :1], x[:, 1:])]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-6, atol=1e-7)
