/* SPDX-License-Identifier: Apache-2.0
 *
 * norm.c: normalizations of rows, recognized by how they end.
 *
 * What makes a layer normalization of a row's mean m and of the inverse r of its deviation is up to five passes over all
 * elements. The converter writes
 *
 *   y = x * (r * gamma) + (beta - m * (r * gamma))      with -m made before, or a subtraction, or without beta
 *   y = (x - m) * r * gamma + beta                      without gamma, or beta
 *
 * and each becomes one link of its chain (chain.c) that goes through memory once, with the same roundings. Values that
 * the others made are made no more, so nobody else may read them.
 */
#include "exec/session.h"
#include "ops/binary.h"

/* What a link of the chain does with which values. */
typedef struct step {
  int32_t link, op; /* of ufk_f32_binary; -1: another one */
  int32_t in[2];
} step;

static step step_at(const ufi_frame *f, const ufi_chain *c, int32_t l) {
  const bool is_plain = l >= 0 && c->links[l].part && c->links[l].kind == UFI_LINK_ELEMENTS && !c->links[l].table;
  if (!is_plain) return (step){l, -1, {-1, -1}};
  const ufi_ctx *ctx = &f->ctxs[c->links[l].node];
  if (ctx->n_in != 2 || !ufi_chain_has_shape(c, ctx->out[0], c->row)) return (step){l, -1, {-1, -1}};
  return (step){l, ufi_binary_f32_of(ctx, c->links[l].part), {ctx->node->in[0], ctx->node->in[1]}};
}

static int32_t readers(const ufi_frame *f, const ufi_chain *c, int32_t value) {
  int32_t n = 0;
  for (int32_t l = 0; l < c->n; l++) {
    const ufi_node *node = &f->graph->nodes[c->links[l].node];
    for (int32_t k = 0; k < node->n_in; k++) n += node->in[k] == value;
  }
  return n;
}

/* The step that makes a value which so many of the chain read and nobody else. */
static step made_for(const ufi_frame *f, const ufi_chain *c, int32_t value, int32_t n, const int32_t *last) {
  const int32_t l = ufi_chain_maker(f, c, value);
  if (l < 0 || !ufi_chain_passes(f, c, l, last) || readers(f, c, value) != n) return (step){-1, -1, {-1, -1}};
  return step_at(f, c, l);
}

static bool is_of_rows(const ufi_frame *f, const ufi_chain *c, int32_t value) {
  const ufi_tensor *t = &f->tensors[value];
  return t->dtype == UF_FLOAT32 && ufi_chain_has_shape(c, t, 1);
}

static bool is_whole(const ufi_frame *f, const ufi_chain *c, int32_t value) {
  return f->tensors[value].dtype == UF_FLOAT32 && ufi_chain_has_shape(c, &f->tensors[value], c->row);
}

/* One row for all: a constant, or from before the chain. */
static bool is_of_columns(const ufi_frame *f, const ufi_chain *c, int32_t value) {
  const ufi_tensor *t = &f->tensors[value];
  return t->dtype == UF_FLOAT32 && t->rank > 0 && t->count == c->row && t->dims[t->rank - 1] == c->row &&
         ufi_chain_maker(f, c, value) < 0;
}

typedef bool (*kind_fn)(const ufi_frame *f, const ufi_chain *c, int32_t value);

/* The operands of a commutative step in order: *a_out is the one that `first` holds of. */
static bool in_order(const ufi_frame *f, const ufi_chain *c, const step *s, kind_fn first, int32_t *a_out, int32_t *b_out) {
  const int32_t k = first(f, c, s->in[0]) ? 0 : 1;
  *a_out = s->in[k];
  *b_out = s->in[1 - k];
  return first(f, c, *a_out);
}

typedef struct found {
  ufi_norm norm;
  int32_t gone[5], n_gone; /* links that are in it */
} found;

static void take_in(found *m, const step *s) { m->gone[m->n_gone++] = s->link; }

/* g = r * gamma, which x * g and m * g read. */
static bool takes_factor(const ufi_frame *f, const ufi_chain *c, int32_t g, const int32_t *last, found *m) {
  const step s = made_for(f, c, g, 2, last);
  if (s.op != UFK_MUL || !in_order(f, c, &s, is_of_rows, &m->norm.r, &m->norm.gamma)) return false;
  take_in(m, &s);
  return is_of_columns(f, c, m->norm.gamma);
}

/* m * g, to which beta was added, or which was subtracted from it; `minus`: which is subtracted in the end. */
static bool takes_shift(const ufi_frame *f, const ufi_chain *c, int32_t value, bool minus, int32_t g, const int32_t *last, found *m) {
  step s = made_for(f, c, value, 1, last);
  m->norm.subtracts = minus;
  m->norm.beta = -1;
  if (s.op == UFK_ADD || s.op == UFK_SUB) {
    int32_t product;
    if (minus || !in_order(f, c, &s, is_of_columns, &m->norm.beta, &product)) return false;
    if (s.op == UFK_SUB && m->norm.beta != s.in[0]) return false;
    m->norm.subtracts = s.op == UFK_SUB;
    take_in(m, &s);
    s = made_for(f, c, product, 1, last);
  }
  int32_t factor;
  if (s.op != UFK_MUL || !in_order(f, c, &s, is_of_rows, &m->norm.m, &factor) || factor != g) return false;
  take_in(m, &s);
  return true;
}

/* x * g and what is added to it. */
static bool folds(const ufi_frame *f, const ufi_chain *c, const step *end, const int32_t *last, found *m) {
  for (int32_t k = 0; k < (end->op == UFK_ADD ? 2 : 1); k++) {
    *m = (found){.n_gone = 0};
    const step s = made_for(f, c, end->in[k], 1, last);
    for (int32_t i = 0; s.op == UFK_MUL && i < 2; i++) {
      const int32_t g = s.in[1 - i];
      m->n_gone = 0;
      m->norm.x = s.in[i];
      if (!is_whole(f, c, m->norm.x) || !takes_factor(f, c, g, last, m)) continue;
      take_in(m, &s);
      if (takes_shift(f, c, end->in[1 - k], end->op == UFK_SUB, g, last, m)) return true;
    }
  }
  return false;
}

/* (x - m) * r and what it is multiplied by or what is added to it. */
static bool is_centered(const ufi_frame *f, const ufi_chain *c, const step *end, const int32_t *last, found *m) {
  *m = (found){.norm = {.m = -1, .gamma = -1, .beta = -1, .is_centered = true}};
  step s = *end;
  int32_t rest;
  if (s.op == UFK_ADD) {
    if (!in_order(f, c, &s, is_of_columns, &m->norm.beta, &rest)) return false;
    s = made_for(f, c, rest, 1, last);
    take_in(m, &s);
  }
  if (s.op == UFK_MUL && in_order(f, c, &s, is_of_columns, &m->norm.gamma, &rest)) {
    s = made_for(f, c, rest, 1, last);
    take_in(m, &s);
  } else {
    m->norm.gamma = -1;
  }
  if (s.op != UFK_MUL || m->n_gone == 0 || !in_order(f, c, &s, is_of_rows, &m->norm.r, &m->norm.x)) return false;
  return is_whole(f, c, m->norm.x);
}

static void keep_until(int32_t *last, int32_t value, int32_t node) {
  if (value >= 0) last[value] = UFI_MAX(last[value], node);
}

void ufi_norms_find(ufi_frame *f, ufi_chain *c, int32_t *last) {
  for (int32_t l = c->n - 1; l >= 0; l--) {
    const step end = step_at(f, c, l);
    found m;
    if (end.op < 0 || (!folds(f, c, &end, last, &m) && !is_centered(f, c, &end, last, &m))) continue;
    for (int32_t i = 0; i < m.n_gone; i++) {
      c->links[m.gone[i]].part = NULL;
      f->slot[f->graph->nodes[c->links[m.gone[i]].node].out[0]] = 0; /* no memory */
    }
    c->links[l].kind = UFI_LINK_NORM;
    c->links[l].norm = m.norm;
    const int32_t read[] = {m.norm.x, m.norm.r, m.norm.m, m.norm.gamma, m.norm.beta};
    for (size_t i = 0; i < UFI_COUNT(read); i++) keep_until(last, read[i], c->links[l].node);
  }
}

void ufi_norm_run(const ufi_frame *f, const ufi_norm *norm, const float *x, float *y, size_t row, size_t begin, size_t n) {
  const ufk_elementwise_table *k = &ufi_kernels_get()->elementwise;
  const float *r = (const float *)f->tensors[norm->r].data + begin;
  const float *m = norm->m < 0 ? NULL : (const float *)f->tensors[norm->m].data + begin;
  const float *gamma = norm->gamma < 0 ? NULL : f->tensors[norm->gamma].data;
  const float *beta = norm->beta < 0 ? NULL : f->tensors[norm->beta].data;
  for (size_t i = 0; i < n; i++, x += row, y += row) {
    if (norm->is_centered) k->f32_norm_centered(x, gamma, beta, y, row, r[i]);
    else k->f32_norm(x, gamma, beta, y, row, r[i], norm->subtracts ? -m[i] : m[i]);
  }
}
