# SPDX-License-Identifier: Apache-2.0
"""Reductions, lookups, resizes and transforms against formulas, where TFLite's reference kernels are wrong, read what
is not theirs, cannot give out what they computed, or (TensorFlow's, unlike LiteRT's) lack a dtype."""

import numpy as np
import pytest
from modelgen import ModelGen, flex
from onenode import Arg, Node, const, i32, numbers, quant

import unflow


def run(case):
    """The outputs of a case."""
    interpreter = unflow.lite.Interpreter(model_content=case.model)
    details = interpreter.get_input_details()
    for detail, value in zip(details, case.inputs):
        interpreter.resize_tensor_input(detail["index"], value.shape)
    interpreter.allocate_tensors()
    for detail, value in zip(details, case.inputs):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def away(x):
    """Rounded, halves away from 0."""
    return np.sign(x) * np.floor(np.abs(x) + 0.5)


# ---- reductions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", ["int8", "int16", "uint8"])
@pytest.mark.parametrize("shape, axes", [((3, 5), (1,)), ((2, 33, 7), (0, 1)), ((1, 8, 9, 17), (1, 2)), ((300,), (0,)), ((4, 6), ()), ((2, 3, 2, 2, 2, 3), (-1, 2))])
def test_quantized_sums(t, shape, axes):
    rng = np.random.default_rng(len(shape))
    info = np.iinfo(t)
    for scale, wider in ((0.1, 1.0), (0.02, 30.0), (0.5, 0.25), (1e-3, 400.0)):
        zero, zero_out = (0, 0) if t == "int16" else (int(rng.integers(info.min, info.max)), int(rng.integers(info.min, info.max)))
        x = numbers(rng, t, shape)
        case = Node("SUM", "ReducerOptions", 2).case("x", [quant(x, scale, zero), i32(*axes)], [t], {"keepDims": True}, quant=(scale * wider, zero_out))
        factor = float(np.float32(scale)) / float(np.float32(scale * wider))
        real = (x.astype(np.int64) - zero).sum(axes, keepdims=True) * factor
        want = np.clip(away(real) + zero_out, info.min, info.max).astype(np.int64)
        found = run(case)[0].astype(np.int64)
        off = np.abs(found - want)
        assert off.max() <= 1 and (off > 0).mean() <= 0.1


@pytest.mark.parametrize("op, pick, empty", [("REDUCE_MAX", np.fmax, -np.inf), ("REDUCE_MIN", np.fmin, np.inf)])
def test_extremes_of_nans_and_infinities(op, pick, empty):
    x = np.array([[np.nan, 1, 2, 3], [1, np.nan, -4, np.nan], [empty] * 4, [np.inf, np.nan, -np.inf, 0]], np.float32)
    for axes in ((1,), (0,), (0, 1)):
        found = run(Node(op, "ReducerOptions").case("x", [x, i32(*axes)], ["float32"], {"keepDims": False}))[0]
        np.testing.assert_array_equal(found, pick.reduce(pick.reduce(x, axes[0]), 0) if len(axes) == 2 else pick.reduce(x, axes[0]))


@pytest.mark.parametrize("op, value", [("ARG_MAX", np.nanargmax), ("ARG_MIN", np.nanargmin)])
def test_positions_pass_over_nans(op, value):
    x = np.array([[np.nan, 1, 2, np.nan], [3, np.nan, -4, np.nan], [np.nan, np.nan, np.nan, 5]], np.float32)
    for axis in (0, 1):
        found = run(Node(op, op.title().replace("_", "") + "Options").case("x", [np.nan_to_num(x, nan=0) if axis == 0 else x, i32(axis)], ["int32"], {"outputType": 2}))[0]
        np.testing.assert_array_equal(found, value(np.nan_to_num(x, nan=0) if axis == 0 else x, axis))
    all_nan = np.full((1, 3), np.nan, np.float32)
    assert run(Node(op, op.title().replace("_", "") + "Options").case("x", [all_nan, i32(1)], ["int32"], {"outputType": 2}))[0] == 0


@pytest.mark.parametrize("radius, bias, alpha, beta", [(0, 1, 1, 0.5), (1, 1, 0.5, 1), (2, 1, 1, 0.5), (5, 2, 0.1, 0.75), (20, 0.5, 0.3, 0.5)])
@pytest.mark.parametrize("depth", [1, 3, 9, 33])
def test_local_response_normalization(radius, bias, alpha, beta, depth):
    x = (np.random.default_rng(depth).standard_normal((2, 3, 2, depth)) * 2).astype(np.float32)
    options = {"radius": radius, "bias": bias, "alpha": alpha, "beta": beta}
    found = run(Node("LOCAL_RESPONSE_NORMALIZATION", "LocalResponseNormalizationOptions").case("x", [x], ["float32"], options))[0]
    square = x.astype(np.float64) ** 2
    window = np.stack([square[..., max(0, c - radius):c + radius + 1].sum(-1) for c in range(depth)], -1)
    np.testing.assert_allclose(found, x * (bias + alpha * window) ** -beta, rtol=1e-5)


def test_softmax_of_halves():
    x = (np.random.default_rng(1).standard_normal((3, 33)) * 3).astype(np.float16)
    e = np.exp(x.astype(np.float64) - x.max(-1, keepdims=True).astype(np.float64))
    found = run(Node("SOFTMAX", "SoftmaxOptions").case("x", [x], ["float16"], {"beta": 1.0}))[0]
    np.testing.assert_allclose(found.astype(np.float64), e / e.sum(-1, keepdims=True), rtol=2e-3, atol=1e-6)


# ---- nothing: tensors without elements -----------------------------------------------------------------------------------


def nothing():
    f, i = np.float32, np.int32
    yield "TOPK_V2", None, [np.zeros((2, 3), f), const(np.int32(0))], ["float32", "int32"], {}, [(2, 0), (2, 0)]
    yield "TOPK_V2", None, [np.zeros((2, 3), f), const(np.int32(-2))], ["float32", "int32"], {}, [(2, 0), (2, 0)]
    yield "TOPK_V2", None, [np.zeros((0, 3), f), const(np.int32(2))], ["float32", "int32"], {}, [(0, 2), (0, 2)]
    yield "UNIQUE", "UniqueOptions", [np.zeros(0, i)], ["int32", "int32"], {}, [(0,), (0,)]
    yield "SEGMENT_SUM", None, [np.zeros((0, 3), f), np.zeros(0, i)], ["float32"], {}, [(0, 3)]
    yield "SEGMENT_SUM", None, [np.zeros((3, 0), f), np.zeros(3, i)], ["float32"], {}, [(1, 0)]
    yield "UNSORTED_SEGMENT_SUM", None, [np.zeros((2, 3), f), np.full(2, -1, i), const(np.int32(0))], ["float32"], {}, [(0, 3)]
    yield "UNSORTED_SEGMENT_MAX", None, [np.zeros((3, 0), f), np.zeros(3, i), const(np.int32(2))], ["float32"], {}, [(2, 0)]
    yield "RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions", [np.zeros((1, 2, 2, 1), f), i32(0, 3)], ["float32"], {}, [(1, 0, 3, 1)]
    yield "RESIZE_BILINEAR", "ResizeBilinearOptions", [np.zeros((0, 2, 2, 1), f), i32(2, 3)], ["float32"], {}, [(0, 2, 3, 1)]
    yield "REDUCE_WINDOW", "ReduceWindowOptions", [np.zeros((0, 3), f), const(f(0))] + [const(np.ones(2, np.int64))] * 3, ["float32"], {"reduceFunction": 1}, [(0, 3)]
    yield "HASHTABLE_LOOKUP", None, [np.zeros(0, i), np.zeros(0, i), np.zeros((0, 2), f)], ["float32", "uint8"], {}, [(0, 2), (0,)]
    yield "EMBEDDING_LOOKUP", None, [np.zeros(0, i), np.zeros((0, 2), f)], ["float32"], {}, [(0, 2)]
    yield "CUMSUM", "CumsumOptions", [np.zeros((2, 0), f), i32(0)], ["float32"], {}, [(2, 0)]
    yield "SOFTMAX", "SoftmaxOptions", [np.zeros((2, 0), f)], ["float32"], {}, [(2, 0)]
    yield "LOG_SOFTMAX", None, [np.zeros((0, 2), f)], ["float32"], {}, [(0, 2)]
    yield "L2_NORMALIZATION", "L2NormOptions", [np.zeros((2, 0), f)], ["float32"], {}, [(2, 0)]
    yield "ARG_MAX", "ArgMaxOptions", [np.zeros((0, 2), f), i32(1)], ["int32"], {"outputType": 2}, [(0,)]
    yield "RFFT2D", "Rfft2dOptions", [np.zeros((0, 2, 2), f), i32(2, 4)], ["complex64"], {}, [(0, 2, 3)]
    yield "BUCKETIZE", "BucketizeOptions", [np.zeros((2, 0), f)], ["int32"], {"boundaries": [1.0]}, [(2, 0)]
    yield "NON_MAX_SUPPRESSION_V4", None, [np.zeros((2, 4), f), np.zeros(2, f), const(np.int32(0)), const(f(0.5)), const(f(0))], ["int32", "int32"], {}, [(0,), ()]
    yield "NON_MAX_SUPPRESSION_V4", None, [np.zeros((0, 4), f), np.zeros(0, f), const(np.int32(3)), const(f(0.5)), const(f(0))], ["int32", "int32"], {}, [(3,), ()]
    yield "LSH_PROJECTION", "LSHProjectionOptions", [np.zeros((0, 4), f), np.zeros(3, i)], ["int32"], {"type": 1}, [(0,)]
    yield "MEAN", "ReducerOptions", [np.zeros((0, 2), f), i32(1)], ["float32"], {}, [(0,)]


@pytest.mark.parametrize("op, options, inputs, outputs, values, shapes", [pytest.param(*n, id=f"{i}-{n[0]}") for i, n in enumerate(nothing())])
def test_nothing(op, options, inputs, outputs, values, shapes):
    found = run(Node(op, options).case("x", inputs, outputs, values))
    assert [f.shape for f in found] == shapes
    assert not any(np.any(f) for f in found)


@pytest.mark.parametrize("op, empty", [("SUM", 0), ("REDUCE_PROD", 1), ("MEAN", np.nan), ("REDUCE_MAX", -np.finfo(np.float32).max), ("REDUCE_MIN", np.finfo(np.float32).max)])
def test_reductions_of_nothing(op, empty):
    found = run(Node(op, "ReducerOptions").case("x", [np.zeros((2, 0, 3), np.float32), i32(1)], ["float32"], {"keepDims": False}))[0]
    np.testing.assert_array_equal(found, np.full((2, 3), empty, np.float32))


def test_hashtable_without_rows():
    found, hits = run(Node("HASHTABLE_LOOKUP").case("x", [np.array([3, 1], np.int32), np.zeros(0, np.int32), np.zeros((0, 2), np.float32)], ["float32", "uint8"]))
    assert found.shape == (2, 2) and not found.any() and not hits.any()


@pytest.mark.parametrize("how, start, join", [("SUM", 0, np.sum), ("MAX", np.iinfo(np.int32).min, np.max), ("MIN", np.iinfo(np.int32).max, np.min), ("PROD", 1, None)])
def test_one_segment_id(how, start, join):
    """An id without dimensions: the whole tensor is one segment."""
    x = np.array([[3, -2], [5, 7]], np.int32)
    found = run(Node(f"UNSORTED_SEGMENT_{how}").case("x", [x, np.array(1, np.int32), const(np.int32(3))], ["int32"]))[0]
    np.testing.assert_array_equal(found, np.stack([np.full_like(x, start), x, np.full_like(x, start)]))


# ---- lookups ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("t, least", [("int4", -8), ("int2", -2)])
@pytest.mark.parametrize("columns", [1, 3, 5, 7, 9])
def test_rows_that_begin_inside_a_byte(t, least, columns):
    rng = np.random.default_rng(columns)
    table, scales = rng.integers(least, -least, (6, columns)).astype(np.int8), rng.uniform(0.1, 1, 6).astype(np.float32)
    ids = np.array([5, 1, 3, 0, 1], np.int32)
    found = run(Node("EMBEDDING_LOOKUP", version=4).case("x", [ids, Arg(table, True, t, scales, np.zeros(6, int))], ["float32"]))[0]
    np.testing.assert_allclose(found, table[ids] * scales[ids, None], rtol=1e-6)


@pytest.mark.parametrize("t, least", [("int4", -8), ("int2", -2)])
@pytest.mark.parametrize("columns", [1, 3, 4, 7])
def test_packed_rows_by_keys(t, least, columns):
    table = np.random.default_rng(columns).integers(least, -least, (4, columns)).astype(np.int8)
    ids, keys = np.array([7, 2, 9, 5, 2], np.int32), i32(2, 5, 7, 8)
    found, hits = run(Node("HASHTABLE_LOOKUP").case("x", [ids, keys, Arg(table, True, t)], [t, "uint8"]))
    np.testing.assert_array_equal(hits, [1, 1, 0, 1, 1])
    np.testing.assert_array_equal(found.astype(np.int8), np.where(hits[:, None], table[[2, 0, 0, 1, 0]], 0))


@pytest.mark.parametrize("t, least", [("int4", -8), ("int2", -2)])
@pytest.mark.parametrize("out", ["float32", "float16"])
def test_blocks(t, least, out):
    rng = np.random.default_rng(3)
    table, scales = rng.integers(least, -least, (5, 96)), rng.uniform(0.01, 1, (5, 3)).astype(np.float16)
    g = ModelGen()
    scale = g.constant("scale", "float16", scales)
    ids, y = g.tensor("ids", "int32", (4,)), g.tensor("y", out, (4, 96))
    w = g.tensor("table", t, (5, 96), data=table.astype(np.int8), block=(scale, -1, 32))
    g.op("EMBEDDING_LOOKUP", [ids, w], [y], version=5)
    g.inputs([ids])
    g.outputs([y])
    given = np.array([4, 0, 2, 2], np.int32)
    case = type("Case", (), {"model": g.build(), "inputs": [given]})
    want = (table * np.repeat(scales.astype(np.float32), 32, 1))[given].astype(out)
    np.testing.assert_allclose(run(case)[0], want, rtol=1e-3 if out == "float16" else 1e-6)


def test_sparse_hashes_of_32_bits():
    rng = np.random.default_rng(4)
    args = [rng.standard_normal((3, 32)).astype(np.float32), numbers(rng, "int32", (7, 2))]
    bits = run(Node("LSH_PROJECTION", "LSHProjectionOptions").case("x", args, ["int32"], {"type": 2}))[0].reshape(3, 32)
    found = run(Node("LSH_PROJECTION", "LSHProjectionOptions").case("x", args, ["int32"], {"type": 1}))[0]
    np.testing.assert_array_equal(found.view(np.uint32), (bits.astype(np.uint32) << np.arange(31, -1, -1, dtype=np.uint32)).sum(1, dtype=np.uint32))


def test_nans_come_last_and_are_one_value():
    x = np.array([np.nan, 1, np.nan, -np.inf, 2], np.float32)
    values, places = run(Node("TOPK_V2").case("x", [x, const(np.int32(5))], ["float32", "int32"]))
    np.testing.assert_array_equal(values, np.array([2, 1, -np.inf, np.nan, np.nan], np.float32))
    np.testing.assert_array_equal(places, [4, 1, 3, 0, 2])
    values, places = run(Node("UNIQUE", "UniqueOptions").case("x", [x], ["float32", "int32"], {"idxOutType": 2}))
    np.testing.assert_array_equal(values, x[[0, 1, 3, 4]])
    np.testing.assert_array_equal(places, [0, 1, 0, 2, 3])


# ---- images and transforms -----------------------------------------------------------------------------------------------------


def nearest(size, new, align, half):
    scale = np.float32(size - 1) / np.float32(new - 1) if align and new > 1 else np.float32(size) / np.float32(new)
    at = (np.arange(new, dtype=np.float32) + np.float32(0.5 if half else 0)) * scale
    return np.clip((away(at) if align else np.floor(at)).astype(int), 0, size - 1)


@pytest.mark.parametrize("t", ["int32", "int64", "float16", "float64", "bool", "uint16", "uint32", "complex64"])
@pytest.mark.parametrize("shape, size", [((2, 3, 5, 3), (7, 4)), ((1, 1, 9, 1), (1, 4)), ((1, 4, 4, 17), (2, 2))])
def test_nearest_of_other_dtypes(t, shape, size):
    x = numbers(np.random.default_rng(5), t, shape)
    for align, half in ((False, False), (True, False), (False, True), (True, True)):
        case = Node("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions").case("x", [x, i32(*size)], [t], {"alignCorners": align, "halfPixelCenters": half})
        want = x[:, nearest(shape[1], size[0], align, half)][:, :, nearest(shape[2], size[1], align, half)]
        np.testing.assert_array_equal(run(case)[0], want)


@pytest.mark.parametrize("t", ["int8", "int16"])
def test_bilinear_stays_in_the_image(t):
    """1024 * 2 / 65 is 31.5: rounded, the last column lies at 64 * 32 / 1024 = 2, behind both columns."""
    x = numbers(np.random.default_rng(6), t, (1, 1, 2, 3))
    found = run(Node("RESIZE_BILINEAR", "ResizeBilinearOptions", 3).case("x", [x, i32(1, 65)], [t]))[0]
    np.testing.assert_array_equal(found[0, 0, 64], x[0, 0, 1])
    np.testing.assert_array_equal(found[0, 0, 32], x[0, 0, 1])


@pytest.mark.parametrize("shape, size", [((4, 3), (4, 4)), ((2, 8, 9), (8, 16)), ((1, 2), (1, 2)), ((3, 2), (4, 8)), ((9, 9), (2, 4)), ((4, 1), (4, 1)), ((2, 1, 16, 33), (16, 64))])
def test_inverse_transform(shape, size):
    x = numbers(np.random.default_rng(7), "complex64", shape)
    found = run(Node("CUSTOM").case("x", [x, i32(*size)], ["float32"], custom=("IRFFT2D", b"")))[0]
    whole = np.zeros(shape[:-2] + (size[0], size[1] // 2 + 1), np.complex128)
    h, w = min(shape[-2], size[0]), min(shape[-1], size[1] // 2 + 1)
    whole[..., :h, :w] = x[..., :h, :w]
    np.testing.assert_allclose(found, np.fft.irfft2(whole, size), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [(4, 1), (1, 1), (2, 1), (16, 1), (1, 2), (8, 2)])
def test_transform_of_columns(size):
    x = numbers(np.random.default_rng(9), "float32", (2,) + size)
    found = run(Node("RFFT2D", "Rfft2dOptions").case("x", [x, i32(*size)], ["complex64"]))[0]
    np.testing.assert_allclose(found, np.fft.rfft2(x), rtol=1e-5, atol=1e-5)


def test_there_and_back():
    x = numbers(np.random.default_rng(8), "float32", (3, 8, 16))
    there = run(Node("RFFT2D", "Rfft2dOptions").case("x", [x, i32(8, 16)], ["complex64"]))[0]
    np.testing.assert_allclose(run(Node("CUSTOM").case("x", [there, i32(8, 16)], ["float32"], custom=("IRFFT2D", b"")))[0], x, rtol=1e-5, atol=1e-6)


def test_rows_without_a_detection_are_zero():
    options = {"max_detections": 4, "max_classes_per_detection": 2, "num_classes": 2, "nms_score_threshold": 0.5, "nms_iou_threshold": 0.5, "y_scale": 1.0, "x_scale": 1.0,
               "h_scale": 1.0, "w_scale": 1.0, "use_regular_nms": False}
    scores = np.array([[[0.9, 0.1], [0.2, 0.3]]], np.float32)
    anchors = np.array([[0.5, 0.5, 0.2, 0.4], [0.1, 0.1, 0.1, 0.1]], np.float32)
    boxes, classes, found, n = run(Node("CUSTOM").case("x", [np.zeros((1, 2, 4), np.float32), scores, const(anchors)], ["float32"] * 4,
                                                       custom=("TFLite_Detection_PostProcess", flex(options))))
    np.testing.assert_allclose(boxes[0, :2], [[0.4, 0.3, 0.6, 0.7]] * 2, rtol=1e-6)
    np.testing.assert_array_equal(found[0, :2], scores[0, 0])
    boxes_none, *_, none = run(Node("CUSTOM").case("x", [np.zeros((1, 2, 4), np.float32), scores, const(anchors)], ["float32"] * 4,
                                                   custom=("TFLite_Detection_PostProcess", flex({**options, "max_detections": 0, "detections_per_class": 0}))))
    assert boxes_none.shape == (1, 0, 4) and none == 0
    assert n == 1 and not boxes[0, 2:].any() and not classes[0, 2:].any() and not found[0, 2:].any()
