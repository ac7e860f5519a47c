/* SPDX-License-Identifier: Apache-2.0
 *
 * tflite_flex.c: custom operators that are ops of TensorFlow.
 *
 * The converter writes an op that TFLite lacks as a custom op named "Flex" and
 * TensorFlow's name. Its options are a FlexBuffer vector: the op's name, and the
 * bytes of its NodeDef (1 name, 2 op, 5 attr {1 key, 2 value}); inputs and
 * outputs are those of the operator, and what the NodeDef says of them counts
 * for nothing. As in a TensorFlow graph, attributes are completed from the op's
 * signature, which also says what dtypes the node takes and gives; the executor
 * holds the node to these.
 *
 * TFLite has kernels of its own for a few of TensorFlow's ops, under their names and without a
 * NodeDef: lists of tensors (whose dtype a value of the operator tells), broadcast arguments of
 * gradients. They are bound to the same ops.
 *
 * What cannot run is written down in the node: an op that unflow does not have,
 * one that calls functions (a .tflite file has none), one that works on
 * references or decides which branch of a graph runs.
 */
#include "format/attr_walk.h"
#include "format/flexbuffer.h"
#include "format/tensor_proto.h"
#include "graph/attr_value.h"
#include "graph/tflite.h"
#include "ops/control.h"
#include "ops/tf_signature.h"

/* Custom ops that are known by TensorFlow's names. */
typedef struct alias {
  const char *custom, *op;
  const char *attr;     /* a dtype that the inputs do not tell; "" when there is none */
  int32_t output;       /* that of this output; OPTIONS: its number in TFLite is in the options */
  bool has_def;         /* the options hold a NodeDef, as those of Flex ops do */
} alias;
enum { OPTIONS = -1 };

static const alias aliases[] = {
  {"TensorListReserve", "TensorListReserve", "element_dtype", OPTIONS, false},
  {"TensorListStack", "TensorListStack", "element_dtype", 0, false},
  {"TensorListSetItem", "TensorListSetItem", "", 0, false},
  {"TensorListFromTensor", "TensorListFromTensor", "", 0, false},
  {"TensorListGetItem", "TensorListGetItem", "element_dtype", 0, false},
  {"TensorListLength", "TensorListLength", "", 0, false},
  {"TensorListElementShape", "TensorListElementShape", "shape_type", 0, false},
  {"TensorListPopBack", "TensorListPopBack", "element_dtype", 1, false},
  {"TensorListPushBack", "TensorListPushBack", "", 0, false},
  {"VariantAddN", "AddN", "", 0, false},
  {"VariantZerosLike", "ZerosLike", "", 0, false},
  {"BroadcastGradientArgs", "BroadcastGradientArgs", "", 0, false},
  {"ParseExample", "ParseExample", "", 0, true},
  {"ParseExampleV2", "ParseExampleV2", "", 0, true},
};

static const alias *alias_of(const char *custom) {
  for (size_t i = 0; i < UFI_COUNT(aliases); i++) {
    if (strcmp(aliases[i].custom, custom) == 0) return &aliases[i];
  }
  return NULL;
}

bool ufi_is_flex(const ufi_tflite_code *code) {
  if (code->code != UFI_TFLITE_CUSTOM) return false;
  return (strncmp(code->name, "Flex", 4) == 0 && code->name[4] != 0) || alias_of(code->name);
}

/* A node under construction: what its NodeDef says, completed. */
typedef struct flex_node {
  ufi_bytes def;
  const char *name, *op;
  const ufi_sig *sig;
  uf_attr *attrs;
  int32_t n_attrs, capacity;
} flex_node;

/* What is wrong with one node makes only that one unusable. */
static uf_status note(ufi_tflite *r, ufi_node *node, uf_status status, const char *words) {
  if (status == UF_RESOURCE_EXHAUSTED) return ufi_fail(r->error, status, "%s", words);
  node->op = NULL;
  node->attrs = NULL;
  node->unsupported = ufi_tflite_text(r, "%s", words);
  return node->unsupported ? UF_OK : UF_RESOURCE_EXHAUSTED;
}

/* ---- the NodeDef ------------------------------------------------------------------ */

static uf_status find_def(const ufi_tflite_attrs *from, flex_node *n, uf_error *error) {
  ufi_flex root = ufi_flex_root(from->custom, from->custom_size), bytes = ufi_flex_at(&root, 1);
  n->def.data = ufi_flex_bytes(&bytes, &n->def.size);
  if (n->def.data) return UF_OK;
  return ufi_fail(error, UF_DATA_LOSS, "expected options that hold the node of a TensorFlow op, found %zu other bytes; convert "
                  "the model again", from->custom_size);
}

static uf_status read_names(ufi_tflite *r, flex_node *n, uf_error *error) {
  ufi_bytes name = {0}, op = {0};
  ufi_proto p = ufi_proto_of(n->def.data, n->def.size);
  while (ufi_proto_next(&p)) {
    if (p.field == 1) name = ufi_proto_bytes(&p);
    if (p.field == 2) op = ufi_proto_bytes(&p);
    n->capacity += p.field == 5 && n->capacity < INT32_MAX / 2;
  }
  if (p.bad) return ufi_fail(error, UF_DATA_LOSS, "expected the node of a TensorFlow op, found damaged bytes; convert the model again");
  n->name = ufi_bytes_text(r->model->arena, name);
  n->op = ufi_bytes_text(r->model->arena, op);
  return n->name && n->op ? UF_OK : ufi_no_memory(error, name.size);
}

static bool keep_first(void *context, int32_t i, const ufi_attr_element *e) {
  *(ufi_bytes *)context = e->bytes;
  return false;
}

/* A constant of few bytes that repeats its value may unpack to many. */
static uf_status check_tensor(const ufi_tflite *r, ufi_bytes value, uf_error *error) {
  ufi_attr_elements all;
  ufi_tensor_proto proto;
  ufi_bytes message = {0};
  size_t bytes, used = ufi_arena_used(r->model->arena);
  if (!ufi_attr_elements_of(value, &all) || !all.alone || all.field != UFI_ATTR_TENSOR) return UF_OK;
  ufi_attr_walk(&all, keep_first, &message);
  UFI_TRY(ufi_tensor_proto_parse(message, &proto, error));
  if (ufi_dtype_bytes(proto.dtype, proto.count, &bytes) && used <= r->arena_limit && bytes <= r->arena_limit - used) return UF_OK;
  return ufi_fail(error, UF_RESOURCE_EXHAUSTED, "expected a model that takes at most %zu bytes of memory for a file of %zu bytes, "
                  "found one that takes more; the file is damaged or made to harm", r->arena_limit, r->size);
}

/* Attributes whose names begin with "_" say nothing of a value. */
static uf_status read_attr(ufi_tflite *r, ufi_proto pair, flex_node *n, uf_error *error) {
  ufi_bytes key, value;
  bool is_kept = false;
  uf_attr *attr = &n->attrs[n->n_attrs];
  if (!ufi_proto_pair(pair, &key, &value) || key.size == 0)
    return ufi_fail(error, UF_DATA_LOSS, "expected a node's attribute, found damaged bytes; convert the model again");
  if (key.data[0] == '_') return UF_OK;
  UFI_TRY(check_tensor(r, value, error));
  UFI_TRY(ufi_attr_value(value, r->model->arena, attr, &is_kept, error));
  if (!is_kept) return UF_OK;
  attr->name = ufi_bytes_text(r->model->arena, key);
  n->n_attrs++;
  return attr->name ? UF_OK : ufi_no_memory(error, key.size);
}

static uf_status read_attrs(ufi_tflite *r, flex_node *n, uf_error *error) {
  n->capacity += ufi_sig_attr_count(n->sig);
  n->attrs = ufi_arena_array(r->model->arena, (size_t)n->capacity + 1, sizeof *n->attrs);
  if (!n->attrs) return ufi_no_memory(error, sizeof *n->attrs);
  ufi_proto p = ufi_proto_of(n->def.data, n->def.size);
  while (ufi_proto_next(&p)) {
    if (p.field == 5) UFI_TRY(read_attr(r, ufi_proto_message(&p), n, error));
  }
  return ufi_sig_complete(n->sig, r->model->arena, n->attrs, &n->n_attrs, n->capacity, NULL, 0, error);
}

/* ---- without a NodeDef ------------------------------------------------------------ */

static uf_status told_dtype(const ufi_graph *graph, const ufi_node *node, const ufi_tflite_attrs *from, const alias *known, uf_attr *attr,
                            uf_error *error) {
  int32_t code = -1;
  *attr = (uf_attr){.name = known->attr, .kind = UF_ATTR_DTYPE};
  if (known->output >= 0) {
    attr->i = known->output < node->n_out ? graph->values[node->out[known->output]].dtype : UF_INVALID;
  } else if (from->custom_size >= sizeof code) {
    memcpy(&code, from->custom, sizeof code);
    attr->i = ufi_dtype_from_tflite(code);
  }
  if (attr->i != UF_INVALID) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected %s with the dtype of a list's elements, found none",
                  known->output >= 0 ? "an output" : "options");
}

static uf_status tell_attrs(ufi_tflite *r, const ufi_graph *graph, const ufi_node *node, const ufi_tflite_attrs *from, const alias *known,
                            flex_node *n, uf_error *error) {
  uf_dtype *dtypes = ufi_arena_array(r->model->arena, (size_t)node->n_in + 1, sizeof *dtypes);
  n->capacity = 1 + ufi_sig_attr_count(n->sig);
  n->attrs = ufi_arena_array(r->model->arena, (size_t)n->capacity + 1, sizeof *n->attrs);
  if (!dtypes || !n->attrs) return ufi_no_memory(error, sizeof *n->attrs);
  for (int32_t i = 0; i < node->n_in; i++) dtypes[i] = graph->values[node->in[i]].dtype;
  if (known->attr[0]) UFI_TRY(told_dtype(graph, node, from, known, &n->attrs[n->n_attrs++], error));
  return ufi_sig_complete(n->sig, r->model->arena, n->attrs, &n->n_attrs, n->capacity, dtypes, node->n_in, error);
}

/* ---- the signature ------------------------------------------------------------------ */

static uf_status put_dtypes(ufi_arena *arena, const flex_node *n, const char *side, const char *arguments, int32_t count,
                            uf_dtype *out, uf_error *error) {
  ufi_sig_value *values;
  int32_t n_values;
  UFI_TRY(ufi_sig_expand(arguments, n->attrs, n->n_attrs, arena, &values, &n_values, error));
  if (n_values != count) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected %d %s (%s), found %d", (int)n_values, side, arguments, (int)count);
  }
  for (int32_t i = 0; i < count; i++) {
    if (values[i].is_ref) {
      return ufi_fail(error, UF_UNIMPLEMENTED, "expected an op on values, found one on references to variables of TensorFlow 1, "
                      "which a .tflite file cannot have; convert the model with resource variables");
    }
    out[i] = values[i].dtype;
  }
  return UF_OK;
}

static uf_status find_dtypes(ufi_arena *arena, const flex_node *n, ufi_node *node, uf_error *error) {
  uf_dtype *dtypes = ufi_arena_array(arena, (size_t)node->n_in + (size_t)node->n_out + 1, sizeof *dtypes);
  if (!dtypes) return ufi_no_memory(error, sizeof *dtypes);
  node->dtypes = dtypes;
  UFI_TRY(put_dtypes(arena, n, "inputs", n->sig->inputs, node->n_in, dtypes, error));
  return put_dtypes(arena, n, "outputs", n->sig->outputs, node->n_out, dtypes + node->n_in, error);
}

/* Ops that only mean something in a graph of TensorFlow 1, where branches that are not taken have no values. */
static bool decides_branches(const ufi_op_row *row) { return row->def == &ufi_op_SWITCH || row->def == &ufi_op_MERGE; }

static uf_status find_op(flex_node *n, const ufi_node *node, uf_error *error) {
  n->sig = ufi_sig_of(n->op);
  const ufi_op_row *row = ufi_op_by_tf(n->op);
  if (!n->sig || !row) {
    return ufi_fail(error, UF_UNIMPLEMENTED, "expected an op of TensorFlow that this library has, found '%.100s'; register an op "
                    "'%.100s' of your own (uf_op_register, custom_ops= in Python)", n->op, node->op_name);
  }
  if (decides_branches(row)) {
    return ufi_fail(error, UF_UNIMPLEMENTED, "expected an op that gives all its outputs, found '%.100s', control flow of "
                    "TensorFlow 1; convert the model again with control flow version 2", n->op);
  }
  for (int32_t i = 0; i < node->n_in; i++) {
    if (node->in[i] < 0) return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a value for input %d, found it omitted", (int)i);
  }
  return UF_OK;
}

/* ufi_tf_attrs.graph_of: a .tflite file has no functions. */
static int32_t no_graph(const ufi_tf_attrs *from, const char *function) { return -1; }

static uf_status bind(ufi_tflite *r, flex_node *n, ufi_node *node, uf_error *error) {
  ufi_arena *arena = r->model->arena;
  const ufi_op_row *row = ufi_op_by_tf(n->op);
  UFI_TRY(find_dtypes(arena, n, node, error));
  if (row->def->attrs_size > 0 || row->def->attrs_tf) {
    if (!row->def->attrs_tf) {
      return ufi_fail(error, UF_UNIMPLEMENTED, "expected an op with TensorFlow attributes, found none");
    }
    node->attrs = ufi_arena_alloc(arena, row->def->attrs_size ? row->def->attrs_size : 1);
    if (!node->attrs) return ufi_no_memory(error, row->def->attrs_size);
    ufi_tf_attrs source = {.op = n->op, .attrs = n->attrs, .n = n->n_attrs, .name = n->name[0] ? n->name : n->op,
                           .n_in = node->n_in, .n_out = node->n_out, .arena = arena, .graph_of = no_graph};
    UFI_TRY(row->def->attrs_tf(&source, node->attrs, error));
  }
  node->op = row;
  return UF_OK;
}

/* ---- all of it ------------------------------------------------------------------------ */

static uf_status read_flex(ufi_tflite *r, const ufi_graph *graph, ufi_node *node, const ufi_tflite_attrs *from, uf_error *error) {
  const alias *known = alias_of(node->op_name);
  flex_node n = {0};
  if (known && !known->has_def) {
    n.name = n.op = known->op;
  } else {
    UFI_TRY(find_def(from, &n, error));
    UFI_TRY(read_names(r, &n, error));
  }
  UFI_TRY(find_op(&n, node, error));
  UFI_TRY(known && !known->has_def ? tell_attrs(r, graph, node, from, known, &n, error) : read_attrs(r, &n, error));
  return bind(r, &n, node, error);
}

uf_status ufi_tflite_flex(ufi_tflite *r, const ufi_graph *graph, ufi_node *node, const ufi_tflite_attrs *from) {
  uf_error refused = {0};
  UFI_TRY(ufi_tflite_spend(r, from->custom_size)); /* options may be shared by many operators */
  node->unsupported = NULL;
  uf_status status = read_flex(r, graph, node, from, &refused);
  if (!ufi_tflite_array(r, 1, 1)) return UF_RESOURCE_EXHAUSTED; /* says so when the arena has grown beyond its budget */
  return status == UF_OK ? UF_OK : note(r, node, status, refused.message);
}
