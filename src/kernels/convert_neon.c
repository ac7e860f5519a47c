/* SPDX-License-Identifier: Apache-2.0
 *
 * convert_neon.c: the loops of convert.h for NEON.
 */
#include "kernels/simd/f32_neon.h"
#include "kernels/convert_tmpl.h"
#include "kernels/convert_simd_tmpl.h"

void ufk_convert_neon(ufk_convert_table *table) {
  set_convert(table);
  set_convert_simd(table);
}
