/* SPDX-License-Identifier: Apache-2.0
 *
 * run.c: running the nodes of a frame in order.
 *
 * A static node only evaluates. A dynamic one is inferred and prepared first,
 * now that all its inputs have data. When a static node's result has another
 * shape than was planned (a variable that grew, a loop that changed its
 * variables), everything after it is treated as dynamic for the rest of the
 * run, and the frame is allocated anew before the next.
 */
#include "exec/session.h"
#include "ops/control.h"
#include "ops/host.h"

/* ---- before the first step ------------------------------------------------------ */

uf_status ufi_frame_begin(ufi_frame *f, uf_error *error) {
  UFI_TRY(ufi_frame_allocate(f, error));
  for (int32_t i = 0; i < f->session->n_state; i++) {
    const ufi_state_ref *ref = &f->session->state[i];
    if (ref->graph != f->index) continue;
    UFI_TRY(ufi_frame_own_memory(f, ref->value, error)); /* dropped by a reset */
    UFI_TRY(ufi_tensor_detach(&f->tensors[ref->value], true, error));
  }
  for (int32_t i = 0; i < f->n_refresh; i++) {
    UFI_TRY(ufi_tensor_detach(&f->tensors[f->refresh[i]], false, error));
  }
  f->pc = 0;
  f->reshaped = false;
  f->run_id = f->session->run_id;
  return UF_OK;
}

/* ---- one node ---------------------------------------------------------------------- */

/* String elements that eval copied from its inputs get characters of their own, variants references. */
static uf_status own_characters(ufi_ctx *ctx, uf_error *error) {
  for (int32_t k = 0; k < ctx->n_out; k++) {
    ufi_tensor *t = ctx->out[k];
    if (ctx->node->op->flags & UFI_GIVES_MEMORY) continue;
    if (t->dtype == UF_STRING) UFI_TRY(ufi_tensor_pack(t, t->data, error));
    if (t->dtype == UF_VARIANT) UFI_TRY(ufi_tensor_own_variants(t, error));
  }
  return UF_OK;
}

static uf_status run_dynamic(ufi_frame *f, int32_t i, uf_error *error) {
  ufi_ctx *ctx = &f->ctxs[i];
  for (int32_t k = 0; k < ctx->n_out; k++) ctx->out[k]->shape_known = false;
  UFI_TRY(ufi_node_infer(f, i, error));
  UFI_TRY(ufi_node_prepare(f, i, error));
  UFI_TRY(ufi_node_eval(f, i, error));
  for (int32_t k = 0; k < ctx->n_out; k++) {
    if (!ctx->out[k]->shape_known) {
      return ufi_fail(error, UF_INTERNAL, "op #%d %s '%s': expected a shape for output %d, found none", (int)i,
                      ctx->node->op_name, ctx->node->name, (int)k);
    }
  }
  return own_characters(ctx, error);
}

/* Outputs whose memory is made or shared while running. */
static uf_status bind_outputs(ufi_frame *f, int32_t i, uf_error *error) {
  ufi_ctx *ctx = &f->ctxs[i];
  for (int32_t k = 0; k < ctx->n_out; k++) {
    int32_t v = ctx->node->out[k];
    ufi_tensor *t = ctx->out[k];
    if (f->view_of[v] >= 0) ufi_tensor_share(t, &f->tensors[f->view_of[v]]);
    else if (t->dtype == UF_STRING || t->dtype == UF_RESOURCE || t->dtype == UF_VARIANT) UFI_TRY(ufi_tensor_fresh(t, error));
    else if (f->slot[v] >= 0 && !t->data) UFI_TRY(ufi_tensor_fresh(t, error)); /* of a chain that does not run whole */
  }
  return UF_OK;
}

static bool is_shared_string(const ufi_frame *f, const ufi_ctx *ctx) {
  return ctx->n_out == 1 && f->view_of[ctx->node->out[0]] >= 0;
}

/* Outputs of a node that the run which is repeated here kept. */
static uf_status take_kept(ufi_frame *f, int32_t i, const ufi_frame *from, uf_error *error) {
  ufi_ctx *ctx = &f->ctxs[i];
  ctx->error = error;
  for (int32_t k = 0; k < ctx->n_out; k++) {
    const ufi_tensor *kept = &from->tensors[ctx->node->out[k]];
    UFI_TRY(ufi_out_dtype(ctx, k, kept->dtype));
    UFI_TRY(ufi_host_take(ctx, ctx->out[k], kept));
  }
  return UF_OK;
}

uf_status ufi_frame_node(ufi_frame *f, int32_t i, uf_error *error) {
  ufi_ctx *ctx = &f->ctxs[i];
  const ufi_frame *from;
  ctx->running = true;
  if (f->plain[i] && !f->reshaped) return ufi_node_eval(f, i, error);
  if (ufi_replay_keeps(f, i, &from)) return take_kept(f, i, from, error);
  if (f->mode[i] == UFI_NODE_DYNAMIC || f->reshaped) return run_dynamic(f, i, error);
  if (!(ctx->node->op->flags & UFI_GIVES_MEMORY)) UFI_TRY(bind_outputs(f, i, error));
  UFI_TRY(ufi_node_eval(f, i, error));
  return is_shared_string(f, ctx) ? UF_OK : own_characters(ctx, error);
}

/* ---- branches that are not taken -------------------------------------------------------- */

/* Whether a node does not run because something it needs has no value in this run (TensorFlow's
 * dead tensors). A Merge runs when one input has a value; a ControlTrigger always. */
static bool is_dead_node(const ufi_frame *f, int32_t i) {
  const ufi_ctx *ctx = &f->ctxs[i];
  const ufi_node *node = ctx->node;
  int32_t live = 0;
  if (node->op && node->op->def == &ufi_op_CONTROL_TRIGGER) return false;
  for (int32_t k = 0; k < node->n_controls; k++) {
    if (f->ctxs[node->controls[k]].is_dead) return true;
  }
  for (int32_t k = 0; k < ctx->n_in; k++) live += ctx->in[k] && !ctx->in[k]->is_dead;
  if (node->op && node->op->def == &ufi_op_MERGE) return live == 0;
  if (node->op && node->op->def == &ufi_op_LOOP) return ctx->n_in > 0 && live == 0;
  return live < ctx->n_in;
}

/* Says for a node and its outputs whether they are dead in this run; ops that make dead
 * outputs (Switch) say so themselves. */
static bool note_dead(ufi_frame *f, int32_t i) {
  ufi_ctx *ctx = &f->ctxs[i];
  ctx->is_dead = is_dead_node(f, i);
  for (int32_t k = 0; k < ctx->n_out; k++) ctx->out[k]->is_dead = ctx->is_dead;
  return ctx->is_dead;
}

/* ---- a run ---------------------------------------------------------------------------- */

static uf_status too_many_steps(const ufi_frame *f, uf_error *error) {
  return ufi_fail(error, UF_RESOURCE_EXHAUSTED, "expected a run of at most %lld nodes, found a longer one; raise max_steps",
                  (long long)f->session->max_steps);
}

/* In an ordinary run nobody needs what node i makes (seen.c). */
static bool is_seen_through(const ufi_frame *f, int32_t i, int32_t end, const bool *wanted) {
  return !wanted && f->seen_by[i] >= 0 && f->seen_by[i] < end && !f->reshaped;
}

uf_status ufi_frame_steps(ufi_frame *f, int32_t end, const bool *wanted, uf_error *error) {
  uf_status status = UF_OK;
  f->running = true;
  for (; f->pc < end && status == UF_OK; f->pc++) {
    int32_t i = f->pc;
    if (f->graph->has_dead && note_dead(f, i)) continue;
    if (f->mode[i] == UFI_NODE_FOLDED || f->mode[i] == UFI_NODE_MISSING || (wanted && !wanted[i])) continue;
    if (is_seen_through(f, i, end, wanted)) {
      ufi_tensor_drop(f->ctxs[i].out[0]); /* of a run in turn */
      f->session->steps++;
      continue;
    }
    const ufi_chain *chain = ufi_chain_at(f, i, end, wanted);
    const ufi_attend *attend = wanted ? NULL : ufi_attend_at(f, i);
    const ufi_line *line = wanted ? NULL : ufi_line_at(f, i);
    if (chain) status = ufi_chain_run(f, chain, error);
    else if (f->session->steps++ >= f->session->max_steps) status = too_many_steps(f, error);
    else if (line) status = ufi_line_run(f, line, error);
    else status = attend ? ufi_attend_run(f, attend, error) : ufi_frame_node(f, i, error);
    if (status != UF_OK) break;
    if (chain) f->pc = chain->last;
  }
  f->running = false;
  if (f->reshaped && f->pc == f->graph->n_nodes) f->stale = true;
  return status;
}

uf_status ufi_frame_run(ufi_frame *f, const bool *wanted, uf_error *error) {
  ufi_frame_renew(f);
  UFI_TRY(ufi_frame_begin(f, error));
  return ufi_frame_steps(f, f->graph->n_nodes, wanted, error);
}

/* ---- what cannot run --------------------------------------------------------------------- */

static bool matters(const ufi_frame *f, int32_t i, const bool *wanted) {
  const ufi_node *node = &f->graph->nodes[i];
  if (wanted) return wanted[i];
  if (node->n_out == 0) return true;
  for (int32_t k = 0; k < f->graph->n_outputs; k++) {
    if (f->outputs[k]->is_missing) return true;
  }
  return false;
}

uf_status ufi_frame_missing(const ufi_frame *f, const bool *wanted, uf_error *error) {
  for (int32_t i = 0; i < f->graph->n_nodes; i++) {
    const ufi_node *node = &f->graph->nodes[i];
    bool is_reason = f->mode[i] == UFI_NODE_MISSING && (f->why[i] || node->unsupported);
    if (!is_reason || !matters(f, i, wanted)) continue;
    if (f->why[i]) return ufi_fail(error, UF_UNIMPLEMENTED, "%s", f->why[i]); /* names the op already */
    return ufi_fail(error, node->failure ? node->failure : UF_UNIMPLEMENTED, "op #%d %s '%s': %s", (int)i, node->op_name, node->name,
                    node->unsupported);
  }
  return UF_OK;
}
