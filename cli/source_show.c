/* SPDX-License-Identifier: Apache-2.0
 *
 * source_show.c: `unflow show` of an array of a checkpoint, graph or archive, or of a part of it,
 * which is all that is read then.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

typedef struct found {
  const uf_variable *variables, *variable;
  const uf_entry *entry;
  uf_region region;
  bool is_part;
} found;

/* ---- finding -------------------------------------------------------------------------------- */

static bool is_called(const uf_variable *v, const char *name) {
  if (strcmp(v->name, name) == 0 || strcmp(v->entry->name, name) == 0) return true;
  if (v->path && strcmp(v->path, name) == 0) return true;
  for (int32_t i = 0; i < v->n_aliases; i++)
    if (strcmp(v->aliases[i], name) == 0) return true;
  return false;
}

/* By key, variable's name, path or alias. */
static bool find(uf_source *source, const char *name, found *out, uf_error *error) {
  size_t n;
  if (uf_source_variables(source, &out->variables, &n, error) != UF_OK) return false;
  for (size_t i = 0; i < n; i++)
    if (is_called(&out->variables[i], name)) {
      out->variable = &out->variables[i];
      out->entry = out->variable->entry;
      return true;
    }
  return uf_source_find(source, name, &out->entry, error) == UF_OK; /* it lists near names */
}

/* "2:5", "3", ":" and the like for a dimension of that extent, as in NumPy. */
static bool parse_range(const char *words, size_t size, int64_t extent, int64_t *start, int64_t *length) {
  char s[64], *colon;
  int64_t a = 0, b = extent;
  while (size > 0 && *words == ' ') { words++; size--; }
  while (size > 0 && words[size - 1] == ' ') size--;
  if (size >= sizeof s) return false;
  memcpy(s, words, size);
  s[size] = '\0';
  colon = strchr(s, ':');
  if (colon) *colon = '\0';
  if ((*s || !colon) && !parse_int(s, INT64_MIN, INT64_MAX, &a)) return false;
  if (colon && colon[1] && !parse_int(colon + 1, INT64_MIN, INT64_MAX, &b)) return false;
  if (a < 0) a += extent;
  if (b < 0) b += extent;
  if (!colon) {
    if (a < 0 || a >= extent) return false;
    b = a + 1;
  }
  a = MIN(MAX(a, 0), extent);
  b = MIN(MAX(b, a), extent);
  *start = a;
  *length = b - a;
  return true;
}

/* The words between the brackets. */
static bool parse_region(const char *words, size_t size, const uf_entry *e, uf_region *out) {
  int32_t axis = 0;
  for (int32_t i = 0; i < e->rank; i++) {
    out->start[i] = 0;
    out->extent[i] = e->dims[i];
  }
  for (;;) {
    const char *comma = memchr(words, ',', size);
    size_t part = comma ? (size_t)(comma - words) : size;
    if (axis == e->rank || !parse_range(words, part, e->dims[axis], &out->start[axis], &out->extent[axis]))
      return false;
    axis++;
    if (!comma) return true;
    words += part + 1;
    size -= part + 1;
  }
}

/* Names may have brackets, so the whole is tried first. */
static bool find_part(uf_source *source, const char *words, found *out) {
  uf_error error = {0};
  if (find(source, words, out, &error)) return true;
  const char *open = strrchr(words, '[');
  size_t size = strlen(words);
  if (open && words[size - 1] == ']') {
    char *name = xstrdup(words);
    name[open - words] = '\0';
    uf_error again = {0};
    bool good = find(source, name, out, &again);
    free(name);
    if (good && parse_region(open + 1, size - (size_t)(open - words) - 2, out->entry, &out->region)) {
      out->is_part = true;
      return true;
    }
    if (good) {
      text shape = {0};
      text_shape(&shape, out->entry->rank, out->entry->dims);
      fail("expected a part of %s such as [2:5, :, 0], found '%s'", shape.data, open);
      free(shape.data);
      return false;
    }
  }
  fail_error(&error);
  return false;
}

/* ---- printing ----------------------------------------------------------------------------------- */

static void print_line(const char *label, text *value) { print_field(8, label, value); }

static void print_names(const found *f) {
  const uf_variable *v = f->variable;
  const uf_entry *e = f->entry;
  text line = {0};
  text_name(&line, v ? v->name : e->name);
  print_line("name", &line);
  if (v && strcmp(v->name, e->name) != 0) {
    text_name(&line, e->name);
    print_line("key", &line);
  }
  for (int32_t i = -1; v && i < v->n_aliases; i++) {
    if (i < 0 && !v->path) continue;
    text_name(&line, i < 0 ? v->path : v->aliases[i]);
    print_line(i < 0 ? "path" : "alias", &line);
  }
  if (!v) return;
  text_string(&line, uf_role_name(v->role));
  if (v->slot) text_format(&line, " %s", v->slot);
  if (v->of >= 0) {
    text_string(&line, " of ");
    text_name(&line, f->variables[v->of].name);
  }
  print_line("role", &line);
}

static void print_details(const found *f, const uf_tensor *t, uf_dtype dtype) {
  const uf_entry *e = f->entry;
  text line = {0};
  print_names(f);
  text_string(&line, uf_dtype_name(dtype));
  if (t->dtype != dtype) text_format(&line, " as %s", uf_dtype_name(t->dtype));
  print_line("dtype", &line);
  text_shape(&line, t->rank, t->dims);
  if (f->is_part) {
    text_string(&line, " of ");
    text_shape(&line, e->rank, e->dims);
  }
  text_string(&line, ", ");
  text_count(&line, (uint64_t)uf_tensor_count(t));
  text_string(&line, " elements, ");
  text_bytes(&line, t->size);
  print_line("shape", &line);
  if (e->file) {
    text_name(&line, e->file);
    text_format(&line, ", offset %llu", (unsigned long long)e->offset);
    print_line("file", &line);
  }
  if (e->quant && e->quant->count > 0) {
    text_quant(&line, e->quant);
    print_line("quant", &line);
  }
  if (print_range(t, &line)) print_line("range", &line);
  free(line.data);
}

static void print_json(const found *f, const uf_tensor *t, uf_dtype dtype) {
  json j = {.out = stdout};
  taken one = {f->variable, f->entry, f->variable ? f->variable->name : f->entry->name};
  json_object(&j, NULL, false);
  if (f->variable) json_entry(&j, f->variables, &one);
  else json_string(&j, "name", f->entry->name);
  json_string(&j, "value_dtype", uf_dtype_name(t->dtype));
  json_dims(&j, "value_shape", t->rank, t->dims);
  json_tensor(&j, "value", t);
  json_end(&j, '}');
}

static int show(const found *f, uf_tensor *t, bool full, bool dequantized, bool as_json) {
  uf_dtype dtype = t->dtype;
  if (dtype == UF_RESOURCE || dtype == UF_VARIANT)
    return fail("'%s': expected numbers or strings, found %s, which has no value in a file", f->entry->name,
                uf_dtype_name(dtype));
  if (dequantized && !dequantize(t, f->entry->name)) return EXIT_FAILED;
  if (as_json) {
    print_json(f, t, dtype);
    return EXIT_OK;
  }
  print_details(f, t, dtype);
  puts("");
  print_array(t, full ? INT64_MAX : 1000, stdout);
  return EXIT_OK;
}

int source_show(const char *path, const char *name, bool full, bool dequantized, bool as_json) {
  uf_error error = {0};
  found f = {0};
  uf_tensor t = {0};
  int code = EXIT_FAILED;
  uf_source *source = open_source(path);
  if (source && find_part(source, name, &f)) {
    const uf_region *region = f.is_part ? &f.region : NULL;
    if (uf_source_read(source, f.entry, region, UF_READ_VERIFY, &t, &error) != UF_OK)
      code = fail_error(&error);
    else
      code = show(&f, &t, full, dequantized, as_json);
    uf_tensor_release(&t);
  }
  uf_source_release(source);
  return code;
}
