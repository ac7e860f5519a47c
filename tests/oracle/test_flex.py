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
import flatbuffers  # noqa: E402
import flex  # noqa: E402
import modelgen  # noqa: E402
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


def converted_names():
    return ["linear", "strings", "image", "signal", "numbers", "random", "lists", "lists-lists", "ragged", "sparse", "state", "control", "unknown"]


def doubtful(model, array):
    """What the delegate of TensorFlow 2.18 and its wrapper get wrong: zero elements, bfloat16, strings (freed memory)."""
    fed = [a for _, inputs, _ in model.calls for a in inputs.values()]
    return any(a.size == 0 or a.dtype.kind == "O" or a.dtype.name == "bfloat16" for a in [array, *map(np.asarray, fed)])


@pytest.mark.skipif(not os.environ.get("UNFLOW_FLEX_PYTHON"), reason="UNFLOW_FLEX_PYTHON: no Python with a Flex delegate")
def test_the_delegate_says_the_same(models, tmp_path):
    """That what flex.py expects is what tf.lite.Interpreter with the delegate gives."""
    out, by_name, compared = tmp_path / "said", {m.name: m for m in models}, 0
    subprocess.run([os.environ["UNFLOW_FLEX_PYTHON"], str(HERE / "flex.py"), "--delegate", str(FILE), str(out)], check=True)
    with open(out, "rb") as file:
        while True:
            try:
                name, said, _ = pickle.load(file)
            except EOFError:
                break
            model = by_name[name]
            for (_, _, want), values in zip(model.calls, said):
                if isinstance(values, str) or isinstance(want, str):
                    continue
                tolerance = model.tolerance if isinstance(model.tolerance, tuple) else None
                for key, array in values.items():
                    if not doubtful(model, np.asarray(want[key])) and not name.startswith(("randoms/", "sampling/")):
                        assert not (wrong := tf_case.compare(tolerance, want[key], np.asarray(array))), f"{name}: {key}: {wrong}"
                        compared += 1
    assert compared > 1000


@pytest.mark.parametrize("name", converted_names())
def test_converted(lite, models, name):
    model = next(m for m in models if m.name == f"converted/{name}")
    run_signatures(lite, model)


def flex_ops(models):
    """Names of the custom ops in models that the converter made."""
    out = set()
    for model in models:
        if model.name.startswith("converted/"):
            loaded = modelgen.schema.ModelT.InitFromPackedBuf(model.data, 0)
            out |= {c.customCode.decode() for c in loaded.operatorCodes if c.customCode}
    return out


def test_many_ops(models):
    found = flex_ops(models)
    assert len(found) >= 60 and all(name.startswith("Flex") for name in found), sorted(found)


def exposed(data):
    """The model with every value that a node of graph 0 makes as an output, but for handles."""
    model = modelgen.schema.ModelT.InitFromPackedBuf(data, 0)
    graph = model.subgraphs[0]
    handles = {modelgen.schema.TensorType.RESOURCE, modelgen.schema.TensorType.VARIANT}
    made = [int(i) for op in graph.operators for i in op.outputs if graph.tensors[i].type not in handles]
    graph.outputs, model.signatureDefs, model.buffers = np.array(made, np.int32), [], model.buffers
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output()), made


@pytest.mark.parametrize("name", ["linear", "strings", "image", "signal", "numbers", "ragged", "sparse", "unknown", "lists-lists", "control"])
def test_intermediates(lite, models, name):
    """Every tensor, read after the run, is what the same model gives when it is an output."""
    model = next(m for m in models if m.name == f"converted/{name}")
    data, made = exposed(model.data)
    one, all_of_them = lite.Interpreter(model_content=model.data), lite.Interpreter(model_content=data)
    inputs = list(model.calls[0][1].values())
    order = [d["name"].split(":")[0].removeprefix("serving_default_").removeprefix("f_") for d in one.get_input_details()]
    assert len(order) == len(inputs), order
    for interpreter in (one, all_of_them):
        signature = one.get_signature_list()["f"]["inputs"]
        runner = one.get_signature_runner("f")
        places = {n: d["index"] for n, d in runner.get_input_details().items()}
        assert sorted(places) == sorted(signature)
        feed(interpreter, {places[n]: np.asarray(v) for n, v in model.calls[0][1].items()})
    for index in made:
        want, got = np.asarray(all_of_them.get_tensor(index)), np.asarray(one.get_tensor(index))
        assert not (wrong := tf_case.compare("exact", want, got)), f"tensor {index}: {wrong}"
        check_details(one, index, got)
