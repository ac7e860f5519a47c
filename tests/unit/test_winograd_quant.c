/* SPDX-License-Identifier: Apache-2.0
 *
 * test_winograd_quant.c: whole convolutions of bytes by Winograd's method against direct sums, which they must equal: of
 * all sizes at borders, several images with zero points of their own, any number of threads, every output row told once
 * it is there. That nodes take this way, and to int8 outputs, the oracle's cases of CONV_2D show.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "guarded.h"
#include "ops/winograd_quant.h"

typedef struct convolution {
  ufi_gemm_q g;
  int64_t side;
  ufi_q_spec spec;
  int8_t *in, *weights;
  int32_t zero[4];
  float row_scale[4], *column, *out;
  void *packed;
} convolution;

static void *zeroed(size_t bytes) {
  void *data = ufi_malloc_aligned(bytes);
  assert_non_null(data);
  memset(data, 0, bytes);
  return data;
}

static int8_t *noisy(size_t n) {
  int8_t *data = zeroed(n);
  const bool is_extreme = below(3) == 0;
  for (size_t i = 0; i < n; i++) data[i] = is_extreme ? (below(2) ? 127 : -128) : (int8_t)below(256);
  return data;
}

static convolution make(int64_t side, int64_t batch, int64_t h, int64_t w, int64_t channels, int64_t n, int64_t pad, int32_t threads) {
  convolution c = {.side = side};
  const int64_t out_h = h + 2 * pad - 2, out_w = w + 2 * pad - 2, padded = ufi_q_padded(n);
  c.in = noisy((size_t)(batch * h * w * channels));
  c.weights = noisy((size_t)(9 * channels * n));
  c.out = zeroed((size_t)(batch * out_h * out_w * n) * sizeof(float));
  c.column = zeroed((size_t)padded * sizeof(float));
  for (int64_t j = 0; j < n; j++) c.column[j] = 1.0f;
  for (int64_t i = 0; i < 4; i++) {
    c.zero[i] = (int32_t)below(256) - 128;
    c.row_scale[i] = 1.0f;
  }
  ufi_tensor filter = {.dtype = UF_INT8};
  const ufi_conv_geometry g = {.batch = batch, .out_h = out_h, .out_w = out_w, .in_c = channels, .out_c = n, .filter = &filter};
  ufi_ctx ctx = {.pool = threads > 1 ? ufi_pool_create(threads) : NULL};
  assert_int_equal(ufi_winograd_q_set(&ctx, &g, side, &c.spec), UF_OK);
  c.spec.geometry = &g;
  c.spec.n = g.out_c;
  c.packed = zeroed(c.spec.weights);
  c.spec.pack(&c.spec, c.weights, c.packed);
  ufi_pool_release(ctx.pool);
  c.g = (ufi_gemm_q){
      .in_dtype = UF_INT8, .in = c.in, .batch = batch, .in_h = h, .in_w = w, .in_pixel = channels, .channels = channels,
      .out_h = out_h, .out_w = out_w, .pad_top = pad, .pad_left = pad, .row_scale = c.row_scale, .share = out_h * out_w,
      .b = c.packed, .n = n, .end = UFI_Q_FLOAT, .out_dtype = UF_FLOAT32, .column = c.column, .min = -INFINITY,
      .max = INFINITY, .out = c.out, .out_pixel = n, .out_line = out_w * n, .out_image = out_h * out_w * n, .groups = 1};
  return c;
}

static void done_with(convolution *c) {
  void *const all[] = {c->in, c->weights, c->column, c->out, c->packed};
  for (size_t i = 0; i < UFI_COUNT(all); i++) ufi_free_aligned(all[i]);
}

static int32_t direct(const convolution *c, int64_t row, int64_t j) {
  const ufi_gemm_q *g = &c->g;
  const int64_t x = row % g->out_w, y = row / g->out_w % g->out_h, image = row / g->out_w / g->out_h;
  int32_t sum = 0;
  for (int64_t t = 0; t < 9; t++) {
    const int64_t iy = y - g->pad_top + t / 3, ix = x - g->pad_left + t % 3;
    if (iy < 0 || iy >= g->in_h || ix < 0 || ix >= g->in_w) continue;
    const int8_t *in = c->in + ((image * g->in_h + iy) * g->in_w + ix) * g->channels;
    for (int64_t k = 0; k < g->channels; k++) sum += (in[k] - c->zero[image]) * c->weights[(j * 9 + t) * g->channels + k];
  }
  return sum;
}

typedef struct told {
  int64_t rows;
  const ufi_gemm_q *g;
  float *copy;
} told;

static void note(void *context, int64_t row, int64_t rows) {
  told *t = context;
  __atomic_fetch_add(&t->rows, rows, __ATOMIC_RELAXED);
  memcpy(t->copy + row * t->g->n, (float *)t->g->out + row * t->g->n, (size_t)(rows * t->g->n) * sizeof(float));
}

static void check_with(convolution *c, int32_t threads, bool tells) {
  const int64_t rows = c->g.batch * c->g.out_h * c->g.out_w, n = c->g.n;
  float *copy = zeroed((size_t)(rows * n) * sizeof *copy);
  told t = {0, &c->g, copy};
  const ufi_done done = {note, &t};
  ufi_pool *pool = threads > 1 ? ufi_pool_create(threads) : NULL;
  ufi_pool_start(pool);
  memset(c->out, 0, (size_t)(rows * n) * sizeof(float));
  c->g.done = tells ? &done : NULL;
  c->g.workers = threads;
  c->g.zero = c->zero;
  c->g.row_scale = c->row_scale;
  c->g.extra = zeroed(c->spec.extra);
  ufi_winograd_q_run(pool, &c->g, c->side);
  ufi_free_aligned(c->g.extra);
  ufi_pool_release(pool);
  for (int64_t i = 0; i < rows * n; i++) {
    const float want = (float)direct(c, i / n, i % n), found = tells ? copy[i] : c->out[i];
    if (want != found) {
      fail_msg("%d channels to %d, side %d, %d threads, at %d: expected %g, found %g", (int)c->g.channels, (int)n, (int)c->side,
               (int)threads, (int)i, (double)want, (double)found);
    }
  }
  if (tells) assert_int_equal(t.rows, rows);
  ufi_free_aligned(copy);
}

static void check(int64_t batch, int64_t h, int64_t w, int64_t channels, int64_t n, int64_t pad) {
  for (int64_t side = 2; side <= 4; side += 2) {
    for (int32_t threads = 1; threads <= 3; threads++) {
      convolution c = make(side, batch, h, w, channels, n, pad, threads);
      check_with(&c, threads, false);
      check_with(&c, threads, true);
      done_with(&c);
    }
  }
}

static void sizes(void **state) {
  for (int64_t size = 1; size <= 9; size++) check(1, size, 10 - size, 17, 16, 1);
  for (int64_t size = 3; size <= 7; size++) check(3, size, size, 16 + size, 15 + size, size % 2);
}

static void columns(void **state) {
  check(1, 7, 6, 33, 64, 1);
  check(2, 9, 5, 20, 65, 1);
  check(1, 6, 7, 24, 131, 0);
}

static void many_tiles(void **state) { check(2, 30, 31, 18, 24, 1); }

static void too_large(void **state) {
  uf_error error = {0};
  ufi_ctx ctx = {.error = &error};
  ufi_tensor filter = {.dtype = UF_INT8};
  const ufi_conv_geometry g = {.batch = INT64_MAX / 64, .out_h = 1, .out_w = 2, .in_c = 64, .out_c = 64, .filter = &filter};
  ufi_q_spec spec = {0};
  assert_int_not_equal(ufi_winograd_q_set(&ctx, &g, 4, &spec), UF_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sizes), cmocka_unit_test(columns), cmocka_unit_test(many_tiles), cmocka_unit_test(too_large),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
