/* SPDX-License-Identifier: Apache-2.0
 *
 * test_memory.c: allocation, arenas, bufs, file mappings, strings, name maps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/threads.h"

static void the_nth_allocation_fails(void **state) {
  ufi_fail_allocation(3);
  void *a = ufi_malloc(1), *b = ufi_malloc_aligned(100), *c = ufi_calloc(1, 1), *d = ufi_malloc(1);
  assert_true(a && b && !c && d);
  ufi_free(a);
  ufi_free_aligned(b);
  ufi_free(d);
  ufi_fail_allocation(1);
  assert_null(uf_buf_create(1 << 20)); /* also where a block waits to be used again */
  ufi_fail_allocation(1);
  ufi_fail_allocation(0);
  a = ufi_malloc(0);
  assert_non_null(a);
  ufi_free(a);
}

static void impossible_sizes_fail(void **state) {
  assert_null(ufi_malloc_aligned(SIZE_MAX));
  assert_null(ufi_malloc_aligned(SIZE_MAX - 64));
  assert_null(uf_buf_create(SIZE_MAX));
  assert_null(ufi_calloc(SIZE_MAX, 2));
  ufi_arena *arena = ufi_arena_create();
  assert_null(ufi_arena_alloc(arena, SIZE_MAX));
  assert_null(ufi_arena_alloc(arena, SIZE_MAX - 16));
  assert_null(ufi_arena_array(arena, SIZE_MAX / 2, 3));
  assert_null(ufi_arena_string(arena, "", SIZE_MAX));
  ufi_arena_destroy(arena);
}

/* Blocks of all sizes, taken and given back in disorder, never overlap. */
static void aligned_blocks(void *context, size_t task) {
  uint8_t *blocks[40] = {0};
  size_t sizes[40];
  uint32_t seed = (uint32_t)task + 1;
  for (int i = 0; i < 2000; i++) {
    seed = seed * 1664525u + 1013904223u;
    int at = (int)(seed >> 8) % 40;
    if (blocks[at]) {
      assert_true(blocks[at][0] == (uint8_t)at && blocks[at][sizes[at] - 1] == (uint8_t)at);
      ufi_free_aligned(blocks[at]);
      blocks[at] = NULL;
      continue;
    }
    sizes[at] = 2 + ((seed >> 4) & 0xFFFF) * (seed % 7 == 0 ? 40 : 1);
    blocks[at] = ufi_malloc_aligned(sizes[at]);
    assert_non_null(blocks[at]);
    assert_int_equal((uintptr_t)blocks[at] % 64, 0);
    blocks[at][0] = blocks[at][sizes[at] - 1] = (uint8_t)at;
  }
  for (int i = 0; i < 40; i++) ufi_free_aligned(blocks[i]);
}

static void blocks_are_apart_in_threads(void **state) {
  ufi_pool *pool = ufi_pool_create(4);
  ufi_pool_start(pool);
  ufi_parallel(pool, aligned_blocks, NULL, 8);
  ufi_pool_release(pool);
}

static void arenas(void **state) {
  ufi_arena *arena = ufi_arena_create();
  for (size_t size = 0; size < 5000; size += 37) {
    unsigned char *p = ufi_arena_alloc(arena, size);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 16, 0);
    for (size_t i = 0; i < size; i++) assert_int_equal(p[i], 0);
    memset(p, 0xFF, size);
  }
  assert_non_null(ufi_arena_alloc(arena, 10 << 20));
  char *s = ufi_arena_string(arena, "abcdef", 3);
  assert_string_equal(s, "abc");
  assert_true(ufi_arena_used(arena) > 10 << 20);
  ufi_arena_destroy(arena);
  ufi_arena_destroy(NULL);
}

static void count_call(void *context) { ++*(int *)context; }

static void bufs(void **state) {
  int freed = 0;
  char bytes[4] = "abc";
  uf_buf *whole = uf_buf_wrap(bytes, 4, count_call, &freed);
  assert_true(ufi_buf_is_unique(whole));
  uf_buf *part = ufi_buf_slice(whole, bytes + 1, 2), *rest = ufi_buf_slice(part, bytes + 2, 1);
  assert_false(ufi_buf_is_unique(whole));
  assert_false(ufi_buf_is_unique(part)); /* someone else has the whole */
  uf_buf_release(whole);
  assert_false(ufi_buf_is_unique(part));
  uf_buf_release(part);
  assert_true(ufi_buf_is_unique(rest));
  assert_int_equal(freed, 0);
  uf_buf_release(rest);
  assert_int_equal(freed, 1);
  assert_null(uf_buf_retain(NULL));
  uf_buf_release(NULL);
  uf_tensor t = {.buf = uf_buf_create(0)};
  t.data = uf_buf_data(t.buf);
  assert_int_equal((uintptr_t)t.data % 64, 0);
  assert_int_equal(uf_buf_size(t.buf), 0);
  uf_tensor_release(&t);
  assert_null(t.buf);
  uf_tensor_release(&t);
}

static uf_buf *shared;
static void retain_release(void *context, size_t i) { uf_buf_release(uf_buf_retain(shared)); }

static void counts_are_atomic(void **state) {
  ufi_pool *pool = ufi_pool_create(4);
  ufi_pool_start(pool);
  shared = uf_buf_create(8);
  ufi_parallel(pool, retain_release, NULL, 20000);
  assert_true(ufi_buf_is_unique(shared));
  uf_buf_release(shared);
  ufi_pool_release(pool);
}

static void mappings(void **state) {
  uf_error error = {0};
  uf_buf *buf = NULL;
  char folder[] = "/tmp/unflow-test-XXXXXX", path[64], message[256];
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/file", folder);
  assert_int_equal(ufi_map_file(path, &buf, &error), UF_NOT_FOUND);
  snprintf(message, sizeof message,
           "expected a file at '%s', found nothing there; check the path", path);
  assert_string_equal(error.message, message);
  assert_int_equal(ufi_map_file(folder, &buf, &error), UF_INVALID_ARGUMENT);
  assert_int_equal(ufi_map_file(NULL, &buf, &error), UF_INVALID_ARGUMENT);
  assert_int_equal(ufi_map_file("/dev/null", &buf, &error), UF_INVALID_ARGUMENT);
  assert_int_equal(mkfifo(path, 0600), 0);
  assert_int_equal(ufi_map_file(path, &buf, &error), UF_INVALID_ARGUMENT); /* and does not wait */
  unlink(path);
  FILE *file = fopen(path, "w");
  assert_int_equal(fclose(file), 0);
  assert_int_equal(ufi_map_file(path, &buf, &error), UF_OK);
  assert_int_equal(uf_buf_size(buf), 0);
  assert_non_null(uf_buf_data(buf));
  uf_buf_release(buf);
  file = fopen(path, "w");
  fputs("hello", file);
  fclose(file);
  assert_int_equal(ufi_map_file(path, &buf, &error), UF_OK);
  unlink(path); /* the mapping outlives the name */
  assert_int_equal(uf_buf_size(buf), 5);
  assert_memory_equal(uf_buf_data(buf), "hello", 5);
  uf_buf_release(buf);
  if (geteuid() != 0) {
    fclose(fopen(path, "w"));
    chmod(path, 0);
    assert_int_equal(ufi_map_file(path, &buf, &error), UF_PERMISSION_DENIED);
    unlink(path);
  }
  rmdir(folder);
}

static void strings(void **state) {
  uf_error error = {0};
  uf_buf *buf = NULL;
  const uf_string in[] = {{"ab", 2}, {NULL, 0}, {"c\0d", 3}};
  assert_int_equal(ufi_strings_pack(in, 3, &buf, &error), UF_OK);
  const uf_string *out = uf_buf_data(buf);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(out[i].size, in[i].size);
    if (in[i].size) assert_memory_equal(out[i].data, in[i].data, in[i].size);
  }
  uf_buf_release(buf);
  assert_int_equal(ufi_strings_pack(NULL, 0, &buf, &error), UF_OK);
  uf_buf_release(buf);
  const uf_string huge[] = {{"", SIZE_MAX}, {"", SIZE_MAX}};
  assert_int_equal(ufi_strings_pack(huge, 2, &buf, &error), UF_RESOURCE_EXHAUSTED);
}

static void names(void **state) {
  enum { N = 20000 };
  char (*text)[24] = malloc(N * sizeof *text);
  ufi_names *map = ufi_names_create(0);
  for (int i = 0; i < N; i++) {
    snprintf(text[i], sizeof text[i], "layer%d/w", i);
    assert_true(ufi_names_add(map, text[i], i));
  }
  assert_true(ufi_names_add(map, "layer7/w", -5)); /* the first wins */
  assert_true(ufi_names_add(map, "", 99));
  for (int i = 0; i < N; i++) assert_int_equal(ufi_names_find(map, text[i]), i);
  assert_int_equal(ufi_names_find(map, ""), 99);
  assert_int_equal(ufi_names_find(map, "layer"), -1);
  ufi_names_destroy(map);
  ufi_names_destroy(NULL);
  assert_null(ufi_names_create(SIZE_MAX));
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_nth_allocation_fails), cmocka_unit_test(impossible_sizes_fail),
    cmocka_unit_test(blocks_are_apart_in_threads), cmocka_unit_test(arenas),
    cmocka_unit_test(bufs), cmocka_unit_test(counts_are_atomic), cmocka_unit_test(mappings),
    cmocka_unit_test(strings), cmocka_unit_test(names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
