# SPDX-License-Identifier: Apache-2.0
"""Pointwise and depthwise convolutions that run as one, some lines at a time: not a bit may tell, and who asks sees what was never made."""

import numpy as np
import pytest
from modelgen import ModelGen

import unflow

KINDS = {"float32": ("float32", "float32", "float32"), "int8": ("int8", "int8", "int32"), "uint8": ("uint8", "uint8", "int32")}


def extent_of(extent, kernel, stride, same, dilation):
    return -(-extent // stride) if same else -(-(extent - (kernel - 1) * dilation) // stride)


class Net:
    """Convolutions one after the other, of weights that a seed makes."""

    def __init__(self, kind, batch, height, width, channels, seed=5):
        self.kind, self.g, self.rng = kind, ModelGen(), np.random.default_rng(seed)
        self.shape, self.values = (batch, height, width, channels), []
        self.x = self.at = self.value("x", self.shape, 0.05)

    def value(self, name, shape, scale, zero=None):
        zero = {"float32": None, "int8": -7, "uint8": 121}[self.kind] if zero is None else zero
        self.shape = shape
        self.at = self.g.tensor(name, KINDS[self.kind][0], shape, **({} if zero is None else {"scale": scale, "zero": zero}))
        self.values.append(self.at)
        return self.at

    def weights(self, shape, axis):
        name = f"w{len(self.values)}"
        if self.kind == "float32":
            return self.g.tensor(name, "float32", shape, data=self.rng.normal(size=shape).astype("float32"))
        n, unsigned = shape[axis], self.kind == "uint8"
        data = self.rng.integers(-127, 128, shape) + 128 * unsigned
        scale = {"scale": 0.01, "zero": 117} if unsigned else {"scale": [0.005 + 0.001 * (i % 9) for i in range(n)], "zero": [0] * n}
        return self.g.tensor(name, KINDS[self.kind][1], shape, data=data.astype(KINDS[self.kind][1]), axis=axis, **scale)

    def bias(self, n):
        scale = {} if self.kind == "float32" else {"scale": 0.0005, "zero": 0}
        return self.g.tensor(f"b{len(self.values)}", KINDS[self.kind][2], (n,), data=self.rng.integers(-500, 500, n), **scale)

    def point(self, n, with_bias=True, act=3):
        return self.window(n, 1, 1, with_bias=with_bias, act=act)

    def window(self, n, kernel=3, stride=2, same=True, dilation=1, with_bias=True, act=3):
        batch, height, width, channels = self.shape
        inputs = [self.at, self.weights((n, kernel, kernel, channels), 0)] + ([self.bias(n)] if with_bias else [])
        size = [extent_of(e, kernel, stride, same, dilation) for e in (height, width)]
        y = self.value(f"v{len(self.values)}", (batch, *size, n), 0.5)
        self.g.op("CONV_2D", inputs, [y], "Conv2DOptions", {
            "strideW": stride, "strideH": stride, "padding": 0 if same else 1, "dilationHFactor": dilation,
            "dilationWFactor": dilation, "fusedActivationFunction": act})
        return self

    def depth(self, kernel=3, stride=1, same=True, dilation=1, with_bias=True, act=0, scale=1.5):
        batch, height, width, n = self.shape
        inputs = [self.at, self.weights((1, kernel, kernel, n), 3)] + ([self.bias(n)] if with_bias else [])
        size = [extent_of(e, kernel, stride, same, dilation) for e in (height, width)]
        y = self.value(f"v{len(self.values)}", (batch, *size, n), scale)
        self.g.op("DEPTHWISE_CONV_2D", inputs, [y], "DepthwiseConv2DOptions", {
            "strideW": stride, "strideH": stride, "depthMultiplier": 1, "padding": 0 if same else 1, "dilationHFactor": dilation,
            "dilationWFactor": dilation, "fusedActivationFunction": act})
        return self

    def then(self, op, *others, scale=0.4, zero=None, first=None):
        """An op that takes elements, of the last value (or `first`, and then that one) and others."""
        y = self.value(f"v{len(self.values)}", self.shape, scale, zero)
        self.g.op(op, [*([] if first is None else [first]), self.values[-2], *others], [y])
        return self

    def swish(self):
        x = self.at
        return self.then("LOGISTIC", scale=1 / 256, zero={"int8": -128, "uint8": 0}.get(self.kind)).then("MUL", x)

    def turned(self):
        """A transposition, so that what comes before it is no output of the graph."""
        batch, height, width, n = self.shape
        y = self.value("turned", (batch, n, height, width), 1.5)
        self.g.op("TRANSPOSE", [self.values[-2], self.g.constant("perm", "int32", np.array([0, 3, 1, 2], np.int32))], [y])
        return self

    def build(self, every):
        """every: each value is an output, so that all are made."""
        self.g.inputs([self.x])
        self.g.outputs(self.values[1:][::-1] if every else [self.at])
        return self.g.build()


def channels(kind):
    return 48 if kind == "float32" else 192  # of 76 x 20 pixels: just what is worth it


def net(name, kind):
    c = channels(kind)
    return {
        "3x3": lambda: Net(kind, 1, 76, 20, 24).point(c).depth(),
        "3x3, stride 2": lambda: Net(kind, 1, 76, 21, 24).point(c).depth(stride=2, act=1),
        "valid, no bias": lambda: Net(kind, 1, 77, 20, 7).point(c, with_bias=False, act=0).depth(same=False, with_bias=False),
        "valid, stride 3": lambda: Net(kind, 1, 76, 20, 24).point(c).depth(same=False, stride=3),
        "5x5, stride 2": lambda: Net(kind, 1, 76, 20, 24).point(c + 5).depth(kernel=5, stride=2),
        "dilated": lambda: Net(kind, 1, 76, 20, 24).point(c).depth(dilation=3),
        "batch": lambda: Net(kind, 3, 76, 20, 24).point(c).depth(),
        "point behind": lambda: Net(kind, 1, 76, 40, 24).point(c).depth().point(30, act=0),
        "many": lambda: Net(kind, 1, 80, 40, 24).point(c).depth().point(c, act=0).depth(stride=2).point(2 * c, act=1).depth().point(9, act=0),
        "wide": lambda: Net(kind, 1, 76, 500, 24).point(c).depth(),
        "first layer": lambda: Net(kind, 1, 152, 41, 3).window(c).depth().point(30, act=0),
        "first layer, 5x5, batch": lambda: Net(kind, 3, 233, 61, 3).window(c, 5, 3).depth(stride=2),
        "first layer, valid": lambda: Net(kind, 1, 155, 43, 4).window(c, same=False, with_bias=False).depth(same=False),
        "first layer, dilated": lambda: Net(kind, 1, 152, 40, 3).window(c, 3, 2, dilation=2, act=0).swish().depth(kernel=5),
        "first layer, no window": lambda: Net(kind, 1, 152, 40, 7).window(c, 1, 2).depth(),
        "swish between": lambda: Net(kind, 1, 76, 20, 24).point(c, act=0).swish().depth(),
        "swish behind": lambda: Net(kind, 1, 76, 20, 24).point(c).depth(stride=2, scale=0.3).swish(),
        "swish everywhere": lambda: Net(kind, 3, 76, 41, 24).point(c, act=0).swish().depth(kernel=5, scale=0.3).swish().point(30, act=0),
        "swish behind each": lambda: Net(kind, 3, 76, 20, 24).point(c, act=0).swish().depth(stride=2, scale=0.3).swish(),
        "hard swish": lambda: Net(kind, 1, 76, 20, 24).point(c, act=0).then("HARD_SWISH").depth().then("HARD_SWISH"),
    }[name]().turned()


NAMES = ["3x3", "3x3, stride 2", "valid, no bias", "valid, stride 3", "5x5, stride 2", "dilated", "batch", "point behind", "many", "wide",
         "first layer", "first layer, 5x5, batch", "first layer, valid", "first layer, dilated", "first layer, no window",
         "swish between", "swish behind", "swish behind each", "swish everywhere", "hard swish"]


def open_at(model, threads):
    it = unflow.lite.Interpreter(model_content=model, num_threads=threads)
    it.allocate_tensors()
    (detail,) = it.get_input_details()
    x = np.random.default_rng(6).uniform(-100, 100, detail["shape"])
    it.set_tensor(detail["index"], (x + 128 * (detail["dtype"] == np.uint8)).astype(detail["dtype"]))
    return it


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_not_a_bit_may_tell(name, kind):
    every = open_at(net(name, kind).build(True), 1)
    every.invoke()
    values = net(name, kind).values[1:]
    expected = {v: every.get_tensor(v) for v in values}
    for threads in (1, 2, 3):
        it = open_at(net(name, kind).build(False), threads)
        for _ in range(3):
            it.invoke()
            np.testing.assert_array_equal(it.get_tensor(values[-1]), expected[values[-1]])
        for v in values:  # which a replay makes
            assert len(np.unique(expected[v])) > 10
            np.testing.assert_array_equal(it.get_tensor(v), expected[v])
        it.invoke()
        np.testing.assert_array_equal(it.get_tensor(values[-1]), expected[values[-1]])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_between_has_no_memory(kind):
    c, size = channels(kind), 4 if kind == "float32" else 1
    def arena(net, **options):
        it = unflow.lite.Interpreter(model_content=net.build(False), **options)
        it.allocate_tensors()
        return it._memory()["arena"]

    # of point, depth: depth's output alone; with point behind: that one's; turned is the graph's output
    assert arena(net("3x3", kind)) == 76 * 20 * c * size
    assert arena(net("point behind", kind)) < 76 * 40 * 64 * size
    assert arena(net("swish between", kind)) == 76 * 20 * c * size
    assert arena(net("swish everywhere", kind)) < 3 * 76 * 41 * 64 * size
    assert arena(net("first layer", kind)) < 76 * 21 * c * size
    # too many weights, too few lines for so many threads, and too few bytes
    assert arena(Net(kind, 1, 152, 40, 24).window(c, 9).depth().turned()) >= 2 * 76 * 20 * c * size
    assert arena(net("3x3", kind), num_threads=4) >= 2 * 76 * 20 * c * size
    assert arena(Net(kind, 1, 76, 8, 24).point(c).depth().turned()) >= 2 * 76 * 8 * c * size


def test_what_somebody_else_reads_is_made():
    n = Net("float32", 1, 76, 20, 24).point(48)
    v = n.at
    n.depth()
    y = n.value("sum", n.shape, 1)
    n.g.op("ADD", [v, n.values[-2]], [y], "AddOptions")
    it = open_at(n.build(False), 2)
    it.invoke()
    assert it._memory()["arena"] >= 2 * 76 * 20 * 48 * 4 - 64
    every = open_at(n.build(True), 1)
    every.invoke()
    np.testing.assert_array_equal(it.get_tensor(y), every.get_tensor(y))


def test_elementwise_ops_behind_run_with_the_depthwise_one():
    n = Net("float32", 1, 76, 20, 24).point(48).depth()
    for op in ("NEG", "EXP"):
        y = n.value(op, n.shape, 1)
        n.g.op(op, [n.values[-2]], [y])
    it, every = open_at(n.build(False), 2), open_at(n.build(True), 1)
    it.invoke()
    every.invoke()
    for v in n.values[1:]:
        np.testing.assert_array_equal(it.get_tensor(v), every.get_tensor(v))


def channel_scale(n):
    """A constant for each channel, then one for all, between the two."""
    c = n.shape[3]
    factors = n.g.constant("factors", "float32", np.linspace(0.5, 1.5, c).astype("float32"))
    one = n.g.constant("one", "float32", np.array([0.75], "float32"))
    return n.then("MUL", factors).then("SUB", one).then("ABS").depth().turned()


def twice_read(n):
    """The activation's value is an output of the graph, too."""
    return n.swish().depth()


def head_read(n):
    """So is what the activation is of."""
    v = n.at
    return n.swish().depth().then("ADD", v)


def added(n):
    """What the lines are made of is added to the last: it must not be written over while neighbours still read it."""
    return n.swish().depth().point(24, act=0).then("ADD", n.before).turned()


def added_at_once(n):
    return n.swish().depth().then("ADD", first=n.before).turned()


@pytest.mark.parametrize("build", [channel_scale, twice_read, head_read, added, added_at_once])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_activations_that_are_more_than_between(build, threads):
    def make(every):
        n = Net("float32", 1, 76, 20, 24 if build is added else 48)
        n.then("NEG")
        n.before = n.at
        build(n.point(48, act=0))
        if build is twice_read:
            n.g.inputs([n.x])
            n.g.outputs(n.values[1:] if every else [n.values[-2], n.at])
            return n, n.g.build()
        return n, n.build(every)

    n, model = make(False)
    it, every = open_at(model, threads), open_at(make(True)[1], 1)
    every.invoke()
    for _ in range(2):
        it.invoke()
        np.testing.assert_array_equal(it.get_tensor(n.at), every.get_tensor(n.at))
        for v in n.values[1:]:
            np.testing.assert_array_equal(it.get_tensor(v), every.get_tensor(v))


def test_some_nodes_only():
    """A run that is asked for some nodes has them run in turn."""
    n, every = net("swish everywhere", "float32"), open_at(net("swish everywhere", "float32").build(True), 1)
    every.invoke()
    for threads in (1, 2):
        it = open_at(n.build(False), threads)
        for _ in range(2):
            it._run_for(0, [n.values[-1]], [])
            np.testing.assert_array_equal(it.get_tensor(n.values[-1]), every.get_tensor(n.values[-1]))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_last_may_be_an_output(threads):
    n = Net("float32", 1, 76, 20, 24).point(48, act=0).swish().depth()
    n.then("NEG").then("EXP")
    every = open_at(n.build(True), 1)
    n.g.outputs([n.values[-3], n.at])
    it = open_at(n.g.build(), threads)
    every.invoke()
    for _ in range(2):
        it.invoke()
        for v in n.values[1:]:
            np.testing.assert_array_equal(it.get_tensor(v), every.get_tensor(v))


@pytest.mark.parametrize("kind", ["float32", "int8"])
def test_a_node_may_keep_another_form_of_its_weight(kind):
    """In two groups, for an image of twice as many channels: what the model keeps is not what lines of one group need."""
    n = Net(kind, 1, 76, 20, 24).point(channels(kind)).depth().turned()
    it, fresh = open_at(n.build(False), 2), open_at(n.build(False), 2)
    index = it.get_input_details()[0]["index"]
    it.resize_tensor_input(index, (1, 76, 20, 48))
    it.allocate_tensors()
    for _ in range(3):
        it.invoke()
    it.resize_tensor_input(index, (1, 76, 20, 24))
    it.allocate_tensors()
    it.set_tensor(index, fresh.get_tensor(index))
    fresh.invoke()
    for _ in range(2):
        it.invoke()
        np.testing.assert_array_equal(it.get_tensor(n.at), fresh.get_tensor(n.at))


def test_a_shape_that_turns_out_otherwise_between():
    """A custom op between the two convolutions gives another shape than the file says, in the middle of a run."""
    n = Net("float32", 1, 76, 20, 24).point(48)
    z = n.g.tensor("z", "float32", (2,))
    n.g.op("CUSTOM", [n.x], [z], custom="Grows")
    n.depth().turned()
    n.g.inputs([n.x])
    n.g.outputs([n.at, z])
    x = np.random.default_rng(7).uniform(-1, 1, (1, 76, 20, 24)).astype("float32")
    sizes = iter((2, 3, 3, 2))
    model = unflow.open(n.g.build(), custom_ops={"Grows": lambda x: np.ones(next(sizes), "float32")})
    every = open_at(net("3x3", "float32").build(True), 1)
    every.set_tensor(0, x)
    every.invoke()
    for size in (2, 3, 3, 2):
        results = model.run(x=x)
        np.testing.assert_array_equal(results["turned"], every.get_tensor(net("3x3", "float32").values[-1]))
        assert results["z"].shape == (size,)
    assert model._session._memory()["arena"] >= 2 * 76 * 20 * 48 * 4  # so that none runs later than planned
