/* SPDX-License-Identifier: Apache-2.0
 *
 * test_constants.c: what a file says about its tensors' data: constants in the
 * file, behind it, unaligned, as strings, sparse; and their quantization.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "openbytes.h"

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
  static const float dense[] = {0, 1, 0, 2, 3, 0, 0, 4}, stored[] = {1, 2, 3, 4};
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
  uf_tensor_release(&tensor);
  const uf_sparsity *s = value.sparsity;
  assert_int_equal(s->n_levels, 2);
  assert_int_equal(s->n_blocks, 0);
  assert_int_equal(s->traversal_order[1], 1);
  assert_true(s->levels[0].is_dense && s->levels[0].dense_size == 2);
  assert_false(s->levels[1].is_dense);
  assert_int_equal(s->levels[1].segments.count, 3);
  assert_int_equal(s->levels[1].indices.count, 4);
  assert_int_equal(uf_model_sparse_values(model, 0, 1, &tensor, NULL), UF_OK);
  assert_true(tensor.rank == 1 && tensor.dims[0] == 4 && tensor.dtype == UF_FLOAT32);
  assert_memory_equal(tensor.data, stored, sizeof stored);
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

/* ---- memory ---------------------------------------------------------------------- */

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

static void every_allocation_may_fail(void **state) {
  static const int32_t strings[] = {2, 16, 18, 23};
  static const int64_t zeros[] = {1, 2, 3, 4};
  tiny t;
  size_t rows;
  set_sparse(&t, &rows);
  sweep(&t);
  set_strings(&t, strings, 4, "hithere");
  sweep(&t);
  set_quant(&t, 4, zeros, 2, 0);
  sweep(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(checks_the_size_of_constants),
    cmocka_unit_test(copies_unaligned_constants),
    cmocka_unit_test(reads_buffers_behind_the_flatbuffer),
    cmocka_unit_test(reads_files_above_4_gib),
    cmocka_unit_test(reads_strings),
    cmocka_unit_test(state_and_empty_tensors),
    cmocka_unit_test(reads_quantization),
    cmocka_unit_test(reads_blockwise_quantization),
    cmocka_unit_test(densifies_sparse_constants),
    cmocka_unit_test(sparse_constants_cannot_take_much_memory),
    cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests_name("constants", tests, NULL, NULL);
}
