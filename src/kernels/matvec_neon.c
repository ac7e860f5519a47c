/* SPDX-License-Identifier: Apache-2.0
 *
 * matvec_neon.c: the kernels of matvec.h for NEON.
 */
#include "kernels/simd/i32_neon.h"

#define PV 4

#define SUM4(add, v) add(add((v)[0], (v)[1]), add((v)[2], (v)[3]))
static inline void v_sum8(const vecf v[8], float *y) {
  f_store(y, f_add(f_load(y), SUM4(vpaddq_f32, v)));
  f_store(y + 4, f_add(f_load(y + 4), SUM4(vpaddq_f32, v + 4)));
}
static inline void i_sum8(const veci v[8], int32_t *y) {
  i_store(y, SUM4(vpaddq_s32, v));
  i_store(y + 4, SUM4(vpaddq_s32, v + 4));
}

#define BW 2
#define FLIP 0
static inline int32_t b_excess(const int8_t *x, size_t n) { return 0; }
static inline veci b_packed(veci acc, const int8_t *w, veci x) { return i_dot(acc, i_widen_s8(w), x); }
static inline veci b_spread(const int8_t *p) {
  return vdupq_n_s32((int32_t)((uint32_t)(uint16_t)p[0] | (uint32_t)(uint16_t)p[1] << 16));
}

static inline veci n_load(const int8_t *p) { return from_8(vld1q_s8(p)); }
#define n_set1(x) from_8(vdupq_n_s8(x))
static inline veci n_spread(const int8_t *p) {
  int32_t group;
  memcpy(&group, p, sizeof group);
  return i_set1(group);
}
static inline veci n_low(veci b) { return from_8(vandq_s8(as_8(b), vdupq_n_s8(15))); }
static inline veci n_high(veci b) {
  return from_8(vreinterpretq_s8_u8(vshrq_n_u8(vreinterpretq_u8_s8(as_8(b)), 4)));
}
static inline veci n_dot(veci acc, veci w, veci x) {
  const int16x8_t low = vmull_s8(vget_low_s8(as_8(w)), vget_low_s8(as_8(x))), high = vmull_high_s8(as_8(w), as_8(x));
  return vaddq_s32(acc, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
}

#include "kernels/matvec_tmpl.h"

void ufk_matvec_neon(ufk_matvec_table *table) { set_matvec(table); }
