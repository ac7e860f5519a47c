# SPDX-License-Identifier: Apache-2.0
"""tf.image functions that are more than one op."""

from __future__ import annotations

import numpy as np

from . import _ops
from ._convert import cast
from ._dtypes import as_dtype
from ._functions import reduce_mean, reduce_sum, saturate_cast, tensor
from ._functions import transpose as _transpose

_apply = _ops.apply


class ResizeMethod:
    BILINEAR, NEAREST_NEIGHBOR, BICUBIC, AREA = "bilinear", "nearest", "bicubic", "area"
    LANCZOS3, LANCZOS5, GAUSSIAN, MITCHELLCUBIC = "lanczos3", "lanczos5", "gaussian", "mitchellcubic"


def _batched(image):
    x = tensor(image)
    if x.shape.rank == 3:
        return _apply("ExpandDims", [x, 0]), True
    if x.shape.rank != 4:
        raise ValueError("'images' must have either 3 or 4 dimensions.")
    return x, False


def _back(x, single):
    return _apply("Squeeze", [x], {"squeeze_dims": [0]}) if single else x


def resize(images, size, method="bilinear", preserve_aspect_ratio=False, antialias=False, name=None):
    x, single = _batched(images)
    height, width = (int(s) for s in tensor(size, "int32").numpy())
    rows, columns = x.shape[1], x.shape[2]
    if preserve_aspect_ratio:
        scale = min(height / rows, width / columns)
        height, width = int(round(scale * rows)), int(round(scale * columns))
    if (height, width) == (rows, columns) and method == "nearest":
        return _back(x, single)
    dims = tensor(np.array([height, width], np.int32))
    kernels = {"bilinear": "triangle", "bicubic": "keyscubic", "lanczos3": "lanczos3", "lanczos5": "lanczos5",
               "gaussian": "gaussian", "mitchellcubic": "mitchellcubic"}
    if method == "nearest":
        out = _apply("ResizeNearestNeighbor", [x, dims], {"half_pixel_centers": True})
    elif method == "area":
        out = _apply("ResizeArea", [x, dims])
    elif method not in kernels:
        raise ValueError(f"Resize method {method} is not implemented.")
    elif method in ("bilinear", "bicubic") and not antialias:
        out = _apply({"bilinear": "ResizeBilinear", "bicubic": "ResizeBicubic"}[method], [x, dims],
                     {"half_pixel_centers": True})
    else:
        factors = tensor(np.array([height, width], np.float32) / np.array([rows, columns], np.float32))
        out = _apply("ScaleAndTranslate", [x, dims, factors, tensor(np.zeros(2, np.float32))],
                     {"kernel_type": kernels[method], "antialias": antialias})
    return _back(out, single)


def rgb_to_grayscale(images, name=None):
    x = tensor(images)
    y = convert_image_dtype(x, "float32")
    weights = tensor(np.array([0.2989, 0.587, 0.114], np.float32))
    gray = _apply("ExpandDims", [reduce_sum(y * weights, -1), -1])
    return convert_image_dtype(gray, x.dtype)


def grayscale_to_rgb(images, name=None):
    x = tensor(images)
    return _apply("Tile", [x, np.array([1] * (x.shape.rank - 1) + [3], np.int32)])


def _flip(axis):
    def function(image):
        x = tensor(image)
        return _apply("ReverseV2", [x, [axis + x.shape.rank - 3]])

    return function


flip_left_right, flip_up_down = _flip(1), _flip(0)


def transpose(image, name=None):
    x = tensor(image)
    return _transpose(x, [1, 0, 2] if x.shape.rank == 3 else [0, 2, 1, 3])


def rot90(image, k=1, name=None):
    x = tensor(image)
    for _ in range(int(k) % 4):
        x = flip_up_down(transpose(x))
    return x


def convert_image_dtype(image, dtype, saturate=False, name=None):
    x, dtype = tensor(image), as_dtype(dtype)
    if x.dtype == dtype:
        return x
    if x.dtype.is_integer and dtype.is_integer:
        high_in, high_out = x.dtype.max, dtype.max
        if high_in > high_out:
            scaled = _apply("FloorDiv", [x, tensor((high_in + 1) // (high_out + 1), x.dtype)])
            return saturate_cast(scaled, dtype) if saturate else cast(scaled, dtype)
        y = saturate_cast(x, dtype) if saturate else cast(x, dtype)
        return y * tensor((high_out + 1) // (high_in + 1), dtype)
    if x.dtype.is_floating and dtype.is_floating:
        return cast(x, dtype)
    if x.dtype.is_integer:
        return cast(x, dtype) * tensor(1.0 / x.dtype.max, dtype)
    scaled = x * tensor(dtype.max + 0.5, x.dtype)
    return saturate_cast(scaled, dtype) if saturate else cast(scaled, dtype)


def _as_float(image):
    x = tensor(image)
    return x, (x if x.dtype.is_floating else convert_image_dtype(x, "float32"))


def adjust_brightness(image, delta):
    x, y = _as_float(image)
    return convert_image_dtype(y + tensor(delta, y.dtype), x.dtype, saturate=True)


def adjust_contrast(images, contrast_factor):
    x, y = _as_float(images)
    out = _apply("AdjustContrastv2", [y, tensor(contrast_factor, "float32")])
    return convert_image_dtype(out, x.dtype, saturate=True)


def adjust_hue(image, delta, name=None):
    x, y = _as_float(image)
    return convert_image_dtype(_apply("AdjustHue", [y, tensor(delta, "float32")]), x.dtype)


def adjust_saturation(image, saturation_factor, name=None):
    x, y = _as_float(image)
    return convert_image_dtype(_apply("AdjustSaturation", [y, tensor(saturation_factor, "float32")]), x.dtype)


def adjust_gamma(image, gamma=1, gain=1):
    x, y = _as_float(image)
    return convert_image_dtype(gain * _apply("Pow", [y, tensor(float(gamma), y.dtype)]), x.dtype, saturate=True)


def per_image_standardization(image):
    x = tensor(image)
    x = cast(x, "float32") if not x.dtype.is_floating else x
    n = int(np.prod(x.shape.as_list()[-3:]))
    mean = reduce_mean(x, [-1, -2, -3], True)
    from ._functions import reduce_std

    deviation = reduce_std(x, [-1, -2, -3], True)
    return (x - mean) / _apply("Maximum", [deviation, tensor(1 / np.sqrt(n), x.dtype)])


def crop_to_bounding_box(image, offset_height, offset_width, target_height, target_width):
    x, single = _batched(image)
    return _back(x[:, offset_height:offset_height + target_height, offset_width:offset_width + target_width], single)


def pad_to_bounding_box(image, offset_height, offset_width, target_height, target_width):
    x, single = _batched(image)
    below = target_height - offset_height - x.shape[1]
    right = target_width - offset_width - x.shape[2]
    if below < 0 or right < 0 or offset_height < 0 or offset_width < 0:
        raise ValueError("height and width must be <= target - offset")
    pads = np.array([[0, 0], [offset_height, below], [offset_width, right], [0, 0]], np.int32)
    return _back(_apply("Pad", [x, pads]), single)


def central_crop(image, central_fraction):
    x, single = _batched(image)
    if not 0.0 < central_fraction <= 1.0:
        raise ValueError("central_fraction must be within (0, 1]")
    if central_fraction == 1.0:
        return _back(x, single)
    rows, columns = x.shape[1], x.shape[2]
    top, left = (int((n - n * central_fraction) / 2) for n in (rows, columns))
    return _back(x[:, top:rows - top, left:columns - left], single)


def resize_with_crop_or_pad(image, target_height, target_width):
    x, single = _batched(image)
    rows, columns = x.shape[1], x.shape[2]
    dh, dw = target_height - rows, target_width - columns
    x = crop_to_bounding_box(x, max(-dh // 2, 0), max(-dw // 2, 0), min(target_height, rows), min(target_width, columns))
    x = pad_to_bounding_box(x, max(dh // 2, 0), max(dw // 2, 0), target_height, target_width)
    return _back(x, single)


def resize_with_pad(image, target_height, target_width, method="bilinear", antialias=False):
    x, single = _batched(image)
    rows, columns = x.shape[1], x.shape[2]
    ratio = max(columns / target_width, rows / target_height)
    height, width = int(np.floor(rows / ratio)), int(np.floor(columns / ratio))
    x = resize(x, [height, width], method, antialias=antialias)
    top, left = max(0, int(np.floor((target_height - rows / ratio) / 2))), max(
        0, int(np.floor((target_width - columns / ratio) / 2)))
    return _back(pad_to_bounding_box(x, top, left, target_height, target_width), single)


def crop_and_resize(image, boxes, box_indices, crop_size, method="bilinear", extrapolation_value=0.0, name=None):
    return _apply("CropAndResize", [image, boxes, box_indices, crop_size],
                  {"method": method, "extrapolation_value": extrapolation_value}, name)


def non_max_suppression(boxes, scores, max_output_size, iou_threshold=0.5, score_threshold=float("-inf"), name=None):
    return _apply("NonMaxSuppressionV3", [boxes, scores, max_output_size, iou_threshold, score_threshold], None, name)


def non_max_suppression_with_scores(boxes, scores, max_output_size, iou_threshold=0.5,
                                    score_threshold=float("-inf"), soft_nms_sigma=0.0, name=None):
    out = _apply("NonMaxSuppressionV5", [boxes, scores, max_output_size, iou_threshold, score_threshold,
                                         soft_nms_sigma], {"pad_to_max_output_size": False}, name)
    return out[0], out[1]


def combined_non_max_suppression(boxes, scores, max_output_size_per_class, max_total_size, iou_threshold=0.5,
                                 score_threshold=float("-inf"), pad_per_class=False, clip_boxes=True, name=None):
    return _ops.structured(_ops.signature("CombinedNonMaxSuppression"))(_apply(
        "CombinedNonMaxSuppression", [boxes, scores, max_output_size_per_class, max_total_size, iou_threshold,
                                      score_threshold], {"pad_per_class": pad_per_class, "clip_boxes": clip_boxes}))


def total_variation(images, name=None):
    x = tensor(images)
    down, right = (x[..., 1:, :, :] - x[..., :-1, :, :]), (x[..., :, 1:, :] - x[..., :, :-1, :])
    axis = [0, 1, 2] if x.shape.rank == 3 else [1, 2, 3]
    return reduce_sum(abs(down), axis) + reduce_sum(abs(right), axis)


def psnr(a, b, max_val, name=None):
    top = convert_image_dtype(tensor(max_val, tensor(a).dtype), "float32")
    a, b = convert_image_dtype(a, "float32"), convert_image_dtype(b, "float32")
    error = reduce_mean(_apply("SquaredDifference", [a, b]), [-3, -2, -1])
    ten = float(np.log(10.0))
    return 20 * _apply("Log", [top]) / ten - np.float32(10 / np.log(10)) * _apply("Log", [error])


def image_gradients(image):
    x = tensor(image)
    down, right = x[:, 1:] - x[:, :-1], x[:, :, 1:] - x[:, :, :-1]
    pad = lambda t, p: _apply("Pad", [t, np.array(p, np.int32)])  # noqa: E731
    return (pad(down, [[0, 0], [0, 1], [0, 0], [0, 0]]), pad(right, [[0, 0], [0, 0], [0, 1], [0, 0]]))


def sobel_edges(image):
    x = tensor(image)
    kernels = np.array([[[-1, -2, -1], [0, 0, 0], [1, 2, 1]], [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]], np.float32)
    depth = x.shape[-1]
    filters = np.tile(np.transpose(kernels, (1, 2, 0))[:, :, None], (1, 1, depth, 1))
    padded = _apply("MirrorPad", [x, [[0, 0], [1, 1], [1, 1], [0, 0]]], {"mode": "REFLECT"})
    out = _apply("DepthwiseConv2dNative", [padded, filters], {"strides": [1, 1, 1, 1], "padding": "VALID"})
    return _apply("Reshape", [out, np.array([*x.shape.as_list(), 2], np.int32)])


def extract_patches(images, sizes, strides, rates, padding, name=None):
    return _apply("ExtractImagePatches", [images], {"ksizes": list(sizes), "strides": list(strides),
                                                    "rates": list(rates), "padding": padding}, name)


def decode_image(contents, channels=None, dtype="uint8", name=None, expand_animations=True):
    return _apply("DecodeImage", [contents], {"channels": channels or 0, "dtype": as_dtype(dtype),
                                              "expand_animations": expand_animations}, name)


def is_jpeg(contents, name=None):
    return _apply("Substr", [contents, 0, 3]) == tensor(b"\xff\xd8\xff")


