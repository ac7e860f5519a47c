# SPDX-License-Identifier: Apache-2.0
"""Generators of TFLite's random ops as state: saved, restored, copied, reset, and where they begin anew."""

import pathlib
import sys

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "oracle"))

import unflow  # noqa: E402
from unflow.lite import Interpreter  # noqa: E402

modelgen = pytest.importorskip("modelgen")


def model(seed=(1, 2), op="RANDOM_UNIFORM"):
    """y = random of x's shape + x."""
    g = modelgen.ModelGen()
    x, s = g.tensor("x", "float32", (4,)), g.tensor("s", "int32", (1,))
    r, y = g.tensor("r", "float32", (4,)), g.tensor("y", "float32", (4,))
    g.op("SHAPE", [x], [s], "ShapeOptions", {"outType": modelgen.type_code("int32")})
    g.op(op, [s], [r], "RandomOptions", {"seed": seed[0], "seed2": seed[1]})
    g.op("ADD", [x, r], [y], "AddOptions")
    g.inputs([x])
    g.outputs([y])
    g.signature("run", {"x": x}, {"y": y})
    return g.build()


def run(m, n=4):
    return m.run(x=np.zeros(n, np.float32))["y"]


def test_a_state_is_where_a_generator_stands():
    m = unflow.open(model())
    first = m.state()
    assert [key for key in first if key.startswith("_random/")]
    a, b = run(m), run(m)
    between = m.state()
    c = run(m)
    assert not np.array_equal(a, b)
    m.load_state(between)
    np.testing.assert_array_equal(run(m), c)
    m.load_state(first)
    np.testing.assert_array_equal(run(m), a)
    other = unflow.open(model())
    other.load_state(between)
    np.testing.assert_array_equal(run(other), c)


def test_reset_and_fork():
    m = unflow.open(model())
    a, b = run(m), run(m)
    m.reset()
    np.testing.assert_array_equal(run(m), a)
    copy = m.fork()
    np.testing.assert_array_equal(run(copy), b)
    np.testing.assert_array_equal(run(m), b)


def test_an_intermediate_is_that_of_its_run():
    for seed in ((1, 2), (0, 0)):
        interpreter = Interpreter(model_content=model(seed))
        interpreter.allocate_tensors()
        for _ in range(2):
            interpreter.set_tensor(0, np.zeros(4, np.float32))
            interpreter.invoke()
            np.testing.assert_array_equal(interpreter.get_tensor(2), interpreter.get_tensor(3))


def invoke(interpreter, n=4):
    interpreter.set_tensor(0, np.zeros(n, np.float32))
    interpreter.invoke()
    return interpreter.get_tensor(3)


def test_a_new_shape_begins_anew():
    interpreter = Interpreter(model_content=model())
    interpreter.allocate_tensors()
    a, b = invoke(interpreter), invoke(interpreter)
    interpreter.allocate_tensors()  # nothing changed: goes on
    c = invoke(interpreter)
    interpreter.resize_tensor_input(0, [2])
    interpreter.allocate_tensors()
    np.testing.assert_array_equal(invoke(interpreter, 2), a[:2])
    interpreter.resize_tensor_input(0, [4])
    interpreter.allocate_tensors()
    np.testing.assert_array_equal(invoke(interpreter), a)
    interpreter.reset_all_variables()  # goes on, too
    np.testing.assert_array_equal(invoke(interpreter), b)
    np.testing.assert_array_equal(invoke(interpreter), c)


def test_without_seeds_numbers_differ():
    m = unflow.open(model((0, 0)))
    a = run(m)
    m.reset()
    assert not np.array_equal(a, run(m))
    assert not np.array_equal(a, run(unflow.open(model((0, 0)))))
