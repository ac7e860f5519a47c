# SPDX-License-Identifier: Apache-2.0
"""nn.py: what convolutions, pools and matrix products must refuse."""

import numpy as np

from case import Refusal
from modelgen import ModelGen
from onenode import Arg, Node, const, i32

SAME, VALID = 0, 1
CONV = {"padding": SAME, "strideH": 1, "strideW": 1}
CONV3 = {**CONV, "strideD": 1}
DAMAGED = "; the file is damaged or too new"


def f32(*shape):
    return np.ones(shape, np.float32)


def q8(*shape, dtype="int8", scale=0.1, zero=0, constant=False, axis=0):
    return Arg(np.ones(shape, dtype if dtype != "int4" else np.int8), constant, dtype, scale, zero, axis)


def w8(*shape, **how):
    return q8(*shape, constant=True, **how)


def no_scale(*shape, dtype="int8", constant=False):
    return Arg(np.ones(shape, dtype), constant)


conv = Node("CONV_2D", "Conv2DOptions")
depthwise = Node("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions")
transpose = Node("TRANSPOSE_CONV", "TransposeConvOptions")
conv3d = Node("CONV_3D", "Conv3DOptions")
transpose3d = Node("CONV_3D_TRANSPOSE", "Conv3DOptions")
pool = Node("MAX_POOL_2D", "Pool2DOptions")
l2 = Node("L2_POOL_2D", "Pool2DOptions")
fc = Node("FULLY_CONNECTED", "FullyConnectedOptions")
bmm = Node("BATCH_MATMUL", "BatchMatMulOptions")


def options(rng):
    x, w, b = f32(1, 4, 4, 2), const(f32(3, 2, 2, 2)), const(f32(3))
    for label, fields, words in (("stride", {"strideH": 0}, "strides 0x1, dilations 1x1"),
                                 ("negative_stride", {"strideW": -2}, "strides 1x-2, dilations 1x1"),
                                 ("dilation", {"dilationHFactor": 0}, "strides 1x1, dilations 0x1"),
                                 ("negative_dilation", {"dilationWFactor": -1}, "strides 1x1, dilations 1x-1")):
        yield conv.refusal(label, [x, w, b], ["float32"], f"expected strides and dilations of 1 and more, found {words}", {**CONV, **fields})
    yield conv.refusal("padding", [x, w, b], ["float32"], "expected padding 0 (SAME) or 1 (VALID), found 2" + DAMAGED, {**CONV, "padding": 2}, lenient="the reference takes any other code as VALID in one place and as none in another")
    for node, inputs in ((conv, [x, w, b]), (pool, [x]), (fc, [f32(2, 3), const(f32(4, 3))])):
        fields = {} if node is fc else CONV if node is conv else {**CONV, "filterHeight": 1, "filterWidth": 1}
        yield node.refusal("activation", inputs, ["float32"], "expected a fused activation from 0 to 5, found 6" + DAMAGED,
                           {**fields, "fusedActivationFunction": 6}, lenient="the reference takes what it does not know as NONE")
    yield conv.refusal("window", [x, const(f32(3, 7, 2, 2)), b], ["float32"],
                       "expected a window that fits into the image, found a 7x2 window with dilation 1x1 on a 4x4 image, padding VALID",
                       {**CONV, "padding": VALID})
    yield depthwise.refusal("window", [x, const(f32(1, 2, 2, 2))], ["float32"],
                            "expected a window that fits into the image, found a 2x2 window with dilation 9x1 on a 4x4 image, padding VALID",
                            {**CONV, "padding": VALID, "dilationHFactor": 9, "depthMultiplier": 1})
    for height, width in ((0, 2), (2, -1)):
        yield pool.refusal(f"window_{height}_{width}", [x], ["float32"], f"expected a window of 1x1 and more, found {height}x{width}",
                           {**CONV, "filterHeight": height, "filterWidth": width},
                           lenient="the reference makes an output of its clamp's lower end, or an empty one")
    yield conv3d.refusal("depth", [f32(1, 2, 4, 4, 2), const(f32(5, 2, 2, 2, 3))], ["float32"],
                         "expected a window that fits into the depth of 2, found 5 taps with stride 1 and dilation 1", {**CONV3, "padding": VALID})


def shapes(rng):
    x, w = f32(1, 4, 4, 6), const(f32(3, 2, 2, 6))
    for node, inputs in ((conv, [f32(4, 4, 6), w]), (depthwise, [f32(4, 4, 6), const(f32(1, 2, 2, 6))]), (pool, [f32(4, 4, 6)])):
        yield node.refusal("image_rank", inputs, ["float32"], "expected a tensor of rank 4, found 'x0' float32 (4, 4, 6)", CONV)
    yield conv.refusal("filter_channels", [x, const(f32(3, 2, 2, 4)), const(f32(3))], ["float32"],
                       "expected filter input channels that divide the image's, and as many groups that divide the filters, found 4 of 6 "
                       "channels and 3 filters", CONV)
    yield conv.refusal("groups", [x, const(f32(4, 2, 2, 2)), const(f32(4))], ["float32"],
                       "expected filter input channels that divide the image's, and as many groups that divide the filters, found 2 of 6 "
                       "channels and 4 filters", CONV, lenient="TensorFlow 2.21 reads beyond the image; LiteRT 2.3 refuses")
    yield conv.refusal("no_filters", [x, f32(0, 2, 2, 6), f32(0)], ["float32"], "expected a filter with elements, found shape (0, 2, 2, 6)", CONV,
                       lenient="an output without channels, which LiteRT 2.3 refuses")
    yield conv.refusal("no_channels", [f32(1, 4, 4, 0), const(f32(3, 2, 2, 6)), const(f32(3))], ["float32"],
                       "expected an image with channels, found shape (1, 4, 4, 0)", CONV)
    for node, inputs in ((conv, [x, w, const(f32(4))]), (depthwise, [x, const(f32(1, 2, 2, 6)), const(f32(4))]),
                         (transpose, [i32(1, 4, 4, 3), w, x, const(f32(4))]), (fc, [f32(2, 5), const(f32(3, 5)), const(f32(4))]),
                         (conv3d, [f32(1, 2, 2, 2, 2), const(f32(1, 1, 1, 2, 3)), const(f32(4))])):
        expected = 6 if node is depthwise else 3
        yield node.refusal("bias", inputs, ["float32"], f"expected a bias of {expected} elements, one per output channel, found 4",
                           {} if node is fc else CONV3 if node is conv3d else CONV)
    for shape in ((2, 2, 2, 6), (1, 2, 2, 8)):
        text = ", ".join(map(str, shape))
        yield depthwise.refusal(f"filter_{shape[0]}", [x, const(f32(*shape))], ["float32"],
                                f"expected a filter (1, h, w, a multiple of the image's 6 channels), found ({text})", CONV)
    yield transpose.refusal("filter_channels", [i32(1, 4, 4, 3), const(f32(3, 2, 2, 5)), x], ["float32"],
                            "expected a filter of 6 input channels, as the image has, found 5", CONV)
    for label, shape in (("batch", (2, 4, 4, 3)), ("channels", (1, 4, 4, 2)), ("negative", (1, -4, 4, 3)), ("rank", (1, 4, 3))):
        words = f"expected an output shape (1, height, width, 3), found ({', '.join(map(str, shape))})"
        why = "TensorFlow 2.21 reads beyond its tensors; LiteRT 2.3 refuses" if label in ("channels", "rank") else ""
        yield transpose.refusal(f"shape_{label}", [i32(*shape), w, x], ["float32"], words, CONV, lenient=why)
        yield transpose.refusal(f"shape_{label}_at_invoke", [np.array(shape, np.int32), w, x], ["float32"], words, CONV, when="invoke", lenient=why)
    for label, size, padding, stride, found in (("large", (9, 8), SAME, 2, "5x4"), ("wide", (8, 9), SAME, 2, "4x5"), ("valid", (5, 5), VALID, 1, "4x4"),
                                                ("small", (1, 1), VALID, 1, "0x0")):
        height, width = (3, 4) if label == "valid" else (4, 4)
        words = (f"expected an output shape from which the convolution makes an input of {height}x{width}, found {size[0]}x{size[1]}, from which "
                 f"it makes {found}")
        for constant in (True, False):
            shape = np.array([1, *size, 3], np.int32)
            yield transpose.refusal(f"size_{label}_{constant}", [const(shape) if constant else shape, w, f32(1, height, width, 6)], ["float32"],
                                    words, {"padding": padding, "strideH": stride, "strideW": stride}, when="allocate" if constant else "invoke",
                                    lenient="TensorFlow 2.21 takes any size; LiteRT 2.3 refuses")
    cube = f32(1, 3, 3, 3, 2)
    yield transpose3d.refusal("shape_long", [i32(1, 3, 3, 3, 4, 1), const(f32(2, 2, 2, 4, 2)), cube], ["float32"],
                              "expected at most 5 integers, found 'x0' int32 (6,)", CONV3)
    yield conv3d.refusal("channels", [cube, const(f32(2, 2, 2, 3, 4))], ["float32"],
                         "expected an input (batch, d, h, w, c) with a filter for c channels, found (1, 3, 3, 3, 2) and (2, 2, 2, 3, 4)", CONV3)
    words = "expected an output shape (1, d, h, w, 4) from which the convolution makes an input of 3x3x3, found (%s)"
    for label, shape in (("size", (1, 3, 5, 3, 4)), ("batch", (2, 3, 3, 3, 4)), ("channels", (1, 3, 3, 3, 5)), ("rank", (1, 3, 3, 4))):
        if label != "rank":  # which the reference checks before it reads them
            yield transpose3d.refusal(f"shape_{label}_at_invoke", [np.array(shape, np.int32), const(f32(2, 2, 2, 4, 2)), cube], ["float32"],
                                      words % ", ".join(map(str, shape)), CONV3, when="invoke")
        yield transpose3d.refusal(f"shape_{label}", [i32(*shape), const(f32(2, 2, 2, 4, 2)), cube], ["float32"],
                                  words % ", ".join(map(str, shape)), CONV3)


def types(rng):
    x, w, b = f32(1, 4, 4, 2), const(f32(3, 2, 2, 2)), const(f32(3))
    yield conv.refusal("float_bias", [x, w, Arg(np.ones(3, np.int32), True)], ["float32"], "expected float32 for the bias 'x2', found int32", CONV)
    yield conv.refusal("float_output", [x, w, b], ["int8"], "expected float32 for the output 'y0', found int8", CONV)
    yield pool.refusal("output", [x], ["int8"], "expected equal dtypes, found 'x0' float32 (1, 4, 4, 2) and 'y0' int8 (shape not known yet)", {**CONV, "filterHeight": 1, "filterWidth": 1})
    together = ("expected input, weights and output of types that go together (int8 with int8 or int4 weights, uint8 with uint8, int16 with "
                "int8, float32 with int8 or int4), found %s with %s to %s")
    confused = "the reference reads the bytes of weights as if they were of another type"
    for node, x_type, w_type, y_type in ((conv, "uint8", "int8", "uint8"), (conv, "int8", "uint8", "int8"), (conv, "int16", "int16", "int16"),
                                         (conv, "float32", "int16", "float32"), (depthwise, "int16", "uint8", "int16")):
        image = x if x_type == "float32" else q8(1, 4, 4, 2, dtype=x_type)
        filters = w8(1, 2, 2, 2, dtype=w_type, axis=3) if node is depthwise else w8(3, 2, 2, 2, dtype=w_type)
        bias = const(f32(3)) if x_type == "float32" else Arg(np.ones(3, np.int64 if x_type == "int16" else np.int32), True, "", 0.01, 0)
        yield node.refusal(f"types_{x_type}_{w_type}", [image, filters] + [bias] * (node is conv), [y_type], together % (x_type, w_type, y_type),
                           CONV, quant=None if y_type == "float32" else (0.5, 0), lenient=confused)
    yield conv.refusal("types_half", [f32(1, 4, 4, 2).astype(np.float16), const(f32(3, 2, 2, 2).astype(np.float16)), b], ["float16"],
                       together % ("float16", "float16", "float16"), CONV)
    for x_type, w_type, y_type in (("int8", "int8", "int16"), ("int8", "int8", "uint8"), ("uint8", "uint8", "int8"), ("int16", "int8", "int8")):
        bias = Arg(np.ones(4, np.int64 if x_type == "int16" else np.int32), True, "", 0.01, 0)
        yield fc.refusal(f"types_{x_type}_{y_type}", [q8(2, 5, dtype=x_type), w8(4, 5, dtype=w_type), bias], [y_type],
                         together % (x_type, w_type, y_type), quant=(0.5, 0), lenient="the reference takes one type for another")
    yield fc.refusal("bias_type", [q8(2, 5), w8(4, 5), Arg(np.ones(4, np.int64), True, "", 0.01, 0)], ["int8"],
                     "expected a bias 'x2' of dtype int32, found int64", quant=(0.5, 0), lenient="the reference reads halves of the bias")
    yield conv.refusal("bias_type", [q8(1, 4, 4, 2, dtype="int16"), w8(3, 2, 2, 2), Arg(np.ones(3, np.float32), True)], ["int16"],
                       "expected a bias 'x2' of dtype int64 or int32, found float32", CONV, quant=(0.5, 0))
    yield conv.refusal("bias_type_option", [q8(1, 4, 4, 2, dtype="int16"), w8(3, 2, 2, 2), Arg(np.ones(3, np.int64), True, "", 0.01, 0)],
                       ["int16"], "expected a bias 'x2' of dtype int32, found int64", {**CONV, "quantizedBiasType": 2}, quant=(0.5, 0))
    for x_type, y_type, out in (("float32", "float32", "int8"), ("int8", "int8", "float32"), ("int16", "int16", "int8")):
        a = f32(3, 4) if x_type == "float32" else q8(3, 4, dtype=x_type)
        c = f32(4, 5) if y_type == "float32" else q8(4, 5, dtype=y_type)
        words = ("expected float32 for the output 'y0', found int8" if x_type == "float32" else
                 f"expected float32 or float32 with int8, int8 with int8, int16 with int16 or int8, found {x_type} with {y_type} to {out}")
        yield bmm.refusal(f"types_{x_type}_{out}", [a, c], [out], words, quant=None if out == "float32" else (0.5, 0),
                          lenient="the reference writes numbers of one type into an output of another")
    yield l2.refusal("type", [q8(1, 4, 4, 2)], ["int8"], "expected input 0 of dtype float32, found 'x0' int8 (1, 4, 4, 2)",
                     {**CONV, "filterHeight": 1, "filterWidth": 1}, quant=(0.1, 0))
    yield pool.refusal("type", [np.ones((1, 4, 4, 2), np.int32)], ["int32"], "expected input 0 of dtype float32 or int8 or uint8 or int16, found 'x0' int32 (1, 4, 4, 2)",
                       {**CONV, "filterHeight": 1, "filterWidth": 1})
    for act, word in ((4, "TANH"), (5, "SIGN_BIT")):
        yield fc.refusal(f"act_{act}", [q8(2, 5), w8(4, 5)], ["int8"],
                         f"expected RELU, RELU_N1_TO_1 or RELU6 fused with quantized products, found {word}", {"fusedActivationFunction": act},
                         quant=(0.5, 0))


def quantization(rng):
    image, w, b = q8(1, 4, 4, 2), w8(3, 2, 2, 2), Arg(np.ones(3, np.int32), True, "", 0.01, 0)
    again = "; convert the model again with full quantization"
    no_bias = "without a scale the reference divides by 0"
    yield conv.refusal("no_input_scale", [no_scale(1, 4, 4, 2), w, b], ["int8"], f"expected a scale of the input 'x0' (int8), found none{again}",
                       CONV, quant=(0.5, 0))
    yield conv.refusal("no_output_scale", [image, w, b], ["int8"], f"expected a scale of the output 'y0' (int8), found none{again}", CONV, lenient=no_bias)
    yield fc.refusal("no_output_scale", [q8(2, 5), w8(4, 5)], ["int8"], f"expected a scale of the output 'y0' (int8), found none{again}",
                     lenient=no_bias)
    yield conv.refusal("zero_output_scale", [image, w, b], ["int8"], "expected one positive scale of the output 'y0', found 1, the first of them 0",
                       CONV, quant=(0.0, 0), lenient=no_bias)
    yield conv.refusal("two_input_scales", [q8(1, 4, 4, 2, scale=[0.1, 0.2], axis=3), w, b], ["int8"],
                       "expected one positive scale of the input 'x0', found 2, the first of them 0.1", CONV, quant=(0.5, 0),
                       lenient="the reference has no scale then, and takes 0")
    yield conv.refusal("zero_point", [q8(1, 4, 4, 2, zero=200), w, b], ["int8"],
                       "expected a zero point of the input 'x0' within int8, found 200", CONV, quant=(0.5, 0),
                       lenient="no number of the input stands for 0")
    yield conv.refusal("no_weights_scale", [image, no_scale(3, 2, 2, 2, constant=True), b], ["int8"],
                       "expected one scale of the weights 'x1', or one for each of 3 output channels, found 0", CONV, quant=(0.5, 0))
    yield conv.refusal("weights_scales", [image, w8(3, 2, 2, 2, scale=[0.1, 0.2]), b], ["int8"],
                       "expected one scale of the weights 'x1', or one for each of 3 output channels, found 2", CONV, quant=(0.5, 0))
    yield conv.refusal("weights_scales_uint8", [q8(1, 4, 4, 2, dtype="uint8"), w8(3, 2, 2, 2, dtype="uint8", scale=[0.1, 0.2, 0.3]), b], ["uint8"],
                       "expected one scale of the weights 'x1', found 3", CONV, quant=(0.5, 0))
    yield conv.refusal("hybrid_no_scale", [f32(1, 4, 4, 2), no_scale(3, 2, 2, 2, constant=True), const(f32(3))], ["float32"],
                       "expected one scale of the weights 'x1', or one for each of 3 output channels, found 0", CONV,
                       lenient="the reference multiplies by a scale of 0")
    for label, scale in (("negative", -0.1), ("infinite", np.inf)):
        yield conv.refusal(f"{label}_scale", [image, w8(3, 2, 2, 2, scale=[0.1, scale, 0.1]), b], ["int8"],
                           f"expected finite scales of 0 and more of the weights 'x1', found {scale:g} for channel 1", CONV, quant=(0.5, 0),
                           lenient="no quantizer makes such scales")
    yield fc.refusal("weights_zero_point", [q8(2, 5), w8(4, 5, zero=200)], ["int8"],
                     "expected a zero point of the weights 'x1' within int8, found 200", quant=(0.5, 0),
                     lenient="no number of the weights stands for 0")
    yield conv.refusal("weights_zero_point", [image, w8(3, 2, 2, 2, scale=[0.1, 0.2, 0.3], zero=[0, 0, 4]), b], ["int8"],
                       "expected zero points 0 of the weights 'x1', found 4 for channel 2", CONV, quant=(0.5, 0))
    wide = Arg(np.ones(3, np.int64), True, "", 0.01, 0)
    for node, inputs, where in ((conv, [q8(1, 4, 4, 2, dtype="int16", zero=3), w, wide], "the input 'x0'"),
                                (conv, [q8(1, 4, 4, 2, dtype="int16"), w, wide], "the output 'y0'"),
                                (fc, [q8(2, 5, dtype="int16", zero=3), w8(4, 5)], "the input 'x0'"),
                                (bmm, [q8(2, 5, dtype="int16"), q8(5, 4, dtype="int16", zero=3)], "the right matrix 'x1'")):
        zero = 3 if "output" in where else 0
        yield node.refusal("int16_zero_" + where.split()[1], inputs, ["int16"],
                           f"expected zero point 0 of {where}, as int16 tensors have, found 3", CONV if node is conv else {}, quant=(0.5, zero))


def parameters(rng):
    """Of qparams.c, which most ops of quantized tensors ask."""
    relu = Node("RELU")
    yield relu.refusal("two_scales", [q8(2, 4, scale=[0.1, 0.2])], ["int8"],
                       "expected one quantization scale for the whole tensor, found 2 in 'x0' int8 (2, 4)", quant=(0.1, 0),
                       lenient="the reference has no scale then, and takes 0")
    yield relu.refusal("zero_scale", [q8(2, 4)], ["int8"],
                       "expected a positive scale and a zero point in [-128, 127], found scale 0 and zero point 0 in 'y0' int8 (2, 4)",
                       quant=(0.0, 0), lenient="the reference divides by 0")
    add = Node("ADD", "AddOptions")
    yield add.refusal("int16_zero", [q8(2, 4, dtype="int16", zero=3), q8(2, 4, dtype="int16")], ["int16"],
                      "expected a zero point of 0, found 3 in 'x0' int16 (2, 4)", quant=(0.1, 0))


# ---- FULLY_CONNECTED and BATCH_MATMUL ----------------------------------------------------------------------------------------


def dense(rng):
    yield fc.refusal("weights_rank", [f32(2, 5), const(f32(4, 5, 1))], ["float32"], "expected a tensor of rank 2, found 'x1' float32 (4, 5, 1)")
    for label, x in (("depth", f32(2, 6)), ("scalar", np.float32(1))):
        found = "(2, 6)" if label == "depth" else "()"
        yield fc.refusal(f"kept_{label}", [x, const(f32(4, 5))], ["float32"],
                         f"expected an input whose last dimension is 5, as the weights', found {found}", {"keepNumDims": True})
    yield fc.refusal("no_depth", [f32(2, 6), f32(4, 0)], ["float32"], "expected an input whose last dimension is 0, as the weights', found (2, 6)",
                     lenient="the reference takes sums of nothing to be 0, whatever the input")
    yield fc.refusal("format", [f32(2, 16), const(f32(4, 16))], ["float32"],
                     "expected weights format 0 or 1 (SHUFFLED4x16INT8), found 2" + DAMAGED, {"weightsFormat": 2})
    yield fc.refusal("two_outputs", [f32(2, 16), const(f32(4, 16))], ["float32", "uint8"], "expected 1 output, found 2")
    shuffled = {"weightsFormat": 1}
    x, b = q8(1, 16, dtype="uint8", zero=128), Arg(np.ones(4, np.int32), True, "", 0.01, 0)
    yield fc.refusal("shuffled_one_output", [x, w8(4, 16, dtype="uint8"), b], ["int16"], "expected 2 outputs with shuffled weights, found 1",
                     shuffled, quant=(0.5, 0))
    yield fc.refusal("shuffled_shape", [x, w8(6, 16, dtype="uint8"), Arg(np.ones(6, np.int32), True, "", 0.01, 0)], ["int16", "uint8"],
                     "expected shuffled weights of multiples of 4x16, found 6x16", shuffled, quant=(0.5, 0),
                     lenient="the reference reads beyond the weights")
    yield fc.refusal("shuffled_type", [f32(1, 16), w8(4, 16, dtype="uint8"), const(f32(4))], ["float32", "uint8"],
                     "expected input 0 of dtype uint8, found 'x0' float32 (1, 16)", shuffled)
    for label, x, y, words in (("inner", f32(2, 3), f32(4, 5), "(2, 3) times (4, 5)"),
                               ("inner_x", f32(2, 3), f32(3, 5), "(2, 3) transposed times (3, 5)"),
                               ("inner_y", f32(2, 3), f32(3, 5), "(2, 3) times (3, 5) transposed")):
        yield bmm.refusal(label, [x, y], ["float32"], f"expected matrices with the same inner dimension, found {words}",
                          {"adjX": label == "inner_x", "adjY": label == "inner_y"})
    yield bmm.refusal("batches", [f32(2, 3, 4), f32(3, 4, 5)], ["float32"],
                      "expected shapes whose dimensions before the last two are equal or 1, found (2, 3, 4) and (3, 4, 5)")
    yield bmm.refusal("rank", [f32(4), f32(4, 5)], ["float32"], "expected a tensor of rank 2 to 8, found 'x0' float32 (4,)")
    yield from blockwise(rng)


def blockwise(rng):
    def model(name, depth, block, message, constant=True, scale=0.1, dtype="int4", lenient="the reference's values are zeros"):
        g = ModelGen()
        x, y = g.tensor("x", "float32", (2, depth)), g.tensor("y0", "float32", (2, 4))
        s = g.constant("s", "float16", np.full((4, depth // block), scale, np.float16))
        values = np.ones((4, depth), np.int8)
        w = g.tensor("w", dtype, (4, depth), data=values if constant else None, block=(s, -1, block))
        g.op("FULLY_CONNECTED", [x, w], [y], "FullyConnectedOptions")
        g.inputs([x] if constant else [x, w])
        g.outputs([y])
        return Refusal(f"fully_connected_{name}", "FULLY_CONNECTED", g.build(), [f32(2, depth)] + ([] if constant else [values]), message,
                       lenient=lenient)
    yield model("odd_blocks", 9, 3, "expected blocks of an even length along the inputs of a matrix product, found blocks of 3, 12 scales for "
                "weights of 4x9")
    yield model("computed_blocks", 8, 4, "expected constant weights with blockwise scales, found computed ones", constant=False, dtype="int8")
    yield model("infinite_blocks", 8, 4, "expected finite scales of blocks, found inf", scale=np.inf)


def refusals(rng):
    yield from options(rng)
    yield from shapes(rng)
    yield from types(rng)
    yield from quantization(rng)
    yield from parameters(rng)
    yield from dense(rng)
