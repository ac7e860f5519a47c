/* SPDX-License-Identifier: Apache-2.0
 *
 * test_custom_op.c: ops of the caller's own: FancyOp of the tiny model, y = x * w + options "add".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "openbytes.h"

/* {"add": 10, "name": "text"} as a FlexBuffer. */
static const uint8_t options[] = {97, 100, 100, 0, 110, 97, 109, 101, 0, 4, 116, 101, 120, 116, 0, 2, 16, 13, 2, 1, 2, 10, 12, 4, 20, 4, 36, 1};

typedef struct counts {
  int init, free, prepare, eval, context;
  uf_status fail;          /* what prepare gives */
  bool quiet, unknown, grow;
  uf_buf *taken;
  float last;
} counts;

static uf_status init(uf_op_call *call, void **state_out) {
  counts *c = call->context;
  c->init++;
  assert_string_equal(call->op, "FancyOp");
  assert_string_equal(call->node, "y");
  assert_int_equal(call->n_inputs, 2);
  int *state = malloc(sizeof *state);
  *state = 0;
  *state_out = state;
  return UF_OK;
}

static void free_state(void *context, void *state) {
  ((counts *)context)->free++;
  free(state);
}

static uf_status prepare(uf_op_call *call) {
  counts *c = call->context;
  c->prepare++;
  assert_false(call->in_eval);
  if (c->fail != UF_OK) return c->quiet ? c->fail : uf_op_call_fail(call, c->fail, "expected %s, found %d", "more", 1);
  assert_int_equal(call->inputs[1].dtype, UF_FLOAT32);
  assert_non_null(call->inputs[1].data); /* a constant is known */
  assert_true(call->inputs[1].read_only);
  if (c->unknown) return UF_OK;
  return uf_op_call_output(call, 0, UF_INVALID, call->inputs[0].rank, call->inputs[0].dims);
}

static uf_status eval(uf_op_call *call) {
  counts *c = call->context;
  c->eval++;
  assert_true(call->in_eval);
  ++*(int *)call->state;
  const float *x = call->inputs[0].data, *w = call->inputs[1].data;
  int64_t n = uf_tensor_count(&call->inputs[0]), dims[] = {1, c->grow ? n - 1 : n};
  if (c->unknown || c->grow) {
    uf_status status = uf_op_call_output(call, 0, UF_FLOAT32, 2, dims);
    if (status != UF_OK) return status;
  }
  float *y = call->outputs[0].data, add = (float)uf_op_call_int(call, "add", 0);
  for (int64_t i = 0; i < dims[1]; i++) y[i] = x[i] * w[i] + add;
  if (c->taken == NULL && call->inputs[0].buf) {
    c->taken = uf_buf_retain(call->inputs[0].buf);
    c->last = x[0];
  }
  return UF_OK;
}

static void free_context(void *context) { ((counts *)context)->context++; }

static uf_op_definition definition(counts *c) {
  return (uf_op_definition){.struct_size = sizeof(uf_op_definition), .name = "FancyOp", .context = c, .free_context = free_context,
                            .init = init, .free = free_state, .prepare = prepare, .eval = eval};
}

/* A session over the tiny model with this op; with_options: custom options. */
static uf_session *open_with(uf_ops *ops, bool with_options) {
  tiny t;
  tiny_make(&t);
  if (with_options) {
    static const int32_t in[] = {0, 1}, out[] = {2};
    size_t node = fbw_table(&t.w, TINY_NODE);
    for (size_t i = 0; i < 4; i++) tiny_drop(&t, node, ((const size_t[]){4, 8, 12, 12})[i]);
    tiny_set(&t, node, 0, 0, 4);
    tiny_link(&t, node, 1, tiny_ints(&t, in, 2));
    tiny_link(&t, node, 2, tiny_ints(&t, out, 1));
    tiny_link(&t, node, 5, fbw_vector(&t.w, options, sizeof options, 1));
    fbw_link(&t.w, fbw_element(t.nodes, 0), node);
  }
  uf_open_options open = {.struct_size = sizeof open, .name = "t", .ops = ops};
  uf_buf *buf = copy_of(t.w.data, t.w.n);
  uf_error error = {0};
  uf_model *model = NULL;
  uf_session *session = NULL;
  if (uf_model_open_buf(buf, &open, &model, &error) != UF_OK) fail_msg("%s", error.message);
  assert_null(uf_model_unsupported(model, 0));
  assert_int_equal(uf_session_create(model, NULL, &session, &error), UF_OK);
  uf_model_release(model);
  uf_buf_release(buf);
  return session;
}

static uf_ops *ops_of(counts *c) {
  uf_ops *ops = uf_ops_create();
  uf_op_definition def = definition(c);
  assert_int_equal(uf_op_register(ops, &def, NULL), UF_OK);
  return ops;
}

static void set_x(uf_session *session, float first) {
  float x[] = {first, 2, 3, 4};
  uf_tensor tensor = {.dtype = UF_FLOAT32, .rank = 2, .dims = {1, 4}, .data = x, .size = sizeof x};
  assert_int_equal(uf_session_set(session, 0, 0, &tensor, false, NULL), UF_OK);
}

static void expect_y(uf_session *session, const float *want, size_t n) {
  uf_error error = {0};
  uf_tensor y;
  if (uf_session_run(session, 0, &error) != UF_OK) fail_msg("%s", error.message);
  if (uf_session_read(session, 0, 2, &y, &error) != UF_OK) fail_msg("%s", error.message);
  assert_int_equal(y.size, n * sizeof *want);
  assert_memory_equal(y.data, want, y.size);
  uf_tensor_release(&y);
}

static void runs_and_counts(void **state) {
  counts c = {0};
  uf_ops *ops = ops_of(&c);
  uf_session *session = open_with(ops, true), *fork = NULL;
  uf_ops_release(ops); /* the model keeps it */
  set_x(session, 1);
  expect_y(session, (const float[]){11, 14, 19, 26}, 4);
  set_x(session, 5);
  expect_y(session, (const float[]){15, 14, 19, 26}, 4);
  assert_int_equal(c.init, 1);
  assert_int_equal(c.eval, 2);
  assert_true(*(float *)uf_buf_data(c.taken) == 1); /* what the op kept is as it was */
  assert_int_equal(uf_session_fork(session, &fork, NULL), UF_OK);
  expect_y(fork, (const float[]){15, 14, 19, 26}, 4);
  assert_int_equal(c.init, 2);
  uf_session_release(session);
  assert_int_equal(c.free, 1);
  assert_int_equal(c.context, 0);
  uf_session_release(fork);
  assert_int_equal(c.free, 2);
  assert_int_equal(c.context, 1);
  uf_buf_release(c.taken);
}

static void a_shape_may_come_from_eval(void **state) {
  counts c = {.unknown = true};
  uf_ops *ops = ops_of(&c);
  uf_session *session = open_with(ops, false);
  set_x(session, 1);
  expect_y(session, (const float[]){1, 4, 9, 16}, 4);
  c.grow = true; /* one element fewer */
  expect_y(session, (const float[]){1, 4, 9}, 3);
  uf_session_release(session);
  uf_ops_release(ops);
  uf_buf_release(c.taken);
}

static void expect_failure(counts *c, uf_status status, const char *words) {
  uf_ops *ops = ops_of(c);
  uf_session *session = open_with(ops, false);
  uf_error error = {0};
  set_x(session, 1);
  assert_int_equal(uf_session_run(session, 0, &error), status);
  assert_string_equal(error.message, words);
  uf_session_release(session);
  uf_ops_release(ops);
  uf_buf_release(c->taken);
}

static void what_an_op_does_wrong_is_said(void **state) {
  counts grow = {.grow = true}, invalid = {.fail = UF_INVALID_ARGUMENT}, type = {.fail = UF_WRONG_TYPE};
  counts quiet = {.fail = UF_INVALID_ARGUMENT, .quiet = true}, odd = {.fail = (uf_status)99, .quiet = true};
  expect_failure(&grow, UF_INVALID_ARGUMENT, "t: op #0 FancyOp 'y': expected output 0 as prepare said it, float32 (1, 4), found float32 (1, 3)");
  expect_failure(&invalid, UF_INVALID_ARGUMENT, "t: op #0 FancyOp 'y': expected more, found 1");
  expect_failure(&type, UF_UNIMPLEMENTED, "t: op #0 FancyOp 'y': expected more, found 1");
  expect_failure(&quiet, UF_INVALID_ARGUMENT, "t: op #0 FancyOp 'y': expected prepare of the op to succeed, found that it failed and said "
                                              "nothing of why");
  expect_failure(&odd, UF_UNKNOWN, "t: op #0 FancyOp 'y': expected prepare of the op to succeed, found that it failed and said nothing of why");
}

static uf_status no_output(uf_op_call *call) { return UF_OK; }
static uf_status bad_output(uf_op_call *call) { return uf_op_call_output(call, 1, UF_INVALID, 0, NULL); }
static uf_status bad_dtype(uf_op_call *call) { return uf_op_call_output(call, 0, UF_VARIANT, 0, NULL); }
static uf_status no_state(uf_op_call *call, void **state_out) { return UF_INTERNAL; }

static void more_that_an_op_may_do_wrong(void **state) {
  static const struct { uf_op_definition def; const char *words; } cases[] = {
    {{.eval = no_output}, "t: op #0 FancyOp 'y': expected a shape for output 0 from the op (uf_op_call_output), found none"},
    {{.eval = bad_output}, "t: op #0 FancyOp 'y': expected an output in [0, 1), found 1"},
    {{.eval = bad_dtype}, "t: op #0 FancyOp 'y': expected a dtype for output 0 that is no variant, found variant"},
    {{.eval = no_output, .init = no_state}, "t: op #0 FancyOp 'y': expected init of the op to succeed, found that it failed and said nothing of why"},
  };
  for (size_t i = 0; i < UFI_COUNT(cases); i++) {
    uf_op_definition def = cases[i].def;
    def.struct_size = sizeof def;
    def.name = "FancyOp";
    uf_ops *ops = uf_ops_create();
    uf_error error = {0};
    assert_int_equal(uf_op_register(ops, &def, NULL), UF_OK);
    uf_session *session = open_with(ops, false);
    assert_int_not_equal(uf_session_run(session, 0, &error), UF_OK);
    assert_string_equal(error.message, cases[i].words);
    uf_session_release(session);
    uf_ops_release(ops);
  }
}

static void definitions_are_checked(void **state) {
  counts c = {0};
  uf_ops *ops = uf_ops_create();
  uf_error error = {0};
  uf_op_definition def = definition(&c), bad = def;
  bad.struct_size = 8;
  assert_int_equal(uf_op_register(ops, &bad, &error), UF_INVALID_ARGUMENT);
  assert_non_null(strstr(error.message, "expected a definition with struct_size of at least "));
  bad = def;
  bad.name = "";
  assert_int_equal(uf_op_register(ops, &bad, &error), UF_INVALID_ARGUMENT);
  assert_string_equal(error.message, "expected a definition with a name, found none");
  bad = def;
  bad.eval = NULL;
  assert_int_equal(uf_op_register(ops, &bad, &error), UF_INVALID_ARGUMENT);
  assert_string_equal(error.message, "op 'FancyOp': expected a definition with eval, found none");
  bad = def;
  bad.name = "CONV_2D";
  assert_int_equal(uf_op_register(ops, &bad, &error), UF_INVALID_ARGUMENT);
  assert_string_equal(error.message, "op 'CONV_2D': expected the name of a custom op, found that of a builtin of TFLite, which cannot be "
                                     "replaced; choose another");
  assert_int_equal(uf_op_register(ops, &def, &error), UF_OK);
  assert_int_equal(uf_op_register(ops, &def, &error), UF_ALREADY_EXISTS);
  assert_string_equal(error.message, "op 'FancyOp': expected an op that is not registered yet, found it there");
  uf_ops_release(ops);
  assert_int_equal(c.context, 1); /* only that of what was registered */
}

static void options_are_read(void **state) {
  uf_op_call call = {.options = options, .options_size = sizeof options};
  assert_int_equal(uf_op_call_int(&call, "add", 0), 10);
  assert_true(uf_op_call_float(&call, "add", 0) == 10.0);
  assert_int_equal(uf_op_call_int(&call, "none", 7), 7);
  uf_string text = uf_op_call_text(&call, "name");
  assert_int_equal(text.size, 4);
  assert_memory_equal(text.data, "text", 4);
  assert_null(uf_op_call_text(&call, "add").data);
  call.options_size = 0;
  assert_int_equal(uf_op_call_int(&call, "add", 3), 3);
}

/* An older program's options, without ops. */
static void older_open_options_have_no_ops(void **state) {
  tiny t;
  tiny_make(&t);
  uf_open_options open = {.struct_size = offsetof(uf_open_options, ops), .name = "t", .ops = (uf_ops *)(uintptr_t)1};
  uf_buf *buf = copy_of(t.w.data, t.w.n);
  uf_model *model = NULL;
  assert_int_equal(uf_model_open_buf(buf, &open, &model, NULL), UF_OK);
  assert_non_null(uf_model_unsupported(model, 0));
  uf_model_release(model);
  uf_buf_release(buf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(runs_and_counts),
    cmocka_unit_test(a_shape_may_come_from_eval),
    cmocka_unit_test(what_an_op_does_wrong_is_said),
    cmocka_unit_test(more_that_an_op_may_do_wrong),
    cmocka_unit_test(definitions_are_checked),
    cmocka_unit_test(options_are_read),
    cmocka_unit_test(older_open_options_have_no_ops),
  };
  return cmocka_run_group_tests_name("custom_op", tests, NULL, NULL);
}
