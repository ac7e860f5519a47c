/* SPDX-License-Identifier: Apache-2.0
 *
 * matvec_scalar.c: the kernels of matvec.h in plain C. Float sums run in eight
 * lanes, which compilers turn into vectors and which keeps their error small.
 */
#include "kernels/matvec.h"

enum { LANES = 8, PANEL = 16 };

static float dot(const float *a, const float *b, size_t n) {
  float lanes[LANES] = {0}, sum = 0;
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (int k = 0; k < LANES; k++) lanes[k] += a[i + k] * b[i + k];
  }
  for (; i < n; i++) lanes[0] += a[i] * b[i];
  for (int k = 0; k < LANES; k++) sum += lanes[k];
  return sum;
}

static void f32(size_t rows, size_t cols, const float *w, const float *x, float *y) {
  for (size_t r = 0; r < rows; r++) y[r] += dot(w + r * cols, x, cols);
}

static void f32_panels(size_t rows, size_t cols, const float *w, const float *x, const float *start, float *y) {
  for (size_t r = 0; r < rows; r += PANEL, w += PANEL * cols) {
    const size_t n = UFI_MIN(rows - r, (size_t)PANEL);
    float sums[PANEL] = {0};
    memcpy(sums, start + r, n * sizeof *sums);
    for (size_t j = 0; j < cols; j++) {
      for (int i = 0; i < PANEL; i++) sums[i] += w[j * PANEL + (size_t)i] * x[j];
    }
    memcpy(y + r, sums, n * sizeof *sums);
  }
}

static void s8(size_t rows, size_t cols, const int8_t *w, const int16_t *x, int32_t *sums) {
  for (size_t r = 0; r < rows; r++, w += cols) {
    uint32_t sum = 0;
    for (size_t i = 0; i < cols; i++) sum += (uint32_t)(w[i] * x[i]);
    sums[r] = (int32_t)sum;
  }
}

static void s8_panels(size_t rows, size_t cols, const int8_t *w, const int8_t *x, const int32_t *start, int32_t times,
                      int32_t *sums) {
  for (size_t r = 0; r < rows; r += PANEL, w += PANEL * cols) {
    uint32_t sum[PANEL];
    for (int i = 0; i < PANEL; i++) sum[i] = (uint32_t)start[r + (size_t)i] * (uint32_t)times;
    for (size_t j = 0; j < cols; j++) {
      for (int i = 0; i < PANEL; i++) sum[i] += (uint32_t)(w[j * PANEL + (size_t)i] * x[j]);
    }
    memcpy(sums + r, sum, sizeof sum);
  }
}

/* Two columns at a time; weights are 8 more than they should be. */
static void s4_panels(size_t rows, size_t cols, const int8_t *w, const int8_t *x, const int32_t *start, int32_t times,
                      int32_t *sums) {
  for (size_t r = 0; r < rows; r += PANEL) {
    uint32_t sum[PANEL];
    for (int i = 0; i < PANEL; i++) sum[i] = (uint32_t)start[r + (size_t)i] * (uint32_t)times;
    for (size_t j = 0; j < cols; j += 2, w += PANEL) {
      const int32_t p = x[j], q = j + 1 < cols ? x[j + 1] : 0, excess = 8 * (p + q);
      for (int i = 0; i < PANEL; i++) {
        const int32_t both = (uint8_t)w[i];
        sum[i] += (uint32_t)((both & 15) * p + (both >> 4) * q - excess);
      }
    }
    memcpy(sums + r, sum, sizeof sum);
  }
}

void ufk_matvec_scalar(ufk_matvec_table *table) {
  *table = (ufk_matvec_table){
    .f32 = f32, .s8 = s8, .f32_form = {PANEL, 1, 0}, .s8_form = {PANEL, 1, 0}, .s8_full_form = {PANEL, 1, 0},
    .s4_form = {PANEL, 1, 0x88}, .f32_panels = f32_panels, .s8_panels = s8_panels, .s8_full_panels = s8_panels,
    .s4_panels = s4_panels,
  };
}
