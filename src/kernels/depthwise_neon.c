/* SPDX-License-Identifier: Apache-2.0
 *
 * depthwise_neon.c: the kernels of depthwise.h for NEON.
 */
#include "kernels/simd/f32_neon.h"

#include "kernels/depthwise_tmpl.h"

void ufk_depthwise_neon(ufk_depthwise_table *table) { set_f32(table); }
