/* SPDX-License-Identifier: Apache-2.0
 *
 * qgemm_avx2.c: the integer kernels of qgemm.h for AVX2: tiles of 6 rows and 16
 * columns, which use 12 of the 16 registers for sums.
 */
#include "base/base.h"
#include "kernels/simd/i32_avx2.h"

#define MR 6
#define NV 2
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)

#define TILES_4 16
#define TILES_2 16
#include "kernels/qgemm_tmpl.h"

void ufk_qgemm_avx2(ufk_qgemm_table *table) { set_q(table); }
