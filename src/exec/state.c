/* SPDX-License-Identifier: Apache-2.0
 *
 * state.c: everything that outlives a run, as values.
 *
 * State tensors come first (their number is fixed), then the resources of the
 * store in the order in which they were first named. All handle ops of the
 * model, and its random generators, are declared at the first need, so that a variable is listed, read and
 * assigned before anything ran.
 */
#include "exec/session.h"
#include "ops/control.h"
#include "ops/random.h"
#include "ops/table.h"
#include "ops/variable.h"

/* ---- declaring and initialising ------------------------------------------------------ */

uf_status ufi_session_declare(uf_session *s, uf_error *error) {
  if (s->declared) return UF_OK;
  for (int32_t g = 0; g < s->model->n_graphs; g++) {
    const ufi_graph *graph = &s->model->graphs[g];
    for (int32_t i = 0; i < graph->n_nodes; i++) {
      int64_t id;
      const ufi_node *node = &graph->nodes[i];
      if (!node->unsupported && ufi_has_generator(node->op, node->attrs)) UFI_TRY(ufi_random_declare(s->store, node->attrs, error));
      if (node->unsupported || !ufi_is_named_handle(node->op, node->attrs)) continue;
      UFI_TRY(ufi_handle_declare(s->store, node->attrs, &id, error));
    }
  }
  s->declared = true;
  return UF_OK;
}

static uf_status initialise_graph(uf_session *s, int32_t graph, uf_error *error) {
  ufi_frame *f = NULL;
  if (s->initialised[graph]) return UF_OK;
  UFI_TRY(ufi_session_frame(s, graph, &f, error));
  if (f->graph->n_inputs != 0) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected an initialiser graph without inputs, found '%s' with %d",
                    f->graph->name, (int)f->graph->n_inputs);
  }
  UFI_TRY(ufi_frame_run(f, NULL, error));
  UFI_TRY(ufi_frame_missing(f, NULL, error));
  s->initialised[graph] = true;
  return UF_OK;
}

uf_status ufi_session_initialise(uf_session *s, uf_error *error) {
  UFI_TRY(ufi_session_declare(s, error));
  for (int32_t g = 0; g < s->model->n_graphs; g++) {
    const ufi_graph *graph = &s->model->graphs[g];
    for (int32_t i = 0; i < graph->n_nodes; i++) {
      const ufi_node *node = &graph->nodes[i];
      if (node->op == NULL || node->op->def != &ufi_op_CALL_ONCE || node->unsupported) continue;
      const ufi_call_attrs *attrs = node->attrs;
      if (attrs->graphs[0] < 0 || attrs->graphs[0] >= s->model->n_graphs) continue;
      UFI_TRY(initialise_graph(s, attrs->graphs[0], error));
    }
  }
  return UF_OK;
}

uf_status ufi_session_resource(uf_session *s, ufi_frame *f, int32_t value, ufi_resource **out, uf_error *error) {
  const ufi_value *v = &f->graph->values[value];
  const ufi_tensor *t = &f->tensors[value];
  int64_t id = -1;
  UFI_TRY(ufi_session_declare(s, error));
  const ufi_node *node = v->producer >= 0 ? &f->graph->nodes[v->producer] : NULL;
  if (node && !node->unsupported && ufi_is_named_handle(node->op, node->attrs)) {
    UFI_TRY(ufi_handle_declare(s->store, node->attrs, &id, error));
  } else if (t->data && t->count == 1 && (f->run_id != 0 || t->is_const)) {
    memcpy(&id, t->data, sizeof id);
  }
  *out = ufi_store_at(s->store, id);
  if (*out) return UF_OK;
  return ufi_fail(error, UF_FAILED_PRECONDITION,
                  "expected handle '%s' to point to a variable, found that it was not computed yet; run the graph first",
                  v->name);
}

/* ---- the list ------------------------------------------------------------------------- */

/* As the list is asked for, initialisers have run; what they cannot do (an op
 * that is not supported) must not hide the rest. */
static uf_status ready(uf_session *s, uf_error *error) {
  uf_error ignored = {0};
  UFI_TRY(ufi_session_declare(s, error));
  uf_status status = ufi_session_initialise(s, &ignored);
  if (status == UF_RESOURCE_EXHAUSTED) return ufi_fail(error, status, "%s", ignored.message);
  return UF_OK;
}

uf_status uf_session_state_count(uf_session *s, int32_t *n_out, uf_error *error) {
  UFI_TRY(ready(s, error));
  *n_out = s->n_state + ufi_store_count(s->store);
  return UF_OK;
}

/* Entry i is a state tensor (*f_out, *value_out) or a resource (*r_out). */
static uf_status entry(uf_session *s, int32_t i, ufi_frame **f_out, int32_t *value_out, ufi_resource **r_out,
                       uf_error *error) {
  int32_t n;
  UFI_TRY(uf_session_state_count(s, &n, error));
  if (i < 0 || i >= n) return ufi_fail(error, UF_OUT_OF_RANGE, "expected a state index in [0, %d), found %d", (int)n, (int)i);
  *r_out = NULL;
  if (i >= s->n_state) {
    *r_out = ufi_store_at(s->store, i - s->n_state);
    return UF_OK;
  }
  *value_out = s->state[i].value;
  UFI_TRY(ufi_session_frame(s, s->state[i].graph, f_out, error));
  return ufi_frame_own_memory(*f_out, *value_out, error);
}

static void describe_resource(const ufi_resource *r, uf_state_info *info) {
  const uf_tensor *value = &r->value;
  info->name = r->name;
  info->container = r->container;
  info->kind = r->kind;
  info->dtype = r->dtype;
  info->key_dtype = r->key_dtype;
  info->initialized = r->initialized;
  info->graph = info->value = -1;
  info->rank = r->initialized ? value->rank : r->rank;
  memcpy(info->dims, r->initialized ? value->dims : r->dims, sizeof info->dims);
}

uf_status uf_session_state(uf_session *s, int32_t i, uf_state_info *info_out, uf_error *error) {
  ufi_frame *f = NULL;
  ufi_resource *r = NULL;
  int32_t value = -1;
  UFI_TRY(entry(s, i, &f, &value, &r, error));
  *info_out = (uf_state_info){0};
  if (r) {
    describe_resource(r, info_out);
    return UF_OK;
  }
  const ufi_tensor *t = &f->tensors[value];
  *info_out = (uf_state_info){.name = t->name, .container = "", .kind = UF_STATE_TENSOR, .dtype = t->dtype,
                              .initialized = true, .rank = t->rank, .graph = f->index, .value = value};
  memcpy(info_out->dims, t->dims, sizeof info_out->dims);
  return UF_OK;
}

uf_status uf_session_find_state(uf_session *s, const char *name, int32_t *i_out, uf_error *error) {
  int32_t n;
  UFI_TRY(uf_session_state_count(s, &n, error));
  for (int32_t i = 0; i < n; i++) {
    uf_state_info info;
    UFI_TRY(uf_session_state(s, i, &info, error));
    if (strcmp(info.name, name) == 0) {
      *i_out = i;
      return UF_OK;
    }
  }
  return ufi_fail(error, UF_NOT_FOUND, "%s: expected a variable, table or state tensor named '%s', found none among %d",
                  s->model->path, name, (int)n);
}

/* ---- values ------------------------------------------------------------------------------ */

uf_status uf_session_state_read(uf_session *s, int32_t i, uf_tensor *tensor_out, uf_error *error) {
  ufi_frame *f = NULL;
  ufi_resource *r = NULL;
  int32_t value = -1;
  uf_status status = entry(s, i, &f, &value, &r, error);
  if (status == UF_OK && r) status = ufi_variable_read(r, tensor_out, error);
  else if (status == UF_OK) status = uf_session_read(s, f->index, value, tensor_out, error);
  if (status != UF_OK && r) ufi_session_prefix(s, NULL, error);
  return status;
}

uf_status uf_session_state_keys(uf_session *s, int32_t i, uf_tensor *tensor_out, uf_error *error) {
  ufi_frame *f = NULL;
  ufi_resource *r = NULL;
  int32_t value = -1;
  char text[256];
  UFI_TRY(entry(s, i, &f, &value, &r, error));
  if (r == NULL || r->kind != UF_STATE_TABLE) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "%s: expected a table, found %s", s->model->path,
                    r ? ufi_resource_text(r, text) : "a state tensor");
  }
  if (!r->initialized) {
    return ufi_fail(error, UF_FAILED_PRECONDITION, "%s: expected %s to be filled, found it empty", s->model->path,
                    ufi_resource_text(r, text));
  }
  *tensor_out = r->keys;
  tensor_out->read_only = true;
  uf_buf_retain(tensor_out->buf);
  return UF_OK;
}

uf_status uf_session_state_write(uf_session *s, int32_t i, const uf_tensor *keys, const uf_tensor *values,
                                 uf_error *error) {
  ufi_frame *f = NULL;
  ufi_resource *r = NULL;
  int32_t value = -1;
  UFI_TRY(entry(s, i, &f, &value, &r, error));
  if (r == NULL) return uf_session_set(s, f->index, value, values, false, error);
  uf_status status;
  if (r->kind == UF_STATE_VARIABLE) status = ufi_variable_assign(r, values, false, error);
  else if (keys) status = ufi_table_import(r, keys, values, UFI_REPEAT_REFUSED, error);
  else status = ufi_fail(error, UF_INVALID_ARGUMENT, "expected keys and values for a table, found values alone");
  if (status != UF_OK) ufi_session_prefix(s, NULL, error);
  return status;
}

/* ---- reset --------------------------------------------------------------------------------- */

void uf_session_reset_state_tensors(uf_session *s) {
  for (int32_t i = 0; i < s->n_state; i++) {
    ufi_frame *f = s->frames[s->state[i].graph];
    if (f) ufi_tensor_drop(&f->tensors[s->state[i].value]); /* first value again when needed */
  }
}

void uf_session_reset(uf_session *s) {
  ufi_snapshot_drop(s);
  uf_session_reset_state_tensors(s);
  ufi_store_reset(s->store);
  s->declared = false; /* generators begin anew with the next declaration */
  memset(s->initialised, 0, (size_t)s->model->n_graphs * sizeof *s->initialised);
}
