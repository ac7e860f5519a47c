/* SPDX-License-Identifier: Apache-2.0
 *
 * conv.c: CONV_2D, also grouped, and the geometry of sliding windows that all
 * of conv.h's ops use.
 */
#include "ops/strips.h"

/* ---- one axis of a window --------------------------------------------------- */

bool ufi_window_axis(bool same, int64_t in, int64_t kernel, int64_t stride, int64_t dilation,
                     int64_t *out, int64_t *before, int64_t *after) {
  if (in < 0 || kernel < 1 || stride < 1 || dilation < 1 || in > INT32_MAX ||
      kernel > INT32_MAX || stride > INT32_MAX || dilation > INT32_MAX) {
    return false;
  }
  int64_t reach = (kernel - 1) * dilation + 1;
  /* Towards zero: a window that is less than a stride too large makes no output. */
  int64_t n = same ? (in + stride - 1) / stride : (in + stride - reach) / stride;
  if (n < 0) return false;
  int64_t total = UFI_MAX((n - 1) * stride + reach - in, 0);
  *out = n;
  *before = total / 2;
  *after = total - total / 2;
  return true;
}

uf_status ufi_window_geometry(ufi_ctx *ctx, const ufi_window_attrs *a, ufi_conv_geometry *g) {
  g->stride_h = a->stride_h;
  g->stride_w = a->stride_w;
  g->dilation_h = a->dilation_h;
  g->dilation_w = a->dilation_w;
  g->act = a->act;
  if (g->stride_h < 1 || g->stride_w < 1 || g->dilation_h < 1 || g->dilation_w < 1) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected strides and dilations of 1 and more, found strides %lldx%lld, "
                        "dilations %lldx%lld",
                        (long long)g->stride_h, (long long)g->stride_w, (long long)g->dilation_h,
                        (long long)g->dilation_w);
  }
  g->out_h = g->out_w = 0; /* what TFLite makes of an image that is too low: (0, width); too narrow: (0, 0) */
  bool ok = ufi_window_axis(a->same, g->in_w, g->kernel_w, g->stride_w, g->dilation_w, &g->out_w,
                            &g->pad_left, &g->pad_right) &&
            ufi_window_axis(a->same, g->in_h, g->kernel_h, g->stride_h, g->dilation_h, &g->out_h,
                            &g->pad_top, &g->pad_bottom);
  if (ok || g->may_be_empty) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                      "expected a window that fits into the image, found a %lldx%lld window with "
                      "dilation %lldx%lld on a %lldx%lld image, padding %s",
                      (long long)g->kernel_h, (long long)g->kernel_w, (long long)g->dilation_h,
                      (long long)g->dilation_w, (long long)g->in_h, (long long)g->in_w,
                      a->same ? "SAME" : "VALID");
}

uf_status ufi_conv_image(ufi_ctx *ctx, const ufi_tensor *image, ufi_conv_geometry *g) {
  UFI_TRY(ufi_want_rank(ctx, image, 4, 4));
  g->input = image;
  g->batch = image->dims[0];
  g->in_h = image->dims[1];
  g->in_w = image->dims[2];
  g->in_c = image->dims[3];
  g->groups = g->multiplier = 1;
  g->output = ctx->out[0];
  return UF_OK;
}

uf_status ufi_conv_filter(ufi_ctx *ctx, const ufi_tensor *filter, ufi_conv_geometry *g) {
  UFI_TRY(ufi_want_rank(ctx, filter, 4, 4));
  g->filter = filter;
  g->kernel_h = filter->dims[1];
  g->kernel_w = filter->dims[2];
  char shape[UFI_SHAPE_TEXT];
  if (filter->count == 0) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a filter with elements, found shape %s",
                        ufi_shape_text(4, filter->dims, shape));
  }
  if (g->in_c < 1) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an image with channels, found shape %s",
                        ufi_shape_text(4, g->input->dims, shape));
  }
  return UF_OK;
}

uf_status ufi_conv_bias(ufi_ctx *ctx, const ufi_tensor *bias, int64_t out_c) {
  if (!bias || bias->count == out_c) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                      "expected a bias of %lld elements, one per output channel, found %lld",
                      (long long)out_c, (long long)bias->count);
}

uf_status ufi_conv_want_f32(ufi_ctx *ctx, const ufi_tensor *bias, const ufi_tensor *output) {
  const ufi_tensor *wrong = bias && bias->dtype != UF_FLOAT32 ? bias
                            : output->dtype != UF_FLOAT32     ? output
                                                              : NULL;
  if (!wrong) return UF_OK;
  return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected float32 for %s '%s', found %s",
                      wrong == bias ? "the bias" : "the output", wrong->name ? wrong->name : "",
                      uf_dtype_name(wrong->dtype));
}

uf_status ufi_too_large(ufi_ctx *ctx) {
  return ufi_ctx_fail(ctx, UF_RESOURCE_EXHAUSTED,
                      "expected smaller inputs and weights, found more than memory can hold");
}

uf_status ufi_act_of(int8_t code, ufi_act *act_out, uf_error *error) {
  if (code < UFI_ACT_NONE || code > UFI_ACT_SIGN_BIT) {
    return ufi_fail(error, UF_INVALID_ARGUMENT,
                    "expected a fused activation from 0 to 5, found %d; the file is damaged or too "
                    "new", code);
  }
  *act_out = (ufi_act)code;
  return UF_OK;
}

uf_status ufi_padding_of(int8_t code, bool *same_out, uf_error *error) {
  if (code != 0 && code != 1) {
    return ufi_fail(error, UF_INVALID_ARGUMENT,
                    "expected padding 0 (SAME) or 1 (VALID), found %d; the file is damaged or too "
                    "new", code);
  }
  *same_out = code == 0;
  return UF_OK;
}

/* TensorType INT32 or INT64; FLOAT32, the default, means that nothing is said. */
uf_dtype ufi_quantized_bias_of(int8_t tensor_type) {
  return tensor_type == 2 ? UF_INT32 : tensor_type == 4 ? UF_INT64 : UF_FLOAT32;
}

/* ---- CONV_2D -------------------------------------------------------------------- */

/* Conv2DOptions: padding, stride_w, stride_h, fused_activation_function,
 * dilation_w_factor, dilation_h_factor, quantized_bias_type. */
static uf_status conv_attrs(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ufi_window_attrs *a = attrs;
  const ufi_fb_table *t = &from->options;
  a->stride_w = ufi_fb_i32(t, 1, 0);
  a->stride_h = ufi_fb_i32(t, 2, 0);
  a->dilation_w = ufi_fb_i32(t, 4, 1);
  a->dilation_h = ufi_fb_i32(t, 5, 1);
  a->quantized_bias = ufi_quantized_bias_of(ufi_fb_i8(t, 6, 0));
  UFI_TRY(ufi_padding_of(ufi_fb_i8(t, 0, 0), &a->same, error));
  return ufi_act_of(ufi_fb_i8(t, 3, 0), &a->act, error);
}

uf_status ufi_conv_geometry_of(ufi_ctx *ctx, ufi_conv_geometry *g_out) {
  ufi_conv_geometry g = {0};
  UFI_TRY(ufi_conv_image(ctx, ufi_in(ctx, 0), &g));
  UFI_TRY(ufi_conv_filter(ctx, ufi_in(ctx, 1), &g));
  g.bias = ufi_in(ctx, 2);
  g.out_c = g.filter->dims[0];
  int64_t filter_c = g.filter->dims[3];
  g.groups = g.in_c / filter_c;
  if (g.in_c % filter_c != 0 || g.out_c % g.groups != 0) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected filter input channels that divide the image's, and as many "
                        "groups that divide the filters, found %lld of %lld channels and %lld "
                        "filters",
                        (long long)filter_c, (long long)g.in_c, (long long)g.out_c);
  }
  UFI_TRY(ufi_conv_bias(ctx, g.bias, g.out_c));
  UFI_TRY(ufi_window_geometry(ctx, ctx->attrs, &g));
  *g_out = g;
  return UF_OK;
}

/* Windows at either end of an axis reach the image. */
static bool takes_pads(int64_t in, int64_t before, int64_t after, int64_t kernel, int64_t dilation) {
  return in > 0 && before <= (kernel - 1) * dilation && after <= (kernel - 1) * dilation;
}

/* The image without what was put around it, which is padding then. */
static void unpad(ufi_conv_geometry *g) {
  const ufi_tensor *padded = g->input;
  g->input = padded->seen;
  g->pad_top += padded->seen_dims[1];
  g->pad_left += padded->seen_dims[2];
  g->pad_bottom += padded->dims[1] - g->input->dims[1] - padded->seen_dims[1];
  g->pad_right += padded->dims[2] - g->input->dims[2] - padded->seen_dims[2];
  g->in_h = g->input->dims[1];
  g->in_w = g->input->dims[2];
}

bool ufi_conv_sees(ufi_conv_geometry g, int32_t k) {
  const ufi_tensor *padded = g.input;
  if (k != 0 || !padded->seen_padded) return false;
  unpad(&g);
  return padded->dims[0] == g.input->dims[0] && padded->dims[3] == g.input->dims[3] &&
         takes_pads(g.in_h, g.pad_top, g.pad_bottom, g.kernel_h, g.dilation_h) &&
         takes_pads(g.in_w, g.pad_left, g.pad_right, g.kernel_w, g.dilation_w);
}

void ufi_conv_see(ufi_conv_geometry *g) {
  if (g->input->seen && !g->input->data) unpad(g);
}

static uf_status conv_infer(ufi_ctx *ctx) {
  ufi_conv_geometry g = {0};
  UFI_TRY(ufi_conv_geometry_of(ctx, &g));
  return ufi_out_shape(ctx, 0, 4, (int64_t[]){g.batch, g.out_h, g.out_w, g.out_c});
}

static uf_status conv_prepare(ufi_ctx *ctx) {
  ufi_conv_geometry g = {0};
  UFI_TRY(ufi_conv_geometry_of(ctx, &g));
  return ufi_conv_is_f32(g.input, g.filter) ? ufi_conv_f32_prepare(ctx, &g)
                                            : ufi_conv_quant_prepare(ctx, &g);
}

static uf_status conv_eval(ufi_ctx *ctx) {
  return ufi_conv_is_f32(ctx->in[0], ctx->in[1]) ? ufi_conv_f32_eval(ctx)
                                                 : ufi_conv_quant_eval(ctx);
}

static bool conv_sees(ufi_ctx *ctx, int32_t k) {
  ufi_conv_geometry g = {0};
  return ufi_conv_geometry_of(ctx, &g) == UF_OK && ufi_conv_sees(g, k);
}

static bool conv_strips(ufi_ctx *ctx, ufi_strips *s) {
  ufi_conv_geometry g = {0};
  if (ufi_conv_geometry_of(ctx, &g) != UF_OK) return false;
  return ufi_conv_is_f32(g.input, g.filter) ? ufi_conv_f32_strips(&g, s) : ufi_conv_quant_strips(&g, s);
}

const ufi_op_def ufi_op_CONV_2D = {
    .attrs_size = sizeof(ufi_window_attrs),
    .attrs_tflite = conv_attrs,
    .infer = conv_infer,
    .prepare = conv_prepare,
    .sees = conv_sees,
    .strips = conv_strips,
    .eval = conv_eval,
};
