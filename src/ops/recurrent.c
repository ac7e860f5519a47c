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

static int8_t code_of(float value, int32_t low) {
  float rounded = roundf(value); /* halves away from zero */
  return (int8_t)(rounded < (float)low ? low : rounded > 127.0f ? 127 : (int32_t)rounded);
}

static float quantize_symmetric(const float *x, int64_t n, float low, float high, int8_t *codes) {
  float range = fmaxf(fabsf(low), fabsf(high));
  if (range == 0) {
    memset(codes, 0, (size_t)n);
    return 1.0f;
  }
  float inverse = 127.0f / range;
  for (int64_t i = 0; i < n; i++) codes[i] = code_of(x[i] * inverse, -127);
  return range / 127.0f;
}

/* The zero point is taken from the end of the range where it is more exact. */
static float quantize_asymmetric(const float *x, int64_t n, float low, float high, int8_t *codes, int32_t *zero_out) {
  double rmin = UFI_MIN(0.0f, low), rmax = UFI_MAX(0.0f, high);
  if (rmin == rmax) {
    memset(codes, 0, (size_t)n);
    return 1.0f;
  }
  double scale = (rmax - rmin) / 255.0;
  double from_min = -128.0 - rmin / scale, from_max = 127.0 - rmax / scale;
  double zero = 128.0 + fabs(rmin / scale) < 127.0 + fabs(rmax / scale) ? from_min : from_max;
  *zero_out = zero <= -128.0 ? -128 : zero >= 127.0 ? 127 : (int32_t)round(zero);
  float inverse = 1.0f / (float)scale;
  for (int64_t i = 0; i < n; i++) codes[i] = code_of((float)*zero_out + x[i] * inverse, -128);
  return (float)scale;
}

float ufi_quantize_row(const float *x, int64_t n, bool asymmetric, int8_t *codes, int32_t *zero_out) {
  float low = n ? x[0] : 0, high = low;
  *zero_out = 0;
  for (int64_t i = 1; i < n; i++) {
    low = UFI_MIN(low, x[i]);
    high = UFI_MAX(high, x[i]);
  }
  return asymmetric ? quantize_asymmetric(x, n, low, high, codes, zero_out)
                    : quantize_symmetric(x, n, low, high, codes);
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
