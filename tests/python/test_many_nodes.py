# SPDX-License-Identifier: Apache-2.0
"""Models of very many nodes and graphs: they open, allocate and run in time that grows as their number."""

import time

import numpy as np
import pytest

import unflow
import unflow.lite

modelgen = pytest.importorskip("modelgen")

N = 20_000
SECONDS = 20  # of each model; they take less than one


def chain(n, skip):
    """t[i] = t[i - 1] + t[i - skip], so that as many values are alive at once; t[i] = -t[i - 1] before that."""
    g = modelgen.ModelGen()
    tensors = [g.tensor("x", "float32", (8,))]
    for i in range(n):
        y = g.tensor(f"t{i}", "float32", (8,))
        if i >= skip and i % 3:
            g.op("SUB", [tensors[-1], tensors[-skip]], [y], "SubOptions")
        else:
            g.op("NEG", [tensors[-1]], [y])
        tensors.append(y)
    g.inputs(tensors[:1])
    g.outputs(tensors[-1:])
    g.signature("serving_default", {"x": tensors[0]}, {"y": tensors[-1]})
    return g.build()


def values(n, skip, x):
    out = [x]
    for i in range(n):
        with np.errstate(all="ignore"):
            out.append(out[-1] - out[-skip] if i >= skip and i % 3 else -out[-1])
    return out[1:]


def fan(n):
    """The sum of n values that are all alive at the end."""
    g = modelgen.ModelGen()
    x, outs = g.tensor("x", "float32", (8,)), []
    for i in range(n):
        outs.append(g.tensor(f"t{i}", "float32", (8,)))
        g.op("NEG" if i % 2 else "ABS", [x], [outs[-1]])
    y = g.tensor("y", "float32", (8,))
    g.op("ADD_N", outs, [y], "AddNOptions")
    g.inputs([x])
    g.outputs([y])
    return g.build()


def calls(n, depth):
    """n calls of one graph, one after the other, which calls another one, and so on; the innermost adds 1."""
    options = {"name": "test.call", "compositeAttributes": [0]}
    g = modelgen.ModelGen()
    x = g.tensor("x", "float32", (3,))
    last = x
    for i in range(n):
        y = g.tensor(f"t{i}", "float32", (3,))
        g.op("STABLEHLO_COMPOSITE", [last], [y], "StableHLOCompositeOptions", dict(options, decompositionSubgraphIndex=1))
        last = y
    g.inputs([x])
    g.outputs([last])
    for d in range(1, depth + 1):
        g.new_graph(f"level_{d}")
        a, b = g.tensor("a", "float32", (3,)), g.tensor("b", "float32", (3,))
        if d < depth:
            g.op("STABLEHLO_COMPOSITE", [a], [b], "StableHLOCompositeOptions", dict(options, decompositionSubgraphIndex=d + 1))
        else:
            g.op("ADD", [a, g.tensor("one", "float32", (), data=np.float32(1))], [b], "AddOptions")
        g.inputs([a])
        g.outputs([b])
    return g.build()


def graphs(n):
    """n graphs, each called once."""
    g = modelgen.ModelGen()
    x = g.tensor("x", "float32", (3,))
    last = x
    for i in range(n):
        y = g.tensor(f"t{i}", "float32", (3,))
        g.op("STABLEHLO_COMPOSITE", [last], [y], "StableHLOCompositeOptions",
             {"name": "test.call", "compositeAttributes": [0], "decompositionSubgraphIndex": 1 + i})
        last = y
    g.inputs([x])
    g.outputs([last])
    for i in range(n):
        g.new_graph(f"graph_{i}")
        a, b = g.tensor("a", "float32", (3,)), g.tensor("b", "float32", (3,))
        g.op("ADD", [a, a] if i % 100 == 0 else [a, g.tensor("one", "float32", (), data=np.float32(1))], [b], "AddOptions")
        g.inputs([a])
        g.outputs([b])
    return g.build()


def run(model, x):
    """The output; everything within SECONDS."""
    start = time.monotonic()
    interpreter = unflow.lite.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    y = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).copy()
    interpreter.get_tensor_details()
    assert time.monotonic() - start < SECONDS
    return y, interpreter


@pytest.mark.parametrize("skip", [1, 70])
def test_a_chain_and_what_is_between(skip):
    x = np.linspace(-1, 1, 8).astype(np.float32)
    model, want = chain(N, skip), values(N, skip, x)
    y, interpreter = run(model, x)
    np.testing.assert_array_equal(y, want[-1])
    start = time.monotonic()
    for i in range(0, N, 7):  # values whose memory was used again
        np.testing.assert_array_equal(interpreter.get_tensor(i + 1), want[i])
    opened = unflow.open(model)
    np.testing.assert_array_equal(opened.run(x=x)["y"], want[-1])
    assert [opened.tensors[f"t{i}"].name for i in range(N)] == [f"t{i}" for i in range(N)]
    assert time.monotonic() - start < SECONDS


def test_values_that_are_all_alive():
    x = np.array([1, -2, 3, 0, -0.5, 2, 4, -8], np.float32)
    y, _ = run(fan(N), x)
    np.testing.assert_array_equal(y, N // 2 * (np.abs(x) - x))


def test_many_calls_of_nested_graphs():
    x = np.array([1, 2, 3], np.float32)
    y, _ = run(calls(2_000, 64), x)
    np.testing.assert_array_equal(y, x + 2_000)


def test_many_graphs():
    x, n = np.array([1, 2, 3], np.float32), 2_000
    y, _ = run(graphs(n), x)
    for i in range(n):
        x = x + x if i % 100 == 0 else x + np.float32(1)
    np.testing.assert_array_equal(y, x)
