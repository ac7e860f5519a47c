/* SPDX-License-Identifier: Apache-2.0
 *
 * elementwise_avx512.c: the avx512 kernels of elementwise.h.
 */
#include "kernels/elementwise.h"

void ufk_elementwise_avx512(ufk_elementwise_table *table) { (void)table; }
