/* SPDX-License-Identifier: Apache-2.0
 *
 * lstm.h: what the variants of the LSTM share.
 *
 * Inputs of the full LSTM, as TFLite numbers them: 0 input; 1-4 input weights
 * of the gates input, forget, cell, output; 5-8 recurrent weights; 9-11
 * peephole weights (input, forget, output); 12-15 biases; 16 projection
 * weights, 17 projection bias; 18 output state, 19 cell state (is_variable);
 * 20-23 layer normalization coefficients. The input gate is omitted in the
 * CIFG variant, where it is 1 - forget.
 *
 * The bidirectional one has inputs 1-17 of the forward direction, then the same
 * of the backward one (18-34), then the states of both (35-38), an auxiliary
 * input a (39) and its weights for the gates of both (40-47). With those
 * weights both directions add W_aux a; without, the backward one reads a in
 * place of x.
 *
 *   gate = act(W_in x + W_aux a + W_rec h + w_peep . c + bias)
 *   c'   = clip(forget . c + input . cell)
 *   h'   = clip(P (output . act(c')) + p)
 */
#ifndef UFI_LSTM_H
#define UFI_LSTM_H

#include "ops/recurrent.h"

enum { UFI_GATE_INPUT, UFI_GATE_FORGET, UFI_GATE_CELL, UFI_GATE_OUTPUT, UFI_GATES };

typedef struct ufi_lstm_attrs {
  ufi_act act;
  float cell_clip, proj_clip; /* 0: none */
  bool time_major, is_sequence, is_both, merge_outputs, is_basic, asymmetric_inputs;
} ufi_lstm_attrs;

/* One gate's tensors; NULL where the variant lacks them. */
typedef struct ufi_lstm_gate {
  const ufi_tensor *w_in, *w_aux, *w_rec, *peephole, *bias, *norm;
} ufi_lstm_gate;

typedef struct ufi_lstm {
  const ufi_lstm_attrs *attrs;
  ufi_lstm_gate gates[UFI_GATES];
  const ufi_tensor *input, *aux, *projection, *projection_bias; /* aux NULL: no weights for it */
  ufi_tensor *h, *c, *output; /* h: (batch, n_output), c: (batch, n_cell) */
  int64_t n_batch, n_time, n_input, n_aux, n_cell, n_output;
  int64_t out_step, out_first; /* elements of a row of output, and where in it this direction's begin */
  bool has_input_gate, time_major, is_backward;
} ufi_lstm;

/* Where row (t, b) of the input and the output lies, in rows. */
static inline int64_t ufi_lstm_row(const ufi_lstm *l, int64_t t, int64_t b) {
  return l->time_major ? t * l->n_batch + b : b * l->n_time + t;
}

/* lstm_float.c: float weights, and int8 weights with float activations. */
typedef struct ufi_lstm_packed ufi_lstm_packed;
/* Packs the weights of both directions, or the only one. */
uf_status ufi_lstm_float_prepare(ufi_ctx *ctx, const ufi_lstm l[2]) UF_MUST_USE;
void ufi_lstm_float(ufi_ctx *ctx, const ufi_lstm *l);

/* lstm_int.c: int8 activations, int16 cell state and gates (8x8_16). */
uf_status ufi_lstm_int_prepare(ufi_ctx *ctx, const ufi_lstm *l) UF_MUST_USE;
void ufi_lstm_int(ufi_ctx *ctx, const ufi_lstm *l);
/* Scale and zero point of intermediate tensor i; layer normalization has one scale, if it is there. */
uf_status ufi_lstm_intermediate(ufi_ctx *ctx, int i, float *scale_out, int32_t *zero_out) UF_MUST_USE;
uf_status ufi_lstm_norm_check(ufi_ctx *ctx, const ufi_tensor *norm) UF_MUST_USE;
/* c' from the gates' values, for both integer forms. */
void ufi_lstm_int_cell(int64_t n, const int16_t *forget, const int16_t *input, const int16_t *cell, int log2_scale,
                       int16_t clip, int16_t *c);

/* lstm_int8.c: int8 activations and products, int16 cell state (8x8_8). */
uf_status ufi_lstm_int8_check(ufi_ctx *ctx, const ufi_lstm *l) UF_MUST_USE;
uf_status ufi_lstm_int8_prepare(ufi_ctx *ctx, const ufi_lstm *l) UF_MUST_USE;
void ufi_lstm_int8(ufi_ctx *ctx, const ufi_lstm *l);

/* lstm_basic.c: the LSTM op with five inputs and four outputs. */
uf_status ufi_lstm_basic_infer(ufi_ctx *ctx);
uf_status ufi_lstm_basic_prepare(ufi_ctx *ctx);
uf_status ufi_lstm_basic_eval(ufi_ctx *ctx);

#endif
