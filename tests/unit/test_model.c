/* SPDX-License-Identifier: Apache-2.0
 *
 * test_model.c: models from hand-made bytes: what a good one says about itself,
 * and the exact message for each way of being wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "openbytes.h"

/* ---- a good model ------------------------------------------------------------ */

static void describes_itself(void **state) {
  tiny t;
  tiny_make(&t);
  uf_model *model = must_open(&t);
  uf_model_info info;
  uf_model_describe(model, &info);
  assert_string_equal(info.path, "t");
  assert_string_equal(info.format, "tflite");
  assert_string_equal(info.description, "a test");
  assert_int_equal(info.version, 3);
  assert_int_equal(info.file_size, t.w.n);
  assert_int_equal(info.n_graphs, 1);
  assert_int_equal(info.n_signatures, 1);
  assert_int_equal(info.n_metadata, 1);

  uf_graph_info graph;
  assert_int_equal(uf_model_graph(model, 0, &graph, NULL), UF_OK);
  assert_string_equal(graph.name, "main");
  assert_int_equal(graph.n_values, 3);
  assert_int_equal(graph.n_nodes, 1);
  assert_int_equal(graph.inputs[0], 0);
  assert_int_equal(graph.outputs[0], 2);

  uf_value_info value;
  assert_int_equal(uf_model_value(model, 0, 2, &value, NULL), UF_OK);
  assert_string_equal(value.name, "y");
  assert_int_equal(value.dtype, UF_FLOAT32);
  assert_int_equal(value.kind, UF_VALUE_ACTIVATION);
  assert_int_equal(value.rank, 2);
  assert_int_equal(value.dims[1], 4);
  assert_int_equal(value.producer, 0);
  assert_null(value.quant);

  uf_node_info node;
  assert_int_equal(uf_model_node(model, 0, 0, &node, NULL), UF_OK);
  assert_string_equal(node.op, "FancyOp");
  assert_string_equal(node.name, "y");
  assert_int_equal(node.n_inputs, 2);
  assert_int_equal(node.inputs[1], 1);
  assert_false(node.supported);

  uf_signature_info signature;
  assert_int_equal(uf_model_signature(model, 0, &signature, NULL), UF_OK);
  assert_string_equal(signature.key, "serve");
  assert_string_equal(signature.output_names[0], "out");
  assert_int_equal(signature.outputs[0], 2);

  const char *name;
  const void *data;
  size_t size;
  assert_int_equal(uf_model_metadata(model, 0, &name, &data, &size, NULL), UF_OK);
  assert_string_equal(name, "note");
  assert_int_equal(size, 5);
  assert_memory_equal(data, "hello", 5);
  uf_model_release(model);
}

static void constants_are_views_that_outlive_the_model(void **state) {
  tiny t;
  tiny_make(&t);
  uf_buf *buf = copy_of(t.w.data, t.w.n);
  uf_model *model = NULL;
  assert_int_equal(uf_model_open_buf(buf, NULL, &model, NULL), UF_OK);
  uf_tensor tensor;
  assert_int_equal(uf_model_constant(model, 0, 1, &tensor, NULL), UF_OK);
  assert_ptr_equal(tensor.data, (uint8_t *)uf_buf_data(buf) + t.weights + 4);
  assert_int_equal(tensor.size, 16);
  assert_true(tensor.read_only);
  uf_error error = {0};
  assert_int_equal(uf_model_constant(model, 0, 2, &tensor, &error), UF_FAILED_PRECONDITION);
  assert_string_equal(error.message, "<memory>: tensor #2 'y': expected a constant, found a tensor "
                                     "that is computed; read it from a session");
  uf_buf_release(buf);
  uf_model_release(model);
  assert_true(((float *)tensor.data)[3] == 4);
  uf_tensor_release(&tensor);
}

static void lists_what_is_not_supported(void **state) {
  tiny t;
  tiny_make(&t);
  uf_model *model = must_open(&t);
  assert_string_equal(uf_model_unsupported(model, 0),
                      "op #0 FancyOp (custom) 'y': expected an op of this library, found a custom "
                      "op it does not know; register one of that name (uf_op_register, "
                      "custom_ops= in Python); output 'y' cannot be computed");
  assert_null(uf_model_unsupported(model, 1));
  assert_null(uf_model_unsupported(model, -1));
  uf_model_release(model);
}

static void indices_are_checked(void **state) {
  tiny t;
  tiny_make(&t);
  uf_model *model = must_open(&t);
  uf_error error = {0};
  uf_value_info value;
  assert_int_equal(uf_model_value(model, 1, 0, &value, &error), UF_OUT_OF_RANGE);
  assert_string_equal(error.message, "t: expected a subgraph index from 0 to 0, found 1");
  error = (uf_error){0};
  assert_int_equal(uf_model_value(model, 0, -1, &value, &error), UF_OUT_OF_RANGE);
  assert_string_equal(error.message, "t: expected a tensor index from 0 to 2, found -1");
  error = (uf_error){0};
  uf_node_info node;
  assert_int_equal(uf_model_node(model, 0, 7, &node, &error), UF_OUT_OF_RANGE);
  assert_string_equal(error.message, "t: expected a node index from 0 to 0, found 7");
  uf_model_release(model);
}

static void finds_names_and_near_names(void **state) {
  tiny t;
  tiny_make(&t);
  static const int32_t four[] = {4};
  static const char *const names[] = {"model/dense/kernel", "model/dense/bias", "StatefulCall:0"};
  size_t list = tiny_room(&t, t.graph, 0, 3);
  for (size_t i = 0; i < 3; i++) {
    fbw_link(&t.w, fbw_element(list, i), tiny_tensor(&t, names[i], 0, four, 1, 0));
  }
  uf_model *model = must_open(&t);
  int32_t found = -1;
  assert_int_equal(uf_model_find_value(model, 0, "model/dense/bias", &found, NULL), UF_OK);
  assert_int_equal(found, 1);
  uf_error error = {0};
  assert_int_equal(uf_model_find_value(model, 0, "dense/kernel", &found, &error), UF_NOT_FOUND);
  assert_string_equal(error.message, "t: expected the name of a tensor of subgraph #0, found "
                                     "'dense/kernel'; near names are 'model/dense/kernel'");
  error = (uf_error){0};
  assert_int_equal(uf_model_find_value(model, 0, "model/dens/Bias", &found, &error), UF_NOT_FOUND);
  assert_string_equal(error.message, "t: expected the name of a tensor of subgraph #0, found "
                                     "'model/dens/Bias'; near names are 'model/dense/bias'");
  error = (uf_error){0};
  assert_int_equal(uf_model_find_value(model, 0, "zzz", &found, &error), UF_NOT_FOUND);
  assert_string_equal(error.message,
                      "t: expected the name of a tensor of subgraph #0, found 'zzz'");
  uf_model_release(model);
}

/* ---- what is no model ---------------------------------------------------------- */

static void says_what_a_file_is_instead(void **state) {
  static const struct {
    const char *bytes;
    size_t size;
    const char *found;
  } cases[] = {
    {"", 0, "an empty file; copy or download it again"},
    {"PK\x03\x04........", 12, "a zip archive (a .keras model, a .task bundle or an .npz file); "
     "unpack it, or convert the Keras model with tf.lite.TFLiteConverter"},
    {"\x89HDF\r\n\x1a\n....", 12, "an HDF5 file (a Keras .h5 model); convert it with "
     "tf.lite.TFLiteConverter"},
    {"version https://git-lfs.github.com/spec/v1\noid", 46, "a Git LFS pointer, not the file it "
     "stands for; fetch it with `git lfs pull`"},
    {"\x1f\x8b\x08.........", 12, "a gzip file; decompress it first"},
    {"<!DOCTYPE html><html>", 21, "a web page (HTML), perhaps the page of a download that failed; "
     "download the file itself"},
    {"{\"version\": 3}", 14, "JSON text, not a model"},
    {"This is an invalid model.", 25, "plain text, not a model"},
    {"\x08\x01\x12\x80\x01\x0a\x05....", 11, "a TensorFlow SavedModel (saved_model.pb); convert it "
     "with tf.lite.TFLiteConverter"},
    {"\x0a\x20\x0a\x05input\x12\x0b", 11, "a protobuf message, perhaps a frozen TensorFlow graph; "
     "convert it with tf.lite.TFLiteConverter"},
    {"\x1c\0\0\0TFL2\0\0\0\0", 12, "a TFLite model of another format version; convert it again "
     "with a current converter"},
    {"\x1c\0\0", 3, "a file of 3 bytes; copy or download it again"},
    {"\x1c\0\0\0\x01\x02\x03\x04\0", 9, "bytes 01 02 03 04 there; check that this is the right "
     "file"},
  };
  for (size_t i = 0; i < UFI_COUNT(cases); i++) {
    char message[512];
    snprintf(message, sizeof message, "t: expected a TFLite model (identifier TFL3 at byte 4), "
             "found %s", cases[i].found);
    expect_bytes(cases[i].bytes, cases[i].size, UF_INVALID_ARGUMENT, message);
  }
}

static void refuses_other_versions_and_empty_models(void **state) {
  tiny t;
  tiny_make(&t);
  tiny_set(&t, t.model, 0, 2, 4);
  expect(&t, UF_INVALID_ARGUMENT, "t: expected a TFLite model of schema version 3, found version "
                                  "2; convert the model again with a current converter");
  tiny_make(&t);
  tiny_drop(&t, t.model, 2);
  expect(&t, UF_INVALID_ARGUMENT, "t: expected a model with at least one subgraph, found none; "
                                  "convert the model again");
}

/* ---- damage --------------------------------------------------------------------- */

static void names_the_place_of_damage(void **state) {
  tiny t;
  tiny_make(&t);
  fbw_put(&t.w, t.weights, 1 << 20, 4);
  char message[256];
  snprintf(message, sizeof message, "t: tensor #1 'w': byte %zu: expected a vector inside the "
           "file, found one longer than the rest of it; the file is damaged", t.weights + 4);
  expect(&t, UF_DATA_LOSS, message);
  tiny_make(&t);
  expect_bytes(t.w.data, 40, UF_DATA_LOSS, "t: byte 32: expected a whole table, found the end of "
                                           "the file; the file is damaged");
}

static void checks_shapes(void **state) {
  tiny t;
  tiny_make(&t);
  size_t shape = tiny_target(&t, t.tensor[0], 0);
  fbw_put(&t.w, shape + 8, (uint32_t)-4, 4);
  expect(&t, UF_DATA_LOSS, "t: tensor #0 'x': expected a shape with dimensions of 0 or more, found "
                           "-4 in dimension 1; the file is damaged");
  tiny_make(&t);
  static const int32_t nine[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  tiny_link(&t, t.tensor[0], 0, tiny_ints(&t, nine, 9));
  expect(&t, UF_UNIMPLEMENTED,
         "t: tensor #0 'x': expected a shape of at most 8 dimensions, found 9");
  tiny_make(&t);
  static const int32_t huge[] = {2147483647, 2147483647, 2147483647};
  tiny_link(&t, t.tensor[0], 0, tiny_ints(&t, huge, 3));
  expect(&t, UF_DATA_LOSS, "t: tensor #0 'x': expected a shape whose bytes can be counted, found "
                           "(2147483647, 2147483647, 2147483647) of float32; the file is damaged");
  tiny_make(&t);
  tiny_set(&t, t.tensor[0], 1, 99, 1);
  expect(&t, UF_UNIMPLEMENTED, "t: tensor #0 'x': expected a tensor type from 0 to 22, found 99; "
                               "the file is damaged or newer than this library");
}

static void checks_indices(void **state) {
  tiny t;
  tiny_make(&t);
  fbw_put(&t.w, t.inputs + 4, 3, 4);
  expect(&t, UF_DATA_LOSS,
         "t: input 0: expected a tensor index from 0 to 2, found 3; the file is damaged");
  tiny_make(&t);
  fbw_put(&t.w, t.outputs + 4, (uint32_t)-1, 4);
  expect(&t, UF_DATA_LOSS,
         "t: output 0: expected a tensor index from 0 to 2, found -1; the file is damaged");
  tiny_make(&t);
  fbw_put(&t.w, t.node_in + 8, 1000, 4);
  expect(&t, UF_DATA_LOSS, "t: op #0 FancyOp: input 1: expected a tensor index from -1 to 2, found "
                           "1000; the file is damaged");
  tiny_make(&t);
  fbw_put(&t.w, t.node_out + 4, (uint32_t)-1, 4);
  expect(&t, UF_DATA_LOSS, "t: op #0 FancyOp: output 0: expected a tensor index from 0 to 2, found "
                           "-1; the file is damaged");
  tiny_make(&t);
  tiny_set(&t, t.node, 0, 5, 4);
  expect(&t, UF_DATA_LOSS,
         "t: op #0 : expected an operator code below 1, found 5; the file is damaged");
  tiny_make(&t);
  tiny_set(&t, t.tensor[1], 2, 44, 4);
  expect(&t, UF_DATA_LOSS,
         "t: tensor #1 'w': expected a buffer index below 3, found 44; the file is damaged");
  tiny_make(&t);
  tiny_set(&t, t.signature, 4, 1, 4);
  expect(&t, UF_DATA_LOSS, "t: signature #0 'serve': expected a subgraph index from 0 to 0, found "
                           "1; the file is damaged");
  tiny_make(&t);
  tiny_set(&t, t.metadata, 1, 9, 4);
  expect(&t, UF_DATA_LOSS,
         "t: metadata 'note': expected a buffer index below 3, found 9; the file is damaged");
}

/* Two ops over the three tensors; lists of one input and one output. */
static void two_nodes(tiny *t, int32_t in0, int32_t out0, int32_t in1, int32_t out1) {
  tiny_make(t);
  size_t list = tiny_room(t, t->graph, 3, 2);
  fbw_link(&t->w, fbw_element(list, 0), tiny_node(t, 0, &in0, 1, &out0, 1));
  fbw_link(&t->w, fbw_element(list, 1), tiny_node(t, 0, &in1, 1, &out1, 1));
}

static void checks_order_and_producers(void **state) {
  tiny t;
  two_nodes(&t, 0, 2, 0, 2);
  expect(&t, UF_DATA_LOSS, "t: op #1 FancyOp: expected outputs that no other op makes, found 'y', "
                           "which op #0 FancyOp makes; the file is damaged");
  two_nodes(&t, 2, 2, 0, 1);
  expect(&t, UF_DATA_LOSS, "t: op #0 FancyOp: expected inputs that ops before it make, found 'y', "
                           "which op #0 FancyOp makes; the file is damaged");
  two_nodes(&t, 0, 1, 0, 0);
  uf_model *model = must_open(&t);
  uf_model_release(model);
}

static void ops_that_lack_a_value_are_listed(void **state) {
  tiny t;
  tiny_make(&t);
  tiny_set(&t, t.code, 0, 0, 1);
  tiny_set(&t, t.code, 3, 142, 4); /* VAR_HANDLE, with inputs it does not take */
  uf_model *model = must_open(&t);
  assert_string_equal(uf_model_unsupported(model, 0), "op #0 VAR_HANDLE 'y': expected 0 inputs, "
                                                      "found 2; output 'y' cannot be computed");
  uf_model_release(model);
  tiny_set(&t, t.code, 3, 18, 4); /* MUL */
  fbw_put(&t.w, t.node_in + 8, (uint32_t)-1, 4);
  model = must_open(&t);
  assert_string_equal(uf_model_unsupported(model, 0), "op #0 MUL 'y': expected input 1, found it "
                                                      "omitted; output 'y' cannot be computed");
  uf_model_release(model);
  fbw_put(&t.w, t.node_in + 8, 1, 4);
  tiny_set(&t, t.code, 3, 143, 4);
  tiny_set(&t, t.tensor[1], 10, 3, 4); /* READ_VARIABLE of data in another file */
  model = must_open(&t);
  assert_string_equal(uf_model_unsupported(model, 0),
                      "op #0 READ_VARIABLE 'y': expected data in the file, found tensor 'w' whose "
                      "data is in external buffer 3, a file that this library does not read; "
                      "output 'y' cannot be computed");
  uf_model_release(model);
  tiny_set(&t, t.tensor[1], 10, 0, 4);
  tiny_set(&t, t.tensor[1], 2, 0, 4); /* nothing makes w */
  model = must_open(&t);
  assert_string_equal(uf_model_unsupported(model, 0),
                      "op #0 READ_VARIABLE 'y': expected a value for input 1, found 'w', which no "
                      "op makes and which is neither a constant nor an input of the graph; output "
                      "'y' cannot be computed");
  uf_model_release(model);
  tiny_set(&t, t.code, 3, 250, 4);
  tiny_set(&t, t.tensor[1], 2, 1, 4);
  model = must_open(&t);
  assert_string_equal(uf_model_unsupported(model, 0),
                      "op #0 BUILTIN_250 'y': expected an op of this library, found the code of an "
                      "op that is newer than it; output 'y' cannot be computed");
  uf_model_release(model);
}

/* ---- calls, memory ------------------------------------------------------------------ */

/* Two subgraphs; each has a CALL_ONCE of the given one. */
static void set_calls(tiny *t, int32_t first, int32_t second) {
  const int32_t called[] = {first, second};
  tiny_make(t);
  tiny_set(t, t->code, 3, 129, 4);
  size_t list = tiny_room(t, t->model, 2, 2);
  for (size_t g = 0; g < 2; g++) {
    size_t graph = fbw_table(&t->w, "---oo");
    fbw_link(&t->w, fbw_element(list, g), graph);
    size_t nodes = tiny_room(t, graph, 3, 1);
    tiny_link(t, graph, 4, fbw_string(&t->w, g ? "second" : "first"));
    size_t node = tiny_node(t, 0, NULL, 0, NULL, 0);
    fbw_link(&t->w, fbw_element(nodes, 0), node);
    tiny_set(t, node, 3, 103, 1);
    size_t options = fbw_table(&t->w, "4");
    tiny_set(t, options, 0, (uint32_t)called[g], 4);
    tiny_link(t, node, 4, options);
  }
  tiny_drop(t, t->model, 7); /* the signature's tensors are gone */
}

static void finds_calls_that_never_end(void **state) {
  tiny t;
  set_calls(&t, 1, 0);
  uf_model *model = must_open(&t);
  assert_string_equal(uf_model_unsupported(model, 0),
                      "subgraph #0, op #0 CALL_ONCE '#0': expected calls that end, found one of "
                      "subgraph #1 'second', which calls this one again");
  assert_string_equal(uf_model_unsupported(model, 1),
                      "subgraph #1, op #0 CALL_ONCE '#0': expected calls that end, found one of "
                      "subgraph #0 'first', which calls this one again");
  uf_model_release(model);
  set_calls(&t, 1, 7);
  model = must_open(&t);
  assert_string_equal(uf_model_unsupported(model, 0),
                      "subgraph #1, op #0 CALL_ONCE '#0': expected a subgraph index from 0 to 1 to "
                      "call, found 7");
  assert_null(uf_model_unsupported(model, 1));
  uf_model_release(model);
}

/* A list of 8000 operators that are one table, whose input list is long. */
static void small_files_cannot_take_much_memory(void **state) {
  static int32_t inputs[6000];
  const int32_t y = 2;
  tiny t;
  tiny_make(&t);
  size_t list = tiny_room(&t, t.graph, 3, 8000);
  size_t node = tiny_node(&t, 0, inputs, 6000, &y, 1);
  for (size_t i = 0; i < 8000; i++) fbw_link(&t.w, fbw_element(list, i), node);
  uf_model *model = NULL;
  uf_error error = {0};
  assert_int_equal(open_bytes(t.w.data, t.w.n, &model, &error), UF_RESOURCE_EXHAUSTED);
  assert_non_null(strstr(error.message, "op #7"));
  assert_non_null(strstr(error.message, "found one that takes more; the file is damaged or made"));
}

static void every_allocation_may_fail(void **state) {
  tiny t;
  tiny_make(&t);
  sweep(&t);
  set_calls(&t, 1, 0);
  sweep(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(describes_itself),
    cmocka_unit_test(constants_are_views_that_outlive_the_model),
    cmocka_unit_test(lists_what_is_not_supported),
    cmocka_unit_test(indices_are_checked),
    cmocka_unit_test(finds_names_and_near_names),
    cmocka_unit_test(says_what_a_file_is_instead),
    cmocka_unit_test(refuses_other_versions_and_empty_models),
    cmocka_unit_test(names_the_place_of_damage),
    cmocka_unit_test(checks_shapes),
    cmocka_unit_test(checks_indices),
    cmocka_unit_test(checks_order_and_producers),
    cmocka_unit_test(ops_that_lack_a_value_are_listed),
    cmocka_unit_test(finds_calls_that_never_end),
    cmocka_unit_test(small_files_cannot_take_much_memory),
    cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
