# SPDX-License-Identifier: Apache-2.0
"""tf.Graph, tf.Variable, tf.compat.v1.Session, eager mode."""

from collections import namedtuple

import numpy as np
import pytest
import unflow as tf

v1 = tf.compat.v1
F = np.float32


@pytest.fixture
def graph():
    g = tf.Graph()
    with g.as_default():
        yield g


# ---- graph mode ----


def test_nodes_are_named_as_in_tensorflow(graph):
    c = tf.constant([1, 2, 3, 4], dtype=tf.float32)
    tf.Variable(c, name="my_resource")
    tf.Variable([1, 2], name="my_resource")
    tf.Variable(3.0)
    tf.Variable(3.0)
    v1.global_variables_initializer()
    v1.global_variables_initializer()
    tf.identity(c)
    tf.no_op()
    tf.group(c)

    def variable(name):
        return [name, f"{name}/IsInitialized/VarIsInitializedOp", f"{name}/Assign",
                f"{name}/Read/ReadVariableOp"]

    assert [op.name for op in graph.get_operations()] == [
        "Const", *variable("my_resource"), "my_resource_1/Initializer/initial_value",
        *variable("my_resource_1"), "Variable/Initializer/initial_value", *variable("Variable"),
        "Variable_1/Initializer/initial_value", *variable("Variable_1"), "init", "init_1",
        "Identity", "NoOp", "group_deps"]
    types = {op.type for op in graph.get_operations()}
    assert types == {"Const", "VarHandleOp", "AssignVariableOp", "ReadVariableOp", "NoOp",
                     "Identity", "VarIsInitializedOp"}
    init = graph.get_operation_by_name("init")
    assert [c.name for c in init.control_inputs][0] == "my_resource/Assign"
    assert 'input: "^my_resource/Assign"' in str(init)


def test_run_fetches(graph):
    a = tf.Variable([[1.5, 2]], name="a")
    b = tf.Variable(7)
    Pair = namedtuple("Pair", "x y")
    with v1.Session(graph=graph) as sess:
        assert sess.run(v1.global_variables_initializer()) is None
        np.testing.assert_array_equal(sess.run(a), [[1.5, 2]])
        got = sess.run({"p": Pair(a, [b]), "q": (b, a.op), "n": "a/Read/ReadVariableOp:0"})
        assert got["p"].y == [7] and got["q"][0] == 7 and got["n"].shape == (1, 2)
        assert isinstance(sess.run(b), np.int32) and a.eval().dtype == F
        np.testing.assert_array_equal(sess.run(a.handle), [[1.5, 2]])  # the resource tensor itself
        for bad in ("nope", "nope:0", "a:7"):
            with pytest.raises(ValueError, match="nope|a:7"):
                sess.run(bad)
        with pytest.raises(TypeError, match="invalid type"):
            sess.run(3)
        with tf.Graph().as_default():
            foreign = tf.constant(1)
        with pytest.raises(ValueError, match="not an element"):
            sess.run(foreign)
        assert sess.run(b, feed_dict={b: 1}) == 1 and sess.run(b) == 7
    with pytest.raises(RuntimeError, match="closed"):
        sess.run(a)


def test_uninitialized_variable(graph):
    v = tf.Variable(1.0, name="forgotten")
    with v1.Session() as sess, pytest.raises(tf.errors.FailedPreconditionError) as caught:
        sess.run(v)
    assert "forgotten" in caught.value.message and caught.value.error_code == 9
    assert caught.value.op.name == "forgotten/Read/ReadVariableOp"


def test_graph_may_grow_between_runs(graph):
    v = tf.Variable([1.0, 2.0])
    with v1.Session() as sess:
        sess.run(v.initializer)
        assigned = v.assign([5.0, 6.0])
        np.testing.assert_array_equal(sess.run(v), [1, 2])
        np.testing.assert_array_equal(sess.run(assigned), [5, 6])
        w = tf.Variable(v.read_value())
        sess.run(w.initializer)
        np.testing.assert_array_equal(sess.run([w, v]), [[5, 6], [5, 6]])
        v.load([8.0, 9.0])
        assert v.eval().tolist() == [8, 9] and sess.run(w).tolist() == [5, 6]


def test_two_sessions_have_their_own_variables(graph):
    v = tf.Variable(1)
    one, two = v1.Session(), v1.Session()
    one.run(v.initializer)
    two.run(v.assign(2))
    assert (one.run(v), two.run(v)) == (1, 2)


def test_symbolic_tensors_say_what_they_are(graph):
    c = tf.constant([1.0])
    assert repr(c) == "<tf.Tensor 'Const:0' shape=(1,) dtype=float32>"
    assert str(c) == 'Tensor("Const:0", shape=(1,), dtype=float32)'
    for use in (lambda: np.array(c), lambda: tf.Variable(1.0).numpy()):
        with pytest.raises(NotImplementedError):
            use()
    with pytest.raises(AttributeError):
        c.numpy()
    with pytest.raises(ValueError, match="session"):
        c.eval()
    with pytest.raises(TypeError):
        bool(c)
    v = tf.Variable(c)
    with pytest.raises(ValueError, match="shape"):
        v.assign([1.0, 2.0])
    with pytest.raises(ValueError, match="float32"):
        v.assign(tf.constant([1]))


def test_control_dependencies(graph):
    v = tf.Variable(1.0)
    with v1.Session() as sess:
        sess.run(v1.global_variables_initializer())
        with graph.control_dependencies([v.assign(5.0)]):
            done = tf.no_op()
        sess.run(done)
        assert sess.run(v) == 5


def test_many_dtypes_through_a_session(graph):
    values = [np.array([1, 2], d) for d in ("int8", "uint8", "int16", "int32", "int64", "float16",
                                            "float32", "float64", "bool", "complex64")]
    variables = [tf.Variable(v) for v in values]
    strings = tf.Variable(["a", "é"])
    with v1.Session() as sess:
        sess.run(v1.global_variables_initializer())
        for variable, value in zip(variables, values):
            got = sess.run(variable)
            assert got.dtype == value.dtype and got.tolist() == value.tolist()
        assert sess.run(strings).tolist() == [b"a", "é".encode()]


# ---- eager mode ----


def test_eager_variable():
    v = tf.Variable([[1, 2], [3, 4]], dtype=tf.float32)
    assert v.numpy().tolist() == [[1, 2], [3, 4]] and v.numpy().dtype == F
    assert repr(v).startswith("<tf.Variable 'Variable:0' shape=(2, 2) dtype=float32, numpy=")
    before = v.numpy()
    v.assign([[0, 0], [0, 1]])
    v.assign_add([[1, 1], [1, 1]])
    v.assign_sub([[0, 0], [0, 2]])
    assert v.numpy().tolist() == [[1, 1], [1, 0]] and before.tolist() == [[1, 2], [3, 4]]
    assert np.asarray(v).sum() == 3 and len(v) == 2 and v[0].numpy().tolist() == [1, 1]
    assert v.shape == (2, 2) and v.shape.as_list() == [2, 2] and v.dtype == tf.float32
    for bad in ([1.0, 2.0], tf.constant([[1, 2], [3, 4]])):
        with pytest.raises(ValueError):
            v.assign(bad)
    with pytest.raises(RuntimeError):
        v.eval()
    assert v.initializer is None
    assert isinstance(v, tf.Variable) and tf.is_tensor(v)
    with pytest.raises(ValueError):
        tf.Variable()
    assert tf.Variable(lambda: 3.0).numpy() == 3 and float(tf.Variable(3.0)) == 3


@pytest.mark.parametrize("value, dtype", [
    (1, tf.int32), (2**40, tf.int64), (1.5, tf.float32), (True, tf.bool), ("a", tf.string),
    (b"a", tf.string), (1j, tf.complex128), (np.float64(3), tf.float64), (np.arange(3), tf.int64),
    ([[1.0]], tf.float32), ([], tf.float32), ([np.float64(1)], tf.float64),
])
def test_default_dtypes(value, dtype):
    assert tf.constant(value).dtype == dtype and tf.Variable(value).dtype == dtype


def test_conversion():
    assert tf.constant(1, tf.float32).numpy() == 1 and tf.constant(np.array([1.5]), tf.int32).numpy() == [1]
    assert tf.constant(0, shape=(2, 2)).numpy().tolist() == [[0, 0], [0, 0]]
    assert tf.constant([1, 2, 3, 4], shape=(2, 2)).shape == (2, 2)
    assert tf.constant("é").numpy() == "é".encode()
    assert repr(tf.constant([1])) == "<tf.Tensor: shape=(1,), dtype=int32, numpy=array([1], dtype=int32)>"
    assert tf.identity(tf.constant(2)).numpy() == 2 and tf.convert_to_tensor([1.0]).dtype == tf.float32
    for value, dtype in (([1.5], tf.int32), ("a", tf.float32), (1.5, "int64"), (1, tf.string)):
        with pytest.raises(TypeError):
            tf.constant(value, dtype)


def test_switching_modes():
    assert tf.executing_eagerly() and v1.executing_eagerly()
    v1.disable_eager_execution()
    try:
        v1.reset_default_graph()
        assert not tf.executing_eagerly()
        v = tf.Variable([1.0])
        with v1.Session() as sess:
            sess.run(v1.global_variables_initializer())
            assert sess.run(v) == [1]
    finally:
        v1.enable_eager_execution()
        v1.reset_default_graph()
    assert tf.Variable([1.0]).numpy() == [1] and v1.global_variables_initializer() is None


# ---- dtypes and errors ----


def test_dtypes():
    assert repr(tf.float32) == "tf.float32" and str(tf.float32) == "<dtype: 'float32'>"
    assert tf.float32 == np.float32 == tf.float32.as_numpy_dtype and tf.float32 == "float32"
    assert tf.float32 != tf.int32 and tf.float32 != None  # noqa: E711
    assert tf.half is tf.float16 and tf.double is tf.float64 and len({tf.int8, tf.int8}) == 1
    assert tf.string.as_numpy_dtype is np.object_ and tf.as_dtype(np.dtype("u2")) is tf.uint16
    assert tf.int16.min == -32768 and tf.uint8.max == 255 and tf.float64.size == 8
    assert tf.as_dtype(1) is tf.float32 and tf.bfloat16.size == 2
    with pytest.raises(TypeError):
        tf.as_dtype("float99")


def test_errors_are_those_of_tensorflow():
    built_in = {
        "NotFoundError": (ValueError,), "InvalidArgumentError": (ValueError,),
        "OutOfRangeError": (IndexError, ValueError), "UnimplementedError": (NotImplementedError,),
        "FailedPreconditionError": (ValueError,), "ResourceExhaustedError": (MemoryError,),
        "PermissionDeniedError": (PermissionError,), "DataLossError": (ValueError,),
        "WrongTypeError": (TypeError, ValueError)}
    for name, kinds in built_in.items():
        cls = getattr(tf.errors, name)
        error = cls(None, None, "words")
        assert isinstance(error, (tf.errors.OpError,)) and isinstance(error, RuntimeError)
        assert all(isinstance(error, k) for k in kinds) and str(error) == error.message == "words"
        assert error.op is None and error.node_def is None
    tensorflow = {"NotFoundError": 5, "InvalidArgumentError": 3, "DataLossError": 15,
                  "FailedPreconditionError": 9, "OutOfRangeError": 11, "UnimplementedError": 12}
    for name, code in tensorflow.items():
        assert getattr(tf.errors, name).error_code == code
