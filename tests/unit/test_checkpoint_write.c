/* SPDX-License-Identifier: Apache-2.0
 *
 * test_checkpoint_write.c: checkpoints and tables written, and read back; whole or not at
 * all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/crc32c.h"
#include "samples.h"

static char folder[] = "/tmp/unflow-write-XXXXXX";
static uint8_t noise[1 << 20];

static int make_folder(void **state) {
  uint32_t seed = 1;
  for (size_t i = 0; i < sizeof noise; i++) {
    seed = seed * 1664525u + 1013904223u;
    noise[i] = (uint8_t)(seed >> 24);
  }
  return mkdtemp(folder) ? 0 : -1;
}

static const char *at(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

/* Names in the folder, which is emptied. */
static void expect_files(const char *const *names, size_t n) {
  ufi_folder found = {0};
  assert_int_equal(ufi_folder_list(NULL, folder, &found, NULL), UF_OK);
  for (size_t i = 0; i < found.count && i < n; i++) assert_string_equal(found.names[i], names[i]);
  assert_int_equal(found.count, n);
  for (size_t i = 0; i < found.count; i++) unlink(at(found.names[i]));
  ufi_folder_free(&found);
}

static int remove_folder(void **state) { return rmdir(folder); }

static uf_checkpoint_writer *create(const char *name, int32_t shards) {
  uf_checkpoint_writer *w = NULL;
  uf_error error = {0};
  if (uf_checkpoint_create(at(name), shards, &w, &error) != UF_OK) fail_msg("%s", error.message);
  return w;
}

static uf_tensor plain(uf_dtype dtype, int64_t n) {
  uf_tensor t = {.dtype = dtype, .rank = 1, .dims = {n}, .data = noise};
  assert_true(ufi_dtype_bytes(dtype, n, &t.size));
  return t;
}

static void every_dtype_comes_back(void **state) {
  enum { COUNT = 37 };
  uf_checkpoint_writer *w = create("c", 3);
  uf_source *source = NULL;
  for (int d = 1; d < UF_DTYPE_COUNT; d++) {
    uf_tensor t = plain((uf_dtype)d, COUNT);
    if (d == UF_STRING || d == UF_RESOURCE || d == UF_VARIANT) continue;
    assert_int_equal(uf_checkpoint_add(w, uf_dtype_name((uf_dtype)d), &t, NULL), UF_OK);
  }
  assert_int_equal(uf_checkpoint_finish(w, NULL), UF_OK);
  assert_int_equal(uf_source_open(at("c"), NULL, &source, NULL), UF_OK);
  for (int d = 1; d < UF_DTYPE_COUNT; d++) {
    uf_tensor t = plain((uf_dtype)d, COUNT), back = {0};
    const uf_entry *e = NULL;
    if (d == UF_STRING || d == UF_RESOURCE || d == UF_VARIANT) continue;
    assert_int_equal(uf_source_find(source, uf_dtype_name((uf_dtype)d), &e, NULL), UF_OK);
    assert_int_equal(uf_source_read(source, e, NULL, UF_READ_VERIFY, &back, NULL), UF_OK);
    assert_int_equal(back.dtype, d);
    assert_int_equal(back.size, t.size);
    size_t whole = (size_t)COUNT * (size_t)uf_dtype_bits((uf_dtype)d) / 8;
    assert_memory_equal(back.data, t.data, whole); /* but for the rest of a last byte */
    uf_tensor_release(&back);
  }
  uf_source_release(source);
  static const char *const names[] = {"c.data-00000-of-00003", "c.data-00001-of-00003", "c.data-00002-of-00003", "c.index"};
  expect_files(names, 4);
}

/* Large arrays lie so that they can be mapped, in the shard that has least. */
static void places(void **state) {
  uf_checkpoint_writer *w = create("c", 2);
  uf_source *source = NULL;
  uf_tensor small = plain(UF_INT8, 3), big = plain(UF_FLOAT32, 100000);
  assert_int_equal(uf_checkpoint_add(w, "a", &small, NULL), UF_OK);
  assert_int_equal(uf_checkpoint_add(w, "b", &big, NULL), UF_OK);
  assert_int_equal(uf_checkpoint_add(w, "c", &big, NULL), UF_OK);
  assert_int_equal(uf_checkpoint_finish(w, NULL), UF_OK);
  assert_int_equal(uf_source_open(at("c"), NULL, &source, NULL), UF_OK);
  const uf_entry *const *e = NULL;
  size_t n = 0;
  assert_int_equal(uf_source_entries(source, &e, &n, NULL), UF_OK);
  assert_int_equal(n, 3);
  assert_string_equal(e[1]->file + strlen(e[1]->file) - 5, "00002");
  assert_int_equal(e[0]->offset, 0);
  assert_int_equal(e[1]->offset, 0);  /* the second shard */
  assert_int_equal(e[2]->offset, 64); /* behind the 3 bytes */
  uf_source_release(source);
  static const char *const names[] = {"c.data-00000-of-00002", "c.data-00001-of-00002", "c.index"};
  expect_files(names, 3);
}

/* An index's messages byte by byte: a number that is zero is left out, as in proto3. */
static uf_status check_pair(void *context, ufi_bytes key, ufi_bytes value, uf_error *error) {
  int *seen = context;
  uint32_t crc = ufi_crc32c_mask(ufi_crc32c(0, noise, 12));
  uint8_t header[] = {0x08, 1, 0x1a, 2, 0x08, 1}, entry[64] = {0x08, 1, 0x12, 8, 0x12, 2, 0x08, 3, 0x12, 2, 0x08, 1,
                                                     0x28, 12, 0x35};
  memcpy(entry + 15, &crc, 4);
  if ((*seen)++ == 0) {
    assert_int_equal(key.size, 0);
    assert_int_equal(value.size, sizeof header);
    assert_memory_equal(value.data, header, sizeof header);
  } else {
    assert_memory_equal(key.data, "x", 1);
    assert_int_equal(value.size, 19);
    assert_memory_equal(value.data, entry, 19);
  }
  return UF_OK;
}

static void index_bytes(void **state) {
  uf_checkpoint_writer *w = create("c", 0);
  uf_tensor t = {.dtype = UF_FLOAT32, .rank = 2, .dims = {3, 1}, .data = noise, .size = 12};
  assert_int_equal(uf_checkpoint_add(w, "x", &t, NULL), UF_OK);
  assert_int_equal(uf_checkpoint_finish(w, NULL), UF_OK);
  ufi_file *file = NULL;
  ufi_sstable *table = NULL;
  assert_int_equal(ufi_file_open(NULL, at("c.index"), &file, NULL), UF_OK);
  assert_int_equal(ufi_sstable_open(file, &table, NULL), UF_OK);
  int seen = 0;
  assert_int_equal(ufi_sstable_walk(table, check_pair, &seen, NULL), UF_OK);
  assert_int_equal(seen, 2);
  ufi_sstable_close(table);
  ufi_file_release(file);
  static const char *const names[] = {"c.data-00000-of-00001", "c.index"};
  expect_files(names, 2);
}

static void many_names(void **state) {
  enum { COUNT = 20000 }; /* several blocks */
  uf_checkpoint_writer *w = create("c", 1);
  uf_source *source = NULL;
  char name[64];
  for (int i = COUNT - 1; i >= 0; i--) { /* against the order of the index */
    uf_tensor t = {.dtype = UF_INT32, .data = &i, .size = 4};
    snprintf(name, sizeof name, "layer_%d/kernel/.ATTRIBUTES/VARIABLE_VALUE", i);
    assert_int_equal(uf_checkpoint_add(w, name, &t, NULL), UF_OK);
  }
  assert_int_equal(uf_checkpoint_finish(w, NULL), UF_OK);
  assert_int_equal(uf_source_open(at("c"), NULL, &source, NULL), UF_OK);
  for (int i = 0; i < COUNT; i += 7) {
    const uf_entry *e = NULL;
    uf_tensor t = {0};
    snprintf(name, sizeof name, "layer_%d/kernel/.ATTRIBUTES/VARIABLE_VALUE", i);
    assert_int_equal(uf_source_find(source, name, &e, NULL), UF_OK);
    assert_int_equal(uf_source_read(source, e, NULL, 0, &t, NULL), UF_OK);
    assert_int_equal(*(int32_t *)t.data, i);
    uf_tensor_release(&t);
  }
  const uf_entry *const *e;
  size_t n = 0;
  assert_int_equal(uf_source_entries(source, &e, &n, NULL), UF_OK);
  assert_int_equal(n, COUNT);
  uf_source_release(source);
  static const char *const names[] = {"c.data-00000-of-00001", "c.index"};
  expect_files(names, 2);
}

/* Another number of shards leaves none of the old files. */
static void written_again(void **state) {
  for (int32_t shards = 3; shards > 0; shards -= 2) {
    uf_checkpoint_writer *w = create("c", shards), *other = create("c2", 1);
    uf_tensor t = plain(UF_INT8, 5);
    assert_int_equal(uf_checkpoint_add(w, "x", &t, NULL), UF_OK);
    assert_int_equal(uf_checkpoint_finish(w, NULL), UF_OK);
    assert_int_equal(uf_checkpoint_finish(other, NULL), UF_OK);
  }
  static const char *const names[] = {"c.data-00000-of-00001", "c.index", "c2.data-00000-of-00001", "c2.index"};
  expect_files(names, 4);
}

static void refusals(void **state) {
  uf_checkpoint_writer *w = NULL;
  uf_error error = {0};
  char words[512];
  assert_int_equal(uf_checkpoint_create(at("none/c"), 1, &w, &error), UF_NOT_FOUND);
  snprintf(words, sizeof words, "expected a folder for '%s/none/c.data-00000-of-00001', found none; make the folder first", folder);
  assert_string_equal(error.message, words);
  assert_int_equal(uf_checkpoint_create("", 1, &w, &error), UF_INVALID_ARGUMENT);
  assert_string_equal(error.message, "expected a checkpoint's prefix such as 'folder/model', found ''; add a name for its files");
  assert_int_equal(uf_checkpoint_create(at("c"), 100000, &w, NULL), UF_INVALID_ARGUMENT);
  w = create("c", 1);
  uf_tensor t = plain(UF_FLOAT32, 2), resource = {.dtype = UF_RESOURCE};
  assert_int_equal(uf_checkpoint_add(w, "", &t, &error), UF_INVALID_ARGUMENT);
  assert_string_equal(error.message, "tensor '': expected a name, found ''; name the tensor");
  assert_int_equal(uf_checkpoint_add(w, "r", &resource, &error), UF_WRONG_TYPE);
  assert_int_equal(uf_checkpoint_add(w, "x", &t, NULL), UF_OK);
  assert_int_equal(uf_checkpoint_add(w, "x", &t, &error), UF_ALREADY_EXISTS);
  assert_string_equal(error.message, "tensor 'x': expected every name once, found it twice; rename one of the tensors");
  t.size = 7;
  assert_int_equal(uf_checkpoint_add(w, "y", &t, &error), UF_INVALID_ARGUMENT);
  uf_checkpoint_abandon(w);
  uf_checkpoint_abandon(NULL);
  expect_files(NULL, 0);
}

/* A disk that is full: an error in words, nothing left, what was there as it was. */
static void no_room(void **state) {
  uf_checkpoint_writer *w = create("c", 2);
  uf_tensor t = plain(UF_INT8, 1000), big = plain(UF_INT8, sizeof noise);
  uf_source *source = NULL;
  uf_error error = {0};
  assert_int_equal(uf_checkpoint_add(w, "old", &t, NULL), UF_OK);
  assert_int_equal(uf_checkpoint_finish(w, NULL), UF_OK);
  struct rlimit before, limit;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  limit = before;
  limit.rlim_cur = 300000;
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
  w = create("c", 2);
  assert_int_equal(uf_checkpoint_add(w, "new", &big, &error), UF_RESOURCE_EXHAUSTED);
  assert_int_equal(uf_checkpoint_finish(w, &error), UF_FAILED_PRECONDITION);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  assert_int_equal(uf_source_open(at("c"), NULL, &source, NULL), UF_OK);
  const uf_entry *e = NULL;
  assert_int_equal(uf_source_find(source, "old", &e, NULL), UF_OK);
  assert_int_equal(uf_source_verify(source, e, NULL), UF_OK);
  uf_source_release(source);
  static const char *const names[] = {"c.data-00000-of-00002", "c.data-00001-of-00002", "c.index"};
  expect_files(names, 3);
}

/* A rename that fails after others did not: those are taken back. */
static void no_name(void **state) {
  uf_checkpoint_writer *w = create("c", 2);
  uf_tensor t = plain(UF_INT8, 1000);
  uf_error error = {0};
  assert_int_equal(uf_checkpoint_add(w, "x", &t, NULL), UF_OK);
  assert_int_equal(mkdir(at("c.index"), 0700), 0);
  assert_int_equal(uf_checkpoint_finish(w, &error), UF_INVALID_ARGUMENT);
  assert_non_null(strstr(error.message, "c.index"));
  assert_int_equal(rmdir(at("c.index")), 0);
  expect_files(NULL, 0);
}

static bool write_with_allocation(int64_t n) {
  uf_checkpoint_writer *w = NULL;
  uf_string strings[] = {{"a", 1}, {"b", 1}};
  uf_tensor t = plain(UF_FLOAT32, 300), s = {.dtype = UF_STRING, .rank = 1, .dims = {2}, .data = strings, .size = sizeof strings};
  ufi_fail_allocation(n);
  uf_status status = uf_checkpoint_create(at("c"), 2, &w, NULL);
  if (status == UF_OK) {
    status = uf_checkpoint_add(w, "a", &t, NULL);
    if (status == UF_OK) status = uf_checkpoint_add(w, "b", &s, NULL);
    if (status == UF_OK) status = uf_checkpoint_finish(w, NULL);
    else uf_checkpoint_abandon(w);
  }
  ufi_fail_allocation(0);
  return status == UF_OK;
}

/* Whatever allocation fails: all files or none. */
static void out_of_memory(void **state) {
  int64_t n = 1, failures = 0;
  for (; n < 200; n++) {
    bool written = write_with_allocation(n);
    static const char *const names[] = {"c.data-00000-of-00002", "c.data-00001-of-00002", "c.index"};
    failures += !written;
    expect_files(names, written ? 3 : 0);
  }
  assert_true(failures > 10);
}

/* ---- tables ---- */

static void keys_ascend(void **state) {
  ufi_outfile *out = NULL;
  uf_error error = {0};
  assert_int_equal(ufi_outfile_create(at("t"), false, &out, NULL), UF_OK);
  ufi_sstable_writer *w = ufi_sstable_writer_create(out);
  ufi_bytes b = {(const uint8_t *)"b", 1}, ba = {(const uint8_t *)"ba", 2}, a = {(const uint8_t *)"a", 1};
  assert_int_equal(ufi_sstable_writer_add(w, b, a, NULL), UF_OK);
  assert_int_equal(ufi_sstable_writer_add(w, ba, a, NULL), UF_OK);
  assert_int_equal(ufi_sstable_writer_add(w, ba, a, &error), UF_INVALID_ARGUMENT);
  assert_string_equal(error.message, "expected keys in ascending order, found 'ba' after 'ba'; sort them");
  assert_int_equal(ufi_sstable_writer_add(w, b, a, &error), UF_INVALID_ARGUMENT);
  ufi_sstable_writer_abandon(w);
  ufi_outfile_abandon(out);
  expect_files(NULL, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_dtype_comes_back), cmocka_unit_test(places), cmocka_unit_test(index_bytes),
    cmocka_unit_test(many_names), cmocka_unit_test(written_again), cmocka_unit_test(refusals),
    cmocka_unit_test(no_room), cmocka_unit_test(no_name),
    cmocka_unit_test(out_of_memory), cmocka_unit_test(keys_ascend),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
