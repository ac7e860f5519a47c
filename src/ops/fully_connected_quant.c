/* SPDX-License-Identifier: Apache-2.0
 *
 * fully_connected_quant.c: FULLY_CONNECTED of quantized tensors, and of float32
 * inputs with integer weights (hybrid), also blockwise int4.
 *
 * Unlike convolutions the reference brings sums to the output's scale by a
 * double. Hybrid: each row is quantized for itself; blockwise always
 * asymmetrically. 16-bit weights take a loop of their own (matmul_s16.c).
 *
 * Shuffled weights (uint8 to int16) come as tiles of 4 rows x 16 columns, tiles
 * of the same rows one behind the other, elements already less 128; zero points
 * of input and weights are 128, whatever the file says, and sums are scaled in
 * integers.
 */
#include "ops/gemm_f32.h"
#include "ops/gemm_quant.h"
#include "ops/matmul_s16.h"

static void fc_pack(const ufi_q_spec *spec, const void *weights, void *out) {
  const uf_dtype dtype = ufi_q_weights_dtype(spec);
  ufi_gemm_q_pack(spec->pool, spec->kind, spec->depth, spec->n, 0, spec->depth, weights, dtype, 1, spec->depth,
                  spec->filter_zero, out);
}

/* Panel by panel, some rows at a time put in order. */
static void pack_shuffled(const ufi_q_spec *spec, const void *weights, void *out) {
  const int64_t nr = (int64_t)ufi_kernels_get()->qgemm.q_nr, depth = spec->depth;
  size_t panel = 0;
  if (!ufi_gemm_q_packed_size(depth, nr, spec->kind, &panel)) return; /* checked in shuffled_spec */
  for (int64_t column = 0; column < spec->n; column += nr) {
    const int64_t n = UFI_MIN(nr, spec->n - column);
    for (int64_t k = 0; k < depth; k += 16) {
      int8_t rows[UFK_Q_MAX_NR][16];
      for (int64_t j = 0; j < n; j++) { /* tiles of 4 columns x 16 rows */
        memcpy(rows[j], (const int8_t *)weights + (column + j) / 4 * 4 * depth + k * 4 + (column + j) % 4 * 16, 16);
      }
      ufi_gemm_q_pack(NULL, spec->kind, depth, n, k, 16, rows, UF_INT8, 1, 16, 0,
                      (uint8_t *)out + (size_t)(column / nr) * panel);
    }
  }
}

static uf_status shuffled_spec(ufi_ctx *ctx, ufi_q_spec *spec) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_UINT8, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, UF_UINT8, UF_INVALID));
  UFI_TRY(ufi_want_out(ctx, 0, UF_INT16, UF_INVALID));
  UFI_TRY(ufi_q_spec_types(ctx, spec, true, UF_INT32));
  spec->end = UFI_Q_FIXED;
  spec->pack = pack_shuffled;
  spec->float_product = true;
  spec->filter_zero = 0;
  spec->kind = ufi_q_kind_of(UF_UINT8, false);
  const bool fits = ufi_gemm_q_packed_size(spec->depth, spec->n, spec->kind, &spec->weights);
  return fits ? UF_OK : ufi_too_large(ctx);
}

/* The second output: in TFLite's kernel bytes of the input, made signed, in its order, which is that of the input but
 * for a batch of 4, whose rows alternate every 16 bytes. */
static void fill_workspace(const ufi_fc_geometry *g, ufi_tensor *out) {
  const uint8_t *x = g->input->data;
  uint8_t *to = out->data;
  for (int64_t i = 0; i < g->batch * g->in; i++) {
    const int64_t row = i / g->in, k = i % g->in;
    to[g->batch == 4 ? (k / 16 * 4 + row) * 16 + k % 16 : i] = x[i] ^ 0x80;
  }
}

static uf_status fc_spec(ufi_ctx *ctx, const ufi_fc_geometry *g, ufi_q_spec *spec_out) {
  const ufi_fc_attrs *a = ctx->attrs;
  ufi_q_spec spec = {.input = g->input, .filter = g->filter, .bias = g->bias, .output = g->output,
                     .act = g->act, .groups = 1, .n = g->out, .depth = g->in, .vectors = 1,
                     .pool = ctx->pool, .pack = fc_pack, .takes_zero = !ufi_fc_is_shuffled(ctx)};
  if (g->input->dtype == UF_FLOAT32) {
    bool blocks = ufi_is_quantized(g->filter) && g->filter->quant->block_size > 0;
    spec.vectors = g->batch;
    spec.length = g->in;
    spec.share = 1;
    spec.by_rows = true;
    spec.takes_bytes = true;
    spec.asymmetric = a->asymmetric_inputs || blocks;
    spec.one_scale = ufi_is_quantized(g->filter) && g->filter->quant->count == 1;
  }
  UFI_TRY(ufi_fc_is_shuffled(ctx) ? shuffled_spec(ctx, &spec) : ufi_q_spec_types(ctx, &spec, true, a->quantized_bias));
  *spec_out = spec;
  return UF_OK;
}

static bool is_s16(const ufi_fc_geometry *g) {
  return g->input->dtype == UF_INT16 && g->filter->dtype == UF_INT16;
}

uf_status ufi_fc_quant_prepare(ufi_ctx *ctx, const ufi_fc_geometry *g) {
  if (is_s16(g) && !ufi_fc_is_shuffled(ctx)) return ufi_fc_s16_prepare(ctx, g);
  ufi_q_spec spec = {0};
  UFI_TRY(fc_spec(ctx, g, &spec));
  return ufi_fc_is_row(ctx) ? ufi_fc_row_quant_prepare(ctx, g, &spec) : ufi_q_prepare(ctx, &spec);
}

uf_status ufi_fc_quant_eval(ufi_ctx *ctx) {
  ufi_fc_geometry g = {0};
  ufi_gemm_q gemm = {0};
  UFI_TRY(ufi_fc_geometry_of(ctx, &g));
  if (is_s16(&g)) return ufi_fc_s16_eval(ctx, &g);
  const ufi_q_spec spec = ufi_q_prepared(ctx, g.input, g.filter, g.bias, g.output, NULL);
  ufi_q_begin(ctx, &spec, &gemm);
  gemm.batch = gemm.in_h = gemm.out_h = 1;
  gemm.in_w = gemm.out_w = g.batch;
  gemm.in_pixel = gemm.channels = g.in;
  gemm.kernel_h = gemm.kernel_w = gemm.stride_h = gemm.stride_w = 1;
  gemm.dilation_h = gemm.dilation_w = 1;
  gemm.out_pixel = g.out;
  gemm.out_line = gemm.out_image = g.batch * g.out;
  static const int32_t middle = 128;
  if (ufi_fc_is_shuffled(ctx)) {
    gemm.zero = &middle;
    gemm.out_zero = 0;
    fill_workspace(&g, ctx->out[1]);
  }
  if (g.act != UFI_ACT_TANH && g.act != UFI_ACT_SIGN_BIT) gemm.done = ctx->done; /* nothing comes after */
  UFI_TRY(ufi_q_product(ctx, &spec, &gemm));
  if (g.input->dtype == UF_FLOAT32) ufi_act_apply_f32(g.act, g.output->data, g.output->count);
  return UF_OK;
}
