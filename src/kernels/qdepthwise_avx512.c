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

#include "kernels/qdepthwise_tmpl.h"

void ufk_qdepthwise_avx512(ufk_qdepthwise_table *table) { set_depthwise(table); }
