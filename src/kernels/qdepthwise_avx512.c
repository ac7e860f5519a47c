/* SPDX-License-Identifier: Apache-2.0
 *
 * qdepthwise_avx512.c: the kernels of qdepthwise.h for AVX-512 with VNNI.
 */
#include <immintrin.h>

#include "base/base.h"

#define VW 16

typedef __m512i veci;

static inline veci i_load(const int32_t *p) { return _mm512_loadu_si512(p); }
static inline void i_store(int32_t *p, veci v) { _mm512_storeu_si512(p, v); }
static inline veci i_load16(const int16_t *p) { return _mm512_loadu_si512(p); }
static inline __m256i zip_bytes(const void *p, const void *q) {
  __m128i x = _mm_loadu_si128(p), y = _mm_loadu_si128(q);
  return _mm256_set_m128i(_mm_unpackhi_epi8(x, y), _mm_unpacklo_epi8(x, y));
}
static inline veci i_zip_s8(const int8_t *p, const int8_t *q) {
  return _mm512_cvtepi8_epi16(zip_bytes(p, q));
}
static inline veci i_zip_u8(const uint8_t *p, const uint8_t *q) {
  return _mm512_cvtepu8_epi16(zip_bytes(p, q));
}
#define i_dot _mm512_dpwssd_epi32

#include "kernels/qdepthwise_tmpl.h"

void ufk_qdepthwise_avx512(ufk_qdepthwise_table *table) { set_depthwise(table); }
