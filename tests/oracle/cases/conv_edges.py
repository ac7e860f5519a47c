# SPDX-License-Identifier: Apache-2.0
"""conv_edges.py: convolutions, pools and matrix products at the edges: NaN, infinities and denormals, sizes of 0 and 1, strides and
dilations beyond the image, fused activations that the kernels pass over, quantization parameters at the ends of their ranges,
sums that saturate.
"""

import numpy as np

from case import Close, Exact
from onenode import Arg, Node, const, i32

SAME, VALID = 0, 1
NONE, RELU, RELU_N1_TO_1, RELU6, TANH, SIGN_BIT = range(6)
RANGE = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767), "int4": (-8, 7)}

# What holds for all ops of the family, of which one stands for the rest.
DIFFERS = {
    "CONV_2D": """Infinite sums stay infinite, as with the default resolver; the reference kernels make the largest finite number
    of them. With 16-bit images a bias of int32 is read as what it is; the reference reads it as int64, beyond its end, unless
    quantized_bias_type says INT32. A bias may be missing, also of convolutions whose reference kernel insists on one. The same holds
    for the other convolutions, for pools and for FULLY_CONNECTED.""",
    "DEPTHWISE_CONV_2D": """Float images with int8 weights of one scale: the reference takes the scales of channels after the first
    from beyond the list, when quantized_dimension is 0. Weights of int4 are unpacked also for 16-bit and float images.""",
    "MAX_POOL_2D": """A window that does not fit into the image makes an empty output, as in LiteRT 2.3; TensorFlow 2.21 refuses it.
    AVERAGE_POOL_2D and L2_POOL_2D likewise.""",
    "TRANSPOSE_CONV": """The scales in the details of the weights of float images are those of the file; the reference kernel puts as
    many as there are filters in place of a single one.""",
}


def options(op, stride=(1, 1), dilation=(1, 1), padding=SAME, act=NONE, window=None, multiplier=1):
    """(name of the options table, fields) of a 2-D op."""
    fields = {"padding": padding, "strideH": stride[0], "strideW": stride[1], "fusedActivationFunction": act}
    if op.endswith("POOL_2D"):
        return "Pool2DOptions", {**fields, "filterHeight": window[0], "filterWidth": window[1]}
    if op == "TRANSPOSE_CONV":
        return "TransposeConvOptions", fields
    fields |= {"dilationHFactor": dilation[0], "dilationWFactor": dilation[1]}
    if op == "CONV_2D":
        return "Conv2DOptions", fields
    return "DepthwiseConv2DOptions", {**fields, "depthMultiplier": multiplier}


def volume(stride=1, dilation=1, padding=SAME, act=NONE):
    return "Conv3DOptions", {"padding": padding, "strideD": stride, "strideH": stride, "strideW": stride, "dilationDFactor": dilation,
                             "dilationHFactor": dilation, "dilationWFactor": dilation, "fusedActivationFunction": act}


def close(depth):
    return Close(1e-5, 1e-6 * max(depth, 1) ** 0.5)


def noise(rng, *shape):
    return rng.uniform(-1, 1, shape).astype(np.float32)


def one(name, op, table, inputs, tol, dtype="float32", quant=None):
    return Node(op, table[0]).case(name, inputs, [dtype], table[1], tol=tol, quant=quant)


# ---- float32 -----------------------------------------------------------------------------------------------------------


def every_float_op(rng, name, draw, act, channels=3, filters=17):
    """A case of each op whose image is what draw(shape) gives."""
    image, cube = (2, 6, 7, channels), (1, 4, 4, 4, channels)
    tol, bias = close(27 * channels), const(noise(rng, filters))
    w = const(noise(rng, filters, 3, 3, channels))
    yield one(f"conv_{name}", "CONV_2D", options("CONV_2D", act=act), [draw(image), w, bias], tol)
    depthwise = [draw(image), const(noise(rng, 1, 3, 3, 2 * channels)), const(noise(rng, 2 * channels))]
    yield one(f"depthwise_{name}", "DEPTHWISE_CONV_2D", options("DEPTHWISE_CONV_2D", act=act, multiplier=2), depthwise, tol)
    shape = i32(2, 6, 7, filters)
    yield one(f"transpose_conv_{name}", "TRANSPOSE_CONV", options("TRANSPOSE_CONV", act=act), [shape, w, draw(image), bias], tol)
    w = const(noise(rng, 2, 2, 3, channels, filters))
    yield one(f"conv3d_{name}", "CONV_3D", volume(act=act), [draw(cube), w, bias], tol)
    w, shape = const(noise(rng, 2, 2, 3, filters, channels)), i32(1, 4, 4, 4, filters)
    yield one(f"conv3d_transpose_{name}", "CONV_3D_TRANSPOSE", volume(act=act), [shape, w, draw(cube), bias], tol)
    for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"):
        yield one(f"{op[:3].lower()}_pool_{name}", op, options(op, act=act, window=(3, 2), stride=(2, 1)), [draw(image)], close(6))


def with_specials(rng, values):
    def draw(shape):
        x = noise(rng, *shape).reshape(-1)
        for value in values:
            x[rng.integers(0, x.size, max(1, x.size // 40))] = value
        return x.reshape(shape)
    return draw


def float_cases(rng):
    nan, inf = np.nan, np.inf
    for channels in (3, 40):
        for act in (NONE, RELU, RELU_N1_TO_1, RELU6):
            yield from every_float_op(rng, f"nan_{act}_c{channels}", with_specials(rng, [nan]), act, channels)
        for act in (RELU_N1_TO_1, RELU6):
            draw = with_specials(rng, [inf, -inf])
            yield from every_float_op(rng, f"inf_{act}_c{channels}", draw, act, channels)
    for act in (TANH, SIGN_BIT):  # passed over
        yield from every_float_op(rng, f"act_{act}", lambda shape: noise(rng, *shape), act)
    for channels in (1, 7, 16, 33):
        yield from every_float_op(rng, f"zeros_c{channels}", lambda shape: np.zeros(shape, np.float32), NONE, channels)
        yield from every_float_op(rng, f"minus_c{channels}", lambda shape: -np.abs(noise(rng, *shape)), RELU, channels, channels)
    tiny = Close(1e-4, 1e-43)
    for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        x = (noise(rng, 1, 5, 6, 19) * 1e-39).astype(np.float32)
        yield one(f"{op[:3].lower()}_pool_denormal", op, options(op, window=(2, 2)), [x], tiny)
    x, w = (noise(rng, 3, 4, 5, 19) * 1e-20).astype(np.float32), (noise(rng, 1, 2, 2, 19) * 1e-20).astype(np.float32)
    yield one("depthwise_denormal", "DEPTHWISE_CONV_2D", options("DEPTHWISE_CONV_2D"), [x, const(w)], Close(1e-4, 1e-43))


# ---- sizes, strides, dilations -------------------------------------------------------------------------------------------


def size_cases(rng):
    kinds = {"CONV_2D": (4, 3), "DEPTHWISE_CONV_2D": (3, 3), "MAX_POOL_2D": None, "AVERAGE_POOL_2D": None, "L2_POOL_2D": None}
    for dtype in ("float32", "int8", "uint8", "int16"):
        for op, channels in kinds.items():
            if op == "L2_POOL_2D" and dtype != "float32":
                continue
            for label, image, window, how in (
                    ("no_batch", (0, 5, 4, 3), (2, 2), {}),
                    ("one_pixel", (1, 1, 1, 3), (1, 1), {}),
                    ("one_pixel_3x3", (3, 1, 1, 3), (3, 3), {}),
                    ("one_line", (1, 1, 40, 3), (3, 3), {"stride": (1, 2)}),
                    ("one_column", (1, 40, 1, 3), (4, 4), {"stride": (3, 1)}),
                    ("window_beyond_valid", (1, 3, 3, 3), (5, 4), {"stride": (3, 2), "padding": VALID}),
                    ("window_beyond_same", (1, 3, 2, 3), (8, 9), {"stride": (2, 1)}),
                    ("stride_beyond_image", (2, 7, 6, 3), (2, 3), {"stride": (100, 32767)}),
                    ("stride_beyond_window", (2, 17, 16, 3), (2, 1), {"stride": (5, 4), "padding": VALID}),
                    ("dilation_beyond_image", (1, 5, 4, 3), (3, 3), {"dilation": (11, 32767)}),
                    ("dilated_valid", (1, 9, 11, 3), (3, 2), {"dilation": (4, 10), "padding": VALID}),
                    ("dilated_strided", (1, 19, 21, 3), (3, 3), {"dilation": (2, 3), "stride": (3, 2)})):
                if "POOL" in op and "dilation" in how:
                    continue
                yield tensor_case(rng, f"{op.lower()}_{dtype}_{label}", op, dtype, image, window, channels, **how)
    for op in ("MAX_POOL_2D", "AVERAGE_POOL_2D", "L2_POOL_2D"):
        yield tensor_case(rng, f"{op.lower()}_no_lines", op, "float32", (1, 0, 4, 3), (2, 2), None)
        yield tensor_case(rng, f"{op.lower()}_no_channels", op, "float32", (2, 5, 4, 0), (2, 2), None)
    f32 = np.float32
    for label, image, kernel, how in (("no_batch", (0, 3, 3, 3, 2), (2, 2, 2), {}), ("one_voxel", (2, 1, 1, 1, 2), (3, 3, 3), {}),
                                      ("one_plane", (1, 1, 9, 8, 2), (2, 3, 1), {"stride": 2}),
                                      ("beyond_valid", (1, 3, 3, 3, 2), (5, 5, 5), {"stride": 3, "padding": VALID}),
                                      ("stride_beyond", (1, 4, 5, 3, 2), (2, 2, 2), {"stride": 1000}),
                                      ("dilated", (1, 9, 8, 7, 2), (2, 3, 2), {"dilation": 4})):
        w = noise(rng, *kernel, 2, 5)
        yield one(f"conv3d_{label}", "CONV_3D", volume(**how), [noise(rng, *image), const(w), const(noise(rng, 5))], close(w.size))
    for label, image, kernel, out, how in (("no_batch", (0, 3, 3, 2), (2, 2), (3, 3), {}),
                                           ("one_pixel", (1, 1, 1, 2), (3, 3), (1, 1), {}),
                                           ("one_pixel_grows", (1, 1, 1, 2), (5, 4), (5, 4), {"padding": VALID}),
                                           ("stride_beyond", (1, 1, 1, 2), (2, 3), (4, 30), {"stride": (32767, 100)}),
                                           ("one_line", (2, 1, 30, 2), (3, 3), (1, 60), {"stride": (2, 2)})):
        w, shape = noise(rng, 5, *kernel, 2), i32(image[0], *out, 5)
        yield one(f"transpose_conv_{label}", "TRANSPOSE_CONV", options("TRANSPOSE_CONV", **how),
                  [shape, const(w), noise(rng, *image), const(noise(rng, 5))], close(w.size))
    for label, image, kernel, out, how in (("no_batch", (0, 3, 3, 3, 2), (2, 2, 2), (3, 3, 3), {}),
                                           ("stride_beyond", (1, 1, 1, 1, 2), (2, 3, 1), (4, 5, 2), {"stride": 100}),
                                           ("one_voxel", (1, 1, 1, 1, 2), (3, 2, 4), (3, 2, 4), {"padding": VALID})):
        w, shape = noise(rng, *kernel, 5, 2), i32(image[0], *out, 5)
        yield one(f"conv3d_transpose_{label}", "CONV_3D_TRANSPOSE", volume(**how),
                  [shape, const(w), noise(rng, *image).astype(f32), const(noise(rng, 5))], close(w.size))


def integers(rng, dtype, shape, ends=False):
    low, high = RANGE[dtype]
    out = np.int8 if dtype == "int4" else np.dtype(dtype)
    if ends:
        return rng.choice(np.array([low, high], out), shape)
    return rng.integers(low, high, shape, endpoint=True).astype(out)


def tensor_case(rng, name, op, dtype, image, window, channels, x_zero=None, y_zero=None, factor=None, ends=False, w_type=None,
                scales=None, bias_limit=10000, bias=True, act=NONE, **how):
    """One op on a float or quantized image. channels: (filters, filter's channels), or None of a pool. factor: from sums of products
    to the output. scales: of the weights, relative to each other."""
    if dtype == "float32":
        return float_case(rng, name, op, image, window, channels, act, **how)
    low, high = RANGE[dtype]
    zero = lambda given: 0 if dtype == "int16" else int(rng.integers(low, high)) if given is None else given  # noqa: E731
    x_zero, y_zero, x_scale = zero(x_zero), zero(y_zero), np.float32(0.05 if dtype != "int16" else 3e-4)
    x = Arg(integers(rng, dtype, image, ends), scale=x_scale, zero=x_zero)
    multiplier = channels[0] // image[3] if op == "DEPTHWISE_CONV_2D" else 1
    table = options(op, window=window, act=act, multiplier=multiplier, **how)
    if channels is None:
        return one(name, op, table, [Arg(x.value, scale=x_scale, zero=x_zero)], Exact(), dtype, (x_scale, x_zero))
    filters, depth = channels
    shape = (1, *window, filters) if op == "DEPTHWISE_CONV_2D" else (filters, *window, depth)
    w_type = w_type or ("uint8" if dtype == "uint8" else "int8")
    w_scale = np.float32(0.02) * (np.float32(1) if scales is None else np.asarray(scales, np.float32))
    w = Arg(integers(rng, w_type, shape, ends), True, w_type, w_scale, 128 if w_type == "uint8" else 0,
            3 if op == "DEPTHWISE_CONV_2D" else 0)
    width = {"int8": 75, "uint8": 75, "int16": 19000}[dtype] * (75 if w_type != "int4" else 5) * np.sqrt(np.prod(shape) / filters)
    factor = factor or 90 / width * (256 if dtype == "int16" else 1)
    y_scale = np.float32(float(x_scale) * float(np.mean(w_scale)) / factor)
    inputs = [x, w]
    if bias:
        values = rng.integers(-bias_limit, bias_limit, filters).astype(np.int64 if dtype == "int16" else np.int32)
        inputs.append(Arg(values, True, "", x_scale * w_scale, 0))
    return one(name, op, table, inputs, Exact(), dtype, (y_scale, y_zero))


def float_case(rng, name, op, image, window, channels, act, **how):
    table, x = options(op, window=window, act=act, **how), noise(rng, *image)
    if channels is None:
        return one(name, op, table, [x], close(9))
    filters, depth = channels
    shape = (1, *window, filters) if op == "DEPTHWISE_CONV_2D" else (filters, *window, depth)
    return one(name, op, table, [x, const(noise(rng, *shape)), const(noise(rng, filters))], close(np.prod(shape)))


# ---- quantization ---------------------------------------------------------------------------------------------------------


def quantization_cases(rng):
    for dtype in ("int8", "uint8", "int16"):
        low, high = RANGE[dtype]
        for op, channels in (("CONV_2D", (9, 5)), ("DEPTHWISE_CONV_2D", (5, 5))):
            short = f"{op.lower()}_{dtype}"
            case = lambda label, **how: tensor_case(  # noqa: E731
                rng, f"{short}_{label}", op, dtype, (2, 6, 7, 5), (3, 3), channels, **how)
            if dtype != "int16":
                for x_zero in (low, high):
                    for y_zero in (low, high):
                        yield case(f"zero_{x_zero}_{y_zero}", x_zero=x_zero, y_zero=y_zero, act=RELU6 if x_zero == y_zero else NONE)
            for label, factor in (("tiny", 1e-12), ("small", 1e-6), ("half", 0.5), ("one", 1.0), ("two", 2.0), ("seven", 7.3)):
                for act in (NONE, RELU_N1_TO_1):
                    yield case(f"factor_{label}_{act}", factor=factor, act=act)
            yield case("ends", ends=True)
            yield case("ends_saturated", ends=True, factor=0.05, act=RELU)
            yield case("large_bias", bias_limit=1 << 29, factor=1e-7)
            if op == "DEPTHWISE_CONV_2D":
                yield case("no_bias", bias=False)
            if dtype != "uint8":
                filters = channels[0]
                for label, scales in (("wide", 10.0 ** rng.uniform(-5, 1, filters)), ("zero", np.arange(filters) % 3),
                                      ("powers", 2.0 ** rng.integers(-8, 3, filters))):
                    for act in (NONE, RELU6):
                        yield case(f"scales_{label}_{act}", scales=scales, act=act)
        for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
            for act in (NONE, RELU, RELU_N1_TO_1, RELU6, TANH):
                for ends in (False, True):
                    for channels in (3, 67):
                        yield tensor_case(rng, f"{op.lower()}_{dtype}_{act}_{ends}_{channels}", op, dtype, (2, 5, 6, channels), (3, 2), None,
                                          x_zero=high if ends else low, ends=ends, act=act)
    for multiplier in (1, 4):
        w = Arg(integers(rng, "int8", (1, 3, 3, 5 * multiplier)), True, "", 0.02, 7, 3)  # a zero point that does not count
        x = Arg(integers(rng, "int8", (1, 6, 6, 5)), scale=0.1, zero=-20)
        yield one(f"depthwise_weights_zero_{multiplier}", "DEPTHWISE_CONV_2D",
                  options("DEPTHWISE_CONV_2D", multiplier=multiplier), [x, w], Exact(), "int8", (0.3, 5))
    for dtype in ("int8", "uint8", "int16"):
        for act in (NONE, RELU, RELU_N1_TO_1, RELU6, TANH):
            yield transposed(rng, f"transpose_conv_{dtype}_act_{act}", dtype, act)
        for factor in (1e-12, 0.9, 3.0):
            yield transposed(rng, f"transpose_conv_{dtype}_factor_{factor:g}", dtype, NONE, factor)
    yield transposed(rng, "transpose_conv_weights_zero", "int8", NONE, w_zero=9)


def transposed(rng, name, dtype, act, factor=None, w_zero=None):
    w_type = "uint8" if dtype == "uint8" else "int8"
    zero = 0 if dtype == "int16" else int(rng.integers(*RANGE[dtype]))
    x = Arg(integers(rng, dtype, (2, 4, 5, 3)), scale=0.05, zero=zero)
    w = Arg(integers(rng, w_type, (7, 3, 2, 3)), True, "", 0.02, w_zero if w_zero is not None else 77 if w_type == "uint8" else 0)
    bias = Arg(rng.integers(-9999, 9999, 7).astype(np.int64 if dtype == "int16" else np.int32), True, "", 0.001, 0)
    y_scale = np.float32(0.05 * 0.02 / (factor or 0.004))
    return one(name, "TRANSPOSE_CONV", options("TRANSPOSE_CONV", (2, 2), act=act), [i32(2, 8, 10, 7), w, x, bias], Exact(), dtype,
               (y_scale, zero))


# ---- odd widths, for the tails of vectors ------------------------------------------------------------------------------------


def tail_cases(rng):
    for dtype in ("float32", "int8", "uint8", "int16"):
        for width in (1, 2, 3, 5, 7, 11, 13, 15, 17, 19, 23, 31, 33, 47, 63, 65, 79, 95, 97, 127, 129):
            yield tensor_case(rng, f"conv_tail_{dtype}_{width}_filters", "CONV_2D", dtype, (1, 3, 5, 6), (2, 2), (width, 6))
            yield tensor_case(rng, f"conv_tail_{dtype}_{width}_channels", "CONV_2D", dtype, (1, 3, 5, width), (2, 2), (5, width), act=RELU)
            yield tensor_case(rng, f"depthwise_tail_{dtype}_{width}", "DEPTHWISE_CONV_2D", dtype, (1, 5, 4, width), (3, 2), (width, 1))
            yield tensor_case(rng, f"max_tail_{dtype}_{width}", "MAX_POOL_2D", dtype, (1, 4, 3, width), (2, 3), None)
            yield tensor_case(rng, f"average_tail_{dtype}_{width}", "AVERAGE_POOL_2D", dtype, (1, 4, 3, width), (3, 3), None)
        for width in (1, 3, 9, 16, 33, 70):
            yield tensor_case(rng, f"conv_tail_{dtype}_groups_{width}", "CONV_2D", dtype, (1, 4, 4, 3 * width), (2, 3), (3 * width, width))
    for width in (1, 3, 15, 17, 33):
        yield one(f"l2_tail_{width}", "L2_POOL_2D", options("L2_POOL_2D", window=(2, 3)), [noise(rng, 2, 5, 4, width)], close(6))


# ---- constant and computed inputs, versions -------------------------------------------------------------------------------------


# The last that TensorFlow 2.21 knows.
VERSIONS = {"CONV_2D": 8, "TRANSPOSE_CONV": 5, "DEPTHWISE_CONV_2D": 7, "FULLY_CONNECTED": 13, "BATCH_MATMUL": 4, "MAX_POOL_2D": 3,
            "AVERAGE_POOL_2D": 3}


def every_op(rng):
    """(op, table, inputs, dtype, quant, tolerance) once for each op and type."""
    for dtype in ("float32", "int8", "int16"):
        def image(*shape, dtype=dtype):
            return Arg(noise(rng, *shape)) if dtype == "float32" else Arg(integers(rng, dtype, shape), scale=0.05, zero=0)

        def weights(*shape, axis=0, dtype=dtype):
            if dtype == "float32":
                return const(noise(rng, *shape))
            return Arg(integers(rng, "int8", shape), True, "", rng.uniform(0.01, 0.02, shape[axis]), 0, axis)

        def bias(w, dtype=dtype):
            n = w.value.shape[w.axis]
            if dtype == "float32":
                return const(noise(rng, n))
            wide = np.int32 if dtype == "int8" else np.int64
            return Arg(rng.integers(-9999, 9999, n).astype(wide), True, "", np.float32(0.05) * w.scale, 0)
        quant, tol = (None, close(50)) if dtype == "float32" else ((0.7 if dtype == "int8" else 0.9, 0), Exact())
        w = weights(9, 3, 2, 5)
        yield "CONV_2D", options("CONV_2D"), [image(2, 5, 6, 5), w, bias(w)], dtype, quant, tol
        yield "TRANSPOSE_CONV", options("TRANSPOSE_CONV", (2, 2)), [i32(2, 10, 12, 9), w, image(2, 5, 6, 5), bias(w)], dtype, quant, tol
        w = weights(1, 3, 2, 10, axis=3)
        w.axis = 3
        yield "DEPTHWISE_CONV_2D", options("DEPTHWISE_CONV_2D", multiplier=2), [image(2, 5, 6, 5), w, bias(w)], dtype, quant, tol
        w = weights(9, 21)
        yield "FULLY_CONNECTED", ("FullyConnectedOptions", {}), [image(4, 21), w, bias(w)], dtype, quant, tol
        yield "BATCH_MATMUL", ("BatchMatMulOptions", {}), [image(2, 3, 7), image(7, 5)], dtype, quant, tol
        for op in ("MAX_POOL_2D", "AVERAGE_POOL_2D") + ("L2_POOL_2D",) * (dtype == "float32"):
            yield op, options(op, window=(2, 3)), [image(2, 5, 6, 5)], dtype, quant and (0.05, 0), tol
    w = const(noise(rng, 2, 2, 3, 4, 9))
    yield "CONV_3D", volume(), [noise(rng, 1, 3, 4, 5, 4), w, const(noise(rng, 9))], "float32", None, close(48)
    w = const(noise(rng, 2, 2, 3, 9, 4))
    yield "CONV_3D_TRANSPOSE", volume(), [i32(1, 3, 4, 5, 9), w, noise(rng, 1, 3, 4, 5, 4), const(noise(rng, 9))], "float32", None, close(48)


def input_cases(rng):
    for op, table, inputs, dtype, quant, tol in every_op(rng):
        node, args = Node(op, table[0]), [arg if isinstance(arg, Arg) else Arg(arg) for arg in inputs]
        shape_input = op in ("TRANSPOSE_CONV", "CONV_3D_TRANSPOSE")

        def with_const(which, args=args):
            return [Arg(a.value, which(i), a.dtype, a.scale, a.zero, a.axis) for i, a in enumerate(args)]
        yield node.case(f"{dtype}_all_constant", with_const(lambda i: True), [dtype], table[1], tol=tol, quant=quant)
        yield node.case(f"{dtype}_nothing_constant", with_const(lambda i: False), [dtype], table[1], tol=tol, quant=quant, steps=2)
        if len(args) > 1:
            yield node.case(f"{dtype}_constant_image", with_const(lambda i: i in (0, 2) if shape_input else i == 0), [dtype], table[1],
                            tol=tol, quant=quant)
        if len(args) > 2:
            last = len(args) - 1
            yield node.case(f"{dtype}_computed_bias", with_const(lambda i: i == last - 1 or i < last - 1 and shape_input and i == 0), [dtype],
                            table[1], tol=tol, quant=quant)
        if dtype == "float32":
            for version in range(2, VERSIONS.get(op, 1) + 1):
                yield node.case(f"version_{version}", inputs, [dtype], table[1], tol=tol, version=version)


# ---- what may be left out, resized, or told otherwise ---------------------------------------------------------------------------


def resized(case, *arrays):
    """case with inputs of other shapes than those in the file."""
    case.inputs = list(arrays)
    return case


def other_cases(rng):
    bias = [None]
    shape, w = i32(1, 8, 10, 7), noise(rng, 7, 3, 2, 3)
    yield one("transpose_conv_omitted_bias", "TRANSPOSE_CONV", options("TRANSPOSE_CONV", (2, 2)),
              [shape, const(w), noise(rng, 1, 4, 5, 3)] + bias, close(18))
    w = const(noise(rng, 2, 2, 2, 3, 4))
    yield one("conv3d_omitted_bias", "CONV_3D", volume(), [noise(rng, 1, 3, 4, 3, 3), w] + bias, close(24))
    w, shape = const(noise(rng, 2, 2, 2, 4, 3)), i32(1, 3, 4, 3, 4)
    yield one("conv3d_transpose_omitted_bias", "CONV_3D_TRANSPOSE", volume(), [shape, w, noise(rng, 1, 3, 4, 3, 3)] + bias, close(24))
    for label, image in (("batch", (5, 6, 7, 9)), ("larger", (1, 11, 13, 9)), ("smaller", (1, 2, 1, 9)), ("none", (0, 6, 7, 9))):
        for dtype in ("float32", "int8", "uint8", "int16"):
            x = noise(rng, *image) if dtype == "float32" else integers(rng, dtype, image)
            for op, channels in (("CONV_2D", (5, 9)), ("CONV_2D", (6, 3)), ("DEPTHWISE_CONV_2D", (18, 9)), ("MAX_POOL_2D", None), ("AVERAGE_POOL_2D", None)):
                name = f"{op.lower()}_{dtype}_resized_{label}_{channels[0] if channels else 0}"
                yield resized(tensor_case(rng, name, op, dtype, (1, 6, 7, 9), (3, 2), channels, stride=(2, 1)), x)
    for channels in (6, 12):  # another number of groups than in the file
        for dtype in ("float32", "int8"):
            x = noise(rng, 1, 6, 7, channels) if dtype == "float32" else integers(rng, dtype, (1, 6, 7, channels))
            yield resized(tensor_case(rng, f"conv_2d_{dtype}_resized_groups_{channels}", "CONV_2D", dtype, (1, 6, 7, 3), (3, 2), (8, 3)), x)
    for dtype in ("int8", "uint8", "int16"):  # pools do not rescale
        for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
            for act in (NONE, RELU, RELU6):
                low, high = RANGE[dtype]
                x = Arg(integers(rng, dtype, (1, 5, 6, 17)), scale=0.05, zero=0)
                yield one(f"{op.lower()}_{dtype}_other_scale_{act}", op, options(op, act=act, window=(2, 2)), [x], Exact(), dtype,
                          (0.11, 0 if dtype == "int16" else (low + high) // 2 + 3))


def cases(rng):
    yield from float_cases(rng)
    yield from other_cases(rng)
    yield from input_cases(rng)
    yield from size_cases(rng)
    yield from quantization_cases(rng)
    yield from tail_cases(rng)
