/* SPDX-License-Identifier: Apache-2.0
 *
 * qelementwise_avx512.c: the avx512 kernels of elementwise.h for bytes: the template's,
 * and look-up tables.
 */
#include "base/base.h"
#include "kernels/simd/i32_avx512.h"

static inline void i_put(void *p, veci v) { _mm512_storeu_si512(p, v); }
#define i_and _mm512_and_si512
#define i_add16 _mm512_add_epi16
static inline void i_products16(veci u, veci w, veci out[2]) {
  const veci low = _mm512_mullo_epi16(u, w), high = _mm512_mulhi_epi16(u, w);
  out[0] = _mm512_unpacklo_epi16(low, high);
  out[1] = _mm512_unpackhi_epi16(low, high);
}
static inline void i_pairs16(veci u, veci w, veci out[2]) {
  out[0] = _mm512_unpacklo_epi16(u, w);
  out[1] = _mm512_unpackhi_epi16(u, w);
}
#define i_shl(v, n) _mm512_slli_epi32(v, n)
#define i_sar(v, n) _mm512_srai_epi32(v, n)
static inline bool i_is_below(veci v, veci limit) { return _mm512_cmplt_epi32_mask(v, limit) != 0; }
static inline void i_raise16(veci v, veci out[2]) {
  out[0] = _mm512_unpacklo_epi16(_mm512_setzero_si512(), v);
  out[1] = _mm512_unpackhi_epi16(_mm512_setzero_si512(), v);
}
static inline veci i_sll16(veci v, int n) { return _mm512_sll_epi16(v, _mm_cvtsi32_si128(n)); }
static inline veci i_sll32(veci v, int n) { return _mm512_sll_epi32(v, _mm_cvtsi32_si128(n)); }
#define i_srav32 _mm512_srav_epi32
static inline veci i_sign32(veci v) { return _mm512_srai_epi32(v, 31); }
static inline veci i_scaled(veci v, veci multiplier) {
  const veci half = _mm512_set1_epi64(1 << 30);
  const veci even = _mm512_add_epi64(_mm512_mul_epi32(v, multiplier), half);
  const veci odd = _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(v, 32), multiplier), half);
  return _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 31), _mm512_slli_epi64(odd, 1));
}
static inline veci i_pack(bool is_signed, const veci v[4], veci zero, veci min, veci max) {
  const veci a = _mm512_adds_epi16(_mm512_packs_epi32(v[0], v[1]), zero);
  const veci b = _mm512_adds_epi16(_mm512_packs_epi32(v[2], v[3]), zero);
  const veci y = is_signed ? _mm512_min_epi8(_mm512_max_epi8(_mm512_packs_epi16(a, b), min), max)
                           : _mm512_min_epu8(_mm512_max_epu8(_mm512_packus_epi16(a, b), min), max);
  return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), y);
}

#include "kernels/fixedpoint_tmpl.h"
#include "kernels/qelementwise_tmpl.h"

/* One instruction of VBMI looks up 64 bytes in 128, by 7 bits. Without it AVX2's version stays. */
__attribute__((target("avx512vbmi"))) static void lut8(const uint8_t *x, uint8_t *y, size_t n,
                                                       const uint8_t table[256]) {
  const __m512i t0 = _mm512_loadu_si512(table), t1 = _mm512_loadu_si512(table + 64);
  const __m512i t2 = _mm512_loadu_si512(table + 128), t3 = _mm512_loadu_si512(table + 192);
  size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    const __m512i v = _mm512_loadu_si512(x + i);
    const __m512i low = _mm512_permutex2var_epi8(t0, v, t1), high = _mm512_permutex2var_epi8(t2, v, t3);
    _mm512_storeu_si512(y + i, _mm512_mask_blend_epi8(_mm512_movepi8_mask(v), low, high));
  }
  for (; i < n; ++i) y[i] = table[x[i]];
}

void ufk_qelementwise_avx512(ufk_elementwise_table *table) {
  set_bytes(table);
  set_fixedpoint(table);
  if (__builtin_cpu_supports("avx512vbmi")) table->lut8 = lut8;
}
