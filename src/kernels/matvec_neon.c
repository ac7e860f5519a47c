/* SPDX-License-Identifier: Apache-2.0
 *
 * matvec_neon.c: the kernels of matvec.h for NEON.
 */
#include "kernels/simd/f32_neon.h"
#include "kernels/simd/i32_neon.h"

typedef vf vec;

static inline vec v_zero(void) { return vdupq_n_f32(0.0f); }
#define v_load vf_load
#define v_store vf_store
#define v_fma vf_fma
#define v_load_n vf_load_part

#include "kernels/matvec_tmpl.h"

void ufk_matvec_neon(ufk_matvec_table *table) { set_matvec(table); }
