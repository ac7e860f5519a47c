/* SPDX-License-Identifier: Apache-2.0
 *
 * image_codec.h: pictures to and from files. PNG and JPEG need libpng and libjpeg, with which unflow
 * may be built without (meson option `images`): then their functions say what is missing.
 */
#ifndef UFI_IMAGE_CODEC_H
#define UFI_IMAGE_CODEC_H

#include "ops/chars.h"
#include "ops/op.h"

/* (frames, height, width, channels) of 8 or 16 bits, in memory that ufi_picture_free frees. */
typedef struct ufi_picture {
  int64_t frames, height, width, channels;
  bool wide;
  void *data;
} ufi_picture;
/* Memory for what the fields say: zeroed. INVALID_ARGUMENT: larger than pictures may be. */
uf_status ufi_picture_alloc(ufi_ctx *ctx, ufi_picture *picture) UF_MUST_USE;
void ufi_picture_free(ufi_picture *picture);
/* As the lib is not there. */
uf_status ufi_no_codec(ufi_ctx *ctx, const char *what, const char *library);

/* channels 0: as many as the file has. On failure there is no picture. */
uf_status ufi_png_decode(ufi_ctx *ctx, uf_string file, int32_t channels, bool wide, ufi_picture *picture_out) UF_MUST_USE;
uf_status ufi_png_encode(ufi_ctx *ctx, const ufi_picture *picture, int32_t compression, ufi_chars *file) UF_MUST_USE;

typedef struct ufi_jpeg_attrs {
  int32_t channels, ratio;
  bool fancy, recover, fast_dct; /* recover: a file that is cut off is shown as far as it goes */
} ufi_jpeg_attrs;
uf_status ufi_jpeg_decode(ufi_ctx *ctx, uf_string file, const ufi_jpeg_attrs *attrs, ufi_picture *picture_out) UF_MUST_USE;
uf_status ufi_jpeg_shape(ufi_ctx *ctx, uf_string file, int64_t shape[3]) UF_MUST_USE;

typedef struct ufi_jpeg_encode_attrs {
  int32_t quality, x_density, y_density, format; /* format: channels, 0 as the image has */
  bool progressive, optimize, downsample, inches;
  uf_string xmp;
} ufi_jpeg_encode_attrs;
uf_status ufi_jpeg_encode(ufi_ctx *ctx, const ufi_picture *picture, const ufi_jpeg_encode_attrs *attrs, ufi_chars *file) UF_MUST_USE;

/* Our own. */
uf_status ufi_bmp_decode(ufi_ctx *ctx, uf_string file, int32_t channels, ufi_picture *picture_out) UF_MUST_USE;
uf_status ufi_gif_decode(ufi_ctx *ctx, uf_string file, bool first_only, ufi_picture *picture_out) UF_MUST_USE;

#endif
