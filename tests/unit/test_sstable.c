/* SPDX-License-Identifier: Apache-2.0
 *
 * test_sstable.c: tables written and read back, looked up, cut off and damaged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/ordered_code.h"
#include "format/outfile.h"
#include "format/sstable.h"

enum { KEYS = 9000, BIG_VALUE = 120 };

static char path[] = "/tmp/unflow-sstable-XXXXXX";

static ufi_bytes bytes_of(const char *text) {
  return (ufi_bytes){(const uint8_t *)text, strlen(text)};
}

static ufi_bytes key_of(int i, char text[32]) {
  snprintf(text, 32, "scope_%03d/variable_%05d", i / 100, i);
  return bytes_of(text);
}

static ufi_bytes value_of(int i, char text[BIG_VALUE + 1]) {
  int size = i % BIG_VALUE;
  memset(text, 'a' + i % 26, (size_t)size);
  text[size] = 0;
  return bytes_of(text);
}

/* Several blocks of keys that share beginnings. */
static int write_table(void **state) {
  int fd = mkstemp(path);
  if (fd < 0) return -1;
  close(fd);
  ufi_outfile *file = NULL;
  assert_int_equal(ufi_outfile_create(path, false, &file, NULL), UF_OK);
  ufi_sstable_writer *w = ufi_sstable_writer_create(file);
  assert_non_null(w);
  char key[32], value[BIG_VALUE + 1];
  assert_int_equal(ufi_sstable_writer_add(w, bytes_of(""), bytes_of("header"), NULL), UF_OK);
  for (int i = 0; i < KEYS; i++)
    assert_int_equal(ufi_sstable_writer_add(w, key_of(i, key), value_of(i, value), NULL), UF_OK);
  assert_int_equal(ufi_sstable_writer_finish(w, NULL), UF_OK);
  assert_int_equal(ufi_outfile_commit(file, NULL), UF_OK);
  return 0;
}

static int remove_table(void **state) { return unlink(path); }

static ufi_sstable *open_bytes(const uint8_t *data, size_t size, uf_error *error) {
  uf_buf *buf = uf_buf_create(size);
  if (size) memcpy(uf_buf_data(buf), data, size);
  ufi_file *file = NULL;
  ufi_sstable *table = NULL;
  assert_int_equal(ufi_file_of_buf(buf, "t.index", &file, NULL), UF_OK);
  uf_buf_release(buf);
  if (ufi_sstable_open(file, &table, error) != UF_OK) table = NULL;
  ufi_file_release(file);
  return table;
}

static uf_buf *table_bytes(void) {
  uf_buf *buf = NULL;
  assert_int_equal(ufi_map_file(path, &buf, NULL), UF_OK);
  return buf;
}

static uf_status check_pair(void *context, ufi_bytes key, ufi_bytes value, uf_error *error) {
  int *n = context;
  char k[32], v[BIG_VALUE + 1];
  if (key.size == 0) {
    assert_true(ufi_bytes_equal(value, "header"));
    return UF_OK;
  }
  ufi_bytes want = key_of(*n, k);
  assert_int_equal(key.size, want.size);
  assert_memory_equal(key.data, want.data, want.size);
  want = value_of(*n, v);
  assert_int_equal(value.size, want.size);
  if (want.size) assert_memory_equal(value.data, want.data, want.size);
  ++*n;
  return UF_OK;
}

static void walk_gives_all(void **state) {
  uf_buf *buf = table_bytes();
  ufi_sstable *t = open_bytes(uf_buf_data(buf), uf_buf_size(buf), NULL);
  assert_non_null(t);
  int n = 0;
  assert_int_equal(ufi_sstable_walk(t, check_pair, &n, NULL), UF_OK);
  assert_int_equal(n, KEYS);
  ufi_sstable_close(t);
  uf_buf_release(buf);
}

static void find_gives_each(void **state) {
  uf_buf *buf = table_bytes();
  ufi_sstable *t = open_bytes(uf_buf_data(buf), uf_buf_size(buf), NULL);
  char key[32];
  for (int i = 0; i < KEYS; i += i % 97 == 0 ? 1 : 13) {
    int n = i;
    assert_int_equal(ufi_sstable_find(t, key_of(i, key), check_pair, &n, NULL), UF_OK);
    assert_int_equal(n, i + 1);
  }
  int n = 0;
  assert_int_equal(ufi_sstable_find(t, bytes_of(""), check_pair, &n, NULL), UF_OK);
  const char *const missing[] = {"a", "scope_", "scope_000/variable_00000x", "zzz", "\xFF"};
  for (size_t i = 0; i < UFI_COUNT(missing); i++)
    assert_int_equal(ufi_sstable_find(t, bytes_of(missing[i]), check_pair, &n, NULL), UF_NOT_FOUND);
  ufi_sstable_close(t);
  uf_buf_release(buf);
}

static uf_status count_pair(void *context, ufi_bytes key, ufi_bytes value, uf_error *error) {
  ++*(int *)context;
  return UF_OK;
}

/* Any changed byte is found out, whatever part it is in; padding of the footer aside. */
static void damage_is_found(void **state) {
  uf_buf *buf = table_bytes();
  size_t size = uf_buf_size(buf);
  uint8_t *copy = malloc(size);
  memcpy(copy, uf_buf_data(buf), size);
  for (size_t i = 0; i < size; i += i + 400 < size ? 1009 : 1) {
    uint8_t old = copy[i];
    copy[i] ^= 0x40;
    uf_error error = {0};
    int n = 0;
    ufi_sstable *t = open_bytes(copy, size, &error);
    uf_status status = t ? ufi_sstable_walk(t, count_pair, &n, &error) : error.status;
    bool padding = i + 48 >= size && i + 8 < size;
    if (status == UF_OK) assert_true(padding && n == KEYS + 1);
    else assert_int_equal(status, UF_DATA_LOSS);
    ufi_sstable_close(t);
    copy[i] = old;
  }
  free(copy);
  uf_buf_release(buf);
}

static void cuts_are_found(void **state) {
  uf_buf *buf = table_bytes();
  size_t size = uf_buf_size(buf);
  for (size_t cut = 0; cut < size; cut += cut < 100 ? 1 : 991) {
    uf_error error = {0};
    assert_null(open_bytes(uf_buf_data(buf), cut, &error));
    assert_int_equal(error.status, UF_DATA_LOSS);
    assert_non_null(strstr(error.message, "t.index: expected a table"));
  }
  uf_buf_release(buf);
}

static void a_good_block_stays_readable(void **state) {
  uf_buf *buf = table_bytes();
  size_t size = uf_buf_size(buf);
  uint8_t *copy = malloc(size);
  memcpy(copy, uf_buf_data(buf), size);
  copy[1000] ^= 1; /* in the first block */
  uf_error error = {0};
  int n = KEYS - 1;
  char key[32];
  ufi_sstable *t = open_bytes(copy, size, &error);
  assert_non_null(t);
  assert_int_equal(ufi_sstable_find(t, key_of(KEYS - 1, key), check_pair, &n, &error), UF_OK);
  assert_int_equal(ufi_sstable_find(t, key_of(0, key), check_pair, &n, &error), UF_DATA_LOSS);
  assert_string_equal(error.message, "t.index: block at offset 0: expected its checksum, found "
                      "another; the file is damaged, copy it again");
  ufi_sstable_close(t);
  free(copy);
  uf_buf_release(buf);
}

/* A whole dimension, 300 from 200 on, 5 from 3 on (TensorFlow finds these: tests/oracle). */
static void slice_keys(void **state) {
  const int64_t start[] = {0, 200, 3}, length[] = {-1, 300, 5};
  size_t size = 0;
  uint8_t *key = ufi_slice_key("a\xFF", 3, start, length, &size);
  const uint8_t expected[] = {0x00, 'a', 0xFF, 0x00, 0x00, 0x01, 0x01, 0x03, 0x80, 0x7F,
                              0xC0, 0xC8, 0xC1, 0x2C, 0x83, 0x85};
  assert_int_equal(size, sizeof expected);
  assert_memory_equal(key, expected, size);
  ufi_free(key);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(walk_gives_all), cmocka_unit_test(find_gives_each),
    cmocka_unit_test(damage_is_found), cmocka_unit_test(cuts_are_found),
    cmocka_unit_test(a_good_block_stays_readable), cmocka_unit_test(slice_keys)};
  return cmocka_run_group_tests(tests, write_table, remove_table);
}
