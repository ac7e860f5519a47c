/* SPDX-License-Identifier: Apache-2.0
 *
 * sources.c: what of a source a command takes, and under which names.
 *
 * Patterns are compared with the name that is shown and with the key in the file. What no
 * model has (the object graph, counters of the saver) is left out unless it is named whole or
 * --all is given.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

bool is_model(const char *path) {
  char head[8] = "";
  FILE *file = fopen(path, "rb");
  if (!file) return false;
  size_t n = fread(head, 1, sizeof head, file);
  fclose(file);
  return n == sizeof head && memcmp(head + 4, "TFL3", 4) == 0;
}

uf_source *open_source(const char *path) {
  uf_source *source = NULL;
  uf_error error = {0};
  if (uf_source_open(path, NULL, &source, &error) == UF_OK) return source;
  fail_error(&error);
  return NULL;
}

bool naming_parse(naming *n, const char *word) {
  static const char *const words[] = {"variable", "key", "path"};
  for (size_t i = 0; i < COUNT(words); i++)
    if (strcmp(word, words[i]) == 0) {
      n->names = (int)i;
      return true;
    }
  return false;
}

bool roles_parse(const char *words, unsigned *bits_out) {
  unsigned bits = 0;
  while (*words) {
    size_t size = strcspn(words, ",");
    unsigned bit = 0;
    for (int r = 0; r <= UF_ROLE_META; r++) {
      const char *name = uf_role_name((uf_role)r);
      if (strlen(name) == size && memcmp(name, words, size) == 0) bit = 1u << r;
    }
    if (!bit) return false;
    bits |= bit;
    words += size + (words[size] == ',');
  }
  *bits_out = bits;
  return bits != 0;
}

static const char *name_of(const naming *n, const uf_variable *v) {
  if (n->names == NAMES_KEY) return v->entry->name;
  return n->names == NAMES_PATH && v->path ? v->path : v->name;
}

static bool is_named_whole(const selection *s, const char *name) {
  for (int32_t i = 0; i < s->n_include; i++)
    if (strcmp(s->include[i], name) == 0) return true;
  return false;
}

static bool selected(const selection *s, const char *name, const char *key) {
  selection only = *s;
  only.n_exclude = 0;
  if (!selection_has(&only, name) && !selection_has(&only, key)) return false;
  only = *s;
  only.n_include = 0;
  return selection_has(&only, name) && selection_has(&only, key);
}

static bool role_taken(const naming *n, const selection *s, const uf_variable *v, const char *name) {
  if (n->roles) return n->roles >> v->role & 1;
  if (v->role == UF_ROLE_AVERAGE) return !n->ema || v->of < 0;
  if (n->no_slots && (v->role == UF_ROLE_SLOT || v->role == UF_ROLE_OPTIMIZER || v->role == UF_ROLE_META))
    return false;
  if (v->role != UF_ROLE_META || n->all) return true;
  return is_named_whole(s, name) || is_named_whole(s, v->entry->name);
}

/* Two names that a rule made one are a mistake in the rule. */
static bool rename_all(const naming *n, taken_list *t) {
  name_set *results = name_set_create();
  bool good = true;
  if (n->rules) t->renamed = xcalloc(t->n, sizeof *t->renamed);
  for (size_t i = 0; n->rules && i < t->n && good; i++) {
    text name = {0};
    rename_apply(n->rules, t->list[i].name, &name);
    t->renamed[i] = name.data;
    good = strcmp(name_set_add(results, name.data), name.data) == 0;
    for (size_t k = 0; !good && k < i; k++)
      if (strcmp(t->renamed[k], name.data) == 0) {
        fail("expected rules that give each array a name of its own, found '%s' for both '%s' and '%s'; "
             "change --rename", name.data, t->list[k].name, t->list[i].name);
        break;
      }
  }
  for (size_t i = 0; n->rules && good && i < t->n; i++) t->list[i].name = t->renamed[i];
  name_set_free(results);
  return good;
}

bool take(uf_source *source, const selection *s, const naming *n, taken_list *out) {
  uf_error error = {0};
  taken_list t = {0};
  if (uf_source_variables(source, &t.variables, &t.n_variables, &error) != UF_OK) {
    fail_error(&error);
    return false;
  }
  t.list = xcalloc(t.n_variables, sizeof *t.list);
  t.names = name_set_create();
  for (size_t i = 0; i < t.n_variables; i++) {
    const uf_variable *v = &t.variables[i];
    const char *name = name_of(n, v);
    if (!selected(s, name, v->entry->name)) continue;
    if (!role_taken(n, s, v, name)) {
      t.n_left_out++;
      continue;
    }
    const uf_entry *entry = n->ema && v->average >= 0 ? t.variables[v->average].entry : v->entry;
    t.list[t.n++] = (taken){v, entry, name_set_add(t.names, name)};
  }
  *out = t;
  if (rename_all(n, out)) return true;
  taken_free(out);
  return false;
}

void taken_free(taken_list *t) {
  for (size_t i = 0; t->renamed && i < t->n; i++) free(t->renamed[i]);
  free(t->renamed);
  free(t->list);
  name_set_free(t->names);
  *t = (taken_list){0};
}

void json_entry(json *j, const uf_variable *variables, const taken *t) {
  const uf_variable *v = t->variable;
  const uf_entry *e = t->entry;
  json_string(j, "name", t->name);
  json_string(j, "key", e->name);
  if (v->path) json_string(j, "path", v->path);
  else json_null(j, "path");
  json_array(j, "aliases", true);
  for (int32_t i = 0; i < v->n_aliases; i++) json_string(j, NULL, v->aliases[i]);
  json_end(j, ']');
  json_string(j, "role", uf_role_name(v->role));
  if (v->slot) json_string(j, "slot", v->slot);
  if (v->of >= 0) json_string(j, "of", variables[v->of].name);
  json_string(j, "dtype", uf_dtype_name(e->dtype));
  json_dims(j, "shape", e->rank, e->dims);
  json_uint(j, "bytes", e->size);
  json_int(j, "pieces", e->n_pieces);
  if (e->file) {
    json_string(j, "file", e->file);
    json_uint(j, "offset", e->offset);
  }
  json_quant(j, "quantization", e->quant, false);
}
