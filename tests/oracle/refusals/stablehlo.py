# SPDX-License-Identifier: Apache-2.0
"""stablehlo.py: what StableHLO's ops must refuse."""

import numpy as np

import stablehlo_models as models
from onenode import Arg, Node
from stablehlo_models import GT, LT, binary, comparator, refusal, scalars, sum_of_squares

F = np.zeros
NO_BYTES = "expected numbers of whole bytes, found 'x0' string (1,)"


def late(*args, **kwargs):
    """A dtype or an option that the op does not take leaves the rest of the model to run: only its outputs fail."""
    return refusal(*args, when="invoke", **kwargs)


def two_results(g):
    a = scalars(g, "float32", "float32")
    models.finish(g, a, a)


def a_vector(g):
    a = [g.tensor("a", "float32", ()), g.tensor("b", "float32", ())]
    y = g.tensor("y", "float32", (2,))
    g.op("PACK", a, [y], "PackOptions", {"valuesCount": 2, "axis": 0})
    models.finish(g, a, [y])


def no_answer(g):
    a = scalars(g, "float32", "float32")
    models.finish(g, a, [a[0]])


def elementwise():
    x = F((2, 3), np.float32)
    yield late("dtype", "STABLEHLO_COSINE", [F(3, np.int32)], ["int32"],
               "expected floats or complex numbers, found 'x0' int32 (3,)")
    yield late("dtype", "STABLEHLO_FLOOR", [F(3, np.complex64)], ["complex64"],
               "expected floats, found 'x0' complex64 (3,)")
    yield late("dtype", "STABLEHLO_ABS", [F(3, np.uint8)], ["uint8"],
                  "expected floats, complex numbers or signed integers, found 'x0' uint8 (3,)")
    yield late("dtype", "STABLEHLO_AND", [x, x], ["float32"], "expected integers or bool, found 'x0' float32 (2, 3)")
    yield late("dtype", "STABLEHLO_SHIFT_LEFT", [F(3, bool), F(3, bool)], ["bool"],
               "expected integers, found 'x0' bool (3,)")
    yield late("dtype", "STABLEHLO_CLAMP", [F((), np.complex64)] * 3, ["complex64"],
               "expected real numbers or bool, found 'x1' complex64 ()")
    yield late("dtype", "STABLEHLO_SUBTRACT", [F(3, bool), F(3, bool)], ["bool"],
               "expected numbers, found 'x0' bool (3,)")
    yield late("other_dtype", "STABLEHLO_SUBTRACT", [x, F((2, 3), np.int32)], ["float32"],
                  "expected equal dtypes, found 'x0' float32 (2, 3) and 'x1' int32 (2, 3)")
    for op in ("SUBTRACT", "SHIFT_LEFT", "AND"):
        a, b = (F((2, 3), np.int8), F((1, 3), np.int8))
        yield refusal("broadcast", f"STABLEHLO_{op}", [a, b], ["int8"],
                      "expected operands of one shape, since StableHLO does not broadcast, "
                      "found 'x0' int8 (2, 3) and 'x1' int8 (1, 3)",
                      lenient="the reference reads beyond its input" if op == "SHIFT_LEFT" else "")
    q = Arg(F(3, np.int8), scale=0.1, zero=2)
    yield late("quantized", "STABLEHLO_NEGATE", [q], ["int8"],
                  "expected values that are not quantized, found 'x0' int8 (3,); dequantize them first", quant=(0.1, 2))
    options = "StablehloCompareOptions"
    yield late("direction", "STABLEHLO_COMPARE", [x, x], ["bool"], "expected a comparison direction below 6, found 6",
               options=options,
                  values={"comparisonDirection": 6, "compareType": 0})
    yield late("type", "STABLEHLO_COMPARE", [x, x], ["bool"], "expected a comparison type below 5, found 5",
               options=options,
                  values={"comparisonDirection": 0, "compareType": 5})
    yield late("string", "STABLEHLO_SELECT", [np.array([True])] + [np.array([b"a"], object)] * 2, ["string"],
                  "expected numbers of whole bytes, found 'x1' string (1,)")


def shapes():
    x = F((2, 3), np.float32)
    yield refusal("count", "STABLEHLO_RESHAPE", [x], ["float32"],
                  "expected as many elements as the output's shape (5,) has, found "
                  "'x0' float32 (2, 3); StableHLO's shapes are fixed when a model is converted", shapes=[(5,)])
    t = {"options": "StablehloTransposeOptions"}
    yield refusal("count", "STABLEHLO_TRANSPOSE", [x], ["float32"], "expected 2 numbers in permutation, found 1",
                  values={"permutation": [0]}, **t)
    yield late("too_many", "STABLEHLO_TRANSPOSE", [x], ["float32"],
               "expected at most 8 numbers in permutation, found 9",
                  values={"permutation": [0] * 9}, **t)
    yield refusal("dimension", "STABLEHLO_TRANSPOSE", [x], ["float32"],
                  "expected dimensions of 2 in permutation, found 2", values={"permutation": [0, 2]}, **t)
    yield refusal("twice", "STABLEHLO_TRANSPOSE", [x], ["float32"],
                  "expected different dimensions in permutation, found 1 twice",
                  values={"permutation": [1, 1]}, **t)
    yield refusal("extent", "STABLEHLO_BROADCAST_IN_DIM", [x], ["float32"],
                  "expected dimension 1 of the operand to be 1 or dimension 2 of the "
                  "output's shape (2, 3, 4), found 'x0' float32 (2, 3)", options="StablehloBroadcastInDimOptions",
                  values={"broadcastDimensions": [0, 2]}, shapes=[(2, 3, 4)])
    c = {"options": "StablehloConcatenateOptions"}
    yield refusal("dimension", "STABLEHLO_CONCATENATE", [x, x], ["float32"],
                  "expected numbers from 0 to 1 in dimension, found 2", values={"dimension": 2}, **c)
    yield refusal("extent", "STABLEHLO_CONCATENATE", [x, F((2, 4), np.float32)], ["float32"],
                  "expected operands that differ in dimension 0 only, "
                  "found 'x0' float32 (2, 3) and 'x1' float32 (2, 4)", values={"dimension": 0}, **c)
    yield refusal("outside", "STABLEHLO_SLICE", [x], ["float32"],
                  "expected a slice within the 3 of dimension 1, found [1, 4)",
                  options="StablehloSliceOptions", values={"startIndices": [0, 1], "limitIndices": [2, 4],
                                                           "strides": [1, 1]})
    yield refusal("stride", "STABLEHLO_SLICE", [x], ["float32"],
                  "expected numbers from 1 to 9223372036854775807 in strides, found 0",
                  options="StablehloSliceOptions", values={"startIndices": [0, 1], "limitIndices": [2, 3],
                                                           "strides": [1, 0]})
    d = {"options": "StablehloDynamicSliceOptions"}
    i = np.zeros((), np.int32)
    yield refusal("starts", "STABLEHLO_DYNAMIC_SLICE", [x, i], ["float32"],
                  "expected a start index for each of 2 dimensions, found 1",
                  values={"sliceSizes": [1, 1]}, **d)
    yield refusal("vector", "STABLEHLO_DYNAMIC_SLICE", [x, i, F(2, np.int32)], ["float32"],
                  "expected start indices of one element, found 'x2' int32 (2,)", values={"sliceSizes": [1, 1]}, **d)
    yield refusal("size", "STABLEHLO_DYNAMIC_SLICE", [x, i, i], ["float32"],
                  "expected numbers from 0 to 3 in slice_sizes, found 4",
                  values={"sliceSizes": [1, 4]}, **d)
    yield refusal("size", "STABLEHLO_DYNAMIC_UPDATE_SLICE", [x, F((2, 4), np.float32), i, i], ["float32"],
                  "expected an update that fits into the operand, found 'x1' float32 (2, 4) for 'x0' float32 (2, 3)")
    yield refusal("dimension", "STABLEHLO_IOTA", [], ["float32"],
                  "expected numbers from 0 to 1 in iota_dimension, found 2",
                  options="StablehloIotaOptions", values={"iotaDimension": 2}, shapes=[(2, 3)])
    newer = "LiteRT 2.3 refuses it, too"
    p = {"options": "StablehloPadOptions"}
    good = {"edgePaddingLow": [0, 0], "edgePaddingHigh": [0, 0], "interiorPadding": [0, 0]}
    yield late("counts", "STABLEHLO_PAD", [x, np.float32(0)], ["float32"],
               "expected as many numbers in edge_padding_low, "
                  "edge_padding_high and interior_padding, found 2, 1 and 2", values=dict(good, edgePaddingHigh=[0]),
                  **p)
    yield refusal("value", "STABLEHLO_PAD", [x, F(2, np.float32)], ["float32"],
                  "expected a padding value of one element, found 'x1' float32 (2,)",
                  values=good, lenient=newer, **p)
    yield refusal("interior", "STABLEHLO_PAD", [x, np.float32(0)], ["float32"],
                  "expected numbers from 0 to 2147483646 in interior_padding, found -1",
                  values=dict(good, interiorPadding=[0, -1]), lenient=newer, **p)
    yield refusal("huge", "STABLEHLO_PAD", [x, np.float32(0)], ["float32"],
                  "expected padding by less than 2^63 elements, found "
                  "9223372036854775807 and 0 around dimension 0 of (2, 3)",
                  values=dict(good, edgePaddingLow=[2 ** 63 - 1, 0]), lenient=newer, **p)


def moves():
    x, i = F((5, 4), np.float32), F((3, 2), np.int32)
    g = {"options": "StablehloGatherOptions"}
    good = {"offsetDims": [1, 2], "collapsedSliceDims": [], "startIndexMap": [0, 1], "indexVectorDim": 1,
            "sliceSizes": [2, 2]}

    def gather(name, message, lenient="", **values):
        return refusal(name, "STABLEHLO_GATHER", [x, i], ["float32"], message, values=dict(good, **values),
                       shapes=[(3, 2, 2)], lenient=lenient, **g)

    beyond = "the reference reads beyond its input"
    yield gather("sizes", "expected numbers from 0 to 5 in slice_sizes, found 6", sliceSizes=[6, 2], lenient=beyond)
    yield gather("vector_dim", "expected numbers from 0 to 2 in index_vector_dim, found 3", indexVectorDim=3,
                 lenient="LiteRT 2.3 refuses it, too")
    yield refusal("starts", "STABLEHLO_GATHER", [x, F((3, 1), np.int32)], ["float32"],
                  "expected 1 numbers in start_index_map, found 2", values=good,
                  shapes=[(3, 2, 2)], lenient=beyond, **g)
    yield gather("offsets", "expected 2 numbers in offset_dims, found 1", offsetDims=[1], lenient=beyond)
    s = {"options": "StablehloScatterOptions", "bodies": {"updateComputationSubgraphIndex": binary("STABLEHLO_ADD",
                                                                                                   "float32")}}
    yield refusal("updates", "STABLEHLO_SCATTER", [x, i, F((4, 2, 2), np.float32)], ["float32"],
                  "expected updates with the dimensions of the "
                  "indices but number 1, and 2 of a window, found updates 'x2' float32 (4, 2, 2) and indices 'x1' "
                  "int32 (3, 2)",
                  values=models.scatter_values((1, 2), (), (0, 1), 1), lenient=beyond, **s)


def bodies():
    x, one = F((2, 3), np.float32), np.float32(0)
    r = {"options": "StablehloReduceOptions", "values": {"dimensions": [0]}}

    def reduce(name, message, inputs, body, outputs=("float32",), make=refusal, **kwargs):
        return make(name, "STABLEHLO_REDUCE", inputs, list(outputs), message, bodies={"bodySubgraphIndex": body},
                    **dict(r, **kwargs))

    add = binary("STABLEHLO_ADD", "float32")
    yield reduce("operands", "expected as many init values and outputs as operands, found 3 inputs and 1 outputs",
                 [x, one, one], add)
    yield reduce("init", "expected an init value of one element, found 'x1' float32 (0,)", [x, F(0, np.float32)], add)
    yield reduce("results", "expected a body with 1 outputs, found 2", [x, one], two_results)
    yield reduce("vector", "expected a body whose outputs are one element each, found 'y' float32 (2,)", [x, one],
                 a_vector)
    yield reduce("string", NO_BYTES, [np.array([b"a"], object), np.array(b"", object)], add, outputs=["string"],
                 make=late)
    w = {"options": "StablehloReduceWindowOptions", "bodies": {"bodySubgraphIndex": add}}
    good = models.window_values((1, 2), (1, 1), (1, 1), (1, 1), [(0, 0), (0, 0)])

    def window(name, message, make=refusal, **values):
        return make(name, "STABLEHLO_REDUCE_WINDOW", [x, one], ["float32"], message, values=dict(good, **values), **w)

    yield window("strides", "expected 2 numbers in window_strides, as window_dimensions has, found 1", make=late,
                 windowStrides=[1])
    yield window("padding", "expected 4 numbers in padding, as window_dimensions has, found 2", make=late,
                 padding=[0, 0])
    yield window("window", "expected numbers from 1 to 2147483647 in window_dimensions, found 0",
                 windowDimensions=[1, 0])
    yield window("crop", "expected padding that crops at most all of dimension 1, found -2 and -3 around (2, 3)",
                 padding=[0, 0, -2, -3])
    yield window("memory", "expected a padded operand that fits in memory, found shape (2, 1099511627779)",
                 padding=[0, 0, 2 ** 40, 0])
    o = {"options": "StablehloSortOptions", "values": {"dimension": 0}}
    yield refusal("outputs", "STABLEHLO_SORT", [x], ["float32", "float32"],
                  "expected as many outputs as inputs to sort, found 2 of 1",
                  bodies={"comparatorSubgraphIndex": comparator(["float32"], LT)}, **o)
    yield refusal("answer", "STABLEHLO_SORT", [x], ["float32"],
                  "expected a comparator with one output, a bool, found 1, the first 'a0' float32 ()",
                  bodies={"comparatorSubgraphIndex": no_answer}, **o)
    yield refusal("axis", "STABLEHLO_SORT", [x], ["float32"], "expected an axis in [-2, 2), found 2",
                  options="StablehloSortOptions", values={"dimension": 2},
                  bodies={"comparatorSubgraphIndex": comparator(["float32"], GT)})
    yield late("body_dtype", "STABLEHLO_SCATTER", [F(4, np.float32), F((1, 1), np.int32), F(1, np.float32)],
               ["float32"],
                  "expected equal dtypes, found 'a0' int32 () and 'x0' float32 ()", options="StablehloScatterOptions",
                  values=models.scatter_values((), (0,), (0,), 1),
                  bodies={"updateComputationSubgraphIndex": sum_of_squares("int32")})


def products():
    x, y = F((2, 3), np.float32), F((3, 4), np.float32)
    good = {"lhsContractingDimensions": [1], "rhsContractingDimensions": [0]}

    def dot(name, message, a=x, b=y, out="float32", quant=None, make=refusal, **values):
        return make(name, "STABLEHLO_DOT_GENERAL", [a, b], [out], message, options="StablehloDotGeneralOptions",
                    values=dict(good, **values), quant=quant)

    yield dot("dtype", "expected operands that can be multiplied, found 'x0' bool (2, 3)", a=x.astype(bool),
              b=y.astype(bool), out="bool", make=late)
    q = Arg(F((2, 3), np.int8), scale=0.1, zero=2)
    yield dot("quantized", "expected operands that are not quantized, found 'x0' int8 (2, 3); dequantize them first",
              a=q, b=y.astype(np.int8), out="int32", make=late)
    yield dot("result", "expected an output of the operands' kind, float32, found 'y0' int32 (shape not known yet)",
              out="int32", make=late)
    yield dot("extents", "expected contracting dimensions of equal extents in both operands, found 'x0' float32 (2, "
                         "3) and 'x1' float32 (3, 4)",
              lhsContractingDimensions=[0])
    yield dot("both", "expected dimensions to be in lhs_batching_dimensions or lhs_contracting_dimensions, found 1 "
                      "in both", lhsBatchingDimensions=[1],
              rhsBatchingDimensions=[0])
    layout = {"inputBatchDimension": 0, "inputFeatureDimension": 2, "inputSpatialDimensions": [1],
              "kernelInputFeatureDimension": 1,
              "kernelOutputFeatureDimension": 2, "kernelSpatialDimensions": [0], "outputBatchDimension": 0,
              "outputFeatureDimension": 2,
              "outputSpatialDimensions": [1], "featureGroupCount": 1, "batchGroupCount": 1}

    def conv(name, message, image=(1, 5, 2), kernel=(3, 2, 4), **values):
        return refusal(name, "STABLEHLO_CONVOLUTION", [F(image, np.float32), F(kernel, np.float32)], ["float32"],
                       message,
                       options="StablehloConvolutionOptions", values=dict(layout, **values))

    yield conv("spatial", "expected 1 spatial dimensions of the kernel, found 2", kernelSpatialDimensions=[0, 1])
    yield conv("layout", "expected different dimensions in output, found 2 twice", outputBatchDimension=2)
    yield conv("features", "expected a kernel for the input's features in 1 groups, found input 'x0' float32 (1, 5, "
                           "3) and kernel 'x1' float32 (3, 2, 4)",
               image=(1, 5, 3))
    yield conv("groups", "expected output features that 3 groups divide, found 4", image=(1, 5, 6), featureGroupCount=3)
    yield conv("group_count", "expected numbers from 1 to 2147483647 in feature_group_count, found 0",
               featureGroupCount=0)


def randoms():
    r = {"options": "StablehloRngBitGeneratorOptions"}
    for algorithm, words, numbers in ((1, 4, "2 or 3"), (2, 3, "2")):
        yield refusal(f"state_{algorithm}", "STABLEHLO_RNG_BIT_GENERATOR", [F(words, np.uint64)], ["uint64", "uint32"],
                      f"expected a state of {numbers} numbers, found 'x0' uint64 ({words},)",
                      values={"algorithm": algorithm}, shapes=[(words,), (3,)], **r)
    yield late("algorithm", "STABLEHLO_RNG_BIT_GENERATOR", [F(2, np.uint64)], ["uint64", "uint32"],
                  "expected algorithm 0 (default), 1 (Philox) or 2 (Threefry), found 3", values={"algorithm": 3},
                  shapes=[(2,), (3,)], **r)
    yield late("dtype", "STABLEHLO_RNG_BIT_GENERATOR", [F(2, np.uint64)], ["uint64", "float32"],
                  "expected output 1 of dtype int32 or int64 or uint32 or uint64, found 'y1' float32 (shape not "
                  "known yet)",
                  values={"algorithm": 1}, shapes=[(2,), (3,)], **r)


def gaps():
    """Builtins that nobody can run."""
    for op, words in (
        ("STABLEHLO_CUSTOM_CALL", "expected an op that the model defines, found a call of code outside of it; "
                                  "convert the model without custom calls"),
        ("CONCAT_EMBEDDINGS", "expected an op that is defined, found one that TensorFlow Lite declares but defines "
                              "nowhere; convert the model again"),
        ("DELEGATE", "expected an op, found what stands for nodes that a delegate took over in some interpreter; "
                     "save the model without it"),
        ("PLACEHOLDER_FOR_GREATER_OP_CODES", "expected an op, found what says that its code is in a newer field of "
                                             "the file, which is not there; "
         "the file is damaged"),
    ):
        yield Node(op).refusal("gap", [F(2, np.float32)], ["float32"], words, when="invoke")


def refusals(rng):
    for part in (elementwise, shapes, moves, bodies, products, randoms, gaps):
        yield from part()
