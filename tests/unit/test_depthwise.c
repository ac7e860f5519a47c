/* SPDX-License-Identifier: Apache-2.0
 *
 * test_depthwise.c: every kernel of depthwise.h of every instruction set this
 * processor has, against plain loops, at odd sizes, with memory that ends
 * where a page that may not be touched begins.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "guarded.h"
#include "kernels/kernels.h"

enum kind { DEPTHWISE, MAXIMUM, MEAN, ROOT_MEAN_SQUARE };

typedef struct image {
  ufk_f32_window w;
  guarded in, weights, bias, out, expected;
  size_t w_row_step;
  float min, max;
} image;

static image make_image(size_t n, size_t channels, size_t rows, size_t cols) {
  size_t stride = 1 + below(3), dilation = 1 + below(2);
  size_t width = (n - 1) * stride + (cols ? (cols - 1) * dilation : 0) + 1;
  size_t out = (n - 1) * (channels + 2) + channels;
  image m = {.w = {n, channels, rows, cols, (ptrdiff_t)(width * channels * dilation),
                   (ptrdiff_t)(dilation * channels), (ptrdiff_t)(stride * channels),
                   (ptrdiff_t)(channels + 2)}};
  m.in = guard_noise((rows ? (rows - 1) * dilation + 1 : 1) * width * channels);
  m.w_row_step = (cols + below(2)) * channels;
  m.weights = guard_noise(rows && cols ? (rows - 1) * m.w_row_step + cols * channels : 0);
  m.bias = guard_noise(channels);
  m.out = guard_noise(out);
  m.expected = guard(out);
  memcpy(m.expected.data, m.out.data, out * sizeof(float));
  m.min = below(2) ? 0.0f : -INFINITY;
  m.max = below(2) ? 0.5f : INFINITY;
  return m;
}

static double window_one(enum kind kind, const image *m, size_t p, size_t c) {
  const ufk_f32_window *w = &m->w;
  double sum = kind == DEPTHWISE ? (double)m->bias.data[c] : kind == MAXIMUM ? -INFINITY : 0.0;
  for (size_t y = 0; y < w->rows; y++) {
    for (size_t x = 0; x < w->cols; x++) {
      double v = (double)m->in.data[(ptrdiff_t)p * w->in_step + (ptrdiff_t)y * w->row_step +
                                    (ptrdiff_t)x * w->col_step + (ptrdiff_t)c];
      if (kind == DEPTHWISE) {
        sum += v * (double)m->weights.data[y * m->w_row_step + x * w->channels + c];
      } else if (kind == MAXIMUM) {
        sum = v > sum ? v : sum;
      } else {
        sum += kind == MEAN ? v : v * v;
      }
    }
  }
  double count = (double)(w->rows * w->cols);
  return kind == MEAN ? sum / count : kind == ROOT_MEAN_SQUARE ? sqrt(sum / count) : sum;
}

static void check_window(const ufk_depthwise_table *k, enum kind kind, size_t n, size_t channels,
                         size_t rows, size_t cols) {
  image m = make_image(n, channels, rows, cols);
  size_t out = (n - 1) * (channels + 2) + channels;
  for (size_t p = 0; p < n; p++) {
    for (size_t c = 0; c < channels; c++) {
      m.expected.data[p * (channels + 2) + c] = clamp(window_one(kind, &m, p, c), m.min, m.max);
    }
  }
  if (kind == DEPTHWISE) {
    k->f32_depthwise(&m.w, m.in.data, m.weights.data, m.w_row_step, m.bias.data, m.out.data, m.min,
                     m.max);
  } else {
    ufk_f32_pool_fn pool = kind == MAXIMUM ? k->f32_max_pool
                           : kind == MEAN  ? k->f32_average_pool
                                           : k->f32_l2_pool;
    pool(&m.w, m.in.data, m.out.data, m.min, m.max);
  }
  for (size_t i = 0; i < out; i++) {
    check_close(m.expected.data[i], m.out.data[i], sqrt((double)(rows * cols)), "window");
  }
  unguard(&m.in), unguard(&m.weights), unguard(&m.bias), unguard(&m.out), unguard(&m.expected);
}

static void window_sizes(const ufk_depthwise_table *k) {
  for (int kind = DEPTHWISE; kind <= ROOT_MEAN_SQUARE; kind++) {
    for (size_t channels = 1; channels < 80; channels += 1 + below(6)) {
      check_window(k, (enum kind)kind, 1 + below(12), channels, 3, 3);
      check_window(k, (enum kind)kind, 1 + below(12), channels, 5, 5);
      check_window(k, (enum kind)kind, 1, channels, 1 + below(9), 1 + below(9));
      check_window(k, (enum kind)kind, 1 + below(9), channels, 1 + below(4), 1 + below(4));
    }
  }
  check_window(k, DEPTHWISE, 3, 21, 0, 0);
}

/* ---- all sets ---------------------------------------------------------------------------- */

static void run_for(int isa) {
  ufi_kernels table;
  memset(&table, 0, sizeof table);
  if (!ufi_kernels_for(isa, &table)) {
    skip();
    return;
  }
  window_sizes(&table.depthwise);
}

static void test_scalar(void **state) { run_for(UFI_ISA_SCALAR); }
static void test_avx2(void **state) { run_for(UFI_ISA_AVX2); }
static void test_avx512(void **state) { run_for(UFI_ISA_AVX512); }
static void test_neon(void **state) { run_for(UFI_ISA_NEON); }

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_scalar),
      cmocka_unit_test(test_avx2),
      cmocka_unit_test(test_avx512),
      cmocka_unit_test(test_neon),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
