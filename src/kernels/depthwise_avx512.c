/* SPDX-License-Identifier: Apache-2.0
 *
 * depthwise_avx512.c: the kernels of depthwise.h for AVX-512.
 */
#include "kernels/simd/f32_avx512.h"

#include "kernels/depthwise_tmpl.h"

void ufk_depthwise_avx512(ufk_depthwise_table *table) { set_f32(table); }
