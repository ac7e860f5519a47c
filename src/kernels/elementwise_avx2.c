/* SPDX-License-Identifier: Apache-2.0
 *
 * elementwise_avx2.c: the avx2 kernels of elementwise.h: the template's, and
 * those that look better in intrinsics.
 */
#include "kernels/simd/f32_avx2.h"

#include "kernels/elementwise_tmpl.h"

/* A shuffle looks 16 bytes up at once, by the low 4 bits of an index, and gives 0
 * where bit 7 is set. Tables 0 to 15 are looked up with x - 16 k, so that table k
 * counts exactly where 16 k <= x < 16 k + 128, and the results are xor-ed. For
 * T'[k] = T[k] ^ T[k - 1] ^ T'[k - 8] the terms of every x cancel to T[x / 16].
 * The second half works on x - 128 and subtracts with saturation, which keeps
 * bit 7 set. */
static void lut8(const uint8_t *x, uint8_t *y, size_t n, const uint8_t table[256]) {
  size_t i = 0;
  if (n >= 256) {
    uint8_t terms[256];
    for (int k = 0; k < 256; ++k)
      terms[k] = (uint8_t)(table[k] ^ (k >= 16 ? table[k - 16] : 0) ^ (k >= 128 ? terms[k - 128] : 0));
    __m256i t[16];
    for (int k = 0; k < 16; ++k)
      t[k] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(terms + 16 * k)));
    const __m256i step = _mm256_set1_epi8(16), top = _mm256_set1_epi8(-128);
    for (; i + 32 <= n; i += 32) {
      __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)(x + i));
      __m256i high = _mm256_xor_si256(low, top);
      __m256i r = _mm256_shuffle_epi8(t[0], low);
      r = _mm256_xor_si256(r, _mm256_shuffle_epi8(t[8], high));
      for (int k = 1; k < 8; ++k) {
        low = _mm256_sub_epi8(low, step);
        high = _mm256_subs_epi8(high, step);
        r = _mm256_xor_si256(r, _mm256_shuffle_epi8(t[k], low));
        r = _mm256_xor_si256(r, _mm256_shuffle_epi8(t[8 + k], high));
      }
      _mm256_storeu_si256((__m256i *)(void *)(y + i), r);
    }
  }
  for (; i < n; ++i) y[i] = table[x[i]];
}

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
  table->lut8 = lut8;
  table->u8_sum = u8_sum;
  table->s8_sum = s8_sum;
}
