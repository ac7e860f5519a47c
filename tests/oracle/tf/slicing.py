# SPDX-License-Identifier: Apache-2.0
"""Slices: plain, strided with all masks, their gradients and updates."""
import numpy as np

from shape import ANY, NUMBERS, PLAIN, QUANTIZED, dims, index, pick, val
from tf_case import Case


def spec(rng, shape):
    """begin, end, strides and masks of a random slice of shape, good mostly."""
    rank = len(shape)
    masks = dict.fromkeys(["begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"], 0)
    begin, end, strides, d = [], [], [], 0
    ellipsis = rng.random() < 0.4
    while True:
        i = len(begin)
        kind = rng.random()
        n = shape[d] if d < rank else 1
        begin.append(int(rng.integers(-n - 1, n + 2)))
        end.append(int(rng.integers(-n - 1, n + 2)))
        strides.append(int(pick(rng, [1, 1, 1, 2, -1, -2, 3])))
        for mask in ("begin_mask", "end_mask"):
            masks[mask] |= (rng.random() < 0.3) << i
        if ellipsis and kind < 0.3:
            masks["ellipsis_mask"] |= 1 << i
            ellipsis = False
            d += int(rng.integers(0, rank - d + 1)) if d <= rank else 0
        elif kind < 0.45:
            masks["new_axis_mask"] |= 1 << i
            if rng.random() < 0.2:
                masks["shrink_axis_mask"] |= 1 << i
        elif d < rank:
            if kind < 0.65:
                masks["shrink_axis_mask"] |= 1 << i
                if rng.random() < 0.9:
                    strides[-1] = 1
                    begin[-1] = int(rng.integers(-n, n)) if n else 0
            d += 1
        if d >= rank or rng.random() < 0.2 or len(begin) > rank + 2:
            break
    return begin, end, strides, {k: int(v) for k, v in masks.items()}


def like(begin, end, strides, attrs, shape):
    """NumPy's own slice, for the shape of a gradient; None where it refuses."""
    key = []
    for i, (b, e, s) in enumerate(zip(begin, end, strides)):
        if attrs["ellipsis_mask"] >> i & 1:
            key.append(...)
        elif attrs["new_axis_mask"] >> i & 1:
            key.append(None)
        elif attrs["shrink_axis_mask"] >> i & 1:
            key.append(b)
        else:
            key.append(slice(None if attrs["begin_mask"] >> i & 1 else b, None if attrs["end_mask"] >> i & 1 else e, s))
    try:
        return np.empty(shape, "i1")[tuple(key)].shape
    except (IndexError, ValueError):
        return None


def cases(rng):
    for dtype in ANY * 2:
        shape = dims(rng, 0, 5)
        begin = [int(rng.integers(0, n + 1)) for n in shape]
        size = [-1 if rng.random() < 0.3 else int(rng.integers(0, n - b + 1)) for n, b in zip(shape, begin)]
        kind = index(rng)
        yield Case("Slice", [val(rng, dtype, shape), np.array(begin, kind), np.array(size, kind)])
    x = np.ones((2, 3), "f4")
    for begin, size in (([0], [1]), ([0, 4], [1, 0]), ([-1, 0], [1, 1]), ([0, 2], [1, 2]), ([0, 0], [-2, 1])):
        yield Case("Slice", [x, np.array(begin, "i4"), np.array(size, "i4")])
    for dtype in ANY * 2 + ["f4"] * 120:
        shape = dims(rng, 0, 3)
        begin, end, strides, attrs = spec(rng, shape)
        kind = index(rng)
        parts = [np.array(p, kind) for p in (begin, end, strides)]
        yield Case("StridedSlice", [val(rng, dtype, shape), *parts], attrs)
        out = like(begin, end, strides, attrs, shape)
        if out is None or any(attrs["shrink_axis_mask"] >> i & 1 and s < 0 for i, s in enumerate(strides)):
            continue
        if dtype not in QUANTIZED:
            yield Case("StridedSliceGrad", [np.array(shape, kind), *parts, val(rng, dtype, out)], attrs)
            if rng.random() < 0.3:
                out = out[int(rng.integers(0, len(out) + 1)):]
            yield Case("TensorStridedSliceUpdate", [val(rng, dtype, shape), *parts, val(rng, dtype, out)], attrs)
    for parts, attrs in ((([0, 0, 0], [1, 1, 1], [1, 1, 1]), {}), (([0], [1], [0]), {}), (([2], [3], [1]), {"shrink_axis_mask": 1}),
                         (([-3], [3], [1]), {"shrink_axis_mask": 1}), (([0, 0], [1, 1], [1, 1]), {"ellipsis_mask": 3}),
                         (([0], [1, 2], [1]), {}), (([1], [0], [-1]), {"shrink_axis_mask": 1})):
        parts = [np.array(p, "i4") for p in parts]
        yield Case("StridedSlice", [x, *parts], attrs)
        yield Case("TensorStridedSliceUpdate", [x, *parts, np.float32(7)], attrs)
        yield Case("StridedSliceGrad", [np.array([2, 3], "i4"), *parts, np.ones(5, "f4")], attrs)
