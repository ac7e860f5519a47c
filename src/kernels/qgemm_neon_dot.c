/* SPDX-License-Identifier: Apache-2.0
 *
 * qgemm_neon_dot.c: the integer kernels of qgemm.h for NEON with the dot product of
 * bytes, which takes signed ones on both sides: rows of int8 stay as they are.
 */
#include "kernels/simd/i32_neon.h"

#define MR 12
#define NV 2
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)

#define HAS_BYTES
#define BYTES_FLIP 0
#define BYTES_MR MR
#define BYTES_ROWS TILE_ROWS
static inline veci i_load8(const void *p) { return from_8(vld1q_s8(p)); }
static inline void i_store8(void *p, veci v) { vst1q_s8(p, as_8(v)); }
static inline veci i_load8_n(const void *p, size_t n) {
  int8_t part[16] = {0};
  memcpy(part, p, n);
  return i_load8(part);
}
static inline veci i_dot4(veci acc, veci a, veci b) { return vdotq_s32(acc, as_8(a), as_8(b)); }

#define TILES_4 0
#define TILES_2 0
#include "kernels/qgemm_tmpl.h"

void ufk_qgemm_neon_dot(ufk_qgemm_table *table) { set_q(table); }
