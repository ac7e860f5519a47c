/* SPDX-License-Identifier: Apache-2.0
 *
 * frame.c: making a graph ready to run, see frame.h.
 *
 * Allocate walks the nodes once in order. A node whose inputs have known
 * shapes is inferred and prepared; a pure one over constants is computed right
 * away (folded), and results over file constants alone are kept in the model
 * for all sessions. A node whose shapes depend on data becomes dynamic, and so
 * does what follows from it. Then memory is planned for what is left.
 */
#include "exec/frame.h"

#include "exec/session.h"
#include "ops/variant.h"
#include "ops/host.h"
#include "plan/plan.h"

/* A fold may not make more bytes than this out of few. */
#define FOLD_SMALL ((size_t)1 << 16)
#define FOLD_GROWTH 8

/* ---- tensor memory ----------------------------------------------------------- */

void ufi_tensor_drop(ufi_tensor *t) {
  uf_buf_release(t->buf);
  t->buf = NULL;
  t->data = NULL;
  t->in_arena = false;
}

uf_status ufi_tensor_fresh(ufi_tensor *t, uf_error *error) {
  uf_buf *buf = uf_buf_create(t->size);
  if (buf == NULL) return ufi_no_memory(error, t->size);
  uf_buf_release(t->buf);
  t->buf = buf;
  t->data = uf_buf_data(buf);
  t->in_arena = false;
  if (t->dtype == UF_STRING && t->size) memset(t->data, 0, t->size); /* empty strings */
  return UF_OK;
}

uf_status ufi_tensor_own_variants(ufi_tensor *t, uf_error *error) {
  uf_buf *buf;
  UFI_TRY(ufi_variants_pack(t->data, t->count, &buf, error));
  ufi_tensor_drop(t);
  t->buf = buf;
  t->data = uf_buf_data(buf);
  return UF_OK;
}

void ufi_tensor_share(ufi_tensor *t, const ufi_tensor *from) {
  uf_buf *buf = uf_buf_retain(from->buf);
  uf_buf_release(t->buf);
  t->buf = buf;
  t->data = from->data;
  t->in_arena = from->in_arena;
}

uf_status ufi_tensor_pack(ufi_tensor *t, const void *elements, uf_error *error) {
  uf_buf *packed;
  UFI_TRY(ufi_strings_pack(elements, t->count, &packed, error));
  ufi_tensor_drop(t);
  t->buf = packed;
  t->data = uf_buf_data(packed);
  return UF_OK;
}

uf_status ufi_tensor_detach(ufi_tensor *t, bool keep_value, uf_error *error) {
  if (t->buf == NULL || ufi_buf_is_unique(t->buf)) return UF_OK;
  uf_buf *old = uf_buf_retain(t->buf);
  const void *from = t->data;
  uf_status status = ufi_tensor_fresh(t, error);
  if (status == UF_OK && keep_value && t->size) memcpy(t->data, from, t->size);
  uf_buf_release(old);
  return status;
}

/* ---- create and destroy --------------------------------------------------------- */

static size_t slots_of(const ufi_graph *g) {
  size_t n = 0;
  for (int32_t i = 0; i < g->n_nodes; i++) n += (size_t)(g->nodes[i].n_in + g->nodes[i].n_out + g->nodes[i].n_aux);
  return n;
}

static bool make_arrays(ufi_frame *f, const ufi_graph *g) {
  size_t values = (size_t)g->n_values + 1, nodes = (size_t)g->n_nodes + 1;
  f->tensors = ufi_calloc(values, sizeof *f->tensors);
  f->ctxs = ufi_calloc(nodes, sizeof *f->ctxs);
  f->slots = ufi_calloc(slots_of(g) + 1, sizeof *f->slots);
  f->mode = ufi_calloc(nodes, sizeof *f->mode);
  f->plain = ufi_calloc(nodes, sizeof *f->plain);
  f->why = ufi_calloc(nodes, sizeof *f->why);
  f->captured = ufi_calloc(values, sizeof *f->captured);
  f->own = ufi_calloc(values, sizeof *f->own);
  f->planned = ufi_calloc(values, sizeof *f->planned);
  f->view_of = ufi_calloc(values, sizeof *f->view_of);
  f->refresh = ufi_calloc(values, sizeof *f->refresh);
  f->chains = ufi_calloc(nodes / 2 + 1, sizeof *f->chains);
  f->chain_of = ufi_calloc(nodes, sizeof *f->chain_of);
  f->attends = ufi_calloc(nodes / 3 + 1, sizeof *f->attends);
  f->lines = ufi_calloc(nodes / 2 + 1, sizeof *f->lines);
  f->seen_by = ufi_calloc(nodes, sizeof *f->seen_by);
  f->slot = ufi_calloc(values, sizeof *f->slot);
  f->outputs = ufi_calloc((size_t)g->n_outputs + 1, sizeof *f->outputs);
  return f->tensors && f->ctxs && f->slots && f->mode && f->plain && f->why && f->captured && f->own && f->planned &&
         f->view_of && f->refresh && f->chains && f->chain_of && f->attends && f->lines && f->seen_by && f->slot && f->outputs;
}

static void init_tensor(ufi_frame *f, int32_t i) {
  const ufi_value *v = &f->graph->values[i];
  ufi_tensor *t = &f->tensors[i];
  t->dtype = v->dtype;
  t->rank = UFI_MAX(v->rank, 0);
  memcpy(t->dims, v->dims, sizeof t->dims);
  t->quant = v->quant;
  t->name = v->name;
  t->is_state = v->kind == UF_VALUE_STATE;
  if (ufi_shape_count(t->rank, t->dims, &t->count)) {
    if (!ufi_dtype_bytes(t->dtype, t->count, &t->size)) t->size = 0;
  } else {
    t->count = 0; /* a shape the file leaves open with -1 */
  }
  if (v->kind == UF_VALUE_CONSTANT) {
    t->data = (void *)(uintptr_t)v->data; /* never written: is_const */
    t->is_const = t->is_lasting = t->shape_known = true;
  }
  t->shape_known = t->shape_known || t->is_state;
}

static void link_node(ufi_frame *f, int32_t i, ufi_tensor ***slot) {
  const ufi_node *node = &f->graph->nodes[i];
  ufi_ctx *ctx = &f->ctxs[i];
  *ctx = (ufi_ctx){.attrs = node->attrs, .n_in = node->n_in, .n_out = node->n_out, .n_aux = node->n_aux,
                   .pool = f->session->pool, .node = node, .frame = f};
  ctx->in = *slot;
  for (int32_t k = 0; k < node->n_in; k++) *(*slot)++ = node->in[k] < 0 ? NULL : &f->tensors[node->in[k]];
  ctx->out = *slot;
  for (int32_t k = 0; k < node->n_out; k++) *(*slot)++ = &f->tensors[node->out[k]];
  ctx->aux = *slot;
  for (int32_t k = 0; k < node->n_aux; k++) *(*slot)++ = node->aux[k] < 0 ? NULL : &f->tensors[node->aux[k]];
}

ufi_frame *ufi_frame_create(uf_session *s, int32_t graph) {
  const ufi_graph *g = &s->model->graphs[graph];
  ufi_frame *f = ufi_calloc(1, sizeof *f);
  if (f == NULL) return NULL;
  f->session = s;
  f->graph = g;
  f->index = graph;
  if (!make_arrays(f, g)) {
    ufi_frame_destroy(f);
    return NULL;
  }
  for (int32_t i = 0; i < g->n_values; i++) init_tensor(f, i);
  for (int32_t i = 0; i < g->n_inputs; i++) { /* also one with a first value in the file */
    f->tensors[g->inputs[i]].is_const = f->tensors[g->inputs[i]].is_lasting = false;
    f->tensors[g->inputs[i]].shape_known = true;
    if (f->graph->values[g->inputs[i]].kind == UF_VALUE_CONSTANT) f->tensors[g->inputs[i]].data = NULL;
  }
  ufi_tensor **slot = f->slots;
  for (int32_t i = 0; i < g->n_nodes; i++) link_node(f, i, &slot);
  for (int32_t i = 0; i < g->n_outputs; i++) f->outputs[i] = &f->tensors[g->outputs[i]];
  return f;
}

static void drop_state(ufi_ctx *ctx) {
  const ufi_op_row *op = ctx->node ? ctx->node->op : NULL;
  if (ctx->state && op && op->def->release) op->def->release(ctx->state);
  ufi_free(ctx->state);
  ctx->state = NULL;
}

static void drop_kept(ufi_ctx *ctx) {
  const ufi_op_row *op = ctx->node ? ctx->node->op : NULL;
  if (ctx->kept && op && op->def->forget) op->def->forget(ctx->attrs, ctx->kept);
  ctx->kept = NULL;
}

void ufi_frame_destroy(ufi_frame *f) {
  if (f == NULL) return;
  for (int32_t i = 0; f->ctxs && i < f->graph->n_nodes; i++) {
    drop_state(&f->ctxs[i]);
    drop_kept(&f->ctxs[i]);
  }
  for (int32_t i = 0; f->tensors && i < f->graph->n_values; i++) uf_buf_release(f->tensors[i].buf);
  for (size_t i = 0; f->repacked && i < (size_t)f->graph->n_nodes * UFI_PACKED_SLOTS; i++) {
    uf_buf_release(f->repacked[i].of);
    ufi_free_aligned(f->repacked[i].memory);
  }
  ufi_free(f->repacked);
  ufi_inferred_destroy(f->inferred);
  uf_buf_release(f->arena);
  ufi_free(f->tensors);
  ufi_free(f->ctxs);
  ufi_free(f->slots);
  ufi_free(f->mode);
  ufi_free(f->plain);
  ufi_free(f->why);
  ufi_free(f->captured);
  ufi_free(f->own);
  ufi_free(f->planned);
  ufi_free(f->view_of);
  ufi_free(f->refresh);
  ufi_chains_drop(f);
  ufi_free(f->chains);
  ufi_free(f->chain_of);
  ufi_free(f->attends);
  ufi_free(f->lines);
  ufi_free(f->seen_by);
  ufi_free(f->slot);
  ufi_free(f->outputs);
  ufi_free(f);
}

/* ---- inputs and state ------------------------------------------------------------- */

uf_status ufi_frame_resize(ufi_frame *f, int32_t value, int32_t rank, const int64_t *dims, uf_error *error) {
  ufi_tensor *t = &f->tensors[value];
  char text[UFI_SHAPE_TEXT];
  int64_t count;
  size_t size;
  if (rank == t->rank && memcmp(dims, t->dims, sizeof *dims * (size_t)rank) == 0) return UF_OK;
  if (rank > UF_MAX_RANK || !ufi_shape_count(rank, dims, &count) || !ufi_dtype_bytes(t->dtype, count, &size) ||
      size > f->session->max_bytes) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a shape of at most %d dimensions that fits in memory for '%s', found %s",
                    UF_MAX_RANK, t->name, ufi_shape_text(UFI_MIN(rank, UF_MAX_RANK), dims, text));
  }
  memcpy(t->dims, dims, sizeof *dims * (size_t)rank);
  t->rank = rank;
  t->count = count;
  t->size = size;
  ufi_tensor_drop(t);
  f->allocated = false;
  f->resized = f->was_allocated;
  return UF_OK;
}

/* The first value of an input or state tensor: the file's, else zero (the zero
 * point of a quantized state, as TFLite). */
static void first_value(const ufi_value *v, ufi_tensor *t) {
  const void *initial = v->kind == UF_VALUE_STATE ? v->initial : v->data;
  ufi_fresh_touch(t->data, t->size);
  if (initial && t->dtype != UF_STRING && v->size == t->size) {
    memcpy(t->data, initial, t->size);
  } else if (t->is_state && t->dtype == UF_INT8 && ufi_is_quantized(t)) {
    memset(t->data, (int)ufi_zero(t), t->size);
  } else if (t->size) {
    memset(t->data, 0, t->size);
  }
}

uf_status ufi_frame_own_memory(ufi_frame *f, int32_t value, uf_error *error) {
  ufi_tensor *t = &f->tensors[value];
  if (t->data) return UF_OK;
  if (t->size > f->session->max_bytes) {
    return ufi_fail(error, UF_RESOURCE_EXHAUSTED, "expected a tensor '%s' of at most %zu bytes, found %zu; raise max_bytes",
                    t->name, f->session->max_bytes, t->size);
  }
  UFI_TRY(ufi_tensor_fresh(t, error));
  first_value(&f->graph->values[value], t);
  return UF_OK;
}

static uf_status own_inputs(ufi_frame *f, uf_error *error) {
  const ufi_graph *g = f->graph;
  for (int32_t i = 0; i < g->n_inputs; i++) UFI_TRY(ufi_frame_own_memory(f, g->inputs[i], error));
  return UF_OK;
}

static uf_status own_state(ufi_frame *f, uf_error *error) {
  for (int32_t i = 0; i < f->graph->n_values; i++) {
    if (f->tensors[i].is_state) UFI_TRY(ufi_frame_own_memory(f, i, error));
  }
  return UF_OK;
}

/* ---- infer, prepare, fold ------------------------------------------------------------ */

static void name_node(ufi_frame *f, int32_t i, uf_error *error) {
  const ufi_node *node = &f->graph->nodes[i];
  ufi_error_prefix(error, "op #%d %s '%.200s'", (int)i, node->op_name, node->name);
}

/* Ops with a TensorFlow signature rely on it: what a .tflite file or an op before it says may be another dtype. */
static uf_status keep_signature(ufi_ctx *ctx) {
  const ufi_node *node = ctx->node;
  if (node->dtypes == NULL) return UF_OK;
  for (int32_t k = 0; k < ctx->n_in; k++) UFI_TRY(ufi_want_in(ctx, k, node->dtypes[k], UF_INVALID));
  for (int32_t k = 0; k < ctx->n_out; k++) UFI_TRY(ufi_out_dtype(ctx, k, node->dtypes[ctx->n_in + k]));
  return UF_OK;
}

uf_status ufi_node_infer(ufi_frame *f, int32_t i, uf_error *error) {
  ufi_ctx *ctx = &f->ctxs[i];
  ctx->error = error;
  uf_status status = keep_signature(ctx);
  if (status == UF_OK) status = ctx->node->op->def->infer(ctx);
  if (status != UF_OK) name_node(f, i, error);
  return status;
}

uf_status ufi_node_prepare(ufi_frame *f, int32_t i, uf_error *error) {
  ufi_ctx *ctx = &f->ctxs[i];
  const ufi_op_def *def = ctx->node->op->def;
  drop_state(ctx);
  ctx->error = error;
  ctx->scratch_size = 0;
  if (def->prepare == NULL) return UF_OK;
  uf_status status = def->prepare(ctx);
  if (status != UF_OK) name_node(f, i, error);
  return status;
}

uf_status ufi_node_eval(ufi_frame *f, int32_t i, uf_error *error) {
  ufi_ctx *ctx = &f->ctxs[i];
  ctx->error = error;
  if (ctx->scratch_size) {
    UFI_TRY(ufi_session_scratch(f->session, ctx->scratch_size, error));
    ctx->scratch = uf_buf_data(f->session->scratch);
  }
  uf_status status = ctx->node->op->def->eval(ctx);
  if (status != UF_OK) name_node(f, i, error);
  return status;
}

static void mark_missing(ufi_frame *f, int32_t i, const char *why) {
  ufi_ctx *ctx = &f->ctxs[i];
  f->mode[i] = UFI_NODE_MISSING;
  f->why[i] = why;
  for (int32_t k = 0; k < ctx->n_out; k++) ctx->out[k]->is_missing = true;
}

static void mark_dynamic(ufi_frame *f, int32_t i) {
  ufi_ctx *ctx = &f->ctxs[i];
  f->mode[i] = UFI_NODE_DYNAMIC;
  ctx->is_dynamic = true;
  for (int32_t k = 0; k < ctx->n_out; k++) ctx->out[k]->shape_known = false;
}

static bool all_inputs(const ufi_ctx *ctx, bool want_const) {
  for (int32_t k = 0; k < ctx->n_in; k++) {
    if (ctx->in[k] && !(want_const ? ctx->in[k]->is_const : ctx->in[k]->shape_known)) return false;
  }
  return true;
}

static bool any_missing(const ufi_ctx *ctx) {
  for (int32_t k = 0; k < ctx->n_in; k++) {
    if (ctx->in[k] && ctx->in[k]->is_missing) return true;
  }
  return false;
}

static bool outputs_known(const ufi_ctx *ctx) {
  for (int32_t k = 0; k < ctx->n_out; k++) {
    if (!ctx->out[k]->shape_known) return false;
  }
  return true;
}

static bool foldable(const ufi_ctx *ctx) {
  uint32_t flags = ctx->node->op->flags;
  if (ctx->n_out == 0) return false;
  if (!(flags & UFI_SHAPE_ONLY) && !((flags & UFI_PURE) && all_inputs(ctx, true))) return false;
  size_t in = 0, out = 0;
  for (int32_t k = 0; k < ctx->n_in; k++) in += ctx->in[k] ? ctx->in[k]->size : 0;
  for (int32_t k = 0; k < ctx->n_out; k++) out += ctx->out[k]->size;
  return out <= FOLD_SMALL || out / FOLD_GROWTH <= in;
}

static uf_status compute_fold(ufi_frame *f, int32_t i, uf_error *error) {
  ufi_ctx *ctx = &f->ctxs[i];
  for (int32_t k = 0; k < ctx->n_out; k++) UFI_TRY(ufi_tensor_fresh(ctx->out[k], error));
  UFI_TRY(ufi_node_eval(f, i, error));
  for (int32_t k = 0; k < ctx->n_out; k++) {
    ufi_tensor *t = ctx->out[k];
    if (t->dtype == UF_STRING) UFI_TRY(ufi_tensor_pack(t, t->data, error));
    if (t->dtype == UF_VARIANT) UFI_TRY(ufi_tensor_own_variants(t, error));
  }
  return UF_OK;
}

/* Takes the model's copy of a fold, or leaves this session's there. */
static bool take_shared(ufi_frame *f, ufi_node *node, ufi_tensor *t) {
  uf_model *model = f->session->model;
  pthread_mutex_lock(&model->lock);
  bool found = node->folded != NULL && node->folded_rank == t->rank &&
               memcmp(node->folded_dims, t->dims, sizeof t->dims) == 0;
  if (found) {
    uf_buf *buf = uf_buf_retain(node->folded);
    ufi_tensor_drop(t);
    t->buf = buf;
    t->data = uf_buf_data(buf);
  } else if (node->folded == NULL && t->buf) {
    node->folded = uf_buf_retain(t->buf);
    node->folded_rank = t->rank;
    memcpy(node->folded_dims, t->dims, sizeof t->dims);
  }
  pthread_mutex_unlock(&model->lock);
  return found;
}

/* True when the result is the same in every session and after every resize: made
 * of file constants alone. */
static bool fold_is_lasting(const ufi_ctx *ctx) {
  if (!(ctx->node->op->flags & UFI_PURE)) return false;
  for (int32_t k = 0; k < ctx->n_in; k++) {
    if (ctx->in[k] && !ctx->in[k]->is_lasting) return false;
  }
  return true;
}

static uf_status fold(ufi_frame *f, int32_t i, uf_error *error) {
  ufi_ctx *ctx = &f->ctxs[i];
  ufi_node *node = &f->session->model->graphs[f->index].nodes[i];
  bool lasting = fold_is_lasting(ctx), shared = lasting && ctx->n_out == 1;
  if (!shared || !take_shared(f, node, ctx->out[0])) {
    UFI_TRY(ufi_node_prepare(f, i, error));
    UFI_TRY(compute_fold(f, i, error));
    drop_state(ctx);
    if (shared) take_shared(f, node, ctx->out[0]);
  }
  f->mode[i] = UFI_NODE_FOLDED;
  for (int32_t k = 0; k < ctx->n_out; k++) {
    ctx->out[k]->is_const = true;
    ctx->out[k]->is_lasting = lasting;
  }
  return UF_OK;
}

static uf_status ready_node(ufi_frame *f, int32_t i, uf_error *error) {
  ufi_ctx *ctx = &f->ctxs[i];
  uf_error local = {0};
  uf_status status = ufi_node_infer(f, i, &local);
  if (status == UF_OK && !outputs_known(ctx)) {
    mark_dynamic(f, i);
    return UF_OK;
  }
  if (status == UF_OK && foldable(ctx)) status = fold(f, i, &local);
  else if (status == UF_OK) status = ufi_node_prepare(f, i, &local);
  if (status == UF_UNIMPLEMENTED || status == UF_WRONG_TYPE) { /* this type or option: the rest still runs */
    char *why = ufi_arena_string(f->session->words, local.message, strlen(local.message));
    if (!why) return ufi_no_memory(error, strlen(local.message));
    mark_missing(f, i, why);
    return UF_OK;
  }
  if (status != UF_OK && error) *error = local;
  return status;
}

static uf_status plan_node(ufi_frame *f, int32_t i, uf_error *error) {
  ufi_ctx *ctx = &f->ctxs[i];
  ctx->running = false;
  ctx->is_dynamic = false;
  f->mode[i] = UFI_NODE_STATIC;
  f->why[i] = NULL;
  if (ctx->node->is_first_value) {
    f->mode[i] = UFI_NODE_FOLDED;
  } else if (ctx->node->op == NULL || ctx->node->unsupported) {
    mark_missing(f, i, NULL); /* the model says why */
  } else if (any_missing(ctx)) {
    mark_missing(f, i, NULL);
  } else if (!all_inputs(ctx, false)) {
    mark_dynamic(f, i);
  } else {
    return ready_node(f, i, error);
  }
  return UF_OK;
}

/* ---- memory plan ------------------------------------------------------------------------ */

typedef struct planning {
  int32_t *root;       /* by value: whose memory it shares in the arena, itself; -1: not in the arena */
  int32_t *last;       /* by value: last node that reads it (of a root: of its whole group) */
  ufi_plan_item *items;
  int32_t *value_of;   /* by item */
} planning;

static bool has_own_buf_type(uf_dtype dtype) {
  return dtype == UF_STRING || dtype == UF_RESOURCE || dtype == UF_VARIANT;
}

/* Values that an op of the caller's takes or gives: it may keep what it took, and what it gave is not
 * computed again. */
static void own_around_users(ufi_frame *f) {
  const ufi_graph *g = f->graph;
  for (int32_t i = 0; i < g->n_nodes; i++) {
    if (!g->nodes[i].op || !(g->nodes[i].op->flags & UFI_USER)) continue;
    for (int32_t k = 0; k < g->nodes[i].n_in; k++) {
      if (g->nodes[i].in[k] >= 0) f->own[g->nodes[i].in[k]] = true;
    }
    for (int32_t k = 0; k < g->nodes[i].n_out; k++) f->own[g->nodes[i].out[k]] = true;
  }
}

static void mark_own(ufi_frame *f) {
  const ufi_graph *g = f->graph;
  for (int32_t i = 0; i < g->n_values; i++) {
    f->own[i] = f->session->keep_all || f->captured[i] || f->tensors[i].is_state;
    f->view_of[i] = -1;
    f->planned[i] = 0;
  }
  for (int32_t i = 0; i < g->n_inputs; i++) f->own[g->inputs[i]] = true;
  for (int32_t i = 0; i < g->n_outputs; i++) f->own[g->outputs[i]] = true;
  own_around_users(f);
}

static void find_last_uses(const ufi_frame *f, int32_t *last) {
  const ufi_graph *g = f->graph;
  for (int32_t i = 0; i < g->n_values; i++) last[i] = g->values[i].producer;
  for (int32_t i = 0; i < g->n_nodes; i++) {
    if (f->mode[i] == UFI_NODE_FOLDED || f->mode[i] == UFI_NODE_MISSING) continue;
    for (int32_t k = 0; k < g->nodes[i].n_in; k++) {
      if (g->nodes[i].in[k] >= 0) last[g->nodes[i].in[k]] = i;
    }
  }
}

/* To the plan a chain is one step. */
static int32_t step_first(const ufi_frame *f, int32_t i) {
  return f->chain_of[i] < 0 ? i : f->chains[f->chain_of[i]].first;
}
static int32_t step_last(const ufi_frame *f, int32_t i) { return f->chain_of[i] < 0 ? i : f->chains[f->chain_of[i]].last; }

/* The value whose memory a node reads for its input v, which may be seen of another. */
static int32_t read_value(const ufi_frame *f, int32_t v) {
  return f->tensors[v].seen ? (int32_t)(f->tensors[v].seen - f->tensors) : v;
}

/* A node of i's chain reads that memory, and not the elements that it writes just then. */
static bool read_elsewhere(const ufi_frame *f, const planning *p, int32_t i, int32_t root) {
  const ufi_chain *c = f->chain_of[i] < 0 ? NULL : &f->chains[f->chain_of[i]];
  const int32_t source = c && c->has_head ? ufi_line_source(f, c->first) : -1;
  if (source >= 0 && p->root[source] == root) return true;
  for (int32_t l = 0; c && l < c->n; l++) {
    const ufi_node *node = &f->graph->nodes[c->links[l].node];
    for (int32_t k = 0; k < node->n_in; k++) {
      if (node->in[k] < 0 || p->root[read_value(f, node->in[k])] != root) continue;
      if ((c->has_head && l == 0) || f->tensors[node->in[k]].count != c->count) return true;
    }
  }
  return false;
}

/* True when input k of node i may be overwritten by output 0. */
static bool can_overwrite(const ufi_frame *f, const planning *p, int32_t i, int32_t k) {
  const ufi_node *node = &f->graph->nodes[i];
  int32_t in = k < node->n_in ? node->in[k] : -1;
  if (in < 0 || p->root[in] < 0 || p->last[p->root[in]] != i || read_elsewhere(f, p, i, p->root[in])) return false;
  return f->tensors[in].size == f->tensors[node->out[0]].size;
}

/* What links before node i of its chain have read, if nobody reads it after that: piece by piece it may become the
 * output. What the node itself reads is for can_overwrite. */
static int32_t read_before(const ufi_frame *f, const planning *p, int32_t i) {
  const ufi_chain *c = f->chain_of[i] < 0 ? NULL : &f->chains[f->chain_of[i]];
  const int32_t out = f->graph->nodes[i].out[0];
  for (int32_t l = 0; c && f->tensors[out].count == c->count && c->links[l].node < i; l++) {
    const ufi_node *node = &f->graph->nodes[c->links[l].node];
    for (int32_t k = 0; k < node->n_in; k++) {
      const int32_t root = node->in[k] < 0 ? -1 : p->root[node->in[k]];
      if (root >= 0 && p->last[root] < i && !read_elsewhere(f, p, i, root) && f->tensors[root].size == f->tensors[out].size)
        return root;
    }
  }
  return -1;
}

/* Where output 0 of a node may share an input's memory; -1 for memory of its own. */
static int32_t shared_root(ufi_frame *f, const planning *p, int32_t i) {
  const ufi_node *node = &f->graph->nodes[i];
  if (node->n_in < 1 || node->in[0] < 0) return -1;
  if ((node->op->flags & UFI_VIEW) && p->root[node->in[0]] >= 0) return p->root[node->in[0]];
  for (int32_t k = 0; k < 2 && (node->op->flags & UFI_INPLACE); k++) {
    if (can_overwrite(f, p, i, k)) return p->root[node->in[k]];
  }
  return read_before(f, p, i);
}

static void place_output(ufi_frame *f, planning *p, int32_t i, int32_t k) {
  const ufi_node *node = &f->graph->nodes[i];
  int32_t v = node->out[k];
  const ufi_tensor *t = &f->tensors[v];
  if (f->own[v] || f->slot[v] >= 0) return;
  if (k == 0 && (node->op->flags & UFI_VIEW) && node->n_in > 0 && node->in[0] >= 0 && p->root[node->in[0]] < 0 &&
      !f->tensors[node->in[0]].is_state) {
    f->view_of[v] = node->in[0]; /* of a constant, an input, a string ... */
    return;
  }
  if (has_own_buf_type(t->dtype) || (node->op->flags & UFI_GIVES_MEMORY)) return;
  int32_t root = k == 0 ? shared_root(f, p, i) : -1;
  p->root[v] = root < 0 ? v : root;
  if (root >= 0) p->last[root] = UFI_MAX(p->last[root], p->last[v]);
}

static uf_status place_all(ufi_frame *f, planning *p, uf_error *error) {
  const ufi_graph *g = f->graph;
  for (int32_t i = 0; i < g->n_values; i++) p->root[i] = -1;
  for (int32_t i = 0; i < g->n_nodes; i++) f->seen_by[i] = -1;
  for (int32_t i = 0; i < g->n_values; i++) f->slot[i] = -1;
  find_last_uses(f, p->last);
  ufi_attends_find(f, p->last);
  UFI_TRY(ufi_chains_find(f, p->last, error));
  ufi_seen_find(f, p->last);
  ufi_lines_find(f, p->last);
  ufi_attends_keep(f, p->last);
  for (int32_t i = 0; i < g->n_nodes; i++) {
    if (f->mode[i] != UFI_NODE_STATIC) continue;
    for (int32_t k = 0; k < g->nodes[i].n_out; k++) place_output(f, p, i, k);
  }
  return UF_OK;
}

static int32_t make_items(const ufi_frame *f, planning *p) {
  int32_t n = 0;
  for (int32_t v = 0; v < f->graph->n_values; v++) {
    if (p->root[v] != v) continue;
    p->items[n] = (ufi_plan_item){.first = step_first(f, f->graph->values[v].producer), .last = step_last(f, p->last[v]),
                                  .size = UFI_MAX(f->tensors[v].size, (size_t)1)};
    p->value_of[n++] = v;
  }
  return n;
}

static void bind_arena(ufi_frame *f, const planning *p, int32_t n) {
  char *base = f->arena ? uf_buf_data(f->arena) : NULL;
  for (int32_t i = 0; i < n; i++) { /* roots first: the others copy their address */
    ufi_tensor *t = &f->tensors[p->value_of[i]];
    t->data = base + p->items[i].offset;
    t->in_arena = true;
  }
  for (int32_t v = 0; v < f->graph->n_values; v++) {
    if (p->root[v] < 0) continue;
    f->tensors[v].data = f->tensors[p->root[v]].data;
    f->tensors[v].in_arena = true;
    f->planned[v] = f->tensors[v].size;
  }
}

/* The session's scratch is as large as any planned node needs, so that it does not grow from one to the next; but for those
 * that want much, and perhaps never run. */
static uf_status take_scratch(ufi_frame *f, uf_error *error) {
  enum { MUCH = 16 << 20 };
  size_t most = 0;
  for (int32_t i = 0; i < f->graph->n_nodes; i++) {
    const size_t size = f->ctxs[i].scratch_size;
    if (f->mode[i] == UFI_NODE_STATIC && f->seen_by[i] < 0 && size <= MUCH) most = UFI_MAX(most, size);
  }
  return most > 0 ? ufi_session_scratch(f->session, most, error) : UF_OK;
}

static uf_status plan_arena(ufi_frame *f, planning *p, uf_error *error) {
  UFI_TRY(place_all(f, p, error));
  int32_t n = make_items(f, p);
  UFI_TRY(ufi_plan(p->items, n, &f->arena_size, &f->arena_bound, error));
  const size_t most = UFI_MIN(f->arena_bound + f->arena_bound / 3, f->session->max_bytes);
  if (ufi_pool_threads(f->session->pool) > 1) UFI_TRY(ufi_plan_middles(p->items, n, most, &f->arena_size, error));
  if (f->arena_size > f->session->max_bytes) {
    return ufi_fail(error, UF_RESOURCE_EXHAUSTED, "expected activations of at most %zu bytes, found %zu; raise max_bytes",
                    f->session->max_bytes, f->arena_size);
  }
  uf_buf_release(f->arena);
  f->arena = f->arena_size ? uf_buf_create(f->arena_size) : NULL;
  if (f->arena_size && f->arena == NULL) return ufi_no_memory(error, f->arena_size);
  if (f->arena) ufi_fresh_touch(uf_buf_data(f->arena), f->arena_size);
  bind_arena(f, p, n);
  return take_scratch(f, error);
}

/* Own memory of what static nodes compute. Zeroed, so that an output read
 * before the first run is zeros and not a stranger's bytes. */
static uf_status own_outputs(ufi_frame *f, uf_error *error) {
  const ufi_graph *g = f->graph;
  f->n_refresh = 0;
  for (int32_t i = 0; i < g->n_nodes; i++) {
    if (f->mode[i] != UFI_NODE_STATIC || (g->nodes[i].op->flags & UFI_GIVES_MEMORY)) continue;
    for (int32_t k = 0; k < g->nodes[i].n_out; k++) {
      ufi_tensor *t = f->ctxs[i].out[k];
      if (!f->own[g->nodes[i].out[k]] || has_own_buf_type(t->dtype)) continue;
      UFI_TRY(ufi_tensor_fresh(t, error));
      f->refresh[f->n_refresh++] = g->nodes[i].out[k];
      if (t->size && !f->session->keep_all) memset(t->data, 0, t->size);
    }
  }
  return UF_OK;
}

static bool is_plain(const ufi_frame *f, int32_t i) {
  const ufi_node *node = &f->graph->nodes[i];
  if (f->mode[i] != UFI_NODE_STATIC || (node->op->flags & (UFI_GIVES_MEMORY | UFI_USER))) return false;
  for (int32_t k = 0; k < node->n_out; k++) {
    if (f->view_of[node->out[k]] >= 0 || f->slot[node->out[k]] >= 0 || has_own_buf_type(f->tensors[node->out[k]].dtype)) return false;
  }
  return true;
}

static uf_status plan_memory(ufi_frame *f, uf_error *error) {
  size_t n = (size_t)f->graph->n_values + 1;
  planning p = {ufi_malloc(n * sizeof *p.root), ufi_malloc(n * sizeof *p.last), ufi_malloc(n * sizeof *p.items),
                ufi_malloc(n * sizeof *p.value_of)};
  uf_status status = UF_OK;
  if (!p.root || !p.last || !p.items || !p.value_of) status = ufi_no_memory(error, n * sizeof *p.items);
  if (status == UF_OK) status = plan_arena(f, &p, error);
  if (status == UF_OK) status = own_outputs(f, error);
  for (int32_t i = 0; status == UF_OK && i < f->graph->n_nodes; i++) f->plain[i] = is_plain(f, i);
  ufi_free(p.root);
  ufi_free(p.last);
  ufi_free(p.items);
  ufi_free(p.value_of);
  return status;
}

/* ---- allocate ------------------------------------------------------------------------------ */

/* Forgets what an earlier allocation found out about computed values. */
static void forget(ufi_frame *f) {
  const ufi_graph *g = f->graph;
  for (int32_t i = 0; i < g->n_nodes; i++) {
    for (int32_t k = 0; k < g->nodes[i].n_out; k++) {
      int32_t v = g->nodes[i].out[k];
      ufi_tensor *t = &f->tensors[v];
      ufi_tensor_drop(t);
      init_tensor(f, v);
      t->is_const = t->is_lasting = t->shape_known = t->is_missing = false;
    }
  }
  f->run_id = 0;
  f->pc = 0;
}

void ufi_frame_renew(ufi_frame *f) {
  if (!f->stale) return;
  f->allocated = f->stale = false;
}

static uf_status allocate(ufi_frame *f, uf_error *error) {
  forget(f);
  UFI_TRY(own_inputs(f, error));
  mark_own(f);
  for (int32_t i = 0; i < f->graph->n_nodes; i++) UFI_TRY(plan_node(f, i, error));
  UFI_TRY(own_state(f, error)); /* after the ops said that its size makes sense */
  UFI_TRY(plan_memory(f, error));
  f->allocated = f->was_allocated = true;
  return UF_OK;
}

/* Packing is many short calls: a run for the pool. Threads for the first run of a model that is not small begin here. */
uf_status ufi_frame_allocate(ufi_frame *f, uf_error *error) {
  enum { NOT_SMALL = 1 << 20 };
  if (f->allocated) return UF_OK;
  if (f->session->model->file && uf_buf_size(f->session->model->file) >= NOT_SMALL) ufi_pool_expect(f->session->pool);
  ufi_pool_begin(f->session->pool);
  const uf_status status = allocate(f, error);
  ufi_pool_end(f->session->pool);
  return status;
}

uf_status ufi_frame_restart(ufi_frame *f, uf_error *error) {
  for (int32_t i = 0; i < f->session->n_state; i++) {
    const ufi_state_ref *ref = &f->session->state[i];
    if (ref->graph == f->index) ufi_tensor_drop(&f->tensors[ref->value]); /* made again when needed */
  }
  for (int32_t i = 0; f->graph->has_restart && i < f->graph->n_nodes; i++) {
    const ufi_node *node = &f->graph->nodes[i];
    if (node->op == NULL || node->unsupported || node->op->def->restart == NULL) continue;
    f->ctxs[i].error = error;
    UFI_TRY(node->op->def->restart(&f->ctxs[i]));
  }
  return UF_OK;
}
