/* SPDX-License-Identifier: Apache-2.0
 *
 * fixedpoint.h: exp, tanh and the logistic function on 16-bit fixed-point
 * numbers, bit for bit what the integer LSTM of TFLite computes.
 *
 * A number with m integer bits is an int16_t raw with value raw * 2^(m - 15).
 * Products are rounded, doubled high halves (as ARM's SQRDMULH). exp(x) for
 * x < 0 is split as in gemmlowp's fixedpoint.h: a Taylor polynomial on
 * [-1/4, 0) and one multiplication per remaining bit of x; divisions are three
 * Newton steps.
 *
 * Nothing branches and all is computed in int32_t, which holds the 16-bit numbers, so that
 * compilers make vectors of loops over these functions (fixedpoint_tmpl.h).
 */
#ifndef UFI_FIXEDPOINT_H
#define UFI_FIXEDPOINT_H

#include "kernels/requant.h"

static inline int32_t ufk_fx_clamp16(int32_t x) { return x < -32768 ? -32768 : x > 32767 ? 32767 : x; }

/* Raw product of two 16-bit numbers. */
static inline int32_t ufk_fx_mul(int32_t a, int32_t b) {
  const int32_t product = (a * b + (1 << 14)) >> 15;
  return product > 32767 ? 32767 : product;
}

/* x * 2^n, saturated. */
static inline int32_t ufk_fx_shl(int32_t x, int n) { return ufk_fx_clamp16(x * (1 << n)); }

/* The 16-bit form of a 32-bit constant. */
static inline int32_t ufk_fx_constant(int32_t raw32) { return ufk_rdpot(raw32, 16); }

/* exp(a) for a in [-1/4, 0), no integer bits: Taylor around -1/8. */
static inline int32_t ufk_fx_exp_quarter(int32_t a) {
  const int32_t third = ufk_fx_constant(715827883), base = ufk_fx_constant(1895147668); /* 1/3, exp(-1/8) */
  const int32_t x = a + (1 << 12), x2 = ufk_fx_mul(x, x), x3 = ufk_fx_mul(x2, x), x4 = ufk_fx_mul(x2, x2);
  const int32_t sixth = ufk_fx_mul(ufk_rdpot(x4, 2) + x3, third);
  const int32_t tail = ufk_rdpot(sixth + x2, 1);
  return ufk_fx_clamp16(base + ufk_fx_mul(base, x + tail));
}

/* result, times a factor if the bit is set. */
static inline int32_t ufk_fx_exp_bit(int32_t result, int32_t rest, int32_t bit, int32_t factor) {
  const int32_t product = ufk_fx_mul(result, ufk_fx_constant(factor));
  return rest & bit ? product : result;
}

/* exp(a) for a <= 0 with `bits` integer bits (0 to 7); the result has none. */
static inline int32_t ufk_fx_exp(int32_t a, int bits) {
  const int32_t quarter = 1 << (13 - bits), one = quarter << 2;
  const int32_t within = (1 << 15) - 1; /* bits of a; one << bits and beyond are never set */
  const int32_t least = bits > 5 ? -(1 << (20 - bits)) : -(1 << 15); /* from exp(-32) on */
  const int32_t low = (a & (quarter - 1)) - quarter, rest = (low - a) & within;
  int32_t result = ufk_fx_exp_quarter(ufk_fx_shl(low, bits));
  result = ufk_fx_exp_bit(result, rest, quarter, 1672461947); /* exp(-1/4) */
  result = ufk_fx_exp_bit(result, rest, quarter << 1, 1302514674);
  result = ufk_fx_exp_bit(result, rest, one, 790015084); /* exp(-1) */
  result = ufk_fx_exp_bit(result, rest, one << 1, 290630308);
  result = ufk_fx_exp_bit(result, rest, one << 2, 39332535);
  result = ufk_fx_exp_bit(result, rest, one << 3, 720401);
  result = ufk_fx_exp_bit(result, rest, one << 4, 242);
  result = a < least ? 0 : result;
  return a == 0 ? 32767 : result;
}

/* (a + b) / 2 of numbers that are not negative. */
static inline int32_t ufk_fx_half_sum(int32_t a, int32_t b) { return (a + b + 1) >> 1; }

/* Newton's x -> 1 / half_denominator, two integer bits. */
static inline int32_t ufk_fx_reciprocal(int32_t half_denominator) {
  const int32_t one = 1 << 13;
  int32_t x = ufk_fx_constant(1515870810) + ufk_fx_mul(half_denominator, ufk_fx_constant(-1010580540));
  _Pragma("GCC unroll 3") for (int i = 0; i < 3; i++) {
    x += ufk_fx_shl(ufk_fx_mul(x, one - ufk_fx_mul(half_denominator, x)), 2);
  }
  return x;
}

/* tanh of a number with `bits` integer bits (0 to 6). */
static inline int32_t ufk_fx_tanh(int32_t a, int bits) {
  const int32_t e = ufk_fx_exp(a < 0 ? a : -a, bits + 1); /* exp(-2|a|): one more integer bit doubles */
  const int32_t x = ufk_fx_reciprocal(ufk_fx_half_sum(e, 32767));
  const int32_t t = ufk_fx_shl(x - (1 << 13), 2); /* (1 - e) / (1 + e) */
  const int32_t result = a < 0 ? -t : t;
  return a == 0 ? 0 : result;
}

/* 1 / (1 + exp(-a)) of a number with `bits` integer bits. */
static inline int32_t ufk_fx_logistic(int32_t a, int bits) {
  const int32_t x = ufk_fx_reciprocal(ufk_fx_half_sum(ufk_fx_exp(a > 0 ? -a : a, bits), 32767));
  const int32_t positive = ufk_fx_shl(x, 1); /* half of x, from two integer bits to none */
  const int32_t result = a > 0 ? positive : 32767 - positive;
  return a == 0 ? 1 << 14 : result;
}

#endif
