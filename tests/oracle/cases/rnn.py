# SPDX-License-Identifier: Apache-2.0
"""RNN, UNIDIRECTIONAL_SEQUENCE_RNN, BIDIRECTIONAL_SEQUENCE_RNN and BIDIRECTIONAL_SEQUENCE_LSTM: float and hybrid, all
layouts, activations and auxiliary inputs. UNIDIRECTIONAL_SEQUENCE_GRU is not in the oracle: tests/python compares it
with its formula.
"""

import itertools

import numpy as np
from case import Case, Close
from modelgen import ModelGen

DIFFERS = {
    "BIDIRECTIONAL_SEQUENCE_RNN": "LiteRT runs a hybrid, time-major sequence as often as it has steps, crashes when such "
        "outputs are merged, leaves out an auxiliary input without weights when batch-major, and steps through a "
        "time-major or hybrid one by the size of the input. unflow runs each sequence once and reads the auxiliary input "
        "at its own size.",
    "BIDIRECTIONAL_SEQUENCE_LSTM": "LiteRT finds the states of all but the first row at wrong places when the outputs of "
        "a batch-major sequence are merged, and refuses directions of different sizes; TensorFlow 2.21 also steps through "
        "the auxiliary input by the size of the input. unflow runs these. With fused activation NONE, see LSTM.",
}

ACTS = {"none": 0, "relu": 1, "relu_n1": 2, "relu6": 3, "tanh": 4, "sign_bit": 5}
HYBRID = Close(1e-4, 2e-5)  # a value on the edge of two codes falls to either side
FLOAT = Close(1e-5, 2e-6)


def weights(g, rng, name, shape, dtype, spread=0.5):
    """Constants; int8 and uint8 ones with a scale (uint8 codes are read as int8 ones)."""
    values = rng.uniform(-spread, spread, shape).astype(np.float32)
    if dtype == "float32":
        return g.constant(name, dtype, values)
    scale = float(np.abs(values).max(initial=1e-3)) / 127
    codes = np.rint(values / scale).astype(np.int8)
    return g.tensor(name, dtype, shape, data=codes.view(dtype), scale=scale, zero=0)


def step_model(rng, dtype="float32", act="tanh", batch=2, n_input=5, units=7, asymmetric=False):
    g = ModelGen()
    x = g.tensor("x", "float32", (batch, n_input))
    ins = [x, weights(g, rng, "w", (units, n_input), dtype), weights(g, rng, "r", (units, units), dtype),
           weights(g, rng, "b", (units,), "float32"), g.tensor("h", "float32", (batch, units), variable=True)]
    y = g.tensor("y", "float32", (batch, units))
    g.op("RNN", ins, [y], "RNNOptions", {"fusedActivationFunction": ACTS[act], "asymmetricQuantizeInputs": asymmetric})
    g.inputs([x])
    g.outputs([y])
    return g.build(), [rng.normal(size=(batch, n_input)).astype(np.float32)]


def sequence_shape(time_major, batch, time, n):
    return (time, batch, n) if time_major else (batch, time, n)


def sequence_model(rng, dtype="float32", act="tanh", batch=2, time=3, n_input=5, units=7, time_major=False,
                   asymmetric=False):
    g = ModelGen()
    shape = sequence_shape(time_major, batch, time, n_input)
    x = g.tensor("x", "float32", shape)
    ins = [x, weights(g, rng, "w", (units, n_input), dtype), weights(g, rng, "r", (units, units), dtype),
           weights(g, rng, "b", (units,), "float32"), g.tensor("h", "float32", (batch, units), variable=True)]
    y = g.tensor("y", "float32", (*shape[:2], units))
    g.op("UNIDIRECTIONAL_SEQUENCE_RNN", ins, [y], "SequenceRNNOptions",
         {"timeMajor": time_major, "fusedActivationFunction": ACTS[act], "asymmetricQuantizeInputs": asymmetric})
    g.inputs([x])
    g.outputs([y])
    return g.build(), [rng.normal(size=shape).astype(np.float32)]


def both_model(rng, dtype="float32", act="tanh", batch=2, time=3, n_input=5, units=(4, 6), time_major=False,
               asymmetric=False, merge=False, aux=0, aux_weights=True):
    """aux: size of the auxiliary input, 0: none."""
    g = ModelGen()
    shape = sequence_shape(time_major, batch, time, n_input)
    x = g.tensor("x", "float32", shape)
    ins, feeds = [x], [rng.normal(size=shape).astype(np.float32)]
    for i, n in enumerate(units):
        ins += [weights(g, rng, f"w{i}", (n, n_input), dtype), weights(g, rng, f"r{i}", (n, n), dtype),
                weights(g, rng, f"b{i}", (n,), "float32"), g.tensor(f"h{i}", "float32", (batch, n), variable=True)]
    extra = [-1, -1, -1]
    if aux:
        extra[0] = g.tensor("aux", "float32", (*shape[:2], aux))
        feeds.append(rng.normal(size=(*shape[:2], aux)).astype(np.float32))
        if aux_weights:
            extra[1:] = [weights(g, rng, f"a{i}", (n, aux), dtype) for i, n in enumerate(units)]
    sizes = [sum(units)] if merge else units
    outs = [g.tensor(f"y{i}", "float32", (*shape[:2], n)) for i, n in enumerate(sizes)]
    g.op("BIDIRECTIONAL_SEQUENCE_RNN", ins + extra, outs, "BidirectionalSequenceRNNOptions",
         {"timeMajor": time_major, "fusedActivationFunction": ACTS[act], "mergeOutputs": merge,
          "asymmetricQuantizeInputs": asymmetric})
    g.inputs([x] + extra[:1] * bool(aux))
    g.outputs(outs)
    return g.build(), feeds


def lstm_direction(g, rng, prefix, dtype, n_input, n_cell, projection, cifg, peephole, bias=True):
    """The 17 inputs of one direction."""
    n_out = projection or n_cell
    none = {"i"} if cifg else set()
    ins = [weights(g, rng, f"{prefix}w_{k}", (n_cell, n_input), dtype) if k not in none else -1 for k in "ifco"]
    ins += [weights(g, rng, f"{prefix}r_{k}", (n_cell, n_out), dtype) if k not in none else -1 for k in "ifco"]
    ins += [weights(g, rng, f"{prefix}p_{k}", (n_cell,), dtype) if peephole and k not in none else -1 for k in "ifo"]
    ins += [weights(g, rng, f"{prefix}b_{k}", (n_cell,), "float32") if k not in none else -1 for k in "ifco"]
    ins.append(weights(g, rng, f"{prefix}proj", (projection, n_cell), dtype) if projection else -1)
    ins.append(weights(g, rng, f"{prefix}proj_b", (projection,), "float32") if projection and bias else -1)
    return ins


def both_lstm(rng, dtype="float32", act="tanh", batch=2, time=3, n_input=5, cells=(6, 6), projection=0, cifg=False,
              peephole=False, time_major=True, merge=False, aux=0, aux_weights=True, asymmetric=False, cell_clip=0.0,
              proj_clip=0.0, bias=True):
    g = ModelGen()
    shape = sequence_shape(time_major, batch, time, n_input)
    x = g.tensor("x", "float32", shape)
    ins, feeds = [x], [rng.normal(size=shape).astype(np.float32)]
    outs_n = [projection or n for n in cells]
    for i, n in enumerate(cells):
        ins += lstm_direction(g, rng, f"d{i}_", dtype, n_input, n, projection, cifg, peephole, bias)
    for i, n in enumerate(cells):
        ins += [g.tensor(f"h{i}", "float32", (batch, outs_n[i]), variable=True),
                g.tensor(f"c{i}", "float32", (batch, n), variable=True)]
    extra = [-1] * 9
    if aux:
        extra[0] = g.tensor("aux", "float32", (*shape[:2], aux))
        feeds.append(rng.normal(size=(*shape[:2], aux)).astype(np.float32))
        if aux_weights:
            extra[1:] = [weights(g, rng, f"a{i}_{k}", (n, aux), dtype) if k != "i" or not cifg else -1
                         for i, n in enumerate(cells) for k in "ifco"]
    sizes = [sum(outs_n)] if merge else outs_n
    outs = [g.tensor(f"y{i}", "float32", (*shape[:2], n)) for i, n in enumerate(sizes)]
    g.op("BIDIRECTIONAL_SEQUENCE_LSTM", ins + extra, outs, "BidirectionalSequenceLSTMOptions",
         {"fusedActivationFunction": ACTS[act], "cellClip": cell_clip, "projClip": proj_clip, "mergeOutputs": merge,
          "timeMajor": time_major, "asymmetricQuantizeInputs": asymmetric}, version=3)
    g.inputs([x] + extra[:1] * bool(aux))
    g.outputs(outs)
    return g.build(), feeds


def tolerance(dtype):
    return FLOAT if dtype == "float32" else HYBRID


def one_direction(rng):
    for dtype, act in itertools.product(("float32", "int8", "uint8"), ACTS):
        model, feeds = step_model(rng, dtype, act)
        yield Case(f"rnn_{dtype}_{act}", "RNN", model, feeds, steps=3, tol=tolerance(dtype))
        major = act in ("relu", "tanh", "none")
        model, feeds = sequence_model(rng, dtype, act, time_major=major)
        yield Case(f"sequence_{dtype}_{act}", "UNIDIRECTIONAL_SEQUENCE_RNN", model, feeds, steps=2, tol=tolerance(dtype))
    for dtype, (batch, n_input, units) in itertools.product(
            ("float32", "int8"), ((1, 1, 1), (3, 17, 9), (1, 33, 16), (5, 8, 31))):
        name = f"{dtype}_{batch}_{n_input}_{units}"
        model, feeds = step_model(rng, dtype, "tanh", batch, n_input, units)
        yield Case(f"rnn_{name}", "RNN", model, feeds, steps=2, tol=tolerance(dtype))
        for major in (False, True):
            model, feeds = sequence_model(rng, dtype, "tanh", batch, 4, n_input, units, major)
            yield Case(f"sequence_{name}_{major}", "UNIDIRECTIONAL_SEQUENCE_RNN", model, feeds, steps=2, tol=tolerance(dtype))
    for dtype in ("int8", "uint8"):
        model, feeds = step_model(rng, dtype, asymmetric=True)
        yield Case(f"rnn_{dtype}_asymmetric", "RNN", model, feeds, steps=3, tol=HYBRID)
        for major in (False, True):
            model, feeds = sequence_model(rng, dtype, asymmetric=True, time_major=major)
            yield Case(f"sequence_{dtype}_asymmetric_{major}", "UNIDIRECTIONAL_SEQUENCE_RNN", model, feeds, steps=3, tol=HYBRID)
    model, feeds = step_model(rng, "int8")
    yield Case("rnn_zeros", "RNN", model, [np.zeros_like(feeds[0])], steps=2, tol=HYBRID)
    for time in (0, 1, 8):
        model, feeds = sequence_model(rng, time=time)
        yield Case(f"sequence_time_{time}", "UNIDIRECTIONAL_SEQUENCE_RNN", model, feeds, steps=2, tol=FLOAT)


def two_directions(rng):
    op = "BIDIRECTIONAL_SEQUENCE_RNN"
    for act, major, merge in itertools.product(("relu", "tanh", "sign_bit"), (False, True), (False, True)):
        model, feeds = both_model(rng, act=act, time_major=major, merge=merge)
        yield Case(f"both_{act}_{major}_{merge}", op, model, feeds, steps=2, tol=FLOAT)
    for major, merge in itertools.product((False, True), (False, True)):
        model, feeds = both_model(rng, time_major=major, merge=merge, aux=5)  # as large as the input: see DIFFERS
        yield Case(f"both_aux_{major}_{merge}", op, model, feeds, steps=2, tol=FLOAT)
    model, feeds = both_model(rng, aux=3)
    yield Case("both_aux_small", op, model, feeds, steps=2, tol=FLOAT)
    for merge in (False, True):
        model, feeds = both_model(rng, time_major=True, merge=merge, aux=5, aux_weights=False)
        yield Case(f"both_stacked_{merge}", op, model, feeds, steps=2, tol=FLOAT)
    for dtype, merge, asymmetric in itertools.product(("int8", "uint8"), (False, True), (False, True)):
        model, feeds = both_model(rng, dtype, merge=merge, asymmetric=asymmetric)
        yield Case(f"both_{dtype}_{merge}_{asymmetric}", op, model, feeds, steps=2, tol=HYBRID)
        model, feeds = both_model(rng, dtype, merge=merge, asymmetric=asymmetric, aux=5)
        yield Case(f"both_{dtype}_aux_{merge}_{asymmetric}", op, model, feeds, steps=2, tol=HYBRID)
    for dtype, major in itertools.product(("float32", "int8"), (False, True)):
        model, feeds = both_model(rng, dtype, time=1, time_major=major, batch=3, units=(17, 9), n_input=33)
        yield Case(f"both_{dtype}_one_step_{major}", op, model, feeds, steps=3, tol=tolerance(dtype))
    model, feeds = both_model(rng, time=7, batch=1, units=(1, 1), n_input=1)
    yield Case("both_ones", op, model, feeds, steps=2, tol=FLOAT)


def two_lstms(rng):
    op = "BIDIRECTIONAL_SEQUENCE_LSTM"
    for dtype, cifg, peephole, projection in itertools.product(("float32", "int8"), (False, True), (False, True), (0, 3)):
        model, feeds = both_lstm(rng, dtype, cifg=cifg, peephole=peephole, projection=projection)
        yield Case(f"lstm_{dtype}_{cifg}_{peephole}_{projection}", op, model, feeds, steps=2, tol=tolerance(dtype))
    for dtype, major, merge, aux in itertools.product(("float32", "int8"), (False, True), (False, True), (0, 5)):
        batch = 1 if merge and not major else 2  # see DIFFERS
        model, feeds = both_lstm(rng, dtype, time_major=major, merge=merge, aux=aux, batch=batch)
        yield Case(f"lstm_layout_{dtype}_{major}_{merge}_{aux}", op, model, feeds, steps=2, tol=tolerance(dtype))
        model, feeds = both_lstm(rng, dtype, time_major=major, merge=merge, aux=5, aux_weights=False, batch=batch, cifg=bool(aux))
        yield Case(f"lstm_layout_{dtype}_{major}_{merge}_{aux}_stacked", op, model, feeds, steps=2, tol=tolerance(dtype))
    for act in [act for act in ACTS if act != "none"]:  # see DIFFERS
        model, feeds = both_lstm(rng, act=act, time_major=False)
        yield Case(f"lstm_act_{act}", op, model, feeds, steps=2, tol=FLOAT)
    for dtype in ("float32", "int8", "uint8"):
        model, feeds = both_lstm(rng, dtype, projection=4, cell_clip=0.2, proj_clip=0.1, aux=5, cifg=True)
        yield Case(f"lstm_{dtype}_clips", op, model, feeds, steps=2, tol=tolerance(dtype))
    for aux in (0, 5):
        model, feeds = both_lstm(rng, "int8", asymmetric=True, aux=aux, projection=3, bias=False)
        yield Case(f"lstm_asymmetric_{aux}", op, model, feeds, steps=2, tol=HYBRID)
    model, feeds = both_lstm(rng, batch=3, time=5, n_input=17, cells=(33, 33))
    yield Case("lstm_odd", op, model, feeds, steps=2, tol=FLOAT)


def gru(rng):
    """The oracle refuses these: they must not crash here."""
    for time, batch, n_input, n in ((1, 1, 1, 1), (3, 2, 5, 4), (2, 1, 17, 9), (0, 2, 3, 4)):
        g = ModelGen()
        x, h = g.tensor("x", "float32", (time, batch, n_input)), g.tensor("h", "float32", (batch, n))
        ins = [x, h, weights(g, rng, "g", (2 * n, n_input + n), "float32"), weights(g, rng, "gb", (2 * n,), "float32"),
               weights(g, rng, "c", (n, n_input + n), "float32"), weights(g, rng, "cb", (n,), "float32")]
        outs = [g.tensor("y", "float32", (time, batch, n)), g.tensor("last", "float32", (batch, n))]
        g.op("CUSTOM", ins, outs, custom="UNIDIRECTIONAL_SEQUENCE_GRU")
        g.inputs([x, h])
        g.outputs(outs)
        yield Case(f"gru_{time}_{batch}_{n_input}_{n}", "UNIDIRECTIONAL_SEQUENCE_GRU", g.build(),
                   [rng.normal(size=(time, batch, n_input)).astype(np.float32), rng.normal(size=(batch, n)).astype(np.float32)])


def cases(rng):
    yield from one_direction(rng)
    yield from two_directions(rng)
    yield from two_lstms(rng)
    yield from gru(rng)
