# SPDX-License-Identifier: Apache-2.0
"""elementwise.py: what elementwise ops and conversions must refuse.

The words stand in the tables at the end, each with the names of the refusals that must say it: at allocate, or, where it
depends on data or leaves the node out as one that unflow does not have, at invoke.
"""

import dataclasses

import numpy as np

from modelgen import flex
from onenode import Arg, Node, quant

F = np.zeros((2, 3), np.float32)
I8, I16, I32 = np.ones((2, 3), np.int8), np.ones((2, 3), np.int16), np.ones((2, 3), np.int32)
B = np.zeros((2, 3), bool)


class Bad(Node):
    """A node whose words are in the tables."""

    def bad(self, name, inputs, outputs, values=None, **more):
        return self.refusal(name, inputs, outputs, "", values, **more)


def q(x, scale=0.1, zero=0):
    return quant(x, scale, zero)


def two_operands(rng):
    add, mul, div = Bad("ADD", "AddOptions"), Bad("MUL", "MulOptions"), Bad("DIV", "DivOptions")
    yield add.bad("tanh", [F, F], ["float32"], {"fusedActivationFunction": 4}, lenient="the reference computes the sum without the activation")
    yield mul.bad("wide_shapes", [q(I16), q(I16[:1])], ["int8"], quant=(0.1, 0))
    c = F.astype(np.complex64)
    yield mul.bad("complex_relu", [c, c], ["complex64"], {"fusedActivationFunction": 1})
    pot = Bad("ADD", "AddOptions", 3)
    yield pot.bad("pot", [q(I16, 2.0**-12), q(I16, 2.0**-12)], ["int16"], {"potScaleInt16": True}, quant=(2.0**-14, 0))
    yield Bad("SUB", "SubOptions", 3).bad("pot_both", [q(I16, 2.0**-12), q(I16, 2.0**-12)], ["int16"], {"potScaleInt16": True}, quant=(2.0**-11, 0))
    for op, options in (("ADD", "AddOptions"), ("SUB", "SubOptions"), ("MUL", "MulOptions"), ("DIV", "DivOptions")):
        node = Bad(op, options)
        yield node.bad("dtypes", [F, I32], ["float32"])
        yield node.bad("shapes", [F, np.zeros((2, 4), np.float32)], ["float32"])
        yield node.bad("bool", [B, B], ["bool"])
        if op != "DIV":
            yield node.bad("zero_point", [q(I16, 0.1, 3), q(I16)], ["int16"], quant=(0.1, 0))
        yield node.bad("channels", [Arg(I8, False, "", [0.1, 0.2, 0.3], 0, 1), q(I8)], ["int8"], quant=(0.1, 0),
                           lenient="" if op in ("ADD", "SUB") else "the reference takes 0 for the scale")
    yield div.bad("by_0", [I32, I32 * 0], ["int32"])
    yield div.bad("quantized_by_0", [q(I8), q(I8, 0.1, 1)], ["int8"], quant=(0.1, 0),
                      lenient="TensorFlow 2.21 looks for the stored 0 and then divides by 0; LiteRT 2.3 refuses")
    yield div.bad("int16", [I16, I16], ["int16"], lenient="the reference divides by a scale of 0")
    for op, options in (("FLOOR_DIV", "FloorDivOptions"), ("FLOOR_MOD", "FloorModOptions")):
        for t in ("int8", "int16", "int32", "int64", "float32"):
            if (op, t) not in (("FLOOR_DIV", "int64"), ("FLOOR_MOD", "float32")):
                x = np.array([4, 5, 6], t)
                yield Bad(op, options, 2).bad(f"{t}_by_0", [x, np.array([1, 0, 2], t)], [t])
        yield Bad(op, options, 2).bad("uint8", [np.ones(3, np.uint8)] * 2, ["uint8"])
    yield Bad("POW", "PowOptions").bad("negative", [I32, -I32], ["int32"])
    yield Bad("POW", "PowOptions").bad("int64", [np.ones(3, np.int64)] * 2, ["int64"])
    for op, options in (("MAXIMUM", "MaximumMinimumOptions"), ("MINIMUM", "MaximumMinimumOptions")):
        x = np.array([b"a", b"b"], object)
        yield Bad(op, options).bad("strings", [x, x], ["string"])
    yield Bad("SQUARED_DIFFERENCE", "SquaredDifferenceOptions").bad("uint8", [np.ones(3, np.uint8)] * 2, ["uint8"])
    yield Bad("ATAN2", "ATan2Options").bad("int32", [I32, I32], ["int32"])
    yield Bad("BITWISE_XOR", "BitwiseXorOptions").bad("float", [F, F], ["float32"])
    yield Bad("RIGHT_SHIFT", "RightShiftOptions").bad("int64", [np.ones(3, np.int64)] * 2, ["int64"])
    for op in ("STABLEHLO_ADD", "STABLEHLO_MAXIMUM"):
        yield Bad(op).bad("shapes", [F, F[:1]], ["float32"])
    yield Bad("STABLEHLO_MULTIPLY").bad("strings", [np.array([b"a"], object)] * 2, ["string"])
    yield Bad("LESS", "LessOptions").bad("strings", [np.array([b"a"], object)] * 2, ["bool"])
    yield Bad("EQUAL", "EqualOptions").bad("uint64", [np.ones(3, np.uint64)] * 2, ["bool"])
    yield Bad("EQUAL", "EqualOptions").bad("scale", [q(I8, 0.1, 300), q(I8)], ["bool"], lenient="the reference's zero point is none of int8")
    yield Bad("LOGICAL_AND", "LogicalAndOptions").bad("float", [F, F], ["bool"])
    yield Bad("LOGICAL_OR", "LogicalOrOptions").bad("second", [B, F], ["bool"])
    yield Bad("ADD_N", "AddNOptions").bad("bool", [B, B], ["bool"])
    yield Bad("ADD_N", "AddNOptions").bad("shapes", [F, F[:1]], ["float32"])
    yield Bad("ADD_N", "AddNOptions").bad("dtypes", [F, I32], ["float32"])
    prelu = Bad("PRELU")
    yield prelu.bad("slopes", [F, np.zeros((4, 2, 3), np.float32)], ["float32"])
    yield prelu.bad("int16_slopes", [q(I16), q(I16)], ["int16"], quant=(0.1, 0), lenient="the reference takes the slopes for int8")
    yield prelu.bad("int32", [I32, I32], ["int32"])


def one_operand(rng):
    for op, options, bad in (("ABS", "AbsOptions", B), ("NEG", "NegOptions", B), ("SIGN", "SignOptions", I8), ("EXP", "ExpOptions", I32), ("LOG", None, I32),
                             ("SQRT", None, I32), ("RSQRT", None, I32), ("SQUARE", "SquareOptions", I32), ("FLOOR", None, I32), ("CEIL", None, I32),
                             ("ROUND", None, I32), ("SIN", None, I32), ("COS", "CosOptions", I32), ("LOGICAL_NOT", "LogicalNotOptions", F), ("RELU", None, I32),
                             ("RELU6", None, I32), ("RELU_N1_TO_1", None, I32), ("RELU_0_TO_1", None, I32), ("LEAKY_RELU", "LeakyReluOptions", I32),
                             ("ELU", None, I32), ("TANH", None, I32), ("LOGISTIC", None, I32), ("HARD_SWISH", "HardSwishOptions", I16),
                             ("GELU", "GeluOptions", I32), ("ZEROS_LIKE", "ZerosLikeOptions", Arg(I32, True, "resource"))):
        name = bad.name() if isinstance(bad, Arg) else bad.dtype.name
        yield Bad(op, options).bad(name, [bad], [name])
    for op in ("SQRT", "RSQRT"):
        yield Bad(op, None, 2).bad("negative", [q(np.array([3, 4, -1], np.int8))], ["int8"], quant=(0.1, 0))
        yield Bad(op, None, 3 if op == "RSQRT" else 2).bad("negative_int16", [q(np.array([3, -4, 1], np.int16))], ["int16"], quant=(0.1, 0))
        yield Bad(op, None, 2).bad("zero_point", [q(I16, 0.1, 2)], ["int16"], quant=(0.1, 0))
    for op in ("TANH", "LOGISTIC"):
        yield Bad(op, None, 3).bad("scale", [q(I16, 2.0**-12)], ["int16"], quant=(0.1, 0))
        yield Bad(op, None, 3).bad("zero_point", [q(I16, 2.0**-12, 1)], ["int16"], quant=(1 / 32768, 0))
    yield Bad("HARD_SWISH", "HardSwishOptions").bad("scales", [q(I8, 3.0)], ["int8"], quant=(0.01, 0))
    yield Bad("RELU", None, 2).bad("scale", [q(I8, 0.0)], ["int8"], quant=(0.1, 0), lenient="the reference multiplies by 0")


def conversion(rng):
    x = np.array([b"a", b"b"], object)
    cast, bitcast = Bad("CAST", "CastOptions"), Bad("BITCAST", "BitcastOptions")
    yield cast.bad("strings", [x], ["int32"])
    yield cast.bad("to_strings", [F], ["string"])
    yield cast.bad("int32_to_int4", [I32], ["int4"])
    yield bitcast.bad("strings", [x], ["int32"])
    yield bitcast.bad("dims", [I16], ["int32"])
    yield bitcast.bad("rank_0", [np.array(1, np.int16)], ["int32"])
    yield bitcast.bad("rank_9", [np.zeros((1,) * 8, np.float32)], ["int16"], lenient="tensors of unflow have 8 dimensions at most")
    select, v2 = Bad("SELECT", "SelectOptions"), Bad("SELECT_V2", "SelectV2Options")
    yield select.bad("condition", [F, F, F], ["float32"])
    yield select.bad("dtypes", [B, F, I32], ["float32"])
    yield select.bad("shapes", [B, F, F[:1]], ["float32"])
    yield select.bad("rows", [B[0], F, F], ["float32"])
    yield select.bad("int4", [B, Arg(I8, True, "int4"), Arg(I8, True, "int4")], ["int4"])
    yield v2.bad("shapes", [B, F, np.zeros((4,), np.float32)], ["float32"])
    yield v2.bad("condition_shape", [np.zeros((4,), bool), F, F], ["float32"])


def quantization(rng):
    quantize, dequantize = Bad("QUANTIZE", "QuantizeOptions"), Bad("DEQUANTIZE", "DequantizeOptions", 5)
    yield quantize.bad("dtypes", [F], ["int32"], quant=(0.1, 0))
    yield quantize.bad("from_bool", [B], ["int8"], quant=(0.1, 0))
    yield quantize.bad("plain_output", [F], ["int8"])
    yield quantize.bad("int4_channels", [F], ["int4"], quant=([0.1, 0.2], 0), shapes=[(2, 3)])
    yield quantize.bad("channels", [F], ["int8"], quant=([0.1] * 5, 0), shapes=[(5, 3)],
                           lenient="the reference uses the first scales only")
    yield quantize.bad("to_channels", [q(I8)], ["int8"], quant=([0.1, 0.2], 0), shapes=[(2, 3)],
                           lenient="the reference divides by a scale of 0")
    yield quantize.bad("int16_zero_point", [q(I16, 0.1, 4)], ["int16"], quant=(0.1, 0))
    yield quantize.bad("infinite", [F], ["int8"], quant=(np.inf, 0), lenient="a scale that is no number")
    resized = dequantize.bad("resized", [Arg(I8, False, "", [0.1, 0.2], 0, 0)], ["float32"], lenient="the reference reads beyond the scales")
    yield dataclasses.replace(resized, inputs=[np.zeros((4, 3), np.int8)])
    yield dequantize.bad("int32", [q(I32)], ["float32"])
    yield dequantize.bad("zero_point", [q(I8, 0.1, 2**40)], ["float32"], lenient="the reference cuts the zero point to 32 bits")
    fake = Bad("FAKE_QUANT", "FakeQuantOptions")
    yield fake.bad("narrow", [F], ["float32"], {"min": -1.0, "max": 1.0, "numBits": 8, "narrowRange": True})
    yield fake.bad("bits_17", [F], ["float32"], {"min": -1.0, "max": 1.0, "numBits": 17},
                       lenient="the reference's zero point wraps around at 16 bits")
    yield fake.bad("range", [F], ["float32"], {"min": 1.0, "max": -1.0, "numBits": 8}, lenient="the reference has steps of a negative width")
    yield fake.bad("int32", [I32], ["int32"], {"min": -1.0, "max": 1.0, "numBits": 8}, lenient="the reference takes the bits for floats")
    quiet, loud = flex({"tolerance": 5.0, "log_if_failed": False}), flex({"tolerance": 5.0, "log_if_failed": True})
    verify = Bad("CUSTOM", prefix="numeric_verify")
    yield verify.bad("count", [q(I8), F[:1]], ["float32"], custom=("NumericVerify", quiet), lenient="the reference reads beyond the floats")
    yield verify.bad("int32", [q(I32), F], ["float32"], custom=("NumericVerify", quiet))
    yield verify.bad("floats", [q(I8), I32], ["float32"], custom=("NumericVerify", quiet))
    yield verify.bad("differs", [q(I8), F + 9], ["float32"], custom=("NumericVerify", loud))
    hadamard = Bad("CUSTOM", prefix="hadamard_rotation")
    for name, size in (("none", {}), ("odd", {"hadamard_size": 6}), ("negative", {"hadamard_size": -4})):
        yield hadamard.bad(name, [F], ["float32"], custom=("aeq.hadamard_rotation", flex(size)))
    four = flex({"hadamard_size": 4})
    yield hadamard.bad("dims", [F], ["float32"], custom=("aeq.hadamard_rotation", four))
    yield hadamard.bad("rank", [np.zeros(4, np.float32)], ["float32"], custom=("aeq.hadamard_rotation", four))
    yield hadamard.bad("int32", [np.zeros((2, 4), np.int32)], ["int32"], custom=("aeq.hadamard_rotation", four))


AT_ALLOCATE = {
    "expected operands of one shape for an 8-bit output, found 'x0' int16 (2, 3) and 'x1' int16 (1, 3)":
        "mul_wide_shapes",
    "expected no fused activation for complex numbers, found one":
        "mul_complex_relu",
    "expected power-of-two scales of which one equals the output's and none is larger, found input scales 0.000244141 and 0.000244141, output scale 6.10352e-05":
        "add_pot",
    "expected power-of-two scales of which one equals the output's and none is larger, found input scales 0.000244141 and 0.000244141, output scale 0.000488281":
        "sub_pot_both",
    "expected shapes that broadcast, found 'x0' (2, 3) and 'x1' (2, 4)":
        "add_shapes sub_shapes mul_shapes div_shapes",
    "expected a zero point of 0, found 3 in 'x0' int16 (2, 3)":
        "add_zero_point sub_zero_point mul_zero_point",
    "expected one quantization scale for the whole tensor, found 3 in 'x0' int8 (2, 3)":
        "add_channels sub_channels mul_channels div_channels",
    "expected operands of one shape, found 'x0' float32 (2, 3) and 'x1' float32 (1, 3); StableHLO broadcasts by an op of its own":
        "stablehlo_add_shapes stablehlo_maximum_shapes",
    "expected a positive scale and a zero point in [-128, 127], found scale 0.1 and zero point 300 in 'x0' int8 (2, 3)":
        "equal_scale",
    "Value for attr 'T' of bool is not in the list of allowed values: expected one of float32, float16, bfloat16, float64, complex64, complex128, int8, int16, int32, int64, uint8, uint16, uint32, uint64, found 'x0' bool (2, 3)":
        "add_n_bool",
    "expected inputs of one shape, found 'x0' float32 (2, 3) and 'x1' float32 (1, 3)":
        "add_n_shapes",
    "expected slopes that broadcast to the input, found 'x1' float32 (4, 2, 3) and 'x0' float32 (2, 3)":
        "prelu_slopes",
    "expected a zero point of 0, found 2 in 'x0' int16 (2, 3)":
        "sqrt_zero_point rsqrt_zero_point",
    "expected an output scale of 1/32768, found 0.1":
        "tanh_scale logistic_scale",
    "expected a zero point of 0, found 1 in 'x0' int16 (2, 3)":
        "tanh_zero_point logistic_zero_point",
    "expected an output scale of at least input scale / 128, found 0.01 and 3":
        "hard_swish_scales",
    "expected a positive scale and a zero point in [-128, 127], found scale 0 and zero point 0 in 'x0' int8 (2, 3)":
        "relu_scale",
    "expected a last dimension of 2, found 'x0' int16 (2, 3)":
        "bitcast_dims",
    "expected a last dimension of 2, found 'x0' int16 ()":
        "bitcast_rank_0",
    "expected output 'y0' of at most 8 dimensions, found 9":
        "bitcast_rank_9",
    "expected two values of one shape and a condition of that shape, of its first extent or scalar, found (2, 3), (1, 3) and condition (2, 3)":
        "select_shapes",
    "expected two values of one shape and a condition of that shape, of its first extent or scalar, found (2, 3), (2, 3) and condition (3,)":
        "select_rows",
    "expected shapes that broadcast, found 'x1' (2, 3) and 'x2' (4,)":
        "select_v2_shapes",
    "expected shapes that broadcast, found 'x0' (4,) and 'x1' (2, 3)":
        "select_v2_condition_shape",
    "expected an output with quantization, found none in 'y0'":
        "quantize_plain_output",
    "expected 5 channels in dimension 0, found 'x0' float32 (2, 3)":
        "quantize_channels",
    "expected one quantization scale for the whole tensor, found 2 in 'y0' int8 (2, 3)":
        "quantize_to_channels",
    "expected a zero point of 0, found 4 in 'x0' int16 (2, 3)":
        "quantize_int16_zero_point",
    "expected finite scales and zero points of 30 bits, found inf and 0 in 'y0' int8 (shape not known yet)":
        "quantize_infinite",
    "expected 2 channels in dimension 0, found 'x0' int8 (4, 3)":
        "dequantize_resized",
    "expected finite scales and zero points of 30 bits, found 0.1 and 1099511627776 in 'x0' int8 (2, 3)":
        "dequantize_zero_point",
    "expected as many floats as quantized values, found 'x1' float32 (1, 3) and 'x0' int8 (2, 3)":
        "numeric_verify_count",
    "expected a last dimension that is a multiple of hadamard_size 4, found 'x0' float32 (2, 3)":
        "hadamard_rotation_dims",
    "expected a tensor of rank 2 to 3, found 'x0' float32 (4,)":
        "hadamard_rotation_rank",
}

AT_INVOKE = {
    "expected a fused activation NONE, RELU, RELU_N1_TO_1 or RELU6, found number 4":
        "add_tanh",
    "expected equal dtypes, found 'x0' float32 (2, 3) and 'x1' int32 (2, 3)":
        "add_dtypes sub_dtypes mul_dtypes div_dtypes add_n_dtypes",
    "expected floats, integers and quantized values, found 'x0' bool (2, 3)":
        "add_bool sub_bool mul_bool",
    "expected floats, int32, int64 and quantized int8, uint8 and int16, found 'x0' bool (2, 3)":
        "div_bool",
    "expected divisors other than 0, found 0 at element 0 of 'x1'":
        "div_by_0 div_quantized_by_0",
    "expected floats, int32, int64 and quantized int8, uint8 and int16, found 'x0' int16 (2, 3)":
        "div_int16",
    "expected divisors other than 0, found 0 at element 1 of 'x1'":
        "floor_div_int8_by_0 floor_div_int16_by_0 floor_div_int32_by_0 floor_div_float32_by_0 floor_mod_int8_by_0 floor_mod_int16_by_0 floor_mod_int32_by_0 floor_mod_int64_by_0",
    "expected float32, int8, int16, int32 or int64, found 'x0' uint8 (3,)":
        "floor_div_uint8 floor_mod_uint8",
    "expected exponents of integers >= 0, found -1 at element 0 of 'x1'":
        "pow_negative",
    "expected float32 or int32, found 'x0' int64 (3,)":
        "pow_int64",
    "expected numbers, found 'x0' string (2,)":
        "maximum_strings minimum_strings",
    "expected floats, int32, int64 or quantized int8, found 'x0' uint8 (3,)":
        "squared_difference_uint8",
    "expected floats, found 'x0' int32 (2, 3)":
        "atan2_int32 square_int32 floor_int32 ceil_int32 round_int32 sin_int32 cos_int32",
    "expected integers of 8, 16 or 32 bits, found 'x0' float32 (2, 3)":
        "bitwise_xor_float",
    "expected integers of 8, 16 or 32 bits, found 'x0' int64 (3,)":
        "right_shift_int64",
    "expected numbers or bool, found 'x0' string (1,)":
        "stablehlo_multiply_strings",
    "expected floats, int8, uint8, int16, int32 or int64, found 'x0' string (1,)":
        "less_strings",
    "expected floats, int8, uint8, int16, int32, int64, bool or strings, found 'x0' uint64 (3,)":
        "equal_uint64",
    "expected input 0 of dtype bool, found 'x0' float32 (2, 3)":
        "logical_and_float select_condition",
    "expected input 1 of dtype bool, found 'x1' float32 (2, 3)":
        "logical_or_second",
    "expected input 1 of dtype int8, found 'x1' int16 (2, 3)":
        "prelu_int16_slopes",
    "expected input 0 of dtype float32 or int8 or uint8 or int16, found 'x0' int32 (2, 3)":
        "prelu_int32",
    "expected floats, int8, int16, int32 or int64, found 'x0' bool (2, 3)":
        "abs_bool neg_bool",
    "expected floats or int32, found 'x0' int8 (2, 3)":
        "sign_int8",
    "expected floats, or quantized int8 or int16, found 'x0' int32 (2, 3)":
        "exp_int32 log_int32 sqrt_int32 rsqrt_int32",
    "expected bool, found 'x0' float32 (2, 3)":
        "logical_not_float32",
    "expected float32, or quantized int8, uint8 or int16, found 'x0' int32 (2, 3)":
        "relu_int32 relu6_int32 relu_n1_to_1_int32 relu_0_to_1_int32 leaky_relu_int32",
    "expected floats or quantized int8, found 'x0' int32 (2, 3)":
        "elu_int32",
    "expected floats, or quantized int8, uint8 or int16, found 'x0' int32 (2, 3)":
        "tanh_int32 logistic_int32 gelu_int32",
    "expected floats, or quantized int8 or uint8, found 'x0' int16 (2, 3)":
        "hard_swish_int16",
    "expected a value for input 0, found 'x0', which no op makes and which is neither a constant nor an input of the graph":
        "zeros_like_resource",
    "expected values >= 0, found a negative one at element 2 of 'x0'":
        "sqrt_negative rsqrt_negative",
    "expected values >= 0, found a negative one at element 1 of 'x0'":
        "sqrt_negative_int16 rsqrt_negative_int16",
    "expected numbers or bool, found 'x0' string (2,)":
        "cast_strings",
    "expected an output that float32 can be cast to, found 'y0' string":
        "cast_to_strings",
    "expected an output that int32 can be cast to, found 'y0' int4":
        "cast_int32_to_int4",
    "expected numbers of whole bytes, found 'x0' string (2,) to int32":
        "bitcast_strings",
    "expected equal dtypes, found 'x1' float32 (2, 3) and 'x2' int32 (2, 3)":
        "select_dtypes",
    "expected values of whole bytes, found int4":
        "select_int4",
    "expected dtypes between which QUANTIZE converts, found 'x0' float32 (2, 3) and int32":
        "quantize_dtypes",
    "expected input 0 of dtype float32 or int8 or uint8 or int16 or int32, found 'x0' bool (2, 3)":
        "quantize_from_bool",
    "expected an output with one scale, found 2 scales in 'y0' int4 (shape not known yet)":
        "quantize_int4_channels",
    "expected input 0 of dtype int8 or uint8 or int16 or float16 or bfloat16 or int4 or uint4 or int2 or float8_e4m3fn or float8_e5m2, found 'x0' int32 (2, 3)":
        "dequantize_int32",
    "expected narrow_range false, found true, which TFLite does not run":
        "fake_quant_narrow",
    "expected a finite min up to max and 1 to 16 bits, found min -1, max 1, 17 bits":
        "fake_quant_bits_17",
    "expected a finite min up to max and 1 to 16 bits, found min 1, max -1, 8 bits":
        "fake_quant_range",
    "expected input 0 of dtype float32, found 'x0' int32 (2, 3)":
        "fake_quant_int32",
    "expected input 0 of dtype int8 or uint8 or int16 or float16, found 'x0' int32 (2, 3)":
        "numeric_verify_int32",
    "expected input 1 of dtype float32, found 'x1' int32 (2, 3)":
        "numeric_verify_floats",
    "expected 0.1 within 0.5 of 9, found a difference of -8.9 at element 0 of 'x0'":
        "numeric_verify_differs",
    "expected option hadamard_size to be a power of two, found 0":
        "hadamard_rotation_none",
    "expected option hadamard_size to be a power of two, found 6":
        "hadamard_rotation_odd",
    "expected option hadamard_size to be a power of two, found -4":
        "hadamard_rotation_negative",
    "expected input 0 of dtype float32, found 'x0' int32 (2, 4)":
        "hadamard_rotation_int32",
}

ROWS = {"NumericVerify": "NUMERIC_VERIFY", "aeq.hadamard_rotation": "HADAMARD_ROTATION"}


def refusals(rng):
    words = {name: (text, when) for when, table in (("allocate", AT_ALLOCATE), ("invoke", AT_INVOKE))
             for text, names in table.items() for name in names.split()}
    for part in (two_operands, one_operand, conversion, quantization):
        for refusal in part(rng):
            message, when = words.pop(refusal.name)
            yield dataclasses.replace(refusal, op=ROWS.get(refusal.op, refusal.op), message=message, when=when)
    if words:
        raise ValueError(f"words of refusals that are not there: {sorted(words)}")
