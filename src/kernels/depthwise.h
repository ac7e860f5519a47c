/* SPDX-License-Identifier: Apache-2.0
 *
 * depthwise.h: float32 kernels of depthwise convolution and pooling. The integer
 * ones are in qgemm.h.
 */
#ifndef UFI_KERNELS_DEPTHWISE_H
#define UFI_KERNELS_DEPTHWISE_H

#include "base/base.h"

/* Of `kernel` taps at `at`, `at` + dilation, ... those inside [0, in): the first, and how many. */
static inline void ufk_taps_inside(int64_t at, int64_t in, int64_t kernel, int64_t dilation,
                                   int64_t *first_out, int64_t *n_out) {
  int64_t first = at < 0 ? (-at + dilation - 1) / dilation : 0;
  int64_t end = at >= in ? 0 : (in - 1 - at) / dilation + 1;
  first = UFI_MIN(first, kernel);
  *first_out = first;
  *n_out = UFI_MAX(UFI_MIN(end, kernel) - first, 0);
}

/* Depthwise convolution of one image with multiplier 1:
 * out = clamp(bias[c] + sum over taps inside the image of in * weights). */
typedef struct ufk_f32_depthwise {
  int64_t in_h, in_w, out_w, channels;
  int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  const float *in;       /* (in_h, in_w, channels) */
  const float *weights;  /* (kernel_h, kernel_w, channels) */
  const float *bias;     /* (channels) */
  float *out;            /* (lines, out_w, channels) */
  float min, max;
} ufk_f32_depthwise;

/* Lines [begin, end) of the output. Every sum is done in the order of the taps,
 * whatever the lines. */
typedef void (*ufk_f32_depthwise_fn)(const ufk_f32_depthwise *d, int64_t begin, int64_t end);

/* A run of n output pixels of which each sees a window of rows x cols taps of
 * an image; all steps in floats. Output p, tap (y, x), channel c reads
 * in[p * in_step + y * row_step + x * col_step + c]. */
typedef struct ufk_f32_window {
  size_t n, channels;
  size_t rows, cols;
  ptrdiff_t row_step, col_step, in_step, out_step;
} ufk_f32_window;

/* clamp of: the maximum of the lowest float and what is no NaN; the mean; the square root of the mean square. */
typedef void (*ufk_f32_pool_fn)(const ufk_f32_window *window, const float *in, float *out,
                                float min, float max);

typedef struct ufk_depthwise_table {
  ufk_f32_depthwise_fn f32_depthwise;
  ufk_f32_pool_fn f32_max_pool;
  ufk_f32_pool_fn f32_average_pool;
  ufk_f32_pool_fn f32_l2_pool;
} ufk_depthwise_table;

void ufk_depthwise_scalar(ufk_depthwise_table *table);
void ufk_depthwise_avx2(ufk_depthwise_table *table);
void ufk_depthwise_avx512(ufk_depthwise_table *table);
void ufk_depthwise_neon(ufk_depthwise_table *table);

#endif
