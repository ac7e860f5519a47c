/* SPDX-License-Identifier: Apache-2.0
 *
 * image_crop.c: CropAndResize with its gradients, and ScaleAndTranslate with its gradient.
 *
 * CropAndResize samples each box at evenly spaced points, corners included; what lies outside the
 * image is the extrapolation value. ScaleAndTranslate is a separable filter: each output row is a
 * sum over a span of input rows with the weights of a kernel around the sampled point.
 */
#include <float.h>
#include <math.h>

#include "ops/image.h"
#include "ops/move.h"

/* ---- CropAndResize -------------------------------------------------------------------------- */

typedef struct crop_attrs {
  int32_t nearest;
  float outside;
} crop_attrs;

static uf_status crop_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  static const char *const methods[] = {"bilinear", "nearest", NULL};
  crop_attrs *a = memory;
  a->outside = (float)ufi_tf_float(from, "extrapolation_value");
  return ufi_tf_choice(from, "method", methods, &a->nearest, error);
}

/* Boxes (n, 4) and an image number for each; n_out is n. */
static uf_status want_boxes(ufi_ctx *ctx, int32_t i) {
  const ufi_tensor *boxes = ctx->in[i], *which = ctx->in[i + 1];
  char p[UFI_SHAPE_TEXT], q[UFI_SHAPE_TEXT];
  UFI_TRY(ufi_want_rank(ctx, boxes, 2, 2));
  UFI_TRY(ufi_want_rank(ctx, which, 1, 1));
  if ((boxes->count == 0 && which->count == 0) || (boxes->dims[1] == 4 && which->count == boxes->dims[0])) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected boxes (n, 4) and n image numbers, found %s and %s",
                      ufi_shape_text(boxes->rank, boxes->dims, p), ufi_shape_text(which->rank, which->dims, q));
}

static uf_status want_images(ufi_ctx *ctx, int32_t i) {
  const ufi_tensor *t = ctx->in[i];
  UFI_TRY(ufi_want_image(ctx, i));
  UFI_TRY(ufi_want_rank(ctx, t, 4, 4));
  if (t->dims[1] > 0 && t->dims[2] > 0 && t->dims[1] < INT32_MAX && t->dims[2] < INT32_MAX) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected images of 1 x 1 or more, found %lld x %lld",
                      (long long)t->dims[1], (long long)t->dims[2]);
}

static uf_status crop_infer(ufi_ctx *ctx) {
  int64_t size[2];
  UFI_TRY(want_images(ctx, 0));
  UFI_TRY(want_boxes(ctx, 1));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[3], 1, 1));
  if (!ufi_known(ctx, 3)) return UF_OK;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[3], 2, size));
  if (size[0] < 1 || size[1] < 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected crops of 1 x 1 or more, found %lld x %lld",
                        (long long)size[0], (long long)size[1]);
  const int64_t dims[4] = {ctx->in[2]->count, size[0], size[1], ctx->in[0]->dims[3]};
  return ufi_out_shape(ctx, 0, 4, dims);
}

static uf_status check_boxes(ufi_ctx *ctx, int32_t i, int64_t batch) {
  const float *boxes = ctx->in[i]->data;
  const int32_t *which = ctx->in[i + 1]->data;
  for (int64_t b = 0; b < ctx->in[i + 1]->count; b++)
    if (which[b] < 0 || which[b] >= batch)
      return ufi_ctx_fail(ctx, UF_OUT_OF_RANGE, "expected image numbers in [0, %lld), found %d", (long long)batch,
                          (int)which[b]);
  for (int64_t k = 0; k < ctx->in[i]->count; k++)
    if (!isfinite(boxes[k]))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected finite boxes, found %g", (double)boxes[k]);
  return UF_OK;
}

/* Where point p of n lies between first and last, in pixels of an image of `extent`. */
static float crop_point(float first, float last, int64_t p, int64_t n, int64_t extent) {
  if (n <= 1) return (float)(0.5 * (double)(first + last) * (double)(extent - 1));
  return first * (float)(extent - 1) + (float)p * ((last - first) * (float)(extent - 1) / (float)(n - 1));
}

typedef struct crop_work {
  const crop_attrs *a;
  const float *image, *boxes;
  const int32_t *which;
  float *out;
  int64_t h, w, depth, height, width;
} crop_work;

static void crop_row(const crop_work *k, const float *image, const float *box, float y, float *out) {
  for (int64_t x = 0; x < k->width; x++, out += k->depth) {
    const float at = crop_point(box[1], box[3], x, k->width, k->w);
    if (!(y >= 0 && y <= (float)(k->h - 1) && at >= 0 && at <= (float)(k->w - 1))) {
      for (int64_t c = 0; c < k->depth; c++) out[c] = k->a->outside;
      continue;
    }
    if (k->a->nearest) {
      memcpy(out, image + ((int64_t)roundf(y) * k->w + (int64_t)roundf(at)) * k->depth, (size_t)k->depth * sizeof *out);
      continue;
    }
    const int64_t top = (int64_t)floorf(y), bottom = (int64_t)ceilf(y), left = (int64_t)floorf(at);
    const int64_t right = (int64_t)ceilf(at);
    const float ty = y - (float)top, tx = at - (float)left;
    const float *a = image + (top * k->w + left) * k->depth, *b = image + (top * k->w + right) * k->depth;
    const float *c = image + (bottom * k->w + left) * k->depth, *d = image + (bottom * k->w + right) * k->depth;
    for (int64_t i = 0; i < k->depth; i++) {
      const float above = a[i] + (b[i] - a[i]) * tx, below = c[i] + (d[i] - c[i]) * tx;
      out[i] = above + (below - above) * ty;
    }
  }
}

static void crop_rows(void *context, size_t begin, size_t end) {
  const crop_work *k = context;
  for (int64_t r = (int64_t)begin; r < (int64_t)end; r++) {
    const int64_t b = r / k->height;
    const float *box = k->boxes + 4 * b;
    crop_row(k, k->image + k->which[b] * k->h * k->w * k->depth, box,
             crop_point(box[0], box[2], r % k->height, k->height, k->h), k->out + r * k->width * k->depth);
  }
}

static uf_status crop_prepare(ufi_ctx *ctx) {
  ufi_want_scratch(ctx, ufi_image_bytes(ctx, 0));
  return UF_OK;
}

static uf_status crop_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  crop_work k = {.a = ctx->attrs, .boxes = ctx->in[1]->data, .which = ctx->in[2]->data, .out = out->data,
                 .h = in->dims[1], .w = in->dims[2], .depth = in->dims[3], .height = out->dims[1],
                 .width = out->dims[2]};
  UFI_TRY(check_boxes(ctx, 1, in->dims[0]));
  if (out->count == 0) return UF_OK;
  UFI_TRY(ufi_image_floats(ctx, 0, ctx->scratch, &k.image));
  const size_t grain = UFI_MAX((size_t)1, (size_t)16384 / (size_t)(k.width * k.depth));
  ufi_parallel_ranges(ctx->pool, crop_rows, &k, (size_t)(out->dims[0] * k.height), grain);
  return UF_OK;
}

const ufi_op_def ufi_op_CROP_AND_RESIZE = {
  .attrs_size = sizeof(crop_attrs), .attrs_tf = crop_attrs_tf, .infer = crop_infer, .prepare = crop_prepare,
  .eval = crop_eval,
};

/* ---- its gradients: each crop's gradient goes to the pixels that it was mixed of ----------------- */

static uf_status crop_grad_image_infer(ufi_ctx *ctx) {
  const ufi_tensor *grads = ctx->in[0];
  int64_t dims[4];
  UFI_TRY(ufi_want_out(ctx, 0, UF_FLOAT16, UF_FLOAT32, UF_FLOAT64, UF_INVALID));
  UFI_TRY(want_images(ctx, 0));
  UFI_TRY(want_boxes(ctx, 1));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[3], 1, 1));
  if (!ufi_known(ctx, 3)) return UF_OK;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[3], 4, dims));
  if (dims[1] < 1 || dims[2] < 1 || dims[3] != grads->dims[3] || grads->dims[0] != ctx->in[2]->count)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected images of 1 x 1 or more, of %lld channels, and a gradient "
                        "for each box, found %lld x %lld of %lld", (long long)grads->dims[3], (long long)dims[1],
                        (long long)dims[2], (long long)dims[3]);
  return ufi_out_shape(ctx, 0, 4, dims);
}

static uf_status crop_grad_image_prepare(ufi_ctx *ctx) {
  ufi_want_scratch(ctx, (size_t)ctx->out[0]->count * sizeof(double));
  return UF_OK;
}

static void add_scaled(double *to, const float *from, double by, int64_t n) {
  for (int64_t i = 0; i < n; i++) to[i] += (double)from[i] * by;
}

static uf_status crop_grad_image_eval(ufi_ctx *ctx) {
  const crop_attrs *a = ctx->attrs;
  const ufi_tensor *grads = ctx->in[0], *out = ctx->out[0];
  const int64_t h = out->dims[1], w = out->dims[2], depth = out->dims[3];
  const float *from = grads->data;
  double *sums = ctx->scratch;
  UFI_TRY(check_boxes(ctx, 1, out->dims[0]));
  memset(sums, 0, (size_t)out->count * sizeof *sums);
  for (int64_t r = 0; r < grads->dims[0] * grads->dims[1]; r++) {
    const int64_t b = r / grads->dims[1];
    const float *box = (const float *)ctx->in[1]->data + 4 * b;
    double *image = sums + ((const int32_t *)ctx->in[2]->data)[b] * h * w * depth;
    const float y = crop_point(box[0], box[2], r % grads->dims[1], grads->dims[1], h);
    for (int64_t x = 0; x < grads->dims[2]; x++, from += depth) {
      const float at = crop_point(box[1], box[3], x, grads->dims[2], w);
      if (!(y >= 0 && y <= (float)(h - 1) && at >= 0 && at <= (float)(w - 1))) continue;
      if (a->nearest) {
        add_scaled(image + ((int64_t)roundf(y) * w + (int64_t)roundf(at)) * depth, from, 1.0, depth);
        continue;
      }
      const int64_t top = (int64_t)floorf(y), bottom = (int64_t)ceilf(y), left = (int64_t)floorf(at);
      const int64_t right = (int64_t)ceilf(at);
      const double ty = (double)(y - (float)top), tx = (double)(at - (float)left);
      add_scaled(image + (top * w + left) * depth, from, (1 - ty) * (1 - tx), depth);
      add_scaled(image + (top * w + right) * depth, from, (1 - ty) * tx, depth);
      add_scaled(image + (bottom * w + left) * depth, from, ty * (1 - tx), depth);
      add_scaled(image + (bottom * w + right) * depth, from, ty * tx, depth);
    }
  }
  return ufi_convert(UF_FLOAT64, sums, out->count, out->dtype, out->data, ctx->error);
}

const ufi_op_def ufi_op_CROP_AND_RESIZE_GRAD_IMAGE = {
  .attrs_size = sizeof(crop_attrs), .attrs_tf = crop_attrs_tf, .infer = crop_grad_image_infer,
  .prepare = crop_grad_image_prepare, .eval = crop_grad_image_eval,
};

static uf_status crop_grad_boxes_infer(ufi_ctx *ctx) {
  UFI_TRY(want_images(ctx, 0));
  UFI_TRY(want_images(ctx, 1));
  UFI_TRY(want_boxes(ctx, 2));
  if (ctx->in[0]->dims[3] != ctx->in[1]->dims[3] || ctx->in[0]->dims[0] != ctx->in[3]->count)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected gradients of %lld channels for %lld boxes, found %lld and "
                        "%lld", (long long)ctx->in[1]->dims[3], (long long)ctx->in[3]->count,
                        (long long)ctx->in[0]->dims[3], (long long)ctx->in[0]->dims[0]);
  return ufi_out_like(ctx, 0, ctx->in[2]);
}

static uf_status crop_grad_boxes_prepare(ufi_ctx *ctx) {
  ufi_want_scratch(ctx, ufi_image_bytes(ctx, 1));
  return UF_OK;
}

/* What one crop's point contributes to the gradient (y1, x1, y2, x2). */
static void box_point(double to[4], double grad_y, double grad_x, int64_t y, int64_t height, int64_t h, int64_t x,
                      int64_t width, int64_t w) {
  const double up = height > 1 ? (double)(h - 1) * (double)y / (double)(height - 1) : 0.5 * (double)(h - 1);
  const double along = width > 1 ? (double)(w - 1) * (double)x / (double)(width - 1) : 0.5 * (double)(w - 1);
  to[0] += grad_y * ((double)(h - 1) - up);
  to[2] += grad_y * up;
  to[1] += grad_x * ((double)(w - 1) - along);
  to[3] += grad_x * along;
}

static uf_status crop_grad_boxes_eval(ufi_ctx *ctx) {
  const ufi_tensor *grads = ctx->in[0], *in = ctx->in[1], *out = ctx->out[0];
  const int64_t h = in->dims[1], w = in->dims[2], depth = in->dims[3], height = grads->dims[1], width = grads->dims[2];
  const float *from = grads->data, *pixels;
  UFI_TRY(check_boxes(ctx, 2, in->dims[0]));
  UFI_TRY(ufi_image_floats(ctx, 1, ctx->scratch, &pixels));
  for (int64_t b = 0; b < out->count / 4; b++) {
    const float *box = (const float *)ctx->in[2]->data + 4 * b;
    const float *image = pixels + ((const int32_t *)ctx->in[3]->data)[b] * h * w * depth;
    double sums[4] = {0};
    for (int64_t y = 0; y < height; y++)
      for (int64_t x = 0; x < width; x++, from += depth) {
        const float py = crop_point(box[0], box[2], y, height, h), px = crop_point(box[1], box[3], x, width, w);
        if (!(py >= 0 && py <= (float)(h - 1) && px >= 0 && px <= (float)(w - 1))) continue;
        const int64_t top = (int64_t)floorf(py), bottom = (int64_t)ceilf(py), left = (int64_t)floorf(px);
        const int64_t right = (int64_t)ceilf(px);
        const double ty = (double)(py - (float)top), tx = (double)(px - (float)left);
        double grad_y = 0, grad_x = 0;
        for (int64_t c = 0; c < depth; c++) {
          const double p = (double)image[(top * w + left) * depth + c], q = (double)image[(top * w + right) * depth + c];
          const double r = (double)image[(bottom * w + left) * depth + c];
          const double s = (double)image[(bottom * w + right) * depth + c];
          grad_y += (double)from[c] * ((1 - tx) * (r - p) + tx * (s - q));
          grad_x += (double)from[c] * ((1 - ty) * (q - p) + ty * (s - r));
        }
        box_point(sums, grad_y, grad_x, y, height, h, x, width, w);
      }
    for (int k = 0; k < 4; k++) ((float *)out->data)[4 * b + k] = (float)sums[k];
  }
  return UF_OK;
}

const ufi_op_def ufi_op_CROP_AND_RESIZE_GRAD_BOXES = {
  .attrs_size = sizeof(crop_attrs), .attrs_tf = crop_attrs_tf, .infer = crop_grad_boxes_infer,
  .prepare = crop_grad_boxes_prepare, .eval = crop_grad_boxes_eval,
};

/* ---- ScaleAndTranslate ------------------------------------------------------------------------------- */

enum { LANCZOS1, LANCZOS3, LANCZOS5, GAUSSIAN, BOX, TRIANGLE, KEYS_CUBIC, MITCHELL_CUBIC };

typedef struct scale_attrs {
  int32_t kernel;
  bool antialias;
} scale_attrs;

static uf_status scale_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  static const char *const kernels[] = {"lanczos1", "lanczos3", "lanczos5", "gaussian", "box", "triangle", "keyscubic",
                                        "mitchellcubic", NULL};
  scale_attrs *a = memory;
  a->antialias = ufi_tf_bool(from, "antialias");
  return ufi_tf_choice(from, "kernel_type", kernels, &a->kernel, error);
}

static const float kernel_radius[] = {1.0f, 3.0f, 5.0f, 1.5f, 1.0f, 1.0f, 2.0f, 2.0f};

static float kernel_at(int32_t kernel, float x) {
  const float radius = kernel_radius[kernel];
  switch (kernel) {
    case GAUSSIAN: return x >= radius ? 0.0f : expf(-x * x / (2.0f * (radius / 3.0f) * (radius / 3.0f)));
    case BOX: return x < 0.5f ? 1.0f : x == 0.5f ? 0.5f : 0.0f;
    case TRIANGLE: return x < 1.0f ? 1.0f - x : 0.0f;
    case KEYS_CUBIC:
      if (x >= 2.0f) return 0.0f;
      if (x >= 1.0f) return ((-0.5f * x + 2.5f) * x - 4.0f) * x + 2.0f;
      return ((1.5f * x - 2.5f) * x) * x + 1.0f;
    case MITCHELL_CUBIC:
      if (x >= 2.0f) return 0.0f;
      if (x >= 1.0f) return (((-7.0f / 18.0f) * x + 2.0f) * x - 10.0f / 3.0f) * x + 16.0f / 9.0f;
      return (((7.0f / 6.0f) * x - 2.0f) * x) * x + 8.0f / 9.0f;
    default:
      if (x > radius) return 0.0f;
      if (x <= 1e-3f) return 1.0f;
      return (float)((double)radius * sin(M_PI * (double)x) * sin(M_PI * (double)x / (double)radius) /
                     (M_PI * M_PI * (double)x * (double)x));
  }
}

/* For each of n positions the inputs it is made of. */
typedef struct spans {
  int64_t n, size;       /* size: room for weights of one */
  int64_t *start, *count;
  float *weights;
} spans;

static void fill_spans(spans *s, const scale_attrs *a, int64_t in, float scale, float shift, float widen) {
  const float inverse = (float)(1.0 / (double)scale), offset = -inverse * shift;
  const float reach = kernel_radius[a->kernel] * widen, narrow = 1.0f / widen;
  for (int64_t x = 0; x < s->n; x++) {
    const float at = ((float)x + 0.5f) * inverse + offset;
    s->start[x] = s->count[x] = 0;
    if (!(at >= 0 && at <= (float)in)) continue; /* outside the image nothing is sampled */
    const int64_t first = UFI_MIN(UFI_MAX((int64_t)ceilf(at - reach - 0.5f), 0), in - 1);
    const int64_t last = UFI_MIN(UFI_MAX((int64_t)floorf(at + reach - 0.5f), 0), in - 1);
    float sum = 0.0f, *weights = s->weights + x * s->size;
    s->start[x] = first;
    s->count[x] = UFI_MIN(last - first + 1, s->size);
    for (int64_t i = 0; i < s->count[x]; i++) {
      weights[i] = kernel_at(a->kernel, fabsf(((float)(first + i) + 0.5f - at) * narrow));
      sum += weights[i];
    }
    const float each = fabsf(sum) >= 1000.0f * FLT_MIN ? 1.0f / sum : 0.0f;
    for (int64_t i = 0; i < s->count[x]; i++) weights[i] *= each;
  }
}

static uf_status make_spans(ufi_ctx *ctx, int64_t in, int64_t out, float scale, float shift, spans *s) {
  const scale_attrs *a = ctx->attrs;
  const float widen = a->antialias ? fmaxf((float)(1.0 / (double)scale), 1.0f) : 1.0f;
  const double reach = 2.0 * ceil((double)(kernel_radius[a->kernel] * widen)) + 1.0;
  size_t bytes;
  s->n = out;
  s->size = reach < (double)in ? (int64_t)reach : in;
  s->start = NULL;
  if (!ufi_mul_size((size_t)out, 16 + (size_t)s->size * sizeof(float), &bytes) ||
      (s->start = ufi_malloc(bytes + 1)) == NULL)
    return ufi_no_memory(ctx->error, bytes);
  s->count = s->start + out;
  s->weights = (float *)(s->count + out);
  fill_spans(s, a, in, scale, shift, widen);
  return UF_OK;
}

/* Scale and translation of rows, then of columns. */
static uf_status read_scale(ufi_ctx *ctx, float values[4]) {
  for (int32_t i = 0; i < 2; i++) {
    UFI_TRY(ufi_want_in(ctx, 2 + i, UF_FLOAT32, UF_INVALID));
    if (ctx->in[2 + i]->rank != 1 || ctx->in[2 + i]->count != 2)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected two numbers as scale and as translation, found %lld",
                          (long long)ctx->in[2 + i]->count);
    memcpy(values + 2 * i, ctx->in[2 + i]->data, 2 * sizeof(float));
  }
  if (values[0] > 0 && values[1] > 0) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected scales above 0, found %g and %g", (double)values[0],
                      (double)values[1]);
}

static uf_status scale_infer(ufi_ctx *ctx) {
  int64_t dims[4];
  UFI_TRY(want_images(ctx, 0));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 1, 1));
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[1], 2, dims + 1));
  dims[0] = ctx->in[0]->dims[0];
  dims[3] = ctx->in[0]->dims[3];
  if (dims[1] < 1 || dims[2] < 1 || dims[3] < 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a size of 1 x 1 or more and a channel, found %lld x %lld",
                        (long long)dims[1], (long long)dims[2]);
  return ufi_out_shape(ctx, 0, 4, dims);
}

static size_t rows_bytes(int64_t a, int64_t b) { return ((size_t)(a * b) * sizeof(float) + 63) & ~(size_t)63; }

static uf_status scale_prepare(ufi_ctx *ctx) {
  ufi_want_scratch(ctx, ufi_image_bytes(ctx, 0) + rows_bytes(ctx->in[0]->dims[2], ctx->in[0]->dims[3]));
  return UF_OK;
}

/* One output row: first the rows are mixed, then the columns of the mixture. */
static void scale_row(const float *image, int64_t w, int64_t depth, const spans *rows, int64_t y, const spans *columns,
                      float *mixed, float *out) {
  memset(mixed, 0, (size_t)(w * depth) * sizeof *mixed);
  for (int64_t i = 0; i < rows->count[y]; i++) {
    const float weight = rows->weights[y * rows->size + i], *row = image + (rows->start[y] + i) * w * depth;
    for (int64_t k = 0; k < w * depth; k++) mixed[k] += row[k] * weight;
  }
  for (int64_t x = 0; x < columns->n; x++, out += depth) {
    memset(out, 0, (size_t)depth * sizeof *out);
    for (int64_t i = 0; i < columns->count[x]; i++) {
      const float weight = columns->weights[x * columns->size + i], *pixel = mixed + (columns->start[x] + i) * depth;
      for (int64_t c = 0; c < depth; c++) out[c] += pixel[c] * weight;
    }
  }
}

static uf_status scale_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  const int64_t h = in->dims[1], w = in->dims[2], depth = in->dims[3], height = out->dims[1], width = out->dims[2];
  float v[4], *mixed = ctx->scratch;
  const float *image;
  spans rows = {0}, columns = {0};
  UFI_TRY(read_scale(ctx, v));
  if (out->count == 0) return UF_OK;
  UFI_TRY(ufi_image_floats(ctx, 0, (uint8_t *)ctx->scratch + rows_bytes(w, depth), &image));
  uf_status status = make_spans(ctx, h, height, v[0], v[2], &rows);
  if (status == UF_OK) status = make_spans(ctx, w, width, v[1], v[3], &columns);
  for (int64_t r = 0; status == UF_OK && r < out->dims[0] * height; r++)
    scale_row(image + r / height * h * w * depth, w, depth, &rows, r % height, &columns, mixed,
              (float *)out->data + r * width * depth);
  ufi_free(rows.start);
  ufi_free(columns.start);
  return status;
}

const ufi_op_def ufi_op_SCALE_AND_TRANSLATE = {
  .attrs_size = sizeof(scale_attrs), .attrs_tf = scale_attrs_tf, .infer = scale_infer, .prepare = scale_prepare,
  .eval = scale_eval,
};

static uf_status scale_grad_infer(ufi_ctx *ctx) {
  int64_t dims[4];
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INVALID));
  UFI_TRY(want_images(ctx, 0));
  UFI_TRY(want_images(ctx, 1));
  memcpy(dims, ctx->in[1]->dims, sizeof dims);
  dims[0] = ctx->in[0]->dims[0];
  dims[3] = ctx->in[0]->dims[3];
  return ufi_out_shape(ctx, 0, 4, dims);
}

static uf_status scale_grad_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  const int64_t h = out->dims[1], w = out->dims[2], depth = out->dims[3], height = in->dims[1], width = in->dims[2];
  const float *from = in->data;
  float v[4];
  spans rows = {0}, columns = {0};
  UFI_TRY(read_scale(ctx, v));
  if (out->size) memset(out->data, 0, out->size);
  uf_status status = make_spans(ctx, h, height, v[0], v[2], &rows);
  if (status == UF_OK) status = make_spans(ctx, w, width, v[1], v[3], &columns);
  for (int64_t r = 0; status == UF_OK && r < in->dims[0] * height; r++) {
    const int64_t y = r % height;
    float *image = (float *)out->data + r / height * h * w * depth;
    for (int64_t x = 0; x < width; x++, from += depth)
      for (int64_t i = 0; i < rows.count[y]; i++)
        for (int64_t j = 0; j < columns.count[x]; j++) {
          const float weight = rows.weights[y * rows.size + i] * columns.weights[x * columns.size + j];
          float *to = image + ((rows.start[y] + i) * w + columns.start[x] + j) * depth;
          for (int64_t c = 0; c < depth; c++) to[c] += from[c] * weight;
        }
  }
  ufi_free(rows.start);
  ufi_free(columns.start);
  return status;
}

const ufi_op_def ufi_op_SCALE_AND_TRANSLATE_GRAD = {
  .attrs_size = sizeof(scale_attrs), .attrs_tf = scale_attrs_tf, .infer = scale_grad_infer, .eval = scale_grad_eval,
};
