/* SPDX-License-Identifier: Apache-2.0
 *
 * test_flatbuffer.c: the FlatBuffers reader on bytes that are right, and on
 * bytes that are wrong in each way it can find.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "format/flatbuffer.h"
#include "fbwrite.h"

/* A root with: 0 int8, 1 float, 2 string, 3 vector of int32, 4 sub-table, 5
 * vector of strings, 6 absent, 7 int64. */
static size_t make(fbw *w) {
  static const int32_t numbers[] = {7, -8, 9};
  size_t root = fbw_root(w, "TEST", "14oooo-8");
  float pi = 3.25f;
  fbw_put(w, fbw_field(w, root, 0), 0xfb, 1);
  memcpy(w->data + fbw_field(w, root, 1), &pi, 4);
  fbw_put(w, fbw_field(w, root, 7), 1234567890123, 8);
  fbw_link(w, fbw_field(w, root, 2), fbw_string(w, "hello"));
  fbw_link(w, fbw_field(w, root, 3), fbw_vector(w, numbers, 3, 4));
  size_t sub = fbw_table(w, "4");
  fbw_put(w, fbw_field(w, sub, 0), 42, 4);
  fbw_link(w, fbw_field(w, root, 4), sub);
  size_t list = fbw_offsets(w, 2);
  fbw_link(w, fbw_field(w, root, 5), list);
  fbw_link(w, fbw_element(list, 0), fbw_string(w, "a"));
  fbw_link(w, fbw_element(list, 1), fbw_string(w, "bc"));
  return root;
}

static void reads_every_kind_of_field(void **state) {
  fbw w = {0};
  make(&w);
  ufi_fb fb;
  ufi_fb_init(&fb, w.data, w.n);
  ufi_fb_table root = ufi_fb_root(&fb);
  assert_int_equal(ufi_fb_i8(&root, 0, 0), -5);
  assert_true(ufi_fb_f32(&root, 1, 0) == 3.25f);
  assert_string_equal(ufi_fb_string(&root, 2), "hello");
  ufi_fb_vector numbers = ufi_fb_vec(&root, 3, 4);
  assert_int_equal(numbers.count, 3);
  assert_int_equal(ufi_fb_vec_i32(&numbers, 1), -8);
  ufi_fb_table sub = ufi_fb_sub(&root, 4);
  assert_int_equal(ufi_fb_i32(&sub, 0, 0), 42);
  ufi_fb_vector list = ufi_fb_vec(&root, 5, 4);
  assert_string_equal(ufi_fb_vec_string(&list, 1), "bc");
  assert_true(ufi_fb_i64(&root, 7, 0) == 1234567890123);
  assert_true(ufi_fb_ok(&fb));
}

static void absent_fields_read_as_default(void **state) {
  fbw w = {0};
  make(&w);
  ufi_fb fb;
  ufi_fb_init(&fb, w.data, w.n);
  ufi_fb_table root = ufi_fb_root(&fb);
  assert_false(ufi_fb_has(&root, 6));
  assert_true(ufi_fb_has(&root, 7));
  assert_int_equal(ufi_fb_i32(&root, 6, 77), 77);
  assert_int_equal(ufi_fb_i32(&root, 30, 78), 78); /* beyond the vtable: an older file */
  assert_string_equal(ufi_fb_string(&root, 6), "");
  assert_int_equal(ufi_fb_vec(&root, 6, 8).count, 0);
  ufi_fb_table none = ufi_fb_sub(&root, 6);
  assert_null(none.fb);
  assert_int_equal(ufi_fb_u8(&none, 0, 9), 9);
  assert_string_equal(ufi_fb_string(&none, 1), "");
  assert_true(ufi_fb_ok(&fb));
}

/* Reads everything; gives the error's text without what ufi_fb_status adds. */
static const char *first_error(const uint8_t *data, size_t size) {
  ufi_fb fb;
  ufi_fb_init(&fb, data, size);
  ufi_fb_table root = ufi_fb_root(&fb);
  (void)ufi_fb_string(&root, 2);
  (void)ufi_fb_vec(&root, 3, 4);
  (void)ufi_fb_sub(&root, 4);
  ufi_fb_vector list = ufi_fb_vec(&root, 5, 4);
  for (uint32_t i = 0; i < list.count; i++) (void)ufi_fb_vec_string(&list, i);
  (void)ufi_fb_i64(&root, 7, 0);
  return fb.what ? fb.what : "";
}

static void finds_what_is_wrong(void **state) {
  fbw good = {0}, w;
  size_t root = make(&good);
  size_t vtable = root - (size_t)fbw_get(&good, root, 4);
  assert_string_equal(first_error(good.data, good.n), "");

  assert_string_equal(first_error(good.data, 3),
                      "expected an offset of 4 bytes, found the end of the file");
  w = good;
  fbw_put(&w, 0, 0x7fffffff, 4);
  assert_string_equal(first_error(w.data, w.n), "expected a table, found the end of the file");
  w = good;
  fbw_put(&w, root, 0x7fffffff, 4);
  assert_string_equal(first_error(w.data, w.n),
                      "expected the offset of a vtable, found one before the file's first byte");
  w = good;
  fbw_put(&w, root, (uint32_t)-0x7ffffff, 4);
  assert_string_equal(first_error(w.data, w.n), "expected a vtable, found the end of the file");
  w = good;
  fbw_put(&w, vtable, 5, 2);
  assert_string_equal(first_error(w.data, w.n), "expected a vtable with an even size of 4 bytes or "
                                            "more, found impossible sizes");
  w = good;
  fbw_put(&w, vtable, 0xfffe, 2);
  assert_string_equal(first_error(w.data, w.n),
                      "expected a whole vtable, found the end of the file");
  w = good;
  fbw_put(&w, vtable + 2, 0xffff, 2);
  assert_string_equal(first_error(w.data, w.n), "expected a whole table, found the end of the file");
  w = good;
  fbw_put(&w, vtable + 4 + 2 * 7, 0x7000, 2);
  assert_string_equal(first_error(w.data, w.n),
                      "expected a field inside its table, found an offset outside of it");
  w = good;
  fbw_put(&w, fbw_field(&w, root, 3), 0xfffffff0, 4);
  assert_string_equal(first_error(w.data, w.n), "expected a vector, found the end of the file");
  w = good;
  size_t numbers = fbw_field(&w, root, 3) + (size_t)fbw_get(&w, fbw_field(&w, root, 3), 4);
  fbw_put(&w, numbers, 0x40000000, 4);
  assert_string_equal(first_error(w.data, w.n), "expected a vector inside the file, found one longer "
                                            "than the rest of it");
  w = good;
  size_t hello = fbw_field(&w, root, 2) + (size_t)fbw_get(&w, fbw_field(&w, root, 2), 4);
  w.data[hello + 4 + 5] = 'x';
  assert_string_equal(first_error(w.data, w.n),
                      "expected a string that ends in a zero byte, found another byte");
  assert_string_equal(first_error(good.data, good.n - 1), "expected a string that ends in a zero byte, "
                                                      "found the end of the file");
}

static void keeps_the_first_error(void **state) {
  ufi_fb fb;
  ufi_fb_init(&fb, "", 0);
  ufi_fb_fail(&fb, 17, "expected one, found two");
  ufi_fb_fail(&fb, 18, "expected three, found four");
  uf_error error = {0};
  assert_int_equal(ufi_fb_status(&fb, "m.tflite", &error), UF_DATA_LOSS);
  assert_string_equal(error.message,
                      "m.tflite: byte 17: expected one, found two; the file is damaged");
  ufi_fb_table root = ufi_fb_root(&fb);
  assert_null(root.fb);
}

/* Any prefix, and any byte changed, reads inside the bytes (the sanitizers
 * watch: the copy has exactly the size it says). */
static void stays_inside(void **state) {
  fbw w = {0};
  make(&w);
  for (size_t size = 0; size < w.n; size++) {
    uint8_t *copy = malloc(size + 1);
    memcpy(copy, w.data, size);
    (void)first_error(copy, size);
    free(copy);
  }
  for (size_t at = 0; at < w.n; at++) {
    for (int value = 0; value < 256; value += 15) {
      fbw copy = w;
      copy.data[at] = (uint8_t)value;
      (void)first_error(copy.data, copy.n);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(reads_every_kind_of_field), cmocka_unit_test(absent_fields_read_as_default),
    cmocka_unit_test(finds_what_is_wrong),       cmocka_unit_test(keeps_the_first_error),
    cmocka_unit_test(stays_inside),
  };
  return cmocka_run_group_tests_name("flatbuffer", tests, NULL, NULL);
}
