/* SPDX-License-Identifier: Apache-2.0
 *
 * depthwise.h: float32 kernels of depthwise convolution and pooling. The integer
 * ones are in qgemm.h.
 */
#ifndef UFI_KERNELS_DEPTHWISE_H
#define UFI_KERNELS_DEPTHWISE_H

#include "base/base.h"

/* A run of n output pixels of which each sees a window of rows x cols taps of
 * an image; all steps in floats. Output p, tap (y, x), channel c reads
 * in[p * in_step + y * row_step + x * col_step + c]. */
typedef struct ufk_f32_window {
  size_t n, channels;
  size_t rows, cols;
  ptrdiff_t row_step, col_step, in_step, out_step;
} ufk_f32_window;

/* Depthwise convolution with multiplier 1: out = clamp(bias[c] + sum over taps
 * of in * w[y * w_row_step + x * channels + c]). */
typedef void (*ufk_f32_depthwise_fn)(const ufk_f32_window *window, const float *in, const float *w,
                                     size_t w_row_step, const float *bias, float *out, float min,
                                     float max);

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
