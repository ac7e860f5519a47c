/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_loop.c: frames of TensorFlow 1 as LOOP nodes.
 *
 * A while loop of version 1 is a cycle: Enter brings values into a frame, Merge
 * takes the entered value at first and NextIteration's afterwards, Switch
 * sends it into the body or to Exit. A node belongs to the frame of its
 * inputs. Deepest frames first, each becomes a graph that is run once for
 * each iteration (ops/flow.c): values of Enter and NextIteration go in, what
 * NextIteration and Exit take comes out. In its place stands a LOOP node, and
 * the Exits become nodes that pass on what it gives.
 */
#include "graph/tf_lower.h"

#define MAX_FRAMES 4096
#define MAX_SORTED ((int64_t)1 << 28) /* nodes looked at, over all frames */

typedef struct frame {
  int32_t parent, depth;
  const char *name;
} frame;

typedef struct framing {
  ufi_work *w;
  frame *frames;      /* [0]: outside of all */
  int32_t n_frames;
  int32_t *runs_in;   /* by node */
  int32_t *gives_to;  /* by node: the frame of its outputs */
  uf_error *error;
} framing;

static bool is_op(const ufi_work_node *node, const char *a, const char *b) { return strcmp(node->op, a) == 0 || strcmp(node->op, b) == 0; }
static bool is_enter(const ufi_work_node *node) { return is_op(node, "Enter", "RefEnter"); }
static bool is_exit(const ufi_work_node *node) { return is_op(node, "Exit", "RefExit"); }
static bool is_next(const ufi_work_node *node) { return is_op(node, "NextIteration", "RefNextIteration"); }

static const uf_attr *attr_of(const ufi_work_node *node, const char *name) {
  for (int32_t i = 0; node->from && i < node->from->n_attrs; i++) {
    if (strcmp(node->from->attrs[i].name, name) == 0) return &node->from->attrs[i];
  }
  return NULL;
}

/* ---- which frame a node is in ------------------------------------------------------------- */

static uf_status enter_frame(framing *g, int32_t parent, const ufi_work_node *node, int32_t *out) {
  const uf_attr *attr = attr_of(node, "frame_name");
  const char *name = attr && attr->s ? attr->s : "";
  for (int32_t i = 1; i < g->n_frames; i++) {
    if (g->frames[i].parent != parent || strcmp(g->frames[i].name, name) != 0) continue;
    *out = i;
    return UF_OK;
  }
  if (g->n_frames >= MAX_FRAMES) return ufi_fail(g->error, UF_RESOURCE_EXHAUSTED, "expected at most %d loops, found more", MAX_FRAMES);
  g->frames[g->n_frames] = (frame){parent, g->frames[parent].depth + 1, name};
  *out = g->n_frames++;
  return UF_OK;
}

static uf_status place(framing *g, int32_t i) {
  const ufi_work_node *node = &g->w->nodes[i];
  int32_t at = 0;
  for (int32_t k = 0; k < node->n_in + node->n_controls; k++) {
    int32_t from = k < node->n_in ? g->w->values[node->in[k]].node : node->controls[k - node->n_in];
    if (from < 0 || (is_op(node, "Merge", "RefMerge") && is_next(&g->w->nodes[from]))) continue;
    if (g->frames[g->gives_to[from]].depth > g->frames[at].depth) at = g->gives_to[from];
  }
  if (is_enter(node)) UFI_TRY(enter_frame(g, at, node, &at));
  g->runs_in[i] = g->gives_to[i] = at;
  if (is_exit(node)) {
    if (at == 0) return ufi_fail(g->error, UF_INVALID_ARGUMENT, "expected '%s' to leave a loop, found that it is in none", node->name);
    g->gives_to[i] = g->frames[at].parent;
  }
  return UF_OK;
}

/* ---- a frame as a graph --------------------------------------------------------------------- */

typedef struct members {
  int32_t *enter, *next, *exit, *rest;
  int32_t n_enter, n_next, n_exit, n_rest;
} members;

static uf_status find_members(framing *g, int32_t f, members *m) {
  size_t n = (size_t)g->w->n_nodes;
  m->enter = ufi_work_ints(g->w, n);
  m->next = ufi_work_ints(g->w, n);
  m->exit = ufi_work_ints(g->w, n);
  m->rest = ufi_work_ints(g->w, n);
  if (!m->enter || !m->next || !m->exit || !m->rest) return ufi_no_memory(g->error, n * 16);
  for (int32_t i = 0; i < g->w->n_nodes; i++) {
    const ufi_work_node *node = &g->w->nodes[i];
    if (g->runs_in[i] != f || node->gone) continue;
    if (is_enter(node)) m->enter[m->n_enter++] = i;
    else if (is_next(node)) m->next[m->n_next++] = i;
    else if (is_exit(node)) m->exit[m->n_exit++] = i;
    else m->rest[m->n_rest++] = i;
  }
  return UF_OK;
}

/* The Enter that a NextIteration's Merge takes first. */
static int32_t first_enter(const framing *g, const members *m, int32_t next) {
  int32_t value = g->w->nodes[next].first_value;
  for (int32_t i = 0; i < m->n_rest; i++) {
    const ufi_work_node *merge = &g->w->nodes[m->rest[i]];
    if (!is_op(merge, "Merge", "RefMerge") || merge->n_in != 2 || (merge->in[0] != value && merge->in[1] != value)) continue;
    int32_t other = merge->in[merge->in[0] == value];
    for (int32_t k = 0; k < m->n_enter; k++) {
      if (g->w->nodes[m->enter[k]].first_value == other) return k;
    }
  }
  return -1;
}

static uf_status fill_loop(framing *g, const members *m, ufi_work_loop *loop) {
  ufi_work *w = g->w;
  ufi_work_part *p = &loop->part;
  *loop = (ufi_work_loop){.n_enter = m->n_enter, .n_next = m->n_next, .n_exit = m->n_exit};
  p->n_inputs = m->n_enter + m->n_next;
  p->n_outputs = m->n_next + m->n_exit;
  p->inputs = ufi_work_ints(w, (size_t)p->n_inputs);
  p->outputs = ufi_work_ints(w, (size_t)p->n_outputs);
  loop->is_constant = ufi_arena_alloc(w->arena, (size_t)m->n_enter + 1);
  loop->first_of = ufi_work_ints(w, (size_t)m->n_next);
  if (!p->inputs || !p->outputs || !loop->is_constant || !loop->first_of) return ufi_no_memory(g->error, sizeof *loop);
  for (int32_t i = 0; i < m->n_enter; i++) {
    const uf_attr *constant = attr_of(&w->nodes[m->enter[i]], "is_constant");
    loop->is_constant[i] = constant && constant->i != 0;
    p->inputs[i] = w->nodes[m->enter[i]].first_value;
  }
  for (int32_t i = 0; i < m->n_next; i++) {
    loop->first_of[i] = first_enter(g, m, m->next[i]);
    p->inputs[m->n_enter + i] = w->nodes[m->next[i]].first_value;
    p->outputs[i] = w->nodes[m->next[i]].in[0];
  }
  for (int32_t i = 0; i < m->n_exit; i++) p->outputs[m->n_next + i] = w->nodes[m->exit[i]].in[0];
  for (int32_t i = 0; i < p->n_inputs; i++) w->values[p->inputs[i]].node = -1; /* they come from outside */
  return UF_OK;
}

/* In the frame only control edges of the frame count; what waited for the frame waits for the loop. */
static void move_controls(framing *g, int32_t f, int32_t loop) {
  for (int32_t i = 0; i < g->w->n_nodes; i++) {
    ufi_work_node *node = &g->w->nodes[i];
    if (node->gone || i == loop) continue;
    bool inside = g->runs_in[i] == f && !is_exit(node);
    int32_t kept = 0;
    for (int32_t k = 0; k < node->n_controls; k++) {
      int32_t from = node->controls[k];
      bool from_inside = g->runs_in[from] == f && !is_exit(&g->w->nodes[from]);
      if (inside && (!from_inside || is_enter(&g->w->nodes[from]) || is_next(&g->w->nodes[from]))) continue;
      node->controls[kept++] = !inside && from_inside ? loop : from;
    }
    node->n_controls = kept;
  }
}

static uf_status add_loop(framing *g, int32_t f, const members *m, ufi_work_loop *loop, int32_t *out) {
  ufi_work *w = g->w;
  int64_t n_controls = 0;
  for (int32_t i = 0; i < m->n_enter; i++) n_controls += w->nodes[m->enter[i]].n_controls;
  ufi_work_node node = {.op = "LOOP", .row = ufi_op_row_by_name("LOOP"), .name = g->frames[f].name, .loop = loop, .n_in = m->n_enter,
                        .n_out = m->n_exit};
  ufi_sig_value *dtypes = ufi_arena_array(w->arena, (size_t)m->n_exit + 1, sizeof *dtypes);
  node.in = ufi_work_ints(w, (size_t)m->n_enter);
  node.controls = ufi_work_ints(w, (size_t)n_controls);
  node.out = dtypes;
  if (!dtypes || !node.in || !node.controls) return ufi_no_memory(g->error, sizeof node);
  for (int32_t i = 0; i < m->n_exit; i++) {
    const ufi_work_value *v = &w->values[w->nodes[m->exit[i]].first_value];
    dtypes[i] = (ufi_sig_value){.dtype = v->dtype, .is_ref = v->is_ref};
  }
  for (int32_t i = 0; i < m->n_enter; i++) {
    const ufi_work_node *enter = &w->nodes[m->enter[i]];
    node.in[i] = enter->in[0];
    for (int32_t k = 0; k < enter->n_controls; k++) node.controls[node.n_controls++] = enter->controls[k];
  }
  return ufi_work_add(w, &node, out, g->error);
}

static uf_status extract(framing *g, int32_t f) {
  members m = {0};
  ufi_work_loop *loop = ufi_arena_alloc(g->w->arena, sizeof *loop);
  if (!loop) return ufi_no_memory(g->error, sizeof *loop);
  UFI_TRY(find_members(g, f, &m));
  int32_t at;
  UFI_TRY(add_loop(g, f, &m, loop, &at));
  UFI_TRY(fill_loop(g, &m, loop));
  g->runs_in[at] = g->gives_to[at] = g->frames[f].parent;
  move_controls(g, f, at);
  UFI_TRY(ufi_work_sort(g->w, m.rest, m.n_rest, &loop->part.order, &loop->part.n_order, g->error));
  for (int32_t i = 0; i < loop->part.n_order; i++) {
    int32_t node = loop->part.order[i];
    if (g->runs_in[node] == f) continue;
    return ufi_fail(g->error, UF_INVALID_ARGUMENT, "expected what is used in loop '%s' to come through an Enter, found '%s' from outside",
                    g->frames[f].name, g->w->nodes[node].name);
  }
  for (int32_t i = 0; i < m.n_exit; i++) {
    ufi_work_node *exit = &g->w->nodes[m.exit[i]];
    exit->in[0] = g->w->nodes[at].first_value + i;
    exit->n_controls = 0;
    g->runs_in[m.exit[i]] = g->frames[f].parent;
    exit->op = "Identity"; /* no frame's any more */
  }
  for (int32_t i = 0; i < m.n_enter; i++) g->w->nodes[m.enter[i]].gone = true;
  for (int32_t i = 0; i < m.n_next; i++) g->w->nodes[m.next[i]].gone = true;
  for (int32_t i = 0; i < m.n_rest; i++) g->w->nodes[m.rest[i]].gone = true;
  return UF_OK;
}

uf_status ufi_work_loops(ufi_work *w, uf_error *error) {
  bool any = false;
  for (int32_t i = 0; i < w->n_nodes; i++) any = any || is_enter(&w->nodes[i]);
  if (!any) return UF_OK;
  framing g = {.w = w, .n_frames = 1, .error = error};
  size_t n = (size_t)w->n_nodes;
  int32_t *all = ufi_work_ints(w, n), *order, n_order;
  g.frames = ufi_arena_array(w->arena, MAX_FRAMES, sizeof *g.frames);
  g.runs_in = ufi_work_ints(w, n + MAX_FRAMES);
  g.gives_to = ufi_work_ints(w, n + MAX_FRAMES);
  if (!all || !g.frames || !g.runs_in || !g.gives_to) return ufi_no_memory(error, n * 12);
  for (size_t i = 0; i < n; i++) all[i] = (int32_t)i;
  UFI_TRY(ufi_work_sort(w, all, (int32_t)n, &order, &n_order, error));
  for (int32_t i = 0; i < n_order; i++) UFI_TRY(place(&g, order[i]));
  if ((int64_t)g.n_frames * w->n_nodes > MAX_SORTED) return ufi_fail(error, UF_RESOURCE_EXHAUSTED, "expected fewer loops in a graph of %d nodes, found %d", (int)n, (int)g.n_frames - 1);
  int32_t deepest = 0;
  for (int32_t f = 1; f < g.n_frames; f++) deepest = UFI_MAX(deepest, g.frames[f].depth);
  for (int32_t depth = deepest; depth > 0; depth--) {
    for (int32_t f = 1; f < g.n_frames; f++) {
      if (g.frames[f].depth == depth) UFI_TRY(extract(&g, f));
    }
  }
  return UF_OK;
}
