/* SPDX-License-Identifier: Apache-2.0
 *
 * quant_pending.c: the quantized halves of convolutions and matrix products,
 * not there yet: such nodes are listed as not supported.
 */
#include "ops/conv.h"

static uf_status pending(ufi_ctx *ctx) {
  return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected float32 activations and weights, found quantized ones");
}

#define PENDING(name, geometry)                                                              \
  uf_status ufi_##name##_quant_prepare(ufi_ctx *ctx, const geometry *g) { return pending(ctx); } \
  uf_status ufi_##name##_quant_eval(ufi_ctx *ctx) { return pending(ctx); }

PENDING(conv, ufi_conv_geometry)
PENDING(depthwise, ufi_conv_geometry)
PENDING(transpose_conv, ufi_conv_geometry)
PENDING(fc, ufi_fc_geometry)
PENDING(bmm, ufi_bmm_geometry)

uf_status ufi_pool_quant_prepare(ufi_ctx *ctx, const ufi_conv_geometry *g, ufi_pool_kind kind) { return pending(ctx); }
uf_status ufi_pool_quant_eval(ufi_ctx *ctx, ufi_pool_kind kind) { return pending(ctx); }
