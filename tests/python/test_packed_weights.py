# SPDX-License-Identifier: Apache-2.0
"""Packed weights belong to the model and outlive a resize: what was packed for other shapes is never used."""

import time

import numpy as np
import pytest
from modelgen import ModelGen

import unflow


def convolution(dtype, depthwise):
    """64 filters; groups (or the depth multiplier) follow from how many channels the image is resized to."""
    rng = np.random.default_rng(1)
    shape = (1, 3, 3, 64) if depthwise else (64, 3, 3, 4)
    is_int = dtype == "int8"
    weights = rng.integers(-100, 100, shape).astype(dtype) if is_int else rng.normal(size=shape).astype(dtype)
    scale = {"scale": 0.1, "zero": 0} if is_int else {}
    g = ModelGen()
    x = g.tensor("x", dtype, (1, 6, 6, shape[3]), **scale)
    w = g.tensor("w", dtype, shape, data=weights, **scale)
    b = g.tensor("b", "int32" if is_int else dtype, (64,), data=np.zeros(64), **scale)
    y = g.tensor("y", dtype, (1, 6, 6, 64), **({"scale": 9.0, "zero": 0} if is_int else {}))
    kind = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"
    g.op("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", [x, w, b], [y], kind, {"strideW": 1, "strideH": 1})
    g.inputs([x])
    g.outputs([y])
    return g.build()


def run(interpreter, x):
    interpreter.resize_tensor_input(0, x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize("depthwise", [False, True])
def test_channels_resized(dtype, depthwise):
    model = convolution(dtype, depthwise)
    rng = np.random.default_rng(2)
    kept = unflow.lite.Interpreter(model_content=model)
    for channels in (64, 1, 32, 8, 64) if depthwise else (4, 8, 64, 4, 32):
        x = rng.integers(-100, 100, (1, 6, 6, channels)).astype(dtype)
        fresh = unflow.lite.Interpreter(model_content=model)
        np.testing.assert_array_equal(run(kept, x), run(fresh, x))


def test_weights_made_of_shapes():
    """w = FILL((3, n), n) where n is the length of x: known before a run, but not after a resize."""
    g = ModelGen()
    x = g.tensor("x", "float32", (1, 4), shape_signature=(1, -1))
    shape = g.tensor("shape", "int32", (2,))
    row, dims = g.constant("row", "int32", np.array([3, 1], np.int32)), g.tensor("dims", "int32", (2,))
    at, one = g.constant("at", "int32", np.array([1], np.int32)), g.constant("one", "int32", np.array([1], np.int32))
    n, n_scalar, value = g.tensor("n", "int32", (1,)), g.tensor("s", "int32", ()), g.tensor("v", "float32", ())
    w, y = g.tensor("w", "float32", (3, 4)), g.tensor("y", "float32", (1, 3))
    scalar = g.constant("scalar", "int32", np.zeros(0, np.int32))
    g.op("SHAPE", [x], [shape], "ShapeOptions", {"outType": 2})
    g.op("MUL", [shape, row], [dims], "MulOptions")
    g.op("SLICE", [shape, at, one], [n], "SliceOptions")
    g.op("RESHAPE", [n, scalar], [n_scalar], "ReshapeOptions")
    g.op("CAST", [n_scalar], [value], "CastOptions", {"inDataType": 2, "outDataType": 0})
    g.op("FILL", [dims, value], [w], "FillOptions")
    g.op("FULLY_CONNECTED", [x, w, -1], [y], "FullyConnectedOptions")
    g.inputs([x])
    g.outputs([y])
    interpreter = unflow.lite.Interpreter(model_content=g.build())
    for length in (4, 40, 7, 4):
        found = run(interpreter, np.ones((1, length), np.float32))
        np.testing.assert_array_equal(found, np.full((1, 3), length * length, np.float32))


def strided(kind, strides, shared):
    """Convolutions of one image with one filter (or copies of it), at several strides."""
    rng = np.random.default_rng(7)
    g = ModelGen()
    depthwise = kind == "DEPTHWISE_CONV_2D"
    shape = (1, 5, 5, 8) if depthwise else (8, 5, 5, 8)
    data = rng.integers(-100, 100, shape).astype("int8")
    x = g.tensor("x", "int8", (1, 12, 12, 8), scale=0.1, zero=3)
    filters = [g.tensor(f"w{i}", "int8", shape, data=data, scale=0.1, zero=0) for i in range(1 if shared else len(strides))]
    outputs = []
    for i, stride in enumerate(strides):
        size = 12 * stride if kind == "TRANSPOSE_CONV" else -(-12 // stride)
        y = g.tensor(f"y{i}", "int8", (1, size, size, 8), scale=20.0, zero=1)
        w, options = filters[0 if shared else i], {"strideW": stride, "strideH": stride}
        if kind == "TRANSPOSE_CONV":
            shape_of = g.constant(f"s{i}", "int32", np.array([1, size, size, 8], np.int32))
            g.op(kind, [shape_of, w, x], [y], "TransposeConvOptions", options)
        else:
            g.op(kind, [x, w], [y], "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions", options)
        outputs.append(y)
    g.inputs([x])
    g.outputs(outputs)
    return g.build()


@pytest.mark.parametrize("kind", ["DEPTHWISE_CONV_2D", "CONV_2D", "TRANSPOSE_CONV"])
@pytest.mark.parametrize("strides", [(2, 3), (3, 2, 1)])
def test_nodes_that_share_weights(kind, strides):
    """What is shared is the packed form of one weight; nodes that need another form of it get theirs."""
    x = np.random.default_rng(8).integers(-128, 128, (1, 12, 12, 8)).astype("int8")
    results = []
    for shared in (True, False):
        it = unflow.lite.Interpreter(model_content=strided(kind, strides, shared))
        it.allocate_tensors()
        it.set_tensor(0, x)
        it.invoke()
        results.append([it.get_tensor(d["index"]) for d in it.get_output_details()])
    for a, b in zip(*results):
        assert len(np.unique(a)) > 10
        np.testing.assert_array_equal(a, b)


# Of the product: rows of x, depth, columns; several panels and parts of panels, more than are packed at a time.
PRODUCTS = {"row": (1, 1000, 700), "row of one panel": (1, 70, 5), "rows": (5, 3000, 400), "many rows": (150, 70, 130)}
WEIGHTS = {"float32": ("float32", "float32"), "int8": ("int8", "int8"), "hybrid": ("float32", "int8"), "int4": ("float32", "int4")}


def by_channel(n):
    return {"scale": [0.05 + 0.02 * (i % 7) for i in range(n)], "zero": [0] * n}


def product(kind, rows, depth, n):
    rng = np.random.default_rng(9)
    of, weights = WEIGHTS[kind]
    quantized, is_int = weights != "float32", of == "int8"
    w = rng.integers(-7, 8, (n, depth)).astype("int8") if quantized else rng.normal(size=(n, depth)).astype("float32")
    g = ModelGen()
    x = g.tensor("x", of, (rows, depth), **({"scale": 0.1, "zero": 5} if is_int else {}))
    wt = g.tensor("w", weights, (n, depth), data=w, **(by_channel(n) if quantized else {}))
    b = g.tensor("b", "int32" if is_int else "float32", (n,), data=np.arange(n), **({"scale": 0.01, "zero": 0} if is_int else {}))
    y = g.tensor("y", of, (rows, n), **({"scale": 2.0, "zero": -3} if is_int else {}))
    g.op("FULLY_CONNECTED", [x, wt, b], [y], "FullyConnectedOptions")
    g.inputs([x])
    g.outputs([y])
    return g.build()


WINDOW_WEIGHTS = {"float32": ("float32", "float32"), "int8": ("int8", "int8"), "hybrid": ("float32", "int8"),
                  "uint8": ("uint8", "uint8"), "int16": ("int16", "int8")}


def window(kind, size, channels, filters, followed=False):
    """followed: by nodes that run on what the convolution tells is there."""
    rng = np.random.default_rng(10)
    of, weights = WINDOW_WEIGHTS[kind]
    is_int, quantized = of != "float32", weights != "float32"
    shape = (filters, 3, 3, channels)
    w = rng.integers(-100, 100, shape) + (128 if weights == "uint8" else 0) if quantized else rng.normal(size=shape)
    ours = {"scale": 0.1, "zero": 5 if of != "int16" else 0} if is_int else {}
    theirs = {"scale": 60.0, "zero": -3 * (of == "int8") + 7 * (of == "uint8")} if is_int else {}
    g = ModelGen()
    x = g.tensor("x", of, (1, size, size, channels), **ours)
    per_channel = {"scale": 0.1, "zero": 120} if weights == "uint8" else by_channel(filters)
    wt = g.tensor("w", weights, shape, data=w.astype(weights), **(per_channel if quantized else {}))
    y = g.tensor("y", of, (1, size, size, filters), **theirs)
    biases = {"uint8": "int32", "int8": "int32", "int16": "int64", "float32": "float32"}[of]
    b = g.tensor("b", biases, (filters,), data=np.arange(filters) * 1000, **({"scale": 0.01, "zero": 0} if is_int else {}))
    g.op("CONV_2D", [x, wt, b], [y], "Conv2DOptions", {"strideW": 1, "strideH": 1})
    for op in ("NEG", "ABS", "SQRT") if followed else ():
        out = g.tensor(op, of, (1, size, size, filters))
        g.op(op, [y], [out])
        y = out
    if followed:  # so that they may write over what they read
        out = g.tensor("turned", of, (1, filters, size, size))
        g.op("TRANSPOSE", [y, g.constant("perm", "int32", np.array([0, 3, 1, 2], np.int32))], [out])
        y = out
    g.inputs([x])
    g.outputs([y])
    return g.build()


def windows(kind, channels):
    """One after the other, so that each is packed where others were; of odd numbers of channels too."""
    rng, is_int = np.random.default_rng(12), kind == "int8"
    g = ModelGen()
    x = first = g.tensor("x", kind, (1, 9, 9, channels[0]), **({"scale": 0.1, "zero": 5} if is_int else {}))
    for i, (c, n) in enumerate(zip(channels, channels[1:])):
        shape = (n, 3, 3, c)
        w = rng.integers(-100, 100, shape).astype("int8") if is_int else rng.normal(size=shape).astype("float32")
        wt = g.tensor(f"w{i}", kind, shape, data=w, **({"scale": 0.1, "zero": 0} if is_int else {}))
        y = g.tensor(f"y{i}", kind, (1, 9, 9, n), **({"scale": 0.5 * 20 ** (i + 1), "zero": -3} if is_int else {}))
        g.op("CONV_2D", [x, wt], [y], "Conv2DOptions", {"strideW": 1, "strideH": 1})
        x = y
    g.inputs([first])
    g.outputs([x])
    return g.build()


MODELS = {f"{kind}, {name}": product(kind, *shape) for kind in WEIGHTS for name, shape in PRODUCTS.items()}
MODELS |= {f"{kind}, {size}x{size}x{c} to {n}": window(kind, size, c, n) for kind in WINDOW_WEIGHTS
           for size, c, n in ((7, 200, 600), (20, 64, 200), (9, 20, 300))}
MODELS |= {f"{kind}, many": windows(kind, (64, 64, 67, 35, 9, 33, 1, 3)) for kind in ("float32", "int8")}
MODELS["float32, followed"] = window("float32", 12, 180, 150, True)


@pytest.mark.parametrize("name", MODELS)
def test_a_first_run_is_as_any(name):
    """Weights are packed in passing by a first run and kept by the second: not a bit may tell, nor the number of threads."""
    results = []
    for threads in (1, 2, 3):
        it = unflow.lite.Interpreter(model_content=MODELS[name], num_threads=threads)
        it.allocate_tensors()
        if threads > 1 and len(MODELS[name]) > 1 << 20:
            time.sleep(0.03)  # threads of models that are not small begin here: so that they share the first run
        (detail,) = it.get_input_details()
        x = np.random.default_rng(11).uniform(-100, 100, detail["shape"]).astype(detail["dtype"])
        for _ in range(3):
            it.set_tensor(0, x)
            it.invoke()
            results.append(it.get_tensor(it.get_output_details()[0]["index"]))
    model = unflow.open(MODELS[name])
    for session in (model, model.fork(), model):
        results.append(next(iter(session.run(x=x).values())))
    assert len(np.unique(results[0])) > 3
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


def test_what_is_kept(tmp_path):
    """Nothing by the first run, all by the second; with a cache on disk, and of a weight that two nodes use, by the first."""
    def packed_after_runs(model, **options):
        it = unflow.lite.Interpreter(model_content=model, **options)
        it.allocate_tensors()
        kept = []
        for _ in range(3):
            it.invoke()
            kept.append(it._memory()["packed"])
        return kept

    model = MODELS["float32, rows"]
    first, second, third = packed_after_runs(model)
    assert first == 0 and second == third >= 3000 * 400 * 4
    assert packed_after_runs(model, weight_cache=str(tmp_path)) == [second] * 3
    shared = packed_after_runs(strided("CONV_2D", (2, 2), True))
    assert shared[0] > 0 and shared[0] == shared[1] == shared[2]
