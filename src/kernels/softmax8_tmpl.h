/* SPDX-License-Identifier: Apache-2.0
 *
 * softmax8_tmpl.h: softmax8.h in the vector vocabulary of simd/f32_<isa>.h.
 *
 * A long row computes first what each difference becomes, a table of bytes.
 */
#include "kernels/fixed32.h"
#include "kernels/softmax8.h"

enum { TABLE_MIN = 48 };  /* elements of a row from which on a table pays */

/* to[d] = round(exp[d] * scale * 2^-over * 256), flipped. */
static void fill_bytes(const ufk_softmax8 *t, int32_t scale, int over, uint8_t flip, uint8_t to[256]) {
  memset(to, flip, 256);
  if (over > 8) return;
  const vi factor = vi_set(scale), one = vi_set(1), most = vi_set(255), flips = vi_set(flip);
  for (int d = 0; d < 256; d += VF_LANES) {
    const vi half_steps = vi_sra(vi_mul_high(vi_load(t->exp + d), factor), over + 22);
    const vi v = vi_min(vi_sra(vi_add(half_steps, one), 1), most);
    vi_store_u8(to + d, vi_xor(v, flips));
    if (t->falls && to[d] == flip) break;
  }
}

static void long_row(const ufk_softmax8 *t, const uint8_t *x, uint8_t *y, size_t n, uint8_t flip) {
  uint8_t table[256];
  int over;
  const uint8_t max = ufk_softmax8_max(x, n, flip);
  const int32_t scale = ufk_reciprocal(ufk_softmax8_sum(t, x, n, flip, max), 12, &over);
  fill_bytes(t, scale, over, flip, table);
  for (size_t i = 0; i < n; ++i) y[i] = table[max - (uint8_t)(x[i] ^ flip)];
}

static void rows(const ufk_softmax8 *t, const uint8_t *x, uint8_t *y, size_t count, size_t n, uint8_t flip) {
  if (n < TABLE_MIN) {
    ufk_softmax8_plain(t, x, y, count, n, flip);
    return;
  }
  for (size_t i = 0; i < count; ++i) long_row(t, x + i * n, y + i * n, n, flip);
}
