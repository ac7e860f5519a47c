/* SPDX-License-Identifier: Apache-2.0
 *
 * test_flexbuffer.c: maps written by the FlatBuffers library, and the same ones
 * damaged in every byte and cut off at every length.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/flexbuffer.h"

/* {"a": 1, "big": -70000, "f": 0.25, "yes": true, "name": "text",
 *  "list": [1, 2, 3], "huge": 2^40, "map": {"x": 7}} */
static const uint8_t wide[] = {
  97, 0, 98, 105, 103, 0, 102, 0, 121, 101, 115, 0, 110, 97, 109, 101, 0, 4, 116, 101, 120, 116, 0, 108, 105, 115, 116, 0,
  3, 1, 2, 3, 4, 4, 4, 104, 117, 103, 101, 0, 109, 97, 112, 0, 120, 0, 1, 3, 1, 1, 1, 7, 4, 8, 54, 53, 50, 22, 35, 19, 48,
  53, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 144, 238,
  254, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 208, 63, 0, 0, 0, 0, 0, 1, 0, 0, 91, 0, 0, 0, 0, 0, 0, 0, 77, 0, 0, 0,
  0, 0, 0, 0, 118, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 7, 15, 7, 40, 36, 20, 107, 72, 39, 1,
};
/* {"i": -5, "f": 1.5} as indirect numbers, {"u": 200, "n": null} */
static const uint8_t narrow[] = {
  105, 0, 251, 102, 0, 0, 0, 0, 0, 0, 192, 63, 117, 0, 110, 0, 4, 14, 18, 5, 8, 4, 1, 4, 16, 23, 0, 200, 34, 24, 0, 8, 8,
  36, 1,
};

/* ["op", bytes 0 1 2, 3, [4, 5], {"k": true}] */
static const uint8_t mixed[] = {
  2, 111, 112, 0, 3, 0, 1, 2, 2, 4, 5, 4, 4, 107, 0, 1, 3, 1, 1, 1, 1, 104, 5, 22, 19, 3, 17, 7, 20, 100, 4, 40, 36, 10, 40, 1};
/* (1.5, 2.5, 3.5), a vector that stores no length */
static const uint8_t three[] = {0, 0, 192, 63, 0, 0, 32, 64, 0, 0, 96, 64, 12, 86, 1};

static int64_t get_int(const ufi_flex *map, const char *key) {
  ufi_flex v = ufi_flex_get(map, key);
  return ufi_flex_int(&v, -99);
}

static double get_float(const ufi_flex *map, const char *key) {
  ufi_flex v = ufi_flex_get(map, key);
  return ufi_flex_float(&v, -99);
}

static void test_values(void **state) {
  ufi_flex map = ufi_flex_root(wide, sizeof wide), inner = ufi_flex_get(&map, "map");
  assert_int_equal(get_int(&map, "a"), 1);
  assert_int_equal(get_int(&map, "big"), -70000);
  assert_int_equal(get_int(&map, "huge"), (int64_t)1 << 40);
  assert_int_equal(get_int(&map, "yes"), 1);
  assert_int_equal(get_int(&map, "f"), 0);
  assert_true(get_float(&map, "f") == 0.25);
  assert_true(get_float(&map, "big") == -70000.0);
  assert_int_equal(get_int(&inner, "x"), 7);
  assert_int_equal(get_int(&map, "name"), -99); /* no number */
  assert_int_equal(get_int(&map, "nam"), -99);  /* no key */
  assert_int_equal(get_int(&map, "names"), -99);
  assert_int_equal(get_int(&inner, "y"), -99);
}

static void test_indirect(void **state) {
  ufi_flex map = ufi_flex_root(narrow, sizeof narrow), null = ufi_flex_get(&map, "n");
  assert_int_equal(get_int(&map, "i"), -5);
  assert_true(get_float(&map, "f") == 1.5);
  assert_int_equal(get_int(&map, "f"), 1);
  assert_int_equal(get_int(&map, "u"), 200);
  assert_true(ufi_flex_is_null(&null));
}

static void test_vectors(void **state) {
  ufi_flex list = ufi_flex_root(mixed, sizeof mixed), e = ufi_flex_at(&list, 0), inner;
  size_t size = 9;
  assert_int_equal(ufi_flex_count(&list), 5);
  assert_memory_equal(ufi_flex_bytes(&e, &size), "op", 2);
  assert_int_equal(size, 2);
  e = ufi_flex_at(&list, 1);
  assert_memory_equal(ufi_flex_bytes(&e, &size), "\0\1\2", 3);
  assert_int_equal(size, 3);
  e = ufi_flex_at(&list, 2);
  assert_int_equal(ufi_flex_int(&e, 0), 3);
  assert_null(ufi_flex_bytes(&e, &size));
  assert_int_equal(ufi_flex_count(&e), 0);
  e = ufi_flex_at(&list, 3);
  inner = ufi_flex_at(&e, 1);
  assert_int_equal(ufi_flex_count(&e), 2);
  assert_int_equal(ufi_flex_int(&inner, 0), 5);
  inner = ufi_flex_at(&e, 2);
  assert_true(ufi_flex_is_null(&inner));
  assert_null(ufi_flex_key(&e, 0));
  e = ufi_flex_at(&list, 4);
  inner = ufi_flex_at(&e, 0);
  assert_string_equal(ufi_flex_key(&e, 0), "k");
  assert_int_equal(ufi_flex_int(&inner, 0), 1);
  list = ufi_flex_root(three, sizeof three);
  e = ufi_flex_at(&list, 2);
  assert_int_equal(ufi_flex_count(&list), 3);
  assert_true(ufi_flex_float(&e, 0) == 3.5);
}

static void read_vector(const ufi_flex *list, int depth) {
  for (size_t i = 0, n = ufi_flex_count(list); i < n && i < 8; i++) {
    ufi_flex e = ufi_flex_at(list, i);
    size_t size = 0;
    const uint8_t *bytes = ufi_flex_bytes(&e, &size);
    const char *key = ufi_flex_key(list, i);
    uint8_t sum = 0;
    for (size_t k = 0; bytes && k < size; k++) sum = (uint8_t)(sum + bytes[k]);
    if (key) (void)strlen(key);
    (void)ufi_flex_int(&e, sum);
    if (depth > 0) read_vector(&e, depth - 1);
  }
}

static void read_all(const uint8_t *data, size_t size) {
  static const char *const keys[] = {"a", "big", "f", "yes", "name", "list", "huge", "map", "i", "u", "n", "none"};
  /* in a block of its own, so that a sanitizer sees a byte too many */
  uint8_t *copy = malloc(size ? size : 1);
  memcpy(copy, data, size);
  ufi_flex map = ufi_flex_root(copy, size);
  for (size_t i = 0; i < UFI_COUNT(keys); i++) {
    ufi_flex v = ufi_flex_get(&map, keys[i]);
    (void)ufi_flex_int(&v, 0);
    (void)ufi_flex_float(&v, 0);
    (void)get_int(&v, "x");
  }
  read_vector(&map, 2);
  free(copy);
}

static void damage(const uint8_t *data, size_t size) {
  static const uint8_t values[] = {0, 1, 2, 3, 8, 9, 16, 36, 39, 127, 128, 255};
  uint8_t copy[256];
  for (size_t cut = 0; cut <= size; cut++) {
    read_all(data, cut);
    read_all(data + cut, size - cut);
  }
  for (size_t i = 0; i < size; i++) {
    for (size_t k = 0; k < sizeof values; k++) {
      memcpy(copy, data, size);
      copy[i] = values[k];
      read_all(copy, size);
    }
  }
}

static void test_damaged(void **state) {
  damage(wide, sizeof wide);
  damage(narrow, sizeof narrow);
  damage(mixed, sizeof mixed);
  damage(three, sizeof three);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_values), cmocka_unit_test(test_indirect), cmocka_unit_test(test_vectors), cmocka_unit_test(test_damaged),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
