/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_ops.c: `unflow ops`, the ops that can run.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const char help[] =
  "usage: unflow ops [--json] [GLOB...]\n"
  "\n"
  "Lists the ops that can run: name, TensorFlow Lite's builtin code (- for custom ops)\n"
  "and the TensorFlow ops that mean the same.\n"
  "\n"
  "      --json   print JSON\n"
  "\n"
  "examples:\n"
  "  unflow ops\n"
  "  unflow ops 'CONV*' '*LSTM*'\n";

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

int cmd_ops(int argc, char **argv) {
  static const struct option options[] = {
    {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
  bool as_json = false;
  for (int c; (c = getopt_long(argc, argv, ":hj", options, NULL)) != -1;) {
    if (c == 'h') return fputs(help, stdout) < 0;
    if (c != 'j') return usage_getopt(argv, c);
    as_json = true;
  }
  selection s = {0};
  for (; optind < argc; optind++) selection_include(&s, argv[optind]);
  if (as_json) print_json(&s);
  else print_table(&s);
  selection_free(&s);
  return EXIT_OK;
}
