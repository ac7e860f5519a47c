# SPDX-License-Identifier: Apache-2.0
"""Images: resizing, crops, boxes, colours, transforms."""
import ml_dtypes
import numpy as np

from tf_case import Case

NUMBERS = ["u1", "i1", "i2", "u2", "i4", "i8", "f2", ml_dtypes.bfloat16, "f4", "f8"]


def image(rng, dtype, *shape):
    if np.dtype(dtype).kind in "iu":
        return rng.integers(0, 100, shape).astype(dtype)
    return rng.uniform(-1, 1, shape).astype(dtype)


def size(rng, top=9):
    return rng.integers(1, top, 2).astype("i4")


def flags(rng):
    return [{}, {"align_corners": True}, {"half_pixel_centers": True}][rng.integers(3)]


def resizes(rng):
    for op in ("ResizeBilinear", "ResizeBicubic", "ResizeArea", "ResizeNearestNeighbor"):
        for dtype in NUMBERS + ["f4"] * 14:
            a = flags(rng)
            if op == "ResizeArea":
                a.pop("half_pixel_centers", None)
            x = image(rng, dtype, int(rng.integers(0, 3)), *size(rng), int(rng.integers(1, 5)))
            exact = op == "ResizeNearestNeighbor"
            yield Case(op, [x, size(rng, 20)], a, "exact" if exact else (1e-5, 1e-5 * (100 if x.dtype.kind in "iu" else 1)))
        x = np.ones((1, 3, 3, 2), "f4")
        yield Case(op, [x[0], size(rng)])
        yield Case(op, [x, np.array([0, 3], "i4")])
        yield Case(op, [x, np.array([3], "i4")])
        yield Case(op, [x[:, :0], size(rng)])
        yield Case(op, [np.full((1, 2, 2, 1), np.inf, "f4"), np.array([2, 2], "i4")])
    for op in ("ResizeBilinearGrad", "ResizeBicubicGrad"):
        for dtype in ["f4"] * 8 + ["f8"] * 4:
            if dtype == "f8" and op == "ResizeBilinearGrad":
                dtype = "f2"
            small, large = size(rng), size(rng, 14)
            yield Case(op, [image(rng, "f4", 2, *large, 3), image(rng, dtype, 2, *small, 3)], flags(rng),
                       (2e-3, 2e-3) if dtype == "f2" else (1e-5, 1e-5))
    for dtype in ["f4", "f8", "i4", "u1", "i1"] * 3:
        yield Case("ResizeNearestNeighborGrad", [image(rng, dtype, 2, *size(rng), 3), size(rng, 14)], flags(rng), (1e-5, 1e-5))


def crops(rng):
    for i, dtype in enumerate(["u1", "i1", "i2", "u2", "i4", "i8", "f2", "f4", "f8"] + ["f4"] * 8):
        n = int(rng.integers(0, 5))
        x = image(rng, dtype, 3, *size(rng), int(rng.integers(1, 4)))
        boxes, which = rng.uniform(-0.3, 1.3, (n, 4)).astype("f4"), rng.integers(0, 3, n).astype("i4")
        a = {"method": str(rng.choice(["bilinear", "nearest"])), "extrapolation_value": float(rng.integers(0, 3))}
        yield Case("CropAndResize", [x, boxes, which, size(rng)], a, (1e-4, 1e-4))
        y = image(rng, "f4", n, *size(rng), x.shape[3])
        yield Case("CropAndResizeGradBoxes", [y, x, boxes, which], {}, (1e-3, 2e-2))
        t = ["float16", "float32", "float64"][i % 3]
        yield Case("CropAndResizeGradImage", [y, boxes, which, np.array(x.shape, "i4")],
                   {"T": t, "method": a["method"]}, (5e-3, 5e-3) if t == "float16" else (1e-4, 1e-4))
    x, box, one = image(rng, "f4", 2, 3, 3, 1), np.array([[0, 0, 1, 1]], "f4"), np.zeros(1, "i4")
    yield Case("CropAndResize", [x, box, one + 2, size(rng)])
    yield Case("CropAndResize", [x, box, one, size(rng) * 0])
    yield Case("CropAndResize", [x, box * np.nan, one, size(rng)])
    yield Case("CropAndResize", [x, box[0], one, size(rng)])
    for kernel in ["lanczos1", "lanczos3", "lanczos5", "gaussian", "box", "triangle", "keyscubic", "mitchellcubic"]:
        for dtype in ("f4", "u1", "f4"):
            x = image(rng, dtype, 2, *size(rng), 3)
            out = size(rng, 12)
            scale = rng.uniform(0.3, 2.5, 2).astype("f4")
            a = {"kernel_type": kernel, "antialias": bool(rng.integers(2))}
            shift = rng.uniform(-2, 2, 2).astype("f4")
            yield Case("ScaleAndTranslate", [x, out, scale, shift], a, (1e-4, 1e-2 if dtype == "u1" else 1e-4))
            if dtype == "f4":
                yield Case("ScaleAndTranslateGrad", [image(rng, "f4", 2, *out, 3), x, scale, shift], a, (1e-4, 1e-4))
    yield Case("ScaleAndTranslate", [image(rng, "f4", 1, 3, 3, 1), size(rng), np.array([0, 1], "f4"), np.ones(2, "f4")])


def boxes_of(rng, *shape):
    corner, extent = rng.uniform(0, 1, (*shape, 2)), rng.uniform(0, 0.6, (*shape, 2))
    return np.concatenate([corner, corner + extent], -1).astype("f4")


def suppression(rng):
    for i in range(12):
        n = int(rng.integers(0, 30))
        boxes, scores = boxes_of(rng, n), rng.uniform(0, 1, n).astype("f4")
        if i % 3 == 0:
            scores = np.round(scores * 4) / 4
        most, iou, low = np.int32(rng.integers(0, 12)), np.float32(rng.uniform(0.1, 0.9)), np.float32(rng.uniform(0, 0.4))
        yield Case("NonMaxSuppression", [boxes, scores, most], {"iou_threshold": float(iou)})
        yield Case("NonMaxSuppressionV2", [boxes, scores, most, iou])
        yield Case("NonMaxSuppressionV3", [boxes, scores, most, iou, low])
        pad = {"pad_to_max_output_size": bool(i % 2)}
        yield Case("NonMaxSuppressionV4", [boxes, scores, most, iou, low], pad)
        yield Case("NonMaxSuppressionV5", [boxes, scores, most, iou, low, np.float32(rng.choice([0, 0.1, 0.5]))], pad)
        half = [boxes.astype("f2"), scores.astype("f2"), most, iou.astype("f2"), low.astype("f2")]
        yield Case("NonMaxSuppressionV3", half)
        yield Case("NonMaxSuppressionV4", half, pad)
        yield Case("NonMaxSuppressionWithOverlaps", [rng.uniform(0, 1, (n, n)).astype("f4"), scores, most, iou, low])
    for i in range(14):
        b, n, c = int(rng.integers(0, 3)), int(rng.integers(1, 20)), int(rng.integers(1, 4))
        boxes = boxes_of(rng, b, n, 1 if i % 2 else c)
        yield Case("CombinedNonMaxSuppression",
                   [boxes, rng.uniform(0, 1, (b, n, c)).astype("f4"), np.int32(rng.integers(1, 8)),
                    np.int32(rng.integers(1, 20)), np.float32(0.4), np.float32(rng.uniform(0, 0.5))],
                   {"pad_per_class": bool(rng.integers(2)), "clip_boxes": bool(rng.integers(2))})
    boxes, scores = boxes_of(rng, 4), np.ones(4, "f4")
    yield Case("NonMaxSuppressionV3", [boxes, scores, np.int32(-1), np.float32(0.5), np.float32(0)])
    yield Case("NonMaxSuppressionV3", [boxes, scores, np.int32(3), np.float32(1.5), np.float32(0)])
    yield Case("NonMaxSuppressionV3", [boxes, scores[:3], np.int32(3), np.float32(0.5), np.float32(0)])
    yield Case("NonMaxSuppressionV3", [boxes[:, :3], scores, np.int32(3), np.float32(0.5), np.float32(0)])


def colors(rng):
    for i in range(12):
        dtype = ["f4", "f8", "f4", "f2"][i % 4]
        x = rng.uniform(0, 1, (*size(rng, 5), 3)).astype(dtype)
        if i % 3 == 0:
            x = np.round(x * 2) / 2
        loose = (2e-2, 5e-3) if dtype == "f2" else (1e-5, 1e-5)
        yield Case("RGBToHSV", [x], {}, loose)
        yield Case("HSVToRGB", [x], {}, loose)
        y = x.astype("f2" if dtype == "f2" else "f4")
        loose = (2e-2, 5e-3) if dtype == "f2" else (1e-4, 1e-5)
        yield Case("AdjustHue", [y, np.float32(rng.uniform(-1, 1))], {}, loose)
        yield Case("AdjustSaturation", [y, np.float32(rng.uniform(0, 3))], {}, loose)
        yield Case("AdjustContrastv2", [y[None] if i % 2 else y, np.float32(rng.uniform(-1, 3))], {}, loose)
        depth = [1, 3, 4][i % 3]
        z = image(rng, y.dtype, 2, 9, 11, depth)
        boxes = rng.uniform(-0.2, 1.2, (2, int(rng.integers(0, 14)), 4)).astype("f4")
        yield Case("DrawBoundingBoxes", [z, boxes])
        yield Case("DrawBoundingBoxesV2", [z, boxes, rng.uniform(0, 1, (int(rng.integers(1, 4)), depth)).astype("f4")])
    for dtype in ["u1", "i4", "i8", "f2", "f4", "f8"] * 4:
        x = image(rng, dtype, 2, *size(rng), 2)
        t = np.array([1, 0, 0, 0, 1, 0, 0, 0]) + rng.uniform(-0.3, 0.3, (int(rng.integers(1, 3)), 8)) * [1, 1, 9, 1, 1, 9, .1, .1]
        a = {"interpolation": str(rng.choice(["NEAREST", "BILINEAR"])),
             "fill_mode": str(rng.choice(["CONSTANT", "REFLECT", "WRAP", "NEAREST"]))}
        whole = x.dtype.kind in "iu"
        loose = (1e-2, 1.01 if whole else 1e-3)
        check = None
        if whole and a["interpolation"] == "BILINEAR":
            check = lambda want, got, inputs: "" if np.abs(want[0].astype("f8") - got[0]).max(initial=0) <= 1 else "differs"
        yield Case("ImageProjectiveTransformV2", [x, t.astype("f4"), size(rng)], a, loose, check)
        yield Case("ImageProjectiveTransformV3", [x, t.astype("f4"), size(rng), np.float32(3)], a, loose, check)
    for i in range(14):
        x = image(rng, "f4", 2, *size(rng), 2)
        a = {"centered": bool(i & 1), "normalized": bool(i & 2), "uniform_noise": False, "noise": "zero"}
        offsets = rng.uniform(-1, 1, (2, 2)) * (1 if i & 2 else 6)
        for op in ("ExtractGlimpse", "ExtractGlimpseV2"):
            yield Case(op, [x, size(rng), offsets.astype("f4")], a)
    yield Case("RGBToHSV", [np.ones((2, 2), "f4")])
    yield Case("AdjustHue", [np.ones((2, 3), "f4"), np.float32(1)])


def samples(rng):
    for i in range(14):
        size = np.array([rng.integers(1, 200), rng.integers(1, 200), 3], ["i4", "i8"][i % 2])
        corner = rng.uniform(0, 0.6, (1, int(rng.integers(0, 4)), 2))
        boxes = np.concatenate([corner, corner + rng.uniform(0, 0.4, corner.shape)], -1).astype("f4")
        a = {"use_image_if_no_bounding_boxes": True, "max_attempts": int(rng.integers(1, 100)),
             "area_range": [float(rng.uniform(0.01, 0.5)), 1.0], "aspect_ratio_range": [0.5, float(rng.uniform(0.6, 2))]}
        seeds = {"seed": int(rng.integers(1, 99)), "seed2": i}
        covered = np.float32(rng.uniform(0, 0.9))
        yield Case("SampleDistortedBoundingBox", [size, boxes], {**a, **seeds, "min_object_covered": float(covered)})
        yield Case("SampleDistortedBoundingBoxV2", [size, boxes, covered], {**a, **seeds})
        yield Case("StatelessSampleDistortedBoundingBox", [size, boxes, covered, rng.integers(0, 2**40, 2)], a)
    yield Case("SampleDistortedBoundingBoxV2", [size, boxes[:, :0], covered], seeds)
    yield Case("SampleDistortedBoundingBoxV2", [size, boxes + 2, covered], seeds)


def cases(rng):
    yield from samples(rng)
    yield from resizes(rng)
    yield from crops(rng)
    yield from suppression(rng)
    yield from colors(rng)
