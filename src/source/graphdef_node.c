/* SPDX-License-Identifier: Apache-2.0
 *
 * graphdef_node.c: the nodes of a graph's file and their attributes.
 *
 * Attributes are given element by element (format/attr_walk.h). What is given out as text lies in
 * the source's arena, once for each node and attribute that was asked for.
 */
#include "format/attr_walk.h"
#include "source/graphdef.h"

static char *text_of(uf_source *source, ufi_bytes b) {
  return ufi_arena_string(source->arena, b.size ? (const char *)b.data : "", b.size);
}

static uf_status damaged(uf_source *source, const uint8_t *at, const char *name, uf_error *error) {
  const ufi_graph_file *g = source->impl;
  return ufi_fail(error, UF_DATA_LOSS, "%s: offset %llu: node '%.200s': expected a node with its "
                  "attributes, found damaged bytes; get the file again", source->path,
                  (unsigned long long)(at - g->data), name);
}

/* ---- nodes ------------------------------------------------------------------------ */

static char *node_name(uf_source *source, const char *function, ufi_bytes name) {
  if (!function) return text_of(source, name);
  size_t before = strlen(function);
  char *text = ufi_arena_alloc(source->arena, before + 1 + name.size + 1);
  if (!text) return NULL;
  memcpy(text, function, before);
  text[before] = '/';
  if (name.size) memcpy(text + before + 1, name.data, name.size);
  return text;
}

static void parse_attr(uf_source *source, ufi_proto pair, ufi_graph_attr *attr) {
  ufi_bytes key;
  (void)ufi_proto_pair(pair, &key, &attr->value);
  attr->name = text_of(source, key);
}

static bool count_parts(ufi_proto p, uf_graph_node *node) {
  while (ufi_proto_next(&p)) {
    if (p.field == 3 && node->n_inputs < INT32_MAX) node->n_inputs++;
    if (p.field == 5 && node->n_attrs < INT32_MAX) node->n_attrs++;
  }
  return !p.bad;
}

/* Everything of one node, as text. */
static uf_status make_details(uf_source *source, ufi_graph_place *place, ufi_graph_details *d,
                              uf_error *error) {
  ufi_proto p = ufi_proto_of(place->message.data, place->message.size);
  uf_graph_node *node = &d->node;
  if (!count_parts(p, node)) return damaged(source, place->message.data, "", error);
  const char **inputs = ufi_arena_array(source->arena, (size_t)node->n_inputs, sizeof *inputs);
  d->attrs = ufi_arena_array(source->arena, (size_t)node->n_attrs, sizeof *d->attrs);
  bool good = inputs && d->attrs;
  ufi_bytes name = {0}, op = {0}, device = {0};
  for (int32_t i = 0, j = 0; good && ufi_proto_next(&p);) {
    ufi_bytes bytes = {0};
    if (p.field <= 5) bytes = ufi_proto_bytes(&p);
    if (p.field == 1) name = bytes;
    if (p.field == 2) op = bytes;
    if (p.field == 3) good = (inputs[i++] = text_of(source, bytes)) != NULL;
    if (p.field == 4) device = bytes;
    if (p.field != 5) continue;
    parse_attr(source, ufi_proto_of(bytes.data, bytes.size), &d->attrs[j]);
    good = d->attrs[j++].name != NULL;
  }
  node->name = node_name(source, place->function, name);
  node->op = text_of(source, op);
  node->device = text_of(source, device);
  node->inputs = inputs;
  if (p.bad) return damaged(source, place->message.data, node->name ? node->name : "", error);
  return good && node->name && node->op && node->device ? UF_OK
                                                        : ufi_no_memory(error, place->message.size);
}

static uf_status details_of(uf_source *source, size_t i, ufi_graph_details **details_out,
                            uf_error *error) {
  ufi_graph_file *g = source->impl;
  UFI_TRY(ufi_graph_index(source, error));
  if (i >= g->n_nodes)
    return ufi_fail(error, UF_OUT_OF_RANGE, "%s: expected a node below %zu, found %zu",
                    source->path, g->n_nodes, i);
  if (!g->nodes[i].details) {
    ufi_graph_details *d = ufi_arena_alloc(source->arena, sizeof *d);
    if (!d) return ufi_no_memory(error, sizeof *d);
    UFI_TRY(make_details(source, &g->nodes[i], d, error));
    g->nodes[i].details = d;
  }
  *details_out = g->nodes[i].details;
  return UF_OK;
}

uf_status ufi_graph_node(uf_source *source, size_t i, uf_graph_node *node_out, uf_error *error) {
  ufi_graph_details *d = NULL;
  UFI_TRY(details_of(source, i, &d, error));
  *node_out = d->node;
  return UF_OK;
}

/* ---- attributes --------------------------------------------------------------------- */

/* One value, alone or of a list. */
typedef struct element {
  ufi_attr_elements all;
  int32_t at;              /* which of them */
  ufi_attr_element value;
} element;

static bool keep_wanted(void *context, int32_t i, const ufi_attr_element *value) {
  element *e = context;
  if (i == e->at) e->value = *value;
  return i < e->at;
}

/* Kept in the attribute, so that asking again takes no more memory. */
static const char *string_of(uf_source *source, ufi_graph_attr *attr, const element *e,
                             ufi_bytes text) {
  if (!attr->strings)
    attr->strings = ufi_arena_array(source->arena, (size_t)e->all.count, sizeof *attr->strings);
  if (!attr->strings) return NULL;
  if (!attr->strings[e->at]) attr->strings[e->at] = text_of(source, text);
  return attr->strings[e->at];
}

static uf_status give_string(uf_source *source, ufi_graph_attr *attr, const element *e,
                             uf_attr *out, uf_error *error) {
  ufi_bytes text = e->all.field == UFI_ATTR_FUNC ? ufi_attr_function_name(e->value.bytes) : e->value.bytes;
  out->kind = UF_ATTR_STRING;
  out->s_size = text.size;
  out->s = string_of(source, attr, e, text);
  return out->s ? UF_OK : ufi_no_memory(error, text.size);
}

static uf_status give(uf_source *source, ufi_graph_attr *attr, const element *e, const char *node,
                      uf_attr *out, uf_tensor *tensor_out, uf_error *error) {
  switch (e->all.field) {
    case UFI_ATTR_INT: out->i = (int64_t)e->value.number; return UF_OK;
    case UFI_ATTR_BOOL: out->kind = UF_ATTR_BOOL; out->i = e->value.number != 0; return UF_OK;
    case UFI_ATTR_TYPE: out->kind = UF_ATTR_DTYPE; out->i = uf_dtype_from_tf((int64_t)e->value.number); return UF_OK;
    case UFI_ATTR_FLOAT: out->kind = UF_ATTR_FLOAT; out->f = ufi_attr_float(e->value.number); return UF_OK;
    case UFI_ATTR_SHAPE:
      out->kind = UF_ATTR_SHAPE;
      return ufi_shape_proto_parse(e->value.bytes, &out->rank, out->dims, error);
    case UFI_ATTR_TENSOR:
      out->kind = UF_ATTR_TENSOR;
      if (!tensor_out) return UF_OK;
      UFI_TRY(ufi_graph_tensor(source, node, e->value.bytes, NULL, 0, tensor_out, error));
      out->tensor = tensor_out;
      return UF_OK;
    default: return give_string(source, attr, e, out, error);
  }
}

uf_status ufi_graph_attribute(uf_source *source, size_t i, int32_t j, int32_t at, uf_attr *attr_out,
                              uf_tensor *tensor_out, int32_t *n_out, uf_error *error) {
  ufi_graph_details *d = NULL;
  UFI_TRY(details_of(source, i, &d, error));
  const char *node = d->node.name;
  if (j < 0 || j >= d->node.n_attrs)
    return ufi_fail(error, UF_OUT_OF_RANGE, "%s: node '%.200s': expected an attribute below %d, "
                    "found %d", source->path, node, (int)d->node.n_attrs, (int)j);
  ufi_graph_attr *attr = &d->attrs[j];
  element e = {.at = at};
  if (!ufi_attr_elements_of(attr->value, &e.all)) return damaged(source, attr->value.data, node, error);
  uf_attr out = {.name = attr->name};
  if (at >= 0 && at < e.all.count) {
    ufi_attr_walk(&e.all, keep_wanted, &e);
    uf_status status = give(source, attr, &e, node, &out, tensor_out, error);
    if (status != UF_OK) {
      ufi_error_prefix(error, "attribute '%.200s'", attr->name);
      return status;
    }
  }
  *attr_out = out;
  *n_out = e.all.alone ? -1 : (int32_t)e.all.count;
  return UF_OK;
}
