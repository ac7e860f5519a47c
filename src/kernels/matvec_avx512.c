/* SPDX-License-Identifier: Apache-2.0
 *
 * matvec_avx512.c: the kernels of matvec.h for AVX-512 with VNNI.
 *
 * vpdpbusd takes unsigned by signed bytes: weights have 128 added, and the sums 128 times the sum of x too much.
 */
#include "base/base.h"
#include "kernels/simd/i32_avx512.h"

#define PV 4

/* Halves of two vectors by turns, for sums of neighbours: lanes of 32 bits, of 64, and of 128. */
#define LOW_32 _mm512_unpacklo_epi32
#define HIGH_32 _mm512_unpackhi_epi32
#define LOW_64 _mm512_unpacklo_epi64
#define HIGH_64 _mm512_unpackhi_epi64
#define EVEN_128(a, b) _mm512_shuffle_i64x2(a, b, 0x88)
#define ODD_128(a, b) _mm512_shuffle_i64x2(a, b, 0xdd)

/* The sums of eight vectors of type T. In the end each lane of 128 bits has a part of those of four: (0 to 3, 0 to 3,
 * 4 to 7, 4 to 7). */
#define SUM8(name, T, add, as_int, back)                                             \
  static inline T name(const T v[8]) {                                               \
    T pair[4], four[2];                                                              \
    for (int i = 0; i < 4; i++) {                                                    \
      const veci a = as_int(v[2 * i]), b = as_int(v[2 * i + 1]);                     \
      pair[i] = add(back(LOW_32(a, b)), back(HIGH_32(a, b)));                        \
    }                                                                                \
    for (int i = 0; i < 2; i++) {                                                    \
      const veci a = as_int(pair[2 * i]), b = as_int(pair[2 * i + 1]);               \
      four[i] = add(back(LOW_64(a, b)), back(HIGH_64(a, b)));                        \
    }                                                                                \
    const veci a = as_int(four[0]), b = as_int(four[1]);                             \
    const veci c = as_int(add(back(EVEN_128(a, b)), back(ODD_128(a, b))));           \
    return add(back(EVEN_128(c, c)), back(ODD_128(c, c)));                           \
  }
#define SAME(x) (x)
SUM8(i_sums, veci, _mm512_add_epi32, SAME, SAME)
SUM8(v_sums, vecf, _mm512_add_ps, _mm512_castps_si512, _mm512_castsi512_ps)

static inline void i_sum8(const veci v[8], int32_t *y) {
  _mm256_storeu_si256((__m256i *)y, _mm512_castsi512_si256(i_sums(v)));
}
static inline void v_sum8(const vecf v[8], float *y) {
  _mm256_storeu_ps(y, _mm256_add_ps(_mm256_loadu_ps(y), _mm512_castps512_ps256(v_sums(v))));
}

/* ---- bytes ---------------------------------------------------------------------------- */

#define BW 4
#define FLIP 0x80

static inline veci b_load(const int8_t *p) { return _mm512_loadu_si512(p); }
static inline veci b_load_n(const int8_t *p, size_t n) { return _mm512_maskz_loadu_epi8((UINT64_C(1) << n) - 1, p); }
static inline veci b_packed(veci acc, const int8_t *w, veci x) { return _mm512_dpbusd_epi32(acc, b_load(w), x); }
static inline veci b_spread(const int8_t *p) {
  int32_t group;
  memcpy(&group, p, sizeof group);
  return _mm512_set1_epi32(group);
}
static inline int32_t b_excess(const int8_t *x, size_t n) {
  const veci flip = _mm512_set1_epi8((char)FLIP);
  veci sum = _mm512_setzero_si512(), b = sum, c = sum, d = sum; /* four by turns: one would wait for itself */
  size_t j = 0;
  for (; j + 256 <= n; j += 256) {
    sum = _mm512_dpbusd_epi32(sum, flip, b_load(x + j));
    b = _mm512_dpbusd_epi32(b, flip, b_load(x + j + 64));
    c = _mm512_dpbusd_epi32(c, flip, b_load(x + j + 128));
    d = _mm512_dpbusd_epi32(d, flip, b_load(x + j + 192));
  }
  sum = _mm512_add_epi32(_mm512_add_epi32(sum, b), _mm512_add_epi32(c, d));
  for (; j + 64 <= n; j += 64) sum = _mm512_dpbusd_epi32(sum, flip, b_load(x + j));
  if (j < n) sum = _mm512_dpbusd_epi32(sum, flip, b_load_n(x + j, n - j));
  uint32_t lanes[VW], all = 0; /* which may wrap around; _mm512_reduce_add_epi32 must not */
  _mm512_storeu_si512(lanes, sum);
  for (int i = 0; i < VW; i++) all += lanes[i];
  return (int32_t)all;
}

#define n_load b_load
#define n_set1 _mm512_set1_epi8
#define n_spread b_spread
#define n_dot _mm512_dpbusd_epi32
static inline veci n_low(veci b) { return _mm512_and_si512(b, _mm512_set1_epi8(15)); }
static inline veci n_high(veci b) { return n_low(_mm512_srli_epi16(b, 4)); }

#include "kernels/matvec_tmpl.h"

void ufk_matvec_avx512(ufk_matvec_table *table) { set_matvec(table); }
