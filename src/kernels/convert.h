/* SPDX-License-Identifier: Apache-2.0
 *
 * convert.h: numbers from one type to another: what quantized and small floats stand for, and the way back.
 *
 * Two layers: the table's loops, and above them whole tensors (convert.c) and arrays of any pair of types (astype.c).
 * Loops take a count that may be 0, and memory that need be aligned for its element type only.
 */
#ifndef UFI_KERNELS_CONVERT_H
#define UFI_KERNELS_CONVERT_H

#include "base/base.h"

/* The 8- and 16-bit integers, as indices. */
typedef enum ufk_small { UFK_S8, UFK_U8, UFK_S16, UFK_U16, UFK_SMALL_COUNT } ufk_small;

/* How a small float is laid out: 1 sign bit, then these. */
typedef struct ufk_float8 {
  int exponent_bits, fraction_bits, bias;
  uint8_t nan;       /* code of NaN, but for the sign where there is a NaN of each */
  uint8_t beyond;    /* code of what is too large; infinity or NaN */
  uint8_t largest;   /* code of the largest number */
  bool one_zero;     /* "fnuz": no negative zero, whose code is the only NaN */
} ufk_float8;

typedef struct ufk_convert_table {
  /* scale * (x - zero); |zero| <= 2^20, so that the difference is exact and one product rounds once. */
  void (*scaled[UFK_SMALL_COUNT])(const void *x, size_t n, float scale, int32_t zero, float *y);
  /* The same with a scale and a zero (a whole number) for each element. */
  void (*scaled_each[UFK_SMALL_COUNT])(const void *x, size_t n, const float *scales, const float *zeros, float *y);
  /* Of 4 bits, two a byte, the first in the low half; n elements. */
  void (*scaled_s4)(const uint8_t *x, size_t n, float scale, int32_t zero, float *y);
  void (*scaled_u4)(const uint8_t *x, size_t n, float scale, int32_t zero, float *y);
  void (*from_f16)(const uint16_t *x, size_t n, float *y);
  void (*to_f16)(const float *x, size_t n, uint16_t *y);     /* nearest, ties to even, as all here */
  void (*from_bf16)(const uint16_t *x, size_t n, float *y);
  void (*to_bf16)(const float *x, size_t n, uint16_t *y);
  void (*from_codes)(const uint8_t *x, size_t n, const float table[256], float *y);
  void (*to_float8)(const float *x, size_t n, const ufk_float8 *type, uint8_t *y);
} ufk_convert_table;

void ufk_convert_scalar(ufk_convert_table *table);
void ufk_convert_avx2(ufk_convert_table *table);
void ufk_convert_avx512(ufk_convert_table *table);
void ufk_convert_neon(ufk_convert_table *table);

/* ---- arrays of any types (astype.c) ------------------------------------------------------ */

/* count numbers converted as NumPy's astype does (astype.c says how). Elements of
 * packed types come unpacked, one a byte. Neither pointer need be aligned. WRONG_TYPE:
 * there is no such conversion (strings; complex to real; to packed types). */
uf_status ufi_convert(uf_dtype from, const void *in, int64_t count, uf_dtype to, void *out,
                      uf_error *error);

#endif
