# SPDX-License-Identifier: Apache-2.0
"""Batch normalization, local response normalization, softmax, and gradients of the first two and of resizing."""
import ml_dtypes
import numpy as np

from tf_case import Case

BF16 = ml_dtypes.bfloat16
TOLERANCE = {np.float32: (1e-4, 1e-5), np.float64: (1e-12, 1e-12), np.float16: (3e-3, 3e-3), BF16: (3e-2, 3e-2)}


def first_outputs(n, tolerance):
    """Compares the first outputs alone: what others hold is left to chance by TensorFlow."""
    def check(wanted, got, inputs):
        for i, (a, b) in enumerate(zip(wanted[:n], got[:n])):
            a, b = np.asarray(a).astype(np.float64), np.asarray(b).astype(np.float64)
            if a.shape != b.shape or not np.allclose(b, a, *tolerance, equal_nan=True):
                return f"output {i}: expected {a}, found {b}"
        return ""
    return check


def cases(rng):
    def normal(*shape, dtype=np.float32):
        return rng.normal(size=shape).astype(dtype)
    for op in "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3":
        for i, dtype in enumerate([np.float32] * 17 + [np.float16, BF16]):
            if op == "FusedBatchNorm":
                dtype = np.float32
            c, first = int(rng.choice([1, 3, 8, 17])), bool(rng.integers(0, 2))
            shape = [int(n) for n in rng.integers(1, 5, 3)]
            shape = [shape[0], c, *shape[1:]] if first else [*shape, c]
            training = i % 2 == 0
            attrs = {"is_training": training, "epsilon": 0.001, "data_format": "NCHW" if first else "NHWC"}
            if i == 4:
                attrs["exponential_avg_factor"] = 0.25
            yield Case(op, [normal(*shape, dtype=dtype) * dtype(2) + dtype(1), normal(c), normal(c),
                            np.zeros(0, "f") if training and i != 4 else normal(c),
                            np.zeros(0, "f") if training and i != 4 else np.abs(normal(c))], attrs,
                       check=first_outputs(5 if training else 3, TOLERANCE[dtype]))
            x, dy = normal(*shape, dtype=dtype), normal(*shape, dtype=dtype)
            grad = op.replace("Norm", "NormGrad")
            extra = [np.zeros(1, "f")] if grad.endswith("V3") else []
            if first and not training:
                continue
            yield Case(grad, [dy, x, normal(c), normal(c), np.abs(normal(c)) + np.float32(0.1), *extra],
                       {"is_training": training, "epsilon": 0.001, "data_format": "NCHW" if first else "NHWC"},
                       tolerance=TOLERANCE[dtype])
    for dtype in [np.float32] * 11 + [np.float16] * 2:
        shape = [int(n) for n in rng.integers(1, 5, 3)] + [int(rng.choice([1, 4, 9, 20]))]
        attrs = {"depth_radius": int(rng.integers(0, 6)), "bias": float(rng.random() + 0.5), "alpha": float(rng.random()),
                 "beta": float(rng.random() + 0.2)}
        x = normal(*shape, dtype=dtype)
        yield Case("LRN", [x], attrs, tolerance=TOLERANCE[dtype])
        yield Case("LRNGrad", [normal(*shape, dtype=dtype), x, normal(*shape, dtype=dtype)], attrs,
                   tolerance=(1e-2, 1e-2) if dtype == np.float16 else (1e-4, 1e-4))
    for op in "Softmax", "LogSoftmax":
        for dtype in [np.float32] * 8 + [np.float64, np.float16, BF16] * 2:
            shape = [int(n) for n in rng.integers(0 if rng.random() < 0.1 else 1, 9, rng.integers(1, 5))]
            yield Case(op, [normal(*shape, dtype=dtype) * dtype(4)], tolerance={np.float32: (1e-5, 1e-6)}.get(dtype, TOLERANCE[dtype]))
    for dtype in [np.float32] * 9 + [np.float64, np.float16, BF16]:
        n, h, w, c, oh, ow = (int(v) for v in rng.integers(1, 7, 6))
        flags = [{}, {"align_corners": True}, {"half_pixel_centers": True}][rng.integers(3)]
        yield Case("ResizeBilinearGrad", [normal(n, oh, ow, c), normal(n, h, w, c, dtype=dtype)], flags,
                   tolerance={np.float32: (1e-4, 1e-5), np.float64: (1e-5, 1e-5), np.float16: (2e-2, 2e-2), BF16: (2e-1, 1e-1)}[dtype])
        flags = [{}, {"align_corners": True}, {"half_pixel_centers": True}][rng.integers(3)]
        yield Case("ResizeNearestNeighborGrad", [normal(n, oh, ow, c, dtype=dtype), np.array([h, w], "i4")], flags,
                   tolerance=(2e-2, 2e-2) if dtype == np.float16 else TOLERANCE[dtype] if dtype != BF16 else (1e-1, 1e-1))
    for dtype in np.int8, np.uint8, np.int32:
        yield Case("ResizeNearestNeighborGrad", [rng.integers(0, 9, (2, 4, 5, 3)).astype(dtype), np.array([3, 7], "i4")])
