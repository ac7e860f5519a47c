/* SPDX-License-Identifier: Apache-2.0
 *
 * test_items.c: sequences whose copies are independent, variants, resources without names that go
 * with their handle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "ops/resource.h"
#include "ops/variant.h"

static uf_tensor scalar(int32_t *value) { return (uf_tensor){.dtype = UF_INT32, .data = value, .size = sizeof *value}; }

static void put(ufi_items *items, int64_t i, int32_t value) {
  uf_tensor t = scalar(&value);
  assert_int_equal(ufi_items_set(items, i, &t, false, NULL), UF_OK);
}

static int32_t at(const ufi_items *items, int64_t i) {
  const uf_tensor *t = ufi_items_at(items, i);
  return t ? *(const int32_t *)t->data : -1;
}

static void test_copies_are_independent(void **state) {
  ufi_items a = {0};
  assert_int_equal(ufi_items_resize(&a, 1000, NULL), UF_OK);
  for (int32_t i = 0; i < 1000; i += 3) put(&a, i, i);
  ufi_items b = ufi_items_copy(&a);
  put(&b, 999, 7);
  put(&b, 500, 8);
  assert_int_equal(at(&a, 999), 999);
  assert_int_equal(at(&b, 999), 7);
  assert_int_equal(at(&a, 500), -1);
  assert_int_equal(at(&b, 500), 8);
  assert_ptr_equal(ufi_items_at(&a, 3), ufi_items_at(&b, 3)); /* the rest is shared */
  ufi_items_release(&a);
  assert_int_equal(at(&b, 3), 3);
  assert_null(ufi_items_at(&b, -1));
  assert_null(ufi_items_at(&b, 1000));
  ufi_items_release(&b);
}

static void test_what_is_cut_off_does_not_come_back(void **state) {
  static const int64_t sizes[] = {1, 15, 16, 17, 100, 255, 256, 257, 599};
  for (size_t k = 0; k < UFI_COUNT(sizes); k++) {
    ufi_items a = {0};
    assert_int_equal(ufi_items_resize(&a, 600, NULL), UF_OK);
    for (int32_t i = 0; i < 600; i++) put(&a, i, i);
    ufi_items whole = ufi_items_copy(&a);
    assert_int_equal(ufi_items_resize(&a, sizes[k], NULL), UF_OK);
    assert_int_equal(ufi_items_resize(&a, 5000, NULL), UF_OK);
    for (int32_t i = 0; i < 600; i++) {
      assert_int_equal(at(&a, i), i < sizes[k] ? i : -1);
      assert_int_equal(at(&whole, i), i);
    }
    ufi_items_release(&a);
    ufi_items_release(&whole);
  }
}

static void test_holes_cost_nothing(void **state) {
  ufi_items a = {0};
  assert_int_equal(ufi_items_resize(&a, (int64_t)1 << 50, NULL), UF_OK);
  assert_null(a.root);
  put(&a, ((int64_t)1 << 50) - 1, 5);
  assert_int_equal(at(&a, ((int64_t)1 << 50) - 1), 5);
  ufi_items_release(&a);
}

static void test_variants_are_shared(void **state) {
  ufi_variant *v = ufi_variant_create(UFI_VARIANT_LIST, UF_INT32);
  ufi_variant *pair[2] = {v, NULL};
  uf_buf *buf;
  assert_int_equal(ufi_variants_pack(pair, 2, &buf, NULL), UF_OK);
  assert_int_equal(v->refs, 2);
  uf_buf_release(buf);
  assert_int_equal(v->refs, 1);
  ufi_variant_release(v);
}

static int released;
static void note_release(void *object) { released++; }
static void *same(const void *object) { return (void *)(uintptr_t)object; }
static const ufi_object_type noted = {"thing", note_release, same};

static void test_owned_handles(void **state) {
  ufi_store *store = ufi_store_create();
  int64_t id, next, child;
  uf_buf *handle;
  released = 0;
  assert_int_equal(ufi_store_add(store, UFI_STATE_OBJECT, "a", &id, NULL), UF_OK);
  assert_int_equal(ufi_store_add(store, UFI_STATE_OBJECT, "b", &child, NULL), UF_OK);
  ufi_store_at(store, id)->type = ufi_store_at(store, child)->type = &noted;
  ufi_store_at(store, id)->object = ufi_store_at(store, child)->object = &released;
  ufi_store_at(store, id)->child = child;
  assert_int_equal(ufi_store_count(store), 0); /* only what has a name is state */
  ufi_store *clone = ufi_store_clone(store);
  assert_int_equal(ufi_store_own(store, id, &handle, NULL), UF_OK);
  assert_int_equal(*(int64_t *)uf_buf_data(handle), id);
  uf_buf_release(handle);
  assert_int_equal(released, 2);
  assert_null(ufi_store_at(store, id));
  assert_null(ufi_store_at(store, child));
  assert_non_null(ufi_store_at(clone, id));
  assert_int_equal(ufi_store_add(store, UFI_STATE_OBJECT, "c", &next, NULL), UF_OK);
  assert_true(next != id && next != child); /* an old handle finds nothing */
  assert_null(ufi_store_at(store, id));
  ufi_store_release(clone);
  ufi_store_release(store);
}

static void test_names_among_many(void **state) {
  ufi_store *store = ufi_store_create();
  char name[16];
  int64_t id;
  for (int i = 0; i < 500; i++) {
    snprintf(name, sizeof name, "v%d", i);
    assert_int_equal(ufi_store_declare(store, UF_STATE_VARIABLE, i % 2 ? "c" : "", name, &id, NULL), UF_OK);
    assert_int_equal(id, i);
  }
  assert_int_equal(ufi_store_find(store, NULL, "v123"), 123);
  assert_int_equal(ufi_store_find(store, "c", "v123"), 123);
  assert_int_equal(ufi_store_find(store, "", "v123"), -1);
  ufi_store *clone = ufi_store_clone(store);
  assert_int_equal(ufi_store_find(clone, "", "v42"), 42);
  ufi_store_release(clone);
  ufi_store_release(store);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_copies_are_independent), cmocka_unit_test(test_what_is_cut_off_does_not_come_back),
    cmocka_unit_test(test_holes_cost_nothing),     cmocka_unit_test(test_variants_are_shared),
    cmocka_unit_test(test_owned_handles),          cmocka_unit_test(test_names_among_many),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
