/* SPDX-License-Identifier: Apache-2.0
 *
 * lut.c: the shared part of unary ops, and look-up tables of quantized functions.
 *
 * The 16-bit table has the function at 513 points; between two the value is
 * interpolated. Each entry is shifted by half of the error that the interpolation
 * has in the middle of its interval, so that the error spreads to both signs.
 */
#include "ops/unary.h"

#include <math.h>

/* ---- shared -------------------------------------------------------------------------- */

uf_status ufi_unary_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_out_dtype(ctx, 0, ctx->in[0]->dtype));
  return ufi_out_like(ctx, 0, ctx->in[0]);
}

/* Bytes of the table of stored integers; floats have none. */
static size_t table_size(uf_dtype dtype) {
  return dtype == UF_INT8 || dtype == UF_UINT8 ? 256 : dtype == UF_INT16 ? UFI_LUT16_SIZE * sizeof(int16_t) : 0;
}

ufi_unary *ufi_unary_state(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  ufi_unary *s = ufi_ctx_state(ctx, sizeof *s + table_size(x->dtype));
  if (!s) return NULL;
  s->table = (uint8_t *)(s + 1);
  s->in_zero = ufi_zero(x), s->out_zero = ufi_zero(y);
  s->in_scale = ufi_scale(x), s->out_scale = ufi_scale(y);
  ufi_dtype_limits(y->dtype, &s->lo, &s->hi);
  return s;
}

typedef struct run {
  const ufi_unary *s;
  const char *x;
  char *y;
  size_t size; /* bytes per element */
} run;

static void run_range(void *context, size_t begin, size_t end) {
  const run *r = context;
  r->s->fn(r->x + begin * r->size, r->y + begin * r->size, end - begin, r->s);
}

uf_status ufi_unary_eval(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  run r = {ctx->state, x->data, y->data, (size_t)uf_dtype_bits(x->dtype) / 8};
  ufi_elements(ctx->pool, run_range, &r, (size_t)y->count);
  return UF_OK;
}

static void run_part(const ufi_ctx *ctx, const void *const in[2], void *out, size_t begin, size_t n) {
  const ufi_unary *s = ctx->state;
  s->fn(in[0], out, n, s);
}

ufi_part_fn ufi_unary_part(const ufi_ctx *ctx) { return run_part; }

/* ---- floats ---------------------------------------------------------------------------- */

static void map_f32(const void *x, void *y, size_t n, const ufi_unary *s) { s->f32(x, y, n); }

/* Halves in pieces, as float32. */
enum { PIECE = 256 };
static void map_f16(const void *px, void *py, size_t n, const ufi_unary *s) {
  const ufk_convert_table *k = &ufi_kernels_get()->convert;
  const uint16_t *x = px;
  uint16_t *y = py;
  float piece[PIECE];
  for (size_t i = 0; i < n; i += PIECE) {
    const size_t count = UFI_MIN(n - i, (size_t)PIECE);
    k->from_f16(x + i, count, piece);
    s->f32(piece, piece, count);
    k->to_f16(piece, count, y + i);
  }
}

static void map_bf16(const void *px, void *py, size_t n, const ufi_unary *s) {
  const uint16_t *x = px;
  uint16_t *y = py;
  float piece[PIECE];
  for (size_t i = 0; i < n; i += PIECE) {
    const size_t count = UFI_MIN(n - i, (size_t)PIECE);
    for (size_t j = 0; j < count; ++j) piece[j] = ufi_bfloat_to_float(x[i + j]);
    s->f32(piece, piece, count);
    for (size_t j = 0; j < count; ++j) y[i + j] = ufi_float_to_bfloat(piece[j]);
  }
}

bool ufi_unary_float(ufi_unary *s, uf_dtype dtype, ufk_f32_unary kernel) {
  s->f32 = ufi_kernels_get()->elementwise.f32_unary[kernel];
  s->fn = dtype == UF_FLOAT32 ? map_f32 : dtype == UF_FLOAT16 ? map_f16
        : dtype == UF_BFLOAT16 ? map_bf16 : NULL;
  return s->fn != NULL;
}

/* ---- quantized ----------------------------------------------------------------------------- */

static void map_table(const void *x, void *y, size_t n, const ufi_unary *s) {
  ufi_kernels_get()->elementwise.lut8(x, y, n, s->table);
}

static void map_q16(const void *px, void *py, size_t n, const ufi_unary *s) {
  const int16_t *x = px;
  int16_t *y = py;
  for (size_t i = 0; i < n; ++i) y[i] = (int16_t)s->q(x[i], s);
}

void ufi_unary_quantized(ufi_unary *s, uf_dtype dtype, int32_t (*q)(int32_t v, const ufi_unary *s)) {
  s->q = q;
  s->fn = dtype == UF_INT16 ? map_q16 : map_table;
  if (dtype == UF_INT16) return;
  for (int32_t v = 0; v < 256; ++v)
    s->table[v] = (uint8_t)q(dtype == UF_INT8 ? (int8_t)(uint8_t)v : v, s);
}

/* ---- tables of real functions ------------------------------------------------------------------ */

/* Truncates what fits; the rest is at the limits, NaN at the lower one. */
static int32_t to_i32(float v) {
  return v >= 2147483648.0f ? INT32_MAX : v >= -2147483648.0f ? (int32_t)v : INT32_MIN;
}

static uint8_t code8(float real, float inverse, const ufi_unary *s) {
  const int32_t q = to_i32(roundf(real * inverse) + (float)s->out_zero);
  return (uint8_t)UFI_MAX(UFI_MIN(s->hi, q), s->lo);
}

/* What the kernel says, and what f says where that is no number, or so near the middle between
 * two codes that the kernel's error might decide: MARGIN is more than the error of any code that fits. */
static void fill_table8(ufi_unary *s, uf_dtype dtype, ufi_real_fn f, ufk_f32_unary kernel) {
  enum { CODES = 256, FAR = 1024 };
  const bool is_near = s->out_zero >= -CODES && s->out_zero <= CODES;
  const float MARGIN = 1.0f / 32, inverse = 1.0f / s->out_scale;
  const float low = (float)s->lo - (float)s->out_zero - 1, high = (float)s->hi - (float)s->out_zero + 1;
  float x[CODES], y[CODES];
  for (int32_t i = 0; i < CODES; ++i) { /* the difference wraps: a damaged file's zero point may be anything */
    const int32_t v = dtype == UF_INT8 ? (int8_t)(uint8_t)i : i;
    x[i] = s->in_scale * (float)(int32_t)((uint32_t)v - (uint32_t)s->in_zero);
  }
  if (is_near) ufi_kernels_get()->elementwise.f32_unary[kernel](x, y, CODES);
  for (int32_t i = 0; is_near && i < CODES; ++i) {
    const float q = y[i] * inverse, inside = UFI_MAX(UFI_MIN(q, high), low);
    const int32_t below = (int32_t)(inside + FAR) - FAR;
    const float past = inside - (float)below - 0.5f;
    const int32_t code = below + (past >= 0) + s->out_zero;
    s->table[i] = (uint8_t)UFI_MAX(UFI_MIN(s->hi, code), s->lo);
    y[i] = q == q ? fabsf(past) : 0;
  }
  for (int32_t i = 0; i < CODES; ++i) {
    if (!is_near || y[i] < MARGIN) s->table[i] = code8(f(x[i], s), inverse, s);
  }
}

/* One entry: the value at the begin of an interval, less half of the error in its
 * middle, where there is one. Once in float, once in double, since rounding must agree. */
#define LUT16_ENTRY(name, T, ROUND)                                            \
  static int16_t name(T value, T middle, T next, T inverse) {                  \
    const T sample = ROUND(value * inverse);                                   \
    const T between = ROUND((next * inverse + sample) / 2);                    \
    const T bias = ROUND((between - ROUND(middle * inverse)) / 2);             \
    const T low = -32768, high = 32767;                                        \
    const T entry = sample - (isfinite(bias) ? bias : 0);                      \
    return (int16_t)(entry > high ? high : entry >= low ? entry : low); /* NaN: low */ \
  }
LUT16_ENTRY(entry_f32, float, roundf)
LUT16_ENTRY(entry_f64, double, round)

static void fill_lut16(ufi_unary *s, ufi_real_fn f) {
  const float in_min = s->in_scale * (float)(INT16_MIN - s->in_zero);
  const float in_max = s->in_scale * (float)(INT16_MAX - s->in_zero);
  const float out_min = s->out_scale * (float)(INT16_MIN - s->out_zero);
  const float out_max = s->out_scale * (float)(INT16_MAX - s->out_zero);
  const float step = (in_max - in_min) / 512, half = step / 2;
  const float inverse = 65536.0f / (out_max - out_min);
  for (int i = 0; i < 512; ++i)
    s->lut16[i] = entry_f32(f(in_min + (float)i * step, s), f(in_min + (float)i * step + half, s),
                            f(in_min + (float)(i + 1) * step, s), inverse);
  const float last = roundf(f(in_max, s) * inverse);
  s->lut16[512] = (int16_t)(last < -32768.0f ? -32768.0f : last > 32767.0f ? 32767.0f : last);
}

void ufi_lut16_fill(int16_t lut[UFI_LUT16_SIZE], double in_scale, int32_t in_zero, double out_scale,
                    int32_t out_zero, double (*f)(double)) {
  const double in_min = in_scale * (INT16_MIN - in_zero), in_max = in_scale * (INT16_MAX - in_zero);
  const double out_min = out_scale * (INT16_MIN - out_zero), out_max = out_scale * (INT16_MAX - out_zero);
  const double step = (in_max - in_min) / 512, half = step / 2;
  const double inverse = 65536.0 / (out_max - out_min);
  for (int i = 0; i < 512; ++i)
    lut[i] = entry_f64(f(in_min + i * step), f(in_min + i * step + half), f(in_min + (i + 1) * step), inverse);
  lut[512] = (int16_t)fmin(fmax(round(f(in_max) * inverse), -32768.0), 32767.0);
}

static int32_t q_lut16(int32_t v, const ufi_unary *s) { return ufi_lut16_at(s->lut16, (int16_t)v); }

void ufi_unary_real(ufi_unary *s, uf_dtype dtype, ufi_real_fn f, ufk_f32_unary kernel) {
  if (dtype == UF_INT16) {
    fill_lut16(s, f);
    ufi_unary_quantized(s, dtype, q_lut16);
  } else {
    fill_table8(s, dtype, f, kernel);
    s->fn = map_table;
  }
}
