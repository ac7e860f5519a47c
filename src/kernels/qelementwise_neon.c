/* SPDX-License-Identifier: Apache-2.0
 *
 * qelementwise_neon.c: the NEON kernels of elementwise.h for bytes: the template's,
 * and look-up tables.
 */
#include <arm_neon.h>

#include "base/base.h"

#define BYTES 16

typedef int32x4_t veci;

static inline int8x16_t as_8(veci v) { return vreinterpretq_s8_s32(v); }
static inline uint8x16_t as_u8(veci v) { return vreinterpretq_u8_s32(v); }
static inline int16x8_t as_16(veci v) { return vreinterpretq_s16_s32(v); }
static inline veci from_16(int16x8_t v) { return vreinterpretq_s32_s16(v); }

static inline void i_store(void *p, veci v) { vst1q_u8(p, as_u8(v)); }
static inline veci i_set8(char v) { return vreinterpretq_s32_s8(vdupq_n_s8((int8_t)v)); }
static inline veci i_set16(int16_t v) { return from_16(vdupq_n_s16(v)); }
#define i_set32 vdupq_n_s32
static inline veci i_zero(void) { return vdupq_n_s32(0); }
#define i_xor veorq_s32
#define i_and vandq_s32
static inline veci i_add16(veci a, veci b) { return from_16(vaddq_s16(as_16(a), as_16(b))); }
#define i_add32 vaddq_s32
#define i_sub32 vsubq_s32
#define i_mul32 vmulq_s32
static inline veci i_mul_low16(veci a, veci b) { return from_16(vmulq_s16(as_16(a), as_16(b))); }
static inline veci i_mul_high16(veci a, veci b) {
  const veci low = vmull_s16(vget_low_s16(as_16(a)), vget_low_s16(as_16(b)));
  return from_16(vcombine_s16(vshrn_n_s32(low, 16), vshrn_n_s32(vmull_high_s16(as_16(a), as_16(b)), 16)));
}
static inline veci i_low16(veci a, veci b) { return from_16(vzip1q_s16(as_16(a), as_16(b))); }
static inline veci i_high16(veci a, veci b) { return from_16(vzip2q_s16(as_16(a), as_16(b))); }
static inline veci i_sll16(veci v, int n) { return from_16(vshlq_s16(as_16(v), vdupq_n_s16((int16_t)n))); }
static inline veci i_sll32(veci v, int n) { return vshlq_s32(v, vdupq_n_s32(n)); }
static inline veci i_srav32(veci v, veci n) { return vshlq_s32(v, vnegq_s32(n)); }
static inline veci i_sign32(veci v) { return vshrq_n_s32(v, 31); }
static inline veci i_widen_s8(const void *p) { return from_16(vmovl_s8(vld1_s8(p))); }
static inline veci i_widen_u8(const void *p) { return from_16(vreinterpretq_s16_u16(vmovl_u8(vld1_u8(p)))); }
#define i_scaled vqrdmulhq_s32
static inline veci i_pack(bool is_signed, const veci v[4], veci zero, veci min, veci max) {
  const int16x8_t a = vqaddq_s16(vcombine_s16(vqmovn_s32(v[0]), vqmovn_s32(v[1])), as_16(zero));
  const int16x8_t b = vqaddq_s16(vcombine_s16(vqmovn_s32(v[2]), vqmovn_s32(v[3])), as_16(zero));
  if (is_signed) {
    const int8x16_t y = vcombine_s8(vqmovn_s16(a), vqmovn_s16(b));
    return vreinterpretq_s32_s8(vminq_s8(vmaxq_s8(y, as_8(min)), as_8(max)));
  }
  const uint8x16_t y = vcombine_u8(vqmovun_s16(a), vqmovun_s16(b));
  return vreinterpretq_s32_u8(vminq_u8(vmaxq_u8(y, as_u8(min)), as_u8(max)));
}

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
  table->lut8 = lut8;
}
