/* SPDX-License-Identifier: Apache-2.0
 *
 * tflite_tensors.c: the tensors of a subgraph become values.
 *
 * A tensor whose buffer has bytes is a constant (or, when is_variable, state
 * with a first value); one without is an activation. Constants stay where they
 * are in the file, and none of their bytes is touched here, with three
 * exceptions that get memory of their own: strings, sparse constants, and data
 * that is not aligned to its element size.
 *
 * String tensors are packed: int32 count n, n + 1 int32 offsets from the start
 * of the buffer, then the characters; string i is [offset i, offset i + 1).
 */
#include "graph/tflite.h"

/* ---- shape -------------------------------------------------------------------- */

/* `list` into dims. lowest: 0 for a shape, -1 for a signature. */
static uf_status read_dims(ufi_tflite *r, const ufi_fb_vector *list, const char *what,
                           int32_t lowest, int64_t dims[UF_MAX_RANK]) {
  if (list->count > UF_MAX_RANK) {
    return ufi_fail(r->error, UF_UNIMPLEMENTED, "expected a %s of at most %d dimensions, found %u",
                    what, UF_MAX_RANK, list->count);
  }
  for (uint32_t d = 0; d < list->count; d++) {
    dims[d] = ufi_fb_vec_i32(list, d);
    if (dims[d] < lowest) {
      return ufi_fail(r->error, UF_DATA_LOSS, "expected a %s with dimensions of %d or more, found "
                      "%d in dimension %u; the file is damaged", what, (int)lowest, (int)dims[d], d);
    }
  }
  return UF_OK;
}

static uf_status read_shape(ufi_tflite *r, ufi_value *value, const ufi_fb_table *table) {
  ufi_fb_vector shape = ufi_fb_vec(table, TENSOR_SHAPE, 4);
  ufi_fb_vector signature = ufi_fb_vec(table, TENSOR_SHAPE_SIGNATURE, 4);
  bool has_rank = ufi_fb_bool(table, TENSOR_HAS_RANK, false);
  UFI_TRY(ufi_tflite_ok(r));
  UFI_TRY(read_dims(r, &shape, "shape", 0, value->dims));
  UFI_TRY(read_dims(r, &signature, "shape signature", -1, value->dims_signature));
  value->rank = (int32_t)shape.count;
  value->signature_rank = (int32_t)signature.count;
  r->says_rank |= has_rank;
  /* No dimensions and no rank: settled when it is known if this file uses has_rank. */
  if (shape.count == 0 && !has_rank) value->rank = -1;
  int64_t count;
  size_t bytes;
  if (!ufi_shape_count(UFI_MAX(value->rank, 0), value->dims, &count) ||
      !ufi_dtype_bytes(value->dtype, count, &bytes)) {
    char text[UFI_SHAPE_TEXT];
    return ufi_fail(r->error, UF_DATA_LOSS, "expected a shape whose bytes can be counted, found %s "
                    "of %s; the file is damaged", ufi_shape_text(value->rank, value->dims, text),
                    uf_dtype_name(value->dtype));
  }
  return UF_OK;
}

/* Elements of a value whose shape was checked; an unknown rank counts as a scalar. */
static int64_t value_count(const ufi_value *value) {
  int64_t count = 1;
  for (int32_t d = 0; d < value->rank; d++) count *= value->dims[d];
  return count;
}

/* ---- constants ------------------------------------------------------------------- */

/* Takes `buf` as the value's memory. */
static void own(ufi_value *value, uf_buf *buf, size_t size) {
  value->buf = buf;
  value->data = uf_buf_data(buf);
  value->size = size;
}

/* Checks the packed strings and points elements at them. */
static uf_status unpack_strings(ufi_tflite *r, const uint8_t *data, size_t size, size_t n,
                                uf_string *elements) {
  size_t header = 4 * (n + 2); /* n, and n + 1 offsets */
  size_t begin = ufi_load32(data + 4);
  for (size_t i = 0; i < n; i++) {
    size_t end = ufi_load32(data + 8 + 4 * i);
    if (begin < header || end < begin || end > size) {
      return ufi_fail(r->error, UF_DATA_LOSS, "expected string %zu inside the tensor's buffer of "
                      "%zu bytes, found bytes %zu to %zu; the file is damaged", i, size, begin, end);
    }
    elements[i] = (uf_string){(const char *)data + begin, end - begin};
    begin = end;
  }
  return UF_OK;
}

static uf_status read_strings(ufi_tflite *r, ufi_value *value, const uint8_t *data, size_t size) {
  int64_t count = value_count(value);
  int64_t stored = size >= 4 ? (int32_t)ufi_load32(data) : -1;
  if (stored != count) {
    char text[UFI_SHAPE_TEXT];
    return ufi_fail(r->error, UF_DATA_LOSS, "expected a buffer with the %lld strings of shape %s, "
                    "found %lld of them in %zu bytes; the file is damaged", (long long)count,
                    ufi_shape_text(UFI_MAX(value->rank, 0), value->dims, text), (long long)stored,
                    size);
  }
  size_t n = (size_t)count; /* below 2^31 */
  if (count > 0 && (size < 8 || n + 2 > size / 4)) {
    return ufi_fail(r->error, UF_DATA_LOSS, "expected a buffer with the offsets of %zu strings, "
                    "found one of %zu bytes; the file is damaged", n, size);
  }
  UFI_TRY(ufi_tflite_own(r, n * sizeof(uf_string) + size));
  uf_string *elements = ufi_malloc(n * sizeof *elements + 1);
  if (!elements) return ufi_no_memory(r->error, n * sizeof *elements);
  uf_buf *buf = NULL;
  uf_status status = unpack_strings(r, data, size, n, elements);
  if (status == UF_OK) status = ufi_strings_pack(elements, count, &buf, r->error);
  ufi_free(elements);
  if (status == UF_OK) own(value, buf, n * sizeof(uf_string));
  return status;
}

/* Memory of its own for data that an aligned load would fault on. */
static uf_status copy_unaligned(ufi_tflite *r, ufi_value *value) {
  UFI_TRY(ufi_tflite_own(r, value->size));
  uf_buf *buf = uf_buf_create(value->size);
  if (!buf) return ufi_no_memory(r->error, value->size);
  memcpy(uf_buf_data(buf), value->data, value->size);
  own(value, buf, value->size);
  return UF_OK;
}

/* A buffer may be larger than its tensor, as TFLite allows; the rest is not
 * looked at. */
static uf_status read_dense(ufi_tflite *r, ufi_value *value, const uint8_t *data, size_t size) {
  size_t bytes = 0;
  (void)ufi_dtype_bytes(value->dtype, value_count(value), &bytes);
  if (size < bytes) {
    char text[UFI_SHAPE_TEXT];
    return ufi_fail(r->error, UF_DATA_LOSS, "expected a buffer of %zu bytes for %s of %s, found "
                    "one of %zu bytes; the file is damaged", bytes,
                    ufi_shape_text(UFI_MAX(value->rank, 0), value->dims, text),
                    uf_dtype_name(value->dtype), size);
  }
  value->data = data;
  value->size = bytes;
  size_t alignment = UFI_MIN((size_t)uf_dtype_bits(value->dtype) / 8, sizeof(double));
  return alignment > 1 && (uintptr_t)data % alignment != 0 ? copy_unaligned(r, value) : UF_OK;
}

static uf_status read_content(ufi_tflite *r, ufi_graph *graph, int32_t i, const ufi_fb_table *table,
                              const uint8_t *data, size_t size) {
  ufi_value *value = &graph->values[i];
  ufi_fb_table sparsity = ufi_fb_sub(table, TENSOR_SPARSITY);
  UFI_TRY(ufi_tflite_ok(r));
  if (value->rank < 0) value->rank = 0; /* a constant's shape is always known */
  if (sparsity.fb) {
    value->is_sparse = true;
    return ufi_tflite_densify(r, graph, i, &sparsity, data, size);
  }
  if (value->dtype == UF_STRING) return read_strings(r, value, data, size);
  return read_dense(r, value, data, size);
}

static uf_status external(ufi_tflite *r, ufi_graph *graph, int32_t i, uint32_t id) {
  return ufi_tflite_block(r, graph, i, ufi_tflite_text(r,
      "expected data in the file, found tensor '%.64s' whose data is in external buffer %u, a file "
      "that this library does not read", graph->values[i].name, id));
}

/* Sets kind and data. */
static uf_status read_data(ufi_tflite *r, ufi_graph *graph, int32_t i, const ufi_fb_table *table) {
  ufi_value *value = &graph->values[i];
  uint32_t id = ufi_fb_u32(table, TENSOR_EXTERNAL_BUFFER, 0);
  bool is_variable = ufi_fb_bool(table, TENSOR_IS_VARIABLE, false);
  const uint8_t *data;
  size_t size;
  UFI_TRY(ufi_tflite_buffer(r, ufi_fb_u32(table, TENSOR_BUFFER, 0), &data, &size));
  value->kind = is_variable ? UF_VALUE_STATE : UF_VALUE_ACTIVATION;
  if (id != 0) return external(r, graph, i, id);
  /* Handles have no bytes; ones that a file brings would mean nothing. */
  if (size == 0 || value->dtype == UF_RESOURCE || value->dtype == UF_VARIANT) return UF_OK;
  if (!is_variable) value->kind = UF_VALUE_CONSTANT;
  UFI_TRY(read_content(r, graph, i, table, data, size));
  if (is_variable) {
    value->initial = value->data;
    value->data = NULL;
  }
  return UF_OK;
}

/* ---- tensors ------------------------------------------------------------------------ */

static uf_status read_tensor(ufi_tflite *r, ufi_graph *graph, int32_t i,
                             const ufi_fb_table *table) {
  ufi_value *value = &graph->values[i];
  value->name = ufi_fb_string(table, TENSOR_NAME);
  value->producer = -1;
  int32_t type = ufi_fb_i8(table, TENSOR_TYPE, 0);
  UFI_TRY(ufi_tflite_ok(r));
  value->dtype = ufi_dtype_from_tflite(type);
  if (value->dtype == UF_INVALID) {
    return ufi_fail(r->error, UF_UNIMPLEMENTED, "expected a tensor type from 0 to 22, found %d; "
                    "the file is damaged or newer than this library", (int)type);
  }
  UFI_TRY(read_shape(r, value, table));
  UFI_TRY(read_data(r, graph, i, table));
  return ufi_tflite_quant(r, graph, i, table);
}

/* Calls read for each tensor, and puts its number and name before an error. */
static uf_status each_tensor(ufi_tflite *r, ufi_graph *graph, const ufi_fb_vector *tensors,
                             uf_status (*read)(ufi_tflite *, ufi_graph *, int32_t,
                                               const ufi_fb_table *)) {
  for (uint32_t i = 0; i < tensors->count; i++) {
    ufi_fb_table table = ufi_fb_vec_table(tensors, i);
    uf_status status = read(r, graph, (int32_t)i, &table);
    if (status != UF_OK) {
      const char *name = graph->values[i].name;
      ufi_error_prefix(r->error, "tensor #%u '%.64s'", i, name ? name : "");
      return status;
    }
  }
  return UF_OK;
}

uf_status ufi_tflite_tensors(ufi_tflite *r, ufi_graph *graph, const ufi_fb_table *subgraph) {
  ufi_fb_vector tensors = ufi_fb_vec(subgraph, GRAPH_TENSORS, 4);
  UFI_TRY(ufi_tflite_ok(r));
  if (tensors.count == 0) return UF_OK;
  UFI_TRY(ufi_tflite_spend(r, tensors.count));
  graph->values = ufi_tflite_array(r, tensors.count, sizeof *graph->values);
  if (!graph->values) return UF_RESOURCE_EXHAUSTED;
  graph->n_values = (int32_t)tensors.count;
  UFI_TRY(each_tensor(r, graph, &tensors, read_tensor));
  return each_tensor(r, graph, &tensors, ufi_tflite_blockwise);
}
