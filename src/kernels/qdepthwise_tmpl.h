/* SPDX-License-Identifier: Apache-2.0
 *
 * qdepthwise_tmpl.h: the kernels of qdepthwise.h over vectors of any width. The
 * file that includes it (qdepthwise_<isa>.c) defines first:
 *
 *   VW                   int32 lanes of a vector; veci holds them (or 2 * VW
 *                        int16)
 *   i_load i_store, of int32; i_load16(p): 2 * VW int16
 *   i_zip_s8(p, q), i_zip_u8(p, q)    VW bytes of each, alternating, to int16
 *   i_dot(acc, a, b)     acc + sums of pairs of int16 products
 *
 * Functions that take a size as `const size_t` are inlined into callers that
 * know it, so that accumulators become registers.
 */
#include "kernels/qdepthwise.h"
#include "kernels/requant.h"
#include "kernels/qpool_tmpl.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

/* ---- depthwise ----------------------------------------------------------------- */

INLINE veci zip(const bool is_signed, const void *p, const void *q, size_t at) {
  return is_signed ? i_zip_s8((const int8_t *)p + at, (const int8_t *)q + at)
                   : i_zip_u8((const uint8_t *)p + at, (const uint8_t *)q + at);
}

/* nb blocks of VW channels, which all exist. */
INLINE void depthwise_blocks(const bool is_signed, const size_t nb, const size_t pairs,
                             const void *const *in, size_t from, const int16_t *w,
                             const int32_t *bias, int32_t *out) {
  veci acc[4];
  UNROLL for (size_t j = 0; j < nb; j++) acc[j] = i_load(bias + j * VW);
  UNROLL for (size_t t = 0; t < pairs; t++) {
    const void *p = in[2 * t], *q = in[2 * t + 1];
    UNROLL for (size_t j = 0; j < nb; j++) {
      veci x = zip(is_signed, p, q, from + j * VW);
      acc[j] = i_dot(acc[j], x, i_load16(w + (j * pairs + t) * 2 * VW));
    }
  }
  UNROLL for (size_t j = 0; j < nb; j++) i_store(out + j * VW, acc[j]);
}

/* Less than a block: its bytes are copied, so as not to read behind them. */
static void depthwise_rest(bool is_signed, size_t pairs, size_t n, const void *const *in,
                           size_t from, const int16_t *w, const int32_t *bias, int32_t *out) {
  veci acc = i_load(bias);
  for (size_t t = 0; t < pairs; t++) {
    uint8_t p[VW] = {0}, q[VW] = {0};
    memcpy(p, (const uint8_t *)in[2 * t] + from, n);
    memcpy(q, (const uint8_t *)in[2 * t + 1] + from, n);
    acc = i_dot(acc, zip(is_signed, p, q, 0), i_load16(w + t * 2 * VW));
  }
  i_store(out, acc);
}

INLINE void depthwise(const bool is_signed, const size_t pairs, size_t channels,
                      const void *const *in, size_t from, const int16_t *w, const int32_t *bias,
                      int32_t *acc) {
  size_t c = 0;
  for (; c + 4 * VW <= channels; c += 4 * VW) {
    depthwise_blocks(is_signed, 4, pairs, in, from + c, w + c * 2 * pairs, bias + c, acc + c);
  }
  for (; c + VW <= channels; c += VW) {
    depthwise_blocks(is_signed, 1, pairs, in, from + c, w + c * 2 * pairs, bias + c, acc + c);
  }
  if (c < channels) {
    depthwise_rest(is_signed, pairs, channels - c, in, from + c, w + c * 2 * pairs, bias + c,
                   acc + c);
  }
}

#define DEPTHWISE(name, is_signed)                                                       \
  static void name(size_t pairs, size_t channels, const void *const *in, size_t from,    \
                   const int16_t *w, const int32_t *bias, int32_t *acc) {                \
    if (pairs == 5) depthwise(is_signed, 5, channels, in, from, w, bias, acc); /* 3x3 */  \
    else depthwise(is_signed, pairs, channels, in, from, w, bias, acc);                  \
  }
DEPTHWISE(depthwise_s8, true)
DEPTHWISE(depthwise_u8, false)

INLINE void set_depthwise(ufk_qdepthwise_table *table) {
  table->q_block = VW;
  table->depthwise_s8 = depthwise_s8;
  table->depthwise_u8 = depthwise_u8;
  set_pools(table);
}
