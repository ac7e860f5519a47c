/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm_scalar.c: the scalar kernels of gemm.h.
 */
#include "kernels/gemm.h"

void ufk_gemm_scalar(ufk_gemm_table *table) { (void)table; }
