/* SPDX-License-Identifier: Apache-2.0
 *
 * i32_avx512.h: the integer vocabulary of the q*_tmpl.h and matvec_tmpl.h with 16 lanes
 * of 32 bits, for AVX-512 with VNNI. What these headers say of a name holds here.
 */
#ifndef UFI_SIMD_I32_AVX512_H
#define UFI_SIMD_I32_AVX512_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VW 16
typedef __m512i veci; /* 16 int32, 32 int16 or 64 bytes */
typedef __m512 vecf;

#define f_keep(x) __asm__("" : "+v"(x)) /* stops the compiler from fusing a product into an fma */

static inline veci i_load(const int32_t *p) { return _mm512_loadu_si512(p); }
static inline void i_store(int32_t *p, veci v) { _mm512_storeu_si512(p, v); }
#define i_set1 _mm512_set1_epi32
#define i_set16 _mm512_set1_epi16
#define i_zero _mm512_setzero_si512
#define i_add _mm512_add_epi32
#define i_sub _mm512_sub_epi32
#define i_mul _mm512_mullo_epi32
#define i_sub16 _mm512_sub_epi16
#define i_min _mm512_min_epi32
#define i_max _mm512_max_epi32
static inline veci i_load16(const int16_t *p) { return _mm512_loadu_si512(p); }
static inline void i_store16(int16_t *p, veci v) { _mm512_storeu_si512(p, v); }
static inline veci i_widen_s8(const void *p) { return _mm512_cvtepi8_epi16(_mm256_loadu_si256(p)); }
static inline veci i_widen_u8(const void *p) { return _mm512_cvtepu8_epi16(_mm256_loadu_si256(p)); }
#define i_dot _mm512_dpwssd_epi32
#define i_dot4 _mm512_dpbusd_epi32
#define i_set8 _mm512_set1_epi8
#define i_xor _mm512_xor_si512
static inline veci i_load8(const void *p) { return _mm512_loadu_si512(p); }
static inline void i_store8(void *p, veci v) { _mm512_storeu_si512(p, v); }
static inline veci i_load8_n(const void *p, size_t n) {
  return _mm512_maskz_loadu_epi8(((__mmask64)1 << n) - 1, p);
}

static inline veci i_low_bits(veci n) {
  const veci one = _mm512_set1_epi32(1);
  return _mm512_sub_epi32(_mm512_sllv_epi32(one, n), one);
}

/* Products of even and of odd lanes, rounded, of which bits 31 to 62 remain. */
static inline veci i_fixed(veci x, veci multiplier, veci left, veci right, veci mask) {
  const veci half = _mm512_set1_epi64(1 << 30);
  x = _mm512_sllv_epi32(x, left);
  veci even = _mm512_mul_epi32(x, multiplier);
  veci odd = _mm512_mul_epi32(_mm512_srli_epi64(x, 32), _mm512_srli_epi64(multiplier, 32));
  even = _mm512_srli_epi64(_mm512_add_epi64(even, half), 31);
  odd = _mm512_slli_epi64(_mm512_add_epi64(odd, half), 1);
  x = _mm512_mask_blend_epi32(0xaaaa, even, odd);
  veci threshold = _mm512_sub_epi32(_mm512_srli_epi32(mask, 1), _mm512_srai_epi32(x, 31));
  __mmask16 up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(x, mask), threshold);
  x = _mm512_srav_epi32(x, right);
  return _mm512_mask_add_epi32(x, up, x, _mm512_set1_epi32(1));
}

static inline __m256i round_pd(__m256i x, const double *p) {
  const __m512d limit = _mm512_set1_pd(1073741824.0), one = _mm512_set1_pd(1.0);
  __m512d y = _mm512_mul_pd(_mm512_cvtepi32_pd(x), _mm512_loadu_pd(p));
  f_keep(y);
  y = _mm512_min_pd(_mm512_max_pd(y, _mm512_sub_pd(_mm512_setzero_pd(), limit)), limit);
  __m512d whole = _mm512_roundscale_pd(y, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
  __m512d rest = _mm512_sub_pd(y, whole);
  __mmask8 up = _mm512_cmp_pd_mask(rest, _mm512_set1_pd(0.5), _CMP_GE_OQ);
  __mmask8 down = _mm512_cmp_pd_mask(rest, _mm512_set1_pd(-0.5), _CMP_LE_OQ);
  whole = _mm512_mask_add_pd(whole, up, whole, one);
  whole = _mm512_mask_sub_pd(whole, down, whole, one);
  return _mm512_cvttpd_epi32(whole);
}
static inline veci i_real(veci x, const double *p) {
  __m256i low = round_pd(_mm512_castsi512_si256(x), p);
  __m256i high = round_pd(_mm512_extracti64x4_epi64(x, 1), p + 8);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

static inline __mmask16 mask_of(size_t n) { return (__mmask16)((1u << n) - 1); }
static inline void i_put_s8(int8_t *p, veci x, size_t n) {
  _mm512_mask_cvtepi32_storeu_epi8(p, mask_of(n), x);
}
static inline void i_put_u8(uint8_t *p, veci x, size_t n) {
  _mm512_mask_cvtepi32_storeu_epi8(p, mask_of(n), x);
}
static inline void i_put_s16(int16_t *p, veci x, size_t n) {
  _mm512_mask_cvtepi32_storeu_epi16(p, mask_of(n), x);
}

#define i_pack16 _mm512_packs_epi32
#define i_adds16 _mm512_adds_epi16
/* Packing works within 128 bits: four lanes of the one and four of the other in turn. */
static inline veci in_order(veci x) {
  const veci order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(order, x);
}
static inline veci i_pack_s8(veci a, veci b) { return in_order(_mm512_packs_epi16(a, b)); }
static inline veci i_pack_u8(veci a, veci b) { return in_order(_mm512_packus_epi16(a, b)); }
#define i_min_s8 _mm512_min_epi8
#define i_max_s8 _mm512_max_epi8
#define i_min_u8 _mm512_min_epu8
#define i_max_u8 _mm512_max_epu8
static inline void i_put_row(void *p, veci x, int row, size_t n) {
  __m256i v = row ? _mm512_extracti64x4_epi64(x, 1) : _mm512_castsi512_si256(x);
  if (n == 32) _mm256_storeu_si256(p, v);
  else _mm256_mask_storeu_epi8(p, (__mmask32)((UINT64_C(1) << n) - 1), v);
}
static inline void i_put_half_row(void *p, veci x, int row, size_t n) {
  __m256i two = row & 2 ? _mm512_extracti64x4_epi64(x, 1) : _mm512_castsi512_si256(x);
  __m128i v = row & 1 ? _mm256_extracti128_si256(two, 1) : _mm256_castsi256_si128(two);
  if (n == 16) _mm_storeu_si128(p, v);
  else _mm_mask_storeu_epi8(p, (__mmask16)((1u << n) - 1), v);
}

#define f_load _mm512_loadu_ps
#define f_store _mm512_storeu_ps
#define f_set1 _mm512_set1_ps
#define f_add _mm512_add_ps
#define f_mul _mm512_mul_ps
#define f_min _mm512_min_ps
#define f_max _mm512_max_ps
#define f_from_i _mm512_cvtepi32_ps
#define f_to_i _mm512_cvtps_epi32
#define f_sub _mm512_sub_ps
#define f_fma _mm512_fmadd_ps
static inline vecf f_signed(vecf x, vecf y) { /* (x & sign) | y */
  const veci sign = _mm512_set1_epi32(INT32_MIN);
  return _mm512_castsi512_ps(
      _mm512_ternarylogic_epi32(_mm512_castps_si512(x), sign, _mm512_castps_si512(y), 0xea));
}
static inline vecf f_farther(vecf x, vecf y) { return _mm512_range_ps(x, y, 0xb); }
static inline bool f_is_above(vecf x, vecf y) { return _mm512_cmp_ps_mask(x, y, _CMP_GT_OQ) != 0; }
static inline vecf f_load_n(const float *p, size_t n) {
  return _mm512_maskz_loadu_ps(mask_of(n), p);
}
static inline void f_put(float *p, vecf v, size_t n) {
  if (n == VW) _mm512_storeu_ps(p, v);
  else _mm512_mask_storeu_ps(p, mask_of(n), v);
}
#define f_lowest _mm512_reduce_min_ps
#define f_highest _mm512_reduce_max_ps
#define f_to_zero _mm512_cvttps_epi32

#endif
