/* SPDX-License-Identifier: Apache-2.0
 *
 * test_fixedpoint.c: 16-bit tanh, logistic and rescaling against double
 * arithmetic, over every input.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

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

static void test_rescale(void **state) {
  const double factors[] = {0.3, 1.7e-5, 0.999999, 1.0, 37.25};
  for (int f = 0; f < 5; f++) {
    ufk_fx_scale scale = ufk_fx_scale_of(factors[f]);
    for (int32_t x = -1000000; x <= 1000000; x += 997) {
      assert_true(fabs(x * factors[f] - ufk_fx_rescale(x, scale)) <= 1.0);
    }
  }
  assert_int_equal(ufk_fx_scale_of(0).multiplier, 0);
  assert_int_equal(ufk_fx_scale_of(NAN).multiplier, 0);
  assert_int_equal(ufk_fx_scale_of(1e-20).multiplier, 0);
}

static void test_inverse_sqrt(void **state) {
  for (int32_t x = 2; x < 2000000000 && x > 0; x = (int32_t)(x * 1.37) + 1) {
    ufk_fx_scale s = ufk_fx_inverse_sqrt(x);
    double got = ldexp(s.multiplier, s.shift - 31);
    assert_true(fabs(got * sqrt(x) - 1) < 1e-3);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_tanh),
    cmocka_unit_test(test_logistic),
    cmocka_unit_test(test_rescale),
    cmocka_unit_test(test_inverse_sqrt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
