/* SPDX-License-Identifier: Apache-2.0
 *
 * depthwise.c: DEPTHWISE_CONV_2D. Output channel c sees input channel
 * c / multiplier alone.
 */
#include "ops/strips.h"

/* DepthwiseConv2DOptions: padding, stride_w, stride_h, depth_multiplier,
 * fused_activation_function, dilation_w_factor, dilation_h_factor. The
 * multiplier follows from the shapes, and old files have it wrong. */
static uf_status depthwise_attrs(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ufi_window_attrs *a = attrs;
  const ufi_fb_table *t = &from->options;
  a->stride_w = ufi_fb_i32(t, 1, 0);
  a->stride_h = ufi_fb_i32(t, 2, 0);
  a->dilation_w = ufi_fb_i32(t, 5, 1);
  a->dilation_h = ufi_fb_i32(t, 6, 1);
  a->quantized_bias = UF_FLOAT32;
  UFI_TRY(ufi_padding_of(ufi_fb_i8(t, 0, 0), &a->same, error));
  return ufi_act_of(ufi_fb_i8(t, 4, 0), &a->act, error);
}

uf_status ufi_depthwise_geometry_of(ufi_ctx *ctx, ufi_conv_geometry *g_out) {
  ufi_conv_geometry g = {0};
  UFI_TRY(ufi_conv_image(ctx, ufi_in(ctx, 0), &g));
  UFI_TRY(ufi_conv_filter(ctx, ufi_in(ctx, 1), &g));
  g.bias = ufi_in(ctx, 2);
  g.out_c = g.filter->dims[3];
  g.multiplier = g.out_c / g.in_c;
  if (g.filter->dims[0] != 1 || g.out_c % g.in_c != 0) {
    char shape[UFI_SHAPE_TEXT];
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected a filter (1, h, w, a multiple of the image's %lld channels), "
                        "found %s",
                        (long long)g.in_c, ufi_shape_text(4, g.filter->dims, shape));
  }
  UFI_TRY(ufi_conv_bias(ctx, g.bias, g.out_c));
  UFI_TRY(ufi_window_geometry(ctx, ctx->attrs, &g));
  *g_out = g;
  return UF_OK;
}

static uf_status depthwise_infer(ufi_ctx *ctx) {
  ufi_conv_geometry g = {0};
  UFI_TRY(ufi_depthwise_geometry_of(ctx, &g));
  return ufi_out_shape(ctx, 0, 4, (int64_t[]){g.batch, g.out_h, g.out_w, g.out_c});
}

static uf_status depthwise_prepare(ufi_ctx *ctx) {
  ufi_conv_geometry g = {0};
  UFI_TRY(ufi_depthwise_geometry_of(ctx, &g));
  return ufi_conv_is_f32(g.input, g.filter) ? ufi_depthwise_f32_prepare(ctx, &g)
                                            : ufi_depthwise_quant_prepare(ctx, &g);
}

static uf_status depthwise_eval(ufi_ctx *ctx) {
  return ufi_conv_is_f32(ctx->in[0], ctx->in[1]) ? ufi_depthwise_f32_eval(ctx)
                                                 : ufi_depthwise_quant_eval(ctx);
}

static bool depthwise_sees(ufi_ctx *ctx, int32_t k) {
  ufi_conv_geometry g = {0};
  return ufi_depthwise_geometry_of(ctx, &g) == UF_OK && ufi_conv_sees(g, k);
}

static bool depthwise_strips(ufi_ctx *ctx, ufi_strips *s) {
  ufi_conv_geometry g = {0};
  if (ufi_depthwise_geometry_of(ctx, &g) != UF_OK) return false;
  return ufi_conv_is_f32(g.input, g.filter) ? ufi_depthwise_f32_strips(&g, s) : ufi_depthwise_quant_strips(&g, s);
}

const ufi_op_def ufi_op_DEPTHWISE_CONV_2D = {
    .attrs_size = sizeof(ufi_window_attrs),
    .attrs_tflite = depthwise_attrs,
    .infer = depthwise_infer,
    .prepare = depthwise_prepare,
    .sees = depthwise_sees,
    .strips = depthwise_strips,
    .eval = depthwise_eval,
};
