/* SPDX-License-Identifier: Apache-2.0
 *
 * qwinograd_scalar.c: the transforms of qwinograd.h for any processor, in short vectors.
 */
#define LANES 8
#include "kernels/qwinograd_tmpl.h"

void ufk_qwinograd_scalar(ufk_qwinograd_table *table) { set_qwinograd(table); }
