# SPDX-License-Identifier: Apache-2.0
"""Convolutions and matrix products where the reference kernels read what is not there, or TensorFlow 2.21 lacks what LiteRT 2.3
has: against the formula."""

import numpy as np
import pytest
from modelgen import ModelGen
from onenode import Arg, Node, quant

import unflow
from unflow.lite import Interpreter

CONV = {"padding": 0, "strideH": 1, "strideW": 1}


def run(g, inputs, outputs, values):
    """The first output of the model that g makes."""
    g.inputs(inputs)
    g.outputs(outputs)
    interpreter = unflow.lite.Interpreter(model_content=g.build())
    interpreter.allocate_tensors()
    for tensor, value in zip(inputs, values):
        interpreter.set_tensor(tensor, value)
    interpreter.invoke()
    return interpreter.get_tensor(outputs[0])


def windows(x, height, width):
    """(batch, h, w, height * width, channels): what a SAME window of stride 1 sees of x, zeros outside."""
    top, left = (height - 1) // 2, (width - 1) // 2
    padded = np.pad(x, ((0, 0), (top, height - 1 - top), (left, width - 1 - left), (0, 0)))
    h, w = x.shape[1:3]
    return np.stack([padded[:, i:i + h, j:j + w] for i in range(height) for j in range(width)], 3)


def convolved(x, weights):
    filters = weights.reshape(weights.shape[0], -1, weights.shape[3])
    return np.einsum("bhwtc,ftc->bhwf", windows(x, *weights.shape[1:3]), filters)


def depthwise(x, weights):
    channels = weights.shape[3]
    repeated = np.repeat(x, channels // x.shape[3], axis=3)
    return np.einsum("bhwtc,tc->bhwc", windows(repeated, *weights.shape[1:3]), weights.reshape(-1, channels))


def requantized(total, scale, dtype):
    info = np.iinfo(dtype)
    return np.clip(np.round(total * scale), info.min, info.max).astype(dtype)


def near(found, wanted, steps=1):
    assert found.shape == wanted.shape and found.dtype == wanted.dtype
    assert np.max(np.abs(found.astype(np.int64) - wanted.astype(np.int64)), initial=0) <= steps


@pytest.mark.parametrize("op", ["CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED"])
def test_int16_with_a_bias_of_int32(op):
    rng = np.random.default_rng(1)
    g = ModelGen()
    bias = rng.integers(-2 * 10**8, 2 * 10**8, 7).astype(np.int32)
    if op == "FULLY_CONNECTED":
        x, weights = rng.integers(-32768, 32768, (3, 40)).astype(np.int16), rng.integers(-128, 128, (7, 40)).astype(np.int8)
        out, total = (3, 7), x.astype(np.int64) @ weights.astype(np.int64).T
        table, fields = "FullyConnectedOptions", {}
    else:
        x, weights = rng.integers(-32768, 32768, (2, 5, 6, 3)).astype(np.int16), rng.integers(-128, 128, (7, 3, 3, 3)).astype(np.int8)
        # With an odd window of stride 1 the transposed one is the convolution with the turned window.
        turned = weights[:, ::-1, ::-1] if op == "TRANSPOSE_CONV" else weights
        out, total = (2, 5, 6, 7), convolved(x.astype(np.int64), turned.astype(np.int64))
        table, fields = "TransposeConvOptions" if op == "TRANSPOSE_CONV" else "Conv2DOptions", CONV
    a, w = g.tensor("x", "int16", x.shape, scale=0.001, zero=0), g.tensor("w", "int8", weights.shape, data=weights, scale=0.02, zero=0)
    b = g.tensor("b", "int32", (7,), data=bias, scale=np.float32(0.001) * np.float32(0.02), zero=0)
    y = g.tensor("y", "int16", out, scale=0.25, zero=0)
    shape = [g.tensor("s", "int32", (4,), data=np.array(out, np.int32))] if op == "TRANSPOSE_CONV" else []
    g.op(op, shape + ([w, a] if shape else [a, w]) + [b], [y], table, fields)
    # The multiplier has 15 bits: a step in every 32768.
    near(run(g, [a], [y], [x]), requantized(total + bias, 0.001 * 0.02 / 0.25, np.int16), 2)


@pytest.mark.parametrize("w_type", ["int8", "int4"])
@pytest.mark.parametrize("channels, multiplier", [(1, 5), (3, 2), (17, 1)])
def test_depthwise_of_floats_with_one_scale(w_type, channels, multiplier):
    rng = np.random.default_rng(channels)
    limit = 127 if w_type == "int8" else 7
    weights = rng.integers(-limit, limit + 1, (1, 3, 3, channels * multiplier)).astype(np.int8)
    x = rng.uniform(-3, 4, (2, 5, 6, channels)).astype(np.float32)
    g = ModelGen()
    a, w = g.tensor("x", "float32", x.shape), g.tensor("w", w_type, weights.shape, data=weights, scale=0.02, zero=0)
    y = g.tensor("y", "float32", (2, 5, 6, channels * multiplier))
    g.op("DEPTHWISE_CONV_2D", [a, w], [y], "DepthwiseConv2DOptions", {**CONV, "depthMultiplier": multiplier})
    found = run(g, [a], [y], [x])
    # Images are quantized to 8 bits: half a step of their range, and of zero's place, times the weights.
    bound = 7 / 255 * 0.02 * np.abs(weights).sum((0, 1, 2)) + 1e-5
    assert np.all(np.abs(found - depthwise(x, weights * 0.02)) <= bound)


@pytest.mark.parametrize("channels", [1, 8, 33])
def test_depthwise_of_int16_with_int4(channels):
    rng = np.random.default_rng(channels)
    x, weights = rng.integers(-32768, 32768, (1, 4, 5, channels)).astype(np.int16), rng.integers(-8, 8, (1, 3, 3, channels)).astype(np.int8)
    g = ModelGen()
    a, w = g.tensor("x", "int16", x.shape, scale=0.001, zero=0), g.tensor("w", "int4", weights.shape, data=weights, scale=0.02, zero=0)
    y = g.tensor("y", "int16", x.shape, scale=0.01, zero=0)
    g.op("DEPTHWISE_CONV_2D", [a, w], [y], "DepthwiseConv2DOptions", {**CONV, "depthMultiplier": 1})
    total = depthwise(x.astype(np.int64), weights.astype(np.int64))
    near(run(g, [a], [y], [x]), requantized(total, 0.001 * 0.02 / 0.01, np.int16), 2)


@pytest.mark.parametrize("x_type, w_type, scales", [("int8", "int4", 1), ("float32", "int4", 1), ("float32", "int4", 7), ("float32", "int8", 1)])
def test_transposed_with_scales_that_tensorflow_writes_over_and_int4(x_type, w_type, scales):
    rng = np.random.default_rng(scales)
    limit = 127 if w_type == "int8" else 7
    weights = rng.integers(-limit, limit + 1, (7, 3, 3, 4)).astype(np.int8)
    scale = rng.uniform(0.01, 0.03, scales).astype(np.float32)
    g = ModelGen()
    s = g.tensor("s", "int32", (4,), data=np.array([1, 5, 6, 7], np.int32))
    w = g.tensor("w", w_type, weights.shape, data=weights, scale=scale, zero=[0] * scales)
    real = convolved_weights = weights[:, ::-1, ::-1] * scale.reshape(-1, 1, 1, 1).astype(np.float64)
    if x_type == "int8":
        x = rng.integers(-128, 128, (1, 5, 6, 4)).astype(np.int8)
        a, y = g.tensor("x", "int8", x.shape, scale=0.05, zero=0), g.tensor("y", "int8", (1, 5, 6, 7), scale=0.7, zero=0)
    else:
        x = rng.uniform(-3, 4, (1, 5, 6, 4)).astype(np.float32)
        a, y = g.tensor("x", "float32", x.shape), g.tensor("y", "float32", (1, 5, 6, 7))
    g.op("TRANSPOSE_CONV", [s, w, a], [y], "TransposeConvOptions", CONV)
    found = run(g, [a], [y], [x])
    if x_type == "int8":
        near(found, requantized(convolved(x * 0.05, real), 1 / 0.7, np.int8))
    else:
        bound = 7 / 255 * np.abs(convolved_weights).sum((1, 2, 3)) + 1e-5
        assert np.all(np.abs(found - convolved(x.astype(np.float64), real)) <= bound)


# ---- what LiteRT 2.3 has and TensorFlow 2.21 has not ---------------------------------------------------------------------


@pytest.mark.parametrize("channels", [0, 9])
@pytest.mark.parametrize("bias_type, said", [(None, 0), (np.int32, 0), (np.int32, 2), (np.int64, 4)])
@pytest.mark.parametrize("batch, depth", [(1, 1), (3, 7), (5, 300)])
def test_fully_connected_of_int16_with_int16(channels, bias_type, said, batch, depth):
    rng = np.random.default_rng(depth)
    x, weights = (rng.integers(-32768, 32768, shape).astype(np.int16) for shape in ((batch, depth), (9, depth)))
    scale = rng.uniform(0.0001, 0.0002, channels or 1).astype(np.float32)
    g = ModelGen()
    a = g.tensor("x", "int16", x.shape, scale=0.001, zero=0)
    w = g.tensor("w", "int16", weights.shape, data=weights, scale=scale, zero=[0] * len(scale))
    total, bias = x.astype(np.int64) @ weights.astype(np.int64).T, []
    if bias_type:
        values = rng.integers(-10**9, 10**9, 9).astype(bias_type)
        total = total + values
        bias = [g.tensor("b", np.dtype(bias_type).name, (9,), data=values, scale=np.float32(0.001) * scale, zero=[0] * len(scale))]
    out_scale = np.float32(0.004 * depth ** 0.5)
    y = g.tensor("y", "int16", (batch, 9), scale=out_scale, zero=0)
    g.op("FULLY_CONNECTED", [a, w] + bias, [y], "FullyConnectedOptions", {"quantizedBiasType": said})
    near(run(g, [a], [y], [x]), requantized(total, 0.001 * scale.astype(np.float64) / out_scale, np.int16), 2)


@pytest.mark.parametrize("dtype, zero", [("int16", 0), ("int8", 3), ("int8", -128)])
@pytest.mark.parametrize("adj_y", [False, True])
@pytest.mark.parametrize("n", [1, 4, 17, 33])
def test_batch_matmul_with_a_scale_a_column(dtype, zero, adj_y, n):
    """Several scales of an int8 right matrix: the reference takes none of them and gives zeros."""
    rng = np.random.default_rng([n, adj_y, zero & 255])
    x = rng.integers(-100, 100, (2, 5, 7)).astype(dtype)
    y = rng.integers(-127, 128, (n, 7) if adj_y else (7, n)).astype(np.int8)
    scales = rng.uniform(0.001, 0.02, n).astype(np.float32)
    case = Node("BATCH_MATMUL", "BatchMatMulOptions").case(
        "scales", [quant(x, 0.125, zero), Arg(y, True, "", scales.tolist(), [0] * n, 0 if adj_y else 1)], [dtype],
        {"adjX": False, "adjY": adj_y}, quant=(0.5, 0))
    interpreter = Interpreter(model_content=case.model)
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, x)
    interpreter.invoke()
    product = (x.astype(np.float64) - zero) * 0.125 @ ((y.T if adj_y else y) * scales.astype(np.float64))
    info = np.iinfo(dtype)
    want = np.clip(np.rint(product / 0.5), info.min, info.max)
    assert np.abs(interpreter.get_tensor(2) - want).max() <= 1


@pytest.mark.parametrize("adj_x, adj_y", [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize("left, right", [((), ()), ((3,), ()), ((2, 1), (3,)), ((2, 3), (2, 3))])
def test_batch_matmul_of_int16_with_int8(adj_x, adj_y, left, right):
    rng = np.random.default_rng(len(left))
    x = rng.integers(-32768, 32768, (*left, 5, 19)).astype(np.int16)
    m = rng.integers(-128, 128, (*right, 19, 7)).astype(np.int8)
    wanted = requantized(x.astype(np.int64) @ m.astype(np.int64), 1e-3 * 0.02 / 0.05, np.int16)
    x, m = (np.swapaxes(v, -1, -2).copy() if adj else v for v, adj in ((x, adj_x), (m, adj_y)))
    g = ModelGen()
    a, b = g.tensor("x", "int16", x.shape, scale=1e-3, zero=0), g.tensor("m", "int8", m.shape, scale=0.02, zero=0)
    y = g.tensor("y", "int16", wanted.shape, scale=0.05, zero=0)
    g.op("BATCH_MATMUL", [a, b], [y], "BatchMatMulOptions", {"adjX": adj_x, "adjY": adj_y})
    near(run(g, [a, b], [y], [x, m]), wanted, 2)


# ---- where the reference writes nothing, or ends the process ----------------------------------------------------------------


@pytest.mark.parametrize("batch", [2, 3, 5])
def test_shuffled_weights_of_any_batch(batch):
    rng = np.random.default_rng(batch)
    x, weights = rng.integers(0, 256, (batch, 48)).astype(np.uint8), rng.integers(-128, 128, (20, 48)).astype(np.int8)
    tiles = weights.reshape(5, 4, 3, 16).transpose(0, 2, 1, 3).copy().view(np.uint8)
    bias = rng.integers(-9999, 9999, 20).astype(np.int32)
    g = ModelGen()
    a = g.tensor("x", "uint8", x.shape, scale=0.02, zero=128)
    w = g.tensor("w", "uint8", weights.shape, data=tiles.reshape(20, 48), scale=0.01, zero=128)
    b = g.tensor("b", "int32", (20,), data=bias, scale=0.0002, zero=0)
    y, z = g.tensor("y", "int16", (batch, 20), scale=0.003, zero=0), g.tensor("z", "uint8", x.shape, scale=1.0, zero=0)
    g.op("FULLY_CONNECTED", [a, w, b], [y, z], "FullyConnectedOptions", {"weightsFormat": 1})
    total = (x.astype(np.int64) - 128) @ weights.astype(np.int64).T + bias
    near(run(g, [a], [y, z], [x]), requantized(total, 0.0002 / 0.003, np.int16))


def test_uint8_to_int16_without_a_bias():
    rng = np.random.default_rng(7)
    x, weights = (rng.integers(0, 256, shape).astype(np.uint8) for shape in ((3, 40), (9, 40)))
    g = ModelGen()
    a, w = g.tensor("x", "uint8", x.shape, scale=0.02, zero=100), g.tensor("w", "uint8", weights.shape, data=weights, scale=0.01, zero=140)
    y = g.tensor("y", "int16", (3, 9), scale=0.003, zero=0)
    g.op("FULLY_CONNECTED", [a, w], [y], "FullyConnectedOptions")
    total = (x.astype(np.int64) - 100) @ (weights.astype(np.int64) - 140).T
    near(run(g, [a], [y], [x]), requantized(total, 0.0002 / 0.003, np.int16))


@pytest.mark.parametrize("asymmetric", [False, True])
def test_sparse_int8_weights_of_floats_in_any_pattern(asymmetric):
    rng = np.random.default_rng(3)
    weights = np.where(rng.uniform(size=(8, 32)) < 0.4, rng.integers(-127, 128, (8, 32)), 0).astype(np.int8)
    used = weights != 0
    segments = np.concatenate([[0], np.cumsum(used.sum(1))])
    g = ModelGen()
    x = rng.uniform(-1, 2, (3, 32)).astype(np.float32)
    a, y = g.tensor("x", "float32", x.shape), g.tensor("y", "float32", (3, 8))
    w = g.tensor("w", "int8", weights.shape, data=weights[used], scale=0.02, zero=0,
                 sparsity={"order": [0, 1], "dims": [("dense", 8), ("csr", segments, np.nonzero(used)[1])]})
    g.op("FULLY_CONNECTED", [a, w], [y], "FullyConnectedOptions", {"asymmetricQuantizeInputs": asymmetric})
    bound = 4 / 255 * 0.02 * np.abs(weights.astype(int)).sum(1) + 1e-5
    assert np.all(np.abs(run(g, [a], [y], [x]) - x.astype(np.float64) @ (weights * 0.02).T) <= bound)


@pytest.mark.parametrize("op, table, fields, weights", [
    ("CONV_2D", "Conv2DOptions", CONV, (5, 1, 1, 3)), ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", {**CONV, "depthMultiplier": 1}, (1, 1, 1, 3)),
    ("L2_POOL_2D", "Pool2DOptions", {**CONV, "filterHeight": 1, "filterWidth": 1}, None),
    ("AVERAGE_POOL_2D", "Pool2DOptions", {**CONV, "filterHeight": 1, "filterWidth": 1}, None)])
def test_infinite_sums_stay_infinite(op, table, fields, weights):
    x = np.ones((1, 2, 2, 3), np.float32)
    x[0, 0, 0], x[0, 1, 1, 1] = np.inf, -np.inf
    g = ModelGen()
    a, inputs = g.tensor("x", "float32", x.shape), []
    if weights:
        inputs = [g.constant("w", "float32", np.ones(weights, np.float32))]
    y = g.tensor("y", "float32", (1, 2, 2, 5 if op == "CONV_2D" else 3))
    g.op(op, [a] + inputs, [y], table, fields)
    found = run(g, [a], [y], [x])
    last = np.inf if op == "L2_POOL_2D" else -np.inf
    assert np.all(found[0, 0, 0] == np.inf) and found[0, 1, 1, 1] == last and np.all(np.isfinite(found[0, 0, 1]))


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("window, shape", [((9, 2), (1, 0, 4, 2)), ((2, 9), (1, 0, 0, 2)), ((9, 9), (1, 0, 0, 2)), ((4, 6), (1, 0, 0, 2))])
def test_pools_whose_window_does_not_fit_are_empty(dtype, window, shape):
    """As in LiteRT 2.3; TensorFlow 2.21 refuses them."""
    for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        g = ModelGen()
        quant = {} if dtype == "float32" else {"scale": 0.1, "zero": 0}
        a, y = g.tensor("x", dtype, (1, 3, 5, 2), **quant), g.tensor("y", dtype, (), **quant)
        g.op(op, [a], [y], "Pool2DOptions", {**CONV, "padding": 1, "filterHeight": window[0], "filterWidth": window[1]})
        assert run(g, [a], [y], [np.ones((1, 3, 5, 2), dtype)]).shape == shape


@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize("left, right", [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((3,), (2, 1)), ((2, 1, 3), (2, 2, 1))])
def test_batch_matmul_of_floats_with_int8_broadcast(left, right, asymmetric):
    """The reference takes the scales of other rows when several dimensions are batches."""
    rng = np.random.default_rng(len(left) + 5 * len(right))
    x = rng.uniform(-1, 2, (*left, 5, 19)).astype(np.float32) * rng.choice([0.1, 1, 30], (*left, 5, 1)).astype(np.float32)
    m = rng.integers(-127, 128, (*right, 19, 7)).astype(np.int8)
    g = ModelGen()
    wanted = x.astype(np.float64) @ (m * 0.02)
    a, b = g.tensor("x", "float32", x.shape), g.tensor("m", "int8", m.shape, data=m, scale=0.02, zero=0)
    y = g.tensor("y", "float32", wanted.shape)
    g.op("BATCH_MATMUL", [a, b], [y], "BatchMatMulOptions", {"asymmetricQuantizeInputs": asymmetric})
    # Each row is quantized for itself, to steps of its range / 255, or of twice its largest / 254; zero's place costs half a step more.
    step = np.max(np.abs(x), axis=-1, keepdims=True) * 2 / 254
    bound = step * (np.abs(m) * 0.02).sum(-2, keepdims=True) + 1e-5
    assert np.all(np.abs(run(g, [a], [y], [x]) - wanted) <= np.broadcast_to(bound, wanted.shape))
