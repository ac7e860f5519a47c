/* SPDX-License-Identifier: Apache-2.0
 *
 * qwinograd_avx512.c: the transforms of qwinograd.h for AVX-512.
 */
#define LANES 32
#include "kernels/qwinograd_tmpl.h"

void ufk_qwinograd_avx512(ufk_qwinograd_table *table) { set_qwinograd(table); }
