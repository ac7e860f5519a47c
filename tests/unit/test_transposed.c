/* SPDX-License-Identifier: Apache-2.0
 *
 * test_transposed.c: matrices of elements of every size, few rows (panels) and many, against plain loops, in memory that
 * ends where a page that may not be touched begins.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guarded.h"
#include "kernels/transposed.h"

static void check(size_t size, size_t rows, size_t columns) {
  const size_t from_row = columns * size + below(2) * below(70), to_row = rows * size + below(2) * below(70);
  guarded from = guard_bytes((rows - 1) * from_row + columns * size), to = guard((columns - 1) * to_row + rows * size);
  const uint8_t *x = from.data, *y = to.data;
  ufk_transpose(size, (int64_t)rows, (int64_t)columns, x, (int64_t)from_row, to.data, (int64_t)to_row);
  for (size_t j = 0; j < columns; j++) {
    for (size_t i = 0; i < rows; i++) assert_memory_equal(y + j * to_row + i * size, x + i * from_row + j * size, size);
    for (size_t i = rows * size; j + 1 < columns && i < to_row; i++) assert_int_equal(y[j * to_row + i], 0);
  }
  unguard(&from), unguard(&to);
}

static void all_sizes(void **state) {
  for (size_t size = 1; size <= 16; size *= 2) {
    for (int i = 0; i < 300; i++) check(size, 1 + below(64), 1 + below(i % 10 ? 100 : 2000));
    for (int i = 0; i < 60; i++) check(size, 65 + below(300), 1 + below(100));
  }
}

static void nothing(void **state) {
  ufk_transpose(4, 0, 5, NULL, 20, NULL, 0);
  ufk_transpose(4, 5, 0, NULL, 0, NULL, 20);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(all_sizes), cmocka_unit_test(nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
