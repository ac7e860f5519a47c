/* SPDX-License-Identifier: Apache-2.0
 *
 * elementwise_neon.c: the NEON kernels of elementwise.h: the template's, and
 * those that look better in intrinsics.
 */
#include "kernels/simd/f32_neon.h"

#include "kernels/elementwise_tmpl.h"

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
  table->u8_sum = u8_sum;
  table->s8_sum = s8_sum;
}
