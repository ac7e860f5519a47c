# SPDX-License-Identifier: Apache-2.0
"""shape.py: what the ops of shapes must refuse."""

import numpy as np

from case import Refusal
from modelgen import ModelGen
from onenode import Node, Arg, const, i32, quant


def views(x):
    reshape, squeeze = Node("RESHAPE", "ReshapeOptions"), Node("SQUEEZE", "SqueezeOptions")
    count = "expected a new shape of 6 elements, as 'x0' (2, 3) has, found "
    yield reshape.refusal("count", [x, i32(4, 2)], ["float32"], count + "(4, 2)", {"newShape": [4, 2]})
    yield reshape.refusal("count_at_invoke", [x, np.array([4, 2], np.int32)], ["float32"], count + "(4, 2)", when="invoke")
    yield reshape.refusal("not_divisible", [x, i32(-1, 4)], ["float32"], count + "(?, 4)")
    yield reshape.refusal("overflow", [x, i32(2**30, 2**30, 2**30)], ["float32"], count + "(1073741824, 1073741824, 1073741824)")
    yield reshape.refusal("two_unknown", [x, i32(-1, -1)], ["float32"], "expected at most one -1 in the new shape, found (?, ?)")
    yield reshape.refusal("negative", [x, i32(6, -2)], ["float32"],
                          "expected extents of 0 and more in the new shape, found -2 in dimension 1")
    yield reshape.refusal("rank_9", [x, i32(*[1] * 7, 2, 3)], ["float32"], "expected a new shape of at most 8 dimensions, found 9",
                          lenient="unflow has 8 dimensions at most")
    yield reshape.refusal("options_rank_9", [x], ["float32"], "expected at most 8 values in new_shape, found 9",
                          {"newShape": [1] * 7 + [2, 3]})
    yield reshape.refusal("dtypes", [x, i32(6)], ["int64"],
                          "expected equal dtypes, found 'x0' float32 (2, 3) and 'y0' int64 (shape not known yet)",
                          lenient="the reference leaves half of the output's memory as it was")
    y = x.reshape(2, 1, 3)
    yield squeeze.refusal("extent", [y], ["float32"], "expected extent 1 in squeezed dimension 2, found 3", {"squeezeDims": [1, 2]})
    yield squeeze.refusal("axis", [y], ["float32"], "expected an axis in [-3, 3), found 3", {"squeezeDims": [3]})
    yield squeeze.refusal("dims_9", [y], ["float32"], "expected at most 8 values in squeeze_dims, found 9", {"squeezeDims": [1] * 9})
    expand = Node("EXPAND_DIMS", "ExpandDimsOptions")
    yield expand.refusal("axis", [x, const(np.int32(3))], ["float32"], "expected an axis in [-3, 3), found 3")
    yield expand.refusal("axis_at_invoke", [x, np.array(-4, np.int32)], ["float32"], "expected an axis in [-3, 3), found -4", when="invoke")
    yield expand.refusal("two_axes", [x, i32(0, 1)], ["float32"], "expected 1 value(s) in 'x1' int32 (2,), found 2")
    yield expand.refusal("float_axis", [x, const(np.float32(0))], ["float32"],
                         "expected input 1 of dtype int32 or int64, found 'x1' float32 ()")
    yield expand.refusal("rank_9", [np.zeros((1,) * 8, np.float32), i32(0)], ["float32"],
                         "expected a tensor of rank 0 to 7, found 'x0' float32 (1, 1, 1, 1, 1, 1, 1, 1)",
                         lenient="unflow has 8 dimensions at most")
    yield expand.refusal("scale", [quant(x.astype(np.int8), 0.5, 1), i32(0)], ["int8"],
                         "expected the scale 0.5 and zero point 1 of 'x0' on 'y0' too (this op does not rescale), found 0.25 and 1",
                         quant=(0.25, 1))
    yield Node("SHAPE", "ShapeOptions").refusal("two_outputs", [x], ["int32", "int32"], "expected an output for each of 1 inputs, found 2",
                                                {"outType": 2})
    yield Node("SHAPE", "ShapeOptions").refusal("out_type", [x], ["float32"],
                                                "expected output 0 of dtype int32 or int64, found 'y0' float32 (shape not known yet)")


def orders(x):
    transpose, reverse = Node("TRANSPOSE", "TransposeOptions"), Node("REVERSE_V2", "ReverseV2Options")
    yield transpose.refusal("count", [x, i32(0, 1, 2)], ["float32"], "expected 2 value(s) in 'x1' int32 (3,), found 3")
    yield transpose.refusal("range", [x, i32(0, 2)], ["float32"], "expected dimensions in [-2, 2) in the permutation, found 2 at position 1")
    yield transpose.refusal("range_at_invoke", [x, np.array([-3, 0], np.int32)], ["float32"],
                            "expected dimensions in [-2, 2) in the permutation, found -3 at position 0", when="invoke")
    yield transpose.refusal("twice", [x, i32(1, -1)], ["float32"], "expected each dimension once in the permutation, found 1 twice",
                            lenient="the reference reads what lies beyond its input")
    yield transpose.refusal("rank", [x, const(np.array([[1, 0]], np.int32))], ["float32"],
                            "expected a tensor of rank 1, found 'x1' int32 (1, 2)")
    yield transpose.refusal("dtype", [x, i32(1, 0)], ["int32"], "expected equal dtypes, found 'x0' float32 (2, 3) and 'y0' int32 (shape not known yet)")
    yield reverse.refusal("many", [x, i32(0, 1, 0)], ["float32"], "expected at most 2 axes, found 3")
    yield reverse.refusal("twice", [x, i32(1, -1)], ["float32"], "expected each axis once, found 1 twice", when="invoke")
    yield reverse.refusal("range", [x, i32(2)], ["float32"], "expected an axis in [-2, 2), found 2", when="invoke")
    node = Node("REVERSE_SEQUENCE", "ReverseSequenceOptions")
    dims = "expected two different dimensions in [0, 2) as seq_dim and batch_dim, found "
    yield node.refusal("same", [x, i32(1, 2)], ["float32"], dims + "1 and 1", {"seqDim": 1, "batchDim": 1})
    yield node.refusal("negative", [x, i32(1, 2)], ["float32"], dims + "-1 and 0", {"seqDim": -1, "batchDim": 0})
    yield node.refusal("beyond", [x, i32(1, 2)], ["float32"], dims + "1 and 2", {"seqDim": 1, "batchDim": 2})
    yield node.refusal("lengths", [x, i32(1, 2, 3)], ["float32"], "expected 2 sequence lengths (extent of batch_dim 0), found 3",
                       {"seqDim": 1, "batchDim": 0})
    yield node.refusal("long", [x, np.array([4, 1], np.int32)], ["float32"], "expected sequence lengths in [0, 3], found 4 for batch 0",
                       {"seqDim": 1, "batchDim": 0}, when="invoke")
    yield node.refusal("below_0", [x, np.array([1, -1], np.int64)], ["float32"], "expected sequence lengths in [0, 3], found -1 for batch 1",
                       {"seqDim": 1, "batchDim": 0}, when="invoke", lenient="it checks the first length alone, and takes these for 0")
    roll = Node("ROLL", prefix="roll")
    yield roll.refusal("counts", [x, i32(1, 2), i32(0)], ["float32"], "expected as many shifts as axes, found 2 and 1", custom=("Roll", b""))
    yield roll.refusal("axis", [x, i32(1), i32(2)], ["float32"], "expected an axis in [-2, 2), found 2", when="invoke", custom=("Roll", b""))
    yield roll.refusal("scalar", [np.zeros((), np.float32), i32(1), i32(0)], ["float32"],
                       "expected a tensor of rank 1 to 8, found 'x0' float32 ()", custom=("Roll", b""))


def pieces(x):
    concat = Node("CONCATENATION", "ConcatenationOptions")
    yield concat.refusal("shapes", [x, np.zeros((3, 4), np.float32)], ["float32"],
                         "expected shapes that differ in dimension 1 only, found (2, 3) of 'x0' and (3, 4) of 'x1'", {"axis": 1})
    yield concat.refusal("ranks", [x, np.zeros(3, np.float32)], ["float32"],
                         "expected shapes that differ in dimension 0 only, found (2, 3) of 'x0' and (3,) of 'x1'", {"axis": 0})
    yield concat.refusal("axis", [x, x], ["float32"], "expected an axis in [-2, 2), found -3", {"axis": -3})
    yield concat.refusal("dtypes", [x, x.astype(np.int32)], ["float32"],
                         "expected equal dtypes, found 'x0' float32 (2, 3) and 'x1' int32 (2, 3)", {"axis": 0})
    yield concat.refusal("activation", [x, x], ["float32"], "expected no fused activation, which TFLite does not have for this op, found 1",
                         {"axis": 0, "fusedActivationFunction": 1})
    yield concat.refusal("int8_scales", [quant(x.astype(np.int8), 0.5, 0), quant(x.astype(np.int8), 0.25, 0)], ["int8"],
                         "expected the scale 0.25 and zero point 0 of 'x1' on 'y0' too (this op does not rescale), found 0.5 and 0",
                         {"axis": 0}, quant=(0.5, 0))
    yield concat.refusal("int16_zero", [quant(x.astype(np.int16), 0.5, 1)], ["int16"],
                         "expected zero point 0 of int16 tensors, found 1 and 1", {"axis": 0}, quant=(0.5, 1))
    yield huge("concat_huge", "CONCATENATION", "ConcatenationOptions", {"axis": 1}, (0, 2**62), 2,
               "expected extents along axis 1 whose sum fits 64 bits")
    pack, unpack = Node("PACK", "PackOptions"), Node("UNPACK", "UnpackOptions")
    yield pack.refusal("count", [x, x], ["float32"], "expected 3 inputs (values_count), found 2", {"valuesCount": 3, "axis": 0})
    yield pack.refusal("shapes", [x, x.T], ["float32"], "expected inputs of one shape, found (2, 3) of 'x0' and (3, 2) of 'x1'",
                       {"valuesCount": 2, "axis": 0})
    yield pack.refusal("axis", [x, x], ["float32"], "expected an axis in [-3, 3), found 3", {"valuesCount": 2, "axis": 3})
    yield pack.refusal("scales", [quant(x.astype(np.int8), 0.5, 0)], ["int8"],
                       "expected the scale 0.5 and zero point 0 of 'x0' on 'y0' too (this op does not rescale), found 0.5 and 1",
                       {"valuesCount": 1, "axis": 0}, quant=(0.5, 1))
    entries = "expected one output for each of the 3 entries of axis 1, found num "
    yield unpack.refusal("num", [x], ["float32"] * 3, entries + "2 and 3 outputs", {"num": 2, "axis": 1})
    yield unpack.refusal("outputs", [x], ["float32"] * 2, entries + "3 and 2 outputs", {"num": 3, "axis": 1})
    yield unpack.refusal("scalar", [np.zeros((), np.float32)], ["float32"], "expected a tensor of rank 1 to 8, found 'x0' float32 ()",
                         {"num": 1, "axis": 0})
    split, split_v = Node("SPLIT", "SplitOptions"), Node("SPLIT_V", "SplitVOptions")
    yield split.refusal("outputs", [i32(1), x], ["float32"] * 3, "expected 2 outputs (num_splits), found 3", {"numSplits": 2})
    yield split.refusal("uneven", [i32(1), x], ["float32"] * 2,
                        "expected an extent of axis 1 that 2 outputs divide evenly, found 3", {"numSplits": 2})
    yield split.refusal("uneven_at_invoke", [np.array(1, np.int32), x], ["float32"] * 2,
                        "expected an extent of axis 1 that 2 outputs divide evenly, found 3", {"numSplits": 2}, when="invoke")
    yield split.refusal("axis", [i32(2), x], ["float32"] * 2, "expected an axis in [-2, 2), found 2", {"numSplits": 2})
    axis = const(np.int32(1))
    yield split_v.refusal("count", [x, i32(1, 2, 0), axis], ["float32"] * 2, "expected a size for each of 2 outputs, found 3", {"numSplits": 2})
    yield split_v.refusal("sum", [x, i32(1, 1), axis], ["float32"] * 2,
                          "expected sizes that add up to the extent 3 of the axis, found a sum of 2", {"numSplits": 2})
    yield split_v.refusal("sum_with_rest", [x, i32(2, -1, 2), axis], ["float32"] * 3,
                          "expected sizes that add up to the extent 3 of the axis, found a sum of 4", {"numSplits": 3})
    yield split_v.refusal("two_rests", [x, i32(-1, -1), axis], ["float32"] * 2,
                          "expected at most one -1 among the sizes, found them at positions 0 and 1", {"numSplits": 2})
    yield split_v.refusal("negative", [x, np.array([5, -2], np.int32), axis], ["float32"] * 2,
                          "expected sizes in [0, 3], or one -1, found 5 at position 0", {"numSplits": 2}, when="invoke")


def huge(name, op, options, values, dims, n, message):
    """A node over n tensors without elements whose extents no file can state: BROADCAST_TO makes them."""
    g = ModelGen()
    x = g.tensor("x", "float32", (0, 1))
    shape = g.constant("shape", "int64", np.array(dims, np.int64))
    parts = [g.tensor(f"p{i}", "float32", ()) for i in range(n)]
    y = g.tensor("y0", "int32" if op == "SHAPE" else "float32", ())
    for part in parts:
        g.op("BROADCAST_TO", [x, shape], [part], "BroadcastToOptions", version=2)
    g.op(op, parts, [y], options, values)
    g.inputs([x])
    g.outputs([y])
    return Refusal(name, op, g.build(), [np.zeros((0, 1), np.float32)], message,
                   lenient="the reference cuts extents to 32 bits")


def parts(x):
    slice_, strided = Node("SLICE", "SliceOptions"), Node("STRIDED_SLICE", "StridedSliceOptions")
    reads = "the reference reads what lies before its input"
    yield slice_.refusal("begin", [x, i32(0, -1), i32(1, 1)], ["float32"], "expected begin in [0, 3] for dimension 1, found -1", lenient=reads)
    yield slice_.refusal("begin_at_invoke", [x, np.array([3, 0]), np.array([0, 0])], ["float32"],
                         "expected begin in [0, 2] for dimension 0, found 3", when="invoke")
    yield slice_.refusal("size", [x, i32(1, 0), i32(2, 3)], ["float32"],
                         "expected size in [0, 1] (or -1) for dimension 0, found 2")
    yield slice_.refusal("size_below", [x, i32(1, 0), i32(1, -2)], ["float32"],
                         "expected size in [0, 3] (or -1) for dimension 1, found -2")
    yield slice_.refusal("count", [x, i32(1, 0, 0), i32(1, 1, 1)], ["float32"], "expected 2 value(s) in 'x1' int32 (3,), found 3",
                         lenient="it ignores the third; every converter writes as many as there are dimensions")
    yield strided.refusal("stride_0", [x, i32(0, 0), i32(2, 3), i32(1, 0)], ["float32"],
                          "expected a stride other than 0, found 0 for dimension 1", {})
    index = "expected an index in [-3, 3) for dimension 1, found 3"
    yield strided.refusal("index", [x, i32(0, 3), i32(2, 4), i32(1, 1)], ["float32"], index, {"shrinkAxisMask": 2},
                          lenient="the reference leaves its output as it was")
    yield strided.refusal("index_at_invoke", [x, np.array([0, 3], np.int32), i32(2, 4), i32(1, 1)], ["float32"], index, {"shrinkAxisMask": 2},
                          when="invoke", lenient="the reference leaves its output as it was")
    yield strided.refusal("entries", [x, i32(0, 0, 0, 0), i32(1, 1, 1, 1), i32(1, 1, 1, 1)], ["float32"],
                          "expected a slice spec for 2 dimensions, found 4 entries", {"newAxisMask": 8})
    yield strided.refusal("new_axis_beyond", [x, i32(0), i32(1), i32(1)], ["float32"],
                          "expected a slice spec for 2 dimensions, found 1 entries", {"newAxisMask": 2},
                          lenient="the reference drops a dimension and with it most values")
    yield strided.refusal("long_spec", [x, i32(*[0] * 32), i32(*[1] * 32), i32(*[1] * 32)], ["float32"],
                          "expected at most 31 entries in the slice spec, found 32", {"newAxisMask": 2**31 - 4})
    yield strided.refusal("new_axes", [x, i32(*[0] * 17), i32(*[1] * 17), i32(*[1] * 17)], ["float32"],
                          "expected at most 16 dimensions with the new axes, found more", {"newAxisMask": 2**17 - 4},
                          lenient="unflow has 8 dimensions at most")
    yield strided.refusal("result", [x, i32(*[0] * 9), i32(*[1] * 9), i32(*[1] * 9)], ["float32"],
                          "expected a result of at most 8 dimensions, found 9", {"newAxisMask": 2**9 - 4},
                          lenient="unflow has 8 dimensions at most")
    yield strided.refusal("lengths", [x, i32(0, 0), i32(2), i32(1, 1)], ["float32"], "expected 2 value(s) in 'x2' int32 (1,), found 1", {})
    update = Node("DYNAMIC_UPDATE_SLICE", "DynamicUpdateSliceOptions")
    yield update.refusal("large", [x, np.zeros((3, 1), np.float32), i32(0, 0)], ["float32"],
                         "expected an update that fits into (2, 3), found (3, 1)")
    yield update.refusal("starts", [x, x, i32(0, 0, 0)], ["float32"], "expected 2 start indices, found 3")
    yield update.refusal("dtypes", [x, x.astype(np.int32), i32(0, 0)], ["float32"],
                         "expected equal dtypes, found 'x0' float32 (2, 3) and 'x1' int32 (2, 3)")
    yield update.refusal("start_dtype", [x, x, const(np.zeros(2, np.float32))], ["float32"],
                         "expected input 2 of dtype int32 or int64, found 'x2' float32 (2,)")


def around(x):
    pad, padv2, mirror = Node("PAD", "PadOptions"), Node("PADV2", "PadV2Options"), Node("MIRROR_PAD", "MirrorPadOptions")
    some = np.array([[1, 0], [0, 1]], np.int32)
    yield pad.refusal("paddings_shape", [x, const(np.zeros((3, 2), np.int32))], ["float32"],
                      "expected paddings of shape (2, 2), found (3, 2)")
    negative = np.array([[1, 0], [0, -1]], np.int32)
    yield pad.refusal("negative", [x, const(negative)], ["float32"],
                      "expected paddings of 0 and more, found 0 and -1 for dimension 1")
    yield pad.refusal("negative_at_invoke", [x, negative], ["float32"],
                      "expected paddings of 0 and more, found 0 and -1 for dimension 1", when="invoke")
    yield pad.refusal("overflow", [x, const(np.array([[0, 0], [2**63 - 1, 0]]))], ["float32"],
                      "expected paddings that leave dimension 1 below 2^63, found 9223372036854775807 and 0")
    yield pad.refusal("memory", [x, const(np.array([[0, 0], [2**62, 0]]))], ["float32"],
                      "expected an output 'y0' that fits in memory, found shape (2, 4611686018427387907)")
    yield pad.refusal("paddings_dtype", [x, const(np.zeros((2, 2), np.float32))], ["float32"],
                      "expected input 1 of dtype int32 or int64 or int16 or int8 or bool, found 'x1' float32 (2, 2)")
    yield pad.refusal("int4", [Arg(np.zeros((2, 3), np.int8), True, "int4"), const(some)], ["int4"],
                      "expected elements of whole bytes, found int4")
    yield padv2.refusal("two_values", [x, const(some), const(np.zeros(2, np.float32))], ["float32"],
                        "expected one value to pad with, found 2")
    yield padv2.refusal("value_dtype", [x, const(some), const(np.int32(0))], ["float32"],
                        "expected equal dtypes, found 'x0' float32 (2, 3) and 'x2' int32 ()")
    yield padv2.refusal("value_scale", [quant(x.astype(np.int8), 0.5, 1), const(some), quant(np.zeros((), np.int8), 0.5, 2, True)], ["int8"],
                        "expected the scale 0.5 and zero point 1 of 'y0' on 'x2' too (this op does not rescale), found 0.5 and 2",
                        quant=(0.5, 1), lenient="TensorFlow 2.21 passes over its own check and leaves the output as it was; LiteRT 2.3 refuses")
    yield mirror.refusal("mode", [x, const(some)], ["float32"], "expected mode 0 (REFLECT) or 1 (SYMMETRIC), found 2", {"mode": 2},
                         lenient="TensorFlow 2.21 takes every other mode for SYMMETRIC; LiteRT 2.3 refuses")
    most = ", which is all there is to mirror, found "
    yield mirror.refusal("reflect", [x, const(np.array([[0, 2], [0, 0]], np.int32))], ["float32"],
                         f"expected paddings of at most 1 for dimension 0{most}0 and 2", {"mode": 0}, lenient="TensorFlow 2.21 repeats the last entry; LiteRT 2.3 refuses")
    yield mirror.refusal("symmetric", [x, np.array([[0, 0], [4, 0]], np.int32)], ["float32"],
                         f"expected paddings of at most 3 for dimension 1{most}4 and 0", {"mode": 1}, when="invoke",
                         lenient="TensorFlow 2.21 repeats the last entry; LiteRT 2.3 refuses")
    dilate = Node("DILATE", "DilateOptions")
    yield dilate.refusal("below_1", [x, i32(1, 0), const(np.float32(0))], ["float32"],
                         "expected dilations of 1 and more, found 0 for dimension 1")
    yield dilate.refusal("no_value", [x, i32(1, 2), const(np.zeros(0, np.float32))], ["float32"],
                         "expected a value of whole bytes to put between, found 0 of float32")
    yield dilate.refusal("overflow", [x, const(np.array([2**62, 2**62])), const(np.float32(0))], ["float32"],
                         "expected a dilation that leaves dimension 1 below 2^63, found 4611686018427387904")
    yield dilate.refusal("scalar", [np.zeros((), np.float32), i32(), const(np.float32(0))], ["float32"],
                         "expected a tensor of rank 1 to 8, found 'x0' float32 ()")


def repeats(x):
    tile, broadcast, fill = Node("TILE", "TileOptions"), Node("BROADCAST_TO", "BroadcastToOptions", 2), Node("FILL", "FillOptions")
    multiples = "expected multiples of 0 and more with a result below 2^63, found "
    yield tile.refusal("negative", [x, i32(1, -1)], ["float32"], multiples + "-1 for dimension 1")
    yield tile.refusal("overflow", [x, const(np.array([1, 2**62]))], ["float32"], multiples + "4611686018427387904 for dimension 1",
                       lenient="TensorFlow 2.21 cuts extents to 32 bits; LiteRT 2.3 refuses")
    yield tile.refusal("count", [x, i32(2)], ["float32"], "expected 2 value(s) in 'x1' int32 (1,), found 1")
    yield tile.refusal("dtype", [x, const(np.ones(2, np.int16))], ["float32"],
                       "expected input 1 of dtype int32 or int64, found 'x1' int16 (2,)")
    fits = "expected a shape that (2, 3) broadcasts to, found "
    yield broadcast.refusal("shape", [x, i32(2, 4)], ["float32"], fits + "(2, 4)")
    yield broadcast.refusal("rank", [x, i32(3)], ["float32"], fits + "(3,)")
    yield broadcast.refusal("shape_at_invoke", [x, np.array([3, 3], np.int32)], ["float32"], fits + "(3, 3)", when="invoke")
    extent = "expected extents of 0 and more, found -1 for dimension 0"
    yield broadcast.refusal("negative", [x, i32(-1, 2, 3)], ["float32"], extent)
    yield broadcast.refusal("rank_9", [x, i32(*[1] * 7, 2, 3)], ["float32"], "expected a shape of at most 8 dimensions, found 9",
                            lenient="unflow has 8 dimensions at most")
    args = Node("BROADCAST_ARGS")
    yield args.refusal("shapes", [np.array([2, 3], np.int32), np.array([2, 2], np.int32)], ["int32"],
                       "expected shapes that broadcast, found extents 3 and 2 in the last dimension but 0", when="invoke")
    yield args.refusal("dtypes", [np.array([2, 3], np.int32), np.array([2, 2])], ["int32"],
                       "expected equal dtypes, found 'x0' int32 (2,) and 'x1' int64 (2,)")
    yield fill.refusal("negative", [i32(-1), const(np.float32(0))], ["float32"], extent)
    yield fill.refusal("int4", [i32(2), Arg(np.zeros((), np.int8), True, "int4")], ["int4"], "expected a value of whole bytes, found int4")
    yield fill.refusal("vector", [i32(2), const(np.zeros(1, np.float32))], ["float32"], "expected a tensor of rank 0, found 'x1' float32 (1,)")
    yield fill.refusal("dims", [const(np.int32(2)), const(np.float32(0))], ["float32"], "expected a tensor of rank 1, found 'x0' int32 ()")


def ranges(x):
    one_hot, node = Node("ONE_HOT", "OneHotOptions"), Node("RANGE", "RangeOptions")
    at, on, off = np.array([0, 1], np.int32), const(np.float32(1)), const(np.float32(0))
    yield one_hot.refusal("depth", [at, const(np.int32(-1)), on, off], ["float32"], "expected a depth of 0 or more, found -1", {"axis": -1})
    yield one_hot.refusal("depth_at_invoke", [at, np.array(-2, np.int32), on, off], ["float32"], "expected a depth of 0 or more, found -2",
                          {"axis": -1}, when="invoke")
    yield one_hot.refusal("values", [at, const(np.int32(2)), const(np.zeros(2, np.float32)), off], ["float32"],
                          "expected one on value and one off value, found 2 and 1 of float32", {"axis": -1})
    yield one_hot.refusal("axis", [at, const(np.int32(2)), on, off], ["float32"], "expected an axis in [-2, 2), found 2", {"axis": 2})
    yield one_hot.refusal("float_indices", [at.astype(np.float32), const(np.int32(2)), on, off], ["float32"],
                          "expected input 0 of dtype int32 or int64 or uint8 or int8, found 'x0' float32 (2,)", {"axis": -1})
    leads = "expected a step that leads from start to limit, found start "

    def span(t, *row):
        return [const(np.array(v, t)) for v in row]

    yield node.refusal("zero_step", span("int32", 0, 5, 0), ["int32"], leads + "0, limit 5, step 0")
    yield node.refusal("wrong_way", span("float32", 0, 5, -1), ["float32"], leads + "0, limit 5, step -1")
    yield node.refusal("nan", [np.array(v, np.float32) for v in (0, 5, np.nan)], ["float32"], leads + "0, limit 5, step nan", when="invoke")
    yield node.refusal("wrong_way_f64", span("float64", 0, 5, -1), ["float64"], leads + "0, limit 5, step -1")
    many = "expected a range of less than 2^31 values, found "
    yield node.refusal("many_int", span("int64", 0, 2**40, 1), ["int64"], many + "1099511627776")
    yield node.refusal("many_float", span("float32", 0, 1e30, 1), ["float32"], many + "1e+30")
    yield node.refusal("many_double", span("float64", 0, 1e30, 1), ["float64"], many + "1e+30")
    yield node.refusal("vector", [i32(0, 0), const(np.int32(4)), const(np.int32(1))], ["int32"], "expected one value as input 0, found 2")
    yield node.refusal("dtypes", [const(np.int32(0)), const(np.int64(4)), const(np.int32(1))], ["int32"],
                       "expected equal dtypes, found 'x0' int32 () and 'x1' int64 ()")
    yield node.refusal("uint8", span("uint8", 0, 4, 1), ["uint8"],
                       "expected input 0 of dtype float32 or float64 or int32 or int64 or float16 or bfloat16, found 'x0' uint8 ()")
    yield huge("shape_huge", "SHAPE", "ShapeOptions", {"outType": 2}, (0, 2**40), 1,
               "expected extents that fit int32, found 1099511627776; an output of int64 can hold it")


def blocks(x):
    deep, wide = Node("SPACE_TO_DEPTH", "SpaceToDepthOptions"), Node("DEPTH_TO_SPACE", "DepthToSpaceOptions")
    image = np.zeros((1, 4, 6, 4), np.float32)
    size = "expected a block size from 1 to 32767, found "
    yield deep.refusal("block_0", [image], ["float32"], size + "0", {"blockSize": 0})
    yield wide.refusal("block_negative", [image], ["float32"], size + "-2", {"blockSize": -2})
    yield deep.refusal("extents", [image], ["float32"], "expected a height and width that block size 4 divides, found 4 and 6", {"blockSize": 4},
                       shapes=[(1, 1, 1, 64)])
    yield wide.refusal("channels", [image], ["float32"], "expected channels that the square of block size 3 divides, found 4", {"blockSize": 3},
                       shapes=[(1, 12, 18, 1)])
    yield deep.refusal("rank", [x], ["float32"], "expected a tensor of rank 4, found 'x0' float32 (2, 3)", {"blockSize": 1})
    to_batch, to_space = Node("SPACE_TO_BATCH_ND", "SpaceToBatchNDOptions"), Node("BATCH_TO_SPACE_ND", "BatchToSpaceNDOptions")
    none = const(np.zeros((2, 2), np.int32))
    yield to_batch.refusal("two_inputs", [image, i32(2, 2)], ["float32"], "expected paddings, found 2 inputs")
    yield to_space.refusal("two_inputs", [image, i32(2, 2)], ["float32"], "expected crops, found 2 inputs")
    yield to_batch.refusal("shape", [image, i32(2, 2), const(np.zeros((2, 3), np.int32))], ["float32"],
                           "expected paddings of shape (2, 2), found (2, 3)")
    yield to_batch.refusal("int4", [Arg(np.zeros((1, 2, 2, 1), np.int8), True, "int4"), i32(2, 2), none], ["int4"],
                           "expected elements of whole bytes, found int4")
    yield to_batch.refusal("block", [image, i32(2, 0), none], ["float32"], "expected block sizes of 1 and more, found 0 for dimension 2")
    yield to_batch.refusal("negative", [image, i32(2, 2), const(np.array([[0, 0], [-2, 0]], np.int32))], ["float32"],
                           "expected paddings or crops of 0 and more, found -2 for dimension 2",
                           lenient="the reference reads what lies before its input")
    yield to_batch.refusal("uneven", [image, i32(3, 2), none], ["float32"],
                           "expected block size 3 to divide the padded extent of dimension 1, found extent 4")
    yield to_space.refusal("uneven", [image, i32(2, 2), none], ["float32"], "expected block size 2 to divide the batch, found 1")
    yield to_space.refusal("crops", [np.zeros((4, 1, 1, 1), np.float32), i32(2, 2), const(np.array([[0, 0], [2, 1]], np.int32))], ["float32"],
                           "expected crops that leave dimension 2 at 0 or more, found 2 and 1")
    yield to_batch.refusal("scale", [quant(image.astype(np.int8), 0.5, 0), i32(2, 2), none], ["int8"],
                           "expected the scale 0.5 and zero point 0 of 'x0' on 'y0' too (this op does not rescale), found 0.5 and 3",
                           quant=(0.5, 3))


def refusals(rng):
    x = np.zeros((2, 3), np.float32)
    for family in (views, orders, pieces, parts, around, repeats, ranges, blocks):
        yield from family(x)
