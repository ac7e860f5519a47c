/* SPDX-License-Identifier: Apache-2.0
 *
 * qdepthwise_avx2.c: the kernels of qdepthwise.h for AVX2. Entries are two int16:
 * the instruction for bytes (pmaddubsw) saturates.
 */
#include "base/base.h"
#include "kernels/simd/i32_avx2.h"

#define NARROW 2

static inline __m128i load_bytes(const uint8_t *p, size_t n) {
  if (n == VW) return _mm_loadl_epi64((const void *)p);
  uint8_t copy[8] = {0};
  memcpy(copy, p, n);
  return _mm_loadl_epi64((const void *)copy);
}

static inline void i_zip2_s8(const uint8_t *const p[2], size_t n, uint8_t *to) {
  __m128i pairs = _mm_unpacklo_epi8(load_bytes(p[0], n), load_bytes(p[1], n));
  _mm256_storeu_si256((void *)to, _mm256_cvtepi8_epi16(pairs));
}
static inline void i_zip2_u8(const uint8_t *const p[2], size_t n, uint8_t *to) {
  __m128i pairs = _mm_unpacklo_epi8(load_bytes(p[0], n), load_bytes(p[1], n));
  _mm256_storeu_si256((void *)to, _mm256_cvtepu8_epi16(pairs));
}

#include "kernels/qdepthwise_tmpl.h"

void ufk_qdepthwise_avx2(ufk_qdepthwise_table *table) { set_depthwise(table); }
