/* SPDX-License-Identifier: Apache-2.0
 *
 * elementwise_avx2.c: the avx2 kernels of elementwise.h.
 */
#include "kernels/elementwise.h"

void ufk_elementwise_avx2(ufk_elementwise_table *table) { (void)table; }
