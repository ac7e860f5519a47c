/* SPDX-License-Identifier: Apache-2.0
 *
 * strips.h: convolutions that read each other, as one: pointwise and depthwise ones, and those of windows with few weights.
 *
 * What lies between them are the largest values of many a model, and next to no work is done with each of their elements. So
 * a thread makes some lines of the first at a time, always in the same memory, which stays in its cache, then what they
 * suffice for of the next, and so on. Lines that two threads need are made by both. What comes out is bit for bit what the
 * convolutions give one after the other.
 */
#ifndef UFI_OPS_STRIPS_H
#define UFI_OPS_STRIPS_H

#include "ops/conv.h"

typedef struct ufi_strips ufi_strips;

/* Lines [first, first + lines) of an image of the output, made by one of the pool's threads, `worker`. Of the image that they
 * see, `in` has lines [in_first, in_first + in_lines); what else they see is padding. */
typedef struct ufi_strip {
  int64_t first, lines;
  const void *in;
  int64_t in_first, in_lines;
  void *out;
  size_t worker;
} ufi_strip;

/* A convolution that can make lines of its output from lines of its image. */
struct ufi_strips {
  int64_t batch, in_h, out_h;
  int64_t reach, stride, pad;  /* output line y sees lines [y * stride - pad, y * stride - pad + reach) */
  int64_t out_w;
  size_t in_line, out_line;    /* bytes */
  size_t own_bytes;            /* that `begin` wants */
  uf_status (*begin)(ufi_ctx *ctx, ufi_strips *s); /* in eval, once: packs weights, fills own */
  void (*run)(const ufi_strips *s, const ufi_strip *strip);
  void *own;
  /* NULL, or what is done to lines when they are made: `rows` pixels of the output, from `row` on, which lie at `lines`. */
  void (*then)(void *context, int64_t row, int64_t rows, void *lines);
  void *context;
};

/* What the ops' `strips` (op.h) says of a node. */
bool ufi_conv_f32_strips(const ufi_conv_geometry *g, ufi_strips *s);
bool ufi_conv_quant_strips(const ufi_conv_geometry *g, ufi_strips *s);
bool ufi_depthwise_f32_strips(const ufi_conv_geometry *g, ufi_strips *s);
bool ufi_depthwise_quant_strips(const ufi_conv_geometry *g, ufi_strips *s);
/* Fills in what follows from g, elements of so many bytes. */
void ufi_strips_set(const ufi_conv_geometry *g, int64_t element, ufi_strips *s);
/* Of convolutions whose weight stays as it is: whether it is a product of each pixel's channels; or one of windows that
 * step over lines and has few weights, as the first layer of a network, so that these stay in the cache with the lines. */
bool ufi_conv_makes_lines(const ufi_conv_geometry *g);
/* The image that a strip's lines see: what of `in` they do, how many lines that are, and of padding above. */
const void *ufi_strip_image(const ufi_strips *s, const ufi_strip *strip, int64_t *in_h, int64_t *pad_top);

/* Convolutions of which each but the first sees what the one before it makes. */
enum { UFI_STRIPS_MAX = 3 };
/* Whether lines of `from` are what `to` sees, and these are few enough. */
bool ufi_strips_fit(const ufi_strips *from, const ufi_strips *to);
/* Bytes of lines that each thread keeps, of n convolutions of which each fits the next. */
size_t ufi_strips_buffer(const ufi_strips *all, int32_t n);
/* buffers: so many bytes for each thread. All have begun. */
void ufi_strips_run(ufi_pool *pool, const ufi_strips *all, int32_t n, const void *in, void *out, void *buffers);

#endif
