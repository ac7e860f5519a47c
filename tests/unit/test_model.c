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
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "tinymodel.h"

/* A buf with a copy, so that a read behind the end is seen by the sanitizers. */
static uf_buf *copy_of(const void *bytes, size_t size) {
  uf_buf *buf = uf_buf_create(size);
  assert_non_null(buf);
  if (size > 0) memcpy(uf_buf_data(buf), bytes, size);
  return buf;
}

static uf_status open_bytes(const void *bytes, size_t size, uf_model **model_out, uf_error *error) {
  uf_open_options options = {.struct_size = sizeof options, .name = "t"};
  uf_buf *buf = copy_of(bytes, size);
  uf_status status = uf_model_open_buf(buf, &options, model_out, error);
  uf_buf_release(buf);
  return status;
}

static uf_model *must_open(const tiny *t) {
  uf_model *model = NULL;
  uf_error error = {0};
  if (open_bytes(t->w.data, t->w.n, &model, &error) != UF_OK) fail_msg("%s", error.message);
  return model;
}

static void expect_bytes(const void *bytes, size_t size, uf_status status, const char *message) {
  uf_model *model = NULL;
  uf_error error = {0};
  uf_status found = open_bytes(bytes, size, &model, &error);
  if (found == UF_OK) uf_model_release(model);
  assert_string_equal(error.message, message);
  assert_int_equal(found, status);
}

static void expect(const tiny *t, uf_status status, const char *message) {
  expect_bytes(t->w.data, t->w.n, status, message);
}

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
                      "op it does not know; output 'y' cannot be computed");
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

/* ---- constants ------------------------------------------------------------------- */

static void checks_the_size_of_constants(void **state) {
  tiny t;
  tiny_make(&t);
  fbw_put(&t.w, t.weights, 12, 4);
  expect(&t, UF_DATA_LOSS, "t: tensor #1 'w': expected a buffer of 16 bytes for (4,) of float32, "
                           "found one of 12 bytes; the file is damaged");
  fbw_put(&t.w, t.weights, 18, 4); /* larger is fine, as for TFLite */
  uf_model *model = must_open(&t);
  uf_tensor tensor;
  assert_int_equal(uf_model_constant(model, 0, 1, &tensor, NULL), UF_OK);
  assert_int_equal(tensor.size, 16);
  uf_tensor_release(&tensor);
  uf_model_release(model);
}

static void copies_unaligned_constants(void **state) {
  tiny t;
  tiny_make(&t);
  memmove(t.w.data + t.weights + 1, t.w.data + t.weights, 20);
  fbw_put(&t.w, fbw_field(&t.w, t.buffer[1], 0),
          fbw_get(&t.w, fbw_field(&t.w, t.buffer[1], 0), 4) + 1, 4);
  uf_model *model = must_open(&t);
  uf_tensor tensor;
  assert_int_equal(uf_model_constant(model, 0, 1, &tensor, NULL), UF_OK);
  assert_int_equal((uintptr_t)tensor.data % 4, 0);
  for (int i = 0; i < 4; i++) assert_true(((float *)tensor.data)[i] == (float)(i + 1));
  uf_model_release(model);
  uf_tensor_release(&tensor);
}

static void reads_buffers_behind_the_flatbuffer(void **state) {
  static const float behind[] = {5, 6, 7, 8};
  tiny t;
  tiny_make(&t);
  size_t at = fbw_reserve(&t.w, 16, 16);
  memcpy(t.w.data + at, behind, 16);
  tiny_drop(&t, t.buffer[1], 0);
  tiny_set(&t, t.buffer[1], 1, at, 8);
  tiny_set(&t, t.buffer[1], 2, 16, 8);
  uf_model *model = must_open(&t);
  uf_tensor tensor;
  assert_int_equal(uf_model_constant(model, 0, 1, &tensor, NULL), UF_OK);
  assert_memory_equal(tensor.data, behind, 16);
  uf_tensor_release(&tensor);
  uf_model_release(model);

  tiny_set(&t, t.buffer[1], 1, UINT64_MAX - 8, 8);
  char message[256];
  snprintf(message, sizeof message, "t: tensor #1 'w': expected 16 bytes at byte "
           "18446744073709551607, found a file of %zu bytes; it is cut off or damaged", t.w.n);
  expect(&t, UF_DATA_LOSS, message);
}

/* A sparse file of 5 GiB whose constant lies above 4 GiB. */
static void reads_files_above_4_gib(void **state) {
  static const float behind[] = {5, 6, 7, 8};
  const uint64_t at = (uint64_t)9 << 29;
  char path[] = "/tmp/unflow_test_XXXXXX";
  tiny t;
  tiny_make(&t);
  tiny_drop(&t, t.buffer[1], 0);
  tiny_set(&t, t.buffer[1], 1, at, 8);
  tiny_set(&t, t.buffer[1], 2, 16, 8);
  int file = mkstemp(path);
  if (file < 0) skip();
  bool written = pwrite(file, t.w.data, t.w.n, 0) == (ssize_t)t.w.n &&
                 pwrite(file, behind, 16, (off_t)at) == 16 && ftruncate(file, (off_t)5 << 30) == 0;
  close(file);
  uf_model *model = NULL;
  uf_error error = {0};
  uf_status status = written ? uf_model_open(path, NULL, &model, &error) : UF_OK;
  unlink(path);
  if (!written) skip();
  if (status != UF_OK) fail_msg("%s", error.message);
  uf_tensor tensor;
  assert_int_equal(uf_model_constant(model, 0, 1, &tensor, NULL), UF_OK);
  uf_model_release(model);
  assert_memory_equal(tensor.data, behind, 16);
  uf_tensor_release(&tensor);
}

/* Tensor w becomes a string tensor of 2 over these bytes. */
static void set_strings(tiny *t, const int32_t *header, size_t n, const char *characters) {
  static const int32_t two[] = {2};
  uint8_t bytes[64];
  size_t length = strlen(characters);
  memcpy(bytes, header, 4 * n);
  memcpy(bytes + 4 * n, characters, length);
  tiny_make(t);
  tiny_set(t, t->tensor[1], 1, 5, 1);
  tiny_link(t, t->tensor[1], 0, tiny_ints(t, two, 1));
  tiny_link(t, t->buffer[1], 0, fbw_vector(&t->w, bytes, 4 * n + length, 1));
}

static void reads_strings(void **state) {
  static const int32_t good[] = {2, 16, 18, 23}, three[] = {3, 20, 20, 20, 20};
  static const int32_t outside[] = {2, 16, 18, 24}, backwards[] = {2, 16, 15, 23};
  static const int32_t header[] = {2, 12, 18, 23}, none[] = {2, 8};
  tiny t;
  set_strings(&t, good, 4, "hithere");
  uf_model *model = must_open(&t);
  uf_tensor tensor;
  assert_int_equal(uf_model_constant(model, 0, 1, &tensor, NULL), UF_OK);
  uf_model_release(model);
  const uf_string *strings = tensor.data;
  assert_int_equal(strings[0].size, 2);
  assert_memory_equal(strings[0].data, "hi", 2);
  assert_int_equal(strings[1].size, 5);
  assert_memory_equal(strings[1].data, "there", 5);
  uf_tensor_release(&tensor);

  set_strings(&t, three, 5, "");
  expect(&t, UF_DATA_LOSS, "t: tensor #1 'w': expected a buffer with the 2 strings of shape (2,), "
                           "found 3 of them in 20 bytes; the file is damaged");
  set_strings(&t, outside, 4, "hithere");
  expect(&t, UF_DATA_LOSS, "t: tensor #1 'w': expected string 1 inside the tensor's buffer of 23 "
                           "bytes, found bytes 18 to 24; the file is damaged");
  set_strings(&t, backwards, 4, "hithere");
  expect(&t, UF_DATA_LOSS, "t: tensor #1 'w': expected string 0 inside the tensor's buffer of 23 "
                           "bytes, found bytes 16 to 15; the file is damaged");
  set_strings(&t, header, 4, "hithere");
  expect(&t, UF_DATA_LOSS, "t: tensor #1 'w': expected string 0 inside the tensor's buffer of 23 "
                           "bytes, found bytes 12 to 18; the file is damaged");
  set_strings(&t, none, 2, "");
  expect(&t, UF_DATA_LOSS, "t: tensor #1 'w': expected a buffer with the offsets of 2 strings, "
                           "found one of 8 bytes; the file is damaged");
}

static void state_and_empty_tensors(void **state) {
  static const int32_t empty[] = {0, 4};
  tiny t;
  tiny_make(&t);
  tiny_set(&t, t.tensor[1], 5, 1, 1); /* is_variable */
  uf_model *model = must_open(&t);
  uf_value_info value;
  assert_int_equal(uf_model_value(model, 0, 1, &value, NULL), UF_OK);
  assert_int_equal(value.kind, UF_VALUE_STATE);
  uf_model_release(model);

  tiny_make(&t); /* no bytes to store: a constant without a buffer */
  tiny_link(&t, t.tensor[1], 0, tiny_ints(&t, empty, 2));
  tiny_set(&t, t.tensor[1], 2, 0, 4);
  model = must_open(&t);
  uf_tensor tensor;
  assert_int_equal(uf_model_constant(model, 0, 1, &tensor, NULL), UF_OK);
  assert_int_equal(tensor.size, 0);
  uf_tensor_release(&tensor);
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

/* ---- quantization -------------------------------------------------------------------- */

/* Gives tensor w n scales (0.5, 1, ...) and the zero points. */
static size_t set_quant(tiny *t, size_t n, const int64_t *zeros, size_t n_zeros, int32_t axis) {
  float scales[8];
  for (size_t i = 0; i < n; i++) scales[i] = 0.5f * (float)(i + 1);
  tiny_make(t);
  size_t table = fbw_table(&t->w, "--oo1o4");
  tiny_link(t, t->tensor[1], 4, table);
  tiny_drop(t, table, 5);
  tiny_set(t, table, 6, (uint32_t)axis, 4);
  tiny_link(t, table, 2, fbw_vector(&t->w, scales, n, 4));
  fbw_reserve(&t->w, 4, 16); /* so that the int64 elements are aligned */
  if (n_zeros > 0) tiny_link(t, table, 3, fbw_vector(&t->w, zeros, n_zeros, 8));
  else tiny_drop(t, table, 3);
  return table;
}

static const uf_quant *quant_of(uf_model *model) {
  uf_value_info value;
  assert_int_equal(uf_model_value(model, 0, 1, &value, NULL), UF_OK);
  return value.quant;
}

static void reads_quantization(void **state) {
  static const int64_t zeros[] = {3, -4, 5, 6};
  tiny t;
  set_quant(&t, 4, zeros, 4, 0);
  uf_model *model = must_open(&t);
  const uf_quant *q = quant_of(model);
  assert_int_equal(q->count, 4);
  assert_true(q->scales[3] == 2.0f);
  assert_int_equal(q->zero_points[1], -4);
  assert_int_equal(q->axis, 0);
  uf_model_release(model);

  set_quant(&t, 4, zeros, 1, 0); /* one zero point for all */
  model = must_open(&t);
  assert_int_equal(quant_of(model)->zero_points[3], 3);
  uf_model_release(model);

  set_quant(&t, 4, zeros, 0, 3); /* none, and a dimension that w does not have */
  model = must_open(&t);
  assert_int_equal(quant_of(model)->zero_points[3], 0);
  assert_int_equal(quant_of(model)->axis, 0);
  uf_model_release(model);

  set_quant(&t, 3, zeros, 3, 0);
  model = must_open(&t);
  assert_null(quant_of(model));
  uf_model_release(model);

  size_t table = set_quant(&t, 1, zeros, 1, 0);
  size_t details = fbw_table(&t.w, "444o");
  tiny_set(&t, table, 4, 3, 1); /* MultiAxisQuantization */
  tiny_link(&t, table, 5, details);
  tiny_set(&t, t.code, 0, 0, 1);
  tiny_set(&t, t.code, 3, 143, 4);
  model = must_open(&t);
  assert_string_equal(uf_model_unsupported(model, 0),
                      "op #0 READ_VARIABLE 'y': expected affine or blockwise quantization, found "
                      "multi-axis quantization in tensor 'w'; output 'y' cannot be computed");
  uf_model_release(model);
}

/* w (float32 4) is blocks of 2, whose 2 scales are float16 values of tensor x. */
static void reads_blockwise_quantization(void **state) {
  static const uint16_t halves[] = {0x3800, 0x4200}; /* 0.5, 3 */
  static const int32_t two[] = {2};
  tiny t;
  tiny_make(&t);
  tiny_link(&t, t.buffer[2], 0, fbw_vector(&t.w, halves, 4, 1));
  tiny_set(&t, t.tensor[0], 1, 1, 1);
  tiny_set(&t, t.tensor[0], 2, 2, 4);
  tiny_link(&t, t.tensor[0], 0, tiny_ints(&t, two, 1));
  size_t table = fbw_table(&t.w, "----1o4");
  tiny_link(&t, t.tensor[1], 4, table);
  size_t details = fbw_table(&t.w, "444");
  tiny_set(&t, table, 4, 2, 1);
  tiny_link(&t, table, 5, details);
  tiny_set(&t, details, 1, (uint32_t)-1, 4);
  tiny_set(&t, details, 2, 2, 4);
  uf_model *model = must_open(&t);
  const uf_quant *q = quant_of(model);
  assert_int_equal(q->count, 2);
  assert_int_equal(q->block_size, 2);
  assert_true(q->scales[0] == 0.5f && q->scales[1] == 3.0f);
  assert_int_equal(q->zero_points[1], 0);
  uf_model_release(model);

  tiny_set(&t, details, 2, 3, 4);
  model = must_open(&t);
  assert_null(quant_of(model));
  uf_model_release(model);
}

/* ---- sparse constants --------------------------------------------------------------------- */

/* An Int32Vector of the union at field `type` of a DimensionMetadata. */
static void set_list(tiny *t, size_t dim, size_t type, const int32_t *list, size_t n) {
  size_t vector = fbw_table(&t->w, "o");
  tiny_set(t, dim, type, 1, 1);
  tiny_link(t, dim, type + 1, vector);
  tiny_link(t, vector, 0, tiny_ints(t, list, n));
}

/* w becomes (2, 4): row 0 is 0 1 0 2, row 1 is 3 0 0 4, rows dense, columns CSR. */
static size_t set_sparse(tiny *t, size_t *rows_out) {
  static const int32_t shape[] = {2, 4}, order[] = {0, 1}, segments[] = {0, 2, 4};
  static const int32_t indices[] = {1, 3, 0, 3};
  tiny_make(t);
  tiny_link(t, t->tensor[1], 0, tiny_ints(t, shape, 2));
  size_t sparsity = fbw_table(&t->w, "o-o");
  tiny_link(t, t->tensor[1], 6, sparsity);
  tiny_link(t, sparsity, 0, tiny_ints(t, order, 2));
  size_t dims = tiny_room(t, sparsity, 2, 2);
  size_t rows = fbw_table(&t->w, "141o1o"), columns = fbw_table(&t->w, "141o1o");
  fbw_link(&t->w, fbw_element(dims, 0), rows);
  fbw_link(&t->w, fbw_element(dims, 1), columns);
  tiny_set(t, rows, 1, 2, 4);
  tiny_drop(t, rows, 3);
  tiny_drop(t, rows, 5);
  tiny_set(t, columns, 0, 1, 1);
  set_list(t, columns, 2, segments, 3);
  set_list(t, columns, 4, indices, 4);
  *rows_out = rows;
  return columns;
}

static void densifies_sparse_constants(void **state) {
  static const float dense[] = {0, 1, 0, 2, 3, 0, 0, 4};
  static const int32_t beyond[] = {1, 4, 0, 3}, gap[] = {0, 1, 4}, more[] = {0, 2, 5};
  static const int32_t five[] = {1, 3, 0, 3, 3};
  tiny t;
  size_t rows, columns = set_sparse(&t, &rows);
  uf_model *model = must_open(&t);
  uf_tensor tensor;
  assert_int_equal(uf_model_constant(model, 0, 1, &tensor, NULL), UF_OK);
  assert_int_equal(tensor.size, sizeof dense);
  assert_memory_equal(tensor.data, dense, sizeof dense);
  uf_value_info value;
  assert_int_equal(uf_model_value(model, 0, 1, &value, NULL), UF_OK);
  assert_true(value.is_sparse);
  uf_model_release(model);
  uf_tensor_release(&tensor);

#define SPARSE "t: tensor #1 'w': expected valid sparsity parameters, found "
  set_list(&t, columns, 4, beyond, 4);
  expect(&t, UF_DATA_LOSS, SPARSE "an index outside of its dimension; the file is damaged");
  columns = set_sparse(&t, &rows);
  set_list(&t, columns, 2, gap, 2);
  expect(&t, UF_DATA_LOSS,
         SPARSE "too few segments of a compressed dimension; the file is damaged");
  columns = set_sparse(&t, &rows);
  set_list(&t, columns, 2, more, 3);
  expect(&t, UF_DATA_LOSS, SPARSE "segments of a compressed dimension that do not follow one "
                                  "another; the file is damaged");
  set_list(&t, columns, 4, five, 5);
  expect(&t, UF_DATA_LOSS,
         SPARSE "fewer values than the indices speak of; the file is damaged");
  columns = set_sparse(&t, &rows);
  tiny_set(&t, rows, 1, 3, 4);
  expect(&t, UF_DATA_LOSS, SPARSE "a dense dimension of another size than the shape's; the file is "
                                  "damaged");
}

/* ---- calls, budgets, memory ------------------------------------------------------------------ */

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

static void sparse_constants_cannot_take_much_memory(void **state) {
  static const int32_t shape[] = {1 << 20, 1 << 20};
  tiny t;
  size_t rows;
  set_sparse(&t, &rows);
  tiny_set(&t, rows, 1, 1 << 20, 4);
  fbw_put(&t.w, tiny_target(&t, t.tensor[1], 0) + 4, (uint32_t)shape[0], 4);
  fbw_put(&t.w, tiny_target(&t, t.tensor[1], 0) + 8, (uint32_t)shape[1], 4);
  uf_model *model = NULL;
  uf_error error = {0};
  assert_int_equal(open_bytes(t.w.data, t.w.n, &model, &error), UF_RESOURCE_EXHAUSTED);
  assert_non_null(strstr(error.message, "expected constants that unpack to at most"));
}

/* Every allocation of an open fails once; none of it leaks (the sanitizers watch). */
static void sweep(const tiny *t) {
  for (int64_t n = 1;; n++) {
    assert_true(n < 10000);
    uf_buf *buf = copy_of(t->w.data, t->w.n);
    uf_model *model = NULL;
    uf_error error = {0};
    ufi_fail_allocation(n);
    uf_status status = uf_model_open_buf(buf, NULL, &model, &error);
    ufi_fail_allocation(0);
    uf_buf_release(buf);
    if (status == UF_OK) {
      uf_model_release(model);
      if (n > 1) return;
    }
    assert_int_equal(status, UF_RESOURCE_EXHAUSTED);
  }
}

static void every_allocation_may_fail(void **state) {
  static const int32_t strings[] = {2, 16, 18, 23};
  static const int64_t zeros[] = {1, 2, 3, 4};
  tiny t;
  size_t rows;
  tiny_make(&t);
  sweep(&t);
  set_sparse(&t, &rows);
  sweep(&t);
  set_strings(&t, strings, 4, "hithere");
  sweep(&t);
  set_quant(&t, 4, zeros, 2, 0);
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
    cmocka_unit_test(checks_the_size_of_constants),
    cmocka_unit_test(copies_unaligned_constants),
    cmocka_unit_test(reads_buffers_behind_the_flatbuffer),
    cmocka_unit_test(reads_files_above_4_gib),
    cmocka_unit_test(reads_strings),
    cmocka_unit_test(state_and_empty_tensors),
    cmocka_unit_test(ops_that_lack_a_value_are_listed),
    cmocka_unit_test(reads_quantization),
    cmocka_unit_test(reads_blockwise_quantization),
    cmocka_unit_test(densifies_sparse_constants),
    cmocka_unit_test(finds_calls_that_never_end),
    cmocka_unit_test(small_files_cannot_take_much_memory),
    cmocka_unit_test(sparse_constants_cannot_take_much_memory),
    cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
