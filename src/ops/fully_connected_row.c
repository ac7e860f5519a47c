/* SPDX-License-Identifier: Apache-2.0
 *
 * fully_connected_row.c: FULLY_CONNECTED of one row with lasting weights: a matrix times a vector (gemv.h) and what
 * makes outputs of its sums. The checks, in words, are those of the general forms, which come first.
 *
 * State: the struct below, then arrays with an element for each output, padded. Scratch: sums, and the codes of a float
 * input. The first time that it runs it packs a few rows at a time (ufi_packed_kept).
 */
#include <math.h>

#include "ops/gemm_f32.h"
#include "ops/gemm_quant.h"
#include "ops/gemv.h"

typedef struct row_state {
  ufi_gemv weights;
  size_t size;               /* of them packed */
  ufi_act act;
  float low, high;           /* act of floats */
  bool asymmetric, one_scale;
  float scale;               /* with one_scale: of the weights */
  int32_t zero, min, max;    /* of the output */
  int64_t padded;
  bool has_near;             /* of integers: column and bias are factor and nudge of a ufk_q_scale */
  double real[];             /* then float column[], float bias[] */
} row_state;

static float *column_of(row_state *s) { return (float *)(void *)(s->real + s->padded); }
static float *bias_of(row_state *s) { return column_of(s) + s->padded; }

/* Rows of integers whose weights have a zero point take the general form. */
static bool takes_types(const ufi_tensor *x, const ufi_tensor *w, const ufi_tensor *y) {
  const bool blocks = ufi_is_quantized(w) && w->quant->block_size > 0;
  if (x->dtype == UF_FLOAT32) return !blocks && (w->dtype == UF_FLOAT32 || ufi_is_quantized(w));
  return x->dtype == UF_INT8 && y->dtype == UF_INT8 && !blocks && w->dtype != UF_FLOAT32 && w->dtype != UF_UINT8 &&
         ufi_is_quantized(w) && (w->quant->count > 1 || ufi_zero(w) == 0);
}

bool ufi_fc_is_row(const ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *w = ctx->in[1], *bias = ufi_in(ctx, 2);
  if (ctx->n_out != 1 || w->rank != 2 || w->count == 0 || x->count / w->dims[1] != 1) return false;
  return w->is_lasting && (!bias || bias->is_const) && takes_types(x, w, ctx->out[0]);
}

/* ---- prepare ---------------------------------------------------------------------- */

static uf_status fill(ufi_ctx *ctx, void *memory, void *arg) {
  const ufi_tensor *w = ctx->in[1];
  return ufi_gemv_pack(ctx, arg, &w, 1, memory);
}

/* The packed weights, NULL: not yet. */
static uf_status packed_of(ufi_ctx *ctx, row_state *s, const void **out) {
  const ufi_weight_form form = {.weight = ctx->in[1], .size = s->size};
  return ufi_packed_kept(ctx, 2, &form, fill, &s->weights, out);
}

static row_state *make_state(ufi_ctx *ctx, const ufi_fc_geometry *g) {
  const int64_t padded = ufi_gemv_padded(g->out);
  row_state *s = ufi_ctx_state(ctx, sizeof *s + (size_t)padded * (sizeof(double) + 2 * sizeof(float)));
  if (s == NULL) return NULL;
  const ufi_tensor *w = ctx->in[1];
  s->weights = ufi_gemv_of(&w, 1);
  if (!ufi_gemv_size(&s->weights, &s->size)) {
    (void)ufi_too_large(ctx);
    return NULL;
  }
  s->padded = padded;
  s->act = g->act;
  ufi_act_range_f32(g->act, &s->low, &s->high);
  return s;
}

uf_status ufi_fc_row_f32_prepare(ufi_ctx *ctx, const ufi_fc_geometry *g) {
  row_state *s = make_state(ctx, g);
  if (s == NULL) return UF_RESOURCE_EXHAUSTED;
  if (g->bias) memcpy(bias_of(s), g->bias->data, (size_t)g->out * sizeof(float));
  return UF_OK;
}

/* From sums to outputs; of one scale or of each output's. Plain loops, since a graph may have hundreds of these nodes. */
static void set_factors(const ufi_q_spec *spec, row_state *s) {
  const bool is_float = spec->input->dtype == UF_FLOAT32;
  const int64_t n = spec->n, scales = spec->filter->quant->count == 1 ? 1 : n;
  float *column = column_of(s), *bias = bias_of(s);
  bool is_near = !is_float;
  ufi_q_factors(spec, scales, s->real);
  for (int64_t i = 0; i < scales; i++) s->real[i] = isfinite(s->real[i]) ? s->real[i] : 0.0;
  for (int64_t i = 0; i < scales && is_float; i++) column[i] = spec->one_scale ? 1.0f : ufi_channel_scale(spec->filter, i);
  for (int64_t i = 0; i < scales && !is_float; i++) is_near &= ufk_q_near(s->real[i], 0, column + i, bias + i);
  for (int64_t i = scales; i < n; i++) s->real[i] = s->real[0], column[i] = column[0], bias[i] = bias[0];
  s->has_near = is_near;
}

uf_status ufi_fc_row_quant_prepare(ufi_ctx *ctx, const ufi_fc_geometry *g, const ufi_q_spec *spec) {
  row_state *s = make_state(ctx, g);
  if (s == NULL) return UF_RESOURCE_EXHAUSTED;
  s->asymmetric = spec->asymmetric;
  s->one_scale = spec->one_scale;
  s->scale = ufi_channel_scale(g->filter, 0);
  set_factors(spec, s);
  ufi_q_layout layout = {0};
  ufi_q_take(&layout, s->padded, sizeof(int32_t));
  if (g->input->dtype == UF_FLOAT32) {
    if (g->bias) memcpy(bias_of(s), g->bias->data, (size_t)g->out * sizeof(float));
    ufi_q_take(&layout, g->in, 1);
  } else {
    s->zero = ufi_zero(g->output);
    ufi_act_range_quant(g->act, g->output, &s->min, &s->max);
  }
  return ufi_q_want(ctx, &layout);
}

/* ---- eval ------------------------------------------------------------------------- */

static uf_status multiply(ufi_ctx *ctx, row_state *s, const int8_t *codes, const int32_t *bias, int32_t zero, int32_t *sums) {
  const void *packed;
  UFI_TRY(packed_of(ctx, s, &packed));
  if (!packed) return ufi_gemv_s8_once(ctx, &s->weights, ctx->in[1], codes, bias, -zero, sums);
  ufi_gemv_s8(ctx->pool, &s->weights, packed, codes, bias, -zero, sums);
  return UF_OK;
}

static uf_status eval_f32(ufi_ctx *ctx, row_state *s) {
  const float *x = ctx->in[0]->data;
  float *y = ctx->out[0]->data;
  const void *packed;
  UFI_TRY(packed_of(ctx, s, &packed));
  if (packed) ufi_gemv_f32(ctx->pool, &s->weights, packed, x, bias_of(s), y);
  else UFI_TRY(ufi_gemv_f32_once(ctx, &s->weights, ctx->in[1], x, bias_of(s), y));
  if (s->act != UFI_ACT_NONE) ufi_kernels_get()->elementwise.f32_clamp(y, y, (size_t)s->weights.rows, s->low, s->high);
  ufi_act_apply_f32(s->act, y, s->weights.rows);
  return UF_OK;
}

static uf_status eval_hybrid(ufi_ctx *ctx, row_state *s) {
  const ufi_kernels *k = ufi_kernels_get();
  float *y = ctx->out[0]->data, scale;
  int32_t *sums = ctx->scratch, zero;
  int8_t *codes = (int8_t *)(sums + s->padded);
  k->qgemm.quantize((size_t)s->weights.cols, ctx->in[0]->data, s->asymmetric, codes, &scale, &zero);
  UFI_TRY(multiply(ctx, s, codes, NULL, zero, sums));
  if (s->one_scale) scale *= s->scale; /* as the general form */
  const ufk_q_float to = {.column = column_of(s), .bias = ufi_in(ctx, 2) ? bias_of(s) : NULL, .row = &scale,
                          .min = s->low, .max = s->high};
  k->qgemm.to_float(1, (size_t)s->weights.rows, sums, (size_t)s->padded, &to, y, (size_t)s->weights.rows);
  ufi_act_apply_f32(s->act, y, s->weights.rows);
  return UF_OK;
}

static uf_status eval_int(ufi_ctx *ctx, row_state *s) {
  const ufi_tensor *x = ctx->in[0], *bias = ufi_in(ctx, 2);
  int32_t *sums = ctx->scratch;
  UFI_TRY(multiply(ctx, s, x->data, bias ? bias->data : NULL, ufi_zero(x), sums));
  ufk_q_scale to = {.real = s->real, .zero = s->zero, .min = s->min, .max = s->max};
  if (s->has_near) to.factor = column_of(s), to.nudge = bias_of(s);
  ufi_kernels_get()->qgemm.real_s8(1, (size_t)s->weights.rows, sums, (size_t)s->padded, &to, ctx->out[0]->data,
                                   (size_t)s->weights.rows);
  return UF_OK;
}

uf_status ufi_fc_row_eval(ufi_ctx *ctx) {
  if (ctx->in[1]->dtype == UF_FLOAT32) return eval_f32(ctx, ctx->state);
  return ctx->in[0]->dtype == UF_FLOAT32 ? eval_hybrid(ctx, ctx->state) : eval_int(ctx, ctx->state);
}
