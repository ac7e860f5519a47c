/* SPDX-License-Identifier: Apache-2.0
 *
 * graphdef.c: constants and nodes of GraphDef, MetaGraphDef and SavedModel files.
 *
 *   GraphDef      1 node {1 name, 2 op, 3 input, 4 device, 5 attr {1 key, 2 value}},
 *                 2 library {1 function {1 signature {1 name}, 3 node_def}}, 4 versions
 *   MetaGraphDef  1 meta_info_def, 2 graph_def, 3 saver_def, 4 collection_def,
 *                 5 signature_def, 6 asset_file_def, 7 object_graph_def
 *   SavedModel    1 saved_model_schema_version (a number), 2 meta_graphs
 *
 * The files do not say which of them they are. A SavedModel begins with a number, or has
 * meta graphs where the others have a library or a graph; a GraphDef is told from a
 * MetaGraphDef by what its first field 1 holds: a node has an op's name where a MetaInfoDef
 * has a list of ops.
 *
 * Entries are the values of Const nodes in the order of the file, under the node's name, in
 * library functions FUNCTION/NODE; a name that was there before (in the second meta graph of a
 * SavedModel, say) gets ~2, ~3 and so on. Opening looks at a few bytes. Listing walks over
 * the messages once and keeps where each value lies; values stay in the file and are looked
 * at when they are read, those in tensor_content as views. A constant whose message is damaged
 * is listed with dtype "invalid" and fails when it is read.
 *
 * A file that is not mapped is read when it is opened, but for its large constants
 * (graphdef_remote.c).
 */
#include "source/graphdef.h"

#include <stdio.h>

#include "format/text_graph.h"
#include "source/unique.h"

typedef enum graph_kind { GRAPH_DEF, META_GRAPH, SAVED_MODEL } graph_kind;

typedef struct constant {
  uf_entry e;
  ufi_bytes message; /* TensorProto */
} constant;

typedef struct walk {
  uf_source *source;
  ufi_graph_file *graph;
  ufi_unique *names;   /* NULL: only nodes are counted up */
  uf_status status;
  uf_error *error;
} walk;

/* ---- what a file is -------------------------------------------------------------- */

/* Letters, digits and what else op names have. */
static bool is_op_name(ufi_bytes b) {
  for (size_t i = 0; i < b.size; i++) {
    uint8_t c = b.data[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '_' && c != '>' && c != '.' && c != '-') return false;
  }
  return b.size > 0;
}

static bool is_node(ufi_bytes message) {
  bool op = false;
  ufi_proto p = ufi_proto_of(message.data, message.size);
  while (ufi_proto_next(&p)) {
    if (p.wire != 2) return false;
    if (p.field == 2) op = is_op_name(p.bytes);
  }
  return op && !p.bad;
}

/* Only numbers 1 producer, 2 min_consumer, 3 bad_consumers. */
static bool is_versions(ufi_bytes message) {
  ufi_proto p = ufi_proto_of(message.data, message.size);
  while (ufi_proto_next(&p))
    if (p.field > 3 || (p.field < 3 && p.wire != 0)) return false;
  return !p.bad;
}

/* A library of functions: 1 function {1 signature {1 name}}, 2 gradient. */
static bool is_library(ufi_bytes message) {
  ufi_proto p = ufi_proto_of(message.data, message.size);
  while (ufi_proto_next(&p)) {
    if (p.field > 3 || p.wire != 2) return false;
    if (p.field == 1 && is_node(p.bytes)) return false; /* a graph inside a meta graph */
  }
  return !p.bad;
}

static bool is_graph_field(const ufi_proto *p) {
  switch (p->field) {
    case 1: return p->wire == 2 && is_node(p->bytes);
    case 2: return p->wire == 2 && is_library(p->bytes);
    case 3: return p->wire == 0;
    case 4: return p->wire == 2 && is_versions(p->bytes);
    case 5: return p->wire == 2;
    default: return false;
  }
}

static bool is_graph(ufi_bytes message) {
  ufi_proto p = ufi_proto_of(message.data, message.size);
  return ufi_proto_next(&p) && is_graph_field(&p);
}

/* Its graph is what makes one: nothing is told of a file cut off before it. */
static bool is_meta_graph(ufi_bytes message) {
  ufi_proto p = ufi_proto_of(message.data, message.size);
  while (ufi_proto_next(&p)) {
    if (p.wire != 2 || p.field > 7 || (p.field == 1 && is_node(p.bytes))) return false;
    if (p.field == 2) return is_graph(p.bytes);
  }
  return false;
}

/* By the first field; false: none of the three, or nothing at all. A SavedModel whose
 * version is 0 leaves it out. */
static bool tell_kind(const ufi_graph_file *g, graph_kind *kind_out) {
  ufi_bytes all = {g->data, g->size};
  ufi_proto p = ufi_proto_of(all.data, all.size);
  if (!ufi_proto_next(&p)) return false;
  if (p.field == 1 && p.wire == 0) *kind_out = SAVED_MODEL;
  else if (p.field == 2 && p.wire == 2 && is_meta_graph(p.bytes)) *kind_out = SAVED_MODEL;
  else if (is_graph_field(&p)) *kind_out = GRAPH_DEF;
  else if (is_meta_graph(all)) *kind_out = META_GRAPH;
  else return false;
  return true;
}

/* ---- walking over it ------------------------------------------------------------------ */

static void fail_at(walk *w, const uint8_t *at, const char *what) {
  if (w->status != UF_OK) return;
  w->status = ufi_fail(w->error, UF_DATA_LOSS, "%s: offset %llu: expected %s, found damaged bytes; "
                       "get the file again", w->source->path,
                       (unsigned long long)(at - w->graph->data), what);
}

static bool no_memory(walk *w, size_t bytes) {
  if (w->status == UF_OK) w->status = ufi_no_memory(w->error, bytes);
  return false;
}

/* The entry of a constant: all that its message's head says. */
static void describe_value(walk *w, constant *c) {
  ufi_tensor_proto t;
  c->e.n_pieces = 1;
  if (ufi_tensor_proto_parse(c->message, &t, NULL) != UF_OK) return;
  c->e.dtype = t.dtype;
  c->e.rank = t.rank;
  memcpy(c->e.dims, t.dims, sizeof t.dims);
  size_t bytes = 0;
  if (t.dtype == UF_STRING || !ufi_dtype_bytes(t.dtype, t.count, &bytes)) bytes = c->message.size;
  c->e.size = t.content.size ? t.content.size : bytes;
  if (!t.content.size || w->graph->is_text) return;
  c->e.file = w->source->path;
  c->e.offset = (uint64_t)(t.content.data - w->graph->data);
}

static bool add_constant(walk *w, const char *function, ufi_bytes name, ufi_bytes message) {
  ufi_arena *arena = w->source->arena;
  constant *c = ufi_arena_alloc(arena, sizeof *c);
  if (!c) return no_memory(w, sizeof *c);
  c->message = message;
  if (function) {
    size_t before = strlen(function), size = before + 1 + name.size;
    char *joined = ufi_malloc(size);
    if (!joined) return no_memory(w, size);
    memcpy(joined, function, before);
    joined[before] = '/';
    if (name.size) memcpy(joined + before + 1, name.data, name.size);
    c->e.name = ufi_unique_name(w->names, arena, joined, size);
    ufi_free(joined);
  } else {
    c->e.name = ufi_unique_name(w->names, arena, name.size ? (const char *)name.data : "",
                                name.size);
  }
  if (!c->e.name) return no_memory(w, name.size);
  describe_value(w, c);
  if (w->status == UF_OK) w->status = ufi_source_add(w->source, &c->e, w->error);
  return w->status == UF_OK;
}

/* The TensorProto in the attribute "value"; data NULL: there is none. */
static ufi_bytes value_of(ufi_proto node) {
  ufi_bytes found = {0};
  while (ufi_proto_next(&node)) {
    if (node.field != 5) continue;
    ufi_bytes key, message;
    (void)ufi_proto_pair(ufi_proto_message(&node), &key, &message);
    if (!ufi_bytes_equal(key, "value")) continue;
    ufi_proto value = ufi_proto_of(message.data, message.size);
    while (ufi_proto_next(&value))
      if (value.field == 8) found = ufi_proto_bytes(&value);
  }
  return found;
}

static bool keep_node(walk *w, ufi_bytes message, const char *function) {
  ufi_graph_file *g = w->graph;
  if (g->n_nodes == g->capacity) {
    size_t capacity = g->capacity ? 2 * g->capacity : 64;
    ufi_graph_place *nodes = ufi_realloc(g->nodes, capacity * sizeof *nodes);
    if (!nodes) return no_memory(w, capacity * sizeof *nodes);
    g->nodes = nodes;
    g->capacity = capacity;
  }
  g->nodes[g->n_nodes++] = (ufi_graph_place){.message = message, .function = function};
  return true;
}

static void walk_node(walk *w, ufi_bytes message, const char *function) {
  if (!w->names) {
    keep_node(w, message, function);
    return;
  }
  ufi_bytes name = {0}, op = {0};
  ufi_proto p = ufi_proto_of(message.data, message.size);
  while (ufi_proto_next(&p)) {
    if (p.field == 1) name = ufi_proto_bytes(&p);
    if (p.field == 2) op = ufi_proto_bytes(&p);
  }
  if (p.bad) fail_at(w, message.data, "a node");
  else if (ufi_bytes_equal(op, "Const"))
    add_constant(w, function, name, value_of(ufi_proto_of(message.data, message.size)));
}

static void walk_function(walk *w, ufi_proto f) {
  ufi_bytes name = {0};
  for (ufi_proto p = f; ufi_proto_next(&p);) {
    if (p.field != 1) continue;
    ufi_proto signature = ufi_proto_message(&p);
    while (ufi_proto_next(&signature))
      if (signature.field == 1) name = ufi_proto_bytes(&signature);
  }
  const char *text = ufi_arena_string(w->source->arena, name.size ? (const char *)name.data : "",
                                      name.size);
  if (!text) no_memory(w, name.size);
  while (w->status == UF_OK && ufi_proto_next(&f))
    if (f.field == 3) walk_node(w, ufi_proto_bytes(&f), text);
  if (f.bad) fail_at(w, f.begin, "a function");
}

/* Nodes first, then functions, whatever the order in the file. */
static void walk_graph(walk *w, ufi_proto graph) {
  ufi_proto p = graph;
  while (w->status == UF_OK && ufi_proto_next(&p))
    if (p.field == 1) walk_node(w, ufi_proto_bytes(&p), NULL);
  if (p.bad) fail_at(w, p.begin, "a graph");
  while (w->status == UF_OK && ufi_proto_next(&graph)) {
    if (graph.field != 2) continue;
    ufi_proto library = ufi_proto_message(&graph);
    while (w->status == UF_OK && ufi_proto_next(&library))
      if (library.field == 1) walk_function(w, ufi_proto_message(&library));
    if (library.bad) fail_at(w, library.begin, "a library of functions");
  }
}

static void walk_meta_graph(walk *w, ufi_proto p) {
  while (w->status == UF_OK && ufi_proto_next(&p))
    if (p.field == 2) walk_graph(w, ufi_proto_message(&p));
  if (p.bad) fail_at(w, p.begin, "a meta graph");
}

static uf_status walk_file(walk *w) {
  const char *format = w->source->ops->format;
  ufi_proto p = ufi_proto_of(w->graph->data, w->graph->size);
  if (strcmp(format, "graph_def") == 0) {
    walk_graph(w, p);
  } else if (strcmp(format, "meta_graph") == 0) {
    walk_meta_graph(w, p);
  } else {
    while (w->status == UF_OK && ufi_proto_next(&p))
      if (p.field == 2) walk_meta_graph(w, ufi_proto_message(&p));
    if (p.bad) fail_at(w, w->graph->data, "a SavedModel");
  }
  return w->status;
}

static uf_status graph_scan(uf_source *source, uf_error *error) {
  walk w = {.source = source, .graph = source->impl, .error = error, .names = ufi_unique_create()};
  if (!w.names) return ufi_no_memory(error, 64);
  uf_status status = walk_file(&w);
  ufi_unique_destroy(w.names);
  return status;
}

uf_status ufi_graph_index(uf_source *source, uf_error *error) {
  ufi_graph_file *g = source->impl;
  if (g->indexed) return UF_OK;
  walk w = {.source = source, .graph = g, .error = error};
  g->n_nodes = 0;
  UFI_TRY(walk_file(&w));
  g->indexed = true;
  return UF_OK;
}

/* ---- reading ------------------------------------------------------------------------------ */

static uf_status decode(const ufi_tensor_proto *t, const uf_region *region, uf_tensor *tensor_out,
                        uf_error *error) {
  uf_tensor whole = {0};
  if (!region) return ufi_tensor_proto_decode(t, 0, tensor_out, error);
  UFI_TRY(ufi_tensor_proto_decode(t, 0, &whole, error));
  uf_status status = ufi_tensor_region(&whole, region, tensor_out, error);
  uf_tensor_release(&whole);
  return status;
}

/* A value whose bytes have to be fetched first. */
static uf_status read_away(ufi_graph_file *g, ufi_tensor_proto *t, const uf_entry *e,
                           const uf_region *region, int flags, uf_tensor *tensor_out,
                           uf_error *error) {
  uint64_t offset = (uint64_t)(t->content.data - g->data);
  if (ufi_tensor_proto_is_plain(t))
    return ufi_read_plain(g->remote, offset, e, region, flags, tensor_out, error);
  uf_buf *content = NULL;
  UFI_TRY(ufi_file_view(g->remote, offset, t->content.size, &content, error));
  t->content.data = uf_buf_data(content);
  uf_status status = decode(t, region, tensor_out, error);
  uf_buf_release(content);
  return status;
}

uf_status ufi_graph_tensor(uf_source *source, const char *name, ufi_bytes message,
                           const uf_region *region, int flags, uf_tensor *tensor_out,
                           uf_error *error) {
  ufi_graph_file *g = source->impl;
  ufi_tensor_proto t = {0};
  uf_status status = UF_OK;
  if (!message.data)
    status = ufi_fail(error, UF_DATA_LOSS, "expected a value in the node, found none; "
                      "get the file again");
  if (status == UF_OK) status = ufi_tensor_proto_parse(message, &t, error);
  uf_entry e = {.name = name, .dtype = t.dtype, .rank = t.rank};
  memcpy(e.dims, t.dims, sizeof e.dims);
  if (status == UF_OK && g->remote && ufi_graph_is_away(&t)) {
    status = read_away(g, &t, &e, region, flags, tensor_out, error);
  } else if (status == UF_OK && ufi_tensor_proto_is_plain(&t)) {
    status = ufi_read_plain(g->file, (uint64_t)(t.content.data - g->data), &e, region, flags,
                            tensor_out, error);
  } else if (status == UF_OK) {
    status = decode(&t, region, tensor_out, error);
  }
  if (status != UF_OK)
    ufi_error_prefix(error, "%.200s: offset %llu: '%.200s'", source->path,
                     (unsigned long long)(message.data ? message.data - g->data : 0), name);
  return status;
}

static uf_status graph_read(uf_source *source, const uf_entry *entry, const uf_region *region,
                            int flags, uf_tensor *tensor_out, uf_error *error) {
  const constant *c = (const constant *)entry;
  return ufi_graph_tensor(source, entry->name, c->message, region, flags, tensor_out, error);
}

static uf_status graph_variables(uf_source *source, uf_variable *variables, size_t n,
                                 uf_error *error) {
  for (size_t i = 0; i < n; i++) variables[i].role = UF_ROLE_CONSTANT;
  return UF_OK;
}

/* ---- opening -------------------------------------------------------------------------------- */

static void graph_destroy(uf_source *source) {
  ufi_graph_file *g = source->impl;
  ufi_file_release(g->file);
  ufi_file_release(g->remote);
  ufi_free(g->nodes);
  ufi_free(g);
}

#define OPS(name)                                                                             \
  {.format = name, .scan = graph_scan, .read = graph_read, .variables = graph_variables,      \
   .node = ufi_graph_node, .attr = ufi_graph_attribute, .destroy = graph_destroy}
static const ufi_source_ops graph_ops[] = {
  [GRAPH_DEF] = OPS("graph_def"), [META_GRAPH] = OPS("meta_graph"), [SAVED_MODEL] = OPS("saved_model")};

static bool is_text(const char *path) {
  size_t size = strlen(path), end = strlen(".pbtxt");
  return size >= end && strcmp(path + size - end, ".pbtxt") == 0;
}

/* The file's bytes in memory, a text's as the message that it stands for. */
static uf_status load(ufi_graph_file *g, ufi_file *file, uf_error *error) {
  const char *path = ufi_file_path(file);
  bool text = g->is_text = is_text(path);
  uf_buf *bytes = NULL;
  if (!text && ufi_file_mapping(file)) {
    g->file = ufi_file_retain(file);
  } else {
    UFI_TRY(text ? ufi_file_view(file, 0, ufi_file_size(file), &bytes, error)
                 : ufi_graph_fetch(file, &bytes, error));
    uf_buf *message = NULL;
    uf_status status = UF_OK;
    if (!text) g->remote = ufi_file_retain(file);
    if (text) status = ufi_text_graph(uf_buf_data(bytes), uf_buf_size(bytes), path, &message, error);
    if (status == UF_OK) status = ufi_file_of_buf(text ? message : bytes, path, &g->file, error);
    uf_buf_release(message);
    uf_buf_release(bytes);
    UFI_TRY(status);
  }
  uf_buf *mapping = ufi_file_mapping(g->file);
  g->data = uf_buf_data(mapping);
  g->size = uf_buf_size(mapping);
  return UF_OK;
}

uf_status ufi_open_graphdef(ufi_file *file, const uf_filesystem *fs, uf_source **source_out,
                            uf_error *error) {
  const char *path = ufi_file_path(file);
  graph_kind kind = GRAPH_DEF;
  uf_source *source = ufi_source_create(path, fs, &graph_ops[GRAPH_DEF], error);
  if (!source) return UF_RESOURCE_EXHAUSTED;
  ufi_graph_file *g = ufi_calloc(1, sizeof *g);
  source->impl = g;
  uf_status status = g ? load(g, file, error) : ufi_no_memory(error, sizeof *g);
  if (status == UF_OK && !tell_kind(g, &kind))
    status = ufi_fail(error, UF_INVALID_ARGUMENT, "%s: expected a checkpoint, a graph "
                      "(GraphDef, MetaGraphDef, SavedModel), a .tflite, .npz, .npy or .safetensors, "
                      "found %zu bytes of something else; check that this is the right file, and "
                      "whole", path, g->size);
  if (status != UF_OK) {
    uf_source_release(source);
    return status;
  }
  source->ops = &graph_ops[kind];
  *source_out = source;
  return UF_OK;
}
