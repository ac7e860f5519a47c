/* SPDX-License-Identifier: Apache-2.0
 *
 * elementwise_avx512.c: the avx512 kernels of elementwise.h: the template's, and
 * those that look better in intrinsics.
 */
#include "kernels/simd/f32_avx512.h"

#include "kernels/elementwise_tmpl.h"
#include "kernels/simd/gelu_table.h"

/* GELU by pieces of the normal distribution, whose coefficients lie in registers: half as many steps as by an exponential.
 * Far on the left, where few values are, the exponential goes on. */
typedef struct gelu_pieces {
  __m512 low[UFI_COUNT(gelu_tail)], high[UFI_COUNT(gelu_tail)];
} gelu_pieces;
static inline __m512 gelu_by_pieces(__m512 x, const gelu_pieces *p) {
  const __m512 whole = _mm512_set1_ps(12582912.0f), last = _mm512_set1_ps(7.87f); /* whole: 1.5 * 2^23, which rounds sums */
  const __m512 size = _mm512_min_ps(last, vf_abs(x));
  const __m512 sum = _mm512_fmadd_ps(size, _mm512_set1_ps(4.0f), whole);
  const __m512 u = _mm512_fnmadd_ps(_mm512_sub_ps(sum, whole), _mm512_set1_ps(0.25f), size);
  const __m512i k = _mm512_castps_si512(sum); /* in its low bits */
  __m512 tail = _mm512_permutex2var_ps(p->low[UFI_COUNT(gelu_tail) - 1], k, p->high[UFI_COUNT(gelu_tail) - 1]);
  for (int i = UFI_COUNT(gelu_tail) - 2; i >= 0; --i)
    tail = _mm512_fmadd_ps(tail, u, _mm512_permutex2var_ps(p->low[i], k, p->high[i]));
  const __m512 y = _mm512_mul_ps(x, vf_select(vf_lt(x, _mm512_setzero_ps()), tail, vf_sub(vf_set(1.0f), tail)));
  const vm within = vf_ge(x, vf_sub(_mm512_setzero_ps(), last));
  return within == 0xffff ? y : vf_select(within, y, op_gelu(x));
}
static void f32_gelu_pieces(const float *x, float *y, size_t n) {
  gelu_pieces p;
  size_t i = 0;
  for (size_t k = 0; k < UFI_COUNT(gelu_tail); ++k) {
    p.low[k] = _mm512_loadu_ps(gelu_tail[k]);
    p.high[k] = _mm512_loadu_ps(gelu_tail[k] + 16);
  }
  for (; i + 16 <= n; i += 16) _mm512_storeu_ps(y + i, gelu_by_pieces(_mm512_loadu_ps(x + i), &p));
  if (i < n) vf_store_part(y + i, gelu_by_pieces(vf_load_part(x + i, n - i), &p), n - i);
}

/* Bytes are added in groups of 8 (sum of absolute differences with 0). */
static int64_t u8_sum_flipped(const uint8_t *x, size_t n, uint8_t flip) {
  const __m512i vflip = _mm512_set1_epi8((char)flip), zero = _mm512_setzero_si512();
  __m512i sums = zero;
  size_t i = 0;
  for (; i + 64 <= n; i += 64)
    sums = _mm512_add_epi64(sums, _mm512_sad_epu8(_mm512_xor_si512(_mm512_loadu_si512(x + i), vflip), zero));
  if (i < n) {
    const __mmask64 rest = (UINT64_C(1) << (n - i)) - 1;
    const __m512i v = _mm512_xor_si512(_mm512_maskz_loadu_epi8(rest, x + i), _mm512_maskz_mov_epi8(rest, vflip));
    sums = _mm512_add_epi64(sums, _mm512_sad_epu8(v, zero));
  }
  return _mm512_reduce_add_epi64(sums);
}
static int64_t u8_sum(const uint8_t *x, size_t n) { return u8_sum_flipped(x, n, 0); }
static int64_t s8_sum(const int8_t *x, size_t n) {
  return u8_sum_flipped((const uint8_t *)x, n, 0x80) - 128 * (int64_t)n;
}

void ufk_elementwise_avx512(ufk_elementwise_table *table) {
  set_vector_kernels(table);
  table->f32_unary[UFK_GELU] = f32_gelu_pieces;
  table->u8_sum = u8_sum;
  table->s8_sum = s8_sum;
}
