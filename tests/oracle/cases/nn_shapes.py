# SPDX-License-Identifier: Apache-2.0
"""nn_shapes.py: convolutions and matrix products of random shapes, larger than those of the other families: how a product is cut into
stripes, panels and tiles depends on them.
"""

import numpy as np

from case import Close, Exact
from onenode import Arg, Node, const, i32

SAME, VALID = 0, 1
RANGE = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767), "int4": (-8, 7)}
TYPES = ("float32", "int8", "uint8", "int16", "hybrid")


class Draw:
    """Shapes, options and tensors, all at random."""

    def __init__(self, rng):
        self.rng = rng

    def size(self, low, high):
        """More often small than large."""
        return int(low + (high - low) * self.rng.uniform() ** 2)

    def flag(self):
        return bool(self.rng.integers(2))

    def floats(self, *shape):
        return self.rng.uniform(-1, 1, shape).astype(np.float32)

    def integers(self, dtype, shape, low=None):
        least, most = RANGE[dtype]
        out = np.int8 if dtype == "int4" else np.dtype(dtype)
        return self.rng.integers(least if low is None else low, most, shape, endpoint=True).astype(out)

    def image(self, dtype, shape):
        if dtype in ("float32", "hybrid"):
            return Arg(self.floats(*shape))
        zero = 0 if dtype == "int16" else int(self.rng.integers(*RANGE[dtype]))
        return Arg(self.integers(dtype, shape), scale=2e-4 if dtype == "int16" else 0.05, zero=zero)

    def weights(self, dtype, shape, axis=0, int4=True):
        if dtype == "float32":
            return const(self.floats(*shape))
        kind = "uint8" if dtype == "uint8" else "int4" if int4 and self.rng.integers(5) == 0 else "int8"
        many = kind != "uint8" and self.flag() and shape[axis] > 1 or dtype == "hybrid" and axis == 3
        scale = self.rng.uniform(0.01, 0.03, shape[axis]).astype(np.float32) if many else np.float32(0.02)
        low = -127 if dtype == "hybrid" and kind == "int8" else None  # by -128 the reference's loops do not multiply
        return Arg(self.integers(kind, shape, low), True, kind, scale, 90 if kind == "uint8" else 0, axis)

    def bias(self, dtype, x, w, n):
        if dtype in ("float32", "hybrid"):
            return const(self.floats(n))
        values = self.rng.integers(-9999, 9999, n).astype(np.int64 if dtype == "int16" else np.int32)
        return Arg(values, True, "", np.float32(x.scale) * w.scale, 0)

    def output(self, dtype, x, w, depth):
        """(dtype of the output, its quantization, tolerance)."""
        if dtype == "float32":
            return "float32", None, Close(1e-5, 2e-6 * depth ** 0.5)
        if dtype == "hybrid":
            return "float32", None, Close(1e-5, 3e-6 * depth ** 0.5)
        spread = {"int8": 75, "uint8": 75, "int16": 19000}[dtype] * (5 if w.dtype == "int4" else 75) * depth ** 0.5
        wide = 50 if dtype != "int16" else 12000
        scale = np.float32(float(x.scale) * float(np.mean(w.scale)) * spread / wide)
        return dtype, (scale, 0 if dtype == "int16" else int(self.rng.integers(*RANGE[dtype]))), Exact()


def window(d, height, width):
    """Fields of a 2-D op, and its window."""
    kernel = [d.size(1, 7), d.size(1, 7)]
    stride = [d.size(1, 5), d.size(1, 5)]
    dilation = [d.size(1, 4), d.size(1, 4)] if d.size(0, 3) == 1 else [1, 1]
    fits = all((k - 1) * s < n for k, s, n in zip(kernel, dilation, (height, width)))
    return kernel, {"padding": VALID if fits and d.flag() else SAME, "strideH": stride[0], "strideW": stride[1], "dilationHFactor": dilation[0],
                    "dilationWFactor": dilation[1], "fusedActivationFunction": int(d.rng.integers(4))}


def convolution(d, i, dtype):
    batch, height, width, channels = d.size(1, 3), d.size(1, 40), d.size(1, 40), d.size(1, 160)
    kernel, fields = window(d, height, width)
    groups = int(d.rng.choice([g for g in (1, 2, 3, 4, channels) if channels % g == 0])) if d.flag() else 1
    filters = groups * d.size(1, 200 if groups == 1 else 20 if groups < 9 else 2)
    x, w = d.image(dtype, (batch, height, width, channels)), d.weights(dtype, (filters, *kernel, channels // groups))
    if dtype == "hybrid" and groups > 1 and np.ndim(w.scale) == 0:
        w.scale = np.full(filters, w.scale)
    depth = w.value[0].size
    out, quant, tol = d.output(dtype, x, w, depth)
    return Node("CONV_2D", "Conv2DOptions", prefix="conv").case(f"{i}_{dtype}", [x, w, d.bias(dtype, x, w, filters)], [out], fields, tol=tol,
                                                                quant=quant)


def depthwise(d, i, dtype):
    batch, height, width, channels = d.size(1, 3), d.size(1, 40), d.size(1, 40), d.size(1, 300)
    kernel, fields = window(d, height, width)
    if d.size(0, 6) == 1:
        kernel = [13, 11]  # more taps than the kernel for 8 bits takes
        fields["padding"] = SAME
    multiplier = int(d.rng.choice([1, 1, 1, 2, 3, 8])) if channels < 60 else 1
    x, w = d.image(dtype, (batch, height, width, channels)), d.weights(dtype, (1, *kernel, channels * multiplier), 3, dtype == "int8")
    out, quant, tol = d.output(dtype, x, w, kernel[0] * kernel[1])
    inputs = [x, w, d.bias(dtype, x, w, channels * multiplier)]
    return Node("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", prefix="depthwise").case(
        f"{i}_{dtype}", inputs, [out], {**fields, "depthMultiplier": multiplier}, tol=tol, quant=quant)


def transposed(d, i, dtype):
    batch, height, width, channels, filters = d.size(1, 3), d.size(1, 16), d.size(1, 60), d.size(1, 120), d.size(1, 80)
    kernel, fields = window(d, height, width)
    stride = (fields["strideH"], fields["strideW"])
    size = [(n - 1) * s + (1 if fields["padding"] == SAME else k) for n, s, k in zip((height, width), stride, kernel)]
    x, w = d.image(dtype, (batch, height, width, channels)), d.weights(dtype, (filters, *kernel, channels), int4=False)
    if dtype == "hybrid":  # one scale would be told as many in the details
        w.scale = d.rng.uniform(0.01, 0.03, filters).astype(np.float32)
    out, quant, tol = d.output(dtype, x, w, w.value[0].size)
    fields = {key: fields[key] for key in ("padding", "strideH", "strideW", "fusedActivationFunction")}
    inputs = [i32(batch, *size, filters), w, x, d.bias(dtype, x, w, filters)]
    tol = Close(1e-5, 1e-4) if dtype == "hybrid" else tol
    return Node("TRANSPOSE_CONV", "TransposeConvOptions", prefix="transpose_conv").case(f"{i}_{dtype}", inputs, [out], fields, tol=tol,
                                                                                     quant=quant)


def fully_connected(d, i, dtype):
    batch, depth, units = d.size(1, 150), d.size(1, 1500), d.size(1, 400)
    x, w = d.image(dtype, (batch, depth)), d.weights(dtype, (units, depth))
    out, quant, tol = d.output(dtype, x, w, depth)
    fields = {"fusedActivationFunction": int(d.rng.integers(4)), "asymmetricQuantizeInputs": d.flag()}
    return Node("FULLY_CONNECTED", "FullyConnectedOptions", prefix="fc").case(f"{i}_{dtype}", [x, w, d.bias(dtype, x, w, units)], [out], fields,
                                                                            tol=tol, quant=quant)


def batch_matmul(d, i, dtype):
    dtype = {"uint8": "int8", "hybrid": "float32"}.get(dtype, dtype)
    batch = [d.size(1, 5) for _ in range(d.size(0, 3))]
    m, k, n = d.size(1, 120), d.size(1, 600), d.size(1, 250)
    adj_x, adj_y = d.flag(), d.flag()
    x, y = d.image(dtype, (*batch, k, m) if adj_x else (*batch, m, k)), d.image(dtype, (*batch, n, k) if adj_y else (*batch, k, n))
    out, quant, tol = d.output(dtype, x, Arg(None, dtype="int8", scale=y.scale), k)
    if dtype == "int16":  # both sides are wide
        quant = (np.float32(quant[0] * 250), 0)
    y.const = d.flag()
    return Node("BATCH_MATMUL", "BatchMatMulOptions", prefix="bmm").case(f"{i}_{dtype}", [x, y], [out], {"adjX": adj_x, "adjY": adj_y}, tol=tol,
                                                                       quant=quant)


def cases(rng):
    d = Draw(rng)
    for i in range(50):
        for make in (convolution, depthwise, transposed, fully_connected, batch_matmul):
            yield make(d, i, TYPES[i % len(TYPES)])
