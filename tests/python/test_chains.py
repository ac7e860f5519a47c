# SPDX-License-Identifier: Apache-2.0
"""Nodes that run together, piece by piece (src/exec/chain.c), give what each of them gives alone."""

import numpy as np
import pytest

import unflow.lite

modelgen = pytest.importorskip("modelgen")

SHAPE = (1, 60, 12, 32)  # of what the chains are over: several blocks of rows, and several pieces
UNARY = {"float32": ["RELU", "RELU6", "LOGISTIC", "TANH", "HARD_SWISH", "NEG", "ABS"],
         "int8": ["RELU", "RELU6", "LOGISTIC", "TANH", "HARD_SWISH", "ABS"]}
BINARY = {"float32": ["ADD", "SUB", "MUL", "MAXIMUM", "SQUARED_DIFFERENCE"], "int8": ["ADD", "SUB", "MUL", "MAXIMUM"]}
OPTIONS = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions"}
HEADS = ["CONV_2D 1", "CONV_2D 3", "DEPTHWISE_CONV_2D 3", "FULLY_CONNECTED", ""]


class Graph:
    """Nodes over named values, as one model or one by one."""

    def __init__(self, dtype, rng):
        self.dtype, self.rng = dtype, rng
        self.values, self.nodes = {}, []  # name: (shape, constant or None, dtype, scale)

    def value(self, shape, constant=False, dtype=None, scale=0.05):
        dtype, name = dtype or self.dtype, f"v{len(self.values)}"
        data = None
        if constant:
            data = self.rng.uniform(-1, 1, shape).astype("float32") if dtype == "float32" else \
                self.rng.integers(-100, 100, shape).astype(dtype)
        self.values[name] = (shape, data, dtype, scale)
        return name

    def constant(self, data):
        name = self.value(data.shape, dtype=str(data.dtype))
        self.values[name] = (data.shape, data, str(data.dtype), 0.05)
        return name

    def node(self, op, ins, options=None, attributes=None, shape=SHAPE, scale=0.05):
        out = self.value(shape, scale=scale)
        self.nodes.append((op, ins, out, options, attributes))
        return out

    def tensor(self, g, name):
        shape, data, dtype, scale = self.values[name]
        if dtype == "float32":
            return g.tensor(name, dtype, shape, data=data)
        zero = 0 if data is not None else {0.05: 3, 1 / 256: -128, 1 / 128: 0}.get(scale, 0)
        if len(shape) == 4 and data is not None and data.size > SHAPE[-1]:  # weights
            return g.tensor(name, dtype, shape, data=data, scale=[scale] * shape[0], zero=[0] * shape[0], axis=0)
        return g.tensor(name, dtype, shape, data=data, scale=scale, zero=zero)

    def model(self, nodes, inputs, outputs):
        g = modelgen.ModelGen()
        index = {name: self.tensor(g, name) for name in self.values}
        for op, ins, out, options, attributes in nodes:
            g.op(op, [index[i] for i in ins], [index[out]], options, attributes or {}) if options else \
                g.op(op, [index[i] for i in ins], [index[out]])
        g.inputs([index[name] for name in inputs])
        g.outputs([index[name] for name in outputs])
        return g.build()


def run(model, feeds, threads=1, fetch=()):
    interpreter = unflow.lite.Interpreter(model_content=model, num_threads=threads)
    interpreter.allocate_tensors()
    index = {d["name"]: d["index"] for d in interpreter.get_tensor_details()}
    for _ in range(2):  # the second run finds memory that the first one used
        for name, array in feeds.items():
            interpreter.set_tensor(index[name], array)
        interpreter.invoke()
    return {name: interpreter.get_tensor(index[name]) for name in fetch}


def one_by_one(graph, feeds):
    have = dict(feeds)
    for node in graph.nodes:
        ins = sorted({i for i in node[1] if graph.values[i][1] is None})
        have.update(run(graph.model([node], ins, [node[2]]), {i: have[i] for i in ins}, fetch=[node[2]]))
    return have


def head(graph, kind):
    c = SHAPE[-1]
    if not kind:
        return graph.value(SHAPE), None
    x = graph.value(SHAPE)
    op, _, kernel = kind.partition(" ")
    k = int(kernel or 1)
    shape = {"CONV_2D": (c, k, k, c), "DEPTHWISE_CONV_2D": (1, k, k, c), "FULLY_CONNECTED": (c, c)}[op]
    options = {"CONV_2D": ("Conv2DOptions", {"padding": 0, "strideH": 1, "strideW": 1}),
               "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", {"padding": 0, "strideH": 1, "strideW": 1, "depthMultiplier": 1}),
               "FULLY_CONNECTED": ("FullyConnectedOptions", {"keepNumDims": True})}[op]
    if graph.dtype == "int8" and op == "DEPTHWISE_CONV_2D":
        g = graph.value(shape, True, scale=0.02)
    else:
        g = graph.value(shape, True, scale=0.01)
    return graph.node(op, [x, g], *options), x


def scale_of(op):
    return {"LOGISTIC": 1 / 256, "TANH": 1 / 128}.get(op, 0.05)


def part(graph, have, last):
    """A node over the last value, and perhaps another one."""
    rng, dtype = graph.rng, graph.dtype
    if rng.random() < 0.45:
        op = rng.choice(UNARY[dtype])
        return graph.node(op, [last], scale=scale_of(op))
    op = rng.choice(BINARY[dtype])
    kind = rng.integers(5)
    if kind == 0:
        other = last
    elif kind == 1:
        other = graph.value((), True)
    elif kind == 2:
        other = graph.value((1, 1, 1, SHAPE[-1]), True)
    else:
        other = have[rng.integers(len(have))]
    if dtype == "int8" and op == "MAXIMUM":  # of one scale
        op = "ADD"
    ins = [last, other] if rng.random() < 0.7 else [other, last]
    return graph.node(op, ins, OPTIONS.get(op))


def random_graph(dtype, seed):
    rng = np.random.default_rng(seed)
    graph = Graph(dtype, rng)
    before = graph.value(SHAPE)  # a residual
    first, image = head(graph, HEADS[seed % len(HEADS)])
    have = [before, first] + ([image] if image else [])
    inputs = [v for v in have if v != first or not image]
    for _ in range(rng.integers(1, 8)):
        have.append(part(graph, have, have[-1] if rng.random() < 0.9 else have[rng.integers(len(have))]))
    outputs = [have[-1]]
    if rng.random() < 0.4:
        outputs.append(graph.nodes[rng.integers(len(graph.nodes))][2])
    return graph, inputs, sorted(set(outputs))


def feeds_of(graph, inputs, rng):
    return {name: (rng.uniform(-2, 2, SHAPE).astype("float32") if graph.dtype == "float32" else
                   rng.integers(-128, 128, SHAPE).astype("int8")) for name in inputs}


def check(graph, inputs, outputs, feeds, rng):
    """The outputs are what the nodes give one by one, on one thread and two, and then every value, read in any order."""
    want = one_by_one(graph, feeds)
    model = graph.model(graph.nodes, inputs, outputs)
    for threads in (1, 2):
        got = run(model, feeds, threads, outputs)
        for name in outputs:
            np.testing.assert_array_equal(got[name], want[name], err_msg=f"output {name} of {graph.nodes}")
    every = [node[2] for node in graph.nodes]
    got = run(model, feeds, 1, rng.permutation(every))
    for name in every:
        np.testing.assert_array_equal(got[name], want[name], err_msg=f"{name} of {graph.nodes}")


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("seed", range(60))
def test_a_chain_gives_what_its_nodes_give(dtype, seed):
    graph, inputs, outputs = random_graph(dtype, seed)
    feeds = feeds_of(graph, inputs, np.random.default_rng(seed))
    check(graph, inputs, outputs, feeds, np.random.default_rng(seed))


ROWS = (*SHAPE[:-1], 1)  # a value for each row
REDUCTIONS = ["MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"]


def reduction(graph, op, of):
    return graph.node(op, [of, graph.constant(np.array([3], "int32"))], "ReducerOptions", {"keepDims": True}, shape=ROWS)


def row_part(graph, wholes, rows):
    """A node over rows, over values of rows, or over both; appends what it makes."""
    rng = graph.rng
    pick = [lambda: reduction(graph, rng.choice(REDUCTIONS), wholes[-1]),
            lambda: graph.node("SOFTMAX", [wholes[-1]], "SoftmaxOptions", {"beta": float(rng.choice([1.0, 0.5]))})]
    if rows:
        op = rng.choice(BINARY["float32"])
        mixed = [wholes[-1], rows[-1]] if rng.random() < 0.5 else [rows[-1], wholes[-1]]
        other = rows[rng.integers(len(rows))] if rng.random() < 0.5 else graph.value((), True)
        pick += [lambda: graph.node(rng.choice(["NEG", "ABS", "LOGISTIC"]), [rows[-1]], shape=ROWS),
                 lambda: graph.node(op, [rows[-1], other], OPTIONS.get(op), shape=ROWS),
                 lambda: graph.node(op, mixed, OPTIONS.get(op)), lambda: graph.node(op, mixed, OPTIONS.get(op))]
    made = pick[rng.integers(len(pick))]()
    (rows if graph.values[made][0] == ROWS else wholes).append(made)


@pytest.mark.parametrize("seed", range(80))
def test_rows_in_a_chain(seed):
    """Reductions of rows and what follows from them, among elementwise nodes."""
    rng = np.random.default_rng(seed)
    graph = Graph("float32", rng)
    before = graph.value(SHAPE)
    first, image = head(graph, HEADS[seed % len(HEADS)])
    wholes, rows = [before, first], []
    inputs = [before, image or first]
    for _ in range(rng.integers(2, 14)):
        if rng.random() < 0.6:
            row_part(graph, wholes, rows)
        else:
            wholes.append(part(graph, wholes, wholes[-1]))
    outputs = sorted({graph.nodes[-1][2], graph.nodes[rng.integers(len(graph.nodes))][2]})
    feeds = feeds_of(graph, inputs, np.random.default_rng(seed))
    check(graph, inputs, outputs, feeds, rng)


def normalized(graph, x, form, gamma, beta, swaps):
    """A layer normalization of x as converters write it; swaps: of the operands of each commutative node."""
    def op(name, a, b, shape=SHAPE):
        ins = [b, a] if name != "SUB" and swaps.random() < 0.5 else [a, b]
        return graph.node(name, ins, OPTIONS.get(name), shape=shape)

    scale = graph.value(SHAPE[-1:], True) if gamma else None
    shift = graph.value((1, 1, 1, SHAPE[-1]), True) if beta else None
    mean = reduction(graph, "MEAN", x)
    centered = op("SUB", x, mean) if form == "centered" else None
    squares = op("MUL", centered, centered) if centered else op("SQUARED_DIFFERENCE", x, mean)
    variance = op("ADD", reduction(graph, "MEAN", squares), graph.constant(np.array(1e-3, "float32")), ROWS)
    r = graph.node("RSQRT", [variance], shape=ROWS)
    if centered:
        y = op("MUL", centered, r)
        y = op("MUL", y, scale) if gamma else y
        return op("ADD", y, shift) if beta else y
    g = op("MUL", r, scale)
    if form == "negated":
        product = op("MUL", graph.node("NEG", [mean], shape=ROWS), g)
        return op("ADD", op("MUL", x, g), op("ADD", product, shift) if beta else product)
    product = op("MUL", mean, g)
    return op("ADD", op("MUL", x, g), op("SUB", shift, product)) if beta else op("SUB", op("MUL", x, g), product)


@pytest.mark.parametrize("form", ["centered", "negated", "subtracted"])
@pytest.mark.parametrize("gamma, beta", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("kind", ["FULLY_CONNECTED", ""])
def test_normalizations(form, gamma, beta, kind):
    if form != "centered" and not gamma:
        pytest.skip("is the centered form")
    for seed in range(4):
        graph = Graph("float32", np.random.default_rng(seed))
        before = graph.value(SHAPE)
        first, image = head(graph, kind)
        x = graph.node("ADD", [first, before], "AddOptions")
        y = normalized(graph, x, form, gamma, beta, np.random.default_rng(seed))
        whole = [node[2] for node in graph.nodes[3:] if graph.values[node[2]][0] == SHAPE]
        end = graph.node("RELU", [y])
        for also in whole[seed::4]:  # what the chain itself needs once more
            end = graph.node("ADD", [end, also], "AddOptions")
        inputs = [before, image or first]
        feeds = feeds_of(graph, inputs, np.random.default_rng(seed))
        want = one_by_one(graph, feeds)
        every = [node[2] for node in graph.nodes]
        for outputs in ([y], [end], [end, x], [y, every[seed + 2]], [y, every[-4]]):  # of what it is made of, too
            got = run(graph.model(graph.nodes, inputs, outputs), feeds, 1 + seed % 2, sorted({*outputs, *every}))
            for name in got:
                np.testing.assert_array_equal(got[name], want[name], err_msg=f"{name} of {graph.nodes}")
        mean = want[x].mean(-1, keepdims=True)
        flat = (want[x] - mean) / np.sqrt(want[x].var(-1, keepdims=True) + 1e-3)
        flat = flat * (graph.values[next(v for v in graph.values if graph.values[v][0] == SHAPE[-1:])][1] if gamma else 1)
        if beta:
            flat = flat + next(d for s, d, *_ in graph.values.values() if s == (1, 1, 1, SHAPE[-1]))
        np.testing.assert_allclose(want[y], flat, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("kind", HEADS)
def test_values_in_the_middle_are_outputs(dtype, kind):
    """Each value of a residual block with swish is an output of its own, beside others that are not."""
    graph = Graph(dtype, np.random.default_rng(1))
    before = graph.value(SHAPE)
    first, image = head(graph, kind)
    gate = graph.node("LOGISTIC", [first], scale=1 / 256)
    swish = graph.node("MUL", [first, gate], "MulOptions")
    total = graph.node("ADD", [swish, before], "AddOptions")
    end = graph.node("RELU", [total])
    inputs = [before, image or first]
    feeds = feeds_of(graph, inputs, np.random.default_rng(2))
    want = one_by_one(graph, feeds)
    for name in (first, gate, swish, total):
        if name == first and not image:
            continue
        model = graph.model(graph.nodes, inputs, [name, end])
        got = run(model, feeds, 1, [name, end])
        np.testing.assert_array_equal(got[name], want[name])
        np.testing.assert_array_equal(got[end], want[end])


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("links", [["gate"], ["gate", "later"], ["later"]])
@pytest.mark.parametrize("k", [3, 5])
def test_what_the_head_reads_is_not_written_over(dtype, links, k):
    """x + logistic(conv(x)) and the like: the sum must not lie on x, which the convolution reads on other lines."""
    graph = Graph(dtype, np.random.default_rng(3))
    start = graph.value(SHAPE)
    x = graph.node("RELU", [start])
    w = graph.value((SHAPE[-1], k, k, SHAPE[-1]), True, scale=0.01)
    attributes = {"padding": 0, "strideH": 1, "strideW": 1}
    y = graph.node("CONV_2D", [x, w], "Conv2DOptions", attributes)
    if "gate" in links:
        y = graph.node("LOGISTIC", [y], scale=1 / 256)
    last = graph.node("ADD", [x, y], "AddOptions")
    if "later" in links:
        last = graph.node("TANH", [last], scale=1 / 128)
    end = graph.node("CONV_2D", [last, w], "Conv2DOptions", attributes)
    feeds = feeds_of(graph, [start], np.random.default_rng(4))
    want = one_by_one(graph, feeds)
    got = run(graph.model(graph.nodes, [start], [end]), feeds, 1, [node[2] for node in reversed(graph.nodes)])
    for name in got:
        np.testing.assert_array_equal(got[name], want[name])


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("kernel", [1, 3])
def test_heads_of_few_rows(dtype, kernel):
    """With fewer blocks of rows than threads a product is cut by columns, and what follows waits for all of it."""
    shape = (1, 7, 7, 96)
    graph = Graph(dtype, np.random.default_rng(7))
    x = graph.value(shape)
    w = graph.value((shape[-1], kernel, kernel, shape[-1]), True, scale=0.01)
    y = graph.node("CONV_2D", [x, w], "Conv2DOptions", {"padding": 0, "strideH": 1, "strideW": 1}, shape)
    gate = graph.node("LOGISTIC", [y], shape=shape, scale=1 / 256)
    swish = graph.node("MUL", [y, gate], "MulOptions", shape=shape)
    end = graph.node("ADD", [swish, x], "AddOptions", shape=shape)
    rng = np.random.default_rng(8)
    feeds = {x: rng.uniform(-2, 2, shape).astype("float32") if dtype == "float32" else rng.integers(-128, 128, shape).astype("int8")}
    want = one_by_one(graph, feeds)
    for threads in (1, 2, 3):
        got = run(graph.model(graph.nodes, [x], [end]), feeds, threads, [end, swish, gate, y])
        for name in got:
            np.testing.assert_array_equal(got[name], want[name])


def test_a_limit_of_steps_inside_a_chain():
    graph = Graph("float32", np.random.default_rng(5))
    x = graph.value(SHAPE)
    last = x
    for op in ("RELU", "NEG", "ABS", "TANH"):
        last = graph.node(op, [last])
    model = graph.model(graph.nodes, [x], [last])
    feeds = feeds_of(graph, [x], np.random.default_rng(6))
    for limit in range(1, 6):
        interpreter = unflow.lite.Interpreter(model_content=model, max_steps=limit)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], feeds[x])
        if limit >= 4:
            interpreter.invoke()
            continue
        with pytest.raises(RuntimeError, match=f"expected a run of at most {limit} nodes"):
            interpreter.invoke()
