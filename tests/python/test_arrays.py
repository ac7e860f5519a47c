# SPDX-License-Identifier: Apache-2.0
"""dtypes, NumPy's protocols, dequantize."""

import sys

import numpy as np
import pytest
import unflow
from unflow import errors

ml_dtypes = pytest.importorskip("ml_dtypes")
F = np.float32


@pytest.fixture(scope="module")
def constants(models):
    data, values = models.constants()
    return unflow.open(data), values


def test_every_dtype(constants):
    m, values = constants
    names = {"bfloat16": ml_dtypes.bfloat16, "int4": ml_dtypes.int4, "uint4": ml_dtypes.uint4,
             "int2": ml_dtypes.int2, "string": object}
    for name, value in values.items():
        t = m.tensors[name]
        array = t.numpy()
        assert array.dtype == t.dtype == np.dtype(names.get(name, name)), name
        assert array.shape == value.shape == t.shape
        if name != "string":
            np.testing.assert_array_equal(array.astype(value.dtype), value, err_msg=name)
        else:
            assert array.tolist() == value.tolist()
        assert t.kind == "constant"


def test_without_ml_dtypes(models, run_python, tmp_path):
    (tmp_path / "c.tflite").write_bytes(models.constants()[0])
    code = ("import sys; sys.modules['ml_dtypes'] = None\n"
            "import unflow\n"
            "t = unflow.open('c.tflite').tensors\n"
            "for n in ('bfloat16', 'int4', 'uint4', 'int2'):\n"
            "    print(t[n].numpy().dtype, t[n].dtype, t[n].numpy().ravel().tolist())\n")
    status, out, err = run_python("-c", code)
    assert status == 0, err
    assert out.splitlines() == ["float32 float32 [1.5, -3.0]", "int8 int8 [-8, 7, 3]",
                                "uint8 uint8 [0, 15, 9]", "int8 int8 [-2, 1, 0, -1, 1]"]


def test_array_protocol(constants):
    t = constants[0].tensors["float32"]
    array = np.asarray(t)
    assert not array.flags.writeable and np.shares_memory(array, t.numpy())
    assert np.array(t).flags.writeable and np.array(t, np.float64).dtype == np.float64
    assert np.asarray(t, F).dtype == F
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
        assert np.shares_memory(np.asarray(t, copy=False), array)
        with pytest.raises(ValueError):
            np.asarray(t, np.float64, copy=False)
        with pytest.raises(ValueError):
            np.asarray(constants[0].tensors["int4"], copy=False)
    assert len(t) == 1 and t[0, 1] == -2 and [row.tolist() for row in t] == [[1.5, -2]]
    assert (t.numpy() + t).tolist() == [[3, -4]]
    with pytest.raises(TypeError):
        float(t)
    assert t == t and t != constants[0].tensors["float32"]


def test_dlpack_and_buffer(constants):
    t = constants[0].tensors["float32"]
    assert t.__dlpack_device__() == (1, 0)
    np.testing.assert_array_equal(np.from_dlpack(t), t.numpy())
    if sys.version_info >= (3, 12):
        assert memoryview(t).tolist() == [[1.5, -2]]


def test_views_outlive_everything(models):
    array = unflow.open(models.constants()[0]).tensors["float32"].numpy()
    assert array.base is not None
    np.testing.assert_array_equal(array, [[1.5, -2]])


def test_strings(models):
    m = unflow.open(models.strings())
    for value in (["a", "é", b"\xff\0"], np.array(["a", "é", "z"]), np.array([b"a", b"b", b""]),
                  np.array(["a", b"b", "c"], object)):
        expected = [v.encode() if isinstance(v, str) else bytes(v) for v in np.asarray(value, object)]
        got = m.run(x=value)["y"]
        assert got.dtype == object and got.tolist() == expected
    if hasattr(np.dtypes, "StringDType"):
        assert m.run(x=np.array(["é", "b", "c"], np.dtypes.StringDType()))["y"][0] == "é".encode()
    with pytest.raises(errors.WrongTypeError, match="str or bytes in.*found int"):
        m.run(x=np.array([1, "a", None], object))
    with pytest.raises(ValueError):
        m.run(x=np.array([1, 2, 3], F))


def test_dequantize(constants, models):
    t = constants[0].tensors["channels"]
    expected = [[0.5, 1, 1.5], [6, 8, 10]]
    assert t.quantization.scales.tolist() == [0.5, 2] and t.quantization.axis == 0
    np.testing.assert_array_equal(t.dequantize(), np.array(expected, F))
    q = t.quantization
    i = unflow.lite.Interpreter(model_content=models.constants()[0])
    details = i._get_tensor_details(t.index, 0)["quantization_parameters"]
    for quant in (q, details, (q.scales, q.zero_points, 0)):
        np.testing.assert_array_equal(unflow.dequantize(t.numpy(), quant), expected)
    np.testing.assert_array_equal(unflow.dequantize(np.array([3, 4], np.uint8), (0.5, 2)), [0.5, 1])
    np.testing.assert_array_equal(unflow.dequantize(np.array([3, 4], np.int32), None), [3, 4])
    np.testing.assert_array_equal(
        unflow.dequantize(constants[0].tensors["int4"].numpy(), (0.5, 0)), [[-4, 3.5, 1.5]])
    assert unflow.dequantize(np.zeros((0, 2), np.int8), (0.5, 0)).shape == (0, 2)
    out = np.empty((2, 3), F)
    assert unflow.dequantize(np.array([[1, 2, 3], [4, 5, 6]], np.int8), (0.5, 1), out=out) is out
    np.testing.assert_array_equal(out, [[0, 0.5, 1], [1.5, 2, 2.5]])
    for bad in (np.empty(6, F), np.empty((2, 3)), np.empty((3, 2), F).T, [0.0] * 6):
        with pytest.raises(unflow.errors.InvalidArgumentError, match="writeable C-contiguous float32"):
            unflow.dequantize(np.zeros((2, 3), np.int8), (0.5, 1), out=bad)
    halves = np.arange(8, dtype=np.float16)
    with pytest.raises(unflow.errors.InvalidArgumentError, match="overlaps"):
        unflow.dequantize(halves[:4], None, out=halves.view(F)[:4])
    assert unflow.dequantize(np.int8(3), (0.5, 0)) == 1.5
    with pytest.raises(ValueError):
        unflow.dequantize(t.numpy(), ([1, 2, 3], [0, 0, 0], 0))
    with pytest.raises(ValueError):
        unflow.dequantize(t.numpy(), ([1, 2], [0, 0], 5))
    with pytest.raises(TypeError):
        unflow.dequantize(np.array(["a"], object), None)
