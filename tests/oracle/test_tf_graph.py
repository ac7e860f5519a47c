# SPDX-License-Identifier: Apache-2.0
"""Graphs and sessions beside TensorFlow: the same script gives the same values, names and errors."""

import collections
import os

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same kernels on every processor
tensorflow = pytest.importorskip("tensorflow")
import unflow  # noqa: E402

SCRIPTS = []


def script(function):
    SCRIPTS.append(function)
    return function


def names(graph):
    return [(op.name, op.type) for op in graph.get_operations()]


def error(function):
    """The kind of exception; those of TensorFlow and unflow share names."""
    try:
        function()
    except Exception as found:
        if getattr(found, "error_code", None) == 3:
            return "ValueError"  # which unflow's InvalidArgumentError is, too
        kinds = (KeyError, TypeError, ValueError, RuntimeError, NotImplementedError)
        return next(k.__name__ for k in kinds if isinstance(found, k)) if not hasattr(
            found, "error_code") else f"error_code {found.error_code}"
    return "none"


@script
def scopes(tf, v1, graph, out):
    with v1.name_scope("a"):
        x = v1.placeholder(tf.float32, [None, 2], name="x")
        with v1.name_scope("b") as scope:
            y = v1.placeholder(tf.float32, None)
            out.append(scope)
        with v1.name_scope("b") as scope:
            out.append(scope)
            v1.placeholder(tf.int32, [], name="X")
            v1.placeholder(tf.int32, [], name="x")
        with v1.name_scope(None):
            v1.placeholder(tf.int32, [3], name="x")
        with v1.name_scope("a/b/"):
            v1.placeholder(tf.int32, [3], name="z")
    v1.placeholder(tf.int32, [3], name="a")
    out += [graph.unique_name("a"), graph.unique_name("new", mark_as_used=False), graph.unique_name("new")]
    out += [x.name, x.shape.as_list(), y.shape.rank, x.op.type, str(x.dtype)]
    out += [error(lambda: v1.placeholder(tf.int32, name="a b")), error(lambda: graph.name_scope("?").__enter__())]


@script
def lookups(tf, v1, graph, out):
    c = tf.constant([[1.0, 2.0]], name="c")
    v1.placeholder(tf.float32, name="p")
    out += [graph.get_tensor_by_name("c:0") is c, graph.get_operation_by_name("c").name]
    for bad in ("c", "c:1", "d:0", "c:x", ""):
        out.append(error(lambda: graph.get_tensor_by_name(bad)))
    for bad in ("d", "c:0"):
        out.append(error(lambda: graph.get_operation_by_name(bad)))
    out += [error(lambda: graph.get_tensor_by_name(3)), error(lambda: graph.as_graph_element(3))]
    out += [c.op.get_attr("dtype").name, error(lambda: c.op.get_attr("nothing"))]
    out += [[o.name for o in graph.get_operations()], c.consumers(), repr(c), str(c)]


@script
def variables(tf, v1, graph, out):
    a = tf.Variable([1.0, 2.0], name="a")
    b = v1.get_variable("b", [2, 3], initializer=v1.zeros_initializer())
    c = v1.get_variable("c", initializer=tf.constant([3, 4]))
    d = v1.get_variable("d", [2], tf.int64)
    e = tf.Variable(lambda: tf.constant(7.0), name="e", trainable=False)
    with v1.Session() as sess:
        out.append(error(lambda: sess.run(a)))
        sess.run(v1.global_variables_initializer())
        out += sess.run([a, b, c, d, e])
        out.append(sess.run(a.assign_add([1.0, 1.0])))
        out.append(sess.run(v1.assign(a, [5.0, 6.0])))
        out.append(sess.run([v1.assign_sub(c, [1, 1]), a.read_value()]))
        out.append(sess.run(v1.scatter_update(b, [1], [[1.0, 2.0, 3.0]])))
        a.load([9.0, 8.0], sess)
        out.append(a.eval())
        out.append(sess.run("a/Read/ReadVariableOp:0"))
        out.append(sess.run(v1.report_uninitialized_variables()))
    out += [[v.name for v in v1.global_variables()], [v.name for v in v1.trainable_variables()]]
    out += [[o.name for o in graph.get_operations() if o.name.startswith(("a", "b", "e"))]]


@script
def reference_variables(tf, v1, graph, out):
    a = v1.Variable([1.0, 2.0], name="a", use_resource=False)
    b = v1.get_variable("b", [2], initializer=v1.ones_initializer(), use_resource=False)
    with v1.Session() as sess:
        out.append(error(lambda: sess.run(a)))
        sess.run(v1.global_variables_initializer())
        out += [sess.run(v1.assign(a, b * 3.0)), sess.run(v1.assign_add(b, [1.0, 1.0]))]
        out.append(sess.run([a, b, a.value()]))
        out.append(sess.run(v1.scatter_add(a, [0, 0], [1.0, 2.0])))
    out += [a.op.type, [o.name for o in graph.get_operations()][:8]]


@script
def variable_scopes(tf, v1, graph, out):
    with v1.variable_scope("s") as s:
        w = v1.get_variable("w", [1], initializer=v1.ones_initializer())
        with v1.variable_scope("t", reuse=v1.AUTO_REUSE):
            u = v1.get_variable("w", [2])
            out.append(v1.get_variable("w", [2]) is u)
        out.append(error(lambda: v1.get_variable("w", [1])))
    with v1.variable_scope("s", reuse=True):
        out += [v1.get_variable("w", [1]) is w, error(lambda: v1.get_variable("new", [1])),
                error(lambda: v1.get_variable("w", [2]))]
    with v1.variable_scope(s, reuse=True) as again:
        out += [again.name, again.original_name_scope, v1.get_variable("w") is w]
        out.append(tf.constant(1, name="c").name)
    with v1.variable_scope(None, "d") as d1:
        pass
    with v1.variable_scope(None, "d") as d2:
        out += [d1.name, d2.name, v1.get_variable_scope().name]
    out += [[v.name for v in v1.global_variables()], error(lambda: v1.get_variable("n"))]
    out += [[v.name for v in v1.global_variables("s/t")]]


@script
def random_initializers(tf, v1, graph, out):
    v1.set_random_seed(7)
    a = v1.get_variable("a", [3, 2])
    b = v1.get_variable("b", [4], initializer=v1.random_normal_initializer(1.0, 2.0, seed=3))
    c = v1.get_variable("c", [4], initializer=v1.truncated_normal_initializer(stddev=0.5))
    d = v1.get_variable("d", [4], initializer=v1.random_uniform_initializer(-1, 1))
    e = v1.get_variable("e", [4, 4], initializer=v1.variance_scaling_initializer(seed=5))
    for _ in range(2):
        with v1.Session() as sess:
            sess.run(v1.global_variables_initializer())
            out += sess.run([a, b, c, d, e])
    out.append([o.name for o in graph.get_operations() if o.name.startswith("a")])


@script
def fetches_and_feeds(tf, v1, graph, out):
    x = v1.placeholder(tf.float32, [None, 2], name="x")
    d = v1.placeholder_with_default([[1.0, 1.0]], [None, 2], name="d")
    y = tf.add(x, d, name="y")
    z = y * 2.0
    Pair = collections.namedtuple("Pair", "p q")
    with v1.Session() as sess:
        out.append(error(lambda: sess.run(y)))
        value = [[1.0, 2.0], [3.0, 4.0]]
        got = sess.run({"a": [y, (z, "y:0")], "b": Pair(x, y.op)}, {x: value})
        out += [got["a"][0], got["a"][1][0], got["a"][1][1], got["b"].p, got["b"].q, type(got["b"]).__name__]
        out.append(sess.run(z, {"x:0": value, d: [[0.0, 0.0]]}))
        out.append(sess.run(z, {y: [[5.0, 5.0]]}))
        out.append(sess.run([], {}) if False else [])
        for bad in (lambda: sess.run(None), lambda: sess.run(3), lambda: sess.run("q"),
                    lambda: sess.run(z, {x: [1.0]}), lambda: sess.run(z, {"q:0": 1}),
                    lambda: sess.run(z, {x: y}), lambda: sess.run(z, {x: "text"}), lambda: sess.run(z, {3: 3}),
                    lambda: sess.run(z, [1])):
            out.append(error(bad))
        out.append(sess.make_callable([z, y], [x])(value))
        out.append(y.eval({x: value}))
        out.append(z.op.run({x: value}))
    out.append(error(lambda: sess.run(y)))
    out.append(error(lambda: y.eval()))


@script
def control_dependencies(tf, v1, graph, out):
    v = tf.Variable(1.0, name="v")
    with tf.control_dependencies([v.assign_add(2.0)]):
        after = v.read_value()
        with tf.control_dependencies(None):
            free = tf.constant(3.0, name="free")
    with v1.Session() as sess:
        sess.run(v.initializer)
        out += [sess.run(after), sess.run(v), sess.run(free), free.op.control_inputs]
        out += [sess.run(tf.group(v.assign(8.0), name="g")), sess.run(v)]
    out.append(error(lambda: tf.control_dependencies([3]).__enter__()))


@script
def branches(tf, v1, graph, out):
    x = v1.placeholder(tf.float32, [])
    v = tf.Variable(1.0)

    def yes():
        return {"a": x * 2.0, "b": [v + x]}

    def no():
        return {"a": x - 1.0, "b": [tf.constant(0.0)]}

    c = v1.cond(x > 0.0, yes, no)
    changed = v1.cond(x > 0.0, lambda: v.assign_add(x), lambda: v.assign(0.0))
    k = v1.case([(x < 1.0, lambda: tf.constant(1)), (x < 2.0, lambda: tf.constant(2))],
                default=lambda: tf.constant(3))
    with v1.Session() as sess:
        sess.run(v.initializer)
        for value in (3.0, -3.0, 1.5):
            out += [sess.run(c, {x: value}), sess.run(k, {x: value})]
        out += [sess.run(changed, {x: 2.0}), sess.run(v), sess.run(changed, {x: -2.0}), sess.run(v)]


@script
def loops(tf, v1, graph, out):
    n = v1.placeholder(tf.int32, [])
    step = tf.constant(2.0)
    i, s = v1.while_loop(lambda i, s: i < n, lambda i, s: (i + 1, s * step), [tf.constant(0), 1.0])
    one = v1.while_loop(lambda a: a < 10, lambda a: a + 3, [tf.constant(0)])
    limited = v1.while_loop(lambda a: True, lambda a: [a + 1], [tf.constant(0)], maximum_iterations=4)
    grown = v1.while_loop(lambda k, t: k < n, lambda k, t: (k + 1, tf.concat([t, t], 0)),
                          [tf.constant(0), tf.constant([1.0])],
                          shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])])
    outer = v1.while_loop(
        lambda a, b: a < 3, lambda a, b: (a + 1, v1.while_loop(
            lambda c: c < 5 + b, lambda c: c + step_int(tf), [b])), [tf.constant(0), tf.constant(1)])
    with v1.Session() as sess:
        for value in (0, 3):
            out += [sess.run([i, s], {n: value}), sess.run(grown, {n: value})]
        out += [sess.run(one), sess.run(limited), sess.run(outer)]


def step_int(tf):
    return tf.constant(2)


@script
def collections_and_devices(tf, v1, graph, out):
    with v1.device("/cpu:0"):
        a = tf.constant(1, name="a")
        with v1.device("/job:worker"):
            b = tf.constant(2, name="b")
        with v1.device(None):
            c = tf.constant(3, name="c")
    v1.add_to_collection("mine", a)
    v1.add_to_collection("mine", b)
    out += [a.device, b.device, c.device, [t.name for t in v1.get_collection("mine")],
            [t.name for t in v1.get_collection("mine", "b")], v1.get_collection("none")]
    graph.finalize()
    out += [graph.finalized, error(lambda: tf.constant(1))]


@script
def import_with_a_map(tf, v1, graph, out):
    x = v1.placeholder(tf.float32, [2], name="x")
    tf.multiply(x, [2.0, 3.0], name="y")
    message = graph.as_graph_def()
    with tf.Graph().as_default() as other:
        c = tf.constant([1.0, 1.0])
        y, op = v1.import_graph_def(message, {"x:0": c}, ["y:0", "y"])
        v1.import_graph_def(message, name="again")
        v1.import_graph_def(message, name="")
        out += [y.name, op.name, [o.name for o in other.get_operations()]]
        out += [error(lambda: v1.import_graph_def(message, {"q:0": c})),
                error(lambda: v1.import_graph_def(message, return_elements=["q"])),
                error(lambda: v1.import_graph_def("text"))]
        with v1.Session() as sess:
            out += [sess.run(y), sess.run("again/y:0", {"again/x:0": [4.0, 5.0]})]


@script
def savers(tf, v1, graph, out, folder):
    a = tf.Variable([1.0, 2.0], name="a")
    b = v1.get_variable("b", [], tf.int32, v1.ones_initializer())
    saver = v1.train.Saver(max_to_keep=2)
    with v1.Session() as sess:
        sess.run(v1.global_variables_initializer())
        for i in range(3):
            out.append(os.path.basename(saver.save(sess, folder + "/model", global_step=i)))
            sess.run(a.assign_add([1.0, 1.0]))
        saver.restore(sess, folder + "/model-1")
        out.append(sess.run(a))
        out.append(error(lambda: saver.restore(sess, folder + "/none")))
    out += [sorted(f for f in os.listdir(folder)), [os.path.basename(p) for p in saver.last_checkpoints],
            os.path.basename(tf.train.latest_checkpoint(folder))]
    with tf.Graph().as_default(), v1.Session() as sess:
        again = v1.train.import_meta_graph(folder + "/model-2.meta")
        again.restore(sess, folder + "/model-2")
        out += [sess.run(v1.global_variables()), [v.name for v in v1.global_variables()]]
    del b


@script
def network(tf, v1, graph, out):
    rng = np.random.default_rng(0)
    x = v1.placeholder(tf.float32, [None, 8, 8, 1], name="x")
    with v1.variable_scope("conv"):
        k = v1.get_variable("k", initializer=rng.normal(size=(3, 3, 1, 4)).astype(np.float32))
        b = v1.get_variable("b", [4], initializer=v1.zeros_initializer())
        h = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, k, [1, 1, 1, 1], "SAME"), b))
        h = tf.nn.max_pool2d(h, 2, 2, "VALID")
    h = tf.reshape(h, [-1, 64])
    w = v1.get_variable("w", initializer=rng.normal(size=(64, 3)).astype(np.float32))
    logits = tf.matmul(h, w, name="logits")
    p = tf.nn.softmax(logits, name="p")
    best = tf.argmax(p, 1, name="best")
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=best, logits=logits))
    out += [h.shape.as_list(), logits.shape.as_list(), p.shape.as_list(), best.shape.as_list(),
            loss.shape.as_list(), logits.name, best.dtype.name]
    with v1.Session() as sess:
        sess.run(v1.global_variables_initializer())
        value = rng.normal(size=(5, 8, 8, 1)).astype(np.float32)
        found = sess.run([logits, best, loss], {x: value})
        out += [np.round(found[0], 3), found[1], np.round(found[2], 3)]


@script
def operators(tf, v1, graph, out):
    a = v1.placeholder(tf.float32, [2, 3])
    b = tf.constant([[1.0, 2.0, 3.0]])
    n = tf.constant([7, -7])
    results = [a + b, 2.0 - a, a * b / 2.0, -a, abs(a), a ** 2.0, a > b, n // 2, n % 3, a[0], a[:, 1:], a[..., None],
               a @ tf.transpose(b), n + 1, 1 + n, tf.cast(n, tf.float64) / 2, ~(a > b), (a > b) & (a < b)]
    out += [[r.shape.as_list(), r.dtype.name] for r in results]
    with v1.Session() as sess:
        out.append(sess.run(results, {a: [[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]]}))


@script
def variable_parts(tf, v1, graph, out):
    v = v1.get_variable("v", initializer=np.arange(6, dtype=np.float32).reshape(2, 3))
    local = v1.get_local_variable("l", initializer=np.float32(3))
    first = v[0].assign([7.0, 8.0, 9.0])
    taken = tf.gather(v, [1, 1])
    with v1.Session() as sess:
        out.append(error(lambda: sess.run(local)))
        sess.run([v1.global_variables_initializer(), v1.local_variables_initializer()])
        out += [sess.run(v[1]), sess.run(taken), sess.run(first), sess.run(v), sess.run(local), sess.run(v * 2.0 + local)]
        out.append(sess.run(v1.scatter_nd_update(v, [[0], [1]], [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])))
        out.append(sess.run(v1.is_variable_initialized(v)))
    out += [[x.name for x in v1.local_variables()], [x.name for x in v1.global_variables()]]


@script
def strings_and_sparse(tf, v1, graph, out):
    s = v1.placeholder(tf.string, [None])
    joined = tf.strings.join([s, "x"], separator="-")
    length = tf.strings.length(s)
    number = tf.strings.to_number(tf.strings.regex_replace(s, "[a-z]", "1"))
    with v1.Session() as sess:
        out.append([[str(v) for v in r] for r in sess.run([joined, length, number], {s: ["a", b"bc", "9"]})])
        out.append(sess.run(tf.identity(s), {s: ["\u00e9"]}).tolist())


@script
def while_with_variables(tf, v1, graph, out):
    v = tf.Variable([1.0, 1.0], name="v")
    total = tf.Variable(0.0)

    def body(i, acc):
        with tf.control_dependencies([total.assign_add(1.0)]):
            return i + 1, acc + v * tf.cast(i, tf.float32)

    _, acc = v1.while_loop(lambda i, acc: tf.less(i, 5), body, [tf.constant(0), tf.zeros([2])])
    with tf.control_dependencies([acc]):
        after = total.read_value()
    with v1.Session() as sess:
        sess.run(v1.global_variables_initializer())
        out += [sess.run([acc, after]), sess.run(total)]


@script
def shapes_at_construction(tf, v1, graph, out):
    x = v1.placeholder(tf.float32, [None, 3])
    y = v1.placeholder(tf.float32)
    k = v1.placeholder(tf.float32, [2, 3])
    out += [tf.concat([x, x], 1).shape.as_list(), tf.expand_dims(x, 0).shape.as_list(), (y + 1.0).shape.rank,
            tf.reshape(x, [-1, 1]).shape.as_list(), tf.stack([x, x]).shape.as_list(), tf.shape(x).shape.as_list(),
            tf.transpose(x).shape.as_list(), tf.reduce_sum(x, 0).shape.as_list(), tf.tile(x, [1, 2]).shape.as_list()]
    y.set_shape([2, None])
    out += [y.shape.as_list(), error(lambda: y.set_shape([3, 1])), error(lambda: tf.matmul(k, tf.ones([4, 2]))),
            error(lambda: tf.concat([k, tf.ones([1, 2])], 0)), error(lambda: k + tf.ones([2, 2]))]
    q, r = tf.split(tf.ones([4, 2]), 2)
    out += [q.shape.as_list(), r.name]


@script
def object_checkpoints(tf, v1, graph, out, folder):
    w = v1.get_variable("w", initializer=tf.constant([1.0, 2.0]))
    checkpoint = v1.train.Checkpoint(w=w)
    with v1.Session() as sess:
        sess.run(v1.global_variables_initializer())
        prefix = checkpoint.save(folder + "/c", session=sess)
        sess.run(w.assign([0.0, 0.0]))
        checkpoint.restore(prefix).run_restore_ops(sess)
        out += [sess.run(w), os.path.basename(prefix)]
    out.append([k for k, _ in tf.train.list_variables(prefix)])


@script
def old_control_flow(tf, v1, graph, out):
    data = np.frombuffer(OLD, np.uint8).tobytes()
    v1.import_graph_def(v1.GraphDef.FromString(data), name="old")
    with v1.Session() as sess:
        for x in (2.0, -1.0):
            out.append(sess.run(["old/branch:0", "old/loop:0", "old/nested:0"], {"old/x:0": x}))


def old_graph():
    """Switch, Merge, Enter ... as TensorFlow 1 made them."""
    v1 = tensorflow.compat.v1
    v1.disable_control_flow_v2()
    try:
        with tensorflow.Graph().as_default() as graph:
            x = v1.placeholder(tensorflow.float32, [], "x")
            tensorflow.identity(v1.cond(x > 0.0, lambda: x * 3.0, lambda: x - 1.0), "branch")
            _, b = v1.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, a * 2.0 + x), [0, x])
            tensorflow.identity(b, "loop")
            _, c = v1.while_loop(
                lambda i, a: i < 3, lambda i, a: (i + 1, v1.cond(a > 5.0, lambda: a - x, lambda: v1.while_loop(
                    lambda q: q < 9.0, lambda q: q + 4.0, [a]))), [0, x])
            tensorflow.identity(c, "nested")
        return graph.as_graph_def().SerializeToString()
    finally:
        v1.enable_control_flow_v2()


OLD = old_graph()


def run(function, tf, folder):
    out = []
    graph = tf.Graph()
    with graph.as_default():
        if function.__code__.co_argcount == 5:
            function(tf, tf.compat.v1, graph, out, str(folder))
        else:
            function(tf, tf.compat.v1, graph, out)
    return out


def same(a, b, where=""):
    if isinstance(b, dict):
        assert sorted(a) == sorted(b), where
        for key in b:
            same(a[key], b[key], f"{where}[{key}]")
    elif isinstance(b, (list, tuple)):
        assert len(a) == len(b), (where, a, b)
        for i, (x, y) in enumerate(zip(a, b)):
            same(x, y, f"{where}[{i}]")
    elif isinstance(b, (np.ndarray, np.generic)):
        assert np.asarray(a).dtype == b.dtype and np.shape(a) == np.shape(b), (where, a, b)
        if b.dtype.kind == "f":
            np.testing.assert_allclose(a, b, rtol=1e-6, err_msg=where)
        else:
            assert np.array_equal(a, b), (where, a, b)
    else:
        assert a == b, (where, a, b)


@pytest.mark.parametrize("function", SCRIPTS, ids=lambda f: f.__name__)
def test_script(function, tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    expected = run(function, tensorflow, theirs)
    same(run(function, unflow, ours), expected)
