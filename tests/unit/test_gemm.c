/* SPDX-License-Identifier: Apache-2.0
 *
 * test_gemm.c: every float32 kernel of gemm.h of every instruction set this
 * processor has, against plain loops, at odd sizes, with memory that ends
 * where a page that may not be touched begins.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "kernels/kernels.h"

/* ---- memory that ends at a guard page --------------------------------------- */

typedef struct guarded {
  void *map;
  size_t size;
  float *data;
} guarded;

static guarded guard(size_t floats) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = floats * sizeof(float);
  guarded g = {.size = (bytes + page - 1) / page * page + page};
  g.map = mmap(NULL, g.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_true(g.map != MAP_FAILED);
  assert_int_equal(mprotect((char *)g.map + g.size - page, page, PROT_NONE), 0);
  g.data = (float *)((char *)g.map + g.size - page - bytes);
  return g;
}

static void unguard(guarded *g) { munmap(g->map, g->size); }

static uint32_t seed = 1;
static float noise(void) {
  seed = seed * 1664525u + 1013904223u;
  return (float)(int32_t)seed / 2147483648.0f;
}

static guarded guard_noise(size_t floats) {
  guarded g = guard(floats);
  for (size_t i = 0; i < floats; i++) g.data[i] = noise();
  return g;
}

static size_t below(size_t n) {
  noise();
  return (seed >> 8) % n;
}

/* Kernels may add in another order and with one rounding less. */
static void check_close(float expected, float found, double scale, const char *what) {
  if (fabs((double)expected - (double)found) <= 2e-6 * (scale + 1.0)) return;
  fail_msg("%s: expected %g, found %g", what, (double)expected, (double)found);
}

static float clamp(double x, float min, float max) {
  return (float)(x < (double)min ? (double)min : x > (double)max ? (double)max : x);
}

/* ---- matrix product ------------------------------------------------------------ */

typedef struct product {
  size_t mr, n, taps, kc, nr, table_mr;
  guarded a, b, bias, c, expected;
  const float **rows;
  size_t ldc;
  float min, max;
  bool add;
} product;

static product make_product(const ufk_gemm_table *k, size_t mr, size_t n, size_t taps, size_t kc,
                            bool add) {
  size_t nr = k->f32_nr, panels = (n + nr - 1) / nr, depth = taps * kc;
  product p = {.mr = mr, .n = n, .taps = taps, .kc = kc, .nr = nr, .table_mr = k->f32_mr,
               .ldc = n + below(3), .add = add};
  p.a = guard_noise(mr * depth);
  p.b = guard_noise(panels * depth * nr);
  p.bias = guard_noise(panels * nr);
  p.c = guard_noise((mr - 1) * p.ldc + n);
  p.expected = guard((mr - 1) * p.ldc + n);
  memcpy(p.expected.data, p.c.data, ((mr - 1) * p.ldc + n) * sizeof(float));
  p.min = below(2) ? -0.5f : -INFINITY;
  p.max = below(2) ? 0.75f : INFINITY;
  p.rows = calloc(taps * k->f32_mr, sizeof *p.rows);
  for (size_t i = 0; i < mr; i++) {
    for (size_t t = 0; t < taps; t++) {
      p.rows[t * k->f32_mr + i] = p.a.data + (i * taps + (t * 7 + i) % taps) * kc;
    }
  }
  return p;
}

static double product_one(const product *p, size_t i, size_t j) {
  const float *panel = p->b.data + j / p->nr * p->taps * p->kc * p->nr + j % p->nr;
  double sum = p->add ? (double)p->c.data[i * p->ldc + j] : (double)p->bias.data[j];
  for (size_t t = 0; t < p->taps; t++) {
    for (size_t k = 0; k < p->kc; k++) {
      sum += (double)p->rows[t * p->table_mr + i][k] * (double)panel[(t * p->kc + k) * p->nr];
    }
  }
  return sum;
}

static void check_product(const ufk_gemm_table *k, size_t mr, size_t n, size_t taps, size_t kc) {
  product p = make_product(k, mr, n, taps, kc, below(2) == 1);
  for (size_t i = 0; i < mr; i++) {
    for (size_t j = 0; j < n; j++) {
      p.expected.data[i * p.ldc + j] = clamp(product_one(&p, i, j), p.min, p.max);
    }
  }
  k->f32_gemm(mr, n, taps, kc, p.rows, p.b.data, taps * kc * p.nr, p.add ? NULL : p.bias.data,
              p.c.data, p.ldc, p.min, p.max);
  for (size_t i = 0; i < (mr - 1) * p.ldc + n; i++) {
    check_close(p.expected.data[i], p.c.data[i], sqrt((double)(taps * kc)), "product");
  }
  unguard(&p.a), unguard(&p.b), unguard(&p.bias), unguard(&p.c), unguard(&p.expected);
  free(p.rows);
}

static void gemm_sizes(const ufk_gemm_table *k) {
  for (size_t mr = 1; mr <= k->f32_mr; mr++) {
    for (size_t n = 1; n <= 5 * k->f32_nr; n += 1 + below(4)) {
      check_product(k, mr, n, 1 + below(4), 1 + below(40));
    }
    check_product(k, mr, k->f32_nr * 4, 1, 300);
    check_product(k, mr, k->f32_nr + 3, 0, 7);
    check_product(k, mr, 5, 3, 0);
  }
}

/* NaN must not be clamped away, and a long sum may be done in parts. */
static void gemm_nan_and_parts(const ufk_gemm_table *k) {
  float a[6] = {1, 2, 3, 4, 5, 6}, b[6 * UFK_F32_MAX_NR], bias[UFK_F32_MAX_NR] = {0};
  float whole[UFK_F32_MAX_NR], parts[UFK_F32_MAX_NR];
  size_t nr = k->f32_nr;
  for (size_t i = 0; i < 6 * nr; i++) b[i] = noise();
  b[3] = NAN;
  const float *first = a, *second = a + 4;
  k->f32_gemm(1, nr, 1, 6, &first, b, 6 * nr, bias, whole, nr, -1.0f, 1.0f);
  k->f32_gemm(1, nr, 1, 4, &first, b, 6 * nr, bias, parts, nr, -INFINITY, INFINITY);
  k->f32_gemm(1, nr, 1, 2, &second, b + 4 * nr, 6 * nr, NULL, parts, nr, -1.0f, 1.0f);
  for (size_t j = 0; j < nr; j++) {
    if (j == 3) assert_true(isnan(whole[j]) && isnan(parts[j]));
    else check_close(whole[j], parts[j], 6.0, "parts");
  }
}

/* ---- windows ------------------------------------------------------------------------- */

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

static void check_window(const ufk_gemm_table *k, enum kind kind, size_t n, size_t channels,
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

static void window_sizes(const ufk_gemm_table *k) {
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
  gemm_sizes(&table.gemm);
  gemm_nan_and_parts(&table.gemm);
  window_sizes(&table.gemm);
}

static void test_scalar(void **state) { run_for(UFI_ISA_SCALAR); }
static void test_avx2(void **state) { run_for(UFI_ISA_AVX2); }
static void test_avx512(void **state) { run_for(UFI_ISA_AVX512); }

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_scalar),
      cmocka_unit_test(test_avx2),
      cmocka_unit_test(test_avx512),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
