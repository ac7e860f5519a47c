/* SPDX-License-Identifier: Apache-2.0
 *
 * qdepthwise_avx512.c: the kernels of qdepthwise.h for AVX-512 with VNNI: entries
 * of int8 images are 4 bytes.
 */
#include <immintrin.h>

#include "base/base.h"
#include "kernels/qdepthwise.h"

#define VW 16
#define NARROW 4

/* Stops the compiler from fusing a product into an fma. */
#define f_keep(x) __asm__("" : "+v"(x))

typedef __m512i veci;
typedef __m512 vecf;

static inline veci i_load(const int32_t *p) { return _mm512_loadu_si512(p); }
#define i_dot4 _mm512_dpbusd_epi32
#define i_dot2 _mm512_dpwssd_epi32

static inline __m128i load_bytes(const uint8_t *p, size_t n) {
  return n == VW ? _mm_loadu_si128((const void *)p) : _mm_maskz_loadu_epi8((__mmask16)((1u << n) - 1), p);
}
static inline void store_bytes(uint8_t *p, __m128i v, size_t n) {
  if (n == VW) _mm_storeu_si128((void *)p, v);
  else _mm_mask_storeu_epi8(p, (__mmask16)((1u << n) - 1), v);
}

static inline void i_zip4(const uint8_t *const p[4], size_t n, uint8_t *to) {
  const __m128i top = _mm_set1_epi8(-128);
  __m128i a = _mm_xor_si128(load_bytes(p[0], n), top), b = _mm_xor_si128(load_bytes(p[1], n), top);
  __m128i c = _mm_xor_si128(load_bytes(p[2], n), top), d = _mm_xor_si128(load_bytes(p[3], n), top);
  __m128i ab = _mm_unpacklo_epi8(a, b), cd = _mm_unpacklo_epi8(c, d);
  _mm_storeu_si128((void *)to, _mm_unpacklo_epi16(ab, cd));
  _mm_storeu_si128((void *)(to + 16), _mm_unpackhi_epi16(ab, cd));
  ab = _mm_unpackhi_epi8(a, b), cd = _mm_unpackhi_epi8(c, d);
  _mm_storeu_si128((void *)(to + 32), _mm_unpacklo_epi16(ab, cd));
  _mm_storeu_si128((void *)(to + 48), _mm_unpackhi_epi16(ab, cd));
}
static inline void i_zip2_u8(const uint8_t *const p[2], size_t n, uint8_t *to) {
  __m128i a = load_bytes(p[0], n), b = load_bytes(p[1], n);
  __m256i ab = _mm256_set_m128i(_mm_unpackhi_epi8(a, b), _mm_unpacklo_epi8(a, b));
  _mm512_storeu_si512(to, _mm512_cvtepu8_epi16(ab));
}

/* ---- from sums to bytes -------------------------------------------------------- */

/* fast: all shifts go to the right. Then both roundings of ufk_requantize are one
 * shift of the 64-bit product, after adding `round`, and 2^31 less where negative. */
typedef struct fixed_scale {
  bool fast;
  veci multiplier, odd;            /* odd: of odd lanes, in even ones */
  veci left, right, mask;          /* not fast */
  veci round, round_odd, shift, shift_odd; /* of even and odd lanes, 64 bits */
  veci zero, min, max;             /* zero: int16, the others bytes */
} fixed_scale;

static inline fixed_scale load_scale(const ufk_q_scale *s) {
  const veci shift = i_load(s->shift), zero = _mm512_setzero_si512(), one = _mm512_set1_epi32(1);
  const veci right = _mm512_max_epi32(_mm512_sub_epi32(zero, shift), zero);
  const veci even = _mm512_and_si512(right, _mm512_set1_epi64(0xffffffff)), odd = _mm512_srli_epi64(right, 32);
  const veci half = _mm512_set1_epi64(1 << 30), base = _mm512_set1_epi64(31), unit = _mm512_set1_epi64(1);
  return (fixed_scale){
      .fast = _mm512_cmpgt_epi32_mask(one, right) == 0,
      .multiplier = i_load(s->multiplier), .odd = _mm512_srli_epi64(i_load(s->multiplier), 32),
      .left = _mm512_max_epi32(shift, zero), .right = right,
      .mask = _mm512_sub_epi32(_mm512_sllv_epi32(one, right), one),
      .round = _mm512_add_epi64(half, _mm512_sllv_epi64(half, even)),
      .round_odd = _mm512_add_epi64(half, _mm512_sllv_epi64(half, odd)),
      .shift = _mm512_add_epi64(even, base), .shift_odd = _mm512_sub_epi64(odd, unit),
      .zero = _mm512_set1_epi16((int16_t)s->zero),
      .min = _mm512_set1_epi8((char)s->min), .max = _mm512_set1_epi8((char)s->max)};
}

/* Products of even and of odd lanes, rounded, of which bits 31 to 62 remain. */
static veci fixed_any(veci x, const fixed_scale *s) {
  const veci half = _mm512_set1_epi64(1 << 30), one = _mm512_set1_epi32(1);
  x = _mm512_sllv_epi32(x, s->left);
  veci even = _mm512_mul_epi32(x, s->multiplier), odd = _mm512_mul_epi32(_mm512_srli_epi64(x, 32), s->odd);
  even = _mm512_srli_epi64(_mm512_add_epi64(even, half), 31);
  odd = _mm512_slli_epi64(_mm512_add_epi64(odd, half), 1);
  x = _mm512_mask_blend_epi32(0xaaaa, even, odd);
  veci threshold = _mm512_sub_epi32(_mm512_srli_epi32(s->mask, 1), _mm512_srai_epi32(x, 31));
  __mmask16 up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(x, s->mask), threshold);
  x = _mm512_srav_epi32(x, s->right);
  return _mm512_mask_add_epi32(x, up, x, one);
}

static inline veci round_product(veci p, veci round) {
  const veci correct = _mm512_set1_epi64(INT64_C(1) << 31);
  const __mmask8 negative = _mm512_movepi64_mask(p);
  p = _mm512_add_epi64(p, round);
  return _mm512_mask_sub_epi64(p, negative, p, correct);
}

static inline __attribute__((always_inline)) veci fixed(veci x, const fixed_scale *s) {
  if (__builtin_expect(!s->fast, 0)) return fixed_any(x, s);
  veci even = round_product(_mm512_mul_epi32(x, s->multiplier), s->round);
  veci odd = round_product(_mm512_mul_epi32(_mm512_srli_epi64(x, 32), s->odd), s->round_odd);
  return _mm512_mask_blend_epi32(0xaaaa, _mm512_srav_epi64(even, s->shift), _mm512_srav_epi64(odd, s->shift_odd));
}

static inline __m512i limit(bool is_signed, __m512i low, __m512i high, const fixed_scale *s) {
  low = _mm512_adds_epi16(low, s->zero), high = _mm512_adds_epi16(high, s->zero);
  if (is_signed) return _mm512_min_epi8(_mm512_max_epi8(_mm512_packs_epi16(low, high), s->min), s->max);
  return _mm512_min_epu8(_mm512_max_epu8(_mm512_packus_epi16(low, high), s->min), s->max);
}

/* Packing works within 128 bits: 4 channels of each of 4 pixels. */
static inline __attribute__((always_inline)) void i_put4(bool is_signed, const veci v[4], size_t n,
                                                         const fixed_scale *s, uint8_t *out, size_t step) {
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  __m512i y = limit(is_signed, _mm512_packs_epi32(v[0], v[1]), _mm512_packs_epi32(v[2], v[3]), s);
  y = _mm512_permutexvar_epi32(order, y);
  store_bytes(out, _mm512_castsi512_si128(y), n);
  store_bytes(out + step, _mm512_extracti32x4_epi32(y, 1), n);
  store_bytes(out + 2 * step, _mm512_extracti32x4_epi32(y, 2), n);
  store_bytes(out + 3 * step, _mm512_extracti32x4_epi32(y, 3), n);
}
static inline __attribute__((always_inline)) void i_put1(bool is_signed, veci v, size_t n, const fixed_scale *s,
                                                         uint8_t *out) {
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  __m512i packed = _mm512_packs_epi32(v, v);
  __m512i y = _mm512_permutexvar_epi32(order, limit(is_signed, packed, packed, s));
  store_bytes(out, _mm512_castsi512_si128(y), n);
}

#define f_load _mm512_loadu_ps
#define f_set1 _mm512_set1_ps
#define f_add _mm512_add_ps
#define f_mul _mm512_mul_ps
#define f_min _mm512_min_ps
#define f_max _mm512_max_ps
#define f_from_i _mm512_cvtepi32_ps
static inline void f_put(float *p, vecf v, size_t n) {
  if (n == VW) _mm512_storeu_ps(p, v);
  else _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), v);
}

#include "kernels/qdepthwise_tmpl.h"

void ufk_qdepthwise_avx512(ufk_qdepthwise_table *table) { set_depthwise(table); }
