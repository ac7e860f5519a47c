# SPDX-License-Identifier: Apache-2.0
"""Pools of images and volumes, and their gradients."""
import ml_dtypes
import numpy as np

from matmul import BF16, values
from tf_case import Case

INTS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.int64]
TOLERANCE = {np.float32: (1e-5, 1e-5), np.float64: (1e-12, 1e-12), np.float16: (2e-3, 2e-3), BF16: (2e-2, 2e-2)}


def window(rng, axes=2, explicit=False):
    k = [int(n) for n in rng.integers(1, 4, axes)]
    s = [int(n) for n in rng.integers(1, 4, axes)]
    size = [n + int(e) for n, e in zip(k, rng.integers(0, 8, axes))]
    attrs = {"ksize": [1, *k, 1], "strides": [1, *s, 1], "padding": str(rng.choice(["SAME", "VALID"]))}
    if explicit and rng.random() < 0.3:
        attrs["padding"] = "EXPLICIT"
        attrs["explicit_paddings"] = [0, 0, *[int(rng.integers(0, n)) for n in np.repeat(k, 2)], 0, 0]
    return size, attrs


def out_size(n, k, s, attrs, i):
    if attrs["padding"] == "EXPLICIT":
        n += sum(attrs["explicit_paddings"][2 * i + 2:2 * i + 4])
    return -(-n // s) if attrs["padding"] == "SAME" else (n - k + s) // s


def out_shape(x, attrs):
    return [x.shape[0], *[out_size(x.shape[i + 1], attrs["ksize"][i + 1], attrs["strides"][i + 1], attrs, i)
                          for i in range(x.ndim - 2)], x.shape[-1]]


def image(rng, dtype, size):
    return values(rng, dtype, int(rng.integers(1, 3)), *size, int(rng.choice([1, 3, 8, 17])))


def cases(rng):
    floats = [np.float32] * 10 + [np.float64, np.float16, BF16]
    for dtype in floats + INTS:
        size, attrs = window(rng, explicit=True)
        yield Case("MaxPool", [image(rng, dtype, size), ], attrs)
        size, attrs = window(rng)
        yield Case("MaxPoolV2", [image(rng, dtype, size), np.array(attrs["ksize"], "i4"), np.array(attrs["strides"], "i4")],
                   {"padding": attrs["padding"]})
        for index in "int32", "int64":
            size, attrs = window(rng)
            attrs |= {"Targmax": index, "include_batch_in_index": bool(rng.integers(0, 2))}
            yield Case("MaxPoolWithArgmax", [image(rng, dtype, size)], attrs)
    for dtype in floats:
        size, attrs = window(rng)
        yield Case("AvgPool", [image(rng, dtype, size)], attrs, tolerance=TOLERANCE[dtype])
        if dtype in (np.float64, np.float16):
            continue
        size, attrs = window(rng, 3)
        yield Case("AvgPool3D", [image(rng, dtype, size)], attrs, tolerance=TOLERANCE[dtype])
        size, attrs = window(rng, 3)
        yield Case("MaxPool3D", [image(rng, dtype, size)], attrs)
    yield Case("MaxPool", [values(rng, np.float32, 2, 3, 3, 6)], {"ksize": [1, 1, 1, 3], "strides": [1, 1, 1, 3], "padding": "VALID"})
    one = np.ones((1, 4, 4, 2), "f")
    yield Case("MaxPool", [one], {"ksize": [1, 5, 5, 1], "strides": [1, 1, 1, 1], "padding": "VALID"})
    yield Case("AvgPool", [one[0]], {"ksize": [1, 2, 2, 1], "strides": [1, 1, 1, 1], "padding": "VALID"})
    yield Case("AvgPool", [one], {"ksize": [1, 1, 1, 2], "strides": [1, 1, 1, 2], "padding": "VALID"})
    yield from gradients(rng, floats)
    yield from dilation(rng)
    yield from fractional(rng)


def gradients(rng, floats):
    for dtype in floats:
        size, attrs = window(rng)
        x = image(rng, dtype, size)
        shape = out_shape(x, attrs)
        dy = values(rng, dtype, *shape)
        yield Case("MaxPoolGrad", [x, np.zeros(shape, dtype), dy], attrs, tolerance=TOLERANCE[dtype])
        yield Case("MaxPoolGradV2", [x, np.zeros(shape, dtype), dy, np.array(attrs["ksize"], "i4"), np.array(attrs["strides"], "i4")],
                   {"padding": attrs["padding"]}, tolerance=TOLERANCE[dtype])
        yield Case("AvgPoolGrad", [np.array(x.shape, "i4"), dy], attrs, tolerance=TOLERANCE[dtype])
        per_image = int(np.prod(x.shape[1:]))
        yield Case("MaxPoolGradWithArgmax", [x, dy, rng.integers(0, per_image, dy.shape)], attrs, tolerance=TOLERANCE[dtype])
        if dtype in (np.float64, np.float16):
            continue
        size, attrs = window(rng, 3)
        x = image(rng, dtype, size)
        dy = values(rng, dtype, *out_shape(x, attrs))
        yield Case("AvgPool3DGrad", [np.array(x.shape, "i4"), dy], attrs, tolerance=TOLERANCE[dtype])
        yield Case("MaxPool3DGrad", [x, highest(x, attrs), dy], attrs, tolerance=TOLERANCE[dtype])


def highest(x, attrs):
    """MaxPool3D by hand."""
    shape = out_shape(x, attrs)
    y = np.full(shape, -np.inf, np.float64)
    for at in np.ndindex(*shape[1:4]):
        low, high = [], []
        for i in range(3):
            n, k, s = x.shape[i + 1], attrs["ksize"][i + 1], attrs["strides"][i + 1]
            before = max((shape[i + 1] - 1) * s + k - n, 0) // 2 if attrs["padding"] == "SAME" else 0
            low.append(max(at[i] * s - before, 0))
            high.append(min(at[i] * s - before + k, n))
        y[:, at[0], at[1], at[2]] = x[:, low[0]:high[0], low[1]:high[1], low[2]:high[2]].max((1, 2, 3))
    return y.astype(x.dtype)


def dilation(rng):
    for dtype in [np.float32] * 8 + [np.float64, np.float16, BF16, np.int8, np.uint8, np.int32, np.int64]:
        k, s, r, e = (rng.integers(1, 4, 2) for _ in range(4))
        size = [int(n) for n in (k - 1) * r + 1 + e]
        c = int(rng.choice([1, 3, 8]))
        attrs = {"strides": [1, *map(int, s), 1], "rates": [1, *map(int, r), 1], "padding": str(rng.choice(["SAME", "VALID"]))}
        x = (values(rng, dtype, 2, *size, c) // 2 if np.dtype(dtype).kind in "iu" else values(rng, dtype, 2, *size, c)).astype(dtype)
        w = values(rng, dtype, *map(int, k), c)
        w = (w // 3 if np.dtype(dtype).kind in "iu" else w).astype(dtype)
        yield Case("Dilation2D", [x, w], attrs, tolerance=TOLERANCE.get(dtype))
        out = [-(-n // int(t)) if attrs["padding"] == "SAME" else (n - (int(a) - 1) * int(b) - 1) // int(t) + 1
               for n, t, a, b in zip(size, s, k, r)]
        if dtype not in (np.float16, BF16):
            dy = values(rng, dtype, 2, *out, c)
            yield Case("Dilation2DBackpropInput", [x, w, dy], attrs, tolerance=TOLERANCE.get(dtype))
            yield Case("Dilation2DBackpropFilter", [x, w, dy], attrs, tolerance=(1e-4, 1e-4) if dtype == np.float32 else None)


def fractional(rng):
    for op in "FractionalMaxPool", "FractionalAvgPool":
        for i, dtype in enumerate([np.float32] * 8 + [np.float64, np.int32, np.int64]):
            ratio = [float(np.float32(rng.random() * 1.5 + 1)) for _ in range(2)]
            attrs = {"pooling_ratio": [1.0, *ratio, 1.0], "deterministic": True, "seed": int(rng.integers(1, 99)),
                     "seed2": int(rng.integers(1, 99)) + 100 * i, "pseudo_random": bool(i % 2), "overlapping": bool(i // 2 % 2)}
            yield Case(op, [values(rng, dtype, 2, int(rng.integers(3, 15)), int(rng.integers(3, 15)), 2)], attrs,
                       tolerance=TOLERANCE.get(dtype))
