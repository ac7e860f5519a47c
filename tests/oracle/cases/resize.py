# SPDX-License-Identifier: Apache-2.0
"""resize.py: image resizing and the suppression of overlapping boxes."""

import numpy as np

from case import Close
from onenode import Node, const, i32, numbers, quant


DIFFERS = {
    "RESIZE_BILINEAR": "Where the rounded scale of the int8 and int16 forms leads beyond the last row or column, that one counts; the reference reads "
                       "what lies behind the image.",
}


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


def more_images(rng):
    """Rows and columns of one pixel, sizes that differ much or not at all, odd depths."""
    plans = [((1, 1, 9, 1), (1, 4)), ((1, 9, 1, 2), (17, 1)), ((1, 1, 1, 1), (1, 1)), ((1, 1, 2, 33), (1, 64)), ((3, 33, 2, 1), (32, 3)), ((1, 64, 1, 5), (1, 1)),
             ((1, 2, 64, 3), (64, 63)), ((2, 5, 5, 15), (5, 5)), ((1, 31, 3, 7), (7, 31)), ((1, 2, 2, 3), (100, 1))]
    for i, (shape, size) in enumerate(plans):
        for align, half in ((False, False), (True, False), (False, True), (True, True)):
            values = {"alignCorners": align, "halfPixelCenters": half}
            mode = f"more_{i}_{int(align)}{int(half)}"
            types = ("float32", "uint8", "int8", "int16")
            given = np.array(size, np.int32)
            if not (align and half):
                for j, t in enumerate(types):
                    node = Node("RESIZE_BILINEAR", "ResizeBilinearOptions", version=4)
                    yield node.case(f"{mode}_{t}", [numbers(rng, t, shape), given if (i + j) % 3 == 0 else const(given)], [t], values)
            node = Node("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions", version=4)
            for t in ("float32", ("int8", "uint8", "int16")[i % 3]):
                yield node.case(f"{mode}_{t}", [numbers(rng, t, shape), given if i % 3 else const(given)], [t], values)
    x = np.array([[[[np.nan], [1]], [[np.inf], [-np.inf]]]], np.float32)
    limits = np.array([[[[-128], [127]], [[127], [-128]]]], np.int8)
    for op, options in (("RESIZE_BILINEAR", "ResizeBilinearOptions"), ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions")):
        yield Node(op, options).case("infinite", [x, i32(3, 3)], ["float32"], {})
        for t in ("int8", "uint8", "int16"):
            values = limits if t == "int8" else (limits.astype(np.int16) + 128).astype(np.uint8) if t == "uint8" else limits.astype(np.int16) * 257
            yield Node(op, options, version=4).case(f"limits_{t}", [values, i32(7, 5)], [t], {"halfPixelCenters": True})
        yield Node(op, options).case("other_dtype", [numbers(rng, "float32", (1, 2, 2, 1)), i32(3, 3)], ["int8"], {})
        yield Node(op, options).case("constant", [const(numbers(rng, "float32", (1, 2, 3, 1))), i32(3, 5)], ["float32"], {})


def more_suppression(rng):
    """Boxes without an area, equal boxes and scores, limits that are not constant, wide and narrow sigmas."""
    boxes = rng.uniform(-1, 1, (24, 4)).astype(np.float32)
    boxes[3, 2:] = boxes[3, :2]
    boxes[5, 3] = boxes[5, 1]
    boxes[8:12] = boxes[7]
    boxes[12] = boxes[7][[2, 3, 0, 1]]  # corners the other way round
    scores = np.round(rng.uniform(-1, 1, 24), 1).astype(np.float32)
    floats = [("v4", None), ("soft_0", 0.0), ("soft_1", 0.1), ("soft_2", 3.0), ("soft_3", 1e-3), ("soft_4", 100.0)]
    for i, (most, iou, floor) in enumerate([(5, 0.5, -np.inf), (24, 0.3, 0.0), (30, 0.7, -0.5), (1, 0.01, -1.0), (10, 0.0, 0.2), (3, 0.5, 2.0)]):
        for name, sigma in floats:
            values = [np.array(most, np.int32), np.float32(iou), np.float32(floor)] + ([] if sigma is None else [np.float32(sigma)])
            values = [np.asarray(v) if i % 2 else const(v) for v in values]
            v5 = sigma is not None
            yield Node("NON_MAX_SUPPRESSION_V5" if v5 else "NON_MAX_SUPPRESSION_V4", "NonMaxSuppressionV5Options" if v5 else "NonMaxSuppressionV4Options").case(
                f"more_{i}_{name}", [boxes, scores] + values, ["int32", "float32", "int32"] if v5 else ["int32", "int32"], tol=Close(1e-6, 1e-7))
    limits = [const(np.int32(2)), const(np.float32(0.5)), const(np.float32(0))]
    yield Node("NON_MAX_SUPPRESSION_V4", "NonMaxSuppressionV4Options").case("other_dtypes", [boxes, scores] + limits, ["float32", "int64"])


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
    yield from more_images(rng)
    yield from more_suppression(rng)
