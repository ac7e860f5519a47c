/* SPDX-License-Identifier: Apache-2.0
 *
 * host.c: the executor's side of ops/host.h.
 */
#include "ops/host.h"

#include "exec/session.h"

#define MAX_CALL_DEPTH 64

ufi_store *ufi_host_store(ufi_ctx *ctx) { return ctx->frame->session->store; }
size_t ufi_host_max_bytes(const ufi_ctx *ctx) { return ctx->frame ? ctx->frame->session->max_bytes : SIZE_MAX; }
int32_t ufi_host_graph_count(ufi_ctx *ctx) { return ctx->frame->session->model->n_graphs; }

const char *ufi_host_node(const ufi_ctx *ctx) { return ctx->node->name; }

uf_buf *ufi_host_owner(const ufi_ctx *ctx, const ufi_tensor *t) {
  const ufi_frame *f = ctx->frame;
  if (t->is_state || t->in_arena) return NULL;
  if (t->buf) return t->buf;
  const ufi_value *v = &f->graph->values[t - f->tensors];
  if (v->kind != UF_VALUE_CONSTANT || t->data != v->data) return NULL;
  return v->buf ? v->buf : f->session->model->file;
}

bool ufi_host_is_set(const ufi_ctx *ctx, const ufi_tensor *t) {
  const ufi_frame *f = ctx->frame;
  return f->session->depth == 0 && f->graph->values[t - f->tensors].producer < 0;
}

void ufi_host_graph_size(ufi_ctx *ctx, int32_t graph, int32_t *n_in_out, int32_t *n_out_out) {
  const ufi_graph *g = &ctx->frame->session->model->graphs[graph];
  *n_in_out = g->n_inputs;
  *n_out_out = g->n_outputs;
}

/* ---- bodies ---------------------------------------------------------------------------- */

static int32_t input_index(const ufi_graph *g, int32_t value) {
  for (int32_t i = 0; i < g->n_inputs; i++) {
    if (g->inputs[i] == value) return i;
  }
  return -1;
}

bool ufi_host_body(ufi_ctx *ctx, int32_t graph, ufi_body_view *out) {
  const uf_model *model = ctx->frame->session->model;
  if (graph < 0 || graph >= model->n_graphs) return false;
  const ufi_graph *g = &model->graphs[graph];
  *out = (ufi_body_view){.n_in = g->n_inputs, .n_out = g->n_outputs, .n_nodes = g->n_nodes, .in = {-1, -1}, .from = -1};
  if (g->n_outputs == 0) return true;
  out->from = input_index(g, g->outputs[0]);
  if (g->n_nodes != 1) return true;
  const ufi_node *node = &g->nodes[0];
  if (node->unsupported || node->n_out != 1 || node->out[0] != g->outputs[0]) return true;
  out->op = node->op;
  out->attrs = node->attrs;
  for (int32_t i = 0; node->n_in == 2 && i < 2; i++) out->in[i] = input_index(g, node->in[i]);
  return true;
}

/* ---- memory of outputs ------------------------------------------------------------- */

static size_t planned_size(const ufi_ctx *ctx, const ufi_tensor *t) {
  return ctx->frame->planned[t - ctx->frame->tensors];
}

uf_status ufi_host_give_memory(ufi_ctx *ctx, int32_t i) {
  ufi_tensor *t = ctx->out[i];
  bool is_string = t->dtype == UF_STRING;
  if (t->in_arena && t->data && t->size <= planned_size(ctx, t)) return UF_OK;
  if (!is_string && !t->in_arena && t->buf && uf_buf_size(t->buf) == t->size && ufi_buf_is_unique(t->buf)) return UF_OK;
  return ufi_tensor_fresh(t, ctx->error);
}

static void copy_shape(ufi_tensor *dst, const ufi_tensor *src) {
  dst->rank = src->rank;
  memcpy(dst->dims, src->dims, sizeof dst->dims);
  dst->count = src->count;
  dst->size = src->size;
  dst->shape_known = true;
}

/* Notices a shape that was planned otherwise. */
static void note_reshape(ufi_ctx *ctx, const ufi_tensor *dst, const ufi_tensor *src) {
  ufi_frame *f = ctx->frame;
  bool mine = dst >= f->tensors && dst < f->tensors + f->graph->n_values;
  if (mine && !ctx->is_dynamic && !ufi_same_shape(dst, src)) f->reshaped = true;
}

uf_status ufi_host_take(ufi_ctx *ctx, ufi_tensor *dst, const ufi_tensor *src) {
  if (src->data == NULL && src->size) {
    return ufi_ctx_fail(ctx, UF_FAILED_PRECONDITION, "expected '%s' to have a value, found none", src->name);
  }
  if (dst->dtype != src->dtype && dst->dtype != UF_INVALID) { /* its readers were prepared for another one */
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected a value of dtype %s for '%s', found %s", uf_dtype_name(dst->dtype),
                        dst->name ? dst->name : "", uf_dtype_name(src->dtype));
  }
  note_reshape(ctx, dst, src);
  copy_shape(dst, src);
  if (src->buf && !src->in_arena && !src->is_state) {
    ufi_tensor_share(dst, src);
    return UF_OK;
  }
  if (src->dtype == UF_STRING) { /* constants of the model: their characters stay where they are */
    return ufi_tensor_pack(dst, src->data, ctx->error);
  }
  UFI_TRY(ufi_tensor_fresh(dst, ctx->error));
  if (src->size) memcpy(dst->data, src->data, src->size);
  return UF_OK;
}

uf_status ufi_host_out_share(ufi_ctx *ctx, int32_t i, const uf_tensor *tensor) {
  ufi_tensor src = {.dtype = tensor->dtype, .rank = tensor->rank, .count = uf_tensor_count(tensor),
                    .size = tensor->size, .data = tensor->data, .buf = tensor->buf, .name = ctx->out[i]->name};
  memcpy(src.dims, tensor->dims, sizeof src.dims);
  if (ctx->out[i]->dtype == UF_INVALID) ctx->out[i]->dtype = tensor->dtype;
  return ufi_host_take(ctx, ctx->out[i], &src);
}

/* ---- calls ---------------------------------------------------------------------------- */

static uf_status check_call(ufi_ctx *ctx, ufi_frame *f, ufi_tensor *const *in, int32_t n_in) {
  const ufi_graph *g = f->graph;
  if (f->running) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected no recursion, found graph '%s' calling itself", g->name);
  if (n_in != g->n_inputs) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %d values for the inputs of graph '%s', found %d",
                        (int)g->n_inputs, g->name, (int)n_in);
  }
  for (int32_t k = 0; k < n_in; k++) {
    ufi_tensor *to = &f->tensors[g->inputs[k]];
    if (in[k] == NULL) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a value for '%s', found it omitted", to->name);
    UFI_TRY(ufi_want_same(ctx, to, in[k]));
  }
  return UF_OK;
}

static uf_status shape_inputs(ufi_ctx *ctx, ufi_frame *f, ufi_tensor *const *in, int32_t n_in) {
  for (int32_t k = 0; k < n_in; k++) {
    if (in[k]->shape_known) {
      UFI_TRY(ufi_frame_resize(f, f->graph->inputs[k], in[k]->rank, in[k]->dims, ctx->error));
    }
  }
  return UF_OK;
}

static uf_status bind_input(ufi_ctx *ctx, ufi_tensor *to, const ufi_tensor *from) {
  to->is_dead = from->is_dead;
  if (from->is_dead) return UF_OK;
  if (from->buf && !from->in_arena && !from->is_state) {
    ufi_tensor_share(to, from);
    return UF_OK;
  }
  if (from->dtype == UF_STRING) return ufi_tensor_pack(to, from->data, ctx->error);
  if (to->buf == NULL || !ufi_buf_is_unique(to->buf) || uf_buf_size(to->buf) != to->size) {
    UFI_TRY(ufi_tensor_fresh(to, ctx->error));
  }
  if (to->size) memcpy(to->data, from->data, to->size);
  return UF_OK;
}

/* The frame of a graph, ready to be planned or run. */
static uf_status enter(ufi_ctx *ctx, int32_t graph, ufi_frame **out) {
  uf_session *s = ctx->frame->session;
  UFI_TRY(ufi_session_frame(s, graph, out, ctx->error));
  if (s->depth >= MAX_CALL_DEPTH) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected calls nested at most %d deep, found more", MAX_CALL_DEPTH);
  }
  s->depth++;
  if (!(*out)->running) ufi_frame_renew(*out); /* else it calls itself, which check_call says */
  return UF_OK;
}

static uf_status leave(ufi_ctx *ctx, ufi_frame *f, uf_status status, ufi_tensor *const **out, int32_t *n_out) {
  ctx->frame->session->depth--;
  if (status != UF_OK) {
    ufi_error_prefix(ctx->error, "graph '%.100s'", f->graph->name);
    return status;
  }
  if (out) *out = f->outputs;
  if (n_out) *n_out = f->graph->n_outputs;
  return UF_OK;
}

static uf_status infer(ufi_ctx *ctx, int32_t graph, ufi_tensor *const *in, int32_t n_in, ufi_tensor *const **out,
                       int32_t *n_out) {
  ufi_frame *f = NULL;
  UFI_TRY(enter(ctx, graph, &f));
  uf_status status = check_call(ctx, f, in, n_in);
  ufi_tensor *const *known = status == UF_OK ? ufi_inferred_find(f, in, n_in) : NULL;
  if (known == NULL) {
    if (status == UF_OK) status = shape_inputs(ctx, f, in, n_in);
    f->running = true; /* so that a graph that calls itself is noticed here, too */
    if (status == UF_OK) status = ufi_frame_allocate(f, ctx->error);
    f->running = false;
    if (status == UF_OK) ufi_inferred_keep(f, in, n_in);
  }
  UFI_TRY(leave(ctx, f, status, out, n_out));
  if (known) *out = known;
  return UF_OK;
}

uf_status ufi_host_infer(ufi_ctx *ctx, int32_t graph, ufi_tensor *const *in, int32_t n_in, ufi_tensor *const **out,
                         int32_t *n_out) {
  uf_session *s = ctx->frame->session;
  const bool outermost = !s->inferring;
  s->infer_pass += outermost;
  s->inferring = true;
  const uf_status status = infer(ctx, graph, in, n_in, out, n_out);
  if (outermost) s->inferring = false;
  return status;
}

uf_status ufi_host_restart(ufi_ctx *ctx, int32_t graph) {
  ufi_frame *f = NULL;
  UFI_TRY(ufi_session_frame(ctx->frame->session, graph, &f, ctx->error));
  return ufi_frame_restart(f, ctx->error);
}

static uf_status call(ufi_ctx *ctx, ufi_frame *f, ufi_tensor *const *in, int32_t n_in) {
  UFI_TRY(check_call(ctx, f, in, n_in));
  UFI_TRY(shape_inputs(ctx, f, in, n_in));
  UFI_TRY(ufi_frame_allocate(f, ctx->error));
  for (int32_t k = 0; k < n_in; k++) UFI_TRY(bind_input(ctx, &f->tensors[f->graph->inputs[k]], in[k]));
  UFI_TRY(ufi_frame_run(f, NULL, ctx->error));
  return ufi_frame_missing(f, NULL, ctx->error);
}

uf_status ufi_host_call(ufi_ctx *ctx, int32_t graph, ufi_tensor *const *in, int32_t n_in, ufi_tensor *const **out,
                        int32_t *n_out) {
  ufi_frame *f = NULL;
  UFI_TRY(enter(ctx, graph, &f));
  return leave(ctx, f, call(ctx, f, in, n_in), out, n_out);
}

uf_status ufi_host_call_once(ufi_ctx *ctx, int32_t graph) {
  uf_session *s = ctx->frame->session;
  if (s->initialised[graph]) return UF_OK;
  UFI_TRY(ufi_host_call(ctx, graph, NULL, 0, NULL, NULL));
  s->initialised[graph] = true;
  return UF_OK;
}
