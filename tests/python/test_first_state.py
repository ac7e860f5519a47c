# SPDX-License-Identifier: Apache-2.0
"""A state tensor that a DEQUANTIZE of a constant makes, as converters to float16 write an LSTM's first state."""

import numpy as np
import pytest
import unflow
from modelgen import ModelGen
from unflow.lite import Interpreter

F = np.float32


def stateful(constant, state="float32", shape=(2,), scale=None, zero=None, twice=False):
    """y = x + s, where s is the state that DEQUANTIZE(constant) begins with."""
    g = ModelGen()
    x = g.tensor("x", "float32", (2,))
    c = g.constant("c", *constant, scale=scale, zero=zero)
    s = g.tensor("s", state, shape, variable=True)
    y = g.tensor("y", "float32", (2,))
    for _ in range(1 + twice):
        g.op("DEQUANTIZE", [c], [s], "DequantizeOptions")
    g.op("ADD", [x, s], [y], "AddOptions")
    g.inputs([x])
    g.outputs([y])
    return g.build()


HALVES = ("float16", np.array([1.5, -2], np.float16))


@pytest.mark.parametrize("constant,scale,zero,first", [
    (HALVES, None, None, [1.5, -2]), (("int8", np.array([3, -4], np.int8)), 0.5, 1, [1, -2.5]),
    (("int4", np.array([7, -8], np.int8)), [0.5, 2.0], [0, 0], [3.5, -16])])
def test_begins_with_the_constant(constant, scale, zero, first):
    i = Interpreter(model_content=stateful(constant, scale=scale, zero=zero))
    i.allocate_tensors()
    assert i.get_tensor(2).tolist() == first
    i.set_tensor(0, F([10, 20]))
    i.invoke()
    assert i.get_tensor(3).tolist() == [10 + first[0], 20 + first[1]]
    i.tensor(2)()[:] = [5, 6]  # it is made once: what is written stays
    i.invoke()
    assert i.get_tensor(3).tolist() == [15, 26] and i.get_tensor(2).tolist() == [5, 6]
    i.reset_all_variables()
    assert i.get_tensor(2).tolist() == first
    assert [op["op_name"] for op in i._get_ops_details()] == ["DEQUANTIZE", "ADD"]


def test_native_state():
    m = unflow.open(stateful(HALVES))
    assert m.run(x=F([0, 0]))["y"].tolist() == [1.5, -2]
    (state,) = m.state().values()
    assert np.asarray(state).tolist() == [1.5, -2]


@pytest.mark.parametrize("model", [
    stateful(HALVES, shape=(1, 2)), stateful(HALVES, state="float16"), stateful(HALVES, twice=True)],
    ids=["another shape", "another type", "twice"])
def test_others_are_refused(model):
    i = Interpreter(model_content=model)
    with pytest.raises(RuntimeError, match="expected outputs that are computed, found 's', which is a state tensor"):
        i.allocate_tensors()
        i.invoke()
