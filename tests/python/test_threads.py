# SPDX-License-Identifier: Apache-2.0
"""How many threads share a run does not show in its results: how nodes are cut depends on what they are given."""

import numpy as np
import pytest

import unflow.lite

modelgen = pytest.importorskip("modelgen")

PADDING = {"padding": 0, "strideW": 1, "strideH": 1}


class Net:
    """One node after the other; the channels of the last value are the weights' last."""

    def __init__(self, dtype, height, width, channels, seed):
        self.g, self.dtype, self.rng = modelgen.ModelGen(), dtype, np.random.default_rng(seed)
        self.shape, self.n, self.kept = (1, height, width, channels), 0, []
        self.x = self.first = self.tensor(self.shape)

    def tensor(self, shape, scale=0.05, zero=3):
        self.n += 1
        if self.dtype == "float32":
            return self.g.tensor(f"t{self.n}", "float32", shape)
        return self.g.tensor(f"t{self.n}", "int8", shape, scale=scale, zero=zero)

    def weights(self, shape, axis):
        self.n += 1
        if self.dtype == "float32":
            return self.g.tensor(f"w{self.n}", "float32", shape, data=self.rng.uniform(-0.3, 0.3, shape).astype("float32"))
        values = self.rng.integers(-127, 128, shape).astype("int8")
        return self.g.tensor(f"w{self.n}", "int8", shape, data=values, scale=[0.004] * shape[axis], zero=[0] * shape[axis], axis=axis)

    def indices(self, *values):
        self.n += 1
        return self.g.tensor(f"i{self.n}", "int32", (len(values),), data=np.array(values, np.int32))

    def add(self, op, inputs, shape, options=None, values=None, **kind):
        out = self.tensor(shape, **kind)
        self.g.op(op, [self.x, *inputs], [out], options, values or {}) if options else self.g.op(op, [self.x, *inputs], [out])
        self.kept.append(out)
        self.x, self.shape = out, tuple(shape)

    def conv(self, filters, kernel=1):
        self.add("CONV_2D", [self.weights((filters, kernel, kernel, self.shape[-1]), 0)], (*self.shape[:3], filters), "Conv2DOptions", PADDING)

    def depthwise(self, kernel=3, stride=1):
        n, h, w, c = self.shape
        self.add("DEPTHWISE_CONV_2D", [self.weights((1, kernel, kernel, c), 3)], (n, -(-h // stride), -(-w // stride), c),
                 "DepthwiseConv2DOptions", {"padding": 0, "strideW": stride, "strideH": stride, "depthMultiplier": 1})

    def pool(self, op="MAX_POOL_2D"):
        n, h, w, c = self.shape
        self.add(op, [], (n, h // 2, w // 2, c), "Pool2DOptions",
                 {"padding": 1, "strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2})

    def join(self):
        """With itself, two times as wide."""
        self.add("CONCATENATION", [self.x], (*self.shape[:3], 2 * self.shape[3]), "ConcatenationOptions", {"axis": 3})

    def turn(self, *order):
        self.add("TRANSPOSE", [self.indices(*order)], [self.shape[i] for i in order])

    def mean(self):
        self.add("MEAN", [self.indices(1, 2)], (1, self.shape[3]), "ReducerOptions", {"keepDims": False})

    def softmax(self):
        self.add("SOFTMAX", [], self.shape, "SoftmaxOptions", {"beta": 1.0}, **({"scale": 1 / 256, "zero": -128} if self.dtype == "int8" else {}))

    def model(self):
        self.g.inputs([self.first])
        self.g.outputs([self.x])
        return self.g.build()


def results(model, x, threads):
    interpreter = unflow.lite.Interpreter(model_content=model, num_threads=threads)
    interpreter.allocate_tensors()
    for _ in range(3):  # weights packed in passing, to stay, and there
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def same_for_all(net):
    model = net.model()
    rng = np.random.default_rng(5)
    shape = unflow.lite.Interpreter(model_content=model).get_input_details()[0]["shape"]
    x = rng.uniform(-1, 1, shape).astype("float32") if net.dtype == "float32" else rng.integers(-128, 128, shape).astype("int8")
    want = results(model, x, 1)
    assert len(np.unique(want)) > 3
    for threads in (2, 3, 7):
        np.testing.assert_array_equal(results(model, x, threads), want)


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("height, width", [(28, 28), (13, 21), (7, 7)])
def test_a_mobile_network(dtype, height, width):
    """Wide and narrow products, whose panels are no multiple of the threads; an odd number of lines; few rows."""
    net = Net(dtype, height, width, 40, 1)
    for filters, kernel, stride in ((240, 3, 1), (160, 3, 1), (288, 5, 1), (96, 3, 2), (72, 3, 1)):
        net.conv(filters)
        net.depthwise(kernel, stride)
    net.conv(320)
    same_for_all(net)


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_what_only_moves_and_sums(dtype):
    """What takes next to no time for each element goes in even parts."""
    net = Net(dtype, 64, 60, 24, 2)
    net.conv(24, 3)
    net.join()
    net.turn(0, 2, 1, 3)
    net.pool()
    net.pool("AVERAGE_POOL_2D")
    net.join()
    net.join()
    net.turn(0, 3, 1, 2)
    net.conv(48)
    net.softmax()
    same_for_all(net)


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("height, width, channels", [(64, 60, 24), (7, 7, 1152), (129, 65, 5), (14, 14, 96), (300, 1, 64)])
def test_means_over_pixels(dtype, height, width, channels):
    """Sums of blocks of rows, added up in order."""
    net = Net(dtype, height, width, channels, 3)
    net.conv(channels)
    net.mean()
    same_for_all(net)


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("widths", [(2048, 1999, 777), (640, 4100, 1030)])
def test_products_of_one_row(dtype, widths):
    """Panels of weights, the last one not full; what is made of sums is made where they are."""
    net = Net(dtype, 1, 1, 700, 4)
    net.add("RESHAPE", [net.indices(1, 700)], (1, 700))
    for n in widths:
        net.add("FULLY_CONNECTED", [net.weights((n, net.shape[1]), 0)], (1, n), "FullyConnectedOptions", {})
    same_for_all(net)
