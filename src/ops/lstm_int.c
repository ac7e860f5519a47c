/* SPDX-License-Identifier: Apache-2.0
 *
 * lstm_int.c: the fully quantized LSTM: int8 input, output state and weights,
 * int16 cell state and gates.
 *
 * Before an activation a gate has the scale 2^-12 (3 integer bits), or with
 * layer normalization that of intermediate tensor g; intermediate 4 is the
 * output before the projection. All arithmetic is that of TFLite's 8x8_16 kernel,
 * bit for bit.
 */
#include <math.h>

#include "kernels/fixed32.h"
#include "kernels/fixedpoint.h"
#include "ops/lstm.h"
#include "ops/qparams.h"

typedef struct int_gate {
  ufk_scale in, rec, peephole, norm;
  int32_t variance_guard;
} int_gate;

/* Weights of the gates, of inputs and then of states, and of the projection. */
enum { W_IN, W_REC = UFI_GATES, W_PROJECTION = 2 * UFI_GATES, WEIGHTS };

typedef struct int_lstm {
  int_gate gates[UFI_GATES];
  ufk_scale hidden, projection;
  ufi_weight weights[WEIGHTS];
  int32_t hidden_zero, h_zero;
  int cell_log2; /* cell state scale is 2^cell_log2 */
  int16_t cell_clip;
  int8_t proj_clip;
  int16_t *values[UFI_GATES], *cell; /* (n_cell); cell: the tanh of the state */
  int8_t *narrow;                    /* (n_cell): input of the projection */
} int_lstm;

/* ---- prepare ---------------------------------------------------------------------- */

static uf_status power_of_two(ufi_ctx *ctx, const ufi_tensor *c, int *log2_out) {
  float log2_scale = logf(ufi_scale(c)) * (1.0f / logf(2.0f)), rounded = roundf(log2_scale);
  if (ufi_is_quantized(c) && fabsf(log2_scale - rounded) < 1e-3f && rounded >= -15 && rounded <= -9) {
    *log2_out = (int)rounded;
    return UF_OK;
  }
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a cell state '%s' of scale 2^-15 to 2^-9, found %g", c->name,
                      (double)ufi_scale(c));
}

uf_status ufi_lstm_intermediate(ufi_ctx *ctx, int i, float *scale_out, int32_t *zero_out) {
  if (i < ctx->n_aux && ctx->aux[i] && ufi_is_quantized(ctx->aux[i])) {
    *scale_out = ufi_scale(ctx->aux[i]);
    *zero_out = ufi_zero(ctx->aux[i]);
    if (*scale_out > 0) return UF_OK;
  }
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected quantization of intermediate tensor %d, found none", i);
}

uf_status ufi_lstm_norm_check(ufi_ctx *ctx, const ufi_tensor *norm) {
  if (norm == NULL || (norm->quant && norm->quant->count == 1)) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected layer normalization coefficients '%s' with one scale, found "
                      "%d",
                      norm->name, norm->quant ? (int)norm->quant->count : 0);
}

static uf_status prepare_gate(ufi_ctx *ctx, const ufi_lstm *l, int_lstm *s, int g) {
  const ufi_lstm_gate *from = &l->gates[g];
  int_gate *to = &s->gates[g];
  float out_scale = 1.0f / 4096;
  int32_t ignored;
  UFI_TRY(ufi_lstm_norm_check(ctx, from->norm));
  if (from->norm) {
    UFI_TRY(ufi_lstm_intermediate(ctx, g, &out_scale, &ignored));
    to->norm = ufi_scale_from(ufi_scale(from->norm));
    to->norm.shift += 12;
    to->variance_guard = UFI_MAX(1, (int32_t)(10000 * ufi_scale(from->norm)));
  }
  to->in = ufi_scale_from(ufi_scale(from->w_in) * ufi_scale(l->input) / out_scale);
  to->rec = ufi_scale_from(ufi_scale(from->w_rec) * ufi_scale(l->h) / out_scale);
  if (from->peephole) {
    to->peephole = ufi_scale_from((float)(ldexp(1, s->cell_log2) * ufi_scale(from->peephole) / out_scale));
  }
  return UF_OK;
}

/* One block: the struct, then its arrays. */
static int_lstm *make_state(ufi_ctx *ctx, const ufi_lstm *l) {
  const size_t cells = (size_t)l->n_cell;
  int_lstm *s = ufi_ctx_state(ctx, sizeof *s + (UFI_GATES + 1) * cells * sizeof(int16_t) + cells);
  if (s == NULL) return NULL;
  int16_t *values = (int16_t *)(s + 1);
  for (int g = 0; g < UFI_GATES; g++, values += cells) s->values[g] = values;
  s->cell = values;
  s->narrow = (int8_t *)(s->cell + cells);
  return s;
}

static uf_status pack_weights(ufi_ctx *ctx, const ufi_lstm *l, int_lstm *s) {
  const ufi_tensor *weights[WEIGHTS] = {NULL};
  for (int g = l->has_input_gate ? 0 : 1; g < UFI_GATES; g++) {
    weights[W_IN + g] = l->gates[g].w_in;
    weights[W_REC + g] = l->gates[g].w_rec;
  }
  weights[W_PROJECTION] = l->projection;
  UFI_TRY(ufi_weights_pack(ctx, 0, weights, WEIGHTS, s->weights));
  ufi_want_scratch(ctx, ufi_weights_scratch(s->weights, WEIGHTS));
  return UF_OK;
}

static uf_status prepare_output(ufi_ctx *ctx, const ufi_lstm *l, int_lstm *s) {
  float hidden_scale = 1;
  UFI_TRY(ufi_lstm_intermediate(ctx, 4, &hidden_scale, &s->hidden_zero));
  s->hidden = ufi_scale_from((float)(ldexp(1, -15) / hidden_scale * ldexp(1, -15)));
  s->h_zero = ufi_zero(l->h);
  if (l->projection == NULL) return UF_OK;
  s->projection = ufi_scale_from(ufi_scale(l->projection) * hidden_scale / ufi_scale(l->h));
  return UF_OK;
}

uf_status ufi_lstm_int_prepare(ufi_ctx *ctx, const ufi_lstm *l) {
  int_lstm *s = make_state(ctx, l);
  if (s == NULL) return UF_RESOURCE_EXHAUSTED;
  UFI_TRY(power_of_two(ctx, l->c, &s->cell_log2));
  float cell = l->attrs->cell_clip / ufi_scale(l->c), projection = l->attrs->proj_clip / ufi_scale(l->output);
  s->cell_clip = (int16_t)UFI_MIN(UFI_MAX(cell, 0.0f), 32767.0f);
  s->proj_clip = (int8_t)UFI_MIN(UFI_MAX(projection, 0.0f), 127.0f);
  UFI_TRY(prepare_output(ctx, l, s));
  for (int g = l->has_input_gate ? 0 : 1; g < UFI_GATES; g++) UFI_TRY(prepare_gate(ctx, l, s, g));
  return pack_weights(ctx, l, s);
}

/* ---- eval -------------------------------------------------------------------------- */

/* v = v + scale (w (x - zero) + bias) */
static void accumulate(const ufi_ctx *ctx, const ufi_weight *packed, const ufi_tensor *w, const int8_t *x, int32_t zero,
                       const ufi_tensor *bias, ufk_scale scale, int16_t *v) {
  const int32_t *sums = ufi_weight_sums(packed, w, x, zero, ctx->scratch), *b = bias ? bias->data : NULL;
  for (int64_t r = 0; r < packed->shape.rows; r++) {
    const int32_t sum = b ? ufk_add_wrap(b[r], sums[r]) : sums[r];
    v[r] = (int16_t)ufk_fx_clamp16(ufk_scale_i32(sum, scale) + v[r]);
  }
}

static void layer_norm(const int_gate *gate, const int16_t *coefficients, const int32_t *bias, int16_t *v, int64_t n) {
  int64_t sum = 0, squares = 0;
  for (int64_t i = 0; i < n; i++) {
    sum += v[i];
    squares += (int32_t)v[i] * v[i];
  }
  int32_t mean = (int32_t)(sum * 1024 / n), reciprocal = (1 << 20) / (int32_t)n;
  int32_t variance = (int32_t)((squares * reciprocal - (int64_t)mean * mean) / (1 << 20));
  ufk_scale inverse = ufk_inverse_sqrt(variance < 1 ? gate->variance_guard : variance);
  for (int64_t i = 0; i < n; i++) {
    int32_t rescaled = ufk_scale_i32(1024 * v[i] - mean, inverse);
    int64_t y = (int32_t)((uint32_t)rescaled * (uint32_t)(int32_t)coefficients[i] + (uint32_t)bias[i]);
    int32_t rounded = (int32_t)((y > 0 ? y + 512 : y - 512) / 1024);
    v[i] = (int16_t)ufk_fx_clamp16(ufk_scale_i32(rounded, gate->norm));
  }
}

static void compute_gate(const ufi_ctx *ctx, const ufi_lstm *l, int g, const int8_t *x, const int8_t *h, const int16_t *c) {
  const ufk_elementwise_table *k = &ufi_kernels_get()->elementwise;
  const int_lstm *s = ctx->state;
  const ufi_lstm_gate *from = &l->gates[g];
  const int_gate *gate = &s->gates[g];
  int16_t *v = s->values[g];
  memset(v, 0, (size_t)l->n_cell * sizeof *v);
  accumulate(ctx, &s->weights[W_IN + g], from->w_in, x, ufi_zero(l->input), from->norm ? NULL : from->bias, gate->in, v);
  accumulate(ctx, &s->weights[W_REC + g], from->w_rec, h, ufi_zero(l->h), NULL, gate->rec, v);
  const int16_t *p = from->peephole ? from->peephole->data : NULL;
  for (int64_t i = 0; p && i < l->n_cell; i++) {
    v[i] = (int16_t)ufk_fx_clamp16(ufk_scale_i32((int32_t)p[i] * c[i], gate->peephole) + v[i]);
  }
  if (from->norm) layer_norm(gate, from->norm->data, from->bias->data, v, l->n_cell);
  (g == UFI_GATE_CELL ? k->s16_tanh : k->s16_logistic)(v, v, (size_t)l->n_cell, 3);
}

void ufi_lstm_int_cell(int64_t n, const int16_t *forget, const int16_t *input, const int16_t *cell, int log2_scale,
                       int16_t clip, int16_t *c) {
  for (int64_t i = 0; i < n; i++) {
    int16_t in = input ? input[i] : (int16_t)(32767 - forget[i]);
    int32_t kept = (int16_t)ufk_rdpot((int32_t)forget[i] * c[i], 15);
    int32_t added = (int16_t)ufk_rdpot((int32_t)in * cell[i], 30 + log2_scale);
    int32_t sum = ufk_fx_clamp16(kept + added);
    if (clip > 0) sum = UFI_MIN(UFI_MAX(sum, -clip), clip);
    c[i] = (int16_t)sum;
  }
}

static int8_t clamp8(int32_t x) { return (int8_t)UFI_MIN(UFI_MAX(x, -128), 127); }

static void update_output(const ufi_ctx *ctx, const ufi_lstm *l, const int16_t *c, int8_t *h) {
  const int_lstm *s = ctx->state;
  int8_t *hidden = l->projection ? s->narrow : h;
  int32_t zero = l->projection ? -s->hidden_zero : s->hidden_zero; /* as the reference has it */
  ufi_kernels_get()->elementwise.s16_tanh(c, s->cell, (size_t)l->n_cell, 15 + s->cell_log2);
  for (int64_t i = 0; i < l->n_cell; i++) {
    const int32_t product = (int32_t)s->values[UFI_GATE_OUTPUT][i] * s->cell[i];
    hidden[i] = clamp8(ufk_scale_i32(product, s->hidden) + zero);
  }
  if (l->projection == NULL) return;
  const int32_t *bias = l->projection_bias ? l->projection_bias->data : NULL;
  const int32_t *sums = ufi_weight_sums(&s->weights[W_PROJECTION], l->projection, hidden, -s->hidden_zero, ctx->scratch);
  for (int64_t r = 0; r < l->n_output; r++) {
    const int32_t sum = bias ? ufk_add_wrap(bias[r], sums[r]) : sums[r];
    int32_t y = clamp8(ufk_scale_i32(sum, s->projection) + s->h_zero);
    if (s->proj_clip > 0) y = UFI_MIN(UFI_MAX(y, -s->proj_clip), s->proj_clip);
    h[r] = (int8_t)y;
  }
}

void ufi_lstm_int(ufi_ctx *ctx, const ufi_lstm *l) {
  const int_lstm *s = ctx->state;
  for (int64_t t = 0; t < l->n_time; t++) {
    for (int64_t b = 0; b < l->n_batch; b++) {
      int64_t row = ufi_lstm_row(l, t, b);
      const int8_t *x = (const int8_t *)l->input->data + row * l->n_input;
      int8_t *h = (int8_t *)l->h->data + b * l->n_output;
      int16_t *c = (int16_t *)l->c->data + b * l->n_cell;
      for (int g = l->has_input_gate ? 0 : 1; g < UFI_GATE_OUTPUT; g++) compute_gate(ctx, l, g, x, h, c);
      ufi_lstm_int_cell(l->n_cell, s->values[UFI_GATE_FORGET], l->has_input_gate ? s->values[UFI_GATE_INPUT] : NULL,
                        s->values[UFI_GATE_CELL], s->cell_log2, s->cell_clip, c);
      compute_gate(ctx, l, UFI_GATE_OUTPUT, x, h, c);
      update_output(ctx, l, c, h);
      memcpy((int8_t *)l->output->data + row * l->n_output, h, (size_t)l->n_output);
    }
  }
}
