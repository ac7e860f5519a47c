# SPDX-License-Identifier: Apache-2.0
"""Recurrent ops and control flow against their formulas, where the reference kernels are no measure: what they do not
run, and what the case files' DIFFERS says of them."""

import importlib.util
import pathlib
import sys

import numpy as np
import pytest

from unflow.lite import Interpreter

ORACLE = pathlib.Path(__file__).resolve().parents[1] / "oracle"
sys.path.insert(0, str(ORACLE))
modelgen = pytest.importorskip("modelgen")


def case_file(name):
    spec = importlib.util.spec_from_file_location(f"formulas_{name}", ORACLE / "cases" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rnn, recurrent, control = case_file("rnn"), case_file("recurrent"), case_file("control")


def constants(model):
    """{tensor: real values} of the constants."""
    names = {code: dtype for code, dtype in modelgen.DTYPES.values()}
    graph = modelgen.schema.ModelT.InitFromPackedBuf(model, 0)
    out = {}
    for t in graph.subgraphs[0].tensors:
        data = graph.buffers[t.buffer].data if t.buffer else None
        if data is None:
            continue
        values = np.frombuffer(bytes(bytearray(data)), names[t.type]).reshape(t.shape)
        if names[t.type] is np.uint8:
            values = values.view(np.int8)  # as the hybrid kernels read it
        scale = t.quantization.scale if t.quantization is not None else None
        out[t.name.decode()] = values.astype(np.float64) * (1 if scale is None or len(scale) == 0 else np.float64(scale[0]))
    return out


def run(model, feeds, steps):
    """[outputs of each step]."""
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    out = []
    for _ in range(steps):
        for detail, value in zip(interpreter.get_input_details(), feeds):
            interpreter.set_tensor(detail["index"], value)
        interpreter.invoke()
        out.append([interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()])
    return out


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def codes(x, quantized):
    """x as the hybrid kernels see it: rounded to 127 steps a row."""
    if not quantized:
        return x
    scale = np.abs(x).max(axis=-1, keepdims=True) / 127
    return np.where(scale == 0, 0, np.rint(x / np.where(scale == 0, 1, scale)) * scale)


def rows_by_time(x, time_major):
    return x if time_major else np.swapaxes(x, 0, 1)


def directions(x, aux, time_major, aux_weights):
    """For forward and backward: (order of steps, input, auxiliary input or None), time first."""
    x = rows_by_time(x, time_major).astype(np.float64)
    a = None if aux is None else rows_by_time(aux, time_major).astype(np.float64)
    steps = range(x.shape[0])
    return [(steps, x, a if aux_weights else None),
            (steps[::-1], x if aux_weights or a is None else a, a if aux_weights else None)]


def joined(outs, time_major, merge):
    outs = [rows_by_time(y, time_major) for y in outs]
    return [np.concatenate(outs, axis=-1)] if merge else outs


def both_rnn(c, feeds, states, quantized, time_major, merge, aux_weights):
    outs = []
    for d, (steps, x, a) in enumerate(directions(feeds[0], feeds[1] if len(feeds) > 1 else None, time_major, aux_weights)):
        y = np.zeros((*x.shape[:2], len(c[f"b{d}"])))
        for t in steps:
            z = codes(x[t], quantized) @ c[f"w{d}"].T + codes(states[d], quantized) @ c[f"r{d}"].T + c[f"b{d}"]
            if a is not None:
                z += codes(a[t], quantized) @ c[f"a{d}"].T
            y[t] = states[d] = np.tanh(z)
        outs.append(y)
    return joined(outs, time_major, merge)


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("time_major", [True, False])
@pytest.mark.parametrize("merge", [True, False])
@pytest.mark.parametrize("aux, aux_weights", [(0, True), (3, True), (5, False)])
def test_bidirectional_rnn(dtype, time_major, merge, aux, aux_weights):
    rng = np.random.default_rng(7)
    model, feeds = rnn.both_model(rng, dtype, batch=3, time=4, time_major=time_major, merge=merge, aux=aux,
                                  aux_weights=aux_weights)
    states = [np.zeros((3, 4)), np.zeros((3, 6))]
    for got in run(model, feeds, 3):
        want = both_rnn(constants(model), feeds, states, dtype != "float32", time_major, merge, aux_weights)
        for x, y in zip(want, got):
            np.testing.assert_allclose(y, x, rtol=1e-4, atol=2e-5 if dtype == "float32" else 5e-3)


def lstm_step(c, prefix, x, a, h, s, quantized=False, act=np.tanh, d=None):
    """One step of a full LSTM with the constants' names of the case files; (h, cell)."""
    def gate(k, function, cell=None):
        z = codes(x, quantized) @ c[f"{prefix}w_{k}"].T + codes(h, quantized) @ c[f"{prefix}r_{k}"].T
        if a is not None:
            z = z + codes(a, quantized) @ c[f"a{d}_{k}"].T
        if f"{prefix}p_{k}" in c and cell is not None:
            z = z + c[f"{prefix}p_{k}"] * cell
        return function(z + c[f"{prefix}b_{k}"])
    forget = gate("f", sigmoid, s)
    put = gate("i", sigmoid, s) if f"{prefix}w_i" in c else 1 - forget
    s = forget * s + put * gate("c", act)
    h = gate("o", sigmoid, s) * act(s)
    if f"{prefix}proj" in c:
        h = codes(h, quantized) @ c[f"{prefix}proj"].T + c.get(f"{prefix}proj_b", 0)
    return h, s


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("time_major", [True, False])
@pytest.mark.parametrize("merge", [True, False])
@pytest.mark.parametrize("aux, aux_weights", [(0, True), (3, True), (5, False)])
def test_bidirectional_lstm(dtype, time_major, merge, aux, aux_weights):
    rng = np.random.default_rng(8)
    cells = (6, 3)  # of different sizes, which LiteRT refuses
    model, feeds = rnn.both_lstm(rng, dtype, batch=3, time=4, cells=cells, time_major=time_major, merge=merge, aux=aux,
                                 aux_weights=aux_weights, peephole=True)
    c = constants(model)
    states = [(np.zeros((3, n)), np.zeros((3, n))) for n in cells]
    for got in run(model, feeds, 3):
        outs = []
        for d, (steps, x, a) in enumerate(directions(feeds[0], feeds[1] if aux else None, time_major, aux_weights)):
            y = np.zeros((*x.shape[:2], cells[d]))
            for t in steps:
                states[d] = lstm_step(c, f"d{d}_", x[t], None if a is None else a[t], *states[d], dtype != "float32", d=d)
                y[t] = states[d][0]
            outs.append(y)
        for x, y in zip(joined(outs, time_major, merge), got):
            np.testing.assert_allclose(y, x, rtol=1e-4, atol=2e-5 if dtype == "float32" else 5e-3)


@pytest.mark.parametrize("op", ["LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM"])
def test_lstm_without_activation(op):
    model, feeds = recurrent.lstm(np.random.default_rng(9), op, act=0, peephole=True, projection=4)
    c, state = constants(model), (np.zeros((2, 4)), np.zeros((2, 6)))
    x = feeds[0] if op == "LSTM" else np.swapaxes(feeds[0], 0, 1)
    for got in run(model, feeds, 3):
        ys = []
        for row in [x] if op == "LSTM" else x:
            state = lstm_step(c, "", row.astype(np.float64), None, *state, act=lambda z: z)
            ys.append(state[0])
        want = ys[0] if op == "LSTM" else np.swapaxes(np.array(ys), 0, 1)
        np.testing.assert_allclose(got[0], want, rtol=1e-4, atol=1e-5)


def test_integer_lstm_with_peephole_and_projection():
    """Within three steps of the real numbers that its integers stand for."""
    model, feeds = recurrent.lstm_int8(np.random.default_rng(10), "LSTM", peephole=True, projection=4)
    c, state = constants(model), (np.zeros((2, 4)), np.zeros((2, 6)))
    x = (feeds[0].astype(np.float64) - 3) * 0.02
    for got in run(model, feeds, 4):
        state = lstm_step(c, "", x, None, *state)
        want = np.clip(state[0] * 128 - 2, -128, 127)
        state = (np.clip(state[0], -126 / 128, 129 / 128), state[1])
        assert np.abs(got[0] - want).max() < 3


def test_lstm_8x8_8_output_gate_sees_the_state():
    """The same model with and without recurrent weights of the output gate: only the first step is the same."""
    model, feeds = recurrent.lstm_8x8_8(np.random.default_rng(11), first_step=True)

    def louder(m, times):
        tensor = m.subgraphs[0].tensors[m.subgraphs[0].operators[0].inputs[8]]
        tensor.quantization.scale = np.asarray(tensor.quantization.scale) * np.float32(times)
    quiet, loud = (run(modelgen.edited(model, lambda m, k=k: louder(m, k)), feeds, 3) for k in (1e-3, 30))
    np.testing.assert_array_equal(quiet[0][0], loud[0][0])
    assert np.abs(quiet[2][0].astype(int) - loud[2][0]).max() > 1


def test_gru():
    for case in rnn.gru(np.random.default_rng(12)):
        c = constants(case.model)
        x, h = (a.astype(np.float64) for a in case.inputs)
        ys, n = [], h.shape[1]
        for row in x:
            gates = sigmoid(np.concatenate([row, h], axis=1) @ c["g"].T + c["gb"])
            r, u = gates[:, :n], gates[:, n:]
            h = (1 - u) * np.tanh(np.concatenate([row, r * h], axis=1) @ c["c"].T + c["cb"]) + u * h
            ys.append(h)
        y, last = run(case.model, case.inputs, 1)[0]
        np.testing.assert_allclose(y, np.array(ys).reshape(y.shape), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(last, h, rtol=1e-5, atol=1e-6)


# ---- calls of graphs ----------------------------------------------------------------------------------------------


def test_composite_in_a_composite():
    case = next(c for c in control.composites() if c.name == "composite_nested")
    np.testing.assert_array_equal(run(case.model, case.inputs, 1)[0][0], [[3, 5, -5]])


def test_one_tensor_as_two_outputs_of_a_branch():
    g = control.Graphs()
    c, x = g.ports([control.FLAG, control.VECTOR])
    g.outputs(g.iff(c, [x], [control.VECTOR] * 2, 1, 2))

    def twice(x):
        y = g.add(x, x, shape=(3,))
        return [y, y]
    g.branch([control.VECTOR], twice)
    g.branch([control.VECTOR], lambda x: [x, x])
    x = np.array([1, 2, 3], np.float32)
    for flag, want in ((True, 2 * x), (False, x)):
        for y in run(g.build(), [np.array(flag), x], 2)[1]:
            np.testing.assert_array_equal(y, want)


def test_loop_variables_in_each_others_places():
    g = control.Graphs()
    state = [control.COUNT, control.VECTOR, control.VECTOR]
    g.outputs(g.loop(g.ports(state), state, 1, 2))
    g.branch(state, lambda i, a, b: [g.less(i, 3)])
    g.branch(state, lambda i, a, b: [g.add(i, g.const(np.int32(1)), "int32"), b, a])
    a, b = np.array([1, 2, 3], np.float32), np.array([4, 5, 6], np.float32)
    _, x, y = run(g.build(), [np.array(0, np.int32), a, b], 1)[0]
    np.testing.assert_array_equal(x, b)
    np.testing.assert_array_equal(y, a)


def test_a_graph_planned_for_many_shapes_is_planned_once_for_each():
    """Each level calls the next with two shapes; planning all paths would take 2**22 plans."""
    depth = 22
    g = modelgen.ModelGen()
    for k in range(depth + 1):
        if k:
            g.new_graph(f"level_{k}")
        c, x, y = g.tensor("c", "bool", ()), g.tensor("x", "float32", (2,)), g.tensor("y", "float32", (2,))
        if k == depth:
            g.op("ADD", [x, x], [y], "AddOptions")
        else:
            shaped = []
            for i, shape in enumerate(([2], [1, 2])):
                shaped.append(g.tensor(f"x{i}", "float32", shape))
                g.op("RESHAPE", [x, g.constant(f"s{i}", "int32", np.array(shape, np.int32))], [shaped[i]], "ReshapeOptions")
            results = [g.tensor(f"y{i}", "float32", ()) for i in range(2)]
            for i in range(2):
                g.op("IF", [c, c, shaped[i]], [results[i]], "IfOptions",
                     {"thenSubgraphIndex": depth if i else k + 1, "elseSubgraphIndex": k + 1 if i else depth})
            g.op("RESHAPE", [results[0], g.constant("s", "int32", np.array([2], np.int32))], [y], "ReshapeOptions")
        g.inputs([c, x])
        g.outputs([y])
    x = np.array([1, 2], np.float32)
    np.testing.assert_array_equal(run(g.build(), [np.array(True), x], 1)[0][0], 2 * x)
