/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm.h: matrix multiplication, convolution and pooling kernels.
 *
 * The float32 ones are described here; the integer ones in qgemm.h.
 */
#ifndef UFI_KERNELS_GEMM_H
#define UFI_KERNELS_GEMM_H

#include "base/base.h"

/* The largest row and column tile of any instruction set. */
#define UFK_F32_MAX_MR 14
#define UFK_F32_MAX_NR 32

/* A tile of a matrix product, also of a convolution, by the indirect
 * convolution algorithm: row i of the left matrix is not one run of memory but
 * `taps` runs of `kc` floats, run t beginning at a[t * mr_max + i].
 *
 *   c[i * ldc + j] = clamp(start + sum over t, k of a[t][i][k] * b[t * kc + k][j])
 *
 * for i < mr, j < n. b is packed in panels of nr columns: panel p is
 * (taps * kc, nr), panels lie panel_stride floats apart. start is bias[j]
 * (padded to whole panels), or c itself when bias is NULL (a later block of a
 * long sum). Every sum is done in the order of t, k, whatever the tile. */
typedef void (*ufk_f32_gemm_fn)(size_t mr, size_t n, size_t taps, size_t kc, const float *const *a,
                                const float *b, size_t panel_stride, const float *bias, float *c,
                                size_t ldc, float min, float max);

/* A run of n output pixels of a depthwise convolution with multiplier 1:
 *
 *   out[p * out_step + c] = clamp(bias[c] + sum over t of in[t][p * in_step + c] * w[t][c])
 *
 * for p < n, c < channels; t runs over the taps that fall inside the image. */
typedef void (*ufk_f32_depthwise_fn)(size_t n, size_t channels, size_t taps,
                                     const float *const *in, size_t in_step,
                                     const float *const *w, const float *bias, float *out,
                                     size_t out_step, float min, float max);

/* The same for pooling: out = clamp(max over t), clamp(scale * sum over t) or
 * clamp(sqrt(scale * sum over t of squares)). */
typedef void (*ufk_f32_pool_fn)(size_t n, size_t channels, size_t taps, const float *const *in,
                                size_t in_step, float count, float *out, size_t out_step,
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
