/* SPDX-License-Identifier: Apache-2.0
 *
 * depthwise_scalar.c: the scalar kernels of depthwise.h, written to be obviously
 * right: the others are tested against them.
 */
#include "kernels/depthwise.h"

#include <float.h>
#include <math.h>

/* In this order NaN passes, as in the reference kernels of TFLite. */
static inline float clamp(float x, float min, float max) {
  x = x < min ? min : x;
  return x > max ? max : x;
}

static void depthwise(const ufk_f32_window *window, const float *in, const float *w,
                      size_t w_row_step, const float *bias, float *out, float min, float max) {
  for (size_t p = 0; p < window->n; p++, in += window->in_step, out += window->out_step) {
    for (size_t c = 0; c < window->channels; c++) {
      float sum = bias[c];
      for (size_t y = 0; y < window->rows; y++) {
        const float *row = in + (ptrdiff_t)y * window->row_step + c;
        const float *w_row = w + y * w_row_step + c;
        for (size_t x = 0; x < window->cols; x++) {
          sum += row[(ptrdiff_t)x * window->col_step] * w_row[x * window->channels];
        }
      }
      out[c] = clamp(sum, min, max);
    }
  }
}

enum pool { MAXIMUM, MEAN, ROOT_MEAN_SQUARE };

static float pool_one(enum pool kind, const ufk_f32_window *window, const float *in) {
  float sum = kind == MAXIMUM ? -FLT_MAX : 0.0f; /* where references begin: NaNs are passed over */
  for (size_t y = 0; y < window->rows; y++) {
    for (size_t x = 0; x < window->cols; x++) {
      float v = in[(ptrdiff_t)y * window->row_step + (ptrdiff_t)x * window->col_step];
      if (kind == MAXIMUM) sum = sum < v ? v : sum;
      else sum += kind == MEAN ? v : v * v;
    }
  }
  float count = (float)(window->rows * window->cols);
  return kind == MAXIMUM ? sum : kind == MEAN ? sum / count : sqrtf(sum / count);
}

static inline void pool(enum pool kind, const ufk_f32_window *window, const float *in, float *out,
                        float min, float max) {
  for (size_t p = 0; p < window->n; p++, in += window->in_step, out += window->out_step) {
    for (size_t c = 0; c < window->channels; c++) {
      out[c] = clamp(pool_one(kind, window, in + c), min, max);
    }
  }
}

static void max_pool(const ufk_f32_window *window, const float *in, float *out, float min,
                     float max) {
  pool(MAXIMUM, window, in, out, min, max);
}

static void average_pool(const ufk_f32_window *window, const float *in, float *out, float min,
                         float max) {
  pool(MEAN, window, in, out, min, max);
}

static void l2_pool(const ufk_f32_window *window, const float *in, float *out, float min,
                    float max) {
  pool(ROOT_MEAN_SQUARE, window, in, out, min, max);
}

void ufk_depthwise_scalar(ufk_depthwise_table *table) {
  table->f32_depthwise = depthwise;
  table->f32_max_pool = max_pool;
  table->f32_average_pool = average_pool;
  table->f32_l2_pool = l2_pool;
}
