/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm_avx2.c: the float32 kernels of gemm.h for AVX2 and FMA: tiles of 6 rows
 * and 16 columns, which use 12 of the 16 registers for sums.
 */
#include <immintrin.h>

#include "base/base.h"

#define VW 8
#define MR 6
#define NV 2
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)

typedef __m256 vec;

#define v_load _mm256_loadu_ps
#define v_store _mm256_storeu_ps
#define v_set1 _mm256_set1_ps
#define v_zero _mm256_setzero_ps
#define v_add _mm256_add_ps
#define v_fma _mm256_fmadd_ps
#define v_max _mm256_max_ps
#define v_min _mm256_min_ps

static inline __m256i mask_of(size_t n) {
  static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return _mm256_loadu_si256((const __m256i *)(ones + 8 - n));
}
static inline vec v_load_n(const float *p, size_t n) { return _mm256_maskload_ps(p, mask_of(n)); }
static inline void v_store_n(float *p, vec v, size_t n) { _mm256_maskstore_ps(p, mask_of(n), v); }

#include "kernels/gemm_tmpl.h"

void ufk_gemm_avx2(ufk_gemm_table *table) { set_f32(table); }
