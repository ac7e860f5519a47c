/* SPDX-License-Identifier: Apache-2.0
 *
 * depthwise_f32.c: DEPTHWISE_CONV_2D in float32.
 *
 * With a multiplier above 1 the image's channels are first repeated into
 * scratch, after which the multiplier is 1. Weights need no packing: they lie
 * as the kernel reads them.
 *
 * Scratch: zeros where there is no bias; then the repeated image.
 */
#include <math.h>

#include "ops/strips.h"

static bool depthwise_sizes(const ufi_conv_geometry *g, size_t *zeros_out, size_t *image_out) {
  size_t image = 0;
  *zeros_out = g->bias ? 0 : ((size_t)g->out_c + 15) / 16 * 16;
  if (g->multiplier > 1 &&
      !ufi_mul_size((size_t)g->input->count, (size_t)g->multiplier, &image)) {
    return false;
  }
  *image_out = image;
  return image <= SIZE_MAX / 8 && *zeros_out <= SIZE_MAX / 8;
}

uf_status ufi_depthwise_f32_prepare(ufi_ctx *ctx, const ufi_conv_geometry *g) {
  UFI_TRY(ufi_conv_want_f32(ctx, g->bias, g->output));
  size_t zeros, image;
  if (!depthwise_sizes(g, &zeros, &image)) {
    return ufi_too_large(ctx);
  }
  ufi_want_scratch(ctx, (zeros + image) * sizeof(float));
  return UF_OK;
}

/* ---- repeating channels -------------------------------------------------------- */

typedef struct repeat_args {
  const float *in;
  float *out;
  size_t times;
} repeat_args;

static void repeat(void *context, size_t begin, size_t end) {
  const repeat_args *a = context;
  float *out = a->out + begin * a->times;
  for (size_t i = begin; i < end; i++) {
    for (size_t j = 0; j < a->times; j++) *out++ = a->in[i];
  }
}

/* ---- eval ------------------------------------------------------------------------ */

/* Lines are cut into n shares that are as even as can be, one for each thread, as rows of products are, so that a thread
 * finds in its cache what it made; and these into `each` pieces. */
typedef struct pieces {
  const ufi_depthwise_f32 *args;
  int64_t lines, n, each;
} pieces;

static int64_t piece_first(const pieces *p, int64_t piece) {
  const int64_t share = piece / p->each, first = ufi_part_first(p->lines, p->n, share);
  if (piece % p->each == 0) return first;
  return first + ufi_part_first(ufi_part_first(p->lines, p->n, share + 1) - first, p->each, piece % p->each);
}

static void depthwise_piece(void *context, size_t piece) {
  const pieces *p = context;
  const ufi_depthwise_f32 *a = p->args;
  const int64_t first = piece_first(p, (int64_t)piece), end = piece_first(p, (int64_t)piece + 1);
  ufk_f32_depthwise d = a->image;
  for (int64_t line = first, n; line < end; line += n) {
    const int64_t image = line / a->out_h, y = line % a->out_h;
    n = UFI_MIN(end - line, a->out_h - y);
    d.in = a->image.in + image * d.in_h * d.in_w * d.channels;
    d.out = a->image.out + image * a->out_h * d.out_w * d.channels;
    ufi_kernels_get()->depthwise.f32_depthwise(&d, y, y + n);
    if (a->done) a->done->fn(a->done->context, line * d.out_w, n * d.out_w);
  }
}

void ufi_depthwise_f32_run(ufi_pool *pool, const ufi_depthwise_f32 *args) {
  enum { FLOATS = 1 << 13 }; /* of the output, worth a piece; lines of a piece share input */
  const ufk_f32_depthwise *d = &args->image;
  const int64_t lines = args->batch * args->out_h, line = UFI_MAX(d->out_w * d->channels, 1);
  const int64_t threads = ufi_pool_threads(pool), worth = UFI_MIN(lines * line / FLOATS, lines);
  pieces p = {args, lines, UFI_MAX(UFI_MIN(worth, threads), 1), 1};
  if (threads > 1 && worth >= 4 * threads) p.each = 2; /* a thread may come late */
  ufi_parallel(pool, depthwise_piece, &p, (size_t)(p.n * p.each));
}

ufi_depthwise_f32 ufi_depthwise_f32_of(const ufi_conv_geometry *g) {
  return (ufi_depthwise_f32){
      .batch = g->batch, .out_h = g->out_h,
      .image = {.in_h = g->in_h, .in_w = g->in_w, .out_w = g->out_w, .channels = g->out_c,
                .kernel_h = g->kernel_h, .kernel_w = g->kernel_w, .stride_h = g->stride_h, .stride_w = g->stride_w,
                .dilation_h = g->dilation_h, .dilation_w = g->dilation_w, .pad_top = g->pad_top,
                .pad_left = g->pad_left, .min = -INFINITY, .max = INFINITY}};
}

/* All but the image. *image_out: room for it with its channels repeated. */
static uf_status begin(ufi_ctx *ctx, const ufi_conv_geometry *g, ufi_depthwise_f32 *args_out, float **image_out) {
  size_t zeros_size, image_size;
  if (!depthwise_sizes(g, &zeros_size, &image_size)) return UF_INTERNAL;
  float *zeros = ctx->scratch;
  if (zeros_size) memset(zeros, 0, zeros_size * sizeof *zeros);
  ufi_depthwise_f32 args = ufi_depthwise_f32_of(g);
  args.image.weights = g->filter->data, args.image.bias = g->bias ? g->bias->data : zeros;
  args.image.out = g->output->data;
  args.done = ctx->done;
  ufi_act_range_f32(g->act, &args.image.min, &args.image.max);
  *args_out = args;
  *image_out = zeros + zeros_size;
  return UF_OK;
}

uf_status ufi_depthwise_f32_eval(ufi_ctx *ctx) {
  ufi_conv_geometry g = {0};
  ufi_depthwise_f32 args;
  float *image;
  UFI_TRY(ufi_depthwise_geometry_of(ctx, &g));
  ufi_conv_see(&g);
  UFI_TRY(begin(ctx, &g, &args, &image));
  args.image.in = g.input->data;
  if (g.multiplier > 1) {
    repeat_args r = {args.image.in, image, (size_t)g.multiplier};
    ufi_parallel_ranges(ctx->pool, repeat, &r, (size_t)g.input->count, 4096);
    args.image.in = image;
  }
  ufi_depthwise_f32_run(ctx->pool, &args);
  return UF_OK;
}

/* ---- in strips ------------------------------------------------------------------- */

static uf_status strips_begin(ufi_ctx *ctx, ufi_strips *s) {
  ufi_conv_geometry g = {0};
  float *image;
  UFI_TRY(ufi_depthwise_geometry_of(ctx, &g));
  return begin(ctx, &g, s->own, &image);
}

static void strip_run(const ufi_strips *s, const ufi_strip *strip) {
  ufk_f32_depthwise d = ((const ufi_depthwise_f32 *)s->own)->image;
  d.in = ufi_strip_image(s, strip, &d.in_h, &d.pad_top);
  d.out = strip->out;
  ufi_kernels_get()->depthwise.f32_depthwise(&d, 0, strip->lines);
}

bool ufi_depthwise_f32_strips(const ufi_conv_geometry *g, ufi_strips *s) {
  if (g->multiplier != 1) return false;
  ufi_strips_set(g, sizeof(float), s);
  s->own_bytes = sizeof(ufi_depthwise_f32);
  s->begin = strips_begin;
  s->run = strip_run;
  return true;
}
