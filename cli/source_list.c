/* SPDX-License-Identifier: Apache-2.0
 *
 * source_list.c: `unflow ls` and `unflow info` of what is no model to run: checkpoints,
 * graphs, archives.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

typedef struct totals {
  uint64_t arrays, parameters, bytes;
  uint64_t of_role[UF_ROLE_META + 1];
} totals;

static uint64_t count_of(const uf_entry *e) {
  uint64_t n = 1;
  for (int32_t i = 0; i < e->rank; i++)
    if (__builtin_mul_overflow(n, (uint64_t)e->dims[i], &n)) return UINT64_MAX;
  return n;
}

static void count(totals *t, const uf_variable *v) {
  t->arrays++;
  t->bytes += v->entry->size;
  t->of_role[v->role]++;
  if (v->role == UF_ROLE_VALUE || v->role == UF_ROLE_CONSTANT) t->parameters += count_of(v->entry);
}

static void text_role(text *t, const uf_variable *variables, const uf_variable *v) {
  text_string(t, uf_role_name(v->role));
  if (v->slot) {
    text_string(t, " ");
    text_name(t, v->slot);
  }
  if (v->of >= 0) {
    text_string(t, " of ");
    text_name(t, variables[v->of].name);
  }
}

/* ---- ls --------------------------------------------------------------------------------- */

static void add_row(table *t, const taken_list *all, const taken *x) {
  const uf_entry *e = x->entry;
  text cell = {0};
  text_role(&cell, all->variables, x->variable);
  table_text(t, &cell);
  table_cell(t, "%s", uf_dtype_name(e->dtype));
  text_shape(&cell, e->rank, e->dims);
  table_text(t, &cell);
  text_count(&cell, e->size);
  table_text(t, &cell);
  if (e->n_pieces > 1) table_cell(t, "%d", (int)e->n_pieces);
  else table_cell(t, "-");
  text_name(&cell, x->name);
  table_text(t, &cell);
}

static void print_totals(const totals *t) {
  text line = {0};
  text_string(&line, "\n");
  text_amount(&line, t->arrays, "array", t->parameters, t->bytes);
  puts(line.data);
  free(line.data);
}

static void list_text(const taken_list *t, const totals *total) {
  static const char *const headers[] = {"ROLE", "DTYPE", "SHAPE", "BYTES", "PIECES", "NAME"};
  table *rows = table_create(headers, "lllrrl");
  for (size_t i = 0; i < t->n; i++) add_row(rows, t, &t->list[i]);
  if (t->n) table_print(rows, stdout);
  else table_free(rows);
  print_totals(total);
}

static void json_totals(json *j, const totals *t) {
  json_object(j, "totals", true);
  json_uint(j, "arrays", t->arrays);
  json_uint(j, "parameters", t->parameters);
  json_uint(j, "bytes", t->bytes);
  json_end(j, '}');
}

static void json_about(json *j, const uf_source *source) {
  uf_source_info info;
  uf_source_describe(source, &info);
  json_string(j, "path", info.path);
  json_string(j, "format", info.format);
  json_string(j, "details", info.details);
}

static void list_json(const uf_source *source, const taken_list *t, const totals *total) {
  json j = {.out = stdout};
  json_object(&j, NULL, false);
  json_about(&j, source);
  json_array(&j, "arrays", false);
  for (size_t i = 0; i < t->n; i++) {
    json_object(&j, NULL, true);
    json_entry(&j, t->variables, &t->list[i]);
    json_end(&j, '}');
  }
  json_end(&j, ']');
  json_totals(&j, total);
  json_end(&j, '}');
}

int source_ls(const char *path, const selection *s, const naming *n, bool as_json) {
  taken_list t = {0};
  totals total = {0};
  uf_source *source = open_source(path);
  if (!source || !take(source, s, n, &t)) {
    uf_source_release(source);
    return EXIT_FAILED;
  }
  for (size_t i = 0; i < t.n; i++) count(&total, t.list[i].variable);
  if (as_json) list_json(source, &t, &total);
  else list_text(&t, &total);
  taken_free(&t);
  uf_source_release(source);
  return EXIT_OK;
}

/* ---- info --------------------------------------------------------------------------------- */

static void print_line(const char *label, text *value) {
  printf("%-12s %s\n", label, value->data ? value->data : "");
  free(value->data);
  *value = (text){0};
}

static void info_text(const uf_source *source, const totals *t) {
  uf_source_info info;
  text line = {0};
  uf_source_describe(source, &info);
  text_name(&line, info.path);
  print_line("path", &line);
  text_string(&line, info.format);
  if (info.details[0]) {
    text_string(&line, ", ");
    text_name(&line, info.details);
  }
  print_line("format", &line);
  text_count(&line, t->arrays);
  print_line("arrays", &line);
  for (int i = 0; i <= UF_ROLE_META; i++) {
    if (!t->of_role[i]) continue;
    char label[32];
    snprintf(label, sizeof label, "  %s", uf_role_name((uf_role)i));
    text_count(&line, t->of_role[i]);
    print_line(label, &line);
  }
  text_count(&line, t->parameters);
  print_line("parameters", &line);
  text_bytes(&line, t->bytes);
  text_format(&line, " (%llu bytes)", (unsigned long long)t->bytes);
  print_line("size", &line);
  printf("read with    unflow %s\n", uf_version());
}

static void info_json(const uf_source *source, const totals *t) {
  json j = {.out = stdout};
  json_object(&j, NULL, false);
  json_about(&j, source);
  json_object(&j, "roles", true);
  for (int i = 0; i <= UF_ROLE_META; i++)
    if (t->of_role[i]) json_uint(&j, uf_role_name((uf_role)i), t->of_role[i]);
  json_end(&j, '}');
  json_totals(&j, t);
  json_string(&j, "unflow", uf_version());
  json_end(&j, '}');
}

int source_info(const char *path, bool as_json) {
  uf_error error = {0};
  const uf_variable *variables;
  size_t n;
  totals total = {0};
  uf_source *source = open_source(path);
  if (!source) return EXIT_FAILED;
  int code = EXIT_OK;
  if (uf_source_variables(source, &variables, &n, &error) != UF_OK) {
    code = fail_error(&error);
  } else {
    for (size_t i = 0; i < n; i++) count(&total, &variables[i]);
    if (as_json) info_json(source, &total);
    else info_text(source, &total);
  }
  uf_source_release(source);
  return code;
}
