/* SPDX-License-Identifier: Apache-2.0
 *
 * qdepthwise_neon.c: the kernels of qdepthwise.h for NEON. Entries are two int16.
 */
#include "kernels/qdepthwise.h"
#include "kernels/simd/i32_neon.h"

#define NARROW 2

static inline veci i_dot2(veci acc, veci a, veci b) { return i_dot(acc, a, b); }

/* The first 4 bytes of each, alternating; n of each are read. */
static inline uint8x8_t zip_bytes(const uint8_t *const p[2], size_t n) {
  uint32_t a = 0, b = 0;
  if (n == VW) {
    memcpy(&a, p[0], sizeof a);
    memcpy(&b, p[1], sizeof b);
  } else {
    memcpy(&a, p[0], n);
    memcpy(&b, p[1], n);
  }
  return vzip1_u8(vreinterpret_u8_u32(vdup_n_u32(a)), vreinterpret_u8_u32(vdup_n_u32(b)));
}
static inline void i_zip2_s8(const uint8_t *const p[2], size_t n, uint8_t *to) {
  vst1q_s16((int16_t *)(void *)to, vmovl_s8(vreinterpret_s8_u8(zip_bytes(p, n))));
}
static inline void i_zip2_u8(const uint8_t *const p[2], size_t n, uint8_t *to) {
  vst1q_u16((uint16_t *)(void *)to, vmovl_u8(zip_bytes(p, n)));
}

/* ---- from sums to bytes -------------------------------------------------------- */

typedef struct fixed_scale {
  veci multiplier, left, right, mask;
  int16x8_t zero;
  int32_t min, max;
} fixed_scale;

static inline fixed_scale load_scale(const ufk_q_scale *s) {
  const veci shift = i_load(s->shift), zero = i_zero(), right = i_max(i_sub(zero, shift), zero);
  return (fixed_scale){.multiplier = i_load(s->multiplier), .left = i_max(shift, zero), .right = right,
                       .mask = i_low_bits(right), .zero = vdupq_n_s16((int16_t)s->zero), .min = s->min, .max = s->max};
}
static inline veci fixed(veci x, const fixed_scale *s) { return i_fixed(x, s->multiplier, s->left, s->right, s->mask); }

/* Two vectors to bytes. */
static inline uint8x8_t limit(bool is_signed, veci a, veci b, const fixed_scale *s) {
  const int16x8_t w = vqaddq_s16(as_16(i_pack16(a, b)), s->zero);
  if (is_signed) {
    const int8x8_t y = vmax_s8(vqmovn_s16(w), vdup_n_s8((int8_t)s->min));
    return vreinterpret_u8_s8(vmin_s8(y, vdup_n_s8((int8_t)s->max)));
  }
  return vmin_u8(vmax_u8(vqmovun_s16(w), vdup_n_u8((uint8_t)s->min)), vdup_n_u8((uint8_t)s->max));
}
static inline void i_put4(bool is_signed, const veci v[4], size_t n, const fixed_scale *s, uint8_t *out, size_t step) {
  uint8_t part[16];
  vst1_u8(part, limit(is_signed, v[0], v[1], s));
  vst1_u8(part + 8, limit(is_signed, v[2], v[3], s));
  for (size_t i = 0; i < 4; i++) memcpy(out + i * step, part + 4 * i, n);
}
static inline void i_put1(bool is_signed, veci v, size_t n, const fixed_scale *s, uint8_t *out) {
  uint8_t part[8];
  vst1_u8(part, limit(is_signed, v, v, s));
  memcpy(out, part, n);
}

#include "kernels/qdepthwise_tmpl.h"

void ufk_qdepthwise_neon(ufk_qdepthwise_table *table) { set_depthwise(table); }
