/* SPDX-License-Identifier: Apache-2.0
 *
 * pool.c: AVERAGE_POOL_2D, MAX_POOL_2D, L2_POOL_2D. Taps outside the image do
 * not count.
 */
#include "ops/conv.h"

/* Pool2DOptions: padding, stride_w, stride_h, filter_width, filter_height,
 * fused_activation_function. */
static uf_status pool_attrs(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ufi_window_attrs *a = attrs;
  const ufi_fb_table *t = &from->options;
  a->stride_w = ufi_fb_i32(t, 1, 0);
  a->stride_h = ufi_fb_i32(t, 2, 0);
  a->filter_w = ufi_fb_i32(t, 3, 0);
  a->filter_h = ufi_fb_i32(t, 4, 0);
  a->dilation_w = a->dilation_h = 1;
  a->quantized_bias = UF_FLOAT32;
  UFI_TRY(ufi_padding_of(ufi_fb_i8(t, 0, 0), &a->same, error));
  return ufi_act_of(ufi_fb_i8(t, 5, 0), &a->act, error);
}

uf_status ufi_pool_geometry_of(ufi_ctx *ctx, ufi_conv_geometry *g_out) {
  const ufi_window_attrs *a = ctx->attrs;
  ufi_conv_geometry g = {0};
  UFI_TRY(ufi_conv_image(ctx, ufi_in(ctx, 0), &g));
  g.out_c = g.in_c;
  g.kernel_h = a->filter_h;
  g.kernel_w = a->filter_w;
  if (g.kernel_h < 1 || g.kernel_w < 1) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a window of 1x1 and more, found %lldx%lld",
                        (long long)g.kernel_h, (long long)g.kernel_w);
  }
  g.may_be_empty = true;
  UFI_TRY(ufi_window_geometry(ctx, a, &g));
  *g_out = g;
  return UF_OK;
}

static uf_status pool_infer(ufi_ctx *ctx) {
  ufi_conv_geometry g = {0};
  UFI_TRY(ufi_pool_geometry_of(ctx, &g));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->out[0]));
  return ufi_out_shape(ctx, 0, 4, (int64_t[]){g.batch, g.out_h, g.out_w, g.out_c});
}

static uf_status pool_prepare(ufi_ctx *ctx, ufi_pool_kind kind) {
  ufi_conv_geometry g = {0};
  UFI_TRY(ufi_pool_geometry_of(ctx, &g));
  if (g.input->dtype == UF_FLOAT32) return ufi_pool_f32_prepare(ctx, &g, kind);
  if (kind == UFI_POOL_L2) UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INVALID));
  return ufi_pool_quant_prepare(ctx, &g, kind);
}

static uf_status pool_eval(ufi_ctx *ctx, ufi_pool_kind kind) {
  return ctx->in[0]->dtype == UF_FLOAT32 ? ufi_pool_f32_eval(ctx, kind)
                                         : ufi_pool_quant_eval(ctx, kind);
}

#define POOL(NAME, prefix, kind)                                                       \
  static uf_status prefix##_prepare(ufi_ctx *ctx) { return pool_prepare(ctx, kind); }   \
  static uf_status prefix##_eval(ufi_ctx *ctx) { return pool_eval(ctx, kind); }         \
  const ufi_op_def ufi_op_##NAME = {                                                    \
      .attrs_size = sizeof(ufi_window_attrs),                                           \
      .attrs_tflite = pool_attrs,                                                       \
      .infer = pool_infer,                                                              \
      .prepare = prefix##_prepare,                                                      \
      .eval = prefix##_eval,                                                            \
  };

POOL(AVERAGE_POOL_2D, average, UFI_POOL_AVERAGE)
POOL(MAX_POOL_2D, max, UFI_POOL_MAX)
POOL(L2_POOL_2D, l2, UFI_POOL_L2)
