/* SPDX-License-Identifier: Apache-2.0
 *
 * chain.c: elementwise nodes that follow each other, run piece by piece.
 *
 * A normalization, an activation and a sum over a large tensor each read and write all of it; run one after the other
 * over a piece that stays in the cache, memory is read once and written once. Every node still writes its whole
 * output, so that nothing else changes: who reads an intermediate finds it.
 *
 * Running in pieces is the same as running in turn only if no node writes what another one reads or writes elsewhere.
 * The plan puts values into memory of others that are no longer needed; so memory of any two tensors of the chain must
 * be apart or the very same.
 */
#include "exec/session.h"

enum { CHAIN_MAX = 12, CHAIN_ELEMENTS = 1 << 14, PIECE = 4096 };

typedef struct chain {
  ufi_part parts[CHAIN_MAX];
  const ufi_ctx *ctxs[CHAIN_MAX];
  int32_t n;
} chain;

static bool apart_or_same(const ufi_tensor *a, const ufi_tensor *b) {
  uintptr_t x = (uintptr_t)a->data, y = (uintptr_t)b->data;
  return (x == y && a->size == b->size) || x + a->size <= y || y + b->size <= x;
}

static bool output_is_apart(const ufi_tensor *out, const ufi_ctx *from) {
  for (int32_t k = 0; k < from->n_in; k++) {
    if (!apart_or_same(out, from->in[k])) return false;
  }
  return apart_or_same(out, from->out[0]);
}

static bool memory_allows(const chain *c, const ufi_ctx *added) {
  if (!output_is_apart(added->out[0], added)) return false;
  for (int32_t i = 0; i < c->n; i++) {
    if (!output_is_apart(added->out[0], c->ctxs[i]) || !output_is_apart(c->ctxs[i]->out[0], added)) return false;
  }
  return true;
}

static bool takes(const ufi_ctx *ctx, const ufi_tensor *value) {
  for (int32_t k = 0; k < ctx->n_in; k++) {
    if (ctx->in[k] == value) return true;
  }
  return false;
}

/* Adds node i to the chain if it can go on there. */
static bool join(ufi_frame *f, chain *c, int32_t i) {
  ufi_ctx *ctx = &f->ctxs[i];
  if (f->mode[i] != UFI_NODE_STATIC || !ctx->node->op->def->part || c->n == CHAIN_MAX) return false;
  const ufi_tensor *y = ctx->out[0];
  if (y->count < CHAIN_ELEMENTS || !y->data) return false;
  if (c->n > 0 && (y->count != c->ctxs[0]->out[0]->count || !takes(ctx, c->ctxs[c->n - 1]->out[0]))) return false;
  if (!memory_allows(c, ctx) || !ctx->node->op->def->part(ctx, &c->parts[c->n])) return false;
  c->ctxs[c->n++] = ctx;
  return true;
}

static void run_pieces(void *context, size_t begin, size_t end) {
  chain *c = context;
  for (size_t at = begin; at < end; at += UFI_MIN(end - at, (size_t)PIECE)) {
    for (int32_t i = 0; i < c->n; i++) c->parts[i].fn(c->parts[i].context, at, at + UFI_MIN(end - at, (size_t)PIECE));
  }
}

int32_t ufi_frame_chain(ufi_frame *f, int32_t begin, int32_t end, const bool *wanted) {
  const ufi_op_row *op = f->graph->nodes[begin].op;
  if (!op || !op->def->part || f->graph->has_dead || f->reshaped) return begin;
  chain c;
  int32_t last = begin;
  c.n = 0;
  for (int32_t i = begin; i < end; i++) {
    if (f->mode[i] == UFI_NODE_FOLDED || (wanted && !wanted[i])) continue;
    if (f->session->steps + c.n >= f->session->max_steps || !join(f, &c, i)) break;
    last = i;
  }
  if (c.n < 2) return begin;
  for (int32_t i = 0; i < c.n; i++) f->ctxs[c.ctxs[i] - f->ctxs].running = true;
  ufi_parallel_ranges(f->session->pool, run_pieces, &c, (size_t)c.ctxs[0]->out[0]->count, 4 * PIECE);
  f->session->steps += c.n;
  return last + 1;
}
