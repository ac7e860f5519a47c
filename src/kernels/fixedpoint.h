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
 */
#ifndef UFI_FIXEDPOINT_H
#define UFI_FIXEDPOINT_H

#include "kernels/requant.h"

static inline int32_t ufk_fx_clamp16(int32_t x) { return x < -32768 ? -32768 : x > 32767 ? 32767 : x; }

/* Raw product of two 16-bit numbers. */
static inline int16_t ufk_fx_mul(int16_t a, int16_t b) {
  if (a == -32768 && b == -32768) return 32767;
  int32_t ab = (int32_t)a * b, nudge = ab >= 0 ? 1 << 14 : 1 - (1 << 14);
  return (int16_t)((ab + nudge) / (1 << 15));
}

/* x * 2^n, saturated. */
static inline int16_t ufk_fx_shl(int16_t x, int n) { return (int16_t)ufk_fx_clamp16((int32_t)x * (1 << n)); }

/* The 16-bit form of a 32-bit constant. */
static inline int16_t ufk_fx_constant(int32_t raw32) { return (int16_t)ufk_rdpot(raw32, 16); }

/* exp(a) for a in [-1/4, 0), no integer bits: Taylor around -1/8. */
static inline int16_t ufk_fx_exp_quarter(int16_t a) {
  int16_t x = (int16_t)(a + (1 << 12));
  int16_t x2 = ufk_fx_mul(x, x), x3 = ufk_fx_mul(x2, x), x4 = ufk_fx_mul(x2, x2);
  int16_t x4_4 = (int16_t)ufk_rdpot(x4, 2);
  int16_t sixth = ufk_fx_mul((int16_t)(x4_4 + x3), ufk_fx_constant(715827883)); /* 1/3 */
  int16_t tail = (int16_t)ufk_rdpot((int16_t)(sixth + x2), 1);
  int16_t base = ufk_fx_constant(1895147668); /* exp(-1/8) */
  return (int16_t)ufk_fx_clamp16(base + ufk_fx_mul(base, (int16_t)(x + tail)));
}

/* exp(a) for a <= 0 with `bits` integer bits; the result has none. */
static inline int16_t ufk_fx_exp(int16_t a, int bits) {
  /* exp(-2^e) for e = -2 .. 4 */
  static const int32_t factors[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  int fraction = 15 - bits;
  if (a == 0) return 32767;
  int16_t quarter = (int16_t)(1 << (fraction - 2));
  int16_t low = (int16_t)((a & (quarter - 1)) - quarter);
  int16_t result = ufk_fx_exp_quarter(ufk_fx_shl(low, bits));
  int32_t rest = (int16_t)(low - a);
  for (int e = -2; e <= 4 && e < bits; e++) {
    if (rest & (1 << (fraction + e))) result = ufk_fx_mul(result, ufk_fx_constant(factors[e + 2]));
  }
  if (bits > 5 && a < ufk_fx_constant(-(1 << (36 - bits)))) result = 0; /* below exp(-32) */
  return result;
}

static inline int16_t ufk_fx_half_sum(int16_t a, int16_t b) {
  int32_t sum = (int32_t)a + b;
  return (int16_t)((sum + (sum >= 0 ? 1 : -1)) / 2);
}

/* Newton's x -> 1 / half_denominator, two integer bits. */
static inline int16_t ufk_fx_reciprocal(int16_t half_denominator) {
  int16_t one = 1 << 13;
  int16_t x = (int16_t)(ufk_fx_constant(1515870810) + ufk_fx_mul(half_denominator, ufk_fx_constant(-1010580540)));
  for (int i = 0; i < 3; i++) {
    int16_t error = (int16_t)(one - ufk_fx_mul(half_denominator, x));
    x = (int16_t)(x + ufk_fx_shl(ufk_fx_mul(x, error), 2));
  }
  return x;
}

/* tanh of a number with `bits` integer bits (0 to 6). */
static inline int16_t ufk_fx_tanh(int16_t a, int bits) {
  if (a == 0) return 0;
  int16_t negative = a < 0 ? a : (int16_t)-a;
  int16_t e = ufk_fx_exp(negative, bits + 1); /* exp(-2|a|): one more integer bit doubles */
  int16_t x = ufk_fx_reciprocal(ufk_fx_half_sum(e, 32767));
  int16_t t = ufk_fx_shl((int16_t)(x - (1 << 13)), 2); /* (1 - e) / (1 + e) */
  return a < 0 ? (int16_t)-t : t;
}

/* 1 / (1 + exp(-a)) of a number with `bits` integer bits. */
static inline int16_t ufk_fx_logistic(int16_t a, int bits) {
  if (a == 0) return ufk_fx_constant(1 << 30);
  int16_t negative = a > 0 ? (int16_t)-a : a;
  int16_t x = ufk_fx_reciprocal(ufk_fx_half_sum(ufk_fx_exp(negative, bits), 32767));
  int16_t positive = ufk_fx_shl(x, 1); /* half of x, from two integer bits to none */
  return a > 0 ? positive : (int16_t)(32767 - positive);
}

#endif
