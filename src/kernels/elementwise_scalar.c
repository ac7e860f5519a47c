/* SPDX-License-Identifier: Apache-2.0
 *
 * elementwise_scalar.c: the scalar kernels of elementwise.h, complete, and the
 * reference that the others are tested against.
 *
 * Written for clarity: one value at a time, functions from libm. The compiler
 * may vectorise the plain loops, the results do not change by it.
 */
#include "kernels/elementwise.h"

#include <float.h>
#include <math.h>

#include "kernels/fixed32.h"
#include "kernels/fixedpoint_tmpl.h"

/* ---- two operands ------------------------------------------------------------ */

/* Comparisons are written so that a NaN passes through the clamp. */
static inline float clamp_f32(float v, float lo, float hi) {
  v = v < lo ? lo : v;
  return v > hi ? hi : v;
}

#define F32_BINARY_ONE(name, mode, A, B, expression)                                       \
  static void name##_##mode(const float *a, const float *b, float *y, size_t n, float lo, \
                            float hi) {                                                    \
    for (size_t i = 0; i < n; ++i) {                                                       \
      const float u = A, v = B;                                                            \
      y[i] = clamp_f32(expression, lo, hi);                                                \
    }                                                                                      \
  }
#define F32_BINARY(name, expression)                 \
  F32_BINARY_ONE(name, vv, a[i], b[i], expression)   \
  F32_BINARY_ONE(name, sv, a[0], b[i], expression)   \
  F32_BINARY_ONE(name, vs, a[i], b[0], expression)

F32_BINARY(f32_add, u + v)
F32_BINARY(f32_sub, u - v)
F32_BINARY(f32_mul, u * v)
F32_BINARY(f32_div, u / v)
F32_BINARY(f32_max, u > v ? u : v)
F32_BINARY(f32_min, u < v ? u : v)
F32_BINARY(f32_sqdiff, (u - v) * (u - v))
F32_BINARY(f32_prelu, u >= 0.0f ? u : u * v)

/* ---- one operand ------------------------------------------------------------- */

#define F32_UNARY(name, expression)                             \
  static void name(const float *x, float *y, size_t n) {        \
    for (size_t i = 0; i < n; ++i) {                            \
      const float v = x[i];                                     \
      y[i] = expression;                                        \
    }                                                           \
  }

static float logistic(float v) {
  if (v < 0.0f) {
    const float e = expf(v);
    return e / (1.0f + e);
  }
  return 1.0f / (1.0f + expf(-v));
}

static float gelu(float v) { return 0.5f * v * erfcf(v * -(float)M_SQRT1_2); }

/* (1 + tanh(u)) / 2 is the logistic function of 2 u, which has no cancellation
 * where tanh is near -1. */
static float gelu_tanh(float v) {
  const float u = (float)(M_2_SQRTPI * M_SQRT1_2) * (v + 0.044715f * v * v * v);
  return v * logistic(2.0f * u);
}

F32_UNARY(f32_abs, fabsf(v))
F32_UNARY(f32_neg, -v)
F32_UNARY(f32_square, v * v)
F32_UNARY(f32_sqrt, sqrtf(v))
F32_UNARY(f32_rsqrt, 1.0f / sqrtf(v))
F32_UNARY(f32_floor, floorf(v))
F32_UNARY(f32_ceil, ceilf(v))
F32_UNARY(f32_round, rintf(v))
F32_UNARY(f32_sign, v > 0.0f ? 1.0f : v < 0.0f ? -1.0f : v != v ? v : 0.0f)
F32_UNARY(f32_exp, expf(v))
F32_UNARY(f32_log, logf(v))
F32_UNARY(f32_sin, sinf(v))
F32_UNARY(f32_cos, cosf(v))
F32_UNARY(f32_tanh, tanhf(v))
F32_UNARY(f32_logistic, logistic(v))
F32_UNARY(f32_elu, v < 0.0f ? expm1f(v) : v)
F32_UNARY(f32_hard_swish, v * clamp_f32(v + 3.0f, 0.0f, 6.0f) / 6.0f)
F32_UNARY(f32_gelu, gelu(v))
F32_UNARY(f32_gelu_tanh, gelu_tanh(v))
F32_UNARY(f32_erf, erff(v))
F32_UNARY(f32_erfc, erfcf(v))

static void f32_clamp(const float *x, float *y, size_t n, float lo, float hi) {
  for (size_t i = 0; i < n; ++i) y[i] = clamp_f32(x[i], lo, hi);
}

static void f32_leaky_relu(const float *x, float *y, size_t n, float alpha) {
  for (size_t i = 0; i < n; ++i) y[i] = x[i] > 0.0f ? x[i] : x[i] * alpha;
}

/* ---- rows ---------------------------------------------------------------------- */

/* Lanes to add in, so that rounding errors stay those of n / LANES additions;
 * blocks of BLOCK floats are then added in double. */
enum { LANES = 8, BLOCK = 1024 };

#define F32_SUM(name, expression)                             \
  static double name(const float *x, size_t n) {              \
    double total = 0.0;                                       \
    for (size_t at = 0; at < n; at += BLOCK) {                \
      const size_t end = UFI_MIN(n, at + BLOCK);              \
      float lane[LANES] = {0};                                \
      for (size_t i = at; i < end; ++i) {                     \
        const float v = x[i];                                 \
        lane[i % LANES] += expression;                        \
      }                                                       \
      for (int i = 0; i < LANES; ++i) total += lane[i];       \
    }                                                         \
    return total;                                             \
  }
F32_SUM(f32_sum, v)
F32_SUM(f32_sum_squares, v * v)

/* Rows that are added up before their sum is added to the others'. */
enum { BLOCK_ROWS = 128 };

static void f32_accumulate(const float *x, size_t rows, int64_t step, float *sums, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    for (size_t row = 0; row < rows; row += BLOCK_ROWS) {
      const size_t end = UFI_MIN(rows, row + BLOCK_ROWS);
      float sum = 0.0f;
      for (size_t k = row; k < end; ++k) sum += x[(int64_t)k * step + (int64_t)i];
      sums[i] += sum;
    }
  }
}

static float f32_max_row(const float *x, size_t n, float start) {
  for (size_t i = 0; i < n; ++i) start = x[i] > start ? x[i] : start;
  return start;
}

static float f32_min_row(const float *x, size_t n, float start) {
  for (size_t i = 0; i < n; ++i) start = x[i] < start ? x[i] : start;
  return start;
}

static void f32_norm(const float *x, const float *gamma, const float *beta, float *y, size_t n, float r, float m) {
  for (size_t i = 0; i < n; ++i) {
    const float g = r * gamma[i], shift = m * g;
    y[i] = x[i] * g + (beta ? beta[i] + shift : shift);
  }
}

static void f32_norm_centered(const float *x, const float *gamma, const float *beta, float *y, size_t n, float r) {
  for (size_t i = 0; i < n; ++i) {
    const float scaled = gamma ? x[i] * r * gamma[i] : x[i] * r;
    y[i] = beta ? scaled + beta[i] : scaled;
  }
}

static void f32_softmax(const float *x, float *y, size_t rows, size_t n, float beta) {
  for (; rows > 0; --rows, x += n, y += n) {
    const float max = f32_max_row(x, n, -FLT_MAX);
    for (size_t i = 0; i < n; ++i) y[i] = expf((x[i] - max) * beta);
    const float sum = (float)f32_sum(y, n);
    for (size_t i = 0; i < n; ++i) y[i] /= sum;
  }
}

static void f32_log_softmax(const float *x, float *y, size_t n) {
  const float max = f32_max_row(x, n, -FLT_MAX);
  double sum = 0.0;
  for (size_t i = 0; i < n; ++i) sum += expf(x[i] - max);
  const float log_sum = logf((float)sum);
  for (size_t i = 0; i < n; ++i) y[i] = x[i] - max - log_sum;
}

static int64_t s8_sum(const int8_t *x, size_t n) {
  int64_t sum = 0;
  for (size_t i = 0; i < n; ++i) sum += x[i];
  return sum;
}

static int64_t u8_sum(const uint8_t *x, size_t n) {
  int64_t sum = 0;
  for (size_t i = 0; i < n; ++i) sum += x[i];
  return sum;
}

static void s8_accumulate(const int8_t *x, size_t rows, int64_t step, int32_t *sums, size_t n) {
  for (; rows > 0; --rows, x += step)
    for (size_t i = 0; i < n; ++i) sums[i] = (int32_t)((uint32_t)sums[i] + (uint32_t)x[i]);
}

static void u8_accumulate(const uint8_t *x, size_t rows, int64_t step, int32_t *sums, size_t n) {
  for (; rows > 0; --rows, x += step)
    for (size_t i = 0; i < n; ++i) sums[i] = (int32_t)((uint32_t)sums[i] + (uint32_t)x[i]);
}

/* ---- conversion ------------------------------------------------------------------ */

/* Clamped as a float first, so that the conversion never overflows: the limits
 * are integers and zero lies between them, hence the result is the same. */
static inline int32_t quantize(float v, float scale, int32_t zero, int32_t lo, int32_t hi) {
  v = roundf(v / scale);
  v = v > (float)(lo - zero) ? v : (float)(lo - zero);
  v = v < (float)(hi - zero) ? v : (float)(hi - zero);
  return (int32_t)v + zero;
}
#define QUANTIZE(name, type, lo, hi)                                                  \
  static void name(const float *x, type *y, size_t n, float scale, int32_t zero) {    \
    for (size_t i = 0; i < n; ++i) y[i] = (type)quantize(x[i], scale, zero, lo, hi);  \
  }
QUANTIZE(f32_to_s8, int8_t, -128, 127)
QUANTIZE(f32_to_u8, uint8_t, 0, 255)
QUANTIZE(f32_to_s16, int16_t, -32768, 32767)

static void lut8(const uint8_t *x, uint8_t *y, size_t n, const uint8_t table[256]) {
  for (size_t i = 0; i < n; ++i) y[i] = table[x[i]];
}

/* ---- 8-bit arithmetic --------------------------------------------------------------- */

static inline int32_t clamp_i32(int32_t v, int32_t lo, int32_t hi) {
  return UFI_MIN(hi, UFI_MAX(lo, v));
}

static inline int32_t q_add(int32_t a, int32_t b, const ufk_q_add *p) {
  const int32_t u = ufk_scale_i32((a + p->a_offset) * (1 << p->left_shift), p->a);
  const int32_t v = ufk_scale_i32((b + p->b_offset) * (1 << p->left_shift), p->b);
  const int32_t sum = p->subtract ? u - v : u + v;
  return clamp_i32(ufk_add_wrap(ufk_scale_i32(sum, p->y), p->y_offset), p->lo, p->hi);
}

static inline int32_t q_sqdiff(int32_t a, int32_t b, const ufk_q_add *p) {
  const int32_t u = ufk_scale_i32((a + p->a_offset) * (1 << p->left_shift), p->a);
  const int32_t v = ufk_scale_i32((b + p->b_offset) * (1 << p->left_shift), p->b);
  const uint32_t difference = (uint32_t)ufk_sub_wrap(u, v); /* its square fits for the scales that prepare makes; others wrap around */
  return clamp_i32(ufk_add_wrap(ufk_scale_i32((int32_t)(difference * difference), p->y), p->y_offset), p->lo, p->hi);
}

static inline int32_t q_mul(int32_t a, int32_t b, const ufk_q_mul *p) {
  const int32_t product = (a + p->a_offset) * (b + p->b_offset);
  return clamp_i32(ufk_add_wrap(ufk_scale_i32(product, p->y), p->y_offset), p->lo, p->hi);
}

#define Q_BINARY_ONE(name, mode, type, params_type, f, A, B)                   \
  static void name##_##mode(const type *a, const type *b, type *y, size_t n,   \
                            const params_type *params) {                       \
    for (size_t i = 0; i < n; ++i) y[i] = (type)f(A, B, params);               \
  }
#define Q_BINARY(name, type, params_type, f)                    \
  Q_BINARY_ONE(name, vv, type, params_type, f, a[i], b[i])      \
  Q_BINARY_ONE(name, sv, type, params_type, f, a[0], b[i])      \
  Q_BINARY_ONE(name, vs, type, params_type, f, a[i], b[0])
Q_BINARY(s8_add, int8_t, ufk_q_add, q_add)
Q_BINARY(u8_add, uint8_t, ufk_q_add, q_add)
Q_BINARY(s8_sqdiff, int8_t, ufk_q_add, q_sqdiff)
Q_BINARY(s8_mul, int8_t, ufk_q_mul, q_mul)
Q_BINARY(u8_mul, uint8_t, ufk_q_mul, q_mul)

/* ---- the table ------------------------------------------------------------------------ */

#define MODES(member, name)        \
  table->member[UFK_VV] = name##_vv; \
  table->member[UFK_SV] = name##_sv; \
  table->member[UFK_VS] = name##_vs

static void set_f32(ufk_elementwise_table *table) {
  MODES(f32_binary[UFK_ADD], f32_add);
  MODES(f32_binary[UFK_SUB], f32_sub);
  MODES(f32_binary[UFK_MUL], f32_mul);
  MODES(f32_binary[UFK_DIV], f32_div);
  MODES(f32_binary[UFK_MAX], f32_max);
  MODES(f32_binary[UFK_MIN], f32_min);
  MODES(f32_binary[UFK_SQDIFF], f32_sqdiff);
  MODES(f32_binary[UFK_PRELU], f32_prelu);
  static const ufk_f32_unary_fn unary[UFK_F32_UNARY_COUNT] = {
    [UFK_ABS] = f32_abs, [UFK_NEG] = f32_neg, [UFK_SQUARE] = f32_square,
    [UFK_SQRT] = f32_sqrt, [UFK_RSQRT] = f32_rsqrt, [UFK_FLOOR] = f32_floor,
    [UFK_CEIL] = f32_ceil, [UFK_ROUND] = f32_round, [UFK_SIGN] = f32_sign,
    [UFK_EXP] = f32_exp, [UFK_LOG] = f32_log, [UFK_SIN] = f32_sin, [UFK_COS] = f32_cos,
    [UFK_TANH] = f32_tanh, [UFK_LOGISTIC] = f32_logistic, [UFK_ELU] = f32_elu,
    [UFK_HARD_SWISH] = f32_hard_swish, [UFK_GELU] = f32_gelu,
    [UFK_GELU_TANH] = f32_gelu_tanh, [UFK_ERF] = f32_erf, [UFK_ERFC] = f32_erfc,
  };
  memcpy(table->f32_unary, unary, sizeof unary);
  table->f32_clamp = f32_clamp;
  table->f32_leaky_relu = f32_leaky_relu;
  table->f32_norm = f32_norm;
  table->f32_norm_centered = f32_norm_centered;
  table->f32_softmax = f32_softmax;
  table->f32_log_softmax = f32_log_softmax;
  table->f32_sum = f32_sum;
  table->f32_sum_squares = f32_sum_squares;
  table->f32_accumulate = f32_accumulate;
  table->f32_max = f32_max_row;
  table->f32_min = f32_min_row;
}

void ufk_elementwise_scalar(ufk_elementwise_table *table) {
  set_f32(table);
  set_fixedpoint(table);
  table->s8_sum = s8_sum;
  table->u8_sum = u8_sum;
  table->s8_accumulate = s8_accumulate;
  table->u8_accumulate = u8_accumulate;
  table->f32_to_s8 = f32_to_s8;
  table->f32_to_u8 = f32_to_u8;
  table->f32_to_s16 = f32_to_s16;
  table->lut8 = lut8;
  MODES(s8_add, s8_add);
  MODES(u8_add, u8_add);
  MODES(s8_sqdiff, s8_sqdiff);
  MODES(s8_mul, s8_mul);
  MODES(u8_mul, u8_mul);
}
