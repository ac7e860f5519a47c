/* SPDX-License-Identifier: Apache-2.0
 *
 * cmocka.h: as much of cmocka's face as the tests of kernels use, for processors that have no cmocka here
 * (tools/test_cross.py). A test that fails ends the program. Included after the standard headers, as cmocka's is.
 */
#ifndef UFT_CROSS_CMOCKA_H
#define UFT_CROSS_CMOCKA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int cross_skipped;

#define fail_msg(...) \
  (printf("%s:%d: ", __FILE__, __LINE__), printf(__VA_ARGS__), printf("\n0 passed, 1 failed\n"), exit(1))
#define assert_true(x) ((x) ? (void)0 : fail_msg("expected %s", #x))
#define assert_false(x) assert_true(!(x))
#define assert_int_equal(a, b)                                                                        \
  do {                                                                                                \
    const long long cross_a = (long long)(a), cross_b = (long long)(b);                               \
    if (cross_a != cross_b) fail_msg("%s == %s: %lld and %lld", #a, #b, cross_a, cross_b);            \
  } while (0)
#define assert_memory_equal(a, b, n) assert_true(memcmp(a, b, n) == 0)
#define skip()         \
  do {                 \
    cross_skipped = 1; \
    return;            \
  } while (0)

struct CMUnitTest {
  const char *name;
  void (*run)(void **state);
};
#define cmocka_unit_test(f) {#f, f}

static int cross_run(const struct CMUnitTest *tests, size_t n, int (*set_up)(void **state), int (*tear_down)(void **state)) {
  int passed = 0, skipped = 0;
  void *group = NULL;
  if (set_up) assert_int_equal(set_up(&group), 0);
  for (size_t i = 0; i < n; i++) {
    void *state = NULL;
    cross_skipped = 0;
    tests[i].run(&state);
    skipped += cross_skipped;
    passed += !cross_skipped;
  }
  if (tear_down) tear_down(&group);
  printf("%d passed, 0 failed, %d skipped\n", passed, skipped);
  return 0;
}
#define cmocka_run_group_tests(tests, set_up, tear_down) cross_run(tests, sizeof(tests) / sizeof(tests)[0], set_up, tear_down)

#endif
