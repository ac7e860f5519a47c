/* SPDX-License-Identifier: Apache-2.0
 *
 * resize.c: RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR of images (batch,
 * height, width, channels).
 *
 * Output position p lies at p * scale of the input, or with half-pixel centres
 * at (p + 0.5) * scale - 0.5; scale is in / out, or (in - 1) / (out - 1) when the
 * corners are aligned. Which columns an output column mixes, and by what
 * weights, is worked out once per call into scratch; rows are shared among
 * threads. float32 and uint8 compute in float32; int8 and int16 in fixed point
 * with 10 fraction bits a direction. The order of operations is TFLite's, so
 * that results are equal bit for bit.
 */
#include <math.h>

#include "ops/move.h"

typedef struct resize_attrs {
  bool align_corners, half_pixel;
  bool may_vanish;        /* a new height or width of 0 is fine */
} resize_attrs;

/* The fields' numbers: the bilinear table begins with two deprecated ones. */
static uf_status bilinear_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  resize_attrs *a = memory;
  a->align_corners = ufi_fb_bool(&from->options, 2, false);
  a->half_pixel = ufi_fb_bool(&from->options, 3, false);
  return UF_OK;
}

static uf_status nearest_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  resize_attrs *a = memory;
  a->align_corners = ufi_fb_bool(&from->options, 0, false);
  a->half_pixel = ufi_fb_bool(&from->options, 1, false);
  a->may_vanish = true;
  return UF_OK;
}

/* TensorFlow's nearest; bilinear there rounds otherwise (tf_resize.c). */
static uf_status nearest_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  resize_attrs *a = memory;
  a->align_corners = ufi_tf_bool(from, "align_corners");
  a->half_pixel = ufi_tf_bool(from, "half_pixel_centers");
  if (a->align_corners && a->half_pixel)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected align_corners or half_pixel_centers, found both");
  return UF_OK;
}

/* Pixels are numbered in 32 bits, as a .tflite file counts them. */
static uf_status want_small_tf(ufi_ctx *ctx) {
  const int64_t h = ctx->in[0]->dims[1], w = ctx->in[0]->dims[2];
  if (h <= INT32_MAX && w <= INT32_MAX) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an image below 2^31 x 2^31, found %lld x %lld", (long long)h,
                      (long long)w);
}

static uf_status resize_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  const int64_t least = ((const resize_attrs *)ctx->attrs)->may_vanish ? 0 : 1;
  int64_t size[2];
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, in, 4, 4));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 1, 1));
  UFI_TRY(ufi_out_dtype(ctx, 0, in->dtype));
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[1], 2, size));
  if (size[0] < least || size[1] < least)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a new size of %lld x %lld or more, found %lld x %lld",
                        (long long)least, (long long)least, (long long)size[0], (long long)size[1]);
  UFI_TRY(want_small_tf(ctx));
  int64_t dims[4] = {in->dims[0], size[0], size[1], in->dims[3]};
  if (in->count == 0 && dims[0] && dims[1] && dims[2] && dims[3])
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an image of 1 x 1 or more, found %lld x %lld",
                        (long long)in->dims[1], (long long)in->dims[2]);
  return ufi_out_shape(ctx, 0, 4, dims);
}

static uf_status bilinear_infer(ufi_ctx *ctx) {
  const resize_attrs *a = ctx->attrs;
  if (a->align_corners && a->half_pixel)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected align_corners or half_pixel_centers, found both");
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_UINT8, UF_INT8, UF_INT16, UF_INVALID));
  return resize_infer(ctx);
}

/* ---- bilinear ------------------------------------------------------------------------- */

/* Two neighbours and how far the point is from the first: a fraction in f, or
 * in 1/1024 in i. Half-pixel centres can lie outside; then the neighbours are
 * the same pixel, and it does not matter that the fraction is negative. */
typedef struct tap {
  int32_t low, high;
  union { float f; int32_t i; } t;
} tap;

static tap float_tap(const resize_attrs *a, int64_t p, int64_t in, int64_t out) {
  float scale = (float)in / (float)out;
  if (a->align_corners && out > 1) scale = (float)(in - 1) / (float)(out - 1);
  float at = a->half_pixel ? ((float)p + 0.5f) * scale - 0.5f : (float)p * scale;
  /* Rounding may not lead outside. */
  tap r = {.low = (int32_t)UFI_MIN(UFI_MAX((int64_t)floorf(at), 0), in - 1),
           .high = (int32_t)UFI_MIN((int64_t)ceilf(at), in - 1)};
  r.t.f = at - (float)r.low;
  return r;
}

static tap fixed_tap(const resize_attrs *a, int64_t p, int64_t in, int64_t out) {
  int64_t scale = (1024 * in + out / 2) / out;
  if (a->align_corners && out > 1) scale = (1024 * (in - 1) + (out - 1) / 2) / (out - 1);
  int64_t at = a->half_pixel ? p * scale + scale / 2 - 512 : p * scale;
  tap r = {.low = (int32_t)UFI_MIN(UFI_MAX(at / 1024, 0), in - 1),
           .high = (int32_t)UFI_MIN((at + 1023) / 1024, in - 1)};
  /* Beyond 1024 both neighbours are the last pixel: any weight gives its value. */
  r.t.i = (int32_t)UFI_MIN(at - 1024 * r.low, 1024);
  return r;
}

/* Two rows of the input mixed into one of the output. */
#define FLOAT_LINE(name, type, rounding)                                                            \
  static void name(type *restrict out, const type *restrict top, const type *restrict bottom, tap y, \
                   const tap *columns, int64_t width, int64_t depth) {                              \
    float ty = y.t.f, sy = 1.0f - ty;                                                               \
    for (int64_t x = 0; x < width; x++, out += depth) {                                             \
      float tx = columns[x].t.f, sx = 1.0f - tx;                                                    \
      const type *a = top + columns[x].low * depth, *b = bottom + columns[x].low * depth;           \
      const type *c = top + columns[x].high * depth, *d = bottom + columns[x].high * depth;         \
      for (int64_t i = 0; i < depth; i++)                                                           \
        out[i] = (type)((float)a[i] * sy * sx + (float)b[i] * ty * sx + (float)c[i] * sy * tx +     \
                        (float)d[i] * ty * tx + rounding);                                          \
    }                                                                                               \
  }

/* wide holds a value times 2^20; halves are rounded away from 0. */
#define FIXED_LINE(name, type, wide)                                                                \
  static void name(type *restrict out, const type *restrict top, const type *restrict bottom, tap y, \
                   const tap *columns, int64_t width, int64_t depth) {                              \
    wide ty = y.t.i, sy = 1024 - ty;                                                                \
    for (int64_t x = 0; x < width; x++, out += depth) {                                             \
      wide tx = columns[x].t.i, sx = 1024 - tx;                                                     \
      const type *a = top + columns[x].low * depth, *b = bottom + columns[x].low * depth;           \
      const type *c = top + columns[x].high * depth, *d = bottom + columns[x].high * depth;         \
      for (int64_t i = 0; i < depth; i++) {                                                         \
        wide sum = a[i] * sy * sx + b[i] * ty * sx + c[i] * sy * tx + d[i] * ty * tx;               \
        out[i] = (type)((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));                      \
      }                                                                                             \
    }                                                                                               \
  }

FLOAT_LINE(line_f32, float, 0.0f)
FLOAT_LINE(line_u8, uint8_t, 0.5f)
FIXED_LINE(line_s8, int8_t, int32_t)
FIXED_LINE(line_s16, int16_t, int64_t)

/* Output rows [begin, end) of all images. */
static void bilinear_rows(void *context, size_t begin, size_t end) {
  ufi_ctx *ctx = context;
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  const tap *columns = ctx->scratch;
  int64_t h = in->dims[1], w = in->dims[2], width = out->dims[2], depth = out->dims[3];
  bool fixed = in->dtype == UF_INT8 || in->dtype == UF_INT16;
  for (int64_t r = (int64_t)begin; r < (int64_t)end; r++) {
    int64_t image = r / out->dims[1] * h, p = r % out->dims[1];
    tap y = (fixed ? fixed_tap : float_tap)(ctx->attrs, p, h, out->dims[1]);
    int64_t top = (image + y.low) * w * depth, bottom = (image + y.high) * w * depth;
    int64_t to = r * width * depth;
#define LINE(line, type)                                                                       \
  line((type *)out->data + to, (const type *)in->data + top, (const type *)in->data + bottom, \
       y, columns, width, depth)
    switch (in->dtype) {
      case UF_FLOAT32: LINE(line_f32, float); break;
      case UF_UINT8: LINE(line_u8, uint8_t); break;
      case UF_INT8: LINE(line_s8, int8_t); break;
      default: LINE(line_s16, int16_t); break;
    }
#undef LINE
  }
}

static uf_status bilinear_prepare(ufi_ctx *ctx) {
  if (ctx->out[0]->count) ufi_want_scratch(ctx, (size_t)ctx->out[0]->dims[2] * sizeof(tap));
  return UF_OK;
}

static uf_status bilinear_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  tap *columns = ctx->scratch;
  if (out->count == 0) return UF_OK;
  bool fixed = in->dtype == UF_INT8 || in->dtype == UF_INT16;
  for (int64_t x = 0; x < out->dims[2]; x++)
    columns[x] = (fixed ? fixed_tap : float_tap)(ctx->attrs, x, in->dims[2], out->dims[2]);
  size_t grain = UFI_MAX((size_t)1, (size_t)16384 / (size_t)(out->dims[2] * out->dims[3]));
  ufi_parallel_ranges(ctx->pool, bilinear_rows, ctx, (size_t)(out->dims[0] * out->dims[1]), grain);
  return UF_OK;
}

const ufi_op_def ufi_op_RESIZE_BILINEAR = {
  .attrs_size = sizeof(resize_attrs), .attrs_tflite = bilinear_attrs_tflite, .infer = bilinear_infer,
  .prepare = bilinear_prepare, .eval = bilinear_eval,
};

/* ---- nearest -------------------------------------------------------------------------------- */

static int32_t nearest(const resize_attrs *a, int64_t p, int64_t in, int64_t out) {
  float scale = a->align_corners && out > 1 ? (float)(in - 1) / (float)(out - 1) : (float)in / (float)out;
  float at = ((float)p + (a->half_pixel ? 0.5f : 0.0f)) * scale;
  int64_t found = (int64_t)(a->align_corners ? roundf(at) : floorf(at));
  return (int32_t)UFI_MAX((int64_t)0, UFI_MIN(found, in - 1));
}

static uf_status nearest_prepare(ufi_ctx *ctx) {
  if (ctx->out[0]->count) ufi_want_scratch(ctx, (size_t)ctx->out[0]->dims[2] * sizeof(int32_t));
  return UF_OK;
}

static void copy_pixels(uint8_t *to, const uint8_t *from, const int32_t *columns, int64_t n, size_t size) {
#define COPY(bytes) \
  for (int64_t x = 0; x < n; x++) memcpy(to + x * (int64_t)(bytes), from + columns[x] * (int64_t)(bytes), bytes)
  switch (size) {
    case 1: COPY(1); break;
    case 2: COPY(2); break;
    case 3: COPY(3); break;
    case 4: COPY(4); break;
    case 8: COPY(8); break;
    case 12: COPY(12); break;
    case 16: COPY(16); break;
    default: COPY(size); break;
  }
#undef COPY
}

/* The rows of one image: each row once from the input, then, where an image grows, again and again from
 * what was just written, twice as many at a time. */
static void nearest_image(ufi_ctx *ctx, const uint8_t *from, uint8_t *to, size_t in_row, size_t out_row, size_t pixel) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  const int64_t height = out->dims[1];
  for (int64_t p = 0; p < height;) {
    const int32_t y = nearest(ctx->attrs, p, in->dims[1], height);
    int64_t equal = 1;
    while (p + equal < height && nearest(ctx->attrs, p + equal, in->dims[1], height) == y) equal++;
    copy_pixels(to, from + (size_t)y * in_row, ctx->scratch, out->dims[2], pixel);
    for (int64_t done = 1, more; done < equal; done += more) {
      more = UFI_MIN(done, equal - done);
      memcpy(to + (size_t)done * out_row, to, (size_t)more * out_row);
    }
    to += (size_t)equal * out_row;
    p += equal;
  }
}

static uf_status nearest_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  int32_t *columns = ctx->scratch;
  if (out->count == 0) return UF_OK;
  const size_t pixel = (size_t)uf_dtype_bits(in->dtype) / 8 * (size_t)in->dims[3];
  const size_t in_row = pixel * (size_t)in->dims[2], out_row = pixel * (size_t)out->dims[2];
  for (int64_t x = 0; x < out->dims[2]; x++) columns[x] = nearest(ctx->attrs, x, in->dims[2], out->dims[2]);
  for (int64_t i = 0; i < out->dims[0]; i++)
    nearest_image(ctx, (const uint8_t *)in->data + (size_t)(i * in->dims[1]) * in_row,
                  (uint8_t *)out->data + (size_t)(i * out->dims[1]) * out_row, in_row, out_row, pixel);
  return UF_OK;
}

static uf_status nearest_infer(ufi_ctx *ctx) {
  if (uf_dtype_bits(ctx->in[0]->dtype) < 8)
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected elements of whole bytes, found %s",
                        uf_dtype_name(ctx->in[0]->dtype));
  return resize_infer(ctx);
}

const ufi_op_def ufi_op_RESIZE_NEAREST_NEIGHBOR = {
  .attrs_size = sizeof(resize_attrs), .attrs_tflite = nearest_attrs_tflite, .attrs_tf = nearest_attrs_tf,
  .infer = nearest_infer, .prepare = nearest_prepare, .eval = nearest_eval,
};
