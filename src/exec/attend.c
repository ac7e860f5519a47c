/* SPDX-License-Identifier: Apache-2.0
 *
 * attend.c: attention, recognized by its two products.
 *
 * Queries times keys make scores, a softmax makes weights of each row of them (after they were scaled, and a mask was
 * added, perhaps), and these times values are the output. Scores and weights are as large as the sequence is long, squared,
 * and nobody else reads them: at the second product all of it runs, some rows at a time (ops/attention.h), and the nodes
 * before it do not. What they would make has no memory; who wants to see it has it from a replay, where all run in turn.
 *
 * What stands between the products may be any ops that take elements or rows. The values are mostly made between them, too.
 */
#include "ops/attention.h"

#include "exec/session.h"

enum {
  LEAST_SCORES = 1 << 12,
  NEAR = 64,               /* nodes between the two products, at most */
  PIECE_FLOATS = 1 << 11,
};

/* ---- found when memory is planned -------------------------------------------------------- */

/* Inputs are as they were when a node runs later than planned. */
static bool has_lasting_inputs(const ufi_ctx *ctx) {
  for (int32_t k = 0; k < ctx->n_in; k++) {
    if (!ctx->in[k] || ctx->in[k]->is_state) return false;
  }
  return true;
}

static bool product_of(ufi_frame *f, int32_t i, ufi_bmm_geometry *g) {
  const ufi_node *node = &f->graph->nodes[i];
  const bool is_product = f->mode[i] == UFI_NODE_STATIC && node->op->def->product && has_lasting_inputs(&f->ctxs[i]);
  return is_product && node->op->def->product(&f->ctxs[i], g);
}

static bool is_alike(const ufi_tensor *a, const ufi_tensor *b) { return a->dtype == b->dtype && ufi_same_shape(a, b); }

/* Adds node i, which makes of its input k, of the scores' shape, something of the same. */
static bool add_link(const ufi_frame *f, int32_t i, int32_t k, ufi_attend *a) {
  const ufi_ctx *ctx = &f->ctxs[i];
  const ufi_op_def *def = ctx->node->op->def;
  const bool fits = a->n < UFI_ATTEND_MAX && ctx->n_in <= 2 && ctx->n_out == 1 && is_alike(ctx->in[k], ctx->out[0]);
  if (!fits || !has_lasting_inputs(ctx)) return false;
  ufi_part_fn part = def->part ? def->part(ctx) : NULL;
  const bool by_rows = !part && k == 0 && ctx->n_in == 1 && def->rows;
  if (by_rows) part = def->rows(ctx);
  for (int32_t l = a->n; l > 0; l--) a->links[l] = a->links[l - 1]; /* found from the last to the first */
  a->links[0].node = i;
  a->links[0].from = k;
  a->links[0].part = part;
  a->links[0].by_rows = by_rows;
  a->n++;
  return part != NULL;
}

/* Follows what the product at node `values` multiplies back to the product that made it. */
static bool trace(ufi_frame *f, const int32_t *last, int32_t values, ufi_attend *a, ufi_bmm_geometry *scores) {
  const ufi_graph *g = f->graph;
  *a = (ufi_attend){.values = values};
  for (int32_t reader = values, k = 0;;) {
    const int32_t v = g->nodes[reader].in[k], maker = v < 0 ? -1 : g->values[v].producer;
    const bool passes = maker >= 0 && maker + NEAR > values && f->mode[maker] == UFI_NODE_STATIC && !f->own[v] &&
                        last[v] == reader && ufi_only_input(f, v, maker, reader) == k && f->ctxs[maker].n_out == 1;
    if (!passes) return false;
    a->scores = maker;
    if (product_of(f, maker, scores)) return a->n > 0 && f->slot[g->nodes[maker].in[0]] < 0; /* else it ends a pair itself */
    int32_t from = -1; /* the one input that may come from the first product */
    for (int32_t j = 0; j < f->ctxs[maker].n_in; j++) {
      const ufi_tensor *t = f->ctxs[maker].in[j];
      if (from < 0 && t && !t->is_const && is_alike(t, f->ctxs[maker].out[0])) from = j;
    }
    if (from < 0 || !add_link(f, maker, from, a)) return false;
    reader = maker;
    k = from;
  }
}

static void hide(ufi_frame *f, int32_t i, int32_t values) {
  f->seen_by[i] = values;
  f->slot[f->graph->nodes[i].out[0]] = 0; /* no memory */
}

void ufi_attends_find(ufi_frame *f, const int32_t *last) {
  const ufi_graph *g = f->graph;
  f->n_attends = 0;
  for (int32_t i = 0; i < g->n_nodes && !g->has_dead; i++) {
    ufi_attend a;
    ufi_attention run = {0};
    size_t bytes;
    if (!product_of(f, i, &run.values) || !trace(f, last, i, &a, &run.scores) || !ufi_is_steady(f, a.scores, a.values)) continue;
    if (f->ctxs[a.scores].out[0]->count < LEAST_SCORES) continue;
    if (!ufi_attention_fits(&run, ufi_pool_threads(f->session->pool), &bytes)) continue;
    ufi_want_scratch(&f->ctxs[i], bytes);
    hide(f, a.scores, i);
    for (int32_t l = 0; l < a.n; l++) hide(f, a.links[l].node, i);
    f->attends[f->n_attends++] = a;
  }
}

static void keep_inputs(const ufi_frame *f, int32_t i, int32_t values, int32_t *last) {
  const ufi_node *node = &f->graph->nodes[i];
  for (int32_t k = 0; k < node->n_in; k++) {
    const int32_t v = node->in[k];
    if (v < 0) continue;
    last[v] = UFI_MAX(last[v], values);
    if (!f->tensors[v].seen) continue;
    const int32_t of = (int32_t)(f->tensors[v].seen - f->tensors);
    last[of] = UFI_MAX(last[of], values);
  }
}

void ufi_attends_keep(const ufi_frame *f, int32_t *last) {
  for (const ufi_attend *a = f->attends; a < f->attends + f->n_attends; a++) {
    keep_inputs(f, a->scores, a->values, last);
    for (int32_t l = 0; l < a->n; l++) keep_inputs(f, a->links[l].node, a->values, last);
  }
}

/* ---- run ------------------------------------------------------------------------------------ */

const ufi_attend *ufi_attend_at(const ufi_frame *f, int32_t node) {
  if (!f->graph->nodes[node].op->def->product) return NULL;
  for (int32_t i = 0; i < f->n_attends; i++) {
    if (f->attends[i].values != node) continue;
    const bool has_run = f->ctxs[node].in[0]->data != NULL; /* the nodes before it, in turn */
    return has_run || f->reshaped ? NULL : &f->attends[i];
  }
  return NULL;
}

typedef struct between {
  const ufi_frame *f;
  const ufi_attend *a;
} between;

/* Where a link reads input k of n elements from `at` on. */
static const void *operand(const ufi_ctx *ctx, int32_t k, size_t at) {
  const ufi_tensor *t = ctx->in[k];
  const size_t size = (size_t)uf_dtype_bits(t->dtype) / 8;
  return (const char *)t->data + (t->count == ctx->out[0]->count ? at * size : 0);
}

/* `rows` rows of scores from `row` on, small enough to stay in the first cache from link to link. */
static void run_piece(const between *b, float *scores, int64_t row, int64_t rows) {
  for (int32_t l = 0; l < b->a->n; l++) {
    const ufi_ctx *ctx = &b->f->ctxs[b->a->links[l].node];
    const size_t n = (size_t)ctx->out[0]->dims[ctx->out[0]->rank - 1], unit = b->a->links[l].by_rows ? 1 : n;
    const int32_t from = b->a->links[l].from;
    const void *in[2] = {scores, scores};
    if (ctx->n_in == 2) in[1 - from] = operand(ctx, 1 - from, (size_t)row * n);
    b->a->links[l].part(ctx, in, scores, (size_t)row * unit, (size_t)rows * unit);
  }
}

static void run_links(void *context, float *scores, int64_t row, int64_t rows) {
  const between *b = context;
  const ufi_tensor *t = b->f->ctxs[b->a->scores].out[0];
  const int64_t n = t->dims[t->rank - 1], piece = UFI_MAX(PIECE_FLOATS / n, (int64_t)1);
  for (int64_t i = 0; i < rows; i += piece) run_piece(b, scores + i * n, row + i, UFI_MIN(piece, rows - i));
}

uf_status ufi_attend_run(ufi_frame *f, const ufi_attend *a, uf_error *error) {
  ufi_ctx *ctx = &f->ctxs[a->values];
  between context = {f, a};
  ufi_attention run = {.between = run_links, .context = &context};
  for (int32_t l = 0; l < a->n; l++) f->ctxs[a->links[l].node].running = true;
  f->ctxs[a->scores].running = ctx->running = true;
  if (!product_of(f, a->scores, &run.scores) || !product_of(f, a->values, &run.values))
    return ufi_fail(error, UF_INTERNAL, "op #%d %s: expected the products that were planned", (int)a->values, ctx->node->op_name);
  UFI_TRY(ufi_session_scratch(f->session, ctx->scratch_size, error));
  ufi_attention_run(ctx->pool, &run, uf_buf_data(f->session->scratch));
  return UF_OK;
}
