/* SPDX-License-Identifier: Apache-2.0
 *
 * recurrent.c: vectors and matrices of the float and hybrid recurrent ops.
 *
 * Rows are short (tens to hundreds) and sequential in time, so that these are
 * matrix-vector products bound by reading the weights. Sums run in eight lanes,
 * which compilers turn into vectors and which keeps their error small.
 */
#include <math.h>

#include "ops/lstm.h"

#define LANES 8

void ufi_vector_sigmoid(float *v, int64_t n) {
  for (int64_t i = 0; i < n; i++) v[i] = 1.0f / (1.0f + expf(-v[i]));
}

void ufi_vector_act(float *v, int64_t n, ufi_act act) {
  float low, high;
  if (act == UFI_ACT_TANH) {
    for (int64_t i = 0; i < n; i++) v[i] = tanhf(v[i]);
    return;
  }
  ufi_act_range_f32(act, &low, &high);
  for (int64_t i = 0; act != UFI_ACT_NONE && i < n; i++) v[i] = UFI_MIN(UFI_MAX(v[i], low), high);
}

static float dot(const float *a, const float *b, int64_t n) {
  float lanes[LANES] = {0}, sum = 0;
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (int k = 0; k < LANES; k++) lanes[k] += a[i + k] * b[i + k];
  }
  for (; i < n; i++) lanes[0] += a[i] * b[i];
  for (int k = 0; k < LANES; k++) sum += lanes[k];
  return sum;
}

void ufi_matvec(const float *w, const float *x, float *y, int64_t rows, int64_t cols) {
  for (int64_t r = 0; r < rows; r++) y[r] += dot(w + r * cols, x, cols);
}

/* ---- hybrid: activations quantized row by row, as TFLite ------------------------ */

float ufi_quantize_row(const float *x, int64_t n, bool asymmetric, int8_t *codes, int32_t *zero_out) {
  float scale;
  ufi_kernels_get()->qgemm.quantize((size_t)n, x, asymmetric, codes, &scale, zero_out);
  return scale;
}

void ufi_matvec_hybrid(const int8_t *w, const int8_t *codes, int32_t zero, float scale, float *y, int64_t rows,
                       int64_t cols) {
  for (int64_t r = 0; r < rows; r++) {
    int32_t sum = 0, weights = 0;
    for (int64_t i = 0; i < cols; i++) {
      sum += w[r * cols + i] * codes[i];
      weights += w[r * cols + i];
    }
    y[r] += (float)(sum - zero * weights) * scale;
  }
}
