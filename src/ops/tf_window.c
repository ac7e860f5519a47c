/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_window.c: TensorFlow's windows. Output extents and paddings are those of
 * GetWindowedOutputSizeVerbose (tensorflow/core/framework/kernel_shape_util.cc):
 *
 *   SAME      out = ceil(in / stride); padding as needed, the odd one behind
 *   VALID     out = ceil((in - reach + 1) / stride), reach = (kernel - 1) * dilation + 1
 *   EXPLICIT  the same of in + before + after
 */
#include "ops/tf_window.h"

/* ---- attributes ---------------------------------------------------------------- */

static uf_status read_list(const ufi_tf_attrs *from, const char *name, int32_t n, int64_t list[5], uf_error *error) {
  int64_t found[UFI_TF_MAX_LIST];
  int32_t count;
  for (int32_t i = 0; i < 5; i++) list[i] = 1;
  if (!ufi_tf_attr(from, name)) return UF_OK;
  UFI_TRY(ufi_tf_copy_ints(from, name, UFI_TF_MAX_LIST, found, &count, error));
  if (count != n)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected %d numbers in '%s', found %d", (int)n, name, (int)count);
  for (int32_t i = 0; i < n; i++) {
    if (found[i] < 1 || found[i] > INT32_MAX)
      return ufi_fail(error, UF_INVALID_ARGUMENT, "expected '%s' of numbers above 0, found %lld", name,
                      (long long)found[i]);
    list[i] = found[i];
  }
  return UF_OK;
}

static uf_status read_pads(const ufi_tf_attrs *from, ufi_tf_window_attrs *a, uf_error *error) {
  const int32_t n = 2 * (a->axes + 2);
  int32_t count;
  UFI_TRY(ufi_tf_copy_ints(from, "explicit_paddings", UFI_TF_MAX_LIST, a->pads, &count, error));
  if (count != (a->padding == UFI_PAD_EXPLICIT ? n : 0))
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected %d explicit paddings, found %d",
                    a->padding == UFI_PAD_EXPLICIT ? (int)n : 0, (int)count);
  const int32_t c = 2 * ufi_tf_channel_dim(a);
  for (int32_t i = 0; i < count; i++) {
    const bool still = i < 2 || i == c || i == c + 1;
    if (a->pads[i] < 0 || a->pads[i] > INT32_MAX || (still && a->pads[i] != 0))
      return ufi_fail(error, UF_INVALID_ARGUMENT,
                      "expected paddings of 0 or more, of images' axes alone, found %lld at %d",
                      (long long)a->pads[i], (int)i);
  }
  return UF_OK;
}

uf_status ufi_tf_window_attrs_of(const ufi_tf_attrs *from, int32_t axes, ufi_tf_window_attrs *a, uf_error *error) {
  static const char *const images[] = {"NHWC", "NCHW", NULL};
  static const char *const volumes[] = {"NDHWC", "NCDHW", NULL};
  static const char *const paddings[] = {"SAME", "VALID", "EXPLICIT", NULL};
  int32_t format = 0, padding = 0;
  if (ufi_tf_attr(from, "data_format"))
    UFI_TRY(ufi_tf_choice(from, "data_format", axes == 3 ? volumes : images, &format, error));
  UFI_TRY(ufi_tf_choice(from, "padding", paddings, &padding, error));
  a->axes = axes;
  a->channels_first = format == 1;
  a->padding = (ufi_tf_padding)padding;
  UFI_TRY(read_list(from, "ksize", axes + 2, a->ksize, error));
  UFI_TRY(read_list(from, "strides", axes + 2, a->strides, error));
  UFI_TRY(read_list(from, ufi_tf_attr(from, "rates") ? "rates" : "dilations", axes + 2, a->dilations, error));
  if (!ufi_tf_attr(from, "explicit_paddings") && a->padding != UFI_PAD_EXPLICIT) return UF_OK;
  return read_pads(from, a, error);
}

uf_status ufi_tf_window_list(ufi_ctx *ctx, const ufi_tensor *t, int64_t list[5]) {
  int32_t n = 0;
  for (int32_t i = 0; i < 5; i++) list[i] = 1;
  UFI_TRY(ufi_read_ints(ctx, t, list, 4, &n));
  for (int32_t i = 0; i < 4; i++) {
    if (n != 4 || list[i] < 1)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected 4 sizes above 0 in '%s', found %d of which one is %lld",
                          t->name ? t->name : "", (int)n, (long long)list[i]);
  }
  return UF_OK;
}

/* ---- geometry --------------------------------------------------------------------- */

static bool axis_of(const ufi_tf_window_attrs *a, int32_t dim, ufi_tf_axis *x) {
  const int64_t reach = (x->kernel - 1) * x->dilation + 1;
  int64_t room = x->in;
  x->before = x->after = 0;
  if (a->padding == UFI_PAD_SAME) {
    x->out = (x->in + x->stride - 1) / x->stride;
    const int64_t total = UFI_MAX((x->out - 1) * x->stride + reach - x->in, 0);
    x->before = total / 2;
    x->after = total - total / 2;
    return true;
  }
  if (a->padding == UFI_PAD_EXPLICIT && dim >= 0) {
    x->before = a->pads[2 * dim];
    x->after = a->pads[2 * dim + 1];
    room += x->before + x->after;
  }
  if (room + x->stride < reach) return false;
  x->out = (room - reach + x->stride) / x->stride;
  return true;
}

uf_status ufi_tf_window_of(ufi_ctx *ctx, const ufi_tf_window_attrs *a, const int64_t *dims, const int64_t kernel[3],
                           ufi_tf_window *w_out) {
  ufi_tf_window w = {.batch = dims[0], .in_c = dims[ufi_tf_channel_dim(a)], .groups = 1};
  w.out_c = w.in_c;
  for (int32_t i = 0; i < 3; i++) {
    const int32_t dim = ufi_tf_axis_dim(a, i);
    w.a[i] = (ufi_tf_axis){.in = dim < 0 ? 1 : dims[dim], .kernel = kernel[i], .stride = dim < 0 ? 1 : a->strides[dim],
                        .dilation = dim < 0 ? 1 : a->dilations[dim]};
    ufi_tf_axis *x = &w.a[i];
    if (x->in > INT32_MAX || x->kernel > INT32_MAX || x->in < 0 || x->kernel < 0 || !axis_of(a, dim, x))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                          "expected a window that fits into the image, found one of %lld with dilation %lld and "
                          "stride %lld on %lld, which would leave an output of negative size",
                          (long long)x->kernel, (long long)x->dilation, (long long)x->stride, (long long)x->in);
  }
  *w_out = w;
  return UF_OK;
}

void ufi_tf_window_dims(const ufi_tf_window_attrs *a, int64_t batch, const int64_t axis[3], int64_t channels,
                        int64_t dims[5]) {
  dims[0] = batch;
  dims[ufi_tf_channel_dim(a)] = channels;
  for (int32_t i = 3 - a->axes; i < 3; i++) dims[ufi_tf_axis_dim(a, i)] = axis[i];
}

ufi_conv_geometry ufi_tf_window_plane(const ufi_tf_window *w) {
  const ufi_tf_axis *h = &w->a[1], *x = &w->a[2];
  return (ufi_conv_geometry){
      .batch = w->batch, .in_h = h->in, .in_w = x->in, .in_c = w->in_c, .out_h = h->out, .out_w = x->out,
      .out_c = w->out_c, .kernel_h = h->kernel, .kernel_w = x->kernel, .stride_h = h->stride, .stride_w = x->stride,
      .dilation_h = h->dilation, .dilation_w = x->dilation, .pad_top = h->before, .pad_left = x->before,
      .pad_bottom = h->after, .pad_right = x->after, .groups = w->groups, .multiplier = 1};
}
