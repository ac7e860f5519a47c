/* SPDX-License-Identifier: Apache-2.0
 *
 * unary.c: functions of one value that are no activations.
 *
 * Quantized int8 and int16 forms exist where TFLite has them, with its results;
 * square roots of quantized negative numbers are refused, of floats they are NaN.
 */
#include <math.h>

#include "kernels/fixed32.h"
#include "ops/number.h"
#include "ops/unary.h"
#include "ops/variant.h"

/* A prepare that has float kernels only. */
static uf_status no_dtype(ufi_ctx *ctx, const char *supported) {
  char text[512];
  return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected %s, found %s", supported, ufi_tensor_text(ctx->in[0], text));
}
static uf_status prepare_float(ufi_ctx *ctx, ufk_f32_unary kernel) {
  ufi_unary *s = ufi_unary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  return ufi_unary_float(s, ctx->in[0]->dtype, kernel) ? UF_OK : no_dtype(ctx, "floats");
}
#define UNARY_DEF(name, prepare_fn) UFI_NUMBER_DEF(name, ufi_unary_infer, prepare_fn, ufi_unary_eval, ufi_unary_part)
#define FLOAT_OP(name, kernel)                                                        \
  static uf_status prepare_##name(ufi_ctx *ctx) { return prepare_float(ctx, kernel); } \
  UNARY_DEF(name, prepare_##name)
FLOAT_OP(SIN, UFK_SIN);
FLOAT_OP(COS, UFK_COS);
FLOAT_OP(SQUARE, UFK_SQUARE);
FLOAT_OP(FLOOR, UFK_FLOOR);
FLOAT_OP(CEIL, UFK_CEIL);
FLOAT_OP(ROUND, UFK_ROUND);

/* Loops of plain numbers. */
#define MAP(name, T, expression)                                                 \
  static void name(const void *px, void *py, size_t n, const ufi_unary *s) {     \
    const T *x = px;                                                             \
    T *y = py;                                                                   \
    for (size_t i = 0; i < n; ++i) { const T v = x[i]; y[i] = (T)(expression); } \
  }

/* int8, or int16 that is quantized: scales and zero points checked. */
static bool is_q(const ufi_ctx *ctx) {
  const uf_dtype dtype = ctx->in[0]->dtype;
  return dtype == UF_INT8 || (dtype == UF_INT16 && ufi_is_quantized(ctx->in[0]));
}
static uf_status check_q(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_all_per_tensor(ctx));
  if (ctx->in[0]->dtype != UF_INT16) return UF_OK;
  UFI_TRY(ufi_want_symmetric(ctx, ctx->in[0]));
  return ufi_want_symmetric(ctx, ctx->out[0]);
}
static inline int32_t clamp_out(int32_t v, const ufi_unary *s) { return UFI_MIN(UFI_MAX(v, s->lo), s->hi); }

/* ---- ABS, NEG, SIGN, LOGICAL_NOT, ZEROS_LIKE -------------------------------------------- */

/* The least integer is its own absolute value and negation. */
MAP(abs_i16, int16_t, v < 0 ? -v : v)
MAP(abs_i32, int32_t, v < 0 ? 0u - (uint32_t)v : (uint32_t)v)
MAP(abs_i64, int64_t, v < 0 ? 0u - (uint64_t)v : (uint64_t)v)
MAP(neg_i8, int8_t, -v)
MAP(neg_i16, int16_t, -v)
MAP(neg_i32, int32_t, 0u - (uint32_t)v)
MAP(neg_i64, int64_t, 0u - (uint64_t)v)
MAP(sign_i32, int32_t, (v > 0) - (v < 0))
MAP(sign_f64, double, v > 0 ? 1.0 : v < 0 ? -1.0 : v != v ? v : 0.0)
MAP(not_bool, uint8_t, !v)

static int32_t q_abs(int32_t v, const ufi_unary *s) {
  const int32_t d = v - s->in_zero, size = d < 0 ? -d : d;
  const int32_t scaled = s->in_scale == s->out_scale ? size : ufk_scale_i32(size, s->scale);
  return clamp_out(ufk_add_wrap(scaled, s->out_zero), s);
}

static uf_status abs_prepare(ufi_ctx *ctx) {
  ufi_unary *s = ufi_unary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  const uf_dtype dtype = ctx->in[0]->dtype;
  if (is_q(ctx)) {
    UFI_TRY(check_q(ctx));
    s->scale = ufi_scale_from(s->in_scale / s->out_scale);
    ufi_unary_quantized(s, dtype, q_abs);
    return UF_OK;
  }
  if (ufi_unary_float(s, dtype, UFK_ABS)) return UF_OK;
  s->fn = dtype == UF_INT16 ? abs_i16 : dtype == UF_INT32 ? abs_i32 : dtype == UF_INT64 ? abs_i64 : NULL;
  return s->fn ? UF_OK : no_dtype(ctx, "floats, int8, int16, int32 or int64");
}
UNARY_DEF(ABS, abs_prepare);

/* NEG negates stored integers, whatever their quantization. */
static uf_status neg_prepare(ufi_ctx *ctx) {
  ufi_unary *s = ufi_unary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  const uf_dtype dtype = ctx->in[0]->dtype;
  if (ufi_unary_float(s, dtype, UFK_NEG)) return UF_OK;
  s->fn = dtype == UF_INT8 ? neg_i8 : dtype == UF_INT16 ? neg_i16 : dtype == UF_INT32 ? neg_i32
        : dtype == UF_INT64 ? neg_i64 : NULL;
  return s->fn ? UF_OK : no_dtype(ctx, "floats, int8, int16, int32 or int64");
}
UNARY_DEF(NEG, neg_prepare);

static uf_status sign_prepare(ufi_ctx *ctx) {
  ufi_unary *s = ufi_unary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  const uf_dtype dtype = ctx->in[0]->dtype;
  if (ufi_unary_float(s, dtype, UFK_SIGN)) return UF_OK;
  s->fn = dtype == UF_INT32 ? sign_i32 : dtype == UF_FLOAT64 ? sign_f64 : NULL;
  return s->fn ? UF_OK : no_dtype(ctx, "floats or int32");
}
UNARY_DEF(SIGN, sign_prepare);

static uf_status not_prepare(ufi_ctx *ctx) {
  ufi_unary *s = ufi_unary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  s->fn = not_bool;
  return ctx->in[0]->dtype == UF_BOOL ? UF_OK : no_dtype(ctx, "bool");
}
UNARY_DEF(LOGICAL_NOT, not_prepare);

static uf_status zeros_infer(ufi_ctx *ctx) {
  if (ctx->in[0]->dtype == UF_VARIANT) return ufi_variant_math_infer(ctx);
  UFI_TRY(ufi_want_dtype(ctx, 0, UFI_REALS_ALL | UFI_COMPLEX | UFI_DTYPE_BIT(BOOL) | UFI_DTYPE_BIT(STRING)));
  return ufi_unary_infer(ctx);
}
static uf_status zeros_eval(ufi_ctx *ctx) {
  if (ctx->in[0]->dtype == UF_VARIANT) return ufi_variant_math_eval(ctx, true);
  if (ctx->out[0]->size) memset(ctx->out[0]->data, 0, ctx->out[0]->size);
  return UF_OK;
}
const ufi_op_def ufi_op_ZEROS_LIKE = {.infer = zeros_infer, .eval = zeros_eval};

/* ---- EXP, LOG ----------------------------------------------------------------------------- */

static float real_exp(float v, const ufi_unary *s) { return expf(v); }
/* Where there is no logarithm: the least value that the output can have. */
static float real_log(float v, const ufi_unary *s) {
  return v <= 0.0f ? ((float)s->lo - (float)s->out_zero) * s->out_scale : logf(v);
}

static uf_status prepare_real(ufi_ctx *ctx, ufk_f32_unary kernel, ufi_real_fn f) {
  ufi_unary *s = ufi_unary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  const uf_dtype dtype = ctx->in[0]->dtype;
  if (ufi_unary_float(s, dtype, kernel)) return UF_OK;
  if (dtype != UF_INT8 && dtype != UF_INT16) return no_dtype(ctx, "floats, or quantized int8 or int16");
  UFI_TRY(check_q(ctx));
  ufi_unary_real(s, dtype, f, kernel);
  return UF_OK;
}
static uf_status exp_prepare(ufi_ctx *ctx) { return prepare_real(ctx, UFK_EXP, real_exp); }
static uf_status log_prepare(ufi_ctx *ctx) { return prepare_real(ctx, UFK_LOG, real_log); }
UNARY_DEF(EXP, exp_prepare);
UNARY_DEF(LOG, log_prepare);

/* ---- SQRT, RSQRT ---------------------------------------------------------------------------- */

static int32_t q_sqrt(int32_t v, const ufi_unary *s) {
  const float real = s->in_scale * (float)(v - s->in_zero);
  if (!(real >= 0.0f)) return 0; /* refused in eval */
  const float q = sqrtf(real) / s->out_scale;
  return q < 1e9f ? clamp_out((int32_t)q + s->out_zero, s) : s->hi;
}

/* 20 more bits keep the root of an integer an integer. */
static int32_t q_rsqrt(int32_t v, const ufi_unary *s) {
  const int32_t d = v - s->in_zero;
  if (d <= 0) return s->hi;
  ufk_scale root = ufk_inverse_sqrt(d), rest = s->scale;
  root.shift += 20;
  rest.shift = UFI_MAX(rest.shift - 20, -31);
  const int32_t y = ufk_scale_i32(ufk_scale_i32(1, root), rest);
  return clamp_out(ufk_add_wrap(y, s->out_zero), s);
}

static float real_rsqrt(float v, const ufi_unary *s) {
  return v <= 0.0f ? (float)INT16_MAX * s->out_scale : 1.0f / sqrtf(v);
}

static uf_status sqrt_prepare(ufi_ctx *ctx) {
  ufi_unary *s = ufi_unary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  if (ufi_unary_float(s, ctx->in[0]->dtype, UFK_SQRT)) return UF_OK;
  if (!is_q(ctx)) return no_dtype(ctx, "floats, or quantized int8 or int16");
  UFI_TRY(check_q(ctx));
  ufi_unary_quantized(s, ctx->in[0]->dtype, q_sqrt);
  return UF_OK;
}

static uf_status rsqrt_prepare(ufi_ctx *ctx) {
  ufi_unary *s = ufi_unary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  const uf_dtype dtype = ctx->in[0]->dtype;
  if (ufi_unary_float(s, dtype, UFK_RSQRT)) return UF_OK;
  if (!is_q(ctx)) return no_dtype(ctx, "floats, or quantized int8 or int16");
  UFI_TRY(check_q(ctx));
  s->scale = ufi_scale_from(1.0 / (double)(sqrtf(s->in_scale) * s->out_scale));
  if (dtype == UF_INT16) ufi_unary_real(s, dtype, real_rsqrt, UFK_RSQRT);
  else ufi_unary_quantized(s, dtype, q_rsqrt);
  return UF_OK;
}

/* Quantized square roots: no value below the zero point. */
static uf_status root_eval(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0];
  const int32_t zero = ufi_zero(x);
  int64_t at = 0;
  if (x->dtype == UF_INT8)
    for (const int8_t *p = x->data; at < x->count && p[at] >= zero; ++at) {}
  else if (x->dtype == UF_INT16)
    for (const int16_t *p = x->data; at < x->count && p[at] >= zero; ++at) {}
  else
    return ufi_unary_eval(ctx);
  if (at == x->count) return ufi_unary_eval(ctx);
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected values >= 0, found a negative one at element %lld of '%s'",
                      (long long)at, x->name);
}
static ufi_part_fn root_part(const ufi_ctx *ctx) {
  return ctx->in[0]->dtype == UF_INT8 || ctx->in[0]->dtype == UF_INT16 ? NULL : ufi_unary_part(ctx);
}
UFI_NUMBER_DEF(SQRT, ufi_unary_infer, sqrt_prepare, root_eval, root_part);
UFI_NUMBER_DEF(RSQRT, ufi_unary_infer, rsqrt_prepare, root_eval, root_part);
