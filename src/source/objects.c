/* SPDX-License-Identifier: Apache-2.0
 *
 * objects.c: the object graph that explains a checkpoint's keys (TrackableObjectGraph of
 * tensorflow/core/protobuf/trackable_object_graph.proto; SavedObjectGraph of SavedModels).
 *
 *   1 nodes { 1 children {1 node_id, 2 local_name}
 *             2 attributes {1 name, 2 full_name, 3 checkpoint_key}
 *             3 slot_variables {1 original_variable_node_id, 2 slot_name,
 *                               3 slot_variable_node_id} }
 *
 * An object's path is the shortest from the root, as TensorFlow's, with one difference:
 * ways through an optimizer count only where there is no other, since Keras 3 lists a model's
 * variables in its optimizer, too, and nobody looks for weights there. Every other edge to
 * the object gives an alias. What only an optimizer reaches is its own.
 *
 * Names inside paths are escaped as in keys (. is "..", / is ".S").
 */
#include "format/protobuf.h"
#include "source/source.h"

enum { PATH_MAX_SIZE = 2048, ALIASES_MAX = 16, NONE = -1 };
/* Text of all aliases together, for graphs made to have many. */
#define ALIAS_BYTES_MAX ((size_t)16 << 20)

typedef struct edge {
  int32_t from, to, next; /* next edge of the same node */
  ufi_bytes name;
} edge;

typedef struct attribute {
  int32_t node, variable; /* variable: its index */
  ufi_bytes full_name;
} attribute;

typedef struct slot {
  int32_t of, node; /* nodes */
  ufi_bytes name;
} slot;

typedef struct node {
  int32_t first_edge, last_edge;
  int32_t by;       /* the edge by which it is reached; NONE: not, or the root */
  bool seen, is_optimizer, in_optimizer;
  int32_t variable; /* its first attribute's; NONE */
} node;

typedef struct objects {
  uf_source *source;
  uf_variable *variables;
  size_t n_variables;
  ufi_names *keys; /* checkpoint keys to indices */
  node *nodes;
  edge *edges;
  attribute *attributes;
  slot *slots;
  int32_t n_nodes, n_edges, n_attributes, n_slots;
  size_t alias_bytes;
} objects;

/* ---- parsing ----------------------------------------------------------------------- */

static bool count_parts(ufi_proto graph, objects *o) {
  while (ufi_proto_next(&graph)) {
    if (graph.field != 1) continue;
    ufi_proto n = ufi_proto_message(&graph);
    while (ufi_proto_next(&n)) {
      if (n.field == 1) o->n_edges++;
      if (n.field == 2) o->n_attributes++;
      if (n.field == 3) o->n_slots++;
    }
    if (n.bad || o->n_nodes == INT32_MAX) return false;
    o->n_nodes++;
  }
  return !graph.bad && o->n_edges >= 0 && o->n_attributes >= 0 && o->n_slots >= 0;
}

static bool allocate(objects *o) {
  o->nodes = ufi_calloc((size_t)o->n_nodes + 1, sizeof *o->nodes);
  o->edges = ufi_calloc((size_t)o->n_edges + 1, sizeof *o->edges);
  o->attributes = ufi_calloc((size_t)o->n_attributes + 1, sizeof *o->attributes);
  o->slots = ufi_calloc((size_t)o->n_slots + 1, sizeof *o->slots);
  o->keys = ufi_names_create(o->n_variables);
  bool good = o->nodes && o->edges && o->attributes && o->slots && o->keys;
  for (size_t i = 0; i < o->n_variables && good; i++)
    good = ufi_names_add(o->keys, o->variables[i].entry->name, (int32_t)i);
  for (int32_t i = 0; good && i < o->n_nodes; i++)
    o->nodes[i] = (node){.first_edge = NONE, .last_edge = NONE, .by = NONE, .variable = NONE};
  return good;
}

static void parse_edge(objects *o, int32_t from, ufi_proto p) {
  int64_t to = 0;
  ufi_bytes name = {0};
  while (ufi_proto_next(&p)) {
    if (p.field == 1) to = ufi_proto_int(&p);
    if (p.field == 2) name = ufi_proto_bytes(&p);
  }
  if (p.bad || to < 0 || to >= o->n_nodes) return;
  int32_t i = o->n_edges++;
  o->edges[i] = (edge){.from = from, .to = (int32_t)to, .next = NONE, .name = name};
  node *n = &o->nodes[from];
  if (n->last_edge != NONE) o->edges[n->last_edge].next = i;
  else n->first_edge = i;
  n->last_edge = i;
  if (ufi_bytes_equal(name, "optimizer") || ufi_bytes_equal(name, "_optimizer"))
    o->nodes[to].is_optimizer = true;
  if (ufi_bytes_equal(name, "_iterations") || ufi_bytes_equal(name, "_trainable_variables_indices"))
    n->is_optimizer = true;
}

/* A key as a C string in the arena; NULL: out of memory or with a NUL. */
static char *text_of(objects *o, ufi_bytes bytes) {
  if (bytes.size && memchr(bytes.data, 0, bytes.size)) return NULL;
  return ufi_arena_string(o->source->arena, bytes.data ? (const char *)bytes.data : "", bytes.size);
}

static void parse_attribute(objects *o, int32_t of, ufi_proto p) {
  attribute a = {.node = of, .variable = NONE};
  ufi_bytes key = {0};
  while (ufi_proto_next(&p)) {
    if (p.field == 2) a.full_name = ufi_proto_bytes(&p);
    if (p.field == 3) key = ufi_proto_bytes(&p);
  }
  char *text = p.bad ? NULL : text_of(o, key);
  if (text) a.variable = ufi_names_find(o->keys, text);
  if (a.variable == NONE) return; /* not saved here */
  if (o->nodes[of].variable == NONE) o->nodes[of].variable = a.variable;
  o->attributes[o->n_attributes++] = a;
}

static void parse_slot(objects *o, int32_t optimizer, ufi_proto p) {
  int64_t of = -1, at = -1;
  ufi_bytes name = {0};
  while (ufi_proto_next(&p)) {
    if (p.field == 1) of = ufi_proto_int(&p);
    if (p.field == 2) name = ufi_proto_bytes(&p);
    if (p.field == 3) at = ufi_proto_int(&p);
  }
  of = UFI_MAX(of, 0); /* left out when 0 */
  o->nodes[optimizer].is_optimizer = true;
  if (p.bad || of >= o->n_nodes || at < 0 || at >= o->n_nodes) return;
  o->slots[o->n_slots++] = (slot){.of = (int32_t)of, .node = (int32_t)at, .name = name};
}

static void parse_nodes(ufi_proto graph, objects *o) {
  int32_t i = 0;
  o->n_edges = o->n_attributes = o->n_slots = 0;
  while (ufi_proto_next(&graph)) {
    if (graph.field != 1) continue;
    ufi_proto n = ufi_proto_message(&graph);
    while (ufi_proto_next(&n)) {
      if (n.field == 1) parse_edge(o, i, ufi_proto_message(&n));
      if (n.field == 2) parse_attribute(o, i, ufi_proto_message(&n));
      if (n.field == 3) parse_slot(o, i, ufi_proto_message(&n));
    }
    i++;
  }
}

/* ---- paths --------------------------------------------------------------------------- */

/* Breadth first from what is in the queue; optimizers are expanded in the second round. */
static void spread(objects *o, int32_t *queue, int32_t head, int32_t *tail, bool second) {
  for (; head < *tail; head++) {
    node *n = &o->nodes[queue[head]];
    if (n->is_optimizer && !second) continue;
    for (int32_t e = n->first_edge; e != NONE; e = o->edges[e].next) {
      node *to = &o->nodes[o->edges[e].to];
      if (to->seen) continue;
      to->seen = true;
      to->by = e;
      to->in_optimizer = second && (n->is_optimizer || n->in_optimizer) &&
                         !ufi_bytes_equal(o->edges[e].name, "_trainable_variables");
      queue[(*tail)++] = o->edges[e].to;
    }
  }
}

static bool find_paths(objects *o) {
  if (o->n_nodes == 0) return true;
  int32_t *queue = ufi_malloc((size_t)o->n_nodes * sizeof *queue), tail = 1;
  if (!queue) return false;
  queue[0] = 0;
  o->nodes[0].seen = true;
  bool root_is_optimizer = o->nodes[0].is_optimizer; /* a checkpoint of nothing else */
  o->nodes[0].is_optimizer = false;
  spread(o, queue, 0, &tail, false);
  o->nodes[0].is_optimizer = root_is_optimizer;
  spread(o, queue, 0, &tail, true);
  ufi_free(queue);
  return true;
}

/* Puts name, escaped, before *at. False: no room. */
static bool prepend(char *text, size_t *at, ufi_bytes name) {
  for (size_t i = name.size; i-- > 0;) {
    char c = (char)name.data[i];
    bool escape = c == '.' || c == '/';
    if (*at < 2 + (size_t)escape || c == 0) return false;
    text[--*at] = c == '/' ? 'S' : c;
    if (escape) text[--*at] = '.';
  }
  return true;
}

/* The path to node `from`, then `last` (NULL: without), in the arena. NULL: too long, or
 * out of memory: there is none then. */
static char *path_text(objects *o, int32_t from, const ufi_bytes *last) {
  char text[PATH_MAX_SIZE];
  size_t at = sizeof text;
  text[--at] = 0;
  if (last && !prepend(text, &at, *last)) return NULL;
  for (int32_t e = o->nodes[from].by; e != NONE; e = o->nodes[o->edges[e].from].by) {
    if (text[at] && at > 0) text[--at] = '/';
    if (!prepend(text, &at, o->edges[e].name)) return NULL;
  }
  return ufi_arena_string(o->source->arena, text + at, sizeof text - 1 - at);
}

/* ---- names -------------------------------------------------------------------------------- */

static void name_attribute(objects *o, const attribute *a) {
  uf_variable *v = &o->variables[a->variable];
  if (v->path) return; /* two objects claim it: the first */
  const node *n = &o->nodes[a->node];
  v->path = path_text(o, a->node, NULL);
  if (n->in_optimizer) v->role = UF_ROLE_OPTIMIZER;
  char *name = a->full_name.size ? text_of(o, a->full_name) : NULL;
  if (name) v->name = name;
  else if (v->path && v->path[0]) v->name = v->path;
}

static void name_slot(objects *o, const slot *s) {
  int32_t i = o->nodes[s->node].variable, of = o->nodes[s->of].variable;
  if (i == NONE) return;
  uf_variable *v = &o->variables[i];
  v->role = UF_ROLE_SLOT;
  v->slot = text_of(o, s->name);
  v->of = of;
}

/* Slots hang on no edge; their path is that of their variable, as in keys. */
static void path_slot(objects *o, const slot *s) {
  static const char end[] = "/.ATTRIBUTES/VARIABLE_VALUE";
  int32_t i = o->nodes[s->node].variable;
  if (i == NONE || o->nodes[s->node].seen) return;
  const char *key = o->variables[i].entry->name;
  size_t size = strlen(key), e = sizeof end - 1;
  if (size > e && strcmp(key + size - e, end) == 0)
    o->variables[i].path = ufi_arena_string(o->source->arena, key, size - e);
}

/* All edges but those of the paths, counted, then as text. */
static bool add_aliases(objects *o) {
  int32_t *counts = ufi_calloc(o->n_variables + 1, sizeof *counts);
  bool good = counts != NULL;
  for (int32_t e = 0; good && e < o->n_edges; e++) {
    const node *to = &o->nodes[o->edges[e].to];
    if (to->variable != NONE && to->by != e && o->nodes[o->edges[e].from].seen &&
        o->edges[e].to != 0)
      counts[to->variable] += counts[to->variable] < ALIASES_MAX;
  }
  for (int32_t e = 0; good && e < o->n_edges; e++) {
    const edge *it = &o->edges[e];
    const node *to = &o->nodes[it->to];
    if (to->variable == NONE || to->by == e || !o->nodes[it->from].seen || it->to == 0) continue;
    uf_variable *v = &o->variables[to->variable];
    if (v->n_aliases >= counts[to->variable] || o->alias_bytes > ALIAS_BYTES_MAX) continue;
    if (!v->aliases)
      v->aliases = ufi_arena_array(o->source->arena, (size_t)counts[to->variable], sizeof(char *));
    char *text = v->aliases ? path_text(o, it->from, &it->name) : NULL;
    if (!text) continue;
    o->alias_bytes += strlen(text);
    ((const char **)v->aliases)[v->n_aliases++] = text;
  }
  ufi_free(counts);
  return good;
}

/* A name that is taken gives way to the path, then to the key, then to a number. */
static bool make_unique(objects *o) {
  ufi_names *used = ufi_names_create(o->n_variables);
  bool good = used != NULL;
  for (size_t i = 0; i < o->n_variables && good; i++) {
    uf_variable *v = &o->variables[i];
    if (ufi_names_find(used, v->name) >= 0 && v->path && v->path[0]) v->name = v->path;
    if (ufi_names_find(used, v->name) >= 0) v->name = v->entry->name;
    for (int k = 2; ufi_names_find(used, v->name) >= 0 && good; k++) {
      size_t size = strlen(v->entry->name);
      char *text = ufi_arena_alloc(o->source->arena, size + 16);
      good = text != NULL;
      if (!good) break;
      memcpy(text, v->entry->name, size);
      text[size] = '~';
      int digits = 0;
      for (int rest = k; rest; rest /= 10) digits++;
      for (int rest = k, d = digits; d > 0; rest /= 10) text[size + (size_t)d--] = (char)('0' + rest % 10);
      v->name = text;
    }
    good = good && ufi_names_add(used, v->name, (int32_t)i);
  }
  ufi_names_destroy(used);
  return good;
}

static bool name_all(objects *o, ufi_proto graph) {
  if (!allocate(o)) return false;
  parse_nodes(graph, o);
  if (!find_paths(o)) return false;
  for (int32_t i = 0; i < o->n_attributes; i++) name_attribute(o, &o->attributes[i]);
  for (int32_t i = 0; i < o->n_slots; i++) {
    path_slot(o, &o->slots[i]);
    name_slot(o, &o->slots[i]);
  }
  return add_aliases(o) && make_unique(o);
}

uf_status ufi_objects_name(uf_source *source, const void *message, size_t size,
                           uf_variable *variables, size_t n, uf_error *error) {
  objects o = {.source = source, .variables = variables, .n_variables = n};
  ufi_proto graph = ufi_proto_of(message, size);
  uf_status status = UF_OK;
  if (!count_parts(graph, &o))
    status = ufi_fail(error, UF_DATA_LOSS, "%s: '_CHECKPOINTABLE_OBJECT_GRAPH': expected an object "
                      "graph, found damaged bytes; tensors can be read by their keys", source->path);
  else if (!name_all(&o, graph))
    status = ufi_no_memory(error, n * sizeof *variables);
  ufi_free(o.nodes);
  ufi_free(o.edges);
  ufi_free(o.attributes);
  ufi_free(o.slots);
  ufi_names_destroy(o.keys);
  return status == UF_OK ? ufi_variables_by_name(source, variables, n, error) : status;
}
