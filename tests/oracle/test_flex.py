# SPDX-License-Identifier: Apache-2.0
"""Ops of TensorFlow inside .tflite files (Select TF): every output and every intermediate beside TensorFlow."""

import os
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]
import engines  # noqa: E402
import flex  # noqa: E402
import tf_case  # noqa: E402

FILE = engines.CACHE / "flex.pickle"


@pytest.fixture(scope="module")
def lite():
    path = engines.package_path()
    if path and path not in sys.path:
        sys.path.insert(0, path)
    try:
        import ml_dtypes  # noqa: F401
    except ImportError:
        pass
    import unflow.lite
    return unflow.lite


@pytest.fixture(scope="module")
def models():
    sources = [HERE / "flex.py", *(HERE / "tf").glob("*.py")]
    if not FILE.exists() or FILE.stat().st_mtime < max(s.stat().st_mtime for s in sources):
        FILE.parent.mkdir(parents=True, exist_ok=True)
        result = subprocess.run([sys.executable, str(HERE / "flex.py"), str(FILE)], capture_output=True, text=True)
        assert FILE.exists(), result.stderr[-3000:]
    with open(FILE, "rb") as file:
        version, out = pickle.load(file)
    assert version == flex.VERSION
    return out


def feed(interpreter, inputs):
    for index, array in inputs.items():
        detail = next(d for d in interpreter.get_input_details() if d["index"] == index)
        if tuple(detail["shape"]) != array.shape:
            interpreter.resize_tensor_input(index, array.shape)
    interpreter.allocate_tensors()
    for index, array in inputs.items():
        interpreter.set_tensor(index, array)
    interpreter.invoke()


def check_details(interpreter, index, array):
    detail = next(d for d in interpreter.get_tensor_details() if d["index"] == index)
    name = np.dtype(detail["dtype"]).name
    assert name == array.dtype.name or array.dtype.kind == "O", f"dtype {name} of {detail['name']}"
    assert tuple(detail["shape"]) == array.shape, f"shape {detail['shape']} of {detail['name']}"


def run_direct(lite, model):
    (_, inputs, want), = model.calls
    interpreter = lite.Interpreter(model_content=model.data)
    if isinstance(want, str):
        with pytest.raises(Exception):
            feed(interpreter, inputs)
            for detail in interpreter.get_output_details():
                interpreter.get_tensor(detail["index"])
        return 0
    feed(interpreter, inputs)
    tolerances = model.tolerance if isinstance(model.tolerance, list) else [model.tolerance] * len(want)
    for tolerance, (index, array) in zip(tolerances + [None] * len(want), want.items()):
        got = np.asarray(interpreter.get_tensor(index))
        assert not (wrong := tf_case.compare(tolerance, array, got)), f"{model.name}: tensor {index}: {wrong}"
        check_details(interpreter, index, array)
    return len(want)


def run_signatures(lite, model):
    interpreter = lite.Interpreter(model_content=model.data)
    for key, inputs, want in model.calls:
        got = interpreter.get_signature_runner(key)(**inputs)
        assert sorted(got) == sorted(want)
        for name, array in want.items():
            assert not (wrong := tf_case.compare(model.tolerance, array, np.asarray(got[name]))), f"{model.name}: {name}: {wrong}"


def test_direct(lite, models):
    """Each model by itself; all that fail are shown at once."""
    failures, ran, ops = [], 0, set()
    for model in models:
        if model.name.startswith("converted/"):
            continue
        try:
            run_direct(lite, model)
            ran += 1
            ops |= set(model.ops)
        except (Exception, pytest.fail.Exception) as error:
            failures.append(f"{model.name}: {type(error).__name__}: {str(error).splitlines()[0][:300]}")
    assert not failures, f"{len(failures)} of {ran + len(failures)}:\n" + "\n".join(failures[:200])
    assert ran > 1500 and len(ops) > 500, (ran, len(ops))
