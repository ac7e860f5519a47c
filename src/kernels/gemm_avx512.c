/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm_avx512.c: the avx512 kernels of gemm.h.
 */
#include "kernels/gemm.h"

void ufk_gemm_avx512(ufk_gemm_table *table) { (void)table; }
