/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_lower.c: what fetched values need of a TensorFlow graph, as a model that
 * runs.
 *
 *   1. reach: from fetches and targets backwards to what is fed, going into
 *      the functions that PartitionedCall & co. name: their bodies are inlined,
 *      so that shapes, constants and memory are planned across calls.
 *   2. link: inputs and control edges of the copies. A call's control edges
 *      become those of two nodes that do nothing: one before all of the body
 *      that has effects, one after. Where a reference (VariableV2) goes to an
 *      input that wants a value, a READ_VARIABLE is put between.
 *   3. loops of version 1 become LOOP nodes (tf_loop.c).
 *   4. sort, and emit as a ufi_graph: constants become values, nodes get their
 *      attributes from their ops. Functions that If, While and Case name become
 *      graphs of their own, each once.
 *
 * Nothing here recurses over the file's data: paths are kept in arrays.
 */
#include "graph/tf_lower.h"

#include <stdio.h>

/* What an inlined graph may grow to, and how deep calls may be. */
#define MAX_WORK_NODES (1 << 20)
#define MAX_INLINE_DEPTH 64

/* A body being copied: of a function that a call names, or the whole graph. */
typedef struct scope {
  const uf_builder *body;
  const ufi_tf_function *function; /* NULL: the graph itself */
  const char *prefix;              /* "call/", "" for the graph itself */
  int32_t parent, call;            /* scope and node of the call, -1 */
  int32_t depth;
  int32_t *copy_of;                /* by node of body: work node, -1 */
  int32_t *inner;                  /* by node of body: the scope of its inlined call, -1 */
  int32_t *input_of;               /* by value of body: which of function's inputs, or feed; -1 */
  int32_t before, after;           /* anchors, -1 */
  bool linked;
} scope;

typedef struct task {
  int32_t scope, node;
} task;

/* A graph that is waiting to be lowered or was. */
typedef struct want {
  const uf_builder *body;
  const ufi_tf_function *function;
  const ufi_work_loop *loop;
  ufi_work *work;                  /* of a loop: what it is part of */
  const struct lowering *owner;
} want;

typedef struct lowering {
  ufi_arena *arena;                /* of all that is temporary */
  uf_model *model;
  const uf_builder *root;
  const uf_prune *what;
  want *wants;                     /* graph i of the model is wants[i] */
  int32_t n_wants, want_capacity;
  ufi_graph **graphs;
  int32_t graph_capacity;
  bool keep_constants;             /* as nodes, so that nodes keep their numbers */
  ufi_work **works;                /* all, since loops of one are emitted later */
  int32_t n_works, work_capacity;
  ufi_work *w;
  scope *scopes;
  int32_t n_scopes, scope_capacity;
  task *tasks;
  int32_t n_tasks, task_capacity;
  uf_error *error;
} lowering;

int32_t *ufi_work_ints(ufi_work *w, size_t n) { return ufi_arena_array(w->arena, n + 1, sizeof(int32_t)); }

static const char *joined(ufi_arena *arena, const char *a, const char *b) {
  size_t n = strlen(a), m = strlen(b);
  char *text = ufi_arena_alloc(arena, n + m + 1);
  if (text == NULL) return NULL;
  memcpy(text, a, n);
  memcpy(text + n, b, m + 1);
  return text;
}

/* ---- the work graph ------------------------------------------------------------------ */

static uf_status add_value(ufi_work *w, ufi_work_value value, uf_error *error) {
  if (!ufi_grow((void **)&w->values, &w->value_capacity, w->n_values + 1, sizeof value)) return ufi_no_memory(error, sizeof value);
  w->values[w->n_values++] = value;
  return UF_OK;
}

static const char *value_name(ufi_work *w, const char *node, int32_t k) {
  if (k == 0) return node; /* output 0 is called as its node; more are told apart by ":k" */
  char text[16];
  snprintf(text, sizeof text, ":%d", (int)k);
  return joined(w->arena, node, text);
}

uf_status ufi_work_add(ufi_work *w, const ufi_work_node *node, int32_t *node_out, uf_error *error) {
  if (w->n_nodes >= MAX_WORK_NODES) {
    return ufi_fail(error, UF_RESOURCE_EXHAUSTED, "expected at most %d nodes with those of called functions, found more", MAX_WORK_NODES);
  }
  if (!ufi_grow((void **)&w->nodes, &w->node_capacity, w->n_nodes + 1, sizeof *node)) return ufi_no_memory(error, sizeof *node);
  int32_t at = w->n_nodes;
  w->nodes[at] = *node;
  w->nodes[at].first_value = w->n_values;
  for (int32_t k = 0; k < node->n_out; k++) {
    const char *name = value_name(w, node->name, k);
    if (!name) return ufi_no_memory(error, sizeof *node);
    UFI_TRY(add_value(w, (ufi_work_value){.node = at, .at = k, .dtype = node->out[k].dtype, .is_ref = node->out[k].is_ref,
                                          .name = name, .shape = {.rank = -1}}, error));
  }
  w->n_nodes++;
  *node_out = at;
  return UF_OK;
}

/* ---- scopes ---------------------------------------------------------------------------- */

static int32_t *filled(lowering *l, int32_t n) {
  int32_t *list = ufi_arena_array(l->arena, (size_t)n + 1, sizeof *list);
  for (int32_t i = 0; list && i < n; i++) list[i] = -1;
  return list;
}

static uf_status add_scope(lowering *l, scope made, const int32_t *inputs, int32_t n_inputs, int32_t *out) {
  made.copy_of = filled(l, made.body->n_nodes);
  made.inner = filled(l, made.body->n_nodes);
  made.input_of = filled(l, made.body->n_values);
  made.before = made.after = -1;
  bool good = made.copy_of && made.inner && made.input_of && made.prefix &&
              ufi_grow((void **)&l->scopes, &l->scope_capacity, l->n_scopes + 1, sizeof made);
  if (!good) return ufi_no_memory(l->error, (size_t)made.body->n_nodes * 12);
  for (int32_t i = n_inputs; i-- > 0;) made.input_of[inputs[i]] = i;
  l->scopes[l->n_scopes] = made;
  *out = l->n_scopes++;
  return UF_OK;
}

/* The function that a call names, if it is to be inlined. */
static const ufi_tf_function *inlined(const lowering *l, const scope *s, const ufi_tf_node *node) {
  if (strcmp(node->op, "PartitionedCall") != 0 && strcmp(node->op, "StatefulPartitionedCall") != 0) return NULL;
  for (int32_t i = 0; i < node->n_attrs; i++) {
    const uf_attr *a = &node->attrs[i];
    if (strcmp(a->name, "f") != 0 || a->kind != UF_ATTR_FUNC || !a->s) continue;
    const ufi_tf_function *f = ufi_builder_function(s->body, a->s);
    bool fits = f && f->n_in == node->n_in && f->n_out == node->n_out && s->depth < MAX_INLINE_DEPTH;
    return fits ? f : NULL;
  }
  return NULL;
}

static uf_status push(lowering *l, int32_t in_scope, int32_t node) {
  if (!ufi_grow((void **)&l->tasks, &l->task_capacity, l->n_tasks + 1, sizeof *l->tasks)) return ufi_no_memory(l->error, sizeof *l->tasks);
  l->tasks[l->n_tasks++] = (task){in_scope, node};
  return UF_OK;
}

static uf_status add_anchor(lowering *l, int32_t at, const char *what, int32_t *out) {
  ufi_work_node node = {.op = "NoOp", .row = ufi_op_by_tf("NoOp"), .scope = at};
  node.name = joined(l->arena, l->scopes[at].prefix, what);
  if (!node.name) return ufi_no_memory(l->error, 16);
  return ufi_work_add(l->w, &node, out, l->error);
}

/* The scope of a call's body, entered when it is first needed: its effects run. */
static uf_status enter_call(lowering *l, int32_t at, int32_t node, const ufi_tf_function *f, int32_t *out) {
  if (l->scopes[at].inner[node] >= 0) {
    *out = l->scopes[at].inner[node];
    return UF_OK;
  }
  const ufi_tf_node *call = &l->scopes[at].body->nodes[node];
  scope made = {.body = f->body, .function = f, .parent = at, .call = node, .depth = l->scopes[at].depth + 1};
  const char *name = joined(l->arena, l->scopes[at].prefix, call->name);
  made.prefix = name ? joined(l->arena, name, "/") : NULL;
  UFI_TRY(add_scope(l, made, f->in, f->n_in, out));
  l->scopes[at].inner[node] = *out;
  int32_t before, after;
  UFI_TRY(add_anchor(l, *out, "before", &before));
  UFI_TRY(add_anchor(l, *out, "after", &after));
  l->scopes[*out].before = before;
  l->scopes[*out].after = after;
  for (int32_t i = 0; i < f->n_effects; i++) UFI_TRY(push(l, *out, f->effects[i]));
  for (int32_t i = 0; i < call->n_controls; i++) UFI_TRY(push(l, at, call->controls[i]));
  return UF_OK;
}

/* ---- reach ----------------------------------------------------------------------------- */

/* Where a value of a scope comes from: a node that is copied (*at, *value: of that scope's body),
 * or a fed value (*feed). Enters inlined calls on the way. */
static uf_status origin(lowering *l, int32_t *at, int32_t *value, int32_t *feed) {
  *feed = -1;
  for (;;) {
    const scope *s = &l->scopes[*at];
    int32_t input = s->input_of[*value];
    if (input >= 0 && s->call < 0) {
      *feed = input;
      return UF_OK;
    }
    if (input >= 0) {
      *value = l->scopes[s->parent].body->nodes[s->call].in[input];
      *at = s->parent;
      if (*value < 0) return ufi_fail(l->error, UF_INVALID_ARGUMENT, "expected all inputs of calls, found one that is missing");
      continue;
    }
    const ufi_tf_value *v = &s->body->values[*value];
    const ufi_tf_node *node = &s->body->nodes[v->node];
    const ufi_tf_function *f = inlined(l, s, node);
    if (!f) return UF_OK;
    int32_t k = v->at, inner;
    UFI_TRY(enter_call(l, *at, v->node, f, &inner));
    *at = inner;
    *value = f->out[k];
  }
}

static uf_status need_value(lowering *l, int32_t at, int32_t value) {
  int32_t feed;
  UFI_TRY(origin(l, &at, &value, &feed));
  return feed >= 0 ? UF_OK : push(l, at, l->scopes[at].body->values[value].node);
}

static uf_status copy_node(lowering *l, int32_t at, int32_t node) {
  const scope *s = &l->scopes[at];
  const ufi_tf_node *from = &s->body->nodes[node];
  ufi_work_node copy = {.from = from, .row = from->row, .op = from->op, .scope = at, .n_in = from->n_in, .n_out = from->n_out,
                        .out = from->out};
  copy.name = s->prefix[0] ? joined(l->arena, s->prefix, from->name) : from->name;
  if (!copy.name) return ufi_no_memory(l->error, sizeof copy);
  int32_t made;
  UFI_TRY(ufi_work_add(l->w, &copy, &made, l->error));
  l->scopes[at].copy_of[node] = made;
  for (int32_t k = 0; k < from->n_out; k++) l->w->values[l->w->nodes[made].first_value + k].shape = l->scopes[at].body->values[from->first_value + k].shape;
  return UF_OK;
}

static uf_status visit(lowering *l, task t) {
  const ufi_tf_node *node = &l->scopes[t.scope].body->nodes[t.node];
  const ufi_tf_function *f = inlined(l, &l->scopes[t.scope], node);
  int32_t inner;
  if (f) return enter_call(l, t.scope, t.node, f, &inner);
  if (l->scopes[t.scope].copy_of[t.node] >= 0) return UF_OK;
  UFI_TRY(copy_node(l, t.scope, t.node));
  for (int32_t i = node->n_in; i-- > 0;) {
    if (node->in[i] < 0) {
      return ufi_fail(l->error, UF_INVALID_ARGUMENT, "op %s '%s': expected a value for input %d, found none", node->op, node->name, (int)i);
    }
    UFI_TRY(need_value(l, t.scope, node->in[i]));
  }
  for (int32_t i = node->n_controls; i-- > 0;) UFI_TRY(push(l, t.scope, node->controls[i]));
  return UF_OK;
}

static uf_status reach(lowering *l) {
  while (l->n_tasks > 0) UFI_TRY(visit(l, l->tasks[--l->n_tasks]));
  return UF_OK;
}

/* ---- link ------------------------------------------------------------------------------ */

/* The work value that a value of a scope is; fed ones are the first values. */
static uf_status resolve(lowering *l, int32_t at, int32_t value, int32_t *out) {
  int32_t feed;
  UFI_TRY(origin(l, &at, &value, &feed));
  if (feed >= 0) {
    *out = feed;
    return UF_OK;
  }
  const scope *s = &l->scopes[at];
  const ufi_tf_value *v = &s->body->values[value];
  int32_t copy = s->copy_of[v->node];
  if (copy < 0) return ufi_fail(l->error, UF_INTERNAL, "expected '%s' to be reached, found it left out", s->body->nodes[v->node].name);
  *out = l->w->nodes[copy].first_value + v->at;
  return UF_OK;
}

/* The work node that a control edge from this node comes from. */
static int32_t control_of(const lowering *l, int32_t at, int32_t node) {
  const scope *s = &l->scopes[at];
  return s->inner[node] >= 0 ? l->scopes[s->inner[node]].after : s->copy_of[node];
}

static bool has_effects(const ufi_tf_node *node) { return node->sig == NULL || (node->sig->flags & UFI_SIG_STATEFUL); }

static uf_status link_controls(lowering *l, int32_t i) {
  ufi_work_node *node = &l->w->nodes[i];
  const scope *s = &l->scopes[node->scope];
  int32_t n = 0, before = has_effects(node->from) || node->n_in == 0 ? s->before : -1;
  int32_t *controls = ufi_work_ints(l->w, (size_t)node->from->n_controls + 1);
  if (!controls) return ufi_no_memory(l->error, sizeof *controls);
  for (int32_t k = 0; k < node->from->n_controls; k++) {
    int32_t from = control_of(l, node->scope, node->from->controls[k]);
    if (from >= 0) controls[n++] = from;
  }
  if (before >= 0) controls[n++] = before;
  node->controls = controls;
  node->n_controls = n;
  return UF_OK;
}

/* A node that reads the variable behind a reference, as late as its reader runs. */
static uf_status add_read(lowering *l, int32_t reader, int32_t value, int32_t *out) {
  const ufi_work_node *to = &l->w->nodes[reader];
  const ufi_work_value *v = &l->w->values[value];
  ufi_sig_value *dtype = ufi_arena_alloc(l->arena, sizeof *dtype);
  ufi_work_node read = {.op = "ReadVariableOp", .row = ufi_op_by_tf("ReadVariableOp"), .scope = to->scope, .n_in = 1, .n_out = 1,
                        .out = dtype, .controls = to->controls, .n_controls = to->n_controls};
  read.name = v->name;
  read.in = ufi_work_ints(l->w, 1);
  if (!read.in || !dtype) return ufi_no_memory(l->error, sizeof read);
  *dtype = (ufi_sig_value){.dtype = v->dtype};
  read.in[0] = value;
  int32_t made;
  UFI_TRY(ufi_work_add(l->w, &read, &made, l->error));
  *out = l->w->nodes[made].first_value;
  return UF_OK;
}

static uf_status link_inputs(lowering *l, int32_t i) {
  int32_t n = l->w->nodes[i].n_in, at = l->w->nodes[i].scope;
  const ufi_tf_node *from = l->w->nodes[i].from;
  int32_t *in = ufi_work_ints(l->w, (size_t)n);
  if (!in) return ufi_no_memory(l->error, sizeof *in);
  for (int32_t k = 0; k < n; k++) {
    UFI_TRY(resolve(l, at, from->in[k], &in[k]));
    bool wants_ref = from->in_sig && from->in_sig[k].is_ref;
    if (l->w->values[in[k]].is_ref && !wants_ref && from->in_sig) UFI_TRY(add_read(l, i, in[k], &in[k]));
  }
  l->w->nodes[i].in = in;
  return UF_OK;
}

/* Controls of the anchors of a call: before it what the call waits for, after it all its effects. */
static uf_status link_anchors(lowering *l, int32_t at) {
  const scope *s = &l->scopes[at];
  const ufi_tf_node *call = &l->scopes[s->parent].body->nodes[s->call];
  ufi_work_node *before = &l->w->nodes[s->before], *after = &l->w->nodes[s->after];
  before->controls = ufi_work_ints(l->w, (size_t)call->n_controls + 1);
  after->controls = ufi_work_ints(l->w, (size_t)s->function->n_effects + 1);
  if (!before->controls || !after->controls) return ufi_no_memory(l->error, sizeof *before);
  for (int32_t k = 0; k < call->n_controls; k++) {
    int32_t from = control_of(l, s->parent, call->controls[k]);
    if (from >= 0) before->controls[before->n_controls++] = from;
  }
  if (l->scopes[s->parent].before >= 0) before->controls[before->n_controls++] = l->scopes[s->parent].before;
  for (int32_t k = 0; k < s->function->n_effects; k++) {
    int32_t from = control_of(l, at, s->function->effects[k]);
    if (from >= 0) after->controls[after->n_controls++] = from;
  }
  after->controls[after->n_controls++] = s->before;
  return UF_OK;
}

static uf_status link_all(lowering *l) {
  for (int32_t at = 0; at < l->n_scopes; at++) {
    if (l->scopes[at].call >= 0) UFI_TRY(link_anchors(l, at));
  }
  int32_t n = l->w->n_nodes; /* reads are added behind */
  for (int32_t i = 0; i < n; i++) {
    if (!l->w->nodes[i].from) continue;
    UFI_TRY(link_controls(l, i));
    UFI_TRY(link_inputs(l, i));
  }
  return UF_OK;
}

/* ---- sort ------------------------------------------------------------------------------ */

static bool is_back_edge(const ufi_work *w, int32_t from) {
  const char *op = w->nodes[from].op;
  return strcmp(op, "NextIteration") == 0 || strcmp(op, "RefNextIteration") == 0;
}

/* The k-th node that node i needs: controls, then inputs, the first one last, so that it stands right
 * before the node (exec/chain.c wants that). -1: a value without a node or a back edge, -2: no more. */
static int32_t needed(const ufi_work *w, int32_t i, int32_t k) {
  const ufi_work_node *node = &w->nodes[i];
  if (k < node->n_controls) return node->controls[k];
  k -= node->n_controls;
  if (k < node->n_in) {
    int32_t from = w->values[node->in[node->n_in - 1 - k]].node;
    bool is_merge = strcmp(node->op, "Merge") == 0 || strcmp(node->op, "RefMerge") == 0;
    return from >= 0 && is_merge && is_back_edge(w, from) ? -1 : from;
  }
  return -2;
}

uf_status ufi_work_sort(ufi_work *w, const int32_t *roots, int32_t n_roots, int32_t **order_out, int32_t *n_out,
                        uf_error *error) {
  size_t n = (size_t)w->n_nodes;
  int32_t *order = ufi_work_ints(w, n), *path = ufi_work_ints(w, n), *next = ufi_work_ints(w, n);
  uint8_t *seen = ufi_arena_alloc(w->arena, n + 1); /* 1: on the path, 2: done */
  if (!order || !path || !next || !seen) return ufi_no_memory(error, n * 13);
  int32_t n_order = 0;
  for (int32_t r = 0; r < n_roots; r++) {
    int32_t depth = 0;
    if (seen[roots[r]]) continue;
    path[depth++] = roots[r];
    seen[roots[r]] = 1;
    while (depth > 0) {
      int32_t at = path[depth - 1], from = needed(w, at, next[at]++);
      if (from == -2) {
        seen[at] = 2;
        order[n_order++] = at;
        depth--;
      } else if (from >= 0 && seen[from] == 1) {
        return ufi_fail(error, UF_INVALID_ARGUMENT, "expected nodes that can run one after the other, found that '%s' and '%s' need each other",
                        w->nodes[at].name, w->nodes[from].name);
      } else if (from >= 0 && seen[from] == 0) {
        seen[from] = 1;
        path[depth++] = from;
      }
    }
  }
  *order_out = order;
  *n_out = n_order;
  return UF_OK;
}

/* ---- emit ------------------------------------------------------------------------------- */

static int32_t want_graph(lowering *l, want made) {
  if (!ufi_grow((void **)&l->wants, &l->want_capacity, l->n_wants + 1, sizeof made)) return -1;
  l->wants[l->n_wants] = made;
  return l->n_wants++;
}

/* ufi_tf_attrs.graph_of: a function's graph, which is then lowered in its turn. */
static int32_t graph_of(const ufi_tf_attrs *from, const char *name) {
  lowering *l = (lowering *)(uintptr_t)from->functions;
  const ufi_tf_function *f = ufi_builder_function(l->root, name);
  if (!f) return -1;
  for (int32_t i = 1; i < l->n_wants; i++) {
    if (l->wants[i].function == f) return i;
  }
  return want_graph(l, (want){.body = f->body, .function = f});
}

static uf_status own_attrs(uf_model *model, const ufi_tf_node *from, uf_attr **out, uf_error *error) {
  uf_attr *attrs = ufi_arena_array(model->arena, (size_t)from->n_attrs + 1, sizeof *attrs);
  for (int32_t i = 0; attrs && i < from->n_attrs; i++) {
    if (!ufi_attr_copy(model->arena, &from->attrs[i], &attrs[i])) return ufi_no_memory(error, sizeof *attrs);
  }
  *out = attrs;
  return attrs ? UF_OK : ufi_no_memory(error, sizeof *attrs);
}

static uf_status read_attrs(lowering *l, const ufi_tf_node *from, ufi_node *node) {
  const ufi_op_def *def = node->op->def;
  if (def->attrs_size == 0 && !def->attrs_tf) return UF_OK;
  if (def->attrs_tf == NULL) {
    node->unsupported = "expected an op with TensorFlow attributes, found none";
    return UF_OK;
  }
  uf_attr *attrs;
  UFI_TRY(own_attrs(l->model, from, &attrs, l->error));
  ufi_tf_attrs source = {.op = from->op, .attrs = attrs, .n = from->n_attrs, .name = node->name, .n_in = node->n_in,
                         .n_out = node->n_out, .arena = l->model->arena, .graph_of = graph_of, .functions = l};
  node->attrs = ufi_arena_alloc(l->model->arena, def->attrs_size ? def->attrs_size : 1);
  if (node->attrs == NULL) return ufi_no_memory(l->error, def->attrs_size);
  uf_error local = {0};
  uf_status status = def->attrs_tf(&source, node->attrs, &local);
  if (status == UF_OK) return UF_OK;
  node->unsupported = ufi_arena_string(l->model->arena, local.message, strlen(local.message));
  node->failure = status;
  return node->unsupported ? UF_OK : ufi_no_memory(l->error, sizeof local);
}

static uf_status outside(lowering *l, const ufi_work *w, int32_t value) {
  return ufi_fail(l->error, UF_INVALID_ARGUMENT, "expected values of a loop to be taken through its Exit, found '%.200s' wanted outside of it; fetch what the loop gives",
                  w->values[value].name);
}

static uf_status fill_node(lowering *l, const ufi_work *w, const ufi_work_node *from, const int32_t *value_at,
                           const int32_t *node_at, ufi_node *node) {
  ufi_arena *arena = l->model->arena;
  int32_t *in = ufi_arena_array(arena, (size_t)from->n_in + 1, sizeof *in);
  int32_t *out = ufi_arena_array(arena, (size_t)from->n_out + 1, sizeof *out);
  int32_t *controls = ufi_arena_array(arena, (size_t)from->n_controls + 1, sizeof *controls);
  node->op = from->row;
  node->op_name = ufi_arena_string(arena, from->op, strlen(from->op));
  node->name = ufi_arena_string(arena, from->name, strlen(from->name));
  if (!in || !out || !controls || !node->op_name || !node->name) return ufi_no_memory(l->error, sizeof *node);
  for (int32_t k = 0; k < from->n_in; k++) {
    in[k] = value_at[from->in[k]];
    if (in[k] < 0) return outside(l, w, from->in[k]);
  }
  for (int32_t k = 0; k < from->n_out; k++) out[k] = value_at[from->first_value + k];
  for (int32_t k = 0; k < from->n_controls; k++) {
    if (node_at[from->controls[k]] >= 0) controls[node->n_controls++] = node_at[from->controls[k]];
  }
  node->version = 1;
  node->in = in;
  node->out = out;
  node->controls = controls;
  node->n_in = from->n_in;
  node->n_out = from->n_out;
  if (node->op == NULL) {
    node->unsupported = "unflow does not have this op";
    return UF_OK;
  }
  if (from->loop) {
    ufi_loop_attrs *attrs = node->attrs = ufi_arena_alloc(arena, sizeof *attrs);
    if (!attrs) return ufi_no_memory(l->error, sizeof *attrs);
    *attrs = (ufi_loop_attrs){.graph = from->loop->graph, .n_enter = from->loop->n_enter, .n_next = from->loop->n_next, .n_exit = from->loop->n_exit};
    bool *constant = ufi_arena_array(arena, (size_t)attrs->n_enter + 1, sizeof *constant);
    int32_t *first = ufi_arena_array(arena, (size_t)attrs->n_next + 1, sizeof *first);
    if (!constant || !first) return ufi_no_memory(l->error, sizeof *attrs);
    memcpy(constant, from->loop->is_constant, (size_t)attrs->n_enter * sizeof *constant);
    memcpy(first, from->loop->first_of, (size_t)attrs->n_next * sizeof *first);
    attrs->is_constant = constant;
    attrs->first_of = first;
    return UF_OK;
  }
  return from->from ? read_attrs(l, from->from, node) : UF_OK;
}

static const uf_tensor *const_value(const lowering *l, const ufi_work_node *node) {
  if (l->keep_constants || strcmp(node->op, "Const") != 0 || !node->from) return NULL;
  for (int32_t i = 0; i < node->from->n_attrs; i++) {
    const uf_attr *a = &node->from->attrs[i];
    if (strcmp(a->name, "value") == 0 && a->kind == UF_ATTR_TENSOR) return a->tensor;
  }
  return NULL;
}

static void release_builder(void *builder) { uf_builder_release(builder); }

/* A constant's memory is the builder's, which lives as long as the buf. */
static uf_status fill_constant(lowering *l, const uf_tensor *t, ufi_value *v) {
  v->kind = UF_VALUE_CONSTANT;
  v->rank = t->rank;
  v->size = t->size;
  memcpy(v->dims, t->dims, sizeof v->dims);
  v->buf = uf_buf_wrap(t->data, t->size, release_builder, ufi_builder_retain((uf_builder *)(uintptr_t)l->root));
  if (!v->buf) {
    uf_builder_release((uf_builder *)(uintptr_t)l->root);
    return ufi_no_memory(l->error, 64);
  }
  v->data = t->data;
  return UF_OK;
}

static uf_status fill_value(lowering *l, const ufi_work_value *from, ufi_value *v) {
  v->name = ufi_arena_string(l->model->arena, from->name, strlen(from->name));
  if (!v->name) return ufi_no_memory(l->error, 16);
  v->dtype = from->is_ref ? UF_RESOURCE : from->dtype;
  v->kind = UF_VALUE_ACTIVATION;
  v->rank = -1;
  v->producer = -1;
  return UF_OK;
}

/* A fed value: dimensions that are not known yet are 1 until it is set. */
static void shape_input(const ufi_work_value *from, ufi_value *v) {
  v->kind = UF_VALUE_ACTIVATION;
  v->rank = UFI_MAX(from->shape.rank, 0);
  v->signature_rank = v->rank;
  for (int32_t d = 0; d < v->rank; d++) {
    v->dims_signature[d] = from->shape.dims[d];
    v->dims[d] = from->shape.dims[d] < 0 ? 1 : from->shape.dims[d];
  }
}

/* A constant that waits for something is a node where it may be dead with it. */
static bool is_value(const lowering *l, const ufi_graph *graph, const ufi_work_node *node) {
  return const_value(l, node) && !(graph->has_dead && node->n_controls > 0);
}

/* Constants are no nodes of the result, nor are anchors, since the order of the nodes already says
 * what comes first; but where nodes may be dead, anchors hand that on. */
static bool is_emitted(const lowering *l, const ufi_graph *graph, const ufi_work_node *node) {
  bool is_anchor = node->from == NULL && !node->loop && node->n_out == 0;
  return !is_value(l, graph, node) && (!is_anchor || graph->has_dead);
}

static bool may_be_dead(const ufi_work *w, const ufi_work_part *part) {
  for (int32_t i = 0; i < part->n_order; i++) {
    const ufi_work_node *node = &w->nodes[part->order[i]];
    if (node->loop || strstr(node->op, "Switch") || strcmp(node->op, "Merge") == 0) return true;
  }
  return false;
}

static uf_status emit(lowering *l, const ufi_work *w, const ufi_work_part *part, const char *name, ufi_graph *graph) {
  ufi_arena *arena = l->model->arena;
  int32_t *value_at = filled(l, w->n_values), *node_at = filled(l, w->n_nodes), n_values = 0, n_nodes = 0;
  if (!value_at || !node_at) return ufi_no_memory(l->error, (size_t)w->n_values * 4);
  graph->has_dead = may_be_dead(w, part);
  for (int32_t i = 0; i < part->n_inputs; i++) value_at[part->inputs[i]] = n_values++;
  for (int32_t i = 0; i < part->n_order; i++) {
    const ufi_work_node *node = &w->nodes[part->order[i]];
    if (is_emitted(l, graph, node)) node_at[part->order[i]] = n_nodes++;
    for (int32_t k = 0; k < node->n_out; k++) value_at[node->first_value + k] = n_values++;
  }
  graph->name = ufi_arena_string(arena, name, strlen(name));
  graph->values = ufi_arena_array(arena, (size_t)n_values + 1, sizeof *graph->values);
  graph->nodes = ufi_arena_array(arena, (size_t)n_nodes + 1, sizeof *graph->nodes);
  int32_t *inputs = ufi_arena_array(arena, (size_t)part->n_inputs + 1, sizeof *inputs);
  int32_t *outputs = ufi_arena_array(arena, (size_t)part->n_outputs + 1, sizeof *outputs);
  if (!graph->name || !graph->values || !graph->nodes || !inputs || !outputs) return ufi_no_memory(l->error, sizeof *graph);
  graph->n_values = n_values;
  graph->n_nodes = n_nodes;
  graph->inputs = inputs;
  graph->outputs = outputs;
  graph->n_inputs = part->n_inputs;
  graph->n_outputs = part->n_outputs;
  for (int32_t i = 0; i < part->n_inputs; i++) {
    inputs[i] = value_at[part->inputs[i]];
    UFI_TRY(fill_value(l, &w->values[part->inputs[i]], &graph->values[inputs[i]]));
    shape_input(&w->values[part->inputs[i]], &graph->values[inputs[i]]);
  }
  for (int32_t i = 0; i < part->n_order; i++) {
    const ufi_work_node *node = &w->nodes[part->order[i]];
    for (int32_t k = 0; k < node->n_out; k++) {
      UFI_TRY(fill_value(l, &w->values[node->first_value + k], &graph->values[value_at[node->first_value + k]]));
    }
    const uf_tensor *constant = is_value(l, graph, node) ? const_value(l, node) : NULL;
    if (constant) UFI_TRY(fill_constant(l, constant, &graph->values[value_at[node->first_value]]));
    if (node_at[part->order[i]] < 0) continue;
    ufi_node *to = &graph->nodes[node_at[part->order[i]]];
    UFI_TRY(fill_node(l, w, node, value_at, node_at, to));
  }
  for (int32_t i = 0; i < part->n_outputs; i++) {
    outputs[i] = value_at[part->outputs[i]];
    if (outputs[i] < 0) return outside(l, w, part->outputs[i]);
  }
  return UF_OK;
}

/* ---- one graph --------------------------------------------------------------------------- */

static uf_status add_feeds(lowering *l, const uf_builder *b, const int32_t *feeds, int32_t n) {
  for (int32_t i = 0; i < n; i++) {
    const ufi_tf_value *v = &b->values[feeds[i]];
    const char *name = value_name(l->w, b->nodes[v->node].name, v->at);
    if (!name) return ufi_no_memory(l->error, 16);
    UFI_TRY(add_value(l->w, (ufi_work_value){.node = -1, .at = i, .dtype = ufi_builder_dtype(b, feeds[i]),
                                            .name = name, .shape = v->shape}, l->error));
  }
  return UF_OK;
}

/* Nodes that the results and targets are, as roots of the sort. */
static uf_status find_roots(lowering *l, const int32_t *outputs, int32_t n_outputs, const int32_t *targets, int32_t n_targets,
                            int32_t **roots_out, int32_t *n_out) {
  ufi_work *w = l->w;
  int32_t *roots = ufi_work_ints(w, (size_t)n_outputs + (size_t)n_targets + (size_t)w->n_nodes), n = 0;
  if (!roots) return ufi_no_memory(l->error, sizeof *roots);
  for (int32_t i = 0; i < n_targets; i++) {
    int32_t at = control_of(l, 0, targets[i]);
    if (at >= 0) roots[n++] = at;
  }
  for (int32_t i = 0; i < n_outputs; i++) {
    if (w->values[outputs[i]].node >= 0) roots[n++] = w->values[outputs[i]].node;
  }
  for (int32_t i = 0; i < w->n_nodes; i++) { /* effects of inlined calls */
    if (w->nodes[i].from == NULL && w->nodes[i].row && strcmp(w->nodes[i].op, "NoOp") == 0) roots[n++] = i;
    if (is_back_edge(w, i)) roots[n++] = i;
  }
  *roots_out = roots;
  *n_out = n;
  return UF_OK;
}

static uf_status lower_body(lowering *l, const uf_builder *b, const char *name, const int32_t *feeds, int32_t n_feeds,
                            const int32_t *fetches, int32_t n_fetches, const int32_t *targets, int32_t n_targets,
                            ufi_graph *graph) {
  ufi_work *w = l->w = ufi_arena_alloc(l->arena, sizeof *w);
  if (!w || !ufi_grow((void **)&l->works, &l->work_capacity, l->n_works + 1, sizeof w)) return ufi_no_memory(l->error, sizeof *w);
  l->works[l->n_works++] = w;
  w->arena = l->arena;
  l->n_scopes = l->n_tasks = 0;
  int32_t root, n_roots;
  ufi_work_part part = {.n_inputs = n_feeds, .n_outputs = n_fetches};
  UFI_TRY(add_scope(l, (scope){.body = b, .prefix = "", .parent = -1, .call = -1}, feeds, n_feeds, &root));
  UFI_TRY(add_feeds(l, b, feeds, n_feeds));
  for (int32_t i = n_targets; i-- > 0;) UFI_TRY(push(l, root, targets[i]));
  for (int32_t i = n_fetches; i-- > 0;) UFI_TRY(need_value(l, root, fetches[i]));
  UFI_TRY(reach(l));
  UFI_TRY(link_all(l));
  part.inputs = ufi_work_ints(w, (size_t)n_feeds);
  part.outputs = ufi_work_ints(w, (size_t)n_fetches);
  if (!part.inputs || !part.outputs) return ufi_no_memory(l->error, sizeof part);
  for (int32_t i = 0; i < n_feeds; i++) part.inputs[i] = i;
  for (int32_t i = 0; i < n_fetches; i++) UFI_TRY(resolve(l, root, fetches[i], &part.outputs[i]));
  UFI_TRY(ufi_work_loops(w, l->error));
  int32_t *roots = NULL;
  UFI_TRY(find_roots(l, part.outputs, n_fetches, targets, n_targets, &roots, &n_roots));
  int32_t kept = 0;
  for (int32_t i = 0; i < n_roots; i++) {
    if (!w->nodes[roots[i]].gone) roots[kept++] = roots[i];
  }
  UFI_TRY(ufi_work_sort(w, roots, kept, &part.order, &part.n_order, l->error));
  for (int32_t i = 0; i < w->n_nodes; i++) {
    if (!w->nodes[i].loop) continue;
    w->nodes[i].loop->graph = want_graph(l, (want){.loop = w->nodes[i].loop, .work = w});
    if (w->nodes[i].loop->graph < 0) return ufi_no_memory(l->error, sizeof(want));
  }
  return emit(l, w, &part, name, graph);
}

static uf_status lower_one(lowering *l, int32_t i, ufi_graph *graph) {
  want it = l->wants[i];
  if (it.loop) return emit(l, it.work, &it.loop->part, "loop", graph);
  if (it.function) {
    const ufi_tf_function *f = it.function;
    return lower_body(l, f->body, f->name, f->in, f->n_in, f->out, f->n_out, f->effects, f->n_effects, graph);
  }
  const uf_prune *p = l->what;
  return lower_body(l, l->root, "main", p->feeds, p->n_feeds, p->fetches, p->n_fetches, p->targets, p->n_targets, graph);
}

/* ---- a model ------------------------------------------------------------------------------ */

static uf_status check_prune(const uf_builder *b, const uf_prune *p, uf_error *error) {
  bool good = p->n_feeds >= 0 && p->n_fetches >= 0 && p->n_targets >= 0;
  for (int32_t i = 0; good && i < p->n_feeds; i++) good = p->feeds[i] >= 0 && p->feeds[i] < b->n_values;
  for (int32_t i = 0; good && i < p->n_fetches; i++) good = p->fetches[i] >= 0 && p->fetches[i] < b->n_values;
  for (int32_t i = 0; good && i < p->n_targets; i++) good = p->targets[i] >= 0 && p->targets[i] < b->n_nodes;
  return good ? UF_OK : ufi_fail(error, UF_OUT_OF_RANGE, "expected feeds, fetches and targets of the graph, found another index");
}

static uf_status lower_all(lowering *l) {
  if (want_graph(l, (want){.body = l->root}) < 0) return ufi_no_memory(l->error, sizeof(want));
  for (int32_t i = 0; i < l->n_wants; i++) {
    ufi_graph *graph = ufi_arena_alloc(l->arena, sizeof *graph);
    bool good = graph && ufi_grow((void **)&l->graphs, &l->graph_capacity, i + 1, sizeof *l->graphs);
    if (!good) return ufi_no_memory(l->error, sizeof *graph);
    l->graphs[i] = graph;
    uf_status status = lower_one(l, i, graph);
    l->model->n_graphs = 0;
    if (status != UF_OK) { /* bufs of constants that are there already */
      for (int32_t g = 0; g <= i; g++) {
        for (int32_t v = 0; l->graphs[g]->values && v < l->graphs[g]->n_values; v++) uf_buf_release(l->graphs[g]->values[v].buf);
      }
      return status;
    }
  }
  ufi_graph *graphs = ufi_arena_array(l->model->arena, (size_t)l->n_wants, sizeof *graphs);
  if (!graphs) return ufi_no_memory(l->error, sizeof *graphs);
  for (int32_t i = 0; i < l->n_wants; i++) graphs[i] = *l->graphs[i];
  l->model->graphs = graphs;
  l->model->n_graphs = l->n_wants;
  return UF_OK;
}

/* Everything: all nodes are targets, and all their values stay. */
static uf_status all_nodes(lowering *l, uf_prune *all) {
  int32_t *targets = ufi_arena_array(l->arena, (size_t)l->root->n_nodes + 1, sizeof *targets);
  if (!targets) return ufi_no_memory(l->error, sizeof *targets);
  for (int32_t i = 0; i < l->root->n_nodes; i++) targets[i] = i;
  *all = (uf_prune){.struct_size = sizeof *all, .targets = targets, .n_targets = l->root->n_nodes};
  return UF_OK;
}

uf_status uf_builder_model(uf_builder *b, const uf_prune *what, uf_model **model_out, uf_error *error) {
  if (what) UFI_TRY(check_prune(b, what, error));
  lowering l = {.root = b, .what = what, .error = error};
  l.model = ufi_model_create("graph");
  l.arena = ufi_arena_create();
  uf_prune all;
  uf_status status = l.model && l.arena ? UF_OK : ufi_no_memory(error, sizeof l);
  if (status == UF_OK && !what) {
    status = all_nodes(&l, &all);
    l.what = &all;
    l.keep_constants = true;
  }
  if (status == UF_OK) status = lower_all(&l);
  if (status == UF_OK) status = ufi_model_finish(l.model, error);
  for (int32_t i = 0; i < l.n_works; i++) {
    ufi_free(l.works[i]->nodes);
    ufi_free(l.works[i]->values);
  }
  ufi_free(l.works);
  ufi_free(l.wants);
  ufi_free(l.graphs);
  ufi_free(l.scopes);
  ufi_free(l.tasks);
  ufi_arena_destroy(l.arena);
  if (status != UF_OK) uf_model_release(l.model);
  else *model_out = l.model;
  return status;
}
