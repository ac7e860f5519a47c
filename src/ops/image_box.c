/* SPDX-License-Identifier: Apache-2.0
 *
 * image_box.c: SampleDistortedBoundingBox, its version 2 and the stateless one: a random part of an
 * image that covers enough of one of the given boxes. Draws and roundings are TensorFlow's.
 */
#include <math.h>

#include "ops/move.h"
#include "ops/random.h"

typedef struct box_attrs {
  ufi_random_attrs random;       /* first: for ufi_random_attrs_tf */
  bool whole_if_none;
  float covered, aspect[2], area[2];
  int64_t attempts;
} box_attrs;

static uf_status read_range(const ufi_tf_attrs *from, const char *name, float most, float out[2], uf_error *error) {
  const uf_attr *attr = ufi_tf_attr(from, name);
  const bool two = attr && attr->kind == UF_ATTR_FLOATS && attr->n == 2;
  for (int i = 0; two && i < 2; i++) out[i] = (float)attr->floats[i];
  if (two && out[0] > 0 && out[1] > 0 && out[0] <= most && out[1] <= most) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected two numbers in (0, %g] as '%s', found others", (double)most, name);
}

static uf_status box_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  box_attrs *a = memory;
  UFI_TRY(ufi_random_attrs_tf(from, &a->random, error));
  a->whole_if_none = ufi_tf_bool(from, "use_image_if_no_bounding_boxes");
  a->covered = (float)ufi_tf_float(from, "min_object_covered");
  a->attempts = ufi_tf_int(from, "max_attempts");
  UFI_TRY(read_range(from, "aspect_ratio_range", INFINITY, a->aspect, error));
  UFI_TRY(read_range(from, "area_range", 1.0f, a->area, error));
  if (a->attempts >= 1 && a->attempts <= 1 << 28 && a->covered >= 0) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected one attempt or more and a part of 0 or more to cover, found %lld "
                  "and %g", (long long)a->attempts, (double)a->covered);
}

static uf_status box_infer(ufi_ctx *ctx) {
  const ufi_tensor *size = ctx->in[0], *boxes = ctx->in[1];
  const int64_t three = 3, box[3] = {1, 1, 4};
  UFI_TRY(ufi_want_in(ctx, 0, UF_UINT8, UF_INT8, UF_INT16, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, boxes, 3, 3));
  if (ctx->n_in > 2) UFI_TRY(ufi_want_rank(ctx, ctx->in[2], 0, 0));
  if (size->rank != 1 || size->count != 3 || boxes->dims[2] != 4)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a size of 3 numbers and boxes of 4, found %lld and %lld",
                        (long long)size->count, (long long)boxes->dims[2]);
  UFI_TRY(ufi_out_shape(ctx, 0, 1, &three));
  UFI_TRY(ufi_out_shape(ctx, 1, 1, &three));
  return ufi_out_shape(ctx, 2, 3, box);
}

typedef struct area {
  int64_t x0, y0, x1, y1;
} area;

static float size_of(area r) { return (float)(int32_t)((r.x1 - r.x0) * (r.y1 - r.y0)); }

static area common(area a, area b) {
  const area r = {UFI_MAX(a.x0, b.x0), UFI_MAX(a.y0, b.y0), UFI_MIN(a.x1, b.x1), UFI_MIN(a.y1, b.y1)};
  return r.x0 > r.x1 || r.y0 > r.y1 ? (area){0} : r;
}

static area box_at(const ufi_tensor *boxes, int64_t i, int64_t width, int64_t height) {
  const float *b = (const float *)boxes->data + 4 * i;
  return (area){(int64_t)(b[1] * (float)width), (int64_t)(b[0] * (float)height), (int64_t)(b[3] * (float)width),
                (int64_t)(b[2] * (float)height)};
}

static bool covers_enough(const ufi_tensor *boxes, area image, area crop, float covered) {
  const int64_t n = boxes->count / 4;
  if (size_of(crop) < 1.0f) return false;
  for (int64_t i = 0; i < UFI_MAX(n, 1); i++) { /* none: the image is the box */
    const area box = n ? box_at(boxes, i, image.x1, image.y1) : image;
    if (size_of(box) >= 1.0f && size_of(common(crop, box)) / size_of(box) >= covered) return true;
  }
  return false;
}

/* A crop of the aspect (width by height) and an area in the range; false: there is none. */
static bool try_crop(const box_attrs *a, ufi_philox_words *words, area image, float aspect, area *crop) {
  const int64_t full_w = image.x1, full_h = image.y1;
  if (full_w <= 0 || full_h <= 0 || a->area[0] > a->area[1]) return false;
  const float least = a->area[0] * (float)full_w * (float)full_h, most = a->area[1] * (float)full_w * (float)full_h;
  int64_t height = lrintf(sqrtf(least / aspect)), tallest = lrintf(sqrtf(most / aspect));
  if (lrintf((float)tallest * aspect) > full_w) {
    tallest = (int64_t)(((double)full_w + 0.5 - (double)0.0000001f) / (double)aspect);
    if (lrintf((float)tallest * aspect) > full_w) tallest--;
  }
  tallest = UFI_MIN(tallest, full_h);
  height = UFI_MIN(height, tallest);
  if (height < tallest) height += ufi_philox_below(words, (uint32_t)(tallest - height + 1));
  int64_t width = lrintf((float)height * aspect);
  if ((float)(width * height) < least) width = lrintf((float)++height * aspect); /* rounded too small, or too large */
  if ((float)(width * height) > most) width = lrintf((float)--height * aspect);
  const float got = (float)(width * height);
  if (got < least || got > most || width > full_w || height > full_h || width <= 0 || height <= 0) return false;
  crop->y0 = height < full_h ? ufi_philox_below(words, (uint32_t)(full_h - height)) : 0;
  crop->x0 = width < full_w ? ufi_philox_below(words, (uint32_t)(full_w - width)) : 0;
  crop->x1 = crop->x0 + width;
  crop->y1 = crop->y0 + height;
  return true;
}

static uf_status check_boxes(ufi_ctx *ctx) {
  const box_attrs *a = ctx->attrs;
  const ufi_tensor *boxes = ctx->in[1];
  for (int64_t i = 0; i < boxes->count; i++) {
    const float x = ((const float *)boxes->data)[i];
    if (!(x >= 0.0f && x <= 1.0f))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected boxes in [0, 1], found %g", (double)x);
  }
  if (boxes->count || a->whole_if_none) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected boxes (or use_image_if_no_bounding_boxes), found none");
}

static uf_status give_crop(ufi_ctx *ctx, area image, area crop) {
  const int64_t begin[3] = {crop.y0, crop.x0, 0}, size[3] = {crop.y1 - crop.y0, crop.x1 - crop.x0, -1};
  float *box = ctx->out[2]->data;
  const float h = (float)image.y1, w = (float)image.x1;
  box[0] = (float)crop.y0 / h;
  box[1] = (float)crop.x0 / w;
  box[2] = (float)crop.y1 / h;
  box[3] = (float)crop.x1 / w;
  UFI_TRY(ufi_convert(UF_INT64, begin, 3, ctx->out[0]->dtype, ctx->out[0]->data, ctx->error));
  return ufi_convert(UF_INT64, size, 3, ctx->out[1]->dtype, ctx->out[1]->data, ctx->error);
}

static uf_status box_eval(ufi_ctx *ctx) {
  const box_attrs *a = ctx->attrs;
  const float covered = ctx->n_in > 2 ? *(const float *)ctx->in[2]->data : a->covered;
  ufi_philox_words words = {.used = 4};
  int64_t size[3];
  UFI_TRY(ufi_move_ints(ctx, ctx->in[0], 3, size));
  UFI_TRY(check_boxes(ctx));
  if (size[0] < 0 || size[1] < 0 || size[0] >= INT32_MAX || size[1] >= INT32_MAX || !(covered >= 0))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a size and a part to cover of 0 or more, found %lld x %lld "
                        "and %g", (long long)size[0], (long long)size[1], (double)covered);
  if (ctx->n_in > 3) UFI_TRY(ufi_random_from_seeds_tf(ctx, 3, &words.gen));
  else UFI_TRY(ufi_random_reserve(ctx, &a->random, (uint64_t)a->attempts, &words.gen));
  const area image = {0, 0, size[1], size[0]};
  area crop = image;
  for (int64_t i = 0; i < a->attempts; i++) {
    const float r = ufi_random_float(ufi_philox_word(&words));
    area found;
    if (try_crop(a, &words, image, r * (a->aspect[1] - a->aspect[0]) + a->aspect[0], &found) &&
        covers_enough(ctx->in[1], image, found, covered)) {
      crop = found;
      break;
    }
  }
  return give_crop(ctx, image, crop);
}

const ufi_op_def ufi_op_SAMPLE_BOUNDING_BOX = {
  .attrs_size = sizeof(box_attrs), .attrs_tf = box_attrs_tf, .infer = box_infer, .eval = box_eval,
};
