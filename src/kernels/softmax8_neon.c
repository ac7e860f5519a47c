/* SPDX-License-Identifier: Apache-2.0
 *
 * softmax8_neon.c: softmax8.h with NEON.
 */
#include "kernels/simd/f32_neon.h"

#include "kernels/softmax8_tmpl.h"

void ufk_softmax8_neon(ufk_softmax8_table *table) { table->rows = rows; }
