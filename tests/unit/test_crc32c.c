/* SPDX-License-Identifier: Apache-2.0
 *
 * test_crc32c.c: the checksum against known values, a bit-by-bit computation, and itself
 * over parts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <libdeflate.h>

#include "base/crc32c.h"

static uint32_t bit_by_bit(uint32_t crc, const uint8_t *p, size_t size) {
  crc = ~crc;
  for (size_t i = 0; i < size; i++) {
    crc ^= p[i];
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0x82F63B78u : crc >> 1;
  }
  return ~crc;
}

static void fill(uint8_t *p, size_t size) {
  uint32_t seed = 12345;
  for (size_t i = 0; i < size; i++) {
    seed = seed * 1664525u + 1013904223u;
    p[i] = (uint8_t)(seed >> 24);
  }
}

/* From RFC 3720, appendix B.4. */
static void known_values(void **state) {
  uint8_t bytes[32] = {0};
  assert_int_equal(ufi_crc32c(0, bytes, 32), 0x8A9136AAu);
  memset(bytes, 0xFF, 32);
  assert_int_equal(ufi_crc32c(0, bytes, 32), 0x62A8AB43u);
  for (int i = 0; i < 32; i++) bytes[i] = (uint8_t)i;
  assert_int_equal(ufi_crc32c(0, bytes, 32), 0x46DD794Eu);
  assert_int_equal(ufi_crc32c(0, "123456789", 9), 0xE3069283u);
  assert_int_equal(ufi_crc32c(0x1234, bytes, 0), 0x1234);
}

static void all_sizes(void **state) {
  enum { SIZE = 40000 };
  uint8_t *bytes = malloc(SIZE + 8), *copy = malloc(SIZE + 8);
  fill(bytes, SIZE + 8);
  for (size_t size = 0; size < SIZE; size += size < 1200 ? 1 : 397)
    for (size_t shift = 0; shift < 8; shift += 3) {
      uint32_t expected = bit_by_bit(7, bytes + shift, size);
      assert_int_equal(ufi_crc32c(7, bytes + shift, size), expected);
      if (size % 5) continue;
      memset(copy, 0, size);
      assert_int_equal(ufi_crc32c_copy(7, copy, bytes + shift, size), expected);
      assert_memory_equal(copy, bytes + shift, size);
    }
  free(bytes);
  free(copy);
}

static void parts_combine(void **state) {
  enum { SIZE = 10000 };
  uint8_t *bytes = malloc(SIZE);
  fill(bytes, SIZE);
  uint32_t whole = ufi_crc32c(0, bytes, SIZE);
  for (size_t cut = 0; cut <= SIZE; cut += 613) {
    uint32_t a = ufi_crc32c(0, bytes, cut), b = ufi_crc32c(0, bytes + cut, SIZE - cut);
    assert_int_equal(ufi_crc32c_combine(a, b, SIZE - cut), whole);
    assert_int_equal(ufi_crc32c(a, bytes + cut, SIZE - cut), whole);
    assert_int_equal(ufi_crc32_combine(libdeflate_crc32(0, bytes, cut),
                                       libdeflate_crc32(0, bytes + cut, SIZE - cut), SIZE - cut),
                     libdeflate_crc32(0, bytes, SIZE));
  }
  free(bytes);
}

/* Both ways of filling new memory, whichever the machine is fast at. */
static void copies_to_fresh_memory(void **state) {
  enum { SIZE = (5 << 20) + 13 };
  uint8_t *bytes = malloc(SIZE);
  fill(bytes, SIZE);
  uint32_t whole = ufi_crc32c(9, bytes, SIZE);
  for (int i = 0; i < 4; i++) {
    uint8_t *copy = ufi_malloc_aligned(SIZE);
    assert_int_equal(ufi_crc32c_copy_fresh(9, copy + i, bytes, SIZE - 3), ufi_crc32c(9, bytes, SIZE - 3));
    assert_memory_equal(copy + i, bytes, SIZE - 3);
    ufi_free_aligned(copy);
  }
  assert_int_equal(ufi_crc32c(9, bytes, SIZE), whole);
  free(bytes);
}

static void masks_undo(void **state) {
  for (uint32_t crc = 1; crc; crc *= 2) {
    assert_int_equal(ufi_crc32c_unmask(ufi_crc32c_mask(crc)), crc);
    assert_int_not_equal(ufi_crc32c_mask(crc), crc);
  }
  assert_int_equal(ufi_crc32c_mask(0), 0xA282EAD8u);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(known_values), cmocka_unit_test(all_sizes), cmocka_unit_test(parts_combine),
    cmocka_unit_test(copies_to_fresh_memory), cmocka_unit_test(masks_undo)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
