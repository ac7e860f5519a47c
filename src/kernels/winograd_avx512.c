/* SPDX-License-Identifier: Apache-2.0
 *
 * winograd_avx512.c: the transforms of winograd.h for AVX-512.
 */
#include "kernels/simd/f32_avx512.h"

#include "kernels/winograd_tmpl.h"

void ufk_winograd_avx512(ufk_winograd_table *table) { set_winograd(table); }
