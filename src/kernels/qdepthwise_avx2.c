/* SPDX-License-Identifier: Apache-2.0
 *
 * qdepthwise_avx2.c: the kernels of qdepthwise.h for AVX2. Entries are two int16:
 * the instruction for bytes (pmaddubsw) saturates.
 */
#include "base/base.h"
#include "kernels/simd/i32_avx2.h"

#define NARROW 2
#define DV 2

static inline __m128i load_bytes(const uint8_t *p, size_t n) {
  if (n == 16) return _mm_loadu_si128((const void *)p);
  if (n == 8) return _mm_loadl_epi64((const void *)p);
  uint8_t copy[16] = {0};
  memcpy(copy, p, n);
  return _mm_loadu_si128((const void *)copy);
}

#define ZIP2(name, widen)                                                                   \
  static inline void name(const uint8_t *const p[2], size_t n, uint8_t *to) {                \
    const __m128i a = load_bytes(p[0], n), b = load_bytes(p[1], n);                          \
    _mm256_storeu_si256((void *)to, widen(_mm_unpacklo_epi8(a, b)));                         \
    if (n > VW) _mm256_storeu_si256((void *)(to + 32), widen(_mm_unpackhi_epi8(a, b)));      \
  }
ZIP2(i_zip2_s8, _mm256_cvtepi8_epi16)
ZIP2(i_zip2_u8, _mm256_cvtepu8_epi16)

#include "kernels/qdepthwise_tmpl.h"

void ufk_qdepthwise_avx2(ufk_qdepthwise_table *table) { set_depthwise(table); }
