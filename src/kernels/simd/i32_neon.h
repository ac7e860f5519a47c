/* SPDX-License-Identifier: Apache-2.0
 *
 * i32_neon.h: the integer vocabulary of matvec_tmpl.h, qgemm_tmpl.h, qdepthwise_tmpl.h and qelementwise_tmpl.h with 4 lanes of
 * 32 bits, for the NEON of every 64-bit ARM. What these headers say of a name holds here.
 */
#ifndef UFI_SIMD_I32_NEON_H
#define UFI_SIMD_I32_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VW 4
typedef int32x4_t veci; /* also of 8 int16 */
typedef float32x4_t vecf;

static inline int16x8_t as_16(veci v) { return vreinterpretq_s16_s32(v); }
static inline veci from_16(int16x8_t v) { return vreinterpretq_s32_s16(v); }

static inline veci i_load(const int32_t *p) { return vld1q_s32(p); }
static inline void i_store(int32_t *p, veci v) { vst1q_s32(p, v); }
#define i_set1 vdupq_n_s32
static inline veci i_zero(void) { return vdupq_n_s32(0); }
#define i_add vaddq_s32
#define i_sub vsubq_s32
#define i_mul vmulq_s32
#define i_xor veorq_s32
#define i_min vminq_s32
#define i_max vmaxq_s32

static inline veci i_set16(int16_t v) { return from_16(vdupq_n_s16(v)); }
static inline veci i_sub16(veci a, veci b) { return from_16(vsubq_s16(as_16(a), as_16(b))); }
static inline veci i_load16(const int16_t *p) { return from_16(vld1q_s16(p)); }
static inline void i_store16(int16_t *p, veci v) { vst1q_s16(p, as_16(v)); }
static inline veci i_widen_s8(const void *p) { return from_16(vmovl_s8(vld1_s8(p))); }
static inline veci i_widen_u8(const void *p) { return from_16(vreinterpretq_s16_u16(vmovl_u8(vld1_u8(p)))); }
static inline veci i_dot(veci acc, veci a, veci b) {
  const int32x4_t low = vmull_s16(vget_low_s16(as_16(a)), vget_low_s16(as_16(b)));
  return vaddq_s32(acc, vpaddq_s32(low, vmull_high_s16(as_16(a), as_16(b))));
}

static inline veci i_low_bits(veci n) { return vsubq_s32(vshlq_s32(vdupq_n_s32(1), n), vdupq_n_s32(1)); }

static inline veci i_fixed(veci x, veci multiplier, veci left, veci right, veci mask) {
  x = vqrdmulhq_s32(vshlq_s32(x, left), multiplier);
  const veci threshold = vsubq_s32(vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(mask), 1)), vshrq_n_s32(x, 31));
  const uint32x4_t up = vcgtq_s32(vandq_s32(x, mask), threshold);
  return vsubq_s32(vshlq_s32(x, vnegq_s32(right)), vreinterpretq_s32_u32(up));
}

static inline int32x2_t round_f64(int32x2_t x, const double *p) {
  const float64x2_t limit = vdupq_n_f64(1073741824.0);
  float64x2_t y = vmulq_f64(vcvtq_f64_s64(vmovl_s32(x)), vld1q_f64(p));
  y = vminq_f64(vmaxq_f64(y, vnegq_f64(limit)), limit);
  return vmovn_s64(vcvtaq_s64_f64(y)); /* halves away from zero */
}
static inline veci i_real(veci x, const double *p) {
  return vcombine_s32(round_f64(vget_low_s32(x), p), round_f64(vget_high_s32(x), p + 2));
}

static inline void i_put_s16(int16_t *p, veci v, size_t n) {
  int16_t part[4];
  vst1_s16(part, vmovn_s32(v));
  memcpy(p, part, n * sizeof *p);
}
static inline void i_put_s8(int8_t *p, veci v, size_t n) {
  int8_t part[8];
  const int16x4_t w = vmovn_s32(v);
  vst1_s8(part, vmovn_s16(vcombine_s16(w, w)));
  memcpy(p, part, n);
}
static inline void i_put_u8(uint8_t *p, veci v, size_t n) { i_put_s8((int8_t *)p, v, n); }

/* ---- to bytes ------------------------------------------------------------------- */

static inline int8x16_t as_8(veci v) { return vreinterpretq_s8_s32(v); }
static inline uint8x16_t as_u8(veci v) { return vreinterpretq_u8_s32(v); }
static inline veci from_8(int8x16_t v) { return vreinterpretq_s32_s8(v); }
static inline veci from_u8(uint8x16_t v) { return vreinterpretq_s32_u8(v); }
static inline veci i_set8(char v) { return from_8(vdupq_n_s8((int8_t)v)); }
static inline veci i_pack16(veci a, veci b) { return from_16(vcombine_s16(vqmovn_s32(a), vqmovn_s32(b))); }
static inline veci i_adds16(veci a, veci b) { return from_16(vqaddq_s16(as_16(a), as_16(b))); }
static inline veci i_pack_s8(veci a, veci b) { return from_8(vcombine_s8(vqmovn_s16(as_16(a)), vqmovn_s16(as_16(b)))); }
static inline veci i_pack_u8(veci a, veci b) { return from_u8(vcombine_u8(vqmovun_s16(as_16(a)), vqmovun_s16(as_16(b)))); }
static inline veci i_min_s8(veci a, veci b) { return from_8(vminq_s8(as_8(a), as_8(b))); }
static inline veci i_max_s8(veci a, veci b) { return from_8(vmaxq_s8(as_8(a), as_8(b))); }
static inline veci i_min_u8(veci a, veci b) { return from_u8(vminq_u8(as_u8(a), as_u8(b))); }
static inline veci i_max_u8(veci a, veci b) { return from_u8(vmaxq_u8(as_u8(a), as_u8(b))); }
static inline void i_put_row(void *p, veci v, int row, size_t n) {
  const uint8x8_t bytes = row ? vget_high_u8(as_u8(v)) : vget_low_u8(as_u8(v));
  uint8_t part[8];
  vst1_u8(n == 8 ? (uint8_t *)p : part, bytes);
  if (n < 8) memcpy(p, part, n);
}

static inline void i_put_half_row(void *p, veci v, int row, size_t n) {
  int32_t rows[4];
  vst1q_s32(rows, v);
  memcpy(p, rows + row, n);
}

/* ---- floats --------------------------------------------------------------------- */

#define f_load vld1q_f32
#define f_store vst1q_f32
#define f_set1 vdupq_n_f32
#define f_add vaddq_f32
#define f_mul vmulq_f32
static inline vecf f_min(vecf a, vecf b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
static inline vecf f_max(vecf a, vecf b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
#define f_from_i vcvtq_f32_s32
#define f_keep(x) __asm__("" : "+w"(x)) /* stops the compiler from fusing a product into an fma */
static inline vecf f_load_n(const float *p, size_t n) {
  float part[4] = {0, 0, 0, 0};
  memcpy(part, p, n * sizeof *p);
  return vld1q_f32(part);
}
static inline void f_put(float *p, vecf v, size_t n) {
  float part[4];
  vst1q_f32(part, v);
  memcpy(p, part, n * sizeof *p);
}
#define f_lowest vminvq_f32
#define f_highest vmaxvq_f32
static inline veci f_to_zero(vecf x) { return vcvtq_s32_f32(f_max(x, vdupq_n_f32(-2e9f))); } /* a NaN would become 0 */
#define f_sub vsubq_f32
static inline vecf f_fma(vecf a, vecf b, vecf c) { return vfmaq_f32(c, a, b); }
#define f_to_i vcvtnq_s32_f32
static inline vecf f_signed(vecf x, vecf y) { return vbslq_f32(vdupq_n_u32(0x80000000u), x, y); }
static inline vecf f_farther(vecf x, vecf y) { return f_max(x, vabsq_f32(y)); }
static inline int f_is_above(vecf x, vecf y) { return vmaxvq_u32(vcgtq_f32(x, y)) != 0; }

#endif
