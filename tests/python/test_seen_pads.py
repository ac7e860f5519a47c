# SPDX-License-Identifier: Apache-2.0
"""Paddings that convolutions have by themselves (src/exec/seen.c) give what making them gives."""

import numpy as np
import pytest

import unflow.lite

modelgen = pytest.importorskip("modelgen")

ZERO = {"float32": 0, "int8": -7, "uint8": 128, "int16": 0}
RANGE = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}


def quant(dtype, scale):
    return {} if dtype == "float32" else {"scale": scale, "zero": ZERO[dtype]}


def convolution(dtype, pads, op="CONV_2D", stride=1, same=False, value=None, after=None, channels=8, filters=8, size=9, kernel=3,
                weights=None, batch=1):
    """RELU of x, padded, through a convolution; `after` says what else happens: the sum with RELU of x, another reader."""
    rng = np.random.default_rng(3)
    g = modelgen.ModelGen()
    depthwise = op == "DEPTHWISE_CONV_2D"
    out = [batch + sum(pads[0]), size + sum(pads[1]), size + sum(pads[2]), channels + sum(pads[3])]
    filters = out[3] if depthwise else filters
    w_type = weights or ("float32" if dtype == "float32" else "uint8" if dtype == "uint8" else "int8")
    shape = (1, kernel, kernel, filters) if depthwise else (filters, kernel, kernel, out[3])
    low, high = (-1, 1) if w_type == "float32" else (0, 255) if w_type == "uint8" else (-127, 127)
    w_data = rng.uniform(low, high, shape).astype(w_type)
    w_quant = {} if w_type == "float32" else {"scale": 0.01, "zero": 120 if w_type == "uint8" else 0}
    if weights:  # LiteRT's hybrid loops read a scale for each channel
        w_quant = {"scale": rng.uniform(0.005, 0.02, filters), "zero": np.zeros(filters, "int64"), "axis": 3 if depthwise else 0}
    x = g.tensor("x", dtype, (batch, size, size, channels), **quant(dtype, 0.1))
    of = g.tensor("of", dtype, (batch, size, size, channels), **quant(dtype, 0.1))
    g.op("RELU", [x], [of])
    padded = g.tensor("padded", dtype, out, **quant(dtype, 0.1))
    paddings = g.constant("paddings", "int32", np.array(pads, "int32"))
    inputs = [of, paddings]
    if value is not None:
        inputs.append(g.constant("value", dtype, np.array([value], dtype), **quant(dtype, 0.1)))
    g.op("PAD" if value is None else "PADV2", inputs, [padded])
    window = {"padding": 0 if same else 1, "strideH": stride, "strideW": stride, "dilationHFactor": 1, "dilationWFactor": 1}
    if depthwise:
        window["depthMultiplier"] = 1
    extent = [-(-n // stride) if same else (n - kernel) // stride + 1 for n in out[1:3]]
    b_type = "float32" if dtype == "float32" else "int64" if dtype == "int16" else "int32"
    b_quant = {} if dtype == "float32" else {"scale": 0.001, "zero": 0}
    w = g.constant("w", w_type, w_data, **w_quant)
    b = g.constant("b", b_type, rng.uniform(-9, 9, filters).astype(b_type), **b_quant)
    y = g.tensor("y", dtype, [out[0], *extent, filters], **quant(dtype, 0.3))
    g.op(op, [padded, w, b], [y], "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions", window)
    outputs = [y]
    if after == "sum":  # a chain at whose head the convolution is, and which reads what was padded
        z = g.tensor("z", dtype, [batch, *extent, filters], **quant(dtype, 0.4))
        g.op("ADD", [of, y], [z], "AddOptions", {"potScaleInt16": False})
        last = g.tensor("last", dtype, [batch, *extent, filters], **quant(dtype, 0.4))
        g.op("RELU", [z], [last])
        turned = g.tensor("turned", dtype, [batch, *extent[::-1], filters], **quant(dtype, 0.4))
        g.op("TRANSPOSE", [last, g.constant("perm", "int32", np.array([0, 2, 1, 3], "int32"))], [turned])
        outputs = [turned]  # last may lie where what was padded lies
    if after == "reader":
        z = g.tensor("z", dtype, out, **quant(dtype, 0.1))
        g.op("RELU", [padded], [z])
        outputs.append(z)
    if after == "output":
        outputs.append(padded)
    g.inputs([x])
    g.outputs(outputs)
    return g.build()


ONE = [[0, 0], [1, 1], [1, 1], [0, 0]]
CASES = {
    "one": dict(pads=ONE), "uneven": dict(pads=[[0, 0], [0, 1], [2, 0], [0, 0]], stride=2), "none": dict(pads=[[0, 0]] * 4),
    "too much": dict(pads=[[0, 0], [3, 3], [0, 3], [0, 0]]), "huge": dict(pads=[[0, 0], [200, 0], [1, 1], [0, 0]]),
    "channels": dict(pads=[[0, 0], [1, 1], [1, 1], [0, 8]]), "images": dict(pads=[[1, 0], [1, 1], [1, 1], [0, 0]]),
    "same": dict(pads=ONE, same=True, kernel=5),
    "sum": dict(pads=ONE, after="sum", size=24), "large": dict(pads=ONE, channels=32, filters=32, size=24),
    "reader": dict(pads=ONE, after="reader"), "output": dict(pads=ONE, after="output"), "batch": dict(pads=ONE, batch=3),
    "first layer": dict(pads=[[0, 0], [3, 3], [3, 3], [0, 0]], channels=3, kernel=7, stride=2, size=40, filters=16),
    "wide": dict(pads=ONE, channels=72, filters=40, size=30),
}


def models(dtype):
    for name, case in CASES.items():
        for op in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            yield f"{name} {op}", convolution(dtype, op=op, **case)
    for value in (ZERO[dtype], 3):
        yield f"value {value}", convolution(dtype, ONE, value=value)
    for size in (9, 20) if dtype == "float32" else ():  # hybrid: images are quantized, each as a whole
        for op in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            yield f"hybrid {op} {size}", convolution(dtype, ONE, op=op, weights="int8", size=size, batch=2)
            yield f"hybrid {op} {size}, 32 channels", convolution(dtype, ONE, op=op, weights="int8", size=size, channels=32, filters=32)


def litert(model, x, names):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    it = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
                     experimental_preserve_all_tensors=True)
    it.allocate_tensors()
    it.set_tensor(it.get_input_details()[0]["index"], x)
    it.invoke()
    index = {d["name"]: d["index"] for d in it.get_tensor_details()}
    return {name: it.get_tensor(index[name]) for name in names if name in index}


@pytest.mark.parametrize("dtype", list(ZERO))
def test_convolutions_of_padded_images(dtype):
    pytest.importorskip("ai_edge_litert")
    rng = np.random.default_rng(1)
    for label, model in models(dtype):
        for threads in (1, 2):
            interpreter = unflow.lite.Interpreter(model_content=model, num_threads=threads)
            interpreter.allocate_tensors()
            index = {d["name"]: d["index"] for d in interpreter.get_tensor_details()}
            names = [n for n in ("y", "z", "last", "turned", "padded", "of") if n in index]
            for _ in range(2):  # an ordinary run after one in which the padding was made
                detail = interpreter.get_input_details()[0]
                x = rng.uniform(-4, 4, detail["shape"])
                x = x.astype("float32") if dtype == "float32" else np.clip(x * 30 + ZERO[dtype], *RANGE[dtype]).astype(dtype)
                want = litert(model, x, names)
                interpreter.set_tensor(detail["index"], x)
                interpreter.invoke()
                for d in interpreter.get_output_details() + [interpreter.get_tensor_details()[index[n]] for n in names]:
                    found, expected = interpreter.get_tensor(d["index"]), want[d["name"]]
                    if dtype == "float32":
                        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4, err_msg=label)
                    else:
                        assert np.abs(found.astype(int) - expected.astype(int)).max() == 0, label
