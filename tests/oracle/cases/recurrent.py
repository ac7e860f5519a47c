# SPDX-License-Identifier: Apache-2.0
"""LSTM, UNIDIRECTIONAL_SEQUENCE_LSTM and SVDF: float, hybrid and integer, with each of their optional parts.

Their state is in is_variable tensors, so every case runs several steps.
"""

import itertools

import numpy as np
from case import Case, Close, Step
from modelgen import ModelGen

TANH = 4
N_BATCH, N_INPUT, N_CELL = 2, 5, 6


def weights(g, rng, name, shape, dtype):
    values = rng.uniform(-0.5, 0.5, shape).astype(np.float32)
    if dtype == "float32":
        return g.constant(name, dtype, values)
    scale = float(np.abs(values).max()) / 127
    return g.tensor(name, "int8", shape, data=np.rint(values / scale), scale=scale, zero=0)


def lstm(rng, op, dtype="float32", cifg=False, peephole=False, projection=0, norm=False, time=3, time_major=False,
         cell_clip=0.0, proj_clip=0.0, asymmetric=False):
    """dtype: of the weights; the rest is float32 (int8: hybrid)."""
    g = ModelGen()
    n_out = projection or N_CELL
    sequence = op == "UNIDIRECTIONAL_SEQUENCE_LSTM"
    shape = (N_BATCH, N_INPUT)
    if sequence:
        shape = (time, N_BATCH, N_INPUT) if time_major else (N_BATCH, time, N_INPUT)
    x = g.tensor("x", "float32", shape)
    none = {"i"} if cifg else set()
    per_gate = [weights(g, rng, f"w_{k}", (N_CELL, N_INPUT), dtype) if k not in none else -1 for k in "ifco"]
    per_gate += [weights(g, rng, f"r_{k}", (N_CELL, n_out), dtype) if k not in none else -1 for k in "ifco"]
    peep = [weights(g, rng, f"p_{k}", (N_CELL,), dtype) if peephole and k not in none else -1 for k in "ifo"]
    bias = [weights(g, rng, f"b_{k}", (N_CELL,), "float32") if k not in none else -1 for k in "ifco"]
    project = [weights(g, rng, "proj", (projection, N_CELL), dtype) if projection else -1,
               weights(g, rng, "proj_b", (projection,), "float32") if projection else -1]
    state = [g.tensor("h", "float32", (N_BATCH, n_out), variable=True),
             g.tensor("c", "float32", (N_BATCH, N_CELL), variable=True)]
    norms = [weights(g, rng, f"n_{k}", (N_CELL,), "float32") if k not in none else -1 for k in "ifco"] if norm else []
    y = g.tensor("y", "float32", (*shape[:-1], n_out))
    options = {"fusedActivationFunction": TANH, "cellClip": cell_clip, "projClip": proj_clip,
               "asymmetricQuantizeInputs": asymmetric}
    if sequence:
        options["timeMajor"] = time_major
    g.op(op, [x, *per_gate, *peep, *bias, *project, *state, *norms], [y],
         "UnidirectionalSequenceLSTMOptions" if sequence else "LSTMOptions", options, version=3 if dtype == "int8" else 1)
    g.inputs([x])
    g.outputs([y])
    return g.build(), [rng.normal(size=shape).astype(np.float32)]


def lstm_int8(rng, op, cifg=False, projection=0, time=3):
    """Integer LSTM: int8 in, out and weights, int16 cell, int32 bias."""
    g = ModelGen()
    n_out = projection or N_CELL
    sequence = op == "UNIDIRECTIONAL_SEQUENCE_LSTM"
    shape = (N_BATCH, time, N_INPUT) if sequence else (N_BATCH, N_INPUT)
    x = g.tensor("x", "int8", shape, scale=0.02, zero=3)
    none = {"i"} if cifg else set()
    kernel = [weights(g, rng, f"w_{k}", (N_CELL, N_INPUT), "int8") if k not in none else -1 for k in "ifco"]
    kernel += [weights(g, rng, f"r_{k}", (N_CELL, n_out), "int8") if k not in none else -1 for k in "ifco"]
    bias = [g.tensor(f"b_{k}", "int32", (N_CELL,), data=rng.integers(-2000, 2000, N_CELL), scale=0.02 * 0.5 / 127, zero=0)
            if k not in none else -1 for k in "ifco"]
    project = [-1, -1]
    if projection:
        project = [weights(g, rng, "proj", (projection, N_CELL), "int8"),
                   g.tensor("proj_b", "int32", (projection,), data=rng.integers(-900, 900, projection), scale=3e-5, zero=0)]
    state = [g.tensor("h", "int8", (N_BATCH, n_out), variable=True, scale=1 / 128, zero=-2),
             g.tensor("c", "int16", (N_BATCH, N_CELL), variable=True, scale=2.0 ** -11, zero=0)]
    between = [g.tensor(f"t_{i}", "int16", (1,), scale=2.0 ** -12, zero=0) for i in range(4)]
    between.append(g.tensor("hidden", "int8", (1,), scale=1 / 127, zero=-1 if projection else -2))
    y = g.tensor("y", "int8", (*shape[:-1], n_out), scale=1 / 128, zero=-2)
    g.op(op, [x, *kernel, -1, -1, -1, *bias, *project, *state], [y],
         "UnidirectionalSequenceLSTMOptions" if sequence else "LSTMOptions", {"fusedActivationFunction": TANH},
         version=3, intermediates=between)
    g.inputs([x])
    g.outputs([y])
    return g.build(), [rng.integers(-128, 128, shape).astype(np.int8)]


def basic_lstm(rng, dtype="float32"):
    """The older kernel: one weight matrix for all gates, four outputs."""
    g = ModelGen()
    quant = {} if dtype == "float32" else {"scale": 1 / 128, "zero": 128}
    x = g.tensor("x", dtype, (N_BATCH, 8), **quant)
    h = g.tensor("h", dtype, (N_BATCH, 8), variable=True, **quant)
    if dtype == "float32":
        w = weights(g, rng, "w", (32, 16), "float32")
        b = weights(g, rng, "b", (32,), "float32")
        c = g.tensor("c", "float32", (N_BATCH, 8), variable=True)
        outs = [g.tensor(n, "float32", s) for n, s in
                (("out", (N_BATCH, 8)), ("state", (N_BATCH, 8)), ("gates", (N_BATCH, 16)), ("temp", (N_BATCH, 32)))]
        value = rng.normal(size=(N_BATCH, 8)).astype(np.float32)
    else:
        w = g.tensor("w", "uint8", (32, 16), data=rng.integers(0, 256, (32, 16)), scale=0.008, zero=120)
        b = g.tensor("b", "int32", (32,), data=rng.integers(-9000, 9000, 32), scale=0.008 / 128, zero=0)
        c = g.tensor("c", "int16", (N_BATCH, 8), variable=True, scale=1 / 2048, zero=0)
        outs = [g.tensor("out", "uint8", (N_BATCH, 8), **quant),
                g.tensor("state", "int16", (N_BATCH, 8), scale=1 / 2048, zero=0),
                g.tensor("gates", "uint8", (N_BATCH, 16), **quant),
                g.tensor("temp", "int16", (N_BATCH, 32), scale=1 / 4096, zero=0)]
        value = rng.integers(0, 256, (N_BATCH, 8)).astype(np.uint8)
    g.op("LSTM", [x, h, w, b, c], outs, "LSTMOptions", {"fusedActivationFunction": TANH, "kernelType": 1}, version=2)
    g.inputs([x])
    g.outputs(outs[:1])
    return g.build(), [value]


def svdf(rng, dtype="float32", rank=1, bias=True, act=0, batch=2):
    """dtype float32, hybrid (int8 weights) or int8."""
    g = ModelGen()
    n_units, memory, n_filters = 4, 5, 4 * rank
    integer = dtype == "int8"
    x = g.tensor("x", "int8" if integer else "float32", (batch, 3), scale=0.03 if integer else None, zero=2 if integer else None)
    feature = weights(g, rng, "feature", (n_filters, 3), "float32" if dtype == "float32" else "int8")
    if integer:
        times = g.tensor("times", "int16", (n_filters, memory), data=rng.integers(-9000, 9000, (n_filters, memory)),
                         scale=1e-4, zero=0)
        b = g.tensor("b", "int32", (n_units,), data=rng.integers(-20000, 20000, n_units), scale=1e-7, zero=0)
        state = g.tensor("state", "int16", (batch, memory * n_filters), variable=True, scale=1e-3, zero=0)
        y = g.tensor("y", "int8", (batch, n_units), scale=0.02, zero=-4)
    else:
        times = weights(g, rng, "times", (n_filters, memory), "float32" if dtype == "float32" else "int8")
        b = weights(g, rng, "b", (n_units,), "float32") if bias else -1
        state = g.tensor("state", "float32", (batch, memory * n_filters), variable=True)
        y = g.tensor("y", "float32", (batch, n_units))
    g.op("SVDF", [x, feature, times, b, state], [y], "SVDFOptions", {"rank": rank, "fusedActivationFunction": act},
         version=3 if integer else 2)
    g.inputs([x])
    g.outputs([y])
    value = rng.integers(-128, 128, (batch, 3)).astype(np.int8) if integer else rng.normal(size=(batch, 3)).astype(np.float32)
    return g.build(), [value]


def cases(rng):
    for op in ("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM"):
        for dtype, cifg, peephole, projection, norm in itertools.product(
                ("float32", "int8"), (False, True), (False, True), (0, 4), (False, True)):
            parts = [p for p, there in (("cifg", cifg), ("peep", peephole), ("proj", projection), ("norm", norm)) if there]
            model, inputs = lstm(rng, op, dtype, cifg, peephole, projection, norm)
            tol = Close(1e-5, 2e-6) if dtype == "float32" else Close(1e-4, 1e-5)
            yield Case("_".join([op.lower(), dtype, *parts]), op, model, inputs, steps=3, tol=tol)
        for dtype in ("float32", "int8"):
            model, inputs = lstm(rng, op, dtype, projection=4, cell_clip=0.2, proj_clip=0.1)
            yield Case(f"{op.lower()}_{dtype}_clips", op, model, inputs, steps=3, tol=Close(1e-4, 1e-5))
        model, inputs = lstm(rng, op, "int8", asymmetric=True)
        yield Case(f"{op.lower()}_asymmetric", op, model, inputs, steps=3, tol=Close(1e-4, 1e-5))
        for cifg, projection in itertools.product((False, True), (0, 4)):
            model, inputs = lstm_int8(rng, op, cifg, projection)
            yield Case(f"{op.lower()}_integer_{int(cifg)}_{projection}", op, model, inputs, steps=3, tol=Step(1))
    for time in (1, 7):
        for dtype in ("float32", "int8"):
            model, inputs = lstm(rng, "UNIDIRECTIONAL_SEQUENCE_LSTM", dtype, time=time, time_major=True)
            yield Case(f"time_major_{dtype}_{time}", "UNIDIRECTIONAL_SEQUENCE_LSTM", model, inputs, steps=2,
                       tol=Close(1e-4, 1e-5))
    for dtype in ("float32", "uint8"):
        model, inputs = basic_lstm(rng, dtype)
        yield Case(f"basic_lstm_{dtype}", "LSTM", model, inputs, steps=3, tol=[Close(1e-5, 1e-6) if dtype == "float32" else Step(1)])
    for dtype, rank, act in itertools.product(("float32", "hybrid", "int8"), (1, 2), (0, 1)):
        model, inputs = svdf(rng, dtype, rank, act=act)
        tol = Step(1) if dtype == "int8" else Close(1e-5, 2e-6) if dtype == "float32" else Close(1e-4, 1e-5)
        yield Case(f"svdf_{dtype}_{rank}_{act}", "SVDF", model, inputs, steps=7, tol=tol)
    for batch in (1, 3):
        model, inputs = svdf(rng, bias=False, batch=batch)
        yield Case(f"svdf_no_bias_{batch}", "SVDF", model, inputs, steps=7, tol=Close(1e-5, 2e-6))
