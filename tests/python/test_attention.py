# SPDX-License-Identifier: Apache-2.0
"""Attention that runs as one (src/exec/attend.c) gives bit for bit what its nodes give in turn, in less memory."""

import numpy as np
import pytest

import unflow.lite

modelgen = pytest.importorskip("modelgen")


class Attention:
    """softmax(f(q k)) v over heads of (batch, length, heads, depth); `between` names what f is made of."""

    def __init__(self, batch=1, queries=48, length=40, heads=4, depth=16, between=("scale",), v_heads=None, read=None, k_first=False):
        self.g, self.shapes, self.inputs = modelgen.ModelGen(), {}, []
        g, v_heads = self.g, v_heads or heads
        q, k = self.negative("q", (batch, queries, heads, depth)), self.negative("k", (batch, length, heads, depth))
        v = self.input("v", (batch, length, v_heads, depth + 3))
        scores = (batch, heads, queries, length)
        qt = self.turned("qt", q, (batch, heads, queries, depth), (0, 2, 1, 3))
        kt = self.turned("kt", k, (batch, heads, depth, length) if k_first else (batch, heads, length, depth),
                         (0, 2, 3, 1) if k_first else (0, 2, 1, 3))
        s = g.tensor("s", "float32", scores)
        g.op("BATCH_MATMUL", [qt, kt], [s], "BatchMatMulOptions", {"adjX": False, "adjY": not k_first})
        for i, step in enumerate(between):
            out = g.tensor(f"s{i}", "float32", scores)
            if step == "scale":
                g.op("MUL", [g.tensor("c", "float32", (), data=np.float32(depth ** -0.5)), s], [out], "MulOptions", {})
            elif step == "tanh":
                g.op("TANH", [s], [out])
            else:
                shape = {"row": (1, 1, 1, length), "matrix": (1, 1, queries, length), "whole": scores}[step]
                g.op("ADD", [s, self.input("mask", shape)], [out], "AddOptions", {})
            s = out
        p = g.tensor("p", "float32", scores)
        g.op("SOFTMAX", [s], [p], "SoftmaxOptions", {"beta": 1.0})
        a = g.tensor("a", "float32", (batch, length, v_heads, depth + 3))
        g.op("ABS", [v], [a])  # values are made between the products
        vt = self.turned("vt", a, (batch, v_heads, length, depth + 3), (0, 2, 1, 3))
        o = g.tensor("o", "float32", (batch, heads, queries, depth + 3))
        g.op("BATCH_MATMUL", [p, vt], [o], "BatchMatMulOptions", {"adjX": False, "adjY": False})
        y = g.tensor("y", "float32", (batch, heads, queries, depth + 3))
        g.op("NEG", [o], [y])
        outputs = [y]
        if read:
            z = g.tensor("z", "float32", scores)
            g.op("NEG", [{"weights": p, "scores": s}[read]], [z])
            outputs.append(z)
        g.inputs(self.inputs)
        g.outputs(outputs)
        self.model = g.build()

    def input(self, name, shape):
        self.shapes[name] = shape
        t = self.g.tensor(name, "float32", shape)
        self.inputs.append(t)
        return t

    def negative(self, name, shape):
        """Of an input, in memory that others get when it has been read."""
        out = self.g.tensor(f"minus_{name}", "float32", shape)
        self.g.op("NEG", [self.input(name, shape)], [out])
        return out

    def turned(self, name, x, shape, perm):
        out = self.g.tensor(name, "float32", shape)
        self.g.op("TRANSPOSE", [x, self.g.tensor(f"{name}_perm", "int32", (4,), data=np.array(perm, "int32"))], [out])
        return out

    def feeds(self, seed):
        rng = np.random.default_rng(seed)
        return {name: rng.standard_normal(shape).astype("float32") for name, shape in self.shapes.items()}


def expected(x, between):
    q, k, v = (x[n].astype("float64").transpose(0, 2, 1, 3) for n in "qkv")
    s = q @ k.swapaxes(-1, -2)
    for step in between:
        s = s * x["q"].shape[-1] ** -0.5 if step == "scale" else np.tanh(s) if step == "tanh" else s + x["mask"]
    p = np.exp(s - s.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    return p, -(p @ np.abs(v))


class Run:
    def __init__(self, model, threads=1, keep=False):
        self.it = unflow.lite.Interpreter(model_content=model, num_threads=threads, experimental_preserve_all_tensors=keep)
        self.it.allocate_tensors()
        self.index = {d["name"]: d["index"] for d in self.it.get_tensor_details()}

    def __call__(self, x):
        for name, value in x.items():
            self.it.set_tensor(self.index[name], value)
        self.it.invoke()
        return self["y"]

    def __getitem__(self, name):
        return self.it.get_tensor(self.index[name])


CASES = [
    {},
    {"between": ()},
    {"between": ("scale", "row")},
    {"between": ("scale", "matrix")},
    {"between": ("whole", "tanh", "scale")},
    {"between": ("tanh", "scale", "matrix", "tanh")},
    {"k_first": True},
    {"v_heads": 1},                                              # values that all heads share
    {"batch": 3, "heads": 2, "queries": 33, "length": 47, "depth": 5},
    {"heads": 1, "queries": 300, "length": 129, "depth": 8},     # rows of one head go to several threads
    {"heads": 2, "queries": 17, "length": 1100, "depth": 8},     # few rows fit in a block; sums in several parts
    {"batch": 5, "heads": 3, "queries": 64, "length": 64, "depth": 32, "between": ("scale", "row")},
    {"read": "weights"},                                         # somebody else reads them: all run in turn
    {"read": "scores"},
    {"queries": 3, "length": 2000},                              # too few rows
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_one_after_the_other(case):
    net = Attention(**CASES[case])
    turn = Run(net.model, keep=True)
    for threads in (1, 2, 3, 7):
        run = Run(net.model, threads)
        for seed in range(3):  # an ordinary run after one in which somebody asked for the weights
            x = net.feeds(seed)
            p, y = expected(x, CASES[case].get("between", ("scale",)))
            got = run(x)
            np.testing.assert_allclose(got, y, rtol=2e-5, atol=2e-5)
            np.testing.assert_array_equal(got, turn(x))
            for name in ("p", "s", "qt", "vt", "o", "y"):
                np.testing.assert_array_equal(run[name], turn[name])
            np.testing.assert_allclose(run["p"], p, rtol=2e-5, atol=2e-6)
            np.testing.assert_array_equal(run["y"], got)


def test_products_of_what_was_multiplied():
    """x, softmax, product, softmax, product, ...: each may be the second of two, and then not the first of the next two."""
    g, n = modelgen.ModelGen(), 80
    x = first = g.tensor("x", "float32", (2, n, n))
    weights = [g.tensor(f"w{i}", "float32", (2, n, n)) for i in range(4)]
    for i, w in enumerate(weights):
        y = g.tensor(f"y{i}", "float32", (2, n, n))
        g.op("BATCH_MATMUL", [x, w], [y], "BatchMatMulOptions", {"adjX": False, "adjY": False})
        x = g.tensor(f"p{i}", "float32", (2, n, n))
        g.op("SOFTMAX", [y], [x], "SoftmaxOptions", {"beta": 1.0})
    g.inputs([first, *weights])
    g.outputs([x])
    model, rng = g.build(), np.random.default_rng(6)
    feeds = {name: rng.standard_normal((2, n, n)).astype("float32") for name in ("x", "w0", "w1", "w2", "w3")}
    turn = Run(model, keep=True)
    for name, value in feeds.items():
        turn.it.set_tensor(turn.index[name], value)
    turn.it.invoke()
    for threads in (1, 2):
        run = Run(model, threads)
        for name, value in feeds.items():
            run.it.set_tensor(run.index[name], value)
        run.it.invoke()
        for name in ("p3", "y3", "p2", "y1", "p0"):
            np.testing.assert_array_equal(run[name], turn[name])


def test_no_memory_for_scores():
    sizes = {}
    for read in (None, "weights"):
        net = Attention(queries=256, length=256, between=("scale", "row"), read=read)
        run = Run(net.model)
        run(net.feeds(0))
        sizes[read] = run.it._memory()["arena"]
    scores = 4 * 256 * 256 * 4
    assert sizes[None] < scores < sizes["weights"]


def test_of_infinities():
    net = Attention(between=("scale", "matrix"))
    run, turn = Run(net.model), Run(net.model, keep=True)
    x = net.feeds(4)
    x["mask"][:] = np.where(np.tri(48, 40, dtype=bool), 0, -np.inf)  # causal
    _, y = expected(x, ("scale", "matrix"))
    np.testing.assert_allclose(run(x), y, rtol=2e-5, atol=2e-5)
    np.testing.assert_array_equal(run["y"], turn(x))
    x["mask"][0, 0, 7] = -np.inf  # a row of nothing
    np.testing.assert_array_equal(run(x), turn(x))
    assert np.isnan(run["y"][:, :, 7]).all() and not np.isnan(run["y"][:, :, 8:]).any()


def test_inputs_may_be_resized():
    net = Attention(between=("scale", "row"))
    run = Run(net.model)
    for length in (40, 9, 200, 1):
        shapes = {"q": (1, length, 4, 16), "k": (1, length, 4, 16), "v": (1, length, 4, 19), "mask": (1, 1, 1, length)}
        for name, shape in shapes.items():
            run.it.resize_tensor_input(run.index[name], shape)
        run.it.allocate_tensors()
        net.shapes = shapes
        x = net.feeds(length)
        p, y = expected(x, ("scale", "row"))
        np.testing.assert_allclose(run(x), y, rtol=2e-5, atol=2e-5)
        np.testing.assert_allclose(run["p"], p, rtol=2e-5, atol=2e-6)


def test_of_tensorflow():
    """A graph of tf.matmul and tf.nn.softmax, fed with other lengths."""
    import unflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph:
        x = [v1.placeholder(tf.float32, (2, 4, None, 16)) for _ in range(3)] + [v1.placeholder(tf.float32, (2, 1, 1, None))]
        weights = tf.nn.softmax(tf.matmul(-x[0], x[1], transpose_b=True) / 4.0 + x[3])
        y = tf.matmul(weights, tf.abs(x[2]))
    rng = np.random.default_rng(5)
    with v1.Session(graph=graph) as session:
        for length in (64, 37, 64):
            q, k, v = (rng.standard_normal((2, 4, length, 16)).astype("float32") for _ in range(3))
            mask = rng.standard_normal((2, 1, 1, length)).astype("float32")
            feeds = dict(zip(x, (q, k, v, mask)))
            got = session.run(y, feeds)
            s = -q.astype("float64") @ k.swapaxes(-1, -2) / 4 + mask
            p = np.exp(s - s.max(-1, keepdims=True))
            p /= p.sum(-1, keepdims=True)
            np.testing.assert_allclose(got, p @ np.abs(v), rtol=2e-5, atol=2e-6)
            for value, want in zip(session.run([y, weights], feeds), (got, p)):  # in turn
                np.testing.assert_allclose(value, want, rtol=2e-5, atol=2e-6)
