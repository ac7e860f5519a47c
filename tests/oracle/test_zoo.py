# SPDX-License-Identifier: Apache-2.0
"""Whole models beside the reference kernels: outputs, every tensor, state, details; and each of their nodes alone.

A network of integers may drift: where a convolution's requantization is one step off, what follows is, too. So there are
two comparisons. test_model runs the whole model and allows for drift; test_nodes gives each node the values that the
oracle had there, and allows none.

UNFLOW_ZOO_TESTS=some (the normal run) takes every architecture in float32 and int8 and a few in other kinds; =all takes
all that the converter makes. Files and what the oracle said are kept in build-zoo/ and build-oracle/zoo/.
"""

import concurrent.futures
import hashlib
import os
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import engines  # noqa: E402
import zoo  # noqa: E402
import zoo_run  # noqa: E402

ALL = os.environ.get("UNFLOW_ZOO_TESTS") == "all"
OTHERS = {"float16": ("mobilenet_v3", "lstm", "fused_lstm"), "dynamic": ("transformer", "lstm", "fused_lstm", "mlp"),
          "int16x8": ("resnet50", "fused_lstm", "unet", "streaming_gru"), "uint8": ("mlp",), "per_tensor": ("wavenet",),
          "sparse": ("mlp",), "sparse_dynamic": ("mlp",), "sparse_int8": ("mlp",)}
PAIRS = [(name, kind) for name in (*zoo.MODELS, *zoo.MODULES) for kind in zoo.kinds_of(name)
         if ALL or kind in ("float32", "int8") or name in OTHERS[kind]]

# A whole model. float32: rounding in another order, some dozen layers deep. dynamic: an activation at a rounding boundary
# moves one step of its row's scale. Integers: a step of a convolution travels.
LIMITS = {"float32": 2e-4, "float16": 2e-4, "sparse": 2e-4, "dynamic": 2e-2, "sparse_dynamic": 2e-2, "int8": 4e-2, "int16x8": 1e-3}
STEPS = {"float32": 0, "float16": 0, "sparse": 0, "dynamic": 0, "sparse_dynamic": 0, "int8": 6, "int16x8": 16}

# What the reference kernels of TensorFlow 2.21 refuse, though its converter makes it. unflow runs them or says what is wrong.
REFUSED = {
    ("super_resolution", "int16x8"): "Type 'INT16' is not supported by tile",
    ("style", "int16x8"): "SquaredDifference only supports FLOAT32 and INT32",
    ("siamese", "int16x8"): "only",  # SquaredDifference, or Rsqrt of a SUM that it has wrong
    ("transformer", "int16x8"): "SquaredDifference only supports FLOAT32 and INT32",
    ("vit", "int16x8"): "SquaredDifference only supports FLOAT32 and INT32",
    ("mixer", "int16x8"): "SquaredDifference only supports FLOAT32 and INT32",
    ("denoise", "int16x8"): "SquaredDifference only supports FLOAT32 and INT32",
    ("wide_deep", "int16x8"): "input1->type != input2->type (INT16 != FLOAT32)",
    ("train_momentum", "int16x8"): "input->type != kTfLiteFloat32 (INT16 != FLOAT32)",
    ("point_cloud", "int16x8"): "Updates of type 'INT16' are not supported by scatter_nd",
    ("numeric", "int16x8"): "input1->type != input2->type (INT16 != FLOAT32)",
    ("fused_lstm", "int16x8"): "output_state != nullptr was not true",
}


# ---- files, and what the oracle says of them ---------------------------------------------------------


def result_path(pair):
    return engines.CACHE / "zoo" / f"{pair[0]}-{pair[1]}.pickle"


def calls_of(pair):
    model = zoo_run.parse(zoo.path_of(*pair).read_bytes())
    if pair[0] in zoo.MODULES:
        return zoo_run.quantized_calls(model, zoo.calls_of(pair[0]))
    return zoo_run.generic_calls(model)


def key_of(pair, calls):
    digest = hashlib.sha256(zoo.path_of(*pair).read_bytes() + pickle.dumps(calls))
    digest.update(f"{engines.ORACLE_VERSION} {zoo_run.VERSION}".encode())
    return digest.hexdigest()


def known(pair):
    """What the oracle has said of this file and these calls, or None."""
    path = result_path(pair)
    if not path.exists():
        return None
    with open(path, "rb") as file:
        key, result = pickle.load(file)
    return result if key == key_of(pair, calls_of(pair)) else None


def must_ask(pair):
    """Also again where it refused what is not known to be refused: something may have been wrong with the machine."""
    result = known(pair)
    return result is None or (result[0] != "ok" and pair not in REFUSED)


def ask(pairs):
    """Has the oracle run these, in one process, and keeps what it says."""
    calls = [calls_of(pair) for pair in pairs]
    jobs = [(zoo.path_of(*pair).read_bytes(), [], 1, c, True) for pair, c in zip(pairs, calls)]
    for pair, c, result in zip(pairs, calls, engines.ask(jobs, seconds=600)):
        path = result_path(pair)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        with open(temporary, "wb") as file:
            pickle.dump((key_of(pair, c), result), file)
        os.replace(temporary, path)


@pytest.fixture(scope="module")
def oracle(request):
    """pair -> what the oracle says. All that the chosen tests want is made at once, on two processors."""
    chosen = [item.callspec.params["pair"] for item in request.session.items
              if item.module is request.module and "pair" in getattr(getattr(item, "callspec", None), "params", ())]
    pairs = list(dict.fromkeys(chosen))
    lost = zoo.make(pairs, say=lambda *a, **k: None)
    pairs = [pair for pair in pairs if pair not in lost]
    missing = [pair for pair in pairs if must_ask(pair)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(ask, [part for part in (missing[::2], missing[1::2]) if part]))

    def said(pair):
        if pair in lost:
            pytest.fail(f"TensorFlow could not make {'-'.join(pair)}")
        result = known(pair)
        if pair in REFUSED:
            return result
        assert result[0] == "ok", f"the oracle: {result[1]}"
        return result[1]

    return said


@pytest.fixture(scope="module")
def unflow_lite():
    path = engines.package_path()
    if path and path not in sys.path:
        sys.path.insert(0, path)
    import ml_dtypes  # noqa: F401  so that bfloat16 arrives as TensorFlow gives it
    import unflow.lite

    return unflow.lite


# ---- comparing ------------------------------------------------------------------------------------


def worst(want, got):
    """The largest difference, relative to the size of the values for floats, in steps for integers."""
    assert want.dtype == got.dtype and want.shape == got.shape, (want.dtype, got.dtype, want.shape, got.shape)
    if want.dtype.kind in "Ob":
        return 0.0 if np.array_equal(want, got) else np.inf
    if want.dtype.kind in "iu":
        return np.abs(want.astype(np.float64) - got.astype(np.float64)).max(initial=0)
    same = (want == got) | (np.isnan(want) & np.isnan(got))
    diff = np.abs(np.where(same, 0, want) - np.where(same, 0, got)).max(initial=0)
    return diff / max(np.abs(np.where(np.isfinite(want), want, 0)).max(initial=0), 1e-3)


def differences(want, got, kind):
    """Words for each value of {key: array} that is not near enough."""
    out, kind = [], kind if kind in LIMITS else "int8"
    for key, array in want.items():
        if isinstance(array, tuple):
            if got[key] != array:
                out.append(f"constant {key}: other bytes")
            continue
        error = worst(array, got[key])
        limit = LIMITS[kind] if array.dtype.kind not in "iu" else STEPS[kind] if array.dtype.itemsize < 4 else 0
        if not error <= limit:
            out.append(f"{key}: expected a difference of at most {limit}, found {error}")
    return out


def after_wrong(data):
    """{graph: tensors} that depend on a node where the reference is wrong."""
    model, out = zoo_run.parse(data), {}
    for g, graph in enumerate(model.subgraphs):
        found = out[g] = set()
        for op in graph.operators:
            integers = any(zoo_run.TYPES[graph.tensors[i].type] in ("INT8", "INT16") for i in op.outputs)
            if found & set(op.inputs.tolist()) or (zoo_run.op_name(model, op) in WRONG and integers):
                found |= set(op.outputs.tolist())
    return out


def detail_differences(want, got, where=""):
    """Words for each field that differs."""
    if isinstance(want, dict) and isinstance(got, dict):
        if set(want) != set(got):
            return [f"{where}: expected {sorted(want)}, found {sorted(got)}"]
        return [words for key in want for words in detail_differences(want[key], got[key], f"{where}/{key}")]
    if isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        return [words for i, (a, b) in enumerate(zip(want, got)) for words in detail_differences(a, b, f"{where}[{i}]")]
    return [] if want == got else [f"{where}: expected {want!r}, found {got!r}"]


# ---- tests ----------------------------------------------------------------------------------------


RUN = [pair for pair in PAIRS if pair not in REFUSED]


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair in REFUSED], ids="-".join)
def test_refused(unflow_lite, oracle, pair):
    """The oracle still refuses it; unflow gives numbers, or an error that names an op."""
    assert REFUSED[pair] in oracle(pair)[1]
    data = zoo.path_of(*pair).read_bytes()
    try:
        said = zoo_run.observe(unflow_lite.Interpreter(model_content=data), data, calls_of(pair))
        assert all(np.isfinite(a).all() for step in said["steps"] for a in step["outputs"].values())
    except (ValueError, RuntimeError) as error:
        assert "op #" in str(error)


@pytest.mark.parametrize("pair", RUN, ids="-".join)
def test_model(unflow_lite, oracle, pair):
    """Outputs and every tensor of every step, read without a flag; details of all of them, of ops and signatures."""
    want, data = oracle(pair), zoo.path_of(*pair).read_bytes()
    got = zoo_run.observe(unflow_lite.Interpreter(model_content=data), data, calls_of(pair))
    wrong, doubtful = [], after_wrong(data)
    for part in ("opened", "allocated", "ran", "signatures", "runners"):
        wrong += detail_differences(want.get(part), got.get(part), part)
    for s, (a, b) in enumerate(zip(want["steps"], got["steps"], strict=True)):
        assert set(a["outputs"]) == set(b["outputs"])
        lacking = set(a["tensors"]) - set(b["tensors"])
        wrong += [f"step {s}: tensors {sorted(lacking)} cannot be read"] if lacking else []
        for part in ("outputs", "tensors"):
            if part == "outputs" and doubtful[a["graph"]]:
                continue
            there = {key: value for key, value in a[part].items() if key in b[part] and key not in doubtful[a["graph"]]}
            wrong += [f"step {s} {part} {words}" for words in differences(there, b[part], pair[1])]
    assert not wrong, "\n".join([f"{len(wrong)} differences", *wrong[:12]])


def numpy_sum(node):
    """SUM of integers by its definition, of which the reference is a hundred steps off and more."""
    x, y = node.tensors[0], node.tensors[-1]
    axes = tuple(node.numbers[1])
    total = np.sum(node.inputs[0].astype(np.float64) - x.quantization.zeroPoint[0], axes, keepdims=node.node.builtinOptions.keepDims)
    (index, array), = node.want.items()
    info = np.iinfo(array.dtype)
    exact = total * np.float64(x.quantization.scale[0]) / np.float64(y.quantization.scale[0]) + y.quantization.zeroPoint[0]
    return {index: np.clip(np.floor(exact + 0.5), info.min, info.max).astype(array.dtype)}


WRONG = {"SUM": numpy_sum}  # where the reference is


def bits(value):
    return value if isinstance(value, tuple) else value.tolist() if value.dtype == object else value.tobytes()


@pytest.mark.parametrize("pair", RUN, ids="-".join)
def test_kept_and_threaded(unflow_lite, oracle, pair):
    """The same bits when everything is kept, on three threads; tensors read again are what they were."""
    del oracle  # it makes the files
    data = zoo.path_of(*pair).read_bytes()
    plain = zoo_run.observe(unflow_lite.Interpreter(model_content=data), data, calls_of(pair))
    kept = unflow_lite.Interpreter(model_content=data, experimental_preserve_all_tensors=True, num_threads=3)
    for a, b in zip(plain["steps"], zoo_run.observe(kept, data, calls_of(pair))["steps"], strict=True):
        for part in ("outputs", "tensors"):
            assert set(a[part]) == set(b[part])
            assert [key for key, value in a[part].items() if bits(value) != bits(b[part][key])] == []


# Ops whose requantization may be a step off: what is summed exactly is scaled by another rounding, as XNNPACK does it.
ONE_STEP = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "BATCH_MATMUL")
NEAR = 1e-5  # of the largest value: sums in another order


def run_node(unflow_lite, node):
    interpreter = unflow_lite.Interpreter(model_content=node.model)
    details = interpreter.get_input_details()
    for detail, array in zip(details, node.inputs, strict=True):
        if tuple(detail["shape"]) != array.shape:
            interpreter.resize_tensor_input(detail["index"], array.shape)
    interpreter.allocate_tensors()
    for detail, array in zip(details, node.inputs):
        interpreter.set_tensor(detail["index"], array)
    for index, array in node.state.items():
        interpreter.tensor(index)()[...] = array
    interpreter.invoke()
    wrong = []
    is_wrong = node.op in WRONG and next(iter(node.want.values())).dtype.kind in "iu" and node.tensors[0].quantization is not None
    for index, array in (WRONG[node.op](node) if is_wrong else node.want).items():
        error = worst(array, np.asarray(interpreter.get_tensor(index)))
        limit = NEAR if array.dtype.kind in "fc" else 1 if node.op in (*ONE_STEP, *WRONG) and array.dtype.kind in "iu" else 0
        if not error <= limit:
            wrong.append(f"{node.where} tensor {index}: expected a difference of at most {limit}, found {error}")
    return wrong


@pytest.mark.parametrize("pair", RUN, ids="-".join)
def test_nodes(unflow_lite, oracle, pair):
    """Each node alone, on the values that the oracle had there."""
    nodes, left = zoo_run.nodes(zoo.path_of(*pair).read_bytes(), oracle(pair))
    wrong = []
    for node in nodes:
        try:
            wrong += run_node(unflow_lite, node)
        except Exception as error:
            wrong.append(f"{node.where}: {type(error).__name__}: {error}")
    assert not wrong, "\n".join([f"{len(wrong)} differences in {len(nodes)} nodes, {left} not run", *wrong[:12]])


@pytest.mark.skipif(not ALL or "UNFLOW_ISA" in os.environ, reason="UNFLOW_ZOO_TESTS=all alone")
@pytest.mark.parametrize("isa", engines.isas()[1:])
def test_other_instruction_sets(oracle, isa):
    """All of the above again, on the other kernels."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=line", "-k", "not test_other", __file__]
    result = subprocess.run(command, env={**os.environ, "UNFLOW_ISA": isa}, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-4000:]
