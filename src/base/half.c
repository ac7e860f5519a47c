/* SPDX-License-Identifier: Apache-2.0
 *
 * half.c: float16 and bfloat16, one value at a time.
 *
 * float16 is 1 sign bit, 5 exponent bits (bias 15), 10 fraction bits; bfloat16
 * is the upper half of a float32. Rounding is to the nearest, ties to even;
 * NaNs stay NaNs and keep their upper payload bits, quieted. Arrays are
 * converted by the kernels, whose results must equal these.
 */
#include "base/base.h"

static float float_from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint32_t bits_from_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

float ufi_half_to_float(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  uint32_t exponent = (half >> 10) & 31, fraction = half & 0x3FF;
  if (exponent == 0) { /* zero or subnormal: fraction * 2^-24 is exact */
    float value = (float)fraction * 0x1p-24f;
    return float_from_bits(bits_from_float(value) | sign);
  }
  if (exponent == 31) {
    uint32_t quiet = fraction ? 0x400000 : 0;
    return float_from_bits(sign | 0x7F800000 | fraction << 13 | quiet);
  }
  return float_from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

uint16_t ufi_float_to_half(float value) {
  uint32_t bits = bits_from_float(value);
  uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
  uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return (uint16_t)(sign | 0x7E00 | (magnitude >> 13 & 0x3FF));
  if (magnitude >= 0x477FF000) return (uint16_t)(sign | 0x7C00); /* 65520 and up: infinity */
  if (magnitude < 0x38800000) { /* below 2^-14: adding 0.5 leaves the rounded
                                   multiple of 2^-24 in the low bits */
    float shifted = float_from_bits(magnitude) + 0.5f;
    return (uint16_t)(sign | (bits_from_float(shifted) - 0x3F000000));
  }
  uint32_t odd = magnitude >> 13 & 1;
  return (uint16_t)(sign | ((magnitude - 0x38000000 + 0xFFF + odd) >> 13));
}

uint16_t ufi_float_to_bfloat(float value) {
  uint32_t bits = bits_from_float(value);
  if ((bits & 0x7FFFFFFF) > 0x7F800000) return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}
