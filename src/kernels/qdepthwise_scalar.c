/* SPDX-License-Identifier: Apache-2.0
 *
 * qdepthwise_scalar.c: the kernels of qdepthwise.h in portable C: the reference
 * of the faster sets. Sums are unsigned inside, where wrapping is defined.
 */
#include "kernels/qdepthwise.h"

#include "kernels/requant.h"
#include "kernels/qpool_tmpl.h"

/* Blocks of one channel. */
#define DEPTHWISE(type, name)                                                              \
  static void name(size_t pairs, size_t channels, const void *const *in, size_t from,      \
                   const int16_t *w, const int32_t *bias, int32_t *acc) {                  \
    for (size_t c = 0; c < channels; c++) {                                                \
      uint32_t sum = (uint32_t)bias[c];                                                    \
      for (size_t t = 0; t < 2 * pairs; t++) {                                             \
        sum += (uint32_t)(((const type *)in[t])[from + c] * *w++);                         \
      }                                                                                    \
      acc[c] = (int32_t)sum;                                                               \
    }                                                                                      \
  }
DEPTHWISE(int8_t, depthwise_s8)
DEPTHWISE(uint8_t, depthwise_u8)

void ufk_qdepthwise_scalar(ufk_qdepthwise_table *table) {
  *table = (ufk_qdepthwise_table){
      .q_block = 1, .depthwise_s8 = depthwise_s8, .depthwise_u8 = depthwise_u8};
  set_pools(table);
}
