/* SPDX-License-Identifier: Apache-2.0
 *
 * chain.c: nodes that run together, piece by piece.
 *
 * A normalization, an activation and a sum over a large tensor each read and write all of it; run one after the other
 * over a piece that stays in the cache, memory is read once and written once. At the head of a chain there may be a
 * convolution or a product, which tells when a block of rows is there (ufi_ctx.done): what follows then runs over that
 * block. A value that only the chain itself reads is never written to memory: it passes from node to node in a slot of
 * a piece's size. Who wants to see it has it from a replay, as other intermediates. On one thread a head
 * leads only a chain that has such a value: without one, what follows is as fast after it. On several, what follows runs
 * on the thread that made those rows.
 *
 * Ops that take rows of the last dimension each by itself (a mean, a softmax) are links, too, of pieces that are whole
 * rows; and elementwise ones over what a mean leaves of each row. So a layer normalization, of whatever ops it is made,
 * is one chain. The values of rows are in memory, as all else that is repeated for elements.
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

enum { CHAIN_ELEMENTS = 1 << 12, PIECE_BYTES = 8192, SLOT_BYTES = 16384 };

/* ---- found when memory is planned ------------------------------------------------------ */

static size_t element_size(const ufi_tensor *t) { return (size_t)uf_dtype_bits(t->dtype) / 8; }

static bool is_large(const ufi_tensor *t) { return t->count >= CHAIN_ELEMENTS && element_size(t) > 0; }

/* One or two inputs, one output, all of them of whole bytes. */
static bool may_link(const ufi_frame *f, int32_t i) {
  const ufi_ctx *ctx = &f->ctxs[i];
  if (f->mode[i] != UFI_NODE_STATIC || f->seen_by[i] >= 0 || ctx->n_out != 1 || ctx->n_in < 1 || ctx->n_in > 2) return false;
  for (int32_t k = 0; k < ctx->n_in; k++) {
    if (!ctx->in[k] || element_size(ctx->in[k]) == 0) return false;
  }
  return element_size(ctx->out[0]) > 0;
}

static ufi_part_fn part_of(const ufi_ctx *ctx) {
  const ufi_op_def *def = ctx->node->op->def;
  return def->part ? def->part(ctx) : NULL;
}

static ufi_part_fn rows_of(const ufi_ctx *ctx) {
  const ufi_op_def *def = ctx->node->op->def;
  return def->rows ? def->rows(ctx) : NULL;
}

static bool is_head(const ufi_frame *f, int32_t i) {
  const ufi_ctx *ctx = &f->ctxs[i];
  return f->mode[i] == UFI_NODE_STATIC && ctx->n_out == 1 && is_large(ctx->out[0]) &&
         (f->graph->nodes[i].op->flags & UFI_TELLS) && ctx->out[0]->rank > 0;
}

bool ufi_chain_has_shape(const ufi_chain *c, const ufi_tensor *t, int64_t last) {
  if (t->rank != c->like->rank || t->rank == 0 || t->dims[t->rank - 1] != last) return false;
  return memcmp(t->dims, c->like->dims, (size_t)(t->rank - 1) * sizeof *t->dims) == 0;
}

/* Rows of so many bytes an element fit in a slot. */
static bool rows_fit(const ufi_chain *c, size_t element) {
  return c->row > 1 && c->row <= SLOT_BYTES && (size_t)c->row * element <= SLOT_BYTES;
}

int32_t ufi_chain_maker(const ufi_frame *f, const ufi_chain *c, int32_t value) {
  for (int32_t l = 0; l < c->n; l++) {
    if (f->graph->nodes[c->links[l].node].out[0] == value) return l;
  }
  return -1;
}

/* One input at least comes from the chain, of a node that is not its first. What it makes for each row is all there only
 * for that row: elements take it by their own row, values by the same place, and a row takes nothing else with it. */
static bool takes(const ufi_frame *f, const ufi_chain *c, const ufi_ctx *ctx, ufi_link_kind kind) {
  bool follows = false;
  for (int32_t k = 0; k < ctx->n_in; k++) {
    const bool is_made = ufi_chain_maker(f, c, ctx->node->in[k]) >= 0, is_value = ufi_chain_has_shape(c, ctx->in[k], 1);
    follows = follows || is_made;
    if (kind == UFI_LINK_ELEMENTS && is_made && c->row > 1 && is_value && !ufi_chain_has_shape(c, ctx->out[0], c->row)) return false;
    if (kind == UFI_LINK_VALUES && !is_value && ctx->in[k]->count != 1) return false;
    if (kind == UFI_LINK_ROWS && k > 0 && is_made) return false;
  }
  return follows || c->n == 0;
}

/* How node i would be a link of this chain. False: in no way. */
static bool link_of(const ufi_frame *f, const ufi_chain *c, int32_t i, ufi_link *link) {
  const ufi_ctx *ctx = &f->ctxs[i];
  if (!may_link(f, i)) return false;
  const ufi_tensor *y = ctx->out[0];
  *link = (ufi_link){.node = i, .kind = UFI_LINK_ELEMENTS};
  if (y->count == c->count && takes(f, c, ctx, link->kind)) link->part = part_of(ctx);
  if (link->part) return true;
  if (c->row < 2) return false;
  const bool per_row = ufi_chain_has_shape(c, y, 1);
  link->kind = UFI_LINK_ROWS;
  if ((per_row || ufi_chain_has_shape(c, y, c->row)) && ufi_chain_has_shape(c, ctx->in[0], c->row) &&
      takes(f, c, ctx, link->kind))
    link->part = rows_of(ctx);
  if (link->part) return true;
  link->kind = UFI_LINK_VALUES;
  if (per_row && c->n > 0 && takes(f, c, ctx, link->kind)) link->part = part_of(ctx);
  return link->part != NULL;
}

static size_t largest_of(const ufi_frame *f, const ufi_chain *c) {
  size_t largest = 1;
  for (int32_t l = 0; l < c->n; l++) largest = UFI_MAX(largest, element_size(f->ctxs[c->links[l].node].out[0]));
  return largest;
}

/* False: its rows are too long to be pieces. */
static bool add_link(const ufi_frame *f, ufi_chain *c, const ufi_link *link) {
  const bool by_rows = c->by_rows || link->kind != UFI_LINK_ELEMENTS;
  const ufi_ctx *ctx = &f->ctxs[link->node];
  if (by_rows && !rows_fit(c, UFI_MAX(largest_of(f, c), element_size(ctx->out[0])))) return false;
  c->by_rows = by_rows;
  c->links[c->n++] = *link;
  c->last = link->node;
  return true;
}

static void grow(const ufi_frame *f, ufi_chain *c) {
  ufi_link link;
  for (int32_t i = c->first + 1; i < f->graph->n_nodes && c->n < UFI_CHAIN_MAX; i++) {
    if (f->mode[i] == UFI_NODE_FOLDED) continue;
    if (!link_of(f, c, i, &link) || !add_link(f, c, &link)) return;
  }
}

/* False: none begins at node i. */
static bool begin(const ufi_frame *f, int32_t i, ufi_chain *c) {
  const ufi_ctx *ctx = &f->ctxs[i];
  const ufi_tensor *const likely[] = {ctx->n_out == 1 ? ctx->out[0] : NULL, ctx->n_in > 0 ? ctx->in[0] : NULL};
  for (int32_t k = 0; k < 2; k++) { /* of a mean, what it is of */
    const ufi_tensor *like = likely[k];
    ufi_link link;
    if (!like || !is_large(like)) continue;
    *c = (ufi_chain){.first = i, .count = like->count, .row = like->rank > 0 ? like->dims[like->rank - 1] : 1, .like = like};
    if (link_of(f, c, i, &link)) return add_link(f, c, &link);
    if (k > 0 || !is_head(f, i)) continue;
    c->has_head = true;
    return add_link(f, c, &(ufi_link){.node = i});
  }
  return false;
}

bool ufi_chain_passes(const ufi_frame *f, const ufi_chain *c, int32_t l, const int32_t *last) {
  int32_t v = f->graph->nodes[c->links[l].node].out[0];
  return c->links[l].part && f->tensors[v].count == c->count && !f->own[v] && last[v] <= c->last;
}

/* Such values get slots, as many as there are. */
static void give_slots(ufi_frame *f, const ufi_chain *c, const int32_t *last) {
  int32_t busy[UFI_SLOTS] = {-1, -1, -1}; /* the last node that reads what is there */
  for (int32_t l = 0; l < c->n; l++) {
    int32_t i = c->links[l].node, v = f->graph->nodes[i].out[0];
    if (!ufi_chain_passes(f, c, l, last)) continue;
    for (int32_t s = 0; s < UFI_SLOTS; s++) {
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
    if (f->graph->nodes[c->links[m].node].out[0] != from || !ufi_chain_passes(f, c, m, last) || !c->links[m].table) continue;
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
  if (!c->links[l].part || c->links[l].kind != UFI_LINK_ELEMENTS || element_size(ctx->out[0]) != 1) return;
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
    if (!ufi_chain_passes(f, c, l, last) || is_read(f, c, v)) continue;
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

/* Some value needs no memory. */
static bool saves_memory(const ufi_frame *f, const ufi_chain *c, const int32_t *last) {
  for (int32_t l = 0; l < c->n; l++) {
    if (ufi_chain_passes(f, c, l, last)) return true;
  }
  return false;
}

/* Elements of a piece. */
static size_t piece_of(const ufi_frame *f, const ufi_chain *c) {
  const size_t elements = PIECE_BYTES / largest_of(f, c), row = (size_t)c->row;
  return c->by_rows ? UFI_MAX(elements / row, 1) * row : elements;
}

static uf_status find_at(ufi_frame *f, int32_t i, int32_t *last, uf_error *error) {
  ufi_chain c;
  if (!begin(f, i, &c)) return UF_OK;
  grow(f, &c);
  if (c.n < 2) return UF_OK;
  const bool pays = ufi_pool_threads(f->session->pool) > 1 || saves_memory(f, &c, last) || ufi_line_may_pass(f, &c, last);
  if (c.has_head && !pays) return UF_OK;
  for (int32_t l = 0; l < c.n; l++) f->chain_of[c.links[l].node] = f->n_chains;
  c.piece = piece_of(f, &c);
  if (has_bytes(f, &c)) UFI_TRY(make_tables(f, &c, last, error));
  if (c.by_rows) ufi_norms_find(f, &c, last);
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
  for (int32_t i = 0; i < g->n_nodes && !g->has_dead; i++) {
    if (f->chain_of[i] < 0) UFI_TRY(find_at(f, i, last, error));
  }
  return UF_OK;
}

/* ---- in a line --------------------------------------------------------------------------- */

/* Links behind the head take nothing but what the chain makes, and constants. */
static bool is_closed(const ufi_frame *f, const ufi_chain *c) {
  for (int32_t l = 1; l < c->n; l++) {
    const ufi_ctx *ctx = &f->ctxs[c->links[l].node];
    for (int32_t k = 0; k < ctx->n_in; k++) {
      if (!ctx->in[k]->is_const && ufi_chain_maker(f, c, ctx->node->in[k]) < 0) return false;
    }
  }
  return true;
}

bool ufi_chain_is_local(const ufi_frame *f, const ufi_chain *c, const int32_t *last) {
  const ufi_link *end = &c->links[c->n - 1];
  const int32_t from = f->graph->nodes[c->first].out[0], to = f->graph->nodes[end->node].out[0];
  bool fits = c->has_head && !c->by_rows && end->part && f->slot[to] < 0 && f->tensors[from].size == f->tensors[to].size;
  fits = fits && !f->own[from] && last[from] <= c->last && is_closed(f, c);
  for (int32_t l = 1; fits && l < c->n - 1; l++) fits = f->slot[f->graph->nodes[c->links[l].node].out[0]] >= 0;
  return fits;
}

/* ---- run ------------------------------------------------------------------------------------ */

/* Of a link that counts in `unit` elements of the chain. */
static ufi_operand operand_of(const ufi_chain_pass *p, const ufi_tensor *t, int64_t unit) {
  const ufi_chain *c = p->c;
  const int64_t per = t->count == c->count ? unit : unit > 1 && t->count == c->count / c->row ? 1 : 0;
  return (ufi_operand){t->data, (size_t)per * element_size(t), p->f->slot[t - p->f->tensors]};
}

static int64_t unit_of(const ufi_chain *c, int32_t l) { return c->links[l].kind == UFI_LINK_ELEMENTS ? 1 : c->row; }

static void find_operands(ufi_chain_pass *p) {
  for (int32_t l = 0; l < p->c->n; l++) {
    const ufi_ctx *ctx = &p->f->ctxs[p->c->links[l].node];
    const int64_t unit = unit_of(p->c, l);
    if (!p->c->links[l].part) continue;
    for (int32_t k = 0; k < ctx->n_in; k++) p->in[l][k] = operand_of(p, ctx->in[k], unit);
    p->out[l] = operand_of(p, ctx->out[0], unit);
    if (p->c->links[l].table) p->of[l] = operand_of(p, &p->f->tensors[p->c->links[l].of], unit);
    if (p->c->links[l].kind == UFI_LINK_NORM) p->of[l] = operand_of(p, &p->f->tensors[p->c->links[l].norm.x], unit);
  }
}

void ufi_chain_begin(const ufi_frame *f, const ufi_chain *c, ufi_chain_pass *pass) {
  *pass = (ufi_chain_pass){.f = f, .c = c};
  for (int32_t l = 0; l < c->n; l++) {
    ufi_tensor *t = f->ctxs[c->links[l].node].out[0];
    f->ctxs[c->links[l].node].running = true;
    if (f->slot[t - f->tensors] >= 0) ufi_tensor_drop(t); /* of a run in turn */
  }
  find_operands(pass);
}

/* What has no memory of its own: slots, and what the head made from element `first` on. */
typedef struct room {
  char (*slots)[SLOT_BYTES], *made;
  size_t first;
} room;

static char *address(const ufi_operand *o, const room *r, size_t begin) {
  if (o->slot == UFI_SLOT_MADE) return r->made + (begin - r->first) * o->step;
  return o->slot >= 0 ? r->slots[o->slot] : o->base + begin * o->step;
}

static void run_link(const ufi_chain_pass *p, int32_t l, const room *r, size_t at, size_t n) {
  const ufi_link *link = &p->c->links[l];
  const size_t unit = (size_t)unit_of(p->c, l);
  at /= unit;
  n /= unit;
  char *out = address(&p->out[l], r, at);
  if (link->kind == UFI_LINK_NORM) {
    ufi_norm_run(p->f, &link->norm, (const float *)(const void *)address(&p->of[l], r, at), (float *)(void *)out, unit, at, n);
    return;
  }
  if (link->table) {
    const void *of = address(&p->of[l], r, at);
    ufi_kernels_get()->elementwise.lut8(of, (void *)out, n, link->table);
    return;
  }
  const void *const in[2] = {address(&p->in[l][0], r, at), address(&p->in[l][1], r, at)};
  link->part(&p->f->ctxs[link->node], in, out, at, n);
}

void ufi_chain_links(const ufi_chain_pass *pass, size_t begin, size_t n, void *made) {
  _Alignas(64) char slots[UFI_SLOTS][SLOT_BYTES];
  const room r = {slots, made, begin};
  for (size_t at = begin, end = begin + n; at < end; at += pass->c->piece) {
    for (int32_t l = 0; l < pass->c->n; l++) {
      if (pass->c->links[l].part) run_link(pass, l, &r, at, UFI_MIN(end - at, pass->c->piece));
    }
  }
}

static void run_pieces(void *context, size_t begin, size_t end) { ufi_chain_links(context, begin, end - begin, NULL); }

static void run_rows(void *context, int64_t row, int64_t rows) {
  ufi_chain_pass *p = context;
  __atomic_fetch_add(&p->told, rows, __ATOMIC_RELAXED);
  ufi_chain_links(p, (size_t)(row * p->c->row), (size_t)(rows * p->c->row), NULL);
}

static uf_status run_head(ufi_frame *f, ufi_chain_pass *p, uf_error *error) {
  ufi_ctx *ctx = &f->ctxs[p->c->first];
  const ufi_line *line = ufi_line_at(f, p->c->first);
  const ufi_done done = {run_rows, p};
  ctx->done = &done;
  uf_status status = line ? ufi_line_run(f, line, error) : ufi_frame_node(f, p->c->first, error);
  ctx->done = NULL;
  return status;
}

const ufi_chain *ufi_chain_at(const ufi_frame *f, int32_t i, int32_t end, const bool *wanted) {
  const ufi_chain *c = f->chain_of[i] >= 0 ? &f->chains[f->chain_of[i]] : NULL;
  if (!c || c->first != i || c->last >= end || c->in_line || f->reshaped) return NULL;
  if (c->n > f->session->max_steps - f->session->steps) return NULL;
  for (int32_t l = 0; wanted && l < c->n; l++) {
    if (!wanted[c->links[l].node]) return NULL;
  }
  return c;
}

uf_status ufi_chain_run(ufi_frame *f, const ufi_chain *c, uf_error *error) {
  ufi_chain_pass p;
  ufi_chain_begin(f, c, &p);
  if (c->has_head) UFI_TRY(run_head(f, &p, error));
  f->session->steps += c->n;
  if (p.told == 0) {
    const size_t unit = c->by_rows ? (size_t)c->row : 64;
    ufi_parallel_even(f->session->pool, run_pieces, &p, (size_t)c->count, unit, 4 * c->piece);
  }
  return UF_OK;
}
