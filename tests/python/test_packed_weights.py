# SPDX-License-Identifier: Apache-2.0
"""Packed weights belong to the model and outlive a resize: what was packed for other shapes is never used."""

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
