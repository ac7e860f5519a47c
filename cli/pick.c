/* SPDX-License-Identifier: Apache-2.0
 *
 * pick.c: names by shell pattern, and names that are given once.
 *
 * A * matches any characters, / included, since names of tensors are not paths.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void add(const char ***list, int32_t *n, const char *glob) {
  *list = xrealloc(*list, (size_t)*n + 1, sizeof **list);
  (*list)[(*n)++] = glob;
}

void selection_include(selection *s, const char *glob) { add(&s->include, &s->n_include, glob); }
void selection_exclude(selection *s, const char *glob) { add(&s->exclude, &s->n_exclude, glob); }

static bool matches(const char *const *globs, int32_t n, const char *name) {
  for (int32_t i = 0; i < n; i++)
    if (fnmatch(globs[i], name, 0) == 0 || strcmp(globs[i], name) == 0) return true;
  return false;
}

bool selection_has(const selection *s, const char *name) {
  if (s->n_include > 0 && !matches(s->include, s->n_include, name)) return false;
  return !matches(s->exclude, s->n_exclude, name);
}

void selection_free(selection *s) {
  free(s->include);
  free(s->exclude);
  *s = (selection){0};
}

/* ---- names given once ------------------------------------------------------------------- */

/* A hash table with open addressing; each name keeps the last number that was
 * tried for it, so that a thousand equal names take a thousand steps. */
typedef struct entry {
  char *name;
  int64_t last;
} entry;

struct name_set {
  entry *entries;
  size_t mask, count;
  uint64_t seed;
};

name_set *name_set_create(void) {
  name_set *set = xcalloc(1, sizeof *set);
  set->mask = 255;
  set->entries = xcalloc(set->mask + 1, sizeof *set->entries);
  set->seed = (uint64_t)(uintptr_t)set->entries;
  return set;
}

static entry *find(name_set *set, const char *name) {
  uint64_t hash = set->seed ^ 0xCBF29CE484222325u;
  for (const char *p = name; *p; p++) hash = (hash ^ (unsigned char)*p) * 0x100000001B3u;
  hash ^= hash >> 32;
  for (size_t i = (size_t)hash & set->mask;; i = (i + 1) & set->mask) {
    entry *e = &set->entries[i];
    if (!e->name || strcmp(e->name, name) == 0) return e;
  }
}

static void grow(name_set *set) {
  entry *old = set->entries;
  size_t n = set->mask + 1;
  set->mask = 2 * n - 1;
  set->entries = xcalloc(2 * n, sizeof *set->entries);
  for (size_t i = 0; i < n; i++)
    if (old[i].name) *find(set, old[i].name) = old[i];
  free(old);
}

const char *name_set_add(name_set *set, const char *name) {
  if (set->count >= (set->mask + 1) / 2) grow(set);
  entry *first = find(set, name), *e = first;
  text numbered = {0};
  while (e->name) {
    numbered.size = 0;
    text_format(&numbered, "%s~%lld", name, (long long)(first->last = MAX(first->last + 1, 2)));
    e = find(set, numbered.data);
  }
  e->name = numbered.data ? numbered.data : xstrdup(name);
  set->count++;
  return e->name;
}

void name_set_free(name_set *set) {
  if (!set) return;
  for (size_t i = 0; i <= set->mask; i++) free(set->entries[i].name);
  free(set->entries);
  free(set);
}
