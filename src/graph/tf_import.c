/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_import.c: GraphDef messages into a builder.
 *
 *   GraphDef      1 node, 2 library {1 function}, 4 versions {1 producer}
 *   NodeDef       1 name, 2 op, 3 input, 4 device, 5 attr {1 key, 2 value}
 *   FunctionDef   1 signature, 3 node_def, 4 ret {1 key, 2 value}, 6 control_ret {1 key, 2 value}
 *   OpDef         1 name, 2 input_arg, 3 output_arg {1 name, 3 type, 4 type_attr, 5 number_attr,
 *                 6 type_list_attr}
 *
 * Nodes may stand in any order and loops of version 1 name what comes later:
 * all nodes are added first, with the outputs that their attributes tell, then
 * their inputs are looked up. An input is "node", "node:2" or "^node" in a
 * graph, "argument", "node:output:2" or "^node" in a function.
 *
 * A function whose types are attributes of its callers is kept out: calling it
 * fails by name.
 */
#include <stdlib.h>

#include "format/text_graph.h"
#include "graph/attr_value.h"
#include "graph/tf_graph.h"

/* Memory that a graph may take for the bytes that it has in the file. */
#define MEMORY_BASE ((size_t)64 << 20)
#define MEMORY_PER_BYTE 64
#define MAX_OUTPUTS 65536

typedef struct raw_node {
  ufi_bytes message;
  const char *name, *op;
  int32_t node;            /* of the builder */
  int32_t unknown_outputs; /* of an op without signature: as many as are named */
} raw_node;

typedef struct importer {
  uf_builder *root, *b;    /* b: the root or a function's body */
  const uf_import_options *options;
  const char *prefix;
  bool in_function;
  raw_node *raw;
  int32_t n_raw;
  ufi_names *names;        /* of raw nodes, without prefix */
  ufi_names *args;         /* of a function's arguments: values of b */
  size_t limit;
  uf_error *error;
} importer;

static uf_status damaged(importer *m, const char *what) {
  return ufi_fail(m->error, UF_DATA_LOSS, "expected %s, found damaged bytes; get the file again", what);
}

/* ---- nodes ------------------------------------------------------------------------------ */

static const char *with_prefix(importer *m, const char *name) {
  size_t before = strlen(m->prefix), size = strlen(name);
  if (before == 0) return name;
  char *text = ufi_arena_alloc(m->b->arena, before + size + 2);
  if (!text) return NULL;
  memcpy(text, m->prefix, before);
  text[before] = '/';
  memcpy(text + before + 1, name, size + 1);
  return text;
}

static uf_status read_raw(importer *m, raw_node *raw) {
  ufi_bytes name = {0}, op = {0};
  ufi_proto p = ufi_proto_of(raw->message.data, raw->message.size);
  while (ufi_proto_next(&p)) {
    if (p.field == 1) name = ufi_proto_bytes(&p);
    if (p.field == 2) op = ufi_proto_bytes(&p);
  }
  if (p.bad || name.size == 0) return damaged(m, "a node with a name");
  raw->name = ufi_bytes_text(m->b->arena, name);
  raw->op = ufi_bytes_text(m->b->arena, op);
  raw->node = -1;
  if (!raw->name || !raw->op) return ufi_no_memory(m->error, name.size);
  return UF_OK;
}

static uf_status list_raw(importer *m, ufi_bytes message, uint32_t field) {
  int32_t n = 0;
  ufi_proto p = ufi_proto_of(message.data, message.size), again = p;
  while (ufi_proto_next(&p)) n += p.field == field && n < INT32_MAX;
  if (p.bad) return damaged(m, "a graph");
  m->raw = ufi_arena_array(m->b->arena, (size_t)n + 1, sizeof *m->raw);
  m->names = ufi_names_create((size_t)n);
  if (!m->raw || !m->names) return ufi_no_memory(m->error, (size_t)n * sizeof *m->raw);
  while (ufi_proto_next(&again)) {
    if (again.field != field) continue;
    raw_node *raw = &m->raw[m->n_raw];
    raw->message = ufi_proto_bytes(&again);
    UFI_TRY(read_raw(m, raw));
    if (ufi_names_find(m->names, raw->name) >= 0) {
      return ufi_fail(m->error, UF_INVALID_ARGUMENT, "Node '%.200s' is not unique: expected a name for each node, found it twice", raw->name);
    }
    if (!ufi_names_add(m->names, raw->name, m->n_raw++)) return ufi_no_memory(m->error, 64);
  }
  return UF_OK;
}

/* ---- references ---------------------------------------------------------------------------- */

/* The parts of an input's text: "^node", "node", "node:2", "node:output:2". */
typedef struct reference {
  char node[512], output[128];
  bool is_control;
  int64_t index;
} reference;

static bool parse_index(const char *text, int64_t *out) {
  char *end;
  *out = strtoll(text, &end, 10);
  return *text >= '0' && *text <= '9' && *end == 0 && *out < MAX_OUTPUTS;
}

static bool take_part(const char **at, size_t n, char *out, size_t room) {
  if (n >= room) return false;
  memcpy(out, *at, n);
  out[n] = 0;
  *at += n;
  return true;
}

static bool parse_reference(ufi_bytes text, reference *r) {
  char all[768];
  if (text.size == 0 || text.size >= sizeof all || memchr(text.data, 0, text.size)) return false;
  memcpy(all, text.data, text.size);
  all[text.size] = 0;
  *r = (reference){.is_control = all[0] == '^'};
  const char *at = all + r->is_control;
  if (!take_part(&at, strcspn(at, ":"), r->node, sizeof r->node)) return false;
  if (*at == 0) return true;
  at++;
  const char *colon = strchr(at, ':');
  if (!colon) return parse_index(at, &r->index);
  return take_part(&at, (size_t)(colon - at), r->output, sizeof r->output) && parse_index(at + 1, &r->index);
}

static uf_status bad_reference(importer *m, ufi_bytes text) {
  return ufi_fail(m->error, UF_INVALID_ARGUMENT, "expected an input that names a node and an output of the graph, found '%.*s'",
                  (int)UFI_MIN(text.size, (size_t)200), text.size ? (const char *)text.data : "");
}

/* Outputs of nodes whose op is not known are those that somebody names. */
static void count_unknown(importer *m, ufi_bytes text) {
  reference r;
  if (!parse_reference(text, &r) || r.is_control) return;
  int32_t i = ufi_names_find(m->names, r.node);
  if (i >= 0) m->raw[i].unknown_outputs = UFI_MAX(m->raw[i].unknown_outputs, (int32_t)r.index + 1);
}

static void count_all_unknown(importer *m) {
  for (int32_t i = 0; i < m->n_raw; i++) {
    ufi_proto p = ufi_proto_of(m->raw[i].message.data, m->raw[i].message.size);
    while (ufi_proto_next(&p)) {
      if (p.field == 3) count_unknown(m, ufi_proto_bytes(&p));
    }
  }
}

/* The first output of a node that belongs to the argument of that name; -1: it has none. */
static int32_t output_named(const ufi_tf_node *node, const char *output) {
  if (!node->sig) return 0;
  ufi_sig_arg arg;
  int32_t k = 0;
  for (const char *text = node->sig->outputs; ufi_sig_next_arg(&text, &arg); k++) {
    if (strcmp(arg.name, output) != 0) continue;
    for (int32_t i = 0; i < node->n_out; i++) {
      if (node->out[i].arg == k) return i;
    }
    return -1;
  }
  return -1;
}

static int32_t mapped(const importer *m, const reference *r) {
  const uf_import_options *o = m->options;
  for (int32_t i = 0; !m->in_function && o && i < o->n_map; i++) {
    const char *name = o->map_names[i], *colon = strchr(name, ':');
    size_t n = colon ? (size_t)(colon - name) : strlen(name);
    if (strlen(r->node) == n && memcmp(name, r->node, n) == 0 && (colon ? strtoll(colon + 1, NULL, 10) : 0) == r->index) return o->map_values[i];
  }
  return -1;
}

/* The value that an input names. */
static uf_status find_value(importer *m, ufi_bytes text, const reference *r, int32_t *value_out) {
  int32_t given = mapped(m, r);
  if (given >= 0) {
    *value_out = given;
    return UF_OK;
  }
  int32_t i = ufi_names_find(m->names, r->node);
  if (m->in_function && i < 0) {
    int32_t arg = ufi_names_find(m->args, r->node);
    if (arg < 0 || r->index != 0) return bad_reference(m, text);
    *value_out = arg;
    return UF_OK;
  }
  if (i < 0) return bad_reference(m, text);
  const ufi_tf_node *node = &m->b->nodes[m->raw[i].node];
  int32_t first = r->output[0] ? output_named(node, r->output) : 0;
  if (first < 0 || first + r->index >= node->n_out) return bad_reference(m, text);
  *value_out = node->first_value + first + (int32_t)r->index;
  return UF_OK;
}

static uf_status find_control(importer *m, ufi_bytes text, const reference *r, int32_t *node_out) {
  int32_t i = ufi_names_find(m->names, r->node);
  if (i >= 0) *node_out = m->raw[i].node;
  else if (m->in_function && ufi_names_find(m->args, r->node) >= 0) *node_out = m->b->values[ufi_names_find(m->args, r->node)].node;
  else return bad_reference(m, text);
  return UF_OK;
}

/* ---- adding ---------------------------------------------------------------------------------- */

/* Attributes that say something of a value, not those that other tools leave ("_class"). */
static uf_status read_attr(importer *m, ufi_proto pair, uf_attr *attr, bool *is_kept) {
  ufi_bytes key, value;
  if (!ufi_proto_pair(pair, &key, &value) || key.size == 0) return damaged(m, "a node's attribute");
  *is_kept = false;
  if (key.data[0] == '_') return UF_OK;
  uf_status status = ufi_attr_value(value, m->b->arena, attr, is_kept, m->error);
  if (status != UF_OK) {
    ufi_error_prefix(m->error, "attribute '%.*s'", (int)UFI_MIN(key.size, (size_t)100), (const char *)key.data);
    return status;
  }
  attr->name = ufi_bytes_text(m->b->arena, key);
  return attr->name ? UF_OK : ufi_no_memory(m->error, key.size);
}

static void count_fields(ufi_bytes message, int32_t *n_in, int32_t *n_controls, int32_t *n_attrs) {
  ufi_proto p = ufi_proto_of(message.data, message.size);
  *n_in = *n_controls = *n_attrs = 0;
  while (ufi_proto_next(&p)) {
    if (p.field == 5) (*n_attrs)++;
    if (p.field != 3) continue;
    ufi_bytes input = ufi_proto_bytes(&p);
    if (input.size && input.data[0] == '^') (*n_controls)++;
    else (*n_in)++;
  }
}

static bool dtype_list(ufi_arena *arena, const uf_builder *body, const char *name, const int32_t *values, int32_t n, uf_attr *out) {
  int64_t *list = ufi_arena_array(arena, (size_t)n + 1, sizeof *list);
  for (int32_t i = 0; list && i < n; i++) list[i] = ufi_builder_dtype(body, values[i]);
  *out = (uf_attr){.name = name, .kind = UF_ATTR_DTYPES, .n = n, .ints = list};
  return list != NULL;
}

/* The attributes of a call of this function. */
static bool call_attrs(ufi_arena *arena, const ufi_tf_function *f, uf_attr **attrs_out, int32_t *n_out) {
  uf_attr *attrs = ufi_arena_array(arena, 3, sizeof *attrs);
  if (!attrs || !dtype_list(arena, f->body, "Tin", f->in, f->n_in, &attrs[0]) || !dtype_list(arena, f->body, "Tout", f->out, f->n_out, &attrs[1])) return false;
  attrs[2] = (uf_attr){.name = "f", .kind = UF_ATTR_FUNC, .s = f->name, .s_size = strlen(f->name)};
  *attrs_out = attrs;
  *n_out = 3;
  return true;
}

static uf_status add_raw(importer *m, raw_node *raw) {
  int32_t n_in, n_controls, n_attrs, kept = 0;
  count_fields(raw->message, &n_in, &n_controls, &n_attrs);
  uf_attr *attrs = ufi_arena_array(m->b->arena, (size_t)n_attrs + 1, sizeof *attrs);
  const char *device = "";
  if (!attrs) return ufi_no_memory(m->error, sizeof *attrs);
  ufi_proto p = ufi_proto_of(raw->message.data, raw->message.size);
  while (ufi_proto_next(&p)) {
    bool is_kept = false;
    if (p.field == 4 && !(device = ufi_bytes_text(m->b->arena, ufi_proto_bytes(&p)))) return ufi_no_memory(m->error, 16);
    if (p.field == 5) UFI_TRY(read_attr(m, ufi_proto_message(&p), &attrs[kept], &is_kept));
    kept += is_kept;
  }
  const char *name = with_prefix(m, raw->name);
  if (!name) return ufi_no_memory(m->error, 16);
  const ufi_tf_function *function = ufi_sig_of(raw->op) ? NULL : ufi_builder_function(m->root, raw->op);
  if (function) { /* a node named after what it calls, as Defun made them */
    raw->op = "PartitionedCall";
    kept = 0;
    if (!call_attrs(m->b->arena, function, &attrs, &kept)) return ufi_no_memory(m->error, sizeof *attrs);
  }
  if (ufi_arena_used(m->b->arena) > m->limit) {
    return ufi_fail(m->error, UF_RESOURCE_EXHAUSTED, "expected a graph that takes at most %zu bytes of memory, found one that takes more; the file is damaged or made to harm", m->limit);
  }
  return ufi_builder_add_raw(m->b, raw->op, name, device, n_in, n_controls, attrs, kept, raw->unknown_outputs, &raw->node, m->error);
}

static uf_status link_raw(importer *m, const raw_node *raw) {
  ufi_tf_node *node = &m->b->nodes[raw->node];
  int32_t k = 0, c = 0;
  ufi_proto p = ufi_proto_of(raw->message.data, raw->message.size);
  while (ufi_proto_next(&p)) {
    if (p.field != 3) continue;
    reference r;
    ufi_bytes text = ufi_proto_bytes(&p);
    if (!parse_reference(text, &r)) return bad_reference(m, text);
    if (r.is_control) {
      if (c < node->n_controls) UFI_TRY(find_control(m, text, &r, &node->controls[c++]));
      continue;
    }
    if (k >= node->n_in) return damaged(m, "a node");
    int32_t value = -1;
    UFI_TRY(find_value(m, text, &r, &value));
    uf_dtype want = node->in_sig ? node->in_sig[k].dtype : UF_INVALID, found = ufi_builder_dtype(m->b, value);
    if (want != UF_INVALID && found != UF_INVALID && want != found) {
      return ufi_fail(m->error, UF_INVALID_ARGUMENT, "Input %d of node %.200s was passed %s from %.*s incompatible with expected %s.", (int)k,
                      node->name, uf_dtype_name(found), (int)UFI_MIN(text.size, (size_t)200), (const char *)text.data, uf_dtype_name(want));
    }
    if (node->in_sig && node->in_sig[k].is_ref && !ufi_builder_is_ref(m->b, value)) {
      return ufi_fail(m->error, UF_INVALID_ARGUMENT, "Input %d of node %.200s was passed %s from %.*s incompatible with expected %s_ref.", (int)k,
                      node->name, uf_dtype_name(found), (int)UFI_MIN(text.size, (size_t)200), (const char *)text.data, uf_dtype_name(want));
    }
    node->in[k++] = value;
  }
  return UF_OK;
}

static uf_status add_all(importer *m, ufi_bytes message, uint32_t field) {
  UFI_TRY(list_raw(m, message, field));
  count_all_unknown(m);
  for (int32_t i = 0; i < m->n_raw; i++) {
    uf_status status = add_raw(m, &m->raw[i]);
    if (status != UF_OK) {
      ufi_error_prefix(m->error, "node '%.200s'", m->raw[i].name);
      return status;
    }
  }
  for (int32_t i = 0; i < m->n_raw; i++) {
    uf_status status = link_raw(m, &m->raw[i]);
    if (status != UF_OK) {
      ufi_error_prefix(m->error, "node '%.200s'", m->raw[i].name);
      return status;
    }
  }
  for (int32_t i = 0; !m->in_function && i < m->n_raw; i++) { /* what contradicts itself only fails when it runs */
    uf_error ignored = {0};
    if (ufi_builder_infer(m->b, &m->b->nodes[m->raw[i].node], &ignored) == UF_RESOURCE_EXHAUSTED) return ufi_no_memory(m->error, 64);
  }
  return UF_OK;
}

/* ---- functions ---------------------------------------------------------------------------------- */

typedef struct function_parts {
  const char *name;
  ufi_bytes signature;
  const char **in_names, **out_names, **control_names;
  uf_dtype *in_dtypes;
  int32_t n_in, n_out;
  bool is_polymorphic;
} function_parts;

static uf_status read_arg(importer *m, ufi_bytes arg, const char **name_out, uf_dtype *dtype_out, bool *is_polymorphic) {
  ufi_bytes name = {0};
  ufi_proto p = ufi_proto_of(arg.data, arg.size);
  *dtype_out = UF_INVALID;
  while (ufi_proto_next(&p)) {
    if (p.field == 1) name = ufi_proto_bytes(&p);
    if (p.field == 3) *dtype_out = uf_dtype_from_tf(ufi_proto_int(&p));
    if (p.field >= 4 && p.field <= 6 && ufi_proto_bytes(&p).size) *is_polymorphic = true;
  }
  *name_out = ufi_bytes_text(m->b->arena, name);
  if (p.bad) return damaged(m, "a function's argument");
  return *name_out ? UF_OK : ufi_no_memory(m->error, name.size);
}

static uf_status read_signature(importer *m, ufi_bytes signature, function_parts *f) {
  ufi_proto p = ufi_proto_of(signature.data, signature.size), again = p;
  ufi_bytes name = {0};
  int32_t n_in = 0, n_out = 0;
  while (ufi_proto_next(&p)) {
    if (p.field == 1) name = ufi_proto_bytes(&p);
    n_in += p.field == 2;
    n_out += p.field == 3;
  }
  if (p.bad) return damaged(m, "a function");
  f->name = ufi_bytes_text(m->b->arena, name);
  f->in_names = ufi_arena_array(m->b->arena, (size_t)n_in + 1, sizeof *f->in_names);
  f->out_names = ufi_arena_array(m->b->arena, (size_t)n_out + 1, sizeof *f->out_names);
  f->in_dtypes = ufi_arena_array(m->b->arena, (size_t)n_in + 1, sizeof *f->in_dtypes);
  if (!f->name || !f->in_names || !f->out_names || !f->in_dtypes) return ufi_no_memory(m->error, (size_t)n_in * 16);
  while (ufi_proto_next(&again)) {
    uf_dtype ignored;
    if (again.field == 2) UFI_TRY(read_arg(m, ufi_proto_bytes(&again), &f->in_names[f->n_in], &f->in_dtypes[f->n_in], &f->is_polymorphic));
    f->n_in += again.field == 2;
    if (again.field == 3) UFI_TRY(read_arg(m, ufi_proto_bytes(&again), &f->out_names[f->n_out++], &ignored, &f->is_polymorphic));
  }
  return UF_OK;
}

/* The value of a map's entry with this key; empty: none. */
static ufi_bytes map_entry(ufi_bytes function, uint32_t field, const char *key) {
  ufi_proto p = ufi_proto_of(function.data, function.size);
  while (ufi_proto_next(&p)) {
    if (p.field != field) continue;
    ufi_bytes found, value;
    (void)ufi_proto_pair(ufi_proto_message(&p), &found, &value);
    if (ufi_bytes_equal(found, key)) return value;
  }
  return (ufi_bytes){0};
}

static uf_status add_args(importer *m, const function_parts *f, int32_t *in) {
  for (int32_t i = 0; i < f->n_in; i++) {
    int32_t node;
    uf_attr dtype = {.name = "dtype", .kind = UF_ATTR_DTYPE, .i = f->in_dtypes[i]};
    UFI_TRY(ufi_builder_add_node(m->b, "Placeholder", f->in_names[i], NULL, 0, NULL, 0, &dtype, 1, &node, m->error));
    in[i] = m->b->nodes[node].first_value;
    if (!ufi_names_add(m->args, f->in_names[i], in[i])) return ufi_no_memory(m->error, 64);
  }
  return UF_OK;
}

/* Ops whose signature says that they are stateful, but that only read, or make random numbers:
 * nothing is lost when nobody wants their results. */
static bool only_reads(const ufi_tf_node *node) {
  static const char *const names[] = {"Placeholder", "PlaceholderWithDefault", "VariableV2", "Variable", "TensorArrayV3", "StackV2", "EmptyTensorList"};
  if (!(node->sig->flags & UFI_SIG_STATEFUL)) return true;
  for (size_t i = 0; i < UFI_COUNT(names); i++) {
    if (strcmp(names[i], node->op) == 0) return true;
  }
  if (strncmp(node->op, "Random", 6) == 0 || strncmp(node->op, "Truncated", 9) == 0 || strcmp(node->op, "Multinomial") == 0) return true;
  return node->row && !(node->row->flags & (UFI_WRITES_RESOURCE | UFI_STATEFUL));
}

static uf_status list_effects(importer *m, ufi_bytes function, int32_t **out, int32_t *n_out) {
  int32_t n = 0;
  ufi_proto p = ufi_proto_of(function.data, function.size);
  bool *is_effect = ufi_arena_array(m->b->arena, (size_t)m->b->n_nodes + 1, sizeof *is_effect);
  int32_t *list = ufi_arena_array(m->b->arena, (size_t)m->b->n_nodes + 1, sizeof *list);
  if (!is_effect || !list) return ufi_no_memory(m->error, (size_t)m->b->n_nodes);
  while (ufi_proto_next(&p)) {
    if (p.field != 6) continue;
    ufi_proto pair = ufi_proto_message(&p);
    while (ufi_proto_next(&pair)) {
      if (pair.field != 2) continue;
      ufi_bytes value = ufi_proto_bytes(&pair);
      const char *name = ufi_bytes_text(m->b->arena, value);
      int32_t i = name ? ufi_names_find(m->names, name) : -1;
      if (i < 0) return bad_reference(m, value);
      is_effect[m->raw[i].node] = true;
    }
  }
  for (int32_t i = 0; i < m->b->n_nodes; i++) {
    const ufi_tf_node *node = &m->b->nodes[i];
    if (is_effect[i] || !node->sig || !only_reads(node)) list[n++] = i;
  }
  *out = list;
  *n_out = n;
  return UF_OK;
}

static uf_status fill_function(importer *m, ufi_bytes function, const function_parts *f) {
  int32_t *in = ufi_arena_array(m->b->arena, (size_t)f->n_in + 1, sizeof *in);
  int32_t *out = ufi_arena_array(m->b->arena, (size_t)f->n_out + 1, sizeof *out), *effects = NULL, n_effects = 0;
  if (!in || !out) return ufi_no_memory(m->error, sizeof *in);
  UFI_TRY(add_args(m, f, in));
  UFI_TRY(add_all(m, function, 3));
  for (int32_t i = 0; i < f->n_out; i++) {
    reference r;
    ufi_bytes text = map_entry(function, 4, f->out_names[i]);
    if (!parse_reference(text, &r) || r.is_control) return bad_reference(m, text);
    UFI_TRY(find_value(m, text, &r, &out[i]));
  }
  UFI_TRY(list_effects(m, function, &effects, &n_effects));
  uf_function_info info = {.struct_size = sizeof info, .inputs = in, .outputs = out, .effects = effects, .n_inputs = f->n_in,
                           .n_outputs = f->n_out, .n_effects = n_effects, .input_names = f->in_names, .output_names = f->out_names};
  return uf_builder_add_function(m->root, f->name, m->b, &info, m->error);
}

static ufi_bytes signature_of(ufi_bytes function) {
  ufi_bytes signature = {0};
  ufi_proto p = ufi_proto_of(function.data, function.size);
  while (ufi_proto_next(&p)) {
    if (p.field == 1) signature = ufi_proto_bytes(&p);
  }
  return signature;
}

static uf_status import_function(const importer *outer, ufi_bytes function) {
  importer m = {.root = outer->root, .b = uf_builder_create(), .prefix = "", .in_function = true, .error = outer->error};
  m.args = ufi_names_create(8);
  m.limit = MEMORY_BASE + function.size * MEMORY_PER_BYTE;
  function_parts f = {0};
  bool taken = false;
  uf_status status = m.b && m.args ? UF_OK : ufi_no_memory(m.error, sizeof m);
  if (status == UF_OK) status = read_signature(&m, signature_of(function), &f);
  bool skipped = status == UF_OK && (f.is_polymorphic || uf_builder_find_function(m.root, f.name) >= 0);
  if (status == UF_OK && !skipped) {
    status = fill_function(&m, function, &f);
    taken = status == UF_OK;
    if (status != UF_OK) ufi_error_prefix(m.error, "function '%.200s'", f.name);
  }
  ufi_names_destroy(m.args);
  ufi_names_destroy(m.names);
  if (!taken) uf_builder_release(m.b);
  return status;
}

static uf_status import_library(const importer *m, ufi_bytes library) {
  ufi_proto p = ufi_proto_of(library.data, library.size);
  while (ufi_proto_next(&p)) {
    if (p.field == 1) UFI_TRY(import_function(m, ufi_proto_bytes(&p)));
  }
  return p.bad ? ufi_fail(m->error, UF_DATA_LOSS, "expected a library of functions, found damaged bytes; get the file again") : UF_OK;
}

/* GraphDef 4 versions {1 producer}. */
static int64_t producer_of(ufi_bytes message) {
  int64_t producer = 0;
  ufi_proto p = ufi_proto_of(message.data, message.size);
  while (ufi_proto_next(&p)) {
    if (p.field != 4) continue;
    ufi_proto versions = ufi_proto_message(&p);
    while (ufi_proto_next(&versions)) {
      if (versions.field == 1) producer = ufi_proto_int(&versions);
    }
  }
  return producer;
}

/* ---- a graph ---------------------------------------------------------------------------------------- */

static uf_status import_bytes(uf_builder *b, ufi_bytes message, const uf_import_options *options, uf_error *error) {
  importer m = {.root = b, .b = b, .options = options, .prefix = options && options->prefix ? options->prefix : "", .error = error};
  if (!ufi_mul_size(message.size, MEMORY_PER_BYTE, &m.limit) || !ufi_add_size(m.limit, MEMORY_BASE + ufi_arena_used(b->arena), &m.limit)) m.limit = SIZE_MAX;
  uf_status status = UF_OK;
  ufi_proto p = ufi_proto_of(message.data, message.size);
  while (status == UF_OK && ufi_proto_next(&p)) {
    if (p.field == 2) status = import_library(&m, ufi_proto_bytes(&p));
  }
  b->is_old = producer_of(message) < 24;
  if (status == UF_OK) status = add_all(&m, message, 1);
  b->is_old = false;
  ufi_names_destroy(m.names);
  return status;
}

/* Bytes that read as a message of a graph's fields to the end are one; all else is taken for text. */
static bool is_message(const void *data, size_t size) {
  ufi_proto p = ufi_proto_of(data, size);
  while (ufi_proto_next(&p)) {
    if (p.field < 1 || p.field > 5) return false;
  }
  return !p.bad;
}

/* Bytes that no text begins with. */
static bool has_control(const uint8_t *data, size_t size) {
  for (size_t i = 0; i < UFI_MIN(size, (size_t)256); i++) {
    if (data[i] < ' ' && !memchr("\t\n\r", data[i], 3)) return true;
  }
  return false;
}

uf_status uf_builder_import(uf_builder *b, const void *bytes, size_t size, const uf_import_options *options, uf_error *error) {
  for (int32_t i = 0; options && i < options->n_map; i++) {
    if (options->map_values[i] < 0 || options->map_values[i] >= b->n_values) {
      return ufi_fail(error, UF_OUT_OF_RANGE, "expected values of the graph in the map of inputs, found %d", (int)options->map_values[i]);
    }
  }
  uf_buf *message = NULL;
  bool is_binary = size && memchr("\n\x12\x1a\x22", *(const uint8_t *)bytes, 4) && has_control(bytes, size);
  if (!is_message(bytes, size) && is_binary) {
    return ufi_fail(error, UF_DATA_LOSS, "expected a graph, found damaged bytes; get the file again");
  }
  if (!is_message(bytes, size)) UFI_TRY(ufi_text_graph(bytes, size, "graph", &message, error));
  ufi_bytes all = {bytes, size};
  if (message) all = (ufi_bytes){uf_buf_data(message), uf_buf_size(message)};
  uf_status status = import_bytes(b, all, options, error);
  uf_buf_release(message);
  return status;
}
