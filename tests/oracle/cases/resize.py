# SPDX-License-Identifier: Apache-2.0
"""resize.py: image resizing and the suppression of overlapping boxes."""

import numpy as np

from case import Close
from onenode import Node, const, i32, numbers, quant


def images(rng):
    plans = [((1, 2, 2, 1), (4, 4)), ((2, 3, 5, 3), (7, 4)), ((1, 4, 4, 2), (2, 2)), ((1, 1, 1, 4), (3, 5)), ((1, 5, 7, 1), (1, 1)), ((1, 3, 3, 8), (3, 3)),
             ((1, 8, 6, 3), (5, 13)), ((1, 2, 3, 17), (6, 6)), ((1, 10, 10, 2), (3, 4)), ((1, 7, 7, 1), (64, 33))]
    for i, (shape, size) in enumerate(plans):
        for align, half in ((False, False), (True, False), (False, True), (True, True)):
            values = {"alignCorners": align, "halfPixelCenters": half}
            mode = f"{i}_{int(align)}{int(half)}"
            if not (align and half):
                node = Node("RESIZE_BILINEAR", "ResizeBilinearOptions", version=4)
                for t in ("float32", "uint8", "int8", "int16"):
                    yield node.case(f"{mode}_{t}", [numbers(rng, t, shape), i32(*size)], [t], values)
            node = Node("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions", version=4)
            for t in ("float32", "uint8", "int8", "int16"):
                yield node.case(f"{mode}_{t}", [numbers(rng, t, shape), i32(*size)], [t], values)
    for op, options in (("RESIZE_BILINEAR", "ResizeBilinearOptions"), ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions")):
        yield Node(op, options).case("dynamic", [numbers(rng, "float32", (1, 3, 4, 2)), np.array([5, 2], np.int32)], ["float32"], {})
        yield Node(op, options, version=2).case("quantized", [quant(numbers(rng, "int8", (1, 3, 4, 2)), 0.5, 3), i32(6, 8)], ["int8"], {}, quant=(0.5, 3))


def suppression(rng):
    for i, n in enumerate((1, 6, 30, 120)):
        for most in (0 if i == 1 else 3, 50):
            for iou, floor in ((0.5, 0.0), (0.1, 0.3), (1.0, -1.0)):
                boxes = rng.uniform(0, 1, (n, 4)).astype(np.float32)
                if i % 2:  # ordered corners, some scores equal
                    boxes[:, 2:] = boxes[:, :2] + rng.uniform(0, 0.5, (n, 2)).astype(np.float32)
                scores = np.round(rng.uniform(0, 1, n), 1 if i % 2 else 4).astype(np.float32)
                name = f"{n}_{most}_{iou}"
                limits = [const(np.int32(most)), const(np.float32(iou)), const(np.float32(floor))]
                if most:  # the oracle cannot give out an empty array
                    yield Node("NON_MAX_SUPPRESSION_V4", "NonMaxSuppressionV4Options").case(name, [boxes, scores] + limits, ["int32", "int32"])
                for sigma in (0.0, 0.5):
                    if most:
                        yield Node("NON_MAX_SUPPRESSION_V5", "NonMaxSuppressionV5Options").case(
                            f"{name}_{sigma}", [boxes, scores] + limits + [const(np.float32(sigma))], ["int32", "float32", "int32"], tol=Close(1e-6, 1e-7))
    boxes = rng.uniform(0, 1, (9, 4)).astype(np.float32)
    limits = [np.array(4, np.int32), np.array(0.4, np.float32), np.array(0.1, np.float32)]
    yield Node("NON_MAX_SUPPRESSION_V4", "NonMaxSuppressionV4Options").case("dynamic", [boxes, rng.uniform(0, 1, 9).astype(np.float32)] + limits, ["int32", "int32"])


def cases(rng):
    yield from images(rng)
    yield from suppression(rng)
