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
 *   gate = act(W_in x + W_rec h + w_peep . c + bias)
 *   c'   = clip(forget . c + input . cell)
 *   h'   = clip(P (output . act(c')) + p)
 */
#ifndef UFI_LSTM_H
#define UFI_LSTM_H

#include "ops/op.h"

enum { UFI_GATE_INPUT, UFI_GATE_FORGET, UFI_GATE_CELL, UFI_GATE_OUTPUT, UFI_GATES };

typedef struct ufi_lstm_attrs {
  ufi_act act;
  float cell_clip, proj_clip; /* 0: none */
  bool time_major, is_basic, asymmetric_inputs;
} ufi_lstm_attrs;

/* One gate's tensors; NULL where the variant lacks them. */
typedef struct ufi_lstm_gate {
  const ufi_tensor *w_in, *w_rec, *peephole, *bias, *norm;
} ufi_lstm_gate;

typedef struct ufi_lstm {
  const ufi_lstm_attrs *attrs;
  ufi_lstm_gate gates[UFI_GATES];
  const ufi_tensor *input, *projection, *projection_bias;
  ufi_tensor *h, *c, *output; /* h: (batch, n_output), c: (batch, n_cell) */
  int64_t n_batch, n_time, n_input, n_cell, n_output;
  bool has_input_gate, time_major;
} ufi_lstm;

/* Where row (t, b) of the input and the output lies, in rows. */
static inline int64_t ufi_lstm_row(const ufi_lstm *l, int64_t t, int64_t b) {
  return l->time_major ? t * l->n_batch + b : b * l->n_time + t;
}

/* lstm_float.c: float weights, and int8 weights with float activations. */
size_t ufi_lstm_float_scratch(const ufi_lstm *l);
void ufi_lstm_float(const ufi_lstm *l, void *scratch);

/* lstm_int.c: int8 activations, int16 cell state. */
uf_status ufi_lstm_int_prepare(ufi_ctx *ctx, const ufi_lstm *l);
void ufi_lstm_int(ufi_ctx *ctx, const ufi_lstm *l);

/* lstm_basic.c: the LSTM op with five inputs and four outputs. */
uf_status ufi_lstm_basic_infer(ufi_ctx *ctx);
uf_status ufi_lstm_basic_prepare(ufi_ctx *ctx);
uf_status ufi_lstm_basic_eval(ufi_ctx *ctx);

/* recurrent.c: pieces of the float and hybrid recurrent ops. */

/* Activation of a vector in place. sigmoid: the logistic function instead. */
void ufi_vector_act(float *v, int64_t n, ufi_act act);
void ufi_vector_sigmoid(float *v, int64_t n);
/* y[i] += sum_j w[i][j] x[j]; w: (rows, cols) */
void ufi_matvec(const float *w, const float *x, float *y, int64_t rows, int64_t cols);
/* int8 codes of x: symmetric, or asymmetric with *zero_out; returns the scale. */
float ufi_quantize_row(const float *x, int64_t n, bool asymmetric, int8_t *codes, int32_t *zero_out);
/* y[i] += scale * sum_j w[i][j] (codes[j] - zero) */
void ufi_matvec_hybrid(const int8_t *w, const int8_t *codes, int32_t zero, float scale, float *y,
                       int64_t rows, int64_t cols);

#endif
