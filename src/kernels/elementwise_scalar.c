/* SPDX-License-Identifier: Apache-2.0
 *
 * elementwise_scalar.c: the scalar kernels of elementwise.h.
 */
#include "kernels/elementwise.h"

void ufk_elementwise_scalar(ufk_elementwise_table *table) { (void)table; }
