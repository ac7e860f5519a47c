/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_extract.c: `unflow extract`, tensors to files.
 *
 * First the list of what is to be written, with a name that nothing else has,
 * then one array after the other: only one is in memory at a time. Ctrl-C removes
 * what was written, as every failure does.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

static const char help[] =
  "usage: unflow extract [OPTION...] MODEL [GLOB...] -o OUT.npz\n"
  "       unflow extract [OPTION...] MODEL [GLOB...] -o FOLDER/\n"
  "\n"
  "Writes a model's constants, variables, tables and state tensors as NumPy arrays: to a .npz,\n"
  "or to a folder with a .npy each and an index.json that says what they are. Either\n"
  "appears whole or not at all.\n"
  "\n"
  "  -o, --output PATH           a new .npz, or a folder (with a / at its end, or there already,\n"
  "                              and empty)\n"
  "      --glob GLOB             only names that match (* matches / too); may be repeated,\n"
  "                              and is the same as GLOB behind the model\n"
  "      --exclude GLOB          not these; may be repeated\n"
  "      --kind LIST             constant, state, resource (the default), and after a run also\n"
  "                              input, output, intermediate, or all\n"
  "      --dequantize            real values (float32) in place of quantized ones\n"
  "      --compress[=LEVEL]      compress the .npz, level 1 to 12 (default 6)\n"
  "      --run                   run the model first\n";
static const char help_end[] =
  "      --json                  print JSON about what was written\n"
  "\n"
  "Names: a variable has its own, a table gives NAME/keys and NAME/values, all others are the\n"
  "tensors' (#12 for the tensor of index 12 if it has none). What would have a name for the\n"
  "second time gets NAME~2, NAME~3 and so on.\n"
  "Files in a folder are named after the tensors, with control characters, / \\ : * ? \" < > | %\n"
  "and a dot in front as %XX, as in URLs (so 'a/b' is a%2Fb.npy), cut at 200 bytes.\n"
  "\n"
  "examples:\n"
  "  unflow extract model.tflite -o weights.npz\n"
  "  unflow extract model.tflite '*kernel*' '*bias*' --exclude '*bn*' -o weights/ --dequantize\n"
  "  unflow extract model.tflite --kind all --input x=x.npy -o everything.npz --compress\n"
  "  unflow extract model.tflite --kind resource --signature train -i batch.npz --steps 50 -o w.npz\n";

/* One array to be written. */
typedef struct item {
  const char *name;        /* in the output */
  const char *tensor_name; /* in the model */
  const char *kind;
  int32_t graph, index;    /* a tensor, or */
  int32_t state;           /* a variable or table; -1: a tensor */
  bool keys;
  bool constant;
  uint64_t bytes;          /* for the progress bar */
} item;

typedef struct extract {
  const char *path, *output;
  selection s;
  run_options run;
  int level;
  bool dequantize, json;

  uf_model *model;
  uf_session *session;
  name_set *names;
  item *items;
  size_t n_items, capacity;
  uint64_t bytes;          /* of all items */
  int32_t skipped;
  int32_t skipped_items;   /* those of them that were in the list */
  char *why;               /* of the first that was skipped */

  uf_npz_writer *npz;      /* either */
  folder *folder;          /* or */
  json index;              /* what was written, to the folder's index.json */
  json said;               /* the same to stdout, for --json */
} extract;

/* ---- the list ----------------------------------------------------------------------------- */

static void add_item(extract *x, item it, const char *part) {
  if (x->n_items == x->capacity) {
    x->capacity = x->capacity ? 2 * x->capacity : 256;
    x->items = xrealloc(x->items, x->capacity, sizeof *x->items);
  }
  text name = {0};
  if (it.tensor_name[0] || it.index < 0) text_format(&name, "%s%s", it.tensor_name, part);
  else text_format(&name, "#%d", (int)it.index);
  it.name = name_set_add(x->names, name.data);
  free(name.data);
  x->bytes += it.bytes;
  x->items[x->n_items++] = it;
}

static void skip(extract *x, const char *name, const char *why) {
  text words = {0};
  text_format(&words, "'%s': %s", name, why);
  if (x->skipped++ == 0) x->why = words.data;
  else free(words.data);
}

static bool has_file_value(kind k) { return k == KIND_CONSTANT || k == KIND_STATE; }

static bool list_graph(extract *x, int32_t graph, const ports *p) {
  uf_error error = {0};
  graph_view g;
  if (!graph_view_create(x->model, graph, &g, &error)) {
    fail_error(&error);
    return false;
  }
  for (int32_t i = 0; i < g.info.n_values; i++) {
    kind k = g.kinds[i];
    const char *name = g.values[i].name;
    if (!(x->s.kinds >> k & 1) || k == KIND_RESOURCE || k == KIND_UNUSED) continue;
    if (!has_file_value(k) && (!x->run.run || graph != p->graph)) continue;
    if (g.values[i].dtype == UF_RESOURCE || g.values[i].dtype == UF_VARIANT) continue;
    if (!selection_has(&x->s, name)) continue;
    uint64_t bytes = g.bytes[i] > 0 ? (uint64_t)g.bytes[i] : 1;
    add_item(x, (item){.tensor_name = name, .kind = kind_name(k), .graph = graph, .index = i,
                       .state = -1, .constant = k == KIND_CONSTANT, .bytes = bytes}, "");
  }
  graph_view_free(&g);
  return true;
}

/* Variables and tables. That they cannot be had (an initialiser does not run) is
 * no reason not to write the constants. */
static void list_states(extract *x) {
  int32_t n = 0;
  uf_error error = {0};
  if (uf_session_state_count(x->session, &n, &error) != UF_OK) skip(x, "variables", error.message);
  for (int32_t i = 0; i < n; i++) {
    uf_state_info info;
    if (uf_session_state(x->session, i, &info, NULL) != UF_OK) continue;
    if (info.kind == UF_STATE_TENSOR || !selection_has(&x->s, info.name)) continue;
    bool is_table = info.kind == UF_STATE_TABLE;
    if (!info.initialized) {
      skip(x, info.name, is_table ? "an empty table" : "a variable that was never assigned");
      continue;
    }
    item it = {.tensor_name = info.name, .kind = is_table ? "table" : "variable", .graph = -1,
               .index = -1, .state = i, .bytes = 1};
    add_item(x, it, is_table ? "/values" : "");
    it.keys = true;
    if (is_table) add_item(x, it, "/keys");
  }
}

static bool list_all(extract *x, const ports *p) {
  uf_model_info info;
  uf_model_describe(x->model, &info);
  for (int32_t g = 0; g < info.n_graphs; g++)
    if ((x->run.graph < 0 || x->run.graph == g) && !list_graph(x, g, p)) return false;
  if (x->s.kinds >> KIND_RESOURCE & 1) list_states(x);
  if (x->n_items > 0) return true;
  fail("%s: expected tensors to write, found none%s; see 'unflow ls'", x->path,
       x->s.n_include ? " of these names" : "");
  if (x->skipped) note("not written: %s", x->why);
  return false;
}

/* ---- writing ------------------------------------------------------------------------------- */

static uf_status read_item(extract *x, const item *it, uf_tensor *out, uf_error *error) {
  if (it->state >= 0)
    return it->keys ? uf_session_state_keys(x->session, it->state, out, error)
                    : uf_session_state_read(x->session, it->state, out, error);
  if (it->constant) return uf_model_constant(x->model, it->graph, it->index, out, error);
  return uf_session_read(x->session, it->graph, it->index, out, error);
}

static void index_item(json *j, const item *it, const uf_tensor *t, const uf_quant *quant,
                       uf_dtype dtype, const char *file) {
  json_object(j, NULL, true);
  json_string(j, file ? "file" : "array", file ? file : it->name);
  json_string(j, "tensor", it->tensor_name);
  json_string(j, "kind", it->kind);
  if (it->index >= 0) json_int(j, "graph", it->graph);
  if (it->index >= 0) json_int(j, "index", it->index);
  json_string(j, "dtype", uf_dtype_name(t->dtype));
  if (dtype != t->dtype) json_string(j, "dequantized_from", uf_dtype_name(dtype));
  json_dims(j, "shape", t->rank, t->dims);
  json_quant(j, "quantization", quant, true);
  json_end(j, '}');
}

/* False after a message. */
static bool write_item(extract *x, const item *it) {
  uf_error error = {0};
  uf_tensor t = {0};
  if (read_item(x, it, &t, &error) != UF_OK) {
    /* A branch that was not taken has no values. */
    if (!it->constant && error.status == UF_FAILED_PRECONDITION) {
      skip(x, it->name, error.message);
      x->skipped_items++;
      return true;
    }
    fail("'%s': %s", it->name, error.message);
    return false;
  }
  const uf_quant *quant = t.quant;
  uf_dtype dtype = t.dtype;
  const char *file = NULL;
  bool good = !x->dequantize || dequantize(&t, it->name);
  if (good && x->npz) good = uf_npz_add(x->npz, it->name, &t, &error) == UF_OK;
  else if (good) good = (file = folder_add(x->folder, it->name, &t, &error)) != NULL;
  if (!good && error.message[0]) fail("'%s': %s", it->name, error.message);
  if (good && x->index.out) index_item(&x->index, it, &t, quant, dtype, file);
  if (good && x->json) index_item(&x->said, it, &t, quant, dtype, file);
  uf_tensor_release(&t);
  return good;
}

static bool open_output(extract *x) {
  uf_error error = {0};
  if (!ends_with(x->output, ".npz")) {
    x->folder = folder_create(x->output);
    x->index.out = x->folder ? folder_open(x->folder, "index.json") : NULL;
    if (!x->index.out) folder_abandon(x->folder);
    return x->index.out != NULL;
  }
  if (uf_npz_create(x->output, x->level, &x->npz, &error) == UF_OK) return true;
  fail_error(&error);
  return false;
}

static void open_lists(extract *x) {
  if (x->index.out) json_array(&x->index, NULL, false);
  if (!x->json) return;
  x->said.out = stdout;
  json_object(&x->said, NULL, false);
  json_string(&x->said, "path", x->output);
  json_array(&x->said, "arrays", false);
}

static bool close_lists(extract *x, bool good) {
  if (x->json) {
    json_end(&x->said, ']');
    json_int(&x->said, "skipped", x->skipped);
    json_end(&x->said, '}');
  }
  if (!x->index.out) return good;
  json_end(&x->index, ']');
  bool written = !ferror(x->index.out);
  written &= fclose(x->index.out) == 0;
  if (good && !written) fail("expected to write index.json, found an error; is the disk full?");
  return good && written;
}

static bool close_output(extract *x, bool good) {
  uf_error error = {0};
  if (x->npz && good) {
    good = uf_npz_finish(x->npz, &error) == UF_OK;
    if (!good) fail_error(&error);
  } else {
    uf_npz_abandon(x->npz);
  }
  if (x->folder && good) good = folder_finish(x->folder);
  else folder_abandon(x->folder);
  return good;
}

static int write_all(extract *x) {
  interrupt_catch();
  bool good = open_output(x);
  if (!good) return EXIT_FAILED; /* with nothing to close */
  open_lists(x);
  progress_start(x->output, x->bytes);
  for (size_t i = 0; i < x->n_items && good && !interrupted(); i++) {
    good = write_item(x, &x->items[i]);
    progress_add(x->items[i].bytes);
  }
  progress_end();
  good = close_lists(x, good);
  good = close_output(x, good && !interrupted());
  if (interrupted()) return EXIT_INTERRUPTED;
  return good ? EXIT_OK : EXIT_FAILED;
}

/* ---- the command ------------------------------------------------------------------------------ */

static void report(const extract *x) {
  size_t n = x->n_items - (size_t)x->skipped_items;
  if (!x->json) printf("wrote %zu array%s to %s\n", n, n == 1 ? "" : "s", x->output);
  if (x->skipped) note("%d not written, such as %s", (int)x->skipped, x->why);
}

static int extract_from(extract *x) {
  uf_error error = {0};
  ports p = {0};
  if (!ports_create(x->model, &x->run, &p, &error)) return fail_error(&error);
  x->names = name_set_create();
  x->run.keep_all = x->s.kinds >> KIND_INTERMEDIATE & 1;
  int code = EXIT_FAILED;
  if (run_model(x->model, &x->run, &p, &x->session) && list_all(x, &p)) code = write_all(x);
  if (code == EXIT_OK) report(x);
  uf_session_release(x->session);
  ports_free(&p);
  name_set_free(x->names);
  free(x->items);
  free(x->why);
  return code;
}

static int take_option(extract *x, int c, char **argv) {
  int64_t level = 6;
  switch (c) {
    case 'o': x->output = optarg; return EXIT_OK;
    case 'g': selection_include(&x->s, optarg); return EXIT_OK;
    case 'x': selection_exclude(&x->s, optarg); return EXIT_OK;
    case 'k':
      if (kinds_parse(optarg, &x->s.kinds)) return EXIT_OK;
      return usage("extract", "--kind does not know '%s'", optarg);
    case 'd': x->dequantize = true; return EXIT_OK;
    case 'j': x->json = true; return EXIT_OK;
    case 'c':
      /* `--compress 9` too: the level is the next word if it is one. */
      if (optarg && !parse_int(optarg, 1, 12, &level))
        return usage("extract", "--compress wants a level from 1 to 12, not '%s'", optarg);
      if (!optarg && argv[optind] && parse_int(argv[optind], 1, 12, &level)) optind++;
      x->level = (int)level;
      return EXIT_OK;
    default: {
      int code = run_option(&x->run, "extract", c, optarg);
      return code < 0 ? usage_getopt(argv, c) : code;
    }
  }
}

static bool is_folder_path(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 ? S_ISDIR(info.st_mode) : ends_with(path, "/");
}

static int check(extract *x, int argc, char **argv) {
  const unsigned of_run = 1u << KIND_INPUT | 1u << KIND_OUTPUT | 1u << KIND_INTERMEDIATE;
  const unsigned usual = 1u << KIND_CONSTANT | 1u << KIND_STATE | 1u << KIND_RESOURCE;
  if (optind == argc) return usage("extract", "which model?");
  x->path = argv[optind++];
  for (; optind < argc; optind++) selection_include(&x->s, argv[optind]);
  if (!x->output) return usage("extract", "where to? give -o OUT.npz or -o FOLDER/");
  bool npz = ends_with(x->output, ".npz");
  if (!npz && !is_folder_path(x->output))
    return usage("extract", "-o wants OUT.npz, or FOLDER/ with a / at its end, not '%s'", x->output);
  if (!npz && x->level) return usage("extract", "--compress is for a .npz");
  if ((x->s.kinds & of_run) && !x->run.run)
    return usage("extract", "inputs, outputs and intermediates have values in a run only: "
                 "give --input, --random or --run");
  if (!x->s.kinds) x->s.kinds = usual;
  return EXIT_OK;
}

int cmd_extract(int argc, char **argv) {
  static const struct option options[] = {
    {"output", required_argument, NULL, 'o'},   {"glob", required_argument, NULL, 'g'},
    {"exclude", required_argument, NULL, 'x'},  {"kind", required_argument, NULL, 'k'},
    {"dequantize", no_argument, NULL, 'd'},     {"compress", optional_argument, NULL, 'c'},
    {"json", no_argument, NULL, 'j'},           {"help", no_argument, NULL, 'h'},
    RUN_LONG_OPTIONS, {0}};
  extract x = {.run = run_options_default()};
  int code = EXIT_OK;
  for (int c; code == EXIT_OK && (c = getopt_long(argc, argv, ":hjo:i:", options, NULL)) != -1;) {
    if (c == 'h') {
      fputs(help, stdout);
      fputs(run_options_help, stdout);
      fputs(help_end, stdout);
      selection_free(&x.s);
      run_options_free(&x.run);
      return EXIT_OK;
    }
    code = take_option(&x, c, argv);
  }
  if (code == EXIT_OK) code = check(&x, argc, argv);
  x.model = code == EXIT_OK ? open_model(x.path) : NULL;
  if (x.model) code = extract_from(&x);
  else if (code == EXIT_OK) code = EXIT_FAILED;
  uf_model_release(x.model);
  selection_free(&x.s);
  run_options_free(&x.run);
  return code;
}
