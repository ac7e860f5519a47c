/* SPDX-License-Identifier: Apache-2.0
 *
 * quantize.h: quantization parameters of convolutions and matrix products,
 * checked in words and turned into the integers that kernels/requant.h uses.
 */
#ifndef UFI_OPS_QUANTIZE_H
#define UFI_OPS_QUANTIZE_H

#include "kernels/requant.h"
#include "ops/op.h"

/* real as multiplier * 2^(shift - 31), as TFLite's QuantizeMultiplier. Factors
 * below 2^-32 become 0; shift is at most 31 (beyond, nothing sensible fits). */
void ufi_quantize_multiplier(double real, int32_t *multiplier_out, int32_t *shift_out);

/* t has one finite positive scale and a zero point that its dtype holds. what:
 * "the input". */
uf_status ufi_want_scale(ufi_ctx *ctx, const char *what, const ufi_tensor *t) UF_MUST_USE;
/* t has one scale, or one for each of n channels; all finite and not negative. */
uf_status ufi_want_channel_scales(ufi_ctx *ctx, const ufi_tensor *t, int64_t n) UF_MUST_USE;
/* All zero points of t are 0. */
uf_status ufi_want_symmetric_weights(ufi_ctx *ctx, const ufi_tensor *t) UF_MUST_USE;
uf_status ufi_want_zero_point_0(ufi_ctx *ctx, const char *what, const ufi_tensor *t) UF_MUST_USE;
/* bias is NULL or of dtype a or b. */
uf_status ufi_want_bias(ufi_ctx *ctx, const ufi_tensor *bias, uf_dtype a, uf_dtype b) UF_MUST_USE;

/* Scale of channel i. */
static inline float ufi_channel_scale(const ufi_tensor *t, int64_t i) {
  if (!ufi_is_quantized(t)) return 1.0f;
  return t->quant->scales[t->quant->count > 1 ? i : 0];
}

/* int8 values of a filter whose elements are int8, uint8 (bytes as they are),
 * int4 or int2. *owned_out, to be freed with ufi_free, is NULL when nothing had
 * to be unpacked. */
uf_status ufi_unpacked_weights(ufi_ctx *ctx, const ufi_tensor *t, const void **data_out,
                               void **owned_out) UF_MUST_USE;

#endif
