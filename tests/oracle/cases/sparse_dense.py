# SPDX-License-Identifier: Apache-2.0
"""sparse_dense.py: FULLY_CONNECTED with sparse weights in every format that a reference kernel takes, and DENSIFY in front of
convolutions and products.
"""

import numpy as np

from case import Case, Close, Step
from modelgen import ModelGen

NONE, RELU, RELU_N1_TO_1, RELU6, TANH = range(5)
HYBRID = Close(2e-6, 5e-6)


def sparsified(dense, block=(), order=None, lists=np.int32):
    """(values in the order of the file, ModelGen's sparsity) of an array of any rank. block: of the last len(block) dimensions.
    order: of the dimensions, their blocks follow. The last dimension of blocks is compressed. lists: dtype of the indices."""
    rank, k = dense.ndim, len(block)
    sizes = (1,) * (rank - k) + tuple(block)
    split = dense.reshape([n for d, size in zip(dense.shape, sizes) for n in (d // size, size)])
    order = list(order or range(rank))
    blocks = split.transpose([2 * d for d in order] + [2 * d + 1 for d in range(rank)])
    used = np.any(blocks.reshape(*blocks.shape[:rank], -1) != 0, axis=-1)
    rows = used.reshape(-1, used.shape[-1])
    segments = np.concatenate([[0], np.cumsum(rows.sum(1))]).astype(lists)
    dims = [("dense", n) for n in used.shape[:-1]] + [("csr", segments, np.nonzero(rows)[1].astype(lists))]
    return blocks[used].reshape(-1), {"order": order + [rank + i for i in range(k)], "block_map": list(range(rank - k, rank)),
                                      "dims": dims + [("dense", n) for n in block]}


def thinned(rng, dense, block, density):
    """dense with whole blocks zero, but the first: a buffer without bytes is no constant."""
    sizes = (1,) * (dense.ndim - len(block)) + tuple(block)
    keep = rng.uniform(size=[d // s for d, s in zip(dense.shape, sizes)]) < density
    keep.reshape(-1)[0] = True
    for axis, size in enumerate(sizes):
        keep = np.repeat(keep, size, axis)
    return np.where(keep, dense, 0).astype(dense.dtype)


def fully_connected(rng, name, x_type, shape, batch, block, order=None, lists=np.int32, density=0.4, act=NONE, asymmetric=False,
                    channels=False, bias=True):
    """channels: None for float weights; else whether int8 ones have a scale for each row."""
    g = ModelGen()
    units, depth = shape
    integer = channels is not None
    dense = rng.integers(-127, 127, shape).astype(np.int8) if integer else rng.uniform(-1, 1, shape).astype(np.float32)
    values, sparsity = sparsified(thinned(rng, dense, block or (1,), density), block, order, lists)
    scale = rng.uniform(0.01, 0.03, units if channels else 1).astype(np.float32)
    quant = {"scale": scale, "zero": 0} if integer else {}
    w = g.tensor("w", "int8" if integer else "float32", shape, data=values, sparsity=sparsity, **quant)
    if x_type == "int8":
        x = rng.integers(-128, 127, (batch, depth)).astype(np.int8)
        a = g.tensor("x", "int8", x.shape, scale=0.05, zero=-7)
        b = g.tensor("b", "int32", (units,), data=rng.integers(-999, 999, units).astype(np.int32), scale=np.float32(0.05) * scale, zero=0)
        y = g.tensor("y", "int8", (batch, units), scale=0.7, zero=3)
    else:
        x = rng.uniform(-1, 2, (batch, depth)).astype(np.float32)
        a, y = g.tensor("x", "float32", x.shape), g.tensor("y", "float32", (batch, units))
        b = g.tensor("b", "float32", (units,), data=rng.uniform(-1, 1, units).astype(np.float32))
    g.op("FULLY_CONNECTED", [a, w] + [b] * bias, [y], "FullyConnectedOptions",
         {"fusedActivationFunction": act, "asymmetricQuantizeInputs": asymmetric})
    g.inputs([a])
    g.outputs([y])
    # Quantized ones: the reference's sparse kernel scales in integers, its dense one by a double.
    tol = Step(1) if x_type == "int8" else HYBRID if integer else Close(1e-5, 1e-5)
    return Case(name, "FULLY_CONNECTED", g.build(), [x], tol=tol)


def dense_cases(rng):
    for block in ((), (4,), (16,), (1, 4), (4, 4), (2, 2), (8, 1), (1, 16), (4, 1)):
        for lists in (np.uint8, np.uint16, np.int32):
            for batch in (1, 5):
                name = f"fc_sparse_{'x'.join(map(str, block))}_{np.dtype(lists).name}_{batch}"
                shape = (16, 48) if block or lists != np.uint8 else (8, 32)
                yield fully_connected(rng, name, "float32", shape, batch, block, lists=lists, channels=None)
    for order in ([0, 1], [1, 0]):
        for block in ((), (4, 4), (2, 8)):
            name = f"fc_sparse_order_{order[0]}{order[1]}_{'x'.join(map(str, block))}"
            yield fully_connected(rng, name, "float32", (8, 40), 3, block, order, channels=None)
    for density in (0.0, 0.05, 1.0):
        for block in ((), (1, 4)):
            yield fully_connected(rng, f"fc_sparse_density_{density}_{len(block)}", "float32", (12, 24), 2, block, density=density, channels=None)
    for act in (RELU, RELU_N1_TO_1, RELU6):
        yield fully_connected(rng, f"fc_sparse_act_{act}", "float32", (12, 24), 2, (4,), act=act, channels=None)
    yield fully_connected(rng, "fc_sparse_no_bias", "float32", (12, 24), 2, (4,), bias=False, channels=None)
    for shape in ((1, 1), (3, 7), (33, 5)):
        yield fully_connected(rng, f"fc_sparse_{shape[0]}_of_{shape[1]}", "float32", shape, 2, (), channels=None)
    for channels in (False, True):
        for units, depth in ((4, 16), (9, 32), (20, 160)):
            for act in (NONE, RELU):
                for batch in (1, 4):
                    name = f"{channels}_{units}x{depth}_{act}_{batch}"
                    yield fully_connected(rng, "fc_sparse_int8_" + name, "int8", (units, depth), batch, (16,), act=act, channels=channels)
                    for asymmetric in (False, True):
                        yield fully_connected(rng, f"fc_sparse_hybrid_{name}_{asymmetric}", "float32", (units, depth), batch, (16,),
                                              act=TANH if act else NONE, channels=channels, asymmetric=asymmetric)


# ---- DENSIFY --------------------------------------------------------------------------------------------------------------


def densified(rng, name, op, table, fields, order, image, shape, out, block=(), w_type="float32"):
    """A float op whose weights DENSIFY makes of sparse ones; of float16 and int8 by way of DEQUANTIZE."""
    g = ModelGen()
    dense = rng.integers(-127, 127, shape).astype(np.int8) if w_type == "int8" else rng.uniform(-1, 1, shape).astype(w_type)
    values, sparsity = sparsified(thinned(rng, dense, block or (1,), 0.5), block)
    quant = {"scale": 0.02, "zero": 0} if w_type == "int8" else {}
    raw = g.tensor("w", w_type, shape, data=values, sparsity=sparsity, **quant)
    w = g.tensor("Densify_output", w_type, shape, **quant)
    g.op("DENSIFY", [raw], [w], "DensifyOptions")
    if w_type == "float16":
        half, w = w, g.tensor("w_float", "float32", shape)
        g.op("DEQUANTIZE", [half], [w], "DequantizeOptions")
    tensors = {"x": g.tensor("x", "float32", image), "w": w}
    if "b" in order:
        bias = rng.uniform(-1, 1, out[-1]).astype(np.float32)
        tensors["b"] = g.tensor("b", "float32", bias.shape, data=bias)
    if "s" in order:
        tensors["s"] = g.tensor("s", "int32", (len(out),), data=np.array(out, np.int32))
    y = g.tensor("y", "float32", out)
    g.op(op, [tensors[key] for key in order], [y], table, fields)
    g.inputs([tensors["x"]])
    g.outputs([y])
    return Case(name, op, g.build(), [rng.uniform(-1, 1, image).astype(np.float32)], tol=Close(1e-5, 2e-5))


def densify_cases(rng):
    conv = {"padding": 0, "strideH": 1, "strideW": 1}
    for w_type in ("float32", "float16", "int8"):
        for block in ((), (4,)):
            tail = f"_densified_{w_type}_{len(block)}"
            yield densified(rng, "fc" + tail, "FULLY_CONNECTED", "FullyConnectedOptions", {}, "xwb", (3, 20), (12, 20), (3, 12), block, w_type)
            yield densified(rng, "conv" + tail, "CONV_2D", "Conv2DOptions", conv, "xwb", (1, 5, 6, 8), (7, 3, 3, 8), (1, 5, 6, 7), block, w_type)
            if w_type == "int8":
                continue
            yield densified(rng, "bmm" + tail, "BATCH_MATMUL", "BatchMatMulOptions", {}, "xw", (2, 3, 20), (20, 12), (2, 3, 12), block, w_type)
            yield densified(rng, "depthwise" + tail, "DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", {**conv, "depthMultiplier": 1}, "xwb",
                            (1, 5, 6, 8), (1, 3, 3, 8), (1, 5, 6, 8), block, w_type)
            yield densified(rng, "transpose_conv" + tail, "TRANSPOSE_CONV", "TransposeConvOptions", conv, "swxb", (1, 5, 6, 8), (7, 3, 3, 8),
                            (1, 5, 6, 7), block, w_type)
            yield densified(rng, "conv3d" + tail, "CONV_3D", "Conv3DOptions", {**conv, "strideD": 1}, "xwb", (1, 3, 4, 5, 4), (2, 3, 3, 4, 8),
                            (1, 3, 4, 5, 8), block, w_type)


def cases(rng):
    yield from dense_cases(rng)
    yield from densify_cases(rng)
