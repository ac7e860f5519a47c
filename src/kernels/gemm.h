/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm.h: matrix multiplication, convolution and pooling kernels.
 */
#ifndef UFI_KERNELS_GEMM_H
#define UFI_KERNELS_GEMM_H

#include "base/base.h"

typedef struct ufk_gemm_table {
  int placeholder;
} ufk_gemm_table;

void ufk_gemm_scalar(ufk_gemm_table *table);
void ufk_gemm_avx2(ufk_gemm_table *table);
void ufk_gemm_avx512(ufk_gemm_table *table);

#endif
