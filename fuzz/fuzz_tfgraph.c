/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_tfgraph.c: reads any bytes as a TensorFlow graph, asks for all of it, and
 * runs it on zeros: once with everything fetched that no placeholder feeds,
 * within small limits of memory and steps. Graphs that would write files are
 * only read.
 *
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz/fuzz_tfgraph.c
 *
 * fuzz/replay_corpus.c runs the same function over fuzz/corpus in the normal tests.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "unflow.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define MAX_STEPS 2000
#define MAX_BYTES ((size_t)1 << 22)
#define MAX_VALUES 400

typedef struct plan {
  int32_t feeds[MAX_VALUES], fetches[MAX_VALUES];
  int32_t n_feeds, n_fetches;
} plan;

static bool touches_files(const char *op) {
  return strstr(op, "File") || strstr(op, "Save") || strcmp(op, "MergeV2Checkpoints") == 0;
}

static bool make_plan(uf_builder *b, plan *p) {
  uf_built_node node;
  uf_built_value value;
  for (int32_t i = 0; i < uf_builder_count(b); i++) {
    if (uf_builder_node(b, i, &node, NULL) != UF_OK || touches_files(node.op)) return false;
    for (int32_t k = 0; k < node.n_outputs; k++) {
      if (uf_builder_value(b, node.first_value + k, &value, NULL) != UF_OK) return false;
      bool is_fed = strncmp(node.op, "Placeholder", 11) == 0;
      int32_t *n = is_fed ? &p->n_feeds : &p->n_fetches;
      if (*n < MAX_VALUES) (is_fed ? p->feeds : p->fetches)[(*n)++] = node.first_value + k;
    }
  }
  return true;
}

/* Zeros for a fed value: dimensions that are not known are 2. */
static bool make_input(uf_builder *b, int32_t index, uf_tensor *out) {
  uf_built_value value;
  size_t bytes = 16;
  if (uf_builder_value(b, index, &value, NULL) != UF_OK || value.dtype == UF_RESOURCE || value.dtype == UF_VARIANT) return false;
  *out = (uf_tensor){.dtype = value.dtype, .rank = value.shape.rank < 0 ? 0 : value.shape.rank};
  for (int32_t d = 0; d < out->rank; d++) {
    out->dims[d] = value.shape.dims[d] < 0 ? 2 : value.shape.dims[d];
    if (out->dims[d] > 64) return false;
    bytes *= (size_t)out->dims[d];
    if (bytes > MAX_BYTES) return false;
  }
  out->size = (size_t)((uf_tensor_count(out) * uf_dtype_bits(value.dtype) + 7) / 8);
  out->buf = uf_buf_create(bytes + 16);
  if (!out->buf) return false;
  memset(uf_buf_data(out->buf), 0, bytes + 16);
  out->data = uf_buf_data(out->buf);
  return true;
}

/* One fetch at a time: one that fails must not hide the others. */
static void run_one(uf_builder *b, const plan *p, const uf_tensor *const *inputs, int32_t fetch) {
  uf_session_options options = {.struct_size = sizeof options, .max_steps = MAX_STEPS, .max_bytes = MAX_BYTES};
  uf_prune what = {.struct_size = sizeof what, .feeds = p->feeds, .n_feeds = p->n_feeds, .fetches = &fetch, .n_fetches = 1};
  uf_model *model;
  uf_session *session;
  uf_tensor out;
  uf_error error;
  if (uf_builder_model(b, &what, &model, &error) != UF_OK) return;
  if (uf_session_create(model, &options, &session, &error) == UF_OK) {
    for (int step = 0; step < 2; step++) {
      if (uf_session_call(session, inputs, p->n_feeds, &out, 1, &error) == UF_OK) uf_tensor_release(&out);
    }
    uf_session_release(session);
  }
  uf_model_release(model);
}

static void run_all(uf_builder *b, const plan *p) {
  uf_tensor inputs[MAX_VALUES];
  const uf_tensor *pointers[MAX_VALUES];
  int32_t n = 0;
  while (n < p->n_feeds && make_input(b, p->feeds[n], &inputs[n])) {
    pointers[n] = &inputs[n];
    n++;
  }
  if (n == p->n_feeds) {
    int32_t step = p->n_fetches / 24 + 1;
    for (int32_t i = p->n_fetches - 1; i >= 0; i -= step) run_one(b, p, pointers, p->fetches[i]);
  }
  while (n-- > 0) uf_tensor_release(&inputs[n]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  uf_builder *b = uf_builder_create();
  plan *p = calloc(1, sizeof *p);
  uf_model *model;
  uf_error error;
  if (b && p && uf_builder_import(b, bytes, size, NULL, &error) == UF_OK && make_plan(b, p)) {
    if (uf_builder_model(b, NULL, &model, &error) == UF_OK) uf_model_release(model);
    run_all(b, p);
  }
  free(p);
  uf_builder_release(b);
  return 0;
}
