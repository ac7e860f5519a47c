/* SPDX-License-Identifier: Apache-2.0
 *
 * fixed32.h: functions of real numbers in 32-bit integers, with the roundings
 * of gemmlowp and TFLite, whose results the quantized ops must equal bit for bit.
 *
 * "Qn" below is an int32 with n integer bits besides the sign, so that its value
 * is raw / 2^(31 - n). The product of Qm and Qn by ufk_srdhm is Q(m + n).
 * Nothing here depends on how the compiler treats overflow: sums wrap. The 16-bit
 * counterparts for LSTM cells are in fixedpoint.h.
 */
#ifndef UFI_FIXED32_H
#define UFI_FIXED32_H

#include "kernels/elementwise.h"
#include "kernels/requant.h"

static inline int32_t ufk_add_wrap(int32_t a, int32_t b) {
  return (int32_t)((uint32_t)a + (uint32_t)b);
}
static inline int32_t ufk_sub_wrap(int32_t a, int32_t b) {
  return (int32_t)((uint32_t)a - (uint32_t)b);
}
static inline int32_t ufk_shl_wrap(int32_t a, int n) { return (int32_t)((uint32_t)a << n); }

/* x * 2^n, saturated; n in [0, 31). */
static inline int32_t ufk_shl_saturate(int32_t x, int n) {
  if (n == 0) return x;
  const int32_t limit = (int32_t)((UINT32_C(1) << (31 - n)) - 1);
  if (x > limit) return INT32_MAX;
  if (x < -limit) return INT32_MIN;
  return ufk_shl_wrap(x, n);
}

static inline int32_t ufk_scale_i32(int32_t x, ufk_scale s) {
  return ufk_requantize(x, s.multiplier, s.shift);
}
static inline int32_t ufk_scale_i64(int64_t x, ufk_scale s) {
  return ufk_requantize_64(x, s.multiplier, s.shift);
}

/* (a + b) / 2, halves away from zero. */
static inline int32_t ufk_half_sum(int32_t a, int32_t b) {
  const int64_t sum = (int64_t)a + b;
  return (int32_t)((sum + (sum >= 0 ? 1 : -1)) / 2);
}

/* ---- exp, 1 / (1 + x) ------------------------------------------------------------- */

/* exp of a in [-1/4, 0), Q0 to Q0: Taylor's series around -1/8. */
static inline int32_t ufk_exp_quarter(int32_t a) {
  const int32_t exp_eighth = 1895147668, third = 715827883; /* exp(-1/8), 1/3 */
  const int32_t x = ufk_add_wrap(a, 1 << 28);
  const int32_t x2 = ufk_srdhm(x, x), x3 = ufk_srdhm(x2, x), x4 = ufk_srdhm(x2, x2);
  const int32_t sum = ufk_srdhm(ufk_add_wrap(ufk_rdpot(x4, 2), x3), third);
  const int32_t tail = ufk_rdpot(ufk_add_wrap(sum, x2), 1);
  return ufk_add_wrap(exp_eighth, ufk_srdhm(exp_eighth, ufk_add_wrap(x, tail)));
}

/* exp of a <= 0, Q5 to Q0: the part below 1/4 by the series, then one factor
 * exp(-2^k) for each bit of the rest. */
static inline int32_t ufk_exp_negative_q5(int32_t a) {
  static const int32_t factors[7] = {1672461947, 1302514674, 790015084, 290630308,
                                     39332535,   720401,     242};
  const int32_t quarter = 1 << 24;
  if (a == 0) return INT32_MAX;
  const int32_t part = (a & (quarter - 1)) - quarter;
  int32_t result = ufk_exp_quarter(ufk_shl_saturate(part, 5));
  const int32_t rest = ufk_sub_wrap(part, a);
  for (int k = 0; k < 7; ++k)
    if (rest & (quarter << k)) result = ufk_srdhm(result, factors[k]);
  return result;
}

/* 1 / (1 + x) for x in [0, 1], Q0 to Q0: three steps of Newton's method from a
 * linear guess, in Q2. */
static inline int32_t ufk_one_over_one_plus(int32_t x) {
  const int32_t half = ufk_half_sum(x, INT32_MAX);
  int32_t y = ufk_add_wrap(1515870810, ufk_srdhm(half, -1010580540)); /* 48/17 - 32/17 half */
  for (int i = 0; i < 3; ++i) {
    const int32_t error = ufk_sub_wrap(1 << 29, ufk_srdhm(half, y));
    y = ufk_add_wrap(y, ufk_shl_saturate(ufk_srdhm(y, error), 2));
  }
  return ufk_shl_saturate(y, 1);
}

/* 1 / x for x > 0: the mantissa in Q0, and how many bits x has above `digits`. */
static inline int32_t ufk_reciprocal(int32_t x, int digits, int *bits_over_out) {
  const int headroom = __builtin_clz((uint32_t)x);
  *bits_over_out = digits - headroom;
  return ufk_one_over_one_plus((int32_t)(((uint32_t)x << headroom) - (UINT32_C(1) << 31)));
}

/* a / b * scale, b not 0. The shift may pass 31: then the result follows what the
 * reference does on x86, where shift counts are taken modulo the word length. */
static inline int32_t ufk_divide(int32_t a, int32_t b, ufk_scale s) {
  int bits_over;
  if (b < 0) a = -a, b = -b;
  const int32_t inverse = ufk_reciprocal(b, 31, &bits_over);
  const int headroom = a ? __builtin_clrsb(a) : 31;
  const int32_t quotient = ufk_srdhm(ufk_shl_wrap(a, headroom), inverse);
  const int n = -(s.shift - bits_over - headroom);
  const int32_t x = ufk_srdhm(quotient, s.multiplier);
  const int32_t mask = (int32_t)((UINT64_C(1) << (n & 63)) - 1);
  const int32_t rest = x & mask, threshold = ufk_add_wrap(mask >> 1, x < 0);
  return (x >> (n & 31)) + (rest > threshold);
}

/* ---- log, 1 / sqrt ------------------------------------------------------------------- */

/* The logarithm of x >= 1, Q12 to Q5. x = 2^k r for two choices of r, one within
 * [1/2, 1) of x and one of x / sqrt(2); the smaller r goes through a rational
 * function around sqrt(sqrt(1/2)). */
static inline int32_t ufk_log_q12_q5(int32_t x) {
  const int32_t log_2 = 1488522236, root_4_half = 1805811301, root_half = 1518500250;
  const int32_t alpha_n = 117049297, alpha_d = 127690142;
  const int32_t alpha_i = 1057819769, alpha_f = 638450708;
  const int32_t quarter = 1 << 23; /* 1/4 in Q6, in which the sum is kept */
  const int head_a = __builtin_clz((uint32_t)x);
  const int32_t r_a = ufk_shl_saturate(ufk_srdhm(ufk_shl_saturate(x, head_a - 1), root_half), 1);
  const int32_t pow_a = ufk_add_wrap(ufk_shl_saturate(12 - head_a, 25), quarter);
  const int head_b = __builtin_clz((uint32_t)ufk_srdhm(x, root_half)) - 1;
  const int32_t r_b = ufk_shl_saturate(x, head_b);
  const int32_t pow_b = ufk_sub_wrap(ufk_shl_saturate(12 - head_b, 25), quarter);
  const int32_t r = UFI_MIN(r_a, r_b), pow = UFI_MAX(pow_a, pow_b);

  const int32_t p = ufk_half_sum(r, root_4_half);
  const int32_t q = ufk_shl_wrap(ufk_sub_wrap(r, root_4_half), 1);
  const int32_t q2 = ufk_srdhm(q, q);
  const int32_t num = ufk_add_wrap(ufk_srdhm(q, r), ufk_srdhm(ufk_srdhm(q, q2), alpha_n));
  const int32_t inner = ufk_add_wrap(ufk_add_wrap(alpha_i, q), ufk_srdhm(alpha_d, q2));
  const int32_t denom = ufk_add_wrap(ufk_srdhm(p, inner), ufk_srdhm(alpha_f, q));
  const int32_t ratio = ufk_srdhm(ufk_rdpot(num, 6), ufk_one_over_one_plus(denom));
  return ufk_shl_saturate(ufk_add_wrap(ufk_srdhm(pow, log_2), ratio), 1);
}

/* 1 / sqrt(x) for an integer x >= 0, as a scale: five steps of Newton's method
 * in Q3. 0 and 1 give the largest multiplier. */
static inline ufk_scale ufk_inverse_sqrt(int32_t x) {
  if (x <= 1) return (ufk_scale){INT32_MAX, 0};
  int shift = 11;
  while (x >= 1 << 29) x /= 4, ++shift;
  const int pairs = (__builtin_clz((uint32_t)x) - 1) / 2 - 1; /* of bits to the left */
  shift -= pairs;
  x <<= 2 * pairs;
  const int32_t half_x = ufk_rdpot(x >> 1, 1), half_three = (1 << 28) + (1 << 27);
  int32_t y = 1 << 28;
  for (int i = 0; i < 5; ++i) {
    const int32_t cube = ufk_shl_saturate(ufk_srdhm(ufk_srdhm(y, y), y), 6);
    y = ufk_shl_saturate(ufk_sub_wrap(ufk_srdhm(half_three, y), ufk_srdhm(half_x, cube)), 3);
  }
  y = ufk_srdhm(y, 1518500250); /* sqrt(2) / 2 */
  if (shift < 0) y = ufk_shl_wrap(y, -shift), shift = 0;
  return (ufk_scale){y, -shift};
}

#endif
