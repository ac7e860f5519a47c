#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""checkpoints.py: checkpoints, SavedModels and graphs written by TensorFlow, with what TensorFlow reads from them.

    checkpoints.py FOLDER [CASE ...]

FOLDER/CASE holds the files; FOLDER/CASE.pickle says what is in them:

- kind        "checkpoint" (V2), "checkpoint_v1", "saved_model", "graph_def", "meta_graph"
- path        what a reader is given, relative to FOLDER
- tensors     name -> (TensorFlow's dtype name, shape, bytes or list of bytes): by tf.train.load_checkpoint, or
              by the NodeDefs of a graph
- objects     the object graph: "children" (of each node: local name, node) and "keys", key -> {full_name, node, edges
              into it that can be followed from the root, slot, `of`: the key of a slot's variable}
- ema         shadow name -> variable name
- nodes       name -> (op, inputs, {attribute: value}) of a graph
- state       the paths tf.train.get_checkpoint_state names

One process writes all cases with fixed seeds. Cases are functions marked @case: give a folder, get a dict.
"""

import os
import pathlib
import pickle
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same kernels on every processor
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.core.protobuf import saver_pb2, trackable_object_graph_pb2  # noqa: E402

v1 = tf.compat.v1
V1, V2 = saver_pb2.SaverDef.V1, saver_pb2.SaverDef.V2
GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
QUANTIZED = {"qint8": tf.int8, "quint8": tf.uint8, "qint16": tf.int16, "quint16": tf.uint16, "qint32": tf.int32}
NUMBERS = ["float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
           "uint64", "bool", "complex64", "complex128"]
SMALL = ["int4", "uint4", "int2", "uint2", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e4m3b11fnuz",
         "float8_e5m2fnuz", "float4_e2m1fn"]
CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


# ---- values -----------------------------------------------------------------


def random_bits(rng, name, shape):
    """Any bit pattern that the dtype can have, NaNs and infinities among them."""
    dtype = np.dtype(getattr(tf, name, None) and getattr(tf, name).as_numpy_dtype or as_dtype(name).as_numpy_dtype)
    count = int(np.prod(shape, dtype=np.int64))
    limit = {"bool": 2, "int4": 16, "uint4": 16, "int2": 4, "uint2": 4, "float4_e2m1fn": 16}.get(name, 256)
    raw = rng.integers(0, limit, count * dtype.itemsize, dtype=np.uint8)
    if name in ("int4", "int2"):
        return raw.astype(np.int8).astype(dtype).reshape(shape) if name == "int4" else (
            (raw.astype(np.int8) - 2).astype(dtype).reshape(shape))
    return np.frombuffer(raw.tobytes(), dtype).reshape(shape)


def as_dtype(name):
    from tensorflow.python.framework import dtypes

    return getattr(dtypes, name)


def constant(rng, name, shape):
    if name in QUANTIZED:
        return tf.bitcast(tf.constant(random_bits(rng, QUANTIZED[name].name, shape)), as_dtype(name))
    return tf.constant(random_bits(rng, name, shape), as_dtype(name))


def f32(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def flat(value):
    """(shape, bytes) or, of strings, (shape, list of bytes)."""
    if isinstance(value, bytes):
        return (), [value]
    value = np.asarray(value)
    if value.dtype == object:
        return value.shape, [bytes(item) for item in value.reshape(-1)]
    if value.dtype.name in ("int4", "int2"):
        value = value.astype(np.int8)  # which bits lie above is left open
    return value.shape, np.ascontiguousarray(value).tobytes()


def strings(rng, n):
    out = np.empty(n, object)
    out[:] = [rng.integers(0, 256, int(rng.integers(0, 40)), dtype=np.uint8).tobytes() for _ in range(n)]
    return out


# ---- what TensorFlow reads -----------------------------------------------------


def tensors_of(prefix, known=None):
    """known: name -> array, for what was written in a way that TensorFlow itself cannot read (slices of some dtypes)."""
    reader = tf.train.load_checkpoint(str(prefix))
    types = reader.get_variable_to_dtype_map()
    shapes = reader.get_variable_to_shape_map()
    out = {}
    for name in sorted(shapes, key=lambda n: n.encode(errors="surrogateescape")):
        try:
            shape, data = flat(reader.get_tensor(name))
        except (ValueError, tf.errors.OpError):
            shape, data = flat(known[name] if name in (known or {}) else restored(prefix, name, types[name]))
        assert list(shape) == list(shapes[name]), name
        out[name] = (types[name].name, shape, data)
    return out


def edges_into(graph):
    """Edges (from, local name) into each node, of those that the root reaches."""
    order, edges = [0], {}
    for i in order:
        for child in graph.nodes[i].children:
            if child.node_id not in order:
                order.append(child.node_id)
            edges.setdefault(child.node_id, []).append((i, child.local_name))
    return edges


def keys_of(prefix):
    reader = tf.train.load_checkpoint(str(prefix))
    graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(reader.get_tensor(GRAPH_KEY))
    reached, keys, key_of_node = edges_into(graph), {}, {}
    for i, node in enumerate(graph.nodes):
        for attribute in node.attributes:
            key_of_node.setdefault(i, attribute.checkpoint_key)
            keys[attribute.checkpoint_key] = {
                "full_name": attribute.full_name, "edges": reached.get(i, []), "node": i, "slot": None, "of": None,
                "attribute": attribute.name}
    for node in graph.nodes:
        for slot in node.slot_variables:
            entry = keys[key_of_node[slot.slot_variable_node_id]]
            entry["slot"], entry["of"] = slot.slot_name, key_of_node.get(slot.original_variable_node_id)
    children = [[(c.local_name, c.node_id) for c in node.children] for node in graph.nodes]
    return {"keys": keys, "children": children}


def restored(prefix, name, dtype):
    """By the op, which reads V1 slices; the reader does not."""
    sharded = not os.path.exists(prefix) and "?" not in str(prefix)
    return tf.raw_ops.Restore(file_pattern=str(prefix) + ("-?????-of-?????" if sharded else ""), tensor_name=name,
                              dt=dtype).numpy()


def checkpoint(prefix, known=None, **more):
    return {"kind": "checkpoint", "path": str(prefix), "tensors": tensors_of(prefix, known), **more}


def save(prefix, pairs, specs=None):
    """SaveV2 of (name, tensor) pairs."""
    tf.raw_ops.SaveV2(prefix=str(prefix), tensor_names=[name for name, _ in pairs],
                      shape_and_slices=specs or [""] * len(pairs), tensors=[value for _, value in pairs])
    return prefix


def save_sharded(prefix, pairs, n, specs=None):
    """Each pair in turn goes to the next of n shards, which are then merged."""
    specs = specs or [""] * len(pairs)
    parts = []
    for k in range(n):
        name = tf.raw_ops.ShardedFilename(basename=f"{prefix}_temp/part", shard=k, num_shards=n)
        chosen = range(k, len(pairs), n)
        save(name.numpy().decode(), [pairs[i] for i in chosen], [specs[i] for i in chosen])
        parts.append(name)
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=tf.stack(parts), destination_prefix=str(prefix),
                                  delete_old_dirs=True)
    return prefix


# ---- checkpoints, V2 ---------------------------------------------------------------


@case
def dtypes(folder, rng):
    pairs = [(f"{name}/{'x'.join(map(str, shape)) or 'scalar'}", constant(rng, name, shape))
             for name in NUMBERS + SMALL + list(QUANTIZED) for shape in ((), (3,), (7, 5), (0, 4))]
    return checkpoint(save(folder / "all", pairs))


@case
def shapes(folder, rng):
    dims = (2, 3, 1, 2, 3, 2, 1, 2)
    pairs = [(f"rank{r}", tf.constant(f32(rng, *dims[:r]))) for r in range(9)]
    pairs += [(f"odd{r}", constant(rng, "int8", (r * 2 + 1,))) for r in range(5)]  # puts the next ones off alignment
    pairs += [(f"odd{r}/f64", constant(rng, "float64", (2, r + 1))) for r in range(5)]
    for shape in ((0,), (0, 5), (5, 0, 2), (1,), (1, 1, 1), (0, 0), (2**40, 0)):
        pairs.append(("size" + "x".join(map(str, shape)), tf.zeros(shape, tf.int16)))
    return checkpoint(save(folder / "all", pairs))


@case
def texts(folder, rng):
    big = rng.integers(0, 256, 70_000, dtype=np.uint8).tobytes()
    pairs = [("scalar", tf.constant(b"hello")), ("empty", tf.constant(b"")), ("none", tf.constant([], tf.string)),
             ("none2", tf.zeros((0, 3), tf.string)), ("nul", tf.constant([b"\0", b"a\0b", b"\0\0\0"])),
             ("big", tf.constant([b"", big, b"x", big[:40_000], b""])), ("many", tf.constant(strings(rng, 500))),
             ("deep", tf.constant(strings(rng, 24).reshape(2, 3, 4))), ("empties", tf.constant([b""] * 300)),
             ("unicode", tf.constant(["é", "日本", "\U0001f40d"])), ("after", tf.constant(f32(rng, 5)))]
    return checkpoint(save(folder / "all", pairs))


@case
def names(folder, rng):
    spelled = ["a", "a/b", "a/b/c", "ab", "A", "a.b", "a b", "é/π", "日本語", "\U0001f40d", "x" * 5000, "..", "../up",
               "/abs", "a//b", "tab\tnew\nline", "quote\"'`", "back\\slash", "CON", "w:0", "\x01", "\x7f", "~", "%s%n",
               "a" * 250 + "/1", "a" * 250 + "/2", "weights", "Weights", "WEIGHTS"]
    spelled += [f"layer_{i}/kernel" for i in range(120)] + [f"layer_{i}/kernel/Adam" for i in range(40)]
    return checkpoint(save(folder / "all", [(name, tf.constant(f32(rng, 2))) for name in spelled]))


@case
def many(folder, rng):
    values = f32(rng, 20_000, 3)
    pairs = [(f"scope_{i % 97}/variable_{i}", values[i]) for i in range(20_000)]
    return checkpoint(save(folder / "all", pairs))


def shard_pairs(rng):
    pairs = [(f"v{i}", tf.constant(f32(rng, i + 1, 3))) for i in range(20)]
    return pairs + [("text", tf.constant(strings(rng, 50))), ("byte", constant(rng, "int8", (3,))),
                    ("wide", constant(rng, "complex128", (4,)))]


@case
def sharded_1(folder, rng):
    return checkpoint(save_sharded(folder / "all", shard_pairs(rng), 1))


@case
def sharded_2(folder, rng):
    return checkpoint(save_sharded(folder / "all", shard_pairs(rng), 2))


@case
def sharded_7(folder, rng):
    return checkpoint(save_sharded(folder / "all", shard_pairs(rng), 7))


def sliced(rng, name, dtype, shape, cuts):
    """(pairs, specs, whole) of a tensor cut along each axis at the given places."""
    whole = strings(rng, int(np.prod(shape))).reshape(shape) if dtype == "string" else random_bits(rng, dtype, shape)
    spans = [list(zip([0] + list(c), list(c) + [n])) for c, n in zip(cuts, shape)]
    pairs, specs = [], []

    def cut(at):
        if len(at) == len(shape):
            part = whole[tuple(slice(a, b) for a, b in at)]
            text = ":".join("-" if (a, b) == (0, n) else f"{a},{b - a}" for (a, b), n in zip(at, shape))
            pairs.append((name, tf.constant(part, as_dtype(dtype))))
            specs.append(" ".join(map(str, shape)) + " " + text)
        else:
            for span in spans[len(at)]:
                cut(at + [span])

    cut([])
    order = rng.permutation(len(pairs))
    return [pairs[i] for i in order], [specs[i] for i in order], whole


SLICED = [("rows", "float32", (10, 6), ((3, 7), ())), ("columns", "float64", (4, 9), ((), (1, 5))),
          ("grid", "int16", (7, 5, 3), ((2, 6), (3,), (1,))), ("line", "uint8", (1000,), ((1, 2, 3, 999),)),
          ("half", "bfloat16", (8, 8), ((4,), (4,))), ("words", "complex64", (6, 2), ((5,), ())),
          ("one", "int64", (3, 3), ((), ())), ("flags", "bool", (5, 4), ((2,), (1, 2, 3))),
          ("deep", "float16", (2, 2, 2, 2, 2, 3), ((1,), (1,), (1,), (1,), (1,), (1, 2)))]


def all_sliced(rng, table=SLICED):
    pairs, specs, known = [("whole", tf.constant(f32(rng, 4, 4)))], [""], {}
    for row in table:
        more = sliced(rng, *row)
        pairs += more[0]
        specs += more[1]
        known[row[0]] = more[2]
    return pairs, specs, known


@case
def slices(folder, rng):
    pairs, specs, known = all_sliced(rng)
    return checkpoint(save(folder / "all", pairs, specs), known)


@case
def slices_sharded(folder, rng):
    pairs, specs, known = all_sliced(rng)
    return checkpoint(save_sharded(folder / "all", pairs, 4, specs), known)


# ---- TensorFlow 1 savers ------------------------------------------------------------


def run_v1(build, folder, name="model", version=V2, sharded=False, devices=1, meta=True, **options):
    """build() makes variables in a new graph; they are initialised, trained one step (the op it returns) and saved."""
    with tf.Graph().as_default():
        v1.set_random_seed(5)
        step = build()
        saver = v1.train.Saver(write_version=version, sharded=sharded, **options)
        config = v1.ConfigProto(device_count={"CPU": devices})
        with v1.Session(config=config) as session:
            session.run(v1.global_variables_initializer())
            if step is not None:
                session.run(step)
            return saver.save(session, str(folder / name), global_step=7, write_meta_graph=meta, write_state=True)


def dense(rng, n=3):
    x = tf.constant(f32(rng, 8, 4))
    for i in range(n):
        with v1.variable_scope(f"layer{i}"):
            kernel = v1.get_variable("kernel", initializer=f32(rng, 4, 4), use_resource=True)
            bias = v1.get_variable("bias", initializer=f32(rng, 4), use_resource=True)
            x = tf.tanh(x @ kernel + bias)
    return tf.reduce_sum(x * x)


def trained(rng, optimizer, ema=False):
    loss = dense(rng)
    counter = v1.train.get_or_create_global_step()
    step = optimizer.minimize(loss, global_step=counter)
    if ema:
        average = v1.train.ExponentialMovingAverage(0.9)
        with tf.control_dependencies([step]):
            step = average.apply(v1.trainable_variables())
    return step


def averages(prefix):
    names = [name for name, _ in tf.train.list_variables(str(prefix))]
    tail = "/ExponentialMovingAverage"
    return {name: name[:-len(tail)] for name in names if name.endswith(tail)}


OPTIMIZERS = {
    "adam": lambda: v1.train.AdamOptimizer(0.01), "momentum": lambda: v1.train.MomentumOptimizer(0.01, 0.9),
    "rmsprop": lambda: v1.train.RMSPropOptimizer(0.01, momentum=0.5, centered=True),
    "ftrl": lambda: v1.train.FtrlOptimizer(0.01), "adagrad": lambda: v1.train.AdagradOptimizer(0.01),
    "adadelta": lambda: v1.train.AdadeltaOptimizer(0.01),
}


def v1_saver_case(name, version, kind):
    def make(folder, rng):
        prefix = run_v1(lambda: trained(rng, OPTIMIZERS[name](), ema=True), folder, version=version)
        return {**checkpoint(prefix, ema=averages(prefix)), "kind": kind}

    make.__name__ = f"saver_{name}_{'v1' if version == V1 else 'v2'}"
    case(make)


for _name in OPTIMIZERS:
    v1_saver_case(_name, V2, "checkpoint")
for _name in ("adam", "momentum"):
    v1_saver_case(_name, V1, "checkpoint_v1")


def partitioned(rng):
    for i, (shape, axis, parts) in enumerate((((12, 3), 0, 4), ((5, 10), 1, 3), ((9,), 0, 2), ((7, 2, 2), 0, 7))):
        partitioner = v1.fixed_size_partitioner(parts, axis=axis)
        v1.get_variable(f"part{i}", shape, tf.float32 if i % 2 == 0 else tf.float64, partitioner=partitioner,
                        initializer=v1.random_normal_initializer(seed=i), use_resource=bool(i & 1))
    v1.get_variable("whole", initializer=f32(rng, 3, 3))


def on_devices(rng):
    for i in range(9):
        with tf.device(f"/cpu:{i % 3}"):
            v1.get_variable(f"v{i}", initializer=f32(rng, i + 1, 2))


def saver_case(name, build, version, **options):
    def make(folder, rng):
        prefix = run_v1(lambda: build(rng), folder, version=version, **options)
        return {**checkpoint(prefix), "kind": "checkpoint_v1" if version == V1 else "checkpoint"}

    make.__name__ = name
    case(make)


saver_case("partitioned_v2", partitioned, V2)
saver_case("partitioned_v1", partitioned, V1)
saver_case("devices_v2", on_devices, V2, sharded=True, devices=3)
saver_case("devices_v1", on_devices, V1, sharded=True, devices=3)
saver_case("partitioned_sharded_v1", partitioned, V1, sharded=True)

V1_DTYPES = ["float32", "float64", "int32", "uint8", "int16", "int8", "complex64", "complex128", "int64", "bool",
             "float16", "bfloat16", "uint16", "uint32", "uint64", "qint8", "quint8", "qint32"]


def save_v1(path, pairs, specs):
    tf.raw_ops.SaveSlices(filename=str(path), tensor_names=[n for n, _ in pairs], shapes_and_slices=specs,
                          data=[value for _, value in pairs])
    return path


def v1_file(folder, pairs, specs, known=None):
    return {**checkpoint(save_v1(folder / "all", pairs, specs), known), "kind": "checkpoint_v1"}


@case
def dtypes_v1(folder, rng):
    """Every dtype that V1 files take here."""
    pairs = []
    for name in V1_DTYPES:
        try:
            save_v1(folder / "try", [("x", constant(rng, name, (3,)))], [""])
            restored(folder / "try", "x", as_dtype(name))
        except (tf.errors.OpError, TypeError):
            continue
        pairs += [(f"{name}/{'x'.join(map(str, shape)) or 'scalar'}", constant(rng, name, shape))
                  for shape in ((), (3,), (5, 7), (1, 1), (0, 2))]
    pairs += [("text", tf.constant(strings(rng, 30))), ("text/scalar", tf.constant(b"one"))]
    return v1_file(folder, pairs, [""] * len(pairs))


@case
def slices_v1(folder, rng):
    table = [row for row in SLICED if row[1] != "bfloat16"]  # which V1 does not have
    pairs, specs, known = all_sliced(rng, table)
    return v1_file(folder, pairs, specs, known)


@case
def large_v1(folder, rng):
    """Blocks that Snappy makes smaller, and some that it does not."""
    pairs = [("zeros", tf.zeros((300, 500))), ("noise", tf.constant(f32(rng, 200, 300))),
             ("ramp", tf.range(100_000, dtype=tf.int32)), ("few", tf.constant(rng.integers(0, 3, 70_000)))]
    pairs += [(f"small_{i}", tf.constant(f32(rng, 3))) for i in range(400)]
    return v1_file(folder, pairs, [""] * len(pairs))


# ---- objects ------------------------------------------------------------------------------


class Block(tf.Module):
    def __init__(self, rng, n, name=None):
        super().__init__(name=name)
        self.w = tf.Variable(f32(rng, n, n), name="w")
        self.b = tf.Variable(f32(rng, n), name="b")

    @tf.function
    def __call__(self, x):
        return x @ self.w + self.b


def objects(folder, root, name="ckpt"):
    prefix = root.save(str(folder / name))
    return checkpoint(prefix, objects=keys_of(prefix))


@case
def objects_nested(folder, rng):
    blocks = [Block(rng, i + 1, name=f"block{i}") for i in range(3)]
    shared = tf.Variable(f32(rng, 2), name="shared")
    root = tf.train.Checkpoint(
        blocks=blocks, table={"one": tf.Variable(1.0, name="one"), "a/b": tf.Variable(2, name="sla/sh"),
                              "dots.x": tf.Variable(3.0)},
        pair=(tf.Variable(f32(rng, 2)), [tf.Variable(b"text"), {"deep": tf.Variable(f32(rng, 1))}]), first=blocks[0],
        shared=shared, again=shared, step=tf.Variable(5, dtype=tf.int64, name="step"))
    root.loop = root  # a cycle
    return objects(folder, root)


@case
def objects_same_name(folder, rng):
    root = tf.train.Checkpoint(a=tf.Variable(1.0, name="w"), b=tf.Variable(2.0, name="w"),
                               c=[tf.Variable(float(i), name="w") for i in range(4)])
    return objects(folder, root)


def keras_model(rng):
    tf.keras.utils.set_random_seed(3)
    return tf.keras.Sequential([
        tf.keras.layers.Input((6,)), tf.keras.layers.Dense(5, activation="relu", name="hidden"),
        tf.keras.layers.BatchNormalization(name="norm"), tf.keras.layers.Dense(2, name="out")], name="net")


def keras_trained(rng, optimizer):
    model = keras_model(rng)
    model.compile(optimizer, "mse")
    model.fit(f32(rng, 16, 6), f32(rng, 16, 2), epochs=1, batch_size=8, verbose=0)
    return model


def keras_case(name, make_optimizer):
    def make(folder, rng):
        model = keras_trained(rng, make_optimizer())
        return objects(folder, tf.train.Checkpoint(model=model, optimizer=model.optimizer))

    make.__name__ = f"keras_{name}"
    case(make)


for _name, _make in {
        "adam": lambda: tf.keras.optimizers.Adam(amsgrad=True), "sgd": lambda: tf.keras.optimizers.SGD(0.1, momentum=0.9),
        "rmsprop": lambda: tf.keras.optimizers.RMSprop(momentum=0.5, centered=True),
        "adamw_ema": lambda: tf.keras.optimizers.AdamW(use_ema=True), "ftrl": lambda: tf.keras.optimizers.Ftrl(),
        "adafactor": lambda: tf.keras.optimizers.Adafactor(), "lion": lambda: tf.keras.optimizers.Lion()}.items():
    keras_case(_name, _make)


@case
def objects_v1_optimizers(folder, rng):
    """Slots as slot_variables of the object graph."""
    block, adam, momentum = Block(rng, 3), v1.train.AdamOptimizer(0.1), v1.train.MomentumOptimizer(0.1, 0.9)
    for optimizer in (adam, momentum):
        optimizer.minimize(lambda: tf.reduce_sum(block(tf.ones((2, 3))) ** 2), var_list=[block.w, block.b])
    return objects(folder, tf.train.Checkpoint(net=block, adam=adam, momentum=momentum))


@case
def manager(folder, rng):
    step = tf.Variable(0)
    root = tf.train.Checkpoint(step=step, net=Block(rng, 2))
    keeper = tf.train.CheckpointManager(root, str(folder), max_to_keep=3)
    for _ in range(5):
        step.assign_add(1)
        keeper.save()
    state = tf.train.get_checkpoint_state(str(folder))
    return checkpoint(keeper.latest_checkpoint, objects=keys_of(keeper.latest_checkpoint), state={
        "folder": str(folder), "latest": keeper.latest_checkpoint,
        "all": [os.path.join(str(folder), p) if not os.path.isabs(p) else p for p in state.all_model_checkpoint_paths]})


# ---- graphs ---------------------------------------------------------------------------------


def attribute(value, deep=True):
    """An AttrValue in plain Python."""
    kind = value.WhichOneof("value")
    if kind == "list":
        lists = value.list
        for field in ("s", "i", "f", "b", "type", "shape", "tensor", "func"):
            if getattr(lists, field):
                return [element(field, item) for item in getattr(lists, field)]
        return []
    return element(kind, getattr(value, kind)) if kind else None


def element(kind, value):
    if kind == "s":
        return bytes(value)
    if kind == "type":
        return tf.as_dtype(value).name
    if kind == "shape":
        return None if value.unknown_rank else tuple(d.size for d in value.dim)
    if kind == "tensor":
        return ("tensor", tensor(value))
    if kind == "func":
        return value.name.encode()
    if kind == "placeholder":
        return value.encode()
    return value


def tensor(proto):
    array = tf.make_ndarray(proto)
    dtype = tf.as_dtype(proto.dtype)
    if dtype.is_quantized:
        array = np.ascontiguousarray(array).view(QUANTIZED[dtype.name].as_numpy_dtype)
    return (dtype.name, *flat(array))


def all_nodes(graph):
    for node in graph.node:
        yield node.name, node
    for function in graph.library.function:
        for node in function.node_def:
            yield f"{function.signature.name}/{node.name}", node


def graph_content(graph):
    consts, nodes = {}, {}
    for name, node in all_nodes(graph):
        nodes[name] = (node.op, list(node.input), {key: attribute(value) for key, value in node.attr.items()})
        if node.op == "Const":
            consts[name] = tensor(node.attr["value"].tensor)
    return {"tensors": consts, "nodes": nodes}


def every_attribute(rng):
    graph = v1.GraphDef()
    node = graph.node.add(name="kinds", op="Made", input=["a", "b:1", "^c"], device="/cpu:0")
    a = node.attr
    a["s"].s, a["i"].i, a["f"].f, a["b"].b = b"bytes\0\xff", -(2**63), 1.5, True
    a["type"].type = tf.bfloat16.as_datatype_enum
    a["shape"].shape.CopyFrom(tf.TensorShape([2, None, 0]).as_proto())
    a["unknown"].shape.unknown_rank = True
    a["scalar"].shape.CopyFrom(tf.TensorShape([]).as_proto())
    a["tensor"].tensor.CopyFrom(tf.make_tensor_proto(f32(rng, 2, 2)))
    a["func"].func.name = "f"
    a["placeholder"].placeholder = "T"
    a["ls"].list.s.extend([b"", b"x", b"y\0"])
    a["li"].list.i.extend([0, -1, 2**62])
    a["lf"].list.f.extend([0.5, -2.0])
    a["lb"].list.b.extend([True, False])
    a["lt"].list.type.extend([1, 3])
    a["lsh"].list.shape.extend([tf.TensorShape([1]).as_proto(), tf.TensorShape(None).as_proto()])
    a["lten"].list.tensor.extend([tf.make_tensor_proto([1, 2]), tf.make_tensor_proto(b"s")])
    a["lfun"].list.func.add(name="g")
    a["empty"].list.SetInParent()
    return graph


def const_node(graph, name, proto):
    node = graph.node.add(name=name, op="Const")
    node.attr["dtype"].type, node.attr["value"].tensor.dtype = proto.dtype, proto.dtype
    node.attr["value"].tensor.CopyFrom(proto)


def all_constants(rng, graph):
    """Each dtype with packed content, in its own field, splat from one value, and cut short (the last repeats)."""
    for name in NUMBERS + SMALL:
        for shape in ((), (3,), (2, 3), (0, 2)):
            try:
                proto = tf.make_tensor_proto(random_bits(rng, name, shape), as_dtype(name))
            except TypeError:
                continue
            const_node(graph, f"{name}/{'x'.join(map(str, shape)) or 'scalar'}", proto)
    for name in NUMBERS:
        if name in ("complex64", "complex128", "bool"):
            value = {"bool": True}.get(name, 1 + 2j)
        else:
            value = 3
        splat = tf.make_tensor_proto(value, as_dtype(name), (4, 5))
        const_node(graph, f"{name}/splat", splat)
    for name in QUANTIZED:
        proto = v1.make_tensor_proto(random_bits(rng, QUANTIZED[name].name, (2, 2)))
        proto.dtype = as_dtype(name).as_datatype_enum
        const_node(graph, f"{name}/2x2", proto)
    short = tf.make_tensor_proto(np.zeros(6, np.int32))
    short.tensor_content = b""
    short.int_val.extend([4, 5, 6])  # 4 5 6 6 6 6
    const_node(graph, "short", short)
    none = tf.make_tensor_proto(np.zeros((2, 2), np.float32))
    none.tensor_content = b""  # zeros
    const_node(graph, "none", none)
    const_node(graph, "text", tf.make_tensor_proto(strings(rng, 6).reshape(2, 3)))
    const_node(graph, "text/splat", tf.make_tensor_proto(b"again", shape=(3,)))


@case
def graph_made(folder, rng):
    graph = every_attribute(rng)
    all_constants(rng, graph)
    (folder / "graph.pb").write_bytes(graph.SerializeToString())
    return {"kind": "graph_def", "path": str(folder / "graph.pb"), **graph_content(graph)}


@case
def graph_text(folder, rng):
    from google.protobuf import text_format

    graph = every_attribute(rng)
    for name in ("float32", "int64", "bool", "float64", "complex64"):
        const_node(graph, name, tf.make_tensor_proto(random_bits(rng, name, (2, 3)), as_dtype(name)))
    const_node(graph, "split", tf.make_tensor_proto(7.25, tf.float32, (3, 3)))
    const_node(graph, "text", tf.make_tensor_proto([b"a\"b", b"\0\n\xfe", "é".encode()]))
    (folder / "graph.pbtxt").write_text(text_format.MessageToString(graph))
    return {"kind": "graph_def", "path": str(folder / "graph.pbtxt"), **graph_content(graph)}


@case
def graph_frozen(folder, rng):
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    model = keras_model(rng)
    function = tf.function(lambda x: model(x)).get_concrete_function(tf.TensorSpec((None, 6), tf.float32))
    graph = convert_variables_to_constants_v2(function).graph.as_graph_def()
    (folder / "frozen.pb").write_bytes(graph.SerializeToString())
    return {"kind": "graph_def", "path": str(folder / "frozen.pb"), **graph_content(graph)}


@case
def meta_graph(folder, rng):
    prefix = run_v1(lambda: trained(rng, OPTIMIZERS["momentum"]()), folder)
    meta = v1.MetaGraphDef.FromString(pathlib.Path(prefix + ".meta").read_bytes())
    return {"kind": "meta_graph", "path": prefix + ".meta", "variables": tensors_of(prefix),
            **graph_content(meta.graph_def)}


def saved_model(folder):
    from tensorflow.core.protobuf import saved_model_pb2

    message = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    prefix = folder / "variables" / "variables"
    has = pathlib.Path(f"{prefix}.index").exists()
    more = keys_of(prefix) if has and any(GRAPH_KEY == n for n, _ in tf.train.list_variables(str(prefix))) else None
    return {"kind": "saved_model", "path": str(folder), "variables": tensors_of(prefix) if has else {}, "objects": more,
            **graph_content(message.meta_graphs[0].graph_def)}


@case
def saved_module(folder, rng):
    class Net(tf.Module):
        def __init__(self):
            super().__init__()
            self.blocks = [Block(rng, 4, name=f"b{i}") for i in range(2)]
            self.scale = tf.constant(f32(rng, 4))
            self.words = tf.Variable([b"a", b"bc"], name="words")

        @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="x")])
        def __call__(self, x):
            for block in self.blocks:
                x = block(x)
            return {"y": x * self.scale + tf.constant(f32(np.random.default_rng(9), 4))}

    tf.saved_model.save(Net(), str(folder))
    return saved_model(folder)


@case
def saved_keras(folder, rng):
    keras_trained(rng, tf.keras.optimizers.Adam()).export(str(folder), verbose=False)
    return saved_model(folder)


@case
def saved_v1(folder, rng):
    with tf.Graph().as_default():
        v1.set_random_seed(5)
        x = v1.placeholder(tf.float32, (None, 4), "x")
        kernel = v1.get_variable("kernel", initializer=f32(rng, 4, 3))
        v1.get_variable("cut", (6, 2), partitioner=v1.fixed_size_partitioner(3))
        y = x @ kernel
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            target = folder / "model"
            v1.saved_model.simple_save(session, str(target), {"x": x}, {"y": y})
    return saved_model(target)


# ---- all of it ---------------------------------------------------------------------------------


def main(argv):
    folder = pathlib.Path(argv[0]).resolve()
    wanted = argv[1:] or list(CASES)
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(CASES):
        if name not in wanted:
            continue
        here = folder / name
        here.mkdir(exist_ok=True)
        tf.keras.backend.clear_session()
        expected = CASES[name](here, np.random.default_rng(100 + i))
        expected["path"] = os.path.relpath(expected["path"], folder)
        (folder / f"{name}.pickle").write_bytes(pickle.dumps(expected))
    (folder / "done").write_text(" ".join(CASES))


if __name__ == "__main__":
    main(sys.argv[1:])
