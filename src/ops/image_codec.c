/* SPDX-License-Identifier: Apache-2.0
 *
 * image_codec.c: TensorFlow's ops that read and write pictures. Each of DecodePng, DecodeJpeg,
 * DecodeGif and DecodeImage takes what the file turns out to be, as there.
 */
#include "ops/image_codec.h"

#include "ops/move.h"

enum { OP_IMAGE, OP_PNG, OP_JPEG, OP_CROP, OP_GIF, OP_BMP };

typedef struct decode_attrs {
  int32_t op;
  bool animations;
  ufi_jpeg_attrs jpeg;
} decode_attrs;

static uf_status decode_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  static const char *const names[] = {"DecodeImage", "DecodePng", "DecodeJpeg", "DecodeAndCropJpeg", "DecodeGif",
                                      "DecodeBmp"};
  decode_attrs *a = memory;
  for (int32_t i = 0; i < (int32_t)UFI_COUNT(names); i++)
    if (strcmp(from->op, names[i]) == 0) a->op = i;
  const bool is_jpeg = a->op == OP_JPEG || a->op == OP_CROP;
  a->animations = ufi_tf_bool(from, "expand_animations");
  a->jpeg = (ufi_jpeg_attrs){.channels = (int32_t)ufi_tf_int(from, "channels"), .ratio = 1, .fancy = true, .fast_dct = true};
  const int32_t c = a->jpeg.channels;
  if (c < 0 || c == 2 || c > 4 || (is_jpeg && c == 4) || (a->op == OP_BMP && c == 1))
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected channels 0, 1, 3 or 4 (not 4 for JPEG, nor 1 for BMP), found %d", (int)c);
  if (!is_jpeg) return UF_OK;
  a->jpeg.ratio = (int32_t)ufi_tf_int(from, "ratio");
  a->jpeg.fancy = ufi_tf_bool(from, "fancy_upscaling");
  a->jpeg.recover = ufi_tf_bool(from, "try_recover_truncated");
  a->jpeg.fast_dct = strcmp(ufi_tf_text(from, "dct_method"), "INTEGER_ACCURATE") != 0;
  const int32_t r = a->jpeg.ratio;
  if (r == 1 || r == 2 || r == 4 || r == 8) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a ratio of 1, 2, 4 or 8, found %d", (int)r);
}

static uf_status decode_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_STRING, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 0, 0));
  return ufi_want_out(ctx, 0, UF_UINT8, UF_UINT16, UF_FLOAT32, UF_INVALID);
}

static bool starts(uf_string file, const char *magic, size_t n) {
  return file.size >= n && memcmp(file.data, magic, n) == 0;
}

static uf_status wrong_file(ufi_ctx *ctx, const char *expected, const char *found) {
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s, found %s", expected, found);
}

static uf_status read_picture(ufi_ctx *ctx, const decode_attrs *a, ufi_picture *p) {
  const uf_string file = *ufi_strings(ctx->in[0]);
  const bool wide = ctx->out[0]->dtype != UF_UINT8;
  if (starts(file, "\x89PNG\r\n\x1a\n", 8)) {
    if (a->op == OP_CROP || a->op == OP_BMP) return wrong_file(ctx, a->op == OP_BMP ? "a BMP file" : "a JPEG file", "PNG");
    return ufi_png_decode(ctx, file, a->jpeg.channels, wide, p);
  }
  if (starts(file, "\xff\xd8\xff", 3)) {
    if (a->op == OP_BMP) return wrong_file(ctx, "a BMP file", "JPEG");
    if (a->jpeg.channels == 4) return wrong_file(ctx, "channels 0, 1 or 3 for JPEG", "4");
    return ufi_jpeg_decode(ctx, file, &a->jpeg, p);
  }
  if (starts(file, "GIF8", 4)) {
    if (a->op == OP_CROP || a->op == OP_BMP) return wrong_file(ctx, a->op == OP_BMP ? "a BMP file" : "a JPEG file", "GIF");
    if (a->jpeg.channels != 0 && a->jpeg.channels != 3) return wrong_file(ctx, "channels 0 or 3 for GIF", "others");
    UFI_TRY(ufi_gif_decode(ctx, file, a->op == OP_IMAGE && !a->animations, p));
    if (p->frames == 1 || a->op == OP_GIF || a->op == OP_IMAGE) return UF_OK;
    ufi_picture_free(p);
    return wrong_file(ctx, "a picture of one frame", "an animation");
  }
  if (starts(file, "BM", 2) && (a->op == OP_BMP || a->op == OP_IMAGE))
    return ufi_bmp_decode(ctx, file, a->jpeg.channels, p);
  return wrong_file(ctx, "a BMP, GIF, JPEG or PNG file", "bytes of none of them");
}

/* y, x, height, width within the picture. */
static uf_status crop_picture(ufi_ctx *ctx, ufi_picture *p) {
  int64_t window[4];
  UFI_TRY(ufi_move_ints(ctx, ctx->in[1], 4, window));
  const bool good = window[0] >= 0 && window[1] >= 0 && window[2] > 0 && window[3] > 0 &&
                    window[0] + window[2] <= p->height && window[1] + window[3] <= p->width;
  if (!good)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a window within %lld x %lld, found (%lld, %lld, %lld, %lld)",
                        (long long)p->height, (long long)p->width, (long long)window[0], (long long)window[1],
                        (long long)window[2], (long long)window[3]);
  const size_t pixel = (size_t)p->channels, row = (size_t)p->width * pixel, part = (size_t)window[3] * pixel;
  uint8_t *data = p->data;
  for (int64_t y = 0; y < window[2]; y++)
    memmove(data + (size_t)y * part, data + (size_t)(window[0] + y) * row + (size_t)window[1] * pixel, part);
  p->height = window[2];
  p->width = window[3];
  return UF_OK;
}

/* 8 bits become 16 by 257; a float is 1 for the largest value. */
static void store_pixels(const ufi_picture *p, int64_t n, const ufi_tensor *out) {
  for (int64_t i = 0; i < n; i++) {
    const uint16_t value = p->wide ? ((const uint16_t *)p->data)[i] : ((const uint8_t *)p->data)[i];
    if (out->dtype == UF_UINT8) ((uint8_t *)out->data)[i] = (uint8_t)value;
    else if (out->dtype == UF_UINT16) ((uint16_t *)out->data)[i] = p->wide ? value : (uint16_t)(value * 257);
    else ((float *)out->data)[i] = (float)value * (p->wide ? 1.0f / 65535.0f : 1.0f / 255.0f);
  }
}

static uf_status decode_eval(ufi_ctx *ctx) {
  const decode_attrs *a = ctx->attrs;
  ufi_picture p = {0};
  UFI_TRY(read_picture(ctx, a, &p));
  uf_status status = a->op == OP_CROP ? crop_picture(ctx, &p) : UF_OK;
  const int64_t dims[4] = {p.frames, p.height, p.width, p.channels};
  /* Whether it is an animation is told by the file, and by DecodeGif. */
  const bool many = a->op == OP_GIF || (a->op == OP_IMAGE && a->animations && starts(*ufi_strings(ctx->in[0]), "GIF8", 4));
  if (status == UF_OK) status = ufi_out_shape(ctx, 0, many ? 4 : 3, many ? dims : dims + 1);
  if (status == UF_OK) store_pixels(&p, ctx->out[0]->count, ctx->out[0]);
  ufi_picture_free(&p);
  return status;
}

const ufi_op_def ufi_op_DECODE_IMAGE = {
  .attrs_size = sizeof(decode_attrs), .attrs_tf = decode_attrs_tf, .infer = decode_infer, .eval = decode_eval,
};

static uf_status shape_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_STRING, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 0, 0));
  return ufi_out_shape(ctx, 0, 1, &(const int64_t){3});
}

static uf_status shape_eval(ufi_ctx *ctx) {
  int64_t shape[3];
  UFI_TRY(ufi_jpeg_shape(ctx, *ufi_strings(ctx->in[0]), shape));
  return ufi_convert(UF_INT64, shape, 3, ctx->out[0]->dtype, ctx->out[0]->data, ctx->error);
}

const ufi_op_def ufi_op_EXTRACT_JPEG_SHAPE = {.infer = shape_infer, .eval = shape_eval};

/* ---- encoding ------------------------------------------------------------------------------------- */

typedef struct encode_png_attrs {
  int64_t compression;
} encode_png_attrs;

static uf_status encode_png_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  encode_png_attrs *a = memory;
  a->compression = ufi_tf_int(from, "compression");
  if (a->compression >= -1 && a->compression <= 9) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a compression of -1 to 9, found %lld", (long long)a->compression);
}

static uf_status encode_png_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  UFI_TRY(ufi_want_in(ctx, 0, UF_UINT8, UF_UINT16, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, in, 3, UF_MAX_RANK));
  const int64_t c = in->dims[in->rank - 1];
  if (in->count > 0 && c >= 1 && c <= 4) return ufi_out_shape(ctx, 0, in->rank - 3, in->dims);
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected pictures of 1 to 4 channels, found %lld", (long long)c);
}

static ufi_picture picture_at(const ufi_tensor *in, int64_t i) {
  ufi_picture p = {.frames = 1, .height = in->dims[in->rank - 3], .width = in->dims[in->rank - 2],
                   .channels = in->dims[in->rank - 1], .wide = in->dtype == UF_UINT16};
  p.data = (uint8_t *)in->data + i * p.height * p.width * p.channels * (p.wide ? 2 : 1);
  return p;
}

static uf_status encode_png_eval(ufi_ctx *ctx) {
  const encode_png_attrs *a = ctx->attrs;
  ufi_chars *file;
  UFI_TRY(ufi_chars_begin(ctx, &file));
  for (int64_t i = 0; i < ctx->out[0]->count; i++) {
    const ufi_picture p = picture_at(ctx->in[0], i);
    UFI_TRY(ufi_png_encode(ctx, &p, (int32_t)a->compression, file));
    UFI_TRY(ufi_chars_take(ctx, file, &ufi_strings(ctx->out[0])[i]));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_ENCODE_PNG = {
  .attrs_size = sizeof(encode_png_attrs), .attrs_tf = encode_png_attrs_tf, .infer = encode_png_infer,
  .prepare = ufi_chars_prepare, .eval = encode_png_eval, .release = ufi_chars_release,
};

static uf_status encode_jpeg_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  static const char *const formats[] = {"", "grayscale", "?", "rgb", NULL};
  static const char *const units[] = {"cm", "in", NULL};
  ufi_jpeg_encode_attrs *a = memory;
  int32_t unit = 1;
  a->quality = (int32_t)ufi_tf_int(from, "quality");
  a->progressive = ufi_tf_bool(from, "progressive");
  a->optimize = ufi_tf_bool(from, "optimize_size");
  a->downsample = ufi_tf_bool(from, "chroma_downsampling");
  a->x_density = (int32_t)ufi_tf_int(from, "x_density");
  a->y_density = (int32_t)ufi_tf_int(from, "y_density");
  a->xmp = ufi_tf_bytes(from, "xmp_metadata");
  UFI_TRY(ufi_tf_choice(from, "format", formats, &a->format, error));
  if (strcmp(from->op, "EncodeJpeg") == 0) {
    UFI_TRY(ufi_tf_choice(from, "density_unit", units, &unit, error));
  } else { /* the one whose quality is an input has nothing else to say */
    a->downsample = true;
    a->x_density = a->y_density = 300;
  }
  a->inches = unit == 1;
  if (a->quality >= 0 && a->quality <= 100) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a quality of 0 to 100, found %d", (int)a->quality);
}

static uf_status encode_jpeg_infer(ufi_ctx *ctx) {
  const ufi_jpeg_encode_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  UFI_TRY(ufi_want_in(ctx, 0, UF_UINT8, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, in, 3, 3));
  const int64_t c = in->dims[2];
  const bool good = (c == 1 || c == 3) && (a->format == 0 || c == a->format) && in->count > 0 && in->dims[0] < 65536 &&
                    in->dims[1] < 65536;
  if (good) return ufi_out_shape(ctx, 0, 0, NULL);
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a picture of 1 or 3 channels, as the format says, found "
                      "%lld x %lld of %lld", (long long)in->dims[0], (long long)in->dims[1], (long long)c);
}

static uf_status encode_jpeg_eval(ufi_ctx *ctx) {
  ufi_jpeg_encode_attrs a = *(const ufi_jpeg_encode_attrs *)ctx->attrs;
  ufi_chars *file;
  const ufi_picture p = picture_at(ctx->in[0], 0);
  if (ctx->n_in > 1) {
    int64_t quality;
    UFI_TRY(ufi_move_ints(ctx, ctx->in[1], 1, &quality));
    if (quality < 0 || quality > 100)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a quality of 0 to 100, found %lld", (long long)quality);
    a.quality = (int32_t)quality;
  }
  UFI_TRY(ufi_chars_begin(ctx, &file));
  UFI_TRY(ufi_jpeg_encode(ctx, &p, &a, file));
  return ufi_chars_take(ctx, file, ufi_strings(ctx->out[0]));
}

const ufi_op_def ufi_op_ENCODE_JPEG = {
  .attrs_size = sizeof(ufi_jpeg_encode_attrs), .attrs_tf = encode_jpeg_attrs_tf, .infer = encode_jpeg_infer,
  .prepare = ufi_chars_prepare, .eval = encode_jpeg_eval, .release = ufi_chars_release,
};
