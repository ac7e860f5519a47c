/* SPDX-License-Identifier: Apache-2.0
 *
 * matvec_avx512.c: the kernels of matvec.h for AVX-512 with VNNI.
 */
#include <immintrin.h>

#include "base/base.h"

#define VW 16

typedef __m512 vec;
typedef __m512i veci;

#define v_zero _mm512_setzero_ps
#define v_load _mm512_loadu_ps
#define v_store _mm512_storeu_ps
#define v_fma _mm512_fmadd_ps
#define i_zero _mm512_setzero_si512
#define i_dot _mm512_dpwssd_epi32

static inline vec v_load_n(const float *p, size_t n) { return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
static inline void i_store(int32_t *p, veci v) { _mm512_storeu_si512(p, v); }
static inline veci i_load16(const int16_t *p) { return _mm512_loadu_si512(p); }
static inline veci i_widen_s8(const int8_t *p) { return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const void *)p)); }

#include "kernels/matvec_tmpl.h"

void ufk_matvec_avx512(ufk_matvec_table *table) { set_matvec(table); }
