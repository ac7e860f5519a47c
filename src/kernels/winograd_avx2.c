/* SPDX-License-Identifier: Apache-2.0
 *
 * winograd_avx2.c: the transforms of winograd.h for AVX2.
 */
#include "kernels/simd/f32_avx2.h"

#include "kernels/winograd_tmpl.h"

void ufk_winograd_avx2(ufk_winograd_table *table) { set_winograd(table); }
