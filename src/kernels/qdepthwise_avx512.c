/* SPDX-License-Identifier: Apache-2.0
 *
 * qdepthwise_avx512.c: the kernels of qdepthwise.h for AVX-512 with VNNI: entries
 * of int8 images are 4 bytes.
 */
#include "base/base.h"
#include "kernels/simd/i32_avx512.h"

#define NARROW 4
#define DV 1

static inline __m128i load_bytes(const uint8_t *p, size_t n) {
  return n == VW ? _mm_loadu_si128((const void *)p) : _mm_maskz_loadu_epi8((__mmask16)((1u << n) - 1), p);
}

/* Entries of 16 bytes each of four lines: a 4x4 matrix of groups of four is transposed, then each of its groups of bytes. */
static inline veci entries_of(__m128i a, __m128i b, __m128i c, __m128i d) {
  const __m512i groups = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i bytes = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  const __m256i ab = _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
  const __m256i cd = _mm256_inserti128_si256(_mm256_castsi128_si256(c), d, 1);
  const __m512i all = _mm512_inserti64x4(_mm512_castsi256_si512(ab), cd, 1);
  return _mm512_shuffle_epi8(_mm512_permutexvar_epi32(groups, all), bytes);
}

static inline void i_zip4(const uint8_t *const p[4], size_t n, uint8_t *to) {
  const veci all = entries_of(load_bytes(p[0], n), load_bytes(p[1], n), load_bytes(p[2], n), load_bytes(p[3], n));
  _mm512_storeu_si512(to, _mm512_xor_si512(all, _mm512_set1_epi8(-128)));
}

typedef __mmask16 i_mask;
static inline i_mask i_mask_of(size_t n) { return (i_mask)((1u << n) - 1); }
static inline veci i_entry4(const uint8_t *const p[4], size_t at) {
  return entries_of(load_bytes(p[0] + at, VW), load_bytes(p[1] + at, VW), load_bytes(p[2] + at, VW), load_bytes(p[3] + at, VW));
}
static inline veci i_entry4_part(const uint8_t *const p[4], const i_mask mask[4], size_t at) {
  return entries_of(_mm_maskz_loadu_epi8(mask[0], p[0] + at), _mm_maskz_loadu_epi8(mask[1], p[1] + at),
                    _mm_maskz_loadu_epi8(mask[2], p[2] + at), _mm_maskz_loadu_epi8(mask[3], p[3] + at));
}
static inline void i_zip2_u8(const uint8_t *const p[2], size_t n, uint8_t *to) {
  __m128i a = load_bytes(p[0], n), b = load_bytes(p[1], n);
  __m256i ab = _mm256_set_m128i(_mm_unpackhi_epi8(a, b), _mm_unpacklo_epi8(a, b));
  _mm512_storeu_si512(to, _mm512_cvtepu8_epi16(ab));
}

#include "kernels/qdepthwise_tmpl.h"

void ufk_qdepthwise_avx512(ufk_qdepthwise_table *table) { set_depthwise(table); }
