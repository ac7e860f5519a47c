/* SPDX-License-Identifier: Apache-2.0
 *
 * convert_avx2.c: the loops of convert.h for AVX2 and F16C.
 */
#include "kernels/simd/f32_avx2.h"
#include "kernels/convert_tmpl.h"
#include "kernels/convert_simd_tmpl.h"

void ufk_convert_avx2(ufk_convert_table *table) {
  set_convert(table);
  set_convert_simd(table);
}
