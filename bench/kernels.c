/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels.c: how near the float32 kernels come to what this processor can do.
 *
 *     bench_kernels [threads]
 *
 * For the layer shapes of MobileNetV2, ResNet50, a U-Net and an MLP (layers.h) prints microseconds (the
 * best of many runs), GFLOP/s, and per cent of the peak, which a loop of
 * nothing but independent multiply-adds measures first. UNFLOW_ISA chooses the
 * instruction set, as everywhere. Weights stay in cache from run to run; in a
 * model they come from memory.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cpu.h"
#include "ops/gemm_f32.h"
#include "ops/gemv.h"
#include "ops/winograd_f32.h"

#include "filled.h"
#include "layers.h"
#include "stopwatch.h"

/* ---- the peak ------------------------------------------------------------------ */

enum { CHAINS = 12, STEPS = 100000 };

/* CHAINS vectors of LANES floats, each x = x * a + b again and again. */
#define PEAK(name, LANES, options)                                                       \
  typedef float name##_vec __attribute__((vector_size(LANES * 4)));                      \
  static __attribute__((target(options), noinline)) float name(void) {                   \
    name##_vec x[CHAINS], a, b;                                                          \
    for (int j = 0; j < LANES; j++) a[j] = 0.999f, b[j] = 0.001f;                        \
    for (int i = 0; i < CHAINS; i++) x[i] = a * (float)i;                                \
    for (int s = 0; s < STEPS; s++) {                                                    \
      _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) x[i] = x[i] * a + b;     \
    }                                                                                    \
    float sum = 0.0f;                                                                    \
    for (int i = 0; i < CHAINS; i++) sum += x[i][0];                                     \
    return sum;                                                                          \
  }

#if defined(__x86_64__)
#pragma GCC push_options
#pragma GCC optimize("fp-contract=fast")
PEAK(peak_scalar, 4, "sse2")
PEAK(peak_avx2, 8, "avx2,fma")
PEAK(peak_avx512, 16, "avx512f")
#pragma GCC pop_options
#else
PEAK(peak_scalar, 4, "")
#endif

static volatile float sink;

static double peak_gflops(void) {
  float (*loop)(void) = peak_scalar;
  double lanes = 4;
#if defined(__x86_64__)
  if (ufi_cpu_isa() == UFI_ISA_AVX2) loop = peak_avx2, lanes = 8;
  if (ufi_cpu_isa() == UFI_ISA_AVX512) loop = peak_avx512, lanes = 16;
#endif
  double best = 1e9;
  for (int i = 0; i < 100; i++) {
    double start = now();
    sink = loop();
    best = UFI_MIN(best, now() - start);
  }
  return 2.0 * lanes * CHAINS * STEPS / best * 1e-9;
}

/* ---- one layer ------------------------------------------------------------------- */

typedef struct layer {
  ufi_gemm_f32 gemm;
  ufi_conv_geometry g;    /* depthwise */
  const float *in, *weights, *bias;
  float *out, *scratch;   /* scratch: by Winograd's method */
  ufi_pool *pool;
} layer;

static void run_depthwise(const layer *l) {
  ufi_depthwise_f32 args = ufi_depthwise_f32_of(&l->g);
  args.image.in = l->in, args.image.weights = l->weights, args.image.bias = l->bias, args.image.out = l->out;
  args.image.min = 0.0f, args.image.max = 6.0f;
  ufi_depthwise_f32_run(l->pool, &args);
}

static void run_layer(void *context) {
  layer *l = context;
  if (l->scratch) ufi_winograd_f32_run(l->pool, &l->gemm, l->weights, l->scratch);
  else if (l->gemm.n > 0) ufi_gemm_f32_run(l->pool, &l->gemm);
  else run_depthwise(l);
}

static void make_layer(const shape *s, ufi_pool *pool, layer *l) {
  int64_t out, before, after, n = s->filters ? s->filters : s->channels;
  ufi_window_axis(true, s->size, s->kernel, s->stride, 1, &out, &before, &after);
  int64_t depth = s->kernel * s->kernel * s->channels;
  *l = (layer){.pool = pool, .g = {.batch = 1, .in_h = s->size, .in_w = s->size, .in_c = s->channels,
                     .out_h = out, .out_w = out, .out_c = n, .kernel_h = s->kernel,
                     .kernel_w = s->kernel, .stride_h = s->stride, .stride_w = s->stride,
                     .dilation_h = 1, .dilation_w = 1, .pad_top = before, .pad_left = before,
                     .groups = s->filters ? 1 : s->channels}};
  l->in = filled((size_t)(s->size * s->size * s->channels));
  l->out = filled((size_t)(out * out * n));
  l->bias = filled((size_t)ufi_gemm_f32_columns(n));
  l->weights = filled((size_t)(depth * UFI_MAX(s->filters, 1)));
  if (s->filters == 0) return;
  size_t floats;
  if (!ufi_gemm_f32_packed_size(depth, n, &floats)) exit(1);
  float *packed = filled(floats), *zeros = filled(ufi_gemm_f32_zeros(s->kernel, s->channels));
  ufi_gemm_f32_pack(NULL, depth, n, l->weights, 1, depth, packed);
  memset(zeros, 0, ufi_gemm_f32_zeros(s->kernel, s->channels) * sizeof *zeros);
  l->gemm = (ufi_gemm_f32){
      .in = l->in, .batch = 1, .in_h = s->size, .in_w = s->size, .in_pixel = s->channels,
      .channels = s->channels, .out_h = out, .out_w = out, .kernel_h = s->kernel,
      .kernel_w = s->kernel, .stride_h = s->stride, .stride_w = s->stride, .dilation_h = 1,
      .dilation_w = 1, .pad_top = before, .pad_left = before, .b = packed, .bias = l->bias, .n = n,
      .out = l->out, .out_pixel = n, .out_line = out * n, .out_image = out * out * n,
      .min = 0.0f, .max = 6.0f, .groups = 1, .zeros = zeros};
}

static void free_layer(layer *l) {
  ufi_free_aligned((void *)(uintptr_t)l->in);
  ufi_free_aligned((void *)(uintptr_t)l->weights);
  ufi_free_aligned((void *)(uintptr_t)l->bias);
  ufi_free_aligned((void *)(uintptr_t)l->gemm.b);
  ufi_free_aligned((void *)(uintptr_t)l->gemm.zeros);
  ufi_free_aligned(l->out);
}

/* The same layer by Winograd's method; per cent are of what the direct sums would need. */
static void winograd(const shape *s, const layer *direct, double flops, double peak) {
  layer l = *direct;
  size_t packed, scratch;
  if (!ufi_winograd_f32_packed_size(s->channels, s->filters, &packed) ||
      !ufi_winograd_f32_scratch(&l.gemm, ufi_pool_threads(l.pool), &scratch)) exit(1);
  l.scratch = filled(scratch);
  float *weights = filled(packed);
  ufi_winograd_f32_pack(NULL, s->channels, s->filters, l.weights, weights);
  l.gemm.b = weights;
  double seconds = best_seconds(run_layer, &l);
  printf("%-43s winograd %14.1f us %8.1f GFLOP/s %4.0f%%\n", "", seconds * 1e6, flops / seconds * 1e-9,
         flops / seconds * 1e-7 / peak);
  ufi_free_aligned(weights);
  ufi_free_aligned(l.scratch);
}

static void report(const char *model, double seconds, double flops, double peak) {
  printf("%-14s total %37.2f ms %8.1f GFLOP/s %4.0f%%\n\n", model, seconds * 1e3,
         flops / seconds * 1e-9, flops / seconds * 1e-7 / peak);
}

typedef struct product {
  ufi_gemv g;
  ufi_pool *pool;
  const void *packed, *x, *start;
  void *y;
} product;

static void run_product(void *context) {
  const product *p = context;
  if (p->g.is_float) ufi_gemv_f32(p->pool, &p->g, p->packed, p->x, p->start, p->y);
  else ufi_gemv_s8(p->pool, &p->g, p->packed, p->x, NULL, 0, p->y);
}

/* Products of one row: how fast the packed weights come. */
static void matvec(ufi_pool *pool, int64_t rows, int64_t cols, bool is_float) {
  const ufi_gemv g = {rows, cols, is_float};
  size_t bytes;
  if (!ufi_gemv_size(&g, &bytes)) exit(1);
  void *packed = filled(bytes / sizeof(float));
  float *x = filled((size_t)cols), *y = filled((size_t)ufi_gemv_padded(rows)), *start = filled((size_t)ufi_gemv_padded(rows));
  product p = {g, pool, packed, x, start, y};
  const double best = best_seconds(run_product, &p);
  printf("matvec         %s %4d x %4d %36.2f us %8.1f GB/s\n", is_float ? "float32" : "int8   ", (int)rows, (int)cols, best * 1e6,
         (double)bytes / best * 1e-9);
  void *all[] = {packed, x, y, start};
  for (size_t i = 0; i < UFI_COUNT(all); i++) ufi_free_aligned(all[i]);
}

static void matvecs(ufi_pool *pool) {
  static const int64_t shapes_of[][2] = {{512, 64}, {512, 128}, {2048, 512}, {2048, 2048}};
  for (size_t i = 0; i < UFI_COUNT(shapes_of); i++) {
    for (int is_float = 0; is_float < 2; is_float++) matvec(pool, shapes_of[i][0], shapes_of[i][1], is_float);
  }
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 1;
  ufi_pool *pool = ufi_pool_create(threads);
  ufi_pool_start(pool);
  ufi_pool_begin(pool); /* as in a run */
  double peak = peak_gflops() * UFI_MAX(threads, 1), sum = 0.0, sum_flops = 0.0;
  printf("%s, %d thread%s, peak %.1f GFLOP/s\n\n", ufi_isa_name(ufi_cpu_isa()), threads,
         threads == 1 ? "" : "s", peak);
  for (size_t i = 0; i < UFI_COUNT(shapes); i++) {
    const shape *s = &shapes[i];
    layer l;
    make_layer(s, pool, &l);
    double flops = 2.0 * (double)(l.g.out_h * l.g.out_w * s->kernel * s->kernel * s->channels *
                                  UFI_MAX(s->filters, 1));
    double seconds = best_seconds(run_layer, &l);
    printf("%-14s %3d x %3d x %4d  %dx%d/%d  %-9s %4d %9.1f us %8.1f GFLOP/s %4.0f%%\n", s->model,
           (int)s->size, (int)s->size, (int)s->channels, (int)s->kernel, (int)s->kernel,
           (int)s->stride, s->filters ? "to" : "depthwise", (int)l.g.out_c, seconds * 1e6,
           flops / seconds * 1e-9, flops / seconds * 1e-7 / peak);
    if (ufi_winograd_f32_wins(&l.g)) winograd(s, &l, flops, peak);
    sum += seconds;
    sum_flops += flops;
    if (i + 1 == UFI_COUNT(shapes) || shapes[i + 1].model[0] != s->model[0]) {
      report(s->model, sum, sum_flops, peak);
      sum = sum_flops = 0.0;
    }
    free_layer(&l);
  }
  matvecs(pool);
  ufi_pool_end(pool);
  ufi_pool_release(pool);
  return 0;
}
