/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_window.h: sliding windows as TensorFlow's convolutions and pools describe them: lists of
 * sizes, strides and dilations for all dimensions of an image or a volume, in a data format, with
 * padding SAME, VALID or EXPLICIT.
 *
 * What comes out is always three axes (depth, height, width), an image being a volume of one
 * slice, so that loops exist once.
 */
#ifndef UFI_TF_WINDOW_H
#define UFI_TF_WINDOW_H

#include "ops/conv.h"

enum { UFI_TF_MAX_LIST = 10 };
typedef enum ufi_tf_padding { UFI_PAD_SAME, UFI_PAD_VALID, UFI_PAD_EXPLICIT } ufi_tf_padding;

typedef struct ufi_tf_window_attrs {
  int32_t axes;            /* 2: images, 3: volumes */
  bool channels_first;
  ufi_tf_padding padding;
  int64_t ksize[5], strides[5], dilations[5]; /* in the data format's order; 1 where there is none */
  int64_t pads[10];        /* before and after each dimension */
} ufi_tf_window_attrs;

/* Reads data_format, ksize, strides, dilations (or rates), padding and explicit_paddings, those
 * that the op has. INVALID_ARGUMENT for lists of a wrong length or values below 1. */
uf_status ufi_tf_window_attrs_of(const ufi_tf_attrs *from, int32_t axes, ufi_tf_window_attrs *out,
                                 uf_error *error) UF_MUST_USE;
/* A list of axes + 2 numbers that came as an input (MaxPoolV2). */
uf_status ufi_tf_window_list(ufi_ctx *ctx, const ufi_tensor *t, int64_t list[5]) UF_MUST_USE;

/* Output position o and tap t see input position o * stride - before + t * dilation. */
typedef struct ufi_tf_axis {
  int64_t in, out, kernel, stride, dilation, before, after;
} ufi_tf_axis;

typedef struct ufi_tf_window {
  int64_t batch, in_c, out_c, groups;
  ufi_tf_axis a[3];
} ufi_tf_window;

/* Taps [first, end) of output position `at` that lie inside the image. */
static inline void ufi_tf_axis_taps(const ufi_tf_axis *a, int64_t at, int64_t *first, int64_t *end) {
  const int64_t from = at * a->stride - a->before;
  *first = from < 0 ? UFI_MIN((-from + a->dilation - 1) / a->dilation, a->kernel) : 0;
  *end = from >= a->in ? 0 : UFI_MIN((a->in - 1 - from) / a->dilation + 1, a->kernel);
}

/* Index of the channel dimension of a tensor in the data format, and of image axis i of 3 (-1:
 * there is none). */
static inline int32_t ufi_tf_channel_dim(const ufi_tf_window_attrs *a) { return a->channels_first ? 1 : a->axes + 1; }
static inline int32_t ufi_tf_axis_dim(const ufi_tf_window_attrs *a, int32_t i) {
  return i - (3 - a->axes) < 0 ? -1 : i - (3 - a->axes) + (a->channels_first ? 2 : 1);
}

/* Batch, channels and axes from the dims of the image that windows slide over, and the window's
 * extent along each axis. */
uf_status ufi_tf_window_of(ufi_ctx *ctx, const ufi_tf_window_attrs *a, const int64_t *dims,
                           const int64_t kernel[3], ufi_tf_window *w_out) UF_MUST_USE;
/* dims of a tensor in the data format. */
void ufi_tf_window_dims(const ufi_tf_window_attrs *a, int64_t batch, const int64_t axis[3], int64_t channels,
                        int64_t dims[5]);
/* The part of a window over an image that conv.h's walkers know. */
ufi_conv_geometry ufi_tf_window_plane(const ufi_tf_window *w);

#endif
