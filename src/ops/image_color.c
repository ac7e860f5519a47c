/* SPDX-License-Identifier: Apache-2.0
 *
 * image_color.c: TensorFlow's ops on colours (RGBToHSV, HSVToRGB, AdjustHue, AdjustSaturation,
 * AdjustContrastv2), and those that draw or pick: DrawBoundingBoxes, ImageProjectiveTransform,
 * ExtractGlimpse.
 */
#include <float.h>
#include <math.h>

#include "ops/image.h"
#include "ops/move.h"
#include "ops/random.h"

/* ---- colours ------------------------------------------------------------------------------------ */

enum { TO_HSV, TO_RGB, HUE, SATURATION };

typedef struct color_attrs {
  int32_t op;
} color_attrs;

static uf_status color_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  color_attrs *a = memory;
  a->op = strstr(from->op, "RGBTo") ? TO_HSV : strstr(from->op, "HSVTo") ? TO_RGB
        : strstr(from->op, "Hue") ? HUE : SATURATION;
  return UF_OK;
}

static uf_status color_infer(ufi_ctx *ctx) {
  const color_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  const bool adjusts = a->op == HUE || a->op == SATURATION;
  if (adjusts) UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT16, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT16, UF_BFLOAT16, UF_FLOAT32, UF_FLOAT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, in, adjusts ? 3 : 1, UF_MAX_RANK));
  if (adjusts) UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 0, 0));
  if (in->dims[in->rank - 1] != 3)
    return ufi_ctx_fail(ctx, adjusts ? UF_INVALID_ARGUMENT : UF_FAILED_PRECONDITION, "expected 3 channels, "
                        "found %lld", (long long)in->dims[in->rank - 1]);
  return ufi_out_like(ctx, 0, in);
}

static double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

static void to_hsv(const double p[3], double out[3]) {
  const double v = fmax(fmax(p[0], p[1]), p[2]), range = v - fmin(fmin(p[0], p[1]), p[2]), norm = 1.0 / (6.0 * range);
  double h = p[0] == v ? norm * (p[1] - p[2]) : p[1] == v ? norm * (p[2] - p[0]) + 2.0 / 6.0
                                                          : norm * (p[0] - p[1]) + 4.0 / 6.0;
  if (!(range > 0)) h = 0;
  out[0] = h < 0 ? h + 1 : h;
  out[1] = v > 0 ? range / v : 0;
  out[2] = v;
}

static void to_rgb(const double p[3], double out[3]) {
  const double h = p[0] * 6.0, s = p[1], v = p[2];
  out[0] = ((1 - s) + s * clamp(fabs(h - 3) - 1, 0, 1)) * v;
  out[1] = ((1 - s) + s * clamp(2 - fabs(h - 2), 0, 1)) * v;
  out[2] = ((1 - s) + s * clamp(2 - fabs(h - 4), 0, 1)) * v;
}

/* Turns the hue; smallest and largest component stay, also where they are below 0. */
static void turn_hue(const double p[3], double delta, double out[3]) {
  const double top = fmax(fmax(p[0], p[1]), p[2]), bottom = fmin(fmin(p[0], p[1]), p[2]);
  double hsv[3], shifted[3] = {p[0] - bottom, p[1] - bottom, p[2] - bottom}, rgb[3];
  to_hsv(shifted, hsv);
  hsv[0] = fmod(hsv[0] + delta, 1.0);
  if (hsv[0] < 0) hsv[0] += 1.0;
  hsv[1] = top > bottom ? 1.0 : 0.0;
  hsv[2] = top - bottom;
  to_rgb(hsv, rgb);
  for (int c = 0; c < 3; c++) out[c] = rgb[c] + bottom;
}

static void one_color(int32_t op, const double p[3], double by, double out[3]) {
  double hsv[3];
  switch (op) {
    case TO_HSV: to_hsv(p, out); break;
    case TO_RGB: to_rgb(p, out); break;
    case HUE: turn_hue(p, by, out); break;
    default:
      to_hsv(p, hsv);
      hsv[1] = clamp(hsv[1] * by, 0, 1);
      to_rgb(hsv, out);
      break;
  }
}

static uf_status color_eval(ufi_ctx *ctx) {
  const color_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  const double by = ctx->n_in > 1 ? (double)*(const float *)ctx->in[1]->data : 0.0;
  const int64_t bytes = uf_dtype_bits(in->dtype) / 8;
  enum { BLOCK = 64 };
  for (int64_t i = 0; i < in->count; i += 3 * BLOCK) {
    const int64_t n = UFI_MIN(3 * BLOCK, in->count - i);
    double from[3 * BLOCK], to[3 * BLOCK];
    UFI_TRY(ufi_convert(in->dtype, (const uint8_t *)in->data + i * bytes, n, UF_FLOAT64, from, ctx->error));
    for (int64_t k = 0; k < n; k += 3) one_color(a->op, from + k, by, to + k);
    UFI_TRY(ufi_convert(UF_FLOAT64, to, n, out->dtype, (uint8_t *)out->data + i * bytes, ctx->error));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_COLOR = {
  .attrs_size = sizeof(color_attrs), .attrs_tf = color_attrs_tf, .infer = color_infer, .eval = color_eval,
};

static uf_status contrast_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT16, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 3, UF_MAX_RANK));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 0, 0));
  return ufi_out_like(ctx, 0, ctx->in[0]);
}

static uf_status contrast_prepare(ufi_ctx *ctx) {
  ufi_want_scratch(ctx, ufi_image_bytes(ctx, 0) + (size_t)ctx->in[0]->count * sizeof(float));
  return UF_OK;
}

/* Away from each channel's mean over the image. */
static uf_status contrast_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  const float factor = *(const float *)ctx->in[1]->data, *from;
  float *room = ctx->scratch;
  UFI_TRY(ufi_image_floats(ctx, 0, room + in->count, &from));
  const int64_t depth = in->dims[in->rank - 1], area = in->dims[in->rank - 3] * in->dims[in->rank - 2];
  for (int64_t at = 0; at < in->count; at += area * depth)
    for (int64_t c = 0; c < depth; c++) {
      double sum = 0;
      for (int64_t i = 0; i < area; i++) sum += (double)from[at + i * depth + c];
      const float mean = (float)(sum / (double)area);
      for (int64_t i = at + c; i < at + area * depth; i += depth) room[i] = (from[i] - mean) * factor + mean;
    }
  return ufi_convert(UF_FLOAT32, room, in->count, out->dtype, out->data, ctx->error);
}

const ufi_op_def ufi_op_ADJUST_CONTRAST = {
  .infer = contrast_infer, .prepare = contrast_prepare, .eval = contrast_eval,
};

/* ---- DrawBoundingBoxes ---------------------------------------------------------------------------- */

static uf_status draw_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *boxes = ctx->in[1];
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT16, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, in, 4, 4));
  UFI_TRY(ufi_want_rank(ctx, boxes, 3, 3));
  if (ctx->n_in > 2) UFI_TRY(ufi_want_rank(ctx, ctx->in[2], 2, 2));
  if (in->dims[0] == boxes->dims[0] && boxes->dims[2] == 4 && (in->dims[3] == 1 || in->dims[3] == 3 || in->dims[3] == 4))
    return ufi_out_like(ctx, 0, in);
  char p[UFI_SHAPE_TEXT], q[UFI_SHAPE_TEXT];
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected images of 1, 3 or 4 channels and boxes (batch, n, 4), found "
                      "%s and %s", ufi_shape_text(in->rank, in->dims, p), ufi_shape_text(boxes->rank, boxes->dims, q));
}

static const float palette[10][4] = {
  {1, 1, 0, 1}, {0, 0, 1, 1}, {1, 0, 0, 1}, {0, 1, 0, 1}, {0.5f, 0, 0.5f, 1},
  {0.5f, 0.5f, 0, 1}, {0.5f, 0, 0, 1}, {0, 0, 0.5f, 1}, {0, 1, 1, 1}, {1, 0, 1, 1},
};

/* Colour of box i; a grey image's is white. */
static void color_of(const ufi_ctx *ctx, int64_t i, int64_t depth, float out[4]) {
  const ufi_tensor *given = ctx->n_in > 2 && ctx->in[2]->count ? ctx->in[2] : NULL;
  for (int64_t c = 0; c < depth; c++) {
    if (!given) out[c] = depth == 1 ? 1.0f : palette[i % 10][c];
    else out[c] = c < given->dims[1] ? ((const float *)given->data)[i % given->dims[0] * given->dims[1] + c] : 1.0f;
  }
}

static void fill_pixels(const ufi_tensor *out, int64_t first, int64_t step, int64_t n, const float color[4]) {
  const int64_t depth = out->dims[3];
  for (int64_t i = 0, at = first * depth; i < n; i++, at += step * depth)
    for (int64_t c = 0; c < depth; c++) {
      if (out->dtype == UF_FLOAT32) ((float *)out->data)[at + c] = color[c];
      else ((uint16_t *)out->data)[at + c] = ufi_float_to_half(color[c]);
    }
}

/* A float as a whole number within what images can have. */
static int64_t whole(float x) { return x != x ? 0 : (int64_t)fminf(fmaxf(x, -1e9f), 1e9f); }

static void draw_box(const ufi_tensor *out, int64_t image, const float *box, const float color[4]) {
  const int64_t h = out->dims[1], w = out->dims[2], at = image * h * w;
  const int64_t top = whole(box[0] * (float)(h - 1)), bottom = whole(box[2] * (float)(h - 1));
  const int64_t left = whole(box[1] * (float)(w - 1)), right = whole(box[3] * (float)(w - 1));
  if (top > bottom || left > right || top >= h || bottom < 0 || left >= w || right < 0) return;
  const int64_t y0 = UFI_MAX(top, 0), y1 = UFI_MIN(bottom, h - 1), x0 = UFI_MAX(left, 0), x1 = UFI_MIN(right, w - 1);
  if (top >= 0) fill_pixels(out, at + y0 * w + x0, 1, x1 - x0 + 1, color);
  if (bottom < h) fill_pixels(out, at + y1 * w + x0, 1, x1 - x0 + 1, color);
  if (left >= 0) fill_pixels(out, at + y0 * w + x0, w, y1 - y0 + 1, color);
  if (right < w) fill_pixels(out, at + y0 * w + x1, w, y1 - y0 + 1, color);
}

static uf_status draw_eval(ufi_ctx *ctx) {
  const ufi_tensor *boxes = ctx->in[1], *out = ctx->out[0];
  ufi_move_all(out, ctx->in[0]);
  for (int64_t b = 0; out->count && b < boxes->dims[0] * boxes->dims[1]; b++) {
    float color[4];
    color_of(ctx, b % boxes->dims[1], out->dims[3], color);
    draw_box(out, b / boxes->dims[1], (const float *)boxes->data + 4 * b, color);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_DRAW_BOUNDING_BOXES = {.infer = draw_infer, .eval = draw_eval};

/* ---- ImageProjectiveTransform ------------------------------------------------------------------------ */

enum { FILL_REFLECT, FILL_WRAP, FILL_CONSTANT, FILL_NEAREST };

typedef struct warp_attrs {
  int32_t bilinear, fill;
} warp_attrs;

static uf_status warp_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  static const char *const methods[] = {"NEAREST", "BILINEAR", NULL};
  static const char *const fills[] = {"REFLECT", "WRAP", "CONSTANT", "NEAREST", NULL};
  warp_attrs *a = memory;
  UFI_TRY(ufi_tf_choice(from, "interpolation", methods, &a->bilinear, error));
  return ufi_tf_choice(from, "fill_mode", fills, &a->fill, error);
}

static uf_status warp_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *t = ctx->in[1];
  int64_t dims[4];
  UFI_TRY(ufi_want_in(ctx, 0, UF_UINT8, UF_INT32, UF_INT64, UF_FLOAT16, UF_BFLOAT16, UF_FLOAT32, UF_FLOAT64,
                      UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, in, 4, 4));
  if (t->rank != 2 || (t->dims[0] != 1 && t->dims[0] != in->dims[0]) || t->dims[1] != 8) {
    char text[UFI_SHAPE_TEXT];
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected transforms (1 or %lld, 8), found %s",
                        (long long)in->dims[0], ufi_shape_text(t->rank, t->dims, text));
  }
  UFI_TRY(ufi_want_rank(ctx, ctx->in[2], 1, 1));
  if (ctx->n_in > 3) UFI_TRY(ufi_want_rank(ctx, ctx->in[3], 0, 0));
  if (!ufi_known(ctx, 2)) return UF_OK;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[2], 2, dims + 1));
  dims[0] = in->dims[0];
  dims[3] = in->dims[3];
  if (dims[1] < 1 || dims[2] < 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a size of 1 x 1 or more, found %lld x %lld",
                        (long long)dims[1], (long long)dims[2]);
  return ufi_out_shape(ctx, 0, 4, dims);
}

/* A coordinate brought into [0, n - 1] as the fill mode says. */
static float bring_inside(int32_t fill, float x, int64_t n) {
  const float last = (float)(n - 1);
  if (fill == FILL_CONSTANT) return x;
  if (fill != FILL_NEAREST && (x < 0 || x > last)) {
    if (n <= 1) return 0.0f;
    const float period = fill == FILL_REFLECT ? 2.0f * (float)n : last;
    if (fill == FILL_REFLECT && x < 0) {
      x = period * (float)whole(-x / period) + x;
      x = x < -(float)n ? x + period : -x - 1.0f;
    } else if (fill == FILL_REFLECT) {
      x -= period * (float)whole(x / period);
      if (x >= (float)n) x = period - x - 1.0f;
    } else if (x < 0) {
      x += (float)n * ((float)whole(-x / period) + 1.0f);
    } else {
      x -= (float)n * (float)whole(x / period);
    }
  }
  return fmaxf(0.0f, fminf(x, last));
}

typedef struct warp {
  const double *in;       /* (h, w, depth) */
  int64_t h, w, depth;
  double outside;
} warp;

static double pixel(const warp *k, float y, float x, int64_t c) {
  if (!(y >= 0 && y < (float)k->h && x >= 0 && x < (float)k->w)) return k->outside;
  return k->in[((int64_t)y * k->w + (int64_t)x) * k->depth + c];
}

static double between(const warp *k, float y, float x, int64_t c) {
  const float top = floorf(y), left = floorf(x), bottom = top + 1, right = left + 1;
  const double low = (double)(right - x) * pixel(k, top, left, c) + (double)(x - left) * pixel(k, top, right, c);
  const double high = (double)(right - x) * pixel(k, bottom, left, c) + (double)(x - left) * pixel(k, bottom, right, c);
  return (double)(bottom - y) * low + (double)(y - top) * high;
}

static void warp_point(const warp_attrs *a, const warp *k, const float *t, int64_t y, int64_t x, double *out) {
  const float fy = (float)y, fx = (float)x, by = t[6] * fx + t[7] * fy + 1.0f;
  if (by == 0) {
    for (int64_t c = 0; c < k->depth; c++) out[c] = k->outside;
    return;
  }
  const float at_x = bring_inside(a->fill, (t[0] * fx + t[1] * fy + t[2]) / by, k->w);
  const float at_y = bring_inside(a->fill, (t[3] * fx + t[4] * fy + t[5]) / by, k->h);
  for (int64_t c = 0; c < k->depth; c++)
    out[c] = a->bilinear ? between(k, at_y, at_x, c) : pixel(k, roundf(at_y), roundf(at_x), c);
}

static uf_status warp_prepare(ufi_ctx *ctx) {
  ufi_want_scratch(ctx, (size_t)(ctx->in[0]->count + ctx->out[0]->dims[3]) * sizeof(double));
  return UF_OK;
}

static uf_status warp_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *t = ctx->in[1], *out = ctx->out[0];
  double *all = ctx->scratch, *one = all + in->count;
  warp k = {.h = in->dims[1], .w = in->dims[2], .depth = in->dims[3]};
  const int64_t height = out->dims[1], width = out->dims[2], bytes = uf_dtype_bits(out->dtype) / 8;
  k.outside = ctx->n_in > 3 ? (double)*(const float *)ctx->in[3]->data : 0.0;
  UFI_TRY(ufi_convert(in->dtype, in->data, in->count, UF_FLOAT64, all, ctx->error));
  for (int64_t p = 0; out->count && p < out->dims[0] * height * width; p++) {
    const int64_t b = p / (height * width);
    k.in = all + b * k.h * k.w * k.depth;
    warp_point(ctx->attrs, &k, (const float *)t->data + (t->dims[0] > 1 ? 8 * b : 0), p / width % height, p % width, one);
    UFI_TRY(ufi_convert(UF_FLOAT64, one, k.depth, out->dtype, (uint8_t *)out->data + p * k.depth * bytes, ctx->error));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_IMAGE_PROJECTIVE_TRANSFORM = {
  .attrs_size = sizeof(warp_attrs), .attrs_tf = warp_attrs_tf, .infer = warp_infer, .prepare = warp_prepare,
  .eval = warp_eval,
};

/* ---- ExtractGlimpse ----------------------------------------------------------------------------------- */

enum { NOISE_UNIFORM, NOISE_GAUSSIAN, NOISE_ZERO };

typedef struct glimpse_attrs {
  bool centered, normalized, second;
  int32_t noise;
} glimpse_attrs;

static uf_status glimpse_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  static const char *const kinds[] = {"uniform", "gaussian", "zero", NULL};
  glimpse_attrs *a = memory;
  a->centered = ufi_tf_bool(from, "centered");
  a->normalized = ufi_tf_bool(from, "normalized");
  a->second = strcmp(from->op, "ExtractGlimpseV2") == 0;
  UFI_TRY(ufi_tf_choice(from, "noise", kinds, &a->noise, error));
  if (!ufi_tf_bool(from, "uniform_noise") || a->noise != NOISE_ZERO) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected uniform_noise false where noise is 'zero', found true");
}

static uf_status glimpse_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *offsets = ctx->in[2];
  int64_t dims[4];
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, in, 4, 4));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 1, 1));
  if (offsets->rank != 2 || offsets->dims[0] != in->dims[0] || offsets->dims[1] != 2) {
    char text[UFI_SHAPE_TEXT];
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected offsets (%lld, 2), found %s", (long long)in->dims[0],
                        ufi_shape_text(offsets->rank, offsets->dims, text));
  }
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[1], 2, dims + 1));
  dims[0] = in->dims[0];
  dims[3] = in->dims[3];
  if (dims[1] < 1 || dims[2] < 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a glimpse of 1 x 1 or more, found %lld x %lld",
                        (long long)dims[1], (long long)dims[2]);
  return ufi_out_shape(ctx, 0, 4, dims);
}

static int64_t glimpse_start(const glimpse_attrs *a, float offset, int64_t in, int64_t out) {
  if (a->normalized) offset *= (float)in;
  const bool pixels = a->second && !a->normalized; /* from the centre to the window's corner */
  if (a->centered) offset = (pixels ? offset : offset / 2.0f) + (float)in / 2.0f;
  if (!a->second || (a->centered && !pixels)) offset -= (float)out / 2.0f;
  return whole(offset);
}

static float noise(const glimpse_attrs *a, ufi_philox_words *words, const float range[2]) {
  float two[2];
  if (a->noise == NOISE_ZERO) return 0.0f;
  if (a->noise == NOISE_UNIFORM) return range[0] + (range[1] - range[0]) * ufi_random_float(ufi_philox_word(words));
  const uint32_t first = ufi_philox_word(words);
  ufi_random_normal_f32(first, ufi_philox_word(words), two);
  return fminf(fmaxf((range[0] + range[1]) / 2.0f + two[0] * (range[1] - range[0]) / 6.0f, range[0]), range[1]);
}

/* Pixels outside the image are noise in the range of its values; nobody can foresee it. */
static uf_status glimpse_eval(ufi_ctx *ctx) {
  const glimpse_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  const int64_t h = in->dims[1], w = in->dims[2], depth = in->dims[3], height = out->dims[1], width = out->dims[2];
  const float *from = in->data, *offsets = ctx->in[2]->data;
  float *to = out->data, range[2] = {0, 0};
  ufi_philox_words words = {.gen = ufi_philox_seeded(ufi_random_entropy(), 0), .used = 4};
  for (int64_t i = 0; i < in->count; i++) {
    range[0] = i ? fminf(range[0], from[i]) : from[i];
    range[1] = i ? fmaxf(range[1], from[i]) : from[i];
  }
  for (int64_t b = 0; b < out->dims[0]; b++) {
    const int64_t top = glimpse_start(a, offsets[2 * b], h, height), left = glimpse_start(a, offsets[2 * b + 1], w, width);
    for (int64_t y = top; y < top + height; y++)
      for (int64_t x = left; x < left + width; x++)
        for (int64_t c = 0; c < depth; c++) {
          const bool inside = y >= 0 && y < h && x >= 0 && x < w;
          *to++ = inside ? from[((b * h + y) * w + x) * depth + c] : noise(a, &words, range);
        }
  }
  return UF_OK;
}

const ufi_op_def ufi_op_EXTRACT_GLIMPSE = {
  .attrs_size = sizeof(glimpse_attrs), .attrs_tf = glimpse_attrs_tf, .infer = glimpse_infer, .eval = glimpse_eval,
};
