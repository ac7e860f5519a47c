/* SPDX-License-Identifier: Apache-2.0
 *
 * fully_connected.c: FULLY_CONNECTED: (batch, in) times weights (out, in).
 */
#include "ops/conv.h"

/* FullyConnectedOptions: fused_activation_function, weights_format,
 * keep_num_dims, asymmetric_quantize_inputs, quantized_bias_type. */
static uf_status fc_attrs(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ufi_fc_attrs *a = attrs;
  const ufi_fb_table *t = &from->options;
  a->shuffled = ufi_fb_i8(t, 1, 0) != 0;
  a->keep_num_dims = ufi_fb_bool(t, 2, false);
  a->asymmetric_inputs = ufi_fb_bool(t, 3, false);
  a->quantized_bias = ufi_quantized_bias_of(ufi_fb_i8(t, 4, 0));
  return ufi_act_of(ufi_fb_i8(t, 0, 0), &a->act, error);
}

/* The input as rows of g->in elements. */
static uf_status fc_batch(ufi_ctx *ctx, bool keep_num_dims, ufi_fc_geometry *g) {
  const ufi_tensor *x = g->input;
  char shape[UFI_SHAPE_TEXT];
  if (x->rank < 1 && g->in > 1) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an input of rank 1 or more, found a "
                        "scalar");
  }
  if (g->in == 0 || keep_num_dims) {
    if (x->rank < 1 || x->dims[x->rank - 1] != g->in) {
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                          "expected an input whose last dimension is %lld, as the weights', found "
                          "%s",
                          (long long)g->in, ufi_shape_text(x->rank, x->dims, shape));
    }
    return ufi_shape_count(x->rank - 1, x->dims, &g->batch)
               ? UF_OK
               : ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a smaller input, found %s",
                              ufi_shape_text(x->rank, x->dims, shape));
  }
  if (x->count % g->in != 0) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected an input of whole rows of %lld elements, as the weights have, "
                        "found shape %s",
                        (long long)g->in, ufi_shape_text(x->rank, x->dims, shape));
  }
  g->batch = x->count / g->in;
  return UF_OK;
}

uf_status ufi_fc_geometry_of(ufi_ctx *ctx, ufi_fc_geometry *g_out) {
  const ufi_fc_attrs *a = ctx->attrs;
  ufi_fc_geometry g = {.act = a->act, .input = ufi_in(ctx, 0), .filter = ufi_in(ctx, 1),
                       .bias = ufi_in(ctx, 2), .output = ctx->out[0]};
  if (!g.input || !g.filter) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an input and weights, found only one");
  }
  if (a->shuffled) {
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED,
                        "expected weights in the default format, found SHUFFLED4x16INT8; convert "
                        "the model again without it");
  }
  UFI_TRY(ufi_want_rank(ctx, g.filter, 2, 2));
  g.out = g.filter->dims[0];
  g.in = g.filter->dims[1];
  UFI_TRY(fc_batch(ctx, a->keep_num_dims, &g));
  UFI_TRY(ufi_conv_bias(ctx, g.bias, g.out));
  *g_out = g;
  return UF_OK;
}

static uf_status fc_infer(ufi_ctx *ctx) {
  const ufi_fc_attrs *a = ctx->attrs;
  ufi_fc_geometry g = {0};
  UFI_TRY(ufi_fc_geometry_of(ctx, &g));
  int64_t dims[UF_MAX_RANK] = {g.batch, g.out};
  if (!a->keep_num_dims) return ufi_out_shape(ctx, 0, 2, dims);
  memcpy(dims, g.input->dims, sizeof dims);
  dims[g.input->rank - 1] = g.out;
  return ufi_out_shape(ctx, 0, g.input->rank, dims);
}

static uf_status fc_prepare(ufi_ctx *ctx) {
  ufi_fc_geometry g = {0};
  UFI_TRY(ufi_fc_geometry_of(ctx, &g));
  return ufi_conv_is_f32(g.input, g.filter) ? ufi_fc_f32_prepare(ctx, &g)
                                            : ufi_fc_quant_prepare(ctx, &g);
}

static uf_status fc_eval(ufi_ctx *ctx) {
  return ufi_conv_is_f32(ctx->in[0], ctx->in[1]) ? ufi_fc_f32_eval(ctx) : ufi_fc_quant_eval(ctx);
}

const ufi_op_def ufi_op_FULLY_CONNECTED = {
    .attrs_size = sizeof(ufi_fc_attrs),
    .attrs_tflite = fc_attrs,
    .infer = fc_infer,
    .prepare = fc_prepare,
    .eval = fc_eval,
};
