/* SPDX-License-Identifier: Apache-2.0
 *
 * builder.c: a graph made call by call, with TensorFlow's op names.
 *
 * The builder keeps what it was told in an arena of its own. A snapshot copies
 * that into a model, where each node's attributes are read by its op as those
 * of a file would be. Nodes are added in an order in which they can run, since
 * an input must exist when it is named.
 */
#include "graph/graph.h"

typedef struct built_node {
  const ufi_op_row *op;
  const char *op_name, *name;
  int32_t *inputs, *controls;
  int32_t n_inputs, n_controls, first_value;
  uf_attr *attrs;
  int32_t n_attrs;
} built_node;

struct uf_builder {
  ufi_arena *arena;
  built_node *nodes;
  int32_t n_nodes, capacity;
  int32_t n_values;
};

uf_builder *uf_builder_create(void) {
  uf_builder *b = ufi_calloc(1, sizeof *b);
  if (b && (b->arena = ufi_arena_create()) == NULL) {
    ufi_free(b);
    return NULL;
  }
  return b;
}

void uf_builder_release(uf_builder *b) {
  if (b == NULL) return;
  ufi_arena_destroy(b->arena);
  ufi_free(b->nodes);
  ufi_free(b);
}

/* ---- adding a node ------------------------------------------------------------------ */

static uf_status check_add(const uf_builder *b, const char *op, const char *name, const int32_t *inputs,
                           int32_t n_inputs, const int32_t *controls, int32_t n_controls, const ufi_op_row *row,
                           uf_error *error) {
  if (row == NULL) return ufi_fail(error, UF_UNIMPLEMENTED, "op %s '%s': expected an op of this library, found one it does not know", op, name);
  bool good = n_inputs >= row->min_in && (row->max_in < 0 || n_inputs <= row->max_in);
  if (!good) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "op %s '%s': expected %d to %d inputs, found %d", op, name,
                    (int)row->min_in, (int)row->max_in, (int)n_inputs);
  }
  for (int32_t i = 0; i < n_inputs; i++) good = good && inputs[i] >= 0 && inputs[i] < b->n_values;
  for (int32_t i = 0; i < n_controls; i++) good = good && controls[i] >= 0 && controls[i] < b->n_nodes;
  if (good) return UF_OK;
  return ufi_fail(error, UF_OUT_OF_RANGE, "op %s '%s': expected inputs among the %d values and %d nodes made so far, found another index",
                  op, name, (int)b->n_values, (int)b->n_nodes);
}

static bool copy_attr(ufi_arena *arena, const uf_attr *from, uf_attr *to) {
  *to = *from;
  to->name = ufi_arena_string(arena, from->name, strlen(from->name));
  if (from->s) to->s = ufi_arena_string(arena, from->s, strlen(from->s));
  if (to->name == NULL || (from->s && to->s == NULL)) return false;
  if (from->tensor == NULL) return true;
  uf_tensor *t = ufi_arena_alloc(arena, sizeof *t);
  if (t == NULL) return false;
  *t = *from->tensor;
  t->buf = NULL;
  t->quant = NULL;
  t->data = ufi_arena_alloc(arena, t->size ? t->size : 1);
  if (t->data == NULL) return false;
  if (t->size) memcpy(t->data, from->tensor->data, t->size);
  to->tensor = t;
  if (t->dtype != UF_STRING) return true;
  uf_string *s = t->data;
  for (int64_t i = 0, n = uf_tensor_count(t); i < n; i++) {
    if ((s[i].data = ufi_arena_string(arena, s[i].data, s[i].size)) == NULL) return false;
  }
  return true;
}

static bool copy_node(ufi_arena *arena, built_node *node, const int32_t *inputs, const int32_t *controls,
                      const uf_attr *attrs) {
  node->inputs = ufi_arena_array(arena, (size_t)node->n_inputs + 1, sizeof *node->inputs);
  node->controls = ufi_arena_array(arena, (size_t)node->n_controls + 1, sizeof *node->controls);
  node->attrs = ufi_arena_array(arena, (size_t)node->n_attrs + 1, sizeof *node->attrs);
  if (!node->inputs || !node->controls || !node->attrs || !node->op_name || !node->name) return false;
  for (int32_t i = 0; i < node->n_inputs; i++) node->inputs[i] = inputs[i];
  for (int32_t i = 0; i < node->n_controls; i++) node->controls[i] = controls[i];
  for (int32_t i = 0; i < node->n_attrs; i++) {
    if (!copy_attr(arena, &attrs[i], &node->attrs[i])) return false;
  }
  return true;
}

static bool grow(uf_builder *b) {
  if (b->n_nodes < b->capacity) return true;
  int32_t capacity = UFI_MAX(16, b->capacity * 2);
  built_node *nodes = ufi_realloc(b->nodes, (size_t)capacity * sizeof *nodes);
  if (nodes == NULL) return false;
  b->nodes = nodes;
  b->capacity = capacity;
  return true;
}

uf_status uf_builder_add(uf_builder *b, const char *op, const char *name, const int32_t *inputs, int32_t n_inputs,
                         const int32_t *controls, int32_t n_controls, const uf_attr *attrs, int32_t n_attrs,
                         int32_t *node_out, int32_t *value_out, uf_error *error) {
  const ufi_op_row *row = ufi_op_by_tf(op);
  UFI_TRY(check_add(b, op, name, inputs, n_inputs, controls, n_controls, row, error));
  built_node node = {.op = row, .n_inputs = n_inputs, .n_controls = n_controls, .n_attrs = n_attrs,
                     .first_value = b->n_values};
  node.op_name = ufi_arena_string(b->arena, op, strlen(op));
  node.name = ufi_arena_string(b->arena, name, strlen(name));
  if (!grow(b) || !copy_node(b->arena, &node, inputs, controls, attrs)) return ufi_no_memory(error, sizeof node);
  *node_out = b->n_nodes;
  *value_out = row->min_out > 0 ? b->n_values : -1;
  b->nodes[b->n_nodes++] = node;
  b->n_values += row->min_out;
  return UF_OK;
}

/* ---- a snapshot as a model ------------------------------------------------------------- */

static void make_value(ufi_graph *graph, const built_node *from, int32_t node, int32_t k) {
  ufi_value *v = &graph->values[from->first_value + k];
  v->name = from->name; /* output 0 is called as its node; more are told apart by ":k" */
  v->kind = UF_VALUE_ACTIVATION;
  v->rank = -1;
  v->producer = node;
}

static uf_status make_attrs(uf_model *model, const built_node *from, ufi_node *node, uf_error *error) {
  const ufi_op_def *def = from->op->def;
  ufi_tf_attrs source = {from->attrs, from->n_attrs, node->name, node->n_in, node->n_out, model->arena};
  if (def->attrs_size == 0) return UF_OK;
  node->attrs = ufi_arena_alloc(model->arena, def->attrs_size);
  if (node->attrs == NULL) return ufi_no_memory(error, def->attrs_size);
  if (def->attrs_tf == NULL) {
    return ufi_fail(error, UF_UNIMPLEMENTED, "op %s '%s': expected an op with TensorFlow attributes, found none",
                    from->op_name, from->name);
  }
  return def->attrs_tf(&source, node->attrs, error);
}

static uf_status make_node(uf_model *model, ufi_graph *graph, const built_node *from, int32_t i, uf_error *error) {
  built_node copy = *from;
  ufi_node *node = &graph->nodes[i];
  copy.op_name = ufi_arena_string(model->arena, from->op_name, strlen(from->op_name));
  copy.name = ufi_arena_string(model->arena, from->name, strlen(from->name));
  if (!copy_node(model->arena, &copy, from->inputs, from->controls, from->attrs)) return ufi_no_memory(error, sizeof copy);
  node->op = from->op;
  node->op_name = copy.op_name;
  node->name = copy.name;
  node->version = 1;
  node->n_in = copy.n_inputs;
  node->in = copy.inputs;
  node->n_controls = copy.n_controls;
  node->controls = copy.controls;
  node->n_out = from->op->min_out;
  int32_t *out = ufi_arena_array(model->arena, (size_t)node->n_out + 1, sizeof *out);
  if (out == NULL) return ufi_no_memory(error, sizeof *out);
  for (int32_t k = 0; k < node->n_out; k++) {
    out[k] = copy.first_value + k;
    make_value(graph, &copy, i, k);
  }
  node->out = out;
  return make_attrs(model, &copy, node, error);
}

static uf_status fill_model(const uf_builder *b, uf_model *model, uf_error *error) {
  model->format = "built";
  model->description = "";
  model->n_graphs = 1;
  ufi_graph *graph = model->graphs = ufi_arena_alloc(model->arena, sizeof *graph);
  if (graph == NULL) return ufi_no_memory(error, sizeof *graph);
  graph->name = "main";
  graph->n_values = b->n_values;
  graph->n_nodes = b->n_nodes;
  graph->values = ufi_arena_array(model->arena, (size_t)b->n_values + 1, sizeof *graph->values);
  graph->nodes = ufi_arena_array(model->arena, (size_t)b->n_nodes + 1, sizeof *graph->nodes);
  if (!graph->values || !graph->nodes) return ufi_no_memory(error, sizeof *graph->values);
  for (int32_t i = 0; i < b->n_nodes; i++) UFI_TRY(make_node(model, graph, &b->nodes[i], i, error));
  return ufi_model_finish(model, error);
}

uf_status uf_builder_model(uf_builder *b, uf_model **model_out, uf_error *error) {
  uf_model *model = ufi_model_create("graph");
  if (model == NULL) return ufi_no_memory(error, sizeof *model);
  uf_status status = fill_model(b, model, error);
  if (status != UF_OK) {
    uf_model_release(model);
    return status;
  }
  *model_out = model;
  return UF_OK;
}
