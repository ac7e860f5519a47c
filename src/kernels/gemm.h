/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm.h: matrix multiplication, convolution and pooling kernels.
 *
 * The float32 ones are described here; the integer ones in qgemm.h.
 */
#ifndef UFI_KERNELS_GEMM_H
#define UFI_KERNELS_GEMM_H

#include "base/base.h"

/* The largest tile of any instruction set. */
#define UFK_F32_MAX_MR 12
#define UFK_F32_MAX_NR 32

/* A tile of a matrix product, also of a convolution, by the indirect
 * convolution algorithm: row i of the left matrix is not one run of memory but
 * `taps` runs of kc floats, run t beginning at a[t * f32_mr + i].
 *
 *   c[i * ldc + j] = clamp(start + sum over t, k of a[t][i][k] * b[t * kc + k][j])
 *
 * for i < mr <= f32_mr and j < n (any n). b is packed in panels of f32_nr
 * columns, the last padded with zeros: a panel is (taps * kc, f32_nr), panels
 * lie panel_step floats apart. start is bias[j] (padded to whole panels); with
 * bias NULL it is 0, and the sum is added to what c holds (a later part of a long
 * sum: parts have smaller errors than one sum). Every sum is done in the order of
 * t, k, whatever the tile. NaN passes through the clamp. */
typedef void (*ufk_f32_gemm_fn)(size_t mr, size_t n, size_t taps, size_t kc, const float *const *a,
                                const float *b, size_t panel_step, const float *bias, float *c,
                                size_t ldc, float min, float max);

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

typedef struct ufk_gemm_table {
  size_t f32_mr, f32_nr;       /* the tile */
  ufk_f32_gemm_fn f32_gemm;
  ufk_f32_depthwise_fn f32_depthwise;
  ufk_f32_pool_fn f32_max_pool;
  ufk_f32_pool_fn f32_average_pool;
  ufk_f32_pool_fn f32_l2_pool;
} ufk_gemm_table;

void ufk_gemm_scalar(ufk_gemm_table *table);
void ufk_gemm_avx2(ufk_gemm_table *table);
void ufk_gemm_avx512(ufk_gemm_table *table);

#endif
