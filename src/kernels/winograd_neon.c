/* SPDX-License-Identifier: Apache-2.0
 *
 * winograd_neon.c: the transforms of winograd.h for NEON.
 */
#include "kernels/simd/f32_neon.h"

#include "kernels/winograd_tmpl.h"

void ufk_winograd_neon(ufk_winograd_table *table) { set_winograd(table); }
