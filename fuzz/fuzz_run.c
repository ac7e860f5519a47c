/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_run.c: opens any bytes as a TFLite model, runs every graph of it on zeros
 * and reads every tensor, within small limits of memory and steps. A crash, a
 * sanitizer report or a leak is a bug; so is a run that does not end.
 *
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz/fuzz_run.c
 *
 * fuzz/replay_corpus.c runs the same function over fuzz/corpus in the normal tests.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "unflow.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t max_size, unsigned seed);

#define MAX_STEPS 2000
#define MAX_BYTES ((size_t)1 << 22)
#define MAX_VALUES 200

static volatile uint32_t sink; /* so that reads are not optimised away */

static void touch(const uf_tensor *t) {
  uint32_t sum = 0;
  for (size_t i = 0; i < t->size; i += 61) sum += ((const uint8_t *)t->data)[i];
  if (t->size) sum += ((const uint8_t *)t->data)[t->size - 1];
  const uf_string *strings = t->dtype == UF_STRING ? t->data : NULL;
  for (int64_t i = 0; strings && i < uf_tensor_count(t); i++) {
    for (size_t k = 0; k < strings[i].size; k++) sum += (uint8_t)strings[i].data[k];
  }
  sink += sum;
}

static void read_all(uf_session *session, int32_t graph, int32_t n_values) {
  for (int32_t v = 0; v < n_values && v < MAX_VALUES; v++) {
    uf_tensor t;
    if (uf_session_read(session, graph, v, &t, NULL) != UF_OK) continue;
    touch(&t);
    uf_tensor_release(&t);
  }
}

static void read_state(uf_session *session) {
  int32_t n;
  uf_error error;
  if (uf_session_state_count(session, &n, &error) != UF_OK) return;
  for (int32_t i = 0; i < n && i < MAX_VALUES; i++) {
    uf_tensor t;
    if (uf_session_state_read(session, i, &t, NULL) == UF_OK) {
      touch(&t);
      uf_tensor_release(&t);
    }
    if (uf_session_state_keys(session, i, &t, NULL) == UF_OK) {
      touch(&t);
      uf_tensor_release(&t);
    }
  }
}

static void run_graph(uf_session *session, uf_model *model, int32_t graph) {
  uf_graph_info info;
  uf_error error;
  if (uf_model_graph(model, graph, &info, NULL) != UF_OK) return;
  read_all(session, graph, info.n_values);
  for (int step = 0; step < 2; step++) {
    (void)uf_session_run(session, graph, &error);
    read_all(session, graph, info.n_values);
  }
  if (info.n_inputs > 0) { /* another shape: one more along the first dimension */
    uf_tensor t;
    if (uf_session_shape(session, graph, info.inputs[0], &t, NULL) != UF_OK || t.rank == 0) return;
    t.dims[0]++;
    if (uf_session_resize(session, graph, info.inputs[0], t.rank, t.dims, false, NULL) != UF_OK) return;
    (void)uf_session_run(session, graph, NULL);
    read_all(session, graph, info.n_values);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  uf_session_options options = {.struct_size = sizeof options, .max_steps = MAX_STEPS, .max_bytes = MAX_BYTES};
  uf_model_info info;
  uf_session *session;
  uf_model *model;
  uf_buf *buf = uf_buf_create(size);
  if (buf == NULL) return 0;
  if (size) memcpy(uf_buf_data(buf), bytes, size);
  uf_status status = uf_model_open_buf(buf, NULL, &model, NULL);
  uf_buf_release(buf);
  if (status != UF_OK) return 0;
  uf_model_describe(model, &info);
  if (uf_session_create(model, &options, &session, NULL) == UF_OK) {
    for (int32_t g = 0; g < info.n_graphs && g < 8; g++) run_graph(session, model, g);
    read_state(session);
    uf_session_reset(session);
    run_graph(session, model, 0);
    uf_session_release(session);
  }
  uf_model_release(model);
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
