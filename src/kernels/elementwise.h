/* SPDX-License-Identifier: Apache-2.0
 *
 * elementwise.h: kernels that go through memory once: arithmetic, activations,
 * conversions, reductions.
 */
#ifndef UFI_KERNELS_ELEMENTWISE_H
#define UFI_KERNELS_ELEMENTWISE_H

#include "base/base.h"

typedef struct ufk_elementwise_table {
  int placeholder;
} ufk_elementwise_table;

void ufk_elementwise_scalar(ufk_elementwise_table *table);
void ufk_elementwise_avx2(ufk_elementwise_table *table);
void ufk_elementwise_avx512(ufk_elementwise_table *table);

#endif
