/* SPDX-License-Identifier: Apache-2.0
 *
 * convert_avx512.c: the loops of convert.h for AVX-512.
 */
#include "kernels/simd/f32_avx512.h"
#include "kernels/convert_tmpl.h"
#include "kernels/convert_simd_tmpl.h"

void ufk_convert_avx512(ufk_convert_table *table) {
  set_convert(table);
  set_convert_simd(table);
}
