/* SPDX-License-Identifier: Apache-2.0
 *
 * custom_pool.c: pooling that tells where each maximum was, and the way back.
 *
 *   MaxPoolingWithArgmax2D   MediaPipe's: options are the bytes of TFLite's pool parameters; a place is
 *                            counted within its window, as a float, 0.1 added
 *   MaxPoolWithArgmax        TFLite's: options are a FlexBuffer; a place is counted in the image, as an int32
 *   MaxUnpooling2D           of both: dtypes of the places tell them apart
 */
#include <float.h>

#include "base/threads.h"
#include "format/flexbuffer.h"
#include "ops/conv.h"

/* TfLitePoolParams: padding (1 SAME, 2 VALID), stride_width, stride_height, filter_width, filter_height,
 * activation, and what the runtime computes. */
enum { PADDING, STRIDE_W, STRIDE_H, FILTER_W, FILTER_H, ACTIVATION, POOL_INTS };

static uf_status pool_struct(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ufi_window_attrs *a = attrs;
  int32_t ints[POOL_INTS] = {0};
  if (from->custom_size < sizeof ints) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected options of at least %zu bytes, found %zu", sizeof ints, from->custom_size);
  }
  memcpy(ints, from->custom, sizeof ints);
  if (ints[PADDING] != 1 && ints[PADDING] != 2) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected padding 1 (SAME) or 2 (VALID), found %d", (int)ints[PADDING]);
  }
  *a = (ufi_window_attrs){.same = ints[PADDING] == 1, .stride_h = ints[STRIDE_H], .stride_w = ints[STRIDE_W], .dilation_h = 1,
                          .dilation_w = 1, .filter_h = ints[FILTER_H], .filter_w = ints[FILTER_W]};
  return ufi_act_of(ints[ACTIVATION] >= 0 && ints[ACTIVATION] < 128 ? (int8_t)ints[ACTIVATION] : -1, &a->act, error);
}

/* [1, h, w, 1] */
static uf_status read_pair(const ufi_flex *map, const char *key, int32_t *h, int32_t *w, uf_error *error) {
  int64_t v[4];
  ufi_flex list = ufi_flex_get(map, key);
  bool good = ufi_flex_count(&list) == 4;
  for (size_t i = 0; i < 4; i++) {
    ufi_flex e = ufi_flex_at(&list, i);
    v[i] = ufi_flex_int(&e, 0);
    good = good && v[i] >= 1 && v[i] <= INT32_MAX;
  }
  if (!good || v[0] != 1 || v[3] != 1) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected an option '%s' of the form [1, height, width, 1], found another", key);
  }
  *h = (int32_t)v[1];
  *w = (int32_t)v[2];
  return UF_OK;
}

static uf_status pool_flex(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ufi_window_attrs *a = attrs;
  ufi_flex map = ufi_flex_root(from->custom, from->custom_size), padding = ufi_flex_get(&map, "padding");
  ufi_flex batch = ufi_flex_get(&map, "include_batch_in_index");
  size_t size = 0;
  const uint8_t *text = ufi_flex_bytes(&padding, &size);
  *a = (ufi_window_attrs){.dilation_h = 1, .dilation_w = 1, .act = UFI_ACT_NONE};
  a->same = text && size == 4 && memcmp(text, "SAME", 4) == 0;
  if (!a->same && !(text && size == 5 && memcmp(text, "VALID", 5) == 0)) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected an option 'padding' that is SAME or VALID, found '%.*s'", (int)UFI_MIN(size, (size_t)40),
                    text ? (const char *)text : "");
  }
  if (ufi_flex_int(&batch, 0) != 0) {
    return ufi_fail(error, UF_UNIMPLEMENTED, "expected places that do not count the batch, found include_batch_in_index set");
  }
  UFI_TRY(read_pair(&map, "ksize", &a->filter_h, &a->filter_w, error));
  return read_pair(&map, "strides", &a->stride_h, &a->stride_w, error);
}

/* ---- down -------------------------------------------------------------------------------- */

static uf_status geometry(ufi_ctx *ctx, ufi_conv_geometry *g) {
  const ufi_window_attrs *a = ctx->attrs;
  *g = (ufi_conv_geometry){.kernel_h = a->filter_h, .kernel_w = a->filter_w};
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_conv_image(ctx, ctx->in[0], g));
  return ufi_window_geometry(ctx, a, g);
}

static uf_status argmax_infer(ufi_ctx *ctx, uf_dtype places) {
  ufi_conv_geometry g;
  UFI_TRY(geometry(ctx, &g));
  if (places == UF_INT32 && g.in_h * g.in_w > INT32_MAX / UFI_MAX(g.in_c, 1)) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an image of at most 2^31 - 1 elements, found %lldx%lldx%lld", (long long)g.in_h,
                        (long long)g.in_w, (long long)g.in_c);
  }
  const int64_t dims[4] = {g.batch, g.out_h, g.out_w, g.in_c};
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_FLOAT32));
  UFI_TRY(ufi_out_dtype(ctx, 1, places));
  UFI_TRY(ufi_out_shape(ctx, 0, 4, dims));
  return ufi_out_shape(ctx, 1, 4, dims);
}

static uf_status window_argmax_infer(ufi_ctx *ctx) { return argmax_infer(ctx, UF_FLOAT32); }
static uf_status image_argmax_infer(ufi_ctx *ctx) { return argmax_infer(ctx, UF_INT32); }

typedef struct pooling {
  ufi_conv_geometry g;
  const float *x;
  float *y;
  float *in_window;      /* one of these */
  int32_t *in_image;
  float low, high;
} pooling;

/* The maxima over one window for all channels; taps in rows. */
static void one_window(const pooling *p, const float *image, int64_t y0, int64_t x0, float *y, float *in_window, int32_t *in_image) {
  const ufi_conv_geometry *g = &p->g;
  for (int64_t c = 0; c < g->in_c; c++) {
    y[c] = -FLT_MAX;
    if (in_window) in_window[c] = 0.1f;
    else in_image[c] = (int32_t)c;
  }
  for (int64_t ty = UFI_MAX(0, -y0); ty < UFI_MIN(g->kernel_h, g->in_h - y0); ty++) {
    for (int64_t tx = UFI_MAX(0, -x0); tx < UFI_MIN(g->kernel_w, g->in_w - x0); tx++) {
      const float *from = image + ((y0 + ty) * g->in_w + x0 + tx) * g->in_c;
      const float tap = (float)(ty * g->kernel_w + tx) + 0.1f;
      const int32_t base = in_image ? (int32_t)(((y0 + ty) * g->in_w + x0 + tx) * g->in_c) : 0;
      for (int64_t c = 0; c < g->in_c; c++) {
        if (!(from[c] > y[c])) continue;
        y[c] = from[c];
        if (in_window) in_window[c] = tap;
        else in_image[c] = base + (int32_t)c;
      }
    }
  }
  for (int64_t c = 0; c < g->in_c; c++) y[c] = UFI_MIN(UFI_MAX(y[c], p->low), p->high);
}

static void pool_rows(void *context, size_t begin, size_t end) {
  const pooling *p = context;
  const ufi_conv_geometry *g = &p->g;
  for (size_t row = begin; row < end; row++) {
    const int64_t b = (int64_t)row / g->out_h, y0 = (int64_t)row % g->out_h * g->stride_h - g->pad_top;
    const float *image = p->x + b * g->in_h * g->in_w * g->in_c;
    for (int64_t x = 0; x < g->out_w; x++) {
      const int64_t at = ((int64_t)row * g->out_w + x) * g->in_c;
      one_window(p, image, y0, x * g->stride_w - g->pad_left, p->y + at, p->in_window ? p->in_window + at : NULL,
                 p->in_image ? p->in_image + at : NULL);
    }
  }
}

static uf_status argmax_eval(ufi_ctx *ctx) {
  const ufi_window_attrs *a = ctx->attrs;
  pooling p = {.x = ctx->in[0]->data, .y = ctx->out[0]->data};
  UFI_TRY(geometry(ctx, &p.g));
  if (ctx->out[1]->dtype == UF_INT32) p.in_image = ctx->out[1]->data;
  else p.in_window = ctx->out[1]->data;
  ufi_act_range_f32(a->act, &p.low, &p.high);
  if (ctx->out[0]->count > 0) ufi_parallel_ranges(ctx->pool, pool_rows, &p, (size_t)(p.g.batch * p.g.out_h), 4);
  return UF_OK;
}

const ufi_op_def ufi_op_MAX_POOLING_WITH_ARGMAX_2D = {
  .attrs_size = sizeof(ufi_window_attrs), .attrs_tflite = pool_struct, .infer = window_argmax_infer, .eval = argmax_eval,
};
const ufi_op_def ufi_op_MAX_POOL_WITH_ARGMAX = {
  .attrs_size = sizeof(ufi_window_attrs), .attrs_tflite = pool_flex, .infer = image_argmax_infer, .eval = argmax_eval,
};

/* ---- up ------------------------------------------------------------------------------------ */

/* Extent of the image that was pooled, by each of the two ops. */
static int64_t unpooled(const ufi_window_attrs *a, bool in_window, int64_t n, int64_t stride, int64_t filter) {
  if (in_window) return n * filter;
  return a->same ? n * stride : (n - 1) * stride + filter;
}

static uf_status unpool_infer(ufi_ctx *ctx) {
  const ufi_window_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *places = ctx->in[1];
  char p[512], q[512];
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, UF_FLOAT32, UF_INT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, in, 4, 4));
  if (places->rank != 4 || memcmp(places->dims, in->dims, 4 * sizeof *in->dims) != 0) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected as many places as values, found %s and %s", ufi_tensor_text(places, p),
                        ufi_tensor_text(in, q));
  }
  if (a->stride_h < 1 || a->stride_w < 1 || a->filter_h < 1 || a->filter_w < 1) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a stride and a window of 1 and more, found %dx%d and %dx%d", (int)a->stride_h,
                        (int)a->stride_w, (int)a->filter_h, (int)a->filter_w);
  }
  const bool in_window = places->dtype == UF_FLOAT32;
  const int64_t dims[4] = {in->dims[0], UFI_MAX(unpooled(a, in_window, in->dims[1], a->stride_h, a->filter_h), 0),
                           UFI_MAX(unpooled(a, in_window, in->dims[2], a->stride_w, a->filter_w), 0), in->dims[3]};
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_FLOAT32));
  return ufi_out_shape(ctx, 0, 4, dims);
}

static int64_t pad_before(int64_t in, int64_t out, int64_t stride, int64_t filter) {
  return UFI_MAX((in - 1) * stride + filter - out, 0) / 2;
}

/* Places within a window: those that lead out of the image are left out. */
static void unpool_windows(const ufi_window_attrs *a, const ufi_tensor *in, const float *places, const ufi_tensor *out) {
  const int64_t h = in->dims[1], w = in->dims[2], c = in->dims[3], out_h = out->dims[1], out_w = out->dims[2];
  const int64_t top = pad_before(h, out_h, a->stride_h, a->filter_h), left = pad_before(w, out_w, a->stride_w, a->filter_w);
  const float *x = in->data;
  float *y = out->data;
  for (int64_t i = 0; i < in->count; i++) {
    const float place = places[i];
    if (!(place > -1e9f && place < 1e9f)) continue;
    const int64_t pixel = i / c, tap = (int64_t)place;
    const int64_t to_y = pixel / w % h * a->stride_h - top + tap / a->filter_w, to_x = pixel % w * a->stride_w - left + tap % a->filter_w;
    if (to_y < 0 || to_y >= out_h || to_x < 0 || to_x >= out_w) continue;
    y[((pixel / (w * h) * out_h + to_y) * out_w + to_x) * c + i % c] = x[i];
  }
}

static uf_status unpool_image(ufi_ctx *ctx, const ufi_tensor *in, const int32_t *places, const ufi_tensor *out) {
  const int64_t each = in->dims[0] ? in->count / in->dims[0] : 0, size = out->dims[0] ? out->count / out->dims[0] : 0;
  const float *x = in->data;
  float *y = out->data;
  for (int64_t i = 0; i < in->count; i++) {
    if (places[i] < 0 || places[i] >= size) {
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected places in an image of %lld elements, found %d", (long long)size, (int)places[i]);
    }
    y[i / each * size + places[i]] = x[i];
  }
  return UF_OK;
}

static uf_status unpool_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *places = ctx->in[1], *out = ctx->out[0];
  if (out->size > 0) memset(out->data, 0, out->size);
  if (places->dtype == UF_INT32) return unpool_image(ctx, in, places->data, out);
  unpool_windows(ctx->attrs, in, places->data, out);
  return UF_OK;
}

const ufi_op_def ufi_op_MAX_UNPOOLING_2D = {
  .attrs_size = sizeof(ufi_window_attrs), .attrs_tflite = pool_struct, .infer = unpool_infer, .eval = unpool_eval,
};
