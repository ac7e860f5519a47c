# SPDX-License-Identifier: Apache-2.0
"""recurrent.py: what LSTM, the RNN kinds, GRU and SVDF must refuse."""

import numpy as np

from changed import case_file, changed


def of_lstm(rng):
    make = case_file("recurrent")
    base = make.lstm(rng, "LSTM")[0]
    full = make.lstm(rng, "LSTM", peephole=True, projection=4, norm=True)[0]
    cifg = make.lstm(rng, "LSTM", cifg=True)[0]
    hybrid = make.lstm(rng, "LSTM", "int8")[0]

    def bad(name, message, model=base, **fields):
        return changed("LSTM", f"lstm_{name}", model, message, **fields)

    yield bad("activation",
              "expected a fused activation from 0 to 5 and clips of 0 and more, found activation 9, clips 0 and 0",
              options={"fusedActivationFunction": 9}, when="invoke",
              lenient="the reference takes an unknown activation as none")
    yield bad("clip",
              "expected a fused activation from 0 to 5 and clips of 0 and more, found activation 4, clips -0.5 and 0",
              options={"cellClip": -0.5}, when="invoke")
    yield bad("kernel", "expected kernel type 0 (full) or 1 (basic), found 7", options={"kernelType": 7}, when="invoke")
    yield bad("inputs", "expected 20 or 24 inputs and one output, found 22 and 1", full, inputs=22)
    yield bad("no_cells", "expected 1 to 1048575 cells and one output or more, found 0 and 6", shape={"w_o": (0, 5)})
    yield bad("outputs_without_projection",
              "expected as many outputs as cells without a projection, found 6 cells and 4 outputs",
              shape={"r_o": (6, 4)})
    yield bad("weights", "expected input weights of shape (6, 5), found 'w_f' float32 (6, 4)", shape={"w_f": (6, 4)})
    yield bad("bias", "expected a gate's bias of shape (6,), found 'b_f' float32 (5,)", shape={"b_f": (5,)})
    yield bad("weights_dtype", "expected input weights of float32, found 'w_f' int8 (6, 5)", dtype={"w_f": "int8"},
              when="invoke")
    yield bad("omitted", "expected input weights of shape (6, 5), found nothing (an omitted input)", inputs={2: None})
    yield bad("rank", "expected a tensor of rank 2, found 'x' float32 (2, 1, 5)", shape={"x": (2, 1, 5)})
    yield bad("peephole",
              "expected peephole weights, auxiliary weights and layer normalization for all gates or for none, found "
              "some", full, inputs={10: None})
    yield bad("cifg_bias",
              "expected no recurrent weights, bias or normalization of an input gate without input weights, found "
              "one; leave all of them out (CIFG) or none", base, inputs={1: None, 5: None})
    yield bad("projection_bias_alone", "expected a projection bias only with projection weights, found it alone", base,
              inputs={17: "b_o"})
    yield bad("state",
              "expected a state tensor (is_variable) of 2 x 6 float32, found 'h' float32 (2, 6), not is_variable",
              fixed=["h"])
    yield bad("state_size", "expected a state tensor (is_variable) of 2 x 6 float32, found 'c' float32 (2, 5)",
              shape={"c": (2, 5)})
    yield bad("dtypes",
              "expected float32 (or, in one direction, int8) input and output, and weights of float32 or 8 bits, "
              "found input int16, weights float32, output float32", dtype={"x": "int16"}, when="invoke")
    yield bad("scales", "expected 8-bit tensor 'w_f' to have one scale, found 0", hybrid, scales={"w_f": None},
              lenient="the reference takes a scale of 0")
    yield bad("channels", "expected 8-bit tensor 'w_f' to have one scale, found 6", hybrid, scales={"w_f": [0.1] * 6},
              lenient="the reference takes a scale of 0")
    sequence = make.lstm(rng, "UNIDIRECTIONAL_SEQUENCE_LSTM")[0]
    yield changed("UNIDIRECTIONAL_SEQUENCE_LSTM", "sequence_lstm_rank", sequence,
                  "expected a tensor of rank 3, found 'x' float32 (2, 5)", shape={"x": (2, 5)})
    yield changed("UNIDIRECTIONAL_SEQUENCE_LSTM", "sequence_lstm_diagonal",
                  make.lstm(rng, "UNIDIRECTIONAL_SEQUENCE_LSTM", diagonal="f")[0],
                  "expected diagonal recurrent weights of shape (6,), found 'r_f' float32 (5,)", shape={"r_f": (5,)},
                  lenient="the reference reads beyond the weights")


def of_int_lstm(rng):
    make = case_file("recurrent")
    base = make.lstm_int8(rng, "LSTM", projection=4)[0]
    norm = make.lstm_int8(rng, "LSTM", norm=True)[0]
    narrow = make.lstm_8x8_8(rng)[0]

    def bad(name, message, model=base, **fields):
        return changed("LSTM", f"lstm_integer_{name}", model, message, **fields)

    yield bad("intermediates", "expected 5 intermediate tensors (8x8_16) or 12 (8x8_8), found 4", intermediates=4)
    yield bad("cell_scale", "expected a cell state 'c' of scale 2^-15 to 2^-9, found 0.01", scales={"c": [0.01]},
              lenient="the reference goes on with parameters that it did not compute")
    yield bad("unquantized_intermediate", "expected quantization of intermediate tensor 4, found none",
              scales={"hidden": None})
    yield bad("norm_scale", "expected layer normalization coefficients 'n_f' with one scale, found 0", norm,
              scales={"n_f": None}, lenient="the reference takes a scale of 0")
    yield changed("UNIDIRECTIONAL_SEQUENCE_LSTM", "sequence_lstm_integer_intermediates",
                  make.lstm_int8(rng, "UNIDIRECTIONAL_SEQUENCE_LSTM")[0],
                  "expected 5 intermediate tensors (8x8_16), found 3", intermediates=3)
    yield bad("8x8_8_variant",
              "expected with 12 intermediate tensors (8x8_8) no input gate, no peephole, but layer normalization and "
              "a projection with bias, found another variant", narrow, inputs={17: None}, when="invoke")
    yield bad("8x8_8_cell", "expected a cell state 'c' of scale 2^-15, found 6.10352e-05", narrow,
              scales={"c": [2.0 ** -14]}, lenient="the reference goes on with parameters that it did not compute")
    basic = make.basic_lstm(rng)[0]
    quantized = make.basic_lstm(rng, "uint8")[0]
    yield bad("basic_arity", "expected 5 inputs and 4 outputs, found 5 and 2", basic, outputs=slice(0, 2))
    yield bad("basic_weights",
              "expected weights of shape (4 n, input + n) and states (batch, n), found weights 'w' float32 (32, 15)",
              basic, shape={"w": (32, 15)})
    yield bad("basic_dtypes",
              "expected all float32, or uint8 with int16 state and int32 bias, found input float32, weights int8, "
              "state float32", basic, dtype={"w": "int8"}, when="invoke")
    yield bad("basic_scale", "expected a quantized bias and a state of scale 2^-11, found state scale 0.001", quantized,
              scales={"state": [0.001]})
    yield bad("basic_bias", "expected a quantized bias and a state of scale 2^-11, found state scale 0.000488281",
              quantized, scales={"b": None}, lenient="the reference takes a scale of 0")


def of_both(rng):
    make = case_file("rnn")
    op = "BIDIRECTIONAL_SEQUENCE_LSTM"
    base = make.both_lstm(rng)[0]
    aux = make.both_lstm(rng, aux=5)[0]
    yield changed(op, "both_lstm_outputs", base,
                  "expected one output for each direction, or one when merge_outputs is set, found 1",
                  outputs=slice(0, 1))
    yield changed(op, "both_lstm_merged_outputs", base,
                  "expected one output for each direction, or one when merge_outputs is set, found 2",
                  options={"mergeOutputs": True})
    yield changed(op, "both_lstm_no_aux", aux,
                  "expected an auxiliary input for the auxiliary weights, found it omitted", inputs={39: None})
    yield changed(op, "both_lstm_aux_shape", aux,
                  "expected the auxiliary input of shape (3, 2, 5), found 'aux' float32 (3, 1, 5)",
                  shape={"aux": (3, 1, 5)})
    yield changed(op, "both_lstm_some_aux", aux,
                  "expected peephole weights, auxiliary weights and layer normalization for all gates or for none, "
                  "found some", inputs={45: None})
    yield changed(op, "both_lstm_integer", base,
                  "expected float32 (or, in one direction, int8) input and output, and weights of float32 or 8 bits, "
                  "found input int8, weights float32, output float32", dtype={"x": "int8"}, when="invoke")


def of_rnn(rng):
    make = case_file("rnn")
    base, hybrid = make.step_model(rng)[0], make.step_model(rng, "int8")[0]
    yield changed("RNN", "rnn_activation", base, "expected a fused activation from 0 to 5, found -1",
                  options={"fusedActivationFunction": -1}, when="invoke",
                  lenient="the reference takes an unknown activation as none")
    yield changed("RNN", "rnn_weights", base, "expected recurrent weights of shape (7, 7), found 'r' float32 (7, 6)",
                  shape={"r": (7, 6)})
    yield changed("RNN", "rnn_bias", base, "expected a bias of shape (7,), found 'b' float32 (6,)", shape={"b": (6,)})
    yield changed("RNN", "rnn_bias_dtype", base, "expected a bias of float32, found 'b' int32 (7,)",
                  dtype={"b": "int32"}, when="invoke", lenient="the reference reads the integers as floats")
    yield changed("RNN", "rnn_state", base,
                  "expected a state tensor (is_variable) of 2 x 7 float32, found 'h' float32 (2, 7), not is_variable",
                  fixed=["h"])
    yield changed("RNN", "rnn_state_shape", base,
                  "expected a state tensor (is_variable) of 2 x 7 float32, found 'h' float32 (2, 6)",
                  shape={"h": (2, 6)})
    yield changed("RNN", "rnn_input", base, "expected input 0 of dtype float32, found 'x' int8 (2, 5)",
                  dtype={"x": "int8"}, when="invoke")
    yield changed("RNN", "rnn_weights_dtype", base,
                  "expected input 1 of dtype float32 or int8 or uint8, found 'w' int16 (7, 5)", dtype={"w": "int16"},
                  when="invoke")
    yield changed("RNN", "rnn_scale", hybrid, "expected 8-bit tensor 'w' to have one scale, found 0",
                  scales={"w": None}, lenient="the reference takes a scale of 0")
    sequence = make.sequence_model(rng)[0]
    yield changed("UNIDIRECTIONAL_SEQUENCE_RNN", "sequence_rnn_rank", sequence,
                  "expected a tensor of rank 3, found 'x' float32 (2, 5)", shape={"x": (2, 5)})
    op, both, aux = "BIDIRECTIONAL_SEQUENCE_RNN", make.both_model(rng)[0], make.both_model(rng, aux=5)[0]
    yield changed(op, "both_rnn_outputs", both,
                  "expected one output for each direction, or one when merge_outputs is set, found 1",
                  outputs=slice(0, 1))
    yield changed(op, "both_rnn_merged", both,
                  "expected one output for each direction, or one when merge_outputs is set, found 2",
                  options={"mergeOutputs": True})
    yield changed(op, "both_rnn_one_aux", aux,
                  "expected an auxiliary input with weights of both directions or of none, found weights of one",
                  inputs={11: None})
    yield changed(op, "both_rnn_no_aux", aux,
                  "expected an auxiliary input with weights of both directions or of none, found no input",
                  inputs={9: None})
    yield changed(op, "both_rnn_aux_shape", aux,
                  "expected the auxiliary input of shape (2, 3, 5), found 'aux' float32 (2, 4, 5)",
                  shape={"aux": (2, 4, 5)})
    yield changed(op, "both_rnn_omitted", both, "expected a bias of shape (4,), found nothing (an omitted input)",
                  inputs={3: None})
    gru = list(make.gru(rng))[1].model
    yield changed("UNIDIRECTIONAL_SEQUENCE_GRU", "gru_state", gru,
                  "expected a state of shape (2, 4), found 'h' float32 (3, 4)", shape={"h": (3, 4)})
    yield changed("UNIDIRECTIONAL_SEQUENCE_GRU", "gru_dtype", gru,
                  "expected input 2 of dtype float32, found 'g' int8 (8, 9)", dtype={"g": "int8"}, when="invoke")


def of_svdf(rng):
    make = case_file("recurrent")
    base, hybrid, integer = make.svdf(rng)[0], make.svdf(rng, "hybrid")[0], make.svdf(rng, "int8", act=1)[0]

    def bad(name, message, model=base, **fields):
        return changed("SVDF", f"svdf_{name}", model, message, **fields)

    yield bad("rank", "expected a rank above 0 and a fused activation from 0 to 5, found 0 and 0", options={"rank": 0},
              when="invoke")
    yield bad("filters",
              "expected as many filters as units times rank 3, and a memory of 1 and more, found 4 filters and a "
              "memory of 5", options={"rank": 3})
    yield bad("time_weights", "expected time weights of shape (4, 5), found 'times' float32 (5, 5)",
              shape={"times": (5, 5)})
    yield bad("state",
              "expected a state tensor (is_variable) of 2 x 20 float32, found 'state' float32 (2, 20), not is_variable",
              fixed=["state"])
    yield bad("dtype", "expected time weights of float32, found 'times' int8 (4, 5)", dtype={"times": "int8"},
              when="invoke", lenient="the reference reads beyond the weights")
    yield bad("scales", "expected 8-bit tensor 'feature' to have one scale, found 0", hybrid, scales={"feature": None},
              lenient="the reference takes a scale of 0")
    yield bad("activation", "expected fused activation RELU (1) of an int8 SVDF, found 0", integer,
              options={"fusedActivationFunction": 0}, when="invoke")
    yield bad("integer_scale", "expected one scale of 'state', found 0", integer, scales={"state": None})


def refusals(rng):
    yield from of_lstm(rng)
    yield from of_int_lstm(rng)
    yield from of_both(rng)
    yield from of_rnn(rng)
    yield from of_svdf(rng)
