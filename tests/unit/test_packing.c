/* SPDX-License-Identifier: Apache-2.0
 *
 * test_packing.c: memory for packed weights, and the table of a model's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "graph/packing.h"

static bool is_zero(const uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (bytes[i]) return false;
  }
  return true;
}

/* Small pieces, one larger than what was expected, and then small ones again. */
static void pieces_are_zero_aligned_and_apart(void **state) {
  static const size_t sizes[] = {1, 64, 65, 4095, 0, 3 << 20, 100, 9 << 20, 1 << 20, 5};
  for (size_t expected = 0; expected <= 4 << 20; expected += 4 << 20) {
    ufi_pages *pages = ufi_pages_create(expected);
    uint8_t *piece[UFI_COUNT(sizes)];
    for (size_t i = 0; i < UFI_COUNT(sizes); i++) {
      piece[i] = ufi_pages_alloc(pages, sizes[i]);
      assert_non_null(piece[i]);
      assert_int_equal((uintptr_t)piece[i] % 64, 0);
      assert_true(is_zero(piece[i], sizes[i]));
      memset(piece[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < UFI_COUNT(sizes); i++) {
      for (size_t k = 0; k < sizes[i]; k++) assert_int_equal(piece[i][k], i + 1);
    }
    ufi_pages_destroy(pages);
  }
  ufi_pages_destroy(NULL);
}

static void impossible_pieces(void **state) {
  ufi_pages *pages = ufi_pages_create(SIZE_MAX); /* what is expected is no more than a hint */
  assert_null(ufi_pages_alloc(pages, SIZE_MAX));
  assert_null(ufi_pages_alloc(pages, PTRDIFF_MAX));
  assert_non_null(ufi_pages_alloc(pages, 10));
  ufi_pages_destroy(pages);
}

static void the_table_tells_keys_apart(void **state) {
  ufi_packing *packing = ufi_packing_create(1000);
  for (uint64_t i = 0; i < 1000; i++) {
    ufi_packed_key key = {.source = i % 10, .size = i, .tag = (int64_t)(i % 7) - 3, .op = (uint32_t)(i % 3), .slot = (uint16_t)(i % 4)};
    assert_null(ufi_packing_find(packing, &key));
    void *memory = ufi_packing_room(packing, i);
    assert_ptr_equal(ufi_packing_add(packing, &key, memory)->memory, memory);
    assert_ptr_equal(ufi_packing_find(packing, &key)->memory, memory);
    key.dtype = 1;
    assert_null(ufi_packing_find(packing, &key));
  }
  assert_int_equal(packing->n, 1000);
  assert_int_equal(packing->bytes, 999 * 1000 / 2);
  ufi_packing_destroy(packing);
  ufi_packing_destroy(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(pieces_are_zero_aligned_and_apart), cmocka_unit_test(impossible_pieces),
    cmocka_unit_test(the_table_tells_keys_apart),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  printf("packing: %zu passed, %d failed\n", UFI_COUNT(tests) - (size_t)failed, failed);
  return failed;
}
