# SPDX-License-Identifier: Apache-2.0
"""conv.py: convolutions, pools and matrix products in float32 (the quantized ones: conv_quant.py).

Sums of float32 are done in another order than the reference's, so the bound is absolute: a few units in the last place
of the largest partial sum.
"""

import numpy as np

from case import Case, Close
from modelgen import ModelGen

SAME, VALID = 0, 1
NONE, RELU, RELU_N1_TO_1, RELU6 = 0, 1, 2, 3


def noise(rng, *shape):
    return rng.uniform(-1, 1, shape).astype(np.float32)


def out_size(padding, size, kernel, stride, dilation):
    reach = (kernel - 1) * dilation + 1
    return -(-size // stride) if padding == SAME else (size + stride - reach) // stride


def tolerance(depth):
    return Close(1e-5, 1e-6 * max(depth, 1) ** 0.5)


# ---- CONV_2D ---------------------------------------------------------------------------------------------------------


def conv(rng, name, image, filters, kernel, stride=(1, 1), dilation=(1, 1), padding=SAME, act=NONE, groups=1,
         constant=True):
    batch, height, width, channels = image
    weights = noise(rng, filters, *kernel, channels // groups)
    x, bias = noise(rng, *image), noise(rng, filters)
    out = (batch, out_size(padding, height, kernel[0], stride[0], dilation[0]),
           out_size(padding, width, kernel[1], stride[1], dilation[1]), filters)
    g = ModelGen()
    a = g.tensor("x", "float32", image)
    w = g.tensor("w", "float32", weights.shape, data=weights if constant else None)
    b = g.tensor("b", "float32", (filters,), data=bias if constant else None)
    y = g.tensor("y", "float32", out)
    g.op("CONV_2D", [a, w, b], [y], "Conv2DOptions", {
        "padding": padding, "strideH": stride[0], "strideW": stride[1], "dilationHFactor": dilation[0],
        "dilationWFactor": dilation[1], "fusedActivationFunction": act})
    g.inputs([a] if constant else [a, w, b])
    g.outputs([y])
    return Case(name, "CONV_2D", g.build(), [x] if constant else [x, weights, bias],
                tol=tolerance(weights[0].size))


def conv_cases(rng):
    for filters in (1, 3, 8, 15, 16, 17, 24, 32, 33, 49, 70, 200):
        yield conv(rng, f"conv_1x1_to_{filters}", (1, 5, 7, 13), filters, (1, 1))
    for pixels in list(range(1, 20)) + [97, 193, 200]:
        yield conv(rng, f"conv_1x1_{pixels}_pixels", (1, 1, pixels, 9), 20, (1, 1), act=RELU6)
    for channels in (1, 2, 3, 4, 10, 16, 31, 32, 33, 64, 257, 400, 600):
        yield conv(rng, f"conv_3x3_of_{channels}", (1, 6, 7, channels), 18, (3, 3))
        yield conv(rng, f"conv_1x1_of_{channels}", (2, 3, 3, channels), 18, (1, 1))
        yield conv(rng, f"conv_2x5_of_{channels}", (2, 6, 9, channels), 17, (2, 5), (2, 1), act=RELU)
    for kernel in ((1, 1), (1, 3), (3, 1), (2, 2), (3, 3), (4, 4), (5, 5), (7, 7), (1, 11), (9, 2)):
        for stride in ((1, 1), (2, 2), (1, 3), (3, 2)):
            for padding in (SAME, VALID):
                for channels in (3, 36):
                    kind = "same" if padding == SAME else "valid"
                    name = f"conv_{kernel[0]}x{kernel[1]}_s{stride[0]}{stride[1]}_{kind}_c{channels}"
                    yield conv(rng, name, (1, 11, 12, channels), 6, kernel, stride, padding=padding)
    for dilation in ((2, 2), (1, 3), (4, 1), (5, 5)):
        for channels in (2, 33):
            for padding in (SAME, VALID):
                name = f"conv_dilated_{dilation[0]}{dilation[1]}_c{channels}_{padding}"
                yield conv(rng, name, (1, 12, 13, channels), 7, (3, 3), dilation=dilation, padding=padding)
    for act in (NONE, RELU, RELU_N1_TO_1, RELU6):
        yield conv(rng, f"conv_act_{act}", (1, 9, 9, 40), 20, (3, 3), act=act)
    for groups, channels, filters in ((2, 4, 6), (3, 9, 3), (4, 64, 64), (8, 8, 8), (8, 8, 32), (2, 80, 34)):
        yield conv(rng, f"conv_groups_{groups}_{channels}_{filters}", (2, 7, 6, channels), filters, (3, 3),
                   (1, 2), groups=groups)
        yield conv(rng, f"conv_groups_{groups}_{channels}_{filters}_1x1", (1, 7, 6, channels), filters, (1, 1),
                   groups=groups)
    for channels in (3, 40):
        yield conv(rng, f"conv_variable_weights_{channels}", (1, 6, 6, channels), 21, (3, 3), constant=False)
    yield conv(rng, "conv_variable_groups", (1, 6, 6, 12), 6, (3, 3), groups=3, constant=False)
    yield conv(rng, "conv_window_larger_than_image", (1, 2, 3, 5), 4, (7, 9))
    yield conv(rng, "conv_window_of_one_line", (1, 3, 300, 1), 9, (3, 280), padding=VALID)
    yield conv(rng, "conv_many_taps", (1, 20, 20, 2), 5, (15, 15), dilation=(1, 1))
    yield conv(rng, "conv_many_taps_dilated", (1, 20, 20, 2), 5, (7, 7), dilation=(2, 2))
    yield conv(rng, "conv_no_batch", (0, 5, 5, 3), 4, (3, 3))
    yield conv(rng, "conv_large", (1, 40, 40, 24), 40, (3, 3), (2, 2))
    yield conv(rng, "conv_first_layer", (1, 48, 48, 3), 32, (3, 3), (2, 2), act=RELU6)


# ---- DEPTHWISE_CONV_2D -----------------------------------------------------------------------------------------------


def depthwise(rng, name, image, multiplier, kernel, stride=(1, 1), dilation=(1, 1), padding=SAME, act=NONE, bias=True,
              constant=True):
    batch, height, width, channels = image
    filters = channels * multiplier
    weights = noise(rng, 1, *kernel, filters)
    x, biases = noise(rng, *image), noise(rng, filters)
    out = (batch, out_size(padding, height, kernel[0], stride[0], dilation[0]),
           out_size(padding, width, kernel[1], stride[1], dilation[1]), filters)
    g = ModelGen()
    a = g.tensor("x", "float32", image)
    w = g.tensor("w", "float32", weights.shape, data=weights if constant else None)
    b = [g.tensor("b", "float32", (filters,), data=biases)] if bias else []
    y = g.tensor("y", "float32", out)
    g.op("DEPTHWISE_CONV_2D", [a, w] + b, [y], "DepthwiseConv2DOptions", {
        "padding": padding, "strideH": stride[0], "strideW": stride[1], "dilationHFactor": dilation[0],
        "dilationWFactor": dilation[1], "fusedActivationFunction": act, "depthMultiplier": multiplier})
    g.inputs([a] if constant else [a, w])
    g.outputs([y])
    return Case(name, "DEPTHWISE_CONV_2D", g.build(), [x] if constant else [x, weights],
                tol=tolerance(kernel[0] * kernel[1]))


def depthwise_cases(rng):
    for channels in (1, 2, 7, 8, 9, 16, 24, 31, 32, 33, 64, 71):
        for kernel in ((3, 3), (5, 5)):
            for stride in (1, 2):
                name = f"depthwise_{kernel[0]}x{kernel[1]}_s{stride}_c{channels}"
                yield depthwise(rng, name, (1, 8, 9, channels), 1, kernel, (stride, stride), act=RELU6)
    for kernel in ((1, 1), (1, 3), (4, 2), (3, 3), (7, 7), (3, 9)):
        for stride in ((1, 1), (2, 2), (3, 1), (1, 2)):
            for padding in (SAME, VALID):
                name = f"depthwise_{kernel[0]}x{kernel[1]}_s{stride[0]}{stride[1]}_p{padding}"
                yield depthwise(rng, name, (2, 11, 10, 12), 1, kernel, stride, padding=padding)
    for dilation in ((2, 2), (3, 1), (6, 6)):
        for padding in (SAME, VALID):
            yield depthwise(rng, f"depthwise_dilated_{dilation[0]}{dilation[1]}_p{padding}", (1, 13, 14, 11), 1, (3, 3),
                            dilation=dilation, padding=padding)
    for multiplier in (2, 3, 8):
        for channels in (1, 3, 10):
            yield depthwise(rng, f"depthwise_times_{multiplier}_c{channels}", (2, 7, 7, channels), multiplier, (3, 3),
                            act=RELU)
    yield depthwise(rng, "depthwise_speech", (1, 49, 40, 1), 8, (10, 8), (2, 2), act=RELU)
    yield depthwise(rng, "depthwise_no_bias", (1, 7, 7, 10), 1, (3, 3), bias=False)
    yield depthwise(rng, "depthwise_variable_weights", (1, 7, 7, 10), 2, (3, 3), constant=False)
    yield depthwise(rng, "depthwise_larger_than_image", (1, 2, 3, 5), 1, (7, 9))
    yield depthwise(rng, "depthwise_one_pixel", (1, 1, 1, 9), 1, (3, 3))
    yield depthwise(rng, "depthwise_no_batch", (0, 5, 5, 3), 1, (3, 3))


# ---- TRANSPOSE_CONV --------------------------------------------------------------------------------------------------


def transpose_conv(rng, name, image, filters, kernel, stride, padding=SAME, act=NONE, bias=True, constant=True, grow=0,
                   shape_input=False):
    batch, height, width, channels = image
    weights = noise(rng, filters, *kernel, channels)
    x, biases = noise(rng, *image), noise(rng, filters)
    size = [(n - 1) * s + (1 if padding == SAME else k) + grow for n, s, k in zip(image[1:3], stride, kernel)]
    out = np.array([batch, *size, filters], np.int32)
    g = ModelGen()
    s = g.tensor("shape", "int32", (4,), data=None if shape_input else out)
    a = g.tensor("x", "float32", image)
    w = g.tensor("w", "float32", weights.shape, data=weights if constant else None)
    b = [g.tensor("b", "float32", (filters,), data=biases)] if bias else []
    y = g.tensor("y", "float32", tuple(out))
    g.op("TRANSPOSE_CONV", [s, w, a] + b, [y], "TransposeConvOptions", {
        "padding": padding, "strideH": stride[0], "strideW": stride[1], "fusedActivationFunction": act})
    inputs, values = ([s, a], [out, x]) if shape_input else ([a], [x])
    if not constant:
        inputs, values = inputs + [w], values + [weights]
    g.inputs(inputs)
    g.outputs([y])
    return Case(name, "TRANSPOSE_CONV", g.build(), values, tol=tolerance(weights[0].size))


def transpose_conv_cases(rng):
    for kernel in ((1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (3, 2), (1, 4), (9, 9)):
        for stride in ((1, 1), (2, 2), (3, 1), (1, 2), (4, 4)):
            for padding in (SAME, VALID):
                name = f"transpose_conv_{kernel[0]}x{kernel[1]}_s{stride[0]}{stride[1]}_p{padding}"
                yield transpose_conv(rng, name, (1, 5, 4, 6), 7, kernel, stride, padding)
    for channels, filters in ((1, 1), (3, 17), (33, 16), (64, 3), (300, 20)):
        yield transpose_conv(rng, f"transpose_conv_{channels}_to_{filters}", (2, 6, 5, channels), filters, (3, 3), (2, 2))
    for channels, filters in ((1, 1), (3, 17), (33, 16), (20, 40), (64, 3), (300, 20)):  # filters side by side
        for kernel in ((2, 2), (3, 2), (1, 5)):
            yield transpose_conv(rng, f"transpose_conv_tiles_{channels}_to_{filters}_{kernel[0]}x{kernel[1]}", (2, 6, 5, channels), filters,
                                 kernel, kernel, VALID, act=RELU6 if channels == 33 else NONE, bias=channels != 20,
                                 constant=channels != 64)
    for grow in (1, 2, 3):  # less than the stride
        yield transpose_conv(rng, f"transpose_conv_grow_{grow}", (1, 5, 4, 6), 7, (3, 3), (4, 4), grow=grow)
        yield transpose_conv(rng, f"transpose_conv_grow_{grow}_valid", (1, 5, 4, 6), 7, (3, 3), (4, 4), VALID, grow=grow)
    for act in (RELU, RELU6):
        yield transpose_conv(rng, f"transpose_conv_act_{act}", (1, 5, 4, 6), 7, (3, 3), (2, 2), act=act)
    yield transpose_conv(rng, "transpose_conv_no_bias", (1, 5, 4, 6), 7, (3, 3), (2, 2), bias=False)
    yield transpose_conv(rng, "transpose_conv_variable_weights", (1, 5, 4, 6), 7, (3, 3), (2, 2), constant=False)
    yield transpose_conv(rng, "transpose_conv_shape_input", (1, 5, 4, 6), 7, (3, 3), (2, 2), shape_input=True)


# ---- CONV_3D and CONV_3D_TRANSPOSE -----------------------------------------------------------------------------------


def conv3d(rng, name, volume, filters, kernel, stride=(1, 1, 1), dilation=(1, 1, 1), padding=SAME, act=NONE,
           transpose=False, bias=True, constant=True, shape_input=False):
    batch, *size, channels = volume
    weights = noise(rng, *kernel, *((filters, channels) if transpose else (channels, filters)))
    x, biases = noise(rng, *volume), noise(rng, filters)
    if transpose:
        out = [(n - 1) * s + (1 if padding == SAME else (k - 1) * d + 1)
               for n, s, k, d in zip(size, stride, kernel, dilation)]
    else:
        out = [out_size(padding, *axis) for axis in zip(size, kernel, stride, dilation)]
    out = (batch, *out, filters)
    g = ModelGen()
    a = g.tensor("x", "float32", volume)
    w = g.tensor("w", "float32", weights.shape, data=weights if constant else None)
    b = [g.tensor("b", "float32", (filters,), data=biases)] if bias else []
    y = g.tensor("y", "float32", out)
    inputs, values = [a], [x]
    head = []
    if transpose:
        head = [g.tensor("shape", "int32", (5,), data=None if shape_input else np.array(out, np.int32))]
        if shape_input:
            inputs, values = head + inputs, [np.array(out, np.int32)] + values
    if not constant:
        inputs, values = inputs + [w], values + [weights]
    op = "CONV_3D_TRANSPOSE" if transpose else "CONV_3D"
    g.op(op, head + ([w, a] if transpose else [a, w]) + b, [y], "Conv3DOptions", {
        "padding": padding, "strideD": stride[0], "strideH": stride[1], "strideW": stride[2],
        "dilationDFactor": dilation[0], "dilationHFactor": dilation[1], "dilationWFactor": dilation[2],
        "fusedActivationFunction": act})
    g.inputs(inputs)
    g.outputs([y])
    return Case(name, op, g.build(), values, tol=tolerance(weights.size // filters))


def conv3d_cases(rng):
    for transpose in (False, True):
        short = "conv3d_transpose" if transpose else "conv3d"
        for kernel in ((1, 1, 1), (2, 2, 2), (3, 3, 3), (1, 3, 2), (4, 1, 3)):
            for stride in ((1, 1, 1), (2, 2, 2), (1, 3, 2)):
                for padding in (SAME, VALID):
                    name = f"{short}_{'x'.join(map(str, kernel))}_s{''.join(map(str, stride))}_p{padding}"
                    yield conv3d(rng, name, (2, 5, 6, 4, 3), 5, kernel, stride, padding=padding, transpose=transpose)
        for channels, filters in ((1, 1), (17, 18), (40, 3)):
            yield conv3d(rng, f"{short}_{channels}_to_{filters}", (1, 4, 5, 6, channels), filters, (3, 3, 3),
                         transpose=transpose)
        for dilation in ((2, 1, 1), (1, 2, 3)):
            for padding in (SAME, VALID):
                yield conv3d(rng, f"{short}_dilated_{''.join(map(str, dilation))}_p{padding}", (1, 7, 7, 8, 4), 6,
                             (3, 3, 3), dilation=dilation, padding=padding, transpose=transpose)
        for act in (RELU, RELU6):
            yield conv3d(rng, f"{short}_act_{act}", (1, 4, 4, 4, 3), 4, (2, 2, 2), act=act, transpose=transpose)
        yield conv3d(rng, f"{short}_no_bias", (1, 4, 4, 4, 3), 4, (2, 2, 2), bias=False, transpose=transpose)
        yield conv3d(rng, f"{short}_variable_weights", (1, 4, 4, 4, 3), 4, (2, 2, 2), constant=False,
                     transpose=transpose)
    yield conv3d(rng, "conv3d_transpose_shape_input", (1, 4, 4, 4, 3), 4, (2, 2, 2), transpose=True, shape_input=True)


# ---- pools -----------------------------------------------------------------------------------------------------------


def pool(rng, op, name, image, window, stride, padding=VALID, act=NONE):
    batch, height, width, channels = image
    out = (batch, out_size(padding, height, window[0], stride[0], 1), out_size(padding, width, window[1], stride[1], 1),
           channels)
    g = ModelGen()
    a = g.tensor("x", "float32", image)
    y = g.tensor("y", "float32", out)
    g.op(op, [a], [y], "Pool2DOptions", {
        "padding": padding, "strideH": stride[0], "strideW": stride[1], "filterHeight": window[0],
        "filterWidth": window[1], "fusedActivationFunction": act})
    g.inputs([a])
    g.outputs([y])
    return Case(name, op, g.build(), [noise(rng, *image)], tol=Close(1e-5, 1e-6))


def pool_cases(rng):
    for op, short in (("AVERAGE_POOL_2D", "average"), ("MAX_POOL_2D", "max"), ("L2_POOL_2D", "l2")):
        for window in ((1, 1), (2, 2), (3, 3), (2, 5), (7, 7)):
            for stride in ((1, 1), (2, 2), (3, 1)):
                for padding in (SAME, VALID):
                    name = f"{short}_pool_{window[0]}x{window[1]}_s{stride[0]}{stride[1]}_p{padding}"
                    yield pool(rng, op, name, (2, 9, 8, 11), window, stride, padding)
        for channels in (1, 8, 16, 31, 32, 40, 129):
            yield pool(rng, op, f"{short}_pool_global_{channels}", (1, 7, 7, channels), (7, 7), (1, 1))
            yield pool(rng, op, f"{short}_pool_c{channels}", (1, 7, 9, channels), (3, 3), (2, 2), SAME)
        for act in (RELU, RELU_N1_TO_1, RELU6):
            yield pool(rng, op, f"{short}_pool_act_{act}", (1, 6, 6, 8), (2, 2), (2, 2), act=act)
        yield pool(rng, op, f"{short}_pool_larger_than_image", (1, 2, 3, 5), (5, 6), (1, 1), SAME)


# ---- FULLY_CONNECTED -------------------------------------------------------------------------------------------------


def fully_connected(rng, name, shape, units, depth=None, act=NONE, keep=False, bias=True, constant=True,
                    omitted=False):
    depth = depth or shape[-1]
    weights, biases, x = noise(rng, units, depth), noise(rng, units), noise(rng, *shape)
    out = tuple(shape[:-1]) + (units,) if keep else (x.size // depth, units)
    g = ModelGen()
    a = g.tensor("x", "float32", shape)
    w = g.tensor("w", "float32", weights.shape, data=weights if constant else None)
    b = [g.tensor("b", "float32", (units,), data=biases)] if bias else [-1] if omitted else []
    y = g.tensor("y", "float32", out)
    g.op("FULLY_CONNECTED", [a, w] + b, [y], "FullyConnectedOptions",
         {"fusedActivationFunction": act, "keepNumDims": keep})
    g.inputs([a] if constant else [a, w])
    g.outputs([y])
    return Case(name, "FULLY_CONNECTED", g.build(), [x] if constant else [x, weights], tol=tolerance(depth))


def fully_connected_cases(rng):
    for batch in (1, 2, 3, 4, 5, 6, 7, 13, 40):
        for units in (1, 10, 16, 63, 64, 65, 130):
            yield fully_connected(rng, f"fc_{batch}x33_to_{units}", (batch, 33), units)
    for depth in (1, 2, 16, 255, 256, 400, 1000, 2048):
        yield fully_connected(rng, f"fc_1x{depth}", (1, depth), 40, act=RELU)
        yield fully_connected(rng, f"fc_9x{depth}", (9, depth), 40)
    for shape in ((2, 3, 4), (1, 2, 3, 5), (6,), (2, 1, 1, 2, 7)):
        yield fully_connected(rng, f"fc_rank_{len(shape)}", shape, 9)
        yield fully_connected(rng, f"fc_rank_{len(shape)}_keep", shape, 9, keep=True)
    yield fully_connected(rng, "fc_flattens", (2, 3, 3, 4), 10, depth=36)
    for act in (RELU, RELU_N1_TO_1, RELU6):
        yield fully_connected(rng, f"fc_act_{act}", (4, 20), 12, act=act)
    yield fully_connected(rng, "fc_no_bias", (3, 20), 12, bias=False)
    yield fully_connected(rng, "fc_omitted_bias", (3, 20), 12, bias=False, omitted=True)
    yield fully_connected(rng, "fc_variable_weights", (3, 20), 12, constant=False)
    yield fully_connected(rng, "fc_variable_weights_1", (1, 300), 40, constant=False)


# ---- BATCH_MATMUL ----------------------------------------------------------------------------------------------------


def batch_matmul(rng, name, x_batch, y_batch, m, k, n, adj_x=False, adj_y=False, constant=False):
    x = noise(rng, *x_batch, *((k, m) if adj_x else (m, k)))
    y = noise(rng, *y_batch, *((n, k) if adj_y else (k, n)))
    out = np.broadcast_shapes(x_batch, y_batch) + (m, n)
    g = ModelGen()
    a = g.tensor("x", "float32", x.shape)
    b = g.tensor("y", "float32", y.shape, data=y if constant else None)
    c = g.tensor("z", "float32", out)
    g.op("BATCH_MATMUL", [a, b], [c], "BatchMatMulOptions", {"adjX": adj_x, "adjY": adj_y})
    g.inputs([a] if constant else [a, b])
    g.outputs([c])
    return Case(name, "BATCH_MATMUL", g.build(), [x] if constant else [x, y], tol=tolerance(k))


def batch_matmul_cases(rng):
    for adj_x in (False, True):
        for adj_y in (False, True):
            for constant in (False, True):
                tail = f"{'_adjx' * adj_x}{'_adjy' * adj_y}{'_const' * constant}"
                for i, (m, k, n) in enumerate(((1, 1, 1), (1, 40, 50), (7, 5, 3), (20, 33, 18), (50, 300, 20))):
                    yield batch_matmul(rng, f"matmul_{m}x{k}x{n}{tail}", (), (), m, k, n, adj_x, adj_y, constant)
                    yield batch_matmul(rng, f"matmul_batch_{m}x{k}x{n}{tail}", (3,), (3,), m, k, n, adj_x, adj_y,
                                       constant)
                for i, (p, q) in enumerate((((2, 3), (2, 3)), ((2, 1), (1, 3)), ((), (4,)), ((4,), ()), ((5,), (1,)),
                                            ((2, 3), (3,)), ((1, 1, 2), (3, 1, 1)), ((2, 1, 2), (1, 3, 2)))):
                    if adj_x and i in (4, 6):
                        continue  # there the oracle reads memory that it never wrote
                    yield batch_matmul(rng, f"matmul_broadcast_{i}{tail}", p, q, 5, 9, 7, adj_x, adj_y, constant)
    yield batch_matmul(rng, "matmul_many_batches", (2, 50), (2, 50), 3, 8, 5)


def cases(rng):
    yield from conv_cases(rng)
    yield from depthwise_cases(rng)
    yield from transpose_conv_cases(rng)
    yield from conv3d_cases(rng)
    yield from pool_cases(rng)
    yield from fully_connected_cases(rng)
    yield from batch_matmul_cases(rng)
