/* SPDX-License-Identifier: Apache-2.0
 *
 * test_winograd_f32.c: whole convolutions by Winograd's method against direct sums in double: the same bits for any
 * number of threads, every output row told once it is there, near enough where one pixel is much larger than
 * its neighbours, and infinite or NaN where they are and nowhere else.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/threads.h"
#include "ops/winograd_f32.h"

static uint32_t seed = 1;
static float noise(void) {
  seed = seed * 1664525u + 1013904223u;
  return (float)(int32_t)seed / 2147483648.0f;
}

static float *floats(size_t n) {
  float *data = ufi_malloc_aligned((n + 16) * sizeof *data);
  assert_non_null(data);
  for (size_t i = 0; i < n; i++) data[i] = noise();
  return data;
}

typedef struct convolution {
  ufi_gemm_f32 g;
  float *in, *weights, *packed, *bias, *zeros, *out;
} convolution;

static convolution make(int64_t batch, int64_t h, int64_t w, int64_t channels, int64_t n, int64_t pad) {
  convolution c;
  size_t packed;
  int64_t out_h = h + 2 * pad - 2, out_w = w + 2 * pad - 2;
  assert_true(ufi_winograd_f32_packed_size(channels, n, &packed));
  c.in = floats((size_t)(batch * h * w * channels));
  c.weights = floats((size_t)(9 * channels * n));
  c.packed = floats(packed);
  c.bias = floats((size_t)ufi_gemm_f32_columns(n));
  c.zeros = floats((size_t)channels);
  c.out = floats((size_t)(batch * out_h * out_w * n));
  memset(c.zeros, 0, (size_t)channels * sizeof(float));
  ufi_winograd_f32_pack(NULL, channels, n, c.weights, c.packed);
  c.g = (ufi_gemm_f32){
      .in = c.in, .batch = batch, .in_h = h, .in_w = w, .in_pixel = channels, .channels = channels, .out_h = out_h,
      .out_w = out_w, .kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1,
      .pad_top = pad, .pad_left = pad, .b = c.packed, .bias = c.bias, .n = n, .out = c.out, .out_pixel = n,
      .out_line = out_w * n, .out_image = out_h * out_w * n, .min = -INFINITY, .max = INFINITY, .groups = 1,
      .zeros = c.zeros};
  return c;
}

static void done_with(convolution *c) {
  float *const all[] = {c->in, c->weights, c->packed, c->bias, c->zeros, c->out};
  for (size_t i = 0; i < UFI_COUNT(all); i++) ufi_free_aligned(all[i]);
}

static void run(const convolution *c, int32_t threads) {
  const ufi_gemm_f32 *g = &c->g;
  size_t scratch;
  ufi_pool *pool = ufi_pool_create(threads);
  ufi_pool_start(pool);
  assert_non_null(pool);
  assert_true(ufi_winograd_f32_scratch(g, threads, &scratch));
  float *memory = floats(scratch);
  ufi_winograd_f32_run(pool, g, c->weights, memory);
  ufi_free_aligned(memory);
  ufi_pool_release(pool);
}

static double direct(const ufi_gemm_f32 *g, const float *weights, int64_t row, int64_t j) {
  int64_t x = row % g->out_w, y = row / g->out_w % g->out_h, image = row / g->out_w / g->out_h;
  double sum = (double)g->bias[j];
  for (int64_t t = 0; t < 9; t++) {
    int64_t iy = y - g->pad_top + t / 3, ix = x - g->pad_left + t % 3;
    if (iy < 0 || iy >= g->in_h || ix < 0 || ix >= g->in_w) continue;
    for (int64_t c = 0; c < g->channels; c++) {
      sum += (double)g->in[((image * g->in_h + iy) * g->in_w + ix) * g->channels + c] *
             (double)weights[(j * 9 + t) * g->channels + c];
    }
  }
  return sum;
}

typedef struct told {
  int64_t rows;
  const ufi_gemm_f32 *g;
  float *copy;
} told;

static void note(void *context, int64_t row, int64_t rows) {
  told *t = context;
  __atomic_fetch_add(&t->rows, rows, __ATOMIC_RELAXED);
  memcpy(t->copy + row * t->g->n, t->g->out + row * t->g->n, (size_t)(rows * t->g->n) * sizeof(float));
}

static void check_convolution(int64_t batch, int64_t h, int64_t w, int64_t channels, int64_t n, int64_t pad) {
  convolution c = make(batch, h, w, channels, n, pad);
  int64_t rows = batch * c.g.out_h * c.g.out_w;
  size_t bytes = (size_t)(rows * n) * sizeof(float);
  run(&c, 1);
  for (int64_t i = 0; i < rows * n; i++) {
    double want = direct(&c.g, c.weights, i / n, i % n);
    double bound = 4e-6 * sqrt(9.0 * (double)channels);
    if (fabs(want - (double)c.out[i]) > bound) fail_msg("at %d: expected %g, found %g", (int)i, want, (double)c.out[i]);
  }
  float *once = floats((size_t)(rows * n)), *copy = floats((size_t)(rows * n));
  memcpy(once, c.out, bytes);
  for (int32_t threads = 2; threads <= 5; threads++) {
    memset(c.out, 0, bytes);
    run(&c, threads);
    assert_memory_equal(once, c.out, bytes);
    told t = {0, &c.g, copy};
    const ufi_done done = {note, &t};
    c.g.done = &done;
    run(&c, threads);
    c.g.done = NULL;
    assert_int_equal(t.rows, rows);
    assert_memory_equal(once, copy, bytes);
  }
  ufi_free_aligned(once);
  ufi_free_aligned(copy);
  done_with(&c);
}

static void test_convolutions(void **state) {
  check_convolution(1, 4, 4, 3, 5, 1);
  check_convolution(2, 7, 9, 20, 37, 1);
  check_convolution(1, 14, 14, 130, 100, 1);
  check_convolution(1, 3, 3, 8, 8, 0);
  check_convolution(3, 33, 18, 17, 66, 0);
  check_convolution(1, 40, 44, 16, 24, 1);
}

/* Errors are as large as the tile's largest input makes them, also where the direct sum does not see it. */
static void test_large_neighbour(void **state) {
  convolution c = make(1, 4, 4, 16, 8, 1);
  c.in[0] = 1e4f;
  run(&c, 1);
  for (int64_t i = 0; i < 16 * 8; i++) {
    double want = direct(&c.g, c.weights, i / 8, i % 8);
    if (fabs(want - (double)c.out[i]) > 1e4 * 2e-6) fail_msg("expected %g, found %g", want, (double)c.out[i]);
  }
  done_with(&c);
}

/* NaN and infinities reach the outputs that see them, and no others of their tiles. */
static void test_not_finite(void **state) {
  convolution c = make(1, 12, 12, 16, 70, 1);
  c.in[(5 * 12 + 6) * 16 + 3] = NAN;
  c.in[(10 * 12 + 1) * 16 + 3] = INFINITY;
  run(&c, 2);
  for (int64_t i = 0; i < 144 * 70; i++) {
    double want = direct(&c.g, c.weights, i / 70, i % 70);
    if (isfinite(want) ? !(fabs(want - (double)c.out[i]) < 1e-4)
                       : isnan(want) ? !isnan(c.out[i]) : want != (double)c.out[i]) {
      fail_msg("at %d: expected %g, found %g", (int)i, want, (double)c.out[i]);
    }
  }
  done_with(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_convolutions),
      cmocka_unit_test(test_large_neighbour),
      cmocka_unit_test(test_not_finite),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
