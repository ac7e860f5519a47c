/* SPDX-License-Identifier: Apache-2.0
 *
 * call.c: graph 0 of a session as a function of its inputs, and ops run one
 * by one.
 *
 * uf_session_call does what set, run and read do, but shares the inputs'
 * memory, remembers nothing for a replay, and lets go of the inputs at the
 * end. uf_op is a graph of one node behind the same call; its session uses the
 * store of the context it belongs to, so that handles mean the same to all.
 */
#include "exec/session.h"
#include "graph/tf_graph.h"

/* ---- a session's graph 0 as a function ------------------------------------------------ */

static uf_status check_input(const ufi_tensor *to, const uf_tensor *from, int32_t i, uf_error *error) {
  if (to->dtype == from->dtype || (from->dtype == UF_RESOURCE && to->dtype == UF_INVALID)) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected %s for input %d '%s', found %s", uf_dtype_name(to->dtype), (int)i, to->name,
                  uf_dtype_name(from->dtype));
}

static uf_status take_input(ufi_frame *f, int32_t i, const uf_tensor *from, uf_error *error) {
  ufi_tensor *to = &f->tensors[f->graph->inputs[i]];
  UFI_TRY(check_input(to, from, i, error));
  to->is_dead = false;
  to->is_given = from->dtype == UF_RESOURCE;
  UFI_TRY(ufi_frame_resize(f, f->graph->inputs[i], from->rank, from->dims, error));
  if (to->size != from->size) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected %zu bytes for input %d '%s', found %zu", to->size, (int)i, to->name, from->size);
  }
  if (from->buf) {
    uf_buf *buf = uf_buf_retain(from->buf);
    uf_buf_release(to->buf);
    to->buf = buf;
    to->data = from->data;
    return UF_OK;
  }
  if (to->dtype == UF_STRING) return ufi_tensor_pack(to, from->data, error);
  UFI_TRY(ufi_tensor_fresh(to, error));
  if (to->size) memcpy(to->data, from->data, to->size);
  return UF_OK;
}

static uf_status give_output(ufi_frame *f, int32_t i, uf_tensor *out, uf_error *error) {
  const ufi_tensor *t = f->outputs[i];
  if (t->is_dead) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected '%s' to have a value, found that the branch it is in was not taken", t->name);
  }
  *out = ufi_view(t);
  out->read_only = true;
  if (t->buf) {
    uf_buf_retain(t->buf);
    return UF_OK;
  }
  out->buf = uf_buf_create(t->size);
  if (!out->buf) return ufi_no_memory(error, t->size);
  if (t->size) memcpy(uf_buf_data(out->buf), t->data, t->size);
  out->data = uf_buf_data(out->buf);
  return UF_OK;
}

static uf_status call(uf_session *s, ufi_frame *f, const uf_tensor *const *inputs, uf_tensor *outputs, uf_error *error) {
  for (int32_t i = 0; i < f->graph->n_inputs; i++) UFI_TRY(take_input(f, i, inputs[i], error));
  if (!s->declared) UFI_TRY(ufi_session_declare(s, error));
  s->run_id++;
  s->steps = 0;
  UFI_TRY(ufi_frame_run(f, NULL, error));
  UFI_TRY(ufi_frame_missing(f, NULL, error));
  for (int32_t i = 0; i < f->graph->n_outputs; i++) {
    uf_status status = give_output(f, i, &outputs[i], error);
    if (status == UF_OK) continue;
    while (i-- > 0) uf_tensor_release(&outputs[i]);
    return status;
  }
  return UF_OK;
}

/* Values that live in bufs of their own are let go of, so that what was given out is the
 * caller's alone, and so that nothing large is kept for nothing. */
static void let_go(ufi_frame *f) {
  for (int32_t i = 0; i < f->graph->n_inputs; i++) {
    f->tensors[f->graph->inputs[i]].is_given = false;
    ufi_tensor_drop(&f->tensors[f->graph->inputs[i]]);
  }
  for (int32_t i = 0; i < f->graph->n_outputs; i++) { /* a handle may own what it names */
    ufi_tensor *t = f->outputs[i];
    if ((t->dtype == UF_RESOURCE || t->dtype == UF_VARIANT) && !t->is_const && !t->in_arena) ufi_tensor_drop(t);
  }
}

uf_status uf_session_call(uf_session *s, const uf_tensor *const *inputs, int32_t n_inputs, uf_tensor *outputs,
                          int32_t n_outputs, uf_error *error) {
  ufi_frame *f = NULL;
  uf_status status = ufi_session_frame(s, 0, &f, error);
  if (status == UF_OK && (n_inputs != f->graph->n_inputs || n_outputs != f->graph->n_outputs)) {
    status = ufi_fail(error, UF_INVALID_ARGUMENT, "expected %d inputs and %d outputs, found %d and %d", (int)f->graph->n_inputs,
                      (int)f->graph->n_outputs, (int)n_inputs, (int)n_outputs);
  }
  if (status != UF_OK) return status;
  ufi_snapshot_drop(s);
  status = call(s, f, inputs, outputs, error);
  let_go(f);
  return status;
}

/* ---- contexts --------------------------------------------------------------------------- */

struct uf_context {
  atomic_int refs;
  ufi_store *store;
  uf_session_options options;
  ufi_pool *pool;
};

uf_status uf_context_create(const uf_session_options *options, uf_context **context_out, uf_error *error) {
  uf_context *c = ufi_calloc(1, sizeof *c);
  if (!c) return ufi_no_memory(error, sizeof *c);
  atomic_init(&c->refs, 1);
  if (options) c->options = *options;
  c->store = ufi_store_create();
  if (c->store && c->options.n_threads > 1) c->pool = ufi_pool_create(c->options.n_threads);
  if (!c->store || (c->options.n_threads > 1 && !c->pool)) {
    uf_context_release(c);
    return ufi_no_memory(error, sizeof *c);
  }
  c->options.n_threads = 1; /* of sessions: they share the pool here */
  *context_out = c;
  return UF_OK;
}

uf_context *uf_context_retain(uf_context *c) {
  if (c) atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
  return c;
}

void uf_context_release(uf_context *c) {
  if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1) return;
  ufi_store_release(c->store);
  ufi_pool_release(c->pool);
  ufi_free(c);
}

void uf_context_share(uf_context *c, uf_session *s) {
  uf_session other = {.store = c->store, .pool = c->pool};
  uf_session_share_state(s, &other);
}

void uf_context_share_threads(uf_context *c, uf_session *s) { ufi_session_share_threads(s, c->pool); }

uf_status uf_context_read(uf_context *c, const uf_tensor *handle, uf_tensor *out, uf_error *error) {
  int64_t id = -1;
  if (handle->dtype != UF_RESOURCE || uf_tensor_count(handle) != 1 || !handle->data) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected one handle, found a tensor of dtype %s", uf_dtype_name(handle->dtype));
  }
  memcpy(&id, handle->data, sizeof id);
  ufi_resource *r = ufi_store_at(c->store, id);
  if (!r) return ufi_fail(error, UF_NOT_FOUND, "expected a handle of a variable, found one of something that is gone");
  return ufi_variable_read(r, out, error);
}

/* ---- ops ---------------------------------------------------------------------------------- */

struct uf_op {
  uf_context *context;
  uf_session *session;
  int32_t n_in, n_out;
};

/* A graph of the op with its inputs fed and all its outputs fetched. */
static uf_status build(uf_builder *b, const char *op, const char *name, const uf_attr *attrs, int32_t n_attrs,
                       const uf_dtype *inputs, int32_t n_inputs, uf_model **model_out, int32_t *n_out, uf_error *error) {
  int32_t *in = ufi_arena_array(b->arena, (size_t)n_inputs + 1, sizeof *in), node, value;
  if (!in) return ufi_no_memory(error, sizeof *in);
  for (int32_t i = 0; i < n_inputs; i++) {
    uf_attr dtype = {.name = "dtype", .kind = UF_ATTR_DTYPE, .i = inputs[i]};
    UFI_TRY(uf_builder_add(b, "Placeholder", "input", NULL, 0, NULL, 0, &dtype, 1, &node, &in[i], error));
  }
  if (ufi_sig_of(op) && !ufi_op_by_tf(op)) {
    return ufi_fail(error, UF_UNIMPLEMENTED, "op %s '%s': unflow does not have this op", op, name);
  }
  UFI_TRY(uf_builder_add(b, op, name, in, n_inputs, NULL, 0, attrs, n_attrs, &node, &value, error));
  *n_out = b->nodes[node].n_out;
  int32_t *out = ufi_arena_array(b->arena, (size_t)*n_out + 1, sizeof *out);
  if (!out) return ufi_no_memory(error, sizeof *out);
  for (int32_t k = 0; k < *n_out; k++) out[k] = value + k;
  uf_prune what = {.struct_size = sizeof what, .feeds = in, .n_feeds = n_inputs, .fetches = out, .n_fetches = *n_out,
                   .targets = &node, .n_targets = 1};
  return uf_builder_model(b, &what, model_out, error);
}

/* Attributes that the op cannot have show at once. */
static uf_status check_attrs(const uf_model *model, uf_error *error) {
  for (int32_t i = 0; i < model->graphs[0].n_nodes; i++) {
    const ufi_node *node = &model->graphs[0].nodes[i];
    if (!node->unsupported) continue;
    return ufi_fail(error, node->failure ? node->failure : UF_UNIMPLEMENTED, "op %s '%s': %s", node->op_name, node->name, node->unsupported);
  }
  return UF_OK;
}

uf_status uf_op_create(uf_context *context, const char *op, const char *name, const uf_attr *attrs, int32_t n_attrs,
                       const uf_dtype *inputs, int32_t n_inputs, uf_op **op_out, uf_error *error) {
  uf_builder *b = uf_builder_create();
  uf_model *model = NULL;
  uf_op *made = ufi_calloc(1, sizeof *made);
  uf_status status = b && made ? UF_OK : ufi_no_memory(error, sizeof *made);
  if (status == UF_OK) status = build(b, op, name, attrs, n_attrs, inputs, n_inputs, &model, &made->n_out, error);
  if (status == UF_OK) status = check_attrs(model, error);
  if (status == UF_OK) status = uf_session_create(model, &context->options, &made->session, error);
  if (status == UF_OK) {
    made->context = uf_context_retain(context);
    made->n_in = n_inputs;
    uf_context_share(context, made->session);
    *op_out = made;
  } else {
    ufi_free(made);
  }
  uf_model_release(model);
  uf_builder_release(b);
  return status;
}

void uf_op_release(uf_op *op) {
  if (!op) return;
  uf_session_release(op->session);
  uf_context_release(op->context);
  ufi_free(op);
}

int32_t uf_op_output_count(const uf_op *op) { return op->n_out; }

uf_status uf_op_run(uf_op *op, const uf_tensor *const *inputs, uf_tensor *outputs_out, uf_error *error) {
  return uf_session_call(op->session, inputs, op->n_in, outputs_out, op->n_out, error);
}

const char *uf_tf_op(int32_t i, const char **inputs_out, const char **outputs_out, const char **attrs_out, bool *stateful_out,
                     bool *runs_out) {
  const ufi_sig *sig = ufi_sig_at(i);
  if (!sig) return NULL;
  *inputs_out = sig->inputs;
  *outputs_out = sig->outputs;
  *attrs_out = sig->attrs;
  *stateful_out = sig->flags & UFI_SIG_STATEFUL;
  *runs_out = ufi_op_by_tf(sig->op) != NULL;
  return sig->op;
}

int32_t uf_tf_op_find(const char *op) {
  const ufi_sig *sig = ufi_sig_of(op);
  return sig ? (int32_t)(sig - ufi_sig_at(0)) : -1;
}
