/* SPDX-License-Identifier: Apache-2.0
 *
 * fixedpoint.c: the slower parts of fixedpoint.h: factors made at prepare, and
 * the inverse square root of integer layer normalization.
 */
#include "kernels/fixedpoint.h"

#include <math.h>

ufk_fx_scale ufk_fx_scale_of(double factor) {
  ufk_fx_scale s = {0, 0};
  if (!(factor > 0) || factor > 1e30) return s;
  int64_t q = (int64_t)round(frexp(factor, &s.shift) * (double)(1LL << 31));
  if (q == 1LL << 31) {
    q /= 2;
    s.shift++;
  }
  if (s.shift < -31) return (ufk_fx_scale){0, 0};
  if (s.shift > 31) s.shift = 31;
  s.multiplier = (int32_t)q;
  return s;
}


static int32_t shl_saturated(int32_t x, int n) {
  int64_t y = (int64_t)x * (1LL << n);
  return y > INT32_MAX ? INT32_MAX : y < INT32_MIN ? INT32_MIN : (int32_t)y;
}

ufk_fx_scale ufk_fx_inverse_sqrt(int32_t input) {
  if (input <= 1) return (ufk_fx_scale){INT32_MAX, 0};
  int shift = 11;
  while (input >= 1 << 29) {
    input /= 4;
    shift++;
  }
  int pairs = (__builtin_clz((unsigned)input) - 1) / 2 - 1; /* input to [2^27, 2^29) */
  shift -= pairs;
  input = pairs >= 0 ? input << (2 * pairs) : input;
  int32_t value = input >> 1, half_value = ufk_fx_round_shift(value, 1), three_halves = (1 << 28) + (1 << 27);
  int32_t x = 1 << 28;
  for (int i = 0; i < 5; i++) {
    int32_t cube = shl_saturated(ufk_fx_high_mul(ufk_fx_high_mul(x, x), x), 6); /* 9 bits -> 3 */
    x = shl_saturated(ufk_fx_high_mul(three_halves, x) - ufk_fx_high_mul(half_value, cube), 3);
  }
  x = ufk_fx_high_mul(x, 1518500250); /* sqrt(2) / 2 */
  if (shift < 0) {
    x = (int32_t)((uint32_t)x << -shift);
    shift = 0;
  }
  return (ufk_fx_scale){x, -shift};
}
