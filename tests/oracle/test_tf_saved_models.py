# SPDX-License-Identifier: Apache-2.0
"""SavedModels, checkpoints and graphs that TensorFlow writes, loaded by unflow; and the way back."""

import os

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same kernels on every processor
tf = pytest.importorskip("tensorflow")
import unflow as uf  # noqa: E402


class Model(tf.Module):
    def __init__(self):
        super().__init__()
        self.w = tf.Variable([[1.0, 2.0], [3.0, 4.0]], name="w")
        self.parts = [tf.Variable(1.0), {"k": tf.Variable([5, 6])}]
        self.count = tf.Variable(0, trainable=False, dtype=tf.int64)
        self.scale = tf.constant([2.0, 3.0])
        self.table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([1, 2], tf.int64)), -1)

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    def serve(self, x):
        self.count.assign_add(1)
        return {"y": x @ self.w * self.scale, "n": self.count.read_value()}

    @tf.function
    def both(self, x, training=False, factor=2):
        return (x * factor, x - 1) if training else (x, x)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def find(self, keys):
        return self.table.lookup(keys)

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32)])
    def loop(self, n):
        total = tf.constant(0)
        for i in tf.range(n):
            if i % 2 == 0:
                total += i
        return total

    @tf.function(input_signature=[{"a": tf.TensorSpec([2]), "b": [tf.TensorSpec([]), tf.TensorSpec([])]}])
    def nested(self, inputs):
        return {"s": inputs["a"] + inputs["b"][0], "t": [inputs["b"][1], (inputs["a"],)]}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("model") / "saved")
    model = Model()
    model.both(tf.constant([1.0, 2.0]))
    model.both(tf.constant([1.0, 2.0]), training=True)
    model.both(tf.constant([1, 2]), training=True, factor=5)
    model.vocabulary = tf.saved_model.Asset(_vocabulary(tmp_path_factory))
    tf.saved_model.save(model, path, signatures={"serving_default": model.serve, "find": model.find})
    return path


def _vocabulary(factory):
    path = factory.mktemp("asset") / "words.txt"
    path.write_text("x\ny\n")
    return str(path)


def test_functions_and_variables(saved):
    model = uf.saved_model.load(saved)
    x = np.array([[1.0, 2.0], [3.0, 4.0], [0.5, 0.0]], np.float32)
    expected = x @ np.array([[1, 2], [3, 4]], np.float32) * np.array([2, 3], np.float32)
    for i, function in enumerate((model.serve, model.signatures["serving_default"])):
        got = function(x) if i == 0 else function(x=uf.constant(x))
        np.testing.assert_allclose(got["y"].numpy(), expected)
        assert got["n"].numpy() == i + 1
    assert model.count.numpy() == 2 and model.parts[1]["k"].numpy().tolist() == [5, 6]
    model.w.assign([[0.0, 0.0], [0.0, 1.0]])  # functions read the very same variable
    np.testing.assert_allclose(model.serve(x)["y"].numpy(), x @ [[0, 0], [0, 1]] * [2, 3])
    assert model.w.trainable and not model.count.trainable
    assert model.find(uf.constant(["b", "q", "a"])).numpy().tolist() == [2, -1, 1]
    assert list(model.signatures["find"](keys=uf.constant(["a"])).values())[0].numpy() == [1]
    assert model.loop(7).numpy() == 12
    assert model.vocabulary.asset_path.numpy().endswith(b"words.txt")
    got = model.nested({"a": np.float32([1, 2]), "b": [np.float32(3), np.float32(4)]})
    assert got["s"].numpy().tolist() == [4, 5] and got["t"][1][0].numpy().tolist() == [1, 2]


def test_concrete_functions_are_chosen(saved):
    model = uf.saved_model.load(saved)
    f = uf.constant([1.0, 2.0])
    assert [t.numpy().tolist() for t in model.both(f)] == [[1, 2], [1, 2]]
    assert [t.numpy().tolist() for t in model.both(f, training=True)] == [[2, 4], [0, 1]]
    assert [t.numpy().tolist() for t in model.both(uf.constant([1, 2]), True, 5)] == [[5, 10], [0, 1]]
    for bad in (lambda: model.both(uf.constant(["a", "b"])), lambda: model.both(f, factor=9),
                lambda: model.both(uf.constant([1.0]))):
        with pytest.raises(ValueError, match="Could not find matching"):
            bad()
    signature = model.signatures["serving_default"]
    assert signature.structured_outputs["y"].shape.as_list() == [None, 2]
    assert signature.structured_input_signature[1]["x"].dtype == uf.float32
    with pytest.raises(TypeError):
        signature(q=f)
    with pytest.raises(ValueError):
        uf.saved_model.load(saved, tags=["train"])
    with pytest.raises(OSError):
        uf.saved_model.load(saved + "x")
    assert uf.saved_model.contains_saved_model(saved) and not uf.saved_model.contains_saved_model(saved + "x")


def test_session_loader(saved):
    with uf.Graph().as_default() as graph, uf.compat.v1.Session(graph=graph) as sess:
        meta = uf.compat.v1.saved_model.loader.load(sess, ["serve"], saved)
        signature = meta.signature_def["serving_default"]
        x, y = signature.inputs["x"].name, signature.outputs["y"].name
        got = sess.run(y, {x: [[1.0, 2.0]]})
        np.testing.assert_allclose(got, [[14, 30]])
        with pytest.raises(RuntimeError):
            uf.compat.v1.saved_model.loader.load(sess, ["none"], saved)


def test_keras(tmp_path):
    keras = tf.keras
    keras.utils.set_random_seed(1)
    model = keras.Sequential([
        keras.layers.Input([8, 8, 3]), keras.layers.Conv2D(4, 3, activation="relu", padding="same"),
        keras.layers.BatchNormalization(), keras.layers.MaxPooling2D(), keras.layers.Flatten(),
        keras.layers.Dense(5, activation="softmax")])
    model.export(str(tmp_path / "m"), verbose=False)
    x = np.random.default_rng(0).normal(size=(3, 8, 8, 3)).astype(np.float32)
    loaded = uf.saved_model.load(str(tmp_path / "m"))
    np.testing.assert_allclose(loaded.serve(x).numpy(), model(x).numpy(), rtol=1e-4, atol=1e-6)
    found = {v.name: v.numpy() for v in loaded.variables}
    assert len(found) >= 6 or len(loaded.variables) == len(model.variables)


def test_checkpoints_both_ways(tmp_path):
    ours = uf.train.Checkpoint(w=uf.Variable([1.0, 2.0]), d={"a": uf.Variable(3)}, l=[uf.Variable(4.0)])
    prefix = ours.save(str(tmp_path / "ours"))
    theirs = tf.train.Checkpoint(w=tf.Variable([0.0, 0.0]), d={"a": tf.Variable(0)}, l=[tf.Variable(0.0)])
    theirs.restore(prefix).assert_consumed()
    assert theirs.w.numpy().tolist() == [1, 2] and theirs.d["a"].numpy() == 3 and theirs.l[0].numpy() == 4
    assert theirs.save_counter.numpy() == 1
    theirs.w.assign([7.0, 8.0])
    prefix = theirs.save(str(tmp_path / "theirs"))
    status = ours.restore(prefix)
    status.assert_consumed().assert_existing_objects_matched()
    assert ours.w.numpy().tolist() == [7, 8] and ours.save_counter.numpy() == 2
    later = uf.train.Checkpoint()
    status = later.restore(prefix)
    with pytest.raises(AssertionError):
        status.assert_consumed()
    later.w = uf.Variable([0.0, 0.0])
    assert later.w.numpy().tolist() == [7, 8]
    other = uf.train.Checkpoint(none=uf.Variable(1.0))
    with pytest.raises(AssertionError):
        other.restore(prefix).assert_existing_objects_matched()
    with pytest.raises(uf.errors.NotFoundError):
        other.restore(str(tmp_path / "nothing"))


def _filled_table(module):
    table = module.lookup.experimental.MutableHashTable(module.string, module.int64, -1)
    table.insert(module.constant(["k", "l"]), module.constant([5, 6], module.int64))
    return table


def test_mutable_tables(tmp_path):
    class Holder(tf.Module):
        def __init__(self):
            super().__init__()
            self.t = _filled_table(tf)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def __call__(self, x):
            return self.t.lookup(x)

    tf.saved_model.save(Holder(), str(tmp_path / "m"))
    loaded = uf.saved_model.load(str(tmp_path / "m"))
    assert loaded(uf.constant(["k", "z"])).numpy().tolist() == [5, -1]
    prefix = uf.train.Checkpoint(t=_filled_table(uf)).write(str(tmp_path / "c"))
    for module in (tf, uf):
        empty = module.lookup.experimental.MutableHashTable(module.string, module.int64, -1)
        module.train.Checkpoint(t=empty).read(prefix)
        assert empty.lookup(module.constant(["l", "k"])).numpy().tolist() == [6, 5]


@pytest.mark.parametrize("cut", [10, 500, 5000])
def test_damaged(saved, tmp_path, cut):
    data = open(os.path.join(saved, "saved_model.pb"), "rb").read()
    (tmp_path / "saved_model.pb").write_bytes(data[:-cut])
    with pytest.raises((uf.errors.DataLossError, uf.errors.InvalidArgumentError)):
        uf.saved_model.load(str(tmp_path))


def layers_of(kind):
    keras, f = tf.keras, np.random.default_rng(0).normal
    k = keras.layers
    if kind == "recurrent":
        return keras.Sequential([k.Input([5, 3]), k.LSTM(4, return_sequences=True), k.GRU(3)]), f(size=(2, 5, 3))
    if kind == "words":
        x = np.random.default_rng(0).integers(0, 10, (2, 5))
        return keras.Sequential([k.Input([5]), k.Embedding(10, 4, mask_zero=True),
                                 k.Bidirectional(k.LSTM(4))]), x
    if kind == "attention":
        i = k.Input([6, 8])
        a = k.LayerNormalization()(k.MultiHeadAttention(2, 4)(i, i) + i)
        return keras.Model(i, k.Dense(8, activation="gelu")(a)), f(size=(2, 6, 8))
    i = k.Input([16, 16, 3])
    x = k.BatchNormalization()(k.Conv2D(8, 3, strides=2, padding="same")(i))
    x = k.UpSampling2D(interpolation="bilinear")(k.DepthwiseConv2D(3, padding="same")(k.ReLU(6.0)(x)))
    return keras.Model(i, k.GlobalMaxPooling2D()(k.Conv2DTranspose(4, 3, strides=2)(x))), f(size=(2, 16, 16, 3))


@pytest.mark.parametrize("kind", ["recurrent", "words", "attention", "pictures"])
def test_keras_kinds(kind, tmp_path):
    tf.keras.utils.set_random_seed(0)
    model, x = layers_of(kind)
    x = x.astype(np.float32)
    model.export(str(tmp_path / "m"), verbose=False)
    got = uf.saved_model.load(str(tmp_path / "m")).serve(x).numpy()
    np.testing.assert_allclose(got, model(x).numpy(), rtol=2e-4, atol=2e-5)


def test_version_1_with_tables(tmp_path):
    v1 = tf.compat.v1
    (tmp_path / "w.txt").write_text("x\ny\n")
    with tf.Graph().as_default(), v1.Session() as sess:
        name = tf.constant(str(tmp_path / "w.txt"))
        v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, name)
        whole, line = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
        table = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(name, tf.string, whole, tf.int64, line), -1)
        x = v1.placeholder(tf.string, [None], "x")
        y = table.lookup(x)
        v = v1.get_variable("v", [2])
        sess.run([v1.global_variables_initializer(), v1.tables_initializer()])
        v1.saved_model.simple_save(sess, str(tmp_path / "m"), {"x": x}, {"y": y, "v": v + 0.0},
                                   legacy_init_op=v1.tables_initializer())
        expected = sess.run(v)
    (tmp_path / "w.txt").unlink()
    model = uf.saved_model.load(str(tmp_path / "m"))
    got = model.signatures["serving_default"](x=uf.constant(["y", "q"]))
    assert got["y"].numpy().tolist() == [1, -1] and got["v"].numpy().tolist() == expected.tolist()
    assert model.variables[0].numpy().tolist() == expected.tolist()
    assert model.prune(["x:0"], "v/Read/ReadVariableOp:0")(uf.constant(["a"])).numpy().tolist() == expected.tolist()


def test_manager(tmp_path):
    step = uf.Variable(0)
    manager = uf.train.CheckpointManager(uf.train.Checkpoint(step=step), str(tmp_path), max_to_keep=2)
    for i in range(4):
        step.assign(i)
        manager.save()
    assert [os.path.basename(p) for p in manager.checkpoints] == ["ckpt-3", "ckpt-4"]
    assert tf.train.latest_checkpoint(str(tmp_path)) == manager.latest_checkpoint
    step.assign(0)
    assert manager.restore_or_initialize() == manager.latest_checkpoint and step.numpy() == 3
    theirs = tf.train.Checkpoint(step=tf.Variable(0))
    theirs.restore(manager.latest_checkpoint)
    assert theirs.step.numpy() == 3


def test_tensorflow_runs_our_graphs(tmp_path):
    v1 = uf.compat.v1
    with uf.Graph().as_default() as graph:
        x = v1.placeholder(uf.float32, [None], name="x")
        y = v1.cond(uf.reduce_sum(x) > 0.0, lambda: x * 2.0, lambda: -x)
        i, z = v1.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a + y), [uf.constant(0), x])
        w = v1.get_variable("w", initializer=[3.0, 4.0])
        out = uf.add(z, w, name="out")
        saver = v1.train.Saver()
        with v1.Session() as sess:
            sess.run(v1.global_variables_initializer())
            expected = [sess.run(out, {x: value}) for value in ([1.0, 2.0], [-1.0, -2.0])]
            prefix = saver.save(sess, str(tmp_path / "m"))
        message = graph.as_graph_def().SerializeToString()
    del i
    with tf.Graph().as_default():
        tf.compat.v1.import_graph_def(tf.compat.v1.GraphDef.FromString(message), name="")
        assert [o.name for o in tf.compat.v1.get_default_graph().get_operations()] == [
            o.name for o in graph.get_operations()]
    with tf.Graph().as_default(), tf.compat.v1.Session() as sess:
        saver = tf.compat.v1.train.import_meta_graph(prefix + ".meta")
        saver.restore(sess, prefix)
        for value, want in zip(([1.0, 2.0], [-1.0, -2.0]), expected):
            np.testing.assert_allclose(sess.run("out:0", {"x:0": value}), want)


def test_protos():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    for value in (array, np.int32(3), ["a", b"b"], np.array([True]), np.array([1 + 2j], np.complex64),
                  np.float16([1.5, 2]), np.array([], np.int64), 1.5, np.uint8([[1]])):
        ours, theirs = uf.make_tensor_proto(value), tf.make_tensor_proto(value)
        again = tf.make_ndarray(type(theirs).FromString(ours.SerializeToString()))
        mine = uf.make_ndarray(type(ours).FromString(theirs.SerializeToString()))
        assert again.dtype == mine.dtype and again.tolist() == mine.tolist()
        assert ours.dtype == theirs.dtype and str(ours.tensor_shape) == str(theirs.tensor_shape)


def test_variables_that_change_shape(tmp_path):
    """Plans are made for the shapes that variables have; a run finds others. Large elementwise nodes run together."""
    class Growing(tf.Module):
        def __init__(self):
            super().__init__()
            self.v = tf.Variable(tf.ones([4, 64]), shape=tf.TensorShape(None))
            self.w = tf.Variable(tf.fill([64], 3.0))

        @tf.function(input_signature=[tf.TensorSpec([None, None, 64])])
        def __call__(self, x):
            y = x * self.w + self.v
            return tf.nn.relu6(y - x), y

        @tf.function(input_signature=[tf.TensorSpec(None)])
        def put(self, value):
            self.v.assign(value)

    model = Growing()
    tf.saved_model.save(model, str(tmp_path / "m"))
    loaded = uf.saved_model.load(str(tmp_path / "m"))
    rng = np.random.default_rng(0)
    for batch, shape in ((300, [4, 64]), (300, [300, 4, 64]), (2, [64]), (300, []), (300, [4, 1]), (300, [4, 64])):
        value = rng.normal(size=shape).astype(np.float32)
        x = rng.normal(size=[batch, 4, 64]).astype(np.float32)
        model.put(value)
        loaded.put(value)
        for _ in range(2):
            for got, expected in zip(loaded(x), model(x)):
                np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-6, atol=1e-6)
