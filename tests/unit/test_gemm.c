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

#include <cmocka.h>

#include "each_isa.h"
#include "guarded.h"

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
  p.a = guard_floats(mr * depth);
  p.b = guard_floats(panels * depth * nr);
  p.bias = guard_floats(n % 16 == 0 ? n : panels * nr); /* as ufi_gemm_f32_bias gives it */
  p.c = guard_floats((mr - 1) * p.ldc + n);
  p.expected = guard(((mr - 1) * p.ldc + n) * sizeof(float));
  memcpy(p.expected.floats, p.c.floats, ((mr - 1) * p.ldc + n) * sizeof(float));
  p.min = below(2) ? -0.5f : -INFINITY;
  p.max = below(2) ? 0.75f : INFINITY;
  p.rows = calloc(taps * k->f32_mr, sizeof *p.rows);
  for (size_t i = 0; i < mr; i++) {
    for (size_t t = 0; t < taps; t++) {
      p.rows[t * k->f32_mr + i] = p.a.floats + (i * taps + (t * 7 + i) % taps) * kc;
    }
  }
  return p;
}

static double product_one(const product *p, size_t i, size_t j) {
  const float *panel = p->b.floats + j / p->nr * p->taps * p->kc * p->nr + j % p->nr;
  double sum = p->add ? (double)p->c.floats[i * p->ldc + j] : (double)p->bias.floats[j];
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
      p.expected.floats[i * p.ldc + j] = clamp(product_one(&p, i, j), p.min, p.max);
    }
  }
  k->f32_gemm(mr, n, taps, kc, p.rows, p.b.floats, taps * kc * p.nr, p.add ? NULL : p.bias.floats,
              p.c.floats, p.ldc, p.min, p.max);
  for (size_t i = 0; i < (mr - 1) * p.ldc + n; i++) {
    check_close(p.expected.floats[i], p.c.floats[i], sqrt((double)(taps * kc)), "product");
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

/* ---- all sets ---------------------------------------------------------------------------- */

static void check_kernels(const ufi_kernels *kernels) {
  gemm_sizes(&kernels->gemm);
  gemm_nan_and_parts(&kernels->gemm);
}

/* Narrow rests by half vectors and by whole ones, whichever this processor would take. */
static void test_halves(void **state) {
#if defined(__x86_64__)
  ufi_kernels kernels;
  if (!ufi_kernels_for(UFI_ISA_AVX512, &kernels)) {
    skip();
    return;
  }
  for (int pay = 0; pay < 2; pay++) {
    ufk_gemm_avx512_halves(pay);
    gemm_sizes(&kernels.gemm);
  }
#else
  skip();
#endif
}

int main(void) {
  const struct CMUnitTest tests[] = {
      EACH_ISA,
      cmocka_unit_test(test_halves),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
