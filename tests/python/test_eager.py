# SPDX-License-Identifier: Apache-2.0
"""Eager mode: tensors, variables, functions, without TensorFlow (test_tf_eager.py has it)."""

import copy
import gc
import pickle
import subprocess
import sys

import numpy as np
import pytest
import unflow as tf

C, V = tf.constant, tf.Variable


def test_tensors_are_values():
    t = C([[1, 2], [3, 4]])
    assert isinstance(t, tf.Tensor) and t.dtype is tf.int32 and t.shape == (2, 2) and t.ndim == 2
    copied = t.numpy()
    copied[0, 0] = 9
    assert t.numpy()[0, 0] == 1 and not t.numpy_array().flags.writeable
    assert np.asarray(t, np.float32).dtype == np.float32 and len(t) == 2
    assert [row.numpy().tolist() for row in t] == [[1, 2], [3, 4]]
    assert t[1][0].numpy() == 3 and t[-1, 1].numpy() == 4 and t[:, None, ::-1].shape == (2, 1, 2)
    assert int(C(3)) == 3 and float(C(2.5)) == 2.5 and bool(C(1)) and [1, 2][C(1)] == 2
    assert pickle.loads(pickle.dumps(t)).numpy().tolist() == t.numpy().tolist() and copy.deepcopy(t) is t
    t.note = "kept"
    assert t.note == "kept" and t.ref() == t.ref() and len({t.ref(), t.ref()}) == 1
    np.testing.assert_array_equal(np.from_dlpack(t), t.numpy())


@pytest.mark.parametrize("use, error", [
    (lambda: hash(C(1)), TypeError), (lambda: len(C(1)), TypeError), (lambda: list(C(1)), TypeError),
    (lambda: C([1])["a"], TypeError), (lambda: C([1])[3], tf.errors.InvalidArgumentError),
    (lambda: C(1) + 1.5, tf.errors.InvalidArgumentError), (lambda: 1.5 + C(1), TypeError),
    (lambda: C([1, 2]) / C([1.0, 2.0]), TypeError), (lambda: C(1).op, AttributeError),
    (lambda: tf.no_such, AttributeError), (lambda: tf.math.no_such, AttributeError),
    (lambda: tf.raw_ops.NoSuch, AttributeError), (lambda: tf.raw_ops.AddV2(1, 2), TypeError),
    (lambda: tf.raw_ops.AddV2(x=1), TypeError), (lambda: tf.exp(1.0, 2, 3), TypeError),
    (lambda: tf.exp(y=1.0), TypeError), (lambda: C([[1], [1, 2]]), ValueError),
])
def test_refusals(use, error):
    with pytest.raises(error):
        use()


def test_operators_with_numbers_arrays_and_variables():
    a = C([1.0, 2.0])
    assert (1 + a * 2 - a / 2).numpy().tolist() == [2.5, 4.0] and (np.array([1, 1]) + C([1, 2])).numpy().tolist() == [2, 3]
    assert (a == [1, 3]).numpy().tolist() == [True, False] and (a == None) is False  # noqa: E711
    assert (V([1.0, 2.0]) * a).numpy().tolist() == [1, 4] and (2 - V(1)).numpy() == 1
    assert (a == C([1.0, 2.0, 3.0])).numpy() == False  # noqa: E712
    assert (C(7) // 2).numpy() == 3 and (C(-7) % 3).numpy() == 2 and (C([1, 2]) / 2).dtype is tf.float64


def test_variables():
    v = V([1.0, 2.0, 3.0], name="w")
    assert v.name == "w:0" and v.shape == [3] and v.trainable
    assert v.assign_add([1, 1, 1]).numpy().tolist() == [2, 3, 4]
    assert v[1:].assign([8, 9]).numpy().tolist() == [2, 8, 9]
    v.scatter_update(tf.IndexedSlices(C([5.0]), C([0])))
    v.scatter_nd_add([[2]], [1.0])
    assert v.numpy().tolist() == [5, 8, 10] and v.sparse_read([2]).numpy().tolist() == [10]
    before = v.value()
    v.assign([0, 0, 0])
    assert before.numpy().tolist() == [5, 8, 10]  # a value that somebody holds does not change
    twin = copy.deepcopy(v)
    twin.assign([1, 1, 1])
    assert v.numpy().tolist() == [0, 0, 0] and isinstance(v, tf.Variable) and not isinstance(v, tf.Tensor)
    with pytest.raises(ValueError, match="Shape mismatch"):
        v.assign([1.0])


def test_a_handle_gives_the_value_and_keeps_it():
    handle = V([1, 2]).handle
    gc.collect()
    assert handle.dtype is tf.resource and handle.numpy().tolist() == [1, 2] and "[1, 2]" in repr(handle)
    assert tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.int32).numpy().tolist() == [1, 2]


def test_uninitialized_variables_say_so():
    handle = tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=[2], shared_name="nobody_assigned")
    with pytest.raises(tf.errors.FailedPreconditionError, match="nobody_assigned"):
        tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.float32)


def test_names_in_scopes():
    with tf.name_scope("a"), tf.name_scope("b"):
        assert V(1.0, name="v").name == "a/b/v:0"

    class Layer(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = V([1.0])
            self.more = [V(2.0, trainable=False), {"k": V(3.0)}]

    layer = Layer()
    assert layer.name == "layer" and len(layer.variables) == 3 and len(layer.trainable_variables) == 2


def test_functions_and_modules_are_made_when_asked_for():
    assert tf.math.sin is tf.math.sin and "sin" in dir(tf.math) and "math" in dir(tf)
    assert tf.nn.relu.__name__ == "relu" and tf.newaxis is None
    code = ("import sys, numpy; before = set(sys.modules); import unflow; "
            "print(len(set(sys.modules) - before))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert int(done.stdout) == 1, done.stdout + done.stderr


def test_tf_function():
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def double(x):
        return {"y": x * 2}

    assert double([1.0, 2.0])["y"].numpy().tolist() == [2, 4]
    with pytest.raises(TypeError):
        double([[1.0]])
    concrete = double.get_concrete_function()
    assert concrete(C([3.0]))["y"].numpy() == [6]


def test_seeds_repeat():
    tf.random.set_seed(3)
    first = tf.random.uniform([3]).numpy().tolist(), tf.random.normal([2], seed=1).numpy().tolist()
    tf.random.set_seed(3)
    assert first == (tf.random.uniform([3]).numpy().tolist(), tf.random.normal([2], seed=1).numpy().tolist())


def test_control_flow_and_nest():
    total = tf.while_loop(lambda i, s: i < 4, lambda i, s: (i + 1, s + i), (C(0), C(0)))
    assert total[1].numpy() == 6 and tf.cond(C(True), lambda: 1, lambda: 2) == 1
    assert tf.map_fn(lambda x: x * x, C([1, 2, 3])).numpy().tolist() == [1, 4, 9]
    assert tf.nest.flatten({"b": 2, "a": [1]}) == [1, 2]


def test_ragged_and_sparse():
    r = tf.ragged.constant([[1], [2, 3], []])
    assert repr(r) == "<tf.RaggedTensor [[1], [2, 3], []]>" and r.to_list() == [[1], [2, 3], []]
    assert r.to_tensor().numpy().tolist() == [[1, 0], [2, 3], [0, 0]] and (r + 1).to_list() == [[2], [3, 4], []]
    s = tf.SparseTensor([[0, 1]], [5], [2, 2])
    assert s.shape == (2, 2) and "dense_shape" in str(s)


def test_threads_share_one_context():
    import threading

    v, wrong = V(np.zeros(100_000, np.float32)), []

    def work():
        for i in range(50):
            x = C(np.full(100_000, i, np.float32))
            if (x + x).numpy()[7] != 2 * i or v.value().shape != (100_000,):
                wrong.append(i)

    threads = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not wrong


def test_threads(run_python, tmp_path):
    script = tmp_path / "s.py"
    script.write_text("import unflow as tf\nc = tf.config.threading\nc.set_intra_op_parallelism_threads(3)\n"
                      "c.set_inter_op_parallelism_threads(2)\nx = tf.ones([1 << 20])\n"
                      "print(float(tf.reduce_sum(x + x)), c.get_intra_op_parallelism_threads(),\n"
                      "      c.get_inter_op_parallelism_threads())\n"
                      "try:\n    c.set_intra_op_parallelism_threads(1)\nexcept RuntimeError as e:\n    print(e)\n")
    status, out, err = run_python(script)
    assert (status, err) == (0, "")
    assert out == "2097152.0 3 2\nIntra op parallelism cannot be modified after initialization.\n"
