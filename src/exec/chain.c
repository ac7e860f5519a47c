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
 * Where several nodes make bytes of one byte (swish of a quantized tensor, say: a look-up and a product with what was
 * looked up), they are one table, made by running their parts over all 256 bytes.
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
  c->links[c->n++] = (ufi_link){.node = i, .part = part};
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

/* Only the chain reads it. */
static bool passes(const ufi_frame *f, const ufi_chain *c, int32_t l, const int32_t *last) {
  int32_t v = f->graph->nodes[c->links[l].node].out[0];
  return c->links[l].part && !f->own[v] && last[v] <= c->last;
}

/* Such values get slots, as many as there are. */
static void give_slots(ufi_frame *f, const ufi_chain *c, const int32_t *last) {
  int32_t busy[SLOTS] = {-1, -1, -1}; /* the last node that reads what is there */
  for (int32_t l = 0; l < c->n; l++) {
    int32_t i = c->links[l].node, v = f->graph->nodes[i].out[0];
    if (!passes(f, c, l, last)) continue;
    for (int32_t s = 0; s < SLOTS; s++) {
      if (busy[s] >= i) continue;
      busy[s] = last[v];
      f->slot[v] = (int8_t)s;
      break;
    }
  }
}

/* ---- tables ---------------------------------------------------------------------------- */

enum { BYTES = 256 };

/* What link l reads at k, for all values of the byte that it is made of: a table, a constant; NULL: neither. */
static const void *table_in(const ufi_frame *f, const ufi_chain *c, int32_t l, int32_t k, const int32_t *last,
                            const uint8_t *all, int32_t *of) {
  const ufi_ctx *ctx = &f->ctxs[c->links[l].node];
  const ufi_tensor *t = ctx->in[k];
  const uint8_t *table = all;
  int32_t from = ctx->node->in[k];
  if (t->is_const && t->count == 1) return t->data;
  if (t->count != ctx->out[0]->count || element_size(t) != 1) return NULL;
  for (int32_t m = 0; m < l; m++) {
    if (f->graph->nodes[c->links[m].node].out[0] != from || !passes(f, c, m, last) || !c->links[m].table) continue;
    table = c->links[m].table;
    from = c->links[m].of;
    break;
  }
  if (*of >= 0 && *of != from) return NULL;
  *of = from;
  return table;
}

/* Makes the table of link l, if it has one. */
static void make_table(const ufi_frame *f, ufi_chain *c, int32_t l, const int32_t *last, const uint8_t *all, uint8_t *out) {
  const ufi_ctx *ctx = &f->ctxs[c->links[l].node];
  const void *in[2] = {NULL, NULL};
  int32_t of = -1;
  if (!c->links[l].part || element_size(ctx->out[0]) != 1) return;
  for (int32_t k = 0; k < ctx->n_in; k++) {
    in[k] = table_in(f, c, l, k, last, all, &of);
    if (!in[k]) return;
  }
  if (of < 0) return;
  c->links[l].part(ctx, in, out, 0, BYTES);
  c->links[l].table = out;
  c->links[l].of = of;
}

/* Some link that does something reads the value. */
static bool is_read(const ufi_frame *f, const ufi_chain *c, int32_t value) {
  for (int32_t l = 0; l < c->n; l++) {
    const ufi_node *node = &f->graph->nodes[c->links[l].node];
    if (c->links[l].table && c->links[l].part && c->links[l].of == value) return true;
    for (int32_t k = 0; c->links[l].part && !c->links[l].table && k < node->n_in; k++) {
      if (node->in[k] == value) return true;
    }
  }
  return false;
}

/* Links of which nobody needs the value any more do nothing, and tables read what they are of. */
static void drop_links(ufi_frame *f, ufi_chain *c, int32_t *last) {
  for (int32_t l = c->n - 1; l >= 0; l--) {
    int32_t v = f->graph->nodes[c->links[l].node].out[0];
    if (!passes(f, c, l, last) || is_read(f, c, v)) continue;
    c->links[l].part = NULL;
    f->slot[v] = 0; /* no memory */
  }
  for (int32_t l = 0; l < c->n; l++) {
    int32_t of = c->links[l].of;
    if (c->links[l].part && c->links[l].table) last[of] = UFI_MAX(last[of], c->links[l].node);
  }
}

static uf_status make_tables(ufi_frame *f, ufi_chain *c, int32_t *last, uf_error *error) {
  uint8_t all[BYTES];
  for (int32_t i = 0; i < BYTES; i++) all[i] = (uint8_t)i;
  c->tables = ufi_malloc(UFI_CHAIN_MAX * BYTES);
  if (!c->tables) return ufi_no_memory(error, UFI_CHAIN_MAX * BYTES);
  for (int32_t l = 0; l < c->n; l++) make_table(f, c, l, last, all, c->tables + l * BYTES);
  drop_links(f, c, last);
  return UF_OK;
}

static bool has_bytes(const ufi_frame *f, const ufi_chain *c) {
  int32_t n = 0;
  for (int32_t l = 0; l < c->n; l++) n += c->links[l].part && element_size(f->ctxs[c->links[l].node].out[0]) == 1;
  return n > 1;
}

/* ---- all chains -------------------------------------------------------------------------- */

static uf_status find_at(ufi_frame *f, int32_t i, int32_t *last, uf_error *error) {
  ufi_part_fn part = part_of(f, i);
  ufi_chain c = {.first = i, .last = i, .has_head = !part && is_head(f, i)};
  if (!part && !c.has_head) return UF_OK;
  add_link(&c, i, part);
  grow(f, &c);
  if (c.n < 2) return UF_OK;
  size_t largest = 1;
  for (int32_t l = 0; l < c.n; l++) {
    f->chain_of[c.links[l].node] = f->n_chains;
    largest = UFI_MAX(largest, element_size(f->ctxs[c.links[l].node].out[0]));
  }
  c.piece = PIECE_BYTES / largest;
  if (has_bytes(f, &c)) UFI_TRY(make_tables(f, &c, last, error));
  give_slots(f, &c, last);
  f->chains[f->n_chains++] = c;
  return UF_OK;
}

void ufi_chains_drop(ufi_frame *f) {
  for (int32_t i = 0; f->chains && i < f->n_chains; i++) ufi_free(f->chains[i].tables);
  f->n_chains = 0;
}

uf_status ufi_chains_find(ufi_frame *f, int32_t *last, uf_error *error) {
  const ufi_graph *g = f->graph;
  ufi_chains_drop(f);
  for (int32_t i = 0; i < g->n_nodes; i++) f->chain_of[i] = -1;
  for (int32_t i = 0; i < g->n_values; i++) f->slot[i] = -1;
  for (int32_t i = 0; i < g->n_nodes && !g->has_dead; i++) {
    if (f->chain_of[i] < 0) UFI_TRY(find_at(f, i, last, error));
  }
  return UF_OK;
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
  operand in[UFI_CHAIN_MAX][2], out[UFI_CHAIN_MAX], of[UFI_CHAIN_MAX];
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
    if (r->c->links[l].table) r->of[l] = operand_of(r, &r->f->tensors[r->c->links[l].of]);
  }
}

static char *address(const operand *o, char (*slots)[PIECE_BYTES], size_t begin) {
  return o->slot >= 0 ? slots[o->slot] : o->base + begin * o->step;
}

static void run_link(const run *r, int32_t l, char (*slots)[PIECE_BYTES], size_t at, size_t n) {
  const ufi_link *link = &r->c->links[l];
  char *out = address(&r->out[l], slots, at);
  if (link->table) {
    const void *of = address(&r->of[l], slots, at);
    ufi_kernels_get()->elementwise.lut8(of, (void *)out, n, link->table);
    return;
  }
  const void *const in[2] = {address(&r->in[l][0], slots, at), address(&r->in[l][1], slots, at)};
  link->part(&r->f->ctxs[link->node], in, out, at, n);
}

static void run_pieces(void *context, size_t begin, size_t end) {
  const run *r = context;
  _Alignas(64) char slots[SLOTS][PIECE_BYTES];
  for (size_t at = begin; at < end; at += r->c->piece) {
    for (int32_t l = 0; l < r->c->n; l++) {
      if (r->c->links[l].part) run_link(r, l, slots, at, UFI_MIN(end - at, r->c->piece));
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
  if (c->has_head) UFI_TRY(run_head(f, &r, error));
  f->session->steps += c->n;
  if (r.told == 0) {
    ufi_parallel_ranges(f->session->pool, run_pieces, &r, (size_t)f->ctxs[c->first].out[0]->count, 4 * c->piece);
  }
  return UF_OK;
}
