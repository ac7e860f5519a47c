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

static float depthwise_one(const ufk_f32_depthwise *d, int64_t at_y, int64_t at_x, int64_t c) {
  float sum = d->bias[c];
  for (int64_t y = 0; y < d->kernel_h; y++) {
    for (int64_t x = 0; x < d->kernel_w; x++) {
      const int64_t in_y = at_y + y * d->dilation_h, in_x = at_x + x * d->dilation_w;
      if (in_y < 0 || in_y >= d->in_h || in_x < 0 || in_x >= d->in_w) continue;
      sum += d->in[(in_y * d->in_w + in_x) * d->channels + c] *
             d->weights[(y * d->kernel_w + x) * d->channels + c];
    }
  }
  return clamp(sum, d->min, d->max);
}

static void depthwise(const ufk_f32_depthwise *d, int64_t begin, int64_t end) {
  for (int64_t y = begin; y < end; y++) {
    for (int64_t x = 0; x < d->out_w; x++) {
      float *out = d->out + (y * d->out_w + x) * d->channels;
      for (int64_t c = 0; c < d->channels; c++) {
        out[c] = depthwise_one(d, y * d->stride_h - d->pad_top, x * d->stride_w - d->pad_left, c);
      }
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
