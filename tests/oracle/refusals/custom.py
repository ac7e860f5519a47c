# SPDX-License-Identifier: Apache-2.0
"""custom.py: what custom ops must refuse. Bad options are found when the file is opened: the node counts as not
supported, and running it says why."""

import struct

import numpy as np

from modelgen import flex
from onenode import Node, const

custom = Node("CUSTOM")
NO_RESOLVER = "no resolver of the wheels has this op"
ROWS = {"tftext:WhitespaceTokenizer": "TFTEXT_WHITESPACE_TOKENIZER", "tftext:Ngrams": "TFTEXT_NGRAMS", "AudioSpectrogram": "AUDIO_SPECTROGRAM", "Mfcc": "MFCC", "MaxPoolingWithArgmax2D": "MAX_POOLING_WITH_ARGMAX_2D", "MaxUnpooling2D":
        "MAX_UNPOOLING_2D", "MaxPoolWithArgmax": "MAX_POOL_WITH_ARGMAX", "Convolution2DTransposeBias": "CONVOLUTION_2D_TRANSPOSE_BIAS",
        "CTCBeamSearchDecoder": "CTC_BEAM_SEARCH_DECODER_INT32", "DenseImageWarp": "DENSE_IMAGE_WARP", "Resampler": "RESAMPLER", "TransformLandmarks": "TRANSFORM_LANDMARKS",
        "TransformTensorBilinear": "TRANSFORM_TENSOR_BILINEAR", "Landmarks2TransformMatrix": "LANDMARKS_TO_TRANSFORM_MATRIX"}


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


def pool_options(padding=1, stride=(2, 2), window=(2, 2), act=0):
    return struct.pack("<10i", padding, stride[1], stride[0], window[1], window[0], act, 0, 0, 0, 0)


def audio():
    def spectrogram(window=8, stride=2):
        return "AudioSpectrogram", flex({"window_size": window, "stride": stride, "magnitude_squared": True})

    def mfcc(**kwargs):
        return "Mfcc", flex({"upper_frequency_limit": 4000, "lower_frequency_limit": 20, "filterbank_channel_count": 40,
                             "dct_coefficient_count": 13, **kwargs})

    rate = np.array(8000, np.int32)
    for window, stride in ((1, 2), (8, 0)):
        yield f"spectrogram_{window}_{stride}", [zeros(20, 1)], 1, spectrogram(window, stride), "allocate", (
            f"expected a window of 2 to 2^24 and a stride of 1 or more, found {window} and {stride}")
    yield "mfcc_limits", [zeros(1, 1, 129), rate], 1, mfcc(upper_frequency_limit=10), "allocate", (
        "expected one channel and coefficient or more and a lower limit below the upper, found 40, 13, 20 and 10")
    yield "mfcc_rates", [zeros(1, 1, 129), np.zeros(2, np.int32)], 1, mfcc(), "allocate", "expected one sample rate, found 'x1' int32 (2,)"
    yield "mfcc_coefficients", [zeros(1, 1, 129), rate], 1, mfcc(dct_coefficient_count=41), "allocate", (
        "expected at most 40 coefficients (channels), found 41")
    yield "mfcc_rate", [zeros(1, 1, 129), np.array(0, np.int32)], 1, mfcc(), "invoke", (
        "expected a sample rate above 0 and a spectrum of at least 2 bins, found a rate of 0 and 129 bins")


def pools():
    image = zeros(1, 4, 4, 2)
    for op, inputs, outputs in (("MaxPoolingWithArgmax2D", [image], 2), ("MaxUnpooling2D", [image, image], 1)):
        yield f"{op}_short", inputs, outputs, (op, b"\1\0\0\0"), "allocate", "expected options of at least 24 bytes, found 4"
        yield f"{op}_padding", inputs, outputs, (op, pool_options(0)), "allocate", "expected padding 1 (SAME) or 2 (VALID), found 0"
    good = {"padding": "SAME", "ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "include_batch_in_index": False}
    for name, change, words in (
            ("ksize", {"ksize": [2, 2]}, "expected an option 'ksize' of the form [1, height, width, 1], found another"),
            ("strides", {"strides": [1, 2, 2, 2]}, "expected an option 'strides' of the form [1, height, width, 1], found another"),
            ("padding", {"padding": "EXPLICIT"}, "expected an option 'padding' that is SAME or VALID, found 'EXPLICIT'"),
            ("batch", {"include_batch_in_index": True}, "expected places that do not count the batch, found include_batch_in_index set")):
        yield f"image_{name}", [image], 2, ("MaxPoolWithArgmax", flex({**good, **change})), "allocate", words
    yield "image_large", [zeros(0, 1 << 14, 1 << 14, 9)], 2, ("MaxPoolWithArgmax", flex(good)), "allocate", (
        "expected an image of at most 2^31 - 1 elements, found 16384x16384x9")
    yield "unpool_shapes", [image, zeros(1, 4, 4, 1)], 1, ("MaxUnpooling2D", pool_options()), "allocate", (
        "expected as many places as values, found 'x1' float32 (1, 4, 4, 1) and 'x0' float32 (1, 4, 4, 2)")
    yield "unpool_window", [image, image], 1, ("MaxUnpooling2D", pool_options(window=(0, 2))), "allocate", (
        "expected a stride and a window of 1 and more, found 2x2 and 0x2")
    yield "unpool_places", [image, np.full((1, 4, 4, 2), 128, np.int32)], 1, ("MaxUnpooling2D", pool_options()), "invoke", (
        "expected places in an image of 128 elements, found 128")


def images():
    image = zeros(1, 4, 4, 2)
    for op in ("DenseImageWarp", "Resampler"):
        yield f"{op}_flow", [image, image[..., :1]], 1, (op, b""), "allocate", (
            "expected two numbers for each pixel of the image, found 'x1' float32 (1, 4, 4, 1) for 'x0' float32 (1, 4, 4, 2)")
    yield "warp_small", [zeros(1, 1, 4, 2), zeros(1, 1, 4, 2)], 1, ("DenseImageWarp", b""), "allocate", (
        "expected an image of at least 2x2 pixels, found 1x4")
    op, weights, bias = "Convolution2DTransposeBias", zeros(3, 2, 2, 2), zeros(3)
    yield "transpose_short", [image, weights, bias], 1, (op, b"1234"), "allocate", "expected options of at least 12 bytes, found 4"
    yield "transpose_stride", [image, weights, bias], 1, (op, pool_options(stride=(0, 1))), "allocate", (
        "expected strides from 1 to 32767, found 0x1")
    yield "transpose_large", [zeros(0, 70000, 1, 2), weights, bias], 1, (op, pool_options(stride=(32767, 1))), "allocate", (
        "expected an output of at most 2^31 - 1 lines and columns, found 2293657235x1")


    beam = flex({"beam_width": 2, "top_paths": 1, "merge_repeated": True})
    yield "ctc_outputs", [zeros(5, 2, 4), np.zeros(2, np.int32)], 5, ("CTCBeamSearchDecoder", beam), "allocate", (
        "expected one path or more, a beam as wide, and 3 outputs for each path and one, found 1 paths, a beam of 2 and 5 outputs")


def landmarks():
    matrix, points = zeros(1, 4, 4), zeros(1, 5, 3)
    yield "version", [points, matrix], 1, ("TransformLandmarks", b""), "allocate", "expected version 1 or 2, found 3", 3
    yield "matrix_small", [points, zeros(7)], 1, ("TransformLandmarks", b""), "allocate", "expected a matrix of 4x4, found 'x1' float32 (7,)", 2
    yield "scale", [zeros(1, 1, 1, 6), matrix], 1, ("TransformLandmarks", flex({"scale": 0.0})), "allocate", "expected a scale other than 0, found 0", 1
    yield "numbers", [zeros(1, 5, 4), matrix], 1, ("TransformLandmarks", b""), "allocate", (
        "expected landmarks of 2 or 3 numbers each, found 4 numbers, 4 for each"), 2
    op, image = "TransformTensorBilinear", zeros(1, 4, 4, 2)
    yield "mode", [image, matrix], 1, (op, flex({"output_size": [2, 2], "mode": "nearest"})), "allocate", (
        "expected the mode bilinear, found 'nearest'"), 1
    yield "size", [image, matrix], 1, (op, flex({"output_height": 2})), "allocate", "expected an output size of 1x1 or more, found 2x0", 2
    yield "images", [zeros(2, 4, 4, 2), matrix], 1, (op, flex({"output_height": 2, "output_width": 2})), "allocate", (
        "expected one image, found 'x0' float32 (2, 4, 4, 2)"), 2
    op = "Landmarks2TransformMatrix"
    one = {"left_rotation_idx": 0, "right_rotation_idx": 1, "dimensions": 3, "landmarks_range": 192, "bbox_size_multiplier": 1.25,
           "input_hw": [8, 8], "output_hw": [4, 4], "subset": [0, 1]}
    two = {"left_rotation_idx": 0, "right_rotation_idx": 1, "target_rotation_radians": 0.0, "output_height": 4, "output_width": 4,
           "scale_x": 1.0, "scale_y": 1.0, "subset_idxs": [0, 1]}
    flat = zeros(1, 1, 1, 15)
    yield "input_hw", [flat], 1, (op, flex({**one, "input_hw": [0, 8]})), "allocate", (
        "expected an option 'input_hw' of two numbers above 0, found 0 and 8"), 1
    yield "range", [flat], 1, (op, flex({**one, "landmarks_range": 0})), "allocate", (
        "expected 3 dimensions, a landmarks_range above 0 and a bbox_size_multiplier other than 0, found 3, 0 and 1.25"), 1
    yield "output", [points], 1, (op, flex({**two, "scale_y": 0.0})), "allocate", (
        "expected an output size and scales above 0, found 4x4 and 1, 0"), 2
    yield "subset", [points], 1, (op, flex({**two, "subset_idxs": []})), "allocate", "expected landmarks that the crop is around, found none", 2
    yield "index", [points], 1, (op, flex({**two, "subset_idxs": [0, 5]})), "allocate", (
        "expected indices of 5 landmarks of 3 numbers, found 5"), 2


def text(rng):
    """Outputs that are no floats, so refusals are made here."""
    strings, splits = np.array([b"a", b"b"], object), np.array([0, 2], np.int64)
    options = {"width": 2, "axis": -1, "reduction_type": "STRING_JOIN", "string_separator": " "}
    token, ngrams = ("tftext:WhitespaceTokenizer", b""), ("tftext:Ngrams", flex(options))
    yield custom.refusal("tokens_outputs", [strings], ["string", "int64", "int64"],
                         "expected row splits for each of 1 dimensions, found 2 outputs of them", custom=token)
    words = "expected the reduction STRING_JOIN of axis -1 and a width of 1 or more, found others (axis %d, width %d)"
    for i, (change, axis, width) in enumerate((({"width": 0}, -1, 0), ({"axis": 0}, 0, 2), ({"reduction_type": "SUM"}, -1, 2))):
        yield custom.refusal(f"ngrams_options_{i}", [strings], ["string"], words % (axis, width),
                             custom=("tftext:Ngrams", flex({**options, **change})))
    yield custom.refusal("ngrams_outputs", [strings, splits], ["string"], "expected as many outputs as inputs, found 1 and 2", custom=ngrams)
    for i, (bad, value, at) in enumerate((([0, 3], 3, 1), ([-1, 2], -1, 0), ([0, 2, 1], 1, 2))):
        yield custom.refusal(f"ngrams_splits_{i}", [strings, np.array(bad, np.int64)], ["string", "int64"],
                             f"expected row splits that ascend from 0 up to 2 values, found {value} at position {at}", when="invoke",
                             custom=ngrams)


def refusals(rng):
    for refusal in text(rng):
        refusal.op, refusal.name = ROWS[refusal.op], refusal.name.removeprefix("custom_")
        yield refusal
    for family in (audio, pools, images, landmarks):
        for name, inputs, n_outputs, options, when, words, *version in family():
            refusal = custom.refusal(name, inputs, ["float32"] * n_outputs, words, when=when, custom=options, version=version[0] if version else 1)
            refusal.op = ROWS[options[0]]
            refusal.name = refusal.name.removeprefix("custom_")
            yield refusal
