/* SPDX-License-Identifier: Apache-2.0
 *
 * builder.c: a TensorFlow graph made call by call.
 *
 * What is added is copied into the builder's arena and completed from the
 * op's signature: attributes that the inputs tell, defaults, the number and
 * dtypes of outputs. Nodes whose op unflow does not have are kept as any
 * other: only running them fails.
 */
#include "graph/tf_graph.h"

/* ---- life ------------------------------------------------------------------------- */

uf_builder *uf_builder_create(void) {
  uf_builder *b = ufi_calloc(1, sizeof *b);
  if (b == NULL) return NULL;
  atomic_init(&b->refs, 1);
  b->arena = ufi_arena_create();
  b->names = ufi_names_create(16);
  b->function_names = ufi_names_create(4);
  if (b->arena && b->names && b->function_names) return b;
  uf_builder_release(b);
  return NULL;
}

uf_builder *ufi_builder_retain(uf_builder *b) {
  atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
  return b;
}

void uf_builder_release(uf_builder *b) {
  if (b == NULL || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1) return;
  for (int32_t i = 0; i < b->n_functions; i++) uf_builder_release(b->functions[i].body);
  ufi_arena_destroy(b->arena);
  ufi_names_destroy(b->names);
  ufi_names_destroy(b->function_names);
  ufi_free(b->nodes);
  ufi_free(b->values);
  ufi_free(b->functions);
  ufi_free(b);
}

/* ---- attributes --------------------------------------------------------------------- */

static bool copy_strings(ufi_arena *arena, const uf_string *from, int64_t n, uf_string *to) {
  for (int64_t i = 0; i < n; i++) {
    to[i].size = from[i].size;
    to[i].data = ufi_arena_string(arena, from[i].size ? from[i].data : "", from[i].size);
    if (to[i].data == NULL) return false;
  }
  return true;
}

static void *copy_array(ufi_arena *arena, const void *from, int32_t n, size_t size) {
  void *to = ufi_arena_array(arena, (size_t)n + 1, size);
  if (to && from && n > 0) memcpy(to, from, (size_t)n * size);
  return to;
}

static bool copy_tensor(ufi_arena *arena, const uf_tensor *from, uf_attr *to) {
  uf_tensor *t = ufi_arena_alloc(arena, sizeof *t);
  if (t == NULL) return false;
  *t = *from;
  t->buf = NULL;
  t->quant = NULL;
  t->data = ufi_arena_alloc(arena, t->size ? t->size : 1);
  if (t->data == NULL) return false;
  if (t->size) memcpy(t->data, from->data, t->size);
  to->tensor = t;
  return t->dtype != UF_STRING || copy_strings(arena, from->data, uf_tensor_count(t), t->data);
}

/* Of a list only the array of its kind counts. */
static bool copy_list(ufi_arena *arena, const uf_attr *from, uf_attr *to) {
  if (from->n < 0) return false;
  to->ints = NULL;
  to->floats = NULL;
  to->strings = NULL;
  to->shapes = NULL;
  switch (from->kind) {
    case UF_ATTR_INTS:
    case UF_ATTR_BOOLS:
    case UF_ATTR_DTYPES: return (to->ints = copy_array(arena, from->ints, from->n, sizeof *from->ints)) != NULL;
    case UF_ATTR_FLOATS: return (to->floats = copy_array(arena, from->floats, from->n, sizeof *from->floats)) != NULL;
    case UF_ATTR_SHAPES: return (to->shapes = copy_array(arena, from->shapes, from->n, sizeof *from->shapes)) != NULL;
    default: break;
  }
  uf_string *strings = ufi_arena_array(arena, (size_t)from->n + 1, sizeof *strings);
  to->strings = strings;
  return strings && copy_strings(arena, from->strings, from->n, strings);
}

bool ufi_attr_copy(ufi_arena *arena, const uf_attr *from, uf_attr *to) {
  *to = *from;
  to->name = ufi_arena_string(arena, from->name, strlen(from->name));
  if (to->name == NULL) return false;
  if (from->kind >= UF_ATTR_INTS) return copy_list(arena, from, to);
  if (from->s) {
    to->s_size = from->s_size ? from->s_size : strlen(from->s);
    to->s = ufi_arena_string(arena, from->s, to->s_size);
    if (to->s == NULL) return false;
  }
  return from->tensor == NULL || copy_tensor(arena, from->tensor, to);
}

/* ---- adding a node ------------------------------------------------------------------ */

/* Dtypes of inputs; NULL when one is not there yet or not known. */
static uf_dtype *input_dtypes(const uf_builder *b, const ufi_tf_node *node, uf_dtype *room) {
  for (int32_t i = 0; i < node->n_in; i++) {
    if (node->in[i] < 0) return NULL;
    room[i] = ufi_builder_dtype(b, node->in[i]);
    if (room[i] == UF_INVALID) return NULL;
  }
  return room;
}

static uf_status complete(uf_builder *b, ufi_tf_node *node, const uf_attr *attrs, bool copy, uf_error *error) {
  int32_t extra = node->sig ? ufi_sig_attr_count(node->sig) : 0, capacity = node->n_given + extra;
  node->attrs = ufi_arena_array(b->arena, (size_t)capacity + 1, sizeof *node->attrs);
  uf_dtype *room = ufi_arena_array(b->arena, (size_t)node->n_in + 1, sizeof *room);
  if (!node->attrs || !room) return ufi_no_memory(error, sizeof *node->attrs);
  for (int32_t i = 0; i < node->n_given; i++) {
    if (!copy) node->attrs[i] = attrs[i];
    else if (!ufi_attr_copy(b->arena, &attrs[i], &node->attrs[i])) return ufi_no_memory(error, sizeof *attrs);
  }
  node->n_attrs = node->n_given;
  if (!node->sig) {
    node->out = ufi_arena_array(b->arena, (size_t)node->n_out + 1, sizeof *node->out);
    return node->out ? UF_OK : ufi_no_memory(error, sizeof *node->out);
  }
  UFI_TRY(ufi_sig_complete(node->sig, b->arena, node->attrs, &node->n_attrs, capacity, input_dtypes(b, node, room),
                           node->n_in, error));
  ufi_sig_value *in;
  int32_t n_in;
  UFI_TRY(ufi_sig_expand(node->sig->inputs, node->attrs, node->n_attrs, b->arena, &in, &n_in, error));
  if (n_in != node->n_in) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected %d inputs (%s), found %d", (int)n_in, node->sig->inputs, (int)node->n_in);
  }
  node->in_sig = in;
  return ufi_sig_expand(node->sig->outputs, node->attrs, node->n_attrs, b->arena, &node->out, &node->n_out, error);
}

static uf_status add_values(uf_builder *b, const ufi_tf_node *node, uf_error *error) {
  if (node->n_out > INT32_MAX - b->n_values ||
      !ufi_grow((void **)&b->values, &b->value_capacity, b->n_values + node->n_out, sizeof *b->values)) {
    return ufi_no_memory(error, (size_t)node->n_out * sizeof *b->values);
  }
  for (int32_t k = 0; k < node->n_out; k++) {
    b->values[b->n_values++] = (ufi_tf_value){.node = b->n_nodes, .at = k, .shape = {.rank = -1}};
  }
  return UF_OK;
}

static uf_status add_node(uf_builder *b, ufi_tf_node *node, const uf_attr *attrs, bool copy, uf_error *error) {
  UFI_TRY(complete(b, node, attrs, copy, error));
  node->first_value = b->n_values;
  if (!ufi_grow((void **)&b->nodes, &b->node_capacity, b->n_nodes + 1, sizeof *b->nodes)) return ufi_no_memory(error, sizeof *node);
  UFI_TRY(add_values(b, node, error));
  b->nodes[b->n_nodes] = *node;
  uf_status status = copy ? ufi_builder_infer(b, node, error) : UF_OK; /* a file's inputs come later */
  if (status != UF_OK) {
    b->n_values = node->first_value;
    return status;
  }
  if (ufi_names_find(b->names, node->name) < 0 && !ufi_names_add(b->names, node->name, b->n_nodes)) {
    b->n_values = node->first_value;
    return ufi_no_memory(error, sizeof *node);
  }
  b->n_nodes++;
  return UF_OK;
}

uf_status ufi_builder_add_node(uf_builder *b, const char *op, const char *name, const int32_t *in, int32_t n_in,
                               const int32_t *controls, int32_t n_controls, const uf_attr *attrs, int32_t n_attrs,
                               int32_t *node_out, uf_error *error) {
  ufi_tf_node node = {.row = ufi_op_by_tf(op), .sig = ufi_sig_of(op), .n_in = n_in, .n_controls = n_controls,
                      .n_given = n_attrs, .device = ""};
  node.op = ufi_arena_string(b->arena, op, strlen(op));
  node.name = ufi_arena_string(b->arena, name, strlen(name));
  node.in = copy_array(b->arena, in, n_in, sizeof *in);
  node.controls = copy_array(b->arena, controls, n_controls, sizeof *controls);
  if (!node.op || !node.name || !node.in || !node.controls) return ufi_no_memory(error, sizeof node);
  uf_status status = add_node(b, &node, attrs, true, error);
  if (status != UF_OK) {
    ufi_error_prefix(error, "op %s '%.200s'", op, name);
    return status;
  }
  *node_out = b->n_nodes - 1;
  return UF_OK;
}

uf_status ufi_builder_add_raw(uf_builder *b, const char *op, const char *name, const char *device, int32_t n_in,
                              int32_t n_controls, const uf_attr *attrs, int32_t n_attrs, int32_t n_unknown,
                              int32_t *node_out, uf_error *error) {
  ufi_tf_node node = {.op = op, .name = name, .device = device, .row = ufi_op_by_tf(op), .sig = ufi_sig_of(op), .n_in = n_in,
                      .n_controls = n_controls, .n_given = n_attrs, .n_out = n_unknown};
  node.in = ufi_arena_array(b->arena, (size_t)n_in + 1, sizeof *node.in);
  node.controls = ufi_arena_array(b->arena, (size_t)n_controls + 1, sizeof *node.controls);
  if (!node.in || !node.controls) return ufi_no_memory(error, sizeof node);
  for (int32_t i = 0; i < n_in; i++) node.in[i] = -1;
  UFI_TRY(add_node(b, &node, attrs, false, error));
  *node_out = b->n_nodes - 1;
  return UF_OK;
}

uf_status uf_builder_add(uf_builder *b, const char *op, const char *name, const int32_t *inputs, int32_t n_inputs,
                         const int32_t *controls, int32_t n_controls, const uf_attr *attrs, int32_t n_attrs,
                         int32_t *node_out, int32_t *value_out, uf_error *error) {
  bool good = n_inputs >= 0 && n_controls >= 0;
  for (int32_t i = 0; good && i < n_inputs; i++) good = inputs[i] >= 0 && inputs[i] < b->n_values;
  for (int32_t i = 0; good && i < n_controls; i++) good = controls[i] >= 0 && controls[i] < b->n_nodes;
  if (!good) {
    return ufi_fail(error, UF_OUT_OF_RANGE, "op %s '%s': expected inputs among the %d values and %d nodes made so far, found another index",
                    op, name, (int)b->n_values, (int)b->n_nodes);
  }
  if (ufi_sig_of(op) == NULL) {
    return ufi_fail(error, UF_UNIMPLEMENTED, "op %s '%s': expected an op of this library, found one it does not know", op, name);
  }
  UFI_TRY(ufi_builder_add_node(b, op, name, inputs, n_inputs, controls, n_controls, attrs, n_attrs, node_out, error));
  *value_out = b->nodes[*node_out].n_out > 0 ? b->nodes[*node_out].first_value : -1;
  return UF_OK;
}

uf_status uf_builder_set_input(uf_builder *b, int32_t node, int32_t i, int32_t value, uf_error *error) {
  bool good = node >= 0 && node < b->n_nodes && i >= 0 && i < b->nodes[node].n_in && value >= 0 && value < b->n_values;
  if (!good) return ufi_fail(error, UF_OUT_OF_RANGE, "expected an input of a node and a value, found node %d, input %d, value %d", (int)node, (int)i, (int)value);
  const ufi_tf_node *n = &b->nodes[node];
  if (n->in_sig && n->in_sig[i].dtype != ufi_builder_dtype(b, value)) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "op %s '%s': expected input %d of dtype %s, found %s", n->op, n->name, (int)i,
                    uf_dtype_name(n->in_sig[i].dtype), uf_dtype_name(ufi_builder_dtype(b, value)));
  }
  n->in[i] = value;
  return UF_OK;
}

/* ---- asking ------------------------------------------------------------------------------ */

int32_t uf_builder_count(const uf_builder *b) { return b->n_nodes; }

int32_t uf_builder_find(const uf_builder *b, const char *name) { return ufi_names_find(b->names, name); }

uf_status uf_builder_node(const uf_builder *b, int32_t node, uf_built_node *out, uf_error *error) {
  if (node < 0 || node >= b->n_nodes) return ufi_fail(error, UF_OUT_OF_RANGE, "expected a node in [0, %d), found %d", (int)b->n_nodes, (int)node);
  const ufi_tf_node *n = &b->nodes[node];
  *out = (uf_built_node){.op = n->op, .name = n->name, .device = n->device, .inputs = n->in, .n_inputs = n->n_in,
                         .controls = n->controls, .n_controls = n->n_controls, .attrs = n->attrs, .n_attrs = n->n_attrs,
                         .n_given = n->n_given, .first_value = n->first_value, .n_outputs = n->n_out, .runs = n->row != NULL};
  return UF_OK;
}

uf_status uf_builder_value(const uf_builder *b, int32_t value, uf_built_value *out, uf_error *error) {
  if (value < 0 || value >= b->n_values) return ufi_fail(error, UF_OUT_OF_RANGE, "expected a value in [0, %d), found %d", (int)b->n_values, (int)value);
  const ufi_tf_value *v = &b->values[value];
  *out = (uf_built_value){.node = v->node, .at = v->at, .dtype = ufi_builder_dtype(b, value),
                          .is_ref = ufi_builder_is_ref(b, value), .shape = v->shape};
  return UF_OK;
}

uf_status uf_builder_set_shape(uf_builder *b, int32_t value, const uf_shape *shape, uf_error *error) {
  char want[UFI_SHAPE_TEXT], found[UFI_SHAPE_TEXT];
  if (value < 0 || value >= b->n_values) return ufi_fail(error, UF_OUT_OF_RANGE, "expected a value in [0, %d), found %d", (int)b->n_values, (int)value);
  uf_shape *known = &b->values[value].shape;
  if (shape->rank < 0) return UF_OK;
  bool good = shape->rank <= UF_MAX_RANK && (known->rank < 0 || known->rank == shape->rank);
  for (int32_t d = 0; good && d < shape->rank; d++) {
    good = known->rank < 0 || known->dims[d] < 0 || shape->dims[d] < 0 || known->dims[d] == shape->dims[d];
  }
  if (!good) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a shape that fits %s, found %s", ufi_shape_text(known->rank, known->dims, want),
                    ufi_shape_text(UFI_MIN(shape->rank, UF_MAX_RANK), shape->dims, found));
  }
  for (int32_t d = 0; d < shape->rank; d++) {
    if (known->rank < 0 || known->dims[d] < 0) known->dims[d] = UFI_MAX(shape->dims[d], -1);
  }
  known->rank = shape->rank;
  ufi_builder_say_shape(b, value);
  return UF_OK;
}

/* ---- functions ----------------------------------------------------------------------------- */

const ufi_tf_function *ufi_builder_function(const uf_builder *b, const char *name) {
  while (b->library) b = b->library;
  int32_t i = ufi_names_find(b->function_names, name);
  return i < 0 ? NULL : &b->functions[i];
}

static bool in_range(const int32_t *list, int32_t n, int32_t end) {
  for (int32_t i = 0; i < n; i++) {
    if (list[i] < 0 || list[i] >= end) return false;
  }
  return n >= 0;
}

static bool copy_names(ufi_arena *arena, const char *const *from, int32_t n, const char ***to) {
  *to = ufi_arena_array(arena, (size_t)n + 1, sizeof **to);
  for (int32_t i = 0; *to && i < n; i++) {
    const char *name = from ? from[i] : "";
    if (!((*to)[i] = ufi_arena_string(arena, name, strlen(name)))) return false;
  }
  return *to != NULL;
}

uf_status uf_builder_add_function(uf_builder *b, const char *name, uf_builder *body, const uf_function_info *info,
                                  uf_error *error) {
  bool good = in_range(info->inputs, info->n_inputs, body->n_values) && in_range(info->outputs, info->n_outputs, body->n_values) &&
              in_range(info->effects, info->n_effects, body->n_nodes);
  if (!good) return ufi_fail(error, UF_OUT_OF_RANGE, "function '%s': expected inputs, outputs and effects of its body, found other indices", name);
  if (ufi_names_find(b->function_names, name) >= 0) {
    return ufi_fail(error, UF_ALREADY_EXISTS, "expected a function of another name, found a second one called '%s'", name);
  }
  ufi_tf_function f = {.body = body, .n_in = info->n_inputs, .n_out = info->n_outputs, .n_effects = info->n_effects};
  f.name = ufi_arena_string(b->arena, name, strlen(name));
  f.in = copy_array(b->arena, info->inputs, f.n_in, sizeof *f.in);
  f.out = copy_array(b->arena, info->outputs, f.n_out, sizeof *f.out);
  f.effects = copy_array(b->arena, info->effects, f.n_effects, sizeof *f.effects);
  good = f.name && f.in && f.out && f.effects && copy_names(b->arena, info->input_names, f.n_in, &f.in_names) &&
         copy_names(b->arena, info->output_names, f.n_out, &f.out_names) &&
         ufi_grow((void **)&b->functions, &b->function_capacity, b->n_functions + 1, sizeof *b->functions) &&
         ufi_names_add(b->function_names, f.name, b->n_functions);
  if (!good) return ufi_no_memory(error, sizeof f);
  body->library = b;
  b->functions[b->n_functions++] = f;
  return UF_OK;
}

uf_status uf_builder_get_function(uf_builder *b, int32_t i, const char **name_out, uf_builder **body_out,
                                  uf_function_info *info_out, uf_error *error) {
  if (i < 0 || i >= b->n_functions) return ufi_fail(error, UF_OUT_OF_RANGE, "expected a function in [0, %d), found %d", (int)b->n_functions, (int)i);
  const ufi_tf_function *f = &b->functions[i];
  *name_out = f->name;
  *body_out = f->body;
  *info_out = (uf_function_info){.struct_size = sizeof *info_out, .inputs = f->in, .n_inputs = f->n_in, .outputs = f->out,
                                 .n_outputs = f->n_out, .effects = f->effects, .n_effects = f->n_effects,
                                 .input_names = f->in_names, .output_names = f->out_names};
  return UF_OK;
}

int32_t uf_builder_find_function(const uf_builder *b, const char *name) { return ufi_names_find(b->function_names, name); }
