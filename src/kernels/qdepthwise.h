/* SPDX-License-Identifier: Apache-2.0
 *
 * qdepthwise.h: depthwise convolution and pooling of integers.
 */
#ifndef UFI_KERNELS_QDEPTHWISE_H
#define UFI_KERNELS_QDEPTHWISE_H

#include "kernels/qgemm.h"

/* One pixel of a depthwise convolution:
 *
 *   acc[c] = bias[c] + sum over t < 2 * pairs of in[t][c] * w[c][t]
 *
 * for c < channels; acc and bias are padded to UFK_Q_MAX_NR. w is packed in
 * blocks of q_block channels: (block, pairs, q_block, 2) of int16. */
typedef void (*ufk_q_depthwise_fn)(size_t pairs, size_t channels, const void *const *in,
                                   size_t from, const int16_t *w, const int32_t *bias,
                                   int32_t *acc);

/* out[c] of the taps in[t][from + c], t < taps. Averages round half away from
 * zero; taps is at least 1. */
typedef void (*ufk_q_pool_fn)(size_t taps, size_t channels, const void *const *in, size_t from,
                              int32_t min, int32_t max, void *out);

typedef struct ufk_qdepthwise_table {
  size_t q_block;             /* channels in a block of depthwise weights */
  ufk_q_depthwise_fn depthwise_s8, depthwise_u8;
  ufk_q_pool_fn max_s8, max_u8, max_s16;
  ufk_q_pool_fn average_s8, average_u8, average_s16;
} ufk_qdepthwise_table;

void ufk_qdepthwise_scalar(ufk_qdepthwise_table *table);
void ufk_qdepthwise_avx2(ufk_qdepthwise_table *table);
void ufk_qdepthwise_avx512(ufk_qdepthwise_table *table);

#endif
