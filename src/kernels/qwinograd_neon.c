/* SPDX-License-Identifier: Apache-2.0
 *
 * qwinograd_neon.c: the transforms of qwinograd.h for NEON.
 */
#define LANES 8
#include "kernels/qwinograd_tmpl.h"

void ufk_qwinograd_neon(ufk_qwinograd_table *table) { set_qwinograd(table); }
