/* SPDX-License-Identifier: Apache-2.0
 *
 * blocks.c: what it would be worth to run a pointwise, a depthwise and a pointwise convolution in blocks of lines that
 * stay in the cache, as one: the blocks of MobileNetV2, float32.
 *
 *     bench_blocks [threads]
 *
 * Apart, each layer runs over the whole image, and threads share it. In blocks, each thread has a part of the output's
 * lines: it makes BLOCK lines of the first layer at a time, always in the same memory, then what they suffice for of the
 * second and the third. Lines that two parts need are made by both. Microseconds, the best of many runs; weights and
 * activations are put out of the second cache before each run, as other layers of a model do.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ops/conv.h"
#include "ops/gemm_f32.h"

#include "filled.h"
#include "stopwatch.h"

enum { BLOCK = 8, KEPT = 2, RUNS = 60, OTHERS = 8 << 20 };

typedef struct block {
  int64_t size, in, wide, out, stride;
} block;

static const block blocks[] = {
    {112, 16, 96, 24, 2}, {56, 24, 144, 24, 1}, {56, 24, 144, 32, 2}, {28, 32, 192, 32, 1}, {28, 32, 192, 64, 2},
    {14, 64, 384, 64, 1}, {14, 64, 384, 96, 1}, {14, 96, 576, 96, 1}, {14, 96, 576, 160, 2}, {7, 160, 960, 160, 1},
};

typedef struct data {
  const block *b;
  ufi_pool *pool;
  int64_t lines, parts, pad;            /* of the output; parts of its lines */
  float *x, *mid, *deep, *y;            /* x to mid, depthwise to deep, to y; mid is one for each part */
  float *first, *taps, *last, *bias;
} data;

static int64_t mid_size(const block *b) { return (b->size + KEPT) * b->size * b->wide; }

static data make(const block *b, ufi_pool *pool) {
  data d = {.b = b, .pool = pool, .lines = ufi_ceil_div(b->size, b->stride), .pad = b->stride == 1};
  d.parts = ufi_pool_threads(pool);
  d.x = filled((size_t)(b->size * b->size * b->in));
  d.mid = filled((size_t)(mid_size(b) * d.parts));
  d.deep = filled((size_t)(d.lines * d.lines * b->wide));
  d.y = filled((size_t)(d.lines * d.lines * b->out));
  d.first = filled((size_t)(b->in * ufi_gemm_f32_columns(b->wide)));
  d.last = filled((size_t)(b->wide * ufi_gemm_f32_columns(b->out)));
  d.taps = filled((size_t)(9 * b->wide));
  d.bias = filled((size_t)(ufi_gemm_f32_columns(UFI_MAX(b->wide, b->out))));
  return d;
}

static void done_with(data *d) {
  float *const all[] = {d->x, d->mid, d->deep, d->y, d->first, d->last, d->taps, d->bias};
  for (size_t i = 0; i < UFI_COUNT(all); i++) ufi_free_aligned(all[i]);
}

/* Lines [line, line + n) of the first layer. */
static void widen(const data *d, ufi_pool *pool, int64_t line, int64_t n, float *out) {
  const block *b = d->b;
  ufi_gemm_f32 g;
  ufi_gemm_f32_plain(&g, n * b->size, b->wide, b->in, d->x + line * b->size * b->in, b->in, d->first, d->bias, out, b->wide);
  g.min = 0.0f;
  g.max = 6.0f;
  ufi_gemm_f32_run(pool, &g);
}

/* Output lines of the third layer. */
static void narrow(const data *d, ufi_pool *pool, int64_t line, int64_t n) {
  const block *b = d->b;
  ufi_gemm_f32 g;
  ufi_gemm_f32_plain(&g, n * d->lines, b->out, b->wide, d->deep + line * d->lines * b->wide, b->wide, d->last, d->bias,
                     d->y + line * d->lines * b->out, b->out);
  ufi_gemm_f32_run(pool, &g);
}

static ufk_f32_depthwise depthwise_of(const data *d, const float *mid) {
  const block *b = d->b;
  return (ufk_f32_depthwise){.in_h = b->size, .in_w = b->size, .out_w = d->lines, .channels = b->wide, .kernel_h = 3,
                             .kernel_w = 3, .stride_h = b->stride, .stride_w = b->stride, .dilation_h = 1, .dilation_w = 1,
                             .pad_top = d->pad, .pad_left = d->pad, .in = mid, .weights = d->taps, .bias = d->bias,
                             .out = d->deep, .min = 0.0f, .max = 6.0f};
}

static void apart(const data *d) {
  widen(d, d->pool, 0, d->b->size, d->mid);
  const ufi_depthwise_f32 depthwise = {.batch = 1, .out_h = d->lines, .image = depthwise_of(d, d->mid)};
  ufi_depthwise_f32_run(d->pool, &depthwise);
  narrow(d, d->pool, 0, d->lines);
}

static void one_part(void *context, size_t part) {
  const data *d = context;
  const block *b = d->b;
  float *mid = d->mid + (int64_t)part * mid_size(b); /* KEPT lines of before, then a block */
  const int64_t width = b->size * b->wide;
  const int64_t first = ufi_part_first(d->lines, d->parts, (int64_t)part), end = ufi_part_first(d->lines, d->parts, (int64_t)part + 1);
  const int64_t from = UFI_MAX(first * b->stride - d->pad, 0), to = UFI_MIN((end - 1) * b->stride - d->pad + 3, b->size);
  for (int64_t line = from, done = first, n; line < to; line += n) {
    n = UFI_MIN((int64_t)BLOCK, to - line);
    widen(d, NULL, line, n, mid + KEPT * width);
    const ufk_f32_depthwise depthwise = depthwise_of(d, (const float *)((uintptr_t)mid - (uintptr_t)((line - KEPT) * width) * sizeof *mid));
    /* Output line y reads lines up to y * stride - pad + 2. */
    const int64_t fit = line + n == to ? end : UFI_MIN((line + n - 3 + d->pad) / b->stride + 1, end);
    if (fit > done) {
      ufi_kernels_get()->depthwise.f32_depthwise(&depthwise, done, fit);
      narrow(d, NULL, done, fit - done);
      done = fit;
    }
    memmove(mid, mid + n * width, (size_t)(KEPT * width) * sizeof *mid);
  }
}

static void in_blocks(const data *d) { ufi_parallel(d->pool, one_part, (void *)(uintptr_t)d, (size_t)d->parts); }

/* Best of many, each after something else was in the cache. */
static double best_of(const data *d, void (*run)(const data *d), char *others) {
  double best = 1e9;
  for (int i = 0; i < RUNS; i++) {
    memset(others, i, OTHERS);
    ufi_pool_begin(d->pool);
    const double start = now();
    run(d);
    best = UFI_MIN(best, now() - start);
    ufi_pool_end(d->pool);
  }
  return best * 1e6;
}

int main(int argc, char **argv) {
  const int32_t threads = argc > 1 ? atoi(argv[1]) : 1;
  ufi_pool *pool = ufi_pool_create(threads);
  char *others = ufi_malloc(OTHERS);
  if (!pool || !others) return 1;
  ufi_pool_start(pool);
  printf("%d thread%s                               apart    in blocks\n", (int)threads, threads == 1 ? "" : "s");
  for (size_t i = 0; i < UFI_COUNT(blocks); i++) {
    const block *b = &blocks[i];
    data d = make(b, pool);
    const double a = best_of(&d, apart, others), c = best_of(&d, in_blocks, others);
    printf("%3d x %3d  %3d to %3d, 3x3/%d, to %3d  %8.1f us  %8.1f us  %.2fx\n", (int)b->size, (int)b->size, (int)b->in,
           (int)b->wide, (int)b->stride, (int)b->out, a, c, c / a);
    done_with(&d);
  }
  ufi_free(others);
  ufi_pool_release(pool);
  return 0;
}
