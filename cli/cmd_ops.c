/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_ops.c: `unflow ops`, the ops that can run.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const char help[] =
  "usage: unflow ops [--tensorflow | --missing] [--json] [GLOB...]\n"
  "\n"
  "Lists the ops that can run: name, TensorFlow Lite's builtin code (- for others) and the\n"
  "TensorFlow ops that mean the same.\n"
  "\n"
  "      --tensorflow  TensorFlow's ops instead, with what each takes, gives and is told\n"
  "      --missing     those of TensorFlow's ops that are known but cannot run\n"
  "      --json        print JSON\n"
  "\n"
  "examples:\n"
  "  unflow ops\n"
  "  unflow ops 'CONV*' '*LSTM*'\n"
  "  unflow ops --tensorflow 'Resource*'\n";

static void print_json(const selection *s) {
  json j = {.out = stdout};
  int32_t code;
  const char *tf, *name;
  json_array(&j, NULL, false);
  for (int32_t i = 0; (name = uf_op_name(i, &code, &tf)); i++) {
    if (!selection_has(s, name)) continue;
    json_object(&j, NULL, true);
    json_string(&j, "name", name);
    if (code >= 0) json_int(&j, "tflite_code", code);
    else json_null(&j, "tflite_code");
    json_array(&j, "tensorflow", true);
    for (const char *p = tf; *p; p += strspn(p, " ")) {
      size_t size = strcspn(p, " ");
      if (size) json_bytes(&j, NULL, p, size);
      p += size;
    }
    json_end(&j, ']');
    json_end(&j, '}');
  }
  json_end(&j, ']');
}

static void print_table(const selection *s) {
  static const char *const headers[] = {"CODE", "OP", "TENSORFLOW"};
  table *t = table_create(headers, "rll");
  int32_t code, n = 0;
  const char *tf, *name;
  for (int32_t i = 0; (name = uf_op_name(i, &code, &tf)); i++) {
    if (!selection_has(s, name)) continue;
    n++;
    if (code >= 0) table_cell(t, "%d", (int)code);
    else table_cell(t, "-");
    table_cell(t, "%s", name);
    table_cell(t, "%s", tf);
  }
  table_print(t, stdout);
  printf("\n%d ops\n", (int)n);
}

/* ---- TensorFlow's ops, by their signatures ---- */

typedef struct tf_op {
  const char *name, *inputs, *outputs, *attrs;
  bool is_stateful, runs;
} tf_op;

/* The next op from *i on that is wanted: one that runs, or one that does not. */
static bool next_tf_op(const selection *s, bool missing, int32_t *i, tf_op *op) {
  while ((op->name = uf_tf_op(*i, &op->inputs, &op->outputs, &op->attrs, &op->is_stateful, &op->runs))) {
    (*i)++;
    if (op->runs != missing && selection_has(s, op->name)) return true;
  }
  return false;
}

static void print_tf_json(const selection *s, bool missing) {
  json j = {.out = stdout};
  tf_op op;
  json_array(&j, NULL, false);
  for (int32_t i = 0; next_tf_op(s, missing, &i, &op);) {
    json_object(&j, NULL, true);
    json_string(&j, "name", op.name);
    json_string(&j, "inputs", op.inputs);
    json_string(&j, "outputs", op.outputs);
    json_string(&j, "attributes", op.attrs);
    json_bool(&j, "stateful", op.is_stateful);
    json_bool(&j, "runs", op.runs);
    json_end(&j, '}');
  }
  json_end(&j, ']');
}

static void print_tf_table(const selection *s, bool missing) {
  static const char *const headers[] = {"OP", "TAKES", "GIVES"};
  table *t = table_create(headers, "lll");
  int32_t n = 0;
  tf_op op;
  for (int32_t i = 0; next_tf_op(s, missing, &i, &op); n++) {
    table_cell(t, "%s", op.name);
    table_cell(t, "%s", op.inputs);
    table_cell(t, "%s", op.outputs);
  }
  table_print(t, stdout);
  printf("\n%d TensorFlow ops%s\n", (int)n, missing ? " that cannot run" : "");
}

int cmd_ops(int argc, char **argv) {
  static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {"tensorflow", no_argument, NULL, 't'},
                                          {"missing", no_argument, NULL, 'm'}, {"help", no_argument, NULL, 'h'}, {0}};
  bool as_json = false, tensorflow = false, missing = false;
  for (int c; (c = getopt_long(argc, argv, ":hj", options, NULL)) != -1;) {
    if (c == 'h') return fputs(help, stdout) < 0;
    if (c == 'j') as_json = true;
    else if (c == 't') tensorflow = true;
    else if (c == 'm') missing = true;
    else return usage_getopt(argv, c);
  }
  if (tensorflow && missing) return usage("ops", "--tensorflow and --missing cannot be used together");
  selection s = {0};
  for (; optind < argc; optind++) selection_include(&s, argv[optind]);
  if (as_json && (tensorflow || missing)) print_tf_json(&s, missing);
  else if (tensorflow || missing) print_tf_table(&s, missing);
  else if (as_json) print_json(&s);
  else print_table(&s);
  selection_free(&s);
  return EXIT_OK;
}
