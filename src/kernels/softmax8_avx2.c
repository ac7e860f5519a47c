/* SPDX-License-Identifier: Apache-2.0
 *
 * softmax8_avx2.c: softmax8.h with AVX2.
 */
#include "kernels/simd/f32_avx2.h"

#include "kernels/softmax8_tmpl.h"

void ufk_softmax8_avx2(ufk_softmax8_table *table) { table->rows = rows; }
