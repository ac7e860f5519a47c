/* SPDX-License-Identifier: Apache-2.0
 *
 * test_weights.c: the weights of a .tflite as a source, and names that are made unique.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/base.h"
#include "source/unique.h"
#include "tinymodel.h"

static uf_status open_tiny(const tiny *t, uf_source **source_out, uf_error *error) {
  uf_buf *buf = uf_buf_create(t->w.n);
  memcpy(uf_buf_data(buf), t->w.data, t->w.n);
  uf_source_options options = {.struct_size = sizeof options, .name = "t.tflite"};
  uf_status status = uf_source_open_buf(buf, &options, source_out, error);
  uf_buf_release(buf);
  return status;
}

static void weights(void **state) {
  tiny t;
  tiny_make(&t);
  for (int named = 1; named >= 0; named--) {
    uf_source *source = NULL;
    uf_source_info info;
    const uf_entry *const *entries = NULL;
    size_t n = 0;
    uf_tensor w = {0};
    if (!named) tiny_drop(&t, t.tensor[1], 3);
    assert_int_equal(open_tiny(&t, &source, NULL), UF_OK);
    uf_source_describe(source, &info);
    assert_string_equal(info.format, "tflite");
    assert_int_equal(uf_source_entries(source, &entries, &n, NULL), UF_OK);
    assert_int_equal(n, 1);
    assert_string_equal(entries[0]->name, named ? "w" : "#1");
    assert_int_equal(entries[0]->size, 16);
    for (int flags = 0; flags < 2; flags++) {
      assert_int_equal(uf_source_read(source, entries[0], NULL, flags, &w, NULL), UF_OK);
      assert_int_equal(w.read_only, flags == 0);
      assert_memory_equal(w.data, ((float[]){1, 2, 3, 4}), 16);
      uf_tensor_release(&w);
    }
    uf_region part = {{1}, {2}};
    assert_int_equal(uf_source_read(source, entries[0], &part, 0, &w, NULL), UF_OK);
    assert_memory_equal(w.data, ((float[]){2, 3}), 8);
    uf_source_release(source); /* the tensor outlives it */
    assert_true(((float *)w.data)[1] == 3);
    uf_tensor_release(&w);
  }
}

static void a_damaged_model(void **state) {
  tiny t;
  tiny_make(&t);
  fbw_put(&t.w, t.weights, 12, 4);
  uf_source *source = NULL;
  uf_error error = {0};
  assert_int_equal(open_tiny(&t, &source, &error), UF_DATA_LOSS);
  assert_string_equal(error.message, "t.tflite: tensor #1 'w': expected a buffer of 16 bytes for (4,) of float32, found "
                      "one of 12 bytes; the file is damaged");
}

static void unique_names(void **state) {
  static const struct { const char *asked; const char *given; } cases[] = {
    {"a", "a"}, {"a", "a~2"}, {"a~3", "a~3"}, {"a", "a~4"}, {"", ""}, {"", "~2"}, {"a~2", "a~2~2"}, {"b", "b"}};
  ufi_unique *unique = ufi_unique_create();
  ufi_arena *arena = ufi_arena_create();
  for (size_t i = 0; i < UFI_COUNT(cases); i++)
    assert_string_equal(ufi_unique_name(unique, arena, cases[i].asked, strlen(cases[i].asked)), cases[i].given);
  assert_string_equal(ufi_unique_name(unique, arena, "cut\0off", 7), "cut");
  char text[32];
  for (int i = 5; i < 100000; i++) { /* no slower than others */
    const char *name = ufi_unique_name(unique, arena, "a", 1);
    snprintf(text, sizeof text, "a~%d", i);
    assert_string_equal(name, text);
  }
  ufi_unique_destroy(unique);
  ufi_arena_destroy(arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(weights), cmocka_unit_test(a_damaged_model), cmocka_unit_test(unique_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
