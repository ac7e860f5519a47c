/* SPDX-License-Identifier: Apache-2.0
 *
 * half.c: 16-bit floats one by one, in plain C. Whole arrays go through
 * kernels/elementwise.h.
 *
 * IEEE binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits.
 */
#include "base/base.h"

static float from_bits(uint32_t u) { float f; memcpy(&f, &u, 4); return f; }
static uint32_t to_bits(float f) { uint32_t u; memcpy(&u, &f, 4); return u; }

float ufi_half_to_float(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, fraction = h & 0x3FF;
  if (exponent == 31) return from_bits(sign | 0x7F800000u | (fraction << 13));
  if (exponent) return from_bits(sign | ((exponent + 112) << 23) | (fraction << 13));
  float magnitude = (float)fraction * from_bits(0x33800000u); /* fraction * 2^-24 */
  return sign ? -magnitude : magnitude;
}

uint16_t ufi_float_to_half(float value) {
  uint32_t u = to_bits(value), sign = (u >> 16) & 0x8000, a = u & 0x7FFFFFFF;
  if (a > 0x7F800000u) return (uint16_t)(sign | 0x7E00 | ((a >> 13) & 0x1FF)); /* NaN stays NaN */
  if (a >= 0x477FF000u) return (uint16_t)(sign | 0x7C00);                     /* rounds to infinity */
  if (a < 0x38800000u) { /* denormal half: let the addition round, at 2^-24 per unit */
    float shifted = from_bits(a) + 0.5f;
    return (uint16_t)(sign | (to_bits(shifted) - 0x3F000000u));
  }
  uint32_t odd = (a >> 13) & 1;
  return (uint16_t)(sign | ((a - 0x38000000u + 0xFFF + odd) >> 13));
}

uint16_t ufi_float_to_bfloat(float value) {
  uint32_t u = to_bits(value);
  if ((u & 0x7FFFFFFF) > 0x7F800000u) return (uint16_t)((u >> 16) | 0x40);
  return (uint16_t)((u + 0x7FFF + ((u >> 16) & 1)) >> 16);
}
