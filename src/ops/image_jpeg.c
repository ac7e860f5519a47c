/* SPDX-License-Identifier: Apache-2.0
 *
 * image_jpeg.c: JPEG through libjpeg (or what calls itself so). What is made of the missing part of
 * a file that is cut off, when try_recover_truncated asks for it, is the library's own affair.
 */
#include "ops/image_codec.h"

#ifndef UF_HAVE_JPEG

uf_status ufi_jpeg_decode(ufi_ctx *ctx, uf_string file, const ufi_jpeg_attrs *attrs, ufi_picture *picture_out) {
  return ufi_no_codec(ctx, "JPEG", "libjpeg");
}
uf_status ufi_jpeg_shape(ufi_ctx *ctx, uf_string file, int64_t shape[3]) { return ufi_no_codec(ctx, "JPEG", "libjpeg"); }
uf_status ufi_jpeg_encode(ufi_ctx *ctx, const ufi_picture *picture, const ufi_jpeg_encode_attrs *attrs,
                          ufi_chars *file) {
  return ufi_no_codec(ctx, "JPEG", "libjpeg");
}

#else

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

typedef struct jpeg_work {
  struct jpeg_error_mgr errors;  /* first: the library gives this pointer back */
  jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
  struct jpeg_decompress_struct in;
  struct jpeg_compress_struct out;
  uint8_t *line;
  unsigned char *made;           /* by the library's memory destination */
  unsigned long made_size;
} jpeg_work;

static void on_error(j_common_ptr info) {
  jpeg_work *w = (jpeg_work *)info->err;
  info->err->format_message(info, w->message);
  longjmp(w->jump, 1);
}

static void on_message(j_common_ptr info) {}

static uf_status bad_jpeg(ufi_ctx *ctx, const jpeg_work *w) {
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a JPEG file, found one that cannot be read: %s", w->message);
}

static void begin(jpeg_work *w, struct jpeg_error_mgr **errors) {
  *errors = jpeg_std_error(&w->errors);
  w->errors.error_exit = on_error;
  w->errors.output_message = on_message;
}

/* Adobe's files hold 255 less the amount of ink. */
static void ink_to_rgb(const uint8_t *from, int64_t n, bool inverted, int64_t channels, uint8_t *to) {
  for (int64_t i = 0; i < n; i++, from += 4, to += channels) {
    int rgb[3];
    for (int c = 0; c < 3; c++)
      rgb[c] = inverted ? from[3] * from[c] / 255 : (255 - from[3]) * (255 - from[c]) / 255;
    for (int c = 0; c < 3 && channels == 3; c++) to[c] = (uint8_t)rgb[c];
    if (channels == 1) to[0] = (uint8_t)((rgb[0] * 299 + rgb[1] * 587 + rgb[2] * 114) / 1000);
  }
}

static void ask_for(struct jpeg_decompress_struct *in, const ufi_jpeg_attrs *a, int64_t channels) {
  const bool ink = in->jpeg_color_space == JCS_CMYK || in->jpeg_color_space == JCS_YCCK;
  in->out_color_space = ink ? JCS_CMYK : channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  in->do_fancy_upsampling = a->fancy;
  in->scale_num = 1;
  in->scale_denom = (unsigned)a->ratio;
  in->dct_method = a->fast_dct ? JDCT_IFAST : JDCT_ISLOW;
}

static uf_status decode(ufi_ctx *ctx, jpeg_work *w, uf_string file, const ufi_jpeg_attrs *a, ufi_picture *p) {
  struct jpeg_decompress_struct *in = &w->in;
  if (setjmp(w->jump)) return bad_jpeg(ctx, w);
  jpeg_create_decompress(in);
  jpeg_mem_src(in, (const unsigned char *)file.data, file.size);
  jpeg_read_header(in, TRUE);
  const int64_t channels = a->channels ? a->channels : UFI_MIN(in->num_components, 3);
  ask_for(in, a, channels);
  jpeg_start_decompress(in);
  *p = (ufi_picture){.frames = 1, .height = in->output_height, .width = in->output_width, .channels = channels};
  UFI_TRY(ufi_picture_alloc(ctx, p));
  const bool ink = in->out_color_space == JCS_CMYK;
  const size_t row = (size_t)(p->width * p->channels);
  w->line = ufi_malloc((size_t)p->width * 4);
  if (w->line == NULL) return ufi_no_memory(ctx->error, (size_t)p->width * 4);
  while (in->output_scanline < in->output_height) {
    uint8_t *to = (uint8_t *)p->data + in->output_scanline * row;
    JSAMPROW one = ink ? w->line : to;
    if (jpeg_read_scanlines(in, &one, 1) != 1) {
      strncpy(w->message, "its data is damaged or ends too early", sizeof w->message - 1);
      return bad_jpeg(ctx, w);
    }
    if (ink) ink_to_rgb(w->line, p->width, in->saw_Adobe_marker, channels, to);
  }
  if (w->errors.num_warnings > 0 && !a->recover) {
    strncpy(w->message, "its data is damaged or ends too early", sizeof w->message - 1);
    return bad_jpeg(ctx, w);
  }
  jpeg_finish_decompress(in);
  return UF_OK;
}

uf_status ufi_jpeg_decode(ufi_ctx *ctx, uf_string file, const ufi_jpeg_attrs *attrs, ufi_picture *picture_out) {
  jpeg_work w = {0};
  *picture_out = (ufi_picture){0};
  begin(&w, &w.in.err);
  uf_status status = decode(ctx, &w, file, attrs, picture_out);
  jpeg_destroy_decompress(&w.in);
  ufi_free(w.line);
  if (status != UF_OK) ufi_picture_free(picture_out);
  return status;
}

static uf_status read_shape(ufi_ctx *ctx, jpeg_work *w, uf_string file, int64_t shape[3]) {
  if (setjmp(w->jump)) return bad_jpeg(ctx, w);
  jpeg_create_decompress(&w->in);
  jpeg_mem_src(&w->in, (const unsigned char *)file.data, file.size);
  jpeg_read_header(&w->in, TRUE);
  jpeg_calc_output_dimensions(&w->in);
  shape[0] = w->in.output_height;
  shape[1] = w->in.output_width;
  shape[2] = w->in.num_components;
  return UF_OK;
}

uf_status ufi_jpeg_shape(ufi_ctx *ctx, uf_string file, int64_t shape[3]) {
  jpeg_work w = {0};
  begin(&w, &w.in.err);
  uf_status status = read_shape(ctx, &w, file, shape);
  jpeg_destroy_decompress(&w.in);
  return status;
}

static void write_xmp(struct jpeg_compress_struct *out, uf_string xmp) {
  static const char prefix[] = "http://ns.adobe.com/xap/1.0/";
  if (xmp.size == 0 || xmp.size > 65000) return;
  jpeg_write_m_header(out, JPEG_APP0 + 1, (unsigned)(sizeof prefix + xmp.size));
  for (size_t i = 0; i < sizeof prefix; i++) jpeg_write_m_byte(out, prefix[i]);
  for (size_t i = 0; i < xmp.size; i++) jpeg_write_m_byte(out, (uint8_t)xmp.data[i]);
}

static uf_status encode(ufi_ctx *ctx, jpeg_work *w, const ufi_picture *p, const ufi_jpeg_encode_attrs *a) {
  struct jpeg_compress_struct *out = &w->out;
  if (setjmp(w->jump))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a picture that JPEG can hold, found: %s", w->message);
  jpeg_create_compress(out);
  jpeg_mem_dest(out, &w->made, &w->made_size);
  out->image_width = (JDIMENSION)p->width;
  out->image_height = (JDIMENSION)p->height;
  out->input_components = (int)p->channels;
  out->in_color_space = p->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(out);
  out->optimize_coding = a->optimize;
  out->density_unit = a->inches ? 1 : 2;
  out->X_density = (UINT16)a->x_density;
  out->Y_density = (UINT16)a->y_density;
  for (int c = 0; c < out->num_components && !a->downsample; c++)
    out->comp_info[c].h_samp_factor = out->comp_info[c].v_samp_factor = 1;
  jpeg_set_quality(out, a->quality, TRUE);
  if (a->progressive) jpeg_simple_progression(out);
  jpeg_start_compress(out, TRUE);
  write_xmp(out, a->xmp);
  while (out->next_scanline < out->image_height) {
    JSAMPROW row = (JSAMPROW)p->data + (size_t)out->next_scanline * (size_t)(p->width * p->channels);
    jpeg_write_scanlines(out, &row, 1);
  }
  jpeg_finish_compress(out);
  return UF_OK;
}

uf_status ufi_jpeg_encode(ufi_ctx *ctx, const ufi_picture *picture, const ufi_jpeg_encode_attrs *attrs,
                          ufi_chars *file) {
  jpeg_work w = {0};
  begin(&w, &w.out.err);
  uf_status status = encode(ctx, &w, picture, attrs);
  if (status == UF_OK) ufi_chars_add(file, w.made, w.made_size);
  jpeg_destroy_compress(&w.out);
  free(w.made); /* the library took it from malloc itself */
  return status;
}

#endif
