/* SPDX-License-Identifier: Apache-2.0
 *
 * softmax8_scalar.c: the reference of softmax8.h, and what all sets share.
 */
#include "kernels/softmax8.h"

#include "kernels/fixed32.h"

void ufk_softmax8_finish(ufk_softmax8 *t) {
  t->falls = true;
  for (int32_t d = 0; d < 256; ++d) {
    t->falls = t->falls && (d == 0 || t->exp[d] <= t->exp[d - 1]);
    t->term[d] = ufk_rdpot(t->exp[d], 12);
    for (int i = 0; i < 3; ++i) t->digits[i][d] = (uint8_t)(t->term[d] >> 8 * i);
  }
}

uint8_t ufk_softmax8_max(const uint8_t *x, size_t n, uint8_t flip) {
  uint8_t max = 0;
  for (size_t i = 0; i < n; ++i) max = UFI_MAX(max, (uint8_t)(x[i] ^ flip));
  return max;
}

int32_t ufk_softmax8_sum(const ufk_softmax8 *t, const uint8_t *x, size_t n, uint8_t flip, uint8_t max) {
  int64_t sum = 0;
  for (size_t i = 0; i < n; ++i) sum += t->term[max - (uint8_t)(x[i] ^ flip)];
  return (int32_t)UFI_MIN(sum, (int64_t)INT32_MAX);
}

void ufk_softmax8_plain(const ufk_softmax8 *t, const uint8_t *x, uint8_t *y, size_t count, size_t n, uint8_t flip) {
  for (; count > 0; --count, x += n, y += n) {
    int over;
    const uint8_t max = ufk_softmax8_max(x, n, flip);
    const int32_t scale = ufk_reciprocal(ufk_softmax8_sum(t, x, n, flip, max), 12, &over);
    for (size_t i = 0; i < n; ++i) {
      const int32_t product = ufk_srdhm(scale, t->exp[max - (uint8_t)(x[i] ^ flip)]);
      const int32_t v = over > 8 ? 0 : ufk_rdpot(product, over + 23);
      y[i] = (uint8_t)UFI_MIN(v, 255) ^ flip;
    }
  }
}

void ufk_softmax8_scalar(ufk_softmax8_table *table) { table->rows = ufk_softmax8_plain; }
