# SPDX-License-Identifier: Apache-2.0
"""Any intermediate of a run, bit for bit: recomputed (replay), kept (keep_all) and captured give the same bytes, reading
changes nothing, and what a run saw stays readable after its inputs and variables changed. On the digits model of this
repository and, where they are there, on real models with shared memory, state, variables and subgraphs."""

import pathlib

import numpy as np
import pytest
import unflow
from conftest import SHARED

DIGITS = pathlib.Path(__file__).resolve().parents[2] / "examples" / "digits" / "digits.tflite"
NAMES = ["lyragan", "mobilenet_v1_025_224_float", "streaming_wakeword_int8", "mnist_lstm", "nested_while",
         "mww_v2_vad", "keyword_scrambled_svdf", "dynamic_shapes", "gather_string"]
FOLDER = SHARED / "data" / "tflite"
REAL = [FOLDER / f"{name}.tflite" for name in NAMES]
MODELS = [p for p in REAL if p.exists()] or [pytest.param(None, marks=pytest.mark.skip(reason="../shared is not there"))]


def feed(interpreter, seed):
    rng = np.random.default_rng(seed)
    for d in interpreter.get_input_details():
        if d["dtype"] in (np.object_, np.bytes_):
            value = np.array([b"a", b"bc"] * int(np.prod(d["shape"])), object)[: int(np.prod(d["shape"]))].reshape(d["shape"])
        elif np.issubdtype(d["dtype"], np.floating):
            value = rng.uniform(-1, 1, d["shape"]).astype(d["dtype"])
        else:
            value = rng.integers(0, 2, d["shape"]).astype(d["dtype"])
        interpreter.set_tensor(d["index"], value)


def values(interpreter):
    """Every tensor of the main graph that has a value, as bytes."""
    out = {}
    for d in interpreter.get_tensor_details():
        try:
            value = interpreter.get_tensor(d["index"])
        except (ValueError, RuntimeError):
            continue
        out[d["index"]] = value.tolist() if value.dtype == object else (value.shape, value.tobytes())
    return out


def outputs(interpreter):
    return [np.asarray(interpreter.get_tensor(d["index"])).tolist() for d in interpreter.get_output_details()]


def started(path, **options):
    interpreter = unflow.lite.Interpreter(model_path=path, **options)
    interpreter.allocate_tensors()
    return interpreter


@pytest.mark.parametrize("path", MODELS, ids=lambda p: getattr(p, "stem", "none"))
def test_replay_is_what_keeping_gives(path):
    replayed, kept, unread = started(path), started(path, experimental_preserve_all_tensors=True), started(path)
    for step in range(3):
        for interpreter in (replayed, kept, unread):
            feed(interpreter, step)
            interpreter.invoke()
        assert values(replayed) == values(kept)
        assert values(replayed) == values(kept)  # reading again gives the same
        assert outputs(replayed) == outputs(unread)  # and the reads had no effect on later steps


@pytest.mark.parametrize("path", MODELS, ids=lambda p: getattr(p, "stem", "none"))
def test_capture_does_not_change_values(path):
    plain, captured = started(path), unflow.open(path)
    feed(plain, 5)
    plain.invoke()
    expected = values(plain)
    captured.capture("*")
    arrays = [plain.get_tensor(d["index"]) for d in plain.get_input_details()]
    captured.run(**dict(zip(captured.inputs, arrays)))
    for index, value in expected.items():
        got = captured.tensors[index].numpy()
        assert (got.tolist() if got.dtype == object else (got.shape, got.tobytes())) == value, captured.tensors[index].name


def test_a_run_is_readable_after_the_world_changed():
    m = unflow.open(DIGITS)
    rng = np.random.default_rng(0)
    images, labels = rng.uniform(0, 16, (4, 8, 8)).astype(np.float32), np.array([1, 2, 3, 4], np.int32)
    m.signatures["train"](images=images, labels=labels)
    before = m.variables["out_bias"].numpy()
    tensors = m.graphs[m.signatures["train"].graph].tensors
    seen = {i: tensors[i].numpy().tobytes() for i in tensors if "out_bias" not in tensors[i].name}
    assert len(seen) > 60
    m.variables["out_bias"] = np.zeros_like(before)
    assert {i: tensors[i].numpy().tobytes() for i in seen} == seen
    assert before.any() and not m.variables["out_bias"].numpy().any()
