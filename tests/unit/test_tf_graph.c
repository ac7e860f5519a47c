/* SPDX-License-Identifier: Apache-2.0
 *
 * test_tf_graph.c: TensorFlow graphs read from text, lowered and run: branches
 * that are dead, loops of version 1, functions, references, shapes that are
 * not known; what is damaged; and every allocation failing once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"

#define F32 "attr { key: 'T' value { type: DT_FLOAT } }"
#define CONST_F32(name, number) \
  "node { name: '" name "' op: 'Const' attr { key: 'dtype' value { type: DT_FLOAT } } attr { key: 'value' value { tensor { dtype: DT_FLOAT tensor_shape {} float_val: " #number " } } } }"
#define PLACEHOLDER(name, type) "node { name: '" name "' op: 'Placeholder' attr { key: 'dtype' value { type: " type " } } attr { key: 'shape' value { shape {} } } }"
#define NODE(name, op, inputs) "node { name: '" name "' op: '" op "' " inputs " " F32 " }"
#define CALL(function) \
  "attr { key: 'Tin' value { list { type: DT_FLOAT } } } attr { key: 'Tout' value { list { type: DT_FLOAT } } } attr { key: 'f' value { func { name: '" function "' } } }"
#define VERSION " versions { producer: 1000 }"

static uf_status read_graph(const char *text, uf_builder **out, uf_error *error) {
  uf_builder *b = uf_builder_create();
  if (!b) return UF_RESOURCE_EXHAUSTED;
  uf_status status = uf_builder_import(b, text, strlen(text), NULL, error);
  if (status == UF_OK) *out = b;
  else uf_builder_release(b);
  return status;
}

static int32_t value_of(const uf_builder *b, const char *name, int32_t k) {
  uf_built_node node;
  assert_int_equal(uf_builder_node(b, uf_builder_find(b, name), &node, NULL), UF_OK);
  return node.first_value + k;
}

static uf_tensor scalar(uf_dtype dtype, void *data) {
  return (uf_tensor){.dtype = dtype, .data = data, .size = (size_t)uf_dtype_bits(dtype) / 8};
}

/* Runs with feeds (name, tensor) and gives one fetched float. */
static uf_status run(uf_builder *b, const char *const *feed_names, const uf_tensor *feeds, int32_t n, const char *fetch, int32_t k,
                     float *out, uf_error *error) {
  int32_t values[4], target = value_of(b, fetch, k);
  const uf_tensor *inputs[4];
  for (int32_t i = 0; i < n; i++) {
    values[i] = value_of(b, feed_names[i], 0);
    inputs[i] = &feeds[i];
  }
  uf_prune what = {.struct_size = sizeof what, .feeds = values, .n_feeds = n, .fetches = &target, .n_fetches = 1};
  uf_model *model;
  uf_session *session;
  uf_tensor result;
  UFI_TRY(uf_builder_model(b, &what, &model, error));
  uf_status status = uf_session_create(model, NULL, &session, error);
  uf_model_release(model);
  if (status != UF_OK) return status;
  status = uf_session_call(session, inputs, n, &result, 1, error);
  if (status == UF_OK) {
    if (result.dtype == UF_FLOAT32 && result.size == sizeof *out) *out = *(const float *)result.data;
    uf_tensor_release(&result);
  }
  uf_session_release(session);
  return status;
}

/* ---- branches ---- */

static const char branches[] =
  PLACEHOLDER("x", "DT_FLOAT") PLACEHOLDER("p", "DT_BOOL")
  NODE("s", "Switch", "input: 'x' input: 'p'")
  "node { name: 'pivot' op: 'Identity' input: 's:1' " F32 " }"
  NODE("twice", "AddV2", "input: 's:1' input: 's:1'")
  "node { name: 'seven' op: 'Const' input: '^off' attr { key: 'dtype' value { type: DT_FLOAT } } attr { key: 'value' value { tensor { dtype: DT_FLOAT tensor_shape {} float_val: 7 } } } }"
  "node { name: 'off' op: 'Identity' input: 's:0' " F32 " }"
  "node { name: 'm' op: 'Merge' input: 'twice' input: 'seven' " F32 " attr { key: 'N' value { i: 2 } } }"
  "node { name: 'other' op: 'Merge' input: 'seven' input: 'twice' " F32 " attr { key: 'N' value { i: 2 } } }" VERSION;

static void test_dead_branches(void **state) {
  uf_builder *b = NULL;
  uf_error error = {0};
  float x = 3, got = 0;
  bool p = true;
  const char *names[] = {"x", "p"};
  uf_tensor feeds[] = {scalar(UF_FLOAT32, &x), scalar(UF_BOOL, &p)};
  assert_int_equal(read_graph(branches, &b, &error), UF_OK);
  assert_int_equal(run(b, names, feeds, 2, "m", 0, &got, &error), UF_OK);
  assert_true(got == 6);
  assert_int_equal(run(b, names, feeds, 2, "other", 0, &got, &error), UF_OK);
  assert_true(got == 6); /* a constant that waits for a dead branch is dead, too */
  p = false;
  assert_int_equal(run(b, names, feeds, 2, "m", 0, &got, &error), UF_OK);
  assert_true(got == 7);
  assert_int_equal(run(b, names, feeds, 2, "twice", 0, &got, &error), UF_INVALID_ARGUMENT);
  assert_non_null(strstr(error.message, "not taken"));
  uf_builder_release(b);
}

/* ---- loops ---- */

#define FRAME " attr { key: 'frame_name' value { s: 'loop' } }"
static const char loop[] =
  PLACEHOLDER("x", "DT_FLOAT") CONST_F32("zero", 0) CONST_F32("ten", 10)
  "node { name: 'e' op: 'Enter' input: 'zero' " F32 FRAME " }"
  "node { name: 'ex' op: 'Enter' input: 'x' " F32 FRAME " attr { key: 'is_constant' value { b: true } } }"
  "node { name: 'et' op: 'Enter' input: 'ten' " F32 FRAME " attr { key: 'is_constant' value { b: true } } }"
  "node { name: 'm' op: 'Merge' input: 'e' input: 'n' " F32 " attr { key: 'N' value { i: 2 } } }"
  NODE("less", "Less", "input: 'm' input: 'et'")
  "node { name: 'c' op: 'LoopCond' input: 'less' }"
  NODE("s", "Switch", "input: 'm' input: 'c'")
  NODE("add", "AddV2", "input: 's:1' input: 'ex'")
  NODE("n", "NextIteration", "input: 'add'")
  NODE("out", "Exit", "input: 's:0'") VERSION;

static void test_loop(void **state) {
  uf_builder *b = NULL;
  uf_error error = {0};
  float x = 3, got = 0;
  const char *names[] = {"x"};
  uf_tensor feed = scalar(UF_FLOAT32, &x);
  assert_int_equal(read_graph(loop, &b, &error), UF_OK);
  assert_int_equal(run(b, names, &feed, 1, "out", 0, &got, &error), UF_OK);
  assert_true(got == 12); /* 0, 3, 6, 9, 12 */
  uf_builder_release(b);
}

/* ---- functions ---- */

static const char functions[] =
  PLACEHOLDER("x", "DT_FLOAT") PLACEHOLDER("p", "DT_BOOL")
  "node { name: 'call' op: 'PartitionedCall' input: 'x' attr { key: 'Tin' value { list { type: DT_FLOAT } } } attr { key: 'Tout' value { list { type: DT_FLOAT } } } attr { key: 'f' value { func { name: 'twice' } } } }"
  "node { name: 'if' op: 'StatelessIf' input: 'p' input: 'call' attr { key: 'Tcond' value { type: DT_BOOL } } attr { key: 'Tin' value { list { type: DT_FLOAT } } } attr { key: 'Tout' value { list { type: DT_FLOAT } } }"
  " attr { key: 'then_branch' value { func { name: 'twice' } } } attr { key: 'else_branch' value { func { name: 'self' } } } }"
  "node { name: 'none' op: 'PartitionedCall' input: 'x' attr { key: 'Tin' value { list { type: DT_FLOAT } } } attr { key: 'Tout' value { list { type: DT_FLOAT } } } attr { key: 'f' value { func { name: 'gone' } } } }"
  "library { function { signature { name: 'twice' input_arg { name: 'a' type: DT_FLOAT } output_arg { name: 'r' type: DT_FLOAT } }"
  " node_def { name: 'sum' op: 'AddV2' input: 'a' input: 'a' " F32 " } ret { key: 'r' value: 'sum:z:0' } }"
  " function { signature { name: 'self' input_arg { name: 'a' type: DT_FLOAT } output_arg { name: 'r' type: DT_FLOAT } } ret { key: 'r' value: 'a' } } }" VERSION;

static void test_functions(void **state) {
  uf_builder *b = NULL;
  uf_error error = {0};
  float x = 5, got = 0;
  bool p = true;
  const char *names[] = {"x", "p"};
  uf_tensor feeds[] = {scalar(UF_FLOAT32, &x), scalar(UF_BOOL, &p)};
  assert_int_equal(read_graph(functions, &b, &error), UF_OK);
  assert_int_equal(run(b, names, feeds, 1, "call", 0, &got, &error), UF_OK);
  assert_true(got == 10);
  assert_int_equal(run(b, names, feeds, 2, "if", 0, &got, &error), UF_OK);
  assert_true(got == 20);
  p = false;
  assert_int_equal(run(b, names, feeds, 2, "if", 0, &got, &error), UF_OK);
  assert_true(got == 10);
  assert_int_equal(run(b, names, feeds, 1, "none", 0, &got, &error), UF_NOT_FOUND);
  assert_non_null(strstr(error.message, "'gone'"));
  uf_builder_release(b);
}

/* ---- references ---- */

static const char reference[] =
  PLACEHOLDER("x", "DT_FLOAT")
  "node { name: 'v' op: 'VariableV2' attr { key: 'dtype' value { type: DT_FLOAT } } attr { key: 'shape' value { shape {} } } }"
  NODE("set", "Assign", "input: 'v' input: 'x'")
  "node { name: 'read' op: 'Identity' input: 'v' input: '^set' " F32 " }"
  NODE("bare", "Identity", "input: 'v'") VERSION;

static void test_references(void **state) {
  uf_builder *b = NULL;
  uf_error error = {0};
  float x = 5, got = 0;
  const char *names[] = {"x"};
  uf_tensor feed = scalar(UF_FLOAT32, &x);
  assert_int_equal(read_graph(reference, &b, &error), UF_OK);
  assert_int_equal(run(b, names, &feed, 1, "read", 0, &got, &error), UF_OK);
  assert_true(got == 5);
  assert_int_equal(run(b, names, &feed, 0, "bare", 0, &got, &error), UF_FAILED_PRECONDITION);
  assert_non_null(strstr(error.message, "uninitialized value v"));
  uf_builder_release(b);
}

/* ---- what cannot be ---- */

static void refuse(const char *text, uf_status want, const char *words) {
  uf_builder *b = NULL;
  uf_error error = {0};
  uf_status status = read_graph(text, &b, &error);
  if (status == UF_OK) {
    float got;
    status = run(b, NULL, NULL, 0, "a", 0, &got, &error);
    uf_builder_release(b);
  }
  assert_int_equal(status, want);
  if (!strstr(error.message, words)) fail_msg("'%s' does not say '%s'", error.message, words);
}

static void test_refused(void **state) {
  refuse(NODE("a", "AddV2", "input: 'b' input: 'a'") CONST_F32("b", 1), UF_INVALID_ARGUMENT, "need each other");
  refuse(NODE("a", "AddV2", "input: 'b' input: 'gone'") CONST_F32("b", 1), UF_INVALID_ARGUMENT, "'gone'");
  refuse(NODE("a", "AddV2", "input: 'b' input: 'b:1'") CONST_F32("b", 1), UF_INVALID_ARGUMENT, "'b:1'");
  refuse(NODE("a", "AddV2", "input: 'b'") CONST_F32("b", 1), UF_INVALID_ARGUMENT, "expected 2 inputs");
  refuse(CONST_F32("a", 1) CONST_F32("a", 1), UF_INVALID_ARGUMENT, "not unique");
  refuse(NODE("a", "Exit", "input: 'b'") NODE("e", "Enter", "input: 'b'") CONST_F32("b", 1), UF_INVALID_ARGUMENT, "frame_name");
  refuse(PLACEHOLDER("a", "DT_FLOAT"), UF_INVALID_ARGUMENT, "You must feed a value for placeholder tensor 'a' with dtype float");
  refuse("node { name: 'a' op: 'NoSuchOp' }" NODE("c", "Identity", "input: 'a'"), UF_UNIMPLEMENTED, "does not have this op");
}

/* Functions that each call the next one twice: 2^30 calls, which must end soon. */
static void test_call_bomb(void **state) {
  enum { LEVELS = 30, ROOM = 1 << 16 };
  char *text = malloc(ROOM);
  assert_non_null(text);
  int n = snprintf(text, ROOM, "%s node { name: 'a' op: 'PartitionedCall' input: 'c' " CALL("f0") " } library {", CONST_F32("c", 1));
  for (int i = 0; i < LEVELS; i++) {
    char next[16];
    snprintf(next, sizeof next, "f%d", i + 1);
    n += snprintf(text + n, (size_t)(ROOM - n), " function { signature { name: 'f%d' input_arg { name: 'a' type: DT_FLOAT } output_arg { name: 'r' type: DT_FLOAT } }", i);
    if (i == LEVELS - 1) n += snprintf(text + n, (size_t)(ROOM - n), " ret { key: 'r' value: 'a' } }");
    else n += snprintf(text + n, (size_t)(ROOM - n), " node_def { name: 'x' op: 'PartitionedCall' input: 'a' " CALL("%s") " } node_def { name: 'y' op: 'PartitionedCall' input: 'x:output:0' " CALL("%s") " } ret { key: 'r' value: 'y:output:0' } }", next, next);
  }
  n += snprintf(text + n, (size_t)(ROOM - n), " }" VERSION);
  assert_true(n < ROOM);
  uf_builder *b = NULL;
  uf_error error = {0};
  float got;
  assert_int_equal(read_graph(text, &b, &error), UF_OK);
  assert_int_equal(run(b, NULL, NULL, 0, "a", 0, &got, &error), UF_RESOURCE_EXHAUSTED);
  assert_non_null(strstr(error.message, "called functions"));
  uf_builder_release(b);
  free(text);
}

/* ---- shapes ---- */

static void test_unknown_shapes(void **state) {
  uf_builder *b = uf_builder_create();
  uf_attr attrs[2] = {{.name = "dtype", .kind = UF_ATTR_DTYPE, .i = UF_FLOAT32}, {.name = "shape", .kind = UF_ATTR_SHAPE, .rank = 2, .dims = {-1, 4}}};
  int32_t node, x, y, z;
  uf_built_value value;
  assert_int_equal(uf_builder_add(b, "Placeholder", "x", NULL, 0, NULL, 0, attrs, 2, &node, &x, NULL), UF_OK);
  attrs[1].rank = 1;
  attrs[1].dims[0] = 4;
  assert_int_equal(uf_builder_add(b, "Placeholder", "y", NULL, 0, NULL, 0, attrs, 2, &node, &y, NULL), UF_OK);
  int32_t in[] = {x, y};
  assert_int_equal(uf_builder_add(b, "AddV2", "z", in, 2, NULL, 0, NULL, 0, &node, &z, NULL), UF_OK);
  assert_int_equal(uf_builder_value(b, z, &value, NULL), UF_OK);
  assert_int_equal(value.shape.rank, 2);
  assert_int_equal(value.shape.dims[0], -1);
  assert_int_equal(value.shape.dims[1], 4);
  uf_shape known = {.rank = 2, .dims = {7, -1}};
  assert_int_equal(uf_builder_set_shape(b, z, &known, NULL), UF_OK);
  assert_int_equal(uf_builder_value(b, z, &value, NULL), UF_OK);
  assert_int_equal(value.shape.dims[0], 7);
  known.dims[1] = 5;
  assert_int_equal(uf_builder_set_shape(b, z, &known, NULL), UF_INVALID_ARGUMENT);
  attrs[1].dims[0] = 3;
  assert_int_equal(uf_builder_add(b, "Placeholder", "w", NULL, 0, NULL, 0, attrs, 2, &node, &x, NULL), UF_OK);
  int32_t wrong[] = {x, y}, count = uf_builder_count(b);
  assert_int_equal(uf_builder_add(b, "AddV2", "bad", wrong, 2, NULL, 0, NULL, 0, &node, &z, NULL), UF_INVALID_ARGUMENT);
  assert_int_equal(uf_builder_count(b), count);
  assert_int_equal(uf_builder_find(b, "bad"), -1);
  uf_builder_release(b);
}

/* ---- memory that runs out ---- */

static uf_status whole_way(const char *text, const char *fetch, uf_error *error) {
  uf_builder *b = NULL;
  float x = 3, got = 0;
  const char *names[] = {"x"};
  uf_tensor feed = scalar(UF_FLOAT32, &x);
  UFI_TRY(read_graph(text, &b, error));
  uf_status status = run(b, names, &feed, 1, fetch, 0, &got, error);
  uf_builder_release(b);
  return status;
}

static void sweep(const char *text, const char *fetch) {
  uf_error error = {0};
  int calm = 0;
  assert_int_equal(whole_way(text, fetch, &error), UF_OK); /* what is made once is made */
  for (int64_t n = 1; n < 4000 && calm < 40; n++) {
    ufi_fail_allocation(n);
    uf_status status = whole_way(text, fetch, &error);
    ufi_fail_allocation(0);
    if (status != UF_OK && status != UF_RESOURCE_EXHAUSTED) fail_msg("allocation %d: %s", (int)n, error.message);
    calm = status == UF_OK ? calm + 1 : 0;
  }
  assert_true(calm >= 40);
}

static void test_out_of_memory(void **state) {
  sweep(loop, "out");
  sweep(functions, "call");
  sweep(reference, "read");
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_dead_branches), cmocka_unit_test(test_loop),    cmocka_unit_test(test_functions),
    cmocka_unit_test(test_references),    cmocka_unit_test(test_refused), cmocka_unit_test(test_unknown_shapes),
    cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_call_bomb),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
