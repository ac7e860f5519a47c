/* SPDX-License-Identifier: Apache-2.0
 *
 * test_plan.c: values alive at the same time never overlap, and the plan stays
 * near the lower bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "plan/plan.h"

static uint32_t seed = 1;
static uint32_t next(uint32_t below) {
  seed = seed * 1664525u + 1013904223u;
  return (seed >> 8) % below;
}

static void check_plan(const ufi_plan_item *items, int32_t n, size_t total) {
  for (int32_t i = 0; i < n; i++) {
    assert_int_equal(items[i].offset % UFI_PLAN_ALIGN, 0);
    assert_true(items[i].offset + items[i].size <= total);
    for (int32_t j = 0; j < i; j++) {
      bool together = items[i].first <= items[j].last && items[j].first <= items[i].last;
      bool apart = items[i].offset + items[i].size <= items[j].offset || items[j].offset + items[j].size <= items[i].offset;
      assert_true(!together || apart);
    }
  }
}

static void test_random_lifetimes(void **state) {
  for (int round = 0; round < 50; round++) {
    ufi_plan_item items[120];
    int32_t n = (int32_t)next(120) + 1;
    size_t total, bound;
    for (int32_t i = 0; i < n; i++) {
      items[i] = (ufi_plan_item){.first = (int32_t)next(100), .size = next(5000) + 1};
      items[i].last = items[i].first + (int32_t)next(10);
    }
    assert_int_equal(ufi_plan(items, n, &total, &bound, NULL), UF_OK);
    check_plan(items, n, total);
    assert_true(total >= bound);
    assert_true(total <= bound + bound / 2);
  }
}

/* More than are compared with each other: placed in the order of steps. */
static void test_many_items(void **state) {
  enum { N = 3 * UFI_PLAN_FEW };
  ufi_plan_item *items = ufi_calloc(N, sizeof *items);
  for (uint32_t lives = 1; lives <= 1000; lives *= 10) {
    size_t total, bound;
    for (int32_t i = 0; i < N; i++) {
      items[i] = (ufi_plan_item){.first = (int32_t)next(N), .size = next(lives == 10 ? 20000 : 3000) + 1};
      items[i].last = items[i].first + (int32_t)next(lives);
    }
    assert_int_equal(ufi_plan(items, N, &total, &bound, NULL), UF_OK);
    check_plan(items, N, total);
    assert_true(total >= bound && total <= bound + bound / 2);
  }
  for (int32_t i = 0; i < N; i++) items[i] = (ufi_plan_item){.first = i, .last = N, .size = 64};
  size_t total, bound;
  assert_int_equal(ufi_plan(items, N, &total, &bound, NULL), UF_OK);
  check_plan(items, N, total);
  assert_int_equal(total, 64 * N); /* all at once: no gap anywhere */
  for (int32_t i = 0; i < N; i++) items[i] = (ufi_plan_item){.first = i, .last = i + 1, .size = 1024};
  assert_int_equal(ufi_plan(items, N, &total, &bound, NULL), UF_OK);
  assert_int_equal(total, 2048);
  ufi_free(items);
}

/* Minutes if it took time in proportion to the square of their number. */
static void test_very_many_items(void **state) {
  enum { N = 1 << 19 };
  ufi_plan_item *items = ufi_calloc(N, sizeof *items);
  size_t total, bound;
  for (int32_t i = 0; i < N; i++) items[i] = (ufi_plan_item){.first = i, .last = N, .size = 64 * (1 + (size_t)i % 3)};
  assert_int_equal(ufi_plan(items, N, &total, &bound, NULL), UF_OK);
  assert_int_equal(total, bound);
  ufi_free(items);
}

static void test_chain_needs_two_buffers(void **state) {
  ufi_plan_item items[20];
  size_t total, bound;
  for (int32_t i = 0; i < 20; i++) items[i] = (ufi_plan_item){.first = i, .last = i + 1, .size = 1024};
  assert_int_equal(ufi_plan(items, 20, &total, &bound, NULL), UF_OK);
  assert_int_equal(total, 2048);
  assert_int_equal(bound, 2048);
}

/* Where memory is shared middles are the same, but for the rounding of offsets. */
static void test_common_middles(void **state) {
  for (int round = 0; round < 50; round++) {
    ufi_plan_item items[120];
    const int32_t n = (int32_t)next(120) + 1;
    size_t total = 5, bound = 0;
    for (int32_t i = 0; i < n; i++) {
      items[i] = (ufi_plan_item){.first = (int32_t)next(100), .size = next(5000) + 1};
      items[i].last = items[i].first + (int32_t)next(10);
      bound += items[i].size + UFI_PLAN_ALIGN;
    }
    assert_int_equal(ufi_plan_middles(items, n, bound, &total, NULL), UF_OK);
    check_plan(items, n, total);
    for (int32_t i = 0; i < n; i++) {
      for (int32_t j = 0; j < i; j++) {
        if (items[i].offset + items[i].size <= items[j].offset || items[j].offset + items[j].size <= items[i].offset) continue;
        const double a = (double)items[i].offset + (double)items[i].size / 2, b = (double)items[j].offset + (double)items[j].size / 2;
        assert_true(a - b < 2 * UFI_PLAN_ALIGN && b - a < 2 * UFI_PLAN_ALIGN);
      }
    }
  }
}

static void test_middles_that_take_too_much(void **state) {
  ufi_plan_item items[3] = {{.first = 0, .last = 1, .size = 640}, {.first = 1, .last = 2, .size = 64}, {.first = 2, .last = 3, .size = 640}};
  size_t total = 0, bound = 0;
  assert_int_equal(ufi_plan(items, 3, &total, &bound, NULL), UF_OK);
  const size_t before[3] = {items[0].offset, items[1].offset, items[2].offset};
  assert_int_equal(ufi_plan_middles(items, 3, 703, &total, NULL), UF_OK);
  for (int i = 0; i < 3; i++) assert_int_equal(items[i].offset, before[i]);
  assert_int_equal(total, 704);
  assert_int_equal(ufi_plan_middles(items, 3, 704, &total, NULL), UF_OK);
  assert_int_equal(items[0].offset, items[2].offset);
  assert_int_equal(ufi_plan_middles(items, 0, 0, &total, NULL), UF_OK);
  assert_int_equal(total, 0);
}

static void test_nothing_to_plan(void **state) {
  size_t total = 1, bound = 1;
  assert_int_equal(ufi_plan(NULL, 0, &total, &bound, NULL), UF_OK);
  assert_int_equal(total, 0);
  assert_int_equal(bound, 0);
}

static void test_sum_that_overflows(void **state) {
  ufi_plan_item items[3] = {{.size = SIZE_MAX / 2 - 100}, {.size = SIZE_MAX / 2 - 100}, {.size = SIZE_MAX / 2 - 100}};
  size_t total, bound;
  uf_error error = {0};
  assert_int_equal(ufi_plan(items, 3, &total, &bound, &error), UF_RESOURCE_EXHAUSTED);
  assert_string_equal(error.message, "expected activations that fit in memory, found shapes that do not");
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_random_lifetimes),
    cmocka_unit_test(test_many_items),
    cmocka_unit_test(test_very_many_items),
    cmocka_unit_test(test_chain_needs_two_buffers),
    cmocka_unit_test(test_common_middles),
    cmocka_unit_test(test_middles_that_take_too_much),
    cmocka_unit_test(test_nothing_to_plan),
    cmocka_unit_test(test_sum_that_overflows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
