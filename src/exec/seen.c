/* SPDX-License-Identifier: Apache-2.0
 *
 * seen.c: transpositions and paddings that are never made.
 *
 * Attention puts the heads of its operands in front before it multiplies them. A product can take rows and columns from
 * where they lie; and a convolution has zeros around its image by itself. So a transposition or padding that one such node
 * reads, and nobody else, does not run: its output has no memory but says what it is seen of (ufi_tensor.seen). Who wants
 * to see it has it from a replay, where it runs as any node, as its reader then takes it.
 */
#include "exec/session.h"

enum { NEAR = 64 }; /* nodes between the two, at most */

int32_t ufi_only_input(const ufi_frame *f, int32_t v, int32_t maker, int32_t reader) {
  int32_t input = -1;
  for (int32_t i = maker + 1; i <= reader; i++) {
    const ufi_node *node = &f->graph->nodes[i];
    for (int32_t k = 0; k < node->n_in; k++) {
      if (node->in[k] != v) continue;
      if (i != reader || input >= 0) return -1;
      input = k;
    }
  }
  return input;
}

bool ufi_is_steady(const ufi_frame *f, int32_t first, int32_t last) {
  const uint32_t unsteady = UFI_GIVES_MEMORY | UFI_USER | UFI_WRITES_RESOURCE | UFI_STATEFUL;
  for (int32_t i = first; i <= last; i++) {
    const bool runs_as_planned = f->mode[i] == UFI_NODE_STATIC && !(f->graph->nodes[i].op->flags & unsteady);
    if (!runs_as_planned && f->mode[i] != UFI_NODE_FOLDED) return false;
  }
  return true;
}

/* Sets how the node's output is seen of its input 0. False: not at all. */
static bool is_view(ufi_ctx *ctx) {
  const ufi_op_def *def = ctx->node->op->def;
  ufi_tensor *t = ctx->out[0];
  t->seen_padded = def->pads != NULL;
  if (def->pads) return def->pads(ctx, t->seen_dims);
  return def->turns && t->dtype == UF_FLOAT32 && def->turns(ctx, t->seen_dims);
}

/* Whether node i, whose output the node `reader` is the last to read, need not run. */
static bool is_seen(ufi_frame *f, int32_t i, int32_t reader) {
  ufi_ctx *from = &f->ctxs[i], *to = &f->ctxs[reader];
  const ufi_op_def *def = to->node->op->def;
  ufi_tensor *t = from->out[0];
  if (f->mode[reader] != UFI_NODE_STATIC || !def->sees || from->in[0]->is_state || !is_view(from)) return false;
  const int32_t k = ufi_only_input(f, from->node->out[0], i, reader);
  t->seen = from->in[0];
  if (k >= 0 && def->sees(to, k)) return true;
  t->seen = NULL;
  return false;
}

void ufi_seen_find(ufi_frame *f, int32_t *last) {
  const ufi_graph *g = f->graph;
  for (int32_t v = 0; v < g->n_values; v++) f->tensors[v].seen = NULL;
  for (int32_t i = 0; i < g->n_nodes; i++) {
    if (f->seen_by[i] >= 0 || g->has_dead || f->mode[i] != UFI_NODE_STATIC || f->ctxs[i].n_out != 1) continue;
    const int32_t v = g->nodes[i].out[0], reader = last[v];
    if (f->own[v] || reader <= i || reader > i + NEAR || reader >= g->n_nodes) continue;
    if (!is_seen(f, i, reader)) continue;
    const int32_t source = g->nodes[i].in[0];
    f->seen_by[i] = reader;
    f->slot[v] = 0; /* no memory */
    last[source] = UFI_MAX(last[source], reader);
  }
}
