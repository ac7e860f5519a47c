/* SPDX-License-Identifier: Apache-2.0
 *
 * normalize.c: L2_NORMALIZATION over the last dimension, and
 * LOCAL_RESPONSE_NORMALIZATION across channels.
 */
#include <math.h>

#include "kernels/fixed32.h"
#include "ops/broadcast.h"
#include "ops/qparams.h"

/* ---- L2_NORMALIZATION ----------------------------------------------------------------------- */

static uf_status l2_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  *(int32_t *)attrs = ufi_fb_i8(&from->options, 0, 0);
  return UF_OK;
}

static uf_status l2_infer(ufi_ctx *ctx) {
  const int32_t act = *(const int32_t *)ctx->attrs;
  if (act != UFI_ACT_NONE)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected no fused activation, found number %d", (int)act);
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INT8, UF_UINT8, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 1, UF_MAX_RANK));
  UFI_TRY(ufi_out_dtype(ctx, 0, ctx->in[0]->dtype));
  return ufi_out_like(ctx, 0, ctx->in[0]);
}

/* Quantized results have 128 steps to 1. */
static uf_status l2_prepare(ufi_ctx *ctx) {
  const ufi_tensor *y = ctx->out[0];
  if (y->dtype == UF_FLOAT32) return UF_OK;
  UFI_TRY(ufi_want_all_per_tensor(ctx));
  const int32_t zero = y->dtype == UF_UINT8 ? 128 : 0;
  if (ufi_scale(y) == 1.0f / 128 && ufi_zero(y) == zero) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an output of scale 1/128 and zero point %d, found %g and %d",
                      zero, (double)ufi_scale(y), ufi_zero(y));
}

typedef struct l2_run {
  const ufi_tensor *x, *y;
  size_t n;
  int32_t zero;
} l2_run;

static void l2_f32(void *context, size_t begin, size_t end) {
  const l2_run *r = context;
  const ufk_elementwise_table *k = &ufi_kernels_get()->elementwise;
  for (size_t i = begin; i < end; ++i) {
    const float *x = (const float *)r->x->data + i * r->n;
    const float root = sqrtf((float)k->f32_sum_squares(x, r->n)), norm = root < 1e-6f ? 1e-6f : root; /* NaN stays */
    k->f32_binary[UFK_DIV][UFK_VS](x, &norm, (float *)r->y->data + i * r->n, r->n, -INFINITY, INFINITY);
  }
}

/* The two forms of the reference scale differently, in the last bit. */
#define L2_ROWS(name, T, SCALED, offset, lo, hi)                                        \
  static void name(void *context, size_t begin, size_t end) {                           \
    const l2_run *r = context;                                                          \
    for (size_t i = begin; i < end; ++i) {                                              \
      const T *x = (const T *)r->x->data + i * r->n;                                    \
      T *y = (T *)r->y->data + i * r->n;                                                \
      int32_t sum = 0;                                                                  \
      for (size_t j = 0; j < r->n; ++j)                                                 \
        sum = ufk_add_wrap(sum, (x[j] - r->zero) * (x[j] - r->zero));                   \
      const ufk_scale s = ufk_inverse_sqrt(sum);                                        \
      for (size_t j = 0; j < r->n; ++j) {                                               \
        const int32_t d = x[j] - r->zero;                                               \
        y[j] = (T)UFI_MIN(hi, UFI_MAX(lo, ufk_add_wrap(SCALED, offset)));               \
      }                                                                                 \
    }                                                                                   \
  }
#define SHIFTED(s, n) ((ufk_scale){(s).multiplier, (s).shift + (n)})
L2_ROWS(l2_s8, int8_t, ufk_scale_i32(d, SHIFTED(s, 7)), 0, INT8_MIN, INT8_MAX)
L2_ROWS(l2_u8, uint8_t, ufk_scale_i32(128 * d, s), 128, 0, 255)

static uf_status l2_eval(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0];
  if (x->count == 0) return UF_OK;
  l2_run r = {x, ctx->out[0], (size_t)x->dims[x->rank - 1], ufi_zero(x)};
  const ufi_range_fn fn = x->dtype == UF_FLOAT32 ? l2_f32 : x->dtype == UF_INT8 ? l2_s8 : l2_u8;
  const size_t rows = (size_t)x->count / r.n;
  if (x->count < ufi_split_least(ctx->pool, UFI_PARALLEL_MIN)) fn(&r, 0, rows);
  else ufi_parallel_even(ctx->pool, fn, &r, rows, 1, UFI_MAX(UFI_PARALLEL_GRAIN / r.n, (size_t)1));
  return UF_OK;
}
const ufi_op_def ufi_op_L2_NORMALIZATION = {
  .attrs_size = sizeof(int32_t), .attrs_tflite = l2_tflite, .infer = l2_infer, .prepare = l2_prepare, .eval = l2_eval,
};

/* ---- LOCAL_RESPONSE_NORMALIZATION -------------------------------------------------------------- */

typedef struct lrn_attrs {
  int32_t radius;
  float bias, alpha, beta;
} lrn_attrs;
static uf_status lrn_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  lrn_attrs *a = attrs;
  a->radius = ufi_fb_i32(&from->options, 0, 0);
  a->bias = ufi_fb_f32(&from->options, 1, 0.0f);
  a->alpha = ufi_fb_f32(&from->options, 2, 0.0f);
  a->beta = ufi_fb_f32(&from->options, 3, 0.0f);
  return UF_OK; /* a radius below 0: nothing is added up */
}

static uf_status lrn_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 4, 4));
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_FLOAT32));
  return ufi_out_like(ctx, 0, ctx->in[0]);
}

/* x * (bias + alpha * sum of squares of channels [c - radius, c + radius])^-beta. TFLite's reference
 * kernel leaves channel c + radius out, its default one and TensorFlow do not. */
static uf_status lrn_eval(ufi_ctx *ctx) {
  const lrn_attrs *a = ctx->attrs;
  const ufi_tensor *t = ctx->in[0];
  const int64_t depth = t->dims[3], radius = UFI_MIN(a->radius, depth);
  const float *x = t->data;
  float *y = ctx->out[0]->data;
  for (int64_t i = 0; i < t->count; i += depth, x += depth, y += depth)
    for (int64_t c = 0; c < depth; ++c) {
      float sum = 0.0f;
      for (int64_t k = UFI_MAX(0, c - radius); k < UFI_MIN(depth, c + radius + 1); ++k) sum += x[k] * x[k];
      y[c] = x[c] * powf(a->bias + a->alpha * sum, -a->beta);
    }
  return UF_OK;
}
const ufi_op_def ufi_op_LOCAL_RESPONSE_NORMALIZATION = {
  .attrs_size = sizeof(lrn_attrs), .attrs_tflite = lrn_tflite, .infer = lrn_infer, .eval = lrn_eval,
};
