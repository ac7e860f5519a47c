# SPDX-License-Identifier: Apache-2.0
"""conv_quant.py: convolutions, pools and matrix products of quantized tensors, and hybrid ones (float32 with integer
weights).

Integer results must equal the reference's. Hybrid ones too but for the last bits of float32: the inputs are quantized
alike, and sums are integers.
"""

import numpy as np

from case import Case, Close, Exact
from modelgen import ModelGen

SAME, VALID = 0, 1
NONE, RELU, RELU_N1_TO_1, RELU6, TANH = 0, 1, 2, 3, 4
INT32, INT64 = 2, 4  # TensorType codes for quantized_bias_type
RANGE = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767), "int4": (-8, 7), "int2": (-2, 1)}
HYBRID = Close(1e-6, 2e-6)


def draw(rng, dtype, shape, hybrid=False):
    """Integers over the whole range, or floats. Weights of hybrid ops are never -128: the reference's loops for x86 do
    not multiply by it correctly, and no converter writes it."""
    if dtype == "float32":
        return rng.uniform(-3, 4, shape).astype(np.float32)
    low, high = RANGE[dtype]
    if hybrid and dtype == "int8":
        low = -127
    out = np.int8 if dtype in ("int4", "int2") else np.dtype(dtype)
    if rng.integers(5) == 0:  # the smallest and largest alone
        return rng.choice(np.array([low, high], out), shape)
    return rng.integers(low, high, shape, endpoint=True).astype(out)


def out_size(padding, size, kernel, stride, dilation):
    reach = (kernel - 1) * dilation + 1
    return -(-size // stride) if padding == SAME else (size + stride - reach) // stride


class Quant:
    """Types and scales of one op: input, weights, bias, output."""

    def __init__(self, rng, x, w="int8", out=None, channels=1, per_channel=True, depth=1, axis=0, bias=None, w_zero=None,
                 spread=None, bias_type=None):
        self.x, self.w, self.out, self.axis = x, w, out or x, axis
        self.hybrid = x == "float32"
        self.bias = bias or {"float32": "float32", "int16": "int64"}.get(x, "int32")
        self.count = channels if per_channel and w != "uint8" else 1
        self.w_scale = rng.uniform(0.002, 0.02, self.count).astype(np.float32)
        self.w_zero = 0 if w_zero is None else w_zero
        if w == "uint8" and w_zero is None:
            self.w_zero = int(rng.integers(0, 256))
        self.x_scale = np.float32(rng.uniform(0.01, 0.1)) if x != "int16" else np.float32(rng.uniform(1e-4, 1e-3))
        self.x_zero = 0 if x == "int16" or self.hybrid else int(rng.integers(*RANGE[x]))
        self.out_zero = 0 if self.out == "int16" or self.hybrid else int(rng.integers(*RANGE[self.out]))
        width = {"int8": 75, "uint8": 75, "int16": 19000, "int4": 5, "int2": 1}
        if not self.hybrid:
            product = self.x_scale * float(np.mean(self.w_scale))
            spread = spread or 1.5 * width[self.x] * width[w] * max(depth, 1) ** 0.5 / width[self.out]
            self.out_scale = np.float32(product * spread)

    def input(self, g, shape, data=None):
        if self.hybrid:
            return g.tensor("x", "float32", shape, data=data)
        return g.tensor("x", self.x, shape, data=data, scale=self.x_scale, zero=self.x_zero)

    def weights(self, g, data, constant=True):
        return g.tensor("w", self.w, data.shape, data=data if constant else None, scale=self.w_scale,
                        zero=[self.w_zero] * self.count, axis=self.axis)

    def biases(self, g, rng, n):
        if self.hybrid:
            return g.tensor("b", "float32", (n,), data=rng.uniform(-1, 1, n).astype(np.float32))
        limit = 20000 if self.bias == "int32" else 20000000
        data = rng.integers(-limit, limit, n).astype(self.bias)
        return g.tensor("b", self.bias, (n,), data=data, scale=self.x_scale * self.w_scale, zero=[0] * self.count)

    def output(self, g, shape):
        if self.hybrid:
            return g.tensor("y", "float32", shape)
        return g.tensor("y", self.out, shape, scale=self.out_scale, zero=self.out_zero)

    def tolerance(self):
        return HYBRID if self.hybrid else Exact()


def finish(g, op, name, inputs, values, outputs, tol):
    g.inputs(inputs)
    g.outputs(outputs)
    return Case(name, op, g.build(), values, tol=tol)


# ---- CONV_2D ---------------------------------------------------------------------------------------------------------


def conv(rng, name, x_type, image, filters, kernel=(1, 1), stride=(1, 1), dilation=(1, 1), padding=SAME, act=NONE,
         groups=1, w_type=None, constant=True, bias_type=None, **how):
    batch, height, width, channels = image
    shape = (filters, *kernel, channels // groups)
    w_type = w_type or ("uint8" if x_type == "uint8" else "int8")
    q = Quant(rng, x_type, w_type, channels=filters, depth=np.prod(shape[1:]),
              bias="int32" if bias_type == INT32 else None, **how)
    out = (batch, out_size(padding, height, kernel[0], stride[0], dilation[0]),
           out_size(padding, width, kernel[1], stride[1], dilation[1]), filters)
    g = ModelGen()
    weights, values = draw(rng, w_type, shape, q.hybrid), draw(rng, x_type, image)
    a, w, b, y = q.input(g, image), q.weights(g, weights, constant), q.biases(g, rng, filters), q.output(g, out)
    g.op("CONV_2D", [a, w, b], [y], "Conv2DOptions", {
        "padding": padding, "strideH": stride[0], "strideW": stride[1], "dilationHFactor": dilation[0],
        "dilationWFactor": dilation[1], "fusedActivationFunction": act, "quantizedBiasType": bias_type or 0})
    return finish(g, "CONV_2D", name, [a] if constant else [a, w], [values] if constant else [values, weights], [y],
                  q.tolerance())


def conv_cases(rng):
    for x in ("int8", "uint8", "int16", "float32"):
        for channels in (1, 2, 3, 15, 16, 31, 33, 64, 257, 1030):
            yield conv(rng, f"conv_1x1_{x}_of_{channels}", x, (2, 3, 3, channels), 18)
            yield conv(rng, f"conv_3x3_{x}_of_{channels}", x, (1, 6, 7, channels), 9, (3, 3), (2, 1), act=RELU)
        for filters in (1, 7, 8, 9, 16, 17, 33, 100):
            yield conv(rng, f"conv_{x}_to_{filters}", x, (1, 5, 7, 13), filters, (2, 3), padding=VALID)
        for pixels in (1, 2, 3, 5, 6, 7, 11, 13, 97, 200):
            yield conv(rng, f"conv_{x}_{pixels}_pixels", x, (1, 1, pixels, 9), 20, act=RELU6)
        for kernel, stride, dilation in (((3, 3), (1, 1), (2, 2)), ((1, 5), (1, 3), (1, 1)), ((5, 1), (2, 1), (1, 1)),
                                         ((7, 7), (2, 2), (1, 1)), ((2, 2), (3, 3), (1, 1)), ((3, 3), (1, 1), (5, 3))):
            for padding in (SAME, VALID):
                for channels in (3, 20):
                    name = f"conv_{x}_{kernel[0]}x{kernel[1]}_s{stride[0]}_d{dilation[0]}_p{padding}_c{channels}"
                    yield conv(rng, name, x, (2, 12, 13, channels), 6, kernel, stride, dilation, padding)
        for act in (NONE, RELU, RELU_N1_TO_1, RELU6):
            yield conv(rng, f"conv_{x}_act_{act}", x, (1, 5, 5, 12), 20, (3, 3), act=act)
        for groups, channels, filters in ((2, 4, 6), (3, 9, 3), (4, 64, 64), (8, 8, 32)):
            yield conv(rng, f"conv_{x}_groups_{groups}_{filters}", x, (2, 7, 6, channels), filters, (3, 3), (1, 2),
                       groups=groups)
        yield conv(rng, f"conv_{x}_per_tensor", x, (2, 6, 6, 10), 12, (3, 3), per_channel=False)
        yield conv(rng, f"conv_{x}_per_tensor_groups", x, (2, 6, 6, 10), 12, (3, 3), per_channel=False, groups=2)
        yield conv(rng, f"conv_{x}_many_taps", x, (1, 20, 20, 2), 5, (11, 11))
        yield conv(rng, f"conv_{x}_no_batch", x, (0, 5, 5, 3), 4, (3, 3))
        yield conv(rng, f"conv_{x}_variable_weights", x, (1, 6, 6, 11), 21, (3, 3), constant=False)
        if x != "uint8":
            yield conv(rng, f"conv_{x}_int4", x, (1, 6, 7, 10), 17, (3, 3), w_type="int4")
            yield conv(rng, f"conv_{x}_int4_odd", x, (1, 6, 7, 3), 5, (3, 3), w_type="int4", per_channel=False)
    for spread in (0.4, 3, 1000, 1e7):
        yield conv(rng, f"conv_int8_spread_{spread:g}", "int8", (1, 6, 6, 10), 12, (3, 3), spread=spread)
        yield conv(rng, f"conv_uint8_spread_{spread:g}", "uint8", (1, 6, 6, 10), 12, (3, 3), spread=spread)
    for code in (INT32, INT64):
        yield conv(rng, f"conv_int16_bias_{code}", "int16", (1, 6, 6, 10), 12, (3, 3), bias_type=code)
        yield conv(rng, f"conv_int16_bias_{code}_relu", "int16", (1, 6, 6, 1000), 12, (3, 3), bias_type=code, act=RELU)
    for x in ("int8", "float32"):  # 3x3 of many channels: Winograd's method where it is faster
        for image, filters in (((1, 6, 7, 16), 16), ((2, 9, 10, 33), 40), ((1, 13, 12, 64), 64), ((1, 8, 8, 120), 100),
                               ((1, 7, 9, 230), 20), ((1, 28, 28, 96), 200), ((1, 14, 15, 300), 300)):
            for padding in (SAME, VALID):
                name = f"conv_{x}_3x3_{image[1]}x{image[2]}x{image[3]}_to_{filters}_p{padding}"
                yield conv(rng, name, x, image, filters, (3, 3), padding=padding, act=RELU6 if padding else NONE)
        yield conv(rng, f"conv_{x}_3x3_per_tensor", x, (2, 11, 9, 24), 33, (3, 3), per_channel=False)
        yield conv(rng, f"conv_{x}_3x3_int4", x, (1, 11, 9, 24), 33, (3, 3), w_type="int4")
    yield conv(rng, "conv_int8_first_layer", "int8", (1, 48, 48, 3), 32, (3, 3), (2, 2), act=RELU6)
    yield conv(rng, "conv_int8_large", "int8", (1, 30, 30, 24), 40, (3, 3), (2, 2))
    yield conv(rng, "conv_uint8_large", "uint8", (1, 30, 30, 24), 40, (3, 3), (2, 2))


# ---- DEPTHWISE_CONV_2D -----------------------------------------------------------------------------------------------


def depthwise(rng, name, x_type, image, multiplier=1, kernel=(3, 3), stride=(1, 1), dilation=(1, 1), padding=SAME,
              act=NONE, w_type=None, constant=True, **how):
    batch, height, width, channels = image
    filters = channels * multiplier
    w_type = w_type or ("uint8" if x_type == "uint8" else "int8")
    q = Quant(rng, x_type, w_type, channels=filters, depth=np.prod(kernel), axis=3, **how)
    out = (batch, out_size(padding, height, kernel[0], stride[0], dilation[0]),
           out_size(padding, width, kernel[1], stride[1], dilation[1]), filters)
    g = ModelGen()
    weights, values = draw(rng, w_type, (1, *kernel, filters), q.hybrid), draw(rng, x_type, image)
    a, w, b, y = q.input(g, image), q.weights(g, weights, constant), q.biases(g, rng, filters), q.output(g, out)
    g.op("DEPTHWISE_CONV_2D", [a, w, b], [y], "DepthwiseConv2DOptions", {
        "padding": padding, "strideH": stride[0], "strideW": stride[1], "dilationHFactor": dilation[0],
        "dilationWFactor": dilation[1], "fusedActivationFunction": act, "depthMultiplier": multiplier})
    return finish(g, "DEPTHWISE_CONV_2D", name, [a] if constant else [a, w],
                  [values] if constant else [values, weights], [y], q.tolerance())


def depthwise_cases(rng):
    for x in ("int8", "uint8", "int16", "float32"):
        for channels in (1, 2, 7, 8, 9, 16, 24, 31, 33, 71, 300):
            for stride in (1, 2):
                name = f"depthwise_{x}_c{channels}_s{stride}"
                yield depthwise(rng, name, x, (2, 8, 9, channels), stride=(stride, stride), act=RELU6)
        for kernel in ((1, 1), (1, 3), (4, 2), (5, 5), (3, 9), (12, 12)):
            for stride in ((1, 1), (2, 2), (3, 1)):
                for padding in (SAME, VALID):
                    name = f"depthwise_{x}_{kernel[0]}x{kernel[1]}_s{stride[0]}_p{padding}"
                    yield depthwise(rng, name, x, (1, 13, 14, 12), 1, kernel, stride, padding=padding)
        for dilation in ((2, 2), (6, 6)):
            for padding in (SAME, VALID):
                yield depthwise(rng, f"depthwise_{x}_dilated_{dilation[0]}_p{padding}", x, (1, 13, 14, 11),
                                dilation=dilation, padding=padding)
        for multiplier in (2, 3, 8):
            for channels in (1, 3, 10):
                yield depthwise(rng, f"depthwise_{x}_times_{multiplier}_c{channels}", x, (2, 7, 7, channels), multiplier,
                                act=RELU)
        for act in (RELU, RELU_N1_TO_1):
            yield depthwise(rng, f"depthwise_{x}_act_{act}", x, (1, 5, 5, 12), act=act)
        yield depthwise(rng, f"depthwise_{x}_speech", x, (1, 49, 40, 1), 8, (10, 8), (2, 2), act=RELU)
        yield depthwise(rng, f"depthwise_{x}_variable_weights", x, (1, 7, 7, 10), constant=False)
        if x != "float32":
            yield depthwise(rng, f"depthwise_{x}_per_tensor", x, (1, 7, 7, 20), per_channel=False)
    yield depthwise(rng, "depthwise_int8_int4", "int8", (1, 7, 7, 11), w_type="int4")
    for spread in (0.4, 1000):
        yield depthwise(rng, f"depthwise_int8_spread_{spread:g}", "int8", (1, 7, 7, 11), spread=spread)


# ---- TRANSPOSE_CONV --------------------------------------------------------------------------------------------------


def transpose_conv(rng, name, x_type, image, filters, kernel, stride, padding=SAME, act=NONE, bias=True, constant=True,
                   grow=0, bias_type=None, **how):
    batch, channels = image[0], image[3]
    w_type = "uint8" if x_type == "uint8" else "int8"
    q = Quant(rng, x_type, w_type, channels=filters, depth=channels * 2,
              bias="int32" if bias_type == INT32 else None, **how)
    size = [(n - 1) * s + (1 if padding == SAME else k) + grow for n, s, k in zip(image[1:3], stride, kernel)]
    out = np.array([batch, *size, filters], np.int32)
    g = ModelGen()
    weights, values = draw(rng, w_type, (filters, *kernel, channels), q.hybrid), draw(rng, x_type, image)
    s, a, w = g.tensor("shape", "int32", (4,), data=out), q.input(g, image), q.weights(g, weights, constant)
    b = [q.biases(g, rng, filters)] if bias else []
    y = q.output(g, tuple(out))
    g.op("TRANSPOSE_CONV", [s, w, a] + b, [y], "TransposeConvOptions", {
        "padding": padding, "strideH": stride[0], "strideW": stride[1], "fusedActivationFunction": act,
        "quantizedBiasType": bias_type or 0})
    return finish(g, "TRANSPOSE_CONV", name, [a] if constant else [a, w], [values] if constant else [values, weights],
                  [y], Close(1e-5, 1e-4) if q.hybrid else Exact())


def transpose_conv_cases(rng):
    for x in ("int8", "uint8", "int16", "float32"):
        for kernel in ((1, 1), (2, 2), (3, 3), (4, 4), (3, 2), (9, 9)):
            for stride in ((1, 1), (2, 2), (3, 1), (4, 4)):
                for padding in (SAME, VALID):
                    name = f"transpose_conv_{x}_{kernel[0]}x{kernel[1]}_s{stride[0]}_p{padding}"
                    yield transpose_conv(rng, name, x, (2, 5, 4, 5), 7, kernel, stride, padding)
        for channels, filters in ((1, 1), (3, 17), (33, 16), (64, 3)):
            yield transpose_conv(rng, f"transpose_conv_{x}_{channels}_to_{filters}", x, (1, 6, 5, channels), filters,
                                 (3, 3), (2, 2), act=RELU)
        for channels, filters in ((1, 1), (3, 17), (33, 16), (20, 40), (64, 3), (150, 12)):  # filters side by side
            for kernel in ((2, 2), (3, 2)):
                yield transpose_conv(rng, f"transpose_conv_{x}_tiles_{channels}_to_{filters}_{kernel[0]}x{kernel[1]}", x,
                                     (2, 6, 5, channels), filters, kernel, kernel, VALID, act=RELU if channels == 33 else NONE,
                                     bias=channels != 20, constant=channels != 64)
        yield transpose_conv(rng, f"transpose_conv_{x}_grow", x, (1, 5, 4, 6), 7, (3, 3), (3, 3), grow=2)
        yield transpose_conv(rng, f"transpose_conv_{x}_no_bias", x, (1, 5, 4, 6), 7, (3, 3), (2, 2), bias=False)
        # One filter when hybrid: the reference writes as many scales as there are filters into the details of the weights.
        yield transpose_conv(rng, f"transpose_conv_{x}_per_tensor", x, (1, 5, 4, 6), 1 if x == "float32" else 7, (3, 3),
                             (2, 2), per_channel=False)
        yield transpose_conv(rng, f"transpose_conv_{x}_variable_weights", x, (1, 5, 4, 6), 7, (3, 3), (2, 2),
                             constant=False)
    for code in (INT32, INT64):
        yield transpose_conv(rng, f"transpose_conv_int16_bias_{code}", "int16", (1, 5, 4, 6), 7, (3, 3), (2, 2),
                             bias_type=code)


# ---- FULLY_CONNECTED -------------------------------------------------------------------------------------------------


def fully_connected(rng, name, x_type, shape, units, w_type=None, act=NONE, bias=True, constant=True, keep=False,
                    asymmetric=False, bias_type=None, out=None, **how):
    depth = shape[-1]
    w_type = w_type or ("uint8" if x_type == "uint8" else "int8")
    q = Quant(rng, x_type, w_type, out, channels=units, depth=depth, bias="int32" if bias_type == INT32 else None, **how)
    g = ModelGen()
    weights, values = draw(rng, w_type, (units, depth), q.hybrid), draw(rng, x_type, shape)
    a, w = q.input(g, shape), q.weights(g, weights, constant)
    b = [q.biases(g, rng, units)] if bias else []
    y = q.output(g, (*shape[:-1], units) if keep else (int(np.prod(shape[:-1])), units))
    g.op("FULLY_CONNECTED", [a, w] + b, [y], "FullyConnectedOptions", {
        "fusedActivationFunction": act, "keepNumDims": keep, "asymmetricQuantizeInputs": asymmetric,
        "quantizedBiasType": bias_type or 0})
    return finish(g, "FULLY_CONNECTED", name, [a] if constant else [a, w], [values] if constant else [values, weights],
                  [y], q.tolerance())


def fully_connected_cases(rng):
    for x in ("int8", "uint8", "int16", "float32"):
        for depth in (1, 2, 7, 16, 33, 128, 1000):
            for batch in (1, 2, 7):
                yield fully_connected(rng, f"fc_{x}_{batch}x{depth}", x, (batch, depth), 10)
        for units in (1, 8, 15, 16, 17, 65):
            yield fully_connected(rng, f"fc_{x}_to_{units}", x, (3, 20), units, per_channel=False)
        for act in (RELU, RELU_N1_TO_1, RELU6):
            yield fully_connected(rng, f"fc_{x}_act_{act}", x, (3, 20), 9, act=act)
        yield fully_connected(rng, f"fc_{x}_rank_4", x, (2, 3, 2, 5), 4)
        yield fully_connected(rng, f"fc_{x}_keep_dims", x, (2, 3, 2, 5), 4, keep=True)
        yield fully_connected(rng, f"fc_{x}_no_bias", x, (3, 20), 9, bias=False)
        yield fully_connected(rng, f"fc_{x}_no_batch", x, (0, 20), 9)
        yield fully_connected(rng, f"fc_{x}_variable_weights", x, (3, 20), 9, constant=False)
        if x != "uint8":
            for w in ("int4", "int2"):
                for per_channel in (False, True):
                    yield fully_connected(rng, f"fc_{x}_{w}_{per_channel}", x, (3, 21), 9, w, per_channel=per_channel)
    for x in ("int8", "int16"):
        yield fully_connected(rng, f"fc_{x}_weights_zero_point", x, (3, 600), 9, per_channel=False, w_zero=-100)
    for spread in (0.4, 2, 1000, 1e7):
        yield fully_connected(rng, f"fc_int8_spread_{spread:g}", "int8", (3, 20), 9, spread=spread)
    yield fully_connected(rng, "fc_uint8_to_int16", "uint8", (3, 40), 9, out="int16")
    for code in (INT32, INT64):
        for per_channel in (False, True):
            name = f"fc_int16_bias_{code}_{per_channel}"
            yield fully_connected(rng, name, "int16", (3, 700), 9, bias_type=code, per_channel=per_channel)
            yield fully_connected(rng, name + "_int16", "int16", (3, 70), 9, "int16", bias_type=code,
                                  per_channel=per_channel)
    for asymmetric in (False, True):
        for w in ("int8", "int4"):
            for per_channel in (False, True):
                for act in (NONE, RELU, TANH):
                    name = f"fc_hybrid_{asymmetric}_{w}_{per_channel}_{act}"
                    yield fully_connected(rng, name, "float32", (5, 100), 33, w, act, asymmetric=asymmetric,
                                          per_channel=per_channel)


# ---- BATCH_MATMUL ----------------------------------------------------------------------------------------------------


def batch_matmul(rng, name, x_type, x_shape, y_type, y_shape, out, adj_x=False, adj_y=False, constant=False,
                 asymmetric=False, out_type=None, per_channel=False):
    depth, columns = x_shape[-2 if adj_x else -1], y_shape[-2 if adj_y else -1]
    q = Quant(rng, x_type, y_type, None if out_type == "int32" else out_type, channels=columns, per_channel=per_channel,
              depth=depth, axis=len(y_shape) - (2 if adj_y else 1),
              w_zero=None if y_type == "int16" or x_type != "int8" else int(rng.integers(-128, 128)))
    g = ModelGen()
    x, y = draw(rng, x_type, x_shape), draw(rng, y_type, y_shape, q.hybrid)
    a, b = q.input(g, x_shape), q.weights(g, y, constant)
    c = g.tensor("y", "int32", out) if out_type == "int32" else q.output(g, out)
    g.op("BATCH_MATMUL", [a, b], [c], "BatchMatMulOptions", {
        "adjX": adj_x, "adjY": adj_y, "asymmetricQuantizeInputs": asymmetric})
    return finish(g, "BATCH_MATMUL", name, [a] if constant else [a, b], [x] if constant else [x, y], [c], q.tolerance())


def batch_matmul_cases(rng):
    kinds = (("int8", "int8", None), ("int8", "int8", "int32"), ("int16", "int16", None), ("int16", "int8", None),
             ("float32", "int8", None))
    for x, y, out in kinds:
        for m, k, n in ((1, 1, 1), (3, 5, 7), (1, 64, 33), (17, 9, 16), (6, 300, 40)):
            for adj_x in (False, True):
                for adj_y in (False, True):
                    name = f"bmm_{x}_{y}_{out}_{m}_{k}_{n}_{int(adj_x)}{int(adj_y)}"
                    yield batch_matmul(rng, name, x, (2, k, m) if adj_x else (2, m, k), y,
                                       (2, n, k) if adj_y else (2, k, n), (2, m, n), adj_x, adj_y, out_type=out,
                                       asymmetric=bool(rng.integers(2)))
        for left, right, batch in (((), (), ()), ((3,), (1,), (3,)), ((1,), (4,), (4,)), ((2, 1), (1, 3), (2, 3)),
                                   ((2, 3), (3,), (2, 3))):
            if x == "float32" and max(len(left), len(right)) > 1:
                continue  # the reference takes the scales of other rows
            name = f"bmm_{x}_{y}_{out}_broadcast_{len(left)}_{'_'.join(map(str, left + right))}"
            yield batch_matmul(rng, name, x, left + (4, 6), y, right + (6, 5), batch + (4, 5), out_type=out)
    for asymmetric in (False, True):
        for per_channel in (False, True):
            yield batch_matmul(rng, f"bmm_hybrid_{asymmetric}_{per_channel}", "float32", (2, 7, 40), "int8", (40, 33),
                               (2, 7, 33), constant=True, asymmetric=asymmetric, per_channel=per_channel)
    yield batch_matmul(rng, "bmm_int8_constant", "int8", (2, 7, 40), "int8", (40, 33), (2, 7, 33), constant=True)


# ---- pools -----------------------------------------------------------------------------------------------------------


def pool(rng, name, op, dtype, image, kernel, stride=(1, 1), padding=SAME, act=NONE):
    out = (image[0], out_size(padding, image[1], kernel[0], stride[0], 1),
           out_size(padding, image[2], kernel[1], stride[1], 1), image[3])
    scale, zero = 0.05, 0 if dtype == "int16" else int(rng.integers(*RANGE[dtype]))
    g = ModelGen()
    x = g.tensor("x", dtype, image, scale=scale, zero=zero)
    y = g.tensor("y", dtype, out, scale=scale, zero=zero)
    g.op(op, [x], [y], "Pool2DOptions", {
        "padding": padding, "strideH": stride[0], "strideW": stride[1], "filterHeight": kernel[0],
        "filterWidth": kernel[1], "fusedActivationFunction": act})
    return finish(g, op, name, [x], [draw(rng, dtype, image)], [y], Exact())


def pool_cases(rng):
    for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        kind = op[:3].lower()
        for dtype in ("int8", "uint8", "int16"):
            for kernel in ((1, 1), (2, 2), (3, 3), (7, 5)):
                for stride in ((1, 1), (2, 2), (3, 1)):
                    for padding in (SAME, VALID):
                        name = f"{kind}_{dtype}_{kernel[0]}x{kernel[1]}_s{stride[0]}_p{padding}"
                        yield pool(rng, name, op, dtype, (2, 8, 9, 6), kernel, stride, padding)
            for channels in (1, 15, 16, 33, 130, 300):
                yield pool(rng, f"{kind}_{dtype}_c{channels}", op, dtype, (1, 5, 5, channels), (3, 3))
            for act in (RELU, RELU_N1_TO_1, RELU6):
                yield pool(rng, f"{kind}_{dtype}_act_{act}", op, dtype, (1, 5, 5, 20), (3, 3), act=act)
            yield pool(rng, f"{kind}_{dtype}_global", op, dtype, (2, 7, 7, 40), (7, 7), padding=VALID)


def cases(rng):
    yield from conv_cases(rng)
    yield from depthwise_cases(rng)
    yield from transpose_conv_cases(rng)
    yield from fully_connected_cases(rng)
    yield from batch_matmul_cases(rng)
    yield from pool_cases(rng)
