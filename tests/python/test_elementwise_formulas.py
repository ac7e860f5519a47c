# SPDX-License-Identifier: Apache-2.0
"""Elementwise ops and conversions where TensorFlow's reference kernels do not tell: types and ranks that only LiteRT
2.3 takes, or nobody, and results that the reference gets wrong. Beside NumPy's formulas, and beside LiteRT where it is.
"""

import math

import numpy as np
import pytest

ml_dtypes = pytest.importorskip("ml_dtypes")
pytest.importorskip("flatbuffers")

from modelgen import DTYPES, ModelGen, flex  # noqa: E402
from onenode import Arg, Node, numbers, quant  # noqa: E402
from unflow.lite import Interpreter  # noqa: E402

RNG = np.random.default_rng(6)
BINARY = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions", "DIV": "DivOptions", "MAXIMUM": "MaximumMinimumOptions",
          "MINIMUM": "MaximumMinimumOptions", "SQUARED_DIFFERENCE": "SquaredDifferenceOptions", "FLOOR_DIV": "FloorDivOptions", "FLOOR_MOD": "FloorModOptions",
          "POW": "PowOptions", "ATAN2": "ATan2Options", "LESS": "LessOptions", "LESS_EQUAL": "LessEqualOptions", "GREATER": "GreaterOptions",
          "GREATER_EQUAL": "GreaterEqualOptions", "EQUAL": "EqualOptions", "NOT_EQUAL": "NotEqualOptions", "LOGICAL_AND": "LogicalAndOptions",
          "LOGICAL_OR": "LogicalOrOptions", "BITWISE_XOR": "BitwiseXorOptions", "RIGHT_SHIFT": "RightShiftOptions"}
NUMPY = {"ADD": np.add, "SUB": np.subtract, "MUL": np.multiply, "DIV": np.divide, "MAXIMUM": np.maximum, "MINIMUM": np.minimum,
         "SQUARED_DIFFERENCE": lambda a, b: (a - b) * (a - b), "FLOOR_DIV": np.floor_divide, "FLOOR_MOD": np.mod, "POW": np.power, "ATAN2": np.arctan2,
         "LESS": np.less, "LESS_EQUAL": np.less_equal, "GREATER": np.greater, "GREATER_EQUAL": np.greater_equal, "EQUAL": np.equal,
         "NOT_EQUAL": np.not_equal, "LOGICAL_AND": np.logical_and, "LOGICAL_OR": np.logical_or, "BITWISE_XOR": np.bitwise_xor,
         "RIGHT_SHIFT": np.right_shift}
SPECIALS = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 3e9, -3e9, 300.7, -300.7, 1e10, -0.5, 0.5, 70000, 2.0**63, 2.0**31, -129, 255.9], np.float64)


def run_with(interpreter, feeds):
    for detail, value in zip(interpreter.get_input_details(), feeds):
        if tuple(detail["shape"]) != value.shape:
            interpreter.resize_tensor_input(detail["index"], value.shape)
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), feeds):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def run(case):
    return run_with(Interpreter(model_content=case.model), case.inputs)


def run_op(op, inputs, output, options=None, **more):
    return run(Node(op, options or BINARY.get(op), more.pop("node_version", 1)).case("x", inputs, [output], **more))


def array_dtype(name):
    return ml_dtypes.bfloat16 if name == "bfloat16" else name


def reals(dtype, shape, low=-3.0, high=3.0):
    return RNG.uniform(low, high, shape).astype(array_dtype(dtype))


def assert_rounded(got, want, dtype):
    """got is `want` (float64) in dtype, but for a unit in the last place."""
    assert got.dtype == array_dtype(dtype)
    unit = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-20, "float64": 2.0**-45}[dtype]
    np.testing.assert_allclose(got.astype(np.float64), want, rtol=unit, atol=6e-8 if dtype == "float16" else 1e-30)


# ---- types ---------------------------------------------------------------------------------------------


OTHER_FLOATS = [(op, dtype) for op in ("ADD", "SUB", "MUL", "DIV", "ATAN2", "MAXIMUM") for dtype in ("float16", "bfloat16", "float64")]


@pytest.mark.parametrize("op, dtype", [*OTHER_FLOATS, ("SQUARED_DIFFERENCE", "float16"), ("SQUARED_DIFFERENCE", "bfloat16")])
def test_other_floats(op, dtype):
    for a, b in (((3, 5), (3, 5)), ((2, 3, 4), (4,)), ((), (7,)), ((33,), ())):
        x, y = reals(dtype, a), reals(dtype, b, 0.5, 3)
        assert_rounded(run_op(op, [x, y], dtype), NUMPY[op](x.astype(np.float64), y.astype(np.float64)), dtype)


UNARY = {"EXP": ("ExpOptions", np.exp), "LOG": (None, np.log), "SIN": (None, np.sin), "COS": ("CosOptions", np.cos), "SQRT": (None, np.sqrt),
         "RSQRT": (None, lambda x: 1 / np.sqrt(x)), "SQUARE": ("SquareOptions", np.square), "ABS": ("AbsOptions", np.abs), "CEIL": (None, np.ceil),
         "ELU": (None, lambda x: np.where(x < 0, np.expm1(x), x)), "SIGN": ("SignOptions", np.sign),
         "GELU": ("GeluOptions", lambda x: x * (1 + np.vectorize(math.erf)(x / np.sqrt(2))) / 2),
         "HARD_SWISH": ("HardSwishOptions", lambda x: x * np.clip(x + 3, 0, 6) / 6)}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("op", UNARY)
def test_half_functions(op, dtype):
    options, function = UNARY[op]
    x = reals(dtype, (5, 67), 0.1, 9)
    assert_rounded(run_op(op, [x], dtype, options), function(x.astype(np.float64)), dtype)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_sums_of_any_integers_wrap(dtype):
    x = [numbers(RNG, dtype, (41,)) for _ in range(3)]
    np.testing.assert_array_equal(run_op("ADD_N", x, dtype, "AddNOptions"), x[0] + x[1] + x[2])
    if dtype in ("uint16", "uint32", "uint64"):
        np.testing.assert_array_equal(run_op("SUB", x[:2], dtype), x[0] - x[1])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_extremes_of_any_integers(dtype):
    x, y = numbers(RNG, dtype, (41,)), numbers(RNG, dtype, (41,))
    for op in ("MAXIMUM", "MINIMUM"):
        np.testing.assert_array_equal(run_op(op, [x, y], dtype), NUMPY[op](x, y))


def test_the_least_integer_by_minus_one_wraps():
    """A trap in the reference."""
    for dtype, ops in (("int32", ("DIV", "FLOOR_DIV", "FLOOR_MOD")), ("int64", ("FLOOR_MOD",)), ("int16", ("FLOOR_DIV",)), ("int8", ("FLOOR_DIV",))):
        least = np.iinfo(dtype).min
        for op in ops:
            got = run_op(op, [np.array([least, 7], dtype), np.array([-1, -1], dtype)], dtype)
            assert got.tolist() == ([0, 0] if op == "FLOOR_MOD" else [least, -7])


def test_not_equal_of_plain_int16():
    x, y = np.array([1, 2, 3, -4], np.int16), np.array([1, 5, 3, 4], np.int16)
    assert run_op("NOT_EQUAL", [x, y], "bool").tolist() == [False, True, False, True]


@pytest.mark.parametrize("dtype", ["float64", "complex64", "complex128", "string"])
def test_select_of_wide_values(dtype):
    if dtype == "string":
        x, y = np.array([b"a", b"bb", b""], object), np.array([b"x", b"", b"zz"], object)
    else:
        x, y = numbers(RNG, dtype, (3,)), numbers(RNG, dtype, (3,))
    c = np.array([True, False, True])
    for op, options in (("SELECT", "SelectOptions"), ("SELECT_V2", "SelectV2Options")):
        assert run_op(op, [c, x, y], dtype, options).tolist() == np.where(c, x, y).tolist()


# ---- ranks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rank", [5, 6, 7, 8])
@pytest.mark.parametrize("op", BINARY)
def test_broadcasting_to_any_rank(op, rank):
    full = [2, 1, 3, 2, 1, 2, 2, 3][:rank]
    a = [d if RNG.random() < 0.6 else 1 for d in full]
    b = [d if x == 1 or RNG.random() < 0.5 else 1 for d, x in zip(full, a)]
    if op.startswith("LOGICAL"):
        x, y = numbers(RNG, "bool", a), numbers(RNG, "bool", b)
    elif op in ("BITWISE_XOR", "RIGHT_SHIFT"):
        x, y = numbers(RNG, "int32", a), RNG.integers(0, 20, b).astype(np.int32)
    else:
        x, y = RNG.integers(1, 5, a).astype(np.float32), RNG.integers(1, 5, b[rank // 3:]).astype(np.float32)
    want = NUMPY[op](x, y)
    np.testing.assert_allclose(run_op(op, [x, y], want.dtype.name), want, rtol=1e-6)


def test_select_of_rank_8():
    shapes = ((2, 1, 2, 1, 2, 1, 2, 1), (1, 2, 1, 2, 1, 2, 1, 2), (2, 2))
    c, x, y = numbers(RNG, "bool", shapes[0]), numbers(RNG, "float32", shapes[1]), numbers(RNG, "float32", shapes[2])
    np.testing.assert_array_equal(run_op("SELECT_V2", [c, x, y], "float32", "SelectV2Options"), np.where(c, x, y))


# ---- what the reference gets wrong -------------------------------------------------------------------------


@pytest.mark.parametrize("op", ["ADD", "SUB", "MUL", "DIV"])
def test_infinities_stay(op):
    x = np.array([np.inf, -np.inf, 1, 3e38, -3e38, 1e30, np.nan], np.float32)
    y = np.array([1, 2, 0, 3e38, 3e38, 1e-30, np.inf], np.float32)
    with np.errstate(all="ignore"):
        want = NUMPY[op](x, y)
        np.testing.assert_array_equal(run_op(op, [x, y], "float32"), want)
        np.testing.assert_array_equal(run_op(op, [x, y], "float32", values={"fusedActivationFunction": 1}), np.where(want < 0, 0, want))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@pytest.mark.parametrize("op", ["ADD", "SUB"])
def test_sums_of_a_tiny_output_scale_are_at_the_limits(op, dtype):
    info = np.iinfo(dtype)
    x, y = numbers(RNG, dtype, (60,)), numbers(RNG, dtype, (60,))
    for scale in (1e-3, 1e-5, 1e-7, 1e-12):
        real = NUMPY[op](x.astype(np.int64), y.astype(np.int64)) / scale
        got = run_op(op, [quant(x, 1.0, 0), quant(y, 1.0, 0)], dtype, values={"potScaleInt16": False}, quant=(scale, 0))
        np.testing.assert_allclose(got, np.clip(real, info.min, info.max), atol=1.0 if dtype != "int16" else 0.001 / scale)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@pytest.mark.parametrize("scales", [(1.0, 1.0), (1.5, 1.5), (4.0, 2.0), (300.0, 300.0), (1e6, 1e6), (2.0, 0.5)])
def test_comparison_of_large_scales(dtype, scales):
    x, y = numbers(RNG, dtype, (200,)), numbers(RNG, dtype, (200,))
    y[:50] = x[:50]
    for op in ("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"):
        a, b = x.astype(np.float64) * scales[0], y.astype(np.float64) * scales[1]
        if dtype == "int16" and "EQUAL" not in (op, op[4:]):
            a, b = x, y  # an ordering of int16 looks at no scale
        got = run_op(op, [quant(x, scales[0], 0), quant(y, scales[1], 0)], "bool")
        np.testing.assert_array_equal(got, NUMPY[op](a, b))


@pytest.mark.parametrize("op", ["TANH", "LOGISTIC"])
@pytest.mark.parametrize("scale", [5.0, 6.0, 10.0, 1000.0, 1e9])
def test_int16_of_large_scales_saturates(op, scale):
    x = np.array([-32768, -20000, -3, -1, 0, 1, 3, 20000, 32767], np.int16)
    with np.errstate(over="ignore"):
        real = np.tanh(x * scale) if op == "TANH" else 1 / (1 + np.exp(-x.astype(np.float64) * scale))
    got = run_op(op, [quant(x, scale, 0)], "int16", node_version=3, quant=(1 / 32768, 0))
    np.testing.assert_allclose(got, np.clip(real * 32768, -32768, 32767), atol=12)


def test_exp_of_int16_is_at_the_limit():
    x = np.array([32767, 30000, 20000, 0, -32768], np.int16)
    got = run_op("EXP", [quant(x, 0.05, 0)], "int16", "ExpOptions", node_version=2, quant=(0.01, 0))
    assert got[:3].tolist() == [32767] * 3 and got[4] == 0


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_quantize_saturates(dtype):
    info = np.iinfo(dtype)
    x = np.array([np.inf, -np.inf, 1e30, -1e30, 3e9, -3e9], np.float32)
    for zero in (0, info.min + 3, info.max - 3):
        got = run_op("QUANTIZE", [x], dtype, "QuantizeOptions", quant=(0.5, 0 if dtype == "int16" else zero))
        assert got.tolist() == [info.max, info.min] * 3


# ---- conversion ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool"])
@pytest.mark.parametrize("of", ["float32", "float16", "bfloat16", "float64", "complex64"])
def test_cast_saturates(of, to):
    with np.errstate(over="ignore", invalid="ignore"):
        x = SPECIALS.astype(array_dtype(of))
    real = x.real.astype(np.float64) if of == "complex64" else x.astype(np.float64)
    if to == "bool":
        want = [bool(v != 0) for v in real]
    else:
        info = np.iinfo(to)
        want = [info.max if v != v else info.max if v >= info.max else info.min if v <= info.min else int(v) for v in real]
    assert run_op("CAST", [x], to, "CastOptions").tolist() == want


@pytest.mark.parametrize("dtype, low, high", [("int4", -8, 7), ("uint4", 0, 15), ("int2", -2, 1)])
def test_packed_integers(dtype, low, high):
    for n in (1, 2, 3, 4, 5, 8, 255, 256, 257, 1001):
        x = RNG.integers(low, high, n, endpoint=True).astype(DTYPES[dtype][1])
        np.testing.assert_array_equal(run_op("CAST", [Arg(x, True, dtype)], "float32", "CastOptions"), x.astype(np.float32))
        np.testing.assert_array_equal(run_op("DEQUANTIZE", [Arg(x, True, dtype, 0.25, 1)], "float32", "DequantizeOptions"), (x.astype(np.float32) - 1) * 0.25)
        y = RNG.uniform(low - 3, high + 3, n).astype(np.float32)
        np.testing.assert_array_equal(run_op("CAST", [y], dtype, "CastOptions"), np.trunc(np.clip(y, low, high)))
        if dtype != "int2":
            away = np.sign(y / 0.5) * np.floor(np.abs(y / 0.5) + 0.5)
            np.testing.assert_array_equal(run_op("QUANTIZE", [y], dtype, "QuantizeOptions", quant=(0.5, 1)), np.clip(away + 1, low, high))
    special = np.array([np.nan, np.inf, -np.inf], np.float32)
    assert run_op("CAST", [special], dtype, "CastOptions").tolist() == [high, high, low]


def test_dequantize_bfloat16():
    x = reals("bfloat16", (3, 41))
    np.testing.assert_array_equal(run_op("DEQUANTIZE", [x], "float32", "DequantizeOptions"), x.astype(np.float32))


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2"])
def test_float8(dtype):
    """In LiteRT's sources, though not in its wheels."""
    kind = getattr(ml_dtypes, dtype)
    codes = np.arange(256).astype(np.uint8)
    reals_of = codes.view(kind).astype(np.float32)
    np.testing.assert_array_equal(run_op("DEQUANTIZE", [Arg(codes, True, dtype)], "float32", "DequantizeOptions"), reals_of)
    for to in ("float32", "float64", "float16", "bfloat16"):
        got = run_op("CAST", [Arg(codes, True, dtype)], to, "CastOptions")
        np.testing.assert_array_equal(got.astype(np.float64), reals_of.astype(array_dtype(to)).astype(np.float64))
    for to in ("int8", "uint8", "int32"):
        info = np.iinfo(to)
        want = [info.max if v != v or v >= info.max else info.min if v <= info.min else int(v) for v in reals_of]
        assert run_op("CAST", [Arg(codes, True, dtype)], to, "CastOptions").tolist() == want
    x = np.concatenate([RNG.uniform(-500, 500, 300), RNG.uniform(-1, 1, 300), [0, -0.0, np.inf, -np.inf, np.nan, 1e-9, 448, 464, 465]]).astype(np.float32)
    for value in (x, x.astype(np.float16), RNG.integers(-128, 127, 99).astype(np.int8), np.array([True, False])):
        got = run_op("CAST", [value], dtype, "CastOptions")
        np.testing.assert_array_equal(got.view(kind).astype(np.float32), value.astype(kind).astype(np.float32))


@pytest.mark.parametrize("dtype, low, high", [("int4", -8, 7), ("int8", -128, 127), ("int2", -2, 1)])
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("with_zeros", [False, True])
def test_dequantize_by_blocks(dtype, low, high, half, with_zeros):
    for shape, block in (((3, 64), 32), ((2, 3, 8), 4), ((5, 6), 6), ((4,), 1)):
        x = RNG.integers(low, high, shape, endpoint=True).astype(np.int8)
        blocks = shape[:-1] + (shape[-1] // block,)
        scales = RNG.uniform(0.1, 2, blocks).astype(np.float16 if half else np.float32)
        zeros = RNG.integers(low, high, blocks, endpoint=True).astype(np.int32)
        g = ModelGen()
        s = g.constant("s", scales.dtype.name, scales)
        z = g.constant("z", "int32", zeros) if with_zeros else -1
        a = g.constant("x", dtype, x, block=(s, z, block))
        y = g.tensor("y", "float32", shape)
        g.op("DEQUANTIZE", [a], [y], "DequantizeOptions", version=6)
        g.inputs([])
        g.outputs([y])
        got = run_with(Interpreter(model_content=g.build()), [])
        wide = np.repeat(scales.astype(np.float32), block, axis=-1)
        np.testing.assert_array_equal(got, wide * (x - (np.repeat(zeros, block, axis=-1) if with_zeros else 0)).astype(np.float32))


@pytest.mark.parametrize("dtype", ["int8", "float16"])
def test_dequantize_sparse_constants(dtype):
    """The reference takes the kept values for all of them."""
    dense = np.array([[1, 0, 0, 2], [0, 0, 3, 0], [0, 0, 0, 0], [4, 5, 0, 0]], dtype)
    g = ModelGen()
    rows = {"order": [0, 1], "dims": [("dense", 4), ("csr", [0, 2, 3, 3, 5], [0, 3, 2, 0, 1])]}
    x = g.tensor("x", dtype, (4, 4), data=dense[dense != 0].tobytes(), scale=0.5 if dtype == "int8" else None, zero=0, sparsity=rows)
    y = g.tensor("y", "float32", (4, 4))
    g.op("DEQUANTIZE", [x], [y], "DequantizeOptions", version=3)
    g.inputs([])
    g.outputs([y])
    got = run_with(Interpreter(model_content=g.build()), [])
    np.testing.assert_array_equal(got, dense.astype(np.float32) * (0.5 if dtype == "int8" else 1))


def test_8_bit_values_without_quantization():
    """Their scale is 1: the reference has a scale of 0, of which it makes zeros or ends the process."""
    x, y = numbers(RNG, "int8", (40,)), numbers(RNG, "int8", (40,))
    wide = x.astype(np.int64), y.astype(np.int64)
    for op in ("ADD", "SUB", "MUL"):
        np.testing.assert_array_equal(run_op(op, [x, y], "int8"), np.clip(NUMPY[op](*wide), -128, 127))
    np.testing.assert_array_equal(run_op("LESS", [x, y], "bool"), x < y)
    np.testing.assert_array_equal(run_op("RELU", [x], "int8"), np.maximum(x, 0))


# ---- custom ops that no reference resolver has ------------------------------------------------------------------


def custom(name, inputs, output="float32", options=b"", **more):
    return run(Node("CUSTOM").case("x", inputs, [output], custom=(name, options), **more))


@pytest.mark.parametrize("shape, size", [((3, 8), 1), ((3, 8), 2), ((3, 8), 8), ((2, 3, 8), 4), ((2, 3, 8), 8), ((1, 256), 128), ((5, 256), 256), ((2, 0), 8)])
def test_hadamard_rotation(shape, size):
    x = RNG.standard_normal(shape).astype(np.float32)
    matrix = np.ones((1, 1))
    while len(matrix) < size:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    runs = x.reshape(*shape[:-1], shape[-1] // size, size)
    want = (runs @ matrix / np.sqrt(size)).reshape(shape)
    got = custom("aeq.hadamard_rotation", [x], options=flex({"hadamard_size": size, "random_binary_vector": [1] * size}), shapes=[shape])
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_hadamard_rotation_on_its_operand():
    x = RNG.standard_normal((3, 8)).astype(np.float32)
    g = ModelGen()
    a, b, y = (g.tensor(name, "float32", (3, 8)) for name in "aby")
    g.op("NEG", [a], [b], "NegOptions")
    g.op("CUSTOM", [b], [y], custom="aeq.hadamard_rotation", custom_options=flex({"hadamard_size": 8}))
    g.inputs([a])
    g.outputs([y])
    want = custom("aeq.hadamard_rotation", [-x], options=flex({"hadamard_size": 8}), shapes=[(3, 8)])
    np.testing.assert_array_equal(run_with(Interpreter(model_content=g.build()), [x]), want)


def test_custom_atan2_and_sign():
    x, y = RNG.standard_normal((2, 5, 7)).astype(np.float32)
    np.testing.assert_allclose(custom("Atan2", [x, y]), np.arctan2(x, y), rtol=1e-6)
    np.testing.assert_array_equal(custom("Sign", [x]), np.sign(x))
    np.testing.assert_array_equal(custom("Sign", [x.astype(np.float64)], "float64"), np.sign(x))


# ---- beside LiteRT ----------------------------------------------------------------------------------------------


def litert_cases():
    """Models that LiteRT 2.3 runs and TensorFlow 2.21 does not, or otherwise."""
    half = lambda *shape: reals("float16", shape)  # noqa: E731
    for act in range(4):
        values = {"fusedActivationFunction": act}
        yield Node("ADD", "AddOptions", 5).case(f"f16_{act}", [half(3, 67), half(67)], ["float16"], values)
        yield Node("MUL", "MulOptions", 7).case(f"f16_{act}", [half(3, 67), half(67)], ["float16"], values)
    for op, options in (("SIN", None), ("COS", "CosOptions")):
        yield Node(op, options).case("f16", [half(5, 33)], ["float16"])
    for of in ("float32", "float16", "bfloat16", "float64", "complex64"):
        for to in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "bool", "float16", "bfloat16"):
            with np.errstate(over="ignore", invalid="ignore"):
                yield Node("CAST", "CastOptions", 8).case(f"{of}_{to}", [SPECIALS.astype(array_dtype(of))], [to])
    for to in ("int4", "uint4", "int2"):
        yield Node("CAST", "CastOptions", 8).case(f"to_{to}", [SPECIALS.astype(np.float32)], [to])
    for of, low, high in (("int4", -8, 7), ("uint4", 0, 15), ("int2", -2, 1)):
        x = RNG.integers(low, high, (3, 33), endpoint=True).astype(DTYPES[of][1])
        yield Node("CAST", "CastOptions", 8).case(f"of_{of}", [Arg(x, True, of)], ["float32"])
        yield Node("DEQUANTIZE", "DequantizeOptions", 8).case(of, [Arg(x, True, of, 0.3, 1)], ["float32"])
        yield Node("DEQUANTIZE", "DequantizeOptions", 8).case(f"{of}_channels", [Arg(x, True, of, [0.3, 0.1, 2.0], [1, 0, 1], 0)], ["float32"])
    for of in ("int8", "uint8"):
        x = numbers(RNG, of, (90,))
        for scale in (0.1, 0.001, 3.0):
            yield Node("QUANTIZE", "QuantizeOptions", 6).case(f"{of}_int16_{scale}", [quant(x, 0.1, 3)], ["int16"], quant=(scale, 0))
    yield Node("QUANTIZE", "QuantizeOptions", 6).case("uint4", [RNG.uniform(-3, 20, 33).astype(np.float32)], ["uint4"], quant=(0.7, 2))
    for shape in ((3, 8), (2, 3, 128)):
        x = RNG.standard_normal(shape).astype(np.float32)
        case = Node("CUSTOM").case("hadamard", [x], ["float32"], custom=("aeq.hadamard_rotation", flex({"hadamard_size": 8})), shapes=[shape])
        yield case
    yield Node("SIGN", "SignOptions").case("nan", [np.array([np.nan, 1, -2, 0], np.float32)], ["float32"])
    for op in ("LESS", "EQUAL", "LOGICAL_AND"):
        a, b = (2, 1, 3, 1, 2, 2), (2, 4, 3, 2, 1, 2)
        x, y = (numbers(RNG, "bool", a), numbers(RNG, "bool", b)) if op == "LOGICAL_AND" else (RNG.integers(0, 2, a).astype(np.float32), RNG.integers(0, 2, b).astype(np.float32))
        yield Node(op, BINARY[op]).case("rank_6", [x, y], ["bool"])


LITERT = list(litert_cases())
ONLY_REFERENCE = ("DEQUANTIZE", "QUANTIZE", "CAST", "SIGN", "SIN", "COS")


@pytest.mark.parametrize("i", range(len(LITERT)), ids=[f"{case.op}_{case.name}" for case in LITERT])
def test_beside_litert(i):
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    case = LITERT[i]
    kinds = litert.OpResolverType  # the one of reference kernels lacks custom ops
    kind = kinds.BUILTIN_REF if case.op in BINARY or case.op in ONLY_REFERENCE else kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    reference = litert.Interpreter(model_content=case.model, experimental_op_resolver_type=kind)
    want, got = run_with(reference, case.inputs), run(case)
    assert got.dtype == want.dtype and got.shape == want.shape
    if want.dtype.name in ("bfloat16", "float16"):
        want, got = want.astype(np.float64), got.astype(np.float64)
    np.testing.assert_array_equal(got, want)
