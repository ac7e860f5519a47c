/* SPDX-License-Identifier: Apache-2.0
 *
 * image_png.c: PNG through libpng, asked for the conversions that TensorFlow asks it for.
 */
#include "ops/image_codec.h"

#ifndef UF_HAVE_PNG

uf_status ufi_png_decode(ufi_ctx *ctx, uf_string file, int32_t channels, bool wide, ufi_picture *picture_out) {
  return ufi_no_codec(ctx, "PNG", "libpng");
}
uf_status ufi_png_encode(ufi_ctx *ctx, const ufi_picture *picture, int32_t compression, ufi_chars *file) {
  return ufi_no_codec(ctx, "PNG", "libpng");
}

#else

#include <png.h>

/* What the library's callbacks and its long jumps need; outside of the frames that setjmp sees. */
typedef struct png_work {
  uf_string file;
  size_t at;
  ufi_chars *out;
  char message[128];
  png_structp png;
  png_infop info;
  png_bytep *rows;
} png_work;

static void on_error(png_structp png, png_const_charp message) {
  png_work *w = png_get_error_ptr(png);
  strncpy(w->message, message, sizeof w->message - 1);
  longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp message) {}

static void on_read(png_structp png, png_bytep to, png_size_t n) {
  png_work *w = png_get_io_ptr(png);
  if (n > w->file.size - w->at) png_error(png, "the file ends too early");
  memcpy(to, w->file.data + w->at, n);
  w->at += n;
}

static void on_write(png_structp png, png_bytep from, png_size_t n) {
  ufi_chars_add(((png_work *)png_get_io_ptr(png))->out, from, n);
}

static void on_flush(png_structp png) {}

static png_voidp on_malloc(png_structp png, png_alloc_size_t size) { return ufi_malloc(size); }
static void on_free(png_structp png, png_voidp memory) { ufi_free(memory); }

static uf_status bad_png(ufi_ctx *ctx, const png_work *w) {
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a PNG file, found one that cannot be read: %s", w->message);
}

/* The conversions from what the file has to `channels` of 8 or 16 bits; 0: chooses. */
static int32_t ask_for(png_work *w, int32_t channels, bool wide) {
  png_structp png = w->png;
  const int type = png_get_color_type(png, w->info), bits = png_get_bit_depth(png, w->info);
  const bool trans = png_get_valid(png, w->info, PNG_INFO_tRNS) != 0, alpha = (type & PNG_COLOR_MASK_ALPHA) != 0;
  const bool grey = !(type & PNG_COLOR_MASK_COLOR), palette = type == PNG_COLOR_TYPE_PALETTE;
  if (channels == 0) channels = palette ? (trans ? 4 : 3) : (int32_t)png_get_channels(png, w->info);
  if (bits == 16 && !wide) png_set_strip_16(png);
  if (palette) png_set_palette_to_rgb(png);
  if (grey && bits < 8) png_set_expand_gray_1_2_4_to_8(png);
  if (channels % 2 == 0) {
    if (trans) png_set_tRNS_to_alpha(png);
    else if (!alpha) /* of so few bits also where they became 8, as there */
      png_set_add_alpha(png, (1u << bits) - 1, PNG_FILLER_AFTER);
  } else if (alpha || trans) {
    png_set_strip_alpha(png);
  }
  if (channels < 3 && !grey) png_set_rgb_to_gray_fixed(png, 1, 29900, 58700);
  if (channels > 2 && grey) png_set_gray_to_rgb(png);
  if (wide && bits == 16) png_set_swap(png);
  png_set_packing(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, w->info);
  return channels;
}

/* Rows of 8 bits in the first half of the memory become 16. */
static void widen(ufi_picture *p) {
  const uint8_t *from = p->data;
  uint16_t *to = p->data;
  for (int64_t i = p->height * p->width * p->channels - 1; i >= 0; i--) to[i] = (uint16_t)(from[i] * 257);
}

static uf_status decode(ufi_ctx *ctx, png_work *w, int32_t channels, bool wide, ufi_picture *p) {
  if (setjmp(png_jmpbuf(w->png))) return bad_png(ctx, w);
  png_set_read_fn(w->png, w, on_read);
  png_read_info(w->png, w->info);
  const bool was_wide = png_get_bit_depth(w->png, w->info) == 16;
  *p = (ufi_picture){.frames = 1, .height = png_get_image_height(w->png, w->info),
                     .width = png_get_image_width(w->png, w->info), .wide = wide};
  p->channels = ask_for(w, channels, wide);
  const size_t row = (size_t)(p->width * p->channels) * (wide && was_wide ? 2 : 1);
  if (png_get_rowbytes(w->png, w->info) != row) {
    strncpy(w->message, "rows of another size", sizeof w->message - 1);
    return bad_png(ctx, w);
  }
  UFI_TRY(ufi_picture_alloc(ctx, p));
  w->rows = ufi_malloc((size_t)p->height * sizeof *w->rows);
  if (w->rows == NULL) return ufi_no_memory(ctx->error, (size_t)p->height * sizeof *w->rows);
  for (int64_t y = 0; y < p->height; y++) w->rows[y] = (png_bytep)p->data + (size_t)y * row;
  png_read_image(w->png, w->rows);
  if (wide && !was_wide) widen(p);
  return UF_OK;
}

uf_status ufi_png_decode(ufi_ctx *ctx, uf_string file, int32_t channels, bool wide, ufi_picture *picture_out) {
  png_work w = {.file = file};
  *picture_out = (ufi_picture){0};
  w.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &w, on_error, on_warning, NULL, on_malloc, on_free);
  w.info = w.png ? png_create_info_struct(w.png) : NULL;
  uf_status status = w.info ? decode(ctx, &w, channels, wide, picture_out) : ufi_no_memory(ctx->error, 4096);
  png_destroy_read_struct(&w.png, &w.info, NULL);
  ufi_free(w.rows);
  if (status != UF_OK) ufi_picture_free(picture_out);
  return status;
}

static uf_status encode(ufi_ctx *ctx, png_work *w, const ufi_picture *p, int32_t compression) {
  static const int types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGBA};
  const size_t row = (size_t)(p->width * p->channels) * (p->wide ? 2 : 1);
  if (setjmp(png_jmpbuf(w->png)))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a picture that PNG can hold, found: %s", w->message);
  png_set_write_fn(w->png, w, on_write, on_flush);
  if (compression >= 0) png_set_compression_level(w->png, compression);
  png_set_IHDR(w->png, w->info, (png_uint_32)p->width, (png_uint_32)p->height, p->wide ? 16 : 8, types[p->channels],
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(w->png, w->info);
  if (p->wide) png_set_swap(w->png);
  for (int64_t y = 0; y < p->height; y++) png_write_row(w->png, (png_bytep)p->data + (size_t)y * row);
  png_write_end(w->png, NULL);
  return UF_OK;
}

uf_status ufi_png_encode(ufi_ctx *ctx, const ufi_picture *picture, int32_t compression, ufi_chars *file) {
  png_work w = {.out = file};
  w.png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &w, on_error, on_warning, NULL, on_malloc, on_free);
  w.info = w.png ? png_create_info_struct(w.png) : NULL;
  uf_status status = w.info ? encode(ctx, &w, picture, compression) : ufi_no_memory(ctx->error, 4096);
  png_destroy_write_struct(&w.png, &w.info);
  return status;
}

#endif
