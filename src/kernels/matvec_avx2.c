/* SPDX-License-Identifier: Apache-2.0
 *
 * matvec_avx2.c: the kernels of matvec.h for AVX2 and FMA.
 */
#include "base/base.h"
#include "kernels/simd/i32_avx2.h"

#define PV 4

/* Sums of neighbours, three times: then each half of 128 bits has its share of all eight sums. */
#define SUM8(T, name, hadd, halves, add)                                                        \
  static inline T name(const T v[8]) {                                                          \
    const T a = hadd(hadd(v[0], v[1]), hadd(v[2], v[3])), b = hadd(hadd(v[4], v[5]), hadd(v[6], v[7])); \
    return add(halves(a, b, 0x20), halves(a, b, 0x31));                                         \
  }
SUM8(vecf, v_sums, _mm256_hadd_ps, _mm256_permute2f128_ps, _mm256_add_ps)
SUM8(veci, i_sums, _mm256_hadd_epi32, _mm256_permute2x128_si256, _mm256_add_epi32)

static inline void i_sum8(const veci v[8], int32_t *y) { i_store(y, i_sums(v)); }
static inline void v_sum8(const vecf v[8], float *y) { f_store(y, f_add(f_load(y), v_sums(v))); }

/* ---- bytes ---------------------------------------------------------------------------- */

/* Four products at a time: unsigned by signed bytes, summed in pairs of 16 bits, which would be too narrow for any two.
 * The signs of x go to the weights: |x| <= 128 and |w| < 128 make pairs of less than 2^15. */
#define BW 4
#define FLIP 0

static inline int32_t b_excess(const int8_t *x, size_t n) { return 0; }
static inline veci b_spread(const int8_t *p) {
  int32_t group;
  memcpy(&group, p, sizeof group);
  return _mm256_set1_epi32(group);
}
static inline veci b_packed(veci acc, const int8_t *w, veci x) {
  const veci pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8(_mm256_loadu_si256((const __m256i *)w), x));
  return i_dot(acc, pairs, _mm256_set1_epi16(1));
}

#define HAS_FULL
#define FULL_BW 2
static inline veci full_packed(veci acc, const int8_t *w, veci x) { return i_dot(acc, i_widen_s8(w), x); }
static inline veci full_spread(const int8_t *p) {
  return _mm256_set1_epi32((int32_t)((uint32_t)(uint16_t)p[0] | (uint32_t)(uint16_t)p[1] << 16));
}

static inline veci n_load(const int8_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
#define n_set1 _mm256_set1_epi8
#define n_spread b_spread
static inline veci n_low(veci b) { return _mm256_and_si256(b, _mm256_set1_epi8(15)); }
static inline veci n_high(veci b) { return n_low(_mm256_srli_epi16(b, 4)); }
static inline veci n_dot(veci acc, veci w, veci x) { return i_dot(acc, _mm256_maddubs_epi16(w, x), _mm256_set1_epi16(1)); }

#include "kernels/matvec_tmpl.h"

void ufk_matvec_avx2(ufk_matvec_table *table) { set_matvec(table); }
