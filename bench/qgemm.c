/* SPDX-License-Identifier: Apache-2.0
 *
 * qgemm.c: how near the int8 convolutions and products come to what this processor
 * can do.
 *
 *     bench_qgemm [threads]
 *
 * For the layers of layers.h that are not depthwise prints microseconds (the best of many
 * runs), GOP/s, and per cent of the peak, which a loop of nothing but independent
 * vpdpbusd (AVX-512) or vpmaddwd and vpaddd (AVX2) measures first. Winograd's ways, where there are some, count the
 * multiplications of the direct sum. Products of one row read each weight once: for them the last column is GB/s.
 * UNFLOW_ISA chooses the instruction set.
 */
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <stdio.h>
#include <stdlib.h>

#include "base/cpu.h"
#include "ops/window.h"
#include "ops/winograd_quant.h"

#include "layers.h"
#include "stopwatch.h"

enum { CHAINS = 12, STEPS = 50000 };

#if defined(__x86_64__)
__attribute__((target("avx512f,avx512vnni"), noinline)) static void dot_loop_avx512(void) {
  __m512i sum[CHAINS], x = _mm512_set1_epi32(1);
  for (int i = 0; i < CHAINS; i++) sum[i] = _mm512_set1_epi32(i);
  for (int s = 0; s < STEPS; s++) {
    _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) sum[i] = _mm512_dpbusd_epi32(sum[i], x, x);
  }
  _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) __asm__ volatile("" ::"v"(sum[i]));
}

__attribute__((target("avx2"), noinline)) static void dot_loop_avx2(void) {
  __m256i sum[CHAINS], x = _mm256_set1_epi32(1);
  for (int i = 0; i < CHAINS; i++) sum[i] = _mm256_set1_epi32(i);
  for (int s = 0; s < STEPS; s++) {
    _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) {
      __asm__ volatile("" : "+x"(x)); /* each product anew */
      sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(x, x));
    }
  }
  _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) __asm__ volatile("" ::"x"(sum[i]));
}
#endif

static double peak_gops(void) {
#if defined(__x86_64__)
  const bool wide = ufi_cpu_isa() >= UFI_ISA_AVX512;
  double best = 1e9;
  if (ufi_cpu_isa() < UFI_ISA_AVX2) return 0.0;
  for (int i = 0; i < 100; i++) {
    double start = now();
    if (wide) dot_loop_avx512();
    else dot_loop_avx2();
    best = UFI_MIN(best, now() - start);
  }
  return 2.0 * (wide ? 64 : 16) * CHAINS * STEPS / best * 1e-9;
#else
  return 0.0;
#endif
}

static void *filled(size_t bytes) {
  uint8_t *data = ufi_malloc_aligned(bytes + 64);
  if (!data) exit(1);
  uint32_t seed = 1;
  for (size_t i = 0; i < bytes; i++) {
    seed = seed * 1664525u + 1013904223u;
    data[i] = (uint8_t)(seed >> 24);
  }
  return data;
}

typedef struct layer {
  ufi_gemm_q q;
  void *owned[9];
  int32_t zero;
  ufi_pool *pool;
} layer;

static void make_scales(int64_t n, int64_t depth, layer *l) {
  const int64_t padded = ufi_q_padded(n);
  int32_t *bias = l->owned[3] = filled((size_t)padded * 4), *multiplier = l->owned[4] = filled((size_t)padded * 4);
  int32_t *shift = l->owned[5] = filled((size_t)padded * 4);
  float *factor = l->owned[6] = filled((size_t)padded * 4), *nudge = l->owned[7] = filled((size_t)padded * 4);
  int32_t right = 5; /* outputs of usual sizes */
  for (int64_t k = depth; k > 4; k /= 4) right++;
  for (int64_t j = 0; j < padded; j++) {
    bias[j] = (int32_t)(j * 37 % 1000) - 500;
    multiplier[j] = (1 << 30) + (int32_t)(j * 1234567 % (1 << 30));
    shift[j] = -right;
    (void)ufk_q_near((double)multiplier[j] / 2147483648.0 / (double)(1 << right), right, factor + j, nudge + j);
    if (j >= n) factor[j] = nudge[j] = 0.0f;
  }
  l->q.bias = bias;
  l->q.multiplier = multiplier;
  l->q.shift = shift;
  l->q.factor = factor;
  l->q.nudge = nudge;
}

static void make_layer(const shape *s, ufi_pool *pool, layer *l) {
  const ufi_q_kind kind = ufi_q_kind_of(UF_INT8, false);
  const int64_t n = s->filters, run = s->kernel * s->channels, run_packed = ufi_ceil_div(run, ufi_q_group(kind)) * ufi_q_group(kind);
  const int64_t filter = s->kernel * run, depth = s->kernel * run_packed;
  int64_t out, before, after;
  ufi_window_axis(true, s->size, s->kernel, s->stride, 1, &out, &before, &after);
  size_t packed, rows;
  if (!ufi_gemm_q_packed_size(depth, n, kind, &packed) || !ufi_gemm_q_rows_size(depth, &rows)) exit(1);
  l->zero = -3;
  l->pool = pool;
  l->owned[0] = filled((size_t)(s->size * s->size * s->channels));
  l->owned[1] = filled((size_t)(out * out * n));
  l->owned[2] = filled(packed);
  l->owned[8] = filled(rows * (size_t)ufi_pool_threads(pool));
  int8_t *weights = filled((size_t)(filter * n));
  memset(l->owned[2], 0, packed);
  for (int64_t t = 0; t < s->kernel; t++) {
    ufi_gemm_q_pack(NULL, kind, depth, n, t * run_packed, run, weights + t * run, UF_INT8, 1, filter, 0, l->owned[2]);
  }
  ufi_free_aligned(weights);
  l->q = (ufi_gemm_q){.in_dtype = UF_INT8, .in = l->owned[0], .batch = 1, .in_h = s->size, .in_w = s->size,
                      .in_pixel = s->channels, .channels = s->channels, .out_h = out, .out_w = out,
                      .kernel_h = s->kernel, .kernel_w = s->kernel, .stride_h = s->stride, .stride_w = s->stride,
                      .dilation_h = 1, .dilation_w = 1, .pad_top = before, .pad_left = before, .zero = &l->zero,
                      .share = INT64_MAX, .b = l->owned[2], .kind = kind, .runs = s->kernel, .n = n, .end = UFI_Q_FIXED,
                      .out_dtype = UF_INT8, .out_zero = 3, .out_min = -128, .out_max = 127, .out = l->owned[1],
                      .out_pixel = n, .out_line = out * n, .out_image = out * out * n, .groups = 1,
                      .rows = l->owned[8], .workers = ufi_pool_threads(pool)};
  make_scales(n, filter, l);
}

static void run_layer(void *context) {
  layer *l = context;
  ufi_gemm_q_run(l->pool, &l->q);
}

typedef struct winograd_layer {
  ufi_gemm_q q;
  int64_t side;
  ufi_pool *pool;
} winograd_layer;

static void run_winograd(void *context) {
  winograd_layer *l = context;
  ufi_winograd_q_run(l->pool, &l->q, l->side);
}

static void winograd(const shape *s, const layer *direct, double ops, double peak) {
  ufi_tensor filter = {.dtype = UF_INT8};
  const ufi_conv_geometry g = {.batch = 1, .in_c = s->channels, .out_c = s->filters, .out_h = s->size, .out_w = s->size,
                               .filter = &filter};
  for (int64_t side = 4; side >= 2; side -= 2) {
    ufi_ctx ctx = {.pool = direct->pool};
    ufi_q_spec spec = {.geometry = &g};
    if (ufi_winograd_q_set(&ctx, &g, side, &spec) != UF_OK) exit(1);
    winograd_layer l = {direct->q, side, direct->pool};
    int8_t *weights = filled((size_t)(9 * s->channels * s->filters));
    void *packed = filled(spec.weights);
    l.q.b = packed;
    l.q.extra = filled(spec.extra);
    memset(packed, 0, spec.weights);
    spec.pack(&spec, weights, packed);
    const double seconds = best_seconds(run_winograd, &l);
    printf("%-40s winograd %dx%d %9.1f us %8.1f GOP/s %4.0f%%\n", "", (int)side, (int)side, seconds * 1e6, ops / seconds * 1e-9,
           peak > 0 ? ops / seconds * 1e-7 / peak : 0.0);
    ufi_free_aligned(weights);
    ufi_free_aligned(packed);
    ufi_free_aligned(l.q.extra);
  }
}

int main(int argc, char **argv) {
  const int threads = argc > 1 ? UFI_MAX(atoi(argv[1]), 1) : 1;
  ufi_pool *pool = ufi_pool_create(threads);
  ufi_pool_start(pool);
  const double peak = peak_gops() * threads;
  double sum = 0.0, sum_ops = 0.0;
  printf("%s, %d thread%s, peak %.1f GOP/s\n\n", ufi_isa_name(ufi_cpu_isa()), threads, threads == 1 ? "" : "s", peak);
  for (size_t i = 0; i < UFI_COUNT(shapes); i++) {
    const shape *s = &shapes[i];
    layer l;
    if (s->filters == 0) continue;
    make_layer(s, pool, &l);
    const double weights = (double)(s->kernel * s->kernel * s->channels * s->filters);
    const double ops = 2.0 * weights * (double)(l.q.out_h * l.q.out_w), seconds = best_seconds(run_layer, &l);
    printf("%-14s %3d x %3d x %4d  %dx%d/%d to %4d %9.1f us %8.1f GOP/s %4.0f%%", s->model, (int)s->size,
           (int)s->size, (int)s->channels, (int)s->kernel, (int)s->kernel, (int)s->stride, (int)s->filters,
           seconds * 1e6, ops / seconds * 1e-9, peak > 0 ? ops / seconds * 1e-7 / peak : 0.0);
    if (l.q.out_h == 1) printf(" %6.1f GB/s", weights / seconds * 1e-9);
    printf("\n");
    if (s->kernel == 3 && s->stride == 1 && s->channels >= 16) winograd(s, &l, ops, peak);
    sum += seconds;
    sum_ops += ops;
    if (i + 1 == UFI_COUNT(shapes) || strcmp(shapes[i + 1].model, s->model) != 0) {
      printf("%-14s total %37.2f ms %8.1f GOP/s %4.0f%%\n\n", s->model, sum * 1e3, sum_ops / sum * 1e-9,
             peak > 0 ? sum_ops / sum * 1e-7 / peak : 0.0);
      sum = sum_ops = 0.0;
    }
    for (size_t j = 0; j < UFI_COUNT(l.owned); j++) ufi_free_aligned(l.owned[j]);
  }
  ufi_pool_release(pool);
  return 0;
}
