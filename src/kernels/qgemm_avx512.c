/* SPDX-License-Identifier: Apache-2.0
 *
 * qgemm_avx512.c: the integer kernels of qgemm.h for AVX-512 with VNNI: tiles of
 * 12 rows and 32 columns, which use 24 of the 32 registers for sums.
 */
#include "base/base.h"
#include "kernels/simd/i32_avx512.h"

#define MR 12
#define NV 2
#define HAS_BYTES
#define BYTES_MR 10
#define BYTES_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10)
#define BYTES_FLIP 0x80
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)

#define TILES_4 32
#define TILES_2 0
#include "kernels/qgemm_tmpl.h"

/* 16 x 16 elements of 32 bits, turned: pairs, quads, and then 128 bits change places. */
static inline void turn(__m512i x[16]) {
  __m512i y[16];
  UNROLL for (int i = 0; i < 16; i += 2) {
    y[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
    y[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
  }
  UNROLL for (int i = 0; i < 16; i += 4) { /* x[i + c]: column c of each 128 bits of four rows */
    x[i] = _mm512_unpacklo_epi64(y[i], y[i + 2]);
    x[i + 1] = _mm512_unpackhi_epi64(y[i], y[i + 2]);
    x[i + 2] = _mm512_unpacklo_epi64(y[i + 1], y[i + 3]);
    x[i + 3] = _mm512_unpackhi_epi64(y[i + 1], y[i + 3]);
  }
  UNROLL for (int c = 0; c < 4; c++) {
    const __m512i a = _mm512_shuffle_i32x4(x[c], x[c + 4], 0x88), b = _mm512_shuffle_i32x4(x[c + 8], x[c + 12], 0x88);
    const __m512i d = _mm512_shuffle_i32x4(x[c], x[c + 4], 0xdd), e = _mm512_shuffle_i32x4(x[c + 8], x[c + 12], 0xdd);
    y[c] = _mm512_shuffle_i32x4(a, b, 0x88);
    y[c + 8] = _mm512_shuffle_i32x4(a, b, 0xdd);
    y[c + 4] = _mm512_shuffle_i32x4(d, e, 0x88);
    y[c + 12] = _mm512_shuffle_i32x4(d, e, 0xdd);
  }
  UNROLL for (int i = 0; i < 16; i++) x[i] = y[i];
}

static void pack(size_t nr, size_t columns, size_t quads, const int8_t *from, size_t step, int8_t *to) {
  for (size_t k = 0; k < quads; k += 16) {
    const size_t rows = UFI_MIN(quads - k, (size_t)16);
    const __mmask16 mask = mask_of(rows);
    for (size_t j = 0; j < columns; j += 16) {
      __m512i x[16];
      UNROLL for (size_t i = 0; i < 16; i++) {
        x[i] = j + i < columns ? _mm512_maskz_loadu_epi32(mask, from + (j + i) * step + 4 * k) : _mm512_setzero_si512();
      }
      turn(x);
      UNROLL for (size_t i = 0; i < 16; i++) {
        if (i < rows) _mm512_storeu_si512(to + ((k + i) * nr + j) * 4, x[i]);
      }
    }
  }
}

void ufk_qgemm_avx512(ufk_qgemm_table *table) {
  set_q(table);
  table->pack = pack;
}
