/* SPDX-License-Identifier: Apache-2.0
 *
 * qelementwise_avx2.c: the avx2 kernels of elementwise.h for bytes: the template's,
 * and look-up tables.
 */
#include "base/base.h"
#include "kernels/simd/i32_avx2.h"

static inline void i_put(void *p, veci v) { _mm256_storeu_si256(p, v); }
#define i_and _mm256_and_si256
#define i_add16 _mm256_add_epi16
static inline void i_products16(veci u, veci w, veci out[2]) {
  const veci low = _mm256_mullo_epi16(u, w), high = _mm256_mulhi_epi16(u, w);
  out[0] = _mm256_unpacklo_epi16(low, high);
  out[1] = _mm256_unpackhi_epi16(low, high);
}
static inline void i_pairs16(veci u, veci w, veci out[2]) {
  out[0] = _mm256_unpacklo_epi16(u, w);
  out[1] = _mm256_unpackhi_epi16(u, w);
}
#define i_shl(v, n) _mm256_slli_epi32(v, n)
#define i_sar(v, n) _mm256_srai_epi32(v, n)
static inline bool i_is_below(veci v, veci limit) { return _mm256_movemask_epi8(_mm256_cmpgt_epi32(limit, v)) != 0; }
static inline void i_raise16(veci v, veci out[2]) {
  out[0] = _mm256_unpacklo_epi16(_mm256_setzero_si256(), v);
  out[1] = _mm256_unpackhi_epi16(_mm256_setzero_si256(), v);
}
static inline veci i_sll16(veci v, int n) { return _mm256_sll_epi16(v, _mm_cvtsi32_si128(n)); }
static inline veci i_sll32(veci v, int n) { return _mm256_sll_epi32(v, _mm_cvtsi32_si128(n)); }
#define i_srav32 _mm256_srav_epi32
static inline veci i_sign32(veci v) { return _mm256_srai_epi32(v, 31); }
static inline veci i_scaled(veci v, veci multiplier) {
  const veci half = _mm256_set1_epi64x(1 << 30);
  const veci even = _mm256_add_epi64(_mm256_mul_epi32(v, multiplier), half);
  const veci odd = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(v, 32), multiplier), half);
  return _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xaa);
}
static inline veci i_pack(bool is_signed, const veci v[4], veci zero, veci min, veci max) {
  const veci a = _mm256_adds_epi16(_mm256_packs_epi32(v[0], v[1]), zero);
  const veci b = _mm256_adds_epi16(_mm256_packs_epi32(v[2], v[3]), zero);
  const veci y = is_signed ? _mm256_min_epi8(_mm256_max_epi8(_mm256_packs_epi16(a, b), min), max)
                           : _mm256_min_epu8(_mm256_max_epu8(_mm256_packus_epi16(a, b), min), max);
  return _mm256_permute4x64_epi64(y, 0xd8);
}

#include "kernels/fixedpoint_tmpl.h"
#include "kernels/qelementwise_tmpl.h"

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

void ufk_qelementwise_avx2(ufk_elementwise_table *table) {
  set_bytes(table);
  set_fixedpoint(table);
  table->lut8 = lut8;
}
