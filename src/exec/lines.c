/* SPDX-License-Identifier: Apache-2.0
 *
 * lines.c: convolutions that alone read each other: pointwise and depthwise ones, and the first layer of a network.
 *
 * Where what is between them is large, all run at the last, some lines at a time (ops/strips.h), and those before it do not.
 * What they would make has no memory; who wants to see it has it from a replay, where all run in turn. An activation that is
 * a chain of ops (chain.c) behind such a convolution goes over its lines as soon as they are made.
 */
#include "ops/strips.h"

#include "exec/session.h"

_Static_assert(UFI_LINE_MAX == (int)UFI_STRIPS_MAX, "a line is what runs in strips");

enum {
  LARGE = 128 << 10, /* bytes of what is between */
  LINES = 24,        /* of it for each thread: neighbours make those at the border twice */
  NEAR = 16,         /* nodes between the two, at most */
};

/* ---- found when memory is planned -------------------------------------------------------- */

/* Runs as planned, and no node goes through it. */
static bool is_free(const ufi_frame *f, int32_t i) {
  return f->mode[i] == UFI_NODE_STATIC && f->seen_by[i] < 0 && f->ctxs[i].n_out == 1;
}

static ufi_chain *chain_of(const ufi_frame *f, int32_t i) { return f->chain_of[i] < 0 ? NULL : &f->chains[f->chain_of[i]]; }

/* Free to be the last of a line. */
static bool may_end(const ufi_frame *f, int32_t i) {
  const ufi_chain *c = chain_of(f, i);
  if (!is_free(f, i)) return false;
  return c ? c->first == i && c->has_head : !f->own[f->graph->nodes[i].out[0]];
}

static bool strips_of(ufi_frame *f, int32_t i, ufi_strips *s) {
  ufi_ctx *ctx = &f->ctxs[i];
  const ufi_op_def *def = ctx->node->op ? ctx->node->op->def : NULL;
  *s = (ufi_strips){0};
  return def && def->strips && def->strips(ctx, s);
}

/* Inputs are as they were when the node runs later than planned. */
static bool has_lasting_inputs(const ufi_ctx *ctx) {
  for (int32_t k = 0; k < ctx->n_in; k++) {
    if (ctx->in[k] && (ctx->in[k]->is_state || ctx->in[k]->seen)) return false;
  }
  return true;
}

/* The convolution that makes what node i reads, with the chain that it leads, if it runs there; -1: none does. */
static int32_t maker_of(const ufi_frame *f, int32_t i, const int32_t *last) {
  const int32_t v = f->graph->nodes[i].in[0], from = v < 0 ? -1 : f->graph->values[v].producer;
  const ufi_chain *c = from < 0 ? NULL : chain_of(f, from);
  const int32_t maker = c ? c->first : from;
  if (maker < 0 || from >= i || maker + NEAR <= i || !is_free(f, maker)) return -1;
  if (c && (c->links[c->n - 1].node != from || !ufi_chain_is_local(f, c, last))) return -1;
  const bool fits = !f->own[v] && f->slot[v] < 0 && last[v] == i && f->tensors[v].size >= LARGE && !f->tensors[v].seen;
  const bool may_wait = fits && has_lasting_inputs(&f->ctxs[maker]) && ufi_is_steady(f, maker, i);
  return may_wait && ufi_only_input(f, v, from, i) == 0 ? maker : -1;
}

bool ufi_line_may_pass(const ufi_frame *f, const ufi_chain *c, const int32_t *last) {
  const ufi_node *nodes = f->graph->nodes;
  const int32_t v = nodes[c->last].out[0], reader = last[v];
  return reader > c->last && nodes[c->first].op->def->strips && nodes[reader].op && nodes[reader].op->def->strips &&
         f->tensors[v].size >= LARGE;
}

static size_t padded(size_t bytes) { return (bytes + 63) / 64 * 64; }

/* Scratch: each node's, and what each keeps; then buffers. */
static size_t size_before(const ufi_line *l, const ufi_strips *all) {
  size_t bytes = 0;
  for (int32_t k = 0; k < l->n; k++) bytes += padded(l->scratch[k]) + padded(all[k].own_bytes);
  return bytes;
}

static void hide_node(ufi_frame *f, int32_t i, int32_t reader, int32_t *last) {
  const ufi_node *node = &f->graph->nodes[i];
  f->seen_by[i] = reader;
  for (int32_t k = 0; k < node->n_in; k++) {
    if (node->in[k] >= 0) last[node->in[k]] = UFI_MAX(last[node->in[k]], reader);
  }
}

/* Node i, which comes before the reader, and its chain. */
static void hide(ufi_frame *f, int32_t i, int32_t reader, int32_t *last) {
  ufi_chain *c = chain_of(f, i);
  const int32_t end = c ? c->links[c->n - 1].node : i;
  for (int32_t l = 1; c && l < c->n; l++) hide_node(f, c->links[l].node, reader, last);
  if (c) c->in_line = true;
  hide_node(f, i, reader, last);
  f->slot[f->graph->nodes[i].out[0]] = f->slot[f->graph->nodes[end].out[0]] = UFI_SLOT_MADE;
}

/* As many nodes before node i as fit, from the first to i itself. */
static ufi_line trace(ufi_frame *f, int32_t i, const int32_t *last, ufi_strips *all) {
  const int64_t threads = ufi_pool_threads(f->session->pool);
  ufi_strips found[UFI_STRIPS_MAX];
  ufi_line l = {.n = 0};
  for (int32_t at = i, k = UFI_STRIPS_MAX - 1; at >= 0 && k >= 0 && strips_of(f, at, &found[k]); k--) {
    if (at != i && (!ufi_strips_fit(&found[k], &found[k + 1]) || found[k].out_h < LINES * threads)) break;
    l.nodes[k] = at;
    l.n++;
    at = maker_of(f, at, last);
  }
  for (int32_t k = 0; k < l.n; k++) {
    l.nodes[k] = l.nodes[UFI_STRIPS_MAX - l.n + k];
    all[k] = found[UFI_STRIPS_MAX - l.n + k];
    l.scratch[k] = f->ctxs[l.nodes[k]].scratch_size;
  }
  return l;
}

/* From the last node to the first, so that lines are as long as can be. */
void ufi_lines_find(ufi_frame *f, int32_t *last) {
  const ufi_graph *g = f->graph;
  const size_t threads = (size_t)ufi_pool_threads(f->session->pool);
  f->n_lines = 0;
  for (int32_t i = g->n_nodes - 1; i >= 0 && !g->has_dead; i--) {
    ufi_strips all[UFI_STRIPS_MAX];
    const ufi_tensor *x = f->ctxs[i].n_in > 0 ? f->ctxs[i].in[0] : NULL;
    if (!x || x->seen || !may_end(f, i)) continue;
    const ufi_line l = trace(f, i, last, all);
    if (l.n < 2) continue;
    ufi_want_scratch(&f->ctxs[i], size_before(&l, all) + ufi_strips_buffer(all, l.n) * threads);
    for (int32_t k = 0; k < l.n - 1; k++) hide(f, l.nodes[k], i, last);
    f->lines[f->n_lines++] = l;
  }
}

/* The one that runs at that node; NULL: none. */
static const ufi_line *line_at(const ufi_frame *f, int32_t node) {
  for (const ufi_line *l = f->lines; l < f->lines + f->n_lines; l++) {
    if (l->nodes[l->n - 1] == node) return l;
  }
  return NULL;
}

int32_t ufi_line_source(const ufi_frame *f, int32_t node) {
  const ufi_line *l = line_at(f, node);
  return l ? f->graph->nodes[l->nodes[0]].in[0] : -1;
}

/* ---- run ------------------------------------------------------------------------------------ */

const ufi_line *ufi_line_at(const ufi_frame *f, int32_t node) {
  const ufi_line *l = f->graph->nodes[node].op->def->strips ? line_at(f, node) : NULL;
  const bool has_run = l && f->ctxs[node].in[0]->data != NULL; /* the one before it, in turn */
  return has_run || f->reshaped ? NULL : l;
}

typedef struct following {
  ufi_chain_pass pass[UFI_STRIPS_MAX];
  const ufi_done *done;
} following;

static void run_links(void *context, int64_t row, int64_t rows, void *lines) {
  const ufi_chain_pass *p = context;
  ufi_chain_links(p, (size_t)(row * p->c->row), (size_t)(rows * p->c->row), lines);
}

static void tell(void *context, int64_t row, int64_t rows, void *lines) {
  const ufi_done *done = context;
  done->fn(done->context, row, rows);
}

/* What comes behind convolution k: its chain, which is run here, or (of the last) tells of the rows that are there. */
static void set_following(ufi_frame *f, const ufi_line *l, int32_t k, following *all, ufi_strips *s) {
  const ufi_chain *c = chain_of(f, l->nodes[k]);
  if (k < l->n - 1 && c) {
    ufi_chain_begin(f, c, &all->pass[k]);
    s->then = run_links;
    s->context = &all->pass[k];
  } else if (k == l->n - 1 && all->done) {
    s->then = tell;
    s->context = (void *)(uintptr_t)all->done;
  }
}

uf_status ufi_line_run(ufi_frame *f, const ufi_line *l, uf_error *error) {
  ufi_ctx *const first = &f->ctxs[l->nodes[0]], *const last = &f->ctxs[l->nodes[l->n - 1]];
  ufi_strips all[UFI_STRIPS_MAX];
  following after;
  after.done = last->done;
  last->done = NULL; /* it is told here */
  UFI_TRY(ufi_session_scratch(f->session, last->scratch_size, error));
  uint8_t *at = uf_buf_data(f->session->scratch);
  for (int32_t k = 0; k < l->n; k++) {
    ufi_ctx *ctx = &f->ctxs[l->nodes[k]];
    if (!strips_of(f, l->nodes[k], &all[k]))
      return ufi_fail(error, UF_INTERNAL, "op #%d %s: expected the convolution that was planned", (int)l->nodes[k], ctx->node->op_name);
    ctx->running = true;
    ctx->error = error;
    ctx->scratch = at;
    all[k].own = at += padded(l->scratch[k]);
    at += padded(all[k].own_bytes);
    UFI_TRY(all[k].begin(ctx, &all[k]));
    set_following(f, l, k, &after, &all[k]);
  }
  ufi_strips_run(last->pool, all, l->n, first->in[0]->data, last->out[0]->data, at);
  return UF_OK;
}
