/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_ls.c: `unflow ls`, a model's tensors and what lives behind its handles; other sources are
 * source_list.c's.
 */
#include <stdlib.h>

#include "cli.h"

static const char help[] =
  "usage: unflow ls [OPTION...] SOURCE [GLOB...]\n"
  "\n"
  "Lists the arrays of a checkpoint, SavedModel, GraphDef, .npz, .safetensors ...; of a .tflite the\n"
  "tensors, graph by graph, and its variables and tables. With patterns only the names\n"
  "that match one (* matches / too).\n"
  "\n"
  "      --names WHICH    variable (the default), key (as in the file) or path (in the object\n"
  "                       graph); not for a .tflite, nor is\n"
  "      --role LIST      value, constant, slot, optimizer, average, meta; nor is\n"
  "      --no-slots       without what optimizers keep\n"
  "      --kind LIST      only these kinds: input, output, constant, state, resource,\n"
  "                       intermediate, unused (separated by commas)\n"
  "      --exclude GLOB   not these names; may be repeated\n"
  "      --graph N        only this graph; as --kind, of a .tflite\n"
  "      --json           print JSON\n"
  "\n"
  "Kinds: state is a tensor that keeps its value from run to run; a resource is a handle,\n"
  "whose value is that of the variable or table it names.\n"
  "\n"
  "examples:\n"
  "  unflow ls ckpt/model.ckpt-1000 '*kernel*'\n"
  "  unflow ls model.tflite\n"
  "  unflow ls model.tflite --kind constant '*kernel*'\n"
  "  unflow ls model.tflite --json | jq '.graphs[0].tensors[].name'\n";

typedef struct totals {
  uint64_t tensors, constants, values, bytes;
} totals;

typedef struct ls {
  uf_model *model;
  uf_model_info info;
  selection s;
  int32_t graph; /* -1: all */
  totals total;
} ls;

static bool wanted(const ls *l, const graph_view *g, int32_t i) {
  return (l->s.kinds >> g->kinds[i] & 1) && selection_has(&l->s, g->values[i].name);
}

static void count(totals *t, const graph_view *g, int32_t i) {
  const uf_value_info *v = &g->values[i];
  t->tensors++;
  if (g->kinds[i] != KIND_CONSTANT) return;
  t->constants++;
  uint64_t n = 1;
  for (int32_t k = 0; k < v->rank; k++) n *= (uint64_t)v->dims[k];
  t->values += n;
  if (g->bytes[i] > 0) t->bytes += (uint64_t)g->bytes[i];
}

/* ---- tables ------------------------------------------------------------------------- */

static void add_row(table *t, const graph_view *g, int32_t i) {
  const uf_value_info *v = &g->values[i];
  text cell = {0};
  table_cell(t, "%d", (int)i);
  table_cell(t, "%s", kind_name(g->kinds[i]));
  table_cell(t, "%s%s", uf_dtype_name(v->dtype), v->is_sparse ? " sparse" : "");
  text_value_shape(&cell, v);
  table_text(t, &cell);
  if (g->bytes[i] >= 0) text_count(&cell, (uint64_t)g->bytes[i]);
  else text_string(&cell, "-");
  table_text(t, &cell);
  text_quant(&cell, v->quant);
  table_text(t, &cell);
  text_name(&cell, v->name);
  table_text(t, &cell);
}

static bool print_graph(ls *l, int32_t graph) {
  static const char *const headers[] = {"INDEX", "KIND", "DTYPE", "SHAPE", "BYTES", "QUANTIZATION", "NAME"};
  uf_error error = {0};
  graph_view g;
  if (!graph_view_create(l->model, graph, &g, &error)) {
    fail_error(&error);
    return false;
  }
  table *t = table_create(headers, "rlllrll");
  uint64_t before = l->total.tensors;
  for (int32_t i = 0; i < g.info.n_values; i++) {
    if (!wanted(l, &g, i)) continue;
    count(&l->total, &g, i);
    add_row(t, &g, i);
  }
  if (l->info.n_graphs > 1 && l->total.tensors > before) {
    text name = {0};
    text_name(&name, g.info.name);
    printf("%sgraph %d '%s'\n", before ? "\n" : "", (int)graph, name.data);
    free(name.data);
  }
  if (l->total.tensors > before) table_print(t, stdout);
  else table_free(t);
  graph_view_free(&g);
  return true;
}

/* Handles alone do not make a variable known: a session declares them and runs
 * what initialises them. NULL: there are none, or not to be had. */
static uf_session *state_session(ls *l, int32_t *n_out) {
  uf_session *session = NULL;
  uf_error error = {0};
  *n_out = 0;
  if (uf_session_create(l->model, NULL, &session, &error) == UF_OK &&
      uf_session_state_count(session, n_out, &error) == UF_OK)
    return session;
  note("variables are not listed: %s", error.message);
  uf_session_release(session);
  return NULL;
}

static bool state_wanted(const ls *l, uf_session *session, int32_t i, uf_state_info *info) {
  return uf_session_state(session, i, info, NULL) == UF_OK && info->kind != UF_STATE_TENSOR &&
         (l->s.kinds >> KIND_RESOURCE & 1) && selection_has(&l->s, info->name);
}

static void print_states(ls *l) {
  static const char *const headers[] = {"KIND", "DTYPE", "SHAPE", "VALUE", "NAME"};
  int32_t n, shown = 0;
  uf_session *session = state_session(l, &n);
  table *t = table_create(headers, "lllll");
  for (int32_t i = 0; session && i < n; i++) {
    uf_state_info info;
    text cell = {0};
    if (!state_wanted(l, session, i, &info)) continue;
    shown++;
    bool is_table = info.kind == UF_STATE_TABLE;
    table_cell(t, "%s", is_table ? "table" : "variable");
    if (is_table) table_cell(t, "%s: %s", uf_dtype_name(info.key_dtype), uf_dtype_name(info.dtype));
    else table_cell(t, "%s", info.dtype == UF_INVALID ? "?" : uf_dtype_name(info.dtype));
    text_shape(&cell, info.rank, info.dims);
    table_text(t, &cell);
    table_cell(t, "%s", info.initialized ? "assigned" : "none yet");
    if (info.container[0]) text_name(&cell, info.container);
    if (info.container[0]) text_string(&cell, "/");
    text_name(&cell, info.name);
    table_text(t, &cell);
  }
  if (shown) {
    puts("\nvariables and tables");
    table_print(t, stdout);
  } else {
    table_free(t);
  }
  uf_session_release(session);
}

static void print_totals(const totals *t) {
  text line = {0};
  text_string(&line, "\n");
  text_count(&line, t->tensors);
  text_format(&line, " tensor%s", t->tensors == 1 ? "" : "s");
  if (t->constants) {
    text_string(&line, "; ");
    text_amount(&line, t->constants, "constant", t->values, t->bytes);
  }
  puts(line.data);
  free(line.data);
}

/* ---- JSON ------------------------------------------------------------------------------ */

static bool json_graph(ls *l, json *j, int32_t graph) {
  uf_error error = {0};
  graph_view g;
  if (!graph_view_create(l->model, graph, &g, &error)) {
    fail_error(&error);
    return false;
  }
  json_object(j, NULL, false);
  json_int(j, "index", graph);
  json_string(j, "name", g.info.name);
  json_array(j, "tensors", false);
  for (int32_t i = 0; i < g.info.n_values; i++) {
    if (!wanted(l, &g, i)) continue;
    count(&l->total, &g, i);
    json_value(j, &g, i, false);
  }
  json_end(j, ']');
  json_end(j, '}');
  graph_view_free(&g);
  return true;
}

static void json_states(ls *l, json *j) {
  int32_t n;
  uf_session *session = state_session(l, &n);
  json_array(j, "variables", false);
  for (int32_t i = 0; session && i < n; i++) {
    uf_state_info info;
    if (!state_wanted(l, session, i, &info)) continue;
    json_object(j, NULL, true);
    json_string(j, "name", info.name);
    json_string(j, "container", info.container);
    json_string(j, "kind", info.kind == UF_STATE_TABLE ? "table" : "variable");
    json_string(j, "dtype", uf_dtype_name(info.dtype));
    if (info.kind == UF_STATE_TABLE) json_string(j, "key_dtype", uf_dtype_name(info.key_dtype));
    json_dims(j, "shape", info.rank, info.dims);
    json_bool(j, "initialized", info.initialized);
    json_end(j, '}');
  }
  json_end(j, ']');
  uf_session_release(session);
}

static bool print_json(ls *l) {
  json j = {.out = stdout};
  bool good = true;
  json_object(&j, NULL, false);
  json_string(&j, "path", l->info.path);
  json_array(&j, "graphs", false);
  for (int32_t g = 0; g < l->info.n_graphs && good; g++)
    if (l->graph < 0 || l->graph == g) good = json_graph(l, &j, g);
  json_end(&j, ']');
  json_states(l, &j);
  json_object(&j, "totals", true);
  json_uint(&j, "tensors", l->total.tensors);
  json_uint(&j, "constants", l->total.constants);
  json_uint(&j, "parameters", l->total.values);
  json_uint(&j, "bytes", l->total.bytes);
  json_end(&j, '}');
  json_end(&j, '}');
  return good;
}

/* ---- the command --------------------------------------------------------------------------- */

static bool print_tables(ls *l) {
  for (int32_t g = 0; g < l->info.n_graphs; g++)
    if ((l->graph < 0 || l->graph == g) && !print_graph(l, g)) return false;
  if (l->graph < 0) print_states(l);
  print_totals(&l->total);
  return true;
}

static int list(ls *l, const char *path, bool as_json) {
  l->model = open_model(path);
  if (!l->model) return EXIT_FAILED;
  uf_model_describe(l->model, &l->info);
  bool good;
  if (l->graph >= l->info.n_graphs) {
    fail("expected a graph below %d, found %d", (int)l->info.n_graphs, (int)l->graph);
    good = false;
  } else {
    good = as_json ? print_json(l) : print_tables(l);
  }
  uf_model_release(l->model);
  return good ? EXIT_OK : EXIT_FAILED;
}

int cmd_ls(int argc, char **argv) {
  static const struct option options[] = {
    {"kind", required_argument, NULL, 'k'}, {"exclude", required_argument, NULL, 'x'},
    {"glob", required_argument, NULL, 'g'}, {"graph", required_argument, NULL, 'G'},
    {"names", required_argument, NULL, 'n'}, {"role", required_argument, NULL, 'r'}, {"no-slots", no_argument, NULL, 's'},
    {"json", no_argument, NULL, 'j'},       {"help", no_argument, NULL, 'h'}, {0}};
  naming names = {.all = true};
  ls l = {.graph = -1, .s = {.kinds = (1u << KIND_COUNT) - 1}};
  bool as_json = false;
  for (int c; (c = getopt_long(argc, argv, ":hj", options, NULL)) != -1;) {
    int64_t n;
    switch (c) {
      case 'h': return fputs(help, stdout) < 0;
      case 'j': as_json = true; break;
      case 'g': selection_include(&l.s, optarg); break;
      case 'x': selection_exclude(&l.s, optarg); break;
      case 'k':
        if (!kinds_parse(optarg, &l.s.kinds)) return usage("ls", "--kind does not know '%s'", optarg);
        break;
      case 'G':
        if (!parse_int(optarg, 0, INT32_MAX, &n)) return usage("ls", "--graph wants a number, not '%s'", optarg);
        l.graph = (int32_t)n;
        break;
      case 'n':
        if (!naming_parse(&names, optarg))
          return usage("ls", "--names wants variable, key or path, not '%s'", optarg);
        break;
      case 'r':
        if (!roles_parse(optarg, &names.roles)) return usage("ls", "--role does not know '%s'", optarg);
        break;
      case 's': names.no_slots = true; break;
      default: return usage_getopt(argv, c);
    }
  }
  if (optind == argc) return usage("ls", "which source?");
  const char *path = argv[optind++];
  for (; optind < argc; optind++) selection_include(&l.s, argv[optind]);
  int code = is_model(path) ? list(&l, path, as_json) : source_ls(path, &l.s, &names, as_json);
  selection_free(&l.s);
  return code;
}
