/* SPDX-License-Identifier: Apache-2.0
 *
 * test_lut.c: tables of quantized functions, with all scales and zero points, against the function itself: what the
 * fast kernels say of them must not differ in a single code.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ops/unary.h"

static uint32_t seed = 1;
static uint32_t noise(void) { return (seed = seed * 1664525u + 1013904223u) >> 8; }
static float between(float low, float high) { return low + (high - low) * (float)noise() / (1 << 24); }

static float real_tanh(float v, const ufi_unary *s) { return tanhf(v); }
static float real_logistic(float v, const ufi_unary *s) { return 1.0f / (1.0f + expf(-v)); }
static float real_exp(float v, const ufi_unary *s) { return expf(v); }
static float real_elu(float v, const ufi_unary *s) { return v < 0.0f ? expm1f(v) : v; }
static float real_gelu(float v, const ufi_unary *s) { return 0.5f * v * erfcf(v * -(float)M_SQRT1_2); }
static float real_log(float v, const ufi_unary *s) {
  return v <= 0.0f ? ((float)s->lo - (float)s->out_zero) * s->out_scale : logf(v);
}

static const struct {
  ufk_f32_unary kernel;
  ufi_real_fn f;
} functions[] = {{UFK_TANH, real_tanh}, {UFK_LOGISTIC, real_logistic}, {UFK_EXP, real_exp}, {UFK_ELU, real_elu},
                 {UFK_GELU, real_gelu}, {UFK_LOG, real_log}};

/* As the reference has it. */
static uint8_t code_of(const ufi_unary *s, float real) {
  const float q = roundf(real * (1.0f / s->out_scale)) + (float)s->out_zero;
  if (!(q >= (float)s->lo)) return (uint8_t)s->lo;
  return (uint8_t)(q >= (float)s->hi ? s->hi : (int32_t)q);
}

static void check(ufi_unary *s, uf_dtype dtype) {
  uint8_t table[256];
  s->table = table;
  ufi_dtype_limits(dtype, &s->lo, &s->hi);
  for (size_t k = 0; k < UFI_COUNT(functions); k++) {
    ufi_unary_real(s, dtype, functions[k].f, functions[k].kernel);
    for (int32_t i = 0; i < 256; i++) {
      const int32_t v = dtype == UF_INT8 ? (int8_t)(uint8_t)i : i;
      const uint8_t expected = code_of(s, functions[k].f(s->in_scale * (float)(v - s->in_zero), s));
      if (table[i] == expected) continue;
      fail_msg("function %zu of %d: %d, not %d; scales %g and %g, zeros %d and %d", k, (int)v, table[i], expected,
               (double)s->in_scale, (double)s->out_scale, (int)s->in_zero, (int)s->out_zero);
    }
  }
}

static void test_likely(void **state) {
  for (int round = 0; round < 2000; round++) {
    ufi_unary s = {.in_scale = expf(between(-8, 0)), .out_scale = round % 2 ? 1.0f / 256 : expf(between(-9, 0))};
    s.in_zero = (int32_t)(noise() % 256) - 128, s.out_zero = (int32_t)(noise() % 256) - 128;
    check(&s, UF_INT8);
    s.in_zero += 128, s.out_zero += 128;
    check(&s, UF_UINT8);
  }
}

static void test_unlikely(void **state) {
  static const float scales[] = {1e-38f, 1e-20f, 1e-9f, 0.015625f, 1.0f, 1e9f, 3e38f};
  static const int32_t zeros[] = {-2147483600, -100000, -300, -128, 0, 255, 300, 100000, 2147483600};
  for (size_t i = 0; i < UFI_COUNT(scales) * UFI_COUNT(scales) * UFI_COUNT(zeros); i++) {
    ufi_unary s = {.in_scale = scales[i % UFI_COUNT(scales)], .out_scale = scales[i / UFI_COUNT(scales) % UFI_COUNT(scales)]};
    s.out_zero = zeros[i / UFI_COUNT(scales) / UFI_COUNT(scales)];
    check(&s, UF_INT8);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_likely), cmocka_unit_test(test_unlikely)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
