/* SPDX-License-Identifier: Apache-2.0
 *
 * requant.h: from the sum of a quantized product back to the output's scale, in
 * integers, bit for bit as the reference kernels of TensorFlow Lite.
 *
 * A real factor f >= 0 is kept as multiplier * 2^(shift - 31) with multiplier
 * in [2^30, 2^31), or 0. 32-bit sums are rounded twice: once in the doubled high
 * half of the product, once in the shift to the right. 64-bit sums (16-bit
 * activations) take the multiplier's upper 16 bits and are rounded once. Where
 * the reference would overflow, these wrap.
 */
#ifndef UFI_KERNELS_REQUANT_H
#define UFI_KERNELS_REQUANT_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* a * b / 2^31, to nearest, halves up; the one product that does not fit
 * saturates. */
static inline int32_t ufk_srdhm(int32_t a, int32_t b) {
  if (a == INT32_MIN && b == INT32_MIN) return INT32_MAX;
  return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

/* x / 2^n to nearest, halves away from zero; n from 0 to 31. */
static inline int32_t ufk_rdpot(int32_t x, int n) {
  const int32_t mask = (int32_t)((INT64_C(1) << n) - 1);
  const int32_t rest = x & mask, threshold = (mask >> 1) + (x < 0);
  return (int32_t)((uint32_t)(x >> n) + (rest > threshold));
}

/* x * multiplier * 2^(shift - 31); shift from -31 to 31. */
static inline int32_t ufk_requantize(int32_t x, int32_t multiplier, int32_t shift) {
  const int left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
  return ufk_rdpot(ufk_srdhm((int32_t)((uint32_t)x << left), multiplier), right);
}

/* The same of a sum of 48 bits; shift from -31 to 14. The result is cut to 32
 * bits, as the reference does. */
static inline int32_t ufk_requantize_64(int64_t x, int32_t multiplier, int32_t shift) {
  const int64_t reduced = multiplier < 0x7fff0000 ? (multiplier + (1 << 15)) >> 16 : 0x7fff;
  const int total = 15 - shift;
  const uint64_t product = (uint64_t)x * (uint64_t)reduced + (UINT64_C(1) << (total - 1));
  return (int32_t)(uint32_t)(uint64_t)((int64_t)product >> total);
}

static inline int32_t ufk_clamp(int32_t x, int32_t min, int32_t max) {
  return x < min ? min : x > max ? max : x;
}

/* x to nearest, halves away from zero, limited to int32 (NaN: 0). */
static inline int32_t ufk_round_f64(double x) {
  if (!(x > -2147483648.0)) return x != x ? 0 : INT32_MIN;
  if (x >= 2147483647.0) return INT32_MAX;
  const int32_t whole = (int32_t)x;
  const double rest = x - whole;
  return whole + (rest >= 0.5) - (rest <= -0.5);
}

static inline int32_t ufk_round_f32(float x) {
  if (!(x > -2147483648.0f)) return x != x ? 0 : INT32_MIN;
  if (x >= 2147483648.0f) return INT32_MAX;
  const int32_t whole = (int32_t)x;
  const float rest = x - (float)whole;
  return whole + (rest >= 0.5f) - (rest <= -0.5f);
}

/* 2^n, -1022 <= n <= 1023. */
static inline double ufk_power_of_2(int32_t n) {
  const uint64_t bits = (uint64_t)(n + 1023) << 52;
  double power;
  memcpy(&power, &bits, sizeof power);
  return power;
}

/* How to come near ufk_requantize, or the rounding of sum * real (right is 0), with one float32 multiplication:
 * sum * factor, moved away from zero by nudge, which is where the shift to the right has its halves once the first
 * rounding is done. False: it cannot be done. */
static inline bool ufk_q_near(double real, int32_t right, float *factor_out, float *nudge_out) {
  *factor_out = (float)real;
  *nudge_out = right > 0 ? (float)ufk_power_of_2(-1 - right) : 0.0f;
  return real >= 0.0 && real <= 1.0 && right >= 0;
}

/* sum * factor + nudge is less than this from the exact value while that is within +-257: where it is
 * nearer to a half, the exact way decides. */
#define UFK_Q_NEAR (1.0f / 16384)

#endif
