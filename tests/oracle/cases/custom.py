# SPDX-License-Identifier: Apache-2.0
"""custom.py: custom ops: Mfcc and AudioSpectrogram beside the reference kernels; those of MediaPipe and of TFLite's
perception kernels, which no resolver of a Python wheel has, by themselves (tests/python/test_custom_formulas.py has what
they must compute)."""

import struct

import numpy as np

from case import Close
from modelgen import flex
from onenode import Node, numbers, words

SPECTRUM = Close(2e-5, 1e-5)
custom = Node("CUSTOM")


def pool_options(same, stride, window, act=0):
    """The bytes of TfLitePoolParams: strides and windows as (height, width)."""
    return struct.pack("<10i", 1 if same else 2, stride[1], stride[0], window[1], window[0], act, 0, 0, 0, 0)


def audio(rng):
    for i, (samples, channels, window, stride) in enumerate([(100, 1, 16, 4), (100, 2, 20, 7), (64, 3, 64, 64), (63, 1, 64, 1), (5, 1, 2, 1),
                                                             (3, 2, 3, 5), (640, 1, 480, 160), (0, 1, 8, 2), (50, 0, 8, 2), (17, 1, 17, 1)]):
        for squared in (False, True):
            x = numbers(rng, "float32", (samples, channels))
            yield custom.case(f"spectrogram_{i}_{squared}", [x], ["float32"], tol=SPECTRUM,
                              custom=("AudioSpectrogram", flex({"window_size": window, "stride": stride, "magnitude_squared": squared})))
    for i, special in enumerate((np.nan, 1e30, 1e-30)):
        x = numbers(rng, "float32", (40, 1))
        x[11] = special
        yield custom.case(f"spectrogram_special_{i}", [x], ["float32"], tol=SPECTRUM,
                          custom=("AudioSpectrogram", flex({"window_size": 16, "stride": 8, "magnitude_squared": bool(i % 2)})))


def mfcc(rng):
    def options(**kwargs):
        return flex({"upper_frequency_limit": 4000, "lower_frequency_limit": 20, "filterbank_channel_count": 40, "dct_coefficient_count": 13, **kwargs})

    shapes = [(1, 3, 129), (2, 5, 257), (1, 1, 65), (3, 0, 129), (0, 2, 129), (1, 2, 513), (1, 1, 9), (1, 2, 2)]
    kinds = [{}, {"upper_frequency_limit": 8000.0, "lower_frequency_limit": 50.9}, {"filterbank_channel_count": 13}, {"dct_coefficient_count": 1},
             {"filterbank_channel_count": 1, "dct_coefficient_count": 1}, {"lower_frequency_limit": 0}, {"dct_coefficient_count": 40}]
    for i, shape in enumerate(shapes):
        for k, kind in enumerate(kinds if i < 3 else kinds[:2]):
            x = np.square(numbers(rng, "float32", shape))
            rate = np.array([16000 if i % 2 else 8000], np.int32).reshape([(), (1,), (1, 1)][i % 3])
            yield custom.case(f"mfcc_{i}_{k}", [x, rate], ["float32"], tol=SPECTRUM, custom=("Mfcc", options(**kind)))
    for i, special in enumerate((np.nan, np.inf, -1.0, 0.0, 1e30)):
        x = np.square(numbers(rng, "float32", (1, 2, 129)))
        x[0, 0, 40:44] = special
        yield custom.case(f"mfcc_special_{i}", [x, np.array(16000, np.int32)], ["float32"], tol=SPECTRUM, custom=("Mfcc", options()))
    x = np.square(numbers(rng, "float32", (1, 2, 129)))
    yield custom.case("mfcc_short", [x, np.array(4000, np.int32)], ["float32"], custom=("Mfcc", options()))  # does not reach 4000 Hz: zeros


def images(rng):
    x = numbers(rng, "float32", (2, 6, 7, 3))
    for i, (same, stride, window) in enumerate([(True, (2, 2), (2, 2)), (False, (1, 2), (3, 2)), (True, (3, 1), (3, 3))]):
        options = pool_options(same, stride, window)
        yield custom.case(f"argmax_{i}", [x], ["float32", "float32"], custom=("MaxPoolingWithArgmax2D", options))
        yield custom.case(f"unpool_{i}", [x, np.zeros(x.shape, np.float32)], ["float32"], custom=("MaxUnpooling2D", options))
        yield custom.case(f"image_argmax_{i}", [x], ["float32", "int32"], custom=("MaxPoolWithArgmax", flex(
            {"padding": "SAME" if same else "VALID", "ksize": [1, *window, 1], "strides": [1, *stride, 1], "include_batch_in_index": False})))
        yield custom.case(f"transpose_{i}", [x, numbers(rng, "float32", (4, *window, 3)), numbers(rng, "float32", (4,))], ["float32"],
                          custom=("Convolution2DTransposeBias", options))
    flow = numbers(rng, "float32", (2, 6, 7, 2))
    for op in ("DenseImageWarp", "Resampler"):
        yield custom.case(op.lower(), [x, flow], ["float32"], custom=(op, b""))


def ctc(rng):
    x, lengths = numbers(rng, "float32", (5, 2, 4)), np.array([5, 3], np.int32)
    yield custom.case("ctc", [x, lengths], ["int32"] * 3 + ["float32"],
                      custom=("CTCBeamSearchDecoder", flex({"beam_width": 4, "top_paths": 1, "merge_repeated": True})))


def landmarks(rng):
    matrix = numbers(rng, "float32", (1, 4, 4))
    yield custom.case("landmarks", [numbers(rng, "float32", (1, 5, 3)), matrix], ["float32"], version=2, custom=("TransformLandmarks", b""))
    yield custom.case("bilinear", [numbers(rng, "float32", (1, 6, 5, 2)), matrix], ["float32"], version=2,
                      custom=("TransformTensorBilinear", flex({"output_height": 3, "output_width": 4})))
    yield custom.case("matrix", [numbers(rng, "float32", (1, 5, 3))], ["float32"], version=2, custom=("Landmarks2TransformMatrix", flex({
        "left_rotation_idx": 0, "right_rotation_idx": 1, "target_rotation_radians": 0.0, "output_height": 8, "output_width": 8, "scale_x": 1.5,
        "scale_y": 1.5, "subset_idxs": [0, 1, 2, 3]})))


def text(rng):
    """One case each; tests/python/test_custom_formulas.py has what they must compute."""
    yield custom.case("tokens", [words(rng, (2, 3))], ["string"], custom=("tftext:WhitespaceTokenizer", b""))
    yield custom.case("ngrams", [words(rng, (2, 5))], ["string"], custom=("tftext:Ngrams", flex(
        {"width": 2, "axis": -1, "reduction_type": "STRING_JOIN", "string_separator": " "})))


ROWS = {"tftext:WhitespaceTokenizer": "TFTEXT_WHITESPACE_TOKENIZER", "tftext:Ngrams": "TFTEXT_NGRAMS", "AudioSpectrogram": "AUDIO_SPECTROGRAM", "Mfcc": "MFCC", "MaxPoolingWithArgmax2D": "MAX_POOLING_WITH_ARGMAX_2D", "MaxUnpooling2D":
        "MAX_UNPOOLING_2D", "MaxPoolWithArgmax": "MAX_POOL_WITH_ARGMAX", "Convolution2DTransposeBias": "CONVOLUTION_2D_TRANSPOSE_BIAS",
        "CTCBeamSearchDecoder": "CTC_BEAM_SEARCH_DECODER_INT32", "DenseImageWarp": "DENSE_IMAGE_WARP", "Resampler": "RESAMPLER", "TransformLandmarks": "TRANSFORM_LANDMARKS",
        "TransformTensorBilinear": "TRANSFORM_TENSOR_BILINEAR", "Landmarks2TransformMatrix": "LANDMARKS_TO_TRANSFORM_MATRIX"}


def cases(rng):
    for family in (audio, mfcc, images, ctc, landmarks, text):
        for case in family(rng):
            case.op = ROWS[case.op]
            case.name = case.name.removeprefix("custom_")
            yield case


OWN = "No resolver of TensorFlow's or LiteRT's wheels has this op; it is tested against its formula."
DIFFERS = {name: OWN for custom_name, name in ROWS.items() if custom_name not in ("AudioSpectrogram", "Mfcc")}
DIFFERS["AUDIO_SPECTROGRAM"] = "An infinite sample makes every bin of its window NaN; in the reference kernels a few are infinite."
