/* SPDX-License-Identifier: Apache-2.0
 *
 * session.c: the public functions of sessions: create, set, run, read.
 */
#include "exec/session.h"

#include <stdio.h>
#include <unistd.h>

#include "graph/packing.h"
#include "ops/variable.h"

/* ---- create, release ------------------------------------------------------------ */

static bool list_state(uf_session *s) {
  const uf_model *model = s->model;
  int32_t n = 0;
  for (int32_t g = 0; g < model->n_graphs; g++) {
    for (int32_t v = 0; v < model->graphs[g].n_values; v++) n += model->graphs[g].values[v].kind == UF_VALUE_STATE;
  }
  s->state = ufi_calloc((size_t)n + 1, sizeof *s->state);
  if (s->state == NULL) return false;
  for (int32_t g = 0; g < model->n_graphs; g++) {
    for (int32_t v = 0; v < model->graphs[g].n_values; v++) {
      if (model->graphs[g].values[v].kind == UF_VALUE_STATE) s->state[s->n_state++] = (ufi_state_ref){g, v};
    }
  }
  return true;
}

static size_t machine_memory(void) {
  long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0 ? (size_t)pages * (size_t)size : SIZE_MAX / 2;
}

uf_status uf_session_create(uf_model *model, const uf_session_options *options, uf_session **session_out,
                            uf_error *error) {
  uf_session *s = ufi_calloc(1, sizeof *s);
  if (s == NULL) return ufi_no_memory(error, sizeof *s);
  s->model = uf_model_retain(model);
  s->last.graph = -1;
  s->n_threads = options ? options->n_threads : 0;
  s->keep_all = options && options->keep_all;
  s->max_steps = options && options->max_steps > 0 ? options->max_steps : INT64_MAX;
  s->max_bytes = options && options->max_bytes ? options->max_bytes : machine_memory();
  size_t n = (size_t)model->n_graphs + 1;
  s->frames = ufi_calloc(n, sizeof(ufi_frame *));
  s->initialised = ufi_calloc(n, sizeof *s->initialised);
  s->store = ufi_store_create();
  s->words = ufi_arena_create();
  bool good = s->frames && s->initialised && s->store && s->words && list_state(s);
  if (good && s->n_threads > 1) good = (s->pool = ufi_pool_create(s->n_threads)) != NULL;
  if (!good) {
    uf_session_release(s);
    return ufi_no_memory(error, sizeof *s);
  }
  *session_out = s;
  return UF_OK;
}

void uf_session_release(uf_session *s) {
  if (s == NULL) return;
  ufi_snapshot_drop(s);
  for (int32_t i = 0; s->frames && i < s->model->n_graphs; i++) ufi_frame_destroy(s->frames[i]);
  ufi_free(s->frames);
  ufi_free(s->initialised);
  ufi_free(s->state);
  ufi_store_release(s->store);
  ufi_arena_destroy(s->words);
  uf_buf_release(s->scratch);
  ufi_block_free(&s->passing);
  ufi_pool_release(s->pool);
  uf_model_release(s->model);
  ufi_free(s);
}

void ufi_session_prefix(const uf_session *s, const ufi_graph *graph, uf_error *error) {
  if (s->model->n_graphs > 1 && graph) ufi_error_prefix(error, "%s: graph '%s'", s->model->path, graph->name);
  else ufi_error_prefix(error, "%s", s->model->path);
}

/* Ends a public call: names the file in a failure's message. */
static uf_status done(const uf_session *s, const ufi_frame *f, uf_status status, uf_error *error) {
  if (status != UF_OK) ufi_session_prefix(s, f ? f->graph : NULL, error);
  return status;
}

uf_status ufi_session_frame(uf_session *s, int32_t graph, ufi_frame **out, uf_error *error) {
  if (graph < 0 || graph >= s->model->n_graphs) {
    return ufi_fail(error, UF_OUT_OF_RANGE, "expected a subgraph in [0, %d), found %d", (int)s->model->n_graphs, (int)graph);
  }
  if (s->frames[graph] == NULL) s->frames[graph] = ufi_frame_create(s, graph);
  if (s->frames[graph] == NULL) return ufi_no_memory(error, sizeof **out);
  *out = s->frames[graph];
  return UF_OK;
}

uf_status ufi_session_scratch(uf_session *s, size_t size, uf_error *error) {
  if (s->scratch && uf_buf_size(s->scratch) >= size) return UF_OK;
  uf_buf *scratch = uf_buf_create(size);
  if (scratch == NULL) return ufi_no_memory(error, size);
  ufi_fresh_touch(uf_buf_data(scratch), size);
  uf_buf_release(s->scratch);
  s->scratch = scratch;
  return UF_OK;
}

/* The frame and a checked value index. */
static uf_status locate(uf_session *s, int32_t graph, int32_t value, ufi_frame **f_out, uf_error *error) {
  uf_status status = ufi_session_frame(s, graph, f_out, error);
  if (status == UF_OK && (value < 0 || value >= (*f_out)->graph->n_values)) {
    status = ufi_fail(error, UF_OUT_OF_RANGE, "expected a tensor index in [0, %d), found %d",
                      (int)(*f_out)->graph->n_values, (int)value);
  }
  return status;
}

/* A handle; that of a built graph has no dtype before it is inferred. */
static bool is_handle(const ufi_frame *f, int32_t value) {
  int32_t producer = f->graph->values[value].producer;
  return f->tensors[value].dtype == UF_RESOURCE || (producer >= 0 && ufi_is_handle_op(f->graph->nodes[producer].op));
}

static bool is_input(const ufi_frame *f, int32_t value) {
  for (int32_t i = 0; i < f->graph->n_inputs; i++) {
    if (f->graph->inputs[i] == value) return true;
  }
  return false;
}

/* ---- shapes ------------------------------------------------------------------------ */

static uf_status check_strict(const ufi_frame *f, int32_t value, int32_t rank, const int64_t *dims, uf_error *error) {
  const ufi_value *v = &f->graph->values[value];
  char want[UFI_SHAPE_TEXT], found[UFI_SHAPE_TEXT];
  bool has_signature = v->signature_rank > 0;
  const int64_t *allowed = has_signature ? v->dims_signature : v->dims;
  bool good = rank == v->rank;
  for (int32_t d = 0; good && d < rank; d++) {
    good = dims[d] == v->dims[d] || (has_signature && allowed[d] == -1) || dims[d] == allowed[d];
  }
  if (good) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT,
                  "expected a shape that fits %s for input '%s' (only dimensions that are ? may change when strict), found %s",
                  ufi_shape_text(v->rank, allowed, want), v->name, ufi_shape_text(rank, dims, found));
}

uf_status uf_session_resize(uf_session *s, int32_t graph, int32_t value, int32_t rank, const int64_t *dims, bool strict,
                            uf_error *error) {
  ufi_frame *f = NULL;
  uf_status status = locate(s, graph, value, &f, error);
  if (status == UF_OK && !is_input(f, value)) {
    status = ufi_fail(error, UF_INVALID_ARGUMENT, "expected an input of the graph to resize, found '%s'",
                      f->graph->values[value].name);
  }
  if (status == UF_OK && (rank < 0 || rank > UF_MAX_RANK)) {
    status = ufi_fail(error, UF_INVALID_ARGUMENT, "expected a shape of at most %d dimensions for '%s', found %d",
                      UF_MAX_RANK, f->graph->values[value].name, (int)rank);
  }
  if (status == UF_OK && strict) status = check_strict(f, value, rank, dims, error);
  if (status == UF_OK) status = ufi_frame_resize(f, value, rank, dims, error);
  return done(s, f, status, error);
}

uf_status uf_session_allocate(uf_session *s, int32_t graph, uf_error *error) {
  ufi_frame *f = NULL;
  uf_status status = ufi_session_frame(s, graph, &f, error);
  if (status == UF_OK) ufi_frame_renew(f);
  if (status == UF_OK) status = ufi_frame_allocate(f, error);
  ufi_model_save_packed(s->model);
  return done(s, f, status, error);
}

uf_status uf_session_allocate_anew(uf_session *s, int32_t graph, uf_error *error) {
  ufi_frame *f = NULL;
  uf_status status = ufi_session_frame(s, graph, &f, error);
  if (status == UF_OK && f->resized) status = ufi_frame_restart(f, error);
  if (status != UF_OK) return done(s, f, status, error);
  f->resized = false;
  UFI_TRY(uf_session_allocate(s, graph, error));
  return done(s, f, ufi_frame_missing(f, NULL, error), error);
}

const char *uf_session_unsupported(uf_session *s, int32_t i) {
  const uf_model *model = s->model;
  if (i < model->n_unsupported) return uf_model_unsupported(model, i);
  i -= model->n_unsupported;
  for (int32_t g = 0; g < model->n_graphs; g++) {
    ufi_frame *f = NULL;
    if (ufi_session_frame(s, g, &f, NULL) != UF_OK) continue;
    (void)ufi_frame_allocate(f, NULL); /* what fails otherwise is said when it is run */
    for (int32_t k = 0; k < f->graph->n_nodes; k++) {
      if (f->mode[k] == UFI_NODE_MISSING && f->why[k] && i-- == 0) return f->why[k];
    }
  }
  return NULL;
}

bool uf_session_is_allocated(const uf_session *s, int32_t graph) {
  return graph >= 0 && graph < s->model->n_graphs && s->frames[graph] && s->frames[graph]->allocated;
}

uf_status uf_session_capture(uf_session *s, int32_t graph, const int32_t *values, int32_t n_values, uf_error *error) {
  ufi_frame *f = NULL;
  uf_status status = ufi_session_frame(s, graph, &f, error);
  for (int32_t i = 0; status == UF_OK && i < n_values; i++) status = locate(s, graph, values[i], &f, error);
  if (status == UF_OK) {
    memset(f->captured, 0, (size_t)f->graph->n_values * sizeof *f->captured);
    for (int32_t i = 0; i < n_values; i++) f->captured[values[i]] = true;
    f->allocated = false;
  }
  return done(s, f, status, error);
}

/* ---- set ---------------------------------------------------------------------------- */

static uf_status check_set(const ufi_frame *f, int32_t value, const uf_tensor *tensor, uf_error *error) {
  const ufi_tensor *t = &f->tensors[value];
  char want[UFI_SHAPE_TEXT], found[UFI_SHAPE_TEXT];
  size_t bytes;
  if (t->dtype != tensor->dtype) {
    return ufi_fail(error, UF_WRONG_TYPE, "expected %s for tensor '%s', found %s", uf_dtype_name(t->dtype), t->name,
                    uf_dtype_name(tensor->dtype));
  }
  if (t->rank != tensor->rank || memcmp(t->dims, tensor->dims, sizeof *t->dims * (size_t)t->rank) != 0) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected shape %s for tensor '%s', found %s; resize the input first",
                    ufi_shape_text(t->rank, t->dims, want), t->name,
                    ufi_shape_text(tensor->rank, tensor->dims, found));
  }
  if (!ufi_dtype_bytes(tensor->dtype, uf_tensor_count(tensor), &bytes) || bytes != tensor->size) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected %zu bytes for tensor '%s', found %zu", bytes, t->name,
                    tensor->size);
  }
  return UF_OK;
}

/* Copies into memory that nobody else sees. */
static uf_status copy_in(ufi_tensor *t, const uf_tensor *from, uf_error *error) {
  if (t->dtype == UF_STRING) return ufi_tensor_pack(t, from->data, error);
  if (t->buf == NULL || !ufi_buf_is_unique(t->buf)) UFI_TRY(ufi_tensor_fresh(t, error));
  if (t->size) memcpy(t->data, from->data, t->size);
  return UF_OK;
}

static uf_status set_value(uf_session *s, ufi_frame *f, int32_t value, const uf_tensor *tensor, bool resize,
                           uf_error *error) {
  ufi_tensor *t = &f->tensors[value];
  if (is_handle(f, value)) {
    ufi_resource *resource = NULL;
    UFI_TRY(ufi_session_resource(s, f, value, &resource, error));
    return ufi_variable_assign(resource, tensor, false, error);
  }
  if (!is_input(f, value) && !t->is_state) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected an input, a state tensor or a variable to set, found %s '%s'",
                    t->is_const ? "the constant" : "the computed tensor", t->name);
  }
  if (resize && is_input(f, value) && t->dtype == tensor->dtype) {
    UFI_TRY(ufi_frame_resize(f, value, tensor->rank, tensor->dims, error));
  }
  UFI_TRY(check_set(f, value, tensor, error));
  return copy_in(t, tensor, error);
}

uf_status uf_session_set(uf_session *s, int32_t graph, int32_t value, const uf_tensor *tensor, bool resize,
                         uf_error *error) {
  ufi_frame *f = NULL;
  uf_status status = locate(s, graph, value, &f, error);
  if (status == UF_OK) status = set_value(s, f, value, tensor, resize, error);
  return done(s, f, status, error);
}

/* ---- run ----------------------------------------------------------------------------- */

static uf_status run_frame(uf_session *s, ufi_frame *f, const bool *wanted, uf_error *error) {
  UFI_TRY(ufi_session_declare(s, error));
  ufi_frame_renew(f);
  UFI_TRY(ufi_frame_allocate(f, error));
  UFI_TRY(ufi_snapshot_take(s, f, wanted, error));
  s->run_id++;
  s->steps = 0;
  ufi_pool_begin(s->pool);
  const uf_status status = ufi_frame_run(f, wanted, error);
  ufi_pool_end(s->pool);
  ufi_model_save_packed(s->model);
  return status == UF_OK ? ufi_frame_missing(f, wanted, error) : status;
}

uf_status uf_session_run(uf_session *s, int32_t graph, uf_error *error) {
  ufi_frame *f = NULL;
  uf_status status = ufi_session_frame(s, graph, &f, error);
  if (status == UF_OK) status = run_frame(s, f, NULL, error);
  return status == UF_OK ? UF_OK : done(s, f, status, error);
}

/* Marks a node and, going backwards, all that it needs. Nodes are in running
 * order, so one pass from the last to the first is enough. */
static void close_wanted(const ufi_graph *g, bool *wanted) {
  for (int32_t i = g->n_nodes - 1; i >= 0; i--) {
    const ufi_node *node = &g->nodes[i];
    if (!wanted[i]) continue;
    for (int32_t k = 0; k < node->n_in; k++) {
      int32_t producer = node->in[k] < 0 ? -1 : g->values[node->in[k]].producer;
      if (producer >= 0) wanted[producer] = true;
    }
    for (int32_t k = 0; k < node->n_controls; k++) wanted[node->controls[k]] = true;
  }
}

uf_status uf_session_run_for(uf_session *s, int32_t graph, const int32_t *values, int32_t n_values, const int32_t *nodes,
                             int32_t n_nodes, uf_error *error) {
  ufi_frame *f = NULL;
  uf_status status = ufi_session_frame(s, graph, &f, error);
  for (int32_t i = 0; status == UF_OK && i < n_values; i++) status = locate(s, graph, values[i], &f, error);
  if (status != UF_OK) return done(s, f, status, error);
  bool *wanted = ufi_calloc((size_t)f->graph->n_nodes + 1, sizeof *wanted);
  if (wanted == NULL) return ufi_no_memory(error, (size_t)f->graph->n_nodes);
  for (int32_t i = 0; i < n_values; i++) {
    if (f->graph->values[values[i]].producer >= 0) wanted[f->graph->values[values[i]].producer] = true;
    if (!f->captured[values[i]]) f->allocated = false;
    f->captured[values[i]] = true;
  }
  for (int32_t i = 0; i < n_nodes; i++) {
    if (nodes[i] >= 0 && nodes[i] < f->graph->n_nodes) wanted[nodes[i]] = true;
  }
  close_wanted(f->graph, wanted);
  status = run_frame(s, f, wanted, error);
  ufi_free(wanted);
  return status == UF_OK ? UF_OK : done(s, f, status, error);
}

/* ---- read ------------------------------------------------------------------------------ */

static void describe(const ufi_tensor *t, uf_tensor *out) {
  *out = ufi_view(t);
  out->buf = NULL;
  out->read_only = true;
}

/* A retained view; what has no buf (a view of a constant in the file) is copied. */
static uf_status publish(const ufi_tensor *t, uf_tensor *out, uf_error *error) {
  uf_buf *buf = NULL;
  if (t->buf) {
    buf = uf_buf_retain(t->buf);
  } else if (t->size) {
    buf = uf_buf_create(t->size);
    if (buf == NULL) return ufi_no_memory(error, t->size);
    memcpy(uf_buf_data(buf), t->data, t->size);
  }
  describe(t, out);
  out->buf = buf;
  out->data = t->buf ? t->data : buf ? uf_buf_data(buf) : NULL;
  return UF_OK;
}

/* True when the tensor still holds what the last run computed. */
static bool is_current(const uf_session *s, const ufi_frame *f, const ufi_tensor *t, int32_t producer) {
  bool ran = f->run_id != 0 && f->run_id == s->run_id && f->pc > producer;
  if (ran && s->last.wanted && f->index == s->last.graph) ran = s->last.wanted[producer];
  return ran && !t->in_arena && (t->data != NULL || t->size == 0) && t->shape_known;
}

static uf_status read_computed(uf_session *s, ufi_frame *f, int32_t value, uf_tensor *out, uf_error *error) {
  ufi_tensor *t = &f->tensors[value];
  int32_t producer = f->graph->values[value].producer;
  if (is_current(s, f, t, producer)) return publish(t, out, error);
  UFI_TRY(ufi_frame_allocate(f, error));
  if (t->is_const) return publish(t, out, error);
  if (t->is_missing) {
    const char *why = f->why[producer] ? f->why[producer] : f->graph->nodes[producer].unsupported;
    return ufi_fail(error, UF_UNIMPLEMENTED, "tensor '%s' cannot be computed: %s", t->name,
                    why ? why : "it depends on an op that is not supported");
  }
  if (s->last.graph >= 0) {
    const ufi_tensor *replayed;
    UFI_TRY(ufi_replay_value(s, f->index, value, &replayed, error));
    return publish(replayed, out, error);
  }
  return ufi_fail(error, UF_FAILED_PRECONDITION, "expected a run before reading tensor '%s', found none; run the graph first",
                  t->name);
}

static uf_status read_value(uf_session *s, ufi_frame *f, int32_t value, uf_tensor *out, uf_error *error) {
  const ufi_value *v = &f->graph->values[value];
  ufi_tensor *t = &f->tensors[value];
  if (is_handle(f, value)) {
    ufi_resource *resource = NULL;
    UFI_TRY(ufi_session_resource(s, f, value, &resource, error));
    if (!resource->initialized) UFI_TRY(ufi_session_initialise(s, error));
    return ufi_variable_read(resource, out, error);
  }
  if (is_input(f, value) || t->is_state) {
    UFI_TRY(ufi_frame_own_memory(f, value, error));
    return publish(t, out, error);
  }
  if (v->kind == UF_VALUE_CONSTANT) return uf_model_constant(s->model, f->index, value, out, error);
  if (v->producer < 0) {
    return ufi_fail(error, UF_FAILED_PRECONDITION, "expected tensor '%s' to have a value, found that nothing computes it", v->name);
  }
  return read_computed(s, f, value, out, error);
}

uf_status uf_session_read(uf_session *s, int32_t graph, int32_t value, uf_tensor *tensor_out, uf_error *error) {
  ufi_frame *f = NULL;
  uf_status status = locate(s, graph, value, &f, error);
  if (status == UF_OK) status = read_value(s, f, value, tensor_out, error);
  return status == UF_OK ? UF_OK : done(s, f, status, error);
}

uf_status uf_session_live(uf_session *s, int32_t graph, int32_t value, uf_tensor *tensor_out, uf_error *error) {
  ufi_frame *f = NULL;
  uf_status status = locate(s, graph, value, &f, error);
  if (status == UF_OK && !is_input(f, value) && !f->tensors[value].is_state) {
    status = ufi_fail(error, UF_INVALID_ARGUMENT, "expected an input or a state tensor to write, found '%s'",
                      f->graph->values[value].name);
  }
  if (status == UF_OK) status = ufi_frame_own_memory(f, value, error);
  if (status == UF_OK && s->last.graph >= 0) status = ufi_snapshot_detach(s, &f->tensors[value], error);
  if (status == UF_OK) status = publish(&f->tensors[value], tensor_out, error);
  if (status != UF_OK) return done(s, f, status, error);
  tensor_out->read_only = false;
  return UF_OK;
}

uf_status uf_session_shape(uf_session *s, int32_t graph, int32_t value, uf_tensor *tensor_out, uf_error *error) {
  ufi_frame *f = NULL;
  uf_status status = locate(s, graph, value, &f, error);
  if (status != UF_OK) return done(s, f, status, error);
  describe(&f->tensors[value], tensor_out);
  tensor_out->data = NULL;
  return UF_OK;
}

static size_t packed_bytes(uf_model *model) {
  pthread_mutex_lock(&model->lock);
  const size_t bytes = model->packing ? model->packing->bytes : 0;
  pthread_mutex_unlock(&model->lock);
  return bytes;
}

void uf_session_memory(const uf_session *s, uf_memory_info *info_out) {
  *info_out = (uf_memory_info){.packed = packed_bytes(s->model)};
  for (int32_t g = 0; g < s->model->n_graphs; g++) {
    const ufi_frame *f = s->frames[g];
    if (f == NULL) continue;
    info_out->arena += f->arena_size;
    info_out->arena_bound += f->arena_bound;
    for (int32_t v = 0; v < f->graph->n_values; v++) {
      if (f->own[v] && f->tensors[v].buf) info_out->kept += f->tensors[v].size;
    }
  }
}

/* ---- fork ---------------------------------------------------------------------------------- */

static uf_status fork_frame(uf_session *to, const ufi_frame *from, uf_error *error) {
  ufi_frame *f = NULL;
  UFI_TRY(ufi_session_frame(to, from->index, &f, error));
  memcpy(f->captured, from->captured, (size_t)f->graph->n_values * sizeof *f->captured);
  for (int32_t v = 0; v < f->graph->n_values; v++) {
    const ufi_tensor *t = &from->tensors[v];
    if (!t->buf || !(t->is_state || is_input(from, v))) continue;
    UFI_TRY(ufi_frame_resize(f, v, t->rank, t->dims, error));
    ufi_tensor_share(&f->tensors[v], t);
  }
  return UF_OK;
}

/* set() copies into unique memory and runs detach state, so that neither
 * session sees what the other writes. */
uf_status uf_session_fork(uf_session *s, uf_session **session_out, uf_error *error) {
  uf_session_options options = {sizeof options, s->n_threads, s->keep_all, s->max_steps, s->max_bytes};
  uf_session *fork;
  UFI_TRY(uf_session_create(s->model, &options, &fork, error));
  ufi_store *store = ufi_store_clone(s->store);
  uf_status status = store ? UF_OK : ufi_no_memory(error, 0);
  if (store) {
    ufi_store_release(fork->store);
    fork->store = store;
  }
  memcpy(fork->initialised, s->initialised, (size_t)s->model->n_graphs * sizeof *s->initialised);
  fork->declared = s->declared;
  for (int32_t g = 0; status == UF_OK && g < s->model->n_graphs; g++) {
    if (s->frames[g]) status = fork_frame(fork, s->frames[g], error);
  }
  if (status != UF_OK) {
    uf_session_release(fork);
    return status;
  }
  *session_out = fork;
  return UF_OK;
}

void ufi_session_share_threads(uf_session *s, ufi_pool *pool) {
  if (s->pool || !pool) return;
  s->pool = ufi_pool_retain(pool);
  for (int32_t g = 0; g < s->model->n_graphs; g++) {
    for (int32_t i = 0; s->frames[g] && i < s->model->graphs[g].n_nodes; i++) s->frames[g]->ctxs[i].pool = pool;
  }
}

void uf_session_share_state(uf_session *s, uf_session *other) {
  ufi_store *store = ufi_store_retain(other->store);
  ufi_snapshot_drop(s);
  ufi_store_release(s->store);
  s->store = store;
  s->declared = false;
  ufi_session_share_threads(s, other->pool);
  for (int32_t g = 0; g < s->model->n_graphs; g++) { /* handles hold ids of the old store */
    if (s->frames[g]) s->frames[g]->allocated = false;
  }
}
