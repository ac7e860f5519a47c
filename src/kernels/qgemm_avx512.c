/* SPDX-License-Identifier: Apache-2.0
 *
 * qgemm_avx512.c: the integer kernels of qgemm.h for AVX-512 with VNNI: tiles of
 * 12 rows and 32 columns, which use 24 of the 32 registers for sums.
 */
#include "base/base.h"
#include "kernels/simd/i32_avx512.h"

#define MR 12
#define NV 2
#define HAS_BYTES
#define BYTES_MR 10
#define BYTES_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10)
#define BYTES_FLIP 0x80
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)

#define TILES_4 32
#define TILES_2 0
#include "kernels/qgemm_tmpl.h"

void ufk_qgemm_avx512(ufk_qgemm_table *table) { set_q(table); }
