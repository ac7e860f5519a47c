/* SPDX-License-Identifier: Apache-2.0
 *
 * qelementwise_neon.c: the NEON kernels of elementwise.h for bytes: the template's,
 * and look-up tables.
 */
#include "base/base.h"
#include "kernels/simd/i32_neon.h"

#define i_and vandq_s32
#define i_srav32(v, n) vshlq_s32(v, vnegq_s32(n))
#define i_scaled vqrdmulhq_s32
static inline void i_put(void *p, veci v) { vst1q_u8(p, as_u8(v)); }
static inline veci i_add16(veci a, veci b) { return from_16(vaddq_s16(as_16(a), as_16(b))); }
static inline veci i_sll16(veci v, int n) { return from_16(vshlq_s16(as_16(v), vdupq_n_s16((int16_t)n))); }
static inline veci i_sll32(veci v, int n) { return vshlq_s32(v, vdupq_n_s32(n)); }
static inline veci i_sign32(veci v) { return vshrq_n_s32(v, 31); }
static inline void i_products16(veci u, veci w, veci out[2]) {
  out[0] = vmull_s16(vget_low_s16(as_16(u)), vget_low_s16(as_16(w)));
  out[1] = vmull_high_s16(as_16(u), as_16(w));
}
static inline void i_pairs16(veci u, veci w, veci out[2]) {
  out[0] = from_16(vzip1q_s16(as_16(u), as_16(w)));
  out[1] = from_16(vzip2q_s16(as_16(u), as_16(w)));
}
#define i_shl(v, n) vshlq_n_s32(v, n)
#define i_sar(v, n) vshrq_n_s32(v, n)
static inline bool i_is_below(veci v, veci limit) { return vmaxvq_u32(vcltq_s32(v, limit)) != 0; }
static inline void i_raise16(veci v, veci out[2]) {
  out[0] = vshlq_n_s32(vmovl_s16(vget_low_s16(as_16(v))), 16);
  out[1] = vshlq_n_s32(vmovl_high_s16(as_16(v)), 16);
}
static inline veci i_pack(bool is_signed, const veci v[4], veci zero, veci min, veci max) {
  const veci a = i_adds16(i_pack16(v[0], v[1]), zero), b = i_adds16(i_pack16(v[2], v[3]), zero);
  return is_signed ? i_min_s8(i_max_s8(i_pack_s8(a, b), min), max) : i_min_u8(i_max_u8(i_pack_u8(a, b), min), max);
}

#include "kernels/fixedpoint_tmpl.h"
#include "kernels/qelementwise_tmpl.h"

/* A table of 64 bytes is looked up by one instruction, which gives 0 for an index past its end, or leaves what was
 * there: four tables, the index lowered by 64 each time. */
static void lut8(const uint8_t *x, uint8_t *y, size_t n, const uint8_t table[256]) {
  const uint8x16x4_t t0 = vld1q_u8_x4(table), t1 = vld1q_u8_x4(table + 64), t2 = vld1q_u8_x4(table + 128),
                     t3 = vld1q_u8_x4(table + 192);
  const uint8x16_t step = vdupq_n_u8(64);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    uint8x16_t at = vld1q_u8(x + i);
    uint8x16_t r = vqtbl4q_u8(t0, at);
    r = vqtbx4q_u8(r, t1, at = vsubq_u8(at, step));
    r = vqtbx4q_u8(r, t2, at = vsubq_u8(at, step));
    r = vqtbx4q_u8(r, t3, vsubq_u8(at, step));
    vst1q_u8(y + i, r);
  }
  for (; i < n; ++i) y[i] = table[x[i]];
}

void ufk_qelementwise_neon(ufk_elementwise_table *table) {
  set_bytes(table);
  set_fixedpoint(table);
  table->lut8 = lut8;
}
