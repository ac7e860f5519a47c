/* SPDX-License-Identifier: Apache-2.0
 *
 * svdf.c: SVDF, a recurrent layer whose filters are products of a feature
 * vector and a time vector, of rank `rank`.
 *
 * Inputs: x (batch, input); feature weights (filters, input); time weights
 * (filters, memory); bias (units), optional; state (batch, filters * memory),
 * is_variable. filters = units * rank. The state of each filter is shifted by
 * one and takes the newest feature; the output is the state times the time
 * weights, summed over the rank. Float, hybrid (int8 weights) and int8 with an
 * int16 state.
 */
#include "kernels/fixed32.h"
#include "kernels/fixedpoint.h"
#include "ops/recurrent.h"
#include "ops/qparams.h"

typedef struct svdf_attrs {
  int32_t rank;
  ufi_act act;
  bool asymmetric_inputs;
} svdf_attrs;

typedef struct svdf {
  const ufi_tensor *x, *feature, *time, *bias;
  ufi_tensor *state, *out;
  int64_t n_batch, n_input, n_filters, n_memory, n_units;
} svdf;

static uf_status read_attrs(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  svdf_attrs *a = attrs;
  a->rank = ufi_fb_i32(&from->options, 0, 0);
  a->act = (ufi_act)ufi_fb_i8(&from->options, 1, 0);
  a->asymmetric_inputs = ufi_fb_bool(&from->options, 2, false);
  if (a->rank > 0 && a->act >= UFI_ACT_NONE && a->act <= UFI_ACT_SIGN_BIT) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a rank above 0 and a fused activation from 0 to %d, found %d "
                  "and %d",
                  UFI_ACT_SIGN_BIT, (int)a->rank, (int)a->act);
}

static uf_status measure(ufi_ctx *ctx, svdf *s) {
  const svdf_attrs *a = ctx->attrs;
  *s = (svdf){.x = ctx->in[0], .feature = ctx->in[1], .time = ctx->in[2], .bias = ctx->in[3], .state = ctx->in[4],
              .out = ctx->out[0]};
  UFI_TRY(ufi_want_rank(ctx, s->x, 2, 2));
  UFI_TRY(ufi_want_rank(ctx, s->feature, 2, 2));
  UFI_TRY(ufi_want_rank(ctx, s->time, 2, 2));
  s->n_batch = s->x->dims[0];
  s->n_input = s->x->dims[1];
  s->n_filters = s->feature->dims[0];
  s->n_memory = s->time->dims[1];
  s->n_units = s->n_filters / a->rank;
  return UF_OK;
}

static bool is_int(const svdf *s) { return s->x->dtype == UF_INT8; }
static bool is_hybrid(const svdf *s) { return !is_int(s) && s->feature->dtype != UF_FLOAT32; }

static uf_status check_shapes(ufi_ctx *ctx, const svdf *s) {
  const svdf_attrs *a = ctx->attrs;
  if (s->n_filters < 1 || s->n_filters % a->rank != 0 || s->n_memory < 1) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected as many filters as units times rank %d, and a memory of 1 "
                        "and more, found %lld filters and a memory of %lld",
                        (int)a->rank, (long long)s->n_filters, (long long)s->n_memory);
  }
  UFI_TRY(ufi_want_dims(ctx, s->feature, "feature weights", 2, s->n_filters, s->n_input));
  UFI_TRY(ufi_want_dims(ctx, s->time, "time weights", 2, s->n_filters, s->n_memory));
  if (s->bias) UFI_TRY(ufi_want_dims(ctx, s->bias, "a bias", 1, s->n_units, 0));
  return ufi_want_state(ctx, s->state, s->n_batch, s->n_memory * s->n_filters, is_int(s) ? UF_INT16 : UF_FLOAT32);
}

static uf_status check_dtypes(ufi_ctx *ctx, const svdf *s) {
  uf_dtype w = s->feature->dtype;
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INT8, UF_INVALID));
  if (is_int(s)) UFI_TRY(ufi_want_in(ctx, 1, UF_INT8, UF_INVALID));
  else UFI_TRY(ufi_want_in(ctx, 1, UF_FLOAT32, UF_INT8, UF_UINT8, UF_INVALID));
  UFI_TRY(ufi_want_dtype_of(ctx, s->time, is_int(s) ? UF_INT16 : w, "time weights"));
  UFI_TRY(ufi_want_dtype_of(ctx, s->bias, is_int(s) ? UF_INT32 : UF_FLOAT32, "a bias"));
  UFI_TRY(ufi_want_dtype_of(ctx, s->out, s->x->dtype, "an output"));
  UFI_TRY(ufi_want_one_scale(ctx, s->feature));
  return ufi_want_one_scale(ctx, s->time);
}

static uf_status check_int(ufi_ctx *ctx, const svdf *s) {
  const svdf_attrs *a = ctx->attrs;
  const ufi_tensor *scaled[] = {s->x, s->time, s->state, s->out};
  if (a->act != UFI_ACT_RELU) {
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected fused activation RELU (1) of an int8 SVDF, found %d", (int)a->act);
  }
  for (int i = 0; i < 4; i++) {
    if (scaled[i]->quant && scaled[i]->quant->count == 1 && scaled[i]->quant->scales[0] > 0) continue;
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one scale of '%s', found %d", scaled[i]->name,
                        scaled[i]->quant ? (int)scaled[i]->quant->count : 0);
  }
  return UF_OK;
}

static uf_status infer(ufi_ctx *ctx) {
  svdf s;
  UFI_TRY(measure(ctx, &s));
  UFI_TRY(check_dtypes(ctx, &s));
  UFI_TRY(check_shapes(ctx, &s));
  if (is_int(&s)) UFI_TRY(check_int(ctx, &s));
  int64_t dims[2] = {s.n_batch, s.n_units};
  return ufi_out_shape(ctx, 0, 2, dims);
}

typedef struct svdf_state {
  ufk_scale feature, time; /* of int8 */
  ufi_weight weights;      /* of features */
} svdf_state;

static uf_status prepare(ufi_ctx *ctx) {
  svdf s;
  UFI_TRY(measure(ctx, &s));
  svdf_state *k = ufi_ctx_state(ctx, sizeof *k);
  if (k == NULL) return UF_RESOURCE_EXHAUSTED;
  if (is_int(&s)) {
    k->feature = ufi_scale_from((double)(ufi_scale(s.x) * ufi_scale(s.feature) / ufi_scale(s.state)));
    k->time = ufi_scale_from((double)(ufi_scale(s.state) * ufi_scale(s.time) / ufi_scale(s.out)));
  }
  UFI_TRY(ufi_weights_pack(ctx, 0, &s.feature, 1, &k->weights));
  ufi_want_scratch(ctx, (size_t)s.n_filters * sizeof(float) + ufi_weights_scratch(&k->weights, 1));
  return UF_OK;
}

/* ---- float and hybrid -------------------------------------------------------------- */

static float filter_sum(const svdf *s, int64_t f, const float *row) {
  const float *time = (const float *)s->time->data + f * s->n_memory;
  float sum = 0;
  for (int64_t m = 0; m < s->n_memory; m++) sum += row[m] * time[m];
  return sum;
}

static float hybrid_sum(const svdf *s, int64_t f, const float *row, float scale) {
  const int8_t *time = (const int8_t *)s->time->data + f * s->n_memory;
  float sum = 0;
  for (int64_t m = 0; m < s->n_memory; m++) sum += row[m] * ((float)time[m] * scale);
  return sum;
}

static void float_row(const ufi_ctx *ctx, const svdf *s, int64_t b) {
  const svdf_attrs *a = ctx->attrs;
  const svdf_state *k = ctx->state;
  float *features = ctx->scratch, *state = (float *)s->state->data + b * s->n_filters * s->n_memory;
  float *out = (float *)s->out->data + b * s->n_units;
  memset(features, 0, (size_t)s->n_filters * sizeof *features);
  ufi_weight_add(&k->weights, s->feature, (const float *)s->x->data + b * s->n_input, a->asymmetric_inputs,
                 features + s->n_filters, features);
  for (int64_t u = 0; u < s->n_units; u++) out[u] = s->bias ? ((const float *)s->bias->data)[u] : 0.0f;
  memmove(state, state + 1, (size_t)(s->n_filters * s->n_memory - 1) * sizeof *state);
  for (int64_t f = 0; f < s->n_filters; f++) {
    float *row = state + f * s->n_memory;
    row[s->n_memory - 1] = features[f];
    out[f / a->rank] += is_hybrid(s) ? hybrid_sum(s, f, row, ufi_scale(s->time)) : filter_sum(s, f, row);
  }
  ufi_vector_act(out, s->n_units, a->act);
}

/* ---- int8 ----------------------------------------------------------------------------- */

static void int_row(const ufi_ctx *ctx, const svdf *s, int64_t b) {
  const svdf_attrs *a = ctx->attrs;
  const svdf_state *k = ctx->state;
  int16_t *state = (int16_t *)s->state->data + b * s->n_filters * s->n_memory;
  const int16_t *time = s->time->data;
  const int8_t *x = (const int8_t *)s->x->data + b * s->n_input;
  const int32_t *features = ufi_weight_sums(&k->weights, s->feature, x, ufi_zero(s->x), ctx->scratch);
  memmove(state, state + 1, (size_t)(s->n_filters * s->n_memory - 1) * sizeof *state);
  for (int64_t u = 0; u < s->n_units; u++) {
    uint32_t sum = s->bias ? (uint32_t)((const int32_t *)s->bias->data)[u] : 0;
    for (int64_t f = u * a->rank; f < (u + 1) * a->rank; f++) {
      int16_t *row = state + f * s->n_memory;
      row[s->n_memory - 1] = (int16_t)ufk_fx_clamp16(ufk_scale_i32(features[f], k->feature));
      for (int64_t m = 0; m < s->n_memory; m++) sum += (uint32_t)((int32_t)row[m] * time[f * s->n_memory + m]);
    }
    int32_t code = ufk_scale_i32((int32_t)sum, k->time) + ufi_zero(s->out);
    ((int8_t *)s->out->data)[b * s->n_units + u] = (int8_t)UFI_MIN(UFI_MAX(code, -128), 127);
  }
}

static uf_status eval(ufi_ctx *ctx) {
  svdf s;
  UFI_TRY(measure(ctx, &s));
  for (int64_t b = 0; b < s.n_batch; b++) {
    if (is_int(&s)) int_row(ctx, &s, b);
    else float_row(ctx, &s, b);
  }
  return UF_OK;
}

extern const ufi_op_def ufi_op_SVDF;
const ufi_op_def ufi_op_SVDF = {.attrs_size = sizeof(svdf_attrs), .attrs_tflite = read_attrs, .infer = infer,
                                .prepare = prepare, .eval = eval};
