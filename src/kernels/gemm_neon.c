/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm_neon.c: the float32 kernels of gemm.h for NEON: tiles of 12 rows and 8
 * columns, which use 24 of the 32 registers for sums.
 */
#include "kernels/simd/f32_neon.h"

#define VW 4
#define MR 12
#define NV 2
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)

typedef vf vec;

#define v_load vf_load
#define v_store vf_store
#define v_set1 vf_set
#define v_zero() vf_set(0.0f)
#define v_add vf_add
#define v_fma vf_fma
#define v_max vf_max
#define v_min vf_min
#define v_load_n vf_load_part
#define v_store_n vf_store_part

#include "kernels/gemm_tmpl.h"

void ufk_gemm_neon(ufk_gemm_table *table) { set_f32(table); }
