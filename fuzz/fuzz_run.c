/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_run.c: opens any bytes as a TFLite model, gives its inputs values that
 * come from the bytes too, runs it and reads every tensor and all state.
 *
 * Models that ask for much work on purpose are left out, since they would only
 * tell that a loop can be long: WHILE, and tensors above a megabyte.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "unflow.h"

#define MAX_BYTES ((int64_t)1 << 20) /* of one tensor as the file has it */
#define MAX_NODES 200

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t max_size, unsigned seed);

static volatile uint32_t sink;

static void touch(const void *bytes, size_t size) {
  uint32_t sum = 0;
  for (size_t i = 0; i < size; i++) sum += ((const uint8_t *)bytes)[i];
  sink += sum;
}

/* True when the graph is small enough to be run. */
static bool is_small(const uf_model *model, int32_t graph) {
  uf_graph_info info;
  if (uf_model_graph(model, graph, &info, NULL) != UF_OK || info.n_nodes > MAX_NODES) return false;
  for (int32_t i = 0; i < info.n_nodes; i++) {
    uf_node_info node;
    if (uf_model_node(model, graph, i, &node, NULL) != UF_OK) return false;
    if (strcmp(node.op, "WHILE") == 0) return false;
  }
  for (int32_t i = 0; i < info.n_values; i++) {
    uf_value_info value;
    if (uf_model_value(model, graph, i, &value, NULL) != UF_OK) return false;
    int64_t count = 16;
    for (int32_t d = 0; d < value.rank; d++) {
      if (value.dims[d] > MAX_BYTES) return false;
      count *= value.dims[d] > 0 ? value.dims[d] : 1;
      if (count > MAX_BYTES) return false;
    }
  }
  return true;
}

/* Small numbers for most types, any bytes for one input in four. */
static void fill(uf_tensor *tensor, uint32_t *seed) {
  uint8_t *out = tensor->data;
  if (tensor->dtype == UF_STRING || tensor->dtype == UF_RESOURCE || tensor->dtype == UF_VARIANT) {
    return;
  }
  bool any = (*seed >> 10) % 4 == 0;
  for (size_t i = 0; i < tensor->size; i++) {
    *seed = *seed * 1664525u + 1013904223u;
    out[i] = any ? (uint8_t)(*seed >> 16) : 0;
  }
  if (any) return;
  for (int64_t i = 0; i < uf_tensor_count(tensor); i++) {
    *seed = *seed * 1664525u + 1013904223u;
    int small = (int)(*seed >> 24) % 7 - 2;
    float real = (float)small * 0.75f;
    int bits = uf_dtype_bits(tensor->dtype);
    if (tensor->dtype == UF_FLOAT32) memcpy(out + 4 * i, &real, 4);
    else if (tensor->dtype == UF_BOOL) out[i] = small > 0;
    else if (bits >= 8) memset(out + i * bits / 8, small < 0 ? 0xff : 0, (size_t)bits / 8);
    if (bits >= 8 && tensor->dtype != UF_FLOAT32) out[i * bits / 8] = (uint8_t)small;
    if (tensor->dtype == UF_BOOL) out[i] &= 1;
  }
}

static void set_inputs(uf_session *session, int32_t graph, const uf_graph_info *info,
                       uint32_t *seed) {
  for (int32_t i = 0; i < info->n_inputs; i++) {
    uf_tensor tensor;
    if (uf_session_live(session, graph, info->inputs[i], &tensor, NULL) != UF_OK) continue;
    if (tensor.data) fill(&tensor, seed);
    uf_tensor_release(&tensor);
  }
}

static void read_value(uf_session *session, int32_t graph, int32_t value) {
  uf_tensor tensor;
  uf_error error = {0};
  if (uf_session_read(session, graph, value, &tensor, &error) != UF_OK) {
    if (error.message[0] == 0) __builtin_trap(); /* every failure has words */
    return;
  }
  touch(tensor.data, tensor.size);
  if (tensor.dtype == UF_STRING) {
    const uf_string *strings = tensor.data;
    for (int64_t i = 0; i < uf_tensor_count(&tensor); i++) touch(strings[i].data, strings[i].size);
  }
  uf_tensor_release(&tensor);
}

static void read_state(uf_session *session) {
  int32_t n = 0;
  if (uf_session_state_count(session, &n, NULL) != UF_OK) return;
  for (int32_t i = 0; i < n; i++) {
    uf_tensor tensor;
    if (uf_session_state_read(session, i, &tensor, NULL) != UF_OK) continue;
    touch(tensor.data, tensor.size);
    uf_tensor_release(&tensor);
  }
}

static void run_graph(uf_session *session, const uf_model *model, int32_t graph, uint32_t *seed) {
  uf_graph_info info;
  uf_error error = {0};
  if (uf_model_graph(model, graph, &info, NULL) != UF_OK) return;
  if (uf_session_allocate(session, graph, &error) != UF_OK) return;
  for (int step = 0; step < 2; step++) {
    set_inputs(session, graph, &info, seed);
    if (uf_session_run(session, graph, &error) != UF_OK) break;
    for (int32_t i = 0; i < info.n_values; i++) read_value(session, graph, i);
  }
}

static void run_model(uf_model *model, uint32_t seed) {
  uf_model_info info;
  uf_session *session = NULL, *fork = NULL;
  uf_model_describe(model, &info);
  if (info.n_graphs > 8) return;
  for (int32_t g = 0; g < info.n_graphs; g++) {
    if (!is_small(model, g)) return;
  }
  if (uf_session_create(model, NULL, &session, NULL) != UF_OK) return;
  for (int32_t g = 0; g < info.n_graphs; g++) run_graph(session, model, g, &seed);
  read_state(session);
  if (uf_session_fork(session, &fork, NULL) == UF_OK) run_graph(fork, model, 0, &seed);
  uf_session_release(session);
  uf_session_release(fork);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  uf_buf *buf = uf_buf_create(size);
  if (!buf) return 0;
  if (size > 0) memcpy(uf_buf_data(buf), bytes, size);
  uf_model *model = NULL;
  if (uf_model_open_buf(buf, NULL, &model, NULL) == UF_OK) {
    run_model(model, (uint32_t)size);
    uf_model_release(model);
  }
  uf_buf_release(buf);
  return 0;
}

/* Most words of a model file are offsets, and a file with a changed offset only
 * fails to open. Shapes, indices, options and small constants are small numbers:
 * those are changed, to numbers that ops may have forgotten. */
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t max_size, unsigned seed) {
  static const int32_t values[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 63, 64, 100, 127, 128,
                                   255, 256, 1000, 65535, 65536, 1 << 20, 1 << 30, INT32_MAX,
                                   INT32_MIN, -1, -2, -3, -4, -8, -128, 0x3f800000, 0x7f800000,
                                   0x7fc00000, (int32_t)0xbf800000, 0x00800000};
  srand(seed); /* of the fuzzer's own process: reproducible from its seed */
  if (size < 8) return size;
  for (int change = 1 + rand() % 3, tries = 0; change > 0 && tries < 4000; tries++) {
    size_t at = 4 * ((size_t)rand() % (size / 4));
    int32_t word;
    memcpy(&word, bytes + at, 4);
    if (rand() % 16 == 0) {
      bytes[at + (size_t)rand() % 4] = (uint8_t)(rand() % 4 ? rand() % 24 : rand());
      change--;
    } else if (word >= -64 && word <= 64) {
      word = rand() % 4 ? values[(size_t)rand() % (sizeof values / sizeof *values)] : word + rand() % 5 - 2;
      memcpy(bytes + at, &word, 4);
      change--;
    }
  }
  return size;
}
