/* SPDX-License-Identifier: Apache-2.0
 *
 * qdepthwise_avx2.c: the kernels of qdepthwise.h for AVX2.
 */
#include <immintrin.h>

#include "base/base.h"

#define VW 8

typedef __m256i veci;

static inline veci i_load(const int32_t *p) { return _mm256_loadu_si256((const void *)p); }
static inline void i_store(int32_t *p, veci v) { _mm256_storeu_si256((void *)p, v); }
static inline veci i_load16(const int16_t *p) { return _mm256_loadu_si256((const void *)p); }
static inline __m128i zip_bytes(const void *p, const void *q) {
  return _mm_unpacklo_epi8(_mm_loadl_epi64(p), _mm_loadl_epi64(q));
}
static inline veci i_zip_s8(const int8_t *p, const int8_t *q) {
  return _mm256_cvtepi8_epi16(zip_bytes(p, q));
}
static inline veci i_zip_u8(const uint8_t *p, const uint8_t *q) {
  return _mm256_cvtepu8_epi16(zip_bytes(p, q));
}
static inline veci i_dot(veci acc, veci a, veci b) {
  return _mm256_add_epi32(acc, _mm256_madd_epi16(a, b));
}

#include "kernels/qdepthwise_tmpl.h"

void ufk_qdepthwise_avx2(ufk_qdepthwise_table *table) { set_depthwise(table); }
