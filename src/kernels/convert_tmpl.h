/* SPDX-License-Identifier: Apache-2.0
 *
 * convert_tmpl.h: the loops of convert.h in plain C without branches, which compilers make vectors of; each
 * convert_<isa>.c compiles them for its instruction set. Loops that compilers do less well are in convert_simd_tmpl.h.
 */
#include "kernels/convert.h"

static void scaled_s4(const uint8_t *restrict x, size_t n, float scale, int32_t zero, float *restrict y) {
  for (size_t i = 0; i < n / 2; i++) {
    const int32_t pair = x[i];
    y[2 * i] = scale * (float)(((pair & 15) ^ 8) - 8 - zero);
    y[2 * i + 1] = scale * (float)((pair >> 4 ^ 8) - 8 - zero);
  }
  if (n % 2) y[n - 1] = scale * (float)(((x[n / 2] & 15) ^ 8) - 8 - zero);
}
static void scaled_u4(const uint8_t *restrict x, size_t n, float scale, int32_t zero, float *restrict y) {
  for (size_t i = 0; i < n / 2; i++) {
    const int32_t pair = x[i];
    y[2 * i] = scale * (float)((pair & 15) - zero);
    y[2 * i + 1] = scale * (float)((pair >> 4) - zero);
  }
  if (n % 2) y[n - 1] = scale * (float)((x[n / 2] & 15) - zero);
}

/* ---- small floats: on their bits --------------------------------------------------------- */

static inline uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
static inline float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static void from_bf16(const uint16_t *restrict x, size_t n, float *restrict y) {
  for (size_t i = 0; i < n; i++) y[i] = float_of((uint32_t)x[i] << 16);
}

static void to_bf16(const float *restrict x, size_t n, uint16_t *restrict y) {
  for (size_t i = 0; i < n; i++) {
    const uint32_t bits = bits_of(x[i]), rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
    const uint32_t quiet = bits >> 16 | 0x40;
    y[i] = (uint16_t)((bits & 0x7FFFFFFF) > 0x7F800000 ? quiet : rounded);
  }
}

static void from_codes(const uint8_t *restrict x, size_t n, const float table[restrict 256], float *restrict y) {
  for (size_t i = 0; i < n; i++) y[i] = table[x[i]];
}

/* Normal numbers: the fraction is rounded where it will be cut, and may carry into the exponent. Smaller ones are
 * multiples of one power of two: added to a number whose last place has that value, they are rounded to it. */
static void to_float8(const float *restrict x, size_t n, const ufk_float8 *type, uint8_t *restrict y) {
  const int cut = 23 - type->fraction_bits;
  const uint32_t half = (1u << (cut - 1)) - 1, rebias = (uint32_t)(127 - type->bias) << type->fraction_bits;
  const uint32_t least_normal = (uint32_t)(128 - type->bias) << 23; /* its bits as a float */
  const uint32_t step = (uint32_t)(127 + 1 - type->bias - type->fraction_bits + 23) << 23;
  const float last_place = float_of(step);
  const uint32_t nan = type->nan, beyond = type->beyond, largest = type->largest, sign_of_zero = type->one_zero ? 0 : 0x80;
  for (size_t i = 0; i < n; i++) {
    const uint32_t bits = bits_of(x[i]), size = bits & 0x7FFFFFFF, sign = bits >> 24 & 0x80;
    const uint32_t normal = ((size + half + (size >> cut & 1)) >> cut) - rebias;
    const uint32_t tiny = bits_of(float_of(size) + last_place) - step;
    uint32_t code = size < least_normal ? tiny : normal;
    code = size >= least_normal && normal > largest ? beyond : code;
    code = size > 0x7F800000 ? nan : code;
    const uint32_t keeps = code == 0 ? sign_of_zero : code == 0x80 ? 0 : 0x80;
    y[i] = (uint8_t)(code | (sign & keeps));
  }
}

static void set_convert(ufk_convert_table *t) {
  t->scaled_s4 = scaled_s4, t->scaled_u4 = scaled_u4;
  t->from_bf16 = from_bf16, t->to_bf16 = to_bf16;
  t->from_codes = from_codes, t->to_float8 = to_float8;
}
