# SPDX-License-Identifier: Apache-2.0
"""What TensorFlow cannot be asked one op at a time: fused ops of its graph optimizer, and channels first, which its
kernels for the CPU refuse. Both against the plain ops."""
import numpy as np
import pytest

from unflow import _core


def run(op, inputs, **attrs):
    result = _core.execute(op, [_core.tensor(np.asarray(i)) for i in inputs], attrs)
    return [r.numpy() for r in result] if isinstance(result, (list, tuple)) else result.numpy()


ACTIVATIONS = {
    "": lambda y: y, "Relu": lambda y: np.maximum(y, 0), "Relu6": lambda y: np.clip(y, 0, 6), "Tanh": np.tanh,
    "Elu": lambda y: np.where(y < 0, np.expm1(np.minimum(y, 0)), y), "LeakyRelu": lambda y: np.where(y < 0, 0.25 * y, y),
    "Sigmoid": lambda y: 1 / (1 + np.exp(-y)),
}


@pytest.mark.parametrize("act", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("first", ["BiasAdd", "FusedBatchNorm"])
def test_fused(act, dtype, first):
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(2, 7, 6, 5)).astype(dtype), rng.normal(size=(3, 2, 5, 9)).astype(dtype)
    if first == "BiasAdd":
        args = [rng.normal(size=9).astype(dtype)]
        scale, shift = 1.0, args[0].astype("d")
    else:
        args = [rng.normal(size=9).astype(dtype) for _ in range(3)] + [(rng.random(9) + 0.5).astype(dtype)]
        scale = args[0] / np.sqrt(args[3].astype("d") + 1e-3)
        shift = args[1] - args[2] * scale
    tolerance = {"float32": 1e-4, "float64": 1e-9, "float16": 2e-2}[dtype]
    window = {"strides": [1, 2, 1, 1], "padding": "SAME"}
    fused = {"fused_ops": [first] + [act] * bool(act), "epsilon": 1e-3, "leakyrelu_alpha": 0.25, "num_args": len(args)}
    want = ACTIVATIONS[act](run("Conv2D", [x, w], **window).astype("d") * scale + shift)
    got = run("_FusedConv2D", [x, w, *args], TArgs=[dtype] * len(args), **window, **fused)
    np.testing.assert_allclose(got.astype("d"), want, tolerance, tolerance)
    a, b = rng.normal(size=(4, 5)).astype(dtype), rng.normal(size=(5, 9)).astype(dtype)
    if first == "BiasAdd":
        want = ACTIVATIONS[act](a.astype("d") @ b.astype("d") + shift)
        np.testing.assert_allclose(run("_FusedMatMul", [a, b, *args], **fused).astype("d"), want, tolerance, tolerance)


@pytest.mark.parametrize("op, axes", [("Conv2D", 2), ("Conv3D", 3), ("DepthwiseConv2dNative", 2), ("MaxPool", 2), ("AvgPool", 2),
                                      ("AvgPool3D", 3)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_channels_first(op, axes, dtype):
    rng = np.random.default_rng(2)
    x, w = rng.normal(size=[2, 5, 6, 7][:axes + 1] + [3]).astype(dtype), rng.normal(size=[2, 3, 2][:axes] + [3, 4]).astype(dtype)
    inner = [2, 3, 2][:axes] if "Pool" in op else None
    inputs = [x] if inner else [x, w]
    turned = np.ascontiguousarray(np.moveaxis(x, -1, 1))
    last = {"ksize": [1, *inner, 1]} if inner else {}
    first = {"ksize": [1, 1, *inner]} if inner else {}
    strides = [2] * axes
    want = run(op, inputs, strides=[1, *strides, 1], padding="SAME", **last)
    got = run(op, [turned, *inputs[1:]], strides=[1, 1, *strides], padding="SAME",
              data_format="NCHW" if axes == 2 else "NCDHW", **first)
    np.testing.assert_array_equal(np.moveaxis(got, 1, -1), want)
