/* SPDX-License-Identifier: Apache-2.0
 *
 * qparams.h: quantization parameters of elementwise ops: checked, and turned into
 * integer multipliers as TFLite does it.
 */
#ifndef UFI_QPARAMS_H
#define UFI_QPARAMS_H

#include "ops/op.h"

/* INVALID_ARGUMENT unless t is not quantized, or has one finite positive scale
 * and a zero point within its dtype. */
uf_status ufi_want_per_tensor(ufi_ctx *ctx, const ufi_tensor *t) UF_MUST_USE;
/* The same for every quantized input and for the output. */
uf_status ufi_want_all_per_tensor(ufi_ctx *ctx) UF_MUST_USE;
/* And the zero point is 0, which 16-bit kernels ask for. */
uf_status ufi_want_symmetric(ufi_ctx *ctx, const ufi_tensor *t) UF_MUST_USE;

/* real as multiplier * 2^(shift - 31); real >= 0. */
ufk_scale ufi_scale_from(double real);
/* All of y, of 8 or 16 bits: (sums[i] - less) * scale + its zero point, as ufk_scale_i32 rounds, cut to what y holds. No more than
 * 30 bits may come up on the way. */
void ufi_scale_many(const int32_t *sums, int32_t less, ufk_scale scale, const ufi_tensor *y);
/* Limits of an integer dtype of at most 32 bits. */
void ufi_dtype_limits(uf_dtype dtype, int32_t *lo_out, int32_t *hi_out);
/* True for int8, uint8 and int16 with quantization. */
static inline bool ufi_is_q(const ufi_tensor *t) {
  return t->dtype == UF_INT8 || t->dtype == UF_UINT8 ||
         (t->dtype == UF_INT16 && ufi_is_quantized(t));
}
/* True when scale is a power of two within TFLite's tolerance; its logarithm. */
bool ufi_log2_of_scale(float scale, int32_t *log2_out);

#endif
