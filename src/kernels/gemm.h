/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm.h: float32 kernels of matrix multiplication and convolution. The integer
 * ones are in qgemm.h, depthwise convolution and pooling in depthwise.h.
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
 * lie panel_step floats apart. start is bias[j] (padded to whole vectors); with
 * bias NULL it is 0, and the sum is added to what c holds (a later part of a long
 * sum: parts have smaller errors than one sum). Every sum is done in the order of
 * t, k, whatever the tile. NaN passes through the clamp. */
typedef void (*ufk_f32_gemm_fn)(size_t mr, size_t n, size_t taps, size_t kc, const float *const *a,
                                const float *b, size_t panel_step, const float *bias, float *c,
                                size_t ldc, float min, float max);

typedef struct ufk_gemm_table {
  size_t f32_mr, f32_nr;       /* the tile */
  ufk_f32_gemm_fn f32_gemm;
} ufk_gemm_table;

void ufk_gemm_scalar(ufk_gemm_table *table);
void ufk_gemm_avx2(ufk_gemm_table *table);
void ufk_gemm_avx512(ufk_gemm_table *table);
void ufk_gemm_neon(ufk_gemm_table *table);
/* Whether narrow rests of columns go by half vectors: ufk_gemm_avx512 asks the processor. Results are the same. */
void ufk_gemm_avx512_halves(bool pay);

#endif
