/* SPDX-License-Identifier: Apache-2.0
 *
 * verify.c: the last step of making a model, whatever it was made from: links
 * values to the nodes that make them, checks that nodes may run one after the
 * other, names them, and lists what cannot run and why.
 *
 * A graph whose order or links contradict themselves is an error. A node that
 * cannot run is only marked: all that does not need it still works.
 */
#include <stdarg.h>
#include <stdio.h>

#include "graph/graph.h"

/* Graphs may call each other this deep; the executor recurses as deep, 2.5 KB of the stack each time. */
#define MAX_CALL_DEPTH 64

typedef struct checker {
  uf_model *model;
  uf_error *error;
  uint8_t *is_input; /* by value of the graph in hand */
} checker;

/* A printf into the arena; NULL (error set) when out of memory. */
static UF_PRINTF(2, 3) const char *text(const checker *c, const char *format, ...) {
  char buffer[1024];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(buffer, sizeof buffer, format, args);
  va_end(args);
  size_t size = n < 0 ? 0 : UFI_MIN((size_t)n, sizeof buffer - 1);
  if (ufi_arena_used(c->model->arena) > ufi_model_limit(c->model)) {
    ufi_fail(c->error, UF_RESOURCE_EXHAUSTED, "expected a model that takes at most %zu bytes of "
             "memory, found one with so much that is wrong that saying it takes more; the file is "
             "damaged or made to harm", ufi_model_limit(c->model));
    return NULL;
  }
  const char *copy = ufi_arena_string(c->model->arena, buffer, size);
  if (!copy) ufi_no_memory(c->error, size);
  return copy;
}

/* Marks node, unless it is marked already. */
#define MARK(c, node, ...)                                            \
  do {                                                                \
    if (!(node)->unsupported) {                                       \
      (node)->unsupported = text(c, __VA_ARGS__);                     \
      if (!(node)->unsupported) return UF_RESOURCE_EXHAUSTED;         \
    }                                                                 \
  } while (0)

/* ---- producers and order ------------------------------------------------------ */

static bool gives_first_value(const checker *c, const ufi_graph *graph, const ufi_node *node) {
  if (!node->op || strcmp(node->op->name, "DEQUANTIZE") != 0 || node->n_in != 1 || node->n_out != 1 || node->in[0] < 0)
    return false;
  const ufi_value *from = &graph->values[node->in[0]], *to = &graph->values[node->out[0]];
  return from->kind == UF_VALUE_CONSTANT && !c->is_input[node->in[0]] && to->kind == UF_VALUE_STATE && !to->initial &&
         !c->is_input[node->out[0]] && to->dtype == UF_FLOAT32 && from->rank == to->rank &&
         memcmp(from->dims, to->dims, sizeof *to->dims * (size_t)UFI_MAX(to->rank, 0)) == 0;
}

/* Converters to float16 write the first value of an LSTM's state as a constant that a DEQUANTIZE
 * turns into the state tensor; TFLite evaluates that once. It is done here. */
static uf_status first_value(checker *c, ufi_graph *graph, ufi_node *node) {
  if (!gives_first_value(c, graph, node)) return UF_OK;
  const ufi_value *from = &graph->values[node->in[0]];
  ufi_value *to = &graph->values[node->out[0]];
  uf_tensor t = {.dtype = from->dtype, .rank = from->rank, .data = (void *)(uintptr_t)from->data, .size = from->size,
                 .quant = from->quant, .read_only = true};
  memcpy(t.dims, from->dims, sizeof t.dims);
  int64_t count = uf_tensor_count(&t);
  float *values = ufi_arena_array(c->model->arena, (size_t)count + 1, sizeof *values);
  if (!values) return ufi_no_memory(c->error, (size_t)count * sizeof *values);
  if (uf_dequantize(&t, values, NULL) != UF_OK) return UF_OK; /* strings and the like: refused as any other */
  to->initial = values;
  to->size = (size_t)count * sizeof *values;
  node->is_first_value = true;
  return UF_OK;
}

static uf_status link_outputs(checker *c, ufi_graph *graph, int32_t i) {
  ufi_node *node = &graph->nodes[i];
  UFI_TRY(first_value(c, graph, node));
  if (node->is_first_value) return UF_OK;
  for (int32_t k = 0; k < node->n_out; k++) {
    ufi_value *value = &graph->values[node->out[k]];
    if (value->producer >= 0) {
      const ufi_node *other = &graph->nodes[value->producer];
      return ufi_fail(c->error, UF_DATA_LOSS, "op #%d %.64s: expected outputs that no other op "
                      "makes, found '%.128s', which op #%d %.64s makes; the file is damaged", (int)i,
                      node->op_name, value->name, (int)value->producer, other->op_name);
    }
    if (value->kind != UF_VALUE_ACTIVATION || c->is_input[node->out[k]]) {
      MARK(c, node, "expected outputs that are computed, found '%.64s', which is %s", value->name,
           value->kind == UF_VALUE_CONSTANT ? "a constant"
           : value->kind == UF_VALUE_STATE ? "a state tensor" : "an input of the graph");
      continue;
    }
    value->producer = i;
  }
  return UF_OK;
}

static uf_status check_inputs(checker *c, ufi_graph *graph, int32_t i) {
  ufi_node *node = &graph->nodes[i];
  for (int32_t k = 0; k < node->n_in; k++) {
    if (node->in[k] < 0) continue;
    const ufi_value *value = &graph->values[node->in[k]];
    if (value->producer >= i) {
      const ufi_node *other = &graph->nodes[value->producer];
      return ufi_fail(c->error, UF_DATA_LOSS, "op #%d %.64s: expected inputs that ops before it "
                      "make, found '%.128s', which op #%d %.64s makes; the file is damaged", (int)i,
                      node->op_name, value->name, (int)value->producer, other->op_name);
    }
    if (value->kind == UF_VALUE_ACTIVATION && value->producer < 0 && !c->is_input[node->in[k]]) {
      MARK(c, node, "expected a value for input %d, found '%.64s', which no op makes and which is "
           "neither a constant nor an input of the graph", (int)k, value->name);
    }
  }
  return UF_OK;
}

static uf_status link_graph(checker *c, ufi_graph *graph) {
  for (int32_t i = 0; i < graph->n_values; i++) graph->values[i].producer = -1;
  for (int32_t i = 0; i < graph->n_inputs; i++) c->is_input[graph->inputs[i]] = 1;
  for (int32_t i = 0; i < graph->n_nodes; i++) UFI_TRY(link_outputs(c, graph, i));
  for (int32_t i = 0; i < graph->n_nodes; i++) UFI_TRY(check_inputs(c, graph, i));
  return UF_OK;
}

/* ---- names and arity ------------------------------------------------------------- */

static uf_status name_node(checker *c, ufi_graph *graph, int32_t i) {
  ufi_node *node = &graph->nodes[i];
  if (node->name) return UF_OK;
  if (node->n_out > 0) node->name = graph->values[node->out[0]].name;
  if (!node->name || node->name[0] == 0) node->name = text(c, "#%d", (int)i);
  return node->name ? UF_OK : UF_RESOURCE_EXHAUSTED;
}

static uf_status check_arity(checker *c, ufi_node *node, const char *what, int32_t n, int32_t min,
                             int32_t max) {
  if (n >= min && (max < 0 || n <= max)) return UF_OK;
  if (max < 0) {
    MARK(c, node, "expected %d or more %s, found %d", (int)min, what, (int)n);
  } else if (min == max) {
    MARK(c, node, "expected %d %s, found %d", (int)min, what, (int)n);
  } else {
    MARK(c, node, "expected %d to %d %s, found %d", (int)min, (int)max, what, (int)n);
  }
  return UF_OK;
}

/* Ops look at their first inputs without asking whether they are there. */
static uf_status check_omitted(checker *c, ufi_node *node) {
  const ufi_op_row *op = node->op;
  if (op->flags & UFI_OMITTABLE) return UF_OK;
  for (int32_t k = 0; k < node->n_in; k++) {
    if (node->in[k] < 0 && (k < op->min_in || op->max_in < 0)) {
      MARK(c, node, "expected input %d, found it omitted", (int)k);
    }
  }
  return UF_OK;
}

static uf_status name_graph(checker *c, ufi_graph *graph) {
  for (int32_t i = 0; i < graph->n_nodes; i++) {
    ufi_node *node = &graph->nodes[i];
    UFI_TRY(name_node(c, graph, i));
    if (!node->op) continue;
    UFI_TRY(check_arity(c, node, "inputs", node->n_in, node->op->min_in, node->op->max_in));
    UFI_TRY(check_arity(c, node, "outputs", node->n_out, node->op->min_out, node->op->max_out));
    UFI_TRY(check_omitted(c, node));
  }
  graph->names = ufi_names_create((size_t)graph->n_values);
  if (!graph->names) return ufi_no_memory(c->error, (size_t)graph->n_values);
  for (int32_t i = 0; i < graph->n_values; i++) {
    const char *name = graph->values[i].name;
    if (name[0] && !ufi_names_add(graph->names, name, i)) return ufi_no_memory(c->error, 16);
  }
  return UF_OK;
}

/* ---- calls among graphs ------------------------------------------------------------ */

/* Tarjan's search for strongly connected components over graphs that call each
 * other, with a stack of its own: files choose how deep it goes. Components
 * come out callees first, so that depth is known when a caller is done. */
typedef struct visit {
  int32_t graph, node, call; /* where to go on */
} visit;

typedef struct call_search {
  int32_t *number;    /* order of discovery, from 1; 0: not seen */
  int32_t *low;       /* the lowest number reachable */
  int32_t *component; /* -1 while open */
  int32_t *depth;     /* of calls below, 0: calls nothing */
  int32_t *open;      /* stack of graphs whose component is open */
  visit *path;
  int32_t n_open, n_path, n_seen, n_components;
} call_search;

/* The at-th graph that a node calls; -1 past the last. */
static int32_t call_of(const ufi_node *node, int32_t at) {
  return node->op && node->op->def->calls && !node->unsupported ? node->op->def->calls(node->attrs, at) : -1;
}

static void enter(call_search *s, int32_t graph) {
  s->number[graph] = s->low[graph] = ++s->n_seen;
  s->open[s->n_open++] = graph;
  s->path[s->n_path++] = (visit){graph, 0, 0};
}

/* The graph on top of the path has no more calls: close its component if it is
 * the component's root, and hand its numbers to its caller. */
static void leave(call_search *s) {
  int32_t graph = s->path[--s->n_path].graph;
  if (s->low[graph] == s->number[graph]) {
    int32_t member;
    do {
      member = s->open[--s->n_open];
      s->component[member] = s->n_components;
      s->depth[member] = s->depth[graph];
    } while (member != graph);
    s->n_components++;
  }
  if (s->n_path == 0) return;
  int32_t caller = s->path[s->n_path - 1].graph;
  s->low[caller] = UFI_MIN(s->low[caller], s->low[graph]);
  s->depth[caller] = UFI_MAX(s->depth[caller], s->depth[graph] + 1);
}

/* The next graph that the graph on top of the path calls, or -1. Ones that do not exist are
 * left out. */
static int32_t next_call(const uf_model *model, visit *v) {
  const ufi_graph *graph = &model->graphs[v->graph];
  for (; v->node < graph->n_nodes; v->node++, v->call = 0) {
    for (int32_t called; (called = call_of(&graph->nodes[v->node], v->call)) >= 0;) {
      v->call++;
      if (called < model->n_graphs) return called;
    }
  }
  return -1;
}

static void search_from(call_search *s, const uf_model *model, int32_t start) {
  enter(s, start);
  while (s->n_path > 0) {
    visit *top = &s->path[s->n_path - 1];
    int32_t graph = top->graph;
    int32_t called = next_call(model, top);
    if (called < 0) {
      leave(s);
    } else if (s->number[called] == 0) {
      enter(s, called);
    } else if (s->component[called] < 0) {
      s->low[graph] = UFI_MIN(s->low[graph], s->number[called]);
    } else {
      s->depth[graph] = UFI_MAX(s->depth[graph], s->depth[called] + 1);
    }
  }
}

static uf_status mark_calls(checker *c, const call_search *s, int32_t g, ufi_node *node) {
  for (int32_t k = 0, called; (called = call_of(node, k)) >= 0; k++) {
    if (called >= c->model->n_graphs) {
      MARK(c, node, "expected a subgraph index from 0 to %d to call, found %d",
           (int)c->model->n_graphs - 1, (int)called);
    } else if (s->component[called] == s->component[g]) {
      MARK(c, node, "expected calls that end, found one of subgraph #%d '%.64s', which calls this "
           "one again", (int)called, c->model->graphs[called].name);
    } else if (s->depth[called] + 1 > MAX_CALL_DEPTH) {
      MARK(c, node, "expected calls of subgraphs at most %d deep, found a call of subgraph #%d, "
           "which goes %d deep", MAX_CALL_DEPTH, (int)called, (int)s->depth[called] + 1);
    }
  }
  return UF_OK;
}

/* Marks after the search is done: a marked node calls nothing any more. */
static uf_status check_calls(checker *c) {
  size_t n = (size_t)c->model->n_graphs;
  int32_t *numbers = ufi_calloc(5 * n + 1, sizeof *numbers);
  visit *path = ufi_calloc(n + 1, sizeof *path);
  uf_status status = numbers && path ? UF_OK : ufi_no_memory(c->error, n * sizeof *path);
  if (status == UF_OK) {
    call_search s = {
      .number = numbers, .low = numbers + n, .component = numbers + 2 * n,
      .depth = numbers + 3 * n, .open = numbers + 4 * n, .path = path,
    };
    for (size_t g = 0; g < n; g++) s.component[g] = -1;
    for (size_t g = 0; g < n; g++) {
      if (s.number[g] == 0) search_from(&s, c->model, (int32_t)g);
    }
    for (size_t g = 0; g < n && status == UF_OK; g++) {
      ufi_graph *graph = &c->model->graphs[g];
      for (int32_t i = 0; i < graph->n_nodes && status == UF_OK; i++) {
        status = mark_calls(c, &s, (int32_t)g, &graph->nodes[i]);
      }
    }
  }
  ufi_free(numbers);
  ufi_free(path);
  return status;
}

/* ---- what cannot run ------------------------------------------------------------------ */

#define LISTED_OUTPUTS 4

static bool is_custom(const ufi_node *node) {
  if (node->dtypes) return true; /* of TensorFlow */
  if (node->op) return node->op->custom_name[0] != 0 || (node->op->flags & UFI_USER);
  for (int32_t code = 0; ufi_tflite_op_name(code); code++) {
    if (strcmp(ufi_tflite_op_name(code), node->op_name) == 0) return false;
  }
  return strncmp(node->op_name, "BUILTIN_", 8) != 0;
}

/* "; outputs 'a', 'b' cannot be computed". */
static void outputs_text(const ufi_graph *graph, const ufi_node *node, char *out, size_t size) {
  size_t used = 0;
  out[0] = 0;
  for (int32_t k = 0; k < UFI_MIN(node->n_out, LISTED_OUTPUTS); k++) {
    int n = snprintf(out + used, size - used, "%s'%.64s'",
                     k > 0 ? ", " : node->n_out > 1 ? "; outputs " : "; output ",
                     graph->values[node->out[k]].name);
    if (n > 0) used = UFI_MIN(used + (size_t)n, size - 1);
  }
  if (node->n_out > LISTED_OUTPUTS) {
    int n = snprintf(out + used, size - used, " and %d more", (int)node->n_out - LISTED_OUTPUTS);
    if (n > 0) used = UFI_MIN(used + (size_t)n, size - 1);
  }
  if (node->n_out > 0) snprintf(out + used, size - used, " cannot be computed");
}

static const char *unsupported_line(const checker *c, int32_t g, int32_t i) {
  const ufi_graph *graph = &c->model->graphs[g];
  const ufi_node *node = &graph->nodes[i];
  char where[64] = "", outputs[400];
  if (c->model->n_graphs > 1) snprintf(where, sizeof where, "subgraph #%d, ", (int)g);
  outputs_text(graph, node, outputs, sizeof outputs);
  return text(c, "%sop #%d %.64s%s '%.64s': %.400s%s", where, (int)i, node->op_name,
              is_custom(node) ? " (custom)" : "", node->name, node->unsupported, outputs);
}

static uf_status list_unsupported(checker *c) {
  int64_t n = 0;
  for (int32_t g = 0; g < c->model->n_graphs; g++) {
    for (int32_t i = 0; i < c->model->graphs[g].n_nodes; i++) {
      n += c->model->graphs[g].nodes[i].unsupported != NULL;
    }
  }
  if (n == 0) return UF_OK;
  const char **lines = ufi_arena_array(c->model->arena, (size_t)n, sizeof *lines);
  if (!lines) return ufi_no_memory(c->error, (size_t)n * sizeof *lines);
  int32_t at = 0;
  for (int32_t g = 0; g < c->model->n_graphs; g++) {
    for (int32_t i = 0; i < c->model->graphs[g].n_nodes; i++) {
      if (!c->model->graphs[g].nodes[i].unsupported) continue;
      lines[at] = unsupported_line(c, g, i);
      if (!lines[at++]) return UF_RESOURCE_EXHAUSTED;
    }
  }
  c->model->unsupported = lines;
  c->model->n_unsupported = at;
  return UF_OK;
}

/* ---- all of it -------------------------------------------------------------------------- */

static uf_status finish_graph(checker *c, int32_t g) {
  ufi_graph *graph = &c->model->graphs[g];
  c->is_input = ufi_calloc((size_t)graph->n_values + 1, 1);
  if (!c->is_input) return ufi_no_memory(c->error, (size_t)graph->n_values + 1);
  uf_status status = link_graph(c, graph);
  if (status == UF_OK) status = name_graph(c, graph);
  ufi_free(c->is_input);
  if (status != UF_OK && c->model->n_graphs > 1) ufi_error_prefix(c->error, "subgraph #%d", (int)g);
  return status;
}

uf_status ufi_model_finish(uf_model *model, uf_error *error) {
  checker c = {.model = model, .error = error};
  for (int32_t g = 0; g < model->n_graphs; g++) UFI_TRY(finish_graph(&c, g));
  UFI_TRY(check_calls(&c));
  return list_unsupported(&c);
}
