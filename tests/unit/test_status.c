/* SPDX-License-Identifier: Apache-2.0
 *
 * test_status.c: messages, the dtype table, shapes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"

static void texts_are_total(void **state) {
  for (int i = -2; i < UF_STATUS_COUNT + 2; i++) {
    assert_non_null(uf_status_text((uf_status)i));
    assert_non_null(uf_status_exception((uf_status)i));
  }
  assert_string_equal(uf_status_text(UF_NOT_FOUND), "not found");
  assert_string_equal(uf_status_exception(UF_NOT_FOUND), "NotFoundError");
  assert_string_equal(uf_version(), UF_VERSION);
}

static void messages(void **state) {
  uf_error error = {0};
  assert_int_equal(ufi_fail(NULL, UF_UNKNOWN, "%s", "x"), UF_UNKNOWN);
  assert_int_equal(ufi_fail(&error, UF_NOT_FOUND, "expected %d", 1), UF_NOT_FOUND);
  assert_int_equal(error.status, UF_NOT_FOUND);
  ufi_error_prefix(&error, "op #%d", 7);
  assert_string_equal(error.message, "op #7: expected 1");
  ufi_error_prefix(NULL, "op");
  /* The arguments may be the message itself. */
  ufi_fail(&error, UF_INTERNAL, "<%s>", error.message);
  assert_string_equal(error.message, "<op #7: expected 1>");
}

static void long_messages_end_in_whole_characters(void **state) {
  uf_error error = {0};
  char text[4096];
  for (size_t shift = 0; shift < 3; shift++) {
    memset(text, 'x', sizeof text);
    for (size_t i = shift; i + 3 < sizeof text; i += 3) memcpy(text + i, "\xE2\x82\xAC", 3);
    text[sizeof text - 1] = '\0';
    ufi_fail(&error, UF_UNKNOWN, "%s", text);
    size_t size = strlen(error.message);
    assert_in_range(size, sizeof error.message - 4, sizeof error.message - 1);
    assert_int_equal((size - shift) % 3, 0);
    ufi_error_prefix(&error, "%s", text);
    assert_in_range(strlen(error.message), 1, sizeof error.message - 1);
  }
}

static void dtypes(void **state) {
  for (int i = 1; i < UF_DTYPE_COUNT; i++) {
    assert_true(uf_dtype_bits((uf_dtype)i) > 0);
    assert_int_equal(uf_dtype_from_name(uf_dtype_name((uf_dtype)i)), i);
  }
  assert_int_equal(uf_dtype_from_name("int5"), UF_INVALID);
  bool in_ml = false;
  assert_string_equal(uf_dtype_numpy(UF_INT4, &in_ml), "int8");
  assert_true(in_ml);
  assert_string_equal(uf_dtype_numpy(UF_STRING, &in_ml), "object");
  assert_false(in_ml);
  assert_string_equal(uf_dtype_numpy(UF_BFLOAT16, NULL), "float32");
  assert_string_equal(uf_dtype_numpy((uf_dtype)1000, &in_ml), "");
  assert_int_equal(uf_dtype_tflite(UF_FLOAT8_E5M2), 22);
  assert_int_equal(uf_dtype_tflite(UF_QINT8), -1);
  assert_int_equal(uf_dtype_tflite((uf_dtype)-1), -1);
  assert_int_equal(uf_dtype_from_name(NULL), UF_INVALID);
  assert_string_equal(uf_dtype_name((uf_dtype)99), "invalid");
  assert_int_equal(uf_dtype_bits((uf_dtype)-1), 0);
}

static void sizes(void **state) {
  int64_t count;
  size_t bytes;
  assert_true(ufi_shape_count(0, NULL, &count) && count == 1);
  assert_true(ufi_shape_count(3, (int64_t[]){2, 3, 4}, &count) && count == 24);
  assert_true(ufi_shape_count(2, (int64_t[]){0, INT64_MAX}, &count) && count == 0);
  assert_false(ufi_shape_count(2, (int64_t[]){2, -1}, &count));
  assert_false(ufi_shape_count(-1, NULL, &count));
  assert_false(ufi_shape_count(2, (int64_t[]){INT64_C(1) << 32, INT64_C(1) << 31}, &count));
  assert_false(ufi_shape_count(3, (int64_t[]){0, INT64_C(1) << 40, INT64_C(1) << 40}, &count));
  assert_true(ufi_dtype_bytes(UF_FLOAT32, 5, &bytes) && bytes == 20);
  assert_true(ufi_dtype_bytes(UF_INT4, 5, &bytes) && bytes == 3);
  assert_true(ufi_dtype_bytes(UF_INT2, 5, &bytes) && bytes == 2);
  assert_true(ufi_dtype_bytes(UF_INT4, INT64_MAX, &bytes));
  assert_false(ufi_dtype_bytes(UF_FLOAT64, INT64_MAX, &bytes));
  assert_false(ufi_dtype_bytes(UF_INT8, -1, &bytes));
  assert_false(ufi_dtype_bytes(UF_INVALID, 1, &bytes));
  uf_tensor t = {.rank = 2, .dims = {3, 5}};
  assert_int_equal(uf_tensor_count(&t), 15);
}

static void shape_texts(void **state) {
  char out[UFI_SHAPE_TEXT];
  assert_string_equal(ufi_shape_text(0, NULL, out), "()");
  assert_string_equal(ufi_shape_text(1, (int64_t[]){-1}, out), "(?,)");
  assert_string_equal(ufi_shape_text(3, (int64_t[]){1, -1, 3}, out), "(1, ?, 3)");
  assert_string_equal(ufi_shape_text(-1, NULL, out), "(unknown rank)");
  int64_t dims[20];
  for (int i = 0; i < 20; i++) dims[i] = INT64_MIN;
  for (int32_t rank = 0; rank <= 20; rank++)
    assert_in_range(strlen(ufi_shape_text(rank, dims, out)), 2, UFI_SHAPE_TEXT - 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(texts_are_total), cmocka_unit_test(messages),
    cmocka_unit_test(long_messages_end_in_whole_characters), cmocka_unit_test(dtypes),
    cmocka_unit_test(sizes), cmocka_unit_test(shape_texts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
