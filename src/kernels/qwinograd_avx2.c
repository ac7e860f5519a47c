/* SPDX-License-Identifier: Apache-2.0
 *
 * qwinograd_avx2.c: the transforms of qwinograd.h for AVX2.
 */
#define LANES 16
#include "kernels/qwinograd_tmpl.h"

void ufk_qwinograd_avx2(ufk_qwinograd_table *table) { set_qwinograd(table); }
