/* SPDX-License-Identifier: Apache-2.0
 *
 * i32_avx2.h: the integer vocabulary of the q*_tmpl.h and matvec_tmpl.h with 8 lanes
 * of 32 bits, for AVX2 and FMA. What these headers say of a name holds here.
 */
#ifndef UFI_SIMD_I32_AVX2_H
#define UFI_SIMD_I32_AVX2_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VW 8
typedef __m256i veci; /* 8 int32, 16 int16 or 32 bytes */
typedef __m256 vecf;

#define f_keep(x) __asm__("" : "+x"(x)) /* stops the compiler from fusing a product into an fma */

static inline veci i_load(const int32_t *p) { return _mm256_loadu_si256((const void *)p); }
static inline void i_store(int32_t *p, veci v) { _mm256_storeu_si256((void *)p, v); }
#define i_set1 _mm256_set1_epi32
#define i_set16 _mm256_set1_epi16
#define i_zero _mm256_setzero_si256
#define i_add _mm256_add_epi32
#define i_sub _mm256_sub_epi32
#define i_mul _mm256_mullo_epi32
#define i_xor _mm256_xor_si256
#define i_sub16 _mm256_sub_epi16
#define i_min _mm256_min_epi32
#define i_max _mm256_max_epi32
static inline veci i_load16(const int16_t *p) { return _mm256_loadu_si256((const void *)p); }
static inline void i_store16(int16_t *p, veci v) { _mm256_storeu_si256((void *)p, v); }
static inline veci i_widen_s8(const void *p) { return _mm256_cvtepi8_epi16(_mm_loadu_si128(p)); }
static inline veci i_widen_u8(const void *p) { return _mm256_cvtepu8_epi16(_mm_loadu_si128(p)); }
static inline veci i_dot(veci acc, veci a, veci b) {
  return _mm256_add_epi32(acc, _mm256_madd_epi16(a, b));
}

static inline veci i_low_bits(veci n) {
  const veci one = _mm256_set1_epi32(1);
  return _mm256_sub_epi32(_mm256_sllv_epi32(one, n), one);
}

/* Products of even and of odd lanes, rounded, of which bits 31 to 62 remain. */
static inline veci i_fixed(veci x, veci multiplier, veci left, veci right, veci mask) {
  const veci half = _mm256_set1_epi64x(1 << 30);
  x = _mm256_sllv_epi32(x, left);
  veci even = _mm256_mul_epi32(x, multiplier);
  veci odd = _mm256_mul_epi32(_mm256_srli_epi64(x, 32), _mm256_srli_epi64(multiplier, 32));
  even = _mm256_srli_epi64(_mm256_add_epi64(even, half), 31);
  odd = _mm256_slli_epi64(_mm256_add_epi64(odd, half), 1);
  x = _mm256_blend_epi32(even, odd, 0xaa);
  veci threshold = _mm256_sub_epi32(_mm256_srli_epi32(mask, 1), _mm256_srai_epi32(x, 31));
  veci up = _mm256_cmpgt_epi32(_mm256_and_si256(x, mask), threshold);
  return _mm256_sub_epi32(_mm256_srav_epi32(x, right), up);
}

static inline __m128i round_pd(__m128i x, const double *p) {
  const __m256d limit = _mm256_set1_pd(1073741824.0), one = _mm256_set1_pd(1.0);
  __m256d y = _mm256_mul_pd(_mm256_cvtepi32_pd(x), _mm256_loadu_pd(p));
  f_keep(y);
  y = _mm256_min_pd(_mm256_max_pd(y, _mm256_sub_pd(_mm256_setzero_pd(), limit)), limit);
  __m256d whole = _mm256_round_pd(y, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
  __m256d rest = _mm256_sub_pd(y, whole);
  __m256d up = _mm256_cmp_pd(rest, _mm256_set1_pd(0.5), _CMP_GE_OQ);
  __m256d down = _mm256_cmp_pd(rest, _mm256_set1_pd(-0.5), _CMP_LE_OQ);
  whole = _mm256_sub_pd(_mm256_add_pd(whole, _mm256_and_pd(up, one)), _mm256_and_pd(down, one));
  return _mm256_cvttpd_epi32(whole);
}
static inline veci i_real(veci x, const double *p) {
  return _mm256_set_m128i(round_pd(_mm256_extracti128_si256(x, 1), p + 4),
                          round_pd(_mm256_castsi256_si128(x), p));
}

static inline __m128i narrow16(veci x) {
  return _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
}
static inline void put_bytes(void *p, __m128i v, size_t bytes) {
  if (bytes == 16) {
    _mm_storeu_si128(p, v);
  } else if (bytes == 8) {
    _mm_storel_epi64(p, v);
  } else {
    uint8_t copy[16];
    _mm_storeu_si128((void *)copy, v);
    memcpy(p, copy, bytes);
  }
}
static inline void i_put_s8(int8_t *p, veci x, size_t n) {
  __m128i v = narrow16(x);
  put_bytes(p, _mm_packs_epi16(v, v), n);
}
static inline void i_put_u8(uint8_t *p, veci x, size_t n) {
  __m128i v = narrow16(x);
  put_bytes(p, _mm_packus_epi16(v, v), n);
}
static inline void i_put_s16(int16_t *p, veci x, size_t n) { put_bytes(p, narrow16(x), 2 * n); }

#define i_pack16 _mm256_packs_epi32
#define i_adds16 _mm256_adds_epi16
#define i_set8 _mm256_set1_epi8
/* Packing works within 128 bits: four lanes of the one and four of the other in turn. */
static inline veci in_order(veci x) {
  return _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
static inline veci i_pack_s8(veci a, veci b) { return in_order(_mm256_packs_epi16(a, b)); }
static inline veci i_pack_u8(veci a, veci b) { return in_order(_mm256_packus_epi16(a, b)); }
#define i_min_s8 _mm256_min_epi8
#define i_max_s8 _mm256_max_epi8
#define i_min_u8 _mm256_min_epu8
#define i_max_u8 _mm256_max_epu8
static inline void i_put_row(void *p, veci x, int row, size_t n) {
  put_bytes(p, row ? _mm256_extracti128_si256(x, 1) : _mm256_castsi256_si128(x), n);
}
static inline void i_put_half_row(void *p, veci x, int row, size_t n) {
  __m128i two = row & 2 ? _mm256_extracti128_si256(x, 1) : _mm256_castsi256_si128(x);
  put_bytes(p, row & 1 ? _mm_unpackhi_epi64(two, two) : two, n);
}

#define f_load _mm256_loadu_ps
#define f_store _mm256_storeu_ps
#define f_set1 _mm256_set1_ps
#define f_add _mm256_add_ps
#define f_mul _mm256_mul_ps
#define f_min _mm256_min_ps
#define f_max _mm256_max_ps
#define f_from_i _mm256_cvtepi32_ps
#define f_to_i _mm256_cvtps_epi32
#define f_sub _mm256_sub_ps
#define f_fma _mm256_fmadd_ps
static inline vecf f_signed(vecf x, vecf y) {
  return _mm256_or_ps(_mm256_and_ps(x, _mm256_set1_ps(-0.0f)), y);
}
static inline vecf f_farther(vecf x, vecf y) {
  return _mm256_max_ps(x, _mm256_andnot_ps(_mm256_set1_ps(-0.0f), y));
}
static inline bool f_is_above(vecf x, vecf y) {
  return _mm256_movemask_ps(_mm256_cmp_ps(x, y, _CMP_GT_OQ)) != 0;
}
static inline __m256i mask_of(size_t n) {
  static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return _mm256_loadu_si256((const __m256i *)(ones + 8 - n));
}
static inline vecf f_load_n(const float *p, size_t n) { return _mm256_maskload_ps(p, mask_of(n)); }
static inline void f_put(float *p, vecf v, size_t n) {
  if (n == 8) _mm256_storeu_ps(p, v);
  else _mm256_maskstore_ps(p, mask_of(n), v);
}
static inline float f_lowest(vecf v) {
  float x[8], low;
  _mm256_storeu_ps(x, v);
  low = x[0];
  for (int i = 1; i < 8; i++) low = x[i] < low ? x[i] : low;
  return low;
}
static inline float f_highest(vecf v) {
  return -f_lowest(_mm256_sub_ps(_mm256_setzero_ps(), v));
}
#define f_to_zero _mm256_cvttps_epi32

#endif
