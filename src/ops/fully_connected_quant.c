/* SPDX-License-Identifier: Apache-2.0
 *
 * fully_connected_quant.c: FULLY_CONNECTED of quantized tensors, and of float32
 * inputs with integer weights (hybrid), also blockwise int4.
 *
 * Unlike convolutions the reference brings sums to the output's scale by a
 * double. Hybrid: each row is quantized for itself; blockwise always
 * asymmetrically. 16-bit weights take a loop of their own (matmul_s16.c).
 */
#include "ops/gemm_f32.h"
#include "ops/gemm_quant.h"
#include "ops/matmul_s16.h"

static void fc_pack(const ufi_q_spec *spec, const void *weights, void *out) {
  uf_dtype dtype = spec->filter->dtype == UF_UINT8 ? UF_UINT8 : UF_INT8;
  ufi_gemm_q_pack(spec->depth, spec->n, 0, spec->depth, weights, dtype, 1, spec->depth,
                  spec->filter_zero, spec->wide, out);
}

static uf_status fc_spec(ufi_ctx *ctx, const ufi_fc_geometry *g, ufi_q_spec *spec_out) {
  const ufi_fc_attrs *a = ctx->attrs;
  ufi_q_spec spec = {.input = g->input, .filter = g->filter, .bias = g->bias, .output = g->output,
                     .act = g->act, .groups = 1, .n = g->out, .depth = g->in, .vectors = 1,
                     .pack = fc_pack};
  if (g->input->dtype == UF_FLOAT32) {
    bool blocks = ufi_is_quantized(g->filter) && g->filter->quant->block_size > 0;
    spec.vectors = g->batch;
    spec.length = g->in;
    spec.share = 1;
    spec.asymmetric = a->asymmetric_inputs || blocks;
    spec.one_scale = ufi_is_quantized(g->filter) && g->filter->quant->count == 1;
  }
  UFI_TRY(ufi_q_spec_types(ctx, &spec, true, a->quantized_bias));
  *spec_out = spec;
  return UF_OK;
}

static bool is_s16(const ufi_fc_geometry *g) {
  return g->input->dtype == UF_INT16 && g->filter->dtype == UF_INT16;
}

uf_status ufi_fc_quant_prepare(ufi_ctx *ctx, const ufi_fc_geometry *g) {
  if (is_s16(g)) return ufi_fc_s16_prepare(ctx, g);
  ufi_q_spec spec = {0};
  UFI_TRY(fc_spec(ctx, g, &spec));
  return ufi_q_prepare(ctx, &spec);
}

uf_status ufi_fc_quant_eval(ufi_ctx *ctx) {
  ufi_fc_geometry g = {0};
  ufi_q_spec spec = {0};
  ufi_gemm_q gemm = {0};
  UFI_TRY(ufi_fc_geometry_of(ctx, &g));
  if (is_s16(&g)) return ufi_fc_s16_eval(ctx, &g);
  UFI_TRY(fc_spec(ctx, &g, &spec));
  UFI_TRY(ufi_q_begin(ctx, &spec, &gemm));
  gemm.batch = gemm.in_h = gemm.out_h = 1;
  gemm.in_w = gemm.out_w = g.batch;
  gemm.in_pixel = gemm.channels = g.in;
  gemm.kernel_h = gemm.kernel_w = gemm.stride_h = gemm.stride_w = 1;
  gemm.dilation_h = gemm.dilation_w = 1;
  gemm.out_pixel = g.out;
  gemm.out_line = gemm.out_image = g.batch * g.out;
  ufi_gemm_q_run(ctx->pool, &gemm);
  if (g.input->dtype == UF_FLOAT32) ufi_act_apply_f32(g.act, g.output->data, g.output->count);
  return UF_OK;
}
