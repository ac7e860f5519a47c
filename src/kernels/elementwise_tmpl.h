/* SPDX-License-Identifier: Apache-2.0
 *
 * elementwise_tmpl.h: the kernels of elementwise.h in the vector vocabulary of
 * simd/f32_<isa>.h. Included once by each elementwise_<isa>.c; ends with
 * set_vector_kernels(), which puts them into the table.
 *
 * Every loop takes whole vectors and then one part of a vector: floats by masked
 * loads and stores, narrow integers by way of a vector on the stack.
 */
#include "kernels/elementwise.h"

#include <float.h>
#include <math.h>

#include "kernels/simd/math_tmpl.h"

#define UNROLL _Pragma("GCC unroll 16")

/* ---- two operands ------------------------------------------------------------ */

/* The limits are the first operands: a NaN in v passes. */
static inline vf clamp_vf(vf v, vf lo, vf hi) { return vf_min(hi, vf_max(lo, v)); }

static inline vf op_add(vf a, vf b) { return vf_add(a, b); }
static inline vf op_sub(vf a, vf b) { return vf_sub(a, b); }
static inline vf op_mul(vf a, vf b) { return vf_mul(a, b); }
static inline vf op_div(vf a, vf b) { return vf_div(a, b); }
static inline vf op_max(vf a, vf b) { return vf_max(a, b); }
static inline vf op_min(vf a, vf b) { return vf_min(a, b); }
static inline vf op_sqdiff(vf a, vf b) {
  const vf d = vf_sub(a, b);
  return vf_mul(d, d);
}
static inline vf op_prelu(vf a, vf b) {
  return vf_select(vf_ge(a, vf_set(0.0f)), a, vf_mul(a, b));
}

#define F32_BINARY_ONE(name, mode, A, A_PART, B, B_PART)                                      \
  static void f32_##name##_##mode(const float *a, const float *b, float *y, size_t n,         \
                                  float lo_limit, float hi_limit) {                           \
    const vf lo = vf_set(lo_limit), hi = vf_set(hi_limit);                                    \
    const vf a_value = n ? vf_set(a[0]) : lo, b_value = n ? vf_set(b[0]) : lo;                \
    size_t i = 0;                                                                             \
    (void)a_value, (void)b_value;                                                             \
    for (; i + VF_LANES <= n; i += VF_LANES)                                                  \
      vf_store(y + i, clamp_vf(op_##name(A, B), lo, hi));                                     \
    if (i < n) vf_store_part(y + i, clamp_vf(op_##name(A_PART, B_PART), lo, hi), n - i);      \
  }
#define F32_BINARY(name)                                                                      \
  F32_BINARY_ONE(name, vv, vf_load(a + i), vf_load_part(a + i, n - i), vf_load(b + i),        \
                 vf_load_part(b + i, n - i))                                                  \
  F32_BINARY_ONE(name, sv, a_value, a_value, vf_load(b + i), vf_load_part(b + i, n - i))      \
  F32_BINARY_ONE(name, vs, vf_load(a + i), vf_load_part(a + i, n - i), b_value, b_value)
F32_BINARY(add)
F32_BINARY(sub)
F32_BINARY(mul)
F32_BINARY(div)
F32_BINARY(max)
F32_BINARY(min)
F32_BINARY(sqdiff)
F32_BINARY(prelu)

/* ---- one operand ------------------------------------------------------------- */

static inline vf op_abs(vf x) { return vf_abs(x); }
static inline vf op_neg(vf x) { return vf_xor(x, vf_set(-0.0f)); }
static inline vf op_square(vf x) { return vf_mul(x, x); }
static inline vf op_sqrt(vf x) { return vf_sqrt(x); }
static inline vf op_rsqrt(vf x) { return vf_div(vf_set(1.0f), vf_sqrt(x)); }
static inline vf op_floor(vf x) { return vf_floor(x); }
static inline vf op_ceil(vf x) { return vf_ceil(x); }
static inline vf op_round(vf x) { return vf_rint(x); }
static inline vf op_sign(vf x) {
  const vf zero = vf_set(0.0f);
  const vf sign = vf_select(vf_gt(x, zero), vf_set(1.0f),
                            vf_select(vf_lt(x, zero), vf_set(-1.0f), zero));
  return vf_select(vf_is_nan(x), x, sign);
}
static inline vf op_exp(vf x) { return math_exp(x); }
static inline vf op_tanh(vf x) { return math_tanh(x); }
static inline vf op_logistic(vf x) { return math_logistic(x); }
static inline vf op_elu(vf x) {
  return vf_select(vf_lt(x, vf_set(0.0f)), math_expm1_negative(x), x);
}
static inline vf op_hard_swish(vf x) {
  const vf gate = clamp_vf(vf_add(x, vf_set(3.0f)), vf_set(0.0f), vf_set(6.0f));
  return vf_mul(vf_mul(x, gate), vf_set(1.0f / 6.0f));
}
static inline vf op_gelu(vf x) { return math_gelu(x); }
static inline vf op_erfc(vf x) {
  const vf e = math_erfc(vf_abs(x));
  return vf_select(vf_lt(x, vf_set(0.0f)), vf_sub(vf_set(2.0f), e), e);
}
/* Near 0 by its Taylor series, whose next term is below 2e-8 of the sum there. */
static inline vf op_erf(vf x) {
  const vf square = vf_mul(x, x), size = vf_abs(x);
  vf p = vf_set(1.0f / 9360);
  p = vf_fma(p, square, vf_set(-1.0f / 1320));
  p = vf_fma(p, square, vf_set(1.0f / 216));
  p = vf_fma(p, square, vf_set(-1.0f / 42));
  p = vf_fma(p, square, vf_set(0.1f));
  p = vf_fma(p, square, vf_set(-1.0f / 3));
  p = vf_fma(p, square, vf_set(1.0f));
  const vf small = vf_mul(vf_mul(vf_set((float)M_2_SQRTPI), x), p);
  const vf large = vf_or(vf_sub(vf_set(1.0f), math_erfc(size)), vf_sign_bit(x));
  return vf_select(vf_lt(size, vf_set(0.625f)), small, large);
}
static inline vf op_gelu_tanh(vf x) {
  const vf cube = vf_mul(vf_mul(vf_mul(vf_set(0.044715f), x), x), x);
  const vf u = vf_mul(vf_set((float)(2.0 * M_2_SQRTPI * M_SQRT1_2)), vf_add(x, cube));
  return vf_mul(x, math_logistic(u));
}

#define F32_UNARY(name)                                                         \
  static void f32_##name(const float *x, float *y, size_t n) {                  \
    size_t i = 0;                                                               \
    for (; i + VF_LANES <= n; i += VF_LANES) vf_store(y + i, op_##name(vf_load(x + i))); \
    if (i < n) vf_store_part(y + i, op_##name(vf_load_part(x + i, n - i)), n - i); \
  }
F32_UNARY(abs)
F32_UNARY(neg)
F32_UNARY(square)
F32_UNARY(sqrt)
F32_UNARY(rsqrt)
F32_UNARY(floor)
F32_UNARY(ceil)
F32_UNARY(round)
F32_UNARY(sign)
F32_UNARY(exp)
F32_UNARY(tanh)
F32_UNARY(logistic)
F32_UNARY(elu)
F32_UNARY(hard_swish)
F32_UNARY(gelu)
F32_UNARY(gelu_tanh)
F32_UNARY(erf)
F32_UNARY(erfc)

static void f32_clamp(const float *x, float *y, size_t n, float lo_limit, float hi_limit) {
  const vf lo = vf_set(lo_limit), hi = vf_set(hi_limit);
  size_t i = 0;
  for (; i + VF_LANES <= n; i += VF_LANES) vf_store(y + i, clamp_vf(vf_load(x + i), lo, hi));
  if (i < n) vf_store_part(y + i, clamp_vf(vf_load_part(x + i, n - i), lo, hi), n - i);
}

static inline vf leaky(vf x, vf alpha) {
  return vf_select(vf_gt(x, vf_set(0.0f)), x, vf_mul(x, alpha));
}
static void f32_leaky_relu(const float *x, float *y, size_t n, float alpha_value) {
  const vf alpha = vf_set(alpha_value);
  size_t i = 0;
  for (; i + VF_LANES <= n; i += VF_LANES) vf_store(y + i, leaky(vf_load(x + i), alpha));
  if (i < n) vf_store_part(y + i, leaky(vf_load_part(x + i, n - i), alpha), n - i);
}

/* ---- rows ---------------------------------------------------------------------- */

/* Floats that are added in lanes before the lanes are added in double. */
enum { BLOCK = 4096 };

#define F32_SUM(name, ADD)                                                           \
  static double name(const float *x, size_t n) {                                     \
    double total = 0.0;                                                              \
    while (n) {                                                                      \
      const size_t count = UFI_MIN(n, (size_t)BLOCK);                                \
      vf s0 = vf_set(0.0f), s1 = s0, s2 = s0, s3 = s0;                               \
      size_t i = 0;                                                                  \
      for (; i + 4 * VF_LANES <= count; i += 4 * VF_LANES) {                         \
        s0 = ADD(vf_load(x + i), s0);                                                \
        s1 = ADD(vf_load(x + i + VF_LANES), s1);                                     \
        s2 = ADD(vf_load(x + i + 2 * VF_LANES), s2);                                 \
        s3 = ADD(vf_load(x + i + 3 * VF_LANES), s3);                                 \
      }                                                                              \
      for (; i + VF_LANES <= count; i += VF_LANES) s0 = ADD(vf_load(x + i), s0);     \
      if (i < count) s1 = ADD(vf_load_part(x + i, count - i), s1);                   \
      total += vf_sum_double(vf_add(vf_add(s0, s1), vf_add(s2, s3)));                \
      x += count, n -= count;                                                        \
    }                                                                                \
    return total;                                                                    \
  }
static inline vf add_value(vf v, vf sum) { return vf_add(v, sum); }
static inline vf add_square(vf v, vf sum) { return vf_fma(v, v, sum); }
F32_SUM(f32_sum, add_value)
F32_SUM(f32_sum_squares, add_square)

/* Rows that are added up before their sum is added to the others'. */
enum { BLOCK_ROWS = 128 };

/* nv vectors of columns, the last of which has `last`. */
static inline __attribute__((always_inline)) void accumulate_columns(
    const size_t nv, const float *x, size_t rows, int64_t step, float *sums, size_t last) {
  vf s[8];
  const bool whole = last == VF_LANES;
#define COLUMN(p, j) (j + 1 < nv || whole ? vf_load(p + j * VF_LANES) : vf_load_part(p + j * VF_LANES, last))
  UNROLL for (size_t j = 0; j < nv; ++j) s[j] = vf_set(0.0f);
  for (; rows > 0; --rows, x += step)
    UNROLL for (size_t j = 0; j < nv; ++j) s[j] = vf_add(s[j], COLUMN(x, j));
  UNROLL for (size_t j = 0; j < nv; ++j) {
    const vf sum = vf_add(COLUMN(sums, j), s[j]);
    if (j + 1 < nv || whole) vf_store(sums + j * VF_LANES, sum);
    else vf_store_part(sums + j * VF_LANES, sum, last);
  }
#undef COLUMN
}

static void f32_accumulate(const float *x, size_t rows, int64_t step, float *sums, size_t n) {
  while (rows > 0) {
    const size_t count = UFI_MIN(rows, (size_t)BLOCK_ROWS);
    size_t i = 0;
    for (; i + 8 * VF_LANES <= n; i += 8 * VF_LANES) accumulate_columns(8, x + i, count, step, sums + i, VF_LANES);
    for (; i + 2 * VF_LANES <= n; i += 2 * VF_LANES) accumulate_columns(2, x + i, count, step, sums + i, VF_LANES);
    for (; i < n; i += UFI_MIN(n - i, (size_t)VF_LANES))
      accumulate_columns(1, x + i, count, step, sums + i, UFI_MIN(n - i, (size_t)VF_LANES));
    x += (int64_t)count * step, rows -= count;
  }
}

#define F32_EXTREME(name, BETTER, BEST_LANE)                                          \
  static float name(const float *x, size_t n, float start) {                          \
    vf best = vf_set(start), other = best;                                            \
    size_t i = 0;                                                                     \
    for (; i + 2 * VF_LANES <= n; i += 2 * VF_LANES) {                                \
      best = BETTER(vf_load(x + i), best);                                            \
      other = BETTER(vf_load(x + i + VF_LANES), other);                               \
    }                                                                                 \
    for (; i + VF_LANES <= n; i += VF_LANES) best = BETTER(vf_load(x + i), best);     \
    if (i < n) other = BETTER(vf_first(n - i, vf_load_part(x + i, n - i), other), other); \
    return BEST_LANE(BETTER(best, other));                                            \
  }
F32_EXTREME(f32_max_row, vf_max, vf_max_lane)
F32_EXTREME(f32_min_row, vf_min, vf_min_lane)

static inline vf product(vf a, vf b) {
  vf p = vf_mul(a, b);
  vf_keep(p);
  return p;
}

/* n values, at most a vector of them. */
static inline vf load_most(const float *p, size_t n) { return n == VF_LANES ? vf_load(p) : vf_load_part(p, n); }
static inline void store_most(float *p, vf v, size_t n) {
  if (n == VF_LANES) vf_store(p, v);
  else vf_store_part(p, v, n);
}

static inline void norm_at(const float *x, const float *gamma, const float *beta, float *y, size_t i, size_t n, vf r, vf m) {
  const vf g = product(r, load_most(gamma + i, n)), shift = product(m, g), scaled = product(load_most(x + i, n), g);
  store_most(y + i, vf_add(scaled, beta ? vf_add(load_most(beta + i, n), shift) : shift), n);
}

static void f32_norm(const float *x, const float *gamma, const float *beta, float *y, size_t n, float r, float m) {
  const vf all_r = vf_set(r), all_m = vf_set(m);
  size_t i = 0;
  for (; i + VF_LANES <= n; i += VF_LANES) norm_at(x, gamma, beta, y, i, VF_LANES, all_r, all_m);
  if (i < n) norm_at(x, gamma, beta, y, i, n - i, all_r, all_m);
}

static inline void norm_centered_at(const float *x, const float *gamma, const float *beta, float *y, size_t i, size_t n, vf r) {
  vf v = product(load_most(x + i, n), r);
  if (gamma) v = product(v, load_most(gamma + i, n));
  if (beta) v = vf_add(v, load_most(beta + i, n));
  store_most(y + i, v, n);
}

static void f32_norm_centered(const float *x, const float *gamma, const float *beta, float *y, size_t n, float r) {
  const vf all_r = vf_set(r);
  size_t i = 0;
  for (; i + VF_LANES <= n; i += VF_LANES) norm_centered_at(x, gamma, beta, y, i, VF_LANES, all_r);
  if (i < n) norm_centered_at(x, gamma, beta, y, i, n - i, all_r);
}

enum exponents { BY_ONE, BY_BETA, BY_ANY }; /* beta is 1, above 0, anything */
static inline vf exponential(const enum exponents by, vf v, vf beta) {
  if (by == BY_ANY) return math_exp(vf_mul(v, beta));
  return math_exp_falling(by == BY_ONE ? v : vf_mul(v, beta));
}

/* y = exp((x - max) * beta), of x <= max; returns the sum. */
static inline __attribute__((always_inline)) double exp_row_by(const enum exponents by, const float *x, float *y, size_t n,
                                                               float max, float beta) {
  const vf vmax = vf_set(max), vbeta = vf_set(beta);
  double total = 0.0;
  while (n) {
    const size_t count = UFI_MIN(n, (size_t)BLOCK);
    vf sum = vf_set(0.0f);
    size_t i = 0;
    for (; i + VF_LANES <= count; i += VF_LANES) {
      const vf e = exponential(by, vf_sub(vf_load(x + i), vmax), vbeta);
      if (y) vf_store(y + i, e);
      sum = vf_add(sum, e);
    }
    if (i < count) {
      const vf e = exponential(by, vf_sub(vf_load_part(x + i, count - i), vmax), vbeta);
      if (y) vf_store_part(y + i, e, count - i);
      sum = vf_add(sum, vf_first(count - i, e, vf_set(0.0f)));
    }
    total += vf_sum_double(sum);
    x += count, n -= count;
    if (y) y += count;
  }
  return total;
}

static double exp_row(const float *x, float *y, size_t n, float max, float beta) {
  if (beta == 1.0f) return exp_row_by(BY_ONE, x, y, n, max, beta);
  return beta > 0.0f ? exp_row_by(BY_BETA, x, y, n, max, beta) : exp_row_by(BY_ANY, x, y, n, max, beta);
}

/* Rows take each step in groups, so that one does not wait for the end of another; a group stays in L1. */
static void f32_softmax(const float *x, float *y, size_t rows, size_t n, float beta) {
  enum { GROUP = 8 };
  const size_t most = UFI_MAX(UFI_MIN(BLOCK / n, (size_t)GROUP), (size_t)1);
  for (size_t done = 0; done < rows; done += most, x += most * n, y += most * n) {
    float max[GROUP], inverse[GROUP];
    const size_t group = UFI_MIN(rows - done, most);
    for (size_t r = 0; r < group; ++r) max[r] = f32_max_row(x + r * n, n, -FLT_MAX);
    for (size_t r = 0; r < group; ++r) inverse[r] = (float)(1.0 / exp_row(x + r * n, y + r * n, n, max[r], beta));
    for (size_t r = 0; r < group; ++r) f32_mul_vs(y + r * n, &inverse[r], y + r * n, n, -INFINITY, INFINITY);
  }
}

static void f32_log_softmax(const float *x, float *y, size_t n) {
  const float max = f32_max_row(x, n, -FLT_MAX);
  const float log_sum = logf((float)exp_row(x, NULL, n, max, 1.0f));
  const vf vmax = vf_set(max), vlog = vf_set(log_sum);
  size_t i = 0;
  for (; i + VF_LANES <= n; i += VF_LANES)
    vf_store(y + i, vf_sub(vf_sub(vf_load(x + i), vmax), vlog));
  if (i < n) vf_store_part(y + i, vf_sub(vf_sub(vf_load_part(x + i, n - i), vmax), vlog), n - i);
}

/* Columns outside: their sums stay in registers. */
#define ACCUMULATE(name, type, LOAD)                                                                                         \
  static inline __attribute__((always_inline)) void name##_columns(const size_t nv, const type *x, size_t rows, int64_t step, \
                                                                   int32_t *sums) {                                          \
    vi acc[4];                                                                                                               \
    for (size_t v = 0; v < nv; ++v) acc[v] = vi_load(sums + v * VF_LANES);                                                   \
    for (; rows > 0; --rows, x += step)                                                                                      \
      for (size_t v = 0; v < nv; ++v) acc[v] = vi_add(acc[v], LOAD(x + v * VF_LANES));                                       \
    for (size_t v = 0; v < nv; ++v) vi_store(sums + v * VF_LANES, acc[v]);                                                   \
  }                                                                                                                          \
  static void name(const type *x, size_t rows, int64_t step, int32_t *sums, size_t n) {                                      \
    size_t i = 0;                                                                                                            \
    for (; i + 4 * VF_LANES <= n; i += 4 * VF_LANES) name##_columns(4, x + i, rows, step, sums + i);                         \
    for (; i + 2 * VF_LANES <= n; i += 2 * VF_LANES) name##_columns(2, x + i, rows, step, sums + i);                         \
    for (; i + VF_LANES <= n; i += VF_LANES) name##_columns(1, x + i, rows, step, sums + i);                                 \
    for (; i < n; ++i)                                                                                                       \
      for (size_t r = 0; r < rows; ++r) sums[i] = (int32_t)((uint32_t)sums[i] + (uint32_t)x[(int64_t)r * step + (int64_t)i]); \
  }
ACCUMULATE(s8_accumulate, int8_t, vi_load_s8)
ACCUMULATE(u8_accumulate, uint8_t, vi_load_u8)

/* ---- conversion ------------------------------------------------------------------ */

/* Rounds halves away from zero, exactly: truncates and looks at what is lost. */
static inline vf round_away(vf v) {
  const vf whole = vf_trunc(v);
  const vf rest = vf_abs(vf_sub(v, whole));
  const vf step = vf_or(vf_set(1.0f), vf_sign_bit(v));
  return vf_select(vf_ge(rest, vf_set(0.5f)), vf_add(whole, step), whole);
}
/* lo and hi are limits minus the zero point; the order makes a NaN lo. */
static inline vi quantize(vf v, vf scale, vf lo, vf hi, vi zero) {
  const vf q = vf_min(vf_max(round_away(vf_div(v, scale)), lo), hi);
  return vi_add(vf_to_vi(q), zero);
}
#define QUANTIZE(name, type, STORE, low, high)                                               \
  static void name(const float *x, type *y, size_t n, float scale, int32_t zero) {           \
    const vf vscale = vf_set(scale);                                                         \
    const vf lo = vf_set((float)(low - zero)), hi = vf_set((float)(high - zero));            \
    const vi vzero = vi_set(zero);                                                           \
    size_t i = 0;                                                                            \
    for (; i + VF_LANES <= n; i += VF_LANES)                                                 \
      STORE(y + i, quantize(vf_load(x + i), vscale, lo, hi, vzero));                         \
    if (i < n) {                                                                             \
      type part[VF_LANES];                                                                   \
      STORE(part, quantize(vf_load_part(x + i, n - i), vscale, lo, hi, vzero));              \
      memcpy(y + i, part, (n - i) * sizeof *y);                                              \
    }                                                                                        \
  }
QUANTIZE(f32_to_s8, int8_t, vi_store_s8, -128, 127)
QUANTIZE(f32_to_u8, uint8_t, vi_store_u8, 0, 255)
QUANTIZE(f32_to_s16, int16_t, vi_store_s16, -32768, 32767)

/* ---- the table ------------------------------------------------------------------------ */

#define MODES(member, name)          \
  table->member[UFK_VV] = name##_vv; \
  table->member[UFK_SV] = name##_sv; \
  table->member[UFK_VS] = name##_vs

static void set_vector_binary(ufk_elementwise_table *table) {
  MODES(f32_binary[UFK_ADD], f32_add);
  MODES(f32_binary[UFK_SUB], f32_sub);
  MODES(f32_binary[UFK_MUL], f32_mul);
  MODES(f32_binary[UFK_DIV], f32_div);
  MODES(f32_binary[UFK_MAX], f32_max);
  MODES(f32_binary[UFK_MIN], f32_min);
  MODES(f32_binary[UFK_SQDIFF], f32_sqdiff);
  MODES(f32_binary[UFK_PRELU], f32_prelu);
}

static void set_vector_kernels(ufk_elementwise_table *table) {
  set_vector_binary(table);
  table->f32_unary[UFK_ABS] = f32_abs;
  table->f32_unary[UFK_NEG] = f32_neg;
  table->f32_unary[UFK_SQUARE] = f32_square;
  table->f32_unary[UFK_SQRT] = f32_sqrt;
  table->f32_unary[UFK_RSQRT] = f32_rsqrt;
  table->f32_unary[UFK_FLOOR] = f32_floor;
  table->f32_unary[UFK_CEIL] = f32_ceil;
  table->f32_unary[UFK_ROUND] = f32_round;
  table->f32_unary[UFK_SIGN] = f32_sign;
  table->f32_unary[UFK_EXP] = f32_exp;
  table->f32_unary[UFK_TANH] = f32_tanh;
  table->f32_unary[UFK_LOGISTIC] = f32_logistic;
  table->f32_unary[UFK_ELU] = f32_elu;
  table->f32_unary[UFK_HARD_SWISH] = f32_hard_swish;
  table->f32_unary[UFK_GELU] = f32_gelu;
  table->f32_unary[UFK_GELU_TANH] = f32_gelu_tanh;
  table->f32_unary[UFK_ERF] = f32_erf;
  table->f32_unary[UFK_ERFC] = f32_erfc;
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
  table->s8_accumulate = s8_accumulate;
  table->u8_accumulate = u8_accumulate;
  table->f32_to_s8 = f32_to_s8;
  table->f32_to_u8 = f32_to_u8;
  table->f32_to_s16 = f32_to_s16;
}
