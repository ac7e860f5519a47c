/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_show.c: `unflow show`, one tensor with its details and values.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const char help[] =
  "usage: unflow show [OPTION...] SOURCE NAME\n"
  "\n"
  "Prints an array as NumPy does, with its details, or a part of it: NAME[2:5, 0] (then no more\n"
  "than that is read). NAME is the key in the file, the variable's name, or its path.\n"
  "\n"
  "Of a .tflite: a constant; a variable, by its name or\n"
  "by a handle's (its value after the model's initialisers ran); a table; a state tensor; and\n"
  "after --run also inputs, outputs and intermediates. NAME is a tensor's or a variable's name,\n"
  "or #12 for the tensor of that index (--graph chooses among several graphs).\n"
  "\n"
  "      --full         all elements, however many\n"
  "      --dequantize   real values in place of quantized ones\n"
  "      --run          run the model first\n";
static const char help_end[] =
  "      --file         NAME is a file packed with the model: its bytes, as they are\n"
  "      --json         print JSON, all elements as nested lists\n"
  "\n"
  "examples:\n"
  "  unflow show ckpt/model.ckpt-1000 'embedding[10:12]'\n"
  "  unflow show model.tflite dense/kernel --dequantize\n"
  "  unflow show model.tflite '#17' --full\n"
  "  unflow show model.tflite conv1/Relu6 --run --input x=x.npy\n"
  "  unflow show model.tflite conv1/Relu6 --random 1\n"
  "  unflow show model.tflite --file labels.txt\n";

typedef struct show {
  const char *path, *name;
  run_options run;
  bool full, dequantize, json, file;
} show;

/* What is to be shown. */
typedef struct subject {
  const char *name, *kind;
  int32_t graph, index;         /* -1: none */
  uf_tensor value, keys;        /* keys: tables */
  bool has_keys;
  const uf_quant *quant;        /* before dequantizing */
  uf_dtype dtype;
} subject;

/* ---- finding ---------------------------------------------------------------------------- */

/* What a run would give is told with the options that make one. */
static bool fail_read(const show *s, uf_status status, const uf_error *error) {
  bool not_run = status == UF_FAILED_PRECONDITION && !s->run.run;
  fail("%s%s", error->message, not_run ? " (--run, with --input or --random SEED)" : "");
  return false;
}

static bool read_value(const show *s, uf_model *model, uf_session *session, int32_t graph,
                       int32_t value, subject *out) {
  uf_error error = {0};
  graph_view g;
  if (!graph_view_create(model, graph, &g, &error)) {
    fail_error(&error);
    return false;
  }
  bool constant = g.kinds[value] == KIND_CONSTANT;
  *out = (subject){.name = g.values[value].name, .kind = kind_name(g.kinds[value]),
                   .graph = graph, .index = value};
  graph_view_free(&g);
  uf_status status = constant ? uf_model_constant(model, graph, value, &out->value, &error)
                              : uf_session_read(session, graph, value, &out->value, &error);
  return status == UF_OK || fail_read(s, status, &error);
}

static bool read_state(const show *s, uf_session *session, int32_t i, subject *out) {
  uf_error error = {0};
  uf_state_info info;
  uf_status status = uf_session_state(session, i, &info, &error);
  if (status == UF_OK) {
    *out = (subject){.name = info.name, .graph = info.graph, .index = info.value,
                     .has_keys = info.kind == UF_STATE_TABLE,
                     .kind = info.kind == UF_STATE_TABLE ? "table"
                             : info.kind == UF_STATE_VARIABLE ? "variable" : "state"};
    status = uf_session_state_read(session, i, &out->value, &error);
  }
  if (status == UF_OK && out->has_keys) {
    status = uf_session_state_keys(session, i, &out->keys, &error);
    if (status != UF_OK) uf_tensor_release(&out->value);
  }
  return status == UF_OK || fail_read(s, status, &error);
}

/* Tensors first, then variables and tables; a name of neither is answered with
 * the names near it. */
static bool find(const show *s, uf_model *model, uf_session *session, subject *out) {
  uf_error error = {0};
  int32_t graph, value, i;
  if (find_value(model, s->name, s->run.graph, &graph, &value, &error))
    return read_value(s, model, session, graph, value, out);
  if (uf_session_find_state(session, s->name, &i, NULL) == UF_OK)
    return read_state(s, session, i, out);
  fail_error(&error);
  return false;
}

/* ---- printing ------------------------------------------------------------------------------ */

static void print_line(const char *label, text *value) { print_field(7, label, value); }

static void print_details(const subject *s) {
  text line = {0};
  text_name(&line, s->name);
  print_line("name", &line);
  text_string(&line, s->kind);
  if (s->index >= 0) text_format(&line, ", tensor %d of graph %d", (int)s->index, (int)s->graph);
  print_line("kind", &line);
  text_string(&line, uf_dtype_name(s->dtype));
  if (s->value.dtype != s->dtype) text_format(&line, " as %s", uf_dtype_name(s->value.dtype));
  print_line("dtype", &line);
  text_shape(&line, s->value.rank, s->value.dims);
  text_string(&line, ", ");
  text_count(&line, (uint64_t)uf_tensor_count(&s->value));
  text_string(&line, " elements, ");
  text_bytes(&line, s->value.size);
  print_line("shape", &line);
  if (s->quant && s->quant->count > 0) {
    text_quant(&line, s->quant);
    print_line("quant", &line);
  }
  if (print_range(&s->value, &line)) print_line("range", &line);
  free(line.data);
}

static void print_text(const show *s, const subject *x) {
  int64_t threshold = s->full ? INT64_MAX : 1000;
  print_details(x);
  puts("");
  if (x->has_keys) {
    printf("keys (%s)\n", uf_dtype_name(x->keys.dtype));
    print_array(&x->keys, threshold, stdout);
    puts("values");
  }
  print_array(&x->value, threshold, stdout);
}

static void print_json(const subject *x) {
  json j = {.out = stdout};
  json_object(&j, NULL, false);
  json_string(&j, "name", x->name);
  json_string(&j, "kind", x->kind);
  json_int(&j, "graph", x->graph);
  json_int(&j, "index", x->index);
  json_string(&j, "dtype", uf_dtype_name(x->dtype));
  json_dims(&j, "shape", x->value.rank, x->value.dims);
  json_quant(&j, "quantization", x->quant, true);
  if (x->has_keys) json_string(&j, "key_dtype", uf_dtype_name(x->keys.dtype));
  if (x->has_keys) json_tensor(&j, "keys", &x->keys);
  json_string(&j, "value_dtype", uf_dtype_name(x->value.dtype));
  json_tensor(&j, "value", &x->value);
  json_end(&j, '}');
}

/* ---- the command ---------------------------------------------------------------------------- */

static int show_from(const show *s, uf_model *model) {
  uf_error error = {0};
  ports p = {0};
  uf_session *session = NULL;
  if (!ports_create(model, &s->run, &p, &error)) return fail_error(&error);
  bool good = run_model(model, &s->run, &p, &session);
  subject x = {0};
  good = good && find(s, model, session, &x);
  if (good) {
    x.quant = x.value.quant;
    x.dtype = x.value.dtype;
    if (s->dequantize) good = dequantize(&x.value, x.name);
  }
  if (good && s->json) print_json(&x);
  else if (good) print_text(s, &x);
  uf_tensor_release(&x.value);
  uf_tensor_release(&x.keys);
  uf_session_release(session);
  ports_free(&p);
  return good ? EXIT_OK : EXIT_FAILED;
}

static int parse(show *s, int argc, char **argv) {
  static const struct option options[] = {
    {"full", no_argument, NULL, 'f'}, {"dequantize", no_argument, NULL, 'd'},
    {"file", no_argument, NULL, 'F'}, {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'}, RUN_LONG_OPTIONS, {0}};
  for (int c; (c = getopt_long(argc, argv, ":hji:", options, NULL)) != -1;) {
    int code;
    switch (c) {
      case 'h':
        fputs(help, stdout);
        fputs(run_options_help, stdout);
        fputs(help_end, stdout);
        exit(EXIT_OK);
      case 'f': s->full = true; break;
      case 'd': s->dequantize = true; break;
      case 'F': s->file = true; break;
      case 'j': s->json = true; break;
      default:
        code = run_option(&s->run, "show", c, optarg);
        if (code != EXIT_OK) return code < 0 ? usage_getopt(argv, c) : code;
    }
  }
  if (argc - optind != 2) return usage("show", "expected a source and a name, found %d words", argc - optind);
  if (s->file && (s->full || s->dequantize || s->json || s->run.run))
    return usage("show", "--file writes the bytes of a packed file; leave the other options out");
  s->path = argv[optind];
  s->name = argv[optind + 1];
  return EXIT_OK;
}

int cmd_show(int argc, char **argv) {
  show s = {.run = run_options_default()};
  int code = parse(&s, argc, argv);
  if (code == EXIT_OK && !is_model(s.path)) {
    if (s.file) code = usage("show", "--file is for a .tflite, and '%s' is none", s.path);
    else if (s.run.run) code = usage("show", "options for runs are for a .tflite, and '%s' is none", s.path);
    else code = source_show(s.path, s.name, s.full, s.dequantize, s.json);
    run_options_free(&s.run);
    return code;
  }
  uf_model *model = code == EXIT_OK ? open_model(s.path) : NULL;
  if (model) code = s.file ? show_file(model, s.name) : show_from(&s, model);
  else if (code == EXIT_OK) code = EXIT_FAILED;
  uf_model_release(model);
  run_options_free(&s.run);
  return code;
}
