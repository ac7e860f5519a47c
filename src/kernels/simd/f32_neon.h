/* SPDX-License-Identifier: Apache-2.0
 *
 * f32_neon.h: the vocabulary of f32_avx2.h with 4 lanes, for the NEON of every 64-bit ARM.
 */
#ifndef UFI_SIMD_F32_NEON_H
#define UFI_SIMD_F32_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VF_LANES 4
typedef float32x4_t vf;
typedef int32x4_t vi;
typedef uint32x4_t vm;

static inline uint32x4_t vf_part_mask(size_t n) {
  static const uint32_t lanes[4] = {0, 1, 2, 3};
  return vcltq_u32(vld1q_u32(lanes), vdupq_n_u32((uint32_t)n));
}

static inline vf vf_load(const float *p) { return vld1q_f32(p); }
static inline vf vf_load_part(const float *p, size_t n) {
  float part[4] = {0, 0, 0, 0};
  memcpy(part, p, n * sizeof *p);
  return vld1q_f32(part);
}
static inline void vf_store(float *p, vf v) { vst1q_f32(p, v); }
static inline void vf_store_part(float *p, vf v, size_t n) {
  float part[4];
  vst1q_f32(part, v);
  memcpy(p, part, n * sizeof *p);
}
/* There is no store past the caches in C's NEON. */
static inline void vf_stream(float *p, vf v) { vst1q_f32(p, v); }
static inline void vf_stream_end(void) {}
static inline vf vf_hold(vf a) {
  __asm__("" : "+w"(a));
  return a;
}
#define vf_keep(v) __asm__("" : "+w"(v)) /* stops the compiler from fusing a product into an fma */
static inline vf vf_set(float v) { return vdupq_n_f32(v); }

static inline vf vf_add(vf a, vf b) { return vaddq_f32(a, b); }
static inline vf vf_sub(vf a, vf b) { return vsubq_f32(a, b); }
static inline vf vf_mul(vf a, vf b) { return vmulq_f32(a, b); }
static inline vf vf_div(vf a, vf b) { return vdivq_f32(a, b); }
static inline vf vf_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
static inline vf vf_fnma(vf a, vf b, vf c) { return vfmsq_f32(c, a, b); }
/* vmaxq gives NaN where either is. */
static inline vf vf_max(vf a, vf b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
static inline vf vf_min(vf a, vf b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
static inline vf vf_sqrt(vf a) { return vsqrtq_f32(a); }
static inline vf vf_floor(vf a) { return vrndmq_f32(a); }
static inline vf vf_ceil(vf a) { return vrndpq_f32(a); }
static inline vf vf_rint(vf a) { return vrndnq_f32(a); }
static inline vf vf_trunc(vf a) { return vrndq_f32(a); }
static inline uint32x4_t vf_bits(vf a) { return vreinterpretq_u32_f32(a); }
static inline vf vf_from_bits(uint32x4_t a) { return vreinterpretq_f32_u32(a); }
static inline vf vf_and(vf a, vf b) { return vf_from_bits(vandq_u32(vf_bits(a), vf_bits(b))); }
static inline vf vf_or(vf a, vf b) { return vf_from_bits(vorrq_u32(vf_bits(a), vf_bits(b))); }
static inline vf vf_xor(vf a, vf b) { return vf_from_bits(veorq_u32(vf_bits(a), vf_bits(b))); }
static inline vf vf_sign_bit(vf a) { return vf_from_bits(vandq_u32(vf_bits(a), vdupq_n_u32(0x80000000u))); }
static inline vf vf_abs(vf a) { return vabsq_f32(a); }
static inline vf vf_high_bits(vf a) { return vf_from_bits(vandq_u32(vf_bits(a), vdupq_n_u32(0xfffff000u))); }

static inline vm vf_lt(vf a, vf b) { return vcltq_f32(a, b); }
static inline vm vf_ge(vf a, vf b) { return vcgeq_f32(a, b); }
static inline vm vf_gt(vf a, vf b) { return vcgtq_f32(a, b); }
static inline vm vf_is_nan(vf a) { return vmvnq_u32(vceqq_f32(a, a)); }
static inline vf vf_select(vm m, vf a, vf b) { return vbslq_f32(m, a, b); }
static inline int vf_any(vm m) { return vmaxvq_u32(m) != 0; }
static inline vf vf_first(size_t n, vf a, vf b) { return vbslq_f32(vf_part_mask(n), a, b); }

static inline float vf_sum(vf v) { return vaddvq_f32(v); }
static inline double vf_sum_double(vf v) {
  return vaddvq_f64(vaddq_f64(vcvt_f64_f32(vget_low_f32(v)), vcvt_high_f64_f32(v)));
}
static inline float vf_max_lane(vf v) { return vmaxvq_f32(v); }
static inline float vf_min_lane(vf v) { return vminvq_f32(v); }

static inline vf vf_pow2(vi n) {
  return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
}
static inline vi vf_to_vi(vf a) { return vcvtq_s32_f32(a); }
static inline vf vi_to_vf(vi a) { return vcvtq_f32_s32(a); }
/* a * 2^n for whole n in [-150, 129]: in two steps, so that results that are denormal or infinite come out right. */
static inline vf vf_scale(vf a, vf n) {
  const vi whole = vf_to_vi(n), half = vshrq_n_s32(whole, 1);
  return vf_mul(vf_mul(a, vf_pow2(half)), vf_pow2(vsubq_s32(whole, half)));
}

/* ---- int32 ---------------------------------------------------------------------- */

static inline vi vi_set(int32_t v) { return vdupq_n_s32(v); }
static inline vi vi_load(const int32_t *p) { return vld1q_s32(p); }
static inline void vi_store(int32_t *p, vi v) { vst1q_s32(p, v); }
static inline vi vi_add(vi a, vi b) { return vaddq_s32(a, b); }
static inline vi vi_sub(vi a, vi b) { return vsubq_s32(a, b); }
static inline vi vi_mul(vi a, vi b) { return vmulq_s32(a, b); }
static inline vi vi_and(vi a, vi b) { return vandq_s32(a, b); }
static inline vi vi_xor(vi a, vi b) { return veorq_s32(a, b); }
static inline vi vi_min(vi a, vi b) { return vminq_s32(a, b); }
static inline vi vi_max(vi a, vi b) { return vmaxq_s32(a, b); }
static inline vi vi_shl(vi a, int n) { return vshlq_s32(a, vdupq_n_s32(n)); }
static inline vi vi_sra(vi a, int n) { return vshlq_s32(a, vdupq_n_s32(-n)); }
static inline vi vi_gt(vi a, vi b) { return vreinterpretq_s32_u32(vcgtq_s32(a, b)); }
/* The same instruction saturates -2^31 * -2^31, but b is not negative. */
static inline vi vi_mul_high(vi a, vi b) { return vqrdmulhq_s32(a, b); }

static inline vi vi_load_s8(const int8_t *p) {
  int32_t four;
  memcpy(&four, p, sizeof four);
  return vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four)))));
}
static inline vi vi_load_u8(const uint8_t *p) {
  uint32_t four;
  memcpy(&four, p, sizeof four);
  return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four))))));
}
static inline vi vi_load_s16(const int16_t *p) { return vmovl_s16(vld1_s16(p)); }
static inline vi vi_load_u16(const uint16_t *p) { return vreinterpretq_s32_u32(vmovl_u16(vld1_u16(p))); }
static inline void vi_store_s8(int8_t *p, vi v) {
  const int16x4_t w = vqmovn_s32(v);
  const int32_t four = vget_lane_s32(vreinterpret_s32_s8(vqmovn_s16(vcombine_s16(w, w))), 0);
  memcpy(p, &four, sizeof four);
}
static inline void vi_store_u8(uint8_t *p, vi v) {
  const int16x4_t w = vqmovn_s32(v);
  const uint32_t four = vget_lane_u32(vreinterpret_u32_u8(vqmovun_s16(vcombine_s16(w, w))), 0);
  memcpy(p, &four, sizeof four);
}
static inline void vi_store_s16(int16_t *p, vi v) { vst1_s16(p, vqmovn_s32(v)); }

/* ---- half precision --------------------------------------------------------------- */

static inline vf vf_load_f16(const uint16_t *p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
static inline void vf_store_f16(uint16_t *p, vf v) { vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(v))); }

#endif
