/* SPDX-License-Identifier: Apache-2.0
 *
 * qdepthwise_neon.c: the kernels of qdepthwise.h for NEON. Entries are two int16.
 */
#include "kernels/qdepthwise.h"
#include "kernels/simd/i32_neon.h"

#define NARROW 2
#define DV 1

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

#include "kernels/qdepthwise_tmpl.h"

void ufk_qdepthwise_neon(ufk_qdepthwise_table *table) { set_depthwise(table); }
