/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_info.c: `unflow info`, what a model is.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const char help[] =
  "usage: unflow info [--json] [SOURCE]\n"
  "\n"
  "Says what a file is: its format, how many arrays, parameters and bytes; of a .tflite its graphs\n"
  "with inputs and outputs, signatures, ops and how often each occurs, metadata, packed files, and\n"
  "all that will not run. Without a file: this program's version and the instruction set it uses.\n"
  "\n"
  "      --json   print JSON\n"
  "\n"
  "examples:\n"
  "  unflow info ckpt/model.ckpt-1000\n"
  "  unflow info model.tflite\n"
  "  unflow info model.tflite --json | jq .signatures\n";

/* ---- ops of the model ------------------------------------------------------------------ */

typedef struct op_count {
  const char *op;
  int32_t count;
  bool supported;
} op_count;

typedef struct op_counts {
  op_count *list;
  size_t n;
} op_counts;

/* Kinds of ops are few (at most a few hundred, custom ones included, unless the
 * file is hostile: then the list is cut). */
static void count_op(op_counts *c, const uf_node_info *node) {
  enum { MOST = 4096 };
  for (size_t i = 0; i < c->n; i++)
    if (strcmp(c->list[i].op, node->op) == 0) {
      c->list[i].count++;
      c->list[i].supported &= node->supported;
      return;
    }
  if (c->n == MOST) return;
  c->list = xrealloc(c->list, c->n + 1, sizeof *c->list);
  c->list[c->n++] = (op_count){node->op, 1, node->supported};
}

static int more_often(const void *a, const void *b) {
  const op_count *x = a, *y = b;
  return x->count != y->count ? (x->count < y->count ? 1 : -1) : strcmp(x->op, y->op);
}

static op_counts count_ops(const uf_model *model, int32_t n_graphs) {
  op_counts c = {0};
  for (int32_t g = 0; g < n_graphs; g++) {
    uf_graph_info graph;
    if (uf_model_graph(model, g, &graph, NULL) != UF_OK) continue;
    for (int32_t i = 0; i < graph.n_nodes; i++) {
      uf_node_info node;
      if (uf_model_node(model, g, i, &node, NULL) == UF_OK) count_op(&c, &node);
    }
  }
  if (c.n) qsort(c.list, c.n, sizeof *c.list, more_often);
  return c;
}

/* ---- text -------------------------------------------------------------------------------- */

static void print_name(const char *before, const char *name, const char *after) {
  text t = {0};
  text_name(&t, name);
  printf("%s%s%s", before, t.data, after);
  free(t.data);
}

static void add_port(table *t, const uf_model *model, int32_t graph, const char *role,
                     const char *name, int32_t value) {
  uf_value_info v;
  text cell = {0};
  if (uf_model_value(model, graph, value, &v, NULL) != UF_OK) return;
  table_cell(t, "  %s", role);
  table_cell(t, "%d", (int)value);
  table_cell(t, "%s", uf_dtype_name(v.dtype));
  text_value_shape(&cell, &v);
  table_text(t, &cell);
  text_quant(&cell, v.quant);
  table_text(t, &cell);
  text_name(&cell, name ? name : v.name);
  if (name && strcmp(name, v.name) != 0) {
    text_string(&cell, " = ");
    text_name(&cell, v.name);
  }
  table_text(t, &cell);
}

static void print_ports(const uf_model *model, int32_t graph, const char *const *in_names,
                        const int32_t *in, int32_t n_in, const char *const *out_names,
                        const int32_t *out, int32_t n_out) {
  static const char *const headers[] = {"", "INDEX", "DTYPE", "SHAPE", "QUANTIZATION", "NAME"};
  table *t = table_create(headers, "lrllll");
  for (int32_t i = 0; i < n_in; i++)
    add_port(t, model, graph, "input", in_names ? in_names[i] : NULL, in[i]);
  for (int32_t i = 0; i < n_out; i++)
    add_port(t, model, graph, "output", out_names ? out_names[i] : NULL, out[i]);
  table_print(t, stdout);
}

static void print_graphs(const uf_model *model, const uf_model_info *info) {
  for (int32_t g = 0; g < info->n_graphs; g++) {
    uf_graph_info graph;
    if (uf_model_graph(model, g, &graph, NULL) != UF_OK) continue;
    printf("\ngraph %d ", (int)g);
    print_name("'", graph.name, "'");
    printf(": %d tensors, %d ops\n", (int)graph.n_values, (int)graph.n_nodes);
    if (graph.n_inputs + graph.n_outputs > 0)
      print_ports(model, g, NULL, graph.inputs, graph.n_inputs, NULL, graph.outputs, graph.n_outputs);
  }
}

static void print_signatures(const uf_model *model, const uf_model_info *info) {
  for (int32_t i = 0; i < info->n_signatures; i++) {
    uf_signature_info s;
    if (uf_model_signature(model, i, &s, NULL) != UF_OK) continue;
    print_name("\nsignature '", s.key, "'");
    printf(" (graph %d)\n", (int)s.graph);
    print_ports(model, s.graph, s.input_names, s.inputs, s.n_inputs, s.output_names, s.outputs,
                s.n_outputs);
  }
}

static void print_ops(const op_counts *c) {
  static const char *const headers[] = {"COUNT", "OP", ""};
  if (c->n == 0) return;
  puts("");
  table *t = table_create(headers, "rll");
  for (size_t i = 0; i < c->n; i++) {
    text cell = {0};
    table_cell(t, "%d", (int)c->list[i].count);
    text_name(&cell, c->list[i].op);
    table_text(t, &cell);
    table_cell(t, "%s", c->list[i].supported ? "" : "does not run");
  }
  table_print(t, stdout);
}

static void print_rest(uf_model *model, const uf_model_info *info) {
  print_extras(model, info);
  uf_session *session;
  const char *reason;
  if (uf_session_create(model, NULL, &session, NULL) != UF_OK) return;
  for (int32_t i = 0; (reason = uf_session_unsupported(session, i)) != NULL; i++) {
    if (i == 0) puts("\nwhat will not run; all the rest does");
    print_name("  ", reason, "\n");
  }
  uf_session_release(session);
}

static void print_text(uf_model *model, const uf_model_info *info, const op_counts *ops) {
  text size = {0};
  text_bytes(&size, info->file_size);
  print_name("file         ", info->path, "\n");
  printf("format       %s, schema version %d\n", info->format, (int)info->version);
  printf("size         %s (%zu bytes)\n", size.data, info->file_size);
  if (info->description[0]) print_name("description  ", info->description, "\n");
  printf("runs with    unflow %s, %s kernels\n", uf_version(), uf_isa());
  print_graphs(model, info);
  print_signatures(model, info);
  print_ops(ops);
  print_rest(model, info);
  free(size.data);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void json_ports(json *j, const uf_model *model, const char *key, int32_t graph,
                       const char *const *names, const int32_t *values, int32_t n) {
  json_array(j, key, false);
  for (int32_t i = 0; i < n; i++) {
    uf_value_info v;
    if (uf_model_value(model, graph, values[i], &v, NULL) != UF_OK) continue;
    json_object(j, NULL, true);
    json_string(j, "name", names ? names[i] : v.name);
    json_string(j, "tensor", v.name);
    json_int(j, "index", values[i]);
    json_string(j, "dtype", uf_dtype_name(v.dtype));
    json_dims(j, "shape", v.rank, v.dims);
    json_dims(j, "shape_signature", v.signature_rank > 0 ? v.signature_rank : v.rank,
              v.signature_rank > 0 ? v.dims_signature : v.dims);
    json_quant(j, "quantization", v.quant, true);
    json_end(j, '}');
  }
  json_end(j, ']');
}

static void json_graphs(json *j, const uf_model *model, const uf_model_info *info) {
  json_array(j, "graphs", false);
  for (int32_t g = 0; g < info->n_graphs; g++) {
    uf_graph_info graph;
    if (uf_model_graph(model, g, &graph, NULL) != UF_OK) continue;
    json_object(j, NULL, false);
    json_int(j, "index", g);
    json_string(j, "name", graph.name);
    json_int(j, "tensors", graph.n_values);
    json_int(j, "nodes", graph.n_nodes);
    json_ports(j, model, "inputs", g, NULL, graph.inputs, graph.n_inputs);
    json_ports(j, model, "outputs", g, NULL, graph.outputs, graph.n_outputs);
    json_end(j, '}');
  }
  json_end(j, ']');
  json_array(j, "signatures", false);
  for (int32_t i = 0; i < info->n_signatures; i++) {
    uf_signature_info s;
    if (uf_model_signature(model, i, &s, NULL) != UF_OK) continue;
    json_object(j, NULL, false);
    json_string(j, "key", s.key);
    json_int(j, "graph", s.graph);
    json_ports(j, model, "inputs", s.graph, s.input_names, s.inputs, s.n_inputs);
    json_ports(j, model, "outputs", s.graph, s.output_names, s.outputs, s.n_outputs);
    json_end(j, '}');
  }
  json_end(j, ']');
}

static void json_lists(json *j, uf_model *model, const uf_model_info *info,
                       const op_counts *ops) {
  json_array(j, "ops", false);
  for (size_t i = 0; i < ops->n; i++) {
    json_object(j, NULL, true);
    json_string(j, "op", ops->list[i].op);
    json_int(j, "count", ops->list[i].count);
    json_bool(j, "supported", ops->list[i].supported);
    json_end(j, '}');
  }
  json_end(j, ']');
  json_extras(j, model, info);
  json_array(j, "unsupported", false);
  uf_session *session;
  const char *reason;
  if (uf_session_create(model, NULL, &session, NULL) == UF_OK) {
    for (int32_t i = 0; (reason = uf_session_unsupported(session, i)) != NULL; i++) json_string(j, NULL, reason);
    uf_session_release(session);
  }
  json_end(j, ']');
}

static void json_about(json *j) {
  json_string(j, "unflow", uf_version());
  json_string(j, "isa", uf_isa());
}

static void print_json(uf_model *model, const uf_model_info *info, const op_counts *ops) {
  json j = {.out = stdout};
  json_object(&j, NULL, false);
  json_string(&j, "path", info->path);
  json_string(&j, "format", info->format);
  json_int(&j, "version", info->version);
  json_string(&j, "description", info->description);
  json_uint(&j, "bytes", info->file_size);
  json_about(&j);
  json_graphs(&j, model, info);
  json_lists(&j, model, info, ops);
  json_end(&j, '}');
}

/* ---- the command -------------------------------------------------------------------------------- */

static int about(bool as_json) {
  json j = {.out = stdout};
  if (as_json) {
    json_object(&j, NULL, false);
    json_about(&j);
    json_end(&j, '}');
  } else {
    printf("unflow %s, %s kernels\n", uf_version(), uf_isa());
  }
  return EXIT_OK;
}

int cmd_info(int argc, char **argv) {
  static const struct option options[] = {
    {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
  bool as_json = false;
  for (int c; (c = getopt_long(argc, argv, ":hj", options, NULL)) != -1;) {
    if (c == 'h') return fputs(help, stdout) < 0;
    if (c != 'j') return usage_getopt(argv, c);
    as_json = true;
  }
  if (optind == argc) return about(as_json);
  if (optind + 1 < argc) return usage("info", "one model at a time, not '%s' too", argv[optind + 1]);
  if (!is_model(argv[optind])) return source_info(argv[optind], as_json);
  uf_model *model = open_model(argv[optind]);
  if (!model) return EXIT_FAILED;
  uf_model_info info;
  uf_model_describe(model, &info);
  op_counts ops = count_ops(model, info.n_graphs);
  if (as_json) print_json(model, &info, &ops);
  else print_text(model, &info, &ops);
  free(ops.list);
  uf_model_release(model);
  return EXIT_OK;
}
