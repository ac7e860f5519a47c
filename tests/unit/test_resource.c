/* SPDX-License-Identifier: Apache-2.0
 *
 * test_resource.c: variables and tables: values that somebody holds never
 * change, clones are independent, errors name the resource.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ops/table.h"

static uf_tensor floats(float *values, int64_t n) {
  return (uf_tensor){.dtype = UF_FLOAT32, .rank = 1, .dims = {n}, .data = values, .size = (size_t)n * sizeof *values};
}

static ufi_resource *declare(ufi_store *store, uf_state_kind kind, const char *name) {
  int64_t id;
  assert_int_equal(ufi_store_declare(store, kind, "", name, &id, NULL), UF_OK);
  return ufi_store_at(store, id);
}

static float first(const ufi_resource *variable) {
  uf_tensor t;
  assert_int_equal(ufi_variable_read(variable, &t, NULL), UF_OK);
  float value = ((const float *)t.data)[0];
  uf_tensor_release(&t);
  return value;
}

static void test_unassigned_variable_is_named(void **state) {
  ufi_store *store = ufi_store_create();
  uf_error error = {0};
  uf_tensor t;
  assert_int_equal(ufi_variable_read(declare(store, UF_STATE_VARIABLE, "w"), &t, &error), UF_FAILED_PRECONDITION);
  assert_string_equal(error.message,
                      "Error while reading resource variable w from Container: localhost. This could mean that the variable was "
                      "uninitialized: expected variable 'w' to have a value, found it never assigned; run what initialises it, or assign it");
  ufi_store_release(store);
}

static void test_a_held_value_never_changes(void **state) {
  ufi_store *store = ufi_store_create();
  ufi_resource *w = declare(store, UF_STATE_VARIABLE, "w");
  float a[2] = {1, 2}, b[2] = {3, 4};
  uf_tensor ta = floats(a, 2), tb = floats(b, 2), held;
  assert_int_equal(ufi_variable_assign(w, &ta, false, NULL), UF_OK);
  assert_int_equal(ufi_variable_read(w, &held, NULL), UF_OK);
  assert_int_equal(ufi_variable_assign(w, &tb, false, NULL), UF_OK);
  assert_true(((const float *)held.data)[0] == 1);
  assert_true(first(w) == 3);
  uf_tensor_release(&held);
  void *before = w->value.data;
  assert_int_equal(ufi_variable_assign(w, &ta, false, NULL), UF_OK); /* nobody looks: in place */
  assert_ptr_equal(w->value.data, before);
  ufi_store_release(store);
}

static void test_clones_are_independent(void **state) {
  ufi_store *store = ufi_store_create();
  float a[1] = {1}, b[1] = {2};
  uf_tensor ta = floats(a, 1), tb = floats(b, 1);
  ufi_resource *w = declare(store, UF_STATE_VARIABLE, "w");
  assert_int_equal(ufi_variable_assign(w, &ta, false, NULL), UF_OK);
  ufi_store *clone = ufi_store_clone(store);
  assert_int_equal(ufi_variable_assign(w, &tb, false, NULL), UF_OK);
  assert_true(first(ufi_store_at(clone, 0)) == 1);
  assert_true(first(w) == 2);
  ufi_store_release(store);
  assert_true(first(ufi_store_at(clone, 0)) == 1);
  ufi_store_release(clone);
}

static void test_dtype_and_shape_are_checked(void **state) {
  ufi_store *store = ufi_store_create();
  ufi_resource *w = declare(store, UF_STATE_VARIABLE, "w");
  uf_error error = {0};
  float a[2] = {1, 2};
  int32_t codes[2] = {1, 2};
  uf_tensor t = floats(a, 2), wrong = t;
  w->rank = 1;
  w->dims[0] = 3;
  assert_int_equal(ufi_variable_assign(w, &t, false, &error), UF_INVALID_ARGUMENT);
  assert_string_equal(error.message, "expected a value of shape (3,) for variable 'w', found (2,)");
  w->rank = -1;
  assert_int_equal(ufi_variable_assign(w, &t, false, NULL), UF_OK);
  wrong.dtype = UF_INT32;
  wrong.data = codes;
  assert_int_equal(ufi_variable_assign(w, &wrong, false, &error), UF_WRONG_TYPE);
  assert_string_equal(error.message, "expected a float32 value for variable 'w', found int32");
  ufi_store_release(store);
}

static void test_ids_that_are_none(void **state) {
  ufi_store *store = ufi_store_create();
  declare(store, UF_STATE_VARIABLE, "w");
  assert_null(ufi_store_at(store, -1));
  assert_null(ufi_store_at(store, 1));
  assert_null(ufi_store_at(store, INT64_MIN));
  int64_t id;
  assert_int_equal(ufi_store_declare(store, UF_STATE_TABLE, "", "w", &id, NULL), UF_ALREADY_EXISTS);
  ufi_store_release(store);
}

static void test_table(void **state) {
  ufi_store *store = ufi_store_create();
  ufi_resource *table = declare(store, UF_STATE_TABLE, "t");
  uf_string words[3] = {{"one", 3}, {"", 0}, {"three", 5}}, absent = {"four", 4};
  int64_t numbers[3] = {1, 2, 3};
  table->key_dtype = UF_STRING;
  table->dtype = UF_INT64;
  uf_tensor keys = {.dtype = UF_STRING, .rank = 1, .dims = {3}, .data = words, .size = sizeof words};
  uf_tensor values = {.dtype = UF_INT64, .rank = 1, .dims = {3}, .data = numbers, .size = sizeof numbers};
  assert_int_equal(ufi_table_import(table, &keys, &values, UFI_REPEAT_REFUSED, NULL), UF_OK);
  words[0].data = "xxx"; /* the table has copies */
  uf_string one = {"one", 3};
  assert_int_equal(ufi_table_find(table, &one), 0);
  assert_int_equal(ufi_table_find(table, &words[1]), 1);
  assert_int_equal(ufi_table_find(table, &absent), -1);
  uf_string twice[2] = {{"a", 1}, {"a", 1}};
  uf_tensor double_keys = {.dtype = UF_STRING, .rank = 1, .dims = {2}, .data = twice, .size = sizeof twice};
  uf_tensor two = {.dtype = UF_INT64, .rank = 1, .dims = {2}, .data = numbers, .size = 16};
  uf_error error = {0};
  assert_int_equal(ufi_table_import(table, &double_keys, &two, UFI_REPEAT_REFUSED, &error), UF_INVALID_ARGUMENT);
  assert_string_equal(error.message, "expected keys that differ, found key 1 twice (also at 0)");
  assert_int_equal(ufi_table_find(table, &one), 0); /* what was there stays */
  uf_string three[3] = {{"a", 1}, {"a", 1}, {"b", 1}}, last = {"b", 1};
  uf_tensor repeated = {.dtype = UF_STRING, .rank = 1, .dims = {3}, .data = three, .size = sizeof three};
  assert_int_equal(ufi_table_import(table, &repeated, &values, UFI_REPEAT_IGNORED, NULL), UF_OK);
  assert_int_equal(uf_tensor_count(&table->keys), 2);
  assert_int_equal(((const int64_t *)table->value.data)[ufi_table_find(table, &twice[0])], 1);
  assert_int_equal(((const int64_t *)table->value.data)[ufi_table_find(table, &last)], 3);
  ufi_store_release(store);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_unassigned_variable_is_named), cmocka_unit_test(test_a_held_value_never_changes),
    cmocka_unit_test(test_clones_are_independent),       cmocka_unit_test(test_dtype_and_shape_are_checked),
    cmocka_unit_test(test_ids_that_are_none),            cmocka_unit_test(test_table),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
