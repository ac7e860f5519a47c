/* SPDX-License-Identifier: Apache-2.0
 *
 * custom_landmarks.c: MediaPipe's ops on landmarks (points of a face, a hand ...), versions 1 and 2:
 *
 *   Landmarks2TransformMatrix   a 4x4 matrix that maps pixels of a crop around some landmarks, turned so
 *                               that two of them lie level, to pixels of the image
 *   TransformTensorBilinear     the crop: the image read at where that matrix maps each pixel to
 *   TransformLandmarks          landmarks of the crop as landmarks of the image
 *
 * Options are FlexBuffer maps. Only the first two rows of a matrix count.
 */
#include <math.h>

#include "base/threads.h"
#include "format/flexbuffer.h"
#include "ops/op.h"

static int64_t int_of(const ufi_flex *map, const char *key, int64_t fallback) {
  ufi_flex v = ufi_flex_get(map, key);
  return ufi_flex_int(&v, fallback);
}

static float float_of(const ufi_flex *map, const char *key, double fallback) {
  ufi_flex v = ufi_flex_get(map, key);
  return (float)ufi_flex_float(&v, fallback);
}

static uf_status check_version(const ufi_tflite_attrs *from, uf_error *error) {
  if (from->version == 1 || from->version == 2) return UF_OK;
  return ufi_fail(error, UF_UNIMPLEMENTED, "expected version 1 or 2, found %d", (int)from->version);
}

static uf_status want_matrix(ufi_ctx *ctx) {
  char text[512];
  UFI_TRY(ufi_want_in(ctx, 1, UF_FLOAT32, UF_INVALID));
  if (ctx->in[1]->count >= 8) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a matrix of 4x4, found %s", ufi_tensor_text(ctx->in[1], text));
}

/* ---- TransformLandmarks ------------------------------------------------------------------ */

typedef struct landmarks_attrs {
  int32_t version;
  int64_t dimensions;  /* version 1; 2: the last dimension of the input */
  float scale;
} landmarks_attrs;

static uf_status landmarks_attrs_of(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  landmarks_attrs *a = memory;
  ufi_flex map = ufi_flex_root(from->custom, from->custom_size);
  UFI_TRY(check_version(from, error));
  *a = (landmarks_attrs){from->version, 0, 1.0f};
  if (from->version == 2) return UF_OK;
  a->dimensions = int_of(&map, "dimensions", 3);
  a->scale = float_of(&map, "scale", 1.0);
  if (a->scale != 0.0f) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a scale other than 0, found 0");
}

static int64_t dimensions_of(const ufi_ctx *ctx) {
  const landmarks_attrs *a = ctx->attrs;
  return a->version == 2 ? ctx->in[0]->dims[2] : a->dimensions;
}

static uf_status landmarks_infer(ufi_ctx *ctx) {
  const landmarks_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  const int32_t rank = a->version == 2 ? 3 : 4;
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INVALID));
  UFI_TRY(want_matrix(ctx));
  UFI_TRY(ufi_want_rank(ctx, in, rank, rank));
  const int64_t n = dimensions_of(ctx);
  if ((n != 2 && n != 3) || in->dims[rank - 1] % n != 0) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected landmarks of 2 or 3 numbers each, found %lld numbers, %lld for each", 
                        (long long)in->dims[rank - 1], (long long)n);
  }
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_FLOAT32));
  return ufi_out_like(ctx, 0, in);
}

static uf_status landmarks_eval(ufi_ctx *ctx) {
  const landmarks_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  const float *x = in->data, *m = ctx->in[1]->data;
  const float shift_x = m[3] * a->scale, shift_y = m[7] * a->scale;
  float *y = ctx->out[0]->data;
  for (int64_t i = 0, n = dimensions_of(ctx); i < in->count; i += n) {
    y[i] = m[0] * x[i] + m[1] * x[i + 1] + shift_x;
    y[i + 1] = m[4] * x[i] + m[5] * x[i + 1] + shift_y;
    if (n == 3) y[i + 2] = x[i + 2];
  }
  return UF_OK;
}

const ufi_op_def ufi_op_TRANSFORM_LANDMARKS = {
  .attrs_size = sizeof(landmarks_attrs), .attrs_tflite = landmarks_attrs_of, .infer = landmarks_infer, .eval = landmarks_eval,
};

/* ---- TransformTensorBilinear ------------------------------------------------------------------ */

typedef struct bilinear_attrs {
  int32_t version;
  int64_t height, width;
} bilinear_attrs;

static uf_status bilinear_attrs_of(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  bilinear_attrs *a = memory;
  ufi_flex map = ufi_flex_root(from->custom, from->custom_size), mode = ufi_flex_get(&map, "mode");
  UFI_TRY(check_version(from, error));
  *a = (bilinear_attrs){from->version, int_of(&map, "output_height", 0), int_of(&map, "output_width", 0)};
  if (from->version == 1) {
    ufi_flex size = ufi_flex_get(&map, "output_size"), h = ufi_flex_at(&size, 0), w = ufi_flex_at(&size, 1);
    size_t length = 0;
    const uint8_t *text = ufi_flex_bytes(&mode, &length);
    a->height = ufi_flex_int(&h, 0);
    a->width = ufi_flex_int(&w, 0);
    if (text && (length != 8 || memcmp(text, "bilinear", 8) != 0)) {
      return ufi_fail(error, UF_UNIMPLEMENTED, "expected the mode bilinear, found '%.*s'", (int)UFI_MIN(length, (size_t)40), (const char *)text);
    }
  }
  if (a->height >= 1 && a->width >= 1) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected an output size of 1x1 or more, found %lldx%lld", (long long)a->height, (long long)a->width);
}

static uf_status bilinear_infer(ufi_ctx *ctx) {
  const bilinear_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  char text[512];
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INVALID));
  UFI_TRY(want_matrix(ctx));
  UFI_TRY(ufi_want_rank(ctx, in, 4, 4));
  if (in->dims[0] != 1) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one image, found %s", ufi_tensor_text(in, text));
  }
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_FLOAT32));
  return ufi_out_shape(ctx, 0, 4, (int64_t[]){1, a->height, a->width, in->dims[3]});
}

typedef struct bilinear {
  int64_t h, w, c, out_w;
  const float *image;
  float *out;
  float x[4], y[4];
} bilinear;

static const float *pixel_at(const bilinear *p, int64_t y, int64_t x) {
  return y < p->h && x < p->w ? p->image + (y * p->w + x) * p->c : NULL;
}

static float or_zero(const float *pixel, int64_t c) { return pixel ? pixel[c] : 0.0f; }

static void bilinear_rows(void *context, size_t begin, size_t end) {
  const bilinear *p = context;
  for (size_t row = begin; row < end; row++) {
    float *to = p->out + (int64_t)row * p->out_w * p->c;
    for (int64_t column = 0; column < p->out_w; column++, to += p->c) {
      const float x = p->x[0] * (float)column + p->x[1] * (float)row + p->x[3];
      const float y = p->y[0] * (float)column + p->y[1] * (float)row + p->y[3];
      if (!(x >= 0.0f && x <= (float)(p->w - 1) && y >= 0.0f && y <= (float)(p->h - 1))) {
        memset(to, 0, (size_t)p->c * sizeof *to);
        continue;
      }
      const int64_t left = (int64_t)floorf(x), top = (int64_t)floorf(y);
      const float *q11 = pixel_at(p, top, left), *q21 = pixel_at(p, top, left + 1);
      const float *q12 = pixel_at(p, top + 1, left), *q22 = pixel_at(p, top + 1, left + 1);
      const double right = (double)(x - floorf(x)), below = (double)(y - floorf(y));
      for (int64_t c = 0; c < p->c; c++) {
        const float upper = (float)((1.0 - right) * (double)or_zero(q11, c) + right * (double)or_zero(q21, c));
        const float lower = (float)((1.0 - right) * (double)or_zero(q12, c) + right * (double)or_zero(q22, c));
        to[c] = (float)(below * (double)lower + (1.0 - below) * (double)upper);
      }
    }
  }
}

static uf_status bilinear_eval(ufi_ctx *ctx) {
  const bilinear_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  const float *m = ctx->in[1]->data;
  bilinear p = {.h = in->dims[1], .w = in->dims[2], .c = in->dims[3], .out_w = a->width, .image = in->data, .out = ctx->out[0]->data};
  memcpy(p.x, m, sizeof p.x);
  memcpy(p.y, m + 4, sizeof p.y);
  if (a->version == 2) { /* pixels are meant by their middles */
    p.x[3] = (float)((double)p.x[3] + ((double)p.x[0] * 0.5 + (double)p.x[1] * 0.5 - 0.5));
    p.y[3] = (float)((double)p.y[3] + ((double)p.y[0] * 0.5 + (double)p.y[1] * 0.5 - 0.5));
  }
  if (ctx->out[0]->count > 0) ufi_parallel_ranges(ctx->pool, bilinear_rows, &p, (size_t)a->height, 4);
  return UF_OK;
}

const ufi_op_def ufi_op_TRANSFORM_TENSOR_BILINEAR = {
  .attrs_size = sizeof(bilinear_attrs), .attrs_tflite = bilinear_attrs_of, .infer = bilinear_infer, .eval = bilinear_eval,
};

/* ---- Landmarks2TransformMatrix -------------------------------------------------------------------- */

typedef struct matrix_attrs {
  int32_t version;
  int64_t left, right, n;      /* landmarks that shall lie level; how many are in the crop */
  const int64_t *subset;       /* these */
  float in_h, in_w, out_h, out_w;
  float range, multiplier;     /* version 1 */
  float rotation, scale_x, scale_y; /* version 2 */
} matrix_attrs;

/* A list of n numbers (any for 0) in the arena. */
static uf_status list_of(const ufi_tflite_attrs *from, const ufi_flex *map, const char *key, const int64_t **out, int64_t *n_out,
                         uf_error *error) {
  ufi_flex list = ufi_flex_get(map, key);
  size_t n = ufi_flex_count(&list);
  int64_t *copy = ufi_arena_array(from->arena, UFI_MIN(n, from->custom_size) + 1, sizeof *copy);
  if (!copy) return ufi_no_memory(error, n * sizeof *copy);
  for (size_t i = 0; i < n; i++) {
    ufi_flex e = ufi_flex_at(&list, i);
    copy[i] = ufi_flex_int(&e, -1);
  }
  *out = copy;
  *n_out = (int64_t)n;
  return UF_OK;
}

static uf_status pair_of(const ufi_flex *map, const char *key, float *h, float *w, uf_error *error) {
  ufi_flex list = ufi_flex_get(map, key), a = ufi_flex_at(&list, 0), b = ufi_flex_at(&list, 1);
  *h = (float)ufi_flex_int(&a, 0);
  *w = (float)ufi_flex_int(&b, 0);
  if (*h > 0 && *w > 0) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected an option '%s' of two numbers above 0, found %g and %g", key, (double)*h, (double)*w);
}

static uf_status matrix_attrs_v1(const ufi_tflite_attrs *from, const ufi_flex *map, matrix_attrs *a, uf_error *error) {
  UFI_TRY(pair_of(map, "input_hw", &a->in_h, &a->in_w, error));
  UFI_TRY(pair_of(map, "output_hw", &a->out_h, &a->out_w, error));
  a->range = (float)int_of(map, "landmarks_range", 0);
  a->multiplier = float_of(map, "bbox_size_multiplier", 0);
  int64_t dimensions = int_of(map, "dimensions", 0);
  if (dimensions != 3 || !(a->range > 0) || a->multiplier == 0) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected 3 dimensions, a landmarks_range above 0 and a bbox_size_multiplier other than 0, found "
                    "%lld, %g and %g", (long long)dimensions, (double)a->range, (double)a->multiplier);
  }
  return list_of(from, map, "subset", &a->subset, &a->n, error);
}

static uf_status matrix_attrs_v2(const ufi_tflite_attrs *from, const ufi_flex *map, matrix_attrs *a, uf_error *error) {
  a->rotation = float_of(map, "target_rotation_radians", 0);
  a->out_h = (float)int_of(map, "output_height", 0);
  a->out_w = (float)int_of(map, "output_width", 0);
  a->scale_x = float_of(map, "scale_x", 0);
  a->scale_y = float_of(map, "scale_y", 0);
  if (!(a->out_h > 0 && a->out_w > 0 && a->scale_x > 0 && a->scale_y > 0)) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected an output size and scales above 0, found %gx%g and %g, %g", (double)a->out_h,
                    (double)a->out_w, (double)a->scale_x, (double)a->scale_y);
  }
  return list_of(from, map, "subset_idxs", &a->subset, &a->n, error);
}

static uf_status matrix_attrs_of(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  matrix_attrs *a = memory;
  ufi_flex map = ufi_flex_root(from->custom, from->custom_size);
  UFI_TRY(check_version(from, error));
  *a = (matrix_attrs){.version = from->version, .left = int_of(&map, "left_rotation_idx", 0), .right = int_of(&map, "right_rotation_idx", 0)};
  UFI_TRY(from->version == 1 ? matrix_attrs_v1(from, &map, a, error) : matrix_attrs_v2(from, &map, a, error));
  if (a->n > 0) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected landmarks that the crop is around, found none");
}

static uf_status check_index(ufi_ctx *ctx, int64_t i, int64_t n) {
  if (i >= 0 && i < n) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected indices of %lld landmarks of 3 numbers, found %lld", (long long)n, (long long)i);
}

static uf_status matrix_infer(ufi_ctx *ctx) {
  const matrix_attrs *a = ctx->attrs;
  const int32_t rank = a->version == 2 ? 3 : 4;
  const int64_t n = ctx->in[0]->count / 3;
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], rank, rank));
  UFI_TRY(check_index(ctx, a->left, n));
  UFI_TRY(check_index(ctx, a->right, n));
  for (int64_t i = 0; i < a->n; i++) UFI_TRY(check_index(ctx, a->subset[i], n));
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_FLOAT32));
  return ufi_out_shape(ctx, 0, 3, (int64_t[]){1, 4, 4});
}

/* The box around the landmarks turned by `angle`. */
typedef struct box {
  float low_x, low_y, high_x, high_y;
} box;

static box box_of(const matrix_attrs *a, const float *landmarks, float angle) {
  box b = {INFINITY, INFINITY, -INFINITY, -INFINITY};
  const float cosine = cosf(angle), sine = sinf(angle);
  for (int64_t i = 0; i < a->n; i++) {
    const float *at = landmarks + 3 * a->subset[i];
    const float x = at[0] * cosine - at[1] * sine, y = at[0] * sine + at[1] * cosine;
    b.low_x = x < b.low_x ? x : b.low_x;
    b.low_y = y < b.low_y ? y : b.low_y;
    b.high_x = x > b.high_x ? x : b.high_x;
    b.high_y = y > b.high_y ? y : b.high_y;
  }
  return b;
}

/* An affine map of the plane: first two rows of a matrix. */
typedef struct affine {
  float m[6]; /* xx, xy, x; yx, yy, y */
} affine;

static affine times(affine a, affine b) {
  const float *p = a.m, *q = b.m;
  return (affine){{p[0] * q[0] + p[1] * q[3], p[0] * q[1] + p[1] * q[4], p[0] * q[2] + p[1] * q[5] + p[2],
                   p[3] * q[0] + p[4] * q[3], p[3] * q[1] + p[4] * q[4], p[3] * q[2] + p[4] * q[5] + p[5]}};
}

/* Pixels of the crop to [-1, 1], to the box, turned back, to pixels of the image. */
static affine matrix_v1(const matrix_attrs *a, const float *landmarks) {
  const float *l = landmarks + 3 * a->left, *r = landmarks + 3 * a->right;
  const float angle = -atanf((r[1] - l[1]) / (r[0] - l[0])), cosine = cosf(-angle), sine = sinf(-angle);
  const box b = box_of(a, landmarks, angle);
  const float x = (b.high_x + b.low_x) / 2.0f, y = (b.high_y + b.low_y) / 2.0f;
  const float middle_x = x * cosine - y * sine, middle_y = x * sine + y * cosine;
  const affine to_relative = {{2.0f / (a->out_w - 1.0f), 0, -1, 0, 2.0f / (a->out_h - 1.0f), -1}};
  const affine scale = {{(b.high_x - b.low_x) * a->multiplier / a->range, 0, 0, 0, (b.high_y - b.low_y) * a->multiplier / a->range, 0}};
  const affine turn = {{cosine, -sine, middle_x / a->range * 2.0f - 1.0f, sine, cosine, middle_y / a->range * 2.0f - 1.0f}};
  const float half_w = (a->in_w - 1.0f) / 2.0f, half_h = (a->in_h - 1.0f) / 2.0f;
  return times((affine){{half_w, 0, half_w, 0, half_h, half_h}}, times(turn, times(scale, to_relative)));
}

static affine matrix_v2(const matrix_attrs *a, const float *landmarks) {
  const float *l = landmarks + 3 * a->left, *r = landmarks + 3 * a->right;
  const float angle = a->rotation - atan2f(r[1] - l[1], r[0] - l[0]), cosine = cosf(-angle), sine = sinf(-angle);
  const box b = box_of(a, landmarks, angle);
  const float x = (b.low_x + b.high_x) / 2.0f, y = (b.low_y + b.high_y) / 2.0f;
  const float scale_x = a->scale_x * (b.high_x - b.low_x) / a->out_w, scale_y = a->scale_y * (b.high_y - b.low_y) / a->out_h;
  const affine turn = {{cosine, -sine, x * cosine - y * sine, sine, cosine, x * sine + y * cosine}};
  return times(turn, times((affine){{scale_x, 0, 0, 0, scale_y, 0}}, (affine){{1, 0, -a->out_w / 2.0f, 0, 1, -a->out_h / 2.0f}}));
}

/* Version 1 leaves the 1 of the third row where a matrix of 3x3 has it. */
static uf_status matrix_eval(ufi_ctx *ctx) {
  const matrix_attrs *a = ctx->attrs;
  const affine t = a->version == 1 ? matrix_v1(a, ctx->in[0]->data) : matrix_v2(a, ctx->in[0]->data);
  const float out[16] = {t.m[0], t.m[1], 0, t.m[2], t.m[3], t.m[4], 0, t.m[5], 0, 0, 1, 0, 0, 0, 0, 1};
  memcpy(ctx->out[0]->data, out, sizeof out);
  return UF_OK;
}

const ufi_op_def ufi_op_LANDMARKS_TO_TRANSFORM_MATRIX = {
  .attrs_size = sizeof(matrix_attrs), .attrs_tflite = matrix_attrs_of, .infer = matrix_infer, .eval = matrix_eval,
};
