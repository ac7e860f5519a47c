/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm_scalar.c: the scalar kernels of gemm.h, written to be obviously right:
 * the others are tested against them.
 */
#include "kernels/gemm.h"

/* Small enough that a compiler keeps the tile in registers. */
enum { MR = 4, NR = 8 };

/* In this order NaN passes, as in the reference kernels of TFLite. */
static inline float clamp(float x, float min, float max) {
  x = x < min ? min : x;
  return x > max ? max : x;
}

/* One row of a panel: sums start in acc and end there. */
static void gemm_row(size_t taps, size_t kc, const float *const *a, const float *b,
                     float acc[NR]) {
  for (size_t t = 0; t < taps; t++) {
    const float *row = a[t * MR];
    for (size_t k = 0; k < kc; k++, b += NR) {
      for (size_t j = 0; j < NR; j++) acc[j] += row[k] * b[j];
    }
  }
}

static void gemm(size_t mr, size_t n, size_t taps, size_t kc, const float *const *a, const float *b,
                 size_t panel_step, const float *bias, float *c, size_t ldc, float min,
                 float max) {
  for (size_t j0 = 0; j0 < n; j0 += NR, b += panel_step) {
    size_t nr = UFI_MIN(n - j0, (size_t)NR);
    for (size_t i = 0; i < mr; i++) {
      float acc[NR] = {0}, *out = c + i * ldc + j0;
      for (size_t j = 0; j < nr; j++) acc[j] = bias ? bias[j0 + j] : 0.0f;
      gemm_row(taps, kc, a + i, b, acc);
      for (size_t j = 0; j < nr; j++) out[j] = clamp(bias ? acc[j] : out[j] + acc[j], min, max);
    }
  }
}

void ufk_gemm_scalar(ufk_gemm_table *table) {
  table->f32_mr = MR;
  table->f32_nr = NR;
  table->f32_gemm = gemm;
}
