/* SPDX-License-Identifier: Apache-2.0
 *
 * fully_connected.c: FULLY_CONNECTED: (batch, in) times weights (out, in).
 *
 * With weights in the SHUFFLED4x16INT8 format there is a second output, in which
 * TFLite keeps the input as its kernel wants it; the file gives its shape.
 */
#include "ops/conv.h"

/* FullyConnectedOptions: fused_activation_function, weights_format,
 * keep_num_dims, asymmetric_quantize_inputs, quantized_bias_type. */
static uf_status fc_attrs(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ufi_fc_attrs *a = attrs;
  const ufi_fb_table *t = &from->options;
  a->format = ufi_fb_i8(t, 1, 0);
  a->keep_num_dims = ufi_fb_bool(t, 2, false);
  a->asymmetric_inputs = ufi_fb_bool(t, 3, false);
  a->quantized_bias = ufi_quantized_bias_of(ufi_fb_i8(t, 4, 0));
  return ufi_act_of(ufi_fb_i8(t, 0, 0), &a->act, error);
}

/* The input as rows of g->in elements. As in TFLite, elements behind the last whole row do not count. */
static uf_status fc_batch(ufi_ctx *ctx, bool keep_num_dims, ufi_fc_geometry *g) {
  const ufi_tensor *x = g->input;
  if (g->in > 0 && !keep_num_dims) {
    g->batch = x->count / g->in;
    return UF_OK;
  }
  if (x->rank < 1 || x->dims[x->rank - 1] != g->in) {
    char shape[UFI_SHAPE_TEXT];
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected an input whose last dimension is %lld, as the weights', found %s", (long long)g->in,
                        ufi_shape_text(x->rank, x->dims, shape));
  }
  return ufi_shape_count(x->rank - 1, x->dims, &g->batch) ? UF_OK : ufi_too_large(ctx);
}

static uf_status fc_format(ufi_ctx *ctx, const ufi_fc_geometry *g) {
  const ufi_fc_attrs *a = ctx->attrs;
  const bool two = a->format == UFI_FC_SHUFFLED;
  if (a->format != 0 && !two) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected weights format 0 or 1 (SHUFFLED4x16INT8), found %d; the file is damaged or too new",
                        a->format);
  }
  if (ctx->n_out != (two ? 2 : 1)) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s, found %d",
                        two ? "2 outputs with shuffled weights" : "1 output", (int)ctx->n_out);
  }
  if (ufi_fc_is_shuffled(ctx) && (g->out % 4 != 0 || g->in % 16 != 0)) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected shuffled weights of multiples of 4x16, found %lldx%lld", (long long)g->out,
                        (long long)g->in);
  }
  return UF_OK;
}

uf_status ufi_fc_geometry_of(ufi_ctx *ctx, ufi_fc_geometry *g_out) {
  const ufi_fc_attrs *a = ctx->attrs;
  ufi_fc_geometry g = {.act = a->act, .input = ctx->in[0], .filter = ctx->in[1], .bias = ufi_in(ctx, 2),
                       .output = ctx->out[0]};
  UFI_TRY(ufi_want_rank(ctx, g.filter, 2, 2));
  g.out = g.filter->dims[0];
  g.in = g.filter->dims[1];
  UFI_TRY(fc_format(ctx, &g));
  UFI_TRY(fc_batch(ctx, a->keep_num_dims, &g));
  UFI_TRY(ufi_conv_bias(ctx, g.bias, g.out));
  *g_out = g;
  return UF_OK;
}

/* The second output has the shape that the file says, when it is large enough. */
static uf_status fc_workspace(ufi_ctx *ctx, const ufi_fc_geometry *g) {
  const ufi_tensor *t = ctx->out[1];
  UFI_TRY(ufi_out_dtype(ctx, 1, UF_UINT8));
  int64_t dims[UF_MAX_RANK] = {g->batch, g->in};
  if (t->count < g->batch * g->in) return ufi_out_shape(ctx, 1, 2, dims);
  memcpy(dims, t->dims, sizeof dims);
  return ufi_out_shape(ctx, 1, t->rank, dims);
}

static uf_status fc_infer(ufi_ctx *ctx) {
  const ufi_fc_attrs *a = ctx->attrs;
  ufi_fc_geometry g = {0};
  UFI_TRY(ufi_fc_geometry_of(ctx, &g));
  if (a->format == UFI_FC_SHUFFLED) UFI_TRY(fc_workspace(ctx, &g));
  int64_t dims[UF_MAX_RANK] = {g.batch, g.out};
  if (!a->keep_num_dims) return ufi_out_shape(ctx, 0, 2, dims);
  memcpy(dims, g.input->dims, sizeof dims);
  dims[g.input->rank - 1] = g.out;
  return ufi_out_shape(ctx, 0, g.input->rank, dims);
}

static uf_status fc_prepare(ufi_ctx *ctx) {
  ufi_fc_geometry g = {0};
  UFI_TRY(ufi_fc_geometry_of(ctx, &g));
  if (g.act > UFI_ACT_RELU6 && g.input->dtype != UF_FLOAT32) {
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED,
                        "expected RELU, RELU_N1_TO_1 or RELU6 fused with quantized products, found %s",
                        g.act == UFI_ACT_TANH ? "TANH" : "SIGN_BIT");
  }
  return ufi_conv_is_f32(g.input, g.filter) ? ufi_fc_f32_prepare(ctx, &g) : ufi_fc_quant_prepare(ctx, &g);
}

static uf_status fc_eval(ufi_ctx *ctx) {
  const ufi_tensor *out = ctx->out[0];
  if (ufi_fc_is_row(ctx)) return ufi_fc_row_eval(ctx);
  if (ctx->n_out > 1) memset(ctx->out[1]->data, 0, ctx->out[1]->size);
  if (out->count == 0) return UF_OK;
  if (ctx->in[1]->count == 0) { /* sums of nothing: in TFLite the bias does not count then */
    memset(out->data, 0, out->size);
    return UF_OK;
  }
  return ufi_conv_is_f32(ctx->in[0], ctx->in[1]) ? ufi_fc_f32_eval(ctx) : ufi_fc_quant_eval(ctx);
}

const ufi_op_def ufi_op_FULLY_CONNECTED = {
    .attrs_size = sizeof(ufi_fc_attrs),
    .attrs_tflite = fc_attrs,
    .infer = fc_infer,
    .prepare = fc_prepare,
    .eval = fc_eval,
};
