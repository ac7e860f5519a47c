/* SPDX-License-Identifier: Apache-2.0
 *
 * qdepthwise_neon.c: the kernels of qdepthwise.h for NEON.
 */
#include "kernels/simd/i32_neon.h"

#include "kernels/qdepthwise_tmpl.h"

void ufk_qdepthwise_neon(ufk_qdepthwise_table *table) { set_depthwise(table); }
