# SPDX-License-Identifier: Apache-2.0
"""Matrix products with blockwise int4, int8 and int2 weights against the formula: the oracle returns zeros for these."""

import numpy as np
import pytest
from modelgen import ModelGen

import unflow


def product(rng, units, depth, block, scales_dtype, dtype="int4", zeros=False):
    """The file, and its weights as real numbers."""
    low, high = {"int4": (-8, 7), "int8": (-127, 127), "int2": (-2, 1)}[dtype]
    weights = rng.integers(low, high, (units, depth), endpoint=True)
    scales = rng.uniform(0.01, 0.1, (units, depth // block)).astype(scales_dtype)
    bias = rng.normal(size=units).astype(np.float32)
    g = ModelGen()
    x, y = g.tensor("x", "float32", (1, depth)), g.tensor("y", "float32", (1, units))
    s = g.constant("s", np.dtype(scales_dtype).name, scales)
    z = g.constant("z", "int8", np.zeros(scales.shape, np.int8)) if zeros else -1
    w = g.tensor("w", dtype, (units, depth), data=weights, block=(s, z, block))
    b = g.constant("b", "float32", bias)
    g.op("FULLY_CONNECTED", [x, w, b], [y], "FullyConnectedOptions")
    g.inputs([x])
    g.outputs([y])
    return g.build(), weights * np.repeat(scales.astype(np.float64), block, 1), bias


@pytest.mark.parametrize("dtype, zeros", [("int4", False), ("int4", True), ("int8", False), ("int2", False)])
@pytest.mark.parametrize("units, depth, block", [(1, 32, 32), (17, 64, 32), (40, 96, 16), (33, 256, 64), (5, 6, 2)])
@pytest.mark.parametrize("batch", [1, 7])
def test_formula(units, depth, block, batch, dtype, zeros):
    rng = np.random.default_rng(units)
    model, weights, bias = product(rng, units, depth, block, np.float16 if batch == 1 else np.float32, dtype, zeros)
    x = rng.uniform(-1, 1, (batch, depth)).astype(np.float32)
    interpreter = unflow.lite.Interpreter(model_content=model)
    interpreter.resize_tensor_input(0, x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, x)
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    # Inputs are quantized to 8 bits: half a step of 2 / 255 each, times the weights.
    bound = 0.5 * 2 / 255 * np.abs(weights).sum(1) + 1e-5
    assert np.all(np.abs(found - (x.astype(np.float64) @ weights.T + bias)) <= bound)
