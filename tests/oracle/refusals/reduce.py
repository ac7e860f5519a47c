# SPDX-License-Identifier: Apache-2.0
"""reduce.py: what reductions, softmaxes and normalizations, windows, resizes, detection and transforms must refuse."""

import numpy as np

from modelgen import flex
from onenode import Node, const, i32, quant


def reductions(rng):
    x = np.zeros((2, 3), np.float32)
    node = Node("SUM", "ReducerOptions")
    yield node.refusal("axis", [x, i32(2)], ["float32"], "expected an axis in [-2, 2), found 2")
    yield node.refusal("axis_at_invoke", [x, np.array([0, -3], np.int32)], ["float32"], "expected an axis in [-2, 2), found -3", when="invoke")
    yield node.refusal("axes_dtype", [x, const(np.array([1.0], np.float32))], ["float32"],
                       "expected input 1 of dtype int32 or int64, found 'x1' float32 (1,)", when="invoke")
    yield node.refusal("dtype", [x.astype(np.complex64), i32(1)], ["complex64"],
                       "expected input 0 of dtype float32 or float64 or int32 or int64 or int8 or uint8 or int16 or bool, found 'x0' complex64 (2, 3)", when="invoke")
    q = quant(x.astype(np.int16), 0.1, 3)
    yield node.refusal("int16_zero_point", [q, i32(1)], ["int16"], "expected a zero point of 0, found 3 in 'x0' int16 (2, 3)", quant=(0.1, 0))
    q = quant(x.astype(np.int16), 0.1, 0)
    yield node.refusal("int16_zero_point_out", [q, i32(1)], ["int16"], "expected a zero point of 0, found -1 in 'y0' int16 (2,)", quant=(0.1, -1))
    q = quant(x.astype(np.int8), [0.1, 0.2], [0, 0])
    yield node.refusal("channels", [q, i32(1)], ["int8"], "expected one quantization scale for the whole tensor, found 2 in 'x0' int8 (2, 3)",
                       quant=(0.1, 0), lenient="the reference takes 0 for the scale of a tensor that has several")
    q = quant(x.astype(np.int8), 0.1, 0)
    yield node.refusal("scale", [q, i32(1)], ["int8"], "expected a positive scale and a zero point in [-128, 127], found scale -1 and zero point 0 in 'y0' int8 (2,)",
                       quant=(-1.0, 0), lenient="a negative scale has no meaning")
    yield Node("MEAN", "ReducerOptions").refusal("bool", [x.astype(bool), i32(1)], ["bool"], "expected a dtype that this reduction knows, found 'x0' bool (2, 3)", when="invoke")
    yield Node("REDUCE_ANY", "ReducerOptions").refusal("dtype", [x, i32(1)], ["float32"], "expected a dtype that this reduction knows, found 'x0' float32 (2, 3)", when="invoke")
    q = quant(x.astype(np.uint8), 0.1, 0)
    yield Node("REDUCE_PROD", "ReducerOptions").refusal("uint8", [q, i32(1)], ["uint8"], "expected a dtype that this reduction knows, found 'x0' uint8 (2, 3)", quant=(0.1, 0), when="invoke")
    q = quant(x.astype(np.int8), 10.0, 0)
    yield Node("REDUCE_PROD", "ReducerOptions").refusal("scales", [q, i32(1)], ["int8"], "expected an output scale in proportion to the input's, found 1e-06 and 10",
                                                        quant=(1e-6, 0), lenient="the multiplier is more than the reference's arithmetic can take: its results are arbitrary")
    for op in ("REDUCE_MAX", "REDUCE_MIN"):
        q = quant(x.astype(np.int8), 0.5, 3)
        yield Node(op, "ReducerOptions").refusal("scales", [q, i32(1)], ["int8"], "expected equal quantization of 'x0' and 'y0', found scales 0.5 and 0.25, zero points 3 and 4",
                                                 quant=(0.25, 4))
    node = Node("ARG_MAX", "ArgMaxOptions")
    yield node.refusal("axes", [x, i32(0, 1)], ["int32"], "expected one axis, found 'x1' int32 (2,)", {"outputType": 2})
    yield node.refusal("axes_at_allocate", [x, np.array([0, 1], np.int32)], ["int32"], "expected one axis, found 'x1' int32 (2,)", {"outputType": 2})
    yield node.refusal("axis", [x, i32(-3)], ["int32"], "expected an axis in [-2, 2), found -3", {"outputType": 2})
    yield node.refusal("nothing", [const(np.zeros((2, 0), np.float32)), i32(1)], ["int32"], "expected something along axis 1, found 'x0' float32 (2, 0)", {"outputType": 2},
                       lenient="LiteRT refuses it, too; TensorFlow's kernel reads beyond its input")
    yield node.refusal("scalar", [np.float32(1), i32(0)], ["int32"], "expected a tensor of rank 1 to 8, found 'x0' float32 ()", {"outputType": 2})
    yield node.refusal("dtype", [x.astype(np.complex64), i32(0)], ["int32"],
                       "expected input 0 of dtype float32 or int8 or uint8 or int16 or int32 or int64 or bool or uint16 or uint32 or uint64 or float64 or float16 or bfloat16, "
                       "found 'x0' complex64 (2, 3)", {"outputType": 2}, when="invoke")
    yield node.refusal("output", [x, i32(0)], ["float32"], "expected output 0 of dtype int32 or int64 or int16 or uint16, found 'y0' float32 (shape not known yet)", {"outputType": 0},
                       when="invoke")
    node = Node("CUMSUM", "CumsumOptions")
    yield node.refusal("axes", [x, i32(0, 1)], ["float32"], "expected one axis, found 'x1' int32 (2,)")
    yield node.refusal("axis", [x, i32(2)], ["float32"], "expected an axis in [-2, 2), found 2")
    yield node.refusal("axis_at_invoke", [x, np.array(2, np.int32)], ["float32"], "expected an axis in [-2, 2), found 2", when="invoke")
    yield node.refusal("dtype", [x.astype(bool), i32(0)], ["bool"], "expected numbers to scan, found 'x0' bool (2, 3)", when="invoke")
    yield node.refusal("scalar", [np.float32(1), i32(0)], ["float32"], "expected a tensor of rank 1 to 8, found 'x0' float32 ()")


def softmaxes(rng):
    x = np.zeros((2, 3), np.float32)
    soft, log = Node("SOFTMAX", "SoftmaxOptions", 2), Node("LOG_SOFTMAX", "LogSoftmaxOptions", 2)
    yield soft.refusal("dtype", [x.astype(np.int32)], ["int32"],
                       "expected input 0 of dtype float32 or float16 or bfloat16 or float64 or int8 or uint8 or int16, found 'x0' int32 (2, 3)", {"beta": 1.0}, when="invoke")
    yield soft.refusal("scalar", [np.float32(1)], ["float32"], "expected a tensor of rank 1 to 8, found 'x0' float32 ()", {"beta": 1.0})
    yield soft.refusal("output_scale", [quant(x.astype(np.int8), 0.1, 0)], ["int8"],
                       "expected an output of scale 0.00390625 and zero point -128, found 0.0078125 and -128 in 'y0'", {"beta": 1.0}, quant=(1 / 128, -128))
    yield soft.refusal("output_zero", [quant(x.astype(np.int16), 0.1, 0)], ["int16"],
                       "expected an output of scale 3.05176e-05 and zero point 0, found 3.05176e-05 and 1 in 'y0'", {"beta": 1.0}, quant=(1 / 32768, 1))
    yield soft.refusal("beta", [quant(x.astype(np.int8), 0.1, 0)], ["int8"], "expected beta times the input scale above 2^-26, found 0 and 0.1", {"beta": 0.0},
                       quant=(1 / 256, -128))
    yield log.refusal("output_scale", [quant(x.astype(np.uint8), 0.1, 0)], ["uint8"], "expected an output of scale 0.0625 and zero point 255, found 0.125 and 255 in 'y0'",
                      quant=(1 / 8, 255))
    yield log.refusal("dtype", [x.astype(np.int16)], ["int16"],
                      "expected input 0 of dtype float32 or float16 or bfloat16 or float64 or int8 or uint8, found 'x0' int16 (2, 3)", when="invoke")
    node = Node("L2_NORMALIZATION", "L2NormOptions")
    yield node.refusal("activation", [x], ["float32"], "expected no fused activation, found number 1", {"fusedActivationFunction": 1})
    yield node.refusal("output", [quant(x.astype(np.int8), 0.1, 0)], ["int8"], "expected an output of scale 1/128 and zero point 0, found 0.00390625 and 0", quant=(1 / 256, 0))
    yield node.refusal("dtype", [x.astype(np.int32)], ["int32"], "expected input 0 of dtype float32 or int8 or uint8, found 'x0' int32 (2, 3)", when="invoke")
    yield node.refusal("scalar", [np.float32(1)], ["float32"], "expected a tensor of rank 1 to 8, found 'x0' float32 ()",
                       lenient="LiteRT refuses it, too; TensorFlow's kernel reads before its shape")
    node = Node("LOCAL_RESPONSE_NORMALIZATION", "LocalResponseNormalizationOptions")
    yield node.refusal("rank", [x], ["float32"], "expected a tensor of rank 4, found 'x0' float32 (2, 3)", {"radius": 1})
    yield node.refusal("dtype", [np.zeros((1, 1, 1, 2), np.int8)], ["int8"], "expected input 0 of dtype float32, found 'x0' int8 (1, 1, 1, 2)", {"radius": 1}, when="invoke")


def windows(rng):
    x, start = np.zeros((4, 5), np.float32), const(np.float32(0))
    one = const(np.array([1, 1], np.int64))
    node = Node("REDUCE_WINDOW", "ReduceWindowOptions")
    for code in (0, 7):
        yield node.refusal(f"function_{code}", [x, start, one, one, one], ["float32"],
                           f"expected reduce_function 1 (ADD), 2 (MUL), 3 (MINIMUM), 4 (MAXIMUM), 5 (ALL) or 6 (ANY), found {code}", {"reduceFunction": code})
    add = {"reduceFunction": 1}
    yield node.refusal("starts", [x, const(np.zeros(2, np.float32)), one, one, one], ["float32"], "expected one initial value, found 2", add,
                       lenient="the reference takes the first of them")
    yield node.refusal("start_dtype", [x, const(np.int32(0)), one, one, one], ["float32"],
                       "expected equal dtypes, found 'x0' float32 (4, 5) and 'x1' int32 ()", add, when="invoke")
    for i, name in enumerate(("window", "strides", "dilations")):
        three = [one, one, one]
        three[i] = const(np.array([2, 0], np.int64))
        found = [1, 1, 1]
        found[i] = 0
        yield node.refusal(f"zero_{name}", [x, start] + three, ["float32"], "expected a window, strides and dilations of 1 and more, found "
                           f"{found[0]}, {found[1]} and {found[2]} for dimension 1", add,
                           lenient="" if name == "strides" else "the reference does not look at these numbers, which may lead it out of its input")
        three[i] = const(np.array([1], np.int64))
        yield node.refusal(f"short_{name}", [x, start] + three, ["float32"], f"expected 2 value(s) in 'x{i + 2}' int64 (1,), found 1", add,
                           lenient="the reference reads beyond the end of these numbers")
    yield node.refusal("window_dtype", [x, start, i32(1, 1), one, one], ["float32"], "expected input 2 of dtype int64, found 'x2' int32 (2,)", add, when="invoke")
    yield node.refusal("dtype", [x.astype(np.float16), const(np.float16(0)), one, one, one], ["float16"],
                       "expected input 0 of dtype float32 or float64 or int8 or uint8 or int16 or int32 or int64 or bool, found 'x0' float16 (4, 5)", add, when="invoke")


def resizes(rng):
    x = np.zeros((1, 2, 3, 1), np.float32)
    bilinear, nearest = Node("RESIZE_BILINEAR", "ResizeBilinearOptions"), Node("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions")
    yield bilinear.refusal("both", [x, i32(2, 2)], ["float32"], "expected align_corners or half_pixel_centers, found both", {"alignCorners": True, "halfPixelCenters": True})
    yield bilinear.refusal("size", [x, i32(2, 0)], ["float32"], "expected a new size of 1 x 1 or more, found 2 x 0")
    yield bilinear.refusal("size_at_invoke", [x, np.array([-1, 2], np.int32)], ["float32"], "expected a new size of 1 x 1 or more, found -1 x 2", when="invoke")
    most = 2**31 - 1
    yield nearest.refusal("memory", [np.zeros((1, 1, 1, 4), np.int8), i32(most, most)], ["int8"],
                          f"expected an output 'y0' that fits in memory, found shape (1, {most}, {most}, 4)")
    yield nearest.refusal("size", [x, i32(-2, 1)], ["float32"], "expected a new size of 0 x 0 or more, found -2 x 1")
    yield nearest.refusal("sizes", [x, i32(2, 1, 3)], ["float32"], "expected 2 value(s) in 'x1' int32 (3,), found 3")
    yield nearest.refusal("nothing", [const(np.zeros((1, 0, 2, 1), np.float32)), i32(2, 1)], ["float32"], "expected an image of 1 x 1 or more, found 0 x 2",
                          lenient="the reference reads beyond its input")
    yield nearest.refusal("rank", [x[0], i32(2, 1)], ["float32"], "expected a tensor of rank 4, found 'x0' float32 (2, 3, 1)")
    yield nearest.refusal("packed", [const(np.zeros((1, 2, 2, 2), np.int8), "int4"), i32(2, 1)], ["int4"], "expected elements of whole bytes, found int4", when="invoke")
    yield bilinear.refusal("dtype", [x.astype(np.int32), i32(2, 2)], ["int32"],
                           "expected input 0 of dtype float32 or uint8 or int8 or int16, found 'x0' int32 (1, 2, 3, 1)", when="invoke")


def suppression(rng):
    node, soft = Node("NON_MAX_SUPPRESSION_V4", "NonMaxSuppressionV4Options"), Node("NON_MAX_SUPPRESSION_V5", "NonMaxSuppressionV5Options")
    boxes, scores = np.zeros((3, 4), np.float32), np.zeros(3, np.float32)
    iou, floor = const(np.float32(0.5)), const(np.float32(0))
    yield node.refusal("scores", [boxes, scores[:2], const(np.int32(2)), iou, floor], ["int32", "int32"],
                       "expected boxes of 4 numbers and a score for each, found 3 boxes of 4 and 2 scores")
    yield node.refusal("most", [boxes, scores, const(np.int32(-1)), iou, floor], ["int32", "int32"], "expected 0 or more as the largest output size, found -1")
    yield node.refusal("most_at_invoke", [boxes, scores, np.array(-2, np.int32), iou, floor], ["int32", "int32"],
                       "expected 0 or more as the largest output size, found -2", when="invoke")
    yield node.refusal("limits", [boxes, scores, i32(2), iou, floor], ["int32", "int32"], "expected a tensor of rank 0, found 'x2' int32 (1,)")
    outputs = ["int32", "float32", "int32"]
    yield soft.refusal("sigma", [boxes, scores, const(np.int32(2)), iou, floor, const(np.float32(-0.5))], outputs, "expected a sigma of 0 or more, found -0.5")
    yield soft.refusal("sigma_at_invoke", [boxes, scores, const(np.int32(2)), iou, floor, np.array(-0.5, np.float32)], outputs,
                       "expected a sigma of 0 or more, found -0.5", when="invoke")


def detections(rng):
    node = Node("CUSTOM", prefix="detection")
    options = {"max_detections": 2, "max_classes_per_detection": 1, "num_classes": 2, "nms_score_threshold": 0.5, "nms_iou_threshold": 0.5, "y_scale": 1.0, "x_scale": 1.0,
               "h_scale": 1.0, "w_scale": 1.0}
    boxes, scores, anchors = np.zeros((1, 3, 4), np.float32), np.zeros((1, 3, 2), np.float32), np.ones((3, 4), np.float32)

    def refuse(name, message, when="allocate", boxes=boxes, scores=scores, anchors=anchors, lenient="", **changed):
        custom = ("TFLite_Detection_PostProcess", flex({**options, **changed}))
        return node.refusal(name, [boxes, scores, const(anchors)], ["float32"] * 4, message, when=when, custom=custom, lenient=lenient)

    yield refuse("classes", "expected options max_detections, max_classes_per_detection, detections_per_class and num_classes of 1 and more, found 2, 0, 100 and 2",
                 max_classes_per_detection=0)
    yield refuse("iou", "expected option nms_iou_threshold in (0, 1], found 1.5", nms_iou_threshold=1.5)
    yield refuse("shapes", "expected encodings (1, n, 4), scores (1, n, classes) and anchors (n, 4), found (1, 3, 4), (1, 2, 2) and (3, 4)", scores=scores[:, :2])
    yield refuse("anchors", "expected encodings (1, n, 4), scores (1, n, classes) and anchors (n, 4), found (1, 3, 4), (1, 3, 2) and (2, 4)", anchors=anchors[:2],
                 lenient="the reference reads beyond the anchors")
    yield refuse("columns", "expected scores of 4 classes, or of one more for the background, found 2", num_classes=4)
    yield refuse("size", "expected boxes of positive size, found (1.5, 0.5, 0.5, 1.5) from encoding 1", "invoke",
                 anchors=np.array([[1, 1, 1, 1], [1, 1, -1, 1], [1, 1, 1, 1]], np.float32))
    yield refuse("dtypes", "expected equal dtypes, found 'x0' float32 (1, 3, 4) and 'x2' uint8 (3, 4)", "invoke", anchors=anchors.astype(np.uint8))


def transforms(rng):
    node, back = Node("RFFT2D", "Rfft2dOptions"), Node("CUSTOM", prefix="irfft2d")
    x = np.zeros((4, 4), np.float32)
    yield node.refusal("size", [x, i32(4, 6)], ["complex64"], "expected a height and width that are powers of two, found 4 and 6")
    yield node.refusal("size_at_invoke", [x, np.array([0, 4], np.int32)], ["complex64"], "expected a height and width that are powers of two, found 0 and 4", when="invoke")
    yield node.refusal("rank", [x[0], i32(1, 4)], ["complex64"], "expected a tensor of rank 2 to 8, found 'x0' float32 (4,)")
    yield node.refusal("dtype", [x.astype(np.float64), i32(4, 4)], ["complex64"], "expected input 0 of dtype float32, found 'x0' float64 (4, 4)", when="invoke")
    yield back.refusal("dtype", [x, i32(4, 4)], ["float32"], "expected input 0 of dtype complex64, found 'x0' float32 (4, 4)", custom=("IRFFT2D", b""), when="invoke")
    yield back.refusal("size", [x.astype(np.complex64), i32(3, 4)], ["float32"], "expected a height and width that are powers of two, found 3 and 4", custom=("IRFFT2D", b""))


def refusals(rng):
    for part in (reductions, softmaxes, windows, resizes, suppression, detections, transforms):
        yield from part(rng)
