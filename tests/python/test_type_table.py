# SPDX-License-Identifier: Apache-2.0
"""What each type of a .tflite tensor becomes in NumPy: with ml_dtypes and without, as values, bits and real numbers.

TYPES is the table; unflow.h has it for C, docs/formats.md for people, and all are compared here. `test_type_table.py
check` runs the checks of one process (with ml_dtypes, or with `without` as if it were not installed); `docs` prints the
table of docs/formats.md.
"""

import pathlib
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "formats.md"

# type: (TFLite's number, bits, NumPy's dtype with ml_dtypes, without, Interpreter's, of the bits; "": as the values)
TYPES = {
    "float32": (0, 32, "float32", "float32", "float32", ""),
    "float16": (1, 16, "float16", "float16", "float16", ""),
    "int32": (2, 32, "int32", "int32", "int32", ""),
    "uint8": (3, 8, "uint8", "uint8", "uint8", ""),
    "int64": (4, 64, "int64", "int64", "int64", ""),
    "string": (5, 128, "object", "object", "object", ""),
    "bool": (6, 8, "bool", "bool", "bool", ""),
    "int16": (7, 16, "int16", "int16", "int16", ""),
    "complex64": (8, 64, "complex64", "complex64", "complex64", ""),
    "int8": (9, 8, "int8", "int8", "int8", ""),
    "float64": (10, 64, "float64", "float64", "float64", ""),
    "complex128": (11, 128, "complex128", "complex128", "complex128", ""),
    "uint64": (12, 64, "uint64", "uint64", "uint64", ""),
    "resource": (13, 64, "object", "object", "object", ""),
    "variant": (14, 64, "object", "object", "object", ""),
    "uint32": (15, 32, "uint32", "uint32", "uint32", ""),
    "uint16": (16, 16, "uint16", "uint16", "uint16", ""),
    "int4": (17, 4, "int4", "int8", "int8", "uint8"),
    "bfloat16": (18, 16, "bfloat16", "float32", "bfloat16", "uint16"),
    "int2": (19, 2, "int2", "int8", "int8", "uint8"),
    "uint4": (20, 4, "uint4", "uint8", "uint8", "uint8"),
    "float8_e4m3fn": (21, 8, "float8_e4m3fn", "float32", "float8_e4m3fn", "uint8"),
    "float8_e5m2": (22, 8, "float8_e5m2", "float32", "float8_e5m2", "uint8"),
}
HANDLES = ("resource", "variant")
WORDS = {  # docs/formats.md: what the dtype alone does not say
    "string": "object array of bytes", "resource": "the value of its variable", "variant": "refused",
}


# ---- values, by formulas of their own ------------------------------------------------------------


def float8(code, exponent_bits, has_infinity):
    """The number that a float8 code stands for."""
    mantissa_bits = 7 - exponent_bits
    sign, exponent, mantissa = code >> 7, code >> mantissa_bits & (1 << exponent_bits) - 1, code & (1 << mantissa_bits) - 1
    bias, top = (1 << exponent_bits - 1) - 1, (1 << exponent_bits) - 1
    if exponent == top and has_infinity:
        value = np.inf if mantissa == 0 else np.nan
    elif exponent == top and mantissa == (1 << mantissa_bits) - 1:
        value = np.nan
    elif exponent == 0:
        value = mantissa * 2.0 ** (1 - bias - mantissa_bits)
    else:
        value = (1 + mantissa / (1 << mantissa_bits)) * 2.0 ** (exponent - bias)
    return -value if sign else value


def samples(name):
    """(what ModelGen takes, the values as NumPy's own dtype that holds them, the bits or None): a (2, 3) array each."""
    if name == "bfloat16":
        bits = np.array([[0x3FC0, 0xC040, 0x7F80], [0x0001, 0x8000, 0x7F7F]], np.uint16)
        return bits, (bits.astype(np.uint32) << 16).view(np.float32), bits
    if name.startswith("float8"):
        codes = np.array([[0x38, 0xB9, 0x7E], [0x01, 0x80, 0x7B]], np.uint8)
        of = [float8(int(c), 4, False) if name == "float8_e4m3fn" else float8(int(c), 5, True) for c in codes.ravel()]
        return codes, np.array(of, np.float32).reshape(codes.shape), codes
    if name in ("int4", "uint4", "int2"):
        bits = 2 if name == "int2" else 4
        low = 0 if name == "uint4" else -(1 << bits - 1)
        values = np.array([[low, low + (1 << bits) - 1, 1], [0, low + 1, 1]], "uint8" if name == "uint4" else "int8")
        flat = (values.ravel().astype(np.int64) & (1 << bits) - 1).tolist()
        flat += [0] * (-len(flat) % (8 // bits))
        packed = [sum(v << i * bits for i, v in enumerate(flat[k:k + 8 // bits])) for k in range(0, len(flat), 8 // bits)]
        return values, values, np.array(packed, np.uint8)
    if name == "string":
        values = np.array([[b"a", b"", b"caf\xc3\xa9"], [b"\0", b"x\0", b"yy"]], object)
    elif name == "bool":
        values = np.array([[True, False, True], [False, False, True]])
    elif name.startswith("complex"):
        values = np.array([[1 + 2j, -0.5j, 3], [0, -1, 1e30]], name)
    elif name.startswith("float"):
        info = np.finfo(name)
        values = np.array([[1.5, -2, info.max], [info.tiny, -0.0, np.nan]], name)
    else:
        info = np.iinfo(name)
        values = np.array([[info.min, info.max, 1], [0, 2, 3]], name)
    return values, values, None


def real(values, scales=None, zeros=None):
    """Real numbers of values, float32: scale * (q - zero point), one rounding."""
    if scales is None:
        return values.astype(np.float32)
    shape = (-1, 1) if len(scales) > 1 else (1,)
    scale, zero = (np.array(v, np.float64).reshape(shape) for v in (np.array(scales, np.float32), zeros))
    return (scale * (values.astype(np.float64) - zero)).astype(np.float32)


# ---- models ------------------------------------------------------------------------------------


def model(name):
    """Constants plain, "scaled" and "channels" (quantized, of integers); "x" comes out as it went in, and through "y"."""
    from modelgen import ModelGen

    g = ModelGen()
    data, values, _ = samples(name)
    if name in HANDLES:
        return None
    x = g.tensor("x", name, values.shape)
    g.tensor("plain", name, values.shape, data=data)
    if is_integer(name):
        g.tensor("scaled", name, values.shape, data=data, scale=0.25, zero=1)
        g.tensor("channels", name, values.shape, data=data, scale=[0.5, 3.0], zero=[0, 1], axis=0)
    y = g.tensor("y", name, (3, 2))
    g.op("RESHAPE", [x, g.constant("shape", "int32", np.array([3, 2]))], [y], "ReshapeOptions", {"newShape": [3, 2]})
    g.inputs([x])
    g.outputs([x, y])
    return g.build()


def is_integer(name):
    return name.startswith(("int", "uint"))


# ---- one process -------------------------------------------------------------------------------


def same(found, values, dtype, what):
    assert found.dtype.name == dtype, (what, found.dtype, dtype)
    if values.dtype.kind == "O":
        assert found.tolist() == values.tolist(), (what, found, values)
        return
    assert found.shape == values.shape, (what, found.shape, values.shape)
    np.testing.assert_array_equal(found.astype(values.dtype), values, what, strict=True)


def check_native(unflow, name, has_ml):
    number, bits, with_ml, without, _, raw = TYPES[name]
    dtype = with_ml if has_ml else without
    data, values, stored = samples(name)
    m = unflow.open(model(name))
    plain = m.tensors["plain"]
    assert plain.type == name and plain.dtype.name == dtype, (name, plain.dtype)
    same(plain.numpy(), values, dtype, f"{name} values")
    same(plain.numpy(copy=True), values, dtype, f"{name} copied")
    if raw:
        same(plain.numpy(raw=True), stored, raw, f"{name} bits")
        assert plain.numpy(raw=True, copy=True).flags.writeable
    else:
        same(plain.numpy(raw=True), values, dtype, f"{name} bits")
    if name == "string" or name.startswith("complex"):
        try:
            plain.dequantize()
        except TypeError as error:
            assert "expected real numbers" in str(error)
        else:
            raise AssertionError(f"{name}: real numbers of what has none")
    else:
        with np.errstate(over="ignore"):
            same(plain.numpy(dequantize=True), real(values), "float32", f"{name} real")
    if is_integer(name):
        same(m.tensors["scaled"].numpy(dequantize=True), real(values, [0.25], [1]), "float32", f"{name} scaled")
        same(m.tensors["channels"].dequantize(), real(values, [0.5, 3], [0, 1]), "float32", f"{name} channels")
        same(m.tensors["channels"].numpy(), values, dtype, f"{name} channels")
    for fed in (plain.numpy(), values):
        if name in ("bfloat16", "float8_e4m3fn", "float8_e5m2") and fed is values and has_ml:
            continue  # float32 is another dtype then, and refused below
        out = m.run(x=fed)
        same(out["x"], values, dtype, f"{name} out again")
        same(out["y"], values.reshape(3, 2), dtype, f"{name} through a node")
    if name in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
        try:
            m.run(x=stored)
        except TypeError as error:
            assert name in str(error) and raw in str(error), error
        else:
            raise AssertionError(f"{name}: bits taken for values")


def check_blocks(unflow):
    """Blockwise: a scale for each two values of a row, float16 in the file."""
    from modelgen import ModelGen

    rng = np.random.default_rng(4)
    for name in ("int8", "int4", "int2"):
        g = ModelGen()
        low = {"int8": -128, "int4": -8, "int2": -2}[name]
        values = rng.integers(low, -low, (3, 6)).astype(np.int8)
        scales = rng.uniform(0.5, 2, (3, 3)).astype(np.float16)
        s = g.constant("scales", "float16", scales)
        x = g.tensor("x", "float32", (1,))
        g.tensor("blocks", name, values.shape, data=values, block=(s, -1, 2))
        g.inputs([x])
        g.outputs([x])
        t = unflow.open(g.build()).tensors["blocks"]
        want = (np.repeat(scales.astype(np.float64), 2, 1) * values).astype(np.float32)
        same(t.numpy(dequantize=True), want, "float32", f"{name} in blocks")
        assert t.quantization.block_size == 2


def check_lite(Interpreter, name, has_ml):
    dtype = TYPES[name][4] if has_ml or TYPES[name][4] != name else TYPES[name][3]
    _, values, _ = samples(name)
    i = Interpreter(model_content=model(name))
    details = {d["name"]: d for d in i.get_tensor_details()}
    assert np.dtype(details["plain"]["dtype"]).name == ("bytes" if name == "string" else dtype), details["plain"]
    i.allocate_tensors()
    found = i.get_tensor(details["plain"]["index"])
    same(found, values, dtype, f"{name} lite")
    i.set_tensor(details["x"]["index"], found)
    i.invoke()
    same(i.get_tensor(details["y"]["index"]), values.reshape(3, 2), dtype, f"{name} lite output")


def check_rounding(unflow):
    """Without ml_dtypes, float32 goes into the small floats to the nearest, ties to even, as ml_dtypes rounds."""
    for name, exponent_bits, infinity in (("float8_e4m3fn", 4, False), ("float8_e5m2", 5, True)):
        codes = [float8(c, exponent_bits, infinity) for c in range(128)]
        finite = np.array([v for v in codes if np.isfinite(v)])
        middles = (finite[1:] + finite[:-1]) / 2
        even = [finite[i] if i % 2 == 0 else finite[i + 1] for i in range(len(middles))]
        even.append(finite[-1] if not infinity else np.inf)  # between the last number and what would follow it
        middles = np.append(middles, finite[-1] + (finite[-1] - finite[-2]) / 2).astype(np.float32)
        down, up = np.nextafter(middles, np.float32(0)), np.nextafter(middles, np.float32(np.inf))  # a bit decides
        beyond = np.inf if infinity else np.nan
        fed = np.concatenate([finite, middles, down, up, [np.inf, np.nan]]).astype(np.float32)
        want = np.concatenate([finite, even, finite, finite[1:], [beyond, beyond, np.nan]]).astype(np.float32)
        m = unflow.open(passing(name, len(fed)))
        np.testing.assert_array_equal(m.run(x=fed)["x"], want, name)
        np.testing.assert_array_equal(m.run(x=-fed)["x"], -want, name)


def passing(name, n):
    from modelgen import ModelGen

    g = ModelGen()
    x = g.tensor("x", name, (n,))
    g.inputs([x])
    g.outputs([x])
    return g.build()


def check(has_ml):
    sys.path.insert(0, str(ROOT / "tests" / "oracle"))
    if not has_ml:
        sys.modules["ml_dtypes"] = None  # as if it were not installed
    import unflow
    from unflow import lite

    for name in TYPES:
        if name in HANDLES:
            continue
        check_native(unflow, name, has_ml)
        check_lite(lite.Interpreter, name, has_ml)
    check_blocks(unflow)
    if not has_ml:
        check_rounding(unflow)
    print("all types")


# What LiteRT 2.3 says otherwise, with ml_dtypes imported: (dtype in details and of arrays; what unflow does instead).
LITERT_DIFFERS = {
    "float8_e4m3fn": ("int8", "its codes, named int8; unflow gives the numbers"),
    "float8_e5m2": ("int8", "its codes, named int8; unflow gives the numbers"),
}


def check_litert():
    sys.path.insert(0, str(ROOT / "tests" / "oracle"))
    import ml_dtypes  # noqa: F401  without it LiteRT has no array for bfloat16 and says nothing of such tensors
    from ai_edge_litert.interpreter import Interpreter

    for name in TYPES:
        if name in HANDLES:
            continue
        if name not in LITERT_DIFFERS:
            if name == "int2":  # reads it, but takes no array for an input of it
                i = Interpreter(model_content=model(name))
                same(i.get_tensor(1), samples(name)[1], "int8", "int2 LiteRT")
                continue
            check_lite(Interpreter, name, True)
            continue
        i = Interpreter(model_content=model(name))
        dtype = LITERT_DIFFERS[name][0]
        assert np.dtype({d["name"]: d for d in i.get_tensor_details()}["plain"]["dtype"]).name == dtype
        i.allocate_tensors()
        assert i.get_tensor(1).dtype == dtype
    print("all types")


# ---- tests --------------------------------------------------------------------------------------


def run_check(run_python, *words):
    status, out, err = run_python(str(pathlib.Path(__file__)), *words)
    assert status == 0 and out.endswith("all types\n"), err[-3000:]


def test_with_ml_dtypes(run_python):
    pytest.importorskip("ml_dtypes")
    run_check(run_python, "check")


def test_without_ml_dtypes(run_python):
    run_check(run_python, "check", "without")


def test_beside_litert(run_python):
    pytest.importorskip("ml_dtypes")
    pytest.importorskip("ai_edge_litert")
    run_check(run_python, "litert")


def test_raw_and_dequantize_are_opposites(models):
    import unflow

    m = unflow.open(models.constants()[0])
    with pytest.raises(ValueError, match="expected raw or dequantize, found both; they are opposites"):
        m.tensors["int4"].numpy(raw=True, dequantize=True)


def test_handles():
    """A resource is the value behind it, of that value's dtype; a variant, which no op of TFLite makes, is refused."""
    import unflow
    from modelgen import ModelGen

    g = ModelGen()
    handle, value, v = g.tensor("w", "resource", ()), g.tensor("value", "int16", (2,)), g.tensor("v", "variant", ())
    g.op("VAR_HANDLE", [], [handle], "VarHandleOptions", {"container": "", "sharedName": "w"})
    g.op("ASSIGN_VARIABLE", [handle, value], [], "AssignVariableOptions")
    g.inputs([value, v])
    g.outputs([handle])
    m = unflow.open(g.build())
    m.tensors["w"].assign(np.array([3, -4], np.int16))
    assert m.tensors["w"].dtype == np.int16 and m.tensors["w"].numpy(raw=True).tolist() == [3, -4]
    np.testing.assert_array_equal(m.tensors["w"].dequantize(), np.float32([3, -4]), strict=True)
    for read in (m.tensors["v"].numpy, m.tensors["v"].dequantize):
        with pytest.raises(unflow.errors.UnimplementedError, match="found one of dtype variant"):
            read()


def test_the_table_in_c():
    from unflow import _core

    rows = {name: row for name, *row in _core.dtypes()}
    assert {name: row[1] for name, row in rows.items() if row[1] >= 0} == {name: row[0] for name, row in TYPES.items()}
    for name, (number, bits, with_ml, without, _, raw) in TYPES.items():
        assert rows[name][0] == bits and rows[name][3] == without, name
        assert rows[name][4] == (with_ml != without) == bool(raw), name


def test_the_schema_has_no_other_types():
    schema = pytest.importorskip("modelgen").schema
    codes = {code for code in vars(schema.TensorType).values() if isinstance(code, int)}
    assert codes <= {row[0] for row in TYPES.values()}


def table():
    """The rows of docs/formats.md."""
    lines = ["| type | TensorType | bits | NumPy, with ml_dtypes | NumPy, without | `Interpreter` | `raw=True` | `dequantize=True` |",
             "|---|---|---|---|---|---|---|---|"]
    for name, (number, bits, with_ml, without, lite, raw) in sorted(TYPES.items(), key=lambda item: item[1][0]):
        if name in WORDS:
            columns = [WORDS[name]] * 3 + ["the same", "that of its value" if name == "resource" else "refused"]
        else:
            lite = lite if lite == without else f"{lite}; {without}"
            bits_words = "the same" if not raw else f"{raw}, packed, one row" if bits < 8 else raw
            columns = [with_ml, without, lite, bits_words, "refused" if name.startswith("complex") else "float32"]
        lines.append(f"| {name} | {number} | {bits if name not in WORDS else ''} | {' | '.join(columns)} |")
    return "\n".join(lines)


def test_the_table_in_the_docs():
    assert table() in DOCS.read_text(encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "docs":
        print(table())
    elif sys.argv[1] == "litert":
        check_litert()
    else:
        check("without" not in sys.argv)
