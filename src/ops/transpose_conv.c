/* SPDX-License-Identifier: Apache-2.0
 *
 * transpose_conv.c: TRANSPOSE_CONV, the gradient of a convolution. Inputs:
 * output shape, filter (out_c, kh, kw, in_c), image, bias (optional).
 */
#include "ops/conv.h"

/* TransposeConvOptions: padding, stride_w, stride_h, fused_activation_function,
 * quantized_bias_type. */
static uf_status transpose_conv_attrs(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ufi_window_attrs *a = attrs;
  const ufi_fb_table *t = &from->options;
  a->stride_w = ufi_fb_i32(t, 1, 0);
  a->stride_h = ufi_fb_i32(t, 2, 0);
  a->dilation_w = a->dilation_h = 1;
  a->quantized_bias = ufi_quantized_bias_of(ufi_fb_i8(t, 4, 0));
  UFI_TRY(ufi_padding_of(ufi_fb_i8(t, 0, 0), &a->same, error));
  return ufi_act_of(ufi_fb_i8(t, 3, 0), &a->act, error);
}

/* Reads the shape input and checks what does not depend on strides. */
static uf_status output_shape(ufi_ctx *ctx, ufi_conv_geometry *g) {
  ufi_tensor *shape = ctx->in[0];
  int64_t dims[4] = {0};
  int32_t n = 0;
  UFI_TRY(ufi_read_ints(ctx, shape, dims, 4, &n));
  char text[UFI_SHAPE_TEXT];
  if (n != 4 || dims[0] != g->batch || dims[1] < 0 || dims[2] < 0 || dims[3] != g->out_c) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected an output shape (%lld, height, width, %lld), found %s",
                        (long long)g->batch, (long long)g->out_c, ufi_shape_text(n, dims, text));
  }
  g->out_h = dims[1];
  g->out_w = dims[2];
  return UF_OK;
}

uf_status ufi_transpose_conv_geometry_of(ufi_ctx *ctx, ufi_conv_geometry *g_out) {
  const ufi_window_attrs *a = ctx->attrs;
  ufi_conv_geometry g = {0};
  UFI_TRY(ufi_conv_image(ctx, ufi_in(ctx, 2), &g));
  UFI_TRY(ufi_conv_filter(ctx, ufi_in(ctx, 1), &g));
  g.bias = ufi_in(ctx, 3);
  g.out_c = g.filter->dims[0];
  if (g.filter->dims[3] != g.in_c) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected a filter of %lld input channels, as the image has, found %lld",
                        (long long)g.in_c, (long long)g.filter->dims[3]);
  }
  UFI_TRY(ufi_conv_bias(ctx, g.bias, g.out_c));
  UFI_TRY(output_shape(ctx, &g));
  /* The forward convolution goes from the output's shape to the input's. */
  ufi_conv_geometry forward = g;
  forward.in_h = g.out_h;
  forward.in_w = g.out_w;
  forward.may_be_empty = true;
  UFI_TRY(ufi_window_geometry(ctx, a, &forward));
  if (forward.out_h != g.in_h || forward.out_w != g.in_w) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected an output shape from which the convolution makes an input of %lldx%lld, found "
                        "%lldx%lld, from which it makes %lldx%lld",
                        (long long)g.in_h, (long long)g.in_w, (long long)g.out_h, (long long)g.out_w,
                        (long long)forward.out_h, (long long)forward.out_w);
  }
  forward.out_h = g.out_h;
  forward.out_w = g.out_w;
  forward.in_h = g.in_h;
  forward.in_w = g.in_w;
  *g_out = forward;
  return UF_OK;
}

static uf_status transpose_conv_infer(ufi_ctx *ctx) {
  if (!ufi_known(ctx, 0)) return UF_OK;
  ufi_conv_geometry g = {0};
  UFI_TRY(ufi_transpose_conv_geometry_of(ctx, &g));
  return ufi_out_shape(ctx, 0, 4, (int64_t[]){g.batch, g.out_h, g.out_w, g.out_c});
}

static uf_status transpose_conv_prepare(ufi_ctx *ctx) {
  ufi_conv_geometry g = {0};
  UFI_TRY(ufi_transpose_conv_geometry_of(ctx, &g));
  return ufi_conv_is_f32(g.input, g.filter) ? ufi_transpose_conv_f32_prepare(ctx, &g)
                                            : ufi_transpose_conv_quant_prepare(ctx, &g);
}

static uf_status transpose_conv_eval(ufi_ctx *ctx) {
  return ufi_conv_is_f32(ctx->in[2], ctx->in[1]) ? ufi_transpose_conv_f32_eval(ctx)
                                                 : ufi_transpose_conv_quant_eval(ctx);
}

const ufi_op_def ufi_op_TRANSPOSE_CONV = {
    .attrs_size = sizeof(ufi_window_attrs),
    .attrs_tflite = transpose_conv_attrs,
    .infer = transpose_conv_infer,
    .prepare = transpose_conv_prepare,
    .eval = transpose_conv_eval,
};
