# SPDX-License-Identifier: Apache-2.0
"""Convolutions: images, volumes, depthwise, grouped, transposed."""
import ml_dtypes
import numpy as np

from tf_case import Case

HALF = {np.float16, ml_dtypes.bfloat16}
TOLERANCE = {np.float32: (1e-4, 1e-4), np.float64: (1e-12, 1e-12), np.float16: (2e-2, 2e-2),
             ml_dtypes.bfloat16: (1e-1, 1e-1)}


def values(rng, dtype, *shape):
    if np.dtype(dtype).kind in "iu":
        return rng.integers(-9, 9, shape).astype(dtype)
    return rng.normal(size=shape).astype(dtype)


def image_case(rng, dtype, channels, filters, groups=1, axes=2, depthwise=False):
    same = rng.integers(0, 3)
    kernel = [int(k) for k in rng.integers(1, 4, axes)]
    size = [int(k) + int(e) for k, e in zip(kernel, rng.integers(0, 9, axes))]
    stride = [int(s) for s in rng.integers(1, 3, axes)]
    dilation = [1] * axes
    if depthwise:
        stride = stride[:1] * axes
    elif max(stride) == 1 and rng.random() < 0.5 and dtype == np.float32:
        dilation = [int(d) for d in rng.integers(1, 3, axes)]
        size = [s + 3 for s in size]
    batch = int(rng.integers(0, 3)) if rng.random() < 0.2 else int(rng.integers(1, 3))
    attrs = {"strides": [1, *stride, 1], "dilations": [1, *dilation, 1], "padding": ["SAME", "VALID", "EXPLICIT"][same]}
    if same == 2:
        if axes == 3:
            attrs["padding"] = "SAME"
        else:
            attrs["explicit_paddings"] = [0, 0, *[int(p) for p in rng.integers(0, 3, 4)], 0, 0]
    x = values(rng, dtype, batch, *size, channels)
    w = values(rng, dtype, *kernel, channels // groups, filters)
    return x, w, attrs


def cases(rng):
    for dtype in [np.float32] * 24 + [np.float64] * 4 + [np.float16] * 3 + [ml_dtypes.bfloat16] * 3 + [np.int32] * 3:
        groups = int(rng.choice([1, 1, 1, 2, 3])) if dtype == np.float32 else 1
        x, w, attrs = image_case(rng, dtype, int(rng.choice([1, 2, 3, 5, 17, 40])) * groups,
                                 int(rng.choice([1, 3, 8, 33])) * groups, groups)
        yield Case("Conv2D", [x, w], attrs, tolerance=TOLERANCE.get(dtype))
    for dtype in [np.float32] * 12 + [np.float64] * 3 + [np.float16, ml_dtypes.bfloat16]:
        x, w, attrs = image_case(rng, dtype, int(rng.choice([1, 2, 5, 19])), int(rng.choice([1, 1, 2, 3])), depthwise=True)
        yield Case("DepthwiseConv2dNative", [x, w], attrs, tolerance=TOLERANCE.get(dtype))
    for dtype in [np.float32] * 12 + [np.float64] * 3 + [np.float16, ml_dtypes.bfloat16]:
        x, w, attrs = image_case(rng, dtype, int(rng.choice([1, 3, 8])), int(rng.choice([1, 4, 17])), axes=3)
        attrs["dilations"] = [1] * 5
        yield Case("Conv3D", [x, w], attrs, tolerance=TOLERANCE.get(dtype))
    one = np.ones
    yield Case("Conv2D", [one((1, 4, 4, 3), "f"), one((2, 2, 2, 4), "f")], {"strides": [1, 1, 1, 1], "padding": "SAME"})
    yield Case("Conv2D", [one((1, 4, 4), "f"), one((2, 2, 2, 4), "f")], {"strides": [1, 1, 1, 1], "padding": "SAME"})
    yield Case("Conv2D", [one((1, 2, 2, 1), "f"), one((4, 4, 1, 1), "f")], {"strides": [1, 1, 1, 1], "padding": "VALID"})
    yield Case("Conv2D", [one((1, 4, 4, 1), "f"), one((2, 2, 1, 1), "f")], {"strides": [2, 1, 1, 1], "padding": "VALID"})
    yield Case("DepthwiseConv2dNative", [one((1, 4, 4, 1), "f"), one((2, 2, 1, 1), "f")],
               {"strides": [1, 1, 2, 1], "padding": "VALID"})
