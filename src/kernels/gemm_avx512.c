/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm_avx512.c: the float32 kernels of gemm.h for AVX-512: tiles of 12 rows
 * and 32 columns. 14 rows would fit into the 32 vector registers, but not
 * their 14 addresses into the general ones.
 */
#include <immintrin.h>

#include "base/base.h"
#include "base/cpu.h"

#define VW 16
#define MR 12
#define NV 2
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)

typedef __m512 vec;

#define v_load _mm512_loadu_ps
#define v_store _mm512_storeu_ps
#define v_set1 _mm512_set1_ps
#define v_zero _mm512_setzero_ps
#define v_add _mm512_add_ps
#define v_fma _mm512_fmadd_ps
#define v_max _mm512_max_ps
#define v_min _mm512_min_ps

static inline __mmask16 mask_of(size_t n) { return (__mmask16)((1u << n) - 1); }
static inline vec v_load_n(const float *p, size_t n) {
  return _mm512_maskz_loadu_ps(mask_of(n), p);
}
static inline void v_store_n(float *p, vec v, size_t n) {
  _mm512_mask_storeu_ps(p, mask_of(n), v);
}

/* Processors that do 512 bits in two steps do 256 in one. Set before any product runs. */
static bool has_halves;
#define HALVES has_halves

typedef __m256 half;

#define h_of _mm512_castps512_ps256
#define h_load _mm256_loadu_ps
#define h_set1 _mm256_set1_ps
#define h_zero _mm256_setzero_ps
#define h_add _mm256_add_ps
#define h_fma _mm256_fmadd_ps
#define h_max _mm256_max_ps
#define h_min _mm256_min_ps

static inline half h_load_n(const float *p, size_t n) { return _mm256_maskz_loadu_ps((__mmask8)mask_of(n), p); }
static inline void h_store_n(float *p, half v, size_t n) { _mm256_mask_storeu_ps(p, (__mmask8)mask_of(n), v); }

#include "kernels/gemm_tmpl.h"

void ufk_gemm_avx512_halves(bool pay) { has_halves = pay; }

void ufk_gemm_avx512(ufk_gemm_table *table) {
  set_f32(table);
  ufk_gemm_avx512_halves(ufi_cpu_halves_512());
}
