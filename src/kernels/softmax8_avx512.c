/* SPDX-License-Identifier: Apache-2.0
 *
 * softmax8_avx512.c: softmax8.h with AVX-512; where there is VBMI, whole tables of bytes are looked up in registers.
 */
#include "kernels/simd/f32_avx512.h"

#include "kernels/softmax8_tmpl.h"

#define VBMI static inline __attribute__((target("avx512vbmi")))

enum { GROUP = 16 };  /* rows that pass a stage together, so that their latencies overlap */

/* A table of 256 bytes. */
typedef struct bytes256 {
  __m512i part[4];
} bytes256;

VBMI bytes256 load_bytes(const uint8_t table[256]) {
  bytes256 t;
  for (int i = 0; i < 4; ++i) t.part[i] = _mm512_loadu_si512(table + 64 * i);
  return t;
}
/* table[index] where mask is set, 0 elsewhere. */
VBMI __m512i look_up(__mmask64 mask, const bytes256 *t, __m512i index) {
  const __mmask64 high = _mm512_movepi8_mask(index);
  return _mm512_or_si512(_mm512_maskz_permutex2var_epi8(mask & ~high, t->part[0], index, t->part[1]),
                         _mm512_maskz_permutex2var_epi8(mask & high, t->part[2], index, t->part[3]));
}

static inline __mmask64 first64(size_t n) { return n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1; }

static inline uint8_t max_byte(__m512i v) {
  __m256i w = _mm256_max_epu8(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
  __m128i u = _mm_max_epu8(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1));
  u = _mm_xor_si128(u, _mm_set1_epi8(-1)); /* there is a least word, so of the complement */
  u = _mm_minpos_epu16(_mm_min_epu8(u, _mm_srli_epi16(u, 8)));
  return (uint8_t)~_mm_cvtsi128_si32(u);
}

static uint8_t row_max(const uint8_t *x, size_t n, uint8_t flip) {
  const __m512i flips = _mm512_set1_epi8((char)flip);
  __m512i max = _mm512_setzero_si512();
  for (size_t i = 0; i < n; i += 64) {
    const __mmask64 mask = first64(n - i);
    const __m512i v = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, x + i), flips);
    max = _mm512_mask_max_epu8(max, mask, max, v);
  }
  return max_byte(max);
}

/* The sums of GROUP rows at most: of each byte of the terms for itself. */
VBMI void row_sums(const ufk_softmax8 *t, const uint8_t *x, size_t rows, size_t n, uint8_t flip, const uint8_t *max,
                   int32_t *sum_out) {
  const bytes256 d0 = load_bytes(t->digits[0]), d1 = load_bytes(t->digits[1]), d2 = load_bytes(t->digits[2]);
  const __m512i flips = _mm512_set1_epi8((char)flip), zero = _mm512_setzero_si512();
  for (size_t r = 0; r < rows; ++r, x += n) {
    const __m512i top = _mm512_set1_epi8((char)max[r]);
    __m512i s0 = zero, s1 = zero, s2 = zero;
    for (size_t i = 0; i < n; i += 64) {
      const __mmask64 mask = first64(n - i);
      const __m512i v = _mm512_sub_epi8(top, _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, x + i), flips));
      s0 = _mm512_add_epi64(s0, _mm512_sad_epu8(look_up(mask, &d0, v), zero));
      s1 = _mm512_add_epi64(s1, _mm512_sad_epu8(look_up(mask, &d1, v), zero));
      s2 = _mm512_add_epi64(s2, _mm512_sad_epu8(look_up(mask, &d2, v), zero));
    }
    s0 = _mm512_add_epi64(s0, _mm512_add_epi64(_mm512_slli_epi64(s1, 8), _mm512_slli_epi64(s2, 16)));
    sum_out[r] = (int32_t)UFI_MIN(_mm512_reduce_add_epi64(s0), (int64_t)INT32_MAX);
  }
}

/* What 16 differences become: both roundings of the product at once, floor((floor((p + 2^30) / 2^31) + 2^(e - 1)) / 2^e)
 * being floor((p + 2^30 + 2^(e + 30)) / 2^(e + 31)), lanes of even and of odd number apart. */
static inline __m512i outputs16(const int32_t *exp, __m512i scale, __m512i half, __m128i shift) {
  const __m512i v = _mm512_loadu_si512(exp);
  const __m512i even = _mm512_srl_epi64(_mm512_add_epi64(_mm512_mul_epu32(v, scale), half), shift);
  const __m512i odd = _mm512_srl_epi64(_mm512_add_epi64(_mm512_mul_epu32(_mm512_srli_epi64(v, 32), scale), half), shift);
  return _mm512_or_si512(even, _mm512_slli_epi64(odd, 32));
}

/* The table of all outputs of a row, not flipped. */
static inline bytes256 row_outputs(const ufk_softmax8 *t, int32_t scale, int over) {
  bytes256 to = {{_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()}};
  if (over > 8) return to;
  const __m512i factor = _mm512_set1_epi64(scale);
  const __m512i half = _mm512_set1_epi64((INT64_C(1) << 30) + (INT64_C(1) << (over + 53)));
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m128i shift = _mm_cvtsi32_si128(over + 54);
  for (int i = 0; i < 4; ++i) {
    const int32_t *exp = t->exp + 64 * i;
    const __m512i a = _mm512_packs_epi32(outputs16(exp, factor, half, shift), outputs16(exp + 16, factor, half, shift));
    const __m512i b = _mm512_packs_epi32(outputs16(exp + 32, factor, half, shift), outputs16(exp + 48, factor, half, shift));
    to.part[i] = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(a, b));
    if (t->falls && _mm_extract_epi8(_mm512_extracti32x4_epi32(to.part[i], 3), 15) == 0) break;
  }
  return to;
}

VBMI void write_row(const bytes256 *table, const uint8_t *x, uint8_t *y, size_t n, uint8_t flip, uint8_t max) {
  const __m512i flips = _mm512_set1_epi8((char)flip), top = _mm512_set1_epi8((char)max);
  for (size_t i = 0; i < n; i += 64) {
    const __mmask64 mask = first64(n - i);
    const __m512i v = _mm512_sub_epi8(top, _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, x + i), flips));
    _mm512_mask_storeu_epi8(y + i, mask, _mm512_xor_si512(look_up(mask, table, v), flips));
  }
}

__attribute__((target("avx512vbmi")))
static void rows_vbmi(const ufk_softmax8 *t, const uint8_t *x, uint8_t *y, size_t count, size_t n, uint8_t flip) {
  uint8_t max[GROUP];
  int32_t scale[GROUP];
  int over[GROUP];
  for (size_t done = 0; done < count; done += GROUP, x += GROUP * n, y += GROUP * n) {
    const size_t group = UFI_MIN(count - done, (size_t)GROUP);
    for (size_t r = 0; r < group; ++r) max[r] = row_max(x + r * n, n, flip);
    row_sums(t, x, group, n, flip, max, scale);
    for (size_t r = 0; r < group; ++r) scale[r] = ufk_reciprocal(scale[r], 12, &over[r]);
    for (size_t r = 0; r < group; ++r) {
      const bytes256 table = row_outputs(t, scale[r], over[r]);
      write_row(&table, x + r * n, y + r * n, n, flip, max[r]);
    }
  }
}

void ufk_softmax8_avx512(ufk_softmax8_table *table) {
  table->rows = rows;
  if (__builtin_cpu_supports("avx512vbmi")) table->rows = rows_vbmi;
}
