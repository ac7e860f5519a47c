/* SPDX-License-Identifier: Apache-2.0
 *
 * float8.c: floats of 8 and 4 bits, as float32.
 *
 * Each has a sign bit, then exponent bits, then fraction bits; an exponent of 0
 * is subnormal. They differ in the bias and in what stands for NaN and infinity:
 * "fn" types have no infinities, all ones is NaN; "fnuz" types have no negative
 * zero either, and its code is their only NaN; float8_e5m2 is the upper half of a
 * float16; float4 has finite values only. Every value is exact in float32.
 */
#include <math.h>

#include "base/base.h"

typedef struct layout {
  int exponent_bits, fraction_bits, bias;
  int nan; /* the code of NaN without the sign; NAN_ZERO: that of minus zero; NAN_NONE */
} layout;
enum { NAN_ZERO = -1, NAN_NONE = -2 };

static bool layout_of(uf_dtype dtype, layout *out) {
  switch (dtype) {
    case UF_FLOAT8_E4M3FN: *out = (layout){4, 3, 7, 0x7F}; return true;
    case UF_FLOAT8_E4M3FNUZ: *out = (layout){4, 3, 8, NAN_ZERO}; return true;
    case UF_FLOAT8_E4M3B11FNUZ: *out = (layout){4, 3, 11, NAN_ZERO}; return true;
    case UF_FLOAT8_E5M2FNUZ: *out = (layout){5, 2, 16, NAN_ZERO}; return true;
    case UF_FLOAT4_E2M1FN: *out = (layout){2, 1, 1, NAN_NONE}; return true;
    default: return false;
  }
}

static float decode(const layout *l, unsigned code) {
  unsigned sign = code >> (l->exponent_bits + l->fraction_bits) & 1;
  unsigned magnitude = code & ((1u << (l->exponent_bits + l->fraction_bits)) - 1);
  if ((l->nan == NAN_ZERO && sign && magnitude == 0) || (int)magnitude == l->nan) return NAN;
  int exponent = (int)(magnitude >> l->fraction_bits);
  int fraction = (int)(magnitude & ((1u << l->fraction_bits) - 1));
  if (exponent > 0) fraction |= 1 << l->fraction_bits;
  float value = ldexpf((float)fraction, UFI_MAX(exponent, 1) - l->bias - l->fraction_bits);
  return sign ? -value : value;
}

bool ufi_float8_table(uf_dtype dtype, float table[256]) {
  layout l;
  if (dtype == UF_FLOAT8_E5M2) {
    for (unsigned i = 0; i < 256; i++) table[i] = ufi_half_to_float((uint16_t)(i << 8));
    return true;
  }
  if (!layout_of(dtype, &l)) return false;
  for (unsigned i = 0; i < 256; i++) table[i] = decode(&l, i);
  return true;
}
