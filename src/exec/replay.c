/* SPDX-License-Identifier: Apache-2.0
 *
 * replay.c: any intermediate of the last run, though its memory was reused.
 *
 * Before a run the session remembers what the run starts from: references to
 * the inputs, to the values of all resources and to the state tensors. None of
 * it is copied: whoever writes next finds the memory shared and takes fresh
 * memory (run.c, resource.c). To read an intermediate, a second session over
 * the same model that keeps everything starts from there and runs, with the
 * same kernels in the same order, up to the node that computes it; further
 * reads go on from where it stopped. Its effects stay in its own store.
 */
#include "exec/session.h"

/* ---- snapshot ---------------------------------------------------------------------- */

static void release_snapshot(ufi_snapshot *snap, int32_t n_state) {
  for (int32_t i = 0; snap->inputs && i < snap->n_inputs; i++) uf_buf_release(snap->inputs[i].buf);
  for (int32_t i = 0; snap->state && i < n_state; i++) uf_buf_release(snap->state[i]);
  ufi_free(snap->inputs);
  ufi_free(snap->state);
  ufi_free(snap->initialised);
  ufi_free(snap->wanted);
  ufi_store_release(snap->store);
  *snap = (ufi_snapshot){.graph = -1};
}

void ufi_snapshot_drop(uf_session *s) {
  uf_session_release(s->replay);
  s->replay = NULL;
  release_snapshot(&s->last, s->n_state);
}

static bool copy_inputs(ufi_snapshot *snap, const ufi_frame *f) {
  snap->n_inputs = f->graph->n_inputs;
  snap->inputs = ufi_calloc((size_t)snap->n_inputs + 1, sizeof *snap->inputs);
  if (snap->inputs == NULL) return false;
  for (int32_t i = 0; i < snap->n_inputs; i++) {
    snap->inputs[i] = f->tensors[f->graph->inputs[i]];
    uf_buf_retain(snap->inputs[i].buf);
  }
  return true;
}

static bool copy_state(ufi_snapshot *snap, const uf_session *s) {
  snap->state = ufi_calloc((size_t)s->n_state + 1, sizeof *snap->state);
  if (snap->state == NULL) return false;
  for (int32_t i = 0; i < s->n_state; i++) {
    const ufi_frame *f = s->frames[s->state[i].graph];
    snap->state[i] = f ? uf_buf_retain(f->tensors[s->state[i].value].buf) : NULL;
  }
  return true;
}

static bool copy_flags(ufi_snapshot *snap, const uf_session *s, const ufi_frame *f, const bool *wanted) {
  size_t n = (size_t)s->model->n_graphs;
  snap->initialised = ufi_calloc(n + 1, sizeof *snap->initialised);
  if (snap->initialised == NULL) return false;
  memcpy(snap->initialised, s->initialised, n * sizeof *snap->initialised);
  if (wanted == NULL) return true;
  snap->wanted = ufi_calloc((size_t)f->graph->n_nodes + 1, sizeof *snap->wanted);
  if (snap->wanted == NULL) return false;
  memcpy(snap->wanted, wanted, (size_t)f->graph->n_nodes * sizeof *wanted);
  return true;
}

uf_status ufi_snapshot_take(uf_session *s, ufi_frame *f, const bool *wanted, uf_error *error) {
  ufi_snapshot_drop(s);
  s->last.graph = f->index;
  bool good = copy_flags(&s->last, s, f, wanted);
  if (good && !s->keep_all) {
    s->last.store = ufi_store_clone(s->store);
    good = s->last.store && copy_inputs(&s->last, f) && copy_state(&s->last, s);
  }
  if (good) return UF_OK;
  ufi_snapshot_drop(s);
  return ufi_no_memory(error, sizeof s->last);
}

uf_status ufi_snapshot_detach(uf_session *s, ufi_tensor *t, uf_error *error) {
  for (int32_t i = 0; i < s->last.n_inputs; i++) {
    if (s->last.inputs[i].buf != t->buf || t->dtype == UF_STRING) continue;
    return ufi_tensor_detach(t, true, error); /* the snapshot's reference makes it shared */
  }
  return UF_OK;
}

/* ---- replay -------------------------------------------------------------------------- */

static uf_status restore(uf_session *r, const uf_session *s, uf_error *error) {
  const ufi_snapshot *snap = &s->last;
  ufi_frame *f = NULL;
  ufi_store *store = ufi_store_clone(snap->store);
  if (store == NULL) return ufi_no_memory(error, 0);
  ufi_store_release(r->store);
  r->store = store;
  r->declared = true;
  memcpy(r->initialised, snap->initialised, (size_t)s->model->n_graphs * sizeof *r->initialised);
  for (int32_t i = 0; i < s->n_state; i++) {
    if (snap->state[i] == NULL) continue;
    UFI_TRY(ufi_session_frame(r, s->state[i].graph, &f, error));
    ufi_tensor *t = &f->tensors[s->state[i].value];
    uf_buf_release(t->buf);
    t->buf = uf_buf_retain(snap->state[i]);
    t->data = uf_buf_data(t->buf);
  }
  UFI_TRY(ufi_session_frame(r, snap->graph, &f, error));
  for (int32_t i = 0; i < snap->n_inputs; i++) {
    const ufi_tensor *from = &snap->inputs[i];
    UFI_TRY(ufi_frame_resize(f, f->graph->inputs[i], from->rank, from->dims, error));
    ufi_tensor_share(&f->tensors[f->graph->inputs[i]], from);
  }
  return UF_OK;
}

static uf_status start(uf_session *s, uf_error *error) {
  uf_session_options options = {sizeof options, s->n_threads, true, s->max_steps, s->max_bytes};
  ufi_frame *f = NULL;
  UFI_TRY(uf_session_create(s->model, &options, &s->replay, error));
  uf_status status = restore(s->replay, s, error);
  s->replay->run_id = 1;
  s->replay->original = s;
  if (status == UF_OK) status = ufi_session_frame(s->replay, s->last.graph, &f, error);
  if (status == UF_OK) status = ufi_frame_begin(f, error);
  if (status != UF_OK) {
    uf_session_release(s->replay);
    s->replay = NULL;
  }
  return status;
}

/* A node of the graph that ran whose outputs that run kept, so that it must not run again: they are taken. */
bool ufi_replay_keeps(const ufi_frame *f, int32_t i, const ufi_frame **from_out) {
  const uf_session *s = f->session->original;
  if (!s || f->index != s->last.graph || !(f->graph->nodes[i].op->flags & UFI_USER)) return false;
  *from_out = s->frames[f->index];
  return *from_out != NULL;
}

uf_status ufi_replay_value(uf_session *s, int32_t graph, int32_t value, const ufi_tensor **out, uf_error *error) {
  ufi_frame *top, *f;
  int32_t producer = s->model->graphs[graph].values[value].producer;
  const char *name = s->model->graphs[graph].values[value].name;
  if (s->keep_all) {
    return ufi_fail(error, UF_FAILED_PRECONDITION, "expected tensor '%s' to have been computed in the last run, found that it was not",
                    name);
  }
  if (s->replay == NULL) UFI_TRY(start(s, error));
  UFI_TRY(ufi_session_frame(s->replay, s->last.graph, &top, error));
  UFI_TRY(ufi_session_frame(s->replay, graph, &f, error));
  int32_t end = graph == s->last.graph ? producer + 1 : top->graph->n_nodes;
  UFI_TRY(ufi_frame_steps(top, end, s->last.wanted, error));
  *out = &f->tensors[value];
  bool ran = f->run_id != 0 && f->pc > producer && (!s->last.wanted || f != top || s->last.wanted[producer]);
  if (ran && ((*out)->data || (*out)->size == 0)) return UF_OK;
  return ufi_fail(error, UF_FAILED_PRECONDITION,
                  "expected tensor '%s' to have been computed in the last run, found that it was not; run the graph it is part of",
                  name);
}
