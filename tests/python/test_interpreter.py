# SPDX-License-Identifier: Apache-2.0
"""unflow.lite.Interpreter: the same calls, keys and exceptions as tf.lite.Interpreter."""

import gc
import warnings

import numpy as np
import pytest
import unflow
from unflow import errors
from unflow.lite import Interpreter, OpResolverType

F = np.float32


@pytest.fixture
def path(models, tmp_path):
    target = tmp_path / "add.tflite"
    target.write_bytes(models.add())
    return target


@pytest.fixture
def ready(path):
    interpreter = Interpreter(model_path=path)
    interpreter.allocate_tensors()
    return interpreter


# ---- construction ----


def test_constructor_arguments(path, models):
    data = models.add()
    for arguments in (
        {"model_path": str(path)}, {"model_path": path}, {"model_content": data},
        {"model_path": str(path), "num_threads": 2, "experimental_delegates": [],
         "experimental_op_resolver_type": OpResolverType.BUILTIN_REF,
         "experimental_preserve_all_tensors": True,
         "experimental_disable_delegate_clustering": True,
         "experimental_default_delegate_latest_features": True},
    ):
        interpreter = Interpreter(**arguments)
        interpreter.allocate_tensors()
        interpreter.set_tensor(0, np.ones((2, 3), F))
        interpreter.invoke()
        assert (interpreter.get_tensor(2) == 3).all()
    assert Interpreter(str(path))


@pytest.mark.parametrize("arguments, words", [
    ({}, "must be specified"),
    ({"model_path": "a", "model_content": b"b"}, "both"),
    ({"model_path": "a", "num_threads": 0}, ">= 1"),
    ({"model_path": "a", "num_threads": "2"}, "int"),
    ({"model_path": "a", "experimental_delegates": [object()]}, "CPU"),
    ({"model_path": "a", "experimental_op_resolver_type": 7}, "OpResolverType"),
    ({"model_path": "nothing.tflite"}, "nothing.tflite"),
    ({"model_content": b"no model"}, "<memory>"),
])
def test_constructor_errors(arguments, words):
    with pytest.raises(ValueError, match=words):
        Interpreter(**arguments)


def test_missing_file_is_every_not_found():
    for kind in (ValueError, FileNotFoundError, unflow.errors.NotFoundError):
        with pytest.raises(kind, match="gone.tflite"):
            Interpreter(model_path="gone.tflite")
    with pytest.raises(ValueError):
        unflow.lite.experimental.load_delegate("libedgetpu.so.1")


# ---- tensors ----


def test_run(ready):
    x = np.arange(6, dtype=F).reshape(2, 3)
    ready.set_tensor(0, x)
    ready.invoke()
    y = ready.get_tensor(2)
    np.testing.assert_array_equal(y, 3 * x)
    assert y.flags.owndata and y.flags.writeable
    y[:] = 0
    np.testing.assert_array_equal(ready.get_tensor(tensor_index=2, subgraph_index=0), 3 * x)
    np.testing.assert_array_equal(ready.get_tensor(np.int32(1)), 2 * x)
    ready.set_tensor(tensor_index=0, value=x + 1)
    ready.invoke()
    np.testing.assert_array_equal(ready.get_tensor(2), 3 * x + 3)


def test_not_allocated(path):
    interpreter = Interpreter(model_path=path)
    x = np.zeros((2, 3), F)
    for call in (lambda: interpreter.get_tensor(2), lambda: interpreter.set_tensor(0, x),
                 interpreter.invoke, lambda: interpreter.tensor(0)()):
        for kind in (errors.FailedPreconditionError, ValueError, RuntimeError):
            with pytest.raises(kind, match=r"add\.tflite.*allocate_tensors"):
                call()


def test_bad_index(ready):
    for index in (3, -1, 99999, 2**31, 2**40, -(2**70)):
        for call in (lambda: ready.get_tensor(index), lambda: ready.set_tensor(index, 1),
                     lambda: ready.tensor(index)(), lambda: ready._get_tensor_details(index, 0)):
            with pytest.raises((ValueError, OverflowError)):
                call()
        with pytest.raises(errors.OutOfRangeError):
            ready.get_tensor(index)
    with pytest.raises(ValueError):
        ready.get_tensor(0, 5)
    with pytest.raises(ValueError, match="subgraph_index"):
        ready.get_tensor_details(5)
    for index in ("x", 1.5, None):
        with pytest.raises(TypeError):
            ready.get_tensor(index)
    for call in (lambda: ready.get_tensor(), lambda: ready.get_tensor(0, 0, 0),
                 lambda: ready.get_tensor(0, nope=1), lambda: ready.get_tensor(0, tensor_index=0),
                 lambda: ready.set_tensor(0)):
        with pytest.raises(TypeError):
            call()


def test_wrong_dtype_and_shape(ready):
    with pytest.raises(errors.WrongTypeError, match=r"'x'.*float32.*float64|float64") as caught:
        ready.set_tensor(0, np.zeros((2, 3)))
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, TypeError)
    assert "float32" in str(caught.value) and "float64" in str(caught.value)
    with pytest.raises(ValueError) as caught:
        ready.set_tensor(0, np.zeros((2, 4), F))
    assert "(2, 3)" in str(caught.value) and "(2, 4)" in str(caught.value)
    assert "'x'" in str(caught.value) and "add.tflite" in str(caught.value)
    with pytest.raises(ValueError):
        ready.set_tensor(0, np.zeros(6, F))
    with pytest.raises(ValueError):
        ready.set_tensor(0, [1, 2, 3])
    with pytest.raises(ValueError):
        ready.set_tensor(2, np.zeros((2, 3), F))


def test_output_before_the_first_invoke_is_zeros(ready):
    with pytest.warns(RuntimeWarning, match="'y'"):
        y = ready.get_tensor(2)
    assert y.shape == (2, 3) and not y.any()
    with pytest.raises(errors.FailedPreconditionError, match="'t'"):
        ready.get_tensor(1)


def test_live_tensors(ready):
    x, y = ready.tensor(0), ready.tensor(2)
    x()[...] = 2
    held = x()
    ready.invoke()  # LiteRT would refuse while `held` lives
    assert (y() == 6).all()
    before = y()
    x().fill(3)
    ready.invoke()
    assert (y() == 9).all() and (before == 6).all() and held.shape == (2, 3)
    held[...] = 4  # memory of an earlier run: writing it is safe and changes nothing
    ready.invoke()
    assert (y() == 9).all() and (x() == 3).all()
    ready.set_tensor(0, np.ones((2, 3), F))
    ready.invoke()
    assert (y() == 3).all() and (x() == 1).all()
    del ready
    gc.collect()
    assert (before == 6).all()


def test_resize(models):
    interpreter = Interpreter(model_content=models.add(signature=(-1, 3)))
    interpreter.allocate_tensors()
    interpreter.resize_tensor_input(0, [5, 3])
    with pytest.raises(ValueError):
        interpreter.get_tensor(2)
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, np.ones((5, 3), F))
    interpreter.invoke()
    assert interpreter.get_tensor(2).shape == (5, 3)
    assert interpreter.get_input_details()[0]["shape"].tolist() == [5, 3]
    assert interpreter.get_input_details()[0]["shape_signature"].tolist() == [-1, 3]
    interpreter.resize_tensor_input(0, np.array([2, 3], np.int32), strict=True)
    for bad in (lambda: interpreter.resize_tensor_input(0, [2, 4], strict=True),
                lambda: interpreter.resize_tensor_input(9, [2, 3]),
                lambda: interpreter.resize_tensor_input(0, [-2, 3]),
                lambda: interpreter.resize_tensor_input(0, [1] * 9),
                lambda: interpreter.resize_tensor_input(0, [2**40, 2**40])):
        with pytest.raises((RuntimeError, ValueError)):
            bad()
            interpreter.allocate_tensors()


def test_scalar_outputs_are_numpy_scalars(models):
    interpreter = Interpreter(model_content=models.add(shape=()))
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, np.float32(2))
    interpreter.invoke()
    y = interpreter.get_tensor(2)
    assert isinstance(y, np.float32) and y == 6


# ---- details ----


def test_details(ready, models):
    (x,), (y,) = ready.get_input_details(), ready.get_output_details()
    assert list(x) == ["name", "index", "shape", "shape_signature", "dtype", "quantization",
                       "quantization_parameters", "sparsity_parameters"]
    assert (x["name"], x["index"], x["dtype"], x["quantization"]) == ("x", 0, np.float32, (0.0, 0))
    assert x["shape"].dtype == np.int32 and x["shape"].tolist() == [2, 3]
    assert list(x["quantization_parameters"]) == ["scales", "zero_points", "quantized_dimension",
                                                  "block_size"]
    assert x["quantization_parameters"]["scales"].dtype == F
    assert x["quantization_parameters"]["zero_points"].dtype == np.int32
    assert x["sparsity_parameters"] == {} and y["name"] == "y"
    assert [d["name"] for d in ready.get_tensor_details()] == ["x", "t", "y"]
    ops = ready._get_ops_details()
    assert [o["op_name"] for o in ops] == ["ADD", "ADD"]
    assert ops[1]["inputs"].tolist() == [1, 0] and ops[1]["operand_types"] == [F, F]
    assert ready.num_subgraphs() == 1 and "add.tflite" in repr(ready)
    quantized = Interpreter(model_content=models.quantized())
    assert quantized.get_input_details()[0]["quantization"] == (0.5, 128)


def test_dtype_classes(models):
    data, values = models.constants()
    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    found = {d["name"]: d["dtype"] for d in interpreter.get_tensor_details()}
    assert found["int4"] is np.int8 and found["uint4"] is np.uint8 and found["int2"] is np.int8
    assert found["string"] is np.bytes_ and found["bool"] is np.bool_
    for d in interpreter.get_tensor_details():
        if d["name"] in values and d["name"] != "string":
            assert interpreter.get_tensor(d["index"]).dtype.type is d["dtype"]
    assert interpreter.get_tensor_details()[-2]["name"] == "channels"
    parameters = interpreter.get_tensor_details()[-2]["quantization_parameters"]
    assert parameters["scales"].tolist() == [0.5, 2] and parameters["quantized_dimension"] == 0


# ---- signatures and variables ----


def test_signature_runner(models):
    interpreter = Interpreter(model_content=models.variables())
    assert interpreter.get_signature_list() == {
        "sum": {"inputs": ["x"], "outputs": ["total"]},
        "assign": {"inputs": ["v"], "outputs": ["twice"]}}
    runner = interpreter.get_signature_runner("sum")
    np.testing.assert_array_equal(runner(x=np.ones(3, F))["total"], [2, 3, 4])
    assert runner.get_input_details()["x"]["name"] == "x"
    assert runner.get_output_details()["total"]["dtype"] is F
    for bad in (lambda: interpreter.get_signature_runner(),
                lambda: interpreter.get_signature_runner("nope"), lambda: runner(),
                lambda: runner(y=np.ones(3, F)), lambda: runner(x=np.ones(3))):
        with pytest.raises(ValueError):
            bad()


def test_resource_tensors(models):
    interpreter = Interpreter(model_content=models.variables())
    index = {d["name"]: d["index"] for d in interpreter.get_tensor_details()}
    assert interpreter.get_tensor_details()[index["w"]]["dtype"] is np.object_
    interpreter.allocate_tensors()
    np.testing.assert_array_equal(interpreter.get_tensor(index["w"]), [1, 2, 3])
    interpreter.set_tensor(index["x"], np.ones(3, F))
    interpreter.invoke()
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(index["w"]), [3, 4, 5])
    interpreter.reset_all_variables()
    np.testing.assert_array_equal(interpreter.get_tensor(index["w"]), [1, 2, 3])
    interpreter.set_tensor(index["w"], np.array([7, 7, 7], F))
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(index["total"]), [8, 8, 8])
    with pytest.raises(errors.InvalidArgumentError, match="'w'"):
        interpreter.set_tensor(index["w"], np.ones(4, F))
    with pytest.raises(errors.FailedPreconditionError, match="'b'"):
        interpreter.get_tensor(index["b"])


def test_unknown_op_is_a_runtime_error(models):
    interpreter = Interpreter(model_content=models.unknown_op())
    with pytest.raises(RuntimeError, match="Mystery"):
        interpreter.allocate_tensors()
        interpreter.invoke()


def test_subclass(path):
    class Mine(Interpreter):
        def get_tensor(self, index):
            return super().get_tensor(index) + 1

    mine = Mine(str(path))
    mine.label = "mine"
    mine.allocate_tensors()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert (mine.get_tensor(2) == 1).all()
    uninitialised = Interpreter.__new__(Interpreter)
    for call in (lambda: uninitialised.get_tensor(0), uninitialised.invoke,
                 uninitialised.allocate_tensors, lambda: uninitialised.set_tensor(0, 1),
                 lambda: uninitialised._share_state(mine), lambda: uninitialised._details(0, 0),
                 lambda: uninitialised._call(0, (), (), (), True, True),
                 lambda: uninitialised._state_count(), lambda: uninitialised._fork()):
        with pytest.raises(ValueError):
            call()


def test_branches_are_planned_for_the_variable_that_is_there(models):
    """What a called graph was planned for is not remembered beyond the shapes that it rested on."""
    interpreter = Interpreter(model_content=models.branch_reads())
    put, read = interpreter.get_signature_runner("set"), interpreter.get_signature_runner("read")
    for n in (3, 5, 2):
        put(v=np.arange(n, dtype=F))
        for c in (True, False, True, False):
            assert read(c=np.array(c))["y"].tolist() == list(range(n))
        interpreter.allocate_tensors()
        assert interpreter.get_output_details()[0]["shape"].tolist() == [n]
