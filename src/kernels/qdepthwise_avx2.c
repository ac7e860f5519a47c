/* SPDX-License-Identifier: Apache-2.0
 *
 * qdepthwise_avx2.c: the kernels of qdepthwise.h for AVX2. Entries are two int16:
 * the instruction for bytes (pmaddubsw) saturates.
 */
#include <immintrin.h>

#include "base/base.h"
#include "kernels/qdepthwise.h"

#define VW 8
#define NARROW 2

typedef __m256i veci;
typedef __m256 vecf;

static inline veci i_load(const int32_t *p) { return _mm256_loadu_si256((const void *)p); }
static inline veci i_dot2(veci acc, veci a, veci b) { return _mm256_add_epi32(acc, _mm256_madd_epi16(a, b)); }

static inline __m128i load_bytes(const uint8_t *p, size_t n) {
  if (n == VW) return _mm_loadl_epi64((const void *)p);
  uint8_t copy[8] = {0};
  memcpy(copy, p, n);
  return _mm_loadl_epi64((const void *)copy);
}
static inline void store_bytes(uint8_t *p, __m128i v, size_t n) {
  uint8_t copy[8];
  _mm_storel_epi64((void *)(n == VW ? p : copy), v);
  if (n < VW) memcpy(p, copy, n);
}

static inline void i_zip2_s8(const uint8_t *const p[2], size_t n, uint8_t *to) {
  __m128i pairs = _mm_unpacklo_epi8(load_bytes(p[0], n), load_bytes(p[1], n));
  _mm256_storeu_si256((void *)to, _mm256_cvtepi8_epi16(pairs));
}
static inline void i_zip2_u8(const uint8_t *const p[2], size_t n, uint8_t *to) {
  __m128i pairs = _mm_unpacklo_epi8(load_bytes(p[0], n), load_bytes(p[1], n));
  _mm256_storeu_si256((void *)to, _mm256_cvtepu8_epi16(pairs));
}

/* ---- from sums to bytes -------------------------------------------------------- */

typedef struct fixed_scale {
  veci multiplier, odd;    /* odd: of odd lanes, in even ones */
  veci left, right, mask, half_mask;
  veci zero, min, max;     /* zero: int16, the others bytes */
} fixed_scale;

static inline fixed_scale load_scale(const ufk_q_scale *s) {
  const veci shift = i_load(s->shift), zero = _mm256_setzero_si256(), one = _mm256_set1_epi32(1);
  const veci right = _mm256_max_epi32(_mm256_sub_epi32(zero, shift), zero);
  const veci mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, right), one);
  return (fixed_scale){
      .multiplier = i_load(s->multiplier), .odd = _mm256_srli_epi64(i_load(s->multiplier), 32),
      .left = _mm256_max_epi32(shift, zero), .right = right, .mask = mask, .half_mask = _mm256_srli_epi32(mask, 1),
      .zero = _mm256_set1_epi16((int16_t)s->zero),
      .min = _mm256_set1_epi8((char)s->min), .max = _mm256_set1_epi8((char)s->max)};
}

/* Products of even and of odd lanes, rounded, of which bits 31 to 62 remain. */
static inline __attribute__((always_inline)) veci fixed(veci x, const fixed_scale *s) {
  const veci half = _mm256_set1_epi64x(1 << 30);
  x = _mm256_sllv_epi32(x, s->left);
  veci even = _mm256_mul_epi32(x, s->multiplier), odd = _mm256_mul_epi32(_mm256_srli_epi64(x, 32), s->odd);
  even = _mm256_srli_epi64(_mm256_add_epi64(even, half), 31);
  odd = _mm256_slli_epi64(_mm256_add_epi64(odd, half), 1);
  x = _mm256_blend_epi32(even, odd, 0xaa);
  veci threshold = _mm256_sub_epi32(s->half_mask, _mm256_srai_epi32(x, 31));
  veci up = _mm256_cmpgt_epi32(_mm256_and_si256(x, s->mask), threshold);
  return _mm256_sub_epi32(_mm256_srav_epi32(x, s->right), up);
}

static inline __m256i limit(bool is_signed, __m256i low, __m256i high, const fixed_scale *s) {
  low = _mm256_adds_epi16(low, s->zero), high = _mm256_adds_epi16(high, s->zero);
  if (is_signed) return _mm256_min_epi8(_mm256_max_epi8(_mm256_packs_epi16(low, high), s->min), s->max);
  return _mm256_min_epu8(_mm256_max_epu8(_mm256_packus_epi16(low, high), s->min), s->max);
}

/* Packing works within 128 bits: 4 channels of each of 4 pixels. */
static inline __attribute__((always_inline)) void i_put4(bool is_signed, const veci v[4], size_t n,
                                                         const fixed_scale *s, uint8_t *out, size_t step) {
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  __m256i y = limit(is_signed, _mm256_packs_epi32(v[0], v[1]), _mm256_packs_epi32(v[2], v[3]), s);
  y = _mm256_permutevar8x32_epi32(y, order);
  __m128i first = _mm256_castsi256_si128(y), second = _mm256_extracti128_si256(y, 1);
  store_bytes(out, first, n);
  store_bytes(out + step, _mm_unpackhi_epi64(first, first), n);
  store_bytes(out + 2 * step, second, n);
  store_bytes(out + 3 * step, _mm_unpackhi_epi64(second, second), n);
}
static inline __attribute__((always_inline)) void i_put1(bool is_signed, veci v, size_t n, const fixed_scale *s,
                                                         uint8_t *out) {
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  __m256i packed = _mm256_packs_epi32(v, v);
  __m256i y = _mm256_permutevar8x32_epi32(limit(is_signed, packed, packed, s), order);
  store_bytes(out, _mm256_castsi256_si128(y), n);
}

#define f_load _mm256_loadu_ps
#define f_set1 _mm256_set1_ps
#define f_add _mm256_add_ps
#define f_mul _mm256_mul_ps
#define f_min _mm256_min_ps
#define f_max _mm256_max_ps
#define f_from_i _mm256_cvtepi32_ps
#define f_keep(x) __asm__("" : "+x"(x))
static inline void f_put(float *p, vecf v, size_t n) {
  if (n == VW) {
    _mm256_storeu_ps(p, v);
  } else {
    float copy[VW];
    _mm256_storeu_ps(copy, v);
    memcpy(p, copy, n * sizeof *p);
  }
}

#include "kernels/qdepthwise_tmpl.h"

void ufk_qdepthwise_avx2(ufk_qdepthwise_table *table) { set_depthwise(table); }
