/* SPDX-License-Identifier: Apache-2.0
 *
 * elementwise_neon.c: the NEON kernels of elementwise.h: the template's, and
 * those that look better in intrinsics.
 */
#include "kernels/simd/f32_neon.h"

#include "kernels/elementwise_tmpl.h"

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

static int64_t u8_sum(const uint8_t *x, size_t n) {
  uint64x2_t sums = vdupq_n_u64(0);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) sums = vpadalq_u32(sums, vpaddlq_u16(vpaddlq_u8(vld1q_u8(x + i))));
  int64_t total = (int64_t)vaddvq_u64(sums);
  for (; i < n; ++i) total += x[i];
  return total;
}
static int64_t s8_sum(const int8_t *x, size_t n) {
  int64x2_t sums = vdupq_n_s64(0);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) sums = vpadalq_s32(sums, vpaddlq_s16(vpaddlq_s8(vld1q_s8(x + i))));
  int64_t total = vaddvq_s64(sums);
  for (; i < n; ++i) total += x[i];
  return total;
}

void ufk_elementwise_neon(ufk_elementwise_table *table) {
  set_vector_kernels(table);
  table->lut8 = lut8;
  table->u8_sum = u8_sum;
  table->s8_sum = s8_sum;
}
