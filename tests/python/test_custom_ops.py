# SPDX-License-Identifier: Apache-2.0
"""Custom ops that are Python functions on NumPy arrays."""

import gc
import threading
import weakref

import numpy as np
import pytest
import unflow
from unflow import lite

modelgen = pytest.importorskip("modelgen")
X = np.array([[1, 2, 3], [4, 5, 6]], np.float32)


def model(op="Mine", options=None, inputs=("float32",), outputs=("float32",), shape=(2, 3), before=False, after=True,
          constant=None, omit=False):
    """[x + x ->] op -> y0 ... [-> y0 + y0 = z]"""
    g = modelgen.ModelGen()
    xs = [g.tensor(f"x{i}", dtype, shape) for i, dtype in enumerate(inputs)]
    taken = list(xs)
    if before:
        taken[0] = g.tensor("doubled", inputs[0], shape)
        g.op("ADD", [xs[0], xs[0]], [taken[0]], "AddOptions")
    if constant is not None:
        taken.append(g.constant("c", constant.dtype.name, constant))
    if omit:
        taken.append(-1)
    ys = [g.tensor(f"y{i}", dtype, shape) for i, dtype in enumerate(outputs)]
    g.op("CUSTOM", taken, ys, custom=op, custom_options=options)
    last = list(ys)
    if after and outputs[0] == "float32":
        z = g.tensor("z", "float32", shape)
        g.op("ADD", [ys[0], ys[0]], [z], "AddOptions")
        last.append(z)
    g.inputs(xs)
    g.outputs(last)
    return g.build()


def test_runs_between_other_ops():
    with unflow.open(model(before=True), custom_ops={"Mine": lambda x: x - 1}) as m:
        assert not m.unsupported
        out = m.run(x0=X)
        np.testing.assert_array_equal(out["y0"], 2 * X - 1)
        np.testing.assert_array_equal(out["z"], 4 * X - 2)


def test_options_become_arguments():
    options = modelgen.flex({"factor": 3, "shift": 0.5, "name": "text", "flag": True, "list": [1, 2, 3], "mixed": [1, "a", 2.5], "deep": {"k": [7]}})
    seen = {}

    def mine(x, factor, shift, **rest):
        seen.update(rest)
        return x * np.float32(factor) + np.float32(shift)

    np.testing.assert_array_equal(unflow.open(model(options=options), custom_ops={"Mine": mine}).run(x0=X)["y0"], X * 3 + 0.5)
    assert seen == {"name": "text", "flag": True, "list": [1, 2, 3], "mixed": [1, "a", 2.5], "deep": {"k": [7]}}


@pytest.mark.parametrize("raw", [b"\1\0\0\0\2\0\0\0", b"\xff" * 9, b"ab"])
def test_other_options_come_as_bytes(raw):
    seen = []
    unflow.open(model(options=raw), custom_ops={"Mine": lambda x, options: (seen.append(options), x)[1]}).run(x0=X)
    assert seen == [raw]


def test_damaged_flexbuffers_never_harm():
    from unflow import _flexbuffer
    good = modelgen.flex({"a": 1, "b": [1.5, "text", {"c": True}], "d": [1, 2, 3]})
    assert _flexbuffer.loads(good) == {"a": 1, "b": [1.5, "text", {"c": True}], "d": [1, 2, 3]}
    rng = np.random.default_rng(0)
    for _ in range(3000):
        data = bytearray(good)
        for at in rng.integers(0, len(data), 3):
            data[at] = rng.integers(0, 256)
        try:
            _flexbuffer.loads(bytes(data[:rng.integers(0, len(data) + 1)]))
        except ValueError:
            pass


def test_several_outputs_and_dtypes():
    m = unflow.open(model(inputs=("float32", "int32"), outputs=("int64", "string", "bool", "float32"), after=False),
                    custom_ops={"Mine": lambda a, b: (b.astype(np.int64), a.astype(str).astype(object), a > 2, 7.0)})
    out = m.run(x0=X, x1=X.astype(np.int32))
    assert out["y0"].dtype == np.int64 and out["y0"].tolist() == X.tolist()
    assert out["y1"].tolist() == [[b"1.0", b"2.0", b"3.0"], [b"4.0", b"5.0", b"6.0"]]
    assert out["y2"].tolist() == [[False, False, True], [True, True, True]]
    assert out["y3"].dtype == np.float32 and out["y3"].shape == () and out["y3"] == 7
    out = m.run(x0=X * 2, x1=X.astype(np.int32))
    assert out["y1"][0, 0] == b"2.0"


def test_strings_in():
    m = unflow.open(model(inputs=("string",), outputs=("int32",), shape=(2,)), custom_ops={"Mine": lambda s: np.array([len(i) for i in s], np.int32)})
    assert m.run(x0=np.array([b"abc", b""], object))["y0"].tolist() == [3, 0]


def test_shapes_are_what_the_function_gives():
    interpreter = lite.Interpreter(model_content=model(), custom_op_registerers={"Mine": lambda x: x[:, x[0] > 1]})
    for column in ([1, 2, 3], [0, 0, 5], [0, 0, 0]):
        interpreter.allocate_tensors()
        interpreter.set_tensor(0, np.array([column, column], np.float32))
        interpreter.invoke()
        n = sum(v > 1 for v in column)
        assert interpreter.get_tensor(1).shape == (2, n) and interpreter.get_tensor(2).shape == (2, n)
        assert tuple(interpreter.get_output_details()[0]["shape"]) == (2, n)


def test_inputs_are_views_that_never_change():
    kept = []
    m = unflow.open(model(before=True, constant=np.arange(3, dtype=np.float32)), custom_ops={"Mine": lambda x, c: (kept.append((x, c)), x + c)[1]})
    m.run(x0=X)
    m.run(x0=X * 10)
    (x, c), (later, _) = kept
    assert not x.flags.writeable and not c.flags.writeable and not x.flags.owndata
    with pytest.raises(ValueError):
        x[0] = 1
    m.close()
    del m
    gc.collect()
    np.testing.assert_array_equal(x, 2 * X)
    np.testing.assert_array_equal(later, 20 * X)
    np.testing.assert_array_equal(c, [0, 1, 2])


def test_what_is_returned_is_copied():
    mine = np.zeros((2, 3), np.float32)
    m = unflow.open(model(), custom_ops={"Mine": lambda x: mine})
    y = m.run(x0=X)["y0"]
    mine[:] = 5
    assert y.tolist() == np.zeros((2, 3)).tolist()


def test_an_omitted_input_is_none():
    seen = []
    unflow.open(model(omit=True), custom_ops={"Mine": lambda x, bias: (seen.append(bias), x)[1]}).run(x0=X)
    assert seen == [None]


def test_intermediates_are_read_without_another_call():
    calls = []
    g = modelgen.ModelGen()
    t = [g.tensor(name, "float32", (2, 3)) for name in ("x", "a", "b", "c", "y")]
    g.op("ADD", [t[0], t[0]], [t[1]], "AddOptions")
    g.op("CUSTOM", [t[1]], [t[2]], custom="Mine")
    g.op("MUL", [t[2], t[2]], [t[3]], "MulOptions")
    g.op("ADD", [t[3], t[1]], [t[4]], "AddOptions")
    g.inputs([t[0]])
    g.outputs([t[4]])
    interpreter = lite.Interpreter(model_content=g.build(), custom_op_registerers={"Mine": lambda x: (calls.append(1), x + len(calls))[1]})
    interpreter.allocate_tensors()
    for run in (1, 2):
        interpreter.set_tensor(0, X)
        interpreter.invoke()
        np.testing.assert_array_equal(interpreter.get_tensor(1), 2 * X)
        np.testing.assert_array_equal(interpreter.get_tensor(2), 2 * X + run)
        np.testing.assert_array_equal(interpreter.get_tensor(3), (2 * X + run) ** 2)
        assert len(calls) == run


class Odd(Exception):
    pass


def test_exceptions_pass_through():
    def mine(x):
        raise Odd("no such luck")

    interpreter = lite.Interpreter(model_content=model(), custom_op_registerers={"Mine": mine})
    interpreter.allocate_tensors()
    with pytest.raises(Odd, match="^no such luck") as error:
        interpreter.invoke()
    if hasattr(error.value, "__notes__"):
        assert error.value.__notes__ == ["in <memory>: op #0 Mine 'y0'"]
    assert error.traceback[-1].name == "mine"
    mine_works = unflow.open(model(), custom_ops={"Mine": lambda x: x})
    mine_works.run(x0=X)
    with pytest.raises(unflow.errors.OpError):  # no exception is left over for other failures
        lite.Interpreter(model_content=model()).get_tensor(99)


@pytest.mark.parametrize("result,words", [
    (X.astype(np.float64), "expected output 0 of dtype float32, as the file says, found float64"),
    ((X, X), "expected a tuple of 1 arrays from the function, found 2 values"),
    (np.array([object()]), "expected numbers, or str or bytes in each element of an array of objects, found object"),
    (np.zeros((1,) * 9, np.float32), "expected at most 8 dimensions, found 9"),
    (None, "expected numbers, or str or bytes in each element of an array of objects, found NoneType"),
])
def test_results_are_checked(result, words):
    with pytest.raises(unflow.errors.OpError) as error:
        unflow.open(model(), custom_ops={"Mine": lambda x: result}).run(x0=X)
    assert words in str(error.value)


def test_names_are_checked():
    with pytest.raises(unflow.errors.InvalidArgumentError, match="op 'ADD': expected the name of a custom op, found that of a builtin"):
        unflow.open(model(), custom_ops={"ADD": lambda *a: a[0]})
    with pytest.raises(unflow.errors.InvalidArgumentError, match="expected custom ops as names and functions, found 'Mine': 3"):
        unflow.open(model(), custom_ops={"Mine": 3})
    with pytest.raises(unflow.errors.InvalidArgumentError, match="expected functions marked by unflow.lite.custom_op"):
        lite.Interpreter(model_content=model(), custom_op_registerers=["TfLiteMineRegisterer"])


def test_without_the_op_the_rest_runs():
    m = unflow.open(model(op="Yours"), custom_ops={"Mine": lambda x: x})
    assert m.unsupported == ("op #0 Yours (custom) 'y0': expected an op of this library, found a custom op it does not know; register one "
                             "of that name (uf_op_register, custom_ops= in Python); output 'y0' cannot be computed",)


def test_marked_functions():
    @lite.custom_op("Mine")
    def mine(x):
        return -x

    for interpreter in (lite.Interpreter(model_content=model(), custom_op_registerers=[mine]),
                        lite.Interpreter(model_content=model(), custom_op_registerers=mine),
                        lite.InterpreterWithCustomOps([mine], model_content=model())):
        interpreter.allocate_tensors()
        interpreter.set_tensor(0, X)
        interpreter.invoke()
        np.testing.assert_array_equal(interpreter.get_tensor(1), -X)


def test_ops_that_unflow_has_can_be_replaced():
    """Custom names are the user's; those of TensorFlow too, with their attributes."""
    from test_flex_nodes import FLOAT, node_def, options, type_attr
    custom = options("NoSuchOp", node_def("NoSuchOp", [("T", type_attr(FLOAT)), ("n", b"\x18\x05")]))
    seen = {}
    m = unflow.open(model(op="FlexNoSuchOp", options=custom), custom_ops={"FlexNoSuchOp": lambda x, **attrs: (seen.update(attrs), x)[1]})
    m.run(x0=X)
    assert seen["n"] == 5 and seen["T"].name == "float32"
    m = unflow.open(model(op="TFLite_Detection_PostProcess"), custom_ops={"TFLite_Detection_PostProcess": lambda x: x + 1})
    np.testing.assert_array_equal(m.run(x0=X)["y0"], X + 1)


def test_calling_the_session_that_runs_it_is_an_error():
    box = []
    interpreter = lite.Interpreter(model_content=model(), custom_op_registerers={"Mine": lambda x: box[0].get_tensor(0)})
    box.append(interpreter)
    interpreter.allocate_tensors()
    with pytest.raises(unflow.errors.FailedPreconditionError, match="a custom op calls the one that runs it"):
        interpreter.invoke()
    other = lite.Interpreter(model_content=model(), custom_op_registerers={"Mine": lambda x: x})
    other.allocate_tensors()
    box[0] = other
    interpreter.invoke()


def test_threads():
    """Sessions of one model in several threads, each with the GIL taken in turns."""
    data, failures = model(before=True), []
    ops = {"Mine": lambda x: x.copy() + 1}

    def work(k):
        try:
            m = unflow.open(data, custom_ops=ops)
            for i in range(50):
                got = m.run(x0=X * i + k)["y0"]
                if not np.array_equal(got, 2 * (X * i + k) + 1):
                    failures.append((k, i))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_the_function_goes_with_the_model():
    class Mine:
        def __call__(self, x):
            return x

    mine = Mine()
    gone = weakref.ref(mine)
    m = unflow.open(model(), custom_ops={"Mine": mine})
    del mine
    m.run(x0=X)
    assert gone() is not None
    m.close()
    del m
    gc.collect()
    assert gone() is None


def test_only_tflite_models_have_custom_ops(tmp_path):
    np.save(tmp_path / "a.npy", X)
    with pytest.raises(unflow.errors.InvalidArgumentError, match="expected custom_ops for a .tflite model"):
        unflow.open(tmp_path / "a.npy", custom_ops={"Mine": lambda x: x})
