/* SPDX-License-Identifier: Apache-2.0
 *
 * test_fixedpoint.c: 16-bit tanh and logistic, and the inverse square root, against
 * double arithmetic.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kernels/fixed32.h"
#include "kernels/fixedpoint.h"

/* Raw units of error allowed: the polynomial and the Newton steps lose a few. */
#define UNITS 14

static void test_tanh(void **state) {
  for (int bits = 0; bits <= 6; bits++) {
    for (int32_t raw = -32767; raw <= 32767; raw++) {
      double want = tanh(ldexp(raw, bits - 15)) * 32768;
      assert_true(fabs(want - ufk_fx_tanh((int16_t)raw, bits)) <= UNITS);
    }
  }
}

static void test_logistic(void **state) {
  for (int32_t raw = -32767; raw <= 32767; raw++) {
    double want = 32768 / (1 + exp(-ldexp(raw, 3 - 15)));
    assert_true(fabs(want - ufk_fx_logistic((int16_t)raw, 3)) <= UNITS);
  }
}

static void test_inverse_sqrt(void **state) {
  for (int32_t x = 2; x < 2000000000 && x > 0; x = (int32_t)(x * 1.37) + 1) {
    ufk_scale s = ufk_inverse_sqrt(x);
    double got = ldexp(s.multiplier, s.shift - 31);
    assert_true(fabs(got * sqrt(x) - 1) < 1e-3);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_tanh),
    cmocka_unit_test(test_logistic),
    cmocka_unit_test(test_inverse_sqrt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
