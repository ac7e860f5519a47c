/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_ops.c: `unflow ops`, the ops that can run and the builtins that cannot.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const char help[] =
  "usage: unflow ops [--tensorflow | --missing] [--json] [GLOB...]\n"
  "\n"
  "Lists every builtin of TensorFlow Lite by its code, then custom ops and the ops of TensorFlow\n"
  "alone (-): name, how many inputs and outputs, and the TensorFlow ops that mean the same. Of\n"
  "what cannot run it says why.\n"
  "\n"
  "      --tensorflow  TensorFlow's ops instead, with what each takes, gives and is told\n"
  "      --missing     those of TensorFlow's ops that are known but cannot run\n"
  "      --json        print JSON\n"
  "\n"
  "examples:\n"
  "  unflow ops\n"
  "  unflow ops 'CONV*' '*LSTM*'\n"
  "  unflow ops --tensorflow 'Resource*'\n";

static void json_range(json *j, const char *name, int32_t least, int32_t most) {
  json_array(j, name, true);
  json_int(j, NULL, least);
  if (most >= 0) json_int(j, NULL, most);
  else json_null(j, NULL);
  json_end(j, ']');
}

static void print_json(const selection *s) {
  json j = {.out = stdout};
  uf_op_info op;
  json_array(&j, NULL, false);
  for (int32_t i = 0; uf_op_about(i, &op); i++) {
    if (!selection_has(s, op.name)) continue;
    json_object(&j, NULL, true);
    json_string(&j, "name", op.name);
    if (op.tflite_code >= 0) json_int(&j, "tflite_code", op.tflite_code);
    else json_null(&j, "tflite_code");
    if (op.custom_name[0]) json_string(&j, "custom", op.custom_name);
    json_array(&j, "tensorflow", true);
    for (const char *p = op.tf_names; *p; p += strspn(p, " ")) {
      size_t size = strcspn(p, " ");
      if (size) json_bytes(&j, NULL, p, size);
      p += size;
    }
    json_end(&j, ']');
    json_bool(&j, "runs", op.missing == NULL);
    if (op.missing) {
      json_string(&j, "why", op.missing);
    } else {
      json_range(&j, "inputs", op.min_in, op.max_in);
      json_range(&j, "outputs", op.min_out, op.max_out);
    }
    json_end(&j, '}');
  }
  json_end(&j, ']');
}

/* "2", "2-3" or "2+". */
static void range_cell(table *t, int32_t least, int32_t most) {
  if (most < 0) table_cell(t, "%d+", (int)least);
  else if (least == most) table_cell(t, "%d", (int)least);
  else table_cell(t, "%d-%d", (int)least, (int)most);
}

static void print_table(const selection *s) {
  static const char *const headers[] = {"CODE", "OP", "IN", "OUT", "TENSORFLOW"};
  table *t = table_create(headers, "rlrrl");
  int32_t n = 0, missing = 0;
  uf_op_info op;
  for (int32_t i = 0; uf_op_about(i, &op); i++) {
    if (!selection_has(s, op.name)) continue;
    if (op.tflite_code >= 0) table_cell(t, "%d", (int)op.tflite_code);
    else table_cell(t, "-");
    table_cell(t, "%s", op.name);
    if (op.missing) {
      missing++;
      table_cell(t, "-");
      table_cell(t, "-");
      table_cell(t, "cannot run: %s", op.missing);
      continue;
    }
    n++;
    range_cell(t, op.min_in, op.max_in);
    range_cell(t, op.min_out, op.max_out);
    if (op.custom_name[0]) table_cell(t, "custom op %s", op.custom_name);
    else table_cell(t, "%s", op.tf_names);
  }
  table_print(t, stdout);
  printf("\n%d ops", (int)n);
  if (missing) printf(", and %d builtins that cannot run", (int)missing);
  printf("\n");
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
