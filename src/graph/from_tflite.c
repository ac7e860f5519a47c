/* SPDX-License-Identifier: Apache-2.0
 *
 * from_tflite.c: a .tflite file (schema version 3) becomes a model.
 *
 * The file is a FlatBuffer whose root is the table Model: operator codes (which
 * op, which version), buffers (constant bytes), subgraphs (tensors, operators,
 * inputs, outputs), metadata and signatures. Models above 2 GB keep buffers and
 * large custom options behind the FlatBuffer; tables then give offsets into the
 * file.
 *
 * What is wrong with the file's structure fails the open. What only makes one
 * node unusable is written down in that node.
 */
#include <stdarg.h>
#include <stdio.h>

#include "graph/tflite.h"
#include "ops/user_op.h"

/* The budgets: a fixed part, and a part in proportion to the file. Real models
 * stay below a tenth of them. */
#define WORK_BASE ((size_t)16 << 20)
#define WORK_PER_BYTE 16
#define OWNED_BASE ((size_t)64 << 20)
#define OWNED_PER_BYTE 64

static size_t budget(size_t base, size_t per_byte, size_t file_size) {
  size_t part;
  if (!ufi_mul_size(per_byte, file_size, &part) || !ufi_add_size(base, part, &part)) {
    return SIZE_MAX;
  }
  return part;
}

uf_status ufi_tflite_ok(const ufi_tflite *r) { return ufi_fb_status(&r->fb, NULL, r->error); }

uf_status ufi_tflite_spend(ufi_tflite *r, size_t units) {
  if (units <= r->work_limit - r->work) {
    r->work += units;
    return UF_OK;
  }
  return ufi_fail(r->error, UF_DATA_LOSS,
                  "expected lists and names in proportion to the file's %zu bytes, found more than "
                  "%zu elements, shared many times; the file is damaged or made to harm",
                  r->size, r->work_limit);
}

uf_status ufi_tflite_own(ufi_tflite *r, size_t bytes) {
  if (bytes <= r->owned_limit - r->owned) {
    r->owned += bytes;
    return UF_OK;
  }
  return ufi_fail(r->error, UF_RESOURCE_EXHAUSTED,
                  "expected constants that unpack to at most %zu bytes in all for a file of %zu "
                  "bytes, found %zu bytes more", r->owned_limit, r->size,
                  bytes - (r->owned_limit - r->owned));
}

void *ufi_tflite_array(ufi_tflite *r, size_t count, size_t size) {
  size_t bytes;
  if (!ufi_mul_size(count, size, &bytes)) bytes = SIZE_MAX;
  size_t used = ufi_arena_used(r->model->arena);
  if (used > r->arena_limit || bytes > r->arena_limit - used) {
    ufi_fail(r->error, UF_RESOURCE_EXHAUSTED,
             "expected a model that takes at most %zu bytes of memory for a file of %zu bytes, "
             "found one that takes more; the file is damaged or made to harm",
             r->arena_limit, r->size);
    return NULL;
  }
  void *memory = ufi_arena_array(r->model->arena, count, size);
  if (!memory) ufi_no_memory(r->error, bytes);
  return memory;
}

const char *ufi_tflite_text(ufi_tflite *r, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  size_t size = n < 0 ? 0 : UFI_MIN((size_t)n, sizeof text - 1);
  char *copy = ufi_tflite_array(r, size + 1, 1);
  if (copy) memcpy(copy, text, size);
  return copy;
}

uf_status ufi_tflite_ints(ufi_tflite *r, const ufi_fb_table *table, int field,
                          const int32_t **out, int32_t *n_out) {
  ufi_fb_vector list = ufi_fb_vec(table, field, 4);
  UFI_TRY(ufi_tflite_ok(r));
  *out = NULL;
  *n_out = 0;
  if (list.count == 0) return UF_OK;
  UFI_TRY(ufi_tflite_spend(r, list.count));
  int32_t *copy = ufi_tflite_array(r, list.count, sizeof *copy);
  if (!copy) return UF_RESOURCE_EXHAUSTED;
  memcpy(copy, list.data, (size_t)list.count * sizeof *copy);
  *out = copy;
  *n_out = (int32_t)list.count; /* at most a quarter of 2^32 */
  return UF_OK;
}

uf_status ufi_tflite_part(ufi_tflite *r, uint64_t offset, uint64_t size, const uint8_t **data_out,
                          size_t *size_out) {
  if (offset > r->size || size > r->size - offset) {
    return ufi_fail(r->error, UF_DATA_LOSS,
                    "expected %llu bytes at byte %llu, found a file of %zu bytes; it is cut off or "
                    "damaged", (unsigned long long)size, (unsigned long long)offset, r->size);
  }
  *data_out = r->bytes + offset;
  *size_out = (size_t)size;
  return UF_OK;
}

uf_status ufi_tflite_buffer(ufi_tflite *r, uint32_t i, const uint8_t **data_out, size_t *size_out) {
  *data_out = NULL;
  *size_out = 0;
  if (i >= r->buffers.count) {
    /* Buffer 0 is the one that says "none"; a file without it is harmless. */
    if (i == 0) return UF_OK;
    return ufi_fail(r->error, UF_DATA_LOSS, "expected a buffer index below %u, found %u; the file "
                    "is damaged", r->buffers.count, i);
  }
  ufi_fb_table buffer = ufi_fb_vec_table(&r->buffers, i);
  ufi_fb_vector bytes = ufi_fb_vec(&buffer, BUFFER_DATA, 1);
  uint64_t offset = ufi_fb_u64(&buffer, BUFFER_OFFSET, 0);
  uint64_t size = ufi_fb_u64(&buffer, BUFFER_SIZE, 0);
  UFI_TRY(ufi_tflite_ok(r));
  if (bytes.data) {
    *data_out = bytes.data;
    *size_out = bytes.count;
    return UF_OK;
  }
  /* Offsets 0 and 1 mean: not outside. */
  return offset > 1 ? ufi_tflite_part(r, offset, size, data_out, size_out) : UF_OK;
}

uf_status ufi_tflite_block(ufi_tflite *r, const ufi_graph *graph, int32_t i, const char *reason) {
  if (!reason) return UF_RESOURCE_EXHAUSTED;
  if (!r->blocked) {
    r->blocked = ufi_tflite_array(r, (size_t)graph->n_values, sizeof *r->blocked);
    if (!r->blocked) return UF_RESOURCE_EXHAUSTED;
  }
  if (!r->blocked[i]) r->blocked[i] = reason;
  return UF_OK;
}

/* ---- operator codes -------------------------------------------------------- */

/* Files before schema 3a have deprecated_builtin_code only; later files keep it
 * at 127 when builtin_code does not fit. The larger one is right. */
static uf_status read_code(ufi_tflite *r, uint32_t i, const ufi_fb_table *table) {
  ufi_tflite_code *code = &r->codes[i];
  int32_t old = ufi_fb_i8(table, CODE_DEPRECATED_BUILTIN, 0);
  int32_t current = ufi_fb_i32(table, CODE_BUILTIN, 0);
  const char *custom = ufi_fb_string(table, CODE_CUSTOM);
  code->code = UFI_MAX(old, current);
  code->version = ufi_fb_i32(table, CODE_VERSION, 1);
  UFI_TRY(ufi_tflite_ok(r));
  if (code->code == UFI_TFLITE_CUSTOM) {
    code->name = custom;
    code->user = ufi_user_op(r->model->ops, custom);
    code->row = code->user ? ufi_user_op_row(code->user) : ufi_op_by_custom(custom);
    if (!code->row) {
      code->unsupported = "expected an op of this library, found a custom op it does not know; register one of "
                          "that name (uf_op_register, custom_ops= in Python)";
    }
    return UF_OK;
  }
  code->name = ufi_tflite_op_name(code->code);
  code->row = ufi_op_by_tflite(code->code);
  if (!code->name) {
    code->name = ufi_tflite_text(r, "BUILTIN_%d", (int)code->code);
    if (!code->name) return UF_RESOURCE_EXHAUSTED;
    code->unsupported = "expected an op of this library, found the code of an op that is newer "
                        "than it";
  } else if (!code->row) {
    code->unsupported = ufi_tflite_op_missing(code->code);
  }
  return UF_OK;
}

static uf_status read_codes(ufi_tflite *r, const ufi_fb_table *root) {
  ufi_fb_vector codes = ufi_fb_vec(root, MODEL_OPERATOR_CODES, 4);
  UFI_TRY(ufi_tflite_ok(r));
  UFI_TRY(ufi_tflite_spend(r, codes.count));
  r->n_codes = codes.count;
  if (codes.count == 0) return UF_OK;
  r->codes = ufi_tflite_array(r, codes.count, sizeof *r->codes);
  if (!r->codes) return UF_RESOURCE_EXHAUSTED;
  for (uint32_t i = 0; i < codes.count; i++) {
    ufi_fb_table table = ufi_fb_vec_table(&codes, i);
    uf_status status = read_code(r, i, &table);
    if (status != UF_OK) {
      ufi_error_prefix(r->error, "operator code #%u", i);
      return status;
    }
  }
  return UF_OK;
}

/* ---- subgraphs --------------------------------------------------------------- */

static uf_status check_indices(ufi_tflite *r, const ufi_graph *graph, const char *what,
                               const int32_t *list, int32_t n) {
  for (int32_t i = 0; i < n; i++) {
    if (list[i] < 0 || list[i] >= graph->n_values) {
      return ufi_fail(r->error, UF_DATA_LOSS,
                      "%s %d: expected a tensor index from 0 to %d, found %d; the file is damaged",
                      what, (int)i, (int)graph->n_values - 1, (int)list[i]);
    }
  }
  return UF_OK;
}

static uf_status read_graph(ufi_tflite *r, ufi_graph *graph, const ufi_fb_table *table) {
  r->blocked = NULL;
  graph->name = ufi_fb_string(table, GRAPH_NAME);
  UFI_TRY(ufi_tflite_tensors(r, graph, table));
  UFI_TRY(ufi_tflite_ints(r, table, GRAPH_INPUTS, &graph->inputs, &graph->n_inputs));
  UFI_TRY(ufi_tflite_ints(r, table, GRAPH_OUTPUTS, &graph->outputs, &graph->n_outputs));
  UFI_TRY(check_indices(r, graph, "input", graph->inputs, graph->n_inputs));
  UFI_TRY(check_indices(r, graph, "output", graph->outputs, graph->n_outputs));
  return ufi_tflite_nodes(r, graph, table);
}

static uf_status read_graphs(ufi_tflite *r, const ufi_fb_table *root) {
  ufi_fb_vector graphs = ufi_fb_vec(root, MODEL_SUBGRAPHS, 4);
  UFI_TRY(ufi_tflite_ok(r));
  if (graphs.count == 0) {
    return ufi_fail(r->error, UF_INVALID_ARGUMENT, "expected a model with at least one subgraph, "
                    "found none; convert the model again");
  }
  UFI_TRY(ufi_tflite_spend(r, graphs.count));
  uf_model *model = r->model;
  model->graphs = ufi_tflite_array(r, graphs.count, sizeof *model->graphs);
  if (!model->graphs) return UF_RESOURCE_EXHAUSTED;
  model->n_graphs = (int32_t)graphs.count;
  for (uint32_t i = 0; i < graphs.count; i++) {
    ufi_fb_table table = ufi_fb_vec_table(&graphs, i);
    uf_status status = read_graph(r, &model->graphs[i], &table);
    if (status != UF_OK) {
      if (graphs.count > 1) ufi_error_prefix(r->error, "subgraph #%u", i);
      return status;
    }
  }
  return UF_OK;
}

/* What is known only when all graphs are read. Old files never set has_rank:
 * there a tensor without dimensions is a scalar. In files that use has_rank it
 * has an unknown rank, unless it is an input, which TFLite takes for a scalar
 * until it is resized. */
static void settle_values(ufi_tflite *r, ufi_graph *graph, uint8_t *is_input) {
  for (int32_t i = 0; i < graph->n_inputs; i++) is_input[graph->inputs[i]] = 1;
  for (int32_t i = 0; i < graph->n_values; i++) {
    ufi_value *value = &graph->values[i];
    bool made = value->producer >= 0;
    bool is_handle = value->dtype == UF_RESOURCE || value->dtype == UF_VARIANT;
    if (value->rank < 0 && (!r->says_rank || !made || is_input[i] || is_handle)) value->rank = 0;
    if (value->kind != UF_VALUE_ACTIVATION || made || is_input[i] || value->rank < 0) continue;
    int64_t count = 1;
    for (int32_t d = 0; d < value->rank; d++) count = value->dims[d] == 0 ? 0 : count;
    if (count == 0) {
      value->kind = UF_VALUE_CONSTANT; /* nothing to store, so it has no buffer */
      value->data = r->bytes;
    }
  }
}

static uf_status settle_graphs(ufi_tflite *r) {
  for (int32_t g = 0; g < r->model->n_graphs; g++) {
    ufi_graph *graph = &r->model->graphs[g];
    uint8_t *is_input = ufi_calloc((size_t)graph->n_values + 1, 1);
    if (!is_input) return ufi_no_memory(r->error, (size_t)graph->n_values + 1);
    settle_values(r, graph, is_input);
    ufi_free(is_input);
  }
  return UF_OK;
}

/* ---- metadata, signatures ------------------------------------------------------ */

static uf_status read_metadata(ufi_tflite *r, const ufi_fb_table *root) {
  ufi_fb_vector list = ufi_fb_vec(root, MODEL_METADATA, 4);
  UFI_TRY(ufi_tflite_ok(r));
  if (list.count == 0) return UF_OK;
  UFI_TRY(ufi_tflite_spend(r, list.count));
  ufi_metadata *entries = ufi_tflite_array(r, list.count, sizeof *entries);
  if (!entries) return UF_RESOURCE_EXHAUSTED;
  for (uint32_t i = 0; i < list.count; i++) {
    ufi_fb_table table = ufi_fb_vec_table(&list, i);
    entries[i].name = ufi_fb_string(&table, METADATA_NAME);
    uint32_t buffer = ufi_fb_u32(&table, METADATA_BUFFER, 0);
    const uint8_t *data = NULL;
    uf_status status = ufi_tflite_buffer(r, buffer, &data, &entries[i].size);
    if (status != UF_OK) {
      ufi_error_prefix(r->error, "metadata '%.64s'", entries[i].name);
      return status;
    }
    entries[i].data = data;
  }
  r->model->metadata = entries;
  r->model->n_metadata = (int32_t)list.count;
  return UF_OK;
}

/* One side of a signature: names and the tensors they stand for. */
static uf_status read_map(ufi_tflite *r, const ufi_graph *graph, const ufi_fb_table *table,
                          int field, const char ***names_out, int32_t **indices_out,
                          int32_t *n_out) {
  ufi_fb_vector list = ufi_fb_vec(table, field, 4);
  UFI_TRY(ufi_tflite_ok(r));
  if (list.count == 0) return UF_OK;
  UFI_TRY(ufi_tflite_spend(r, list.count));
  const char **names = ufi_tflite_array(r, list.count, sizeof *names);
  int32_t *indices = names ? ufi_tflite_array(r, list.count, sizeof *indices) : NULL;
  if (!indices) return UF_RESOURCE_EXHAUSTED;
  for (uint32_t i = 0; i < list.count; i++) {
    ufi_fb_table entry = ufi_fb_vec_table(&list, i);
    names[i] = ufi_fb_string(&entry, MAP_NAME);
    uint32_t tensor = ufi_fb_u32(&entry, MAP_TENSOR, 0);
    UFI_TRY(ufi_tflite_ok(r));
    if (tensor >= (uint32_t)graph->n_values) {
      return ufi_fail(r->error, UF_DATA_LOSS, "%s '%.64s': expected a tensor index from 0 to %d, "
                      "found %u; the file is damaged",
                      field == SIGNATURE_INPUTS ? "input" : "output", names[i],
                      (int)graph->n_values - 1, tensor);
    }
    indices[i] = (int32_t)tensor;
  }
  *names_out = names;
  *indices_out = indices;
  *n_out = (int32_t)list.count;
  return UF_OK;
}

static uf_status read_signature(ufi_tflite *r, ufi_signature *signature, const ufi_fb_table *table) {
  signature->key = ufi_fb_string(table, SIGNATURE_KEY);
  uint32_t graph = ufi_fb_u32(table, SIGNATURE_SUBGRAPH, 0);
  UFI_TRY(ufi_tflite_ok(r));
  if (graph >= (uint32_t)r->model->n_graphs) {
    return ufi_fail(r->error, UF_DATA_LOSS, "expected a subgraph index from 0 to %d, found %u; the "
                    "file is damaged", (int)r->model->n_graphs - 1, graph);
  }
  signature->graph = (int32_t)graph;
  UFI_TRY(read_map(r, &r->model->graphs[graph], table, SIGNATURE_INPUTS, &signature->input_names,
                   &signature->inputs, &signature->n_inputs));
  return read_map(r, &r->model->graphs[graph], table, SIGNATURE_OUTPUTS, &signature->output_names,
                  &signature->outputs, &signature->n_outputs);
}

static uf_status read_signatures(ufi_tflite *r, const ufi_fb_table *root) {
  ufi_fb_vector list = ufi_fb_vec(root, MODEL_SIGNATURE_DEFS, 4);
  UFI_TRY(ufi_tflite_ok(r));
  if (list.count == 0) return UF_OK;
  UFI_TRY(ufi_tflite_spend(r, list.count));
  ufi_signature *signatures = ufi_tflite_array(r, list.count, sizeof *signatures);
  if (!signatures) return UF_RESOURCE_EXHAUSTED;
  for (uint32_t i = 0; i < list.count; i++) {
    ufi_fb_table table = ufi_fb_vec_table(&list, i);
    uf_status status = read_signature(r, &signatures[i], &table);
    if (status != UF_OK) {
      const char *key = signatures[i].key;
      ufi_error_prefix(r->error, "signature #%u '%.64s'", i, key ? key : "");
      return status;
    }
  }
  r->model->signatures = signatures;
  r->model->n_signatures = (int32_t)list.count;
  return UF_OK;
}

/* ---- the whole file --------------------------------------------------------------- */

static uf_status read_model(ufi_tflite *r) {
  ufi_fb_table root = ufi_fb_root(&r->fb);
  uint32_t version = ufi_fb_u32(&root, MODEL_VERSION, 0);
  UFI_TRY(ufi_tflite_ok(r));
  if (version != 3) {
    return ufi_fail(r->error, UF_INVALID_ARGUMENT, "expected a TFLite model of schema version 3, "
                    "found version %u; convert the model again with a current converter", version);
  }
  r->model->version = 3;
  r->model->description = ufi_fb_string(&root, MODEL_DESCRIPTION);
  r->buffers = ufi_fb_vec(&root, MODEL_BUFFERS, 4);
  r->external_buffers = ufi_fb_vec(&root, MODEL_EXTERNAL_BUFFERS, 4);
  UFI_TRY(ufi_tflite_ok(r));
  UFI_TRY(read_codes(r, &root));
  UFI_TRY(read_graphs(r, &root));
  UFI_TRY(settle_graphs(r));
  UFI_TRY(read_metadata(r, &root));
  UFI_TRY(read_signatures(r, &root));
  return ufi_tflite_ok(r);
}

uf_status ufi_model_from_tflite(uf_model *model, uf_buf *file, uf_error *error) {
  const uint8_t *bytes = uf_buf_data(file);
  size_t size = uf_buf_size(file);
  if (size < 8 || memcmp(bytes + 4, "TFL3", 4) != 0) return ufi_tflite_sniff(bytes, size, error);
  model->file = uf_buf_retain(file);
  model->format = "tflite";
  ufi_tflite reader = {
    .model = model,
    .error = error,
    .bytes = bytes,
    .size = size,
    .work_limit = budget(WORK_BASE, WORK_PER_BYTE, size),
    .arena_limit = ufi_model_limit(model),
    .owned_limit = budget(OWNED_BASE, OWNED_PER_BYTE, size),
  };
  ufi_fb_init(&reader.fb, bytes, size);
  return read_model(&reader);
}
