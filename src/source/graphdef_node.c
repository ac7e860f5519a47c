/* SPDX-License-Identifier: Apache-2.0
 *
 * graphdef_node.c: the nodes of a graph's file and their attributes.
 *
 *   AttrValue  2 s, 3 i, 4 f, 5 b, 6 type, 7 shape, 8 tensor, 9 placeholder, 10 func {1 name},
 *              1 list {2 s, 3 i, 4 f, 5 b, 6 type, 7 shape, 8 tensor, 9 func}
 *
 * A list has the elements of one of its fields. What is given out as text lies in the source's
 * arena, once for each node and attribute that was asked for.
 */
#include "source/graphdef.h"

enum { LIST = 1, STRING, INT, FLOAT, BOOL, TYPE, SHAPE, TENSOR, PLACEHOLDER, FUNC, LIST_FUNC = 9 };

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
  ufi_bytes key = {0};
  while (ufi_proto_next(&pair)) {
    if (pair.field == 1) key = ufi_proto_bytes(&pair);
    if (pair.field == 2) attr->value = ufi_proto_bytes(&pair);
  }
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
  uint32_t field;   /* as in AttrValue */
  uint64_t number;  /* INT, BOOL, TYPE; a FLOAT's bits */
  ufi_bytes bytes;
  int64_t count;    /* of the list that it is in; 1 when alone */
  bool alone;
} element;

static int width_of(uint32_t field) {
  return field == FLOAT ? 4 : field == INT || field == BOOL || field == TYPE ? 0 : -1;
}

/* Counts an element of the list up, and keeps it when it is the one wanted. */
static void take_element(element *e, uint32_t field, int32_t at, uint64_t number, ufi_bytes bytes) {
  e->field = field;
  if (e->count++ != at) return;
  e->number = number;
  e->bytes = bytes;
}

/* Element `at` of a list. Lists that mix kinds, which TensorFlow does not write, count as
 * the kind that comes first. */
static bool find_element(ufi_proto list, int32_t at, element *e) {
  while (ufi_proto_next(&list)) {
    if (list.field < STRING || list.field > LIST_FUNC || (e->field && list.field != e->field))
      continue;
    int width = width_of(list.field);
    ufi_bytes rest = {0};
    uint64_t value;
    if (width >= 0) {
      while (ufi_proto_packed(&list, width, &rest, &value))
        take_element(e, list.field, at, value, (ufi_bytes){0});
    } else {
      ufi_bytes bytes = ufi_proto_bytes(&list);
      if (!list.bad) take_element(e, list.field, at, 0, bytes);
    }
  }
  return !list.bad;
}

/* The last value set is the one that counts. */
static bool find_value(ufi_bytes message, int32_t at, element *e) {
  ufi_proto p = ufi_proto_of(message.data, message.size), list = {0};
  bool is_list = true;
  while (ufi_proto_next(&p)) {
    if (p.field > FUNC) continue;
    is_list = p.field == LIST;
    if (is_list) {
      list = ufi_proto_message(&p);
      continue;
    }
    *e = (element){.field = p.field, .count = 1, .alone = true};
    int width = width_of(p.field);
    if (width < 0) e->bytes = ufi_proto_bytes(&p);
    else e->number = width == 4 ? ufi_proto_fixed32(&p) : ufi_proto_uint(&p);
  }
  if (p.bad || !is_list) return !p.bad;
  *e = (element){.field = 0};
  if (!find_element(list, at, e)) return false;
  if (e->field == LIST_FUNC) e->field = FUNC;
  return e->count <= INT32_MAX;
}

static ufi_bytes function_name(ufi_bytes func) {
  ufi_bytes name = {0};
  ufi_proto p = ufi_proto_of(func.data, func.size);
  while (ufi_proto_next(&p))
    if (p.field == 1) name = ufi_proto_bytes(&p);
  return name;
}

/* Kept in the attribute, so that asking again takes no more memory. */
static const char *string_of(uf_source *source, ufi_graph_attr *attr, const element *e, int32_t at,
                             ufi_bytes text) {
  if (!attr->strings)
    attr->strings = ufi_arena_array(source->arena, (size_t)e->count, sizeof *attr->strings);
  if (!attr->strings) return NULL;
  if (!attr->strings[at]) attr->strings[at] = text_of(source, text);
  return attr->strings[at];
}

static uf_status give_string(uf_source *source, ufi_graph_attr *attr, const element *e, int32_t at,
                             uf_attr *out, uf_error *error) {
  ufi_bytes text = e->field == FUNC ? function_name(e->bytes) : e->bytes;
  out->kind = UF_ATTR_STRING;
  out->s_size = text.size;
  out->s = string_of(source, attr, e, at, text);
  return out->s ? UF_OK : ufi_no_memory(error, text.size);
}

static uf_status give(uf_source *source, ufi_graph_attr *attr, const element *e, int32_t at,
                      const char *node, uf_attr *out, uf_tensor *tensor_out, uf_error *error) {
  uint32_t bits = (uint32_t)e->number;
  float f;
  switch (e->field) {
    case INT: out->i = (int64_t)e->number; return UF_OK;
    case BOOL: out->kind = UF_ATTR_BOOL; out->i = e->number != 0; return UF_OK;
    case TYPE: out->kind = UF_ATTR_DTYPE; out->i = uf_dtype_from_tf((int64_t)e->number); return UF_OK;
    case FLOAT:
      memcpy(&f, &bits, sizeof f);
      out->kind = UF_ATTR_FLOAT;
      out->f = f;
      return UF_OK;
    case SHAPE:
      out->kind = UF_ATTR_SHAPE;
      return ufi_shape_proto_parse(e->bytes, &out->rank, out->dims, error);
    case TENSOR:
      out->kind = UF_ATTR_TENSOR;
      if (!tensor_out) return UF_OK;
      UFI_TRY(ufi_graph_tensor(source, node, e->bytes, NULL, 0, tensor_out, error));
      out->tensor = tensor_out;
      return UF_OK;
    default: return give_string(source, attr, e, at, out, error);
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
  element e = {0};
  if (!find_value(attr->value, at, &e)) return damaged(source, attr->value.data, node, error);
  uf_attr out = {.name = attr->name};
  if (at >= 0 && at < e.count) {
    uf_status status = give(source, attr, &e, at, node, &out, tensor_out, error);
    if (status != UF_OK) {
      ufi_error_prefix(error, "attribute '%.200s'", attr->name);
      return status;
    }
  }
  *attr_out = out;
  *n_out = e.alone ? -1 : (int32_t)e.count;
  return UF_OK;
}
