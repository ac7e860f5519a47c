/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_tflite.c: opens any bytes as a TFLite model and asks for everything it
 * says it has. A crash, a sanitizer report, a leak, or a minute without an
 * answer is a bug.
 *
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz/fuzz_tflite.c
 *
 * fuzz/replay_corpus.c runs the same function over fuzz/corpus in the normal tests.
 */
#include <stdint.h>
#include <string.h>

#include "unflow.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static volatile uint32_t sink; /* so that reads are not optimised away */

static void touch(const void *bytes, size_t size) {
  uint32_t sum = 0;
  for (size_t i = 0; i < size; i++) sum += ((const uint8_t *)bytes)[i];
  sink += sum;
}

static void touch_quant(const uf_quant *quant) {
  if (!quant) return;
  touch(quant->scales, (size_t)quant->count * sizeof *quant->scales);
  touch(quant->zero_points, (size_t)quant->count * sizeof *quant->zero_points);
}

static void read_constant(uf_model *model, int32_t graph, int32_t value) {
  uf_tensor tensor;
  if (uf_model_constant(model, graph, value, &tensor, NULL) != UF_OK) return;
  touch(tensor.data, tensor.size);
  if (tensor.dtype == UF_STRING) {
    const uf_string *strings = tensor.data;
    for (int64_t i = 0; i < uf_tensor_count(&tensor); i++) touch(strings[i].data, strings[i].size);
  }
  uf_tensor_release(&tensor);
}

static void read_sparse(uf_model *model, int32_t graph, int32_t value, const uf_sparsity *s) {
  uf_tensor tensor;
  touch(s->traversal_order, (size_t)s->n_levels * sizeof *s->traversal_order);
  touch(s->block_map, (size_t)s->n_blocks * sizeof *s->block_map);
  for (int32_t l = 0; l < s->n_levels; l++) {
    const uf_index_list *lists[] = {&s->levels[l].segments, &s->levels[l].indices};
    for (int k = 0; k < 2; k++)
      touch(lists[k]->data, (size_t)lists[k]->count * (size_t)uf_dtype_bits(lists[k]->dtype) / 8);
  }
  if (uf_model_sparse_values(model, graph, value, &tensor, NULL) != UF_OK) return;
  touch(tensor.data, tensor.size);
  uf_tensor_release(&tensor);
}

static void read_value(uf_model *model, int32_t graph, int32_t i) {
  uf_value_info info;
  uf_error error;
  int32_t found;
  if (uf_model_value(model, graph, i, &info, NULL) != UF_OK) return;
  touch(info.name, strlen(info.name));
  touch_quant(info.quant);
  if (info.sparsity) read_sparse(model, graph, i, info.sparsity);
  if (i < 64) (void)uf_model_find_value(model, graph, info.name, &found, &error);
  read_constant(model, graph, i);
}

static void read_node(const uf_model *model, int32_t graph, int32_t i) {
  uf_node_info info;
  if (uf_model_node(model, graph, i, &info, NULL) != UF_OK) return;
  touch(info.op, strlen(info.op));
  touch(info.name, strlen(info.name));
  touch(info.inputs, (size_t)info.n_inputs * sizeof *info.inputs);
  touch(info.outputs, (size_t)info.n_outputs * sizeof *info.outputs);
}

static void read_graph(uf_model *model, int32_t graph) {
  uf_graph_info info;
  uf_error error;
  int32_t found;
  if (uf_model_graph(model, graph, &info, NULL) != UF_OK) return;
  touch(info.name, strlen(info.name));
  for (int32_t i = 0; i < info.n_values; i++) read_value(model, graph, i);
  for (int32_t i = 0; i < info.n_nodes; i++) read_node(model, graph, i);
  if (graph < 4) (void)uf_model_find_value(model, graph, "no such/name", &found, &error);
}

static void read_signature(const uf_model *model, int32_t i) {
  uf_signature_info info;
  if (uf_model_signature(model, i, &info, NULL) != UF_OK) return;
  touch(info.key, strlen(info.key));
  for (int32_t k = 0; k < info.n_inputs; k++) touch(info.input_names[k], strlen(info.input_names[k]));
  for (int32_t k = 0; k < info.n_outputs; k++) {
    touch(info.output_names[k], strlen(info.output_names[k]));
  }
}

static void read_extras(uf_model *model) {
  uf_buf *bytes;
  int32_t n = 0;
  if (uf_model_metadata_json(model, &bytes, NULL) == UF_OK) {
    touch(uf_buf_data(bytes), uf_buf_size(bytes));
    uf_buf_release(bytes);
  }
  (void)uf_model_file_count(model, &n, NULL);
  for (int32_t i = 0; i < n; i++) {
    const char *name;
    size_t name_size;
    uint64_t size;
    if (uf_model_file(model, i, &name, &name_size, &size, NULL) == UF_OK) touch(name, name_size);
    if (uf_model_file_read(model, i, &bytes, NULL) != UF_OK) continue;
    touch(uf_buf_data(bytes), uf_buf_size(bytes));
    uf_buf_release(bytes);
  }
}

static void read_model(uf_model *model) {
  uf_model_info info;
  uf_model_describe(model, &info);
  for (int32_t g = 0; g < info.n_graphs; g++) read_graph(model, g);
  for (int32_t i = 0; i < info.n_signatures; i++) read_signature(model, i);
  for (int32_t i = 0; i < info.n_metadata; i++) {
    const char *name;
    const void *data;
    size_t size;
    if (uf_model_metadata(model, i, &name, &data, &size, NULL) == UF_OK) touch(data, size);
  }
  for (int32_t i = 0; i < info.n_unsupported; i++) {
    const char *line = uf_model_unsupported(model, i);
    touch(line, strlen(line));
  }
  read_extras(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  uf_buf *buf = uf_buf_create(size);
  if (!buf) return 0;
  if (size > 0) memcpy(uf_buf_data(buf), bytes, size);
  uf_model *model = NULL;
  uf_error error = {0};
  if (uf_model_open_buf(buf, NULL, &model, &error) == UF_OK) {
    read_model(model);
    uf_model_release(model);
  } else if (error.message[0] == 0) {
    __builtin_trap(); /* every failure has words */
  }
  uf_buf_release(buf);
  return 0;
}
