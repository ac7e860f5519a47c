/* SPDX-License-Identifier: Apache-2.0
 *
 * softmax.c: SOFTMAX and LOG_SOFTMAX over the last dimension.
 *
 * The 8-bit forms are TFLite's fixed-point ones. exp depends on the difference of
 * a value to the largest of its row, one of 256, so prepare makes a table of it
 * (kernels/softmax8.h) and of the scaled difference (Q5). A row is then a sum in
 * Q12, one reciprocal or logarithm, and a product or difference per element. The
 * 16-bit form interpolates in tables of exp and of 1 / (1 + x).
 */
#include <math.h>

#include "kernels/fixed32.h"
#include "ops/unary.h"

typedef struct softmax_attrs {
  float beta;
  bool is_tf;
} softmax_attrs;
static uf_status softmax_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ((softmax_attrs *)attrs)->beta = ufi_fb_f32(&from->options, 0, 0.0f);
  return UF_OK;
}
static uf_status softmax_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  *(softmax_attrs *)attrs = (softmax_attrs){1.0f, true};
  return UF_OK;
}

typedef struct softmax_state softmax_state;
typedef void (*row_fn)(const void *x, void *y, size_t n, const softmax_state *s);
typedef void (*rows_fn)(const void *x, void *y, size_t rows, size_t n, const softmax_state *s);
struct softmax_state {
  row_fn row;
  rows_fn rows;          /* NULL: row by row */
  float beta;
  uf_dtype dtype;        /* softmax_half's */
  bool log;
  int32_t diff_min;      /* 8 bits: differences below count as -infinity */
  int32_t diff[256];     /* by -difference: scaled to Q5 */
  ufk_softmax8 tables;   /* and its exp, 0 below diff_min */
  ufk_scale scale;       /* 16 bits: of a difference; 8-bit LOG_SOFTMAX: back from Q5 */
  int16_t exp_lut[UFI_LUT16_SIZE], inverse_lut[UFI_LUT16_SIZE];
};

/* ---- 8 bits ------------------------------------------------------------------------------- */

/* Tables for values of input scale `scale`, times beta. */
static uf_status make_tables(ufi_ctx *ctx, softmax_state *s, double beta) {
  const double real = fmin(beta * (double)ufi_scale(ctx->in[0]) * (1 << 26), 2147483647.0);
  if (!(real > 1.0))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected beta times the input scale above 2^-26, found %g and %g",
                        beta, (double)ufi_scale(ctx->in[0]));
  int exponent;
  const double fraction = frexp(real, &exponent);
  int64_t multiplier = (int64_t)round(fraction * 2147483648.0);
  if (multiplier == INT64_C(1) << 31) multiplier /= 2, ++exponent;
  const ufk_scale scale = {(int32_t)multiplier, exponent};
  s->diff_min = -(int32_t)floor(31.0 * (1 << 26) / (double)(INT64_C(1) << exponent));
  for (int32_t d = 0; d < 256 && -d >= s->diff_min; ++d) {
    s->diff[d] = ufk_scale_i32(-d, scale);
    s->tables.exp[d] = ufk_exp_negative_q5(s->diff[d]);
  }
  ufk_softmax8_finish(&s->tables);
  s->scale = scale;
  return UF_OK;
}

static void softmax_s8(const void *x, void *y, size_t rows, size_t n, const softmax_state *s) {
  ufi_kernels_get()->softmax8.rows(&s->tables, x, y, rows, n, 0x80);
}
static void softmax_u8(const void *x, void *y, size_t rows, size_t n, const softmax_state *s) {
  ufi_kernels_get()->softmax8.rows(&s->tables, x, y, rows, n, 0);
}

/* To 16 bits. */
static void softmax_wide(const uint8_t *x, int16_t *y, size_t n, const softmax_state *s, uint8_t flip) {
  const ufk_softmax8 *t = &s->tables;
  int over;
  const uint8_t max = ufk_softmax8_max(x, n, flip);
  const int32_t scale = ufk_reciprocal(ufk_softmax8_sum(t, x, n, flip, max), 12, &over);
  for (size_t i = 0; i < n; ++i) {
    const int32_t product = ufk_srdhm(scale, t->exp[max - (uint8_t)(x[i] ^ flip)]);
    y[i] = (int16_t)(UFI_MIN(ufk_rdpot(product, over + 15), UINT16_MAX) + INT16_MIN);
  }
}
static void softmax_s8_s16(const void *x, void *y, size_t n, const softmax_state *s) { softmax_wide(x, y, n, s, 0x80); }
static void softmax_u8_s16(const void *x, void *y, size_t n, const softmax_state *s) { softmax_wide(x, y, n, s, 0); }

/* x - max - log(sum), 16 steps of the output to 1. Differences that surely end at
 * the least value are found without that arithmetic, which might overflow. */
static void log_softmax_row(const uint8_t *x, uint8_t *y, size_t n, const softmax_state *s, uint8_t flip) {
  const uint8_t max = ufk_softmax8_max(x, n, flip);
  const int32_t log_sum = ufk_log_q12_q5(ufk_softmax8_sum(&s->tables, x, n, flip, max));
  const int32_t limit = ufk_scale_i32(ufk_add_wrap(log_sum, INT32_MIN), s->scale);
  const int32_t adjusted = UFI_MAX(s->diff_min - 1, limit);
  for (size_t i = 0; i < n; ++i) {
    const int32_t d = max - (uint8_t)(x[i] ^ flip);
    int32_t v = 0;
    if (-d > adjusted) v = ufk_rdpot(ufk_sub_wrap(s->diff[d], log_sum), 22) + 255;
    y[i] = (uint8_t)(UFI_MAX(UFI_MIN(v, 255), 0) ^ flip);
  }
}
static void log_softmax_s8(const void *x, void *y, size_t n, const softmax_state *s) {
  log_softmax_row(x, y, n, s, 0x80);
}
static void log_softmax_u8(const void *x, void *y, size_t n, const softmax_state *s) {
  log_softmax_row(x, y, n, s, 0);
}

/* ---- 16 bits -------------------------------------------------------------------------------- */

static double one_over_one_plus(double v) { return 1.0 / (1.0 + v); }

/* exp over [-10, 0], 1 / (1 + x) over [0, 1]. */
static void make_tables_16(const ufi_ctx *ctx, softmax_state *s) {
  ufi_lut16_fill(s->exp_lut, 10.0 / 65535, INT16_MAX, 2.0 / 65535, 0, exp);
  ufi_lut16_fill(s->inverse_lut, 1.0 / 65535, INT16_MIN, 2.0 / 65535, 0, one_over_one_plus);
  s->scale = ufi_scale_from((double)(ufi_scale(ctx->in[0]) * s->beta) / (10.0 / 65535.0));
}
static int16_t clamp_16(int32_t v) { return (int16_t)UFI_MIN(UFI_MAX(v, INT16_MIN), INT16_MAX); }

static void softmax_s16(const void *px, void *py, size_t n, const softmax_state *s) {
  const int16_t *x = px;
  int16_t *y = py, max = INT16_MIN;
  int32_t sum = 0; /* Q16.15 */
  for (size_t i = 0; i < n; ++i) max = UFI_MAX(max, x[i]);
  for (size_t i = 0; i < n; ++i) {
    const int32_t scaled = ufk_scale_i32(x[i] - max, s->scale);
    y[i] = ufi_lut16_at(s->exp_lut, clamp_16(ufk_add_wrap(scaled, INT16_MAX)));
    sum = ufk_add_wrap(sum, y[i]);
  }
  const int headroom = sum > 0 ? __builtin_clz((uint32_t)sum) : 1;
  const int32_t shifted = (int32_t)((((int64_t)sum << (headroom - 1)) + (1 << 13)) >> 14);
  const int16_t inverse = ufi_lut16_at(s->inverse_lut, clamp_16(shifted - (1 << 15) - (1 << 16)));
  const int shift = 31 - headroom;
  for (size_t i = 0; i < n; ++i) {
    const int64_t product = ((int64_t)y[i] * inverse + (INT64_C(1) << (shift - 1))) >> shift;
    y[i] = (int16_t)UFI_MIN(UFI_MAX(product, 0), INT16_MAX);
  }
}

/* ---- floats ----------------------------------------------------------------------------------- */

static void softmax_f32(const void *x, void *y, size_t rows, size_t n, const softmax_state *s) {
  ufi_kernels_get()->elementwise.f32_softmax(x, y, rows, n, s->beta);
}
static void log_softmax_f32(const void *x, void *y, size_t n, const softmax_state *s) {
  ufi_kernels_get()->elementwise.f32_log_softmax(x, y, n);
}
static void softmax_f16(const void *px, void *py, size_t n, const softmax_state *s) {
  const uint16_t *x = px;
  uint16_t *y = py;
  float max = -INFINITY;
  double sum = 0.0;
  for (size_t i = 0; i < n; ++i) max = fmaxf(max, ufi_half_to_float(x[i]));
  for (size_t i = 0; i < n; ++i) {
    const float e = expf((ufi_half_to_float(x[i]) - max) * s->beta);
    y[i] = ufi_float_to_half(e); /* rounded before the division, as the reference */
    sum += e;
  }
  for (size_t i = 0; i < n; ++i) y[i] = ufi_float_to_half(ufi_half_to_float(y[i]) / (float)sum);
}

/* float64, and halves as TensorFlow computes them: every step is rounded to the dtype, sums are not. */
static void softmax_f64(const void *px, void *py, size_t n, const softmax_state *s) {
  const double *x = px;
  double *y = py, max = -(double)INFINITY, sum = 0.0;
  for (size_t i = 0; i < n; ++i) max = fmax(max, x[i]);
  for (size_t i = 0; i < n; ++i) sum += exp(x[i] - max);
  for (size_t i = 0; i < n; ++i) y[i] = s->log ? x[i] - max - log(sum) : exp(x[i] - max) / sum;
}
static float load_half(uf_dtype dtype, uint16_t bits) {
  return dtype == UF_FLOAT16 ? ufi_half_to_float(bits) : ufi_bfloat_to_float(bits);
}
static uint16_t store_half(uf_dtype dtype, float v) {
  return dtype == UF_FLOAT16 ? ufi_float_to_half(v) : ufi_float_to_bfloat(v);
}
static void softmax_half(const void *px, void *py, size_t n, const softmax_state *s) {
  const uf_dtype t = s->dtype;
  const uint16_t *x = px;
  uint16_t *y = py;
  float max = -INFINITY, sum = 0.0f;
#define ROUNDED(v) load_half(t, store_half(t, v))
  for (size_t i = 0; i < n; ++i) { /* fmaxf here ends gcc 12 for ARM by an internal error */
    const float v = load_half(t, x[i]);
    if (v > max) max = v;
  }
  for (size_t i = 0; i < n; ++i) {
    const float shifted = ROUNDED(load_half(t, x[i]) - max), e = ROUNDED(expf(shifted));
    y[i] = store_half(t, s->log ? shifted : e);
    sum += e;
  }
  sum = ROUNDED(sum);
  const float factor = ROUNDED(1.0f / sum), logarithm = ROUNDED(logf(sum));
#undef ROUNDED
  for (size_t i = 0; i < n; ++i) {
    const float v = load_half(t, y[i]);
    y[i] = store_half(t, s->log ? v - logarithm : v * factor);
  }
}

/* ---- the ops ------------------------------------------------------------------------------------- */

static uf_status softmax_infer(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_FLOAT16, UF_BFLOAT16, UF_FLOAT64, UF_INT8, UF_UINT8, UF_INT16,
                      UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, x, 1, UF_MAX_RANK));
  const bool widens = (x->dtype == UF_INT8 || x->dtype == UF_UINT8) && y->dtype == UF_INT16;
  if (!widens) UFI_TRY(ufi_out_dtype(ctx, 0, x->dtype));
  return ufi_out_like(ctx, 0, x);
}
static uf_status log_softmax_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_FLOAT16, UF_BFLOAT16, UF_FLOAT64, UF_INT8, UF_UINT8, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 1, UF_MAX_RANK));
  UFI_TRY(ufi_out_dtype(ctx, 0, ctx->in[0]->dtype));
  return ufi_out_like(ctx, 0, ctx->in[0]);
}

/* The one quantization that the output of a form can have. */
static uf_status want_output(ufi_ctx *ctx, float scale, int32_t zero) {
  const ufi_tensor *y = ctx->out[0];
  if (fabsf(ufi_scale(y) - scale) <= 0.001f * scale && ufi_zero(y) == zero) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                      "expected an output of scale %g and zero point %d, found %g and %d in '%s'",
                      (double)scale, zero, (double)ufi_scale(y), ufi_zero(y), y->name);
}

static void choose_8(softmax_state *s, uf_dtype in, uf_dtype out) {
  if (out == UF_INT16) s->row = in == UF_INT8 ? softmax_s8_s16 : softmax_u8_s16;
  else s->rows = in == UF_INT8 ? softmax_s8 : softmax_u8;
}

static uf_status softmax_prepare(ufi_ctx *ctx) {
  const uf_dtype in = ctx->in[0]->dtype, out = ctx->out[0]->dtype;
  softmax_state *s = ufi_ctx_state(ctx, sizeof *s);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  s->beta = ((const softmax_attrs *)ctx->attrs)->beta;
  s->dtype = in;
  const bool is_tf = ((const softmax_attrs *)ctx->attrs)->is_tf;
  if (in == UF_FLOAT32) s->rows = softmax_f32;
  s->row = in == UF_FLOAT64 ? softmax_f64 : is_tf || in == UF_BFLOAT16 ? softmax_half : softmax_f16;
  if (in == UF_FLOAT32 || in == UF_FLOAT16 || in == UF_BFLOAT16 || in == UF_FLOAT64) return UF_OK;
  UFI_TRY(ufi_want_all_per_tensor(ctx));
  if (in == UF_INT8 && out == UF_INT8) UFI_TRY(want_output(ctx, 1.0f / 256, INT8_MIN));
  if (in == UF_INT16) {
    UFI_TRY(want_output(ctx, 1.0f / 32768, 0));
    UFI_TRY(ufi_want_symmetric(ctx, ctx->in[0]));
    s->row = softmax_s16;
    make_tables_16(ctx, s);
    return UF_OK;
  }
  choose_8(s, in, out);
  return make_tables(ctx, s, (double)s->beta);
}

static uf_status log_softmax_prepare(ufi_ctx *ctx) {
  const uf_dtype in = ctx->in[0]->dtype;
  softmax_state *s = ufi_ctx_state(ctx, sizeof *s);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  s->dtype = in;
  s->log = true;
  s->row = in == UF_FLOAT32 ? log_softmax_f32 : in == UF_FLOAT64 ? softmax_f64 : softmax_half;
  if (in == UF_FLOAT32 || in == UF_FLOAT16 || in == UF_BFLOAT16 || in == UF_FLOAT64) return UF_OK;
  UFI_TRY(ufi_want_all_per_tensor(ctx));
  UFI_TRY(want_output(ctx, 16.0f / 256, in == UF_INT8 ? INT8_MAX : UINT8_MAX));
  s->row = in == UF_INT8 ? log_softmax_s8 : log_softmax_u8;
  UFI_TRY(make_tables(ctx, s, 1.0));
  s->scale = ufi_scale_from((double)(INT64_C(1) << (31 - UFI_MIN(s->scale.shift, 31))) / s->scale.multiplier);
  return UF_OK;
}

typedef struct softmax_run {
  const softmax_state *s;
  const char *x;
  char *y;
  size_t n, size_x, size_y;
} softmax_run;
static void run_rows(void *context, size_t begin, size_t end) {
  const softmax_run *r = context;
  const size_t step_x = r->n * r->size_x, step_y = r->n * r->size_y;
  if (r->s->rows) {
    r->s->rows(r->x + begin * step_x, r->y + begin * step_y, end - begin, r->n, r->s);
    return;
  }
  for (size_t i = begin; i < end; ++i) r->s->row(r->x + i * step_x, r->y + i * step_y, r->n, r->s);
}

static uf_status softmax_eval(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  if (x->count == 0) return UF_OK;
  softmax_run r = {ctx->state, x->data, y->data, (size_t)x->dims[x->rank - 1],
                   (size_t)uf_dtype_bits(x->dtype) / 8, (size_t)uf_dtype_bits(y->dtype) / 8};
  const size_t rows = (size_t)x->count / r.n;
  if (x->count < ufi_split_least(ctx->pool, UFI_PARALLEL_MIN)) run_rows(&r, 0, rows);
  else ufi_parallel_even(ctx->pool, run_rows, &r, rows, 1, UFI_MAX(UFI_PARALLEL_GRAIN / r.n, (size_t)1));
  return UF_OK;
}

static void softmax_part(const ufi_ctx *ctx, const void *const in[2], void *out, size_t begin, size_t n) {
  const softmax_state *s = ctx->state;
  s->rows(in[0], out, n, (size_t)ctx->in[0]->dims[ctx->in[0]->rank - 1], s);
}

static ufi_part_fn softmax_rows_of(const ufi_ctx *ctx) {
  return ((const softmax_state *)ctx->state)->rows ? softmax_part : NULL;
}

const ufi_op_def ufi_op_SOFTMAX = {
  .attrs_size = sizeof(softmax_attrs), .attrs_tflite = softmax_tflite, .attrs_tf = softmax_tf,
  .infer = softmax_infer, .prepare = softmax_prepare, .eval = softmax_eval,
  .rows = softmax_rows_of,
};
const ufi_op_def ufi_op_LOG_SOFTMAX = {
  .infer = log_softmax_infer, .prepare = log_softmax_prepare, .eval = softmax_eval,
};
