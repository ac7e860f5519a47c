/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_run.c: `unflow run`, a model on arrays.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const char help[] =
  "usage: unflow run [OPTION...] MODEL\n"
  "\n"
  "Runs a model on arrays from files, or on random ones, and prints its outputs or writes\n"
  "them to a .npz under their names (or to a .npy, if there is one output).\n"
  "\n"
  "  -o, --output FILE           where the outputs go\n";
static const char help_end[] =
  "      --compress[=LEVEL]      compress the .npz, level 1 to 12 (default 6)\n"
  "      --dequantize            real values in place of quantized ones\n"
  "      --full                  print all elements, however many\n"
  "      --json                  print JSON (the values too, unless there is an --output)\n"
  "\n"
  "Names are those of the signature where there is one; the tensors' own are known too.\n"
  "\n"
  "examples:\n"
  "  unflow run model.tflite --random 1\n"
  "  unflow run model.tflite --input image=cat.npy -o out.npz\n"
  "  unflow run model.tflite -i in.npz --signature train --steps 100 --json\n"
  "  unflow run model.tflite --resize x=4,224,224,3 --random 7 --threads 2 -o out.npz\n";

typedef struct run {
  const char *path, *output;
  run_options options;
  int level;
  bool dequantize, full, json;
} run;

/* ---- outputs ------------------------------------------------------------------------------- */

static void outputs_free(uf_tensor *outputs, int32_t n) {
  for (int32_t i = 0; i < n; i++) uf_tensor_release(&outputs[i]);
  free(outputs);
}

static uf_tensor *outputs_read(const run *r, uf_session *session, const ports *p) {
  uf_tensor *outputs = xcalloc((size_t)p->n_out, sizeof *outputs);
  for (int32_t i = 0; i < p->n_out; i++) {
    uf_error error = {0};
    bool good = uf_session_read(session, p->graph, p->out[i].value, &outputs[i], &error) == UF_OK;
    if (!good) fail_error(&error);
    if (good && r->dequantize) good = dequantize(&outputs[i], p->out[i].name);
    if (!good) {
      outputs_free(outputs, p->n_out);
      return NULL;
    }
  }
  return outputs;
}

static bool write_npz(const run *r, const ports *p, const uf_tensor *outputs, uf_error *error) {
  uf_npz_writer *writer = NULL;
  if (uf_npz_create(r->output, r->level, &writer, error) != UF_OK) return false;
  name_set *names = name_set_create();
  bool good = true;
  for (int32_t i = 0; i < p->n_out && good; i++)
    good = uf_npz_add(writer, name_set_add(names, p->out[i].name), &outputs[i], error) == UF_OK;
  name_set_free(names);
  if (good) return uf_npz_finish(writer, error) == UF_OK;
  uf_npz_abandon(writer);
  return false;
}

static bool write_outputs(const run *r, const ports *p, const uf_tensor *outputs) {
  uf_error error = {0};
  bool npy = ends_with(r->output, ".npy");
  if (npy && p->n_out != 1) {
    fail("expected one output to write to '%s', found %d; give a .npz", r->output, (int)p->n_out);
    return false;
  }
  bool good = npy ? uf_npy_save(r->output, &outputs[0], &error) == UF_OK
                  : write_npz(r, p, outputs, &error);
  if (!good) fail_error(&error);
  return good;
}

/* ---- printing -------------------------------------------------------------------------------- */

static void print_json(const run *r, const ports *p, const uf_tensor *outputs) {
  json j = {.out = stdout};
  json_object(&j, NULL, false);
  json_int(&j, "graph", p->graph);
  json_int(&j, "steps", r->options.steps);
  if (r->output) json_string(&j, "path", r->output);
  json_array(&j, "outputs", false);
  for (int32_t i = 0; i < p->n_out; i++) {
    const uf_tensor *t = &outputs[i];
    json_object(&j, NULL, true);
    json_string(&j, "name", p->out[i].name);
    json_string(&j, "tensor", p->out[i].tensor_name);
    json_int(&j, "index", p->out[i].value);
    json_string(&j, "dtype", uf_dtype_name(t->dtype));
    json_dims(&j, "shape", t->rank, t->dims);
    json_quant(&j, "quantization", t->quant, true);
    if (!r->output) json_tensor(&j, "value", t);
    json_end(&j, '}');
  }
  json_end(&j, ']');
  json_end(&j, '}');
}

static void print_table(const run *r, const ports *p, const uf_tensor *outputs) {
  static const char *const headers[] = {"DTYPE", "SHAPE", "RANGE", "NAME"};
  table *t = table_create(headers, "llll");
  for (int32_t i = 0; i < p->n_out; i++) {
    text cell = {0};
    table_cell(t, "%s", uf_dtype_name(outputs[i].dtype));
    text_shape(&cell, outputs[i].rank, outputs[i].dims);
    table_text(t, &cell);
    if (!print_range(&outputs[i], &cell)) text_string(&cell, "-");
    table_text(t, &cell);
    text_name(&cell, p->out[i].name);
    table_text(t, &cell);
  }
  table_print(t, stdout);
  printf("\nwrote %d array%s to %s\n", (int)p->n_out, p->n_out == 1 ? "" : "s", r->output);
}

static void print_values(const run *r, const ports *p, const uf_tensor *outputs) {
  for (int32_t i = 0; i < p->n_out; i++) {
    text line = {0};
    text_name(&line, p->out[i].name);
    text_format(&line, "  %s  ", uf_dtype_name(outputs[i].dtype));
    text_shape(&line, outputs[i].rank, outputs[i].dims);
    if (outputs[i].quant && outputs[i].quant->count > 0) {
      text_string(&line, "  real = ");
      text_quant(&line, outputs[i].quant);
    }
    printf("%s%s\n", i ? "\n" : "", line.data);
    print_array(&outputs[i], r->full ? INT64_MAX : 1000, stdout);
    free(line.data);
  }
}

/* ---- the command -------------------------------------------------------------------------------- */

static int run_from(const run *r, uf_model *model) {
  uf_error error = {0};
  ports p = {0};
  uf_session *session = NULL;
  if (!ports_create(model, &r->options, &p, &error)) return fail_error(&error);
  bool good = run_model(model, &r->options, &p, &session);
  uf_tensor *outputs = good ? outputs_read(r, session, &p) : NULL;
  good = outputs != NULL;
  if (good && r->output) good = write_outputs(r, &p, outputs);
  if (good && r->json) print_json(r, &p, outputs);
  else if (good && r->output) print_table(r, &p, outputs);
  else if (good) print_values(r, &p, outputs);
  if (outputs) outputs_free(outputs, p.n_out);
  uf_session_release(session);
  ports_free(&p);
  return good ? EXIT_OK : EXIT_FAILED;
}

static int parse(run *r, int argc, char **argv) {
  static const struct option options[] = {
    {"output", required_argument, NULL, 'o'},   {"compress", optional_argument, NULL, 'c'},
    {"dequantize", no_argument, NULL, 'd'},     {"full", no_argument, NULL, 'f'},
    {"json", no_argument, NULL, 'j'},           {"help", no_argument, NULL, 'h'},
    RUN_LONG_OPTIONS, {0}};
  for (int c; (c = getopt_long(argc, argv, ":hjo:i:", options, NULL)) != -1;) {
    int code;
    int64_t level = 6;
    switch (c) {
      case 'h':
        fputs(help, stdout);
        fputs(run_options_help, stdout);
        fputs(help_end, stdout);
        exit(EXIT_OK);
      case 'o': r->output = optarg; break;
      case 'c':
        if (optarg && !parse_int(optarg, 1, 12, &level))
          return usage("run", "--compress wants a level from 1 to 12, not '%s'", optarg);
        r->level = (int)level;
        break;
      case 'd': r->dequantize = true; break;
      case 'f': r->full = true; break;
      case 'j': r->json = true; break;
      default:
        code = run_option(&r->options, "run", c, optarg);
        if (code != EXIT_OK) return code < 0 ? usage_getopt(argv, c) : code;
    }
  }
  if (argc - optind != 1) return usage("run", "expected one model, found %d words", argc - optind);
  if (r->output && !ends_with(r->output, ".npz") && !ends_with(r->output, ".npy"))
    return usage("run", "--output wants a .npz or a .npy, not '%s'", r->output);
  r->path = argv[optind];
  return EXIT_OK;
}

int cmd_run(int argc, char **argv) {
  run r = {.options = run_options_default()};
  r.options.run = true;
  int code = parse(&r, argc, argv);
  uf_model *model = code == EXIT_OK ? open_model(r.path) : NULL;
  if (model) code = run_from(&r, model);
  else if (code == EXIT_OK) code = EXIT_FAILED;
  uf_model_release(model);
  run_options_free(&r.options);
  return code;
}
