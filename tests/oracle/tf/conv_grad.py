# SPDX-License-Identifier: Apache-2.0
"""Gradients of convolutions and pools, and of resizing."""
import ml_dtypes
import numpy as np

from conv import TOLERANCE, image_case, values
from tf_case import Case


def output_size(n, k, s, d, attrs, i):
    reach = (k - 1) * d + 1
    if attrs["padding"] == "SAME":
        return -(-n // s)
    if attrs["padding"] == "EXPLICIT":
        n += sum(attrs["explicit_paddings"][2 * i + 2:2 * i + 4])
    return (n - reach + s) // s


def conv_shape(x, w, attrs, filters):
    axes = x.ndim - 2
    return [x.shape[0]] + [output_size(x.shape[i + 1], w.shape[i], attrs["strides"][i + 1], attrs["dilations"][i + 1],
                                       attrs, i) for i in range(axes)] + [filters]


def cases(rng):
    f16, bf16 = np.float16, ml_dtypes.bfloat16
    for dtype in [np.float32] * 14 + [np.float64] * 3 + [f16, bf16]:
        x, w, attrs = image_case(rng, dtype, int(rng.choice([1, 3, 8, 33])), int(rng.choice([1, 4, 17])))
        attrs["dilations"] = [1] * 4
        dy = values(rng, dtype, *conv_shape(x, w, attrs, w.shape[-1]))
        if 0 in dy.shape:
            continue
        yield Case("Conv2DBackpropInput", [np.array(x.shape, "i4"), w, dy], attrs, tolerance=TOLERANCE.get(dtype))
        yield Case("Conv2DBackpropFilter", [x, np.array(w.shape, "i4"), dy], attrs, tolerance=TOLERANCE.get(dtype))
    for dtype in [np.float32] * 10 + [np.float64] * 3 + [f16, bf16]:
        x, w, attrs = image_case(rng, dtype, int(rng.choice([1, 2, 5])), int(rng.choice([1, 2, 3])), depthwise=True)
        dy = values(rng, dtype, *conv_shape(x, w, attrs, w.shape[-1] * w.shape[-2]))
        if 0 in dy.shape:
            continue
        yield Case("DepthwiseConv2dNativeBackpropInput", [np.array(x.shape, "i4"), w, dy], attrs,
                   tolerance=TOLERANCE.get(dtype))
        yield Case("DepthwiseConv2dNativeBackpropFilter", [x, np.array(w.shape, "i4"), dy], attrs,
                   tolerance=TOLERANCE.get(dtype))
    for dtype in [np.float32] * 10 + [np.float64] * 2:
        x, w, attrs = image_case(rng, dtype, int(rng.choice([1, 3])), int(rng.choice([1, 4])), axes=3)
        attrs["dilations"] = [1] * 5
        dy = values(rng, dtype, *conv_shape(x, w, attrs, w.shape[-1]))
        if 0 in dy.shape:
            continue
        yield Case("Conv3DBackpropInputV2", [np.array(x.shape, "i4"), w, dy], attrs, tolerance=TOLERANCE.get(dtype))
        yield Case("Conv3DBackpropFilterV2", [x, np.array(w.shape, "i4"), dy], attrs, tolerance=TOLERANCE.get(dtype))
