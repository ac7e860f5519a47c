# SPDX-License-Identifier: Apache-2.0
"""LSTM, UNIDIRECTIONAL_SEQUENCE_LSTM and SVDF: float, hybrid and integer, with each of their optional parts.

Their state is in is_variable tensors, so every case runs several steps.
"""

import itertools

import numpy as np
from case import Case, Close, Exact, Step
from modelgen import ModelGen

DIFFERS = {
    "LSTM": "With fused activation NONE the reference kernels use memory that nothing was written to; with peephole and a "
        "projection to another size the integer kernels take peephole weights and cell states from wrong places; the 8x8_8 "
        "kernel takes a scale of the output gate from behind the end of an array. unflow computes the formula.",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "As LSTM, for fused activation NONE and for integers with peephole and projection.",
}

TANH = 4
ACTS = {"relu": 1, "relu_n1": 2, "relu6": 3, "tanh": 4, "sign_bit": 5}
N_BATCH, N_INPUT, N_CELL = 2, 5, 6


def weights(g, rng, name, shape, dtype):
    values = rng.uniform(-0.5, 0.5, shape).astype(np.float32)
    if dtype == "float32":
        return g.constant(name, dtype, values)
    scale = float(np.abs(values).max()) / 127
    codes = np.rint(values / scale).astype(np.int8)
    return g.tensor(name, dtype, shape, data=codes.view(dtype), scale=scale, zero=0)  # uint8 codes are read as int8 ones


def lstm(rng, op, dtype="float32", cifg=False, peephole=False, projection=0, norm=False, time=3, time_major=False,
         cell_clip=0.0, proj_clip=0.0, asymmetric=False, act=TANH, diagonal="", bias=True, sizes=(N_BATCH, N_INPUT, N_CELL)):
    """dtype: of the weights; the rest is float32 (int8, uint8: hybrid). diagonal: gates whose recurrent weights are."""
    g = ModelGen()
    N_BATCH, N_INPUT, N_CELL = sizes
    n_out = projection or N_CELL
    sequence = op == "UNIDIRECTIONAL_SEQUENCE_LSTM"
    shape = (N_BATCH, N_INPUT)
    if sequence:
        shape = (time, N_BATCH, N_INPUT) if time_major else (N_BATCH, time, N_INPUT)
    x = g.tensor("x", "float32", shape)
    none = {"i"} if cifg else set()
    per_gate = [weights(g, rng, f"w_{k}", (N_CELL, N_INPUT), dtype) if k not in none else -1 for k in "ifco"]
    per_gate += [-1 if k in none else weights(g, rng, f"r_{k}", (N_CELL,), "float32") if k in diagonal
                 else weights(g, rng, f"r_{k}", (N_CELL, n_out), dtype) for k in "ifco"]
    peep = [weights(g, rng, f"p_{k}", (N_CELL,), dtype) if peephole and k not in none else -1 for k in "ifo"]
    bias = [weights(g, rng, f"b_{k}", (N_CELL,), "float32") if k not in none else -1 for k in "ifco"]
    project = [weights(g, rng, "proj", (projection, N_CELL), dtype) if projection else -1,
               weights(g, rng, "proj_b", (projection,), "float32") if projection and bias else -1]
    state = [g.tensor("h", "float32", (N_BATCH, n_out), variable=True),
             g.tensor("c", "float32", (N_BATCH, N_CELL), variable=True)]
    norms = [weights(g, rng, f"n_{k}", (N_CELL,), "float32") if k not in none else -1 for k in "ifco"] if norm else []
    y = g.tensor("y", "float32", (*shape[:-1], n_out))
    options = {"fusedActivationFunction": act, "cellClip": cell_clip, "projClip": proj_clip,
               "asymmetricQuantizeInputs": asymmetric}
    if sequence:
        options["timeMajor"] = time_major
    g.op(op, [x, *per_gate, *peep, *bias, *project, *state, *norms], [y],
         "UnidirectionalSequenceLSTMOptions" if sequence else "LSTMOptions", options, version=1 if dtype == "float32" else 3)
    g.inputs([x])
    g.outputs([y])
    return g.build(), [rng.normal(size=shape).astype(np.float32)]


def lstm_int8(rng, op, cifg=False, projection=0, time=3, peephole=False, norm=False, time_major=False, bias=True,
              cell_log2=-11, x_zero=3, h_zero=-2, cell_clip=0.0, proj_clip=0.0, sizes=(N_BATCH, N_INPUT, N_CELL)):
    """Integer LSTM: int8 in, out and weights, int16 cell, int32 bias; five intermediate tensors (8x8_16)."""
    g = ModelGen()
    n_batch, n_input, n_cell = sizes
    n_out = projection or n_cell
    sequence = op == "UNIDIRECTIONAL_SEQUENCE_LSTM"
    shape = (n_batch, n_input)
    if sequence:
        shape = (time, n_batch, n_input) if time_major else (n_batch, time, n_input)
    x = g.tensor("x", "int8", shape, scale=0.02, zero=x_zero)
    none = {"i"} if cifg else set()
    kernel = [weights(g, rng, f"w_{k}", (n_cell, n_input), "int8") if k not in none else -1 for k in "ifco"]
    kernel += [weights(g, rng, f"r_{k}", (n_cell, n_out), "int8") if k not in none else -1 for k in "ifco"]
    peep = [g.tensor(f"p_{k}", "int16", (n_cell,), data=rng.integers(-32768, 32768, n_cell), scale=2e-5, zero=0)
            if peephole and k not in none else -1 for k in "ifo"]
    biases = [g.tensor(f"b_{k}", "int32", (n_cell,), data=rng.integers(-2000, 2000, n_cell), scale=0.02 * 0.5 / 127, zero=0)
              if k not in none else -1 for k in "ifco"]
    project = [-1, -1]
    if projection:
        project[0] = weights(g, rng, "proj", (projection, n_cell), "int8")
        if bias:
            project[1] = g.tensor("proj_b", "int32", (projection,), data=rng.integers(-900, 900, projection), scale=3e-5, zero=0)
    state = [g.tensor("h", "int8", (n_batch, n_out), variable=True, scale=1 / 128, zero=h_zero),
             g.tensor("c", "int16", (n_batch, n_cell), variable=True, scale=2.0 ** cell_log2, zero=0)]
    norms = [g.tensor(f"n_{k}", "int16", (n_cell,), data=rng.integers(8000, 32000, n_cell), scale=4e-5, zero=0)
             if k not in none else -1 for k in "ifco"] if norm else []
    between = [g.tensor(f"t_{i}", "int16", (1,), scale=2.0 ** -12 if not norm else 0.9 * 2.0 ** -11, zero=0) for i in range(4)]
    between.append(g.tensor("hidden", "int8", (1,), scale=1 / 127, zero=-1 if projection else h_zero))
    y = g.tensor("y", "int8", (*shape[:-1], n_out), scale=1 / 128, zero=h_zero)
    options = {"fusedActivationFunction": TANH, "cellClip": cell_clip, "projClip": proj_clip}
    if sequence:
        options["timeMajor"] = time_major
    g.op(op, [x, *kernel, *peep, *biases, *project, *state, *norms], [y],
         "UnidirectionalSequenceLSTMOptions" if sequence else "LSTMOptions", options, version=3, intermediates=between)
    g.inputs([x])
    g.outputs([y])
    return g.build(), [rng.integers(-128, 128, shape).astype(np.int8)]


def lstm_8x8_8(rng, n_batch=2, n_input=5, n_cell=6, n_out=4, first_step=False, cell_clip=0.0, proj_clip=0.0, zero=3):
    """The form with twelve intermediate tensors. Unless only the first step counts, the output gate sees no state: see
    DIFFERS."""
    g = ModelGen()
    x = g.tensor("x", "int8", (n_batch, n_input), scale=0.02, zero=zero)
    ins = [x, -1, *[weights(g, rng, f"w_{k}", (n_cell, n_input), "int8") for k in "fco"], -1]
    ins += [weights(g, rng, f"r_{k}", (n_cell, n_out), "int8") for k in "fc"]
    ins.append(weights(g, rng, "r_o", (n_cell, n_out), "int8") if first_step else
               g.tensor("r_o", "int8", (n_cell, n_out), data=np.zeros((n_cell, n_out), np.int8), scale=0.01, zero=0))
    ins += [-1, -1, -1, -1]
    ins += [g.tensor(f"b_{k}", "int32", (n_cell,), data=rng.integers(-9000000, 9000000, n_cell), scale=4e-8, zero=0) for k in "fco"]
    ins += [weights(g, rng, "proj", (n_out, n_cell), "int8"),
            g.tensor("proj_b", "int32", (n_out,), data=rng.integers(-90000, 90000, n_out), scale=1e-7, zero=0)]
    ins += [g.tensor("h", "int8", (n_batch, n_out), variable=True, scale=1 / 100, zero=-4),
            g.tensor("c", "int16", (n_batch, n_cell), variable=True, scale=2.0 ** -15, zero=0)]
    ins += [-1, *[g.tensor(f"n_{k}", "int16", (n_cell,), data=rng.integers(8000, 32000, n_cell), scale=4e-5, zero=0)
                  for k in "fco"]]
    between = []
    for i in range(12):
        kind = "int16" if i % 3 == 0 else "int8"
        between.append(g.tensor(f"t_{i}", kind, (1,), scale=1e-4 * (1 + i) if i % 3 == 0 else 0.02 + 0.001 * i,
                                zero=0 if i % 3 == 0 else int(rng.integers(-20, 20))))
    y = g.tensor("y", "int8", (n_batch, n_out), scale=1 / 100, zero=-4)
    g.op("LSTM", ins, [y], "LSTMOptions", {"fusedActivationFunction": TANH, "cellClip": cell_clip, "projClip": proj_clip},
         version=4, intermediates=between)
    g.inputs([x])
    g.outputs([y])
    return g.build(), [rng.integers(-128, 128, (n_batch, n_input)).astype(np.int8)]


def basic_lstm(rng, dtype="float32", batch=2, n_input=8, n=8, weight_zero=120):
    """The older kernel: one weight matrix for all gates, four outputs."""
    g = ModelGen()
    quant = {} if dtype == "float32" else {"scale": 1 / 128, "zero": 128}
    x = g.tensor("x", dtype, (batch, n_input), **quant)
    h = g.tensor("h", dtype, (batch, n), variable=True, **quant)
    if dtype == "float32":
        w = weights(g, rng, "w", (4 * n, n_input + n), "float32")
        b = weights(g, rng, "b", (4 * n,), "float32")
        c = g.tensor("c", "float32", (batch, n), variable=True)
        outs = [g.tensor(n, "float32", s) for n, s in
                (("out", (batch, n)), ("state", (batch, n)), ("gates", (batch, n_input + n)), ("temp", (batch, 4 * n)))]
        value = rng.normal(size=(batch, n_input)).astype(np.float32)
    else:
        w = g.tensor("w", "uint8", (4 * n, n_input + n), data=rng.integers(0, 256, (4 * n, n_input + n)), scale=0.008, zero=weight_zero)
        b = g.tensor("b", "int32", (4 * n,), data=rng.integers(-9000, 9000, 4 * n), scale=0.008 / 128, zero=0)
        c = g.tensor("c", "int16", (batch, n), variable=True, scale=1 / 2048, zero=0)
        outs = [g.tensor("out", "uint8", (batch, n), **quant),
                g.tensor("state", "int16", (batch, n), scale=1 / 2048, zero=0),
                g.tensor("gates", "uint8", (batch, n_input + n), **quant),
                g.tensor("temp", "int16", (batch, 4 * n), scale=1 / 4096, zero=0)]
        value = rng.integers(0, 256, (batch, n_input)).astype(np.uint8)
    g.op("LSTM", [x, h, w, b, c], outs, "LSTMOptions", {"fusedActivationFunction": TANH, "kernelType": 1}, version=2)
    g.inputs([x])
    g.outputs(outs[:1])
    return g.build(), [value]


def svdf(rng, dtype="float32", rank=1, bias=True, act=0, batch=2, n_input=3, units=4, memory=5, asymmetric=False, x_zero=2,
         y_zero=-4):
    """dtype float32, hybrid (int8 weights), uint8 (hybrid, too) or int8."""
    g = ModelGen()
    n_filters = units * rank
    integer = dtype == "int8"
    kind = {"hybrid": "int8"}.get(dtype, dtype)
    x = g.tensor("x", "int8" if integer else "float32", (batch, n_input), scale=0.03 if integer else None,
                 zero=x_zero if integer else None)
    feature = weights(g, rng, "feature", (n_filters, n_input), kind)
    if integer:
        times = g.tensor("times", "int16", (n_filters, memory), data=rng.integers(-9000, 9000, (n_filters, memory)),
                         scale=1e-4, zero=0)
        b = g.tensor("b", "int32", (units,), data=rng.integers(-20000, 20000, units), scale=1e-7, zero=0) if bias else -1
        state = g.tensor("state", "int16", (batch, memory * n_filters), variable=True, scale=1e-3, zero=0)
        y = g.tensor("y", "int8", (batch, units), scale=0.02, zero=y_zero)
    else:
        times = weights(g, rng, "times", (n_filters, memory), kind)
        b = weights(g, rng, "b", (units,), "float32") if bias else -1
        state = g.tensor("state", "float32", (batch, memory * n_filters), variable=True)
        y = g.tensor("y", "float32", (batch, units))
    g.op("SVDF", [x, feature, times, b, state], [y], "SVDFOptions",
         {"rank": rank, "fusedActivationFunction": act, "asymmetricQuantizeInputs": asymmetric}, version=3 if integer else 2)
    g.inputs([x])
    g.outputs([y])
    value = rng.integers(-128, 128, (batch, n_input)).astype(np.int8) if integer else \
        rng.normal(size=(batch, n_input)).astype(np.float32)
    return g.build(), [value]


FLOAT, HYBRID = Close(1e-5, 2e-6), Close(1e-4, 1e-5)  # of hybrid ones a value on the edge of two codes falls to either side
SIZES = ((1, 1, 1), (3, 17, 9), (1, 33, 16), (4, 8, 31))


def float_lstms(rng, op):
    name = op.lower()
    for dtype, cifg, peephole, projection, norm in itertools.product(
            ("float32", "int8"), (False, True), (False, True), (0, 4), (False, True)):
        parts = [p for p, there in (("cifg", cifg), ("peep", peephole), ("proj", projection), ("norm", norm)) if there]
        model, inputs = lstm(rng, op, dtype, cifg, peephole, projection, norm)
        yield Case("_".join([name, dtype, *parts]), op, model, inputs, steps=3, tol=FLOAT if dtype == "float32" else HYBRID)
    for dtype in ("float32", "int8", "uint8"):
        model, inputs = lstm(rng, op, dtype, projection=4, cell_clip=0.2, proj_clip=0.1)
        yield Case(f"{name}_{dtype}_clips", op, model, inputs, steps=3, tol=HYBRID)
        model, inputs = lstm(rng, op, dtype, projection=9, bias=False)
        yield Case(f"{name}_{dtype}_no_bias", op, model, inputs, steps=3, tol=HYBRID)
        for sizes in SIZES:
            model, inputs = lstm(rng, op, dtype, sizes=sizes)
            yield Case(f"{name}_{dtype}_{'_'.join(map(str, sizes))}", op, model, inputs, steps=2, tol=HYBRID)
    for dtype, (act, code) in itertools.product(("float32", "int8"), ACTS.items()):
        model, inputs = lstm(rng, op, dtype, act=code, norm=True)
        yield Case(f"{name}_{dtype}_act_{act}", op, model, inputs, steps=2, tol=HYBRID)
    for dtype, projection in itertools.product(("int8", "uint8"), (0, 4)):
        model, inputs = lstm(rng, op, dtype, asymmetric=True, projection=projection, peephole=True)
        yield Case(f"{name}_{dtype}_asymmetric_{projection}", op, model, inputs, steps=3, tol=HYBRID)
    model, inputs = lstm(rng, op, "int8")
    yield Case(f"{name}_zeros", op, model, [np.zeros_like(inputs[0])], steps=2, tol=HYBRID)


def int_lstms(rng, op):
    name = op.lower()
    for cifg, projection, peephole, norm in itertools.product((False, True), (0, 4), (False, True), (False, True)):
        if peephole and projection:
            projection = N_CELL  # see DIFFERS
        model, inputs = lstm_int8(rng, op, cifg, projection, peephole=peephole, norm=norm)
        yield Case(f"{name}_integer_{int(cifg)}_{projection}_{int(peephole)}_{int(norm)}", op, model, inputs, steps=3)
    for sizes in SIZES:
        model, inputs = lstm_int8(rng, op, sizes=sizes, projection=3)
        yield Case(f"{name}_integer_{'_'.join(map(str, sizes))}", op, model, inputs, steps=2)
    for cell_log2 in (-9, -10, -13, -15):
        model, inputs = lstm_int8(rng, op, cell_log2=cell_log2)
        yield Case(f"{name}_integer_cell{cell_log2}", op, model, inputs, steps=3)
    for x_zero, h_zero in ((-128, 127), (127, -128), (0, 0)):
        model, inputs = lstm_int8(rng, op, x_zero=x_zero, h_zero=h_zero, projection=5, bias=False)
        yield Case(f"{name}_integer_zero_{x_zero}_{h_zero}", op, model, inputs, steps=3)
    model, inputs = lstm_int8(rng, op, cell_clip=0.3, proj_clip=0.2, projection=4)
    yield Case(f"{name}_integer_clips", op, model, inputs, steps=4)


def sequences(rng):
    op = "UNIDIRECTIONAL_SEQUENCE_LSTM"
    for time, major in itertools.product((0, 1, 7), (False, True)):
        for dtype in ("float32", "int8"):
            model, inputs = lstm(rng, op, dtype, time=time, time_major=major)
            yield Case(f"time_{dtype}_{time}_{major}", op, model, inputs, steps=2, tol=HYBRID)
        if time:
            model, inputs = lstm_int8(rng, op, time=time, time_major=major, projection=3)
            yield Case(f"time_integer_{time}_{major}", op, model, inputs, steps=2)
    for dtype, gates in itertools.product(("float32", "int8"), ("ifco", "fc", "o")):
        model, inputs = lstm(rng, op, dtype, diagonal=gates)
        yield Case(f"diagonal_{dtype}_{gates}", op, model, inputs, steps=2, tol=HYBRID)


def other_lstms(rng):
    for i, (sizes, first) in enumerate(itertools.product(((2, 5, 6, 4), (1, 1, 1, 1), (3, 17, 9, 8)), (False, True))):
        model, inputs = lstm_8x8_8(rng, *sizes, first)
        yield Case(f"lstm_8x8_8_{i}", "LSTM", model, inputs, steps=1 if first else 3)
    for zero in (-128, 127):
        model, inputs = lstm_8x8_8(rng, cell_clip=0.4, proj_clip=0.2, zero=zero)
        yield Case(f"lstm_8x8_8_zero_{zero}", "LSTM", model, inputs, steps=4)
    for dtype, sizes in itertools.product(("float32", "uint8"), ((2, 8, 8), (1, 8, 24), (3, 24, 8))):
        model, inputs = basic_lstm(rng, dtype, *sizes)
        yield Case(f"basic_lstm_{dtype}_{'_'.join(map(str, sizes))}", "LSTM", model, inputs, steps=3,
                   tol=[Close(1e-5, 1e-6) if dtype == "float32" else Step(1)])
    for sizes in ((1, 1, 1), (2, 3, 5)):
        model, inputs = basic_lstm(rng, "float32", *sizes)
        yield Case(f"basic_lstm_{'_'.join(map(str, sizes))}", "LSTM", model, inputs, steps=3, tol=[Close(1e-5, 1e-6)])
    for zero in (0, 255):
        model, inputs = basic_lstm(rng, "uint8", weight_zero=zero)
        yield Case(f"basic_lstm_zero_{zero}", "LSTM", model, inputs, steps=3, tol=[Step(1)])


def svdfs(rng):
    for dtype, rank, act in itertools.product(("float32", "hybrid", "uint8"), (1, 2, 3), (0, 1, 2, 3, 4, 5)):
        model, inputs = svdf(rng, dtype, rank, act=act)
        yield Case(f"svdf_{dtype}_{rank}_{act}", "SVDF", model, inputs, steps=7, tol=FLOAT if dtype == "float32" else HYBRID)
    for rank, bias in itertools.product((1, 2, 5), (False, True)):
        model, inputs = svdf(rng, "int8", rank, bias=bias, act=1)
        yield Case(f"svdf_int8_{rank}_{bias}", "SVDF", model, inputs, steps=7)
    for x_zero, y_zero in ((-128, 127), (127, -128)):
        model, inputs = svdf(rng, "int8", act=1, x_zero=x_zero, y_zero=y_zero)
        yield Case(f"svdf_int8_zero_{x_zero}", "SVDF", model, inputs, steps=4)
    for dtype in ("hybrid", "uint8"):
        model, inputs = svdf(rng, dtype, 2, asymmetric=True)
        yield Case(f"svdf_{dtype}_asymmetric", "SVDF", model, inputs, steps=7, tol=HYBRID)
    for dtype, (batch, n_input, units, memory) in itertools.product(
            ("float32", "hybrid", "int8"), ((1, 1, 1, 1), (3, 17, 9, 8), (2, 33, 3, 2))):
        model, inputs = svdf(rng, dtype, batch=batch, n_input=n_input, units=units, memory=memory, act=1, bias=batch < 3)
        yield Case(f"svdf_{dtype}_{batch}_{n_input}_{units}_{memory}", "SVDF", model, inputs, steps=4,
                   tol=Exact() if dtype == "int8" else HYBRID)


def cases(rng):
    for op in ("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM"):
        yield from float_lstms(rng, op)
        yield from int_lstms(rng, op)
    yield from sequences(rng)
    yield from other_lstms(rng)
    yield from svdfs(rng)
