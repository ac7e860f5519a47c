# SPDX-License-Identifier: Apache-2.0
"""Graph mode without TensorFlow at hand: values, names and errors that it is known for."""

import re

import numpy as np
import pytest
import unflow as tf

v1 = tf.compat.v1


@pytest.fixture
def graph():
    with tf.Graph().as_default() as g:
        yield g


def test_messages_of_lookups(graph):
    tf.constant(1, name="c")
    for name, error, words in (
            ("d:0", KeyError, "'d:0' refers to a Tensor which does not exist. The operation, 'd', does not"),
            ("c:7", KeyError, "exists but only has 1 outputs"),
            ("c", ValueError, "refers to an Operation, not a Tensor"),
            ("c:x", ValueError, "is not a valid one")):
        with pytest.raises(error, match=words):
            graph.get_tensor_by_name(name)
    with pytest.raises(KeyError, match="refers to an Operation not in the graph"):
        graph.get_operation_by_name("d")


def test_messages_of_sessions(graph):
    x = v1.placeholder(tf.float32, [2], name="x")
    v = tf.Variable(1.0, name="forgotten")
    with v1.Session() as sess:
        with pytest.raises(tf.errors.FailedPreconditionError, match="forgotten") as caught:
            sess.run(v)
        assert "initial" in caught.value.message
        with pytest.raises(tf.errors.InvalidArgumentError, match="You must feed a value for placeholder"):
            sess.run(x)
        with pytest.raises(ValueError, match=re.escape(
                "Cannot feed value of shape (3,) for Tensor x:0, which has shape (2,)")):
            sess.run(x, {x: [1, 2, 3]})
        with pytest.raises(TypeError, match="Cannot interpret feed_dict key as Tensor"):
            sess.run(x, {"y:0": 1})
        with pytest.raises(TypeError, match="has invalid type"):
            sess.run([x, None])
        with pytest.raises(NotImplementedError, match="partial_run"):
            sess.partial_run_setup([x])
    with pytest.raises(RuntimeError, match="closed"):
        sess.run(v)
    with pytest.raises(NotImplementedError, match="gradients"):
        v1.gradients(x, v)
    with pytest.raises(ValueError, match="No default session"):
        x.eval()


def test_interactive_session(graph):
    sess = v1.InteractiveSession()
    c = tf.constant([1.0, 2.0])
    assert c.eval().tolist() == [1, 2]
    sess.close()
    with pytest.raises(ValueError):
        c.eval()


def test_construction_errors(graph):
    a = tf.constant([1.0, 2.0])
    with pytest.raises(TypeError):
        tf.add(a, tf.constant([1, 2]))
    with pytest.raises(ValueError, match="same graph"):
        with tf.Graph().as_default():
            b = tf.constant(1.0)
        tf.add(a, b)
    with pytest.raises(ValueError, match="valid"):
        tf.constant(1, name="a b")
    with pytest.raises(TypeError):
        v1.cond(True, lambda: a, lambda: a)


def test_graph_def_round_trip(graph):
    x = v1.placeholder(tf.float32, [None], name="x")
    y = v1.cond(x[0] > 0, lambda: x * 2.0, lambda: -x)
    _, z = v1.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a + y), [0, x])
    z = tf.identity(z, name="z")
    message = v1.GraphDef.FromString(graph.as_graph_def().SerializeToString())
    assert len(message.library.function) == 4
    with tf.Graph().as_default(), v1.Session() as sess:
        v1.import_graph_def(message, name="m")
        assert sess.run("m/z:0", {"m/x:0": [1.0]}).tolist() == [7]
        assert sess.run("m/z:0", {"m/x:0": [-1.0]}).tolist() == [2]


def test_names_of_version_1(graph):
    missing = [n for n in (
        "Session InteractiveSession placeholder placeholder_with_default get_variable variable_scope "
        "global_variables local_variables trainable_variables global_variables_initializer assign "
        "assign_add assign_sub scatter_add scatter_update cond while_loop case import_graph_def GraphDef "
        "MetaGraphDef get_default_graph reset_default_graph name_scope device get_collection "
        "add_to_collection set_random_seed tables_initializer Variable AUTO_REUSE ConfigProto gfile "
        "disable_v2_behavior disable_eager_execution control_dependencies constant_initializer logging "
        "train saved_model initializers graph_util").split() if not hasattr(v1, n)]
    assert missing == []
    for name in ("Saver", "import_meta_graph", "export_meta_graph", "get_or_create_global_step",
                 "latest_checkpoint", "write_graph", "Checkpoint"):
        assert callable(getattr(v1.train, name))
    with pytest.raises(AttributeError, match="nothing_such"):
        v1.nothing_such  # noqa: B018
    with pytest.raises(AttributeError, match="nothing_such"):
        v1.train.nothing_such  # noqa: B018


def test_global_step_and_frozen_graphs(graph):
    step = v1.train.get_or_create_global_step()
    assert v1.train.get_global_step() is step and step.dtype == tf.int64
    w = v1.get_variable("w", initializer=np.float32([1, 2]))
    y = tf.add(w, 1.0, name="y")
    with v1.Session() as sess:
        sess.run(v1.global_variables_initializer())
        sess.run(w.assign([5.0, 6.0]))
        assert v1.train.global_step(sess, step) == 0
        frozen = v1.graph_util.convert_variables_to_constants(sess, graph.as_graph_def(), ["y"])
        assert sess.run(y).tolist() == [6, 7]
    assert "VarHandleOp" not in {n.op for n in frozen.node}
    with tf.Graph().as_default(), v1.Session() as sess:
        v1.import_graph_def(frozen, name="")
        assert sess.run("y:0").tolist() == [6, 7]


def test_disable_v2_behavior(run_python):
    script = """
import unflow.compat.v1 as tf
tf.disable_v2_behavior()
v = tf.get_variable("v", [2], initializer=tf.ones_initializer())
x = tf.placeholder(tf.float32, [2])
y = v * x
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    print(sess.run(y, feed_dict={x: [3, 4]}), v.op.type, type(v).__name__)
"""
    assert run_python("-c", script)[:2] == (0, "[3. 4.] VariableV2 RefVariable\n")


def test_checkpoint_of_names_and_objects(tmp_path):
    v = tf.Variable([1.0, 2.0], name="v")
    root = tf.train.Checkpoint(v=v, inner=tf.train.Checkpoint(n=tf.Variable(3)))
    prefix = root.write(str(tmp_path / "c"))
    assert [k for k, _ in tf.train.list_variables(prefix)] == [
        "_CHECKPOINTABLE_OBJECT_GRAPH", "inner/n/.ATTRIBUTES/VARIABLE_VALUE", "v/.ATTRIBUTES/VARIABLE_VALUE"]
    v.assign([0.0, 0.0])
    root.read(prefix).assert_consumed()
    assert v.numpy().tolist() == [1, 2]
    with pytest.raises(ValueError):
        tf.train.Checkpoint(v=tf.Variable([1.0])).read(prefix)
    with pytest.raises(ValueError, match="trackable"):
        tf.train.Checkpoint(v=3)
    with pytest.raises(AssertionError):
        root.restore(None).assert_consumed()


def test_time_limits_are_refused():
    with pytest.raises(NotImplementedError, match="timeout_in_ms"):
        v1.RunOptions(timeout_in_ms=5)
    with pytest.raises(NotImplementedError, match="timeout_in_ms"):
        v1.RunOptions().timeout_in_ms = 5
