/* SPDX-License-Identifier: Apache-2.0
 *
 * matmul_s16.h: products of 16-bit activations with 16-bit weights or
 * activations: FULLY_CONNECTED and BATCH_MATMUL. Sums need 64 bits from the
 * second product on, so these are plain loops.
 */
#ifndef UFI_OPS_MATMUL_S16_H
#define UFI_OPS_MATMUL_S16_H

#include "ops/conv.h"
#include "ops/quantize.h"

typedef struct ufi_s16_product {
  const int16_t *x;       /* (m, k): element (i, l) at i * x_row + l * x_step */
  int64_t x_row, x_step;
  const void *y;          /* (n, k), of int16 or int8 */
  bool y_is_s8;
  int64_t y_row, y_step;
  int64_t m, n, k;
  int32_t y_zero;         /* zero point of y */
  const void *bias;       /* n of bias_dtype; NULL: none */
  uf_dtype bias_dtype;
  const int32_t *multiplier, *shift; /* n, or 1 when per_tensor */
  bool per_tensor;
  int32_t min, max;
  int16_t *out;           /* (m, n) */
} ufi_s16_product;

void ufi_s16_run(ufi_pool *pool, const ufi_s16_product *p);

uf_status ufi_fc_s16_prepare(ufi_ctx *ctx, const ufi_fc_geometry *g) UF_MUST_USE;
uf_status ufi_fc_s16_eval(ufi_ctx *ctx, const ufi_fc_geometry *g) UF_MUST_USE;

#endif
