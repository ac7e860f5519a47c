/* SPDX-License-Identifier: Apache-2.0
 *
 * chain.c: nodes that run together, piece by piece.
 *
 * A normalization, an activation and a sum over a large tensor each read and write all of it; run one after the other
 * over a piece that stays in the cache, memory is read once and written once. At the head of a chain there may be a
 * convolution or a product, which tells when a block of rows is there (ufi_ctx.done): what follows then runs over that
 * block. A value that only the chain itself reads is never written to memory: it passes from node to node in a slot of
 * a piece's size. Who wants to see it has it from a replay, as other intermediates.
 *
 * Chains are found when memory is planned, since running in pieces is the same as running in turn only if no node
 * writes what another one reads elsewhere. To the plan a whole chain is one step: all that it reads and writes is alive
 * at the same time, so that it lies apart. A node still writes over its own input where the plan allows, but for what
 * the head reads, and for what is repeated.
 *
 * In a run of which the chain is not to be run whole (some nodes only, up to some node) its nodes run in turn.
 */
#include "exec/session.h"

enum { CHAIN_ELEMENTS = 1 << 12, PIECE_BYTES = 8192, SLOTS = 3 };

/* ---- found when memory is planned ------------------------------------------------------ */

static size_t element_size(const ufi_tensor *t) { return (size_t)uf_dtype_bits(t->dtype) / 8; }

static bool is_large(const ufi_frame *f, int32_t i) {
  const ufi_ctx *ctx = &f->ctxs[i];
  return f->mode[i] == UFI_NODE_STATIC && ctx->n_out == 1 && ctx->out[0]->count >= CHAIN_ELEMENTS &&
         element_size(ctx->out[0]) > 0;
}

static ufi_part_fn part_of(const ufi_frame *f, int32_t i) {
  const ufi_ctx *ctx = &f->ctxs[i];
  if (!is_large(f, i) || !ctx->node->op->def->part || ctx->n_in < 1 || ctx->n_in > 2) return NULL;
  for (int32_t k = 0; k < ctx->n_in; k++) {
    if (!ctx->in[k] || element_size(ctx->in[k]) == 0) return NULL;
  }
  return ctx->node->op->def->part(ctx);
}

static bool is_head(const ufi_frame *f, int32_t i) {
  return is_large(f, i) && (f->graph->nodes[i].op->flags & UFI_TELLS) && f->ctxs[i].out[0]->rank > 0;
}

/* One input at least comes from the chain. */
static bool follows(const ufi_frame *f, const ufi_chain *c, int32_t i) {
  const ufi_node *node = &f->graph->nodes[i];
  for (int32_t k = 0; k < node->n_in; k++) {
    int32_t producer = f->graph->values[node->in[k]].producer;
    if (producer >= c->first && producer < i && f->mode[producer] == UFI_NODE_STATIC) return true;
  }
  return false;
}

static void add_link(ufi_chain *c, int32_t i, ufi_part_fn part) {
  c->links[c->n++] = (ufi_link){i, part};
  c->last = i;
}

static void grow(const ufi_frame *f, ufi_chain *c) {
  const int64_t count = f->ctxs[c->first].out[0]->count;
  for (int32_t i = c->first + 1; i < f->graph->n_nodes && c->n < UFI_CHAIN_MAX; i++) {
    if (f->mode[i] == UFI_NODE_FOLDED) continue;
    ufi_part_fn part = part_of(f, i);
    if (!part || f->ctxs[i].out[0]->count != count || !follows(f, c, i)) return;
    add_link(c, i, part);
  }
}

/* Values that only the chain reads get slots, as many as there are. */
static void give_slots(ufi_frame *f, const ufi_chain *c, const int32_t *last) {
  int32_t busy[SLOTS] = {-1, -1, -1}; /* the last node that reads what is there */
  for (int32_t l = 0; l < c->n; l++) {
    int32_t i = c->links[l].node, v = f->graph->nodes[i].out[0];
    if (!c->links[l].part || f->own[v] || last[v] > c->last) continue;
    for (int32_t s = 0; s < SLOTS; s++) {
      if (busy[s] >= i) continue;
      busy[s] = last[v];
      f->slot[v] = (int8_t)s;
      break;
    }
  }
}

static bool find_at(ufi_frame *f, int32_t i, const int32_t *last) {
  ufi_chain c = {.first = i, .last = i};
  ufi_part_fn part = part_of(f, i);
  if (!part && !is_head(f, i)) return false;
  add_link(&c, i, part);
  grow(f, &c);
  if (c.n < 2) return false;
  size_t largest = 1;
  for (int32_t l = 0; l < c.n; l++) {
    f->chain_of[c.links[l].node] = f->n_chains;
    largest = UFI_MAX(largest, element_size(f->ctxs[c.links[l].node].out[0]));
  }
  c.piece = PIECE_BYTES / largest;
  give_slots(f, &c, last);
  f->chains[f->n_chains++] = c;
  return true;
}

void ufi_chains_find(ufi_frame *f, const int32_t *last) {
  const ufi_graph *g = f->graph;
  f->n_chains = 0;
  for (int32_t i = 0; i < g->n_nodes; i++) f->chain_of[i] = -1;
  for (int32_t i = 0; i < g->n_values; i++) f->slot[i] = -1;
  if (g->has_dead) return;
  for (int32_t i = 0; i < g->n_nodes; i++) {
    if (find_at(f, i, last)) i = f->chains[f->n_chains - 1].last;
  }
}

/* ---- run ------------------------------------------------------------------------------------ */

/* Where a tensor of a link is: of element i at base + i * step, or in a slot. */
typedef struct operand {
  char *base;
  size_t step;
  int32_t slot; /* -1: none */
} operand;

typedef struct run {
  const ufi_frame *f;
  const ufi_chain *c;
  operand in[UFI_CHAIN_MAX][2], out[UFI_CHAIN_MAX];
  int64_t columns, told; /* of the head: its last dimension, rows that it told of */
} run;

static operand operand_of(const run *r, const ufi_tensor *t) {
  const int64_t count = r->f->ctxs[r->c->first].out[0]->count;
  return (operand){t->data, t->count == count ? element_size(t) : 0, r->f->slot[t - r->f->tensors]};
}

static void find_operands(run *r) {
  for (int32_t l = 0; l < r->c->n; l++) {
    const ufi_ctx *ctx = &r->f->ctxs[r->c->links[l].node];
    if (!r->c->links[l].part) continue;
    for (int32_t k = 0; k < ctx->n_in; k++) r->in[l][k] = operand_of(r, ctx->in[k]);
    r->out[l] = operand_of(r, ctx->out[0]);
  }
}

static char *address(const operand *o, char (*slots)[PIECE_BYTES], size_t begin) {
  return o->slot >= 0 ? slots[o->slot] : o->base + begin * o->step;
}

static void run_pieces(void *context, size_t begin, size_t end) {
  const run *r = context;
  _Alignas(64) char slots[SLOTS][PIECE_BYTES];
  for (size_t at = begin; at < end; at += r->c->piece) {
    const size_t n = UFI_MIN(end - at, r->c->piece);
    for (int32_t l = 0; l < r->c->n; l++) {
      const ufi_link *link = &r->c->links[l];
      if (!link->part) continue;
      const void *const in[2] = {address(&r->in[l][0], slots, at), address(&r->in[l][1], slots, at)};
      link->part(&r->f->ctxs[link->node], in, address(&r->out[l], slots, at), at, n);
    }
  }
}

static void run_rows(void *context, int64_t row, int64_t rows) {
  run *r = context;
  __atomic_fetch_add(&r->told, rows, __ATOMIC_RELAXED);
  run_pieces(r, (size_t)(row * r->columns), (size_t)((row + rows) * r->columns));
}

static uf_status run_head(ufi_frame *f, run *r, uf_error *error) {
  ufi_ctx *ctx = &f->ctxs[r->c->first];
  const ufi_done done = {run_rows, r};
  r->columns = ctx->out[0]->dims[ctx->out[0]->rank - 1];
  ctx->done = &done;
  uf_status status = ufi_frame_node(f, r->c->first, error);
  ctx->done = NULL;
  return status;
}

const ufi_chain *ufi_chain_at(const ufi_frame *f, int32_t i, int32_t end, const bool *wanted) {
  const ufi_chain *c = f->chain_of[i] >= 0 ? &f->chains[f->chain_of[i]] : NULL;
  if (!c || c->first != i || c->last >= end || f->reshaped) return NULL;
  if (c->n > f->session->max_steps - f->session->steps) return NULL;
  for (int32_t l = 0; wanted && l < c->n; l++) {
    if (!wanted[c->links[l].node]) return NULL;
  }
  return c;
}

uf_status ufi_chain_run(ufi_frame *f, const ufi_chain *c, uf_error *error) {
  run r = {.f = f, .c = c};
  for (int32_t l = 0; l < c->n; l++) {
    ufi_tensor *t = f->ctxs[c->links[l].node].out[0];
    f->ctxs[c->links[l].node].running = true;
    if (f->slot[t - f->tensors] >= 0) ufi_tensor_drop(t); /* of a run in turn */
  }
  find_operands(&r);
  if (!c->links[0].part) UFI_TRY(run_head(f, &r, error));
  f->session->steps += c->n;
  if (r.told == 0) {
    ufi_parallel_ranges(f->session->pool, run_pieces, &r, (size_t)f->ctxs[c->first].out[0]->count, 4 * c->piece);
  }
  return UF_OK;
}
