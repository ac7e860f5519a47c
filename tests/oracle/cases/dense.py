# SPDX-License-Identifier: Apache-2.0
"""dense.py: FULLY_CONNECTED and BATCH_MATMUL in every type, option and weights format; weights that DEQUANTIZE makes, also of
convolutions; hybrid convolutions (float32 images, integer weights). Sparse weights: sparse_dense.py.
"""

import numpy as np

from case import Case, Close, Exact, Tolerance
from modelgen import ModelGen
from onenode import Arg, Node, const, i32

NONE, RELU, RELU_N1_TO_1, RELU6, TANH, SIGN_BIT = range(6)
RANGE = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767), "int4": (-8, 7), "int2": (-2, 1)}
HYBRID = Close(1e-6, 2e-6)

DIFFERS = {
    "FULLY_CONNECTED": """Weights with blockwise scales: the reference kernel gives zeros, ours the product. Float inputs with sparse
    int8 weights that are not in blocks of 1x16: the reference reads values as if they were, ours are those of the dense weights.
    Shuffled weights with a batch other than 1 and 4: the reference writes nothing. uint8 to int16 without a bias: it ends the process.""",
    "BATCH_MATMUL": """A right matrix of int8 with float left ones, broadcast over more than one dimension: the reference takes scales of
    other rows. Transposed left matrices broadcast against a batch of 1: TensorFlow 2.21 reads memory that nobody wrote. Several scales of the right matrix with integer left ones: LiteRT's
    kernels give zeros, ours the product. int16 with int8 matrices, which LiteRT 2.3 takes and TensorFlow 2.21 does not, are tested against the formula, and likewise 16-bit weights of
    FULLY_CONNECTED (tests/python/test_nn_formulas.py).""",
}


class AnyValue(Tolerance):
    """Nobody writes it in the reference."""

    def compare(self, want, got):
        return True, 0.0

    def __repr__(self):
        return "AnyValue()"


def close(depth):
    return Close(1e-5, 1e-6 * max(depth, 1) ** 0.5)


def noise(rng, *shape):
    return rng.uniform(-1, 1, shape).astype(np.float32)


def integers(rng, dtype, shape, ends=False, lowest=False):
    """lowest: -128 may be among them; not in weights of hybrid ops, by which the reference's loops for x86 do not multiply."""
    low, high = RANGE[dtype]
    out = np.int8 if dtype in ("int4", "int2") else np.dtype(dtype)
    if dtype == "int8" and not lowest:
        low += 1
    if dtype == "uint8" and not lowest:  # bytes of int8
        return (rng.integers(-127, 127, shape, endpoint=True) if not ends else rng.choice([-127, 127], shape)).astype(np.int8).view(out)
    if ends:
        return rng.choice(np.array([low, high], out), shape)
    return rng.integers(low, high, shape, endpoint=True).astype(out)


def weights(rng, dtype, shape, channels=0, axis=0, zero=0, constant=True, ends=False, lowest=False):
    """channels: as many scales, 0: one."""
    scale = rng.uniform(0.005, 0.03, channels).astype(np.float32) if channels else np.float32(0.02)
    values = integers(rng, dtype, shape, ends, lowest)
    return Arg(values, constant, dtype, scale, zero, axis)


FC = Node("FULLY_CONNECTED", "FullyConnectedOptions", prefix="fc")


# ---- FULLY_CONNECTED ------------------------------------------------------------------------------------------------------


def fc_float(rng):
    for act in (NONE, RELU, RELU_N1_TO_1, RELU6):
        for units in (1, 3, 16, 31, 100):
            x, w = noise(rng, 5, 19), noise(rng, units, 19)
            yield FC.case(f"float_{act}_{units}", [x, const(w), const(noise(rng, units))], ["float32"],
                          {"fusedActivationFunction": act}, tol=close(19))
    for label, value in (("nan", np.nan), ("inf", np.inf)):
        for act in (NONE, RELU_N1_TO_1, RELU6) if label == "nan" else (RELU_N1_TO_1, RELU6):
            x = noise(rng, 9, 33)
            x[::3, ::5] = value
            yield FC.case(f"float_{label}_{act}", [x, const(noise(rng, 20, 33)), const(noise(rng, 20))], ["float32"],
                          {"fusedActivationFunction": act}, tol=close(33))
    for rank in range(1, 7):
        for keep in (False, True):
            shape = (2, 1, 3, 1, 2, 7)[-rank:]
            yield FC.case(f"float_rank_{rank}_{keep}", [noise(rng, *shape), const(noise(rng, 4, 7))], ["float32"],
                          {"keepNumDims": keep}, tol=close(7))
    yield FC.case("float_scalar", [np.float32(3), const(noise(rng, 4, 1)), const(noise(rng, 4))], ["float32"], tol=close(1))
    yield FC.case("float_bias_of_rank_2", [noise(rng, 3, 5), const(noise(rng, 4, 5)), const(noise(rng, 1, 4))], ["float32"], tol=close(5))


def fc_shapes(rng):
    """Rows with a rest, which does not count; sizes of 0."""
    for dtype in ("float32", "int8", "int16"):
        def x(*shape, dtype=dtype):
            return noise(rng, *shape) if dtype == "float32" else Arg(integers(rng, dtype, shape), scale=0.1, zero=0)

        def w(*shape, dtype=dtype, constant=True):
            return Arg(noise(rng, *shape), constant) if dtype == "float32" else weights(rng, "int8", shape, constant=constant)
        tol, quant = (close(9), None) if dtype == "float32" else (Exact(), (0.3, 0))
        for label, args, keep in (("rest", [x(3, 7), w(4, 5)], False), ("less_than_a_row", [x(3), w(4, 5)], False),
                                  ("scalar", [x(), w(4, 1)], False), ("scalar_no_row", [x(), w(4, 2)], False),
                                  ("no_batch", [x(0, 5), w(4, 5)], False), ("no_batch_kept", [x(2, 0, 5), w(4, 5)], True),
                                  ("no_depth", [x(3, 0), w(4, 0, constant=False)], False),
                                  ("no_depth_kept", [x(2, 3, 0), w(4, 0, constant=False)], True),
                                  ("no_units", [x(3, 5), w(0, 5, constant=False)], False),
                                  ("flattened", [x(2, 3, 4, 5), w(7, 60)], False), ("split", [x(2, 12), w(7, 4)], False)):
            yield FC.case(f"{dtype}_{label}", args, [dtype], {"keepNumDims": keep}, tol=tol, quant=quant)


    for label, shape in (("batch", (7, 20)), ("none", (0, 20)), ("rank", (2, 3, 20))):
        for dtype in ("float32", "int8", "int16", "uint8"):
            x = noise(rng, *shape) if dtype == "float32" else integers(rng, dtype, shape, lowest=True)
            if dtype == "float32":
                inputs, quant = [noise(rng, 2, 20), const(noise(rng, 9, 20))], None
            else:
                inputs = [Arg(integers(rng, dtype, (2, 20)), scale=0.05, zero=0), weights(rng, "uint8" if dtype == "uint8" else "int8", (9, 20))]
                quant = (0.3, 0)
            case = FC.case(f"{dtype}_resized_{label}", inputs, [dtype], tol=None if quant else close(20), quant=quant)
            case.inputs = [x]
            yield case
        case = FC.case(f"hybrid_resized_{label}", [noise(rng, 2, 20), weights(rng, "int8", (9, 20), 9)], ["float32"], tol=HYBRID)
        case.inputs = [noise(rng, *shape)]
        yield case


def fc_quantized(rng):
    for x_type, w_types, out in (("int8", ("int8", "int4", "int2"), "int8"), ("int16", ("int8", "int4", "int2"), "int16"),
                                 ("uint8", ("uint8",), "uint8"), ("uint8", ("uint8",), "int16")):
        low, high = RANGE[x_type]
        for w_type in w_types:
            for channels in (0, 13) if x_type != "uint8" else (0,):
                for act in (NONE, RELU, RELU_N1_TO_1, RELU6):
                    for ends in (False, True):
                        x = Arg(integers(rng, x_type, (3, 37), ends, True), scale=0.05 if x_type != "int16" else 2e-4,
                                zero=0 if x_type == "int16" else low if ends else high - 3)
                        w = weights(rng, w_type, (13, 37), channels, zero=100 if w_type == "uint8" else 0, ends=ends, lowest=True)
                        bias = rng.integers(-9999, 9999, 13).astype(np.int64 if x_type == "int16" else np.int32)
                        b = Arg(bias, True, "", np.float32(x.scale) * w.scale, 0)
                        quant = (0.004 if out == "int16" else 0.2, 0 if out == "int16" else low + 9)
                        name = f"{x_type}_{w_type}_{out}_{channels}_{act}_{ends}"
                        yield FC.case(name, [x, w, b], [out], {"fusedActivationFunction": act}, quant=quant)
    for zero in (-128, -3, 127):
        for x_type in ("int8", "int16"):
            x = Arg(integers(rng, x_type, (3, 70), lowest=True), scale=0.05, zero=0 if x_type == "int16" else 11)
            w = weights(rng, "int8", (9, 70), zero=zero, lowest=True)
            yield FC.case(f"{x_type}_weights_zero_{zero}", [x, w], [x_type], quant=(1.0 if x_type == "int8" else 90.0, 0))
    for channels in (0, 75):
        for lowest in (False, True):  # one row: kernels may have a way of their own for weights without -128
            x = Arg(integers(rng, "int8", (1, 71), lowest=True), scale=0.05, zero=5)
            w = weights(rng, "int8", (75, 71), channels, lowest=lowest)
            yield FC.case(f"int8_row_{channels}_{lowest}", [x, w], ["int8"], quant=(0.9, -4))
    for factor in (1e-12, 1e-7, 0.5, 1.0, 3.7, 1e3):
        x, w = Arg(integers(rng, "int8", (4, 20), lowest=True), scale=0.5, zero=3), weights(rng, "int8", (7, 20), lowest=True)
        yield FC.case(f"int8_factor_{factor:g}", [x, w], ["int8"], quant=(np.float32(0.01 / factor), -1))
    for code, bias in ((2, np.int32), (4, np.int64)):
        for channels in (0, 9):
            x = Arg(integers(rng, "int16", (3, 700), lowest=True), scale=2e-4, zero=0)
            w = weights(rng, "int8", (9, 700), channels, lowest=True)
            b = Arg(rng.integers(-10**8, 10**8, 9).astype(bias), True, "", np.float32(2e-4) * w.scale, 0)
            yield FC.case(f"int16_bias_{code}_{channels}", [x, w, b], ["int16"], {"quantizedBiasType": code}, quant=(0.02, 0))


def fc_stripes(rng):
    """Depths at which one more row of 96 KiB of 16-bit inputs fits into a stripe of a multiple of `tile` rows (gemm_quant.c)."""
    for tile in (4, 6, 8, 12):
        for rows in (2 * tile, 5 * tile, 7 * tile):
            depth = 49152 // rows
            for depth in (depth - depth % 2, depth - depth % 2 - 1):
                x = Arg(integers(rng, "int8", (2 * rows + 1, depth), lowest=True), scale=0.05, zero=-7)
                w = weights(rng, "int8", (3, depth), lowest=True)
                yield FC.case(f"int8_stripe_{tile}_{rows}_{depth}", [x, w], ["int8"], quant=(0.08 * depth ** 0.5, 0))
    for channels in (146, 97):  # phases of a quarter of the depth
        x = Arg(integers(rng, "int8", (1, 2, 150, channels), lowest=True), scale=0.05, zero=-7)
        w = weights(rng, "int8", (5, 4, 4, channels), 5, lowest=True)
        yield Node("TRANSPOSE_CONV", "TransposeConvOptions", prefix="transpose_conv").case(
            f"int8_stripe_{channels}", [i32(1, 4, 300, 5), w, x], ["int8"], {"padding": 0, "strideH": 2, "strideW": 2}, quant=(3.0, 0))


def fc_shuffled(rng):
    """Tiles of 4 x 16 weights, and the kernel's copy of the input as a second output."""
    for batch in (1, 4):
        for units, depth in ((4, 16), (8, 48), (36, 32), (20, 160), (132, 16)):
            for act in (NONE, RELU, RELU_N1_TO_1):
                x = Arg(integers(rng, "uint8", (batch, depth), lowest=True), scale=0.02, zero=128)
                w = Arg(integers(rng, "uint8", (units, depth), lowest=True), True, scale=0.01, zero=128)
                b = Arg(rng.integers(-9999, 9999, units).astype(np.int32), True, scale=np.float32(0.02) * np.float32(0.01), zero=0)
                yield FC.case(f"shuffled_{batch}_{units}x{depth}_{act}", [x, w, b], ["int16", "uint8"],
                              {"weightsFormat": 1, "fusedActivationFunction": act}, quant=(0.003, 0),
                              shapes=[(batch, units), (batch, depth)])


    yield FC.case("shuffled_floats", [noise(rng, 3, 7), const(noise(rng, 5, 7))], ["float32", "uint8"], {"weightsFormat": 1}, tol=[close(7), AnyValue()],
                  shapes=[(3, 5), (3, 7)])


def fc_hybrid(rng):
    for w_type in ("int8", "int4", "int2", "uint8"):
        for asymmetric in (False, True):
            for channels in (0, 21):
                for act in (NONE, RELU, RELU_N1_TO_1, RELU6, TANH, SIGN_BIT):
                    batch, depth = int(rng.choice([1, 2, 4, 7])), int(rng.choice([1, 7, 16, 33, 130]))
                    x = rng.uniform(-3, 4, (batch, depth)).astype(np.float32)
                    if act == RELU6:
                        x[0] = 0  # one row of zeros
                    inputs = [x, weights(rng, w_type, (21, depth), channels), const(noise(rng, 21))]
                    yield FC.case(f"hybrid_{w_type}_{asymmetric}_{channels}_{act}", inputs, ["float32"],
                                  {"asymmetricQuantizeInputs": asymmetric, "fusedActivationFunction": act}, tol=Close(2e-6, 3e-6))
    for asymmetric in (False, True):
        how = {"asymmetricQuantizeInputs": asymmetric}
        for label, x in (("zeros", np.zeros((3, 12), np.float32)), ("positive", noise(rng, 3, 12) + 1), ("constant", np.full((3, 12), 2.5, "f")),
                         ("large", noise(rng, 3, 12) * 1e30), ("small", noise(rng, 3, 12) * 1e-30), ("no_batch", np.zeros((0, 12), np.float32)),
                         ("rest", noise(rng, 3, 7))):
            yield FC.case(f"hybrid_{label}_{asymmetric}", [x.astype(np.float32), weights(rng, "int8", (5, 12), 5)], ["float32"], how,
                          tol=Close(2e-6, 1e25 if label == "large" else 3e-6))
        yield FC.case(f"hybrid_variable_weights_{asymmetric}", [noise(rng, 3, 12), weights(rng, "int8", (5, 12), constant=False)],
                      ["float32"], how, tol=HYBRID)


# ---- BATCH_MATMUL ---------------------------------------------------------------------------------------------------------

BMM = Node("BATCH_MATMUL", "BatchMatMulOptions", prefix="bmm")
KINDS = (("float32", "float32", "float32"), ("int8", "int8", "int8"), ("int8", "int8", "int32"), ("int16", "int16", "int16"))


def matrix(rng, dtype, shape, zero=0):
    if dtype == "float32":
        return Arg(noise(rng, *shape))
    return Arg(integers(rng, dtype, shape, lowest=True), scale=0.03 if dtype == "int8" else 1e-3, zero=zero)


def bmm_case(rng, name, kind, x_shape, y_shape, adj_x=False, adj_y=False, zeros=(0, 0, 0), scale=None):
    x_type, y_type, out = kind
    x, y = matrix(rng, x_type, x_shape, zeros[0]), matrix(rng, y_type, y_shape, zeros[1])
    depth = x_shape[-2 if adj_x else -1]
    quant = None if out in ("float32", "int32") else (scale or 0.05 * max(depth, 1) ** 0.5, zeros[2])
    return BMM.case(f"{x_type}_{y_type}_{out}_{name}", [x, y], [out], {"adjX": adj_x, "adjY": adj_y},
                    tol=close(depth) if out == "float32" else Exact(), quant=quant)


def bmm_cases(rng):
    for kind in KINDS:
        for left, right in (((), ()), ((3,), ()), ((), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((2, 1, 3), (2, 1)), ((1, 2, 1), (2, 1, 3)),
                            ((3, 2, 2), (3, 2, 2))):
            for adj_x, adj_y in ((False, False), (False, True), (True, True)):
                if adj_x and (right or left) and left != right:
                    continue  # TensorFlow 2.21 reads memory that nobody wrote
                x, y = (4, 6), (6, 5)
                name = f"{'x'.join(map(str, left))}_{'x'.join(map(str, right))}_{int(adj_x)}{int(adj_y)}"
                yield bmm_case(rng, name, kind, left + (x[::-1] if adj_x else x), right + (y[::-1] if adj_y else y), adj_x, adj_y)
        for m, k, n in ((1, 1, 1), (1, 17, 33), (5, 1, 31), (7, 3, 1), (13, 65, 15), (3, 255, 17)):
            for adj_y in (False, True):
                yield bmm_case(rng, f"{m}_{k}_{n}_{int(adj_y)}", kind, (2, m, k), (2, n, k) if adj_y else (2, k, n), False, adj_y)
        for label, x, y in (("no_rows", (2, 0, 3), (3, 4)), ("no_depth", (2, 3, 0), (0, 4)), ("no_batch", (0, 3, 2), (2, 4)),
                            ("no_columns", (2, 3, 2), (2, 0)), ("no_batch_1", (0, 3, 2), (1, 2, 4))):
            yield bmm_case(rng, label, kind, x, y)
    for x_zero in (-128, 0, 127):
        for y_zero in (-128, 5, 127):
            yield bmm_case(rng, f"zeros_{x_zero}_{y_zero}", KINDS[1], (2, 5, 19), (19, 7), zeros=(x_zero, y_zero, -x_zero - 1))
            yield bmm_case(rng, f"zeros_{x_zero}_{y_zero}", KINDS[2], (2, 5, 19), (19, 7), zeros=(x_zero, y_zero, 0))
    for factor in (1e-12, 0.5, 2.0, 300.0):
        for kind in (KINDS[1], KINDS[3]):
            scale = np.float32((9e-4 if kind[0] == "int8" else 1e-6) / factor)
            yield bmm_case(rng, f"factor_{factor:g}", kind, (2, 5, 19), (2, 19, 7), scale=scale)
    for kind in KINDS:
        for label, x_shape, y_shape in (("batch", (5, 4, 6), (6, 3)), ("both", (2, 3, 7, 9), (3, 9, 2)), ("rank", (4, 6), (1, 2, 6, 5))):
            case = bmm_case(rng, f"resized_{label}", kind, (2, 4, 6), (2, 6, 5))
            case.inputs = [matrix(rng, kind[0], x_shape).value, matrix(rng, kind[1], y_shape).value]
            yield case
    for label, value in (("nan", np.nan), ("inf", np.inf)):
        x = noise(rng, 2, 9, 33)
        x[:, ::4, 7] = value
        yield BMM.case(f"float_{label}", [x, noise(rng, 33, 20)], ["float32"], tol=close(33))
    for asymmetric in (False, True):
        for channels in (0, 19):
            for adj_y in (False, True):
                for x_shape in ((3, 12), (2, 3, 12), (2, 1, 3, 12)):
                    y = weights(rng, "int8", (19, 12) if adj_y else (12, 19), channels, 0 if adj_y else 1)
                    name = f"hybrid_{asymmetric}_{channels}_{int(adj_y)}_rank_{len(x_shape)}"
                    yield BMM.case(name, [rng.uniform(-3, 4, x_shape).astype(np.float32), y], ["float32"],
                                   {"adjY": adj_y, "asymmetricQuantizeInputs": asymmetric}, tol=Close(2e-6, 4e-6))


# ---- hybrid convolutions ---------------------------------------------------------------------------------------------------


def hybrid_convolutions(rng):
    conv = {"padding": 0, "strideH": 1, "strideW": 1}
    for w_type in ("int8", "int4", "uint8"):
        for channels in (0, 19):
            for act in (NONE, RELU, RELU_N1_TO_1, RELU6, TANH):
                for groups in (1, 3):
                    if w_type == "uint8" and (groups > 1 or channels):
                        continue
                    x = rng.uniform(-3, 4, (2, 6, 5, 9)).astype(np.float32)
                    filters = channels or 19
                    filters = filters if groups == 1 else 18
                    w = weights(rng, w_type, (filters, 3, 2, 9 // groups), filters if channels or groups > 1 else 0)
                    yield Node("CONV_2D", "Conv2DOptions", prefix="conv").case(
                        f"hybrid_{w_type}_{channels}_{act}_{groups}", [x, w, const(noise(rng, filters))], ["float32"],
                        {**conv, "fusedActivationFunction": act}, tol=HYBRID)
    for image, kernel, stride in (((1, 1, 1, 5), (1, 1), 1), ((3, 1, 1, 5), (3, 3), 1), ((2, 9, 8, 5), (2, 5), 3), ((1, 20, 3, 1), (4, 1), 2),
                                  ((2, 4, 4, 64), (1, 1), 1)):
        for spread in (False, True):
            x = rng.uniform(-1, 3, image).astype(np.float32)
            if spread:
                x *= (10.0 ** np.arange(image[0])).reshape(-1, 1, 1, 1).astype(np.float32)
            w = weights(rng, "int8", (7, *kernel, image[3]), 7 if spread else 0)
            name = f"hybrid_{'x'.join(map(str, image))}_{spread}"
            yield Node("CONV_2D", "Conv2DOptions", prefix="conv").case(name, [x, w, const(noise(rng, 7))], ["float32"],
                                                                    {**conv, "strideH": stride, "strideW": stride}, tol=HYBRID)
            w = weights(rng, "int8", (1, *kernel, 2 * image[3]), 2 * image[3], 3)
            yield Node("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", prefix="depthwise").case(
                name, [x, w, const(noise(rng, 2 * image[3]))], ["float32"],
                {**conv, "strideH": stride, "strideW": stride, "depthMultiplier": 2}, tol=HYBRID)
            w = weights(rng, "int8", (7, *kernel, image[3]), 7)
            shape = i32(image[0], image[1] * stride, image[2] * stride, 7)
            yield Node("TRANSPOSE_CONV", "TransposeConvOptions", prefix="transpose_conv").case(
                name, [shape, w, x, const(noise(rng, 7))], ["float32"], {**conv, "strideH": stride, "strideW": stride},
                tol=Close(1e-5, 2e-5 * 10 ** image[0]))
    for act in (NONE, RELU, RELU_N1_TO_1, RELU6, TANH):
        for channels in (1, 8, 33):
            x = rng.uniform(-3, 4, (2, 5, 6, channels)).astype(np.float32)
            w = weights(rng, "int8", (1, 3, 3, channels), channels, 3)
            yield Node("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", prefix="depthwise").case(
                f"hybrid_{act}_{channels}", [x, w], ["float32"], {**conv, "depthMultiplier": 1, "fusedActivationFunction": act}, tol=HYBRID)


# ---- weights that another node makes ------------------------------------------------------------------------------------------


def dequantized(rng, name, op, table, fields, order, image, shape, bias, w_type, out, depth, step="DEQUANTIZE"):
    """A float op whose constant weights and bias come from float16 or integers."""
    g = ModelGen()

    def made(label, shape, axis=0):
        if w_type == "float16":
            raw = g.tensor(label, "float16", shape, data=noise(rng, *shape).astype(np.float16))
        else:
            raw = g.tensor(label, w_type, shape, data=integers(rng, w_type, shape), scale=rng.uniform(0.01, 0.1, shape[axis]),
                           zero=[0] * shape[axis], axis=axis)
        value = g.tensor(label + "_float", "float32", shape)
        g.op(step, [raw], [value], step.capitalize() + "Options")
        return value
    tensors = {"x": g.tensor("x", "float32", image), "w": made("w", shape)}
    if bias:
        tensors["b"] = made("b", (bias,))
    if "s" in order:
        tensors["s"] = g.tensor("s", "int32", (len(out),), data=np.array(out, np.int32))
    y = g.tensor("y", "float32", out)
    g.op(op, [tensors[key] for key in order if key in tensors], [y], table, fields)
    g.inputs([tensors["x"]])
    g.outputs([y])
    return Case(name, op, g.build(), [noise(rng, *image)], tol=close(depth))


def dequantized_cases(rng):
    conv = {"padding": 0, "strideH": 1, "strideW": 1}
    for w_type in ("float16", "int8", "int4"):
        yield dequantized(rng, f"fc_from_{w_type}", "FULLY_CONNECTED", "FullyConnectedOptions", {}, "xwb", (3, 21), (17, 21), 17, w_type,
                          (3, 17), 21)
        yield dequantized(rng, f"bmm_from_{w_type}", "BATCH_MATMUL", "BatchMatMulOptions", {}, "xw", (2, 3, 21), (21, 17), 0, w_type,
                          (2, 3, 17), 21)
        yield dequantized(rng, f"conv_from_{w_type}", "CONV_2D", "Conv2DOptions", conv, "xwb", (1, 5, 6, 4), (17, 3, 3, 4), 17, w_type,
                          (1, 5, 6, 17), 36)
        yield dequantized(rng, f"conv_groups_from_{w_type}", "CONV_2D", "Conv2DOptions", conv, "xwb", (1, 5, 6, 4), (6, 3, 3, 2), 6, w_type,
                          (1, 5, 6, 6), 18)
        yield dequantized(rng, f"depthwise_from_{w_type}", "DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", {**conv, "depthMultiplier": 2},
                          "xwb", (1, 5, 6, 9), (1, 3, 3, 18), 18, w_type, (1, 5, 6, 18), 9)
        yield dequantized(rng, f"transpose_conv_from_{w_type}", "TRANSPOSE_CONV", "TransposeConvOptions",
                          {**conv, "strideH": 2, "strideW": 2}, "swxb", (1, 5, 6, 4), (17, 3, 3, 4), 17, w_type, (1, 10, 12, 17), 36)
        yield dequantized(rng, f"conv3d_from_{w_type}", "CONV_3D", "Conv3DOptions", {**conv, "strideD": 1}, "xwb", (1, 3, 4, 5, 4),
                          (2, 3, 3, 4, 9), 9, w_type, (1, 3, 4, 5, 9), 72)


def cases(rng):
    yield from fc_float(rng)
    yield from fc_shapes(rng)
    yield from fc_quantized(rng)
    yield from fc_stripes(rng)
    yield from fc_shuffled(rng)
    yield from fc_hybrid(rng)
    yield from bmm_cases(rng)
    yield from hybrid_convolutions(rng)
    yield from dequantized_cases(rng)
