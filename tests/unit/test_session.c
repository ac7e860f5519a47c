/* SPDX-License-Identifier: Apache-2.0
 *
 * test_session.c: sessions over built graphs: variables through handles, runs
 * of what is wanted only, forks, shared state, limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "unflow.h"

typedef struct built {
  uf_builder *builder;
  uf_model *model;
  uf_session *session;
  int32_t handle, value, initial, assign; /* values, and the node that assigns */
} built;

/* w = Const [1, 2, 3]; handle; assign(handle, w); read(handle), after no control. */
static built make(void) {
  built b = {.builder = uf_builder_create()};
  float numbers[3] = {1, 2, 3};
  uf_tensor constant = {.dtype = UF_FLOAT32, .rank = 1, .dims = {3}, .data = numbers, .size = sizeof numbers};
  uf_attr dtype = {.name = "dtype", .kind = UF_ATTR_DTYPE, .i = UF_FLOAT32};
  uf_attr value[] = {{.name = "value", .kind = UF_ATTR_TENSOR, .tensor = &constant}, dtype};
  uf_attr handle[] = {dtype, {.name = "shape", .kind = UF_ATTR_SHAPE, .rank = -1}};
  int32_t node, none;
  assert_int_equal(uf_builder_add(b.builder, "Const", "w/initial", NULL, 0, NULL, 0, value, 2, &node, &b.initial, NULL), UF_OK);
  assert_int_equal(uf_builder_add(b.builder, "VarHandleOp", "w", NULL, 0, NULL, 0, handle, 2, &node, &b.handle, NULL), UF_OK);
  int32_t both[2] = {b.handle, b.initial};
  assert_int_equal(uf_builder_add(b.builder, "AssignVariableOp", "w/Assign", both, 2, NULL, 0, NULL, 0, &b.assign, &none, NULL), UF_OK);
  assert_int_equal(uf_builder_add(b.builder, "ReadVariableOp", "w/Read", &b.handle, 1, NULL, 0, &dtype, 1, &node, &b.value, NULL), UF_OK);
  assert_int_equal(uf_builder_model(b.builder, NULL, &b.model, NULL), UF_OK);
  assert_int_equal(uf_session_create(b.model, NULL, &b.session, NULL), UF_OK);
  return b;
}

static void drop(built *b) {
  uf_session_release(b->session);
  uf_model_release(b->model);
  uf_builder_release(b->builder);
}

static float first(uf_session *session, int32_t value) {
  uf_tensor t;
  uf_error error = {0};
  assert_int_equal(uf_session_read(session, 0, value, &t, &error), UF_OK);
  float number = ((const float *)t.data)[0];
  uf_tensor_release(&t);
  return number;
}

static void assign(uf_session *session, int32_t handle, float number) {
  float numbers[3] = {number, number, number};
  uf_tensor t = {.dtype = UF_FLOAT32, .rank = 1, .dims = {3}, .data = numbers, .size = sizeof numbers};
  assert_int_equal(uf_session_set(session, 0, handle, &t, false, NULL), UF_OK);
}

static void test_unassigned_is_named(void **state) {
  built b = make();
  uf_error error = {0};
  uf_tensor t;
  assert_int_equal(uf_session_read(b.session, 0, b.handle, &t, &error), UF_FAILED_PRECONDITION);
  assert_non_null(strstr(error.message, "variable 'w'"));
  assert_int_equal(uf_session_run_for(b.session, 0, &b.value, 1, NULL, 0, &error), UF_FAILED_PRECONDITION);
  assert_non_null(strstr(error.message, "op #3 ReadVariableOp 'w/Read'"));
  drop(&b);
}

static void test_a_handle_reads_as_its_value(void **state) {
  built b = make();
  assert_int_equal(uf_session_run_for(b.session, 0, NULL, 0, &b.assign, 1, NULL), UF_OK);
  assert_true(first(b.session, b.handle) == 1);
  assign(b.session, b.handle, 7);
  assert_true(first(b.session, b.handle) == 7);
  assert_int_equal(uf_session_run_for(b.session, 0, &b.value, 1, NULL, 0, NULL), UF_OK);
  assert_true(first(b.session, b.value) == 7);
  drop(&b);
}

static void test_forks_go_their_own_way(void **state) {
  built b = make();
  uf_session *fork;
  assign(b.session, b.handle, 1);
  assert_int_equal(uf_session_fork(b.session, &fork, NULL), UF_OK);
  assign(b.session, b.handle, 2);
  assert_true(first(fork, b.handle) == 1);
  assign(fork, b.handle, 3);
  assert_true(first(b.session, b.handle) == 2);
  uf_session_reset(fork);
  uf_tensor t;
  assert_int_equal(uf_session_read(fork, 0, b.handle, &t, NULL), UF_FAILED_PRECONDITION);
  uf_session_release(fork);
  drop(&b);
}

static void test_shared_state(void **state) {
  built b = make();
  uf_session *other;
  assert_int_equal(uf_session_create(b.model, NULL, &other, NULL), UF_OK);
  uf_session_share_state(other, b.session);
  assign(b.session, b.handle, 4);
  assert_true(first(other, b.handle) == 4);
  uf_session_release(b.session);
  b.session = other;
  assert_true(first(other, b.handle) == 4);
  drop(&b);
}

/* What a run saw can still be read after the variable has changed. */
static void test_replay_sees_the_run(void **state) {
  built b = make();
  assign(b.session, b.handle, 5);
  assert_int_equal(uf_session_run_for(b.session, 0, &b.value, 1, NULL, 0, NULL), UF_OK);
  assign(b.session, b.handle, 6);
  assert_true(first(b.session, b.value) == 5);
  assert_true(first(b.session, b.handle) == 6);
  drop(&b);
}

static void test_limits(void **state) {
  built b = make();
  uf_session_options options = {.struct_size = sizeof options, .max_steps = 1};
  uf_session *limited;
  uf_error error = {0};
  assert_int_equal(uf_session_create(b.model, &options, &limited, NULL), UF_OK);
  assert_int_equal(uf_session_run(limited, 0, &error), UF_RESOURCE_EXHAUSTED);
  assert_string_equal(error.message, "graph: expected a run of at most 1 nodes, found a longer one; raise max_steps");
  uf_session_release(limited);
  drop(&b);
}

static void test_bad_indices(void **state) {
  built b = make();
  uf_tensor t;
  uf_error error = {0};
  assert_int_equal(uf_session_read(b.session, 1, 0, &t, &error), UF_OUT_OF_RANGE);
  assert_string_equal(error.message, "graph: expected a subgraph in [0, 1), found 1");
  assert_int_equal(uf_session_read(b.session, 0, 99, &t, &error), UF_OUT_OF_RANGE);
  assert_int_equal(uf_session_read(b.session, 0, -1, &t, &error), UF_OUT_OF_RANGE);
  assert_int_equal(uf_session_state_read(b.session, 5, &t, &error), UF_OUT_OF_RANGE);
  int32_t node, value, wrong = 77;
  assert_int_equal(uf_builder_add(b.builder, "Identity", "i", &wrong, 1, NULL, 0, NULL, 0, &node, &value, &error), UF_OUT_OF_RANGE);
  assert_int_equal(uf_builder_add(b.builder, "NoSuchOp", "i", NULL, 0, NULL, 0, NULL, 0, &node, &value, &error), UF_UNIMPLEMENTED);
  drop(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_unassigned_is_named),     cmocka_unit_test(test_a_handle_reads_as_its_value),
    cmocka_unit_test(test_forks_go_their_own_way),  cmocka_unit_test(test_shared_state),
    cmocka_unit_test(test_replay_sees_the_run),     cmocka_unit_test(test_limits),
    cmocka_unit_test(test_bad_indices),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
