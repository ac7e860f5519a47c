/* SPDX-License-Identifier: Apache-2.0
 *
 * fully_connected_f32.c: FULLY_CONNECTED in float32: one plain product.
 *
 * Scratch: the bias where it is no whole vectors.
 */
#include "ops/gemm_f32.h"

uf_status ufi_fc_f32_prepare(ufi_ctx *ctx, const ufi_fc_geometry *g) {
  UFI_TRY(ufi_conv_want_f32(ctx, g->bias, g->output));
  if (ufi_fc_is_row(ctx)) return ufi_fc_row_f32_prepare(ctx, g);
  size_t weights;
  if (!ufi_gemm_f32_packed_size(g->in, g->out, &weights) || weights > SIZE_MAX / 8) {
    return ufi_too_large(ctx);
  }
  ufi_want_scratch(ctx, (size_t)ufi_gemm_f32_columns(g->out) * sizeof(float));
  return UF_OK;
}

uf_status ufi_fc_f32_eval(ufi_ctx *ctx) {
  ufi_fc_geometry g = {0};
  UFI_TRY(ufi_fc_geometry_of(ctx, &g));
  const float *bias = ufi_gemm_f32_bias(g.bias, 1, g.out, ctx->scratch);
  ufi_gemm_f32 gemm;
  ufi_gemm_f32_plain(&gemm, g.batch, g.out, g.in, g.input->data, g.in, NULL, bias, g.output->data, g.out);
  ufi_act_range_f32(g.act, &gemm.min, &gemm.max);
  if (g.act != UFI_ACT_TANH && g.act != UFI_ACT_SIGN_BIT) gemm.done = ctx->done; /* nothing comes after */
  UFI_TRY(ufi_gemm_f32_weight(ctx, 0, g.filter, &gemm));
  ufi_act_apply_f32(g.act, g.output->data, g.output->count);
  return UF_OK;
}
