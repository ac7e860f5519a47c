/* SPDX-License-Identifier: Apache-2.0
 *
 * lstm_int8.c: the fully quantized LSTM whose matrix products are rounded to int8
 * (8x8_8): CIFG, with layer normalization and a projection with bias, always.
 *
 * Twelve intermediate tensors hold the scales and zero points, three for each gate
 * (input, forget, cell, output): of the sum, of W x and of R h. The functions
 * between the integer products are computed in floats. All rounding is TFLite's;
 * but the scale of R h of the output gate is the file's, where TFLite's kernel
 * takes it from behind the end of an array.
 */
#include <math.h>

#include "kernels/fixed32.h"
#include "kernels/fixedpoint.h"
#include "ops/lstm.h"
#include "ops/qparams.h"

typedef struct product {
  ufk_scale into, onto;    /* to the int8 product; from there to the sum */
  int32_t zero;            /* of the product */
} product;

typedef struct int8_gate {
  product in, rec;
  float norm_scale;
  int16_t *values;         /* (n_cell) */
} int8_gate;

/* Weights of the gates, of inputs and then of states. */
enum { W_IN, W_REC = UFI_GATES, WEIGHTS = 2 * UFI_GATES };

typedef struct int8_lstm {
  int8_gate gates[UFI_GATES];
  ufi_weight weights[WEIGHTS];
  size_t product;          /* bytes of scratch of one */
  ufk_scale projection;
  int16_t cell_clip;
  int8_t proj_clip;
  int16_t *hidden;         /* (n_cell) */
} int8_lstm;

/* ---- checks ------------------------------------------------------------------------ */

uf_status ufi_lstm_int8_check(ufi_ctx *ctx, const ufi_lstm *l) {
  const ufi_lstm_gate *g = l->gates;
  float scale;
  int32_t zero;
  if (l->has_input_gate || g[UFI_GATE_OUTPUT].peephole || !g[UFI_GATE_OUTPUT].norm || !l->projection || !l->projection_bias) {
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected with 12 intermediate tensors (8x8_8) no input gate, no "
                        "peephole, but layer "
                        "normalization and a projection with bias, found another variant");
  }
  if (ufi_scale(l->c) != 1.0f / 32768) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a cell state '%s' of scale 2^-15, found %g", l->c->name,
                        (double)ufi_scale(l->c));
  }
  for (int i = 0; i < 12; i++) UFI_TRY(ufi_lstm_intermediate(ctx, i, &scale, &zero));
  for (int i = UFI_GATE_FORGET; i < UFI_GATES; i++) UFI_TRY(ufi_lstm_norm_check(ctx, g[i].norm));
  return UF_OK;
}

/* ---- prepare ---------------------------------------------------------------------- */

static uf_status prepare_product(ufi_ctx *ctx, const ufi_tensor *w, const ufi_tensor *x, int i, float sum_scale, product *p) {
  float scale = 1;
  UFI_TRY(ufi_lstm_intermediate(ctx, i, &scale, &p->zero));
  p->zero = (int8_t)p->zero;
  p->into = ufi_scale_from((double)(ufi_scale(w) * ufi_scale(x) / scale));
  p->onto = ufi_scale_from((double)(scale / sum_scale));
  return UF_OK;
}

static uf_status prepare_gate(ufi_ctx *ctx, const ufi_lstm *l, int g, int8_gate *to) {
  const ufi_lstm_gate *from = &l->gates[g];
  float sum_scale = 1;
  int32_t unused;
  UFI_TRY(ufi_lstm_intermediate(ctx, 3 * g, &sum_scale, &unused));
  UFI_TRY(prepare_product(ctx, from->w_in, l->input, 3 * g + 1, sum_scale, &to->in));
  UFI_TRY(prepare_product(ctx, from->w_rec, l->h, 3 * g + 2, sum_scale, &to->rec));
  ufk_scale norm = ufi_scale_from((double)ufi_scale(from->norm));
  to->norm_scale = (float)ldexp(norm.multiplier, norm.shift - 31);
  return UF_OK;
}

uf_status ufi_lstm_int8_prepare(ufi_ctx *ctx, const ufi_lstm *l) {
  const size_t cells = (size_t)l->n_cell;
  const ufi_tensor *weights[WEIGHTS] = {NULL};
  int8_lstm *s = ufi_ctx_state(ctx, sizeof *s + (UFI_GATES + 1) * cells * sizeof(int16_t));
  if (s == NULL) return UF_RESOURCE_EXHAUSTED;
  s->hidden = (int16_t *)(s + 1);
  for (int g = 0; g < UFI_GATES; g++) s->gates[g].values = s->hidden + (size_t)(g + 1) * cells;
  for (int g = UFI_GATE_FORGET; g < UFI_GATES; g++) {
    UFI_TRY(prepare_gate(ctx, l, g, &s->gates[g]));
    weights[W_IN + g] = l->gates[g].w_in;
    weights[W_REC + g] = l->gates[g].w_rec;
  }
  UFI_TRY(ufi_weights_pack(ctx, 0, weights, WEIGHTS, s->weights));
  s->product = ufi_weights_scratch(s->weights, WEIGHTS);
  ufi_want_scratch(ctx, 2 * s->product);
  s->projection = ufi_scale_from((double)(float)((double)ufi_scale(l->projection) * ldexp(1, -15) / (double)ufi_scale(l->h)));
  const float clip = l->attrs->cell_clip;
  s->cell_clip = clip > 0 && clip < 1 ? (int16_t)(clip / ufi_scale(l->c)) : 0;
  s->proj_clip = (int8_t)UFI_MIN(l->attrs->proj_clip / ufi_scale(l->output), 127.0f);
  return UF_OK;
}

/* ---- eval -------------------------------------------------------------------------- */

static int32_t clamp8(int32_t x) { return UFI_MIN(UFI_MAX(x, -128), 127); }

/* An element of W x or R h, as it goes into the gate's sum. */
static int32_t rounded(const product *p, int32_t sum) {
  return ufk_scale_i32(clamp8(ufk_add_wrap(ufk_scale_i32(sum, p->into), p->zero)) - p->zero, p->onto);
}

static void layer_norm(const int8_gate *gate, const int16_t *coefficients, const int32_t *bias, int16_t *v, int64_t n) {
  const float bias_scale = ldexpf(gate->norm_scale, -10);
  float sum = 0, squares = 0;
  for (int64_t i = 0; i < n; i++) {
    sum += (float)v[i];
    squares += (float)v[i] * (float)v[i];
  }
  const float mean = sum / (float)n, variance = squares / (float)n - mean * mean;
  const float inverse = 1.0f / sqrtf(variance == 0 ? 1e-8f : variance);
  for (int64_t i = 0; i < n; i++) {
    const float normal = ((float)v[i] - mean) * inverse;
    const float y = normal * (float)coefficients[i] * gate->norm_scale + (float)bias[i] * bias_scale;
    const float code = roundf(y * 4096.0f);
    v[i] = (int16_t)(code >= 32767 ? 32767 : code >= -32768 ? (int32_t)code : -32768); /* not a number: the lowest */
  }
}

static int16_t code_of(float x) { return (int16_t)UFI_MIN((int32_t)(x * 32768.0f), 32767); }
static int16_t sigmoid(int16_t x) { return code_of(1.0f / (1.0f + expf(-(float)x / 4096.0f))); }
static int16_t hyperbolic(int16_t x, float scale) { return code_of(tanhf((float)x * scale)); }

static void compute_gate(const ufi_ctx *ctx, const ufi_lstm *l, int g, const int8_t *x, const int8_t *h) {
  const int8_lstm *s = ctx->state;
  const ufi_lstm_gate *from = &l->gates[g];
  const int8_gate *gate = &s->gates[g];
  int16_t *v = gate->values;
  const int32_t *in = ufi_weight_sums(&s->weights[W_IN + g], from->w_in, x, ufi_zero(l->input), ctx->scratch);
  const int32_t *back = ufi_weight_sums(&s->weights[W_REC + g], from->w_rec, h, ufi_zero(l->h),
                                        (char *)ctx->scratch + s->product);
  for (int64_t r = 0; r < l->n_cell; r++) {
    v[r] = (int16_t)ufk_fx_clamp16(ufk_add_wrap(rounded(&gate->in, in[r]), rounded(&gate->rec, back[r])));
  }
  layer_norm(gate, from->norm->data, from->bias->data, v, l->n_cell);
  for (int64_t r = 0; r < l->n_cell; r++) v[r] = g == UFI_GATE_CELL ? hyperbolic(v[r], 1.0f / 4096) : sigmoid(v[r]);
}

static void update_output(const ufi_lstm *l, const int8_lstm *s, const int16_t *c, int8_t *h) {
  const int16_t *gate = s->gates[UFI_GATE_OUTPUT].values;
  const int8_t *w = l->projection->data;
  for (int64_t i = 0; i < l->n_cell; i++) {
    s->hidden[i] = (int16_t)ufk_rdpot((int32_t)gate[i] * hyperbolic(c[i], 1.0f / 32768), 15);
  }
  for (int64_t r = 0; r < l->n_output; r++, w += l->n_cell) {
    int64_t sum = ((const int32_t *)l->projection_bias->data)[r];
    for (int64_t i = 0; i < l->n_cell; i++) sum += s->hidden[i] * w[i];
    int32_t code = clamp8(ufk_add_wrap(ufk_scale_i64(sum, s->projection), ufi_zero(l->h)));
    if (s->proj_clip > 0) code = UFI_MIN(UFI_MAX(code, -s->proj_clip), s->proj_clip);
    h[r] = (int8_t)code;
  }
}

void ufi_lstm_int8(ufi_ctx *ctx, const ufi_lstm *l) {
  const int8_lstm *s = ctx->state;
  for (int64_t b = 0; b < l->n_batch; b++) {
    const int8_t *x = (const int8_t *)l->input->data + b * l->n_input;
    int8_t *h = (int8_t *)l->h->data + b * l->n_output;
    int16_t *c = (int16_t *)l->c->data + b * l->n_cell;
    for (int g = UFI_GATE_FORGET; g < UFI_GATES; g++) compute_gate(ctx, l, g, x, h);
    ufi_lstm_int_cell(l->n_cell, s->gates[UFI_GATE_FORGET].values, NULL, s->gates[UFI_GATE_CELL].values, -15, s->cell_clip, c);
    update_output(l, s, c, h);
    memcpy((int8_t *)l->output->data + b * l->n_output, h, (size_t)l->n_output);
  }
}
