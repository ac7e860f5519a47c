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

#include "each_isa.h"
#include "guarded.h"

/* ---- depthwise convolution ---------------------------------------------------------- */

static double depthwise_one(const ufk_f32_depthwise *d, int64_t y, int64_t x, int64_t c) {
  double sum = (double)d->bias[c];
  for (int64_t i = 0; i < d->kernel_h; i++) {
    for (int64_t j = 0; j < d->kernel_w; j++) {
      const int64_t in_y = y * d->stride_h - d->pad_top + i * d->dilation_h;
      const int64_t in_x = x * d->stride_w - d->pad_left + j * d->dilation_w;
      if (in_y < 0 || in_y >= d->in_h || in_x < 0 || in_x >= d->in_w) continue;
      sum += (double)d->in[(in_y * d->in_w + in_x) * d->channels + c] *
             (double)d->weights[(i * d->kernel_w + j) * d->channels + c];
    }
  }
  return sum;
}

/* Lines [1, lines) of an image, of which line 0 must stay as it is. */
static void check_depthwise(const ufk_depthwise_table *k, ufk_f32_depthwise d, int64_t lines) {
  const size_t floats = (size_t)(lines * d.out_w * d.channels), line = (size_t)(d.out_w * d.channels);
  guarded in = guard_floats((size_t)(d.in_h * d.in_w * d.channels)), bias = guard_floats((size_t)d.channels);
  guarded weights = guard_floats((size_t)(d.kernel_h * d.kernel_w * d.channels));
  guarded out = guard_floats(floats), expected = guard(floats * sizeof(float));
  memcpy(expected.floats, out.floats, floats * sizeof(float));
  d.in = in.floats, d.weights = weights.floats, d.bias = bias.floats, d.out = out.floats;
  d.min = below(2) ? -0.5f : -INFINITY;
  d.max = below(2) ? 0.75f : INFINITY;
  for (size_t i = line; i < floats; i++) {
    const int64_t c = (int64_t)i % d.channels, x = (int64_t)i / d.channels % d.out_w;
    expected.floats[i] = clamp(depthwise_one(&d, (int64_t)(i / line), x, c), d.min, d.max);
  }
  k->f32_depthwise(&d, 1, lines);
  for (size_t i = 0; i < floats; i++) {
    check_close(expected.floats[i], out.floats[i], sqrt((double)(d.kernel_h * d.kernel_w)), "depthwise");
  }
  unguard(&in), unguard(&bias), unguard(&weights), unguard(&out), unguard(&expected);
}

static int64_t from_to(int64_t low, int64_t high) { return low + (int64_t)below((size_t)(high - low + 1)); }

/* Tiles of every width, borders of all kinds, images smaller than the window, windows beside the image. */
static void depthwise_sizes(const ufk_depthwise_table *k) {
  for (int i = 0; i < 1500; i++) {
    const int64_t kernel = i % 4 == 3 ? from_to(1, 7) : 3 + 2 * from_to(0, 1);
    ufk_f32_depthwise d = {
        .in_h = from_to(1, 9), .in_w = from_to(1, 20), .out_w = from_to(1, 18), .channels = from_to(1, 70),
        .kernel_h = from_to(1, 5), .kernel_w = kernel, .stride_h = from_to(1, 3), .stride_w = from_to(1, i % 8 ? 2 : 3),
        .dilation_h = from_to(1, 2), .dilation_w = i % 5 ? 1 : from_to(1, 3), .pad_top = from_to(0, 4),
        .pad_left = from_to(0, 4)};
    check_depthwise(k, d, from_to(1, 4));
  }
  const ufk_f32_depthwise wide = {.in_h = 5, .in_w = 40, .out_w = 40, .channels = 300, .kernel_h = 3, .kernel_w = 3,
                                  .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .pad_top = 1,
                                  .pad_left = 1};
  check_depthwise(k, wide, 5);
}

/* ---- pools ------------------------------------------------------------------------------ */

enum kind { MAXIMUM, MEAN, ROOT_MEAN_SQUARE };

typedef struct image {
  ufk_f32_window w;
  guarded in, out, expected;
  float min, max;
} image;

static image make_image(size_t n, size_t channels, size_t rows, size_t cols) {
  size_t stride = 1 + below(3), dilation = 1 + below(2);
  size_t width = (n - 1) * stride + (cols ? (cols - 1) * dilation : 0) + 1;
  size_t out = (n - 1) * (channels + 2) + channels;
  image m = {.w = {n, channels, rows, cols, (ptrdiff_t)(width * channels * dilation),
                   (ptrdiff_t)(dilation * channels), (ptrdiff_t)(stride * channels),
                   (ptrdiff_t)(channels + 2)}};
  m.in = guard_floats((rows ? (rows - 1) * dilation + 1 : 1) * width * channels);
  m.out = guard_floats(out);
  m.expected = guard(out * sizeof(float));
  memcpy(m.expected.floats, m.out.floats, out * sizeof(float));
  m.min = below(2) ? 0.0f : -INFINITY;
  m.max = below(2) ? 0.5f : INFINITY;
  return m;
}

static double window_one(enum kind kind, const image *m, size_t p, size_t c) {
  const ufk_f32_window *w = &m->w;
  double sum = kind == MAXIMUM ? -INFINITY : 0.0;
  for (size_t y = 0; y < w->rows; y++) {
    for (size_t x = 0; x < w->cols; x++) {
      double v = (double)m->in.floats[(ptrdiff_t)p * w->in_step + (ptrdiff_t)y * w->row_step +
                                    (ptrdiff_t)x * w->col_step + (ptrdiff_t)c];
      if (kind == MAXIMUM) sum = v > sum ? v : sum;
      else sum += kind == MEAN ? v : v * v;
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
      m.expected.floats[p * (channels + 2) + c] = clamp(window_one(kind, &m, p, c), m.min, m.max);
    }
  }
  ufk_f32_pool_fn pool = kind == MAXIMUM ? k->f32_max_pool
                         : kind == MEAN  ? k->f32_average_pool
                                         : k->f32_l2_pool;
  pool(&m.w, m.in.floats, m.out.floats, m.min, m.max);
  for (size_t i = 0; i < out; i++) {
    check_close(m.expected.floats[i], m.out.floats[i], sqrt((double)(rows * cols)), "window");
  }
  unguard(&m.in), unguard(&m.out), unguard(&m.expected);
}

static void window_sizes(const ufk_depthwise_table *k) {
  for (int kind = MAXIMUM; kind <= ROOT_MEAN_SQUARE; kind++) {
    for (size_t channels = 1; channels < 80; channels += 1 + below(6)) {
      check_window(k, (enum kind)kind, 1 + below(12), channels, 3, 3);
      check_window(k, (enum kind)kind, 1 + below(12), channels, 5, 5);
      check_window(k, (enum kind)kind, 1, channels, 1 + below(9), 1 + below(9));
      check_window(k, (enum kind)kind, 1 + below(9), channels, 1 + below(4), 1 + below(4));
    }
  }
}

/* ---- all sets ---------------------------------------------------------------------------- */

static void check_kernels(const ufi_kernels *kernels) {
  depthwise_sizes(&kernels->depthwise);
  window_sizes(&kernels->depthwise);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      EACH_ISA,
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
