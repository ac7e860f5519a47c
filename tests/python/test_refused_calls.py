# SPDX-License-Identifier: Apache-2.0
"""What a session refuses, with its whole message: shapes and values that are given, tensors that are asked for, graphs that
call graphs. What ops refuse is in tests/oracle/refusals."""

import numpy as np
import pytest
import tiny_models
from modelgen import ModelGen

import unflow
from unflow.lite import Interpreter

F = np.float32


def dynamic():
    """y = x + c over (1, ?, 4), c of (1, 3, 4)."""
    g = ModelGen()
    x = g.tensor("x", "float32", (1, 3, 4), shape_signature=(1, -1, 4))
    c = g.constant("c", "float32", np.ones((1, 3, 4), F))
    y = g.tensor("y", "float32", (1, 3, 4))
    g.op("ADD", [x, c], [y], "AddOptions")
    g.inputs([x])
    g.outputs([y])
    return g.build()


def grows():
    """y = x ten times in each dimension."""
    g = ModelGen()
    x = g.tensor("x", "float32", (2, 3))
    y = g.tensor("y", "float32", (20, 30))
    g.op("TILE", [x, g.constant("n", "int32", np.array([10, 10], np.int32))], [y], "TileOptions")
    g.inputs([x])
    g.outputs([y])
    return g.build()


def refused(action, message, kind=ValueError):
    with pytest.raises(kind) as info:
        action()
    assert str(info.value) == f"<memory>: {message}"


def interpreter(model, *shapes, strict=False, allocate=True):
    out = Interpreter(model_content=model)
    for i, shape in enumerate(shapes):
        out.resize_tensor_input(i, shape, strict=strict)
    if allocate:
        out.allocate_tensors()
    return out


def test_shapes_of_inputs():
    refused(lambda: interpreter(dynamic(), (1, 2, 4)),
            "op #0 ADD 'y': expected shapes that broadcast, found 'x' (1, 2, 4) and 'c' (1, 3, 4)")
    refused(lambda: interpreter(dynamic(), (2, 3, 4), strict=True),
            "expected a shape that fits (1, ?, 4) for input 'x' (only dimensions that are ? may change when strict), "
            "found (2, 3, 4)")
    refused(lambda: interpreter(dynamic(), (1, 3), strict=True),
            "expected a shape that fits (1, ?, 4) for input 'x' (only dimensions that are ? may change when strict), "
            "found (1, 3)")
    for bad, text in (((1, -1, 4), "(1, ?, 4)"), ((1, 1 << 40, 1 << 40), "(1, 1099511627776, 1099511627776)")):
        refused(lambda bad=bad: interpreter(dynamic(), bad),
                f"expected a shape of at most 8 dimensions that fits in memory for 'x', found {text}")
    with pytest.raises(ValueError, match="^expected at most 8 dimensions, found 9$"):
        interpreter(dynamic(), (1,) * 9)
    for index, name in ((1, "c"), (2, "y")):
        refused(lambda index=index: interpreter(dynamic(), allocate=False).resize_tensor_input(index, (1, 3, 4)),
                f"expected an input of the graph to resize, found '{name}'")
    assert interpreter(dynamic(), (1, 3, 4), strict=True).get_input_details()[0]["shape"].tolist() == [1, 3, 4]


def test_values_of_inputs():
    ready = interpreter(dynamic())
    refused(lambda: ready.set_tensor(0, np.ones((1, 2, 4), F)),
            "expected shape (1, 3, 4) for tensor 'x', found (1, 2, 4); resize the input first")
    refused(lambda: ready.set_tensor(0, np.ones((1, 3, 4))), "expected float32 for tensor 'x', found float64")
    refused(lambda: ready.set_tensor(2, np.ones((1, 3, 4), F)),
            "expected an input, a state tensor or a variable to set, found the computed tensor 'y'")
    refused(lambda: ready.set_tensor(1, np.ones((1, 3, 4), F)),
            "expected an input, a state tensor or a variable to set, found the constant 'c'")
    refused(lambda: ready.set_tensor(9, np.ones((1, 3, 4), F)), "expected a tensor index from 0 to 2, found 9")


def test_values_too_early():
    m = unflow.open(dynamic())
    refused(lambda: m.tensors["y"].numpy(),
            "expected a run before reading tensor 'y', found none; run the graph first", RuntimeError)
    ready = interpreter(dynamic())
    with pytest.warns(RuntimeWarning, match="tensor 2 'y' is read before the first invoke"):
        assert not ready.get_tensor(2).any()
    fresh = interpreter(dynamic(), allocate=False)
    refused(fresh.invoke, "expected allocated tensors before invoke, found none; call allocate_tensors() first",
            RuntimeError)


def test_tables_and_variables():
    m = unflow.open(tiny_models.variables())
    with pytest.raises(KeyError) as info:
        m.variables["nothing"]
    assert "expected a variable (there are: 'w', 'b'), found 'nothing'" in str(info.value)
    refused(lambda: m.variables["b"].numpy(),
            "Error while reading resource variable b from Container: localhost. This could mean that the variable was "
            "uninitialized: expected variable 'b' to have a value, found it never assigned; run what initialises it, or "
            "assign it",
            RuntimeError)


def nested(depth):
    """IF in IF in IF ...: graph k calls graph k + 1 in both branches; the last adds x + x."""
    g = ModelGen()
    for k in range(depth):
        if k:
            g.new_graph(f"g{k}")
        c = g.tensor("c", "bool", ())
        x = g.tensor("x", "float32", (2,))
        y = g.tensor("y", "float32", (2,))
        if k + 1 < depth:
            g.op("IF", [c, c, x], [y], "IfOptions", {"thenSubgraphIndex": k + 1, "elseSubgraphIndex": k + 1})
        else:
            g.op("ADD", [x, x], [y], "AddOptions")
        g.inputs([c, x])
        g.outputs([y])
    return g.build()


def test_deep_calls():
    m = unflow.open(nested(65))
    assert m.run(np.array(True), np.array([1, 2], F))["y"].tolist() == [2, 4]
    refused(lambda: unflow.open(nested(200)).run(np.array(True), np.array([1, 2], F)),
            "graph 'main': op #0 IF 'y': expected calls of subgraphs at most 64 deep, found a call of subgraph #1, which "
            "goes 199 deep", RuntimeError)


def test_limits():
    with pytest.raises(unflow.errors.InvalidArgumentError, match="that fits in memory for 'x'"):
        unflow.open(dynamic(), max_bytes=1 << 16).run(np.ones((1 << 15, 3, 4), F))
    with pytest.raises(unflow.errors.ResourceExhaustedError, match="at most 256 bytes"):
        unflow.open(grows(), max_bytes=256).run(np.ones((2, 3), F))
    assert unflow.open(grows()).run(np.ones((2, 3), F))["y"].shape == (20, 30)
    assert unflow.open(dynamic(), max_bytes=1 << 16).run(np.ones((1, 3, 4), F))["y"].sum() == 24
    with pytest.raises(unflow.errors.ResourceExhaustedError, match="steps"):
        unflow.open(nested(12), max_steps=5).run(np.array(True), np.array([1, 2], F))
    with pytest.raises(unflow.errors.ResourceExhaustedError, match="steps"):
        limited = Interpreter(model_content=nested(12), max_steps=5)
        limited.allocate_tensors()
        limited.invoke()
    with pytest.raises(ValueError, match="expected max_bytes and max_steps of 0"):
        unflow.open(dynamic(), max_bytes=-1)
    with pytest.raises(ValueError, match="expected max_steps for a .tflite model"):
        unflow.open(np.ones(3), max_steps=1)
