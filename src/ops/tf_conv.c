/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_conv.c: TensorFlow's convolutions (images, volumes, depthwise, grouped, fused) and their
 * gradients: Conv2D, Conv3D, DepthwiseConv2dNative, *BackpropInput*, *BackpropFilter*.
 *
 * float32 goes to tf_conv_f32.c, with halves by way of it; float64, int32 and the rarer gradients
 * use the loops of tf_conv_tmpl.h. Channels-first values are turned in scratch.
 */
#include "ops/tf_conv.h"

#include <math.h>

enum { FILTER_BLOCK = 16 };

typedef struct conv_attrs {
  ufi_tf_window_attrs window;
  bool depthwise;
  bool fused_op;
  ufi_tf_fused fused;
} conv_attrs;

/* What the loops share. */
typedef struct conv_loop {
  const ufi_tf_window *w;
  const void *image, *filter, *grad;
  void *out;
} conv_loop;

/* The output position that sees input `at` at this tap; -1: none. */
static int64_t output_of(const ufi_tf_axis *a, int64_t at, int64_t tap) {
  const int64_t from = at + a->before - tap * a->dilation;
  return from < 0 || from % a->stride != 0 || from / a->stride >= a->out ? -1 : from / a->stride;
}

#define T float
#define NAME(x) x##_f32
#include "ops/tf_conv_tmpl.h"
#undef T
#undef NAME
#define T double
#define NAME(x) x##_f64
#include "ops/tf_conv_tmpl.h"
#undef T
#undef NAME
#define T uint64_t
#define NAME(x) x##_i64
#include "ops/tf_conv_tmpl.h"
#undef T
#undef NAME

/* ---- attributes ----------------------------------------------------------------- */

static uf_status conv_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  conv_attrs *a = memory;
  const bool volume = strncmp(from->op, "Conv3D", 6) == 0;
  a->depthwise = strncmp(from->op, "Depthwise", 9) == 0;
  a->fused_op = from->op[0] == '_';
  UFI_TRY(ufi_tf_window_attrs_of(from, volume ? 3 : 2, &a->window, error));
  const int32_t c = ufi_tf_channel_dim(&a->window);
  const int64_t *strides = a->window.strides, *dilations = a->window.dilations;
  if (strides[0] != 1 || strides[c] != 1 || dilations[0] != 1 || dilations[c] != 1)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected strides and dilations of 1 for batch and channels, found others");
  if (a->depthwise && strides[ufi_tf_axis_dim(&a->window, 1)] != strides[ufi_tf_axis_dim(&a->window, 2)])
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected equal strides of rows and columns, found %lld and %lld",
                    (long long)strides[ufi_tf_axis_dim(&a->window, 1)], (long long)strides[ufi_tf_axis_dim(&a->window, 2)]);
  return a->fused_op ? ufi_tf_fused_of(from, &a->fused, error) : UF_OK;
}

/* ---- geometry ---------------------------------------------------------------------- */

static uf_status wrong_shapes(ufi_ctx *ctx, int32_t rank, const int64_t *image, const int64_t *filter) {
  char a[UFI_SHAPE_TEXT], b[UFI_SHAPE_TEXT];
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                      "expected an image whose channels are the filter's, or a multiple that divides its outputs, "
                      "found shapes %s and %s", ufi_shape_text(rank, image, a), ufi_shape_text(rank, filter, b));
}

/* The window of a filter (h, w, in, out) or of a volume's (d, h, w, in, out) over an image. */
static uf_status window_of(ufi_ctx *ctx, const int64_t *image, const int64_t *filter, ufi_tf_window *w) {
  const conv_attrs *a = ctx->attrs;
  const int32_t axes = a->window.axes;
  const int64_t kernel[3] = {axes == 3 ? filter[0] : 1, filter[axes - 2], filter[axes - 1]};
  const int64_t ic = filter[axes], oc = filter[axes + 1], channels = image[ufi_tf_channel_dim(&a->window)];
  for (int32_t i = 0; i < axes + 2; i++) {
    if (image[i] < 0 || filter[i] < 0 || image[i] > INT32_MAX || filter[i] > INT32_MAX)
      return wrong_shapes(ctx, axes + 2, image, filter);
  }
  UFI_TRY(ufi_tf_window_of(ctx, &a->window, image, kernel, w));
  w->out_c = a->depthwise ? channels * oc : oc;
  w->groups = a->depthwise ? channels : ic > 0 ? channels / ic : 1;
  const bool good = a->depthwise ? ic == channels : ic > 0 && channels % ic == 0 && w->groups > 0 && oc % w->groups == 0;
  return good && kernel[0] > 0 && kernel[1] > 0 && kernel[2] > 0 ? UF_OK : wrong_shapes(ctx, axes + 2, image, filter);
}

/* Ranks of two inputs, -1: not one. */
static uf_status want_ranks(ufi_ctx *ctx, int32_t i, int32_t j) {
  const int32_t rank = ((const conv_attrs *)ctx->attrs)->window.axes + 2;
  if (i >= 0) UFI_TRY(ufi_want_rank(ctx, ctx->in[i], rank, rank));
  if (j >= 0) UFI_TRY(ufi_want_rank(ctx, ctx->in[j], rank, rank));
  return UF_OK;
}

static uf_status want_dtype(ufi_ctx *ctx, const ufi_tensor *t) {
  const conv_attrs *a = ctx->attrs;
  return ufi_tf_want_group(ctx, t, a->depthwise || a->window.axes == 3 || a->fused_op ? UFI_FLOATS : UFI_FLOATS | UFI_INT32);
}

/* ---- forward --------------------------------------------------------------------------- */

static uf_status forward_infer(ufi_ctx *ctx) {
  const conv_attrs *a = ctx->attrs;
  ufi_tf_window w;
  int64_t dims[5];
  UFI_TRY(want_dtype(ctx, ctx->in[0]));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[1]));
  UFI_TRY(want_ranks(ctx, 0, 1));
  UFI_TRY(window_of(ctx, ctx->in[0]->dims, ctx->in[1]->dims, &w));
  if (a->fused_op) UFI_TRY(ufi_tf_fused_check(ctx, &a->fused, 2, w.out_c));
  ufi_tf_window_dims(&a->window, w.batch, (int64_t[]){w.a[0].out, w.a[1].out, w.a[2].out}, w.out_c, dims);
  return ufi_out_shape(ctx, 0, a->window.axes + 2, dims);
}

/* Operations of one line of output or image. */
static int64_t line_work(const ufi_tf_window *w, int64_t pixels) {
  return pixels * w->out_c * (w->in_c / w->groups) * w->a[0].kernel * w->a[1].kernel * w->a[2].kernel;
}

void ufi_tf_conv_i64(ufi_pool *pool, const ufi_tf_window *w, const int64_t *x, const int64_t *filter, int64_t *out) {
  conv_loop c = {.w = w, .image = x, .filter = filter, .out = out};
  ufi_share(pool, forward_i64, &c, w->batch * w->a[0].out * w->a[1].out, line_work(w, w->a[2].out));
}

static uf_status forward_run(ufi_ctx *ctx, ufi_bump *bump) {
  const conv_attrs *a = ctx->attrs;
  const ufi_tensor *filter = ctx->in[1], *out = ctx->out[0];
  const bool first = a->window.channels_first;
  const uf_dtype compute = ufi_compute_dtype(out->dtype);
  ufi_tf_window w;
  UFI_TRY(window_of(ctx, ctx->in[0]->dims, filter->dims, &w));
  const void *x = ufi_stage_in(ctx, bump, ctx->in[0], compute, first);
  const void *weights = ufi_stage_in(ctx, bump, filter, compute, false);
  void *y = ufi_stage_out(bump, out, compute, first);
  if (out->count == 0) return UF_OK;
  if (compute == UF_FLOAT32) {
    const ufi_conv_tf_f32 c = {&w, x, weights, filter->dtype == UF_FLOAT32 ? filter : NULL, NULL, y};
    UFI_TRY(ufi_tf_conv_f32(ctx, bump, &c));
  } else if (bump->run) {
    conv_loop c = {.w = &w, .image = x, .filter = weights, .out = y};
    ufi_share(ctx->pool, compute == UF_FLOAT64 ? forward_f64 : forward_i64, &c, w.batch * w.a[0].out * w.a[1].out,
              line_work(&w, w.a[2].out));
  }
  if (bump->run && a->fused_op) ufi_tf_fused_run(ctx, &a->fused, 2, compute, y, out->count / w.out_c, w.out_c);
  ufi_stage_end(ctx, bump, y, out, compute, first);
  return UF_OK;
}

/* ---- gradient of the image ------------------------------------------------------------------ */

/* The image's shape from input 0: all of it, or height and width alone. */
static uf_status image_shape(ufi_ctx *ctx, int64_t dims[5]) {
  const conv_attrs *a = ctx->attrs;
  const int32_t rank = a->window.axes + 2;
  const ufi_tensor *grad = ctx->in[2], *filter = ctx->in[1];
  int64_t found[5] = {0};
  int32_t n = 0;
  UFI_TRY(ufi_read_ints(ctx, ctx->in[0], found, 5, &n));
  if (n == rank) {
    memcpy(dims, found, sizeof found);
    return UF_OK;
  }
  if (n != 2 || a->window.axes != 2 || a->depthwise)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected input_sizes of %d numbers, found %d", (int)rank, (int)n);
  ufi_tf_window_dims(&a->window, grad->dims[0], (int64_t[]){1, found[0], found[1]}, filter->dims[2], dims);
  return UF_OK;
}

/* That the gradient has the shape that the window gives. */
static uf_status check_grad(ufi_ctx *ctx, const ufi_tf_window *w) {
  const conv_attrs *a = ctx->attrs;
  int64_t want[5];
  ufi_tf_window_dims(&a->window, w->batch, (int64_t[]){w->a[0].out, w->a[1].out, w->a[2].out}, w->out_c, want);
  if (memcmp(want, ctx->in[2]->dims, (size_t)(a->window.axes + 2) * sizeof *want) == 0) return UF_OK;
  char p[UFI_SHAPE_TEXT], q[UFI_SHAPE_TEXT];
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected out_backprop of the convolution's shape %s, found %s",
                      ufi_shape_text(a->window.axes + 2, want, p), ufi_shape_text(a->window.axes + 2, ctx->in[2]->dims, q));
}

static uf_status input_infer(ufi_ctx *ctx) {
  const conv_attrs *a = ctx->attrs;
  ufi_tf_window w;
  int64_t dims[5];
  UFI_TRY(want_dtype(ctx, ctx->in[1]));
  UFI_TRY(ufi_want_same(ctx, ctx->in[1], ctx->in[2]));
  UFI_TRY(want_ranks(ctx, 1, 2));
  if (!ufi_known(ctx, 0)) return UF_OK;
  UFI_TRY(image_shape(ctx, dims));
  UFI_TRY(window_of(ctx, dims, ctx->in[1]->dims, &w));
  UFI_TRY(check_grad(ctx, &w));
  return ufi_out_shape(ctx, 0, a->window.axes + 2, dims);
}

static uf_status input_run(ufi_ctx *ctx, ufi_bump *bump) {
  const conv_attrs *a = ctx->attrs;
  const ufi_tensor *filter = ctx->in[1], *out = ctx->out[0];
  const bool first = a->window.channels_first;
  const uf_dtype compute = ufi_compute_dtype(out->dtype);
  ufi_tf_window w;
  UFI_TRY(window_of(ctx, out->dims, filter->dims, &w));
  const void *grad = ufi_stage_in(ctx, bump, ctx->in[2], compute, first);
  const void *weights = ufi_stage_in(ctx, bump, filter, compute, false);
  void *x = ufi_stage_out(bump, out, compute, first);
  if (out->count == 0) return UF_OK;
  if (compute == UF_FLOAT32 && ufi_tf_conv_f32_back_takes(&w)) {
    const ufi_conv_tf_f32 c = {&w, grad, weights, filter->dtype == UF_FLOAT32 ? filter : NULL, NULL, x};
    UFI_TRY(ufi_tf_conv_f32_back(ctx, bump, &c));
  } else if (bump->run) {
    conv_loop c = {.w = &w, .grad = grad, .filter = weights, .out = x};
    const ufi_range_fn fn = compute == UF_FLOAT32 ? input_grad_f32 : compute == UF_FLOAT64 ? input_grad_f64 : input_grad_i64;
    ufi_share(ctx->pool, fn, &c, w.batch * w.a[0].in * w.a[1].in, line_work(&w, w.a[2].in));
  }
  ufi_stage_end(ctx, bump, x, out, compute, first);
  return UF_OK;
}

/* ---- gradient of the filter -------------------------------------------------------------------- */

static uf_status filter_infer(ufi_ctx *ctx) {
  const conv_attrs *a = ctx->attrs;
  const int32_t rank = a->window.axes + 2;
  ufi_tf_window w;
  int64_t dims[5] = {0};
  int32_t n = 0;
  UFI_TRY(want_dtype(ctx, ctx->in[0]));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[2]));
  UFI_TRY(want_ranks(ctx, 0, 2));
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(ufi_read_ints(ctx, ctx->in[1], dims, 5, &n));
  if (n != rank) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected filter_sizes of %d numbers, found %d", (int)rank, (int)n);
  UFI_TRY(window_of(ctx, ctx->in[0]->dims, dims, &w));
  UFI_TRY(check_grad(ctx, &w));
  return ufi_out_shape(ctx, 0, rank, dims);
}

static uf_status filter_run(ufi_ctx *ctx, ufi_bump *bump) {
  const conv_attrs *a = ctx->attrs;
  const ufi_tensor *out = ctx->out[0];
  const bool first = a->window.channels_first;
  const uf_dtype compute = ufi_compute_dtype(out->dtype);
  ufi_tf_window w;
  UFI_TRY(window_of(ctx, ctx->in[0]->dims, out->dims, &w));
  const void *x = ufi_stage_in(ctx, bump, ctx->in[0], compute, first);
  const void *grad = ufi_stage_in(ctx, bump, ctx->in[2], compute, first);
  void *filter = ufi_stage_out(bump, out, compute, false);
  if (out->count == 0) return UF_OK;
  if (bump->run) {
    const int64_t ic = w.in_c / w.groups, blocks = (ic + FILTER_BLOCK - 1) / FILTER_BLOCK;
    conv_loop c = {.w = &w, .image = x, .grad = grad, .out = filter};
    const ufi_range_fn fn = compute == UF_FLOAT32 ? filter_grad_f32 : compute == UF_FLOAT64 ? filter_grad_f64 : filter_grad_i64;
    ufi_share(ctx->pool, fn, &c, w.a[0].kernel * w.a[1].kernel * w.a[2].kernel * blocks,
              w.batch * w.a[0].out * w.a[1].out * w.a[2].out * UFI_MIN(ic, (int64_t)FILTER_BLOCK) * w.out_c);
  }
  ufi_stage_end(ctx, bump, filter, out, compute, false);
  return UF_OK;
}

UFI_STAGED_DEF(TF_CONV_2D, forward, conv_attrs, conv_tf);
UFI_STAGED_DEF(CONV_2D_BACKPROP_INPUT, input, conv_attrs, conv_tf);
UFI_STAGED_DEF(CONV_2D_BACKPROP_FILTER, filter, conv_attrs, conv_tf);
