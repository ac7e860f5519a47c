/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_resize.c: TensorFlow's ResizeBilinear, ResizeBicubic, ResizeArea (results are float32 whatever
 * the image is) and the gradients of these and of ResizeNearestNeighbor.
 *
 * Every method is a weighted sum of a few rows and columns of the input. Which they are and with
 * which weights is worked out once for each column and each row ("taps"). Cubic weights come from a
 * table of 1024 steps in TensorFlow, hence here: Keys, "Cubic convolution interpolation for digital
 * image processing", 1981, with a = -1/2 for half-pixel centres and -3/4 for the older scaling.
 * The order of operations is TensorFlow's.
 */
#include <float.h>
#include <math.h>

#include "ops/image.h"
#include "ops/move.h"

/* ---- pixels ------------------------------------------------------------------------------ */

bool ufi_image_dtype(uf_dtype dtype) {
  switch (dtype) {
    case UF_INT8: case UF_UINT8: case UF_INT16: case UF_UINT16: case UF_INT32: case UF_UINT32: case UF_INT64:
    case UF_UINT64: case UF_FLOAT16: case UF_BFLOAT16: case UF_FLOAT32: case UF_FLOAT64: return true;
    default: return false;
  }
}

uf_status ufi_want_image(ufi_ctx *ctx, int32_t i) {
  char text[512];
  if (ufi_image_dtype(ctx->in[i]->dtype)) return UF_OK;
  return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected an image of integers or floats, found %s",
                      ufi_tensor_text(ctx->in[i], text));
}

size_t ufi_image_bytes(const ufi_ctx *ctx, int32_t i) {
  const ufi_tensor *t = ctx->in[i];
  return t->dtype == UF_FLOAT32 ? 0 : ((size_t)t->count * sizeof(float) + 63) & ~(size_t)63;
}

uf_status ufi_image_floats(ufi_ctx *ctx, int32_t i, void *room, const float **out) {
  const ufi_tensor *t = ctx->in[i];
  *out = t->dtype == UF_FLOAT32 ? t->data : room;
  return t->dtype == UF_FLOAT32 ? UF_OK : ufi_convert(t->dtype, t->data, t->count, UF_FLOAT32, room, ctx->error);
}

/* ---- attributes and shapes ----------------------------------------------------------------- */

typedef enum method { BILINEAR, BICUBIC, AREA, NEAREST } method;

typedef struct resize_attrs {
  method method;
  bool align_corners, half_pixel;
} resize_attrs;

static uf_status resize_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  resize_attrs *a = memory;
  a->method = strstr(from->op, "Bilinear") ? BILINEAR : strstr(from->op, "Bicubic") ? BICUBIC
            : strstr(from->op, "Area") ? AREA : NEAREST;
  a->align_corners = ufi_tf_bool(from, "align_corners");
  a->half_pixel = ufi_tf_bool(from, "half_pixel_centers");
  if (!a->align_corners || !a->half_pixel || a->method == NEAREST) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected align_corners or half_pixel_centers, found both");
}

/* Sizes whose positions float32 can tell apart. */
static bool good_size(int64_t n) { return n > 0 && n <= 1 << 24; }

static uf_status want_extents(ufi_ctx *ctx, const int64_t dims[4]) {
  if (good_size(dims[1]) && good_size(dims[2])) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected images of 1 x 1 or more, found %lld x %lld",
                      (long long)dims[1], (long long)dims[2]);
}

static uf_status read_size(ufi_ctx *ctx, const ufi_tensor *in, int64_t dims[4]) {
  UFI_TRY(ufi_move_ints(ctx, ctx->in[1], 2, dims + 1));
  dims[0] = in->dims[0];
  dims[3] = in->dims[3];
  return want_extents(ctx, dims);
}

static uf_status resize_infer(ufi_ctx *ctx) {
  int64_t dims[4];
  const ufi_tensor *in = ctx->in[0];
  UFI_TRY(ufi_want_image(ctx, 0));
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, in, 4, 4));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 1, 1));
  UFI_TRY(want_extents(ctx, in->dims));
  if (in->dims[3] < 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one channel or more, found %lld", (long long)in->dims[3]);
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(read_size(ctx, in, dims));
  return ufi_out_shape(ctx, 0, 4, dims);
}

/* ---- taps ------------------------------------------------------------------------------------ */

/* Up to four neighbours; of AREA [first, last] with weights for both ends, 1 between. */
typedef struct tap {
  int64_t index[4];
  float weight[4];
} tap;

static float scale_of(const resize_attrs *a, int64_t in, int64_t out) {
  if (a->align_corners && in > 1 && out > 1) return (float)(in - 1) / (float)(out - 1);
  return (float)in / (float)out;
}

static float position(const resize_attrs *a, int64_t p, float scale) {
  return a->half_pixel ? ((float)p + 0.5f) * scale - 0.5f : (float)p * scale;
}

static int64_t bound(int64_t i, int64_t n) { return UFI_MIN(n - 1, UFI_MAX(i, 0)); }

static tap bilinear_tap(float at, int64_t in) {
  const float low = floorf(at);
  tap t = {.index = {UFI_MIN(UFI_MAX((int64_t)low, 0), in - 1), UFI_MIN((int64_t)ceilf(at), in - 1)}};
  t.index[1] = UFI_MAX(t.index[1], 0);
  t.weight[0] = at - low;
  return t;
}

/* Weights near the middle (|x| < 1) and further away, as TensorFlow's table holds them. */
static float cubic_near(double a, int64_t step) {
  const float x = (float)((double)step / 1024.0);
  return (float)(((a + 2) * (double)x - (a + 3)) * (double)x * (double)x + 1);
}

static float cubic_far(double a, int64_t step) {
  const float x = (float)((double)(float)((double)step / 1024.0) + 1.0);
  return (float)(((a * (double)x - 5 * a) * (double)x + 8 * a) * (double)x - 4 * a);
}

static tap bicubic_tap(bool keys, float at, int64_t in) {
  const int64_t low = (int64_t)floorf(at), step = lrintf((at - (float)low) * 1024);
  const double a = keys ? -0.5 : -0.75;
  tap t = {.weight = {cubic_far(a, step), cubic_near(a, step), cubic_near(a, 1024 - step), cubic_far(a, 1024 - step)}};
  for (int k = 0; k < 4; k++) {
    t.index[k] = bound(low - 1 + k, in);
    if (keys && t.index[k] != low - 1 + k) t.weight[k] = 0.0f;
  }
  const float sum = t.weight[0] + t.weight[1] + t.weight[2] + t.weight[3];
  if (keys && fabsf(sum) >= 1000.0f * FLT_MIN) {
    const float each = 1.0f / sum;
    for (int k = 0; k < 4; k++) t.weight[k] *= each;
  }
  return t;
}

/* How much of pixel i lies in [from, to). */
static float covered(int64_t i, float from, float to, float scale) {
  if ((float)i < from) return (float)(i + 1) > to ? scale : (float)(i + 1) - from;
  return (float)(i + 1) > to ? to - (float)i : 1.0f;
}

static tap area_tap(int64_t p, float scale) {
  const float from = (float)p * scale, to = (float)(p + 1) * scale;
  tap t = {.index = {(int64_t)floorf(from), (int64_t)ceilf(to) - 1}};
  t.weight[0] = covered(t.index[0], from, to, scale);
  t.weight[1] = covered(t.index[1], from, to, scale);
  return t;
}

static tap tap_of(const resize_attrs *a, int64_t p, int64_t in, float scale) {
  if (a->method == AREA) return area_tap(p, scale);
  const float at = position(a, p, scale);
  return a->method == BILINEAR ? bilinear_tap(at, in) : bicubic_tap(a->half_pixel, at, in);
}

/* ---- one row of the output from `image` ------------------------------------------------------- */

typedef struct resize_work {
  const resize_attrs *a;
  const float *in;        /* (batch, h, w, depth) */
  float *out;
  const tap *columns;
  int64_t h, w, depth, height, width;
  float scale_y, scale_x;
} resize_work;

static void bilinear_row(const resize_work *k, const float *image, const tap *y, float *out) {
  const float *top = image + y->index[0] * k->w * k->depth, *bottom = image + y->index[1] * k->w * k->depth;
  for (int64_t x = 0; x < k->width; x++) {
    const int64_t left = k->columns[x].index[0] * k->depth, right = k->columns[x].index[1] * k->depth;
    const float part = k->columns[x].weight[0];
    for (int64_t c = 0; c < k->depth; c++) {
      const float above = top[left + c] + (top[right + c] - top[left + c]) * part;
      const float below = bottom[left + c] + (bottom[right + c] - bottom[left + c]) * part;
      *out++ = above + (below - above) * y->weight[0];
    }
  }
}

static void bicubic_row(const resize_work *k, const float *image, const tap *y, float *out) {
  const float *rows[4];
  for (int i = 0; i < 4; i++) rows[i] = image + y->index[i] * k->w * k->depth;
  for (int64_t x = 0; x < k->width; x++) {
    const tap *t = &k->columns[x];
    for (int64_t c = 0; c < k->depth; c++) {
      float v[4];
      for (int i = 0; i < 4; i++) {
        const int64_t at = t->index[i] * k->depth + c;
        v[i] = rows[0][at] * y->weight[0] + rows[1][at] * y->weight[1] + rows[2][at] * y->weight[2] +
               rows[3][at] * y->weight[3];
      }
      *out++ = v[0] * t->weight[0] + v[1] * t->weight[1] + v[2] * t->weight[2] + v[3] * t->weight[3];
    }
  }
}

static float area_of_row(const resize_work *k, const float *row, const tap *t, int64_t c) {
  float sum = row[bound(t->index[0], k->w) * k->depth + c] * t->weight[0];
  for (int64_t x = t->index[0] + 1; x < t->index[1]; x++) sum += row[bound(x, k->w) * k->depth + c];
  if (t->index[1] > t->index[0]) sum += row[bound(t->index[1], k->w) * k->depth + c] * t->weight[1];
  return sum;
}

static void area_row(const resize_work *k, const float *image, int64_t p, const tap *y, float *out) {
  const float from = (float)p * k->scale_y, to = (float)(p + 1) * k->scale_y;
  const float scale = (float)(1.0 / (double)(k->scale_y * k->scale_x));
  for (int64_t x = 0; x < k->width; x++)
    for (int64_t c = 0; c < k->depth; c++) {
      float sum = 0.0f;
      for (int64_t i = y->index[0]; i <= y->index[1]; i++) {
        const float *row = image + bound(i, k->h) * k->w * k->depth;
        sum += area_of_row(k, row, &k->columns[x], c) * covered(i, from, to, k->scale_y);
      }
      *out++ = sum * scale;
    }
}

static void resize_rows(void *context, size_t begin, size_t end) {
  const resize_work *k = context;
  for (int64_t r = (int64_t)begin; r < (int64_t)end; r++) {
    const int64_t p = r % k->height;
    const float *image = k->in + r / k->height * k->h * k->w * k->depth;
    float *out = k->out + r * k->width * k->depth;
    const tap y = tap_of(k->a, p, k->h, k->scale_y);
    if (k->a->method == BILINEAR) bilinear_row(k, image, &y, out);
    else if (k->a->method == BICUBIC) bicubic_row(k, image, &y, out);
    else area_row(k, image, p, &y, out);
  }
}

static size_t taps_bytes(int64_t n) { return ((size_t)n * sizeof(tap) + 63) & ~(size_t)63; }

static uf_status resize_prepare(ufi_ctx *ctx) {
  ufi_want_scratch(ctx, taps_bytes(ctx->out[0]->dims[2]) + ufi_image_bytes(ctx, 0));
  return UF_OK;
}

static uf_status resize_eval(ufi_ctx *ctx) {
  const resize_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  if (out->count == 0) return UF_OK;
  tap *columns = ctx->scratch;
  resize_work k = {.a = a, .out = out->data, .columns = columns, .h = in->dims[1], .w = in->dims[2],
                   .depth = in->dims[3], .height = out->dims[1], .width = out->dims[2]};
  k.scale_y = scale_of(a, k.h, k.height);
  k.scale_x = scale_of(a, k.w, k.width);
  UFI_TRY(ufi_image_floats(ctx, 0, (uint8_t *)ctx->scratch + taps_bytes(k.width), &k.in));
  if (a->method == BILINEAR && k.h == k.height && k.w == k.width) { /* infinities must not become NaN */
    memcpy(out->data, k.in, out->size);
    return UF_OK;
  }
  for (int64_t x = 0; x < k.width; x++) columns[x] = tap_of(a, x, k.w, k.scale_x);
  const size_t grain = UFI_MAX((size_t)1, (size_t)16384 / (size_t)(k.width * k.depth));
  ufi_parallel_ranges(ctx->pool, resize_rows, &k, (size_t)(out->dims[0] * k.height), grain);
  return UF_OK;
}

const ufi_op_def ufi_op_TF_RESIZE = {
  .attrs_size = sizeof(resize_attrs), .attrs_tf = resize_attrs_tf, .infer = resize_infer, .prepare = resize_prepare,
  .eval = resize_eval,
};

/* ---- gradients: what each output took goes back to where it came from --------------------------- */

static uf_status grad_infer(ufi_ctx *ctx) {
  const resize_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  int64_t dims[4];
  UFI_TRY(ufi_want_rank(ctx, in, 4, 4));
  if (in->count) UFI_TRY(want_extents(ctx, in->dims));
  if (a->method == NEAREST) {
    UFI_TRY(ufi_want_in(ctx, 0, UF_UINT8, UF_INT8, UF_INT32, UF_FLOAT16, UF_BFLOAT16, UF_FLOAT32, UF_FLOAT64,
                        UF_INVALID));
    UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INVALID));
    if (!ufi_known(ctx, 1)) return UF_OK;
    UFI_TRY(read_size(ctx, in, dims));
    return ufi_out_shape(ctx, 0, 4, dims);
  }
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, UF_FLOAT16, UF_BFLOAT16, UF_FLOAT32, UF_FLOAT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 4, 4));
  UFI_TRY(want_extents(ctx, ctx->in[1]->dims));
  memcpy(dims, ctx->in[1]->dims, sizeof dims);
  dims[0] = in->dims[0];
  dims[3] = in->dims[3];
  return ufi_out_shape(ctx, 0, 4, dims);
}

/* Sums are kept as doubles: integers and float64 exact or nearly so, others better than asked. */
static uf_status grad_prepare(ufi_ctx *ctx) {
  ufi_want_scratch(ctx, (size_t)ctx->out[0]->count * sizeof(double) + (size_t)ctx->in[0]->count * sizeof(double));
  return UF_OK;
}

static int64_t nearest_index(const resize_attrs *a, int64_t p, int64_t n, float scale) {
  const float at = ((float)p + (a->half_pixel ? 0.5f : 0.0f)) * scale;
  return bound((int64_t)(a->align_corners ? roundf(at) : floorf(at)), n);
}

/* The weights of position p as up to four (index, weight). */
static int grad_taps(const resize_attrs *a, int64_t p, int64_t n, float scale, tap *t) {
  if (a->method == NEAREST) {
    *t = (tap){.index = {nearest_index(a, p, n, scale)}, .weight = {1.0f}};
    return 1;
  }
  *t = tap_of(a, p, n, scale);
  if (a->method == BICUBIC) return 4;
  t->weight[1] = t->weight[0];
  t->weight[0] = 1.0f - t->weight[1];
  return 2;
}

static uf_status grad_eval(ufi_ctx *ctx) {
  const resize_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  double *sums = ctx->scratch, *given = sums + out->count;
  const int64_t h = out->dims[1], w = out->dims[2], depth = out->dims[3];
  const float scale_y = scale_of(a, h, in->dims[1]), scale_x = scale_of(a, w, in->dims[2]);
  memset(sums, 0, (size_t)out->count * sizeof *sums);
  UFI_TRY(ufi_convert(in->dtype, in->data, in->count, UF_FLOAT64, given, ctx->error));
  for (int64_t r = 0; r < in->dims[0] * in->dims[1]; r++) {
    tap ty, tx;
    const int ny = grad_taps(a, r % in->dims[1], h, scale_y, &ty);
    for (int64_t x = 0; x < in->dims[2]; x++, given += depth) {
      const int nx = grad_taps(a, x, w, scale_x, &tx);
      for (int i = 0; i < ny; i++)
        for (int j = 0; j < nx; j++) {
          double *to = sums + ((r / in->dims[1] * h + ty.index[i]) * w + tx.index[j]) * depth;
          const double weight = (double)ty.weight[i] * (double)tx.weight[j];
          for (int64_t c = 0; c < depth; c++) to[c] += given[c] * weight;
        }
    }
  }
  const bool whole = out->dtype == UF_UINT8 || out->dtype == UF_INT8 || out->dtype == UF_INT32;
  for (int64_t i = 0; whole && i < out->count; i++) { /* sums of integers wrap around */
    const int64_t sum = (int64_t)sums[i];
    memcpy(&sums[i], &sum, sizeof sum);
  }
  return ufi_convert(whole ? UF_INT64 : UF_FLOAT64, sums, out->count, out->dtype, out->data, ctx->error);
}

const ufi_op_def ufi_op_RESIZE_GRAD = {
  .attrs_size = sizeof(resize_attrs), .attrs_tf = resize_attrs_tf, .infer = grad_infer, .prepare = grad_prepare,
  .eval = grad_eval,
};
