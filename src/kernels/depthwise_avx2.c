/* SPDX-License-Identifier: Apache-2.0
 *
 * depthwise_avx2.c: the kernels of depthwise.h for AVX2 and FMA.
 */
#include "kernels/simd/f32_avx2.h"

#include "kernels/depthwise_tmpl.h"

void ufk_depthwise_avx2(ufk_depthwise_table *table) { set_f32(table); }
