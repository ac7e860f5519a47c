/* SPDX-License-Identifier: Apache-2.0
 *
 * elementwise_avx2.c: the avx2 kernels of elementwise.h: the template's, and
 * those that look better in intrinsics.
 */
#include "kernels/simd/f32_avx2.h"

#include "kernels/elementwise_tmpl.h"

/* Bytes are added in groups of 8 (sum of absolute differences with 0). */
static int64_t u8_sum_flipped(const uint8_t *x, size_t n, uint8_t flip) {
  const __m256i vflip = _mm256_set1_epi8((char)flip), zero = _mm256_setzero_si256();
  __m256i sums = zero;
  size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    const __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(x + i));
    sums = _mm256_add_epi64(sums, _mm256_sad_epu8(_mm256_xor_si256(v, vflip), zero));
  }
  int64_t lanes[sizeof sums / 8], total = 0;
  memcpy(lanes, &sums, sizeof sums);
  for (size_t k = 0; k < UFI_COUNT(lanes); ++k) total += lanes[k];
  for (; i < n; ++i) total += x[i] ^ flip;
  return total;
}
static int64_t u8_sum(const uint8_t *x, size_t n) { return u8_sum_flipped(x, n, 0); }
static int64_t s8_sum(const int8_t *x, size_t n) {
  return u8_sum_flipped((const uint8_t *)x, n, 0x80) - 128 * (int64_t)n;
}

void ufk_elementwise_avx2(ufk_elementwise_table *table) {
  set_vector_kernels(table);
  table->u8_sum = u8_sum;
  table->s8_sum = s8_sum;
}
