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

/* ---- look-up tables --------------------------------------------------------------------- */

/* A shuffle looks 32 bytes up at once in 16 entries, by their low 4 bits; of what the sixteen parts of a table give, the
 * other bits choose, one after the other. Two vectors share each part. */
enum { LOOKED_UP = 2 };
typedef struct looked_up {
  veci v[LOOKED_UP];
} looked_up;

static inline looked_up part_of(const uint8_t *table, int part, const looked_up *low) {
  const veci entries = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(table + 16 * part)));
  looked_up y;
  UNROLL for (int k = 0; k < LOOKED_UP; k++) y.v[k] = _mm256_shuffle_epi8(entries, low->v[k]);
  return y;
}

/* By bit `bit` of x, 4 to 7: b where it is set, else a. */
static inline looked_up choose(looked_up a, looked_up b, const looked_up *x, int bit) {
  UNROLL for (int k = 0; k < LOOKED_UP; k++) a.v[k] = _mm256_blendv_epi8(a.v[k], b.v[k], _mm256_slli_epi16(x->v[k], 7 - bit));
  return a;
}

static inline looked_up of_two(const uint8_t *table, int part, const looked_up *low, const looked_up *x) {
  return choose(part_of(table, part, low), part_of(table, part + 1, low), x, 4);
}
static inline looked_up of_four(const uint8_t *table, int part, const looked_up *low, const looked_up *x) {
  return choose(of_two(table, part, low, x), of_two(table, part + 2, low, x), x, 5);
}
static inline looked_up of_eight(const uint8_t *table, int part, const looked_up *low, const looked_up *x) {
  return choose(of_four(table, part, low, x), of_four(table, part + 4, low, x), x, 6);
}

static void lut8(const uint8_t *x, uint8_t *y, size_t n, const uint8_t table[256]) {
  size_t i = 0;
  for (; i + LOOKED_UP * BYTES <= n; i += LOOKED_UP * BYTES) {
    looked_up all, low;
    UNROLL for (int k = 0; k < LOOKED_UP; k++) {
      all.v[k] = _mm256_loadu_si256((const __m256i *)(const void *)(x + i + k * BYTES));
      low.v[k] = _mm256_and_si256(all.v[k], _mm256_set1_epi8(15));
    }
    const looked_up found = choose(of_eight(table, 0, &low, &all), of_eight(table, 8, &low, &all), &all, 7);
    UNROLL for (int k = 0; k < LOOKED_UP; k++) i_put(y + i + k * BYTES, found.v[k]);
  }
  for (; i < n; ++i) y[i] = table[x[i]];
}

void ufk_qelementwise_avx2(ufk_elementwise_table *table) {
  set_bytes(table);
  set_fixedpoint(table);
  table->lut8 = lut8;
}
