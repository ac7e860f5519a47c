/* SPDX-License-Identifier: Apache-2.0
 *
 * qgemm_neon.c: the integer kernels of qgemm.h for NEON: tiles of 12 rows and 8
 * columns, which use 24 of the 32 registers for sums.
 */
#include "kernels/simd/i32_neon.h"

#define MR 12
#define NV 2
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)

#define TILES_4 16
#define TILES_2 16
#include "kernels/qgemm_tmpl.h"

void ufk_qgemm_neon(ufk_qgemm_table *table) { set_q(table); }
