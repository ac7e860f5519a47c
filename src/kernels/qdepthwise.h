/* SPDX-License-Identifier: Apache-2.0
 *
 * qdepthwise.h: depthwise convolution and pooling of integers.
 */
#ifndef UFI_KERNELS_QDEPTHWISE_H
#define UFI_KERNELS_QDEPTHWISE_H

#include "kernels/qgemm.h"

/* Depthwise convolution, a block of q_block channels at a time, in two steps.
 *
 * First the lines of the image that a line of windows sees are zipped: `taps`
 * lines (narrow_taps bytes or wide_taps int16) become an entry of 4 bytes for
 * each pixel and channel, which one instruction multiplies by as many weights.
 * An image has `groups` such entries below each other, and more lines than the
 * window is high when that fills them: then what was zipped serves several lines
 * of output, each with weights of its own, zeros where it has no tap.
 *
 * Then every output pixel is a sum over kernel_w x groups entries. Where the
 * window leaves the image, entries hold the zero point. */
typedef struct ufk_q_line {
  const uint8_t *at;    /* the first pixel's first channel of the block */
  size_t step;          /* bytes to the next pixel; 0: always the same */
} ufk_q_line;

/* Zips groups * taps lines of `width` pixels, n <= q_block channels: `to` is
 * (width, groups, q_block) entries. Channels from n on hold anything. */
typedef void (*ufk_q_zip_fn)(const ufk_q_line *lines, size_t groups, size_t width, size_t n, void *to);

typedef struct ufk_q_depthwise {
  size_t width;             /* output pixels */
  size_t stride, dilation;  /* in zipped pixels */
  size_t kernel_w, groups;
  size_t n;                 /* channels, at most q_block */
  const void *in;           /* zipped, from the first tap of the first output pixel */
  const void *w;            /* (kernel_w, groups, q_block) entries */
  const int32_t *bias;      /* q_block sums to start from */
} ufk_q_depthwise;

/* out[x * out_step + c] for x < width, c < n. */
typedef void (*ufk_q_depthwise_int_fn)(const ufk_q_depthwise *d, const ufk_q_scale *scale, void *out,
                                       size_t out_step);
typedef void (*ufk_q_depthwise_float_fn)(const ufk_q_depthwise *d, const ufk_q_float *scale, float *out,
                                         size_t out_step);

/* Windows of 3x3 over int8 images where entries are 4 bytes: they are made in registers and used at once, by one line of
 * output, or by two where the window moves on by 1. All channels that are wanted go in one call. */
typedef struct ufk_q_window3 {
  const uint8_t *lines[4];  /* of the image under the window, the first pixel's first channel; NULL: outside */
  size_t in_w, before;      /* pixels of a line, and zero points in front of it; what is behind are zero points, too */
  size_t channels;          /* of a pixel, of the image and of the output */
  size_t first, end;        /* the wanted ones; first is a multiple of q_block */
  size_t stride;            /* 1 or 2 */
  size_t out_lines, out_w;
  int8_t zero;
  const void *w;            /* (out_lines, blocks of all channels, 3, q_block) entries */
  const int32_t *bias;      /* of whole blocks */
} ufk_q_window3;

/* out[(line * out_w + x) * channels + c]; scales are those of all channels. */
typedef void (*ufk_q_window3_int_fn)(const ufk_q_window3 *d, const ufk_q_scale *scale, int8_t *out);
typedef void (*ufk_q_window3_float_fn)(const ufk_q_window3 *d, const ufk_q_float *scale, float *out);

/* Windows side by side that have as many taps, at least one: window x has element x * step + c of each of `in`. */
typedef struct ufk_q_pool {
  size_t taps, windows, channels, step;
  const void *const *in;
  int32_t min, max;
} ufk_q_pool;

/* out (windows, channels). Averages round half away from zero. */
typedef void (*ufk_q_pool_fn)(const ufk_q_pool *p, void *out);

typedef struct ufk_qdepthwise_table {
  size_t q_block;
  size_t narrow_taps;       /* 4: bytes, 2: int16; weights are of the same type */
  int32_t narrow_offset;    /* what zip_narrow adds to each value */
  ufk_q_zip_fn zip_narrow;  /* int8 images, int8 weights */
  ufk_q_depthwise_int_fn narrow_s8;
  ufk_q_depthwise_float_fn narrow_float;
  ufk_q_window3_int_fn window3_s8;      /* NULL: zip */
  ufk_q_window3_float_fn window3_float;
  ufk_q_zip_fn zip_wide;    /* uint8 images, int16 weights, 2 taps */
  ufk_q_depthwise_int_fn wide_u8;
  ufk_q_pool_fn max_s8, max_u8, max_s16;
  ufk_q_pool_fn average_s8, average_u8, average_s16;
} ufk_qdepthwise_table;

void ufk_qdepthwise_scalar(ufk_qdepthwise_table *table);
void ufk_qdepthwise_avx2(ufk_qdepthwise_table *table);
void ufk_qdepthwise_avx512(ufk_qdepthwise_table *table);
void ufk_qdepthwise_neon(ufk_qdepthwise_table *table);

#endif
