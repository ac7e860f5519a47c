/* SPDX-License-Identifier: Apache-2.0
 *
 * fixedpoint_tmpl.h: the 16-bit fixed-point kernels of elementwise.h: loops of which the
 * compiler makes vectors for the instruction set of the file that includes this.
 */
#include "kernels/elementwise.h"
#include "kernels/fixedpoint.h"

static void s16_tanh(const int16_t *x, int16_t *y, size_t n, int bits) {
  for (size_t i = 0; i < n; i++) y[i] = (int16_t)ufk_fx_tanh(x[i], bits);
}

static void s16_logistic(const int16_t *x, int16_t *y, size_t n, int bits) {
  for (size_t i = 0; i < n; i++) y[i] = (int16_t)ufk_fx_logistic(x[i], bits);
}

static void set_fixedpoint(ufk_elementwise_table *table) {
  table->s16_tanh = s16_tanh;
  table->s16_logistic = s16_logistic;
}
