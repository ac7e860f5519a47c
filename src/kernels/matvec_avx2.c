/* SPDX-License-Identifier: Apache-2.0
 *
 * matvec_avx2.c: the kernels of matvec.h for AVX2 and FMA.
 */
#include <immintrin.h>

#include "base/base.h"

#define VW 8

typedef __m256 vec;
typedef __m256i veci;

#define v_zero _mm256_setzero_ps
#define v_load _mm256_loadu_ps
#define v_store _mm256_storeu_ps
#define v_fma _mm256_fmadd_ps
#define i_zero _mm256_setzero_si256

static inline vec v_load_n(const float *p, size_t n) {
  static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return _mm256_maskload_ps(p, _mm256_loadu_si256((const __m256i *)(ones + 8 - n)));
}
static inline void i_store(int32_t *p, veci v) { _mm256_storeu_si256((__m256i *)p, v); }
static inline veci i_load16(const int16_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
static inline veci i_widen_s8(const int8_t *p) { return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)p)); }
static inline veci i_dot(veci acc, veci a, veci b) { return _mm256_add_epi32(acc, _mm256_madd_epi16(a, b)); }

#include "kernels/matvec_tmpl.h"

void ufk_matvec_avx2(ufk_matvec_table *table) { set_matvec(table); }
